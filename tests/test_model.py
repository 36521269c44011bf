"""The Python API: what the command line shows, as data; prepared functions; errors."""

import math
import subprocess
import sys
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


def test_prepared_second_derivatives_need_a_scalar_target():
    with pytest.raises(gradcalc.GradcalcError, match="not-a-scalar"):
        gradcalc.loads("z = W x").compile(of="z", order=2)(W=W, x=X)
    with pytest.raises(ValueError, match="order 3"):
        gradcalc.loads("s = x^2").compile(order=3)


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


def test_errors_carry_their_diagnostics():
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads("z = W x\ny = (", name="notes.eq")
    [diagnostic] = caught.value.diagnostics
    assert (diagnostic.span.source.name, diagnostic.span.line) == ("notes.eq", 2)


def test_errors_come_from_processes_with_their_diagnostics():
    """In a process of its own: in one that has Dask imported, tracebacks are pickled too, or fail to be."""
    program = (
        "import concurrent.futures, multiprocessing, gradcalc\n"
        "with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context('fork')) as pool:\n"
        "    print(pool.submit(gradcalc.loads, 'y = (').exception().diagnostics[0].message)"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "`(` is never closed\n"


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


def test_a_fault_in_a_batch_is_one_only_in_rows_that_take_the_value() -> None:
    """The derivative of sum(log(x)) needs its value: in the rows in which it is taken, for all entries of x."""
    model = gradcalc.loads("y = sum(log(x)); s = where(c > 0, sum(∂y/∂x), 0)")
    step = model.compile(of="s", shapes={"x": (2,), "c": ()})
    rows = [[1.0, 2.0], [-1.0, 2.0]]
    value, gradients = step(x=rows, c=[1.0, -1.0])
    assert value.tolist() == [1.5, 0.0]
    np.testing.assert_array_equal(gradients["x"], [[-1.0, -0.25], [0.0, 0.0]])
    for more in ({"x": rows, "c": [-1.0, 1.0]}, {"x": rows[1], "c": 1.0}):
        with pytest.raises(gradcalc.GradcalcError, match=r"`log\(x\)` at -1\.0"):
            step(**more)
    assert step(x=rows[1], c=-1.0)[0] == 0.0


def test_a_transpose_in_a_batch_is_taken_row_by_row() -> None:
    step = gradcalc.loads("s = sum(where(x^T > 0, log(x)^T, 0))").compile(shapes={"x": (2,)})
    value, gradients = step(x=[[1.0, 2.0], [0.0, 4.0]])
    np.testing.assert_allclose(value, np.log([2.0, 4.0]), rtol=1e-15)
    np.testing.assert_array_equal(gradients["x"], [[1.0, 0.5], [0.0, 0.25]])


@pytest.mark.parametrize(
    ("text", "arrays", "message"),
    [
        ("s = logdet(A)", {"A": [[[1, 0], [0, 1]], [[-2, 0], [0, 1]]]}, "the determinant is -2.0"),
        ("s = trace(inv(A))", {"A": [[[1, 0], [0, 1]], [[0.1, 0.3], [0.3, 0.9]]]}, "its condition number is 5.2e16"),
        ("s = sum(y ./ x)", {"x": [[1, 2], [3, 0]], "y": [5, 7]}, "divides by zero: 7.0 / 0.0"),
        ("s = sum(mod(x, y))", {"x": [[1, 2], [3, 4]], "y": [5, 0]}, "at 3.0, 0.0"),
        ("s = sum(mod(x, y))", {"x": [[1, 2], [3, 4]], "y": 0}, "at 1.0, 0.0"),
    ],
)
def test_a_fault_in_a_batch_is_told_of_its_own_row(text: str, arrays: dict[str, object], message: str) -> None:
    step = gradcalc.loads(text).compile(shapes={"x": (2,), "y": (), "A": (2, 2)})
    with pytest.raises(gradcalc.GradcalcError) as caught:
        step(**arrays)
    assert message in caught.value.diagnostics[0].message


@pytest.mark.parametrize(
    ("text", "shapes", "array", "rule"),
    [
        ("s = sum(x)", {"x": (3,)}, np.ones((2, 2, 3)), "it is 3×1, with one axis more for a batch of rows"),
        ("s = sum(x)", {"x": (3,)}, 1.0, "it is 3×1, with one axis more for a batch of rows"),
        ("s = sum(x)", {}, np.ones((2, 2, 2)), "it has 2 at most, with one axis more for a batch of rows"),
        ("s = sum(x)", {}, np.ones((2, 2, 2, 2)), "it has 2 at most, with one axis more for a batch of rows"),
    ],
)
def test_an_array_with_too_many_or_too_few_axes(text, shapes, array, rule):
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(text).compile(shapes=shapes)(x=array)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.rule) == ("data-shape", rule)
    assert diagnostic.message == f"`x` has {np.ndim(array)} axes"


def test_an_array_of_one_column_is_a_vector():
    value, gradients = gradcalc.loads("s = x^T x").compile()(x=np.ones((3, 1)))
    assert type(value) is float
    assert (value, gradients["x"].tolist()) == (3.0, [2.0, 2.0, 2.0])


@pytest.mark.parametrize("lead", [(), (4,)])
def test_what_a_prepared_function_returns_is_an_array_of_its_own(lead):
    """The gradient of a^T x by x is a: to write to it changes no argument."""
    a = np.ones((*lead, 3))
    step = gradcalc.loads("s = a^T x").compile(shapes={"a": (3,), "x": (3,)})
    value, gradients = step(a=a, x=np.full((*lead, 3), 2.0))
    gradients["x"][...] = 7.0
    np.testing.assert_array_equal(a, 1.0)
    np.testing.assert_array_equal(value, 6.0)


def test_a_gradient_that_rows_share_can_be_written_to():
    _, gradients = gradcalc.loads("s = a + sum(x)").compile(shapes={"x": (3,)})(a=1.0, x=np.ones((2, 3)))
    gradients["a"][0] = 7.0
    assert gradients["a"].tolist() == [7.0, 1.0]
