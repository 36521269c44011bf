"""Growth as pictures: an SVG file for each axis, time on the left and peak memory on the right, both log-log."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from math import ceil, floor, log10
from pathlib import Path
from typing import Any

from benchmarks.svg import COLOURS, Panel, document, legend

TITLES = {
    "statements": "Growth with statements",
    "width": "Growth with width: u^T tanh(W x + b), W of n × n, value and gradients",
    "rows": "Growth with rows: (x + y) max(y, z), value and gradients",
    "files": "Growth with files in a batch",
}
LABELS = {"statements": "statements", "width": "n", "rows": "rows", "files": "files"}
WIDTH, HEIGHT, TOP = 760, 320, 62
Points = list[tuple[float, float]]


def draw(source: Path, folder: Path) -> int:
    """Draw every axis that a JSON of growth has; 2 if it cannot be read."""
    try:
        axes = json.loads(source.read_text(encoding="utf-8"))["axes"]
    except (OSError, ValueError, KeyError) as error:
        print(
            f"{source}: no figures of growth ({error}); make some with `python -m benchmarks growth`", file=sys.stderr
        )
        return 2
    for axis, series in axes.items():
        target = folder / f"growth-{axis}.svg"
        target.write_text(picture(axis, series), encoding="utf-8")
        print(f"written: {target}", file=sys.stderr)
    return 0


def picture(axis: str, series: Sequence[dict[str, Any]]) -> str:
    """The SVG of one axis."""
    names = [entry["name"] for entry in series]
    half = WIDTH // 2
    parts = [legend(names, 20, 44)]
    measures = [("seconds", "time", time_label), ("peak_bytes", "peak memory of a process", size_label)]
    for place, (key, title, label) in enumerate(measures):
        curves = [[(p["size"], p[key]) for p in entry["points"]] for entry in series]
        parts.append(_panel(half * place, half, curves, label, title, LABELS[axis]))
    return document(WIDTH, HEIGHT, TITLES[axis], _description(series), parts)


def _panel(left: int, width: int, curves: Sequence[Points], label: Callable[[int], str], title: str, below: str) -> str:
    across = [x for curve in curves for x, _ in curve]
    up = [y for curve in curves for _, y in curve]
    panel = Panel(left + 62, TOP + 22, width - 96, HEIGHT - TOP - 70, _decades(across), _decades(up))
    lines = [panel.frame(count_label, label, title, below)]
    lines += [panel.curve(curve, colour) for curve, colour in zip(curves, COLOURS, strict=False)]
    return "\n".join(lines)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten that hold all values between them, two at least."""
    low, high = floor(log10(min(values)) + 1e-9), ceil(log10(max(values)) - 1e-9)
    return low, max(high, low + 1)


def _description(series: Sequence[dict[str, Any]]) -> str:
    """The ends of each curve in words, for those who cannot see them."""
    said = []
    for entry in series:
        first, last = entry["points"][0], entry["points"][-1]
        said.append(
            f"{entry['name']}: {first['seconds']:.3g} s at {first['size']:,}, {last['seconds']:.3g} s and "
            f"{last['peak_bytes'] / 1e6:.0f} MB at {last['size']:,}"
        )
    return "; ".join(said)


def _scaled(power: int, units: Sequence[str], base: int) -> str:
    """10^power in units that are a thousand apart, the first of them 10^base."""
    place = min(max((power - base) // 3, 0), len(units) - 1)
    return f"{10 ** (power - base - 3 * place):g} {units[place]}".rstrip()


def time_label(power: int) -> str:
    """10^power seconds."""
    return _scaled(power, ("ns", "µs", "ms", "s"), -9)


def size_label(power: int) -> str:
    """10^power bytes."""
    return _scaled(power, ("B", "kB", "MB", "GB"), 0)


def count_label(power: int) -> str:
    """10^power things."""
    return f"{10**power:,}" if power < 6 else f"{10 ** (power - 6):,} million"
