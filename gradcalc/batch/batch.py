"""A batch from its inputs to its records, on this machine or on a cluster."""

from __future__ import annotations

import os
import signal
import stat
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from gradcalc.batch import inputs
from gradcalc.batch.cells import Columns
from gradcalc.batch.options import Options
from gradcalc.batch.output import Output
from gradcalc.batch.rows import blocks
from gradcalc.batch.work import Done, Unit
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.report.encode import error_document


class Runner(Protocol):
    """What does units of work: a pool of this machine, or a cluster."""

    def done(self, units: Iterator[Unit | Done]) -> Iterator[Done]:
        """The records of the units, in their order; what is done passes."""
        ...

    def stop(self) -> None:
        """Begin nothing new; what was begun is finished."""
        ...


@dataclass
class Batch:
    """What there is to do: equation files, perhaps a file of rows, the options, and what is shown on the way."""

    paths: list[str]
    options: Options
    rows: str | None = None
    fail_fast: bool = False
    told: Callable[[int, float], None] = lambda inputs, share: None
    """Called with the number of inputs done, and the share of all that they are."""
    stopping: Callable[[], None] = lambda: None
    """Called at the first interrupt."""
    counts: Counter[str] = field(default_factory=Counter)
    """Inputs by code, "" for results."""
    interrupted: bool = False

    def run(self, runner: AbstractContextManager[Runner], output: Output) -> None:
        """Write a record for every input. Raises `GradcalcError`, `BrokenPipeError`, and `KeyboardInterrupt` at once
        where a second interrupt comes."""
        finished = False
        try:
            with runner as work, _interrupts(lambda: self._interrupt(work)):
                self._run(work, output)
                finished = not self.interrupted
            output.close(finished and not (self.fail_fast and self.failed))
        except BaseException:
            output.abandon()
            raise

    @property
    def failed(self) -> int:
        """How many inputs are no results, or have a claim that does not hold."""
        return sum(count for code, count in self.counts.items() if code)

    def _interrupt(self, work: Runner) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
        work.stop()
        self.stopping()

    def _run(self, work: Runner, output: Output) -> None:
        text = self.options.text()
        shares: deque[float] = deque()
        share = 0.0

        def units() -> Iterator[Unit | Done]:
            for unit, part in self._units():
                shares.append(part)
                yield output.kept(unit, text) or unit

        for done in work.done(units()):
            share += shares.popleft()
            if self.fail_fast and any(done.codes):
                first = next(k for k, code in enumerate(done.codes) if code) + 1
                done = Done(b"".join(done.lines.splitlines(keepends=True)[:first]), done.codes[:first])
            output.write(done.lines)
            self.counts.update(done.codes)
            self.told(sum(self.counts.values()), share)
            if self.fail_fast and self.failed:
                return

    def _units(self) -> Iterator[tuple[Unit, float]]:
        """The units, each with the share of all work that it is."""
        whole = len(self.paths)
        limits = self.options.limited()
        for path in self.paths:
            found = inputs.read(path, limits)
            fault = None if found.fault is None else error_document(found.fault.diagnostics)
            if self.rows is None:
                yield Unit(path, found.raw, fault), 1 / whole
                continue
            size = max(1, os.stat(self.rows).st_size)
            for block in blocks(self.rows, limits):
                yield Unit(path, found.raw, fault, block), len(block.text) / size / whole


def check_rows(path: str, files: Sequence[str], options: Options) -> None:
    """Refuse a file of rows that cannot be read, before anything is done. Raises `GradcalcError`."""
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        regular = True  # `blocks` says what is wrong
    if not regular:
        if len(files) > 1:
            message = f"{path} can be read only once, and there are {len(files)} equation files"
            raise GradcalcError(Diagnostic("unreadable-file", message, help="write the rows to a file first"))
        return
    first = next(blocks(path, options.limited()), None)
    if first is not None and first.form == "csv":
        Columns.of(path, first.header)


class _interrupts:
    """Calls a function at each interrupt, as long as it is open."""

    def __init__(self, heard: Callable[[], None]):
        self.heard = heard
        self.before: Any = None

    def __enter__(self) -> None:
        try:
            self.before = signal.signal(signal.SIGINT, lambda number, place: self.heard())
        except ValueError:  # another thread than the main one hears of none
            self.before = None

    def __exit__(self, *error: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)
