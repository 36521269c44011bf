"""Products and quotients: which factors there are, and what each pair of them means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from gradcalc import algebra as al
from gradcalc import syntax
from gradcalc.errors import Diagnostic, Label, Span
from gradcalc.exact import MOST_BITS, is_representable
from gradcalc.graph import SCALAR, Node, Shape, ShapeError, extent, is_row, joint_size, of_extent, size_over
from gradcalc.planning.making import UNKNOWN, Handler, Identity, Scope, Unknown, Value, is_number, shape_labels
from gradcalc.symbols import excerpt

if TYPE_CHECKING:
    from gradcalc.planning.expressions import Builder

Placed = tuple[Value, Span]


def fold(operator: str, a: Node, b: Node) -> Node | None:
    """Two written numbers as one, so that 1/2 is a number and not a piece; None where no number is exactly that."""
    x, y = a.exact, b.exact
    found = None if x is None or y is None else _folded(operator, x, y)
    if found is None or not is_representable(found):
        return None
    texts = [n.attributes["text"] for n in (a, b)]
    plain = operator in ("/", "./") and all(t.isdigit() for t in texts)
    return a.graph.constant(found, "/".join(texts) if plain else "")


def _folded(operator: str, x: Fraction, y: Fraction) -> Fraction | None:
    if operator in ("/", "./"):
        return x / y if y else None
    if operator in ("", "*", "∘"):
        return x * y
    bits = max(x.numerator.bit_length(), x.denominator.bit_length())
    if operator == "^" and x > 0 and y.denominator == 1 and abs(y) * bits <= MOST_BITS:
        return Fraction(x**y.numerator)
    return None


def product(builder: Builder, e: syntax.Product, scope: Scope) -> Handler:
    """The value of `a b * c / d`: from left to right, a leading number last."""
    factors, operators = _flatten(builder, e, scope)
    _warn_quotient(builder, e, factors, operators)
    left: Value = yield (factors[0], scope)
    span = factors[0].span
    coefficient: Node | None = None
    number = 0
    while number < len(operators):
        right: Value = yield (factors[number + 1], scope)
        rest = operators[number:]
        if coefficient is None and is_number(left) and len(rest) > 1 and all(o in ("", "*") for o in rest):
            assert isinstance(left, Node)
            if isinstance(right, Node) and not is_number(right):
                coefficient, left, span = left, right, factors[number + 1].span
                number += 1
                continue
        whole = span.to(factors[number + 1].span)
        left = combine(builder, operators[number], (left, span), (right, factors[number + 1].span), whole, scope)
        if operators[number] in ("", "*") and factors[number + 1] in builder.by_matrix:
            left = _in_shape(builder, left, builder.by_matrix[factors[number + 1]], e, whole)
        span = whole
        number += 1
    if coefficient is not None:
        left = combine(builder, "*", (coefficient, factors[0].span), (left, span), e.span, scope)
    return left


def _in_shape(builder: Builder, value: Value, by: Shape, e: syntax.Product, span: Span) -> Value:
    """A product with the Jacobian of a vector by a matrix: of a row it is a gradient, in the shape of the matrix.

    So the lecture's `∂s/∂W = δ ∂z/∂W` holds in the shape convention; another product is a Jacobian again.
    """
    if not isinstance(value, Node):
        return value
    if is_row(value.shape):
        return builder.make("unvec", al.transpose(value), to=by, span=span)
    builder.by_matrix[e] = by
    return value


# ------------------------------------------------------------------------------- factors


def _flatten(builder: Builder, e: syntax.Product, scope: Scope) -> tuple[list[syntax.Expression], list[str]]:
    """The factors after calls are told from products; new ones are juxtaposed."""
    factors: list[syntax.Expression] = []
    operators: list[str] = []
    for number, factor in enumerate(e.factors):
        found = builder.factors(factor, scope)
        if number:
            operators.append(e.operators[number - 1])
        operators.extend([""] * (len(found) - 1))
        above = factors[-1] if factors and operators and operators[-1] == "/" else None
        quotient = None if above is None else _derivative(builder, above, factor, scope)
        if quotient is not None:
            factors[-1] = quotient
            operators.pop()
        else:
            factors.extend(found)
    return factors, operators


def _derivative(builder: Builder, above: syntax.Expression, below: syntax.Expression,
                scope: Scope) -> syntax.Expression | None:  # fmt: skip
    """`d(s)/d(W)` as the derivative, and `df/dx` as a fault; else None."""
    span = above.span.to(below.span)
    if _is_differential(builder, above, scope) and _is_differential(builder, below, scope):
        of, by = (f.arguments[0].value for f in (above, below))  # type: ignore[attr-defined]
        return syntax.Derivative(span, of, by)
    if not (isinstance(above, syntax.Name) and isinstance(below, syntax.Name)):
        return None
    names = [n.id for n in (above, below)]
    strange = all(re.fullmatch(r"d\w+", n) and n not in scope.values and not builder.knows(n) for n in names)
    if not strange or not any(builder.knows(n[1:]) or n[1:] in builder.tables.functions for n in names):
        return None
    of, by = (n[1:] for n in names)
    builder.fault("unknown-name", f"`{excerpt(span)}` is a quotient of two names that are not defined", span,
                  rule=f"`d{by}` is one name; a derivative has a sign of its own",
                  remedy=f"write the derivative as `∂{of}/∂{by}`, or as `d({of})/d({by})`")  # fmt: skip
    return Refused(span)


class Refused(syntax.Expression, frozen=True, eq=False):
    """What a fault was noted for before it had a value."""


def refused(builder: Builder, e: Refused, scope: Scope) -> Handler:
    """It is unknown."""
    return UNKNOWN
    yield


def _is_differential(builder: Builder, e: syntax.Expression, scope: Scope) -> bool:
    """Whether it is `d(...)` as in d(s)/d(W), with no function d in the file."""
    return (
        isinstance(e, syntax.Application) and isinstance(e.callee, syntax.Name) and e.callee.id == "d"
        and len(e.arguments) == 1 and "d" not in builder.tables.functions and "d" not in builder.tables.aliases
        and builder.is_function("d", scope)
    )  # fmt: skip


def _warn_quotient(builder: Builder, e: syntax.Product, factors: Sequence[syntax.Expression],
                   operators: Sequence[str]) -> None:  # fmt: skip
    for i, (operator, following) in enumerate(pairwise(operators)):
        divisor = factors[i + 1]
        if operator == "/" and following == "" and not isinstance(divisor, syntax.Number):
            before = excerpt(factors[0].span.to(divisor.span))
            after = excerpt(factors[i + 2].span)
            builder.warnings.append(
                Diagnostic(
                    "quotient-order",
                    f"`{excerpt(e.span)}` was read as `({before}) {after}`",
                    e.span,
                    (Label(e.span),),
                    "products and quotients go from left to right",
                    f"write `({before}) {after}`, or `{excerpt(factors[i].span)} / ({excerpt(divisor.span)} {after})`",
                )
            )


# ----------------------------------------------------------------------- two operands


def combine(builder: Builder, operator: str, a: Placed, b: Placed, span: Span, scope: Scope) -> Value:
    """One product or quotient of two operands, each with its place."""
    (left, left_span), (right, right_span) = a, b
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return UNKNOWN
    if isinstance(left, Identity) or isinstance(right, Identity):
        return _with_identity(builder, operator, (left, left_span), (right, right_span), span, scope)
    folded = fold(operator, left, right)
    if folded is not None:
        return folded
    if operator in ("∘", "./") or scope.entrywise:
        division = operator in ("/", "./")
        what = "the quotient" if division else "the product"
        both = builder.spread((left, right), (left_span, right_span), span, what)
        if isinstance(both, Unknown):
            return both
        return builder.make("divide" if division else "multiply", *both, span=span)
    if operator == "⊗":
        return builder.make("kron", left, right, span=span)
    if operator == "/":
        return _quotient(builder, left, right, (left_span, right_span), span)
    if left.is_constant(1.0) and right.op == "compare":
        return right
    if left.shape == SCALAR or right.shape == SCALAR:
        scalar, other = (left, right) if left.shape == SCALAR else (right, left)
        return builder.make("multiply" if other.shape == SCALAR else "scale", scalar, other, span=span)
    return _matrix_product(builder, left, right, (left_span, right_span), span)


def _quotient(builder: Builder, left: Node, right: Node, spans: tuple[Span, Span], span: Span) -> Value:
    if right.shape == SCALAR:
        return builder.make("divide", left, right, span=span)
    x, y = (excerpt(s, 24) for s in spans)
    rows, columns = extent(right.shape)
    remedy = f"write `{x} ./ {y}` to divide entry by entry"
    if rows == columns and left.shape != SCALAR:
        remedy = f"write `{x} {y}^-1` for the inverse, or `{x} ./ {y}` to divide entry by entry"
    return builder.fault("shape-mismatch", f"the quotient `{excerpt(span)}` does not fit", spans[1], remedy=remedy,
                         labels=shape_labels(spans, (left, right)), rule="`/` divides by a scalar")  # fmt: skip


def _matrix_product(builder: Builder, left: Node, right: Node, spans: tuple[Span, Span], span: Span) -> Value:
    (a, flip_a), (b, flip_b) = al.untransposed(left), al.untransposed(right)
    try:
        return builder.note(builder.graph.make("matmul", a, b, left=flip_a, right=flip_b), span)
    except ShapeError:
        pass
    x, y = (excerpt(s, 24) for s in spans)
    columns, rows = extent(left.shape)[1], extent(right.shape)[0]
    rule = f"columns of {x} ({columns}) must equal rows of {y} ({rows})"
    remedy = f"give {y} {columns} rows, or {x} {rows} columns"
    if len(left.shape) == len(right.shape) == 1:
        inner = f"`{x}^T {y}` for their inner product, a scalar, or " if left.shape == right.shape else ""
        remedy = f"write {inner}`{x} {y}^T` for their outer product, a matrix"
    elif len(right.shape) == 1 and columns != 1:
        remedy = f"give {y} {columns} entries, or {x} {rows} columns"
    elif rows == extent(left.shape)[0]:
        remedy = f"write `{x}^T {y}`, or give {y} {columns} rows"
    return builder.fault("shape-mismatch", f"the product `{excerpt(span)}` does not fit", spans[0], rule=rule,
                         remedy=remedy, labels=shape_labels(spans, (left, right)))  # fmt: skip


def _with_identity(builder: Builder, operator: str, a: Placed, b: Placed, span: Span, scope: Scope) -> Value:
    """I x is x, c I stays open, A ⊗ I stays open; I against a shape takes its size."""
    (left, left_span), (right, right_span) = a, b
    if isinstance(left, Identity) and isinstance(right, Identity):
        if operator not in ("", "*") or not (left.plain or right.plain):
            return (
                left
                if operator == "⊗" and left.plain and right.plain and right.factor is None
                else (builder.open_identity(left))
            )
        plain, rest = (left, right) if left.plain else (right, left)
        return rest if plain.factor is None else rest.times(plain.factor)
    one, other = (left, right) if isinstance(left, Identity) else (right, left)
    assert isinstance(one, Identity) and isinstance(other, Node)
    if operator == "⊗" and one.plain:
        return Identity(one.span, one.factor, *((None, other) if one is left else (other, None)))
    if operator == "/" and one is left and other.shape == SCALAR:
        return one.times(al.divide(builder.graph.constant(1.0), other))
    if operator in ("", "*") and other.shape == SCALAR:
        return one.times(other)
    if operator in ("", "*") and one.plain:
        return other if one.factor is None else builder.note(al.scale(one.factor, other), span)
    sized = builder.size_identity(one, _beside(one, other, operator, one is left))
    if sized is None:
        return builder.open_identity(one)
    both = (sized, other) if one is left else (other, sized)
    return combine(builder, operator, (both[0], left_span), (both[1], right_span), span, scope)


def _beside(one: Identity, other: Node, operator: str, first: bool) -> Shape:
    """The shape that an open identity must have beside an operand: for a product the inner sizes agree."""
    known = one.left or one.right
    if operator in ("∘", "./") or known is None:
        return other.shape
    rows, columns = extent(known.shape)
    inner, own = (extent(other.shape)[0], columns) if first else (extent(other.shape)[1], rows)
    size = size_over(inner, own)
    return () if size is None else of_extent(joint_size(rows, size), joint_size(columns, size))
