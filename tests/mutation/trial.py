"""One mutant, or none, in a process of its own: which tests fail, which lines each test runs.

A mutant that changes what a function does is tried in a fork of a process that has everything imported and all tests
collected: there the function's code is replaced. One that changes what an import does has to be imported.
"""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import hypothesis  # noqa: F401  what every trial needs is imported once, before the processes part
import lark  # noqa: F401
import mpmath  # noqa: F401
import numpy  # noqa: F401
import pytest

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ["-x", "-q", "-s", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-p", "no:randomly", "--tb=no"]
MEMORY = 8 << 30
"""Bytes of addresses that a trial may use."""


class _Swapped(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from another text."""

    def __init__(self, path: str, source: str):
        self.name = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        self.path, self.source = str(ROOT / path), source

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != self.name:
            return None
        package = [str(Path(self.path).parent)] if self.path.endswith("__init__.py") else None
        spec = importlib.machinery.ModuleSpec(name, self, origin=self.path, is_package=package is not None)
        if package:
            spec.submodule_search_locations = package
        spec.has_location = True
        return spec

    def exec_module(self, module: Any) -> None:
        exec(compile(self.source, self.path, "exec"), module.__dict__)


class _Chosen:
    """Keeps the chosen tests of what is collected, in the order given."""

    def __init__(self, order: Mapping[str, int]):
        self.order = order

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self.order), key=lambda i: self.order[i.nodeid])


class Recorder:
    """Which lines of the package each test runs, and how long it takes."""

    def __init__(self) -> None:
        import coverage

        self.coverage = coverage.Coverage(data_file=None, source=[str(ROOT / "gradcalc")], messages=False)
        self.coverage.set_option("run:dynamic_context", None)
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Any:
        self.coverage.switch_context(item.nodeid)
        start = time.perf_counter()
        yield
        self.seconds[item.nodeid] = time.perf_counter() - start
        self.coverage.switch_context("")

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.add(report.nodeid)

    def reached(self) -> dict[str, dict[int, list[str]]]:
        """By file and line, the tests."""
        data = self.coverage.get_data()
        out = {}
        for file in data.measured_files():
            lines = data.contexts_by_lineno(file)
            out[str(Path(file).relative_to(ROOT))] = {n: [t for t in tests if t] for n, tests in lines.items()}
        return out


# ------------------------------------------------------------------------------- replaced code


def _inner(code: CodeType) -> list[CodeType]:
    return [c for c in code.co_consts if isinstance(c, CodeType)]


def _own(code: CodeType) -> tuple[Any, ...]:
    """What a code object does itself, without the functions made in it; where its lines are means nothing."""
    constants = tuple((type(c), repr(c)) for c in code.co_consts if not isinstance(c, CodeType))
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_name, code.co_argcount


def replaced(before: CodeType, after: CodeType) -> list[tuple[CodeType, CodeType]] | None:
    """The code objects that differ, each with what takes its place, the innermost last; None where functions appear
    or go. The enclosing ones of what differs are among them: they make it anew."""
    inner = _inner(before), _inner(after)
    if len(inner[0]) != len(inner[1]):
        return None
    found = []
    for pair in zip(*inner, strict=True):
        below = replaced(*pair)
        if below is None:
            return None
        found += below
    if found or _own(before) != _own(after):
        found.insert(0, (before, after))
    return found


class Live:
    """The functions of the package that exist once the tests are collected, and the code that has run until then."""

    def __init__(self) -> None:
        self.ran: set[CodeType] = set()
        self.functions: dict[CodeType, list[FunctionType]] = {}

    def watch(self) -> None:
        """Begin to note which code runs."""
        inside = str(ROOT / "gradcalc")

        def note(frame: FrameType, event: str, argument: Any) -> None:
            if event == "call" and frame.f_code.co_filename.startswith(inside):
                self.ran.add(frame.f_code)

        sys.setprofile(note)

    def gather(self) -> None:
        """End that, and find the functions."""
        sys.setprofile(None)
        inside = str(ROOT / "gradcalc")
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(inside):
                self.functions.setdefault(thing.__code__, []).append(thing)

    def change(self, path: str, source: str) -> tuple[list[tuple[FunctionType, CodeType]], set[int]] | None:
        """The functions whose code a module's text changes, with their new code, and the lines of the changed code;
        None where it takes an import."""
        name = str(ROOT / path)
        pairs = replaced(compile((ROOT / path).read_text(), name, "exec"), compile(source, name, "exec"))
        if pairs is None:
            return None
        itself = [old for old, new in pairs if _own(old) != _own(new)]
        if any(old.co_name in ("<module>", "") or old in self.ran or not old.co_flags & 2 for old in itself):
            return None
        code = {old: new.replace(co_filename=name) for old, new in pairs}
        functions = [(f, code[old]) for old in code for f in self.functions.get(old, ())]
        if not functions:
            return None
        return functions, {line for old in itself for _, _, line in old.co_lines() if line is not None}


class Trials:
    """Runs in pytest's place: each of some mutants on the tests that a plan gives for it."""

    def __init__(self, attempts: Callable[[Trials], Iterator[str]], out: int):
        self.attempts, self.out, self.live, self.failed = attempts, out, Live(), ""
        self.items: dict[str, Any] = {}

    def pytest_sessionstart(self) -> None:
        self.live.watch()
        for path in (ROOT / "gradcalc").rglob("*.py"):  # what is imported late has no functions to change before
            if path.stem != "__main__":
                importlib.import_module(
                    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                )

    def pytest_runtestloop(self, session: Any) -> bool:
        self.live.gather()
        self.items = {item.nodeid: item for item in session.items}
        for told in self.attempts(self):
            os.write(self.out, (told + "\n").encode())
        return True

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed = report.nodeid

    def killer(self, changed: list[tuple[FunctionType, CodeType]], tests: Sequence[str], seconds: float) -> str:
        """The test that notices new code of functions; "" where none does, "time" where they do not end."""

        def work() -> str:
            for function, code in changed:
                function.__code__ = code
            for test in tests:
                item = self.items[test]
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
                if self.failed:
                    return self.failed
            return ""

        return _quietly(work, seconds)


# ------------------------------------------------------------------------------------ processes


def _quietly(work: Callable[[], str], seconds: float) -> str:
    """What a function returns in a process of its own; "time" where it takes too long, "death" where it dies."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _alone(work, write)
    os.close(write)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            with os.fdopen(read) as told:
                return told.read() if status == 0 else "death"
        time.sleep(0.005)
    os.close(read)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "time"


def _alone(work: Callable[[], str], write: int) -> None:
    """Do the work in a new process, write what it returns, and end."""
    import resource

    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    try:
        os.write(write, work().encode())
        os._exit(0)
    except BaseException:
        os._exit(1)


def imported(path: str, source: str, tests: Sequence[str], seconds: float) -> str:
    """What notices a module's text in the place of its own: "" where all of the tests pass."""

    def work() -> str:
        sys.meta_path.insert(0, _Swapped(path, source))
        files = list(dict.fromkeys(test.split("::")[0] for test in tests))
        status = pytest.main([*OPTIONS, *files], plugins=[_Chosen({t: k for k, t in enumerate(tests)})])
        return "a test" if status else ""

    return _quietly(work, seconds)


def collected(files: Sequence[str], attempts: Callable[[Trials], Iterator[str]]) -> Iterator[str]:
    """Collect tests in a process of its own and make attempts there; the lines that they tell."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.close(read)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        try:
            pytest.main([o for o in OPTIONS if o != "-x"] + list(files), plugins=[Trials(attempts, write)])
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as lines:
        yield from (line.rstrip("\n") for line in lines)
    os.wait()
