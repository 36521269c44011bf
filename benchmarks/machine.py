"""Where and with what the figures were made."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gradcalc import __version__

CPUINFO = Path("/proc/cpuinfo")
# What linear algebra libraries read when they are loaded; NPROC is for XLA.
VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")


def processor() -> str:
    """The model of the processor, as its maker names it."""
    if CPUINFO.is_file():
        for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def described(threads: int) -> dict[str, Any]:
    """The machine, the versions that every row needs, and the threads."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "processor": processor(),
        "cores": cores(),
        "platform": platform.platform(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "threads": threads,
        "variables": {name: os.environ.get(name) for name in (*VARIABLES, "XLA_FLAGS")},
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "gradcalc": __version__,
        "libraries": {name: version(name) for name in ("lark", "numpy", "rich", "typer")},
        "blas": f"{blas['name']} {blas['version']}",
    }
