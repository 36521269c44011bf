"""What is missing from an expression, or too many in it: factors and terms."""

from __future__ import annotations

from collections.abc import Iterator

from gradcalc import syntax
from gradcalc.checking.search import Correction, Search
from gradcalc.checking.written import JUXTAPOSED, bare, printed, product, total, transposed, unwritten
from gradcalc.syntax import Expression


def _without(factors: list[Expression], operators: list[str], k: int) -> Expression:
    kept = operators[1:] if k == 0 else operators[: k - 1] + operators[k:]
    return product(factors[:k] + factors[k + 1 :], kept)


def missing_factor(search: Search) -> Iterator[Correction]:
    products = search.products()
    for turned in (False, True):
        for name in search.names:
            factor = transposed(name) if turned else name
            words = f"the factor `{printed(factor)}` is missing"
            node = search.trials.node(factor)
            whole = node is None or (len(node.shape) != 1 and node.shape[:1] != (1,))
            for path, factors, operators in products:
                for right in _inserted(factors, operators, factor, whole):
                    yield Correction(words, search.with_part(path, right))


def _inserted(factors: list[Expression], operators: list[str], new: Expression, whole: bool) -> Iterator[Expression]:
    """A product with one factor more: at each place, or first entry by entry beside a factor if it is no `whole`."""
    if not whole:
        yield from _beside(factors, operators, new)
    if set(operators) <= set(JUXTAPOSED):
        for k in (*range(1, len(factors)), len(factors), 0):
            yield product([*factors[:k], new, *factors[k:]], [*operators[:k], "", *operators[k:]])
    else:
        group = syntax.Group(unwritten(factors[0]), product(factors, operators))
        yield product([new, group], [""])
        yield product([group, new], [""])
    if whole:
        yield from _beside(factors, operators, new)


def _beside(factors: list[Expression], operators: list[str], new: Expression) -> Iterator[Expression]:
    """A product with a factor multiplied entry by entry."""
    for k, factor in enumerate(factors):
        pair = product([factor, new], ["∘"])
        if len(factors) > 1 and set(operators) != {"∘"}:
            group = syntax.Group(unwritten(factor), pair)
            yield product([*factors[:k], group, *factors[k + 1 :]], operators)
        elif k == len(factors) - 1:
            yield product([*factors, new], [*operators, "∘"])


def factor_too_many(search: Search) -> Iterator[Correction]:
    for path, factors, operators in search.products():
        for k, factor in enumerate(factors):
            if len(factors) > 1 and not (k == 0 and operators[0] in ("/", "./")):
                right = _without(factors, operators, k)
                yield Correction(f"the factor `{printed(factor)}` is too many", search.with_part(path, right))


def missing_term(search: Search) -> Iterator[Correction]:
    sums = search.sums() or [((), syntax.Sum(unwritten(search.wrong), (1,), (bare(search.wrong),)))]
    for path, e in sums:
        for k, own in enumerate(e.terms):
            for term in _turned_parts(own):
                right = total([*e.signs, e.signs[k]], [*e.terms, term])
                yield Correction(f"the term `{printed(term)}` is missing", search.with_part(path, right))
    for turned in (False, True):
        for name in search.names:
            term = transposed(name) if turned else name
            for path, e in sums:
                for sign in (1, -1):
                    right = total([*e.signs, sign], [*e.terms, term])
                    yield Correction(f"the term `{printed(term)}` is missing", search.with_part(path, right))


def _turned_parts(e: Expression) -> list[Expression]:
    """An expression with one of its factors transposed."""
    if not isinstance(e, syntax.Product):
        return [transposed(e)]
    turned = [(*e.factors[:k], transposed(f), *e.factors[k + 1 :]) for k, f in enumerate(e.factors)]
    return [product(factors, e.operators) for factors in turned]


def term_too_many(search: Search) -> Iterator[Correction]:
    for path, e in search.sums():
        for k, term in enumerate(e.terms):
            rest = [n for n in range(len(e.terms)) if n != k]
            right = total([e.signs[n] for n in rest], [e.terms[n] for n in rest])
            yield Correction(f"the term `{printed(term)}` is too many", search.with_part(path, right))
