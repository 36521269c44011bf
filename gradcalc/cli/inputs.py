"""What the command line gives: options with a meaning of their own, equation files, data."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcalc.cli.options import Format, LayoutName
from gradcalc.errors import Diagnostic, GradcalcError, Limits
from gradcalc.files import open_file

if TYPE_CHECKING:
    from gradcalc.model import Model

SUFFIXES = {
    ".json": Format.JSON,
    ".md": Format.MARKDOWN,
    ".tex": Format.LATEX,
    ".csv": Format.CSV,
    ".txt": Format.PLAIN,
}


def usage(code: str, message: str, remedy: str) -> GradcalcError:
    return GradcalcError(Diagnostic(code, message, help=remedy))


def limits_of(changes: Sequence[str] | None) -> Limits:
    """The default limits with `--limit NAME=N` applied."""
    known = [f.name for f in fields(Limits)]
    found: dict[str, int] = {}
    for change in changes or ():
        name, _, number = change.partition("=")
        if name not in known:
            raise usage(
                "unknown-option-value",
                f"`--limit {change}` is not a limit",
                f"write NAME=N with a name of {', '.join(known)}",
            )
        if not re.fullmatch("[0-9]{1,18}", number):
            raise usage(
                "unknown-option-value",
                f"`{number}` is no number for the limit `{name}`",
                f"write {name}=N with a whole number from 0 to 10^18 - 1",
            )
        found[name] = int(number)
    return replace(Limits(), **found)


def format_of(named: Format | None, json_: bool, output: str | None) -> Format:
    if json_:
        return Format.JSON
    chosen = named or (Format.TABLE if open_file(output) is not None else SUFFIXES.get(Path(output or "").suffix))
    if chosen is None:
        raise usage(
            "unknown-option-value",
            f"`{output}` does not tell the format",
            f"use --format, or a suffix of {', '.join(SUFFIXES)}",
        )
    return chosen


def names_of(wrt: str | None) -> list[str] | None:
    """The names of --wrt, None for all."""
    return None if wrt is None else [n.strip() for n in wrt.split(",") if n.strip()]


def run_options(of: str | None, wrt: str | None, layout: LayoutName | None, local_values: bool) -> dict[str, Any]:
    return {"of": of, "wrt": names_of(wrt), "layout": layout and layout.value, "local_values": local_values}


def free_name_of(expression: str, values: Iterable[str]) -> str:
    """A name for the value of an expression that it does not use itself."""
    from gradcalc.suggest import free_name

    used = {*re.findall(r"\w+", expression), *(v.partition("=")[0] for v in values)}
    return free_name(used, "f", "y", "value")


def sources_of(files: Sequence[str] | None, text: Sequence[str] | None) -> list[str]:
    if text and files:
        raise usage("no-input", "there are both -e and files", "give one of them")
    if text:
        return ["<text>"]
    if not files:
        raise usage("no-input", "there is nothing to run", "give a file, -e TEXT, or - for standard input")
    return list(files)


def refuse_several(sources: Sequence[str], output: str | None, chosen: Format) -> None:
    """Refuse formats of which only one document goes into a file."""
    if len(sources) > 1 and output and chosen in (Format.CSV, Format.LATEX):
        raise usage(
            "unknown-option-value",
            f"{chosen.value} of several files does not go into one file",
            "run one file at a time, or use --json",
        )


def read(source: str, text: Sequence[str] | None, limits: Limits) -> Model:
    from gradcalc.files import decode, read_stream, unreadable
    from gradcalc.model import load, loads, too_long

    if text:
        return loads("\n".join(text), name="<text>", limits=limits)
    if source != "-":
        return load(source, limits=limits)
    try:
        raw = read_stream(sys.stdin.buffer, limits.file_bytes, too_long("<stdin>", limits))
    except OSError as error:
        raise unreadable("<stdin>", error.strerror or str(error), "give equations on standard input") from None
    return loads(decode(raw, "<stdin>"), name="<stdin>", limits=limits)


def collect_data(sets: Sequence[str] | None, files: Sequence[str] | None, limits: Limits) -> dict[str, Any]:
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
            raise usage("usage", f"No such option: {name}", "`gradcalc eval --help` shows how it is used")
        if not equals or not name.strip():
            raise usage("bad-setting", f"`{setting}` is not NAME=VALUE", "write x=2, x=[1,2] or W=@W.npy")
        found[name.strip()] = _setting(name.strip(), value.strip(), limits)
    return found


def files_of(sets: Sequence[str] | None, files: Sequence[str] | None) -> list[str]:
    """The files that data are read from."""
    values = [setting.partition("=")[2].strip() for setting in sets or ()]
    return [*(files or ()), *(value[1:] for value in values if value.startswith("@"))]


def _setting(name: str, value: str, limits: Limits) -> Any:
    """A value given as a literal of the language or as @FILE."""
    from gradcalc.data import load_array
    from gradcalc.literals import literal

    return load_array(name, value[1:], limits) if value.startswith("@") else literal(name, value, limits)


def upstream_of(value: str | None, limits: Limits) -> Any:
    """A literal, @FILE, or a file by its suffix."""
    if value is None:
        return None
    is_file = Path(value).suffix in (".npy", ".npz", ".csv", ".json")
    return _setting("upstream", f"@{value.removeprefix('@')}" if is_file else value, limits)
