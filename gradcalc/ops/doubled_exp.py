"""exp and log in doubled arithmetic: for sums of them that cancel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradcalc.ops.doubled import Pair, add, divide, multiply, pair, two_product

Array = np.ndarray[Any, Any]
_LOG2 = (0.6931471805601177, -1.7239444525610826e-13, -4.00865610552017e-26)
"""log 2 to 140 bits: two parts that a whole number below 2^12 multiplies exactly, and the rest."""
_DOUBLINGS, _TERMS = 9, 9


def exp(x: Array) -> Pair:
    """exp(x) for -600 < x < 700: x = k log 2 + 2^9 t, expm1(t) by its series, expm1(2 t) = 2 expm1(t) + expm1(t)^2."""
    whole = np.rint(x / math.log(2.0))
    rest = pair(x)
    for part in _LOG2:
        rest = add(rest, two_product(-whole, part))
    small = rest[0] * 2.0**-_DOUBLINGS, rest[1] * 2.0**-_DOUBLINGS
    one = pair(np.ones_like(rest[0]))
    series = one
    for k in range(_TERMS, 1, -1):
        series = add(one, divide(multiply(small, series), pair(np.full_like(rest[0], float(k)))))
    grown = multiply(small, series)
    for _ in range(_DOUBLINGS):
        grown = add((2.0 * grown[0], 2.0 * grown[1]), multiply(grown, grown))
    high, low = add(one, grown)
    power = whole.astype(np.int64)
    return np.ldexp(high, power), np.ldexp(low, power)


def log(x: Array) -> Pair:
    """log(x) for x > 0: x = 2^k m with m near 1, and a step of Newton's method from the float nearest to log(m)."""
    mantissa, power = np.frexp(x)
    low = mantissa < math.sqrt(0.5)
    mantissa, power = np.where(low, 2.0 * mantissa, mantissa), power - low
    near = np.log(mantissa)
    value = exp(near)
    step = divide(add(pair(mantissa), (-value[0], -value[1])), value)
    whole = add(pair(near), step)
    for part in _LOG2:
        whole = add(whole, two_product(power.astype(np.float64), part))
    return whole
