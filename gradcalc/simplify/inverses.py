"""Rewrites of inverses and adjugates.

Each takes a node of the operation that the table gives and returns a new one, or None where its identity does
not apply. Identities: Petersen and Pedersen, The Matrix Cookbook, sections 1 and 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradcalc import algebra as al
from gradcalc.exact import is_representable
from gradcalc.graph import SCALAR, Node
from gradcalc.simplify.factors import (
    is_square,
    matrix_factors,
    matrix_product,
    of_shape,
    operands,
    split,
    times_number,
)
from gradcalc.simplify.products import where_they_meet


def _inverted(node: Node) -> list[Node] | None:
    """The factors of M where the node is M^-1 (M^-T is the inverse of M^T)."""
    if node.op == "inv":
        return matrix_factors(node.inputs[0])
    if node.op == "transpose" and node.inputs[0].op == "inv":
        return [al.transpose(f) for f in reversed(matrix_factors(node.inputs[0].inputs[0]))]
    return None


def _inverse_of(factors: Sequence[Node], like: Node) -> list[Node]:
    if not factors:
        return []
    if like.op == "transpose":
        inner = matrix_product([al.transpose(f) for f in reversed(factors)])
        return [al.transpose(al.apply("inv", inner))]
    return [al.apply("inv", matrix_product(factors))]


def inverse_beside(node: Node) -> Node | None:
    """A A^-1 = I, A^-1 A = I; in the same way A (B A)^-1 = B^-1 and (A B)^-1 A = B^-1, for square A."""

    def pair(a: Node, b: Node) -> list[Node] | None:
        after, before = _inverted(b), _inverted(a)
        if after is not None and is_square(a) and after[-1] is a:
            return _inverse_of(after[:-1], b)
        if before is not None and is_square(b) and before[0] is b:
            return _inverse_of(before[1:], a)
        return None

    return where_they_meet(node, pair)


def inverse_of_inverse(node: Node) -> Node | None:
    """(A^-1)^-1 = A."""
    inner = node.inputs[0]
    return inner.inputs[0] if inner.op == "inv" else None


def inverse_of_transpose(node: Node) -> Node | None:
    """(A^T)^-1 = (A^-1)^T, and the same for the adjugate."""
    inner = node.inputs[0]
    return al.transpose(al.apply(node.op, inner.inputs[0])) if inner.op == "transpose" else None


def inverse_of_multiple(node: Node) -> Node | None:
    """(c A)^-1 = (1/c) A^-1 for a number c other than 0; (A / c)^-1 = c A^-1."""
    inner = node.inputs[0]
    value, rest = split(inner)
    if value not in (0, 1) and node.shape != SCALAR and is_representable(1 / value):
        return times_number(1 / value, al.apply("inv", rest))
    if inner.op == "divide" and inner.inputs[1].shape == SCALAR != node.shape:
        return al.scale(inner.inputs[1], al.apply("inv", inner.inputs[0]))
    return None


def inverse_of_identity(node: Node) -> Node | None:
    """I^-1 = I."""
    return node.inputs[0] if node.inputs[0].op == "eye" else None


def adjugate_beside(node: Node) -> Node | None:
    """adj(A) A = det(A) I = A adj(A), also inside a longer product and for A^T."""
    left, right = (matrix_factors(n) for n in operands(node))
    for one, other in ((left[-1], right[0]), (right[0], left[-1])):
        adjugate, flipped = al.untransposed(one)
        matrix = al.transpose(other) if flipped else other
        if adjugate.op == "adj" and adjugate.inputs[0] is matrix and node.shape != SCALAR:
            factors = [*left[:-1], *right[1:]] or [al.eye(node.graph, node.shape[0])]
            return of_shape(al.scale(al.apply("det", matrix), matrix_product(factors)), node)
    return None


def adjugate_over_determinant(node: Node) -> Node | None:
    """adj(A) / det(A) = A^-1."""
    above, below = node.inputs
    matrix, flipped = al.untransposed(above)
    if matrix.op != "adj" or below.op != "det" or matrix.inputs[0] is not below.inputs[0]:
        return None
    inverse = al.apply("inv", matrix.inputs[0])
    return of_shape(al.transpose(inverse) if flipped else inverse, node)
