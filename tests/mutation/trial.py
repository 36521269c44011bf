"""One mutant, or none, in a process of its own: which tests fail, which lines each test runs."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import hypothesis  # noqa: F401  what every trial needs is imported once, before the processes part
import lark  # noqa: F401
import mpmath  # noqa: F401
import numpy  # noqa: F401
import pytest

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ["-x", "-q", "--no-header", "--no-summary", "-p", "no:cacheprovider", "-p", "no:randomly", "--tb=no"]


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


def _quietly(work: Any, seconds: float) -> int:
    """A function's exit status in a process of its own; 124 where it takes too long."""
    child = os.fork()
    if child == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        try:
            os._exit(int(work()))
        except BaseException:
            os._exit(1)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 124


def survives(path: str, source: str, tests: Sequence[str], seconds: float) -> bool:
    """Whether all of the tests pass with a module's text replaced; what fails to import or to end does not."""

    def work() -> int:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
        sys.meta_path.insert(0, _Swapped(path, source))
        files = list(dict.fromkeys(test.split("::")[0] for test in tests))
        return pytest.main([*OPTIONS, *files], plugins=[_Chosen({t: k for k, t in enumerate(tests)})])

    return _quietly(work, seconds) == 0
