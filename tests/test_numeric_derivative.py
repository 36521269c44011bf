"""Numeric derivatives: right where the derivative is known, and they find a differential that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

import gradcalc
from gradcalc.checking.check import Check
from gradcalc.checking.numeric_derivative import COMPLEX, DIFFERENCES, SAMPLE, extrapolated, numeric_derivative
from gradcalc.errors import Source
from gradcalc.graph import OPERATIONS, Node, Operation, ancestors
from gradcalc.maps import Compose, LinearMap, Scaled
from gradcalc.numeric import evaluate_forward, leaf_values
from gradcalc.ops import FUNCTIONS
from gradcalc.parser import parse
from tests.programs import program

ROOT = Path(__file__).parent.parent
SAMPLES = sorted((ROOT / "samples").glob("*.eq"))


def check(text: str, **options: Any) -> Check:
    return gradcalc.loads(text).check(**options)


def derivative_of(text: str, by: str = "x") -> Any:
    """The numeric derivative of y."""
    plan = gradcalc.loads(text).sampled({}, of="y")
    values = leaf_values(plan, {})
    order = ancestors([plan.target])
    evaluate_forward(plan, order, values, [plan.target])
    return numeric_derivative(plan.target, plan.names[by], values)


# ------------------------------------------------------------------------------ the methods


@pytest.mark.parametrize(
    ("text", "expected", "method"),
    [
        ("y = x^3; x = -2", 12.0, COMPLEX),
        ("y = exp(x) / x; x = 1.5", np.exp(1.5) * (1.5 - 1) / 1.5**2, COMPLEX),
        ("y = sin(x)^2; x = 0.7", np.sin(1.4), COMPLEX),
        ("y = |x|^3; x = -2", -12.0, DIFFERENCES),
        ("y = sigmoid(x); x = 0.3", np.exp(-0.3) / (1 + np.exp(-0.3)) ** 2, DIFFERENCES),
        ("y = cbrt(x); x = 8", 1 / 12, DIFFERENCES),
        ("f = tanh; y = f(x); x = 0.3", 1 / np.cosh(0.3) ** 2, COMPLEX),
        ("f = sin; y = f'(x); x = 0.3", -np.sin(0.3), COMPLEX),
        ("f = sigmoid; y = f(x); x = 0.3", np.exp(-0.3) / (1 + np.exp(-0.3)) ** 2, DIFFERENCES),
    ],
)
def test_known_derivatives(text: str, expected: float, method: str) -> None:
    """A complex step is right to the last digits, differences to what they say of themselves."""
    found = derivative_of(text)
    assert found.method == method
    assert found.values.item() == pytest.approx(expected, rel=1e-14 if method == COMPLEX else 1e-9)
    assert abs(found.values.item() - expected) <= 10 * found.errors.item() + 1e-15


def test_a_jacobian_has_rows_for_outputs() -> None:
    found = derivative_of("y = [x[0] x[1], x[1]^2, x[0]]; x = [2, 3]")
    assert np.allclose(found.values, [[3, 2], [0, 6], [1, 0]], rtol=1e-14)


def test_extrapolation_of_smooth_values_and_near_a_pole() -> None:
    """Differences of exp at 0; and of log at 0.01, where the first steps leave the domain."""
    steps = 0.1 / 2.0 ** np.arange(10)
    with np.errstate(all="ignore"):
        for f, at, expected in ((np.exp, 0.0, 1.0), (np.log, 0.01, 100.0)):
            rows = [(np.array([(f(at + h) - f(at - h)) / (2 * h)]), np.array([1e-16 / h])) for h in steps]
            value, error = extrapolated(rows)
            assert abs(value[0] - expected) <= max(10 * error[0], 1e-12)
            assert error[0] < 1e-6


def test_a_large_input_is_checked_at_a_sample() -> None:
    found = check("s = sum(x ∘ x)", data={"x": np.linspace(1, 2, 3000)}).gradients["x"]
    assert (found.holds, found.checked, found.entries) == (True, SAMPLE, 3000)


ANALYTIC = {
    "exp": (-30, 30), "log": (1e-6, 1e6), "log1p": (-0.9, 1e3), "expm1": (-20, 20), "sqrt": (1e-6, 1e6),
    "square": (-1e3, 1e3), "sin": (-20, 20), "cos": (-20, 20), "tan": (-1.4, 1.4), "arcsin": (-0.99, 0.99),
    "arccos": (-0.99, 0.99), "arctan": (-1e3, 1e3), "sinh": (-20, 20), "cosh": (-20, 20), "tanh": (-18, 18),
    "arcsinh": (-1e3, 1e3), "arccosh": (1.01, 1e3), "arctanh": (-0.99, 0.99), "one_minus_square": (-2, 2),
}  # fmt: skip


def test_every_analytic_function_is_in_the_table() -> None:
    unary = {n for n, o in OPERATIONS.items() if o.analytic is True and o.entrywise and n in (*FUNCTIONS, *ANALYTIC)}
    assert unary - {"max", "min", "where"} == set(ANALYTIC)


@pytest.mark.parametrize("name", ANALYTIC)
def test_kernels_of_analytic_functions_are_right_for_complex_numbers(name: str) -> None:
    """f(x + i h) = f(x) + i h f'(x) for tiny h, over the whole domain."""
    low, high = ANALYTIC[name]
    x = np.random.default_rng(0).uniform(low, high, 500)
    operation = OPERATIONS[name]
    step, exact = 1e-30, operation.kernel({}, x)
    found = operation.kernel({}, x + 1j * step)
    assert np.allclose(found.real, exact, rtol=1e-12, atol=1e-13)
    nearby = [operation.kernel({}, x * (1 + s * 1e-6)) for s in (1, -1)]
    differences = (nearby[0] - nearby[1]) / (2e-6 * x)
    assert np.allclose(found.imag / step, differences, rtol=1e-6, atol=1e-6 * np.max(np.abs(exact / x)))


@pytest.mark.parametrize("name", ANALYTIC)
def test_analytic_functions_take_the_complex_step(name: str) -> None:
    """1 - x^2 under the name that it has in arctanh'(x) = 1/(1 - x^2)."""
    call = "arctanh'(x)" if name == "one_minus_square" else f"{name}(x)"
    found = derivative_of(f"y = {call}; x = {2 if name == 'arccosh' else 0.5}")
    assert found.method == COMPLEX


COMPLEX_STEPS: dict[str, tuple[str, Any]] = {
    "add": ("y = x + x^2; x = 3", 7),
    "negative": ("y = -x; x = 3", -1),
    "multiply": ("y = a x; a = 2; x = 3", 2),
    "scale": ("y = x c; c = [1, 2]; x = 3", [[1], [2]]),
    "divide": ("y = 6 / x; x = 3", -2 / 3),
    "power": ("y = x^5; x = 2", 80),
    "matmul": ("y = A x; A = [1, 2; 3, 4]; x = [5, 6]", [[1, 2], [3, 4]]),
    "kron": ("y = a ⊗ x; a = [1, 2]; x = [3, 4]", [[1, 0], [0, 1], [2, 0], [0, 2]]),
    "kron_contract": ("y = kron_left(x, b); b = [5, 6]; x = [1, 2, 3, 4]", [[5, 6, 0, 0], [0, 0, 5, 6]]),
    "cross": ("y = cross(a, x); a = [1, 2, 3]; x = [4, 5, 6]", [[0, -3, 2], [3, 0, -1], [-2, 1, 0]]),
    "trace": ("y = trace(x); x = [1, 2; 3, 4]", [[1, 0, 0, 1]]),
    "det": ("y = det(x); x = [1, 2; 3, 4]", [[4, -3, -2, 1]]),
    "inv": ("y = inv(x); x = [2, 0; 0, 4]", np.diag([-1 / 4, -1 / 8, -1 / 8, -1 / 16])),
    "solve": ("y = solve(x, b); b = [2, 4]; x = [2, 0; 0, 4]", [[-0.5, -0.5, 0, 0], [0, 0, -0.25, -0.25]]),
    "sum": ("y = sum(x); x = [3, 4]", [[1, 1]]),
    "mean": ("y = mean(x); x = [3, 4]", [[0.5, 0.5]]),
    "var": ("y = var(x); x = [1, 5]", [[-2, 2]]),
    "centred": ("v = var(x); y = ∂v/∂x; x = [1, 5]", [[0.5, -0.5], [-0.5, 0.5]]),
    "mse": ("y = mse(x, a); a = [1, 1]; x = [2, 4]", [[1, 3]]),
    "norm_squared": ("y = ||x||^2; x = [3, 4]", [[6, 8]]),
    "prod": ("y = prod(x); x = [2, 3, 4]", [[12, 8, 6]]),
    "prod_others": ("y = prod_others(x); x = [2, 3, 4]", [[0, 4, 3], [4, 0, 2], [3, 2, 0]]),
    "softmax": ("y = softmax(x); x = [0, 0]", [[0.25, -0.25], [-0.25, 0.25]]),
    "log_softmax": ("y = log_softmax(x); x = [0, 0]", [[0.5, -0.5], [-0.5, 0.5]]),
    "logsumexp": ("y = logsumexp(x); x = [0, 0]", [[0.5, 0.5]]),
    "softmax_change": ("L = c^T softmax(x); y = ∂L/∂x; c = [1, 0, 0]; x = [0, 0, 0]",
                       np.array([[2, -1, -1], [-1, -1, 2], [-1, 2, -1]]) / 27),
    "less_share": ("L = c^T log_softmax(x); y = ∂L/∂x; c = [1, 2]; x = [0, 0]", [[-0.75, 0.75], [0.75, -0.75]]),
    "less_mean": ("L = c^T log_softmax(x); g = ∂L/∂x; t = h^T g; y = ∂t/∂c; c = [1, 2]; h = [1, 0]; x = [0, 0]",
                  [[-0.25, 0.25], [-0.25, 0.25]]),
}  # fmt: skip
"""Operations that are right for complex numbers too, each in an expression, with its Jacobian."""


@pytest.mark.parametrize("name", COMPLEX_STEPS)
def test_analytic_operations_take_the_complex_step(name: str) -> None:
    text, expected = COMPLEX_STEPS[name]
    assert name in {n.op for n in ancestors([gradcalc.loads(text).sampled({}, of="y").target])}
    found = derivative_of(text)
    assert found.method == COMPLEX
    np.testing.assert_allclose(found.values, np.reshape(expected, found.values.shape), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("exponent", [2, 3, -1, -2, 150, 0.5, 2.5])
@pytest.mark.parametrize("base", [1.3, 0.2, -1.1])
def test_powers_are_right_for_complex_bases(base: float, exponent: float) -> None:
    if base < 0 and exponent != int(exponent):
        return
    found = OPERATIONS["power"].kernel({}, np.array([[base + 1e-30j]]), np.array([[exponent]])).imag / 1e-30
    assert found.item() == pytest.approx(exponent * base ** (exponent - 1), rel=1e-13)


# ------------------------------------------------------------------- right ones hold, wrong ones do not


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.stem)
@pytest.mark.parametrize("layout", ["shape", "numerator"])
def test_samples_hold(sample: Path, layout: str) -> None:
    found = gradcalc.load(sample).check(layout=layout)
    assert not found.failed
    assert all(g.holds for g in found.gradients.values())
    assert not found.drawn


@pytest.mark.parametrize("seed", range(200))
def test_random_programs_hold(seed: int) -> None:
    made = program(seed, (3,) if seed % 4 == 0 else ())
    found = gradcalc.loads(made.text).check(made.data, of=made.target)
    assert [g for g in found.gradients.values() if g.holds is not True] == []


def wrong(operation: Operation, factor: float = 1.001) -> Operation:
    """An operation whose differential is multiplied by a number, such as one that is a thousandth too large."""

    def differential(node: Node, i: int) -> LinearMap | None:
        linear = operation.differential(node, i)
        if linear is None:
            return None
        more = Scaled(linear.target, linear.target, node.graph.constant(factor))
        return Compose(linear.source, linear.target, (more, linear))

    return replace(operation, differential=differential)


def calling(example: str) -> str:
    """A function's example with names for its arguments, so that they are inputs."""
    [equation] = parse(Source("", f"y = {example}")).statements
    call: Any = equation.value  # type: ignore[attr-defined]
    inputs = [(f"arg{k}", a.value.span.text) for k, a in enumerate(call.arguments) if not a.keyword]
    options = [f"{a.keyword}={a.value.span.text}" for a in call.arguments if a.keyword]
    lines = [f"{name} = {text}" for name, text in inputs]
    return "\n".join([f"y = {call.callee.id}({', '.join([n for n, _ in inputs] + options)})", *lines])


def test_jumps_that_large_steps_cross_are_no_slope() -> None:
    """floor(10 x) is flat at 1.04, with two steps within 0.104 and one within 0.052, as of a slope."""
    found = gradcalc.loads("y = floor(10 x) + 0 exp(x); x = 1.04").check().gradients["x"]
    assert (found.holds, found.numeric) == (True, 0.0)


JUMPS = {"sign", "step", "floor", "ceil", "round", "size", "median_share"}
SIZED = {"ones", "zeros", "eye", "onehot", "unvec"}
OTHERS = {
    "add": "y = a + b; a = 1, b = 2", "multiply": "y = a b; a = 2, b = 3", "negative": "y = -a; a = 2",
    "scale": "y = a x; a = 2; x = [1, 2]", "divide": "y = a / b; a = 1, b = 2", "power": "y = a^b; a = 2, b = 3",
    "matmul": "y = A B; A = [1, 2; 3, 4]; B = [1, 2; 3, 5]", "stretch": "y = x + A; x = [1, 2]; A = [1, 2; 3, 4]",
    "table": "y = [a, b]; a = 1, b = 2", "index": "y = x[1]; x = [1, 2]", "call": "f = tanh; y = f(x); x = [0.1, 0.2]",
    "copy": "y = x; x = [1, 2]", "sigmoid'": "y = sigmoid'(x); x = [0.2, -3]", "tanh'": "y = tanh'(x); x = 0.3",
    "max_entry": "y = max(x); x = [1, 3, 2]", "min_entry": "y = min(X, axis=1); X = [1, 3; 2, 0]",
    "unvec": "y = unvec(x, 2, 2); x = [1, 2, 3, 4]", "kron": "y = A ⊗ B; A = [1, 2; 3, 4]; B = [1, 2]",
}  # fmt: skip
PROGRAMS = {name: calling(f.example) for name, f in FUNCTIONS.items() if name not in JUMPS | SIZED} | OTHERS


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_differential_that_is_wrong_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a thousandth in any operation on the way; and the right one holds."""
    text = PROGRAMS[name]
    assert not check(text).failed
    plan = gradcalc.loads(text).sampled({})
    moving = {n.op for n in ancestors([plan.target]) if n.inputs}
    assert moving
    for op in moving:
        with monkeypatch.context() as patch:
            patch.setitem(OPERATIONS, op, wrong(OPERATIONS[op]))
            assert check(text).failed, op


def test_a_wrong_differential_is_found_without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATIONS, "call", wrong(OPERATIONS["call"]))
    found = check("s = u^T f(W x + b)")
    assert {n for n, g in found.gradients.items() if g.holds is False} == {"W", "x", "b"}
    assert found.gradients["u"].holds
    assert found.gradients["W"].at.startswith("W[")


# ------------------------------------------------------------- kinks, jumps and poles closer than a step

NEAR: dict[str, float | None] = {
    "y = mod(x, 1); x = 12345.678": 1.0,
    "y = x - floor(x); x = 12345.678": 1.0,
    "y = mod(x, 3); x = 100000": 1.0,
    "y = mod(1e6, x); x = 7": -142857.0,
    "y = mod(x, 1); x = 1000000000000000.5": None,
    "y = mod(x, 1e-15); x = 1": None,
    "y = |x|; x = 1e-9": 1.0,
    "y = norm([x, z]); x = 1e-9; z = 1e-9": 0.7071067811865476,
    "y = norm(x - z); x = 1000; z = 1000.0001": -1.0,
    "y = std([x, z]); x = 1000000; z = 1000000.001": -0.5,
    "y = max(x, z); x = 1; z = 1.0000000001": 0.0,
    "y = max(x, z); x = 1; z = 1.000000000000001": None,
    "y = median([x, z, 2]); x = 1; z = 1.0000000001": None,
    "y = cbrt(x); x = 1e-9": 1e6 / 3,
    "y = sqrt(x); x = 1e-100": 5e49,
    "y = 1/x; x = 1e-50": -1e100,
    "y = relu(x); x = 1e-20": 1.0,
    "y = |x - z|; x = 0; z = 1e-40": -1.0,
    "y = sum(inv([x, 1; 1, z])); x = 1; z = 1.0000001": None,
    "y = sum(inv([x, 1; 1, z])); x = 1; z = 1.000000001": None,
    "y = x exp(-x); x = 745": None,
    "y = x^3; x = 1e-145": None,
    "y = (1 + x) - 1; x = 1e-20": 1.0,
    "y = log(1 + x); x = 1e-18": 1.0,
}  # fmt: skip
"""Right gradients beside a kink, a jump or a pole, or of numbers too small: what the check finds, if it finds it."""


@pytest.mark.parametrize("text", NEAR)
def test_a_right_gradient_never_fails(text: str) -> None:
    """It holds, or the differences do not settle."""
    found = check(text).gradients["x"]
    assert found.holds is not False
    if NEAR[text] is not None:
        assert found.holds
        assert found.numeric == pytest.approx(NEAR[text], rel=1e-4, abs=1e-4)


FOUND = {"y = mod(x, 1); x = 12345.678", "y = |x|; x = 1e-9", "y = norm([x, z]); x = 1e-9; z = 1e-9",
         "y = cbrt(x); x = 1e-9", "y = sqrt(x); x = 1e-100", "y = 1/x; x = 1e-50", "y = relu(x); x = 1e-20",
         "y = norm(x - z); x = 1000; z = 1000.0001"}  # fmt: skip


@pytest.mark.parametrize("text", sorted(FOUND))
def test_a_wrong_gradient_beside_a_kink_fails(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a thousandth in any operation that x goes through."""
    plan = gradcalc.loads(text).sampled({})
    for op in {n.op for n in ancestors([plan.target]) if n.inputs}:
        with monkeypatch.context() as patch:
            patch.setitem(OPERATIONS, op, wrong(OPERATIONS[op]))
            assert check(text).gradients["x"].holds is False, op


@pytest.mark.parametrize("factor", [0.0, 0.5, -1.0])
@pytest.mark.parametrize(("op", "text"), [("relu", "y = relu(x); x = 1e-20"), ("abs", "y = |x|; x = 1e-9")])
def test_the_gradient_of_a_kink_beside_it_fails(op: str, text: str, factor: float,
                                                monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Differences of large steps lie between those of the two sides, and so would a rule that takes x for 0."""
    monkeypatch.setitem(OPERATIONS, op, wrong(OPERATIONS[op], factor))
    assert check(text).gradients["x"].holds is False


# ------------------------------------------------------------------------- what is not checked, and why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("y = |x|; x = 0", "not differentiable here: 0 at 0"),
        ("y = max(x, z); x = 2; z = 2", "ties share evenly"),
        ("y = relu(x); x = [1, 0]", "not differentiable here"),
        ("y = where(x > 0, x, 0); x = 0", "both sides are equal"),
        ("y = sqrt(x); x = 0", "∂y/∂x is infinite here"),
        ("y = floor(x); x = 2", "0 at whole numbers, where it jumps"),
    ],
)
def test_skipped_with_the_reason(text: str, why: str) -> None:
    found = check(text)
    assert not found.failed
    assert found.gradients["x"].holds is None
    assert why in found.gradients["x"].skipped


def test_an_undefined_partial_is_skipped_and_the_others_are_checked() -> None:
    found = check("s = x^y; x = -2, y = 2").gradients
    assert found["x"].holds
    assert found["y"].holds is None
    assert "∂s/∂y is undefined here" in found["y"].skipped


def test_an_entry_that_is_infinite_is_left_out() -> None:
    found = check("y = sum(sqrt(x)); x = [0, 4]").gradients["x"]
    assert (found.holds, found.checked, found.entries) == (True, 1, 2)
    assert "1 entries" in found.skipped


def test_an_input_that_is_not_connected() -> None:
    found = check("s = x^2; t = z; x = 3; z = 4", of="s").gradients["z"]
    assert (found.holds, found.method, found.largest_error) == (True, "not connected", 0.0)


def test_a_branch_that_is_not_taken_is_no_fault() -> None:
    found = check("y = where(x > 0, log(x), x .^ 2); x = [2, -3]").gradients["x"]
    assert found.holds
