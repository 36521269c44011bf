"""What the pictures are drawn with: a log-log panel, its curves, a legend, the document around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log10
from xml.sax.saxutils import escape

# Told apart by people who are colour blind (Okabe and Ito), each with a mark of its own.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
INK, GRID = "#333", "#ddd"


@dataclass(frozen=True)
class Panel:
    """A frame at a place in pixels; `across` and `up` are the powers of ten at its ends."""

    left: int
    top: int
    width: int
    height: int
    across: tuple[int, int]
    up: tuple[int, int]

    def x(self, value: float) -> float:
        """Where a size is, in pixels."""
        return self.left + self.width * _share(value, self.across)

    def y(self, value: float) -> float:
        """Where a measure is, in pixels."""
        return self.top + self.height * (1 - _share(value, self.up))

    def frame(self, below: Callable[[int], str], beside: Callable[[int], str], title: str, unit: str) -> str:
        """Grid lines at the powers of ten with their labels, a title above and the unit of the sizes below."""
        bottom, right = self.top + self.height, self.left + self.width
        middle = self.left + self.width / 2
        lines = [text(self.left, self.top - 10, title, weight="bold")]
        for power in range(self.across[0], self.across[1] + 1):
            x = self.x(10.0**power)
            lines.append(_line(x, self.top, x, bottom))
            lines.append(text(x, bottom + 16, below(power), anchor="middle"))
        for power in range(self.up[0], self.up[1] + 1):
            y = self.y(10.0**power)
            lines.append(_line(self.left, y, right, y))
            lines.append(text(self.left - 7, y + 4, beside(power), anchor="end"))
        return "\n".join([*lines, text(middle, bottom + 34, unit, anchor="middle")])

    def curve(self, points: Sequence[tuple[float, float]], colour: str) -> str:
        """A curve through points with a mark at each."""
        places = [(self.x(size), self.y(value)) for size, value in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        return "\n".join([line, *[mark(x, y, colour) for x, y in places]])


def _share(value: float, ends: tuple[int, int]) -> float:
    return (log10(value) - ends[0]) / (ends[1] - ends[0])


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{GRID}"/>'


def mark(x: float, y: float, colour: str) -> str:
    """A round, square, pointed or tilted mark, by colour."""
    place = COLOURS.index(colour)
    if place == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
    shapes = ("", "M-3,-3h6v6h-6z", "M0,-4.5l4,7h-8z", "M0,-4.5l4.5,4.5l-4.5,4.5l-4.5,-4.5z")
    return f'<path d="{shapes[place]}" transform="translate({x:.1f} {y:.1f})" fill="{colour}"/>'


def text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal") -> str:
    """Words at a place."""
    style = f'text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


def legend(names: Sequence[str], left: int, top: int) -> str:
    """The curves by name, on one line."""
    lines = []
    for name, colour in zip(names, COLOURS, strict=False):
        lines += [mark(left + 6, top - 4, colour), text(left + 17, top, name)]
        left += round(38 + 6.4 * len(name))
    return "\n".join(lines)


def document(width: int, height: int, title: str, description: str, parts: Sequence[str]) -> str:
    """An SVG file on a white ground, with a title and a description for those who hear it; both are escaped here."""
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="sans-serif" font-size="12" fill="{INK}">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(description)}</desc>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        text(20, 22, title, weight="bold"),
        *parts,
        "</svg>",
        "",
    ])  # fmt: skip
