"""What a run shows: every format prints one record of the run, documents follow their schemas."""

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import gradcalc
from gradcalc.report import csv as csv_report
from gradcalc.report import latex, numbers, tables
from gradcalc.report.document import run_document
from gradcalc.report.encode import encode
from gradcalc.report.ledger import ledger
from gradcalc.report.numbers import Look
from gradcalc.report.schema import SCHEMAS
from tests.test_cli import gradcalc as command

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
SAMPLES = sorted((ROOT / "samples").glob("*.eq"))
BRANCHES = "f(x, y, z) = (x + y) max(y, z); x = 1, y = 2, z = 0"


def table(run, width):
    """The tables of a run as text of a given width."""
    out = io.StringIO()
    tables.print_ledger(run, tables.console(out, width), 0, False)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
@pytest.mark.parametrize("layout", ["shape", "numerator"])
def test_run_documents_follow_their_schema(path, layout):
    document = run_document(gradcalc.load(path).run(layout=layout, local_values=True))
    jsonschema.Draft202012Validator(SCHEMAS["run"]).validate(json.loads(encode(document)))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("run", ["run", "samples/score.eq", "--json"]),
        ("error", ["run", "-e", "y = (", "--json"]),
        ("error", ["run", "--nonsense", "--json"]),
        ("functions", ["functions", "--json"]),
        ("graph", ["graph", "samples/score.eq", "--json"]),
        ("explain", ["explain", "--json"]),
    ],
)
def test_documents_on_the_command_line_follow_their_schemas(name, arguments):
    schema = json.loads(command("schema", name).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(command(*arguments).stdout))


def test_the_schema_is_strict():
    document = run_document(gradcalc.loads("y = x^2; x = 3").run())
    for change in ({"surprise": 1}, {"value": "three"}, {"layout": "diagonal"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document, **change}, SCHEMAS["run"])


def test_numbers_round_trip_and_infinite_ones_are_strings():
    run = gradcalc.loads("y = sqrt(x) + w; x = 0; w = 0.1").run()
    text = encode(run_document(run))
    document = json.loads(text, parse_constant=lambda c: pytest.fail(f"{c} is not JSON"))
    assert document["nodes"]["w"]["value"] == 0.1
    assert document["gradients"]["x"]["value"] == "Infinity"
    assert document["flags"][0]["code"] == "infinite-gradient"


def test_the_documents_shapes_are_those_of_the_design():
    """A scalar is a number, a column a flat list, a row [1, n], a matrix nested lists."""
    text = "s = u^T W x; u = [1, 2]; W = [1, 2, 3; 4, 5, 6]; x = [1, 1, 1]"
    document = run_document(gradcalc.loads(text).run())
    nodes = document["nodes"]
    assert (nodes["s"]["shape"], nodes["u"]["shape"], nodes["W"]["shape"]) == ([], [2], [2, 3])
    assert (nodes["t1"]["shape"], nodes["t1"]["value"]) == ([1, 3], [[9.0, 12.0, 15.0]])
    assert document["gradients"]["W"]["value"] == [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]


def test_edges_name_their_argument():
    document = run_document(gradcalc.loads("y = x*x; x = 3").run())
    assert [(e["node"], e["input"], e["argument"], e["downstream"]) for e in document["edges"]] == [
        ("y", "x", 0, 3.0),
        ("y", "x", 1, 3.0),
    ]
    assert len(document["gradients"]["x"]["branches"]) == 2


def test_structured_local_gradients_come_in_parts_and_densely_where_asked_for():
    text = "h = tanh(z); z = [0, 0]"
    edge = run_document(gradcalc.loads(text).run())["edges"][0]["local"]
    assert (edge["kind"], edge["parts"]) == ("diagonal", {"diagonal": [1.0, 1.0]})
    assert "value" not in edge
    dense = run_document(gradcalc.loads(text).run(local_values=True))["edges"][0]["local"]
    assert dense["value"] == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_no_table_row_is_missing_from_another_format(path):
    """Table, plain text, Markdown and LaTeX print one list of sections: as many rows, the same names."""
    run = gradcalc.load(path).run()
    sections = ledger(run)
    markdown = tables.markdown(sections)
    assert markdown.count("\n| ") == sum(len(s.rows) + 2 for s in sections)
    assert latex.document(sections).count("\\\\[6pt]") == sum(len(s.rows) for s in sections)
    shown = table(run, 200)
    for edge in run.edges:
        assert f"{edge.node} → {edge.input}" in shown
        assert f"{edge.node} → {edge.input}" in tables.plain(sections)


def test_the_table_and_the_document_say_the_same():
    run = gradcalc.loads(BRANCHES).run()
    document, shown = run_document(run), " ".join(table(run, 200).split())
    for name, gradient in document["gradients"].items():
        assert f"∂f/∂{name} = {gradient['rule']} scalar" in shown
        branches = " + ".join(f"{b['through']}: {b['value']:g}" for b in gradient["branches"])
        assert f"{branches} {gradient['value']:g}" in shown


def test_the_csv_holds_every_number_of_the_document():
    run = gradcalc.load(ROOT / "samples" / "score.eq").run()
    rows = list(csv.DictReader(io.StringIO(csv_report.table(run))))
    found = {(r["table"], r["name"], r["entry"]): float(r["value"]) for r in rows}
    for name, gradient in run.gradients.items():
        for place, value in np.ndenumerate(gradient.value):
            label = gradient.labels[place[0]] if gradient.labels else f"[{', '.join(map(str, place))}]"
            assert found["gradient", name, label] == value


def test_labels_stand_beside_the_entries():
    run = gradcalc.loads("s = sum(x .^ 2); x = [Paris: 1, in: 2]").run()
    for width in (80, 200):
        shown = table(run, width)
        assert re.search(r"Paris 2\s*\n.*in    4", shown)
    assert run_document(run)["gradients"]["x"]["labels"] == ["Paris", "in"]


def test_large_arrays_are_abbreviated_in_tables_only():
    run = gradcalc.loads("s = sum(x); x = ones(1000)").run()
    assert "[1, 1, 1, …, 1, 1] (1000)" in table(run, 80)
    assert len(run_document(run)["nodes"]["x"]["value"]) == 1000
    assert "[1, 1, 1, …, 1, 1] (1000)" not in tables.plain(ledger(run, 0, Look(full=True)))


def test_markdown_shows_what_a_user_wrote_literally():
    run = gradcalc.loads('s = sum(x); x = ["<b>|*": 1, b: 2]').run()
    shown = tables.markdown(ledger(run))
    assert r"\<b\>\|\*" in shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (-0.0, "0"), (1e-20, "1e-20"), (123456789.0, "1.23457e+08"), (float("inf"), "∞"),
     (float("nan"), "undefined"), (0.1 + 0.2, "0.3")],
)  # fmt: skip
def test_numbers_are_shown_with_six_digits(value, shown):
    assert numbers.number(value) == shown


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no TeX engine is installed")
def test_latex_compiles(path, tmp_path):
    (tmp_path / "run.tex").write_text(latex.document(ledger(gradcalc.load(path).run())), encoding="utf-8")
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "run.tex"], cwd=tmp_path,
                          capture_output=True, text=True, errors="replace", timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_latex_closed_forms_are_balanced(path):
    for gradient in gradcalc.load(path).run().gradients.values():
        for form in (gradient.rule, gradient.short):
            if form is not None:
                assert form.latex.count("{") == form.latex.count("}")
                assert form.latex.count(r"\left") == form.latex.count(r"\right")


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", ["branches", "score"])
def test_tables_are_as_they_were_read_and_approved(name, width):
    """Golden files: read them before you replace them."""
    shown = table(gradcalc.load(ROOT / "samples" / f"{name}.eq").run(), width)
    assert shown == (GOLDEN / f"{name}-{width}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["s = max(y, z); y = 1; z = 1", "s = sum(min(a, b, c)); a = [1, 2]; b = [1, 3]; c = [4, 2]"]
)
def test_at_a_tie_the_printed_rule_has_the_value_beside_it(text):
    """Where entries tie, `1(y > z)` would be false: the rule that is printed gives the even shares."""
    run = gradcalc.loads(text).run()
    for name, gradient in run.gradients.items():
        again = gradcalc.loads(f"answer = {gradient.rule.text}; {text.partition(';')[2]}").run(of="answer")
        np.testing.assert_array_equal(again.value, gradient.value, err_msg=name)
    assert {f.code for f in run.flags} == {"kink"}


def test_with_an_upstream_gradient_the_product_is_named():
    run = gradcalc.loads("z = W x; W = [1, 2; 3, 4]; x = [1, 1]").run(upstream=[1, -1])
    assert "∂(v^T z)/∂W = v x^T" in table(run, 200)
    assert "Gradients of v^T z (shape convention)" in table(run, 200)


def test_zero_has_no_sign():
    """diag(2 z) has zeros beside its diagonal, not -0."""
    run = gradcalc.loads("h = square(z); z = [1, -2]").run()
    assert "-0" not in table(run, 80)
    assert encode(run_document(run)).count("-0.0") == 0
