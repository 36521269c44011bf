"""`gradcalc check` as data: every claim, and every gradient against an independent numeric derivative."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradcalc.checking.claims import ClaimResult, check_claims
from gradcalc.checking.gradients import GradientCheck, check_gradients
from gradcalc.checking.sampling import Points
from gradcalc.collector import collector_paused
from gradcalc.data import Datum
from gradcalc.errors import Diagnostic
from gradcalc.graph import Shape
from gradcalc.planning.plan import Plan
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


def check(plan: Plan, data: Mapping[str, Datum], source: str, points: int = 5, seed: int = 0) -> Check:
    """Check the claims and gradients of a plan at its data, or where some are missing at random points.

    `plan` is one of `Model.sampled`. Raises `GradcalcError` for a numeric fault at the data.
    """
    with collector_paused():
        names = drawn_names(plan, data)
        shapes = {name: plan.names[name].shape if name in plan.names else None for name in names}
        tested = Points(plan, draws(plan, data, seed), names, points)
        labels = {**plan.entries, **{name: datum.labels for name, datum in data.items() if datum.labels}}
        return Check(
            source, plan.layout, plan.labels[plan.target], check_claims(plan, tested, labels),
            check_gradients(plan, tested, labels, seed), shapes, points, seed,
            [*plan.warnings, *_unused(plan, data)], list(plan.notes),
        )  # fmt: skip


def _unused(plan: Plan, data: Mapping[str, Datum]) -> list[Diagnostic]:
    return [
        Diagnostic("unused-data", f"the data for `{name}` is not used", help="the file has no such name")
        for name in data
        if name not in plan.names
    ]
