"""Kinks, ties, domains, singularities and overflow in whole expressions: expected by hand, each with its reason.

A row says what a run must give: the gradients, and the flags as (code, node); or the error as (code, part of its
message), which names the node, the place and the value. Then no output, whatever the numbers, holds a number that is
not finite without a flag or an error that names it.
"""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import gradcalc

ROOT = Path(__file__).parent.parent
INF, NAN = math.inf, math.nan

ERRORS: list[tuple[str, str, str]] = [
    ("s = 0/x; x = 0", "division-by-zero", "`s` divides by zero: 0.0 / 0.0"),
    ("s = x/x; x = 0", "division-by-zero", "`s` divides by zero: 0.0 / 0.0"),
    ("s = sum(1 ./ x); x = [1, 0, 2]", "division-by-zero", "`t1[1]` divides by zero: 1.0 / 0.0"),
    ("s = log(x); x = 0", "domain", "`s` is out of domain: `s = log(x)` at 0.0"),
    ("s = 1 + log(x); x = -1", "domain", "`t1` is out of domain: `log(x)` at -1.0"),
    ("s = sum(log(x)); x = [1, -2]", "domain", "`t1[1]` is out of domain: `log(x)` at -2.0"),
    ("s = sum(sqrt(A)); A = [1, 2; 3, -4]", "domain", "`t1[1, 1]` is out of domain: `sqrt(A)` at -4.0"),
    ("s = x^y; x = -2; y = 0.5", "domain", "at -2.0, 0.5"),
    ("s = x^y; x = 0; y = -1", "domain", "at 0.0, -1.0"),
    ("s = arctan2(y, x); x = 0; y = 0", "domain", "at 0.0, 0.0"),
    ("s = arcsin(x); x = 1.5", "domain", "at 1.5"),
    ("s = exp(x)/exp(x); x = 1000", "overflow", "`t1` is too large for a 64-bit float: `exp(x)` at 1000.0"),
    ("s = x^2/1e300; x = 1e200", "overflow", "`x^2` at 1e+200"),
    ("s = sum(x .^ 2)/1e300; x = [1, 1e200]", "overflow", "`t1[1]`"),
    ("s = x - y; x = 1.7e308; y = -1.7e308", "overflow", "`s`"),
    ("s = where(x > 0, log(x), sqrt(x)); x = -1", "domain", "`sqrt(x)` at -1.0"),
    ("s = log(where(x > 0, x, -1)); x = -1", "domain", "at -1.0"),
    ("s = 0 * log(x); x = 0", "domain", "`log(x)` at 0.0"),
    ("B = A^-1; s = sum(B); A = [1, 2; 2, 4]", "singular-matrix", "singular"),
    # |A^-1| |A| has row sums of 4/d for A = [1, 1; 1, 1 + d]: 2^53 for d = 2^-51
    (f"B = inv(A); s = sum(B); A = [1, 1; 1, {1 + 2.0**-51!r}]", "singular-matrix", "to 16 digits"),
    ("s = sum(ones(2000000000))", "limit-entries", "`ones(2000000000)` has 2,000,000,000 entries"),
    ("s = sum(x / norm(x)); x = [0, 0]", "division-by-zero", "0.0"),
]  # fmt: skip

GRADIENTS: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    # a kink: the subgradient of least norm, and a flag
    ("s = |x|; x = 0", {"x": 0}, [("kink", "s")]),
    ("s = sum(|x|); x = [0, -2]", {"x": [0, -1]}, [("kink", "t1")]),
    ("s = relu(x) + x; x = 0", {"x": 1}, [("kink", "t1")]),
    ("s = norm(v); v = [0, 0]", {"v": [0, 0]}, [("kink", "s")]),
    ("s = max(x, y); x = 1; y = 1", {"x": 0.5, "y": 0.5}, [("kink", "s")]),
    ("s = max(x); x = [3, 3, 1]", {"x": [0.5, 0.5, 0]}, [("kink", "s")]),
    ("s = where(x > 0, x, -x); x = 0", {"x": -1}, [("kink", "t1")]),
    ("s = floor(x) x; x = 2", {"x": 2}, [("kink", "t1")]),
    ("s = sum(median_share(x) ∘ x); x = [1, 1, 4]", {"x": [0.5, 0.5, 0]}, [("kink", "t1")]),
    # what is squared is 0 for the even shares, and not for the others
    ("s = (c^T median_share(x))^2 + x[0]; x = [1, 1, 4]; c = [1, -1, 3]", {"x": [1, 0, 0]}, [("kink", "t1")]),
    # both are tied, and their sum x + y is smooth: the flags stay, the gradient is the true one
    ("s = max(x, y) + min(x, y); x = 2; y = 2", {"x": 1, "y": 1}, [("kink", "t1"), ("kink", "t2")]),
    # a kink inside a smooth whole: the derivative, and no flag
    ("s = |x|^2; x = 0", {"x": 0}, []),
    ("t = |x|; s = t^2; x = 0", {"x": 0}, []),
    ("s = |x|^3; x = 0", {"x": 0}, []),
    ("s = x |x|; x = 0", {"x": 0}, []),
    ("s = relu(x)^2; x = 0", {"x": 0}, []),
    ("s = norm(v)^2; v = [0, 0]", {"v": [0, 0]}, []),
    ("n = norm(v); s = n n; v = [0, 0]", {"v": [0, 0]}, []),
    ("s = (x - y) max(x, y); x = 3; y = 3", {"x": 3, "y": -3}, []),
    ("s = sum(x ∘ |x|); x = [0, -2]", {"x": [0, 4]}, []),
    # what is multiplied by the jump is 0, and still there is a kink: x step(x) is relu
    ("s = x step(x); x = 0", {"x": 0}, [("kink", "t1")]),
    ("s = x arctan2(y, -1); x = 0; y = 0", {"x": math.pi, "y": 0}, [("kink", "t1")]),
    ("s = x floor(x); x = 0", {"x": 0}, [("kink", "t1")]),
    ("s = x ceil(x); x = 0", {"x": 0}, [("kink", "t1")]),
    ("s = (x - 0.5) round(x); x = 0.5", {"x": 0}, [("kink", "t2")]),
    ("s = (x - 2) mod(x, 1); x = 2", {"x": 0}, [("kink", "t2")]),
    # where a function has no derivative, there the function that is its derivative has no value
    ("f = relu; s = f'(x) + x; x = 0", {"x": 1}, [("kink", "t1")]),
    ("s = relu'(x) + x; x = 0", {"x": 1}, [("kink", "t1")]),
    # L = -Σ y log p has ∂L/∂p = -y/p: 0 where y is 0, also at p = 0, where it jumps to -1/p for every other y
    ("L = cross_entropy(p, y); g = ∂L/∂p; s = sum(g); p = [0, 1]; y = [0, 1]", {"p": [0, 1], "y": [-INF, -1]},
     [("kink", "t1"), ("infinite-gradient", "y")]),
    ("L = cross_entropy(p, y); g = ∂L/∂p; s = w^T g; p = [0, 1]; y = [0, 1]; w = [0, 1]",
     {"p": [0, 1], "y": [0, -1], "w": [0, -1]}, [("kink", "t1"), ("not-taken", "t1")]),
    ("L = cross_entropy(p, y); g = ∂L/∂p; s = sum(g); p = [1, 0.5]; y = [0, 1]", {"p": [0, 4], "y": [-1, -2]}, []),
    ("L = cross_entropy(p, y); g = ∂L/∂p; s = sum(g); p = [1, 1]; y = [1, 1]", {"p": [1, 1], "y": [-1, -1]}, []),
    # a condition on data that the target is not connected with is no kink of it
    ("s = sum(where(m > 0, x, 2 x)); x = [1, 2]; m = [0, 1]", {"x": [2, 1], "m": [0, 0]}, []),
    ("s = sum(x == 5); x = [1, 5]", {"x": [0, 0]}, []),
    # one of two numbers is 0: no kink, and no fault
    ("s = hypot(x, y); x = 0; y = -2", {"x": 0, "y": -1}, []),
    ("s = hypot(x, y); x = 2; y = 0", {"x": 1, "y": 0}, []),
    ("s = arctan2(y, x); x = 0; y = 2", {"x": -0.5, "y": 0}, []),
    ("s = arctan2(y, x); x = 2; y = 0", {"x": 0, "y": 0.5}, []),
    # x - y floor(x/y) jumps at the multiples of y
    ("s = mod(x, y); x = 6; y = 3", {"x": 1, "y": -2}, [("kink", "s")]),
    ("s = mod(x, y); x = 2; y = 1", {"x": 1, "y": -2}, [("kink", "s")]),
    ("s = where(y > 0, mod(x, y), x); x = 2; y = 0", {"x": 1, "y": 0},
     [("kink", "t1"), ("not-taken", "t2"), ("not-taken", "t2")]),
    ("s = mod(x, y); x = 1.5; y = 3", {"x": 1, "y": 0}, []),
    ("s = mod(x, y); x = 7; y = 4", {"x": 1, "y": -1}, []),
    # min(max(x, a), b): one of the three has the whole, at a tie the bound, and the upper one of equal bounds
    ("s = clip(x, a, b); x = 1; a = 0; b = 2", {"x": 1, "a": 0, "b": 0}, []),
    ("s = clip(x, a, b); x = 0; a = 0; b = 2", {"x": 0, "a": 1, "b": 0}, [("kink", "s")]),
    ("s = clip(x, a, b); x = 2; a = 0; b = 2", {"x": 0, "a": 0, "b": 1}, [("kink", "s")]),
    ("s = clip(x, a, b); x = 0; a = 1; b = 1", {"x": 0, "a": 0, "b": 1}, [("kink", "s")]),
    ("s = clip(x, a, b); x = 2; a = 1; b = 1", {"x": 0, "a": 0, "b": 1}, []),
    ("s = clip(x, a, b); x = 3; a = 3; b = 1", {"x": 0, "a": 0, "b": 1}, []),
    ("s = clip(x, a, b); x = 1; a = 3; b = 1", {"x": 0, "a": 0, "b": 1}, []),
    # what is not chosen contributes 0, be its derivative infinite
    ("t = sqrt(x); s = t[1]; x = [0, 4]", {"x": [0, 0.25]}, [("not-taken", "t")]),
    ("v = [sqrt(x), y]; s = v[1]; x = 0; y = 3", {"x": 0, "y": 1}, [("not-taken", "t1")]),
    ("v = [sqrt(x), y]; s = c^T v; x = 0; y = 3; c = [0, 1]", {"c": [0, 3], "x": 0, "y": 1}, [("not-taken", "t1")]),
    ("D = diag(sqrt(x)); s = D[1, 1]; x = [0, 4]", {"x": [0, 0.25]}, [("not-taken", "t1")]),
    ("D = diag(sqrt(x)); s = c^T D c; x = [0, 4]; c = [0, 1]", {"c": [0, 4], "x": [0, 0.25]}, [("not-taken", "t1")]),
    ("s = trace(sqrt(X)); X = [1, 0; 0, 4]", {"X": [[0.5, 0], [0, 0.25]]}, [("not-taken", "t1")]),
    ("t = sqrt(x); s = sum(t[1:3]); x = [0, 4, 1]", {"x": [0, 0.25, 0.5]}, [("not-taken", "t")]),
    ("s = max(sqrt(x)); x = [0, 4, 1]", {"x": [0, 0.25, 0]}, [("not-taken", "t1")]),
    ("s = min(-sqrt(x)); x = [0, 4, 1]", {"x": [0, -0.25, 0]}, [("not-taken", "t1")]),
    ("s = sum(max(sqrt(A), axis=1)); A = [0, 4; 1, 0]", {"A": [[0, 0.25], [0.5, 0]]}, [("not-taken", "t1")]),
    ("s = norminf(sqrt(x)); x = [0, 4]", {"x": [0, 0.25]}, [("not-taken", "t1")]),
    ("s = relu(sqrt(x) - 1) + x; x = 0", {"x": 1}, [("not-taken", "t1")]),
    ("f = relu; s = f(sqrt(x) - 1) + x; x = 0", {"x": 1}, [("not-taken", "t1")]),
    ("s = relu(sqrt(x) + 0.5) + x; x = 0", {"x": INF}, [("infinite-gradient", "x")]),
    ("s = relu(sqrt(x)) + x; x = 0", {"x": NAN}, [("kink", "t2"), ("undefined-gradient", "x")]),
    ("s = max(sqrt(x) - 1, 0) + x; x = 0", {"x": 1}, [("not-taken", "t1")]),
    ("s = clip(sqrt(x), 1, 2) + x; x = 0", {"x": 1}, [("not-taken", "t1")]),
    ("s = clip(x, sqrt(a), 2); x = 1; a = 0", {"x": 1, "a": 0}, [("not-taken", "t1")]),
    ("s = clip(x, 0, 2 - sqrt(b)); x = 1; b = 0", {"x": 1, "b": 0}, [("not-taken", "t1")]),
    ("s = clip(x, sqrt(a), 2); x = -1; a = 0", {"x": 0, "a": INF}, [("infinite-gradient", "a")]),
    # 0 times what is infinite is not 0 where it is no choice: sqrt(x)^2 is x
    ("s = sum(sqrt(x) ∘ sqrt(x)); x = [0, 4]", {"x": [NAN, 1]}, [("undefined-gradient", "x")]),
    # a cross-entropy of one entry: -y/p of the other entries takes nothing
    ("L = cross_entropy(p, y); g = ∂L/∂p; s = c^T g; y = sqrt(x); x = [0, 1]; p = [0.5, 0.5]; c = [0, 1]",
     {"x": [0, -1], "p": [0, 4], "c": [0, -2]}, [("not-taken", "y")]),
    # linear in each of its matrices: 0 times the infinite derivative is 0, as adj_change is 0 for A = 0
    ("s = sum(adj_change(zeros(3, 3), diag([sqrt(x), x, 2]))); x = 0", {"x": 0}, [("not-taken", "t1")]),
    # derivatives that are infinite or undefined
    ("s = sqrt(x); x = 0", {"x": INF}, [("infinite-gradient", "x")]),
    ("s = -sqrt(x); x = 0", {"x": -INF}, [("infinite-gradient", "x")]),
    ("s = cbrt(x); x = 0", {"x": INF}, [("infinite-gradient", "x")]),
    ("s = arcsin(x); x = 1", {"x": INF}, [("infinite-gradient", "x")]),
    ("s = arccos(x); x = 1", {"x": -INF}, [("infinite-gradient", "x")]),
    ("s = sum(sqrt(x)); x = [4, 0]", {"x": [0.25, INF]}, [("infinite-gradient", "x")]),
    ("s = x^y; x = -2; y = 2", {"x": -4, "y": NAN}, [("undefined-gradient", "y")]),
    ("s = x^y + z; x = -2; y = 3; z = 1", {"x": 12, "y": NAN, "z": 1}, [("undefined-gradient", "y")]),
    # the value is finite and the gradient beyond 1.8e308: 1/x at 1e-200 has -1e400
    ("s = 1/x; x = 1e-200", {"x": -INF}, [("infinite-gradient", "x")]),
    # x^-1 is 2^1070 there, and 2^-70 of it is a float
    (f"s = x^{2.0**-70!r}; x = {2.0**-1070!r}", {"x": 2.0**1000}, []),
    # two branches, +∞ and -∞: 0/0 of the derivative
    ("s = sqrt(x) - sqrt(2 x); x = 0", {"x": NAN}, [("undefined-gradient", "x"), ("infinite-gradient", "t2")]),
    # an exact 0 in a product annihilates what does not depend on the same inputs: 0 sqrt(x) is 0 for all x
    ("s = 0 sqrt(x); x = 0", {"x": 0}, [("not-taken", "t1")]),
    ("s = c sqrt(x); x = 0; c = 0", {"x": 0, "c": 0}, [("not-taken", "t1")]),
    ("t = sqrt(x); s = c t; x = 0; c = 0", {"x": 0, "c": 0}, [("not-taken", "t")]),
    ("s = w^T sqrt(x); x = [4, 0]; w = [1, 0]", {"x": [0.25, 0], "w": [2, 0]}, [("not-taken", "t1")]),
    ("s = sum(w ∘ sqrt(x)); x = [4, 0]; w = [1, 0]", {"x": [0.25, 0], "w": [2, 0]}, [("not-taken", "t1")]),
    # and not where it does: sqrt(x)^2 is x, with slope 1, and x sqrt(x) has slope 0; nobody can tell from 0 times ∞
    ("s = sqrt(x)^2; x = 0", {"x": NAN}, [("undefined-gradient", "x")]),
    ("s = x sqrt(x); x = 0", {"x": NAN}, [("undefined-gradient", "x")]),
    ("t = sqrt(x); s = where(x > 1, t, 0); x = 0", {"x": 0}, [("not-taken", "t")]),
    # a branch that is not taken contributes exactly 0
    ("s = where(x > 0, log(x), 0); x = -1", {"x": 0}, [("not-taken", "t2")]),
    ("s = where(x > 0, sqrt(x), 3 x); x = -1", {"x": 3}, [("not-taken", "t2"), ("not-taken", "t2")]),
    ("s = max(1/x, 5); x = 0.25", {"x": 0}, []),
    ("s = where(x > 0, where(x > 1, log(x - 1), 0), 2 x); x = 0.5", {"x": 0}, [("not-taken", "t4")]),
    # inputs that the target does not depend on
    ("s = x^2; x = 3; y = 1; z = y + 1", {"x": 6}, []),
    # underflow to 0 is a number like another
    ("s = x y; x = 1e-200; y = 1e-200", {"x": 1e-200, "y": 1e-200}, []),
    ("s = exp(x); x = -1000", {"x": 0}, []),
    # products differentiate at zeros
    ("s = prod(x); x = [0, 3, 4]", {"x": [12, 0, 0]}, []),
    ("s = prod(x); x = [0, 0, 4]", {"x": [0, 0, 0]}, []),
    ("s = det(A); A = [1, 2; 2, 4]", {"A": [[4, -2], [-2, 1]]}, []),
]  # fmt: skip

HESSIANS: list[tuple[str, Any, bool]] = [
    # the value, and whether there is a flag
    ("s = |x|^2; x = 0", 2, False),
    ("t = |x|; s = t^2; x = 0", 2, False),
    ("s = square(|x|); x = 0", 2, False),
    ("s = |x| |x|; x = 0", 2, False),
    ("s = |x|^3; x = 0", 0, False),
    ("s = |x|^4; x = 0", 0, False),
    ("s = sum(|x| .^ 2); x = [0, 3]", [[2, 0], [0, 2]], False),
    ("s = norm(v)^2; v = [0, 0]", [[2, 0], [0, 2]], False),
    ("n = norm(v); s = n n; v = [0, 0]", [[2, 0], [0, 2]], False),
    ("s = x |x|; x = 0", 0, True),
    ("s = relu(x)^2; x = 0", 0, True),
    ("s = relu(x); x = 0", 0, True),
    ("s = elu(x); x = 0", 0, True),
    ("s = where(x > 0, log(x), x^2); x = -1", 2, False),
    ("s = sum(where(x > 0, log(x), x .^ 3)); x = [2, -1, 0.5]", [[-0.25, 0, 0], [0, -6, 0], [0, 0, -4]], False),
    ("s = x^1.5; x = 0", INF, True),
    ("s = det(A); A = [1, 2; 2, 4]", [[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]], False),
]  # fmt: skip


def _array(value: Any) -> Any:
    return np.asarray(value, dtype=float)


@pytest.mark.parametrize(("text", "code", "part"), ERRORS, ids=[e[0] for e in ERRORS])
def test_errors_name_node_place_and_value(text: str, code: str, part: str) -> None:
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(text).run()
    found = caught.value.diagnostics[0]
    assert found.code == code
    assert part in found.message
    assert found.span is not None and found.help


@pytest.mark.parametrize(("text", "code", "part"), ERRORS, ids=[e[0] for e in ERRORS])
def test_the_same_error_in_every_command(text: str, code: str, part: str) -> None:
    model = gradcalc.loads(text)
    for command in (model.jacobian, model.hessian, lambda of: model.compile(of=of)()):
        with pytest.raises(gradcalc.GradcalcError) as caught:
            command(of="s")
        assert caught.value.diagnostics[0].code == code


@pytest.mark.parametrize(("text", "gradients", "flags"), GRADIENTS, ids=[g[0] for g in GRADIENTS])
def test_gradients_and_flags(text: str, gradients: dict[str, Any], flags: list[tuple[str, str]]) -> None:
    run = gradcalc.loads(text).run(of="s")
    for name, expected in gradients.items():
        np.testing.assert_array_equal(_array(run.gradients[name].value), _array(expected))
    assert [(f.code, f.node) for f in run.flags] == flags


@pytest.mark.parametrize(("text", "gradients", "flags"), GRADIENTS, ids=[g[0] for g in GRADIENTS])
def test_the_same_gradients_in_every_command(text: str, gradients: dict[str, Any], flags: Any) -> None:
    model = gradcalc.loads(text)
    made = model.jacobian("s")
    _, compiled = model.compile(of="s")()
    data = {n: r.value for n, r in model.run(of="s").nodes.items() if r.op == "input"}
    rows = {n: np.stack([np.asarray(v), np.asarray(v)]) for n, v in data.items()}
    _, batch = model.compile(of="s", shapes={n: np.shape(v) for n, v in data.items()})(**rows)
    for name, expected in gradients.items():
        np.testing.assert_array_equal(_array(made.jacobians[name].value), _array(expected))
        if name in compiled:
            np.testing.assert_array_equal(_array(compiled[name]), _array(expected))
            np.testing.assert_array_equal(_array(batch[name]), np.stack([_array(expected)] * 2))
    unusual = {"kink", "infinite-gradient", "undefined-gradient"}
    told = {f.code for f in made.flags}
    assert told == {code for code, node in flags if code in unusual and (code == "kink" or node in gradients)}


@pytest.mark.parametrize(("text", "expected", "flagged"), HESSIANS, ids=[h[0] for h in HESSIANS])
def test_hessians(text: str, expected: Any, flagged: bool) -> None:
    made = gradcalc.loads(text).hessian("s")
    [value] = [b.value for row in made.hessians.values() for b in row.values()]
    np.testing.assert_array_equal(_array(value), _array(expected))
    assert bool(made.flags) == flagged


def test_a_matrix_that_is_just_not_singular() -> None:
    """[1, 1; 1, 1 + d] for d = 3/2^52 has the condition number 4/d = 2^54/3 and the inverse [1 + d, -1; -1, 1]/d."""
    d = 3 * 2.0**-52
    found = gradcalc.loads("B = inv(A)").run({"A": [[1, 1], [1, 1 + d]]}).value
    np.testing.assert_allclose(found, np.array([[1 + d, -1], [-1, 1]]) / d, rtol=4e-16)


PRODUCTS: dict[str, tuple[str, Any]] = {
    "scale": ("sum(c sqrt(x)); c = 0; x = [0, 4]", [0, 0]),
    "multiply": ("sum(w ∘ sqrt(x)); w = [1, 0]; x = [4, 0]", [1 / 4, 0]),
    "matmul": ("w^T sqrt(x); w = [1, 0]; x = [4, 0]", [1 / 4, 0]),
    "kron": ("sum(w ⊗ sqrt(x)); w = [0, 0]; x = [4, 0]", [0, 0]),
    # Y₀ b₀ + Y₁ b₁ and Y₂ b₀ + Y₃ b₁ for b = sqrt(x)
    "kron_contract": ("sum(kron_left(Y, sqrt(x))); Y = [1, 0, 3, 0]; x = [4, 0]", [1, 0]),
    # (-b₁, b₀, 0)
    "cross": ("sum(cross(w, sqrt(x))); w = [0, 0, 1]; x = [4, 16, 0]", [1 / 4, -1 / 8, 0]),
    # (b₁, b₀, 0)
    "prod_others": ("sum(prod_others(w, sqrt(x))); w = [0, 0, 1]; x = [4, 16, 0]", [1 / 4, 1 / 8, 0]),
    # 2 [H₁₁, -H₀₁; -H₁₀, H₀₀] beside zeros, for H = sqrt(x)
    "adj_change": ("sum(adj_change(A, sqrt(x))); A = [0, 0, 0; 0, 0, 0; 0, 0, 2]; x = [1, 4, 0; 16, 64, 0; 0, 0, 0]",
                   [[1, -1 / 2, 0], [-1 / 4, 1 / 8, 0], [0, 0, 0]]),
}  # fmt: skip
"""sqrt(x) in every product, with ∂s/∂x: what is multiplied by an exact 0 contributes 0, also at x = 0."""


@pytest.mark.parametrize("name", PRODUCTS)
def test_an_exact_zero_in_a_product_annihilates_an_infinite_derivative(name: str) -> None:
    text, expected = PRODUCTS[name]
    plan = gradcalc.loads(f"s = {text}").plan(of="s")
    assert name in {node.op for node in plan.graph.nodes}
    run = gradcalc.loads(f"s = {text}").run(of="s")
    np.testing.assert_array_equal(_array(run.gradients["x"].value), _array(expected))


def test_a_sign_before_the_factor_changes_nothing() -> None:
    """∂s/∂x = -w / (2 sqrt(x)), 0 where w is; and the log of 0 is out of the domain whatever it is multiplied by."""
    run = gradcalc.loads("s = (-w)^T sqrt(x); w = [0, 1]; x = [0, 4]").run()
    np.testing.assert_array_equal(run.gradients["x"].value, [0, -1 / 4])
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads("s = (-w)^T log(x); w = [0, 1]; x = [0, 4]").run()
    assert caught.value.diagnostics[0].code == "domain"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        # -y/p for y = sqrt(x), and 1/(3 cbrt(x)²)
        ("ratio", "L = cross_entropy(p, sqrt(x)); g = ∂L/∂p; p = [2, 1]; s = sum(where(x > 1, g, 0))", [-1 / 16, 0]),
        ("quotient_power", "s = sum(where(x > 1, cbrt'(x), 0))", [-1 / 144, 0]),
    ],
)
def test_an_entry_of_a_quotient_that_is_not_taken_contributes_nothing(
    name: str, text: str, expected: list[float]
) -> None:
    run = gradcalc.loads(f"{text}; x = [{16 if name == 'ratio' else 8}, 0]").run(of="s")
    np.testing.assert_allclose(run.gradients["x"].value, expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "holds"),
    [("<", [1, 0, 0]), ("<=", [1, 1, 0]), (">", [0, 0, 1]), (">=", [0, 1, 1]), ("==", [0, 1, 0]), ("!=", [1, 0, 1])],
    ids=lambda v: f"where-{v}" if isinstance(v, str) else "",
)
def test_one_branch_has_the_whole_derivative(name: str, holds: list[int]) -> None:
    """At -1, 0 and 1: where the condition holds it is the first branch's, elsewhere the second's."""
    run = gradcalc.loads(f"s = sum(where(x {name} 0, a, b)); x = [-1, 0, 1]; a = [1, 2, 3]; b = [4, 5, 6]").run()
    np.testing.assert_array_equal(run.gradients["a"].value, holds)
    np.testing.assert_array_equal(run.gradients["b"].value, 1 - np.array(holds))


def test_a_zero_factor_has_second_derivatives() -> None:
    """∂²(c sqrt(x))/∂c∂x = 1/(2 sqrt(x)) is infinite at x = 0 although c is 0."""
    made = gradcalc.loads("s = c sqrt(x); c = 0; x = 0").hessian("s")
    assert made.hessians["c"]["x"].value == INF
    assert any(f.message.startswith("∂²s/∂c∂x is infinite") for f in made.flags)


def test_vectors_that_mix_taken_and_not() -> None:
    """In one vector some entries are taken through a branch and others are not: Jacobian, products, rows of a batch."""
    model = gradcalc.loads("y = where(x > 0, log(x), 3 x); x = [2, -1, 0.5]")
    expected = np.diag([0.5, 3, 2])
    made = model.jacobian("y", upstream=[1, 10, 100], tangent=[1, 1, 1])
    np.testing.assert_array_equal(made.jacobians["x"].value, expected)
    np.testing.assert_array_equal(made.products["x"].value, [0.5, 30, 200])
    assert made.change is not None
    np.testing.assert_array_equal(made.change.value, [0.5, 3, 2])
    step = gradcalc.loads("s = sum(where(x > 0, log(x), 3 x))").compile(shapes={"x": (2,)})
    _, found = step(x=np.array([[2.0, -1.0], [-5.0, 0.5], [0.0, 0.0]]))
    np.testing.assert_array_equal(found["x"], [[0.5, 3], [3, 2], [3, 3]])


@pytest.mark.parametrize(
    ("text", "data", "value"),
    [("s = sum(x)", {"x": []}, 0), ("s = ||x||", {"x": []}, 0), ("s = prod(x)", {"x": []}, 1),
     ("s = x^T x", {"x": []}, 0)],
)  # fmt: skip
def test_empty_vectors(text: str, data: dict[str, Any], value: float) -> None:
    run = gradcalc.loads(text).run(data)
    assert run.value == value
    assert np.shape(run.gradients["x"].value) == (0,)


@pytest.mark.parametrize("name", ["mean", "max", "min", "var", "std", "median", "logsumexp"])
def test_empty_vectors_without_a_value(name: str) -> None:
    """Nothing has no mean and no largest entry: an error, not a NaN."""
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(f"s = {name}(x)").run({"x": []})
    assert caught.value.diagnostics[0].code in ("undefined-value", "overflow", "domain", "shape-mismatch")


def test_not_connected_is_said() -> None:
    run = gradcalc.loads("s = x^2; x = 3; y = 1").run(of="s")
    assert not gradcalc.loads("s = x^2 + 0 floor(y); x = 3; y = 1.5").run().flags
    assert "y" not in run.gradients or not run.gradients["y"].connected


# ------------------------------------------------------------------------------ the command line


def _shown(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "gradcalc", *arguments], capture_output=True, text=True, cwd=ROOT,
                          check=False)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("s = sqrt(x); x = 0", "infinite-gradient", "the derivative of `sqrt` in `s`"),
        ("s = sum(relu(x)); x = [1, 0]", "kink", "not differentiable here"),
        ("s = sum(where(x > 0, log(x), 0)); x = [1, -1]", "not-taken", "contributes exactly 0"),
        ("s = x^y; x = -2; y = 2", "undefined-gradient", "∂s/∂y is undefined here"),
    ],
)
def test_flags_on_the_command_line(text: str, code: str, words: str) -> None:
    """In the table, and in JSON with the places."""
    plain = _shown("run", "-e", text, "--format", "plain")
    assert plain.returncode == 0 and words in " ".join(plain.stdout.split())
    document = json.loads(_shown("run", "-e", text, "--json").stdout)
    assert code in [f["code"] for f in document["flags"]]
    assert all(f["places"] for f in document["flags"])


def test_errors_on_the_command_line() -> None:
    found = _shown("run", "-e", "s = sum(log(x)); x = [1, -2]")
    assert found.returncode == 4 and "`t1[1]` is out of domain: `log(x)` at -2.0" in found.stderr
    document = json.loads(_shown("run", "-e", "s = exp(x)/exp(x); x = 1000", "--json").stdout)
    assert document["errors"][0]["code"] == "overflow" and "1000.0" in document["errors"][0]["message"]


# --------------------------------------------------------------- never a bare NaN or infinity

NASTY = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 1e-200, -1e-200, 1e200, -1e200, 1e-308, 1.7e308, 710.0, -750.0, 1e16]
CALLS = ["exp", "log", "sqrt", "cbrt", "abs", "square", "sin", "tanh", "sigmoid", "relu", "softplus", "log1p", "expm1",
         "sinh", "arctan", "arcsin", "step", "floor", "elu", "sinc", "gelu", "softsign"]  # fmt: skip
REDUCTIONS = ["sum", "mean", "norm", "norm1", "norminf", "max", "min", "logsumexp", "prod", "std", "var"]


def _expression(choose: random.Random, depth: int) -> str:
    """A random expression entry by entry over x and y."""
    if not depth:
        return choose.choice(["x", "y", "x", "y", "2", "0"])
    a, b = _expression(choose, depth - 1), _expression(choose, choose.randrange(depth))
    kind = choose.randrange(8)
    if kind < 3:
        return f"{choose.choice(CALLS)}({a})"
    if kind == 3:
        return f"where({a} > {b}, {_expression(choose, depth - 1)}, {b})"
    if kind == 4:
        return f"{choose.choice(['max', 'min', 'hypot'])}({a}, {b})"
    return f"({a} {choose.choice(['+', '-', '∘', './', '.^'])} {b})"


def _nasty(seed: int) -> str:
    choose = random.Random(seed)
    x, y = ([choose.choice(NASTY) for _ in range(2)] for _ in "xy")
    body = _expression(choose, choose.randint(1, 4))
    return f"s = {choose.choice(REDUCTIONS)}(({body}) + 0 x); x = {x}; y = {y}"


def _bare(numbers: Any) -> bool:
    return not np.isfinite(np.asarray(numbers, dtype=float)).all()


def unexplained_in_run(run: gradcalc.Run) -> list[str]:
    """What a run prints, is not finite, and no flag names."""
    named = {f.node for f in run.flags}
    found = [n for n, row in run.nodes.items() if _bare(row.value) and n not in named]
    found += [n for n, g in run.gradients.items() if _bare(g.value) and n not in named]
    for e in run.edges:
        local = [*e.local.parts.values(), *([] if e.local.value is None else [e.local.value])]
        if any(_bare(v) for v in (e.upstream, e.downstream, *local)) and not named & {e.node, e.input}:
            found.append(f"{e.node} -> {e.input}")
    found += [d.name for d in run.deltas if _bare(d.value) and d.of not in named]
    return found


def _numbers(document: Any) -> bool:
    """Whether a JSON document has a number that is not finite."""
    if isinstance(document, dict):
        return any(_numbers(v) for v in document.values())
    if isinstance(document, list):
        return any(map(_numbers, document))
    return document in ("NaN", "Infinity", "-Infinity")


@pytest.mark.parametrize("block", range(10))
def test_nothing_is_printed_bare(block: int) -> None:
    """Random programs at nasty points, in run, jacobian and hessian: a flag or an error for every such number."""
    from gradcalc.report.document import run_document
    from gradcalc.report.ledger import ledger
    from gradcalc.report.tables import plain

    for seed in range(40 * block, 40 * block + 40):
        text = _nasty(seed)
        model = gradcalc.loads(text)
        try:
            run = model.run(of="s")
        except gradcalc.GradcalcError as error:
            assert all(d.message and "nan" not in d.message for d in error.diagnostics), text
            continue
        assert not _bare(run.value), text
        assert not unexplained_in_run(run), text
        if any(word in plain(ledger(run)) for word in ("∞", "undefined", "nan")):
            assert run.flags, text
        if _numbers(run_document(run)):
            assert run.flags, text
        first = model.jacobian("s")
        flags = {f.node for f in first.flags}
        assert not [n for n, b in first.jacobians.items() if _bare(b.value) and n not in flags], text
        second = model.hessian("s")
        for name, row in second.hessians.items():
            for other, b in row.items():
                told = {f.message.split(" is ")[0] for f in second.flags}
                assert not _bare(b.value) or f"∂²s/∂{name}∂{other}" in told, text


UNDERIVED = [
    "y = log'(x); x = -1",
    "y = grad(log(x), x); x = -1",
    "y = arccosh''(x); x = 0",
    "f(t) = log(t); y = f'(x); x = -1",
    "f = log; y = f'(x); x = -1",
    "y = sum(log'(x)); x = [1, -1]",
]


@pytest.mark.parametrize("text", UNDERIVED)
def test_what_has_no_value_has_no_derivative(text: str) -> None:
    """1/x has a value at -1, and log has no derivative there."""
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(text).run(of="y")
    assert {d.code for d in caught.value.diagnostics} == {"domain"}


def test_a_derivative_that_is_not_taken_needs_no_value() -> None:
    run = gradcalc.loads("y = where(x > 0, log'(x), 7); x = [-1, 2]").run(of="y")
    assert run.value.tolist() == [7.0, 0.5]


@pytest.mark.parametrize(
    ("text", "too_large"),
    [
        ("s = 1/x; x = 1e-200", True),
        ("s = prod(x); x = [1e200, 1e200, 1e-300]", True),
        ("s = a (b x); a = 1e200, b = 1e200, x = 1e-300", True),
        ("s = x^y; x = 10, y = 308.25", True),
        ("B = A^-1; A = [1e-200, 0; 0, 1e-200]", True),
        ("s = sqrt(x); x = 0", False),
        ("s = x^0.001; x = 0", False),
        ("s = 3 arcsin(x); x = 1", False),
        ("s = arccosh(x); x = 1", False),
        ("s = cbrt(x); x = 0", False),
        ("s = sum(sqrt(x)); x = [4, 0]", False),
    ],
)
def test_a_gradient_beyond_the_floats_is_told_from_an_infinite_one(text: str, too_large: bool) -> None:
    messages = [f.message for f in gradcalc.loads(text).run().flags if f.code == "infinite-gradient"]
    assert messages
    assert ["but beyond 1.8e308" in message for message in messages] == [too_large] * len(messages)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("y = log(0)", "domain"),
        ("y = 1/0", "division-by-zero"),
        ("y = 0/0", "division-by-zero"),
        ("x = [1, log(-1)]; y = sum(x)", "domain"),
        ("y = exp(1000)", "overflow"),
        ("A = inv([1, 2; 2, 4]); y = sum(A)", "singular-matrix"),
    ],
)
def test_what_is_computed_from_numbers_alone_has_the_same_errors(text: str, code: str) -> None:
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(text).run(of="y")
    [fault] = caught.value.diagnostics
    assert fault.code == code and not fault.message.endswith("at ")


@pytest.mark.parametrize(
    ("b", "a", "cut"), [(0.0, -1.0, True), (0.0, 1.0, False), (0.0, 0.5, False), (1e-300, -1.0, False), (1, 0, False)]
)
def test_the_cut_of_arctan2_is_flagged(b: float, a: float, cut: bool) -> None:
    """arctan2(0, -1) is π, and just below it is -π."""
    flags = gradcalc.loads("y = arctan2(b, a)").run({"a": a, "b": b}).flags
    assert [f.code for f in flags] == ["kink"] * cut


def messages(flags: Any, code: str) -> dict[str, str]:
    return {f.node: f.message for f in flags if f.code == code}


def test_every_infinite_gradient_names_its_own_cause() -> None:
    """Below √u and below v^0.25: each of them is told of the inputs that it is computed from."""
    text = "a = sqrt(u); u = 2 x; b = v^0.25; v = 3 y; s = a + b; x = 0; y = 0"
    because = {"x": "`sqrt` in `a`", "u": "`sqrt` in `a`", "y": "`power` in `b`", "v": "`power` in `b`"}
    found = messages(gradcalc.loads(text).run().flags, "infinite-gradient")
    assert found == {k: f"∂s/∂{k} is infinite here: the derivative of {why}" for k, why in because.items()}


@pytest.mark.parametrize("text", ["s = x^1.5; x = 0", "s = x^1.5 + y^2; x = 0; y = 1"])
def test_an_infinite_second_derivative_names_its_cause(text: str) -> None:
    (message,) = messages(gradcalc.loads(text).hessian("s", "x").flags, "infinite-gradient").values()
    assert message.startswith("∂²s/∂x∂x is infinite here: the second derivative of `power`")


@pytest.mark.parametrize(
    ("text", "too_large"),
    [
        ("s = 1/x; x = 7e-155", True),
        ("s = 1/x; x = 7e-200", True),
        ("y = sqrt(x); s = y^2 + y; x = 0", False),
    ],
)
def test_a_pole_is_told_from_what_is_too_large_at_the_edge_of_the_floats(text: str, too_large: bool) -> None:
    """1/x^2 is too large for x up to 7.4e-155; √x has a pole at 0, whatever is above it."""
    found = messages(gradcalc.loads(text).run().flags, "infinite-gradient")
    assert found["x"].endswith("is finite, but beyond 1.8e308") == too_large


@pytest.mark.parametrize("dense", [False, True])
def test_a_local_gradient_that_is_not_taken_is_flagged_at_its_entry(dense: bool) -> None:
    found = gradcalc.loads("s = sum(where(x > 0, sqrt(x), 0)); x = [0, 4]").run(local_values=dense)
    flags = [f for f in found.flags if f.code == "not-taken" and f.rule == "infinite"]
    assert [f.message for f in flags] == ["∂t2/∂x is infinite here; nothing takes it, and it contributes exactly 0"]
    assert flags[0].places == ((0,),)
    assert found.gradients["x"].value.tolist() == [0.0, 0.25]


def test_a_local_gradient_in_full_is_0_beside_an_infinite_entry() -> None:
    """∂sqrt(x)/∂x is diag(1/(2 sqrt(x))): ∞ at 0, and 0 off the diagonal."""
    run = gradcalc.loads("s = sum(where(x > 0, sqrt(x), 0)); x = [0, 4]").run(local_values=True)
    [local] = [np.asarray(e.local.value) for e in run.edges if e.input == "x" and np.ndim(e.local.value) == 2]
    assert np.array_equal(local, [[INF, 0.0], [0.0, 0.25]])


@pytest.mark.parametrize(
    ("named", "written", "x"),
    [
        ("f = floor; s = x f(x)", "s = x floor(x)", 0.0),
        ("f = relu; s = x f'(x)", "s = x relu'(x)", 0.0),
        ("f = sign; s = f(x) x", "s = sign(x) x", 0.0),
        ("f = relu; s = x f(x)", "s = x relu(x)", 0.0),
        ("f = tanh; s = x f'(x)", "s = x tanh'(x)", 0.0),
    ],
)
def test_a_function_that_has_a_name_jumps_where_it_jumps(named: str, written: str, x: float) -> None:
    codes = [[f.code for f in gradcalc.loads(text).run({"x": x}, of="s").flags] for text in (named, written)]
    assert codes[0] == codes[1]


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("s = (y / 1e-310) (y / 1e-310); y = 0", "yy"),  # 2e620
        ("z = 1e200 (1e200 x^2); x = 1e-250", "xx"),  # 2e400
        ("s = y + logsumexp((y / 5e-324) v); y = 0; v = [1, 0, 3]", "yy"),
    ],
)
def test_a_second_derivative_beyond_floats_is_a_value_with_a_flag(text: str, pair: str) -> None:
    made = gradcalc.loads(text).hessian()
    first, second = pair
    assert not np.isfinite(made.hessians[first][second].value)
    assert f"∂²{made.of}/∂{first}∂{second} is" in " ".join(flag.message for flag in made.flags)


def test_a_derivative_in_the_file_does_not_multiply_its_numbers_first() -> None:
    """∂z/∂x = 2e400 x is 2e150 at x = 1e-250."""
    run = gradcalc.loads("z = 1e200 (1e200 x^2); g = ∂z/∂x; x = 1e-250").run(of="g")
    assert run.value == pytest.approx(2e150, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "part", "place"),
    [
        ("s = x (1e308 * 1e308); x = 1e-300", "1e308 * 1e308", (1, 8)),
        ("s = x sum([1e308, 1e308]); x = 1e-300", "sum([1e308, 1e308])", (1, 7)),
    ],
)
def test_an_overflow_of_constants_has_a_place_and_a_remedy(text: str, part: str, place: tuple[int, int]) -> None:
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(text).run()
    [found] = caught.value.diagnostics
    assert found.code == "overflow"
    assert part in found.message
    assert found.span is not None
    assert (found.span.line, found.span.column) == place
    assert "smaller" in found.help


def test_an_overflow_inside_a_derivative_in_the_file_has_its_place() -> None:
    """∂s/∂x has the factor a^2 = 1e400, which stands nowhere in the text."""
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads("s = tanh(a (a x)); g = 1 + ∂s/∂x; a = 1e200; x = 1e-300").run(of="g")
    [found] = caught.value.diagnostics
    assert found.code == "overflow"
    assert "`a^2` at 1e+200, 2.0" in found.message
    assert found.span is not None and found.span.text == "∂s/∂x"


@pytest.mark.parametrize("text", ["y = x^n; n = {n}; x = {x}", "y = x^{n}; x = {x}", "y = sum([x, 1] .^ {n}); x = {x}"])
@pytest.mark.parametrize("n", [9007199254740994, 12345678901234567890, -9007199254740994])
@pytest.mark.parametrize("x", [-1.0, -1.0000000000000002])
def test_a_large_whole_exponent_keeps_its_parity_less_one(text: str, n: int, x: float) -> None:
    """n is even, and n - 1 is odd though no float is between them: n x^(n-1) is negative for n > 0."""
    if x != -1.0 and abs(n) > 1e16:
        pytest.skip("beyond the floats")
    expected = float(n) * -abs(mpmath.power(mpmath.mpf(x), n - 1))
    found = gradcalc.loads(text.format(n=n, x=x)).run(of="y").gradients["x"].value
    assert found == pytest.approx(float(expected), rel=1e-15)


def test_a_change_that_is_zero_brings_nothing_where_the_derivative_is_infinite() -> None:
    model = gradcalc.loads("h = sqrt(x); x = [0, 1]")
    assert np.array_equal(model.jacobian(tangent=[0.0, 1.0]).change.value, [0.0, 0.5])
    assert np.array_equal(model.jacobian(tangent=[1.0, 1.0]).change.value, [np.inf, 0.5])
    model = gradcalc.loads("h = sqrt(W x); W = [0, 0; 1, 0]; x = [1, 1]")
    assert np.array_equal(model.jacobian(wrt=["x"], tangent={"x": [0.0, 0.0]}).change.value, [0.0, 0.0])


@pytest.mark.parametrize(
    "text",
    ["y = arctan2(x, -1); x = -0.0", "y = arctan2(x, -1); x = -0", "y = arctan2(x[0], x[1]); x = [-0.0, -1]"],
)
def test_a_zero_keeps_its_sign(text: str) -> None:
    assert gradcalc.loads(text).run(of="y").value == -math.pi
    assert gradcalc.loads("y = arctan2(x, -1)").run(data={"x": -0.0}).value == -math.pi


def test_a_sum_of_products_may_leave_the_floats_on_the_way() -> None:
    run = gradcalc.loads("y = u^T x; u = [1e308, 1e308, -1e308]; x = [1, 1, 1]").run()
    assert run.value == pytest.approx(1e308, rel=1e-15)
    with pytest.raises(gradcalc.GradcalcError, match="overflow"):
        gradcalc.loads("y = u^T x; u = [1e308, 1e308]; x = [2, 2]").run()


def test_a_gradient_beyond_the_floats_on_the_way_is_infinite_as_computed() -> None:
    """log(exp(-x)) is -x: what is told of is the derivative on the way, not that of the whole."""
    [flag, *_] = gradcalc.loads("y = log(exp(-x)); x = 720").run().flags
    assert flag.message.startswith("∂y/∂x is infinite as computed here: the derivative of `log`")
