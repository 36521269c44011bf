"""Doubled arithmetic, against fractions: what each operation promises of its error, and exp and log at 90 digits."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from gradcalc.ops import doubled, doubled_exp
from tests.exact.rational import exact, value

FEW = Fraction(7, 2) * Fraction(2) ** -106
"""A few roundings of 106 bits."""


def floats(seed: int, count: int, spread: int = 30) -> Any:
    """Floats of both signs whose sizes differ by up to 2^(2 spread)."""
    draw = np.random.default_rng(seed)
    return draw.choice([-1.0, 1.0], count) * draw.uniform(1, 2, count) * 2.0 ** draw.integers(-spread, spread, count)


def pairs(seed: int, count: int, spread: int = 30) -> doubled.Pair:
    """Floats with a rest of at most half a unit of their last place."""
    high = floats(seed, count, spread)
    return high, np.random.default_rng(seed + 1).uniform(-0.5, 0.5, count) * np.spacing(np.abs(high))


def is_normal(pair: doubled.Pair) -> bool:
    """Whether no part of low belongs to high."""
    return bool((pair[0] + pair[1] == pair[0]).all())


def test_sums_of_two_are_exact() -> None:
    a, b = floats(1, 300, 60), floats(2, 300, 60)
    found = doubled.two_sum(a, b)
    assert (value(found) == exact(a) + exact(b)).all()
    assert (found[0] == a + b).all()


def test_sums_with_the_larger_first_are_exact() -> None:
    a, b = floats(3, 300, 60), floats(4, 300, 60)
    large, small = np.where(abs(a) >= abs(b), a, b), np.where(abs(a) >= abs(b), b, a)
    found = doubled.fast_two_sum(np.append(large, 0.0), np.append(small, 3.5))
    assert (value(found)[:-1] == exact(large) + exact(small)).all()
    assert (found[0][-1], found[1][-1]) == (3.5, 0.0)


def test_halves_of_a_float_have_products_without_rounding() -> None:
    """26 bits each, and as one sign is spared, 53 together; up to 2^995 nothing overflows."""
    a, b = np.append(floats(5, 300), [2.0**995, 1 - 2.0**-53]), np.append(floats(6, 300), [2.0**-900, 1 + 2.0**-52])
    (a1, a2), (b1, b2) = doubled.split(a), doubled.split(b)
    assert (exact(a1) + exact(a2) == exact(a)).all()
    for p, q in ((a1, b1), (a1, b2), (a2, b1), (a2, b2)):
        assert (exact(p) * exact(q) == exact(p * q)).all()


def test_products_of_two_are_exact() -> None:
    a, b = floats(7, 300), floats(8, 300)
    found = doubled.two_product(a, b)
    assert (value(found) == exact(a) * exact(b)).all()
    assert (found[0] == a * b).all()


OPERATIONS: list[tuple[Callable[..., doubled.Pair], Callable[..., Any]]] = [
    (doubled.add, lambda x, y: x + y),
    (doubled.multiply, lambda x, y: x * y),
    (doubled.divide, lambda x, y: x / y),
]


@pytest.mark.parametrize(("operation", "meant"), OPERATIONS)
@pytest.mark.parametrize("spread", [1, 40])
def test_an_operation_has_a_relative_error_of_a_few_roundings(
    operation: Callable[..., doubled.Pair], meant: Callable[..., Any], spread: int
) -> None:
    x, y = pairs(10, 2000, spread), pairs(20, 2000, spread)
    found, expected = operation(x, y), meant(value(x), value(y))
    assert (abs(value(found) - expected) <= FEW * abs(expected)).all()
    assert is_normal(found)


def test_sums_that_cancel_are_right_too() -> None:
    """A difference of pairs with the same high parts, or with neighbouring ones, keeps the digits of the low parts."""
    x = pairs(30, 1000, 3)
    for high in (x[0], np.nextafter(x[0], 9.0), x[0] * (1 + 2.0**-30)):
        y = doubled.negative((high, pairs(40, 1000)[1] * 2.0**-30))
        expected = value(x) + value(y)
        assert (abs(value(doubled.add(x, y)) - expected) <= FEW * abs(expected)).all()


def test_the_negative_of_a_pair_and_the_pair_of_a_float() -> None:
    x = pairs(50, 20)
    assert (value(doubled.negative(x)) == -value(x)).all()
    high, low = doubled.pair([3, 0.1])
    assert high.dtype == low.dtype == np.float64
    assert (value((high, low)) == exact([3.0, 0.1])).all()


def test_a_quotient_of_equals_is_one() -> None:
    x = pairs(60, 200)
    high, low = doubled.divide(x, x)
    assert (high == 1.0).all()
    assert (np.abs(low) <= 2.0**-104).all()


def test_the_unit_is_above_the_published_bounds_and_near_them() -> None:
    """Joldes, Muller and Popescu (2017): 3 u² for a sum, 5 u² for a product and 10 u² for a quotient, u = 2^-53."""
    assert 10 * 2.0**-106 < doubled.UNIT <= 16 * 2.0**-106


@pytest.mark.parametrize(("left", "right"), [((3, 4), (4, 2)), ((1, 9), (9, 1)), ((2, 1), (1, 3)), ((2, 0), (0, 3))])
def test_products_of_matrices_have_the_error_that_is_said(left: tuple[int, int], right: tuple[int, int]) -> None:
    """UNIT (n + 2) beside the product of the absolute values, where terms cancel too."""
    x = [p.reshape(left) for p in pairs(70, left[0] * left[1], 5)]
    y = [p.reshape(right) for p in pairs(80, right[0] * right[1], 5)]
    found = doubled.matmul((x[0], x[1]), (y[0], y[1]))
    assert found[0].shape == found[1].shape == (left[0], right[1])
    if left[1]:
        error = abs(value(found) - value(x) @ value(y))
        assert (error <= Fraction(2) ** -102 * (left[1] + 2) * (abs(value(x)) @ abs(value(y)))).all()
    else:
        assert not found[0].any()


def test_products_of_matrices_keep_what_floats_lose() -> None:
    """(1 + 2^-60) 1 - 1: the low parts count on either side."""
    one, tiny = np.array([[1.0, 1.0]]), np.array([[2.0**-60, 0.0]])
    column, none = np.array([[1.0], [-1.0]]), np.zeros((2, 1))
    assert value(doubled.matmul((one, tiny), (column, none)))[0, 0] == Fraction(2) ** -60
    assert value(doubled.matmul((column.T, none.T), (one.T, tiny.T)))[0, 0] == Fraction(2) ** -60


def test_products_of_matrices_are_stacked_and_stretched() -> None:
    x, y = floats(90, 24).reshape(2, 1, 3, 4), floats(91, 40).reshape(5, 4, 2)
    high, _ = doubled.matmul(doubled.pair(x), doubled.pair(y))
    assert high.shape == (2, 5, 3, 2)
    for i, k in np.ndindex(2, 5):
        assert np.allclose(high[i, k], x[i, 0] @ y[k], rtol=1e-9, atol=1e-3)
        assert (high[i, k] == doubled.matmul(doubled.pair(x[i, 0]), doubled.pair(y[k]))[0]).all()


def test_differences_of_products_are_within_two_units() -> None:
    """Also where a b and c d agree in their first fifty digits."""
    a, b = floats(100, 500, 3), floats(101, 500, 3)
    c = a * (1 + 2.0**-30)
    d = np.nextafter(b * (1 - 2.0**-30), 9.0)
    for e in (d, -d, b / 3):
        found = doubled.difference_of_products(a, b, c, e)
        expected = exact(a) * exact(b) - exact(c) * exact(e)
        assert (abs(exact(found) - expected) <= 2 * exact(np.spacing(np.abs(found)))).all()


# -------------------------------------------------------------------------------- exp and log


def wide(pair: doubled.Pair) -> list[Any]:
    return [mpf(float(a)) + mpf(float(b)) for a, b in zip(*pair, strict=True)]


def test_exponentials_are_right_to_a_few_roundings() -> None:
    draw = np.random.default_rng(0)
    small = draw.uniform(-1, 1, 60) * 2.0 ** -draw.integers(0, 70, 60)
    turns = (np.arange(-20, 20) + 0.5) * np.log(2.0)
    x = np.concatenate([draw.uniform(-600, 700, 200), small, turns, [0.0, -599.9, 699.9]])
    found = doubled_exp.exp(x)
    with mp.workdps(90):
        for f, at in zip(wide(found), x, strict=True):
            assert abs(f / mp.exp(mpf(float(at))) - 1) <= mpf(2) ** -104, at
    assert is_normal(found)


def test_logarithms_are_right_to_a_few_roundings() -> None:
    """Near 1, where the logarithm vanishes, too; from the smallest float to the largest."""
    draw = np.random.default_rng(1)
    near = 1 + draw.uniform(-1, 1, 80) * 2.0 ** -draw.integers(1, 52, 80)
    ends = [5e-324, 2.0**-1022, 1.7976931348623157e308, np.sqrt(0.5), np.nextafter(np.sqrt(0.5), 0), 0.5, 2.0]
    x = np.concatenate([2.0 ** draw.uniform(-1074, 1023, 200), draw.uniform(0.3, 3, 60), near, ends])
    found = doubled_exp.log(x)
    with mp.workdps(90):
        for f, at in zip(wide(found), x, strict=True):
            assert abs(f - mp.log(mpf(float(at)))) <= 8 * mpf(2) ** -106 * abs(mp.log(mpf(float(at)))), at


def test_the_logarithm_of_one_is_zero() -> None:
    high, low = doubled_exp.log(np.array([1.0]))
    assert high == low == 0.0
