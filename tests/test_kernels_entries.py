"""The arithmetic behind sums, products and functions of entries, kernel by kernel, against fractions and mpmath.

As tests/test_exact_*.py ask of whole operations with their derivatives, and quick: whole arrays at once, and the
formulas of the derivatives written here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import gradcalc.ops  # noqa: F401
from gradcalc.graph import OPERATIONS
from gradcalc.ops import activations, doubled, quarter_turns, sinc, summation
from gradcalc.ops.prod import Wide
from gradcalc.ops.statistics import middle
from tests.exact.core import exactly, ulps
from tests.exact.elementwise import ATTRIBUTES, EXACT, OPERANDS, points

Array = np.ndarray[Any, Any]
FRACTION = np.frompyfunc(Fraction, 1, 1)
DIGITS = 420
"""Enough where arguments are near zeros, and for 1e-308 beside 1."""
AXES: list[Any] = [(-2, -1), (-2,), (-1,)]
CASES = [(name, attributes) for name in sorted(EXACT) for attributes in ATTRIBUTES.get(name, [{}])]


def kernel(name: str, attributes: Any, *operands: Any) -> Array:
    """What an operation computes for arrays."""
    with np.errstate(all="ignore"):
        return np.asarray(OPERATIONS[name].kernel(attributes, *(np.asarray(x, dtype=float) for x in operands)))


def worst(found: Any, exact: Any) -> tuple[float, Any]:
    """The largest error in units of the last place, and where."""
    pairs = zip(np.ravel(found), np.ravel(np.asarray(exact, dtype=object)), strict=True)
    return max(((ulps(float(a), b), k) for k, (a, b) in enumerate(pairs)), default=(0.0, 0))


def sample(name: str, count: int) -> list[Array]:
    """Operands of an operation, as columns."""
    rows = points(name, 120)
    rows = rows[:: max(1, len(rows) // count)] if OPERANDS.get(name, 1) > 1 else rows
    return [np.array(column).reshape(-1, 1) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(("name", "attributes"), CASES)
def test_values_of_entries(name: str, attributes: dict[str, Any]) -> None:
    """Within 4 units where a value is defined and a float."""
    operands = sample(name, 60)
    found = kernel(name, attributes, *operands)
    with mp.workdps(DIGITS):
        for k in range(len(operands[0])):
            at = [exactly(x[k : k + 1]) for x in operands]
            try:
                [[exact]] = EXACT[name](attributes, *at)
            except (ZeroDivisionError, ValueError, OverflowError):
                continue
            if mp.im(exact) or mp.isnan(exact) or mp.isinf(exact):
                continue
            assert ulps(float(found[k, 0]), mp.re(exact)) <= 4, [float(x[k, 0]) for x in operands]


# ---------------------------------------------------------------------- derivatives of activations


def beside(zero: float) -> list[float]:
    """A zero of a function, the floats next to it, and places around it."""
    near = [zero, math.nextafter(zero, 9), math.nextafter(zero, -9)]
    return near + [zero + s * 10.0**-k for k in range(14) for s in (-1, 1)]


PLACES = sorted({
    *beside(-1.2784645427610738), *beside(-0.7517915246935645), *beside(2.3993572805154675), *beside(0.0),
    *beside(math.sqrt(2)), *np.linspace(-45, 45, 61).tolist(), -40.0, 40.0, -39.99, -30.0, -30.5, 29.9, -600.0, -601.0,
    -700.5, -744.0, 710.0, 1e300, -1e300, 0.3, -0.7,
})  # fmt: skip


def _sigma(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _phi(x: Any) -> Any:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def _silu_second(x: Any) -> Any:
    s = _sigma(x)
    slope = s * (1 - s)
    return 2 * slope + x * slope * (1 - 2 * s)


def _normal(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 10**4 else mpf(x > 0)


FORMULAS: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "sigmoid'": ({}, lambda x: _sigma(x) * _sigma(-x)),
    "silu'": ({}, lambda x: _sigma(x) * (1 + x * _sigma(-x))),
    "silu''": ({}, _silu_second),
    "gelu'": ({}, lambda x: _normal(x) + x * _phi(x)),
    "tanh'": ({}, lambda x: mp.sech(x) ** 2),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_derivatives_of_activations(name: str) -> None:
    """In units of the last place also next to their zeros, and where they are subnormal."""
    attributes, formula = FORMULAS[name]
    found = kernel(name, attributes, PLACES)
    with mp.workdps(DIGITS):
        exact = [formula(mpf(x)) for x in PLACES]
    error, place = worst(found, exact)
    assert error <= (8 if name == "silu''" else 4), PLACES[place]  # the tolerance of second derivatives


@pytest.mark.parametrize("rest", [0.0, 3e-17, -5e-10])
def test_exponentials_times_a_factor_keep_their_digits(rest: float) -> None:
    """c exp(t + r) also where exp(t) alone is subnormal or 0: next to where it is computed in another way too."""
    t = np.array([0.0, -1.0, -599.9, -600.0, math.nextafter(-600, -700), -700.0, -745.0, -800.0, -1000.0])
    c = np.array([1.0, -3.0, 2.0, 1e10, 1e10, 1e300, -1e300, 1e300, 1e300])
    with mp.workdps(DIGITS):
        exact = [mpf(float(a)) * mp.exp(mpf(float(b)) + mpf(rest)) for a, b in zip(c, t, strict=True)]
    for some in (slice(None), slice(3), slice(4, 5)):
        with np.errstate(all="ignore"):
            found = activations.times_exp(c[some], t[some], np.full_like(t[some], rest))
        assert worst(found, exact[some])[0] <= 3


# ------------------------------------------------------------------------------------------ sinc


def sinc_derivative(x: Any, order: int) -> Any:
    """By x s⁽ⁿ⁾ + n s⁽ⁿ⁻¹⁾ = πⁿ⁻¹ sin(π x + n π/2); at 0 its series."""
    if x == 0:
        k = order // 2
        return mpf(0) if order % 2 else (-1) ** k * mp.pi**order / (order + 1)
    value = mp.sinpi(x) / (mp.pi * x)
    turned = mp.sinpi(x), mp.cospi(x), -mp.sinpi(x), -mp.cospi(x)
    for n in range(1, order + 1):
        value = (mp.pi ** (n - 1) * turned[n % 4] - n * value) / x
    return value


@cache
def zeros_of_sinc(order: int) -> list[float]:
    found = []
    with mp.workdps(40):
        for k in (1, 2, 3, 7, 100, 12345):
            start = mpf(k) + (mpf(1) / 2 if order % 2 else 0)
            zero = float(mp.findroot(lambda x: sinc_derivative(x, order), start))
            found += [zero, math.nextafter(zero, 0), math.nextafter(zero, math.inf)]
    return [x for x in found if x > 1]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_derivatives_of_sinc(order: int) -> None:
    """Near 0, about 1/2, beside zeros, at whole numbers and far out; of an array that has one kind alone, too."""
    near = [0.0, 1e-30, 1e-9, 0.1, 0.25, 0.49, 0.4999999]
    far = [0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.5, 10.1, 1e5 + 0.3, 1e10 + 0.5]
    places = near + far + zeros_of_sinc(order) + [2.0**53, 1e16, 1e200, 2.0**53 - 1]
    places += [-x for x in places]
    with mp.workdps(DIGITS):
        for some in (places, near, far):
            exact = [sinc_derivative(mpf(x), order) for x in some]
            error, place = worst(kernel("sinc'", {"order": order}, some), exact)
            assert error <= 4, some[place]


# ------------------------------------------------------------------------------- quarter turns


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_angles_far_out(name: str) -> None:
    """The floats next to multiples of π/2 far out, of arrays, of numbers, and of what is no array of them."""
    function = getattr(quarter_turns, name)
    with mp.workdps(60):
        places = [float(mp.pi / 2 * k) for k in (1, 2, 3, 4, 10**8, 10**8 + 1, 10**8 + 2, 10**8 + 3, 10**12 + 1)]
    places += [5.319372648326541e255, 1.7e308, 1e8, 1e8 + 1, 1e9, 0.0, 0.5]
    places += [-x for x in places]
    with mp.workdps(700):
        exact = [getattr(mp, name)(mpf(x)) for x in places]
    assert worst(function(np.array(places)), exact)[0] <= 4
    assert worst([function.of_number(x) for x in places], exact)[0] <= 4
    turned = function(np.array([1e10 + 1e-5j]))
    assert turned.dtype == complex
    for bad in (math.inf, math.nan):
        with np.errstate(all="ignore"):
            assert np.isnan(function(np.array([bad])))[0]


@pytest.mark.parametrize("sign", [1, -1])
def test_remainders_of_quarter_turns(sign: int) -> None:
    with mp.workdps(700):
        for x in (1.0, 0.7, 0.8, 3.0, 1e22, 1.7e308, 5.319372648326541e255, 6381956970095103.0 * 2**797):
            turns, rest = quarter_turns.remainder(sign * x)
            whole = mp.nint(mpf(sign * x) / (mp.pi / 2))
            assert turns == int(whole) % 4
            assert ulps(rest, mpf(sign * x) - whole * mp.pi / 2) <= 1


# ------------------------------------------------------------------------------------------ sums


def nearest(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def reduced(x: Array, axes: Any, function: Callable[[list[Fraction]], Any]) -> Array:
    """A function of the entries that an axis brings together."""
    rows = x.reshape(-1) if axes == (-2, -1) else x.T if axes == (-2,) else x
    out = np.array([function([Fraction(v) for v in row]) for row in np.atleast_2d(rows).tolist()], dtype=object)
    return out.reshape(1, 1) if axes == (-2, -1) else out.reshape(1, -1) if axes == (-2,) else out.reshape(-1, 1)


def cancelling(count: int, seed: int) -> Array:
    """Numbers whose sum is a tiny part of them, far apart in size, in random order."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=count) * 10.0 ** draw.integers(-20, 20, count)
    x[count // 2 : 2 * (count // 2)] = -x[: count // 2] * (1 + 2.0**-50)
    return draw.permutation(x)


SUMS = [np.array(row) for row in (
    [3.0], [1.0, -1.0], [0.1, 0.2], [0.1, -0.3, 0.2], [1.0, 1e100, 1.0, -1e100], [1e308, 1e308, -1e308],
    [1e16, 1.0, -1e16, 1e-30], [5e-324, -5e-324, 5e-324], [2.0**53, 1.0, -(2.0**53), 2.0**-60, -1.0],
    [1.0, 2.0**-53, 2.0**-106, -1.0], [0.1] * 7 + [-0.7], [1.0] * 9, [-0.1] * 200, [1e308] * 3 + [-1e308] * 3,
)] + [cancelling(n, n) for n in (3, 4, 7, 8, 9, 10, 63, 64, 65, 66, 127, 129, 200, 1000, 4200)]  # fmt: skip


@pytest.mark.parametrize("k", range(len(SUMS)))
def test_sums_are_right_whatever_cancels(k: int) -> None:
    x = SUMS[k]
    exact = sum(map(Fraction, x.tolist()), Fraction(0))
    for divisor in (1.0, 7.0, 1e-3):
        for axes, shaped in ((AXES[0], x[:, None]), (AXES[1], x[:, None]), (AXES[2], x[None, :])):
            [[found]] = summation.total(shaped, axes, divisor)
            value = nearest(exact / Fraction(divisor))
            assert found == value or abs(found - value) <= 2 * math.ulp(value)
    with np.errstate(all="ignore"):
        high, low, size = summation.doubled_sums(x[None, :])
    if x.size > 1:
        assert np.isinf(high[0]) or abs(Fraction(float(high[0])) + Fraction(float(low[0])) - exact) <= Fraction(
            float(size[0]) * 2.0**-44
        )
        assert np.isinf(high[0]) or size[0] >= abs(low[0])


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (9, 2), (2, 9), (70, 3), (3, 70)])
def test_sums_along_axes_row_by_row(axes: Any, shape: tuple[int, int]) -> None:
    """A batch gives each its own; what cancels in one row does not change the others."""
    x = np.random.default_rng(3).normal(size=(2, *shape))
    x[0] = cancelling(shape[0] * shape[1], 5).reshape(shape) if shape != (1, 1) else 3.0
    found = summation.total(x, axes, 3.0)
    for k in range(2):
        exact = reduced(x[k], axes, lambda row: float(sum(row, Fraction(0)) / 3))
        assert found[k].shape == exact.shape
        assert (np.abs(found[k] - exact.astype(float)) <= 2 * np.spacing(np.abs(exact.astype(float)))).all()
        np.testing.assert_array_equal(found[k], summation.total(x[k], axes, 3.0))
    turned = summation.total(x + 2j * x, axes, 3.0)
    np.testing.assert_allclose(turned, found * (1 + 2j), rtol=1e-15)


def test_sums_of_what_is_not_finite() -> None:
    with np.errstate(all="ignore"):
        for row, expected in (
            ([np.inf, 1.0, -2.0], math.inf), ([-np.inf, 1.0, 2.0, 4.0], -math.inf), ([1e308, 1e308, 1e308], math.inf),
            ([-1e308, -1e308, -1e308], -math.inf),
        ):  # fmt: skip
            assert summation.total(np.array([row]), (-1,))[0, 0] == expected
        assert np.isnan(summation.total(np.array([[np.inf, -np.inf, 1.0]]), (-1,))).all()
        assert summation.total(np.array([[1e308, 1e308, 1e308]]), (-1,), 3.0)[0, 0] == 1e308
        assert summation.total(np.zeros((0, 1)), (-2, -1))[0, 0] == 0.0
        assert summation.total(np.zeros((2, 0)), (-1,)).tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("axes", AXES)
def test_deviations_from_the_mean(axes: Any) -> None:
    """Each entry within a few units, also where one nearly is the mean, and where sums would overflow."""
    draw = np.random.default_rng(4)
    for x in (
        draw.normal(size=(3, 5)), np.array([[0.1, 0.2, 0.3]]), np.array([[0.1], [0.2], [0.3]]), np.full((3, 3), 0.1),
        np.array([[1e308, -1e308, 1.7e308], [1e308, 1e308, 1.0]]), -np.array([[1.7e308, 1e308], [1.6e308, 1e-300]]),
        np.array([[1.0, 2.0, 3.0 + 2.0**-51]]),
        1e10 + draw.normal(size=(4, 30)), np.array([[1.0, 1.0 + 2.0**-52, 1.0 - 2.0**-53]]), np.array([[7.0]]),
        np.array([[0.3, 0.1, 0.2], [1.0, 2.0, 4.0], [2.0**600, 1.0, -(2.0**600)]]), np.full((1, 6), 2.0**1000),
    ):  # fmt: skip
        n = summation.length_of(x, axes)
        mean = reduced(x, axes, lambda row: sum(row, Fraction(0)) / n)  # noqa: B023
        exact = np.asarray(FRACTION(x) - mean)
        found = summation.centred(x, axes)
        assert found.shape == x.shape
        assert max(ulps(float(a), mpf(b.numerator) / b.denominator) if b else abs(a)
                   for a, b in zip(found.flat, exact.flat, strict=True)) <= 4  # fmt: skip
        np.testing.assert_array_equal(summation.centred(np.array([x, x]), axes)[1], found)
    turned = summation.centred(x + 1j * x, axes)
    np.testing.assert_array_equal(turned.imag, turned.real)


@pytest.mark.parametrize("axes", AXES)
def test_scaling_so_that_squares_are_floats(axes: Any) -> None:
    for x in ([[1e200, 3e199], [1.0, -2.0]], [[1e-200, 3e-201], [0.0, 2e-250]], [[3.0, 4.0], [5.0, -6.0]],
              [[1e308, -1e308], [1e-308, 5e-324]], [[0.0, 0.0], [0.0, 0.0]],
              [[2.0**299, 1.0], [2.0**301, 1.0]]):  # fmt: skip
        array = np.array(x)
        near, power = summation.scaled(array, axes)
        largest = np.max(np.abs(near), axis=axes, keepdims=True)
        np.testing.assert_array_equal(summation.restored(near, power)[np.abs(near) > 1e-290],
                                      array[np.abs(near) > 1e-290])  # fmt: skip
        assert (np.isfinite(largest**2) & ((largest**2 > 1e-200) | (largest == 0))).all()
    plain = np.array([[3.0, 4.0]])
    assert summation.scaled(plain, axes)[0] is plain, "what needs no scaling is not touched"
    near, power = summation.scaled(np.array([[np.inf, 1.0], [1.0, 2.0]]), axes)
    assert np.isinf(near[0, 0]) and near[1, 1] == 2.0 and not power.any()
    assert summation.scaled(np.zeros((0, 2)), axes)[0].shape == (0, 2)
    assert summation.restored(np.array([1 + 2j]), np.array(3)).tolist() == [8 + 16j]
    assert summation.restored(np.array([5.0]), np.array(-1075)).tolist() == [1e-323], "rounded once, 2.5 units to even"


@pytest.mark.parametrize("n", [1, 2, 8, 9, 20])
def test_the_greatest_of_rows(n: int) -> None:
    rows = np.random.default_rng(n).permutation(np.arange(3.0 * n)).reshape(3, n)
    assert summation.greatest(rows).tolist() == [max(row) for row in rows.tolist()]


# -------------------------------------------------------------------------------------- products


def product(row: list[Fraction]) -> Fraction:
    return math.prod(row, start=Fraction(1))


WIDE = [np.array(x) for x in (
    [[3.0]], [[2.0, 0.1, -0.3]], [[0.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[0.0, 0.0, 2.0]],
    [[1e300, 1e300, 1e-300, 1e-300]], [[1e-200, 1e-200, 1e200, 1e200, 7.0]], [[0.1] * 9], [[1e308, 1e308]],
    [[5e-324, 1e300, 1e20]],
    [[1e-300, 1e-300], [1.0, 1.0]], [[-1.0, 2.0], [3.0, -0.7], [0.2, 0.9]],
)]  # fmt: skip


@pytest.mark.parametrize("k", range(len(WIDE)))
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_products_and_products_of_others(k: int, axis: int | None) -> None:
    """The product, those without one entry, and their changes, by the definition in fractions."""
    x, axes = WIDE[k], summation.axes_of(axis)
    h = np.random.default_rng(k).normal(size=x.shape)
    g = np.random.default_rng(k + 30).normal(size=x.shape)
    whole = kernel("prod", {"axis": axis}, x)
    exact = reduced(x, axes, product)
    assert worst(whole, [mpf(v.numerator) / v.denominator for v in exact.flat])[0] <= 1
    n = summation.length_of(x, axes)

    def others(row: list[tuple[Fraction, ...]]) -> list[Fraction]:
        """For each place the terms in which each change is taken once, at places of its own."""
        found = []
        for out in range(n):
            left = [j for j in range(n) if j != out]
            total = Fraction(0)
            for places in _ordered(left, len(row[0]) - 1):
                term = product([row[j][0] for j in left if j not in places])
                total += term * product([row[j][m + 1] for m, j in enumerate(places)])
            found.append(total)
        return found

    for changes in ([], [h], [h, g]):
        found = kernel("prod_others", {"axis": axis}, x, *changes)
        stacked = [np.asarray(FRACTION(a)) for a in (x, *changes)]
        rows = [list(zip(*(a.reshape(-1) for a in stacked), strict=True))] if axis is None else [
            list(zip(*(a[:, j] if axis == 0 else a[j] for a in stacked), strict=True)) for j in range(x.shape[1 - axis])
        ]  # fmt: skip
        wanted = np.array([others(row) for row in rows], dtype=object)
        wanted = wanted.reshape(x.shape) if axis is None else wanted.T if axis == 0 else wanted
        assert found.shape == x.shape
        size = [abs(v) for v in wanted.flat]
        for a, b, s in zip(found.flat, wanted.flat, size, strict=True):
            value = nearest(b)
            assert a == value or abs(a - value) <= 4 * math.ulp(float(min(s, Fraction(10) ** 300)))


def _ordered(places: list[int], count: int) -> list[tuple[int, ...]]:
    """The ways to take places for changes, one each."""
    if count == 0:
        return [()]
    if count == 1:
        return [(j,) for j in places]
    return [p for a, b in combinations(places, 2) for p in ((a, b), (b, a))]


def test_products_of_none_and_of_thousands() -> None:
    assert kernel("prod", {"axis": None}, np.zeros((0, 1))).tolist() == [[1.0]]
    assert kernel("prod", {"axis": 1}, np.zeros((2, 0))).tolist() == [[1.0], [1.0]]
    assert kernel("prod_others", {"axis": None}, np.zeros((0, 1))).shape == (0, 1)
    x = np.full((3000, 1), 2.0)
    x[1500:] = 0.5
    assert kernel("prod", {"axis": None}, x)[0, 0] == 1.0
    assert set(kernel("prod_others", {"axis": None}, x)[:, 0].tolist()) == {0.5, 2.0}
    assert kernel("prod", {"axis": None}, np.full((5000, 1), 2.0))[0, 0] == math.inf
    assert kernel("prod", {"axis": None}, np.full((5000, 1), 0.5))[0, 0] == 0.0


def test_wide_numbers_add_beside_zero_and_far_apart() -> None:
    for a, b in ((0.0, 3.0), (3.0, 0.0), (0.0, 0.0), (1.0, 2.0**-60), (2.0**700, -1.0), (1.0, -1.0), (5.0, -3.0),
                 (0.0, 2.0**-900), (2.0**-900, 0.0)):  # fmt: skip
        found = Wide.of(np.array([a])) + Wide.of(np.array([b]))
        assert found.floats()[0] == a + b
        value = (Fraction(float(found.high[0])) + Fraction(float(found.low[0]))) * Fraction(2) ** int(found.power[0])
        assert abs(value - Fraction(a) - Fraction(b)) <= abs(Fraction(a) + Fraction(b)) / 10**30


# --------------------------------------------------------------------------- powers and the median


@pytest.mark.parametrize("below", [0, 1, 2, 3])
@pytest.mark.parametrize("logs", [0, 1, 2])
def test_terms_of_powers(below: int, logs: int) -> None:
    """c x^(n-j) log(x)^k, with n - j no float, odd where n is even, and where the power leaves the range of floats."""
    rows = [
        (1.0, 2.0, 3.0), (0.5, 0.1, 2.5), (-3.0, 7.0, 1 / 3), (1.0, 3.0, 2.0**53 + 2.0), (2.0, 1.0 + 2.0**-40, 2.0**53),
        (1e-300, 1e10, 33.0), (1e300, 1e-20, 30.0), (1e-200, 1e150, 3.5), (0.0, 3.0, 2.0), (2.0, 0.0, 5.0),
        (1e200, 1e-300, 1.5), (3.0, 1e-308, 1.25), (1.0, 1e308, 0.75), (5e-324, 4.0, 2.5), (1.0, 1.0, 7.0),
        (1.0, 0.999, 1e5 + 0.1), (1e-5, 2.0, 1000.5), (1e290, 0.5, 1000.0), (1.0, 1e290, 2.0 + below),
    ]  # fmt: skip
    if not logs:
        rows += [(1.0, -2.0, 3.0), (1.0, -2.0, 4.0), (0.5, -3.0, -2.0), (1.0, -1.0, 2.0**53 + 2), (2.0, -1e-150, 3.0)]
    c, x, n = (np.array(column).reshape(-1, 1) for column in zip(*rows, strict=True))
    found = kernel("power_term", {"below": below, "logs": logs}, c, x, n)
    with mp.workdps(DIGITS):
        for k, (a, base, power) in enumerate(rows):
            if a == 0 or (base == 0 and power > below):
                exact = mpf(0)
            elif base == 0:
                continue
            else:
                exponent = mpf(power) - below
                exact = mpf(a) * mpf(base) ** exponent * (mp.log(mpf(base)) ** logs if logs else 1)
            assert ulps(float(found[k, 0]), exact) <= 4, rows[k]
    with np.errstate(all="ignore"):
        assert np.isnan(kernel("power_term", {"below": below, "logs": logs}, [[1.0]], [[-2.0]], [[0.5]])).all()


@pytest.mark.parametrize("n", [0.5, 2.0, -1.0, 3.0, -0.5])
def test_a_power_has_the_same_digits_alone_and_beside_others(n: float) -> None:
    x = np.abs(np.random.default_rng(5).normal(size=40)) * 10.0 ** np.arange(-20, 20)
    beside_others = kernel("power", {}, x, np.where(np.arange(40) % 2, n, 1.7))
    alone = kernel("power", {}, x, np.full(40, n))
    assert (beside_others[1::2] == alone[1::2]).all()
    with mp.workdps(60):
        assert worst(alone, [mpf(float(v)) ** mpf(n) for v in x])[0] <= 1


def test_powers_of_a_negative_base_move_into_the_plane() -> None:
    """(-x)^n (-1)^n: a small imaginary step shows the slope n x^(n-1), whatever the sign of the base."""
    x = np.array([-2.0, -2.0, 3.0, -1.5])
    n = np.array([3.0, 2.0, 2.5, -1.0])
    step = 1e-100
    found = np.asarray(OPERATIONS["power"].kernel({}, x + 1j * step, n))
    np.testing.assert_allclose(found.imag / step, n * np.sign(x) ** (n - 1) * np.abs(x) ** (n - 1), rtol=1e-14)
    np.testing.assert_allclose(found.real, np.sign(x) ** n * np.abs(x) ** n, rtol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8])
def test_the_middle_ones_of_ordered_entries(n: int) -> None:
    x = np.random.default_rng(n).permutation(np.arange(2.0 * n)).reshape(2, n)
    for axes, rows in (((-1,), x.tolist()), ((-2,), x.T.tolist()), ((-2, -1), [x.reshape(-1).tolist()])):
        low, high = middle(x, axes)
        expected = [(sorted(row)[(len(row) - 1) // 2], sorted(row)[len(row) // 2]) for row in rows]
        assert list(zip(low.flat, high.flat, strict=True)) == expected


# ------------------------------------------------------------------------------ sums of exponentials


@pytest.mark.parametrize(
    "row",
    [
        [0.0, 0.0], [1.0, 2.0, 3.0], [-1.0, -0.5], [1000.0, 1000.0], [-1000.0, -1001.0], [0.0, -50.0], [-50.0, -2e-22],
        [-0.6931471805599453, -0.6931471805599453], [-1e-9, -20.7], [-1.0986122886681098] * 3, [5.0], [-400.0, -1e-170],
        [-math.log(4)] * 4, [700.0, -700.0, 0.0], [-0.01, -4.61], [1e300, 1e300], [-0.6931, -0.6932], [-510.0, -1e-5],
    ],
)  # fmt: skip
def test_logarithms_of_sums_of_exponentials(row: list[float]) -> None:
    """Within 4 units, near 0 too, where the largest entry and the rest cancel; and the softmax and its logarithm."""
    x = np.array(row)[:, None]
    with mp.workdps(DIGITS):
        top = max(row)
        parts = [mp.exp(mpf(v) - mpf(top)) for v in row]
        whole = sum(parts)
        exact = mpf(top) + mp.log(whole)
        assert worst(kernel("logsumexp", {"axis": None}, x), [exact])[0] <= 4
        assert worst(kernel("logsumexp", {"axis": 1}, np.array([row, row[::-1]])), [exact, exact])[0] <= 4
        assert worst(kernel("softmax", {"axis": None}, x), [p / whole for p in parts])[0] <= 4
        assert worst(kernel("log_softmax", {"axis": None}, x), [mpf(v) - mpf(top) - mp.log(whole) for v in row])[0] <= 4


@pytest.mark.parametrize(
    "row", [[3.0, 4.0], [1e200, 1e200], [1e-200, 3e-200], [0.0, 0.0, 0.0], [-1.0], [1e308, 5e-324], [0.1] * 11]
)
def test_norms_and_spreads(row: list[float]) -> None:
    """Also where squares are no floats."""
    x = np.array(row)[:, None]
    with mp.workdps(DIGITS):
        exact = [mpf(v) for v in row]
        mean = sum(exact) / len(row)
        squares = sum(v * v for v in exact)
        spread = sum((v - mean) ** 2 for v in exact) / len(row)
        for name, value in (
            ("norm", mp.sqrt(squares)), ("var", spread), ("std", mp.sqrt(spread)), ("mean", mean), ("sum", sum(exact)),
        ):  # fmt: skip
            if value or name == "sum":
                assert worst(kernel(name, {"axis": None}, x), [value])[0] <= 4, name
            else:
                assert kernel(name, {"axis": None}, x)[0, 0] == 0.0


# ------------------------------------------------------------------------------ what is said of places


def mask(name: str, attribute: str, attributes: Any, *operands: Any) -> Any:
    found = getattr(OPERATIONS[name], attribute)
    with np.errstate(all="ignore"):
        return np.asarray(found(attributes, *(np.asarray(x, dtype=float) for x in operands)))


def taken(name: str, i: int, attributes: Any, *operands: Any) -> Any:
    function = OPERATIONS[name].takes
    assert function is not None
    with np.errstate(all="ignore"):
        return np.asarray(function(attributes, i, *(np.asarray(x, dtype=float) for x in operands))).astype(bool)


@pytest.mark.parametrize(
    ("x", "low", "high", "kink", "takes"),
    [
        (-1, 0, 2, False, (False, True, False)), (0, 0, 2, True, (True, True, False)),
        (1, 0, 2, False, (True, False, False)), (2, 0, 2, True, (True, False, True)),
        (3, 0, 2, False, (False, False, True)), (-1, 2, 2, True, (False, True, True)),
        (3, 2, 2, False, (False, False, True)), (2, 2, 2, True, (True, True, True)),
        (1, 3, 2, False, (False, False, True)), (3, 3, 2, False, (False, False, True)),
        (4, 3, 2, False, (False, False, True)), (2, 3, 2, False, (False, False, True)),
    ],
)  # fmt: skip
def test_which_operand_of_clip_is_taken(x: float, low: float, high: float, kink: bool, takes: tuple[bool, ...]) -> None:
    """min(max(x, a), b), by hand: at a tie both are taken, and a lower bound above the upper one counts nowhere."""
    assert bool(mask("clip", "kink", {}, [x], [low], [high])[0]) == kink
    assert tuple(bool(taken("clip", i, {}, [x], [low], [high])[0]) for i in range(3)) == takes


def test_ties_along_axes() -> None:
    """Of a stack of two: where more than one entry is the best, all are 0, one is 0, all are equal."""
    x = np.array([[[1.0, 2.0, 2.0], [1.0, 1.0, 2.0]], [[0.0, 0.0, 0.0], [-3.0, 0.0, 3.0]]])
    for axis, tie, zero in (
        (None, [[[True]], [[True]]], [[[False]], [[False]]]),
        (0, [[[True, False, True]], [[False, True, False]]], [[[False] * 3], [[False, True, False]]]),
        (1, [[[True], [False]], [[True], [True]]], [[[False], [False]], [[True], [False]]]),
    ):  # fmt: skip
        assert mask("norminf", "kink", {"axis": axis}, x).tolist() == tie
        assert mask("norm", "kink", {"axis": axis}, x).tolist() == zero
    assert mask("max_entry", "kink", {"axis": 1}, x).tolist() == [[[True], [False]], [[True], [False]]]
    assert mask("min_entry", "kink", {"axis": 1}, x).tolist() == [[[False], [True]], [[True], [False]]]
    assert mask("norm1", "kink", {"axis": 1}, x).tolist() == [[[False], [False]], [[True], [True]]]
    assert mask("std", "kink", {"axis": 1}, x).tolist() == [[[False], [False]], [[True], [False]]]
    assert mask("std", "kink", {"axis": 1}, x[:, :, :1]).tolist() == [[[False], [False]]] * 2, "of one entry it is 0"
    for name, expected in (("direction", x == 0), ("deviation_slope", None)):
        flags = mask(name, "kink", {"axis": 1}, x)
        assert flags.shape == x.shape
        rows = expected.all(axis=-1) if expected is not None else np.array([[False, False], [True, False]])
        assert (flags == rows[..., None]).all()
    assert taken("norminf", 0, {"axis": 1}, x).tolist() == [
        [[False, True, True], [False, False, True]], [[True] * 3, [True, False, True]],
    ]  # fmt: skip
    assert taken("norminf", 0, {"axis": 1}, np.array([[np.nan, 1.0]])).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("row", "kink"),
    [
        ([1.0, 2.0, 3.0], False), ([1.0, 2.0, 2.0], True), ([2.0, 2.0, 2.0], True), ([1.0, 2.0, 3.0, 4.0], False),
        ([1.0, 2.0, 2.0, 4.0], False), ([1.0, 2.0, 2.0, 2.0], True), ([1.0, 1.0, 2.0, 4.0], True),
        ([1.0, 2.0, 4.0, 4.0], True), ([1.0], False), ([2.0, 2.0], False), ([2.0, 2.0, 2.0, 2.0], True),
    ],
)  # fmt: skip
def test_where_the_median_has_a_kink(row: list[float], kink: bool) -> None:
    """By hand: two equal ones that both are in the middle do no harm."""
    x = np.random.default_rng(len(row)).permutation(row)
    assert mask("median", "kink", {"axis": None}, x[:, None]).tolist() == [[kink]]
    stack = np.array([[x, x], [x, x + 1]])
    assert mask("median", "kink", {"axis": 1}, stack).tolist() == [[[kink], [kink]]] * 2
    assert mask("median", "kink", {"axis": 0}, np.swapaxes(stack, -1, -2)).tolist() == [[[kink, kink]]] * 2


def test_the_mean_of_two_middle_ones_does_not_overflow() -> None:
    for row, expected in (([1e308, 1.5e308], 1.25e308), ([-1.7e308, -1.5e308, -1.6e308, 0.0], -1.55e308),
                          ([5e-324, 5e-324], 5e-324), ([1.0, 4.0], 2.5), ([np.inf, np.inf], np.inf)):  # fmt: skip
        assert kernel("median", {"axis": None}, np.array(row)[:, None])[0, 0] == expected


def test_deviations_that_are_nothing_beside_the_entries() -> None:
    """Squares of deviations that are no floats where those of entries are."""
    x = np.array([[2.0**-290, 2.0**-290 * (1 + 2.0**-40)], [2.0**-570, 3 * 2.0**-570]])
    assert kernel("std", {"axis": 1}, x).tolist() == [[2.0**-331], [2.0**-570]]
    assert kernel("var", {"axis": 1}, x * 2.0**100).tolist() == [[2.0**-462], [2.0**-940]]
    assert kernel("deviation_slope", {"axis": 1}, x).tolist() == [[-0.5, 0.5]] * 2
    assert kernel("direction", {"axis": 1}, [[3e-200, 4e-200], [0.0, 0.0]]).tolist() == [[0.6, 0.8], [0.0, 0.0]]


def test_cube_roots_are_the_nearest_floats() -> None:
    """Within 0.51 units, over all exponents."""
    draw = np.random.default_rng(9)
    x = draw.uniform(1, 8, 400) * 2.0 ** draw.integers(-1070, 1020, 400) * draw.choice([-1, 1], 400)
    with mp.workdps(60):
        exact = [mp.sign(mpf(v)) * mp.cbrt(abs(mpf(v))) for v in x.tolist()]
        assert worst(kernel("cbrt", {}, x), exact)[0] <= 0.51


def test_a_stand_in_for_an_unknown_function_has_its_own_derivatives() -> None:
    """Each is the slope of the one before, by central differences; other names are other functions."""
    x, step = np.linspace(-2, 2, 9), 1e-5
    for order in range(3):
        of = {"function": "", "shown": "f", "order": order}
        slope = (kernel("call", of, x + step) - kernel("call", of, x - step)) / (2 * step)
        np.testing.assert_allclose(kernel("call", {**of, "order": order + 1}, x), slope, atol=1e-8)
        assert np.abs(kernel("call", of, x)).max() > 0.05
        assert not np.allclose(kernel("call", of, x), kernel("call", {**of, "shown": "g"}, x))
    assert taken("call", 0, {"function": "", "shown": "f", "order": 0}, x).all()
    assert taken("call", 0, {"function": "relu", "shown": "relu", "order": 0}, x).tolist() == (x >= 0).tolist()
    assert taken("call", 0, {"function": "relu", "shown": "relu", "order": 1}, x).all()


def test_cross_entropies_that_cancel() -> None:
    """-Σ y log p within 4 units, where terms cancel, where p is 0 beside y = 0, and along an axis."""
    cases = [
        ([0.5, 0.25], [1.0, -0.5]), ([0.5, 0.25, 0.1], [2.0, -1.0, 0.0]), ([0.3, 0.7], [0.0, 1.0]),
        ([0.9, 0.0], [1.0, 0.0]), ([0.1, 0.2, 0.3], [1.0, -1.43067655807, 0.0]), ([2.0, 0.5], [1.0, 1.0 + 2.0**-40]),
        ([1.5, 0.6], [0.3, -0.3]), ([1e-300, 1e300], [0.7, 0.7 * (1 + 2.0**-50)]), ([1.0, 1.0], [2.0, -3.0]),
    ]  # fmt: skip
    with mp.workdps(DIGITS):
        for p, y in cases:
            exact = -sum((mpf(b) * mp.log(mpf(a)) for a, b in zip(p, y, strict=True) if b), mpf(0))
            columns = np.array(p)[:, None], np.array(y)[:, None]
            assert worst(kernel("cross_entropy", {"axis": None}, *columns), [exact])[0] <= 4, (p, y)
            beside_others = np.array([p, [0.5] * len(p)]), np.array([y, [0.5] * len(p)])
            other = len(p) * mp.log(2) / 2
            assert worst(kernel("cross_entropy", {"axis": 1}, *beside_others), [exact, other])[0] <= 4, (p, y)


def test_literals_of_stacks_in_rows_and_columns() -> None:
    x = [np.array([[[float(k)]], [[10.0 + k]]]) for k in range(6)]
    for extent, expected in (
        ((2, 3), [[0, 1, 2], [3, 4, 5]]),
        ((6, 1), [[k] for k in range(6)]),
        ((1, 6), [list(range(6))]),
    ):
        found = kernel("table", {"extent": extent}, *x)
        assert found.tolist() == [expected, [[v + 10 for v in row] for row in expected]]
    assert kernel("table", {"extent": (0, 1)}).shape == (0, 1)


def test_sines_and_cosines_of_doubled_arithmetic_up_to_a_quarter_turn() -> None:
    """To 1e-31, as what is beside a zero of a derivative of sinc needs."""
    t = np.linspace(-1.5707963, 1.5707963, 41)
    with mp.workdps(60):
        for first, exact in ((0, mp.cos), (1, mp.sin)):
            high, low = sinc._series(doubled.pair(t), first)
            for x, a, b in zip(t.tolist(), high.tolist(), low.tolist(), strict=True):
                assert abs(mpf(a) + mpf(b) - exact(mpf(x))) <= mpf(10) ** -31
