"""The command line: commands, streams, exit statuses. What they do is done elsewhere and imported when used."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import TyperException

from gradcalc.errors import Diagnostic, Exit, GradcalcError, Limits
from gradcalc.options import (
    DataOption,
    DebugOption,
    FilesArgument,
    Format,
    FormatOption,
    FullOption,
    GraphFormat,
    JsonOption,
    LayoutName,
    LayoutOption,
    LimitOption,
    LocalOption,
    OfOption,
    OutOption,
    RowsOption,
    Session,
    SetOption,
    TextOption,
    UpstreamOption,
    WidthOption,
    WrtOption,
    print_version,
)
from gradcalc.output import Result, Sink, abandon_stdout

if TYPE_CHECKING:
    from gradcalc.model import Model
    from gradcalc.run import Run


_SUFFIXES = {
    ".json": Format.JSON,
    ".md": Format.MARKDOWN,
    ".tex": Format.LATEX,
    ".csv": Format.CSV,
    ".txt": Format.PLAIN,
}
_GRAPH_SUFFIXES = {
    ".mmd": GraphFormat.MERMAID,
    ".dot": GraphFormat.DOT,
    ".gv": GraphFormat.DOT,
    ".json": GraphFormat.JSON,
    ".txt": GraphFormat.TEXT,
}
_PICTURES = (".svg", ".png")

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Gradients as a lecture writes them: forward values, local, upstream and downstream gradients, every branch."""


@app.command("run")
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
    limits = _limits(limit)
    chosen = _format(format_, json_, output)
    options = _run_options(of, wrt, layout, local_values)
    sources = _sources(files, text)

    def one(source: str) -> Run:
        model = _read(source, text, limits)
        found = _collect_data(set_, data, limits)
        return model.run(found, upstream=_upstream(upstream, limits), **options)

    if len(sources) > 1 and output and chosen in (Format.CSV, Format.LATEX):
        raise _usage(
            "unknown-option-value",
            f"{chosen.value} of several files does not go into one file",
            "run one file at a time, or use --json",
        )
    status = _each(sources, one, lambda run: _rendered(run, chosen, rows, full, width), Sink(output), chosen)
    raise typer.Exit(status)


@app.command("eval", context_settings={"ignore_unknown_options": True})
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
    limits = _limits(limit)
    chosen = _format(format_, json_, output)
    is_program = re.match(r"\s*[^\W\d]\w*\s*(\([^()]*\)\s*)?=(?!=)", expression) is not None
    name = _free_name(expression, [*(values or ()), *(set_ or ())])

    def one(source: str) -> Run:
        from gradcalc.model import loads

        model = loads(expression if is_program else f"{name} = {expression}", name=source, limits=limits)
        found = _collect_data([*(values or ()), *(set_ or ())], data, limits)
        of = None if is_program else name
        return model.run(found, upstream=_upstream(upstream, limits), **_run_options(of, wrt, layout, local_values))

    status = _each(["<expression>"], one, lambda run: _rendered(run, chosen, rows, full, width), Sink(output), chosen)
    raise typer.Exit(status)


@app.command("graph")
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
    limits = _limits(limit)
    suffix = Path(output).suffix if output else ""
    if suffix and not (suffix in _PICTURES or suffix in _GRAPH_SUFFIXES or format_ or json_):
        raise _usage(
            "unknown-option-value",
            f"`{output}` does not tell the format",
            f"use --format, or a suffix of {', '.join((*_GRAPH_SUFFIXES, *_PICTURES))}",
        )
    chosen = GraphFormat.JSON if json_ else format_ or _GRAPH_SUFFIXES.get(suffix, GraphFormat.TEXT)
    Session.json = json_ or format_ == GraphFormat.JSON

    def one(source: str) -> str:
        from gradcalc.report import picture
        from gradcalc.report.encode import encode

        model = _read(source, text, limits)
        shapes = {k: d.shape for k, d in _collect_data(set_, data, limits).items()}
        plan = model.plan(shapes, of=of, numeric=False)
        if suffix in _PICTURES:
            _draw(picture.dot(plan), str(output))
            return ""
        if chosen == GraphFormat.JSON:
            return encode(picture.graph_document(plan, model.program.source.name)) + "\n"
        return {"text": picture.tree, "mermaid": picture.mermaid, "dot": picture.dot}[chosen.value](plan)

    target = None if suffix in _PICTURES else output
    raise typer.Exit(_each(_sources(files, text), one, str, Sink(target), Format.PLAIN))


@app.command("functions")
def functions_command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", show_default=False)] = None,
    json_: JsonOption = False,
    width: WidthOption = None,
) -> None:
    """List the functions: derivative, domain, and what is taken at kinks."""
    from gradcalc.report import catalogue

    Sink().emit(catalogue.functions(name, json_, width, sys.stdout))


@app.command("explain")
def explain_command(
    code: Annotated[str | None, typer.Argument(metavar="CODE", show_default=False)] = None,
    json_: JsonOption = False,
) -> None:
    """Explain a diagnostic's code; without one, list all codes."""
    from gradcalc.report import catalogue

    Sink().emit(catalogue.explain(code, json_))


@app.command("schema")
def schema_command(
    name: Annotated[str | None, typer.Argument(metavar="DOCUMENT", show_default=False)] = None,
) -> None:
    """Print the JSON Schema of a document; without a name, list the documents."""
    import json

    from gradcalc.report.schema import SCHEMAS

    if name is None:
        Sink().emit("".join(f"{key:<10} {schema['title']}\n" for key, schema in SCHEMAS.items()))
    elif name not in SCHEMAS:
        raise _usage("unknown-option-value", f"`{name}` is not a document", f"the documents are {', '.join(SCHEMAS)}")
    else:
        Sink().emit(json.dumps(SCHEMAS[name], indent=2, ensure_ascii=False) + "\n")


# ------------------------------------------------------------------------------ options


def _usage(code: str, message: str, remedy: str) -> GradcalcError:
    return GradcalcError(Diagnostic(code, message, help=remedy))


def _limits(changes: Sequence[str] | None) -> Limits:
    """The default limits with `--limit NAME=N` applied."""
    known = [f.name for f in fields(Limits)]
    found: dict[str, int] = {}
    for change in changes or ():
        name, _, number = change.partition("=")
        if name not in known or not number.isdigit():
            raise _usage(
                "unknown-option-value",
                f"`--limit {change}` is not a limit",
                f"write NAME=N with a name of {', '.join(known)}",
            )
        found[name] = int(number)
    return replace(Limits(), **found)


def _format(named: Format | None, json_: bool, output: str | None) -> Format:
    if json_:
        return Format.JSON
    chosen = named or (_SUFFIXES.get(Path(output).suffix) if output else Format.TABLE)
    if chosen is None:
        raise _usage(
            "unknown-option-value",
            f"`{output}` does not tell the format",
            f"use --format, or a suffix of {', '.join(_SUFFIXES)}",
        )
    return chosen


def _run_options(of: str | None, wrt: str | None, layout: LayoutName | None, local_values: bool) -> dict[str, Any]:
    names = None if wrt is None else [n.strip() for n in wrt.split(",") if n.strip()]
    return {"of": of, "wrt": names, "layout": layout and layout.value, "local_values": local_values}


def _free_name(expression: str, values: Iterable[str]) -> str:
    """A name for the value of an expression that it does not use itself."""
    from gradcalc.suggest import free_name

    used = {*re.findall(r"\w+", expression), *(v.partition("=")[0] for v in values)}
    return free_name(used, "f", "y", "value")


# ------------------------------------------------------------------------------- input


def _sources(files: Sequence[str] | None, text: str | None) -> list[str]:
    if text is not None and files:
        raise _usage("no-input", "there are both -e and files", "give one of them")
    if text is not None:
        return ["<text>"]
    if not files:
        raise _usage("no-input", "there is nothing to run", "give a file, -e TEXT, or - for standard input")
    return list(files)


def _read(source: str, text: str | None, limits: Limits) -> Model:
    from gradcalc.model import decode, load, loads, too_long

    if text is not None:
        return loads(text, name="<text>", limits=limits)
    if source != "-":
        return load(source, limits=limits)
    raw = sys.stdin.buffer.read(limits.file_bytes + 1)
    if len(raw) > limits.file_bytes:
        raise GradcalcError(too_long("<stdin>", len(raw), limits))
    return loads(decode(raw, "<stdin>"), name="<stdin>", limits=limits)


def _collect_data(sets: Sequence[str] | None, files: Sequence[str] | None, limits: Limits) -> dict[str, Any]:
    """Data files in their order, then `--set`, each going before what came earlier."""
    if not sets and not files:
        return {}
    from gradcalc.data import load_data

    found: dict[str, Any] = {}
    for file in files or ():
        found.update(load_data(file, limits))
    for setting in sets or ():
        name, equals, value = setting.partition("=")
        if name.startswith("-"):
            raise _usage("usage", f"No such option: {name}", "`gradcalc eval --help` shows how it is used")
        if not equals or not name.strip():
            raise _usage("bad-setting", f"`{setting}` is not NAME=VALUE", "write x=2, x=[1,2] or W=@W.npy")
        found[name.strip()] = _setting(name.strip(), value.strip(), limits)
    return found


def _setting(name: str, value: str, limits: Limits) -> Any:
    """A value given as a literal of the language or as @FILE."""
    from gradcalc.data import load_array
    from gradcalc.literals import literal

    return load_array(name, value[1:], limits) if value.startswith("@") else literal(name, value, limits)


def _upstream(value: str | None, limits: Limits) -> Any:
    """A literal, @FILE, or a file by its suffix."""
    if value is None:
        return None
    is_file = Path(value).suffix in (".npy", ".npz", ".csv", ".json")
    return _setting("upstream", f"@{value.removeprefix('@')}" if is_file else value, limits)


# ------------------------------------------------------------------------------ output


def _each(
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
            status = max(status, _report(error.diagnostics))
            continue
        if len(sources) > 1 and chosen in (Format.TABLE, Format.PLAIN, Format.MARKDOWN):
            sink.emit(f"== {source}\n\n" if chosen != Format.MARKDOWN else f"# {source}\n\n")
        sink.emit(rendered(result))
        status = max(status, int(getattr(result, "failed", False)))
    sink.close()
    return status


def _rendered(run: Run, chosen: Format, rows: int, full: bool, width: int | None) -> Result:
    """A run in a format: text, or for tables a function that prints them to a stream."""
    if chosen == Format.JSON:
        from gradcalc.report.document import run_document
        from gradcalc.report.encode import encode

        return encode(run_document(run)) + "\n"
    _warn(run)
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


def _warn(run: Run) -> None:
    """Warnings and notes go to stderr; JSON has them in the document."""
    for warning in run.warnings:
        _complain(warning, "warning")
    for note in run.notes:
        print(f"note: {note}", file=sys.stderr)


def _draw(dot: str, path: str) -> None:
    try:
        import pygraphviz
    except ImportError:
        raise _usage("missing-extra", "pictures need the extra `graph`", "pip install 'gradcalc[graph]'") from None
    try:
        pygraphviz.AGraph(string=dot).draw(path, prog="dot")
    except OSError as error:
        raise GradcalcError(
            Diagnostic("unwritable-file", f"{path} cannot be written: {error}", help="check the path")
        ) from error


# ------------------------------------------------------------------------------- ending


def _complain(diagnostic: Diagnostic, severity: str = "error") -> None:
    """Print a diagnostic on stderr, in colour on a terminal."""
    from gradcalc.report.diagnostic import render

    coloured = (sys.stderr.isatty() and "NO_COLOR" not in os.environ) or "FORCE_COLOR" in os.environ
    if coloured:
        from gradcalc.report.diagnostic import styled
        from gradcalc.report.tables import console

        console(sys.stderr).print(styled(diagnostic, severity), soft_wrap=True)
    else:
        print(render(diagnostic, severity), file=sys.stderr)


def _report(diagnostics: Sequence[Diagnostic]) -> int:
    """Say what went wrong, as a document on stdout under --json, else on stderr; the exit status."""
    from gradcalc.codes import exit_of

    if Session.json:
        from gradcalc.report.encode import error_document

        sys.stdout.write(error_document(diagnostics) + "\n")
        sys.stdout.flush()
    else:
        for number, diagnostic in enumerate(diagnostics):
            if number:
                print(file=sys.stderr)
            _complain(diagnostic)
    return int(exit_of(diagnostics[0].code))


def execute(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit status; nothing escapes."""
    Session.json = any(a == "--json" for a in arguments)
    Session.debug = "--debug" in arguments
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(app(list(arguments), standalone_mode=False, prog_name="gradcalc") or 0)
    except GradcalcError as error:
        return _report(error.diagnostics)
    except typer.Exit as end:
        return end.exit_code
    except TyperException as error:
        return _misused(error)
    except (KeyboardInterrupt, typer.Abort):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        abandon_stdout()
        return Exit.DONE
    except OSError as error:
        if error.errno is None or error.filename is not None:
            return _bug(error)
        abandon_stdout()
        message = f"the output cannot be written: {error.strerror or error}"
        return _report([Diagnostic("unwritable-file", message, help="check the disk")])
    except MemoryError:
        return _report([Diagnostic("out-of-memory", "there is not enough memory for this", help="use smaller arrays")])
    except Exception as error:
        return _bug(error)


def _misused(error: TyperException) -> int:
    """A usage error: what was wrong, and where help is."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "gradcalc"
    if not Session.json and type(error).__name__ == "NoArgsIsHelpError":
        print(error, file=sys.stderr)
        return Exit.USAGE
    message = getattr(error, "format_message", lambda: str(error))()
    return _report([Diagnostic("usage", message.rstrip("."), help=f"`{command} --help` shows how it is used")])


def _bug(error: Exception) -> int:
    """Our own fault: a short report, with --debug the traceback."""
    if Session.debug:
        import traceback

        traceback.print_exc()
    name = f"{type(error).__name__}: {error}".split("\n", 1)[0][:200]
    return _report(
        [
            Diagnostic(
                "internal",
                f"gradcalc itself failed ({name})",
                help="please report it with the input; --debug shows the traceback",
            )
        ]
    )
