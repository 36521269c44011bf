"""Many files: the records are the same bytes whoever makes them, and however often he is killed."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.programs import small_program
from tests.test_batch_command import ENVIRONMENT, records_in, start

FAULTS = ("s = log(x); x = -1", "s = (x + 1; x = 2", "s = x + y; x = 1", "s = A x; A = [1, 2; 3, 4]; x = [1, 2, 3]")
KILLS = 50


def written(folder: Path, count: int) -> Path:
    """A folder of small programs, each different, of which one in twenty has a fault."""
    inputs = folder / "in"
    inputs.mkdir()
    for k in range(count):
        text = FAULTS[k // 20 % len(FAULTS)] if k % 20 == 7 else small_program(k).text
        (inputs / f"{k:06d}.eq").write_text(text, encoding="utf-8")
    return inputs


def ended(inputs: Path, out: Path, *options: str) -> float:
    """A batch to its end; the seconds that it took."""
    begun = time.monotonic()
    with start(inputs, *options, "-o", out) as process:
        told = process.communicate()[1].decode()
    assert process.returncode == 1, (process.returncode, told)
    return time.monotonic() - begun


def files(folder: Path, count: int) -> dict[str, Any]:
    """One job, 8 jobs, a Dask cluster of which a worker is killed, and a batch that is killed and resumed 50 times."""
    inputs, whole, out = written(folder, count), folder / "whole.jsonl", folder / "out.jsonl"
    seconds = {"1 job": ended(inputs, whole, "-j", "1")}
    assert records_in(whole) == count

    seconds["8 jobs"] = ended(inputs, out, "-j", "8")
    assert out.read_bytes() == whole.read_bytes()

    out.unlink()
    with cluster() as (address, workers):
        process, begun = start(inputs, "--scheduler", address, "-o", out), time.monotonic()
        while records_in(out) < count // 3:
            assert process.poll() is None
            time.sleep(0.05)
        workers[0].kill()
        process.communicate()
        seconds["Dask, a worker killed"] = time.monotonic() - begun
    assert process.returncode == 1 and out.read_bytes() == whole.read_bytes()

    draw, landed = random.Random(1), 0
    out.unlink()
    while landed < KILLS:
        landed += killed(inputs, out, draw.uniform(0.2, 1.6 * seconds["8 jobs"] / KILLS + 1))
        assert whole.read_bytes().startswith(complete(out))
        if records_in(out) == count:
            out.unlink()
    seconds["resumed"] = ended(inputs, out, "--resume")
    assert out.read_bytes() == whole.read_bytes()
    return {"kills": landed, "steps": {name: round(s, 1) for name, s in seconds.items()}}


def kills(folder: Path, count: int) -> dict[str, Any]:
    """50 batches, each killed once at a random moment and resumed."""
    inputs, whole, draw = written(folder, count), folder / "whole.jsonl", random.Random(2)
    seconds, landed, kept = ended(inputs, whole), 0, []
    while landed < KILLS:
        out = folder / f"{landed}.jsonl"
        landed += killed(inputs, out, draw.uniform(0, seconds))
        kept.append(records_in(out))
        ended(inputs, out, "--resume")
        assert out.read_bytes() == whole.read_bytes()
        out.unlink()
    return {"kills": landed, "records at the kill": [min(kept), max(kept)]}


def killed(inputs: Path, out: Path, seconds: float) -> bool:
    """A batch that resumes and is killed after a time; whether it was still running then."""
    with start(inputs, "--resume", "-o", out) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        running = process.poll() is None
        process.kill()
        process.communicate()
    return running


def complete(out: Path) -> bytes:
    """The lines of a file that are complete."""
    found = out.read_bytes() if out.exists() else b""
    return found[: found.rfind(b"\n") + 1]


@contextlib.contextmanager
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler with two workers, and the workers, all in processes of their own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"

    def started(program: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{program}", *arguments, "--no-dashboard"]
        return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    scheduler = started("dask_scheduler", "--host", "127.0.0.1", "--port", port)
    workers = [started("dask_worker", address, "--nthreads", "1", "--no-nanny") for _ in range(2)]
    try:
        from distributed import Client

        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
