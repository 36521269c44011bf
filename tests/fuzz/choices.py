"""Bytes as a sequence of choices: the same bytes give the same choices, with or without atheris."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Reads choices off bytes; when they are spent every choice is the first one, so that what is made ends."""

    def __init__(self, data: bytes):
        self.data = data
        self.position = 0

    def byte(self) -> int:
        """The next byte, 0 at the end."""
        if self.position >= len(self.data):
            return 0
        self.position += 1
        return self.data[self.position - 1]

    def below(self, count: int) -> int:
        """A number from 0 up to `count`, that excluded; `count` is at most 256."""
        return self.byte() % count

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.below(len(items))]

    def once_in(self, count: int) -> bool:
        """True for one byte in so many, false at the end."""
        return self.below(count) == count - 1

    def rest(self) -> bytes:
        """All bytes that were not read."""
        left, self.position = self.data[self.position :], len(self.data)
        return left
