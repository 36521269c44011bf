"""`gradcalc batch` as it is used: in processes of its own that are interrupted, killed and cut off for real."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradcalc
from gradcalc.batch.options import Options
from gradcalc.batch.pool import Pool
from gradcalc.batch.work import Unit

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "gradcalc", "batch"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def start(*arguments: str | Path, **more: Any) -> subprocess.Popen[bytes]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.Popen([*COMMAND, *map(str, arguments)], env=ENVIRONMENT, **pipes)


def batch(*arguments: str | Path, text: str = "", **more: Any) -> tuple[int, list[Any], str]:
    """The exit status, the records on standard output, and what stands on standard error."""
    with start(*arguments, stdin=subprocess.PIPE, **more) as process:
        out, told = process.communicate(text.encode(), timeout=120)
    return process.returncode, [json.loads(line) for line in out.splitlines()], told.decode()


def run_json(*arguments: str | Path) -> Any:
    """What `gradcalc run --json` prints."""
    command = [sys.executable, "-m", "gradcalc", "run", "--json", *map(str, arguments)]
    return json.loads(subprocess.run(command, env=ENVIRONMENT, capture_output=True).stdout)


def small_files(size: int) -> dict[str, Any]:
    """For a process that cannot write larger files."""
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))}


def codes(records: list[Any]) -> list[str]:
    return [r["error"]["errors"][0]["code"] if r["error"] else "" for r in records]


def files(folder: Path, count: int, seed: int = 0) -> list[Path]:
    """Small equation files with data."""
    draw = random.Random(seed)
    folder.mkdir(exist_ok=True)
    made = []
    for k in range(count):
        path = folder / f"f{k:04}.eq"
        one, other = draw.sample(["sin", "exp", "tanh", "sqrt", "sigmoid"], 2)
        path.write_text(f"z = {one}(x) y + {other}(x y)\ns = z^2 + x\nx = {draw.random()!r}; y = {draw.random()!r}\n")
        made.append(path)
    return made


def slow(terms: int) -> str:
    """A text that takes a time in proportion to its terms: with 40,000 some seconds on any machine."""
    return "s = " + " + ".join(f"sin({k} x)^2 cos(x + {k})" for k in range(terms)) + "; x = 1"


def rows_file(path: Path, count: int, seed: int = 0) -> Path:
    draw = random.Random(seed)
    lines = [",".join(repr(draw.gauss(0, 1)) for _ in range(3)) for _ in range(count)]
    path.write_text("x,y,z\n" + "\n".join(lines) + "\n")
    return path


def records_in(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def model(folder: Path, text: str = "f = (x + y) max(y, z)") -> Path:
    path = folder / "model.eq"
    path.write_text(text + "\n")
    return path


# ------------------------------------------------------------------------------------- records


def test_a_record_holds_what_run_prints(tmp_path: Path) -> None:
    [path] = files(tmp_path, 1)
    status, [record], told = batch(path)
    assert status == 0 and record["result"] == run_json(path)
    assert (record["schema"], record["source"], record["row"]) == ("gradcalc.record/1", str(path), None)
    assert (record["status"], record["error"]) == ("ok", None)
    assert told.startswith("1 input: 1 ok, 0 failed")


def test_a_record_of_an_error_holds_what_run_prints(tmp_path: Path) -> None:
    path = tmp_path / "a.eq"
    path.write_text("s = log(x); x = -1\n")
    status, [record], told = batch(path)
    assert status == 1 and record["error"] == run_json(path)
    assert (record["status"], record["result"]) == ("error", None)
    assert "domain" in told and "1 failed" in told


def test_records_have_the_schema(tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    from gradcalc.report.schema import SCHEMAS

    (tmp_path / "bad.eq").write_text("s = (")
    files(tmp_path, 2)
    for record in batch(tmp_path)[1]:
        jsonschema.validate(record, SCHEMAS["record"])


def test_the_same_records_for_every_number_of_jobs(tmp_path: Path) -> None:
    files(tmp_path / "in", 60)
    (tmp_path / "in" / "f0020.eq").write_text("s = (")
    for jobs in (1, 8):
        assert batch(tmp_path / "in", "-j", str(jobs), "-o", tmp_path / f"{jobs}.jsonl")[0] == 1
    one, eight = ((tmp_path / f"{jobs}.jsonl").read_bytes() for jobs in (1, 8))
    assert one == eight and one.count(b"\n") == 60
    sources = [json.loads(line)["source"] for line in one.splitlines()]
    assert sources == sorted(sources)


def test_a_list_on_standard_input(tmp_path: Path) -> None:
    made = files(tmp_path, 3)
    status, records, _ = batch("-", text=f"{made[2]}\n{made[0]}\n")
    assert status == 0 and [r["source"] for r in records] == [str(made[2]), str(made[0])]
    assert batch("-", text="")[:2] == (0, [])


def test_only_some_fields(tmp_path: Path) -> None:
    [path] = files(tmp_path, 1)
    [record] = batch(path, "--only", "value,gradients")[1]
    kept = {"schema", "source", "layout", "of", "kind", "flags", "warnings", "value", "gradients"}
    assert set(record["result"]) == kept
    status, _, told = batch(path, "--only", "gradient")
    assert status == 2 and "gradients" in told


def test_a_claim_that_does_not_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.eq"
    path.write_text("s = x^2; s == 5; x = 2\n")
    status, [record], told = batch(path, "--only", "value")
    assert status == 1 and record["status"] == "ok"
    assert record["result"]["claims"][0]["holds"] is False and "claim-failed" in told


def test_nothing_to_run(tmp_path: Path) -> None:
    assert batch()[0] == 2
    assert batch(tmp_path)[0] == 2
    assert batch(tmp_path / "missing.eq")[0] == 1


# ---------------------------------------------------------------------------------- isolation

HOSTILE = {
    "nesting": ("s = " + "(" * 5000 + "x" + ")" * 5000, "limit-nesting"),
    "entries": ("s = sum(zeros(100000, 10000))", "limit-entries"),
    "expansion": ("f(x) = f(x) + 1; s = f(2)", "cycle"),
    "doubling": ("f0(x) = x x; " + "".join(f"f{k}(x) = f{k - 1}(f{k - 1}(x)); " for k in range(1, 40)) + "s = f39(2)",
                 "limit-nodes"),
    "latin": (b"s = \xe9", "not-utf8"),
    "nul": (b"s = \0", "forbidden-character"),
    "folder": (None, "unreadable-file"),
    "pipe": (None, "unreadable-file"),
    "missing": (None, "unreadable-file"),
}  # fmt: skip


def test_hostile_files_fail_alone(tmp_path: Path) -> None:
    made = files(tmp_path, 60)
    draw = random.Random(3)
    chosen = dict(zip(draw.sample(made, 3 * len(HOSTILE)), list(HOSTILE) * 3, strict=True))
    for path, name in chosen.items():
        path.unlink()
        text = HOSTILE[name][0]
        if name == "folder":
            path.mkdir()
        elif name == "pipe":
            os.mkfifo(path)
        elif name == "missing":
            path.symlink_to(tmp_path / "nowhere")
        else:
            path.write_bytes(text if isinstance(text, bytes) else str(text).encode())
    status, records, told = batch(tmp_path, "-j", "2")
    assert status == 1
    expected = [HOSTILE[chosen[path]][1] if path in chosen else "" for path in made]
    assert codes(records) == expected
    for code, count in Counter(expected).items():
        assert not code or (f"{code} " in told and str(count) in told)


def test_an_input_that_takes_too_long_fails_alone(tmp_path: Path) -> None:
    made = files(tmp_path, 6)
    made[2].write_text(slow(40_000))
    _, records, _ = batch(tmp_path, "-j", "2", "--timeout", "1.5")
    assert codes(records) == ["", "", "time-out", "", "", ""]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited on Linux")
def test_an_input_that_takes_too_much_memory_fails_alone(tmp_path: Path) -> None:
    made = files(tmp_path, 4)
    made[1].write_text("A = ones(3000, 3000) x; B = A + 1; C = B .* A; s = sum(C); x = 1")
    _, records, _ = batch(tmp_path, "-j", "1", "--memory", "300")
    assert codes(records) == ["", "out-of-memory", "", ""]


def killed_at(sources: set[str], units: list[Unit], times: int) -> list[str]:
    """The codes of units, the worker of some killed so many times while it works on them."""
    left = Counter(dict.fromkeys(sources, times))
    with Pool(Options().text(), 2, None, None) as pool:
        found: list[str] = []

        def fed() -> Iterator[Unit]:
            yield from units

        wait = pool._wait

        def waited() -> None:
            for worker in pool.workers:
                if worker.ready and worker.tasks and left[worker.tasks[0].unit.source] > 0:
                    left[worker.tasks[0].unit.source] -= 1
                    worker.process.kill()
                    worker.process.wait()
            wait()

        pool._wait = waited  # type: ignore[method-assign]
        for done in pool.done(fed()):
            found += done.codes
    return found


def test_a_worker_that_is_killed_costs_nothing_and_an_input_that_kills_it_twice_itself() -> None:
    units = [Unit(f"{k}.eq", f"{slow(300)}; y = {k}".encode()) for k in range(8)]
    assert killed_at({"2.eq", "5.eq"}, units, 1) == [""] * 8
    assert killed_at({"2.eq"}, units, 2) == ["", "", "worker-died", "", "", "", "", ""]


def test_workers_killed_all_the_time_cost_hardly_anything(tmp_path: Path) -> None:
    """Also workers that have not begun: a batch gives up only where none starts at all."""
    files(tmp_path / "in", 100)
    out, whole, draw = tmp_path / "out.jsonl", tmp_path / "whole.jsonl", random.Random(6)
    batch(tmp_path / "in", "-o", whole)
    process, kills = start(tmp_path / "in", "-j", "2", "-o", out), 0
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wanted = 0
    while process.poll() is None and kills < 8:
        workers = children.read_text().split() if children.exists() else []
        if workers and records_in(out) >= wanted:
            os.kill(int(workers[0]), signal.SIGKILL)
            kills += 1
            wanted = records_in(out) + draw.randint(0, 12)
        time.sleep(draw.uniform(0.001, 0.02))
    process.communicate(timeout=60)
    assert kills and process.returncode in (0, 1)
    pairs = list(zip(whole.read_bytes().splitlines(), out.read_bytes().splitlines(), strict=True))
    lost = [json.loads(mine) for one, mine in pairs if one != mine]
    assert len(lost) <= kills // 2 and set(codes(lost)) <= {"worker-died"}


def test_workers_that_cannot_start_end_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradcalc.batch.worker._PROGRAM", "raise SystemExit(3)")
    with Pool(Options().text(), 2, None, None) as pool, pytest.raises(gradcalc.GradcalcError) as caught:
        list(pool.done(iter([Unit("a.eq", b"s = x; x = 1")])))
    assert caught.value.diagnostics[0].code == "worker-died" and "status 3" in caught.value.diagnostics[0].message


# --------------------------------------------------------------------- interrupts and resuming


def test_killed_and_resumed_at_random_the_records_are_the_same(tmp_path: Path) -> None:
    files(tmp_path / "in", 80)
    out, whole, draw = tmp_path / "out.jsonl", tmp_path / "whole.jsonl", random.Random(5)
    batch(tmp_path / "in", "-o", whole)
    kills = 0
    for _ in range(6):
        process, done = start(tmp_path / "in", "--resume", "-j", "2", "-o", out), records_in(out)
        wanted = done + draw.randint(0, 12)
        while process.poll() is None and records_in(out) < wanted:
            time.sleep(0.001)
        kills += process.poll() is None
        process.kill()
        process.communicate()
        if out.exists():
            lines = out.read_bytes()
            assert whole.read_bytes().startswith(lines[: lines.rfind(b"\n") + 1])
    assert kills
    assert batch(tmp_path / "in", "--resume", "-o", out)[0] == 0
    assert out.read_bytes() == whole.read_bytes()


def test_resuming_keeps_what_holds_and_runs_the_rest(tmp_path: Path) -> None:
    made = files(tmp_path / "in", 8)
    out = tmp_path / "out.jsonl"
    batch(tmp_path / "in", "-o", out)
    first = out.read_bytes().splitlines(keepends=True)
    marked = [line.replace(b'"notes": []', b'"notes": ["kept"]') for line in first]
    out.write_bytes(b"".join(marked[:-1]) + marked[-1][:50])
    made[3].write_text("s = x^2; x = 3\n")
    made[5].unlink()
    status, _, told = batch(tmp_path / "in", "--resume", "-o", out)
    again = out.read_bytes().splitlines(keepends=True)
    assert status == 0 and told.startswith("7 inputs: 7 ok")
    assert [b'["kept"]' in line for line in again] == [True, True, True, False, True, True, False]
    assert [json.loads(line)["source"] for line in again] == [str(p) for p in made if p != made[5]]
    batch(tmp_path / "in", "--resume", "-o", out, "--wrt", "x")
    assert b"kept" not in out.read_bytes()


def test_resuming_tries_an_input_that_took_too_long_again(tmp_path: Path) -> None:
    made = files(tmp_path / "in", 3)
    out, spent = tmp_path / "out.jsonl", []
    for text in ("s = x; x = 1", slow(4000)):
        made[1].write_text(text)
        begun = time.monotonic()
        batch(tmp_path / "in", "-o", out)
        spent.append(time.monotonic() - begun)
    out.unlink()
    assert batch(tmp_path / "in", "-o", out, "--timeout", f"{(spent[1] - spent[0]) / 3:.3f}")[0] == 1
    assert codes([json.loads(line) for line in out.read_text().splitlines()]) == ["", "time-out", ""]
    assert batch(tmp_path / "in", "-o", out, "--resume")[0] == 0
    assert codes([json.loads(line) for line in out.read_text().splitlines()]) == ["", "", ""]


def test_rows_are_resumed_in_the_midst_of_a_block(tmp_path: Path) -> None:
    path, rows = model(tmp_path), rows_file(tmp_path / "rows.csv", 9000)
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    batch(path, "-i", rows, "--only", "value", "-o", whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    for kept in (1, 4096, 5000, 8999):
        out.write_bytes(b"".join(lines[:kept]) + lines[min(kept, 8999)][:70])
        assert batch(path, "-i", rows, "--only", "value", "-o", out, "--resume")[0] == 0
        assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_finishes_what_is_in_flight(number: int, expected: int, tmp_path: Path) -> None:
    files(tmp_path / "in", 200)
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    process = start(tmp_path / "in", "-j", "2", "-o", out)
    while not out.exists() or not out.stat().st_size:
        time.sleep(0.02)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == expected and b"interrupted" in told
    done = out.read_bytes()
    assert done.endswith(b"}\n") and 0 < done.count(b"\n") < 200
    batch(tmp_path / "in", "--resume", "-o", out)
    batch(tmp_path / "in", "-o", whole)
    assert out.read_bytes() == whole.read_bytes() and out.read_bytes().startswith(done)


def test_an_interrupt_begins_nothing_of_what_waits(tmp_path: Path) -> None:
    """One job has the next input at hand, and leaves it to the batch that goes on."""
    for name, text in (("a", "s = x; x = 1"), ("b", slow(4_000)), ("c", slow(4_000)), ("d", "s = x; x = 4")):
        (tmp_path / f"{name}.eq").write_text(text)
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    process = start(tmp_path, "-j", "1", "-o", out)
    while not out.exists() or not out.stat().st_size:
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert [json.loads(line)["source"][-4:] for line in out.read_text().splitlines()] == ["a.eq", "b.eq"]
    status, _, told = batch(tmp_path, "-o", out, "--resume")
    assert status == 0 and "4 inputs: 4 ok, 0 failed; 2 kept from before" in told
    batch(tmp_path, "-o", whole)
    assert out.read_bytes() == whole.read_bytes()


def test_a_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    path = tmp_path / "slow.eq"
    path.write_text(slow(90_000))
    process = start(path, "-o", tmp_path / "out.jsonl")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not children.read_text():  # a worker is started after interrupts are heard
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130


def test_a_closed_pipe_is_no_failure(tmp_path: Path) -> None:
    path, rows = model(tmp_path), rows_file(tmp_path / "rows.csv", 20_000)
    process = start(path, "-i", rows)
    assert process.stdout is not None and json.loads(process.stdout.readline())["row"] == 0
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr is not None and process.stderr.read() == b""
    process.stderr.close()


def test_a_full_disk_leaves_whole_records(tmp_path: Path) -> None:
    """A limit of the size of files stands for the disk."""
    path, rows, out = model(tmp_path), rows_file(tmp_path / "rows.csv", 3000), tmp_path / "out.jsonl"
    limit = 1_000_000
    process = start(path, "-i", rows, "-o", out, **small_files(limit))
    _, told = process.communicate(timeout=60)
    assert process.returncode == 6 and b"unwritable-file" in told
    done = out.read_bytes()
    assert done.endswith(b"}\n") and limit - 10_000 < len(done) <= limit
    assert batch(path, "-i", rows, "-o", out, "--resume")[0] == 0
    assert out.read_bytes().startswith(done)
    records = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert [r["row"] for r in records] == list(range(3000))


def test_a_full_disk_leaves_whole_records_on_standard_output_too(tmp_path: Path) -> None:
    """Behind what another command wrote there; not over it."""
    path, rows, out = model(tmp_path), rows_file(tmp_path / "rows.csv", 3000), tmp_path / "out.jsonl"
    for mode, front in (("wb", [b"mine"]), ("ab", [b"before", b"mine"])):
        out.write_bytes(b"before\n")
        with out.open(mode, buffering=0) as file:
            file.write(b"mine\n")
            process = start(path, "-i", rows, **small_files(1_000_000) | {"stdout": file})
            _, told = process.communicate(timeout=60)
            assert process.returncode == 6 and b"standard output cannot be written" in told
            file.write(b"after\n")
        *records, last = out.read_bytes().splitlines()
        assert (records[: len(front)], last) == (front, b"after")
        assert [json.loads(line)["row"] for line in records[len(front) :]] == list(range(len(records) - len(front)))
        assert 100 < len(records) < 3000


_TMPFS = """mount -t tmpfs -o size=1m none "$1" && "$2" -m gradcalc batch "$3" -i "$4" -o "$1/out.jsonl"
echo "status $?"; tail -c 3 "$1/out.jsonl"; wc -c < "$1/out.jsonl"
mount -o remount,size=64m "$1"; "$2" -m gradcalc batch "$3" -i "$4" -o "$1/out.jsonl" --resume
echo "status $?"; cp "$1/out.jsonl" "$5"
"""


def test_a_disk_that_is_full_takes_the_rest_once_there_is_room(tmp_path: Path) -> None:
    """A real one, of a megabyte in memory, where a process may mount one of its own."""
    own = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    disk, kept, whole = tmp_path / "disk", tmp_path / "kept.jsonl", tmp_path / "whole.jsonl"
    disk.mkdir()
    if shutil.which("unshare") is None or subprocess.run([*own, f"mount -t tmpfs none {disk}"]).returncode:
        pytest.skip("no file system can be mounted here")
    path, rows = model(tmp_path), rows_file(tmp_path / "rows.csv", 3000)
    command = [*own, _TMPFS, "sh", disk, sys.executable, path, rows, kept]
    shown = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    first, ending, size, second = shown.stdout.splitlines()
    assert (first, ending[-1], second) == ("status 6", "}", "status 0")
    assert "unwritable-file" in shown.stderr and 900_000 < int(size) <= 2**20
    batch(path, "-i", rows, "-o", whole)
    assert kept.read_bytes() == whole.read_bytes()


def test_a_file_that_is_there_is_replaced_as_a_whole(tmp_path: Path) -> None:
    files(tmp_path / "in", 3)
    out = tmp_path / "out.jsonl"
    out.write_text("before\n")
    out.chmod(0o640)
    process = start(tmp_path / "in", "-o", out, **small_files(4000))
    process.communicate(timeout=60)
    assert process.returncode == 6 and out.read_text() == "before\n"
    assert batch(tmp_path / "in", "-o", out)[0] == 0
    assert out.read_text().count("\n") == 3 and out.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_records_go_nowhere_else(tmp_path: Path) -> None:
    """A folder that is missing, a folder in place of a file, an input: refused before anything is done."""
    path, rows = model(tmp_path), rows_file(tmp_path / "rows.csv", 3)
    for out in (tmp_path / "missing" / "out.jsonl", tmp_path, rows, path):
        before = [p.read_bytes() for p in (path, rows)]
        status, records, told = batch(path, "-i", rows, "-o", out)
        assert (status, records) == (6, []) and "unwritable-file" in told
        assert [p.read_bytes() for p in (path, rows)] == before


def test_fail_fast_stops_at_the_first_that_fails(tmp_path: Path) -> None:
    made = files(tmp_path, 40)
    for k in (7, 20):
        made[k].write_text("s = (")
    status, records, told = batch(tmp_path, "--fail-fast", "-j", "4")
    assert status == 1 and len(records) == 8 and "stopped at the first that failed" in told
    path, rows = model(tmp_path, "f = log(x) + y + z"), tmp_path / "rows.csv"
    rows.write_text("x,y,z\n1,1,1\n2,2,2\n-1,3,3\n4,4,4\n")
    status, records, _ = batch(path, "-i", rows, "--fail-fast")
    assert status == 1 and codes(records) == ["", "", "domain"]


# ----------------------------------------------------------------------------------------- rows


def test_a_row_is_a_run_with_its_data(tmp_path: Path) -> None:
    path, rows = model(tmp_path), tmp_path / "rows.csv"
    rows.write_text("x,y,z\n1,2,0\n0.5,-1,3\n")
    status, records, _ = batch(path, "-i", rows)
    assert status == 0
    for record, values in zip(records, ("x=1 y=2 z=0", "x=0.5 y=-1 z=3"), strict=True):
        settings = [part for value in values.split() for part in ("--set", value)]
        assert record["result"] == run_json(path, *settings)


def values(records: list[Any]) -> list[Any]:
    return [r["result"]["value"] if r["result"] else r["error"]["errors"][0]["code"] for r in records]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x,y,z\n1,2,0\n\n  \n1,1,1", [6, 2]),
        ("\ufeffx,y,z\r\n1,2,0\r\n1,1,1\r\n", [6, 2]),
        ("z,name,y,x\n0,Ann,2,1\n1,\"B,\nC\",1,1\n", [6, 2]),
        ("x,y,z\n1,2,0\n1,two,0\n1,2\n1,,0\n1,2,0\n", [6, "bad-data", "bad-data", "unknown-name", 6]),
        ('x,y,z\n1,2,"[0, 3]"\n1,2,1e999\n1,2,nan\n1,0x10,1\n', [[6, 9], "bad-data", "bad-data", "bad-data"]),
        ('x,y,z\n1,"2,0\n1,2,0\n', ["bad-data", 6]),
        ("x,y,z\n", []),
    ],
)  # fmt: skip
def test_rows_of_csv(text: str, expected: list[Any], tmp_path: Path) -> None:
    path, rows = model(tmp_path), tmp_path / "rows.csv"
    rows.write_bytes(text.encode())
    assert values(batch(path, "-i", rows, "--of", "f")[1]) == expected


def test_columns_of_entries(tmp_path: Path) -> None:
    path, rows = model(tmp_path, "s = sum(W v)"), tmp_path / "rows.csv"
    rows.write_text('v[1],v[0],"W[0,0]",W[0,1],W[1,0],W[1,1]\n1,2,3,4,5,6\n')
    [record] = batch(path, "-i", rows)[1]
    assert record["result"]["value"] == (3 + 5) * 2 + (4 + 6) * 1
    rows.write_text("v[0],v[2]\n1,2\n")
    status, records, told = batch(path, "-i", rows)
    assert (status, records) == (3, []) and "leaves entries of `v` out" in " ".join(told.split())
    rows.write_text("v,v\n1,2\n")
    assert batch(path, "-i", rows)[0] == 3


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"x": 1, "y": 2, "z": 0}', 6), ('{"x": 1, "y": 2, "z": [0, 3]}', [6, 9]),
        ('{"x": 1, "z": 0}', "unknown-name"),
        ('{"x": 1, "y": NaN, "z": 0}', "bad-data"), ("[1, 2]", "bad-data"), ("{", "bad-data"),
        ('{"x": 1, "x": 2, "y": 1, "z": 1}', "bad-data"), ('{"x": 1, "y": true, "z": 0}', "bad-data"),
        ('{"x": 1, "y": 2, "z": 0, "id": "a", "more": {"k": [1]}}', 6), ('{"x": 1, "y": 2, "z": null}', "unknown-name"),
        ("[" * 100_000, "bad-data"), ('{"x": 1e999, "y": 1, "z": 1}', "bad-data"),
    ],
)  # fmt: skip
def test_a_row_of_json_lines(line: str, expected: Any, tmp_path: Path) -> None:
    path, rows = model(tmp_path), tmp_path / "rows.jsonl"
    rows.write_text(f'{{"x": 1, "y": 1, "z": 1}}\n{line}\n{{"x": 2, "y": 1, "z": 1}}\n')
    assert values(batch(path, "-i", rows)[1]) == [2, expected, 3]


def test_rows_of_archives_and_tables(tmp_path: Path) -> None:
    path = model(tmp_path, "s = sum(W v) + c")
    draw = np.random.default_rng(1)
    v, w, c = draw.normal(size=(5, 2)), draw.normal(size=(5, 3, 2)), draw.normal(size=5)
    expected = [float(np.sum(w[k] @ v[k]) + c[k]) for k in range(5)]
    np.savez(tmp_path / "a.npz", v=v, W=np.asfortranarray(w), c=c)
    made = [tmp_path / "a.npz"]
    pyarrow = pytest.importorskip("pyarrow", reason="the extra `arrow` is not installed")
    from pyarrow import parquet

    table = pyarrow.table({"v": v.tolist(), "W": w.tolist(), "c": c, "id": list("abcde")})
    parquet.write_table(table, tmp_path / "a.parquet")
    with pyarrow.ipc.new_file(tmp_path / "a.arrow", table.schema) as file:
        file.write_table(table)
    made += [tmp_path / "a.parquet", tmp_path / "a.arrow"]
    for rows in made:
        assert values(batch(path, "-i", rows)[1]) == pytest.approx(expected, rel=1e-14)


def test_archives_that_do_not_fit_or_are_damaged(tmp_path: Path) -> None:
    path, rows = model(tmp_path), tmp_path / "a.npz"
    np.savez(rows, x=np.ones(3), y=np.ones(2))
    assert batch(path, "-i", rows)[0] == 3
    whole = rows.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"PK\3\4", b""):
        rows.write_bytes(damaged)
        status, records, told = batch(path, "-i", rows)
        assert (status, records) == (6, []) and "unreadable-file" in told


def test_several_files_over_the_same_rows_and_shared_data(tmp_path: Path) -> None:
    one, other = tmp_path / "a.eq", tmp_path / "b.eq"
    one.write_text("s = c x\n")
    other.write_text("s = x^2 + y\n")
    rows = tmp_path / "rows.csv"
    rows.write_text("x,y\n1,2\n3,4\n")
    _, records, _ = batch(one, other, "-i", rows, "--set", "c=10")
    assert [(Path(r["source"]).name, r["row"], r["result"]["value"]) for r in records] == [
        ("a.eq", 0, 10), ("a.eq", 1, 30), ("b.eq", 0, 3), ("b.eq", 1, 13),
    ]  # fmt: skip
    assert all(r["result"]["warnings"] == [] for r in records)


def test_a_row_that_is_too_long_fails_alone(tmp_path: Path) -> None:
    path, rows = model(tmp_path), tmp_path / "rows.csv"
    rows.write_text("x,y,z\n1,2,0\n" + "1" * 2_000_000 + ",1,1\n1,1,1\n")
    found = values(batch(path, "-i", rows, "--limit", "file_bytes=1000000")[1])
    assert found == [6, "limit-data", 2]


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """The largest process of a batch over eight times the rows is hardly larger."""
    path, peaks = model(tmp_path), []
    for count in (8_000, 64_000):
        rows = rows_file(tmp_path / "rows.csv", count)
        program = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        command = [sys.executable, "-c", program, *COMMAND, str(path), "-i", str(rows), "-j", "1", "--only", "value"]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < 1.3 * peaks[0]
