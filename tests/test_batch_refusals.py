"""What a batch refuses, and what it says where it ends early: outputs, streams, patterns, clusters, recipes."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gradcalc.batch import inputs
from gradcalc.batch.output import Output
from gradcalc.errors import GradcalcError
from tests.test_batch_command import COMMAND, ENVIRONMENT, ROOT, batch, files, model, rows_file, small_files, start


def shell(command: str, folder: Path, by: str = "sh") -> subprocess.CompletedProcess[str]:
    program = f'gradcalc() {{ "{sys.executable}" -m gradcalc "$@"; }}; {command}'
    return subprocess.run([by, "-c", program], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)


@pytest.mark.parametrize("option", ["--data", "--set"])
def test_a_file_of_data_is_not_written_over(option: str, tmp_path: Path) -> None:
    path, data = model(tmp_path, "s = x^2"), tmp_path / "x.json"
    data.write_text('{"x": 2}')
    status, _, told = batch(path, option, data if option == "--data" else f"x=@{data}", "-o", data)
    assert status == 6 and "it is an input of the batch" in told and data.read_text() == '{"x": 2}'


def test_a_file_without_records_is_not_resumed(tmp_path: Path) -> None:
    [path], out = files(tmp_path, 1), tmp_path / "out.jsonl"
    out.write_text('{"mine": 1}\n')
    status, _, told = batch(path, "-o", out, "--resume")
    assert status == 6 and "leave --resume out" in told and out.read_text() == '{"mine": 1}\n'
    out.write_text("")
    assert batch(path, "-o", out, "--resume")[0] == 0


@pytest.mark.parametrize(
    "command",
    [
        "gradcalc batch a.eq -o /dev/stdout", "gradcalc batch a.eq -o /dev/stdout | cat",
        "gradcalc batch a.eq -o >(cat)", "gradcalc run a.eq --json -o /dev/stdout | cat",
        "gradcalc run a.eq --json -o >(cat)", "gradcalc batch a.eq -o /dev/fd/3 3>&1 | cat",
        "gradcalc batch a.eq -o /dev/stdout > out; cat out", "ln -s /dev/stdout l; gradcalc batch a.eq -o l",
    ],
)  # fmt: skip
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_pipe_is_written_by_its_name(command: str, tmp_path: Path) -> None:
    (tmp_path / "a.eq").write_text("s = x^2; x = 3\n")
    found = shell(command, tmp_path, "bash")
    assert found.stdout.count("\n") == 1 and '"value": 9.0' in found.stdout
    assert "error" not in found.stderr


@pytest.mark.parametrize("how", [">", ">>"])
@pytest.mark.parametrize(
    "command",
    ["batch a.eq", "batch a.eq -o /dev/stdout", "batch a.eq -o -", "run a.eq --json -o /proc/self/fd/1",
     "batch a.eq -o /dev/fd/3 3>&1", "run a.eq --json -o /dev/fd/3 3>&1"],
)  # fmt: skip
def test_a_file_that_is_open_is_written_where_it_stands(command: str, how: str, tmp_path: Path) -> None:
    """What was in it, and what the shell writes before and after, stays."""
    (tmp_path / "a.eq").write_text("s = x^2; x = 3\n")
    (tmp_path / "out").write_text("old\n")
    shell(f"{{ echo before; gradcalc {command}; echo after; }} {how} out", tmp_path)
    *first, record, last = (tmp_path / "out").read_text().splitlines()
    assert first == (["before"] if how == ">" else ["old", "before"]) and last == "after"
    assert '"value": 9.0' in record


@pytest.mark.parametrize("command", ["batch a.eq", "batch a.eq -o /dev/fd/0", "run a.eq -o /dev/fd/7 --json"])
def test_a_file_that_is_not_open_for_writing_is_refused(command: str, tmp_path: Path) -> None:
    (tmp_path / "a.eq").write_text("s = x^2; x = 3\n")
    found = shell(f"gradcalc {command} < a.eq >&-", tmp_path)
    assert found.returncode == 6 and "cannot be written: Bad file descriptor" in found.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_pipe_that_closes_ends_a_batch_quietly(tmp_path: Path) -> None:
    path, rows = model(tmp_path), rows_file(tmp_path / "rows.csv", 20_000)
    found = shell(f"gradcalc batch {path} -i {rows} -o >(head -1)", tmp_path, "bash")
    assert (found.returncode, found.stderr, found.stdout.count("\n")) == (0, "", 1)


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_takes_no_files(code: int, resume: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, *more: object) -> int:
        raise OSError(code, os.strerror(code), str(path))

    out = tmp_path / "out.jsonl"
    if resume:
        out.write_text('{"schema": "gradcalc.record/1", "source": "a"}\n')
    made = Output(str(out), resume)
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(GradcalcError) as caught:
        made.write(b"{}\n")
    made.abandon()
    [found] = caught.value.diagnostics
    assert found.code == "unwritable-file" and ("make room" in found.help) == (code == errno.ENOSPC)


def test_what_a_killed_batch_left_is_removed(tmp_path: Path) -> None:
    [path], out = files(tmp_path, 1), tmp_path / "out.jsonl"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    stale, other = tmp_path / f".out.jsonl.{gone.pid}.part", tmp_path / f".out.jsonl.{os.getpid()}.part"
    for left in (out, stale, other):
        left.write_text("")
    assert batch(path, "-o", out)[0] == 0
    assert not stale.exists() and other.exists()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("batch a.eq >&-", "unwritable-file"), ("run a.eq >&-", "unwritable-file"),
        ("batch - <&-", "unreadable-file"), ("run - <&-", "unreadable-file"),
    ],
)  # fmt: skip
def test_closed_standard_streams(command: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "a.eq").write_text("s = x^2; x = 1\n")
    done = shell(f"gradcalc {command}", tmp_path)
    assert done.returncode == 6 and f"error[{code}]" in done.stderr


def test_the_summary_counts_what_was_written(tmp_path: Path) -> None:
    path, rows, out = model(tmp_path), rows_file(tmp_path / "rows.csv", 3000), tmp_path / "out.jsonl"
    _, told = start(path, "-i", rows, "-o", out, **small_files(1_000_000)).communicate(timeout=60)
    count = out.read_bytes().count(b"\n")
    assert count and f"{count:,} inputs: {count:,} ok".encode() in told and b"make room" in told
    assert "inputs:" not in batch(path, "-i", tmp_path / "missing.csv")[2]


def test_options_that_cannot_be(tmp_path: Path) -> None:
    [path] = files(tmp_path, 1)
    assert batch(path, "--only", "")[0] == 2
    assert batch(path, "--memory", "64")[0] == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited on Linux")
def test_the_least_memory_is_enough(tmp_path: Path) -> None:
    [path] = files(tmp_path, 1)
    assert batch(path, "--memory", "160")[0] == 0


def test_patterns_and_folders_find_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.eq", "b/c.eq", "b/d.eq/e.eq", ".f.eq", ".g/h.eq"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("y = x")
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    name = tmp_path.name
    found = list(inputs.paths([f"{name}/**/*.eq"], io.StringIO()))
    assert found == [f"{name}/{p}" for p in ("a.eq", "b/c.eq", "b/d.eq")]
    assert sorted(inputs.paths([name], io.StringIO())) == found
    assert list(inputs.paths([f"{name}/.[f]*.eq"], io.StringIO())) == [f"{name}/.f.eq"]
    monkeypatch.chdir(tmp_path)
    assert list(inputs.paths(["**/*.eq"], io.StringIO())) == ["a.eq", "b/c.eq", "b/d.eq"]


def test_a_pattern_that_matches_a_folder_and_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("m/a.eq", "m/b/c.eq", "m/b/d/e.eq"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("y = x")
    monkeypatch.chdir(tmp_path)
    assert sorted(inputs.paths(["m/**"], io.StringIO())) == ["m/a.eq", "m/b/c.eq", "m/b/d/e.eq"]


def test_a_folder_that_cannot_be_looked_into_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "a.eq").write_text("y = x; x = 1")
    (tmp_path / "closed").mkdir()
    listed = os.scandir

    def scandir(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert list(inputs.paths([str(tmp_path)], io.StringIO())) == [f"{tmp_path}/closed", f"{tmp_path}/open/a.eq"]


def test_a_name_that_is_no_text_is_shown(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff.eq"
    with open(raw, "wb") as file:
        file.write(b"s = x^2; x = 1\n")
    [record] = batch(tmp_path)[1]
    assert record["status"] == "ok" and record["source"].endswith("/\\xff.eq")


@pytest.mark.parametrize(
    ("address", "code", "exit_status"),
    [
        ("nowhere", "unknown-option-value", 2), ("tcp://", "unknown-option-value", 2),
        ("tcp://a:99999", "unknown-option-value", 2), ("tls://127.0.0.1:1", "cluster", 6),
        ("tcp://127.0.0.1:1", "cluster", 6),
    ],
)  # fmt: skip
def test_addresses_that_are_none(address: str, code: str, exit_status: int, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    [path] = files(tmp_path, 1)
    status, records, told = batch(path, "--scheduler", address)
    assert (status, records) == (exit_status, []) and f"error[{code}]" in told
    assert "Traceback" not in told and "inputs:" not in told


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_recipe_for_make(tmp_path: Path) -> None:
    """A bad row fails every time until it is mended; then there is nothing to do."""
    page = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
    [recipe] = re.findall(r"```text\n(records\.jsonl: .*?)```", page, re.S)
    program = tmp_path / "gradcalc"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gradcalc "$@"\n')
    program.chmod(0o755)
    (tmp_path / "Makefile").write_text(recipe.replace("\tgradcalc", "\t./gradcalc"))
    (tmp_path / "models").mkdir()
    model(tmp_path / "models")
    rows = tmp_path / "rows.csv"
    rows.write_text("x,y,z\n1,2,0\n1,two,0\n")
    for _ in range(2):
        assert subprocess.run(["make"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True).returncode == 2
    rows.write_text("x,y,z\n1,2,0\n1,2,0\n")
    assert subprocess.run(["make"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True).returncode == 0
    assert (tmp_path / "records.jsonl").read_text().count("\n") == 2
    again = subprocess.run(["make"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
    assert again.returncode == 0 and "up to date" in again.stdout
    for models in (["model.eq", "more/model.eq"], ["more/model.eq"]):  # one comes, and one goes
        shutil.rmtree(tmp_path / "models")
        for path in models:
            (tmp_path / "models" / path).parent.mkdir(parents=True)
            model((tmp_path / "models" / path).parent)
        assert subprocess.run(["make"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True).returncode == 0
        assert (tmp_path / "records.jsonl").read_text().count("\n") == 2 * len(models)


@pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq")
def test_the_recipe_for_values(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
    [recipe] = re.findall(r"^jq .*tojson.*$", page, re.M)
    model(tmp_path, "h = [x, 2 x]; x = 1")
    subprocess.run([*COMMAND, "model.eq", "-o", "records.jsonl"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True)
    source, value = shell(recipe, tmp_path).stdout.split("\t")
    assert source == "model.eq" and json.loads(value) == [1, 2]
