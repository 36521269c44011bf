"""Lost digits: the warning counts them as mpmath finds them, and is silent where nothing is lost.

The truth is the same formula at the same floats to 60 digits. What a single point loses is partly chance, so that
each expression is tried at several nearby points and the most that is lost is compared.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import gradcalc
from gradcalc import rounding
from gradcalc.errors import Diagnostic
from gradcalc.evaluator import evaluate
from gradcalc.graph import OPERATIONS, Graph, ancestors
from gradcalc.report.document import run_document
from gradcalc.report.encode import encode
from tests.exact import programs as exact
from tests.programs import program

ROOT = Path(__file__).parent.parent
DIGITS = 15.95
Formula = Callable[..., Any]


def _mean(v: list[Any]) -> Any:
    return sum(v) / len(v)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _dot(a: list[Any], b: list[Any]) -> Any:
    return sum(x * y for x, y in zip(a, b, strict=True))


CANCELLING: list[tuple[str, dict[str, Any], Formula]] = [
    ("(exp(x) - 1)/x", {"x": 1.1e-10}, lambda x: (mp.exp(x) - 1) / x),
    ("exp(x) - 1", {"x": -3.3e-7}, lambda x: mp.exp(x) - 1),
    ("1 - exp(x)", {"x": 1.7e-9}, lambda x: 1 - mp.exp(x)),
    ("exp(x) - 1 - x", {"x": 1.3e-4}, lambda x: mp.exp(x) - 1 - x),
    ("exp(x) - exp(y)", {"x": 1.2000000001, "y": 1.2}, lambda x, y: mp.exp(x) - mp.exp(y)),
    ("1 - cos(x)", {"x": 1.3e-5}, lambda x: 1 - mp.cos(x)),
    ("(1 - cos(x))/x^2", {"x": 2.7e-6}, lambda x: (1 - mp.cos(x)) / x**2),
    ("cosh(x) - 1", {"x": 1.9e-5}, lambda x: mp.cosh(x) - 1),
    ("x - sin(x)", {"x": 1.1e-4}, lambda x: x - mp.sin(x)),
    ("tan(x) - sin(x)", {"x": 1.7e-4}, lambda x: mp.tan(x) - mp.sin(x)),
    ("sinh(x) - x", {"x": 2.1e-4}, lambda x: mp.sinh(x) - x),
    ("x - arctan(x)", {"x": 2.3e-4}, lambda x: x - mp.atan(x)),
    ("log(1 + x)", {"x": 1.37e-11}, lambda x: mp.log(1 + x)),
    ("log(1 - x)/x", {"x": 1.23e-9}, lambda x: mp.log(1 - x) / x),
    ("log(x) - log(y)", {"x": 7.00000001, "y": 7.0}, lambda x, y: mp.log(x) - mp.log(y)),
    ("sqrt(x + 1) - sqrt(x)", {"x": 1.3e12}, lambda x: mp.sqrt(x + 1) - mp.sqrt(x)),
    ("sqrt(1 + x) - 1", {"x": 1.7e-11}, lambda x: mp.sqrt(1 + x) - 1),
    ("1 - sqrt(1 - x^2)", {"x": 1.7e-5}, lambda x: 1 - mp.sqrt(1 - x**2)),
    ("x^2 - y^2", {"x": 1.23456789012, "y": 1.23456789}, lambda x, y: x**2 - y**2),
    ("(x + y)^2 - x^2", {"x": 1.7e8, "y": 1.1e-3}, lambda x, y: (x + y) ** 2 - x**2),
    ("(1 + x) - 1", {"x": 1.23e-9}, lambda x: (1 + x) - 1),
    ("(x + 1e8) - 1e8", {"x": 0.1234567}, lambda x: (x + 10**8) - 10**8),
    ("1/x - 1/y", {"x": 3.000000001, "y": 3.0}, lambda x, y: 1 / x - 1 / y),
    ("1/(1 + x) - 1", {"x": 1.9e-8}, lambda x: 1 / (1 + x) - 1),
    ("x/(1 + x) - x", {"x": 1.9e-8}, lambda x: x / (1 + x) - x),
    ("1 - sigmoid(x)", {"x": 21.3}, lambda x: 1 - _sigmoid(x)),
    ("1 - tanh(x)^2", {"x": 11.7}, lambda x: 1 - mp.tanh(x) ** 2),
    ("1 - tanh(x)", {"x": 12.3}, lambda x: 1 - mp.tanh(x)),
    ("1 - sin(x)^2", {"x": 1.5707}, lambda x: 1 - mp.sin(x) ** 2),
    ("1 - erf(x)", {"x": 4.1}, lambda x: 1 - mp.erf(x)),
    ("sin(x) - sin(y)", {"x": 1.2345678901, "y": 1.23456789}, lambda x, y: mp.sin(x) - mp.sin(y)),
    ("cos(x) - cos(y)", {"x": 1.2345678901, "y": 1.23456789}, lambda x, y: mp.cos(x) - mp.cos(y)),
    ("sin(1e9 x)", {"x": 0.3712345}, lambda x: mp.sin(10**9 * x)),
    ("exp(x) exp(-x) - 1 + y", {"x": 3.3, "y": 1.7e-9}, lambda x, y: mp.exp(x) * mp.exp(-x) - 1 + y),
    ("exp(log(x) - log(y)) - 1", {"x": 5.0000001, "y": 5.0}, lambda x, y: mp.exp(mp.log(x) - mp.log(y)) - 1),
    ("(1 + x)^10 - 1", {"x": 1.3e-9}, lambda x: (1 + x) ** 10 - 1),
    ("x^0.5 - y^0.5", {"x": 2.00000001, "y": 2.0}, lambda x, y: mp.sqrt(x) - mp.sqrt(y)),
    ("mean(v .^ 2) - mean(v)^2", {"v": [10000.1, 10000.2, 10000.4]},
     lambda v: _mean([x * x for x in v]) - _mean(v) ** 2),
    ("u^T v", {"u": [1.1e8, 1.0, -1.1e8], "v": [1.3, 0.7, 1.3]}, _dot),
    ("||v||^2 - 1", {"v": [0.6, 0.8000000003]}, lambda v: _dot(v, v) - 1),
    ("norm(v) - x", {"v": [1e7, 1.0], "x": 1e7}, lambda v, x: mp.sqrt(_dot(v, v)) - x),
    ("x + sqrt(x^2 + 1)", {"x": -1.3e5}, lambda x: x + mp.sqrt(x**2 + 1)),
    ("(a^2 - 4 b)^0.5 - a", {"a": 1.7e5, "b": 0.9}, lambda a, b: mp.sqrt(a**2 - 4 * b) - a),
    ("arccos(1 - x)", {"x": 1.3e-11}, lambda x: mp.acos(1 - x)),
]  # fmt: skip


def _near(value: Any, k: int) -> Any:
    return [_near(v, k) for v in value] if isinstance(value, list) else value * (1 + k * 2.0**-46 * 1.7)


def _big(value: Any) -> Any:
    return [mp.mpf(v) for v in value] if isinstance(value, list) else mp.mpf(value)


def warnings_of(run: gradcalc.Run, gradients: bool = False) -> list[Diagnostic]:
    """What is said of lost digits of values, or of gradients."""
    return [w for w in run.warnings if w.code == "lost-digits" and ("`∂" in w.message) == gradients]


def counted(run: gradcalc.Run, gradients: bool = False) -> float:
    """The digits that the warning says are lost; 0 without one."""
    for warning in warnings_of(run, gradients):
        found = re.search(r"about (\d+) of", warning.message)
        return float(found[1]) if found else DIGITS
    return 0.0


def truly_lost(value: float, exact: Any) -> float:
    """log10 of the relative error over 2^-53."""
    error = abs(mp.mpf(value) - exact)
    if error == 0:
        return 0.0
    relative = error / abs(mp.mpf(value)) if value else mp.inf
    return float(min(DIGITS, max(0, mp.log10(relative * 2**53)))) if relative != mp.inf else DIGITS


@pytest.mark.parametrize(("text", "data", "formula"), CANCELLING, ids=[c[0] for c in CANCELLING])
def test_the_count_is_what_mpmath_finds(text: str, data: dict[str, Any], formula: Formula) -> None:
    model = gradcalc.loads(f"s = {text}")
    said, truth = [], []
    with mp.workdps(60):
        for k in range(-4, 5):
            near = {name: _near(v, k) for name, v in data.items()}
            run = model.run(near)
            said.append(counted(run))
            truth.append(truly_lost(float(run.value), formula(*(_big(v) for v in near.values()))))
    assert min(said) > 0, said
    assert abs(max(said) - max(truth)) <= 1.5, (said, truth)


OF_ONE = [(text, data, formula) for text, data, formula in CANCELLING if set(data) == {"x"}]


@pytest.mark.parametrize(("text", "data", "formula"), OF_ONE, ids=[c[0] for c in OF_ONE])
def test_the_count_for_a_gradient_is_what_mpmath_finds(text: str, data: dict[str, Any], formula: Formula) -> None:
    """More than is lost is said nowhere, and what is lost beyond 4 digits is told, to 1.5 digits."""
    model = gradcalc.loads(f"s = {text}")
    said, truth = [], []
    with mp.workdps(80):
        for k in range(-4, 5):
            x = _near(data["x"], k)
            run = model.run({"x": x})
            said.append(counted(run, gradients=True))
            exact = mp.diff(formula, mp.mpf(x), h=mp.mpf(abs(x)) * mp.mpf(10) ** -25)
            truth.append(truly_lost(float(run.gradients["x"].value), exact))
    assert max(said) <= max(truth) + 1.5 and max(said) >= max(truth) - 1.5 - 3 * (max(truth) < 4.5), (said, truth)


EQUAL_BRANCHES: list[tuple[str, str, dict[str, float], Formula]] = [
    *(("1/(x + 1) - 1/x", "x", {"x": x}, lambda x: 1 / x**2 - 1 / (x + 1) ** 2)
      for x in (1.3e6, 7.7e6, 1.5e7, 1e9, 1e13)),
    ("100 + 1/(x + 1) - 1/x", "x", {"x": 1e9 + 0.25}, lambda x: 1 / x**2 - 1 / (x + 1) ** 2),
    ("sinh((a - x) + b) - sinh(a - x)", "a", {"x": -1.8e-8, "a": 0.001, "b": 1e-6},
     lambda x, a, b: mp.cosh(a - x + b) - mp.cosh(a - x)),
    ("(exp(square(x) + 1e-6) - exp(square(x))) - expm1(cos(sqrt(1)))", "x", {"x": -0.0010558354739763711},
     lambda x: 2 * x * mp.exp(x**2) * mp.expm1(mp.mpf(1e-6))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "by", "data", "slope"), EQUAL_BRANCHES)
def test_branches_with_one_function_that_cancel_are_seen(
    text: str, by: str, data: dict[str, float], slope: Formula
) -> None:
    """What two steps of one size round off does not cancel in all sweeps."""
    run = gradcalc.loads(f"s = {text}").run(data)
    with mp.workdps(60):
        truth = truly_lost(float(run.gradients[by].value), slope(**{k: mp.mpf(v) for k, v in data.items()}))
    assert -0.5 < counted(run, gradients=True) - truth < 2.5


def test_a_rounding_that_cancels_with_itself_is_not_counted() -> None:
    """s' = 1/x - x/x² - 2 x: both quotients round to the same."""
    model = gradcalc.loads("s = x/x - x x; x = 1.4491101286023994e-08; ∂s/∂x == 5e-8")
    run = model.run()
    assert run.gradients["x"].value == -2.8982202572047988e-08
    assert not counted(run, gradients=True)
    assert not run.claims[0].holds


@pytest.mark.parametrize("path", sorted((ROOT / "samples").glob("*.eq")), ids=lambda p: p.stem)
def test_no_sample_is_warned_of(path: Path) -> None:
    try:
        run = gradcalc.load(path).run()
    except gradcalc.GradcalcError:
        pytest.skip("needs data")
    assert not counted(run) and not counted(run, gradients=True)


@pytest.mark.parametrize(
    ("text", "x", "exact"),
    [
        ("expm1(x)/x", 1e-17, 0.5),
        ("tanh(x)/x", 1e-8, -2e-8 / 3),
        ("sin(x)/x", 1e-8, -1e-8 / 3),
        ("exp(x)/(1 + exp(x))", 40.0, 4.248354255291589e-18),
        ("sinh(x)/cosh(x)", 20.0, 1.6993417021166356e-17),
        ("x/sqrt(1 + x^2)", 1e8, 1e-24),
        ("x - log(exp(x) + 1)", 40.0, 4.248354255291589e-18),
    ],
)
def test_a_gradient_that_cancels_to_0_is_told_to_have_no_digits(text: str, x: float, exact: float) -> None:
    run = gradcalc.loads(f"s = {text}").run({"x": x})
    assert abs(run.gradients["x"].value - exact) > 0.9 * abs(exact)
    [warning] = warnings_of(run, gradients=True)
    assert "no digit of `∂s/∂x` is certain" in warning.message


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("exp(x)", {"x": 709.782712893384}),
        ("expm1(x)", {"x": 709.782712893384}),
        ("sum(x - x)", {"x": [0.1, 0.7]}),
        ("f(x) - f(x); f(t) = sin(t) exp(t)", {"x": 0.3}),
        ("relu(x)", {"x": -0.7}),
        ("x^3", {"x": 1e-200}),
        ("sum(softmax(x) .* 0)", {"x": [0.3, 0.1]}),
        ("log(sum(v))", {"v": [0.1, 0.2]}),
    ],
)
def test_no_false_alarm_about_a_gradient(text: str, data: dict[str, Any]) -> None:
    """What is exactly 0, too small for a float, or near the largest one, has lost nothing."""
    assert not counted(gradcalc.loads(f"s = {text}").run(data, of="s"), gradients=True)


def test_random_programs_are_not_warned_of() -> None:
    """They are built away from cancellation; a gradient that is told to have no digits is what rounding made of 0."""
    warned = []
    for seed in range(300):
        made = program(seed)
        run = gradcalc.loads(made.text).run(made.data, of=made.target)
        for warning in warnings_of(run, gradients=True):
            name = warning.message.split("/∂")[1].split("`")[0]
            if np.max(np.abs(exact.gradients(made)[name])) > 1e-40:
                warned.append((seed, name))
        if counted(run):
            warned.append((seed, made.target))
    assert not warned


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("x - y", {"x": 1.0000000001, "y": 1.0}),
        ("x - x", {"x": 0.1}),
        ("cos(x) - 1", {"x": 0.0}),
        ("sigmoid(x) - 0.5", {"x": 0.0}),
        ("exp(x) - 1", {"x": 0.0}),
        ("x^2 - 4", {"x": 2.0}),
        ("x^-1 - 0.5", {"x": 2.0}),
        ("sqrt(x) - 2", {"x": 4.0}),
        ("norm(v) - 5", {"v": [3.0, 4.0]}),
        ("hypot(x, y) - 13", {"x": 5.0, "y": 12.0}),
        ("u^T v", {"u": [1.0, 2.0], "v": [2.0, -1.0]}),
        ("sum(v)", {"v": [1.0, -1.0, 0.001]}),
        ("sum(v)", {"v": [1.1e12, 0.3, -1.1e12]}),
        ("mean(v) - 2", {"v": [1.0, 2.0, 3.0]}),
        ("1 - x/3", {"x": 3.0}),
        ("x^2 - y^2", {"x": 3.0, "y": 5.0}),
        ("sum(A b - c)", {"A": [[1.0, 2.0], [3.0, 4.0]], "b": [1.0, 1.0], "c": [3.0, 7.0]}),
        ("expm1(x)/x", {"x": 1e-10}),
        ("log1p(x)", {"x": 1e-12}),
        ("sigmoid(-x)", {"x": 40.0}),
        ("where(x > 0, x, exp(x) - 1)", {"x": 1e-9}),
        ("sin(x)", {"x": 1e10}),
    ],
)
def test_no_false_alarm(text: str, data: dict[str, Any]) -> None:
    """Data are exact, and so are steps that round nothing."""
    assert not counted(gradcalc.loads(f"s = {text}").run(data))


TOO_SMALL = "the result is too small for a 64-bit float to hold its digits"


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("s = x x/x; x = 1e-170", 1e-170),
        ("s = (x y) z; x = 1e-200; y = 1e-200; z = 1e300", 1e-100),
        ("s = x^2/(x^2 + z^2); x = 3e-162; z = 4e-162", 0.36),
        ("s = sqrt(x^2); x = 1.234567e-161", 1.234567e-161),
        ("s = exp(x)/exp(z); x = -744; z = -744.3", math.exp(0.3)),
        ("s = (x/1e200)*1e200; x = 1.2345e-115", 1.2345e-115),
        ("s = 1e300 prod(x); x = [1e-200, 1e-200]", 1e-100),
        ("s = 1e300 (u^T v); u = [1e-200, 1e-190]; v = [1e-200, 1e-190]", 1e-80),
        ("s = 1e300 ‖v‖^2; v = [1e-170, 1e-171]", 1.01e-40),
        ("s = 1e300 sigmoid(x); x = -800", math.exp(-800 + 300 * math.log(10))),
    ],
)
def test_what_becomes_too_small_on_the_way_loses_digits(text: str, exact: float) -> None:
    """The digits that the value has lost, to 1.5, and the reason."""
    run = gradcalc.loads(text).run(of="s")
    [warning] = warnings_of(run)
    assert warning.rule.endswith(TOO_SMALL)
    assert abs(counted(run) - truly_lost(float(run.value), mp.mpf(exact))) < 1.5


@pytest.mark.parametrize(
    ("text", "name", "exact"),
    [("s = x x/x; x = 1e-170", "x", 1.0), ("s = 1e-200 (1e-200 (1e300 x)); x = 1", "x", 1e-100)],
)
def test_a_gradient_of_what_becomes_too_small_has_no_digits(text: str, name: str, exact: float) -> None:
    run = gradcalc.loads(text).run(of="s")
    assert abs(run.gradients[name].value - exact) > 0.9 * exact
    [warning] = warnings_of(run, gradients=True)
    assert "no digit of `∂s/∂x` is certain" in warning.message
    assert "too small for a 64-bit float" in warning.rule


BEYOND: list[tuple[str, Formula]] = [
    ("s = log(det(A)); A = [1e-162, 0; 0, 1.23456789e-160]", lambda: mp.log(mp.mpf(1e-162) * mp.mpf(1.23456789e-160))),
    ("s = (a b)/(c d); a = 1e-160, b = 1e-150, c = 1e-155, d = 1e-155",
     lambda: mp.mpf(1e-160) * mp.mpf(1e-150) / mp.mpf(1e-155) ** 2),
    ("s = log(exp(-x)); x = 720", lambda: mp.mpf(-720)),
    ("s = sin(x)/x; x = 1e-310", lambda: mp.mpf(1)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "exact"), BEYOND)
def test_derivatives_beyond_the_largest_float_say_nothing_of_digits(text: str, exact: Formula) -> None:
    """Of log d at d = 1.23e-322 for instance; what has lost about 3 digits or less is not told."""
    run = gradcalc.loads(text).run()
    with mp.workdps(60):
        truth = truly_lost(float(run.value), exact())
    assert (abs(counted(run) - truth) if counted(run) else truth) < 3


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("s = x exp(-x); x = 745", lambda: 745 * mp.exp(-745)),
        ("s = x exp(-x); x = 740", lambda: 740 * mp.exp(-740)),
        ("s = a exp(-x); x = 740, a = 1e5", lambda: 10**5 * mp.exp(-740)),
        ("s = 1e10 x^2; x = 1.1e-161", lambda: 10**10 * mp.mpf(1.1e-161) ** 2),
        ("s = a b c; a = 1e-160, b = 1.1e-160, c = 3e3", lambda: mp.mpf(1e-160) * mp.mpf(1.1e-160) * 3000),
    ],
)
def test_what_remains_of_a_number_too_small_for_all_digits(text: str, exact: Formula) -> None:
    """-log10 of the relative error, to 1.2; a float of that size has fewer than 16 digits."""
    run = gradcalc.loads(text).run()
    [warning] = warnings_of(run)
    with mp.workdps(60):
        truth = max(0, -mp.log10(abs(mp.mpf(run.value) / exact() - 1)))
    found = re.search(r"about (\d+) remain", warning.message)
    assert abs((float(found[1]) if found else 0.0) - truth) <= 1.2
    assert "that a number so small has" in warning.message
    assert warning.help.startswith("keep what is computed on the way above 2.2e-308")


@pytest.mark.parametrize(
    "text",
    ["std(x)", "var(x)", "log_softmax(x)[0]", "cross_entropy(softmax(x), [1])", "softmax(x)[0] - 1", "1e300 std(x)"],
)
def test_of_a_single_number_nothing_is_lost(text: str) -> None:
    assert not counted(gradcalc.loads(f"s = {text}; x = [5]").run())


@pytest.mark.parametrize(
    "text", ["norm(x); x = []", "sinc(x); x = 1e17", "mod(x, 1); x = 1e17", "median(x); x = [0, 1, 0]"]
)
def test_a_0_that_is_one_is_not_told(text: str) -> None:
    assert not counted(gradcalc.loads(f"s = {text}").run())


def test_what_is_too_small_for_its_derivative_is_named() -> None:
    [warning] = warnings_of(gradcalc.loads("s = log(det(A)); A = [1e-162, 0; 0, 1.23456789e-160]").run())
    assert warning.rule == f"they are lost in `t1`, `det(A)`: {TOO_SMALL}"


@pytest.mark.parametrize(
    "text",
    ["x x; x = 1e-170", "x^3; x = 1e-200", "exp(x); x = -800", "sigmoid(x); x = -800", "mean(x); x = [5e-324, 0]",
     "median(x); x = [0, 5e-324]", "median(x); x = [5e-324, 0, 0, 1]"],
)  # fmt: skip
def test_a_0_that_should_be_none_is_told(text: str) -> None:
    run = gradcalc.loads(f"s = {text}").run()
    [warning] = warnings_of(run)
    assert (run.value, warning.rule.endswith(TOO_SMALL)) == (0.0, True)


@pytest.mark.parametrize(
    "text",
    [
        "x x; x = 1e-160", "2 x/1e-300; x = 1e-310", "1e300 (0.5 x); x = 2e-308", "1e300 (x y); x = 0; y = 1e-320",
        "1e300 (x - y); x = 5e-324; y = 5e-324", "1e300 log(x); x = 1", "1e300 det(A); A = [1, 2; 2, 4]",
        "1e300 prod(x); x = [0, 1e-100, 3]", "1e300 sinc(x); x = 3", "1e300 (u^T v); u = [1, 2]; v = [2, -1]",
        "1e300 var(x); x = [0.5, 0.5]", "1e300 arccos(x); x = 1", "1e300 mod(x, 3); x = 6", "x^2; x = 3e-162",
    ],
)  # fmt: skip
def test_no_false_alarm_about_small_numbers(text: str) -> None:
    """The nearest float to a result that is small has lost nothing, exact steps with small numbers neither, nor does
    a 0 that is one."""
    run = gradcalc.loads(f"s = {text}").run(of="s")
    assert not counted(run) and not counted(run, gradients=True)


@pytest.mark.parametrize("x", [1e-280, 1e-292, 1e-295, 1e-300, 1e-310, 5e-324])
def test_all_is_lost_of_a_number_that_a_larger_one_absorbed(x: float) -> None:
    [warning] = gradcalc.loads("s = x + 1 - 1").run({"x": x}).warnings
    assert warning.message == "no digit of `s` is certain: all 16 are lost to rounding"


CONSTANT: list[tuple[str, Formula]] = [
    ("s = (exp(1e-10) - 1) x; x = 1", lambda: mp.expm1(mp.mpf(1e-10))),
    ("s = (sin(3 + 1e-6) - sin(3)) + x; x = 1.97e-8",
     lambda: mp.sin(3 + mp.mpf(1e-6)) - mp.sin(mp.mpf(3)) + mp.mpf(1.97e-8)),
    ("s = log(exp(1e-12)) + x; x = 1e-14", lambda: mp.mpf(1e-12) + mp.mpf(1e-14)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "exact"), CONSTANT)
def test_what_constant_parts_lose_is_counted(text: str, exact: Formula) -> None:
    run = gradcalc.loads(text).run()
    with mp.workdps(60):
        assert abs(counted(run) - truly_lost(float(run.value), exact())) < 1.5


def test_the_constant_part_that_loses_is_named() -> None:
    run = gradcalc.loads("s = (exp(1e-10) - 1) x; x = 1").run()
    assert _advised(run) == ("expm1(1e-10)", "exp(1e-10) - 1")


@pytest.mark.parametrize("text", ["x^(1 + 1)", "x^(1/2 + 5/2)", "where(x > 0, (exp(1e-10) - 1) x, x)"])
def test_no_false_alarm_about_constants(text: str) -> None:
    run = gradcalc.loads(f"s = {text}; x = -2").run()
    assert not counted(run) and not counted(run, gradients=True)


def _advised(run: gradcalc.Run) -> tuple[str, str] | None:
    [warning] = warnings_of(run)
    found = re.fullmatch(r"write `(.*)` for `(.*)`", warning.help)
    return (found[1], found[2]) if found else None


REMEDIED = [
    "(exp(x) - 1)/x", "exp(x) - 1", "1 - exp(x)", "exp(x) - exp(y)", "1 - cos(x)", "cosh(x) - 1", "log(1 + x)",
    "log(x) - log(y)", "sqrt(x + 1) - sqrt(x)", "sqrt(1 + x) - 1", "1 - sqrt(1 - x^2)", "x^2 - y^2", "1/x - 1/y",
    "1 - sigmoid(x)", "1 - tanh(x)^2", "1 - tanh(x)", "1 - sin(x)^2", "sin(x) - sin(y)", "cos(x) - cos(y)",
    "mean(v .^ 2) - mean(v)^2", "(1 + x)^10 - 1", "log(1 - x)/x",
]  # fmt: skip


@pytest.mark.parametrize("text", REMEDIED)
def test_what_is_advised_keeps_the_digits(text: str) -> None:
    """The advised form has the value that the other one should have, to 14 digits, and is not warned of."""
    [(data, formula)] = [(d, f) for t, d, f in CANCELLING if t == text]
    advised = _advised(gradcalc.loads(f"s = {text}").run(data))
    assert advised is not None
    better, worse = advised
    run = gradcalc.loads(f"s = {better}").run(data)
    assert not counted(run)
    if worse == text:
        with mp.workdps(60):
            assert abs(run.value / formula(*(_big(v) for v in data.values())) - 1) < 1e-13


def test_entries_of_a_vector_each_for_itself() -> None:
    """The entry that has lost most is named."""
    run = gradcalc.loads("h = exp(x) - 1; x = [1, 1e-9, 2]").run()
    [warning] = run.warnings
    assert warning.message == "`h[1]` loses about 9 of its 16 digits to rounding: about 7 remain"


def test_the_value_that_loses_is_named() -> None:
    """Not the one that follows, and not the one that was rounded."""
    [warning] = gradcalc.loads("a = exp(x); b = a - 1; s = 3 b^2 + b; x = 1e-9").run().warnings
    assert warning.rule == "they are lost in `b`, `a - 1`: nearly equal numbers cancel"
    assert warning.span is not None and warning.span.text.strip().endswith("a - 1")


def test_everything_lost() -> None:
    [warning] = gradcalc.loads("s = (1 + x) - 1; x = 1e-20").run().warnings
    assert warning.message == "no digit of `s` is certain: all 16 are lost to rounding"


# -------------------------------------------------------------------- what an operation rounds off


def _exact(op: str, attributes: dict[str, Any], *operands: Any) -> Any:
    """The exact result in rational or high precision arithmetic, for scalars or one vector."""
    a = [[mp.mpf(float(v)) for v in np.ravel(x)] for x in operands]
    if op == "add":
        return sum(s * x[0] for s, x in zip(attributes["signs"], a, strict=True))
    return {
        "multiply": lambda: a[0][0] * a[1][0],
        "divide": lambda: a[0][0] / a[1][0],
        "square": lambda: a[0][0] ** 2,
        "sqrt": lambda: mp.sqrt(a[0][0]),
        "power": lambda: a[0][0] ** a[1][0],
        "hypot": lambda: mp.sqrt(a[0][0] ** 2 + a[1][0] ** 2),
        "one_minus_square": lambda: 1 - a[0][0] ** 2,
        "sum": lambda: mp.fsum(a[0]),
        "mean": lambda: mp.fsum(a[0]) / len(a[0]),
        "norm": lambda: mp.sqrt(_dot(a[0], a[0])),
        "norm_squared": lambda: _dot(a[0], a[0]),
        "norm1": lambda: mp.fsum(map(abs, a[0])),
    }[op]()


@pytest.mark.parametrize(
    ("op", "sizes", "attributes"),
    [
        ("add", [1, 1], {"signs": (1, -1)}), ("add", [1, 1, 1], {"signs": (-1, 1, 1)}), ("multiply", [1, 1], {}),
        ("divide", [1, 1], {}), ("square", [1], {}), ("sqrt", [1], {}), ("hypot", [1, 1], {}),
        ("one_minus_square", [1], {}), ("sum", [7], {"axis": None}), ("mean", [7], {"axis": None}),
        ("norm", [5], {"axis": None}), ("norm_squared", [5], {}), ("norm1", [6], {"axis": None}),
    ],
)  # fmt: skip
def test_rounding_is_known_exactly(op: str, sizes: list[int], attributes: dict[str, Any]) -> None:
    """exact - computed, to a few digits, at random operands."""
    random = np.random.default_rng(1)
    with mp.workdps(80):
        for _ in range(50):
            arrays = [np.exp(random.normal(0, 5, (n, 1))) for n in sizes]
            graph = Graph()
            leaves = [graph.make("input", name=f"x{i}", shape=() if n == 1 else (n,)) for i, n in enumerate(sizes)]
            node = graph.make(op, *leaves, **attributes)
            values = evaluate(ancestors([node]), dict(zip(leaves, arrays, strict=True)))
            known, assumed = rounding.rounding(node, values)
            assert known is not None and not assumed.any()
            truth = _exact(op, attributes, *arrays) - mp.mpf(values[node].item())
            assert abs(known.item() - truth) <= 1e-9 * abs(truth) + 1e-25 * abs(values[node].item())


@pytest.mark.parametrize("exponent", [2.0, 3.0, 7.0, -1.0, -3.0, 0.5, 0.0, 1.0])
def test_rounding_of_a_power(exponent: float) -> None:
    graph = Graph()
    x = graph.make("input", name="x", shape=())
    node = graph.make("power", x, graph.constant(exponent))
    with mp.workdps(80):
        for value in np.random.default_rng(2).uniform(0.1, 9, 40):
            values = evaluate(ancestors([node]), {x: np.array([[value]])})
            known, assumed = rounding.rounding(node, values)
            assert known is not None and not assumed.any()
            truth = mp.mpf(value) ** mp.mpf(exponent) - mp.mpf(values[node].item())
            assert abs(known.item() - truth) <= 1e-9 * abs(truth) + 1e-25 * values[node].item()


def test_operations_without_rounding_exist() -> None:
    assert set(rounding.EXACT) | set(rounding.KNOWN) <= set(OPERATIONS)


def test_a_warning_in_a_document_is_no_error() -> None:
    """Scripts tell the two by the severity."""
    document = json.loads(encode(run_document(gradcalc.loads("y = exp(x) - 1; x = 1e-9").run())))
    assert [w["severity"] for w in document["warnings"]] == ["warning"]


@pytest.mark.parametrize("scale", ["1e200", "1e307", "1e-200", "1e-310", "5e-324"])
def test_gradients_at_the_ends_of_the_range_give_no_warning_of_numpy(scale: str) -> None:
    """What is lost depends on no unit."""
    with warnings.catch_warnings(action="error"):
        run = gradcalc.loads(f"s = {scale} (y - exp(-x)/3 + x^2); x = 0.7; y = 0.1").run()
    assert not counted(run, gradients=True)
