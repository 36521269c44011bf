"""Functions of NumPy on single numbers, as expressions of Python: a float costs a tenth of an array of one entry.

Where NumPy gives an infinity or a NaN, these may raise `ArithmeticError` or `ValueError` instead.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcalc.compiled import tree
from gradcalc.ops import quarter_turns

Expression = ast.expr
FUNCTIONS: dict[Any, Callable[..., float]] = {
    np.exp: math.exp, np.expm1: math.expm1, np.log: math.log, np.log1p: math.log1p, np.sqrt: math.sqrt,
    np.cbrt: math.cbrt, quarter_turns.sin: quarter_turns.sin.of_number,
    quarter_turns.cos: quarter_turns.cos.of_number, quarter_turns.tan: quarter_turns.tan.of_number,
    np.arcsin: math.asin, np.arccos: math.acos, np.arctan: math.atan, np.sinh: math.sinh, np.cosh: math.cosh,
    np.tanh: math.tanh,
    np.arcsinh: math.asinh, np.arccosh: math.acosh, np.arctanh: math.atanh, np.absolute: abs, np.hypot: math.hypot,
    np.arctan2: math.atan2, np.power: math.pow, np.isnan: math.isnan, np.isfinite: math.isfinite,
}  # fmt: skip
"""What NumPy's functions are for numbers, where it is a call."""
_BINARY: dict[Any, type[ast.operator]] = {
    np.add: ast.Add, np.subtract: ast.Sub, np.multiply: ast.Mult, np.divide: ast.Div, np.bitwise_and: ast.BitAnd,
    np.bitwise_or: ast.BitOr,
}  # fmt: skip
_COMPARE: dict[Any, type[ast.cmpop]] = {
    np.less: ast.Lt, np.less_equal: ast.LtE, np.greater: ast.Gt, np.greater_equal: ast.GtE, np.equal: ast.Eq,
    np.not_equal: ast.NotEq,
}  # fmt: skip


def _either(test: Expression, one: Expression, other: Expression) -> Expression:
    return tree.IfExp(test, one, other)


def _is_nan(x: Expression) -> Expression:
    return tree.Compare(x, [ast.NotEq()], [x])


def _extreme(better: ast.cmpop) -> Callable[..., Expression]:
    """The better of two, and a NaN where there is one."""

    def build(x: Expression, y: Expression) -> Expression:
        taken = tree.BoolOp(ast.Or(), [tree.Compare(x, [better], [y]), _is_nan(x)])
        return _either(taken, x, y)

    return build


_FORMS: dict[Any, Callable[..., Expression]] = {
    np.negative: lambda x: tree.UnaryOp(ast.USub(), x),
    np.square: lambda x: tree.BinOp(x, ast.Mult(), x),
    np.maximum: _extreme(ast.Gt()), np.minimum: _extreme(ast.Lt()),
    np.where: _either,
    np.logical_not: lambda x: tree.UnaryOp(ast.Not(), x), np.invert: lambda x: tree.UnaryOp(ast.Not(), x),
    np.logical_and: lambda x, y: tree.BoolOp(ast.And(), [x, y]),
    np.logical_or: lambda x, y: tree.BoolOp(ast.Or(), [x, y]),
}  # fmt: skip


def expression(function: Any, operands: list[Expression]) -> Expression | None:
    """The expression of a function of numbers, or None where it is a call."""
    if function in _BINARY:
        return tree.BinOp(operands[0], _BINARY[function](), operands[1])
    if function in _COMPARE:
        return tree.Compare(operands[0], [_COMPARE[function]()], [operands[1]])
    form = _FORMS.get(function)
    return None if form is None else form(*operands)


def called(function: Any) -> Callable[..., Any]:
    """What is called for a function of numbers."""
    found = FUNCTIONS.get(function)
    return found if found is not None else lambda *numbers: function(*numbers).item()
