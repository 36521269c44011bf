"""Units of work on a Dask cluster: the same workers, started and watched over by each of Dask's.

What a Dask worker that is lost had to do is done again by another one. Nothing but bytes and a function by its name
goes to a worker, and it does what the scheduler says: the scheduler is to listen on loopback, or to use TLS.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from gradcalc import __version__
from gradcalc.batch.pool import TICK, Pool, died
from gradcalc.batch.wire import Frames, packed_done, packed_unit, unpacked_done, unpacked_unit
from gradcalc.batch.work import Done, Unit
from gradcalc.errors import Diagnostic, GradcalcError

WANTED = 1.0
"""Seconds that the units of one task are to take together."""
MOST = 256
"""Units of one task at most."""
PATIENCE = 60.0
"""Seconds without any worker after which a batch is given up, and after which a worker without work ends its processes.
"""

Settings = tuple[str, str, float | None, int | None]
"""The version of gradcalc, the options, the seconds for an input, the memory for a process."""


class Cluster:
    """Runs units on the workers of a scheduler, records in their order; `timeout` and `memory` as for a pool."""

    def __init__(self, address: str, options: str, timeout: float | None, memory: int | None):
        self.address, self.options = address, options
        self.settings: Settings = (__version__, options, timeout, memory)
        self.stopping = False
        self.seconds = 0.0
        """What a unit costs, as far as is known."""

    def __enter__(self) -> Cluster:
        try:
            from distributed import Client
        except ImportError:
            raise GradcalcError(Diagnostic("missing-extra", "a cluster needs the extra `cluster`",
                                           help="pip install 'gradcalc[cluster]'")) from None  # fmt: skip
        for name in ("distributed", "distributed.client", "distributed.core", "distributed.comm"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self.client: Any = Client(self.address, timeout=10, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            why = str(error).split("\n", 1)[0]
            raise _unusable(
                f"no scheduler answers at {self.address}: {why}", "start one with `dask scheduler`"
            ) from None
        try:
            self._check_workers()
        except BaseException:
            self.client.close()
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        with contextlib.suppress(Exception):
            self.client.run(end_processes)
        self.client.close()

    def _check_workers(self) -> None:
        """Refuse workers that would not write the same records."""
        remedy = f"install gradcalc {__version__} there"
        try:
            found: dict[str, str] = self.client.run(version)
        except Exception as error:
            raise _unusable(f"a worker has no gradcalc: {error}".split("\n", 1)[0], remedy) from None
        if not found:
            raise _unusable(f"the scheduler at {self.address} has no workers", "start some with `dask worker`")
        for worker, other in found.items():
            if other != __version__:
                raise _unusable(f"the worker {worker} has gradcalc {other}, and this is {__version__}", remedy)

    def stop(self) -> None:
        """Begin nothing new; what was begun is finished."""
        self.stopping = True

    def done(self, units: Iterator[Unit | Done]) -> Iterator[Done]:
        """The records of the units, in their order; what is done passes."""
        begun: deque[tuple[list[Unit | Done], Any]] = deque()
        more = True
        while more or begun:
            while more and not self.stopping and len(begun) < self._window():
                group = self._group(units)
                more = bool(group)
                if group:
                    begun.append((group, self._submitted(group)))
            if not begun:
                return
            group, future = begun.popleft()
            yield from self._results(group, future)
            more = more and not self.stopping

    def _window(self) -> int:
        """Tasks that are begun at a time: two for each thread of the workers."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        return 2 * max(1, sum(int(w["nthreads"]) for w in workers.values()))

    def _group(self, units: Iterator[Unit | Done]) -> list[Unit | Done]:
        """The next units, as many as a task is to have."""
        size = min(MOST, max(1, int(WANTED / self.seconds))) if self.seconds else 1
        return [unit for _, unit in zip(range(size), units, strict=False)]

    def _submitted(self, group: Sequence[Unit | Done]) -> Any:
        fresh = [packed_unit(unit) for unit in group if isinstance(unit, Unit)]
        return self.client.submit(work, self.settings, fresh, pure=False) if fresh else None

    def _results(self, group: Sequence[Unit | Done], future: Any) -> Iterator[Done]:
        fresh = iter(self._waited(group, future) if future is not None else ())
        for unit in group:
            yield next(fresh) if isinstance(unit, Unit) else unit

    def _waited(self, group: Sequence[Unit | Done], future: Any) -> list[Done]:
        """The records of a task; where it killed one worker after the other, those of its inputs one by one."""
        from distributed import KilledWorker

        units = [unit for unit in group if isinstance(unit, Unit)]
        try:
            seconds, frames = self._patiently(future)
        except KilledWorker:
            return [self._singly(unit, len(units)) for unit in units]
        self.seconds = seconds / len(units) if not self.seconds else (self.seconds + seconds / len(units)) / 2
        return [unpacked_done(_parts(frame)) for frame in frames]

    def _singly(self, unit: Unit, among: int) -> Done:
        singles = unit.singles()
        if len(singles) == 1 and among == 1:
            return unit.failed(self.options, [died("was lost with its worker")])
        found = [self._waited([single], self.client.submit(work, self.settings, [packed_unit(single)], pure=False))
                 for single in singles]  # fmt: skip
        return Done.joined([done for [done] in found])

    def _patiently(self, future: Any) -> Any:
        """The result of a task; interrupts are heard while it is waited for."""
        seen = time.monotonic()
        while not future.done():
            time.sleep(min(TICK, 0.005 + (time.monotonic() - seen) / 10))
            if self.client.scheduler_info(n_workers=-1)["workers"]:
                seen = max(seen, time.monotonic() - PATIENCE / 2)
            elif time.monotonic() - seen > PATIENCE:
                raise _unusable("all workers are gone", "start some, and run it again with --resume")
        try:
            return future.result()
        except GradcalcError:
            raise
        except (ImportError, AttributeError) as error:
            raise _unusable(f"a worker has no gradcalc: {error}".split("\n", 1)[0], "install it there") from None


def _unusable(message: str, remedy: str) -> GradcalcError:
    return GradcalcError(Diagnostic("cluster", message, help=remedy))


def _parts(frame: bytes) -> list[bytes]:
    return next(Frames().feed(frame))


# ------------------------------------------------------------------------------ on the workers


def version() -> str:
    """The version of gradcalc on a worker."""
    return __version__


_idle: dict[Settings, list[Pool]] = {}
"""Processes that have nothing to do."""
_lock = threading.Lock()
_last = 0.0


def work(settings: Settings, units: Sequence[bytes]) -> tuple[float, list[bytes]]:
    """The seconds that some units took, and their records. Raises `GradcalcError` for another version of gradcalc."""
    global _last
    expected, options, timeout, memory = settings
    if expected != __version__:
        raise _unusable(
            f"a worker has gradcalc {__version__}, and the batch is of {expected}", f"install {expected} there"
        )
    with _lock:
        free = _idle.get(settings, [])
        pool = free.pop() if free else Pool(options, 1, timeout, memory)
    start = time.perf_counter()
    try:
        done = list(pool.done(unpacked_unit(_parts(unit)) for unit in units))
    except BaseException:
        pool.__exit__()
        raise
    with _lock:
        _idle.setdefault(settings, []).append(pool)
        _last = time.monotonic()
    timer = threading.Timer(PATIENCE + 1.0, _end_unused)
    timer.daemon = True
    timer.start()
    return time.perf_counter() - start, [packed_done(one) for one in done]


def _end_unused() -> None:
    if time.monotonic() - _last > PATIENCE:
        end_processes()


def end_processes() -> None:
    """End the processes that have nothing to do."""
    with _lock:
        pools = [pool for some in _idle.values() for pool in some]
        _idle.clear()
    for pool in pools:
        pool.__exit__()
