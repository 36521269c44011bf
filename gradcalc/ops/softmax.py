"""The softmax family: log Σ exp(x), exp(x) / Σ exp(x) and its logarithm.

All are computed from what the entries differ from the largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from functools import reduce
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import Graph, Node, Operation, ShapeError, is_row
from gradcalc.notation import Piece, Style, call, render
from gradcalc.ops import doubled_exp
from gradcalc.ops.reduction import Kernel, declare_reduction, needs_entries, stretched
from gradcalc.ops.softmax_changes import LogSoftmaxMap, SoftmaxMap, largest, shifted, softmax
from gradcalc.ops.summation import axes_of, rows_of
from gradcalc.ops.summation import total as summed
from gradcalc.ops.table import Function, alike, declare

Array = np.ndarray[Any, Any]
_DECIMALS = Context(prec=80), Context(prec=400)
"""Enough for most sums; enough for a difference of the least floats."""
_LONG = 4096
"""Entries of a row that takes too long in decimal numbers, a tenth of a second."""


def _log_of_rest(x: Array, powers: Array, axes: Any) -> Array:
    """log Σ exp(x - top), as log1p of the sum without the largest, so that a dominant entry loses no digits."""
    return np.asarray(np.log1p(summed(np.where(largest(x, axes), powers - 1.0, powers), axes)))


def _logsumexp(x: Array, axes: Any) -> Array:
    """top + log Σ exp(x - top); near 0, where the two cancel, log1p(Σ exp(x) - 1) in doubled arithmetic."""
    top, _, powers = shifted(x, axes)
    rest = _log_of_rest(x, powers, axes)
    found = np.asarray(top + rest)
    if np.iscomplexobj(x):
        return found
    cancelled = (np.abs(found) < 0.5 * np.abs(top)) & np.isfinite(found)
    if cancelled.any():
        rows = rows_of(x, axes)
        found[cancelled] = _near_zero(rows[cancelled.reshape(rows.shape[:-1])])
    return found


def _near_zero(rows: Array) -> Array:
    """log1p(Σ exp(x) - 1) for each row; in decimal numbers where the sum cancels and a row is not long."""
    high, low = doubled_exp.exp(np.maximum(rows, -500.0))
    terms = np.concatenate([high, low, np.full((len(rows), 1), -1.0)], axis=-1)
    excess = summed(terms[:, None, :], (-1,))[:, 0, 0]
    if rows.shape[-1] <= _LONG:
        for place in np.flatnonzero(np.abs(excess) < 2.0**-40):
            excess[place] = _excess(rows[place])
    return np.asarray(np.log1p(excess))


def _excess(row: Array) -> float:
    """Σ exp(x) - 1 with all its digits."""
    for context in _DECIMALS:
        powers = map(context.exp, map(Decimal, row.tolist()))
        found = reduce(context.add, powers, Decimal(-1))
        if abs(found) > Decimal(10) ** (30 - context.prec):
            break
    return float(found)


def _log_softmax(x: Array, axes: Any) -> Array:
    """(x - top) - log Σ exp(x - top), of one sign."""
    _, difference, powers = shifted(x, axes)
    return np.asarray(difference - _log_of_rest(x, powers, axes))


def _family(name: str, kernel: Kernel, map_class: Any, summary: str, derivative: str, habit: str) -> None:
    """Of a vector over its entries; of a matrix along the axis that must be given."""

    def build(graph: Graph, x: Sequence[Node], axis: int | None) -> Node:
        vector = len(x[0].shape) < 2 or is_row(x[0].shape)
        if axis is None and not vector:
            raise ShapeError(f"{name} of a matrix needs an axis", f"write {name}(X, axis=1) to normalise every row")
        return graph.make(name, x[0], axis=axis)

    def notation(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
        """Over all entries of a matrix it has no name of its own: exp(X - logsumexp(X))."""
        if node.attributes["axis"] is not None or len(node.shape) < 2 or is_row(node.shape):
            return call(name)(node, pieces, style)
        x = node.inputs[0]
        difference = al.subtract(x, stretched(x.graph.make("logsumexp", x, axis=None), x))
        return render(difference if name == "log_softmax" else al.apply("exp", difference), style, {x: pieces[0]})

    declare(
        Function(name, build, summary, derivative, f"{name}([1, 2])", reduces=True),
        Operation(name, needs_entries(name, alike), lambda a, x: kernel(x, axes_of(a["axis"])),
                  lambda node, i: map_class(node.shape, node.shape, node.inputs[0], node.attributes["axis"]),
                  notation, habit, analytic=True),
    )  # fmt: skip


_family("softmax", softmax, SoftmaxMap, "exp(x) / Σ exp(x), without overflow", "(diag(p) - p p^T) dx", "competes")
_family("log_softmax", _log_softmax, LogSoftmaxMap, "log(softmax(x)), without overflow", "(I - 1 p^T) dx",
        "competes")  # fmt: skip
declare_reduction(
    "logsumexp", _logsumexp, lambda n: n.graph.make("softmax", n.inputs[0], axis=n.attributes["axis"]),
    "log Σ exp(x), without overflow", "softmax(x)^T dx", "routes softly", empty=False, analytic=True,
)  # fmt: skip
