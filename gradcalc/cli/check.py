"""`gradcalc check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gradcalc.cli.inputs import collect_data, format_of, limits_of, read, sources_of, usage
from gradcalc.cli.options import (
    DataOption,
    DebugOption,
    FilesArgument,
    Format,
    FormatOption,
    JsonOption,
    LayoutOption,
    LimitOption,
    OfOption,
    OutOption,
    RowsOption,
    SetOption,
    TextOption,
    WidthOption,
)
from gradcalc.cli.output import Result, Sink
from gradcalc.cli.streams import each, warn

if TYPE_CHECKING:
    from gradcalc.checking.check import Check

PointsOption = Annotated[int, typer.Option("--points", min=1, metavar="N", help="Random points to test at.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="What random points are drawn from.")]


def check_command(
    files: FilesArgument = None,
    text: TextOption = None,
    of: OfOption = None,
    layout: LayoutOption = None,
    set_: SetOption = None,
    data: DataOption = None,
    points: PointsOption = 5,
    seed: SeedOption = 0,
    format_: FormatOption = None,
    json_: JsonOption = False,
    output: OutOption = None,
    rows: RowsOption = 200,
    width: WidthOption = None,
    limit: LimitOption = None,
    debug: DebugOption = False,
) -> None:
    """Check every claim, and every gradient against a numeric derivative; no data are needed.

    Where there are none, the checks are at random points. The exit status is 1 if anything is wrong.

    Example: gradcalc check -e "s = u^T f(W x + b); ∂s/∂b == u ∘ f'(W x + b)"
    """
    limits = limits_of(limit)
    chosen = format_of(format_, json_, output)
    sources = sources_of(files, text)

    def one(source: str) -> Check:
        model = read(source, text, limits)
        found = collect_data(set_, data, limits)
        return model.check(found, of=of, layout=layout and layout.value, points=points, seed=seed)

    if len(sources) > 1 and output and chosen in (Format.CSV, Format.LATEX):
        raise usage(
            "unknown-option-value",
            f"{chosen.value} of several files does not go into one file",
            "check one file at a time, or use --json",
        )
    raise typer.Exit(each(sources, one, lambda check: _rendered(check, chosen, rows, width), Sink(output), chosen))


def _rendered(check: Check, chosen: Format, rows: int, width: int | None) -> Result:
    """A check in a format: text, or for tables a function that prints them to a stream."""
    from gradcalc.report import checks

    if chosen == Format.JSON:
        from gradcalc.report.encode import encode

        return encode(checks.check_document(check)) + "\n"
    warn(check)
    if chosen == Format.CSV:
        return checks.check_csv(check)
    from gradcalc.report import tables

    sections = checks.sections(check, rows)
    if chosen == Format.TABLE:
        return lambda stream: tables.print_tables(sections, tables.console(stream, width))
    if chosen == Format.LATEX:
        from gradcalc.report import latex

        return latex.document(sections)
    return tables.plain(sections) if chosen == Format.PLAIN else tables.markdown(sections)


COMMANDS = {"check": check_command}
