"""Rows of text to data: columns of numbers where the rows are alike, and an error for each row that is at fault.

In a CSV file a column is an input: `x`, or one entry of it: `x[0]`, `W[1,0]`. A cell is a number, or JSON; an empty
one and a null give nothing. A row of JSON Lines is an object of values by name.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec.structs import replace

from gradcalc.batch.rows import Block
from gradcalc.data import Datum, datum
from gradcalc.data_files import parsed_json
from gradcalc.errors import Diagnostic, GradcalcError, Limits
from gradcalc.files import decode
from gradcalc.graph import Shape, of_extent
from gradcalc.symbols import normalise, refuse_invisible

Array = np.ndarray[Any, Any]
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_PLAIN = re.compile(r"[-+.0-9eE, ]*")
"""What columns consist of that NumPy reads as we do, if it reads them at all."""
csv.field_size_limit(2**31 - 1)  # rows have a limit of their own
_HEAD = re.compile(r"(.*?)\s*\[\s*([0-9]{1,9})\s*(?:,\s*([0-9]{1,9})\s*)?\]", re.DOTALL)
_LIKE_HEAD = re.compile(r"[^\W\d]\w*\s*\[[-+0-9.,:\s]*\]?")
"""What is meant as an entry."""


@dataclass(frozen=True, eq=False)
class Alike:
    """Rows that give data of the same shapes: arrays with an axis of rows in front. Of the names in `empty` they could
    give data, and do not."""

    places: Array
    data: dict[str, Datum]
    empty: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Faulty:
    """A row that is at fault."""

    place: int
    error: GradcalcError


Parsed = Alike | Faulty


def parsed(block: Block, names: Set[str], limits: Limits) -> Iterator[Parsed]:
    """The rows of a block as data for some names, each row in one of what is given; other names are left out."""
    rows = block.rows
    if block.form == "csv":
        columns = Columns.of("the rows", block.header)
        made = columns.alike(rows, names)
        if made is not None:
            yield made
            return
        values = _each(rows, limits, lambda row: columns.row(row, names))
    else:
        values = _each(rows, limits, lambda row: _object(row, names))
    yield from _grouped(values)


_Row = dict[str, Datum | None]
"""The data of a row by name, None for what is empty in it."""


def _each(
    rows: Sequence[bytes], limits: Limits, one: Callable[[bytes], dict[str, Any]]
) -> Iterator[_Row | GradcalcError]:
    for row in rows:
        try:
            if len(row) > limits.file_bytes:
                raise GradcalcError(Diagnostic("limit-data", f"the row has more than {limits.file_bytes:,} bytes",
                                               help="raise it with --limit file_bytes=N"))  # fmt: skip
            found = one(row)
            yield {name: None if v is None else _limited(name, datum(name, v), limits) for name, v in found.items()}
        except GradcalcError as error:
            yield error


def _limited(name: str, found: Datum, limits: Limits) -> Datum:
    rows, columns = found.array.shape
    limits.refuse_large(f"the data for `{name}`", rows, columns, "give fewer")
    return found


def _object(row: bytes, names: Set[str]) -> dict[str, Any]:
    """The values of a row of JSON Lines."""
    found = _json("the row", decode(row.strip(), "the row"))
    if not isinstance(found, dict):
        raise GradcalcError(Diagnostic("bad-data", "the row is no object of names and values",
                                       help='write {"x": 1, "y": [1, 2]}'))  # fmt: skip
    spelt = {normalise(name): value for name, value in found.items()}
    for name in spelt:
        entry = _HEAD.fullmatch(name)
        if entry and normalise(entry[1]) in names:
            raise GradcalcError(Diagnostic("bad-data", f"the row gives the entry `{name}` by itself, as only CSV does",
                                           help=f"give `{entry[1]}` as a list of its entries"))  # fmt: skip
    return {name: value for name, value in spelt.items() if name in names}


def names_of(block: Block) -> set[str]:
    """The names that rows of JSON Lines give, those of rows that are faulty left out."""
    found: set[str] = set()
    for row in block.rows:
        with contextlib.suppress(GradcalcError):
            values = _json("the row", decode(row.strip(), "the row"))
            found.update(map(normalise, values if isinstance(values, dict) else ()))
    return found


def _json(what: str, text: str) -> Any:
    try:
        return parsed_json(what, text, float)  # an input that is NaN is told by its name
    except GradcalcError as error:
        raise GradcalcError([replace(d, code="bad-data") for d in error.diagnostics]) from None


def _grouped(rows: Iterator[_Row | GradcalcError]) -> Iterator[Parsed]:
    """Rows with data of the same names, shapes and labels together."""
    groups: dict[Any, list[tuple[int, dict[str, Datum]]]] = {}
    for place, row in enumerate(rows):
        if isinstance(row, GradcalcError):
            yield Faulty(place, row)
        else:
            given = {name: d for name, d in row.items() if d is not None}
            key = tuple((name, d.shape, d.labels) for name, d in given.items()), frozenset(row.keys() - given.keys())
            groups.setdefault(key, []).append((place, given))
    for (key, empty), members in groups.items():
        data = {
            name: Datum(np.stack([row[name].array for _, row in members]), shape, labels) for name, shape, labels in key
        }
        yield Alike(np.array([place for place, _ in members]), data, empty)


# -------------------------------------------------------------------------------------- columns


@dataclass
class Columns:
    """What the columns of a CSV file are: for each name the column of its value, or those of its entries by place."""

    width: int
    values: dict[str, int] = field(default_factory=dict)
    entries: dict[str, dict[tuple[int, ...], int]] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)

    @classmethod
    def of(cls, path: str, header: bytes) -> Columns:
        """Read the first line of a file. Raises `GradcalcError`."""
        heads = _whole(_cells(header, path))
        made = cls(len(heads))
        if len(heads) == 1 and "\t" in heads[0].strip():
            raise _bad_header(path, "has tabs between the names", "separate the cells by commas")
        for k, head in enumerate(heads):
            refuse_invisible(f"a name in {path}", head.strip())
            entry = _HEAD.fullmatch(head.strip())
            name = normalise(entry[1] if entry else head.strip())
            if not name:  # a column without a name is of no input
                continue
            places = made.entries.setdefault(name, {}) if entry else None
            place = tuple(int(i) for i in entry.groups()[1:] if i is not None) if entry else ()
            if entry is None and _LIKE_HEAD.fullmatch(head.strip()):
                raise _bad_header(path, f"has `{head.strip()}`, which is no entry", "write v[0], or W[0,1], from 0")
            whole = name in (made.entries if places is None else made.values)
            if whole:
                raise _bad_header(path, f"gives `{name}` as a whole and by its entries", "leave one of them out")
            if name in made.values or place in (places or ()):
                raise _bad_header(path, f"names `{head.strip()}` twice", "give every column a name of its own")
            if places is None:
                made.values[name] = k
            else:
                places[place] = k
        made.shapes = {name: _shape(path, name, places) for name, places in made.entries.items()}
        return made

    def alike(self, rows: Sequence[bytes], names: Set[str]) -> Alike | None:
        """All rows at once, where every cell that counts is a plain number; None where one is not."""
        try:
            cells = [row.decode("ascii").rstrip("\r").split(",") for row in rows]
        except UnicodeDecodeError:
            return None
        if not all(len(row) == self.width for row in cells) or any(b'"' in row for row in rows):
            return None
        columns = list(zip(*cells, strict=True))
        wanted = [k for name, k in self.values.items() if name in names]
        wanted += [k for name in names if name in self.entries for k in self.entries[name].values()]
        numbers: dict[int, Array] = {}
        for k in wanted:
            if not _PLAIN.fullmatch(",".join(columns[k])):
                return None
            try:
                numbers[k] = np.array(list(map(float, columns[k])))
            except ValueError:
                return None
            if not np.isfinite(numbers[k]).all():
                return None
        data = {name: Datum(numbers[k].reshape(-1, 1, 1), ()) for name, k in self.values.items() if name in names}
        for name, places in self.entries.items():
            if name in names:
                stacked = np.stack([numbers[places[p]] for p in sorted(places)], axis=1)
                data[name] = Datum(stacked.reshape(len(rows), *_extent(self.shapes[name])), self.shapes[name])
        return Alike(np.arange(len(rows)), data)

    def row(self, row: bytes, names: Set[str]) -> dict[str, Any]:
        """The values of one row, for some names. Raises `GradcalcError`."""
        cells = _cells(row, "the row")
        if len(cells) != self.width:
            raise GradcalcError(Diagnostic("bad-data", f"the row has {len(cells)} cells, and the first line has "
                                           f"{self.width}", help="give every row as many cells"))  # fmt: skip
        found = {name: _value(name, cells[k]) for name, k in self.values.items() if name in names}
        for name, places in self.entries.items():
            if name in names and all(_is_empty(cells[k]) for k in places.values()):
                found[name] = None
            elif name in names:
                entries = [_number(f"{name}[{', '.join(map(str, p))}]", cells[places[p]]) for p in sorted(places)]
                shape = self.shapes[name]
                found[name] = np.array(entries).reshape([int(size) for size in shape])
        return found


def _whole(heads: Sequence[str]) -> list[str]:
    """Heads as they were meant: `W[0,1]` without quotation marks is one."""
    found: list[str] = []
    for head in heads:
        if found and re.fullmatch(r"\s*[0-9]+\s*\]\s*", head) and re.fullmatch(r"[^\]]*\[\s*[0-9]+\s*", found[-1]):
            found[-1] += f",{head}"
        else:
            found.append(head)
    return found


def _extent(shape: Shape) -> tuple[int, int]:
    return (int(shape[0]), 1) if len(shape) == 1 else (int(shape[0]), int(shape[1]))


def _shape(path: str, name: str, places: Mapping[tuple[int, ...], int]) -> Shape:
    """The shape that the places of entries fill."""
    ranks = {len(place) for place in places}
    sizes = [max(place[k] for place in places) + 1 for k in range(min(ranks))]
    if len(ranks) > 1:
        message = f"gives entries of `{name}` by one number and by two"
        raise _bad_header(path, message, f"write {name}[0], or {name}[0,1]")
    if len(places) != int(np.prod(sizes, dtype=object)):
        shown = ", ".join(str(size) for size in sizes)
        remedy = f"give a column to each of its {shown} entries from 0"
        raise _bad_header(path, f"leaves entries of `{name}` out", remedy)
    return (sizes[0],) if len(sizes) == 1 else of_extent(sizes[0], sizes[1])


def _bad_header(path: str, message: str, remedy: str) -> GradcalcError:
    return GradcalcError(Diagnostic("bad-data", f"the first line of {path} {message}", help=remedy))


def _cells(row: bytes, path: str) -> list[str]:
    text = decode(row, path)
    try:
        return next(csv.reader(io.StringIO(text, newline=""), strict=True), [])
    except csv.Error:
        raise _malformed(text, path) from None


_CELL = re.compile(r'(?:"(?:[^"]|"")*+"(?=,)|(?!")[^,\r\n]*+),')


def _malformed(text: str, path: str) -> GradcalcError:
    """Which cell of a row is at fault."""
    start = number = 0
    while found := _CELL.match(text, start):
        start, number = found.end(), number + 1
    cell = text[start:]
    shown = f"cell {number + 1}, `{cell[:40]}`"
    closed = re.match(r'"(?:[^"]|"")*+"', cell)
    if not cell.startswith('"'):
        message, remedy = f"has a carriage return in {shown}", "save it with ends of lines LF or CRLF"
    elif closed is None:
        message, remedy = f"has a quotation that is not closed; it begins in {shown}", "close it, or double the mark"
    else:
        message, remedy = f"goes on behind the quotation in {shown}", "double a quotation mark that is part of a cell"
    return GradcalcError(Diagnostic("bad-data", f"{path} {message}", help=remedy))


def _is_empty(cell: str) -> bool:
    return cell.strip() in ("", "null")


def _value(name: str, cell: str) -> Any:
    """A number, or what JSON says; None of an empty cell."""
    if _is_empty(cell):
        return None
    shown = cell.strip()
    return _json(f"the cell of `{name}`", shown) if shown[0] in "[{" else _number(name, cell)


def _number(name: str, cell: str) -> float:
    shown = cell.strip()
    if not _NUMBER.fullmatch(shown):
        what = "has an empty cell" if _is_empty(cell) else f"has a cell that is no number: `{shown[:40]}`"
        raise GradcalcError(Diagnostic("bad-data", f"the data for `{name}` {what}", help="write a number, or JSON"))
    return float(shown)
