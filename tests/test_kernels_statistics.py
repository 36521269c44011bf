"""Means, deviations, norms, medians, extremes and losses of arrays against exact numbers, with axes in front."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from mpmath import mp

from gradcalc.graph import OPERATIONS
from gradcalc.ops import losses
from tests.exact.directly import Array, called, column, fractions, groups, mixed, number, off

AXIS = [None, 0, 1]
SHAPES = [(1, 1), (2, 1), (3, 1), (1, 4), (3, 4), (2, 9), (10, 3), (2, 3, 4), (2, 2, 1, 5)]
Numbers = list[Fraction]


def mean(x: Numbers) -> Fraction:
    return sum(x, Fraction(0)) / len(x)


def variance(x: Numbers) -> Fraction:
    return mean([(v - mean(x)) ** 2 for v in x])


def root(x: Fraction) -> Any:
    return mp.sqrt(number(x))


REDUCTIONS: dict[str, Callable[[Numbers], Any]] = {
    "sum": lambda x: sum(x, Fraction(0)),
    "mean": mean,
    "var": variance,
    "std": lambda x: root(variance(x)),
    "norm": lambda x: root(sum((v * v for v in x), Fraction(0))),
    "norm1": lambda x: sum(map(abs, x), Fraction(0)),
    "norminf": lambda x: max(map(abs, x)),
    "median": lambda x: (sorted(x)[(len(x) - 1) // 2] + sorted(x)[len(x) // 2]) / 2,
    "max_entry": max,
    "min_entry": min,
    "size": len,
}
PER_ENTRY: dict[str, Callable[[Numbers], Any]] = {
    "centred": lambda x: [v - mean(x) for v in x],
    "direction": lambda x: [number(v) / (REDUCTIONS["norm"](x) or 1) for v in x],
    "deviation_slope": lambda x: [number(v - mean(x)) / (len(x) * root(variance(x)) or 1) for v in x],
}
RANGES: list[tuple[int, float, float]] = [
    (1, 3.0, 1.0),
    (2, 30.0, 1.0),
    (3, 2.0, 1e300),
    (4, 2.0, 1e-306),
    (5, 300.0, 1.0),
    (6, 2.0, 2.0**400),
    (7, 2.0, 2.0**-400),
]
"""Seeds, over how many powers of 2 the numbers spread, what they are multiplied with."""


@pytest.mark.parametrize("name", sorted(REDUCTIONS))
@pytest.mark.parametrize("axis", AXIS)
def test_reductions_of_arrays_at_all_scales(name: str, axis: int | None) -> None:
    for shape in SHAPES:
        for seed, spread, scale in RANGES:
            x = mixed(seed, *shape, spread=spread) * scale
            if seed == 2:
                x = 1.0 + 2.0**-40 * x
            found = called(name, x, axis=axis)
            if name == "size":
                assert found.tolist() == [[math.prod(shape[-2:]) if axis is None else shape[axis - 2]]]
                continue
            places = groups(x, axis)
            assert found.size == len(places)
            for place, group in places:
                with mp.workdps(700):
                    assert off(found[place], REDUCTIONS[name](fractions(group))) <= 3, (shape, seed)


@pytest.mark.parametrize("name", sorted(PER_ENTRY))
@pytest.mark.parametrize("axis", AXIS)
def test_what_is_kept_for_each_entry(name: str, axis: int | None) -> None:
    for shape in SHAPES:
        for seed, spread, scale in RANGES:
            x = mixed(seed, *shape, spread=spread) * scale
            found = called(name, x, axis=axis)
            assert found.shape == shape
            values = dict(groups(found, axis))
            for place, group in groups(x, axis):
                with mp.workdps(700):
                    wanted = PER_ENTRY[name](fractions(group))
                    for value, exact in zip(values[place].tolist(), wanted, strict=True):
                        assert off(value, exact) <= 4, (shape, seed)


def test_equal_entries_have_no_deviation_and_zeros_no_direction() -> None:
    for n in (1, 2, 7):
        for value in (0.1, 1e308, -5e-324):
            x = np.full((2, n, 1), value)
            assert (called("std", x, axis=None) == 0).all()
            assert (called("var", x, axis=None) == 0).all()
            assert (called("deviation_slope", x, axis=None) == 0).all()
        assert (called("direction", np.zeros((2, n, 1)), axis=None) == 0).all()
        assert called("norm", np.zeros((n, 1)), axis=None).item() == 0
    beside = called("direction", np.array([[3.0, 0.0], [4.0, 0.0]]), axis=0)
    assert beside.tolist() == [[0.6, 0.0], [0.8, 0.0]]
    beside = called("deviation_slope", np.array([[5.0, 0.1], [1.0, 0.1]]), axis=0)
    assert beside.tolist() == [[0.5, 0.0], [-0.5, 0.0]]


@pytest.mark.parametrize("axis", AXIS)
def test_reductions_of_nothing(axis: int | None) -> None:
    x = np.zeros((0, 0))
    shape = {None: (1, 1), 0: (1, 0), 1: (0, 1)}[axis]
    for name in ("sum", "norm", "norm1", "norminf"):
        assert called(name, x, axis=axis).shape == shape
    for name in ("sum", "norm", "norm1", "norminf"):
        assert called(name, np.zeros((0, 1)), axis=None).tolist() == [[0.0]]
    assert not OPERATIONS["norm"].kink({"axis": None}, np.zeros((0, 1))).any()  # type: ignore[misc]
    assert called("direction", np.zeros((0, 1)), axis=None).shape == (0, 1)


@pytest.mark.parametrize("scale", [1.0, 1e300, 1e-300, 5e-324, 2.0**1023])
def test_lengths_and_directions_neither_overflow_nor_vanish(scale: float) -> None:
    x = column([3.0, -4.0]) * scale if scale < 1e305 else column([0.6, -0.8]) * scale
    with mp.workdps(700):
        exact = fractions(x)
        assert off(called("norm", x, axis=None).item(), REDUCTIONS["norm"](exact)) <= 1
        assert off(called("std", x, axis=None).item(), REDUCTIONS["std"](exact)) <= 2
        assert off(called("direction", x, axis=None)[0, 0].item(), PER_ENTRY["direction"](exact)[0]) <= 2
        assert off(called("deviation_slope", x, axis=None)[1, 0].item(), Fraction(-1, 2)) <= 2
        assert off(called("norm_squared", x).item(), exact[0] ** 2 + exact[1] ** 2) <= 2
        assert off(called("var", x, axis=None).item(), variance(exact)) <= 2
    tight = column([1.0, 1.0 + 2.0**-52]) * 2.0**-280  # of moderate size, and what they differ by is not
    assert called("std", tight, axis=None).item() == 2.0**-333
    assert called("deviation_slope", tight, axis=None).tolist() == [[-0.5], [0.5]]


def test_the_square_of_a_norm_over_all_entries() -> None:
    for shape in ((1, 1), (3, 4), (2, 3, 4), (2, 2, 9, 2), (0, 1)):
        x = mixed(4, *shape, spread=200.0)
        found = called("norm_squared", x)
        for place, group in groups(x, None):
            assert off(found[place], sum((v * v for v in fractions(group)), Fraction(0))) <= 3
    assert called("norm_squared", np.full((2, 1), 1e200)).item() == math.inf
    assert off(called("norm_squared", np.full((2, 1), 1e-160)).item(), 2 * Fraction(1e-160) ** 2) <= 1


# ----------------------------------------------------------------------------------- medians


@pytest.mark.parametrize(
    ("numbers", "median", "shares", "tied"),
    [
        ([5.0], 5.0, [1.0], False),
        ([1.0, 5.0], 3.0, [0.5, 0.5], False),
        ([5.0, 1.0, 2.0], 2.0, [0.0, 0.0, 1.0], False),
        ([4.0, 1.0, 2.0, 9.0], 3.0, [0.5, 0.0, 0.5, 0.0], False),
        ([2.0, 2.0], 2.0, [0.5, 0.5], False),
        ([2.0, 2.0, 2.0], 2.0, [1 / 3, 1 / 3, 1 / 3], True),
        ([2.0, 7.0, 2.0], 2.0, [0.5, 0.0, 0.5], True),
        ([1.0, 2.0, 2.0, 9.0], 2.0, [0.0, 0.5, 0.5, 0.0], False),
        ([2.0, 2.0, 2.0, 9.0], 2.0, [1 / 3, 1 / 3, 1 / 3, 0.0], True),
        ([1.0, 1.0, 3.0, 4.0], 2.0, [0.25, 0.25, 0.5, 0.0], True),
        ([0.0, 1.0, 3.0, 3.0], 2.0, [0.0, 0.5, 0.25, 0.25], True),
        ([1.0, 1.0, 3.0, 3.0], 2.0, [0.25] * 4, True),
        ([1.0, 1.0, 2.0, 3.0, 3.0], 2.0, [0.0, 0.0, 1.0, 0.0, 0.0], False),
        ([0.0] * 4, 0.0, [0.25] * 4, True),
    ],
)
def test_medians_their_shares_and_where_they_bend(
    numbers: list[float], median: float, shares: list[float], tied: bool
) -> None:
    other = sorted(np.arange(len(numbers)) * 7.5, reverse=True)
    for x, axis, place in (
        (column(numbers), None, 0),
        (np.array([numbers]), None, 0),
        (np.array([other, numbers]), 1, (1, 0)),
        (np.array([other, numbers]).T, 0, (0, 1)),
        (np.array([[numbers], [other]]), None, (0, 0, 0)),
    ):
        found = called("median", x, axis=axis)
        assert found.ravel()[0 if isinstance(place, int) else sum(place)] == median
        share = called("median_share", x, axis=axis)
        mine = share.T[1] if axis == 0 else share[1] if axis == 1 else share.ravel()[: len(numbers)]
        assert np.allclose(mine, shares, rtol=1e-15)
        for name in ("median", "median_share"):
            kink: Any = OPERATIONS[name].kink
            bends = kink({"axis": axis}, x)
            assert bends.shape == found.shape
            assert bends.ravel()[0 if isinstance(place, int) else sum(place)] == tied


def test_a_median_of_large_and_small_numbers() -> None:
    big = 1.5e308
    assert called("median", column([big, big * 0.9]), axis=None).item() == 0.5 * big + 0.5 * (big * 0.9)
    assert called("median", column([-big, -big]), axis=None).item() == -big
    assert called("median", column([5e-324, 1e-323]), axis=None).item() in (5e-324, 1e-323)
    assert called("median", column([5e-324, 5e-324]), axis=None).item() == 5e-324
    assert called("median", column([5e-324, 1.5e-323]), axis=None).item() == 1e-323
    assert called("median", column([math.inf, math.inf]), axis=None).item() == math.inf


# -------------------------------------------------------------------------- kinks and switches


def kink(name: str, x: Any, axis: int | None = None) -> list[bool]:
    test: Any = OPERATIONS[name].kink
    found = test({"axis": axis}, np.asarray(x, dtype=float))
    assert found.ndim == np.ndim(x)
    return [bool(v) for v in found.ravel()]


def test_where_norms_and_deviations_bend() -> None:
    x = np.array([[0.0, 0, 3], [0, 2, 3], [0, -2, 3]])
    assert kink("norm", x, 0) == [True, False, False]
    assert kink("norm", x) == [False]
    assert kink("norm", np.zeros((2, 3, 1))) == [True, True]
    assert kink("norm1", x, 0) == [True, True, False]
    assert kink("norm1", x, 1) == [True, True, True]
    assert kink("norm1", [[1.0, 2.0]]) == [False]
    assert kink("norminf", x, 0) == [True, True, True]
    assert kink("norminf", x.T, 1) == [True, True, True]
    assert kink("norminf", [[1.0, 5.0], [7.0, -7.0], [2.0, 1.0]], 1) == [False, True, False]
    assert kink("norminf", [[1.0], [-2.0]]) == [False]
    assert kink("norminf", [[2.0], [-2.0]]) == [True]
    assert kink("norminf", [[0.0]]) == [True]
    assert kink("norminf", [[0.5], [-0.5]]) == [True]
    assert kink("norminf", [[0.5], [0.25]]) == [False]
    assert kink("norminf", [[5.0], [0.0]]) == [False]
    assert kink("std", x, 0) == [True, False, True]
    assert kink("std", x.T, 1) == [True, False, True]
    assert kink("std", x) == [False]
    assert kink("std", [[4.0]]) == [False]
    assert kink("std", [[4.0, 4.0]], 1) == [True]
    assert kink("std", [[4.0, 4.0]], 0) == [False, False]
    assert kink("direction", x, 0) == [True, False, False] * 3
    assert kink("direction", x, 1) == [False] * 9
    assert kink("direction", x.T, 1) == [True] * 3 + [False] * 6
    assert kink("direction", np.zeros((3, 1))) == [True] * 3
    assert kink("deviation_slope", x, 0) == [True, False, True] * 3
    assert kink("deviation_slope", [[-1.0, -1.0], [-1.0, 2.0]], 1) == [True, True, False, False]
    assert kink("deviation_slope", [[-1.0], [-2.0]]) == [False, False]


def test_the_largest_and_smallest_entry_where_several_are() -> None:
    x = np.array([[1.0, 5, 5], [2, 2, 3]])
    assert kink("max_entry", x, 1) == [True, False]
    assert kink("min_entry", x, 1) == [False, True]
    assert kink("max_entry", x) == [True]
    assert kink("min_entry", x) == [False]
    assert kink("max_entry", x, 0) == [False] * 3


def takes(name: str, x: Any, axis: int | None = None) -> list[list[bool]]:
    test: Any = OPERATIONS[name].takes
    found: list[list[bool]] = test({"axis": axis}, 0, np.asarray(x, dtype=float)).tolist()
    return found


def test_which_entries_count() -> None:
    x = [[1.0, -5, math.nan], [2, 5, 3]]
    yes, no = True, False
    assert takes("max_entry", [[1.0, 5], [5, 2]]) == [[no, yes], [yes, no]]
    assert takes("min_entry", [[1.0, 5], [5, 2]], 1) == [[yes, no], [no, yes]]
    assert takes("max_entry", x, 0) == [[no, no, yes], [yes, yes, no]]
    assert takes("norminf", x, 0) == [[no, yes, yes], [yes, yes, no]]
    assert takes("norminf", [[1.0, -3], [2, 0.5]]) == [[no, yes], [no, no]]
    assert takes("norminf", [[0.1, -0.3], [0.2, 0.05]]) == [[no, yes], [no, no]]
    assert takes("max_entry", [[5.0, 1], [4, 3]], 1) == [[yes, no], [yes, no]]
    assert takes("norminf", [[1.0, -3], [2, 0.5]], 1) == [[no, yes], [yes, no]]


# ------------------------------------------------------------------------------------ losses


@pytest.mark.parametrize("axis", AXIS)
def test_the_mean_of_squared_differences(axis: int | None) -> None:
    for shape in SHAPES:
        for seed, spread, scale in RANGES:
            x, y = mixed(seed, *shape, spread=spread) * scale, mixed(seed + 9, *shape, spread=spread) * scale
            near = x - y  # each rounded once: a difference is within half a unit, its square within one
            found = called("mse", x, y, axis=axis)
            for place, group in groups(near, axis):
                assert off(found[place], mean([v * v for v in fractions(group)])) <= 3
    assert called("mse", np.zeros((2, 1)) + 3.0, np.zeros((3, 2, 1)), axis=None).tolist() == [[[9.0]]] * 3
    assert off(called("mse", column([1e-170, 0]), column([0, 1e-170]), axis=None).item(), Fraction(1e-170) ** 2) <= 1


def entropy(p: Array, y: Array) -> Any:
    return -sum((number(b) * mp.log(number(a)) for a, b in zip(fractions(p), fractions(y), strict=True) if b), mp.zero)


@pytest.mark.parametrize("axis", AXIS)
def test_cross_entropy_of_arrays(axis: int | None) -> None:
    for shape in SHAPES:
        p = np.abs(mixed(1, *shape, spread=3.0))
        other = mixed(2, *shape, spread=3.0)
        for y in (np.abs(other), other, np.round(mixed(3, *shape, spread=1.0))):
            found = called("cross_entropy", p, y, axis=axis)
            weights = dict(groups(y, axis))
            for place, group in groups(p, axis):
                with mp.workdps(60):
                    assert off(found[place], entropy(group, weights[place])) <= 3


def test_cross_entropy_where_terms_cancel() -> None:
    """log(p) + log(q) with p q near 1, and rows that cancel beside rows that do not."""
    rows = [[0.5, 2.0 + 2.0**-51], [0.3, 1 / 0.3], [0.25, 4.0], [0.1, 0.2], [1e-300, 1e300], [0.7, 0.7], [1e-3, 1e3]]
    weights = [[1.0, 1.0]] * 5 + [[1.0, -1.0 + 2.0**-53], [1.0, 1.0]]
    for p, y, axis in (
        (np.array(rows), np.array(weights), 1),
        (np.array(rows).T, np.array(weights).T, 0),
        (np.array(rows)[:, :, None], np.array(weights)[:, :, None], None),
    ):
        found = called("cross_entropy", p, y, axis=axis).ravel()
        for k, value in enumerate(found.tolist()):
            with mp.workdps(60):
                size = sum(abs(math.log(v)) for v in rows[k])
                exact = entropy(np.array(rows[k]), np.array(weights[k]))
                assert abs(value - exact) <= 2.0**-52 * abs(exact) + 2.0**-100 * size, k
    assert called("cross_entropy", column([0.25, 4.0]), column([1.0, 1.0]), axis=None).item() == 0
    for p, y in (([0.5, 2.0, 0.0], [1.0, 1.0, 0.0]), ([0.5, 2.0, -3.0], [1.0, 1.0, 0.0])):
        assert called("cross_entropy", column(p), column(y), axis=None).item() == 0


def test_ordinary_entropies_take_no_logarithms_to_twice_the_digits(monkeypatch: Any) -> None:
    def refuse(*operands: Any) -> Any:
        raise AssertionError("nothing cancels")

    monkeypatch.setattr(losses, "_doubled_cross_entropy", refuse)
    p = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.9, 0.1, 0.3]])
    y = np.array([[0.3, 0.3, 0.4], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    found = called("cross_entropy", p, y, axis=1)
    for k in (0, 2):
        with mp.workdps(60):
            assert off(found[k, 0], entropy(p[k], y[k])) <= 3
    assert off(called("cross_entropy", 1 / p[:1], y[:1], axis=1).item(), entropy(1 / p[0], y[0])) <= 3


def test_cross_entropy_without_weight_and_without_probability() -> None:
    assert math.copysign(1, called("cross_entropy", column([1.0, 0.0]), column([1.0, 0.0]), axis=None).item()) == 1
    assert called("cross_entropy", column([0.5, 0.0]), column([0.0, 0.0]), axis=None).item() == 0
    assert called("cross_entropy", column([0.5, 0.0]), column([0.0, 1.0]), axis=None).item() == math.inf
    beside = called("cross_entropy", np.array([[0.5, 2.0], [0.0, 0.5]]), np.ones((2, 2)), axis=1)
    assert beside.tolist() == [[0.0], [math.inf]]
    assert math.isnan(called("cross_entropy", column([-0.5, 1.0]), column([1.0, 1.0]), axis=None).item())
    fault: Any = OPERATIONS["cross_entropy"].fault
    p, y = np.array([[0.5, 0.0, -1.0], [0.0, 1.0, 2.0]]), np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    assert fault({"axis": None}, p, y).tolist() == [[False]]
    assert fault({"axis": 1}, p, 1 - y).tolist() == [[True], [True]]
    assert fault({"axis": 0}, p, 1 - y).tolist() == [[True, True, True]]
    more = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert fault({"axis": 0}, p, y + more).tolist() == [[False, True, False]]
