"""What processes of Linux take."""

from __future__ import annotations

from pathlib import Path


def below(pid: int) -> list[int]:
    """A process and all that it has started, and these."""
    found, children = [pid], Path(f"/proc/{pid}/task/{pid}/children")
    try:
        for child in children.read_text().split():
            found += below(int(child))
    except OSError:  # it has ended meanwhile
        pass
    return found


def resident(pid: int) -> int:
    """Bytes of memory that a process has; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except (OSError, IndexError):
        return 0
