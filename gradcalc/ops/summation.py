"""Sums that are right to the last digit, whatever cancels: of all entries or along an axis, batch axes in front.

Terms of one sign lose nothing, and are summed as NumPy does. Where signs are mixed, each addition's error is kept and
added at the end (Ogita, Rump and Oishi, Accurate sum and dot product, 2005); where that cannot be enough, the sum is
exact. `axes` are (-2, -1), (-2,) or (-1,); reduced axes are kept with length 1.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from gradcalc.ops.doubled import two_product, two_sum

Array = np.ndarray[Any, Any]
_FEW = 8
"""Terms that are added one slice after the other."""
_BLOCKS = 64
"""Slices that a long sum is cut into."""
_MODERATE = 300
"""Powers of 2 whose squares, and the squares of what matters beside them, are floats."""


def axes_of(axis: int | None) -> Any:
    """The axes of an array that `axis=None`, 0 or 1 reduces."""
    return (-2, -1) if axis is None else (-2,) if axis == 0 else (-1,)


def length_of(x: Array, axes: Any) -> int:
    """How many entries are reduced to one."""
    return math.prod(x.shape[k] for k in axes)


def rows_of(x: Array, axes: Any) -> Array:
    """The entries that belong together along the last axis."""
    if len(axes) == 2:
        return x.reshape(*x.shape[:-2], length_of(x, axes))
    return x if axes == (-1,) else np.swapaxes(x, -1, -2)


def placed(found: Array, axes: Any) -> Array:
    """A number for each row of `rows_of`, where the reduced array has it."""
    if len(axes) == 2:
        return found[..., None, None]
    return found[..., None] if axes == (-1,) else found[..., None, :]


def total(x: Array, axes: Any, divisor: float = 1.0) -> Array:
    """Σ x / divisor, within two units of the last place.

    A sum beyond the largest float is right where the quotient is not beyond it.
    """
    if np.iscomplexobj(x):
        return np.asarray(total(x.real, axes, divisor) + 1j * total(x.imag, axes, divisor))
    return placed(_sums(rows_of(x, axes), divisor), axes)


def _sums(rows: Array, divisor: float) -> Array:
    with np.errstate(all="ignore"):
        if 2 < rows.shape[-1] <= _FEW:
            terms = [rows[..., k] for k in range(rows.shape[-1])]
            found = sum(terms[1:], terms[0]) / divisor
            low, high = np.minimum.reduce(terms), np.maximum.reduce(terms)
        else:
            rows = np.ascontiguousarray(rows)
            found = np.sum(rows, axis=-1) / divisor
            low, high = np.min(rows, axis=-1, initial=0.0), np.max(rows, axis=-1, initial=0.0)
        mixed = (low < 0) & (high > 0) & (rows.shape[-1] > 2)
        doubtful = np.asarray(mixed | (~np.isfinite(found) & np.isfinite(low) & np.isfinite(high)))
        if doubtful.size and doubtful.all():
            return _careful(rows, divisor)
        if doubtful.any():
            found = np.array(found)
            found[doubtful] = _careful(rows[doubtful], divisor)
        return np.asarray(found)


def _careful(rows: Array, divisor: float) -> Array:
    """Sums with the errors of their additions; exact where even those are not small beside the sum."""
    high, low, size = doubled_sums(rows)
    found = np.asarray(high + low)
    unsure = ~((np.abs(found) >= 2.0 * _depth(rows) * size) & np.isfinite(found))
    found = np.asarray(found / divisor)
    for place in map(tuple, np.argwhere(unsure)):
        found[place] = _exact(rows[place], divisor)
    return found


def _depth(rows: Array) -> int:
    """How many roundings the sum of the errors has, at most."""
    return min(int(rows.shape[-1]), 4 * _BLOCKS)


def doubled_sums(rows: Array) -> tuple[Array, Array, Array]:
    """For each row its sum, what roundings took from it, and the sum of the sizes of these: 0 where it is exact."""
    terms = np.ascontiguousarray(np.moveaxis(rows, -1, 0))
    low: Array = np.zeros(terms.shape[1:])
    size: Array = np.zeros(terms.shape[1:])
    while len(terms) > 1:
        width = max(1, len(terms) // _BLOCKS)
        whole = len(terms) // width * width
        partial, errors, sizes = _cascade(terms[:whole].reshape(whole // width, width, *terms.shape[1:]))
        low, size = low + np.sum(errors, axis=0), size + np.sum(sizes, axis=0)
        terms = np.concatenate([partial, terms[whole:]])
    return terms[0], low, size


def _cascade(slices: Array) -> tuple[Array, Array, Array]:
    """The sum of slices, the errors of the additions, and their sizes."""
    partial = slices[0]
    errors: Array = np.zeros_like(partial)
    sizes: Array = np.zeros_like(partial)
    for term in slices[1:]:
        partial, error = two_sum(partial, term)
        errors += error
        sizes += np.abs(error)
    return partial, errors, sizes


def _exact(row: Array, divisor: float) -> float:
    """Rounded once; a row with an infinite entry is left to NumPy."""
    if not np.isfinite(row).all():
        return float(np.sum(row) / divisor)
    terms = row.tolist()
    try:
        return math.fsum(terms) / divisor
    except OverflowError:
        return _nearest(sum(map(Fraction, terms), Fraction(0)) / Fraction(divisor))


def _nearest(value: Fraction) -> float:
    """The float nearest to a fraction; infinite beyond the largest."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def greatest(rows: Array) -> Array:
    """The largest entry of each row, of which there is one at least."""
    if rows.shape[-1] <= _FEW:
        return np.asarray(np.maximum.reduce([rows[..., k] for k in range(rows.shape[-1])]))
    return np.asarray(np.max(rows, axis=-1))


def scaled(x: Array, axes: Any) -> tuple[Array, Array]:
    """Entries of which squares neither overflow nor vanish, and the power of 2 that was taken off, y = x 2^-e.

    It is exact but for entries that are nothing beside the largest. Where that is moderate, 0 or infinite, e is 0.
    """
    if not x.size:
        return x, np.zeros((1, 1), dtype=int)
    largest = placed(greatest(np.abs(rows_of(x.real, axes))), axes)
    _, exponent = np.frexp(np.where(np.isfinite(largest), largest, 0.0))
    exponent = np.where(np.abs(exponent) < _MODERATE, 0, np.clip(exponent, -1000, 1023))
    return (x * np.ldexp(1.0, -exponent) if exponent.any() else x), exponent


def restored(x: Array, power: Array) -> Array:
    """x 2^power, rounded once; a complex array part by part."""
    if np.iscomplexobj(x):
        return np.asarray(np.ldexp(x.real, power) + 1j * np.ldexp(x.imag, power))
    return np.asarray(np.ldexp(x, power))


def centred(x: Array, axes: Any) -> Array:
    """x - Σ x / n, each entry within a few units of its own last place."""
    if np.iscomplexobj(x):
        return np.asarray(centred(x.real, axes) + 1j * centred(x.imag, axes))
    rows = rows_of(x, axes)
    with np.errstate(all="ignore"):
        size = np.abs(rows)
        largest = greatest(size)[..., None]
        # No sum of entries is infinite, and no rounding error of a product lies below the least float.
        scale = np.where(largest > 2.0**900, 2.0**-100, np.where(largest < 2.0**-700, 2.0**200, 1.0))
        found, unsure = _deviations(rows * scale)
        found = np.asarray(found / scale)
        far = (largest > 2.0**900) & (largest < np.inf) & (size > 0) & (size < 2.0**-800)
        for place in map(tuple, np.argwhere(unsure | far.any(axis=-1))):
            found[place] = _exact_deviations(rows[place])
    return np.asarray(
        found.reshape(x.shape) if len(axes) == 2 else found if axes == (-1,) else np.swapaxes(found, -1, -2)
    )


def _deviations(rows: Array) -> tuple[Array, Array]:
    """The mean as a pair, taken off each entry; and the rows with an entry so near it that roundings count."""
    n = rows.shape[-1]
    high, low, size = (part[..., None] for part in doubled_sums(rows))
    mean = high / n
    product, error = two_product(mean, float(n))
    rest = (high - product) - error
    near, left = two_sum(rows, -mean)
    found = np.asarray(near + (left - (rest + low) / n))
    bound = _depth(rows) * (size + np.abs(rest)) / n  # of the roundings of what is taken off, in their own units
    rounded = (size > 0) | (rest != 0)
    tiny = (np.abs(mean) < 2.0**-900) & (mean != 0)
    return found, (tiny | ((np.abs(found) < bound) & rounded)).any(axis=-1)


def _exact_deviations(row: Array) -> list[float]:
    terms = [Fraction(v) for v in row.tolist()]
    mean = sum(terms, Fraction(0)) / len(terms)
    return [_nearest(term - mean) for term in terms]
