"""Every reduction against its exact value and derivatives, to units of the last place.

Values and first partial derivatives are within 4 units, second ones within 16 units of the largest of their value.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from gradcalc.differentiate import reverse
from gradcalc.evaluator import evaluate
from gradcalc.graph import OPERATIONS, Graph, Node, ancestors, of_extent
from gradcalc.ops import doubled_exp
from gradcalc.ops.summation import total
from gradcalc.ops.table import FUNCTIONS
from gradcalc.stacked import basis
from tests.exact import core
from tests.exact.reductions import EXACT, OPERANDS, points

ULPS, SECOND_ULPS = 4, 16
NAMES = sorted(EXACT)
SLOPES = {"direction", "deviation_slope"}
"""Gradients of a norm and of a deviation: their derivatives are the second ones of these, and tested as such."""
ALIASES = {alias for f in FUNCTIONS.values() for alias in f.aliases}
DIFFERENTIALS = {"softmax_change", "less_mean", "less_share"}
"""Linear maps that are tested as the derivatives that they are."""
ROOMS = ("reduction", "statistics", "norms", "slopes", "prod", "softmax", "softmax_changes", "losses")
DIGITS = 700
"""What values are computed to: entries of 1e308 and 1e-308 may cancel but for the last digit of the smaller."""


def test_every_reduction_has_an_exact_definition() -> None:
    rooms = {f"gradcalc.ops.{room}" for room in ROOMS}
    declared = {name for name, o in OPERATIONS.items() if getattr(o.kernel, "__module__", "") in rooms}
    assert declared - DIFFERENTIALS == set(NAMES)
    assert {name for name in FUNCTIONS if FUNCTIONS[name].reduces} <= {*NAMES, "max", "min", "concat", *ALIASES}


def exact_value(function: Any, attributes: Any, operands: Any) -> Any:
    with mp.workdps(DIGITS):
        return function(attributes, *map(core.exactly, operands))


class Site:
    """An operation over leaves with the given operands, and what gradcalc says of it there."""

    def __init__(self, name: str, attributes: dict[str, Any], operands: list[Any]):
        self.graph, self.operands = Graph(), operands
        shapes = [() if x.shape == (1, 1) else of_extent(*x.shape) for x in operands]
        self.leaves = [self.graph.make("input", name=f"x{k}", shape=s) for k, s in enumerate(shapes)]
        self.node = self.graph.make(name, *self.leaves, **attributes)
        self.given: dict[Node, Any] = dict(zip(self.leaves, operands, strict=True))
        self.seed = self.graph.make("input", name="seed", shape=self.node.shape)
        self.sweep = reverse(self.node, self.seed)

    def value(self) -> Any:
        return evaluate(ancestors([self.node]), dict(self.given))[self.node]

    def is_smooth(self) -> bool:
        operation = self.node.operation
        return operation.kink is None or not np.any(operation.kink(self.node.attributes, *self.operands))

    def first(self, k: int) -> Any:
        """∂ value / ∂ operand k: entries of the value (by columns) before the operand's shape."""
        adjoint = self.sweep.adjoint(self.leaves[k])
        found = evaluate(ancestors([adjoint]), {**self.given, self.seed: basis(self.node.shape)})[adjoint]
        return np.broadcast_to(found, (len(basis(self.node.shape)), *self.operands[k].shape))

    def second(self, k: int, j: int, entry: int) -> Any:
        """∂² of one entry of the value: entries of operand k (by columns) before the shape of operand j."""
        adjoint = self.sweep.adjoint(self.leaves[k])
        seed = self.graph.make("input", name="again", shape=adjoint.shape)
        bend = reverse(adjoint, seed).adjoint(self.leaves[j])
        directions = basis(adjoint.shape)
        values = {**self.given, self.seed: basis(self.node.shape)[entry], seed: directions}
        return np.broadcast_to(evaluate(ancestors([bend]), values)[bend], (len(directions), *self.operands[j].shape))


def by_columns(exact: Any) -> list[Any]:
    return list(np.asarray(exact, dtype=object).flatten(order="F"))


def places(x: Any) -> list[tuple[int, int]]:
    return [(i, j) for j in range(x.shape[1]) for i in range(x.shape[0])]


def representable(exact: Any) -> bool:
    return all(abs(v) < core.LARGEST for v in np.asarray(exact, dtype=object).flat)


def worst_of(name: str, count: int, every: int = 1) -> dict[str, tuple[float, Any]]:
    """The largest errors of values and, at every so manieth point, of first partial derivatives, and where."""
    worst: dict[str, tuple[float, Any]] = {"value": (0.0, None), "first": (0.0, None)}

    def note(what: str, error: float, where: Any) -> None:
        worst[what] = max(worst[what], (error, where), key=lambda found: found[0])

    for number, (attributes, operands) in enumerate(points(name, count)):
        site, function = Site(name, attributes, operands), EXACT[name]
        exact = exact_value(function, attributes, operands)
        note("value", core.worst(site.value(), exact), (attributes, operands))
        if number % every or name in SLOPES or not representable(exact) or not site.is_smooth():
            continue
        for k, operand in enumerate(operands):
            found = site.first(k)
            for place in places(operand):
                slope = core.partial(function, attributes, operands, (k, place))
                error = core.worst(found[:, place[0], place[1]], np.array(by_columns(slope), dtype=object))
                note("first", error, (attributes, operands, k, place))
    return worst


def second_error(site: Site, function: Any, attributes: Any, entry: int) -> float:
    """The largest error of the second partial derivatives of one entry, in units of the largest of them."""
    found, exact = [], []
    for k, operand in enumerate(site.operands):
        for j, other in enumerate(site.operands):
            bends = site.second(k, j, entry)
            for row, place in enumerate(places(operand)):
                for beside in places(other):
                    bend = core.partial(function, attributes, site.operands, (k, place), (j, beside))
                    found.append(float(bends[row][beside]))
                    exact.append(by_columns(bend)[entry])
    if not representable(exact):
        return 0.0
    with mp.workdps(core.WORKING):
        largest = max((abs(v) for v in exact), default=mpf(0))
        unit = max(mp.ldexp(1, int(mp.floor(mp.log(largest, 2))) - 52), core.SMALLEST) if largest else core.SMALLEST
        return max((float(abs(mpf(f) - e) / unit) for f, e in zip(found, exact, strict=True)), default=0.0)


def worst_second(name: str, count: int, most: int, every: int = 1) -> tuple[float, Any]:
    """The largest error of second partial derivatives of what has at most so many entries, and where."""
    worst: tuple[float, Any] = (0.0, None)
    small = [(a, x) for a, x in points(name, count) if sum(map(np.size, x)) <= most]
    for attributes, operands in small[::every]:
        site, function = Site(name, attributes, operands), EXACT[name]
        if not representable(exact_value(function, attributes, operands)) or not site.is_smooth():
            continue
        for entry in range(len(basis(site.node.shape))):
            error = second_error(site, function, attributes, entry)
            worst = max(worst, (error, (attributes, operands, entry)), key=lambda found: found[0])
    return worst


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
