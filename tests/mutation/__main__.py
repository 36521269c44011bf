"""`python -m tests.mutation [GROUP...]`: the mutation score of groups of modules, and the survivors.

Which tests reach which lines is found first, by one run of the group's tests with the lines recorded. A mutant is
tried on the tests that run its line, those that noticed a mutant near it first, then the quickest, for as long as
patience lasts. The k-th case of a test function waits as long as a test that takes k times its time; first of them are
those that have the name of what the mutant changes and those that run most of its module.
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
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.trial import OPTIONS, ROOT, Recorder, Trials, collected, imported

HERE = Path(__file__).parent
RESULTS, EQUIVALENTS = HERE / "results.json", HERE / "equivalents.toml"
FEWEST_TESTS = 40
"""Tests that a mutant is tried on, however long they take, where so many reach it."""


@dataclass(frozen=True)
class Group:
    """Modules and the tests that are to hold them."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    keeps: Callable[[Mutant], bool] = lambda mutant: True
    """Which mutants of the modules belong to the group."""

    def mutants(self, only: list[str]) -> list[Mutant]:
        """All of them, or those of modules whose path contains one of the texts."""
        files = [f for f in _files(self.modules) if not only or any(part in f for part in only)]
        return [m for f in files for m in mutants(f, (ROOT / f).read_text()) if self.keeps(m)]


def _computes(mutant: Mutant) -> bool:
    """Whether it is in the arithmetic behind the operations, and not in what declares them and their differentials."""
    return mutant.is_arithmetic or Path(mutant.module).stem in ARITHMETIC


ARITHMETIC = ("doubled", "doubled_exp", "dyadic", "certified", "elimination", "summation")
"""Modules that declare no operation."""
OF_OPERATIONS = ("tests/test_kernels_*.py", "tests/test_ops.py", "tests/test_exact_*.py",
                 "tests/test_differentiate.py", "tests/test_evaluator.py", "tests/test_edges.py",
                 "tests/test_lecture.py", "tests/test_matrices.py", "tests/test_data.py", "tests/test_planner.py",
                 "tests/test_functions.py", "tests/test_closed_forms.py", "tests/test_derivation.py",
                 "tests/test_report.py", "tests/test_numeric_derivative.py", "tests/test_notation.py",
                 "tests/test_maps.py")  # fmt: skip
GROUPS = {
    "differentials": Group(
        ("gradcalc/ops/*.py", "gradcalc/maps.py", "gradcalc/differentiate.py"), OF_OPERATIONS,
        lambda mutant: not _computes(mutant),
    ),
    "kernels": Group(("gradcalc/ops/*.py",), OF_OPERATIONS, _computes),
    "planner": Group(
        ("gradcalc/planning/*.py",),
        ("tests/test_planner.py", "tests/test_lecture.py", "tests/test_guess.py", "tests/test_diagnostics.py",
         "tests/test_model.py", "tests/test_differentiate.py", "tests/test_evaluator.py", "tests/test_matrices.py",
         "tests/test_claims.py", "tests/test_samples.py", "tests/test_limits.py", "tests/test_parser.py",
         "tests/test_fuzz_finds.py", "tests/test_run.py", "tests/test_hostile.py", "tests/test_check.py",
         "tests/test_derivation.py", "tests/test_closed_forms.py", "tests/test_ops.py", "tests/test_edges.py",
         "tests/test_data.py", "tests/test_notation.py", "tests/test_simplify.py", "tests/test_normal_form.py",
         "tests/test_properties.py", "tests/test_hypothesis.py"),
    ),
    "evaluator": Group(
        ("gradcalc/evaluator.py", "gradcalc/evaluation.py", "gradcalc/flags.py", "gradcalc/numeric.py",
         "gradcalc/stacked.py", "gradcalc/prepared.py", "gradcalc/runner.py", "gradcalc/sweeps.py",
         "gradcalc/precision.py", "gradcalc/rounding.py", "gradcalc/perturbed.py", "gradcalc/perturbations.py",
         "gradcalc/compiled/*.py"),
        ("tests/test_evaluator.py", "tests/test_compiled.py", "tests/test_edges.py", "tests/test_precision.py",
         "tests/test_lecture.py", "tests/test_model.py", "tests/test_differentiate.py", "tests/test_ops.py",
         "tests/test_samples.py", "tests/test_matrices.py", "tests/test_data.py", "tests/test_run.py",
         "tests/test_report.py", "tests/test_limits.py", "tests/test_closed_forms.py", "tests/test_batch.py",
         "tests/test_cli.py", "tests/test_fuzz_finds.py", "tests/test_hypothesis.py", "tests/test_hostile.py",
         "tests/test_diagnostics.py"),
    ),
}  # fmt: skip


def _files(patterns: tuple[str, ...]) -> list[str]:
    return [str(p.relative_to(ROOT)) for pattern in patterns for p in sorted(ROOT.glob(pattern))]


def reach(tests: list[str]) -> dict[str, Any]:
    """Run the tests once: the lines that each runs, its time; in a process of its own, which keeps this one clean."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "reach.json"
        child = os.fork()
        if child == 0:
            recorder = Recorder()
            recorder.coverage.start()
            pytest.main([o for o in OPTIONS if o != "-x"] + tests, plugins=[recorder])
            recorder.coverage.stop()
            failed = sorted(recorder.failed)
            out.write_text(json.dumps({"lines": recorder.reached(), "seconds": recorder.seconds, "failed": failed}))
            os._exit(0)
        os.waitpid(child, 0)
        found: dict[str, Any] = json.loads(out.read_text())
    return found


class Choice:
    """Which tests a mutant is tried on: those that reach its line, those that noticed something near it first."""

    def __init__(self, reached: dict[str, Any], patience: float):
        self.lines: dict[str, dict[str, list[str]]] = reached["lines"]
        self.seconds: dict[str, float] = {t: s for t, s in reached["seconds"].items() if t not in reached["failed"]}
        self.patience = patience
        self.killers: Counter[tuple[str, str]] = Counter()
        self.share = {m: Counter(t for tests in lines.values() for t in tests) for m, lines in self.lines.items()}
        """By module and test, how many lines of the one the other runs."""

    def noticed(self, mutant: Mutant, killer: str) -> None:
        """Remember the test that noticed a mutant."""
        for near in (mutant.module, mutant.module + mutant.scope):
            self.killers[near, killer] += 1

    def tests(self, mutant: Mutant, changed: set[int]) -> list[str]:
        """As many as the patience lasts for, of those that reach the changed lines; of a mutant that changes an
        import, those that reach a user of what it defines or have its name; all the group's where there are none."""
        by_line = self.lines.get(mutant.module, {})
        found = set(by_line.get(str(mutant.line), ()))
        if not found:
            found = {t for line in changed or mutant.lines for t in by_line.get(str(line), ())}
        if not changed:
            found |= {t for t in self.seconds for name in mutant.names if f"[{name}]" in t or f"[{name}-" in t}
        usable = (found & self.seconds.keys()) if changed or found else self.seconds.keys()

        share = self.share.get(mutant.module, Counter[str]())

        def order(test: str) -> tuple[int, int, bool, int, float]:
            near = self.killers[mutant.module + mutant.scope, test], self.killers[mutant.module, test]
            named = any(name in test for name in mutant.names)
            return -near[0], -near[1], not named, -share[test], self.seconds[test]

        turns: Counter[str] = Counter()

        def turn(test: str) -> tuple[bool, float]:
            kind = test.partition("[")[0]
            turns[kind] += 1
            return not self.killers[mutant.module + mutant.scope, test], turns[kind] * self.seconds[test]

        chosen, spent = [], 0.0
        for test in sorted(sorted(usable, key=order), key=turn):
            spent += self.seconds[test]
            if spent > self.patience and len(chosen) >= FEWEST_TESTS:
                break
            chosen.append(test)
        return chosen

    def limit(self, tests: list[str]) -> float:
        """Seconds after which the tests do not end."""
        return 5 + 5 * sum(self.seconds[t] for t in tests)


def tried(mutants: list[Mutant], files: list[str], choice: Choice) -> Iterator[tuple[Mutant, str]]:
    """Every mutant with what notices it, "" where nothing does."""

    def attempts(trials: Trials) -> Iterator[str]:
        for k, mutant in enumerate(mutants):
            change = trials.live.change(mutant.module, mutant.source)
            if change is None:
                yield json.dumps([k, None])
                continue
            functions, lines = change
            tests = choice.tests(mutant, lines)
            killer = trials.killer(functions, tests, choice.limit(tests))
            choice.noticed(mutant, killer)
            yield json.dumps([k, killer])

    at_import = []
    for told in collected(files, attempts):
        k, killer = json.loads(told)
        if killer is None:
            at_import.append(mutants[k])
        else:
            yield mutants[k], killer
    for mutant in at_import:
        tests = choice.tests(mutant, set())
        yield mutant, imported(mutant.module, mutant.source, tests, 20 + choice.limit(tests))


def equivalent_keys() -> dict[str, dict[str, str]]:
    """By module, the survivors that no test can tell from the original, each with its reason."""
    return tomllib.loads(EQUIVALENTS.read_text()) if EQUIVALENTS.exists() else {}


def _show(done: int, total: int, alive: int, start: float) -> None:
    if done % 100 == 0 or done == total:
        print(f"{done}/{total} tried, {alive} survive, {time.monotonic() - start:.0f} s", flush=True)


def run(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Try a group's mutants; its score, and the survivors by module."""
    group = GROUPS[name]
    files = _files(group.tests)
    known = equivalent_keys()
    every = group.mutants(options.only)
    fresh = [m for m in every if m.key not in known.get(m.module, {})]
    chosen = fresh if options.sample is None else random.Random(1).sample(fresh, min(options.sample, len(fresh)))
    reached = _kept(options.state, name, files)
    if reached["failed"]:
        print("fail without a mutation:", *reached["failed"], file=sys.stderr)
    noticed = Noticed(options.state)
    before = _survivors(name) if options.survivors else set[tuple[str, str]]()
    alive = [m for m in chosen if (m.module, m.key) in before]
    left = [m for m in chosen if (m.module, m.key) not in before and m.digest not in noticed.digests]
    start = time.monotonic()
    print(f"{name}: {len(left)} of {len(chosen)} mutants to try", flush=True)
    shares = [left[k :: options.jobs] for k in range(options.jobs)]
    work = partial(tried, files=files, choice=Choice(reached, options.patience))
    for done, (mutant, killer) in enumerate(_together(work, shares), 1):
        if killer:
            noticed.add(mutant)
        else:
            alive.append(mutant)
            print(f"  {mutant.module}:{mutant.line}: {mutant.key}", flush=True)
        _show(done, len(left), len(alive), start)
    survivors: dict[str, list[str]] = {}
    for mutant in sorted(alive, key=lambda m: (m.module, m.line)):
        survivors.setdefault(mutant.module, []).append(f"{mutant.line}: {mutant.key}")
    killed = len(chosen) - len(alive)
    return {"mutants": len(every), "equivalent": len(every) - len(fresh), "tried": len(chosen), "killed": killed,
            "score": round(100 * killed / max(len(chosen), 1), 2), "survivors": survivors}  # fmt: skip


def _survivors(name: str) -> set[tuple[str, str]]:
    """The module and key of a group's survivors in the results of the last run."""
    kept = json.loads(RESULTS.read_text())[name]["survivors"]
    return {(module, told.partition(": ")[2]) for module, lines in kept.items() for told in lines}


class Noticed:
    """The mutants that a test noticed in this run and in those before: not tried again while the text around stands."""

    def __init__(self, state: Path | None):
        self.path = state and state / "noticed.txt"
        self.digests = set(self.path.read_text().split()) if self.path and self.path.exists() else set[str]()

    def add(self, mutant: Mutant) -> None:
        """Keep one, for the next run too."""
        self.digests.add(mutant.digest)
        if self.path:
            with self.path.open("a") as file:
                file.write(mutant.digest + "\n")


def _kept(state: Path | None, name: str, files: list[str]) -> dict[str, Any]:
    """What the tests reach, from a file of the state where it is there."""
    kept = state and state / f"{name}.json"
    if kept and kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    found = json.loads(json.dumps(reach(files)))
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(found))
    return found


def _together(work: Any, shares: list[list[Mutant]]) -> Iterator[tuple[Mutant, str]]:
    """The shares' results as they come, each share in a process of its own."""
    told: SimpleQueue[tuple[int, int, str] | int] = get_context("fork").SimpleQueue()
    for number, share in enumerate(shares):
        if os.fork() == 0:
            places = {id(mutant): k for k, mutant in enumerate(share)}
            try:
                for mutant, killer in work(share):
                    told.put((number, places[id(mutant)], killer))
            finally:
                told.put(number)
                os._exit(0)
    running = len(shares)
    while running:
        match told.get():
            case (share, place, killer):
                yield shares[share][place], killer
            case _:
                running -= 1


def main() -> None:
    """Try the groups named and keep what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("groups", nargs="*", default=list(GROUPS), help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--only", nargs="+", default=[], help="modules whose path contains one of these")
    parser.add_argument("--sample", type=int, help="this many mutants of each group, drawn at random")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--patience", type=float, default=10, help="seconds of tests that a mutant is tried on")
    parser.add_argument("--survivors", action="store_true", help="believe those of the last run, and do not try them")
    parser.add_argument(
        "--state", type=Path, help="a folder that keeps which tests reach which lines, and what they noticed"
    )
    options = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.chdir(ROOT)
    for name in options.groups:
        found = run(name, options)
        print(f"{name}: {found['killed']} of {found['tried']} noticed, {found['score']} %")
        if not options.only:
            kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            RESULTS.write_text(json.dumps({**kept, name: found}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
