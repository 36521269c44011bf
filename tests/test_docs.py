"""The documentation says what is so: every example runs, every output shown is the output, every link resolves.

Fenced blocks and what is asked of them, by the first word after the fence:

    gradcalc               a program whose claims hold (at least one), without flags or warnings
    gradcalc-error CODE    a program that is refused with that code
    gradcalc-warning CODE  a program that runs with that warning, its claims holding
    gradcalc-flag CODE     a program that runs with that flag, its claims holding
    gradcalc-fails         a program with a claim that does not hold
    gradcalc-shapes        a program without data, enough for a graph
    console                `$ command` lines, each followed by what it prints at a width of 80
    python                 Python that runs; lines of output stand after `#>`

`<!-- functions: NAMES -->` is followed by a table made from `gradcalc functions --json`, and docs/functions.md is made
from it as a whole.

GRADCALC_UPDATE=1 python -m pytest tests/test_docs.py rewrites the console blocks and the function tables; read
the difference before it is committed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

import gradcalc
from gradcalc.errors import Limits

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
UPDATE = os.environ.get("GRADCALC_UPDATE") == "1"
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.M | re.S)
FUNCTION_TABLE = re.compile(r"^<!-- functions: (?P<names>[^\n]*) -->\n(?P<table>(?:\n?(?:\|[^\n]*\n)+)?)", re.M)


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, line, words after the fence, and text."""

    page: Path
    line: int
    info: tuple[str, ...]
    body: str

    @property
    def kind(self) -> str:
        return self.info[0] if self.info else ""

    @property
    def word(self) -> str:
        return self.info[1] if len(self.info) > 1 else ""

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    text = read(page)
    return [Block(page, text.count("\n", 0, m.start()) + 1, tuple(m["info"].split()), m["body"])
            for m in FENCE.finditer(text)]  # fmt: skip


BLOCKS = [block for page in PAGES for block in blocks(page)]


def each(*kinds: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test for every block of some kinds."""
    found = [b for b in BLOCKS if b.kind in kinds]
    return pytest.mark.parametrize("block", found, ids=lambda b: b.place)


# --------------------------------------------------------------------------------- programs


@each("gradcalc", "gradcalc-warning", "gradcalc-flag")
def test_examples_hold(block: Block) -> None:
    """A program runs, its claims hold, and it warns of and flags what the block says, else nothing."""
    found = gradcalc.loads(block.body, name=block.place).run()
    assert [f"{c.text}: {c.hint}" for c in found.claims if not c.holds] == []
    assert found.claims or block.kind != "gradcalc"
    remarks = {"gradcalc-warning": found.warnings, "gradcalc-flag": found.flags}
    for kind, remark in (("gradcalc-warning", found.warnings), ("gradcalc-flag", found.flags)):
        assert {r.code for r in remark} == ({block.word} if block.kind == kind else set())
    assert block.kind == "gradcalc" or remarks[block.kind]


@each("gradcalc-error")
def test_errors_are_as_named(block: Block) -> None:
    """A program is refused with the one code that the block names."""
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(block.body, name=block.place).run()
    assert {d.code for d in caught.value.diagnostics} == {block.word}


@each("gradcalc-fails")
def test_claims_that_fail(block: Block) -> None:
    """A program runs, and a claim of it does not hold."""
    assert gradcalc.loads(block.body, name=block.place).run().failed


@each("gradcalc-shapes")
def test_programs_without_data(block: Block) -> None:
    """A program without data is planned."""
    assert gradcalc.loads(block.body, name=block.place).plan(numeric=False).order


def test_every_block_has_a_kind() -> None:
    """No example escapes by a misspelt kind."""
    known = {"gradcalc", "gradcalc-error", "gradcalc-warning", "gradcalc-flag", "gradcalc-fails", "gradcalc-shapes",
             "console", "python", "sh", "text"}  # fmt: skip
    assert {b.kind for b in BLOCKS} <= known


# ---------------------------------------------------------------------------------- commands


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the samples and a `gradcalc` on the path, in which the shown commands run."""
    folder = tmp_path_factory.mktemp("workshop")
    shutil.copytree(ROOT / "samples", folder / "samples")
    (folder / "bin").mkdir()
    program = folder / "bin" / "gradcalc"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gradcalc "$@"\n')
    program.chmod(0o755)
    return folder


def printed(command: str, folder: Path) -> str:
    """What a command line prints in a terminal 80 wide, errors included; spaces at line ends are dropped."""
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE")}
    environment |= {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "80", "PYTHONUTF8": "1",
                    "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}  # fmt: skip
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, encoding="utf-8", timeout=120, check=False)  # fmt: skip
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()).strip("\n")


def transcript(body: str, folder: Path) -> str:
    """A console block as it should be: each command and what it prints, with an empty line after output."""
    text, gap = "", ""
    for line in body.splitlines():
        if line.startswith("$ "):
            output = printed(line[2:], folder)
            text += f"{gap}{line}\n" + (f"{output}\n" if output else "")
            gap = "\n" if output else ""
    return text


@each("console")
def test_commands_print_what_is_shown(block: Block, workshop: Path) -> None:
    """The output under each command is its output, to the character."""
    commands = [line for line in block.body.splitlines() if line.startswith("$ ")]
    assert commands
    if any("jq " in c for c in commands) and shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    actual = transcript(block.body, workshop)
    if UPDATE and actual != block.body:
        text, old, new = read(block.page), f"```console\n{block.body}```", f"```console\n{actual}```"
        assert text.count(old) == 1
        block.page.write_text(text.replace(old, new), encoding="utf-8")
        return
    assert block.body == actual


@each("python")
def test_python_examples(block: Block, workshop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python examples run, and print what stands after `#>`."""
    monkeypatch.chdir(workshop)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(block.body, block.place, "exec"), {"__name__": "example"})
    expected = re.findall(r"^\s*#> ?(.*)$", block.body, re.M)
    assert out.getvalue().splitlines() == expected


# ------------------------------------------------------------------------------ completeness


def shown(*words: str) -> str:
    """What `gradcalc` prints for these words, wide."""
    return subprocess.run([sys.executable, "-m", "gradcalc", *words], cwd=ROOT, capture_output=True, text=True,
                          encoding="utf-8", timeout=60, check=True, env={**os.environ, "COLUMNS": "200"},
                          ).stdout  # fmt: skip


def function_rows(names: list[str], table: dict[str, dict[str, object]]) -> str:
    rows = ["| function | what it is | derivative | domain |", "|---|---|---|---|"]
    for name in names:
        entry = table[name]
        called = ", ".join(f"`{n}`" for n in (name, *entry["aliases"]))  # type: ignore[misc]
        cells = [called, str(entry["summary"]), f"`{entry['derivative']}`", str(entry["domain"])]
        rows.append("| " + " | ".join(c.replace("|", r"\|") for c in cells) + " |")
    return "\n" + "".join(f"{row}\n" for row in rows)


def test_function_table_is_complete() -> None:
    """Every function stands in the language reference once, with the program's summary, derivative and domain."""
    page = ROOT / "docs" / "language.md"
    table, text = json.loads(shown("functions", "--json"))["functions"], read(page)

    def filled(mark: re.Match[str]) -> str:
        return f"<!-- functions: {mark['names']} -->\n{function_rows(mark['names'].split(), table)}"

    if UPDATE:
        text = FUNCTION_TABLE.sub(filled, text)
        page.write_text(text, encoding="utf-8")
    found = list(FUNCTION_TABLE.finditer(text))
    named = [name for m in found for name in m["names"].split()]
    assert sorted(named) == sorted(table)
    for match in found:
        assert match["table"] == function_rows(match["names"].split(), table)


def functions_page(table: dict[str, dict[str, object]]) -> str:
    """docs/functions.md: every function, alphabetically, as it is declared."""
    lines = [
        "# The function table",
        "",
        "Every function of the language as it is declared: how a call is printed, in text and in LaTeX, its",
        "derivative, its domain, what is taken where it has a kink. `gradcalc functions` lists them, and",
        "`gradcalc functions NAME` shows one.",
        "[What gradcalc promises about numbers](numbers.md) says how near the exact answer they are.",
        "",
    ]
    rows = [("what it is", "summary"), ("printed", "notation"), ("in LaTeX", "latex"), ("derivative", "derivative"),
            ("domain", "domain"), ("at kinks", "kink"), ("example", "example")]  # fmt: skip
    for name, entry in sorted(table.items()):
        also = ", ".join(f"`{alias}`" for alias in entry["aliases"])  # type: ignore[attr-defined]
        lines += [f"## {name}", "", f"Also {also}.", ""] if also else [f"## {name}", ""]
        code = {"notation", "latex", "derivative", "example"}
        texts = [(title, str(entry[key]).replace("|", r"\|"), key in code) for title, key in rows if entry[key]]
        lines += ["| | |", "|---|---|", *(f"| {t} | {f'`{x}`' if is_code else x} |" for t, x, is_code in texts), ""]
    return "\n".join(lines)


def test_the_page_of_functions_is_up_to_date() -> None:
    page = ROOT / "docs" / "functions.md"
    text = functions_page(json.loads(shown("functions", "--json"))["functions"])
    if UPDATE:
        page.write_text(text, encoding="utf-8")
    assert read(page) == text


def test_limits_are_documented() -> None:
    """Every limit stands in the language reference, with its default."""
    text = read(ROOT / "docs" / "language.md")
    for limit in fields(Limits):
        assert f"| `{limit.name}` | {limit.default} |" in text


def test_commands_and_options_are_documented() -> None:
    """README or the reference shows every command and names every option."""
    text = "".join(map(read, PAGES))
    commands = re.findall(r"^  ([a-z]+) ", shown("--help").partition("Commands:")[2], re.M)
    assert len(commands) >= 6
    for command in commands:
        assert f"$ gradcalc {command}" in text, command
    for words in ([], *([command] for command in commands)):
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", shown(*words, "--help").partition("Options:")[2]):
            assert option in text, (words, option)


def test_exit_statuses_are_documented() -> None:
    """README's table has every exit status."""
    from gradcalc.errors import Exit

    for status in Exit:
        assert re.search(rf"^\| {int(status)} \|", read(ROOT / "README.md"), re.M), status


# ------------------------------------------------------------------------------------- links


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", read(page)), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_resolve(page: Path) -> None:
    """A link inside the repository leads to a file and a heading that exist."""
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", read(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("mark", ["run", "test"])
def test_one_line_commands_are_marked(mark: str) -> None:
    """`<!-- run -->` and `<!-- test -->` each stand before a sh block of one line."""
    [line] = re.findall(rf"^<!-- {mark} -->\n+```sh\n([^\n]+)\n```$", read(ROOT / "README.md"), re.M)
    assert line.startswith("python3 -m venv .venv && ")


def test_structure_of_the_code_exists() -> None:
    """The files and folders that README's map of the code names are there."""
    [rooms] = [b for b in BLOCKS if b.kind == "text" and "gradcalc/graph.py" in b.body]
    for line in rooms.body.splitlines():
        assert (ROOT / line.split()[0]).exists(), line
