"""Determinants, adjugates and their changes exactly, in whole numbers: a float is a whole number times a power of two.

The recursion of Faddeev and Le Verrier gives them all at once, singular or not: M₁ = I, c = -tr(A Mₘ)/m,
Mₘ₊₁ = A Mₘ + c I, adj(A) = (-1)^(n-1) Mₙ and det(A) = (-1)^n c at the end; its divisions are exact. Changes are the
same recursion for A + Σ tᵢ Hᵢ with tᵢ² = 0, its coefficients kept by the set of the tᵢ in them. Gantmacher, The Theory
of Matrices 1, ch. IV.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct

Array = np.ndarray[Any, Any]

MOST = 60_000
"""Products of words that one matrix may take: about a hundredth of a second."""
SHORT = 2_000
"""Bits of a product that costs no more than its overhead."""


class Expansion(Struct, frozen=True):
    """The coefficient of t₁ ... tₖ in det and adj of A + Σ tᵢ Hᵢ, each with its power of two; `matrix` is A's."""

    determinant: int
    determinant_power: int
    adjugate: Array
    adjugate_power: int
    matrix: Array
    power: int


def whole(x: Array) -> tuple[Array, int]:
    """An array of finite floats as one of whole numbers times a power of two, as small as they can be."""
    mantissas, exponents = np.frexp(x)
    numbers = [int(m) for m in np.ldexp(mantissas, 53).flat]
    powers = [int(e) - 53 + (m & -m).bit_length() - 1 for m, e in zip(numbers, exponents.flat, strict=True)]
    least = min((p for p, m in zip(powers, numbers, strict=True) if m), default=0)
    out = np.empty(x.size, dtype=object)
    shifts = [int(e) - 53 - least for e in exponents.flat]
    out[:] = [m << s if s >= 0 else m >> -s for m, s in zip(numbers, shifts, strict=True)]
    return out.reshape(x.shape), least


def expansion(x: Array, *changes: Array) -> Expansion | None:
    """Of a square matrix of finite floats and changes of it; None where that would take too long."""
    (matrix, power), *moved = (whole(a) for a in (x, *changes))
    n, k = len(x), len(changes)
    if _work(n, k, max((abs(int(v)).bit_length() for a, _ in ((matrix, power), *moved) for v in a.flat), default=0)):
        return None
    determinant, adjugate = _recursion(matrix, [h for h, _ in moved])
    others = sum(p for _, p in moved)
    return Expansion(determinant, (n - k) * power + others, adjugate, (n - 1 - k) * power + others, matrix, power)


def _work(n: int, k: int, bits: int) -> bool:
    """Whether the recursion would take more than `MOST`."""
    length = max(1.0, n * bits / SHORT)
    return n**4 * 2.0**k * (k + 2) / 2 * length * length > MOST


def _recursion(a: Array, changes: Sequence[Array]) -> tuple[int, Array]:
    """det and adj, of the highest order in the changes. A set of changes is the bits of a number."""
    n, sets = len(a), range(2 ** len(changes))
    one = np.zeros((n, n), dtype=object)
    one[range(n), range(n)] = 1
    found = [one if s == 0 else one * 0 for s in sets]
    traces = [1 if s == 0 else 0 for s in sets]
    for step in range(1, n + 1):
        products = [
            sum((h @ found[s ^ 1 << i] for i, h in enumerate(changes) if s >> i & 1), a @ found[s]) for s in sets
        ]
        traces = [-int(np.trace(p)) // step for p in products]
        if step < n:
            found = [p + c * one for p, c in zip(products, traces, strict=True)]
    return (-1) ** n * traces[-1], (-1) ** (n + 1) * found[-1]


def nearest(above: int, power: int = 0, below: int = 1) -> float:
    """The float nearest to above/below times 2^power; infinite where that is too large."""
    above, below = (above << power, below) if power >= 0 else (above, below << -power)
    try:
        return above / below
    except OverflowError:
        return -math.inf if (above < 0) != (below < 0) else math.inf


def leading(number: int, power: int) -> tuple[float, float, int]:
    """number times 2^power as (high + low) times a power of two, |high| near 1."""
    shift = number.bit_length()
    high = nearest(number, -shift)
    rest = number - int(math.ldexp(high, 53)) * 2 ** (shift - 53) if shift > 53 else 0
    return high, nearest(rest, -shift), shift + power
