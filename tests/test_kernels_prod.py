"""Products, and those of all entries but one, against rational arithmetic."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gradcalc.ops.prod import Wide
from tests.exact.directly import Array, called, column, fractions, groups, mixed, off


def product(numbers: Any) -> Fraction:
    return math.prod(numbers, start=Fraction(1))


def exactly_without(x: list[Fraction], changes: list[list[Fraction]], place: int) -> Fraction:
    """The derivative along the changes of the product of all entries but one: Σ over places for them."""
    others = [k for k in range(len(x)) if k != place]
    total = Fraction(0)
    for where in itertools.permutations(others, len(changes)):
        changed = product(h[k] for h, k in zip(changes, where, strict=True))
        total += changed * product(x[k] for k in others if k not in where)
    return total


# ------------------------------------------------------------------------------ wide numbers


def exact(n: Wide, place: int = 0) -> Fraction:
    high, low, power = (part[place] for part in (n.high, n.low, n.power))
    return (Fraction(float(high)) + Fraction(float(low))) * Fraction(2) ** int(power)


NUMBERS = [0.0, 1.0, -1.0, 0.1, -3.7, 1e308, -1e-308, 5e-324, 2.0**-1022, 1.0 + 2.0**-52, 6.02e23, 0.5]


def test_wide_numbers_hold_every_float_near_one() -> None:
    n = Wide.of(np.array(NUMBERS))
    for k, x in enumerate(NUMBERS):
        assert exact(n, k) == Fraction(x)
        assert x == 0 or 0.5 <= abs(n.high[k]) <= 1
    assert n.floats().tolist() == NUMBERS
    assert n[3:5].floats().tolist() == NUMBERS[3:5]
    assert np.isnan(Wide.of(np.array([math.nan])).floats()).all()
    assert Wide.of(np.array([math.inf, -math.inf])).floats().tolist() == [math.inf, -math.inf]


@pytest.mark.parametrize("a", NUMBERS)
def test_wide_numbers_are_multiplied_and_added_to_twice_the_digits(a: float) -> None:
    x = Wide.of(np.full(len(NUMBERS), a))
    y = Wide.of(np.array(NUMBERS))
    times, plus, back = x * y, x + y, y + x
    for k, b in enumerate(NUMBERS):
        assert abs(exact(times, k) - Fraction(a) * Fraction(b)) <= abs(Fraction(a) * Fraction(b)) / 2**100
        for found in (plus, back):
            assert abs(exact(found, k) - Fraction(a) - Fraction(b)) <= abs(Fraction(a) + Fraction(b)) / 2**100
        for n in (times, plus):
            assert n.high[k] == 0 or 0.5 <= abs(n.high[k]) <= 1
            assert abs(n.low[k]) <= 2.0**-53 * abs(n.high[k])
            assert n.high[k] or n.power[k] == 0


def test_what_is_far_smaller_than_its_neighbour_adds_nothing_and_does_no_harm() -> None:
    """Powers of 2 far outside the floats."""
    huge = Wide(np.array([0.75]), np.array([0.0]), np.array([100_000]))
    tiny = Wide(np.array([-0.75]), np.array([0.0]), np.array([-100_000]))
    none = Wide.of(np.array([0.0]))
    for found in (huge + tiny, tiny + huge, huge + none, none + huge):
        assert exact(found) == exact(huge)
    assert exact(tiny + none) == exact(none + tiny) == exact(tiny)
    assert exact(huge * tiny) == Fraction(-9, 16)
    assert (huge * none).power.tolist() == [0]
    with np.errstate(over="ignore"):
        assert huge.floats().tolist() == [math.inf]
    assert tiny.floats().tolist() == [0.0]
    near = Wide(np.array([0.5]), np.array([0.0]), np.array([100_000 - 60]))
    assert exact(huge + near) == exact(huge) + exact(near)
    edge = Wide(np.array([0.5]), np.array([2.0**-60]), np.array([1]))
    assert edge.floats().tolist() == [1.0]


def test_sums_that_cancel_keep_what_is_left() -> None:
    a, b = Wide.of(np.array([1.0 + 2.0**-40])), Wide.of(np.array([1.0 - 2.0**-40]))
    left = a * b + Wide.of(np.array([-1.0]))
    assert exact(left) == Fraction(-1, 2**80)


# ---------------------------------------------------------------------------------- products


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize(
    "shape", [(0, 1), (1, 1), (2, 1), (3, 1), (1, 4), (5, 1), (3, 4), (8, 9), (2, 3, 3), (2, 2, 1, 5)]
)
def test_products_of_all_entries(shape: tuple[int, ...], axis: int | None) -> None:
    x = mixed(1, *shape, spread=3.0)
    found = called("prod", x, axis=axis)
    places = groups(x, axis)
    assert found.size == len(places)
    for place, group in places:
        assert off(found[place], product(fractions(group))) <= 0.51


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 9])
@pytest.mark.parametrize("many", [0, 1, 2])
def test_products_of_the_others_and_their_changes(n: int, many: int) -> None:
    x, *changes = mixed(n, many + 1, n, 1, spread=3.0)
    for zeros in ([], [0], [n - 1], [0, n // 2]):
        y = x.copy()
        y[zeros] = 0
        found = called("prod_others", y, *changes, axis=None)
        assert found.shape == (n, 1)
        for place in range(n):
            wanted = exactly_without(fractions(y), [fractions(h) for h in changes], place)
            assert off(found[place, 0], wanted) <= 1, (zeros, place)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_products_of_the_others_in_many_arrays(axis: int | None) -> None:
    for shape in ((3, 4), (2, 2, 3), (2, 3, 1, 2), (1, 3), (3, 1), (0, 2), (2, 0)):
        x, h = mixed(3, *shape, spread=3.0), mixed(4, *shape, spread=3.0)
        for changes in ([], [h], [h, h[..., ::-1]]):
            found = called("prod_others", x, *changes, axis=axis)
            assert found.shape == x.shape
            beside = [dict(groups(c, axis)) for c in changes]
            values = dict(groups(found, axis))
            for place, group in groups(x, axis):
                along = [fractions(b[place]) for b in beside]
                for k, value in enumerate(values[place]):
                    assert off(value, exactly_without(fractions(group), along, k)) <= 1


def test_one_operand_serves_many_changes_and_the_reverse() -> None:
    x, h = mixed(5, 3, 1, spread=2.0), mixed(6, 4, 3, 1, spread=2.0)
    found, turned = called("prod_others", x, h, axis=None), called("prod_others", h, x, axis=None)
    assert found.shape == turned.shape == (4, 3, 1)
    for k in range(4):
        assert (found[k] == called("prod_others", x, h[k], axis=None)).all()
        assert (turned[k] == called("prod_others", h[k], x, axis=None)).all()


def test_changes_are_taken_in_any_order() -> None:
    x, g, h = mixed(8, 3, 5, 1, spread=2.0)
    one, other = called("prod_others", x, g, h, axis=None), called("prod_others", x, h, g, axis=None)
    assert np.allclose(one, other, rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    "numbers",
    [
        [1e300, 1e300, 1e-300, 1e-300],
        [1e-300] * 5 + [1e300] * 5,
        [2.0] * 1500 + [0.5] * 1480,
        [5e-324, 1e308, 1e16],
        [1e200, 1e200],
        [-1e200, 1e200],
        [1e-200, 1e-200],
        [1e300] * 20 + [0.0],
        [1.5] * 1000 + [2 / 3] * 1000,
        [3.0] * 700,
    ],
)
def test_products_leave_the_floats_on_the_way_and_come_back(numbers: list[float]) -> None:
    exact = fractions(numbers)
    assert off(called("prod", column(numbers), axis=None).item(), product(exact)) <= 1
    others = called("prod_others", column(numbers), axis=None)[:, 0]
    for k in {0, 1, len(numbers) // 2, len(numbers) - 1}:
        assert off(others[k], product(exact[:k] + exact[k + 1 :])) <= 1


def test_what_is_no_number_goes_through() -> None:
    assert math.isnan(called("prod", column([math.nan, 2.0]), axis=None).item())


# ----------------------------------------------------------------------------- complex steps


def test_a_complex_step_gives_the_derivative_of_every_operand() -> None:
    """f(x + i t h) is f(x) + i t f'(x) h to first order, of which nothing else is kept."""
    x, g, h, dx, dg, dh = mixed(9, 6, 4, 1, spread=2.0)
    exact = [[Fraction(v) for v in a[:, 0].tolist()] for a in (x, g, h, dx, dg, dh)]

    def check(found: Array, real: list[Fraction], imaginary: list[Fraction]) -> None:
        for value, one, other in zip(found.ravel(), real, imaginary, strict=True):
            assert off(value.real, one) <= 2
            assert abs(Fraction(float(value.imag)) - other) <= 1e-14 * abs(other)

    def others(*which: int) -> list[Fraction]:
        return [exactly_without(exact[0], [exact[k] for k in which], p) for p in range(4)]

    def summed(*lists: list[Fraction]) -> list[Fraction]:
        return [sum(terms, Fraction(0)) for terms in zip(*lists, strict=True)]

    whole = product(exact[0])
    slope = sum((exact[3][k] * product(exact[0][:k] + exact[0][k + 1 :]) for k in range(4)), Fraction(0))
    check(called("prod", x + 1j * dx, axis=None), [whole], [slope])
    check(called("prod_others", x + 1j * dx, axis=None), others(), others(3))
    check(called("prod_others", x + 1j * dx, g, axis=None), others(1), others(1, 3))
    check(called("prod_others", x, g + 1j * dg, axis=None), others(1), others(4))
    moved = called("prod_others", x + 1j * dx, g + 1j * dg, h + 1j * dh, axis=None)
    check(moved, others(1, 2), summed(others(1, 2, 3), others(4, 2), others(1, 5)))
