"""Linear maps, each against its definition in NumPy: image, adjoint, Jacobian, multiplications.

The Jacobian is that of the definition on basis vectors, matrices stacked column by column; the adjoint is its
transpose. The multiplications are those of passing one upstream gradient down.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import gradcalc.ops  # noqa: F401  registers the operations
from gradcalc import algebra as al
from gradcalc.evaluator import evaluate
from gradcalc.graph import SCALAR, Graph, Node, Shape, ancestors, extent, verify
from gradcalc.maps import (
    WHOLE,
    Compose,
    Embed,
    Hadamard,
    Inner,
    Kronecker,
    LinearMap,
    Named,
    Outer,
    Sandwich,
    Scaled,
    Select,
    Sum,
    Transposed,
    composed,
    signed,
)
from gradcalc.notation import EXPLICIT, render

Array = np.ndarray[Any, Any]
PARTS: dict[str, Shape] = {"L": (2, 3), "R": (4, 5), "D": (3, 4), "S": (3, 3), "u": (2,), "d": (3,), "e": (3,),
                           "r": (1, 4), "o": (1,), "z": (0, 2), "c": ()}  # fmt: skip
numbers = np.random.default_rng(5)
VALUES = {name: numbers.uniform(-1, 1, extent(shape)) for name, shape in PARTS.items()}
V = SimpleNamespace(**VALUES)
M, COLUMN, ROW = (3, 4), (3,), (1, 4)


def parts() -> Any:
    """The nodes that maps are made of, and their graph."""
    graph = Graph()
    leaves = {name: graph.make("input", name=name, shape=shape) for name, shape in PARTS.items()}
    return SimpleNamespace(graph=graph, leaves=leaves, ones=lambda *shape: al.ones(graph, shape), **leaves)


def vec(x: Array) -> Array:
    return x.reshape(-1, 1, order="F")


def padded(x: Array, shape: tuple[int, int], *place: slice) -> Array:
    out = np.zeros(shape)
    out[place] = x
    return out


Build = Callable[[Any], LinearMap]
Image = Callable[[Array], Array]
CASES: list[tuple[Build, Image, str, int, str]] = [
    # the map, what it does, its kind, multiplications on the way down, its Jacobian if that has a name
    (lambda p: Sandwich(M, M), lambda x: x, "identity", 0, "eye(12)"),
    (lambda p: Sandwich(SCALAR, SCALAR), lambda x: x, "identity", 0, "1"),
    (lambda p: Sandwich(COLUMN, (2,), p.L), lambda x: V.L @ x, "matrix", 6, "L"),
    (lambda p: Sandwich(ROW, (1, 5), None, p.R), lambda x: x @ V.R, "matrix", 20, "R^T"),
    (lambda p: Sandwich(M, (2, 4), p.L), lambda x: V.L @ x, "kronecker", 24, "eye(4) ⊗ L"),
    (lambda p: Sandwich(M, (3, 5), None, p.R), lambda x: x @ V.R, "kronecker", 60, "R^T ⊗ eye(3)"),
    (lambda p: Sandwich(M, (2, 5), p.L, p.R), lambda x: V.L @ x @ V.R, "kronecker", 3 * 2 * 5 + 3 * 5 * 4, "R^T ⊗ L"),
    (lambda p: Sandwich(COLUMN, M, None, p.r), lambda x: x @ V.r, "kronecker", 12, "r^T ⊗ eye(3)"),
    (lambda p: Sandwich(ROW, (2, 4), p.u), lambda x: V.u @ x, "kronecker", 8, "eye(4) ⊗ u"),
    (lambda p: Sandwich(COLUMN, (2, 4), p.L, p.r), lambda x: V.L @ x @ V.r, "kronecker", 3 * 2 * 4 + 3 * 4, "r^T ⊗ L"),
    (lambda p: Sandwich(ROW, (2, 5), p.u, p.R), lambda x: V.u @ x @ V.R, "kronecker", 2 * 5 + 5 * 4, "R^T ⊗ u"),
    (lambda p: Scaled(M, M, p.c), lambda x: V.c * x, "scaled-identity", 12, "c eye(12)"),
    (lambda p: Scaled(COLUMN, COLUMN, p.c), lambda x: V.c * x, "scaled-identity", 3, "c eye(3)"),
    (lambda p: Scaled(SCALAR, SCALAR, p.c), lambda x: V.c * x, "scalar", 1, "c"),
    (lambda p: Hadamard(M, M, p.D), lambda x: V.D * x, "diagonal", 12, "diag(vec(D))"),
    (lambda p: Hadamard(COLUMN, COLUMN, p.d), lambda x: V.d * x, "diagonal", 3, "diag(d)"),
    (lambda p: Hadamard(ROW, ROW, p.r), lambda x: V.r * x, "diagonal", 4, "diag(r^T)"),
    (lambda p: Hadamard(SCALAR, SCALAR, p.c), lambda x: V.c * x, "scalar", 1, "c"),
    (lambda p: Hadamard(COLUMN, COLUMN, p.ones(3)), lambda x: x, "diagonal", 0, "eye(3)"),
    (lambda p: Transposed(M, (4, 3)), np.transpose, "commutation", 0, ""),
    (lambda p: Transposed(COLUMN, (1, 3)), np.transpose, "identity", 0, "eye(3)"),
    (lambda p: Transposed(ROW, (4,)), np.transpose, "identity", 0, "eye(4)"),
    (lambda p: Transposed(SCALAR, SCALAR), np.transpose, "identity", 0, "1"),
    (lambda p: Inner(M, SCALAR, p.D), lambda x: np.sum(V.D * x, keepdims=True), "gradient", 12, "vec(D)^T"),
    (lambda p: Inner(COLUMN, SCALAR, p.d), lambda x: V.d.T @ x, "gradient", 3, "d^T"),
    (lambda p: Inner(ROW, SCALAR, p.r), lambda x: x @ V.r.T, "gradient", 4, "r"),
    (lambda p: Inner(SCALAR, SCALAR, p.c), lambda x: V.c * x, "scalar", 1, "c"),
    (lambda p: Inner(M, SCALAR, p.ones(3, 4)), lambda x: np.sum(x, keepdims=True), "gradient", 0, "vec(ones(3, 4))^T"),
    (lambda p: Outer(SCALAR, M, p.D), lambda x: x * V.D, "column", 12, "vec(D)"),
    (lambda p: Outer(SCALAR, COLUMN, p.d), lambda x: x * V.d, "column", 3, "d"),
    (lambda p: Outer(SCALAR, ROW, p.r), lambda x: x * V.r, "column", 4, "r^T"),
    (lambda p: Outer(SCALAR, M, p.ones(3, 4)), lambda x: x * np.ones(M), "column", 0, "vec(ones(3, 4))"),
    (lambda p: Select(COLUMN, SCALAR, (1,)), lambda x: x[1:2], "selection", 0, "onehot(1, 3)^T"),
    (lambda p: Select(COLUMN, (2,), ((1, 3),)), lambda x: x[1:], "selection", 0, "eye(3)[1:3, :]"),
    (lambda p: Select(ROW, SCALAR, (2,)), lambda x: x[:, 2:3], "selection", 0, ""),
    (lambda p: Select(M, (1, 4), (1, WHOLE)), lambda x: x[1:2], "selection", 0, ""),
    (lambda p: Select(M, (2, 3), ((0, 2), (1, None))), lambda x: x[:2, 1:], "selection", 0, ""),
    (lambda p: Embed(SCALAR, COLUMN, (1,)), lambda x: padded(x, (3, 1), slice(1, 2)), "embedding", 0, "onehot(1, 3)"),
    (lambda p: Embed(SCALAR, COLUMN, ((2, 3),)),
     lambda x: padded(x, (3, 1), slice(2, 3)), "embedding", 0, "onehot(2, 3)"),
    (lambda p: Embed(SCALAR, COLUMN, ((None, 1),)),
     lambda x: padded(x, (3, 1), slice(1)), "embedding", 0, "onehot(0, 3)"),
    (lambda p: Embed((1,), COLUMN, ((1, 2),)),
     lambda x: padded(x, (3, 1), slice(1, 2)), "embedding", 0, "onehot(1, 3)"),
    (lambda p: Embed((2,), COLUMN, ((1, 3),)),
     lambda x: padded(x, (3, 1), slice(1, 3)), "embedding", 0, "eye(3)[:, 1:3]"),
    (lambda p: Embed(SCALAR, M, (1, 2)), lambda x: padded(x, M, slice(1, 2), slice(2, 3)), "embedding", 0, ""),
    (lambda p: Embed(SCALAR, ROW, (WHOLE, (1, 2))),
     lambda x: padded(x, ROW, slice(1), slice(1, 2)), "embedding", 0, ""),
    (lambda p: Embed((2,), M, ((0, 2), 3)), lambda x: padded(x, M, slice(2), slice(3, 4)), "embedding", 0, ""),
    (lambda p: Named(M, (12,), "vec", "unvec", (), (("to", M),)), vec, "vec", 0, ""),
    (lambda p: Named((12,), M, "unvec", "vec", (("to", M),)), lambda x: x.reshape(M, order="F"), "unvec", 0, ""),
    (lambda p: Kronecker(M, (6, 12), p.L, True), lambda x: np.kron(x, V.L), "kronecker-factor", 72, ""),
    (lambda p: Kronecker(M, (6, 12), p.L, False), lambda x: np.kron(V.L, x), "kronecker-factor", 72, ""),
    (lambda p: Kronecker(M, (6, 4), p.u, True), lambda x: np.kron(x, V.u), "kronecker-factor", 24, ""),
    (lambda p: Kronecker(M, (0, 8), p.z, True), lambda x: np.zeros((0, 8)), "kronecker-factor", 0, ""),
    (lambda p: Kronecker(SCALAR, (2, 3), p.L, True), lambda x: np.kron(x, V.L), "kronecker-factor", 6, ""),
    (lambda p: Sum(COLUMN, COLUMN, (Hadamard(COLUMN, COLUMN, p.d), Scaled(COLUMN, COLUMN, p.c))),
     lambda x: V.d * x + V.c * x, "sum", 6, "diag(d) + c eye(3)"),
    (lambda p: Sum((3, 3), (3, 3), (Transposed((3, 3), (3, 3)), Sandwich((3, 3), (3, 3), p.S))),
     lambda x: x.T + V.S @ x, "sum", 27, ""),
    (lambda p: Compose(COLUMN, (2,), (Sandwich(COLUMN, (2,), p.L), Hadamard(COLUMN, COLUMN, p.d))),
     lambda x: V.L @ (V.d * x), "composition", 9, "L diag(d)"),
    (lambda p: Compose(M, (4, 2), (Transposed((2, 4), (4, 2)), Sandwich(M, (2, 4), p.L))),
     lambda x: (V.L @ x).T, "composition", 24, ""),
    (lambda p: signed(Sandwich(COLUMN, (2,), p.L), -1), lambda x: -V.L @ x, "negative-matrix", 6, "-L"),
    (lambda p: signed(Transposed(M, (4, 3)), -1), lambda x: -x.T, "negative-commutation", 0, ""),
    (lambda p: signed(Sandwich(COLUMN, (2,), p.L), 1), lambda x: V.L @ x, "matrix", 6, "L"),
]  # fmt: skip


def dense(image: Image, shape: Shape) -> Array:
    """A definition on basis vectors, one column each."""
    rows, columns = (int(s) for s in extent(shape))
    basis = np.eye(rows * columns)
    return np.hstack([vec(image(e.reshape((rows, columns), order="F"))) for e in basis])


def value(node: Node, **more: Array) -> Array:
    """The value of a node of parts, and of inputs made for it."""
    known = {**VALUES, **more}
    needed = ancestors([node])
    verify(node.graph)
    return evaluate(needed, {n: known[n.attributes["name"]] for n in needed if n.op == "input"})[node]


def text(node: Node | None) -> str:
    return "" if node is None else render(node, EXPLICIT).text


def close(found: Array, expected: Array) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


cases = pytest.mark.parametrize(
    ("build", "image", "kind", "cost", "printed"), CASES, ids=[f"{k}: {case[2]}" for k, case in enumerate(CASES)]
)


@cases
def test_image_and_adjoint(build: Build, image: Image, kind: str, cost: int, printed: str) -> None:
    """vec(M dX) = J vec(dX), vec(M* Ȳ) = J^T vec(Ȳ)."""
    p = parts()
    linear = build(p)
    jacobian = dense(image, linear.source)
    for through, source, target, matrix in ((linear.apply, linear.source, linear.target, jacobian),
                                            (linear.adjoint, linear.target, linear.source, jacobian.T)):  # fmt: skip
        change = numbers.uniform(-1, 1, extent(source))
        found = through(p.graph.make("input", name="change", shape=source))
        assert found.shape == target
        close(vec(value(found, change=change)), matrix @ vec(change))


@cases
def test_jacobian(build: Build, image: Image, kind: str, cost: int, printed: str) -> None:
    p = parts()
    linear = build(p)
    matrix, rule = linear.matrix(p.graph), linear.rule(p.graph)
    assert (text(matrix), rule is not None) == (printed, printed != "")
    if matrix is not None:
        close(value(matrix), dense(image, linear.source))


@cases
def test_kind_and_multiplications(build: Build, image: Image, kind: str, cost: int, printed: str) -> None:
    linear = build(parts())
    assert (linear.kind, linear.cost()) == (kind, cost)


def test_multiplications_without_structure() -> None:
    """A product with the whole Jacobian."""
    assert LinearMap(M, (2,)).cost() == 24


@pytest.mark.parametrize(
    ("build", "rule"),
    [
        (lambda p: Inner(M, SCALAR, p.D), "D"),
        (lambda p: Inner(COLUMN, SCALAR, p.d), "d^T"),
        (lambda p: Inner(ROW, SCALAR, p.r), "r"),
        (lambda p: Outer(SCALAR, M, p.D), "D"),
        (lambda p: Outer(SCALAR, ROW, p.r), "r"),
        (lambda p: signed(Outer(SCALAR, ROW, p.r), -1), "-r"),
        (lambda p: signed(Inner(M, SCALAR, p.D), -1), "-D"),
        (lambda p: Sandwich(M, (2, 4), p.L), "eye(4) ⊗ L"),
    ],
)
def test_what_is_shorter_than_the_jacobian_is_the_rule(build: Build, rule: str) -> None:
    p = parts()
    assert text(build(p).rule(p.graph)) == rule


def test_the_gradient_stands_before_the_change_and_the_upstream_before_the_local_gradient() -> None:
    """⟨G, dx⟩ and ⟨Ȳ, G⟩ are the same products, written in the order in which they are read."""
    p = parts()
    assert text(Inner(COLUMN, SCALAR, p.d).apply(p.e)) == "d^T e"
    assert text(Outer(SCALAR, COLUMN, p.d).adjoint(p.e)) == "e^T d"


def test_an_entry_of_an_upstream_gradient_is_no_block_of_it() -> None:
    p = parts()
    assert text(Embed(SCALAR, COLUMN, ((2, 3),)).adjoint(p.d)) == "d[2]"


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda p: Sandwich(M, M), ""),
        (lambda p: Sandwich(M, (2, 4), p.L), "left: L"),
        (lambda p: Sandwich(M, (3, 5), None, p.R), "right: R"),
        (lambda p: Sandwich(M, (2, 5), p.L, p.R), "left: L, right: R"),
        (lambda p: Scaled(M, M, p.c), "factor: c"),
        (lambda p: Hadamard(M, M, p.D), "diagonal: D"),
        (lambda p: Inner(M, SCALAR, p.D), "gradient: D"),
        (lambda p: Outer(SCALAR, M, p.D), "gradient: D"),
        (lambda p: signed(Outer(SCALAR, M, p.D), -1), "gradient: D"),
        (lambda p: Transposed(M, (4, 3)), ""),
    ],
)
def test_parts(build: Build, named: str) -> None:
    assert ", ".join(f"{name}: {text(node)}" for name, node in build(parts()).parts().items()) == named


@pytest.mark.parametrize(
    ("build", "printed", "shape"),
    [
        (lambda p: Sandwich(("n", "m"), ("n", "m")), "eye(m·n)", ("m·n", "m·n")),
        (lambda p: Scaled(("n",), ("n",), p.c), "c eye(n)", ("n", "n")),
        (lambda p: Hadamard(("n",), ("n",), al.ones(p.graph, ("n",))), "eye(n)", ("n", "n")),
        (lambda p: Select(("n",), SCALAR, (1,)), "onehot(1, n)^T", (1, "n")),
        (lambda p: Embed(SCALAR, ("n",), (1,)), "onehot(1, n)", ("n",)),
    ],
)
def test_sizes_without_numbers(build: Build, printed: str, shape: Shape) -> None:
    p = parts()
    matrix = build(p).matrix(p.graph)
    assert matrix is not None and (text(matrix), matrix.shape) == (printed, shape)


def scaling(p: Any, name: str) -> LinearMap:
    return Hadamard(COLUMN, COLUMN, p.leaves[name])


def column_of_diagonal(p: Any) -> LinearMap:
    return Outer(SCALAR, COLUMN, p.graph.make("diag", p.S, extract=True))


PRODUCTS: list[tuple[Callable[[Any], tuple[LinearMap, ...]], str, Array | None]] = [
    (lambda p: (scaling(p, "d"), scaling(p, "e")), "diag(d ∘ e)", np.diag((V.d * V.e)[:, 0])),
    (lambda p: (scaling(p, "d"), column_of_diagonal(p)), "diag(d) diag(S)", V.d * np.diag(V.S)[:, None]),
    (lambda p: (Sandwich(COLUMN, (2,), p.L), scaling(p, "d"), scaling(p, "e"), Sandwich(COLUMN, COLUMN, p.S)),
     "L diag(d) diag(e) S", V.L @ np.diag((V.d * V.e)[:, 0]) @ V.S),
    (lambda p: (scaling(p, "d"), scaling(p, "e"), Outer(SCALAR, COLUMN, p.d)), "diag(d ∘ e) d", V.d * V.e * V.d),
    (lambda p: (Inner(COLUMN, SCALAR, p.d), Outer(SCALAR, COLUMN, p.e)), "d^T e", V.d.T @ V.e),
    (lambda p: (Transposed((2, 4), (4, 2)), Sandwich(M, (2, 4), p.L)), "", None),
    (lambda p: (Sandwich(M, (2, 4), p.L), Transposed((4, 3), M)), "", None),
]  # fmt: skip


@pytest.mark.parametrize(("build", "printed", "matrix"), PRODUCTS, ids=[printed for _, printed, _ in PRODUCTS])
def test_a_chain_is_the_product_of_its_jacobians(build: Any, printed: str, matrix: Array | None) -> None:
    """Two diagonals that meet are one; without the name of a factor there is none of the product."""
    p = parts()
    maps = build(p)
    whole = composed(*maps)
    found = whole.matrix(p.graph)
    assert (whole.source, whole.target) == (maps[len(maps) - 1].source, maps[0].target)
    assert text(found) == printed
    if found is not None and matrix is not None:
        close(value(found), matrix)


def test_jacobians_of_one_entry_are_added_in_one_shape() -> None:
    """d(x + e (d^T x)) for columns of one entry: I is 1 × 1, and a row times a column a number."""
    p = parts()
    through = Compose((1,), (1,), (Sandwich(COLUMN, (1,), al.transpose(p.d)), Sandwich((1,), COLUMN, p.e)))
    matrix = Sum((1,), (1,), (Sandwich((1,), (1,)), through)).matrix(p.graph)
    assert matrix is not None and matrix.shape == (1,)
    close(value(matrix), 1 + V.d.T @ V.e)
