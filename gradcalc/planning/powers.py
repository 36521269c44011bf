"""Powers and transposes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradcalc import algebra as al
from gradcalc import syntax
from gradcalc.errors import Label, Span
from gradcalc.graph import SCALAR, Node, extent
from gradcalc.planning.making import UNKNOWN, Handler, Identity, Scope, Unknown, Value, shape_labels
from gradcalc.planning.products import fold
from gradcalc.suggest import shown_shape
from gradcalc.symbols import excerpt

if TYPE_CHECKING:
    from gradcalc.planning.expressions import Builder


def power(builder: Builder, e: syntax.Power, scope: Scope) -> Handler:
    """The value of `x^n`: of a scalar, of every entry, or of a square matrix."""
    base: Value = yield (e.base, scope)
    exponent: Value = yield (e.exponent, scope)
    if isinstance(base, Identity) and base.plain and base.factor is None:
        return base
    nodes = builder.known(base, exponent)
    if nodes is None:
        return UNKNOWN
    base, exponent = nodes
    folded = fold("^", base, exponent)
    if folded is not None:
        return folded
    if al.is_bare(base, "norm") and base.attributes["axis"] is None and base not in builder.owners and (
            exponent.is_constant(2.0)):  # fmt: skip
        return builder.make("norm_squared", base.inputs[0], span=e.span)
    if (base.shape == SCALAR and exponent.shape == SCALAR) or e.elementwise or scope.entrywise:
        both = builder.spread((base, exponent), (e.base.span, e.exponent.span), e.span, "the power")
        return both if isinstance(both, Unknown) else builder.make("power", *both, span=e.span)
    return _matrix_power(builder, base, exponent, e)


def _matrix_power(builder: Builder, base: Node, exponent: Node, e: syntax.Power) -> Value:
    rows, columns = extent(base.shape)
    x, n = excerpt(e.base.span, 24), excerpt(e.exponent.span, 24)
    if rows != columns:
        squares = f", or `||{x}||^2` for the sum of the squares" if len(base.shape) == 1 and n == "2" else ""
        return builder.fault(
            "shape-mismatch", f"the power `{excerpt(e.span)}` does not fit", e.base.span,
            rule="`^` is the power of a scalar or of a square matrix", labels=shape_labels([e.base.span], [base]),
            remedy=f"write `{x} .^ {n}` for the power of every entry{squares}")  # fmt: skip
    value = exponent.exact
    if value is None or value.denominator != 1 or abs(value) > 1000:
        return builder.fault(
            "bad-exponent", f"`{n}` is no exponent for a matrix", e.exponent.span,
            rule="a matrix has whole powers, written out, up to 1000",
            labels=(Label(e.base.span, shown_shape(base.shape)), Label(e.exponent.span)),
            remedy=f"write `{x} .^ {n}` for the power of every entry")  # fmt: skip
    if value == 0:
        return builder.note(al.eye(builder.graph, rows), e.span)
    square: Value = base if value > 0 else builder.make("inv", base, span=e.span)
    return _repeated(builder, square, int(abs(value)), e.span)


def _repeated(builder: Builder, square: Value, times: int, span: Span) -> Value:
    """A^n by squaring."""
    result: Node | None = None
    while isinstance(square, Node):
        if times % 2:
            result = square if result is None else _times(builder, result, square, span)
        times //= 2
        if not times:
            return result or UNKNOWN
        square = _times(builder, square, square, span)
    return UNKNOWN


def _times(builder: Builder, a: Node, b: Node, span: Span) -> Node:
    return builder.note(builder.graph.make("matmul", a, b, left=False, right=False), span)


def transpose(builder: Builder, e: syntax.Transpose, scope: Scope) -> Handler:
    """The value of `x^T`; twice is not at all."""
    value: Value = yield (e.operand, scope)
    if isinstance(value, Identity):
        return value if value.plain else builder.open_identity(value)
    if not isinstance(value, Node) or value.shape == SCALAR or scope.entrywise:
        return value
    return value.inputs[0] if al.is_bare(value, "transpose") else builder.make("transpose", value, span=e.span)


def inverse_transpose(builder: Builder, e: syntax.InverseTranspose, scope: Scope) -> Handler:
    """The value of `A^-T`."""
    value = yield (e.operand, scope)
    nodes = builder.known(value)
    if nodes is None:
        return UNKNOWN
    if nodes[0].shape == SCALAR:
        return builder.make("divide", builder.graph.constant(1.0), nodes[0], span=e.span)
    inverse = builder.make("inv", nodes[0], span=e.span)
    return builder.make("transpose", inverse, span=e.span) if isinstance(inverse, Node) else inverse
