"""Where records go: a file that is open, as standard output is, or one by its path, to which whole lines are
appended; what a resumed batch keeps of it.

A file that is there is replaced when the new one is finished. A resumed batch goes on in the file where its records
are those of the first inputs, as an interrupted batch leaves them; else it is written anew from what can be kept.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from gradcalc.batch.old import Old, beside
from gradcalc.batch.records import beginning, code_of
from gradcalc.batch.work import Done, Unit
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.files import followed, open_file

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Errors of a disk that is full, or of as much as one may write."""


class Output:
    """Takes records in order. `path` is None for standard output, and may be that of an open file (`open_file`); of
    any other one, what holds is kept with `resume`, and one of the `inputs` is refused. Raises `GradcalcError`."""

    def __init__(self, path: str | None, resume: bool, inputs: Iterable[str] = ()):
        self.file = open_file(path)
        self.path = followed(path) if path is not None and self.file is None else None
        """Of a file that is opened here, and closed."""
        self.shown = "standard output" if path in (None, "-") else path
        self.partial: Path | None = None
        self.old: Old | None = None
        self.to_skip = 0
        """Bytes of records that are in the file already, and come by once more."""
        self.end = 0
        """Where the last whole line ends."""
        self.lock: int | None = None
        """The file that is there, open as long as no other batch may write it."""
        try:
            if self.file is not None:
                _check_open(self.file)
            if self.path is not None:
                self._check(self.path, inputs)
                self._lock(self.path)
                self.old = Old(self.path) if resume and self.path.is_file() else None
            fits = self.old is None or self.old.has_records()
        except OSError as error:
            raise self._unwritable(error) from None
        if not fits:
            raise self._unwritable(OSError(errno.EINVAL, "there is no record in it, and resuming would empty it"),
                                   "leave --resume out to replace it, or write to another file")  # fmt: skip

    def _check(self, path: Path, inputs: Iterable[str]) -> None:
        """Refuse a path before anything is done: one that is a folder or in none, and one that is read."""
        if path.is_dir():
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not path.parent.is_dir():
            raise OSError(errno.ENOENT, f"there is no folder {path.parent}")
        if path.is_file() and any(os.path.exists(name) and os.path.samefile(name, path) for name in inputs):
            raise self._unwritable(OSError(errno.EINVAL, "it is an input of the batch"), "write to another file")

    def _lock(self, path: Path) -> None:
        """Keep other batches from a file that is there. Raises `OSError` where one has it."""
        if self.lock is None and path.is_file():
            try:
                file = os.open(path, os.O_RDONLY)
            except PermissionError:  # it can be written and not read
                return
            try:
                _locked(file)
            except OSError:
                os.close(file)
                raise
            self.lock = file

    def pieces(self, unit: Unit, options: str) -> Iterator[Unit | Done]:
        """A unit, where all is to be done; else its parts: records that are there and still hold, and what is to do."""
        if self.old is None:
            yield unit
            return
        begun, start, lines = beginning(unit.source), 0, list[bytes]()
        for k, key in enumerate(unit.keys(options)):
            line = self.old.record(begun, key)
            if line is not None and self.old.in_front:
                self.to_skip += len(line)
            if line is not None and not lines and start < k:
                yield unit.part(start, k)
            if line is None and lines:
                yield _kept(lines)
                start, lines = k, []
            if line is not None:
                lines.append(line)
        if lines:
            yield _kept(lines)
        elif start < unit.count:
            yield unit.part(start, unit.count)

    def write(self, lines: bytes) -> None:
        """Append whole lines; `end` then says how far it came. Raises `GradcalcError`, and `BrokenPipeError` for
        standard output and other pipes."""
        skipped = min(self.to_skip, len(lines))
        self.to_skip -= skipped
        self.end += skipped
        lines = lines[skipped:]
        if not lines:
            return
        try:
            if self.file is None:
                self.file = self._opened()
            self._append(lines)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._unwritable(error) from error

    def _append(self, lines: bytes) -> None:
        assert self.file is not None
        written = 0
        try:
            while written < len(lines):
                written += os.write(self.file, lines[written:])
        except OSError:
            whole = lines.rfind(b"\n", 0, written) + 1
            self.end += whole
            _take_back(self.file, written - whole)
            raise
        self.end += len(lines)

    def _opened(self) -> int:
        """Open the file to go on in it, or one that is to replace it."""
        assert self.path is not None
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._lock(self.path)  # it may have come since
        exists = self.path.exists()
        if (self.old is not None and not self.old.gaps) or not exists or not self.path.is_file():
            file = os.open(self.path, flags, 0o666)
            self._lock(self.path)
            if exists and self.path.is_file():
                os.ftruncate(file, self.end)
            return file
        _remove_stale(self.path)
        self.partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        file = os.open(self.partial, flags | os.O_TRUNC, 0o666)
        os.fchmod(file, stat.S_IMODE(self.path.stat().st_mode))
        if self.end:
            with self.path.open("rb") as before:
                _copy(before, file, self.end)
        return file

    def close(self, finished: bool) -> None:
        """Put the file into its place; `finished` says that all inputs have been looked at. Raises `GradcalcError`.

        Where they have not, what a file from before has besides stands behind the new records, for a batch that is
        resumed.
        """
        try:
            if not finished and self.partial is not None and self.path is not None:
                for line in beside(self.path, self.partial):
                    self._append(line)
            if finished and self.path is not None and self.file is None:
                self._leave()
            if self.file is not None and self.path is not None:
                written = os.fstat(self.file)
                os.close(self.file)
                self.file = None
                if self.partial is None and not _is_at(self.path, written):
                    raise OSError(errno.ENOENT, "it was removed or replaced while the batch wrote it")
            if self.partial is not None and self.path is not None:
                self.partial.replace(self.path)
                self.partial = None
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            self._unlock()

    def _leave(self) -> None:
        """Nothing had to be written: what is in the file beyond the records kept is of no input."""
        assert self.path is not None
        if self.old is None or not self.path.is_file():
            self.file = self._opened()
        elif self.path.stat().st_size > self.end:
            os.truncate(self.path, self.end)

    def _unlock(self) -> None:
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def abandon(self) -> bool:
        """Forget a file that was to replace another one; whether what was written stays."""
        self._unlock()
        if self.file is not None and self.path is not None:
            os.close(self.file)
            self.file = None
        if self.partial is None:
            return True
        with contextlib.suppress(OSError):  # it may never have been made
            self.partial.unlink()
        self.partial = None
        return False

    def _unwritable(self, error: OSError, remedy: str = "") -> GradcalcError:
        if error.errno in FULL:
            remedy = "make room and run it again"
            if self.end and self.path is not None and self.partial is None:
                remedy += " with --resume: complete records are kept"
        message = f"{self.shown} cannot be written: {error.strerror or error}"
        return GradcalcError(Diagnostic("unwritable-file", message, help=remedy or "check the path"))


def _check_open(file: int) -> None:
    """Raise `OSError` for a file that is not open for writing."""
    if fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _locked(file: int) -> None:
    """Keep other batches from a file until it is closed. Raises `OSError` where one has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OSError(errno.EBUSY, "another batch writes it") from None
    except OSError:  # a file system without locks
        return


def _is_at(path: Path, file: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(), file)
    except FileNotFoundError:
        return False


def _remove_stale(path: Path) -> None:
    """Remove what batches left that were to replace a file and were killed: their processes are gone."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        number = left.name.removeprefix(f".{path.name}.").removesuffix(".part")
        if not re.fullmatch("[0-9]{1,9}", number):
            continue
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            with contextlib.suppress(OSError):
                left.unlink()
        except OSError:  # it runs, as another user
            continue


def _kept(lines: list[bytes]) -> Done:
    return Done(b"".join(lines), [code_of(line) for line in lines])


def _take_back(file: int, torn: int) -> None:
    """Take the last bytes that were written from the end of a file, if they are there."""
    status = os.fstat(file)
    if torn and stat.S_ISREG(status.st_mode) and os.lseek(file, 0, os.SEEK_CUR) == status.st_size:
        os.ftruncate(file, status.st_size - torn)
        os.lseek(file, -torn, os.SEEK_CUR)


def _copy(before: IO[bytes], file: int, size: int) -> None:
    while size:
        part = before.read(min(size, 2**20))
        if not part:
            raise OSError("the file became shorter while it was read")
        size -= len(part)
        while part:
            part = part[os.write(file, part) :]
