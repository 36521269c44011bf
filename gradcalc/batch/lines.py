"""Text that comes in pieces, cut into rows.

A row of JSON Lines is a line. A row of CSV is a line, or several where a cell stands in quotation marks and has ends of
lines in it: a quotation mark opens a cell only at its beginning (RFC 4180). Where what is written in quotation marks
is not closed, or goes on behind them, the row is that one line, and the next line is the next row. Empty lines are no
rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

CHUNK = 2**19
"""Bytes that are read at once."""
_QUOTED = rb'"[^"]*+(?:""[^"]*+)*+"(?=,|\r?(?:\n|\Z))'
_CELL = rb"(?:" + _QUOTED + rb'|(?!")[^,\n]*+)'
_ROW = re.compile(_CELL + rb"(?:," + _CELL + rb")*+\r?(?:\n|\Z)")
_OPEN = re.compile(rb"(?:" + _CELL + rb',)*+"[^"]*+(?:""[^"]*+)*+\Z')
"""A row whose last cell is not closed yet."""


def rows_of(file: IO[bytes], form: str, most: int) -> Iterator[list[bytes]]:
    """The rows of a file, those of some bytes at a time, without the ends of lines. Of a row that has more than `most`
    bytes its beginning is given, one byte more than may be; no more than about as much is held."""
    held = b""
    while chunk := file.read(CHUNK):
        held += chunk
        rows, end = split(held, form, most)
        held = held[end:]
        if len(held) > most:
            rows.append(held)
            held = _after_line(file)
        yield _kept(rows, most)
    yield _kept(split(held, form, most, whole=True)[0], most)


def _kept(rows: list[bytes], most: int) -> list[bytes]:
    return [row[: most + 1] for row in rows if row and not row.isspace()]


def split(text: bytes, form: str, most: int, whole: bool = False) -> tuple[list[bytes], int]:
    """The rows that are complete in a text, and where what is left of it begins; nothing is if it is the `whole`."""
    if form == "csv" and b'"' in text:
        return _quoted(text, most, whole)
    end = len(text) if whole else text.rfind(b"\n") + 1
    return text[:end].split(b"\n"), end


def _quoted(text: bytes, most: int, whole: bool) -> tuple[list[bytes], int]:
    rows: list[bytes] = []
    place, size = 0, len(text)
    while (quote := text.find(b'"', place)) >= 0:
        begin = text.rfind(b"\n", place, quote) + 1
        if begin:
            rows += text[place : begin - 1].split(b"\n")
            place = begin
        found = _ROW.match(text, place)
        if found is not None and found.end() == size and not whole and text[-1:] != b"\n":
            return rows, place
        line = text.find(b"\n", place) + 1
        if found is None and not whole and (not line or (size - place <= most and _OPEN.match(text, place))):
            return rows, place
        end = found.end() if found is not None else line or size
        rows.append(text[place:end].removesuffix(b"\n"))
        place = end
    end = size if whole else max(place, text.rfind(b"\n") + 1)
    rows += text[place:end].split(b"\n")
    return rows, end


def _after_line(file: IO[bytes]) -> bytes:
    """What was read behind the end of the line that a file stands in."""
    while chunk := file.read(CHUNK):
        end = chunk.find(b"\n") + 1
        if end:
            return chunk[end:]
    return b""
