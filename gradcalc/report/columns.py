"""Documents of many runs that differ in their numbers alone: the text of one, and columns of numbers to fill in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import repeat
from typing import Any

import numpy as np

from gradcalc.report.document import run_document, value
from gradcalc.report.encode import encode
from gradcalc.run import Number, Run

_MARK = re.compile(r'"\\u0000([0-9]+)"')
"""What stands for a column in the text: no name or text of a user has a NUL in it."""


class Columns:
    """Takes the numbers of a run, each with an axis of rows in front, and gives a mark for each."""

    def __init__(self) -> None:
        self.arrays: list[Any] = []
        self.marks: dict[int, str] = {}

    def __call__(self, number: Number) -> str:
        """The mark of a column of numbers."""
        array = np.asarray(number)
        if id(number) not in self.marks:
            self.marks[id(number)] = f"\0{len(self.arrays)}"
            self.arrays.append((array, number))
        return self.marks[id(number)]


def documents(run: Run, rows: int, keep: frozenset[str] | None = None) -> Iterator[str]:
    """The JSON of each row of a run, whose numbers have an axis of rows in front; `keep` as for `run_document`."""
    columns = Columns()
    pieces = _MARK.split(encode(run_document(run, keep, columns)))
    parts: list[Any] = []
    texts: dict[int, Any] = {}
    for k, piece in enumerate(pieces):
        if k % 2 == 0:
            parts.append(repeat(piece, rows))
            continue
        place = int(piece)
        if place not in texts:
            texts[place] = list(_texts(columns.arrays[place][0]))
        parts.append(texts[place])
    return map("".join, zip(*parts, strict=True))


def _texts(array: Any) -> Iterator[str]:
    """The JSON of each row of an array."""
    if array.ndim == 1:
        return iter(json.dumps(array.tolist())[1:-1].split(", "))
    if not array.size:
        return repeat(json.dumps(value(array[0])), len(array)) if len(array) else iter(())
    if not array.strides[0]:
        return repeat(json.dumps(value(array[0])), len(array))
    depth = array.ndim - 1
    inner = json.dumps(array.tolist())[1 + depth : -1 - depth].split("]" * depth + ", " + "[" * depth)
    return (f"{'[' * depth}{text}{']' * depth}" for text in inner)
