"""Worker processes and the units that they do, in order: a worker that dies or takes too long costs one input.

A unit at whose work a worker died is tried once more, and a unit of many inputs then input by input; so a worker that
was killed from outside costs nothing, and an input that kills its worker costs itself.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gradcalc.batch.wire import Frames, frame, packed_unit, unpacked_done
from gradcalc.batch.work import Done, Unit
from gradcalc.batch.worker import READY, start
from gradcalc.errors import Diagnostic, GradcalcError

AHEAD = 2
"""Units that a worker has at a time: the one that it does, and the next."""
HELD_UNITS, HELD_BYTES = 256, 64 * 2**20
"""How much may wait for a unit before it to be done."""
TICK = 0.2
"""Seconds after which an interrupt is looked for at the latest."""
FRUITLESS = 10
"""Workers in a row that may die before they are ready, besides one for each job."""
START = 60.0
"""Seconds that a worker has to start."""


@dataclass(eq=False)
class _Task:
    """A unit at its place; those of a unit that was split have the places (k, 0), (k, 1) and so on."""

    place: int
    part: int
    unit: Unit
    deaths: int = 0


@dataclass(eq=False)
class _Slot:
    """What becomes of one unit: the records of its parts, as many as it has been split into."""

    parts: list[Done | None] = field(default_factory=lambda: [None])

    @property
    def done(self) -> bool:
        return all(part is not None for part in self.parts)


class _Worker:
    def __init__(self, options: str, memory: int | None):
        self.process = start(memory)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self.stdin, False)
        os.set_blocking(self.stdout, False)
        self.frames, self.tasks, self.unsent = Frames(), deque[_Task](), bytearray(frame([options.encode()]))
        self.ready, self.since = False, time.monotonic()

    def give(self, task: _Task) -> None:
        """Queue a task."""
        if not self.tasks:
            self.since = time.monotonic()
        self.tasks.append(task)
        self.unsent += packed_unit(task.unit)

    def send(self) -> None:
        """Write what the pipe takes."""
        while self.unsent:
            try:
                del self.unsent[: os.write(self.stdin, self.unsent[: 2**16])]
            except BlockingIOError:
                return
            except BrokenPipeError:  # its death is seen at its output
                self.unsent.clear()

    def received(self) -> list[Done] | None:
        """The records that have come; None at the end of its output."""
        found: list[Done] = []
        while True:
            try:
                data = os.read(self.stdout, 2**20)
            except BlockingIOError:
                return found
            if not data:
                return found or None
            for parts in self.frames.feed(data):
                if parts == [READY]:
                    self.ready, self.since = True, time.monotonic()
                else:
                    found.append(unpacked_done(parts))

    def end(self) -> str:
        """End the process; how it ended, in words."""
        if self.process.poll() is None:
            self.process.kill()
        status = self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        if status >= 0:
            return f"ended with status {status}"
        try:
            return f"was ended by {signal.Signals(-status).name}"
        except ValueError:
            return f"was ended by signal {-status}"


class Pool:
    """Runs units through so many workers; `timeout` is in seconds for an input, `memory` in MiB for a worker."""

    def __init__(self, options: str, jobs: int, timeout: float | None, memory: int | None):
        self.options, self.jobs, self.timeout, self.memory = options, jobs, timeout, memory
        self.workers: list[_Worker] = []
        self.waiting: deque[_Task] = deque()
        self.slots: dict[int, _Slot] = {}
        self.selector = selectors.DefaultSelector()
        self.stopping = self.cut_short = False
        """Whether nothing new is begun, and whether what was to be begun is forgotten."""
        self.pulled = self.given = self.unready = 0

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error: Any) -> None:
        for worker in self.workers:
            worker.end()
        self.workers.clear()
        self.selector.close()

    def stop(self) -> None:
        """Begin nothing new; what was begun is finished."""
        self.stopping = True

    def done(self, units: Iterator[Unit | Done]) -> Iterator[Done]:
        """The records of the units, in their order, as soon as those before are there; what is done passes."""
        more = True
        while True:
            while more and not self.stopping and self._has_room():
                unit = next(units, None)
                if unit is None:
                    more = False
                else:
                    self._add(unit)
                self._hand_out()
            if self.stopping and not self.cut_short:
                self._cut_short()
            while self.given in self.slots and self.slots[self.given].done:
                parts = self.slots.pop(self.given).parts
                self.given += 1
                yield Done.joined([part for part in parts if part is not None])
            if not self.slots and (not more or self.stopping):
                return
            if self.given in self.slots and not self.slots[self.given].done:
                self._hand_out()
                self._wait()

    def _cut_short(self) -> None:
        """Forget the units behind the last one that is begun or done: their workers are ended when the others are
        done."""
        self.cut_short = True
        begun = [worker.tasks[0].place for worker in self.workers if worker.tasks]
        last = max([*begun, *(place for place, slot in self.slots.items() if slot.done)], default=-1)
        self.slots = {place: slot for place, slot in self.slots.items() if place <= last}
        self.waiting = deque(task for task in self.waiting if task.place in self.slots)

    def _has_room(self) -> bool:
        """Whether another unit may be begun: not more wait than the workers take, and not too much is held."""
        held = sum(len(p.lines) for s in self.slots.values() for p in s.parts if p) if len(self.slots) > 8 else 0
        return len(self.waiting) < self.jobs and len(self.slots) < HELD_UNITS + self.jobs and held < HELD_BYTES

    def _add(self, unit: Unit | Done) -> None:
        if isinstance(unit, Done):
            self.slots[self.pulled] = _Slot([unit])
        else:
            self.slots[self.pulled] = _Slot()
            self.waiting.append(_Task(self.pulled, 0, unit))
        self.pulled += 1

    # ------------------------------------------------------------------------------- workers

    def _hand_out(self) -> None:
        """Give what waits to the workers that have least; start one where all have enough to do."""
        while self.waiting:
            free = [w for w in self.workers if len(w.tasks) < AHEAD]
            idle = [w for w in free if not w.tasks]
            if not idle and len(self.workers) < self.jobs:
                free = idle = [self._started()]
            if not free:
                break
            worker = min(idle or free, key=lambda w: len(w.tasks))
            worker.give(self.waiting.popleft())
        for worker in self.workers:
            worker.send()

    def _started(self) -> _Worker:
        worker = _Worker(self.options, self.memory)
        self.workers.append(worker)
        self.selector.register(worker.stdout, selectors.EVENT_READ, worker)
        return worker

    def _wait(self) -> None:
        """Wait until a worker says something, or has taken too long, or an interrupt may have come."""
        for worker in self.workers:
            if worker.unsent and worker.stdin not in self.selector.get_map():
                self.selector.register(worker.stdin, selectors.EVENT_WRITE, worker)
            elif not worker.unsent and worker.stdin in self.selector.get_map():
                self.selector.unregister(worker.stdin)
        now = time.monotonic()
        deadlines = [self._deadline(w) for w in self.workers if w.tasks]
        for key, _ in self.selector.select(max(0.0, min([now + TICK, *deadlines]) - now)):
            if key.data in self.workers and key.fd == key.data.stdin:
                key.data.send()
            elif key.data in self.workers:
                self._receive(key.data)
        now = time.monotonic()
        for worker in [w for w in self.workers if w.tasks and self._deadline(w) <= now]:
            self._receive(worker)
            if worker in self.workers and worker.tasks and self._deadline(worker) <= now:
                self._late(worker)

    def _deadline(self, worker: _Worker) -> float:
        if not worker.ready:
            return worker.since + START
        return worker.since + self.timeout if self.timeout else float("inf")

    def _receive(self, worker: _Worker) -> None:
        found = worker.received()
        if worker.ready:
            self.unready = 0
        for done in found or ():
            task = worker.tasks.popleft()
            worker.since = time.monotonic()
            if task.place in self.slots:
                self.slots[task.place].parts[task.part] = done
        if found is None:
            self._lost(worker)

    # --------------------------------------------------------------------------------- losses

    def _without(self, worker: _Worker) -> str:
        """Let a worker go; what it had not begun waits again, before all else, and what is forgotten does not."""
        for stream in (worker.stdin, worker.stdout):
            if stream in self.selector.get_map():
                self.selector.unregister(stream)
        self.workers.remove(worker)
        how = worker.end()
        begun, queued = list(worker.tasks)[:1], list(worker.tasks)[1:]
        worker.tasks = deque(task for task in begun if task.place in self.slots)
        self.waiting.extendleft(task for task in reversed(queued) if task.place in self.slots)
        return how

    def _lost(self, worker: _Worker) -> None:
        how = self._without(worker)
        if not worker.ready:
            self.unready += 1
            if self.unready > self.jobs + FRUITLESS:
                raise no_start(f"the last one {how}")
        if not worker.tasks:
            return
        task = worker.tasks[0]
        if worker.ready:
            task.deaths += 1
        if task.deaths < 2:
            self.waiting.appendleft(task)
        else:
            self._fail(task, died(how))

    def _late(self, worker: _Worker) -> None:
        self._without(worker)
        if not worker.ready:
            raise no_start(f"one was not ready within {START:.0f} s")
        for task in worker.tasks:
            self._fail(task, late(self.timeout or 0.0))

    def _fail(self, task: _Task, fault: Diagnostic) -> None:
        """A unit of one input has failed; one of many is done input by input."""
        slot = self.slots[task.place]
        if task.unit.count == 1:
            slot.parts[task.part] = task.unit.failed(self.options, [fault])
            return
        singles = task.unit.singles()
        slot.parts = [None] * len(singles)
        self.waiting.extendleft(_Task(task.place, k, unit) for k, unit in reversed(list(enumerate(singles))))


def no_start(why: str) -> GradcalcError:
    """The error of a batch whose workers do not start."""
    return GradcalcError(Diagnostic("worker-died", f"workers do not start: {why}", help="give them more --memory"))


def died(how: str) -> Diagnostic:
    """What an input is told at which two workers died."""
    return Diagnostic("worker-died", f"the process that worked on this input {how}, twice",
                      help="it may need more memory than there is: try it with `gradcalc run`")  # fmt: skip


def late(seconds: float) -> Diagnostic:
    """What an input is told that took too long."""
    return Diagnostic("time-out", f"this input was not done within {seconds:g} s", help="raise --timeout")
