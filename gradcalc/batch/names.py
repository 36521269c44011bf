"""Whether what is given to a batch is used: columns of rows and data whose names no equation file mentions.

A name counts as mentioned where it stands as a word outside comments: nothing is parsed here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence, Set

from gradcalc.batch import inputs
from gradcalc.batch.cells import Columns, names_of
from gradcalc.batch.rows import Block
from gradcalc.errors import Diagnostic, GradcalcError, Limits
from gradcalc.symbols import normalise

_COMMENT, _WORD = re.compile("#[^\n]*"), re.compile(r"[^\W\d]\w*")
SHOWN = 8
"""Names that a message lists."""


def check(
    files: Sequence[str], data: Iterable[str], rows: str | None, first: Block | None, limits: Limits
) -> list[Diagnostic]:
    """Warnings of data that no file mentions, and of files that mention no column of the rows, of which `first` are
    some. Raises `GradcalcError` where no file mentions a column."""
    columns = set() if rows is None or first is None else _columns(rows, first)
    left = dict.fromkeys(data)
    without: list[str] = []
    looked = 0
    for path, words in _mentioned(files, limits):
        if not left and not columns:
            break
        for name in words & left.keys():
            del left[name]
        looked += 1
        if columns and not words & columns:
            without.append(path)
    warnings = [
        Diagnostic("unused-data", f"the data for `{name}` is not used", help="no equation file has such a name")
        for name in left
    ]
    if rows is None or not without:
        return warnings
    if len(without) < looked:
        listed = _listed(without)
        message = f"no column of {rows} is used by {listed}"
        return [*warnings, Diagnostic("unused-data", message, help="leave those files out, or name the columns alike")]
    raise GradcalcError(_unused(rows, columns, without))


def _unused(rows: str, columns: Set[str], files: Sequence[str]) -> Diagnostic:
    remedy = "give the columns the names of the inputs"
    mark = next((m for m in (";", "\t", "|") if len(columns) == 1 and m in next(iter(columns))), "")
    if mark:
        remedy = f"separate the cells by commas, and not by {mark!r}"
    message = f"no column of {rows} is used by {_listed(files)}: it has {_listed(sorted(columns), '`')}"
    return Diagnostic("bad-data", message, help=remedy)


def _listed(names: Sequence[str], mark: str = "") -> str:
    shown = ", ".join(f"{mark}{name}{mark}" for name in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")


def _columns(rows: str, first: Block) -> set[str]:
    if first.form == "csv":
        columns = Columns.of(rows, first.header)
        return {*columns.values, *columns.entries}
    return {name.partition("[")[0].rstrip() for name in names_of(first)}


def _mentioned(files: Sequence[str], limits: Limits) -> Iterator[tuple[str, set[str]]]:
    """The words of every file that can be read; one that is listed twice is looked at once."""
    for path in dict.fromkeys(files):
        if os.path.isfile(path):
            found = inputs.read(path, limits)
            if found.fault is None:
                text = found.raw.decode("utf-8", "replace")
                yield path, set(_WORD.findall(normalise(_COMMENT.sub("", text))))
