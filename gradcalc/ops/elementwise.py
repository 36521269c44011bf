"""Functions of one number, applied entry by entry, and a few of two.

Derivatives are written in operations that neither overflow nor cancel. Where no such form exists, the
derivative is an operation of its own (`sigmoid'`), printed with a prime. Formulas: NIST Digital Library of
Mathematical Functions, chapters 4 and 7; Hendrycks and Gimpel 2016 (gelu), Elfwing et al. 2017 (silu).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import Node, Operation, register
from gradcalc.maps import Hadamard, LinearMap
from gradcalc.notation import Level, Piece, Style, applied, call, total
from gradcalc.ops.table import Function, builds, declare, same_shape

Array = np.ndarray[Any, Any]
Derivative = Callable[[Node, Node], Node]
"""From x and y = f(x) to f'(x)."""


def _operation(name: str, kernel: Any, derivative: Derivative, notation: Any, **more: Any) -> Operation:
    def differential(node: Node, i: int) -> LinearMap:
        return Hadamard(node.shape, node.shape, derivative(node.inputs[0], node))

    return Operation(name, same_shape, lambda a, x: kernel(x), differential, notation, "scales", **more)


def unary(
    name: str,
    kernel: Callable[[Array], Array],
    derivative: Derivative,
    text: str,
    summary: str,
    domain: str = "all numbers",
    fault: Callable[[Array], Array] | None = None,
    kink: Callable[[Array], Array] | None = None,
    rule: str = "",
    notation: Any = None,
    aliases: tuple[str, ...] = (),
    example: str = "",
    analytic: bool = False,
) -> None:
    """Declare a function of one number."""
    more: dict[str, Any] = {"domain": domain if fault else "", "kink_rule": rule, "analytic": analytic}
    if fault is not None:
        more["fault"] = lambda a, x: fault(x)
    if kink is not None:
        more["kink"] = lambda a, x: kink(x)
    declare(
        Function(name, builds(name), summary, text, example or f"{name}(0.5)", elementwise=True, domain=domain,
                 kink=rule, aliases=aliases),
        _operation(name, kernel, derivative, notation or call(name), **more),
    )  # fmt: skip


def prime(name: str, kernel: Callable[[Array], Array], derivative: Derivative) -> Derivative:
    """Declare the derivative of `name` as an operation of its own, and return the rule that makes it."""

    def notation(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
        return applied(style.function(name, 1), [p.text for p in pieces], style)

    register(_operation(name + "'", kernel, derivative, notation))
    return lambda x, y: al.apply(name + "'", x)


def constant_times(value: float, node: Node) -> Node:
    """`c x`."""
    return al.scale(al.constant(node.graph, value), node)


def _one(x: Node) -> Node:
    return al.filled(x, 1.0)


def _zero(x: Node, y: Node) -> Node:
    return al.zeros(x.graph, x.shape)


def _over(value: float, below: Node) -> Node:
    return al.divide(al.filled(below, value), below)


def _plus(x: Node, value: float) -> Node:
    return al.add([x, al.filled(x, value)])


def _minus_from(value: float, x: Node) -> Node:
    return al.add([al.filled(x, value), x], [1, -1])


def _positive(x: Node) -> Node:
    return al.compare(">", x, al.number_like(x, 0.0))


def _sq(x: Node) -> Node:
    return al.apply("square", x)


# ------------------------------------------------------------------- powers, exp and log


def _show_square(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    base = style.enclose(pieces[0], Level.ATOM)
    return Piece(style.power(base, Piece("2", Level.ATOM), bool(node.shape)), Level.POWER)


def _show_one_minus_square(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    return total((1, -1), (Piece("1", Level.ATOM), _show_square(node, pieces, style)), style)


register(_operation("one_minus_square", lambda x: (1.0 - x) * (1.0 + x), lambda x, y: constant_times(-2.0, x),
                    _show_one_minus_square, analytic=True))  # fmt: skip


def _one_minus_square(x: Node) -> Node:
    """1 - x², as (1 - x)(1 + x), which keeps its digits near 1; its derivative -2x keeps them near 0."""
    return al.apply("one_minus_square", x)


unary("exp", np.exp, lambda x, y: y, "exp(x)", "the exponential", analytic=True)
unary("log", np.log, lambda x, y: _over(1.0, x), "1/x", "the natural logarithm", "x > 0", lambda x: x <= 0,
      analytic=True)  # fmt: skip
unary("log1p", np.log1p, lambda x, y: _over(1.0, _plus(x, 1.0)), "1/(1 + x)", "log(1 + x), right near 0", "x > -1",
      lambda x: x <= -1, analytic=True)  # fmt: skip
unary("expm1", np.expm1, lambda x, y: al.apply("exp", x), "exp(x)", "exp(x) - 1, right near 0",
      analytic=True)  # fmt: skip
unary("sqrt", lambda x: np.sqrt(x) + 0.0, lambda x, y: _over(0.5, y), "1/(2 sqrt(x))", "the square root", "x >= 0",
      lambda x: x < 0, analytic=True)  # fmt: skip
unary("cbrt", np.cbrt, lambda x, y: al.divide(al.filled(x, 1.0 / 3.0), _sq(y)), "1/(3 cbrt(x)^2)", "the cube root")
unary("square", np.square, lambda x, y: constant_times(2.0, x), "2 x", "x^2", notation=_show_square,
      analytic=True)  # fmt: skip


def _show_abs(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    return Piece(style.absolute(pieces[0].text), Level.ATOM)


unary("abs", np.abs, lambda x, y: al.apply("sign", x), "sign(x)", "the absolute value, |x|",
      kink=lambda x: x == 0, rule="0 at 0, the minimum-norm subgradient", notation=_show_abs)  # fmt: skip
unary("sign", np.sign, _zero, "0", "-1, 0 or 1", kink=lambda x: x == 0, rule="0 at 0, where it jumps")
unary("step", lambda x: (x > 0).astype(float), _zero, "0", "1(x > 0)", kink=lambda x: x == 0,
      rule="0 at 0, where it jumps")  # fmt: skip
unary("floor", np.floor, _zero, "0", "the whole number below", kink=lambda x: x == np.floor(x),
      rule="0 at whole numbers, where it jumps")  # fmt: skip
unary("ceil", np.ceil, _zero, "0", "the whole number above", kink=lambda x: x == np.floor(x),
      rule="0 at whole numbers, where it jumps")  # fmt: skip
unary("round", np.round, _zero, "0", "the nearest whole number, halves to even", kink=lambda x: x - np.floor(x) == 0.5,
      rule="0 at halves, where it jumps")  # fmt: skip

# ------------------------------------------------------------------------- trigonometry

unary("sin", np.sin, lambda x, y: al.apply("cos", x), "cos(x)", "the sine", analytic=True)
unary("cos", np.cos, lambda x, y: al.negative(al.apply("sin", x)), "-sin(x)", "the cosine",
      analytic=True)  # fmt: skip
unary("tan", np.tan, lambda x, y: _plus(_sq(y), 1.0), "1 + tan(x)^2", "the tangent", analytic=True)
unary("arcsin", np.arcsin, lambda x, y: _over(1.0, al.apply("sqrt", _one_minus_square(x))), "1/sqrt(1 - x^2)",
      "the inverse sine", "-1 <= x <= 1", lambda x: np.abs(x) > 1, analytic=True)  # fmt: skip
unary("arccos", np.arccos, lambda x, y: al.negative(_over(1.0, al.apply("sqrt", _one_minus_square(x)))),
      "-1/sqrt(1 - x^2)", "the inverse cosine", "-1 <= x <= 1", lambda x: np.abs(x) > 1, analytic=True)  # fmt: skip
unary("arctan", np.arctan, lambda x, y: _over(1.0, _plus(_sq(x), 1.0)), "1/(1 + x^2)", "the inverse tangent",
      analytic=True)  # fmt: skip
unary("sinh", np.sinh, lambda x, y: al.apply("cosh", x), "cosh(x)", "the hyperbolic sine",
      analytic=True)  # fmt: skip
unary("cosh", np.cosh, lambda x, y: al.apply("sinh", x), "sinh(x)", "the hyperbolic cosine",
      analytic=True)  # fmt: skip


def _sech_squared(x: Array) -> Array:
    small = np.exp(-2.0 * np.abs(x))
    return 4.0 * small / np.square(1.0 + small)


unary("tanh", np.tanh,
      prime("tanh", _sech_squared, lambda x, y: constant_times(-2.0, al.multiply(al.apply("tanh", x), y))),
      "1 - tanh(x)^2", "the hyperbolic tangent", analytic=True)  # fmt: skip
unary("arcsinh", np.arcsinh, lambda x, y: al.divide(_one(x), al.apply("hypot", x, _one(x))), "1/sqrt(1 + x^2)",
      "the inverse hyperbolic sine", analytic=True)  # fmt: skip
unary("arccosh", np.arccosh,
      lambda x, y: _over(1.0, al.multiply(al.apply("sqrt", _plus(x, -1.0)), al.apply("sqrt", _plus(x, 1.0)))),
      "1/sqrt(x^2 - 1)", "the inverse hyperbolic cosine", "x >= 1", lambda x: x < 1, example="arccosh(2)",
      analytic=True)  # fmt: skip
unary("arctanh", np.arctanh, lambda x, y: _over(1.0, _one_minus_square(x)), "1/(1 - x^2)",
      "the inverse hyperbolic tangent", "-1 < x < 1", lambda x: np.abs(x) >= 1, analytic=True)  # fmt: skip

# -------------------------------------------------------------------------- activations


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
unary("softsign", lambda x: x / (1.0 + np.abs(x)), lambda x, y: _over(1.0, _sq(_plus(al.apply("abs", x), 1.0))),
      "1/(1 + |x|)^2", "x/(1 + |x|)")  # fmt: skip
unary("relu", lambda x: np.maximum(x, 0.0), lambda x, y: _positive(x), "1(x > 0)", "max(x, 0)",
      kink=lambda x: x == 0, rule="0 at 0, the minimum-norm subgradient")  # fmt: skip
unary("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x),
      lambda x, y: al.apply("where", _positive(x), _one(x), al.filled(x, 0.01)), "1 where x > 0, else 0.01",
      "x where x > 0, else 0.01 x", kink=lambda x: x == 0,
      rule="0.01 at 0, the minimum-norm subgradient")  # fmt: skip
unary("elu", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0.0))),
      lambda x, y: al.apply("exp", al.negative(al.apply("relu", al.negative(x)))), "1 where x > 0, else exp(x)",
      "x where x > 0, else exp(x) - 1")  # fmt: skip


def _silu_prime(x: Array) -> Array:
    """σ(x) (1 + x σ(-x))."""
    return _sigmoid(x) * (1.0 + x * _sigmoid(-x))


def _silu_second(x: Node, y: Node) -> Node:
    """2 σ' + x σ'' = σ'(x) (2 - x tanh(x/2))."""
    bend = al.multiply(x, al.apply("tanh", constant_times(0.5, x)))
    return al.multiply(al.apply("sigmoid'", x), _minus_from(2.0, bend))


unary("silu", lambda x: x * _sigmoid(x), prime("silu", _silu_prime, _silu_second),
      "sigmoid(x) (1 + x (1 - sigmoid(x)))", "x sigmoid(x)")  # fmt: skip

_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)
_ROOT_HALF, _ROOT_HALF_REST = 0.7071067811865476, -4.833646656726457e-17
"""√½ to twice the digits of a float."""


def _halves(x: Array) -> tuple[Array, Array]:
    """A number as the sum of two with half the digits each (Veltkamp), so that their products are exact."""
    large = 134217729.0 * x
    high = large - (large - x)
    return high, x - high


def _bell(x: Array) -> Array:
    """exp(-x²/2), with the rounding of the square made good: it would cost x² times its own size."""
    near = np.clip(x, -40.0, 40.0)
    high, low = _halves(near)
    square = near * near
    rest = ((high * high - square) + 2.0 * high * low) + low * low
    return np.asarray(np.exp(-0.5 * square) * (1.0 - 0.5 * rest))


def _normal(x: Array) -> Array:
    """The standard normal distribution function Φ(x) = erfc(-x/√2)/2, with the rounding of x/√2 made good."""
    near = np.clip(x, -40.0, 40.0)
    (a, b), (c, d) = _halves(near), _halves(np.asarray(_ROOT_HALF))
    product = near * _ROOT_HALF
    rest = ((a * c - product) + a * d + b * c) + b * d + near * _ROOT_HALF_REST
    return np.asarray(0.5 * np.asarray(_erfc(-product), dtype=float) + rest * _bell(near) / math.sqrt(math.pi))


def _density(x: Node) -> Node:
    """φ(x) = exp(-x²/2)/√(2π)."""
    return constant_times(1.0 / math.sqrt(2.0 * math.pi), al.apply("exp", constant_times(-0.5, _sq(x))))


def _gelu_prime(x: Array) -> Array:
    return _normal(x) + x * _bell(x) / math.sqrt(2.0 * math.pi)


unary("erf", lambda x: np.asarray(_erf(x), dtype=float),
      lambda x, y: constant_times(2.0 / math.sqrt(math.pi), al.apply("exp", al.negative(_sq(x)))),
      "2/sqrt(π) exp(-x^2)", "the error function")  # fmt: skip
unary("gelu", lambda x: x * _normal(x),
      prime("gelu", _gelu_prime, lambda x, y: al.multiply(_density(x), _minus_from(2.0, _sq(x)))),
      "Φ(x) + x φ(x)", "x Φ(x), with Φ the normal distribution")  # fmt: skip


def _turn(x: Array) -> Array:
    """π x less whole turns, which are taken off before the product rounds."""
    return math.pi * (x - 2.0 * np.round(0.5 * x))


def _sinc(x: Array) -> Array:
    return np.where(x == 0, 1.0, np.sin(_turn(x)) / np.where(x == 0, 1.0, math.pi * x))


def _sinc_prime(x: Array) -> Array:
    """cos(πx)/x - sin(πx)/(πx²); near 0 by its series, where the two terms cancel."""
    t = math.pi * x
    with np.errstate(all="ignore"):
        far = (np.cos(_turn(x)) - _sinc(x)) / x
    near = math.pi * sum(
        (-1) ** k * 2 * k / math.factorial(2 * k + 1) * np.where(np.abs(t) < 1.5, t, 0.0) ** (2 * k - 1)
        for k in range(1, 14)
    )
    return np.where(np.abs(t) < 1.5, near, far)


def _sinc_second(x: Node, y: Node) -> Node:
    """-(π² sinc + 2 sinc'/x), for x not 0."""
    first = constant_times(math.pi**2, al.apply("sinc", x))
    return al.negative(al.add([first, constant_times(2.0, al.divide(y, x))]))


unary("sinc", _sinc, prime("sinc", _sinc_prime, _sinc_second), "(cos(π x) - sinc(x))/x", "sin(π x)/(π x)")

# ------------------------------------------------------------------------ of two numbers


def _binary(name: str, kernel: Any, first: Any, second: Any, text: str, summary: str, **more: Any) -> None:
    def differential(node: Node, i: int) -> LinearMap:
        x, y = node.inputs
        return Hadamard(node.shape, node.shape, (first, second)[i](x, y, node))

    declare(
        Function(name, builds(name), summary, text, f"{name}(3, 4)", 2, 2, elementwise=True,
                 domain=more.get("domain", "all numbers"), kink=more.get("kink_rule", "")),
        Operation(name, same_shape, lambda a, x, y: kernel(x, y), differential, call(name), "scales", **more),
    )  # fmt: skip


def _hypot_part(x: Node, y: Node, node: Node) -> Node:
    return al.divide(x, node, "ratio")


def _hypot_squared_quotient(above: Node, x: Node, y: Node) -> Node:
    length = al.apply("hypot", x, y)
    return al.divide(al.divide(above, length, "ratio"), length, "ratio")


_binary("hypot", np.hypot, _hypot_part, lambda x, y, n: al.divide(y, n, "ratio"), "(x dx + y dy)/hypot(x, y)",
        "sqrt(x^2 + y^2), without overflow", kink=lambda a, x, y: (x == 0) & (y == 0),
        kink_rule="0 at 0, the minimum-norm subgradient")  # fmt: skip
_binary("arctan2", np.arctan2, lambda y, x, n: _hypot_squared_quotient(x, y, x),
        lambda y, x, n: al.negative(_hypot_squared_quotient(y, y, x)), "(x dy - y dx)/(x^2 + y^2)",
        "arctan2(y, x): the angle of the point (x, y)", domain="not both 0",
        fault=lambda a, y, x: (x == 0) & (y == 0))  # fmt: skip
_binary("mod", np.mod, lambda x, y, n: _one(x),
        lambda x, y, n: al.negative(al.apply("floor", al.divide(x, y))), "dx - floor(x/y) dy",
        "the remainder, with the sign of y", domain="y not 0", fault=lambda a, x, y: y == 0,
        kink=lambda a, x, y: np.mod(x, np.where(y == 0, 1.0, y)) == 0,
        kink_rule="the derivative from the right, where it jumps")  # fmt: skip


def _clip_map(node: Node, i: int) -> LinearMap:
    x, low, high = node.inputs
    below, above = al.compare("<=", x, low), al.compare(">=", x, high)
    inside = al.multiply(al.compare(">", x, low), al.compare("<", x, high))
    return Hadamard(node.shape, node.shape, (inside, below, al.multiply(above, al.compare(">", x, low)))[i])


declare(
    Function("clip", builds("clip"), "clip(x, a, b): x held between a and b", "1(a < x < b) dx", "clip(3, 0, 1)", 3, 3,
             elementwise=True, kink="0 for x at a bound, the minimum-norm subgradient"),
    Operation("clip", same_shape, lambda a, x, low, high: np.minimum(np.maximum(x, low), high), _clip_map,
              call("clip"), "routes", kink=lambda a, x, low, high: (x == low) | (x == high),
              kink_rule="0 for x at a bound"),
)  # fmt: skip
