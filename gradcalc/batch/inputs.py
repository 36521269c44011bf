"""What there is to do: equation files from paths, folders, patterns and lists; rows of inputs from files of rows.

Only regular files are read, and never more of one than its limit: an input that is something else is an input that
fails.
"""

from __future__ import annotations

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
    a pattern what it matches, `-` the lines of a list. What ends in `.eq` is a file whatever it is."""
    for path in given:
        if path == "-":
            yield from paths((line.rstrip("\r\n") for line in listed if line.strip()), listed)
        elif path.endswith(SUFFIX) and os.path.lexists(path):
            yield path
        elif os.path.isdir(path):
            yield from _below(path)
        elif glob.has_magic(path) and not os.path.lexists(path):
            found = sorted(glob.iglob(path, recursive=True))
            yield from paths((p for p in found if p != "-"), listed) if found else [path]
        else:
            yield path


def _below(folder: str) -> Iterator[str]:
    for above, folders, files in os.walk(folder):
        folders.sort()
        named = [name for name in folders if name.endswith(SUFFIX)]
        folders[:] = [name for name in folders if name not in named]
        for name in sorted([*named, *(f for f in files if f.endswith(SUFFIX))]):
            yield os.path.join(above, name)


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
