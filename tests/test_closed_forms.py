"""The standard tables of matrix derivatives, held to what is printed.

Numbers in brackets are those of equations in Petersen and Pedersen, The Matrix Cookbook, 2012. The strings are
written by hand from the tables; where several forms are as short, each is given. `s` is what is differentiated.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import gradcalc

COLUMNS = {"x", "y", "a", "b", "c", "d", "u", "v"}
SCALARS = {"k", "m", "p", "q"}

TABLE = [
    # linear and bilinear forms
    ("a^T x", "x", "a"),  # (69)
    ("x^T a", "x", "a"),  # (69)
    ("a^T X b", "X", "a b^T"),  # (70)
    ("a^T X^T b", "X", "b a^T"),  # (71)
    ("a^T X a", "X", "a a^T"),  # (72)
    ("a^T X^T a", "X", "a a^T"),  # (72)
    ("x^T A y", "x", "A y"),
    ("x^T A y", "y", "A^T x"),
    ("x^T A y", "A", "x y^T"),
    ("a^T x y^T b", "x", "y^T b a", "b^T y a", "a y^T b", "a b^T y"),
    ("a^T (x ∘ d)", "x", "a ∘ d", "d ∘ a"),
    ("u^T diag(d) x", "d", "u ∘ x", "x ∘ u"),
    ("u^T diag(d) x", "x", "u ∘ d", "d ∘ u"),
    ("u^T diag(d) W x", "x", "W^T (u ∘ d)", "W^T (d ∘ u)"),
    ("k (a^T x)", "x", "k a"),
    # quadratic forms
    ("x^T x", "x", "2 x"),  # (131)
    ("x^T B x", "x", "(B + B^T) x"),  # (81)
    ("k (x^T B x)", "x", "k (B + B^T) x"),
    ("1/2 (x^T B x) - b^T x", "x", "0.5 (B + B^T) x - b", "1/2 (B + B^T) x - b"),
    ("b^T X^T X c", "X", "X (b c^T + c b^T)", "X (c b^T + b c^T)"),  # (77)
    ("b^T X^T D X c", "X", "D^T X b c^T + D X c b^T", "D X c b^T + D^T X b c^T"),  # (82)
    ("(A x + b)^T C (D x + d)", "x", "A^T C (D x + d) + D^T C^T (A x + b)"),  # (78)
    ("(X b + c)^T D (X b + c)", "X", "(D + D^T) (X b + c) b^T"),  # (83)
    ("(x - A y)^T W (x - A y)", "x", "(W + W^T) (x - A y)"),  # (85), W symmetric there
    ("(x - A y)^T W (x - A y)", "y", "-A^T (W + W^T) (x - A y)"),  # (84), W symmetric there
    ("(x - A y)^T W (x - A y)", "A", "-(W + W^T) (x - A y) y^T"),  # (88), W symmetric there
    ("k (x^T x) + m (x^T x)", "x", "2 (k + m) x"),
    ("(x^T A x)^2", "x", "2 (x^T A x) (A + A^T) x"),
    # traces
    ("tr(X)", "X", "I"),  # (99)
    ("tr(X A)", "X", "A^T"),  # (100)
    ("tr(A X B)", "X", "A^T B^T"),  # (101)
    ("tr(A X^T B)", "X", "B A"),  # (102)
    ("tr(X^T A)", "X", "A"),  # (103)
    ("tr(A X^T)", "X", "A"),  # (104)
    ("tr(X^2)", "X", "2 X^T"),  # (106)
    ("tr(X^2 B)", "X", "X^T B^T + B^T X^T", "B^T X^T + X^T B^T"),  # (107)
    ("tr(X^T B X)", "X", "(B + B^T) X"),  # (108)
    ("tr(B X X^T)", "X", "(B + B^T) X"),  # (109)
    ("tr(X X^T B)", "X", "(B + B^T) X"),  # (110)
    ("tr(X B X^T)", "X", "X (B + B^T)"),  # (111)
    ("tr(X^T X)", "X", "2 X"),  # (115)
    ("tr(X X^T)", "X", "2 X"),
    ("tr(X^3)", "X", "3 X^T X^T"),  # (121) with k = 3
    ("tr(A X B X)", "X", "A^T X^T B^T + B^T X^T A^T"),
    ("tr(A X B X^T C)", "X", "A^T C^T X B^T + C A X B", "C A X B + A^T C^T X B^T"),
    ("tr((A X B + C) (A X B + C)^T)", "X", "2 A^T (A X B + C) B^T"),
    ("tr(k X)", "X", "k I"),
    # determinants
    ("det(X)", "X", "adj(X)^T"),  # (49): det(X) X^-T = adj(X)^T
    ("det(A X B)", "X", "A^T adj(A X B)^T B^T"),  # (51), right for singular matrices too
    ("det(X)^2", "X", "2 det(X) adj(X)^T"),
    ("det(X^-1)", "X", "-det(X^-1) X^-T"),  # (62)
    ("logdet(X)", "X", "X^-T"),  # (57)
    ("log(det(X))", "X", "X^-T"),  # (57)
    ("logdet(X^-1)", "X", "-X^-T"),
    ("logdet(X^T X)", "X", "2 X^-T"),  # (55), X square
    ("logdet(A X B)", "X", "X^-T"),
    # inverses
    ("a^T X^-1 b", "X", "-X^-T a b^T X^-T"),  # (61)
    ("tr(A X^-1 B)", "X", "-X^-T A^T B^T X^-T"),  # (63)
    ("tr(X^-1)", "X", "-X^-T X^-T"),
    ("tr((X + A)^-1)", "X", "-(X + A)^-T (X + A)^-T"),  # (64)
    # norms
    ("‖x‖", "x", "x/s"),
    ("‖x - a‖", "x", "(x - a) / s", "(x - a)/s"),  # (129)
    ("‖x - a‖^2", "x", "2 (x - a)"),
    ("‖X‖^2", "X", "2 X"),  # (132)
    ("‖X‖", "X", "X/s"),
    ("‖W x - y‖^2", "x", "2 W^T (W x - y)"),
    ("‖W x - y‖^2", "W", "2 (W x - y) x^T"),
    ("‖W x - y‖^2", "y", "2 (y - W x)", "-2 (W x - y)"),
    ("1/2 ‖W x - y‖^2", "W", "(W x - y) x^T"),
    ("‖A X - B‖^2", "X", "2 A^T (A X - B)"),
    ("‖x‖^2 ‖y‖^2", "x", "2 ‖y‖^2 x"),
    ("‖x‖^2 + k ‖x‖^2", "x", "2 (k + 1) x", "2 (1 + k) x"),
    # quotients
    ("1/k", "k", "-1/k^2"),
    ("m/k", "k", "-s/k", "-m/k^2"),
    ("square(k) + 1/k", "k", "2 k - 1/k^2"),
    ("sum(1 ./ x)", "x", "-1 ./ x .^ 2"),
    ("sum(a ./ x)", "a", "ones(3) ./ x", "1 ./ x"),
    # functions of numbers and of columns
    ("exp(a^T x)", "x", "s a"),
    ("sum(x ∘ y)", "x", "y"),
    ("logsumexp(x)", "x", "softmax(x)"),
    ("logsumexp(X)", "X", "exp(X - logsumexp(X))"),
    ("std(x)", "x", "(x - mean(x)) / (3 s)"),
    ("-y^T log(softmax(x))", "x", "sum(y) softmax(x) - y"),
    ("cross_entropy(softmax(x), y)", "x", "sum(y) softmax(x) - y"),
    ("-y^T log_softmax(x)", "x", "sum(y) softmax(x) - y"),
]


def value_of(name: str, numbers: np.random.Generator) -> Any:
    """A random value of the shape that the name has in the tables; matrices have positive determinants."""
    if name in SCALARS:
        return float(numbers.uniform(0.5, 2.0))
    if name in COLUMNS:
        return numbers.uniform(0.1, 0.9, 3)
    return numbers.uniform(-0.5, 0.5, (3, 3)) + 2.0 * np.eye(3)


def data_of(text: str) -> dict[str, Any]:
    numbers = np.random.default_rng(7)
    words = sorted(set(re.findall(r"(?<![\w^])[A-Za-z](?!\w|\()", text)))
    return {name: value_of(name, numbers) for name in words}


def printed(text: str, by: str) -> str:
    """The gradient of a formula as it is printed in the shape layout; X^-T and (X^-1)^T count as one."""
    gradient = gradcalc.loads(f"s = {text}").run(data_of(text), wrt=[by]).gradients[by]
    assert gradient.rule is not None
    return re.sub(r"\(([^()\s]+|\([^()]*\))\^-1\)\^T", r"\1^-T", gradient.rule.text)


ENTRIES = [(text, by, forms) for text, by, *forms in TABLE]


@pytest.mark.parametrize(("text", "by", "forms"), ENTRIES, ids=[f"d {text} by {by}" for text, by, _ in ENTRIES])
def test_the_gradient_is_printed_as_in_the_tables(text: str, by: str, forms: list[str]) -> None:
    assert printed(text, by) in forms


@pytest.mark.parametrize(("text", "by", "forms"), ENTRIES, ids=[f"d {text} by {by}" for text, by, _ in ENTRIES])
def test_the_entries_of_the_tables_are_right(text: str, by: str, forms: list[str]) -> None:
    """Each form, evaluated as an equation of its own, is the gradient in numbers."""
    data = data_of(text)
    gradient = np.asarray(gradcalc.loads(f"s = {text}").run(data, wrt=[by]).gradients[by].value, dtype=float)
    for form in forms:
        if form == "I" or form.endswith(" I"):
            form = form.replace("I", "eye(3)")
        form = re.sub(r"(?<!\w)s(?!\w)", f"({text})", form)
        used = {n: v for n, v in data.items() if re.search(rf"(?<!\w){n}(?!\w)", form)}
        found = gradcalc.loads(f"answer = {form}").run(used, of="answer")
        assert np.allclose(found.nodes["answer"].value, gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("text", "form"), [("1/k", "2/k^3"), ("m/k", "2 (s/k / k)")])
def test_second_derivatives_of_quotients(text: str, form: str) -> None:
    rule = gradcalc.loads(f"s = {text}").hessian("s", "k", data_of(text)).rule
    assert rule is not None and rule.text == form


@pytest.mark.parametrize("name", ["silu", "sinc"])
def test_a_second_derivative_without_a_form_of_its_own_has_two_primes(name: str) -> None:
    rule = gradcalc.loads(f"s = {name}(x)").hessian("s", data={"x": 1.0}).rule
    assert rule is not None and rule.text == f"{name}''(x)"


def test_a_named_square_is_found_under_a_quotient() -> None:
    """d(1/x) = -1/x² dx, and x² is q."""
    run = gradcalc.loads("s = 1/x + q; q = square(x); x = 2").run()
    assert run.gradients["x"].rule.text == "2 x - 1/q"


_ONE = r"\mathbf{1}"
CHOICES = [
    # ∂s/∂x where nothing is tied, and where x = y is
    ("max(x, y)", False, "1(x > y)", _ONE + r"\left(x > y\right)"),
    ("min(x, y)", False, "1(x < y)", _ONE + r"\left(x < y\right)"),
    ("max(x, y, z)", False, "1(x > max(y, z))", _ONE + r"\left(x > \max\left(y, z\right)\right)"),
    ("min(x, y, z)", False, "1(x < min(y, z))", _ONE + r"\left(x < \min\left(y, z\right)\right)"),
    ("max(x, y)", True, "1(x >= y) / (1 + 1(x == y))",
     rf"\frac{{{_ONE}\left(x \ge y\right)}}{{1 + {_ONE}\left(x = y\right)}}"),
    ("min(x, y)", True, "1(x <= y) / (1 + 1(x == y))",
     rf"\frac{{{_ONE}\left(x \le y\right)}}{{1 + {_ONE}\left(x = y\right)}}"),
    ("max(x, y, z - 9)", True, "1(x >= max(y, z - 9)) / (1 + 1(x == y) + 1(x == z - 9))",
     rf"\frac{{{_ONE}\left(x \ge \max\left(y, z - 9\right)\right)}}"
     rf"{{1 + {_ONE}\left(x = y\right) + {_ONE}\left(x = z - 9\right)}}"),
    ("min(x, y, z)", True, "1(x <= min(y, z)) / (1 + 1(x == y) + 1(x == z))",
     rf"\frac{{{_ONE}\left(x \le \min\left(y, z\right)\right)}}"
     rf"{{1 + {_ONE}\left(x = y\right) + {_ONE}\left(x = z\right)}}"),
    *((f"where(x {sign} y, x, z)", False, f"1(x {sign} y)", rf"{_ONE}\left(x {set_} y\right)")
      for sign, set_ in (("<", "<"), ("<=", r"\le"), (">", ">"), (">=", r"\ge"), ("==", "="), ("!=", r"\ne"))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "tied", "form", "latex"), CHOICES, ids=[f"{c[0]}{' tied' * c[1]}" for c in CHOICES])
def test_choices_are_printed_as_indicators(text: str, tied: bool, form: str, latex: str) -> None:
    data = {"x": 1.0, "y": 1.0 if tied else 2.0, "z": 3.0}
    used = {name: value for name, value in data.items() if re.search(rf"\b{name}\b", text)}
    rule = gradcalc.loads(f"s = {text}").run(used).gradients["x"].rule
    assert (rule.text, rule.latex) == (form, latex)


def test_a_second_derivative_is_as_in_the_tables() -> None:
    """∂(∂s/∂x)/∂x of s = x^T A x is A + A^T (98); a claim of it holds by symbols."""
    run = gradcalc.loads("s = x^T A x; H = ∂(∂s/∂x)/∂x; H == A + A^T; ∂s/∂x == (A + A^T) x").run(
        {"x": [1.0, 2.0], "A": [[1.0, 2.0], [5.0, 3.0]]}, of="s"
    )
    assert [(claim.holds, claim.by) for claim in run.claims] == [(True, "symbols")] * 2


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("y = 1e200 x; z = 1e200 y", "1e200 * 1e200"),
        ("y = 1e-200 x; z = 1e-200 y", "1e-200 * 1e-200"),
        ("y = 1e200 x; w = 1e200 y; z = 1e-300 w", "1e100"),
        ("z = 1e200 x - 1e200 x + x", "1"),
    ],
)
def test_numbers_that_no_float_is_the_product_of_stay_factors(text: str, form: str) -> None:
    assert rule_of(text, "z", "x") == form


def test_a_second_derivative_beyond_floats_keeps_its_factors() -> None:
    """∂²z/∂x² = 2e400."""
    made = gradcalc.loads("z = 1e200 (1e200 x^2)").hessian().hessians["x"]["x"]
    assert made.rule is not None and made.rule.text == "1e200 * 2e200"


def rule_of(text: str, of: str, by: str) -> str:
    rule = gradcalc.loads(text).jacobian(of, by).jacobians[by].rule
    assert rule is not None
    return rule.text
