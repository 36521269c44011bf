"""Which points without a derivative a target feels.

Where the upstream gradient of a continuous value is 0, its kink goes unnoticed: with s = g(k(x), x) and ∂g/∂k = 0 both
one-sided derivatives of s are those of g(k, ·) for a fixed k. So relu(x)^2, x |x| and ‖v‖ ‖v‖ have a derivative at
0, the right one. A jump is felt wherever its value is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcalc import evaluator
from gradcalc.differentiate import Backward
from gradcalc.evaluator import Values
from gradcalc.graph import Node

Array = np.ndarray[Any, Any]
Kinks = list[tuple[Node, Array]]


def felt_kinks(
    order: Sequence[Node], values: Values, sweep: Backward, upstream: Callable[[list[Node]], Sequence[Array]]
) -> Kinks:
    """The values that are not differentiable at this point, with the entries, as far as the sweep's target feels it.

    `order` is what the target needs, in evaluation order; `upstream` gives the adjoints of some nodes of the sweep, all
    basis vectors on a leading axis where there are several.
    """
    found = evaluator.kinks(_moving(order, sweep), values)
    jumping = [(node, mask) for node, mask in found if _jumps(node)]
    bent = [(node, mask) for node, mask in found if not _jumps(node) and node in sweep.adjoints]
    felt = dict(zip([node for node, _ in bent], upstream([node for node, _ in bent]) if bent else (), strict=True))
    masks = [(node, mask & _anywhere(felt[node] != 0, mask.ndim)) for node, mask in bent]
    if jumping:
        taken = evaluator.demand(order, values, [sweep.target])
        masks += [(node, mask & taken[node]) for node, mask in jumping if node in taken]
    return sorted(((n, mask) for n, mask in masks if mask.any()), key=lambda kink: kink[0].index)


def _jumps(node: Node) -> bool:
    """Whether a value is not continuous at its kinks."""
    jumps = node.operation.jumps
    return jumps(node.attributes) if callable(jumps) else jumps


def _anywhere(mask: Array, axes: int) -> Array:
    """A mask with so many axes, those of rows included: true where it is for some basis vector."""
    return np.asarray(mask.any(axis=tuple(range(mask.ndim - axes))))


def _moving(order: Sequence[Node], sweep: Backward) -> list[Node]:
    """What changes with the inputs that the target is connected with, conditions included."""
    moving: set[Node] = set()
    for node in order:
        connected = node.op == "input" and node in sweep.adjoints
        if connected or any(i in moving for i in node.inputs):
            moving.add(node)
    return [node for node in order if node in moving]
