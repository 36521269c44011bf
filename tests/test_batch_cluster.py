"""A batch on a Dask cluster: what a lost worker had is done again, and every fault of the cluster is told."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import gradcalc
from gradcalc.batch.cluster import Cluster, reach, version
from gradcalc.batch.options import Options
from gradcalc.errors import GradcalcError
from tests.test_batch_command import ENVIRONMENT, ROOT, batch, files, start

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


@pytest.fixture
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers in processes of their own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, quiet = f"tcp://127.0.0.1:{port}", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "distributed.cli"]
    started = [subprocess.Popen([f"{dask[0]}", "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port",
                                 str(port), "--no-dashboard"], env=ENVIRONMENT, **quiet)]  # fmt: skip
    for _ in range(2):
        started.append(subprocess.Popen([dask[0], "-m", "distributed.cli.dask_worker", address, "--nthreads", "1",
                                         "--no-nanny", "--no-dashboard"], env=ENVIRONMENT, **quiet))  # fmt: skip
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    yield address, started
    for process in reversed(started):
        process.kill()
        process.wait()


def begun(address: str, folder: Path) -> tuple[subprocess.Popen[bytes], Path, Path]:
    """A batch on a cluster that has written something, the file of its records, and one with all that are to come."""
    files(folder / "in", 150)
    out, whole = folder / "out.jsonl", folder / "whole.jsonl"
    batch(folder / "in", "-o", whole)
    process = start(folder / "in", "--scheduler", address, "-o", out)
    while not out.exists() or not out.stat().st_size:
        assert process.poll() is None
        time.sleep(0.02)
    return process, out, whole


def test_a_cluster_writes_the_same_records_and_loses_none_with_a_worker(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, started = cluster
    process, out, whole = begun(address, tmp_path)
    started[1].kill()
    process.communicate(timeout=100)
    assert process.returncode == 0 and out.read_bytes() == whole.read_bytes()


def test_a_scheduler_that_is_killed_ends_the_batch_and_what_is_done_is_kept(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    address, started = cluster
    process, out, whole = begun(address, tmp_path)
    started[0].kill()
    _, told = process.communicate(timeout=100)
    assert process.returncode == 6 and b"error[cluster]" in told and b"--resume" in told
    assert b"Traceback" not in told
    done = out.read_bytes()
    assert whole.read_bytes().startswith(done) and done.endswith(b"\n")
    assert batch(tmp_path / "in", "--resume", "-o", out)[0] == 0
    assert out.read_bytes() == whole.read_bytes()


def test_workers_of_another_version_are_refused(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradcalc.batch.cluster.__version__", "9.9.9")
    monkeypatch.setattr("gradcalc.batch.cluster.version", version.__wrapped__)
    with pytest.raises(GradcalcError) as caught, Cluster(cluster[0], Options().text(), None, None):
        pass
    [told] = caught.value.diagnostics
    own = re.escape(gradcalc.__version__)
    assert told.code == "cluster" and re.search(rf"has gradcalc {own} \([0-9a-f]{{8}}\), and", told.message)
    assert "and this is 9.9.9 (" in told.message and "install the same gradcalc" in str(told.help)


def test_workers_with_other_code_of_the_same_version_are_refused(tmp_path: Path) -> None:
    """Here the batch is of a copy in which a comment differs."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "gradcalc", copy / "gradcalc")
    shutil.copytree(ROOT / "grammar", copy / "grammar")
    with (copy / "gradcalc" / "maps.py").open("a") as file:
        file.write("# another\n")
    asked = "from gradcalc.batch.cluster import version; print(version())"
    told = [
        subprocess.run([sys.executable, "-c", asked], cwd=folder, env={**ENVIRONMENT, "PYTHONPATH": str(folder)},
                       capture_output=True, text=True).stdout for folder in (ROOT, copy)
    ]  # fmt: skip
    assert all(t.startswith(gradcalc.__version__) for t in told) and told[0] != told[1]


def test_what_accepts_a_connection_and_says_nothing_is_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradcalc.batch.cluster.CONNECT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(GradcalcError) as caught:
        reach(f"tcp://127.0.0.1:{server.getsockname()[1]}")
    assert "no scheduler answers" in caught.value.diagnostics[0].message


def test_a_scheduler_without_workers_is_waited_for_and_given_up(
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
) -> None:
    address, started = cluster
    for process in started[1:]:
        process.kill()
    said: list[str] = []
    waiting = Cluster(address, Options().text(), None, None, said.append)
    waiting.patience = 2.0
    with pytest.raises(GradcalcError) as caught, waiting:
        pass
    assert "has no workers" in caught.value.diagnostics[0].message
    assert said == [f"waiting up to 2 s for a worker of {address}"]


def test_a_scheduler_that_does_not_answer(tmp_path: Path) -> None:
    [path] = files(tmp_path, 1)
    status, records, told = batch(path, "--scheduler", "tcp://127.0.0.1:1")
    assert (status, records) == (6, []) and "error[cluster]" in told
