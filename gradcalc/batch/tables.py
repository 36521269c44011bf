"""NumPy's archives and Arrow's tables as JSON Lines, row by row. What is no number is written as a text that says so:
a column that no equation file mentions does no harm."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from numbers import Real
from typing import IO, Any

from gradcalc.errors import Diagnostic, GradcalcError, Limits
from gradcalc.files import unreadable

BATCH = 4096
"""Rows that are taken from a table at a time."""


def _lines(rows: Iterator[list[Any]], names: list[str]) -> Iterator[bytes]:
    """Lists of the rows' values as JSON Lines."""
    for row in rows:
        yield json.dumps(dict(zip(names, row, strict=True)), default=_plain).encode()


def _plain(value: Any) -> float | str:
    """What JSON has no notation for: numbers of other kinds as floats, all else as a text that says what it is."""
    return float(value) if isinstance(value, Real | Decimal) else str(value)


def npz(path: str, file: IO[bytes], limits: Limits) -> Iterator[bytes]:
    """The rows of an archive: places along the first axis of every array. Raises `GradcalcError`."""
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
            yield from _lines(rows, list(arrays))
    except BROKEN as error:
        raise unreadable(path, str(error).strip("'"), "save plain arrays, as numpy.savez does") from error


def parquet(path: str, file: IO[bytes], limits: Limits) -> Iterator[bytes]:
    """The rows of a Parquet file. Raises `GradcalcError`."""

    def batches(arrow: Any) -> Iterator[Any]:
        from pyarrow import parquet

        return iter(parquet.ParquetFile(file).iter_batches(BATCH))

    yield from _arrow(path, batches)


def ipc(path: str, file: IO[bytes], limits: Limits) -> Iterator[bytes]:
    """The rows of a file or stream of Arrow's own format. Raises `GradcalcError`."""

    def batches(arrow: Any) -> Iterator[Any]:
        whole = file.read(6) == b"ARROW1"
        file.seek(0)
        reader = arrow.ipc.open_file(file) if whole else arrow.ipc.open_stream(file)
        found = (reader.get_batch(k) for k in range(reader.num_record_batches)) if whole else iter(reader)
        return (part for batch in found for part in _slices(batch))

    yield from _arrow(path, batches)


def _slices(batch: Any) -> Iterator[Any]:
    return (batch.slice(k, BATCH) for k in range(0, batch.num_rows, BATCH))


def _arrow(path: str, batches: Callable[[Any], Iterator[Any]]) -> Iterator[bytes]:
    """The rows of Arrow's tables, by the optional package."""
    try:
        import pyarrow
    except ImportError:
        raise GradcalcError(Diagnostic("missing-extra", "Parquet and Arrow need the extra `arrow`",
                                       help="pip install 'gradcalc[arrow]'")) from None  # fmt: skip
    try:
        for batch in batches(pyarrow):
            _refuse_twice(path, batch.schema.names)
            columns = [column.to_pylist() for column in batch.columns]
            yield from _lines((list(row) for row in zip(*columns, strict=True)), batch.schema.names)
    except (pyarrow.ArrowException, ValueError, OSError) as error:  # damage within a page is an OSError
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise unreadable(path, why, "it may be damaged: save it again with pyarrow or pandas") from None


def _refuse_twice(path: str, names: list[str]) -> None:
    for k, name in enumerate(names):
        if name in names[:k]:
            raise GradcalcError(Diagnostic("bad-data", f"{path} has the column `{name}` twice",
                                           help="give every column a name of its own"))  # fmt: skip
