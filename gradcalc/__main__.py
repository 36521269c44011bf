"""`python -m gradcalc` and the console script: run the command line, end with its exit status."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point."""
    from gradcalc.cli import execute

    sys.exit(execute(sys.argv[1:]))


if __name__ == "__main__":
    main()
