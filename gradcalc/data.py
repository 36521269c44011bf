"""Data from outside a file: `NAME=VALUE`, .json, .npz, .npy and .csv, as float64 arrays with their shapes.

Nothing is unpickled and nothing is evaluated. A list is a column, a list of lists a matrix. What a file claims
to hold is checked against the limits before memory is asked for.
"""

from __future__ import annotations

import io
import json
import re
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from gradcalc.errors import Diagnostic, GradcalcError, Limits
from gradcalc.graph import Shape, of_extent
from gradcalc.symbols import normalise

Array = np.ndarray[Any, Any]
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_BROKEN = (
    *(ValueError, OSError, EOFError, KeyError, RuntimeError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, SyntaxError, tokenize.TokenError),
)
"""What NumPy and zipfile raise for files that are not what they seem: NumPy reads a header as a Python literal
(NotImplementedError and RecursionError are RuntimeErrors)."""


@dataclass(frozen=True, eq=False)
class Datum:
    """An array of rank 2, the shape that it stands for, and entry labels if it has any."""

    array: Array
    shape: Shape
    labels: tuple[str, ...] = ()


def _bad(name: str, message: str, remedy: str = "") -> GradcalcError:
    return GradcalcError(Diagnostic("bad-data", f"the data for `{name}` {message}", help=remedy))


def datum(name: str, value: Any) -> Datum:
    """A number, a list, a list of lists, an object of labelled numbers or an array, as a datum.

    Raises `GradcalcError` for anything else, for ragged rows, and for entries that are not finite.
    """
    labels: tuple[str, ...] = ()
    if isinstance(value, Mapping):
        labels = tuple(str(k) for k in value)
        value = list(value.values())
        if any(isinstance(v, list | tuple | Mapping) for v in value):
            raise _bad(name, "has a label whose value is not a number", "write a number beside every label")
    array = _array(name, value)
    if array.ndim > 2:
        raise _bad(name, f"has {array.ndim} axes", "give a number, a vector or a matrix")
    if not np.isfinite(array).all():
        raise _bad(name, "has an entry that is NaN or infinite", "give finite numbers")
    if array.ndim == 2:
        return Datum(array, of_extent(*array.shape), labels)
    shape: Shape = () if array.ndim == 0 else (array.shape[0],)
    return Datum(array.reshape(-1, 1) if shape else array.reshape(1, 1), shape, labels)


def _array(name: str, value: Any) -> Array:
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "iufb":
            raise _bad(name, f"is of type {value.dtype}", "give real numbers")
        return np.array(value, dtype=np.float64)
    if not isinstance(value, int | float | list | tuple | np.number):
        raise _bad(name, "is not a number, a list or a list of lists", "write 2, [1, 2] or [[1, 2], [3, 4]]")
    entries: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    if any(isinstance(e, list | tuple) for e in entries):
        if not all(isinstance(e, list | tuple) for e in entries):
            raise _bad(name, "mixes numbers and lists", "give numbers only, or lists of one length only")
        if len({len(e) for e in entries}) > 1:
            raise _bad(name, "has rows of different lengths", "give every row as many entries")
        entries = [x for row in entries for x in row]
    for item in entries:
        if isinstance(item, bool) or not isinstance(item, int | float | np.number):
            raise _bad(name, f"has an entry that is not a number: {_short(item)}", "give numbers")
    try:
        return np.array(value, dtype=np.float64)
    except (OverflowError, ValueError) as error:
        raise _bad(name, "has a number that is too large for a 64-bit float", "write at most 1.8e308") from error


def _short(item: Any) -> str:
    if isinstance(item, list | tuple | Mapping):
        return "a list" if isinstance(item, list | tuple) else "an object"
    return repr(item)[:40]


# --------------------------------------------------------------------------------------- files


def load_data(path: str | Path, limits: Limits) -> dict[str, Datum]:
    """All arrays of a .json object or an .npz archive, by name. Raises `GradcalcError`."""
    path = Path(path)
    if path.suffix.lower() == ".npz":
        return {normalise(k): datum(k, v) for k, v in _read_npz(path, limits).items()}
    loaded = _read_json(path, limits)
    if not isinstance(loaded, dict):
        raise GradcalcError(Diagnostic("bad-data", f"{path} holds no object of names and values",
                                       help='write {"x": [1, 2], "W": [[1, 0], [0, 1]]}'))  # fmt: skip
    return {normalise(k): datum(k, v) for k, v in loaded.items()}


def load_array(name: str, path: str | Path, limits: Limits) -> Datum:
    """One array from a .npy, .npz (under its name, or the only one), .csv or .json file. Raises `GradcalcError`."""
    path = Path(path)
    match path.suffix.lower():
        case ".npy":
            return datum(name, _read_npy(path, limits))
        case ".npz":
            arrays = _read_npz(path, limits)
            if name not in arrays and len(arrays) != 1:
                raise _bad(name, f"is not in {path}", f"it holds {', '.join(list(arrays)[:12]) or 'nothing'}")
            return datum(name, arrays[name] if name in arrays else next(iter(arrays.values())))
        case ".csv":
            return datum(name, _read_csv(name, path, limits))
    value = _read_json(path, limits)
    return datum(name, value[name] if isinstance(value, dict) and name in value else value)


def _unreadable(path: Path, why: str) -> GradcalcError:
    return GradcalcError(Diagnostic("unreadable-file", f"{path} cannot be read: {why}", help="check the file"))


def _too_large(path: Path, what: str, limits: Limits) -> GradcalcError:
    return GradcalcError(Diagnostic("limit-data", f"{path} has {what}", help="raise it with --limit data_bytes=N",
                                    rule=f"the limit is {limits.data_bytes:,} bytes"))  # fmt: skip


def _read(path: Path, limits: Limits) -> bytes:
    """The bytes of a file; no more are read than the limit allows, whatever the file is."""
    try:
        with path.open("rb") as file:
            raw = file.read(limits.data_bytes + 1)
    except (OSError, ValueError) as error:  # a path with a NUL is a ValueError
        raise _unreadable(path, getattr(error, "strerror", None) or str(error)) from error
    if len(raw) > limits.data_bytes:
        raise _too_large(path, f"more than {limits.data_bytes:,} bytes", limits)
    return raw


def _read_npy(path: Path, limits: Limits) -> Array:
    try:
        return _checked_npy(path, io.BytesIO(_read(path, limits)), limits)
    except _BROKEN as error:
        raise _unreadable(path, str(error)) from error


def _checked_npy(path: Path, file: IO[bytes], limits: Limits) -> Array:
    """An array from a stream, its header read first: types, axes and size are refused before any allocation."""
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"format version {version[0]}.{version[1]} holds no plain numbers")
    with warnings.catch_warnings(action="ignore"):  # of headers in the manner of Python 2
        header = npy.read_array_header_1_0(file) if version == (1, 0) else npy.read_array_header_2_0(file)
    shape, by_columns, kind = header
    if kind.hasobject or kind.kind not in "iufb":
        raise ValueError(f"it holds {'Python objects' if kind.hasobject else kind} and no real numbers")
    entries = 1
    for size in shape:
        if size < 0:
            raise ValueError(f"its header states a size of {size}")
        entries *= size
    if entries > limits.entries:
        raise GradcalcError(Diagnostic("limit-entries", f"{path} holds an array of {entries:,} entries",
                                       rule=f"an array has at most {limits.entries:,}",
                                       help="raise the limit with --limit entries=N"))  # fmt: skip
    raw = file.read(entries * kind.itemsize)
    if len(raw) < entries * kind.itemsize:
        raise ValueError("it ends before its last entry")
    return np.frombuffer(raw, dtype=kind).reshape(shape, order="F" if by_columns else "C")


def _read_npz(path: Path, limits: Limits) -> dict[str, Array]:
    raw = _read(path, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = archive.infolist()
            inflated = sum(m.file_size for m in members)
            if inflated > limits.data_bytes:
                raise _too_large(path, f"{inflated:,} bytes when inflated", limits)
            found: dict[str, Array] = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                if name in found:
                    raise ValueError(f"{name} stands in it twice")
                with archive.open(member) as file:
                    found[name] = _checked_npy(path, file, limits)
            return found
    except _BROKEN as error:
        raise _unreadable(path, str(error).strip("'")) from error


def _read_json(path: Path, limits: Limits) -> Any:
    raw = _read(path, limits)
    _refuse_many(path, raw, b",", limits)
    try:
        return json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_once)
    except RecursionError as error:
        raise _unreadable(path, "its lists nest too deep") from error
    except ValueError as error:
        raise _unreadable(path, str(error)) from error


def _refuse_many(path: Path, raw: bytes, separator: bytes, limits: Limits) -> None:
    """Refuse a text with far more entries than an array may have before it is split into objects."""
    entries = raw.count(separator) + 1
    if entries > 4 * limits.entries:
        raise GradcalcError(Diagnostic("limit-entries", f"{path} has {entries:,} entries",
                                       rule=f"an array has at most {limits.entries:,}",
                                       help="raise the limit with --limit entries=N"))  # fmt: skip


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names all differ."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the name {next(n for n in found if names.count(n) > 1)!r} stands twice")
    return found


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number in JSON")


def _read_csv(name: str, path: Path, limits: Limits) -> list[Any]:
    raw = _read(path, limits)
    _refuse_many(path, raw, b",", limits)
    _refuse_many(path, raw, b"\n", limits)
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except ValueError as error:
        raise _unreadable(path, str(error)) from error
    rows = []
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line.split(",")] if line.strip() else []
        odd = next((c for c in cells if not _NUMBER.fullmatch(c)), None)
        if odd is not None:
            raise _bad(name, f"has a cell that is no number in line {number} of {path}: {odd[:40]!r}",
                       "leave out headings and empty cells")  # fmt: skip
        if cells:
            rows.append([float(cell) for cell in cells])
    return [row[0] for row in rows] if all(len(row) == 1 for row in rows) else rows
