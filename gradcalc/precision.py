"""How many digits of a target are lost to rounding, and where: a first-order running error from the adjoints.

A node that is off by δv moves the target s by v̄ δv (Griewank and Walther, Evaluating Derivatives, ch. 3; Higham,
Accuracy and Stability of Numerical Algorithms, ch. 3). What each operation rounded off is known, with its sign, for
arithmetic, and taken to be half a unit in the last place elsewhere (`gradcalc.rounding`): the known terms add up,
the assumed ones as independent errors do,

    E = |Σ v̄ δv known| + √(Σ (v̄ δv assumed)²),

and log10(E / (2^-53 |s|)) digits of s are lost. Data and numbers in the text count as exact. Errors of the second
order are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcalc import evaluator
from gradcalc.differentiate import Backward, Edge
from gradcalc.errors import Diagnostic, Label
from gradcalc.evaluator import Values
from gradcalc.graph import Node, extent
from gradcalc.notation import EXPLICIT, render
from gradcalc.planning.plan import Plan
from gradcalc.remedies import remedy
from gradcalc.rounding import UNIT, rounding

Array = np.ndarray[Any, Any]
DIGITS = -math.log10(UNIT)
"""Decimal digits of a float."""
TOLERATED = 3.0
"""Digits that may be lost without a warning."""
MOST_NODES = 20_000
"""Values of a graph whose rounding is followed."""
SUMS = ("add", "sum", "mean", "matmul", "trace")
SHORT = 50
"""Characters of an expression that is written out in a warning."""


@dataclass(frozen=True)
class Loss:
    """Digits that an entry of the target has lost, and the first value on the way where they were lost."""

    digits: float
    place: tuple[int, ...]
    node: Node


def lost_digits(plan: Plan, sweep: Backward, values: Values) -> list[Diagnostic]:
    """A warning if an entry of the target has lost more than is tolerated.

    `values` holds the primals and adjoints of a sweep, whose seed is 1, or all basis vectors on a leading axis.
    """
    if len(sweep.adjoints) > MOST_NODES:
        return []
    found = _worst(sweep, values)
    return [_warning(plan, sweep.target, found)] if found is not None and found.digits > TOLERATED else []


def digits_lost(sweep: Backward, values: Values) -> Array:
    """The digits that each entry of the target has lost; of a scalar's values with an axis of rows, in each row."""
    return _lost(sweep, values)[0] if len(sweep.adjoints) <= MOST_NODES else np.zeros(1)


def _worst(sweep: Backward, values: Values) -> Loss | None:
    """The entry of the target that has lost most."""
    target = sweep.target
    lost, errors = _lost(sweep, values)
    if not lost.size or not (lost > TOLERATED).any():
        return None
    worst = int(np.nanargmax(lost))
    rows = int(extent(target.shape)[0])
    place = evaluator.entry((worst % rows, worst // rows), target)
    with np.errstate(all="ignore"):
        return Loss(float(min(lost[worst], DIGITS)), place, _loser(sweep, values, errors, worst))


def _lost(sweep: Backward, values: Values) -> tuple[Array, dict[Node, Array]]:
    """Digits by entry of the target, and the error of each value."""
    target = sweep.target
    size = np.swapaxes(np.abs(values[target]), -1, -2).reshape(-1)
    unit = np.maximum(size * UNIT, np.finfo(np.float64).tiny)
    known, assumed = np.zeros_like(size), np.zeros_like(size)
    errors: dict[Node, Array] = {}
    with np.errstate(all="ignore"):
        for node, adjoint in sweep.adjoints.items():
            signed, spread = rounding(node, values)
            errors[node] = spread if signed is None else np.abs(signed) + spread
            if not errors[node].any():
                continue
            if signed is not None:
                known += _moved(values[adjoint], signed).sum(axis=(-2, -1)) / unit
            moved = _moved(values[adjoint], spread) / unit[:, None, None]
            assumed += np.square(moved).sum(axis=(-2, -1))
        error = np.abs(known) + np.sqrt(assumed)
        return np.where(error == 0, 0.0, np.log10(error)), errors


def _moved(adjoint: Array, error: Array) -> Array:
    """By how much the target moves; nothing comes from what was not taken."""
    return np.where((adjoint == 0) | (error == 0), 0.0, adjoint * error)


def _loser(sweep: Backward, values: Values, errors: Mapping[Node, Array], row: int) -> Node:
    """From the value whose rounding costs most, upwards to where it grew most compared with the value itself."""

    def of(node: Node) -> Array:
        array = values[node]
        return array[row if len(array) > 1 else 0] if array.ndim > 2 else array

    def cost(node: Node) -> float:
        return float(np.nanmax(np.abs(_moved(of(sweep.adjoints[node]), errors[node])), initial=0.0))

    users: dict[Node, list[Edge]] = {}
    for edge in sweep.edges:
        users.setdefault(edge.input, []).append(edge)
    node = max((n for n in sweep.adjoints), key=cost)
    error = errors[node]
    best, growth = node, float(np.nanmax(error / (UNIT * np.abs(values[node])), initial=0.0))
    while node is not sweep.target:
        edge = max(users[node], key=lambda e: float(np.nansum(np.abs(_moved(of(e.downstream), error)))))
        grown = _growth(of(edge.downstream) * values[node], of(edge.upstream) * values[edge.node], edge)
        if grown > growth:
            best, growth = edge.node, grown
        node, error = edge.node, np.abs(values[edge.node])
    return best


def _growth(below: Array, above: Array, edge: Edge) -> float:
    """How much larger a relative error of the input is in the node."""
    if below.shape == above.shape and edge.node.operation.entrywise:
        return float(np.nanmax(np.abs(below) / np.abs(above), initial=0.0))
    return float(np.nansum(np.abs(below)) / np.nansum(np.abs(above)))


def _warning(plan: Plan, target: Node, loss: Loss) -> Diagnostic:
    """The warning: how many digits are lost and remain, the value that loses them, and what to write instead."""
    place = f"[{', '.join(map(str, loss.place))}]" if loss.place else ""
    message = told_loss(f"`{plan.labels[target]}{place}`", loss.digits)
    node, label = loss.node, plan.labels.get(loss.node, "")
    span = plan.spans.get(node)
    labels = (Label(span, label),) if span is not None else ()
    where = f"they are lost in {f'`{label}`, ' if label else ''}`{_shown(plan, node, node)}`: {_why(node)}"
    return Diagnostic("lost-digits", message, span or plan.spans.get(target), labels, where, _help(plan, node))


def told_loss(name: str, digits: float) -> str:
    """How many of its digits a number has lost, and how many remain, in words."""
    kept = DIGITS - digits
    if kept < 1:
        return f"no digit of {name} is certain: all 16 are lost to rounding"
    return f"{name} loses about {digits:.0f} of its 16 digits to rounding: about {kept:.0f} remain"


def better_form(plan: Plan, nodes: Iterable[Node], values: Values) -> str:
    """What to write in place of the first of the nodes that cancels and has a better form; "" where none has."""
    for node in nodes:
        if _cancels(node, values) and remedy(node) is not None:
            return _help(plan, node)
    return ""


def _cancels(node: Node, values: Values) -> bool:
    """Whether a sum is far smaller than its terms, or a logarithm is one of a number near 1."""
    size = float(np.max(np.abs(values[node]), initial=0.0)) * float(10**TOLERATED)
    if node.op == "log":
        return size < 1.0
    terms = [float(np.max(np.abs(values[i]), initial=0.0)) for i in node.inputs]
    return node.op == "add" and bool(size < max(terms))


def _shown(plan: Plan, shown: Node, spelt: Node) -> str:
    """An expression in the names of the file, or in pieces where that would be long."""
    own = {node: name for name, node in plan.names.items() if node is not spelt}
    text = render(shown, EXPLICIT, own).text
    return text if len(text) <= SHORT else render(shown, EXPLICIT, plan.labels).text


def _why(node: Node) -> str:
    if node.op == "add" and len(node.inputs) == 2:
        return "nearly equal numbers cancel"
    if node.op in SUMS:
        return "its terms cancel"
    return "it magnifies the rounding of what goes in"


def _help(plan: Plan, node: Node) -> str:
    better = remedy(node)
    if better is not None:
        return f"write `{_shown(plan, better, node)}` for `{_shown(plan, node, node)}`"
    if node.op in SUMS:
        return "look for a form of the expression in which nothing cancels"
    return "look for a form in which it is not applied to a rounded value"
