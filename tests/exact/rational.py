"""Arrays of fractions: exact answers without any rounding, in milliseconds for small matrices."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from tests.exact.matrices import Changing, adjugate

__all__ = ["adjugate", "change", "exact", "gauss", "inverse", "ulps", "value"]


def exact(x: Any) -> Any:
    """An array of floats or whole numbers as an array of fractions."""
    array = np.asarray(x)
    out = np.empty(array.shape, dtype=object)
    out[...] = np.vectorize(lambda v: Fraction(v.item() if hasattr(v, "item") else v), otypes=[object])(array)
    return out if array.size else np.empty(array.shape, dtype=object)


def value(pair: Any) -> Any:
    """What a pair (high, low) of arrays stands for."""
    return exact(pair[0]) + exact(pair[1])


def gauss(a: Any) -> Fraction:
    """A determinant by elimination in fractions."""
    rows, out = [list(row) for row in a], Fraction(1)
    for k in range(len(rows)):
        chosen = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        if chosen is None:
            return Fraction(0)
        if chosen != k:
            rows[k], rows[chosen], out = rows[chosen], rows[k], -out
        out *= rows[k][k]
        for i in range(k + 1, len(rows)):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    return out


def inverse(a: Any) -> Any:
    """By Gauss and Jordan in fractions."""
    n = len(a)
    rows = [[*row, *(Fraction(i == j) for j in range(n))] for i, row in enumerate(a)]
    for k in range(n):
        chosen = next(i for i in range(k, n) if rows[i][k])
        rows[k], rows[chosen] = rows[chosen], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in set(range(n)) - {k}:
            rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    out = np.empty((n, n), dtype=object)
    for i, row in enumerate(rows):
        out[i, :] = row[n:]
    return out


def change(a: Any, *changes: Any) -> Any:
    """The coefficient of t₁ ... tₖ in adj(A + Σ tᵢ Hᵢ), of arrays of fractions."""
    moving = np.empty(a.shape, dtype=object)
    for place in np.ndindex(a.shape):
        moving[place] = Changing({0: a[place]} | {1 << i: h[place] for i, h in enumerate(changes)})
    found = adjugate(moving)
    top, out = 2 ** len(changes) - 1, np.empty(a.shape, dtype=object)
    for place in np.ndindex(a.shape):
        got = found[place]
        out[place] = Fraction(got.parts.get(top, 0) if isinstance(got, Changing) else got if top == 0 else 0)
    return out


def ulps(found: Any, expected: Sequence[Any] | Any) -> float:
    """The largest error in units of an entry's own last place; of an entry that is 0, any error is infinite."""
    worst = 0.0
    pairs = zip(np.asarray(found).flat, np.asarray(expected, dtype=object).flat, strict=True)
    for f, e in pairs:
        error = abs(Fraction(float(f)) - e)
        if error:
            worst = max(worst, float(error / Fraction(float(np.spacing(abs(float(e)))))) if e else np.inf)
    return worst
