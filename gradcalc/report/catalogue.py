"""The lists: functions of the language, codes of diagnostics."""

from __future__ import annotations

import io
from typing import IO, Any

from gradcalc.codes import CODES
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.report.encode import encode
from gradcalc.suggest import did_you_mean


def functions(name: str | None, as_json: bool, width: int | None, stream: IO[str]) -> str:
    """The function table, or one function in full. Raises `GradcalcError` for an unknown name."""
    from gradcalc.ops import FUNCTIONS, Function

    chosen = {f.name: f for f in FUNCTIONS.values()}
    if name is not None:
        if name not in FUNCTIONS:
            close = did_you_mean(name, FUNCTIONS)
            raise GradcalcError(
                Diagnostic(
                    "unknown-function-name",
                    f"`{name}` is not a function",
                    help=f"did you mean `{close}`?" if close else "`gradcalc functions` lists them",
                )
            )
        chosen = {name: FUNCTIONS[name]}
    if as_json:
        return (
            encode({"schema": "gradcalc.functions/1", "functions": {k: _fields(f) for k, f in chosen.items()}}) + "\n"
        )
    if name is not None:
        return _one(chosen[name])
    ordered: list[Function] = sorted(chosen.values(), key=lambda f: f.name)
    return _table(ordered, width, stream)


def _fields(function: Any) -> dict[str, Any]:
    return {
        "summary": function.summary,
        "arguments": _arguments(function),
        "derivative": function.derivative,
        "domain": function.domain,
        "kink": function.kink,
        "elementwise": function.elementwise,
        "axis": function.reduces,
        "aliases": list(function.aliases),
        "example": function.example,
    }


def _arguments(function: Any) -> str:
    if function.most is None:
        return f"{function.least} or more"
    return str(function.least) if function.least == function.most else f"{function.least} to {function.most}"


def _one(function: Any) -> str:
    lines = [
        (function.name, function.summary),
        ("also", ", ".join(function.aliases)),
        ("arguments", _arguments(function)),
        ("derivative", function.derivative),
        ("domain", function.domain),
        ("at kinks", function.kink),
        ("applied", "entry by entry" if function.elementwise else ""),
        ("axis", "axis=0 down the columns, axis=1 across the rows" if function.reduces else ""),
        ("example", f'gradcalc eval "{function.example}"'),
    ]
    return "".join(f"{key:<11} {text}\n" for key, text in lines if text)


def _table(functions: list[Any], width: int | None, stream: IO[str]) -> str:
    from gradcalc.report.cells import Cell, Section
    from gradcalc.report.tables import console, print_tables

    section = Section("Functions", ("name", "what it is", "derivative", "domain", "at kinks"))
    for f in functions:
        names = ", ".join((f.name, *f.aliases))
        section.rows.append([Cell(names), Cell(f.summary), Cell(f.derivative), Cell(f.domain), Cell(f.kink)])
    section.notes.append("`gradcalc functions NAME` shows one in full")
    out = io.StringIO()
    target = console(out, width or console(stream).width)
    print_tables([section], target)
    return out.getvalue()


def explain(code: str | None, as_json: bool) -> str:
    """What a code means, or the list of codes. Raises `GradcalcError` for an unknown one."""
    if code is not None and code not in CODES:
        close = did_you_mean(code, CODES)
        raise GradcalcError(
            Diagnostic(
                "unknown-code",
                f"`{code}` is not a code",
                help=f"did you mean `{close}`?" if close else "`gradcalc explain` lists them",
            )
        )
    chosen = CODES if code is None else {code: CODES[code]}
    if as_json:
        fields = {
            k: {
                "title": c.title,
                "explanation": c.explanation,
                "example": c.example,
                "mended": c.mended,
                "exit": None if c.exit is None else int(c.exit),
            }
            for k, c in chosen.items()
        }
        return encode({"schema": "gradcalc.explain/1", "codes": fields}) + "\n"
    if code is None:
        return "".join(f"{k:<22} {c.title}\n" for k, c in sorted(CODES.items()))
    return _explained(code)


def _explained(code: str) -> str:
    found = CODES[code]
    text = f"{code}: {found.title}\n\n{found.explanation}\n"
    if found.example:
        text += f"\nFor example\n\n{_indented(found.example)}\n"
    if found.mended:
        text += f"\nMended\n\n{_indented(found.mended)}\n"
    return text


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
