"""Expressions to nodes: calls or products, stretching, shapes; faults with both operands' places.

Each construct has a handler written as a generator: it yields what it needs (an expression with its scope, or
a name) and is sent the value, so that depth of nesting and length of chains use no stack. A fault is noted and
its value becomes `UNKNOWN`, which everything passes on in silence: one mistake, one message.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradcalc import algebra as al
from gradcalc import syntax
from gradcalc.definitions import CONSTANTS, Definitions
from gradcalc.differentiate import derivative, forward
from gradcalc.errors import Diagnostic, GradcalcError, Label, Limits, Span
from gradcalc.graph import SCALAR, Graph, Node, Shape, ShapeError, count, extent, is_row, replace, transposed
from gradcalc.ops import FUNCTIONS
from gradcalc.simplify import simplify
from gradcalc.suggest import did_you_mean, shown_shape


def _breadth(shape: Shape) -> tuple[int, int]:
    """Orders shapes by what stretches to what: a scalar, a row or column, a matrix."""
    return (0, 0) if not shape else (1, count(shape)) if len(shape) == 1 or is_row(shape) else (2, count(shape))


def _stretches(shape: Shape, target: Shape) -> bool:
    """Whether a value goes with one of the target shape."""
    if shape in (SCALAR, target):
        return True
    if len(target) != 2 or is_row(target):
        return False
    return shape == (target[0],) if len(shape) == 1 else is_row(shape) and shape[1] == target[1]


def _is_number(value: Any) -> bool:
    return isinstance(value, Node) and value.op == "constant"


def _is_place(value: Any) -> bool:
    """Whether it is a whole constant from 0."""
    return _is_number(value) and float(value.attributes["value"]).is_integer() and value.attributes["value"] >= 0


def _fold(operator: str, a: Node, b: Node) -> Node | None:
    """Two written numbers as one, so that 1/2 is a number and not a piece."""
    if not (_is_number(a) and _is_number(b)) or any(n.attributes["text"].isidentifier() for n in (a, b)):
        return None
    x, y = a.attributes["value"], b.attributes["value"]
    if operator in ("/", "./"):
        if y == 0.0:
            return None
        texts = [n.attributes["text"] for n in (a, b)]
        plain = all(t.isdigit() for t in texts)
        return a.graph.constant(x / y, "/".join(texts) if plain else "")
    if operator in ("", "*", "∘"):
        return a.graph.constant(x * y)
    if operator == "^" and x > 0 and abs(y * math.log(x)) < 700:
        return a.graph.constant(x**y)
    return None


def _blown(rows: Any, p: Any, q: Any) -> tuple[int, int]:
    """The extent of a p × q matrix ⊗ the identity that gives so many rows."""
    size = rows // p
    return size * p, size * q


class Unknown:
    """The value of what could not be planned."""


UNKNOWN = Unknown()


@dataclass(frozen=True, eq=False)
class Identity:
    """`c I`, or `c A ⊗ I` and `c I ⊗ A`, with the size still open: it follows from the other operand."""

    factor: Node | None = None
    left: Node | None = None
    right: Node | None = None


Value = Node | Unknown | Identity


@dataclass(frozen=True, eq=False)
class Scope:
    """Parameters of the function being expanded, and whether it acts entry by entry."""

    values: Mapping[str, Value] = field(default_factory=dict)
    entrywise: bool = False


TOP = Scope()
Request = tuple[syntax.Expression, Scope] | tuple[str, Span]
Handler = Generator[Request, Any, Value]


@dataclass
class Builder:
    """Makes the nodes of expressions in one graph. `resolve` gives the handler for a name's value."""

    graph: Graph
    tables: Definitions
    entrywise: set[str]
    numerator: bool
    abstract: bool
    resolve: Callable[[str, Span], Handler]
    knows: Callable[[str], bool]
    names: Callable[[], Iterable[str]]
    limits: Limits
    faults: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    spans: dict[Node, Span] = field(default_factory=dict)
    derivatives: list[Span] = field(default_factory=list)

    # ------------------------------------------------------------------------- driving

    def build(self, expression: syntax.Expression, scope: Scope = TOP) -> Value:
        """The value of an expression."""
        return self.drive(self._handler(expression, scope))

    def drive(self, first: Handler) -> Value:
        """Run a handler and all that it asks for, on a stack of its own."""
        stack, value = [first], None
        while stack:
            try:
                request = stack[-1].send(value)
            except StopIteration as end:
                stack.pop()
                value = end.value
                continue
            value = None
            if isinstance(request, tuple) and isinstance(request[0], str):
                stack.append(self.resolve(*request))
            else:
                stack.append(self._handler(*request))  # type: ignore[misc]
        return value  # type: ignore[return-value]

    def _handler(self, expression: syntax.Expression, scope: Scope) -> Handler:
        factors = self._factors(expression, scope)
        if len(factors) > 1:
            expression = syntax.Product(expression.span, tuple(factors), ("",) * (len(factors) - 1))
        return _HANDLERS[type(expression)](self, expression, scope)

    # -------------------------------------------------------------------------- faults

    def fault(self, code: str, message: str, span: Span, *, rule: str = "", remedy: str = "",
              labels: tuple[Label, ...] = ()) -> Unknown:  # fmt: skip
        """Note a fault; its value is unknown."""
        self.faults.append(Diagnostic(code, message, span, labels or (Label(span),), rule, remedy))
        return UNKNOWN

    def make(self, op: str, *inputs: Node, span: Span, **attributes: Any) -> Value:
        """A node, or a fault at `span` if the operands do not fit."""
        try:
            return self.note(self.graph.make(op, *inputs, **attributes), span)
        except ShapeError as error:
            labels = (Label(span, " and ".join(shown_shape(i.shape) for i in inputs)),)
            return self.fault("shape-mismatch", f"`{span.text}` does not fit", span, rule=error.rule,
                              remedy=error.remedy, labels=labels)  # fmt: skip

    def note(self, node: Node, span: Span) -> Node:
        """Keep the place where a node was first written; refuse what is too large."""
        self.spans.setdefault(node, span)
        if len(self.graph) > 3 * self.limits.nodes:
            raise GradcalcError(Diagnostic("limit-nodes", f"more than {self.limits.nodes:,} nodes", span, (Label(span),),
                                           help="shorten the file, or raise the limit with --limit nodes=N"))  # fmt: skip
        if count(node.shape) > self.limits.entries:
            raise GradcalcError(Diagnostic(
                "limit-entries", f"`{span.text}` would have {count(node.shape):,} entries", span, (Label(span),),
                f"an array has at most {self.limits.entries:,} entries",
                "use smaller arrays, or raise the limit with --limit entries=N"))  # fmt: skip
        return node

    # --------------------------------------------------------- call or product

    def is_function(self, name: str, scope: Scope) -> bool:
        """Whether `name (...)` is a call: a value of that name makes it a product."""
        return name not in scope.values and not self.knows(name)

    def _factors(self, expression: syntax.Expression, scope: Scope) -> list[syntax.Expression]:
        """An expression as the factors that it turns out to be: `a (x + 1)^2` of a value a is two.

        What follows the bracket goes with the bracket; what stands before goes with the name.
        """
        outer: list[syntax.Expression] = []
        core = expression
        while isinstance(core, syntax.Power | syntax.Transpose | syntax.InverseTranspose | syntax.Index):
            outer.append(core)
            core = core.base if isinstance(core, syntax.Power) else core.operand
        factors = self._split(core, scope)
        for around in reversed(outer):
            last = factors[-1]
            if isinstance(around, syntax.Power):
                inside = self._factors(around.exponent, scope)
                if last is around.base and len(inside) == 1:
                    factors[-1] = around
                    continue
                factors[-1:] = [syntax.Power(around.span, last, inside[0], around.elementwise), *inside[1:]]
            elif isinstance(around, syntax.Index):
                factors[-1] = around if last is around.operand else syntax.Index(around.span, last, around.items)
            else:
                assert isinstance(around, syntax.Transpose | syntax.InverseTranspose)
                factors[-1] = around if last is around.operand else type(around)(around.span, last)
        return factors

    def _split(self, core: syntax.Expression, scope: Scope) -> list[syntax.Expression]:
        if not isinstance(core, syntax.Application):
            return [core]
        callee = core.callee
        if isinstance(callee, syntax.Name) and (self.is_function(callee.id, scope) or len(core.arguments) != 1):
            return [core]
        for _ in range(core.primes):
            callee = syntax.Transpose(callee.span, callee)
        return [callee, syntax.Group(core.arguments[0].value.span, core.arguments[0].value)]

    # --------------------------------------------------------------------------- leaves

    def _number(self, e: syntax.Number, scope: Scope) -> Handler:
        return self.graph.constant(e.value, e.text)
        yield

    def _name(self, e: syntax.Name, scope: Scope) -> Handler:
        if e.id in scope.values:
            return scope.values[e.id]
        if not self.knows(e.id):
            if e.id in CONSTANTS:
                return self.graph.constant(math.pi, "pi")
            if e.id == "I":
                return Identity()
            if e.id in self.tables.functions or e.id in self.tables.aliases or e.id in FUNCTIONS:
                return self.fault("function-as-value", f"`{e.id}` is a function and stands here as a value", e.span,
                                  remedy=f"give it an argument, as in `{e.id}(x)`")  # fmt: skip
        return (yield (e.id, e.span))

    def _group(self, e: syntax.Group, scope: Scope) -> Handler:
        return (yield (e.operand, scope))

    def _matrix(self, e: syntax.Matrix, scope: Scope) -> Handler:
        rows: Sequence[Sequence[syntax.Expression]] = e.rows
        if len(rows) == 1 and rows[0] and all(isinstance(entry, syntax.Matrix) for entry in rows[0]):
            inner = [entry for entry in rows[0] if isinstance(entry, syntax.Matrix)]
            if all(len(entry.rows) <= 1 for entry in inner):
                rows = [entry.rows[0] if entry.rows else () for entry in inner]
                return (yield from self._table(e, rows, (len(rows), len(rows[0])), scope))
        if len(rows) == 1:
            return (yield from self._table(e, rows, (len(rows[0]), 1), scope))
        return (yield from self._table(e, rows, (len(rows), len(rows[0]) if rows else 1), scope))

    def _table(self, e: syntax.Matrix, rows: Sequence[Sequence[syntax.Expression]], size: tuple[int, int],
               scope: Scope) -> Handler:  # fmt: skip
        lengths = {len(row) for row in rows}
        if len(lengths) > 1:
            return self.fault("bad-literal", "the rows of this matrix have different lengths", e.span,
                              rule=f"they have {', '.join(str(n) for n in sorted(lengths))} entries",
                              remedy="give every row as many entries as the first")  # fmt: skip
        entries = []
        for row in rows:
            for entry in row:
                entries.append((yield (entry, scope)))
                if isinstance(entries[-1], Node) and entries[-1].shape != SCALAR:
                    return self.fault("bad-literal", f"`{entry.span.text}` is {shown_shape(entries[-1].shape)} and "
                                      "stands as an entry", entry.span, rule="the entries of a literal are scalars",
                                      remedy="to put blocks together write `concat(a, b)`")  # fmt: skip
        nodes = self._known(entries, e.span)
        return UNKNOWN if nodes is None else self.make("table", *nodes, span=e.span, extent=size)

    # ---------------------------------------------------------------------------- sums

    def _sum(self, e: syntax.Sum, scope: Scope) -> Handler:
        values = []
        for term in e.terms:
            values.append((yield (term, scope)))
        terms = self._sized(values, e.span)
        if terms is None:
            return UNKNOWN
        if all(t.op == "constant" and not t.attributes["text"].isidentifier() for t in terms):
            return self.graph.constant(sum(s * t.attributes["value"] for s, t in zip(e.signs, terms, strict=True)))
        spread = self.spread(terms, [t.span for t in e.terms], e.span, "the sum")
        return spread if isinstance(spread, Unknown) else self.make("add", *spread, span=e.span, signs=e.signs)

    def _negative(self, e: syntax.Negative, scope: Scope) -> Handler:
        value = yield (e.operand, scope)
        if isinstance(value, Identity):
            return self._scaled_identity(self.graph.constant(-1.0), value)
        if isinstance(value, Unknown):
            return value
        if value.op == "constant" and not value.attributes["text"].isidentifier():
            number = -value.attributes["value"]
            text = value.attributes["text"]
            return self.graph.constant(number, text[1:] if text.startswith("-") else "-" + text)
        return self.make("negative", value, span=e.span)

    def spread(self, nodes: Sequence[Node], spans: Sequence[Span], span: Span, what: str) -> list[Node] | Unknown:
        """Operands stretched to their common shape: scalars to anything, rows and columns to a matrix."""
        widest, place = max(((n.shape, s) for n, s in zip(nodes, spans, strict=True)), key=lambda p: _breadth(p[0]))
        stretched = []
        for node, own in zip(nodes, spans, strict=True):
            if not _stretches(node.shape, widest):
                return self._misfit(what, span, (node, own), widest, place)
            fitted = node if node.shape == widest else self.graph.make("stretch", node, to=widest)
            stretched.append(self.note(fitted, own))
        return stretched

    def _misfit(self, what: str, span: Span, operand: tuple[Node, Span], widest: Shape, place: Span) -> Unknown:
        node, own = operand
        rule = "both must have one shape; a scalar goes with everything, a row or column with a matrix of its length"
        remedy = "change one of the shapes"
        if transposed(node.shape) == widest or ({len(node.shape), len(widest)} == {1, 2} and (
            is_row(node.shape) or is_row(widest)
        )):
            remedy = "a column against a row does not stretch: transpose one of them with ^T"
        labels = (Label(place, shown_shape(widest)), Label(own, shown_shape(node.shape)))
        return self.fault("shape-mismatch", f"{what} `{span.text}` does not fit", min(place, own, key=lambda s: s.start),
                          rule=rule, remedy=remedy, labels=labels)  # fmt: skip

    # ------------------------------------------------------------------------ products

    def _product(self, e: syntax.Product, scope: Scope) -> Handler:
        factors, operators = self._flatten(e, scope)
        self._warn_quotient(e, factors, operators)
        left: Value = yield (factors[0], scope)
        span = factors[0].span
        coefficient: Node | None = None
        number = 0
        while number < len(operators):
            right: Value = yield (factors[number + 1], scope)
            rest = operators[number:]
            if coefficient is None and _is_number(left) and len(rest) > 1 and all(o in ("", "*") for o in rest):
                assert isinstance(left, Node)
                if isinstance(right, Node) and not _is_number(right):
                    coefficient, left, span = left, right, factors[number + 1].span
                    number += 1
                    continue
            whole = span.to(factors[number + 1].span)
            left = self.combine(operators[number], (left, span), (right, factors[number + 1].span), whole, scope)
            span = whole
            number += 1
        if coefficient is not None:
            left = self.combine("*", (coefficient, factors[0].span), (left, span), e.span, scope)
        return left

    def _flatten(self, e: syntax.Product, scope: Scope) -> tuple[list[syntax.Expression], list[str]]:
        """The factors after calls are told from products; new ones are juxtaposed."""
        factors: list[syntax.Expression] = []
        operators: list[str] = []
        for number, factor in enumerate(e.factors):
            found = self._factors(factor, scope)
            if number:
                operators.append(e.operators[number - 1])
            operators.extend([""] * (len(found) - 1))
            above = factors[-1] if factors and operators and operators[-1] == "/" else None
            if above and self._is_differential(above, scope) and self._is_differential(factor, scope):
                of, by = (f.arguments[0].value for f in (above, factor))  # type: ignore[attr-defined]
                factors[-1] = syntax.Derivative(above.span.to(factor.span), of, by)
                operators.pop()
            else:
                factors.extend(found)
        return factors, operators

    def _is_differential(self, e: syntax.Expression, scope: Scope) -> bool:
        """Whether it is `d(...)` as in d(s)/d(W), with no function d in the file."""
        return (
            isinstance(e, syntax.Application) and isinstance(e.callee, syntax.Name) and e.callee.id == "d"
            and len(e.arguments) == 1 and "d" not in self.tables.functions and "d" not in self.tables.aliases
            and self.is_function("d", scope)
        )  # fmt: skip

    def _warn_quotient(self, e: syntax.Product, factors: Sequence[syntax.Expression], operators: Sequence[str]) -> None:
        for i, (operator, following) in enumerate(zip(operators, operators[1:], strict=False)):
            divisor = factors[i + 1]
            if operator == "/" and following == "" and not isinstance(divisor, syntax.Number):
                before = factors[0].span.to(divisor.span).text
                after = factors[i + 2].span.text
                self.warnings.append(Diagnostic(
                    "quotient-order", f"`{e.span.text}` was read as `({before}) {after}`", e.span, (Label(e.span),),
                    "products and quotients go from left to right",
                    f"write `({before}) {after}` or `{factors[i].span.text} / ({divisor.span.text} {after})`"))  # fmt: skip

    def combine(self, operator: str, a: tuple[Value, Span], b: tuple[Value, Span], span: Span, scope: Scope) -> Value:
        """One product or quotient of two operands, each with its place."""
        (left, left_span), (right, right_span) = a, b
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return UNKNOWN
        if isinstance(left, Identity) or isinstance(right, Identity):
            return self._with_identity(operator, left, right, span)
        folded = _fold(operator, left, right)
        if folded is not None:
            return folded
        if operator in ("∘", "./") or scope.entrywise:
            both = self.spread((left, right), (left_span, right_span), span, "the product")
            if isinstance(both, Unknown):
                return both
            return self.make("divide" if operator in ("/", "./") else "multiply", *both, span=span)
        if operator == "⊗":
            return self.make("kron", left, right, span=span)
        if operator == "/":
            return self._quotient(left, right, (left_span, right_span), span)
        if left.is_constant(1.0) and right.op == "compare":
            return right
        if left.shape == SCALAR or right.shape == SCALAR:
            scalar, other = (left, right) if left.shape == SCALAR else (right, left)
            return self.make("multiply" if other.shape == SCALAR else "scale", scalar, other, span=span)
        return self._matrix_product(left, right, (left_span, right_span), span)

    def _quotient(self, left: Node, right: Node, spans: tuple[Span, Span], span: Span) -> Value:
        if right.shape == SCALAR:
            return self.make("divide", left, right, span=span)
        labels = (Label(spans[0], shown_shape(left.shape)), Label(spans[1], shown_shape(right.shape)))
        return self.fault("shape-mismatch", f"the quotient `{span.text}` does not fit", spans[1], labels=labels,
                          rule="`/` divides by a scalar",
                          remedy="write `./` to divide entry by entry, `A^-1 b` for an inverse")  # fmt: skip

    def _matrix_product(self, left: Node, right: Node, spans: tuple[Span, Span], span: Span) -> Value:
        (a, flip_a), (b, flip_b) = al.untransposed(left), al.untransposed(right)
        try:
            return self.note(self.graph.make("matmul", a, b, left=flip_a, right=flip_b), span)
        except ShapeError:
            pass
        x, y = spans[0].text, spans[1].text
        columns, rows = extent(left.shape)[1], extent(right.shape)[0]
        rule = f"columns of {x} ({columns}) must equal rows of {y} ({rows})"
        remedy = f"give {y} {columns} rows, or {x} {rows} columns"
        if len(left.shape) == len(right.shape) == 1:
            same = left.shape == right.shape
            inner = f"`{x}^T {y}` is their inner product, `{x} ∘ {y}` the product of entries, " if same else ""
            remedy = f"{inner}`{x} {y}^T` is their outer product"
        elif len(right.shape) == 1:
            remedy = f"give {y} {columns} entries, or {x} {rows} columns"
        labels = (Label(spans[0], shown_shape(left.shape)), Label(spans[1], shown_shape(right.shape)))
        return self.fault("shape-mismatch", f"the product `{span.text}` does not fit", spans[0], rule=rule,
                          remedy=remedy, labels=labels)  # fmt: skip

    # -------------------------------------------------------------------- the identity I

    def _scaled_identity(self, factor: Node, value: Identity) -> Identity:
        factor = factor if value.factor is None else al.multiply(factor, value.factor)
        return Identity(factor, value.left, value.right)

    def _with_identity(self, operator: str, left: Node | Identity, right: Node | Identity, span: Span) -> Value:
        """I x is x, c I stays open, A ⊗ I stays open; I against a shape takes its size."""
        if isinstance(left, Identity) and isinstance(right, Identity):
            plain = right.left is right.right is None and operator in ("", "*", "⊗")
            return left if plain and right.factor is None else self._open_identity(span)
        one, other = (left, right) if isinstance(left, Identity) else (right, left)
        assert isinstance(one, Identity) and isinstance(other, Node)
        if operator == "⊗" and one.left is one.right is None:
            return Identity(one.factor, *((None, other) if one is left else (other, None)))
        if operator == "/" and one is left and other.shape == SCALAR:
            return self._scaled_identity(al.divide(self.graph.constant(1.0), other), one)
        if operator in ("", "*") and other.shape == SCALAR:
            return self._scaled_identity(other, one)
        if operator in ("", "*") and one.left is one.right is None:
            return other if one.factor is None else self.note(al.scale(one.factor, other), span)
        sized = self.size_identity(one, other.shape) if operator == "∘" else None
        return self._open_identity(span) if sized is None else self.note(al.multiply(*(
            (sized, other) if one is left else (other, sized))), span)  # fmt: skip

    def _open_identity(self, span: Span) -> Unknown:
        return self.fault("unknown-size", "the size of `I` does not follow from what stands beside it", span,
                          remedy="write `eye(n)` with the size, as in `eye(3)`")  # fmt: skip

    def size_identity(self, value: Identity, shape: Shape) -> Node | None:
        """An open identity in the shape that it is compared or added to, or None if it cannot have it."""
        rows, columns = extent(shape)
        known = value.left or value.right
        p, q = extent(known.shape) if known is not None else (1, 1)
        if not all(isinstance(s, int) for s in (rows, columns, p, q)):
            size = rows if known is None and rows == columns else None
        else:
            size = int(rows) // int(p) if int(rows) % int(p) == 0 and (rows, columns) == _blown(rows, p, q) else None
        if size is None:
            return None
        node = al.ones(self.graph, SCALAR) if size == 1 and known is None and not shape else al.eye(self.graph, size)
        if known is not None:
            node = self.graph.make("kron", *((known, node) if value.left is not None else (node, known)))
        return node if value.factor is None else al.scale(value.factor, node)

    def _sized(self, values: Sequence[Value], span: Span) -> list[Node] | None:
        """Operands of one shape, open identities sized by the others; None if one is unknown."""
        if any(isinstance(v, Unknown) for v in values):
            return None
        shapes = [v.shape for v in values if isinstance(v, Node) and v.shape != SCALAR]
        out = []
        for value in values:
            found = self.size_identity(value, shapes[0]) if isinstance(value, Identity) and shapes else value
            if not isinstance(found, Node):
                self._open_identity(span)
                return None
            out.append(found)
        return out

    def _known(self, values: Sequence[Value], span: Span) -> list[Node] | None:
        """The values as nodes; None if one is unknown or an open identity (a fault)."""
        if any(isinstance(v, Identity) for v in values):
            self._open_identity(span)
            return None
        nodes = [v for v in values if isinstance(v, Node)]
        return nodes if len(nodes) == len(values) else None

    # -------------------------------------------------------------------- powers, transposes

    def _power(self, e: syntax.Power, scope: Scope) -> Handler:
        base: Value = yield (e.base, scope)
        exponent: Value = yield (e.exponent, scope)
        if isinstance(base, Identity):
            return base
        nodes = self._known([base, exponent], e.span)
        if nodes is None:
            return UNKNOWN
        base, exponent = nodes
        folded = _fold("^", base, exponent)
        if folded is not None:
            return folded
        if (base.shape == SCALAR and exponent.shape == SCALAR) or e.elementwise or scope.entrywise:
            both = self.spread((base, exponent), (e.base.span, e.exponent.span), e.span, "the power")
            return both if isinstance(both, Unknown) else self.make("power", *both, span=e.span)
        return self._matrix_power(base, exponent, e)

    def _matrix_power(self, base: Node, exponent: Node, e: syntax.Power) -> Value:
        rows, columns = extent(base.shape)
        x = e.base.span.text
        if rows != columns:
            return self.fault("shape-mismatch", f"the power `{e.span.text}` does not fit", e.base.span,
                              rule="`^` is the power of a scalar or of a square matrix",
                              labels=(Label(e.base.span, shown_shape(base.shape)),),
                              remedy=f"write `{x} .^ {e.exponent.span.text}` for every entry"
                              + (f", `{x}^T {x}` or `||{x}||^2` for the sum of squares" if len(base.shape) == 1 else ""))  # fmt: skip
        value = exponent.attributes["value"] if exponent.op == "constant" else 0.5
        if value == 0 or value != int(value) or abs(value) > 1000:
            return self.fault("bad-exponent", f"`{e.exponent.span.text}` is no exponent for a matrix", e.exponent.span,
                              rule="a matrix has whole powers, written as a number other than 0, at most 1000",
                              remedy=f"write `{x} .^ {e.exponent.span.text}` for the power of every entry")  # fmt: skip
        square: Value = base if value > 0 else self.make("inv", base, span=e.span)
        return self._repeated(square, int(abs(value)), e.span)

    def _repeated(self, square: Value, times: int, span: Span) -> Value:
        """A^n by squaring."""
        result: Node | None = None
        while isinstance(square, Node):
            if times % 2:
                result = square if result is None else self._times(result, square, span)
            times //= 2
            if not times:
                return result  # type: ignore[return-value]
            square = self._times(square, square, span)
        return UNKNOWN

    def _times(self, a: Node, b: Node, span: Span) -> Node:
        return self.note(self.graph.make("matmul", a, b, left=False, right=False), span)

    def _transpose(self, e: syntax.Transpose, scope: Scope) -> Handler:
        value = yield (e.operand, scope)
        if isinstance(value, Identity):
            return value if value.left is value.right is None else self._open_identity(e.span)
        if not isinstance(value, Node) or value.shape == SCALAR or scope.entrywise:
            return value
        return value.inputs[0] if value.op == "transpose" else self.make("transpose", value, span=e.span)

    def _inverse_transpose(self, e: syntax.InverseTranspose, scope: Scope) -> Handler:
        value = yield (e.operand, scope)
        nodes = self._known([value], e.span)
        if nodes is None:
            return UNKNOWN
        if nodes[0].shape == SCALAR:
            return self.make("divide", self.graph.constant(1.0), nodes[0], span=e.span)
        inverse = self.make("inv", nodes[0], span=e.span)
        return inverse if isinstance(inverse, Unknown) else self.make("transpose", inverse, span=e.span)

    # --------------------------------------------------------------- indices, comparisons, bars

    def _index(self, e: syntax.Index, scope: Scope) -> Handler:
        operand = yield (e.operand, scope)
        items = []
        for item in e.items:
            bounds = (item.start, item.stop) if isinstance(item, syntax.Range) else (item,)
            found: list[Any] = []
            for bound in bounds:
                value = None if bound is None else (yield (bound, scope))
                found.append(value)
                if bound is not None and not _is_place(value):
                    return self.fault("bad-index", f"`{bound.span.text}` is no index", bound.span,
                                      rule="indices are whole numbers from 0, written out",
                                      remedy="write `x[0]` for the first entry")  # fmt: skip
            places = [None if v is None else int(v.attributes["value"]) for v in found]
            items.append(tuple(places) if isinstance(item, syntax.Range) else places[0])
        nodes = self._known([operand], e.span)
        return UNKNOWN if nodes is None else self.make("index", nodes[0], span=e.span, items=tuple(items))

    def _compare(self, e: syntax.Compare, scope: Scope) -> Handler:
        values = [(yield (e.left, scope)), (yield (e.right, scope))]
        nodes = self._sized(values, e.span)
        if nodes is None:
            return UNKNOWN
        both = self.spread(nodes, (e.left.span, e.right.span), e.span, "the comparison")
        return both if isinstance(both, Unknown) else self.make("compare", *both, span=e.span, operator=e.operator)

    def _norm(self, e: syntax.Norm, scope: Scope) -> Handler:
        value = yield (e.operand, scope)
        nodes = self._known([value], e.span)
        if nodes is None:
            return UNKNOWN
        if e.kind == "abs":
            return self.make("abs", nodes[0], span=e.span)
        return self.make({"2": "norm", "1": "norm1", "inf": "norminf"}[e.kind], nodes[0], span=e.span, axis=None)

    # -------------------------------------------------------------------------- derivatives

    def _derivative(self, e: syntax.Derivative, scope: Scope) -> Handler:
        self.derivatives.append(e.span)
        values = [(yield (e.of, scope)), (yield (e.by, scope))]
        nodes = self._known(values, e.span)
        if nodes is None:
            return UNKNOWN
        of, by = nodes
        if by.op == "constant":
            return self.fault("bad-derivative", f"`{e.by.span.text}` is a number: nothing can be derived by it", e.by.span,
                              remedy="derive by a name that stands for a value")  # fmt: skip
        try:
            return self.note(simplify(derivative(of, by, self.numerator)), e.span)
        except ValueError:
            labels = (Label(e.of.span, shown_shape(of.shape)), Label(e.by.span, shown_shape(by.shape)))
            return self.fault("no-closed-form", f"`{e.span.text}` has no closed form as a matrix", e.span, labels=labels,
                              remedy="take it of a scalar, or look at its numbers with `gradcalc run --of`")  # fmt: skip

    # ---------------------------------------------------------------------------- functions

    def _application(self, e: syntax.Application, scope: Scope) -> Handler:
        assert isinstance(e.callee, syntax.Name)
        name = e.callee.id
        if not self.is_function(name, scope):
            return self.fault("not-a-function", f"`{name}` is a value and stands before {len(e.arguments)} arguments",
                              e.callee.span, remedy=f"to multiply, put one expression into the brackets; to call, "
                              f"define `{name}` as a function")  # fmt: skip
        if name == "grad" and len(e.arguments) == 2 and name not in self.tables.functions:
            inner = syntax.Derivative(e.span, e.arguments[0].value, e.arguments[1].value)
            return (yield (inner, scope))
        values = []
        axis: int | None = None
        for argument in e.arguments:
            value = yield (argument.value, scope)
            if argument.keyword is None:
                values.append(value)
            elif argument.keyword != "axis" or not _is_place(value) or int(value.attributes["value"]) > 1:
                return self.fault("bad-argument", f"`{argument.keyword}={argument.value.span.text}` is no option",
                                  argument.value.span, rule="the one option is `axis=0` (down) or `axis=1` (across)",
                                  remedy="leave it out, or write `axis=0` or `axis=1`")  # fmt: skip
            else:
                axis = int(value.attributes["value"])
        end = self.tables.function(name)
        if end in self.tables.functions:
            return (yield from self._expand(e, end, values, scope))
        if end in FUNCTIONS and not (end != name and self.knows(end)):
            return self._call(e, end, values, axis, scope)
        return self._abstract_call(e, name, values)

    def _expand(self, e: syntax.Application, name: str, values: list[Value], scope: Scope) -> Handler:
        """A function of the file, its body with the arguments in place of the parameters."""
        statement = self.tables.functions[name]
        parameters = statement.parameters or ()
        if len(values) != len(parameters):
            return self._arity(e, name, len(values), str(len(parameters)))
        entrywise = name in self.entrywise
        if not e.primes:
            bound = Scope(dict(zip((p.id for p in parameters), values, strict=True)), entrywise)
            return (yield (statement.value, bound))
        nodes = self._known(values, e.span)
        if nodes is None or not entrywise or len(nodes) != 1:
            return UNKNOWN if nodes is None else self._no_prime(e)
        leaf = self.graph.make("input", shape=nodes[0].shape, name=parameters[0].id, local=e.span.start)
        root: Value = yield (statement.value, Scope({parameters[0].id: leaf}, True))
        for _ in range(e.primes):
            if not isinstance(root, Node):
                return UNKNOWN
            root = forward(root, {leaf: al.ones(self.graph, leaf.shape)})
        return replace(root, {leaf: nodes[0]}) if isinstance(root, Node) else UNKNOWN

    def _call(self, e: syntax.Application, name: str, values: list[Value], axis: int | None, scope: Scope) -> Value:
        """A function of the table; under the file's own name for it if it has one."""
        function = FUNCTIONS[name]
        spans = [a.value.span for a in e.arguments if a.keyword is None]
        least, most = function.least, function.most
        if not least <= len(values) <= (most or len(values)):
            bounds = f"{least} or more" if most is None else str(least) if least == most else f"{least} to {most}"
            return self._arity(e, name, len(values), bounds)
        if axis is not None and not function.reduces:
            return self.fault("bad-argument", f"`{name}` takes no axis", e.span, remedy="leave `axis=` out")
        nodes = self._sized(values, e.span) if function.elementwise else self._known(values, e.span)
        if nodes is None:
            return UNKNOWN
        if function.elementwise or (name in ("max", "min", "mse", "cross_entropy") and len(nodes) > 1):
            spread = self.spread(nodes, spans, e.span, f"the arguments of {name} in")
            if isinstance(spread, Unknown):
                return spread
            nodes = spread
        assert isinstance(e.callee, syntax.Name)
        if function.elementwise and len(nodes) == 1 and e.callee.id != name and e.callee.id not in function.aliases:
            return self.make("call", *nodes, span=e.span, function=name, shown=e.callee.id, order=e.primes)
        try:
            node = function.build(self.graph, nodes, axis)
        except ShapeError as error:
            labels = tuple(Label(s, shown_shape(n.shape)) for s, n in zip(spans, nodes, strict=True))
            return self.fault("shape-mismatch", f"`{e.span.text}` does not fit", e.span, rule=error.rule,
                              remedy=error.remedy, labels=labels)  # fmt: skip
        for _ in range(e.primes):
            if not function.elementwise or len(nodes) != 1:
                return self._no_prime(e)
            node = forward(node, {nodes[0]: al.ones(self.graph, nodes[0].shape)})
        return self.note(node, e.span)

    def _abstract_call(self, e: syntax.Application, name: str, values: list[Value]) -> Value:
        """An unknown function: entry by entry, without numbers."""
        known = [*FUNCTIONS, *self.tables.functions, *self.tables.aliases]
        close = did_you_mean(name, known)
        if close or not self.abstract:
            assert isinstance(e.callee, syntax.Name)
            remedy = f"did you mean `{close}`?" if close else (
                f"define it, as in `{name} = tanh` or `{name}(t) = t^2`; if it is a value, give it one: --set {name}=...")
            message = f"`{name}` is not a known function" if close else f"the function `{name}` has no definition"
            return self.fault("unknown-function" if close else "undefined-function", message, e.callee.span,
                              rule="" if close else "numbers need a definition", remedy=remedy)  # fmt: skip
        nodes = self._known(values, e.span)
        if nodes is None:
            return UNKNOWN
        if len(nodes) != 1:
            return self._arity(e, name, len(nodes), "1")
        return self.make("call", nodes[0], span=e.span, function="", shown=name, order=e.primes)

    def _arity(self, e: syntax.Application, name: str, found: int, expected: str) -> Unknown:
        one = expected == "1"
        return self.fault("wrong-arguments", f"`{name}` takes {expected} argument{'' if one else 's'}, here are {found}",
                          e.span, remedy=f"`gradcalc functions {name}` shows how it is used")  # fmt: skip

    def _no_prime(self, e: syntax.Application) -> Unknown:
        return self.fault("bad-derivative", f"`{e.span.text}`: f' is for functions of one number", e.span,
                          remedy="write `∂y/∂x` for the derivative of a value")  # fmt: skip


_HANDLERS: dict[type[syntax.Expression], Callable[[Builder, Any, Scope], Handler]] = {
    syntax.Number: Builder._number, syntax.Name: Builder._name, syntax.Group: Builder._group,
    syntax.Matrix: Builder._matrix, syntax.Sum: Builder._sum, syntax.Negative: Builder._negative,
    syntax.Product: Builder._product, syntax.Power: Builder._power, syntax.Transpose: Builder._transpose,
    syntax.InverseTranspose: Builder._inverse_transpose, syntax.Index: Builder._index,
    syntax.Compare: Builder._compare, syntax.Norm: Builder._norm, syntax.Derivative: Builder._derivative,
    syntax.Application: Builder._application,
}  # fmt: skip
