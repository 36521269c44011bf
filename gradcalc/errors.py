"""What can be wrong with an input, where, and what to do about it: no rendering, no imports of ours.

A `Diagnostic` says one fault; a `GradcalcError` carries all that were found together. The codes, their
titles, explanations, examples and exit statuses stand in one registry, `gradcalc.codes`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from msgspec import Struct


class Exit(IntEnum):
    """Exit statuses of the command line."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INPUT = 3
    NUMERIC = 4
    LIMIT = 5
    FILE = 6
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


class Source(Struct, frozen=True, dict=True):
    """A text and the name that it goes by in messages."""

    name: str
    text: str

    @cached_property
    def line_starts(self) -> list[int]:
        """Offsets at which the lines begin."""
        starts = [0]
        starts.extend(match.end() for match in re.finditer("\n", self.text))
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1; columns count characters."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line, without its end."""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")


class Span(Struct, frozen=True):
    """A stretch of a source, by offsets: [start, end)."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """What the source says there."""
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        """Line of the first character, from 1."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """Column of the first character, from 1."""
        return self.source.position(self.start)[1]

    def to(self, other: Span) -> Span:
        """From the start of this one to the end of the other."""
        return Span(self.source, self.start, other.end)


class Label(Struct, frozen=True):
    """A stretch to underline, and what to write beside it."""

    span: Span
    text: str = ""


class Diagnostic(Struct, frozen=True):
    """One fault or warning.

    `code` is a key of the registry; `span` is the place that the header names (None where there is no
    text, as for a data file); `labels` are what to underline; `rule` the rule that was broken; `help`
    one remedy.
    """

    code: str
    message: str
    span: Span | None = None
    labels: tuple[Label, ...] = ()
    rule: str = ""
    help: str = ""


class GradcalcError(Exception):
    """Raised with every diagnostic that could be found at once.

    `diagnostics` is never empty; `exit` is the exit status of the first.
    """

    def __init__(self, diagnostics: Diagnostic | Sequence[Diagnostic]):
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        self.diagnostics: tuple[Diagnostic, ...] = found
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in found))

    def __reduce__(self) -> tuple[type, tuple[tuple[Diagnostic, ...]]]:
        """Pickle by the diagnostics, so that worker processes can raise it."""
        return type(self), (self.diagnostics,)


@dataclass(frozen=True)
class Limits:
    """What an input may ask for; each limit has a diagnostic of its own."""

    file_bytes: int = 16 * 2**20
    nesting: int = 200
    literal: int = 400
    name: int = 128
    nodes: int = 1_000_000
    entries: int = 10_000_000
    side: int = 2_000
    data_bytes: int = 256 * 2**20

    @property
    def together(self) -> int:
        """How many entries all values of one run may have together: what bounds its memory."""
        return 10 * self.entries

    @property
    def on_edges(self) -> int:
        """How many entries the upstream and downstream gradients of all edges may have together: an array of n
        scalars has n edges, and n entries upstream on each."""
        return 4 * self.together

    def refuse_large(self, what: str, rows: int, columns: int, remedy: str) -> None:
        """Raise `GradcalcError` for a matrix with more entries than an array may have, before it is allocated."""
        if rows * columns > self.entries:
            raise GradcalcError(Diagnostic(
                "limit-entries", f"{what} has {rows:,} × {columns:,} = {rows * columns:,} entries",
                rule=f"an array has at most {self.entries:,}",
                help=f"{remedy}, or raise the limit with --limit entries=N"))  # fmt: skip

    def refuse_many(self, what: str, entries: int, remedy: str) -> None:
        """Raise `GradcalcError` for arrays that have too many entries together, before they are allocated."""
        rule = f"all arrays of a run have at most {self.together:,}, ten times what one may have"
        self._refuse_beyond(self.together, what, entries, rule, remedy)

    def refuse_many_on_edges(self, entries: int, remedy: str) -> None:
        """The same for the gradients on the edges."""
        rule = f"they have at most {self.on_edges:,}, forty times what one array may have"
        self._refuse_beyond(self.on_edges, "the gradients on the edges", entries, rule, remedy)

    def _refuse_beyond(self, most: int, what: str, entries: int, rule: str, remedy: str) -> None:
        if entries > most:
            raise GradcalcError(Diagnostic(
                "limit-entries", f"{what} have {entries:,} entries together", rule=rule,
                help=f"{remedy}, or raise the limit with --limit entries=N"))  # fmt: skip
