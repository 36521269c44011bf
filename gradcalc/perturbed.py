"""How many digits gradients lose to rounding: the sweep once more, with every step moved by what it rounds off.

Where branches cancel, a gradient may lose all of its digits though the value loses few. A running error along the
gradients of every gradient would take a sweep for each; a few sweeps with perturbed steps do for all of them
(`gradcalc.perturbations`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from gradcalc.differentiate import Backward
from gradcalc.errors import Diagnostic, Label
from gradcalc.evaluator import Values
from gradcalc.graph import Node, ancestors
from gradcalc.perturbations import SWEEPS, perturbations
from gradcalc.planning.plan import Plan
from gradcalc.precision import LARGER, MOST_NODES, TOLERATED, better_form, capacity, digits_in, is_told, told_loss
from gradcalc.rounding import underflowed

Array = np.ndarray[Any, Any]
BRANCHES = 3
"""Branches that a warning names."""


class Loss(Struct, frozen=True):
    """The digits that the largest entry of a gradient has lost."""

    digits: float
    capacity: float
    name: str
    node: Node


def lost_in_gradients(
    plan: Plan, sweep: Backward, values: Values, shown: Sequence[tuple[str, Node]]
) -> list[Diagnostic]:
    """A warning if a gradient by one of the inputs shown has lost more than is tolerated: the one that lost most.

    `values` holds the primals and adjoints of a sweep whose seed is 1.
    """
    found = digits_lost_in_gradients(sweep, values, shown)
    losses = [Loss(float(d), float(capacity(s)), n, node) for n, node, d, s in found if is_told(d, s)]
    worst = max(losses, key=lambda loss: loss.digits, default=None)
    return [_warning(plan, sweep, values, worst)] if worst is not None else []


def digits_lost_in_gradients(
    sweep: Backward, values: Values, shown: Sequence[tuple[str, Node]]
) -> list[tuple[str, Node, Array, Array]]:
    """The digits that the largest entry of each gradient has lost, and its size; of values with rows, in each row.

    None are told where the graph is too large, or where a value is not finite.
    """
    gradients = [(name, node) for name, node in shown if node in sweep.adjoints]
    adjoints = [sweep.adjoints[node] for _, node in gradients]
    order = ancestors(adjoints)
    if len(order) > MOST_NODES or not all(np.isfinite(values[n]).all() for n in order):
        return []
    errors = _errors(order, adjoints, values)
    return [(*g, *_digits(values[a], errors[a])) for g, a in zip(gradients, adjoints, strict=True)]


def _errors(order: Sequence[Node], adjoints: Sequence[Node], values: Values) -> dict[Node, Array]:
    """The root mean square of what perturbed sweeps change."""
    total = [np.zeros_like(values[node]) for node in adjoints]
    with np.errstate(all="ignore"):
        for changes in perturbations(order, adjoints, values):
            total = [np.hypot(length, change) for length, change in zip(total, changes, strict=True)]
    return {node: length / math.sqrt(SWEEPS) for node, length in zip(adjoints, total, strict=True)}


def _digits(gradient: Array, error: Array) -> tuple[Array, Array]:
    """The digits that the largest error is, beside the largest entry, and that entry."""
    size, most = (np.max(np.abs(a), axis=(-2, -1), initial=0.0) for a in (gradient, error))
    return digits_in(most, size), size


def _warning(plan: Plan, sweep: Backward, values: Values, loss: Loss) -> Diagnostic:
    """The warning: how many digits are lost and remain, the branches that cancel, and what to write instead."""
    message = told_loss(f"`∂{plan.labels[sweep.target]}/∂{loss.name}`", loss.digits, loss.capacity)
    span = plan.spans.get(loss.node)
    labels = (Label(span, loss.name),) if span is not None else ()
    rule, better = _reason(plan, sweep, values, loss.node)
    return Diagnostic("lost-digits", message, span or plan.spans.get(sweep.target), labels, rule, better)


def _reason(plan: Plan, sweep: Backward, values: Values, node: Node) -> tuple[str, str]:
    """Where the gradient by a node loses its digits, and what helps."""
    branches = [e for e in sweep.edges if e.input is node]
    most = max(float(np.max(np.abs(values[e.downstream]), initial=0.0)) for e in branches)
    whole = float(np.max(np.abs(values[sweep.adjoints[node]]), initial=0.0))
    cancels = most > 10.0**TOLERATED * whole
    if not cancels and any(underflowed(n, values).any() for n in ancestors([sweep.adjoints[node]])):
        return "numbers that it is computed from are too small for a 64-bit float to hold their digits", LARGER
    rule = "it magnifies the rounding of the values that it is computed from"
    if cancels:
        through = ", ".join(f"`{plan.labels[e.node]}`" for e in branches[:BRANCHES])
        more = ", ..." if len(branches) > BRANCHES else ""
        rule = f"its branches through {through}{more} are up to {most:.2g}, and nearly cancel in the sum"
    better = better_form(plan, sweep.adjoints, values)
    return rule, better or "look for a form of the expression whose branches do not cancel"
