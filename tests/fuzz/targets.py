"""What is fuzzed. A target takes bytes, and raises where the outcome is none that an input may have."""

from __future__ import annotations

import io
import os
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from gradcalc.batch import names
from gradcalc.batch.batch import Rows
from gradcalc.batch.options import Options
from gradcalc.batch.rows import Block
from gradcalc.batch.work import Unit, Work
from gradcalc.cli.inputs import collect_data, limits_of, upstream_of
from gradcalc.cli.matrices import named_tangents
from gradcalc.data import load_array, load_data
from gradcalc.errors import Limits
from gradcalc.files import decode
from gradcalc.model import Model, loads
from gradcalc.report import checks, csv, derivation, latex, matrices, picture, tables
from gradcalc.report.encode import encode
from gradcalc.report.ledger import ledger
from tests.fuzz import outcome
from tests.fuzz.author import Author
from tests.fuzz.choices import Choices

SMALL = Limits(nodes=20_000, entries=20_000, side=60, data_bytes=100_000)
"""Limits at which whatever they let through is done in the time of one input."""


# ------------------------------------------------------------------------------------- text


def text(data: bytes) -> None:
    """Bytes as an equation file: decoded and parsed with the default limits."""
    outcome.coded(lambda: loads(decode(data, "<fuzz>"), name="<fuzz>"))


def mutation(data: bytes) -> None:
    """A choice of command, then bytes as an equation file: everything that the command does."""
    choices = Choices(data)
    command, options = choices.byte(), choices.byte()
    outcome.coded(lambda: work(decode(choices.rest(), "<fuzz>"), {}, command, options))


def setting(data: bytes) -> None:
    """A choice of an option, then bytes as its text: values, upstream gradients, tangents, limits."""
    choices = Choices(data)
    option = choices.below(6)
    text = choices.rest().decode("utf-8", "replace")
    outcome.coded(lambda: _OPTIONS[option](text))


_OPTIONS: tuple[Callable[[str], Any], ...] = (
    lambda text: collect_data([text], None, SMALL),
    lambda text: collect_data([f"x={text}"], None, SMALL),
    lambda text: upstream_of(text, SMALL),
    lambda text: named_tangents([text], SMALL),
    lambda text: named_tangents(text.split("\n"), SMALL),
    lambda text: limits_of([text]),
)


def program(data: bytes) -> None:
    """A choice of command, then choices that an author makes a program of."""
    outcome.coded(lambda: work(*authored(data)))


def authored(data: bytes) -> tuple[str, Mapping[str, Any], int, int]:
    """The text that an author makes of bytes, the data from outside, the choices of command and options."""
    choices = Choices(data)
    command, options = choices.byte(), choices.byte()
    author = Author(choices)
    return author.write(), author.data, command, options


# ------------------------------------------------------------------------------------- work


def work(written: str, data: Mapping[str, Any], command: int, options: int) -> None:
    """Read a text, and do what one of the commands does, mostly `run`; print it in a format, mostly as JSON."""
    model = loads(written, name="<fuzz>", limits=SMALL)
    doing = _COMMANDS.get(command % 64, _run)
    doing(model, data, Choices(bytes((options, command // 64))))


def _run(model: Model, data: Mapping[str, Any], choices: Choices) -> None:
    option = choices.byte()
    of = _name_of(model, option) if option % 8 == 7 else None
    layout = "numerator" if option % 16 == 3 else None
    run = model.run(data, of=of, layout=layout, local_values=option % 8 == 5)
    outcome.of_run(run)
    shown = choices.byte()
    if shown in (1, 2):
        tables.print_ledger(run, tables.console(io.StringIO(), 60 + 100 * (shown - 1)), 0, option % 2 == 1)
    elif shown == 3:
        sections = ledger(run, 0)
        tables.plain(sections), tables.markdown(sections), latex.document(sections), csv.table(run)


def _name_of(model: Model, option: int) -> str:
    """A name that stands in the text, or one that does not."""
    words = [w for w in model.program.source.text.split() if w.isidentifier()] or ["nowhere"]
    return words[option // 8 % len(words)]


def _jacobian(model: Model, data: Mapping[str, Any], choices: Choices) -> None:
    option = choices.byte()
    made = model.jacobian(data=data, layout="numerator" if option % 4 == 3 else None)
    outcome.of_blocks(matrices.document(made), "jacobians")
    _sections(made, choices)


def _hessian(model: Model, data: Mapping[str, Any], choices: Choices) -> None:
    option = choices.byte()
    made = model.hessian(data=data, layout="numerator" if option % 4 == 3 else None)
    outcome.of_blocks(matrices.document(made), "hessians")
    _sections(made, choices)


def _sections(made: Any, choices: Choices) -> None:
    if choices.byte() == 1:
        sections = matrices.sections(made)
        tables.plain(sections), tables.markdown(sections), latex.document(sections), matrices.table(made)


def _derive(model: Model, data: Mapping[str, Any], choices: Choices) -> None:
    board = model.derive(data=data, layout="numerator" if choices.byte() % 4 == 3 else None)
    outcome.strict(encode(derivation.document(board)))
    if choices.byte() == 1:
        derivation.plain(board), derivation.markdown(board), derivation.latex(board)


def _check(model: Model, data: Mapping[str, Any], choices: Choices) -> None:
    check = model.check(data, points=1 + choices.byte() % 3)
    outcome.strict(encode(checks.check_document(check)))
    if choices.byte() == 1:
        tables.plain(checks.sections(check)), checks.check_csv(check)


def _graph(model: Model, data: Mapping[str, Any], choices: Choices) -> None:
    plan = model.plan({}, numeric=choices.byte() % 2 == 1)
    picture.tree(plan), picture.mermaid(plan), picture.dot(plan)
    outcome.strict(encode(picture.graph_document(plan, "<fuzz>")))


def _command_line(model: Model, data: Mapping[str, Any], choices: Choices) -> None:
    """The same text through the command line, whose exit status is never that of our own bug."""
    outcome.through_cli(["run", "-e", model.program.source.text, *(["--json"] if choices.byte() % 2 else [])])


_COMMANDS: dict[int, Callable[[Model, Mapping[str, Any], Choices], None]] = {
    1: _jacobian, 2: _hessian, 3: _derive, 4: _check, 5: _graph, 6: _jacobian, 7: _command_line,
}  # fmt: skip


# ------------------------------------------------------------------------------------- data


def data(data: bytes) -> None:
    """A choice of a kind of file, then its bytes; some of what is read is used."""
    choices = Choices(data)
    kind, used = choices.below(len(_KINDS)), choices.once_in(32)
    found = outcome.coded(lambda: _KINDS[kind](choices.rest()))
    if found is not None and used:
        names = [name for name in found if name.isidentifier()][:3]
        written = "; ".join(f"{name} (input)" for name in names) + f"; s = {' + '.join(f'sum({n})' for n in names)}"
        outcome.coded(lambda: outcome.of_run(loads(written, limits=SMALL).run({n: found[n] for n in names})))


def rows(data: bytes) -> None:
    """A choice of a kind of rows, then the bytes of their file: every row has one record, and none is our own bug."""
    choices = Choices(data)
    kind = choices.below(len(_ROWS))
    suffix, made = _ROWS[kind]
    path, files = str(_file(suffix, made(choices.rest()))), [str(_file(".eq", _OF_ROWS))]
    found = outcome.coded(lambda: Rows.of(path, files, SMALL))
    if found is not None and outcome.coded(lambda: names.check(files, [], path, found.first, SMALL)) is not None:
        outcome.coded(lambda: [_records(block) for block in found.blocks(SMALL)])


def _records(block: Block) -> None:
    done = _work().done(Unit("rows.eq", _OF_ROWS, None, block))
    outcome.of_records(done.lines.decode(), done.codes, len(block.rows))


_OF_ROWS = b"s = x + sum(v) / x\n"
_ROWS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    (".csv", bytes),
    (".jsonl", bytes),
    (".npz", lambda content: npz(content)),
)


@cache
def _work() -> Work:
    return Work(Options(limits=asdict(SMALL)).text())


@cache
def _folder() -> Path:
    """A folder for the files, in memory where the system has such a place."""
    shared = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="gradcalc-fuzz-", dir=shared if os.access(shared, os.W_OK) else None))


def _file(suffix: str, content: bytes) -> Path:
    path = _folder() / f"{os.getpid()}{suffix}"
    path.write_bytes(content)
    return path


def _array(suffix: str) -> Callable[[bytes], Mapping[str, Any]]:
    return lambda content: {"x": load_array("x", _file(suffix, content), SMALL)}


def _many(suffix: str) -> Callable[[bytes], Mapping[str, Any]]:
    return lambda content: load_data(_file(suffix, content), SMALL)


def npy(content: bytes) -> bytes:
    """A .npy file with the right frame around a header's text, and entries after it; they part at a newline."""
    header, _, entries = content.partition(b"\n")
    header = header.ljust(64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + entries


def npz(content: bytes) -> bytes:
    """An archive with right sums: its members' names and contents part at zero bytes; each may be a .npy file."""
    parts = content.split(b"\0")
    stream = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if len(parts) % 2 else zipfile.ZIP_STORED) as archive,
    ):
        for name, inside in zip(parts[::2], parts[1::2], strict=False):
            framed = npy(inside) if inside[:1] == b"{" else inside
            archive.writestr(zipfile.ZipInfo(name.decode("utf-8", "replace") or "x"), framed)
    return stream.getvalue()


_KINDS: tuple[Callable[[bytes], Mapping[str, Any]], ...] = (
    _array(".json"),
    _many(".json"),
    _array(".csv"),
    _array(".npy"),
    lambda content: _array(".npy")(npy(content)),
    _array(".npz"),
    lambda content: _many(".npz")(npz(content)),
)

TARGETS: dict[str, Callable[[bytes], None]] = {
    "text": text,
    "program": program,
    "mutation": mutation,
    "setting": setting,
    "data": data,
    "rows": rows,
}
