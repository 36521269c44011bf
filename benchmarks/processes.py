"""Whole processes as tasks: gradcalc's command line, and Python alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import gradcalc

ROOT = Path(__file__).parent.parent
# What the installed console script does, with the package that is imported here.
GRADCALC = ["-c", "import sys; from gradcalc.__main__ import main; sys.exit(main())"]


def environment() -> dict[str, str]:
    """The environment of this process, with the gradcalc that is imported here in front."""
    folders = [str(Path(gradcalc.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, folders))}


def python(arguments: Sequence[str]) -> bytes:
    """Run Python to its end and give what it printed; raises if it fails."""
    return subprocess.run(
        [sys.executable, *arguments], env=environment(), cwd=ROOT, check=True, capture_output=True
    ).stdout


def together(commands: Sequence[Sequence[str]]) -> None:
    """Run several Pythons at the same time, each to its end; raises if one fails."""
    running = [subprocess.Popen([sys.executable, *c], env=environment(), cwd=ROOT) for c in commands]
    statuses = [process.wait() for process in running]
    if any(statuses):
        raise RuntimeError(f"exit statuses {statuses}")
