"""`gradcalc jacobian` and `gradcalc hessian`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from gradcalc.cli.inputs import (
    collect_data,
    format_of,
    limits_of,
    names_of,
    read,
    refuse_several,
    sources_of,
    upstream_of,
    usage,
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
    OfOption,
    OutOption,
    RowsOption,
    SetOption,
    TangentOption,
    TextOption,
    UpstreamOption,
    WidthOption,
    WrtOption,
)
from gradcalc.cli.output import Result, Sink
from gradcalc.cli.streams import each, warn

if TYPE_CHECKING:
    from gradcalc.errors import Limits
    from gradcalc.matrices.records import Hessians, Jacobians


def jacobian_command(
    files: FilesArgument = None,
    text: TextOption = None,
    of: OfOption = None,
    wrt: WrtOption = None,
    upstream: UpstreamOption = None,
    tangent: TangentOption = None,
    layout: LayoutOption = None,
    set_: SetOption = None,
    data: DataOption = None,
    format_: FormatOption = None,
    json_: JsonOption = False,
    output: OutOption = None,
    rows: RowsOption = 200,
    full: FullOption = False,
    width: WidthOption = None,
    limit: LimitOption = None,
    debug: DebugOption = False,
) -> None:
    """Show the Jacobians of a value: closed forms, and values where there are data.

    --upstream adds the vector-Jacobian products, --tangent the Jacobian-vector product.

    Example: gradcalc jacobian -e "z = W x + b; h = f(z)" --wrt x
    """
    limits = limits_of(limit)
    chosen = format_of(format_, json_, output)

    def one(source: str) -> Jacobians:
        model = read(source, text, limits)
        return model.jacobian(
            of,
            names_of(wrt),
            collect_data(set_, data, limits),
            layout=layout and layout.value,
            upstream=upstream_of(upstream, limits),
            tangent=named_tangents(tangent, limits),
        )

    _show(sources_of(files, text), one, output, chosen, rows, full, width)


def hessian_command(
    files: FilesArgument = None,
    text: TextOption = None,
    of: OfOption = None,
    wrt: WrtOption = None,
    tangent: TangentOption = None,
    layout: LayoutOption = None,
    set_: SetOption = None,
    data: DataOption = None,
    format_: FormatOption = None,
    json_: JsonOption = False,
    output: OutOption = None,
    rows: RowsOption = 200,
    full: FullOption = False,
    width: WidthOption = None,
    limit: LimitOption = None,
    debug: DebugOption = False,
) -> None:
    """Show the second derivatives of a scalar by all pairs of inputs: closed forms, and values where there are data.

    --tangent adds the Hessian-vector products.

    Example: gradcalc hessian -e "s = x^T A x" --wrt x
    """
    limits = limits_of(limit)
    chosen = format_of(format_, json_, output)

    def one(source: str) -> Hessians:
        model = read(source, text, limits)
        return model.hessian(
            of,
            names_of(wrt),
            collect_data(set_, data, limits),
            layout=layout and layout.value,
            tangent=named_tangents(tangent, limits),
        )

    _show(sources_of(files, text), one, output, chosen, rows, full, width)


def named_tangents(given: Sequence[str] | None, limits: Limits) -> Any:
    """`x=V` by name, several of them, or one value alone."""
    if not given:
        return None
    named = [re.fullmatch(r"\s*([^\W\d][\w']*)\s*=(?!=)(.*)", text, re.S) for text in given]
    if len(given) == 1 and named[0] is None:
        return upstream_of(given[0].strip(), limits)
    found = {}
    for text, match in zip(given, named, strict=True):
        if match is None:
            raise usage(
                "bad-setting", f"`--tangent {text}` does not say which input it is for", "write x=[1,2] for each"
            )
        found[match[1]] = upstream_of(match[2].strip(), limits)
    return found


def _show(
    sources: Sequence[str],
    one: Callable[[str], Jacobians | Hessians],
    output: str | None,
    chosen: Format,
    rows: int,
    full: bool,
    width: int | None,
) -> None:
    if len(sources) > 1 and output and chosen in (Format.CSV, Format.LATEX):
        raise usage(
            "unknown-option-value",
            f"{chosen.value} of several files does not go into one file",
            "give one file at a time, or use --json",
        )
    refuse_several(sources, output, chosen)
    status = each(sources, one, lambda made: _rendered(made, chosen, rows, full, width), Sink(output), chosen)
    raise typer.Exit(status)


def _rendered(made: Jacobians | Hessians, chosen: Format, rows: int, full: bool, width: int | None) -> Result:
    """Jacobians or Hessians in a format: text, or for tables a function that prints them to a stream."""
    from gradcalc.report import matrices

    if chosen == Format.JSON:
        from gradcalc.report.encode import encode

        return encode(matrices.document(made)) + "\n"
    warn(made)
    if chosen == Format.CSV:
        return matrices.table(made)
    from gradcalc.report import tables
    from gradcalc.report.numbers import Look

    if chosen == Format.TABLE:
        return lambda stream: _print(made, tables.console(stream, width), rows, full)
    sections = matrices.sections(made, rows, Look(full=full))
    if chosen == Format.LATEX:
        from gradcalc.report import latex

        return latex.document(sections)
    return tables.plain(sections) if chosen == Format.PLAIN else tables.markdown(sections)


def _print(made: Jacobians | Hessians, out: Any, rows: int, full: bool) -> None:
    from gradcalc.report import matrices, tables
    from gradcalc.report.numbers import Look

    tables.print_tables(matrices.sections(made, rows, Look(narrow=out.width < tables.NARROW, full=full)), out)


COMMANDS = {"jacobian": jacobian_command, "hessian": hessian_command}
