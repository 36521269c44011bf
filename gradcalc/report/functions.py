"""The function table: every function with its notation, derivative, domain and rule at kinks, from its declaration."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from typing import IO, Any

from gradcalc.graph import Graph, Node, Shape, ShapeError
from gradcalc.notation import LATEX, TEXT, render
from gradcalc.ops import FUNCTIONS, Function
from gradcalc.report.catalogue import not_listed
from gradcalc.report.encode import encode


def functions(name: str | None, as_json: bool, width: int | None, stream: IO[str]) -> str:
    """The function table, or one function in full. Raises `GradcalcError` for an unknown name."""
    if name is not None and name not in FUNCTIONS:
        raise not_listed("unknown-function-name", name, "a function", FUNCTIONS, "gradcalc functions")
    chosen = {f.name: f for f in FUNCTIONS.values()} if name is None else {name: FUNCTIONS[name]}
    if as_json:
        return (
            encode({"schema": "gradcalc.functions/1", "functions": {k: _fields(f) for k, f in chosen.items()}}) + "\n"
        )
    if name is not None:
        return _one(chosen[name])
    return _table(sorted(chosen.values(), key=lambda f: f.name), width, stream)


def _fields(function: Function) -> dict[str, Any]:
    text, latex = shown(function)
    return {
        "summary": function.summary,
        "notation": text,
        "latex": latex,
        "arguments": _arguments(function),
        "derivative": function.derivative,
        "domain": function.domain,
        "kink": function.kink,
        "elementwise": function.elementwise,
        "axis": function.reduces,
        "aliases": list(function.aliases),
        "example": function.example,
    }


def _arguments(function: Function) -> str:
    if function.most is None:
        return f"{function.least} or more"
    return str(function.least) if function.least == function.most else f"{function.least} to {function.most}"


def _one(function: Function) -> str:
    text, latex = shown(function)
    lines = [
        (function.name, function.summary),
        ("also", ", ".join(function.aliases)),
        ("printed", text),
        ("in LaTeX", latex),
        ("arguments", _arguments(function)),
        ("derivative", function.derivative),
        ("domain", function.domain),
        ("at kinks", function.kink),
        ("applied", "entry by entry" if function.elementwise else ""),
        ("axis", "axis=0 down the columns, axis=1 across the rows" if function.reduces else ""),
        ("example", f'gradcalc eval "{function.example}"'),
    ]
    return "".join(f"{key:<11} {text}\n" for key, text in lines if text)


def _table(functions: list[Function], width: int | None, stream: IO[str]) -> str:
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


# ------------------------------------------------------------------------------- notation


def shown(function: Function) -> tuple[str, ...]:
    """How a call of the function is printed, in text and in LaTeX, with letters for its arguments."""
    numbers = json.loads("[" + function.example.partition("(")[2].removesuffix(")") + "]")
    node, names = _call(function, numbers)
    if node.op == "constant":  # it depends on shapes alone
        return tuple(style.call(function.name, list(names.values())).text for style in (TEXT, LATEX))
    letters = {leaf: LATEX.name(name) for leaf, name in names.items()}
    return render(node, TEXT, names).text, render(node, LATEX, letters).text


def _call(function: Function, numbers: Sequence[Any]) -> tuple[Node, dict[Node, str]]:
    """A call on leaves with the shapes of the example's arguments; a size stays the number that it is."""
    graph, shapes = Graph(), [_shape(n) for n in numbers]
    names = _names(function, shapes)
    leaves = [graph.make("input", name=n, shape=s) for n, s in zip(names, shapes, strict=True)]
    try:
        node = function.build(graph, leaves, None)
    except ShapeError:
        given = [leaf if leaf.shape else graph.constant(n) for leaf, n in zip(leaves, numbers, strict=True)]
        node = function.build(graph, given, None)
    return node, dict(zip(leaves, names, strict=True))


def _shape(number: Any) -> Shape:
    """The shape of an example's argument, a nested list: a column, or a matrix by its rows."""
    if not isinstance(number, list):
        return ()
    return (len(number), len(number[0])) if isinstance(number[0], list) else (len(number),)


_LETTERS = {0: "xyz", 1: "uvw", 2: "ABC"}
"""For scalars, columns and matrices."""


def _names(function: Function, shapes: Sequence[Shape]) -> list[str]:
    """The letters of the summary, where it begins with a call; else a letter for each shape."""
    written = re.match(rf"{re.escape(function.name)}\(([^)]*)\)", function.summary)
    if written and written[1].count(",") == len(shapes) - 1:
        return written[1].split(", ")
    if [len(s) for s in shapes] == [1]:
        return ["x"]
    return [_LETTERS[len(s)][k] for k, s in enumerate(shapes)]
