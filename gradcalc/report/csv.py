"""A run as tidy CSV: one number a row, with the table, the names and the entry that it belongs to."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from gradcalc.run import Run

HEADER = ("table", "name", "through", "entry", "value")


def table(run: Run) -> str:
    """All numbers of a run; entries are `[0]`, `[1, 2]` or a label, empty for a scalar."""
    return written(_rows(run))


def written(rows: Iterable[tuple[str, ...]]) -> str:
    """Rows under the header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
    return out.getvalue()


def _rows(run: Run) -> Iterator[tuple[str, ...]]:
    for name, node in run.nodes.items():
        yield from entries("forward", name, "", node.value, node.labels)
    for edge in run.edges:
        yield from entries("upstream", edge.input, edge.node, edge.upstream)
        yield from entries("downstream", edge.input, edge.node, edge.downstream)
    for name, gradient in run.gradients.items():
        for branch in gradient.branches:
            yield from entries("branch", name, branch.through, branch.value, gradient.labels)
        yield from entries("gradient", name, "", gradient.value, gradient.labels)


def entries(kind: str, name: str, through: str, value: Any, labels: Sequence[str] = ()) -> Iterator[tuple[str, ...]]:
    """A row for every entry of a value."""
    array = np.asarray(value, dtype=np.float64)
    for number, (place, entry) in enumerate(np.ndenumerate(array)):
        where = labels[number] if len(labels) == array.size else f"[{', '.join(map(str, place))}]" if place else ""
        yield kind, name, through, where, repr(float(entry))


def safe(cell: str) -> str:
    """A label that a spreadsheet would take for a formula is quoted."""
    number = cell == "-inf" or cell.replace(".", "").replace("-", "").replace("e", "").replace("+", "").isdigit()
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t")) and not number else cell
