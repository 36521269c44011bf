"""Jacobians and Hessians as sections for the tables, as JSON documents, and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gradcalc.matrices.records import Axes, Block, Hessians, Jacobians
from gradcalc.notation import LATEX
from gradcalc.report import csv
from gradcalc.report.cells import FLAGS, Cell, Section, derivative, filled, flag_row, joined, shorten, value_of
from gradcalc.report.diagnostic import to_json
from gradcalc.report.document import flag, value
from gradcalc.report.numbers import Look

MOST_NAMES = 4
"""Entries of an axis that a table names: the first ones, and the last."""

# ------------------------------------------------------------------------------------ sections


def sections(made: Jacobians | Hessians, rows: int = 0, look: Look = Look()) -> list[Section]:  # noqa: B008
    """The tables of `gradcalc jacobian` or `gradcalc hessian`; `rows` limits the rows of each (0: all)."""
    return _of_jacobians(made, rows, look) if isinstance(made, Jacobians) else _of_hessians(made, rows, look)


def document(made: Jacobians | Hessians) -> dict[str, Any]:
    """`gradcalc.jacobian/1` or `gradcalc.hessian/1`."""
    return _jacobian_document(made) if isinstance(made, Jacobians) else _hessian_document(made)


def table(made: Jacobians | Hessians) -> str:
    """All numbers as CSV: `jacobian`, `vjp` and `jvp`, or `hessian`, the second input under `through`, and `hvp`."""
    return csv.written(_jacobian_rows(made) if isinstance(made, Jacobians) else _hessian_rows(made))


def _of_jacobians(made: Jacobians, rows: int, look: Look) -> list[Section]:
    if made.of_scalar:
        title = f"Gradients of {made.of} ({_layout(made.layout)})"
    else:
        title = f"Jacobians of {made.of} (rows are entries of {made.of}, in both layouts)"
    blocks = [(derivative(made.of, name), block) for name, block in made.jacobians.items()]
    sections = [_section(title, blocks, rows, look)]
    if made.upstream is not None:
        v = made.upstream[0]
        named = [(_pulled(v, made.of, name), block) for name, block in made.products.items()]
        sections.append(
            _section(f"Vector-Jacobian products, {v} = upstream ({_layout(made.layout)})", named, rows, look)
        )
    if made.change is not None:
        change = Cell(f"d{made.of}", rf"d {LATEX.name(made.of)}")
        sections.append(
            _section(f"Jacobian-vector product, {_given(made.tangents)}", [(change, made.change)], rows, look)
        )
    return [*sections, *_flags(made.flags, rows)]


def _of_hessians(made: Hessians, rows: int, look: Look) -> list[Section]:
    title = f"Hessian of {made.of} (∂²{made.of}/∂x∂y: entries of x by entries of y, in both layouts)"
    blocks = [
        (_second(made.of, name, other), block) for name, row in made.hessians.items() for other, block in row.items()
    ]
    sections = [_section(title, blocks, rows, look)]
    if made.products:
        named = [
            (Cell(f"d(∂{made.of}/∂{name})", rf"d {_bracketed(derivative(made.of, name).latex)}"), block)
            for name, block in made.products.items()
        ]
        heading = f"Hessian-vector products, {_given(made.tangents)} ({_layout(made.layout)})"
        sections.append(_section(heading, named, rows, look))
    return [*sections, *_flags(made.flags, rows)]


def _layout(layout: str) -> str:
    return "shape convention" if layout == "shape" else "numerator layout"


def _given(tangents: Mapping[str, Any]) -> str:
    return f"{', '.join(f'd{name}' for name in tangents)} = tangent"


def _second(of: str, first: str, second: str) -> Cell:
    """∂²s/∂x∂y, or ∂²s/∂x²."""
    top = rf"\partial^{{2}} {LATEX.name(of)}"
    if first == second:
        return Cell(f"∂²{of}/∂{first}²", rf"\frac{{{top}}}{{\partial {LATEX.name(first)}^{{2}}}}")
    below = rf"\partial {LATEX.name(first)} \, \partial {LATEX.name(second)}"
    return Cell(f"∂²{of}/∂{first}∂{second}", rf"\frac{{{top}}}{{{below}}}")


def _pulled(v: str, of: str, name: str) -> Cell:
    """∂⟨v, h⟩/∂x."""
    top = rf"\partial \left\langle {LATEX.name(v)}, {LATEX.name(of)} \right\rangle"
    return Cell(f"∂⟨{v}, {of}⟩/∂{name}", rf"\frac{{{top}}}{{\partial {LATEX.name(name)}}}")


def _bracketed(latex: str) -> str:
    return rf"\left({latex}\right)"


def _section(title: str, blocks: list[tuple[Cell, Block]], rows: int, look: Look) -> Section:
    """A row for each block, values only where there are some, and what the axes of the values are."""
    numbers = any(block.value is not None for _, block in blocks)
    headers = ("closed form", "shape", *(["value"] if numbers else []))
    section = filled((title, headers), blocks, lambda item: _row(*item, numbers, look), rows)
    notes = [f"{name.text}: {_axes(block.axes)}" for name, block in blocks if block.axes and block.value is not None]
    section.notes.extend(notes[:rows] if rows else notes)
    return section


def _row(name: Cell, block: Block, numbers: bool, look: Look) -> list[Cell]:
    equation = joined(look, name, _rule(block))
    if not block.connected:
        equation = Cell(f"{equation.text}\n(not connected)", rf"{equation.latex} \quad \text{{(not connected)}}")
    cells = [equation, _shape(block)]
    if numbers:
        cells.append(Cell("") if block.value is None else value_of(block.value, block.labels, look))
    return cells


def _shape(block: Block) -> Cell:
    sizes = [str(size) for size in block.shape]
    return Cell((" × " if any("·" in size for size in sizes) else "×").join(sizes) or "scalar")


def _rule(block: Block) -> Cell:
    if block.rule is not None:
        return Cell(shorten(block.rule.text), block.rule.latex)
    return Cell(f"(no closed form: {block.reason})", r"\text{(no closed form)}")


def _axes(axes: Axes) -> str:
    return f"rows {_some(axes.rows)}; columns {_some(axes.columns)}"


def _some(names: tuple[str, ...]) -> str:
    shown = names if len(names) <= MOST_NAMES + 1 else (*names[:MOST_NAMES], "…", names[-1])
    return ", ".join(shown)


def _flags(flags: Any, rows: int) -> list[Section]:
    return [filled(FLAGS, flags, flag_row, rows)] if flags else []


# ----------------------------------------------------------------------------------- documents


def _jacobian_document(made: Jacobians) -> dict[str, Any]:
    return {
        "schema": "gradcalc.jacobian/1",
        "source": made.source,
        "layout": made.layout,
        "of": made.of,
        "shape": list(made.of_shape),
        "jacobians": {name: _block(block) for name, block in made.jacobians.items()},
        "upstream": made.upstream and {"name": made.upstream[0], "value": value(made.upstream[1])},
        "vjp": {name: _block(block) for name, block in made.products.items()} or None,
        "tangent": {name: value(v) for name, v in made.tangents.items()} or None,
        "jvp": made.change and _block(made.change),
        **_remarks(made),
    }


def _hessian_document(made: Hessians) -> dict[str, Any]:
    return {
        "schema": "gradcalc.hessian/1",
        "source": made.source,
        "layout": made.layout,
        "of": made.of,
        "hessians": {
            name: {other: _block(block) for other, block in row.items()} for name, row in made.hessians.items()
        },
        "tangent": {name: value(v) for name, v in made.tangents.items()} or None,
        "hvp": {name: _block(block) for name, block in made.products.items()} or None,
        **_remarks(made),
    }


def _remarks(made: Jacobians | Hessians) -> dict[str, Any]:
    return {
        "flags": [flag(f) for f in made.flags],
        "warnings": [to_json(w, "warning") for w in made.warnings],
        "notes": made.notes,
    }


def _block(block: Block) -> dict[str, Any]:
    document: dict[str, Any] = {
        "shape": list(block.shape),
        "rule": block.rule and block.rule.text,
        "latex": block.rule and block.rule.latex,
        "value": None if block.value is None else value(block.value),
        "connected": block.connected,
    }
    if block.rule is None:
        document["reason"] = block.reason
    if block.axes is not None:
        document["axes"] = {"rows": list(block.axes.rows), "columns": list(block.axes.columns)}
    if block.labels:
        document["labels"] = list(block.labels)
    return document


# ----------------------------------------------------------------------------------------- CSV


def _jacobian_rows(made: Jacobians) -> Iterator[tuple[str, ...]]:
    yield from _entries("jacobian", "", made.jacobians)
    yield from _entries("vjp", "", made.products)
    if made.change is not None:
        yield from _entries("jvp", "", {made.of: made.change})


def _hessian_rows(made: Hessians) -> Iterator[tuple[str, ...]]:
    for name, row in made.hessians.items():
        for other, block in row.items():
            yield from _entries("hessian", other, {name: block})
    yield from _entries("hvp", "", made.products)


def _entries(kind: str, through: str, blocks: Mapping[str, Block]) -> Iterator[tuple[str, ...]]:
    for name, block in blocks.items():
        if block.value is not None:
            yield from csv.entries(kind, name, through, block.value, block.labels)
