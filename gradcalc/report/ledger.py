"""The tables of a run, as data: sections of rows of cells. Every readable format prints these and no other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcalc.checking.claims import ClaimResult
from gradcalc.notation import LATEX
from gradcalc.report.cells import (
    FLAGS,
    Cell,
    Section,
    derivative,
    expression,
    filled,
    flag_row,
    joined,
    shape_of,
    shorten,
    value_of,
)
from gradcalc.report.numbers import Look
from gradcalc.run import DeltaRow, EdgeRow, Gradient, NodeRow, Run

_FORWARD = ("Forward", ("node", "equation", "habit", "shape", "value"))
_BACKWARD = (
    "Backward: downstream = upstream × local",
    ("edge", "upstream", "local gradient", "downstream"),
)
_CLAIMS = ("Claims", ("line", "claim", "verdict"))


def ledger(run: Run, rows: int = 0, look: Look = Look()) -> list[Section]:  # noqa: B008
    """The sections of a run. `rows` limits the rows of each table (0: all), `look` says how values are shown."""
    made = [
        filled(_FORWARD, list(run.nodes.values()), lambda node: _node(node, look), rows),
        filled(_BACKWARD, run.edges, lambda edge: _edge(run, edge, look), rows),
        _gradients(run, look, rows),
        filled(_CLAIMS, run.claims, _claim, rows),
        filled(FLAGS, run.flags, flag_row, rows),
    ]
    return [section for section in made if section.rows or section.title == _FORWARD[0]]


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
        return derivative(run.of, name)
    latex = rf"\frac{{\partial\left({objective.latex}\right)}}{{\partial {LATEX.name(name)}}}"
    return Cell(f"∂({objective.text})/∂{name}", latex)


def _node(node: NodeRow, look: Look) -> list[Cell]:
    shape = "×".join(map(str, node.shape)) if node.shape else "scalar"
    return [
        Cell(node.name, LATEX.name(node.name)),
        expression(node.equation),
        Cell(_habit(node)),
        Cell(shape),
        value_of(node.value, node.labels, look),
    ]


def _habit(node: NodeRow) -> str:
    """What the node does to its upstream gradient; a value that is used more than once sums."""
    fan_out = f"fans out ×{node.uses}, sums" if node.uses > 1 else ""
    return ", ".join(word for word in (node.habit, fan_out) if word)


def _edge(run: Run, edge: EdgeRow, look: Look) -> list[Cell]:
    return [
        Cell(f"{edge.node} → {edge.input}", rf"{LATEX.name(edge.node)} \to {LATEX.name(edge.input)}"),
        joined(look, _by(run, edge.node), value_of(edge.upstream, (), look)),
        _local(edge, look),
        value_of(edge.downstream, run.nodes[edge.input].labels, look),
    ]


def _local(edge: EdgeRow, look: Look) -> Cell:
    """`∂h/∂z = diag(f'(z)) = diag([...])`: the rule, and its value where that says more."""
    cells = [derivative(edge.node, edge.input), expression(edge.local.rule)]
    value = _local_value(edge, look)
    if value is not None and value.text != cells[1].text:
        cells.append(value)
    return joined(look, *cells)


def _local_value(edge: EdgeRow, look: Look) -> Cell | None:
    local = edge.local
    if local.value is not None:
        return value_of(local.value, (), look)
    if local.kind == "diagonal":
        inside = value_of(np.asarray(local.parts["diagonal"]), (), look)
        return Cell(f"diag({inside.text})", rf"\operatorname{{diag}}\left({inside.latex}\right)")
    return None


def _gradients(run: Run, look: Look, rows: int) -> Section:
    if run.kind == "jacobian":
        title = f"Jacobians of {run.of} (rows are entries of {run.of}, in both layouts)"
    else:
        layout = "shape convention" if run.layout == "shape" else "numerator layout"
        title = f"Gradients of {_objective(run).text} ({layout})"
    head = (title, ("closed form", "shape", "branches", "sum"))
    section = filled(head, list(run.gradients.values()), lambda g: _gradient(run, g, look), rows)
    section.rows = [_delta(run, d, look) for d in run.deltas] + section.rows
    section.notes.extend([*_reuse(run), *run.assumed])
    return section


def _delta(run: Run, delta: DeltaRow, look: Look) -> list[Cell]:
    name = Cell(delta.name, LATEX.name(delta.name))
    equation = joined(look, name, _by(run, delta.of), expression(delta.rule))
    return [equation, shape_of(delta.value), Cell(""), value_of(delta.value, (), look)]


def _gradient(run: Run, gradient: Gradient, look: Look) -> list[Cell]:
    forms = [gradient.rule] if gradient.short is None else [gradient.rule, gradient.short]
    equation = joined(look, _by(run, gradient.name), *(expression(f) for f in forms))
    if not gradient.connected:
        equation = Cell(f"{equation.text}\n(not connected)", rf"{equation.latex} \quad \text{{(not connected)}}")
    labels = gradient.labels if run.kind == "gradient" else ()
    return [equation, shape_of(gradient.value), _branches(gradient, look), value_of(gradient.value, labels, look)]


def _branches(gradient: Gradient, look: Look) -> Cell:
    """`a: 2 + b: 3`; of a single array branch only where it came through, as its value is the sum."""
    shown = gradient.branches
    if len(shown) == 1 and np.ndim(gradient.value):
        return Cell(shown[0].through, LATEX.name(shown[0].through))
    parts = [value_of(b.value, (), look) for b in shown]
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
