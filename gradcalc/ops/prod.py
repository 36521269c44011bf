"""The product of entries, differentiated without division: right where entries are 0.

All derivatives of a product are one form. With tₘ² = 0, Π (xⱼ + Σₘ tₘ hₘⱼ) over the entries but one has as coefficient
of t₁ ... tₖ the derivative of that product along h₁, ..., hₖ: so `prod_others(x, h1, ..., hk)` is linear and symmetric
in the h's, and its derivative by x is itself with one h more. The products of all entries but one come from a binary
tree: up it the products of neighbours, down it the product of all that is outside. Griewank and Walther, Evaluating
Derivatives, section 3.3 (Speelpenning's product) and chapter 13 (Taylor arithmetic).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from msgspec import Struct

from gradcalc.graph import Node, Operation
from gradcalc.maps import LinearMap
from gradcalc.notation import call
from gradcalc.ops import doubled
from gradcalc.ops.reduction import declare_reduction
from gradcalc.ops.summation import axes_of, length_of, placed, rows_of
from gradcalc.ops.table import Function, alike, builds_along, declare

Array = np.ndarray[Any, Any]


class Wide(Struct, frozen=True, eq=False):
    """Numbers (high + low) 2^power, high near 1: products of thousands neither overflow nor vanish."""

    high: Array
    low: Array
    power: Array

    @staticmethod
    def of(x: Array) -> Wide:
        """Floats; what is not finite stays what it is."""
        high, power = np.frexp(x)
        return Wide(high, np.zeros_like(high), power.astype(np.int64))

    def __getitem__(self, key: Any) -> Wide:
        return Wide(self.high[key], self.low[key], self.power[key])

    def __mul__(self, other: Wide) -> Wide:
        high, low = doubled.multiply((self.high, self.low), (other.high, other.low))
        return _near_one(high, low, self.power + other.power)

    def __add__(self, other: Wide) -> Wide:
        power = np.maximum(_power(self), _power(other))
        parts = [(np.ldexp(n.high, _down(n.power - power)), np.ldexp(n.low, _down(n.power - power)))
                 for n in (self, other)]  # fmt: skip
        return _near_one(*doubled.add(*parts), power)

    def floats(self) -> Array:
        """The nearest floats."""
        return np.asarray(np.ldexp(self.high, np.clip(self.power, -3000, 3000).astype(np.int32)))


def _power(n: Wide) -> Array:
    """The power, of 0 a very small one."""
    return np.where(n.high == 0, -(2**60), n.power)


def _down(difference: Array) -> Array:
    return np.clip(difference, -3000, 0).astype(np.int32)


def _near_one(high: Array, low: Array, power: Array) -> Wide:
    near, more = np.frexp(high)
    return Wide(near, np.ldexp(low, -more), np.where(near == 0, 0, power + more))


Polynomial = list[Wide]
"""Coefficients by the set of the t's in them, a set the bits of a number; every t² is 0."""


def _times(a: Polynomial, b: Polynomial) -> Polynomial:
    sets = range(len(a))
    return [reduce(Wide.__add__, (a[k] * b[whole ^ k] for k in sets if k & whole == k)) for whole in sets]


def _joined(a: Polynomial, b: Polynomial) -> Polynomial:
    """Entries of two arrays in turn, along the first axis."""
    return [Wide(*(_interleaved(getattr(x, part), getattr(y, part)) for part in ("high", "low", "power")))
            for x, y in zip(a, b, strict=True)]  # fmt: skip


def _interleaved(a: Array, b: Array) -> Array:
    return np.stack([a, b], axis=1).reshape(2 * len(a), *a.shape[1:])


def _leaves(x: Array, changes: Sequence[Array], axes: Any) -> Polynomial:
    """x + Σ tₘ hₘ with the entries on the first axis, ones added up to a power of 2 of them."""
    arrays = [np.moveaxis(rows_of(a, axes), -1, 0) for a in np.broadcast_arrays(x, *changes)]
    n, sets = len(arrays[0]), 2 ** len(changes)
    missing = 2 ** max(0, n - 1).bit_length() - n
    found: Polynomial = [Wide.of(np.zeros((n + missing, *arrays[0].shape[1:]))) for _ in range(sets)]
    for place, array in zip((0, *(2**k for k in range(len(changes)))), arrays, strict=True):
        fill = np.full((missing, *array.shape[1:]), 0.0 if place else 1.0)
        found[place] = Wide.of(np.concatenate([array, fill]))
    return found


def _up(leaves: Polynomial) -> list[Polynomial]:
    """The products of neighbours, of neighbours of these, and so on: the last is that of all."""
    levels = [leaves]
    while len(levels[-1][0].high) > 1:
        below = levels[-1]
        levels.append(_times([c[0::2] for c in below], [c[1::2] for c in below]))
    return levels


def _whole(x: Array, changes: Sequence[Array], axes: Any) -> Array:
    """The coefficient of all t's in the product of all entries."""
    return placed(_up(_leaves(x, changes, axes))[-1][-1].floats()[0], axes)


def _outside(x: Array, changes: Sequence[Array], axes: Any) -> Array:
    """The coefficient of all t's in the product of all entries but one, for each."""
    levels = _up(_leaves(x, changes, axes))
    outside = [Wide.of(np.full_like(c.high, 0.0 if k else 1.0)) for k, c in enumerate(levels[-1])]
    for level in reversed(levels[:-1]):
        first, second = ([c[start::2] for c in level] for start in (0, 1))
        outside = _joined(_times(outside, second), _times(outside, first))
    shape = np.broadcast_shapes(x.shape, *(h.shape for h in changes))
    rows = np.moveaxis(outside[-1].floats()[: length_of(x, axes)], 0, -1)
    return np.asarray(np.swapaxes(rows, -1, -2) if axes == (-2,) else rows.reshape(shape))


def _evaluated(form: Callable[..., Array], axes: Any, x: Array, changes: Sequence[Array]) -> Array:
    """One of the two for any arrays; of complex ones to first order in the imaginary parts, which a step needs."""
    arrays = (x, *changes)
    with np.errstate(all="ignore"):
        if not any(map(np.iscomplexobj, arrays)):
            return form(x, changes, axes)
        real, turned = [np.real(a) for a in arrays], [np.imag(a) for a in arrays]
        slope = form(real[0], [*real[1:], turned[0]], axes)
        for k in range(1, len(arrays)):
            slope = slope + form(real[0], [*real[1:k], turned[k], *real[k + 1 :]], axes)
        return np.asarray(form(real[0], real[1:], axes) + 1j * slope)


class OthersMap(LinearMap, frozen=True, eq=False):
    """dX ↦ prod_others(x, ..., dX), symmetric."""

    x: Node
    changes: tuple[Node, ...]
    axis: int | None
    kind = "products-of-others"

    def apply(self, change: Node) -> Node:
        return change.graph.make("prod_others", self.x, *self.changes, change, axis=self.axis)

    def adjoint(self, upstream: Node) -> Node:
        """The map is its own adjoint."""
        return self.apply(upstream)


def _others_map(node: Node, i: int) -> LinearMap:
    """By x one change more; by a change, in which it is linear, without that one."""
    x, *changes = node.inputs
    kept = tuple(h for k, h in enumerate(changes, 1) if k != i)
    return OthersMap(node.shape, node.shape, x, kept, node.attributes["axis"])


declare(
    Function("prod_others", builds_along("prod_others"), "for each entry the product of the others, by no division; "
             "prod_others(x, h) its change along h, prod_others(x, g, h) the change of that along h",
             "prod_others(x, dx)", "prod_others([2, 3, 4])", 1, None, reduces=True),
    Operation("prod_others", alike,
              lambda a, x, *h: _evaluated(_outside, axes_of(a["axis"]), x, h), _others_map, call("prod_others"),
              "scales", bilinear=True, analytic=True),
)  # fmt: skip
declare_reduction(
    "prod", lambda x, axes: _evaluated(_whole, axes, x, ()),
    lambda n: n.graph.make("prod_others", n.inputs[0], axis=n.attributes["axis"]),
    "the product of the entries, 1 of none", "prod_others(x)^T dx", "switches", analytic=True,
)  # fmt: skip
