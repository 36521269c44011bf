"""Mean, variance, standard deviation and median.

Variance and standard deviation are those of a population, as NumPy's default (ddof=0): the sum of squares is divided
by n.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import Graph, Node, Operation, register
from gradcalc.maps import LinearMap
from gradcalc.notation import as_written, call
from gradcalc.ops.reduction import declare_reduction, needs_entries, over_length, stretched
from gradcalc.ops.slopes import centring
from gradcalc.ops.summation import axes_of, centred, length_of, placed, restored, rows_of, scaled, total
from gradcalc.ops.table import Function, alike, builds_along, declare

Array = np.ndarray[Any, Any]


class CentringMap(LinearMap, frozen=True, eq=False):
    """dX ↦ dX - mean(dX), symmetric: I - 1 1^T / n for a vector."""

    node: Node
    kind = "centring"

    def apply(self, change: Node) -> Node:
        return change.graph.make("centred", change, axis=self.node.attributes["axis"])

    def adjoint(self, upstream: Node) -> Node:
        """The map is its own adjoint."""
        return self.apply(upstream)

    def matrix(self, graph: Graph) -> Node | None:
        if len(self.source) != 1:
            return None
        return al.subtract(al.eye(self.node.graph, self.source[0]), centring(self.node.inputs[0]))


def _mean_written(node: Node) -> Node:
    operand = node.inputs[0]
    mean = node.graph.make("mean", operand, axis=node.attributes["axis"])
    return al.subtract(operand, stretched(mean, operand))


def _second_moment(near: Array, axes: Any) -> Array:
    off = centred(near, axes)
    return total(off * off, axes, length_of(near, axes))


def _var_kernel(x: Array, axes: Any) -> Array:
    """Twice through the entries: their mean, then what they differ from it by."""
    near, power = scaled(x, axes)
    return restored(_second_moment(near, axes), 2 * power)


def _std_kernel(x: Array, axes: Any) -> Array:
    near, power = scaled(x, axes)
    near, more = scaled(centred(near, axes), axes)
    return restored(np.sqrt(total(near * near, axes, length_of(x, axes))), power + more)


def _var_weights(node: Node) -> Node:
    operand, axis = node.inputs[0], node.attributes["axis"]
    return al.scale(over_length(2.0, operand, axis), node.graph.make("centred", operand, axis=axis))


def _equal(a: Any, x: Array) -> Array:
    """Where all entries are equal, and there is more than one: of one entry the deviation is always 0."""
    axes = axes_of(a["axis"])
    same_entries = np.max(x, axis=axes, keepdims=True) == np.min(x, axis=axes, keepdims=True)
    return np.asarray(same_entries & (length_of(x, axes) > 1))


register(Operation(
    "centred", needs_entries("mean", alike), lambda a, x: centred(x, axes_of(a["axis"])),
    lambda node, i: CentringMap(node.shape, node.shape, node), as_written, "distributes",
    analytic=True, written=_mean_written, rule="sum rule: d(x - mean(x)) = dx - mean(dx)",
))  # fmt: skip
declare_reduction(
    "mean", lambda x, axes: total(x, axes, length_of(x, axes)),
    lambda n: al.stretch(over_length(1.0, n.inputs[0], n.attributes["axis"]), n.inputs[0].shape),
    "the mean of the entries", "mean(dx)", "distributes", empty=False, analytic=True,
)  # fmt: skip
declare_reduction(
    "var", _var_kernel, _var_weights, "the variance of a population: mean((x - mean(x))^2), divided by n",
    "2/n (x - mean(x))^T dx", "scales", empty=False, analytic=True,
)  # fmt: skip
declare_reduction(
    "std", _std_kernel, lambda n: n.graph.make("deviation_slope", n.inputs[0], axis=n.attributes["axis"]),
    "the standard deviation of a population: sqrt(var(x)), divided by n", "(x - mean(x))^T dx / (n std(x))", "scales",
    empty=False, kink=_equal, kink_rule="0 where all entries are equal, the minimum-norm subgradient",
)  # fmt: skip

# ------------------------------------------------------------------------------- median


def middle(x: Array, axes: Any) -> tuple[Array, Array]:
    """The two middle ones of the ordered entries, which are one of an odd number."""
    rows = np.sort(rows_of(x, axes), axis=-1)
    n = rows.shape[-1]
    return placed(rows[..., (n - 1) // 2], axes), placed(rows[..., n // 2], axes)


def _median_kernel(x: Array, axes: Any) -> Array:
    low, high = middle(x, axes)
    whole = low + high
    return np.asarray(np.where(low == high, low, np.where(np.isfinite(whole), 0.5 * whole, 0.5 * low + 0.5 * high)))


def _share_kernel(a: Any, x: Array) -> Array:
    """Half to those equal to the lower middle entry, half to those equal to the upper one, each half evenly."""
    axes = axes_of(a["axis"])
    halves = [(x == middle).astype(float) for middle in middle(x, axes)]
    return np.asarray(sum(0.5 * half / np.sum(half, axis=axes, keepdims=True) for half in halves))


def _median_kink(a: Any, x: Array) -> Array:
    """Where an entry that is in the middle has its equal; two equal ones that both are in the middle do no harm."""
    axes = axes_of(a["axis"])
    low, high = middle(x, axes)
    beside = [np.sum(x == middle, axis=axes, keepdims=True) for middle in (low, high)]
    alone = 2 if length_of(x, axes) % 2 == 0 else 1
    return np.asarray(np.where(low == high, beside[0] > alone, (beside[0] > 1) | (beside[1] > 1)))


_TIES = "entries equal to a middle one share its part evenly, the minimum-norm subgradient"
declare(
    Function("median_share", builds_along("median_share"), "the part that each entry has in the median: 1 for "
             "the middle one, 1/2 for each of two; equal ones share",
             "0, where no entries are tied", "median_share([1, 5, 2])",
             reduces=True, domain="at least one entry", kink=_TIES),
    Operation("median_share", needs_entries("median", alike), _share_kernel, lambda node, i: None, call("median_share"),
              "is constant", kink=_median_kink, jumps=True,
              kink_rule="it jumps where an entry equals a middle one; the derivative is 0"),
)  # fmt: skip
declare_reduction(
    "median", _median_kernel, lambda n: n.graph.make("median_share", n.inputs[0], axis=n.attributes["axis"]),
    "the middle entry; of an even number the mean of the two middle ones", "median_share(x)^T dx", "routes",
    example="median([1, 5, 2])", empty=False, kink=_median_kink, kink_rule=_TIES,
)  # fmt: skip
