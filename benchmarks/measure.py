"""Tasks timed in turn, and how far their numbers are apart."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Call = Callable[[], Any]

# A sample of cheap calls is long beside the clock's resolution and short beside a slice of the scheduler's time.
SAMPLE_SECONDS = 5e-4
CHEAP_SECONDS = 0.02
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Task:
    """`call` is what is timed, up to results that NumPy can read; `numbers` picks out of what it gives the arrays to
    compare, in the order of the row. None has nothing to compare."""

    call: Call
    numbers: Callable[[Any], Sequence[Any]] | None = tuple


@dataclass
class Samples:
    """Seconds for one call, one entry for each round; a sample is the mean of `calls` calls."""

    calls: int
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The figure that counts."""
        return median(self.seconds)


@dataclass(frozen=True)
class Timing:
    """Rounds at most, and seconds for a row: where rounds are long there are fewer, but `fewest` if that is allowed.

    A first call that takes more than `long` seconds is not repeated before the rounds: it is work and not compilation.
    """

    rounds: int
    seconds: float
    fewest: int = 3
    long: float = 20.0


@dataclass(frozen=True)
class Measured:
    """The samples of each task, and the share of the elapsed time in which the work had a processor."""

    samples: dict[str, Samples]
    processor_share: float


def interleaved(calls: Mapping[str, Call], first: Mapping[str, float], timing: Timing) -> Measured:
    """Time calls in turn; all have been called once, and `first` says how many seconds that took."""
    with settled():
        alone = {name: first[name] if first[name] > timing.long else _estimate(call) for name, call in calls.items()}
        counts = {name: max(1, int(SAMPLE_SECONDS / max(seconds, 1e-9))) for name, seconds in alone.items()}
        samples = {name: Samples(counts[name]) for name in calls}
        one_round = sum(alone[name] * (count + _before(count, alone[name])) for name, count in counts.items())
        rounds = min(timing.rounds, max(timing.fewest, int(timing.seconds / one_round)))
        began, processor = perf_counter(), _processor_seconds()
        for _ in range(rounds):
            for name, call in calls.items():
                samples[name].seconds.append(_sample(call, counts[name], _before(counts[name], alone[name])))
        share = (_processor_seconds() - processor) / (perf_counter() - began)
    return Measured(samples, share)


def fastest(*calls: Call) -> Call:
    """The call that takes least time, for a peer that has several ways to the same result."""
    for call in calls:
        call()
    least = [float("inf")] * len(calls)
    for _ in range(8):
        for place, call in enumerate(calls):
            least[place] = min(least[place], _sample(call, 3))
    return calls[least.index(min(least))]


def _processor_seconds() -> float:
    """What this process and those that it has waited for have computed."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def once(call: Call) -> tuple[float, Any]:
    """Seconds of one call, and what it gives."""
    began = perf_counter()
    result = call()
    return perf_counter() - began, result


def _estimate(call: Call) -> float:
    """Seconds of one call: the least of five if they are cheap."""
    least = once(call)[0]
    for _ in range(4 if least < CHEAP_SECONDS else 0):
        least = min(least, once(call)[0])
    return least


def _before(count: int, seconds: float) -> int:
    """How many calls do not count at the start of a sample: cheap ones are timed with their data in the caches."""
    return 1 + count // 4 if seconds < CHEAP_SECONDS else 0


def _sample(call: Call, count: int, before: int = 1) -> float:
    """Mean seconds of so many calls, after so many that do not count; what others left behind is cleared before."""
    gc.collect()
    for _ in range(before):
        call()
    began = perf_counter()
    for _ in range(count):
        call()
    return (perf_counter() - began) / count


@contextmanager
def settled() -> Iterator[None]:
    """Keep what exists out of the garbage collector's sight: else a task pays for the modules that others loaded."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def difference(found: Sequence[Any], expected: Sequence[Any]) -> float:
    """The largest difference over all arrays, each relative to its largest entry; infinite if the shapes differ.

    Axes of length 1 do not count, so that a column may be a flat array.
    """
    if len(found) != len(expected):
        return float("inf")
    return max((_relative(_flat(a), _flat(b)) for a, b in zip(found, expected, strict=True)), default=0.0)


def _flat(values: Any) -> Array:
    return np.squeeze(np.asarray(values, dtype=np.float64))


def _relative(found: Array, expected: Array) -> float:
    if found.shape != expected.shape:
        return float("inf")
    largest = float(np.max(np.abs(expected), initial=0.0))
    apart = float(np.max(np.abs(found - expected), initial=0.0))
    if not np.isfinite(apart) or not np.isfinite(largest):
        return float("inf")
    return apart / largest if largest else apart
