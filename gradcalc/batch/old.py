"""The records that a file has from before, for a batch that is resumed."""

from __future__ import annotations

import mmap
import os
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from gradcalc.batch.records import LENGTH, SCHEMA, Key, code_of, start_of

AGAIN = {"time-out", "out-of-memory", "worker-died"}
"""Errors of the circumstances: a resumed batch tries their inputs once more."""
BEGINNING = f'{{"schema": "{SCHEMA}", '.encode()


class Old:
    """The records of a file from before: read one after the other as long as they are those of the inputs."""

    def __init__(self, path: Path):
        self.file = path.open("rb")
        self.in_front = True
        """Whether all records until now were the first ones of the file."""
        self.gaps = False
        """Whether records may be kept that are not."""
        self.hashes: Any = None
        self.places: Any = None
        self.text: Any = b""

    def has_records(self) -> bool:
        """Whether there is a record, whole or torn, in the file, or nothing at all. To be asked first."""
        self.file.seek(0)
        empty = True
        for line in self.file:
            empty = False
            if line.startswith(BEGINNING) or BEGINNING.startswith(line):
                break
        else:
            return empty
        self.file.seek(0)
        return True

    def record(self, begun: str, key: Key) -> bytes | None:
        """The record of an input that is beginning with `begun`, where it still holds."""
        start = start_of(begun, key).encode()
        if self.in_front:
            place = self.file.tell()
            line = self.file.readline()
            if line.startswith(start) and line.endswith(b"}\n") and code_of(line) not in AGAIN:
                return line
            self.in_front = False
            if not line.endswith(b"\n"):  # as an interrupt leaves it: nothing stands behind
                return None
            self._index(place)
        found = self._found(start, key.hash)
        return None if found is None or code_of(found) in AGAIN else found

    def _index(self, place: int) -> None:
        """Note where the records from a place on are: some may be of other inputs than the next ones."""
        self.text, hashes, places = _records_from(self.file, place, lambda start: _number(start[-LENGTH:][:16]))
        order = np.argsort(hashes, kind="stable")
        self.hashes, self.places = hashes[order], places[order]
        self.gaps = bool(len(hashes))

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


def beside(before: Path, now: Path) -> Iterator[bytes]:
    """The records of a file from before that another file has not, by source, row and hash, in their order."""
    with before.open("rb") as old, now.open("rb") as new:
        text, starts, places = _records_from(old, 0, _mixed)
        _, known, _ = _records_from(new, 0, _mixed)
        for place in places[~np.isin(starts, known)].tolist():
            yield bytes(text[place : text.find(b"\n", place) + 1])


def _records_from(file: IO[bytes], place: int, number: Callable[[bytes], int]) -> tuple[Any, Any, Any]:
    """The text of a file, and of each whole record from a place on a number made of what it has up to its hash, and
    where it begins."""
    numbers, places = array("Q"), array("Q")
    text: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.fstat(file.fileno()).st_size else b""
    while (end := text.find(b"\n", place)) >= 0:
        head = text[place : min(end, place + 2**14)]
        found = head.find(b'"hash": "')
        if found >= 0 and text[end - 1 : end] == b"}":
            numbers.append(number(head[: found + len(b'"hash": "') + LENGTH]))
            places.append(place)
        place = end + 1
    return text, np.array(numbers, np.uint64), np.array(places, np.uint64)


def _mixed(start: bytes) -> int:
    return hash(start) % 2**64


def _number(digits: bytes) -> int:
    try:
        return int(digits, 16)
    except ValueError:
        return 0
