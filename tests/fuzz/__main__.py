"""`python -m tests.fuzz [TARGET...] --seconds N`: fuzz targets one after the other, and say what came of it.

The time is shared evenly among the targets (all, without a name). `--state` keeps what libFuzzer learned for the
next run; `--log` adds the counts to a JSON file such as tests/fuzz/runs.json. The exit status is 1 if anything was
found: inputs and tracebacks then lie in `STATE/TARGET/finds`.

    python -m tests.fuzz --seconds 60
    python -m tests.fuzz program --seconds 3600 --state /tmp/fuzz --log tests/fuzz/runs.json
    python -m tests.fuzz --merge --state /tmp/fuzz          the corpus, minimised, to tests/fuzz/corpus
    python -m tests.fuzz --total                            the executions in runs.json, added up
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.fuzz.seeds import ROOT, seeds, tokens

HERE = Path(__file__).parent
TARGETS = ("text", "program", "mutation", "setting", "data", "rows")
LONGEST = {"text": 120, "program": 90, "mutation": 160, "setting": 80, "data": 240, "rows": 160}
"""Bytes of an input at most: short inputs find as much, in less time."""
INTERRUPTED = 72
"""The exit status of libFuzzer when it is told to stop."""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--merge", action="store_true")
    parser.add_argument("--total", action="store_true")
    arguments = parser.parse_args()
    if arguments.total:
        return _total()
    state = arguments.state or Path(tempfile.mkdtemp(prefix="gradcalc-fuzz-"))
    chosen = arguments.targets or TARGETS
    if arguments.merge:
        return max(_merge(target, state / target) for target in chosen)
    found = 0
    for target in chosen:
        ended = _fuzz(target, state / target, arguments.seconds // len(chosen))
        print(json.dumps(ended, ensure_ascii=False), flush=True)
        found += len(ended["finds"])
        if arguments.log:
            _append(arguments.log, ended)
    return min(found, 1)


def _fuzz(target: str, state: Path, seconds: int) -> dict[str, Any]:
    """Fuzz one target for some time, again after a crash of the interpreter; what the workers counted."""
    corpus, words = state / "corpus", state / "words.dict"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds(target):
        (corpus / sha256(seed).hexdigest()[:16]).write_bytes(seed[: LONGEST[target]])
    words.write_text("".join(f'"{_escaped(t)}"\n' for t in tokens()), encoding="utf-8")
    told: dict[str, Any] = {"target": target, "executions": 0, "seconds": 0, "commit": _commit(), "finds": {}}
    while told["seconds"] < seconds:
        (state / "count.json").unlink(missing_ok=True)
        status = _worker(
            target, state, ["-max_total_time=" + str(seconds - told["seconds"]), f"-dict={words}", str(corpus)]
        )
        count = json.loads((state / "count.json").read_text(encoding="utf-8"))
        told["executions"] += count["executions"]
        told["seconds"] += max(1, count["seconds"])
        told["finds"].update(count["finds"])
        if status == INTERRUPTED:
            break
        if status:
            told["finds"][f"the interpreter ended with status {status}"] = 1
            break
    return told


def _worker(target: str, state: Path, arguments: list[str]) -> int:
    command = [sys.executable, "-m", "tests.fuzz.worker", target, str(state), *arguments]
    limits = ["-timeout=60", "-rss_limit_mb=2048", f"-max_len={LONGEST[target]}", "-verbosity=0"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with (state / "log").open("a") as log:
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        whole = [*command, *limits, f"-artifact_prefix={state}/"]
        return subprocess.run(whole, cwd=ROOT, env=environment, **streams).returncode  # type: ignore[call-overload]


def _escaped(token: str) -> str:
    return "".join(chr(b) if 32 < b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in token.encode())


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return found.stdout.strip()


def _append(log: Path, ended: dict[str, Any]) -> None:
    """Add a run to the log, one run a line."""
    runs = json.loads(log.read_text(encoding="utf-8")) if log.exists() else []
    runs.append({**ended, "finds": len(ended["finds"])})
    lines = ",\n".join(json.dumps(run, ensure_ascii=False) for run in runs)
    log.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _total() -> int:
    runs = json.loads((HERE / "runs.json").read_text(encoding="utf-8"))
    for target in TARGETS:
        print(f"{target:<10} {sum(r['executions'] for r in runs if r['target'] == target):>12,}")
    print(f"{'all':<10} {sum(r['executions'] for r in runs):>12,}")
    return 0


def _merge(target: str, state: Path) -> int:
    """Keep the shortest inputs of a state, and of those kept so far, that reach what all of them reach."""
    from tests.fuzz.corpus import FOLDER, keep, kept, minimised
    from tests.fuzz.targets import TARGETS as WORK

    before = kept(target) if (FOLDER / f"{target}.jsonl").exists() else []
    inputs = {*before, *(p.read_bytes() for p in (state / "corpus").glob("*"))}
    found = minimised(WORK[target], inputs)
    keep(target, found)
    print(f"{target}: {len(found)} of {len(inputs)} inputs, {sum(map(len, found)):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
