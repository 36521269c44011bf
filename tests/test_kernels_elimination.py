"""Eliminations, against fractions: bounds hold, and are small where matrices are harmless."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from gradcalc.ops import doubled, elimination
from gradcalc.ops.doubled import UNIT
from gradcalc.ops.elimination import SIDE, Eliminated, eliminated, normalised
from tests.exact.matrices import hilbert
from tests.exact.rational import adjugate, exact, gauss, inverse, value

SIDES = [1, 2, 3, 4, 5, 7]


@pytest.fixture(autouse=True)
def without_memory() -> None:
    """Nothing remembered of another test."""
    elimination._kept.cache_clear()


TWO = Fraction(2)


def drawn(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def nearly_singular(seed: int, n: int, digits: int) -> Any:
    """Its last row is the sum of the others but for a change of 2^-digits."""
    x = np.round(drawn(seed, n, n) * 2.0**20) / 2.0**20
    x[-1] = x[:-1].sum(axis=0) if n > 1 else 0.0
    x[-1, 0] += 2.0**-digits
    return x


MATRICES = [
    *(drawn(n, n, n) for n in SIDES),
    *(nearly_singular(n, n, digits) for n in SIDES for digits in (10, 20, 30)),
    *(hilbert(n) for n in (2, 3, 4, 6, 8)),
    *(drawn(n, n, n) * 2.0 ** np.random.default_rng(n).integers(-60, 60, (n, n)) for n in SIDES),
    *(np.eye(n)[::-1] * 3.0 for n in SIDES),
    *(drawn(n, n, n) * 1e-290 for n in SIDES),
    *(drawn(n, n, n) * 1e300 for n in SIDES),
    *(np.triu(drawn(n, n, n)) for n in SIDES),
]


def powers(found: Eliminated) -> Any:
    return TWO ** int(found.power)


def assert_bounds_hold(x: Any, found: Eliminated) -> None:
    """The record's docstring: determinant, adjugate and inverse of the scaled matrix, within doubt and bounds."""
    a = exact(x) / TWO ** int(found.exponent)
    assert (exact(found.matrix) == a).all()
    meant = gauss(a)
    if np.isfinite(found.doubt):
        got = (Fraction(float(found.determinant[0])) + Fraction(float(found.determinant[1]))) * powers(found)
        assert abs(got - meant) <= exact(found.doubt)[()] * abs(meant)
    if np.isfinite(found.adjugate_bound).all():
        error = abs(value(found.adjugate) * powers(found) - adjugate(a))
        assert (error <= exact(found.adjugate_bound) * powers(found)).all()
    if np.isfinite(found.inverse_bound).all():
        assert (abs(value(found.inverse) - inverse(a)) <= exact(found.inverse_bound)).all()


@pytest.mark.parametrize("k", range(len(MATRICES)))
def test_determinant_adjugate_and_inverse_are_within_their_bounds(k: int) -> None:
    with np.errstate(all="ignore"):
        assert_bounds_hold(MATRICES[k], eliminated(MATRICES[k]))


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("digits", [10, 30, 45])
def test_elimination_holds_for_the_sides_that_cofactors_do(n: int, digits: int) -> None:
    for seed in range(5):
        a, exponent, _ = normalised(nearly_singular(seed, n, digits))
        determinant, power, doubt, adj, bound, inv = elimination._by_elimination(a)
        assert_bounds_hold(a, Eliminated(a, exponent * 0, determinant, power, doubt, adj, bound, inv))


@pytest.mark.parametrize("n", [*SIDES, 20, 64])
def test_bounds_of_harmless_matrices_are_far_below_a_rounding(n: int) -> None:
    """Of permuted diagonals whose entries differ by a factor 2: no digit of a float is in doubt by far."""
    order = np.random.default_rng(n).permutation(n)
    x = np.diag(np.linspace(1.0, 2.0, n))[order]
    found = eliminated(x)
    assert found.doubt <= 2.0**-80
    assert np.isfinite(found.inverse_bound).all()
    assert (found.inverse_bound <= 2.0**-80 * np.abs(found.inverse[0]).max()).all()
    assert (found.adjugate_bound <= 2.0**-80 * np.abs(found.adjugate[0]).max()).all()
    assert (found.inverse_bound[order, np.arange(n)] > 0).all()


@pytest.mark.parametrize("n", SIDES)
def test_bounds_leave_room_for_the_roundings_that_there_are(n: int) -> None:
    """One product of n pivots after the other may be wrong by a unit each; an entry that is not 0 by one too."""
    found = eliminated(drawn(n + 100, n, n))
    assert found.doubt >= n * UNIT
    for pair, bound in ((found.inverse, found.inverse_bound), (found.adjugate, found.adjugate_bound)):
        assert (bound >= UNIT * np.abs(pair[0])).all()


@pytest.mark.parametrize("n", SIDES)
def test_bounds_grow_as_the_condition_does_and_not_faster(n: int) -> None:
    """Of rows that nearly depend on each other: within 2^20 of UNIT times the condition number."""
    for digits in (10, 20, 30, 40):
        with np.errstate(all="ignore"):
            x = nearly_singular(n, n, digits)
            found = eliminated(x)
            size = np.abs(found.inverse[0])
            condition = (size @ np.abs(found.matrix)).sum(axis=-1).max()
            assert found.doubt <= 2.0**10 * n * n * UNIT * condition
            assert (found.inverse_bound <= 2.0**10 * n * n * UNIT * condition * size.max()).all()


def test_the_doubt_of_a_determinant_that_cancels_is_that_of_its_terms() -> None:
    """Of [[1, 1], [1, 1 + 2^-40]] terms of size 1 leave 2^-40: the error may be 2^40 units, and is said to be so."""
    for n in (2, 3):
        x = np.eye(n)
        x[:2, :2] = [[1.0, 1.0], [1.0, 1.0 + 2.0**-40]]
        found = eliminated(x)
        assert UNIT * 2.0**41 <= found.doubt <= UNIT * 2.0**46


def test_signs_do_not_make_doubts_smaller() -> None:
    """The terms of a determinant count by their size, whatever cancels among them."""
    x = np.array([[1.0, 2.0, 1.0], [-1.0, 1.0, 1.0], [1.0, -1.0, 1.0]])
    for sign in (1, -1):
        for turn in ([0, 1, 2], [1, 2, 0], [1, 0, 2]):
            assert 8 * UNIT <= eliminated(sign * x[turn]).doubt <= 16 * UNIT


# ------------------------------------------------------------------------- the parts


def test_the_bound_of_an_inverse_holds_where_its_residual_rounds_to_nothing() -> None:
    """One entry, and two rows that nearly depend: the residual is as wrong as the inverse, and counted so."""
    for seed in range(400):
        a = drawn(seed, 1, 1)
        found = doubled.divide(doubled.pair(np.ones((1, 1))), doubled.pair(a))
        assert (abs(value(found) - 1 / exact(a)) <= exact(elimination._bound(a, found))).all()
    for seed in range(150):
        a = nearly_singular(seed, 2, 30)
        _, _, _, found = elimination._gauss_jordan(a)
        assert (abs(value(found) - inverse(exact(a))) <= exact(elimination._bound(a, found))).all()


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("digits", [9, 12, 20, 60, 90])
def test_the_bound_of_an_inverse_holds_for_what_is_only_near_it(n: int, digits: int) -> None:
    """Wrong by 2^-digits, in entries of either sign: within the bound, which is infinite or at most a few errors."""
    for seed in range(12):
        a = drawn(seed, n, n) + 2 * np.eye(n)
        _, _, _, (high, low) = elimination._gauss_jordan(a)
        change = drawn(seed + 1, n, n) * 2.0**-digits * high
        wrong = high * (1 + 0 * low), low + change
        bound = elimination._bound(a, doubled.add((high, low), doubled.pair(change)))
        error = abs(value(doubled.add((high, low), doubled.pair(change))) - inverse(exact(a)))
        assert wrong[0].shape == bound.shape
        if np.isfinite(bound).all():
            assert (error <= exact(bound)).all()
        assert digits < 20 or np.isfinite(bound).all()


@pytest.mark.parametrize("wrong", [2.0**-11, 2.0**-30, -(2.0**-11), -(2.0**-30)])
def test_the_bound_of_an_inverse_is_about_twice_its_error(wrong: float) -> None:
    """|X| |R| is the error itself here, and the series after it nothing."""
    for a in (1.0, -0.5):
        x = doubled.pair(np.array([[(1 + wrong) / a]]))
        bound = elimination._bound(np.array([[a]]), x)
        assert abs(wrong / a) <= bound <= 2.01 * abs(wrong / a)


def test_an_inverse_that_is_wrong_by_more_than_a_thousandth_has_no_bound() -> None:
    """A row of residuals with a sum from 2^-10 on."""
    a = np.eye(2)
    for size, known in ((2.0**-12, True), (2.0**-11 * 1.01, False), (-(2.0**-11) * 1.01, False), (0.1, False)):
        x = np.eye(2) + size * np.array([[0.0, 0.0], [1.0, 1.0]])
        assert np.isfinite(elimination._bound(a, doubled.pair(x))).all() == known
    for wrong, known in ((2.0**-10, False), (2.0**-10 - 2.0**-40, True)):
        assert np.isfinite(elimination._bound(np.eye(1), doubled.pair((1.0 - wrong) * np.eye(1)))) == known
    stack = np.stack([np.eye(2), 1.1 * np.eye(2), np.eye(2)])
    assert np.isfinite(elimination._bound(a + 0 * stack, doubled.pair(stack))).all(axis=(1, 2)).tolist() == [
        True,
        False,
        True,
    ]


def test_the_inverse_of_a_unit_is_known_to_four_times_what_its_product_is() -> None:
    """`doubled.matmul` may be wrong by (n + 2) units beside absolute values: no more than 4 of these in the bound."""
    for n in (1, 2, 5):
        bound = elimination._bound(np.eye(n), doubled.pair(np.eye(n)))
        assert ((n + 2) * UNIT <= np.diagonal(bound)).all()
        assert (bound <= 4.001 * (n + 2) * UNIT * np.eye(n)).all()


def test_elimination_swaps_for_the_largest_pivot() -> None:
    """With a tiny entry on top nothing is lost, and no growth is seen beyond the entries' own size."""
    x = np.array([[2.0**-60, 1.0, 0.0, 0.0], [1.0, 1.0, 0, 0], [0, 0, 2.0**-60, 1.0], [0, 0, 1.0, 1.0]])
    determinant, power, growth, found = elimination._gauss_jordan(x)
    assert growth == 1.0
    assert (np.abs(found[0]) < 1.01).all()
    assert (abs(value(found) - inverse(exact(x))) <= TWO**-100).all()
    got = (Fraction(float(determinant[0])) + Fraction(float(determinant[1]))) * TWO ** int(power)
    assert abs(got - gauss(exact(x))) <= TWO**-100


def test_growth_is_the_largest_entry_that_is_eliminated() -> None:
    """[[1, 1], [-1, 1]] has 1 + 1 below; entries beside the matrix, where the inverse grows, do not count."""
    assert elimination._gauss_jordan(np.array([[1.0, 1.0], [-1.0, 1.0]]))[2] == 2.0
    assert elimination._gauss_jordan(np.array([[1.0, -1.0], [1.0, 1.0]]))[2] == 2.0
    assert elimination._gauss_jordan(np.array([[-4.0, 0.0], [0.0, 2.0**-30]]))[2] == 4.0
    wilkinson = np.tril(-np.ones((6, 6)), -1) + np.eye(6)
    wilkinson[:, -1] = 1.0
    assert elimination._gauss_jordan(wilkinson)[2] == 32.0


@pytest.mark.parametrize("n", [1, 4, 6])
def test_determinants_of_permutations_have_the_sign(n: int) -> None:
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(n)
        found = eliminated(np.eye(n)[order])
        assert np.ldexp(found.determinant[0], found.power + n * found.exponent) == gauss(exact(np.eye(n)[order]))
        assert (found.inverse[0] * 2.0**-found.exponent == np.eye(n)[order].T).all()


def test_determinants_leave_the_range_of_floats_and_keep_their_digits() -> None:
    """Of a scaled matrix of side 40 with entries down to 2^-200 on its diagonal: 2^-7800."""
    x = np.diag([1.0] + [2.0**-200] * 39)
    found = eliminated(x)
    assert Fraction(float(found.determinant[0])) * TWO ** int(found.power + 40 * found.exponent) == TWO ** (-200 * 39)
    assert 0.25 <= abs(found.determinant[0]) <= 1.0


# ------------------------------------------------------------------------- stacks and edges


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("lead", [(5,), (2, 3), (1, 1, 2), (0,)])
def test_a_matrix_of_a_batch_has_what_it_has_alone(n: int, lead: tuple[int, ...]) -> None:
    """Also beside singular ones, and ones with entries too far apart."""
    x = drawn(n, *lead, n, n)
    if x.size:
        x[(0,) * len(lead)] = 0.0
        x[(-1,) * len(lead)] *= 2.0 ** np.linspace(0, min(400 * (n - 1), 900), n)
    with np.errstate(all="ignore"):
        found = eliminated(x)
        for place in np.ndindex(lead):
            alone = eliminated(x[place])
            for name in ("matrix", "exponent", "power", "doubt", "adjugate_bound", "inverse_bound"):
                assert np.array_equal(getattr(found, name)[place], getattr(alone, name), equal_nan=True), name
            for name in ("determinant", "adjugate", "inverse"):
                for part, lone in zip(getattr(found, name), getattr(alone, name), strict=True):
                    assert np.array_equal(part[place], lone, equal_nan=True), name
        assert found.doubt.shape == lead
        assert found.inverse_bound.shape == x.shape


@pytest.mark.parametrize("n", [2, 3, 4])
def test_nothing_is_known_of_entries_too_far_apart(n: int) -> None:
    x = np.eye(n)
    x[0, 1] = 2.0**-260
    found = eliminated(np.stack([x, np.eye(n)]))
    assert found.doubt[0] == np.inf > found.doubt[1]
    with np.errstate(all="ignore"):
        for bound in (found.adjugate_bound, found.inverse_bound):
            assert np.isinf(bound[0]).all()
            assert np.isfinite(bound[1]).all()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_nothing_is_known_of_the_inverse_of_a_singular_matrix(n: int) -> None:
    x = drawn(n, n, n)
    x[-1] = x[0] if n > 1 else 0.0
    found = eliminated(x)
    with np.errstate(all="ignore"):
        assert not found.doubt < 0.5
        assert np.isinf(found.inverse_bound).all()


def test_a_doubt_beyond_a_half_leaves_no_bound() -> None:
    """By cofactors; below it the bound is that of a quotient by the determinant."""
    x = np.array([[3.0, 1.0], [1.0, 2.0]])
    found = eliminated(x)
    for doubt, known in ((0.4, True), (0.5, False), (np.nan, False), (np.inf, False)):
        doubtful = replace(found, doubt=np.array(doubt))
        assert np.isfinite(doubtful.inverse_bound).all() == known
    bound, size = replace(found, doubt=np.array(0.25)).inverse_bound, np.abs(found.inverse[0])
    # a determinant that is wrong by a quarter may be 3/4 of what it should be: a third more of the inverse
    assert (size / 3 <= bound).all()
    assert (bound <= 0.51 * size).all()
    sure = replace(found, doubt=np.array(0.0)).inverse_bound
    assert (UNIT * size <= sure).all()
    assert (sure <= 3.001 * UNIT * size).all()


@pytest.mark.parametrize("n", [4, 7, 20])
def test_the_bound_of_an_adjugate_is_that_of_its_factors(n: int) -> None:
    """It is the determinant times the inverse: wrong by as much as both together, and said to be at most twice so."""
    for x in (drawn(n, n, n), -drawn(n + 1, n, n), np.eye(n)):
        found = eliminated(x)
        factor, size = np.abs(found.determinant[0]), np.abs(found.adjugate[0])
        wrong = size * found.doubt + factor * found.inverse_bound
        assert (wrong <= found.adjugate_bound).all()
        assert (found.adjugate_bound <= 2.001 * wrong).all()


def test_doubts_of_unit_matrices_are_those_of_their_operations() -> None:
    """Nothing grows: n products of n pivots by elimination, at most 4 n² + 12 n + 8 units; by cofactors at most 8."""
    for n in (1, 4, 7, 20, SIDE):
        doubt = eliminated(np.eye(n)).doubt
        assert n * UNIT <= doubt <= 4.001 * (n + 1) * (n + 2) * UNIT
    for n in (2, 3):
        assert eliminated(np.eye(n)).doubt <= 8.001 * UNIT


def test_zeros_of_an_inverse_by_cofactors_are_certain() -> None:
    found = eliminated(np.diag([3.0, 5.0, 7.0]))
    assert (found.inverse_bound[~np.eye(3, dtype=bool)] == 0).all()
    assert (np.diagonal(found.inverse_bound) > 0).all()
    assert (found.adjugate_bound[~np.eye(3, dtype=bool)] == 0).all()


def test_no_entries() -> None:
    found = eliminated(np.empty((0, 0)))
    assert found.determinant[0] == 1.0
    assert np.ldexp(1.0, int(found.power)) == 1.0
    assert found.inverse[0].shape == found.adjugate[0].shape == (0, 0)
    assert normalised(np.empty((3, 0, 0)))[2].tolist() == [True] * 3


def test_matrices_are_brought_near_one() -> None:
    x = np.array([[[3e300, 0.0], [-1e290, 2e290]], [[5e-324, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    scaled, exponent, narrow = normalised(x)
    assert (exact(scaled)[0] * TWO ** int(exponent[0]) == exact(x[0])).all()
    assert (exact(scaled)[1] * TWO ** int(exponent[1]) == exact(x[1])).all()
    assert [0.5 <= s < 1 for s in np.abs(scaled).max(axis=(1, 2))] == [True, True, False]
    assert (scaled[2] == 0).all()
    assert narrow.tolist() == [True, True, True]
    assert (normalised(-x)[0] == -scaled).all()
    assert np.abs(normalised(np.array([[-12.0, 1.0], [-3.0, 0.0]]))[0]).max() == 0.75


def test_entries_are_lost_from_far_below_the_largest() -> None:
    """From `RANGE` on none is; a product of three of them has all its 106 bits, beside 1."""
    for least, kept in ((elimination.RANGE, True), (elimination.RANGE / 2, False), (0.0, True)):
        for sign in (1, -1):
            assert normalised(np.array([[0.5, sign * least], [0.5, -0.5]]))[2] == kept
    assert 2.0**-300 < elimination.RANGE < 2.0**-200
    assert elimination.RANGE**3 * 2.0**-106 >= 2.0**-969


def test_several_operations_share_an_elimination() -> None:
    """Of one matrix it is done once; large batches are not kept."""
    x = drawn(1, 8, 8)
    assert eliminated(x) is eliminated(x.copy())
    assert eliminated(x) is not eliminated(x + 1)
    kept, large = np.ones((2**14, 1, 1)), np.ones((2**14 + 1, 1, 1))
    assert eliminated(kept) is eliminated(kept)
    assert eliminated(large) is not eliminated(large)
    assert eliminated(np.arange(1, 5).reshape(2, 2)).determinant[0] * 4.0**3 == -2.0
    assert eliminated(np.asfortranarray(x)) is eliminated(x)
