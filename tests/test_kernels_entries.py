"""Operations entry by entry: sums, quotients, choices, roots, angles and functions of two numbers, called on arrays."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from gradcalc.graph import OPERATIONS
from gradcalc.ops import named, quarter_turns
from tests.exact.directly import Array, called, column, mixed, off

INF, NAN = math.inf, math.nan
LEAST = 2.0**-1022


def asked(what: str, name: str, *x: Any, **attributes: Any) -> list[bool]:
    """A mask of an operation: where its value is at fault or its slope jumps."""
    found = getattr(OPERATIONS[name], what)(attributes, *(np.asarray(a, dtype=float) for a in x))
    return [bool(v) for v in np.asarray(found).ravel()]


def taken(name: str, i: int, *x: Any, **attributes: Any) -> list[bool]:
    """Which entries of operand i go into the result."""
    test: Any = OPERATIONS[name].takes
    return [bool(v) for v in np.ravel(test(attributes, i, *(np.asarray(a, dtype=float) for a in x)))]


# ------------------------------------------------------------------------- sums and quotients


@pytest.mark.parametrize("signs", [(1,), (-1,), (1, 1), (1, -1), (-1, 1), (-1, -1), (1, -1, 1), (-1, 1, -1, 1)])
def test_sums_with_signs(signs: tuple[int, ...]) -> None:
    terms = [np.array([[2.0**k, -3.0]]) for k in range(len(signs))]
    found = called("add", *terms, signs=signs)
    assert found.tolist() == [[sum(s * 2.0**k for k, s in enumerate(signs)), -3.0 * sum(signs)]]


@pytest.mark.parametrize("power", [1, 2, 3, 4])
def test_quotients_by_powers_lose_nothing_on_the_way(power: int) -> None:
    """x / y^k where y^k, or a quotient on the way, leaves the floats or their last digits."""
    above = [1.0, -3.0, 1e-300, 1e300, 1e-310, 5e-324, 1.7e308, LEAST, 0.9 * LEAST]
    below = [2.0, -0.7, 0.013, -0.3, 3.7e-4, 1e150, 1e-150, 1e300, 1e-300, 3e-310, 5e-324, 1.7e308, 1e10, 1e-5, 1 / 3]
    x, y = (v.ravel() for v in np.meshgrid(above, below))
    found = called("quotient_power", x, y, power=power, by="divide")
    alone = [
        called("quotient_power", np.array([a]), np.array([b]), power=power, by="divide").item()
        for a, b in zip(x, y, strict=True)
    ]
    for k, (a, b) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        exact = Fraction(a) / Fraction(b) ** power
        assert off(found[k], exact) <= power + 1, (a, b)
        assert off(alone[k], exact) <= power + 1, (a, b)


def test_quotients_by_powers_of_nothing_and_by_nothing() -> None:
    x, y = np.array([0.0, 0.0, 0.0, 2.0, -2.0]), np.array([0.0, 2.0, INF, 0.0, 0.0])
    assert called("quotient_power", x, y, power=2, by="divide").tolist() == [0, 0, 0, INF, -INF]
    assert called("quotient_power", np.array([[1.0], [8.0]]), np.array([[2.0]]), power=3, by="divide").tolist() == [
        [0.125],
        [1],
    ]
    deep = called("quotient_power", np.array([[1e-300], [8.0]]), np.array([[1e10]]), power=3, by="divide")
    assert deep[0, 0] == 0 or off(deep[0, 0], Fraction(1e-300) / 10**30) <= 3
    assert called("ratio", x, y).tolist() == [0, 0, 0, INF, -INF]
    assert called("ratio", np.array([6.0, 0.0]), np.array([3.0, NAN])).tolist() == [2, 0]


# ---------------------------------------------------------------------------------- choices


def test_comparisons() -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    for operator, expected in (
        ("<", [1, 0, 0]), ("<=", [1, 1, 0]), (">", [0, 0, 1]), (">=", [0, 1, 1]), ("==", [0, 1, 0]), ("!=", [1, 0, 1]),
    ):  # fmt: skip
        assert called("compare", x, y, operator=operator).tolist() == expected
    assert asked("kink", "compare", x, y, operator="<") == [False, True, False]


def test_where() -> None:
    c = np.array([0.0, 1.0, -2.0])
    assert called("where", c, np.full(3, 5.0), np.full(3, 7.0)).tolist() == [7, 5, 5]
    assert taken("where", 0, c, c, c) == [True] * 3
    assert taken("where", 1, c, c, c) == [False, True, True]
    assert taken("where", 2, c, c, c) == [True, False, False]


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_best_of_several_and_its_shares(name: str) -> None:
    """Ties share evenly, and the shares of all are 1."""
    rows = np.array([[1.0, 2, 3], [3, 2, 1], [2, 2, 1], [1, 2, 2], [2, 1, 2], [5, 5, 5], [-1, 0, -1], [-0.5, -0.5, 7]])
    best, operator = (np.max, ">") if name == "max" else (np.min, "<")
    for n in (2, 3):
        x = [rows[:, k] for k in range(n)]
        top = best(rows[:, :n], axis=1)
        assert called(name, *x).tolist() == top.tolist()
        hit = rows[:, :n] == top[:, None]
        for i in range(n):
            share = called("share", *x, of=i, operator=operator)
            assert np.allclose(share, hit[:, i] / hit.sum(axis=1), rtol=1e-15)
            assert taken(name, i, *x) == hit[:, i].tolist()
        assert asked("kink", name, *x) == (hit.sum(axis=1) > 1).tolist()
    assert taken(name, 0, [NAN], [1.0]) == [True]
    assert taken(name, 1, [NAN], [1.0]) == [False]


@pytest.mark.parametrize(
    ("x", "low", "high", "value", "takes", "bends"),
    [
        (0.5, 0.0, 1.0, 0.5, (True, False, False), False),
        (-1.0, 0.0, 1.0, 0.0, (False, True, False), False),
        (2.0, 0.0, 1.0, 1.0, (False, False, True), False),
        (0.0, 0.0, 1.0, 0.0, (True, True, False), True),
        (1.0, 0.0, 1.0, 1.0, (True, False, True), True),
        (-1.0, 2.0, 2.0, 2.0, (False, True, True), True),
        (2.0, 2.0, 2.0, 2.0, (True, True, True), True),
        (3.0, 2.0, 2.0, 2.0, (False, False, True), False),
        (0.5, 2.0, 1.0, 1.0, (False, False, True), False),
        (2.0, 2.0, 1.0, 1.0, (False, False, True), False),
        (1.0, 2.0, 1.0, 1.0, (False, False, True), False),
        (3.0, 2.0, 1.0, 1.0, (False, False, True), False),
    ],
)
def test_clip(x: float, low: float, high: float, value: float, takes: tuple[bool, ...], bends: bool) -> None:
    operands = [[x], [low], [high]]
    assert called("clip", *map(np.array, operands)).tolist() == [value]
    assert asked("kink", "clip", *operands) == [bends]
    assert tuple(taken("clip", i, *operands)[0] for i in range(3)) == takes


def test_clip_leaves_out_nothing_that_is_undefined() -> None:
    assert taken("clip", 0, [NAN], [0.0], [1.0]) == [True]
    assert taken("clip", 1, [0.5], [NAN], [1.0]) == [True]
    assert taken("clip", 2, [0.5], [0.0], [NAN]) == [True]


# ----------------------------------------------------------------------------- one number


def test_cube_roots_of_all_sizes() -> None:
    x = [
        8.0,
        27.0,
        1.0,
        0.3,
        1e200,
        1.0001e200,
        9e199,
        1e-200,
        0.99e-200,
        1.01e-200,
        5e-324,
        1.7e308,
        1e-308,
        1e100,
        1e-105,
    ]
    x += np.abs(mixed(3, 3000, spread=1000.0)).tolist()
    for sign in (1, -1):
        found = called("cbrt", sign * np.array(x))
        with mp.workdps(60):
            for a, value in zip(x, found.tolist(), strict=True):
                assert off(value, sign * mp.cbrt(mpf(a))) <= 0.501, a
    assert called("cbrt", np.array([0.0, 8.0, -27.0])).tolist() == [0, 2, -3]


def test_differences_from_squares_keep_their_digits_near_the_zeros() -> None:
    for c, name in ((1.0, "one_minus_square"), (2.0, "two_minus_square")):
        zero = math.sqrt(c)
        x = [zero, math.nextafter(zero, 9), math.nextafter(zero, 0), zero + 1e-9, -zero, 0.0, 0.5, 123456789.123]
        x += [1e8, 1e9, 1.1e9, 1e10, 1e150]
        found = called(name, np.array(x))
        for a, value in zip(x, found.tolist(), strict=True):
            assert off(value, Fraction(c) - Fraction(a) ** 2) <= 1, a
        assert called(name, np.array([1e200, 1e308, -1e308])).tolist() == [-INF] * 3


def test_one_over_one_plus_a_square() -> None:
    x = [0.0, 0.5, -3.0, 1e-9, 9e9, 1e10, 1.1e10, -1e11, -1e160, 1e154, 1e160, -1e300, 1e-300, 1e8]
    for a, value in zip(x, called("over_one_plus_square", np.array(x)).tolist(), strict=True):
        assert off(value, 1 / (1 + Fraction(a) ** 2)) <= 2, a


def test_the_slope_of_tanh() -> None:
    x = [0.0, 0.5, -3.0, 18.0, 300.0, 360.0, -370.0, 400.0, 709.0, 711.0, -1e300]
    for a, value in zip(x, called("tanh'", np.array(x)).tolist(), strict=True):
        with mp.workdps(60):
            assert off(value, mp.sech(min(abs(mpf(a)), 5000)) ** 2) <= 4, a


# ---------------------------------------------------------------------------- quarter turns


def beside(multiple: int) -> list[float]:
    """The floats around a multiple of π/2."""
    with mp.workdps(400):
        near = float(multiple * mp.pi / 2)
    return [near, math.nextafter(near, 0), math.nextafter(near, INF)]


HARD = 5.319372648326541e255
"""The float closest to a multiple of π/2 (Muller et al., 10.2)."""
BESIDE = [
    9014667963203.594, 2.7968765508438196e29, 9578084710903.818, 5.0869407893811757e17, 1126833495400.4492,
    9.005723210564246e32, 1690250243100.6738, 1.050667707899162e33,
]  # fmt: skip
"""Floats within 1e-12 of k π/2, before and behind it, k modulo 4 from 0 to 3: by continued fractions."""
TURNS = [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    63_661_977,
    63_661_978,
    63_661_979,
    63_661_980,
    10**15 + 1,
    10**15 + 2,
    10**15 + 3,
    10**15,
]


def test_what_is_left_of_quarter_turns() -> None:
    """x = k π/2 + r exactly, |r| at most π/4, right to all digits of r."""
    for x in [
        0.0,
        0.5,
        0.78,
        0.79,
        -0.78,
        -0.79,
        1.0,
        1e22,
        -1e22,
        1e300,
        HARD,
        -HARD,
        1.7e308,
        5e-324,
        3.0,
        1e5,
        2.0**1000,
    ]:
        turns, rest = quarter_turns.remainder(x)
        with mp.workdps(800):
            quarter = mp.pi / 2
            whole = mp.nint(mpf(x) / quarter)
            assert turns == int(whole) % 4
            exact = mpf(x) - whole * quarter
            assert abs(rest - exact) <= mpf(2) ** -52 * abs(exact) + mpf(2) ** -240
    with mp.workdps(500):
        assert abs(quarter_turns.half_pi() - mp.pi / 2 * mpf(2) ** quarter_turns.BITS) <= 2


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_sin_cos_and_tan_beside_their_zeros_and_poles(name: str) -> None:
    function = getattr(quarter_turns, name)
    places = (
        [x for k in TURNS for x in beside(k)]
        + BESIDE
        + [HARD, 1e22, 1e300, 1.7e308, 123.456, 1e8, 1e8 + 0.5, 99_999_999.5]
    )
    places += [-x for x in places]
    together = function(np.array(places))
    for k, x in enumerate(places):
        with mp.workdps(800):
            exact = getattr(mp, name)(mpf(x))
        for value in (
            together[k],
            function.of_number(x),
            function(np.array([[x]])).item(),
            float(function(np.float64(x))),
        ):
            assert off(value, exact) <= 2, x


def test_functions_of_turns_behave_as_numpys_do() -> None:
    out = np.zeros(2)
    assert quarter_turns.sin(np.array([0.5, 1e9]), out=out) is out
    assert out.tolist() == quarter_turns.sin(np.array([0.5, 1e9])).tolist()
    moved = quarter_turns.cos(np.array([1e9 + 1e-30j]))
    assert math.isclose(moved[0].imag, -1e-30 * math.sin(1e9), rel_tol=1e-12)
    steps = np.array([9014667963203.594, 9578084710903.818]) + 1e-30j
    assert np.allclose(quarter_turns.sin(steps).imag, 1e-30 * np.array([1.0, 0.0]), atol=1e-38)

    class Recorded:
        def __array_ufunc__(self, *told: Any) -> Any:
            return told

    recorded = Recorded()
    assert quarter_turns.tan(recorded) == (quarter_turns.tan, "__call__", recorded)
    with pytest.raises(ValueError, match=r"domain|finite"):
        quarter_turns.sin.of_number(INF)


# ----------------------------------------------------------------------------- two numbers

PAIRS = [
    (3.0, 4.0),
    (-3.0, 4.0),
    (1.0, 1.0),
    (1.0, 0.0),
    (0.0, -2.0),
    (1e300, 1e-300),
    (1e-300, -1e300),
    (1e200, 3e200),
]
PAIRS += [(1e-200, 2e-200), (5e-324, 5e-324), (-5e-324, 1e-310), (1.7e308, -1.7e308), (1e-320, 1.0), (1.0, 3e-310)]
PAIRS += [
    (1.0, 1.0 + 2.0**-52),
    (1.0 - 2.0**-53, -1.0),
    (-1e300, 1e-300),
    (1e154, 1e154),
    (0.1, 0.3),
    (7e-162, 1e-161),
    (1e160, 1e-10),
]
X, Y = (np.array(v) for v in zip(*PAIRS, strict=True))


def compare(found: Array, exact: Any, ulps: float) -> None:
    with mp.workdps(1500):
        for (x, y), value in zip(PAIRS, found.tolist(), strict=True):
            assert off(value, exact(mpf(x), mpf(y))) <= ulps, (x, y)


@pytest.mark.parametrize("of", [0, 1])
def test_one_of_two_numbers_over_their_length_or_the_sum_of_their_squares(of: int) -> None:
    compare(called("over_hypot", X, Y, of=of), lambda *n: n[of] / mp.hypot(*n), 3)
    compare(called("over_squares", X, Y, of=of), lambda *n: n[of] / (n[0] ** 2 + n[1] ** 2), 4)
    assert called("over_hypot", np.zeros(1), np.zeros(1), of=of).tolist() == [0]


@pytest.mark.parametrize("of", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_product_of_two_numbers_over_the_cube_of_their_length(of: tuple[int, int]) -> None:
    compare(called("over_hypot_cubed", X, Y, of=of), lambda *n: n[of[0]] * n[of[1]] / mp.hypot(*n) ** 3, 6)


def test_the_difference_of_squares_over_the_square_of_their_sum() -> None:
    compare(called("difference_over_squares", X, Y), lambda x, y: (x * x - y * y) / (x * x + y * y) ** 2, 6)


def test_hypot_arctan2_mod_and_their_edges() -> None:
    assert called("hypot", X[:2], Y[:2]).tolist() == [5, 5]
    assert asked("kink", "hypot", [0, 1, 0], [0, 0, 1]) == [True, False, False]
    assert asked("fault", "arctan2", [0, 1, 0], [0, 0, 1]) == [True, False, False]
    assert asked("kink", "arctan2", [0, 0, 1, -1], [-1, 1, -1, 1]) == [True, False, False, False]
    assert called("mod", np.array([7.0, -7.0, 7.0, 6.0]), np.array([3.0, 3.0, -3.0, 3.0])).tolist() == [1, 2, -2, 0]
    assert called("floor_quotient", np.array([7.0, -7.0, 7.0]), np.array([3.0, 3.0, -3.0])).tolist() == [2, -3, -3]


# ------------------------------------------------------------------- functions without a formula


@pytest.mark.parametrize("name", ["f", "g", "activation"])
def test_the_stand_in_of_an_unknown_function_is_smooth_and_its_own(name: str) -> None:
    """Each order is the derivative of the one before; the waves lie in their ranges."""
    waves = named._waves(name)
    assert waves.shape == (3, 3)
    for wave in waves:
        assert all(a <= v <= b for v, a, b in zip(wave, (0.5, 0.5, 0.0), (1.0, 1.5, 6.0), strict=True))
    assert len({*waves[:, 1]}) == 3
    x, t = np.linspace(-3, 3, 13)[:, None], 1e-4
    assert np.abs(called("call", x, function="", shown=name, order=0)).max() > 0.1
    for order in range(4):
        below, above = (called("call", x + d, function="", shown=name, order=order) for d in (-t, t))
        slope = called("call", x, function="", shown=name, order=order + 1)
        assert slope.shape == x.shape
        assert np.allclose((above - below) / (2 * t), slope, rtol=0, atol=1e-6)
    moved = called("call", x + 1e-30j, function="", shown=name, order=0)
    assert np.allclose(moved.imag / 1e-30, called("call", x, function="", shown=name, order=1), rtol=1e-12)


def test_stand_ins_of_different_names_differ() -> None:
    assert not np.allclose(named._waves("f"), named._waves("g"))
    assert (named._waves("f") == named._waves("f")).all()


def test_a_function_under_another_name_is_that_function_and_its_derivatives() -> None:
    x = np.linspace(-2, 2, 9).reshape(3, 1, 3)
    t = np.tanh(x)
    for order, exact in enumerate((t, 1 - t**2, -2 * t * (1 - t**2), (1 - t**2) * (6 * t**2 - 2))):
        found = called("call", x, function="tanh", shown="f", order=order)
        assert found.shape == x.shape
        assert np.allclose(found, exact, rtol=1e-13, atol=1e-14)
    constant = called("call", x, function="square", shown="f", order=2)
    assert constant.shape == x.shape
    assert (constant == 2).all()


def test_the_masks_of_a_function_under_another_name() -> None:
    x = column([-1.0, 0.0, 2.0])
    assert asked("fault", "call", x, function="log", shown="f", order=0) == [True, True, False]
    assert asked("fault", "call", x, function="log", shown="f", order=2) == [True, True, False]
    assert asked("fault", "call", x, function="tanh", shown="f", order=0) == [False] * 3
    assert asked("fault", "call", x, function="", shown="f", order=0) == [False] * 3
    assert asked("kink", "call", x, function="relu", shown="f", order=1) == [False, True, False]
    assert asked("kink", "call", x, function="", shown="f", order=1) == [False] * 3
    assert taken("call", 0, x, function="relu", shown="f", order=0) == [False, True, True]
    assert taken("call", 0, x, function="relu", shown="f", order=1) == [True] * 3
    assert taken("call", 0, x, function="tanh", shown="f", order=0) == [True] * 3
    assert taken("call", 0, x, function="", shown="f", order=0) == [True] * 3
    of_relu, of_step = {"function": "relu", "shown": "f"}, {"function": "step", "shown": "f"}
    jumps: Any = OPERATIONS["call"].jumps
    assert (jumps({**of_relu, "order": 0}), jumps({**of_relu, "order": 1}), jumps({**of_step, "order": 0})) == (
        False,
        True,
        True,
    )
    assert not jumps({"function": "", "shown": "f", "order": 1})
    analytic: Any = OPERATIONS["call"].analytic
    assert analytic({"function": "sin", "shown": "f", "order": 1})
    assert analytic({"function": "", "shown": "f", "order": 1})
    assert not analytic({**of_relu, "order": 0})
