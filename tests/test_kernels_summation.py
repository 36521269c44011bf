"""Sums, scaling and deviations from the mean against rational arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gradcalc.ops import summation
from gradcalc.ops.summation import (
    axes_of,
    centred,
    doubled_sums,
    greatest,
    length_of,
    placed,
    restored,
    rows_of,
    scaled,
    total,
)
from tests.exact.directly import AXES, Array, fractions, groups, mixed, off

SIZES = [1, 2, 3, 4, 7, 8, 9, 10, 63, 64, 65, 100, 127, 128, 129, 130, 191, 192, 200, 400, 1000]
INF, NAN = math.inf, math.nan


def exact_sum(numbers: Any) -> Fraction:
    return sum(fractions(numbers), Fraction(0))


def cancelling(seed: int, n: int, rest: float, spread: float = 20.0) -> Array:
    """Numbers whose sum is about `rest`: each beside its opposite, in another order."""
    numbers = np.random.default_rng(seed)
    half = mixed(seed, n // 2, spread=spread)
    found = np.concatenate([half, -half, [rest] * (n - 2 * (n // 2) + 1)])
    return numbers.permutation(found)


# ------------------------------------------------------------------------------------ axes


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_rows_hold_what_belongs_together_and_results_are_put_back(axis: int | None) -> None:
    x = np.arange(2.0 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    assert axes_of(axis) == AXES[axis]
    assert length_of(x, AXES[axis]) == {None: 20, 0: 4, 1: 5}[axis]
    rows = rows_of(x, AXES[axis])
    assert rows.shape == {None: (2, 3, 20), 0: (2, 3, 5, 4), 1: (2, 3, 4, 5)}[axis]
    back = placed(rows[..., -1], AXES[axis])
    for place, group in groups(x, axis):
        assert back[place] == group[-1]
    assert back.ndim == x.ndim


# ------------------------------------------------------------------------------------ sums


@pytest.mark.parametrize("n", SIZES)
def test_a_sum_of_mixed_signs_is_right_to_two_units(n: int) -> None:
    for x in (mixed(n, 3, n), mixed(n + 1, 3, n, spread=1.0), mixed(n + 2, 2, 3, n, spread=300.0)):
        for divisor in (1.0, float(n), 3.0):
            found = total(x, (-1,), divisor)
            for place, group in groups(x, 1):
                assert off(found[place], exact_sum(group) / Fraction(divisor)) <= 2, (n, divisor)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_a_sum_of_many_arrays_at_once_is_that_of_each(axis: int | None) -> None:
    for shape in ((2, 3, 4), (3, 9), (2, 2, 3, 2), (40, 3), (2, 1, 1), (1, 12), (12, 1)):
        x = mixed(5, *shape)
        x.flat[1:2] = -x.flat[:1]
        found = total(x, AXES[axis])
        assert found.shape == np.sum(x, axis=AXES[axis], keepdims=True).shape
        for place, group in groups(x, axis):
            assert off(found[place], exact_sum(group)) <= 2


@pytest.mark.parametrize("n", [5, 8, 40, 129, 300, 1000])
def test_a_sum_is_right_however_much_of_it_cancels(n: int) -> None:
    rests = [2.0**k * (1 + 2.0**-20) for k in range(-80, 20, 3)]
    rows = np.stack([cancelling(k, n, sign * rest) for sign in (1, -1) for k, rest in enumerate(rests)])
    near = [cancelling(k, n, 2.0 ** (k / 4 - 5), 60.0) for k in range(100)]  # about the sizes of what roundings take
    rows = np.concatenate([rows, near])
    found = total(rows, (-1,))
    for row, value in zip(rows, found[:, 0], strict=True):
        assert off(value, exact_sum(row)) <= 2


def test_what_cancels_to_nothing_is_exactly_zero() -> None:
    for n in (4, 9, 90, 500):
        half = mixed(n, n, spread=200.0)
        assert total(np.concatenate([half, -half[::-1]])[:, None], (-2,)).item() == 0
    assert total(np.array([[0.1, 0.2, -0.3]]), (-1,)).item() == float(exact_sum([0.1, 0.2, -0.3]))


def test_rows_that_cancel_stand_beside_rows_that_do_not() -> None:
    x = np.array([[1.0, 2, 4], [1e17, 1, -1e17], [-1, -2, -4], [1e17, -1, -1e17]])
    assert total(x, (-1,)).ravel().tolist() == [7, 1, -7, -1]
    assert total(x.T, (-2,)).ravel().tolist() == [7, 1, -7, -1]


@pytest.mark.parametrize("n", [9, 10, 64, 200, 1000])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_terms_of_one_sign_are_summed_as_numpy_does(n: int, sign: float) -> None:
    x = sign * np.abs(mixed(n, 50, n, spread=3.0))
    assert (total(x, (-1,)) == np.sum(x, axis=-1, keepdims=True)).all()
    some = np.abs(x[:3]) + 1.0
    some[0, 1] = -5.0  # a sum of mixed signs among them changes none of the others
    assert (total(sign * some, (-1,))[1:] == np.sum(sign * some, axis=-1, keepdims=True)[1:]).all()


def test_long_columns_of_one_sign_lose_nothing() -> None:
    """One addition after the other would be wrong by hundreds of units."""
    x = np.full((50_000, 2), 0.1)
    for value in total(x, (-2,)).flat:
        assert off(value, Fraction(0.1) * 50_000) <= 2


def test_a_sum_of_nothing_is_zero() -> None:
    assert total(np.zeros((0, 1)), (-2, -1)).tolist() == [[0.0]]
    assert total(np.zeros((0, 3)), (-2,)).tolist() == [[0.0, 0.0, 0.0]]
    assert total(np.zeros((0, 3)), (-1,)).shape == (0, 1)


@pytest.mark.parametrize(
    ("numbers", "divisor", "expected"),
    [
        ([1.5e308, 1.5e308], 2.0, 1.5e308),
        ([-1.5e308] * 4, 4.0, -1.5e308),
        ([1.5e308] * 12, 12.0, 1.5e308),
        ([1.5e308, 1.5e308, -1.5e308], 1.0, 1.5e308),
        ([-1.5e308, -1.5e308, 1.5e308, 2.0], 1.0, -1.5e308),
        ([1.5e308, 1.5e308], 1.0, INF),
        ([-1.5e308] * 3, 1.0, -INF),
        ([-1.5e308] * 20, 1.5, -INF),
        ([1.5e308, 1.5e308, 1.5e308, -1.0], 1.0, INF),
        ([1.5e308, 1.5e308, -1.5e308, -1.5e308, 0.5], 1.0, 0.5),
        ([INF, 1.0, -1.0], 1.0, INF),
        ([-INF, 1.0, -1.0, 3.0], 2.0, -INF),
        ([INF] * 12, 2.0, INF),
        ([-INF] * 3, 2.0, -INF),
    ],
)
def test_sums_beyond_the_largest_float(numbers: list[float], divisor: float, expected: float) -> None:
    assert total(np.array([numbers]), (-1,), divisor).item() == expected
    beside = np.stack([numbers, np.arange(1.0, len(numbers) + 1)])
    assert total(beside, (-1,), divisor)[:, 0].tolist() == [expected, np.sum(beside[1]) / divisor]


def test_what_is_no_number_makes_the_sum_none() -> None:
    for numbers in ([NAN, 1.0, -1.0], [INF, -INF, 1.0], [NAN] * 12, [INF, 1.0, -INF] * 5, [NAN, 1.0], [INF, -INF]):
        x = np.stack([numbers, [1.0] * (len(numbers) - 1) + [-3.0]])
        found = total(x, (-1,))
        assert np.isnan(found[0, 0])
        assert found[1, 0] == len(numbers) - 4


def test_a_sum_of_complex_numbers_is_that_of_both_parts() -> None:
    x = np.array([[1e17 + 1j, 1 + 1e17j, -1e17 - 1e17j]])
    assert total(x, (-1,)).item() == 1 + 1j
    assert total(x, (-1,), 4.0).item() == 0.25 + 0.25j


def test_ordinary_sums_are_not_taken_exactly_which_is_slow(monkeypatch: Any) -> None:
    def refuse(*row: Any) -> Any:
        raise AssertionError("an exact sum")

    monkeypatch.setattr(summation, "_exact", refuse)
    monkeypatch.setattr(summation, "_exact_deviations", refuse)
    for n in (3, 8, 100, 1000):
        x = np.random.default_rng(n).normal(size=(20, n))
        for row, value in zip(x, total(x, (-1,))[:, 0], strict=True):
            assert off(value, exact_sum(row)) <= 2
        x[:, 0] = np.mean(x[:, 1:], axis=1) + 1e-8  # near the mean, but not by what roundings count for
        centred(x, (-1,))
    half = np.arange(1.0, 40.0)
    assert total(np.concatenate([half, -half])[None], (-1,)).item() == 0  # no addition rounds
    assert centred(np.array([[1.0, 2.0, 3.0]]), (-1,)).tolist() == [[-1, 0, 1]]
    for size in (1e-300, 2.0**-750, 2.0**-650, 2.0**880, 1e300):
        x = np.random.default_rng(1).uniform(0.5, 2.0, size=(20, 8)) * size
        for row, values in zip(x, centred(x, (-1,)), strict=True):
            assert all(off(v, e) <= 4 for v, e in zip(values, deviations(row), strict=True))
        assert (centred(np.array([[size, 0.0, -size]]), (-1,)) == [[size, 0.0, -size]]).all()
    assert np.isnan(centred(np.array([[math.inf, 1e-300, 0.0]]), (-1,))[0, 0])
    near = np.array([[0.0, 1.0, 1.0]]) + 2.0**50  # only the mean rounds
    assert [off(v, e) <= 1 for v, e in zip(centred(near, (-1,))[0], deviations(near), strict=True)] == [True] * 3


# -------------------------------------------------------------------------------- doubled sums


@pytest.mark.parametrize("n", [1, 2, 3, 5, 63, 64, 65, 127, 128, 129, 130, 200, 333, 1000, 5000])
def test_the_errors_of_additions_are_kept_and_bounded(n: int) -> None:
    """The sum is high + low up to the roundings of low, of which none is larger than an ulp of `size`."""
    for x in (mixed(n, 4, n), np.abs(mixed(n, 4, n, spread=2.0))):
        high, low, size = doubled_sums(x)
        assert high.shape == low.shape == size.shape == (4,)
        for k, row in enumerate(x):
            rest = exact_sum(row) - Fraction(float(high[k]))
            slack = Fraction(float(size[k])) * min(n, 256) / 2**53
            assert abs(rest - Fraction(float(low[k]))) <= slack
            assert abs(rest) <= Fraction(float(size[k])) + slack
            assert size[k] <= n * 2.0**-53 * float(np.sum(np.abs(row)))
            if n > 60:
                assert abs(rest) < 2.0**-49 * float(np.sum(np.abs(row)))


def test_a_sum_without_a_rounding_says_so() -> None:
    for n in (1, 2, 70, 300):
        high, low, size = doubled_sums(np.arange(-5.0, n)[None])
        assert (high.item(), low.item(), size.item()) == (sum(range(-5, n)), 0, 0)
    high, low, size = doubled_sums(np.array([[2.0**60, 1.0, 1.0, 1.0, -(2.0**60)]]))
    assert (high + low).item() == 3
    assert size.item() == 3


@pytest.mark.parametrize("shape", [(2, 3, 5), (4, 1), (1, 9), (3, 8), (2, 20)])
def test_the_greatest_of_each_row(shape: tuple[int, ...]) -> None:
    x = mixed(3, *shape)
    assert greatest(x).tolist() == [[max(r) for r in m] for m in x.tolist()] if len(shape) == 3 else True
    assert greatest(x[..., ::-1]).tolist() == greatest(x).tolist() == np.max(x, axis=-1).tolist()


# ------------------------------------------------------------------------------------ scaling


def test_what_is_scaled_has_squares_and_comes_back_exactly() -> None:
    for power in [*range(-1074, 1024, 7), -1074, -1073, -1022, -301, -300, -299, 299, 300, 301, 1023]:
        x = np.array([[math.ldexp(1.0, power)], [-math.ldexp(1.5, power)], [0.0]])
        near, shift = scaled(x, (-2, -1))
        assert shift.shape == (1, 1)
        exponent = int(shift.item())
        assert [Fraction(v) * Fraction(2) ** exponent for v in near[:, 0].tolist()] == fractions(x)
        assert 2.0**-1000 < np.max(near) ** 2 < 2.0**1000
        assert (restored(near, shift) == x).all()


@pytest.mark.parametrize("largest", [0.0, INF, 2.0**200, 2.0**-200, 1.0])
def test_moderate_numbers_zero_and_infinity_are_not_scaled(largest: float) -> None:
    x = np.array([[largest], [-0.5 * largest]])
    near, shift = scaled(x, (-2, -1))
    assert shift.item() == 0
    assert near is x


def test_each_group_is_scaled_by_its_own_largest() -> None:
    x = np.array([[1e300, 1e-300, 1.0], [-2e300, -3e-300, 0.5]])
    for y, axes in ((x, (-2,)), (np.ascontiguousarray(x.T), (-1,)), (np.stack([x, x]), (-2,))):
        near, shift = scaled(y, axes)
        assert (restored(near, np.broadcast_to(shift, y.shape)) == y).all()
        small = np.abs(np.log2(np.abs(near))) < 3
        assert small.all()
    near, shift = scaled(x, (-2, -1))
    assert shift.shape == (1, 1)
    assert np.max(np.abs(near)) <= 1


def test_scaling_nothing() -> None:
    near, shift = scaled(np.zeros((0, 1)), (-2, -1))
    assert near.shape == (0, 1)
    assert shift.tolist() == [[0]]


def test_complex_numbers_are_scaled_by_their_real_parts_and_restored_part_by_part() -> None:
    x = np.array([[1e300 + 1e280j], [-1e299 - 2e299j]])
    near, shift = scaled(x, (-2, -1))
    assert (restored(near, shift) == x).all()
    assert np.max(np.abs(near)) < 2
    assert restored(np.array([[3 - 5j]]), np.array([[4]])).item() == 48 - 80j


# ---------------------------------------------------------------------------------- deviations


def deviations(row: Array) -> list[Fraction]:
    terms = fractions(row)
    mean = sum(terms, Fraction(0)) / len(terms)
    return [t - mean for t in terms]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 9, 64, 130, 300])
def test_deviations_are_right_to_a_few_units_each(n: int) -> None:
    near = 1.0 + 2.0**-30 * mixed(n, 4, n, spread=3.0)
    tight = 1.0 + 2.0**-52 * np.random.default_rng(n).integers(0, 3, (6, n))
    beside = mixed(n + 1, 6, n, spread=3.0)
    beside[:, 0] = [float(exact_sum(r[1:]) / max(1, n - 1)) for r in beside]  # an entry that nearly is the mean
    for x in (mixed(n, 4, n), mixed(n + 2, 4, n, spread=300.0), near, tight, beside, 1e300 * near, 1e-310 * near):
        found = centred(x, (-1,))
        for row, values in zip(x, found, strict=True):
            for value, exact in zip(values, deviations(row), strict=True):
                assert off(value, exact) <= 4


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_deviations_of_many_arrays_at_once(axis: int | None) -> None:
    for shape in ((2, 3, 4), (3, 2), (2, 2, 9, 2), (1, 1), (1, 5), (5, 1)):
        x = mixed(7, *shape, spread=4.0)
        found = centred(x, AXES[axis])
        assert found.shape == x.shape
        wanted = {place: deviations(group) for place, group in groups(x, axis)}
        back = {place: group.tolist() for place, group in groups(found, axis)}
        for place, exact in wanted.items():
            assert all(off(v, e) <= 4 for v, e in zip(back[place], exact, strict=True))


def test_deviations_of_numbers_whose_sum_is_beyond_the_largest_float() -> None:
    big = 1.5e308
    for row in ([big, big, 0.0, big], [big, -big, big, 1.0], [-big, -big, -1e300, -big] * 5):
        x = np.array([row, list(np.arange(1.0, len(row) + 1))])
        found = centred(x, (-1,))
        for values, one in zip(found, x, strict=True):
            assert all(off(v, e) <= 4 for v, e in zip(values, deviations(one), strict=True))


def test_small_entries_keep_their_deviations_beside_large_ones() -> None:
    x = np.array([[2000.0, -2000.0, 3e-300], [1e300, -1e300, 1.0], [1e3, 2e3, 3e3]])
    for rows in (x, x[:1]):
        for values, one in zip(centred(rows, (-1,)), rows, strict=True):
            assert all(off(v, e) <= 4 for v, e in zip(values, deviations(one), strict=True))


@pytest.mark.parametrize(
    "row",
    [
        [1e300, 1e-300, -1e300],
        [1.7e308, 5e-324, -1.7e308],
        [2.0**901, 2.0**-801, -(2.0**901)],
        [1e-300, math.nextafter(1e-300, 1), math.nextafter(1e-300, 1)],
        [3e-308, math.nextafter(3e-308, 1), 2e-308, 5e-324],
        [1.0, -1.0, 3e-300, 2e-300, 5e-300],
        [1e-215, -1e-215, 1.0000000000000002e-290, 1e-290, 1.3e-290, 6.6e-291],
    ],
    ids=str,
)
def test_deviations_at_the_ends_of_the_range(row: list[float]) -> None:
    found = centred(np.array([row, row[::-1]]), (-1,))
    for values, one in zip(found.tolist(), (row, row[::-1]), strict=True):
        assert all(off(v, e) <= 1 for v, e in zip(values, deviations(np.array(one)), strict=True))


def test_deviations_of_what_is_not_finite_are_unknown() -> None:
    for bad in (math.inf, -math.inf, math.nan):
        assert not np.isfinite(centred(np.array([[1.0, bad, 1e-300, 1e300]]), (-1,))[0, 0])


def test_equal_numbers_deviate_by_exactly_nothing() -> None:
    for value in (0.1, -1e308, 5e-324, 1 / 3, 1e17):
        for n in (1, 2, 3, 7, 49, 200):
            assert (centred(np.full((2, n), value), (-1,)) == 0).all()


def test_deviations_of_complex_numbers_are_those_of_both_parts() -> None:
    assert centred(np.array([[1 + 8j, 3 + 2j]]), (-1,)).tolist() == [[-1 + 3j, 1 - 3j]]
