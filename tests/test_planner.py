"""What a text means: calls or products, shapes, names, order, targets; each law in a line of the language."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import gradcalc
from gradcalc import GradcalcError, loads
from gradcalc.errors import Limits
from gradcalc.graph import verify
from gradcalc.notation import EXPLICIT, render
from gradcalc.planning.definitions import names_in
from gradcalc.planning.plan import named_values
from gradcalc.planning.planner import Plan


def plan(text: str, **options: Any) -> Plan:
    """The verified plan of a text."""
    found = loads(text).plan(**options)
    verify(found.graph)
    return found


def value(text: str, of: str | None = None) -> Any:
    """The value of the target, or of a name."""
    run = loads(text).run(of=of)
    return np.asarray(run.value).tolist()


def codes(text: str, **options: Any) -> list[str]:
    """The codes of the faults of a plan."""
    try:
        loads(text).plan(**options)
    except GradcalcError as error:
        return [d.code for d in error.diagnostics]
    return []


DATA = "\na = 2; b = 3; x = [1, 2, 3]; y = [4, 5, 6]; A = [2, 1; 1, 3]; v = [5, 7]\n"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # precedence
        ("-2^2", -4),
        ("2^3^2", 512),
        ("2^-1", 0.5),
        ("-2 * -3", 6),
        ("1/2 v^T A v", 0.5 * (25 * 2 + 2 * 35 + 49 * 3)),
        ("6 / 2 3", "missing-operator"),
        ("6 / a b", 9),
        ("6 / (a b)", 1),
        ("a b^2", 18),
        ("1 - 2 - 3", -4),
        ("8 / 4 / 2", 1),
        # an identity takes its size from what is beside it
        ("where(A > 1, A, I)", [[2, 0], [0, 3]]),
        ("(A ⊗ I) (2 I) concat(v, v)", [30, 42, 40, 56]),
        # a number before a comparison that is an indicator
        ("1 (a > 1)", 1),
        ("2 (a > 1)", 2),
        # a norm along an axis squared is none of the whole
        ("norm([3, 4; 6, 8], axis=1) .^ 2", [25, 100]),
        # calls or products
        ("a (b + 1)^2", 32),
        ("a (b)", 6),
        ("sqrt (b + 1)^2", 4),
        ("(a + b) (a - b)", -5),
        ("x' (y)", 32),
        ("f (b + 1)^2; f(t) = t + 1", 25),
        ("f'(b); f(t) = t^2", 6),
        ("f''(b); f(t) = t^3", 18),
        ("exp'(0)", 1),
        ("2 max(a, b) a", 12),
        ("2^a (b)", 12),
        ("2^sqrt(4)", 4),
        ("A[0, 0] (b)", 6),
        # products of shapes
        ("x^T y", 32),
        ("y x^T", [[4, 8, 12], [5, 10, 15], [6, 12, 18]]),
        ("A v", [17, 26]),
        ("v^T A", [[17, 26]]),
        ("a x", [2, 4, 6]),
        ("x a", [2, 4, 6]),
        ("x ∘ y", [4, 10, 18]),
        ("x ./ y", [0.25, 0.4, 0.5]),
        ("x .^ 2", [1, 4, 9]),
        ("x / a", [0.5, 1, 1.5]),
        ("A^2", [[5, 5], [5, 10]]),
        ("A^-1 A", [[1, 0], [0, 1]]),
        ("A^{-1}", [[0.6, -0.2], [-0.2, 0.4]]),
        ("(A^-T)^T", [[0.6, -0.2], [-0.2, 0.4]]),
        ("A^T^T", [[2, 1], [1, 3]]),
        ("A I", [[2, 1], [1, 3]]),
        ("A + 2 I", [[4, 1], [1, 5]]),
        ("A ⊗ [1, 2]", [[2, 1], [4, 2], [1, 3], [2, 6]]),
        # stretching
        ("x + 1", [2, 3, 4]),
        ("A + v", [[7, 6], [8, 10]]),
        ("A + v^T", [[7, 8], [6, 10]]),
        # bars, comparisons, entries
        ("||v||_1", 12),
        ("||v||_inf", 7),
        ("|-3|", 3),
        ("1(a < b) + 1(a > b)", 1),
        ("(a ≤ 2) (b ≠ 3)", 0),
        ("where(x > 2, x, 0)", [0, 0, 3]),
        ("x[2]", 3),
        ("A[1, :]", [[1, 3]]),
        ("A[:, 1]", [1, 3]),
        ("x[1:]", [2, 3]),
        ("x[:1]", [1]),
        # literals
        ("[a, b]", [2, 3]),
        ("[[a, b]]", [[2, 3]]),
        ("[a, b; b, a]", [[2, 3], [3, 2]]),
        ("[[a], [b]]", [2, 3]),
        # functions
        ("f(x); f(t) = 1/t", [1, 0.5, 1 / 3]),
        ("f(x, y); f(s, t) = s t", [4, 10, 18]),
        ("f(A, v); f(M, t) = t^T M t", 267),
        ("g(x); g(t) = f(t) + 1; f(t) = t^2", [2, 5, 10]),
        ("f(x); f = square", [1, 4, 9]),
        ("f(x); f = g; g = square", [1, 4, 9]),
        ("f(v); f(t) = A t", [17, 26]),
        ("sum(A, axis=0)", [[3, 4]]),
        ("sum(A, axis=1)", [3, 4]),
        ("max(A)", 3),
        ("max(x, 2)", [2, 2, 3]),
        # derivatives in expressions
        ("∂q/∂a; q = a^2 b", 12),
        ("d(q)/d(a); q = a^2 b", 12),
        ("grad(q, a) + 1; q = a^2 b", 13),
        ("∂q/∂v; q = v^T A v", [34, 52]),
        ("∂/∂a (a^3)", 12),
        ("∂q/∂p ∂p/∂a; p = a^2; q = 3 p", 12),
        ("∂q/∂b; q = a^2", 0),
        ("∂q/∂b; q = a x", [0, 0, 0]),
        ("∂q/∂v; q = a x", [[0, 0], [0, 0], [0, 0]]),
        ("pi - π", 0),
        ("\\delta; δ = 4", 4),
        # written numbers are one number, and go last
        ("2^10 a", 2048),
        ("0^2 + a", 2),
        ("(-2)^3", -8),
        ("6/3 a", 4),
        ("3 a x^T y", 192),
        ("2 A v", [34, 52]),
        ("2 * a * b", 12),
        ("a * 2 b", 12),
        ("1(a < b) x", [1, 2, 3]),
        ("2 (a < b)", 2),
        ("1 x", [1, 2, 3]),
        ("a - -b", 5),
        ("1 - x", [0, -1, -2]),
        # powers of matrices, identities of any size
        ("A^0", [[1, 0], [0, 1]]),
        ("A^3", [[15, 20], [20, 35]]),
        ("A^-2", [[0.4, -0.2], [-0.2, 0.2]]),
        ("a^-T", 0.5),
        ("(3 I)^T A", [[6, 3], [3, 9]]),
        ("I I A", [[2, 1], [1, 3]]),
        ("(2 I) (3 I) A", [[12, 6], [6, 18]]),
        ("I^T v", [5, 7]),
        ("A (I / a)", [[1, 0.5], [0.5, 1.5]]),
        ("(I ⊗ [1, 1]) v", [5, 5, 7, 7]),
        ("([1, 1] ⊗ I) v", [5, 7, 5, 7]),
        ("||v||^2", 74),
        ("||x - y||^2", 27),
        # functions that use other functions and values of the file
        ("g(x); g(t) = h(t) t; h(t) = t a", [2, 8, 18]),
        ("f(x); f(t) = max(t, 2)", [2, 2, 3]),
        ("f'(x); f(t) = t^2", [2, 4, 6]),
        ("f'(x); f(t) = a t^3", [6, 24, 54]),
        ("f(g(b)); f(t) = g(t) + 1; g(t) = 2 t", 13),
        ("f'(b); f(t) = g(t)^2; g(t) = 3 t", 54),
        ("h'(x); h = f; f(t) = t^2", [2, 4, 6]),
        # a body that holds a product is read anew for every call
        ("f(1) + f(2); f(t) = a (t + 1)^2", 26),
        ("f(1) + f(2); f(t) = a (t + 1)^2^1", 26),
        ("f(3) + f(5); f(t) = 2^a (t)", 32),
        # what follows a bracket goes with it, all of it
        ("a (x)[1]", 4),
        ("[1, 2; 3, 4]^2^T v", [7 * 5 + 15 * 7, 10 * 5 + 22 * 7]),
        # parameters hide values
        ("f(v); f(x) = x x", [25, 49]),
        ("f(x - 2); f(t) = |t| t", [-1, 0, 1]),
        # powers
        ("A^1", [[2, 1], [1, 3]]),
        ("A I^2", [[2, 1], [1, 3]]),
        ("||[3, 4]||^3", 125),
        # comparisons of matrices
        ("1(A > 2 I)", [[0, 1], [1, 1]]),
    ],
)  # fmt: skip
def test_meaning(expression: str, expected: Any) -> None:
    """`r = expression` has this value, by the rules of the language."""
    text = f"r = {expression}{DATA}"
    if isinstance(expected, str):
        with pytest.raises(GradcalcError) as caught:
            loads(text)
        assert [d.code for d in caught.value.diagnostics] == [expected]
    else:
        assert np.allclose(value(text, "r"), expected, rtol=1e-12, atol=1e-12)
        assert np.shape(value(text, "r")) == np.shape(expected)


@pytest.mark.parametrize(
    ("expression", "code", "remedy"),
    [
        ("A x", "shape-mismatch", "give x 2 entries, or A 3 columns"),
        ("x y", "shape-mismatch",
         "write `x^T y` for their inner product, a scalar, or `x y^T` for their outer product, a matrix"),
        ("x v", "shape-mismatch", "write `x v^T` for their outer product, a matrix"),
        ("C A", "shape-mismatch", "write `C^T A`, or give A 3 rows"),
        ("A C^T", "shape-mismatch", "give C^T 2 rows, or A 3 columns"),
        ("x / y", "shape-mismatch", "write `x ./ y` to divide entry by entry"),
        ("v / A", "shape-mismatch", "write `v A^-1` for the inverse, or `v ./ A` to divide entry by entry"),
        ("a / A", "shape-mismatch", "write `a ./ A` to divide entry by entry"),
        ("x^2", "shape-mismatch",
         "write `x .^ 2` for the power of every entry, or `||x||^2` for the sum of the squares"),
        ("x^3", "shape-mismatch", "write `x .^ 3` for the power of every entry"),
        ("C^2", "shape-mismatch", "write `C .^ 2` for the power of every entry"),
        ("A^0.5", "bad-exponent", "write `A .^ 0.5` for the power of every entry"),
        ("A^b", "bad-exponent", "write `A .^ b` for the power of every entry"),
        ("A^1001", "bad-exponent", "write `A .^ 1001` for the power of every entry"),
        ("sin(x, axis=0)", "bad-argument", "leave `axis=` out"),
        ("x + y^T", "shape-mismatch", "write `y` for a column"),
        ("y^T + x", "shape-mismatch", "write `y` for a column"),
        ("x^T + v^T", "shape-mismatch", "give `v^T` 3 entries"),
        ("A + C", "shape-mismatch", "give `C` the shape 2×2, or `A` the shape 2×3"),
        ("C + v^T", "shape-mismatch", "write `v` to stretch it over every column"),
        ("C + |x|", "shape-mismatch", "write `(|x|)^T` to stretch it over every row"),
        ("x + v^T", "shape-mismatch", "for every pair of entries write the outer product `u v^T`"),
        ("C + [1, 2, 3]", "shape-mismatch", "write `[1, 2, 3]^T` to stretch it over every row"),
        ("C + (x + y)", "shape-mismatch", "write `(x + y)^T` to stretch it over every row"),
        ("C + 2 x", "shape-mismatch", "write `2 x^T` to stretch it over every row"),
    ],
)  # fmt: skip
def test_what_does_not_fit_says_what_would(expression: str, code: str, remedy: str) -> None:
    with pytest.raises(GradcalcError) as caught:
        loads(f"r = {expression}{DATA}C = [1, 2, 3; 4, 5, 6]").run()
    [found] = caught.value.diagnostics
    assert (found.code, found.help) == (code, remedy)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("r = solve(A, I)", "unknown-size"),  # what solve gives does not tell the size of what it takes
        ("r = sum'(x)", "bad-derivative"),
        ("r = max'(a, b)", "bad-derivative"),
        ("r = [1, x]", "bad-literal"),
        ("r = [[1, 2; 3, 4], [5, 6; 7, 8]]", "bad-literal"),
        ("f(t) = t; f = 3", "duplicate-name"),
        ("r = x[I]", "bad-index"),
        ("r = I + 1", "unknown-size"),
        ("r = (2 I)^2", "unknown-size"),
        ("r = (A ⊗ I)^T concat(v, v)", "unknown-size"),
        ("r = [1, 2, 3; 4, 5, 6] + I", "unknown-size"),
        ("r = x .^ v", "shape-mismatch"),
        ("I == 2 I", "unknown-size"),
        ("[1, 2, 3; 4, 5, 6] == I", "unknown-size"),
        ("f(t) = t^2; r = 2 t", "unknown-name"),
        ("g(t) = t^2; r = g'(unknown)", "unknown-name"),
        ("g(t) = t t g; r = g(x)", "function-as-value"),
    ],
)
def test_a_fault_of_its_own(text: str, code: str) -> None:
    """One mistake, one message."""
    assert codes(text + DATA) == [code]


def test_a_matrix_has_powers_up_to_1000() -> None:
    assert codes("r = A^1000; A = [0.5, 0; 0, 0.5]") == []
    assert codes("r = A^1001; A = [0.5, 0; 0, 0.5]") == ["bad-exponent"]


def test_a_name_of_data_is_no_function() -> None:
    """Where `tanh` comes from outside it has no value at a place."""
    assert codes("f = tanh; s = f(x); x = 2", shapes={"tanh": ()}) == ["undefined-function"]


def test_the_last_entry_has_no_number_where_the_length_has_none() -> None:
    with pytest.raises(GradcalcError) as caught:
        loads("x ∈ R^n; y = x[-1]").plan(numeric=False)
    assert [d.help for d in caught.value.diagnostics] == ["count from the first entry"]


def test_the_inverse_of_what_is_not_square_is_told_with_its_shape() -> None:
    with pytest.raises(GradcalcError) as caught:
        loads("r = C^-T; C = [1, 2, 3; 4, 5, 6]").plan()
    [found] = caught.value.diagnostics
    assert (found.code, [label.text for label in found.labels]) == ("shape-mismatch", ["2×3"])


@pytest.mark.parametrize("length", [24, 25])
def test_long_names_in_a_remedy_are_cut_in_their_middle(length: int) -> None:
    """From 25 characters on."""
    p, q = "p" * length, "q" * length
    u, v = (p, q) if length == 24 else (f"{'p' * 12} … {'p' * 8}", f"{'q' * 12} … {'q' * 8}")
    for text, remedy in (
        (f"{p} + {q}; {q} = [5, 7]", f"give `{v}` 3 entries, or `{u}` 2"),
        (f"[1, 2, 3; 4, 5, 6] + {p}", f"write `{u}^T` to stretch it over every row"),
        (f"{p}^3", f"write `{u} .^ 3` for the power of every entry"),
        (f"[1, 2; 3, 4]^{q}; {q} = 2", f"write `[1, 2; 3, 4] .^ {v}` for the power of every entry"),
    ):
        with pytest.raises(GradcalcError) as caught:
            loads(f"r = {text}; {p} = [1, 2, 3]").plan()
        assert [d.help for d in caught.value.diagnostics] == [remedy]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("y = dx; x = 2", "for a derivative write `∂y/∂x`"),
        ("y = dz; x = 2", "define it, as in `dz = ...`, or give it a value with --set dz=..."),
        ("y = qx; x = 2", "define it, as in `qx = ...`, or give it a value with --set qx=..."),
    ],
)
def test_a_name_with_a_d_before_may_be_a_derivative(text: str, remedy: str) -> None:
    with pytest.raises(GradcalcError) as caught:
        loads(text).plan()
    assert [d.help for d in caught.value.diagnostics] == [remedy]


def test_long_expressions_in_a_message_are_cut_in_their_middle() -> None:
    """From 25 characters on."""
    for by, of, x, y in (
        ("(x + 1000 + 2000 + 3000)", "(x^2 + 1000 x + 20000 x)") * 2,
        ("(x + 1000 + 2000 + 30000)", "(x^2 + 1000 x + 200000 x)", "(x + 1000 + … + 30000)", "(x^2 + 1000 … 00000 x)"),
    ):
        with pytest.raises(GradcalcError) as caught:
            loads(f"g = ∂{of}/∂{by}; x = 1").plan()
        assert [d.message for d in caught.value.diagnostics] == [f"`{x}` is no part of `{y}`"]


@pytest.mark.parametrize(
    ("expression", "what"), [("x > v", "comparison"), ("x ./ v", "quotient"), ("x ∘ v", "product"), ("x + v", "sum")]
)
def test_what_does_not_fit_is_called_what_it_is(expression: str, what: str) -> None:
    with pytest.raises(GradcalcError) as caught:
        loads(f"r = {expression}{DATA}").run()
    assert [d.message for d in caught.value.diagnostics] == [f"the {what} `{expression}` does not fit"]


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [("sin(a, b)", "1"), ("clip(a, b)", "3"), ("solve(A)", "2"), ("f(a); f(s, t) = s t", "2"), ("where(a, b)", "3")],
)
def test_a_wrong_number_of_arguments_is_told(expression: str, wanted: str) -> None:
    with pytest.raises(GradcalcError) as caught:
        loads(f"r = {expression}{DATA}").run()
    given = expression.count(",", 0, expression.index(")")) + 1
    text = " ".join(str(part) for part in (caught.value.diagnostics[0].message, caught.value.diagnostics[0].rule))
    assert wanted in text and str(given) in text


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("f(t) = t; s = f(1, 2)", "`f` takes 1 argument and gets 2", "call it as `f(t)`"),
        ("f(a, b, c) = a; s = f(1, 2)", "`f` takes 3 arguments and gets 2", "call it as `f(a, b, c)`"),
        ("s = eye(1, 2)", "`eye` takes 1 argument and gets 2", "`gradcalc functions eye` shows how it is used"),
        ("s = zeros()", "`zeros` takes 1 to 2 arguments and gets 0", "`gradcalc functions zeros` shows how it is used"),
        ("s = f(a, b)", "`f` takes 1 argument and gets 2", "define it, as in `f(a, b) = ...`"),
    ],
)  # fmt: skip
def test_a_wrong_number_of_arguments_says_how_to_call(text: str, message: str, remedy: str) -> None:
    """A function that has no definition is one of one argument."""
    with pytest.raises(GradcalcError) as caught:
        loads(text).plan(numeric=False)
    [found] = caught.value.diagnostics
    assert (found.message, found.help) == (message, remedy)


def test_a_value_of_a_functions_name_makes_it_a_product() -> None:
    """`exp (x)` multiplies where exp is data."""
    assert value("s = exp (x); exp = 3; x = 2", "s") == 6
    assert value("s = d(2); d = 5", "s") == 10


def test_a_name_that_is_an_operand_too_is_no_function() -> None:
    """`C (x - b)` without data: tr(C) says that C is a value."""
    assert plan("z = C (x - b); t = tr(C)", numeric=False, of="z").target.op == "matmul"


def test_names_that_are_words_elsewhere() -> None:
    """`e`, `T`, `in`, `input` and `R` are ordinary names."""
    assert value("s = e T + in R; e = 2; T = 3; in = 4; R = 5", "s") == 26


# ------------------------------------------------------------------------------------ order

LECTURE = ["s = u^T h", "h = f(z)", "z = W x + b", "f = tanh", "W = [1, 2; 3, 4]", "x = [1, -1]", "b = [0.5, 1]",
           "u = [2, 1]", "∂s/∂b == u ∘ f'(z)"]  # fmt: skip


def _described(found: Plan) -> list[tuple[str, str, list[str]]]:
    return [(found.labels[n], n.op, [found.labels.get(i, i.op) for i in n.inputs]) for n in found.order]


def test_the_order_of_statements_is_free() -> None:
    """Bottom up, top down and shuffled: the same nodes, names, numbers of pieces and order."""
    expected = _described(plan("\n".join(LECTURE)))
    assert _described(plan("\n".join(reversed(LECTURE)))) == expected
    shuffler = random.Random(7)
    for _ in range(20):
        lines = LECTURE[:]
        shuffler.shuffle(lines)
        assert _described(plan("; ".join(lines))) == expected


def test_pieces_have_names_of_their_own() -> None:
    """Nested expressions are broken up; t1 is skipped where the file has one."""
    found = plan("s = (a + b) (a b); a = 2; b = 3")
    assert [found.labels[n] for n in found.order] == ["a", "b", "t1", "t2", "s"]
    found = plan("s = (t1 + b) (t1 b); t1 = 2; b = 3")
    assert [found.labels[n] for n in found.order] == ["t1", "b", "t2", "t3", "s"]


def test_a_value_that_is_used_twice_is_one_node() -> None:
    """The same expression is the same node; two edges from it are two branches."""
    found = plan("s = (a b) (a b); a = 2; b = 3")
    assert [found.labels[n] for n in found.order] == ["a", "b", "t1", "s"]
    assert found.target.inputs[0] is found.target.inputs[1]


# ----------------------------------------------------------------------------------- targets


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("s = x^2; x = 3", "s"),
        ("z = x + 1; s = z^2; x = 3", "s"),
        ("s = z^2; z = x + 1; x = 3", "s"),
        ("a = x + 1; b = x + 2; x = 3", "b"),
        ("b = x + 2; a = x + 1; x = 3", "a"),
        ("s = x^2; g = ∂s/∂x; x = 3", "s"),
        ("f(x, y, z) = (x + y) max(y, z); x = 1, y = 2, z = 0", "f"),
        ("s = x^2; x = 3; s == 9", "s"),
        ("f(u) = u; g(x) = x^2; x = 3", "g"),
        ("x = [1, 2]", "x"),
    ],
)
def test_the_target(text: str, target: str) -> None:
    """The one computed value that nothing uses; of several the last; never a derivative of another."""
    found = plan(text)
    assert found.labels[found.target] == target


def test_several_targets_are_noted() -> None:
    """Of several values that nothing uses the others are named."""
    [note] = plan("a = x + 1; b = x + 2; x = 3").notes
    assert "target is b" in note and "for a write --of" in note
    [note] = plan("; ".join(f"a{i} = x + {i}" for i in range(8)) + "; x = 3").notes
    assert "target is a7" in note and "for a2, a3, a4, a5, a6 write --of" in note


def test_data_from_outside_is_the_target_last_of_all() -> None:
    found = plan("a = 2; b = 3; x (input)", shapes={"x": ()})
    assert found.labels[found.target] == "b"
    assert "for x, a write --of" in found.notes[0]


def test_values_are_listed_once() -> None:
    found = plan("s = x + y; x = 1; y = 2")
    assert [name for name, _ in named_values(found, ["y", "x", "y"])] == ["y", "x"]


def test_of_names_the_target() -> None:
    """An unknown one is a fault of usage, with a suggestion."""
    found = plan("score = z^2; z = x + 1; x = 3", of="z")
    assert found.labels[found.target] == "z"
    with pytest.raises(GradcalcError) as caught:
        plan("score = x^2; x = 3", of="scroe")
    [fault] = caught.value.diagnostics
    assert (fault.code, fault.help) == ("unknown-target", "did you mean `score`?")


def test_an_uncalled_function_is_an_output() -> None:
    """The slide's f(x, y, z) runs as it stands; a function that is called is none."""
    run = loads("f(x, y, z) = (x + y) max(y, z); x = 1, y = 2, z = 0").run()
    assert run.value == 6
    assert {n: g.value for n, g in run.gradients.items()} == {"x": 2, "y": 5, "z": 0}
    for called in ("s = f(x) + 1", "g = f; s = g(x)", "s = x + [1, 2][f(0):][0]"):
        assert "f" not in plan(f"f(x) = x - x; {called}; x = 3").names


def test_functions_of_scalars_act_entry_by_entry() -> None:
    """`h_i = f(z_i)`: scalar operations only; others take the value whole."""
    assert value("f(t) = 1/(1 + exp(-t)); h = f(z); z = [0, 0]", "h") == [0.5, 0.5]
    assert value("f(t) = t^T t; h = f(z); z = [3, 4]", "h") == 25
    assert value("f(t) = t t; h = f(z); z = [3, 4]", "h") == [9, 16]
    assert value("f(t) = a t t; a = 2; h = f(z); z = [3, 4]", "h") == [18, 32]
    assert value("f(t) = A t; A = [0, 1; 1, 0]; h = f(z); z = [3, 4]", "h") == [4, 3]
    assert value("g(t) = f(t) + 1; f(t) = A t; A = [0, 1; 1, 0]; h = g(z); z = [3, 4]", "h") == [5, 4]
    assert codes("g(t) = f(t) f(t); f(t) = A t; A = [0, 1; 1, 0]; h = g(z); z = [3, 4]") == ["shape-mismatch"]


def test_a_function_under_another_name_acts_as_it_does() -> None:
    """One that uses another that takes the value whole does so too, by whatever name."""
    assert codes("g(t) = h(t) h(t); h = f; f(t) = A t; A = [0, 1; 1, 0]; y = g(z); z = [3, 4]") == ["shape-mismatch"]
    assert codes("g(t) = t t h(t); h = sum; y = g(z); z = [3, 4]") == ["shape-mismatch"]


def test_a_function_of_the_largest_entry_takes_the_value_whole() -> None:
    """max of two acts entry by entry, max of one does not, and has no prime."""
    assert value("f(t) = max(t, 2); h = f'(z); z = [3, 1]", "h") == [1, 0]
    assert codes("f(t) = max(t); h = f'(z); z = [3, 1]") == ["bad-derivative"]


def test_an_identity_takes_the_size_of_what_is_square() -> None:
    """So what does not fit is the other matrix, and not the identity."""
    assert codes(f"r = C + I + A{DATA}C = [1, 2, 3; 4, 5, 6]", of="r") == ["shape-mismatch"]


def test_a_size_of_a_stated_shape_is_a_number() -> None:
    assert value("s = n + 0; x ∈ R^n; x = [5, 6]", "s") == 2


@pytest.mark.parametrize(
    ("text", "expected"), [("y = df/dt; f(u) = u^2; s = f(3)", 1), ("y = dp/dq", 2)], ids=["a derivative", "two names"]
)
def test_a_quotient_of_unknown_names_is_a_derivative_where_one_is_of_a_function(text: str, expected: int) -> None:
    assert codes(text) == ["unknown-name"] * expected


@pytest.mark.parametrize("claim", ["y == [2]", "[2] == y"])
def test_one_entry_is_the_same_in_any_shape(claim: str) -> None:
    [found] = plan(f"y = 2; {claim}").claims
    assert found.fits


@pytest.mark.parametrize(("name", "remedy"), [("alhpa", "did you mean `alpha`?"), ("zz", "the inputs are alpha, beta")])
def test_an_unknown_name_to_derive_by(name: str, remedy: str) -> None:
    with pytest.raises(GradcalcError) as caught:
        loads("s = alpha beta; alpha = 2; beta = 3").run(wrt=[name])
    assert [d.help for d in caught.value.diagnostics] == [remedy]


def test_a_function_alone_is_an_output_whose_parameters_are_inputs() -> None:
    assert codes("f(x) = x^2") == ["missing-data"]


def test_a_derivative_has_no_value_where_its_function_has_none() -> None:
    """1/x is a number at -2, and no derivative of the logarithm."""
    with pytest.raises(GradcalcError) as caught:
        loads("s = log'(x); x = -2").run()
    assert [d.code for d in caught.value.diagnostics] == ["domain"]


def test_every_value_keeps_its_name() -> None:
    """What only repeats another value, or an input, is a value of its own."""
    found = plan("a = 2 x; b = a; c = x; s = a + b + c; x = 1")
    assert [found.labels[n] for n in found.order] == ["x", "a", "b", "c", "s"]


def test_data_may_be_written_with_pi() -> None:
    """It stands on no name, so that it is an input: s = r x."""
    run = loads("s = r x; r = 2 pi; x = 3").run()
    assert {n: g.value for n, g in run.gradients.items()} == {"r": 3, "x": pytest.approx(6.283185307179586)}


@pytest.mark.parametrize(
    ("text", "printed"),
    [("x^-12", "x^-12"), ("x^(-(-2))", "x^2"), ("(1 + 2) x", "3 x"), ("x^(1 - 3)", "x^-2")],
)
def test_numbers_are_printed_as_what_they_come_to(text: str, printed: str) -> None:
    assert render(plan(f"s = {text}; x = 3").target, EXPLICIT).text == printed


def test_a_leading_number_multiplies_last() -> None:
    """The piece of `2 A v` is A v = [17, 26], and not 2 A."""
    assert loads(f"r = 2 A v{DATA}").run(of="r").nodes["t1"].value.tolist() == [17, 26]


@pytest.mark.parametrize(
    ("written", "shown"),
    [("-(-25) x", "25 x"), ("1/2 x", "(1/2) x"), ("2 * 3 x", "6 x"), ("0.5/2 x", "0.25 x"), ("1 ./ 2 x", "(1/2) x")],
)
def test_written_numbers_are_shown_as_one(written: str, shown: str) -> None:
    """A fraction of whole numbers stays one."""
    assert render(plan(f"y = {written}; x = 2").target).text == shown


def test_what_is_transposed_twice_is_no_piece() -> None:
    found = plan(f"s = sum((C^T)^T){DATA}C = [1, 2; 3, 4]", of="s")
    assert [found.labels[n] for n in found.order if n.op != "input"] == ["s"]


# ------------------------------------------------------------------------ data and declarations


def test_data_from_outside_goes_before_the_file() -> None:
    """Data in the file is replaced, a computed name cannot be given."""
    run = loads("s = x^2; x = 3").run({"x": 5})
    assert run.value == 25
    with pytest.raises(GradcalcError) as caught:
        loads("s = x^2; x = 3 y; y = 2").plan({"x": ()})
    [found] = caught.value.diagnostics
    assert (found.code, [label.text for label in found.labels]) == ("given-computed", ["computed here"])
    assert codes("x ∈ R^2; s = sum(x)", shapes={"x": (3,)}) == ["data-shape"]


def test_labels_stay_with_data_of_the_same_length() -> None:
    """Labels of the file name the entries of data from outside."""
    model = loads("s = sum(x); x = [a: 1, b: 2]")
    assert model.plan({"x": (2,)}).entries == {"x": ("a", "b")}
    assert model.plan({"x": (3,)}).entries == {}


def test_declared_inputs_need_data_only_for_numbers() -> None:
    """A derivation in symbols needs none, and takes the declared shapes."""
    text = "z = W x + b; W ∈ R^{n×m}; x ∈ R^m; b (input)"
    assert codes(text) == ["missing-data"] * 3
    found = plan("z = W x + b; W ∈ R^{n×m}; x ∈ R^m; b ∈ R^n", numeric=False)
    assert found.names["z"].shape == ("n",)
    assert plan("h = f(z); z ∈ R^n", numeric=False).names["h"].shape == ("n",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x ∈ R^3; x = [1, 2, 3]; s = sum(x)", []),
        ("x ∈ R^n; x = [1, 2, 3]; s = sum(x)", []),
        ("x ∈ R^2; x = [1, 2, 3]; s = sum(x)", ["data-shape"]),
        ("x ∈ R; x = [1, 2, 3]; s = sum(x)", ["data-shape"]),
        ("x, y ∈ R^n; x = [1, 2]; y = [1, 2]; s = x^T y", []),
        ("x, y ∈ R^n; x = [1, 2]; y = [1, 2, 3]; s = sum(x) sum(y)", ["data-shape"]),
        ("z ∈ R^3; z = 2 x; x = [1, 2]", ["declared-shape"]),
        ("W ∈ R^{n×1}; W = [1, 2]; s = sum(W)", []),
        ("x ∈ R^3; x ∈ R^3; x = [1, 2, 3]", ["duplicate-name"]),
        ("y = 2 x; x = 1; w (input)", []),
        ("y = 2 x; x = 1; w ∈ R^3", []),
    ],
)
def test_declared_shapes_are_kept(text: str, expected: list[str]) -> None:
    """A size is that size, a symbol one size everywhere."""
    assert codes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s = n + 10 m; W ∈ R^{n×m}; W = [1, 2]", 12),
        ("s = n + 10 m; W ∈ R^{n×m}; W = [[1, 2, 3], [4, 5, 6]]", 32),
        ("s = n + 10 m; W ∈ R^{n×m}; W = [1, 2, 3; 4, 5, 6]", 32),
    ],
)
def test_the_symbols_of_sizes_are_numbers(text: str, expected: int) -> None:
    """Those of the data; a column has one entry in each row."""
    assert value(text, "s") == expected


def test_names_that_data_may_have() -> None:
    """All that a file mentions: in entries, in derivatives and in claims too."""
    text = "y = x[k:2] + x[3:]; ∂q/∂p (u) == w; v (input); z ∈ R^3"
    assert names_in(loads(text).program) == {"y", "x", "k", "q", "p", "u", "w", "v", "z"}


def test_layouts() -> None:
    """The file's layout holds, the caller's goes before it."""
    assert plan("s = x^2; x = 1").layout == "shape"
    assert plan("@layout numerator\ns = x^2; x = 1").layout == "numerator"
    assert plan("@layout numerator\ns = x^2; x = 1", layout="shape").layout == "shape"


def test_claims_are_planned() -> None:
    """Both sides are nodes; an identity takes its size from the other side."""
    found = plan("h = f(z); f = tanh; z = [1, 2]; ∂h/∂z == diag(f'(z)); ∂z/∂z == I")
    assert [c.right.shape for c in found.claims] == [(2, 2), (2, 2)]
    found = plan("y = 3 x; x = 2; ∂y/∂y == I; I == A; A = [1, 0; 0, 1]")
    assert [(c.left.shape, c.right.shape) for c in found.claims] == [((), ()), ((2, 2), (2, 2))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s = a / b c; a = 1; b = 2; c = 3", "`a / b c` was read as `(a / b) c`"),
        ("s = 2 / b c + 1; b = 2; c = 3", "`2 / b c` was read as `(2 / b) c`"),
    ],
)
def test_a_quotient_before_a_product_is_a_warning(text: str, message: str) -> None:
    """It says how it was read; numbers below the line are clear."""
    assert [w.message for w in plan(text).warnings] == [message]
    for clear in ("s = 1/2 x", "s = x / 2 x", "s = x / (2 x)", "s = x / y * x"):
        assert plan(clear + "; x = 1; y = 2").warnings == []


# -------------------------------------------------------------------------------------- size


def test_long_texts_take_no_stack() -> None:
    """A sum of 10,000 terms, a chain of 5,000 statements either way round, a long chain of functions."""
    assert value("s = " + " + ".join(["x"] * 10_000) + "; x = 1") == 10_000
    chain = [f"a{i + 1} = a{i} + 1" for i in range(5_000)]
    for lines in (chain, chain[::-1]):
        assert plan("\n".join([*lines, "a0 = 1"]), of="a5000").target.op == "add"
    functions = "\n".join(f"f{i + 1}(t) = f{i}(t) + 1" for i in range(1_000))
    assert value(f"f0(t) = t\n{functions}\ns = f1000(x); x = 1", "s") == 1001


def test_a_value_that_is_only_declared_is_held_to_the_limits() -> None:
    with pytest.raises(GradcalcError) as caught:
        loads("x ∈ R^{9×9}", limits=Limits(entries=50)).plan(numeric=False)
    assert [d.code for d in caught.value.diagnostics] == ["limit-entries"]


@pytest.mark.parametrize(("names", "shown"), [(11, "a9 → a10 → a0"), (12, "a5 → … → a0")])
def test_a_circle_of_twelve_is_shortened(names: int, shown: str) -> None:
    text = "; ".join(f"a{i} = a{(i + 1) % names} + 1" for i in range(names))
    with pytest.raises(GradcalcError) as caught:
        loads(text).plan()
    assert caught.value.diagnostics[0].message.endswith(shown)


def test_a_stretched_vector_may_come_before_its_matrix() -> None:
    """Sizes that are no numbers do not tell which is the wider."""
    found = plan("Y = b + A; b ∈ R^n; A ∈ R^{n×m}", numeric=False)
    assert found.names["Y"].shape == ("n", "m")


@pytest.mark.parametrize(
    "text",
    [
        "a = b; b = a",  # names for one another are no functions
        "a = b + c; b = a + 1",
        "f(t) = g(t) + 1; g = f; s = f(2)",
        "f(t) = g(t); g(t) = g(t) + 1; s = f(2)",
    ],
)
@pytest.mark.parametrize("numeric", [True, False])
def test_a_circle_is_told_once(text: str, numeric: bool) -> None:
    assert [code for code in codes(text, numeric=numeric) if code != "unknown-name"] == ["cycle"]


def test_a_long_circle_is_found() -> None:
    """A circle of thousands is one fault with a short message."""
    text = "\n".join(f"a{i} = a{(i + 1) % 3000} + 1" for i in range(3000))
    with pytest.raises(GradcalcError) as caught:
        loads(text).plan()
    [fault] = caught.value.diagnostics
    assert fault.code == "cycle" and len(fault.message) < 120


def test_unused_functions_may_be_large_but_not_called() -> None:
    """The expansion is counted before anything is built."""
    text = "f0(t) = t + t\n" + "\n".join(f"f{i + 1}(t) = f{i}(f{i}(t))" for i in range(40)) + "\ns = x; x = 1"
    assert codes(text) == ["limit-nodes"]
    small = loads("f(t) = t + t; s = f(f(x)); x = 1", limits=Limits(nodes=100))
    assert small.run().value == 4


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("f(t) = t + t; s = f(sin(x)); x = 1", 6),  # two calls, a name, and f: a sum and two names
        ("f(t) = t + t; g = f; s = g(x); x = 1", 5),
        ("x = 1; x + x == 2 x", 5),
    ],
)
def test_what_counts_as_a_node(text: str, nodes: int) -> None:
    """Every construct, every call as the body of its function, both sides of a claim; no number."""
    assert loads(text, limits=Limits(nodes=nodes)).run()
    with pytest.raises(GradcalcError) as caught:
        loads(text, limits=Limits(nodes=nodes - 1)).plan()
    assert [d.message for d in caught.value.diagnostics] == [f"with its functions expanded this text has {nodes} nodes"]


def test_far_too_many_nodes_are_not_counted_to_the_end() -> None:
    text = "f0(t) = t + t\n" + "\n".join(f"f{i + 1}(t) = f{i}(f{i}(t))" for i in range(40)) + "\ns = f40(x); x = 1"
    with pytest.raises(GradcalcError) as caught:
        loads(text, limits=Limits(nodes=20)).plan()
    assert [d.message for d in caught.value.diagnostics] == [
        "with its functions expanded this text has over 20,000 nodes"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("y = I ./ A", [[1.0, 0.0], [0.0, 0.25]]),
        ("y = (2I) ./ A", [[2.0, 0.0], [0.0, 0.5]]),
        ("y = I ∘ A", [[1.0, 0.0], [0.0, 4.0]]),
        ("y = A ∘ I", [[1.0, 0.0], [0.0, 4.0]]),
        ("y = I A", [[1.0, 2.0], [3.0, 4.0]]),
        ("y = I / 2 + A", [[1.5, 2.0], [3.0, 4.5]]),
    ],
)
def test_an_identity_beside_an_operator(text: str, expected: list[list[float]]) -> None:
    run = gradcalc.loads(f"{text}; A = [1, 2; 3, 4]").run()
    assert np.array_equal(run.value, expected)


@pytest.mark.parametrize(
    ("text", "code"), [("I / A", "shape-mismatch"), ("A / I", "shape-mismatch"), ("A ./ I", "division-by-zero")]
)
def test_nothing_is_divided_by_an_identity(text: str, code: str) -> None:
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(f"y = {text}; A = [1, 2; 3, 4]").run()
    assert caught.value.diagnostics[0].code == code
