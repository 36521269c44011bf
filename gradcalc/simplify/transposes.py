"""Rewrites that move transposes to where they are read best.

Each takes a node of the operation that the table gives and returns a new one, or None where its identity does
not apply. Identities: Petersen and Pedersen, The Matrix Cookbook, section 1.
"""

from __future__ import annotations

from gradcalc import algebra as al
from gradcalc.graph import Node, transposed
from gradcalc.simplify.factors import (
    is_square,
    is_symmetric,
    of_shape,
    operands,
)


def turned(inner: Node) -> Node | None:
    """The transpose of a node with the transposes inside, or None where they cannot go there.

    (A B)^T = B^T A^T, (a + b)^T = a^T + b^T, (a ∘ b)^T = a^T ∘ b^T, (c a)^T = c a^T, (A ⊗ B)^T = A^T ⊗ B^T.
    """
    make = inner.graph.make
    if inner.op == "matmul":
        left, right = operands(inner)
        return al.fit(al.matmul(al.transpose(right), al.transpose(left)), transposed(inner.shape))
    if inner.op == "add":
        return al.add([al.transpose(t) for t in inner.inputs], inner.attributes["signs"])
    if inner.op in ("multiply", "divide", "ratio", "kron"):
        return make(inner.op, *(al.transpose(n) for n in inner.inputs))
    if inner.op == "scale":
        return al.scale(inner.inputs[0], al.transpose(inner.inputs[1]))
    if inner.op == "stretch":
        return al.stretch(al.transpose(inner.inputs[0]), transposed(inner.shape))
    return None


def transpose_inside(node: Node) -> Node | None:
    """The transpose of a product, a sum or a quotient is taken in its parts."""
    return turned(node.inputs[0])


def transposed_factors_inside(node: Node) -> Node | None:
    """A factor that a product takes transposed has its transpose inside: ((A B)^T) C = (B^T A^T) C."""
    flags = node.attributes["left"], node.attributes["right"]
    found = [turned(n) if flag else None for n, flag in zip(node.inputs, flags, strict=True)]
    if found == [None, None]:
        return None
    left, right = (new or old for new, old in zip(found, operands(node), strict=True))
    return of_shape(al.matmul(left, right), node)


def transpose_of_symmetric(node: Node) -> Node | None:
    """S^T = S for S = X^T X, A + A^T, diag(d), and for the inverse and the adjugate of such a one."""
    inner = node.inputs[0]
    return of_shape(inner, node) if is_square(inner) and is_symmetric(inner) else None


def symmetric_factor(node: Node) -> Node | None:
    """A factor that is symmetric is not taken transposed: (X^T X)^-T B = (X^T X)^-1 B."""
    flags = node.attributes["left"], node.attributes["right"]
    same = [flag and is_square(n) and is_symmetric(n) for n, flag in zip(node.inputs, flags, strict=True)]
    if not any(same):
        return None
    left, right = (flag and not fixed for flag, fixed in zip(flags, same, strict=True))
    return node.graph.make("matmul", *node.inputs, left=left, right=right)


def transpose_of_constant(node: Node) -> Node | None:
    """1^T is a row of ones; a stretched value is stretched the other way; I^T = I."""
    inner = node.inputs[0]
    if inner.op == "eye":
        return inner
    if inner.op == "stretch":
        return al.stretch(al.transpose(inner.inputs[0]), node.shape)
    if inner.op in ("ones", "zeros") and len(inner.shape) == 2 and inner.shape[0] != 1:
        return node.graph.make(inner.op, to=transposed(inner.shape))
    return None


def twice_transposed(node: Node) -> Node | None:
    """(A^T)^T = A."""
    inner = node.inputs[0]
    return of_shape(inner.inputs[0], node) if inner.op == "transpose" else None
