"""How many digits gradients lose to rounding: the sweep once more, with every step moved by what it rounds off.

Where branches cancel, a gradient may lose all of its digits though the value loses few. A running error along the
gradients of every gradient would take a sweep for each; a few sweeps with perturbed steps do for all of them (Parker,
Monte Carlo Arithmetic, 1997). What a step rounded off is known with its sign for arithmetic, and half a unit in the
last place with a sign drawn at random elsewhere (`gradcalc.rounding`). It is magnified so that it is large beside the
rounding of the perturbed sweep itself, and the change of a gradient is reduced by as much: to first order that is its
error. The signs are the same in every run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcalc.differentiate import Backward
from gradcalc.errors import Diagnostic, Label
from gradcalc.evaluator import Values
from gradcalc.graph import Node, ancestors
from gradcalc.planning.plan import Plan
from gradcalc.precision import DIGITS, MOST_NODES, TOLERATED, better_form, told_loss
from gradcalc.rounding import UNIT, rounding

Array = np.ndarray[Any, Any]
MAGNIFIED = 2.0**10
"""How much larger than the rounding of the sweep a perturbation is."""
SWEEPS = 3
BRANCHES = 3
"""Branches that a warning names."""


@dataclass(frozen=True)
class Loss:
    """The digits that the largest entry of a gradient has lost."""

    digits: float
    name: str
    node: Node


def lost_in_gradients(
    plan: Plan, sweep: Backward, values: Values, shown: Sequence[tuple[str, Node]]
) -> list[Diagnostic]:
    """A warning if a gradient by one of the inputs shown has lost more than is tolerated: the one that lost most.

    `values` holds the primals and adjoints of a sweep whose seed is 1.
    """
    losses = [Loss(float(d), n, node) for n, node, d in digits_lost_in_gradients(sweep, values, shown)]
    worst = max(losses, key=lambda loss: loss.digits, default=None)
    return [_warning(plan, sweep, values, worst)] if worst is not None and worst.digits > TOLERATED else []


def digits_lost_in_gradients(
    sweep: Backward, values: Values, shown: Sequence[tuple[str, Node]]
) -> list[tuple[str, Node, Array]]:
    """The digits that the largest entry of each gradient has lost; of values with an axis of rows, in each row.

    None are told where the graph is too large, or where a value is not finite.
    """
    gradients = [(name, node) for name, node in shown if node in sweep.adjoints]
    adjoints = [sweep.adjoints[node] for _, node in gradients]
    order = ancestors(adjoints)
    if len(order) > MOST_NODES or not all(np.isfinite(values[n]).all() for n in order):
        return []
    errors = _errors(order, adjoints, values)
    return [(*g, _digits(values[a], errors[a])) for g, a in zip(gradients, adjoints, strict=True)]


def _errors(order: Sequence[Node], adjoints: Sequence[Node], values: Values) -> dict[Node, Array]:
    """The root mean square of what perturbed sweeps change."""
    total = [np.zeros_like(values[node]) for node in adjoints]
    with np.errstate(all="ignore"):
        for changes in perturbations(order, adjoints, values):
            total = [np.hypot(length, change) for length, change in zip(total, changes, strict=True)]
    return {node: length / math.sqrt(SWEEPS) for node, length in zip(adjoints, total, strict=True)}


def perturbations(
    order: Sequence[Node], wanted: Sequence[Node], values: Values, leaves: Mapping[Node, Array] | None = None
) -> Iterator[list[Array]]:
    """By how much some nodes are off, to first order, once for each sweep: its signs are the same for all of them.

    `leaves` says by how much leaves are off that are rounded themselves.
    """
    rounded = {node: rounding(node, values) for node in order}
    rounded.update((leaf, (None, size)) for leaf, size in (leaves or {}).items())
    numbers = np.random.default_rng(0)
    for _ in range(SWEEPS):
        moved = _perturbed(order, values, rounded, numbers)
        with np.errstate(all="ignore"):
            yield [(moved.get(node, values[node]) - values[node]) / MAGNIFIED for node in wanted]


def _perturbed(
    order: Sequence[Node],
    values: Values,
    rounded: dict[Node, tuple[Array | None, Array]],
    numbers: np.random.Generator,
) -> Values:
    """What changes in a sweep whose steps are moved. Choices stay as they were, and so does what is not finite then."""
    moved: Values = {}
    with np.errstate(all="ignore"):
        for node in order:
            known, assumed = rounded[node]
            step = assumed * numbers.choice((-1.0, 1.0), assumed.shape[-2:])
            step = step if known is None else step + known
            follows = any(i in moved for i in node.inputs) and node.operation.habit != "is constant"
            if not follows and not step.any():
                continue
            found = values[node]
            if follows:
                found = node.operation.kernel(node.attributes, *(moved.get(i, values[i]) for i in node.inputs))
            found = found + MAGNIFIED * step
            moved[node] = np.where(np.isfinite(found), found, values[node])
    return moved


def _digits(gradient: Array, error: Array) -> Array:
    """log10 of the largest error beside half a unit of the largest entry; all of a 0 that is off."""
    size, most = (np.max(np.abs(a), axis=(-2, -1), initial=0.0) for a in (gradient, error))
    unit = np.maximum(UNIT * size, np.finfo(np.float64).tiny)
    with np.errstate(divide="ignore"):
        return np.where(most > 0, np.minimum(DIGITS, np.log10(most) - np.log10(unit)), 0.0)


def _warning(plan: Plan, sweep: Backward, values: Values, loss: Loss) -> Diagnostic:
    """The warning: how many digits are lost and remain, the branches that cancel, and what to write instead."""
    name = f"`∂{plan.labels[sweep.target]}/∂{loss.name}`"
    branches = [e for e in sweep.edges if e.input is loss.node]
    sizes = [float(np.max(np.abs(values[e.downstream]), initial=0.0)) for e in branches]
    whole = float(np.max(np.abs(values[sweep.adjoints[loss.node]]), initial=0.0))
    span = plan.spans.get(loss.node)
    labels = (Label(span, loss.name),) if span is not None else ()
    if max(sizes) > 10.0**TOLERATED * whole:
        through = ", ".join(f"`{plan.labels[e.node]}`" for e in branches[:BRANCHES])
        more = ", ..." if len(branches) > BRANCHES else ""
        rule = f"its branches through {through}{more} are up to {max(sizes):.2g}, and nearly cancel in the sum"
    else:
        rule = "it magnifies the rounding of the values that it is computed from"
    other = (
        better_form(plan, sweep.adjoints, values) or "look for a form of the expression whose branches do not cancel"
    )
    return Diagnostic(
        "lost-digits", told_loss(name, loss.digits), span or plan.spans.get(sweep.target), labels, rule, other
    )
