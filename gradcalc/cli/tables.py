"""`gradcalc graph`, and the tables that need no equations: functions, explain, schema."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from gradcalc.cli.inputs import collect_data, limits_of, read, sources_of, usage
from gradcalc.cli.options import (
    DataOption,
    DebugOption,
    FilesArgument,
    Format,
    GraphFormat,
    JsonOption,
    LimitOption,
    OfOption,
    OutOption,
    Session,
    SetOption,
    TextOption,
    WidthOption,
)
from gradcalc.cli.output import Sink
from gradcalc.cli.streams import each
from gradcalc.errors import Diagnostic, GradcalcError

_GRAPH_SUFFIXES = {
    ".mmd": GraphFormat.MERMAID,
    ".dot": GraphFormat.DOT,
    ".gv": GraphFormat.DOT,
    ".json": GraphFormat.JSON,
    ".txt": GraphFormat.TEXT,
}
_PICTURES = (".svg", ".png")


def graph_command(
    files: FilesArgument = None,
    text: TextOption = None,
    of: OfOption = None,
    set_: SetOption = None,
    data: DataOption = None,
    format_: Annotated[
        GraphFormat | None,
        typer.Option("--format", "-f", help="Output format. [default: text, or the suffix of -o]", show_default=False),
    ] = None,
    json_: JsonOption = False,
    output: OutOption = None,
    limit: LimitOption = None,
    debug: DebugOption = False,
) -> None:
    """Draw the computation graph; inputs need no data, only shapes (a scalar where none is stated).

    -o graph.svg and -o graph.png draw a picture (needs the extra: pip install 'gradcalc[graph]').
    """
    limits = limits_of(limit)
    suffix = Path(output).suffix if output else ""
    if suffix and not (suffix in _PICTURES or suffix in _GRAPH_SUFFIXES or format_ or json_):
        raise usage(
            "unknown-option-value",
            f"`{output}` does not tell the format",
            f"use --format, or a suffix of {', '.join((*_GRAPH_SUFFIXES, *_PICTURES))}",
        )
    chosen = GraphFormat.JSON if json_ else format_ or _GRAPH_SUFFIXES.get(suffix, GraphFormat.TEXT)
    Session.json = json_ or format_ == GraphFormat.JSON

    def one(source: str) -> str:
        from gradcalc.report import picture
        from gradcalc.report.encode import encode

        model = read(source, text, limits)
        shapes = {k: d.shape for k, d in collect_data(set_, data, limits).items()}
        plan = model.plan(shapes, of=of, numeric=False)
        if suffix in _PICTURES:
            _draw(picture.dot(plan), str(output))
            return ""
        if chosen == GraphFormat.JSON:
            return encode(picture.graph_document(plan, model.program.source.name)) + "\n"
        return {"text": picture.tree, "mermaid": picture.mermaid, "dot": picture.dot}[chosen.value](plan)

    target = None if suffix in _PICTURES else output
    raise typer.Exit(each(sources_of(files, text), one, str, Sink(target), Format.PLAIN))


def functions_command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", show_default=False)] = None,
    json_: JsonOption = False,
    width: WidthOption = None,
) -> None:
    """List the functions: derivative, domain, and what is taken at kinks."""
    from gradcalc.report.functions import functions

    Sink().emit(functions(name, json_, width, sys.stdout))


def explain_command(
    code: Annotated[str | None, typer.Argument(metavar="CODE", show_default=False)] = None,
    json_: JsonOption = False,
) -> None:
    """Explain a diagnostic's code; without one, list all codes."""
    from gradcalc.report import catalogue

    Sink().emit(catalogue.explain(code, json_))


def schema_command(
    name: Annotated[str | None, typer.Argument(metavar="DOCUMENT", show_default=False)] = None,
) -> None:
    """Print the JSON Schema of a document; without a name, list the documents."""
    import json

    from gradcalc.report.schema import SCHEMAS

    if name is None:
        Sink().emit("".join(f"{key:<10} {schema['title']}\n" for key, schema in SCHEMAS.items()))
    elif name not in SCHEMAS:
        raise usage("unknown-option-value", f"`{name}` is not a document", f"the documents are {', '.join(SCHEMAS)}")
    else:
        Sink().emit(json.dumps(SCHEMAS[name], indent=2, ensure_ascii=False) + "\n")


def _draw(dot: str, path: str) -> None:
    try:
        import pygraphviz
    except ImportError:
        raise usage("missing-extra", "pictures need the extra `graph`", "pip install 'gradcalc[graph]'") from None
    try:
        pygraphviz.AGraph(string=dot).draw(path, prog="dot")
    except OSError as error:
        raise GradcalcError(
            Diagnostic("unwritable-file", f"{path} cannot be written: {error}", help="check the path")
        ) from error


COMMANDS = {
    "graph": graph_command,
    "functions": functions_command,
    "explain": explain_command,
    "schema": schema_command,
}
