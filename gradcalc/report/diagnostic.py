"""A diagnostic as text for a person, and as a record for a script.

    error[shape-mismatch]: the product `W x` does not fit
      --> samples/score.eq:4:5
      4 | z = W x + b
        |     ^ ^ 5×1
        |     3×4
      = columns of W (4) must equal rows of x (5)
      help: give x 4 entries, or W 5 columns

Whatever comes from a user is shown literally: control, bidi and other invisible characters are escaped, and
no markup is interpreted. Columns of the screen are not characters: a wide character takes two, a combining
one none, and carets stand under what they mean all the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gradcalc.errors import Diagnostic, Label, Source
from gradcalc.symbols import visible

if TYPE_CHECKING:
    from rich.text import Text

Piece = tuple[str, str]
"""A text and the name of its style."""

_TAB = 4
_NEAR = 1000
_STYLES = {
    "error": "bold red",
    "warning": "bold yellow",
    "note": "bold cyan",
    "message": "bold",
    "gutter": "blue",
    "caret": "bold red",
    "help": "green",
    "": "",
}


def render(diagnostic: Diagnostic, severity: str = "error", width: int = 80) -> str:
    """A diagnostic as plain lines, without a newline at the end; `severity` is the word before the code."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in _lines(diagnostic, severity, width))


def styled(diagnostic: Diagnostic, severity: str = "error", width: int = 80) -> Text:
    """The same lines with styles for a terminal."""
    from rich.text import Text

    lines = _lines(diagnostic, severity, width)
    out = Text("\n").join(Text.assemble(*((t, _STYLES.get(s, "")) for t, s in line)) for line in lines)
    out.no_wrap = True
    return out


def to_json(diagnostic: Diagnostic, severity: str = "error") -> dict[str, Any]:
    """A diagnostic as a record: its words, and line and column from 1 (None where there is no text)."""
    span = diagnostic.span
    line, column = (span.line, span.column) if span else (None, None)
    return {
        "code": diagnostic.code,
        "severity": severity,
        "message": diagnostic.message,
        "rule": diagnostic.rule,
        "help": diagnostic.help,
        "source": span.source.name if span else None,
        "line": line,
        "column": column,
    }


def escape(text: str) -> str:
    """A text of one line in which nothing is invisible: `\\x1b`, `\\u202e`; newlines and tabs are blanks."""
    return visible(text.replace("\n", " ").replace("\t", " "))


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(_columns(c) for c in text)


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


# ------------------------------------------------------------------------------------- lines


def _lines(diagnostic: Diagnostic, severity: str, width: int) -> list[list[Piece]]:
    head = f"{severity}[{diagnostic.code}]"
    first, *more = wrap(f"{head}: {escape(diagnostic.message)}", max(width, 20), "    ")
    out: list[list[Piece]] = [[(head, severity), (first[len(head) :], "message")]]
    out += [[(line, "message")] for line in more]
    if diagnostic.span is not None:
        span = diagnostic.span
        out.append([("  --> ", "gutter"), (f"{escape(span.source.name)}:{span.line}:{span.column}", "")])
        out += _excerpts(diagnostic.labels or (Label(span),), width)
    for mark, style, text in (("  = ", "gutter", diagnostic.rule), ("  help: ", "help", diagnostic.help)):
        if text:
            first, *more = wrap(mark + escape(text), max(width, 20), " " * len(mark))
            out.append([(mark, style), (first[len(mark) :], "")])
            out += [[(line, "")] for line in more]
    return out


def wrap(text: str, width: int, indent: str) -> list[str]:
    """A text in lines of at most so many columns, broken at blanks that stand
    in no short quotation; all but the first begin with `indent`."""
    lines = [""]
    for word in re.findall(r" *(?:[^ `]*`[^`]{1,40}`[^ ]*|[^ ]+)", text):
        if columns(lines[-1]) + columns(word) <= width:
            lines[-1] += word
            continue
        word = word.lstrip()
        if lines[-1].strip():
            lines.append(indent)
        for character in word:
            if columns(lines[-1]) + _columns(character) > width:
                lines.append(indent)
            lines[-1] += character
    return lines


# ----------------------------------------------------------------------------------- excerpts


@dataclass
class _Mark:
    """A stretch to underline in one line, by characters from 0, and its text."""

    start: int
    end: int
    text: str


@dataclass
class _Line:
    """A line of the source as it is shown: the text of each character, and the column where each begins."""

    raw: str
    cells: list[str] = field(default_factory=list)
    at: list[int] = field(default_factory=lambda: [0])

    def __post_init__(self) -> None:
        for character in self.raw:
            column = self.at[-1]
            cell = " " * (_TAB - column % _TAB) if character == "\t" else visible(character)
            self.cells.append(cell)
            self.at.append(column + columns(cell))

    def bounds(self, mark: _Mark) -> tuple[int, int]:
        """The columns that a mark underlines: at least one."""
        last = len(self.cells)
        start, end = self.at[min(mark.start, last)], self.at[min(mark.end, last)]
        return start, max(end, start + 1)


def _excerpts(labels: Sequence[Label], width: int) -> list[list[Piece]]:
    """The marked lines of the source with their underlines, in the order of the lines."""
    source = labels[0].span.source
    marks: dict[int, list[_Mark]] = {}
    for label in labels:
        for number, mark in _marks(label):
            marks.setdefault(number, []).append(mark)
    digits = len(str(max(marks)))
    room = max(width - digits - 5, 16)
    out: list[list[Piece]] = []
    before: int | None = None
    for number in sorted(marks):
        if before is not None and number > before + 1:
            out.append([("  " + "." * min(3, digits + 1), "gutter")])
        before = number
        out += _excerpt(source, number, marks[number], digits, room)
    return out


def _marks(label: Label) -> Iterator[tuple[int, _Mark]]:
    """A label line by line: one that goes over several lines marks its first and its last."""
    source, span = label.span.source, label.span
    first, start = source.position(span.start)
    last, end = source.position(max(span.end - 1, span.start))
    if first == last:
        yield first, _Mark(start - 1, start - 1 + span.end - span.start, label.text)
        return
    head, tail = source.line(first), source.line(last)
    yield first, _Mark(start - 1, max(len(head.rstrip()), start), "")
    yield last, _Mark(len(tail) - len(tail.lstrip()), end, label.text)


def _excerpt(source: Source, number: int, marks: list[_Mark], digits: int, room: int) -> list[list[Piece]]:
    raw = source.line(number).rstrip(" \t")
    marks = sorted(marks, key=lambda m: (m.start, m.end))
    if len(raw) <= 4 * _NEAR:
        return _windows(_Line(raw), marks, f"  {number:>{digits}} | ", room)
    out: list[list[Piece]] = []
    for mark in marks:
        start = max(mark.start - _NEAR, 0)
        line = _Line(raw[start : mark.start + 2 * _NEAR])
        near = _Mark(mark.start - start, min(mark.end, mark.start + 2 * _NEAR) - start, mark.text)
        out += _windows(line, [near], f"  {number:>{digits}} | ", room)
    return out


def _windows(line: _Line, marks: Sequence[_Mark], gutter: str, room: int) -> list[list[Piece]]:
    """The parts of a line that show the marks, each with its underlines."""
    out: list[list[Piece]] = []
    for group in _in_windows(line, marks, room):
        low, high = _window(line, group, room)
        text = "".join(line.cells[low:high])
        left, right = ("…" if low else ""), ("…" if high < len(line.cells) else "")
        out.append([(gutter, "gutter"), (left + text + right, "")])
        shift = line.at[low] - len(left)
        limit = columns(left + text + right)
        placed = [
            (max(a - shift, 0), min(b - shift, max(limit, a - shift + 1)), m.text)
            for m in group
            for a, b in [line.bounds(m)]
        ]
        blank = " " * (len(gutter) - 2) + "| "
        out += [[(blank, "gutter"), (row, "caret")] for row in _underlines(placed, room)]
    return out


def _in_windows(line: _Line, marks: Iterable[_Mark], room: int) -> list[list[_Mark]]:
    """The marks in groups that can be shown at once."""
    groups: list[list[_Mark]] = []
    for mark in marks:
        fits = line.at[-1] <= room or (groups and line.bounds(mark)[1] - line.bounds(groups[-1][0])[0] <= room - 8)
        if groups and fits:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def _window(line: _Line, marks: Sequence[_Mark], room: int) -> tuple[int, int]:
    """Which characters of a line to show, so that they fit and the marks are among them."""
    if line.at[-1] <= room:
        return 0, len(line.cells)
    room -= 2
    first = line.bounds(marks[0])[0]
    last = min(max(line.bounds(m)[1] for m in marks), first + room)
    margin = max(room - (last - first), 0) // 2
    from_column = max(min(first - margin, line.at[-1] - room), 0)
    low = next(i for i, column in enumerate(line.at) if column >= from_column)
    high = max(i for i, column in enumerate(line.at) if column <= line.at[low] + room)
    return low, high


def _underlines(marks: Sequence[tuple[int, int, str]], room: int) -> list[str]:
    """Rows of carets and label texts. Marks that overlap stand in rows of their own."""
    layers: list[list[tuple[int, int, str]]] = []
    for mark in dict.fromkeys(marks):
        layer = next((found for found in layers if found[-1][1] <= mark[0]), None)
        if layer is None:
            layers.append([mark])
        else:
            layer.append(mark)
    return [row for layer in layers for row in _layer(layer, room)]


def _layer(marks: Sequence[tuple[int, int, str]], room: int) -> list[str]:
    """One row of carets, texts beside them where they fit, and below them where not."""
    carets = ""
    below: list[tuple[int, str]] = []
    for i, (start, end, text) in enumerate(marks):
        carets = _pad(carets, start) + "^" * (end - start)
        text = escape(text)
        free = marks[i + 1][0] - 1 if i + 1 < len(marks) else room
        if text and end + 1 + columns(text) <= free:
            carets += " " + text
        elif text:
            below.append((max(min(start, room - columns(text)), 0), text))
    rows = [carets]
    edge = 0
    for start, text in reversed(below):
        if len(rows) > 1 and start + columns(text) < edge:
            rows[-1] = _pad(text, edge, start) + rows[-1][edge:]
        else:
            rows.append(" " * start + text)
        edge = start
    return rows


def _pad(text: str, to: int, indent: int = 0) -> str:
    text = " " * indent + text
    return text + " " * (to - columns(text))
