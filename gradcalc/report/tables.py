"""Sections as tables: Rich for a terminal, plain text and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import IO, TYPE_CHECKING

from gradcalc.report.cells import Cell, Section
from gradcalc.report.ledger import ledger
from gradcalc.report.numbers import Look
from gradcalc.run import Run
from gradcalc.symbols import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

NARROW = 120
NARROWEST = 48
"""Below this a table would lose whole columns: it is cut by the terminal rather than by us."""


def console(stream: IO[str], width: int | None = None) -> Console:
    """A Rich console on a stream: colour only on a terminal, or as NO_COLOR and FORCE_COLOR say."""
    from rich.console import Console

    class Quiet(Console):
        """A console that leaves a closed pipe to the command line."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    made = Quiet(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)
    made.width = max(made.width, NARROWEST)
    return made


def print_ledger(run: Run, out: Console, rows: int, full: bool) -> None:
    """Print a run's sections, shown as the console's width allows."""
    print_tables(ledger(run, rows, Look(narrow=out.width < NARROW, full=full)), out)


def print_tables(sections: list[Section], out: Console) -> None:
    """Print sections as Rich tables that fit the console's width."""
    from rich.text import Text

    for number, section in enumerate(sections):
        if number:
            out.print()
        out.print(Text(section.title, style="bold"))
        out.print()
        out.print(_table(section))
        for note in section.notes:
            out.print()
            out.print(Text(visible(note)))


def print_remarked(lines: Sequence[tuple[str, str]], out: Console) -> None:
    """Print lines with a remark at the right of each; what does not fit goes below, indented."""
    from rich.padding import Padding
    from rich.text import Text

    column = min(max((len(text) for text, remark in lines if remark), default=0), out.width // 2)
    for text, remark in ((_broken(text, out.width), remark) for text, remark in lines):
        heading = bool(text) and not text.startswith(" ")
        shown = Text(visible(text), style="bold" if heading else "cyan")
        if remark and len(text) <= column and column + 2 + len(remark) <= out.width:
            shown.pad_right(column - len(text) + 2)
            shown.append(visible(remark), style="dim")
        out.print(shown, soft_wrap=False)
        if remark and remark not in shown.plain:
            out.print(Padding.indent(Text(visible(remark), style="dim"), 8))


def _broken(text: str, width: int) -> str:
    """An equation that is too long, continued before an equals sign."""
    if len(text) <= width:
        return text
    indent = " " * (len(text) - len(text.lstrip()) + 4)
    lines = [""]
    for number, part in enumerate(text.split(" = ")):
        piece = f" = {part}" if number else part
        if number and len(lines[-1]) + len(piece) > width:
            lines.append(f"{indent}{piece.lstrip()}")
        else:
            lines[-1] += piece
    return "\n".join(lines)


def _table(section: Section) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=True, padding=(0, 1), leading=_leading(section))
    for header in section.headers:
        table.add_column(Text(header), overflow="fold", no_wrap=header in ("node", "edge", "shape", "line"))
    for row in section.rows:
        table.add_row(
            *(
                Text(visible(cell.text), style=_style(header, cell))
                for header, cell in zip(section.headers, row, strict=True)
            )
        )
    return table


def _leading(section: Section) -> int:
    """A blank line between rows where some row has several lines."""
    return int(any(cell.text.count("\n") > 1 for row in section.rows for cell in row))


def _style(header: str, cell: Cell) -> str:
    if header in ("node", "edge", "closed form"):
        return "cyan"
    if header == "verdict":
        return "green" if cell.text.startswith("holds") else "red"
    return "bold" if header == "sum" else ""


def plain(sections: list[Section]) -> str:
    """Aligned columns without lines or colour, nothing wrapped."""
    out: list[str] = []
    for section in sections:
        out += [section.title, ""]
        grid = [[[h] for h in section.headers]]
        grid += [[visible(cell.text).split("\n") for cell in row] for row in section.rows]
        widths = [max(len(line) for row in grid for line in row[c]) for c in range(len(section.headers))]
        for row in grid:
            for k in range(max(len(lines) for lines in row)):
                line = "  ".join(
                    (cell[k] if k < len(cell) else "").ljust(w) for cell, w in zip(row, widths, strict=True)
                )
                out.append(f"  {line}".rstrip())
        out += ["", *(visible(note) for note in section.notes), *([""] if section.notes else [])]
    return "\n".join(out).rstrip() + "\n"


def markdown(sections: list[Section]) -> str:
    """GitHub-flavoured Markdown tables."""
    out: list[str] = []
    for section in sections:
        out += [f"## {section.title}", "", _bar(section.headers), _bar("---" for _ in section.headers)]
        for row in section.rows:
            out.append(_bar(_escaped(visible(cell.text)) for cell in row))
        out += ["", *(visible(note) for note in section.notes), *([""] if section.notes else [])]
    return "\n".join(out).rstrip() + "\n"


def _bar(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, in a table cell."""
    return re.sub(r"([\\`*_{}\[\]<>#|^~$&])", r"\\\1", text).replace("\n", "<br>")
