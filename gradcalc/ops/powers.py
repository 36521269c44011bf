"""Powers, their derivatives of any order, and the terms c x^(n-j) log(x)^k that these are made of."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.exact import is_representable
from gradcalc.graph import SCALAR, Node, Operation, register
from gradcalc.maps import LinearMap
from gradcalc.notation import Level, Piece, Style
from gradcalc.ops.declaring import constant_times, diagonal, one, plus, stable
from gradcalc.ops.doubled import two_sum
from gradcalc.ops.table import same_shape

Array = np.ndarray[Any, Any]
_SMALL = range(9)
"""Exponents whose derivatives are written with plain powers: nothing there rounds, and little is lost below 1e-308."""
_COMFORT = 1e290
"""A power within this and its reciprocal is multiplied as it is."""


def _fault(a: Any, x: Array, n: Array) -> Array:
    return np.asarray(((x < 0) & (n != np.floor(n))) | ((x == 0) & (n < 0)))


def _kernel(a: Any, x: Array, n: Array) -> Array:
    if np.iscomplexobj(x) and not np.iscomplexobj(n):
        turned = (x.real < 0) & (n == np.floor(n))  # (-x)^n (-1)^n: a logarithm of -x would lose a small step
        return np.power(np.where(turned, -x, x), n) * np.where(turned & (n % 2 == 1), -1.0, 1.0)
    return _power(x, n)


def _power(x: Array, n: Array) -> Array:
    """x^n: squares, square roots and reciprocals as such, the rest by `np.power`, right to the last digit or so.

    NumPy takes these three apart where the exponent is one number for all bases: so they are the same beside others.
    """
    root, inverse = n == 0.5, n == -1.0
    other = np.where(inverse, 1.0 / np.where(inverse, x, 1.0), np.power(x, n))
    return np.where(n == 2.0, x * x, np.where(root, np.sqrt(np.where(root, x, 1.0)), other))


def _number(node: Node) -> Fraction | None:
    """The number that a constant is, stretched or not."""
    return (node.inputs[0] if node.op == "stretch" else node).exact


def _map(node: Node, i: int) -> LinearMap:
    """d(x^n) = n x^(n-1) dx + x^n log(x) dn."""
    base, exponent = node.inputs
    value = _number(exponent)
    if i == 0 and value is not None and value in _SMALL:
        return diagonal(node, constant_times(value, al.power(base, value - 1)))
    return diagonal(node, _term(exponent, base, exponent, 1, 0) if i == 0 else _term(one(base), base, exponent, 0, 1))


def _show(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    base = style.enclose(pieces[0], Level.ATOM)
    return Piece(style.power(base, pieces[1], node.shape != SCALAR), Level.POWER)


register(Operation(
    "power", same_shape, _kernel, _map, _show, "scales",
    "a base above 0, or a whole exponent (0 or more at base 0)", _fault,
    shows_faults=True, analytic=True,
    rule="power rule: d(x^n) = n x^(n-1) dx + x^n log(x) dn",
))  # fmt: skip

# ----------------------------------------------------------------------- terms of derivatives


def _term(factor: Node, base: Node, exponent: Node, below: int, logs: int) -> Node:
    """`c x^(n-j) log(x)^k`."""
    if al.is_zero(factor):
        return factor
    return base.graph.make("power_term", factor, base, exponent, below=below, logs=logs)


def _lowered(factor: Node, exponent: Node, below: int) -> Node:
    """c (n - j)."""
    c, n = _number(factor), _number(exponent)
    if c is not None and n is not None and is_representable(c * (n - below)):
        return al.filled(factor, c * (n - below))
    return al.multiply(factor, plus(exponent, -float(below)))


def _term_by_base(node: Node) -> Node:
    """c (n-j) x^(n-j-1) log(x)^k + c k x^(n-j-1) log(x)^(k-1)."""
    factor, base, exponent = node.inputs
    below, logs = node.attributes["below"], node.attributes["logs"]
    terms = [_term(_lowered(factor, exponent, below), base, exponent, below + 1, logs)]
    if logs:
        terms.append(_term(constant_times(float(logs), factor), base, exponent, below + 1, logs - 1))
    return al.add(terms)


def _term_by_exponent(node: Node) -> Node:
    factor, base, exponent = node.inputs
    return _term(factor, base, exponent, node.attributes["below"], node.attributes["logs"] + 1)


def _term_by_factor(node: Node) -> Node:
    _, base, exponent = node.inputs
    return _term(one(base), base, exponent, node.attributes["below"], node.attributes["logs"])


def _term_kernel(a: Any, factor: Array, x: Array, n: Array) -> Array:
    """The difference n - j is taken to twice the digits: what it rounds costs log(x) times as much, and may be even
    where n - j is odd.

    A power that leaves the range of floats, or its last digits, is multiplied in two halves, the factor's power of 2
    between them. A term is 0 where its factor is, and at x = 0 where n is above j, whatever the logarithm is there.
    """
    size = np.abs(x)
    exponent, rest = two_sum(n, -float(a["below"]))
    coefficient, shift = np.frexp(factor)
    for _ in range(a["logs"]):
        coefficient = coefficient * np.log(np.where(x < 0, np.nan, x))
    if np.any(rest):
        coefficient = coefficient * (1.0 + rest * np.log(np.where((rest == 0) | (x == 0), 1.0, size)))
    odd = (n % 2 == 1) != (a["below"] % 2 == 1)
    sign = np.where(x < 0, np.where(n == np.floor(n), np.where(odd, -1.0, 1.0), np.nan), 1.0)
    power = sign * _power(size, exponent)
    value = np.ldexp(coefficient * power, shift)
    far = ~((np.abs(power) < _COMFORT) & (np.abs(power) > 1.0 / _COMFORT)) & (x != 0)
    if far.any():
        half = _power(size, 0.5 * exponent)
        value = np.where(far, np.ldexp(coefficient * half, shift) * half * sign, value)
    return np.where((factor == 0) | ((x == 0) & (exponent > 0)), 0.0, value)


def _term_written(node: Node) -> Node:
    factor, base, exponent = node.inputs
    below, logs = node.attributes["below"], node.attributes["logs"]
    value = _number(exponent)
    if value is None or not is_representable(value - below):
        lower = base.graph.make("power", base, plus(exponent, -float(below)))
    else:
        lower = al.power(base, value - below)
    for _ in range(logs):
        lower = al.multiply(lower, al.apply("log", base))
    return al.scale(factor.inputs[0], lower) if factor.op == "stretch" else al.multiply(factor, lower)


stable("power_term", _term_kernel, (_term_by_factor, _term_by_base, _term_by_exponent), _term_written)
