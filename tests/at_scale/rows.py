"""Very many rows of one file: in bounded memory, at a cost for each that does not grow."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.at_scale.memory import below, resident
from tests.test_batch_command import model, start

TEXT = "f = (x + y) max(y, z)"
BLOCK = 100_000


def rows(folder: Path, count: int) -> dict[str, Any]:
    """A hundredth of them, a tenth, and all; every value and gradient is compared with NumPy's."""
    path, found = model(folder, TEXT), {}
    for size in (count // 100, count // 10, count):
        table = folder / "rows.csv"
        write(table, size)
        begun = time.monotonic()
        process = start(path, "-i", table, "--only", "value,gradients", stderr=subprocess.DEVNULL)
        peak = Peak(process.pid)
        peak.start()
        compare(process, size)
        assert process.wait() == 0
        seconds = time.monotonic() - begun
        found[f"{size:,}"] = {"µs a row": round(1e6 * seconds / size, 1), "MiB": round(peak.most / 2**20)}
    return {"rows": found}


def block(number: int, size: int) -> Any:
    """The x, y and z of the rows of a block."""
    return np.random.default_rng(number).normal(size=(size, 3))


def blocks(count: int) -> list[tuple[int, int]]:
    """The number of each block, and how many rows it has."""
    return [(k, min(BLOCK, count - k * BLOCK)) for k in range(-(-count // BLOCK))]


def write(table: Path, count: int) -> None:
    """The rows as CSV, in full precision."""
    with table.open("w") as out:
        out.write("x,y,z\n")
        for number, size in blocks(count):
            out.writelines(f"{x!r},{y!r},{z!r}\n" for x, y, z in block(number, size).tolist())


def compare(process: subprocess.Popen[bytes], count: int) -> None:
    """Each record with its row, as it comes."""
    assert process.stdout is not None
    row = 0
    for number, size in blocks(count):
        x, y, z = block(number, size).T
        larger = np.maximum(y, z)
        expected = np.array([(x + y) * larger, larger, larger + (x + y) * (y > z), (x + y) * (y < z)]).T
        got = []
        for _ in range(size):
            record = json.loads(process.stdout.readline())
            assert record["row"] == row and record["status"] == "ok"
            row += 1
            gradients = record["result"]["gradients"]
            got.append([record["result"]["value"], *(gradients[name]["value"] for name in "xyz")])
        assert np.allclose(got, expected, rtol=1e-15, atol=0)
    assert not process.stdout.readline()


class Peak(threading.Thread):
    """Follows the memory of a process and of all below it: their sum, at its largest."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.pid, self.most = pid, 0

    def run(self) -> None:
        """Look until the process has ended."""
        while total := sum(map(resident, below(self.pid))):
            self.most = max(self.most, total)
            time.sleep(0.05)
