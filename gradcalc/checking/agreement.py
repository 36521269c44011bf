"""Do two arrays agree? To the digits that are written, to what rounding leaves; and where they differ, in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from gradcalc import syntax
from gradcalc.evaluator import Values, entry, evaluate
from gradcalc.graph import Node, ancestors
from gradcalc.perturbations import perturbations
from gradcalc.rounding import LEAST, UNIT, rounding, underflowed

Array = np.ndarray[Any, Any]
RELATIVE = 1e-9
"""Two numbers agree to this part of the larger one; a literal agrees to the digits that it has."""
NOISE = 32.0
"""How many times what rounding is estimated to leave may lie between two numbers that are the same."""
NEAREST = 16.0
"""Units of the least float that are nothing: what is 0 to this is 0."""


def differing(
    left: Node,
    right: Node,
    values: Values,
    written: Sequence[syntax.Expression] = (),
    literals: Mapping[Node, Any] | None = None,
) -> Array:
    """Where two nodes of one shape differ, entry by entry; `written` are the expressions that may be literals.

    `literals` gives for a leaf that the file defines without inputs the node that computes it.
    """
    wrong, tolerance = _apart(left, right, values, written)
    if not wrong.any():
        return wrong
    with np.errstate(all="ignore"):
        apart = np.abs(values[left] - values[right])
        return np.asarray(~(apart <= np.maximum(tolerance, NOISE * _noise(left, right, values, literals or {}))))


def undecided(left: Node, right: Node, values: Values) -> Array:
    """Where two nodes agree that have no digit left, as numbers on the way to them were too small for floats.

    Nothing there tells one number from another, such as 0 from 1e-170. One that is as near to 0 as floats lie is 0.
    """
    found, stated = np.broadcast_arrays(values[left], values[right])
    if not any(underflowed(n, values).any() for n in ancestors([left, right])):
        return np.zeros(found.shape, bool)
    order = list(ancestors([left, right]))
    changes = list(perturbations(order, [left, right], values, rounded_off=_underflow))
    noise = np.maximum(*(_length(moved[side] for moved in changes) for side in (0, 1)))
    size = np.maximum(np.abs(found), np.abs(stated))
    return np.asarray((noise > NEAREST * LEAST) & (size <= NOISE * noise))


def _underflow(node: Node, values: Values) -> tuple[Array | None, Array]:
    """What a node rounded off where its result is too small for a normal float."""
    small = underflowed(node, values)
    if not small.any():
        return None, np.zeros(small.shape)
    known, assumed = rounding(node, values)
    return None if known is None else np.where(small, known, 0.0), np.where(small, assumed, 0.0)


def plainly_equal(left: Node, right: Node, values: Values, written: Sequence[syntax.Expression] = ()) -> Array:
    """Whether two nodes of one shape agree to the digits that count, in each row of values that have an axis of
    rows: `differing` then finds nothing, without an estimate of what rounding leaves, nor is anything `undecided`."""
    equal = np.asarray(~_apart(left, right, values, written)[0].any(axis=(-2, -1)))
    for node in ancestors([left, right]):
        equal = equal & ~underflowed(node, values).any(axis=(-2, -1))
    return equal


def _apart(
    left: Node, right: Node, values: Values, written: Sequence[syntax.Expression]
) -> tuple[Array, Array | float]:
    """Where two nodes differ by more than the digits that count, and what may lie between them there."""
    found, stated = values[left], values[right]
    size = np.maximum(np.abs(np.nan_to_num(found)), np.abs(np.nan_to_num(stated)))
    tolerance: Array | float = RELATIVE * size
    for expression in written:
        tolerance = np.maximum(tolerance, _digits(expression, stated))
    with np.errstate(all="ignore"):
        return np.asarray(~(np.abs(found - stated) <= tolerance)), tolerance


def _noise(left: Node, right: Node, values: Values, literals: Mapping[Node, Any]) -> Array:
    """How far rounding moves one side from the other, entry by entry."""
    order = list(ancestors([left, right]))
    leaves = {leaf: _leaf_noise(values[leaf], literals.get(leaf)) for leaf in order if not leaf.inputs}
    return _length(moved[0] - moved[1] for moved in perturbations(order, [left, right], values, leaves))


def _leaf_noise(array: Array, literal: Any) -> Array:
    """What a leaf may be off: what its computation rounds off, else half a unit in the last place of numbers that are
    not whole, which may have been rounded when they were written."""
    if not isinstance(literal, Node):
        return np.where(array == np.rint(array), 0.0, UNIT * np.abs(array))
    order = list(ancestors([literal]))
    values = evaluate(order, {})
    leaves = {node: _leaf_noise(values[node], None) for node in order if not node.inputs}
    return _length(moved for (moved,) in perturbations(order, [literal], values, leaves))


def _length(changes: Iterable[Array]) -> Array:
    """The root mean square of changes, 0 where they are not finite."""
    found = list(changes)
    with np.errstate(all="ignore"):
        mean = reduce(np.hypot, found, np.zeros(())) / len(found) ** 0.5
    return np.where(np.isfinite(mean), mean, 0.0)


def _digits(expression: syntax.Expression, stated: Array) -> Array | float:
    """Half a unit of the last digit of numbers written with a point, 0 for others."""
    while isinstance(expression, syntax.Negative | syntax.Group):
        expression = expression.operand
    if isinstance(expression, syntax.Number):
        return _half_unit(expression.text)
    if isinstance(expression, syntax.Matrix):
        units = np.array([_of_entry(e) for e in _entries(expression)])
        shape = stated.shape[-2:]
        if units.size == math.prod(shape):
            return units.reshape(shape)
    return 0.0


def _entries(matrix: syntax.Matrix) -> list[syntax.Expression]:
    """The entries of a literal, row by row, also where its rows are literals of their own."""
    rows = list(matrix.rows)
    if len(rows) == 1:
        rows = [r.rows[0] for r in rows[0] if isinstance(r, syntax.Matrix) and r.rows] or rows
    return [e for row in rows for e in row]


def _of_entry(expression: syntax.Expression) -> float:
    while isinstance(expression, syntax.Negative | syntax.Group):
        expression = expression.operand
    return _half_unit(expression.text) if isinstance(expression, syntax.Number) else 0.0


def _half_unit(text: str) -> float:
    match = re.fullmatch(r"\d*(?:\.(\d*))?(?:[eE]([+-]?\d+))?", text)
    if not match or match.group(1) is None:
        return 0.0
    power = int(match.group(2) or 0) if float(text) else 0  # 0.0e9 says no less than 0.0
    return 0.5000001 * 10.0 ** (power - len(match.group(1)))


# ------------------------------------------------------------------------------ in words


def difference(left: Node, right: Node, values: Values, wrong: Array, labels: Sequence[str] = ()) -> str:
    """The first and the largest differing entry in one line; of scalars just both numbers."""
    found, stated = values[left], values[right]
    with np.errstate(all="ignore"):
        apart = np.where(wrong, np.abs(np.nan_to_num(found - stated, nan=np.inf)), -1.0)
    first, worst = (np.unravel_index(int(k), found.shape) for k in (np.argmax(wrong), np.argmax(apart)))
    if not left.shape:
        return _both(found[first], stated[first])
    words = f"first differing entry {_pair(left, found, stated, first, labels)}"
    if first == worst:
        return words if np.count_nonzero(wrong) == 1 else f"{words}, which is the largest difference"
    return f"{words}; largest difference at {_pair(left, found, stated, worst, labels)}"


def _pair(node: Node, found: Array, stated: Array, index: Any, labels: Sequence[str]) -> str:
    place = entry([int(k) for k in index], node)
    return f"{place_name(place, labels)}: {_both(found[index], stated[index])}"


def place_name(place: Sequence[int], labels: Sequence[str] = ()) -> str:
    """`[1]`, `[1, 2]`, or with its label `[1] (museums)`; "" for a scalar."""
    if not place:
        return ""
    label = labels[max(place)] if max(place) < len(labels) and sum(place) == max(place) else ""
    return f"[{', '.join(map(str, place))}]" + (f" ({label})" if label else "")


def _both(left: float, right: float) -> str:
    """Two numbers that differ, with as many digits as it takes to see that."""
    for digits in (8, 17):
        first, second = f"{left:.{digits}g}", f"{right:.{digits}g}"
        if first != second:
            break
    return f"left {first}, right {second}"
