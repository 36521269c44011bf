"""What there is to do: equation files from paths, folders, patterns and lists; rows of inputs from files of rows.

Only regular files are read, and never more of one than its limit: an input that is something else is an input that
fails.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from gradcalc.errors import GradcalcError, Limits
from gradcalc.files import read_stream, unreadable
from gradcalc.model import too_long

SUFFIX = ".eq"


@dataclass(frozen=True)
class Text:
    """An equation file: what it is called and its bytes, or why it cannot be read."""

    source: str
    raw: bytes
    fault: GradcalcError | None = None


def paths(given: Iterable[str], listed: IO[str]) -> Iterator[str]:
    """The equation files that arguments name, in their order: a folder gives what is below it, in the order of names,
    a pattern what it matches, `-` the lines of a list. Raises `GradcalcError` for a list that cannot be read.

    What ends in `.eq` is a file whatever it is, and nothing below it is looked at. Folders and patterns leave out what
    is hidden (its name begins with a point), and follow no links to folders.
    """
    for path in given:
        if path == "-":
            yield from paths(_lines(listed), listed)
        elif path.endswith(SUFFIX) and os.path.lexists(path):
            yield path
        elif os.path.isdir(path):
            yield from _below(path)
        elif glob.has_magic(path) and not os.path.lexists(path):
            found = sorted(_matching(path))
            below = paths((p for p in found if p != "-"), listed) if found else [path]
            yield from dict.fromkeys(below)  # it may match a folder and what is in it
        else:
            yield path


def _lines(listed: IO[str]) -> Iterator[str]:
    try:
        for line in listed:
            if line.strip():
                yield line.rstrip("\r\n")
    except OSError as error:
        raise unreadable("the list of files", error.strerror or str(error), "give it on standard input") from None


def _below(folder: str) -> Iterator[str]:
    """The equation files in a folder; a folder that cannot be looked into stands for itself, and cannot be read."""
    barred: list[str] = []
    for above, folders, files in os.walk(folder, onerror=lambda error: barred.append(error.filename)):
        yield from barred
        barred.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        named = [name for name in folders if name.endswith(SUFFIX)]
        folders[:] = [name for name in folders if name not in named]
        for name in sorted([*named, *(f for f in files if f.endswith(SUFFIX) and not f.startswith("."))]):
            yield os.path.join(above, name)
    yield from barred


def _matching(pattern: str) -> set[str]:
    """What a pattern matches; `**` is any number of folders."""
    start, *parts = pattern.split("/") if not pattern.startswith("/") else ["/", *pattern[1:].split("/")]
    found, parts = ({"/"}, parts) if start == "/" else ({""}, [start, *parts])
    for part in parts:
        if part == "**":
            found = {below for above in found for below in _folders(above)}
        elif glob.has_magic(part):
            found = {os.path.join(above, name) for above in found for name in _names(above) if _matches(name, part)}
        else:
            found = {path for above in found if os.path.lexists(path := os.path.join(above, part))}
    return found - {""}


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder or ".")
    except OSError:  # no folder, or none that may be read
        return []


def _matches(name: str, part: str) -> bool:
    return fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))


def _folders(folder: str) -> Iterator[str]:
    """A folder and those below it that are no links."""
    if folder == "":
        yield ""
    for above, folders, _ in os.walk(folder or "."):
        if folder or above != ".":
            yield above if folder else os.path.relpath(above)
        folders[:] = [name for name in folders if not name.startswith(".") and not name.endswith(SUFFIX)]


def read(path: str, limits: Limits) -> Text:
    """An equation file; never waits for a pipe that nobody writes to."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(handle, "rb") as file:
            kind = os.fstat(handle).st_mode
            if not stat.S_ISREG(kind):
                what = "a folder" if stat.S_ISDIR(kind) else "no regular file"
                raise unreadable(path, f"it is {what}", "a batch reads regular files")
            return Text(path, read_stream(file, limits.file_bytes, too_long(path, limits)))
    except (OSError, ValueError) as error:
        return Text(path, b"", unreadable(path, getattr(error, "strerror", None) or str(error)))
    except GradcalcError as error:
        return Text(path, b"", error)
