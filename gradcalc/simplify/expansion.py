"""Normal forms as sums of monomials: numbers times scalar atoms times a body of words (see `words`).

What an operation does to normal forms is given by handlers; an operation without one is an atom, known by its
operands. An expression that multiplies out to too much is given up with `TooLong`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise

from gradcalc.exact import MOST_BITS
from gradcalc.graph import Node, ancestors, extent
from gradcalc.simplify.words import Atoms, Body, Extent, Monomial, Product, TooLong, Word

MOST = 400
"""Terms, and factors of a term, that are looked at."""
WORK = 200_000
"""Terms that are made in all."""

Form = dict[Monomial, Fraction]
Handler = Callable[["Expansion", Node], "Form | None"]

_TURNED = {"softmax", "log_softmax", "adj"}
"""Operations besides those entry by entry that commute with transposition, if they are over all entries."""


class Expansion:
    """The normal forms of the nodes of some expressions, with the atoms that they have in common."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self.handlers = handlers
        self.atoms = Atoms()
        self.forms: dict[Node, Form] = {}
        self.known: dict[frozenset[tuple[Monomial, Fraction]], int] = {}
        self.squares: dict[int, Form] = {}
        self.reciprocals: dict[int, int] = {}
        self.work = 0

    def form(self, root: Node) -> Form:
        """The normal form of a node. Raises `TooLong`."""
        for node in ancestors([root]):
            if node not in self.forms:
                handler = self.handlers.get(node.op)
                made = handler(self, node) if handler else None
                self.forms[node] = self._opaque(node) if made is None else made
        return self.forms[root]

    def of(self, node: Node) -> list[Form]:
        """The forms of a node's operands."""
        return [self.forms[i] for i in node.inputs]

    # ------------------------------------------------------------------------- arithmetic

    def total(self, forms: Iterable[tuple[Fraction, Form]]) -> Form:
        """The sum of multiples of some forms."""
        found: Form = {}
        for factor, form in forms:
            self._worked(len(form))
            for monomial, value in form.items():
                number = found[monomial] = found.get(monomial, Fraction(0)) + factor * value
                if number.denominator.bit_length() > 2 * MOST_BITS:
                    raise TooLong
        return self._checked({m: v for m, v in found.items() if v})

    def _worked(self, terms: int) -> None:
        self.work += terms
        if self.work > WORK:
            raise TooLong

    def _checked(self, form: Form) -> Form:
        if len(form) > MOST or any(len(scalars) > MOST for scalars, _ in form):
            raise TooLong
        for value in form.values():
            if max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
                raise TooLong
        return form

    def spread(self, left: Form, right: Form, join: Callable[[Body | None, Body | None], Product]) -> Form:
        """The product of two forms multiplied out, their bodies joined by a product of some kind."""
        if len(left) * len(right) > 4 * MOST:
            raise TooLong
        self._worked(len(left) * len(right))
        terms = []
        for (a, body), x in left.items():
            for (b, beside), y in right.items():
                made = join(body, beside)
                terms.append(self._term(x * y * made.number, [*a, *b, *made.scalars], made.body))
        return self.total((Fraction(1), t) for t in terms)

    def _term(self, value: Fraction, scalars: Sequence[int], body: Body | None) -> Form:
        """One term; the square of a norm is the sum of squares that it is the root of."""
        ordered = sorted(scalars)
        twice = next((a for a, b in pairwise(ordered) if a == b and a in self.squares), None)
        if twice is None:
            return {(tuple(ordered), body): value}
        ordered.remove(twice)
        ordered.remove(twice)
        rest = self._term(value, ordered, body)
        return self.spread(rest, self.squares[twice], beside_scalar)

    def through(self, form: Form, join: Callable[[Body | None], Product]) -> Form:
        """A linear map of a form, given by what it makes of a body."""
        return self.spread(form, {((), None): Fraction(1)}, lambda body, _: join(body))

    def times(self, left: Form, right: Form) -> Form:
        """The product entry by entry, or by a scalar."""

        def join(body: Body | None, beside: Body | None) -> Product:
            if body is None or beside is None:
                return beside_scalar(body, beside)
            made = Product()
            made.body = self.atoms.times(body, beside)
            return made

        return self.spread(left, right, join)

    def word(self, body: Body | None, size: Extent) -> Word:
        """A body as a word; nothing for 1 × 1."""
        return () if body is None else self.atoms.factor_of(body, size)

    def matrix_product(self, left: Form, right: Form, sizes: tuple[Extent, Extent]) -> Form:
        """The matrix product of forms of the extents given."""
        whole = (sizes[0][0], sizes[1][1])
        return self.spread(
            left,
            right,
            lambda a, b: self.atoms.product((*self.word(a, sizes[0]), *self.word(b, sizes[1])), whole),
        )

    def turned(self, form: Form) -> Form:
        """The transpose of a form."""
        return {(s, body and self.atoms.turned_body(body)): value for (s, body), value in form.items()}

    # --------------------------------------------------------------------------- atoms

    def key(self, form: Form) -> int:
        """A number for a form."""
        return self.known.setdefault(frozenset(form.items()), len(self.known))

    def monic(self, form: Form) -> tuple[Fraction, Form]:
        """A form as a number times one whose first term has the number 1."""
        first = form[min(form, key=lambda m: (m[0], m[1] or ()))]
        return first, {m: value / first for m, value in form.items()}

    def atom(self, key: object, size: Extent, flipped: bool = False) -> Form:
        """An atom as a form."""
        number_ = self.atoms.atom(key, size[::-1] if flipped else size)
        if size == (1, 1):
            return {((number_,), None): Fraction(1)}
        return {((), (((number_, flipped),),)): Fraction(1)}

    def _opaque(self, node: Node) -> Form:
        """What is not taken apart: its operation with the forms of its operands."""
        forms = self.of(node)
        whole = node.attributes.get("axis") is None
        if node.operation.entrywise or (node.op in _TURNED and whole):
            return self.function(node.op, attributes_of(node), forms, extent(node.shape), _ordered(node))
        sizes = tuple(extent(i.shape) for i in node.inputs)
        leaf = None if node.inputs else id(node)
        shapes = tuple(i.shape for i in node.inputs)
        key = (node.op, leaf, attributes_of(node), sizes, shapes, tuple(self.key(f) for f in forms))
        return self.atom(key, extent(node.shape))

    def function(self, name: str, attributes: str, forms: Sequence[Form], size: Extent, ordered: bool = True) -> Form:
        """A function entry by entry, the same for the transposes of its operands, transposed."""
        plain = [self.key(f) for f in forms]
        back = [self.key(self.turned(f)) for f in forms]
        if not ordered:
            plain, back = sorted(set(plain)), sorted(set(back))
        flipped = size != (1, 1) and back < plain
        made = self.atom((name, attributes, tuple(back if flipped else plain)), size, flipped)
        if back == plain and size[0] == size[1] != 1:
            [(_, body)] = made
            self.atoms.symmetric.update(n for word in body or () for n, _ in word)
        return made

    def reciprocal(self, form: Form, size: Extent) -> Form:
        """1 / form, entry by entry. Raises ZeroDivisionError for 0."""
        if not form:
            raise ZeroDivisionError
        if len(form) > 1:
            value, monic = self.monic(form)
            made = self.function("reciprocal", "", [monic], size)
            return self.total([(1 / value, made)])
        [((scalars, body), value)] = form.items()
        below = tuple(sorted(self.one_over(s) for s in scalars))
        return {(below, body and self._body_below(body, size)): 1 / value}

    def one_over(self, scalar: int) -> int:
        """The reciprocal of a scalar atom, which is an atom as well."""
        if scalar not in self.reciprocals:
            made = self.atoms.atom(("over", scalar), (1, 1))
            self.reciprocals[scalar], self.reciprocals[made] = made, scalar
        return self.reciprocals[scalar]

    def _body_below(self, body: Body, size: Extent) -> Body:
        ones = self.ones(size)
        words = [w for w in body if (w,) != ones]
        made = [self.function("over", "", [{((), (w,)): Fraction(1)}], size) for w in words]
        found: list[Word] = []
        for form in made:
            [(_, inner)] = form
            found.extend(inner or ())
        return tuple(sorted(found)) or ones

    def ones(self, size: Extent) -> Body:
        """Ones as a body."""
        word: list[tuple[int, bool]] = [] if size[0] == 1 else [(self.atoms.ones(size[0]), False)]
        return (tuple(word if size[1] == 1 else [*word, (self.atoms.ones(size[1]), True)]),)

    def constant(self, value: Fraction, size: Extent = (1, 1)) -> Form:
        """A number in every entry."""
        return {((), None if size == (1, 1) else self.ones(size)): value} if value else {}


def beside_scalar(body: Body | None, beside: Body | None) -> Product:
    """The product where at least one is a scalar."""
    made = Product()
    made.body = beside if body is None else body
    return made


def attributes_of(node: Node) -> str:
    return repr(sorted(node.attributes.items()))


def _ordered(node: Node) -> bool:
    """Whether the order of the operands matters, and whether they may be alike."""
    return node.op not in ("max", "min")
