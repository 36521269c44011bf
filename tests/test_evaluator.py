"""Evaluation: faults with their places, what a target takes, masks of contributions, kinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradcalc
import gradcalc.ops
from gradcalc.differentiate import reverse
from gradcalc.evaluator import demand, evaluate, faults, kinks, masks_of
from gradcalc.graph import SCALAR, Graph, Node, ancestors


def column(*entries: float) -> np.ndarray:
    return np.array(entries, dtype=float)[:, None]


def place(fault: Any) -> tuple[str, tuple[int, ...]]:
    return fault.kind, fault.place


def prepared(op: str, *operands: np.ndarray, **attributes: Any) -> tuple[Graph, Node, dict[Node, Any]]:
    graph = Graph()
    leaves = [graph.make("input", name=f"x{i}", shape=() if v.size == 1 else (len(v),)) for i, v in enumerate(operands)]
    node = graph.make(op, *leaves, **attributes)
    return graph, node, evaluate(ancestors([node]), dict(zip(leaves, operands, strict=True)))


def test_values_that_are_there_stay() -> None:
    graph = Graph()
    x = graph.make("input", name="x", shape=SCALAR)
    y = graph.make("exp", x)
    values = evaluate([x, y], {x: np.ones((1, 1)), y: np.full((1, 1), 7.0)})
    assert values[y].item() == 7.0


def test_leading_axes_are_rows_of_inputs() -> None:
    """A batch of vectors in, a batch of values out."""
    graph = Graph()
    x = graph.make("input", name="x", shape=(3,))
    s = graph.make("sum", graph.make("exp", x), axis=None)
    batch = np.arange(6.0).reshape(2, 3, 1)
    values = evaluate(ancestors([s]), {x: batch})
    np.testing.assert_allclose(values[s][:, 0, 0], np.exp(batch).sum(axis=(1, 2)))


def test_a_fault_names_entry_and_operands() -> None:
    _, node, values = prepared("divide", column(1, 2, 3), column(1, 0, 2))
    (fault,) = faults(ancestors([node]), values, [node])
    assert place(fault) == ("domain", (1,))
    assert fault.operands == (2.0, 0.0)
    assert fault.node is node


def test_overflow_is_a_fault_of_the_first_node_only() -> None:
    """exp(1000) overflows; what follows from infinity is no further fault."""
    graph = Graph()
    x = graph.make("input", name="x", shape=SCALAR)
    first = graph.make("exp", x)
    last = graph.make("add", first, x, signs=(1, 1))
    order = ancestors([last])
    values = evaluate(order, {x: np.full((1, 1), 1000.0)})
    assert [(f.node, f.kind) for f in faults(order, values, [last])] == [(first, "overflow")]


def test_no_fault_where_nothing_is_taken() -> None:
    """The target takes where's chosen entries only: log(-1) stands in the other branch."""
    graph = Graph()
    x = graph.make("input", name="x", shape=(2,))
    log = graph.make("log", x)
    zero = graph.make("zeros", to=(2,))
    condition = graph.make("compare", x, zero, operator=">")
    chosen = graph.make("where", condition, log, zero)
    order = ancestors([chosen])
    values = evaluate(order, {x: column(-1, 2)})
    assert faults(order, values, [chosen]) == []
    assert place(faults(order, values, [log])[0]) == ("domain", (0,))
    taken = demand(order, values, [chosen])
    assert taken[log][:, 0].tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("x = [1, -1]; s = sum(where(x > 0, 2 log(x), 0))", [2.0, 0.0]),
        ("x = [2, 0]; s = sum(where(x > 0, 1 ./ x, 0))", [-0.25, 0.0]),
        ("x = [1, -1]; s = sum(where(x > 0, -log(x) + 1, 0))", [-1.0, 0.0]),
        ("x = [4, -1]; s = sum(where(x > 0, sqrt(x) .^ 3, x .^ 2))", [3.0, -2.0]),
        ("x = [1, -1]; s = sum(where(x^T > 0, log(x)^T, 0))", [1.0, 0.0]),
    ],
)
def test_entries_not_taken_pass_through_what_acts_entry_by_entry(text: str, entries: list[float]) -> None:
    found = gradcalc.loads(text).run()
    assert found.gradients["x"].value.tolist() == pytest.approx(entries)
    assert {f.code for f in found.flags} <= {"not-taken", "kink"}


@pytest.mark.parametrize(
    "text", ["s = sum(where(x > 0, sum(log(x)) ones(2), 0))", "s = sum(log(x)[0:1])", "s = log(x)^T c"]
)
def test_entries_taken_through_a_sum_are_all_needed(text: str) -> None:
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(f"x = [1, -1]; c = [1, 1]; {text}").run()
    assert caught.value.diagnostics[0].code == "domain"


def test_masks_are_zero_where_the_value_was_not_taken() -> None:
    """The contribution through log is 0 at its entry not taken, although 1/x is infinite there."""
    graph = Graph()
    x = graph.make("input", name="x", shape=(2,))
    log, zero = graph.make("log", x), graph.make("zeros", to=(2,))
    chosen = graph.make("where", graph.make("compare", x, zero, operator=">"), log, zero)
    target = graph.make("sum", chosen, axis=None)
    sweep = reverse(target)
    order = ancestors([target])
    values = evaluate(order, {x: column(0, 2)})
    masks = masks_of(sweep.edges, demand(order, values, [target]))
    (edge,) = [e for e in sweep.edges if e.node is log]
    assert [m[:, 0].tolist() for m in masks[edge.downstream]] == [[False, True]]
    evaluate(ancestors([sweep.adjoint(x)]), values, masks)
    assert values[sweep.adjoint(x)][:, 0].tolist() == [0.0, 0.5]


def test_kinks_are_found_by_entry() -> None:
    _, node, values = prepared("relu", column(-1, 0, 1))
    ((found, mask),) = kinks(ancestors([node]), values)
    assert found is node
    assert mask[:, 0].tolist() == [False, True, False]


def test_flags_give_the_places() -> None:
    found = gradcalc.loads("x = [0, 1, 0]; s = sum(|x|)").run()
    (flag,) = found.flags
    assert (flag.code, flag.places) == ("kink", ((0,), (2,)))


def test_faults_are_reported_together() -> None:
    """Two values out of domain: two diagnostics, at their places."""
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads("x = -1\na = log(x)\nb = sqrt(x)\ns = a + b").run()
    assert [(d.code, d.span.line if d.span else 0) for d in caught.value.diagnostics] == [("domain", 2), ("domain", 3)]


def test_a_fault_in_a_reduction_has_a_place() -> None:
    """cross_entropy of rows: the row at fault."""
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads("P = [0.5, 0.5; 0, 1]; Y = [1, 0; 1, 0]; l = cross_entropy(P, Y, axis=1)").run()
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "domain"
    assert "l[1]" in diagnostic.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y = where(x > 0, log(x), 0); x = 0; g = ∂y/∂x", 0.0),
        ("y = where(x > 0, log(x), 0); x = -1; g = ∂y/∂x", 0.0),
        ("y = where(x > 0, log(x), 0); x = 2; g = ∂y/∂x", 0.5),
        ("y = sum(where(x > 0, sqrt(x), 2 x)); x = [4, 0, -1]; g = ∂y/∂x", [0.25, 2.0, 2.0]),
        ("y = max(1/x, 5) + x; x = 3; g = ∂y/∂x", 1.0),
    ],
)
def test_a_derivative_in_the_file_leaves_out_what_was_not_taken(text, value):
    """∂/∂x of a choice is that of the branch taken, also where the other one has no derivative."""
    run = gradcalc.loads(text).run(of="y")
    assert np.asarray(run.nodes["g"].value).tolist() == value
    assert np.asarray(run.gradients["x"].value).tolist() == value
