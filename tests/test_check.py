"""`gradcalc check`: the command, its tables, its document and its exit status; and the same from Python."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import gradcalc
from gradcalc.report.schema import SCHEMAS

ROOT = Path(__file__).parent.parent
NEURON = "s = u^T h; h = f(z); z = W x + b; x (input)"


def run(*arguments: str, status: int = 0, text: str = "") -> subprocess.CompletedProcess[str]:
    """`gradcalc check ...` from the repository's root."""
    done = subprocess.run([sys.executable, "-m", "gradcalc", "check", *arguments], cwd=ROOT, capture_output=True,
                          text=True, encoding="utf-8", timeout=60, check=False, input=text)  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    return done


def document(*arguments: str, status: int = 0) -> Any:
    """The document of one check, valid against its schema."""
    found = json.loads(run(*arguments, "--json", status=status).stdout)
    jsonschema.validate(found, SCHEMAS["check"])
    return found


def test_a_sample_holds() -> None:
    found = document("samples/score.eq")
    assert (found["schema"], found["of"], found["layout"]) == ("gradcalc.check/1", "s", "shape")
    assert all(c["holds"] and c["hint"] is None for c in found["claims"])
    assert {c["by"] for c in found["claims"]} == {"symbols", "numbers"}
    assert set(found["gradients"]) == {"u", "W", "x", "b"}
    for gradient in found["gradients"].values():
        assert gradient["holds"]
        assert gradient["largest_error"] < 1e-9
    assert found["gradients"]["x"]["at"].startswith("x[")
    assert (found["drawn"], found["failed"]) == ({}, False)


def test_without_data() -> None:
    """Nothing needs data; what was drawn is said, and its shapes."""
    found = document("-e", f"{NEURON}; ∂s/∂W == (u ∘ f'(z)) x^T; s == f(z)^T u")
    assert [c["holds"] for c in found["claims"]] == [True, True]
    assert found["drawn"] == {"u": [3], "W": [3, 4], "x": [4], "b": [3], "f": None}
    assert all(g["holds"] and g["method"] == "complex step" for g in found["gradients"].values())
    assert found["gradients"]["W"]["where"].startswith("at 5 random points")


def test_some_data() -> None:
    """What the data give is not drawn, and the other sizes fit them."""
    found = document("-e", NEURON, "--set", "W=[1, 2; 3, 4]", "--points", "2", "--seed", "7")
    assert found["drawn"] == {"u": [2], "x": [2], "b": [2], "f": None}
    assert (found["points"], found["seed"]) == (2, 7)
    assert found["gradients"]["W"]["where"].startswith("at 2 random points")


def test_a_wrong_claim_fails_with_its_hint() -> None:
    found = document("-e", f"{NEURON}; ∂s/∂b == u; ∂s/∂b == u ∘ f'(z)", status=1)
    assert [c["holds"] for c in found["claims"]] == [False, True]
    assert found["failed"]
    assert "the factor `f'(z)` is missing: write `u ∘ f'(z)`" in found["claims"][0]["hint"]
    assert found["claims"][0]["line"] == 1


def test_claims_that_do_not_fit_are_claims_that_fail() -> None:
    """A shape fault inside a claim does not stop the check; nor does it stop a run."""
    text = f"{NEURON}\nδ = ∂s/∂z\n∂s/∂W == δ x\n∂s/∂W == δ x^T"
    found = document("-e", text, "--of", "s", status=1)
    assert [(c["holds"], c["line"]) for c in found["claims"]] == [(False, 3), (True, 4)]
    hint = found["claims"][0]["hint"]
    assert hint.startswith("columns of δ (1) must equal rows of x (4)")
    assert "`x` should be `x^T`" in hint


def test_names_that_are_not_known_stay_errors() -> None:
    done = run("-e", "W = [1, 2; 3, 4]; x = [1, 2]; z = W x; z == Wx", "--json", status=3)
    assert json.loads(done.stdout)["errors"][0]["code"] == "unknown-name"


def test_a_domain_fault_of_the_data_is_an_error() -> None:
    done = run("-e", "y = log(x); x = -1; y == 0", "--json", status=4)
    assert json.loads(done.stdout)["errors"][0]["code"] == "domain"


def test_a_claim_on_an_infinite_gradient_fails_alone() -> None:
    """The other claims and the gradients are checked as ever."""
    found = document("-e", "y = sqrt(x); x = 0; ∂y/∂x == 5; y == 0", status=1)
    assert [c["holds"] for c in found["claims"]] == [False, True]
    assert found["claims"][0]["hint"] == "`∂y/∂x` divides by zero: 0.5 / 0.0"
    assert "infinite" in found["gradients"]["x"]["skipped"]


def test_a_value_that_does_not_exist_is_an_error_also_where_its_derivative_is_claimed() -> None:
    run("-e", "y = log(x); x = -1; ∂y/∂x == -1", status=4)


def test_a_fault_within_a_derivative_is_told_in_the_words_of_the_file() -> None:
    [claim] = document("-e", "y = cbrt(x)^3; x = 0; ∂y/∂x == 1", status=1)["claims"]
    assert claim["hint"] == "a part of `∂y/∂x` divides by zero: 0.3333333333333333 / 0.0"


def test_tables() -> None:
    shown = run("-e", f"{NEURON}; ∂s/∂b == u; s == u^T h", "--width", "140", status=1).stdout
    claims, gradients = shown.split("Gradients of s")
    assert "fails" in claims
    assert "holds     by symbols" in claims
    assert "(at 5 random points (u, W, x, b, f))" in claims
    assert all(f"∂s/∂{n}" in gradients for n in "uWxb")
    assert "drawn at random (seed 0): u (3×1), W (3×4), x (4×1), b (3×1), a smooth function for f" in gradients


def test_kinks_in_the_table() -> None:
    shown = run("-e", "y = |x|; x = 0", "--format", "plain").stdout
    assert "skipped" in shown
    assert "`y` is not differentiable here: 0 at 0" in shown


@pytest.mark.parametrize("chosen", ["plain", "markdown", "latex", "csv"])
def test_other_formats(chosen: str) -> None:
    shown = run("samples/branches.eq", "--format", chosen).stdout
    assert "holds" in shown


def test_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(run("samples/cube.eq", "--format", "csv").stdout)))
    assert {r["table"] for r in rows} == {"claim", "gradient"}
    assert all(r["verdict"] == "holds" for r in rows)


def test_several_files_go_on_after_a_failing_one(tmp_path: Path) -> None:
    wrong, broken = tmp_path / "wrong.eq", tmp_path / "broken.eq"
    wrong.write_text("y = x^2; x = 2; ∂y/∂x == 5")
    broken.write_text("y = (")
    done = run(str(wrong), "samples/cube.eq", "--json", status=1)
    assert [json.loads(line)["failed"] for line in done.stdout.splitlines()] == [True, False]
    assert run(str(broken), "samples/cube.eq", status=3).stdout.count("Gradients of") == 1


def test_standard_input_and_an_output_file(tmp_path: Path) -> None:
    target = tmp_path / "check.json"
    run("-", "-o", str(target), text="y = x^2; ∂y/∂x == 2 x")
    assert json.loads(target.read_text(encoding="utf-8"))["claims"][0]["holds"]


def test_a_layout_from_the_command_line() -> None:
    text = "s = u^T x; ∂s/∂x == u^T"
    assert document("-e", text, "--layout", "numerator")["layout"] == "numerator"
    assert "matches the numerator layout" in document("-e", text, status=1)["claims"][0]["hint"]


def test_from_python() -> None:
    model = gradcalc.loads(f"{NEURON}; ∂s/∂b == u ∘ f'(z)")
    found = model.check()
    assert not found.failed
    [claim] = found.claims
    assert (claim.text, claim.line, claim.holds, claim.by, claim.hint) == ("∂s/∂b == u ∘ f'(z)", 1, True, "symbols", "")
    assert found.gradients["W"].holds
    assert found.gradients["W"].largest_error < 1e-9
    assert found.gradients["W"].at.startswith("W[")
    with_data = model.check({"W": np.ones((2, 3)), "x": [1, 2, 3], "b": [0, 0], "u": [1, 1]}, of="h")
    assert with_data.of == "h"
    assert with_data.drawn == {"f": None}
    assert with_data.gradients["u"].method == "not connected"


def test_unused_data_is_warned_of() -> None:
    assert [w.code for w in gradcalc.loads("y = x^2").check({"q": 1.0}).warnings] == ["unused-data"]


def test_labels_name_the_worst_entry() -> None:
    found = gradcalc.load(ROOT / "samples" / "score.eq").check()
    assert "(" in found.gradients["x"].at


@pytest.mark.parametrize("layout", ["shape", "numerator"])
def test_layouts_do_not_matter_to_gradients(layout: str) -> None:
    assert all(g.holds for g in gradcalc.loads(NEURON).check(layout=layout).gradients.values())


def test_a_target_that_is_an_input() -> None:
    found = gradcalc.loads("y == 1").check({"y": 1})
    assert found.claims[0].holds
    assert found.gradients["y"].holds


def test_matrices_that_cost_much_are_checked_at_a_sample() -> None:
    found = gradcalc.loads("s = sum(tanh(A B)); A, B in R^{150×150}").check(points=1).gradients["A"]
    assert found.holds
    assert 8 <= found.checked < found.entries == 22_500
