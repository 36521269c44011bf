"""The Python API: what the command line shows, as data; prepared functions; errors."""

import math
import pickle
from pathlib import Path

import numpy as np
import pytest

import gradcalc

ROOT = Path(__file__).parent.parent
NEURON = "s = u^T h; h = f(z); z = W x + b; f = tanh"
RNG = np.random.default_rng(7)
W, X, B, U = RNG.normal(size=(2, 3)), RNG.normal(size=3), RNG.normal(size=2), RNG.normal(size=2)


def by_hand(x=X):
    """Value and gradients of the neuron in NumPy."""
    z = W @ x + B
    delta = U * (1 - np.tanh(z) ** 2)
    return U @ np.tanh(z), {"W": np.outer(delta, x), "x": W.T @ delta, "b": delta, "u": np.tanh(z)}


def test_load_reads_a_file_and_run_gives_what_is_shown():
    run = gradcalc.load(ROOT / "samples" / "branches.eq").run()
    assert run.value == 6.0
    assert list(run.gradients) == ["x", "y", "z"]
    assert [b.value for b in run.gradients["y"].branches] == [2.0, 3.0]


def test_run_takes_arrays_lists_and_numbers():
    run = gradcalc.loads(NEURON).run({"W": W, "x": X.tolist(), "b": B, "u": U}, of="s")
    value, gradients = by_hand()
    assert run.value == pytest.approx(value, rel=1e-14)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(run.gradients[name].value, gradient, rtol=1e-13)


def test_data_goes_before_the_file():
    assert gradcalc.loads("y = x^2; x = 3").run({"x": 4}).value == 16.0


def test_a_prepared_function_gives_value_and_gradients():
    step = gradcalc.loads(NEURON).compile(of="s", wrt=["W", "x"])
    value, gradients = step(W=W, x=X, b=B, u=U)
    expected, by_name = by_hand()
    assert value == pytest.approx(expected, rel=1e-14)
    assert set(gradients) == {"W", "x"}
    np.testing.assert_allclose(gradients["W"], by_name["W"], rtol=1e-13)
    assert (gradients["W"].shape, gradients["x"].shape) == ((2, 3), (3,))


@pytest.mark.parametrize("how", ["shapes", "declared", "literal"])
def test_a_leading_axis_is_a_batch_of_rows(how):
    """Row by row the same as one at a time; gradients of shared inputs are per row."""
    text = NEURON + {"shapes": "", "declared": "; x ∈ R^3", "literal": "; x = [0, 0, 0]"}[how]
    shapes = {"x": (3,)} if how == "shapes" else None
    step = gradcalc.loads(text).compile(of="s", shapes=shapes)
    rows = RNG.normal(size=(5, 3))
    value, gradients = step(W=W, x=rows, b=B, u=U)
    assert value.shape == (5,)
    assert gradients["W"].shape == (5, 2, 3)
    for k, row in enumerate(rows):
        expected, by_name = by_hand(row)
        assert value[k] == pytest.approx(expected, rel=1e-13)
        for name in ("W", "x", "b", "u"):
            np.testing.assert_allclose(gradients[name][k], by_name[name], rtol=1e-12)


def test_a_prepared_function_needs_a_scalar_target():
    with pytest.raises(gradcalc.GradcalcError, match="not-a-scalar"):
        gradcalc.loads("z = W x").compile(of="z")(W=W, x=X)


def test_batches_of_different_lengths_are_refused():
    step = gradcalc.loads("s = x^T y").compile(shapes={"x": (3,), "y": (3,)})
    with pytest.raises(gradcalc.GradcalcError, match="data-shape"):
        step(x=np.ones((4, 3)), y=np.ones((5, 3)))


def test_a_prepared_function_refuses_what_a_run_refuses():
    step = gradcalc.loads("y = log(x)").compile()
    assert step(x=1.0) == (0.0, {"x": 1.0})
    with pytest.raises(gradcalc.GradcalcError, match="domain"):
        step(x=-1.0)


def test_a_branch_that_was_not_taken_contributes_nothing_in_any_row():
    """∂/∂x where(x > 0, log(x), 0) is 1/x for x > 0 and 0 for others, also where log(x) is no number."""
    step = gradcalc.loads("y = where(x > 0, log(x), 0)").compile(shapes={"x": ()})
    value, gradients = step(x=np.array([2.0, 0.0, -1.0]))
    np.testing.assert_array_equal(value, [math.log(2.0), 0.0, 0.0])
    np.testing.assert_array_equal(gradients["x"], [0.5, 0.0, 0.0])


def test_errors_carry_their_diagnostics_and_pickle():
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads("z = W x\ny = (", name="notes.eq")
    [diagnostic] = caught.value.diagnostics
    assert (diagnostic.span.source.name, diagnostic.span.line) == ("notes.eq", 2)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.diagnostics[0].message == diagnostic.message


def test_numerator_layout_makes_a_gradient_by_a_column_a_row():
    run = gradcalc.loads(NEURON).run({"W": W, "x": X, "b": B, "u": U}, layout="numerator")
    assert run.gradients["b"].shape == (1, 2)
    assert run.gradients["W"].shape == (2, 3)
    np.testing.assert_allclose(run.gradients["b"].value[0], by_hand()[1]["b"], rtol=1e-13)


def test_wrt_may_name_a_computed_value():
    run = gradcalc.loads(NEURON).run({"W": W, "x": X, "b": B, "u": U}, wrt=["z"])
    np.testing.assert_allclose(run.gradients["z"].value, by_hand()[1]["b"], rtol=1e-13)


def test_a_long_chain_and_a_long_sum_use_no_recursion():
    """v ↦ v + 1 two thousand times has derivative 1; a sum of 10,000 inputs has 10,000 gradients 1."""
    chain = "v0 = 0;" + "".join(f"v{k + 1} = v{k} + 1;" for k in range(2000))
    run = gradcalc.loads(chain).run()
    assert (run.value, run.gradients["v0"].value) == (2000.0, 1.0)
    sums = "".join(f"x{k} = 1;" for k in range(3000)) + "y = " + " + ".join(f"x{k}" for k in range(3000))
    run = gradcalc.loads(sums).run()
    assert run.value == 3000.0
    assert all(g.value == 1.0 for g in run.gradients.values())


def test_the_package_says_its_version_and_nothing_else():
    assert gradcalc.__version__
    with pytest.raises(AttributeError):
        gradcalc.nonsense  # noqa: B018


def test_a_fault_in_a_batch_shows_the_operand_of_its_own_row() -> None:
    step = gradcalc.loads("y = log(x)").compile(shapes={"x": ()})
    with pytest.raises(gradcalc.GradcalcError, match=r"at -1\.0"):
        step(x=[1.0, -1.0, 2.0])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "a", 1j, [[1.0, 2.0], [3.0]], None])
def test_what_is_no_number_is_refused_by_a_prepared_function(value: object) -> None:
    step = gradcalc.loads("y = x^2").compile()
    with pytest.raises(gradcalc.GradcalcError) as caught:
        step(x=value)
    assert caught.value.diagnostics[0].code == "bad-data"
