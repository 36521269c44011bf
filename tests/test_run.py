"""What a run says of every value and gradient: kinds, operations, branches, closed forms, δ's, limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradcalc
from gradcalc.data import Datum
from gradcalc.run import Run

LAYER = "s = u^T h; h = f(z); z = W x + b; f = tanh; u = [1, 2]; W = [1, 2; 3, 4]; x = [0, 0]; b = [0, 0]"


def run(text: str, **more: Any) -> Run:
    return gradcalc.loads(text).run(**more)


@pytest.mark.parametrize(
    ("text", "more", "kind", "upstream", "rule", "gradient"),
    [
        ("y = A x; A = [1, 2; 3, 4]; x = [1, 1]", {}, "jacobian", "", "A", [[1, 2], [3, 4]]),
        ("y = A x; A = [1, 2; 3, 4]; x = [1, 1]", {"upstream": [1, -1]}, "vjp", "v", "A^T v", [-2, -2]),
        ("v = A x; A = [1, 2; 3, 4]; x = [1, 1]", {"upstream": [1, -1]}, "vjp", "v_", "A^T v_", [-2, -2]),
        ("Y = A x; A = [1, 2; 3, 4]; x = [1, 1; 0, 2]", {"upstream": [[1, -1], [0, 0]]}, "vjp", "V", "A^T V",
         [[1, -1], [2, -2]]),
        ("y = x^T x; x = [1, 3]", {}, "gradient", "", "2 x", [2, 6]),
        ("y = t c + c; c = [1, 3]; x = 2; t = x^2", {}, "jacobian", "", "2 x c", [4, 12]),
    ],
)  # fmt: skip
def test_kinds_of_runs(text: str, more: Any, kind: str, upstream: str, rule: str, gradient: Any) -> None:
    target = text.split(" = ")[0]
    found = run(text, of=target, wrt=["x"], **more)
    assert (found.kind, found.upstream) == (kind, upstream)
    shown = found.gradients["x"]
    assert shown.rule is not None
    assert (shown.rule.text, np.asarray(shown.value).tolist()) == (rule, gradient)
    assert shown.shape == np.shape(gradient)
    assert shown.connected


def test_values_are_named_by_what_computes_them() -> None:
    """A difference is told from a sum; an input has no equation."""
    found = run("z = x - c; w = x + c; v = x - c - w; q = -x - c; y = z + w + v + q; x = 1; c = 2")
    assert {n: row.op for n, row in found.nodes.items()} == {
        "x": "input", "c": "input", "z": "subtract", "w": "add", "v": "add", "t1": "negative", "q": "subtract",
        "y": "add",
    }  # fmt: skip
    assert {n: row.equation.text for n, row in found.nodes.items() if n in "xzw"} == {
        "x": "input", "z": "x - c", "w": "x + c",
    }  # fmt: skip


@pytest.mark.parametrize(("of", "zero"), [("s", [0.0, 0.0]), ("y", [[0.0, 0.0], [0.0, 0.0]])])
def test_what_is_not_connected_has_a_zero_gradient(of: str, zero: Any) -> None:
    """With the shape of a gradient: 2 for a scalar, 2×2 for a vector."""
    found = run("y = 2 x; s = sum(y); q = sum(k); x = [1, 2]; k = [3, 4]", of=of, wrt=["k"]).gradients["k"]
    assert (found.value.tolist(), found.shape, found.branches) == (zero, np.shape(zero), [])
    assert not found.connected
    assert found.rule is not None
    assert found.rule.text == "0"


def test_the_error_signal_of_a_layer_is_named_once() -> None:
    """δ = ∂s/∂z = u ∘ tanh'(0) = u, of which the gradients by W, x and b are made."""
    found = run(LAYER)
    (delta,) = found.deltas
    assert (delta.name, delta.of, delta.used_by, delta.value.tolist()) == ("δ", "z", ["W", "x", "b"], [1.0, 2.0])
    assert delta.rule is not None
    assert delta.rule.text == "u ∘ f'(z)"
    forms = {n: (g.rule and g.rule.text, g.short and g.short.text) for n, g in found.gradients.items()}
    assert forms == {
        "u": ("h", None), "W": ("(u ∘ f'(z)) x^T", "δ x^T"), "x": ("W^T (u ∘ f'(z))", "W^T δ"), "b": ("u ∘ f'(z)", "δ"),
    }  # fmt: skip


@pytest.mark.parametrize("layout", ["shape", "numerator"])
def test_error_signals_say_where_they_are_used(layout: str) -> None:
    """By every gradient and every other error signal whose closed form names them."""
    text = "s = u^T f(z2); z2 = W2 h; h = f(z1); z1 = W1 x; f = tanh; u = [1, 1]; x = [0, 0]"
    found = run(text + "; W2 = [2, 0; 0, 1]; W1 = [3, 4; 0, 1]", layout=layout)
    forms = {n: [g.rule, g.short] for n, g in found.gradients.items()} | {d.name: [d.rule] for d in found.deltas}
    for delta in found.deltas:
        assert set(delta.used_by) == {n for n, rules in forms.items() if any(r and delta.name in r.text for r in rules)}
        assert len(delta.used_by) == len(set(delta.used_by))
    assert {d.of: np.ravel(d.value).tolist() for d in found.deltas} == {"z2": [1.0, 1.0], "z1": [2.0, 1.0]}


def test_the_numerator_layout_prefers_error_signals_and_makes_rows() -> None:
    found = run(LAYER, layout="numerator")
    assert found.gradients["b"].value.tolist() == [[1.0, 2.0]]
    assert found.gradients["W"].value.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert found.gradients["x"].value.tolist() == [[7.0, 10.0]]
    shown = found.gradients["x"]
    assert shown.rule is not None
    assert shown.short is not None
    assert (shown.rule.text, shown.short.text) == ("δ W", "(u^T ∘ f'(z)^T) W")


@pytest.mark.parametrize(
    ("text", "assumed"),
    [
        ("p = softmax(z); s = cross_entropy(p, y); z = [1, 2]; y = [0.5, 0.5]", "the entries of y sum to 1"),
        ("p = softmax(z); s = cross_entropy(p, y); z = [1, 2]; y = [0.5, 0.6]", ""),
        ("p = softmax(z, axis=1); s = cross_entropy(p, y); z = [1, 2; 3, 4]; y = [1, 0; 0, 1]",
         "the rows of y sum to 1"),
        ("p = softmax(z, axis=1); s = cross_entropy(p, y); z = [1, 2; 3, 4]; y = [1, 0; 1, 0]",
         "the rows of y sum to 1"),
        ("p = softmax(z, axis=1); s = cross_entropy(p, y); z = [1, 2; 3, 4]; y = [0.5, 0; 0, 0.5]", ""),
        ("p = softmax(z, axis=1); s = cross_entropy(p, y); z = [1, 2; 3, 4]; y = [1, 1; 0, 0]", ""),
    ],
)  # fmt: skip
def test_closed_forms_say_which_distributions_they_use(text: str, assumed: str) -> None:
    assert run(text).assumed == ([f"the closed forms use that {assumed}"] if assumed else [])


def test_labels_stand_beside_data_with_as_many_entries() -> None:
    data = {"x": Datum(np.array([[1.0], [2.0]]), (2,), ("a", "b"))}
    found = run("s = x^T x; t = 2 x", data=data, of="s")
    assert (found.nodes["x"].labels, found.gradients["x"].labels) == (("a", "b"), ("a", "b"))
    assert (found.nodes["t"].labels, found.nodes["s"].labels) == ((), ())


def test_branches_are_what_comes_through_every_use() -> None:
    """s = x^2 + 3 x at 2: 4 through the square and 3 through the product."""
    (shown,) = run("a = x^2; b = 3 x; s = a + b; x = 2").gradients.values()
    assert [(b.through, b.value) for b in shown.branches] == [("a", 4.0), ("b", 3.0)]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("y = A x; x = [1, 2]; A = ones(5000, 2)", "choose a smaller target with --of, or give --upstream"),
        ("y = sin(x); x = ones(20000)", "choose a smaller target with --of, or give --upstream"),
    ],
)
def test_a_jacobian_that_is_too_large_is_refused(text: str, advice: str) -> None:
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(text).run(of="y")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "limit-entries"
    assert diagnostic.help is not None
    assert diagnostic.help.startswith(advice)
