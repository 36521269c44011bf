"""Every reduction against its exact value and derivatives, to units of the last place.

Values and first partial derivatives are within 4 units, second ones within 16 units of the largest of their value.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from gradcalc.graph import OPERATIONS
from gradcalc.ops import doubled_exp
from gradcalc.ops.summation import total
from gradcalc.ops.table import FUNCTIONS
from tests.exact.reductions import EXACT, OPERANDS
from tests.exact.sites import SLOPES, Site, by_columns, places, worst_of, worst_second

ULPS, SECOND_ULPS = 4, 16
NAMES = sorted(EXACT)
ALIASES = {alias for f in FUNCTIONS.values() for alias in f.aliases}
DIFFERENTIALS = {"softmax_change", "less_mean", "less_share"}
"""Linear maps that are tested as the derivatives that they are."""
ROOMS = ("reduction", "statistics", "norms", "slopes", "prod", "softmax", "softmax_changes", "losses")


def test_every_reduction_has_an_exact_definition() -> None:
    rooms = {f"gradcalc.ops.{room}" for room in ROOMS}
    declared = {name for name, o in OPERATIONS.items() if getattr(o.kernel, "__module__", "") in rooms}
    assert declared - DIFFERENTIALS == set(NAMES)
    assert {name for name in FUNCTIONS if FUNCTIONS[name].reduces} <= {*NAMES, "max", "min", "concat", *ALIASES}


COSTLY = {"softmax", "log_softmax", "logsumexp", "cross_entropy"}
"""Logarithms and powers of e of more than a thousand digits: fewer points without the mark."""


def show(where: Any) -> str:
    return repr(where).replace("\n", "")


@pytest.mark.parametrize("name", NAMES)
def test_values_and_first_derivatives_against_the_exact_ones(name: str) -> None:
    for what, (error, where) in worst_of(name, 70, 30 if name in COSTLY else 9).items():
        assert error <= ULPS, (what, error, show(where))


@pytest.mark.parametrize("name", sorted(set(NAMES) - SLOPES - {"prod_others"}))
def test_second_derivatives_against_the_exact_ones(name: str) -> None:
    error, where = worst_second(name, 70, 3, 24 if name in COSTLY else 8)
    assert error <= SECOND_ULPS, (error, show(where))


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_values_and_derivatives_at_many_points(name: str) -> None:
    for what, (error, where) in worst_of(name, 240).items():
        assert error <= ULPS, (what, error, show(where))
    if name not in SLOPES:
        error, where = worst_second(name, 240, 4)
        assert error <= SECOND_ULPS, (error, show(where))


# --------------------------------------------------------------------- batches, complex steps


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"size"}))
def test_rows_of_a_batch_are_what_each_is_alone(name: str) -> None:
    """Kernels take a leading axis: for columns and matrices, along every axis, with rows of all kinds in one batch."""
    numbers = np.random.default_rng(5)
    kernel = OPERATIONS[name].kernel
    attributes: list[dict[str, Any]] = [{}] if name == "norm_squared" else [{"axis": k} for k in (None, 0, 1)]
    for shape in ((3, 1), (2, 3), (12, 2)):
        rows = [_row(numbers, kind, shape) for kind in range(5)]
        operands = [np.stack(rows), *([np.stack(rows[::-1])] * (OPERANDS.get(name, 1) - 1))]
        operands = [np.abs(x) / 1e17 for x in operands] if name == "cross_entropy" else operands
        for given in attributes:
            together = kernel(given, *operands)
            for k in range(len(rows)):
                np.testing.assert_array_equal(together[k], kernel(given, *(x[k] for x in operands)))


def _row(numbers: Any, kind: int, shape: tuple[int, int]) -> Any:
    x = numbers.uniform(0.5, 2, shape)
    if kind == 1:
        x[0] = 1e16
        x[-1] = -1e16
    return -x if kind == 2 else np.full(shape, 3.0) if kind == 3 else x * 1e-200 if kind == 4 else x


@pytest.mark.parametrize("name", [n for n in NAMES if OPERATIONS[n].analytic])
def test_a_complex_step_through_an_analytic_reduction(name: str) -> None:
    """Im f(x + i h)/h = f'(x), for an f that is said to be analytic."""
    numbers = np.random.default_rng(6)
    operands = [numbers.uniform(0.2, 0.9, (2, 3)) for _ in range(OPERANDS.get(name, 1))]
    given: dict[str, Any] = {} if name == "norm_squared" else {"axis": 1}
    site = Site(name, given, operands)
    for k, operand in enumerate(operands):
        first = site.first(k)
        for place in places(operand):
            moved = [x.astype(complex) for x in operands]
            moved[k][place] += 1e-30j
            step = OPERATIONS[name].kernel(given, *moved).imag / 1e-30
            np.testing.assert_allclose(by_columns(step), first[:, place[0], place[1]], rtol=1e-14, atol=1e-16)


# ----------------------------------------------------------------------------------- sums


def test_a_sum_that_cancels() -> None:
    """1e16 + 1 - 1e16 = 1; of a million terms, in any order, and along an axis."""
    assert total(np.array([[1e16], [1.0], [-1e16]]), (-2, -1)) == 1.0
    numbers = np.random.default_rng(8)
    half = numbers.standard_normal(50_000) * 10.0 ** numbers.uniform(-8, 8, 50_000)
    mixed = numbers.permutation(np.concatenate([half, -half, [1e-12]]))
    assert total(mixed[:, None], (-2, -1)).item() == 1e-12
    square = mixed[:10_000].reshape(100, 100)
    for axis, rows in ((-1, square), (-2, square.T)):
        exact = [math.fsum(row) for row in rows]
        np.testing.assert_allclose(np.ravel(total(square, (axis,))), exact, rtol=2 * 2.0**-52)


@pytest.mark.parametrize(
    ("entries", "whole"),
    [([math.inf, 1.0, -1.0], math.inf), ([-math.inf, 5.0, 1e308], -math.inf), ([1e308, 1e308, -1e308], 1e308),
     ([1e308, 1e308, 1.0], math.inf), ([], 0.0), ([-0.0], 0.0)],
)  # fmt: skip
def test_a_sum_with_what_is_infinite_or_beyond(entries: list[float], whole: float) -> None:
    assert total(np.array(entries).reshape(-1, 1), (-2, -1)).item() == whole


def test_a_mean_of_which_the_sum_is_beyond_all_floats() -> None:
    assert total(np.full((3, 1), 1.7e308), (-2, -1), 3.0).item() == 1.7e308


def test_logarithms_and_powers_in_doubled_arithmetic() -> None:
    """To 30 digits and more."""
    numbers = np.random.default_rng(9)
    x = np.concatenate([numbers.uniform(-600, 700, 50), 10.0 ** numbers.uniform(-20, 0, 50)])
    positive = np.concatenate([10.0 ** numbers.uniform(-320, 308, 50), 1 + 10.0 ** numbers.uniform(-15, -1, 50)])
    with mp.workdps(60):
        for function, exact, at in ((doubled_exp.exp, mp.exp, x), (doubled_exp.log, mp.log, positive)):
            for high, low, place in zip(*function(at), at, strict=True):
                right = exact(mpf(float(place)))
                assert abs(mpf(float(high)) + mpf(float(low)) - right) <= mpf(10) ** -30 * abs(right)


def test_a_product_of_thousands() -> None:
    """It is right to a unit, and nothing overflows or vanishes on the way to it."""
    x = np.concatenate([np.full(1000, 1e200), np.full(1000, 1e-200), [3.0]])[:, None]
    with mp.workdps(50):
        exact = float(mpf(1e200) ** 1000 * mpf(1e-200) ** 1000 * 3)
    assert OPERATIONS["prod"].kernel({"axis": None}, x).item() == exact
