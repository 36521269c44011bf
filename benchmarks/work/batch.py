"""Very many small files in one batch, beside reading and parsing the same files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Task
from benchmarks.processes import GRADCALC, python, together
from benchmarks.programs import small_program
from benchmarks.row import Row, at_most
from benchmarks.sizes import Sizes

JOBS = 2
ALONE = "parse alone"


def rows(sizes: Sizes) -> list[Row[Any]]:
    """One size."""
    count = sizes.files
    return [
        Row(
            name="batch",
            work=f"{count:,} small files in batch, {JOBS} jobs; parse alone in {JOBS} processes",
            inputs=lambda folder: Files(folder, count),
            subject=lambda files: Task(files.run, files.numbers),
            peers={ALONE: lambda files: Task(files.parse, None)},
            goals={ALONE: at_most(2.5)},
            reference=lambda files: files.reference(),
        )
    ]


class Files:
    """Small programs, each in a file of its own in a folder, and the records of a batch over them."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder / "files"
        self.records = folder / "records.jsonl"
        self.count = count
        self.folder.mkdir()
        for seed in range(count):
            (self.folder / f"{seed:06d}.eq").write_text(small_program(seed).text, encoding="utf-8")

    def run(self) -> Path:
        """The batch, from the start of the process to its end."""
        python([*GRADCALC, "batch", str(self.folder), "--jobs", str(JOBS), "-o", str(self.records)])
        return self.records

    def parse(self) -> None:
        """The baseline, from the start of its processes to their end."""
        part = ["-m", "benchmarks.parse_alone", str(self.folder)]
        together([[*part, str(place), str(JOBS)] for place in range(JOBS)])

    def numbers(self, records: Path) -> Sequence[Any]:
        """The value and the derivative along a direction, from each record."""
        found = []
        with records.open(encoding="utf-8") as lines:
            for seed, line in enumerate(lines):
                result = json.loads(line)["result"]
                gradients = {name: given["value"] for name, given in result["gradients"].items()}
                found.append(small_program(seed).probed(result["value"], gradients))
        return found

    def reference(self) -> Sequence[Any]:
        """The same, by NumPy."""
        return [small_program(seed).probe() for seed in range(self.count)]
