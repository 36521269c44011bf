"""The Kronecker product and its adjoints. Identities: Magnus and Neudecker, Matrix Differential Calculus, ch. 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import SCALAR, Node, Operation, Shape, ShapeError, extent, joint_size, of_extent, register
from gradcalc.maps import Kronecker, LinearMap
from gradcalc.notation import Level, Piece, Style, call
from gradcalc.ops.table import Function, builds, declare

Array = np.ndarray[Any, Any]


def _kron_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    (m, n), (p, q) = extent(shapes[0]), extent(shapes[1])
    if shapes[0] == SCALAR or shapes[1] == SCALAR:
        return shapes[0] or shapes[1]
    return of_extent(joint_size(m, p), joint_size(n, q))


def _kron_kernel(a: Any, x: Array, y: Array) -> Array:
    out = x[..., :, None, :, None] * y[..., None, :, None, :]
    return out.reshape(*out.shape[:-4], out.shape[-4] * out.shape[-3], out.shape[-2] * out.shape[-1])


def _kron_map(node: Node, i: int) -> LinearMap:
    return Kronecker(node.inputs[i].shape, node.shape, node.inputs[1 - i], i == 0)


def _contract_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    (rows, columns), (p, q) = extent(shapes[0]), extent(shapes[1])
    if not all(isinstance(s, int) for s in (rows, columns, p, q)):
        raise ShapeError("the derivative of a Kronecker product needs sizes in numbers")
    if not p or not q or int(rows) % int(p) or int(columns) % int(q):
        raise ShapeError("the rows and columns of the first must be multiples of those of the second")
    return of_extent(int(rows) // int(p), int(columns) // int(q))


def _contract_kernel(a: Any, x: Array, y: Array) -> Array:
    (p, q), (rows, columns) = y.shape[-2:], x.shape[-2:]
    if a["first"]:
        blocks = x.reshape(*x.shape[:-2], rows // p, p, columns // q, q)
        return np.asarray(np.einsum("...ipjq,...pq->...ij", blocks, y))
    blocks = x.reshape(*x.shape[:-2], p, rows // p, q, columns // q)
    return np.asarray(np.einsum("...piqj,...pq->...ij", blocks, y))


def _show_contraction(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    return call("kron_left" if node.attributes["first"] else "kron_right")(node, pieces, style)


def _contract_map(node: Node, i: int) -> LinearMap:
    whole, other = node.inputs
    first = node.attributes["first"]
    if i == 0:
        return Contraction(whole.shape, node.shape, other, first)
    return Contraction(other.shape, node.shape, whole, first, True)


class Contraction(LinearMap, frozen=True, eq=False):
    """The adjoint of dX ↦ dX ⊗ B as a map of either operand."""

    other: Node
    first: bool
    second: bool = False
    kind = "kronecker-contraction"

    def apply(self, change: Node) -> Node:
        operands = (self.other, change) if self.second else (change, self.other)
        return al.fit(change.graph.make("kron_contract", *operands, first=self.first), self.target)

    def adjoint(self, upstream: Node) -> Node:
        if self.second and 0 in extent(upstream.shape):
            return al.zeros(upstream.graph, self.source)
        if self.second:
            return al.fit(upstream.graph.make("kron_contract", self.other, upstream, first=not self.first), self.source)
        operands = (upstream, self.other) if self.first else (self.other, upstream)
        return al.fit(upstream.graph.make("kron", *operands), self.source)


def _show_kron(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    a, b = (style.enclose(p, Level.POWER) for p in pieces)
    return Piece(f"{a} {style.kron} {b}", Level.HADAMARD)


declare(
    Function("kron", builds("kron"), "the Kronecker product, as A ⊗ B", "dA ⊗ B + A ⊗ dB",
             "kron([1, 2], [[3, 4]])", 2, 2),
    Operation("kron", _kron_shape, _kron_kernel, _kron_map, _show_kron, "switches", bilinear=True,
              analytic=True),
)  # fmt: skip
register(Operation("kron_contract", _contract_shape, _contract_kernel, _contract_map, _show_contraction, "switches",
                   bilinear=True, analytic=True))  # fmt: skip
declare(Function("kron_left", builds("kron_contract", first=True), "kron_left(Y, B): the matrix of the inner products "
                 "of B with the blocks of Y; the gradient by A of ⟨Y, A ⊗ B⟩", "kron_left(dY, B) + kron_left(Y, dB)",
                 "kron_left([3, 4, 6, 8], [3, 4])", 2, 2))  # fmt: skip
declare(Function("kron_right", builds("kron_contract", first=False), "kron_right(Y, A): the sum of the blocks of Y, "
                 "each times its entry of A; the gradient by B of ⟨Y, A ⊗ B⟩", "kron_right(dY, A) + kron_right(Y, dA)",
                 "kron_right([3, 4, 6, 8], [1, 2])", 2, 2))  # fmt: skip
