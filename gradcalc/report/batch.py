"""What a batch came to: a table of counts by code."""

from __future__ import annotations

from collections.abc import Mapping

from gradcalc.codes import CODES
from gradcalc.report.cells import Cell, Section
from gradcalc.report.tables import plain


def summary(counts: Mapping[str, int], kept: int, end: str) -> str:
    """One line, and where inputs failed a table of how many had which code; `kept` of the inputs were done before, and
    `end` says why the batch ended before its last input, "" where it did not."""
    total, good = sum(counts.values()), counts.get("", 0)
    line = f"{total:,} input{'' if total == 1 else 's'}: {good:,} ok, {total - good:,} failed"
    if kept:
        line += f"; {kept:,} kept from before"
    if end:
        line += f" ({end})"
    if total == good:
        return line
    section = Section(line, ("code", "inputs", "what it is"))
    for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if code:
            section.rows.append([Cell(code), Cell(f"{count:,}"), Cell(CODES[code].title)])
    return plain([section]).rstrip("\n")
