"""The grammar, form by form: what a text is read as, and where. Each form is printed back with full brackets."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import lark
import pytest

from gradcalc import GradcalcError, syntax
from gradcalc.errors import Limits, Source
from gradcalc.parser import grammar_path, normalise, parse
from gradcalc.planning.definitions import walk


def read(text: str, limits: Limits | None = None) -> list[syntax.Statement]:
    """The statements of a text."""
    return list(parse(Source("test.eq", text), limits or Limits()).statements)


def shown(e: Any) -> str:
    """An expression with brackets around everything."""
    match e:
        case syntax.Number(text=text):
            return str(text)
        case syntax.Name(id=name):
            return str(name)
        case syntax.Sum(signs=signs, terms=terms):
            parts = [("-" if s < 0 else "+") + shown(t) for s, t in zip(signs, terms, strict=True)]
            return "(" + "".join(parts).removeprefix("+") + ")"
        case syntax.Product(factors=factors, operators=operators):
            tail = [(o or "_") + shown(f) for o, f in zip(operators, factors[1:], strict=True)]
            return "(" + shown(factors[0]) + "".join(tail) + ")"
        case syntax.Negative(operand=operand):
            return f"-{shown(operand)}"
        case syntax.Power(base=base, exponent=exponent, elementwise=elementwise):
            return f"({shown(base)}{'.^' if elementwise else '^'}{shown(exponent)})"
        case syntax.Transpose(operand=operand):
            return f"T{shown(operand)}"
        case syntax.InverseTranspose(operand=operand):
            return f"IT{shown(operand)}"
        case syntax.Group(operand=operand):
            return f"({shown(operand)})"
        case syntax.Application(callee=callee, primes=primes, arguments=arguments):
            inside = ", ".join((f"{a.keyword}=" if a.keyword else "") + shown(a.value) for a in arguments)
            return f"{shown(callee)}{chr(39) * primes}<{inside}>"
        case syntax.Compare(operator=operator, left=left, right=right):
            return f"({shown(left)}{operator}{shown(right)})"
        case syntax.Index(operand=operand, items=items):
            return f"{shown(operand)}[{', '.join(map(shown, items))}]"
        case syntax.Range(start=start, stop=stop):
            return f"{shown(start) if start else ''}:{shown(stop) if stop else ''}"
        case syntax.Matrix(rows=rows, labels=labels):
            inside = "; ".join(", ".join(map(shown, row)) for row in rows)
            return f"[{inside}]" + (f"{{{'|'.join(labels)}}}" if labels else "")
        case syntax.Norm(operand=operand, kind=kind):
            return f"norm{kind}<{shown(operand)}>"
        case syntax.Derivative(of=of, by=by):
            return f"d{shown(of)}/d{shown(by)}"
    raise AssertionError(e)


def value(text: str) -> str:
    """How the right side of `y = text` is read."""
    [statement] = read(f"y = {text}")
    assert isinstance(statement, syntax.Equation)
    return shown(statement.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # sums and signs
        ("a + b - c", "(a+b-c)"),
        ("a − b", "(a-b)"),
        ("-a + b", "(-a+b)"),
        ("+a", "a"),
        ("--a", "--a"),
        ("a - -b", "(a--b)"),
        # products, left to right at one level
        ("W x", "(W_x)"),
        ("2 x", "(2_x)"),
        ("2x", "(2_x)"),
        ("W x + b", "((W_x)+b)"),
        ("a * b / c", "(a*b/c)"),
        ("a · b @ c", "(a*b*c)"),
        ("a ∘ b ⊙ c .* d", "(a∘b∘c∘d)"),
        ("a ⊗ b ./ c", "(a⊗b./c)"),
        ("1/2 x^T A x", "(1/2_Tx_A_x)"),
        ("a / b c", "(a/b_c)"),
        ("a \\circ b \\odot c \\otimes d \\cdot e", "(a∘b∘c⊗d*e)"),
        ("(x + y) max(y, z)", "(((x+y))_max<y, z>)"),
        ("2 -x", "(2-x)"),
        ("2 * -x", "(2*-x)"),
        # powers, right associative, above the sign
        ("-2^2", "-(2^2)"),
        ("2^3^2", "(2^(3^2))"),
        ("2^-1", "(2^-1)"),
        ("2^-3^2", "(2^-(3^2))"),
        ("x**2", "(x^2)"),
        ("x .^ 2", "(x.^2)"),
        ("x^{2}", "(x^(2))"),
        ("x^{n + 1}", "(x^((n+1)))"),
        ("2 x^2 y", "(2_(x^2)_y)"),
        ("A^-1", "(A^-1)"),
        ("A^{-1}", "(A^(-1))"),
        ("A^-1 b", "((A^-1)_b)"),
        ("A^-1 (b + c)", "((A^-1)_((b+c)))"),
        ("x^f(2)", "(x^f<2>)"),
        ("x^y[0]", "(x^y[0])"),
        # transposes close over what stands before
        ("u^T h", "(Tu_h)"),
        ("u' h", "(Tu_h)"),
        ("uᵀ h", "(Tu_h)"),
        ("u^⊤", "Tu"),
        ("u^\\top", "Tu"),
        ("W^{T}", "TW"),
        ("W^{ T }", "TW"),
        ("u''", "TTu"),
        ("A^-T", "ITA"),
        ("A^{-T}", "ITA"),
        ("A^(-T)", "ITA"),
        ("A^2^T", "T(A^2)"),
        ("(A B)^T", "T((A_B))"),
        ("u^T^2", "(Tu^2)"),
        ("x^T x^T", "(Tx_Tx)"),
        ("T x", "(T_x)"),
        ("x^Tx", "(x^Tx)"),
        # bars
        ("||x||", "norm2<x>"),
        ("‖x‖", "norm2<x>"),
        ("\\|x\\|", "norm2<x>"),
        ("||x||_1", "norm1<x>"),
        ("||x||_2", "norm2<x>"),
        ("||x||_F", "norm2<x>"),
        ("||x||_inf", "norminf<x>"),
        ("‖x‖_∞", "norminf<x>"),
        ("||x||_{\\infty}", "norminf<x>"),
        ("||x||^2", "(norm2<x>^2)"),
        ("||W x - b||^2", "(norm2<((W_x)-b)>^2)"),
        ("|x|", "normabs<x>"),
        ("|x| |y|", "(normabs<x>_normabs<y>)"),
        ("|x||y|", "(normabs<x>_normabs<y>)"),
        ("|(|x| + 1)|", "normabs<((normabs<x>+1))>"),
        ("||(||x|| y)||", "norm2<((norm2<x>_y))>"),
        ("2 |x|", "(2_normabs<x>)"),
        # calls or products: the planner decides
        ("f(z)", "f<z>"),
        ("f'(z)", "f'<z>"),
        ("f''(z)", "f''<z>"),
        ("f’(z)", "f'<z>"),
        ("u' (h)", "u'<h>"),
        ("f (z)", "f<z>"),
        ("f()", "f<>"),
        ("sum(X, axis=1)", "sum<X, axis=1>"),
        ("sum(X, axis = 1)", "sum<X, axis=1>"),
        ("f(a == b)", "f<(a==b)>"),
        ("a (x + 1)^2", "(a<(x+1)>^2)"),
        ("2 (x + 1)", "(2_((x+1)))"),
        ("f(z)^T g(z)", "(Tf<z>_g<z>)"),
        # comparisons
        ("1(y > z)", "((y>z))"),
        ("1 (y > z)", "((y>z))"),
        ("𝟙(y > z)", "((y>z))"),
        ("y > z", "(y>z)"),
        ("(a ≤ b) (c ≥ d) (e ≠ f)", "(((a<=b))_((c>=d))_((e!=f)))"),
        ("(a \\leq b) + (a \\geq b) + (a \\neq b)", "(((a<=b))+((a>=b))+((a!=b)))"),
        ("(a == b)", "((a==b))"),
        ("where(y > z, y, z)", "where<(y>z), y, z>"),
        # derivatives
        ("∂s/∂W", "ds/dW"),
        ("\\partial s / \\partial W", "ds/dW"),
        ("∂s/∂z ∂z/∂x", "(ds/dz_dz/dx)"),
        ("∂(W x)/∂x", "d((W_x))/dx"),
        ("∂f(x)/∂x", "df<x>/dx"),
        ("∂s/∂(W x)", "ds/d((W_x))"),
        ("∂s/∂z^T", "Tds/dz"),
        ("∂s/∂z (x + y)", "ds/dz<(x+y)>"),
        ("∂/∂x (W x + b)", "d((W_x)+b)/dx"),
        ("grad(s, W)", "grad<s, W>"),
        ("d(s)/d(W)", "(d<s>/d<W>)"),
        # entries
        ("x[0]", "x[0]"),
        ("W[1, 2]", "W[1, 2]"),
        ("E[3, :]", "E[3, :]"),
        ("E[:, 3]", "E[:, 3]"),
        ("x[1:3]", "x[1:3]"),
        ("x[1:]", "x[1:]"),
        ("x[:2]", "x[:2]"),
        ("f(x)[0]", "f<x>[0]"),
        ("x[0][1]", "x[0][1]"),
        ("x [0]", "x[0]"),
        ("A x[0]", "(A_x[0])"),
        ("x[0]^2", "(x[0]^2)"),
        ("x[k + 1]", "x[(k+1)]"),
        # literals
        ("[1, 2, 3]", "[1, 2, 3]"),
        ("[]", "[]"),
        ("[1, 2; 3, 4]", "[1, 2; 3, 4]"),
        ("[[1, 2], [3, 4]]", "[[1, 2], [3, 4]]"),
        ("[-1, +2, 1/2]", "[-1, 2, (1/2)]"),
        ("[museums: 0.5, in: -0.1, Paris: 2]", "[0.5, -0.1, 2]{museums|in|Paris}"),
        ('["New York": 1, input: 2, R: 3]', "[1, 2, 3]{New York|input|R}"),
        ("[[1, 2], [3, 4]] [5, 6]", "[[1, 2], [3, 4]][5, 6]"),
        # numbers
        (".5", ".5"),
        ("5.", "5."),
        ("1e-3", "1e-3"),
        ("1.5E+3", "1.5E+3"),
        ("2.*x", "(2∘x)"),
        ("2e", "(2_e)"),
        ("2 e3", "(2_e3)"),
        # names
        ("x_1 x1 x₁ W_ih", "(x_1_x1_x₁_W_ih)"),
        ("δ \\delta \\delta_{1} δ_1", "(δ_δ_δ_1_δ_1)"),
        ("\\sigma(z)", "σ<z>"),
        ("ŷ", "ŷ"),
        ("é ß Ω", "(é_ß_Ω)"),
        ("in input T R", "(in_input_T_R)"),
    ],
)  # fmt: skip
def test_expressions(text: str, expected: str) -> None:
    """One reading for each form."""
    assert value(text) == expected


def test_accents_are_one_name() -> None:
    """A letter with a combining accent is the composed letter; µ is μ."""
    assert value("y\u0302 + \u00b5") == "(ŷ+μ)"
    assert normalise("\\delta_{1}") == "δ_1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("z = W x + b", ["z = ((W_x)+b)"]),
        ("a = 1; b = 2\nc = 3", ["a = 1", "b = 2", "c = 3"]),
        ("x = 1, y = 2, z = 0", ["x = 1", "y = 2", "z = 0"]),
        ("f(t) = t^2", ["f(t) = (t^2)"]),
        ("f(x, y, z) = (x + y) max(y, z)", ["f(x, y, z) = (((x+y))_max<y, z>)"]),
        ("f = sigmoid", ["f = sigmoid"]),
        ("x (input)", ["input x"]),
        ("x(input)", ["input x"]),
        ("input x", ["input x"]),
        ("input x, W", ["input x", "input W"]),
        ("input = 3", ["input = 3"]),
        ("x in R^3", ["x in (3,)"]),
        ("x ∈ R^n", ["x in ('n',)"]),
        ("x \\in \\mathbb{R}^n", ["x in ('n',)"]),
        ("h, z ∈ R^n", ["h in ('n',)", "z in ('n',)"]),
        ("W ∈ R^{n×m}", ["W in ('n', 'm')"]),
        ("W ∈ R^{n \\times m}", ["W in ('n', 'm')"]),
        ("W in R^(2x3)", ["W in (2, 3)"]),
        ("W in R^(2 x m)", ["W in (2, 'm')"]),
        ("W in R^(nxm)", ["W in ('n', 'm')"]),
        ("a in R", ["a in ()"]),
        ("∂s/∂b == u ∘ f'(z)", ["ds/db == (u∘f'<z>)"]),
        ("z == [1.2, 0.3]", ["z == [1.2, 0.3]"]),
        ("c = (a == b)", ["c = ((a==b))"]),
        ("@layout numerator", ["@layout numerator"]),
        ("@layout shape", ["@layout shape"]),
        ("", []),
        ("# only a comment", []),
        ("\n\n;;\n", []),
        ("a = 1 # one\n# two\nb = 2", ["a = 1", "b = 2"]),
        ("a = [1,\n  2, # two\n\n  3]\nb = (1 +\n 2)", ["a = [1, 2, 3]", "b = ((1+2))"]),
        ("A = [1, 2;\n 3, 4]; b = 1", ["A = [1, 2; 3, 4]", "b = 1"]),
        ("s = ||a\n + b||\nt = 1", ["s = norm2<(a+b)>", "t = 1"]),
        ("a = 1\r\nb = 2\r\n", ["a = 1", "b = 2"]),
        ("a\t=\t1", ["a = 1"]),
        ('x = ["a;b#(": 1]', ["x = [1]{a;b#(}"]),
    ],
)  # fmt: skip
def test_statements(text: str, expected: list[str]) -> None:
    """Every kind of statement, and how statements are separated."""
    found = []
    for s in read(text):
        match s:
            case syntax.Equation(name=name, parameters=None, value=v):
                found.append(f"{name.id} = {shown(v)}")
            case syntax.Equation(name=name, parameters=p, value=v):
                found.append(f"{name.id}({', '.join(n.id for n in p or ())}) = {shown(v)}")
            case syntax.Claim(left=left, right=right):
                found.append(f"{shown(left)} == {shown(right)}")
            case syntax.Input(name=name):
                found.append(f"input {name.id}")
            case syntax.Shaped(name=name, sizes=sizes):
                found.append(f"{name.id} in {sizes}")
            case syntax.Layout(layout=layout):
                found.append(f"@layout {layout}")
    assert found == expected


# ------------------------------------------------------------------------------------- places


def test_every_expression_knows_its_text() -> None:
    """The span of an expression is what was written for it."""
    text = "a = 1\n  z = -W^T (x + b[0])^2 / f'(||y||_1, axis=1) ∘ [1, 2]  # c\n"
    statement = read(text)[1]
    assert isinstance(statement, syntax.Equation)
    assert statement.span.text == "z = -W^T (x + b[0])^2 / f'(||y||_1, axis=1) ∘ [1, 2]"
    assert (statement.span.line, statement.span.column) == (2, 3)
    written = {type(e).__name__: e.span.text for e in walk(statement.value)}
    assert written["Transpose"] == "W^T"
    assert written["Power"] == "(x + b[0])^2"
    assert written["Group"] == "(x + b[0])"
    assert written["Index"] == "b[0]"
    assert written["Sum"] == "x + b[0]"
    assert written["Application"] == "f'(||y||_1, axis=1)"
    assert written["Norm"] == "||y||_1"
    assert written["Matrix"] == "[1, 2]"


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a = 1\nb = 2 3", "missing-operator", 2, 7),
        ("a = 1;  b = (", "unclosed-bracket", 1, 13),
        ("a = 1\r\n\r\nb = )", "unopened-bracket", 3, 5),
        ("# é漢\nδ = 漢", "unknown-character", 2, 5),
        ("a = [1,\n 2 3]", "missing-comma", 2, 4),
        ("\\delta = \\foo", "unknown-symbol", 1, 10),
        ("a = 1\nb =\n", "unexpected-end", 2, 3),
        ("x in R^{n×}", "bad-shape", 1, 6),
        ("a = 1\nb = 2\u200b", "forbidden-character", 2, 6),
    ],
)
def test_places_of_faults(text: str, code: str, line: int, column: int) -> None:
    """Line and column count from 1, in characters."""
    with pytest.raises(GradcalcError) as caught:
        read(text)
    [fault] = caught.value.diagnostics
    assert fault.span is not None
    assert (fault.code, fault.span.line, fault.span.column) == (code, line, column)


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\u00ad", "\u034f", "\u061c", "\u200b", "\u200d", "\u200e", "\u202e",
     "\u2028", "\u2066", "\ufeff", "\u3164", "\U000e0041", "\r"],
)  # fmt: skip
@pytest.mark.parametrize("text", ["x = 1{} + 2", "x = 1 # comment {} here", "x{} = 1"])
def test_invisible_characters_are_refused_everywhere(character: str, text: str) -> None:
    """By code point, also inside comments."""
    with pytest.raises(GradcalcError) as caught:
        read(text.format(character))
    [fault] = caught.value.diagnostics
    assert fault.code == "forbidden-character"
    assert f"U+{ord(character):04X}" in fault.message


# -------------------------------------------------------------------------------------- size


def test_long_flat_texts_do_not_nest() -> None:
    """A sum, a product, a vector and a text of thousands are one level each."""
    for text in (" + ".join(["x"] * 10_000), " ".join(["x"] * 5_000), "[" + ", ".join(["1"] * 5_000) + "]"):
        [statement] = read("y = " + text)
        assert isinstance(statement, syntax.Equation) and statement.value.depth <= 1
    assert len(read("\n".join(f"a{i + 1} = a{i} + 1" for i in range(5_000)))) == 5_000


# ----------------------------------------------------------------------------------- grammar


def test_the_grammar_has_no_conflict(caplog: pytest.LogCaptureFixture) -> None:
    """Neither shift/reduce, which Lark would settle in silence, nor reduce/reduce."""
    options: dict[str, Any] = {"keep_all_tokens": True, "maybe_placeholders": False, "debug": True}
    lark.logger.addHandler(caplog.handler)
    lark.logger.setLevel(logging.DEBUG)
    try:
        lark.Lark(grammar_path().read_text(encoding="utf-8"), parser="lalr", lexer="contextual", **options)
    finally:
        lark.logger.removeHandler(caplog.handler)
        lark.logger.setLevel(logging.CRITICAL)
    assert "onflict" not in caplog.text


def test_the_grammar_is_a_reference() -> None:
    """Every statement form has an example beside it."""
    text = Path(grammar_path()).read_text(encoding="utf-8")
    for form in ("z = W x + b", "x (input)", "input x, y", "h, z ∈ R^n", "@layout numerator", "1(y > z)", "E[3, :]"):
        assert form in text
