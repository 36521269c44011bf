"""Derivations: every line is true at random data, reads like the slides, parses back, and compiles as LaTeX."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from latex2mathml.converter import convert

import gradcalc
from gradcalc.data import datum
from gradcalc.graph import ancestors
from gradcalc.numeric import evaluate_forward
from gradcalc.points import draws
from gradcalc.report import derivation as report
from gradcalc.report.schema import SCHEMAS
from gradcalc.syntax import Claim, Layout
from tests.programs import program

ROOT = Path(__file__).parent.parent
SAMPLES = sorted((ROOT / "samples").glob("*.eq"))
LAYOUTS = ("shape", "numerator")
NEURON = "z = W x + b; h = f(z); s = u^T h"
TEXTS = {
    "one equation": "s = u^T tanh(W x + b)",
    "quadratic": "x in R^n; A in R^(n x n); s = x^T A x",
    "cross-entropy": "z in R^n; J = cross_entropy(p, y); p = softmax(z)",
    "log-softmax": "z in R^n; y in R^n; J = -y^T log_softmax(z)",
    "minibatch": "P = softmax(X W + b, axis=1); J = cross_entropy(P, Y) / 4; X in R^(k x n); W in R^(n x m); "
                 "b in R^(1 x m); Y in R^(k x m)",
    "residual": "d = W x; c = d + x; s = u^T c; W in R^(n x n)",
    "squared twice": "y = x^2; z = y y + x; s = exp(z) y",
    "vector target": "h = f(z); z = W x + b",
    "trace": "s = tr(A X B)",
    "inverse": "X in R^(n x n); a in R^n; s = a^T X^-1 a",
    "determinant": "X in R^(n x n); s = det(X) + tr(X)",
    "least squares": "X in R^(n x m); w in R^m; y in R^n; s = ||X w - y||^2",
    "two layers": "s = u^T h_2; h_2 = f(z_2); z_2 = W_2 h_1 + b_2; h_1 = f(z_1); z_1 = W_1 x + b_1",
    "recurrent": "h_1 = tanh(W h_0 + U x_1); h_2 = tanh(W h_1 + U x_2); s = v^T h_2; h_0 in R^n; "
                 "x_1 in R^m; x_2 in R^m",
    "attention": "q in R^n; K in R^(m x n); V in R^(m x n); w in R^n; a = softmax(K q); c = V^T a; s = w^T c",
    "normalised": "x in R^n; w in R^n; s = w^T x / ||x||",
    "mean": "x in R^n; m = mean(x); s = sum((x - m) .^ 2) / n",
    "entries": "x in R^n; s = x[0]^2 x[1] + x[0]",
    "scalars": "f = (x + y) max(y, z)",
    "row": "r in R^(1 x n); A in R^(n x n); s = r A r^T",
    "kron": "X in R^(n x n); s = tr(X ⊗ X)",
    "where": "s = where(x > y, x^2, y^3)",
    "matrix sum": "b = norm(U + X, axis=1); s = mean(b); U in R^(2 x 2); X in R^(2 x 2)",
    "identities": "z in R^(n x n); s = tr(-z - z)",
    "turned": "V in R^n; t = V^T; Y = t A V; A in R^(n x n); s = exp(Y)",
    "matrix by a number": "Y = t^2 X + t A; X in R^(n x n); A in R^(n x n); t in R",
    "vector by a number": "y = tanh(t x) / t; x in R^n; t in R",
    "unused": "s = a^2; t = b; a in R; b in R",
}  # fmt: skip


def board(text: str, layout: str | None = None, **options: Any) -> Any:
    return gradcalc.loads(text).derive(layout=layout, **options)


def claims_of(found: Any) -> tuple[list[str], list[str]]:
    """The equations that a derivation stands on, and its lines as claims."""
    base = [f"{step.left.text} = {step.right.text}" for step in found.equations]
    base += [shape.text for shape in found.shapes]
    base += [f"{d.delta} = ∂{found.of}/∂{d.name}" for d in found.derivations if d.delta]
    steps = [step for d in found.derivations for step in (*d.rules, *d.steps)]
    return base, [f"{step.left.text} == {step.right.text}" for step in steps]


def held(text: str, found: Any, given: dict[str, Any] | None = None, points: int = 3) -> int:
    """Check every line of a derivation at random data; how many lines there were."""
    base, claims = claims_of(found)
    computed = {line.split(" = ")[0] for line in base}
    statements = [s.span.text for s in gradcalc.loads(text).program.statements if not isinstance(s, Layout | Claim)]
    kept = [s for s in statements if re.split(r"\s*[=(∈]", s)[0] not in computed]
    stated = " ∈ " in text or " in " in text
    base = [line for line in base if not (stated and " ∈ " in line)]
    whole = "\n".join([f"@layout {found.layout}", *kept, *base, *claims])
    plan = gradcalc.loads(whole).sampled(given or {}, of=found.of)
    assert len(plan.claims) >= len(claims)
    done = 0
    for values in islice(draws(plan, given or {}), 40):
        wrong = [c.statement.span.text for c in plan.claims[-len(claims) :] if c.fault or c.left.shape != c.right.shape]
        assert not wrong, wrong
        sides = [side for claim in plan.claims[-len(claims) :] for side in (claim.left, claim.right)]
        try:
            evaluate_forward(plan, ancestors(sides), values, sides)
        except gradcalc.GradcalcError:
            continue
        for claim, statement in zip(plan.claims[-len(claims) :], claims, strict=True):
            left, right = np.broadcast_arrays(values[claim.left], values[claim.right])
            assert np.allclose(left, right, rtol=1e-9, atol=1e-9 * (1 + np.max(np.abs(left)))), statement
        done += 1
        if done == points:
            return len(claims)
    raise AssertionError("no point in the domain")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", TEXTS)
def test_every_line_is_true(name: str, layout: str) -> None:
    """Each step of each derivation parses back and holds at random data."""
    assert held(TEXTS[name], board(TEXTS[name], layout))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.stem)
def test_every_line_of_the_samples_is_true(sample: Path, layout: str) -> None:
    """The samples' derivations hold at random data in the place of their own."""
    text = sample.read_text(encoding="utf-8")
    model = gradcalc.load(sample)
    if "= ∂" in text:  # a derivative with a name keeps the layout that the file states
        layout = "shape"
    found = model.derive(layout=layout)
    plan = model.plan({}, numeric=False)
    kept = [line for line in text.split("\n") if "==" not in line]
    numbers = np.random.default_rng(7)
    literals = {n.attributes["name"]: n.shape for n in plan.literals if n.attributes["name"] not in ("y", "Y")}
    given = {name: datum(name, np.asarray(numbers.uniform(0.3, 1.5, shape or ()))) for name, shape in literals.items()}
    assert held("\n".join(kept), found, given, points=1)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_line_is_true_of_random_programs(layout: str) -> None:
    """Programs of all kinds of operations: what is printed as a step is true."""
    lines = 0
    for seed in range(60):
        made = program(seed)
        given = {name: datum(name, value) for name, value in made.data.items()}
        lines += held(
            made.text, gradcalc.loads(made.text).derive(made.target, data=given, layout=layout), given, points=1
        )
    assert lines > 600


def test_the_neuron_reads_like_the_slides() -> None:
    """∂s/∂b = ∂s/∂h ∂h/∂z ∂z/∂b = u^T diag(f'(z)) I = u^T ∘ f'(z)^T; δ; ∂s/∂W = δ ∂z/∂W = δ^T x^T, n×m = n×1 1×m."""
    shown = report.plain(board(NEURON, "numerator"))
    assert "∂s/∂b = ∂s/∂h · ∂h/∂z · ∂z/∂b = u^T · diag(f'(z)) · I = u^T ∘ f'(z)^T" in shown
    assert "δ = ∂s/∂z = u^T ∘ f'(z)^T" in shown
    assert "∂s/∂W = δ ∂z/∂W = δ^T x^T" in shown
    assert "[n×m] = [n×1][1×m]" in shown
    [users] = [line for line in shown.split("\n") if "re-used by" in line]
    assert {"∂s/∂W", "∂s/∂b", "∂s/∂x"} <= set(users.replace(",", " ").split())


def test_branches_are_summed() -> None:
    """∂f/∂y = ∂f/∂a ∂a/∂y + ∂f/∂b ∂b/∂y."""
    found = board("f = a b; a = x + y; b = max(y, z)")
    assert found["y"].steps[0].right.text == "∂f/∂a · ∂a/∂y + ∂f/∂b · ∂b/∂y"
    assert found["y"].rule.text == "b + a 1(y > z)"


def test_shape_convention_says_why_it_is_transposed() -> None:
    """The chain is a row; the gradient has the shape of b."""
    steps = board(NEURON)["b"].steps
    assert steps[0].left.text == "(∂s/∂b)^T"
    assert steps[-1].left.text == "∂s/∂b"
    assert steps[-1].right.text == "u ∘ f'(z)"


def test_cross_entropy_of_softmax() -> None:
    """∂J/∂z = p - y where y is a distribution, and the condition is said."""
    last = board(TEXTS["cross-entropy"])["z"].steps[-1]
    assert (last.right.text, last.condition.text) == ("p - y", "sum(y) = 1")


def test_no_data_and_one_gradient() -> None:
    """--wrt W: one gradient shares nothing, and no δ is named."""
    found = board(NEURON, wrt="W")
    assert [d.name for d in found.derivations] == ["W"]
    assert found["W"].rule.text == "(u ∘ f'(z)) x^T"
    assert found["W"].shape == ("n", "m")


def test_what_is_not_connected() -> None:
    assert not board(TEXTS["unused"], of="s")["b"].connected


def test_unknown_values_are_named() -> None:
    with pytest.raises(gradcalc.GradcalcError, match="unknown-target"):
        board(NEURON, wrt="V")


def test_an_operation_without_closed_form_is_named() -> None:
    """Nothing silently yields zero."""
    with pytest.raises(gradcalc.GradcalcError, match=r"no-closed-form.*cross"):
        board("x in R^3; y in R^3; v = cross(x, y)", wrt="x")
    assert "cross" in board("x in R^3; y in R^3; v = cross(x, y)").notes[0]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "gradcalc", "derive", *arguments], cwd=ROOT, capture_output=True,
                          text=True, encoding="utf-8", timeout=60, check=False)  # fmt: skip


def test_json_is_the_schema() -> None:
    done = command("samples/score.eq", "--json")
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMAS["derive"])
    assert document["derivations"]["W"]["rule"] == "(u ∘ f'(z)) x^T"
    assert document["deltas"]["δ"]["of"] == "z"


def test_text_fits_the_terminal() -> None:
    done = command("-e", NEURON, "--width", "80")
    assert done.returncode == 0
    assert max(map(len, done.stdout.split("\n"))) <= 80


def test_csv_is_refused() -> None:
    done = command("-e", NEURON, "--format", "csv")
    assert (done.returncode, "derivation is no table" in done.stderr) == (2, True)


def boards(layout: str) -> list[Any]:
    """The derivations of all samples and texts."""
    return [gradcalc.load(path).derive(layout=layout) for path in SAMPLES] + [board(t, layout) for t in TEXTS.values()]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_latex_is_mathematics(layout: str) -> None:
    """Every equation becomes MathML, with no command left that was not understood."""
    for found in boards(layout):
        for derived in found.derivations:
            for step in (*derived.rules, *derived.steps):
                shown = convert(f"{step.left.latex} = {step.right.latex}")
                assert "\\" not in shown, step.right.latex
        assert "U+" not in report.latex(found)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_latex_compiles(tmp_path: Path, layout: str) -> None:
    """All derivations in one article, by a TeX engine."""
    articles = [report.latex(found) for found in boards(layout)]
    head, mark = articles[0].split("\\begin{document}")[0], "\\begin{document}"
    body = "\n".join(a.split(mark)[1].split("\\end{document}")[0] for a in articles)
    (tmp_path / "all.tex").write_text(f"{head}{mark}{body}\\end{{document}}\n", encoding="utf-8")
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"], cwd=tmp_path,
                          text=True, capture_output=True, timeout=240, check=False, errors="replace")  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize(("one", "last"), [("1e200", "1e200 · 1e200"), ("1e-200", "1e-200 · 1e-200")])
def test_a_product_of_numbers_that_is_no_float_is_left_as_it_is(one: str, last: str) -> None:
    lines = report.plain(gradcalc.loads(f"y = {one} x; z = {one} y").derive())
    short = next(line for line in lines.splitlines() if line.startswith("  ∂z/∂x = "))
    assert short.endswith(f"= {last}")
