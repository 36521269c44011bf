"""Shapes of inputs that nothing states, as a reader of a lecture would guess them.

For pictures and symbols only: numbers come with data. A capital is a matrix where it stands in a product; what
is transposed, multiplied by a matrix, indexed or added to a vector is a vector; all else is a scalar. Sizes
that must agree get one symbol: for `z = W x + b; s = u^T f(z)` W is n×m, x has m entries, b and u have n.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gradcalc import syntax
from gradcalc.definitions import CONSTANTS, Definitions, children
from gradcalc.graph import Shape, Size
from gradcalc.suggest import free_name

_SYMBOLS = ("n", "m", "k", "p", "q", "r")
_VECTORS = ("softmax", "log_softmax", "logsumexp", "norm", "norm1", "norminf", "sum", "mean", "diag", "cross_entropy",
            "dot", "outer", "mse")  # fmt: skip
_MATRICES = ("inv", "det", "logdet", "trace", "tr", "adj")
_ENTRYWISE_OPERATORS = ("∘", "./")


@dataclass(eq=False)
class _Guesser:
    """Shapes by name, grown from evidence until nothing changes; sizes are kept in classes that agree."""

    tables: Definitions
    known: Mapping[str, Shape]
    shapes: dict[str, Shape] = field(default_factory=dict)
    same: dict[Size, Size] = field(default_factory=dict)
    fresh: int = 0
    changed: bool = False

    def guess(self) -> dict[str, Shape]:
        """The shapes of the names that have none."""
        for _ in range(12):
            self.changed = False
            for name, expression in self._expressions():
                shape = self._shape(expression)
                if name:
                    self.changed |= len(self.shapes.get(name, ())) != len(shape)
                    self.shapes[name] = shape
            if not self.changed:
                break
        open_names = [n for n in self.shapes if n not in self.tables.values and n not in self.known]
        symbols: dict[Size, Size] = {}
        return {n: tuple(self._named(s, symbols) for s in self.shapes[n]) for n in open_names}

    def _expressions(self) -> Iterator[tuple[str, syntax.Expression]]:
        for name, equation in self.tables.values.items():
            yield name, equation.value
        for claim in self.tables.claims:
            yield "", claim.left
            yield "", claim.right

    # sizes

    def _size(self) -> Size:
        self.fresh += 1
        return f"?{self.fresh}"

    def _root(self, size: Size) -> Size:
        while size in self.same:
            size = self.same[size]
        return size

    def _agree(self, a: Size, b: Size) -> None:
        """Two sizes are one: an unknown one takes the other's."""
        a, b = self._root(a), self._root(b)
        if a != b and isinstance(a, str) and a.startswith("?"):
            self.same[a] = b
            self.changed = True
        elif a != b and isinstance(b, str) and b.startswith("?"):
            self.same[b] = a
            self.changed = True

    def _named(self, size: Size, symbols: dict[Size, Size]) -> Size:
        root = self._root(size)
        if not (isinstance(root, str) and root.startswith("?")):
            return root
        taken = {*symbols.values(), *(s for shape in self.known.values() for s in shape), *self.tables.values}
        return symbols.setdefault(root, symbols.get(root) or free_name(taken, *_SYMBOLS, "n"))

    # names

    def _value(self, name: str) -> Shape:
        return self.known.get(name) or self.shapes.get(name, ())

    def _is_open(self, name: str) -> bool:
        functions = name in self.tables.functions or name in self.tables.aliases
        return name not in self.known and name not in self.tables.values and name not in CONSTANTS and not functions

    def _promote(self, expression: syntax.Expression, matrix: bool = False) -> None:
        """Evidence that a name is no scalar: a capital or `matrix` makes it a matrix, else it is a vector."""
        while isinstance(expression, syntax.Group | syntax.Transpose):
            expression = expression.operand
        if not isinstance(expression, syntax.Name) or not self._is_open(expression.id) or self._value(expression.id):
            return
        matrix = matrix or expression.id[0].isupper()
        self.shapes[expression.id] = (self._size(), self._size()) if matrix else (self._size(),)
        self.changed = True

    # expressions

    def _shape(self, root: syntax.Expression) -> Shape:
        """The shape of an expression from those of its parts, noting evidence on the way."""
        done: dict[int, Shape] = {}
        stack: list[tuple[syntax.Expression, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                done[id(node)] = self._combined(node, done)
            else:
                stack.append((node, True))
                stack.extend((c, False) for c in children(node))
        return done[id(root)]

    def _combined(self, node: syntax.Expression, done: dict[int, Shape]) -> Shape:
        parts = [done[id(c)] for c in children(node)]
        match node:
            case syntax.Name():
                if self._is_open(node.id):
                    self.shapes.setdefault(node.id, ())
                return self._value(node.id)
            case syntax.Transpose():
                self._promote(node.operand)
                return _flipped(self._again(node.operand, parts[0]))
            case syntax.Sum():
                return self._entrywise(list(node.terms), parts)
            case syntax.Product():
                return self._product(node, parts)
            case syntax.Application():
                return self._call(node, parts)
            case syntax.Index():
                self._promote(node.operand, matrix=len(node.items) == 2)
                return ()
            case syntax.Matrix():
                return (len(node.rows[0]),) if len(node.rows) == 1 else (len(node.rows), len(node.rows[0]))
            case syntax.Norm(kind="abs") | syntax.Power() | syntax.Negative() | syntax.Group():
                return parts[0]
            case syntax.Norm():
                self._promote(node.operand)
                return ()
            case syntax.Compare():
                return self._entrywise([node.left, node.right], parts)
            case syntax.Derivative():
                return self._again(node.by, parts[1])
        return ()

    def _again(self, expression: syntax.Expression, shape: Shape) -> Shape:
        """The shape after evidence may have changed a name's."""
        return self._value(expression.id) if isinstance(expression, syntax.Name) else shape

    def _entrywise(self, operands: list[syntax.Expression], parts: list[Shape]) -> Shape:
        """A vector in a sum makes the other terms vectors, and all of one size."""
        widest = max(parts, key=len)
        for operand, part in zip(operands, parts, strict=True):
            if widest and not part and isinstance(operand, syntax.Name):
                self._promote(operand, matrix=len(widest) == 2 and self._root(widest[0]) != 1)
            shape = self._again(operand, part)
            if len(shape) == len(widest):
                for a, b in zip(shape, widest, strict=True):
                    self._agree(a, b)
        return widest

    def _product(self, node: syntax.Product, parts: list[Shape]) -> Shape:
        left, shape = node.factors[0], parts[0]
        for operator, right, part in zip(node.operators, node.factors[1:], parts[1:], strict=True):
            if operator in _ENTRYWISE_OPERATORS:
                self._promote(left)
                self._promote(right)
                shape = self._entrywise([left, right], [self._again(left, shape), self._again(right, part)])
            elif operator in ("", "*"):
                if _is_capital(left):
                    self._promote(left)
                shape = self._again(left, shape)
                if shape and (len(shape) == 2 or _is_capital(right)):
                    self._promote(right)
                shape = self._times(shape, self._again(right, part))
            left = node
        return shape

    def _times(self, left: Shape, right: Shape) -> Shape:
        if not left or not right:
            return left or right
        rows, inside = left if len(left) == 2 else (left[0], 1)
        beside, columns = right if len(right) == 2 else (right[0], 1)
        self._agree(inside, beside)
        if columns == 1:
            return () if rows == 1 else (rows,)
        return (rows, columns)

    def _call(self, node: syntax.Application, parts: list[Shape]) -> Shape:
        name = node.callee.id if isinstance(node.callee, syntax.Name) else ""
        if self._value(name):
            return self._times(self._value(name), parts[0] if parts else ())
        if name in _VECTORS or name in _MATRICES:
            for argument in node.arguments:
                self._promote(argument.value, matrix=name in _MATRICES)
            shapes = [self._again(a.value, p) for a, p in zip(node.arguments, parts, strict=True)]
            self._entrywise([a.value for a in node.arguments if a.keyword is None], shapes[: _positional(node)])
            if name in _MATRICES and len(shapes[0]) == 2:
                self._agree(*shapes[0])
            return shapes[0] if name in ("softmax", "log_softmax", "inv", "adj") else ()
        return self._entrywise([a.value for a in node.arguments], parts) if parts else ()


def _positional(node: syntax.Application) -> int:
    return sum(a.keyword is None for a in node.arguments)


def _is_capital(expression: syntax.Expression) -> bool:
    while isinstance(expression, syntax.Group | syntax.Transpose | syntax.InverseTranspose):
        expression = expression.operand
    return isinstance(expression, syntax.Name) and expression.id[0].isupper()


def _flipped(shape: Shape) -> Shape:
    return (1, shape[0]) if len(shape) == 1 else shape[::-1]


def guess_shapes(tables: Definitions, known: Mapping[str, Shape]) -> dict[str, Shape]:
    """Shapes for the names that have no equation, no data and no stated shape."""
    stated = {name: shaped.sizes for name, shaped in tables.shapes.items()}
    return _Guesser(tables, {**stated, **known}).guess()
