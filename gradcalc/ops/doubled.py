"""Doubled arithmetic: a number as the unevaluated sum of two floats, about 106 bits.

A `Pair` (high, low) stands for high + low, with |low| at most half a unit of the last place of high. Each operation has
a relative error of a few 2^-106 where nothing overflows and no product falls below 2^-969: bring operands near 1
first, by powers of two. Arrays are taken entry by entry, with NumPy's broadcasting.

Dekker, A floating-point technique for extending the available precision (1971); Knuth, The Art of Computer
Programming 2, 4.2.2; Ogita, Rump and Oishi, Accurate sum and dot product (2005).
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Pair = tuple[Array, Array]

UNIT = 2.0**-102
"""More than the relative error of any one operation here."""
_SPLITTER = 2.0**27 + 1.0


def two_sum(a: Any, b: Any) -> Pair:
    """a + b exactly, as the rounded sum and its error (Knuth)."""
    high = a + b
    shared = high - a
    return high, (a - (high - shared)) + (b - shared)


def fast_two_sum(a: Any, b: Any) -> Pair:
    """a + b exactly, where |a| is at least |b| or a is 0 (Dekker)."""
    high = a + b
    return high, b - (high - a)


def split(a: Any) -> Pair:
    """a as the sum of two floats of 26 bits (Veltkamp); |a| below 2^996."""
    scaled = _SPLITTER * a
    high = scaled - (scaled - a)
    return high, a - high


def two_product(a: Any, b: Any) -> Pair:
    """a b exactly, as the rounded product and its error (Dekker)."""
    high = a * b
    (a1, a2), (b1, b2) = split(a), split(b)
    return high, a2 * b2 - (((high - a1 * b1) - a2 * b1) - a1 * b2)


def add(x: Pair, y: Pair) -> Pair:
    """x + y; the relative error is bounded also where they cancel."""
    high, low = two_sum(x[0], y[0])
    more, rest = two_sum(x[1], y[1])
    high, low = fast_two_sum(high, low + more)
    return fast_two_sum(high, low + rest)


def negative(x: Pair) -> Pair:
    """-x."""
    return -x[0], -x[1]


def multiply(x: Pair, y: Pair) -> Pair:
    """x y."""
    high, low = two_product(x[0], y[0])
    return fast_two_sum(high, low + (x[0] * y[1] + x[1] * y[0]))


def divide(x: Pair, y: Pair) -> Pair:
    """x / y, by two steps of long division."""
    first = x[0] / y[0]
    rest = add(x, negative(multiply((first, np.zeros_like(first)), y)))
    second = rest[0] / y[0]
    rest = add(rest, negative(multiply((second, np.zeros_like(second)), y)))
    high, low = fast_two_sum(first, second)
    return add((high, low), (rest[0] / y[0], np.zeros_like(high)))


def pair(a: Any) -> Pair:
    """A float as a pair."""
    array = np.asarray(a, dtype=np.float64)
    return array, np.zeros_like(array)


def matmul(x: Pair, y: Pair) -> Pair:
    """The matrix product, with a relative error of `UNIT` (n + 2) beside the product of the absolute values."""
    lead = np.broadcast_shapes(x[0].shape[:-2], y[0].shape[:-2])
    total = pair(np.zeros((*lead, x[0].shape[-2], y[0].shape[-1])))
    for k in range(x[0].shape[-1]):
        column, row = (p[..., :, k, None] for p in x), (p[..., k, None, :] for p in y)
        total = add(total, multiply(tuple(column), tuple(row)))  # type: ignore[arg-type]
    return total


def difference_of_products(a: Any, b: Any, c: Any, d: Any) -> Array:
    """a b - c d within 2 units of the last place (Kahan; Jeannerod, Louvet and Muller 2013)."""
    first, second = two_product(a, b), two_product(c, d)
    return np.asarray(np.add(*add(first, negative(second))))
