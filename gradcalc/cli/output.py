"""Where results go: standard output, or a file that is written whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.files import followed, open_file

Result = str | Callable[[Any], None]
"""A text, or a function that prints to a stream."""


@dataclass
class Sink:
    """Takes results one after the other; with a path they are kept and written together by `close`.

    `-` and /dev/stdout are standard output.
    """

    path: str | None = None
    kept: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if open_file(self.path) == 1:
            self.path = None

    def emit(self, result: Result) -> None:
        """Print a result, or keep it for the file."""
        if self.path is not None:
            self.kept.append(_text(result))
            return
        if callable(result):
            result(sys.stdout)
        else:
            sys.stdout.write(result)
        sys.stdout.flush()

    def close(self) -> None:
        """Write the file, if there is one and anything for it. Raises `GradcalcError`."""
        if self.path is not None and self.kept:
            write(Path(self.path), "".join(self.kept))


def _text(result: Result) -> str:
    if not callable(result):
        return result
    stream = io.StringIO()
    result(stream)
    return stream.getvalue()


def write(path: Path, text: str) -> None:
    """Write a file: a regular one whole or not at all, with its mode kept; through a link, a pipe or a device. One
    that is open is written where it stands."""
    number = open_file(path)
    try:
        if number is not None:
            with open(os.dup(number), "w", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(text)
            return
        target = followed(path)
        if target.is_symlink() and not target.exists():  # a link that leads back to itself
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if target.exists() and not target.is_file():
            with target.open("w", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(text)
        else:
            _replace(target, text)
    except (OSError, ValueError) as error:  # a path with a NUL is a ValueError
        why = getattr(error, "strerror", None) or str(error)
        raise GradcalcError(
            Diagnostic("unwritable-file", f"{path} cannot be written: {why}", help="check the path")
        ) from error


def _replace(target: Path, text: str) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
        if target.exists():
            shutil.copymode(target, partial)
        partial.replace(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def abandon_stdout() -> None:
    """Point standard output at nothing, after a pipe closed or a disk filled: what is buffered is not tried again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def occupy_closed() -> None:
    """Give standard streams that were closed before the start a descriptor that refuses what they are for, so that no
    file which is opened later takes its place; what goes to standard error is dropped."""
    sys.stdin = sys.stdin or _occupied(0, "r", os.O_WRONLY)
    sys.stdout = sys.stdout or _occupied(1, "w", os.O_RDONLY)
    sys.stderr = sys.stderr or _occupied(2, "w", os.O_WRONLY)


def _occupied(number: int, mode: str, flags: int) -> io.TextIOWrapper:
    held = os.open(os.devnull, flags)
    if held != number:
        os.dup2(held, number)
        os.close(held)
    return io.TextIOWrapper(io.FileIO(number, mode, closefd=False), encoding="utf-8")
