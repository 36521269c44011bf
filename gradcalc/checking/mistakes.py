"""Mistakes in a part of an expression: a sign, a transpose, a prime, an exponent, an order, a name for another one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from msgspec.structs import replace

from gradcalc import syntax
from gradcalc.checking.search import Correction, Search
from gradcalc.checking.written import (
    JUXTAPOSED,
    Path,
    bare,
    changed,
    negated,
    printed,
    product,
    total,
    transposed,
    unwritten,
)
from gradcalc.syntax import Expression


def sign_of_a_term(search: Search) -> Iterator[Correction]:
    for path, whole in search.sums():
        for k, term in enumerate(whole.terms):
            signs = [-s if n == k else s for n, s in enumerate(whole.signs)]
            right = search.with_part(path, total(signs, whole.terms))
            yield Correction(f"the sign of `{printed(term)}` is wrong", right)
    for path, e in search.places:
        if isinstance(e, syntax.Negative) and path:
            yield Correction(f"the sign of `{printed(e)}` is wrong", search.with_part(path, e.operand))
        elif isinstance(search.around(path), syntax.Application | syntax.Product) and not isinstance(e, syntax.Number):
            negative = syntax.Group(unwritten(e), negated(e))
            inside = negated(e) if isinstance(search.around(path), syntax.Application) else negative
            yield Correction(f"the sign of `{printed(e)}` is wrong", search.with_part(path, inside))


def _turnable(search: Search) -> list[tuple[Path, Expression]]:
    """The parts that a transpose may be missing from, or too many on."""
    kinds = syntax.Name | syntax.Application | syntax.Group | syntax.Index
    found: list[tuple[Path, Expression]] = [
        (path, e)
        for path, e in search.places
        if isinstance(e, syntax.Transpose)
        or (isinstance(e, kinds) and not isinstance(search.around(path), syntax.Transpose))
    ]
    return found[:12]


def transposed_part(search: Search) -> Iterator[Correction]:
    turnable = _turnable(search)
    for several in (1, 2):
        for chosen in combinations(turnable, several):
            if any(a is not b and a[: len(b)] == b for a, _ in chosen for b, _ in chosen):
                continue
            right = search.wrong
            for path, e in chosen:
                right = changed(right, path, transposed(e))
            words = " and ".join(f"`{printed(e)}` should be `{printed(transposed(e))}`" for _, e in chosen)
            yield Correction(words, right)


def primes(search: Search) -> Iterator[Correction]:
    """f for f', and f' for f."""
    for path, e in search.places:
        if isinstance(e, syntax.Application) and isinstance(e.callee, syntax.Name) and len(e.arguments) == 1:
            for primes in (1, 0, 2):
                if primes != e.primes:
                    right = replace(e, span=unwritten(e), primes=primes)
                    yield Correction(f"`{printed(e)}` should be `{printed(right)}`", search.with_part(path, right))


def exponent(search: Search) -> Iterator[Correction]:
    """An exponent that is one too high or too low, or has the wrong sign."""
    for path, e in search.places:
        exponent = bare(e.exponent) if isinstance(e, syntax.Power) else None
        if isinstance(e, syntax.Power) and isinstance(exponent, syntax.Number) and exponent.value.is_integer():
            for number in (int(exponent.value) - 1, int(exponent.value) + 1):
                text = syntax.Number(unwritten(e), float(number), str(number))
                right = e.base if number == 1 else replace(e, span=unwritten(e), exponent=text)
                words = f"`{printed(e)}` should be `{printed(right)}`"
                yield Correction(words, search.with_part(path, right))


def comparison(search: Search) -> Iterator[Correction]:
    """`y > z` for `z > y`."""
    for path, e in search.places:
        if isinstance(e, syntax.Compare):
            right = replace(e, span=unwritten(e), left=e.right, right=e.left)
            yield Correction("the comparison is the wrong way round", search.with_part(path, right))


def order(search: Search) -> Iterator[Correction]:
    for path, factors, operators in search.products():
        for i, k in combinations(range(len(factors)), 2):
            if set(operators) <= set(JUXTAPOSED):
                swapped = list(factors)
                swapped[i], swapped[k] = factors[k], factors[i]
                yield Correction(
                    "the order of the product is wrong", search.with_part(path, product(swapped, operators))
                )


def other_product(search: Search) -> Iterator[Correction]:
    """∘ for the matrix product, and back."""
    for path, factors, operators in search.products():
        for k, operator in enumerate(operators):
            other, words = ("∘", "entry by entry") if operator in JUXTAPOSED else ("", "the matrix product")
            if operator in (*JUXTAPOSED, "∘"):
                mixed = product(factors[k : k + 2], [other])
                if len(factors) > 2:
                    mixed = syntax.Group(unwritten(mixed), mixed)
                right = product([*factors[:k], mixed, *factors[k + 2 :]], operators[:k] + operators[k + 1 :])
                yield Correction(f"{words} is meant, `{other}`" if other else f"{words} is meant",
                                 search.with_part(path, right))  # fmt: skip


def other_name(search: Search) -> Iterator[Correction]:
    """One value for another; the last resort."""
    for path, e in search.places:
        if not isinstance(e, syntax.Name | syntax.Application):
            continue
        for turned in (False, True):
            for name in search.names:
                other = transposed(name) if turned else name
                if printed(other) != printed(e):
                    words = f"`{printed(e)}` should be `{printed(other)}`"
                    yield Correction(words, search.with_part(path, other))
