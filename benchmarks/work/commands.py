"""The command line on the neuron of the lecture, beside a Python that imports NumPy and one that does nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Task
from benchmarks.processes import GRADCALC, ROOT, python
from benchmarks.row import Row, at_most
from benchmarks.sizes import Sizes

FILE = str(ROOT / "samples" / "score.eq")


def rows(sizes: Sizes) -> list[Row[Any]]:
    """Runs as JSON and as tables, the version, the help."""
    return [
        _row("run-json", "run --json samples/score.eq, whole process", ["run", "--json", FILE], 2.0, _from_json),
        _row("run-tables", "run samples/score.eq, whole process", ["run", FILE], 2.5),
        _row("version", "--version, whole process", ["--version"], 0.8),
        _row("help", "--help, whole process", ["--help"], None),
    ]


def _row(name: str, work: str, arguments: list[str], times: float | None, numbers: Any = None) -> Row[None]:
    return Row(
        name=name,
        work=work,
        inputs=_nothing,
        subject=lambda _: Task(lambda: python([*GRADCALC, *arguments]), numbers),
        peers={
            "import numpy": lambda _: Task(lambda: python(["-c", "import numpy"]), None),
            "pass": lambda _: Task(lambda: python(["-c", "pass"]), None),
        },
        goals={} if times is None else {"import numpy": at_most(times)},
        reference=_by_hand,
    )


def _nothing(folder: Path) -> None:
    return None


def _from_json(printed: bytes) -> Sequence[Any]:
    """The value and the gradients by u, W, x and b."""
    document = json.loads(printed)
    return [document["value"], *[document["gradients"][name]["value"] for name in ("u", "W", "x", "b")]]


def _by_hand(_: None) -> Sequence[Any]:
    """The same for the data of the sample, by the formulas of the lecture."""
    x, u = np.array([0.5, -0.1, 2, 0.3, 1]), np.array([1.0, -2])
    W = np.array([[0.2, -0.4, 0.1, 0.5, -0.3], [-0.1, 0.3, 0.6, -0.2, 0.4]])
    h = 1 / (1 + np.exp(-(W @ x + np.array([0.1, -0.2]))))
    d = u * h * (1 - h)
    return [u @ h, h, np.outer(d, x), W.T @ d, d]
