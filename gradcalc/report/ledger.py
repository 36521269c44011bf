"""The tables of a run, as data: sections of rows of cells. Every readable format prints these and no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from gradcalc.check import ClaimResult
from gradcalc.closed_form import Form
from gradcalc.notation import LATEX
from gradcalc.report import numbers
from gradcalc.report.numbers import Look
from gradcalc.run import DeltaRow, EdgeRow, Flag, Gradient, NodeRow, Run

T = TypeVar("T")
_FORWARD = ("Forward", ("node", "equation", "habit", "shape", "value"))
_BACKWARD = (
    "Backward: downstream = upstream × local",
    ("edge", "upstream", "local gradient", "downstream"),
)
_CLAIMS = ("Claims", ("line", "claim", "verdict"))
_FLAGS = ("Flags", ("where", "what"))
LONGEST = 400
"""Characters of one printed expression in a table; JSON has all of it."""


@dataclass(frozen=True)
class Cell:
    """A table cell: as text, and in LaTeX where that is mathematics."""

    text: str
    latex: str = ""


@dataclass
class Section:
    """A titled table with notes below it."""

    title: str
    headers: tuple[str, ...]
    rows: list[list[Cell]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def ledger(run: Run, rows: int = 0, look: Look = Look()) -> list[Section]:  # noqa: B008
    """The sections of a run. `rows` limits the rows of each table (0: all), `look` says how values are shown."""
    made = [
        _filled(_FORWARD, list(run.nodes.values()), lambda node: _node(node, look), rows),
        _filled(_BACKWARD, run.edges, lambda edge: _edge(run, edge, look), rows),
        _gradients(run, look, rows),
        _filled(_CLAIMS, run.claims, _claim, rows),
        _filled(_FLAGS, run.flags, _flag, rows),
    ]
    return [section for section in made if section.rows or section.title == _FORWARD[0]]


Head = tuple[str, tuple[str, ...]]


def _filled(head: Head, items: Sequence[T], row: Callable[[T], list[Cell]], most: int) -> Section:
    """A section with a row for each item; of too many the first and the last, and a note."""
    section = Section(*head)
    hidden = len(items) - most
    if not most or hidden <= 0:
        section.rows = [row(item) for item in items]
        return section
    first = most // 2
    gap = [Cell("…") for _ in section.headers]
    section.rows = [*map(row, items[:first]), gap, *map(row, items[first + hidden :])]
    section.notes.append(f"{hidden:,} rows are left out; --rows 0 shows all, --json has all")
    return section


def shorten(text: str) -> str:
    """A long expression with its middle left out."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"


def _expression(form: Form | None) -> Cell:
    if form is None:
        return Cell("(too long to write out)", r"\text{(too long to write out)}")
    return Cell(shorten(form.text), form.latex)


def _objective(run: Run) -> Cell:
    """What is differentiated: the target, or its product with the upstream gradient that was given."""
    of, v = run.of, run.upstream
    name = LATEX.name(of)
    if run.kind != "vjp":
        return Cell(of, name)
    if np.ndim(run.value) == 1:
        return Cell(f"{v}^T {of}", rf"{v}^{{T}} {name}")
    return Cell(f"⟨{v}, {of}⟩", rf"\langle {v}, {name} \rangle")


def _by(run: Run, name: str) -> Cell:
    """∂target/∂name."""
    objective = _objective(run)
    if run.kind != "vjp":
        return _derivative(run.of, name)
    latex = rf"\frac{{\partial\left({objective.latex}\right)}}{{\partial {LATEX.name(name)}}}"
    return Cell(f"∂({objective.text})/∂{name}", latex)


def _derivative(of: str, by: str) -> Cell:
    return Cell(f"∂{of}/∂{by}", LATEX.derivative(LATEX.name(of), LATEX.name(by)))


def _joined(look: Look, *cells: Cell) -> Cell:
    """Cells as one equation; what does not fit, or has several lines, begins on a line of its own."""
    text, room = cells[0].text, 22 if look.narrow else 60
    for number, cell in enumerate(cells[1:]):
        short = number == 0 or len(text.rsplit("\n", 1)[-1]) + 3 + len(cell.text) <= room
        fits = "\n" not in cell.text and short
        text = f"{text} = {cell.text}" if fits else f"{text}\n= {_hanging(cell.text)}"
    return Cell(text, " = ".join(c.latex or rf"\text{{{c.text}}}" for c in cells))


def _hanging(text: str) -> str:
    return text.replace("\n", "\n  ")


def _value(value: Any, labels: Sequence[str], look: Look) -> Cell:
    return Cell(numbers.text(value, labels, look), numbers.latex(value, labels))


def _node(node: NodeRow, look: Look) -> list[Cell]:
    shape = "×".join(map(str, node.shape)) if node.shape else "scalar"
    return [
        Cell(node.name, LATEX.name(node.name)),
        _expression(node.equation),
        Cell(_habit(node)),
        Cell(shape),
        _value(node.value, node.labels, look),
    ]


def _habit(node: NodeRow) -> str:
    """What the node does to its upstream gradient; a value that is used more than once sums."""
    fan_out = f"fans out ×{node.uses}, sums" if node.uses > 1 else ""
    return ", ".join(word for word in (node.habit, fan_out) if word)


def _edge(run: Run, edge: EdgeRow, look: Look) -> list[Cell]:
    return [
        Cell(f"{edge.node} → {edge.input}", rf"{LATEX.name(edge.node)} \to {LATEX.name(edge.input)}"),
        _joined(look, _by(run, edge.node), _value(edge.upstream, (), look)),
        _local(edge, look),
        _value(edge.downstream, run.nodes[edge.input].labels, look),
    ]


def _local(edge: EdgeRow, look: Look) -> Cell:
    """`∂h/∂z = diag(f'(z)) = diag([...])`: the rule, and its value where that says more."""
    cells = [_derivative(edge.node, edge.input), _expression(edge.local.rule)]
    value = _local_value(edge, look)
    if value is not None and value.text != cells[1].text:
        cells.append(value)
    return _joined(look, *cells)


def _local_value(edge: EdgeRow, look: Look) -> Cell | None:
    local = edge.local
    if local.value is not None:
        return _value(local.value, (), look)
    if local.kind == "diagonal":
        inside = _value(np.asarray(local.parts["diagonal"]), (), look)
        return Cell(f"diag({inside.text})", rf"\operatorname{{diag}}\left({inside.latex}\right)")
    return None


def _gradients(run: Run, look: Look, rows: int) -> Section:
    if run.kind == "jacobian":
        title = f"Jacobians of {run.of} (rows are entries of {run.of}, in both layouts)"
    else:
        layout = "shape convention" if run.layout == "shape" else "numerator layout"
        title = f"Gradients of {_objective(run).text} ({layout})"
    head = (title, ("closed form", "shape", "branches", "sum"))
    section = _filled(head, list(run.gradients.values()), lambda g: _gradient(run, g, look), rows)
    section.rows = [_delta(run, d, look) for d in run.deltas] + section.rows
    section.notes.extend(_reuse(run))
    return section


def _delta(run: Run, delta: DeltaRow, look: Look) -> list[Cell]:
    name = Cell(delta.name, LATEX.name(delta.name))
    equation = _joined(look, name, _by(run, delta.of), _expression(delta.rule))
    return [equation, _shape(delta.value), Cell(""), _value(delta.value, (), look)]


def _shape(value: Any) -> Cell:
    return Cell("×".join(map(str, np.shape(value))) or "scalar")


def _gradient(run: Run, gradient: Gradient, look: Look) -> list[Cell]:
    forms = [gradient.rule] if gradient.short is None else [gradient.rule, gradient.short]
    equation = _joined(look, _by(run, gradient.name), *(_expression(f) for f in forms))
    if not gradient.connected:
        equation = Cell(f"{equation.text}\n(not connected)", rf"{equation.latex} \quad \text{{(not connected)}}")
    labels = gradient.labels if run.kind == "gradient" else ()
    return [equation, _shape(gradient.value), _branches(gradient, look), _value(gradient.value, labels, look)]


def _branches(gradient: Gradient, look: Look) -> Cell:
    """`a: 2 + b: 3`; of a single array branch only where it came through, as its value is the sum."""
    shown = gradient.branches
    if len(shown) == 1 and np.ndim(gradient.value):
        return Cell(shown[0].through, LATEX.name(shown[0].through))
    parts = [_value(b.value, (), look) for b in shown]
    short = all("\n" not in p.text and len(p.text) < 12 for p in parts) and len(parts) < 5
    text = (" + " if short else "\n+ ").join(f"{b.through}: {p.text}" for b, p in zip(shown, parts, strict=True))
    latex = " + ".join(rf"{p.latex}_{{{LATEX.name(b.through)}}}" for b, p in zip(shown, parts, strict=True))
    return Cell(text if len(shown) <= 12 else f"{len(shown)} branches, e.g. {shown[0].through}: {parts[0].text}", latex)


def _reuse(run: Run) -> list[str]:
    """Which adjoints were computed once and serve several gradients, and what that saves."""
    if run.reuse is None or run.reuse.apart == run.reuse.together:
        return []
    by_users: dict[tuple[str, ...], str] = {}
    for node, users in run.reuse.shared:
        by_users[users] = node
    named = {d.of: d.name for d in run.deltas}
    words = [
        f"{named.get(node, f'∂{run.of}/∂{node}')} serves {_listed(users)}" for users, node in list(by_users.items())[:6]
    ]
    saved = f"{run.reuse.together:,} multiplications at once, {run.reuse.apart:,} one gradient at a time"
    return [f"re-use: {', '.join(words)}: {saved}"]


def _listed(names: Sequence[str]) -> str:
    if len(names) > 6:
        return f"{', '.join(names[:5])} and {len(names) - 5} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 2 else names)


def _claim(claim: ClaimResult) -> list[Cell]:
    verdict = f"holds, by {claim.by}" if claim.holds else f"fails: {claim.hint}"
    return [Cell(str(claim.line)), Cell(shorten(claim.text)), Cell(verdict)]


def _flag(flag: Flag) -> list[Cell]:
    places = ", ".join(f"[{', '.join(map(str, p))}]" for p in flag.places[:5] if p)
    more = f" and {len(flag.places) - 5} more" if len(flag.places) > 5 else ""
    return [Cell(f"{flag.node} {places}{more}".strip()), Cell(flag.message)]
