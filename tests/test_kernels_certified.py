"""Determinants, adjugates, inverses, solutions and conditions, against fractions; what is done exactly."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from gradcalc.ops import certified, doubled, dyadic, elimination
from gradcalc.ops.doubled import UNIT
from gradcalc.ops.elimination import SIDE, Eliminated, eliminated
from tests.exact.matrices import hilbert
from tests.exact.rational import adjugate, change, exact, gauss, inverse, ulps, value

SIDES = [1, 2, 3, 4, 5]
TWO = Fraction(2)


def drawn(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def nearly_singular(seed: int, n: int, digits: int) -> Any:
    """Whole numbers over 2^20; the last row is the sum of the others but for 2^-digits."""
    x = np.round(drawn(seed, n, n) * 2.0**20) / 2.0**20
    if n == 1:
        return x
    x[-1] = x[:-1].sum(axis=0)
    x[-1, 0] += 2.0**-digits
    return x


def singular(n: int) -> Any:
    x = drawn(n, n, n)
    x[-1] = x[0] * 2 if n > 1 else 0.0
    return x


def mixed(n: int) -> Any:
    """A harmless matrix, one without any digits in doubled arithmetic, a singular one, one of NaN and one of inf."""
    hard = drawn(n + 1, n, n)
    if n > 1:
        hard[-1] = hard[0]
        hard[-1, -1] = np.nextafter(hard[0, -1], 9.0)
        hard[0] *= 2.0**-300  # too far apart
    unknown = drawn(n + 2, n, n)
    unknown[0, 0] = np.nan
    infinite = drawn(n + 3, n, n)
    infinite[-1, 0] = np.inf
    return np.stack([drawn(n, n, n), hard, singular(n), unknown, infinite])


@pytest.fixture(autouse=True)
def without_warnings() -> Iterator[None]:
    """As the operations call these functions; nothing remembered of another test."""
    elimination._kept.cache_clear()
    with np.errstate(all="ignore"):
        yield


@pytest.fixture
def done_exactly(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The matrices that are done in whole numbers."""
    done: list[Any] = []
    original = dyadic.expansion

    def noted(x: Any, *changes: Any) -> Any:
        done.append(x)
        return original(x, *changes)

    monkeypatch.setattr(dyadic, "expansion", noted)
    return done


def are(done: list[Any], expected: list[Any]) -> bool:
    return len(done) == len(expected) and all(map(np.array_equal, done, expected))


# ------------------------------------------------------------------------------- what is settled


def test_what_is_in_doubt_is_replaced_and_what_stays_is_told() -> None:
    """The exact function sees the operands of its own place, stretched; None leaves what there was."""
    out, unsure = np.zeros((2, 3, 1, 1)), np.array([[True, False, True], [False, True, False]])
    x, y = np.arange(6.0).reshape(2, 3, 1, 1), np.array([10.0, 20.0, 30.0]).reshape(3, 1, 1)

    def answer(a: Any, b: Any) -> Any:
        assert a.shape == b.shape == (1, 1)
        return None if a[0, 0] == 2.0 else a + b

    found, left = certified.settled(out, unsure, [x, y], answer)
    assert found[..., 0, 0].tolist() == [[10.0, 0.0, 0.0], [0.0, 24.0, 0.0]]
    assert left.tolist() == [[False, False, True], [False, False, False]]
    assert not out.any()


def test_matrices_with_finite_entries_only() -> None:
    x, y = np.ones((3, 2, 2)), np.ones((2, 1, 2, 1))
    x[1, 0, 1], y[1, 0, 1, 0] = np.nan, np.inf
    assert certified.finite(x).tolist() == [True, False, True]
    assert certified.finite(x, y).tolist() == [[True, False, True], [False, False, False]]


# ------------------------------------------------------------------------------- determinants


def number(found: Any) -> Fraction:
    return (Fraction(float(found[0])) + Fraction(float(found[1]))) * TWO ** int(found[2])


@pytest.mark.parametrize("n", SIDES)
def test_a_determinant_is_right_and_exact_only_where_it_must_be(n: int, done_exactly: list[Any]) -> None:
    x = mixed(n)
    high, low, power = certified.determinant(x)
    for k in range(3):
        expected = gauss(exact(x[k]))
        assert abs(number((high[k], low[k], power[k])) - expected) <= abs(expected) * TWO**-56
    assert np.isnan(high[3:]).all()
    assert are(done_exactly, [x[k] for k in ((1, 2) if n > 1 else (2,))])


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("digits", [10, 20, 30, 40, 50])
def test_determinants_that_cancel_are_right_to_an_eighth_of_a_rounding(n: int, digits: int) -> None:
    """Of both signs, and also scaled to the ends of the range."""
    for scale in (1.0, -1.0, 2.0**-900, 2.0**900):
        x = scale * nearly_singular(n, n, digits)
        expected = gauss(exact(x))
        assert abs(number(certified.determinant(x)) - expected) <= abs(expected) * TWO**-56


def test_a_singular_matrix_too_large_for_whole_numbers_has_determinant_zero() -> None:
    x = drawn(1, 24, 24)
    x[:, 1] = x[:, 0]
    high, low, _ = certified.determinant(x)
    assert (high, low) == (0.0, 0.0)
    sign, logarithm = certified.log_determinant(x)
    assert (sign, logarithm) == (0.0, -np.inf)


def test_the_determinant_of_no_entries_is_one() -> None:
    assert number(certified.determinant(np.empty((0, 0)))) == 1
    assert certified.log_determinant(np.empty((0, 0)))[1] == 0.0


def log_cases() -> list[Any]:
    a = 2.0**-30
    near = np.array([[1.0, a], [-a, 1.0]])
    return [
        near, near[::-1], np.array([[1.0, a], [a, 1.0]]), np.array([[1.0, a], [a, 1.0]])[::-1],
        *(np.diag([3.0] * n) for n in (1, 2, 3, 7)),
        *(np.diag([1e300] * n)[::-1] for n in (1, 3, 5)),
        *(np.diag([1e-300] * n) for n in (1, 3, 5)),
        *(drawn(k, n, n) for k in range(4) for n in SIDES), *(hilbert(n) for n in (2, 5, 8)),
        *(np.diag([v, 1.0]) for v in (np.sqrt(0.5), 0.7, 0.71, 1.4, 1.42, 0.999, 1 + 2.0**-52, 1 - 2.0**-53, 2.0, 0.5)),
        np.array([[5e-324]]), np.diag([2.0**1000, 2.0**-1000, 1.0 + 2.0**-40]),
        *(np.array([[1.0, a], [sign * a, 1.0]]) * 2.0**k for sign in (1, -1) for k in (-1, 1)),
    ]  # fmt: skip


@pytest.mark.parametrize("k", range(len(log_cases())))
def test_logarithms_of_determinants_are_within_two_units(k: int) -> None:
    x = log_cases()[k]
    sign, found = certified.log_determinant(x)
    meant = gauss(exact(x))
    assert sign == (1 if meant > 0 else -1)
    with mp.workdps(60):
        expected = mp.log(abs(mpf(meant.numerator) / mpf(meant.denominator)))
        assert abs(mpf(float(found)) - expected) <= 2 * np.spacing(abs(float(expected)))


def test_logarithms_of_a_stack() -> None:
    """Of singular ones -inf with sign 0, of unknown ones NaN."""
    for n in SIDES:
        sign, found = certified.log_determinant(mixed(n))
        assert (sign[2], found[2]) == (0.0, -np.inf)
        assert np.isnan(sign[3:]).all()
        assert np.isnan(found[3:]).all()
        assert np.isfinite(found[:1]).all()


def test_log_two_is_the_sum_of_its_parts() -> None:
    """The high part leaves room for 17 bits of a multiple."""
    with mp.workdps(60):
        assert abs(mpf(certified.LN2_HIGH) + mpf(certified.LN2_LOW) - mp.log(2)) < mpf(2) ** -92
    for k in (1, 3, 77_777, 131_071):
        assert Fraction(certified.LN2_HIGH) * k == Fraction(certified.LN2_HIGH * k)


def test_beyond_the_side_logarithms_are_lapacks() -> None:
    x = np.eye(SIDE + 1) * 3.0
    x[0, 1:] = drawn(1, SIDE)
    sign, found = certified.log_determinant(x)
    expected = np.linalg.slogdet(x)
    assert (sign, found) == (expected[0], expected[1])


# ------------------------------------------------------------------------------- inverses, solutions


@pytest.mark.parametrize("n", SIDES)
def test_an_inverse_is_right_and_exact_only_where_it_must_be(n: int, done_exactly: list[Any]) -> None:
    x = mixed(n)
    found = certified.inverse(x)
    for k in (0, 1):
        if gauss(exact(x[k])):
            assert ulps(found[k], inverse(exact(x[k]))) <= 1
    assert np.isnan(found[2:]).all()
    assert are(done_exactly, [x[k] for k in ((1, 2) if n > 1 else (2,))])


@pytest.mark.parametrize("n", SIDES)
def test_a_solution_is_right_and_exact_only_where_it_must_be(n: int, done_exactly: list[Any]) -> None:
    x, b = mixed(n), drawn(n + 9, 5, n, 2)
    found = certified.solution(x, b)
    for k in (0, 1):
        if gauss(exact(x[k])):
            assert ulps(found[k], inverse(exact(x[k])) @ exact(b[k])) <= 1
    assert np.isnan(found[2:]).all()
    assert are(done_exactly, [x[k] for k in ((1, 2) if n > 1 else (2,))])


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("digits", [10, 20, 30, 40, 50])
def test_inverses_and_solutions_of_nearly_singular_matrices_are_right(n: int, digits: int) -> None:
    for scale in (1.0, -1.0, 2.0**-500, 2.0**500):
        x, b = scale * nearly_singular(n, n, digits), drawn(n, n, 2) * 2.0**-300
        assert ulps(certified.inverse(x), inverse(exact(x))) <= 1
        assert ulps(certified.solution(x, b), inverse(exact(x)) @ exact(b)) <= 1


def test_solutions_that_cancel_are_done_exactly(done_exactly: list[Any]) -> None:
    """No bound tells that an entry of the solution is 0."""
    for n in (3, 4):
        x = np.round(drawn(n, n, n) * 2.0**10)
        tiny = np.zeros((n, 1))
        tiny[0], tiny[1] = 1.0, 2.0**-40
        b = x @ tiny
        done_exactly.clear()
        assert (certified.solution(x, b) == tiny).all()
        assert are(done_exactly, [x])


@pytest.mark.parametrize("n", [2, 3, 4])
def test_right_sides_with_entries_far_apart_are_done_exactly(n: int, done_exactly: list[Any]) -> None:
    x, b = drawn(n, n, n), drawn(n + 1, 3, n, 1)
    b[1, 0] *= 2.0**-300
    found = certified.solution(x, b)
    assert are(done_exactly, [x])
    for k in range(3):
        assert ulps(found[k], inverse(exact(x)) @ exact(b[k])) <= 1
    b[1, 0] = np.nan
    assert np.isnan(certified.solution(x, b)).all(axis=(1, 2)).tolist() == [False, True, False]


def test_solutions_of_a_zero_side_are_zero() -> None:
    for n in SIDES:
        found = certified.solution(drawn(n, n, n), np.zeros((n, 2)))
        assert found.shape == (n, 2)
        assert not found.any()


def test_side_and_matrix_are_stretched_against_each_other() -> None:
    x, b = drawn(1, 2, 1, 3, 3), drawn(2, 4, 3, 1)
    found = certified.solution(x, b)
    assert found.shape == (2, 4, 3, 1)
    for i, k in np.ndindex(2, 4):
        assert ulps(found[i, k], inverse(exact(x[i, 0])) @ exact(b[k])) <= 1


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_bound_that_is_given_decides_what_is_exact(
    n: int, done_exactly: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inverse with an error of 2^-40 in its bound is not taken for a solution; with one of 2^-90 it is."""
    x, b = drawn(n, n, n) + 2 * np.eye(n), -drawn(n + 1, n, 2)
    found = eliminated(x)
    for digits, exactly in ((40, True), (90, False)):
        slack = np.abs(found.inverse[0]) * 2.0**-digits
        wrong = doubled.add(found.inverse, doubled.pair(slack))
        given = Eliminated(
            found.matrix, found.exponent, found.determinant, found.power, found.doubt, found.adjugate,
            found.adjugate_bound, (wrong, slack * 1.001),
        )  # fmt: skip
        monkeypatch.setattr(certified, "eliminated", lambda _, given=given: given)
        done_exactly.clear()
        assert ulps(certified.solution(x, b), inverse(exact(x)) @ exact(b)) <= 1
        assert bool(done_exactly) == exactly
        done_exactly.clear()
        assert ulps(certified.inverse(x), inverse(exact(x))) <= 1
        assert bool(done_exactly) == exactly


# ------------------------------------------------------------------------------- adjugates


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_adjugates_are_right_where_the_matrix_is_singular_too(n: int, done_exactly: list[Any]) -> None:
    x = mixed(n)[:3]
    found, left = certified.adjugate(x)
    assert not left.any()
    for k in range(3):
        assert ulps(found[k], adjugate(exact(x[k]))) <= 1
    # an adjugate by cofactors needs no determinant
    assert are(done_exactly, [x[k] for k in ((1,) if n < 4 else (1, 2))])


@pytest.mark.parametrize(("n", "k"), [(2, 1), (3, 1), (4, 1), (3, 2), (4, 2), (4, 3), (5, 2)])
def test_changes_are_right_and_exact_only_where_they_must_be(n: int, k: int, done_exactly: list[Any]) -> None:
    """Of stacks that are stretched; changes of other sizes; the second matrix is singular."""
    x = np.stack([drawn(n, n, n), singular(n)])
    changes = [drawn(n + 5 + j, n, n) * 2.0 ** (10 * j) for j in range(k)]
    found, left = certified.adjugate(x, *changes)
    assert not left.any()
    for i in range(2):
        assert ulps(found[i], change(exact(x[i]), *map(exact, changes))) <= 1
    assert all(np.array_equal(d, x[1]) for d in done_exactly)


@pytest.mark.parametrize("k", [1, 2])
def test_changes_with_entries_far_apart_are_done_exactly(k: int, done_exactly: list[Any]) -> None:
    x, changes = drawn(1, 3, 3), [drawn(j + 2, 2, 3, 3) for j in range(k)]
    changes[-1][1, 0, 0] = 2.0**-400
    found, left = certified.adjugate(x, *changes)
    assert not left.any()
    assert are(done_exactly, [x])
    for i in range(2):
        assert ulps(found[i], change(exact(x), *(exact(h[i]) for h in changes))) <= 1


def test_changes_that_are_too_long_for_whole_numbers_are_told() -> None:
    x = np.stack([drawn(1, 20, 20)] * 2)
    x[1, 1] = x[1, 0]
    found, left = certified.adjugate(x)
    assert left.tolist() == [False, True]
    expected = np.linalg.det(x[0]) * np.linalg.inv(x[0])
    assert np.allclose(found[0], expected, rtol=1e-10)


def test_changes_of_nothing_are_zero_and_sure(done_exactly: list[Any]) -> None:
    found, left = certified.adjugate(drawn(1, 4, 4), drawn(2, 4, 4), np.zeros((4, 4)))
    assert not found.any()
    assert not left.any()


@pytest.mark.parametrize(
    "places",
    [
        [(0, 1)], [(3, 2)], [(0, 1), (2, 3)], [(0, 1), (0, 2)], [(0, 1), (2, 1)], [(3, 3), (0, 0)],
        [(0, 1), (2, 3), (1, 2)], [(0, 0), (1, 1), (1, 2)], [(2, 2), (1, 1), (2, 0)],
    ],
)  # fmt: skip
def test_changes_by_single_entries_vanish_where_they_must(
    places: list[tuple[int, int]], done_exactly: list[Any]
) -> None:
    """Of a matrix without any structure they are 0 there and nowhere else; no whole numbers are needed."""
    x, changes = drawn(7, 4, 4), []
    for k, place in enumerate(places):
        h = np.zeros((4, 4))
        h[place] = -1.5 * (k + 1)
        changes.append(h)
    expected = change(exact(x), *map(exact, changes))
    assert (certified._vanishing(changes, (4, 4)) == (expected == 0)).all()
    assert ulps(certified.adjugate(x, *changes)[0], expected) <= 1
    assert not done_exactly


def test_changes_in_rows_and_columns_vanish_where_they_must() -> None:
    """Whole rows or columns beside single entries, in a stack; two rows in one change leave nothing out."""
    x, n = drawn(8, 4, 4), 4
    row, column, rows, entry = (np.zeros((n, n)) for _ in range(4))
    row[1], column[:, 2], rows[:2], entry[3, 0] = drawn(1, n), drawn(2, n), drawn(3, 2, n), 2.0
    first = np.stack([row, column, rows, entry, row])
    second = np.stack([entry, row, entry, entry, 2 * row])
    found = certified._vanishing([first, second], (5, n, n))
    for k in range(5):
        expected = change(exact(x), exact(first[k]), exact(second[k])) == 0
        assert (found[k] == expected).all(), k
    alone = certified._vanishing([first], (5, n, n))
    for k in range(5):
        assert (alone[k] == (change(exact(x), exact(first[k])) == 0)).all(), k


def disturbed(x: Any, digits: int, adjugate_digits: int) -> tuple[Eliminated, Any]:
    """An elimination with entries that are wrong by up to their bounds, and the exact matrix."""
    found = eliminated(x)
    n = len(x)
    inverse_bound = np.abs(found.inverse[0]) * 2.0**-digits
    adjugate_bound = np.abs(found.adjugate[0]) * 2.0**-adjugate_digits
    signs = np.sign(drawn(n, n, n))
    wrong = doubled.add(found.inverse, doubled.pair(inverse_bound * 0.999 * signs))
    adj = doubled.add(found.adjugate, doubled.pair(adjugate_bound * 0.999 * signs.T))
    given = Eliminated(found.matrix, found.exponent, found.determinant, found.power, found.doubt, adj,
                       adjugate_bound, (wrong, inverse_bound))  # fmt: skip
    return given, exact(found.matrix) * TWO ** -int(found.power)


@pytest.mark.parametrize(("digits", "adjugate_digits"), [(30, 30), (30, 200), (200, 30), (200, 200)])
@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_the_bound_of_a_change_holds_for_what_goes_in(digits: int, adjugate_digits: int, k: int) -> None:
    """Errors of the inverse and of the adjugate are passed on within the bound, and are most of it."""
    for n in (2, 3, 4):
        for seed in range(3):
            x, changes = drawn(seed, n, n) + np.eye(n), [drawn(seed + 3 + j, n, n) for j in range(k)]
            given, _ = disturbed(x, digits, adjugate_digits)
            high, bound = certified._change(given, changes)
            expected = change(exact(given.matrix), *map(exact, changes)) / TWO ** int(given.power)
            error = abs(exact(high) - expected)
            rounding = exact(np.abs(high)) * TWO**-53
            assert (error <= exact(bound) + rounding).all()
            size = np.abs(high).max() + (np.abs(given.inverse[0]) ** (k + 1)).sum() + np.abs(given.adjugate[0]).max()
            least = min(digits, adjugate_digits, 90)
            assert (bound <= 2.0**-least * 2.0 ** (6 * (k + 1)) * size**2).all()


def test_the_bound_of_a_change_is_of_the_size_of_what_is_wrong() -> None:
    """An inverse or an adjugate that is wrong by a share of each entry makes the change wrong by about that share."""
    x = np.array([[2.0, -1.0], [-1.0, 2.0]])
    found = eliminated(x)
    share = 2.0**-30
    for s, r in ((share, 0.0), (0.0, share)):
        wrong, adj = ((p[0] * (1 + q), p[1]) for p, q in ((found.inverse, s), (found.adjugate, r)))
        given = Eliminated(
            found.matrix, found.exponent, found.determinant, found.power, found.doubt, adj,
            np.abs(found.adjugate[0]) * r, (wrong, np.abs(found.inverse[0]) * s),
        )  # fmt: skip
        h = np.array([[0.0, 1.0], [0.0, 0.0]])
        high, bound = certified._change(given, [h])
        expected = change(exact(found.matrix), exact(h))
        assert (abs(exact(high) - expected) <= exact(bound)).all()
        # adj of 2 × 2 is linear: the change is [[0, -1], [0, 0]], of terms that are at most 2 in size
        assert (bound <= 4 * share).all()
        assert bound.max() >= share / 4


def test_traces_are_taken_once_and_products_off() -> None:
    products = [doubled.pair(drawn(k, 3, 3)) for k in range(3)]
    expected = np.trace(value(products[0])) * exact(np.eye(3)) - sum(map(value, products))
    assert (abs(value(certified._against_trace(products)) - expected) <= TWO**-100).all()
    stack = [(np.stack([p[0]] * 2), np.stack([p[1]] * 2)) for p in products]
    assert (certified._against_trace(stack)[0] == certified._against_trace(products)[0]).all()
    sizes = [np.abs(p[0]) for p in products]
    assert np.allclose(certified._with_trace(sizes), np.trace(sizes[0]) * np.eye(3) + sum(sizes))
    assert (certified._with_trace([np.stack([s] * 2) for s in sizes]) == certified._with_trace(sizes)).all()


# ------------------------------------------------------------------------------- condition


def bauer(x: Any) -> float:
    """The smaller of the largest row sums of |X^-1| |X| and |X| |X^-1|."""
    size, entries = abs(inverse(exact(x))), abs(exact(x))
    return float(min(max(p.sum(axis=1)) for p in (size @ entries, entries @ size)))


@pytest.mark.parametrize("n", SIDES)
def test_condition_numbers_are_bauers(n: int) -> None:
    for x in (drawn(n, n, n), nearly_singular(n, n, 30), hilbert(n), np.triu(drawn(n, n, n)), -drawn(n + 1, n, n)):
        for moved in (x, x.T, x * 2.0**700, x * 2.0**-700):
            assert np.isclose(certified.condition(moved), bauer(moved), rtol=1e-12)


@pytest.mark.parametrize("digits", [40, 52, 60, 100])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_condition_numbers_of_any_size_are_right(digits: int, n: int) -> None:
    """Beyond doubled arithmetic in whole numbers; [[1, 1], [1, 1 + e]] has about 4/e."""
    x = np.eye(n)
    x[0, 0] = x[0, 1] = x[1, 0] = x[1, 1] = 1.0
    x[:2, :2] *= np.array([[1.0, 1.0], [1.0, 1.0 + 2.0 ** -min(digits, 52)]])
    x[0] *= 2.0 ** -max(digits - 52, 0) * 3
    assert np.isclose(certified.condition(x), bauer(x), rtol=1e-12)


def test_rows_and_columns_of_a_factor_do_not_make_a_condition_larger() -> None:
    x = drawn(1, 4, 4)
    factors = np.array([1.0, 2.0**80, 2.0**-90, 2.0**40])
    for moved in (x * factors, factors[:, None] * x):
        assert np.isclose(certified.condition(moved), bauer(moved), rtol=1e-12)
    assert certified.condition(np.diag(factors)) == 1.0
    assert certified.condition(np.diag(factors**4)[::-1]) == 1.0


def test_conditions_of_a_stack(done_exactly: list[Any]) -> None:
    for n in (2, 3, 4):
        x = mixed(n)
        done_exactly.clear()
        found = certified.condition(x)
        assert np.isclose(found[0], bauer(x[0]), rtol=1e-12)
        assert np.isclose(found[1], bauer(x[1]), rtol=1e-12)
        assert found[2] == np.inf
        assert np.isnan(found[3:]).all()
        assert are(done_exactly, [x[1], x[2]])
    assert certified.condition(np.empty((2, 0, 0))).tolist() == [0.0, 0.0]


def test_large_matrices_have_the_condition_that_lapack_finds() -> None:
    n = SIDE + 1
    x = np.stack([np.eye(n) + 0.01 * drawn(1, n, n), np.eye(n), np.eye(n), np.ones((n, n))])
    x[2, 0, 0] = np.nan
    found = certified.condition(x)
    size = np.abs(np.linalg.inv(x[0]))
    products = (size @ np.abs(x[0]), np.abs(x[0]) @ size)
    assert np.isclose(found[0], min(np.linalg.norm(p, np.inf) for p in products))
    assert found[1] == 1.0
    assert np.isnan(found[2])
    assert found[3] == np.inf
    assert certified.condition(x[0]) == found[0]


def test_a_matrix_that_nothing_is_known_of_counts_as_singular() -> None:
    """Too large for whole numbers, and too near to a singular one for doubled arithmetic."""
    x = drawn(1, 24, 24)
    x[-1] = x[0]
    assert certified.condition(x) == np.inf
    far = np.eye(24)
    far[0, 0], far[1, 1] = 2.0**-600, 2.0**600
    assert certified.condition(far) == np.inf


def test_lapack_leaves_only_singular_matrices_out() -> None:
    x = np.stack([np.eye(3) * 2, np.zeros((3, 3)), np.eye(3) * 4])
    found = certified.by_lapack(np.linalg.inv, x)
    assert (found[0] == np.eye(3) / 2).all()
    assert np.isnan(found[1]).all()
    assert (found[2] == np.eye(3) / 4).all()
    assert np.isnan(certified.by_lapack(np.linalg.inv, np.zeros((3, 3)))).all()
    b = np.ones((3, 2))
    alone = certified.by_lapack(np.linalg.solve, np.zeros((3, 3)), b)
    assert alone.shape == (3, 2)
    assert np.isnan(alone).all()
    stacked = certified.by_lapack(np.linalg.solve, np.stack([x, x]), b)
    assert stacked.shape == (2, 3, 3, 2)
    assert (stacked[:, 0] == 0.5).all()
    assert np.isnan(stacked[:, 1]).all()
    assert (stacked[:, 2] == 0.25).all()
    spread = certified.by_lapack(np.linalg.solve, x, np.ones((2, 1, 3, 2)))
    assert np.array_equal(spread, stacked, equal_nan=True)
    many = certified.by_lapack(np.linalg.solve, np.zeros((3, 3)), np.ones((4, 3, 2)))
    assert many.shape == (4, 3, 2)
    assert np.isnan(many).all()


# ------------------------------------------------------------------------------- stacks of stacks


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_stack_of_stacks_has_what_each_has_alone(n: int) -> None:
    """Two batch axes, of lengths that no axis of a matrix has."""
    x = np.stack([mixed(n), 3 * mixed(n)[::-1], np.sqrt(np.abs(mixed(n)))])[:, :, None]
    x = np.broadcast_to(x, (3, 5, 6, n, n)).copy() * np.arange(1, 7)[:, None, None]
    b, h = drawn(1, 3, 1, 6, n, 2), drawn(2, 5, 1, n, n)
    determinants, logarithms = certified.determinant(x), certified.log_determinant(x)
    inverses, solutions = certified.inverse(x), certified.solution(x, b)
    finite = certified.finite(x)
    known = np.where(finite[..., None, None], x, 1.0)
    adjugates, changes = certified.adjugate(known), certified.adjugate(known, h)
    conditions = certified.condition(x)
    for place in [(0, 0, 0), (0, 1, 5), (0, 2, 3), (1, 0, 4), (1, 3, 2), (1, 4, 1), (2, 0, 3), (2, 1, 0), (2, 2, 5)]:
        i, j, k = place
        pairs = [
            *zip((d[place] for d in determinants[:1]), certified.determinant(x[place])[:1], strict=True),
            *zip((part[place] for part in logarithms), certified.log_determinant(x[place]), strict=True),
            (inverses[place], certified.inverse(x[place])),
            (solutions[place], certified.solution(x[place], b[i, 0, k])),
            (conditions[place], certified.condition(x[place])),
            (adjugates[0][place], certified.adjugate(known[place])[0]),
            (changes[0][place], certified.adjugate(known[place], h[j, 0])[0]),
        ]
        for together, alone in pairs:
            assert np.array_equal(together, alone, equal_nan=True), place


def test_a_long_stack_of_small_matrices_is_not_taken_for_large_ones() -> None:
    """The determinant 1 + 2^-60 has a logarithm, which LAPACK does not see."""
    x = np.broadcast_to(np.array([[1.0, 2.0**-30], [-(2.0**-30), 1.0]]), (1, SIDE + 6, 2, 2))
    assert (certified.log_determinant(x)[1] == 2.0**-60).all()
    assert np.isclose(certified.condition(x), 1.0).all()
    hard = np.broadcast_to(np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-52]]) * [[2.0**-52], [1.0]], (1, SIDE + 6, 2, 2))
    assert np.allclose(certified.condition(hard), bauer(hard[0, 0]), rtol=1e-12)


@pytest.mark.parametrize(("n", "right"), [(SIDE, True), (SIDE + 1, False)])
def test_at_the_largest_side_logarithms_have_all_digits_and_beyond_those_of_lapack(n: int, right: bool) -> None:
    x = np.broadcast_to(np.eye(n), (2, n, n)).copy()
    x[:, :2, :2] = [[1.0, 2.0**-30], [-(2.0**-30), 1.0]]
    assert (certified.log_determinant(x)[1] == (2.0**-60 if right else 0.0)).all()
    assert (certified.log_determinant(x[None])[1] == (2.0**-60 if right else 0.0)).all()


@pytest.mark.parametrize(("n", "infinite"), [(SIDE, False), (SIDE + 1, True)])
def test_at_the_largest_side_conditions_are_seen_that_lapack_does_not_see(n: int, infinite: bool) -> None:
    """Beyond it a matrix that rounds to a singular one is infinitely ill-conditioned."""
    x = np.broadcast_to(np.eye(n), (2, n, n)).copy()
    x[:, :2, :2] = [[3.0, 1.0], [1.0, 1.0 / 3.0]]
    expected = np.inf if infinite else bauer(x[0, :2, :2])
    for stack in (x, x[None]):
        assert np.isclose(certified.condition(stack), expected, rtol=1e-12).all()


def without_error(found: Eliminated) -> Eliminated:
    """An elimination whose inverse and adjugate are taken for exact."""
    none = np.zeros_like(found.inverse[0])
    return Eliminated(found.matrix, found.exponent, found.determinant, found.power, found.doubt, found.adjugate,
                      none, (found.inverse, none))  # fmt: skip


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("lead", [(), (1, 70)])
def test_sums_of_a_solution_that_cancel_are_trusted_as_far_as_their_products_are(
    sign: float, lead: tuple[int, ...], done_exactly: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an inverse without an error: `doubled.matmul` may be wrong by 4 units of the terms, which are 1 in size here.

    Beside a sum below 2^-43 that is more than 2^-56, and beside one above 2^-42 twice that is less.
    """
    x = np.broadcast_to(np.array([[1.0, -1.0], [0.0, 1.0]]) * sign, (*lead, 2, 2))
    given = without_error(eliminated(x))
    monkeypatch.setattr(certified, "eliminated", lambda _: given)
    for least, exactly in ((2.0**-43 - 2.0**-50, True), (2.0**-42 + 2.0**-46, False)):
        for turn in (1.0, -1.0):
            done_exactly.clear()
            b = np.array([[1.0], [-1.0 + least]]) * turn
            assert (certified.solution(x, b) == np.array([[least], [-1.0 + least]]) * turn * sign).all()
            assert bool(done_exactly) == exactly


@pytest.mark.parametrize("n", [2, 4, 6])
def test_the_bound_of_a_change_counts_its_two_products(n: int) -> None:
    """H adj(X) and X^-1 beside it, by an inverse and an adjugate without error: each may be wrong by n + 2 units of
    the sum of its terms, and no more than four times that is said. In a stack it is as alone."""
    x, h = drawn(n, n, n) + np.eye(n), -drawn(n + 1, n, n)
    given = without_error(eliminated(x))
    _, bound = certified._change(given, [h])
    terms = np.abs(h) @ np.abs(given.adjugate[0])
    terms = np.abs(given.inverse[0]) @ (terms + np.trace(terms) * np.eye(n))
    assert (2 * (n + 2) * UNIT * terms <= bound).all()
    assert (bound <= 8.001 * (n + 2) * UNIT * terms).all()
    stack = eliminated(np.broadcast_to(x, (1, 7, n, n)))
    for k in (1, 2):
        alone = certified._change(eliminated(x), [h] * k)
        for part, lone in zip(certified._change(stack, [h] * k), alone, strict=True):
            assert part.shape == (1, 7, n, n)
            assert np.allclose(part, lone, rtol=1e-13, atol=0)


def test_what_is_sure_is_an_eighth_of_a_rounding() -> None:
    assert certified.SURE == 2.0**-53 / 8
    assert 2.0**20 * UNIT < certified.SURE
