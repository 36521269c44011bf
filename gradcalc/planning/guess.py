"""Shapes of inputs that nothing states, as a reader of a lecture would guess them.

For pictures, symbols and claims without data. A capital is a matrix where it stands in a product or is inverted;
what is transposed, measured by a norm, summed, multiplied by a matrix or entry by entry, indexed or added to a
vector is a vector; all else is a scalar. What is told of an expression is told to the names in it: `‖x - a‖` says
that x and a are vectors. Sizes that must agree get one symbol: for `z = W x + b; s = u^T f(z)` W is n×m, x has m
entries, b and u have n.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, count

from gradcalc import syntax
from gradcalc.graph import Shape, Size
from gradcalc.planning.definitions import CONSTANTS, Definitions, children, walk

_SYMBOLS = ("n", "m", "k", "p", "q", "r")
_PASSES = 12
_SAME = ("softmax", "log_softmax", "prod_others", "median_share")
"""Functions of a whole array that give one of its shape."""
_SCALARS = ("sum", "mean", "prod", "var", "std", "median", "size", "norm", "norm1", "norminf", "logsumexp",
            "cross_entropy", "dot", "mse")  # fmt: skip
"""Functions of arrays of one shape that give a scalar, or with an axis a row or a column."""
_SQUARE = ("inv", "adj", "det", "logdet", "trace", "tr")
"""Functions of a square matrix; the first two give one of its shape, the others a scalar."""
_EXTREMES = ("max", "min")
_ENTRYWISE_OPERATORS = ("∘", "./")
_PRODUCTS = ("", "*")
_AROUND = syntax.Power | syntax.Transpose | syntax.InverseTranspose | syntax.Index
"""What may follow a bracket."""


@dataclass(eq=False)
class _Sizes:
    """Sizes that are not known yet, and which of them are one."""

    same: dict[Size, Size] = field(default_factory=dict)
    changed: bool = False
    fresh: int = 0

    def new(self) -> Size:
        """A size that nothing is known of."""
        self.fresh += 1
        return f"?{self.fresh}"

    def root(self, size: Size) -> Size:
        """What stands for all sizes that are one with this one."""
        while size in self.same:
            above = self.same[size]
            self.same[size] = self.same.get(above, above)
            size = above
        return size

    def agree(self, a: Size, b: Size) -> None:
        """Two sizes are one: an unknown one takes the other's."""
        a, b = self.root(a), self.root(b)
        if a == b:
            return
        for unknown, other in ((a, b), (b, a)):
            if is_unknown(unknown):
                self.same[unknown] = other
                self.changed = True
                return

    def match(self, a: Shape, b: Shape) -> None:
        """Two arrays have one shape; what is stretched, a column or a side of 1, agrees on the other side."""
        if len(a) == len(b) == 1 or {len(a), len(b)} == {1, 2}:
            stretched = 1 in (self.root(a[0]), self.root(b[0])) and len(a) != len(b)
            if not stretched:
                self.agree(a[0], b[0])
        elif len(a) == len(b):
            for one, other in zip(a, b, strict=True):
                if 1 not in (self.root(one), self.root(other)):
                    self.agree(one, other)

    def widest(self, shapes: Iterable[Shape]) -> Shape:
        """The shape that the others are stretched to."""
        return max(shapes, key=lambda shape: (len(shape), sum(self.root(size) != 1 for size in shape)))


def is_unknown(size: Size) -> bool:
    """Whether a size is still open."""
    return isinstance(size, str) and size.startswith("?")


@dataclass(eq=False)
class _Guesser:
    """Shapes by name, grown from evidence until nothing changes; () is a scalar, or not known better.

    `found` has the shape of every expression as last seen, `made` shapes of which only the rank is known, `told` the
    names whose equations were told of evidence in this pass, `operands` the names that are not only called, `read`
    expressions as they turn out, and `stated` the sizes of the stated shapes.
    """

    tables: Definitions
    known: Mapping[str, Shape]
    shapes: dict[str, Shape] = field(default_factory=dict)
    sizes: _Sizes = field(default_factory=_Sizes)
    found: dict[int, Shape] = field(default_factory=dict)
    made: dict[tuple[int, str], Shape] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    operands: set[str] = field(default_factory=set)
    read: dict[int, syntax.Expression] = field(default_factory=dict)
    stated: set[Size] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.stated = {size for shape in self.known.values() for size in shape}

    def guess(self) -> dict[str, Shape]:
        """The shapes of the names that have none."""
        equations = _in_order(self.tables)
        claimed = [side for claim in self.tables.claims for side in (claim.left, claim.right)]
        written = [*(equation.value for equation in self.tables.values.values()), *claimed]
        self.operands = {part.id for e in written for part in walk(e) if isinstance(part, syntax.Name)}
        for _ in range(_PASSES):
            self.sizes.changed = False
            self.told.clear()
            for name in equations:
                self._equation(name)
            for left, right in zip(claimed[::2], claimed[1::2], strict=True):
                self._evaluate(left)
                self._evaluate(right)
                self._entrywise([left, right])
            if not self.sizes.changed:
                break
        open_names = [n for n in self.shapes if n not in self.tables.values and n not in self.known]
        symbols = self._symbols(size for name in open_names for size in self.shapes[name])
        return {n: tuple(symbols[self.sizes.root(size)] for size in self.shapes[n]) for n in open_names}

    def _equation(self, name: str) -> None:
        value = self.tables.values[name].value
        self._evaluate(value)
        if self.known.get(name):
            self._tell(value, self.known[name])
        self.shapes[name] = self._shape(value)

    def _symbols(self, sizes: Iterable[Size]) -> dict[Size, Size]:
        """Letters for the sizes that are still open, which no name of the text has."""
        taken = {*self.shapes, *self.stated}
        letters = (s for s in chain(_SYMBOLS, (f"n{k}" for k in count(1))) if s not in taken)
        symbols: dict[Size, Size] = {}
        for root in map(self.sizes.root, sizes):
            if root not in symbols:
                symbols[root] = next(letters) if is_unknown(root) else root
        return symbols

    # names

    def _value(self, name: str) -> Shape:
        return self.known.get(name) or self.shapes.get(name, ())

    def _is_open(self, name: str) -> bool:
        """Whether the shape of a name is to be guessed."""
        functions = name in self.tables.functions or name in self.tables.aliases
        computed = name in self.known or name in self.tables.values
        return not computed and name not in CONSTANTS and name != "I" and not functions and name not in self.stated

    def _is_value(self, name: str) -> bool:
        """Whether `name (...)` is a product: the name has a value, or stands elsewhere as a factor or a term does."""
        used = name in self.known or name in self.tables.values or name in self.operands
        return used and name not in self.tables.functions

    def _read(self, node: syntax.Expression) -> syntax.Expression:
        """An expression as it turns out: `A (x + b)` of a value A is a product, and so is `A (x + b)^T`."""
        if not isinstance(node, syntax.Product | syntax.Application | _AROUND):
            return node
        if id(node) not in self.read:
            written = node.factors if isinstance(node, syntax.Product) else (node,)
            operators = ("", *node.operators) if isinstance(node, syntax.Product) else ("",)
            factors, before = list[syntax.Expression](), list[str]()
            for factor, operator in zip(written, operators, strict=True):
                parts = self._factors(factor)
                factors.extend(parts)
                before.extend([operator, ""][: len(parts)])
            same = len(factors) == len(written)
            self.read[id(node)] = node if same else syntax.Product(node.span, tuple(factors), tuple(before[1:]))
        return self.read[id(node)]

    def _factors(self, node: syntax.Expression) -> list[syntax.Expression]:
        """`A (x + b)^T` as A and (x + b)^T: what follows the bracket goes with the bracket."""
        around: list[syntax.Expression] = []
        core = node
        while isinstance(core, _AROUND):
            around.append(core)
            core = core.base if isinstance(core, syntax.Power) else core.operand
        if not isinstance(core, syntax.Application) or self._function(core):
            return [node]
        callee: syntax.Expression = core.callee
        for _ in range(core.primes):
            callee = syntax.Transpose(callee.span, callee)
        last: syntax.Expression = syntax.Group(core.span, core.arguments[0].value)
        for outer in reversed(around):
            match outer:
                case syntax.Power():
                    last = syntax.Power(outer.span, last, outer.exponent, outer.elementwise)
                case syntax.Index():
                    last = syntax.Index(outer.span, last, outer.items)
                case syntax.Transpose() | syntax.InverseTranspose():
                    last = type(outer)(outer.span, last)
        return [callee, last]

    # evidence

    def _tell(self, expression: syntax.Expression, wanted: Shape = ()) -> None:
        """Evidence that an expression is an array, of the wanted shape if there is one; the names in it take it on."""
        todo = [(expression, wanted)]
        passed: list[tuple[syntax.Expression, list[syntax.Expression]]] = []
        while todo:
            node, wanted = todo.pop()
            shape = self._shape(node)
            if not shape:
                heirs = self._heirs(node, wanted)
                todo.extend(heirs)
                passed.append((node, [heir for heir, _ in heirs]))
            elif wanted:
                self.sizes.match(shape, wanted)
        for node, parts in reversed(passed):
            if parts:
                self._see(node, self.sizes.widest(map(self._shape, parts)))

    def _see(self, node: syntax.Expression, shape: Shape) -> None:
        """Keep the shape of an expression whose parts have become arrays."""
        if isinstance(node, syntax.Name):
            self.shapes[node.id] = shape
        else:
            turned = isinstance(node, syntax.Transpose | syntax.InverseTranspose)
            self.found[id(node)] = _flipped(shape) if turned else shape

    def _heirs(self, node: syntax.Expression, wanted: Shape) -> list[tuple[syntax.Expression, Shape]]:
        """What becomes an array if an expression that looks like a scalar is one."""
        match node := self._read(node):
            case syntax.Name():
                return self._name_told(node.id, wanted)
            case syntax.Group() | syntax.Negative() | syntax.Norm(kind="abs"):
                return [(node.operand, wanted)]
            case syntax.Transpose() | syntax.InverseTranspose():
                return [(node.operand, _flipped(wanted))]
            case syntax.Power() if node.elementwise or len(wanted) == 2:
                return [(node.base, wanted)]
            case syntax.Sum() | syntax.Compare():
                return [(part, wanted) for part in children(node)]
            case syntax.Product():
                return self._product_told(node, wanted)
            case syntax.Application() if not self._takes_whole(node):
                return [(argument.value, wanted) for argument in node.arguments if argument.keyword is None]
            case syntax.Derivative() if not self._shape(node.of) and (len(wanted) < 2 or _is_capital(node.by)):
                return [(node.by, wanted)]
        return []

    def _name_told(self, name: str, wanted: Shape) -> list[tuple[syntax.Expression, Shape]]:
        if self._is_open(name):
            self.shapes[name] = wanted or tuple(self.sizes.new() for _ in range(1 + name[0].isupper()))
            self.sizes.changed = True
        elif name in self.tables.values and name not in self.known and name not in self.told:
            self.told.add(name)
            return [(self.tables.values[name].value, wanted)]
        return []

    def _product_told(self, node: syntax.Product, wanted: Shape) -> list[tuple[syntax.Expression, Shape]]:
        """Entry by entry every factor is an array; else, of a product of scalars, the last one: `2 a x`."""
        if any(operator in _ENTRYWISE_OPERATORS for operator in node.operators):
            return [(factor, wanted) for factor in node.factors]
        if any(self._shape(factor) for factor in node.factors):
            return []
        factors = [f for f, o in zip(node.factors, ("", *node.operators), strict=True) if o in _PRODUCTS]
        return [(factors[-1], wanted)]

    def _takes_whole(self, node: syntax.Application) -> bool:
        """Whether a function takes its arguments whole, so that its value says nothing of their shapes."""
        name = self._function(node)
        extreme = name in _EXTREMES and len(node.arguments) == 1
        return extreme or name in (*_SCALARS, *_SQUARE) or name in _SIGNATURES

    def _tell_square(self, expression: syntax.Expression) -> None:
        """Evidence that an expression is a square matrix; then so are the factors of a Kronecker product."""
        todo = [expression]
        while todo:
            node = todo.pop()
            size = self._made(node, 1, "square")
            self._tell(node, size * 2)
            if isinstance(node, syntax.Group):
                todo.append(node.operand)
            elif isinstance(node, syntax.Product) and set(node.operators) == {"⊗"}:
                todo.extend(node.factors)

    # expressions

    def _shape(self, node: syntax.Expression) -> Shape:
        """The shape of an expression as last seen; of a name, as it is now."""
        if isinstance(node, syntax.Name) and node.id != "I":
            return self._value(node.id)
        return self.found.get(id(node), ())

    def _made(self, node: syntax.Expression, rank: int, use: str = "") -> Shape:
        """A shape with sizes of its own, the same whenever asked."""
        key = (id(node), use)
        if len(self.made.setdefault(key, ())) != rank:
            self.made[key] = tuple(self.sizes.new() for _ in range(rank))
        return self.made[key]

    def _evaluate(self, root: syntax.Expression) -> None:
        """Find the shape of an expression from those of its parts, noting evidence on the way."""
        stack: list[tuple[syntax.Expression, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                self.found[id(node)] = self._combined(self._read(node))
            else:
                stack.append((node, True))
                stack.extend((c, False) for c in children(self._read(node)))

    def _combined(self, node: syntax.Expression) -> Shape:
        match node:
            case syntax.Name():
                if node.id == "I" and not self.tables.is_value("I", self.known):
                    return self._made(node, 1) * 2
                if self._is_open(node.id):
                    self.shapes.setdefault(node.id, ())
                return self._value(node.id)
            case syntax.Group() | syntax.Negative() | syntax.Norm(kind="abs"):
                return self._shape(node.operand)
            case syntax.Transpose():
                self._tell(node.operand)
                return _flipped(self._shape(node.operand))
            case syntax.InverseTranspose():
                self._tell_square(node.operand)
                return _flipped(self._shape(node.operand))
            case syntax.Norm():
                self._tell(node.operand)
                return ()
            case syntax.Power():
                return self._power(node)
            case syntax.Sum() | syntax.Compare():
                return self._entrywise(children(node))
            case syntax.Product():
                return self._product(node)
            case syntax.Application():
                return self._application(node)
            case syntax.Index():
                return self._index(node)
            case syntax.Matrix():
                return self._literal(node)
            case syntax.Derivative():
                return self._derivative(node)
        return ()

    def _entrywise(self, operands: Iterable[syntax.Expression]) -> Shape:
        """An array in a sum makes the other terms arrays, and all of one size."""
        operands = list(operands)
        widest = self.sizes.widest(self._shape(operand) for operand in operands)
        for operand in operands if widest else ():
            if not self._shape(operand):
                self._tell(operand, widest)
            if shape := self._shape(operand):
                self.sizes.match(shape, widest)
        return widest

    def _power(self, node: syntax.Power) -> Shape:
        """`x .^ 2` is of an array, a power of a matrix of a square one; the inverse of a capital is of a matrix."""
        if node.elementwise:
            self._tell(node.base)
        elif len(self._shape(node.base)) == 2 or (
            isinstance(node.exponent, syntax.Negative) and _is_capital(node.base)
        ):
            self._tell_square(node.base)
        return self._shape(node.base)

    def _product(self, node: syntax.Product) -> Shape:
        left, shape = node.factors[0], self._shape(node.factors[0])
        for operator, right in zip(node.operators, node.factors[1:], strict=True):
            alone = left is node.factors[0]
            if operator in _ENTRYWISE_OPERATORS:
                shape = self._by_entries(left if alone else None, shape, right)
            elif operator == "⊗":
                shape = self._kronecker(node, left if alone else None, shape, right)
            elif operator in _PRODUCTS:
                if _is_capital(left) and not shape:
                    self._tell(left)
                    shape = self._shape(left)
                shape = self._multiplied(shape, right)
            left = right
        return shape

    def _by_entries(self, left: syntax.Expression | None, shape: Shape, right: syntax.Expression) -> Shape:
        """`u ∘ v`: both are arrays, of one shape; `left` is None where it is a product itself."""
        self._tell(right, shape)
        if left is not None:
            self._tell(left, self._shape(right))
            shape = self._shape(left)
        return self.sizes.widest([shape, self._shape(right)])

    def _kronecker(
        self, node: syntax.Product, left: syntax.Expression | None, shape: Shape, right: syntax.Expression
    ) -> Shape:
        self._tell(right)
        if left is not None:
            self._tell(left)
            shape = self._shape(left)
        return self._made(node, max(len(shape), len(self._shape(right))))

    def _multiplied(self, shape: Shape, right: syntax.Expression) -> Shape:
        """An array of that shape times what stands on its right."""
        if len(shape) == 2 or (shape and _is_capital(right)):
            self._tell(right)
        return self._times(shape, self._shape(right))

    def _times(self, left: Shape, right: Shape) -> Shape:
        if not left or not right:
            return left or right
        rows, inside = left if len(left) == 2 else (left[0], 1)
        beside, columns = right if len(right) == 2 else (right[0], 1)
        self.sizes.agree(inside, beside)
        if columns == 1:
            return () if rows == 1 else (rows,)
        return (rows, columns)

    def _index(self, node: syntax.Index) -> Shape:
        """`x[0]` is of a vector, `W[1, :]` of a matrix, and so would be more indices; ranges are left."""
        sizes = self._made(node, len(node.items))
        self._tell(node.operand, self._made(node, min(2, len(node.items)), "operand"))
        whole = self._shape(node.operand)
        ranges = [isinstance(item, syntax.Range) for item in node.items]
        if len(whole) == len(sizes):
            full = [isinstance(i, syntax.Range) and i.start is None and i.stop is None for i in node.items]
            sizes = tuple(w if f else s for w, s, f in zip(whole, sizes, full, strict=True))
        if len(ranges) == 1 or ranges[0]:
            return tuple(s for s, r in zip(sizes, ranges, strict=True) if r)
        return (1, sizes[1]) if len(ranges) == 2 and ranges[1] else ()

    def _literal(self, node: syntax.Matrix) -> Shape:
        """`[1, 2]` is a column, `[[1, 2], [3, 4]]` and `[1, 2; 3, 4]` are matrices."""
        rows = node.rows
        if len(rows) == 1 and rows[0] and isinstance(rows[0][0], syntax.Matrix):
            inner = rows[0][0].rows
            return (len(rows[0]), len(inner[0]) if inner else 0)
        if len(rows) == 1:
            return (len(rows[0]),)
        return (len(rows), len(rows[0])) if rows else ()

    def _derivative(self, node: syntax.Derivative) -> Shape:
        """The gradient has the shape of its variable, a Jacobian a row for each entry of the value."""
        of, by = self._shape(node.of), self._shape(node.by)
        if not of:
            numerator = self.tables.layout == "numerator" and len(by) == 1
            return _flipped(by) if numerator else by
        if not by or (len(of) == len(by) == 1):
            return (*of, *by)
        return self._made(node, 2)

    # calls

    def _function(self, node: syntax.Application) -> str:
        """The function that is called, through aliases; "" where it is a product."""
        if not isinstance(node.callee, syntax.Name) or (len(node.arguments) == 1 and self._is_value(node.callee.id)):
            return ""
        return self.tables.function(node.callee.id)

    def _application(self, node: syntax.Application) -> Shape:
        name, arguments = self._function(node), [a.value for a in node.arguments if a.keyword is None]
        if not arguments:
            return ()
        if name in _SAME or name in _SCALARS or (name in _EXTREMES and len(arguments) == 1):
            return self._reduced(node, name, arguments)
        if name in _SQUARE:
            self._tell_square(arguments[0])
            return self._shape(arguments[0]) if name in _SQUARE[:2] else ()
        if name in _SIGNATURES:
            return _SIGNATURES[name](self, node, arguments)
        return self._entrywise(arguments)

    def _reduced(self, node: syntax.Application, name: str, arguments: list[syntax.Expression]) -> Shape:
        """A function of whole arrays; along an axis it gives a row or a column."""
        axis = next((a.value for a in node.arguments if a.keyword == "axis"), None)
        for argument in arguments:
            self._tell(argument, self._made(argument, 2, "matrix") if axis else ())
        shape = self._entrywise(arguments)
        if name in _SAME:
            return shape
        if axis is None or len(shape) != 2:
            return ()
        return (1, shape[1]) if isinstance(axis, syntax.Number) and axis.value == 0 else (shape[0],)

    def _diag(self, node: syntax.Application, arguments: list[syntax.Expression]) -> Shape:
        """A vector on the diagonal of a square matrix, or the diagonal of one."""
        self._tell(arguments[0])
        shape = self._shape(arguments[0])
        if len(shape) == 2:
            self._tell_square(arguments[0])
            return shape[:1]
        return shape * 2

    def _outer(self, node: syntax.Application, arguments: list[syntax.Expression]) -> Shape:
        for argument in arguments:
            self._tell(argument)
        return tuple(size for argument in arguments for size in self._shape(argument)[:1])

    def _kron(self, node: syntax.Application, arguments: list[syntax.Expression]) -> Shape:
        for argument in arguments:
            self._tell(argument)
        return self._made(node, max(len(self._shape(argument)) for argument in arguments))

    def _cross(self, node: syntax.Application, arguments: list[syntax.Expression]) -> Shape:
        for argument in arguments:
            self._tell(argument, (3,))
        return (3,)

    def _vec(self, node: syntax.Application, arguments: list[syntax.Expression]) -> Shape:
        self._tell(arguments[0], self._made(node, 2, "matrix"))
        return self._made(node, 1)

    def _solve(self, node: syntax.Application, arguments: list[syntax.Expression]) -> Shape:
        """`solve(A, b)` has the shape of b."""
        self._tell_square(arguments[0])
        shape = self._shape(arguments[0])
        for right in arguments[1:]:
            self._tell(right, (*shape[:1], *self._made(node, 1)) if _is_capital(right) else shape[:1])
        return self._shape(arguments[-1])

    def _filled(self, node: syntax.Application, arguments: list[syntax.Expression]) -> Shape:
        """`ones(3)`, `zeros(2, 3)`, `eye(3)`, `onehot(1, 3)`: sizes as they are written."""
        made = self._made(node, len(arguments))
        sizes = tuple(self._written(argument, size) for argument, size in zip(arguments, made, strict=True))
        name = self._function(node)
        return sizes[-1:] if name == "onehot" else sizes[:1] * 2 if name == "eye" else sizes

    def _written(self, argument: syntax.Expression, otherwise: Size) -> Size:
        """A size that is written as a number or as a symbol of a stated shape."""
        if isinstance(argument, syntax.Number):
            return int(argument.value)
        return argument.id if isinstance(argument, syntax.Name) and argument.id in self.stated else otherwise


_SIGNATURES = {
    "diag": _Guesser._diag,
    "outer": _Guesser._outer,
    "kron": _Guesser._kron,
    "cross": _Guesser._cross,
    "vec": _Guesser._vec,
    "solve": _Guesser._solve,
    "eye": _Guesser._filled,
    "ones": _Guesser._filled,
    "zeros": _Guesser._filled,
    "onehot": _Guesser._filled,
}
"""Functions whose value has another shape than their arguments."""


def _in_order(tables: Definitions) -> list[str]:
    """The names of the equations, each after those that it stands on; in a circle, as they come."""
    order: dict[str, None] = {}
    entered: set[str] = set()
    stack = [(name, False) for name in reversed(tables.values)]
    while stack:
        name, ready = stack.pop()
        if ready:
            order[name] = None
        elif name not in entered:
            entered.add(name)
            stack.append((name, True))
            stack.extend((used, False) for used in _names(tables.values[name].value) if used in tables.values)
    return list(order)


def _names(expression: syntax.Expression) -> Iterator[str]:
    """The names in an expression, those of what is called too."""
    for node in walk(expression):
        named = node.callee if isinstance(node, syntax.Application) else node
        if isinstance(named, syntax.Name):
            yield named.id


def _is_capital(expression: syntax.Expression) -> bool:
    """Whether an expression is written with a capital, as a matrix is: `A`, `A^T`, `(A + t B)`."""
    stack = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, syntax.Group | syntax.Transpose | syntax.InverseTranspose | syntax.Negative):
            stack.append(node.operand)
        elif isinstance(node, syntax.Sum):
            stack.extend(node.terms)
        elif isinstance(node, syntax.Name) and node.id[0].isupper():
            return True
    return False


def _flipped(shape: Shape) -> Shape:
    if len(shape) == 2 and shape[0] == 1:
        return shape[1:]
    return (1, shape[0]) if len(shape) == 1 else shape[::-1]


def guess_shapes(tables: Definitions, known: Mapping[str, Shape]) -> dict[str, Shape]:
    """Shapes for the names that have no equation, no data and no stated shape."""
    stated = {name: shaped.sizes for name, shaped in tables.shapes.items()}
    return _Guesser(tables, {**stated, **known}).guess()
