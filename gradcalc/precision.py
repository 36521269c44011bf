"""How many digits of a target are lost to rounding, and where: a first-order running error from the adjoints.

A node that is off by δv moves the target s by v̄ δv (Griewank and Walther, Evaluating Derivatives, ch. 3; Higham,
Accuracy and Stability of Numerical Algorithms, ch. 3). What each operation rounded off is known, with its sign, for
arithmetic, and taken to be half a unit in the last place elsewhere (`gradcalc.rounding`): the known terms add up,
the assumed ones as independent errors do,

    E = |Σ v̄ δv known| + √(Σ (v̄ δv assumed)²),

and log10(E / (2^-53 |s|)) digits of s are lost, in units of the least float of an s below 2.2e-308; of an s that is 0,
all. Where an adjoint is beyond the largest float the program is moved instead (`gradcalc.perturbations`). Data and
numbers in the text count as exact, what is computed from numbers does not. Errors of the second order are left out.
"""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

import numpy as np
from msgspec import Struct

from gradcalc import evaluator
from gradcalc.differentiate import Backward, Edge, reverse
from gradcalc.errors import Diagnostic, Label
from gradcalc.evaluator import Values
from gradcalc.graph import Node, ancestors, extent
from gradcalc.notation import EXPLICIT, render
from gradcalc.perturbations import SWEEPS, perturbations
from gradcalc.planning.plan import Plan
from gradcalc.remedies import remedy
from gradcalc.rounding import LEAST, UNIT, rounding, underflowed

Array = np.ndarray[Any, Any]
DIGITS = -math.log10(UNIT)
"""Decimal digits of a float."""
TOLERATED = 3.0
"""Digits that may be lost without a warning, of all that a float has; of fewer as large a part, and no less than 1."""
MOST_NODES = 20_000
"""Values of a graph whose rounding is followed."""
SUMS = ("add", "sum", "mean", "matmul", "trace")
TOO_SMALL = "the result is too small for a 64-bit float to hold its digits"
LARGER = "keep what is computed on the way above 2.2e-308: divide by its size first, or compute with logarithms"
BARELY = 4.0
"""How much larger than what steps round off they are moved where that is large beside them, as below 2.2e-308."""
SHORT = 50
"""Characters of an expression that is written out in a warning."""


class Loss(Struct, frozen=True):
    """Digits that an entry of the target has lost, and the first value on the way where they were lost."""

    digits: float
    capacity: float
    place: tuple[int, ...]
    node: Node


def lost_digits(plan: Plan, sweep: Backward, values: Values) -> list[Diagnostic]:
    """A warning if an entry of the target has lost more than is tolerated.

    `values` holds the primals and adjoints of a sweep, whose seed is 1, or all basis vectors on a leading axis.
    """
    if len(sweep.adjoints) > MOST_NODES:
        return []
    followed = _followed(sweep, values)
    found = _worst(followed)
    return [_warning(plan, followed, found)] if found is not None else []


def loses_digits(sweep: Backward, values: Values) -> Array:
    """Where a target has lost more than is tolerated, by entry; of a scalar's values with an axis of rows, by row."""
    if len(sweep.adjoints) > MOST_NODES:
        return np.zeros(1, bool)
    lost, size, _ = _lost(_followed(sweep, values))
    return is_told(lost, size)


class Followed(Struct, frozen=True, eq=False):
    """A sweep by all that was rounded, and its values; `constants` are what it is by besides what varies."""

    sweep: Backward
    values: Values
    constants: frozenset[Node] = frozenset()

    def adjoint(self, node: Node) -> Array:
        """The adjoint of a node. Of a constant an infinite one says nothing, as that of the exponent of (-1)^3."""
        array = self.values[self.sweep.adjoints[node]]
        return np.where(np.isfinite(array), array, 0.0) if node in self.constants else array


def _followed(sweep: Backward, values: Values) -> Followed:
    """A sweep as it is, or one by the constants too whose computation rounded something."""
    rounded = {n for n in ancestors([sweep.target]) if n not in sweep.adjoints and _error(n, values).any()}
    if not rounded:
        return Followed(sweep, values)
    whole = reverse(sweep.target, sweep.seed, rounded)
    known: Values = ChainMap({}, values)
    for adjoint in whole.adjoints.values():
        evaluator.evaluate(evaluator.above(adjoint, known), known)
    return Followed(whole, known, frozenset(whole.adjoints) - frozenset(sweep.adjoints))


def _error(node: Node, values: Values) -> Array:
    """The size of what a node rounded off."""
    known, assumed = rounding(node, values)
    return assumed if known is None else np.abs(known) + assumed


def _worst(followed: Followed) -> Loss | None:
    """The entry of the target that has lost most."""
    target = followed.sweep.target
    lost, size, errors = _lost(followed)
    told = is_told(lost, size)
    if not told.any():
        return None
    worst = int(np.nanargmax(np.where(told, lost, -np.inf)))
    rows = int(extent(target.shape)[0])
    place = evaluator.entry((worst % rows, worst // rows), target)
    with np.errstate(all="ignore"):
        return Loss(float(lost[worst]), float(capacity(size)[worst]), place, _loser(followed, errors, worst))


def _lost(followed: Followed) -> tuple[Array, Array, dict[Node, Array]]:
    """Digits by entry of the target, the size of these, and the error of each value."""
    values = followed.values
    size = np.swapaxes(np.abs(values[followed.sweep.target]), -1, -2).reshape(-1)
    known, assumed = np.zeros_like(size), np.zeros_like(size)
    errors: dict[Node, Array] = {}
    with np.errstate(all="ignore"):
        for node in followed.sweep.adjoints:
            signed, spread = rounding(node, values)
            errors[node] = spread if signed is None else np.abs(signed) + spread
            if not errors[node].any():
                continue
            adjoint = followed.adjoint(node)
            if signed is not None:
                known = known + _moved(adjoint, signed).sum(axis=(-2, -1))
            assumed = np.hypot(assumed, _length(_moved(adjoint, spread)))
        error = np.abs(known) + assumed
        if not np.isfinite(error).all():
            error = np.where(np.isfinite(error) | (size == 0), error, _moved_by_steps(followed))
        return np.where((size == 0) & (error > 0), DIGITS, digits_in(error, size)), size, errors


def _moved_by_steps(followed: Followed) -> Array:
    """By how much the target moves with its steps, where an adjoint is beyond the largest float."""
    target = followed.sweep.target
    moves = perturbations(ancestors([target]), [target], followed.values, magnified=BARELY)
    total = reduce(np.hypot, (move for (move,) in moves)) / math.sqrt(SWEEPS)
    return np.asarray(np.swapaxes(total, -1, -2).reshape(-1))


def digits_in(error: Array, size: Array) -> Array:
    """How many of the digits of a number an error is: log10 of it in units of the last place.

    All that it has are if the error is no number, or the number 0. The spacing of floats near 0 is no loss: no form of
    an expression has more digits there.
    """
    with np.errstate(all="ignore"):
        digits = np.log10(error) - np.log10(np.maximum(UNIT * size, LEAST))
        most = capacity(size)
        return np.where(error == 0, 0.0, np.where(np.isnan(digits), most, np.minimum(digits, most)))


def capacity(size: Array) -> Array:
    """The digits that floats of a size have: fewer below 2.2e-308. Of 0 they count as all, which are lost together."""
    with np.errstate(all="ignore"):
        return np.where(size > 0, np.minimum(DIGITS, np.log10(size) - math.log10(LEAST)), DIGITS)


def is_told(lost: Array, size: Array) -> Array:
    """Whether so many lost digits of a number of a size are more than is tolerated."""
    return np.asarray(lost > np.minimum(TOLERATED, np.maximum(1.0, TOLERATED / DIGITS * capacity(size))))


def _length(array: Array) -> Array:
    """The Euclidean length over the last two axes, where squares may leave the range of floats."""
    size = np.max(np.abs(array), axis=(-2, -1), initial=0.0)
    scale = np.where((size > 0) & np.isfinite(size), size, 1.0)
    return np.asarray(scale * np.sqrt(np.square(array / scale[..., None, None]).sum(axis=(-2, -1))))


def _moved(adjoint: Array, error: Array) -> Array:
    """By how much the target moves; nothing comes from what was not taken."""
    return np.where((adjoint == 0) | (error == 0), 0.0, adjoint * error)


def _loser(followed: Followed, errors: Mapping[Node, Array], row: int) -> Node:
    """From the value whose rounding costs most, upwards to where it grew most compared with the value itself."""
    sweep, values = followed.sweep, followed.values

    def of(node: Node) -> Array:
        return of_row(values[node])

    def of_row(array: Array) -> Array:
        return array[row if len(array) > 1 else 0] if array.ndim > 2 else array

    def cost(node: Node) -> float:
        return float(np.nanmax(np.abs(_moved(of_row(followed.adjoint(node)), errors[node])), initial=0.0))

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


def _warning(plan: Plan, followed: Followed, loss: Loss) -> Diagnostic:
    """The warning: how many digits are lost and remain, the value that loses them, and what to write instead."""
    target, small = followed.sweep.target, bool(underflowed(loss.node, followed.values).any())
    place = f"[{', '.join(map(str, loss.place))}]" if loss.place else ""
    message = told_loss(f"`{plan.labels[target]}{place}`", loss.digits, loss.capacity)
    node, label = loss.node, plan.labels.get(loss.node, "")
    span = plan.spans.get(node)
    labels = (Label(span, label),) if span is not None else ()
    why, better = (TOO_SMALL, LARGER) if small else (_why(node), _help(plan, node))
    where = f"they are lost in {f'`{label}`, ' if label else ''}`{_shown(plan, node, node)}`: {why}"
    return Diagnostic("lost-digits", message, span or plan.spans.get(target), labels, where, better)


def told_loss(name: str, digits: float, most: float) -> str:
    """How many of its digits a number has lost, and how many remain, in words."""
    kept = most - digits
    small = most < DIGITS - 0.5
    if kept < 1:
        has = f" {most:.0f} that a number so small has" if small else " 16"
        return f"no digit of {name} is certain: all{has} are lost to rounding"
    remain = f"about {kept:.0f} remain{'s' if round(kept) == 1 else ''}"
    if small:
        return (
            f"{name} loses to rounding about {digits:.0f} of the {most:.0f} digits that a number so small has: {remain}"
        )
    return f"{name} loses about {digits:.0f} of its 16 digits to rounding: {remain}"


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
