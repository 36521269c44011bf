"""`gradcalc run` and `gradcalc eval`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from gradcalc.cli.inputs import (
    collect_data,
    format_of,
    free_name_of,
    limits_of,
    read,
    refuse_several,
    run_options,
    sources_of,
    upstream_of,
)
from gradcalc.cli.options import (
    DataOption,
    DebugOption,
    FilesArgument,
    Format,
    FormatOption,
    FullOption,
    JsonOption,
    LayoutOption,
    LimitOption,
    LocalOption,
    OfOption,
    OutOption,
    RowsOption,
    SetOption,
    TextOption,
    UpstreamOption,
    WidthOption,
    WrtOption,
)
from gradcalc.cli.output import Result, Sink
from gradcalc.cli.streams import each, warn

if TYPE_CHECKING:
    from gradcalc.run import Run


def run_command(
    files: FilesArgument = None,
    text: TextOption = None,
    of: OfOption = None,
    wrt: WrtOption = None,
    upstream: UpstreamOption = None,
    layout: LayoutOption = None,
    set_: SetOption = None,
    data: DataOption = None,
    format_: FormatOption = None,
    json_: JsonOption = False,
    output: OutOption = None,
    local_values: LocalOption = False,
    rows: RowsOption = 200,
    full: FullOption = False,
    width: WidthOption = None,
    limit: LimitOption = None,
    debug: DebugOption = False,
) -> None:
    """Run equation files forward and backward and print the ledger.

    Example: gradcalc run -e "f(x, y, z) = (x + y) max(y, z); x = 1, y = 2, z = 0"
    """
    limits = limits_of(limit)
    chosen = format_of(format_, json_, output)
    options = run_options(of, wrt, layout, local_values)
    sources = sources_of(files, text)

    def one(source: str) -> Run:
        model = read(source, text, limits)
        found = collect_data(set_, data, limits)
        return model.run(found, upstream=upstream_of(upstream, limits), **options)

    refuse_several(sources, output, chosen)
    status = each(sources, one, lambda run: _rendered(run, chosen, rows, full, width), Sink(output), chosen)
    raise typer.Exit(status)


def eval_command(
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", show_default=False)],
    values: Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE...", show_default=False)] = None,
    set_: SetOption = None,
    wrt: WrtOption = None,
    upstream: UpstreamOption = None,
    layout: LayoutOption = None,
    data: DataOption = None,
    format_: FormatOption = None,
    json_: JsonOption = False,
    output: OutOption = None,
    local_values: LocalOption = False,
    rows: RowsOption = 200,
    full: FullOption = False,
    width: WidthOption = None,
    limit: LimitOption = None,
    debug: DebugOption = False,
) -> None:
    """Evaluate one expression and differentiate it.

    Example: gradcalc eval "x^3" x=2
    """
    limits = limits_of(limit)
    chosen = format_of(format_, json_, output)
    is_program = re.match(r"\s*[^\W\d]\w*\s*(\([^()]*\)\s*)?=(?!=)", expression) is not None
    name = free_name_of(expression, [*(values or ()), *(set_ or ())])

    def one(source: str) -> Run:
        from gradcalc.model import loads

        model = loads(expression if is_program else f"{name} = {expression}", name=source, limits=limits)
        found = collect_data([*(values or ()), *(set_ or ())], data, limits)
        of = None if is_program else name
        return model.run(found, upstream=upstream_of(upstream, limits), **run_options(of, wrt, layout, local_values))

    status = each(["<expression>"], one, lambda run: _rendered(run, chosen, rows, full, width), Sink(output), chosen)
    raise typer.Exit(status)


def _rendered(run: Run, chosen: Format, rows: int, full: bool, width: int | None) -> Result:
    """A run in a format: text, or for tables a function that prints them to a stream."""
    if chosen == Format.JSON:
        from gradcalc.report.document import run_document
        from gradcalc.report.encode import encode

        return encode(run_document(run)) + "\n"
    warn(run)
    if chosen == Format.CSV:
        from gradcalc.report import csv

        return csv.table(run)
    from gradcalc.report import tables
    from gradcalc.report.ledger import ledger
    from gradcalc.report.numbers import Look

    if chosen == Format.TABLE:
        return lambda stream: tables.print_ledger(run, tables.console(stream, width), rows, full)
    sections = ledger(run, rows, Look(full=full))
    if chosen == Format.LATEX:
        from gradcalc.report import latex

        return latex.document(sections)
    return tables.plain(sections) if chosen == Format.PLAIN else tables.markdown(sections)


COMMANDS = {"run": run_command, "eval": eval_command}
