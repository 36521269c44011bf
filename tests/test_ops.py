"""Every declared function and operation: values, derivatives, edges, notation.

Functions of one number are compared with their exact values and derivatives in `test_exact_elementwise`. All others
are compared with NumPy in value and with Richardson-extrapolated differences of NumPy in derivative. Every
differential obeys the adjoint identity, and what is printed for a node is read back to its value. The tests run
over the declarations, so that a new one without samples fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradcalc
from gradcalc import algebra as al
from gradcalc.differentiate import forward, reverse
from gradcalc.evaluator import evaluate
from gradcalc.graph import OPERATIONS, SCALAR, Graph, Node, ShapeError, ancestors, count, extent, verify
from gradcalc.notation import EXPLICIT, render
from gradcalc.ops import FUNCTIONS

EPSILON = 2.0**-52
NAMES = sorted({f.name for f in FUNCTIONS.values()})
UNARY = {f.name for f in FUNCTIONS.values() if f.elementwise and f.least == f.most == 1}


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_every_function_has_a_value(name: str) -> None:
    run = gradcalc.loads(f"y = {FUNCTIONS[name].example} + 0").run(of="y")
    assert np.isfinite(run.value).all()


# ------------------------------------------------------------------- functions of arrays


def _keep(function: Callable[..., Any]) -> Callable[..., Any]:
    """A NumPy reduction over all entries or along an axis, of rank 2."""
    return lambda x, axis=None: function(x, axis=axis, keepdims=True)


def _logsumexp(x: Any, axis: int | None = None) -> Any:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=True))


def _norm(x: Any, axis: int | None = None) -> Any:
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=True))


def _others(x: Any, h: Any, axis: int | None = None) -> Any:
    """For each entry the sum over another of its change times the product of the rest."""
    rows, places = (x.T, h.T) if axis == 0 else (x, h)
    if axis is None:
        rows, places = x.reshape(1, -1), h.reshape(1, -1)
    found = np.zeros(rows.shape)
    for row, i, j in np.ndindex(*rows.shape, rows.shape[1]):
        if i != j:
            found[row, i] += places[row, j] * np.prod(np.delete(rows[row], [i, j]))
    return found.T if axis == 0 else found.reshape(x.shape)


def _shares(x: Any, axis: int | None = None) -> Any:
    """1 for the entry that is the median, 1/2 for the one below and above it."""
    rows = x.T if axis == 0 else x if axis == 1 else x.reshape(1, -1)
    below, above = ((np.abs(np.argsort(np.argsort(rows, axis=1), axis=1) - k) == 0) * 0.5
                    for k in ((rows.shape[1] - 1) // 2, rows.shape[1] // 2))  # fmt: skip
    return (below + above).T if axis == 0 else (below + above).reshape(x.shape)


def _scalar(value: Any) -> Any:
    return np.reshape(value, (1, 1))


def _adjugate(x: Any) -> Any:
    """By cofactors."""
    n = len(x)
    minors = [[np.linalg.det(np.delete(np.delete(x, i, 0), j, 1)) for i in range(n)] for j in range(n)]
    return np.array([[(-1) ** (i + j) * minors[j][i] for i in range(n)] for j in range(n)])


def _adjugate_change(x: Any, h: Any) -> Any:
    """By a step along the imaginary axis."""
    return _adjugate(x + 1e-40j * h).imag / 1e-40


def _blocks(y: Any, p: int, q: int) -> Any:
    rows, columns = y.shape
    return y.reshape(rows // p, p, columns // q, q)


V, R, S, M, N = (3,), (1, 3), (3, 3), (2, 3), (3, 2)
REFERENCE: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]], list[int | None]]] = {
    "sum": (_keep(np.sum), [M], [None, 0, 1]),
    "mean": (_keep(np.mean), [M], [None, 0, 1]),
    "size": (lambda a, axis=None: np.full((1, 1), float(np.size(a, axis))), [M], [None, 0, 1]),
    "norm": (_norm, [M], [None, 0, 1]),
    "norm1": (lambda x, axis=None: np.sum(np.abs(x), axis=axis, keepdims=True), [M], [None, 0, 1]),
    "norminf": (lambda x, axis=None: np.max(np.abs(x), axis=axis, keepdims=True), [M], [None, 0, 1]),
    "max": (_keep(np.max), [M], [None, 0, 1]),
    "prod": (_keep(np.prod), [M], [None, 0, 1]),
    "prod_others": (_others, [M, M], [None, 0, 1]),
    "var": (_keep(np.var), [M], [None, 0, 1]),
    "std": (_keep(np.std), [M], [None, 0, 1]),
    "median": (_keep(np.median), [M], [None, 0, 1]),
    "median_share": (_shares, [M], [None, 0, 1]),
    "min": (_keep(np.min), [M], [None, 0, 1]),
    "logsumexp": (_logsumexp, [M], [None, 0, 1]),
    "softmax": (lambda x, axis: np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True), [M], [0, 1]),
    "log_softmax": (lambda x, axis: x - _logsumexp(x, axis), [M], [0, 1]),
    "cross_entropy": (lambda p, y, axis=None: -np.sum(y * np.log(p), axis=axis, keepdims=True), [M, M], [None, 0, 1]),
    "mse": (lambda a, b, axis=None: np.mean((a - b) ** 2, axis=axis, keepdims=True), [M, M], [None, 0, 1]),
    "hypot": (np.hypot, [V, V], [None]),
    "arctan2": (np.arctan2, [V, V], [None]),
    "mod": (np.mod, [V, V], [None]),
    "clip": (np.clip, [V, V, V], [None]),
    "where": (lambda c, a, b: np.where(c != 0, a, b), [V, V, V], [None]),
    "dot": (lambda a, b: _scalar(np.sum(a * b)), [V, V], [None]),
    "outer": (lambda a, b: a @ b.T, [V, (2,)], [None]),
    "kron": (np.kron, [M, N], [None]),
    "kron_left": (lambda y, b: np.einsum("ipjq,pq->ij", _blocks(y, *b.shape), b), [(4, 6), M], [None]),
    "kron_right": (lambda y, a: np.einsum("ipjq,ij->pq", _blocks(y, 2, 2), a), [(4, 6), M], [None]),
    "trace": (lambda x: _scalar(np.trace(x)), [S], [None]),
    "inv": (np.linalg.inv, [S], [None]),
    "adj": (_adjugate, [S], [None]),
    "adj_change": (_adjugate_change, [S, S], [None]),
    "det": (lambda x: _scalar(np.linalg.det(x)), [S], [None]),
    "logdet": (lambda x: _scalar(np.log(np.linalg.det(x))), [S], [None]),
    "solve": (np.linalg.solve, [S, N], [None]),
    "cross": (lambda a, b: np.cross(a[:, 0], b[:, 0])[:, None], [V, V], [None]),
    "transpose": (np.transpose, [M], [None]),
    "vec": (lambda x: x.reshape(-1, 1, order="F"), [M], [None]),
    "concat": (lambda a, b, axis=None: np.concatenate([a, b], axis or 0), [S, S], [None, 0, 1]),
    "diag": (lambda x: np.diag(x[:, 0]), [V], [None]),
}
WITHOUT_INPUTS = {"ones": "ones(2, 3)", "zeros": "zeros(2, 3)", "eye": "eye(3)", "onehot": "onehot(1, 3)"}
CASES = [(name, axis) for name, (_, _, axes) in REFERENCE.items() for axis in axes]


def samples(name: str, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Operands inside the domain and away from kinks."""
    numbers = np.random.default_rng(sum(map(ord, name)))
    drawn = [numbers.uniform(0.3, 0.9, extent(s)) for s in shapes]
    if name in ("inv", "adj", "adj_change", "det", "logdet", "solve"):
        drawn[0] = 2 * np.eye(3) + drawn[0]
    if name in ("norm1", "norminf"):
        drawn[0] *= np.sign(numbers.standard_normal(drawn[0].shape))
    if name in ("max", "min", "std", "median", "median_share"):
        drawn[0] = numbers.permutation(np.linspace(0.1, 0.9, 6)).reshape(2, 3)
    if name == "clip":
        drawn = [np.array([[0.1], [0.5], [0.9]]), np.full((3, 1), 0.25), np.full((3, 1), 0.75)]
    if name == "where":
        drawn[0] = np.array([[1.0], [0.0], [1.0]])
    if name == "mod":
        drawn = [np.array([[1.7], [-1.7], [0.4]]), np.array([[0.6], [0.7], [-1.5]])]
    return drawn


def richardson(function: Callable[[float], float]) -> float:
    """The derivative at 0 from central differences at three steps, extrapolated twice: error O(h^6)."""
    steps = [2e-2, 1e-2, 5e-3]
    d = [(function(h) - function(-h)) / (2 * h) for h in steps]
    first = [(4 * d[1] - d[0]) / 3, (4 * d[2] - d[1]) / 3]
    return (16 * first[1] - first[0]) / 15


def nested(value: np.ndarray, shape: tuple[int, ...]) -> Any:
    return value[:, 0].tolist() if len(shape) == 1 else value.tolist()


def written(name: str, axis: int | None) -> str:
    arguments = ["a", "b", "c"][: len(REFERENCE[name][1])]
    return f"{name}({', '.join(arguments)}{f', axis={axis}' if axis is not None else ''})"


@pytest.mark.parametrize(("name", "axis"), CASES)
def test_value_against_numpy(name: str, axis: int | None) -> None:
    function, shapes, _ = REFERENCE[name]
    drawn = samples(name, shapes)
    expected = function(*drawn, **({} if axis is None else {"axis": axis}))
    data = {n: nested(v, s) for n, v, s in zip("abc", drawn, shapes, strict=False)}
    run = gradcalc.loads(f"y = {written(name, axis)}").run(data, of="y")
    shape = () if expected.shape == (1, 1) else expected.shape[:1] if expected.shape[1] == 1 else expected.shape
    assert np.shape(run.value) == shape
    np.testing.assert_allclose(np.reshape(run.value, expected.shape), expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(("name", "axis"), CASES)
def test_gradient_and_second_derivative_against_differences(name: str, axis: int | None) -> None:
    """⟨ḡ, dx⟩ = d/dt ⟨w, f(x + t dx)⟩ and its own change along dx = d²/dt², for random w and dx."""
    function, shapes, _ = REFERENCE[name]
    options = {} if axis is None else {"axis": axis}
    drawn = samples(name, shapes)
    numbers = np.random.default_rng(7)
    weights = numbers.uniform(-1, 1, np.shape(function(*drawn, **options)))
    changes = [0 * d if name == "where" and i == 0 else numbers.uniform(-1, 1, d.shape) for i, d in enumerate(drawn)]

    def along(t: float) -> float:
        moved = [d + t * c for d, c in zip(drawn, changes, strict=True)]
        return float(np.sum(weights * function(*moved, **options)))

    graph = Graph()
    leaves = [graph.make("input", name=n, shape=s) for n, s in zip("abc", shapes, strict=False)]
    node = FUNCTIONS[name].build(graph, leaves, axis)
    weight = graph.make("input", name="w", shape=node.shape)
    tangents = {leaf: graph.make("input", name=f"d{i}", shape=leaf.shape) for i, leaf in enumerate(leaves)}
    target = al.inner(weight, node)
    first_reverse = al.add([al.inner(t, reverse(target).adjoint(leaf)) for leaf, t in tangents.items()])
    first = forward(target, tangents)
    second = forward(first_reverse, tangents)
    verify(graph)
    values: dict[Node, Any] = dict(zip([*leaves, weight, *tangents.values()], [*drawn, weights, *changes], strict=True))
    evaluate(ancestors([first, first_reverse, second]), values)
    slope = richardson(along)
    bend = richardson(lambda h: richardson(lambda t: along(h + t)))
    assert values[first].item() == pytest.approx(slope, rel=1e-8, abs=1e-8)
    assert values[first_reverse].item() == pytest.approx(values[first].item(), rel=1e-13, abs=1e-13)
    assert values[second].item() == pytest.approx(bend, rel=1e-5, abs=1e-5)


def test_every_function_of_arrays_is_compared_with_numpy() -> None:
    assert set(NAMES) == {*UNARY, *REFERENCE, *WITHOUT_INPUTS, "unvec"}


def test_functions_without_inputs() -> None:
    expected = {"ones": np.ones((2, 3)), "zeros": np.zeros((2, 3)), "eye": np.eye(3), "onehot": np.array([0.0, 1, 0])}
    for name, text in WITHOUT_INPUTS.items():
        value = gradcalc.loads(f"y = {text} + 0").run(of="y").value
        np.testing.assert_array_equal(value, expected[name])


# --------------------------------------------------------------------- operations and maps

X1, X2, A23, B32 = (3,), (3,), (2, 3), (3, 2)
OPS: dict[str, list[tuple[list[tuple[int, ...]], dict[str, Any]]]] = {
    "add": [([V, V, V], {"signs": (1, -1, 1)}), ([SCALAR, SCALAR], {"signs": (-1, 1)})],
    "negative": [([V], {}), ([M], {})],
    **{name: [([V], {}), ([SCALAR], {})]
       for name in ("one_minus_square", "two_minus_square", "over_one_plus_square")},
    **{name: [([V, V], {}), ([SCALAR, SCALAR], {})]
       for name in ("difference_over_squares", "floor_quotient")},
    **{name: [([V, V], {"of": 0}), ([SCALAR, SCALAR], {"of": 1})] for name in ("over_hypot", "over_squares")},
    "over_hypot_cubed": [([V, V], {"of": (0, 1)}), ([SCALAR, SCALAR], {"of": (1, 1)})],
    "bell": [([V, V], {"rate": 1.0}), ([SCALAR, SCALAR], {"rate": 0.5})],
    "sinc'": [([V], {"order": 1}), ([SCALAR], {"order": 2}), ([V], {"order": 5})],
    "multiply": [([V, V], {}), ([M, M], {}), ([SCALAR, SCALAR], {})],
    "scale": [([SCALAR, V], {}), ([SCALAR, M], {})],
    "divide": [([V, V], {}), ([M, SCALAR], {}), ([SCALAR, SCALAR], {})],
    "ratio": [([V, V], {}), ([M, SCALAR], {})],
    "power": [([V, V], {}), ([SCALAR, SCALAR], {})],
    "power_term": [([V, V, V], {"below": below, "logs": logs}) for below, logs in ((0, 1), (1, 0), (2, 1), (1, 2))]
    + [([SCALAR] * 3, {"below": 1, "logs": 1})],
    "quotient_power": [([V, V], {"power": 2, "by": "divide"}), ([M, SCALAR], {"power": 3, "by": "ratio"}),
                       ([SCALAR, SCALAR], {"power": 2, "by": "divide"})],
    "compare": [([V, V], {"operator": ">"})],
    "where": [([V, V, V], {})],
    "share": [([V, V], {"of": 0, "operator": ">"}), ([V, V, V], {"of": 1, "operator": "<"})],
    "max": [([V, V], {}), ([M, M, M], {})],
    "min": [([V, V], {}), ([SCALAR, SCALAR, SCALAR], {})],
    "hypot": [([V, V], {})],
    "arctan2": [([V, V], {})],
    "mod": [([V, V], {})],
    "clip": [([V, V, V], {})],
    "matmul": [
        ([M, N], {"left": False, "right": False}), ([M, M], {"left": True, "right": False}),
        ([N, S], {"left": True, "right": True}), ([M, V], {"left": False, "right": False}),
        ([V, V], {"left": True, "right": False}), ([V, (2,)], {"left": False, "right": True}),
        ([R, N], {"left": False, "right": False}), ([V, N], {"left": True, "right": False}),
        ([R, R], {"left": False, "right": True}), ([(2,), M], {"left": True, "right": False}),
    ],
    "kron": [([M, N], {}), ([V, (2,)], {}), ([V, R], {}), ([SCALAR, M], {}), ([(1,), SCALAR], {})],
    "kron_contract": [([(4, 6), M], {"first": True}), ([(4, 6), M], {"first": False}), ([(6,), (2,)], {"first": True})],
    "trace": [([S], {}), ([SCALAR], {}), ([(1,)], {}), ([(1, 1)], {})],
    "norm_squared": [([V], {}), ([M], {}), ([SCALAR], {})],
    "size": [([M], {"axis": None}), ([V], {"axis": None}), ([M], {"axis": 0}), ([M], {"axis": 1})],
    "inv": [([S], {}), ([SCALAR], {}), ([(1,)], {}), ([(1, 1)], {})],
    "adj": [([S], {}), ([(2, 2)], {}), ([(1,)], {}), ([(1, 1)], {})],
    "adj_change": [([S, S], {}), ([(2, 2), (2, 2)], {}), ([(4, 4)] * 2, {}), ([S] * 3, {}), ([(5, 5)] * 4, {}),
                   ([(1,), SCALAR, (1, 1)], {}), ([SCALAR, (1,)], {})],
    "det": [([S], {}), ([SCALAR], {}), ([(1,)], {}), ([(1, 1)], {})],
    "logdet": [([S], {}), ([SCALAR], {}), ([(1,)], {}), ([(1, 1)], {})],
    "solve": [([S, V], {}), ([S, N], {}), ([(1,), SCALAR], {}), ([(1, 1), R], {})],
    "cross": [([V, V], {})],
    "call": [([V], {"function": "tanh", "shown": "f", "order": 0}),
             ([M], {"function": "tanh", "shown": "f", "order": 2})],
    **{name: [([M], {"axis": axis}) for axis in (None, 0, 1)] + [([V], {"axis": None}), ([R], {"axis": None})]
       for name in ("sum", "mean", "norm", "norm1", "norminf", "max_entry", "min_entry", "logsumexp", "softmax",
                    "log_softmax", "prod", "var", "std", "median", "median_share", "centred", "direction",
                    "deviation_slope")},
    "prod_others": [([M] * k, {"axis": axis}) for k, axis in ((1, None), (2, 0), (2, 1), (3, None))]
                   + [([V], {"axis": None})],
    **{name: [([M, M], {"axis": axis}) for axis in (None, 0, 1)] + [([V, V], {"axis": None})]
       for name in ("cross_entropy", "mse", "softmax_change", "less_mean", "less_share")},
    "as": [([(1,)], {"to": SCALAR}), ([SCALAR], {"to": (1,)}), ([(1, 1)], {"to": (1,)}), ([(3, 1)], {"to": (3,)})],
    "copy": [([M], {"name": "y"})],
    "stretch": [([SCALAR], {"to": M}), ([R], {"to": M}), ([(2,)], {"to": M}), ([SCALAR], {"to": V})],
    "transpose": [([M], {}), ([V], {}), ([R], {})],
    "vec": [([M], {}), ([R], {}), ([V], {})],
    "unvec": [([(6,)], {"to": M})],
    "index": [([V], {"items": (1,)}), ([V], {"items": ((0, 2),)}), ([M], {"items": (1, 2)}),
              ([M], {"items": (1, (None, None))}), ([M], {"items": ((None, None), 2)}), ([R], {"items": (2,)}),
              ([M], {"items": ((0, 1), (1, 3))}), ([R], {"items": ((1, None),)})],
    "place": [([SCALAR], {"items": (1,), "to": V}), ([(2,)], {"items": ((1, 3),), "to": V}),
              ([SCALAR], {"items": (1, 2), "to": M}), ([R], {"items": (1, (None, None)), "to": M}),
              ([(2,)], {"items": ((None, None), 1), "to": M}), ([(1, 2)], {"items": ((0, 1), (1, 3)), "to": M}),
              ([(1, 2)], {"items": ((1, 3),), "to": R}), ([SCALAR], {"items": (2,), "to": R}),
              ([(2,)], {"items": ((1, 3), 1), "to": N}), ([(1, 2)], {"items": (1, (1, 3)), "to": M})],
    "concat": [([V, (2,)], {"axis": None}), ([M, S], {"axis": 0}), ([M, (2,)], {"axis": 1}), ([R, M], {"axis": 0}),
               ([SCALAR, V], {"axis": None}), ([SCALAR, R], {"axis": 1})],
    "table": [([SCALAR] * 3, {"extent": (3, 1)}), ([SCALAR] * 4, {"extent": (2, 2)}),
              ([SCALAR] * 2, {"extent": (1, 2)})],
    "diag": [([V], {"extract": False}), ([S], {"extract": True}), ([(1,)], {"extract": False})],
}  # fmt: skip
LEAVES = {"input", "constant", "symbol", "partial", "ones", "zeros", "eye", "onehot"}
SINGLE = sorted(name for name in OPERATIONS if name.rstrip("'") in UNARY and name not in OPS)
SITES = [(n, k) for n in OPS for k in range(len(OPS[n]))] + [(n, k) for n in SINGLE for k in range(2)]


def test_every_operation_has_samples() -> None:
    assert set(OPERATIONS) == {*OPS, *SINGLE, *LEAVES}


def site(name: str, number: int) -> tuple[Graph, Node, dict[Node, Any], Any]:
    """A node of an operation over leaves with random values inside its domain."""
    shapes, attributes = OPS[name][number] if name in OPS else ([V] if number else [SCALAR], {})
    numbers = np.random.default_rng(number + sum(map(ord, name)))
    graph = Graph()
    leaves = [graph.make("input", name=f"x{i}", shape=s) for i, s in enumerate(shapes)]
    node = graph.make(name, *leaves, **attributes)
    values = {leaf: numbers.uniform(0.2, 0.9, extent(leaf.shape)) for leaf in leaves}
    for leaf in leaves[:1]:
        if name in ("inv", "adj", "adj_change", "det", "logdet", "solve") and leaf.shape:
            values[leaf] += 2 * np.eye(leaf.shape[0])
        if name == "arccosh":
            values[leaf] += 1
        if name in ("max_entry", "min_entry", "norminf", "std", "deviation_slope", "median", "median_share"):
            spread = np.linspace(0.1, 0.9, count(leaf.shape))
            values[leaf] = numbers.permutation(spread).reshape(extent(leaf.shape))
        if name == "clip":
            values.update(zip(leaves, samples("clip", shapes), strict=True))
        if name == "where":
            values[leaf] = np.array([[0.0], [1.0], [0.0]])
    evaluate(ancestors([node]), values)
    return graph, node, values, numbers


@pytest.mark.parametrize(("name", "number"), SITES)
def test_adjoint_identity(name: str, number: int) -> None:
    """⟨ȳ, M dx⟩ = ⟨M* ȳ, dx⟩ for the differential M by each operand, which goes from its shape to the node's."""
    graph, node, values, numbers = site(name, number)
    for i, operand in enumerate(node.inputs):
        linear = OPERATIONS[name].differential(node, i)
        if linear is None:
            continue
        assert (linear.source, linear.target) == (operand.shape, node.shape)
        change = graph.make("input", name="dx", shape=operand.shape, of=i)
        upstream = graph.make("input", of=i, name="ȳ", shape=node.shape)
        image, pulled = linear.apply(change), linear.adjoint(upstream)
        assert (image.shape, pulled.shape) == (node.shape, operand.shape)
        values[change] = numbers.standard_normal(extent(operand.shape))
        values[upstream] = numbers.standard_normal(extent(node.shape))
        evaluate(ancestors([image, pulled]), values)
        left, right = values[upstream] * values[image], values[pulled] * values[change]
        assert abs(np.sum(left) - np.sum(right)) <= 1e-14 * (np.sum(np.abs(left)) + np.sum(np.abs(right)) + 1)
    verify(graph)


@pytest.mark.parametrize(("name", "number"), SITES)
def test_the_jacobian_is_the_map_on_basis_vectors(name: str, number: int) -> None:
    """matrix() vec(dx) = vec(M dx), columns stacked, where the map has a matrix."""
    graph, node, values, _ = site(name, number)
    for i, operand in enumerate(node.inputs):
        linear = OPERATIONS[name].differential(node, i)
        matrix = linear.matrix(graph) if linear is not None else None
        if matrix is None:
            continue
        rows, columns = extent(operand.shape)
        change = graph.make("input", name="dx", shape=operand.shape)
        image = linear.apply(change)
        basis = np.swapaxes(np.eye(rows * columns).reshape(-1, columns, rows), 1, 2)
        evaluate(ancestors([matrix]), values)
        whole = evaluate(ancestors([image]), {**values, change: basis})
        batch = np.broadcast_to(whole[image], (len(basis), *extent(node.shape)))
        dense = np.swapaxes(batch, 1, 2).reshape(len(basis), -1).T
        found = values[matrix] if operand.shape else values[matrix].reshape(-1, 1, order="F")
        noise = (1e-13 if name == "adj_change" else 1e-15) * max(1.0, float(np.max(np.abs(dense))))
        np.testing.assert_allclose(np.broadcast_to(found, dense.shape), dense, rtol=1e-13, atol=noise)


@pytest.mark.parametrize(("name", "number"), SITES)
def test_the_differential_against_differences_of_the_kernel(name: str, number: int) -> None:
    """M dx = d/dt op(x + t dx), for every operation with a differential."""
    graph, node, values, numbers = site(name, number)
    if name == "mod":
        values[node.inputs[0]] = values[node.inputs[1]] * np.array([[1.3], [2.5], [0.4]])
    for i, operand in enumerate(node.inputs):
        linear = OPERATIONS[name].differential(node, i)
        if linear is None:
            continue
        change = graph.make("input", name="dx", of=i, shape=operand.shape)
        image = linear.apply(change)
        values[change] = numbers.uniform(-0.3, 0.3, extent(operand.shape))
        fresh = evaluate(ancestors([image]), {k: v for k, v in values.items() if not k.inputs})
        weights = numbers.uniform(-1, 1, extent(node.shape))

        def along(t: float, i: int = i, change: Node = change, weights: Any = weights) -> float:
            moved = [values[k] + (t * values[change] if j == i else 0) for j, k in enumerate(node.inputs)]
            return float(np.sum(weights * node.operation.kernel(node.attributes, *moved)))

        assert float(np.sum(weights * fresh[image])) == pytest.approx(richardson(along), rel=1e-7, abs=1e-8)


@pytest.mark.parametrize(("name", "number"), SITES)
def test_what_is_printed_is_read_back(name: str, number: int) -> None:
    """The text of a node, its operands as data, evaluates to the node's value."""
    _, node, values, _ = site(name, number)
    text = render(node, EXPLICIT, {leaf: leaf.attributes["name"] for leaf in node.inputs}).text
    data = {k.attributes["name"]: values[k] for k in node.inputs}
    plain = {
        n: (v.item() if not k.shape else nested(v, k.shape))
        for (n, v), k in zip(data.items(), node.inputs, strict=True)
    }
    if (3, 1) in [k.shape for k in node.inputs]:
        pytest.skip("a matrix of one column is read as a column")
    definitions = "f = tanh\n" if name == "call" else ""
    run = gradcalc.loads(f"{definitions}y = {text}").run(plain, of="y")
    found = np.asarray(run.value, dtype=float)
    assert found.size == count(node.shape)
    np.testing.assert_allclose(found.reshape(extent(node.shape)), values[node], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(("name", "number"), SITES)
def test_rows_of_inputs_are_computed_one_by_one(name: str, number: int) -> None:
    """A kernel takes leading axes: on stacked operands it gives the stack of what it gives on each."""
    _, node, values, numbers = site(name, number)
    rows = [[values[k] * numbers.uniform(0.99, 1.0, extent(k.shape)) for k in node.inputs] for _ in range(3)]
    if name in ("compare", "where", "share", "max", "min", "clip"):
        rows = [[values[k] for k in node.inputs]] * 3
    kernel = node.operation.kernel
    expected = np.stack([np.broadcast_to(kernel(node.attributes, *row), extent(node.shape)) for row in rows])
    found = kernel(node.attributes, *map(np.stack, zip(*rows, strict=True)))
    np.testing.assert_allclose(np.broadcast_to(found, expected.shape), expected, rtol=1e-14, atol=1e-15)


MOVES = ("as", "concat", "copy", "diag", "index", "stretch", "table", "transpose", "unvec", "vec")


@pytest.mark.parametrize(("name", "number"), [(name, number) for name, number in SITES if name in MOVES])
def test_moved_entries_keep_their_imaginary_parts(name: str, number: int) -> None:
    """So `check` takes a complex step through them, which loses no digits."""
    _, node, values, numbers = site(name, number)
    kernel, changes = node.operation.kernel, [numbers.uniform(-1, 1, extent(k.shape)) for k in node.inputs]
    stepped = [values[k] + 1j * change for k, change in zip(node.inputs, changes, strict=True)]
    assert node.operation.analytic is True
    np.testing.assert_array_equal(kernel(node.attributes, *stepped).imag, kernel(node.attributes, *changes))


def test_a_transpose_in_an_exponent_has_brackets() -> None:
    """x .^ (y^T) is not (x .^ y)^T."""
    graph = Graph()
    x, y = graph.make("input", name="x", shape=(1, 3)), graph.make("input", name="y", shape=(3,))
    node = graph.make("power", x, graph.make("transpose", y))
    assert render(node, EXPLICIT, {x: "x", y: "y"}).text == "x .^ (y^T)"


# ------------------------------------------------------------------------ exact anchors


def gradients(text: str, **data: Any) -> dict[str, Any]:
    return {n: g.value for n, g in gradcalc.loads(text).run(data).gradients.items()}


def flags(text: str) -> dict[tuple[str, str], str]:
    return {(f.code, f.node): f.rule for f in gradcalc.loads(text).run().flags}


def test_the_derivative_of_sigmoid_far_out() -> None:
    """σ'(40) = e^-40 / (1 + e^-40)² = 4.248354255291589e-18."""
    assert gradients("x = 40; y = sigmoid(x)")["x"] == 4.248354255291589e-18


def test_hypot_of_large_numbers() -> None:
    """∂hypot/∂(x, y) = (x, y)/hypot = (0.6, 0.8), though squares overflow."""
    found = gradients("x = 3e200; y = 4e200; s = hypot(x, y)")
    assert found["x"] == pytest.approx(0.6, rel=4 * EPSILON)
    assert found["y"] == pytest.approx(0.8, rel=4 * EPSILON)


def test_the_norm_of_large_and_small_numbers() -> None:
    for size in (1e200, 1e-200):
        run = gradcalc.loads("s = ||x||").run({"x": [3 * size, 4 * size]})
        assert run.value == pytest.approx(5 * size, rel=4 * EPSILON)
        assert run.gradients["x"].value == pytest.approx([0.6, 0.8], rel=4 * EPSILON)


@pytest.mark.parametrize("rows", [[[1, 2], [2, 4]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[0, 0], [0, 0]], [[0] * 3] * 3])
def test_det_of_a_singular_matrix_has_the_adjugate_as_gradient(rows: list[list[float]]) -> None:
    """∂det(A)/∂A = adj(A)^T, the cofactors, without a division."""
    found = gradients("s = det(A)", A=rows)["A"]
    a = np.array(rows, dtype=float)
    cofactors = [[(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(len(a))]
                 for i in range(len(a))]  # fmt: skip
    np.testing.assert_allclose(found, cofactors, rtol=1e-14, atol=1e-14)


def test_softmax_and_logsumexp_do_not_overflow() -> None:
    """logsumexp(x + c) = logsumexp(x) + c; the softmax is the same."""
    run = gradcalc.loads("s = logsumexp(x)").run({"x": [1000.0, 1001.0]})
    assert run.value == pytest.approx(1001 + math.log1p(math.exp(-1)), rel=EPSILON)
    assert run.gradients["x"].value == pytest.approx([1 / (1 + math.e), math.e / (1 + math.e)], rel=4 * EPSILON)


def test_cross_entropy_of_a_one_hot_target_ignores_zero_probabilities() -> None:
    """-Σ y log p with y = 0 where p = 0: the term is 0, and so is its gradient by p."""
    run = gradcalc.loads("s = cross_entropy(p, y); y = onehot(1, 3)").run({"p": [0.0, 0.5, 0.5]})
    assert run.value == pytest.approx(math.log(2), rel=EPSILON)
    assert run.gradients["p"].value.tolist() == [0.0, -2.0, 0.0]


# -------------------------------------------------------------------------------- shapes

MULTIPLES = "the rows and columns of the first must be multiples of those of the second"
MISFITS = [
    ("s = sum(ones(2.5))", "a size in ones(...) must be a whole number that is written out, 0 or more"),
    ("s = sum(zeros(-1))", "a size in zeros(...) must be a whole number that is written out, 0 or more"),
    ("s = sum(softmax([1, 2; 3, 4]))", "softmax of a matrix needs an axis"),
    ("s = sum(log_softmax([1, 2; 3, 4]))", "log_softmax of a matrix needs an axis"),
    ("s = dot([1, 2], [1, 2, 3])", "dot takes two of one shape"),
    ("s = dot([1, 2], [1, 2]^T)", "dot takes two of one shape"),
    ("s = cross([1, 2, 3], [1, 2])", "cross takes two columns of 3 entries"),
    ("s = cross([1, 2], [1, 2, 3])", "cross takes two columns of 3 entries"),
    ("s = solve([1, 2; 3, 4; 5, 6], [1, 2, 3])", "solve needs a square matrix"),
    ("s = sum(concat([1, 2; 3, 4], [1, 2, 3]))", "blocks above one another need the same number of columns"),
    ("s = sum(concat([1, 2; 3, 4], [1, 2, 3], axis=1))", "blocks beside one another need the same number of rows"),
    ("s = sum(diag([1, 2, 3; 4, 5, 6]))", "diag takes a vector or a square matrix"),
    ("s = sum(diag(3))", "diag takes a vector or a square matrix"),
    ("s = sum(onehot(3, 3))", "the place 3 is outside 0 to 2: places count from 0"),
    ("s = sum(unvec([1, 2, 3], 2, 2))", "unvec(v, m, n) needs a column of m n entries"),
    ("s = kron_left([1, 2, 3], [1, 2])", MULTIPLES),
    ("s = kron_right([1, 2, 3]^T, [1, 2]^T)", MULTIPLES),
    ("s = kron_left([1, 2], [])", MULTIPLES),
    ("s = adj_change(eye(2), eye(3))", "adj_change takes a square matrix and changes of its shape"),
    ("s = adj_change(eye(2), eye(2), eye(3))", "adj_change takes a square matrix and changes of its shape"),
]


@pytest.mark.parametrize(("text", "rule"), MISFITS)
def test_operands_that_do_not_fit_are_told_by_a_rule(text: str, rule: str) -> None:
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(text).run()
    assert [(d.code, d.rule) for d in caught.value.diagnostics] == [("shape-mismatch", rule)]


INDICES = "write `x[i]` for a vector, `A[i, j]`, `A[i, :]` or `A[:, j]` for a matrix"
NO_ENTRIES = [
    ("A[1]", "is no entry of `A`", "1 index for 2 dimensions", INDICES),
    ("x[0, 1]", "is no entry of `x`", "2 indices for 1 dimension", INDICES),
    ("r[0, 0, 0]", "is no entry of `r`", "3 indices for 2 dimensions", INDICES),
    ("c[0]", "is no entry of `c`", "a scalar has no entries", "leave the index out"),
    ("o[0]", "is no entry of `o`", "there are no entries", "indices count from 0"),
    ("x[3]", "is outside `x`", "index 3 is outside 0 to 2", "indices count from 0"),
    ("r[3]", "is outside `r`", "index 3 is outside 0 to 2", "indices count from 0"),
    ("A[1, 2]", "is outside `A`", "index 2 is outside 0 to 1", "indices count from 0"),
    ("x[1:4]", "is outside `x`", "1:4 is outside 0:3", "indices count from 0"),
    ("x[4:]", "is outside `x`", "4:3 is outside 0:3", "indices count from 0"),
    ("A[:, 0:3]", "is outside `A`", "0:3 is outside 0:2", "indices count from 0"),
    ("x[2:1]", "is no entry of `x`", "2:1 ends before it starts", "write the smaller index first"),
    ("v[2:1]", "is no entry of `v`", "2:1 ends before it starts", "write the smaller index first"),
]


@pytest.mark.parametrize(("text", "fault", "rule", "remedy"), NO_ENTRIES)
def test_what_is_no_entry(text: str, fault: str, rule: str, remedy: str) -> None:
    values = "A = [1, 2; 3, 4]; x = [1, 2, 3]; r = [[1, 2, 3]]; c = 1; o = []; v in R^n"
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(f"{values}; s = sum({text})").derive("s", text[0])
    [found] = caught.value.diagnostics
    assert (found.code, found.message, found.rule, found.help) == ("bad-index", f"`{text}` {fault}", rule, remedy)


@pytest.mark.parametrize(
    ("text", "shape"),
    [("zeros(3, 1) + 0", (3,)), ("ones(1, 1)", (1, 1)), ("zeros(1, 3)", (1, 3)), ("concat(2)", (1,)),
     ("concat([[1, 2, 3]])", (1, 3)), ("concat([[1]], [[2]])", (2,)), ("concat(1, 2, axis=1)", (1, 2)),
     ("diag([[1, 2, 3]])", (3, 3)), ("[1, 2; 3, 4][0:1, :]", (1, 2)), ("[1, 2; 3, 4][:, 0:1]", (2, 1)),
     ("[1, 2, 3][3:]", (0,))],
)  # fmt: skip
def test_the_shape_of_what_has_one_row_or_column(text: str, shape: tuple[int, ...]) -> None:
    assert gradcalc.loads(f"y = {text}; s = sum(y)").run(of="s").nodes["y"].shape == shape


@pytest.mark.parametrize(
    ("text", "form"),
    [("s = x[1]^2", "2 x[1] onehot(1, n)"), ("s = sum(x[1] x)", "sum(x) onehot(1, n) + x[1] ones(n)")],
)
def test_an_entry_of_a_vector_of_unknown_length(text: str, form: str) -> None:
    """∂x_1/∂x = e_1, for any n."""
    board = gradcalc.loads(f"x in R^n; {text}").derive("s", "x")
    assert (board.derivations[0].rule.text, board.notes) == (form, [])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("zeros", "2, 3, 4"), ("ones", "2, 3, 4"), ("onehot", "1"), ("onehot", "1, 3, 5"), ("unvec", "[1, 2], 2"),
     ("unvec", "[1, 2], 1, 2, 3"), ("eye", "2, 2")],
)  # fmt: skip
def test_arguments_that_a_function_does_not_take(name: str, arguments: str) -> None:
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(f"s = sum({name}({arguments}))").run()
    assert [d.code for d in caught.value.diagnostics] == ["wrong-arguments"]


@pytest.mark.parametrize(
    ("name", "shapes", "attributes"),
    [("divide", [V, (2,)], {}), ("cross_entropy", [M, N], {"axis": None}), ("mse", [M, N], {"axis": 0})],
)
def test_a_rule_for_shapes_does_not_rely_on_the_planner(name: str, shapes: Any, attributes: Any) -> None:
    """What the planner refuses before, the operation itself refuses too."""
    graph = Graph()
    leaves = [graph.make("input", name=n, shape=s) for n, s in zip("ab", shapes, strict=True)]
    with pytest.raises(ShapeError):
        graph.make(name, *leaves, **attributes)


@pytest.mark.parametrize("text", ["kron(2, x)", "kron(x, 2)"])
@pytest.mark.parametrize(("x", "product"), [([3], [6]), ([[3]], [[6]]), (3, 6)])
def test_the_kronecker_product_with_a_number_keeps_the_shape(text: str, x: Any, product: Any) -> None:
    value = gradcalc.loads(f"y = {text}").run({"x": x}, upstream=np.ones_like(product)).value
    assert np.asarray(value).tolist() == product


def test_blocks_of_nothing_leave_their_factor_alone() -> None:
    """kron_left(Y, B) of a Y without rows has no entries, whatever B is: ∂/∂B is 0."""
    found = gradients("Y = zeros(0, 3); B = [1, 2, 3; 4, 5, 6]; s = sum(kron_left(Y, B))")
    assert found["B"].tolist() == [[0, 0, 0], [0, 0, 0]] and found["Y"].shape == (0, 3)


# --------------------------------------------------------------------------------- kinks

KINKS = [
    ("x = 0; s = relu(x)", {"x": 0.0}),
    ("x = 0; s = |x|", {"x": 0.0}),
    ("x = 0; s = leaky_relu(x)", {"x": 0.01}),
    ("x = 0; s = sign(x)", {"x": 0.0}),
    ("x = 0; s = step(x)", {"x": 0.0}),
    ("x = 2; s = floor(x)", {"x": 0.0}),
    ("x = 2; s = ceil(x)", {"x": 0.0}),
    ("x = 2.5; s = round(x)", {"x": 0.0}),
    ("x = 1; y = 1; s = max(x, y)", {"x": 0.5, "y": 0.5}),
    ("x = 1; y = 1; z = 1; s = min(x, y, z)", {"x": 1 / 3, "y": 1 / 3, "z": 1 / 3}),
    ("x = 1; y = 1; z = 0; s = max(x, y, z)", {"x": 0.5, "y": 0.5, "z": 0.0}),
    ("x = [2, 2, 1]; s = max(x)", {"x": [0.5, 0.5, 0.0]}),
    ("x = [2, 1, 1]; s = min(x)", {"x": [0.0, 0.5, 0.5]}),
    ("x = [0, 0]; s = ||x||", {"x": [0.0, 0.0]}),
    ("x = [0, 2]; s = ||x||_1", {"x": [0.0, 1.0]}),
    ("x = [-2, 2]; s = ||x||_inf", {"x": [-0.5, 0.5]}),
    ("x = [3, 3]; s = std(x)", {"x": [0.0, 0.0]}),
    ("x = [2, 2, 1]; s = median(x)", {"x": [0.5, 0.5, 0.0]}),
    ("x = [1, 1, 2, 3]; s = median(x)", {"x": [0.25, 0.25, 0.5, 0.0]}),
    ("x = [2, 2, 2, 1]; s = median(x)", {"x": [1 / 3, 1 / 3, 1 / 3, 0.0]}),
    ("x = [0, 0]; s = ||x||_inf", {"x": [0.0, 0.0]}),
    ("x = 0; y = 0; s = hypot(x, y)", {"x": 0.0, "y": 0.0}),
    ("x = 1; s = clip(x, 1, 2)", {"x": 0.0}),
    ("x = 2; s = clip(x, 1, 2)", {"x": 0.0}),
]


@pytest.mark.parametrize(("text", "expected"), KINKS)
def test_the_subgradient_at_a_kink_and_its_flag(text: str, expected: dict[str, Any]) -> None:
    """The subgradient of least norm; ties share evenly; the flag names the node."""
    for name, value in expected.items():
        assert np.asarray(gradients(text)[name]).tolist() == pytest.approx(value)
    assert ("kink", "s") in flags(text)


@pytest.mark.parametrize("text", [text.replace("0", "0.5").replace("= 1;", "= 1.25;") for text, _ in KINKS[:3]])
def test_no_flag_away_from_a_kink(text: str) -> None:
    assert not flags(text)


SMOOTH = [
    ("x = [1, 2, 2, 3]; s = median(x)", [0.0, 0.5, 0.5, 0.0]),
    ("x = [1, 1, 5, 2, 3]; s = median(x)", [0.0, 0.0, 0.0, 1.0, 0.0]),
    ("x = [5]; s = std(x)", [0.0]),
    ("x = [3, 3]; s = var(x)", [0.0, 0.0]),
    ("x = [2, 0, 3]; s = prod(x)", [0.0, 6.0, 0.0]),
    ("x = [0, 0, 3]; s = prod(x)", [0.0, 0.0, 0.0]),
    ("x = [1, 2, 4]; s = var(x)", [-8 / 9, -2 / 9, 10 / 9]),
]


@pytest.mark.parametrize(("text", "expected"), SMOOTH)
def test_equal_entries_and_zeros_that_make_no_kink(text: str, expected: list[float]) -> None:
    """Two equal ones that both are in the middle of an even number move together; one entry deviates from nothing."""
    assert np.asarray(gradients(text)["x"]).tolist() == pytest.approx(expected)
    assert not flags(text)


@pytest.mark.parametrize("name", ["mean", "var", "std", "median", "max", "min", "logsumexp", "softmax", "log_softmax"])
@pytest.mark.parametrize(
    ("data", "call", "what"),
    [("x = []", "{}(x)", "its operand"), ("X = zeros(0, 2)", "{}(X, axis=0)", "a column of its operand"),
     ("X = zeros(2, 0)", "{}(X, axis=1)", "a row of its operand")],
)  # fmt: skip
def test_nothing_has_no_mean(name: str, data: str, call: str, what: str) -> None:
    """An error says what is empty."""
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(f"{data}; s = sum({call.format(name)})").run()
    [fault] = caught.value.diagnostics
    assert (fault.code, fault.rule) == ("shape-mismatch", f"`{name}` needs at least one entry, and {what} is empty")


OF_NOTHING = [("sum(x)", 0), ("prod(x)", 1), ("||x||", 0), ("||x||_1", 0), ("||x||_inf", 0)]


@pytest.mark.parametrize(("text", "value"), OF_NOTHING)
def test_reductions_of_nothing_that_have_a_value(text: str, value: float) -> None:
    run = gradcalc.loads(f"x = []; s = {text}").run()
    assert run.value == value
    assert np.size(run.gradients["x"].value) == 0 and not run.flags


def test_a_kink_inside_a_smooth_whole() -> None:
    """∂||v||²/∂v = 2 v = 0 at 0."""
    assert gradients("v = [0, 0]; s = ||v||^2")["v"].tolist() == [0.0, 0.0]


# ---------------------------------------------------------------------------- domain edges

FAULTS = [
    ("x = -1; s = log(x)", "domain"),
    ("x = 0; s = log(x)", "domain"),
    ("x = -1; s = sqrt(x)", "domain"),
    ("x = -1; s = log1p(x)", "domain"),
    ("x = 1.5; s = arcsin(x)", "domain"),
    ("x = -1.5; s = arcsin(x)", "domain"),
    ("x = 1.5; s = arccos(x)", "domain"),
    ("x = -1.5; s = arccos(x)", "domain"),
    ("x = 0.5; s = arccosh(x)", "domain"),
    ("x = 1; s = arctanh(x)", "domain"),
    ("x = -2; s = x^0.5", "domain"),
    ("x = 0; s = x^-1", "domain"),
    ("x = 0; y = 0; s = arctan2(x, y)", "domain"),
    ("x = 1; y = 0; s = mod(x, y)", "domain"),
    ("A = [[-1, 0], [0, 1]]; s = logdet(A)", "domain"),
    ("p = [0, 1]; y = [1, 0]; s = cross_entropy(p, y)", "domain"),
    ("x = 0; s = 1/x", "division-by-zero"),
    ("x = [1, 0]; s = sum(1 ./ x)", "division-by-zero"),
    ("A = [[1, 2], [2, 4]]; s = sum(A^-1)", "singular-matrix"),
    ("A = [[1, 2], [2, 4]]; b = [1, 1]; s = sum(solve(A, b))", "singular-matrix"),
    ("x = 1000; s = exp(x)", "overflow"),
    ("x = 1e200; s = x^2", "overflow"),
    ("x = 800; s = sinh(x)", "overflow"),
]


@pytest.mark.parametrize(("text", "code"), FAULTS)
def test_outside_the_domain_is_an_error(text: str, code: str) -> None:
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(text).run()
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_an_infinite_derivative_is_flagged() -> None:
    """d√x = dx/(2√x): infinite at 0, where √x is 0."""
    run = gradcalc.loads("x = 0; s = sqrt(x)").run()
    assert run.value == 0.0
    assert run.gradients["x"].value == math.inf
    assert [(f.code, f.node) for f in run.flags] == [("infinite-gradient", "x")]


def test_the_derivative_of_sqrt_at_minus_zero_is_plus_infinity() -> None:
    """√(-0.0) is 0, approached from above."""
    assert gradients("s = sqrt(x)", x=-0.0)["x"] == math.inf


def test_an_undefined_partial_is_flagged_and_the_other_given() -> None:
    """∂x^y/∂x = y x^(y-1) = -4 at (-2, 2); ∂x^y/∂y = x^y log x has no value."""
    run = gradcalc.loads("x = -2; y = 2; s = x^y").run()
    assert run.gradients["x"].value == -4.0
    assert math.isnan(run.gradients["y"].value)
    assert [(f.code, f.node) for f in run.flags] == [("undefined-gradient", "y")]


# ------------------------------------------------------------------- branches not taken

NOT_TAKEN = [
    ("x = -1; s = where(x > 0, log(x), 0)", {"x": 0.0}),
    ("x = 0; s = where(x > 0, log(x), 0)", {"x": 0.0}),
    ("x = 0; s = where(x > 0, sqrt(x), 1)", {"x": 0.0}),
    ("x = 0; s = where(x > 0, 1/x, x)", {"x": 1.0}),
    ("x = 0; y = 3; s = where(x == 0, y, y/x)", {"x": 0.0, "y": 1.0}),
    ("x = [1, -1, 0]; s = sum(where(x > 0, log(x), 0))", {"x": [1.0, 0.0, 0.0]}),
    ("x = [2, 0]; s = sum(where(x > 0, 3 - 2 ./ x, x))", {"x": [0.5, 1.0]}),
    ("x = [1, -1]; s = sum(where(x > 0, 2 log(x), 0))", {"x": [2.0, 0.0]}),
    ("x = [0, 1]; s = sum(max(x, 0.5 - 1 ./ x))", {"x": [1.0, 1.0]}),
    ("x = [0, 4]; s = where(x[0] > 0, sum(log(x)), x[1])", {"x": [0.0, 1.0]}),
    ("x = 0; s = min(x, exp(1000 + x))", {"x": 1.0}),
]


@pytest.mark.parametrize(("text", "expected"), NOT_TAKEN)
def test_a_branch_not_taken_contributes_exactly_zero(text: str, expected: dict[str, Any]) -> None:
    run = gradcalc.loads(text).run()
    for name, value in expected.items():
        assert np.asarray(run.gradients[name].value).tolist() == value
    assert {f.code for f in run.flags} <= {"not-taken", "kink"}


def test_rows_not_taken_do_not_hide_columns_of_a_product() -> None:
    """∂/∂x Σ where(c, W x, 0) = W^T c also while another branch of x is out of domain."""
    text = "x = [1, 0]; W = [1, 2; 3, 4]; c = [1, 0]; s = sum(where(c > 0, W x, 0)) + where(x[1] > 0, log(x[1]), 0)"
    assert gradients(text)["x"].tolist() == [1.0, 2.0]
