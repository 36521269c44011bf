"""Hostile text: what cannot be seen, what looks like something else, markup, formulas of spreadsheets, odd files.

Every input ends in a result or in a coded error with its place; nothing of a user is interpreted.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradcalc import GradcalcError, load, loads
from gradcalc.cli import execute
from gradcalc.errors import Diagnostic, Limits
from gradcalc.files import decode
from gradcalc.report.diagnostic import render
from gradcalc.symbols import INVISIBLE, normalise, visible

ROOT = Path(__file__).parent.parent


def faults(call: Callable[[], Any]) -> list[tuple[str, int | None, int | None]]:
    """Code, line and column of every fault."""
    try:
        call()
    except GradcalcError as error:
        assert all(render(d) for d in error.diagnostics)
        return [(d.code, d.span and d.span.line, d.span and d.span.column) for d in error.diagnostics]
    return []


def only(call: Callable[[], Any]) -> Diagnostic:
    """The one fault."""
    with pytest.raises(GradcalcError) as caught:
        call()
    [found] = caught.value.diagnostics
    return found


# ------------------------------------------------------------------------- bytes to text


@pytest.mark.parametrize(
    ("raw", "line", "column", "word"),
    [
        (b"x = 1\n# caf\xe9", 2, 6, "byte 0xE9 at offset 11"),
        (b"x = 1 # \xc0\xaf", 1, 9, "byte 0xC0"),  # an overlong form of /
        (b"x = 1 # \xed\xa0\x80", 1, 9, "byte 0xED"),  # half of a surrogate pair
        (b"x = 1 # \xf4\x90\x80\x80", 1, 9, "byte 0xF4"),  # beyond U+10FFFF
        (b"x = 1\r\ny = 2 # \xe2\x82", 2, 9, "byte 0xE2"),
        ("é = 1\n".encode() + b"\xff", 2, 1, "byte 0xFF"),
        ("\ufeffé = 1\né".encode() + b"\xff", 2, 2, "byte 0xFF at offset 12"),
        ("\ufeffxé".encode() + b"\xff", 1, 3, "byte 0xFF at offset 6"),
        ("x = 1".encode("utf-16"), 1, 1, "UTF-16"),
        ("\ufeffx = 1".encode("utf-16-be"), 1, 1, "UTF-16"),
        ("x = 1".encode("utf-32"), 1, 1, "byte 0xFF"),
    ],
)
def test_text_that_is_not_utf8(raw: bytes, line: int, column: int, word: str) -> None:
    """Refused by its first wrong byte, with line and column."""
    found = only(lambda: decode(raw, "x.eq"))
    assert found.code == "not-utf8" and found.span
    assert (found.span.line, found.span.column) == (line, column)
    assert word in found.message + found.help and "^" in render(found)


@pytest.mark.parametrize(
    "raw",
    [
        b"x = 1\ny = x + 1", b"x = 1\r\ny = x + 1\r\n", b"x = 1\r\n\ny = x + 1\r\n", b"\xef\xbb\xbfx = 1\ny = x + 1",
        b"\xef\xbb\xbf\r\nx = 1\r\ny = x + 1", b"x = 1\n\x0c\ny = x\t+ 1", b"\n\n\n;;x = 1;;\n; y = x + 1;\n;",
    ],
)  # fmt: skip
def test_line_ends_and_byte_order_marks(tmp_path: Path, raw: bytes) -> None:
    """A mark of byte order, both line ends, mixed too, tabs and form feeds are accepted."""
    (tmp_path / "x.eq").write_bytes(raw)
    assert load(tmp_path / "x.eq").run().value == 2.0
    assert loads(raw.decode("utf-8")).run().value == 2.0


@pytest.mark.parametrize("text", ["", "\ufeff", "# only words", "\n\n;\n", "   \t\x0c "])
def test_text_with_nothing_in_it(text: str) -> None:
    """An error in words, not a crash."""
    assert [code for code, *_ in faults(lambda: loads(text).run())] == ["no-target"]


# ------------------------------------------------------------------------------- characters

ODD = {
    "NUL": "\0", "escape": "\x1b", "delete": "\x7f", "C1": "\x9b", "a lone CR": "\r", "VT": "\v", "NEL": "\x85",
    "LS": "\u2028", "PS": "\u2029", "RLO": "\u202e", "LRI": "\u2066", "PDI": "\u2069", "RLM": "\u200f",
    "ZWSP": "\u200b", "ZWNJ": "\u200c", "ZWJ": "\u200d", "BOM inside": "\ufeff", "word joiner": "\u2060",
    "soft hyphen": "\u00ad",
    "CGJ": "\u034f", "Hangul filler": "\u3164", "half-width filler": "\uffa0", "a variation selector": "\ufe0f",
    "a Mongolian selector": "\u180b", "a tag": "\U000e0041", "a selector of plane 14": "\U000e0100",
    "a surrogate": "\ud800", "annotation": "\ufff9", "invisible times": "\u2062", "a format of music": "\U0001d173",
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_cannot_be_seen_is_refused_everywhere(name: str) -> None:
    """By code point and place: in names, between them, in comments, labels, at both ends."""
    character = ODD[name]
    code = f"U+{ord(character):04X}"
    for text, line, column in (
        (f"x{character} = 1", 1, 2),
        (f"x = 1 {character}+ 2", 1, 7),
        (f"# a{character}b\nx = 1", 1, 4),
        (f"x = 1\ny = x # {character}", 2, 9),
        (f'x = ["a{character}": 1]', 1, 8),
        (f"x = [a{character}b: 1]", 1, 7),
        (f" {character}x = 1", 1, 2),
        (f"x = 1{character}", 1, 6),
    ):
        found = only(lambda text=text: loads(text))
        assert found.code == "forbidden-character" and found.span and code in found.message
        assert (found.span.line, found.span.column) == (line, column)
        shown = render(found)
        assert not INVISIBLE.search(shown.replace("\n", "")) and "^" in shown


def test_the_table_of_what_cannot_be_seen_is_whole() -> None:
    """Controls, formats, surrogates, separators of lines, and what Unicode calls default ignorable."""
    ignorable = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10)}
    ignorable |= {*range(0x2060, 0x2070), *range(0xE0000, 0xE1000)}
    for code in range(0x110000):
        hidden = unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp") or code in ignorable
        newer = 0x13430 <= code < 0x13440  # controls of hieroglyphs, that not every Python knows
        assert newer or bool(INVISIBLE.match(chr(code))) == hidden, hex(code)


@pytest.mark.parametrize(
    ("text", "column", "remedy"),
    [
        ("x = 1\u00a0+ 2", 6, "write a plain space"), ("x = 1\u3000+ 2", 6, "write a plain space"),
        ("\u0430 = 1", 1, "write `a`"), ("\u0421 = 1", 1, "write `C`"), ("\u0436 = 1", 1, "a Latin or a Greek letter"),
        ("\U0001d431 = 1", 1, "write `x`"), ("\U0001d6fc = 1", 1, "write `α`"), ("\ufb01 = 1", 1, "write `fi`"),
        ("\u212b = 1", 1, "write `Å`"), ("x = \uff11\uff12", 5, "write `1`"), ("x = \u0663", 5, "write `3`"),
        ("x = 2; y = x\u00b2", 13, "write `^2`"), ("x = 2; y = x\u207b\u00b9", 13, "write `^-1`"),
        ("x\u037e y = 1", 2, "write `;`"), ("x = 1; y = x \u0387 x", 14, "write `·`"), ("\u0384 = 1", 1, "delete it"),
        ("\u4e2d = 1", 1, "a Latin or a Greek letter"), ("\U0001f600 = 1", 1, "delete it"),
        ("\u2800 = 1", 1, "delete it"),
        ("x = 1 \u2212\u2212\u2013 2", 9, ""), ("\u0301x = 1", 1, ""), ("x = \u2460", 5, "write `1`"),
    ],
)  # fmt: skip
def test_look_alikes_are_told(text: str, column: int, remedy: str) -> None:
    """Letters, digits and blanks of other scripts, widths and styles: their name, and what to write."""
    found = only(lambda: loads(text).run())
    assert found.code == "unknown-character" and found.span and found.span.column == column
    assert unicodedata.name(text[column - 1]) in render(found)
    assert remedy in found.help


def test_names_of_one_spelling() -> None:
    """Composed or not, `\\phi`, `φ` and its symbol: one name. Every letter of a name is composed as it is."""
    for first, second in (("é", "e\u0301"), ("φ", "ϕ"), ("θ", "ϑ"), ("ε", "ϵ"), ("μ", "µ"), ("δ_1", "\\delta_{1}"),
                          ("ŷ", "y\u0302")):  # fmt: skip
        assert normalise(first) == normalise(second)
        assert loads(f"{first} = 1; s = {second} + 1").run().value == 2
    for code in range(0x250):
        if chr(code).isalpha() and chr(code) not in "ªº":
            assert loads(f"{chr(code)} = 1; score = {chr(code)} + 1").run().value == 2, hex(code)


def test_names_are_letters_and_print_as_names() -> None:
    """What the grammar reads as a letter of a name is one, also after it is composed."""
    for code in (*range(0x250), *range(0x370, 0x400), *range(0x1E00, 0x2000)):
        text = f"{chr(code)} = 1"
        if chr(code) not in "#" and not faults(lambda text=text: loads(text)):
            [statement] = loads(text).program.statements
            assert loads(f"{statement.name.id} = 1").program.statements[0].name.id == statement.name.id
            assert unicodedata.category(chr(code))[0] == "L" or chr(code) == "_"


def test_marks_without_end_are_only_marks() -> None:
    """A name under a hundred accents is a name of 101 characters, and a comment is a comment."""
    assert loads("x" + "\u0316" * 100 + " = 1 # " + "y" + "\u0301" * 1000).run().value == 1
    assert faults(lambda: loads("x" + "\u0316" * 128 + " = 1")) == [("limit-name", 1, 1)]


# ------------------------------------------------------------- text that looks like code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("__class__ = 1; s = __class__ + 1", []),
        ("s = __import__(os)", [("undefined-function", 1, 5), ("unknown-name", 1, 16)]),
        ("x = 1; s = x.__class__", [("unknown-character", 1, 13)]),
        ("s = {0.__class__}", [("syntax", 1, 5)]),
        ("s = %s", [("unknown-character", 1, 5)]),
        ("x = 1; s = ${x}", [("unknown-character", 1, 12)]),
        ("s = eval(1)", [("undefined-function", 1, 5)]),
        ("s = `ls`", [("unknown-character", 1, 5)]),
        ("xж = 1; ж = 2", [("unknown-character", 1, 2), ("unknown-character", 1, 9)]),
        ("x = 1; s = sж'(x) + x₁²", [("unknown-character", 1, 13)]),
        ("h ∈ Rጔ^n", [("unknown-character", 1, 6)]),
        ("h ∈ ጔR^n", [("unknown-character", 1, 5)]),
        ("x = 1; s = ∂ж/∂x; t = ₁x", [("unknown-character", 1, 13), ("unknown-character", 1, 23)]),
        ("s = \\input{x}", [("unknown-symbol", 1, 5)]),
        ("s = lambda: 0", [("syntax", 1, 11)]),
        ("import os", [("syntax", 1, 1)]),
        ("s = 'a'", [("syntax", 1, 5)]),
        ("s = x if x else 1; x = 1", [("syntax", 1, 7)]),
        ("s = 1; s.__dict__ = 2", [("unknown-character", 1, 9)]),
        ("s = x -- DROP; x = 1", [("unknown-name", 1, 10)]),
    ],
)
def test_code_is_only_text(text: str, expected: list[tuple[str, int, int]]) -> None:
    """Names that mean something to Python, to a shell or to a template mean nothing here."""
    assert faults(lambda: loads(text).run()) == expected


@pytest.mark.parametrize(
    "name", ["__class__", "__init__", "kernel", "op", "shape", "mro", "None", "self", "lambda", "format"]
)
def test_names_of_python_are_ordinary_names(name: str) -> None:
    """A value, a function and a parameter may have them, and derivatives go through."""
    text = f"{name} = 3; f({name}) = {name}^2; s = f({name})"
    assert loads(text).run().gradients[name].value == 6
    found = only(lambda: loads(f"s = {name}(1) + 0 x; x = 1").run())
    assert found.code in ("undefined-function", "unknown-function")


ALLOWED = {
    ("__init__.py", "getattr"), ("ops/named.py", "getattr"), ("ops/prod.py", "getattr"),
    ("compiled/code.py", "compile"), ("compiled/code.py", "exec"),
}  # fmt: skip
"""Attributes by a name that is no literal: of the package's own table of exports, and of fixed tuples of names. A
prepared function is compiled from a syntax tree of the closed table's calls, which `test_compiled` looks at.
"""


def test_text_is_never_code() -> None:
    """No eval, exec, compile or unpickling in the package, and no attribute by a name that is computed."""
    found = set()
    for path in sorted((ROOT / "gradcalc").rglob("*.py")):
        where = path.relative_to(ROOT / "gradcalc").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {a.name for a in node.names} | {getattr(node, "module", None) or ""}
                found |= {
                    (where, n) for n in names & {"pickle", "marshal", "shelve", "dill", "ctypes", "code", "runpy"}
                }
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id in ("eval", "exec", "compile", "__import__", "globals", "vars"):
                    found.add((where, node.func.id))
                dynamic = len(node.args) > 1 and not isinstance(node.args[1], ast.Constant)
                if node.func.id in ("getattr", "setattr", "delattr") and dynamic:
                    found.add((where, node.func.id))
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and node.value.value is not False:  # type: ignore[attr-defined]
                found.add((where, "allow_pickle"))
            if isinstance(node, ast.keyword) and node.arg == "shell":
                found.add((where, "shell"))
    assert found <= ALLOWED


# ------------------------------------------------------------------ printed as it stands

LABELS = [
    "[red]a[/red]", "[/x]", "[link=http://x]y", "]]>", "</script>", "<img src=x onerror=y>", "$x$", "\\input{x}", "%c",
    "a|b", "=cmd()", "+1", "@x", "-2+3", "-x()", "{0.__class__}", "%s", "a&b", "#", "~^_", "`code`", "*b*", "漢字",
    "😀", "'", ";", "a,b", "a  b",
]  # fmt: skip
TEXT = "x = [" + ", ".join(f'"{label}": {k}' for k, label in enumerate(LABELS)) + "]\ns = sum(x .^ 2)"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints."""
    status = execute(list(arguments))
    out, err = capsys.readouterr()
    assert status == 0, err
    return out


@pytest.mark.parametrize("form", ["table", "plain"])
def test_labels_stand_in_tables_as_written(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """Markup of Rich is text."""
    shown = printed(capsys, "run", "-e", TEXT, "--format", form, "--full", "--width", "300")
    assert all(label in shown for label in LABELS)


def test_labels_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    """They come back as they were."""
    document = json.loads(printed(capsys, "run", "-e", TEXT, "--json"))
    assert document["nodes"]["x"]["labels"] == LABELS


def test_labels_in_csv(capsys: pytest.CaptureFixture[str]) -> None:
    """One cell each; what a spreadsheet would take for a formula has an apostrophe before it."""
    rows = list(csv.DictReader(io.StringIO(printed(capsys, "run", "-e", TEXT, "--format", "csv"))))
    found = [row["entry"] for row in rows if row["table"] == "gradient"]
    assert [cell.removeprefix("'") for cell in found] == [label.removeprefix("'") for label in LABELS]
    assert not any(cell[:1] in ("=", "@", "\t") for row in rows for cell in row.values())
    assert {"'=cmd()", "'@x", "'-2+3"} & set(found)


def test_labels_in_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    """No cell ends early, no tag and no emphasis begins."""
    shown = printed(capsys, "run", "-e", TEXT, "--format", "markdown", "--full")
    for line in shown.splitlines():
        if line.startswith("|"):
            bare = re.sub(r"\\.", "", line)
            assert bare.count("|") in (4, 5, 6) and "<" not in bare.replace("<br>", "") and "`" not in bare
    assert r"\<img src=x onerror=y\>" in shown and r"a\|b" in shown


def test_labels_in_latex(capsys: pytest.CaptureFixture[str]) -> None:
    """No command, comment, group or mathematics of a user's own."""
    shown = printed(capsys, "run", "-e", TEXT, "--format", "latex", "--full")
    assert r"\input" not in shown and "%" not in shown.replace(r"\%", "") and r"\textbackslash{}input\{x\}" in shown
    bare = re.sub(r"\\.", "", shown)
    assert bare.count("{") == bare.count("}") and bare.count("$") % 2 == 0
    assert shown.isascii()


@pytest.mark.parametrize("form", ["text", "mermaid", "dot", "json"])
def test_pictures_hold_no_text_of_their_own(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """Names and operators stand in quotes, one node a line."""
    shown = printed(capsys, "graph", "-e", "x_1 = 1; s = (x_1 < 2) + \\delta'; \\delta = 3", "--format", form)
    if form == "mermaid":
        inside = re.findall(r'\["(.*)"\]', shown)
        assert inside and not any(c in text for text in inside for c in '"<>')
    if form == "dot":
        assert all(line.count('"') % 2 == 0 for line in shown.splitlines())
    if form == "json":
        assert json.loads(shown)["nodes"]


NAMES = [
    '[red]"q" $y$ %z |p| <b>.eq',
    "a\x1b[31m.eq",
    "a\u202eb.eq",
    "a\nb.eq",
    "-.eq",
    "{0.__class__}.eq",
    "é e\u0301.eq",
]


@pytest.mark.skipif(os.name == "nt", reason="such names are no names there")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["table", "plain", "markdown", "latex", "csv", "json"])
def test_file_names_are_text_too(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, form: str) -> None:
    """In headings, errors and documents; nothing invisible reaches the terminal."""
    path = tmp_path / name
    path.write_text("s = x^2; x = 3", encoding="utf-8")
    for arguments in (["run", str(path), str(path)], ["run", str(path), "--of", "none"]):
        execute([*arguments, "--format", form])
        for stream in capsys.readouterr():
            assert not INVISIBLE.search(stream.replace("\n", ""))
            if form == "json":
                documents = [json.loads(line) for line in stream.splitlines()]
                assert all(d.get("source", str(path)) == str(path) for d in documents)


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes there only")
def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are shown by their codes; documents stay valid, also in a file."""
    path = os.fsdecode(bytes(tmp_path) + b"/\xff.eq")
    Path(path).write_text("s = x^2; x = 3", encoding="utf-8")
    for form, suffix in (("json", "json"), ("markdown", "md"), ("table", "txt")):
        out = tmp_path / f"out.{suffix}"
        done = subprocess.run([sys.executable, "-m", "gradcalc", "run", path, path, "--format", form, "-o", str(out)],
                              capture_output=True, cwd=ROOT, timeout=60)  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")
        written = out.read_text(encoding="utf-8")
        if form == "json":  # strict JSON has no half of a character
            assert json.loads(written.splitlines()[0])["source"] == path.replace("\udcff", "\\xff")
        else:
            assert "\\udcff" in written


def test_visible_text() -> None:
    """What cannot be seen is shown by its code; all else, and newlines, stay."""
    assert visible("a\x1b\u202e\U000e0041\ud800\n漢") == "a\\x1b\\u202e\\U000e0041\\ud800\n漢"


# ------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("setting", "code", "place"),
    [
        ("x=nan", "unknown-name", (1, 5)), ("x=inf", "unknown-name", (1, 5)), ("x=[1,nan]", "unknown-name", (1, 8)),
        ("x=y", "unknown-name", (1, 5)), ("x=f(2)", "undefined-function", (1, 5)), ("x=sum", "bad-setting", None),
        ("x=1/0", "division-by-zero", (1, 5)), ("x=log(-1)", "domain", (1, 5)), ("x=1e999", "literal-range", (1, 5)),
        ("x", "bad-setting", None), ("=1", "bad-setting", None), ("x=", "unexpected-end", (1, 3)),
        ("x=1; y=2", "bad-setting", None), ("x=1\ny=2", "bad-setting", None), ("x=1,z=2", "bad-setting", None),
        ("x\u200b=1", "forbidden-character", (1, 2)), ("x=1\u202e", "forbidden-character", (1, 6)),
        ("x=\udcff", "forbidden-character", (1, 5)), ("a b=1", "bad-left-side", (1, 1)),
        ("x[0]=1", "bad-left-side", (1, 1)),
        ("x=" + "[" * 300, "limit-nesting", (1, 205)), ("x=" + "9" * 500, "limit-literal", (1, 5)),
        ("x" * 200 + "=1", "limit-name", (1, 1)), ("x=ones(10000,10000)", "limit-entries", (1, 5)),
        ('x=__import__("os")', "unknown-character", (1, 16)), ("x=@", "unreadable-file", None),
        ("x=@.", "unreadable-file", None), ("x=@no/such.npy", "unreadable-file", None),
        ("x=@a\0b", "unreadable-file", None),
    ],
)  # fmt: skip
def test_settings(capsys: pytest.CaptureFixture[str], setting: str, code: str, place: tuple[int, int] | None) -> None:
    """`--set`: each wrong one has its code and, where there is a text, its place."""
    status = execute(["run", "-e", "s = sum(x)", "--json", "--set", setting])
    [found, *_] = json.loads(capsys.readouterr().out)["errors"]
    assert found["code"] == code and status in (2, 3, 4, 5, 6) and found["message"]
    assert (found["line"], found["column"]) == (place or (None, None))


# --------------------------------------------------------------------------------------- files


def status_and_code(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit status, and the code of the first error."""
    status = execute([*arguments, "--json"])
    document = json.loads(capsys.readouterr().out.splitlines()[0])
    return status, document["errors"][0]["code"] if "errors" in document else ""


@pytest.mark.skipif(sys.platform != "linux", reason="the devices of Linux")
def test_files_that_are_no_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folders, devices without end, links to themselves, missing and forbidden ones: a code, no hang."""
    loop = tmp_path / "loop.eq"
    loop.symlink_to(loop)
    link = tmp_path / "link.eq"
    (tmp_path / "real.eq").write_text("s = 2", encoding="utf-8")
    link.symlink_to(tmp_path / "real.eq")
    names = {
        str(tmp_path): (6, "unreadable-file"), str(tmp_path / "none.eq"): (6, "unreadable-file"),
        str(loop): (6, "unreadable-file"), "/dev/zero": (5, "limit-file"), "/dev/null": (3, "no-target"),
        "a\0b": (6, "unreadable-file"), "x" * 300: (6, "unreadable-file"), "": (6, "unreadable-file"),
        str(link): (0, ""),
        "/proc/self/mem": (6, "unreadable-file"),
    }  # fmt: skip
    for name, expected in names.items():
        assert status_and_code(capsys, "run", name) == expected, name
    for name, code in ((str(tmp_path), 6), ("/dev/null", 6), ("/dev/zero", 5), (str(loop), 6), (str(link), 6)):
        limit = ["--limit", "data_bytes=1000"]
        assert status_and_code(capsys, "run", "-e", "s = x", "--data", name, *limit)[0] == code, name


@pytest.mark.skipif(sys.platform != "linux", reason="named pipes")
def test_equations_from_a_pipe(tmp_path: Path) -> None:
    """`gradcalc run <(...)`: a pipe has no size; it is read to its end, or to the limit."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for text, code in (("s = x^2; x = 3", ""), ("# comment\n" * 5000, "limit-file")):
        program = f"import sys; open(sys.argv[1], 'w').write({text!r})"
        writer = subprocess.Popen([sys.executable, "-c", program, str(pipe)], stderr=subprocess.DEVNULL)
        read = lambda: load(pipe, limits=Limits(file_bytes=40_000))  # noqa: E731
        assert [c for c, *_ in faults(read)] == ([code] if code else [])
        writer.wait(10)


@pytest.mark.skipif(sys.platform != "linux", reason="the devices of Linux")
def test_results_go_where_they_are_told_or_not_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`-o`: through a link, to a device, to standard output; never over a folder or a link to itself."""
    loop, link, real = tmp_path / "loop.json", tmp_path / "link.json", tmp_path / "real.json"
    loop.symlink_to(loop)
    link.symlink_to(real)
    run = ["run", "-e", "s = x^2; x = 3", "--format", "json", "-o"]
    for name in (
        str(tmp_path),
        str(tmp_path / "none" / "x.json"),
        str(loop),
        "/dev/full",
        "a\0.json",
        "x" * 300 + ".json",
    ):
        assert execute([*run, name]) == 6, name
        assert json.loads(capsys.readouterr().out)["errors"][0]["code"] == "unwritable-file"
    assert loop.is_symlink() and sorted(p.name for p in tmp_path.iterdir()) == ["link.json", "loop.json"]
    assert execute([*run, str(link)]) == 0 and link.is_symlink() and json.loads(real.read_text())["of"] == "s"
    assert execute([*run, "/dev/null"]) == 0 and capsys.readouterr().out == ""
    assert execute([*run, "-"]) == 0 and json.loads(capsys.readouterr().out)["of"] == "s"
    assert not (ROOT / "-").exists()


def test_explanations_are_visible(capsys: pytest.CaptureFixture[str]) -> None:
    """The example of a character that cannot be seen is shown by its code."""
    shown = printed(capsys, "explain", "forbidden-character")
    assert "x = 1\\u200b" in shown and not INVISIBLE.search(shown.replace("\n", ""))
