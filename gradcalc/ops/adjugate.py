"""The adjugate and its change: what makes derivatives of determinants right at singular matrices too.

Neither divides. Both come from the singular values. Identities: Magnus and Neudecker, Matrix Differential Calculus,
ch. 8; Stewart, On the adjugate matrix, Linear Algebra and its Applications 283 (1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import SCALAR, Graph, Node, Operation, Shape, ShapeError, extent
from gradcalc.maps import Compose, Inner, LinearMap, Outer, Sandwich, Sum
from gradcalc.notation import call
from gradcalc.ops.table import Function, builds, declare

Array = np.ndarray[Any, Any]


def _square(shapes: Sequence[Shape], a: Any) -> Shape:
    rows, columns = extent(shapes[0])
    if rows != columns:
        raise ShapeError("adj needs a square matrix")
    return shapes[0]


def _square_pair(shapes: Sequence[Shape], a: Any) -> Shape:
    if shapes[0] != shapes[1]:
        raise ShapeError("adj_change takes a square matrix and a change of its shape")
    return _square(shapes, a)


def _adj_kernel(a: Any, x: Array) -> Array:
    """The adjugate from the singular values, without division: U S V^T has adj = det(U V) V adj(S) U^T."""
    n = x.shape[-1]
    if n == 2:
        rows = [[x[..., 1, 1], -x[..., 0, 1]], [-x[..., 1, 0], x[..., 0, 0]]]
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    finite = np.isfinite(x).all(axis=(-1, -2), keepdims=True)
    u, s, vt = np.linalg.svd(np.where(finite, x, 0.0))
    others = np.stack([np.prod(np.delete(s, k, axis=-1), axis=-1) for k in range(n)], axis=-1)
    sign = np.linalg.det(u) * np.linalg.det(vt)
    adjugate = np.swapaxes(vt, -1, -2) * others[..., None, :] @ np.swapaxes(u, -1, -2)
    return np.where(finite, np.round(sign)[..., None, None] * adjugate, np.nan)


def _adj_change_kernel(a: Any, x: Array, h: Array) -> Array:
    """The change of adj(X) for a change H of X, without division.

    With X = U S V^T and K = U^T H V it is det(U V) V D U^T. There D is the change of the adjugate of a diagonal
    matrix: D_ij = -P_ij K_ij and D_ii = Σⱼ P_ij K_jj, with P_ij the product of all singular values but those of i
    and j.
    """
    n = x.shape[-1]
    if n < 3:  # of a number it is 0; of 2 × 2 the adjugate is linear
        return (_adj_kernel(a, h) if n == 2 else np.zeros_like(h)) + np.zeros_like(x)
    finite = np.isfinite(x).all(axis=(-1, -2), keepdims=True)
    u, s, vt = np.linalg.svd(np.where(finite, x, 0.0))
    sign = np.round(np.linalg.det(u) * np.linalg.det(vt))[..., None, None]
    inside = np.swapaxes(u, -1, -2) @ h @ np.swapaxes(vt, -1, -2)
    others = _products_without_two(s)
    diagonal = np.einsum("...ij,...jj->...i", others, inside)
    middle = diagonal[..., None] * np.eye(n) - others * inside
    return np.where(finite, sign * (np.swapaxes(vt, -1, -2) @ middle @ np.swapaxes(u, -1, -2)), np.nan)


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


def _adj_map(node: Node, i: int) -> LinearMap:
    return AdjugateMap(node.shape, node.shape, node.inputs[0])


def _adjugate_terms(operand: Node) -> LinearMap:
    """d adj(X) = (tr(adj(X) dX) I - adj(X) dX) X^-1, for X not singular."""
    adjugate, inverse, shape = al.apply("adj", operand), al.apply("inv", operand), operand.shape
    first = Compose(shape, shape, (Outer(SCALAR, shape, inverse), Inner(shape, SCALAR, al.transpose(adjugate))))
    return Sum(shape, shape, (first, Sandwich(shape, shape, al.negative(adjugate), inverse)))


@dataclass(frozen=True, eq=False)
class AdjugateMap(LinearMap):
    """dX ↦ the change of adj(X), right at singular matrices too; its adjoint is the same map at X^T."""

    operand: Node
    kind = "adjugate"

    def apply(self, change: Node) -> Node:
        return al.apply("adj_change", self.operand, change)

    def adjoint(self, upstream: Node) -> Node:
        return al.apply("adj_change", al.transpose(self.operand), upstream)

    def matrix(self, graph: Graph) -> Node | None:
        """For X not singular."""
        return _adjugate_terms(self.operand).matrix(graph)


def _adj_change_map(node: Node, i: int) -> LinearMap:
    """Linear in the change; by X, for X not singular, from d adj(X) = (tr(adj(X) H) I - adj(X) H) X^-1."""
    operand, change = node.inputs
    if i == 1:
        return AdjugateMap(node.shape, node.shape, operand)
    shape, inverse, adjugate = node.shape, al.apply("inv", operand), al.apply("adj", operand)
    inner = al.inner(al.transpose(adjugate), change)
    by_adjugate = AdjugateMap(shape, shape, operand)
    turned = al.negative(al.matmul(change, inverse))
    return Sum(shape, shape, (
        Compose(shape, shape, (Outer(SCALAR, shape, inverse), Inner(shape, SCALAR, al.transpose(change)), by_adjugate)),
        Sandwich(shape, shape, al.scale(al.negative(inner), inverse), inverse),
        Compose(shape, shape, (Sandwich(shape, shape, right=turned), by_adjugate)),
        Sandwich(shape, shape, al.matmul(adjugate, al.matmul(change, inverse)), inverse),
    ))  # fmt: skip


declare(
    Function("adj", builds("adj"), "the adjugate: adj(A) A = det(A) I, also where A is singular",
             "(tr(adj(A) dA) I - adj(A) dA) A^-1", "adj([[1, 2], [3, 4]])"),
    Operation("adj", _square, _adj_kernel, _adj_map, call("adj"), "sandwiches"),
)  # fmt: skip
declare(
    Function("adj_change", builds("adj_change"), "adj_change(A, H): the change of adj(A) for a change H of A, also "
             "where A is singular", "adj_change(A, dH), and the change of that by A",
             "adj_change([[1, 2], [3, 4]], [[1, 0], [0, 1]])", 2, 2),
    Operation("adj_change", _square_pair, _adj_change_kernel, _adj_change_map, call("adj_change"), "sandwiches",
              bilinear=True),
)  # fmt: skip
