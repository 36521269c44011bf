"""Symbolic equality never says True wrongly, and says it where a reader with paper and pencil would."""

from __future__ import annotations

import itertools
import random
import re
from typing import Any

import numpy as np
import pytest

import gradcalc
from gradcalc.data import datum
from gradcalc.evaluator import evaluate
from gradcalc.graph import SCALAR, Graph, Node, ancestors, extent
from gradcalc.notation import render
from gradcalc.simplify.engine import simplify
from gradcalc.simplify.normal_form import same
from tests.test_simplify import big, candidates

COLUMNS, SCALARS = set("xyzuvd"), set("abcks")

EQUAL = [
    ("(A + A^T) x", "A x + A^T x"),
    ("u ∘ v", "v ∘ u"),
    ("(A B)^T", "B^T A^T"),
    ("(A B C)^T", "C^T (A B)^T"),
    ("x^T A y", "y^T A^T x"),
    ("x^T y", "y^T x"),
    ("tr(A B C)", "tr(C A B)"),
    ("tr(A B C)", "tr(B^T A^T C^T)"),
    ("diag(d) x", "d ∘ x"),
    ("diag(d) A x", "d ∘ (A x)"),
    ("A diag(d) x", "A (d ∘ x)"),
    ("2 x", "x + x"),
    ("(a + b)^2", "a^2 + 2 a b + b^2"),
    ("(a - b) (a + b)", "a^2 - b^2"),
    ("(a + b)^3", "a^3 + 3 a^2 b + 3 a b^2 + b^3"),
    ("u^T diag(d)", "(d ∘ u)^T"),
    ("u^T diag(d) v", "d^T (u ∘ v)"),
    ("u^T diag(d) A v", "(u ∘ d)^T (A v)"),
    ("sum(u ∘ v)", "u^T v"),
    ("sum(u ∘ v ∘ d)", "u^T (d ∘ v)"),
    ("sum(A ∘ B)", "tr(A^T B)"),
    ("sum(A)", "ones(3)^T A ones(3)"),
    ("sum(A, axis=1)", "A ones(3)"),
    ("sum(x) / 3", "1/3 sum(x)"),
    ("x^T x", "‖x‖^2"),
    ("‖A x - y‖^2", "x^T A^T A x - 2 y^T A x + y^T y"),
    ("‖A‖^2", "tr(A^T A)"),
    ("(A + B) (A - B)", "A A - A B + B A - B B"),
    ("(A B)^-1", "B^-1 A^-1"),
    ("(A^T)^-1", "(A^-1)^T"),
    ("A^-1 A x", "x"),
    ("(2 A)^-1", "0.5 A^-1"),
    ("((A + B)^T)^-1", "((B + A)^-1)^T"),
    ("(A^T A)^-1 x", "((A^T A)^-1)^T x"),
    ("a x / b", "(1 / b) (a x)"),
    ("(a + b) / c", "a / c + b / c"),
    ("1 / (a + b)", "1 / (b + a)"),
    ("1 / (2 a + 2 b)", "0.5 / (a + b)"),
    ("a / (b c)", "(a / b) / c"),
    ("x y^T z", "(y^T z) x"),
    ("A x y^T z", "(z^T y) (A x)"),
    ("tr(x y^T)", "x^T y"),
    ("tr(A x y^T)", "y^T A x"),
    ("tr(I A)", "tr(A^T)"),
    ("diag(x) diag(y)", "diag(x ∘ y)"),
    ("diag(x + y)", "diag(y) + diag(x)"),
    ("tanh(x)^T", "tanh(x^T)"),
    ("tanh(A B)^T", "tanh(B^T A^T)"),
    ("max(x, y)", "max(y, x)"),
    ("max(x + y, z)^T", "max(z, y + x)^T"),
    ("exp(x^T A y)", "exp(y^T A^T x)"),
    ("det(A B)", "det(B^T A^T)"),
    ("softmax(A x + y)", "softmax(y + A x)"),
    ("mse(x, y)", "(x - y)^T (x - y) / 3"),
    ("mean(x)", "sum(x) / 3"),
    ("x - x", "0 x"),
    ("(x + a) ∘ y", "x ∘ y + a y"),
    ("x ./ y ./ z", "x ./ (z ∘ y)"),
    ("1 - a^2", "(1 - a) (1 + a)"),
    ("sum(2 x)", "2 x^T ones(3)"),
    ("kron(x, A + B)^T", "kron(x^T, A^T) + kron(x, B)^T"),
    ("adj(A^T A)", "adj(A^T A)^T"),
    ("0.1 x + 0.2 x", "0.3 x"),
    ("I ∘ A", "diag(diag(A))"),
    ("diag(x) ∘ A", "diag(x ∘ diag(A))"),
    ("sum(diag(A))", "tr(A^T)"),
    ("x^T diag(A) + sum(diag(A))", "(x + ones(3))^T diag(A)"),
    ("sum(I ∘ A)", "tr(A)"),
    ("trace(2 A + B)", "tr(B) + 2 tr(A)"),
]

DIFFERENT = [
    ("A x", "A^T x"),
    ("A B", "B A"),
    ("x - y", "y - x"),
    ("tr(A B C)", "tr(A C B)"),
    ("x^T A y", "x^T A^T y"),
    ("2 x", "3 x"),
    ("(a + b)^2", "a^2 + b^2"),
    ("A ∘ B", "A B"),
    ("A ∘ B", "A ∘ B^T"),
    ("diag(d) A", "A diag(d)"),
    ("x y^T", "y x^T"),
    ("sum(A ∘ B)", "tr(A B)"),
    ("(A B)^-1", "A^-1 B^-1"),
    ("(A + B)^-1", "A^-1 + B^-1"),
    ("‖x + y‖", "‖x‖ + ‖y‖"),
    ("‖x‖", "x^T x"),
    ("‖x - y‖", "‖x + y‖"),
    ("tanh(x)", "tanh(-x)"),
    ("tanh(A)", "tanh(A)^T"),
    ("a - b", "b - a"),
    ("a / b", "b / a"),
    ("1 / (a + b)", "1 / a + 1 / b"),
    ("max(x, y)", "min(x, y)"),
    ("1(x > y)", "1(y > x)"),
    ("1(x > y)", "1(x >= y)"),
    ("sum(x ∘ y ∘ z)", "sum(x ∘ y)"),
    ("sum(A, axis=0)^T", "sum(A, axis=1)"),
    ("exp(a) exp(b)", "exp(a b)"),
    ("det(A)", "tr(A)"),
    ("det(A + B)", "det(A - B)"),
    ("x ./ y", "y ./ x"),
    ("softmax(x)", "softmax(2 x)"),
    ("a^2 b", "a b^2"),
    ("x ∘ x", "x"),
    ("I + A", "A"),
    ("where(a > b, a, b)", "where(b > a, a, b)"),
    ("clip(a, b, c)", "clip(a, c, b)"),
    ("A^T A", "A A^T"),
    ("diag(x) + A", "diag(x) ∘ A"),
    ("kron(x, y)", "kron(y, x)"),
    ("adj(A)", "adj(A)^T"),
    ("cross(x, y)", "cross(y, x)"),
    ("0.1 + 0.2 + a", "0.30000000000000001 + a"),
]


def shape_of(name: str) -> Any:
    return SCALAR if name in SCALARS else (3,) if name in COLUMNS else (3, 3)


def sides(left: str, right: str) -> tuple[Node, Node]:
    """The two expressions as nodes of one graph; small letters are columns or scalars, capitals matrices."""
    words = sorted(set(re.findall(r"(?<![\w^])[A-HJ-Za-z](?!\w|\()", f"{left} {right}")))
    lines = [f"left_side = {left}", f"right_side = {right}"]
    plan = gradcalc.loads("\n".join(lines)).plan({n: shape_of(n) for n in words}, of="left_side")
    return plan.names["left_side"], plan.names["right_side"]


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_equal_by_algebra(left: str, right: str) -> None:
    a, b = sides(left, right)
    assert same(a, b)
    assert same(b, a)


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_different(left: str, right: str) -> None:
    a, b = sides(left, right)
    assert not same(a, b)
    assert not same(b, a)


@pytest.mark.parametrize(("left", "right"), [pair for pair in EQUAL if pair[0] != "x - x"])
def test_neither_is_the_negative_nor_twice_the_other(left: str, right: str) -> None:
    a, b = sides(left, right)
    assert not same(a, b.graph.make("negative", b))
    assert not same(a, b.graph.make("add", b, b, signs=(1, 1)))


def values_of(nodes: list[Node], seed: int) -> dict[Node, Any]:
    numbers = np.random.default_rng(seed)
    order = ancestors(nodes)
    values = {n: numbers.uniform(0.3, 2.0, extent(n.shape)) for n in order if n.op == "input"}
    evaluate(order, values)
    return values


def test_every_rewrite_is_shown_or_left_open_but_never_to_something_else() -> None:
    """Nodes that are shown equal have equal values; what `simplify` gives is shown equal nearly always."""
    graph = Graph()
    nodes = candidates(graph)
    after = [simplify(node) for node in nodes]
    shown = [same(node, simple) for node, simple in zip(nodes, after, strict=True)]
    open_ones = [render(n).text for n, good in zip(nodes, shown, strict=True) if not good]
    assert len(open_ones) <= 0.1 * len(nodes), open_ones
    values = values_of([*nodes, *after], 5)
    for one, other in itertools.combinations([*nodes, *after], 2):
        if one.shape == other.shape and same(one, other):
            np.testing.assert_allclose(*np.broadcast_arrays(values[one], values[other]), rtol=1e-9, atol=1e-9)


def random_pair(graph: Graph, choose: random.Random) -> list[Node]:
    """Some matrices, columns and scalars made at random of few leaves, so that many are equal."""
    matrices = [graph.make("input", name=n, shape=(2, 2)) for n in "AB"] + [graph.make("eye", size=2)]
    columns = [graph.make("input", name=n, shape=(2,)) for n in "xy"] + [graph.make("ones", to=(2,))]
    scalars = [graph.make("input", name="a", shape=SCALAR), graph.constant(2.0)]

    def some(nodes: list[Node]) -> Node:
        return choose.choice(nodes)

    def product(left: Node, right: Node) -> Node:
        flip = (choose.random() < 0.4) if left.shape == (2, 2) else right.shape == (2,)
        back = right.shape == (2, 2) and choose.random() < 0.4
        return graph.make("matmul", left, right, left=flip, right=back)

    makers: list[Any] = [
        lambda: matrices.append(product(some(matrices), some(matrices))),
        lambda: matrices.append(graph.make("transpose", some(matrices))),
        lambda: matrices.append(graph.make("multiply", some(matrices), some(matrices))),
        lambda: matrices.append(graph.make("add", some(matrices), some(matrices), signs=(1, choose.choice((1, -1))))),
        lambda: matrices.append(graph.make("diag", some(columns), extract=False)),
        lambda: matrices.append(graph.make("inv", some(matrices[:2]))),
        lambda: matrices.append(graph.make("matmul", some(columns), some(columns), left=False, right=True)),
        lambda: matrices.append(graph.make("tanh", some(matrices))),
        lambda: columns.append(graph.make("diag", some(matrices), extract=True)),
        lambda: columns.append(graph.make("sum", some(matrices), axis=1)),
        lambda: columns.append(product(some(matrices), some(columns))),
        lambda: columns.append(graph.make("multiply", some(columns), some(columns))),
        lambda: columns.append(graph.make("add", some(columns), some(columns), signs=(1, choose.choice((1, -1))))),
        lambda: columns.append(graph.make("scale", some(scalars), some(columns))),
        lambda: columns.append(graph.make("tanh", some(columns))),
        lambda: scalars.append(graph.make("matmul", some(columns), some(columns), left=True, right=False)),
        lambda: scalars.append(graph.make("trace", some(matrices))),
        lambda: scalars.append(graph.make("sum", some([*matrices, *columns]), axis=None)),
        lambda: scalars.append(graph.make("norm", some([*matrices, *columns]), axis=None)),
        lambda: scalars.append(graph.make("square", some(scalars))),
        lambda: scalars.append(graph.make("add", some(scalars), some(scalars), signs=(1, choose.choice((1, -1))))),
        lambda: scalars.append(graph.make("divide", some(scalars), some(scalars[:2]))),
        lambda: scalars.append(graph.make("det", some(matrices))),
    ]  # fmt: skip
    for _ in range(45):
        choose.choice(makers)()
    return [*matrices, *columns, *scalars]


@pytest.mark.parametrize("seed", range(12))
def test_what_is_shown_equal_is_equal_in_numbers(seed: int) -> None:
    """same(a, b) implies a = b at random points, for all pairs of random expressions of few leaves."""
    graph = Graph()
    nodes = random_pair(graph, random.Random(seed))
    points = [values_of(nodes, 10 * seed + k) for k in range(2)]
    shown = 0
    for one, other in itertools.combinations(nodes, 2):
        if one.shape != other.shape or not same(one, other):
            continue
        shown += 1
        for values in points:
            a, b = np.broadcast_arrays(values[one], values[other])
            if np.isfinite(a).all() and np.isfinite(b).all():
                size = max(1.0, float(np.max(np.abs(a))))
                assert np.max(np.abs(a - b)) <= 1e-8 * size, (render(one).text, render(other).text)
    assert shown


@pytest.mark.parametrize("seed", range(10))
def test_the_simplified_is_never_refuted(seed: int) -> None:
    """Random expressions and what they are simplified to: shown equal, where they are not given up."""
    graph = Graph()
    node = big(graph, seed, 6)
    assert same(node, simplify(node))


def test_a_function_is_the_same_under_another_name() -> None:
    """f = tanh: f(x) is tanh(x), and f'(x) is not."""
    graph = Graph()
    x = graph.make("input", name="x", shape=(3,))
    named = graph.make("call", x, function="tanh", shown="f", order=0)
    other = graph.make("call", x, function="tanh", shown="g", order=1)
    assert same(named, graph.make("tanh", x))
    assert not same(other, graph.make("tanh", x))
    assert same(other, graph.make("call", x, function="tanh", shown="f", order=1))
    abstract = [graph.make("call", x, function="", shown=n, order=0) for n in "fg"]
    assert not same(*abstract)


def test_a_share_is_not_a_comparison() -> None:
    """The share of y in max(y, z) is a half at a tie; 1(y > z) is 0 there."""
    graph = Graph()
    y, z = (graph.make("input", name=n, shape=SCALAR) for n in "yz")
    share = graph.make("share", y, z, of=0, operator=">")
    assert not same(share, graph.make("compare", y, z, operator=">"))
    assert not same(share, graph.make("compare", y, z, operator=">="))


def test_shapes_must_agree() -> None:
    graph = Graph()
    assert not same(graph.make("zeros", to=(2,)), graph.make("zeros", to=(3,)))
    assert not same(graph.make("zeros", to=(2,)), graph.make("zeros", to=(1, 2)))


def test_functions_of_constants_of_other_shapes_differ() -> None:
    """sum(exp(0)) depends on how many zeros there are."""
    graph = Graph()
    sums = [graph.make("sum", graph.make("exp", graph.make("zeros", to=(n,))), axis=None) for n in (2, 3)]
    assert not same(*sums)


def test_symbolic_sizes() -> None:
    """1^T 1 is the size; of other sizes it is another."""
    graph = Graph()
    ones = [graph.make("ones", to=(n,)) for n in ("m", "n")]
    sums = [graph.make("sum", one, axis=None) for one in ones]
    inner = graph.make("matmul", ones[0], ones[0], left=True, right=False)
    assert same(sums[0], inner)
    assert not same(*sums)


def test_deep_and_long_expressions_end() -> None:
    """10,000 functions inside one another are compared; a product that spreads too far is given up."""
    graph = Graph()
    x, y = (graph.make("input", name=n, shape=SCALAR) for n in "xy")
    a, b = graph.make("add", x, y, signs=(1, 1)), graph.make("add", y, x, signs=(1, 1))
    wide = a
    for _ in range(10_000):
        a, b = graph.make("tanh", a), graph.make("tanh", b)
    assert same(a, b)
    for k in range(300):
        wide = graph.make("multiply", wide, graph.make("add", x, graph.constant(k + 0.5), signs=(1, 1)))
    assert not same(wide, graph.make("multiply", graph.constant(2.0), wide))
    long = x
    for _ in range(10_000):
        long = graph.make("multiply", long, graph.constant(1.1))
    assert same(long, long) in (True, False)


def test_claims_of_gradients() -> None:
    """∂‖W x - y‖²/∂x as a lecture may write it, three ways."""
    plan = gradcalc.loads("s = ‖W x - y‖^2; G = ∂s/∂x; A = 2 W^T (W x - y); B = 2 W^T W x - 2 W^T y; C = W^T W x").plan(
        {"W": datum("W", np.ones((2, 3))).shape, "x": (3,), "y": (2,)}, of="s"
    )
    gradient, *others = (plan.names[n] for n in "GABC")
    assert [same(gradient, other) for other in others] == [True, True, False]
