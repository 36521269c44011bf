"""What would have been right: named mistakes, each with the corrections that it suggests, tried in numbers.

A repair takes the search of one claim and yields corrections: the mistake in words, and the corrected expression.
The first that agrees with the other side at all points is the hint. Nothing recurses, and the search is bounded
(see `trials`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from gradcalc import syntax
from gradcalc.checking import mistakes, omissions
from gradcalc.checking.branches import missing_branch
from gradcalc.checking.coefficients import wrong_number
from gradcalc.checking.search import Correction, Repair, Search
from gradcalc.checking.trials import Trials
from gradcalc.checking.written import JUXTAPOSED, bare, negated, printed, product, transposed
from gradcalc.graph import SCALAR
from gradcalc.planning.definitions import walk
from gradcalc.planning.plan import Plan
from gradcalc.syntax import Expression

MOST_PARTS = 150
"""A longer expression is not searched: its correction would be no hint."""


def repair(plan: Plan, trials: Trials, table: Sequence[Repair]) -> str:
    """The first repair that is right, in words; "" if there is none."""
    if all(not np.any(values[trials.right]) for values in trials.points):
        return ""
    if sum(1 for _ in islice(walk(trials.wrong), MOST_PARTS + 1)) > MOST_PARTS:
        return ""
    search = Search(plan, trials)
    for found in table:
        if found is omissions.missing_factor:
            branch = missing_branch(plan, trials, search.node)
            if branch:
                return branch
        for correction in found(search):
            if trials.exhausted:
                return ""
            if trials.fits(correction.right):
                return f"{correction.mistake}: write `{printed(correction.right)}`"
    return ""


def _transposed_whole(search: Search) -> Iterator[Correction]:
    if search.node is not None and search.node.shape != SCALAR:
        yield Correction("it is the transpose", transposed_product(search))


def transposed_product(search: Search) -> Expression:
    """The transpose of the wrong expression, of a product factor by factor."""
    e = bare(search.wrong)
    if not isinstance(e, syntax.Product):
        return transposed(e)
    turned = [_turned(search, factor) for factor in e.factors]
    if set(e.operators) == {"∘"}:
        return product(turned, e.operators)
    if set(e.operators) <= set(JUXTAPOSED):
        scalars = [new for new, old in zip(turned, e.factors, strict=True) if new is old]
        return product([*scalars, *(new for new in reversed(turned) if new not in scalars)], e.operators)
    return transposed(e)


def _turned(search: Search, e: Expression) -> Expression:
    node = search.trials.node(e)
    return e if node is None or node.shape == SCALAR else transposed(e)


def _sign(search: Search) -> Iterator[Correction]:
    if search.node is not None:
        yield Correction("the sign is wrong", negated(search.wrong))


WHOLE: tuple[Repair, ...] = (_transposed_whole,)
PARTS: tuple[Repair, ...] = (
    _sign, wrong_number, mistakes.sign_of_a_term, mistakes.transposed_part, mistakes.primes, mistakes.exponent,
    mistakes.comparison, omissions.missing_factor, omissions.factor_too_many, omissions.term_too_many,
    omissions.missing_term, mistakes.order, mistakes.other_product, mistakes.other_name,
)  # fmt: skip
"""The named mistakes, in the order in which they are looked for."""
