"""`python -m tests.exact.survey [N]`: the largest error of every operation, as a Markdown table.

`SURVEYS` has a function for each kind of operation, from the number of places to the rows of its part of the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tests.exact import measured
from tests.exact.elementwise import ATTRIBUTES, EXACT, PARTS, points
from tests.exact.measured import Error


@dataclass(frozen=True)
class Row:
    """An operation, how many places it was tried at, and its largest error by order of derivative."""

    name: str
    places: int
    errors: dict[int, Error]


def elementwise(count: int) -> Iterator[Row]:
    """The operations entry by entry that the language has."""
    for name in sorted(EXACT.keys() - set(PARTS)):
        rows = [Row(name, *_largest(name, attributes, count)) for attributes in ATTRIBUTES.get(name, [{}])]
        worst = {k: max((r.errors[k] for r in rows if k in r.errors), key=lambda e: e.ulps) for k in rows[0].errors}
        yield Row(name, sum(r.places for r in rows), worst)


def _largest(name: str, attributes: dict[str, object], count: int) -> tuple[int, dict[int, Error]]:
    places = measured.smooth(name, attributes, points(name, count, seed=count))
    found: dict[int, Error] = {}
    for by, error in measured.worst(name, attributes, places).items():
        if len(by) not in found or error.ulps > found[len(by)].ulps:
            found[len(by)] = error
    return len(places), found


SURVEYS: tuple[Callable[[int], Iterator[Row]], ...] = (elementwise,)


def _cell(error: Error | None) -> str:
    if error is None:
        return " | "
    where = ", ".join(f"{x:.17g}" for x in error.point)
    return f"{error.ulps:.2f} | {where if error.ulps > 0.5 else ''}"


def table(count: int) -> Iterator[str]:
    """The lines of the table, as they are found."""
    yield "| operation | places | value | at | first derivative | at | second derivative | at |"
    yield "|---|---|---|---|---|---|---|---|"
    for survey in SURVEYS:
        for row in survey(count):
            cells = " | ".join(_cell(row.errors.get(order)) for order in (0, 1, 2))
            yield f"| `{row.name}` | {row.places} | {cells} |"


if __name__ == "__main__":
    with np.errstate(all="ignore"):
        for line in table(int(sys.argv[1]) if len(sys.argv) > 1 else 200):
            print(line, flush=True)
