"""Files of data to arrays and lists: .npy, .npz, .json, .csv.

Nothing is unpickled and nothing is evaluated. What a file claims to hold is checked against the limits before
memory is asked for.
"""

from __future__ import annotations

import io
import json
import math
import re
import warnings
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import IO, Any

import numpy as np
from msgspec import Struct
from numpy.lib import format as npy

from gradcalc.errors import Diagnostic, GradcalcError, Label, Limits, Source, Span
from gradcalc.files import decode, read_file, unreadable
from gradcalc.symbols import refuse_invisible

Array = np.ndarray[Any, Any]
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
BROKEN = (
    *(ValueError, OSError, EOFError, KeyError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What zipfile raises for files that are not what they seem (NotImplementedError is a RuntimeError), and what is raised
here."""


def _too_large(path: str, what: str, limits: Limits) -> Diagnostic:
    return Diagnostic("limit-data", f"{path} has {what}", help="raise it with --limit data_bytes=N",
                      rule=f"the limit is {limits.data_bytes:,} bytes")  # fmt: skip


def _read(path: str, limits: Limits) -> bytes:
    return read_file(path, limits.data_bytes, lambda size: _too_large(path, size, limits))


def _refuse_many(path: str, entries: int, limits: Limits) -> None:
    """Refuse an array with more entries than it may have."""
    if entries > limits.entries:
        raise GradcalcError(Diagnostic("limit-entries", f"{path} holds an array of {entries:,} entries",
                                       rule=f"an array has at most {limits.entries:,}",
                                       help="raise the limit with --limit entries=N"))  # fmt: skip


# --------------------------------------------------------------------------------------- NumPy's


def read_npy(path: str, limits: Limits) -> Array:
    """The array of a .npy file. Raises `GradcalcError`."""
    try:
        return _array(path, io.BytesIO(_read(path, limits)), limits)
    except BROKEN as error:
        raise unreadable(path, str(error), "save a plain array of numbers, as numpy.save does") from error


def _array(path: str, file: IO[bytes], limits: Limits) -> Array:
    """An array from a stream, its header read first: types, axes and size are refused before any allocation."""
    shape, by_columns, kind = _numbers_header(file)
    _refuse_many(path, math.prod(shape), limits)
    return _entries(file, shape, kind).reshape(shape, order="F" if by_columns else "C")


def _numbers_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, Any]:
    """Shape, whether it is stored by columns, and type of an array of real numbers."""
    shape, by_columns, kind = _array_header(file)
    if kind.hasobject:
        raise ValueError("it holds Python objects, which are never loaded")
    if kind.kind not in "iufb":
        raise ValueError(f"it holds {kind} and no real numbers")
    return shape, by_columns, kind


def _array_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, Any]:
    """Shape, whether it is stored by columns, and type of an array of anything."""
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"format version {version[0]}.{version[1]} holds no plain numbers")
    shape, by_columns, kind = _header(file, version)
    if any(size < 0 for size in shape):
        raise ValueError(f"its header states a size of {min(shape)}")
    return shape, by_columns, kind


def _entries(file: IO[bytes], shape: Sequence[int], kind: Any) -> Array:
    """The next entries of a stream, on one axis."""
    size = math.prod(shape) * kind.itemsize
    raw = file.read(size)
    if len(raw) < size:
        raise ValueError("it ends before its last entry")
    return np.frombuffer(raw, dtype=kind)


def _header(file: IO[bytes], version: tuple[int, int]) -> tuple[tuple[int, ...], bool, Any]:
    """Shape, order and type. NumPy reads a Python literal, and does not document what it raises of a strange one."""
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        with warnings.catch_warnings(action="ignore"):  # of headers in the manner of Python 2
            return read(file)
    except ValueError:
        raise
    except Exception as error:
        raise ValueError("its header is not that of an array") from error


def read_npz(path: str, limits: Limits, name: str | None = None) -> dict[str, Array]:
    """The arrays of a .npz archive by name; with a name that one only, or the only one that there is.

    Together they have at most `limits.data_bytes` inflated, as stored and as float64. Raises `GradcalcError`.
    """
    raw = _read(path, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = _members(path, archive)
            _refuse_inflated(path, members.values(), limits)
            if name is not None and name not in members and len(members) != 1:
                held = ", ".join(list(members)[:12]) or "nothing"
                fault = Diagnostic("bad-data", f"the data for `{name}` is not in {path}", help=f"it holds {held}")
                raise GradcalcError(fault)
            wanted = [name] if name in members else list(members)
            found: dict[str, Array] = {}
            room = limits.data_bytes // 8
            for key in wanted:
                with archive.open(members[key]) as file:
                    found[key] = _array(path, file, limits)
                room -= found[key].size
                if room < 0:
                    raise GradcalcError(_too_large(path, f"more than {limits.data_bytes:,} bytes as float64", limits))
            return found
    except BROKEN as error:
        raise unreadable(path, str(error).strip("'"), "save plain arrays, as numpy.savez does") from error


def _members(path: str, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """What an archive says that it holds, by the names of the arrays."""
    found: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        refuse_invisible(f"a name in {path}", name)
        if name in found:
            raise ValueError(f"the name `{name}` stands twice")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"`{name}` is compressed in another way than numpy.savez does")
        found[name] = member
    return found


def _refuse_inflated(path: str, members: Iterable[zipfile.ZipInfo], limits: Limits) -> None:
    inflated = sum(member.file_size for member in members)
    if inflated > limits.data_bytes:
        raise GradcalcError(_too_large(path, f"{inflated:,} bytes when inflated", limits))


class ArrayRows(Struct, frozen=True, eq=False):
    """An array of an archive, read row by row: its rows are along the first axis, and `count` says how many.

    An array of what is no number is not read: each of its rows is a text that says so.
    """

    path: str
    file: IO[bytes]
    count: int
    shape: tuple[int, ...]
    kind: Any

    _READ = 2**18
    """Bytes that are read at once, but for a row that has more."""

    @classmethod
    def of(cls, path: str, archive: zipfile.ZipFile, limits: Limits) -> dict[str, ArrayRows]:
        """The arrays by name; only their headers are read. Raises `GradcalcError`, and what `BROKEN` has."""
        return {name: cls._opened(path, archive, member, limits) for name, member in _members(path, archive).items()}

    @classmethod
    def _opened(cls, path: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits) -> ArrayRows:
        file = archive.open(member)
        shape, by_columns, kind = _array_header(file)
        if not shape:
            raise ValueError(f"`{member.filename}` is a number and no array of rows")
        if kind.kind not in "iufb":
            return cls(path, file, shape[0], shape[1:], kind)
        _refuse_many(path, math.prod(shape[1:]), limits)
        if by_columns and len(shape) > 1:
            _refuse_inflated(path, [member], limits)
            array = _entries(file, shape, kind).reshape(shape, order="F")
            file = io.BytesIO(np.ascontiguousarray(array).tobytes())
        return cls(path, file, shape[0], shape[1:], kind)

    def values(self) -> Iterator[Any]:
        """The rows as numbers, lists, or lists of lists."""
        if self.kind.kind not in "iufb":
            yield from repeat(f"an array of {self.kind.name}, which is not read", self.count)
            return
        size = math.prod(self.shape)
        step = max(1, self._READ // max(1, size * self.kind.itemsize))
        for start in range(0, self.count, step):
            rows = min(step, self.count - start)
            yield from _entries(self.file, (rows, *self.shape), self.kind).reshape(rows, *self.shape).tolist()


# ------------------------------------------------------------------------------------------ texts


def read_json(path: str, limits: Limits) -> Any:
    """What a JSON text says: its numbers as floats, no name twice, no NaN. Raises `GradcalcError`."""
    raw = _read(path, limits)
    several = raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    entries = raw.count(b",") + 1
    if not several or entries > 4 * limits.entries:  # of several arrays a bound for memory: each is counted later
        _refuse_many(path, entries, limits)
    text = decode(raw, path)
    del raw
    return parsed_json(path, text)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number in JSON")


def parsed_json(path: str, text: str, constant: Callable[[str], float] = _no_constant) -> Any:
    """What a JSON text says; `path` is what messages call it, `constant` what `NaN` and `Infinity` are.

    Raises `GradcalcError`.
    """
    remedy = 'write JSON, as in [1, 2] or {"x": [1, 2]}'
    try:
        return json.loads(text, parse_constant=constant, parse_int=float, object_pairs_hook=_once)
    except RecursionError:
        raise unreadable(path, "its lists nest too deep", remedy) from None
    except json.JSONDecodeError as error:
        why = f"it is no JSON: {error.msg[0].lower()}{error.msg[1:]}"
        raise _at(unreadable(path, why, remedy), path, text, error.pos, error.pos + 1) from None
    except ValueError as error:
        raise unreadable(path, str(error), remedy) from None


def _at(error: GradcalcError, path: str, text: str, start: int, end: int) -> GradcalcError:
    """A fault with its place in a text."""
    [found] = error.diagnostics
    last = text.find("\n", end)
    source = Source(path, text if last < 0 else text[:last])
    span = Span(source, min(start, len(source.text)), min(end, len(source.text)))
    return GradcalcError(Diagnostic(found.code, found.message, span, (Label(span),), found.rule, found.help))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names all differ."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name `{name}` stands twice")
        found[name] = value
    return found


def read_csv(name: str, path: str, limits: Limits) -> Array:
    """The numbers of a CSV file without headings: rows of cells, one column where each row has one.

    Raises `GradcalcError`.
    """
    text = decode(_read(path, limits), path)
    _refuse_many(path, text.count(",") + 1, limits)
    numbers = array("d")
    width = start = 0
    for line in io.StringIO(text, newline=None):
        if line.strip():
            cells = line.split(",")
            if width and len(cells) != width:
                message = f"the data for `{name}` has rows of different lengths: {len(cells)} after {width}"
                fault = Diagnostic("bad-data", message, help="give every row as many entries")
                raise _at(GradcalcError(fault), path, text, start, start + len(line.rstrip()))
            width = len(cells)
            numbers.extend(_cells(name, path, text, start, cells))
            _refuse_many(path, len(numbers), limits)
        start += len(line)
    if not width:
        raise GradcalcError(Diagnostic("bad-data", f"{path} holds no numbers", help="write rows of numbers"))
    found = np.frombuffer(numbers, dtype=np.float64)
    return found if width == 1 else found.reshape(-1, width)


def _cells(name: str, path: str, text: str, start: int, cells: list[str]) -> list[float]:
    """The numbers of a row that begins at `start`."""
    found = []
    for cell in cells:
        shown = cell.strip()
        if not _NUMBER.fullmatch(shown):
            mended = (
                "separate the cells by commas" if re.search("[;\t]", shown) else "leave headings and empty cells out"
            )
            message = f"the data for `{name}` has a cell that is no number: `{shown[:40]}`"
            fault = Diagnostic("bad-data", message, help=mended)
            first = start + len(cell) - len(cell.lstrip(" \t"))
            raise _at(GradcalcError(fault), path, text, first, first + max(len(shown), 1))
        found.append(float(shown))
        start += len(cell) + 1
    return found
