"""`python -m tests.exact.survey [N]`: the largest error of every operation, as a Markdown table.

`SURVEYS` has a function for each kind of operation, from the number of places to the rows of its part of the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcalc.ops.table import FUNCTIONS
from tests.exact import core, measured, sites
from tests.exact import matrices as squares
from tests.exact import matrix_derivatives as derivatives
from tests.exact import reductions as reduced
from tests.exact.elementwise import ATTRIBUTES, EXACT, PARTS, points


@dataclass(frozen=True)
class Row:
    """An operation, how many places it was tried at, and its largest error by order of derivative."""

    name: str
    places: int
    errors: dict[int, float]


def elementwise(count: int) -> Iterator[Row]:
    """The operations entry by entry that the language has."""
    for name in sorted(EXACT.keys() - set(PARTS)):
        rows = [Row(name, *_largest(name, attributes, count)) for attributes in ATTRIBUTES.get(name, [{}])]
        worst = {k: max((r.errors[k] for r in rows if k in r.errors), default=0.0) for k in rows[0].errors}
        yield Row(name, sum(r.places for r in rows), worst)


def _largest(name: str, attributes: dict[str, object], count: int) -> tuple[int, dict[int, float]]:
    places = measured.smooth(name, attributes, points(name, count, seed=count))
    found: dict[int, float] = {}
    for by, error in measured.worst(name, attributes, places).items():
        found[len(by)] = max(found.get(len(by), 0.0), error.ulps)
    return len(places), found


def reductions(count: int) -> Iterator[Row]:
    """Sums, means, norms, products, the softmax family: a tenth of the places, each with all of its entries."""
    for name in sorted(FUNCTIONS.keys() & reduced.EXACT.keys()):
        here = count // 10
        found = {k: error for k, (error, _) in enumerate(sites.worst_of(name, here, every=3).values())}
        if name not in sites.SLOPES:
            found[2] = sites.worst_second(name, here, most=3, every=6)[0]
        yield Row(name, len(list(reduced.points(name, here))), found)


def matrices(count: int) -> Iterator[Row]:
    """Determinants, inverses and the like at all of their places, singular matrices and conditions to 1e12 too."""
    for name in ("adj", "cross", "det", "inv", "kron", "logdet", "solve", "trace"):
        found = {0: 0.0, 1: 0.0, 2: 0.0}
        for k, (attributes, operands) in enumerate(squares.points(name)):
            one, *others = derivatives.places(operands, k)
            for by in ((), (one,), *((one, other) for other in others)):
                exact = core.partial if by else core.value
                wanted = exact(squares.EXACT[name], attributes, operands, *by)
                told = derivatives.derivative(name, attributes, operands, *by)
                found[len(by)] = max(found[len(by)], core.worst(told, wanted))
        if name in ("inv", "logdet", "solve"):
            del found[2]  # sums of products, which are right beside their terms
        yield Row(name, len(squares.points(name)), found)


SURVEYS: tuple[Callable[[int], Iterator[Row]], ...] = (elementwise, reductions, matrices)


def table(count: int) -> Iterator[str]:
    """The lines of the table, as they are found."""
    yield "| operation | places | value | first derivative | second derivative |"
    yield "|---|---|---|---|---|"
    for survey in SURVEYS:
        for row in survey(count):
            cells = " | ".join(f"{row.errors[order]:.2f}" if order in row.errors else "" for order in (0, 1, 2))
            yield f"| `{row.name}` | {row.places} | {cells} |"


if __name__ == "__main__":
    with np.errstate(all="ignore"):
        for line in table(int(sys.argv[1]) if len(sys.argv) > 1 else 200):
            print(line, flush=True)
