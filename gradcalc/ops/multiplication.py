"""Matrix products, inner, outer and cross products. Identities: Petersen and Pedersen, The Matrix Cookbook, 2.1-2.4."""

from __future__ import annotations

from collections.abc import Sequence
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
    of_extent,
    register,
    transposed,
)
from gradcalc.maps import Compose, Inner, LinearMap, Sandwich, transposed_map
from gradcalc.notation import Piece, Style, call
from gradcalc.notation import transposed as show_transposed
from gradcalc.ops import doubled
from gradcalc.ops.elimination import normalised
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
    """A sum that leaves the range of floats on the way is added up again in smaller numbers."""
    x, y = _flipped(x, a["left"]), _flipped(y, a["right"])
    found = np.asarray(np.matmul(x, y))
    if np.isfinite(found).all() or np.iscomplexobj(found) or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return found
    (x, p, _), (y, q, _) = normalised(x), normalised(y)
    return np.where(np.isfinite(found), found, np.ldexp(np.matmul(x, y), (p + q)[..., None, None]))


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


# -------------------------------------------------------------------------- cross product


def _cross_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    if shapes[0] != (3,) or shapes[1] != (3,):
        raise ShapeError("cross takes two columns of 3 entries")
    return (3,)


def _cross_kernel(a: Any, x: Array, y: Array) -> Array:
    """Each entry is a difference of products, within 2 units of the last place even where they cancel."""
    one, two = [1, 2, 0], [2, 0, 1]
    if np.iscomplexobj(x) or np.iscomplexobj(y):
        return np.asarray(x[..., one, :] * y[..., two, :] - x[..., two, :] * y[..., one, :])
    (x, p, _), (y, q, _) = normalised(x), normalised(y)
    found = doubled.difference_of_products(x[..., one, :], y[..., two, :], x[..., two, :], y[..., one, :])
    return np.asarray(np.ldexp(found, (p + q)[..., None, None]))


def _cross_map(node: Node, i: int) -> LinearMap:
    """d(u × v) = du × v + u × dv; the adjoint of du ↦ du × v is ū ↦ v × ū."""
    return Cross(node.shape, node.shape, node.inputs[1 - i], i == 0)


class Cross(LinearMap, frozen=True, eq=False):
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
