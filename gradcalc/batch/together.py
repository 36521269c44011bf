"""Rows of data of one plan, evaluated together on a leading axis.

Rows at which the same is to be said, apart from numbers, are written down together: one run whose numbers have an
axis of rows. Rows with something of their own (a fault, a gradient that is not finite, digits that are lost, a claim
that is not plainly true) are run one by one. Either way a row's document is that of a run of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradcalc import conditioning, evaluator, precision
from gradcalc.checking.claims import ClaimResult, holding, holds_plainly, settled
from gradcalc.closed_form import distributions
from gradcalc.data import Datum
from gradcalc.errors import GradcalcError
from gradcalc.evaluation import Evaluation, Findings, Sweep, evaluated, findings, kinks_of, sums_to_one, ties
from gradcalc.graph import ancestors
from gradcalc.kinks import Kinks
from gradcalc.numeric import leaf_values
from gradcalc.perturbed import digits_lost_in_gradients
from gradcalc.planning.plan import PlannedClaim, named_values
from gradcalc.run import Run
from gradcalc.runner import Runner

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class Together:
    """Runs rows of data through one sweep; `source`, `wrt`, `upstream`, `local_values` as for a run."""

    sweep: Sweep
    source: str
    wrt: Sequence[str] | None = None
    upstream: Datum | None = None
    local_values: bool = False

    def runs(self, data: Mapping[str, Datum], rows: int) -> Iterator[tuple[Array, Run | GradcalcError]]:
        """The places of some rows and their common run, or the error of one; each row is in one of them.

        `data` have an axis of rows where they differ from row to row.
        """
        alike = self._attempted(data, rows)
        alone = np.ones(rows, bool)
        if alike is not None:
            made, good = alike
            alone = ~good
            for places in self._groups(made, np.flatnonzero(good)):
                part = _part(made, places)
                yield places, self._run(part, self._findings(part), data)
        for k in np.flatnonzero(alone):
            yield np.array([k]), self.alone(row_of(data, int(k)))

    def _attempted(self, data: Mapping[str, Datum], rows: int) -> tuple[Evaluation, Array] | None:
        """The values of all rows, and the rows that are written down together; None where none is."""
        if self.sweep.kind != "gradient" or self.local_values or None in self._claims:
            return None
        try:
            return self._evaluated(data, rows)
        except GradcalcError:  # a name that is none, a fault of the file: each row says so
            return None

    @cached_property
    def _claims(self) -> list[PlannedClaim | ClaimResult | None]:
        """For each claim the verdict where the data do not count, the claim itself where they do; None where its sides
        do not fit."""
        return [settled(claim) or (claim if claim.fits else None) for claim in self.sweep.plan.claims]

    def alone(self, data: Mapping[str, Datum]) -> Run | GradcalcError:
        """The run of one row, or its error."""
        try:
            made = evaluated(self.sweep, data, self.upstream)
            return self._run(made, findings(made, self.wrt), data)
        except GradcalcError as error:
            return error

    def _run(self, made: Evaluation, found: Findings, data: Mapping[str, Datum]) -> Run:
        return Runner(made, found, data, self.wrt, self.local_values).run(self.source)

    # -------------------------------------------------------------------------- all rows

    def _evaluated(self, data: Mapping[str, Datum], rows: int) -> tuple[Evaluation, Array]:
        """All values of all rows, and the rows at which there is nothing of which their own run would tell."""
        sweep, plan = self.sweep, self.sweep.plan
        order = list(ancestors([*sweep.order, *(p for _, p in plan.primals)])) if plan.primals else sweep.order
        values = evaluator.evaluate(order, leaf_values(plan, data))
        good = np.ones(rows, bool)
        for node in order:
            good &= _finite(values[node])
            if node.operation.fault is not None:
                good &= ~_anywhere(node.operation.fault(node.attributes, *(values[i] for i in node.inputs)))
        backward = sweep.backward_order
        evaluator.evaluate(backward, values)
        for node in backward:
            good &= _finite(values[node])
        values = {node: np.broadcast_to(array, (rows, *array.shape[-2:])) for node, array in values.items()}
        for claim in self._claims:
            if isinstance(claim, PlannedClaim):
                good &= holds_plainly(claim, values)
        made = Evaluation(sweep, {node: array[good] for node, array in values.items()}, int(good.sum()))
        if made.rows:
            good[good] = self._without_warning(made)
        return Evaluation(sweep, values, rows), good

    def _without_warning(self, made: Evaluation) -> Array:
        sweep, values = self.sweep.backward, made.values
        with np.errstate(all="ignore"):
            good = np.broadcast_to(~precision.loses_digits(sweep, values), (made.rows or 0,)).copy()
            for _, _, lost, size in digits_lost_in_gradients(sweep, values, named_values(made.plan, self.wrt)):
                good &= ~precision.is_told(lost, size)
        for node in ancestors([made.plan.target]):
            if node.operation.condition is not None:
                numbers = node.operation.condition(node.attributes, *(values[i] for i in node.inputs))
                good &= ~((numbers > conditioning.TOLERATED) & (numbers < np.inf)).reshape(made.rows, -1).any(axis=1)
        return good

    # ----------------------------------------------------------------------------- groups

    def _groups(self, made: Evaluation, good: Array) -> list[Array]:
        """The good rows by what is said of them: kinks, ties, distributions."""
        if not len(good):
            return []
        part = _part(made, good)
        marks = [mask for _, mask in self._kinks(part)] + [mask for _, mask in ties(self.sweep, part.values)]
        marks += [sums_to_one(part.values[y], y.shape)[:, None, None] for y in distributions(self.sweep.backward)]
        if not marks:
            return [good]
        table = np.concatenate([np.broadcast_to(m, (len(good), *m.shape[1:])).reshape(len(good), -1) for m in marks],
                               axis=1)  # fmt: skip
        packed = np.packbits(table, axis=1)
        _, group = np.unique(packed, axis=0, return_inverse=True)
        group = group.reshape(-1)
        order = np.argsort(group, kind="stable")
        starts = np.flatnonzero(np.diff(group[order])) + 1
        return sorted((good[part] for part in np.split(order, starts)), key=lambda places: int(places[0]))

    def _kinks(self, made: Evaluation) -> Kinks:
        return kinks_of(self.sweep, made.values)

    def _findings(self, part: Evaluation) -> Findings:
        """What is said of rows that are alike: what is said of the first."""
        first = _part(part, np.array([0]))
        kinks = [(node, mask[0]) for node, mask in self._kinks(first)]
        ends = [y for y in distributions(self.sweep.backward) if sums_to_one(first.values[y], y.shape).all()]
        claims = [holding(claim) if isinstance(claim, PlannedClaim) else claim for claim in self._claims]
        known = [claim for claim in claims if claim is not None]
        return Findings(kinks, bool(ties(self.sweep, first.values)), ends, [], known)


def _part(made: Evaluation, places: Array) -> Evaluation:
    return Evaluation(made.sweep, {node: array[places] for node, array in made.values.items()}, len(places))


def _finite(array: Array) -> Array:
    """Whether the entries are finite, in each row."""
    return np.asarray(np.isfinite(array).all(axis=(-2, -1)))


def _anywhere(mask: Any) -> Array:
    return np.asarray(np.asarray(mask).any(axis=(-2, -1)))


def row_of(data: Mapping[str, Datum], row: int) -> dict[str, Datum]:
    """The data of one row."""
    return {name: Datum(d.array[row], d.shape, d.labels) if d.array.ndim > 2 else d for name, d in data.items()}
