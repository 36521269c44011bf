"""Whole numbers and powers of two, against fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from gradcalc.ops import dyadic
from tests.exact.rational import adjugate, change, exact, gauss

TWO = Fraction(2)


def scattered(seed: int, *shape: int, spread: int = 5) -> Any:
    draw = np.random.default_rng(seed)
    return draw.uniform(-1, 1, shape) * 2.0 ** draw.integers(-spread, spread, shape)


@pytest.mark.parametrize(
    "x",
    [
        np.array([[3.0, -6.0], [0.0, 12.5]]),
        np.array([[5e-324, 1.0]]),
        np.array([[-1.7976931348623157e308, 2.0**-1022]]),
        np.array([[8.0], [-32.0]]),
        scattered(1, 3, 4, spread=300),
    ],
)
def test_an_array_as_whole_numbers_is_exact_and_as_small_as_can_be(x: Any) -> None:
    """Times the power they are the floats, and one of them is odd."""
    numbers, power = dyadic.whole(x)
    assert numbers.shape == x.shape
    assert all(int(v) * TWO**power == e for v, e in zip(numbers.flat, exact(x).flat, strict=True))
    assert any(int(v) % 2 for v in numbers.flat)
    assert all(isinstance(v, int) for v in numbers.flat)


def test_zeros_and_no_entries_as_whole_numbers() -> None:
    """Zeros do not make the numbers beside them longer."""
    numbers, power = dyadic.whole(np.zeros((2, 2)))
    assert not numbers.any()
    assert power == 0
    numbers, power = dyadic.whole(np.array([[0.0, 2.0**40]]))
    assert (numbers.tolist(), power) == ([[0, 1]], 40)
    numbers, power = dyadic.whole(np.array([[0.0, 2.0**-40]]))
    assert (numbers.tolist(), power) == ([[0, 1]], -40)
    assert dyadic.whole(np.empty((0, 0)))[0].shape == (0, 0)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5])
def test_determinants_and_adjugates_are_exact(n: int) -> None:
    x = scattered(10 + n, n, n)
    found = dyadic.expansion(x)
    assert found is not None
    assert found.determinant * TWO**found.determinant_power == gauss(exact(x))
    expected = adjugate(exact(x))
    assert all(int(v) * TWO**found.adjugate_power == e for v, e in zip(found.adjugate.flat, expected.flat, strict=True))
    assert all(int(v) * TWO**found.power == e for v, e in zip(found.matrix.flat, exact(x).flat, strict=True))


def test_a_singular_matrix_has_the_determinant_zero_and_its_adjugate() -> None:
    x = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])
    found = dyadic.expansion(x)
    assert found is not None
    assert found.determinant == 0
    assert [[int(v) * 2**found.adjugate_power for v in row] for row in found.adjugate] == [
        [-3, 6, -3],
        [6, -12, 6],
        [-3, 6, -3],
    ]


@pytest.mark.parametrize(("n", "k"), [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1), (3, 2), (4, 2), (4, 3), (5, 2)])
def test_changes_are_exact(n: int, k: int) -> None:
    """The coefficient of t₁ ... tₖ, of changes in other sizes than the matrix."""
    x, *changes = (scattered(20 + 7 * j, n, n) * 2.0 ** (3 * j) for j in range(k + 1))
    found = dyadic.expansion(x, *changes)
    assert found is not None
    expected = change(exact(x), *map(exact, changes))
    assert all(int(v) * TWO**found.adjugate_power == e for v, e in zip(found.adjugate.flat, expected.flat, strict=True))
    # by Jacobi's formula det changes by the change of adj(X + Σ tᵢ Hᵢ) Hⱼ, the order of each kind counted once
    others = [change(exact(x), *(exact(h) for h in changes[:j] + changes[j + 1 :])) for j in range(k)]
    traces = {np.trace(a @ exact(h)) for a, h in zip(others, changes, strict=True)}
    assert traces == {found.determinant * TWO**found.determinant_power}


def products(n: int, k: int) -> int:
    """Products of numbers that n products of matrices take, for every set of changes: its own, and one less each."""
    sets = [s for r in range(k + 1) for s in combinations(range(k), r)]
    return n * n**3 * sum(1 + len(s) for s in sets)


@pytest.mark.parametrize("k", [0, 1, 2, 3, 4])
def test_what_takes_too_long_is_not_begun(k: int) -> None:
    """Of numbers of a few digits a product is one of words; the largest side that may be done is done."""
    largest = max(n for n in range(1, 20) if products(n, k) <= dyadic.MOST)
    for n in (largest, largest + 1):
        x = np.random.default_rng(3).integers(-3, 4, (n, n)).astype(float)
        assert (dyadic.expansion(x, *[x] * k) is None) == (n > largest), n


@pytest.mark.parametrize(("n", "allowed", "refused"), [(8, 930, 980), (12, 260, 310)])
def test_long_numbers_take_longer(n: int, allowed: int, refused: int) -> None:
    """Numbers in a product have n times the bits, 2000 of them are one word, and L words take L²: n⁴ L² in all."""
    for bits in (allowed, refused):
        x = np.eye(n)
        x[0, 0], x[-1, -1] = 2.0 ** -(bits // 2), 2.0 ** (bits - bits // 2)
        assert (dyadic.expansion(x) is None) == (bits == refused)


@pytest.mark.parametrize("side", [2.0**-1000, 2.0**1000])
def test_a_change_counts_as_the_matrix_does(side: float) -> None:
    """A long number in a change makes the work as long."""
    x, h = np.eye(10), np.eye(10)
    assert dyadic.expansion(x, h) is not None
    h[0, 0] = side
    assert dyadic.expansion(x, h) is None


def test_the_nearest_float_is_rounded_once() -> None:
    draw = np.random.default_rng(4)
    for _ in range(300):
        above, below = int(draw.integers(-(2**62), 2**62)), int(draw.integers(1, 2**62)) * int(draw.choice([-1, 1]))
        power = int(draw.integers(-60, 60))
        assert dyadic.nearest(above, power, below) == float(Fraction(above, below) * TWO**power)
    assert dyadic.nearest(1, -1) == 0.5
    assert dyadic.nearest(3, 0) == 3.0
    assert dyadic.nearest(-3) == -3.0
    assert dyadic.nearest(0, 5) == 0.0


def test_the_nearest_float_at_the_ends_of_the_range() -> None:
    assert dyadic.nearest(1, -1074) == 5e-324
    assert dyadic.nearest(1, -1076) == 0.0
    assert dyadic.nearest(1, 1023) == 2.0**1023
    for above, below in ((1, 1), (-1, -1)):
        assert dyadic.nearest(above, 1024, below) == math.inf
    for above, below in ((1, -1), (-1, 1)):
        assert dyadic.nearest(above, 1024, below) == -math.inf


@pytest.mark.parametrize("number", [1, -1, 3, 2**52 + 1, 2**53 - 1, -(2**53) - 1, 2**54 + 3, 3**80, -(7**200), 2**300])
@pytest.mark.parametrize("power", [0, -2000, 70])
def test_the_leading_digits_of_a_whole_number(number: int, power: int) -> None:
    """A pair near 1 with a power of two, right to 2^-105; exact where 106 bits suffice."""
    high, low, shift = dyadic.leading(number, power)
    found, expected = (Fraction(high) + Fraction(low)) * TWO**shift, number * TWO**power
    assert abs(found - expected) <= abs(expected) * TWO**-105
    assert found == expected or number.bit_length() > 106
    assert 0.5 <= abs(high) <= 1.0
    assert high + low == high


def test_the_leading_digits_of_zero() -> None:
    assert dyadic.leading(0, 7)[:2] == (0.0, 0.0)
