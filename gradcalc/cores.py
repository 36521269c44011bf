"""How many things may be done at a time."""

from __future__ import annotations

import os


def allowed_cores() -> int:
    """The cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
