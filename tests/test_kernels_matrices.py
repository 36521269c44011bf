"""Kernels of adjugates, inverses, determinants and products: large sides, stacks, both ends of the range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcalc.graph import OPERATIONS
from gradcalc.ops import adjugate, inverses, multiplication
from gradcalc.ops.elimination import SIDE, eliminated
from tests.exact.rational import adjugate as exact_adjugate
from tests.exact.rational import change, exact, gauss, inverse, ulps


def drawn(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def kernel(name: str, *operands: Any, **attributes: Any) -> Any:
    with np.errstate(all="ignore"):
        return OPERATIONS[name].kernel(attributes, *operands)


def floats(x: Any) -> Any:
    return np.vectorize(float, otypes=[float])(x)


# ------------------------------------------------------------------------------- adjugates


def test_the_change_of_an_adjugate_of_two_by_two_is_that_of_the_change() -> None:
    """It is linear: X matters by its batch axes only, and not at all by its values."""
    x, h = np.stack([drawn(k, 2, 2) for k in range(3)]), drawn(9, 2, 2)
    expected = np.array([[h[1, 1], -h[0, 1]], [-h[1, 0], h[0, 0]]])
    found = kernel("adj_change", x, h)
    assert found.shape == (3, 2, 2)
    assert (found == expected).all()
    assert (kernel("adj", h) == expected).all()
    assert not np.signbit(kernel("adj_change", x, np.zeros((2, 2)))).any()


@pytest.mark.parametrize(("n", "k"), [(1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (5, 5)])
def test_changes_of_a_higher_order_than_the_side_are_zero(n: int, k: int) -> None:
    """The adjugate is of degree n - 1 in the entries; NaN stays."""
    x = np.stack([drawn(1, n, n), drawn(2, n, n)])
    changes = [drawn(3 + j, n, n) for j in range(k)]
    found = kernel("adj_change", x, *changes)
    assert found.shape == (2, n, n)
    assert not found.any()
    x[1, 0, 0] = np.nan
    found = kernel("adj_change", x, *changes)
    assert np.isnan(found).all(axis=(1, 2)).tolist() == [False, True]
    assert not found[0].any()


@pytest.mark.parametrize("n", [1, 3, 4])
def test_an_adjugate_of_what_is_not_finite_is_unknown(n: int) -> None:
    """In its own place of a batch; by infinite changes too."""
    x = np.stack([drawn(1, n, n), drawn(2, n, n), drawn(3, n, n)])
    x[1, 0, 0] = np.inf
    found = kernel("adj", x)
    assert np.isnan(found).all(axis=(1, 2)).tolist() == [False, True, False]
    for k in (0, 2):
        assert ulps(found[k], exact_adjugate(exact(x[k]))) <= 1
    if n > 1:
        h = np.stack([drawn(4, n, n), drawn(5, n, n), drawn(6, n, n)])
        h[2, -1, -1] = np.nan
        found = kernel("adj_change", x, h)
        assert np.isnan(found).all(axis=(1, 2)).tolist() == [False, True, True]
        assert ulps(found[0], change(exact(x[0]), exact(h[0]))) <= 1


@pytest.mark.parametrize("lead", [(5, 1), (1, SIDE + 6)])
def test_batch_axes_are_not_taken_for_sides(lead: tuple[int, int]) -> None:
    """One of length 1 does not make a change 0, a long one does not make matrices large."""
    x, h = drawn(1, *lead, 3, 3), drawn(2, 3, 3)
    x[..., 1, :] = x[..., 0, :] * (1 + 2.0**-30)
    found = kernel("adj_change", x, h)
    for place in ((0, 0), (lead[0] - 1, lead[1] - 1)):
        assert ulps(found[place], change(exact(x[place]), exact(h))) <= 1


def test_no_entries_have_no_adjugate_entries() -> None:
    assert kernel("adj", np.empty((2, 0, 0))).shape == (2, 0, 0)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_adjugates_by_singular_values(n: int) -> None:
    """Of a stack with a singular matrix and one of negative determinant."""
    x = drawn(n, 4, n, n)
    x[1, -1] = x[1, 0] if n > 1 else 0.0
    x[2] = np.eye(n)[::-1]
    found = adjugate._from_singular_values(x)
    assert found.shape == x.shape
    for k in range(4):
        assert np.allclose(found[k], floats(exact_adjugate(exact(x[k]))), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_first_changes_by_singular_values(n: int) -> None:
    """Of stacks whose lengths are those of no axis of a matrix, stretched against each other."""
    x, h = drawn(n, 5, 1, n, n), drawn(n + 1, 6, n, n)
    x[1, 0, -1] = x[1, 0, 0]
    x[2] = np.eye(n)[::-1]
    found = adjugate._from_singular_values(x, h)
    assert found.shape == (5, 6, n, n)
    for i, k in ((0, 0), (1, 1), (2, 2), (4, 5)):
        expected = floats(change(exact(x[i, 0]), exact(h[k])))
        assert np.allclose(found[i, k], expected, rtol=1e-11, atol=1e-13)


def test_nothing_is_known_of_second_changes_by_singular_values() -> None:
    found = adjugate._from_singular_values(drawn(1, 2, 1, 3, 3), drawn(2, 5, 3, 3), drawn(3, 3, 3))
    assert found.shape == (2, 5, 3, 3)
    assert np.isnan(found).all()


def test_products_without_two() -> None:
    for n in (1, 2, 3, 6):
        s = drawn(n, 2, 3, n)
        s[0, 0, 0] = 0.0
        found = adjugate._products_without_two(s)
        assert found.shape == (2, 3, n, n)
        for place in np.ndindex(2, 3):
            for i, j in np.ndindex(n, n):
                expected = 0.0 if i == j else np.prod(np.delete(s[place], [i, j]))
                assert np.isclose(found[(*place, i, j)], expected, rtol=1e-13, atol=0)


def near_one(n: int) -> Any:
    """A matrix whose entries away from the diagonal are sixteenths."""
    return np.eye(n) + np.round(drawn(n, n, n) * 4) / 16 / n


def test_large_adjugates_are_right() -> None:
    """By doubled arithmetic at the largest side for it; beyond by singular values; adj(X) X = det(X) I."""
    for n, digits in ((SIDE, 1e-15), (SIDE + 1, 1e-11)):
        x = near_one(n)
        size = np.abs(np.linalg.det(x))
        assert np.abs(kernel("adj", x) @ x / size - np.eye(n) * np.sign(np.linalg.det(x))).max() <= digits * n


@pytest.mark.parametrize("n", [adjugate.SIDE_OF_CHANGES, adjugate.SIDE_OF_CHANGES + 1])
def test_large_changes_are_right(n: int) -> None:
    """adj(X) X = det(X) I, changed: dadj X + adj dX = tr(adj dX) I."""
    x, h = near_one(n), drawn(3, 2, n, n)
    adj = kernel("adj", x)
    found = kernel("adj_change", x, h)
    for k in range(2):
        rest = found[k] @ x + adj @ h[k] - np.trace(adj @ h[k]) * np.eye(n)
        assert np.abs(rest).max() <= 1e-12 * np.abs(adj).max()


def in_blocks(n: int) -> Any:
    """[[1, 1], [1, 1 + e]] in the corner of 1: the adjugate is that of the corner, and e on the diagonal."""
    x = np.eye(n)
    x[:2, :2] = [[1.0, 1.0], [1.0, 1.0 + 2.0**-20]]
    return x


def test_adjugates_of_the_largest_side_have_all_digits() -> None:
    expected = np.eye(SIDE) * 2.0**-20
    expected[:2, :2] = [[1.0 + 2.0**-20, -1.0], [-1.0, 1.0]]
    assert ulps(kernel("adj", in_blocks(SIDE)), exact(expected)) <= 1
    assert ulps(kernel("adj", np.stack([in_blocks(SIDE)] * 2)[:, None])[1, 0], exact(expected)) <= 1


@pytest.mark.parametrize("n", [17, SIDE])
def test_ill_conditioned_adjugates_too_long_for_whole_numbers_keep_their_digits(n: int) -> None:
    """Where no bound settles the last digits those of doubled arithmetic are still better than singular values."""
    for digits in (38, 42):
        x = np.eye(n)
        x[:2, :2] = [[1.0, 1.0], [1.0, 1.0 + 2.0**-digits]]
        expected = np.eye(n) * 2.0**-digits
        expected[:2, :2] = [[1.0 + 2.0**-digits, -1.0], [-1.0, 1.0]]
        assert ulps(kernel("adj", x), exact(expected)) <= 1


def test_adjugates_that_doubled_arithmetic_does_not_tell_are_by_singular_values() -> None:
    """Whole numbers but for 2^-digits in the last row, which is the sum of the first two; with 70 there is a bound,
    which is large, with 85 there is none."""
    x = np.random.default_rng(5).integers(-2, 3, (20, 20)).astype(float)
    x[-1] = x[0] + x[1]
    place = int(np.flatnonzero(x[-1] == 0)[0])
    for digits in (70, 85):
        x[-1, place] = 2.0**-digits
        with np.errstate(all="ignore"):
            assert np.isfinite(eliminated(x).adjugate_bound).all() == (digits == 70)
            assert adjugate.certified.adjugate(x)[1]
        expected = floats(inverse(exact(x)) * gauss(exact(x)))
        assert np.allclose(kernel("adj", x), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_first_changes_of_their_largest_side_have_all_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """By an entry of the diagonal beside the corner: all is as in the adjugate but for that place, which is 0.

    From the next side on they are not in doubled arithmetic, of which there would be too much.
    """
    n = adjugate.SIDE_OF_CHANGES
    h = np.zeros((n, n))
    h[2, 2] = 1.0
    expected = np.eye(n) * 2.0**-20
    expected[:2, :2] = [[1.0 + 2.0**-20, -1.0], [-1.0, 1.0]]
    expected[2, 2] = 0.0
    assert ulps(kernel("adj_change", in_blocks(n), h), exact(expected)) <= 1

    def fails(*operands: Any) -> Any:
        raise AssertionError("in doubled arithmetic")

    monkeypatch.setattr(adjugate.certified, "adjugate", fails)
    found = kernel("adj_change", np.eye(n + 1), np.eye(n + 1))
    assert np.allclose(found, n * np.eye(n + 1))


def test_changes_of_a_doubtful_large_matrix_are_by_singular_values() -> None:
    """Side 20, singular: too long for whole numbers; what is sure beside it is not touched."""
    x = np.stack([near_one(20), near_one(20)])
    x[1, -1] = x[1, 0]
    found = kernel("adj", x)
    assert (found[0] == kernel("adj", x[0])).all()
    u, s, vt = np.linalg.svd(x[1])
    expected = np.prod(s[:-1]) * np.linalg.det(u) * np.linalg.det(vt) * np.outer(vt[-1], u[:, -1])
    assert np.allclose(found[1], expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_second_changes_of_a_doubtful_large_matrix_are_unknown() -> None:
    x = np.stack([near_one(12), near_one(12)])
    x[1, -1] = x[1, 0]
    found = kernel("adj_change", x, drawn(1, 12, 12), drawn(2, 12, 12))
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def test_second_changes_are_done_beyond_the_side_of_first_ones() -> None:
    """By the second change of adj(X) X = det(X) I."""
    n = adjugate.SIDE_OF_CHANGES + 1
    x, g, h = near_one(n), drawn(1, n, n), drawn(2, n, n)
    found = kernel("adj_change", x, g, h)
    by_g, by_h = kernel("adj_change", x, g), kernel("adj_change", x, h)
    rest = found @ x + by_g @ h + by_h @ g
    assert np.abs(rest - np.trace(by_g @ h) * np.eye(n)).max() <= 1e-11 * np.abs(rest).max()


# ------------------------------------------------------------------------------- inverses and determinants


def test_a_matrix_is_singular_from_the_reciprocal_of_a_rounding_on() -> None:
    """[[1, 1], [1, 1 + e]] has the condition number (2 + e)²/e, about 4/e: 2^52 is allowed, 2^54 is not."""
    for digits, singular in ((49, False), (50, False), (52, True)):
        for n in (2, 3, 5):
            x = np.eye(n)
            x[:2, :2] = [[1.0, 1.0], [1.0, 1.0 + 2.0**-digits]]
            assert inverses._is_singular({}, x) == singular
    stack = np.stack([np.eye(2), np.zeros((2, 2))])
    assert inverses._is_singular({}, stack).shape == (2, 1, 1)
    assert inverses._is_singular({}, stack)[:, 0, 0].tolist() == [False, True]


def test_a_condition_of_two_to_the_53_is_singular() -> None:
    """[[1, a], [0, 1]] has the condition number 1 + 2 a: with a = 2^52 - 1/2 it is 2^53, and with 1/2 less 2^53 - 1."""
    for a, singular in ((2.0**52 - 0.5, True), (2.0**52 - 1, False)):
        x = np.array([[1.0, a], [0.0, 1.0]])
        assert inverses._is_singular({}, x) == singular


def test_large_matrices_are_singular_sooner() -> None:
    """From side 65 on roundings grow with the side: from 2^53/65 on."""
    for n, singular in ((SIDE, False), (SIDE + 1, True)):
        for a, is_singular in ((2.0**47, singular), (2.0**44, False)):
            x = np.eye(n)
            x[0, 1] = a
            assert inverses._is_singular({}, x) == is_singular


def test_long_batches_are_not_singular_sooner() -> None:
    """Whatever their length: it is the side that counts."""
    x = np.broadcast_to(np.array([[1.0, 2.0**50], [0.0, 1.0]]), (1, SIDE + 6, 2, 2))
    assert not inverses._is_singular({}, x).any()
    large = np.broadcast_to(np.eye(SIDE + 1), (1, 2, SIDE + 1, SIDE + 1)).copy()
    for a, singular in ((2.0**47, True), (2.0**44, False)):
        large[..., 0, 1] = a
        assert (inverses._is_singular({}, large) == singular).all()
    hard = np.array([[3.0, 7.0], [7.0, 49.0 / 3.0 + 2.0**-40]])
    for found in kernel("inv", np.broadcast_to(hard, x.shape))[0, ::23]:
        assert ulps(found, inverse(exact(hard))) <= 1


def test_complex_operands_are_lapacks() -> None:
    """As of a complex step: the imaginary part is the derivative -X^-1 H X^-1."""
    x, h = near_one(3), drawn(1, 3, 3)
    found = kernel("inv", x + 1e-30j * h)
    back = np.linalg.inv(x)
    assert np.allclose(found.imag / 1e-30, -back @ h @ back)
    assert np.allclose(kernel("solve", x + 0j, h), back @ h)
    assert np.allclose(kernel("solve", x, h + 0j), back @ h)
    assert np.allclose(kernel("det", x + 1e-30j * h).imag / 1e-30, np.linalg.det(x) * np.trace(back @ h))
    assert np.isnan(kernel("inv", np.zeros((2, 2)) + 0j)).all()


def test_small_inverses_are_right_to_the_last_digit_and_large_ones_lapacks() -> None:
    """At the largest side an ill-conditioned inverse has all digits: [[1, 1], [1, 1 + e]] has that of 1/e."""
    e = 2.0**-40
    for n, right in ((SIDE, True), (SIDE + 1, False)):
        x = near_one(n)
        x[:2] = x[:, :2] = 0.0
        x[0, 0], x[0, 1], x[1, 0], x[1, 1] = 3.0, 7.0, 7.0, 49.0 / 3.0 + e
        corner = inverse(exact(x[:2, :2]))
        for found in (kernel("inv", x), kernel("solve", x, np.eye(n)[:, :2])):
            assert (ulps(found[:2, :2], corner) <= 1) == right
    assert (kernel("inv", x) == np.linalg.inv(x)).all()
    assert (kernel("solve", x, np.eye(n)) == np.linalg.solve(x, np.eye(n))).all()


def test_determinants_at_the_largest_side_are_right_to_the_last_digit_and_beyond_lapacks() -> None:
    for n in (SIDE, SIDE + 1):
        x = near_one(n) * 1.25
        x[1] = x[0]
        x[1, 1] += 2.0**-30
        found = kernel("det", x)
        if n == SIDE:
            assert ulps(found, [gauss(exact(x))]) <= 1
        else:
            assert found == np.linalg.det(x)


def test_large_determinants_may_leave_the_range_on_the_way() -> None:
    n = SIDE + 1
    small, large = np.diag([1e-10] * n), np.diag([1e10] * n)
    back = np.diag([1e-200] * 32 + [3.0] + [1e200] * 32)
    zero = np.ones((n, n))
    turned = back[::-1]
    stack = np.stack([np.eye(n) * 1.5, small, large, back, zero, turned])
    found = kernel("det", stack)[:, 0, 0]
    assert found[0] == np.linalg.det(stack[0])
    assert (found[1], found[2], found[4]) == (0.0, np.inf, 0.0)
    assert np.isclose(found[3], 3.0, rtol=1e-9)
    assert np.isclose(found[5], 3.0, rtol=1e-9)
    assert np.isclose(kernel("det", back)[0, 0], 3.0, rtol=1e-9)
    assert np.isclose(kernel("det", back[[1, 0, *range(2, n)]])[0, 0], -3.0, rtol=1e-9)


def test_determinants_at_both_ends_of_the_range() -> None:
    for n in (1, 2, 3, 5):
        for size in (2.0**1000, 2.0**-1000):
            found = kernel("det", np.stack([np.eye(n) * size, np.diag([size] + [1 / size] * (n - 1))]))
            assert found.shape == (2, 1, 1)
            assert found[0] == (size if n == 1 else np.inf if size > 1 else 0.0)
            if n == 2:
                assert found[1] == 1.0


def test_log_determinants_need_a_positive_one() -> None:
    x = np.stack([np.eye(2) / 2, np.eye(2)[::-1], np.zeros((2, 2))])
    found = kernel("logdet", x)[:, 0, 0]
    assert np.isclose(found[0], -2 * np.log(2))
    assert np.isnan(found[1:]).all()
    assert inverses._logdet_fault({}, x)[:, 0, 0].tolist() == [False, True, True]
    assert inverses._shown_determinant({}, x)[1].tolist() == [0.25, -1.0, 0.0]
    assert inverses._shown_condition({}, x)[1].tolist() == [1.0, 1.0, np.inf]


def test_traces_of_a_stack() -> None:
    """Right to the last digit where the diagonal cancels; off the diagonal nothing counts."""
    x = np.full((2, 3, 3), 7.0)
    x[0, range(3), range(3)] = [1.0, 2.0**60, -(2.0**60)]
    x[1, range(3), range(3)] = [1.0, 2.0, 3.0]
    assert kernel("trace", x).tolist() == [[[1.0]], [[6.0]]]


# ------------------------------------------------------------------------------- products


def product(x: Any, y: Any, left: bool = False, right: bool = False) -> Any:
    return kernel("matmul", x, y, left=left, right=right)


def test_products_of_transposes() -> None:
    x, y = drawn(1, 4, 2, 3), drawn(2, 4, 2, 5)
    assert np.allclose(product(x, y, left=True), np.swapaxes(x, 1, 2) @ y)
    assert np.allclose(product(np.swapaxes(x, 1, 2), y), np.swapaxes(x, 1, 2) @ y)
    assert np.allclose(product(x, np.swapaxes(drawn(3, 4, 3, 6), 1, 2), right=True), x @ drawn(3, 4, 3, 6))


def test_a_sum_that_leaves_the_range_on_the_way_is_added_up_again() -> None:
    """In smaller numbers it is 0; what is finite stays, what is too large is infinite."""
    x, y = np.array([[2.0**600, 2.0**600], [1.0, 0.1]]), np.array([[2.0**600, 2.0**600], [-(2.0**600), 2.0**600]])
    found = product(x, y)
    assert found[0].tolist() == [0.0, np.inf]
    assert found[1].tolist() == [2.0**600 - 0.1 * 2.0**600, 2.0**600 + 0.1 * 2.0**600]
    stack = product(np.stack([x, np.eye(2)]), y)
    assert np.array_equal(stack[0], found)
    assert np.array_equal(stack[1], y)
    assert product(-x, y)[0].tolist() == [0.0, -np.inf]
    large, none = np.array([[2.0**600, 2.0**600, 0.0]]), np.array([[2.0**600], [-(2.0**600)], [0.0]])
    assert product(large, none) == 0.0


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_what_is_not_finite_in_an_operand_stays(bad: float) -> None:
    """As NumPy has it, from either side."""
    x, y = np.array([[1.0, bad], [1.0, 2.0]]), np.array([[3.0, 1.0], [2.0, 1.0]])
    for left, right in ((x, y), (y, x)):
        with np.errstate(invalid="ignore"):
            assert np.array_equal(product(left, right), left @ right, equal_nan=True)
    step = product(x + 0j, y)
    assert step.dtype == complex


def test_cross_products_are_right_where_they_cancel() -> None:
    """Within 2 units of the last place, in stacks, in either order, at both ends of the range."""
    u, v = drawn(1, 4, 3, 1), drawn(2, 4, 3, 1)
    v[1] = u[1] * (1 + 2.0**-40)
    v[2] = u[2] * 3
    for p, q in ((0, 0), (800, -790), (-900, 300), (500, 520)):
        a, b = u * 2.0**p, v * 2.0**q
        found = kernel("cross", a, b)
        for k in range(4):
            (a1, a2, a3), (b1, b2, b3) = exact(a[k]).flat, exact(b[k]).flat
            expected = [a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, a1 * b2 - a2 * b1]
            assert ulps(found[k], expected) <= 2
    assert not kernel("cross", u, u).any()
    assert np.array_equal(kernel("cross", u + 0j, v), np.cross(u, v + 0j, axis=-2))
    assert np.allclose(kernel("cross", u, v + 1e-3j), np.cross(u, v + 1e-3j, axis=-2))


def test_shapes_of_products() -> None:
    assert multiplication.product_shape((1, 3), (3,)) == ()
    assert multiplication.product_shape((2, 3), (3,)) == (2,)
    assert multiplication.product_shape((2, 3), (3, 4)) == (2, 4)
