"""Files from outside, read no further than a limit: regular ones, pipes as of `<(...)`, devices, standard input."""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO

from gradcalc.errors import Diagnostic, GradcalcError, Label, Source, Span

_CHUNK = 2**20
_LINKS = 40
"""Links that lead to an open file, at most."""
_OPEN_FILES = re.compile("/dev/fd|/proc/self(/task/[0-9]+)?/fd")
Refusal = Callable[[str], Diagnostic]
"""From what a file has, as in `17 bytes`, to the diagnostic that this is too much."""


def read_file(path: str | os.PathLike[str], most: int, refusal: Refusal) -> bytes:
    """The bytes of a file that has `most` of them at most.

    Memory is asked for as bytes arrive, whatever the file is and says of itself. Raises `GradcalcError`:
    `unreadable-file`, or what `refusal` makes.
    """
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size > most:
                raise GradcalcError(refusal(f"{status.st_size:,} bytes"))
            return read_stream(file, most, refusal)
    except (OSError, ValueError) as error:  # a path with a NUL is a ValueError
        raise unreadable(path, getattr(error, "strerror", None) or str(error)) from None


def read_stream(stream: IO[bytes], most: int, refusal: Refusal) -> bytes:
    """All bytes of a stream that has `most` of them at most. Raises `GradcalcError`."""
    chunks: list[bytes] = []
    size = 0
    while chunk := stream.read(min(_CHUNK, most + 1 - size)):
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            raise GradcalcError(refusal(f"more than {most:,} bytes"))
    return b"".join(chunks)


def decode(raw: bytes, name: str) -> str:
    """Bytes of a file as text; a byte order mark is accepted. Raises `GradcalcError` with the place."""
    text = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return text.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = text[: error.start].decode("utf-8").replace("\r\n", "\n")
        source = Source(name, before + f"\\x{text[error.start]:02x}")
        span = Span(source, len(before), len(source.text))
        wide = raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        message = f"{name} is not UTF-8: byte 0x{text[error.start]:02X} at offset {len(raw) - len(text) + error.start}"
        remedy = "it begins like UTF-16: save it as UTF-8" if wide else "save it as UTF-8"
        raise GradcalcError(Diagnostic("not-utf8", message, span, (Label(span),), help=remedy)) from None


def open_file(path: str | os.PathLike[str] | None) -> int | None:
    """The number of the open file that is meant for results: standard output for None and `-`, and what /dev/stdout,
    /dev/fd/3 and links to them stand for; None for any other path."""
    if path in (None, "-"):
        return 1
    at = os.path.abspath(path)
    for _ in range(_LINKS):
        folder, name = os.path.split(at)
        if name.isdecimal() and _OPEN_FILES.fullmatch(os.path.realpath(folder).replace(f"/{os.getpid()}/", "/self/")):
            return int(name)
        if not os.path.islink(at):
            return None
        at = os.path.abspath(os.path.join(folder, os.readlink(at)))
    return None


def followed(path: str | os.PathLike[str]) -> Path:
    """A path that is to be written without its links, so that a file is replaced where it is; what is no regular file
    keeps its name: a pipe of another process has one in /proc alone."""
    return Path(path if os.path.exists(path) and not os.path.isfile(path) else os.path.realpath(path))


def unreadable(path: str | os.PathLike[str], why: str, remedy: str = "check the path") -> GradcalcError:
    """The error of a file that is not there, or is not what it should be."""
    return GradcalcError(Diagnostic("unreadable-file", f"{os.fspath(path)} cannot be read: {why}", help=remedy))
