"""Files of rows, cut into blocks of text: nothing is made of the rows here, and no more than a block is held.

CSV and JSON Lines are taken as they are; NumPy's archives and Arrow's tables are written out as JSON Lines. Where the
blocks end depends on the file alone.
"""

from __future__ import annotations

import codecs
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO

from gradcalc.batch import tables
from gradcalc.batch.lines import CHUNK, rows_of
from gradcalc.errors import Diagnostic, GradcalcError, Limits
from gradcalc.files import unreadable

AT_ONCE = 4096
"""Rows of a block at most."""
_LONE = re.compile(rb"\r(?=\S)")


@dataclass(frozen=True)
class Block:
    """Whole rows as text; `header` is the first line of a CSV file, `form` is "csv" or "json", `start` the number of
    the first row."""

    form: str
    header: bytes
    start: int
    rows: list[bytes]

    @property
    def size(self) -> int:
        """Bytes of the rows, with the ends of their lines."""
        return sum(map(len, self.rows)) + len(self.rows)

    def part(self, start: int, end: int) -> Block:
        """Some of the rows."""
        return Block(self.form, self.header, self.start + start, self.rows[start:end])


def blocks(path: str, limits: Limits) -> Iterator[Block]:
    """The rows of a .csv, .jsonl, .npz, .parquet or .arrow file, in blocks; what has no suffix, as a pipe, is told by
    how it begins. Raises `GradcalcError`."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix and suffix not in _READERS:
        known = ", ".join(_READERS)
        raise GradcalcError(Diagnostic("unknown-option-value", f"`{path}` does not tell what its rows are written in",
                                       help=f"use a suffix of {known}"))  # fmt: skip
    try:
        with open(path, "rb") as file:
            yield from _READERS[suffix or _form(path, file)](path, file, limits)
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from None


def _form(path: str, file: io.BufferedReader) -> str:
    """The suffix that files have which begin alike. Raises `GradcalcError`."""
    start = file.peek()
    found = next((suffix for suffix, sign in _SIGNS.items() if start.startswith(sign)), "")
    if found and not file.seekable():
        raise unreadable(path, "it is no text, and cannot be read in order alone", "write the rows to a file first")
    return found or (".jsonl" if start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{") else ".csv")


def _csv(path: str, file: IO[bytes], limits: Limits) -> Iterator[Block]:
    rows = chain.from_iterable(rows_of(file, "csv", limits.file_bytes))
    header = next(rows, b"").removeprefix(codecs.BOM_UTF8)
    if not header.strip():
        raise unreadable(path, "it is empty", "write the names of the inputs in its first line")
    _refuse_line_ends(path, header)
    yield from _cut(rows, "csv", header)


def _json(path: str, file: IO[bytes], limits: Limits) -> Iterator[Block]:
    rows = chain.from_iterable(rows_of(file, "json", limits.file_bytes))
    first = next(rows, b"").removeprefix(codecs.BOM_UTF8)
    _refuse_line_ends(path, first)
    yield from _cut(chain([first] if first.strip() else [], rows), "json", b"")


def _refuse_line_ends(path: str, first: bytes) -> None:
    """Refuse lines that end in carriage returns alone: the file is one line then."""
    if _LONE.search(first):
        raise unreadable(path, "its lines end in carriage returns alone", "save it with ends of lines LF or CRLF")


def _arrays(lines: Callable[[str, IO[bytes], Limits], Iterator[bytes]]) -> Reader:
    return lambda path, file, limits: _cut(lines(path, file, limits), "json", b"")


def _cut(rows: Iterable[bytes], form: str, header: bytes) -> Iterator[Block]:
    """Blocks of so many rows and bytes at most, but for a row that is longer."""
    start, size = 0, 0
    some: list[bytes] = []
    for row in rows:
        some.append(row)
        size += len(row)
        if size >= CHUNK or len(some) == AT_ONCE:
            yield Block(form, header, start, some)
            start, size, some = start + len(some), 0, []
    if some:
        yield Block(form, header, start, some)


Reader = Callable[[str, IO[bytes], Limits], Iterator[Block]]
_READERS: dict[str, Reader] = {
    ".csv": _csv, ".jsonl": _json, ".ndjson": _json, ".npz": _arrays(tables.npz), ".parquet": _arrays(tables.parquet),
    ".arrow": _arrays(tables.ipc), ".feather": _arrays(tables.ipc),
}  # fmt: skip
_SIGNS = {".npz": b"PK\x03\x04", ".parquet": b"PAR1", ".arrow": b"ARROW1"}
"""How files that are no text begin."""
