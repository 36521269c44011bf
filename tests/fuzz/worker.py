"""One target under atheris: `python -m tests.fuzz.worker TARGET STATE [libFuzzer's arguments]`.

STATE is a folder: `count.json` has the executions so far, `finds/` the inputs that broke something, one of each
kind (the error and where in gradcalc it was raised). A find does not end the run; a crash of the interpreter does.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gradcalc"]):
    from tests.fuzz.targets import TARGETS, authored

from tests.fuzz.outcome import within_bounds

EVERY = 50
"""Executions between two notes of their number."""


class Worker:
    """Runs inputs, counts them, keeps what breaks."""

    def __init__(self, target: str, state: Path):
        self.target, self.work, self.state = target, TARGETS[target], state
        self.executions = 0
        self.peak: float | None = None
        self.seen: dict[str, int] = {}
        self.started = time.monotonic()
        (state / "finds").mkdir(parents=True, exist_ok=True)
        self.note()

    def one(self, data: bytes) -> None:
        """One execution."""
        self.executions += 1
        try:
            self.peak = within_bounds(self.work, data, before=self.peak)
        except Exception as error:
            self.peak = None
            self._keep(data, error)
        if self.executions % EVERY == 0:
            self.note()

    def _keep(self, data: bytes, error: Exception) -> None:
        """Keep an input of a kind that is new, or shorter than the one kept."""
        kind = signature(error)
        name = f"{hashlib.sha256(kind.encode()).hexdigest()[:10]}"
        path = self.state / "finds" / name
        self.seen[kind] = self.seen.get(kind, 0) + 1
        if not path.exists() or len(data) < path.stat().st_size:
            path.write_bytes(data)
            told = "".join(traceback.format_exception(error))
            shown = "\n".join(map(str, authored(data))) if self.target == "program" else repr(data)
            whole = f"{self.target}\n{kind}\n\n{shown}\n\n{told}"
            path.with_suffix(".txt").write_text(whole, encoding="utf-8", errors="replace")
            print(f"find {name}: {kind}", file=sys.stderr, flush=True)

    def note(self) -> None:
        """Write down how many executions there were."""
        told = {
            "target": self.target,
            "executions": self.executions,
            "seconds": round(time.monotonic() - self.started),
            "finds": self.seen,
        }
        partial = self.state / "count.part"
        partial.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
        partial.replace(self.state / "count.json")


def signature(error: BaseException) -> str:
    """The kind of an error and the place in gradcalc where it was raised."""
    while error.__cause__ is not None:
        error = error.__cause__
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/gradcalc/" in f.filename]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else ""
    detail = str(error)[:60] if isinstance(error, AssertionError) else ""
    return f"{type(error).__name__} {detail} {where}"


def main() -> None:
    """Fuzz until libFuzzer's arguments end it."""
    worker = Worker(sys.argv[1], Path(sys.argv[2]))
    atheris.Setup([sys.argv[0], *sys.argv[3:]], worker.one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
