"""The softmax family: log Σ exp(x), exp(x) / Σ exp(x) and its logarithm.

All are computed from what the entries differ from the largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import Graph, Node, Operation, ShapeError, count, is_row
from gradcalc.maps import LinearMap
from gradcalc.notation import Piece, Style, applied, call, total
from gradcalc.ops import doubled_exp
from gradcalc.ops.doubled import two_sum
from gradcalc.ops.reduction import Kernel, declare_reduction, needs_entries, stretched
from gradcalc.ops.slopes import same
from gradcalc.ops.summation import axes_of, placed, rows_of
from gradcalc.ops.summation import total as summed
from gradcalc.ops.table import Function, declare

Array = np.ndarray[Any, Any]


def _shifted(x: Array, axes: Any) -> tuple[Array, Array, Array]:
    """The largest entry, x less it, and exp of that, with the rounding of the difference made good."""
    top = np.max(x.real, axis=axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    difference, error = two_sum(x, -top)
    powers = np.exp(difference)
    return top, difference, powers + powers * np.where(np.isfinite(error), error, 0.0)


def _log_of_rest(x: Array, powers: Array, axes: Any) -> Array:
    """log Σ exp(x - top), as log1p of the sum without the largest, so that a dominant entry loses no digits."""
    rows = np.array(rows_of(powers, axes))
    place = np.argmax(rows_of(x.real, axes), axis=-1)[..., None]
    np.put_along_axis(rows, place, 0.0, axis=-1)
    return placed(np.log1p(np.sum(rows, axis=-1)), axes)


def _logsumexp(x: Array, axes: Any) -> Array:
    """top + log Σ exp(x - top); near 0, where the two cancel, log1p(Σ exp(x) - 1) in doubled arithmetic."""
    top, _, powers = _shifted(x, axes)
    rest = _log_of_rest(x, powers, axes)
    found = np.asarray(top + rest)
    if np.iscomplexobj(x):
        return found
    cancelled = (np.abs(found) < 0.5 * np.abs(top)) & np.isfinite(found)
    for place in map(tuple, np.argwhere(cancelled)):
        found[place] = _near_zero(rows_of(np.broadcast_to(x, x.shape), axes)[_row(place, axes)])
    return found


def _row(place: tuple[int, ...], axes: Any) -> tuple[int, ...]:
    """The row of `rows_of` that a place of the reduced array stands for."""
    return place[:-2] if len(axes) == 2 else place[:-1] if axes == (-1,) else (*place[:-2], place[-1])


def _near_zero(row: Array) -> float:
    high, low = doubled_exp.exp(np.maximum(row, -500.0))
    return float(np.log1p(summed(np.concatenate([high, low, [-1.0]])[:, None], (-2, -1))[0, 0]))


def _softmax(x: Array, axes: Any) -> Array:
    _, _, powers = _shifted(x, axes)
    return np.asarray(powers / summed(powers, axes))


def _log_softmax(x: Array, axes: Any) -> Array:
    """(x - top) - log Σ exp(x - top), of one sign."""
    _, difference, powers = _shifted(x, axes)
    return np.asarray(difference - _log_of_rest(x, powers, axes))


@dataclass(frozen=True, eq=False)
class SoftmaxMap(LinearMap):
    """dX ↦ Y ∘ (dX - Σ Y ∘ dX), symmetric: diag(y) - y y^T for a vector."""

    node: Node
    kind = "softmax"

    def apply(self, change: Node) -> Node:
        y, axis = self.node, self.node.attributes["axis"]
        weighted = al.multiply(change, y)
        if axis is None and y.shape:
            return al.add([weighted, al.scale(al.inner(y, change), y)], [1, -1])
        return al.add([weighted, al.multiply(stretched(al.total(weighted, axis), y), y)], [1, -1])

    def adjoint(self, upstream: Node) -> Node:
        """The map is its own adjoint."""
        return self.apply(upstream)

    def matrix(self, graph: Graph) -> Node | None:
        y = self.node
        if len(y.shape) != 1:
            return None
        outer = al.matmul(y, al.transpose(y))
        return al.add([y.graph.make("diag", y, extract=False), outer], [1, -1])

    def parts(self) -> dict[str, Node]:
        return {"output": self.node}

    def cost(self) -> int:
        return 2 * count(self.source)


@dataclass(frozen=True, eq=False)
class LogSoftmaxMap(LinearMap):
    """dX ↦ dX - Σ P ∘ dX with P = softmax(X): I - 1 p^T for a vector."""

    node: Node
    kind = "log-softmax"

    @property
    def probabilities(self) -> Node:
        return self.node.graph.make("softmax", self.node.inputs[0], axis=self.node.attributes["axis"])

    def apply(self, change: Node) -> Node:
        summed = al.total(al.multiply(change, self.probabilities), self.node.attributes["axis"])
        return al.add([change, stretched(summed, change)], [1, -1])

    def adjoint(self, upstream: Node) -> Node:
        total = stretched(al.total(upstream, self.node.attributes["axis"]), upstream)
        return al.add([upstream, al.multiply(total, self.probabilities)], [1, -1])

    def matrix(self, graph: Graph) -> Node | None:
        node = self.node
        if len(node.shape) != 1:
            return None
        ones = al.ones(node.graph, node.shape)
        outer = node.graph.make("matmul", ones, self.probabilities, left=False, right=True)
        return al.add([al.eye(node.graph, node.shape[0]), outer], [1, -1])

    def cost(self) -> int:
        return count(self.source)


def _family(name: str, kernel: Kernel, map_class: Any, summary: str, derivative: str, habit: str) -> None:
    """Of a vector over its entries; of a matrix along the axis that must be given."""

    def build(graph: Graph, x: Sequence[Node], axis: int | None) -> Node:
        vector = len(x[0].shape) < 2 or is_row(x[0].shape)
        if axis is None and not vector:
            raise ShapeError(f"{name} of a matrix needs an axis", f"write {name}(X, axis=1) to normalise every row")
        return graph.make(name, x[0], axis=axis)

    def notation(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
        """Over all entries of a matrix it has no name of its own: exp(X - logsumexp(X))."""
        if node.attributes["axis"] is not None or len(node.shape) < 2 or is_row(node.shape):
            return call(name)(node, pieces, style)
        sums = applied(style.function("logsumexp"), [pieces[0].text], style)
        difference = total((1, -1), (pieces[0], sums), style)
        return difference if name == "log_softmax" else applied(style.function("exp"), [difference.text], style)

    declare(
        Function(name, build, summary, derivative, f"{name}([1, 2])", reduces=True),
        Operation(name, needs_entries(name, same), lambda a, x: kernel(x, axes_of(a["axis"])),
                  lambda node, i: map_class(node.shape, node.shape, node), notation, habit,
                  analytic=True),
    )  # fmt: skip


_family("softmax", _softmax, SoftmaxMap, "exp(x) / Σ exp(x), without overflow", "(diag(p) - p p^T) dx", "competes")
_family("log_softmax", _log_softmax, LogSoftmaxMap, "log(softmax(x)), without overflow", "(I - 1 p^T) dx",
        "competes")  # fmt: skip
declare_reduction(
    "logsumexp", _logsumexp, lambda n: n.graph.make("softmax", n.inputs[0], axis=n.attributes["axis"]),
    "log Σ exp(x), without overflow", "softmax(x)^T dx", "routes softly", empty=False, analytic=True,
)  # fmt: skip
