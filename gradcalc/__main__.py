"""`python -m gradcalc` and the console script: run the command line, end with its exit status."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress

RARELY = 100_000
"""Objects made between two collections: those of the imports, which all stay, are scanned once or not at all."""
INTERRUPTED = 130
"""`Exit.INTERRUPTED`, for an interrupt in the imports, before that is known."""


def main() -> None:
    """Entry point. It ends the process itself: nothing is left to do, and taking all objects apart takes its time."""
    gc.set_threshold(RARELY, 20, 20)
    try:
        from gradcalc.cli import execute

        status = execute(sys.argv[1:])
    except KeyboardInterrupt:  # in the imports; later it is heard by the command
        status = INTERRUPTED
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # what cannot be written was told where it was written
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
