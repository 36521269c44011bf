"""A derivation for readers: one line each, then step by step with the reasons; text, Markdown, LaTeX, JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from gradcalc.closed_form import Form
from gradcalc.derivation.records import Blackboard, Derivation, Step
from gradcalc.notation import LATEX
from gradcalc.report.diagnostic import to_json
from gradcalc.report.escapes import escape

Line = tuple[str, str]
"""What is printed on the left, and the remark on the right."""
_LAYOUTS = {"shape": "shape convention", "numerator": "numerator layout"}
_REASON = 46
"""The column at which remarks begin, where the equations leave room."""


def title(board: Blackboard) -> str:
    """What is derived, and in which layout."""
    return f"Derivation of {board.of} ({_LAYOUTS[board.layout]})"


def lines(board: Blackboard) -> list[Line]:
    """The whole derivation as lines with remarks."""
    found: list[Line] = [(title(board), ""), ("", "")]
    if board.shapes:
        found += [("  " + ", ".join(form.text for form in board.shapes), "")]
    found += [(f"  {step.left.text} = {step.right.text}", "") for step in board.equations]
    found += [("", ""), ("In short", ""), ("", "")]
    found += [(f"  {text}", remark) for d in board.derivations for text, remark in summary(board, d)]
    for derivation in board.derivations:
        heading = f"{derivation.delta} = {derivation.label.text}" if derivation.delta else derivation.label.text
        found += [("", ""), (heading, ""), ("", ""), *_steps(derivation)]
    return found


def _steps(derivation: Derivation) -> Iterator[Line]:
    for rule in derivation.rules:
        yield f"    {rule.left.text} = {rule.right.text}", rule.reason
    if derivation.rules:
        yield "", ""
    for left, steps in groupby(derivation.steps, key=lambda s: s.left.text):
        for number, step in enumerate(steps):
            yield f"  {' ' * len(left) if number else left} = {step.right.text}", _reason(step)


def _reason(step: Step) -> str:
    return step.reason if step.condition is None else f"{step.reason}: where {step.condition.text}"


def summary(board: Blackboard, derivation: Derivation) -> Iterator[Line]:
    """A derivation on one line, as the lecture has it: the chain, the rules, the result."""
    for left, forms, remark in _short(board, derivation):
        yield " = ".join([*left, *forms]), remark


def _short(board: Blackboard, derivation: Derivation) -> Iterator[tuple[list[str], list[str], str]]:
    groups = [list(steps) for _, steps in groupby(derivation.steps, key=lambda s: s.left.text)]
    if derivation.delta:
        users = ", ".join(f"∂{board.of}/∂{name}" for name in derivation.used_by)
        yield [derivation.delta, derivation.label.text], [derivation.rule.text], f"re-used by {users}"
        yield from _conditional(derivation)
        return
    deltas = [d.delta for d in board.derivations if d.delta]
    for number, steps in enumerate(groups):
        last = number == len(groups) - 1
        kept = [s for s in steps if s.condition is None]
        named = any(delta in step.right.text for delta in deltas for step in kept)
        shown = [s.right.text for s in kept if not (named and s.reason == "written out")]
        shown = [*shown[:2], *shown[-1:]]
        yield [steps[0].left.text], list(dict.fromkeys(shown)), derivation.shapes if last else ""
    yield from _conditional(derivation)


def _conditional(derivation: Derivation) -> Iterator[tuple[list[str], list[str], str]]:
    """What holds under a condition, where it is the gradient itself and not made of a δ."""
    for step in derivation.steps:
        if step.condition is not None and derivation.steps[-2].reason != "written out":
            yield [derivation.delta or step.left.text], [step.right.text], f"where {step.condition.text}"


def plain(board: Blackboard) -> str:
    """Text for a terminal or a file."""
    return "\n".join(_beside(text, remark) for text, remark in lines(board)) + "\n"


def _beside(text: str, remark: str) -> str:
    return f"{text.ljust(_REASON)}  {remark}" if remark else text


# ------------------------------------------------------------------------------ LaTeX


def _aligned(steps: Sequence[Step], reasons: bool = True) -> str:
    rows = []
    for _, group in groupby(steps, key=lambda s: s.left.text):
        for number, step in enumerate(group):
            why = rf" && \text{{{escape(_reason(step))}}}" if reasons and step.reason else ""
            rows.append(f"{'' if number else step.left.latex} &= {step.right.latex}{why}")
    return " \\\\\n".join(rows)


def latex(board: Blackboard) -> str:
    """A complete article with amsmath."""
    parts = [
        "\\documentclass{article}\n\\usepackage{amsmath}\n\\usepackage[landscape,margin=1.5cm]{geometry}\n"
        "\\allowdisplaybreaks\n\\setlength{\\parindent}{0pt}\n\\begin{document}\n",
        rf"\section*{{{_title_latex(board)}}}" + "\n",
        *([f"${', '.join(form.latex for form in board.shapes)}$\n"] if board.shapes else []),
        _display(board.equations, False),
    ]
    for derivation in board.derivations:
        parts.append(rf"\subsection*{{$\displaystyle {_heading(board, derivation)}$}}" + "\n")
        if derivation.rules:
            parts.append(_display(derivation.rules))
        parts.append(_display(derivation.steps))
    return "\n".join([*parts, "\\end{document}\n"])


def _display(steps: Sequence[Step], reasons: bool = True) -> str:
    return f"\\begin{{align*}}\n{_aligned(steps, reasons)}\n\\end{{align*}}\n"


def _title_latex(board: Blackboard) -> str:
    return rf"Derivation of ${LATEX.name(board.of)}$ ({_LAYOUTS[board.layout]})"


def _heading(board: Blackboard, derivation: Derivation) -> str:
    if not derivation.delta:
        return derivation.label.latex
    return f"{LATEX.name(derivation.delta)} = {derivation.label.latex}"


# --------------------------------------------------------------------------- Markdown


def markdown(board: Blackboard) -> str:
    """Markdown with formulas between dollar signs, as GitHub and most notebooks show them."""
    parts = [f"## Derivation of ${LATEX.name(board.of)}$ ({_LAYOUTS[board.layout]})",
             *([f"${', '.join(form.latex for form in board.shapes)}$"] if board.shapes else []),
             _block(board.equations, False)]  # fmt: skip
    for derivation in board.derivations:
        parts.append(f"### ${_heading(board, derivation)}$")
        if derivation.rules:
            parts.append(_block(derivation.rules))
        parts.append(_block(derivation.steps))
    return "\n\n".join(parts) + "\n"


def _block(steps: Sequence[Step], reasons: bool = True) -> str:
    return f"$$\n\\begin{{aligned}}\n{_aligned(steps, reasons)}\n\\end{{aligned}}\n$$"


# ------------------------------------------------------------------------------- JSON


def document(board: Blackboard) -> dict[str, Any]:
    """`gradcalc.derive/1`."""
    return {
        "schema": "gradcalc.derive/1",
        "source": board.source,
        "layout": board.layout,
        "of": board.of,
        "shapes": [form.text for form in board.shapes],
        "equations": [_step(step) for step in board.equations],
        "deltas": {
            d.delta: {"of": d.name, "rule": d.rule.text, "used_by": list(d.used_by)}
            for d in board.derivations
            if d.delta
        },
        "derivations": {d.name: _derivation(board, d) for d in board.derivations},
        "warnings": [to_json(w, "warning") for w in board.warnings],
        "notes": board.notes,
    }


def _derivation(board: Blackboard, derivation: Derivation) -> dict[str, Any]:
    return {
        "gradient": derivation.label.text,
        "delta": derivation.delta or None,
        "shape": list(derivation.shape),
        "rule": derivation.rule.text,
        "latex": derivation.rule.latex,
        "short": [text for text, _ in summary(board, derivation)],
        "rules": [_step(step) for step in derivation.rules],
        "steps": [_step(step) for step in derivation.steps],
        "shapes": derivation.shapes or None,
        "used_by": list(derivation.used_by),
        "wanted": derivation.wanted,
        "connected": derivation.connected,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "left": step.left.text,
        "right": step.right.text,
        "latex": f"{step.left.latex} = {step.right.latex}",
        "reason": step.reason or None,
        "condition": _condition(step.condition),
    }


def _condition(form: Form | None) -> str | None:
    return form.text if form is not None else None
