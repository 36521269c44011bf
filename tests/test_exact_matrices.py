"""Matrix operations against their exact values: by Laplace's expansion at 1500 digits (tests/exact/matrices.py).

The measures. Determinants, adjugates and their changes, inverses, solutions, logdet, traces, cross and Kronecker
products: each entry within 1 unit of its own last place, whatever the condition of the matrix (up to 1e12 here) and
also where it is singular, large or small; exact zeros are 0. First derivatives: each entry within 4 units. Second
derivatives of det and adj: within 1 unit; of inv, solve and logdet, which are sums of products: within 4 u of the
sum of the absolute values of these. Matrix products: |error| ≤ n u Σ |a| |b|, exact for whole numbers.

A part of the places is tested by default, all of them behind the marker `long`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import gradcalc.ops
from gradcalc import algebra as al
from gradcalc.differentiate import forward
from gradcalc.evaluator import evaluate
from gradcalc.graph import OPERATIONS, Graph, Node, ancestors
from tests.exact.core import partial, value, worst
from tests.exact.matrices import EXACT, Point, hilbert, points
from tests.exact.matrix_derivatives import By, derivative, places

UNIT = 2.0**-53
FEW = 6
"""One place of so many is tested by default."""
PRODUCTS = ("matmul", "kron_contract")
SUMS_OF_PRODUCTS = ("inv", "solve", "logdet")
DIFFERENCE = mpf(10) ** -600
"""The error of an exact derivative that is a difference, beside terms that are not small."""


def chosen(name: str, part: int) -> list[Point]:
    """Every place of a part, the first part for every run."""
    return points(name)[part::FEW]


def each(names: Sequence[str]) -> Any:
    """Names with parts, all but the first part marked."""
    return pytest.mark.parametrize(
        ("name", "part"),
        [pytest.param(n, k, marks=[pytest.mark.long] if k else []) for n in names for k in range(FEW)],
    )


@each([n for n in EXACT if n not in PRODUCTS])
def test_values_are_within_a_unit_of_the_last_place(name: str, part: int) -> None:
    for attributes, operands in chosen(name, part):
        with np.errstate(all="ignore"):
            found = OPERATIONS[name].kernel(attributes, *operands)
        assert worst(found, value(EXACT[name], attributes, operands)) <= 1, operands


@each([n for n in EXACT if n not in PRODUCTS])
def test_first_derivatives_are_within_four_units(name: str, part: int) -> None:
    for k, (attributes, operands) in enumerate(chosen(name, part)):
        for by in places(operands, k):
            found = derivative(name, attributes, operands, by)
            assert worst(found, partial(EXACT[name], attributes, operands, by)) <= 4, (operands, by)


@each([n for n in EXACT if n not in (*PRODUCTS, *SUMS_OF_PRODUCTS)])
def test_second_derivatives_are_within_a_unit(name: str, part: int) -> None:
    """Those of det, adj and adj_change at singular matrices among them."""
    for k, (attributes, operands) in enumerate(chosen(name, part)):
        one, *others = places(operands, k)
        for by in others:
            found = derivative(name, attributes, operands, one, by)
            assert worst(found, partial(EXACT[name], attributes, operands, one, by)) <= 1, (operands, one, by)


def sizes(name: str, operands: Sequence[Any], one: By, two: By) -> Any:
    """The sum of the absolute values of the products that a second derivative is made of."""
    inverse = np.abs(np.vectorize(float)(value(EXACT["inv"], {}, operands[:1])))
    moves = [np.zeros(operands[i].shape) for i, _ in (one, two)]
    for move, (_, place) in zip(moves, (one, two), strict=True):
        move[place] = 1.0
    if name == "logdet":
        return np.trace(inverse @ moves[0] @ inverse @ moves[1])[None, None]
    if two[0]:
        return inverse @ moves[0] @ inverse @ moves[1]
    whole = inverse @ moves[0] @ inverse @ moves[1] @ inverse + inverse @ moves[1] @ inverse @ moves[0] @ inverse
    return whole if name == "inv" else whole @ np.abs(operands[1])


@each(SUMS_OF_PRODUCTS)
def test_second_derivatives_by_inverses_are_as_good_as_their_terms(name: str, part: int) -> None:
    for k, (attributes, operands) in enumerate(chosen(name, part)):
        one, *others = places(operands, k)
        for by in others:
            found = derivative(name, attributes, operands, one, by)
            exact = partial(EXACT[name], attributes, operands, one, by)
            size = sizes(name, operands, one, by)
            with mp.workdps(50):
                for f, e, s in zip(found.flat, exact.flat, size.flat, strict=True):
                    assert abs(mpf(float(f)) - e) <= 8 * UNIT * mpf(float(s)) + DIFFERENCE, (operands, one, by)


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_have_the_classical_bound(name: str) -> None:
    """|error| ≤ n u Σ |a| |b| (Higham, 3.5); of whole numbers no error."""
    for attributes, operands in points(name):
        found = OPERATIONS[name].kernel(attributes, *operands)
        exact = value(EXACT[name], attributes, operands)
        size = value(EXACT[name], attributes, [np.abs(x) for x in operands])
        n = max(max(x.shape) for x in operands) ** 2
        whole = all(np.all(x == np.round(x)) for x in operands)
        for f, e, s in zip(found.flat, exact.flat, size.flat, strict=True):
            assert abs(mpf(float(f)) - e) <= (0 if whole else n * UNIT * s)


@pytest.mark.parametrize("name", PRODUCTS)
def test_derivatives_of_products_are_their_factors(name: str) -> None:
    for k, (attributes, operands) in enumerate(points(name)):
        one, *others = places(operands, k)
        found = derivative(name, attributes, operands, one)
        assert worst(found, partial(EXACT[name], attributes, operands, one)) == 0
        for by in others:
            found = derivative(name, attributes, operands, one, by)
            assert worst(found, partial(EXACT[name], attributes, operands, one, by)) == 0


# ----------------------------------------------------------------------------------- edges


def shown(text: str, **data: Any) -> Any:
    return gradcalc.loads(f"y = {text}").run(data, of="y").value


WHOLE: list[tuple[str, Any]] = [
    ("det([1, 2; 3, 4])", -2.0),
    ("det([1, 2, 3; 4, 5, 6; 7, 8, 9])", 0.0),
    ("det([2, 0, 0; 0, 3, 0; 0, 0, 4])", 24.0),
    ("det([0, 1, 0; 1, 0, 0; 0, 0, 1])", -1.0),
    ("det(zeros(5, 5) + 0)", 0.0),
    ("det(zeros(0, 0))", 1.0),
    ("det([0.1, 0.2; 0.3, 0.6])", float((mpf(0.1) * mpf(0.6)) - mpf(0.2) * mpf(0.3))),
    ("adj([1, 2; 3, 4])", [[4.0, -2.0], [-3.0, 1.0]]),
    ("adj([1, 2, 3; 4, 5, 6; 7, 8, 9])", [[-3.0, 6.0, -3.0], [6.0, -12.0, 6.0], [-3.0, 6.0, -3.0]]),
    ("adj([1, 2; 2, 4])", [[4.0, -2.0], [-2.0, 1.0]]),
    ("inv([1, 2; 3, 4])", [[-2.0, 1.0], [1.5, -0.5]]),
    ("[2, 1; 1, 1]^3", [[13.0, 8.0], [8.0, 5.0]]),
    ("[2, 1; 1, 1]^-2", [[2.0, -3.0], [-3.0, 5.0]]),
    ("[2, 1; 1, 1]^0", [[1.0, 0.0], [0.0, 1.0]]),
    ("[1, 1; 0, 1]^100", [[1.0, 100.0], [0.0, 1.0]]),
    ("solve([1, 2; 3, 4], [5, 6])", [-4.0, 4.5]),
    ("trace([1e16, 0, 0; 0, 1, 0; 0, 0, -1e16])", 1.0),
    ("cross([1, 2, 3], [4, 5, 6])", [-3.0, 6.0, -3.0]),
    ("logdet([1e200, 0; 0, 1e200])", 921.0340371976183),
    ("logdet(eye(3) + zeros(3, 3))", 0.0),
]


@pytest.mark.parametrize(("text", "expected"), WHOLE)
def test_what_a_person_gets(text: str, expected: Any) -> None:
    """By hand; log(10^400) = 400 log 10."""
    with mp.workdps(60):
        assert np.asarray(shown(text)).tolist() == expected


def test_the_determinant_of_hilbert_matrices() -> None:
    """Of the floats 1/(i + j + 1), to half a unit, up to side 12, where LAPACK has no right digit left."""
    for n in range(1, 13):
        assert worst(shown("det(A)", A=hilbert(n)), value(EXACT["det"], {}, [hilbert(n)])) <= 0.5


def test_scaled_matrices_neither_overflow_nor_vanish() -> None:
    """det(diag(1e200, 1e-200, 3)) = 3; the inverse of a diagonal is the diagonal of the inverses."""
    assert shown("det(A)", A=np.diag([1e200, 1e-200, 3.0])) == pytest.approx(3.0, rel=2.0**-51)
    assert np.diag(shown("inv(A)", A=np.diag([1e200, 1e-200]))).tolist() == [1e-200, 1e200]


def test_batches_give_what_single_matrices_give() -> None:
    """Bit for bit, at regular and singular matrices, for values and changes."""
    numbers = np.random.default_rng(3)
    batch = np.concatenate([numbers.standard_normal((4, 4, 4)), numbers.integers(-1, 2, (6, 4, 4))])
    changes = numbers.standard_normal((10, 4, 4))
    operands: dict[str, Callable[[Any], tuple[Any, ...]]] = {
        "det": lambda k: (batch[k],), "adj": lambda k: (batch[k],), "adj_change": lambda k: (batch[k], changes[k]),
        "inv": lambda k: (batch[k],), "logdet": lambda k: (batch[k],), "solve": lambda k: (batch[k], changes[k]),
    }  # fmt: skip
    for name, at in operands.items():
        kernel = OPERATIONS[name].kernel
        with np.errstate(all="ignore"):
            whole = kernel({}, *at(slice(None)))
            for k in range(10):
                np.testing.assert_array_equal(whole[k], kernel({}, *at(k)))


@pytest.mark.parametrize("side", [17, 40, 70])
def test_large_sides(side: int) -> None:
    """A adj(A) = det(A) I and adj_change(A, A) = (n - 1) adj(A), whichever arithmetic a side has."""
    numbers = np.random.default_rng(side)
    a = numbers.standard_normal((side, side)) / np.sqrt(side)
    kernels = {name: OPERATIONS[name].kernel for name in ("det", "adj", "adj_change", "inv")}
    adjugate = kernels["adj"]({}, a)
    np.testing.assert_allclose(a @ adjugate, kernels["det"]({}, a) * np.eye(side), atol=1e-11 * np.abs(adjugate).max())
    changed = kernels["adj_change"]({}, a, a)
    np.testing.assert_allclose(changed, (side - 1) * adjugate, atol=1e-10 * side * np.abs(adjugate).max())
    np.testing.assert_allclose(a @ kernels["inv"]({}, a), np.eye(side), atol=1e-10)


@pytest.mark.parametrize("side", [17, 40, 70])
def test_large_singular_matrices(side: int) -> None:
    """adj(diag(1, ..., 1, 0)) has one entry, and d adj along a change of that place is the identity of the others."""
    a = np.eye(side)
    a[-1, -1] = 0.0
    change = np.zeros((side, side))
    change[-1, -1] = 1.0
    assert OPERATIONS["det"].kernel({}, a) == 0.0
    np.testing.assert_allclose(OPERATIONS["adj"].kernel({}, a), change, atol=1e-14)
    np.testing.assert_allclose(OPERATIONS["adj_change"].kernel({}, a, change), a, atol=1e-14)


def test_the_hessian_of_the_sum_of_an_adjugate_at_singular_matrices() -> None:
    """Σ adj(A) is of degree n - 1: of 3 × 3 its Hessian does not depend on A; at 0 it is there too."""
    at = [gradcalc.loads("s = sum(adj(A))").hessian("s", "A", {"A": a}).value
          for a in (np.arange(1.0, 10).reshape(3, 3), np.eye(3), np.zeros((3, 3)))]  # fmt: skip
    np.testing.assert_array_equal(at[0], at[1])
    np.testing.assert_array_equal(at[0], at[2])
    assert set(np.unique(at[0])) == {-1.0, 0.0, 1.0}


def test_third_derivatives_of_a_determinant_are_signs() -> None:
    """∂³det/∂a₀₀∂a₁₁∂a₂₂ = 1 and ∂³det/∂a₀₀∂a₁₂∂a₂₁ = -1 for 3 × 3, whatever the matrix."""
    graph = Graph()
    leaf = graph.make("input", name="A", shape=(3, 3))
    for places_of, sign in ((((0, 0), (1, 1), (2, 2)), 1.0), (((0, 0), (1, 2), (2, 1)), -1.0)):
        node: Node = al.apply("det", leaf)
        values: dict[Node, Any] = {leaf: np.ones((3, 3))}
        for k, place in enumerate(places_of):
            tangent = graph.make("input", name=f"{sign}{k}", shape=(3, 3))
            values[tangent] = np.zeros((3, 3))
            values[tangent][place] = 1.0
            node = forward(node, {leaf: tangent})
        assert evaluate(ancestors([node]), values)[node].item() == sign


# ------------------------------------------------------------------------------- condition


def condition(a: Any) -> float:
    condition_of = OPERATIONS["inv"].condition
    assert condition_of is not None
    with np.errstate(all="ignore"):
        return float(condition_of({}, np.asarray(a, dtype=float)))


def exact_condition(a: Any) -> float:
    """The smaller of the largest row sums of |A^-1| |A| and |A| |A^-1|."""
    inverse = np.abs(value(EXACT["inv"], {}, [a]))
    return float(min(max(np.sum(p, axis=1)) for p in (inverse @ np.abs(a), np.abs(a) @ inverse)))


def test_condition_numbers() -> None:
    """As defined, to 1e-12; those of diagonal matrices and permutations are 1, of singular ones infinite."""
    for n in range(1, 11):
        assert condition(hilbert(n)) == pytest.approx(exact_condition(hilbert(n)), rel=1e-12)
    assert condition(np.diag([1e300, 1.0, 1e-300])) == 1.0
    assert condition(np.eye(30)[::-1] * 1e-3) == 1.0
    assert condition(np.zeros((0, 0))) == 0.0
    assert condition(np.arange(9.0).reshape(3, 3)) == np.inf
    assert condition(np.zeros((40, 40))) == np.inf


@pytest.mark.parametrize("side", [40, 64, 65, 200])
def test_large_matrices_that_are_singular_are_found(side: int) -> None:
    """Two rows alike, or one the sum of the others; a random matrix is none of these."""
    fault = OPERATIONS["inv"].fault
    assert fault is not None
    a = np.random.default_rng(side).standard_normal((side, side))
    alike, summed = a.copy(), a.copy()
    alike[-1], summed[-1] = a[0], np.sum(a[:-1], axis=0)
    assert [bool(np.any(fault({}, x))) for x in (a, alike, summed)] == [False, True, True]


def test_a_batch_with_singular_matrices_beyond_the_side_of_doubled_arithmetic() -> None:
    """One singular matrix does not make the others so."""
    a = np.stack([np.eye(70), np.zeros((70, 70)), 2 * np.eye(70)])
    fault, condition_of = OPERATIONS["inv"].fault, OPERATIONS["inv"].condition
    assert fault is not None and condition_of is not None
    assert fault({}, a)[:, 0, 0].tolist() == [False, True, False]
    assert condition_of({}, a).tolist() == [1.0, np.inf, 1.0]
    assert np.isnan(OPERATIONS["inv"].kernel({}, a)[1]).all()
    assert OPERATIONS["inv"].kernel({}, a)[2, 0, 0] == 0.5


def warnings(text: str, **data: Any) -> list[str]:
    return [w.message for w in gradcalc.loads(text).run(data).warnings if w.code == "ill-conditioned"]


def test_ill_conditioned_matrices_are_warned_of_once_each() -> None:
    a = hilbert(8)
    [message] = warnings("x = solve(A, b); y = inv(A); s = sum(x) + sum(y) + logdet(A)", A=a, b=[1.0] * 8)
    assert "its condition number is 6.5e9" in message
    assert warnings("s = sum(inv(A))", A=np.diag([1.0, 1e-30])) == []
    assert warnings("s = det(A) + sum(adj(A))", A=a) == []
    assert warnings("s = where(t > 0, sum(inv(A)), t)", A=a, t=-1.0) == []


def faults(text: str, **data: Any) -> list[tuple[str, str]]:
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(text).run(data)
    return [(d.code, d.message) for d in caught.value.diagnostics]


def test_singular_matrices_are_told_with_what_shows_it() -> None:
    assert faults("s = sum(inv(A))", A=[[1, 2], [2, 4]]) == [("singular-matrix", "the matrix in `inv(A)` is singular")]
    near = [[1, 1], [1, 1 + 2.0**-52]]
    [(code, message)] = faults("s = sum(solve(A, b))", A=near, b=[1, 2])
    assert (code, message.rpartition(" is ")[2]) == ("singular-matrix", "1.8e16")
    assert faults("s = logdet(A)", A=[[1, 2], [3, 4]]) == [
        ("domain", "`s` is out of domain: `s = logdet(A)`, the determinant is -2.0")]  # fmt: skip
    assert faults("s = logdet(A)", A=np.arange(9.0).reshape(3, 3))[0][1].endswith("the determinant is 0.0")


def _adjugate(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """det(A) A^-1 of an invertible matrix, exactly, by Gauss and Jordan."""
    n = len(matrix)
    rows = [[*row, *(Fraction(i == k) for k in range(n))] for i, row in enumerate(matrix)]
    det = Fraction(1)
    for k in range(n):
        pivot = next(i for i in range(k, n) if rows[i][k])
        if pivot != k:
            rows[k], rows[pivot], det = rows[pivot], rows[k], -det
        det *= rows[k][k]
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for i in range(n):
            if i != k and rows[i][k]:
                rows[i] = [v - rows[i][k] * w for v, w in zip(rows[i], rows[k], strict=True)]
    return [[det * v for v in row[n:]] for row in rows]


@pytest.mark.parametrize("n", [17, 19])
@pytest.mark.parametrize("rank_lost", [0, 1, 2])
def test_changes_of_large_adjugates(n: int, rank_lost: int) -> None:
    """Against a central difference in fractions, whose error is of the order of the square of its step of 1e-30."""
    draw = np.random.default_rng(n + rank_lost)
    a, h = (draw.integers(-2, 3, size=(n, n)) for _ in range(2))
    for k in range(rank_lost):
        a[k] = a[k + 4] - a[k + 7]
    step = Fraction(1, 10**30)

    def moved(sign: int) -> list[list[Fraction]]:
        return [[int(v) + sign * step * int(w) for v, w in zip(*rows, strict=True)] for rows in zip(a, h, strict=True)]

    at = [_adjugate(moved(sign)) for sign in (1, -1)]
    exact = [[float((p - q) / (2 * step)) for p, q in zip(*rows, strict=True)] for rows in zip(*at, strict=True)]
    found = OPERATIONS["adj_change"].kernel({}, a.astype(float), h.astype(float))
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-11 * np.abs(exact).max())
