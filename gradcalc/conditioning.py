"""Which matrices are so near to singular ones that what is made of them has lost most of the digits of their entries.

An operation says how many times larger a relative error of its operand can become in its result (`condition`). Of
entries that are exact nothing is lost; of entries that were rounded once, log10 of that number of the 16 digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradcalc import evaluator
from gradcalc.errors import Diagnostic, Label
from gradcalc.evaluator import Values
from gradcalc.graph import Node, ancestors
from gradcalc.planning.plan import Plan
from gradcalc.suggest import shown_size

Array = np.ndarray[Any, Any]
TOLERATED = 1e8
"""The condition number that is not worth a warning: half of the digits are left."""


def ill_conditioned(plan: Plan, values: Values) -> list[Diagnostic]:
    """A warning for each matrix of the target whose condition number is large; one where several values use it."""
    order = ancestors([plan.target])
    found: dict[Node, tuple[Node, float]] = {}
    for node in order:
        if node.operation.condition is not None and node.inputs[0] not in found:
            numbers = node.operation.condition(node.attributes, *(values[i] for i in node.inputs))
            worst = float(np.max(numbers, initial=0.0))
            if TOLERATED < worst < math.inf:
                found[node.inputs[0]] = node, worst
    if not found:
        return []
    taken = evaluator.demand(order, values, [plan.target])
    return [_warning(plan, node, number) for node, number in found.values() if taken[node].any()]


def _warning(plan: Plan, node: Node, number: float) -> Diagnostic:
    span = plan.spans.get(node)
    text = span.text if span else node.op
    digits = min(16, math.floor(math.log10(number)))
    return Diagnostic(
        "ill-conditioned",
        f"the matrix in `{text}` is nearly singular: its condition number is {shown_size(number)}",
        span,
        (Label(span, plan.labels.get(node, "")),) if span else (),
        f"where its entries are rounded, about {digits} of 16 digits are lost; where they are exact, none",
        "do without the inverse, or add a multiple of `I` to the matrix",
    )
