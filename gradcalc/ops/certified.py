"""Determinants, adjugates, inverses and solutions to the last digits, and condition numbers.

Doubled arithmetic gives each entry with a bound of its error; where the bound does not settle the last digits, the
matrix is done exactly in whole numbers, if that takes about a hundredth of a second (`dyadic.MOST`). What comes out for
a matrix does not depend on the others of its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcalc.ops import doubled, dyadic
from gradcalc.ops.doubled import UNIT, Pair
from gradcalc.ops.elimination import SIDE, Eliminated, eliminated, normalised

Array = np.ndarray[Any, Any]

SURE = 2.0**-56
"""The relative error that is as good as none: an eighth of a rounding."""
ROUNDING = 2.0**-53
"""The relative error of one rounding; singular values have about as many as the side, beside the largest."""
LN2_HIGH = float.fromhex("0x1.62e42fefap-1")
LN2_LOW = float.fromhex("0x1.cf79abc9e3b3ap-40")
"""log 2 as the sum of 36 bits, whose multiples are exact, and the rest."""


def settled(out: Array, unsure: Array, operands: Sequence[Array], exact: Callable[..., Any]) -> tuple[Array, Array]:
    """`out` with the exact result for each matrix of the batch that is in doubt; and for which there was none."""
    out, left = np.array(out), np.zeros(unsure.shape, bool)
    spread = [np.broadcast_to(o, (*unsure.shape, *o.shape[-2:])) for o in operands]
    for place in map(tuple, np.argwhere(unsure)):
        found = exact(*(o[place] for o in spread))
        if found is None:
            left[place] = True
        else:
            out[place] = found
    return out, left


def _unsure(size: Array, bound: Array) -> Array:
    """Which matrices have an entry that the bound does not settle."""
    return np.asarray(~(bound <= SURE * size).all(axis=(-1, -2)))


def finite(*operands: Array) -> Array:
    """Which matrices have finite entries only, in all operands together; the batch axes stay."""
    masks = [np.isfinite(o).all(axis=(-1, -2)) for o in operands]
    return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*masks)))


def _masked(x: Array) -> Array:
    return np.where(np.isfinite(x).all(axis=(-1, -2), keepdims=True), x, 0.0)


def _entries(numbers: Array, power: int, below: int = 1) -> Array:
    """Whole numbers times a power of two over a whole number, as the nearest floats."""
    out = [dyadic.nearest(int(v), power, below) for v in numbers.flat]
    return np.array(out, dtype=np.float64).reshape(numbers.shape)


# ---------------------------------------------------------------------------- determinants


def determinant(x: Array) -> tuple[Array, Array, Array]:
    """det(X) of sides up to `SIDE` as (high + low) 2^power; NaN where entries are not finite."""
    known, x = finite(x), _masked(x)
    found = eliminated(x)
    power = found.power + x.shape[-1] * found.exponent
    parts = np.stack([np.nan_to_num(found.determinant[0]), np.nan_to_num(found.determinant[1]), power], axis=-1)
    parts, _ = settled(parts, ~(found.doubt <= SURE) & known, [x], _exact_determinant)
    return np.where(known, parts[..., 0], np.nan), parts[..., 1], parts[..., 2].astype(int)


def _exact_determinant(x: Array) -> tuple[float, float, int] | None:
    found = dyadic.expansion(x)
    return None if found is None else dyadic.leading(found.determinant, found.determinant_power)


def log_determinant(x: Array) -> tuple[Array, Array]:
    """The sign of det(X) and log |det(X)|, also where the determinant itself is too large or too small."""
    with np.errstate(all="ignore"):
        if x.shape[-1] > SIDE:
            return np.linalg.slogdet(x)
        high, low, power = determinant(x)
        size, sign = np.abs(high), np.sign(high)
        mantissa, shift = np.frexp(size)
        shift = np.where(mantissa < np.sqrt(0.5), shift - 1, shift)
        above = (np.ldexp(size, -shift) - 1.0) + np.ldexp(sign * low, -shift)
        power = power + shift
        return sign, np.where(size == 0.0, -np.inf, power * LN2_HIGH + (power * LN2_LOW + np.log1p(above)))


# -------------------------------------------------------------------- adjugates and inverses


def inverse(x: Array) -> Array:
    """X^-1; NaN where X is singular or not finite."""
    known, x = finite(x), _masked(x)
    found = eliminated(x)
    power = -found.exponent[..., None, None]
    unsure = _unsure(np.abs(found.inverse[0]), found.inverse_bound)
    out, _ = settled(np.ldexp(found.inverse[0], power), unsure & known, [x], _exact_inverse)
    return np.where(known[..., None, None], out, np.nan)


def _exact_inverse(x: Array) -> Array | None:
    found = dyadic.expansion(x)
    if found is None:
        return None
    if not found.determinant:
        return np.full(x.shape, np.nan)
    return _entries(found.adjugate, found.adjugate_power - found.determinant_power, found.determinant)


def solution(x: Array, b: Array) -> Array:
    """X^-1 B; NaN where X is singular or anything is not finite."""
    known, x, b = finite(x, b), _masked(x), _masked(b)
    found = eliminated(x)
    right, exponent, narrow = normalised(b)
    high, _ = doubled.matmul(found.inverse, doubled.pair(right))
    slack = 2 * (x.shape[-1] + 2) * UNIT * np.abs(found.inverse[0])
    bound = np.where(narrow[..., None, None], (found.inverse_bound + slack) @ np.abs(right), np.inf)
    out = np.ldexp(high, (exponent - found.exponent)[..., None, None])
    out, _ = settled(out, _unsure(np.abs(high), bound) & known, [x, b], _exact_solution)
    return np.where(known[..., None, None], out, np.nan)


def _exact_solution(x: Array, b: Array) -> Array | None:
    found = dyadic.expansion(x)
    if found is None:
        return None
    if not found.determinant:
        return np.full(b.shape, np.nan)
    right, power = dyadic.whole(b)
    power += found.adjugate_power - found.determinant_power
    return _entries(found.adjugate @ right, power, found.determinant)


def adjugate(x: Array, *changes: Array) -> tuple[Array, Array]:
    """adj(X), or its change of the order of the changes; and the matrices of which singular values may tell more.

    These are too large to be done exactly, and the bound is not small beside their largest entry, as an error by
    singular values is. The side is at most `SIDE`; all operands are finite.
    """
    found = eliminated(x)
    moved = [normalised(h) for h in changes]
    n, k = x.shape[-1], len(changes)
    high, bound = _change(found, [h for h, _, _ in moved])
    for _, _, narrow in moved:
        bound = np.where(narrow[..., None, None], bound, np.inf)
    nothing = _vanishing(changes, high.shape)
    high, bound = np.where(nothing, 0.0, high), np.where(nothing, 0.0, bound)
    power = found.power + (n - 1 - k) * found.exponent + sum(e for _, e, _ in moved)
    size = np.abs(high)
    out, left = settled(np.ldexp(high, power[..., None, None]), _unsure(size, bound), [x, *changes], _exact_adjugate)
    largest = size.max(axis=(-1, -2), keepdims=True, initial=0.0)
    return out, left & ~(bound <= n * ROUNDING * largest).all(axis=(-1, -2))


def _exact_adjugate(*operands: Array) -> Array | None:
    found = dyadic.expansion(*operands)
    return None if found is None else _entries(found.adjugate, found.adjugate_power)


def _vanishing(changes: Sequence[Array], shape: tuple[int, ...]) -> Array:
    """Where a change of the adjugate is 0 by its form: each term takes an entry of every change, no two of one row.

    A change in one row alone leaves no term where that row is left out; two in the same row leave none at all; the
    same for columns. Changes by single entries, as of a Jacobian, are of this kind.
    """
    out = np.zeros(shape, bool)
    for axis in (-1, -2):
        used = [np.asarray((h != 0.0).any(axis=axis)) for h in changes]
        alone = [np.where(u.sum(axis=-1, keepdims=True) <= 1, u, False) for u in used]
        for k, lines in enumerate(alone):
            out = out | (lines[..., None, :] if axis == -1 else lines[..., :, None])
            for others in alone[:k]:
                out = out | np.asarray((lines & others).any(axis=-1))[..., None, None]
    return out


def _change(found: Eliminated, changes: Sequence[Array]) -> tuple[Array, Array]:
    """The mixed change of the adjugate, and the bound of its error, by X adj(X) = det(X) I.

    For a set S of changes Y_S = X^-1 (f_S I - Σ H_i Y_(S-i)), and f_S = tr(H_j Y_(S-j)) for any j of S. Beside each Y
    goes the same sum of absolute values, and the bound of its error.
    """
    values: list[Pair] = [found.adjugate]
    sizes, bounds = [np.abs(found.adjugate[0])], [found.adjugate_bound]
    if not changes:
        return values[0][0], bounds[0]
    n = found.matrix.shape[-1]
    slack = 4 * (n + 2) * UNIT
    whole = np.abs(found.inverse[0])
    for s in range(1, 2 ** len(changes)):
        terms = [(h, s ^ 1 << i) for i, h in enumerate(changes) if s >> i & 1]
        products = [doubled.matmul(doubled.pair(h), values[t]) for h, t in terms]
        wide = [np.abs(h) @ sizes[t] for h, t in terms]
        wrong = [np.abs(h) @ bounds[t] + slack * w for (h, t), w in zip(terms, wide, strict=True)]
        inner = _against_trace(products)
        size, error = _with_trace(wide), _with_trace(wrong)
        values.append(doubled.matmul(found.inverse, inner))
        sizes.append(whole @ size)
        bounds.append(whole @ error + found.inverse_bound @ size + slack * sizes[-1])
    return values[-1][0], bounds[-1]


def _against_trace(products: Sequence[Pair]) -> Pair:
    """tr(P₁) I - Σ Pᵢ."""
    n = products[0][0].shape[-1]
    high, low = doubled.pair(np.zeros(products[0][0].shape[:-2]))
    for k in range(n):
        high, low = doubled.add((high, low), (products[0][0][..., k, k], products[0][1][..., k, k]))
    out: Pair = high[..., None, None] * np.eye(n), low[..., None, None] * np.eye(n)
    for product in products:
        out = doubled.add(out, doubled.negative(product))
    return out


def _with_trace(products: Sequence[Array]) -> Array:
    n = products[0].shape[-1]
    traces = np.trace(products[0], axis1=-2, axis2=-1)[..., None, None]
    return np.asarray(sum(products, traces * np.eye(n)))


# -------------------------------------------------------------------------------- condition


def condition(x: Array) -> Array:
    """How many times larger a relative change of the entries of X becomes in X^-1, for each matrix of a batch.

    The smaller of the largest row sums of |X^-1| |X| and |X| |X^-1| (Bauer 1966, Skeel 1979): no scaling of rows or of
    columns makes it larger. Infinite for a singular matrix, NaN for one that is not finite. Beyond `SIDE` the inverse
    is LAPACK's.
    """
    known, x = finite(x), _masked(x)
    if x.shape[-1] > SIDE:
        return np.where(known, _large_condition(x), np.nan)
    found = eliminated(x)
    with np.errstate(all="ignore"):
        size, entries = np.abs(found.inverse[0]), np.abs(found.matrix)
        numbers = np.minimum(_row_sum(size @ entries), _row_sum(entries @ size))
    trusted = np.isfinite(found.inverse_bound).all(axis=(-1, -2)) & np.isfinite(numbers)
    out = np.where(trusted, numbers, np.inf)[..., None, None]
    out, _ = settled(out, ~trusted & known, [x], _exact_condition)
    return np.where(known, out[..., 0, 0], np.nan)


def by_lapack(function: Callable[..., Any], x: Array, *others: Array) -> Array:
    """LAPACK's inverse or solution; NaN for those matrices of a batch for which it finds a pivot 0."""
    try:
        return np.asarray(function(x, *others))
    except np.linalg.LinAlgError:
        shape = others[0].shape if others else x.shape
        lead = np.broadcast_shapes(x.shape[:-2], shape[:-2])
        if not lead:
            return np.full(shape, np.nan)
        operands = [np.broadcast_to(o, (*lead, *o.shape[-2:])) for o in (x, *others)]
        return np.stack([by_lapack(function, *(o[k] for o in operands)) for k in range(lead[0])])


def _large_condition(x: Array) -> Array:
    with np.errstate(all="ignore"):
        size, entries = np.abs(by_lapack(np.linalg.inv, x)), np.abs(x)
        numbers = np.minimum(_row_sum(size @ entries), _row_sum(entries @ size))
        return np.where(np.isfinite(numbers), numbers, np.inf)


def _row_sum(x: Array) -> Array:
    return np.asarray(x.sum(axis=-1).max(axis=-1, initial=0.0))


def _exact_condition(x: Array) -> float | None:
    found = dyadic.expansion(x)
    if found is None or not found.determinant:
        return None
    size, entries = np.abs(found.adjugate), np.abs(found.matrix)
    least = min(max((int(sum(row)) for row in p), default=0) for p in (size @ entries, entries @ size))
    power = found.adjugate_power + found.power - found.determinant_power
    return dyadic.nearest(least, power, abs(found.determinant))
