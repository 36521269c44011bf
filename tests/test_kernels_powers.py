"""Powers and the terms c x^(n-j) log(x)^k of their derivatives against mpmath, over the whole range of floats."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from gradcalc.graph import OPERATIONS
from tests.exact.directly import called, off

BASES = [1e-300, 2.2e-200, 1e-30, 0.1, 0.7, 1 - 2.0**-53, 1.0, 1.0000001, 1.5, 2.0, 3.7, 1e5, 1e30, 3e200, 1e300]
EXPONENTS = [-3.0, -2.0, -1.0, -0.5, -0.1, 0.0, 1e-20, 0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.25, 1.0 + 2.0**-52, 40.5]


def power(x: float, n: Any) -> Any:
    with mp.workdps(400):
        return mpf(x) ** n


@pytest.mark.parametrize("base", BASES)
def test_powers_of_one_exponent_and_of_many(base: float) -> None:
    together = called("power", np.full(len(EXPONENTS), base), np.array(EXPONENTS))
    for n, value in zip(EXPONENTS, together.tolist(), strict=True):
        assert off(value, power(base, mpf(n))) <= 2, n
        assert called("power", np.array([[base]]), np.array([[n]])).item() == value


def test_squares_roots_and_reciprocals_are_the_operations_themselves() -> None:
    x = np.array([0.1, 0.3, 7.7, 1e-160, 1e200, 5e-324, 1e308, 3.0, 49.0])
    with np.errstate(all="ignore"):
        assert (called("power", x, np.full(9, 2.0)) == x * x).all()
        assert (called("power", x, np.full(9, 0.5)) == np.sqrt(x)).all()
        assert (called("power", x, np.full(9, -1.0)) == 1.0 / x).all()
        assert called("power", np.array([-2.0, -4.0, -0.5]), np.array([2.0, -1.0, -1.0])).tolist() == [4, -0.25, -2]


def test_powers_of_negative_numbers_and_zero() -> None:
    x = np.array([-2.0, -2.0, -2.0, -2.0, 0.0, 0.0, 0.0, -1.0, -1.5])
    n = np.array([3.0, -3.0, 0.0, 2.0, 0.0, 2.5, 1.0, 2.0**53 - 1, 4.0])
    assert called("power", x, n).tolist() == [-8, -0.125, 1, 4, 1, 0, 0, -1, 5.0625]
    assert np.isnan(called("power", np.array([-2.0, -2.0]), np.array([0.5, 1.5]))).all()
    assert called("power", np.array([0.0, 0.0]), np.array([-1.0, -0.5])).tolist() == [math.inf, math.inf]


def test_a_complex_step_of_the_base_gives_the_slope() -> None:
    """(x + i t)^n = x^n + i t n x^(n-1) for a tiny t, also of negative bases and whole exponents."""
    t = 1e-30
    for x in (2.5, -2.5, 0.3, -0.3, -1.0, -1e5):
        for n in (1.0, 2.0, 3.0, 4.0, -1.0, -2.0, -3.0, 0.0):
            for beside in (n, np.full((1, 1), n)):
                value = called("power", np.array([[x + 1j * t]]), np.asarray(beside)).item()
                assert math.isclose(value.real, x**n, rel_tol=1e-14)
                assert math.isclose(value.imag / t, n * x ** (n - 1), rel_tol=1e-13, abs_tol=0)
    for x in (1.01, -1.01, 0.99, -0.99, -1.5):  # whole exponents that are not taken by multiplication
        for n in (151.0, 150.0, -151.0, -200.0):
            value = called("power", np.array([[x + 1j * t]]), np.array([[n]])).item()
            assert math.isclose(value.real, x**n, rel_tol=1e-12)
            assert math.isclose(value.imag / t, n * x ** (n - 1), rel_tol=1e-12)
    value = called("power", np.array([[2.5 + 1j * t]]), np.array([[1.5]])).item()
    assert math.isclose(value.imag / t, 1.5 * math.sqrt(2.5), rel_tol=1e-13)
    assert np.isnan(called("power", np.array([[-2.0]]), np.array([[1.5]]))).all()
    value = called("power", np.array([[2.0]]), np.array([[3.0 + 1j * t]])).item()
    assert math.isclose(value.imag / t, 8 * math.log(2), rel_tol=1e-13)
    value = called("power", np.array([[0.0 + 1j * t]]), np.array([[1.0]])).item()
    assert (value.real, value.imag) == (0, t)


def test_where_a_power_has_no_value() -> None:
    fault: Any = OPERATIONS["power"].fault
    x = np.array([-2.0, -2.0, -2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0, -2.0])
    n = np.array([0.5, 3.0, -3.0, -1.0, -0.5, 0.0, 0.5, -0.5, 0.5, 0.0])
    assert fault({}, x, n).tolist() == [True, False, False, True, True, *[False] * 5]


# ------------------------------------------------------------------------------------- terms


def term(c: float, x: float, n: float, below: int, logs: int) -> float:
    return called("power_term", np.array([[c]]), np.array([[x]]), np.array([[n]]), below=below, logs=logs).item()


def exactly(c: float, x: float, n: float, below: int, logs: int) -> Any:
    with mp.workdps(400):
        return mpf(c) * mpf(x) ** (mpf(n) - below) * (mp.log(mpf(x)) ** logs if logs else 1)


@pytest.mark.parametrize("below", range(4))
@pytest.mark.parametrize("logs", range(4))
def test_terms_at_positive_numbers(below: int, logs: int) -> None:
    for c in (1.0, -2.7, 1e-290, 3e250):
        grid = [(x, n) for x in BASES for n in [*EXPONENTS, 3.3, -7.9, 33.0, -41.5]]
        x, n = (np.array(v)[:, None] for v in zip(*grid, strict=True))
        found = called("power_term", np.full(x.shape, c), x, n, below=below, logs=logs)
        for place, value in enumerate(found[:, 0].tolist()):
            assert off(value, exactly(c, *grid[place], below, logs)) <= 3 + logs, (c, grid[place])


@pytest.mark.parametrize(
    ("c", "x", "n", "below"),
    [
        (1e-300, 1e100, 5.0, 0),
        (1e-200, 1e150, 3.5, 1),
        (1e300, 1e-100, 5.0, 0),
        (1e300, 1e-160, 3.0, 0),
        (1e-10, 1e155, 2.0, 0),
        (1e20, 1e-170, 2.0, 0),
        (5e-324, 1e150, 3.0, 0),
        (5e-324, 1e155, 4.0, 1),
        (3.0, 1e-154, 1.0, -1),
        (-1.5e308, 1e-290, 2.0, 0),
        (1e-280, 1e145, 2.0, 0),
        (1e-5, 1.1e97, 3.0, 0),
        (1.0, 1e103, 3.0, 0),
        (1e-8, 1e103, 4.0, 1),
        (1.0, 1e-108, 3.0, 0),
    ],
)
def test_a_power_beyond_the_floats_times_a_factor_that_brings_it_back(c: float, x: float, n: float, below: int) -> None:
    exact = exactly(c, x, n, below, 0)
    assert off(term(c, x, n, below, 0), exact) <= 3
    if n % 1 == 0:
        assert off(term(c, -x, n, below, 0), (-1) ** int(n - below) * exact) <= 3


@pytest.mark.parametrize("below", [1, 2, 3])
def test_what_the_difference_of_exponents_rounds_is_made_good(below: int) -> None:
    """x^(n - j) by its logarithm, where n - j has more digits than a float."""
    for n in (0.1, 1e-17, 1 / 3, 1.0 + 2.0**-52, -0.3, 1e-300, 2.0**53 + 2, -(2.0**52) - 1):
        for x in (1e-300, 1e300, 1e-200, 1e-90, 1e100, 1.0 + 2.0**-52, 1 - 2.0**-53, 1.0):
            if abs(n) < 1e10 or abs(x - 1) < 1e-10:
                assert off(term(1e-40, x, n, below, 0), exactly(1e-40, x, n, below, 0)) <= 3, (x, n)


def test_whole_powers_of_whole_numbers_are_exact() -> None:
    for x in (-7.0, -3.0, -2.0, 1.0, 2.0, 3.0, 10.0):
        for n in range(2, 7):
            for below in (0, 1, 2):
                assert term(3.0, x, float(n), below, 0) == 3 * x ** (n - below)


def test_the_sign_of_a_power_of_a_negative_number_goes_by_the_exact_exponent() -> None:
    """n - j may round to an even number where it is odd."""
    for n, below, sign in (
        (3.0, 0, -1), (3.0, 1, 1), (3.0, 2, -1), (2.0, 1, -1), (2.0, 2, 1), (-3.0, 1, 1), (-3.0, 2, -1), (0.0, 1, -1),
        (1 - 2.0**53, 2, -1), (1 - 2.0**53, 1, 1), (2.0**53, 1, -1), (2.0**54, 3, -1), (-(2.0**53), 1, -1),
    ):  # fmt: skip
        assert term(1.0, -1.0, n, below, 0) == sign, (n, below)
        assert term(-2.5, -1.0, n, below, 0) == -2.5 * sign
    assert term(2.0, -2.0, 3.0, 1, 0) == 8
    assert term(2.0, -0.5, -1.0, 1, 0) == 8
    assert math.isnan(term(1.0, -2.0, 1.5, 1, 0))
    assert math.isnan(term(1.0, -2.0, 2.0, 1, 1))


def test_a_term_is_zero_where_its_factor_is_and_at_zero_above_the_pole() -> None:
    for x in (-2.0, 0.0, 3.0, math.inf, 1e300):
        for n, below, logs in ((2.0, 1, 0), (0.5, 1, 2), (-1.0, 0, 1), (1.5, 3, 0)):
            assert term(0.0, x, n, below, logs) == 0
    assert term(2.0, 0.0, 2.0, 1, 0) == 0
    assert term(2.0, 0.0, 1.5, 1, 3) == 0
    assert term(2.0, 0.0, 1e-300, 0, 1) == 0
    assert term(2.0, 0.0, 1.0, 1, 0) == 2
    assert term(2.0, 0.0, 0.5, 1, 0) == math.inf
    for n in (0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.9, 1 / 3, 2 / 3, -0.1, -0.7):
        for below in (1, 2, 3):
            assert term(-2.0, 0.0, n, below, 0) == -math.inf
            assert term(2.0, 0.0, n, below, 0) == math.inf
    assert term(2.0, math.inf, 1.5, 1, 0) == math.inf
    assert term(3.0, 0.0, 0.0, 0, 0) == 3
    assert not math.isfinite(term(3.0, 0.0, 1.0, 1, 1))


def test_entries_of_all_kinds_stand_side_by_side() -> None:
    """What one of them needs changes none of the others."""
    rows = [(1e-300, 1e100, 5.0), (2.0, 3.0, 2.0), (1.5, 0.0, 3.0), (0.0, -1.0, 0.5), (2.0, 0.7, 0.1), (1.0, -2.0, 3.0)]
    c, x, n = (np.array(v).reshape(2, 3, 1) for v in zip(*rows, strict=True))
    found = called("power_term", c, x, n, below=1, logs=0)
    assert found.shape == (2, 3, 1)
    for row, value in zip(rows, found.ravel().tolist(), strict=True):
        assert math.isclose(value, term(*row, 1, 0), rel_tol=3e-16)
    wide = called("power_term", np.array([[2.0]]), x, np.array([[3.0]]), below=1, logs=0)
    assert np.allclose(wide, 2 * x * x, rtol=1e-15)
