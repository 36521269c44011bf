"""sin, cos and tan, right also beside their zeros and poles far out, where libraries lose digits; π to many digits.

A number x = k π/2 + r with a small r has sin, cos and tan of r up to sign, or tan = -1/r. A float far out can lie so
close to k π/2 that 60 bits and more cancel in r (Muller et al., Handbook of Floating-Point Arithmetic, 10.2), more than
libraries carry. There r is computed in whole numbers, from as many digits of π as the largest float takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
FAR = 1e8
"""From here on libraries reduce by other means than a few parts of π."""
NEAR = 1e-9
"""How small a result is, or the inverse of how large, that is computed again: libraries are right up to 1e-12."""
BITS = 1280
"""Binary places of π: 1024 before the point of the largest float, some 60 that cancel, and 128 to spare."""


@cache
def half_pi() -> int:
    """π/2 2^BITS, by Machin's formula: π/4 = 4 arctan(1/5) - arctan(1/239)."""
    spare = 32

    def arctan_of_inverse(n: int) -> int:
        power = total = (1 << (BITS + spare)) // n
        k = 1
        while power:
            power //= -n * n
            k += 2
            total += power // k
        return total

    return (8 * arctan_of_inverse(5) - 2 * arctan_of_inverse(239)) >> spare


def remainder(x: float) -> tuple[int, float]:
    """The k and r of x = k π/2 + r, with |r| up to π/4; k modulo 4."""
    half = half_pi()
    above, below = x.as_integer_ratio()
    turns, rest = divmod((above << BITS) // below, half)
    if 2 * rest > half:
        turns, rest = turns + 1, rest - half
    return turns % 4, rest / (1 << BITS)


def _sin_beside(x: float) -> float:
    turns, rest = remainder(x)
    return -rest if turns == 2 else rest


def _cos_beside(x: float) -> float:
    turns, rest = remainder(x)
    return rest if turns == 3 else -rest


def _tan_beside(x: float) -> float:
    turns, rest = remainder(x)
    return -1.0 / rest if turns % 2 else rest


class Entrywise:
    """A function entry by entry that can be used like one of NumPy's, and `of_number` the same of a float."""

    nout, signature = 1, None

    def __init__(self, name: str, function: Any, of_number: Callable[[float], float], exact: Callable[[float], float]):
        self.__name__ = name
        self._function, self._number, self._exact = function, of_number, exact

    def __call__(self, x: Any, out: Array | None = None) -> Any:
        """The function of an array, or of what stands for one (NumPy enhancement proposal 13)."""
        if not isinstance(x, np.ndarray | np.generic | float | int | complex):
            return x.__array_ufunc__(self, "__call__", x)
        value = self._function(x, out=out)
        far = np.abs(x) > FAR
        if not np.any(far) or np.iscomplexobj(x):
            return value
        value, size = np.asarray(value), np.abs(value)
        beside = far & ((size < NEAR) | (size > 1.0 / NEAR))
        value[beside] = [self._exact(float(number)) for number in np.asarray(x)[beside]]
        return value

    def of_number(self, x: float) -> float:
        """The function of a float; of one that is not finite `ValueError`."""
        value = self._number(x)
        size = abs(value)
        return self._exact(x) if (size < NEAR or size > 1.0 / NEAR) and abs(x) > FAR else value


sin = Entrywise("sin", np.sin, math.sin, _sin_beside)
cos = Entrywise("cos", np.cos, math.cos, _cos_beside)
tan = Entrywise("tan", np.tan, math.tan, _tan_beside)
