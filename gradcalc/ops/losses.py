"""Losses: cross-entropy and the mean of squared differences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import Node, Operation, Shape
from gradcalc.maps import LinearMap
from gradcalc.notation import call
from gradcalc.ops import doubled_exp
from gradcalc.ops.doubled import multiply, pair
from gradcalc.ops.reduction import needs_entries, over_length, reduced, weighted
from gradcalc.ops.summation import axes_of, length_of, restored, scaled, total
from gradcalc.ops.table import Function, builds_along, declare, same_shape

Array = np.ndarray[Any, Any]


def _two_reduced(shapes: Sequence[Shape], a: Any) -> Shape:
    same_shape(shapes, a)
    return reduced(shapes, a)


# ------------------------------------------------------------------------- cross-entropy


def _cross_entropy_kernel(a: Any, p: Array, y: Array) -> Array:
    """-Σ y log p, a term with y = 0 being 0; where terms cancel, of logarithms to twice the digits."""
    axes = axes_of(a["axis"])
    with np.errstate(all="ignore"):
        terms = np.where(y == 0, 0.0, y * np.log(p))
        found = total(terms, axes)
        size = np.sum(np.abs(terms), axis=axes, keepdims=True)
        if np.any((np.abs(found) < 0.5 * size) & np.isfinite(size)):
            found = np.where(np.isfinite(size), _doubled_cross_entropy(p, y, axes), found)
        return np.asarray(0.0 - found)


def _doubled_cross_entropy(p: Array, y: Array, axes: Any) -> Array:
    known = (y != 0) & (p > 0)
    logarithms = doubled_exp.log(np.where(known, p, 1.0))
    high, low = multiply(pair(np.where(known, y, 0.0)), logarithms)
    return total(np.concatenate([high, low], axis=axes[-1]), axes)


def _cross_entropy_fault(a: Any, p: Array, y: Array) -> Array:
    return np.asarray(np.any((p <= 0) & (y != 0), axis=axes_of(a["axis"]), keepdims=True))


def _cross_entropy_map(node: Node, i: int) -> LinearMap:
    """d(-Σ y log p) = -Σ (y / p) dp - Σ log p dy; a term with y = 0 is 0."""
    p, y = node.inputs
    weights = al.negative(node.graph.make("ratio", y, p)) if i == 0 else al.negative(al.apply("log", p))
    return weighted(node, i, weights)


declare(
    Function("cross_entropy", builds_along("cross_entropy"), "cross_entropy(ŷ, y) = -Σ y log ŷ", "-(y / ŷ)^T dŷ",
             "cross_entropy([0.5, 0.5], [1, 0])", 2, 2, reduces=True, domain="ŷ > 0 where y is not 0"),
    Operation("cross_entropy", _two_reduced, _cross_entropy_kernel, _cross_entropy_map, call("cross_entropy"),
              "scales", "ŷ above 0 where y is not 0", _cross_entropy_fault),
)  # fmt: skip

# -------------------------------------------------------------------------- squared error


def _mse_kernel(a: Any, x: Array, y: Array) -> Array:
    """Of differences near 1, so that their squares neither overflow nor vanish."""
    axes = axes_of(a["axis"])
    near, power = scaled(x - y, axes)
    return restored(total(near * near, axes, length_of(near, axes)), 2 * power)


def _mse_map(node: Node, i: int) -> LinearMap:
    """d mean((a - b)²) = (2/n) (a - b)^T (da - db)."""
    difference = al.add(list(node.inputs), [1, -1] if i == 0 else [-1, 1])
    return weighted(node, i, al.scale(over_length(2.0, node.inputs[0], node.attributes["axis"]), difference))


declare(
    Function("mse", builds_along("mse"), "the mean of the squared differences", "(2/n) (a - b)^T (da - db)",
             "mse([1, 2], [0, 0])", 2, 2, reduces=True, domain="at least one entry"),
    Operation("mse", needs_entries("mse", _two_reduced), _mse_kernel, _mse_map, call("mse"), "scales", analytic=True),
)  # fmt: skip
