"""gradcalc against other systems, gradient by gradient; where they differ, the oracle says who is right.

The error of a gradient is its largest difference relative to its largest entry, without any floor. What differs by more
than `AGREEMENT` goes to the oracle, which knows the exact gradient of the program as written, and its spread: how far
that gradient moves when every operation is off by half a unit of a float's last place. The verdicts:

- `other`: gradcalc is right to `AGREEMENT`, the other system is not;
- `zero`: the exact gradient is zero, and what is found is the rounding of terms that cancel;
- `conditioning`: both are off, gradcalc by no more than `ALLOWED` times the spread;
- `gradcalc`: gradcalc is off by more. There must be none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from mpmath import mpf

import gradcalc
from tests import programs
from tests.differential.systems import SYSTEMS, Gradients
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


@dataclass
class Tally:
    """What became of the programs that were compared with one system."""

    programs: int = 0
    gradients: int = 0
    agree: int = 0
    worst_agreed: float = 0.0
    verdicts: dict[str, int] = field(default_factory=dict)


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
        self._exact: dict[str, Any] | None = None
        self._spread: dict[str, Any] | None = None

    @property
    def exact(self) -> dict[str, Any]:
        if self._exact is None:
            self._exact = exact.gradients(self.program)
        return self._exact

    @property
    def spread(self) -> dict[str, Any]:
        if self._spread is None:
            self._spread = exact.spread(self.program, self.exact)
        return self._spread

    def error(self, name: str, found: np.ndarray) -> float:
        return relative(exact.exactly(found) - self.exact[name], self.exact[name])

    def excused(self, name: str) -> float:
        return relative(self.spread[name], self.exact[name])

    def verdict(self, name: str, found: np.ndarray) -> str:
        """Who is right about a gradient on which somebody disagrees."""
        if np.max(np.abs(self.exact[name])) <= ZERO:
            return "zero" if self.error(name, found) <= ALLOWED * self.excused(name) else "gradcalc"
        if self.error(name, found) <= AGREEMENT:
            return "other"
        return "conditioning" if self.error(name, found) <= ALLOWED * self.excused(name) else "gradcalc"


def disagreements(program: programs.Program, against: str, found: Gradients, oracle: Oracle) -> Iterator[Disagreement]:
    """The gradients of a program on which a system differs from gradcalc, each with the oracle's verdict."""
    for name, other in SYSTEMS[against](program).items():
        difference = relative(found[name] - other, other)
        if not difference <= AGREEMENT:
            verdict = oracle.verdict(name, found[name])
            yield Disagreement(
                program.seed, against, name, difference, oracle.error(name, found[name]), oracle.error(name, other),
                None if verdict == "other" else oracle.excused(name), verdict,
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
            differing = list(disagreements(program, system, found, oracle))
            tally = self.tallies.setdefault(system, Tally())
            tally.programs += 1
            tally.gradients += len(found)
            tally.agree += not differing
            for one in differing:
                tally.verdicts[one.verdict] = tally.verdicts.get(one.verdict, 0) + 1
            self.found += differing
        if self.exact_every and program.seed % self.exact_every == 0:
            self._trust(found, oracle)

    def _trust(self, found: Gradients, oracle: Oracle) -> None:
        self.trust.programs += 1
        for name, gradient in found.items():
            error = oracle.error(name, gradient)
            zero = np.max(np.abs(oracle.exact[name])) <= ZERO
            self.trust.gradients += 1
            self.trust.worst = max(self.trust.worst, 0.0 if zero else error)
            if error > AGREEMENT:
                self.trust.beyond_agreement += 1
                self.trust.beyond_spread += error > ALLOWED * oracle.excused(name)

    def summary(self) -> dict[str, Any]:
        """As plain data, for a JSON document."""
        return {
            "agreement": AGREEMENT,
            "against": {name: asdict(tally) for name, tally in self.tallies.items()},
            "exact": asdict(self.trust),
            "disagreements": [asdict(one) for one in self.found],
        }
