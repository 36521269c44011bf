"""What the matrix operations are, over arrays of `mpf`: determinants by Laplace's expansion, all else from them.

`EXACT` has a function of the attributes and the operands for each operation, as `tests.exact.core` wants it, and no
derivative; `points` gives the places at which each is tested. A change of the adjugate is read off as the coefficient
of t₁ ... tₖ, computed in numbers a + Σ a_S t_S with tᵢ² = 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
from mpmath import mp, mpf

from tests.exact.core import Exact

# ------------------------------------------------------------------------- definitions


class Changing:
    """A number that depends on t₁, ..., tₖ with tᵢ² = 0: one coefficient for each set of them, the bits of an index."""

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts

    def __add__(self, other: Any) -> Changing:
        parts = dict(self.parts)
        for s, value in _parts(other).items():
            parts[s] = parts.get(s, 0) + value
        return Changing(parts)

    def __mul__(self, other: Any) -> Changing:
        parts: dict[int, Any] = {}
        for s, a in self.parts.items():
            for r, b in _parts(other).items():
                if not s & r:
                    parts[s | r] = parts.get(s | r, 0) + a * b
        return Changing(parts)

    __radd__, __rmul__ = __add__, __mul__


def _parts(value: Any) -> dict[int, Any]:
    return value.parts if isinstance(value, Changing) else {0: value}


def determinant(a: Any) -> Any:
    """By expansion along the rows, the minors of the rows below by the columns that are left."""
    minors: dict[tuple[int, ...], Any] = {(): 1}
    for row in reversed(range(len(a))):
        below, minors = minors, {}
        for columns in _choices(len(a), len(a) - row):
            minors[columns] = sum(
                ((-1) ** k * a[row, j]) * below[columns[:k] + columns[k + 1 :]] for k, j in enumerate(columns)
            )
    return minors[tuple(range(len(a)))]


def _choices(size: int, length: int) -> Iterator[tuple[int, ...]]:
    return combinations(range(size), length)


def adjugate(a: Any) -> Any:
    """The cofactors, transposed."""
    out = np.empty(a.shape, dtype=object)
    for i, j in np.ndindex(a.shape):
        out[j, i] = (-1) ** (i + j) * determinant(np.delete(np.delete(a, i, 0), j, 1))
    return out


def _changed(attributes: Any, a: Any, *changes: Any) -> Any:
    changing = np.empty(a.shape, dtype=object)
    for place in np.ndindex(a.shape):
        changing[place] = Changing({0: a[place]} | {1 << i: h[place] for i, h in enumerate(changes)})
    top = 2 ** len(changes) - 1
    return np.vectorize(lambda v: mpf(_parts(v).get(top, 0)), otypes=[object])(adjugate(changing))


def _inverse(a: Any) -> Any:
    return adjugate(a) / determinant(a)


def _number(value: Any) -> Any:
    out = np.empty((1, 1), dtype=object)
    out[0, 0] = mpf(value)
    return out


def _product(attributes: Any, x: Any, y: Any) -> Any:
    return (x.T if attributes["left"] else x) @ (y.T if attributes["right"] else y)


def _contracted(attributes: Any, y: Any, b: Any) -> Any:
    """The sum over B's places of B's entry times the part of Y that A ⊗ B has it in, or over A's."""
    (p, q), (m, n) = b.shape, (y.shape[0] // b.shape[0], y.shape[1] // b.shape[1])
    if attributes["first"]:
        return sum(b[i, j] * y[i::p, j::q] for i in range(p) for j in range(q))
    return sum(b[i, j] * y[i * m : (i + 1) * m, j * n : (j + 1) * n] for i in range(p) for j in range(q))


def _crossed(attributes: Any, u: Any, v: Any) -> Any:
    return u[[1, 2, 0]] * v[[2, 0, 1]] - u[[2, 0, 1]] * v[[1, 2, 0]]


EXACT: dict[str, Exact] = {
    "matmul": _product,
    "kron": lambda attributes, a, b: np.kron(a, b),
    "kron_contract": _contracted,
    "cross": _crossed,
    "trace": lambda attributes, a: _number(sum(a[i, i] for i in range(len(a)))),
    "det": lambda attributes, a: _number(determinant(a)),
    "logdet": lambda attributes, a: _number(mp.log(determinant(a))),
    "adj": lambda attributes, a: adjugate(a),
    "adj_change": _changed,
    "inv": lambda attributes, a: _inverse(a),
    "solve": lambda attributes, a, b: _inverse(a) @ b,
}

# ------------------------------------------------------------------------------- places

Point = tuple[dict[str, Any], tuple[Any, ...]]
"""Attributes and operands."""


def hilbert(n: int) -> Any:
    """1/(i + j + 1), as floats."""
    return 1.0 / (np.arange(n)[:, None] + np.arange(n) + 1.0)


def vandermonde(n: int) -> Any:
    """Powers of numbers from 0.5 to 1.5."""
    return np.linspace(0.5, 1.5, n)[:, None] ** np.arange(n)


def conditioned(n: int, condition: float, numbers: np.random.Generator) -> Any:
    """A random matrix with singular values from 1 down to 1/condition."""
    u, _, v = np.linalg.svd(numbers.standard_normal((n, n)))
    return u * condition ** -np.linspace(0.0, 1.0, n) @ v if n > 1 else numbers.standard_normal((1, 1))


def regular(n: int, seed: int = 0) -> list[Any]:
    """Matrices of a side that have an inverse: well and ill conditioned up to 1e12, whole, large, small, with zeros."""
    numbers = np.random.default_rng(seed + n)
    plain = numbers.standard_normal((n, n))
    lower = np.tril(numbers.uniform(-1, 1, (n, n))) + np.eye(n)
    rows = numbers.uniform(1, 2, (n, n)) * 2.0 ** numbers.integers(-60, 60, (n, 1))
    whole = numbers.integers(-9, 10, (n, n)) + 20.0 * np.eye(n)
    return [plain, lower, rows, whole, np.eye(n)[numbers.permutation(n)], hilbert(n), vandermonde(n),
            conditioned(n, 1e4, numbers), conditioned(n, 1e8, numbers), conditioned(n, 1e12, numbers),
            1e100 * conditioned(n, 1e3, numbers), 1e-100 * plain,
            np.diag(10.0 ** numbers.integers(-30, 30, n))]  # fmt: skip


def singular(n: int, seed: int = 0) -> list[Any]:
    """Whole matrices of all ranks below the side, exactly singular, also large and small ones."""
    numbers = np.random.default_rng(seed + 100 + n)

    def of_rank(rank: int) -> Any:
        return (numbers.integers(-5, 6, (n, rank)) @ numbers.integers(-5, 6, (rank, n))).astype(float)

    made = [of_rank(rank) for rank in range(n)]
    return [*made, 2.0**300 * made[-1], 2.0**-300 * made[-1]]


def _positive(a: Any) -> Any:
    """With rows exchanged, if need be, so that the determinant is positive."""
    with mp.workdps(2000):
        sign = determinant(np.vectorize(mpf, otypes=[object])(a))
    return a if sign > 0 else np.vstack([-a[:1], a[1:]])


def points(name: str) -> list[Point]:
    """The places at which an operation is tested."""
    return list(_POINTS[name](np.random.default_rng(sum(map(ord, name)))))


def _any_square(numbers: np.random.Generator) -> Iterator[Point]:
    yield from (({}, (a,)) for n in range(1, 6) for a in (*regular(n), *singular(n)))


def _regular_square(numbers: np.random.Generator) -> Iterator[Point]:
    yield from (({}, (a,)) for n in range(1, 6) for a in regular(n))


def _changes(numbers: np.random.Generator) -> Iterator[Point]:
    for n in range(1, 5):
        for a in (*regular(n), *singular(n)):
            for k in (1, 2):
                yield {}, (a, *(numbers.standard_normal((n, n)) for _ in range(k)))


def _systems(numbers: np.random.Generator) -> Iterator[Point]:
    for n in range(1, 6):
        for k, a in enumerate(regular(n)):
            yield {}, (a, numbers.standard_normal((n, 1 + k % 2)))


def _pairs(numbers: np.random.Generator) -> Iterator[Point]:
    for left in (False, True):
        for right in (False, True):
            for m, n, p in ((1, 1, 1), (2, 3, 2), (1, 5, 1), (4, 1, 3)):
                whole = (
                    numbers.integers(-99, 100, (m, n)).astype(float),
                    numbers.integers(-99, 100, (n, p)).astype(float),
                )
                broken = numbers.standard_normal((m, n)), numbers.standard_normal((n, p))
                for x, y in (whole, broken):
                    yield {"left": left, "right": right}, (x.T if left else x, y.T if right else y)


def _crosses(numbers: np.random.Generator) -> Iterator[Point]:
    for k in range(25):
        u = numbers.standard_normal((3, 1))
        v = u * 3.0 + 2.0 ** -(2 * k) * numbers.standard_normal((3, 1))
        yield {}, (u * 10.0 ** (12 * k - 150), v * 10.0 ** (150 - 12 * k))


def _krons(numbers: np.random.Generator) -> Iterator[Point]:
    for shape in ((1, 1), (2, 3), (3, 1)):
        for other in ((1, 1), (2, 2), (1, 3)):
            yield {}, (numbers.standard_normal(shape), numbers.standard_normal(other))


def _contractions(numbers: np.random.Generator) -> Iterator[Point]:
    for first in (True, False):
        for (m, n), (p, q) in (((1, 1), (2, 3)), ((2, 3), (2, 1)), ((2, 2), (2, 2))):
            yield {"first": first}, (numbers.standard_normal((m * p, n * q)), numbers.standard_normal((p, q)))


_POINTS: dict[str, Callable[[np.random.Generator], Iterator[Point]]] = {
    "matmul": _pairs,
    "kron": _krons,
    "kron_contract": _contractions,
    "cross": _crosses,
    "trace": _any_square,
    "det": _any_square,
    "adj": _any_square,
    "adj_change": _changes,
    "inv": _regular_square,
    "solve": _systems,
    "logdet": lambda numbers: (({}, (_positive(a),)) for _, (a,) in _regular_square(numbers)),
}
