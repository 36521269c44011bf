"""One point of a curve of growth, measured in this process alone.

    python -m benchmarks.point AXIS SERIES SIZE

prints {"seconds": .., "peak_bytes": ..}: the median time of a call, and the most memory that the process held
meanwhile, or one that it waited for, with Python, NumPy and the inputs.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import calls
from benchmarks.measure import Call, once, settled
from benchmarks.programs import long_program
from benchmarks.work import batch, many_rows, neuron

# A first call that takes longer counts; a shorter one is repeated, so that what is made once does not count.
LONG_SECONDS = 5.0
STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")
ALONE = "parse alone"


def _parsing(size: int, folder: Path) -> Call:
    text = long_program(size).text
    return lambda: calls.parsed_alone(text)


def _differentiating(size: int, folder: Path) -> Call:
    text = long_program(size).text
    return lambda: calls.differentiated(text)


def _answering(size: int, folder: Path) -> Call:
    program = long_program(size)
    names = list(program.data)
    return lambda: calls.evaluated(calls.prepared(program.text, names), program.data, names)


# Curves by axis and by name; each gives the call for a size, with a scratch folder.
CURVES: dict[str, dict[str, Callable[[int, Path], Call]]] = {
    "statements": {
        ALONE: _parsing,
        "parse, plan, differentiate": _differentiating,
        "from text to numbers": _answering,
    },
    "width": {
        "gradcalc, prepared": lambda size, folder: neuron.prepared(*neuron.drawn(size)),
        "NumPy by hand": lambda size, folder: neuron.by_hand(*neuron.drawn(size)),
    },
    "rows": {
        "gradcalc, prepared": lambda size, folder: many_rows.prepared(*many_rows.drawn(size)),
        "NumPy by hand": lambda size, folder: many_rows.by_hand(*many_rows.drawn(size)),
    },
    "files": {
        "gradcalc batch, 2 jobs": lambda size, folder: batch.Files(folder, size).run,
        "parse alone, 2 processes": lambda size, folder: batch.Files(folder, size).parse,
    },
}


def measured(axis: str, series: str, size: int) -> dict[str, float]:
    """Time and memory of one point."""
    with TemporaryDirectory() as folder:
        call = CURVES[axis][series](size, Path(folder))
        forget_peak()
        with settled():
            found = [once(call)[0]]
            if found[0] < LONG_SECONDS:
                count = max(3, min(50, int(LONG_SECONDS / max(found[0], 1e-6))))
                found = [once(call)[0] for _ in range(count)]
    return {"seconds": median(found), "peak_bytes": peak_bytes()}


def forget_peak() -> None:
    """Let the peak begin at what the process holds now, where the kernel can: making the inputs does not count."""
    with suppress(OSError):
        REFERENCES.write_text("5", encoding="ascii")


def peak_bytes() -> int:
    """The most memory that this process held since `forget_peak`, or the largest of its children ever.

    The kernel's own figure for this process, where there is one: what `getrusage` says begins at what the parent held.
    """
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if STATUS.is_file():
        own = next(int(s.split()[1]) for s in STATUS.read_text(encoding="ascii").splitlines() if s.startswith("VmHWM"))
    return 1024 * max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
