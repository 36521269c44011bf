"""Shapes that nothing states, guessed as a reader of the lecture would: for pictures and symbols."""

import pytest

import gradcalc
from gradcalc.errors import Limits, Source
from gradcalc.parser import parse
from gradcalc.planning.definitions import collect
from gradcalc.planning.guess import guess_shapes
from gradcalc.syntax import Program, Shaped

from .identities import IDENTITIES


def shapes(text):
    """The shapes of the inputs of a plan without data."""
    plan = gradcalc.loads(text).plan(numeric=False)
    return {plan.labels[node]: node.shape for node in plan.inputs}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("z = W x + b; h = f(z); s = u^T h", {"W": ("n", "m"), "x": ("m",), "b": ("n",), "u": ("n",)}),
        ("s = u^T h; h = f(z); z = W x + b", {"W": ("n", "m"), "x": ("m",), "b": ("n",), "u": ("n",)}),
        ("f(x, y, z) = (x + y) max(y, z)", {"x": (), "y": (), "z": ()}),
        ("y = 3 x^2 + a", {"x": (), "a": ()}),
        ("y = x^T A x", {"x": ("n",), "A": ("n", "n")}),
        ("s = u ∘ v; t = sum(s)", {"u": ("n",), "v": ("n",)}),
        ("p = softmax(z); L = cross_entropy(p, y)", {"z": ("n",), "y": ("n",)}),
        ("d = det(A)", {"A": ("n", "n")}),
        ("z = W x; W ∈ R^{3×4}", {"W": (3, 4), "x": (4,)}),
        ("s = ‖x - a‖", {"x": ("n",), "a": ("n",)}),
        ("s = norm(X)", {"X": ("n", "m")}),
        ("s = ‖sigmoid(a) - t‖^2; a = W f(z)", {"W": ("m", "n"), "z": ("n",), "t": ("m",)}),
        ("L = (W x - y)^T (W x - y)", {"W": ("m", "n"), "x": ("n",), "y": ("m",)}),
        ("d = (x - s)^T W (x - s); t = tr(W)", {"W": ("n", "n"), "x": ("n",), "s": ("n",)}),
        ("s = tr(A X B)", {"A": ("k", "m"), "X": ("m", "n"), "B": ("n", "k")}),
        ("s = det(A + t B)", {"A": ("n", "n"), "t": (), "B": ("n", "n")}),
        ("s = tr(X^3)", {"X": ("n", "n")}),
        ("Y = X^-1", {"X": ("n", "n")}),
        ("s = a^T X^-T b", {"a": ("n",), "X": ("n", "n"), "b": ("n",)}),
        ("s = a^T X^T b", {"a": ("n",), "X": ("m", "n"), "b": ("m",)}),
        ("K = A ⊗ B", {"A": ("n", "m"), "B": ("k", "p")}),
        ("s = 2 ⊗ 3 + a", {"a": ()}),
        ("s = tr(A ⊗ B)", {"A": ("n", "n"), "B": ("m", "m")}),
        ("s = a^T diag(d) b", {"a": ("n",), "d": ("n",), "b": ("n",)}),
        ("y = f(x); J = diag(f'(x))", {"x": ("n",)}),
        ("y = x .^ 2", {"x": ("n",)}),
        ("s = sum(f(X))", {"X": ("n", "m")}),
        ("s = sum(log(cosh(a - b)))", {"a": ("n",), "b": ("n",)}),
        ("x = solve(A, b)", {"A": ("n", "n"), "b": ("n",)}),
        ("c = cross(a, b)", {"a": (3,), "b": (3,)}),
        ("Y = outer(a, b)", {"a": ("n",), "b": ("m",)}),
        ("v = vec(A)", {"A": ("n", "m")}),
        ("J = cross_entropy(softmax(z), y); y = onehot(1, 3)", {"z": (3,), "y": (3,)}),
        ("y = x + [[1, 2], [3, 4]]", {"x": (2, 2)}),
        ("y = x - a; a = 2 c; x = [1, 2]", {"c": (2,), "x": (2,)}),
        ("y = 2 W x", {"W": ("n", "m"), "x": ("m",)}),
        ("y = x - mean(x); s = y^T y", {"x": ("n",)}),
        ("s = x^2 / y + 1 / T", {"x": (), "y": (), "T": ()}),
        ("s = n u^T v", {"n": (), "u": ("m",), "v": ("m",)}),
        # what is added has the shape of what it is added to
        ("y = x[0] + c", {"x": ("n",), "c": ()}),
        ("y = W[0, 1] + c", {"W": ("n", "m"), "c": ()}),
        ("s = sum(W, axis=0) + c", {"W": ("n", "m"), "c": (1, "m")}),
        ("s = sum(W, axis=1) + c", {"W": ("n", "m"), "c": ("n",)}),
        ("s = sum(x) + c", {"x": ("n",), "c": ()}),
        ("s = max(x) + c", {"x": ("n",), "c": ()}),
        ("s = max(x, axis=0) + c", {"x": ("n", "m"), "c": (1, "m")}),
        ("P = softmax(Z, axis=1) + C", {"Z": ("n", "m"), "C": ("n", "m")}),
        ("p = softmax(z) + c", {"z": ("n",), "c": ("n",)}),
        ("d = diag(A B) + c", {"A": ("n", "m"), "B": ("m", "n"), "c": ("n",)}),
        ("D = diag(a) + C", {"a": ("n",), "C": ("n", "n")}),
        ("Y = outer(a, b) + C", {"a": ("n",), "b": ("m",), "C": ("n", "m")}),
        ("x = solve(A, b) + c", {"A": ("n", "n"), "b": ("n",), "c": ("n",)}),
        ("X = solve(A, B) + C", {"A": ("n", "n"), "B": ("n", "m"), "C": ("n", "m")}),
        ("c = cross(a, b) + d", {"a": (3,), "b": (3,), "d": (3,)}),
        ("y = ones(3) ∘ x", {"x": (3,)}),
        ("Y = zeros(2, 3) + C", {"C": (2, 3)}),
        ("Y = eye(4) + C", {"C": (4, 4)}),
        ("y = onehot(1, 5) + c", {"c": (5,)}),
        ("B = inv(A) + C", {"A": ("n", "n"), "C": ("n", "n")}),
        ("s = logdet(A) + c", {"A": ("n", "n"), "c": ()}),
        ("s = u^T W x; G = ∂s/∂W + C", {"u": ("n",), "W": ("n", "m"), "x": ("m",), "C": ("n", "m")}),
        ("@layout numerator; s = u^T x; g = ∂s/∂x + c", {"u": ("n",), "x": ("n",), "c": (1, "n")}),
        ("h = f(W x); J = ∂h/∂x + C", {"W": ("n", "m"), "x": ("m",), "C": ("n", "m")}),
        ("y = [a, b] + c", {"a": (), "b": (), "c": (2,)}),
        ("Y = [a, b, c; d, e, g] + H", {"a": (), "b": (), "c": (), "d": (), "e": (), "g": (), "H": (2, 3)}),
        ("Y = [[a, b], [c, d], [e, g]] + H", {"a": (), "b": (), "c": (), "d": (), "e": (), "g": (), "H": (3, 2)}),
        ("Y = [[], []] + C", {"C": (2, 0)}),
        ("y = max(x, c); s = x^T x", {"x": ("n",), "c": ("n",)}),
        ("y = where(m, a, b); s = sum(a)", {"m": ("n",), "a": ("n",), "b": ("n",)}),
        # what follows a bracket goes with it
        ("Y = u (x + b)^T; s = norm(u)", {"u": ("n",), "x": ("m",), "b": ("m",)}),
        ("z = C (x - b); t = tr(C)", {"C": ("n", "n"), "x": ("n",), "b": ("n",)}),
        ("s = tr((A ⊗ B))", {"A": ("n", "n"), "B": ("m", "m")}),
        # a row turned is a column; rows and columns are stretched to what is wider
        ("y = sum(W, axis=0)^T + c", {"W": ("n", "m"), "c": ("m",)}),
        ("Y = sum(W, axis=0) + A B + C", {"W": ("n", "m"), "A": ("k", "p"), "B": ("p", "m"), "C": ("k", "m")}),
        ("Y = A B + b; b ∈ R^3", {"A": (3, "n"), "B": ("n", "m"), "b": (3,)}),
        # what is beside the identity is a square matrix
        ("Y = I + C", {"C": ("n", "n")}),
        ("y = (I + C) x", {"C": ("n", "n"), "x": ("n",)}),
        ("Y = A^T A + t I", {"A": ("m", "n"), "t": ()}),
        ("Y = A - I; I (input)", {"A": (), "I": ()}),
        ("s = f(t); Y = A B + ∂s/∂t", {"t": (), "A": ("n", "m"), "B": ("m", "k")}),
        # two names for one function
        ("s = total(x) + c; total = sum", {"x": ("n",), "c": ()}),
        # what a function takes whole says nothing of what is beside its value
        ("s = sum(x) + w; r = norm(w)", {"x": ("m",), "w": ("n",)}),
        ("s = max(x) + w; r = norm(w)", {"x": ("m",), "w": ("n",)}),
        ("s = max(x, y) + w; r = norm(w)", {"x": ("n",), "y": ("n",), "w": ("n",)}),
        ("s = tr(A) + w; r = norm(w)", {"A": ("m", "m"), "w": ("n",)}),
        ("s = x' (y) + w; q = norm(x); r = norm(w)", {"x": ("m",), "y": ("m",), "w": ("n",)}),
        ("s = sum(W) + c", {"W": ("n", "m"), "c": ()}),
        ("s = det(A) + c", {"A": ("n", "n"), "c": ()}),
        # an operator takes all the product before it
        ("y = A x ∘ c", {"A": ("n", "m"), "x": ("m",), "c": ("n",)}),
        ("s = u^T x ⊗ 2 + c", {"u": ("n",), "x": ("n",), "c": ()}),
        # a capital is a matrix in brackets too
        ("Y = A (B + C); t = tr(A)", {"A": ("n", "n"), "B": ("n", "m"), "C": ("n", "m")}),
        ("Y = A (-B); r = norm(A)", {"A": ("n", "m"), "B": ("m", "k")}),
        ("Y = (A + t B)^-1", {"A": ("n", "n"), "t": (), "B": ("n", "n")}),
        ("Y = A f(X)", {"A": ("n", "m"), "X": ("m", "k")}),
        ("s = t^2 T", {"t": (), "T": ()}),
        # products that look like calls
        ("y = X' (b + c); q = X z", {"X": ("n", "m"), "b": ("n",), "c": ("n",), "z": ("m",)}),
        ("Y = W (C)^-1; r = norm(W)", {"W": ("n", "m"), "C": ("m", "m")}),
        ("y = a (x)[0]; a ∈ R", {"a": (), "x": ("n",)}),
        ("s = y3 (t) + z; y3 = y2 (t); y2 = y1 (t); y1 = x; q = norm(x)", {"x": ("n",), "t": (), "z": ("n",)}),
        # a column times a matrix: the matrix is a row; a power of a matrix: it is square
        ("Y = u C; r = norm(u)", {"u": ("n",), "C": (1, "m")}),
        (
            "r = norm(u); X = u C; Y = C + A B + E",
            {"u": ("n",), "C": (1, "m"), "A": ("k", "p"), "B": ("p", "m"), "E": ("k", "m")},
        ),
        ("y = A x; Y = A^2", {"A": ("n", "n"), "x": ("n",)}),
        # what is known of a vector later says what stood beside it
        ("s = y + c; y = x + b; r = x^T v", {"x": ("n",), "b": ("n",), "c": ("n",), "v": ("n",)}),
        # what is stated of a computed value is told to the names in it
        ("Q = U; Q ∈ R^{2×3}", {"U": (2, 3)}),
        ("q = A x; q ∈ R^{3×1}", {"A": (3, "n"), "x": ("n",)}),
        ("y = ones(n) + c; s = norm(x); x ∈ R^n", {"x": ("n",), "c": ("n",)}),
        # a square of numbers or of a matrix: the matrix beside it says which
        ("q = v^T v; y = t^2; s = y + C; z = y + v; k = tr(C)", {"v": ("n",), "t": ("n", "n"), "C": ("n", "n")}),
        # a vector by a number is a vector
        ("y = t x; s = norm(x); g = ∂y/∂t + c", {"t": (), "x": ("n",), "c": ("n",)}),
    ],
)
def test_a_readers_guess(text, expected):
    found = shapes(text)
    assert set(found) == set(expected)
    renamed: dict[object, object] = {}
    for name, shape in expected.items():
        assert len(found[name]) == len(shape), (name, found[name])
        for size, stated in zip(found[name], shape, strict=True):
            assert renamed.setdefault(stated, size) == size
    assert len(set(renamed.values())) == len(renamed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s = x^T y; ∂s/∂y == f(c)", {"x": ("n",), "y": ("n",), "c": ("n",)}),
        ("y = f(x); ∂y/∂x == diag(f'(x))", {"x": ("n",)}),
        ("@layout numerator; s = w^T x; ∂s/∂x == c^T", {"w": ("n",), "x": ("n",), "c": ("n",)}),
        ("(A + B)^T == A^T + B^T", {"A": ("n", "m"), "B": ("n", "m")}),
        ("(I + A B)^-1 A == A (I + B A)^-1", {"A": ("n", "m"), "B": ("m", "n")}),
        ("y = B (x + b) + c; B y == 0", {"B": ("n", "n"), "x": ("n",), "b": ("n",), "c": ("n",)}),
        ("∂/∂X (tr(X^-1)) == G", {"X": ("n", "n"), "G": ("n", "n")}),
        ("c == [1, 2]", {"c": (2,)}),
        ("x ∈ R^3; x == y", {"y": (3,)}),
        ("x ∈ R; x + y == 2", {"y": ()}),
        ("y = W[0, :] + c", {"W": ("n", "m"), "c": (1, "m")}),
        ("y = W[:, 0] + c", {"W": ("n", "m"), "c": ("n",)}),
        ("Y = W[:, :] + C", {"W": ("n", "m"), "C": ("n", "m")}),
        ("y = x[:] + c", {"x": ("n",), "c": ("n",)}),
        ("y = x[1:3] + c", {"x": ("n",), "c": ("m",)}),
        ("Y = W[0:2, :] + C", {"W": ("n", "m"), "C": ("k", "m")}),
        ("K = kron(A, B) + C", {"A": ("n", "m"), "B": ("k", "p"), "C": ("q", "r")}),
        ("v = vec(A) + c", {"A": ("n", "m"), "c": ("k",)}),
        ("∂s/∂b == u ∘ f'(z)", {"b": ("n",), "s": (), "z": ("n",), "u": ("n",)}),
        # a side of 1 goes with every size
        ("s = u^T h; ∂s/∂u == h^T", {"u": ("n",), "h": ("n",)}),
        ("r = norm(u); X = u C; q = norm(c); c == C", {"u": ("n",), "C": (1, "m"), "c": ("k",)}),
        ("r = norm(u); X = u C; Y = D C; C == D", {"u": ("n",), "C": (1, "m"), "D": ("k", 1)}),
        (
            "r = norm(u); X = u C; q = C w; Q = A B; q == Q",
            {"u": ("n",), "C": (1, "m"), "w": ("m",), "A": ("k", "p"), "B": ("p", "q")},
        ),
        ("h = W x; J = ∂h/∂W + C", {"W": ("n", "m"), "x": ("m",), "C": ("k", "p")}),
        ("y = ones(n + 1) + c; x ∈ R^n", {"c": ("m",)}),
        # no input: constants, sizes, functions
        ("y = π x^T x + n; A ∈ R^{n×n}", {"x": ("m",)}),
        ("y = 2 f; f(t) = t^2", {}),
        ("y = 2 f; f = tanh", {}),
    ],
)
def test_both_sides_of_a_claim_or_a_sum_have_one_shape(text, expected):
    found = guess_shapes(collect(parse(Source("text", text), Limits())), {})
    assert renamed(found) == renamed({name: expected[name] for name in found})
    assert set(found) == set(expected)


def renamed(found):
    """Shapes with their symbols numbered in the order in which they come."""
    symbols = {}
    return {
        n: tuple(s if isinstance(s, int) else symbols.setdefault(s, len(symbols)) for s in f) for n, f in found.items()
    }


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda i: i.name)
def test_shapes_that_an_identity_states_are_kept(identity):
    tables = collect(parse(Source("text", identity.text), Limits()))
    assert not set(guess_shapes(tables, {})) & set(tables.shapes)


AMBIGUOUS = ("outer product on a vector",)
"""In `y x^T x` y may be a number."""


@pytest.mark.parametrize("identity", [i for i in IDENTITIES if i.name not in AMBIGUOUS], ids=lambda i: i.name)
def test_an_identity_is_read_without_its_shapes(identity):
    """Scalars, vectors and matrices are told apart as the text states them; sizes may be more general."""
    program = parse(Source("text", identity.text), Limits())
    stated = collect(program).shapes
    bare = Program(program.source, tuple(s for s in program.statements if not isinstance(s, Shaped)))
    found = guess_shapes(collect(bare), {})
    assert {name: len(found[name]) for name in stated} == {name: len(shape.sizes) for name, shape in stated.items()}


def test_a_long_text_takes_linear_time():
    lines = [f"x{i} = f(W{i} x{i - 1} + b{i})" for i in range(3000, 0, -1)]
    found = guess_shapes(collect(parse(Source("text", "\n".join(lines)), Limits())), {})
    assert len(found["x0"]) == 1 and len(found["W3000"]) == 2
    assert len({size for shape in found.values() for size in shape}) == 3001


def test_values_that_are_used_twice_take_linear_time():
    """Each is told once that it is an array."""
    lines = [f"x{i} = x{i - 1} + x{i - 1}" for i in range(1, 50)]
    assert shapes("; ".join([*lines, "s = norm(x49)"])) == {"x0": ("n",)}


def test_sizes_are_named_in_the_order_of_reading():
    """By letters while there are some; the left side of a claim before the right."""
    text = "; ".join(f"s{i} = x{i}^T x{i}" for i in range(8))
    assert sorted(shape for [shape] in shapes(text).values()) == ["k", "m", "n", "n1", "n2", "p", "q", "r"]
    found = guess_shapes(collect(parse(Source("text", "tr(A) == x^T B x"), Limits())), {})
    assert found == {"A": ("n", "n"), "x": ("m",), "B": ("m", "m")}


def test_arguments_that_are_missing_are_told_without_shapes():
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads("x = solve(A) + b").plan(numeric=False)
    assert [d.code for d in caught.value.diagnostics] == ["wrong-arguments"]


def test_sizes_take_no_name_of_the_text():
    found = guess_shapes(collect(parse(Source("text", "s = n m^2 k^2 p^2 u^T v"), Limits())), {})
    assert found["u"] == found["v"] == ("q",)


def test_data_and_stated_shapes_are_no_guess():
    plan = gradcalc.loads("z = W x").plan({"W": (2, 3)}, numeric=False)
    assert {plan.labels[n]: n.shape for n in plan.inputs} == {"W": (2, 3), "x": (3,)}


def test_numbers_need_data_all_the_same():
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads("z = W x; W ∈ R^{3×4}").run()
    assert {d.code for d in caught.value.diagnostics} <= {"missing-data", "unknown-name"}
