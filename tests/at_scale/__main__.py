"""`python -m tests.at_scale [CHECK...]`: batches as large as are promised.

What must be the same is compared byte for byte. The figures of each check are kept in results.json beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy

from tests.at_scale.files import files, kills
from tests.at_scale.hostile import hostile
from tests.at_scale.rows import rows

CHECKS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "files": files, "kills": kills, "hostile": hostile, "rows": rows,
}  # fmt: skip
SIZES = {"files": 10_000, "kills": 1_000, "hostile": 1_000, "rows": 10_000_000}
RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    """Make the checks named, and keep what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.at_scale", description=__doc__)
    parser.add_argument("checks", nargs="*", default=list(CHECKS), help=f"of {', '.join(CHECKS)}")
    parser.add_argument("--size", type=int, help="so many files or rows, in place of the number promised")
    options = parser.parse_args()
    for name in options.checks:
        with tempfile.TemporaryDirectory() as folder:
            start = time.monotonic()
            found = {"size": options.size or SIZES[name], **CHECKS[name](Path(folder), options.size or SIZES[name])}
        found |= {"seconds": round(time.monotonic() - start), "cores": os.cpu_count(),
                  "python": platform.python_version(), "numpy": numpy.__version__}  # fmt: skip
        print(f"{name}: {json.dumps(found)}", flush=True)
        if options.size is None:
            kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
            RESULTS.write_text(json.dumps({**kept, name: found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
