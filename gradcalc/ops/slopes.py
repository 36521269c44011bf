"""The gradients of what grows in proportion to its operand: of the Euclidean norm and of the standard deviation.

Their kernels bring the operand near 1 first, so that they are right where the length itself has few digits left or
none; written, they are the quotients that a reader expects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import Graph, Node, Operation, register
from gradcalc.maps import LinearMap
from gradcalc.notation import as_written
from gradcalc.ops.reduction import length, over_length, stretched
from gradcalc.ops.summation import axes_of, centred, length_of, scaled, total
from gradcalc.ops.table import alike

Array = np.ndarray[Any, Any]


def _over_length_kernel(a: Any, x: Array) -> Array:
    """x / ||x||, and 0 at x = 0."""
    axes = axes_of(a["axis"])
    near, _ = scaled(x, axes)
    size = np.sqrt(total(near * near, axes))
    return np.asarray(near / np.where(size == 0, 1.0, size))


def _deviation_slope_kernel(a: Any, x: Array) -> Array:
    """(x - mean(x)) / (n std(x)), and 0 where all entries are equal."""
    axes = axes_of(a["axis"])
    near, _ = scaled(centred(scaled(x, axes)[0], axes), axes)
    size = np.sqrt(total(near * near, axes) * length_of(x, axes))
    return np.asarray(near / np.where(size == 0, 1.0, size))


def _all_zero(a: Any, x: Array) -> Array:
    return np.broadcast_to(np.all(x == 0, axis=axes_of(a["axis"]), keepdims=True), x.shape)


def _all_equal(a: Any, x: Array) -> Array:
    axes = axes_of(a["axis"])
    equal = x == np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    return np.broadcast_to(np.all(equal, axis=axes, keepdims=True), x.shape)


def _norm(node: Node) -> Node:
    return node.graph.make("norm", node.inputs[0], axis=node.attributes["axis"])


def _spread(node: Node) -> Node:
    """n std(x)."""
    operand, axis = node.inputs[0], node.attributes["axis"]
    return al.scale(length(operand, axis), node.graph.make("std", operand, axis=axis))


class SlopeMap(LinearMap, frozen=True, eq=False):
    """dX ↦ (P dX - w ⟨G, dX⟩ G) / L, symmetric; G is the slope itself, and zero where L is.

    Of the norm P is the identity, w = 1, L = ||x||; of the standard deviation P takes the mean off, w = n,
    L = n std(x).
    """

    node: Node
    below: Node
    kind = "slope"

    @property
    def _deviates(self) -> bool:
        return self.node.op == "deviation_slope"

    @property
    def _size(self) -> Node:
        """The norm, or the standard deviation, by which is divided apart from n: n std(x) may be beyond all floats."""
        operand, axis = self.node.inputs[0], self.node.attributes["axis"]
        return operand.graph.make("std" if self._deviates else "norm", operand, axis=axis)

    def apply(self, change: Node) -> Node:
        slope, axis = self.node, self.node.attributes["axis"]
        kept = change.graph.make("centred", change, axis=axis) if self._deviates else change
        if axis is None:
            taken = al.scale(self._times_length(al.inner(slope, change)), slope)
        else:
            along = al.total(al.multiply(slope, change), axis)
            taken = al.multiply(stretched(self._times_length(along), slope), slope)
        made = _over(al.subtract(kept, taken), self._size, axis)
        return al.scale(over_length(1.0, slope.inputs[0], axis), made) if self._deviates else made

    def _times_length(self, along: Node) -> Node:
        if not self._deviates:
            return along
        return al.scale(length(self.node.inputs[0], self.node.attributes["axis"]), along)

    def adjoint(self, upstream: Node) -> Node:
        """The map is its own adjoint."""
        return self.apply(upstream)

    def matrix(self, graph: Graph) -> Node | None:
        slope = self.node
        if len(slope.shape) != 1:
            return None
        taken = [centring(slope.inputs[0])] if self._deviates else []
        along = self._times_length(al.matmul(slope, al.transpose(slope)))
        return al.divide(al.subtract(al.eye(slope.graph, slope.shape[0]), *taken, along), self.below)

    def parts(self) -> dict[str, Node]:
        return {"slope": self.node}


def centring(node: Node) -> Node:
    """1 1^T / n, which takes the mean of a vector of the node's shape."""
    size = node.shape[0]
    return al.scale(over_length(1.0, node, None), al.ones(node.graph, (size, size)))


def _over(above: Node, below: Node, axis: int | None) -> Node:
    """What belongs together along the axis, over one number for each."""
    return al.divide(above, below if axis is None else stretched(below, above), "ratio")


def _slope(name: str, kernel: Callable[..., Array], below: Callable[[Node], Node], above: Callable[[Node], Node],
           rule: str, kink: Callable[..., Array], kink_rule: str) -> None:  # fmt: skip
    register(Operation(
        name, alike, kernel, lambda node, i: SlopeMap(node.shape, node.shape, node, below(node)), as_written, "scales",
        rule=rule, written=lambda node: _over(above(node), below(node), node.attributes["axis"]), kink=kink,
        kink_rule=kink_rule, jumps=True,
    ))  # fmt: skip


_slope("direction", _over_length_kernel, _norm, lambda node: node.inputs[0],
       "the gradient of a norm: d(x/‖x‖) = (dx - (x/‖x‖) d‖x‖)/‖x‖", _all_zero, "0 at x = 0")  # fmt: skip
_slope("deviation_slope", _deviation_slope_kernel, _spread,
       lambda node: node.graph.make("centred", node.inputs[0], axis=node.attributes["axis"]),
       "the gradient g of a standard deviation s: dg = (dx - mean(dx) - n g ds)/(n s)", _all_equal,
       "0 where all entries are equal")  # fmt: skip
