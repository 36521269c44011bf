"""Functions of one number, applied entry by entry: powers and roots, exponentials, angles, steps.

Formulas: NIST Digital Library of Mathematical Functions, chapter 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import Node
from gradcalc.notation import Level, Piece, Style
from gradcalc.ops import quarter_turns
from gradcalc.ops.declaring import constant_times, minus_from, one, over, plus, prime, square, stable, unary, zero
from gradcalc.ops.doubled import two_product

Array = np.ndarray[Any, Any]

# ------------------------------------------------------------------- powers, exp and log


def _show_square(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    base = style.enclose(pieces[0], Level.ATOM)
    return Piece(style.power(base, Piece("2", Level.ATOM), bool(node.shape)), Level.POWER)


def _number_minus_square(number: float, x: Array) -> Array:
    """c - x², with the rounding of the square made good, which is all that is left near its zeros."""
    power, rest = two_product(x, x)
    return np.asarray((number - power) - np.where(np.abs(x) < 1e9, rest, 0.0))


def _declare_minus_square(name: str, number: float) -> None:
    stable(name, lambda a, x: _number_minus_square(number, x), (lambda node: constant_times(-2.0, node.inputs[0]),),
           lambda node: minus_from(number, square(node.inputs[0])), analytic=True)  # fmt: skip


_declare_minus_square("one_minus_square", 1.0)
_declare_minus_square("two_minus_square", 2.0)
unary("exp", np.exp, lambda x, y: y, "exp(x)", "the exponential", analytic=True)
unary("log", np.log, lambda x, y: over(1.0, x), "1/x", "the natural logarithm", "x > 0", lambda x: x <= 0,
      analytic=True)  # fmt: skip
unary("log1p", np.log1p, lambda x, y: over(1.0, plus(x, 1.0)), "1/(1 + x)", "log(1 + x), right near 0", "x > -1",
      lambda x: x <= -1, analytic=True)  # fmt: skip
unary("expm1", np.expm1, lambda x, y: al.apply("exp", x), "exp(x)", "exp(x) - 1, right near 0",
      analytic=True)  # fmt: skip
unary("sqrt", lambda x: np.sqrt(x) + 0.0, lambda x, y: over(0.5, y), "1/(2 sqrt(x))", "the square root", "x >= 0",
      lambda x: x < 0, analytic=True)  # fmt: skip


def _cbrt(x: Array) -> Array:
    """NumPy's root and a step of Newton's method with the residual taken exactly, far from over- and underflow."""
    size = np.abs(x)
    shift = np.where(size > 1e200, -1, np.where(size < 1e-200, 1, 0))
    near = np.ldexp(x, 600 * shift)
    root = np.cbrt(near)
    squared, rest = two_product(root, root)
    cubed, more = two_product(squared, root)
    residual = (near - cubed) - (more + rest * root)
    step = residual / np.where(x == 0, 1.0, 3.0 * squared)
    return np.asarray(np.ldexp(root + step, -200 * shift))


unary("cbrt", _cbrt, lambda x, y: al.quotient_power(al.filled(x, 1.0 / 3.0), y, 2), "1/(3 cbrt(x)^2)", "the cube root")
unary("square", np.square, lambda x, y: constant_times(2.0, x), "2 x", "x^2", notation=_show_square,
      analytic=True)  # fmt: skip


def _show_abs(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    return Piece(style.absolute(pieces[0].text), Level.ATOM)


unary("abs", np.abs, lambda x, y: al.apply("sign", x), "sign(x)", "the absolute value, |x|",
      kink=lambda x: x == 0, rule="0 at 0, the minimum-norm subgradient", notation=_show_abs)  # fmt: skip
unary("sign", np.sign, zero, "0", "-1, 0 or 1", kink=lambda x: x == 0, rule="0 at 0, where it jumps",
      jumps=True)  # fmt: skip
unary("step", lambda x: (x > 0).astype(float), zero, "0", "1(x > 0)", kink=lambda x: x == 0,
      rule="0 at 0, where it jumps", jumps=True)  # fmt: skip
unary("floor", np.floor, zero, "0", "the whole number below", kink=lambda x: x == np.floor(x),
      rule="0 at whole numbers, where it jumps", jumps=True)  # fmt: skip
unary("ceil", np.ceil, zero, "0", "the whole number above", kink=lambda x: x == np.floor(x),
      rule="0 at whole numbers, where it jumps", jumps=True)  # fmt: skip
unary("round", np.round, zero, "0", "the nearest whole number, halves to even", kink=lambda x: x - np.floor(x) == 0.5,
      rule="0 at halves, where it jumps", jumps=True)  # fmt: skip

# ------------------------------------------------------------------------- trigonometry

unary("sin", quarter_turns.sin, lambda x, y: al.apply("cos", x), "cos(x)", "the sine", analytic=True)
unary("cos", quarter_turns.cos, lambda x, y: al.negative(al.apply("sin", x)), "-sin(x)", "the cosine",
      analytic=True)  # fmt: skip
unary("tan", quarter_turns.tan, lambda x, y: plus(square(y), 1.0), "1 + tan(x)^2", "the tangent", analytic=True)
unary("arcsin", np.arcsin, lambda x, y: over(1.0, al.apply("sqrt", al.apply("one_minus_square", x))), "1/sqrt(1 - x^2)",
      "the inverse sine", "-1 <= x <= 1", lambda x: np.abs(x) > 1, analytic=True)  # fmt: skip
unary("arccos", np.arccos, lambda x, y: al.negative(over(1.0, al.apply("sqrt", al.apply("one_minus_square", x)))),
      "-1/sqrt(1 - x^2)", "the inverse cosine", "-1 <= x <= 1", lambda x: np.abs(x) > 1, analytic=True)  # fmt: skip


def _over_one_plus_square(a: Any, x: Array) -> Array:
    """1/(1 + x²), as (1/x)² where the square may overflow."""
    far = np.abs(x) > 1e10
    inverse = 1.0 / np.where(far, x, 1.0)
    return np.where(far, inverse * inverse, 1.0 / (1.0 + np.square(np.where(far, 1.0, x))))


stable("over_one_plus_square", _over_one_plus_square,
       (lambda node: constant_times(-2.0, al.multiply(al.multiply(node.inputs[0], node), node)),),
       lambda node: over(1.0, plus(square(node.inputs[0]), 1.0)))  # fmt: skip
unary("arctan", np.arctan, lambda x, y: al.apply("over_one_plus_square", x), "1/(1 + x^2)", "the inverse tangent",
      analytic=True)  # fmt: skip
unary("sinh", np.sinh, lambda x, y: al.apply("cosh", x), "cosh(x)", "the hyperbolic sine",
      analytic=True)  # fmt: skip
unary("cosh", np.cosh, lambda x, y: al.apply("sinh", x), "sinh(x)", "the hyperbolic cosine",
      analytic=True)  # fmt: skip


def _sech_squared(x: Array) -> Array:
    """1/cosh(x)², by two divisions: the square would overflow where the quotient is a float."""
    size = np.cosh(x)
    return 1.0 / size / size


unary("tanh", np.tanh,
      prime("tanh", _sech_squared, lambda x, y: constant_times(-2.0, al.multiply(al.apply("tanh", x), y))),
      "1 - tanh(x)^2", "the hyperbolic tangent", analytic=True)  # fmt: skip
unary("arcsinh", np.arcsinh, lambda x, y: al.divide(one(x), al.apply("hypot", x, one(x))), "1/sqrt(1 + x^2)",
      "the inverse hyperbolic sine", analytic=True)  # fmt: skip
unary("arccosh", np.arccosh,
      lambda x, y: over(1.0, al.multiply(al.apply("sqrt", plus(x, -1.0)), al.apply("sqrt", plus(x, 1.0)))),
      "1/sqrt(x^2 - 1)", "the inverse hyperbolic cosine", "x >= 1", lambda x: x < 1, example="arccosh(2)",
      analytic=True)  # fmt: skip
unary("arctanh", np.arctanh, lambda x, y: over(1.0, al.apply("one_minus_square", x)), "1/(1 - x^2)",
      "the inverse hyperbolic tangent", "-1 < x < 1", lambda x: np.abs(x) >= 1, analytic=True)  # fmt: skip
