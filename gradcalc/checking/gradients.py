"""Gradients against numeric derivatives: the worst entry by name, and what was not checked and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradcalc import evaluator
from gradcalc.checking.agreement import place_name
from gradcalc.checking.closer import closer_look
from gradcalc.checking.comparison import MOST_CLOSER, Comparison, largest
from gradcalc.checking.numeric_derivative import (
    DIFFERENCES,
    moving_with,
    numeric_derivative,
    users_of,
)
from gradcalc.checking.sampling import Points
from gradcalc.differentiate import Backward, reverse
from gradcalc.evaluator import Values, entry
from gradcalc.graph import SCALAR, Node, ancestors, count, extent
from gradcalc.planning.plan import Plan

Array = np.ndarray[Any, Any]
MOST_INPUTS = 100
"""The gradients by more inputs are checked at one point."""
STEADY = 0.5
"""A difference is a mistake where the gradient changes by less than this part of it over the steps."""
LOOKS = 3
"""Closer looks at a gradient."""


class GradientCheck(Struct, frozen=True):
    """A gradient's verdict: `holds` is None where it was not checked, and `skipped` says why.

    `largest_error` is the absolute difference at the worst entry, which `at` names; `gradient` and `numeric` are
    the two numbers there, `tolerance` what was allowed. `checked` of `entries` entries were looked at.
    """

    name: str
    holds: bool | None
    largest_error: float | None = None
    at: str = ""
    method: str = ""
    gradient: float | None = None
    numeric: float | None = None
    tolerance: float | None = None
    checked: int = 0
    entries: int = 0
    skipped: str = ""
    where: str = ""


def check_gradients(plan: Plan, points: Points, labels: Mapping[str, Sequence[str]],
                    seed: int = 0) -> dict[str, GradientCheck]:  # fmt: skip
    """Check the gradient, or Jacobian, of the target by every input, at each of the points.

    Raises `GradcalcError` for a numeric fault at the data.
    """
    names = [plan.labels[leaf] for leaf in plan.inputs]
    valid, refusal = points.valid([plan.target])
    if refusal or not valid:
        why = f"no random point lies in the domain: {refusal}"
        return {name: GradientCheck(name, None, skipped=why) for name in names}
    checker = _Checker(plan, labels, seed)
    most = points.wanted if len(names) <= MOST_INPUTS else 1
    where = points.described(len(valid[:most]), [plan.target])
    found: dict[str, GradientCheck] = {}
    for values in valid[:most]:
        for result in checker.at(values):
            found[result.name] = _worse(found.get(result.name), result)
    return {name: replace(found[name], where=where) for name in names}


def _worse(a: GradientCheck | None, b: GradientCheck) -> GradientCheck:
    """The verdict of two points: a failure goes before all, a larger error before a smaller one."""
    if a is None:
        return b
    return max((a, b), key=lambda g: (g.holds is False, g.holds is not None, g.largest_error or 0.0))


@dataclass(eq=False)
class _Checker:
    """Gradients of one plan, ours and numeric ones."""

    plan: Plan
    labels: Mapping[str, Sequence[str]]
    seed: int

    def __post_init__(self) -> None:
        target = self.plan.target
        scalar = target.shape == SCALAR
        self.users = users_of(target)
        self.sweep: Backward = reverse(target) if scalar else reverse(
            target, self.plan.graph.make("input", name="", shape=target.shape))  # fmt: skip
        self.contributions: dict[Node, list[Node]] = {}
        for edge in self.sweep.edges:
            self.contributions.setdefault(edge.input, []).append(edge.downstream)

    def at(self, point: Values) -> list[GradientCheck]:
        """The verdict on every input at one point, which holds the values of what the target needs."""
        values = self._backward(point)
        return [self._input(leaf, point, values) for leaf in self.plan.inputs]

    def _backward(self, point: Values) -> Values:
        """The adjoints and contributions; what was not taken is left out where something is not finite."""
        target, sweep = self.plan.target, self.sweep
        kept = dict(point)
        if target.shape != SCALAR:
            kept[sweep.seed] = _basis(target)
        nodes = [*sweep.adjoints.values(), *(e.downstream for e in sweep.edges)]
        order = ancestors([sweep.seed, *nodes])
        values = evaluator.evaluate(order, dict(kept))
        if all(np.isfinite(values[n]).all() for n in nodes):
            return values
        forward = ancestors([target])
        taken = evaluator.demand(forward, kept, [target], zeros=True)
        return evaluator.evaluate(order, kept, evaluator.masks_of(sweep.edges, taken))

    def _input(self, leaf: Node, point: Values, values: Values) -> GradientCheck:
        name, size = self.plan.labels[leaf], count(leaf.shape)
        adjoint = self.sweep.adjoints.get(leaf)
        if adjoint is None:
            return GradientCheck(name, True, 0.0, method="not connected", checked=size, entries=size)
        kink = self._kink(leaf, point)
        if kink:
            return GradientCheck(name, None, entries=size, skipped=kink)
        ours = self._rows(values[adjoint], leaf)
        numeric = numeric_derivative(self.plan.target, leaf, point, self.seed, self.users)
        branches = [values[node] for node in self.contributions.get(leaf, ())]
        most = max(map(largest, branches), default=0.0)
        natural = largest(point[self.plan.target]) / max(largest(point[leaf]), 1.0)
        compared = Comparison(ours[:, numeric.entries], numeric, most, natural)
        for _ in range(LOOKS):
            columns = compared.questionable()
            if not columns.size:
                break
            moving = moving_with(leaf, self.users)
            entries = numeric.entries[columns]
            compared.settle(columns, closer_look(self.plan.target, leaf, point, moving, entries, compared.least))
        compared.finish()
        self._refuse_unsteady(leaf, point, compared)
        return self._verdict(leaf, compared)

    def _refuse_unsteady(self, leaf: Node, point: Values, compared: Comparison) -> None:
        """Take no difference for a mistake where the gradient is another one at the ends of the steps.

        Their range may then be too wide for a peak or a kink between them.
        """
        for _ in range(MOST_CLOSER):
            if not compared.wrong.any() or self._is_steady(leaf, point, compared, *compared.worst()):
                return
            compared.refuse(compared.worst())
        compared.refuse(compared.wrong)

    def _is_steady(self, leaf: Node, point: Values, compared: Comparison, row: int, column: int) -> bool:
        number, step = int(compared.numeric.entries[column]), float(compared.steps[row, column])
        ends = [self._at_a_step(leaf, point, number, sign * step)[row] for sign in (1.0, -1.0)]
        most = STEADY * compared.apart[row, column]
        return all(abs(end - compared.ours[row, column]) <= most for end in ends)

    def _at_a_step(self, leaf: Node, point: Values, number: int, step: float) -> Array:
        """The gradient by an entry of the leaf where that is larger by a step."""
        changed = point[leaf].copy()
        changed.reshape(-1)[number] += step
        values: Values = {other: point[other] for other in self.plan.inputs}
        values[leaf] = changed
        evaluator.evaluate(ancestors([self.plan.target]), values)
        return self._rows(self._backward(values)[self.sweep.adjoints[leaf]], leaf)[:, number]

    def _rows(self, adjoint: Array, leaf: Node) -> Array:
        """The Jacobian with a row for every entry of the target, entries counted row by row."""
        rows, columns = (int(s) for s in extent(leaf.shape))
        lead = count(self.plan.target.shape)
        return np.broadcast_to(adjoint, (lead, rows, columns)).reshape(lead, rows * columns)

    def _kink(self, leaf: Node, point: Values) -> str:
        """Why there is nothing to check at a kink between the leaf and the target; "" where there is none."""
        moving = moving_with(leaf, self.users)
        kinks = evaluator.kinks(moving, point)
        if kinks:
            node = kinks[0][0]
            return f"`{self._called(node)}` is not differentiable here: {node.operation.kink_rule}"
        return ""

    def _called(self, node: Node) -> str:
        span = self.plan.spans.get(node)
        return self.plan.labels.get(node) or (span.text if span else node.op)

    def _verdict(self, leaf: Node, compared: Comparison) -> GradientCheck:
        """The verdict on an input."""
        name, size, ours, numeric = self.plan.labels[leaf], count(leaf.shape), compared.ours, compared.numeric
        apart, wrong, usable = compared.apart, compared.wrong, compared.usable
        if not usable.any():
            return GradientCheck(name, None, method=numeric.method, entries=size, skipped=self._why(leaf, ours))
        row, column = worst = compared.worst()
        skipped = "" if usable.all() else f"{np.count_nonzero(~usable)} entries: {self._why(leaf, ours)}"
        checked = int(np.count_nonzero(usable.all(axis=0)))
        return GradientCheck(
            name, not wrong.any(), float(apart[worst]), self._place(leaf, int(numeric.entries[column]), row),
            DIFFERENCES if compared.closer[worst] else numeric.method, float(ours[worst]),
            float(compared.found[worst]), float(compared.tolerance[worst]), checked, size, skipped,
        )  # fmt: skip

    def _why(self, leaf: Node, ours: Array) -> str:
        """Why entries could not be compared."""
        derivative = f"∂{self.plan.labels[self.plan.target]}/∂{self.plan.labels[leaf]}"
        if np.isnan(ours).any():
            return f"{derivative} is undefined here"
        return f"{derivative} is infinite here" if np.isinf(ours).any() else "the differences do not settle here"

    def _place(self, leaf: Node, number: int, row: int) -> str:
        """The name of an entry of the gradient: `W[1, 2]`, or `h[0] by x[1]` for a Jacobian."""
        target, name = self.plan.target, self.plan.labels[leaf]
        below = f"{name}{_entry_name(leaf, number, self.labels.get(name, ()))}"
        return below if target.shape == SCALAR else f"{self.plan.labels[target]}{_entry_name(target, row)} by {below}"


def _entry_name(node: Node, number: int, labels: Sequence[str] = ()) -> str:
    return place_name(entry(divmod(number, int(extent(node.shape)[1])), node), labels)


def _basis(target: Node) -> Array:
    """All basis vectors of the target's shape, counted row by row."""
    rows, columns = (int(s) for s in extent(target.shape))
    return np.eye(rows * columns).reshape(rows * columns, rows, columns)
