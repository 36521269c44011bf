"""Units and records between processes: frames of bytes, never pickled.

A frame is the lengths of its parts, the first of which is a header in JSON.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from gradcalc.batch.rows import Block
from gradcalc.batch.work import Done, Unit

_COUNT, _LENGTH = struct.Struct("<I"), struct.Struct("<Q")


def frame(parts: Sequence[bytes]) -> bytes:
    """Some parts as one frame, its length in front."""
    body = b"".join([_COUNT.pack(len(parts)), *(_LENGTH.pack(len(p)) for p in parts), *parts])
    return _LENGTH.pack(len(body)) + body


def parts_of(body: bytes) -> list[bytes]:
    """The parts of a frame without its length."""
    [count] = _COUNT.unpack_from(body)
    place = _COUNT.size + count * _LENGTH.size
    found = []
    for (length,) in _LENGTH.iter_unpack(body[_COUNT.size : place]):
        found.append(body[place : place + length])
        place += length
    return found


class Frames:
    """Takes bytes as they come and gives whole frames."""

    def __init__(self) -> None:
        self.held = bytearray()

    def feed(self, data: bytes) -> Iterator[list[bytes]]:
        """The parts of each frame that is complete with these bytes."""
        self.held += data
        while len(self.held) >= _LENGTH.size:
            [length] = _LENGTH.unpack_from(self.held)
            end = _LENGTH.size + length
            if len(self.held) < end:
                return
            body = bytes(self.held[_LENGTH.size : end])
            del self.held[:end]
            yield parts_of(body)


def packed_unit(unit: Unit) -> bytes:
    """A unit as a frame."""
    block = unit.block
    header: dict[str, Any] = {"source": unit.source, "fault": unit.fault}
    if block is not None:
        header |= {"form": block.form, "start": block.start}
    return frame([json.dumps(header).encode(), unit.raw, *((block.header, *block.rows) if block else ())])


def unpacked_unit(parts: Sequence[bytes]) -> Unit:
    """The unit of a frame."""
    header = json.loads(parts[0])
    block = Block(header["form"], parts[2], header["start"], list(parts[3:])) if "form" in header else None
    return Unit(header["source"], parts[1], header["fault"], block)


def packed_done(done: Done) -> bytes:
    """Records as a frame."""
    return frame([json.dumps([done.codes, done.seconds]).encode(), done.lines])


def unpacked_done(parts: Sequence[bytes]) -> Done:
    """The records of a frame."""
    codes, seconds = json.loads(parts[0])
    return Done(parts[1], codes, seconds)
