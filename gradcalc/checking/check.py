"""`gradcalc check` as data: every claim, and every gradient against an independent numeric derivative."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from gradcalc.checking.claims import ClaimResult, check_claims
from gradcalc.checking.gradients import GradientCheck, check_gradients
from gradcalc.checking.sampling import Points
from gradcalc.collector import collector_paused
from gradcalc.data import Datum
from gradcalc.errors import Diagnostic
from gradcalc.graph import Shape
from gradcalc.planning.plan import Plan, unused_data
from gradcalc.points import drawn_names, draws


@dataclass(eq=False)
class Check:
    """What a check shows.

    `drawn` are the names that had random values, with the shapes that these had; a function that nothing defines
    has none. `points` is how many points were asked for, `seed` what they were drawn from.
    """

    source: str
    layout: str
    of: str
    claims: list[ClaimResult]
    gradients: dict[str, GradientCheck]
    drawn: dict[str, Shape | None] = field(default_factory=dict)
    points: int = 5
    seed: int = 0
    warnings: list[Diagnostic] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether a claim or a gradient is wrong; a gradient that could not be checked is not."""
        return any(not c.holds for c in self.claims) or any(g.holds is False for g in self.gradients.values())


def check(
    plan: Plan, data: Mapping[str, Datum], source: str, points: int = 5, seed: int = 0, again: Plan | None = None
) -> Check:
    """Check the claims and gradients of a plan at its data, or where some are missing at random points.

    `plan` is one of `Model.sampled`, and `again` the same with other sizes for the symbols: a claim must hold at both.
    Raises `GradcalcError` for a numeric fault at the data.
    """
    with collector_paused():
        names = drawn_names(plan, data)
        shapes = {name: plan.names[name].shape if name in plan.names else None for name in names}
        tested = Points(plan, draws(plan, data, seed), names, points)
        labels = {**plan.entries, **{name: datum.labels for name, datum in data.items() if datum.labels}}
        claims = check_claims(plan, tested, labels)
        if again is not None and {n.shape for n in again.inputs} != {n.shape for n in plan.inputs}:
            other = Points(again, draws(again, data, seed), names, points)
            claims = [_of_both(*pair) for pair in zip(claims, check_claims(again, other, labels), strict=True)]
        return Check(
            source, plan.layout, plan.labels[plan.target], claims,
            check_gradients(plan, tested, labels, seed), shapes, points, seed,
            [*plan.warnings, *unused_data(plan, data)], list(plan.notes),
        )  # fmt: skip


def _of_both(first: ClaimResult, second: ClaimResult) -> ClaimResult:
    """A claim's verdict at two sets of sizes: it holds where it holds at both, if both have points in the domain."""
    for one, other in ((first, second), (second, first)):
        if "no random point lies" in one.hint:
            return other
    if first.holds and second.holds:
        return first if first.by == "numbers" else second
    if first.holds != second.holds:
        failed = second if first.holds else first
        return replace(failed, hint=f"it holds at some sizes only; at others {failed.hint}")
    return replace(first, hint=_common(first.hint, second.hint))


def _common(first: str, second: str) -> str:
    """A hint without what is right at one set of sizes alone."""
    parts, others = first.split("; "), second.split("; ")
    tail = parts[-1]
    if tail == others[-1] or not re.search(r"factor|term|write", tail):
        return first
    return "; ".join([*parts[:-1], f"with other sizes another number is missing: {tail}, or {others[-1]}"])
