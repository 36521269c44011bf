"""What the functions of the language mean, over any namespace in NumPy's manner; not a line of gradcalc's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tests.programs.made import Array, Namespace

Meaning = Callable[[Namespace, Array], Array]
Axis = int | None


def sigmoid(xp: Namespace, x: Array) -> Array:
    return 1 / (1 + xp.exp(-x))


def logsumexp(xp: Namespace, x: Array, axis: Axis = None) -> Array:
    return xp.log(xp.sum(xp.exp(x), axis=axis, keepdims=True))


def softmax(xp: Namespace, x: Array, axis: Axis = None) -> Array:
    powers = xp.exp(x)
    return powers / xp.sum(powers, axis=axis, keepdims=True)


def log_softmax(xp: Namespace, x: Array, axis: Axis = None) -> Array:
    return x - logsumexp(xp, x, axis)


def product_of(factors: Sequence[Array]) -> Array:
    """Factor after factor: its derivative needs no division, so that it is right at zeros."""
    whole = factors[0]
    for factor in factors[1:]:
        whole = whole * factor
    return whole


def product(xp: Namespace, x: Array, axis: Axis = None) -> Array:
    if axis is None:
        return product(xp, product(xp, x, 0), 1)
    return product_of([x[i : i + 1, :] if axis == 0 else x[:, i : i + 1] for i in range(x.shape[axis])])


def variance(xp: Namespace, x: Array, axis: Axis = None) -> Array:
    deviation = x - xp.mean(x, axis=axis, keepdims=True)
    return xp.mean(deviation * deviation, axis=axis, keepdims=True)


def gelu(xp: Namespace, x: Array) -> Array:
    return x * (1 + xp.erf(x * math.sqrt(0.5))) / 2


SMOOTH: dict[str, Meaning] = {
    "sin": lambda xp, x: xp.sin(x),
    "cos": lambda xp, x: xp.cos(x),
    "tanh": lambda xp, x: xp.tanh(x),
    "arctan": lambda xp, x: xp.arctan(x),
    "sigmoid": sigmoid,
    "σ": sigmoid,
    "softplus": lambda xp, x: xp.log(1 + xp.exp(x)),
    "square": lambda xp, x: x * x,
    "silu": lambda xp, x: x * sigmoid(xp, x),
    "gelu": gelu,
    "erf": lambda xp, x: xp.erf(x),
    "arcsinh": lambda xp, x: xp.arcsinh(x),
}
BOUNDED: dict[str, Meaning] = {
    "exp": lambda xp, x: xp.exp(x),
    "sinh": lambda xp, x: xp.sinh(x),
    "cosh": lambda xp, x: xp.cosh(x),
    "expm1": lambda xp, x: xp.expm1(x),
}
"""For values that are not large."""
INSIDE: dict[str, Meaning] = {
    "arcsin": lambda xp, x: xp.arcsin(x),
    "arccos": lambda xp, x: xp.arccos(x),
    "arctanh": lambda xp, x: xp.arctanh(x),
    "tan": lambda xp, x: xp.sin(x) / xp.cos(x),
}
"""For values between -1 and 1."""
POSITIVE: dict[str, Meaning] = {
    "log": lambda xp, x: xp.log(x),
    "sqrt": lambda xp, x: xp.sqrt(x),
    "log1p": lambda xp, x: xp.log1p(x),
    "cbrt": lambda xp, x: x ** (1 / 3),
}
BENT: dict[str, Meaning] = {
    "relu": lambda xp, x: xp.maximum(x, 0 * x),
    "abs": lambda xp, x: xp.abs(x),
    "leaky_relu": lambda xp, x: xp.where(x > 0, x, 0.01 * x),
    "softsign": lambda xp, x: x / (1 + xp.abs(x)),
    "elu": lambda xp, x: xp.where(x > 0, x, xp.expm1(x)),
    "cbrt": lambda xp, x: xp.sign(x) * xp.abs(x) ** (1 / 3),
    "sinc": lambda xp, x: xp.sin(x * xp.pi) / (x * xp.pi),
    "sign": lambda xp, x: xp.sign(x),
    "step": lambda xp, x: (1 + xp.sign(x)) / 2,
}
"""For values away from 0."""
STEPS: dict[str, Meaning] = {
    "floor": lambda xp, x: xp.floor(x),
    "ceil": lambda xp, x: xp.ceil(x),
    "round": lambda xp, x: xp.floor(x + 0.5),
}
"""For values away from whole numbers and halves."""
PRIMES: dict[str, Meaning] = {
    "tanh": lambda xp, x: 1 - xp.tanh(x) ** 2,
    "sigmoid": lambda xp, x: sigmoid(xp, x) * (1 - sigmoid(xp, x)),
    "sin": lambda xp, x: xp.cos(x),
    "arctan": lambda xp, x: 1 / (1 + x * x),
}
OF_ONE: list[tuple[str, Meaning, Meaning]] = [
    ("1/(1 + exp(-t))", sigmoid, PRIMES["sigmoid"]),
    ("t sin(t)", lambda xp, t: t * xp.sin(t), lambda xp, t: xp.sin(t) + t * xp.cos(t)),
    ("t^2 / (1 + t^2)", lambda xp, t: t**2 / (1 + t**2), lambda xp, t: 2 * t / (1 + t**2) ** 2),
    ("2 tanh(t / 2) - t", lambda xp, t: 2 * xp.tanh(t / 2) - t, lambda xp, t: -(xp.tanh(t / 2) ** 2)),
    ("exp(-t^2/2)", lambda xp, t: xp.exp(-t * t / 2), lambda xp, t: -t * xp.exp(-t * t / 2)),
]
"""Bodies of functions of one number, what they compute, and their derivatives."""
OF_TWO: list[tuple[str, Any]] = [
    ("(a + b) tanh(a b)", lambda xp, a, b: (a + b) * xp.tanh(a * b)),
    ("a sin(b) - b^2", lambda xp, a, b: a * xp.sin(b) - b**2),
    ("sqrt(1 + a^2 + b^2)", lambda xp, a, b: xp.sqrt(1 + a**2 + b**2)),
    ("a / (1 + b^2) + 1/2 a b", lambda xp, a, b: a / (1 + b**2) + a * b / 2),
]
COMPARISONS: dict[str, Callable[[Array, Array], Array]] = {
    ">": lambda a, b: a > b, "<": lambda a, b: a < b, ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b,
}  # fmt: skip
REDUCTIONS: dict[str, Callable[[Namespace, Array, Axis], Array]] = {
    "sum": lambda xp, x, axis: xp.sum(x, axis=axis, keepdims=True),
    "mean": lambda xp, x, axis: xp.mean(x, axis=axis, keepdims=True),
    "prod": product,
    "var": variance,
    "std": lambda xp, x, axis: xp.sqrt(variance(xp, x, axis)),
    "norm": lambda xp, x, axis: xp.sqrt(xp.sum(x * x, axis=axis, keepdims=True)),
    "norm2": lambda xp, x, axis: xp.sqrt(xp.sum(x * x, axis=axis, keepdims=True)),
    "norm1": lambda xp, x, axis: xp.sum(xp.abs(x), axis=axis, keepdims=True),
    "norminf": lambda xp, x, axis: xp.max(xp.abs(x), axis=axis, keepdims=True),
    "max": lambda xp, x, axis: xp.max(x, axis=axis, keepdims=True),
    "min": lambda xp, x, axis: xp.min(x, axis=axis, keepdims=True),
    "logsumexp": logsumexp,
}
