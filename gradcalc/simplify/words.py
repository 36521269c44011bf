"""Products in normal form: words of matrix atoms, entry by entry products of words, and scalars made of them.

An atom is a value that is not taken apart, known by a number; a factor is an atom and whether it is transposed;
a word is a matrix product of factors; a body is a sorted tuple of words that are multiplied entry by entry. A
monomial is a sorted tuple of scalar atoms and a body, which is None where the value is 1 × 1. What is equal by
reading it backwards (x^T A y), by going round (a trace) or by order (a ∘ b) is brought to one form.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from gradcalc.graph import Size

Extent = tuple[Size, Size]
Factor = tuple[int, bool]
Word = tuple[Factor, ...]
Body = tuple[Word, ...]
Monomial = tuple[tuple[int, ...], Body | None]
LONGEST = 100
"""Factors that a product may have."""


class TooLong(Exception):
    """An expression has more terms or factors than are looked at."""


class Product:
    """What a word came to: a number, scalar atoms, and the body that is left (None for 1 × 1)."""

    def __init__(self) -> None:
        self.number = Fraction(1)
        self.scalars: list[int] = []
        self.body: Body | None = None


class Atoms:
    """Numbers for what is not taken apart, the same for the same key, with the extent of each."""

    def __init__(self) -> None:
        self.numbers: dict[object, int] = {}
        self.extents: list[Extent] = []
        self.diagonals: dict[int, Body] = {}
        self.entries: dict[int, Body] = {}
        self.inverses: dict[int, int] = {}
        self.extracted: dict[int, Body] = {}
        self.symmetric: set[int] = set()

    def atom(self, key: object, extent: Extent) -> int:
        """The number of an atom."""
        whole = (key, extent)
        if whole not in self.numbers:
            self.numbers[whole] = len(self.extents)
            self.extents.append(extent)
        return self.numbers[whole]

    def ones(self, size: Size) -> int:
        """The column of ones."""
        return self.atom("ones", (size, 1))

    def diagonal(self, body: Body, size: Size) -> Word:
        """diag(d) for a column d; diag(1) = I."""
        if body == (((self.ones(size), False),),):
            return ()
        number = self.atom(("diag", body), (size, size))
        self.diagonals[number] = body
        self.symmetric.add(number)
        return ((number, False),)

    def factor_of(self, body: Body, extent: Extent) -> Word:
        """A body as a word: itself if it is one, else as an atom."""
        if len(body) == 1:
            return body[0]
        back = self.turned_body(body)
        chosen, flipped = (back, True) if back < body else (body, False)
        number = self.atom(("entries", chosen), extent[::-1] if flipped else extent)
        self.entries[number] = chosen
        if back == body:
            self.symmetric.add(number)
        return ((number, flipped),)

    def turned(self, word: Word) -> Word:
        """The transpose of a word."""
        return tuple((n, flipped if n in self.symmetric else not flipped) for n, flipped in reversed(word))

    def turned_body(self, body: Body) -> Body:
        """The transpose of a product entry by entry."""
        return tuple(sorted(self.turned(word) for word in body))

    def extent_of(self, factor: Factor) -> Extent:
        """Rows and columns of a factor."""
        rows, columns = self.extents[factor[0]]
        return (columns, rows) if factor[1] else (rows, columns)

    # ------------------------------------------------------------------------ matrix products

    def product(self, word: Word, extent: Extent) -> Product:
        """A word in normal form: A A^-1 = I, diagonals together, inner products taken out as scalars."""
        if len(word) > LONGEST:
            raise TooLong
        made = Product()
        columns: list[Word] = []
        for piece in self._pieces(self._joined(word)):
            rows = self.extent_of(piece[0])[0]
            if rows == self.extent_of(piece[-1])[1] == 1:
                self._scalar(piece, made)
            else:
                columns.append(self._settled(piece))
        if extent != (1, 1):
            whole = tuple(factor for piece in columns for factor in piece)
            made.body = self.unpacked(whole)
        return made

    def _joined(self, word: Word) -> Word:
        """Neighbours that make one: diag(a) diag(b) = diag(a ∘ b), A A^-1 = I."""
        found: list[Factor] = []
        for factor in word:
            before = found[-1] if found else None
            if before is not None and self.inverses.get(before[0]) == factor[0] and before[1] == factor[1]:
                found.pop()
            elif before is not None and before[0] in self.diagonals and factor[0] in self.diagonals:
                found.pop()
                body = self.times(self.diagonals[before[0]], self.diagonals[factor[0]])
                found.extend(self.diagonal(body, self.extents[factor[0]][0]))
            else:
                found.append(factor)
        return tuple(found)

    def _pieces(self, word: Word) -> list[Word]:
        """The word cut where the factors meet in one column and one row."""
        if not word:
            return []
        cuts = [k for k, (left, _) in enumerate(pairwise(word), 1) if self.extent_of(left)[1] == 1]
        return [word[a:b] for a, b in pairwise([0, *cuts, len(word)])]

    def _settled(self, piece: Word) -> Word:
        """A piece as one word: diag(d) beside a column or a row is entry by entry."""
        if self.extent_of(piece[-1])[1] == 1:
            return self._settled_column(piece)
        if self.extent_of(piece[0])[0] == 1:
            return self.turned(self._settled_column(self.turned(piece)))
        return piece

    def _settled_column(self, piece: Word) -> Word:
        place = next((k for k in reversed(range(len(piece))) if piece[k][0] in self.diagonals), None)
        if place is None:
            return piece
        size = self.extent_of(piece[place])[0]
        body = self.times(self.diagonals[piece[place][0]], self.unpacked(piece[place + 1 :]))
        return self._settled_column((*piece[:place], *self.factor_of(body, (size, 1))))

    def unpacked(self, word: Word) -> Body:
        """A word as a body: an atom that is a product entry by entry as its parts."""
        if len(word) == 1 and word[0][0] in self.entries:
            body = self.entries[word[0][0]]
            return self.turned_body(body) if word[0][1] else body
        return (word,)

    def times(self, left: Body, right: Body) -> Body:
        """The product entry by entry of two bodies; ones drop out, and I ∘ A is diagonal."""
        words = sorted((*left, *right))
        kept = tuple([w for w in words if not self._all_ones(w)] or words[:1])
        if len(kept) > 1 and any(self._is_diagonal(w) for w in kept):
            return self._diagonal_product(kept)
        return kept

    def _is_diagonal(self, word: Word) -> bool:
        return not word or (len(word) == 1 and word[0][0] in self.diagonals)

    def _diagonal_product(self, words: Body) -> Body:
        """I ∘ A ∘ B as the diagonal matrix of the products of their diagonals."""
        size = next((self.extent_of(w[0])[0] for w in words if w), None)
        if size is None:
            return ((),)
        body: Body = (((self.ones(size), False),),)
        for word in words:
            body = self.times(body, self.diagonal_of((word,), size))
        return (self.diagonal(body, size),)

    def diagonal_of(self, body: Body, size: Size) -> Body:
        """The diagonal as a column: d of diag(d), 1 of I, u ∘ v of u v^T; of others an atom, of A^T that of A."""
        word = body[0] if len(body) == 1 else None
        if word == ():
            return (((self.ones(size), False),),)
        if word and self._is_diagonal(word):
            return self.diagonals[word[0][0]]
        cut = next((k for k, f in enumerate(word or ()) if k and self.extent_of(f)[0] == 1), None)
        if word and cut is not None:
            return self.times(self.unpacked(word[:cut]), self.unpacked(self.turned(word[cut:])))
        chosen = min(body, self.turned_body(body))
        number = self.atom(("diagonal", chosen), (size, 1))
        self.extracted[number] = chosen
        return (((number, False),),)

    def _all_ones(self, word: Word) -> bool:
        return bool(word) and all(self.extents[n][1] == 1 and n == self.ones(self.extents[n][0]) for n, _ in word)

    # ------------------------------------------------------------------------ scalars

    def _scalar(self, piece: Word, made: Product) -> None:
        """A 1 × 1 word as scalar atoms: x^T A y = y^T A^T x, u^T diag(d) v = Σ u d v."""
        if len(piece) == 1:
            made.scalars.append(piece[0][0])
            return
        place = next((k for k, f in enumerate(piece) if f[0] in self.diagonals), None)
        if place is not None:
            left, right = self.turned(piece[:place]), piece[place + 1 :]
            columns = [self._settled_column(left), self._settled_column(right)]
            self.total((*self.diagonals[piece[place][0]], *columns), self.extent_of(piece[place])[0], made)
            return
        back, size = self.turned(piece), self.extent_of(piece[0])[1]
        sums = [s for s in (self._ending(piece), self._ending(back)) if s is not None]
        if sums:
            self.total(min(sums), size, made)
        elif extracted := self._extracted(piece) or self._extracted(back):
            self.total((extracted,), size, made)
        elif len(piece) == 2 and all(n == self.ones(size) for n, _ in piece):
            self._size(size, made)
        else:
            made.scalars.append(self.atom(("word", min(piece, back)), (1, 1)))

    def _extracted(self, piece: Word) -> Word:
        """The diagonal of a matrix, if that is what is summed; else nothing."""
        if len(piece) == 2 and piece[0][0] in self.extracted and piece[1][0] == self.ones(self.extent_of(piece[1])[0]):
            return ((piece[0][0], False),)
        return ()

    def _size(self, size: Size, made: Product) -> None:
        if isinstance(size, int):
            made.number *= size
        else:
            made.scalars.append(self.atom(("size", size), (1, 1)))

    def _ending(self, piece: Word) -> Body | None:
        """u^T (p ∘ q) as the words whose entries are multiplied and summed."""
        number, flipped = piece[-1]
        if number not in self.entries:
            return None
        parts = self.entries[number]
        parts = self.turned_body(parts) if flipped else parts
        return self.times(parts, self.unpacked(self.turned(piece[:-1])))

    def total(self, words: Sequence[Word], size: Size, made: Product) -> None:
        """The sum of the products of the entries of some columns."""
        body: Body = ()
        for word in words:
            body = self.times(body, self.unpacked(word))
        if len(body) > 2:
            made.scalars.append(self.atom(("total", body), (1, 1)))
            return
        if len(body) == 1 and len(body[0]) == 1 and body[0][0][0] in self.extracted:
            whole = self.trace(self.factor_of(self.extracted[body[0][0][0]], (size, size)), size)
            made.number *= whole.number
            made.scalars.extend(whole.scalars)
            return
        first = body[0] if len(body) == 2 else ((self.ones(size), False),)
        self._scalar((*self.turned(first), *body[-1]), made)

    def trace(self, word: Word, size: Size) -> Product:
        """The trace of a word, the same for all that it becomes by going round and by transposition."""
        made, word = Product(), self._joined(word)
        if not word:
            self._size(size, made)
            return made
        cut = next((k for k, (left, _) in enumerate(pairwise(word), 1) if self.extent_of(left)[1] == 1), None)
        if cut is not None:
            return self.product(word[cut:] + word[:cut], (1, 1))
        if len(word) == 1 and word[0][0] in self.diagonals:
            self.total(self.diagonals[word[0][0]], size, made)
            return made
        back = self.turned(word)
        round_about = min(min(w[k:] + w[:k] for k in range(len(w))) for w in (word, back))
        made.scalars.append(self.atom(("trace", round_about), (1, 1)))
        return made

    def sum_of(self, body: Body, extent: Extent) -> Product:
        """The sum of the entries of a body: of A ∘ B it is tr(A^T B)."""
        if 1 not in extent and len(body) == 2:
            return self.trace((*self.turned(body[0]), *body[1]), extent[1])
        if 1 not in extent and len(body) > 2:
            made = Product()
            made.scalars.append(self.atom(("total", min(body, self.turned_body(body))), (1, 1)))
            return made
        rows, columns = extent
        left: Word = ((self.ones(rows), True),) if rows != 1 else ()
        right: Word = ((self.ones(columns), False),) if columns != 1 else ()
        return self.product((*left, *self.factor_of(body, extent), *right), (1, 1))
