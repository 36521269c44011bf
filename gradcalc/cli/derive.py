"""`gradcalc derive`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from gradcalc.cli.inputs import collect_data, format_of, limits_of, names_of, read, refuse_several, sources_of, usage
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
    SetOption,
    TextOption,
    WidthOption,
    WrtOption,
)
from gradcalc.cli.output import Result, Sink
from gradcalc.cli.streams import each, warn

if TYPE_CHECKING:
    from gradcalc.derivation.records import Blackboard


def derive_command(
    files: FilesArgument = None,
    text: TextOption = None,
    of: OfOption = None,
    wrt: WrtOption = None,
    layout: LayoutOption = None,
    set_: SetOption = None,
    data: DataOption = None,
    format_: FormatOption = None,
    json_: JsonOption = False,
    output: OutOption = None,
    width: WidthOption = None,
    limit: LimitOption = None,
    debug: DebugOption = False,
) -> None:
    """Derive gradients in symbols, step by step as on a blackboard; needs no data.

    Example: gradcalc derive -e "z = W x + b; h = f(z); s = u^T h"
    """
    limits = limits_of(limit)
    chosen = format_of(format_, json_, output)
    if chosen == Format.CSV:
        raise usage("unknown-option-value", "a derivation is no table", "use --format plain, markdown, latex or json")

    sources = sources_of(files, text)
    refuse_several(sources, output, chosen)

    def one(source: str) -> Blackboard:
        model = read(source, text, limits)
        found: dict[str, Any] = collect_data(set_, data, limits)
        return model.derive(of, names_of(wrt), found, layout=layout and layout.value)

    status = each(sources, one, lambda board: _rendered(board, chosen, width), Sink(output), chosen)
    raise typer.Exit(status)


def _rendered(board: Blackboard, chosen: Format, width: int | None) -> Result:
    """A derivation in a format: text, or for a terminal a function that prints it to a stream."""
    from gradcalc.report import derivation

    if chosen == Format.JSON:
        from gradcalc.report.encode import encode

        return encode(derivation.document(board)) + "\n"
    warn(board)
    if chosen == Format.LATEX:
        return derivation.latex(board)
    if chosen == Format.MARKDOWN:
        return derivation.markdown(board)
    if chosen == Format.PLAIN:
        return derivation.plain(board)
    from gradcalc.report import tables

    return lambda stream: tables.print_remarked(derivation.lines(board), tables.console(stream, width))


COMMANDS = {"derive": derive_command}
