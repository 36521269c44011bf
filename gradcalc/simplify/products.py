"""Rewrites of matrix products: numbers, identities, diagonals, inner products and brackets.

Each takes a node of the operation that the table gives and returns a new one, or None where its identity does
not apply. Identities: Magnus and Neudecker, Matrix Differential Calculus, ch. 1.
"""

from __future__ import annotations

from collections.abc import Callable

from gradcalc import algebra as al
from gradcalc.graph import SCALAR, Node, is_row
from gradcalc.simplify.factors import (
    entry_factors,
    matrix_factors,
    matrix_product,
    number,
    of_shape,
    operands,
    split_ones,
    times_number,
)


def transposes_as_they_lie(node: Node) -> Node | None:
    """A transpose below a product becomes the product's own: no array is turned."""
    if any(n.op == "transpose" for n in node.inputs):
        return of_shape(al.matmul(*operands(node)), node)
    return None


def identity_factor(node: Node) -> Node | None:
    """I A = A, A I = A."""
    left, right = operands(node)
    if left.op == "eye":
        return of_shape(right, node)
    return of_shape(left, node) if right.op == "eye" else None


def zero_matrix(node: Node) -> Node | None:
    """0 A = 0."""
    if any(al.is_zero(n) for n in node.inputs):
        return al.zeros(node.graph, node.shape)
    return None


def ones_sum(node: Node) -> Node | None:
    """1^T A is the sum down the columns, A 1 that along the rows; 1 a^T repeats a row."""
    if not any(al.is_one(n) for n in node.inputs):
        return None
    made = al.fit(al.matmul(*operands(node)), node.shape)
    return None if made is node else made


def numbers_before_product(node: Node) -> Node | None:
    """(2 A) (3 B) = 6 (A B), (-A) B = -(A B)."""
    (left, a), (right, b) = (split_ones(n) for n in operands(node))
    if left == right == 1.0:
        return None
    return al.fit(times_number(left, times_number(right, al.matmul(a, b))), node.shape)


def scalars_before_product(node: Node) -> Node | None:
    """(c A) B = c (A B), A (c B) = c (A B), (A / c) B = (A B) / c."""
    a, b = operands(node)
    k = 0 if _carries_scalar(a) else 1
    one = (a, b)[k]
    if not _carries_scalar(one):
        return None
    inner = one.inputs[1] if one.op == "scale" else one.inputs[0]
    product = al.matmul(inner, b) if k == 0 else al.matmul(a, inner)
    if one.op == "scale":
        return al.fit(al.scale(one.inputs[0], product), node.shape)
    return al.fit(al.divide(product, one.inputs[1], one.op), node.shape)


def _carries_scalar(node: Node) -> bool:
    """Whether it is a scalar times something, or something divided by one."""
    return node.op == "scale" or (node.op in ("divide", "ratio") and node.inputs[1].shape == SCALAR != node.shape)


def inner_product_out(node: Node) -> Node | None:
    """A row times a column inside a product is a number: a (b^T c) = (b^T c) a."""
    factors = matrix_factors(node)
    first = next((k for k, f in enumerate(factors) if is_row(f.shape)), len(factors))
    last = next((k for k in range(first + 1, len(factors)) if len(factors[k].shape) == 1), None)
    rest = [] if last is None else factors[:first] + factors[last + 1 :]
    if last is None or not rest:
        return None
    return of_shape(al.scale(matrix_product(factors[first : last + 1]), matrix_product(rest)), node)


def _is_diagonal(node: Node) -> bool:
    return node.op == "diag" and not node.attributes["extract"]


def column_by_entries(node: Node) -> Node | None:
    """diag(d) v = d ∘ v for a column v."""
    factors = matrix_factors(node)
    if len(factors[-1].shape) != 1:
        return None
    place = next((k for k in reversed(range(len(factors) - 1)) if _is_diagonal(factors[k])), None)
    if place is None:
        return None
    entries = al.multiply(factors[place].inputs[0], matrix_product(factors[place + 1 :]))
    return of_shape(matrix_product([*factors[:place], entries]), node)


def row_by_entries(node: Node) -> Node | None:
    """v^T diag(d) = v^T ∘ d^T for a row v^T."""
    factors = matrix_factors(node)
    if not is_row(factors[0].shape):
        return None
    place = next((k for k in range(1, len(factors)) if _is_diagonal(factors[k])), None)
    if place is None:
        return None
    entries = al.multiply(matrix_product(factors[:place]), al.transpose(factors[place].inputs[0]))
    return of_shape(matrix_product([entries, *factors[place + 1 :]]), node)


def where_they_meet(node: Node, pair: Callable[[Node, Node], list[Node] | None]) -> Node | None:
    """A product with the last factor of its left operand and the first of its right one replaced by others."""
    left, right = (matrix_factors(n) for n in operands(node))
    found = pair(left[-1], right[0])
    if found is None:
        return None
    factors = [*left[:-1], *found, *right[1:]]
    return of_shape(matrix_product(factors) if factors else al.eye(node.graph, node.shape[0]), node)


def two_diagonals(node: Node) -> Node | None:
    """diag(a) diag(b) = diag(a ∘ b)."""

    def pair(a: Node, b: Node) -> list[Node] | None:
        if not (_is_diagonal(a) and _is_diagonal(b)):
            return None
        return [a.graph.make("diag", al.multiply(a.inputs[0], b.inputs[0]), extract=False)]

    return where_they_meet(node, pair)


# ---------------------------------------------------------------------------- brackets


def _beside(left: Node, right: Node) -> Node:
    """A product as it is, with no step done."""
    if SCALAR in (left.shape, right.shape):
        return al.matmul(left, right)
    (a, first), (b, second) = al.untransposed(left), al.untransposed(right)
    return left.graph.make("matmul", a, b, left=first, right=second)


def from_the_left(node: Node) -> Node | None:
    """A (B C) = A B C: a product read from the left needs no brackets, unless it is very long."""
    if operands(node)[1].op != "matmul":
        return None
    factors = matrix_factors(node)
    if any(f.op == "matmul" for f in factors):
        return None
    made = factors[0]
    for factor in factors[1:]:
        made = _beside(made, factor)
    return of_shape(made, node)


def scalar_on_first(node: Node) -> Node | None:
    """c (A B) = c A B, unless c ends in a product itself."""
    factor, body = node.inputs
    if body.op != "matmul" or entry_factors(factor)[0].op == "matmul":
        return None
    factors = matrix_factors(body)
    made = al.scale(factor, factors[0])
    for other in factors[1:]:
        made = _beside(made, other)
    return of_shape(made, node)


def number_on_first(node: Node) -> Node | None:
    """2 (c x) = 2 c x for a scalar c that is no number: the product of two may be none."""
    outer, inner = node.inputs
    if inner.op != "scale" or number(outer) is None or number(inner.inputs[0]) is not None:
        return None
    return node.graph.make("scale", node.graph.make("multiply", outer, inner.inputs[0]), inner.inputs[1])


def entries_from_the_left(node: Node) -> Node | None:
    """a ∘ (b ∘ c) = a ∘ b ∘ c, unless a and b are numbers whose product may be none."""
    if node.inputs[1].op != "multiply":
        return None
    first, *others = entry_factors(node)
    if number(first) is not None and number(others[0]) is not None:
        return None
    for other in others:
        first = node.graph.make("multiply", first, other)
    return of_shape(first, node)
