"""Files that do harm, at random places among many that do none."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.programs import small_program
from tests.at_scale.memory import below, resident
from tests.test_batch_command import HOSTILE, codes, start

EACH = 4
"""How many of each kind."""
HUNGRY = "A = ones(3000, 3000) x; B = A + 1; C = B .* A; s = sum(C); x = {k}"
TOO_MUCH = 300 << 20
"""Bytes of a process that is killed for them, as the kernel does it where memory is short."""


def hostile(folder: Path, count: int) -> dict[str, Any]:
    """Exactly those fail, each with its code; of the rest every one has a result."""
    draw, inputs = random.Random(4), folder / "in"
    inputs.mkdir()
    kinds = [*HOSTILE, "killer"] * EACH
    chosen = dict(zip(draw.sample(range(count), len(kinds)), kinds, strict=True))
    expected = []
    for k in range(count):
        path = inputs / f"{k:06d}.eq"
        if k in chosen:
            expected.append(placed(path, chosen[k], k))
        else:
            path.write_text(small_program(k).text)
            expected.append("")
    out, deaths = folder / "out.jsonl", 0
    process = start(inputs, "-o", out, "--memory", "8000")
    while process.poll() is None:
        for pid in below(process.pid)[1:]:
            if resident(pid) > TOO_MUCH:
                os.kill(pid, signal.SIGKILL)
                deaths += 1
        time.sleep(0.005)
    process.communicate()
    records = [json.loads(line) for line in out.read_text().splitlines()]
    wrong = [
        (record["source"], code, other)
        for record, code, other in zip(records, codes(records), expected, strict=True)
        if code != other
    ]
    assert process.returncode == 1 and not wrong, wrong
    assert [record["source"] for record in records] == [f"{inputs}/{k:06d}.eq" for k in range(count)]
    return {"failed": dict(Counter(filter(None, expected))), "workers killed": deaths}


def placed(path: Path, kind: str, k: int) -> str:
    """Make a hostile file; its code."""
    if kind == "killer":
        path.write_text(HUNGRY.format(k=k))
        return "worker-died"
    text, code = HOSTILE[kind]
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "missing":
        path.symlink_to(path.parent / "nowhere")
    else:
        path.write_bytes(text if isinstance(text, bytes) else str(text).encode())
    return code
