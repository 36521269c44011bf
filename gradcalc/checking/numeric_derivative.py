"""Derivatives from function values alone: what every gradient is checked against.

Nothing here knows a differential. Where every operation between an input and the target is analytic and its kernel
right for complex numbers, the derivative is the imaginary part of one value, Im f(x + i h) / h, without any
cancellation (Squire and Trapp, Using complex variables to estimate derivatives of real functions, SIAM Review 40,
1998). Elsewhere central differences of ever smaller steps are extrapolated, and the tableau says how far to trust
them (Ridders, Accurate computation of F'(x) and F'(x) F''(x), Advances in Engineering Software 4, 1982; Press et
al., Numerical Recipes, section 5.7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from gradcalc import evaluator
from gradcalc.evaluator import Values
from gradcalc.graph import Node, ancestors, count, extent
from gradcalc.rounding import LEAST_NORMAL

Array = np.ndarray[Any, Any]
COMPLEX, DIFFERENCES = "complex step", "differences"
STEP = 1e-30
"""The complex step: its square vanishes beside any value."""
LEVELS, SHRINK, FIRST, LEAST = 10, 2.0, 0.1, 0.1
"""Steps of central differences: how many, each how much smaller than the one before, the first for an entry of 1, and
the size for which an entry counts that is smaller."""
FINE, DOUBTFUL = 2.0**-20, 1e-3
"""The fine step, as a part of the first one of an entry's own size, and by what part its slope may be another."""
CONTRADICTED = 8.0
"""How many times their own uncertainty the smallest steps may lie from an answer."""
MOST, SAMPLE = 2_000, 400
"""An input of more entries is checked at a sample of them."""
BLOCK, BUDGET = 2**22, 4 * 10**8
"""Numbers that are held at once, and about how many are computed for one input."""
_EPSILON = float(np.finfo(np.float64).eps)


class NumericDerivative(Struct, frozen=True, eq=False):
    """The Jacobian of a target by some entries of an input.

    `values` and `errors` have a row for every entry of the target and a column for every entry of `entries`, both
    counted row by row; `errors` are what the method says of itself. It is `doubted` where a step that is much finer
    finds another slope.
    """

    method: str
    entries: Array
    values: Array
    errors: Array
    doubted: Array


def numeric_derivative(target: Node, leaf: Node, values: Values, seed: int = 0,
                       users: Mapping[Node, Sequence[Node]] | None = None) -> NumericDerivative:  # fmt: skip
    """Differentiate a target by a leaf, at a point that holds the values of all that the target needs.

    Of a large input a seeded sample of entries is taken. `users` are those of the target, if they are known.
    """
    moving = moving_with(leaf, users_of(target) if users is None else users)
    analytic = all(map(_is_analytic, moving))
    method, runs = (_complex_step, 1) if analytic else (_differences, 2 * LEVELS + 2)
    chosen = _chosen(leaf, runs * max(1, sum(map(_cost, moving))), seed)
    if target is not leaf and target not in moving:
        nothing = np.zeros((count(target.shape), len(chosen)))
        return NumericDerivative(COMPLEX, chosen, nothing, nothing, nothing > 0)
    width = max(1, BLOCK // max(1, sum(count(n.shape) for n in moving)))
    with np.errstate(all="ignore"):  # what is not finite does not settle
        found_by_block = [method(target, leaf, values, moving, block) for block in blocks(chosen, width)]
    found, errors, doubted = (np.concatenate(parts, axis=-1) for parts in zip(*found_by_block, strict=True))
    return NumericDerivative(COMPLEX if analytic else DIFFERENCES, chosen, found, errors, doubted)


def users_of(target: Node) -> dict[Node, list[Node]]:
    """What each value that a target needs is used by."""
    found: dict[Node, list[Node]] = {}
    for node in ancestors([target]):
        for operand in node.inputs:
            found.setdefault(operand, []).append(node)
    return found


def moving_with(leaf: Node, users: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """What the target needs and what changes with the leaf, in evaluation order, the leaf left out."""
    found: set[Node] = set()
    stack = [leaf]
    while stack:
        new = set(users.get(stack.pop(), ())) - found
        found |= new
        stack.extend(new)
    return sorted(found, key=lambda n: n.index)


def _is_analytic(node: Node) -> bool:
    analytic = node.operation.analytic
    return analytic(node.attributes) if callable(analytic) else analytic


def _cost(node: Node) -> int:
    """About how many multiplications a node takes: for each entry one, or as many as an operand is long."""
    inner = (
        1 if node.operation.entrywise else max(count(extent(i.shape)[k : k + 1]) for i in node.inputs for k in (0, 1))
    )
    return count(node.shape) * inner


def _chosen(leaf: Node, cost: int, seed: int) -> Array:
    """The entries to be checked: all, or a sample of a large input or where one entry costs much."""
    size = count(leaf.shape)
    most = max(8, min(size if size <= MOST else SAMPLE, BUDGET // cost))
    if size <= most:
        return np.arange(size)
    return np.sort(np.random.default_rng(seed).choice(size, most, replace=False))


def blocks(entries: Array, width: int) -> Iterator[Array]:
    for start in range(0, max(1, len(entries)), width):
        yield entries[start : start + width]


def evaluated(target: Node, leaf: Node, values: Values, moving: Sequence[Node], changed: Array) -> Array:
    """The target for a batch of values of the leaf, one row of entries for each."""
    moved = set(moving)
    known: Values = {i: values[i] for n in moving for i in n.inputs if i not in moved}
    known[leaf] = changed
    evaluator.evaluate(moving, known)
    rows, columns = (int(s) for s in extent(target.shape))
    whole = np.broadcast_to(known[target] if target is not leaf else changed, (len(changed), rows, columns))
    return whole.reshape(len(changed), rows * columns)


def bumps(leaf: Node, entries: Array) -> Array:
    """A 1 at each of the entries."""
    rows, columns = (int(s) for s in extent(leaf.shape))
    bumps = np.zeros((len(entries), rows * columns))
    bumps[np.arange(len(entries)), entries] = 1.0
    return bumps.reshape(len(entries), rows, columns)


def _complex_step(target: Node, leaf: Node, values: Values, moving: Sequence[Node],
                  entries: Array) -> tuple[Array, Array, Array]:  # fmt: skip
    """Im f(x + i h) / h, with the rounding of the values that it went through as its error.

    It is doubted where it may have been too small for a float with all its digits.
    """
    changed = values[leaf] + 1j * STEP * bumps(leaf, entries)
    found = np.imag(evaluated(target, leaf, values, moving, changed)).T / STEP
    return found, 64.0 * _EPSILON * np.abs(found), np.abs(found) < LEAST_NORMAL / STEP


def _differences(target: Node, leaf: Node, values: Values, moving: Sequence[Node],
                 entries: Array) -> tuple[Array, Array, Array]:  # fmt: skip
    """Ridders' method: central differences of shrinking steps, extrapolated to step 0, and a look at a fine step."""
    at = values[leaf].reshape(-1)[entries]
    first = FIRST * np.maximum(np.abs(at), LEAST)
    bump = bumps(leaf, entries)

    def difference(step: Array) -> tuple[Array, Array]:
        change = bump * step[:, None, None]
        above, below = (evaluated(target, leaf, values, moving, values[leaf] + sign * change).T for sign in (1.0, -1.0))
        with np.errstate(all="ignore"):
            rounding = 4.0 * _EPSILON * np.maximum(np.abs(above), np.abs(below)) / step
            return (above - below) / (2.0 * step), rounding

    found, error = extrapolated([difference(first / SHRINK**level) for level in range(LEVELS)])
    slope, noise = difference(np.where(at == 0, first, FIRST * np.abs(at)) * FINE)
    with np.errstate(all="ignore"):
        return found, error, ~(np.abs(slope - found) <= DOUBTFUL * np.abs(found) + CONTRADICTED * (error + noise))


def extrapolated(rows: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """The best entry of Neville's tableau, and its error: what it differs by from its neighbours, and rounding.

    `rows` are differences and what rounding made of them, for steps each smaller by the same factor. Values outside
    the domain are passed over, and so is what the smallest steps contradict: large steps across several jumps may
    agree with each other.
    """
    with np.errstate(all="ignore"):
        (larger, noise), (smallest, more_noise) = rows[-2:]
        radius = CONTRADICTED * (np.abs(larger - smallest) + noise + more_noise)
        best, rounding = rows[0]
        error = np.full(best.shape, np.inf)
        before: list[Array] = [best]
        for difference, rounding in rows[1:]:
            row, factor = [difference], 1.0
            for earlier in before:
                factor *= SHRINK * SHRINK
                row.append((row[-1] * factor - earlier) / (factor - 1.0))
                doubt = np.maximum(np.abs(row[-1] - row[-2]), np.abs(row[-1] - earlier)) + rounding
                better = (doubt < error) & ~(np.abs(row[-1] - smallest) > radius)
                best, error = np.where(better, row[-1], best), np.where(better, doubt, error)
            before = row
    return best, error
