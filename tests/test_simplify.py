"""Closed forms are simplified by identities, each proven on random values, and the process ends."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest

import gradcalc
import gradcalc.ops
from gradcalc.evaluator import evaluate
from gradcalc.graph import SCALAR, Graph, Node, ancestors, extent, verify
from gradcalc.notation import render
from gradcalc.simplify.engine import BRACKETS, REWRITES, simplify, steps

V, R, M, S = (3,), (1, 3), (2, 3), (3, 3)


def leaf(graph: Graph, name: str, shape: Any) -> Node:
    return graph.make("input", name=name, shape=shape)


def scaled(graph: Graph, number: float, node: Node) -> Node:
    return graph.make("multiply" if node.shape == SCALAR else "scale", graph.constant(number), node)


def candidates(graph: Graph) -> list[Node]:
    """Nodes over random leaves among which each rewrite finds some that it applies to."""
    x, y, z = (leaf(graph, n, V) for n in "xyz")
    a, b = (leaf(graph, n, SCALAR) for n in "ab")
    matrix, square, other = leaf(graph, "A", M), leaf(graph, "S", S), leaf(graph, "T", S)
    make = graph.make
    products = [make("matmul", square, other, left=p, right=q) for p in (False, True) for q in (False, True)]
    sums = [make("add", x, y, signs=(1, -1)), make("add", x, x, signs=(1, 1)), make("add", x, y, x, signs=(-1, 1, 1))]
    two = scaled(graph, 2.0, x)
    half = make("stretch", graph.constant(0.5), to=S)
    one_over = make("divide", graph.constant(1.0), a)
    ones_over = make("divide", make("stretch", graph.constant(1.0), to=V), y)
    inner = [*products, make("add", square, other, signs=(1, -1)), make("multiply", square, other),
             make("divide", square, a), make("divide", square, other), make("scale", a, matrix),
             make("kron", x, matrix), make("diag", x, extract=False), half, make("stretch", a, to=M),
             make("stretch", x, to=S), make("ones", to=M), make("zeros", to=V), x, matrix]  # fmt: skip
    return [
        *(make("transpose", n) for n in inner),
        make("matmul", scaled(graph, 2.0, square), make("negative", x), left=False, right=False),
        make("matmul", make("scale", a, square), x, left=False, right=False),
        make("matmul", square, make("scale", b, x), left=True, right=False),
        make("matmul", square, half, left=False, right=True),
        make("matmul", half, square, left=True, right=False),
        make("matmul", make("transpose", square), make("eye", size=3), left=False, right=False),
        make("multiply", make("stretch", a, to=V), x),
        make("multiply", make("scale", a, make("ones", to=V)), x),
        make("multiply", x, make("stretch", graph.constant(3.0), to=V)),
        make("multiply", make("stretch", graph.constant(3.0), to=V), x),
        make("multiply", a, graph.constant(3.0)),
        make("multiply", graph.constant(3.0), scaled(graph, 2.0, a)),
        make("multiply", graph.constant(-3.0), a),
        make("multiply", make("negative", a), make("negative", b)),
        make("scale", graph.constant(3.0), two),
        make("scale", scaled(graph, 3.0, a), make("negative", x)),
        make("scale", graph.constant(-2.0), x),
        make("multiply", b, one_over), make("multiply", one_over, b), make("scale", one_over, x),
        make("multiply", x, ones_over), make("multiply", ones_over, x),
        make("multiply", x, x), make("multiply", make("square", x), x),
        make("multiply", make("multiply", make("abs", x), y), make("sign", x)),
        make("multiply", make("sign", a), make("power", make("abs", a), graph.constant(3.0))),
        make("multiply", make("power", a, graph.constant(3.0)), make("divide", b, scaled(graph, 2.0, a))),
        make("multiply", make("power", a, graph.constant(3.0)), a),
        make("divide", make("negative", x), y), make("divide", scaled(graph, -2.0, x), a),
        make("ratio", make("negative", x), y), make("divide", x, make("stretch", graph.constant(1.0), to=V)),
        make("multiply", make("divide", x, a), y),
        make("multiply", make("negative", make("divide", make("ratio", x, y), a)), y),
        make("stretch", make("negative", x), to=S), make("stretch", make("divide", x, a), to=S),
        make("sum", make("divide", matrix, a), axis=1),
        make("multiply", make("divide", x, y), y), make("multiply", y, make("negative", make("ratio", x, y))),
        make("scale", a, make("ratio", x, a)), make("scale", a, make("negative", make("divide", x, a))),
        make("matmul", make("ratio", x, y), y, left=True, right=False),
        make("matmul", y, make("divide", x, y), left=True, right=False),
        *sums,
        make("add", two, x, signs=(1, -1)), make("add", x, x, signs=(1, -1)),
        make("add", make("add", x, y, signs=(1, -1)), scaled(graph, -3.0, make("add", y, z, signs=(1, 1))),
             signs=(1, 1)),
        make("add", a, graph.constant(2.0), b, graph.constant(-0.5), signs=(-1, 1, 1, 1)),
        *(make("sum", n, axis=None) for n in (two, make("negative", x), make("multiply", x, y))),
        *(make("sum", scaled(graph, 2.0, matrix), axis=axis) for axis in (None, 0, 1)),
        make("negative", make("negative", x)), make("negative", make("add", x, y, signs=(-1, 1))),
        *products_of_matrices(graph, x, y, z, square, other),
        *sums_with_common_factors(graph, x, y, z, a, b, square, other),
        *traces_and_determinants(graph, x, y, a, square, other),
        *small_products(graph, x, y, z, a, b),
    ]  # fmt: skip


def product(*factors: Node) -> Node:
    """A matrix product from the left, nothing simplified."""
    made = factors[0]
    for factor in factors[1:]:
        made = made.graph.make("matmul", made, factor, left=False, right=False)
    return made


def plus(*terms: Node) -> Node:
    return terms[0].graph.make("add", *terms, signs=(1,) * len(terms))


def minus(first: Node, second: Node) -> Node:
    return first.graph.make("add", first, second, signs=(1, -1))


def turn(node: Node) -> Node:
    return node.graph.make("transpose", node)


def diagonal(node: Node) -> Node:
    return node.graph.make("diag", node, extract=False)


def inverse(node: Node) -> Node:
    return node.graph.make("inv", node)


def products_of_matrices(graph: Graph, x: Node, y: Node, z: Node, square: Node, other: Node) -> list[Node]:
    """Diagonals, identities, inverses and inner products inside matrix products."""
    make, eye, a = graph.make, graph.make("eye", size=3), leaf(graph, "a", SCALAR)
    gram = make("matmul", square, square, left=True, right=False)
    sandwich = product(other, square, other)
    return [
        turn(turn(square)), turn(eye), turn(gram), turn(inverse(gram)), turn(plus(other, turn(other), diagonal(x))),
        turn(make("adj", scaled(graph, 2.0, gram))), turn(make("divide", gram, a)),
        turn(scaled(graph, 2.0, make("divide", minus(gram, eye), a))), turn(minus(square, turn(square))),
        product(square, eye), product(eye, square), product(eye, x),
        product(make("zeros", to=S), square), product(square, make("zeros", to=V)),
        product(make("ones", to=(1, 3)), square), product(square, make("ones", to=V)),
        make("matmul", product(square, other), other, left=True, right=False),
        make("matmul", square, minus(other, square), left=False, right=True),
        make("matmul", make("stretch", x, to=S), scaled(graph, 2.0, y), left=True, right=False),
        make("matmul", inverse(gram), x, left=True, right=False),
        make("matmul", square, inverse(gram), left=False, right=True),
        product(make("divide", square, a), other), product(square, make("divide", x, a)),
        product(square, inverse(square)), product(inverse(square), square, x), product(x, turn(x), inverse(square)),
        product(turn(square), turn(inverse(sandwich))), product(square, inverse(sandwich)),
        product(other, inverse(product(square, other))), product(inverse(product(square, other)), square),
        product(turn(inverse(product(square, other))), turn(other)), product(turn(square), turn(inverse(square))),
        product(x, product(turn(y), z)), product(product(x, turn(y)), square, z), product(turn(x), y, turn(z)),
        product(diagonal(x), diagonal(y)), product(square, diagonal(x), product(diagonal(y), other)),
        product(diagonal(x), y), product(square, diagonal(x), other, y), product(diagonal(x), square),
        product(turn(x), diagonal(y)), product(turn(x), square, diagonal(y), other),
        inverse(inverse(square)), inverse(eye), inverse(turn(square)), make("adj", turn(square)),
        inverse(scaled(graph, 2.0, square)), inverse(make("negative", square)), inverse(make("divide", square, a)),
        product(make("adj", square), square), product(square, make("adj", square)),
        product(turn(make("adj", inverse(square))), turn(inverse(square)), x),
        make("divide", make("adj", square), make("det", square)),
        make("divide", turn(make("adj", square)), make("det", square)),
    ]  # fmt: skip


def sums_with_common_factors(
    graph: Graph, x: Node, y: Node, z: Node, a: Node, b: Node, square: Node, other: Node
) -> list[Node]:
    """Sums in which a factor, a divisor or a number stands more than once."""
    make = graph.make
    return [
        plus(product(square, x), product(turn(square), x)), minus(product(square, x), product(square, y)),
        plus(product(x, turn(z)), product(y, turn(z))), plus(product(turn(square), x), z, product(square, x)),
        minus(make("negative", product(square, x)), product(other, x)),
        plus(scaled(graph, 2.0, product(square, x)), scaled(graph, -3.0, product(other, x))),
        plus(make("scale", a, x), make("scale", b, x)), minus(make("scale", a, x), make("scale", a, y)),
        plus(make("multiply", a, b), make("multiply", make("tanh", b), a)),
        plus(make("multiply", x, y), make("multiply", z, x)), plus(make("multiply", y, x), make("multiply", z, y)),
        minus(make("divide", x, a), make("divide", y, a)), plus(make("ratio", x, z), make("ratio", y, z)),
        plus(make("scale", make("divide", a, b), x), make("divide", y, b)),
        plus(make("scale", a, make("divide", x, b)), make("divide", y, b)),
        plus(make("scale", a, product(square, x)), product(square, y)),
        plus(make("kron", x, square), make("kron", y, square)), plus(make("kron", x, square), make("kron", x, other)),
        plus(make("kron", x, square), make("kron", square, x)),
        minus(scaled(graph, 2.0, x), scaled(graph, 2.0, y)),
        minus(scaled(graph, -2.0, product(square, x)), scaled(graph, 2.0, y)),
        plus(product(turn(x), y), product(turn(y), x)),
        plus(product(turn(x), square, y), product(turn(y), turn(square), x)),
        plus(make("multiply", a, b), make("multiply", b, a)), plus(x, make("zeros", to=V)),
        plus(z, scaled(graph, 2.0, plus(x, y))), plus(x, scaled(graph, 2.0, plus(x, y))),
    ]  # fmt: skip


def traces_and_determinants(graph: Graph, x: Node, y: Node, a: Node, square: Node, other: Node) -> list[Node]:
    make, eye = graph.make, graph.make("eye", size=3)
    inner = [turn(square), eye, scaled(graph, 2.0, square), make("scale", a, square), make("divide", square, a),
             product(x, turn(y)), product(square, x, turn(y), other), diagonal(x), make("zeros", to=S)]  # fmt: skip
    definite = plus(product(square, turn(square)), eye)
    return [
        *(make("trace", n) for n in inner),
        make("det", turn(square)), make("det", eye), make("det", inverse(square)),
        make("logdet", turn(plus(definite, diagonal(x)))), make("logdet", eye), make("logdet", inverse(definite)),
        *(make("diag", n, extract=True) for n in (turn(square), diagonal(x), product(x, turn(y)))),
        make("sum", turn(square), axis=None), make("sum", make("ones", to=M), axis=None),
        make("sum", make("onehot", place=1, size=3), axis=None),
        make("sum", make("zeros", to=M), axis=0), make("sum", make("scale", a, x), axis=None),
    ]  # fmt: skip


def small_products(graph: Graph, x: Node, y: Node, z: Node, a: Node, b: Node) -> list[Node]:
    """Scalars, zeros, ones and powers in products entry by entry."""
    make, ones, zeros = graph.make, graph.make("ones", to=V), graph.make("zeros", to=V)
    return [
        make("multiply", x, zeros), make("scale", a, zeros), make("scale", graph.constant(0.0), x),
        make("multiply", ones, x), make("multiply", x, ones), make("scale", graph.constant(1.0), x),
        make("multiply", make("scale", a, x), y), make("multiply", x, make("scale", a, y)),
        make("scale", a, make("scale", b, x)), make("scale", graph.constant(2.0), make("scale", b, x)),
        make("multiply", make("multiply", x, y), make("square", x)), make("multiply", a, make("multiply", b, a)),
        make("power", make("square", a), graph.constant(3.0)), make("square", make("power", a, graph.constant(2.0))),
        make("divide", x, ones), make("ratio", x, ones), make("multiply", y, make("divide", ones, x)),
        make("scale", make("multiply", make("norm", x, axis=None), a), make("ratio", x, make("norm", x, axis=None))),
        make("multiply", make("multiply", x, y), make("ratio", z, x)),
        make("scale", a, product(x, turn(y))), make("scale", make("multiply", a, b), product(x, turn(y))),
        make("scale", product(turn(x), y), product(x, turn(y))),
        make("multiply", x, make("multiply", y, z)), make("multiply", a, make("multiply", b, make("tanh", a))),
    ]  # fmt: skip


def both(graph: Graph, before: Node, after: Node, seed: int = 3) -> tuple[Any, Any]:
    """The values of two nodes at random values of their leaves."""
    numbers = np.random.default_rng(seed)
    order = ancestors([before, after])
    values = {n: numbers.uniform(0.3, 2.0, extent(n.shape)) for n in order if n.op == "input"}
    evaluate(order, values)
    shape = extent(before.shape)
    return np.broadcast_to(values[before], shape), np.broadcast_to(values[after], shape)


@pytest.mark.parametrize("rewrite", REWRITES + BRACKETS, ids=lambda r: f"{r.name} ({r.op}, {r.rule.__name__})")
def test_each_rewrite_is_an_identity(rewrite: Any) -> None:
    """The node and what it is rewritten to have one shape and one value; some candidate is rewritten."""
    graph = Graph()
    fired = 0
    for node in candidates(graph):
        after = rewrite.rule(node) if node.op == rewrite.op else None
        if after is None or after is node:
            continue
        fired += 1
        assert after.shape == node.shape
        np.testing.assert_allclose(*both(graph, after, node), rtol=1e-12, atol=1e-12)
    verify(graph)
    assert fired, f"no candidate for {rewrite.name}"


def test_the_whole_is_an_identity_and_settled() -> None:
    """simplify(x) = x in value, and simplify(simplify(x)) is the same node."""
    graph = Graph()
    for node in candidates(graph):
        after = simplify(node)
        np.testing.assert_allclose(*both(graph, after, node), rtol=1e-12, atol=1e-12)
        assert simplify(after) is after, (render(node).text, render(after).text)


def test_it_never_lengthens() -> None:
    """The result has no more leaves than what it is made from; I, 0 and 1 count as well."""
    graph = Graph()
    for node in candidates(graph):
        assert leaves(simplify(node)) <= leaves(node), render(node).text


def leaves(root: Node) -> int:
    """Leaves of the expression written out; a sign is none, the ones of a stretch only where they are printed."""
    found: dict[Node, int] = {}
    for node in ancestors([root]):
        ones = sum(i.op == "stretch" for i in node.inputs) if not node.operation.entrywise else 0
        found[node] = max(1, ones + sum(found[i] for i in node.inputs))
    return found[root]


def grown(graph: Graph, choose: random.Random, columns: list[Node], scalars: list[Node], square: Node) -> list[Node]:
    """A column and a scalar made from some that are there."""
    x, y, a, b = choose.choice(columns), choose.choice(columns), choose.choice(scalars), choose.choice(scalars)
    column = choose.choice([
        lambda: graph.make("add", x, y, signs=(choose.choice((1, -1)), choose.choice((1, -1)))),
        lambda: graph.make("scale", a, x),
        lambda: graph.make("negative", x),
        lambda: graph.make("tanh", x),
        lambda: graph.make("multiply", x, graph.make("sigmoid", y)),
        lambda: graph.make("divide", x, graph.make("exp", graph.make("tanh", y))),
        lambda: graph.make("matmul", square, graph.make("tanh", x), left=choose.random() < 0.5, right=False),
        lambda: graph.make("transpose", graph.make("transpose", x)),
    ])  # fmt: skip
    scalar = choose.choice([
        lambda: graph.make("multiply", graph.make("tanh", a), b),
        lambda: graph.make("negative", a),
        lambda: graph.make("add", a, b, signs=(1, -1)),
        lambda: graph.make("sum", graph.make("tanh", x), axis=None),
    ])  # fmt: skip
    return [column(), scalar()]


def big(graph: Graph, seed: int, size: int) -> Node:
    """A random expression of columns and scalars with much sharing."""
    choose = random.Random(seed)
    columns = [leaf(graph, n, V) for n in "xyz"]
    scalars = [leaf(graph, n, SCALAR) for n in "ab"] + [graph.constant(2.0), graph.constant(-0.5)]
    square = leaf(graph, "S", S)
    for _ in range(size):
        column, scalar = grown(graph, choose, columns, scalars, square)
        columns.append(column)
        scalars.append(scalar)
    return columns[-1]


@pytest.mark.parametrize("seed", range(20))
def test_it_ends_on_big_random_expressions(seed: int) -> None:
    graph = Graph()
    node = big(graph, seed, 150)
    after = simplify(node)
    before_value, after_value = both(graph, node, after, seed)
    if np.isfinite(before_value).all():
        scale = max(1.0, float(np.max(np.abs(before_value))))
        assert np.max(np.abs(before_value - after_value)) <= 1e-9 * scale
    assert simplify(after) is after
    verify(graph)


@pytest.mark.parametrize("seed", range(8))
def test_steps_end_where_simplify_does(seed: int) -> None:
    """Every step has the value of the first, shows something new, and the last is what `simplify` gives."""
    graph = Graph()
    node = big(graph, seed, 30)
    found = steps(node)
    assert (found[-1][1] if found else node) is simplify(node)
    shown = [render(line).text for line in (node, *(line for _, line in found))]
    assert all(a != b for a, b in itertools.pairwise(shown))
    for _, line in found:
        np.testing.assert_allclose(*both(graph, line, node, seed), rtol=1e-9)


def test_steps_of_each_candidate() -> None:
    graph = Graph()
    names = {r.name for r in (*REWRITES, *BRACKETS)}
    for node in candidates(graph):
        found = steps(node)
        after = simplify(node)
        assert render(found[-1][1] if found else node).text == render(after).text
        assert not found or found[-1][1] is after
        assert {name for name, _ in found} <= {*names, "a sum needs no brackets"}


def test_steps_read_as_a_derivation() -> None:
    """A I x + A^T x = (A + A^T) x: each line follows from the one before by the reason beside it."""
    graph = Graph()
    x, square = leaf(graph, "x", V), leaf(graph, "A", S)
    node = plus(product(square, graph.make("eye", size=3), x), product(turn(square), x))
    assert [(name, render(line).text) for name, line in steps(node)] == [
        ("a factor I drops out", "A x + A^T x"),
        ("a common factor", "(A + A^T) x"),
    ]


def test_a_long_sum_does_not_nest() -> None:
    """x + x + ... (5,000 times, each sum inside the next) = 5,000 x."""
    graph = Graph()
    x = leaf(graph, "x", SCALAR)
    node = x
    for _ in range(4999):
        node = graph.make("add", node, x, signs=(1, 1))
    after = simplify(node)
    assert (after.op, after.inputs[0].attributes["value"], after.inputs[1]) == ("multiply", 5000.0, x)


def test_deep_sums_cost_no_more_than_their_length() -> None:
    """3,000 different terms, each sum inside the next; and s + s, doubled 200 times."""
    graph = Graph()
    x = leaf(graph, "x", SCALAR)
    node = doubled = x
    for k in range(3000):
        node = graph.make("add", node, leaf(graph, f"x{k}", SCALAR), signs=(1, -1))
    after = simplify(node)
    assert len(after.inputs) == 3001 and after.attributes["signs"] == (1,) + (-1,) * 3000
    for _ in range(200):
        doubled = graph.make("add", doubled, doubled, signs=(1, 1))
    after = simplify(doubled)
    assert (after.op, after.inputs[0].attributes["value"], after.inputs[1]) == ("multiply", 2.0**200, x)


FORMS = [
    ("s = x^3", "3 x^2"),
    ("s = x * x", "2 x"),
    ("s = 3 (2 x)", "6"),
    ("s = 3 * (2 * (x * y))", "6 y"),
    ("s = x + x", "2"),
    ("s = x - x", "0"),
    ("s = -(-x) y", "y"),
]


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_closed_forms_are_short(text: str, expected: str) -> None:
    """The gradient by x as a reader would write it, up to the order of factors."""
    rule = gradcalc.loads(text).run({n: 2.0 for n in "xy" if n in text}).gradients["x"].rule
    assert rule is not None
    words = sorted(rule.text.replace("(", "").replace(")", "").split())
    assert words == sorted(expected.replace("(", "").replace(")", "").split()), rule.text


def test_equal_factors_are_a_power() -> None:
    """x x = x^2; x x^2 = x^3."""
    graph = Graph()
    x = leaf(graph, "x", SCALAR)
    square = simplify(graph.make("multiply", x, x))
    assert (square.op, square.inputs[1].attributes["value"]) == ("power", 2.0)
    cube = simplify(graph.make("multiply", x, square))
    assert (cube.op, cube.inputs[1].attributes["value"]) == ("power", 3.0)


def test_numbers_meet() -> None:
    """3 (2 x) = 6 x; x + x = 2 x; 3 x - x = 2 x."""
    graph = Graph()
    x = leaf(graph, "x", V)
    six = simplify(scaled(graph, 3.0, scaled(graph, 2.0, x)))
    two = simplify(graph.make("add", x, x, signs=(1, 1)))
    three_less_one = simplify(graph.make("add", scaled(graph, 3.0, x), x, signs=(1, -1)))
    assert (six.op, six.inputs[0].attributes["value"], six.inputs[1]) == ("scale", 6.0, x)
    assert (two.op, two.inputs[0].attributes["value"], two.inputs[1]) == ("scale", 2.0, x)
    assert three_less_one is two
