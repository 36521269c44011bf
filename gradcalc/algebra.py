"""Constructors for the nodes that differentials and adjoints are made of.

Each does the trivial steps at once (a factor 1, a transpose of a transpose, a product with ones that is a
sum), so that what they build is short. They know operations by name only.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from gradcalc.graph import SCALAR, Graph, Node, Shape, Size, extent, is_row


def constant(graph: Graph, value: float | Fraction) -> Node:
    """A constant scalar."""
    return graph.constant(value)


def ones(graph: Graph, shape: Shape) -> Node:
    """A one in every entry."""
    return graph.constant(1.0) if shape == SCALAR else graph.make("ones", to=shape)


def zeros(graph: Graph, shape: Shape) -> Node:
    """A zero in every entry."""
    return graph.constant(0.0) if shape == SCALAR else graph.make("zeros", to=shape)


def eye(graph: Graph, size: Size) -> Node:
    """The identity matrix."""
    return graph.make("eye", size=size)


def is_one(node: Node) -> bool:
    """Whether every entry is the constant 1."""
    return node.op == "ones" or node.is_constant(1.0)


def is_zero(node: Node) -> bool:
    """Whether every entry is the constant 0."""
    return node.op == "zeros" or node.is_constant(0.0)


def fit(node: Node, shape: Shape) -> Node:
    """The node in a shape of the same extent: a 1 × 1 result may be a scalar, a column or a row."""
    return node if node.shape == shape else node.graph.make("as", node, to=shape)


def is_bare(a: Node, op: str) -> bool:
    """Whether a node is an operation without a name: one with a name is a value that can be derived by."""
    return a.op == op and "name" not in a.attributes


def negative(a: Node) -> Node:
    """`-a`."""
    if is_bare(a, "negative"):
        return a.inputs[0]
    if a.exact is not None:
        return constant(a.graph, -a.exact)
    return a if is_zero(a) else a.graph.make("negative", a)


def add(terms: Sequence[Node], signs: Sequence[int] | None = None) -> Node:
    """`a + b - c`; terms of one shape, at least one. Zeros drop out, a negative term becomes a sign."""
    kept: list[tuple[int, Node]] = []
    for sign, term in zip(signs or [1] * len(terms), terms, strict=True):
        if is_bare(term, "negative"):
            kept.append((-sign, term.inputs[0]))
        elif not is_zero(term):
            kept.append((sign, term))
    if not kept:
        return terms[0]
    if len(kept) == 1:
        return kept[0][1] if kept[0][0] > 0 else negative(kept[0][1])
    return terms[0].graph.make("add", *(t for _, t in kept), signs=tuple(s for s, _ in kept))


def subtract(first: Node, *others: Node) -> Node:
    """`a - b - c`, of one shape."""
    return add([first, *others], [1, *[-1] * len(others)])


def multiply(a: Node, b: Node) -> Node:
    """Entry by entry, operands of one shape."""
    if is_one(a) or is_zero(b):
        return b
    if is_one(b) or is_zero(a):
        return a
    if is_bare(a, "negative"):
        return negative(multiply(a.inputs[0], b))
    if is_bare(b, "negative"):
        return negative(multiply(a, b.inputs[0]))
    return a.graph.make("multiply", a, b)


def scale(factor: Node, a: Node) -> Node:
    """A scalar times anything."""
    if a.shape == SCALAR:
        return multiply(factor, a)
    if factor.is_constant(1.0) or is_zero(a):
        return a
    if factor.is_constant(-1.0):
        return negative(a)
    if factor.is_constant(0.0):
        return zeros(a.graph, a.shape)
    if is_bare(factor, "negative"):
        return negative(scale(factor.inputs[0], a))
    if is_bare(a, "negative"):
        return negative(scale(factor, a.inputs[0]))
    return a.graph.make("scale", factor, a)


def divide(a: Node, b: Node, op: str = "divide") -> Node:
    """Entry by entry, operands of one shape; or by a scalar."""
    if is_one(b) or is_zero(a):
        return a
    if is_bare(a, "negative"):
        return negative(divide(a.inputs[0], b, op))
    return a.graph.make(op, a, b)


def quotient_power(a: Node, b: Node, power: int, op: str = "divide") -> Node:
    """`a / b^k`, with the digits that a quotient on the way to it would lose."""
    if is_one(b) or is_zero(a):
        return a
    if is_bare(a, "negative"):
        return negative(quotient_power(a.inputs[0], b, power, op))
    return divide(a, b, op) if power == 1 else a.graph.make("quotient_power", a, b, power=power, by=op)


def transpose(a: Node) -> Node:
    """`a^T`; a scalar stays."""
    if a.shape == SCALAR or a.op == "eye":
        return a
    if is_bare(a, "transpose"):
        return a.inputs[0]
    if is_bare(a, "negative"):
        return negative(transpose(a.inputs[0]))
    if a.op in ("ones", "zeros") and len(a.shape) == 2 and not is_row(a.shape):
        return a.graph.make(a.op, to=a.shape[::-1])
    return a.graph.make("transpose", a)


def untransposed(a: Node) -> tuple[Node, bool]:
    """The operand of a transpose and True, or the node itself and False."""
    return (a.inputs[0], True) if is_bare(a, "transpose") else (a, False)


def matmul(a: Node, b: Node) -> Node:
    """The matrix product; a scalar factor scales, transposed operands are taken as they lie."""
    if a.shape == SCALAR:
        return scale(a, b)
    if b.shape == SCALAR:
        return scale(b, a)
    if a.op == "eye" or (is_zero(b) and a.shape == (b.shape[0], b.shape[0])):
        return b
    if b.op == "eye":
        return a
    if is_bare(a, "negative"):
        return negative(matmul(a.inputs[0], b))
    if is_bare(b, "negative"):
        return negative(matmul(a, b.inputs[0]))
    summed = _summed(a, b)
    if summed is not None:
        return summed
    left, left_transposed = untransposed(a)
    right, right_transposed = untransposed(b)
    return a.graph.make("matmul", left, right, left=left_transposed, right=right_transposed)


def _summed(a: Node, b: Node) -> Node | None:
    """A product with a vector of ones is a sum or a stretch."""
    left, _ = untransposed(a)
    right, _ = untransposed(b)
    columns = extent(b.shape)[1]
    if is_one(left) and is_row(a.shape):
        return total(b, None if columns == 1 else 0)
    if is_one(right) and len(b.shape) == 1:
        return total(a, None if is_row(a.shape) else 1)
    if is_one(left) and len(a.shape) == 1:
        return stretch(b, (a.shape[0], columns))
    if is_one(right) and is_row(b.shape):
        return stretch(a, (a.shape[0], columns))
    return None


def stretch(a: Node, shape: Shape) -> Node:
    """`a` repeated to a shape."""
    if a.shape == shape:
        return a
    if is_one(a):
        return ones(a.graph, shape)
    return zeros(a.graph, shape) if is_zero(a) else a.graph.make("stretch", a, to=shape)


def total(a: Node, axis: int | None = None) -> Node:
    """The sum of all entries, or along an axis."""
    return a if a.shape == SCALAR else a.graph.make("sum", a, axis=axis)


def inner(a: Node, b: Node) -> Node:
    """`⟨a, b⟩`, the sum of the products of entries."""
    if a.shape == SCALAR:
        return multiply(a, b)
    if is_one(a):
        return total(b)
    if is_one(b):
        return total(a)
    if len(a.shape) == 1:
        return fit(matmul(transpose(a), b), SCALAR)
    if is_row(a.shape):
        return fit(matmul(a, transpose(b)), SCALAR)
    return total(multiply(a, b))


def compare(operator: str, a: Node, b: Node) -> Node:
    """0 or 1, entry by entry; operands of one shape."""
    return a.graph.make("compare", a, b, operator=operator)


def number_like(like: Node, value: float | Fraction) -> Node:
    """A number as an operand beside a node: it stays a number, stretched, and is printed as one."""
    number = constant(like.graph, value)
    return number if like.shape == SCALAR else like.graph.make("stretch", number, to=like.shape)


def filled(like: Node, value: float | Fraction) -> Node:
    """A constant in the shape of a node."""
    return stretch(constant(like.graph, value), like.shape)


def power(a: Node, exponent: float | Fraction) -> Node:
    """`a^c` entry by entry, for a constant c."""
    if exponent == 0:
        return ones(a.graph, a.shape)
    return a if exponent == 1 else a.graph.make("power", a, number_like(a, exponent))


def apply(op: str, *inputs: Node) -> Node:
    """An operation without attributes."""
    return inputs[0].graph.make(op, *inputs)


def place(a: Node, items: tuple[object, ...], shape: Shape) -> Node:
    """Zeros of a shape, with `a` at the place that `items` index."""
    if is_zero(a) and a.shape == shape:
        return a
    if len(shape) == 1 and len(items) == 1 and isinstance(items[0], int) and isinstance(shape[0], int):
        return scale(a, a.graph.make("onehot", place=items[0], size=shape[0]))
    return a.graph.make("place", a, items=items, to=shape)
