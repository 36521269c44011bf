"""Files of rows, cut into blocks of text: nothing is made of the rows here, and no more than a block is held.

CSV and JSON Lines are taken as they are; NumPy's archives and Arrow's tables are written out as JSON Lines. Where the
blocks end depends on the file alone.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from gradcalc.errors import Diagnostic, GradcalcError, Limits
from gradcalc.files import unreadable

AT_ONCE = 4096
"""Rows of a block at most."""
CHUNK = 2**19
"""Bytes that are read at once: a block has no more, but for a row that is longer."""


@dataclass(frozen=True)
class Block:
    """Whole rows as text, one after the other; `header` is the first line of a CSV file, `form` is "csv" or "json"."""

    form: str
    header: bytes
    start: int
    count: int
    text: bytes

    def rows(self) -> list[bytes]:
        """The text of each row."""
        return split_rows(self.text, self.form)

    def singles(self) -> list[Block]:
        """Each row as a block of its own."""
        return [Block(self.form, self.header, self.start + k, 1, row) for k, row in enumerate(self.rows())]


def split_rows(text: bytes, form: str) -> list[bytes]:
    """Lines that are not empty, their ends left out; in CSV one goes on where a quotation is open."""
    lines = text.split(b"\n")
    if form == "csv" and b'"' in text:
        lines = list(_closed(lines))
    return [line for line in lines if line and not line.isspace()]


def _closed(lines: list[bytes]) -> Iterator[bytes]:
    """Lines put together until every quotation is closed."""
    held: list[bytes] = []
    for line in lines:
        held.append(line)
        if (line.count(b'"') % 2 == 1) == (len(held) == 1):
            continue
        yield b"\n".join(held)
        held = []
    if held:
        yield b"\n".join(held)


def blocks(path: str, limits: Limits) -> Iterator[Block]:
    """The rows of a .csv, .jsonl, .npz, .parquet or .arrow file, in blocks. Raises `GradcalcError`."""
    suffix = os.path.splitext(path)[1].lower()
    reader = _READERS.get(suffix)
    if reader is None:
        known = ", ".join(_READERS)
        raise GradcalcError(Diagnostic("unknown-option-value", f"`{path}` does not tell what its rows are written in",
                                       help=f"use a suffix of {known}"))  # fmt: skip
    try:
        with open(path, "rb") as file:
            yield from reader(path, file, limits)
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from None


def _csv(path: str, file: IO[bytes], limits: Limits) -> Iterator[Block]:
    parts = _parts(file, "csv", limits)
    first = next(parts, b"").removeprefix(b"\xef\xbb\xbf")
    rows = split_rows(first, "csv")
    if not rows:
        raise unreadable(path, "it is empty", "write the names of the inputs in its first line")
    header = rows[0]

    def rest() -> Iterator[bytes]:
        yield first[first.index(header) + len(header) :]
        yield from parts

    yield from _cut(rest(), "csv", header)


def _json(path: str, file: IO[bytes], limits: Limits) -> Iterator[Block]:
    yield from _cut(_parts(file, "json", limits), "json", b"")


def _cut(parts: Iterator[bytes], form: str, header: bytes) -> Iterator[Block]:
    start = 0
    for part in parts:
        rows = split_rows(part, form)
        for k in range(0, len(rows), AT_ONCE):
            some = rows[k : k + AT_ONCE]
            yield Block(form, header, start, len(some), b"\n".join(some))
            start += len(some)


def _parts(file: IO[bytes], form: str, limits: Limits) -> Iterator[bytes]:
    """The text in parts that end where a row ends. Of a row beyond the limit its beginning is kept, one byte more than
    may be."""
    held, most = b"", limits.file_bytes
    while chunk := file.read(CHUNK):
        held += chunk
        end = _end_of_rows(held, form)
        if end:
            yield held[:end]
            held = held[end:]
        elif len(held) > most:
            yield held[: most + 1].replace(b"\n", b" ").replace(b'"', b" ") + b"\n"
            held = _after_line(file)
    if held:
        yield held


def _end_of_rows(text: bytes, form: str) -> int:
    """Where the last whole row of a text ends; 0 where none does."""
    end = text.rfind(b"\n") + 1
    if form == "csv" and b'"' in text:
        quotes = text.count(b'"', 0, end)
        while end and quotes % 2:
            before = text.rfind(b"\n", 0, end - 1) + 1
            quotes -= text.count(b'"', before, end)
            end = before
    return end


def _after_line(file: IO[bytes]) -> bytes:
    """What was read behind the end of the line that a file stands in."""
    while chunk := file.read(CHUNK):
        end = chunk.find(b"\n") + 1
        if end:
            return chunk[end:]
    return b""


# --------------------------------------------------------------------------------- arrays as lines


def _lines(rows: Iterator[list[Any]], names: list[str]) -> Iterator[bytes]:
    """Lists of the rows' values as JSON Lines; what is missing is left out."""
    for row in rows:
        filled = {name: value for name, value in zip(names, row, strict=True) if value is not None}
        yield json.dumps(filled, default=str).encode() + b"\n"


def _joined(lines: Iterator[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= CHUNK or len(held) == AT_ONCE:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _npz(path: str, file: IO[bytes], limits: Limits) -> Iterator[Block]:
    from gradcalc.data_files import BROKEN, ArrayRows

    try:
        with zipfile.ZipFile(file) as archive:
            arrays = ArrayRows.of(path, archive, limits)
            counts = {a.count for a in arrays.values()}
            if len(counts) != 1:
                held = ", ".join(f"{name} {a.count}" for name, a in arrays.items()) or "no array"
                fault = Diagnostic("bad-data", f"the arrays of {path} do not have one number of rows: {held}",
                                   help="give every array as many entries along its first axis")  # fmt: skip
                raise GradcalcError(fault)
            rows = (list(row) for row in zip(*(a.values() for a in arrays.values()), strict=True))
            yield from _cut(_joined(_lines(rows, list(arrays))), "json", b"")
    except BROKEN as error:
        raise unreadable(path, str(error).strip("'"), "save plain arrays, as numpy.savez does") from error


def _parquet(path: str, file: IO[bytes], limits: Limits) -> Iterator[Block]:
    def batches(arrow: Any) -> Iterator[Any]:
        from pyarrow import parquet

        return iter(parquet.ParquetFile(file).iter_batches(AT_ONCE))

    yield from _arrow(path, batches)


def _ipc(path: str, file: IO[bytes], limits: Limits) -> Iterator[Block]:
    def batches(arrow: Any) -> Iterator[Any]:
        whole = file.read(6) == b"ARROW1"
        file.seek(0)
        reader = arrow.ipc.open_file(file) if whole else arrow.ipc.open_stream(file)
        found = (reader.get_batch(k) for k in range(reader.num_record_batches)) if whole else iter(reader)
        return (part for batch in found for part in _slices(batch))

    yield from _arrow(path, batches)


def _slices(batch: Any) -> Iterator[Any]:
    return (batch.slice(k, AT_ONCE) for k in range(0, batch.num_rows, AT_ONCE))


def _arrow(path: str, batches: Callable[[Any], Iterator[Any]]) -> Iterator[Block]:
    """The rows of Arrow's tables, by the optional package."""
    try:
        import pyarrow
    except ImportError:
        raise GradcalcError(Diagnostic("missing-extra", "Parquet and Arrow need the extra `arrow`",
                                       help="pip install 'gradcalc[arrow]'")) from None  # fmt: skip

    def lines() -> Iterator[bytes]:
        for batch in batches(pyarrow):
            names = batch.schema.names
            columns = [column.to_pylist() for column in batch.columns]
            yield from _lines((list(row) for row in zip(*columns, strict=True)), names)

    try:
        yield from _cut(_joined(lines()), "json", b"")
    except (pyarrow.ArrowException, ValueError) as error:
        raise unreadable(path, str(error).splitlines()[0], "save it with pyarrow or pandas") from None


_READERS: dict[str, Callable[[str, IO[bytes], Limits], Iterator[Block]]] = {
    ".csv": _csv, ".jsonl": _json, ".ndjson": _json, ".npz": _npz, ".parquet": _parquet, ".arrow": _ipc,
    ".feather": _ipc,
}  # fmt: skip
