"""A check as tables, as a JSON document and as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

from gradcalc.checking.check import Check
from gradcalc.checking.claims import ClaimResult
from gradcalc.checking.gradients import GradientCheck
from gradcalc.report.cells import Cell, Section, derivative, filled, shorten
from gradcalc.report.csv import safe
from gradcalc.report.document import value
from gradcalc.report.numbers import number
from gradcalc.suggest import shown_shape

_CLAIMS = ("Claims", ("line", "claim", "verdict", "how"))
_COLUMNS = ("gradient", "verdict", "largest error", "at", "how")
CSV_HEADER = ("table", "name", "line", "verdict", "by", "error", "at", "note")


def sections(check: Check, rows: int = 0) -> list[Section]:
    """The claims and the gradients; `rows` limits the rows of each table (0: all)."""
    gradients = (f"Gradients of {check.of}, against numeric derivatives", _COLUMNS)
    made = [
        filled(_CLAIMS, check.claims, _claim, rows),
        filled(gradients, list(check.gradients.values()), lambda g: _gradient(check.of, g), rows),
    ]
    found = [section for section in made if section.rows] or made[1:]
    found[-1].notes.extend(_drawn(check))
    return found


def _claim(claim: ClaimResult) -> list[Cell]:
    how = f"by {claim.by}" + (f", {claim.where}" if claim.where else "")
    if not claim.holds:
        how = "\n".join(claim.hint.split("; ")) + (f"\n({claim.where})" if claim.where else "")
    return [Cell(str(claim.line)), Cell(shorten(claim.text)), Cell("holds" if claim.holds else "fails"), Cell(how)]


def _gradient(of: str, g: GradientCheck) -> list[Cell]:
    error = "" if g.largest_error is None else number(g.largest_error, 2)
    return [derivative(of, g.name), Cell(verdict(g)), Cell(error), Cell(g.at), Cell(_how(g))]


def verdict(g: GradientCheck) -> str:
    """Whether a gradient holds, in a word."""
    return "skipped" if g.holds is None else "holds" if g.holds else "fails"


def _how(g: GradientCheck) -> str:
    if g.holds is None:
        return g.skipped
    words = [g.method + (f", {g.where}" if g.where and g.at else "")]
    if g.holds is False:
        words.append(f"{number(g.gradient or 0.0, 10)} by the rules, {number(g.numeric or 0.0, 10)} in numbers")
    if g.checked < g.entries:
        words.append(f"{g.checked:,} of {g.entries:,} entries were checked")
    return "\n".join([*words, *([g.skipped] if g.skipped else [])])


def _drawn(check: Check) -> list[str]:
    """What had no data, with the shapes that were taken."""
    if not check.drawn:
        return []
    shaped = [f"{n} ({shown_shape(s).removeprefix('a ')})" for n, s in check.drawn.items() if s is not None]
    functions = [f"a smooth function for {n}" for n, shape in check.drawn.items() if shape is None]
    return [f"drawn at random (seed {check.seed}): {', '.join(shaped + functions)}"]


def check_document(check: Check) -> dict[str, Any]:
    """`gradcalc.check/1`."""
    from gradcalc.report.diagnostic import to_json

    return {
        "schema": "gradcalc.check/1",
        "source": check.source,
        "layout": check.layout,
        "of": check.of,
        "claims": [
            {"text": c.text, "line": c.line, "holds": c.holds, "by": c.by, "hint": c.hint or None,
             "where": c.where or None}
            for c in check.claims
        ],
        "gradients": {name: _gradient_document(g) for name, g in check.gradients.items()},
        "drawn": {name: None if shape is None else list(shape) for name, shape in check.drawn.items()},
        "points": check.points,
        "seed": check.seed,
        "failed": check.failed,
        "warnings": [to_json(w, "warning") for w in check.warnings],
        "notes": check.notes,
    }  # fmt: skip


def _gradient_document(g: GradientCheck) -> dict[str, Any]:
    numbers = {"gradient": g.gradient, "numeric": g.numeric, "tolerance": g.tolerance}
    return {
        "holds": g.holds,
        "largest_error": None if g.largest_error is None else value(g.largest_error),
        "at": g.at or None,
        "method": g.method or None,
        **{key: None if found is None else value(found) for key, found in numbers.items()},
        "checked": g.checked,
        "entries": g.entries,
        "skipped": g.skipped or None,
        "where": g.where or None,
    }


def check_csv(check: Check) -> str:
    """One row for each claim and each gradient."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    for c in check.claims:
        row = ("claim", c.text, str(c.line), "holds" if c.holds else "fails", c.by, "", "", c.hint or c.where)
        writer.writerow([safe(cell) for cell in row])
    for g in check.gradients.values():
        error = "" if g.largest_error is None else repr(g.largest_error)
        row = ("gradient", g.name, "", verdict(g), g.method, error, g.at, g.skipped or g.where)
        writer.writerow([safe(cell) for cell in row])
    return out.getvalue()
