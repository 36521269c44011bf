"""`python -m tests.mutation [GROUP...]`: the mutation score of groups of modules, and the survivors.

Which tests reach which lines is found first, by one run of the group's tests with the lines recorded. A mutant is tried
on the tests that run its line, quickest first; on all of the group's tests where its line runs on import only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.trial import OPTIONS, ROOT, Recorder, survives

HERE = Path(__file__).parent
RESULTS, EQUIVALENTS = HERE / "results.json", HERE / "equivalents.toml"
MOST_TESTS = 60
"""Tests that a mutant is tried on first; all that reach it where these pass."""


@dataclass(frozen=True)
class Group:
    """Modules and the tests that are to hold them."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


GROUPS = {
    "differentials": Group(
        ("gradcalc/ops/*.py", "gradcalc/maps.py", "gradcalc/differentiate.py"),
        ("tests/test_ops.py", "tests/test_exact_*.py", "tests/test_differentiate.py", "tests/test_evaluator.py",
         "tests/test_edges.py", "tests/test_lecture.py", "tests/test_matrices.py", "tests/test_data.py",
         "tests/test_planner.py"),
    ),
    "planner": Group(
        ("gradcalc/planning/*.py",),
        ("tests/test_planner.py", "tests/test_lecture.py", "tests/test_guess.py", "tests/test_diagnostics.py",
         "tests/test_model.py", "tests/test_differentiate.py", "tests/test_evaluator.py", "tests/test_matrices.py",
         "tests/test_claims.py", "tests/test_samples.py", "tests/test_limits.py"),
    ),
    "evaluator": Group(
        ("gradcalc/evaluator.py", "gradcalc/flags.py", "gradcalc/numeric.py", "gradcalc/stacked.py",
         "gradcalc/prepared.py", "gradcalc/runner.py", "gradcalc/precision.py"),
        ("tests/test_evaluator.py", "tests/test_edges.py", "tests/test_precision.py", "tests/test_lecture.py",
         "tests/test_model.py", "tests/test_differentiate.py", "tests/test_ops.py", "tests/test_samples.py",
         "tests/test_matrices.py", "tests/test_data.py"),
    ),
}  # fmt: skip


def _files(patterns: tuple[str, ...]) -> list[str]:
    return [str(p.relative_to(ROOT)) for pattern in patterns for p in sorted(ROOT.glob(pattern))]


def reach(tests: list[str]) -> dict[str, Any]:
    """Run the tests once: the lines that each runs, its time; in a process of its own, which keeps this one clean."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "reach.json"
        if os.fork() == 0:
            recorder = Recorder()
            recorder.coverage.start()
            pytest.main([o for o in OPTIONS if o != "-x"] + tests, plugins=[recorder])
            recorder.coverage.stop()
            failed = sorted(recorder.failed)
            out.write_text(json.dumps({"lines": recorder.reached(), "seconds": recorder.seconds, "failed": failed}))
            os._exit(0)
        os.wait()
        found: dict[str, Any] = json.loads(out.read_text())
    return found


@dataclass
class Trials:
    """The mutants of a group, tried."""

    tests: list[str]
    reached: dict[str, Any]

    def survives(self, mutant: Mutant) -> bool:
        """Whether no test notices it."""
        seconds: dict[str, float] = self.reached["seconds"]
        usable = [t for t in seconds if t not in self.reached["failed"]]
        at_line = set(self.reached["lines"].get(mutant.module, {}).get(str(mutant.line), ()))
        chosen = sorted((t for t in usable if t in at_line), key=seconds.__getitem__) or usable
        first, rest = chosen[:MOST_TESTS], chosen[MOST_TESTS:]
        for part in filter(None, (first, rest)):
            limit = 20 + 6 * sum(seconds[t] for t in part)
            if not survives(mutant.module, mutant.source, part, limit):
                return False
        return True


def equivalent_keys() -> dict[str, dict[str, str]]:
    """By module, the survivors that no test can tell from the original, each with its reason."""
    return tomllib.loads(EQUIVALENTS.read_text()) if EQUIVALENTS.exists() else {}


def _show(done: int, total: int, alive: int, start: float) -> None:
    if done % 20 == 0 or done == total:
        print(f"{done}/{total} tried, {alive} survive, {time.monotonic() - start:.0f} s", flush=True)


def run(name: str, only: list[str], sample: int | None, jobs: int) -> dict[str, Any]:
    """Try a group's mutants; its score, and the survivors by module."""
    group = GROUPS[name]
    tests = _files(group.tests)
    known = equivalent_keys()
    modules = [f for f in _files(group.modules) if not only or any(part in f for part in only)]
    every = [m for f in modules for m in mutants(f, (ROOT / f).read_text())]
    fresh = [m for m in every if m.key not in known.get(m.module, {})]
    chosen = fresh if sample is None else random.Random(1).sample(fresh, min(sample, len(fresh)))
    trials = Trials(tests, reach(tests))
    if trials.reached["failed"]:
        print("fail without a mutation:", *trials.reached["failed"], file=sys.stderr)
    alive: list[Mutant] = []
    start = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        for done, (mutant, survived) in enumerate(zip(chosen, pool.map(trials.survives, chosen), strict=True), 1):
            if survived:
                alive.append(mutant)
                print(f"  {mutant.module}:{mutant.line}: {mutant.key}", flush=True)
            _show(done, len(chosen), len(alive), start)
    survivors: dict[str, list[str]] = {}
    for mutant in alive:
        survivors.setdefault(mutant.module, []).append(f"{mutant.line}: {mutant.key}")
    killed = len(chosen) - len(alive)
    return {"mutants": len(every), "equivalent": len(every) - len(fresh), "tried": len(chosen), "killed": killed,
            "score": round(100 * killed / max(len(chosen), 1), 2), "survivors": survivors}  # fmt: skip


def main() -> None:
    """Try the groups named and keep what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("groups", nargs="*", default=list(GROUPS), help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--only", nargs="+", default=[], help="modules whose path contains one of these")
    parser.add_argument("--sample", type=int, help="this many mutants, drawn at random")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.chdir(ROOT)
    for name in options.groups:
        found = run(name, options.only, options.sample, options.jobs)
        print(f"{name}: {found['killed']} of {found['tried']} noticed, {found['score']} %")
        if not options.only:
            kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            RESULTS.write_text(json.dumps({**kept, name: found}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
