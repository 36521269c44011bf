"""Rows run: each task prepared, its numbers compared, then all timed in turn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measure import TOLERANCE, Samples, Task, Timing, difference, interleaved, once
from benchmarks.peers import Peers
from benchmarks.row import SUBJECT, Row


@dataclass
class Outcome:
    """What one row gave. `differences` is by name, of those with numbers to compare; `faults` of those that failed."""

    row: Row[Any]
    samples: dict[str, Samples] = field(default_factory=dict)
    differences: dict[str, float] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    processor_share: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether all ran and all numbers are the same."""
        return not self.faults and all(apart <= TOLERANCE for apart in self.differences.values())

    def ratio(self, peer: str) -> float:
        """gradcalc's time over a peer's."""
        return self.samples[SUBJECT].median / self.samples[peer].median

    def met(self, peer: str) -> bool | None:
        """Whether the goal beside a peer is met; None if there is none."""
        goal = self.row.goals.get(peer)
        return None if goal is None else goal.met(self.ratio(peer))


def chosen(rows: Iterable[Row[Any]], names: Iterable[str]) -> list[Row[Any]]:
    """The rows whose names begin with one of these, all if there are none; ValueError for a name that no row has."""
    everything = list(rows)
    names = list(names)
    for name in names:
        if not any(row.name.startswith(name) for row in everything):
            raise ValueError(f"no row is called {name}; there are {', '.join(row.name for row in everything)}")
    # A whole name is that row alone: `rows` and `statements` begin no other's.
    exact = {row.name for row in everything} & set(names)
    return [r for r in everything if not names or r.name in exact or any(
        r.name.startswith(n) for n in names if n not in exact)]  # fmt: skip


def run(rows: Iterable[Row[Any]], peers: Peers, timing: Timing) -> list[Outcome]:
    """Run rows one after the other, saying which on standard error."""
    outcomes = []
    for row in rows:
        print(f"{row.name}: {row.work}", file=sys.stderr, flush=True)
        with TemporaryDirectory() as folder:
            outcomes.append(measured(row, peers, timing, Path(folder)))
    return outcomes


def measured(row: Row[Any], peers: Peers, timing: Timing, folder: Path) -> Outcome:
    """Run one row. What fails is named in the outcome and not timed."""
    outcome = Outcome(row)
    inputs = row.inputs(folder)
    expected = row.reference(inputs)
    present = {SUBJECT: row.subject, **{name: peer for name, peer in row.peers.items() if peers.has(name)}}
    tasks: dict[str, Task] = {}
    first: dict[str, float] = {}
    for name, prepare in present.items():
        try:
            tasks[name], first[name] = _tried(outcome, name, lambda prepare=prepare: prepare(inputs), expected)  # type: ignore[misc]
        except Exception as error:
            outcome.faults[name] = f"{type(error).__name__}: {error}"
    if SUBJECT in tasks:
        found = interleaved({name: task.call for name, task in tasks.items()}, first, timing)
        outcome.samples, outcome.processor_share = found.samples, found.processor_share
    return outcome


def _tried(outcome: Outcome, name: str, prepare: Callable[[], Task], expected: Any) -> tuple[Task, float]:
    """A prepared task with the seconds of its first call; notes how far its numbers are from those expected."""
    task = prepare()
    seconds, result = once(task.call)
    if task.numbers is not None:
        outcome.differences[name] = difference(task.numbers(result), expected)
    return task, seconds
