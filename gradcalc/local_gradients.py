"""Local gradients in numbers, and what it costs to pass an upstream gradient through them."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcalc import evaluator
from gradcalc.closed_form import Writer
from gradcalc.differentiate import Backward
from gradcalc.evaluation import Evaluation
from gradcalc.evaluator import Values
from gradcalc.graph import Node, count, extent, transposed
from gradcalc.maps import LinearMap, Negative
from gradcalc.planning.plan import Plan
from gradcalc.run import Local, Number, Reuse, shaped
from gradcalc.stacked import basis

Array = np.ndarray[Any, Any]
MOST_SHARED = 64
"""Values that are named as serving several gradients."""
_PLAIN = ("scalar", "negative-scalar", "matrix", "gradient", "column")


@dataclass(eq=False)
class LocalGradients:
    """The rule, the parts and the value of each linear map, for given values; all values in full if `dense`."""

    evaluation: Evaluation
    writer: Writer
    dense: bool
    entries: int = 0

    def __call__(self, linear: LinearMap) -> Local:
        """The local gradient of an edge."""
        parts = {k: shaped(self.evaluation.array(v), v.shape) for k, v in linear.parts().items()}
        value: Number | None = None
        if self.dense:
            value = self._in_full(linear)
        elif linear.kind in _PLAIN:
            value = self._plain(linear)
        return Local(self.writer.rule(linear, self.evaluation.plan.graph), linear.kind, parts, value)

    def _plain(self, linear: LinearMap) -> Number:
        """The local Jacobian where it is one of the parts as it stands, or that part as a row."""
        name, part = next(iter(linear.parts().items()))
        value, shape = self.evaluation.array(part), part.shape
        if name == "right" and len(shape) == 2:
            value, shape = np.swapaxes(value, -1, -2), shape[::-1]
        elif linear.kind == "gradient" and len(linear.source) == 1:
            value, shape = np.swapaxes(value, -1, -2), transposed(shape)
        found = shaped(value, shape)
        return -found if isinstance(linear, Negative) else found

    def _in_full(self, linear: LinearMap) -> Number:
        """The local Jacobian in full: the map applied to every basis vector, one column each.

        Raises `GradcalcError` where it is too large.
        """
        rows, columns, remedy = count(linear.target), count(linear.source), "leave --local-values out"
        self.entries += rows * columns
        plan = self.evaluation.plan
        plan.limits.refuse_large("a local gradient", rows, columns, remedy)
        plan.limits.refuse_many("the local gradients", self.entries, remedy)
        leaf = plan.graph.make("input", name="", shape=linear.source, role="basis")
        image = linear.apply(leaf)
        found = self._at_basis(leaf, image, {})
        if not np.isfinite(found).all():  # where an entry is 0 whatever the parts are, it is 0 beside infinity too
            parts = {p: self.evaluation.array(p) for p in linear.parts().values()}
            tame = self._at_basis(leaf, image, {p: np.where(np.isfinite(a), a, 1.0) for p, a in parts.items()})
            found = np.where(tame == 0, 0.0, found)
        batch = np.broadcast_to(found, (columns, *(int(s) for s in extent(linear.target))))
        if not linear.source:
            return shaped(batch[0], linear.target)
        return np.array(np.swapaxes(batch, -1, -2).reshape(columns, rows).T)

    def _at_basis(self, leaf: Node, image: Node, changed: Values) -> Array:
        """The image of all basis vectors, with other values of some parts."""
        values: Values = ChainMap({leaf: basis(leaf.shape), **changed}, self.evaluation.values)
        evaluator.evaluate(evaluator.above(image, values), values)
        return values[image]


def reuse(plan: Plan, sweep: Backward, shown: Sequence[Node]) -> Reuse:
    """The multiplications of a sweep: each edge costs its own once, or once for every gradient that it leads to."""
    reached: dict[Node, int] = {}
    bits = {node: 1 << k for k, node in enumerate(shown)}
    together = apart = 0
    for edge in reversed(sweep.edges):
        below = reached.get(edge.input, 0) | bits.get(edge.input, 0)
        reached[edge.node] = reached.get(edge.node, 0) | below
        cost = edge.linear.cost()
        together += cost if below else 0
        apart += cost * below.bit_count()
    names = [plan.labels[n] for n in shown]
    shared: list[tuple[str, tuple[str, ...]]] = []
    for node, below in reached.items():
        if below.bit_count() < 2 or node is plan.target or node.op == "input" or len(shared) == MOST_SHARED:
            continue
        shared.append((plan.labels[node], tuple(n for k, n in enumerate(names) if below >> k & 1)))
    return Reuse(together, apart, tuple(reversed(shared)))
