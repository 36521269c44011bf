"""Kernels called on arrays, without a graph, and how far their results are from exact numbers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from mpmath import mp, mpf

import gradcalc.ops  # noqa: F401 - fills the table of operations
from gradcalc.graph import OPERATIONS
from tests.exact.core import ulps

Array = np.ndarray[Any, Any]
AXES: dict[int | None, Any] = {None: (-2, -1), 0: (-2,), 1: (-1,)}
"""What a reduction's `axis` stands for in arrays with other axes in front."""


def called(name: str, *x: Any, **attributes: Any) -> Array:
    """An operation's kernel of arrays."""
    with np.errstate(all="ignore"):
        return np.asarray(OPERATIONS[name].kernel(attributes, *(np.asarray(a) for a in x)))


def column(numbers: Sequence[Any]) -> Array:
    """Numbers as a vector is kept, with shape (n, 1)."""
    return np.array(numbers, dtype=float)[:, None]


def number(exact: Any) -> Any:
    """An exact number as an `mpf`, which has the digits of the context."""
    return mpf(exact.numerator) / exact.denominator if isinstance(exact, Fraction) else mpf(exact)


def off(found: Any, exact: Any) -> float:
    """The error in units of the last place."""
    with mp.workdps(400):
        return ulps(float(found), number(exact))


def fractions(x: Any) -> list[Fraction]:
    """The entries of an array, exactly."""
    return [Fraction(float(v)) for v in np.asarray(x).flat]


def groups(x: Array, axis: int | None) -> list[tuple[Any, Array]]:
    """For each entry of what an array is reduced to: its place there, and the entries that belong to it."""
    lead = np.ndindex(x.shape[:-2])
    if axis is None:
        return [((*k, 0, 0), x[k].ravel()) for k in lead]
    if axis == 0:
        return [((*k, 0, j), x[k][:, j]) for k in lead for j in range(x.shape[-1])]
    return [((*k, i, 0), x[k][i]) for k in lead for i in range(x.shape[-2])]


def mixed(seed: int, *shape: int, spread: float = 40.0) -> Array:
    """Numbers of both signs over many powers of 2, the same ones for a seed."""
    numbers = np.random.default_rng(seed)
    return numbers.uniform(-1, 1, shape) * 2.0 ** numbers.uniform(-spread, spread, shape)
