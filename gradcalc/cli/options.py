"""The options of the command line: one declaration each, shared by the commands."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from gradcalc import __version__


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    MARKDOWN = "markdown"
    LATEX = "latex"
    CSV = "csv"


class GraphFormat(StrEnum):
    """How a graph is printed."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"


class LayoutName(StrEnum):
    """How gradients are laid out."""

    SHAPE = "shape"
    NUMERATOR = "numerator"


class Session:
    """What the handlers of errors need to know of the call: set by options, read at the end."""

    json = False
    debug = False


def print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gradcalc {__version__}")
        raise typer.Exit


def note_debug(wanted: bool) -> bool:
    Session.debug = Session.debug or wanted
    return wanted


def note_json(wanted: bool) -> bool:
    Session.json = Session.json or wanted
    return wanted


def note_format(wanted: Format | None) -> Format | None:
    Session.json = Session.json or wanted == Format.JSON
    return wanted


FilesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE...", help="Equation files; - reads standard input.", show_default=False),
]
TextOption = Annotated[
    list[str] | None,
    typer.Option(
        "--expression",
        "-e",
        metavar="TEXT",
        help="Equations as an argument, separated by `;`; several are the lines of one text.",
        show_default=False,
    ),
]
OfOption = Annotated[
    str | None, typer.Option("--of", metavar="NAME", help="The target. [default: the value that nothing else uses]")
]
WrtOption = Annotated[str | None, typer.Option("--wrt", metavar="A,B", help="Show the gradients of these values only.")]
UpstreamOption = Annotated[
    str | None,
    typer.Option(
        "--upstream", metavar="V", help="Upstream gradient of a target that is no scalar: a literal, or @FILE."
    ),
]
TangentOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tangent",
        metavar="[NAME=]V",
        help="Change of an input: a literal, or @FILE; with its name where several inputs are shown.",
        show_default=False,
    ),
]
LayoutOption = Annotated[
    LayoutName | None,
    typer.Option("--layout", help="Layout of gradients. [default: what the file says, else shape]", show_default=False),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Data for an input: x=2, x=[1,2], W=@W.npy (.npz, .csv, .json too).",
        show_default=False,
    ),
]
DataOption = Annotated[
    list[str] | None,
    typer.Option("--data", metavar="FILE", help="Data for many inputs: .json or .npz.", show_default=False),
]
FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format",
        "-f",
        callback=note_format,
        help="Output format. [default: table, or the suffix of -o]",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", callback=note_json, help="Short for --format json.")]
OutOption = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write there; the suffix picks the format.")
]
LocalOption = Annotated[bool, typer.Option("--local-values", help="Give every local Jacobian in full.")]
RowsOption = Annotated[int, typer.Option("--rows", min=0, help="Rows of a table at most; 0 for all.")]
FullOption = Annotated[bool, typer.Option("--full", help="Do not abbreviate large arrays in tables.")]
WidthOption = Annotated[
    int | None, typer.Option("--width", min=20, metavar="N", help="Width of tables. [default: the terminal's]")
]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=N",
        help="Change a limit: file_bytes, nesting, literal, name, nodes, entries, side, data_bytes.",
        show_default=False,
    ),
]
DebugOption = Annotated[
    bool, typer.Option("--debug", callback=note_debug, help="On a bug of gradcalc's own, show the traceback.")
]
