"""What terms and products consist of: numbers, factors in order, and whether a matrix is symmetric.

Read by the rewrites. Lists of factors are bounded, so that a product of thousands costs no more than its
length; what lies deeper counts as one factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce

from gradcalc import algebra as al
from gradcalc.exact import is_representable
from gradcalc.graph import SCALAR, Node, extent

MOST = 64
"""Factors that a product entry by entry is taken apart into."""
MOST_MATRICES = 16
"""Factors that a matrix product is taken apart into."""
SIDES = ("left", "right")
"""The attributes of a matrix product that say which operand is taken transposed."""


def number(node: Node) -> Fraction | None:
    """The number that a constant is, stretched or not; None for a symbol such as pi."""
    return (node.inputs[0] if node.op == "stretch" else node).exact


def split(node: Node) -> tuple[Fraction, Node]:
    """A term as a number times the rest."""
    if node.op == "negative":
        inner, rest = split(node.inputs[0])
        return -inner, rest
    if node.op in ("scale", "multiply"):
        factor = number(node.inputs[0])
        if factor is not None and node.inputs[0].shape == SCALAR:
            return factor, node.inputs[1]
    return Fraction(1), node


def split_ones(node: Node) -> tuple[Fraction, Node]:
    """As `split`; a stretched number is the number times ones."""
    value = number(node)
    if node.op == "stretch" and value is not None:
        return value, al.ones(node.graph, node.shape)
    return split(node)


def times_number(value: Fraction, node: Node) -> Node:
    """`c x`, with the number folded into one that is there; where no number can be both, they stay side by side."""
    inner, rest = split(node)
    if inner < 0:
        value, node = -value, times_number(-inner, rest)
        inner, rest = split(node)
    if value < 0:
        return al.negative(times_number(-value, node))
    if value == 1:
        return node
    alone = number(rest) if rest.shape == SCALAR else None
    product = value * inner * (1 if alone is None else alone)
    if not is_representable(product):
        return al.scale(node.graph.constant(value), node)
    made = node.graph.constant(product)
    return made if alone is not None else al.scale(made, rest)


def operands(node: Node) -> tuple[Node, Node]:
    """The two operands of a matrix product, transposed where it takes them so."""
    left, right = (al.transpose(n) if node.attributes[side] else n for n, side in zip(node.inputs, SIDES, strict=True))
    return left, right


def matrix_factors(node: Node) -> list[Node]:
    """The factors of a matrix product in order, whatever its brackets; the node itself if it is none."""
    found: list[Node] = []
    waiting = [node]
    while waiting:
        factor = waiting.pop()
        if factor.op == "matmul" and len(found) + len(waiting) < MOST_MATRICES:
            left, right = operands(factor)
            waiting.extend((right, left))
        else:
            found.append(factor)
    return found


def entry_factors(node: Node) -> list[Node]:
    """The factors of a product entry by entry, or of numbers, in order."""
    found: list[Node] = []
    waiting = [node]
    while waiting:
        factor = waiting.pop()
        if factor.op == "multiply" and len(found) + len(waiting) < MOST:
            waiting.extend(reversed(factor.inputs))
        else:
            found.append(factor)
    return found


def matrix_product(factors: Sequence[Node]) -> Node:
    """The product of some factors, from the left."""
    return reduce(al.matmul, factors)


def entry_product(factors: Sequence[Node]) -> Node:
    """The product entry by entry of some factors of one shape."""
    return reduce(al.multiply, factors)


def of_shape(found: Node | None, like: Node) -> Node | None:
    """What was found, if it is something else than the node and has its shape: 1 × 1 values may differ in that."""
    return found if found is not None and found is not like and found.shape == like.shape else None


def is_square(node: Node) -> bool:
    """Whether it has as many rows as columns, more than one."""
    rows, columns = extent(node.shape)
    return rows == columns and rows != 1


def is_symmetric(node: Node) -> bool:
    """Whether a matrix is its own transpose by its form: X^T X, A + A^T, diag(d), the inverse of such a one."""
    waiting = [node]
    for _ in range(MOST):
        if not waiting:
            return True
        parts = _must_be_symmetric(waiting.pop())
        if parts is None:
            return False
        waiting.extend(parts)
    return False


def _must_be_symmetric(node: Node) -> list[Node] | None:
    """The parts that must be symmetric for the node to be so; None if it is not by its form."""
    if node.op == "eye" or (node.op == "diag" and not node.attributes["extract"]):
        return []
    if node.op in ("inv", "adj", "negative", "transpose"):
        return list(node.inputs)
    if node.op == "scale":
        return [node.inputs[1]]
    if node.op == "divide" and node.inputs[1].shape == SCALAR:
        return [node.inputs[0]]
    if node.op == "matmul":
        return _middle(matrix_factors(node))
    return _unpaired(node) if node.op == "add" else None


def _middle(factors: Sequence[Node]) -> list[Node] | None:
    """The middle factor of a product that reads the same backwards, transposed."""
    half = len(factors) // 2
    mirrored = all(al.transpose(factors[-1 - k]) is factors[k] for k in range(half))
    return list(factors[half : len(factors) - half]) if mirrored else None


def _unpaired(node: Node) -> list[Node]:
    """The terms of a sum that do not come with their transpose."""
    terms = list(zip(node.attributes["signs"], node.inputs, strict=True))
    alone: list[Node] = []
    while terms:
        sign, term = terms.pop()
        partner = (sign, al.transpose(term))
        if partner in terms:
            terms.remove(partner)
        else:
            alone.append(term)
    return alone
