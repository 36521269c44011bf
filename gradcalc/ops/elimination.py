"""Determinant, adjugate and inverse in doubled arithmetic, with bounds of their errors.

By cofactors for sides 2 and 3, for others by Gauss-Jordan elimination. What the bounds do not settle is for exact
arithmetic (`dyadic`). Bounds: Higham, Accuracy and Stability of Numerical Algorithms, ch. 9 and 14; of the inverse
from the residual I - A X (Rump, Verification methods, Acta Numerica 2010).
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from msgspec import Struct

from gradcalc.ops import doubled
from gradcalc.ops.doubled import UNIT, Pair

Array = np.ndarray[Any, Any]

SIDE = 64
"""The largest side for doubled arithmetic; beyond it LAPACK is as good as it is."""
RANGE = 2.0**-250
"""Entries smaller than this beside the largest could be lost in products."""
KEPT = 2**17
"""Bytes of an array whose elimination is remembered: several operations of one matrix ask for it."""


class Eliminated(Struct, frozen=True, eq=False, dict=True):
    """What is found of A 2^-exponent, for every matrix of a batch.

    The determinant is (high + low) 2^power, its relative error at most `doubt`; adjugate and inverse have in each entry
    an error of at most their bound; the adjugate is to be multiplied by 2^power too. Bounds are infinite where nothing
    is known.
    """

    matrix: Array
    exponent: Array
    determinant: Pair
    power: Array
    doubt: Array
    adjugate: Pair
    adjugate_bound: Array
    by_elimination: tuple[Pair, Array] | None

    @cached_property
    def inverse(self) -> Pair:
        """The inverse; by cofactors it is the adjugate over the determinant."""
        if self.by_elimination is not None:
            return self.by_elimination[0]
        with np.errstate(all="ignore"):
            high, low = self.determinant
            return doubled.divide(self.adjugate, (high[..., None, None], low[..., None, None]))

    @cached_property
    def inverse_bound(self) -> Array:
        """What each entry of the inverse may be wrong by."""
        if self.by_elimination is not None:
            return self.by_elimination[1]
        size = np.abs(self.inverse[0])
        known = (self.doubt < 0.5)[..., None, None]
        return np.where(known, size * (2 * self.doubt[..., None, None] + 3 * UNIT), np.inf)


def eliminated(x: Array) -> Eliminated:
    """The elimination of square matrices of finite floats, batch axes in front."""
    x = np.ascontiguousarray(x, dtype=np.float64)
    return _kept(x.tobytes(), x.shape) if x.nbytes <= KEPT else _eliminated(x)


@lru_cache(maxsize=16)
def _kept(raw: bytes, shape: tuple[int, ...]) -> Eliminated:
    return _eliminated(np.frombuffer(raw).reshape(shape))


def _eliminated(x: Array) -> Eliminated:
    with np.errstate(all="ignore"):
        a, exponent, narrow = normalised(x)
        found = _by_cofactors(a) if 1 < x.shape[-1] < 4 else _by_elimination(a)
        determinant, power, doubt, adjugate, bound, inverse = found
        known = narrow[..., None, None]
        if inverse is not None:
            inverse = inverse[0], np.where(known, inverse[1], np.inf)
        doubt, bound = np.where(narrow, doubt, np.inf), np.where(known, bound, np.inf)
        return Eliminated(a, exponent, determinant, power, doubt, adjugate, bound, inverse)


def normalised(x: Array) -> tuple[Array, Array, Array]:
    """Matrices times 2^-exponent, so that the largest entry is near 1; and whether no entry is lost beside it."""
    size = np.abs(x)
    exponent = np.frexp(size.max(axis=(-1, -2), initial=0.0))[1]
    scaled = np.ldexp(x, -exponent[..., None, None])
    narrow = ((np.abs(scaled) >= RANGE) | (size == 0.0)).all(axis=(-1, -2))
    return scaled, exponent, np.asarray(narrow)


Found = tuple[Pair, Array, Array, Pair, Array, tuple[Pair, Array] | None]


def _by_cofactors(a: Array) -> Found:
    """adj(A) of 2 × 2 or 3 × 3 from products of two entries, det(A) along its first column."""
    n = a.shape[-1]
    if n == 2:
        turned = np.stack([a[..., ::-1, 1], -a[..., ::-1, 0]], axis=-2)
        adjugate = doubled.pair(turned * np.array([[1.0, -1.0], [1.0, -1.0]]))
    else:
        one, two = np.array([1, 2, 0]), np.array([2, 0, 1])
        first = doubled.two_product(a[..., one[:, None], one], a[..., two[:, None], two])
        second = doubled.two_product(a[..., one[:, None], two], a[..., two[:, None], one])
        high, low = doubled.add(first, doubled.negative(second))
        adjugate = np.swapaxes(high, -1, -2), np.swapaxes(low, -1, -2)
    bound = UNIT * np.abs(adjugate[0])
    determinant, size = doubled.pair(np.zeros(a.shape[:-2])), np.zeros(a.shape[:-2])
    for j in range(n):
        part = adjugate[0][..., 0, j], adjugate[1][..., 0, j]
        term = doubled.multiply(doubled.pair(a[..., j, 0]), part)
        determinant, size = doubled.add(determinant, term), size + np.abs(term[0])
    doubt = 8 * UNIT * size / np.abs(determinant[0])
    return determinant, np.zeros(doubt.shape, dtype=int), doubt, adjugate, bound, None


def _by_elimination(a: Array) -> Found:
    determinant, power, growth, inverse = _gauss_jordan(a)
    bound = _bound(a, inverse)
    size = np.abs(inverse[0])
    known = np.asarray(np.isfinite(bound).all(axis=(-1, -2)))
    doubt = np.where(known, 4 * (a.shape[-1] + 2) * UNIT * (1.0 + size.sum(axis=(-1, -2)) * growth), np.inf)
    factor = determinant[0][..., None, None], determinant[1][..., None, None]
    adjugate = doubled.multiply(factor, inverse)
    about = np.abs(factor[0]) * bound + np.abs(adjugate[0]) * 2 * doubt[..., None, None]
    return determinant, power, doubt, adjugate, np.where(known[..., None, None], about, np.inf), (inverse, bound)


def _gauss_jordan(a: Array) -> tuple[Pair, Array, Array, Pair]:
    """Determinant with its power of two, largest entry on the way, inverse. Rows are swapped for the largest pivot."""
    n, lead = a.shape[-1], a.shape[:-2]
    table = doubled.pair(np.concatenate([a, np.broadcast_to(np.eye(n), a.shape)], axis=-1))
    determinant, power = doubled.pair(np.ones(lead)), np.zeros(lead, dtype=int)
    growth = np.zeros(lead)
    for k in range(n):
        below = np.abs(table[0][..., k:, k:n])
        growth = np.maximum(growth, below.max(axis=(-1, -2)))
        chosen = below[..., 0].argmax(axis=-1) + k
        table = _swapped(table, k, chosen)
        pivot = table[0][..., k, k], table[1][..., k, k]
        signed = doubled.multiply(determinant, (np.where(chosen == k, pivot[0], -pivot[0]),
                                                np.where(chosen == k, pivot[1], -pivot[1])))  # fmt: skip
        shift = np.frexp(signed[0])[1]
        determinant, power = (np.ldexp(signed[0], -shift), np.ldexp(signed[1], -shift)), power + shift
        table = _cleared(table, k, pivot)
    return determinant, power, growth, (table[0][..., n:], table[1][..., n:])


def _swapped(table: Pair, k: int, chosen: Array) -> Pair:
    """Rows k and `chosen` exchanged, in each matrix of the batch."""
    order = np.broadcast_to(np.arange(table[0].shape[-2]), (*chosen.shape, table[0].shape[-2])).copy()
    order[..., k] = chosen
    np.put_along_axis(order, chosen[..., None], k, axis=-1)
    rows = order[..., None]
    return np.take_along_axis(table[0], rows, axis=-2), np.take_along_axis(table[1], rows, axis=-2)


def _cleared(table: Pair, k: int, pivot: Pair) -> Pair:
    """Row k over its pivot, and its multiples off all others, so that column k has that one entry."""
    row = doubled.divide((table[0][..., k, :], table[1][..., k, :]), (pivot[0][..., None], pivot[1][..., None]))
    factors = table[0][..., :, k, None].copy(), table[1][..., :, k, None].copy()
    taken = doubled.multiply(factors, (row[0][..., None, :], row[1][..., None, :]))
    high, low = doubled.add(table, doubled.negative(taken))
    high[..., k, :], low[..., k, :] = row
    return high, low


def _bound(a: Array, inverse: Pair) -> Array:
    """|A^-1 - X| ≤ |X| |R| (I + |R| + ...) with R = I - A X and what its computation rounds off."""
    n = a.shape[-1]
    product = doubled.matmul(doubled.pair(a), inverse)
    residual = doubled.add(doubled.pair(np.broadcast_to(np.eye(n), a.shape)), doubled.negative(product))
    size = np.abs(inverse[0])
    rest = np.abs(residual[0]) + 2 * (n + 2) * UNIT * (np.abs(a) @ size)
    first = size @ rest
    small = rest.sum(axis=-1).max(axis=-1, initial=0.0) < 2.0**-10
    return np.where(small[..., None, None], 2 * (first + first @ rest), np.inf)
