"""Norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import SCALAR, Node, Operation, register
from gradcalc.maps import Inner
from gradcalc.notation import Level, Piece, Style, call
from gradcalc.ops.reduction import declare_reduction, even_share, tied
from gradcalc.ops.summation import axes_of, restored, scaled, total

Array = np.ndarray[Any, Any]


def _norm_kernel(x: Array, axes: Any) -> Array:
    """√Σx², of entries near 1, so that squares neither overflow nor vanish."""
    near, power = scaled(x, axes)
    return restored(np.sqrt(total(near * near, axes)), power)


def _squared_kernel(a: Any, x: Array) -> Array:
    axes = axes_of(None)
    near, power = scaled(x, axes)
    return restored(total(near * near, axes), 2 * power)


def _bars(kind: str, name: str) -> Any:
    def notation(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
        if node.attributes["axis"] is not None:
            return call(name)(node, pieces, style)
        return Piece(style.norm(pieces[0].text, kind), Level.ATOM)

    return notation


def _any_zero(a: Any, x: Array) -> Array:
    return np.asarray(np.any(x == 0, axis=axes_of(a["axis"]), keepdims=True))


def _all_zero(a: Any, x: Array) -> Array:
    axes = axes_of(a["axis"])
    return np.asarray(np.all(x == 0, axis=axes, keepdims=True) & (np.size(x) > 0))


def _show_squared(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    return Piece(style.power(style.norm(pieces[0].text, "2"), Piece("2", Level.ATOM), False), Level.POWER)


def _norminf_kernel(x: Array, axes: Any) -> Array:
    return np.asarray(np.max(np.abs(x), axis=axes, keepdims=True, initial=0.0))


def _norminf_weights(node: Node) -> Node:
    operand = node.inputs[0]
    return al.multiply(al.apply("sign", operand), even_share(al.apply("abs", operand), node))


def _norminf_kink(a: Any, x: Array) -> Array:
    size, axes = np.abs(x), axes_of(a["axis"])
    return np.asarray(tied(size, np.max(size, axis=axes, keepdims=True, initial=0.0), axes) | _all_zero(a, x))


def _norminf_takes(a: Any, i: int, x: Array) -> Array:
    size = np.abs(x)
    return np.asarray((size == np.max(size, axis=axes_of(a["axis"]), keepdims=True, initial=0.0)) | np.isnan(x))


declare_reduction(
    "norm", _norm_kernel, lambda n: n.graph.make("direction", n.inputs[0], axis=n.attributes["axis"]),
    "the Euclidean norm ||x||, of a matrix the Frobenius norm", "x^T dx / ||x||", "scales",
    notation=_bars("2", "norm"), aliases=("norm2",), kink=_all_zero,
    kink_rule="0 at x = 0, the minimum-norm subgradient",
)  # fmt: skip
register(Operation(
    "norm_squared", lambda shapes, a: SCALAR, _squared_kernel,
    lambda node, i: Inner(node.inputs[0].shape, SCALAR, al.scale(al.constant(node.graph, 2.0), node.inputs[0])),
    _show_squared, "scales", analytic=True, rule="the square of a norm: d‖x‖^2 = 2 x^T dx",
))  # fmt: skip
declare_reduction(
    "norm1", lambda x, axes: total(np.abs(x), axes), lambda n: al.apply("sign", n.inputs[0]),
    "the sum of the absolute values, ||x||_1", "sign(x)^T dx", "scales", notation=_bars("1", "norm1"),
    kink=_any_zero, kink_rule="0 for an entry that is 0, the minimum-norm subgradient",
)  # fmt: skip
declare_reduction(
    "norminf", _norminf_kernel, _norminf_weights,
    "the largest absolute value, ||x||_inf", "sign(x) dx where |x| is largest", "routes",
    notation=_bars("inf", "norminf"), kink=_norminf_kink, kink_rule="ties share evenly; 0 at 0",
    takes=_norminf_takes,
)  # fmt: skip
