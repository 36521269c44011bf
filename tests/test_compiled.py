"""Prepared functions: their code computes what the evaluator computes node by node, and gives up where that speaks."""

from __future__ import annotations

import ast
import gc
import os
import random
import re
import threading
import tracemalloc
from typing import Any

import numpy as np
import pytest

import gradcalc
from gradcalc import prepared as prepared_module
from gradcalc.compiled import code as code_module
from gradcalc.compiled import program as program_module
from gradcalc.compiled.finite import BOUNDED, KEEPS, unseen
from gradcalc.graph import OPERATIONS, Graph, ancestors
from gradcalc.prepared import Prepared, _evaluated
from tests import programs
from tests.programs import Unsuitable

EXACT = 1e-12
FLOOR = 1e-2
NEURON = "z = W x + b; h = tanh(z); s = u^T h"


def prepared(text: str, of: str, shapes: dict[str, tuple[int, ...]]) -> Prepared:
    step = gradcalc.loads(text).compile(of, shapes=shapes)
    assert isinstance(step, Prepared)
    return step


def error(found: Any, expected: Any) -> float:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    return float(np.max(np.abs(found - expected), initial=0) / max(np.max(np.abs(expected), initial=0), FLOOR))


def by_nodes(step: Prepared, arrays: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What the evaluator gives for the same arrays."""
    data, rows = step._rows({k: np.asarray(v, dtype=float) for k, v in arrays.items()})
    [sweep] = step.sweeps.values()
    return _evaluated(sweep, data, rows)


def assert_alike(step: Prepared, arrays: dict[str, Any]) -> None:
    value, gradients = step(**arrays)
    expected, expected_gradients = by_nodes(step, arrays)
    assert error(value, expected) < EXACT
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        assert error(gradient, expected_gradients[name]) < EXACT, name


@pytest.fixture
def by_code_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No help of the evaluator."""

    def refuse(*arguments: Any) -> Any:
        raise AssertionError("the code gave up")

    monkeypatch.setattr(prepared_module, "_evaluated", refuse)


@pytest.fixture
def by_code_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """Help of the evaluator only where the derivatives have no form that code could compute, or the file has some."""

    def checked(sweep: Any, *more: Any) -> Any:
        assert sweep.results is None or sweep.plan.primals, "the code gave up"
        return _evaluated(sweep, *more)

    monkeypatch.setattr(prepared_module, "_evaluated", checked)


def random_program(seed: int, result: programs.Shape = (), most: int = 30) -> programs.Program:
    try:
        program = programs.written(random.Random(seed), {"result": result}, most)
    except Unsuitable:
        pytest.skip("no program of this seed")
    if not program.data:
        pytest.skip("a program without inputs from outside")
    return program


@pytest.mark.usefixtures("by_code_where_it_can")
@pytest.mark.parametrize("seed", range(60))
def test_code_and_evaluator_agree(seed: int) -> None:
    program = random_program(seed)
    data = {name: np.asarray(value, dtype=float) for name, value in program.data.items()}
    step = prepared(program.text, "result", {name: value.shape for name, value in data.items()})
    assert_alike(step, data)
    draw = random.Random(seed)
    moving = [name for name in data if draw.random() < 0.5] or list(data)[:1]
    rows = draw.choice([1, 2, 7])
    assert_alike(step, {
        name: np.stack([value * (1 + 0.01 * k) for k in range(rows)]) if name in moving else value
        for name, value in data.items()})  # fmt: skip


SHAPES = {"A": (3, 4), "B": (4, 3), "x": (4,), "y": (3,), "r": (1, 3), "c": ()}
EXPRESSIONS = [
    "y^T A x", "r A x", "trace(A B)", "sum((A x) y^T)", "||A x - y||^2", "sum(A .* (y 1(c > 0)))", "sum(A B r^T)",
    "sum(tanh(r + A B))", "sum(exp(c A))", "x[1] A[2, 0] + sum(A[1, :] .* x^T)", "sum(diag(y) A x)", "sum(A diag(x) B)",
    "sum(x[1:3])", "sum(A[0:1, 1:3])", "max(x) + min(y)", "c^2 + sqrt(c^2 + 1)", "sum(where(A > 0, A, c))",
    "sum(max(x, c)) + sum(min(A, c))", "dot(x, x) c", "sum(B y + x)", "sum(kron(r, y))", "logsumexp(A x)",
    "softmax(y)[1]", "sum(concat(x, y))", "sum(A^T y)", "(r y) (x^T x)", "sum(sigmoid(A)) + sum(softplus(c + y))",
    "sum([c, 2 c, x[0]])", "mean(A) + var(x)", "sum(vec(A))", "sum(clip(x, -0.5, c))", "|c| + sign(c) + step(c)",
    "sum(y .^ 2 / (1 + c^2))", "sum(x ./ (2 + x .* x))", "sum((x > c) .* x)", "sum((A x)^T)", "r r^T",
]  # fmt: skip


def arrays_for(expression: str, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    draw = np.random.default_rng(seed)
    used = {name for name in SHAPES if name in re.findall(r"[A-Za-z]+", expression)}
    return {name: draw.normal(size=SHAPES[name]) for name in sorted(used)}


@pytest.mark.usefixtures("by_code_alone")
@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_expressions(expression: str, rows: int) -> None:
    arrays = arrays_for(expression)
    step = prepared(f"s = {expression}", "s", {name: SHAPES[name] for name in arrays})
    draw = random.Random(len(expression))
    for _ in range(3 if rows else 1):
        moving = [name for name in arrays if draw.random() < 0.6] or list(arrays)
        assert_alike(step, {
            name: np.stack([value + 0.1 * k for k in range(rows)]) if rows and name in moving else value
            for name, value in arrays.items()})  # fmt: skip


@pytest.mark.usefixtures("by_code_alone")
@pytest.mark.parametrize("text", [
    NEURON, "s = (x + y) max(y, z)", "s = sigmoid(x y) + z^2", "s = ||x - y||^2 + 0 z", "s = sum(exp(-x) y) + z",
    "s = log(x^2 + 1) / (y^2 + 3) - cos(z)",
])  # fmt: skip
def test_ordinary_values_need_no_evaluator(text: str) -> None:
    arrays = dict.fromkeys(("x", "y", "z"), 0.5)
    if text == NEURON:
        arrays = {"W": np.eye(2), "x": np.ones(2), "b": np.zeros(2), "u": np.ones(2)}  # type: ignore[dict-item]
    gradcalc.loads(text).compile("s")(**arrays)


@pytest.mark.usefixtures("by_code_alone")
@pytest.mark.parametrize(("text", "value", "gradient"), [
    ("s = mean(concat(2 x, x, axis=1))", 2.25, [0.75, 0.75]),
    ("s = sum(concat(x, x .* x, axis=1) c)", 8.0, [3.0, 5.0]),
    ("s = sum(max(x, 1.5))", 3.5, [0.0, 1.0]),
    ("s = sum(x .* ones(2)) + 1(x[0] < 0)", 3.0, [1.0, 1.0]),
])  # fmt: skip
def test_by_hand(text: str, value: float, gradient: list[float]) -> None:
    """At x = [1, 2], where c is [1, 1]."""
    step = gradcalc.loads(text + "; c = [1, 1]").compile("s", wrt=["x"], shapes={"x": (2,)})
    x = np.array([1.0, 2.0])
    for arrays in (x, x):
        found, gradients = step(x=arrays)
        assert (found, gradients["x"].tolist()) == (value, gradient)
    rows, gradients = step(x=np.stack([x, x]))
    assert (rows.tolist(), gradients["x"].tolist()) == ([value] * 2, [gradient] * 2)


@pytest.mark.parametrize(
    "text", ["exp(x)", "1(x > 0)", "max(x, 1)", "x + 1", "sin(x)", "where(x > 2, x, 1)", "5", "x", "(x + 1) (x - 2)"]
)
def test_numbers_are_floats(text: str) -> None:
    step = gradcalc.loads(f"s = {text} + 0 x").compile("s")
    for _ in range(2):
        value, gradients = step(x=1.0)
        assert (type(value), type(gradients["x"])) == (float, float)
    step = gradcalc.loads(f"s = {text}; input x").compile("s", wrt=["x"])
    assert [type(step(x=1.0)[0]) for _ in range(2)] == [float, float]


# ------------------------------------------------------------------------------------- inputs


ROWS = "s = c (x^T A y) + r y"
"""Numbers, columns, a matrix and a row, each of which may have rows."""


def rows_data(moving: str, rows: int = 4) -> dict[str, Any]:
    draw = np.random.default_rng(0)
    sizes = {"c": (), "x": (3,), "A": (3, 2), "y": (2,), "r": (1, 2)}
    found = {n: draw.normal(size=(rows, *s) if n in moving else s) for n, s in sizes.items()}
    return {n: a if a.ndim else float(a) for n, a in found.items()}


def expected_rows(d: dict[str, Any], rows: int = 4) -> tuple[Any, dict[str, Any]]:
    """s, and its gradients: x^T A y, c A y, c x y^T, c A^T x + r^T, y^T."""
    ranks = {"c": 0, "x": 1, "A": 2, "y": 1, "r": 2}
    c, x, A, y, r = (np.broadcast_to(d[n], (rows, *np.shape(d[n])[np.ndim(d[n]) - k :])) for n, k in ranks.items())
    form = np.einsum("ki,kij,kj->k", x, A, y)
    return c * form + np.einsum("kij,kj->k", r, y), {
        "c": form, "x": np.einsum("k,kij,kj->ki", c, A, y), "A": np.einsum("k,ki,kj->kij", c, x, y),
        "y": np.einsum("k,kij,ki->kj", c, A, x) + r[:, 0], "r": y[:, None, :]}  # fmt: skip


@pytest.mark.usefixtures("by_code_alone")
@pytest.mark.parametrize("moving", ["x", "c", "A", "y", "r", "xA", "cr", "Ay", "cxAyr"])
@pytest.mark.parametrize("rows", [1, 4])
def test_rows_of_some_inputs(moving: str, rows: int) -> None:
    step = gradcalc.loads(ROWS).compile("s", shapes={"c": (), "x": (3,), "A": (3, 2), "y": (2,), "r": (1, 2)})
    for _ in range(2):
        d = rows_data(moving, rows)
        value, gradients = step(**d)
        expected, by_name = expected_rows(d, rows)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        for name, gradient in gradients.items():
            np.testing.assert_allclose(gradient, by_name[name], rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2])
def test_no_rows(order: int) -> None:
    """Nothing for each of no rows; also by what is no row."""
    step = gradcalc.loads("s = a x^T x + b").compile("s", shapes={"x": (3,)}, order=order)
    for _ in range(2):
        value, gradients, *more = step(x=np.ones((0, 3)), a=2.0, b=1.0)
        assert (value.shape, gradients["a"].shape, gradients["x"].shape) == ((0,), (0,), (0, 3))
        assert not more or (more[0]["x"]["x"].shape, more[0]["a"]["x"].shape) == ((0, 3, 3), (0, 1, 3))


@pytest.mark.parametrize(("moving", "name", "shape"), [
    ("", "y", (3,)), ("", "y", ()), ("", "x", (4,)), ("", "x", (2, 2, 3)), ("", "c", (1, 1)), ("", "A", (2, 3)),
    ("", "A", (3,)), ("", "r", (1, 3)), ("", "r", (2,)),
    ("x", "y", (3,)), ("x", "y", ()), ("x", "x", (4, 2)), ("x", "x", ()), ("x", "y", (5, 2)), ("x", "c", (5,)),
    ("x", "c", (2, 2)), ("x", "A", (2, 3)), ("x", "A", (3,)), ("x", "r", (1, 3)), ("x", "r", (2,)),
    ("xA", "x", (5, 3)), ("xA", "A", (5, 3, 2)), ("xA", "A", (4, 2, 3)), ("xc", "c", (5,)), ("cx", "x", (3, 3)),
])  # fmt: skip
def test_arrays_of_a_wrong_shape_are_refused_after_right_ones(moving: str, name: str, shape: tuple[int, ...]) -> None:
    step = gradcalc.loads(ROWS).compile("s", shapes={"c": (), "x": (3,), "A": (3, 2), "y": (2,), "r": (1, 2)})
    arrays = rows_data(moving)
    step(**arrays)
    array = np.ones(shape) if shape else 1.0
    with pytest.raises(gradcalc.GradcalcError):
        step(**{**arrays, name: array})


@pytest.mark.parametrize("rows", [False, True])
@pytest.mark.parametrize("kind", ["int64", "float32", "list", "subclass", "number", "strided"])
def test_arrays_of_other_kinds_after_arrays_of_floats(rows: bool, kind: str) -> None:
    """Integers are multiplied as floats, where 2^40 2^40 is not 0; what has 24 bits, with 53."""
    step = gradcalc.loads("s = c x^T x").compile("s", shapes={"x": (2,)})
    x = np.array([[2.0**40, 0.1], [3.0, 4.0]]) if rows else np.array([2.0**40, 0.1])
    c: Any = 2.0
    step(x=x, c=c)
    given: Any = x
    if kind in ("int64", "float32"):
        given = x.astype(kind)
        x = given.astype(float)
    elif kind == "list":
        given = x.tolist()
    elif kind == "subclass":
        given = x.view(np.memmap)
    elif kind == "number":
        c = np.array(2)
    else:
        given = np.repeat(x, 2, axis=-1)[..., ::2]
    value, gradients = step(x=given, c=c)
    np.testing.assert_array_equal(value, 2 * np.sum(x * x, axis=-1))
    np.testing.assert_array_equal(gradients["x"], 4 * x)
    np.testing.assert_array_equal(gradients["c"], np.sum(x * x, axis=-1))


def test_a_large_derivative_is_refused() -> None:
    limits = gradcalc.errors.Limits(entries=100)
    for text, shapes, order in (("h = x .^ 2", (11,), 1), ("s = x^T x", (11,), 2)):
        step = gradcalc.loads(text, limits=limits).compile(text[0], shapes={"x": shapes}, order=order)
        with pytest.raises(gradcalc.GradcalcError) as caught:
            step(x=np.ones(shapes))
        assert caught.value.diagnostics[0].code == "limit-entries"
        step = gradcalc.loads(text, limits=limits).compile(text[0], shapes={"x": (10,)}, order=order)
        assert step(x=np.ones(10))[-1]


# ------------------------------------------------------------------- Jacobians and Hessians


@pytest.mark.usefixtures("by_code_where_it_can")
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("shape", [(3,), (1, 2), (2, 2)])
def test_jacobians_are_those_of_the_model(seed: int, shape: tuple[int, ...]) -> None:
    program = random_program(seed, result=shape)
    data = {name: np.asarray(value, dtype=float) for name, value in program.data.items()}
    model = gradcalc.loads(program.text)
    value, jacobians = model.compile("result", shapes={n: v.shape for n, v in data.items()})(**data)
    expected = model.jacobian("result", None, data).jacobians
    assert error(value, model.run(data, of="result").value) < EXACT
    for name, jacobian in jacobians.items():
        assert error(jacobian, expected[name].value) < EXACT, name


@pytest.mark.usefixtures("by_code_where_it_can")
@pytest.mark.parametrize("seed", range(60))
def test_second_derivatives_are_those_of_the_model(seed: int) -> None:
    program = random_program(seed, most=12)
    data = {name: np.asarray(value, dtype=float) for name, value in program.data.items()}
    model = gradcalc.loads(program.text)
    step = model.compile("result", shapes={n: v.shape for n, v in data.items()}, order=2)
    value, gradients, hessians = step(**data)
    assert error(value, model.run(data, of="result").value) < EXACT
    assert error(gradients[next(iter(data))], model.jacobian("result", next(iter(data)), data).value) < EXACT
    for name, row in model.hessian("result", None, data).hessians.items():
        size = max(np.max(np.abs(block.value), initial=0) for block in row.values())  # type: ignore[arg-type]
        for other, block in row.items():
            found, wanted = np.asarray(hessians[name][other]), np.asarray(block.value)
            assert found.shape == wanted.shape
            assert np.max(np.abs(found - wanted), initial=0) <= 1e-11 * max(size, FLOOR), (name, other)


@pytest.mark.parametrize(
    "text",
    [
        "y = A B x; s = u^T tanh(y)",
        "P = A B; y = P x; s = u^T tanh(y)",
        "y = (u^T A B)^T; s = x^T tanh(y)",
        "P = A B; s = u^T tanh(P x) + sum(P^T u)^2",
        "C = A B A; y = C B x; s = ‖y‖^2",
        "D = diag(x); y = A B D A B D x; s = u^T y",
        "P = A A; Q = P P; s = u^T Q x",
        "y = (A x x^T B) u; s = ‖y‖^2",
        "P = A B; s = u^T P x + trace(P)",
        "s = (x^T A B A x) (u^T B A u)",
    ],
)
def test_products_in_the_cheap_order(text: str) -> None:
    random = np.random.default_rng(1)
    arrays = {"A": random.normal(size=(6, 6)), "B": random.normal(size=(6, 6)), "x": random.normal(size=6),
              "u": random.normal(size=6)}  # fmt: skip
    used = {name: array for name, array in arrays.items() if name in re.findall(r"\w", text)}
    assert_alike(prepared(text, "s", {name: array.shape for name, array in used.items()}), used)


@pytest.mark.parametrize("text", ["y = A B x; s = u^T y", "y = B^T A^T u; s = x^T y", "P = A B; s = u^T tanh(P x)"])
def test_a_large_product_on_the_way_is_not_made(text: str) -> None:
    n = 3000
    random = np.random.default_rng(1)
    arrays = {"A": random.normal(size=(n, 2)), "B": random.normal(size=(2, n)), "x": random.normal(size=n),
              "u": random.normal(size=n)}  # fmt: skip
    step = prepared(text, "s", {name: array.shape for name, array in arrays.items()})
    tracemalloc.start()
    try:
        step(**arrays)
        assert tracemalloc.get_traced_memory()[1] < n * n  # an eighth of the product
    finally:
        tracemalloc.stop()


def test_structure_is_kept() -> None:
    """diag(f'(z)) W is W with its rows scaled, W^T diag(d) W one product: by hand, and with no n × n diagonal."""
    draw = np.random.default_rng(0)
    W, x, b, u = draw.normal(size=(4, 3)), draw.normal(size=3), draw.normal(size=4), draw.normal(size=4)
    h = np.tanh(W @ x + b)
    step = gradcalc.loads("h = tanh(W x + b)").compile("h", wrt=["x", "b"])
    value, jacobians = step(W=W, x=x, b=b)
    assert np.allclose(value, h) and np.allclose(jacobians["x"], (1 - h * h)[:, None] * W, rtol=1e-13)
    assert np.allclose(jacobians["b"], np.diag(1 - h * h))
    step = gradcalc.loads("s = u^T tanh(W x + b)").compile("s", wrt=["x"], order=2)
    _, gradients, hessians = step(W=W, x=x, b=b, u=u)
    assert np.allclose(gradients["x"], W.T @ (u * (1 - h * h)))
    assert np.allclose(hessians["x"]["x"], W.T @ np.diag(-2 * u * h * (1 - h * h)) @ W)


def test_rows_of_jacobians() -> None:
    x = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]])
    value, jacobians = gradcalc.loads("h = x .* x; x in R^2").compile("h")(x=x)
    assert np.array_equal(value, x * x)
    assert np.array_equal(jacobians["x"], np.stack([np.diag(2 * row) for row in x]))
    value, _, hessians = gradcalc.loads("s = exp(x[0]) x[1]; x in R^2").compile("s", order=2)(x=x)
    e = np.exp(x[:, 0])
    expected = np.array([[[e[k] * x[k, 1], e[k]], [e[k], 0]] for k in range(3)])
    assert np.allclose(hessians["x"]["x"], expected)


@pytest.mark.usefixtures("by_code_alone")
@pytest.mark.parametrize(("text", "value", "jacobian"), [
    ("h = max(x, y)", [3.0, 2.0], [[0.0, 0.0], [0.0, 1.0]]), ("h = min(x, y)", [1.0, 1.0], [[1.0, 0.0], [0.0, 0.0]]),
    ("h = x", [1.0, 2.0], [[1.0, 0.0], [0.0, 1.0]]), ("h = where(x > y, x, 5)", [5.0, 2.0], [[0.0, 0.0], [0.0, 1.0]]),
    ("h = 1(x > y)", [0.0, 1.0], [[0.0, 0.0], [0.0, 0.0]]),
])  # fmt: skip
def test_jacobians_by_hand(text: str, value: list[float], jacobian: list[list[float]]) -> None:
    """At x = [1, 2], y = [3, 1]; the results are nobody else's."""
    step = gradcalc.loads(text + "; y = [3, 1]").compile("h", wrt=["x"], shapes={"x": (2,)})
    x = np.array([1.0, 2.0])
    for _ in range(3):
        found, jacobians = step(x=x)
        assert (found.dtype, found.tolist(), jacobians["x"].tolist()) == (float, value, jacobian)
        found[:], jacobians["x"][:] = 7.0, 7.0
        assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("rows", [np.array([[2.0, -1.0], [0.0, 4.0], [1.0, 1.0]]), np.zeros((0, 2))])
def test_rows_of_jacobians_by_nodes(rows: np.ndarray[Any, Any]) -> None:
    """Code computes what is not taken too, and gives up where that is not finite: y = M log(x) where x > 0."""
    M = np.array([[1.0, 2.0], [3.0, 4.0]])
    step = gradcalc.loads("y = M where(x > 0, log(x), 0) c").compile("y", shapes={"x": (2,)})
    value, jacobians = step(x=rows, M=M, c=2.0)
    taken = np.where(rows > 0, rows, 1.0)
    assert (value.shape, jacobians["x"].shape) == ((len(rows), 2), (len(rows), 2, 2))
    np.testing.assert_allclose(value, 2 * np.log(taken) @ M.T, rtol=1e-14)
    np.testing.assert_allclose(jacobians["x"], 2 * M * ((rows > 0) / taken)[:, None, :], rtol=1e-14)
    np.testing.assert_allclose(jacobians["c"], np.log(taken) @ M.T, rtol=1e-14)
    by_M = 2 * np.einsum("ij,kl->kijl", np.eye(2), np.log(taken))  # by columns: entry (i, j) of M at 2 j + i
    np.testing.assert_allclose(jacobians["M"], np.swapaxes(by_M, 2, 3).reshape(len(rows), 2, 4), rtol=1e-14)


# ------------------------------------------------------------------------------------ buffers


def neuron(n: int, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    draw = np.random.default_rng(seed)
    return {"W": draw.normal(size=(n, n)), "x": draw.normal(size=n), "b": draw.normal(size=n),
            "u": draw.normal(size=n)}  # fmt: skip


def test_results_stay_as_they_are_while_someone_has_them() -> None:
    step = gradcalc.loads(NEURON).compile("s")
    kept = [step(**neuron(5, seed)) for seed in range(6)]
    views = [gradients["W"][1:] for _, gradients in kept]
    copies = [{name: gradient.copy() for name, gradient in gradients.items()} for _, gradients in kept]
    for seed in range(6, 12):
        step(**neuron(5, seed))
    for (_, gradients), before, view in zip(kept, copies, views, strict=True):
        assert all(np.array_equal(gradients[name], before[name]) for name in before)
        assert np.array_equal(view, before["W"][1:])
    kept.clear()
    del gradients
    gc.collect()
    for seed in range(6):
        step(**neuron(5, seed))
    assert all(np.array_equal(view, before["W"][1:]) for view, before in zip(views, copies, strict=True))


def test_results_are_no_inputs() -> None:
    """∂(x^T y)/∂x is y: another array."""
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    step = gradcalc.loads("s = x^T y").compile("s")
    for _ in range(2):
        _, gradients = step(x=x, y=y)
        gradients["x"][:] = 0
        assert y.tolist() == [3, 4]


def test_results_are_nothing_that_is_kept() -> None:
    """∂(sum(x))/∂x is always the same, and yet it is the caller's."""
    step = gradcalc.loads("s = sum(x)").compile("s")
    for _ in range(3):
        _, gradients = step(x=np.ones(3))
        assert gradients["x"].tolist() == [1, 1, 1]
        gradients["x"][:] = 0


def works(step: Prepared) -> int:
    """How many buffers of work the code of the last call has, without the zeros of checks."""
    assert step.latest is not None and step.latest.program is not None
    return sum(isinstance(kind, type) for _, _, kind in step.latest.program.code.works)


@pytest.mark.usefixtures("by_code_alone")
@pytest.mark.parametrize(("text", "arrays", "value", "buffers"), [
    ("s = sum(x" + " .* y" * 10 + ")", {"x": np.full(3, 2.0), "y": np.full(3, 2.0)}, 3 * 2.0**11, 1),
    ("s = sum(" + "A " * 10 + "x)", {"x": np.full(2, 2.0), "A": np.full((2, 2), 1.0)}, 2.0**12, 3),
])  # fmt: skip
def test_memory_is_used_again(text: str, arrays: dict[str, Any], value: float, buffers: int) -> None:
    """What works entry by entry writes over what it reads; of products of matrices two take turns, and a column."""
    step = gradcalc.loads(text).compile("s", wrt=["x"])
    assert isinstance(step, Prepared)
    found, gradients = step(**arrays)
    assert (found, gradients["x"].tolist()) == (value, [2.0**10] * len(arrays["x"]))
    assert works(step) == buffers


@pytest.mark.usefixtures("by_code_alone")
def test_large_results_are_computed_where_they_were_before() -> None:
    """Once nobody has them any more: no call needs memory for another array."""
    n = 300
    draw = np.random.default_rng(0)
    W, x = draw.normal(size=(n, n)), draw.normal(size=n)
    step = gradcalc.loads("s = x^T tanh(W) x").compile("s")
    step(W=W, x=x)
    step(W=W, x=x)
    tracemalloc.start()
    try:
        _, gradients = step(W=W, x=x)
        assert tracemalloc.get_traced_memory()[1] < W.nbytes / 2
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(gradients["W"], np.outer(x, x) * (1 - np.tanh(W) ** 2), rtol=1e-12)


@pytest.mark.usefixtures("by_code_alone")
@pytest.mark.parametrize("n", [3, 70, 1100])
def test_outer_products(n: int) -> None:
    """∂(u^T A x)/∂A = u x^T, of nine entries and of a million; its product with another array."""
    draw = np.random.default_rng(0)
    u, x, A = draw.normal(size=n), draw.normal(size=n), np.zeros((n, n))
    step = gradcalc.loads("s = u^T A x").compile("s", wrt=["A"])
    for _ in range(2):
        assert np.array_equal(step(u=u, x=x, A=A)[1]["A"], np.outer(u, x))
    step = gradcalc.loads("s = u^T tanh(A) x + sum(u x^T .* A)").compile("s", wrt=["A"])
    assert np.array_equal(step(u=u, x=x, A=A)[1]["A"], 2 * np.outer(u, x))


def test_two_gradients_that_are_equal_are_two_arrays() -> None:
    _, gradients = gradcalc.loads("s = sum(tanh(x + y))").compile("s")(x=np.ones(3), y=np.ones(3))
    gradients["x"][:] = 0
    assert (gradients["y"] != 0).all()


def test_threads_do_not_share_buffers() -> None:
    step = gradcalc.loads(NEURON).compile("s")
    expected = {seed: step(**neuron(30, seed)) for seed in range(4)}
    wrong = []

    def work(seed: int) -> None:
        arrays = neuron(30, seed)
        for _ in range(300):
            value, gradients = step(**arrays)
            if value != expected[seed][0] or not np.array_equal(gradients["W"], expected[seed][1]["W"]):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_many_rows_go_in_blocks() -> None:
    draw = np.random.default_rng(0)
    x, y, z = draw.normal(size=(3, 300_001))
    value, gradients = gradcalc.loads("s = (x + y) max(y, z); x in R; y in R; z in R").compile("s")(x=x, y=y, z=z)
    larger = np.maximum(y, z)
    assert np.array_equal(value, (x + y) * larger)
    assert np.array_equal(gradients["x"], larger)
    assert np.allclose(gradients["y"], larger + (x + y) * (y > z), rtol=1e-15)


@pytest.fixture
def in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Blocks of few rows, three threads; those that were started besides the first."""
    started: list[Any] = []

    class Spy(threading.Thread):
        def start(self) -> None:
            started.append(self)
            super().start()

    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr("gradcalc.compiled.program.BLOCK_ENTRIES", 64)
    monkeypatch.setattr("gradcalc.compiled.program.threading.Thread", Spy)
    return started


@pytest.mark.parametrize("rows", [1, 64, 255, 256, 511, 512, 768, 1000, 1537])
def test_many_rows_are_shared_by_threads(rows: int, in_small_blocks: list[Any]) -> None:
    """Four blocks a thread at least, and every row is done once, with the results that have no rows too."""
    draw = np.random.default_rng(rows)
    x, y = draw.normal(size=(2, rows))
    step = gradcalc.loads("s = tanh(x) + exp(y) + sum(A B c); x in R; y in R").compile("s")
    A, B, c = draw.normal(size=(70, 3)), draw.normal(size=(3, 4)), draw.normal(size=4)
    for _ in range(3):
        value, gradients = step(x=x, y=y, A=A, B=B, c=c)
        assert np.allclose(value, np.tanh(x) + np.exp(y) + (A @ B @ c).sum(), rtol=1e-13)
        assert np.allclose(gradients["x"], 1 / np.cosh(x) ** 2) and np.array_equal(gradients["y"], np.exp(y))
        assert gradients["A"].shape == (rows, 70, 3)
        assert np.allclose(gradients["A"], B @ c) and np.allclose(gradients["c"], (A @ B).sum(axis=0))
    assert bool(in_small_blocks) == (rows > 448)


def test_a_fault_in_the_rows_of_any_thread_is_told(in_small_blocks: list[Any]) -> None:
    step = gradcalc.loads("s = tanh(exp(x)); x in R").compile("s")
    for bad in (0, 700, 1999):
        x = np.zeros(2000)
        step(x=x)
        x[bad] = 1000.0
        with pytest.raises(gradcalc.GradcalcError) as caught:
            step(x=x)
        assert caught.value.diagnostics[0].code == "overflow"
    assert in_small_blocks


def test_what_goes_wrong_in_a_thread_is_raised(in_small_blocks: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    step = gradcalc.loads("s = sinh(x); x in R").compile("s")
    step(x=np.zeros(2000))
    assert step.latest is not None and step.latest.program is not None
    function = step.latest.program.code.function

    def fails(arrays: Any, *more: Any) -> Any:
        if arrays[0][0]:
            raise MemoryError
        return function(arrays, *more)

    monkeypatch.setattr(step.latest.program.code, "function", fails)
    with pytest.raises(MemoryError):
        step(x=np.linspace(-1, 0, 2000) * (np.arange(2000) > 1900))


@pytest.mark.parametrize(("given", "expected"), [("1", 1), ("5", 5), ("0", 1), ("", None), ("two", None)])
def test_how_many_threads(given: str, expected: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert program_module._cores() == (expected or cores)


# ------------------------------------------------------------------------- what is not finite


@pytest.mark.parametrize(("text", "arrays", "code"), [
    ("s = tanh(exp(x))", {"x": 1000.0}, "overflow"),
    ("s = 1 / (1 + exp(x))", {"x": 1000.0}, "overflow"),
    ("s = sum(tanh(x .* y))", {"x": np.array([1e200, 1.0]), "y": np.array([1e200, 1.0])}, "overflow"),
    ("s = log(x) + y", {"x": -1.0, "y": 2.0}, "domain"),
    ("s = arctan2(y, x)", {"x": 0.0, "y": 0.0}, "domain"),
    ("s = x / y", {"x": 1.0, "y": 0.0}, "division-by-zero"),
    ("s = sum(inv(A))", {"A": np.array([[1.0, 2.0], [2.0, 4.0]])}, "singular-matrix"),
    ("s = cosh(x)", {"x": 1e4}, "overflow"),
    ("s = max(x, y)", {"x": np.nan, "y": 1.0}, "bad-data"),
    ("s = tanh(x)", {"x": np.inf}, "bad-data"),
    ("s = tanh(x) + 0 sum(y)", {"x": 1.0, "y": np.array([1.0, np.nan])}, "bad-data"),
])  # fmt: skip
@pytest.mark.parametrize("again", [False, True])
def test_faults_are_told(text: str, arrays: dict[str, Any], code: str, again: bool) -> None:
    step = gradcalc.loads(text).compile("s")
    if again:  # by the code that was made for good arrays
        step(**{name: np.eye(2) if np.ndim(value) == 2 else value * 0 + 1.5 if np.ndim(value) else 1.5
                for name, value in arrays.items()} if "nan" not in repr(arrays) else
             {name: np.ones(np.shape(value)) if np.ndim(value) else 1.0 for name, value in arrays.items()})  # fmt: skip
    with pytest.raises(gradcalc.GradcalcError) as caught:
        step(**arrays)
    assert caught.value.diagnostics[0].code == code


def test_a_gradient_of_a_large_outer_product_that_overflows_is_infinite() -> None:
    """∂(u^T A x)/∂A = u x^T, with an entry beyond the largest float."""
    n = 100
    u, x, A = np.full(n, 1e200), np.full(n, 1e200), np.zeros((n, n))
    step = gradcalc.loads("s = u^T A x").compile("s", wrt=["A"])
    step(u=np.ones(n), x=np.ones(n), A=A)
    assert np.isinf(step(u=u, x=x, A=A)[1]["A"]).all()


def sample(name: str) -> list[tuple[dict[str, Any], tuple[Any, ...]]]:
    """Attributes and operands of an operation of the two lists."""
    rng = np.random.default_rng(1)
    column, matrix = rng.normal(size=(4, 1)), rng.normal(size=(3, 4))
    special: dict[str, list[tuple[dict[str, Any], tuple[Any, ...]]]] = {
        "add": [({"signs": (1, -1)}, (column, column))], "multiply": [({}, (column, column))],
        "scale": [({}, (np.array([[2.0]]), column))],
        "matmul": [({"left": False, "right": False}, (matrix, column)),
                   ({"left": True, "right": False}, (matrix, matrix)),
                   ({"left": False, "right": True}, (matrix, matrix)),
                   ({"left": True, "right": False}, (column, column)),
                   ({"left": False, "right": True}, (column, column))],
        "as": [({"to": ()}, (np.array([[1.0]]),))], "stretch": [({"to": (4, 3)}, (column,))],
        "vec": [({}, (matrix,))], "unvec": [({"to": (2, 2)}, (column,))], "sum": [({"axis": None}, (matrix,))],
        "mean": [({"axis": 0}, (matrix,))], "concat": [({"axis": 0}, (column, column))],
        "table": [({"extent": (2, 1)}, (np.array([[1.0]]), np.array([[2.0]])))],
        "max": [({}, (column, column))], "min": [({}, (column, column))],
        "clip": [({}, (column, column, column))], "where": [({}, (column, column, column))],
        "compare": [({"operator": "<"}, (column, column))],
        "share": [({"of": 0, "operator": ">"}, (column, column))], "index": [({"items": (1,)}, (column,))],
        "diag": [({"extract": False}, (column,))], "constant": [({"value": 2.0}, ())],
        "ones": [({"to": (2,)}, ())], "zeros": [({"to": (2,)}, ())], "eye": [({"size": 2}, ())],
        "onehot": [({"place": 0, "size": 2}, ())],
    }  # fmt: skip
    return special.get(name, [({}, (column,))])


@pytest.mark.parametrize("name", sorted(KEEPS))
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_said_to_keep_what_is_not_finite_does(name: str, bad: float) -> None:
    """Also beside zeros, which a product of matrices may not leave out."""
    for attributes, operands in sample(name):
        for k in range(len(operands)):
            for others in (None, 0.0):
                given = [
                    o.copy() if others is None or j == k else np.full_like(o, others) for j, o in enumerate(operands)
                ]
                given[k][-1, 0] = bad
                with np.errstate(all="ignore"):
                    found = OPERATIONS[name].kernel(attributes, *given)
                assert not np.isfinite(found).all(), (attributes, k, others)


def test_only_what_is_swallowed_is_looked_at() -> None:
    """tanh hides what is too large in its operand, exp what is -∞; a sum or a product hides nothing.

    A result is looked at anyway.
    """
    graph = Graph()
    x = graph.make("input", name="x", shape=(2,))
    squared = graph.make("multiply", x, x)
    large = graph.make("exp", squared)
    hidden = graph.make("tanh", large)
    total = graph.make("sum", graph.make("add", hidden, x, signs=(1, 1)), axis=None)
    order = ancestors([total])
    assert unseen(order, [total]) == [squared, large]
    assert unseen(order, [total, large]) == [squared]
    assert unseen(order, []) == [squared, large, total]
    assert unseen(ancestors([squared]), [squared]) == []
    assert unseen(ancestors([hidden]), [hidden]) == [squared, large]
    assert unseen(ancestors([large]), [large]) == [squared]


EXTREME = np.array([[0.0], [-0.0], [5e-324], [-5e-324], [1.0], [-1.0], [750.0], [-750.0], [1e155], [-1e155],
                    [1.7976931348623157e308], [-1.7976931348623157e308]])  # fmt: skip


@pytest.mark.parametrize("name", sorted(BOUNDED))
def test_what_is_said_to_be_bounded_is(name: str) -> None:
    for attributes, operands in sample(name):
        given = [np.roll(EXTREME, j)[: len(o) if name in ("index", "stretch") else None] if o.size > 1 else
                 EXTREME[-1:] for j, o in enumerate(operands)]  # fmt: skip
        if name == "clip":
            given[1:] = [np.minimum(*given[1:]), np.maximum(*given[1:])]
        if name in ("vec", "unvec"):
            given = [EXTREME[:4] if name == "unvec" else EXTREME]
        with np.errstate(all="ignore"):
            assert np.isfinite(OPERATIONS[name].kernel(attributes, *given)).all()


@pytest.mark.parametrize("name", sorted(n for n, o in OPERATIONS.items() if o.shows_faults))
def test_what_is_said_to_show_its_faults_does(name: str) -> None:
    operation = OPERATIONS[name]
    edges = np.concatenate([EXTREME, [[-2.5], [2.0], [-3.0], [1.0 + 2**-52], [-1.0 - 2**-52], [0.5]]])
    arity = 2 if name in ("divide", "power") else 1
    x, y = (a.reshape(-1, 1) for a in np.meshgrid(edges, edges))
    operands = (x, y) if arity == 2 else (edges,)
    with np.errstate(all="ignore"):
        outside = operation.fault({}, *operands)  # type: ignore[misc]
        value = operation.kernel({}, *operands)
    assert outside.any() and not np.isfinite(value[outside]).any()


# ---------------------------------------------------------------------------------- the text


def test_no_text_of_a_file_is_in_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and labels of a file do not occur in it; what is called comes from the table of operations."""
    trees: list[ast.Module] = []
    kept = compile

    def watched(tree: Any, *more: Any, **named: Any) -> Any:
        trees.append(tree)
        return kept(tree, *more, **named)

    monkeypatch.setattr(code_module, "compile", watched, raising=False)
    text = "hostile = tanh(secret) + sum(labelled); labelled = [evil: 1, worse: 2]"
    gradcalc.loads(text).compile("hostile")(secret=0.5)
    [tree] = trees
    words = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} | {
        n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }
    assert words and not words & {"hostile", "secret", "labelled", "evil", "worse"}


# ------------------------------------------------------------------- the order of products


def instructions_written(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The instructions of the code that is written from now on."""
    found: list[Any] = []

    class Spy(code_module.Writer):
        def code(self) -> Any:
            found.extend(self._needed())
            return super().code()

    monkeypatch.setattr("gradcalc.compiled.program.Writer", Spy)
    return found


def multiplications(monkeypatch: pytest.MonkeyPatch, text: str, of: str, sizes: dict[str, tuple[int, ...]]) -> int:
    """How many numbers are multiplied in the matrix products of a prepared value, and by diagonal matrices."""
    found = instructions_written(monkeypatch)
    step = gradcalc.loads(text).compile(of, wrt=[], shapes=sizes)
    step(**{name: np.ones(shape) for name, shape in sizes.items()})
    total = 0
    for one in found:
        if one.kind in ("matmul", "outer", "inner") or one.detail is np.multiply:
            a = one.operands[0].sizes
            inside = a[-1] if one.kind in ("matmul", "inner") else 1
            total += inside * int(np.prod(one.value.sizes, dtype=int))
    return total


def fewest(sizes: list[int]) -> int:
    """The matrix-chain problem, by trying every place of the last product."""
    if len(sizes) == 2:
        return 0
    n, m = sizes[0], sizes[-1]
    return min(fewest(sizes[: k + 1]) + fewest(sizes[k:]) + n * sizes[k] * m for k in range(1, len(sizes) - 1))


@pytest.mark.parametrize("seed", range(40))
def test_three_factors_and_factors_of_a_vector_take_as_few_multiplications_as_can_be(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(seed)
    a, b, c, d = (draw.randint(2, 9) for _ in range(4))
    cases = [
        ("Y = A B C", [a, b, c, d]), ("Y = A (B C)", [a, b, c, d]), ("Y = (C^T B^T) A^T", [d, c, b, a]),
        ("P = B C; Y = A P", [a, b, c, d]), ("Y = A B x", [a, b, c, 1]), ("Y = A B C x", [a, b, c, d, 1]),
        ("P = A B; Y = P (C x)", [a, b, c, d, 1]), ("Y = u^T A B C", [1, a, b, c, d]),
        ("P = C^T (A B)^T; Y = u^T P^T", [1, a, b, c, d]),
    ]  # fmt: skip
    shapes = {"A": (a, b), "B": (b, c), "C": (c, d)}
    for text, chain in cases:
        length = chain[-2] if chain[-1] == 1 else 0
        sizes = {**shapes, "x": (length,), "u": (a,)}
        used = {name: shape for name, shape in sizes.items() if name in re.findall(r"\w", text)}
        assert multiplications(monkeypatch, text, "Y", used) == fewest(chain), text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # n = 4 throughout: a matrix by a vector takes 16, two matrices 64, a diagonal one 16, or 4 of a vector
        ("P = A B; y = P x + P u", 4 * 16),
        ("P = A B; y = P x + P u + P v + P w", 8 * 16),
        ("P = A B; y = P x + P u + P v + P w + (P^T z)", 64 + 5 * 16),
        ("P = A B; y = P x + sum(P, axis=0)^T", 64 + 16),
        ("P = A A; y = P P x", 4 * 16),
        ("P = A B; Q = B A; y = (P Q) x", 4 * 16),
        ("P = A B; Y = P P", 64 + 64),
        ("P = A B; Q = B A; Y = P Q", 3 * 64),
        ("P = x u^T; y = P v", 4 + 4),
        ("P = x u^T; Y = P A", 16 + 16),
        ("P = diag(x) A; y = P u", 4 + 16),
        ("P = A diag(x); y = P u", 4 + 16),
        ("P = diag(x) A; Y = P B", 16 + 64),
        ("Y = diag(x) (diag(u) A)", 4 + 16),
        ("Y = (A diag(x)) diag(u)", 4 + 16),
        ("P = diag(x) A; Y = diag(u) P diag(v)", 4 + 16 + 16),
        ("Y = diag(x) (3 (diag(u) A))", 4 + 4 + 16),
    ],
)
def test_multiplications_by_hand(text: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    of = "Y" if "Y" in text else "y"
    names = set(re.findall(r"\b[A-SU-Zuvwxz]\b", text)) - set(re.findall(r"\b(\w) =", text))
    sizes = {name: (4, 4) if name.isupper() else (4,) for name in names}
    assert multiplications(monkeypatch, text, of, sizes) == expected


@pytest.mark.parametrize("sign", [0, 1, -1])
@pytest.mark.parametrize(
    "text",
    ["Y = A^T diag(d) A", "Y = A^T (diag(d) A)", "B = A^T; Y = B diag(d) B^T", "Y = A^T diag(d) diag(e) A"],
)  # fmt: skip
def test_symmetric_products_with_weights(text: str, sign: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A^T diag(d) A of weights above 0, below 0 and of both signs; it is symmetric where none is below 0."""
    monkeypatch.setattr("gradcalc.compiled.products.SYMMETRIC", 1)
    draw = np.random.default_rng(3)
    arrays = {"A": draw.normal(size=(7, 5)), "d": draw.normal(size=7), "e": draw.uniform(1, 2, 7)}
    arrays["d"] = np.abs(arrays["d"]) * sign if sign else arrays["d"]
    used = {name: array for name, array in arrays.items() if name in re.findall(r"\w", text)}
    found = instructions_written(monkeypatch)
    step = gradcalc.loads(text).compile("Y", wrt=[], shapes={name: a.shape for name, a in used.items()})
    value, _ = step(**used)
    assert "gram" in {one.kind for one in found}
    weights = arrays["d"] * (arrays["e"] if "e" in used else 1.0)
    np.testing.assert_allclose(value, np.einsum("ki,k,kj->ij", arrays["A"], weights, arrays["A"]), atol=1e-13)
    assert sign <= 0 or (value == value.T).all()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_large_hessian_of_a_sum_over_examples(sign: float) -> None:
    """X^T diag(σ'(X w)) X, by NumPy: into memory that is used again, and where the weights are negative."""
    draw = np.random.default_rng(5)
    m, n = 400, 110
    X, w = draw.normal(size=(m, n)), draw.normal(size=n) / 10
    text = f"J = {sign} sum(softplus(X w))"
    step = gradcalc.loads(text).compile("J", wrt=["w"], order=2, shapes={"X": (m, n), "w": (n,)})
    for factor in (1.0, 2.0, 0.5):
        second = step(X=X, w=w * factor)[-1]["w"]["w"]
        p = 1 / (1 + np.exp(-X @ (w * factor)))
        expected = sign * (X.T * (p * (1 - p))) @ X
        np.testing.assert_allclose(second, expected, atol=1e-11)


def test_weights_that_are_not_finite_give_up() -> None:
    step = gradcalc.loads("Y = A^T diag(d) A").compile("Y", wrt=[], shapes={"A": (300, 120), "d": (300,)})
    weights = np.ones(300)
    weights[7] = 1e308
    with pytest.raises(gradcalc.GradcalcError):
        step(A=np.full((300, 120), 1e10), d=weights)
