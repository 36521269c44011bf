"""The adjugate and its changes: what makes derivatives of determinants right at singular matrices too.

The derivatives of det of all orders are one form, linear and symmetric in the changes: adj_change(X, H₁, ..., Hₖ) is
the coefficient of t₁ ... tₖ in adj(X + Σ tᵢ Hᵢ), its derivative by X along H the same with one more change H, and
⟨Y, adj_change(X, ..., H)⟩ = ⟨adj_change(X^T, ..., Y), H⟩. Nothing divides by a determinant. Identities: Magnus and
Neudecker, Matrix Differential Calculus, ch. 8; Stewart, On the adjugate matrix, Linear Algebra and its Applications
283 (1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import Node, Operation, Shape, ShapeError, extent
from gradcalc.maps import LinearMap
from gradcalc.notation import call
from gradcalc.ops import certified
from gradcalc.ops.elimination import SIDE
from gradcalc.ops.table import Function, builds, declare, square_shape

Array = np.ndarray[Any, Any]

SIDE_OF_CHANGES = 16
"""The largest side for first changes in doubled arithmetic, as there are as many of them as entries of a matrix."""


_square = square_shape("adj")


def _square_alike(shapes: Sequence[Shape], a: Any) -> Shape:
    if len(set(map(extent, shapes))) > 1:
        raise ShapeError("adj_change takes a square matrix and changes of its shape")
    return _square(shapes, a)


def _adj_kernel(a: Any, x: Array) -> Array:
    return _change_kernel(a, x)


def _change_kernel(a: Any, x: Array, *changes: Array) -> Array:
    """The change of adj(X) of an order; of a higher order than the side less 1 it is 0."""
    n, k = x.shape[-1], len(changes)
    if n == k + 1 == 2:  # the adjugate of 2 × 2 is linear
        return _adj_kernel(a, changes[0]) + np.zeros_like(x)
    known = certified.finite(x, *changes)
    keep = known[..., None, None]
    if k >= n:
        return np.where(keep, np.zeros((n, n)), np.nan)
    operands = [np.where(np.isfinite(o).all(axis=(-1, -2), keepdims=True), o, 0.0) for o in (x, *changes)]
    with np.errstate(all="ignore"):
        if n > (SIDE_OF_CHANGES if k == 1 else SIDE):
            return np.where(keep, _from_singular_values(*operands), np.nan)
        out, left = certified.adjugate(*operands)
        if left.any():
            out = np.where(left[..., None, None], _from_singular_values(*operands), out)
    return np.where(keep, out, np.nan)


# ----------------------------------------------------------- large matrices, by singular values


def _from_singular_values(x: Array, *changes: Array) -> Array:
    """X = U S V^T has adj(X) = det(U V) V adj(S) U^T; its changes are those of adj(S) for U^T H V.


    The change of adj(S) for K is D with D_ij = -P_ij K_ij and D_ii = Σⱼ P_ij K_jj, P_ij the product of all singular
    values but those of i and j. Of higher orders nothing is known: NaN.
    """
    n = x.shape[-1]
    if len(changes) > 1:
        return np.full(np.broadcast_shapes(x.shape, *(h.shape for h in changes)), np.nan)
    u, s, vt = np.linalg.svd(x)
    sign = np.round(np.linalg.det(u) * np.linalg.det(vt))[..., None, None]
    turned, back = np.swapaxes(u, -1, -2), np.swapaxes(vt, -1, -2)
    if not changes:
        others = np.stack([np.prod(np.delete(s, k, axis=-1), axis=-1) for k in range(n)], axis=-1)
        return np.asarray(sign * (back * others[..., None, :] @ turned))
    inside = turned @ changes[0] @ back
    pairs = _products_without_two(s)
    diagonal = np.einsum("...ij,...jj->...i", pairs, inside)
    middle = diagonal[..., None] * np.eye(n) - pairs * inside
    return np.asarray(sign * (back @ middle @ turned))


def _products_without_two(s: Array) -> Array:
    """P_ij: the product of all entries but those at i and j; 0 for i = j."""
    n = s.shape[-1]
    one = np.ones((*s.shape[:-1], 1))
    before = np.concatenate([one, np.cumprod(s, axis=-1)], axis=-1)
    after = np.concatenate([np.cumprod(s[..., ::-1], axis=-1)[..., ::-1], one], axis=-1)
    out = np.zeros((*s.shape, n))
    for i in range(n - 1):
        between = np.concatenate([one, np.cumprod(s[..., i + 1 : -1], axis=-1)], axis=-1)
        out[..., i, i + 1 :] = out[..., i + 1 :, i] = before[..., i, None] * between * after[..., i + 2 :]
    return out


# ------------------------------------------------------------------------- differentials


class AdjugateMap(LinearMap, frozen=True, eq=False):
    """dX ↦ the change of adj(X) for dX and the other changes; its adjoint is the same map of the transposes."""

    operand: Node
    others: tuple[Node, ...] = ()
    kind = "adjugate"

    def apply(self, change: Node) -> Node:
        return al.fit(al.apply("adj_change", self.operand, *self.others, change), self.target)

    def adjoint(self, upstream: Node) -> Node:
        transposes = map(al.transpose, (self.operand, *self.others))
        return al.fit(al.apply("adj_change", *transposes, upstream), self.source)


def _adj_map(node: Node, i: int) -> LinearMap:
    return AdjugateMap(node.shape, node.shape, node.inputs[0])


def _adj_change_map(node: Node, i: int) -> LinearMap:
    """Linear in each change; by X it is the change of one order more."""
    operand, *changes = node.inputs
    if i:
        del changes[i - 1]
    return AdjugateMap(node.inputs[i].shape, node.shape, operand, tuple(changes))


declare(
    Function("adj", builds("adj"), "the adjugate: adj(A) A = det(A) I, also where A is singular", "adj_change(A, dA)",
             "adj([[1, 2], [3, 4]])"),
    Operation("adj", _square, _adj_kernel, _adj_map, call("adj"), "sandwiches"),
)  # fmt: skip
declare(
    Function("adj_change", builds("adj_change"), "adj_change(A, H): the change of adj(A) for a change H of A, also "
             "where A is singular; adj_change(A, G, H) the change of that by A, and so on",
             "adj_change(A, H, dA) + adj_change(A, dH)", "adj_change([[1, 2], [3, 4]], [[1, 0], [0, 1]])", 2, None),
    Operation("adj_change", _square_alike, _change_kernel, _adj_change_map, call("adj_change"), "sandwiches",
              bilinear=True),
)  # fmt: skip
