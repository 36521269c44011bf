"""Data from outside a file: `NAME=VALUE`, .json, .npz, .npy and .csv, as float64 arrays with their shapes.

A list is a column, a list of lists a matrix. Numbers are rounded to the nearest float64, as literals are; truth
values of NumPy are 0 and 1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from msgspec import Struct

from gradcalc.errors import Diagnostic, GradcalcError, Limits
from gradcalc.graph import Shape, of_extent
from gradcalc.symbols import normalise, refuse_invisible

Array = np.ndarray[Any, Any]
Path = str | os.PathLike[str]
_NUMBERS = (int, float, np.integer, np.floating)


class Datum(Struct, frozen=True, eq=False):
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
        for label in labels:
            refuse_invisible(f"a label of `{name}`", label)
        if not labels:
            raise _bad(name, "is an object without entries", "write a number beside every label, or [] for none")
        value = list(value.values())
        if any(isinstance(v, list | tuple | Mapping) for v in value):
            raise _bad(name, "has a label whose value is not a number", "write a number beside every label")
    array = _array(name, value)
    if array.ndim > 2:
        raise _bad(name, f"has {array.ndim} axes", "give a number, a vector or a matrix")
    _refuse_not_finite(name, array)
    if array.ndim == 2:
        return Datum(array, of_extent(*array.shape), labels)
    shape: Shape = () if array.ndim == 0 else (array.shape[0],)
    return Datum(array.reshape(-1, 1) if shape else array.reshape(1, 1), shape, labels)


def numbers(name: str, value: Any) -> Array:
    """A number, lists or an array as an array of finite numbers, with as many axes as it has.

    Raises `GradcalcError` for anything else.
    """
    try:
        found = np.asarray(value)
    except ValueError as error:
        raise _bad(name, "has rows of different lengths", "give every row as many entries") from error
    found = _array(name, found)
    _refuse_not_finite(name, found)
    return found


def _refuse_not_finite(name: str, array: Array) -> None:
    if not np.isfinite(array).all():
        place = [int(k) for k in np.argwhere(~np.isfinite(array))[0]]
        what = "NaN" if np.isnan(array[tuple(place)]) else "infinite"
        where = f"has an entry that is {what}, at {place}" if place else f"is {what}"
        raise _bad(name, where, "give finite numbers, at most 1.8e308")


def _array(name: str, value: Any) -> Array:
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "iufb":
            raise _bad(name, f"is of type {value.dtype}", "give real numbers")
        with np.errstate(over="ignore", invalid="ignore"):  # too large a longer float is infinite; a NaN stays one
            return np.array(value, dtype=np.float64)
    if not isinstance(value, (*_NUMBERS, list, tuple)) or isinstance(value, bool):
        raise _bad(name, f"is not a number, a list or a list of lists: {_short(value)}",
                   "write 2, [1, 2] or [[1, 2], [3, 4]]")  # fmt: skip
    entries: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    if any(isinstance(e, list | tuple) for e in entries):
        if not all(isinstance(e, list | tuple) for e in entries):
            raise _bad(name, "mixes numbers and lists", "give numbers only, or lists of one length only")
        if len({len(e) for e in entries}) > 1:
            raise _bad(name, "has rows of different lengths", "give every row as many entries")
        entries = [x for row in entries for x in row]
    for item in entries:
        if isinstance(item, bool) or not isinstance(item, _NUMBERS):
            raise _bad(name, f"has an entry that is not a number: {_short(item)}", "give numbers")
    try:
        return np.array(value, dtype=np.float64)
    except (OverflowError, ValueError) as error:
        raise _bad(name, "has a number that is too large for a 64-bit float", "write at most 1.8e308") from error


_WORDS = {None: "null", True: "true", False: "false"}


def _short(item: Any) -> str:
    """An item as JSON has it, abbreviated."""
    if item is None or isinstance(item, bool):
        return _WORDS[item]
    if isinstance(item, list | tuple | Mapping):
        return "a list" if isinstance(item, list | tuple) else "an object"
    return repr(item)[:40]


# --------------------------------------------------------------------------------------- files


def load_data(path: Path, limits: Limits) -> dict[str, Datum]:
    """All arrays of a .json object or an .npz archive, by name. Raises `GradcalcError`."""
    from gradcalc.data_files import read_json, read_npz

    path = os.fspath(path)
    stem, suffix = os.path.splitext(os.path.basename(path))
    if suffix.lower() in (".csv", ".npy"):
        name = stem if re.fullmatch(r"[^\W\d]\w*", stem) else "NAME"
        raise GradcalcError(Diagnostic("bad-data", f"{path} holds one array and no name for it",
                                       help=f"write --set {name}=@{path}"))  # fmt: skip
    loaded = read_npz(path, limits) if suffix.lower() == ".npz" else read_json(path, limits)
    if not isinstance(loaded, dict):
        remedy = f'write {{"x": [1, 2], "W": [[1, 0], [0, 1]]}}, or --set NAME=@{path}'
        raise GradcalcError(Diagnostic("bad-data", f"{path} holds no object of names and values", help=remedy))
    return {_named(name, path, limits): datum(name, value) for name, value in loaded.items()}


def _named(name: str, path: str, limits: Limits) -> str:
    """A name that stands in a file."""
    refuse_invisible(f"a name in {path}", name)
    if len(name) > limits.name:
        remedy = f"write at most {limits.name}, or raise it with --limit name=N"
        raise GradcalcError(Diagnostic("limit-name", f"a name in {path} has {len(name):,} characters", help=remedy))
    return normalise(name)


def load_array(name: str, path: Path, limits: Limits) -> Datum:
    """One array from a .npy, .npz (under its name, or the only one), .csv or .json file. Raises `GradcalcError`."""
    from gradcalc.data_files import read_csv, read_json, read_npy, read_npz

    path = os.fspath(path)
    match os.path.splitext(path)[1].lower():
        case ".npy":
            return datum(name, read_npy(path, limits))
        case ".npz":
            return datum(name, next(iter(read_npz(path, limits, name).values())))
        case ".csv":
            return datum(name, read_csv(name, path, limits))
    value = read_json(path, limits)
    if isinstance(value, dict) and name in value:
        value = value[name]
    elif isinstance(value, dict) and any(isinstance(v, list | dict) for v in value.values()):
        raise _bad(name, f"is not in {path}", f"it holds {', '.join(list(value)[:12])}")
    return datum(name, value)
