"""Results, warnings and errors to where they belong: one source after the other, faults told as they come."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from gradcalc.cli.options import Format, Session
from gradcalc.cli.output import Result, Sink, abandon_stdout
from gradcalc.errors import Diagnostic, GradcalcError

MOST_TOLD = 50
"""Errors of one file that are printed."""


def each(
    sources: Sequence[str], one: Callable[[str], Any], rendered: Callable[[Any], Result], sink: Sink, chosen: Format
) -> int:
    """Do one source after the other, each result printed at once; a fault of one does not stop the others."""
    status = 0
    for source in sources:
        try:
            result = one(source)
        except GradcalcError as error:
            if len(sources) == 1:
                raise
            status = max(status, report(error.diagnostics))
            continue
        if len(sources) > 1 and chosen in (Format.TABLE, Format.PLAIN, Format.MARKDOWN):
            from gradcalc.report.diagnostic import escape

            shown = escape(source)
            sink.emit(f"== {shown}\n\n" if chosen != Format.MARKDOWN else f"# {shown}\n\n")
        sink.emit(rendered(result))
        status = max(status, int(getattr(result, "failed", False)))
    sink.close()
    return status


class Noted(Protocol):
    """A result with warnings and notes."""

    warnings: list[Diagnostic]
    notes: list[str]


def warn(run: Noted) -> None:
    """Warnings and notes go to stderr; JSON has them in the document."""
    for warning in run.warnings:
        complain(warning, "warning")
    for note in run.notes:
        tell(f"note: {note}")


def tell(words: str) -> None:
    """Print on stderr. What cannot be written there costs nothing else."""
    with suppress(OSError):
        print(words, file=sys.stderr)


def complain(diagnostic: Diagnostic, severity: str = "error") -> None:
    """Print a diagnostic on stderr, in colour on a terminal."""
    from gradcalc.report.diagnostic import render

    coloured = (sys.stderr.isatty() and "NO_COLOR" not in os.environ) or "FORCE_COLOR" in os.environ
    if coloured:
        from gradcalc.report.diagnostic import styled
        from gradcalc.report.tables import console

        with suppress(OSError):
            console(sys.stderr).print(styled(diagnostic, severity), soft_wrap=True)
    else:
        tell(render(diagnostic, severity))


def report(diagnostics: Sequence[Diagnostic]) -> int:
    """Say what went wrong, as a document on stdout under --json, else on stderr; the exit status.

    Where stdout cannot be written it is said on stderr.
    """
    from gradcalc.codes import exit_of

    if not (Session.json and _documented(diagnostics)):
        for number, diagnostic in enumerate(diagnostics[:MOST_TOLD]):
            if number:
                tell("")
            complain(diagnostic)
        if len(diagnostics) > MOST_TOLD:
            tell(f"\nand {len(diagnostics) - MOST_TOLD:,} more errors")
    return int(exit_of(diagnostics[0].code))


def _documented(diagnostics: Sequence[Diagnostic]) -> bool:
    """Whether a document on stdout could be written, or nobody reads there."""
    from gradcalc.report.encode import error_document

    try:
        sys.stdout.write(error_document(diagnostics) + "\n")
        sys.stdout.flush()
    except OSError as error:
        abandon_stdout()
        return isinstance(error, BrokenPipeError)
    return True
