"""How many rows make a unit of work: as many as take a fraction of a second, by what those before them took."""

from __future__ import annotations

from collections.abc import Iterator

from gradcalc.batch.rows import AT_ONCE
from gradcalc.batch.work import Done, Unit

WANTED = 0.2
"""Seconds that a unit is to take: what an interrupt waits for, and what is lost with a worker."""
FIRST, GROWTH = 16, 4
"""Rows of the first units of an equation file, and how many times larger than measured ones the next may be."""


def wanted_for(timeout: float | None) -> float:
    """Seconds for a unit where each input has so many: several together are not to be late."""
    return WANTED if timeout is None else min(WANTED, timeout / 4)


class Pace:
    """Cuts units into such as take about so many seconds."""

    def __init__(self, wanted: float = WANTED):
        self.wanted = wanted
        self.source = ""
        self.size = FIRST

    def portions(self, unit: Unit) -> Iterator[Unit]:
        """A unit in parts; how large the next one is, is seen when it is asked for."""
        if unit.source != self.source:
            self.source, self.size = unit.source, FIRST
        start = 0
        while start < unit.count:
            end = min(unit.count, start + self.size)
            yield unit.part(start, end)
            start = end

    def learn(self, source: str, done: Done) -> None:
        """Note what records took that were made, of the inputs of one equation file."""
        count = len(done.codes)
        if source == self.source and done.seconds > 0.0:
            most = min(AT_ONCE, max(self.size, GROWTH * count))
            self.size = int(max(1, min(self.wanted / done.seconds * count, most)))
