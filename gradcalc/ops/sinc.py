"""sinc(x) = sin(π x)/(π x) and all its derivatives.

x sinc(x) = sin(π x)/π differentiated n times is x s⁽ⁿ⁾ + n s⁽ⁿ⁻¹⁾ = πⁿ⁻¹ sin(π x + n π/2). Near zeros of a derivative
the two sides of that nearly cancel, so it is computed in doubled arithmetic, and in whole numbers at the few floats
next to a zero; near 0 the series is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from gradcalc.graph import Node, Operation, register
from gradcalc.maps import LinearMap
from gradcalc.notation import Piece, Style, applied
from gradcalc.ops import doubled
from gradcalc.ops.declaring import diagonal, unary
from gradcalc.ops.doubled import Pair
from gradcalc.ops.quarter_turns import BITS, half_pi
from gradcalc.ops.table import same_shape

Array = np.ndarray[Any, Any]
_PI = math.pi, 1.2246467991473532e-16
_WHOLE = 2.0**53
"""From here on every number is whole and even."""
_NEAR = 0.5
_TERMS = 26
_CANCELS = 1e-13
"""How small x s⁽ⁿ⁾ is beside πⁿ⁻¹ where doubled arithmetic, right to 1e-31 of this, is no longer enough."""
_PLACES = 256


def _inverse_factorials(count: int) -> list[tuple[float, float]]:
    """1/n! to twice the digits of a float."""
    found = []
    for n in range(count):
        exact = Fraction(1, math.factorial(n))
        found.append((float(exact), float(exact - Fraction(float(exact)))))
    return found


_INVERSE_FACTORIALS = _inverse_factorials(35)


def _scaled(number: tuple[float, float], x: Pair) -> Pair:
    return doubled.multiply(x, (np.full_like(x[0], number[0]), np.full_like(x[0], number[1])))


def _series(t: Pair, first: int) -> Pair:
    """cos(t) for `first` 0, sin(t) for 1, |t| up to π/2: Σ (-1)^k t^(2k + first)/(2k + first)!."""
    squared = doubled.negative(doubled.multiply(t, t))
    total = doubled.pair(np.zeros_like(t[0]))
    for n in range(34 - first, -1, -2):
        number = _INVERSE_FACTORIALS[n]
        total = doubled.add(doubled.multiply(total, squared), tuple(np.full_like(t[0], v) for v in number))  # type: ignore[arg-type]
    return doubled.multiply(total, t) if first else total


def _turned(x: Array) -> tuple[Pair, Pair]:
    """sin(π x) and cos(π x): whole turns are taken off before anything rounds, so that sin is 0 at whole numbers."""
    whole = np.rint(x)
    rest = doubled.multiply(doubled.pair(x - whole), (np.full_like(x, _PI[0]), np.full_like(x, _PI[1])))
    sign = np.where(whole % 2 == 0, 1.0, -1.0)
    sine, cosine = _series(rest, 1), _series(rest, 0)
    return (sine[0] * sign, sine[1] * sign), (cosine[0] * sign, cosine[1] * sign)


def _far(x: Array, order: int) -> Array:
    """The derivative by the recurrence, for |x| from 1/2 on, in doubled arithmetic."""
    near = np.where(np.abs(x) < _WHOLE, x, 1.0)
    sine, cosine = _turned(near)
    cycle = sine, cosine, doubled.negative(sine), doubled.negative(cosine)
    below = doubled.pair(near)
    value = doubled.divide(sine, _scaled(_PI, below))
    power = doubled.pair(np.ones_like(near))
    for n in range(1, order + 1):
        above = doubled.add(doubled.multiply(power, cycle[n % 4]), _scaled((-float(n), 0.0), value))
        value, power = doubled.divide(above, below), _scaled(_PI, power)
    result = np.asarray(value[0])
    beside = (np.abs(result * near) < _CANCELS * math.pi ** (order - 1)) & (result != 0)
    result[beside] = [_in_whole_numbers(float(number), order) for number in near[beside]]
    return result


def _in_whole_numbers(x: float, order: int) -> float:
    """The same recurrence in multiples of 2^-256."""
    above, below = x.as_integer_ratio()
    turns, rest = divmod(2 * above + below, 2 * below)  # x = n + f with f from -1/2 to 1/2
    pi = half_pi() >> BITS - _PLACES - 1
    angle = pi * (rest - below) // (2 * below)
    sine, cosine = (_series_in_whole_numbers(angle, first) * (1 - turns % 2 * 2) for first in (1, 0))
    cycle, power = (sine, cosine, -sine, -cosine), 1 << _PLACES
    value = (sine * below << _PLACES) // (pi * above)
    for n in range(1, order + 1):
        value = ((power * cycle[n % 4] >> _PLACES) - n * value) * below // above
        power = power * pi >> _PLACES
    return float(value / (1 << _PLACES))


def _series_in_whole_numbers(t: int, first: int) -> int:
    """cos(t) for `first` 0, sin(t) for 1, in multiples of 2^-256."""
    total, term, n = 0, t if first else 1 << _PLACES, first
    while abs(term) > 1:
        total, n = total + term, n + 2
        term = -(term * t * t >> 2 * _PLACES) // (n * (n - 1))
    return total


def _farthest(x: Array, order: int) -> Array:
    """The same for whole even x, where sin(π x) is 0 and cos(π x) is 1."""
    value = np.zeros_like(x)
    for n in range(1, order + 1):
        value = (math.pi ** (n - 1) * (0.0, 1.0, 0.0, -1.0)[n % 4] - n * value) / x
    return value


def _by_series(x: Array, order: int) -> Array:
    """Σ (-1)^k π^2k x^(2k-n)/((2k+1) (2k-n)!), the sum over 2k from n on."""
    first = (order + 1) // 2
    total = np.zeros_like(x)
    for k in range(first + _TERMS, first - 1, -1):
        total = total * np.square(x) + (-1) ** k * math.pi ** (2 * k) / ((2 * k + 1) * math.factorial(2 * k - order))
    return total * x if order % 2 else total


def _kernel(a: Any, x: Array) -> Array:
    order, size = a["order"], np.abs(x)
    value = np.where(size < _NEAR, _by_series(np.where(size < _NEAR, x, 0.0), order), 0.0)
    if np.any(size >= _NEAR):
        far = np.where(size < _WHOLE, _far(np.where(size < _NEAR, 1.0, x), order), _farthest(x, order))
        value = np.where(size < _NEAR, value, far)
    return value


def _derivative(x: Node, order: int) -> Node:
    return x.graph.make("sinc'", x, order=order)


def _map(node: Node, i: int) -> LinearMap:
    return diagonal(node, _derivative(node.inputs[0], node.attributes["order"] + 1))


def _notation(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    return applied(style.function("sinc", node.attributes["order"]), [p.text for p in pieces], style)


def _sinc(x: Array) -> Array:
    whole = np.rint(x)
    sine = np.sin(math.pi * (x - whole)) * np.where(whole % 2 == 0, 1.0, -1.0)
    return np.where(x == 0, 1.0, sine / np.where(x == 0, 1.0, math.pi * x))


register(Operation("sinc'", same_shape, _kernel, _map, _notation, "scales"))
unary("sinc", _sinc, lambda x, y: _derivative(x, 1), "(cos(π x) - sinc(x))/x", "sin(π x)/(π x)")
