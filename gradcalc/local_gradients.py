"""Local gradients in numbers, and what it costs to pass an upstream gradient through them."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcalc import evaluator
from gradcalc.closed_form import Writer
from gradcalc.differentiate import Backward
from gradcalc.evaluator import Values
from gradcalc.graph import Node, count, extent
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

    plan: Plan
    values: Values
    writer: Writer
    dense: bool
    entries: int = 0

    def __call__(self, linear: LinearMap) -> Local:
        """The local gradient of an edge."""
        parts = {k: self._part(v) for k, v in linear.parts().items()}
        value: Number | None = None
        if self.dense:
            value = self._in_full(linear)
        elif linear.kind in _PLAIN:
            value = _plain(linear, parts)
        return Local(self.writer.rule(linear, self.plan.graph), linear.kind, parts, value)

    def _part(self, node: Node) -> Number:
        if node not in self.values:
            evaluator.evaluate(evaluator.above(node, self.values), self.values)
        return shaped(self.values[node], node.shape)

    def _in_full(self, linear: LinearMap) -> Number:
        """The local Jacobian in full: the map applied to every basis vector, one column each.

        Raises `GradcalcError` where it is too large.
        """
        rows, columns, remedy = count(linear.target), count(linear.source), "leave --local-values out"
        self.entries += rows * columns
        self.plan.limits.refuse_large("a local gradient", rows, columns, remedy)
        self.plan.limits.refuse_many("the local gradients", self.entries, remedy)
        leaf = self.plan.graph.make("input", name="", shape=linear.source, role="basis")
        image = linear.apply(leaf)
        values: Values = ChainMap({leaf: basis(linear.source)}, self.values)  # type: ignore[assignment]
        evaluator.evaluate(evaluator.above(image, values), values)
        batch = np.broadcast_to(values[image], (columns, *(int(s) for s in extent(linear.target))))
        if not linear.source:
            return shaped(batch[0], linear.target)
        return np.array(np.swapaxes(batch, -1, -2).reshape(columns, rows).T)


def _plain(linear: LinearMap, parts: Mapping[str, Number]) -> Number:
    """The local Jacobian where it is one of the parts as it stands, or that part as a row."""
    part = next(iter(parts.values()))
    value = np.transpose(part) if "right" in parts else part
    value = np.reshape(value, (1, -1)) if linear.kind == "gradient" and len(linear.source) == 1 else value
    return -value if isinstance(linear, Negative) else value


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
