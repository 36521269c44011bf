"""The arithmetic behind matrices, function by function, against fractions: results, and the bounds they promise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise, permutations, product
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import gradcalc.ops  # noqa: F401
from gradcalc.graph import OPERATIONS
from gradcalc.ops import certified, doubled, doubled_exp, dyadic
from gradcalc.ops.adjugate import _from_singular_values
from gradcalc.ops.doubled import UNIT
from gradcalc.ops.elimination import SIDE, eliminated, normalised

Array = np.ndarray[Any, Any]
FRACTION = np.frompyfunc(Fraction, 1, 1)
ULP = 2.0**-52


def fractions(x: Any) -> Array:
    """Floats as what they are."""
    return np.asarray(FRACTION(np.asarray(x)))


def sums(pair: Any) -> Array:
    """Pairs as the numbers that they stand for."""
    return np.asarray(fractions(pair[0]) + fractions(pair[1]))


def numbers(seed: int, *shape: int, spread: int = 40) -> Array:
    """Floats of both signs whose sizes are far apart."""
    draw = np.random.default_rng(seed)
    return draw.choice([-1.0, 1.0], shape) * draw.uniform(1, 2, shape) * 2.0 ** draw.integers(-spread, spread, shape)


def within(found: Any, exact: Any, bound: Any) -> bool:
    """Whether each entry is wrong by its bound at most."""
    return bool((np.abs(fractions(found) - exact) <= fractions(bound)).all())


# -------------------------------------------------------------------------- doubled arithmetic


@pytest.mark.parametrize("seed", range(3))
def test_sums_and_products_have_all_their_digits(seed: int) -> None:
    a, b = numbers(seed, 200), numbers(seed + 50, 200)
    b[:20] = -a[:20] * (1 + ULP)
    assert (sums(doubled.two_sum(a, b)) == fractions(a) + fractions(b)).all()
    assert (doubled.two_sum(a, b)[0] == a + b).all()
    assert (sums(doubled.two_product(a, b)) == fractions(a) * fractions(b)).all()
    assert (doubled.two_product(a, b)[0] == a * b).all()
    high, low = doubled.split(a)
    assert (high + low == a).all() and (sums((high, low)) == fractions(a)).all()
    for part in (high, low):
        mantissas = np.frexp(part)[0] * 2.0**26
        assert (mantissas == np.rint(mantissas)).all(), "26 bits each, so that products of halves are exact"
    larger, smaller = np.where(np.abs(a) > np.abs(b), a, b), np.where(np.abs(a) > np.abs(b), b, a)
    assert (sums(doubled.fast_two_sum(larger, smaller)) == fractions(a) + fractions(b)).all()


def pairs(seed: int, count: int = 100) -> Any:
    """Pairs as operations leave them."""
    high = numbers(seed, count)
    return doubled.two_sum(high, high * 2.0**-54 * np.random.default_rng(seed).uniform(-1, 1, count))


@pytest.mark.parametrize("seed", range(3))
def test_operations_on_pairs_have_the_error_they_promise(seed: int) -> None:
    x, y = pairs(seed), pairs(seed + 70)
    for k in range(20):  # so that they cancel
        y[0][k], y[1][k] = -x[0][k], x[1][k] * 0.5
    a, b = sums(x), sums(y)
    for found, exact in (
        (doubled.add(x, y), a + b), (doubled.multiply(x, y), a * b), (doubled.divide(x, y), a / b),
        (doubled.negative(x), -a), (doubled.pair(x[0]), fractions(x[0])),
    ):  # fmt: skip
        assert (np.abs(sums(found) - exact) <= Fraction(2.0**-104) * np.abs(exact)).all(), "a few 2^-106"
        assert (np.abs(found[1]) <= np.abs(found[0]) * 2.0**-53).all()


@pytest.mark.parametrize(("left", "right"), [((3, 4), (4, 2)), ((2, 1, 3, 6), (5, 6, 1)), ((1, 1), (1, 1))])
def test_products_of_pairs_of_matrices(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    x, y = numbers(1, *left, spread=5), numbers(2, *right, spread=5)
    x, y = doubled.two_sum(x, x * 2.0**-54), doubled.two_sum(y, y * 2.0**-55)
    found = doubled.matmul(x, y)
    exact, size = sums(x) @ sums(y), np.abs(sums(x)) @ np.abs(sums(y))
    assert found[0].shape == exact.shape
    assert (np.abs(sums(found) - exact) <= Fraction(UNIT) * (left[-1] + 2) * size).all()


def test_a_difference_of_products_is_right_where_it_cancels() -> None:
    a, b = numbers(3, 100, spread=3), numbers(4, 100, spread=3)
    c = a * (1 + ULP * np.arange(100))
    d = a * b / c
    found = doubled.difference_of_products(a, b, c, d)
    exact = fractions(a) * fractions(b) - fractions(c) * fractions(d)
    assert (np.abs(fractions(found) - exact) <= Fraction(2 * ULP) * np.abs(exact)).all()


def as_mpf(pair: Any) -> list[Any]:
    return [mpf(float(h)) + mpf(float(low)) for h, low in zip(*pair, strict=True)]


def test_exp_and_log_have_thirty_digits() -> None:
    """Against mpmath; log relative to the logarithm, but for what the float nearest to 1 leaves."""
    with mp.workdps(60):
        x = np.array([-590.5, -37.25, -1.0, -1e-9, 0.0, 1e-20, 0.3, 0.35, 1.0, 17.0, 355.5, 699.0])
        for found, value in zip(as_mpf(doubled_exp.exp(x)), x, strict=True):
            exact = mp.exp(mpf(float(value)))
            assert abs(found - exact) <= exact * mpf(2) ** -97
        x = np.array([1e-300, 0.2, 0.5, 0.7, 0.70710678, 0.71, 0.999, 1.001, 1.4, 1.42, 2.0, 3.0, 1e10, 1e300])
        for found, value in zip(as_mpf(doubled_exp.log(x)), x, strict=True):
            exact = mp.log(mpf(float(value)))
            assert abs(found - exact) <= max(abs(exact), mpf(1) / 1024) * mpf(2) ** -97
        assert as_mpf(doubled_exp.log(np.array([1.0]))) == [0]


# ------------------------------------------------------------------------------ whole numbers


@pytest.mark.parametrize(
    "x", [[[0.0, 0.0]], [[3.0, -0.75]], [[5e-324, 1.0]], [[-1e308, 1e300]], [[0.1, 6.0], [-12.0, 0.0]],
          [[2.0**70, 2.0**90]]]
)  # fmt: skip
def test_floats_as_whole_numbers(x: Any) -> None:
    """They are the floats exactly, and no smaller ones would be."""
    array = np.array(x)
    whole, power = dyadic.whole(array)
    assert (whole * Fraction(2) ** power == fractions(array)).all() and whole.shape == array.shape
    assert all(isinstance(v, int) for v in whole.flat)
    assert not array.any() or any(v % 2 for v in whole.flat)


Poly = dict[frozenset[int], Fraction]
"""A polynomial in t₁, t₂ and so on, none of them squared."""


def times(p: Poly, q: Poly) -> Poly:
    out: Poly = {}
    for (a, u), (b, v) in product(p.items(), q.items()):
        if not a & b:
            out[a | b] = out.get(a | b, Fraction(0)) + u * v
    return out


@cache
def _signs(n: int) -> list[tuple[tuple[int, ...], int]]:
    """The permutations of n places with their signs."""

    def sign(p: Sequence[int]) -> int:
        return (-1) ** sum(p[i] > p[j] for i in range(n) for j in range(i + 1, n))

    return [(p, sign(p)) for p in permutations(range(n))]


def coefficient(rows: Sequence[Sequence[Poly]], wanted: frozenset[int]) -> Fraction:
    """Of the determinant, by Leibniz's formula."""
    total = Fraction(0)
    for order, sign in _signs(len(rows)):
        term: Poly = {frozenset(): Fraction(sign)}
        for row, k in zip(rows, order, strict=True):
            term = times(term, row[k])
        total += term.get(wanted, Fraction(0))
    return total


def expanded(x: Array, *changes: Array) -> tuple[Fraction, Array]:
    """The coefficient of all the t's in det and adj of X + Σ tᵢ Hᵢ."""
    n, wanted = len(x), frozenset(range(len(changes)))
    one = [[{frozenset(): Fraction(x[i, j]), **{frozenset({k}): Fraction(h[i, j]) for k, h in enumerate(changes)}}
            for j in range(n)] for i in range(n)]  # fmt: skip
    adjugate = np.empty((n, n), dtype=object)
    for i, j in product(range(n), repeat=2):
        minor = [[one[a][b] for b in range(n) if b != i] for a in range(n) if a != j]
        adjugate[i, j] = (-1) ** (i + j) * coefficient(minor, wanted)
    return coefficient(one, wanted), adjugate


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_determinants_and_adjugates_in_whole_numbers(n: int, k: int) -> None:
    x, *changes = (numbers(n + 10 * j, n, n, spread=4) for j in range(k + 1))
    found = dyadic.expansion(x, *changes)
    assert found is not None
    determinant, adjugate = expanded(x, *changes)
    assert found.determinant * Fraction(2) ** found.determinant_power == determinant
    assert (found.adjugate * Fraction(2) ** found.adjugate_power == adjugate).all()
    assert (found.matrix * Fraction(2) ** found.power == fractions(x)).all()


def test_the_determinant_of_no_entries_is_1() -> None:
    nothing = np.zeros((0, 0))
    for changes, determinant in (([], 1), ([nothing], 0)):
        found = dyadic.expansion(nothing, *changes)
        assert found is not None and found.determinant == determinant and found.adjugate.shape == (0, 0)


def test_a_matrix_that_takes_too_long_is_not_done_in_whole_numbers() -> None:
    """A hundredth of a second, about: a side of 8 with all bits is done, and one of 40 is not."""
    assert dyadic.expansion(numbers(1, 8, 8, spread=1)) is not None
    assert dyadic.expansion(numbers(1, 40, 40, spread=1)) is None
    assert dyadic.expansion(numbers(1, 8, 8, spread=500)) is None
    assert dyadic.expansion(numbers(1, 10, 10, spread=1), *(numbers(k, 10, 10, spread=1) for k in range(4))) is None


@pytest.mark.parametrize("sign", [1, -1])
def test_whole_numbers_to_the_nearest_float(sign: int) -> None:
    draw = np.random.default_rng(1)
    for _ in range(50):
        above, below = sign * int(draw.integers(1, 2**60)) ** 3, int(draw.integers(1, 2**60)) * sign
        power = int(draw.integers(-80, 80))
        assert dyadic.nearest(above, power, below) == float(Fraction(above, below) * Fraction(2) ** power)
    assert dyadic.nearest(sign * 3, 2000) == sign * math.inf == dyadic.nearest(-sign * 3, 2000, -1)
    assert dyadic.nearest(sign * 5) == sign * 5.0 and dyadic.nearest(sign * 5, 1) == sign * 10.0
    assert dyadic.nearest(sign, -1074) == sign * 5e-324 and dyadic.nearest(0, 5000) == 0.0
    for number in (sign * (2**53 + 1), sign * 3**200, sign * 5, sign * (2**54 - 1)):
        high, low, power = dyadic.leading(number, 7)
        assert 0.5 <= abs(high) <= 1.0
        off = (Fraction(high) + Fraction(low)) * Fraction(2) ** power - number * 2**7
        assert abs(off) <= abs(number) * 2**7 * Fraction(2.0**-105)
    assert dyadic.leading(0, 3)[:2] == (0.0, 0.0)


# --------------------------------------------------------------------------------- elimination


def matrices(n: int) -> dict[str, Array]:
    """Well conditioned, badly scaled, large, small, nearly singular, with rows in another order, negative."""
    x = np.random.default_rng(n).uniform(-1, 1, (n, n))
    near = x.copy()
    near[-1] = near[0]
    near[-1, 0] += 2.0**-20
    return {
        "random": x, "scaled": x * 2.0 ** np.arange(n), "large": x * 1e200, "small": x * 1e-200, "near": near,
        "turned": np.roll(np.diag(np.arange(1.0, n + 1)), 1, axis=0), "negative": -np.eye(n) - 0.1 * x,
    }  # fmt: skip


CASES = [(n, name) for n in (1, 2, 3, 4, 5) for name in matrices(1)]


@pytest.mark.parametrize(("n", "name"), CASES)
def test_eliminations_are_as_good_as_they_say(n: int, name: str) -> None:
    """Errors within the bounds; and the bounds small enough to settle the last digits of a good matrix."""
    x = matrices(n)[name]
    found = eliminated(x)
    assert (found.matrix * Fraction(2) ** int(found.exponent) == fractions(x)).all()
    determinant, adjugate = expanded(found.matrix)
    scale = Fraction(2) ** int(found.power)
    assert abs(sums(found.determinant) * scale - determinant) <= Fraction(float(found.doubt)) * abs(determinant)
    assert (np.abs(sums(found.adjugate) * scale - adjugate) <= fractions(found.adjugate_bound) * scale).all()
    inverse = adjugate / determinant
    assert (np.abs(sums(found.inverse) - inverse) <= fractions(found.inverse_bound)).all()
    assert found.doubt <= (2.0**-80 if name != "near" else 2.0**-60)
    if name != "near":
        assert (found.inverse_bound <= 2.0**-75 * np.abs(found.inverse[0]).max()).all()
        assert (found.adjugate_bound <= 2.0**-75 * np.abs(found.adjugate[0]).max()).all()


def test_a_batch_of_eliminations_is_each_of_them() -> None:
    for n in (2, 3, 4):
        many = np.array(list(matrices(n).values()))
        together = eliminated(many)
        for k, x in enumerate(many):
            alone = eliminated(x)
            for part in ("determinant", "adjugate", "inverse"):
                assert (sums(getattr(together, part))[k] == sums(getattr(alone, part))).all()
            for part in ("doubt", "power", "exponent", "adjugate_bound", "inverse_bound"):
                assert (getattr(together, part)[k] == getattr(alone, part)).all()


@pytest.mark.parametrize("n", [2, 3, 4])
def test_nothing_is_said_of_the_inverse_of_a_singular_matrix(n: int) -> None:
    x = np.ones((n, n))
    found = eliminated(x)
    assert not found.doubt <= 0.5 and np.isinf(found.inverse_bound).any()


def test_matrices_are_brought_near_one() -> None:
    x = np.array([[[3e200, 1.0], [0.0, -1e180]], [[0.0, 0.0], [0.0, 0.0]], [[1e-300, 0], [2e-310, 1e-305]]])
    scaled, exponent, narrow = normalised(x)
    for k in range(3):
        assert not x[k].any() or 0.5 <= np.abs(scaled[k]).max() < 1.0
        assert (scaled[k] == np.ldexp(x[k], -exponent[k])).all()
    assert narrow.tolist() == [False, True, True], "1 is nothing beside 3e200"


# ----------------------------------------------------------------------------------- certified


def last_digits(found: Any, exact: Any) -> bool:
    """Each entry the nearest float, or the next."""
    nearest = np.array([float(v) for v in np.asarray(exact).flat]).reshape(np.shape(exact))
    return bool((np.abs(np.asarray(found) - nearest) <= np.spacing(np.abs(nearest))).all())


HARD = {
    "near": np.array([[1.0, 1.0], [1.0, 1.0 + ULP]]),
    "whole": np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 10]]),
    "hilbert": 1.0 / (np.arange(5)[:, None] + np.arange(5) + 1.0),
    "far apart": np.array([[1e150, 1.0, 0], [0, 1e-150, 1], [1, 0, 1e10]]),
    "singular": np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]),
    "one": np.array([[-3.0]]),
    "nearly nothing": np.array([[1.0, 1, 0, 0], [1, 1 + ULP, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]),
}


@pytest.mark.parametrize("name", HARD)
def test_matrix_functions_to_the_last_digit(name: str) -> None:
    x = HARD[name]
    n = len(x)
    determinant, adjugate = expanded(x)
    high, low, power = (np.asarray(part) for part in certified.determinant(x))
    value = (Fraction(float(high)) + Fraction(float(low))) * Fraction(2) ** int(power)
    assert abs(value - determinant) <= abs(determinant) * Fraction(2.0**-54)
    found, left = certified.adjugate(x)
    assert last_digits(found, adjugate) and not left.any()
    b = numbers(n, n, 2, spread=3)
    if not determinant:
        assert np.isnan(certified.inverse(x)).all() and np.isnan(certified.solution(x, b)).all()
        assert certified.condition(x) == math.inf
        return
    inverse = adjugate / determinant
    assert last_digits(certified.inverse(x), inverse)
    assert last_digits(certified.solution(x, b), inverse @ fractions(b))
    numbers_ = [max(sum(row) for row in p) for p in (np.abs(inverse) @ np.abs(fractions(x)),
                                                     np.abs(fractions(x)) @ np.abs(inverse))]  # fmt: skip
    assert abs(Fraction(float(certified.condition(x))) - min(numbers_)) <= min(numbers_) * Fraction(1e-14)
    sign, log = certified.log_determinant(x)
    assert sign == (1 if determinant > 0 else -1)
    with mp.workdps(60):
        exact = mp.log(mpf(abs(determinant.numerator)) / determinant.denominator)
    assert abs(float(log) - float(exact)) <= 2 * np.spacing(abs(float(exact)))


@pytest.mark.parametrize("factor", [0.5, 0.7, 0.72, 1.0, 1.5, 2.0**-40, 3e90])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_logarithms_of_determinants_near_powers_of_two(factor: float, sign: float) -> None:
    """Where the logarithm is small it has all its digits too."""
    third = 1 / 3
    x = np.array([[sign * factor, third], [2.0**-30, 1 + ULP]])
    determinant, _ = expanded(x)
    found_sign, found = certified.log_determinant(x)
    with mp.workdps(60):
        exact = mp.log(mpf(abs(determinant.numerator)) / determinant.denominator)
    assert found_sign == (1 if determinant > 0 else -1)
    assert abs(float(found) - float(exact)) <= 2 * np.spacing(abs(float(exact)))
    assert certified.log_determinant(np.zeros((2, 2))) == (0.0, -np.inf)
    big = np.diag([factor * 1e3] * (SIDE + 1))
    assert certified.log_determinant(big)[1] == pytest.approx((SIDE + 1) * math.log(factor * 1e3), rel=1e-13)


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("k", [1, 2])
def test_changes_of_adjugates_to_the_last_digit(n: int, k: int) -> None:
    x = np.ones((n, n)) if n < 4 else HARD["nearly nothing"]
    changes = [numbers(7 * j + n, n, n, spread=2) for j in range(k)]
    with np.errstate(all="ignore"):
        found, left = certified.adjugate(x, *changes)
    assert not left.any() and last_digits(found, expanded(x, *changes)[1])


@pytest.mark.parametrize(("i", "j", "k", "m"), [(0, 0, 1, 1), (0, 1, 0, 2), (2, 0, 1, 0), (1, 1, 1, 1), (0, 2, 2, 0)])
def test_changes_by_single_entries_vanish_exactly_where_they_must(i: int, j: int, k: int, m: int) -> None:
    x = np.random.default_rng(3).uniform(-1, 1, (3, 3))
    one, other = np.zeros((3, 3)), np.zeros((3, 3))
    one[i, j], other[k, m] = 0.3, 0.7
    for changes in ([one], [one, other]):
        found, _ = certified.adjugate(x, *changes)
        exact = expanded(x, *changes)[1]
        assert last_digits(found, exact) and ((found == 0.0) == (exact == 0)).all()


def test_a_matrix_does_not_depend_on_the_others_of_its_batch() -> None:
    """One that is singular, one that is not finite, one in doubt, one that is plain."""
    plain, near = np.array([[2.0, 1.0], [1.0, 3.0]]), HARD["near"]
    bad = np.array([[np.nan, 1.0], [1.0, 1.0]])
    many = np.array([plain, np.ones((2, 2)), bad, near, plain * 1e180])
    b = np.array([[1.0], [2.0]])
    for function, shape in (
        (lambda x: certified.inverse(x), (2, 2)), (lambda x: certified.solution(x, b), (2, 1)),
        (lambda x: certified.condition(x), ()), (lambda x: certified.determinant(x)[0], ()),
        (lambda x: certified.log_determinant(x)[1], ()),
    ):  # fmt: skip
        together = function(many)
        assert together.shape == (5, *shape)
        for k, x in enumerate(many):
            np.testing.assert_array_equal(together[k], function(x))
        assert np.isnan(together[2]).all() and np.isfinite(together[[0, 3, 4]]).all()
    assert certified.finite(many, b).tolist() == [True, True, False, True, True]
    infinite = certified.solution(plain, np.array([[np.inf], [1.0]]))
    assert np.isnan(infinite).all()


def test_lapack_has_no_number_for_a_singular_matrix_of_a_batch() -> None:
    good = np.array([[2.0, 1.0], [1.0, 1.0]])
    many = np.array([[good, np.ones((2, 2))], [np.eye(2), good]])
    found = certified.by_lapack(np.linalg.inv, many)
    assert np.isnan(found[0, 1]).all() and np.isfinite(found[[0, 1, 1], [0, 0, 1]]).all()
    np.testing.assert_allclose(found[1, 1] @ good, np.eye(2), atol=1e-14)
    b = np.arange(1.0, 5).reshape(2, 2)
    np.testing.assert_allclose(certified.by_lapack(np.linalg.solve, many, b)[0, 0], np.linalg.solve(good, b))
    assert np.isnan(certified.by_lapack(np.linalg.solve, many, b)[0, 1]).all()
    assert np.isnan(certified.by_lapack(np.linalg.inv, np.ones((2, 2)))).all()


def test_condition_of_a_large_matrix() -> None:
    """Beyond the side of doubled arithmetic: of D + e e^T/n by hand, of a singular one, of one that is not finite."""
    n = SIDE + 1
    x = np.eye(n) + np.full((n, n), 1.0 / n)  # its inverse is I - e e^T/(2 n)
    inverse = np.eye(n) - np.full((n, n), 1.0 / (2 * n))
    by_hand = (np.abs(inverse) @ x).sum(axis=1).max()
    bad = x.copy()
    bad[0, 0] = np.inf
    found = certified.condition(np.array([x, np.ones((n, n)), bad]))
    assert found[0] == pytest.approx(by_hand, rel=1e-12) and found[1] > 1e15 and np.isnan(found[2])


@pytest.mark.parametrize("n", [1, 2, 3, 5, 20])
def test_adjugates_by_singular_values(n: int) -> None:
    """Of regular matrices with a determinant of either sign against det(X) X^-1, and their changes."""
    draw = np.random.default_rng(n)
    x = draw.normal(size=(3, n, n))
    x[1] *= -np.sign(np.linalg.det(x[1]))[..., None] if n % 2 else 1.0
    x[2, 0] *= -np.sign(np.linalg.det(x[2]))
    h = draw.normal(size=(3, n, n))
    determinant = np.linalg.det(x)[:, None, None]
    exact = determinant * np.linalg.inv(x)
    scale = np.abs(exact).max() * 1e-11
    np.testing.assert_allclose(_from_singular_values(x), exact, atol=scale, rtol=0)
    inverse = np.linalg.inv(x)
    trace = np.trace(inverse @ h, axis1=1, axis2=2)[:, None, None]
    change = determinant * (trace * inverse - inverse @ h @ inverse)
    np.testing.assert_allclose(_from_singular_values(x, h), change, atol=np.abs(change).max() * 1e-9, rtol=0)
    assert np.isnan(_from_singular_values(x, h, h)).all()


def test_remembered_eliminations_are_those_of_their_matrix() -> None:
    """What is kept is told apart by shape and entries; arrays that are not contiguous are no others."""
    flat = np.arange(1.0, 17) ** 2
    small, large = flat.reshape(4, 2, 2), flat.reshape(4, 4)
    assert eliminated(small).power.shape == (4,) and eliminated(large).power.shape == ()
    turned = eliminated(large.T)
    assert (eliminated(large).matrix == turned.matrix.T).all()
    for one, other in pairwise(matrices(3).values()):
        assert not (eliminated(one).matrix == eliminated(other).matrix).all()


# ----------------------------------------------------------------------- stacks of matrices, edges


def kernel(name: str, *operands: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(OPERATIONS[name].kernel({}, *operands))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_stacks_on_two_axes_are_each_matrix(n: int) -> None:
    """Each matrix has the digits that it has alone, among others that are singular, in doubt and not finite."""
    x = np.random.default_rng(n).uniform(-1, 1, (2, 3, n, n))
    x[0, 1], x[1, 2, 0, 0] = 1.0, np.inf
    x[1, 0] = matrices(n)["near"]
    b = np.random.default_rng(n + 5).uniform(-1, 1, (2, 3, n, 2))
    h = np.random.default_rng(n + 6).uniform(-1, 1, (2, 3, n, n))
    for name, operands in (
        ("inv", (x,)), ("det", (x,)), ("logdet", (x,)), ("adj", (x,)), ("adj_change", (x, h)), ("solve", (x, b)),
        ("adj_change", (x, h, h)), ("trace", (x,)),
    ):  # fmt: skip
        together = kernel(name, *operands)
        for place in np.ndindex(2, 3):
            np.testing.assert_array_equal(together[place], kernel(name, *(o[place] for o in operands)), name)
    together = certified.condition(x)
    for place in np.ndindex(2, 3):
        np.testing.assert_array_equal(together[place], certified.condition(x[place]))
    scaled, exponent, narrow = normalised(np.where(np.isfinite(x), x, 0.0))
    assert exponent.shape == narrow.shape == (2, 3) and np.isfinite(scaled).all()
    with np.errstate(all="ignore"):
        sign, log = certified.log_determinant(np.broadcast_to(np.eye(SIDE + 1) * 2.0, (2, 3, SIDE + 1, SIDE + 1)))
    np.testing.assert_allclose(log, (SIDE + 1) * math.log(2.0))
    assert sign.shape == (2, 3)


def test_what_is_given_is_not_changed() -> None:
    out = np.array([1.0, 2.0])
    found, left = certified.settled(out, np.array([True, False]), [np.zeros((2, 1, 1))], lambda x: 5.0)
    assert out.tolist() == [1.0, 2.0] and found.tolist() == [5.0, 2.0] and not left.any()
    found, left = certified.settled(out, np.array([True, True]), [np.zeros((2, 1, 1))], lambda x: None)
    assert found.tolist() == [1.0, 2.0] and left.all()


@pytest.mark.parametrize(
    ("n", "k"), [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1), (3, 3), (16, 1), (17, 1), (17, 2), (65, 0)]
)
def test_changes_of_any_order_and_side(n: int, k: int) -> None:
    """A change of 2 × 2 is the adjugate of the change; one of an order not below the side is 0; beyond the side of
    doubled arithmetic it is by singular values. What is not finite is no number, and leaves the others."""
    draw = np.random.default_rng(n + k)
    x = np.eye(n) * 2.0 + draw.normal(size=(2, n, n)) * 0.1
    changes = [draw.normal(size=(2, n, n)) for _ in range(k)]
    (changes or [x])[-1][1, 0, 0] = np.nan
    found = kernel("adj_change" if k else "adj", x, *changes)
    assert found.shape == (2, n, n) and np.isnan(found[1]).all()
    if k >= n > 0 and n > 1:
        assert not found[0].any()
    elif n <= 3:
        assert last_digits(found[0], expanded(x[0], *(h[0] for h in changes))[1])
    elif k < 2:
        inverse, determinant = np.linalg.inv(x[0]), np.linalg.det(x[0])
        h = changes[0][0] if k else x[0]
        expected = determinant * (np.trace(inverse @ h) * inverse - inverse @ h @ inverse if k else inverse)
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=np.abs(expected).max() * 1e-11)
        if n == 16:
            exact = dyadic_adjugate(x[0], h)
            assert last_digits(found[0], exact)


def dyadic_adjugate(x: Array, h: Array) -> Array:
    """The change of the adjugate along H from the recursion in whole numbers, without its limit of time."""
    (a, power), (moved, other) = dyadic.whole(x), dyadic.whole(h)
    n = len(x)
    adjugate = dyadic._recursion(a, [moved])[1]
    return np.asarray(adjugate * Fraction(2) ** ((n - 2) * power + other))


def test_determinants_beyond_lapack() -> None:
    """Large sides: one that is plain, those that overflow on the way or at the end, that vanish, a singular one."""
    n = SIDE + 6
    far = np.concatenate([np.full(n // 2, 1e20), np.full(n - n // 2, 1e-20)])
    rows = [np.full(n, 1.5), far, np.full(n, 1e10), np.full(n, -1e-10), np.concatenate([[-1.0], far[1:]])]
    for together in (rows, rows[:1], rows[1:2]):
        found = kernel("det", np.array([np.diag(r) for r in together]))[..., 0, 0]
        for value, row in zip(found, together, strict=True):
            exact = math.prod(map(Fraction, row.tolist()), start=Fraction(1))
            try:
                expected = float(exact)
            except OverflowError:
                expected = math.inf
            assert value == pytest.approx(expected, rel=1e-11)
    singular = np.diag(np.full(n, 1e10))
    singular[0, 0] = 0.0
    assert kernel("det", singular)[0, 0] == 0.0
    assert kernel("det", np.array([singular, np.diag(rows[0])]))[0, 0, 0] == 0.0
    large = np.diag(np.full(n, 3.0))
    np.testing.assert_allclose(kernel("inv", large), np.eye(n) / 3.0)
    np.testing.assert_allclose(kernel("solve", large, np.ones((n, 1))), np.ones((n, 1)) / 3.0)


def test_logarithms_of_determinants_have_a_domain() -> None:
    for x, expected in ((np.eye(2), 0.0), (-np.eye(3), math.nan), (np.ones((2, 2)), math.nan)):
        np.testing.assert_array_equal(kernel("logdet", x)[0, 0], expected)
        fault = OPERATIONS["logdet"].fault
        assert fault is not None and bool(fault({}, x)[0, 0]) == math.isnan(expected)


@pytest.mark.parametrize("side", [2, SIDE, SIDE + 1])
def test_when_a_matrix_counts_as_singular(side: int) -> None:
    """From a condition number of 2^53 on; of sides that LAPACK does, from that over the side."""
    fault = OPERATIONS["inv"].fault
    assert fault is not None
    for size, expected in ((1e-3, False), (1e-14, side > SIDE), (1e-17, True), (0.0, True)):
        x = np.eye(side)
        x[:2, :2] = [[1.0, 1.0], [1.0, 1.0 + size]]
        assert bool(fault({}, x)[0, 0]) == expected, size


@pytest.mark.parametrize("spread", [100, 200, 400])
def test_matrices_of_entries_far_apart(spread: int) -> None:
    """What is nothing beside the largest entry in one place may be all there is in another."""
    x = np.array([[2.0**spread, 1.0, 0.0], [0.0, 2.0**-spread, 3.0], [5.0, 0.0, 2.0**-spread]])
    b = np.array([[2.0**-spread], [2.0**spread], [1.0]])
    determinant, adjugate = expanded(x)
    inverse = adjugate / determinant
    assert last_digits(certified.inverse(x), inverse)
    assert last_digits(certified.solution(x, b), inverse @ fractions(b))
    assert last_digits(certified.adjugate(x)[0], adjugate)
    h = np.array([[0.0, 0.0, 2.0**-spread], [2.0**spread, 1.0, 0.0], [0.0, 0.0, 1.0]])
    with np.errstate(all="ignore"):
        assert last_digits(certified.adjugate(x, h)[0], expanded(x, h)[1])


@pytest.mark.parametrize("n", [2, 3, 4])
def test_nearly_singular_matrices_in_all_functions(n: int) -> None:
    """One rounding away from singular in one entry: doubled arithmetic is not enough, and all digits are right."""
    x = np.ones((n, n)) + np.triu(np.arange(n * n, dtype=float).reshape(n, n), 1)
    x[-1] = x[0]
    x[-1, -1] *= 1 + ULP
    b = numbers(n, n, 1, spread=20)
    determinant, adjugate = expanded(x)
    if not determinant:
        x[-1, 0] *= 1 - ULP
        determinant, adjugate = expanded(x)
    if determinant:
        inverse = adjugate / determinant
        assert last_digits(certified.inverse(x), inverse)
        assert last_digits(certified.solution(x, b), inverse @ fractions(b))
    assert last_digits(certified.adjugate(x)[0], adjugate)
    h = numbers(n + 3, n, n, spread=30)
    with np.errstate(all="ignore"):
        assert last_digits(certified.adjugate(x, h)[0], expanded(x, h)[1])


@pytest.mark.parametrize("n", [17, SIDE])
def test_ill_conditioned_adjugates_too_long_for_whole_numbers_keep_their_digits(n: int) -> None:
    """Where no bound settles the last digits those of doubled arithmetic are still better than singular values."""
    for digits in (38, 42):
        x = np.eye(n)
        x[:2, :2] = [[1.0, 1.0], [1.0, 1.0 + 2.0**-digits]]
        expected = np.eye(n) * 2.0**-digits
        expected[:2, :2] = [[1.0 + 2.0**-digits, -1.0], [-1.0, 1.0]]
        assert last_digits(kernel("adj", x), expected)
