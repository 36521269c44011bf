"""Rewrites of what makes one number of many: sums of entries, traces, determinants; and of diagonals.

Each takes a node of the operation that the table gives and returns a new one, or None where its identity does
not apply.
"""

from __future__ import annotations

from fractions import Fraction

from gradcalc import algebra as al
from gradcalc.graph import SCALAR, Node, extent, is_row
from gradcalc.simplify.factors import (
    matrix_factors,
    matrix_product,
    of_shape,
    split,
    times_number,
)


def numbers_before_sum(node: Node) -> Node | None:
    """The sum of the entries of c x is c times that of x, for a scalar c; the same for x / c."""
    operand, axis = node.inputs[0], node.attributes["axis"]
    if operand.op == "divide" and operand.inputs[1].shape == SCALAR and operand.shape != SCALAR:
        return al.divide(al.total(operand.inputs[0], axis), operand.inputs[1])
    value, rest = split(operand)
    if value != 1.0:
        return times_number(value, al.total(rest, axis))
    return al.scale(operand.inputs[0], al.total(operand.inputs[1], axis)) if operand.op == "scale" else None


def sum_is_inner(node: Node) -> Node | None:
    """The sum of the entries of a ∘ b is a^T b."""
    operand = node.inputs[0]
    if operand.op == "multiply" and node.attributes["axis"] is None and len(operand.shape) == 1:
        return al.inner(*operand.inputs)
    return None


def sum_of_transpose(node: Node) -> Node | None:
    """The entries of A^T sum up to what those of A do."""
    operand = node.inputs[0]
    return al.total(operand.inputs[0]) if operand.op == "transpose" and node.attributes["axis"] is None else None


def sum_of_constant(node: Node) -> Node | None:
    """The sum of n ones is n, that of zeros 0, that of a onehot column 1."""
    operand = node.inputs[0]
    if operand.op == "onehot" and node.shape == SCALAR:
        return node.graph.constant(1.0)
    if al.is_zero(operand):
        return al.zeros(node.graph, node.shape)
    rows, columns = extent(operand.shape)
    if operand.op != "ones" or node.shape != SCALAR or isinstance(rows, str) or isinstance(columns, str):
        return None
    return node.graph.constant(Fraction(rows * columns))


# -------------------------------------------------------------- traces and determinants


def of_transpose(node: Node) -> Node | None:
    """tr(A^T) = tr(A), det(A^T) = det(A), logdet(A^T) = logdet(A)."""
    inner = node.inputs[0]
    return node.graph.make(node.op, inner.inputs[0]) if inner.op == "transpose" else None


def scalars_before_trace(node: Node) -> Node | None:
    """tr(c A) = c tr(A), tr(A / c) = tr(A) / c."""
    inner = node.inputs[0]
    value, rest = split(inner)
    if value != 1.0:
        return times_number(value, al.apply("trace", rest))
    if inner.op == "scale":
        return al.scale(inner.inputs[0], al.apply("trace", inner.inputs[1]))
    if inner.op == "divide" and inner.inputs[1].shape == SCALAR != inner.shape:
        return al.divide(al.apply("trace", inner.inputs[0]), inner.inputs[1])
    return None


def trace_of_outer(node: Node) -> Node | None:
    """tr(u v^T) = v^T u, tr(A u v^T) = v^T A u: factors go round."""
    factors = matrix_factors(node.inputs[0])
    place = next((k for k, f in enumerate(factors) if k and is_row(f.shape)), None)
    if place is None or len(factors[place - 1].shape) != 1:
        return None
    return of_shape(matrix_product([*factors[place:], *factors[:place]]), node)


def of_identity(node: Node) -> Node | None:
    """tr(I) is its size, det(I) = 1, logdet(I) = 0; tr(0) = 0, tr(diag(d)) is the sum of d."""
    inner = node.inputs[0]
    if inner.op == "eye" and node.op != "trace":
        return node.graph.constant(1.0 if node.op == "det" else 0.0)
    if inner.op == "eye" and not isinstance(inner.attributes["size"], str):
        return node.graph.constant(Fraction(inner.attributes["size"]))
    if node.op == "trace" and al.is_zero(inner):
        return node.graph.constant(0.0)
    if node.op == "trace" and inner.op == "diag" and not inner.attributes["extract"]:
        return al.total(inner.inputs[0])
    return None


def determinant_of_inverse(node: Node) -> Node | None:
    """logdet(A^-1) = -logdet(A)."""
    inner = node.inputs[0]
    return al.negative(al.apply("logdet", inner.inputs[0])) if inner.op == "inv" else None


def diagonal_of(node: Node) -> Node | None:
    """The diagonal of A^T is that of A, of diag(d) it is d, of u v^T it is u ∘ v."""
    inner = node.inputs[0]
    if not node.attributes["extract"]:
        return None
    if inner.op == "transpose":
        return node.graph.make("diag", inner.inputs[0], extract=True)
    if inner.op == "diag":
        return inner.inputs[0]
    factors = matrix_factors(inner)
    if len(factors) == 2 and len(factors[0].shape) == 1 and is_row(factors[1].shape):
        return of_shape(al.multiply(factors[0], al.transpose(factors[1])), node)
    return None
