"""Every formula and number on the lecture's slides, held to what gradcalc says.

Each test opens with the slide's formula. Numbers come from the slide, from mental arithmetic, or from NumPy
code that is written here from the formula; none is copied from gradcalc.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradcalc

ROOT = Path(__file__).parent.parent
LAYOUTS = ("shape", "numerator")

NEURON = """
s = u^T h
h = f(z)
z = W x + b
x (input)
f = sigmoid
"""
BRANCHES = "f(x, y, z) = (x + y) max(y, z); x = 1, y = 2, z = 0; a = x + y; b = max(y, z)"

X = np.array([0.5, -0.1, 2.0, 0.3, 1.0])
W = np.array([[0.2, -0.4, 0.1, 0.5, -0.3], [-0.1, 0.3, 0.6, -0.2, 0.4]])
B = np.array([0.1, -0.2])
U = np.array([1.0, -2.0])
Z = W @ X + B
H = 1 / (1 + np.exp(-Z))
DELTA = U * H * (1 - H)
"""∂s/∂z of the neuron: u ∘ f'(z), and the sigmoid's f' is f (1 - f)."""


def run(text: str, **options: Any) -> Any:
    return gradcalc.loads(text).run(**options)


def neuron(layout: str = "shape", **options: Any) -> Any:
    return gradcalc.loads(NEURON).run({"x": X, "W": W, "b": B, "u": U}, layout=layout, **options)


@cache
def printed(*arguments: str) -> str:
    """What `gradcalc ...` prints, run from the repository's root; it ends with status 0."""
    done = subprocess.run([sys.executable, "-m", "gradcalc", *arguments], cwd=ROOT, capture_output=True, text=True,
                          encoding="utf-8", timeout=60, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def document(*arguments: str) -> Any:
    """What `gradcalc ... --json` gives."""
    return json.loads(printed(*arguments, "--json"))


def edge(found: Any, node: str, source: str) -> Any:
    """The one edge from a node to its input."""
    [only] = [e for e in found.edges if (e.node, e.input) == (node, source)]
    return only


def rules(found: Any) -> dict[tuple[str, str], str]:
    return {(e.node, e.input): e.local.rule.text for e in found.edges}


def close(found: Any, expected: Any) -> bool:
    return bool(np.allclose(found, expected, rtol=1e-12, atol=1e-14))


# ------------------------------------------------------------------------------------ gradients


def test_one_output_one_input() -> None:
    """f(x) = x^3 has df/dx = 3x^2."""
    found = run("f(x) = x^3; x = 2")
    assert found.value == 8
    assert found.gradients["x"].value == 12
    assert found.gradients["x"].rule.text == "3 x^2"


@pytest.mark.parametrize("x", [-1.5, 0.0, 2.0, 10.0])
def test_change_the_input_a_bit(x: float) -> None:
    """How much will the output change if we change the input a bit? By df/dx times the bit."""
    model, bit = gradcalc.loads("f(x) = x^3"), 1e-6
    slope = model.run({"x": x}).gradients["x"].value
    change = model.run({"x": x + bit}).value - model.run({"x": x}).value
    assert change == pytest.approx(slope * bit, rel=1e-4, abs=1e-15)


def test_one_output_n_inputs() -> None:
    """∂f/∂x = [∂f/∂x_1, ∂f/∂x_2, ..., ∂f/∂x_n], here of f = x_1^2 x_2 + 3 x_3 at 2, 5, 7."""
    vector = run("f = x[0]^2 x[1] + 3 x[2]; x = [2, 5, 7]")
    scalars = run("f(x_1, x_2, x_3) = x_1^2 x_2 + 3 x_3; x_1 = 2, x_2 = 5, x_3 = 7")
    assert vector.value == scalars.value == 41
    assert vector.gradients["x"].value.tolist() == [20, 4, 3]
    assert [scalars.gradients[f"x_{i}"].value for i in (1, 2, 3)] == [20, 4, 3]


def test_jacobian_is_m_by_n() -> None:
    """(∂f/∂x)_ij = ∂f_i/∂x_j, an m × n matrix; here m = 2, n = 3."""
    text = "f = [f_1, f_2]; f_1 = x[0] x[1]; f_2 = x[1] + x[2]^2; x = [2, 3, 4]"
    whole = run(text, of="f").gradients["x"]
    assert whole.shape == (2, 3)
    assert whole.value.tolist() == [[3, 2, 0], [0, 1, 8]]
    for i in (1, 2):
        assert whole.value[i - 1].tolist() == run(text, of=f"f_{i}").gradients["x"].value.tolist()


# ----------------------------------------------------------------------------------- chain rule


def test_chain_rule_for_one_variable() -> None:
    """z = 3y, y = x^2: dz/dx = dz/dy dy/dx = (3)(2x) = 6x."""
    found = run("z = 3 y; y = x^2; x = 5")
    assert rules(found) == {("z", "y"): "3", ("y", "x"): "2 x"}
    assert found.gradients["x"].rule.text == "6 x"
    assert found.gradients["x"].value == 30


@pytest.mark.parametrize("layout", LAYOUTS)
def test_chain_rule_multiplies_jacobians(layout: str) -> None:
    """h = f(z), z = W x + b: ∂h/∂x = ∂h/∂z ∂z/∂x = diag(f'(z)) W."""
    found = neuron(layout, of="h")
    assert found.gradients["x"].rule.text == "diag(f'(z)) W"
    assert close(found.gradients["x"].value, np.diag(H * (1 - H)) @ W)
    assert found.gradients["x"].shape == (2, 5)


def test_elementwise_jacobian() -> None:
    """h_i = f(z_i): (∂h/∂z)_ij = f'(z_i) if i = j, 0 otherwise; an n by n Jacobian, diag(f'(z))."""
    z = np.array([-1.0, 0.5, 2.0])
    found = gradcalc.loads("h = f(z); f = tanh").run({"z": z})
    jacobian = found.gradients["z"]
    assert jacobian.rule.text == "diag(f'(z))"
    assert jacobian.shape == (3, 3)
    assert close(np.diag(jacobian.value), 1 / np.cosh(z) ** 2)
    assert not jacobian.value[~np.eye(3, dtype=bool)].any()


def test_elementwise_function_of_the_file() -> None:
    """h_i = f(z_i) for an f that the file defines in one variable."""
    z = np.array([-1.0, 0.5, 2.0])
    found = gradcalc.loads("f(t) = 1/(1 + exp(-t)); h = f(z)").run({"z": z})
    sigma = 1 / (1 + np.exp(-z))
    assert close(found.value, sigma)
    assert close(found.gradients["z"].value, np.diag(sigma * (1 - sigma)))


# --------------------------------------------------------------------------- the four Jacobians


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("sample", "variable", "rule", "closed_form"),
    [
        ("jacobian_wx", "x", "W", {"shape": "W", "numerator": "W"}),
        ("jacobian_b", "b", "I", {"shape": "I", "numerator": "I"}),
        ("jacobian_u", "u", "h^T", {"shape": "h", "numerator": "h^T"}),
        ("jacobian_f", "z", "diag(f'(z))", {"shape": "diag(f'(z))", "numerator": "diag(f'(z))"}),
    ],
)
def test_useful_jacobians(sample: str, variable: str, rule: str, closed_form: dict[str, str], layout: str) -> None:
    """∂/∂x (W x + b) = W, ∂/∂b (W x + b) = I, ∂/∂u (u^T h) = h^T, ∂/∂z f(z) = diag(f'(z))."""
    found = document("run", f"samples/{sample}.eq", "--layout", layout)
    [into] = [e for e in found["edges"] if e["input"] == variable]
    assert into["local"]["rule"] == rule
    assert found["gradients"][variable]["rule"] == closed_form[layout]


def test_jacobians_as_expressions() -> None:
    """∂/∂x (W x + b) = W, ∂/∂b (W x + b) = I, ∂/∂u (u^T h) = h^T, ∂/∂z f(z) = diag(f'(z)), as claims."""
    claims = ("∂/∂x (W x + b) == W; ∂/∂b (W x + b) == I; ∂/∂u (u^T h) == h^T; ∂/∂z (f(z)) == diag(f'(z));"
              "∂h/∂z == diag(f'(z)); ∂s/∂u == h^T")  # fmt: skip
    data = {"x": X, "W": W, "b": B, "u": U}
    found = gradcalc.loads("@layout numerator" + NEURON + claims).run(data)
    assert [c.text for c in found.claims if not c.holds] == []
    assert len(found.claims) == 6


# ------------------------------------------------------------------------------------ the neuron


def test_break_up_into_simple_pieces() -> None:
    """s = u^T h, h = f(W x + b) becomes s = u^T h, h = f(z), z = W x + b, x (input)."""
    short = run("s = u^T f(W x + b); f = sigmoid", data={"x": X, "W": W, "b": B, "u": U})
    pieces = [n.equation.text for n in short.nodes.values() if n.op != "input"]
    assert pieces == ["W x", "t1 + b", "f(t2)", "u^T t3"]
    named = neuron()
    assert [n for n, row in named.nodes.items() if row.op == "input"] == ["u", "W", "x", "b"]
    assert {n: named.nodes[n].equation.text for n in ("s", "h", "z", "x")} == {
        "s": "u^T h", "h": "f(z)", "z": "t1 + b", "x": "input"}  # fmt: skip
    assert close(short.value, named.value)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_bottom_up_or_top_down(order: tuple[int, ...]) -> None:
    """s = u^T h; h = f(z); z = W x + b; x (input): equations form a graph, their order does not matter."""
    lines = NEURON.strip().splitlines()
    text = "\n".join([*(lines[i] for i in order), lines[4]])
    found, usual = gradcalc.loads(text).run({"x": X, "W": W, "b": B, "u": U}), neuron()
    assert list(found.nodes) == list(usual.nodes)
    assert rules(found) == rules(usual)
    assert [e.node + e.input for e in found.edges] == [e.node + e.input for e in usual.edges]


def test_window_of_words() -> None:
    """x = [x_museums x_in x_Paris x_are x_amazing]: the labels stand beside the entries."""
    found = document("run", "samples/score.eq")
    words = ["museums", "in", "Paris", "are", "amazing"]
    assert found["nodes"]["x"]["labels"] == words
    assert found["gradients"]["x"]["labels"] == words
    table = printed("run", "samples/score.eq", "--width", "100")
    assert all(f"{word} " in table for word in words)


def test_forward_values_of_the_neuron() -> None:
    """z = W x + b, h = f(z), s = u^T h."""
    found = neuron()
    assert close(found.nodes["z"].value, Z)
    assert close(found.nodes["h"].value, H)
    assert close(found.value, U @ H)
    sample = document("run", "samples/score.eq")
    assert sample["value"] == pytest.approx(U @ H, rel=1e-14)


def test_gradient_by_the_bias() -> None:
    """∂s/∂b = ∂s/∂h ∂h/∂z ∂z/∂b = u^T diag(f'(z)) I = u^T ∘ f'(z)."""
    found = neuron("numerator")
    assert rules(found)["s", "h"] == "u^T"
    assert rules(found)["h", "z"] == "diag(f'(z))"
    assert rules(found)["z", "b"] == "I"
    assert found.gradients["b"].rule.text == "δ"
    assert found.gradients["b"].short.text == "u^T ∘ f'(z)^T"
    assert close(found.gradients["b"].value, (U @ np.diag(H * (1 - H)) @ np.eye(2)).reshape(1, 2))
    assert neuron("shape").gradients["b"].rule.text == "u ∘ f'(z)"
    assert close(neuron("shape").gradients["b"].value, DELTA)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_delta_is_computed_once(layout: str) -> None:
    """∂s/∂W = δ ∂z/∂W and ∂s/∂b = δ ∂z/∂b = δ, with δ = ∂s/∂h ∂h/∂z = u^T ∘ f'(z): the same! avoid duplication."""
    found = neuron(layout)
    [delta] = found.deltas
    assert (delta.name, delta.of) == ("δ", "z")
    assert delta.rule.text == {"shape": "u ∘ f'(z)", "numerator": "u^T ∘ f'(z)^T"}[layout]
    assert close(delta.value, DELTA if layout == "shape" else DELTA.reshape(1, -1))
    assert set(delta.used_by) == {"W", "b", "x"}
    assert [e.node for e in found.edges].count("h") == 1


def test_delta_as_an_equation() -> None:
    """δ = ∂s/∂z, ∂s/∂b = δ and ∂s/∂W = δ^T x^T, written as equations of the file."""
    text = "@layout numerator" + NEURON + "δ = ∂s/∂z; gradient_W = δ^T x^T; δ == u^T ∘ f'(z)^T; ∂s/∂W == gradient_W"
    found = gradcalc.loads(text).run({"x": X, "W": W, "b": B, "u": U}, of="s")
    assert all(c.holds for c in found.claims)
    assert close(found.nodes["δ"].value, DELTA.reshape(1, -1))
    assert rules(found)["s", "h"] == "u^T"
    assert rules(found)["h", "z"] == "diag(f'(z))"
    assert close(found.nodes["gradient_W"].value, np.outer(DELTA, X))


# --------------------------------------------------------------------- by a matrix: output shape


@pytest.mark.parametrize("layout", LAYOUTS)
def test_shape_convention(layout: str) -> None:
    """∂s/∂W has the shape of W ∈ R^{n×m}, so that θ_new = θ_old - α ∇J(θ) can be written down."""
    found = neuron(layout)
    assert found.gradients["W"].shape == W.shape == found.nodes["W"].shape
    step = gradcalc.loads(NEURON + "W_new = W - α ∂s/∂W; α = 0.1").run({"x": X, "W": W, "b": B, "u": U}, of="W_new")
    assert close(step.value, W - 0.1 * np.outer(DELTA, X))


def test_one_by_nm_jacobian() -> None:
    """1 output, n m inputs: the 1 by n m Jacobian holds the same numbers, which vec(∂s/∂W)^T is."""
    found = gradcalc.loads(NEURON + "J = vec(∂s/∂W)^T").run({"x": X, "W": W, "b": B, "u": U}, of="J", wrt=["b"])
    assert found.value.shape == (1, 10)
    assert close(found.value.ravel(), np.outer(DELTA, X).ravel(order="F"))


def test_derivative_by_the_matrix() -> None:
    """∂s/∂W = δ^T x^T in the numerator layout, [n × m] = [n × 1][1 × m]; (u ∘ f'(z)) x^T in the shape layout."""
    assert neuron("numerator").gradients["W"].rule.text == "δ^T x^T"
    assert neuron("shape").gradients["W"].rule.text == "(u ∘ f'(z)) x^T"
    assert neuron("shape").gradients["W"].short.text == "δ x^T"
    row = neuron("numerator").deltas[0].value
    assert row.shape == (1, 2)
    for layout in LAYOUTS:
        assert close(neuron(layout).gradients["W"].value, row.T @ X.reshape(1, 5))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_forms_as_printed(layout: str) -> None:
    """∂s/∂W = δ^T x^T: the table and the JSON of the command line say so."""
    form = {"shape": "(u ∘ f'(z)) x^T", "numerator": "δ^T x^T"}[layout]
    assert document("run", "samples/score.eq", "--layout", layout)["gradients"]["W"]["rule"] == form
    assert f"∂s/∂W = {form}" in printed("run", "samples/score.eq", "--layout", layout, "--width", "120")


def test_why_the_transposes() -> None:
    """(∂s/∂W)_ij = δ_i x_j: each input goes to each output, the outer product."""
    found = neuron().gradients["W"].value
    for i, j in itertools.product(range(2), range(5)):
        assert found[i, j] == pytest.approx(DELTA[i] * X[j], rel=1e-12)


# ---------------------------------------------------------------- computation graphs, backpropagation


def test_graph_of_the_neuron() -> None:
    """Source nodes: inputs. Interior nodes: operations. Edges pass along the result of the operation."""
    nodes = document("graph", "samples/score.eq")["nodes"]
    assert {n for n, node in nodes.items() if not node["inputs"]} == {"x", "W", "b", "u"}
    assert {n: node["inputs"] for n, node in nodes.items() if node["inputs"]} == {
        "t1": ["W", "x"], "z": ["t1", "b"], "h": ["z"], "s": ["u", "h"]}  # fmt: skip


def test_backpropagation_starts_at_one() -> None:
    """Go backwards along edges: ∂s/∂s = 1, then ∂s/∂h, ∂s/∂z, ∂s/∂b are passed along."""
    found = neuron()
    assert edge(found, "s", "h").upstream == 1
    assert close(edge(found, "s", "h").downstream, U)
    assert close(edge(found, "h", "z").upstream, U)
    assert close(edge(found, "h", "z").downstream, DELTA)
    assert close(edge(found, "z", "b").upstream, DELTA)
    assert close(edge(found, "z", "b").downstream, DELTA)
    assert close(edge(found, "s", "u").downstream, H)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "sample", ["score", "branches", "chain", "habits", "fanout", "gradient", "reuse", "layouts", "classifier"]
)
def test_downstream_is_upstream_times_local(sample: str, layout: str) -> None:
    """[downstream gradient] = [upstream gradient] × [local gradient], on every edge."""
    found = gradcalc.load(ROOT / "samples" / f"{sample}.eq").run(layout=layout, local_values=True)
    for each in found.edges:
        upstream = np.ravel(each.upstream, order="F")
        local = np.asarray(each.local.value).reshape(upstream.size, -1)
        assert close(upstream @ local, np.ravel(each.downstream, order="F")), (each.node, each.input)


def test_local_gradient_is_of_the_output_by_the_input() -> None:
    """Each node has a local gradient: the gradient of its output with respect to its input, h by z for h = f(z)."""
    step = 1e-6
    numeric = [(1 / (1 + np.exp(-(Z + step * e))) - 1 / (1 + np.exp(-(Z - step * e)))) / (2 * step) for e in np.eye(2)]
    found = neuron(local_values=True)
    assert np.allclose(edge(found, "h", "z").local.value, np.transpose(numeric), atol=1e-9)


def test_multiple_inputs_multiple_local_gradients() -> None:
    """z = W x: multiple inputs, multiple local gradients, ∂z/∂W and ∂z/∂x = W."""
    found = run("s = c^T z; z = W x", data={"W": W, "x": X, "c": U})
    assert rules(found)["z", "x"] == "W"
    assert rules(found)["z", "W"] == "x^T ⊗ I"
    assert close(edge(found, "z", "x").downstream, W.T @ U)
    assert close(edge(found, "z", "W").downstream, np.outer(U, X))


# ---------------------------------------------------------------------------- the worked example


def test_forward_prop_steps() -> None:
    """a = x + y = 3, b = max(y, z) = 2, f = ab = 6 at x = 1, y = 2, z = 0."""
    found = run(BRANCHES)
    assert [(n, found.nodes[n].equation.text, found.nodes[n].value) for n in "abf"] == [
        ("a", "x + y", 3), ("b", "max(y, z)", 2), ("f", "a b", 6)]  # fmt: skip
    plain = run("f(x, y, z) = (x + y) max(y, z); x = 1, y = 2, z = 0")
    assert [n.value for n in plain.nodes.values()] == [1, 2, 0, 3, 2, 6]


@pytest.mark.parametrize(
    ("node", "source", "rule", "value"),
    [
        ("a", "x", "1", 1),
        ("a", "y", "1", 1),
        ("b", "y", "1(y > z)", 1),
        ("b", "z", "1(z > y)", 0),
        ("f", "a", "b", 2),
        ("f", "b", "a", 3),
    ],
)
def test_local_gradients(node: str, source: str, rule: str, value: float) -> None:
    """∂a/∂x = 1, ∂a/∂y = 1, ∂b/∂y = 1(y > z) = 1, ∂b/∂z = 1(z > y) = 0, ∂f/∂a = b = 2, ∂f/∂b = a = 3."""
    local = edge(run(BRANCHES, local_values=True), node, source).local
    assert (local.rule.text, local.value) == (rule, value)


def test_backward_steps() -> None:
    """∂f/∂f = 1; into a goes 2, into b 3; then ∂f/∂x = 2, ∂f/∂y = 2 + 3 = 5, ∂f/∂z = 0."""
    found = run(BRANCHES)
    passed = {(e.node, e.input): (e.upstream, e.downstream) for e in found.edges}
    assert passed == {("f", "a"): (1, 2), ("f", "b"): (1, 3), ("a", "x"): (2, 2), ("a", "y"): (2, 2),
                      ("b", "y"): (3, 3), ("b", "z"): (3, 0)}  # fmt: skip
    assert {n: g.value for n, g in found.gradients.items()} == {"x": 2, "y": 5, "z": 0}


def test_gradients_sum_at_outward_branches() -> None:
    """∂f/∂y = ∂f/∂a ∂a/∂y + ∂f/∂b ∂b/∂y = 2 + 3."""
    found = document("run", "samples/branches.eq")
    assert found["gradients"]["y"]["branches"] == [{"through": "a", "value": 2}, {"through": "b", "value": 3}]
    assert found["gradients"]["y"]["value"] == 5
    assert found["gradients"]["y"]["rule"] == "b + a 1(y > z)"
    assert found["nodes"]["y"]["uses"] == 2
    table = printed("run", "samples/branches.eq", "--width", "100")
    assert "a: 2 + b: 3" in table
    [claim] = [c for c in found["claims"] if c["text"] == "∂f/∂y == ∂f/∂a ∂a/∂y + ∂f/∂b ∂b/∂y"]
    assert claim["holds"]


def test_as_typed_on_one_line() -> None:
    """f(x, y, z) = (x + y) max(y, z), x = 1, y = 2, z = 0: 2, 5 and 0, straight from the slide."""
    for found in (
        document("run", "-e", "f(x, y, z) = (x + y) max(y, z); x = 1, y = 2, z = 0"),
        document("eval", "(x+y) max(y,z)", "x=1", "y=2", "z=0"),
    ):
        assert found["value"] == 6
        assert {n: g["value"] for n, g in found["gradients"].items()} == {"x": 2, "y": 5, "z": 0}


def test_product_of_a_value_with_itself_has_two_branches() -> None:
    """Gradients sum at outward branches, also where both go to one node: x*x."""
    found = run("y = x*x; x = 3").gradients["x"]
    assert [(b.through, b.value) for b in found.branches] == [("y", 3), ("y", 3)]
    assert found.value == 6


# ------------------------------------------------------------------------------- node intuitions


def test_plus_distributes() -> None:
    """+ "distributes" the upstream gradient to each summand."""
    found = run(BRANCHES)
    assert "distributes" in found.nodes["a"].habit
    assert edge(found, "a", "x").downstream == edge(found, "a", "y").downstream == edge(found, "a", "y").upstream


def test_max_routes() -> None:
    """max "routes" the upstream gradient: all of it to the largest, nothing to the others."""
    found = run(BRANCHES)
    assert "routes" in found.nodes["b"].habit
    assert edge(found, "b", "y").downstream == edge(found, "b", "y").upstream == 3
    assert edge(found, "b", "z").downstream == 0


def test_times_switches() -> None:
    """* "switches" the upstream gradient: each factor gets it times the other factor."""
    found = run(BRANCHES)
    assert "switches" in found.nodes["f"].habit
    assert edge(found, "f", "a").downstream == found.nodes["b"].value
    assert edge(found, "f", "b").downstream == found.nodes["a"].value


# ------------------------------------------------------------------------------------ efficiency


def test_all_gradients_at_once() -> None:
    """Compute all the gradients at once: every edge is gone along once, and that takes fewer multiplications."""
    found = neuron()
    assert len({(e.node, e.input, e.argument) for e in found.edges}) == len(found.edges) == 7
    assert found.reuse.together < found.reuse.apart
    one_by_one = {n: neuron(wrt=[n]).gradients[n].value for n in found.gradients}
    assert all(np.array_equal(one_by_one[n], g.value) for n, g in found.gradients.items())


def test_multiplications_of_the_worked_example() -> None:
    """f → a, f → b, b → y, b → z: 4 products give all gradients; one at a time, x takes 1, y takes 3 and z takes 2."""
    reuse = run(BRANCHES).reuse
    assert (reuse.together, reuse.apart) == (4, 6)
