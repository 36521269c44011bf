"""Numbers for readers: six digits, the notation of the language, large arrays abbreviated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from gradcalc.report.escapes import escape

Array = np.ndarray[Any, Any]
MOST_ENTRIES = 8
"""A vector of more entries shows its first and last ones; a matrix of more rows or columns likewise."""
_ENDS = 3


class Look(Struct, frozen=True):
    """How values are shown: `narrow` for tables of 80 columns (four digits in arrays), `full` unabbreviated."""

    narrow: bool = False
    full: bool = False

    @property
    def digits(self) -> int:
        """Significant digits of an array's entries."""
        return 4 if self.narrow else 6


def number(value: float, digits: int = 6) -> str:
    """A few significant digits; infinite and undefined values as words."""
    if np.isnan(value):
        return "undefined"
    if np.isinf(value):
        return "∞" if value > 0 else "-∞"
    text = f"{value:.{digits}g}"
    return "0" if text == "-0" else text


def _shortened(count: int) -> list[int | None]:
    """The places that are shown; None stands for those left out."""
    if count <= MOST_ENTRIES:
        return list(range(count))
    return [*range(_ENDS), None, *range(count - _ENDS + 1, count)]


def text(value: float | Array, labels: Sequence[str] = (), look: Look = Look()) -> str:  # noqa: B008
    """A value as the language writes it; labels stand beside the entries, one a line."""
    if isinstance(value, float | int) or np.ndim(value) == 0:
        return number(float(value))
    array = np.asarray(value)
    places = list(range(array.size)) if look.full else _shortened(array.size)
    if labels and array.size == len(labels) and max(array.shape) == array.size:
        flat, width = array.reshape(-1), max(len(label) for label in labels)
        return "\n".join("…" if k is None else f"{labels[k]:<{width}} {number(flat[k], look.digits)}" for k in places)
    if array.ndim == 1:
        entries = ("…" if k is None else number(array[k], look.digits) for k in places)
        return _size(f"[{', '.join(entries)}]", array, look)
    return _size(_matrix(array, look), array, look)


def _size(shown: str, array: Array, look: Look) -> str:
    if look.full or max(array.shape) <= MOST_ENTRIES:
        return shown
    return f"{shown} ({'×'.join(map(str, array.shape))})"


def _matrix(array: Array, look: Look) -> str:
    rows, columns = ([*range(n)] if look.full else _shortened(n) for n in array.shape)
    cells = [["…" if r is None or c is None else number(array[r, c], look.digits) for c in columns] for r in rows]
    if not cells or not cells[0]:
        return "[]"
    widths = [max(len(row[c]) for row in cells) for c in range(len(cells[0]))]
    if look.narrow and sum(widths) + 2 * len(widths) > 24:
        widths = [0] * len(widths)
    lines = [", ".join(f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True)) for row in cells]
    if len(lines) == 1:
        return f"[[{lines[0]}]]"
    return "\n".join(
        ("[[" if k == 0 else " [") + line + ("]]" if k == len(lines) - 1 else "],") for k, line in enumerate(lines)
    )


def latex(value: float | Array, labels: Sequence[str] = ()) -> str:
    """A value in LaTeX: columns, rows and matrices in brackets; labels in a column of their own."""
    if np.ndim(value) == 0:
        return _latex_number(float(value))
    array = np.asarray(value)
    if labels and array.size == len(labels):
        lines = (rf"\text{{{escape(n)}}} & {_latex_number(float(x))}" for n, x in zip(labels, array.flat, strict=True))
        body = r" \\ ".join(lines)
        return rf"\begin{{array}}{{lr}} {body} \end{{array}}"
    array = array.reshape(-1, 1) if array.ndim == 1 else array
    rows, columns = (_shortened(n) for n in array.shape)
    dots = {(True, True): r"\ddots", (True, False): r"\vdots", (False, True): r"\cdots"}
    body = r" \\ ".join(
        " & ".join(
            dots[r is None, c is None] if r is None or c is None else _latex_number(float(array[r, c])) for c in columns
        )
        for r in rows
    )
    return rf"\begin{{bmatrix}} {body} \end{{bmatrix}}"


def _latex_number(value: float) -> str:
    shown = number(value)
    if shown == "undefined":
        return r"\text{undefined}"
    mantissa, _, exponent = shown.replace("∞", r"\infty").partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa
