"""Data from outside a file: `NAME=VALUE`, .json, .npz, .npy and .csv, as float64 arrays with their shapes.

Nothing is unpickled and nothing is evaluated. A list is a column, a list of lists a matrix.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradcalc.errors import Diagnostic, GradcalcError, Limits
from gradcalc.graph import Shape, of_extent
from gradcalc.parser import normalise

Array = np.ndarray[Any, Any]


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
    if not isinstance(value, int | float | list | tuple) and not np.isscalar(value):
        raise _bad(name, "is not a number, a list or a list of lists")
    entries = [value] if not isinstance(value, list | tuple) else list(value)
    if any(isinstance(e, list | tuple) for e in entries):
        if not all(isinstance(e, list | tuple) for e in entries):
            raise _bad(name, "mixes numbers and lists")
        if len({len(e) for e in entries}) > 1:
            raise _bad(name, "has rows of different lengths", "give every row as many entries")
        entries = [x for row in entries for x in row]
    for item in entries:
        if isinstance(item, bool) or not isinstance(item, int | float | np.number):
            raise _bad(name, f"has an entry that is not a number: {str(item)[:40]!r}")
    try:
        return np.array(value, dtype=np.float64)
    except (OverflowError, ValueError) as error:
        raise _bad(name, "has a number that is too large for a 64-bit float") from error


def load_data(path: str | Path, limits: Limits) -> dict[str, Datum]:
    """All arrays of a .json object or an .npz archive, by name."""
    path = Path(path)
    if path.suffix == ".npz":
        return {normalise(k): datum(k, v) for k, v in _read_npz(path, limits).items()}
    loaded = _read_json(path, limits)
    if not isinstance(loaded, dict):
        raise GradcalcError(Diagnostic("bad-data", f"{path}: a data file holds an object of names and values",
                                       help='write {"x": [1, 2], "W": [[1, 0], [0, 1]]}'))  # fmt: skip
    return {normalise(k): datum(k, v) for k, v in loaded.items()}


def load_array(name: str, path: str | Path, limits: Limits) -> Datum:
    """One array from a .npy, .npz (under its name, or the only one), .csv or .json file."""
    path = Path(path)
    if path.suffix == ".npy":
        with _opened(path, limits):
            try:
                return datum(name, np.load(path, allow_pickle=False))
            except (ValueError, OSError, EOFError) as error:
                raise _unreadable(path, str(error)) from error
    if path.suffix == ".npz":
        arrays = _read_npz(path, limits)
        if name not in arrays and len(arrays) != 1:
            raise _bad(name, f"is not in {path}", f"it holds {', '.join(arrays) or 'nothing'}")
        return datum(name, arrays.get(name, next(iter(arrays.values()))))
    if path.suffix == ".csv":
        return datum(name, _read_csv(name, path, limits))
    value = _read_json(path, limits)
    return datum(name, value[name] if isinstance(value, dict) and name in value else value)


def _unreadable(path: Path, why: str) -> GradcalcError:
    return GradcalcError(Diagnostic("unreadable-file", f"{path} cannot be read: {why}", help="check the file"))


def _opened(path: Path, limits: Limits) -> Any:
    """The file open for reading bytes, after its size is checked."""
    try:
        size = path.stat().st_size
        if size > limits.data_bytes:
            raise GradcalcError(Diagnostic("limit-data", f"{path} has {size:,} bytes",
                                           rule=f"the limit is {limits.data_bytes:,}",
                                           help="raise it with --limit data_bytes=N"))  # fmt: skip
        return path.open("rb")
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


def _read_npz(path: Path, limits: Limits) -> dict[str, Array]:
    with _opened(path, limits) as file:
        try:
            inflated = sum(i.file_size for i in zipfile.ZipFile(file).infolist())
            if inflated > limits.data_bytes:
                raise GradcalcError(Diagnostic("limit-data", f"{path} has {inflated:,} bytes when inflated",
                                               rule=f"the limit is {limits.data_bytes:,}",
                                               help="raise it with --limit data_bytes=N"))  # fmt: skip
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
            raise _unreadable(path, str(error)) from error


def _read_json(path: Path, limits: Limits) -> Any:
    with _opened(path, limits) as file:
        try:
            return json.loads(file.read().decode("utf-8-sig"), parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise _unreadable(path, str(error) or "it nests too deep") from error


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number in JSON")


def _read_csv(name: str, path: Path, limits: Limits) -> list[Any]:
    with _opened(path, limits) as file:
        try:
            lines = file.read().decode("utf-8-sig").splitlines()
        except ValueError as error:
            raise _unreadable(path, str(error)) from error
    rows = [line.split(",") for line in lines if line.strip()]
    try:
        numbers = [[float(cell) for cell in row] for row in rows]
    except ValueError as error:
        raise _bad(name, f"in {path} has a cell that is not a number: {error}") from error
    return [row[0] for row in numbers] if all(len(row) == 1 for row in numbers) else numbers
