"""A closer look at a derivative that function values seem to contradict.

A step that is larger than the distance to a kink, a jump or a pole tells nothing of the derivative beside it, and one
that is too small tells of rounding alone. So central differences are taken again in several ranges of steps, from a
tenth of the entry, and of 1, downwards. What rounding makes of them is measured: every step of the program is moved by
what it may round off (Monte Carlo arithmetic, see `gradcalc.perturbations`). The finest range that is sure of a number
has the last word, with the coarser ones that agree with it, unless a finer one does not settle for another reason than
rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from gradcalc import evaluator
from gradcalc.checking import numeric_derivative as numeric
from gradcalc.evaluator import Values
from gradcalc.graph import Node, count
from gradcalc.rounding import EXACT, LEAST, UNIT, assumed, vanished

Array = np.ndarray[Any, Any]
RANGES, APART, LEVELS = 5, 2.0**-10, 9
"""Ranges of steps below each size, by what one is smaller than the one before, and the steps in each."""
SURE, TRUST = 1e-4, 10.0
"""A range is sure of a number to this part of it, and two agree to as many times what they say of their errors."""
DRAWS, MAGNIFIED, NOISE = 6, 2.0**6, 4.0
"""How often a program is moved, how much more than it rounds off, and how many times what that changes is noise."""


class CloserLook(Struct, frozen=True, eq=False):
    """What the ranges of steps say, a row for every entry of the target and a column for every entry looked at.

    `agreeing` counts the ranges that agree, none where no range is sure; `steps` are the smallest in these.
    """

    values: Array
    errors: Array
    agreeing: Array
    steps: Array


def closer_look(target: Node, leaf: Node, values: Values, moving: Sequence[Node], entries: Array,
                scale: float) -> CloserLook:  # fmt: skip
    """Differentiate a target by some entries of a leaf once more; `scale` is the size to which numbers must be sure."""
    width = max(1, numeric.BLOCK // max(1, 2 * LEVELS * sum(count(n.shape) for n in moving)))
    with np.errstate(all="ignore"):  # what is not finite does not settle
        noise = _noise(target, leaf, values, moving)
        blocks = [
            _folded([_look(target, leaf, values, moving, block, first, noise) for first in firsts], scale)
            for block in numeric.blocks(entries, width)
            for firsts in [_firsts(values[leaf].reshape(-1)[block], [values[n] for n in (leaf, *moving)])]
        ]
    return CloserLook(*(np.concatenate(parts, axis=-1) for parts in zip(*blocks, strict=True)))


def _firsts(at: Array, around: Sequence[Array]) -> Array:
    """The first step of each range for each entry, the smallest first: below the size of the entry and below 1.

    An entry that is 0 is as large as the smallest number on the way to the target.
    """
    sizes = np.abs(np.concatenate([a.reshape(-1) for a in around]))
    least = np.min(sizes, where=np.isfinite(sizes) & (sizes > 0), initial=1.0)
    near = np.where(at == 0, least, np.abs(at))
    far = np.maximum(np.abs(at), numeric.LEAST)
    ranges = numeric.FIRST * APART ** np.arange(RANGES)[:, None]
    firsts = np.concatenate([ranges * far, np.where(near < far, ranges * near, np.nan)])
    return np.sort(firsts, axis=0)  # what is not a number comes last, and settles nothing


def _look(target: Node, leaf: Node, values: Values, moving: Sequence[Node], entries: Array, first: Array,
          noise: Array) -> tuple[Array, ...]:  # fmt: skip
    """Differences of one range of steps, their error, what of it is rounding at least, and the smallest step."""
    steps = first * numeric.SHRINK ** -np.arange(LEVELS)[:, None]
    bumps = numeric.bumps(leaf, entries)
    change = steps[:, :, None, None] * bumps
    both = np.stack([values[leaf] + change, values[leaf] - change])
    found = numeric.evaluated(target, leaf, values, moving, both.reshape(-1, *bumps.shape[1:]))
    above, below = np.moveaxis(found.reshape(2, LEVELS, len(entries), -1), -1, -2)
    at = values[leaf].reshape(-1)[entries]
    up, down = (at + steps) - at, at - (at - steps)
    known = (up + down)[:, None, :]
    rows = [((a - b) / k, n) for a, b, k, n in zip(above, below, known, noise[:, None] / known, strict=True)]
    return *numeric.extrapolated(rows), rows[0][1], np.broadcast_to(steps[-1], rows[0][0].shape)


def _noise(target: Node, leaf: Node, values: Values, moving: Sequence[Node]) -> Array:
    """What rounding on the way may change in each entry of the target."""
    random = np.random.default_rng(0)
    moved: Values = {leaf: values[leaf]}
    for node in moving:
        operands = [moved.get(i, values[i]) for i in node.inputs]
        found = node.operation.kernel(node.attributes, *operands)
        if node.op not in EXACT:
            size = np.maximum(assumed(node, found, operands), UNIT * np.abs(found))
            size = np.where(vanished(node, found, operands), LEAST, size)
            found = found + MAGNIFIED * size * random.normal(size=(DRAWS, *found.shape[-2:]))
        moved[node] = evaluator.row_by_row(found)
    change = (moved[target] - values[target]).reshape(-1, count(target.shape)) / MAGNIFIED
    size = np.max(np.abs(change), axis=0)
    return np.asarray(NOISE * size * np.sqrt(np.mean(np.square(change / np.where(size > 0, size, 1.0)), axis=0)))


def _folded(looks: Sequence[tuple[Array, ...]], scale: float) -> tuple[Array, ...]:
    """The range that is surest of those that agree with the finest sure one, up to the first that does not."""
    shape = looks[0][0].shape
    best, error, agreeing = np.zeros(shape), np.full(shape, np.inf), np.zeros(shape, int)
    finest, whole = np.zeros(shape), np.ones(shape, bool)
    for found, doubt, rounding, step in looks:
        needed = SURE * np.maximum(np.abs(found), scale)
        sure = np.isfinite(found) & (doubt <= needed)
        fits = sure & whole & ((agreeing == 0) | ~(np.abs(found - best) > TRUST * (doubt + error)))
        whole &= np.where(sure, fits, (agreeing > 0) | ~(rounding < needed / TRUST))
        finest = np.where(fits & (agreeing == 0), step, finest)
        better = fits & (doubt < error)
        best, error = np.where(better, found, best), np.where(better, doubt, error)
        agreeing += fits
    return best, error, agreeing, finest
