"""Records that nobody changes once they are made.

To a type checker `record` is `dataclasses.dataclass`, and a record with `frozen=True` cannot be assigned to. At run
time nothing enforces that: a class that does takes three times as long to make, and each of its records too, and there
are very many of both between a command and its answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    from dataclasses import dataclass

    def record(*, frozen: bool = True, eq: bool = True, repr: bool = True):
        """A dataclass without the enforcement; with `eq` it is hashed by its fields, as a frozen one is."""
        return dataclass(eq=eq, repr=repr, unsafe_hash=eq)
