"""The softmax family, its logarithms and its changes against mpmath: one entry that has nearly all, sums near 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from gradcalc.ops import softmax
from gradcalc.ops.softmax_changes import largest, shifted
from tests.exact.directly import AXES, Array, called, column, groups, mixed, off

AXIS = [None, 0, 1]
SHAPES = [(1, 1), (2, 1), (3, 1), (1, 4), (3, 4), (10, 2), (2, 12), (2, 3, 4), (2, 2, 1, 5)]


def probabilities(x: Any) -> list[Any]:
    powers = [mp.exp(mpf(v)) for v in x]
    return [p / mp.fsum(powers) for p in powers]


def exactly(name: str, x: Any, c: Any = ()) -> list[Any]:
    p = probabilities(x)
    mean = mp.fsum(a * mpf(b) for a, b in zip(p, c, strict=False))
    match name:
        case "softmax":
            return p
        case "log_softmax":
            return [mpf(v) - mp.log(mp.fsum(mp.exp(mpf(w)) for w in x)) for v in x]
        case "less_mean":
            return [mpf(v) - mean for v in c]
        case "softmax_change":
            return [a * (mpf(v) - mean) for a, v in zip(p, c, strict=True)]
        case _:
            whole = mp.fsum(map(mpf, c))
            return [mpf(v) - a * whole for a, v in zip(p, c, strict=True)]


VECTORS = [
    [0.0], [700.0], [1.0, 2.0], [0.0, -40.0], [0.0, -400.0, -1.0], [-1e4, -1e4 + 3], [1e5, 1e5 - 30.0, 99_950.0],
    [0.1, 0.2, 0.3], [1e-17, 0.0], [300.0, -300.0, 2.0], [30.0, 1.0, 2.0, 29.0], [5.0] * 12, [-50.0, 3.5, 3.5, -60.0],
    [0.1, 1e16, -7.0], [1e15 + 0.125, 1e15 - 0.3], [0.7] + [-35.0 - k for k in range(12)],
    [-0.1, -744.0], [-0.6931, 0.3],
]  # fmt: skip


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_and_its_logarithm(name: str) -> None:
    for x in VECTORS:
        found = called(name, column(x), axis=None)
        with mp.workdps(600):
            for value, exact in zip(found[:, 0].tolist(), exactly(name, x), strict=True):
                assert off(value, exact) <= 4, x


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", AXIS)
def test_softmax_of_many_arrays(name: str, axis: int | None) -> None:
    for shape in SHAPES:
        x = mixed(3, *shape, spread=4.0)
        found = called(name, x, axis=axis)
        assert found.shape == shape
        values = dict(groups(found, axis))
        for place, group in groups(x, axis):
            with mp.workdps(600):
                for value, exact in zip(values[place].tolist(), exactly(name, group.tolist()), strict=True):
                    assert off(value, exact) <= 4


@pytest.mark.parametrize("name", ["less_mean", "softmax_change"])
def test_what_a_change_differs_from_its_mean_by(name: str) -> None:
    """Where one entry has nearly all, 1 - p keeps its digits: for two entries c - ⟨p, c⟩ is (1 - p)(c₁ - c₂)."""
    for x, c in (
        ([0.0, -40.0], [1.0, 3.0]), ([-50.0, 0.0], [2.0, -1.0]), ([1.0, -80.0, -90.0], [1.0, 0.5, -7.0]),
        ([-300.0, 10.0, -20.0], [3.0, 1.0, 4.0]), ([0.3, 0.1, 0.2], [1.0, -1.0, 5.0]), ([4.0, 4.0], [1.0, 3.0]),
        ([0.0, -700.0], [1.0, 0.0]), ([0.0], [5.0]),
    ):  # fmt: skip
        found = called(name, column(x), column(c), axis=None)[:, 0]
        with mp.workdps(700):
            for value, exact in zip(found.tolist(), exactly(name, x, c), strict=True):
                assert off(value, exact) <= 8, (x, c)


def test_what_remains_of_a_sum_beside_one_share() -> None:
    for x, u in (
        ([0.0, -40.0], [1.0, 3.0]), ([-50.0, 0.0], [2.0, 1.0]), ([1.0, -80.0, -90.0], [1.0, 0.0, 0.0]),
        ([-300.0, 10.0, -20.0], [0.0, 1.0, 0.0]), ([0.3, 0.1, 0.2], [1.0, -1.0, 5.0]), ([4.0, 4.0], [1.0, 3.0]),
        ([0.0, -700.0], [1.0, 0.0]), ([0.0], [5.0]),
    ):  # fmt: skip
        found = called("less_share", column(x), column(u), axis=None)[:, 0]
        with mp.workdps(700):
            for value, exact in zip(found.tolist(), exactly("less_share", x, u), strict=True):
                assert off(value, exact) <= 8, (x, u)


@pytest.mark.parametrize("name", ["less_mean", "softmax_change", "less_share"])
@pytest.mark.parametrize("axis", AXIS)
def test_changes_of_many_arrays(name: str, axis: int | None) -> None:
    for shape in SHAPES:
        x, c = mixed(3, *shape, spread=4.0), mixed(4, 2, *shape, spread=4.0)
        found = called(name, x, c, axis=axis)
        assert found.shape == c.shape
        values, changes = dict(groups(found, axis)), dict(groups(c, axis))
        for place, group in groups(np.broadcast_to(x, c.shape), axis):
            with mp.workdps(60):
                mine = changes[place].tolist()
                size = max(map(abs, mine))
                for value, exact in zip(values[place].tolist(), exactly(name, group.tolist(), mine), strict=True):
                    assert abs(value - exact) <= 4 * 2.0**-53 * size


# -------------------------------------------------------------------------------- logarithms


def log_of_sum(x: Any) -> Any:
    return mp.log(mp.fsum(mp.exp(mpf(v)) for v in x))


def test_the_logarithm_of_a_sum_of_powers() -> None:
    for x in VECTORS:
        with mp.workdps(600):
            assert off(called("logsumexp", column(x), axis=None).item(), log_of_sum(x)) <= 4, x


def summing_to_one(*shares: float) -> list[float]:
    """Logarithms of numbers that sum to 1 but for what rounds."""
    return [math.log(s) for s in (*shares, 1.0 - sum(shares))]


NEAR_ONE = [
    summing_to_one(0.5), summing_to_one(0.3), summing_to_one(0.1, 0.2, 0.3), summing_to_one(1e-300),
    summing_to_one(1e-20), summing_to_one(*[0.05] * 15), [-0.001, -6.9], [-0.4, -1.0], [-0.3, -1.5, -1200.0],
    [-1e-10, -23.0], [0.0, -40.0], [-0.7, -0.9], [-1.0, -0.8, -2.5], [-1.1, -1.1, -1.1], [-1e-17, -40.0, -600.0],
    [-2.0**-40, -27.7],
]  # fmt: skip


@pytest.mark.parametrize("x", NEAR_ONE, ids=str)
def test_the_logarithm_of_a_sum_near_one_keeps_its_digits(x: list[float]) -> None:
    with mp.workdps(600):
        exact = log_of_sum(x)
        for y in (column(x), column(x[::-1]), np.array([x])):
            assert off(called("logsumexp", y, axis=None).item(), exact) <= 4


@pytest.mark.parametrize("deep", [-400.0, -499.5, -510.0, -600.0, -690.0])
def test_a_power_that_nearly_cancels_the_largest_entry_may_be_tiny(deep: float) -> None:
    """log(exp(-e) + e) for e = exp(deep), rounded: about -e² / 2 and what e was rounded by."""
    x = [-math.exp(deep), deep]
    with mp.workdps(700):
        assert off(called("logsumexp", column(x), axis=None).item(), log_of_sum(x)) <= 4


THREE = [
    [-9.171621403073496, -0.00010395323463688428], [-7.40834740780780165, -0.0006063554180302104],
    [-702.3920254448401, -9.016110307832019e-306], [-743.8746022211769, -1e-323, -712.885833143286],
    [-642.1811146302059, -1.2714097384688362e-279], [-732.2715992507082, -554.0800888359335, -2.3231373441019306e-241],
    [-426.53046695753557, -714.80615845988, -5.756676659479891e-186], [-5e-324, -744.44], [-5e-324, -1e308],
]  # fmt: skip


@pytest.mark.parametrize("x", THREE, ids=str)
def test_powers_that_cancel_beyond_twice_the_digits_of_floats_keep_their_digits(x: list[float]) -> None:
    with mp.workdps(700):
        assert off(called("logsumexp", column(x), axis=None).item(), log_of_sum(x)) <= 4


def test_ordinary_sums_near_one_are_not_taken_in_decimal_numbers_which_is_slow(monkeypatch: Any) -> None:
    monkeypatch.setattr(softmax, "_excess", None)
    for x in ([-0.4, -1.0], [-0.001, -6.9], [-1.0, -0.8, -2.5], [-(2.0**-20), -14.0]):
        with mp.workdps(60):
            assert off(called("logsumexp", column(x), axis=None).item(), log_of_sum(x)) <= 4, x


def test_a_long_row_that_cancels_takes_no_longer_than_others() -> None:
    """It has the digits of doubled arithmetic, which are as many where no two of its shares are nearly all."""
    x = [-math.log(2**13)] * 2**13
    with mp.workdps(50):
        assert off(called("logsumexp", column(x), axis=None).item(), mp.log(2**13) + mpf(x[0])) <= 4


def test_rows_near_one_stand_beside_others() -> None:
    rows = np.array([summing_to_one(0.3, 0.3), [1.0, 2.0, 3.0], summing_to_one(0.2, 0.6), [-100.0, -200.0, -3.0]])
    for y, axis in ((rows, 1), (rows.T, 0), (rows[:, :, None], None), (np.stack([rows, rows[::-1]]), 1)):
        found = called("logsumexp", y, axis=axis).ravel()
        for k, value in enumerate(found.tolist()):
            with mp.workdps(60):
                row = rows[k] if k < 4 else rows[::-1][k - 4]
                assert off(value, log_of_sum(row.tolist())) <= 4, k


@pytest.mark.parametrize("axis", AXIS)
def test_logarithms_of_sums_in_many_arrays(axis: int | None) -> None:
    for shape in SHAPES:
        x = mixed(7, *shape, spread=4.0)
        found = called("logsumexp", x, axis=axis)
        for place, group in groups(x, axis):
            with mp.workdps(60):
                assert off(found[place], log_of_sum(group.tolist())) <= 4


def test_infinite_entries() -> None:
    inf = math.inf
    assert called("logsumexp", column([-inf, 2.0]), axis=None).item() == 2
    assert called("logsumexp", column([-inf, -inf]), axis=None).item() == -inf
    assert called("softmax", column([-inf, 2.0]), axis=None).tolist() == [[0], [1]]
    assert called("logsumexp", column([1e308, 1e308]), axis=None).item() == 1e308


def test_complex_steps_of_the_family() -> None:
    """The imaginary part of f(x + i t dx) is t f'(x) dx."""
    x, dx, t = [0.3, -1.2, 2.5], [1.0, -2.0, 0.5], 1e-30
    moved = (np.array(x) + 1j * t * np.array(dx))[:, None]
    with mp.workdps(60):
        p = probabilities(x)
        mean = mp.fsum(a * b for a, b in zip(p, dx, strict=True))
        value = called("logsumexp", moved, axis=None).item()
        assert off(value.real, log_of_sum(x)) <= 4
        assert math.isclose(value.imag / t, mean, rel_tol=1e-13)
        for name, slopes in (
            ("softmax", [a * (b - mean) for a, b in zip(p, dx, strict=True)]),
            ("log_softmax", [b - mean for b in dx]),
        ):
            found = called(name, moved, axis=None)[:, 0]
            for value, exact, slope in zip(found.tolist(), exactly(name, x), slopes, strict=True):
                assert off(value.real, exact) <= 4
                assert math.isclose(value.imag / t, slope, rel_tol=1e-13)
        near = called("logsumexp", np.array(summing_to_one(0.3))[:, None] + 1j * t, axis=None).item()
        assert math.isclose(near.imag / t, 1.0, rel_tol=1e-13)


# ------------------------------------------------------------------------- what they are made of


@pytest.mark.parametrize("axis", AXIS)
def test_the_one_largest_entry_of_each_group(axis: int | None) -> None:
    for shape in [*SHAPES, (0, 1), (0, 2), (2, 0)]:
        x = np.round(mixed(1, *shape, spread=1.0))
        mask = largest(x, AXES[axis])
        assert mask.shape == shape
        chosen = dict(groups(mask, axis))
        for place, group in groups(x, axis):
            if group.size:
                assert chosen[place].tolist() == [k == int(np.argmax(group)) for k in range(group.size)]


def test_shifted_powers_make_good_what_the_difference_rounds() -> None:
    rows: Array = np.array([[1e16, 0.1, 1e16 - 3.7], [0.3, -17.123, -0.1], [-0.1, 1e-17, -3.3], [36.6, 0.1, 0.7]])
    top, difference, powers = shifted(rows, (-1,))
    assert top.ravel().tolist() == [1e16, 0.3, 1e-17, 36.6]
    assert difference.shape == powers.shape == rows.shape
    for row, values in zip(rows.tolist(), powers.tolist(), strict=True):
        with mp.workdps(60):
            for entry, value in zip(row, values, strict=True):
                assert off(value, mp.exp(mpf(entry) - mpf(max(row)))) <= 1.5
