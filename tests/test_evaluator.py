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


def told(text: str, **more: Any) -> list[tuple[str, str, str]]:
    """The errors of a run: code, message, and the text that the place covers."""
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(text).run(**more)
    return [(d.code, d.message, d.span.text if d.span else "") for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("text", "code", "message", "span"),
    [
        ("x = -1; y = log(x)", "domain", "`y` is out of domain: `y = log(x)` at -1.0", "y = log(x)"),
        ("x = [1, 0]; s = sum(3 ./ x)", "division-by-zero", "`t1[1]` divides by zero: 3.0 / 0.0", "3 ./ x"),
        ("x = [1, 2]; y = 0; s = sum(mod(x, y))", "domain", "`t2[0]` is out of domain: `mod(x, y)` at 1.0, 0.0",
         "mod(x, y)"),
        ("s = log(0 - 1) x; x = 1", "domain", "`log(0 - 1)` is out of domain: `log(0 - 1)` at -1.0", "log(0 - 1)"),
        ("x = 1000; s = exp(x)", "overflow", "`s` is too large for a 64-bit float: `s = exp(x)` at 1000.0",
         "s = exp(x)"),
        ("x = [1e308, 1e308]; s = sum(x)", "overflow", "`s` is too large for a 64-bit float: `s = sum(x)`",
         "s = sum(x)"),
        ("A = [0.1, 0.3; 0.3, 0.9]; B = inv(A)", "singular-matrix",
         "the matrix in `B = inv(A)` is singular to 16 digits: its condition number is 5.2e16", "B = inv(A)"),
        ("A = [1, 2; 2, 4]; B = inv(A)", "singular-matrix", "the matrix in `B = inv(A)` is singular", "B = inv(A)"),
        ("A = [-2, 0; 0, 1]; s = logdet(A)", "domain",
         "`s` is out of domain: `s = logdet(A)`, the determinant is -2.0", "s = logdet(A)"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_entry_and_place(text: str, code: str, message: str, span: str) -> None:
    assert told(text) == [(code, message, span)]


@pytest.mark.parametrize(
    ("text", "rule", "label"),
    [
        ("x = [2, -1]; y = log(x)", "the domain is x > 0", "y[1]"),
        ("x = 1000; y = exp(x)", "", "y"),
        ("x = 1e200; y = log(x) + x^2", "", "t2"),
    ],
)
def test_the_domain_is_the_rule_that_a_fault_breaks(text: str, rule: str, label: str) -> None:
    """What is too large is in the domain."""
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(text).run()
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.rule, [at.text for at in diagnostic.labels]) == (rule, [label])
    assert [at.span for at in diagnostic.labels] == [diagnostic.span]


def test_what_follows_from_a_fault_is_not_told() -> None:
    """1/0 is infinite, 1 over that is 0, and 1 over that divides by zero again: because of the first alone."""
    assert [m for _, m, _ in told("x = 0; a = 1/x; b = 1/a; c = 1/b")] == ["`a` divides by zero: 1.0 / 0.0"]


def test_a_fault_beside_an_entry_that_is_not_taken() -> None:
    """x log(x) has no value at -1, which is not taken; at 1000 its exponential is too large, which is."""
    ((code, message, _),) = told("x = [-1, 1000]; s = sum(where(x > 0, exp(x .* log(x)), 0))")
    assert code == "overflow"
    assert message.startswith("`t4[1]` is too large")


@pytest.mark.parametrize(("entries", "kind", "row"), [((np.nan, np.inf), "undefined", 0), ((1, np.inf), "overflow", 1)])
def test_a_fault_is_that_of_its_entry(entries: tuple[float, float], kind: str, row: int) -> None:
    _, node, values = prepared("exp", column(1, 2))
    values[node] = column(*entries)
    (fault,) = faults(ancestors([node]), values, [node])
    assert place(fault) == (kind, (row,))


def test_a_named_value_must_have_a_value_though_its_derivative_is_not_taken() -> None:
    assert [m for _, m, _ in told("y = log(x); g = where(x > 0, ∂y/∂x, 0); x = -1")] == [
        "`y` is out of domain: `y = log(x)` at -1.0"
    ]


@pytest.mark.parametrize("text", ["where(x > 0, log(x), 0) + log(x)", "log(x) + where(x > 0, log(x), 0)"])
def test_what_is_taken_once_is_taken(text: str) -> None:
    """Both logarithms are one value."""
    assert [code for code, _, _ in told(f"x = -1; s = {text}")] == ["domain"]


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("b = [-1, 2]; M = [-1, -2; 3, 4]; s = sum(where(M > 0, M + log(b), 0))", None),
        ("b = [-1, 2]; M = [-1, 2; 3, 4]; s = sum(where(M > 0, M + log(b), 0))", "t2[0]"),
        ("b = [-1, 2]; M = [-1, 2; -3, 4]; s = sum(where(M > 0, M + log(b)^T, 0))", None),
        ("b = [-1, 2]; M = [-1, 2; 3, 4]; s = sum(where(M > 0, M + log(b)^T, 0))", "t2[0]"),
        ("b = -1; M = [-1, -2; -3, -4]; s = sum(where(M > 0, M + log(b), 0))", None),
        ("b = -1; M = [-1, -2; -3, 4]; s = sum(where(M > 0, M + log(b), 0))", "t2"),
    ],
)
def test_of_what_is_stretched_an_entry_is_taken_where_one_of_its_copies_is(text: str, entry: str | None) -> None:
    if entry is None:
        assert np.isfinite(gradcalc.loads(text).run().value)
    else:
        assert [m.split("`")[1] for _, m, _ in told(text)] == [entry]


def test_a_derivative_of_what_is_not_taken_has_a_derivative() -> None:
    """y is 0 for all x up to 0, and so are both of its derivatives there, as the Hessian says too."""
    model = gradcalc.loads("y = where(x > 0, log(x), 0); g = ∂y/∂x")
    for x, first, second in ((0.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (2.0, 0.5, -0.25)):
        run = model.run({"x": x}, of="g")
        assert (run.value, run.gradients["x"].value) == (first, second)
        assert model.compile(of="g")(x=x) == (first, {"x": second})


def test_derivatives_in_the_file_that_the_target_does_not_need() -> None:
    """s = x^2 at -1, where log(x) is not taken; g and h are of another value."""
    model = gradcalc.loads("y = x^3; g = ∂y/∂x; h = ∂g/∂x; s = where(x > 0, log(x), x^2); x = -1")
    assert model.hessian("s").hessians["x"]["x"].value == 2.0
    assert model.compile("s")(x=-1.0) == (1.0, {"x": -2.0})


def test_a_jacobian_by_a_scalar_has_the_shape_of_the_target() -> None:
    run = gradcalc.loads("Y = t A; t = 2; A = [1, 2, 3; 4, 5, 6]").run(wrt=["t"])
    assert np.asarray(run.gradients["t"].value).tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_a_jacobian_is_an_array_of_its_own() -> None:
    """The same for every basis vector, it may still be written to."""
    value = gradcalc.loads("y = 2 x; x = [1]").run().gradients["x"].value
    value[0, 0] = 7.0
    assert value.tolist() == [[7.0]]
