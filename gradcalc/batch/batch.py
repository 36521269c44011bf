"""A batch from its inputs to its records, on this machine or on a cluster."""

from __future__ import annotations

import os
import signal
import stat
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

from gradcalc.batch import inputs
from gradcalc.batch.cells import Columns
from gradcalc.batch.options import Options
from gradcalc.batch.output import Output
from gradcalc.batch.pace import WANTED, Pace
from gradcalc.batch.rows import Block, blocks
from gradcalc.batch.work import Done, Unit
from gradcalc.errors import Diagnostic, GradcalcError, Limits
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
    rows: Rows | None = None
    fail_fast: bool = False
    wanted: float = WANTED
    """Seconds that rows which are done together are to take."""
    told: Callable[[int, float], None] = lambda inputs, share: None
    """Called with the number of inputs done, and the share of all that they are."""
    stopping: Callable[[], None] = lambda: None
    """Called at the first interrupt."""
    counts: Counter[str] = field(default_factory=Counter)
    """Inputs by code, "" for results."""
    kept: int = 0
    """How many of the inputs were done before."""
    interrupted: int = 0
    """The number of the signal that ended the batch early."""

    def run(self, runner: AbstractContextManager[Runner], output: Output) -> None:
        """Write a record for every input. Raises `GradcalcError`, `BrokenPipeError`, and `KeyboardInterrupt` at once
        where a second interrupt comes."""
        finished = False
        try:
            with runner as work, _interrupts(lambda number: self._interrupt(work, number)):
                self._run(work, output)
                finished = not self.interrupted
            output.close(finished and not (self.fail_fast and self.failed))
        except BaseException:
            if not output.abandon():
                self.counts.clear()
            raise

    @property
    def failed(self) -> int:
        """How many inputs are no results, or have a claim that does not hold."""
        return sum(count for code, count in self.counts.items() if code)

    def _interrupt(self, work: Runner, number: int) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = number
        work.stop()
        self.stopping()

    def _run(self, work: Runner, output: Output) -> None:
        text, pace = self.options.text(), Pace(self.wanted)
        begun: deque[tuple[str, float, bool]] = deque()
        share = 0.0

        def parts() -> Iterator[Unit | Done]:
            for unit, whole in self._units():
                for piece in output.pieces(unit, text):
                    for part in [piece] if isinstance(piece, Done) else pace.portions(piece):
                        count = len(part.codes) if isinstance(part, Done) else part.count
                        begun.append((unit.source, whole * count / unit.count, isinstance(part, Done)))
                        yield part

        for done in work.done(parts()):
            source, part, was_kept = begun.popleft()
            share += part
            pace.learn(source, done)
            if self.fail_fast and any(done.codes):
                first = next(k for k, code in enumerate(done.codes) if code) + 1
                done = Done(b"".join(done.lines.splitlines(keepends=True)[:first]), done.codes[:first])
            self._write(done, output)
            self.kept += len(done.codes) if was_kept else 0
            self.told(sum(self.counts.values()), share)
            if self.fail_fast and self.failed:
                return

    def _write(self, done: Done, output: Output) -> None:
        """Write records, and count those that are written, also where it fails in their midst."""
        before = output.end
        try:
            output.write(done.lines)
        except GradcalcError:
            self.counts.update(done.codes[: done.lines.count(b"\n", 0, output.end - before)])
            raise
        self.counts.update(done.codes)

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
            for block in self.rows.blocks(limits):
                yield Unit(path, found.raw, fault, block), block.size / self.rows.size / whole


@dataclass
class Rows:
    """A file of rows that can be read, and what its first rows are; of a pipe they are kept for the one reading."""

    path: str
    first: Block | None
    begun: Iterator[Block] | None = None

    @classmethod
    def of(cls, path: str, files: Sequence[str], limits: Limits) -> Rows:
        """Begin to read, before anything is done. Raises `GradcalcError` where that does not go."""
        try:
            regular = stat.S_ISREG(os.stat(path).st_mode)
        except OSError:
            regular = True  # `blocks` says what is wrong
        if not regular and len(files) > 1:
            message = f"{path} can be read only once, and there are {len(files)} equation files"
            raise GradcalcError(Diagnostic("unreadable-file", message, help="write the rows to a file first"))
        found = blocks(path, limits)
        first = next(found, None)
        if first is not None and first.form == "csv":
            Columns.of(path, first.header)
        return cls(path, first, None if regular or first is None else chain([first], found))

    def blocks(self, limits: Limits) -> Iterator[Block]:
        """All rows."""
        return self.begun or blocks(self.path, limits)

    @property
    def size(self) -> int:
        """Bytes of the file, as far as they are known."""
        try:
            return max(1, os.stat(self.path).st_size)
        except OSError:  # it is gone, and read on
            return 1


class _interrupts:
    """Calls a function with the number of each signal that asks to end, as long as it is open."""

    def __init__(self, heard: Callable[[int], None]):
        self.heard = heard
        self.before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(ValueError):  # another thread than the main one hears of none
                self.before[number] = signal.signal(number, lambda number, place: self.heard(number))

    def __exit__(self, *error: object) -> None:
        for number, before in self.before.items():
            signal.signal(number, before)
