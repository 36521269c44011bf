"""Rewrites of sums: like terms and common factors.

Each takes a node of the operation that the table gives and returns a new one, or None where its identity does
not apply. A factor is taken out of a sum only where two terms have it, so that fewer leaves are left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from msgspec import Struct

from gradcalc import algebra as al
from gradcalc.exact import is_representable, total
from gradcalc.graph import SCALAR, Node
from gradcalc.simplify.factors import (
    MOST,
    entry_factors,
    entry_product,
    matrix_factors,
    matrix_product,
    number,
    of_shape,
    split,
    times_number,
)

Term = tuple[Fraction, Node]

# --------------------------------------------------------------------------- like terms


def _terms(node: Node, through_numbers: bool) -> Iterator[Term]:
    """The terms of nested sums with their numbers, in order; on demand also those of 2 (a + b)."""
    waiting: list[Term] = [(Fraction(1), node)]
    while waiting:
        value, term = waiting.pop()
        if term.op == "add":
            pairs = list(zip(term.attributes["signs"], term.inputs, strict=True))
            waiting.extend((value * sign, t) for sign, t in reversed(pairs))
            continue
        inner, rest = split(term)
        if not is_representable(value * inner):
            yield value, term
        elif rest.op == "add" and rest is not term and (through_numbers or abs(inner) == 1):
            waiting.append((value * inner, rest))
        else:
            yield value * inner, rest


def opened(node: Node) -> Node:
    """a + (b - (c + d)) = a + b - c - d at once, so that a deep sum costs no more than its length.

    A sum that stands in it more than once is opened once: s + s may be 2 s.
    """
    if node.op != "add" or all(i.op != "add" for i in node.inputs):
        return node
    waiting: list[tuple[int, Node]] = [(1, node)]
    signs: list[int] = []
    terms: list[Node] = []
    seen: set[Node] = set()
    while waiting:
        sign, term = waiting.pop()
        if term.op == "add" and term not in seen:
            seen.add(term)
            pairs = list(zip(term.attributes["signs"], term.inputs, strict=True))
            waiting.extend((sign * s, t) for s, t in reversed(pairs))
        else:
            signs.append(sign)
            terms.append(term)
    return node.graph.make("add", *terms, signs=tuple(signs))


def _factor_key(factor: Node) -> tuple[int, ...]:
    """One key for a scalar and its transpose: x^T A y = y^T A^T x."""
    if factor.op != "matmul" or factor.shape != SCALAR:
        return (factor.index,)
    factors = matrix_factors(factor)
    back = tuple(al.transpose(f).index for f in reversed(factors))
    return min(tuple(f.index for f in factors), back)


def _key(term: Node) -> object:
    """One key for terms that differ in the order of their scalar factors only."""
    if term.op == "multiply":
        return tuple(sorted(_factor_key(f) for f in entry_factors(term)))
    if term.op == "scale":
        return term.inputs[1].index, tuple(sorted(_factor_key(f) for f in entry_factors(term.inputs[0])))
    return _factor_key(term)


def _collected(terms: Iterator[Term]) -> list[Term]:
    """The terms with the numbers of like ones added up; a plain number last."""
    found: dict[object, list[Term]] = {}
    plain: list[Term] = []
    for value, term in terms:
        alone = number(term) if term.shape == SCALAR else None
        if alone is not None and is_representable(value * alone):
            plain.append((value * alone, term.graph.constant(1.0)))
        elif not al.is_zero(term):
            found.setdefault(_key(term), []).append((value, term))
    return [term for alike in (*found.values(), plain) for term in _together(alike)]


def _together(alike: list[Term]) -> list[Term]:
    """Like terms as one, or none where they cancel; as they are where their sum cannot be a number of the graph."""
    value = total(value for value, _ in alike)
    if value is None:
        return alike
    return [(value, alike[0][1])] if value else []


def _cost(terms: Sequence[Term]) -> int:
    """Leaves of a sum, each term counting one, each number that is written another."""
    return sum((abs(value) != 1) + (len(term.inputs) if term.op == "add" else 1) for value, term in terms)


def like_terms(node: Node) -> Node | None:
    """x + x = 2 x, 3 x - x = 2 x, x - x = 0, x^T y + y^T x = 2 x^T y; nested sums flat, zeros out."""
    terms = _collected(_terms(node, False))
    spread = list(_terms(node, True))
    through = _collected(iter(spread))
    if len(through) < len(spread) and _cost(through) <= _cost(terms):
        terms = through
    if not terms:
        return al.zeros(node.graph, node.shape)
    positive = next((k for k, (value, _) in enumerate(terms) if value > 0), 0)
    terms.insert(0, terms.pop(positive))
    made = _sum(terms)
    return None if made is node else made


def _sum(terms: Sequence[Term]) -> Node:
    return al.add([times_number(abs(n), t) for n, t in terms], [1 if n > 0 else -1 for n, _ in terms])


# ----------------------------------------------------------------------- common factors


class Offer(Struct, frozen=True, eq=False):
    """A factor that a term could lend to the sum: the side it stands on, and what is left of the term."""

    side: str
    factor: Node
    rest: Callable[[], Node]


def _others(factors: Sequence[Node], k: int) -> list[Node]:
    return [*factors[:k], *factors[k + 1 :]]


def _matrix_offers(node: Node, scaled: Callable[[Node], Node]) -> Iterator[Offer]:
    """The outer factors of a matrix product, `scaled` what scalars before it do to the rest."""
    factors = matrix_factors(node)
    yield Offer("right", factors[-1], lambda: scaled(matrix_product(factors[:-1])))
    yield Offer("left", factors[0], lambda: scaled(matrix_product(factors[1:])))


def _scalar_offers(factor: Node, scaled: Callable[[Node | None], Node]) -> Iterator[Offer]:
    """The factors of a scalar, `scaled` the term with what is left of it."""
    factors = entry_factors(factor)
    for k, one in enumerate(factors):
        others = _others(factors, k)
        yield Offer("scalar", one, lambda others=others: scaled(entry_product(others) if others else None))  # type: ignore[misc]


def _scale_offers(node: Node) -> Iterator[Offer]:
    factor, body = node.inputs
    yield Offer("body", body, lambda: factor)
    if body.op == "matmul":
        yield from _matrix_offers(body, lambda rest: al.scale(factor, rest))
    yield from _scalar_offers(factor, lambda left: body if left is None else al.scale(left, body))
    if factor.op == "divide":
        yield Offer("divide", factor.inputs[1], lambda: al.scale(factor.inputs[0], body))
    if body.op in ("divide", "ratio"):
        yield Offer(body.op, body.inputs[1], lambda: al.scale(factor, body.inputs[0]))


def _multiply_offers(node: Node) -> Iterator[Offer]:
    if node.shape == SCALAR:
        yield from _scalar_offers(node, lambda left: node if left is None else left)
        return
    factors = entry_factors(node)
    for k, one in enumerate(factors):
        side = "entries after" if k else "entries before"
        yield Offer(side, one, lambda k=k: entry_product(_others(factors, k)))  # type: ignore[misc]


def _offers(node: Node) -> Iterator[Offer]:
    a, b = (node.inputs * 2)[:2] if node.inputs else (node, node)
    if node.op == "matmul":
        yield from _matrix_offers(node, lambda rest: rest)
    elif node.op == "scale":
        yield from _scale_offers(node)
    elif node.op == "multiply":
        yield from _multiply_offers(node)
    elif node.op in ("divide", "ratio"):
        yield Offer(node.op, b, lambda: a)
    elif node.op == "kron":
        yield Offer("kron-before", a, lambda: b)
        yield Offer("kron-after", b, lambda: a)


def _joined(side: str, factor: Node, inner: Node) -> Node:
    """The sum of what is left, with the factor put back."""
    if side in ("left", "right"):
        return al.matmul(factor, inner) if side == "left" else al.matmul(inner, factor)
    if side in ("scalar", "body"):
        return al.scale(factor, inner) if side == "scalar" else al.scale(inner, factor)
    if side in ("divide", "ratio"):
        return al.divide(inner, factor, side)
    first, second = (factor, inner) if side.endswith("before") else (inner, factor)
    return al.multiply(first, second) if side.startswith("entries") else factor.graph.make("kron", first, second)


def common_factor(node: Node) -> Node | None:
    """A x + B x = (A + B) x, and the same for scalars, entries, divisors and factors of ⊗."""
    terms = [_signed(sign, term) for sign, term in zip(node.attributes["signs"], node.inputs, strict=True)]
    if len(terms) > MOST:
        return None
    found: dict[tuple[str, Node], dict[int, Offer]] = {}
    for k, (_, term) in enumerate(terms):
        for offer in _offers(term):
            side = "entries" if offer.side.startswith("entries") else offer.side
            found.setdefault((side, offer.factor), {}).setdefault(k, offer)
    shared = max(found.values(), key=len, default={})
    return of_shape(_taken_out(terms, shared), node) if len(shared) > 1 else None


def _signed(sign: int, term: Node) -> Term:
    value, rest = split(term)
    return sign * value, rest


def _taken_out(terms: Sequence[Term], shared: dict[int, Offer]) -> Node | None:
    """The sum with one factor taken out of some of its terms."""
    first = min(shared)
    offer = shared[first]
    sign = Fraction(1 if any(terms[k][0] > 0 for k in shared) else -1)
    left = _own_before_transpose([(sign * terms[k][0], o.rest()) for k, o in shared.items()])
    if any(rest.shape != left[0][1].shape for _, rest in left):
        return None
    joined = _joined(offer.side, offer.factor, _sum(left))
    whole = [(sign, joined) if k == first else term for k, term in enumerate(terms) if k == first or k not in shared]
    return _sum(whole)


def _own_before_transpose(terms: list[Term]) -> list[Term]:
    """A^T + A is written A + A^T."""
    for k, (value, term) in enumerate(terms):
        later = next((j for j in range(k + 1, len(terms)) if terms[j] == (value, al.transpose(term))), None)
        if later is not None and term.op == "transpose":
            terms[k], terms[later] = terms[later], terms[k]
    return terms


def common_number(node: Node) -> Node | None:
    """2 x - 2 y = 2 (x - y)."""
    terms = [_signed(sign, term) for sign, term in zip(node.attributes["signs"], node.inputs, strict=True)]
    value = abs(terms[0][0])
    plain = any(number(term) is not None or al.is_one(term) for _, term in terms)
    if value == 1 or plain or any(abs(other) != value for other, _ in terms):
        return None
    return times_number(value, _sum([(n / value, t) for n, t in terms]))


def minus_difference(node: Node) -> Node | None:
    """-(-a) = a; -(b - a) = a - b where that begins with a plus."""
    inner = node.inputs[0]
    if inner.op == "add" and inner.attributes["signs"][0] < 0:
        return al.add(inner.inputs, [-s for s in inner.attributes["signs"]])
    return inner.inputs[0] if inner.op == "negative" else None
