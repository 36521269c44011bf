"""gradcalc against other systems, gradient by gradient; where they differ, the oracle says who is right.

The error of a gradient is its largest difference relative to its largest entry, without any floor. What differs by more
than `AGREEMENT` goes to the oracle, which knows the exact gradient of the program as written, and its spread: how far
that gradient moves when every operation is off by half a unit of a float's last place. The verdicts:

- `other`: gradcalc is right to `AGREEMENT`, the other system is not; the `cause` is `tanh` where it would be with a
  tanh whose derivative keeps its digits, `rounding` where its error is within `ALLOWED` times the spread;
- `zero`: the exact gradient is zero, and what is found is the rounding of terms that cancel, which are taken to be as
  large as the program's largest gradient, or 1;
- `conditioning`: both are off, gradcalc by no more than `ALLOWED` times the spread;
- `gradcalc`: gradcalc is off by more. There must be none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from mpmath import mpf

import gradcalc
from tests import programs
from tests.differential.systems import SYSTEMS, Gradients, with_careful_tanh
from tests.exact import programs as exact

AGREEMENT = 1e-12
ALLOWED = 16
"""How much more than the spread of a few disturbances the rounding of a whole run may be."""
ZERO = mpf(10) ** -100
"""What a central difference at this oracle's precision leaves of a derivative that is zero."""


@dataclass(frozen=True)
class Disagreement:
    """A gradient on which two systems differ: by how much, the errors, the spread where it matters, the verdict."""

    seed: int
    against: str
    gradient: str
    difference: float
    gradcalc: float
    other: float
    spread: float | None
    verdict: str
    cause: str = ""


@dataclass
class Tally:
    """What became of the programs that were compared with one system."""

    programs: int = 0
    gradients: int = 0
    agree: int = 0
    worst_agreed: float = 0.0
    verdicts: dict[str, int] = field(default_factory=dict)

    def add(self, one: Disagreement, found: list[Disagreement]) -> None:
        """Count a disagreement under its verdict and cause, and keep it."""
        kind = f"{one.verdict} ({one.cause})" if one.cause else one.verdict
        self.verdicts[kind] = self.verdicts.get(kind, 0) + 1
        found.append(one)


@dataclass
class Trust:
    """What became of the programs whose gradients were compared with the exact ones: the largest errors."""

    programs: int = 0
    gradients: int = 0
    beyond_agreement: int = 0
    beyond_spread: int = 0
    worst: float = 0.0


def relative(difference: Any, whole: Any) -> float:
    """The largest difference, relative to the largest entry; to 1 where all are 0."""
    size = np.max(np.abs(whole), initial=0)
    return float(np.max(np.abs(difference), initial=0) / (size if size > ZERO else 1))


def own(program: programs.Program) -> Gradients:
    """gradcalc's gradients, from a run."""
    run = gradcalc.loads(program.text).run(program.data, of=program.target)
    return {name: np.reshape(run.gradients[name].value, np.shape(value)) for name, value in program.inputs.items()}


class Oracle:
    """The exact gradients of a program and their spread, worked out when they are asked for."""

    def __init__(self, program: programs.Program):
        self.program = program
        self._careful: dict[str, Gradients] = {}

    @cached_property
    def exact(self) -> dict[str, Any]:
        return exact.gradients(self.program)

    @cached_property
    def spread(self) -> dict[str, Any]:
        return exact.spread(self.program, self.exact)

    def error(self, name: str, found: np.ndarray) -> float:
        return relative(exact.exactly(found) - self.exact[name], self.exact[name])

    def is_zero(self, name: str) -> bool:
        return bool(np.max(np.abs(self.exact[name])) <= ZERO)

    def excused(self, name: str) -> float:
        """The error that rounding alone can make."""
        if self.is_zero(name):
            largest = max(1.0, *(float(np.max(np.abs(g))) for g in self.exact.values()))
            return ALLOWED * float(exact.HALF_A_UNIT) * largest
        return ALLOWED * relative(self.spread[name], self.exact[name])

    def verdict(self, name: str, found: np.ndarray) -> str:
        """Who is right about a gradient on which somebody disagrees."""
        if not self.is_zero(name) and self.error(name, found) <= AGREEMENT:
            return "other"
        if self.error(name, found) > self.excused(name):
            return "gradcalc"
        return "zero" if self.is_zero(name) else "conditioning"

    def cause(self, name: str, against: str, other: np.ndarray) -> str:
        """Why another system is off, as far as that is told by a tanh that is right."""
        if self.error(name, self.careful(against)[name]) <= AGREEMENT:
            return "tanh"
        return "rounding" if self.error(name, other) <= self.excused(name) else ""

    def careful(self, against: str) -> Gradients:
        """Another system's gradients with a tanh that keeps its digits."""
        if against not in self._careful:
            system, namespace = SYSTEMS[against]
            self._careful[against] = system(self.program, with_careful_tanh(namespace()))
        return self._careful[against]


def settled(oracle: Oracle, against: str, name: str, found: np.ndarray, other: np.ndarray) -> Disagreement:
    """A disagreement on a gradient, with the oracle's verdict."""
    verdict = oracle.verdict(name, found)
    right = verdict == "other"
    return Disagreement(
        oracle.program.seed, against, name, relative(found - other, other), oracle.error(name, found),
        oracle.error(name, other), None if right else oracle.excused(name) / ALLOWED, verdict,
        oracle.cause(name, against, other) if right else "",
    )  # fmt: skip


@dataclass
class Comparison:
    """A comparison of many programs, as it grows."""

    against: tuple[str, ...]
    exact_every: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    trust: Trust = field(default_factory=Trust)
    found: list[Disagreement] = field(default_factory=list)

    def over(self, seeds: Iterable[int]) -> Iterator[int]:
        """Compare program after program; gives each seed when it is done."""
        for seed in seeds:
            program = programs.program(seed)
            if program.inputs:
                self._compare(program, own(program), Oracle(program))
            yield seed

    def _compare(self, program: programs.Program, found: Gradients, oracle: Oracle) -> None:
        for system in self.against:
            tally = self.tallies.setdefault(system, Tally())
            differing = 0
            for name, other in SYSTEMS[system][0](program).items():
                difference = relative(found[name] - other, other)
                if difference <= AGREEMENT:
                    tally.worst_agreed = max(tally.worst_agreed, difference)
                else:
                    differing += 1
                    tally.add(settled(oracle, system, name, found[name], other), self.found)
            tally.programs += 1
            tally.gradients += len(found)
            tally.agree += not differing
        if self.exact_every and program.seed % self.exact_every == 0:
            self._trust(found, oracle)

    def _trust(self, found: Gradients, oracle: Oracle) -> None:
        self.trust.programs += 1
        for name, gradient in found.items():
            error = oracle.error(name, gradient)
            self.trust.gradients += 1
            self.trust.worst = max(self.trust.worst, 0.0 if oracle.is_zero(name) else error)
            if error > AGREEMENT:
                self.trust.beyond_agreement += 1
                self.trust.beyond_spread += error > oracle.excused(name)

    def summary(self) -> dict[str, Any]:
        """As plain data, for a JSON document."""
        return {
            "agreement": AGREEMENT,
            "against": {name: asdict(tally) for name, tally in self.tallies.items()},
            "exact": asdict(self.trust),
            "disagreements": [asdict(one) for one in self.found],
        }
