"""Read and parse every nth equation file of a folder, and do nothing with it.

python -m benchmarks.parse_alone FOLDER PART PARTS
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.calls import parsed_alone


def main(folder: str, part: str, parts: str) -> None:
    """Parse the files of one part."""
    for path in sorted(Path(folder).glob("*.eq"))[int(part) :: int(parts)]:
        parsed_alone(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(*sys.argv[1:])
