"""Identities of matrix calculus, one per test, each opening with the identity that it proves.

The right sides are written in NumPy from the identity; random matrices, fixed seeds.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import gradcalc
from gradcalc import algebra as al
from gradcalc.differentiate import accumulate, forward, reverse
from gradcalc.evaluator import evaluate
from gradcalc.graph import Graph, ancestors, extent

numbers = np.random.default_rng(11)
A, B = numbers.uniform(-1, 1, (3, 4)), numbers.uniform(-1, 1, (4, 2))
S, T = 3 * np.eye(3) + numbers.uniform(-1, 1, (3, 3)), numbers.uniform(-1, 1, (3, 3))
G = numbers.uniform(-1, 1, (3, 2))
X, U = numbers.uniform(-1, 1, 3), numbers.uniform(-1, 1, 3)


def run(text: str, of: str | None = None, layout: str | None = None, **data: Any) -> Any:
    return gradcalc.loads(text).run({n: np.asarray(v).tolist() for n, v in data.items()}, of=of, layout=layout)


def gradient(text: str, name: str, **data: Any) -> Any:
    return run(text, **data).gradients[name].value


def close(found: Any, expected: Any, tolerance: float = 1e-13) -> None:
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


# ----------------------------------------------------------------------------- products


def test_product() -> None:
    """d(A B) = dA B + A dB, so ∂⟨G, A B⟩/∂A = G B^T and ∂/∂B = A^T G."""
    found = run("s = sum(G ∘ (A B))", A=A, B=B, G=G).gradients
    close(found["A"].value, G @ B.T)
    close(found["B"].value, A.T @ G)


def test_bilinear_form() -> None:
    """d(u^T A x) = ⟨u x^T, dA⟩ + (A x)^T du + (A^T u)^T dx."""
    found = run("s = u^T A x", u=U, A=T, x=X).gradients
    close(found["A"].value, np.outer(U, X))
    close(found["u"].value, T @ X)
    close(found["x"].value, T.T @ U)


def test_quadratic_form() -> None:
    """d(x^T A x) = x^T (A + A^T) dx: the two uses of x are two branches."""
    found = run("s = x^T A x", A=T, x=X).gradients["x"]
    close(found.value, (T + T.T) @ X)


def test_square_is_two_branches() -> None:
    """d(x x) = x dx + x dx: two edges from one node to one consumer."""
    found = run("s = x * x", x=3.0)
    assert [(e.input, e.argument, e.downstream) for e in found.edges] == [("x", 0, 3.0), ("x", 1, 3.0)]
    assert [b.value for b in found.gradients["x"].branches] == [3.0, 3.0]
    assert found.gradients["x"].value == 6.0


def test_hadamard() -> None:
    """d(a ∘ b) = b ∘ da + a ∘ db."""
    found = run("s = sum(a ∘ b)", a=X, b=U).gradients
    close(found["a"].value, U)
    close(found["b"].value, X)


def test_kronecker() -> None:
    """d(A ⊗ B) = dA ⊗ B + A ⊗ dB: ∂ΣA⊗B/∂A = ΣB in every entry."""
    found = run("s = sum(A ⊗ B)", A=A, B=B).gradients
    close(found["A"].value, np.full(A.shape, B.sum()))
    close(found["B"].value, np.full(B.shape, A.sum()))


# ------------------------------------------------------------------------ square matrices


def test_inverse() -> None:
    """d(A^-1) = -A^-1 dA A^-1, so ∂⟨T, A^-1⟩/∂A = -A^-T T A^-T."""
    inverse = np.linalg.inv(S)
    close(gradient("s = sum(T ∘ A^-1)", "A", A=S, T=T), -inverse.T @ T @ inverse.T)


def test_inverse_before_a_bracket_is_a_product() -> None:
    """A^-1 (b + c): the 1 of the exponent is no indicator."""
    assert run("s = sum(A^-1 (b + c))", A=S, b=X, c=U).value == pytest.approx(np.sum(np.linalg.solve(S, X + U)))


def test_solve() -> None:
    """d(A^-1 b) = A^-1 db - A^-1 dA A^-1 b."""
    found = run("s = u^T solve(A, b)", A=S, b=X, u=U).gradients
    adjoint = np.linalg.solve(S.T, U)
    close(found["b"].value, adjoint)
    close(found["A"].value, -np.outer(adjoint, np.linalg.solve(S, X)))


def test_trace() -> None:
    """d tr(A B) = ⟨B^T, dA⟩ + ⟨A^T, dB⟩."""
    found = run("s = tr(A B)", A=S, B=T).gradients
    close(found["A"].value, T.T)
    close(found["B"].value, S.T)


def test_determinant() -> None:
    """d det(A) = det(A) tr(A^-1 dA)."""
    close(gradient("s = det(A)", "A", A=S), np.linalg.det(S) * np.linalg.inv(S).T, 1e-12)


def test_log_determinant() -> None:
    """d log det(A) = tr(A^-1 dA)."""
    close(gradient("s = logdet(A)", "A", A=S), np.linalg.inv(S).T)


def test_power_of_a_matrix() -> None:
    """d tr(A^3) = 3 ⟨(A^2)^T, dA⟩."""
    close(gradient("s = tr(A^3)", "A", A=T), 3 * (T @ T).T)


# ------------------------------------------------------------------- functions and reductions


def test_softmax() -> None:
    """d softmax(x) = (diag(p) - p p^T) dx."""
    p = np.exp(X) / np.exp(X).sum()
    close(run("p = softmax(x)", x=X).gradients["x"].value, np.diag(p) - np.outer(p, p))


def test_log_softmax() -> None:
    """d log softmax(x) = (I - 1 p^T) dx."""
    p = np.exp(X) / np.exp(X).sum()
    close(run("y = log_softmax(x)", x=X).gradients["x"].value, np.eye(3) - np.outer(np.ones(3), p))


def test_cross_entropy_of_a_softmax() -> None:
    """d(-log softmax(x)_k) = (p - e_k)^T dx."""
    p = np.exp(X) / np.exp(X).sum()
    close(gradient("s = cross_entropy(softmax(x), onehot(1, 3))", "x", x=X), p - np.eye(3)[1])


def test_norm() -> None:
    """d||x|| = x^T dx / ||x||."""
    close(gradient("s = ||x||", "x", x=X), X / np.linalg.norm(X))


def test_minibatch_bias_is_summed() -> None:
    """Y = X W + b with a row b: ∂s/∂b is the sum of the rows of ∂s/∂Y."""
    found = run("s = sum((A B + b) .^ 2)", A=A, B=B, b=[[0.5, -0.25]]).gradients["b"]
    close(found.value, 2 * (A @ B + [0.5, -0.25]).sum(axis=0, keepdims=True))


def test_jacobian_of_a_layer() -> None:
    """∂f(W x)/∂x = diag(f'(z)) W, rows are outputs in both layouts."""
    expected = np.diag(1 - np.tanh(T @ X) ** 2) @ T
    for layout in ("shape", "numerator"):
        found = run("h = f(z); z = W x; f = tanh", layout=layout, W=T, x=X).gradients["x"]
        close(found.value, expected)
        assert found.rule.text == "diag(f'(z)) W"


def test_jacobian_by_a_matrix_stacks_columns() -> None:
    """vec(dW x) = (x^T ⊗ I) vec(dW)."""
    close(run("z = W x", W=T, x=X).gradients["W"].value, np.kron(X, np.eye(3)))


def test_jacobian_through_blocks_and_entries() -> None:
    """∂[x; X y]/∂(scalar x) is a column whatever way the scalar goes in."""
    found = run("z = [t, t^2, 1] + concat(t, B t)", t=2.0, B=[3.0, 4.0]).gradients["t"]
    close(found.value, [1 + 1, 4 + 3, 4])


SIZES = {"A": (2, 3), "B": (4, 5), "C": (3, 2), "E": (2, 4), "F": (2, 0), "G": (2, 4), "H": (0, 1), "K": (3, 5),
         "M": (4, 1), "P": (3, 2), "Q": (4, 2), "R": (2, 3), "W": (2, 3), "X": (3, 4), "Y": (2, 2),
         "a": (4,), "b": (3,), "v": (5,), "y": (5,)}  # fmt: skip
D = {name: numbers.uniform(-1, 1, shape) for name, shape in SIZES.items()}
STRUCTURED = [
    # factor by factor where factors fit, and as they stand where only the products do
    ("h = A X B", "X", "B^T ⊗ A", np.kron(D["B"].T, D["A"])),
    ("h = A X B; X = C Y E", "Y", "(B^T E^T) ⊗ (A C)", np.kron((D["E"] @ D["B"]).T, D["A"] @ D["C"])),
    ("h = W^T k; k = Z v; Z = A X B", "X", "W^T ((v^T B^T) ⊗ A)", D["W"].T @ np.kron((D["B"] @ D["v"])[None], D["A"])),
    ("h = P k; k = Z v; Z = A X B", "X", "P ((v^T B^T) ⊗ A)", D["P"] @ np.kron((D["B"] @ D["v"])[None], D["A"])),
    ("h = kron(R, G) k; k = kron(M, K) y", "y", "(R ⊗ G) (M ⊗ K)", np.kron(D["R"], D["G"]) @ np.kron(D["M"], D["K"])),
    ("h = kron(F, G) k; k = kron(H, K) y", "y", "(F ⊗ G) (H ⊗ K)", np.zeros((4, 5))),
    ("h = 2 z; z = t^T k; t = kron(P, Q); k = kron(M, K) y", "y", "2 t^T (M ⊗ K)",
     2 * np.kron(D["P"], D["Q"]).T @ np.kron(D["M"], D["K"])),
    # a transpose beside a vector
    ("h = a^T X^T", "X", "a^T ⊗ I", np.kron(D["a"][None], np.eye(3))),
    ("h = X^T b", "X", "I ⊗ b^T", np.kron(np.eye(4), D["b"][None])),
    ("h = C Y^T E", "Y", None, None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "by", "rule", "matrix"), STRUCTURED, ids=[text for text, *_ in STRUCTURED])
def test_jacobians_keep_their_kronecker_products(text: str, by: str, rule: str | None, matrix: Any) -> None:
    """(A ⊗ B) (C ⊗ D) = A C ⊗ B D; a transposed matrix between two others has no name."""
    used = set(re.findall(r"\b[A-Za-z]\b(?! =)", text)) - set(re.findall(r"\b(\w) =", text))
    found = gradcalc.loads(text).jacobian("h", by, {name: D[name].tolist() for name in used - {"T"}})
    assert (found.rule and found.rule.text) == rule
    if rule is not None:
        close(found.value, matrix)


# ---------------------------------------------------------------------- graphs of branches


def test_fan_out_sums() -> None:
    """x̄ = Σ of the branches: s = x y + x^2 + sin(x)."""
    found = run("s = x y + x^2 + sin(x)", x=0.5, y=3.0).gradients["x"]
    assert len(found.branches) == 3
    close(found.value, 3 + 2 * 0.5 + np.cos(0.5))
    close(sum(b.value for b in found.branches), found.value)


def test_a_single_branch_is_not_a_sum() -> None:
    """accumulate([x̄]) = x̄."""
    graph = Graph()
    leaf = graph.make("input", name="x", shape=(3,))
    assert accumulate([leaf]) is leaf


def test_unused_input() -> None:
    """∂s/∂y = 0 where s does not depend on y, in the shape of y and not connected."""
    found = run("s = x^2; y = [1, 2]", of="s", x=3.0).gradients["y"]
    assert found.value.tolist() == [0.0, 0.0]
    assert not found.connected
    assert run("s = x^2; y = [1, 2]", of="s", x=3.0).gradients["x"].connected


def test_a_condition_is_constant() -> None:
    """d where(c, a, b) = 1(c) da + 1(not c) db; nothing by c."""
    found = run("s = where(c > 0, a, b)", a=1.0, b=2.0, c=1.0).gradients
    assert (found["a"].value, found["b"].value, found["c"].value) == (1.0, 0.0, 0.0)
    assert not found["c"].connected


def test_upstream_gradient() -> None:
    """v^T J for a target that is a vector."""
    model = gradcalc.loads("z = W x")
    found = model.run({"W": T.tolist(), "x": X.tolist()}, upstream=U.tolist()).gradients
    close(found["x"].value, T.T @ U)
    close(found["W"].value, np.outer(U, X))


# ------------------------------------------------------------------------- second order


def test_hessian_of_a_quadratic_form() -> None:
    """∂²(x^T A x)/∂x² = A + A^T: adjoints are nodes and differentiate again."""
    found = run("s = x^T A x; g = ∂s/∂x; H = ∂g/∂x", of="H", layout="shape", A=T, x=X)
    close(found.value, T + T.T)


def test_hessian_of_logsumexp() -> None:
    """∂²logsumexp = diag(p) - p p^T."""
    p = np.exp(X) / np.exp(X).sum()
    close(run("s = logsumexp(x); g = ∂s/∂x; H = ∂g/∂x", of="H", x=X).value, np.diag(p) - np.outer(p, p))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("s = ‖x‖; d = ∂s/∂x", "(I - d d^T) / s"),
        ("s = std(x); d = ∂s/∂x", "(I - ones(n, n)/size(x) - size(x) d d^T) / (size(x) s)"),
        ("d = softmax(x)", "diag(d) - d d^T"),
        ("d = log_softmax(x)", "I - softmax(x)^T"),
    ],
)
def test_what_keeps_its_length_changes_across(text: str, form: str) -> None:
    """d(x/‖x‖) = (I - d d^T)/‖x‖ dx for d = x/‖x‖, and its like: J 1 = 0 where a common shift changes nothing."""
    rule = gradcalc.loads(f"x in R^n; {text}").jacobian("d", "x").rule
    assert rule is not None and rule.text == form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("x = 2; s = x^3; q = x^2", "3 q"),
        ("x = 2; s = x^9; q = x^8", "9 x^8"),
        ("x = 4; s = x^2.5; q = x", "2.5 x^1.5"),
        ("x = [1, 4]; s = sum(x .^ 2.5); q = x", "2.5 x .^ 1.5"),
    ],
)
def test_the_derivative_of_a_power(text: str, form: str) -> None:
    """d(x^n)/dx = n x^(n-1), of whole n up to 8 with the power that is there already."""
    equation = run(f"{text}; d = ∂s/∂x; t = d + q", of="t").nodes["d"].equation
    assert equation.text == form


def test_a_polynomial_has_no_further_derivatives() -> None:
    """dⁿ(xⁿ)/dxⁿ = n!, and the next is 0 and written so."""
    chain = "; ".join(f"d{k} = ∂d{k - 1}/∂x" for k in range(2, 11))
    found = run(f"s = x^9; d1 = ∂s/∂x; {chain}", of="d10", x=3.0).nodes
    assert [found[n].value for n in ("d8", "d9", "d10")] == [3 * 362880, 362880, 0]
    assert [found[n].equation.text for n in ("d9", "d10")] == ["362880", "0"]


@pytest.mark.parametrize(("text", "products"), [("softmax(x)", 3 + 3 + 2 * 3), ("log_softmax(x)", 3 + 3 + 3)])
def test_multiplications_of_a_softmax(text: str, products: int) -> None:
    """u^T p costs one for each entry of u and of p; p ∘ (c - ⟨p, c⟩) two for each entry, u - p Σu one."""
    assert run(f"s = u^T p; p = {text}", u=U, x=X).reuse.together == products


@pytest.mark.parametrize(
    "text",
    ["s = sum(tanh(A x)) + ||x||^3", "s = logdet(A + x x^T) sum(exp(x))", "s = x^T A^-1 x / (1 + sum(x .^ 2))",
     "s = cross_entropy(softmax(A x), sigmoid(x))", "s = det(A + 0.1 outer(x, x)) + norm(A, axis=1)^T x"],
)  # fmt: skip
def test_forward_over_reverse_is_symmetric(text: str) -> None:
    """⟨u, H v⟩ = ⟨v, H u⟩ with H v by forward mode through the adjoint."""
    plan = gradcalc.loads(text).plan({"A": (3, 3), "x": (3,)})
    leaf = plan.names["x"]
    graph = plan.graph
    u, v = (graph.make("input", name=n, shape=(3,), role="direction") for n in "uv")
    adjoint = reverse(plan.target).adjoint(leaf)
    left, right = (al.inner(a, forward(adjoint, {leaf: b})) for a, b in ((u, v), (v, u)))
    data = {"A": S, "x": X[:, None]}
    values = {n: data[n.attributes["name"]] for n in plan.inputs}
    values |= {u: U[:, None], v: numbers.uniform(-1, 1, extent((3,)))}
    evaluate(ancestors([left, right]), values)
    assert values[left].item() == pytest.approx(values[right].item(), rel=1e-13)
    assert values[left].item() != 0.0


def test_derivative_in_numerator_layout_is_a_row() -> None:
    """∂s/∂x is a row in numerator layout, a column in shape layout; by a matrix both keep its shape."""
    assert run("s = u^T x", layout="numerator", u=U, x=X).gradients["x"].value.shape == (1, 3)
    assert run("s = u^T x", layout="shape", u=U, x=X).gradients["x"].value.shape == (3,)
    assert run("s = u^T W x", layout="numerator", u=U, x=X, W=T).gradients["W"].value.shape == (3, 3)


@pytest.mark.parametrize(("layout", "by_column", "by_row"), [("shape", (3,), (1, 3)), ("numerator", (1, 3), (1, 3))])
def test_a_derivative_in_an_equation_has_the_shape_of_its_layout(layout: str, by_column: Any, by_row: Any) -> None:
    """∂s/∂x of a column is a row in numerator layout; by a row, a matrix or a scalar it keeps the shape."""
    text = "s = 2 u^T W x + r x + t; g = ∂s/∂x; k = ∂s/∂r; G = ∂s/∂W; d = ∂s/∂t; y = sum(g) + sum(k) + sum(G) + d"
    found = run(text, of="y", layout=layout, u=U, x=X, W=T, r=[U], t=1.0).nodes
    assert [found[name].shape for name in "gkGd"] == [by_column, by_row, (3, 3), ()]
    close(np.ravel(found["g"].value), 2 * U @ T + U)
    close(found["G"].value, 2 * np.outer(U, X))


def test_what_a_change_does_not_reach_does_not_change() -> None:
    """dy = 0 dx for a y that does not depend on x, in the shape of y."""
    graph = Graph()
    x, y, dx = (graph.make("input", name=name, shape=shape) for name, shape in (("x", ()), ("y", (2, 3)), ("dx", ())))
    change = forward(al.transpose(y), {x: dx})
    assert (change.op, change.shape) == ("zeros", (3, 2))


@pytest.mark.parametrize(
    "text",
    [
        "V = [1, 2, 3]; t = V^T; k = [1, 1, 2]; Y = t k; ∂Y/∂t == [[1, 1, 2]]",
        "V = [1, 2, 3]; t = V^T; z = t^T; ∂z/∂t == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]",
        "V = [1, 2]; n = -V; m = -n; ∂m/∂n == [[-1, 0], [0, -1]]",
        "V = [1, 2, 3]; h = 2 V; s = h^T h; g = ∂s/∂V; ∂g/∂h == [[4, 0, 0], [0, 4, 0], [0, 0, 4]]",
        "t = 3; X = [[1, 2], [3, 4]]; Y = t X; ∂Y/∂t == [[1, 2], [3, 4]]",
    ],
)
def test_a_named_value_is_what_is_derived_by(text: str) -> None:
    """∂y/∂v sees every use of v that was written, also where v is a transpose or a negative, or y a derivative."""
    [claim] = gradcalc.loads(text).run().claims
    assert claim.holds, claim.hint
