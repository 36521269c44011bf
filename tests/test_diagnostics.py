"""Every diagnostic: its code in the registry, its words in the corpus, its picture on any width.

tests/diagnostics/<code>/<name>.eq is a tiny text, and the .txt beside it what a reader sees. After a change of
words on purpose, GRADCALC_UPDATE=1 pytest tests/test_diagnostics.py writes the .txt files and
docs/errors.md anew: read them.
"""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcalc import GradcalcError, loads
from gradcalc.codes import CODES, exit_of
from gradcalc.errors import Diagnostic, Exit, Label, Limits, Source, Span
from gradcalc.report.diagnostic import columns, escape, render, styled, to_json

ROOT = Path(__file__).parent.parent
CORPUS = Path(__file__).parent / "diagnostics"
PAGE = ROOT / "docs" / "errors.md"
UPDATE = os.environ.get("GRADCALC_UPDATE") == "1"
TEXTS = sorted(CORPUS.glob("*/*.eq"))
FROM_TEXT = {c for c, entry in CODES.items() if not entry.is_command and (entry.exit or c == "quotient-order")}
"""Codes that a text alone provokes; others are of data, files, options, limits and flags."""


def reported(text: str, name: str = "<text>", limits: Limits | None = None) -> tuple[list[Diagnostic], str]:
    """The diagnostics of a text run in numbers, and the word for them."""
    try:
        return loads(text, name=name, limits=limits).run().warnings, "warning"
    except GradcalcError as error:
        return list(error.diagnostics), "error"


def codes(text: str, limits: Limits | None = None) -> list[str]:
    """The codes of what a text is told."""
    return [d.code for d in reported(text, limits=limits)[0]]


# ------------------------------------------------------------------------------------ corpus


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_what_a_reader_sees(path: Path) -> None:
    """The rendered diagnostics of each text are the text beside it."""
    found, severity = reported(path.read_text(encoding="utf-8"), path.name)
    shown = "\n\n".join(render(d, severity) for d in found) + "\n"
    golden = path.with_suffix(".txt")
    if UPDATE:
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")
    assert path.parent.name in {d.code for d in found}


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_house_rules_of_wording(path: Path) -> None:
    """A place, a remedy or a rule, no name of a terminal, no line that is too wide."""
    found, severity = reported(path.read_text(encoding="utf-8"), path.name)
    for diagnostic in found:
        shown = render(diagnostic, severity)
        assert diagnostic.help or diagnostic.rule
        assert not re.search(r"\b[A-Z]{3,}_?[A-Z]*\b(?! )", diagnostic.message + diagnostic.rule + diagnostic.help)
        assert max(map(columns, shown.splitlines())) <= 80


def test_every_code_that_a_text_provokes_has_a_text() -> None:
    """The folders of the corpus are the codes of the registry."""
    folders = {p.parent.name for p in TEXTS}
    assert folders <= set(CODES)
    assert FROM_TEXT - folders == set()


# ---------------------------------------------------------------------------------- registry


def _codes_in_source() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "gradcalc").rglob("*.py"):
        if path.name == "codes.py":
            continue
        text = path.read_text(encoding="utf-8")
        found.update(re.findall(r'(?:Diagnostic|Flag|Problem|[._]fault)\(\s*"([a-z0-9-]+)"', text))
        found.update(re.findall(r'code(?:, message)? = "([a-z-]+)"', text))
    return found


def test_every_code_in_use_is_registered() -> None:
    """No diagnostic without an explanation."""
    assert _codes_in_source() - set(CODES) == set()


def test_every_registered_code_is_in_use() -> None:
    """No explanation of a diagnostic that nothing makes."""
    modules = [p for p in (ROOT / "gradcalc").rglob("*.py") if p.name != "codes.py"]
    everything = "".join(p.read_text(encoding="utf-8") for p in modules)
    for code in CODES:
        limit = code.removeprefix("limit-")
        assert f'"{code}"' in everything or (limit != code and f'_refuse("{limit}"' in everything), code


@pytest.mark.parametrize("code", [c for c, entry in CODES.items() if not entry.is_command])
def test_examples_provoke_and_mended_do_not(code: str) -> None:
    """The example of each code has that fault and no other; the mended one has none."""

    def found(text: str) -> set[str]:
        try:
            run = loads(text).run()
        except GradcalcError as error:
            return {d.code for d in error.diagnostics}
        return {d.code for d in run.warnings} | {f.code for f in run.flags}

    assert found(CODES[code].example) == {code}
    assert found(CODES[code].mended) == set()


def test_entries_are_whole() -> None:
    """Each entry has words to read, an example and a mended one that differs."""
    for code, entry in CODES.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
        assert entry.title and not entry.title.endswith(".")
        assert entry.explanation.endswith(".")
        assert entry.example != entry.mended
        assert entry.mended.startswith("$ ") == entry.is_command


def test_exit_statuses() -> None:
    """Text 3, numbers 4, limits 5, files 6, usage 2, a bug 70; warnings none."""
    assert exit_of("shape-mismatch") is Exit.INPUT
    assert exit_of("domain") is Exit.NUMERIC
    assert exit_of("limit-nodes") is Exit.LIMIT
    assert exit_of("unreadable-file") is Exit.FILE
    assert exit_of("unknown-target") is Exit.USAGE
    assert exit_of("internal") is Exit.BUG
    assert exit_of("no such code") is Exit.BUG
    assert exit_of("quotient-order") is Exit.DONE
    assert all(exit_of(c) is Exit.LIMIT for c in CODES if c.startswith("limit-"))


def page() -> str:
    """docs/errors.md: every code with its explanation, an example and the example mended."""
    out = [
        "# Errors, warnings and flags",
        "",
        "Every message of gradcalc begins with a code, as in `error[shape-mismatch]`. This page lists them all;",
        "`gradcalc explain CODE` shows the same. An example that begins with `$` is a command line, any other the text",
        "of an equation file.",
        "",
        "| code | what it is | exit status |",
        "|---|---|---|",
    ]
    order = sorted(CODES)
    for code in order:
        status = CODES[code].exit
        out.append(f"| [`{code}`](#{code}) | {CODES[code].title} | {'' if status is None else int(status)} |")
    for code in order:
        entry = CODES[code]
        out += ["", f"## {code}", "", f"{entry.title}. {entry.explanation}", ""]
        out += [f"    {escape(line)}" for line in entry.example.splitlines()]
        out += ["", "Mended:", ""]
        out += [f"    {escape(line)}" for line in entry.mended.splitlines()]
    return "\n".join(out) + "\n"


def test_the_page_of_errors_is_up_to_date() -> None:
    """docs/errors.md is made from the registry."""
    if UPDATE:
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()


# --------------------------------------------------------------------- all at once, each once


def test_all_syntax_faults_at_once() -> None:
    """Each statement is parsed on its own after a fault; names are not looked at before."""
    text = "a = (1\nb = 2 +\nc = unknown\nd = [1 2]\ne = 3)\n"
    assert codes(text) == ["unclosed-bracket", "unexpected-end", "missing-comma", "unopened-bracket"]


def test_all_names_and_shapes_at_once() -> None:
    """Faults of names and of shapes stand together, in the order of their places."""
    text = "a = p + 1\nu = [1, 2]; b = u u\nc = q\nd = sigmod(1)\n"
    assert codes(text) == ["unknown-name", "shape-mismatch", "unknown-name", "unknown-function"]


@pytest.mark.parametrize(
    "text",
    [
        "a = p + p^2 + p p; b = a [1, 2]^T; c = b + a; s = sum(c)",
        "x = [1, 2]; y = x[k] + x[k]",
        "y = sum([1, 2], axis=n)",
        "a = b; b = c + 1; c = a; d = a + b + c; e = d",
        "u = [1, 2]; z = u u; y = z + z; s = y^T y",
        "h = f(1) + f(2)",
        "d = dy/dx + 1; y = x; x = 2; e = d + 1",
        "A = I; B = A + 1; c = B + A",
    ],
)
def test_one_mistake_one_message(text: str) -> None:
    """What follows from a fault is not a fault of its own."""
    assert len(codes(text)) == 1


def test_at_most_twenty_syntax_faults() -> None:
    """A text that is something else altogether does not fill the screen."""
    assert len(codes("\n".join("this is no equation" for _ in range(500)))) == 20


def test_many_statements_with_one_fault_take_no_square_time() -> None:
    """After a fault the statements are parsed where they stand."""
    lines = [f"a{i} = {i}" for i in range(3000)]
    lines[1500] = "a = ("
    [only] = reported("\n".join(lines))[0]
    assert (only.code, only.span and only.span.line) == ("unclosed-bracket", 1501)


# ------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("limit", "make"),
    [
        ("nesting", lambda n: "s = " + "(" * n + "1" + ")" * n),
        ("nesting", lambda n: "s = " + "[" * 1 + "(" * (n - 1) + "1" + ")" * (n - 1) + "]"),
        ("nesting", lambda n: "s = " + "-" * n + "x; x = 1"),
        ("nesting", lambda n: "s = x" + "^1" * n + "; x = 1"),
        ("nesting", lambda n: "s = x" + "^T" * n + "; x = 1"),
        ("nesting", lambda n: "s = x" + "'" * n + "; x = 1"),
        ("nesting", lambda n: "s = " + "sin(" * n + "1" + ")" * n),
        ("nesting", lambda n: "s = " + "-(" * (n // 2) + "-" * (n % 2) + "1" + ")" * (n // 2)),
        ("literal", lambda n: "s = 0." + "1" * (n - 2)),
        ("name", lambda n: "a" * n + " = 1"),
    ],
)
def test_limits_of_the_text(limit: str, make: object) -> None:
    """One below and at the limit is accepted, one beyond is refused with the limit's own code."""
    at = getattr(Limits(), limit)
    for size in (at - 1, at):
        assert codes(make(size)) == []  # type: ignore[operator]
    assert codes(make(at + 1)) == [f"limit-{limit}"]  # type: ignore[operator]


def test_deep_nesting_does_not_recurse() -> None:
    """With the limit raised, depth costs no stack."""
    deep = Limits(nesting=5000)
    for text in ("s = " + "(" * 4000 + "x" + ")" * 4000, "s = x" + "^1" * 4000, "s = " + "-" * 4000 + "x",
                 "s = " + "sin(" * 4000 + "x" + ")" * 4000, "s = x" + "^T" * 4000):  # fmt: skip
        assert codes(text + "; x = 1", deep) == []


def test_far_too_deep_is_refused_quickly() -> None:
    """A million brackets stop at the first one too many."""
    [fault] = reported("s = " + "(" * 1_000_000)[0]
    assert (fault.code, fault.span and fault.span.column) == ("limit-nesting", 4 + 201)


def test_limit_of_nodes_is_exact_and_counts_before_it_builds() -> None:
    """Constructs after expansion; numbers count for nothing."""
    text = "s = x + x; x = 1"  # a sum and two names
    assert codes(text, Limits(nodes=3)) == []
    assert codes(text, Limits(nodes=2)) == ["limit-nodes"]
    assert codes(text, Limits(nodes=4)) == []
    doubling = "f0(t) = t + t\n" + "\n".join(f"f{i + 1}(t) = f{i}(f{i}(t))" for i in range(60)) + "\ns = f60(x); x = 1"
    assert codes(doubling) == ["limit-nodes"]


def test_limit_of_entries() -> None:
    """No array is allocated to find that it is too large."""
    assert codes("s = sum(ones(4, 5))", Limits(entries=20)) == []
    assert codes("s = sum(ones(3, 7))", Limits(entries=20)) == ["limit-entries"]
    assert codes("s = sum(ones(4, 5) + 1)", Limits(entries=21)) == []
    assert codes("u = ones(100000); A = u u^T; s = sum(A)") == ["limit-entries"]
    assert codes("x = [1, 2, 3]; s = sum(x)", Limits(entries=2)) == ["limit-entries"]


@pytest.mark.parametrize(
    "call", ["inv(A)", "det(A)", "logdet(A)", "solve(A, diag(A))", "A^-1", "A^-T", "adj(A)", "adj_change(A, A)"]
)
def test_limit_of_sides(call: str) -> None:
    """Cubic algorithms take matrices up to a side."""
    for side, expected in ((3, []), (4, []), (5, ["limit-side"])):
        assert codes(f"A = 2 eye({side}); B = {call}; s = sum(B)", Limits(side=4)) == expected


# ------------------------------------------------------------------------------------- picture


def test_the_picture_of_the_contract() -> None:
    """Header, place, both operands with their shapes, rule, remedy."""
    text = "# a score\nb = 1\nW = ones(3, 4); x = [1, 2, 3, 4, 5]\nz = W x + b\n"
    [fault] = reported(text, "samples/score.eq")[0]
    assert render(fault) == (
        "error[shape-mismatch]: the product `W x` does not fit\n"
        "  --> samples/score.eq:4:5\n"
        "  4 | z = W x + b\n"
        "    |     ^ ^ 5×1\n"
        "    |     3×4\n"
        "  = columns of W (4) must equal rows of x (5)\n"
        "  help: give x 4 entries, or W 5 columns"
    )


def _under(text: str, needle: str, **options: int) -> tuple[str, str]:
    """The source line and the carets of a fault at a needle in a text."""
    start = text.index(needle)
    span = Span(Source("a.eq", text), start, start + len(needle))
    lines = render(Diagnostic("syntax", "m", span, (Label(span),)), **options).splitlines()
    return lines[2], lines[3]


@pytest.mark.parametrize(
    ("text", "needle"),
    [("y = 漢字 + x2", "x2"), ("y = ŷ + ŷ + x2".replace("ŷ", "y\u0302"), "x2"), ("\ty\t= x2", "x2"), ("y = 漢 x", "漢"),
     ("y = \x1b[31m x2", "x2"), ("y = \u202e x2", "x2")],
)  # fmt: skip
def test_carets_stand_under_their_characters(text: str, needle: str) -> None:
    """Wide, combining, tab and escaped characters: measured as a terminal shows them."""
    line, carets = _under(text, needle)
    shown = escape(needle)
    assert columns(line[: line.index(shown)]) == carets.index("^")
    assert carets.count("^") == columns(shown)


@pytest.mark.parametrize("width", [24, 40, 80, 200])
@pytest.mark.parametrize("at", [0, 50, 500, 990])
def test_long_lines_are_cut_to_a_window(width: int, at: int) -> None:
    """The window holds the place; what is left out is marked."""
    text = "".join(f"v{i:03d} + " for i in range(1000))
    line, carets = _under(text, f"v{at:03d}", width=width)
    assert line[carets.index("^") : carets.rindex("^") + 1] == f"v{at:03d}"
    assert len(line) <= width and "…" in line


def test_nothing_of_a_user_reaches_the_terminal_raw() -> None:
    """Escapes, markup and bidi characters are text."""
    span = Span(Source("\x1b[31mfile[bold].eq", "a \x1b[0m [red]b[/red]\u202e"), 0, 1)
    labels = (Label(span, "\x9b2J"),)
    fault = Diagnostic("syntax", "\x1b]0;title\x07 [bold]`x`[/bold]", span, labels, "\u202erule", "a\nb")
    for shown in (render(fault), styled(fault).plain):
        assert not any(unicodedata.category(c) in ("Cc", "Cf") for c in shown.replace("\n", ""))
        assert "\\x1b[31mfile[bold].eq" in shown and "[red]b[/red]" in shown and "[bold]`x`[/bold]" in shown
    assert [line.rstrip() for line in styled(fault).plain.splitlines()] == render(fault).splitlines()


def test_without_a_place_there_is_no_arrow() -> None:
    """A fault of a data file has words only."""
    fault = Diagnostic("bad-data", "the data for `x` is ragged", help="give rows of one length")
    assert render(fault) == "error[bad-data]: the data for `x` is ragged\n  help: give rows of one length"
    assert to_json(fault)["line"] is None and to_json(fault)["source"] is None


def test_record_for_scripts() -> None:
    """What the error document of --json carries."""
    [fault] = reported("a = 1\nb = ( 2", "f.eq")[0]
    assert to_json(fault) == {
        "code": "unclosed-bracket", "severity": "error", "message": "`(` is never closed", "rule": "",
        "help": "close it with `)`", "source": "f.eq", "line": 2, "column": 5,
    }  # fmt: skip


def test_labels_on_several_lines() -> None:
    """Each marked line is shown, those between are left out."""
    shown = render(reported("x = 1\n\n\nx = 2\n", "f.eq")[0][0])
    assert "  1 | x = 1\n    | ^ first here\n  ..\n  4 | x = 2\n    | ^ again here" in shown


@given(st.text(max_size=200), st.data(), st.integers(1, 120))
def test_any_text_can_be_pictured(text: str, data: st.DataObject, width: int) -> None:
    """Any places of any text, on any width: no crash, one caret row for each line, nothing raw."""
    source = Source("f.eq", text)
    spans = []
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        spans.append(Span(source, start, data.draw(st.integers(start, len(text)))))
    labels = tuple(Label(s, "label" * (i % 2)) for i, s in enumerate(spans))
    shown = render(Diagnostic("syntax", text, spans[0], labels, text, text), width=width)
    assert "^" in shown
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in shown.replace("\n", ""))


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("y = x^T [1, 2]; x = [3, 4]", "`x^T * [1, 2]` multiplies"),
        ("y = x^T [0.5, 2]; x = [3, 4]", "`x^T * [0.5, 2]` multiplies"),
        ("y = zeros(-1)", "write one, such as 3"),
        ("y = zeros(2.5)", "write one, such as 3"),
        ("y = onehot(5, 3)", "write at most 2, or a size of at least 6"),
    ],
)
def test_a_place_or_a_size_that_cannot_be_has_a_remedy(text: str, remedy: str) -> None:
    with pytest.raises(GradcalcError) as caught:
        loads(text).run()
    assert remedy in caught.value.diagnostics[0].help


def test_an_index_is_shown_as_it_was_written() -> None:
    with pytest.raises(GradcalcError) as caught:
        loads("y = A[99999999999999999999999, 0]; A = [1, 2; 3, 4]").run()
    assert caught.value.diagnostics[0].rule == "index 99999999999999999999999 is outside 0 to 1"
