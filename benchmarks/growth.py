"""The mode for growth: time and peak memory against the size of the input, each point in a process of its own."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from benchmarks import machine
from benchmarks.point import CURVES
from benchmarks.processes import python

SIZES = {
    "statements": [100, 300, 1_000, 3_000, 10_000, 30_000, 100_000],
    "width": [10, 30, 100, 300, 1_000, 2_000, 4_000],
    "rows": [1_000, 10_000, 100_000, 1_000_000, 10_000_000],
    "files": [100, 1_000, 10_000],
}
QUICK = {"statements": [30, 100], "width": [3, 10], "rows": [10, 100], "files": [2, 4]}


def grow(options: argparse.Namespace) -> int:
    """Measure every point of the axes that were chosen and write the JSON. Raises ValueError for an unknown axis."""
    sizes = QUICK if options.quick else SIZES
    unknown = set(options.axes) - set(sizes)
    if unknown:
        raise ValueError(f"no axis is called {', '.join(sorted(unknown))}; there are {', '.join(sizes)}")
    axes = {axis: _axis(axis, sizes[axis]) for axis in sizes if not options.axes or axis in options.axes}
    document = {
        "schema": "gradcalc.growth/1",
        "machine": machine.described(options.threads),
        "settings": {"quick": options.quick},
        "axes": axes,
    }
    options.output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written: {options.output}", file=sys.stderr)
    return 0


def _axis(axis: str, sizes: list[int]) -> list[dict[str, Any]]:
    return [{"name": name, "points": [_point(axis, name, size) for size in sizes]} for name in CURVES[axis]]


def _point(axis: str, name: str, size: int) -> dict[str, float]:
    found = json.loads(python(["-m", "benchmarks.point", axis, name, str(size)]))
    print(
        f"{axis} {size:>10,}  {name:28} {found['seconds']:10.3g} s {found['peak_bytes'] / 1e6:8.0f} MB", file=sys.stderr
    )
    return {"size": size, **found}
