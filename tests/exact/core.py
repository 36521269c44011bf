"""Arrays of `mpf`, derivatives by differences, errors in units of the last place.

An exact operation is a function of the attributes and of arrays of `mpf` (NumPy arrays of objects, of rank 2), to such
an array. Its derivatives are central differences with steps so small, at a precision so high, that they are right to
more digits than a float has, whatever the function; no formula of a derivative is written here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mpmath import mp, mpf

Exact = Callable[..., Any]
DIGITS = 50
"""What an oracle's answer is right to."""
STEP = 120
"""Digits of a step: the error of a central difference is its square."""
WORKING = 1500
"""Digits of the working: a second difference at 1e-300 loses 2 (300 + STEP) of them."""


def exactly(x: Any) -> Any:
    """An array of floats as an array of `mpf`; every float is exact."""
    array = np.asarray(x, dtype=float)
    out = np.empty(array.shape, dtype=object)
    for place in np.ndindex(array.shape):
        out[place] = mpf(float(array[place]))
    return out


def step_at(x: Any) -> Any:
    """A step for a difference at an entry: small beside it, and beside 1."""
    size = min(abs(x), mpf(1))
    return mp.ldexp(1, mp.frexp(size)[1] - 1 - 4 * STEP) if size else mpf(10) ** -(300 + STEP)


def value(function: Exact, attributes: Any, operands: Sequence[Any]) -> Any:
    """The exact value at operands of floats."""
    with mp.workdps(WORKING):
        return function(attributes, *(exactly(x) for x in operands))


def partial(function: Exact, attributes: Any, operands: Sequence[Any], *by: tuple[int, tuple[int, int]]) -> Any:
    """The exact first or second derivative of the value by entries of the operands.

    `by` has one or two pairs (operand, place); the answer has the shape of the value.
    """
    with mp.workdps(WORKING):
        exact = [exactly(x) for x in operands]
        steps = [step_at(exact[i][place]) for i, place in by]

        def at(*signs: int) -> Any:
            moved = [x.copy() for x in exact]
            for (i, place), step, sign in zip(by, steps, signs, strict=True):
                moved[i][place] += sign * step
            return function(attributes, *moved)

        if len(by) == 1:
            return (at(1) - at(-1)) / (2 * steps[0])
        mixed = at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)
        return mixed / (4 * steps[0] * steps[1])


LARGEST = mpf(2) ** 1024 - mpf(2) ** 970
"""What rounds to infinity lies at this or beyond."""
SMALLEST = mpf(2) ** -1074
"""The spacing of the smallest floats."""


def ulps(found: float, exact: Any) -> float:
    """The error in units of the last place of the exact number; of what no float can be near, 0 if it is infinite.

    A unit of the last place is the distance of the floats around the exact number, at least 2^-1074.
    """
    with mp.workdps(WORKING):
        if abs(exact) >= LARGEST:
            return 0.0 if math.isinf(found) and (found > 0) == (exact > 0) else math.inf
        if not math.isfinite(found):
            return math.inf
        unit = max(mp.ldexp(1, mp.frexp(exact)[1] - 53), SMALLEST) if exact else SMALLEST
        return float(abs(mpf(found) - exact) / unit)


def worst(found: Any, exact: Any) -> float:
    """The largest error of an array's entries, each in units of its own last place."""
    pairs = zip(np.broadcast_to(found, np.shape(exact)).flat, np.asarray(exact, dtype=object).flat, strict=True)
    return max((ulps(float(a), b) for a, b in pairs), default=0.0)
