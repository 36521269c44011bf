"""A row of the table: one piece of work, who does it, and the goals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from benchmarks.measure import Task

Inputs = TypeVar("Inputs")
SUBJECT = "gradcalc"


@dataclass(frozen=True)
class Goal:
    """What gradcalc's time over a peer's may be at most, or must be below if `strict`, and how a person says it."""

    at_most: float
    words: str
    strict: bool = False

    def met(self, ratio: float) -> bool:
        """Whether a ratio of times is within the goal."""
        return ratio < self.at_most if self.strict else ratio <= self.at_most


FASTER = Goal(1.0, "< 1", strict=True)
AS_FAST = Goal(1.0, "≤ 1")


def at_most(times: float) -> Goal:
    """gradcalc may take so many times as long."""
    return Goal(times, f"≤ {times:g}")


def times_faster(times: float) -> Goal:
    """The peer takes at least so many times as long as gradcalc."""
    return Goal(1 / times, f"≤ 1/{times:g}")


@dataclass(frozen=True)
class Row(Generic[Inputs]):
    """One piece of work.

    `inputs` makes what all of them work on, in a scratch folder of the row's own if it needs files. `subject` is
    gradcalc, `peers` are the others by name; each is prepared from the inputs, compilation included, into a task.
    `reference` gives the numbers that every task with numbers must agree with.
    """

    name: str
    work: str
    inputs: Callable[[Path], Inputs]
    subject: Callable[[Inputs], Task]
    peers: Mapping[str, Callable[[Inputs], Task]]
    goals: Mapping[str, Goal] = field(default_factory=dict)
    reference: Callable[[Inputs], Sequence[Any]] = lambda inputs: ()
