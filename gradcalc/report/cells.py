"""Sections of rows of cells: what the tables of every command are made of, before they have a format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct

from gradcalc.closed_form import Form
from gradcalc.notation import LATEX
from gradcalc.report import numbers
from gradcalc.report.numbers import Look
from gradcalc.run import Flag

T = TypeVar("T")
FLAGS = ("Flags", ("where", "what"))
LONGEST = 400
"""Characters of one printed expression in a table; JSON has all of it."""


class Cell(Struct, frozen=True):
    """A table cell: as text, and in LaTeX where that is mathematics."""

    text: str
    latex: str = ""


@dataclass
class Section:
    """A titled table with notes below it."""

    title: str
    headers: tuple[str, ...]
    rows: list[list[Cell]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Head = tuple[str, tuple[str, ...]]


def filled(head: Head, items: Sequence[T], row: Callable[[T], list[Cell]], most: int) -> Section:
    """A section with a row for each item; of too many the first and the last, and a note."""
    section = Section(*head)
    hidden = len(items) - most
    if not most or hidden <= 0:
        section.rows = [row(item) for item in items]
        return section
    first = most // 2
    gap = [Cell("…") for _ in section.headers]
    section.rows = [*map(row, items[:first]), gap, *map(row, items[first + hidden :])]
    section.notes.append(f"{hidden:,} rows are left out; --rows 0 shows all, --json has all")
    return section


def shorten(text: str) -> str:
    """A long expression with its middle left out."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"


def expression(form: Form | None) -> Cell:
    """A closed form; None is one that is too long."""
    if form is None:
        return Cell("(too long to write out)", r"\text{(too long to write out)}")
    return Cell(shorten(form.text), form.latex)


def derivative(of: str, by: str) -> Cell:
    """∂of/∂by."""
    return Cell(f"∂{of}/∂{by}", LATEX.derivative(LATEX.name(of), LATEX.name(by)))


def joined(look: Look, *cells: Cell) -> Cell:
    """Cells as one equation; what does not fit, or has several lines, begins on a line of its own."""
    text, room = cells[0].text, 22 if look.narrow else 60
    for number, cell in enumerate(cells[1:]):
        short = number == 0 or len(text.rsplit("\n", 1)[-1]) + 3 + len(cell.text) <= room
        fits = "\n" not in cell.text and short
        text = f"{text} = {cell.text}" if fits else f"{text}\n= {_hanging(cell.text)}"
    return Cell(text, " = ".join(c.latex or rf"\text{{{c.text}}}" for c in cells))


def _hanging(text: str) -> str:
    return text.replace("\n", "\n  ")


def value_of(value: Any, labels: Sequence[str], look: Look) -> Cell:
    """A value, its entries with labels if it has any."""
    return Cell(numbers.text(value, labels, look), numbers.latex(value, labels))


def shape_of(value: Any) -> Cell:
    """The shape of a value."""
    return Cell("×".join(map(str, np.shape(value))) or "scalar")


def flag_row(flag: Flag) -> list[Cell]:
    """A row of the flags."""
    places = ", ".join(f"[{', '.join(map(str, p))}]" for p in flag.places[:5] if p)
    more = f" and {len(flag.places) - 5} more" if len(flag.places) > 5 else ""
    return [Cell(f"{flag.node} {places}{more}".strip()), Cell(flag.message)]
