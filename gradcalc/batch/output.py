"""Where records go: standard output, or a file to which whole lines are appended; what a resumed batch keeps of it.

A file that is there is replaced when the new one is finished. A resumed batch goes on in the file where its records
are those of the first inputs, as an interrupted batch leaves them; else it is written anew from what can be kept.
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
import sys
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from gradcalc.batch.records import beginning, code_of, start_of
from gradcalc.batch.work import Done, Unit
from gradcalc.errors import Diagnostic, GradcalcError

AGAIN = {"time-out", "out-of-memory", "worker-died"}
"""Errors of the circumstances: a resumed batch tries their inputs once more."""


class Output:
    """Takes records in order. `path` is None for standard output; with `resume` what holds of a file is kept; a file
    that is one of the `inputs` is refused. Raises `GradcalcError`."""

    def __init__(self, path: str | None, resume: bool, inputs: Iterable[str] = ()):
        self.path = None if path is None else Path(os.path.realpath(path))
        self.shown = path
        self.partial: Path | None = None
        self.file: int | None = None
        self.old = Old(self.path) if resume and self.path is not None and self.path.is_file() else None
        self.to_skip = 0
        """Bytes of records that are in the file already, and come by once more."""
        self.end = 0
        """Where the last whole line ends."""
        if self.path is not None:
            self._check(self.path, inputs)

    def _check(self, path: Path, inputs: Iterable[str]) -> None:
        """Refuse a path before anything is done: one that is a folder or in none, and one that is read."""
        if path.is_dir():
            raise self._unwritable(OSError(errno.EISDIR, os.strerror(errno.EISDIR)))
        if not path.parent.is_dir():
            raise self._unwritable(OSError(errno.ENOENT, f"there is no folder {path.parent}"))
        if path.is_file() and any(os.path.realpath(name) == str(path) for name in inputs):
            raise self._unwritable(OSError(errno.EINVAL, "it is an input of the batch"))

    def kept(self, unit: Unit, options: str) -> Done | None:
        """The records of a unit that are there from before, where all of them still hold."""
        if self.old is None:
            return None
        found = self.old.records(unit, options)
        if found is not None and self.old.in_front:
            self.to_skip += len(found.lines)
        return found

    def write(self, lines: bytes) -> None:
        """Append whole lines. Raises `GradcalcError`, and `BrokenPipeError` for standard output."""
        skipped = min(self.to_skip, len(lines))
        self.to_skip -= skipped
        self.end += skipped
        if skipped == len(lines):
            return
        if self.path is None:
            sys.stdout.flush()
            _write_all(1, lines)
            return
        try:
            if self.file is None:
                self.file = self._opened()
            self._append(lines)
        except OSError as error:
            raise self._unwritable(error) from error

    def _append(self, lines: bytes) -> None:
        assert self.file is not None
        try:
            _write_all(self.file, lines)
        except OSError:
            if stat.S_ISREG(os.fstat(self.file).st_mode):
                self._cut(lines)
            raise
        self.end += len(lines)

    def _cut(self, lines: bytes) -> None:
        """Leave the whole lines of what was written before it failed."""
        assert self.file is not None
        written = max(0, os.fstat(self.file).st_size - self.end)
        self.end += lines.rfind(b"\n", 0, written) + 1
        os.ftruncate(self.file, self.end)

    def _opened(self) -> int:
        """Open the file to go on in it, or one that is to replace it."""
        assert self.path is not None
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        exists = self.path.exists()
        if (self.old is not None and not self.old.gaps) or not exists or not self.path.is_file():
            file = os.open(self.path, flags, 0o666)
            if exists and self.path.is_file():
                os.ftruncate(file, self.end)
            return file
        self.partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        file = os.open(self.partial, flags | os.O_TRUNC, 0o666)
        os.fchmod(file, stat.S_IMODE(self.path.stat().st_mode))
        if self.end:
            with self.path.open("rb") as before:
                _copy(before, file, self.end)
        return file

    def close(self, finished: bool) -> None:
        """Put the file into its place; `finished` says that all inputs have been looked at. Raises `GradcalcError`."""
        try:
            if finished and self.path is not None and self.file is None:
                self._leave()
            if self.file is not None:
                os.close(self.file)
                self.file = None
            if self.partial is not None and self.path is not None:
                self.partial.replace(self.path)
                self.partial = None
        except OSError as error:
            raise self._unwritable(error) from error

    def _leave(self) -> None:
        """Nothing had to be written: what is in the file beyond the records kept is of no input."""
        assert self.path is not None
        if self.old is None or not self.path.is_file():
            self.file = self._opened()
        elif self.path.stat().st_size > self.end:
            os.truncate(self.path, self.end)

    def abandon(self) -> None:
        """Forget a file that was to replace another one."""
        if self.file is not None:
            os.close(self.file)
            self.file = None
        if self.partial is not None:
            self.partial.unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> GradcalcError:
        why = error.strerror or str(error)
        remedy = "make room and run it again with --resume: complete records are kept" if self.end else "check the path"
        return GradcalcError(Diagnostic("unwritable-file", f"{self.shown} cannot be written: {why}", help=remedy))


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _copy(before: IO[bytes], file: int, size: int) -> None:
    while size:
        part = before.read(min(size, 2**20))
        if not part:
            raise OSError("the file became shorter while it was read")
        _write_all(file, part)
        size -= len(part)


class Old:
    """The records of a file from before: read one after the other as long as they are those of the inputs."""

    def __init__(self, path: Path):
        self.file = path.open("rb")
        self.in_front = True
        """Whether all records until now were the first ones of the file."""
        self.gaps = False
        """Whether records may be kept that are not."""
        self.ended = False
        """Whether the last line that was read was torn or none."""
        self.hashes: Any = None
        self.places: Any = None
        self.text: Any = b""

    def records(self, unit: Unit, options: str) -> Done | None:
        """The records of a unit, where all are there."""
        begun = beginning(unit.source)
        place = self.file.tell() if self.in_front else 0
        lines: list[bytes] = []
        for key in unit.keys(options):
            start = start_of(begun, key).encode()
            line = self._next(start) if self.in_front else self._found(start, key.hash)
            if line is None:
                return self.records(unit, options) if self.in_front and self._leave_front(place) else None
            lines.append(line)
        codes = [code_of(line) for line in lines]
        if AGAIN.intersection(codes):
            if self.in_front:
                self._leave_front(place)
            return None
        return Done(b"".join(lines), codes)

    def _next(self, start: bytes) -> bytes | None:
        line = self.file.readline()
        self.ended = not line.endswith(b"\n")
        return line if line.startswith(start) and line.endswith(b"}\n") else None

    def _leave_front(self, place: int) -> bool:
        """Records from a place on are not those of the next inputs; whether there are some that may be of others."""
        self.in_front = False
        if self.ended:  # in the midst of this unit, as an interrupt leaves it
            return False
        self.text = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)
        hashes, places = array("Q"), array("Q")
        while (end := self.text.find(b"\n", place)) >= 0:
            head = self.text[place : min(end, place + 2**14)]
            found = head.find(b'"hash": "')
            if found >= 0 and self.text[end - 1 : end] == b"}":
                hashes.append(_number(head[found + 9 : found + 25]))
                places.append(place)
            place = end + 1
        order = np.argsort(np.frombuffer(hashes, np.uint64), kind="stable") if hashes else np.zeros(0, np.intp)
        self.hashes = np.frombuffer(hashes, np.uint64)[order] if hashes else np.zeros(0, np.uint64)
        self.places = np.frombuffer(places, np.uint64)[order] if hashes else np.zeros(0, np.uint64)
        self.gaps = bool(len(self.hashes))
        return self.gaps

    def _found(self, start: bytes, digits: str) -> bytes | None:
        if not self.gaps:
            return None
        number = np.uint64(_number(digits[:16].encode()))
        k = int(np.searchsorted(self.hashes, number))
        while k < len(self.hashes) and self.hashes[k] == number:
            place = int(self.places[k])
            if self.text[place : place + len(start)] == start:
                return bytes(self.text[place : self.text.find(b"\n", place) + 1])
            k += 1
        return None


def _number(digits: bytes) -> int:
    try:
        return int(digits, 16)
    except ValueError:
        return 0
