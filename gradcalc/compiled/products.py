"""Products of matrices in the order in which they are cheap: A B x is A (B x), and (u x^T) B^T is u (B x)^T.

A product that is only multiplied further, and costs more than multiplying by its factors one after the other, is taken
apart (the matrix-chain problem; Cormen, Leiserson, Rivest and Stein, Introduction to Algorithms, chapter on dynamic
programming), from the last product to the first. A large A^T diag(d) A, as Hessians are made of, is known as such:
where no entry of d is negative, half of it need be made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from gradcalc.compiled.instructions import Listing, Operand, Sizes, Value
from gradcalc.graph import Node, Shape, extent, is_row, of_extent

SYMMETRIC = 2**22
"""Multiplications from which A^T diag(d) A is quicker by half of it than as a product of matrices."""
Turned = tuple[Node, bool]
"""A factor, and whether its transpose is meant."""


def sizes_of(shape: Shape) -> Sizes:
    """The axes of the array of a value of this shape: none, one or two."""
    rows, columns = (int(s) for s in extent(shape))
    if not shape:
        return ()
    return (columns,) if is_row(shape) else (rows,) if len(shape) == 1 else (rows, columns)


def factors_of(product: Turned) -> tuple[Turned, Turned]:
    """The two factors of a product, or of its transpose."""
    node, turned = product
    (left, right), (flip_left, flip_right) = node.inputs, (node.attributes["left"], node.attributes["right"])
    if turned:
        return (right, not flip_right), (left, not flip_left)
    return (left, flip_left), (right, flip_right)


def is_diagonal(node: Node) -> bool:
    """Whether it is a matrix made of a column."""
    return node.op == "diag" and not node.attributes["extract"]


def _size(factor: Turned) -> tuple[int, int]:
    rows, columns = (int(s) for s in extent(factor[0].shape))
    return (columns, rows) if factor[1] else (rows, columns)


# ------------------------------------------------------------------------- what is taken apart


@dataclass
class _Uses:
    """By how many columns on its right and rows on its left something is multiplied, and by what; whether it is used
    otherwise."""

    columns: int = 0
    rows: int = 0
    beside: list[Node] = field(default_factory=list)
    otherwise: bool = False


def taken_apart(order: Sequence[Node], whole: Collection[Node]) -> set[Node]:
    """The products that are not made, among nodes in topological order; the `whole` are made whatever it costs."""
    uses: dict[Node, _Uses] = {}
    found: set[Node] = set()
    for node in reversed(order):
        own = uses.pop(node, _Uses())
        if node.op != "matmul":
            for operand in node.inputs:
                uses.setdefault(operand, _Uses()).otherwise = True
            continue
        is_apart = node not in whole and not own.otherwise and not found.intersection(own.beside) and _pays(node, own)
        if is_apart:
            found.add(node)
        rows, columns = _size((node, False))
        for k, (operand, turned) in enumerate(factors_of((node, False))):
            of_operand = uses.setdefault(operand, _Uses())
            by = (own.columns, own.rows) if is_apart else (0, rows) if k else (columns, 0)
            of_operand.columns += by[turned]
            of_operand.rows += by[not turned]
            if not is_apart:
                of_operand.otherwise |= node.inputs[0] is node.inputs[1]
                of_operand.beside.append(node.inputs[1 - k])
    return found


def _pays(node: Node, uses: _Uses) -> bool:
    """Whether multiplying by the two factors costs less than making the product and multiplying by it."""
    rows, columns = _size((node, False))
    left, right = factors_of((node, False))
    inside = _size(left)[1]
    times = uses.columns + uses.rows
    if min(rows, columns) == 1 or not times:
        return False
    made = rows * columns * (1 if is_diagonal(left[0]) or is_diagonal(right[0]) else inside)
    apart = (rows if is_diagonal(left[0]) else rows * inside) + (columns if is_diagonal(right[0]) else inside * columns)
    return apart * times < made + rows * columns * times


def chain(product: Node, apart: Collection[Node]) -> tuple[list[Turned], bool]:
    """The factors of a product that is made, and whether they are multiplied from the right."""
    left, right = factors_of((product, False))
    return [*_leaves(left, apart), *_leaves(right, apart)], left[0] in apart


def _leaves(factor: Turned, apart: Collection[Node]) -> Iterator[Turned]:
    stack = [factor]
    while stack:
        found = stack.pop()
        if found[0] in apart:
            stack.extend(reversed(factors_of(found)))
        else:
            yield found


# ------------------------------------------------------------------------------ multiplying


@dataclass(frozen=True, eq=False)
class Factor:
    """A value as a matrix or its transpose; `diagonal` are the entries of a diagonal matrix."""

    value: Value
    turned: bool
    rows: int
    columns: int
    diagonal: Value | None = None

    def array(self, listing: Listing) -> Value:
        """With its axes as they are meant."""
        return listing.transposed(self.value) if self.turned and len(self.value.sizes) == 2 else self.value


def multiplied(listing: Listing, left: Factor, right: Factor, sizes: Sizes | None = None) -> Factor:
    """The product of two: inner products, outer products, products with a diagonal, and the rest.

    `sizes` are the axes of the result, by default those of a matrix of its size.
    """
    rows, columns = left.rows, right.columns
    if sizes is None:
        sizes = () if rows == columns == 1 else sizes_of(of_extent(rows, columns))
    return Factor(_value(listing, left, right, sizes), False, rows, columns)


def _value(listing: Listing, left: Factor, right: Factor, sizes: Sizes) -> Value:
    if left.diagonal is not None or right.diagonal is not None:
        return _scaled(listing, left, right)
    a, b = left.array(listing), right.array(listing)
    if not a.sizes or not b.sizes:
        return _entrywise(listing, a, b)
    if len(a.sizes) == len(b.sizes) == 1:
        if left.columns != 1 or not sizes:
            return _inner(listing, a, b)
        if len(sizes) == 2 and not (a.batched or b.batched):
            return listing.make("outer", (a, b), sizes)
        return _entrywise(listing, listing.across(a) if len(sizes) == 2 else a, b)
    if right.turned and len(b.sizes) == 2 and len(a.sizes) == 1 and not (a.batched or b.batched):
        a, b = right.value, a  # x^T B^T is (B x)^T: one product where both are asked for
    return _product(listing, a, b, sizes)


def _entrywise(listing: Listing, a: Operand, b: Operand) -> Value:
    found = listing.pointwise(np.multiply, (a, b), False)
    assert isinstance(found, Value)
    return found


def _scaled(listing: Listing, left: Factor, right: Factor) -> Value:
    """diag(d) A scales rows, A diag(d) columns; the diagonal matrix is not made, and of several one is made first."""
    entries, other = (left.diagonal, right) if left.diagonal is not None else (right.diagonal, left)
    assert entries is not None
    value = other.array(listing)
    if other is right and len(value.sizes) == 2:
        entries = listing.across(entries)
    while (inner := _scaled_before(listing, entries, value)) is not None:
        entries, value = _entrywise(listing, entries, inner[0]), inner[1]
    return _entrywise(listing, entries, value)


def _scaled_before(listing: Listing, entries: Value, value: Value) -> tuple[Operand, Value] | None:
    """The e and the A of a matrix e ∘ A, where e is a number or scales the same axis as the entries."""
    if len(value.sizes) < 2 or entries.batched or value.batched:
        return None
    for one, other in listing.products(value):
        sizes = one.sizes if isinstance(one, Value) else ()
        if sizes in ((), entries.sizes) and isinstance(other, Value) and other.sizes == value.sizes:
            return one, other
    return None


def _inner(listing: Listing, a: Value, b: Value) -> Value:
    batched = a.batched or b.batched
    operands = (b, a) if b.batched and not a.batched else (a, b)
    kind = "matmul" if a.batched != b.batched else "inner"
    return listing.make(kind, operands, (), batched=batched)


def _product(listing: Listing, a: Value, b: Value, sizes: Sizes) -> Value:
    """As NumPy's matmul takes it; where it does not, with an axis more or the other way around."""
    gram = _gram(listing, a, b)
    if gram is not None:
        return listing.make("gram", gram, sizes)
    batched = a.batched or b.batched
    if len(b.sizes) == 1 and b.batched:
        if not a.batched:  # A x for all x at once: X A^T
            return listing.make("matmul", (b, listing.transposed(a)), sizes, batched=True)
        found = listing.make("matmul", (a, listing.across(b)), (*sizes, 1), batched=True)
        return listing.view(found, "block", sizes, ((None, None), 0))
    if len(a.sizes) == 1 and a.batched and b.batched:
        lifted = listing.view(a, "lift", (1, *a.sizes), 1)
        found = listing.make("matmul", (lifted, b), (1, *sizes), batched=True)
        return listing.view(found, "block", sizes, (0, (None, None)))
    return listing.make("matmul", (a, b), sizes, batched=batched)


def _gram(listing: Listing, a: Value, b: Value) -> tuple[Value, Value] | None:
    """The A and the d of a large A^T diag(d) A; the rows of A are scaled, or the columns of A^T."""
    if a.batched or b.batched or a.sizes != b.sizes[::-1] or prod(a.sizes) * a.sizes[0] < SYMMETRIC:
        return None
    for scaled, other in ((b, a), (a, b)):
        for one, two in listing.products(scaled):
            if isinstance(one, Value) and isinstance(two, Value) and listing.are_transposes(two, other):
                column = one.source if scaled is b and one.sizes == (b.sizes[0], 1) else one
                if column is not None and column.sizes == b.sizes[:1]:
                    return (two if scaled is b else other), column
    return None
