"""By how much values are off, to first order: a sweep a few times more, with every step moved by what it rounds off.

What a step rounded off is known with its sign for arithmetic, and half a unit in the last place with a sign drawn at
random elsewhere (`gradcalc.rounding`; Parker, Monte Carlo Arithmetic, 1997). It is magnified so that it is large
beside the rounding of the perturbed sweep itself, and the change of a value is reduced by as much. What is drawn is the
same in every run.

The draws of one step in all sweeps are a point on a sphere, whose radius makes their mean square 1. One step alone is
then counted as what it is, and two steps that matter equally are seen to differ: of signs alone, one pair in eight has
the same in three sweeps, and would cancel in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradcalc.evaluator import Values
from gradcalc.graph import Node
from gradcalc.rounding import rounding

Array = np.ndarray[Any, Any]
MAGNIFIED = 2.0**10
"""How much larger than the rounding of the sweep a perturbation is."""
SWEEPS = 3


def perturbations(
    order: Sequence[Node],
    wanted: Sequence[Node],
    values: Values,
    leaves: Mapping[Node, Array] | None = None,
    rounded_off: Callable[[Node, Values], tuple[Array | None, Array]] = rounding,
    magnified: float = MAGNIFIED,
) -> Iterator[list[Array]]:
    """By how much some nodes are off, to first order, once for each sweep: its draws are the same for all of them.

    `leaves` says by how much leaves are off that are rounded themselves, `rounded_off` what steps round off. They are
    moved by that `magnified`.
    """
    rounded = {node: rounded_off(node, values) for node in order}
    rounded.update((leaf, (None, size)) for leaf, size in (leaves or {}).items())
    for sweep in range(SWEEPS):
        moved = _perturbed(order, values, rounded, sweep, magnified)
        with np.errstate(all="ignore"):
            yield [(moved.get(node, values[node]) - values[node]) / magnified for node in wanted]


def _perturbed(
    order: Sequence[Node],
    values: Values,
    rounded: dict[Node, tuple[Array | None, Array]],
    sweep: int,
    magnified: float,
) -> Values:
    """What changes in a sweep whose steps are moved. Choices stay as they were, and so does what is not finite then."""
    moved: Values = {}
    numbers = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        for node in order:
            known, assumed = rounded[node]
            step = assumed * _drawn(numbers, assumed.shape[-2:])[sweep]
            step = step if known is None else step + known
            follows = any(i in moved for i in node.inputs) and node.operation.habit != "is constant"
            if not follows and not step.any():
                continue
            found = values[node]
            if follows:
                found = node.operation.kernel(node.attributes, *(moved.get(i, values[i]) for i in node.inputs))
            found = found + magnified * step
            moved[node] = np.where(np.isfinite(found), found, values[node])
    return moved


def _drawn(numbers: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """For each entry the draws of all sweeps."""
    drawn = numbers.normal(size=(SWEEPS, *shape))
    return np.asarray(drawn * np.sqrt(SWEEPS / np.square(drawn).sum(axis=0)))
