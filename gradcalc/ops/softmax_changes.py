"""The differentials of softmax and its logarithm, which keep the digits of 1 - p where one entry has nearly all.

With p = softmax(x) they are p ∘ (c - ⟨p, c⟩) and c - ⟨p, c⟩, and the adjoint of the second is u - p Σu: operations of x
and c, or x and u. As the entries of p sum to 1, the largest one's 1 - p is the sum of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import Graph, Node, Operation, count, register
from gradcalc.maps import Hadamard, LinearMap, composed
from gradcalc.notation import as_written
from gradcalc.ops.doubled import two_sum
from gradcalc.ops.reduction import stretched
from gradcalc.ops.summation import axes_of, greatest, placed, rows_of, total
from gradcalc.ops.table import alike

Array = np.ndarray[Any, Any]


def shifted(x: Array, axes: Any) -> tuple[Array, Array, Array]:
    """The largest entry, x less it, and exp of that, with the rounding of the difference made good."""
    top = placed(greatest(rows_of(x.real, axes)), axes)
    top = np.where(np.isfinite(top), top, 0.0)
    difference, error = two_sum(x, -top)
    powers = np.exp(difference)
    return top, difference, powers + powers * np.where(np.isfinite(error), error, 0.0)


def largest(x: Array, axes: Any) -> Array:
    """A mask of the one entry of each group that is the largest, the first of several."""
    rows = rows_of(x.real, axes)
    mask = np.zeros(rows.shape, bool)
    if mask.size:
        np.put_along_axis(mask, np.argmax(rows, axis=-1)[..., None], True, axis=-1)
    return np.swapaxes(mask, -1, -2) if axes == (-2,) else mask.reshape(x.shape)


def softmax(x: Array, axes: Any) -> Array:
    """exp(x) / Σ exp(x)."""
    _, _, powers = shifted(x, axes)
    return np.asarray(powers / total(powers, axes))


def _less_mean(a: Any, x: Array, c: Array) -> Array:
    """c - ⟨p, c⟩."""
    axes, (x, c) = axes_of(a["axis"]), np.broadcast_arrays(x, c)
    p, top = softmax(x, axes), largest(x, axes)
    others = np.where(top, 0.0, p)
    apart = c * total(others, axes) - total(others * c, axes)
    return np.asarray(np.where(top, apart, c - total(p * c, axes)))


def _less_share(a: Any, x: Array, u: Array) -> Array:
    """u - p Σu."""
    axes, (x, u) = axes_of(a["axis"]), np.broadcast_arrays(x, u)
    p, top = softmax(x, axes), largest(x, axes)
    apart = u * total(np.where(top, 0.0, p), axes) - p * total(np.where(top, 0.0, u), axes)
    return np.asarray(np.where(top, apart, u - p * total(u, axes)))


def probabilities(x: Node, axis: int | None) -> Node:
    """softmax(x) as a node."""
    return x.graph.make("softmax", x, axis=axis)


def _written_softmax(node: Node) -> Node:
    (x, c), axis = node.inputs, node.attributes["axis"]
    p = probabilities(x, axis)
    weighted = al.multiply(c, p)
    if axis is None and p.shape:
        return al.subtract(weighted, al.scale(al.inner(p, c), p))
    return al.subtract(weighted, al.multiply(stretched(al.total(weighted, axis), p), p))


def _written_mean(node: Node) -> Node:
    (x, c), axis = node.inputs, node.attributes["axis"]
    return al.subtract(c, stretched(al.total(al.multiply(c, probabilities(x, axis)), axis), c))


def _written_share(node: Node) -> Node:
    (x, u), axis = node.inputs, node.attributes["axis"]
    return al.subtract(u, al.multiply(stretched(al.total(u, axis), u), probabilities(x, axis)))


class ProbabilityMap(LinearMap, frozen=True, eq=False):
    """A map that softmax(x) is in; x is a node, `axis` that of the softmax."""

    x: Node
    axis: int | None

    @property
    def p(self) -> Node:
        """softmax(x)."""
        return probabilities(self.x, self.axis)

    def made(self, op: str, change: Node) -> Node:
        """An operation of x and of a change."""
        return change.graph.make(op, self.x, change, axis=self.axis)


class SoftmaxMap(ProbabilityMap, frozen=True, eq=False):
    """dX ↦ P ∘ (dX - ⟨P, dX⟩), symmetric: diag(p) - p p^T for a vector."""

    kind = "softmax"

    def apply(self, change: Node) -> Node:
        return self.made("softmax_change", change)

    def adjoint(self, upstream: Node) -> Node:
        """The map is its own adjoint."""
        return self.apply(upstream)

    def matrix(self, graph: Graph) -> Node | None:
        p = self.p
        if len(p.shape) != 1:
            return None
        return al.subtract(p.graph.make("diag", p, extract=False), al.matmul(p, al.transpose(p)))

    def parts(self) -> dict[str, Node]:
        return {"output": self.p}

    def cost(self) -> int:
        return 2 * count(self.source)


class LogSoftmaxMap(ProbabilityMap, frozen=True, eq=False):
    """dX ↦ dX - ⟨P, dX⟩: I - 1 p^T for a vector; or its adjoint, u ↦ u - P Σu."""

    turned: bool = False
    kind = "log-softmax"

    def apply(self, change: Node) -> Node:
        return self.made("less_share" if self.turned else "less_mean", change)

    def adjoint(self, upstream: Node) -> Node:
        return self.made("less_mean" if self.turned else "less_share", upstream)

    def matrix(self, graph: Graph) -> Node | None:
        p = self.p
        if len(p.shape) != 1:
            return None
        ones = al.ones(p.graph, p.shape)
        outer = p.graph.make("matmul", *((p, ones) if self.turned else (ones, p)), left=False, right=True)
        return al.subtract(al.eye(p.graph, p.shape[0]), outer)

    def cost(self) -> int:
        return count(self.source)


class MeanMap(LinearMap, frozen=True, eq=False):
    """dP ↦ -⟨dP, C⟩ in every entry: how c - ⟨p, c⟩ depends on p."""

    c: Node
    axis: int | None
    kind = "weighted-mean"

    def apply(self, change: Node) -> Node:
        return al.negative(stretched(al.total(al.multiply(self.c, change), self.axis), self.c))

    def adjoint(self, upstream: Node) -> Node:
        return al.negative(al.multiply(stretched(al.total(upstream, self.axis), self.c), self.c))


class WeightMap(ProbabilityMap, frozen=True, eq=False):
    """dP ↦ dP ∘ (C - ⟨P, C⟩) - P ⟨dP, C⟩: how p ∘ (c - ⟨p, c⟩) depends on p."""

    c: Node
    kind = "softmax-weights"

    def _off(self, change: Node) -> Node:
        return al.multiply(change, self.made("less_mean", self.c))

    def apply(self, change: Node) -> Node:
        taken = al.total(al.multiply(self.c, change), self.axis)
        return al.subtract(self._off(change), al.multiply(stretched(taken, self.c), self.p))

    def adjoint(self, upstream: Node) -> Node:
        taken = al.total(al.multiply(self.p, upstream), self.axis)
        return al.subtract(self._off(upstream), al.multiply(stretched(taken, self.c), self.c))


def _through_softmax(outer: LinearMap, x: Node, axis: int | None) -> LinearMap:
    """What depends on x by way of softmax(x)."""
    return composed(outer, SoftmaxMap(x.shape, x.shape, x, axis))


def _softmax_change_map(node: Node, i: int) -> LinearMap:
    (x, c), axis = node.inputs, node.attributes["axis"]
    if i == 1:
        return SoftmaxMap(x.shape, x.shape, x, axis)
    return _through_softmax(WeightMap(x.shape, x.shape, x, axis, c), x, axis)


def _less_mean_map(node: Node, i: int) -> LinearMap:
    (x, c), axis = node.inputs, node.attributes["axis"]
    if i == 1:
        return LogSoftmaxMap(x.shape, x.shape, x, axis)
    return _through_softmax(MeanMap(x.shape, x.shape, c, axis), x, axis)


def _less_share_map(node: Node, i: int) -> LinearMap:
    (x, u), axis = node.inputs, node.attributes["axis"]
    if i == 1:
        return LogSoftmaxMap(x.shape, x.shape, x, axis, True)
    diagonal = al.negative(stretched(al.total(u, axis), u))
    return _through_softmax(Hadamard(x.shape, x.shape, diagonal), x, axis)


def _register(name: str, kernel: Callable[..., Array], differential: Callable[[Node, int], LinearMap],
              written: Callable[[Node], Node], rule: str) -> None:  # fmt: skip
    register(Operation(name, alike, kernel, differential, as_written, "competes", rule=rule, analytic=True,
                       written=written))  # fmt: skip


def _softmax_change(a: Any, x: Array, c: Array) -> Array:
    return np.asarray(softmax(x, axes_of(a["axis"])) * _less_mean(a, x, c))


_register("softmax_change", _softmax_change, _softmax_change_map, _written_softmax,
          "product rule: d(p ∘ (c - ⟨p, c⟩)) = dp ∘ (c - ⟨p, c⟩) - ⟨dp, c⟩ p + p ∘ (dc - ⟨p, dc⟩)")  # fmt: skip
_register("less_mean", _less_mean, _less_mean_map, _written_mean,
          "product rule: d(c - ⟨p, c⟩) = dc - ⟨p, dc⟩ - ⟨dp, c⟩")  # fmt: skip
_register("less_share", _less_share, _less_share_map, _written_share,
          "product rule: d(u - p Σu) = du - p Σdu - dp Σu")  # fmt: skip
