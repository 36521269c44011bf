"""A worker: a process that reads units of work from its standard input and writes records to its standard output.

It has a session of its own, so that what interrupts the batch does not interrupt it, and ends when its standard input
ends, in the midst of its work too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from gradcalc.errors import Diagnostic, GradcalcError

_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from gradcalc.batch.worker import main; main()"
READY = b"ready"


def start(memory: int | None) -> subprocess.Popen[bytes]:
    """Start a worker that may ask for so many MiB of memory. It waits for the options, and says that it is ready."""
    home = str(Path(__file__).resolve().parents[2])
    one_thread = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "VECLIB")}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM, home, str(memory or 0)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, bufsize=0,
        env={**os.environ, **one_thread},
    )  # fmt: skip


def main() -> None:
    """Work until there is nothing more."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what anything prints by mistake is no record
    limit_memory(int(sys.argv[2]))
    frames: SimpleQueue[list[bytes]] = SimpleQueue()
    threading.Thread(target=_read, args=(frames,), daemon=True).start()
    from gradcalc.batch.wire import frame, packed_done, unpacked_unit
    from gradcalc.batch.work import Work

    work = Work(frames.get()[0].decode())
    _write(out, frame([READY]))
    while True:
        _write(out, packed_done(work.done(unpacked_unit(frames.get()))))


def _read(frames: Any) -> None:
    """Hand on what comes; at the end end the process, whatever it is doing."""
    from gradcalc.batch.wire import Frames

    found = Frames()
    while data := os.read(0, 2**16):
        for parts in found.feed(data):
            frames.put(parts)
    os._exit(0)


def _write(out: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


def limit_memory(mebibytes: int) -> None:
    """Let the process ask for so many MiB at most; 0 is no limit."""
    if mebibytes:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (mebibytes << 20, mebibytes << 20))


def refuse_memory(memory: int | None) -> None:
    """Raise `GradcalcError` where the system has no such limit."""
    if memory and not sys.platform.startswith("linux"):
        raise GradcalcError(Diagnostic("unknown-option-value", "--memory needs Linux", help="leave it out"))
