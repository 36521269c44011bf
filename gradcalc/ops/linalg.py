"""Matrix products, inverses, determinants. Identities: Petersen and Pedersen, The Matrix Cookbook, sections 2.1-2.5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import (
    SCALAR,
    Graph,
    Node,
    Operation,
    Shape,
    ShapeError,
    extent,
    is_row,
    joint_size,
    of_extent,
    register,
    transposed,
)
from gradcalc.maps import Compose, Inner, Kronecker, LinearMap, Sandwich, transposed_map
from gradcalc.notation import Level, Piece, Style, call
from gradcalc.notation import transposed as show_transposed
from gradcalc.ops.table import Function, builds, declare

Array = np.ndarray[Any, Any]


def _flipped(x: Array, flip: bool) -> Array:
    return np.swapaxes(x, -1, -2) if flip else x


def product_shape(left: Shape, right: Shape) -> Shape:
    """The shape of a matrix product; a row by a column is a scalar."""
    (rows, inside), (beside, columns) = extent(left), extent(right)
    if inside != beside:
        raise ShapeError(f"columns of the left ({inside}) must equal rows of the right ({beside})")
    if is_row(left) and len(right) == 1:
        return SCALAR
    if len(right) == 1:
        return (rows,)
    return of_extent(rows, columns)


def _matmul_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    left = transposed(shapes[0]) if a["left"] else shapes[0]
    right = transposed(shapes[1]) if a["right"] else shapes[1]
    return product_shape(left, right)


def _matmul_map(node: Node, i: int) -> LinearMap:
    """d(A B) = dA B + A dB; a column or row beside a row or column makes it an inner or outer product."""
    left, right = (
        al.transpose(n) if node.attributes[side] else n for n, side in zip(node.inputs, ("left", "right"), strict=True)
    )
    source, flipped = node.inputs[i].shape, node.attributes[("left", "right")[i]]
    other = (right, left)[i]
    if node.shape == SCALAR:
        return Inner(source, SCALAR, other if flipped else al.transpose(other))
    linear = Sandwich(left.shape, node.shape, right=right) if i == 0 else Sandwich(right.shape, node.shape, left)
    return Compose(source, node.shape, (linear, transposed_map(source))) if flipped else linear


def _show_matmul(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    def side(piece: Piece, flip: bool) -> Piece:
        return show_transposed(piece, style) if flip else piece

    left, right = side(pieces[0], node.attributes["left"]), side(pieces[1], node.attributes["right"])
    return style.juxtaposed(left, right)


def _matmul_kernel(a: Any, x: Array, y: Array) -> Array:
    return np.asarray(np.matmul(_flipped(x, a["left"]), _flipped(y, a["right"])))


register(Operation("matmul", _matmul_shape, _matmul_kernel, _matmul_map, _show_matmul, "switches", bilinear=True,
                   analytic=True, rule="product rule: d(A B) = dA B + A dB"))  # fmt: skip


def _dot(graph: Graph, x: Sequence[Node], axis: int | None) -> Node:
    if x[0].shape != x[1].shape:
        raise ShapeError("dot takes two of one shape", "transpose one of them, or write a matrix product")
    return al.inner(*x)


def _outer(graph: Graph, x: Sequence[Node], axis: int | None) -> Node:
    if any(len(n.shape) != 1 for n in x):
        raise ShapeError("outer takes two columns")
    return graph.make("matmul", x[0], x[1], left=False, right=True)


declare(Function("dot", _dot, "the sum of the products of entries, u^T v", "v^T du + u^T dv",
                 "dot([1, 2], [3, 4])", 2, 2))  # fmt: skip
declare(Function("outer", _outer, "the outer product u v^T of two columns", "du v^T + u dv^T",
                 "outer([1, 2], [3, 4])", 2, 2))  # fmt: skip

# ------------------------------------------------------------------------------ Kronecker


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


@dataclass(frozen=True, eq=False)
class Contraction(LinearMap):
    """The adjoint of dX ↦ dX ⊗ B as a map of either operand."""

    other: Node
    first: bool
    second: bool = False
    kind = "kronecker-contraction"

    def apply(self, change: Node) -> Node:
        operands = (self.other, change) if self.second else (change, self.other)
        return al.fit(change.graph.make("kron_contract", *operands, first=self.first), self.target)

    def adjoint(self, upstream: Node) -> Node:
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

# ------------------------------------------------------------------ square matrices


def _square(what: str) -> Any:
    def shape(shapes: Sequence[Shape], a: Any) -> Shape:
        rows, columns = extent(shapes[0])
        if rows != columns:
            raise ShapeError(f"{what} needs a square matrix")
        return shapes[0]

    return shape


def _of_square(what: str) -> Any:
    check = _square(what)

    def shape(shapes: Sequence[Shape], a: Any) -> Shape:
        check(shapes, a)
        return SCALAR

    return shape


def is_singular(a: Any, x: Array, *rest: Array) -> Array:
    """Exactly singular, or so near that an inverse has no right digit: reciprocal condition below 2^-53."""
    with np.errstate(all="ignore"):
        finite = np.asarray(np.isfinite(x).all(axis=(-1, -2)))
        usable: Array = np.where(np.asarray(finite)[..., None, None], x, 0.0)
        values = np.linalg.svd(usable, compute_uv=False)
    small = values[..., -1] <= values[..., 0] * 2.0**-53 if values.shape[-1] else np.zeros(finite.shape, bool)
    return np.asarray(finite & small)[..., None, None]


def _inv_kernel(a: Any, x: Array) -> Array:
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        return np.full(x.shape, np.nan)


def _show_inv(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    return Piece(style.inverse(style.enclose(pieces[0], Level.ATOM), False), Level.POWER)


def _inv_map(node: Node, i: int) -> LinearMap:
    """d(X^-1) = -X^-1 dX X^-1."""
    return Sandwich(node.shape, node.shape, al.negative(node), node)


def _trace_map(node: Node, i: int) -> LinearMap:
    source = node.inputs[0].shape
    return Inner(source, SCALAR, al.eye(node.graph, source[0]) if source else al.ones(node.graph, SCALAR))


declare(
    Function("trace", builds("trace"), "the sum of the diagonal", "tr(dX)", "trace([[1, 2], [3, 4]])",
             aliases=("tr",)),
    Operation("trace", _of_square("trace"), lambda a, x: np.trace(x, axis1=-2, axis2=-1)[..., None, None], _trace_map,
              call("tr"), "distributes", analytic=True),
)  # fmt: skip
declare(
    Function("inv", builds("inv"), "the inverse, as A^-1", "-A^-1 dA A^-1", "inv([[2, 0], [0, 4]])",
             domain="matrices that are not singular"),
    Operation("inv", _square("inv"), _inv_kernel, _inv_map, _show_inv, "sandwiches",
              "a matrix that is not singular", is_singular, analytic=True),
)  # fmt: skip


def _det_map(node: Node, i: int) -> LinearMap:
    """d det(X) = ⟨adj(X)^T, dX⟩ (Jacobi's formula), right at singular matrices too."""
    operand = node.inputs[0]
    if operand.shape == SCALAR:
        return Inner(SCALAR, SCALAR, al.ones(node.graph, SCALAR))
    return Inner(operand.shape, SCALAR, al.transpose(al.apply("adj", operand)))


def _logdet_map(node: Node, i: int) -> LinearMap:
    """d log det(X) = ⟨X^-T, dX⟩."""
    operand = node.inputs[0]
    if operand.shape == SCALAR:
        return Inner(SCALAR, SCALAR, al.divide(al.ones(node.graph, SCALAR), operand))
    return Inner(operand.shape, SCALAR, al.transpose(al.apply("inv", operand)))


def _logdet_kernel(a: Any, x: Array) -> Array:
    with np.errstate(all="ignore"):
        sign, value = np.linalg.slogdet(x)
    return np.where(sign > 0, value, np.nan)[..., None, None]


def _logdet_fault(a: Any, x: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray((np.linalg.slogdet(x)[0] <= 0)[..., None, None])


declare(
    Function("det", builds("det"), "the determinant", "tr(adj(A) dA)", "det([[1, 2], [3, 4]])"),
    Operation("det", _of_square("det"), lambda a, x: np.linalg.det(x)[..., None, None], _det_map, call("det"),
              "scales", analytic=True),
)  # fmt: skip
declare(
    Function("logdet", builds("logdet"), "the logarithm of a positive determinant", "tr(A^-1 dA)",
             "logdet([[2, 0], [0, 3]])", domain="matrices with det(A) > 0"),
    Operation("logdet", _of_square("logdet"), _logdet_kernel, _logdet_map, call("logdet"), "scales",
              "a matrix with a positive determinant", _logdet_fault),
)  # fmt: skip


def _solve_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    _square("solve")(shapes[:1], a)
    if extent(shapes[0])[1] != extent(shapes[1])[0]:
        raise ShapeError("solve(A, b) needs as many rows in b as in A")
    return shapes[1]


def _solve_kernel(a: Any, x: Array, b: Array) -> Array:
    try:
        return np.linalg.solve(x, b)
    except np.linalg.LinAlgError:
        return np.full(np.broadcast_shapes(b.shape, (*x.shape[:-1], 1)), np.nan)


def _solve_map(node: Node, i: int) -> LinearMap:
    """d(A^-1 b) = A^-1 db - A^-1 dA (A^-1 b)."""
    inverse = al.apply("inv", node.inputs[0])
    if i == 1:
        return Sandwich(node.shape, node.shape, inverse)
    return Sandwich(node.inputs[0].shape, node.shape, al.negative(inverse), node)


declare(
    Function("solve", builds("solve"), "solve(A, b): A^-1 b", "A^-1 db - A^-1 dA A^-1 b",
             "solve([[2, 0], [0, 4]], [2, 4])", 2, 2, domain="matrices that are not singular"),
    Operation("solve", _solve_shape, _solve_kernel, _solve_map, call("solve"), "sandwiches",
              "a matrix that is not singular", is_singular, analytic=True),
)  # fmt: skip


def _cross_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    if shapes[0] != (3,) or shapes[1] != (3,):
        raise ShapeError("cross takes two columns of 3 entries")
    return (3,)


def _cross_kernel(a: Any, x: Array, y: Array) -> Array:
    return np.cross(x[..., 0], y[..., 0])[..., None]


def _cross_map(node: Node, i: int) -> LinearMap:
    """d(u × v) = du × v + u × dv; the adjoint of du ↦ du × v is ū ↦ v × ū."""
    return Cross(node.shape, node.shape, node.inputs[1 - i], i == 0)


@dataclass(frozen=True, eq=False)
class Cross(LinearMap):
    """dX ↦ dX × v, or u × dX where `first` is False."""

    other: Node
    first: bool
    kind = "cross"

    def apply(self, change: Node) -> Node:
        operands = (change, self.other) if self.first else (self.other, change)
        return change.graph.make("cross", *operands)

    def adjoint(self, upstream: Node) -> Node:
        operands = (self.other, upstream) if self.first else (upstream, self.other)
        return upstream.graph.make("cross", *operands)


declare(
    Function("cross", builds("cross"), "the cross product of two columns of 3", "du × v + u × dv",
             "cross([1, 0, 0], [0, 1, 0])", 2, 2),
    Operation("cross", _cross_shape, _cross_kernel, _cross_map, call("cross"), "switches", bilinear=True,
              analytic=True),
)  # fmt: skip
