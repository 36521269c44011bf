"""Numbers before an expression: a factor that is missing, or too many."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from gradcalc import syntax
from gradcalc.checking.search import Correction, Search
from gradcalc.checking.trials import close
from gradcalc.checking.written import JUXTAPOSED, bare, negated, product, unwritten
from gradcalc.syntax import Expression

Array = np.ndarray[Any, Any]


def wrong_number(search: Search) -> Iterator[Correction]:
    """A factor that is the same number in all entries at all points, and not 1, -1 or 0."""
    trials, node = search.trials, search.node
    if node is None or node.shape != trials.right.shape:
        return
    right = [values[trials.right] for values in trials.points]
    ratio = _ratio(right, trials.arrays(node), trials.tolerance)
    if ratio is None:
        return
    near = Fraction(ratio).limit_denominator(60)
    exact = abs(float(near) - ratio) <= trials.tolerance * abs(ratio)
    factor = near if exact else Fraction(ratio)
    corrected = times_number(search.wrong, factor)
    digits = 6 if abs(ratio - 1.0) > 1e-4 else 10
    if exact and abs(near.numerator) == 1:
        yield Correction(f"a factor {1 / near} is too many", corrected)
    else:
        yield Correction(f"a factor {near if exact else format(ratio, f'.{digits}g')} is missing", corrected)


def _ratio(right: list[Array], wrong: list[Array], tolerance: float) -> float | None:
    """The number c with right = c wrong at all points; None if there is none, or there are too few numbers to tell."""
    numbers = np.concatenate([np.broadcast_to(a, b.shape).ravel() for a, b in zip(right, wrong, strict=True)])
    below = np.concatenate([b.ravel() for b in wrong])
    largest = int(np.argmax(np.abs(below)))
    if not np.isfinite(below).all() or below[largest] == 0 or np.count_nonzero(below) < 2:
        return None
    with np.errstate(all="ignore"):
        ratio = float(numbers[largest] / below[largest])
        fits = np.isfinite(ratio) and ratio not in (0.0, 1.0, -1.0) and close(ratio * below, numbers, tolerance)
    return ratio if fits else None


def _coefficient(e: Expression) -> tuple[Fraction, Expression]:
    """The number that an expression begins with, as in `2 x` and `1/2 x`, and the rest."""
    inner = bare(e)
    if not isinstance(inner, syntax.Product):
        return Fraction(1), e
    factors, operators = inner.factors, inner.operators
    match factors[:2]:
        case (syntax.Number(text=text), _) if operators[0] in JUXTAPOSED:
            return Fraction(text), product(factors[1:], operators[1:])
        case (syntax.Number(text=text), syntax.Number(text=below)) if operators[0] == "/" and Fraction(below):
            if len(factors) > 2 and operators[1] in JUXTAPOSED:
                return Fraction(text) / Fraction(below), product(factors[2:], operators[2:])
    return Fraction(1), e


def times_number(e: Expression, factor: Fraction) -> Expression:
    """An expression times a number, which goes together with the number that it begins with."""
    own, rest = _coefficient(e)
    number = own * factor
    if number < 0:
        return negated(times_number(rest, -number))
    if number == 1:
        return rest
    place = unwritten(e)
    parts = [number.numerator] if number.denominator == 1 else [number.numerator, number.denominator]
    if number.denominator > 10**6:
        digits = f"{float(number):.10g}"
        numbers: list[Expression] = [syntax.Number(place, float(digits), digits)]
    else:
        numbers = [syntax.Number(place, float(n), str(n)) for n in parts]
    operators = ["/"] * (len(numbers) - 1)
    if isinstance(rest, syntax.Product) and rest.operators[0] in JUXTAPOSED:
        return product([*numbers, *rest.factors], [*operators, "", *rest.operators])
    return product([*numbers, rest], [*operators, ""])
