"""Jacobians and Hessians: closed forms, values, products, both layouts, no data, errors; as Python and as commands."""

import io
import json

import jsonschema
import numpy as np
import pytest

import gradcalc
from gradcalc import stacked
from gradcalc.errors import Limits
from gradcalc.report import latex, matrices, tables
from gradcalc.report.encode import encode
from gradcalc.report.schema import SCHEMAS
from tests import programs
from tests.test_cli import gradcalc as command

LAYER = "h = f(W x + b); f = tanh"
DATA = {"W": [[1.0, -2.0, 0.5], [0.25, 1.0, -1.0]], "x": [0.3, -0.2, 0.5], "b": [0.1, -0.4]}


def slope() -> np.ndarray:
    """tanh'(W x + b)."""
    return 1 - np.tanh(np.array(DATA["W"]) @ np.array(DATA["x"]) + np.array(DATA["b"])) ** 2


def rules(made: object) -> dict[str, str | None]:
    """The closed forms of Jacobians by input, of Hessians by both inputs."""
    if hasattr(made, "hessians"):
        return {f"{x}{y}": b.rule and b.rule.text for x, row in made.hessians.items() for y, b in row.items()}
    return {name: block.rule and block.rule.text for name, block in made.jacobians.items()}


def table(made: object, width: int = 80) -> str:
    out = io.StringIO()
    console = tables.console(out, width)
    tables.print_tables(matrices.sections(made, 0, tables.Look(narrow=True)), console)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


# ------------------------------------------------------------------------------ Jacobians


def test_the_jacobian_of_a_layer_keeps_its_structure():
    """∂h/∂x = diag(f'(z)) W, ∂h/∂W = diag(f'(z)) (x^T ⊗ I), ∂h/∂b = diag(f'(z))."""
    made = gradcalc.loads(LAYER).jacobian("h", data=DATA)
    assert rules(made) == {
        "W": "diag(f'(W x + b)) (x^T ⊗ I)", "x": "diag(f'(W x + b)) W", "b": "diag(f'(W x + b))",
    }  # fmt: skip
    expected = np.diag(slope()) @ np.array(DATA["W"])
    np.testing.assert_allclose(made.jacobians["x"].value, expected, rtol=1e-14)
    by_matrix = np.diag(slope()) @ np.kron(np.array(DATA["x"])[None, :], np.eye(2))
    np.testing.assert_allclose(made.jacobians["W"].value, by_matrix, rtol=1e-14, atol=1e-16)
    assert [made.jacobians[n].shape for n in "Wxb"] == [(2, 6), (2, 3), (2, 2)]


def test_one_block_stands_for_the_record():
    made = gradcalc.loads(LAYER).jacobian("h", "x", DATA)
    assert (made.shape, made.rule.text) == ((2, 3), "diag(f'(W x + b)) W")
    np.testing.assert_array_equal(made.value, made.jacobians["x"].value)
    with pytest.raises(ValueError, match="3 blocks"):
        _ = gradcalc.loads(LAYER).jacobian("h", None, DATA).value


def test_without_data_sizes_are_symbols():
    made = gradcalc.loads("h = f(W x + b)").jacobian()
    assert {n: b.shape for n, b in made.jacobians.items()} == {"W": ("n", "m·n"), "x": ("n", "m"), "b": ("n", "n")}
    assert rules(made)["W"] == "diag(f'(W x + b)) (x^T ⊗ I)"
    assert all(b.value is None for b in made.jacobians.values())
    assert made.notes == []


def test_a_mean_over_a_symbolic_size_divides_by_the_size_of_the_first_operand():
    made = gradcalc.loads("s = mse(x, y); x in R^n; y in R^n").jacobian("s")
    assert rules(made) == {"x": "(2/size(x)) (x - y)", "y": "(2/size(x)) (y - x)"}


def test_a_matrix_by_a_matrix_is_a_kronecker_product():
    """∂vec(A X B)/∂vec(X) = B^T ⊗ A."""
    data = {"A": [[1, 2], [3, 4]], "X": [[1, 0, 2], [0, 1, 1]], "B": [[1, 1], [0, 2], [1, 0]]}
    made = gradcalc.loads("Y = A X B").jacobian("Y", "X", data)
    assert made.rule.text == "B^T ⊗ A"
    np.testing.assert_array_equal(made.value, np.kron(np.array(data["B"]).T, data["A"]))
    assert made.jacobians["X"].axes.rows == ("Y[0, 0]", "Y[1, 0]", "Y[0, 1]", "Y[1, 1]")
    assert made.jacobians["X"].axes.columns[:3] == ("X[0, 0]", "X[1, 0]", "X[0, 1]")


def test_a_transposed_matrix_in_a_product_with_a_vector():
    """∂(A^T x)/∂vec(A) = I ⊗ x^T."""
    made = gradcalc.loads("h = A^T x; A = [1, 2; 3, 4; 5, 6]; x = [1, 2, 3]").jacobian()
    assert rules(made) == {"A": "I ⊗ x^T", "x": "A^T"}
    np.testing.assert_array_equal(made.jacobians["A"].value, [[1, 2, 3, 0, 0, 0], [0, 0, 0, 1, 2, 3]])


def test_softmax():
    made = gradcalc.loads("p = softmax(z); z = [1, 2, 0.5]").jacobian()
    p = np.exp([1, 2, 0.5]) / np.sum(np.exp([1, 2, 0.5]))
    assert made.rule.text == "diag(p) - p p^T"
    np.testing.assert_allclose(made.value, np.diag(p) - np.outer(p, p), rtol=1e-14)


def test_where_there_is_no_closed_form_there_are_values_with_named_axes():
    made = gradcalc.loads("P = softmax(A, axis=1); A = [1, 2; 3, 4]").jacobian()
    block = made.jacobians["A"]
    assert block.rule is None
    assert "softmax" in block.reason
    assert np.shape(block.value) == (4, 4)
    assert block.axes.rows[1] == "P[1, 0]"
    assert "no closed form: the Jacobian of `softmax`" in " ".join(table(made, 160).split())


def test_a_jacobian_by_a_scalar_has_the_shape_of_the_target():
    made = gradcalc.loads("P = c A; A = [1, 2; 3, 4]; c = 2").jacobian("P", "c")
    assert (made.shape, made.rule.text) == ((2, 2), "A")
    np.testing.assert_array_equal(made.value, [[1, 2], [3, 4]])


@pytest.mark.parametrize(("layout", "shape"), [("shape", (3,)), ("numerator", (1, 3))])
def test_the_jacobian_of_a_scalar_is_its_gradient_in_the_layout(layout, shape):
    made = gradcalc.loads("s = u^T x; u = [1, 2, 3]; x = [1, 1, 1]").jacobian("s", "x", layout=layout)
    assert made.shape == np.shape(made.value) == shape
    assert made.rule.text == ("u" if layout == "shape" else "u^T")
    np.testing.assert_array_equal(np.ravel(made.value), [1, 2, 3])


def test_both_layouts_give_the_same_jacobian_of_a_vector():
    first, second = (gradcalc.loads(LAYER).jacobian("h", "x", DATA, layout=n) for n in ("shape", "numerator"))
    np.testing.assert_array_equal(first.value, second.value)
    assert (first.layout, second.layout) == ("shape", "numerator")


def test_an_input_that_the_target_does_not_depend_on():
    made = gradcalc.loads("h = 2 x; g = y; x = [1, 2]; y = [1, 2, 3]").jacobian("h")
    block = made.jacobians["y"]
    assert (block.connected, block.rule.text, block.shape) == (False, "0", (2, 3))
    np.testing.assert_array_equal(block.value, np.zeros((2, 3)))
    assert "(not connected)" in table(made)


def test_some_data_alone_give_closed_forms_and_a_note():
    made = gradcalc.loads(LAYER).jacobian("h", None, {k: DATA[k] for k in "Wx"})
    assert all(block.value is None for block in made.jacobians.values())
    assert made.jacobians["x"].shape == (2, 3)
    assert made.notes == ["closed forms only: there is no data for `b`"]


def test_data_that_the_target_does_not_need_are_not_asked_for():
    made = gradcalc.loads("h = 2 x; g = y^2; x = [1, 2]; y (input)").jacobian("h", "x")
    np.testing.assert_array_equal(made.value, 2 * np.eye(2))


def test_a_function_without_a_definition_gives_closed_forms():
    made = gradcalc.loads("h = f(x); x = [1, 2]").jacobian()
    assert (made.rule.text, made.value) == ("diag(f'(x))", None)
    assert made.notes == ["closed forms only: there is no data for `f`"]


def test_what_needs_numbers_for_sizes_says_which_it_took():
    made = gradcalc.loads("A in R^{m×n}; B in R^{p×q}; s = sum((A ⊗ B) ∘ (A ⊗ B))").hessian()
    [note] = made.notes
    assert "Kronecker" in note
    assert "m = 3, n = 4" in note


def test_entries_that_were_not_taken_contribute_nothing():
    made = gradcalc.loads("h = where(x > 0, sqrt(x), x .^ 2); x = [-3, 4]").jacobian()
    np.testing.assert_allclose(made.value, [[-6, 0], [0, 0.25]], rtol=1e-15)


def test_kinks_are_flagged():
    made = gradcalc.loads("h = relu(x); x = [0, 1]").jacobian()
    assert [(f.code, f.node, f.places) for f in made.flags] == [("kink", "h", ((0,),))]


def test_an_infinite_derivative_is_flagged_with_the_operation():
    made = gradcalc.loads("h = sqrt(x); x = [0, 4]").jacobian()
    np.testing.assert_array_equal(made.value, [[np.inf, 0], [0, 0.25]])
    [flag] = made.flags
    assert (flag.code, flag.places) == ("infinite-gradient", ((0, 0),))
    assert "`sqrt` in `h`" in flag.message


def test_the_basis_is_passed_back_in_parts_where_arrays_are_large(monkeypatch):
    whole = gradcalc.loads(LAYER).jacobian("h", "x", DATA).value
    monkeypatch.setattr(stacked, "AT_ONCE", 1)
    np.testing.assert_array_equal(gradcalc.loads(LAYER).jacobian("h", "x", DATA).value, whole)


# ------------------------------------------------------------------------------- products


def test_products_with_an_upstream_gradient_and_a_tangent():
    """v^T J in the shape of each input, J dx in the shape of the target."""
    model = gradcalc.loads(LAYER)
    upstream, tangent = np.array([0.5, -2.0]), {"x": [1.0, 0.5, -1.0], "b": [0.25, 1.0]}
    made = model.jacobian("h", None, DATA, upstream=upstream, tangent=tangent)
    for name, block in made.jacobians.items():
        pulled = upstream @ block.value
        np.testing.assert_allclose(np.ravel(made.products[name].value, order="F"), pulled, rtol=1e-13)
        assert np.shape(made.products[name].value) == np.shape(DATA[name])
    pushed = made.jacobians["x"].value @ tangent["x"] + made.jacobians["b"].value @ tangent["b"]
    np.testing.assert_allclose(made.change.value, pushed, rtol=1e-13)
    assert made.products["W"].rule.text == "(v ∘ f'(W x + b)) x^T"
    assert np.shape(model.jacobian("h", "x", DATA, upstream=upstream, layout="numerator").products["x"].value) == (1, 3)


def test_a_tangent_passes_what_was_not_taken():
    made = gradcalc.loads("h = where(x > 0, sqrt(x), x .^ 2); x = [-3, 4]").jacobian("h", "x", tangent=[1, 2])
    np.testing.assert_allclose(made.change.value, [-6, 0.5], rtol=1e-15)


def test_hessian_vector_products():
    model = gradcalc.loads("s = sum(tanh(A x)) + x^T A^T A x")
    data = {"A": [[1.0, 2.0], [-0.5, 0.3], [0.2, 0.1]], "x": [0.4, -0.3]}
    tangent = {"x": np.array([1.0, -2.0]), "A": np.arange(6.0).reshape(3, 2)}
    made = model.hessian("s", None, data, tangent=tangent)
    for name, row in made.hessians.items():
        expected = sum(block.value @ np.ravel(tangent[by], order="F") for by, block in row.items())
        np.testing.assert_allclose(np.ravel(made.products[name].value, order="F"), expected, rtol=1e-12)


# ------------------------------------------------------------------------------- Hessians


def test_the_hessian_of_a_quadratic_form():
    """∂²(x^T A x)/∂x² = A + A^T, ∂²/∂A∂x = x ⊗ I + I ⊗ x."""
    made = gradcalc.loads("s = x^T A x").hessian()
    assert rules(made)["xx"] == "A + A^T"
    made = gradcalc.loads("s = x^T A x").hessian("s", None, {"A": [[1, 2], [3, 4]], "x": [1, 2]})
    assert rules(made)["xx"] == "A + A^T"
    np.testing.assert_array_equal(made.hessians["x"]["x"].value, [[2, 5], [5, 8]])
    by_matrix = [[2, 0], [2, 1], [2, 1], [0, 4]]
    np.testing.assert_array_equal(made.hessians["A"]["x"].value, by_matrix)
    np.testing.assert_array_equal(made.hessians["x"]["A"].value, np.transpose(by_matrix))
    np.testing.assert_array_equal(made.hessians["A"]["A"].value, np.zeros((4, 4)))


def test_a_hessian_is_the_derivative_of_the_derivative_in_an_equation():
    text = "s = x^T A x; H = ∂(∂s/∂x)/∂x; H == A + A^T; A = [1, 2; 3, 4]; x = [1, 2]"
    run = gradcalc.loads(text).run(of="H")
    assert not run.failed
    np.testing.assert_array_equal(run.value, gradcalc.loads(text).hessian("s", "x").value)


@pytest.mark.parametrize(
    ("text", "wrt", "rule"),
    [
        ("s = ||A x - b||^2", "x", "2 A^T A"),
        ("s = u^T f(W x + b)", "x", "W^T diag(u ∘ f''(W x + b)) W"),
        ("x in R^n; s = logsumexp(x)", "x", "diag(softmax(x)) - softmax(x) softmax(x)^T"),
        ("s = a^3 b", "a", "6 b a"),
        ("x in R^n; s = sum(exp(x))", "x", "diag(exp(x))"),
        ("x in R^n; s = sum(x .^ 2.5)", "x", "diag(3.75 x .^ 0.5)"),
        ("x in R^n; s = ones(n)^T (x ∘ x)", "x", "2 I"),
        ("x in R^n; s = var(x)", "x", "(2/size(x)) (I - ones(n, n)/size(x))"),
    ],
)
def test_closed_forms_of_hessians(text, wrt, rule):
    assert gradcalc.loads(text).hessian("s", wrt).rule.text == rule


def test_hessians_by_matrices():
    """The Hessian of ||X||² is 2 I; that of log det(X) is -K (X^-T ⊗ X^-1), with K the transpose of a stack."""
    assert gradcalc.loads("X in R^{m×n}; s = sum(X ∘ X)").hessian().rule.text == "2 I"
    matrix = np.array([[2.0, 0.5, 0.1], [0.3, 1.5, 0.2], [0.0, -0.4, 1.0]])
    made = gradcalc.loads("s = logdet(X)").hessian("s", "X", {"X": matrix})
    inverse = np.linalg.inv(matrix)
    expected = -np.einsum("jk,li->jikl", inverse, inverse).transpose(1, 0, 2, 3)  # -(X^-1)_jk (X^-1)_li for ij, kl
    stacked_by_columns = expected.transpose(1, 0, 3, 2).reshape(9, 9)
    np.testing.assert_allclose(made.value, stacked_by_columns, rtol=1e-12, atol=1e-15)


def test_the_hessian_of_a_determinant_is_right_at_singular_matrices():
    """Its entries are the minors that are left: of 2 × 2 those of a d - b c."""
    made = gradcalc.loads("s = det(X); X = [1, 2; 2, 4]").hessian()
    np.testing.assert_allclose(made.value, np.fliplr(np.diag([1, -1, -1, 1])), atol=1e-15)
    zero = gradcalc.loads("s = det(X); X = zeros(3, 3) + Y; Y = [1, 2, 3; 2, 4, 6; 0, 0, 0]").hessian("s", "Y").value
    corner = zero[0].reshape(3, 3).T  # ∂²/∂Y_00∂Y_ij: cofactors of the lower right block of Y, here [4, 6; 0, 0]
    np.testing.assert_allclose(corner, [[0, 0, 0], [0, 0, 0], [0, -6, 4]], atol=1e-13)


@pytest.mark.parametrize("x", [5, [5], [[5]]])
@pytest.mark.parametrize(("text", "slope"), [("tr(x)", 1), ("det(x)", 1), ("logdet(x)", 0.2), ("sum(adj(x))", 0)])
def test_a_matrix_of_one_entry_may_be_a_number_or_a_column(text, slope, x):
    """The gradient is of the same shape, so that another can be added to it."""
    value = gradcalc.loads(f"s = {text} + 2 sum(x)").run({"x": x}).gradients["x"].value
    np.testing.assert_array_equal(value, np.full(np.shape(x), 2 + slope))


def test_blocks_keep_the_natural_shape_for_scalars():
    made = gradcalc.loads("s = c^2 x^T x; c = 3; x = [1, 2]").hessian()
    shapes = {f"{a}{b}": block.shape for a, row in made.hessians.items() for b, block in row.items()}
    assert shapes == {"cc": (), "cx": (1, 2), "xc": (2,), "xx": (2, 2)}
    assert made.hessians["c"]["c"].value == 10
    np.testing.assert_array_equal(made.hessians["c"]["x"].value, [[12, 24]])
    np.testing.assert_array_equal(made.hessians["x"]["c"].value, [12, 24])


def test_a_kink_inside_a_smooth_whole():
    made = gradcalc.loads("s = ||x||^2; x = [0, 0]").hessian()
    np.testing.assert_array_equal(made.value, 2 * np.eye(2))


def test_an_undefined_second_derivative_is_flagged_with_the_operation():
    """x^y has no derivative by y at x = -2; those by x are there."""
    made = gradcalc.loads("s = x^y; x = -2; y = 2").hessian()
    assert made.hessians["x"]["x"].value == 2
    assert np.isnan(made.hessians["y"]["y"].value)
    flags = {f.message for f in made.flags if f.code == "undefined-gradient"}
    assert "∂²s/∂y∂y is undefined here: the second derivative of `power` in `s`" in flags


def test_a_gradient_with_a_kink_is_flagged():
    made = gradcalc.loads("s = elu(x); x = 0").hessian()
    assert ("kink", "∂s/∂x") in {(f.code, f.node) for f in made.flags}


def test_an_infinite_entry_does_not_make_its_neighbours_undefined():
    made = gradcalc.loads("s = sum(x .^ 1.5); x = [0, 4]").hessian()
    np.testing.assert_array_equal(made.value, [[np.inf, 0], [0, 0.375]])
    run = gradcalc.loads("h = sqrt(x); x = [0, 4]").run()
    np.testing.assert_array_equal(run.gradients["x"].value, [[np.inf, 0], [0, 0.25]])


def test_second_derivatives_leave_out_what_was_not_taken():
    made = gradcalc.loads("s = sum(where(x > 0, sqrt(x), x .^ 3)); x = [-2, 4]").hessian()
    np.testing.assert_allclose(made.value, [[-12, 0], [0, -1 / 32]], rtol=1e-14)


def test_an_input_that_is_not_connected_has_zero_blocks():
    made = gradcalc.loads("s = x^2; t = y; x = 3; y = [1, 2]").hessian("s")
    assert not made.hessians["x"]["y"].connected
    np.testing.assert_array_equal(made.hessians["y"]["x"].value, [0, 0])
    assert made.hessians["y"]["y"].shape == (2, 2)


def test_a_hessian_is_symmetric_and_agrees_with_differences_of_the_gradient():
    """Random programs, without another library: H = H^T, H v of its own sweep, (g(x + h) - g(x - h)) / 2h."""
    for seed in (3, 7, 11, 15, 21, 28, 33):
        program = programs.program(seed)
        if not program.inputs or sum(map(np.size, program.inputs.values())) > 24:
            continue
        model, names = gradcalc.loads(program.text), list(program.inputs)
        tangent = {n: np.cos(np.arange(np.size(v))).reshape(np.shape(v)) for n, v in program.inputs.items()}
        given = {n: np.reshape(t, np.shape(program_shape(model, program, n))) for n, t in tangent.items()}
        made = model.hessian(program.target, names, program.data, tangent=given)
        whole = np.block([[flat(made.hessians[x][y].value, program, x, y) for y in names] for x in names])
        scale = max(float(np.max(np.abs(whole))), 1e-2)
        np.testing.assert_allclose(whole, whole.T, atol=1e-13 * scale, rtol=0)
        product = np.concatenate([np.ravel(made.products[n].value, order="F") for n in names])
        along = np.concatenate([np.ravel(t, order="F") for t in tangent.values()])
        np.testing.assert_allclose(whole @ along, product, atol=1e-12 * scale, rtol=0)
        np.testing.assert_allclose(difference(program, along), product, atol=1e-5 * max(scale, 1), rtol=0)


def program_shape(model, program, name):
    """A value in the shape that an input has in a program."""
    return model.run(program.data, of=program.target, wrt=[name]).gradients[name].value


def flat(value, program, first, second):
    return np.reshape(value, (np.size(program.inputs[first]), np.size(program.inputs[second])))


def difference(program, along):
    """The change of the gradient along a direction, from gradients at two points by central differences."""

    def gradient(step):
        inputs, start, out = {}, 0, []
        for name, value in program.inputs.items():
            rows, columns = np.shape(value)
            part = along[start : start + rows * columns].reshape(columns, rows).T
            inputs[name] = value + step * part
            start += rows * columns
        for name, value in inputs.items():
            for k in range(value.size):
                entry = np.unravel_index(k, value.shape, order="F")
                ends = []
                for sign in (1, -1):
                    moved = {n: v.copy() for n, v in inputs.items()}
                    moved[name][entry] += sign * 1e-4
                    ends.append(program.compute(programs.NUMPY, moved)[0, 0])
                out.append((ends[0] - ends[1]) / 2e-4)
        return np.array(out)

    return (gradient(1e-4) - gradient(-1e-4)) / 2e-4


# --------------------------------------------------------------------------------- errors


def code(action) -> str:
    with pytest.raises(gradcalc.GradcalcError) as caught:
        action()
    return caught.value.diagnostics[0].code


def test_errors():
    model = gradcalc.loads("h = 2 x; x = [1, 2]")
    assert code(model.hessian) == "not-a-scalar"
    assert code(lambda: model.jacobian("h", "nothing")) == "unknown-target"
    assert code(lambda: model.jacobian("nothing")) == "unknown-target"
    assert code(lambda: model.jacobian(upstream=[1, 2, 3])) == "data-shape"
    assert code(lambda: model.jacobian(tangent=[1, 2, 3])) == "data-shape"
    assert code(lambda: model.jacobian(tangent={"y": 1})) == "unknown-target"
    assert code(lambda: gradcalc.loads("h = x + y; x = 1; y = 2").jacobian(tangent=1)) == "bad-setting"
    assert code(lambda: gradcalc.loads("h = log(x); x = -1").jacobian()) == "domain"
    assert code(lambda: gradcalc.loads("s = inv(X)[0, 0]; X = [1, 2; 2, 4]").hessian()) == "singular-matrix"
    assert code(lambda: gradcalc.loads("h = A x; A = [1, 2; 3, 4]; x = [1, 2, 3]").jacobian()) == "shape-mismatch"


@pytest.mark.parametrize(("entries", "refused"), [(99, True), (100, False), (101, False)])
def test_large_matrices_are_refused_before_they_are_made(entries, refused):
    text = f"h = 2 x; x = {[1.0] * 10}"
    square = f"s = x^T x; x = {[1.0] * 10}"
    for action in (
        gradcalc.loads(text, limits=Limits(entries=entries)).jacobian,
        gradcalc.loads(square, limits=Limits(entries=entries)).hessian,
    ):
        if refused:
            assert code(action) == "limit-entries"
        else:
            assert np.shape(action().value) == (10, 10)


def test_a_long_chain_does_not_recurse():
    text = "\n".join(["a0 = x", *(f"a{k} = 0.999 a{k - 1} + x" for k in range(1, 2000)), "x = 1"])
    assert gradcalc.loads(text).hessian("a1999", "x").value == 0


# ------------------------------------------------------------------------- as commands


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("jacobian", ["-e", LAYER, "--set", "x=[1,2]", "--set", "W=[1,2;3,4]", "--set", "b=[0,1]", "--upstream",
                      "[1,2]", "--tangent", "x=[1,0]", "--tangent", "b=[0,1]"]),
        ("jacobian", ["-e", "h = f(W x + b)"]),
        ("jacobian", ["-e", "P = softmax(A, axis=1); A = [1, 2; 3, 4]"]),
        ("jacobian", ["-e", "s = u^T x; x = [in: 1, Paris: 2]; u = [1, 2]"]),
        ("hessian", ["-e", "s = x^T A x; x = [1, 2]; A = [1, 2; 3, 4]", "--wrt", "x", "--tangent", "[1,0]"]),
        ("hessian", ["-e", "s = sqrt(x); x = 0"]),
        ("hessian", ["-e", "s = x^T A x"]),
    ],
)  # fmt: skip
def test_documents_follow_their_schema(name, arguments):
    done = command(name, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["schema"] == f"gradcalc.{name}/1"
    jsonschema.Draft202012Validator(SCHEMAS[name]).validate(document)


def test_the_document_of_a_jacobian():
    made = gradcalc.loads("z = W x; W = [1, 2; 3, 4]; x = [1, 1]").jacobian("z", "x")
    document = json.loads(encode(matrices.document(made)))
    assert document["of"] == "z"
    assert document["layout"] == "shape"
    assert document["jacobians"]["x"] == {
        "shape": [2, 2], "rule": "W", "latex": "W", "value": [[1, 2], [3, 4]], "connected": True,
    }  # fmt: skip


def test_tables_fit_eighty_columns_and_print_the_rule():
    done = command("hessian", "-e", "s = x^T A x", "--wrt", "x", env={"COLUMNS": "80"})
    assert "∂²s/∂x² = A + A^T" in done.stdout
    done = command("jacobian", "samples/score.eq", "--of", "h", env={"COLUMNS": "80"})
    assert done.returncode == 0
    assert "∂h/∂W = diag(f'(z)) (x^T ⊗ I)" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("form", ["plain", "markdown", "latex", "csv"])
def test_other_formats(form):
    done = command("jacobian", "-e", "z = W x; W = [1, 2; 3, 4]; x = [1, 1]", "-f", form)
    assert done.returncode == 0
    part = {
        "plain": "∂z/∂x = W",
        "markdown": "## Jacobians of z",
        "latex": r"\otimes",
        "csv": 'jacobian,x,,"[1, 0]",3.0',
    }
    assert part[form] in done.stdout


def test_latex_of_a_hessian():
    shown = latex.document(matrices.sections(gradcalc.loads("s = x^T A x").hessian("s", "x")))
    assert r"\frac{\partial^{2} s}{\partial x^{2}} = A + {A}^{T}" in shown


def test_several_files_give_one_document_a_line():
    done = command("jacobian", "samples/score.eq", "samples/reuse.eq", "--json")
    assert [json.loads(line)["source"] for line in done.stdout.splitlines()] == ["samples/score.eq", "samples/reuse.eq"]


def test_errors_on_the_command_line(tmp_path):
    done = command("hessian", "-e", "h = 2 x; x = [1, 2]")
    assert done.returncode == 3
    assert "error[not-a-scalar]" in done.stderr
    done = command("jacobian", "-e", "h = x + y; x = 1; y = 2", "--tangent", "1", "--json")
    assert json.loads(done.stdout)["errors"][0]["code"] == "bad-setting"
    out = tmp_path / "h.json"
    assert command("hessian", "-e", "s = x^2; x = 3", "-o", out).returncode == 0
    assert json.loads(out.read_text())["hessians"]["x"]["x"]["value"] == 2
