"""Rewrites of products and quotients of numbers, and of those entry by entry.

Each takes a node of the operation that the table gives and returns a new one, or None where its identity does
not apply.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce

from gradcalc import algebra as al
from gradcalc.exact import is_representable
from gradcalc.graph import SCALAR, Node
from gradcalc.simplify.factors import (
    entry_factors,
    entry_product,
    number,
    of_shape,
    split,
    times_number,
)


def numbers_first(node: Node) -> Node | None:
    """`x 3` is `3 x`; 3 (2 x) is 6 x; signs to the front."""
    a, b = node.inputs
    first, second = number(a), number(b)
    if node.op == "multiply" and second is not None and first is None:
        return times_number(second, a)
    if first is not None and node.op == "multiply" and node.shape != SCALAR:
        return times_number(first, b)
    (left, x), (right, y) = split(a), split(b)
    if first is not None and left == 1.0:
        plain = right == 1.0 and second is None and first > 0 and first != 1.0
        return None if plain else times_number(first, b)
    if left == right == 1.0:
        return None
    rest = al.multiply(x, y) if node.op == "multiply" else al.scale(x, y)
    return times_number(left, times_number(right, rest))


def zero_factor(node: Node) -> Node | None:
    """0 x = 0."""
    return al.zeros(node.graph, node.shape) if any(al.is_zero(n) for n in node.inputs) else None


def factor_one(node: Node) -> Node | None:
    """1 x = x."""
    one, other = node.inputs
    if al.is_one(one):
        return of_shape(other, node)
    return of_shape(one, node) if al.is_one(other) else None


def stretched_factor(node: Node) -> Node | None:
    """A stretched scalar scales: (c 1) ∘ x = c x."""
    for one, other in (node.inputs, node.inputs[::-1]):
        if one.op == "stretch" and one.inputs[0].shape == SCALAR and other.op != "stretch":
            return al.scale(one.inputs[0], other)
        if one.op == "scale" and al.is_one(one.inputs[1]):
            return al.scale(one.inputs[0], other)
    return None


def scalars_before_entries(node: Node) -> Node | None:
    """(c a) ∘ b = c (a ∘ b)."""
    for one, other in (node.inputs, node.inputs[::-1]):
        if one.op == "scale":
            first = node.inputs[0] is one
            inner = (one.inputs[1], other) if first else (other, one.inputs[1])
            return al.scale(one.inputs[0], al.multiply(*inner))
    return None


def divisor_after_entries(node: Node) -> Node | None:
    """(a / c) ∘ b = (a ∘ b) / c for a scalar c."""
    if node.shape == SCALAR:
        return None
    for k, one in enumerate(node.inputs):
        if one.op == "divide" and one.inputs[1].shape == SCALAR:
            inner = [one.inputs[0] if j == k else other for j, other in enumerate(node.inputs)]
            return al.divide(al.multiply(*inner), one.inputs[1])
    return None


def stretch_inside(node: Node) -> Node | None:
    """What is repeated is repeated before it is negated or divided by a scalar."""
    inner = node.inputs[0]
    if inner.shape == SCALAR:
        return None
    if al.is_one(inner):
        return al.ones(node.graph, node.shape)
    if inner.op == "negative":
        return al.negative(al.stretch(inner.inputs[0], node.shape))
    if inner.op == "divide" and inner.inputs[1].shape == SCALAR:
        return al.divide(al.stretch(inner.inputs[0], node.shape), inner.inputs[1])
    return None


def scalars_together(node: Node) -> Node | None:
    """a (b x) = (a b) x for scalars a and b; a number stays before them."""
    outer, inner = node.inputs
    if inner.op != "scale" or number(outer) is not None:
        return None
    return al.scale(al.multiply(outer, inner.inputs[0]), inner.inputs[1])


def equal_factors(node: Node) -> Node | None:
    """x x = x^2, x x^n = x^(n+1), also with other factors between; whole positive exponents only."""
    factors = entry_factors(node)
    if any(number(factor) is not None for factor in factors):
        return None  # numbers are multiplied, not raised to powers, and the rest is a product of its own
    found: dict[Node, Fraction] = {}
    for factor in factors:
        base, exponent = power_of(factor)
        found[base] = found.get(base, Fraction(0)) + exponent
    if len(found) == len(factors) or not all(map(is_representable, found.values())):
        return None
    return entry_product([al.power(base, exponent) for base, exponent in found.items()])


def absolute_with_sign(node: Node) -> Node | None:
    """|x| sign(x) = x, also with other factors between, and for a power of |x|."""
    factors = entry_factors(node)
    for k, factor in enumerate(factors):
        base, exponent = power_of(factor)
        if base.op != "abs":
            continue
        sign = next((j for j, f in enumerate(factors) if f.op == "sign" and f.inputs[0] is base.inputs[0]), None)
        if sign is not None:
            lower = [al.power(base, exponent - 1)] if exponent > 1 else []
            before, after = factors[:k], factors[k + 1 :]
            rest = [f for f in [*before, *lower, *after] if f is not factors[sign]]
            return entry_product([*rest, base.inputs[0]])
    return None


def power_of(node: Node) -> tuple[Node, Fraction]:
    """A whole positive power as its base and exponent; the node to the first power if it is none."""
    if node.op == "power":
        exponent = number(node.inputs[1])
        if exponent is not None and exponent.denominator == 1 and exponent > 0:
            return node.inputs[0], exponent
    return (node.inputs[0], Fraction(2)) if node.op == "square" else (node, Fraction(1))


def power_of_power(node: Node) -> Node | None:
    """(x^m)^n = x^(m n), whole positive exponents only."""
    inner, outer = power_of(node)
    base, below = power_of(inner)
    if inner is node or base is inner or not is_representable(below * outer):
        return None
    return al.power(base, below * outer)


# --------------------------------------------------------------------------- quotients


def times_reciprocal(node: Node) -> Node | None:
    """a (1 / b) = a / b."""
    for one, other in (node.inputs, node.inputs[::-1]):
        if one.op != "divide" or other.shape not in (one.shape, node.shape):
            continue
        above, below = one.inputs
        if (number(above) == 1.0 or al.is_one(above)) and below.shape in (SCALAR, other.shape):
            return al.divide(other, below)
    return None


def times_divisor(node: Node) -> Node | None:
    """(a / (c b)) b^n = a b^(n-1) / c for a number c, entry by entry, also with other factors between."""
    scalars = entry_factors(node.inputs[0]) if node.op == "scale" else []
    factors = [*scalars, node.inputs[1]] if scalars else entry_factors(node)
    for k, factor in enumerate(factors):
        around, quotient = _multiple_of(factor)
        if quotient.op not in ("divide", "ratio"):
            continue
        value, below = split(quotient.inputs[1])
        divisor = next((j for j, f in enumerate(factors) if j != k and power_of(f)[0] is below), None)
        if divisor is None or not value or not is_representable(1 / value):
            continue
        above = reduce(lambda inner, outer: outer(inner), reversed(around), quotient.inputs[0])
        lower = {k: times_number(1 / value, above), divisor: al.power(below, power_of(factors[divisor])[1] - 1)}
        left = [lower.get(j, f) for j, f in enumerate(factors) if not al.is_one(lower.get(j, f))]
        if scalars and len(left) > 1:
            return al.scale(entry_product(left[:-1]), left[-1])
        return entry_product(left) if left else al.ones(node.graph, node.shape)
    return None


def _multiple_of(node: Node) -> tuple[list[Callable[[Node], Node]], Node]:
    """What is done to a node with scalars, from the outside in, and the node: -(a / b) / c as -, / c and a / b."""
    around: list[Callable[[Node], Node]] = []
    while True:
        if node.op == "negative":
            around.append(al.negative)
            node = node.inputs[0]
        elif node.op == "divide" and node.inputs[1].shape == SCALAR and node.shape != SCALAR:
            around.append(lambda inner, by=node.inputs[1]: al.divide(inner, by))  # type: ignore[misc]
            node = node.inputs[0]
        else:
            return around, node


def inner_of_quotient(node: Node) -> Node | None:
    """b^T (a / b) is the sum of a, entry by entry."""
    a, b = node.inputs
    flags = node.attributes["left"], node.attributes["right"]
    if node.shape != SCALAR or flags != (True, False):
        return None
    for quotient, other in ((a, b), (b, a)):
        if quotient.op in ("divide", "ratio") and quotient.inputs[1] is other:
            return al.total(quotient.inputs[0])
    return None


def signs_before_quotient(node: Node) -> Node | None:
    """(-a) / b = -(a / b)."""
    value, rest = split(node.inputs[0])
    if value >= 0:
        return None
    return al.negative(al.divide(times_number(-value, rest), node.inputs[1], node.op))


def divided_by_one(node: Node) -> Node | None:
    """a / 1 = a."""
    return node.inputs[0] if number(node.inputs[1]) == 1.0 or al.is_one(node.inputs[1]) else None
