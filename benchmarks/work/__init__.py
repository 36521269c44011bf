"""The rows of the table, in its order."""

from __future__ import annotations

from typing import Any

from benchmarks.row import Row
from benchmarks.sizes import Sizes
from benchmarks.work import batch, chain, commands, hessian, jacobian, many_rows, neuron, statements


def all_rows(sizes: Sizes) -> list[Row[Any]]:
    """Every row, at some sizes."""
    modules = (commands, statements, neuron, chain, jacobian, hessian, many_rows, batch)
    return [row for module in modules for row in module.rows(sizes)]
