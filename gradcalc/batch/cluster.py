"""Units of work on a Dask cluster: the same workers, started and watched over by each of Dask's.

What a Dask worker that is lost had to do is done again by another one. Nothing but bytes and a function by its name
goes to a worker, and it does what the scheduler says: the scheduler is to listen on loopback, or to use TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from gradcalc import __version__
from gradcalc.batch.pool import TICK, Pool, died
from gradcalc.batch.wire import Frames, packed_done, packed_unit, unpacked_done, unpacked_unit
from gradcalc.batch.work import Done, Unit
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.parser import grammar_path

WANTED = 1.0
"""Seconds that the units of one task are to take together."""
MOST = 256
"""Units of one task at most."""
PATIENCE = 60.0
"""Seconds without any worker, or without an answer of the scheduler, after which a batch is given up, and after which a
worker without work ends its processes."""
CONNECT = 10.0
"""Seconds that a scheduler has to answer at first."""
_ADDRESS = re.compile(r"(?:(tcp|tls)://)?(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")

Settings = tuple[str, str, float | None, int | None]
"""The version of gradcalc with its code, the options, the seconds for an input, the memory for a process."""


class Cluster:
    """Runs units on the workers of a scheduler, records in their order; `timeout` and `memory` as for a pool."""

    def __init__(self, address: str, options: str, timeout: float | None, memory: int | None,
                 waiting: Callable[[str], None] = lambda words: None):  # fmt: skip
        self.address, self.options = address, options
        self.settings: Settings = (version(), options, timeout, memory)
        self.stopping = False
        self.seconds = 0.0
        """What a unit costs, as far as is known."""
        self.waiting, self.patience = waiting, PATIENCE
        self.client: Any = None
        self.lost = False
        """Whether the connection is gone."""

    def __enter__(self) -> Cluster:
        try:
            from distributed import Client
        except ImportError:
            raise GradcalcError(Diagnostic("missing-extra", "a cluster needs the extra `cluster`",
                                           help="pip install 'gradcalc[cluster]'")) from None  # fmt: skip
        for name in ("distributed", "distributed.client", "distributed.core", "distributed.comm"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)  # units are data, and sent once
        reach(self.address)
        try:
            with self._connected(f"no scheduler answers at {self.address}", "start one with `dask scheduler`"):
                self.client = _closed_by_hand(Client)(self.address, timeout=CONNECT, set_as_default=False)
            self._check_workers()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if not self.lost:
            with contextlib.suppress(Exception):
                self.client.run(end_processes)
        self._close()

    def _close(self) -> None:
        if self.client is not None:
            with contextlib.suppress(Exception, asyncio.CancelledError):
                self.client.close(timeout=CONNECT if not self.lost else 0.5)

    @contextlib.contextmanager
    def _connected(self, message: str = "", remedy: str = "") -> Iterator[None]:
        """Whatever goes wrong in here with the connection is an error of the cluster."""
        from distributed import KilledWorker

        try:
            yield
        except (GradcalcError, KilledWorker, ImportError, AttributeError):
            raise
        except (Exception, asyncio.CancelledError) as error:
            self.lost = True
            why = (str(error) or type(error).__name__).split("\n", 1)[0]
            raise _unusable(f"{message or f'the scheduler at {self.address} does not answer any more'}: {why}",
                            remedy or "start it, and run the batch again with --resume") from None  # fmt: skip

    def _workers(self) -> dict[str, Any]:
        """The workers of the scheduler, which has to answer within a time."""
        with self._connected():
            found = self.client.sync(self.client.scheduler.identity, n_workers=-1, callback_timeout=PATIENCE)
            return dict(found["workers"])

    def _check_workers(self) -> None:
        """Wait for the first worker, and refuse workers that would not write the same records."""
        begun, told = time.monotonic(), False
        while not self._workers():
            if time.monotonic() - begun > self.patience:
                raise _unusable(f"the scheduler at {self.address} has no workers", "start some with `dask worker`")
            if not told:
                self.waiting(f"waiting up to {self.patience:.0f} s for a worker of {self.address}")
                told = True
            time.sleep(TICK)
        remedy = f"install the same gradcalc {__version__} there"
        try:
            found: dict[str, str] = self.client.run(version)
        except Exception as error:
            raise _unusable(f"a worker has no gradcalc: {error}".split("\n", 1)[0], remedy) from None
        for worker, other in found.items():
            if other != version():
                raise _unusable(f"the worker {worker} has gradcalc {other}, and this is {version()}", remedy)

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
        return 2 * max(1, sum(int(w["nthreads"]) for w in self._workers().values()))

    def _group(self, units: Iterator[Unit | Done]) -> list[Unit | Done]:
        """The next units, as many as a task is to have."""
        size = min(MOST, max(1, int(WANTED / self.seconds))) if self.seconds else 1
        return [unit for _, unit in zip(range(size), units, strict=False)]

    def _submitted(self, group: Sequence[Unit | Done]) -> Any:
        fresh = [packed_unit(unit) for unit in group if isinstance(unit, Unit)]
        return self._begun(fresh) if fresh else None

    def _begun(self, units: Sequence[bytes]) -> Any:
        with self._connected():
            return self.client.submit(work, self.settings, units, pure=False)

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
        found = [self._waited([single], self._begun([packed_unit(single)])) for single in singles]
        return Done.joined([done for [done] in found])

    def _patiently(self, future: Any) -> Any:
        """The result of a task; interrupts are heard while it is waited for."""
        seen = time.monotonic()
        while not future.done():
            time.sleep(min(TICK, 0.005 + (time.monotonic() - seen) / 10))
            if self._workers():
                seen = max(seen, time.monotonic() - PATIENCE / 2)
            elif time.monotonic() - seen > PATIENCE:
                raise _unusable("all workers are gone", "start some, and run it again with --resume")
        try:
            with self._connected():
                return future.result()
        except (ImportError, AttributeError) as error:
            raise _unusable(f"a worker has no gradcalc: {error}".split("\n", 1)[0], "install it there") from None


def _unusable(message: str, remedy: str) -> GradcalcError:
    return GradcalcError(Diagnostic("cluster", message, help=remedy))


def reach(address: str) -> None:
    """Raise `GradcalcError` where nothing listens at an address, or where it is none."""
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found[3]) < 65536:
        raise GradcalcError(Diagnostic("unknown-option-value", f"`{address}` is no address of a scheduler",
                                       help="write tcp://HOST:PORT or tls://HOST:PORT"))  # fmt: skip
    if found[1] == "tls":
        _refuse_without_certificates(address)
    try:
        asyncio.run(asyncio.wait_for(_identified(address), CONNECT))
    except Exception as error:
        timed_out = isinstance(error, TimeoutError)
        why = f"not within {CONNECT:.0f} s" if timed_out else (str(error) or type(error).__name__).split("\n", 1)[0]
        raise _unusable(f"no scheduler answers at {address}: {why}", "start one with `dask scheduler`") from None


async def _identified(address: str) -> None:
    """Ask a scheduler what it is: one that was stopped, and another program, accept a connection and say nothing."""
    from distributed.comm import connect
    from distributed.security import Security

    stream = await connect(address, timeout=CONNECT, **Security().get_connection_args("client"))
    try:
        await stream.write({"op": "identity", "reply": True})
        await stream.read()
    finally:
        stream.abort()


def _closed_by_hand(client: Any) -> Any:
    """A kind of client that does nothing when it is forgotten: one that never was connected fails at closing."""
    return type("Client", (client,), {"__del__": lambda self: None})


def _refuse_without_certificates(address: str) -> None:
    from distributed.security import Security

    try:
        known = Security().get_connection_args("client").get("ssl_context") is not None
        why = "there are no certificates"
    except (OSError, ValueError, TypeError) as error:
        known, why = False, f"the certificates cannot be used: {error}"
    if not known:
        raise _unusable(
            f"{address} needs TLS, and {why}",
            "give them in Dask's configuration: DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY",
        )


def _parts(frame: bytes) -> list[bytes]:
    return next(Frames().feed(frame))


# ------------------------------------------------------------------------------ on the workers


@cache
def version() -> str:
    """The version of gradcalc, and the beginning of a digest of its code: of one version there may be several."""
    home = Path(__file__).parents[1]
    parts = {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*.py")}
    parts["grammar"] = grammar_path().read_bytes()
    digest = sha256(b"".join(name.encode() + b"\0" + parts[name] + b"\0" for name in sorted(parts)))
    return f"{__version__} ({digest.hexdigest()[:8]})"


_idle: dict[Settings, list[Pool]] = {}
"""Processes that have nothing to do."""
_lock = threading.Lock()
_last = 0.0


def work(settings: Settings, units: Sequence[bytes]) -> tuple[float, list[bytes]]:
    """The seconds that some units took, and their records. Raises `GradcalcError` for another version of gradcalc."""
    global _last
    expected, options, timeout, memory = settings
    if expected != version():
        raise _unusable(f"a worker has gradcalc {version()}, and the batch is of {expected}", "install the same there")
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
