"""Activation functions, and the error function that one of them is made of.

Formulas: Elfwing et al. 2017 (silu), Hendrycks and Gimpel 2016 (gelu), NIST Digital Library of Mathematical Functions
7.1, 7.12 (erf and its expansion at infinity). Near a zero of a derivative its kernel is written in the distance from
the zero, which is known to twice the digits of a float: so nothing cancels.
"""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import Node
from gradcalc.ops.declaring import constant_times, one, plus, positive, prime, square, stable, unary
from gradcalc.ops.doubled import two_product

Array = np.ndarray[Any, Any]
Doubled = tuple[float, float]
_DEEP, _SHIFT = -600.0, 385.0
_SHIFTED = 6.260722682888491e-168
"""exp(-385), which happens to be very near a float."""


def times_exp(factor: Array, exponent: Array, rest: Array | float = 0.0) -> Array:
    """c exp(t + rest) for t <= 0 and a tiny rest, with all digits also where exp(t) alone would be subnormal."""
    deep = exponent < _DEEP
    if not deep.any():
        return np.asarray(factor * (np.exp(exponent) * (1.0 + rest)))
    grown = np.exp(np.where(deep, exponent + 2.0 * _SHIFT, exponent)) * (1.0 + rest)
    return np.where(deep, (factor * _SHIFTED) * grown * _SHIFTED, factor * grown)


def _from(zero: Doubled, x: Array) -> Array:
    return np.asarray((x - zero[0]) - zero[1])


# ------------------------------------------------------------------------------------ sigmoid


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def _sigmoid_prime(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return small / np.square(1.0 + small)


def _sigmoid_second(x: Node, y: Node) -> Node:
    """σ'' = -tanh(x/2) σ', as 1 - 2σ(x) = -tanh(x/2)."""
    return al.negative(al.multiply(al.apply("tanh", constant_times(0.5, x)), y))


_SIGMOID_PRIME = prime("sigmoid", _sigmoid_prime, _sigmoid_second)
unary("sigmoid", _sigmoid, _SIGMOID_PRIME, "sigmoid(x) (1 - sigmoid(x))", "1/(1 + exp(-x))", aliases=("σ",))
unary("softplus", lambda x: np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x))), lambda x, y: al.apply("sigmoid", x),
      "sigmoid(x)", "log(1 + exp(x)), without overflow")  # fmt: skip
unary("softsign", lambda x: x / (1.0 + np.abs(x)),
      lambda x, y: al.quotient_power(one(x), plus(al.apply("abs", x), 1.0), 2), "1/(1 + |x|)^2",
      "x/(1 + |x|)")  # fmt: skip

# -------------------------------------------------------------------- relu and its relatives

unary("relu", lambda x: np.maximum(x, 0.0), lambda x, y: positive(x), "1(x > 0)", "max(x, 0)",
      kink=lambda x: x == 0, rule="0 at 0, the minimum-norm subgradient", takes=lambda x: ~(x < 0))  # fmt: skip
unary("leaky_relu", lambda x: np.maximum(x, 0.01 * x),
      lambda x, y: al.apply("where", positive(x), one(x), al.filled(x, 0.01)), "1 where x > 0, else 0.01",
      "x where x > 0, else 0.01 x", kink=lambda x: x == 0,
      rule="0.01 at 0, the minimum-norm subgradient")  # fmt: skip
unary("elu", lambda x: np.maximum(x, np.expm1(np.minimum(x, 0.0))),
      lambda x, y: al.apply("exp", al.negative(al.apply("relu", al.negative(x)))), "1 where x > 0, else exp(x)",
      "x where x > 0, else exp(x) - 1")  # fmt: skip

# --------------------------------------------------------------------------------------- silu

_SILU_LEAST: Doubled = (-1.2784645427610737, -1.0946994183093437e-16)
_SILU_LEAST_EXP = 0.2784645427610738
_SILU_TURN: Doubled = (2.3993572805154675, 1.8464872855353363e-16)
_TURN_TANH, _TURN_SLOPE = 0.8335565596009648, 0.3051834619462034
"""The zeros of silu' and silu'' to twice the digits of a float, exp at the first, tanh(a/2) and 1 - tanh(a/2)² at the
second.
"""


def _silu(x: Array) -> Array:
    """x σ(x); below 0 it is x exp(x)/(1 + exp(x))."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, x / (1.0 + small), times_exp(x / (1.0 + small), np.minimum(x, 0.0)))


def _silu_prime(x: Array) -> Array:
    """σ(x) (1 + x σ(-x)) = exp(x) h/(1 + exp(x))² with h = 1 + x + exp(x), which is 0 at a: h = d + exp(a) expm1(d)
    for d = x - a.
    """
    small = np.exp(-np.abs(x))
    below = np.minimum(x, 0.0)
    distance = _from(_SILU_LEAST, below)
    bend = distance + _SILU_LEAST_EXP * np.expm1(distance)
    right = (1.0 + x * (small / (1.0 + small))) / (1.0 + small)
    return np.where(x >= 0, right, times_exp(bend / np.square(1.0 + small), below))


def _silu_second(x: Array) -> Array:
    """σ'(x) g with g = 2 - |x| tanh(|x|/2), which is 0 at a, where tanh(a/2) = T = 2/a.

    By the addition theorem of tanh, g = -(d T + |x| (1 - T²) τ/(1 + T τ)) for d = |x| - a and τ = tanh(d/2).
    """
    size = np.abs(x)
    distance = _from(_SILU_TURN, size)
    turned = np.tanh(0.5 * distance)
    bend = distance * _TURN_TANH + size * (_TURN_SLOPE * turned / (1.0 + _TURN_TANH * turned))
    return times_exp(-bend / np.square(1.0 + np.exp(-size)), -size)


def _silu_third(x: Node, y: Node) -> Node:
    """-t σ' g - σ' (t + x (1 - t²)/2) for t = tanh(x/2) and g as above."""
    half = al.apply("tanh", constant_times(0.5, x))
    rest = al.add([half, constant_times(0.5, al.multiply(x, al.apply("one_minus_square", half)))])
    return al.negative(al.add([al.multiply(half, y), al.multiply(al.apply("sigmoid'", x), rest)]))


_SILU_SECOND = prime("silu", _silu_second, _silu_third, order=2)
unary("silu", _silu, prime("silu", _silu_prime, _SILU_SECOND), "sigmoid(x) (1 + x (1 - sigmoid(x)))",
      "x sigmoid(x)")  # fmt: skip

# ------------------------------------------------------------------------------- erf and gelu

_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)
_ROOT_HALF, _ROOT_HALF_REST = 0.7071067811865476, -4.833646656726457e-17
"""√½ to twice the digits of a float."""
_ROOT_TURN = math.sqrt(2.0 * math.pi)
_FAR = 55.0
"""exp(-x²/2) is 0 from here on, times any float too."""


def _bell(factor: Array, x: Array, rate: float) -> Array:
    """c exp(-r x²) for r = 1 or 1/2, with the rounding of the square made good: it costs x² times its own size."""
    near = np.clip(x, -_FAR, _FAR)
    power, rest = two_product(near, near)
    return np.where(np.abs(x) < _FAR, times_exp(factor, -rate * power, -rate * rest), 0.0)


def bell(factor: Node, x: Node, rate: float) -> Node:
    """`c exp(-r x^2)`."""
    return x.graph.make("bell", factor, x, rate=rate)


def _bell_written(node: Node) -> Node:
    factor, x = node.inputs
    return al.multiply(factor, al.apply("exp", constant_times(-node.attributes["rate"], square(x))))


def _bell_slope(node: Node) -> Node:
    """-2 r x c exp(-r x²): the factor stays inside, where it cannot meet a subnormal number."""
    factor, x = node.inputs
    rate = node.attributes["rate"]
    return bell(al.multiply(factor, constant_times(-2.0 * rate, x)), x, rate)


stable("bell", lambda a, c, x: _bell(c, x, a["rate"]),
       (lambda node: bell(one(node), node.inputs[1], node.attributes["rate"]), _bell_slope),
       _bell_written)  # fmt: skip


def _normal(x: Array) -> Array:
    """The standard normal distribution function Φ(x) = erfc(-x/√2)/2, with the rounding of x/√2 made good."""
    near = np.clip(x, -_FAR, _FAR)
    product, rest = two_product(near, _ROOT_HALF)
    rest = rest + near * _ROOT_HALF_REST
    return np.asarray(0.5 * np.asarray(_erfc(-product), dtype=float) + _bell(rest / math.sqrt(math.pi), near, 0.5))


_TAIL = -30.0


def _mills(x: Array) -> Array:
    """Φ(x) |x|/φ(x) = 1 - 1/x² + 3/x⁴ - 15/x⁶ + ..., for x far below 0."""
    inverse = np.square(1.0 / np.minimum(x, _TAIL))
    value = np.ones_like(inverse)
    for k in range(15, 0, -2):
        value = 1.0 - k * inverse * value
    return value


def _gelu(x: Array) -> Array:
    return np.where(x < _TAIL, _bell(-_mills(x) / _ROOT_TURN, x, 0.5), x * _normal(x))


_GELU_LEAST: Doubled = (-0.7517915246935645, 1.4956759177009883e-17)
_REACH = 0.7


def _series_at(place: float, terms: int) -> list[float]:
    """gelu'' and its derivatives at a place, over factorials: φ(x) Pₙ(x)/n! with P₁ = 2 - x², Pₙ₊₁ = Pₙ' - x Pₙ."""
    polynomial = [2.0, 0.0, -1.0]  # the coefficients, the constant first
    height, found = math.exp(-0.5 * place * place) / _ROOT_TURN, []
    for n in range(1, terms + 1):
        value = 0.0
        for coefficient in reversed(polynomial):
            value = coefficient + value * place
        found.append(value * height / math.factorial(n))
        slope = [k * c for k, c in enumerate(polynomial)][1:]
        polynomial = [a - b for a, b in zip_longest(slope, [0.0, *polynomial], fillvalue=0.0)]
    return found


_GELU_SERIES = _series_at(_GELU_LEAST[0], 28)


def _gelu_prime(x: Array) -> Array:
    """Φ(x) + x φ(x); by its series about its zero where the two cancel, by Φ's expansion far below 0."""
    distance = np.clip(_from(_GELU_LEAST, x), -_REACH, _REACH)
    near = np.zeros_like(distance)
    for coefficient in reversed(_GELU_SERIES):
        near = (near + coefficient) * distance
    below = np.minimum(x, _TAIL)
    far = _bell((below - _mills(below) / below) / _ROOT_TURN, below, 0.5)
    plain = _normal(x) + _bell(x / _ROOT_TURN, x, 0.5)
    return np.where(np.abs(distance) < _REACH, near, np.where(x < _TAIL, far, plain))


unary("erf", lambda x: np.asarray(_erf(x), dtype=float),
      lambda x, y: constant_times(2.0 / math.sqrt(math.pi), bell(one(x), x, 1.0)), "2/sqrt(π) exp(-x^2)",
      "the error function")  # fmt: skip
unary("gelu", _gelu,
      prime("gelu", _gelu_prime,
            lambda x, y: constant_times(1.0 / _ROOT_TURN, bell(al.apply("two_minus_square", x), x, 0.5))),
      "Φ(x) + x φ(x)", "x Φ(x), with Φ the normal distribution")  # fmt: skip
