"""Readable closed forms: one table of named rewrites, applied until none fires.

Each rewrite is an identity for real numbers that makes an expression shorter, or moves transposes, signs and
numbers to where a mathematician writes them; a measure (size, then depth of transposes) falls with each, so
the process ends. The tests prove each on random values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gradcalc import algebra as al
from gradcalc.graph import SCALAR, Graph, Node, transposed

Rule = Callable[[Node], Node | None]


@dataclass(frozen=True)
class Rewrite:
    """A named identity for nodes of one operation: a new node, or None where it does not apply."""

    name: str
    op: str
    rule: Rule


def _number(node: Node) -> float | None:
    """The value of a constant that is not a symbol such as pi."""
    if node.op == "stretch":
        node = node.inputs[0]
    if node.op != "constant" or node.attributes["text"].isidentifier():
        return None
    return float(node.attributes["value"])


def _split(node: Node) -> tuple[float, Node]:
    """A term as a number times the rest."""
    if node.op == "negative":
        number, rest = _split(node.inputs[0])
        return -number, rest
    if node.op in ("scale", "multiply"):
        factor = _number(node.inputs[0])
        if factor is not None and node.inputs[0].shape == SCALAR:
            return factor, node.inputs[1]
    return 1.0, node


def _split_ones(node: Node) -> tuple[float, Node]:
    """As `_split`; a stretched number is the number times ones."""
    number = _number(node)
    if node.op == "stretch" and number is not None:
        return number, al.ones(node.graph, node.shape)
    return _split(node)


def _times_number(number: float, node: Node) -> Node:
    """`c x`, with the number folded into a number that is there."""
    if number == 1.0:
        return node
    if number == -1.0:
        return al.negative(node)
    inner, rest = _split(node)
    value = _number(rest)
    if value is not None and rest.shape == SCALAR:
        return node.graph.constant(number * inner * value)
    if number < 0:
        return al.negative(_times_number(-number, node))
    return al.scale(node.graph.constant(number * inner), rest)


# --------------------------------------------------------------------------- transposes


def _transpose_inside(node: Node) -> Node | None:
    """(A B)^T = B^T A^T, (a + b)^T = a^T + b^T, (a ∘ b)^T = a^T ∘ b^T, (c a)^T = c a^T."""
    inner = node.inputs[0]
    if inner.op == "matmul":
        a, b = (al.transpose(n) if inner.attributes[s] else n for n, s in zip(inner.inputs, _SIDES, strict=True))
        return al.fit(al.matmul(al.transpose(b), al.transpose(a)), node.shape)
    if inner.op == "add":
        return al.add([al.transpose(t) for t in inner.inputs], inner.attributes["signs"])
    if inner.op in ("multiply", "divide", "ratio") and inner.inputs[0].shape == inner.inputs[1].shape:
        return node.graph.make(inner.op, *(al.transpose(t) for t in inner.inputs))
    if inner.op in ("divide", "ratio"):
        return node.graph.make(inner.op, al.transpose(inner.inputs[0]), inner.inputs[1])
    if inner.op == "scale":
        return al.scale(inner.inputs[0], al.transpose(inner.inputs[1]))
    if inner.op == "kron":
        return node.graph.make("kron", *(al.transpose(t) for t in inner.inputs))
    if inner.op == "diag" and not inner.attributes["extract"]:
        return inner
    return None


_SIDES = ("left", "right")


def _transpose_of_constant(node: Node) -> Node | None:
    """1^T is a row of ones; a stretched value is stretched the other way."""
    inner = node.inputs[0]
    if inner.op == "stretch":
        return al.stretch(al.transpose(inner.inputs[0]), node.shape)
    if inner.op in ("ones", "zeros") and len(inner.shape) == 2 and inner.shape[0] != 1:
        return node.graph.make(inner.op, to=transposed(inner.shape))
    return None


# ----------------------------------------------------------------------------- products


def _matmul(node: Node) -> Node | None:
    """Numbers and signs to the front; factors I and transposes absorbed."""
    a, b = (al.transpose(n) if node.attributes[s] else n for n, s in zip(node.inputs, _SIDES, strict=True))
    left, x = _split_ones(a)
    right, y = _split_ones(b)
    if left * right != 1.0 or left != 1.0:
        return al.fit(_times_number(left * right, al.matmul(x, y)), node.shape)
    if a.op == "scale":
        return al.fit(al.scale(a.inputs[0], al.matmul(a.inputs[1], b)), node.shape)
    if b.op == "scale":
        return al.fit(al.scale(b.inputs[0], al.matmul(a, b.inputs[1])), node.shape)
    made = al.fit(al.matmul(a, b), node.shape)
    return None if made is node else made


def _numbers_first(node: Node) -> Node | None:
    """`x 3` is `3 x`; 3 (2 x) is 6 x; signs to the front."""
    a, b = node.inputs
    if node.op == "multiply" and _number(b) is not None and _number(a) is None:
        value = _number(b)
        assert value is not None
        return _times_number(value, a)
    if node.op == "multiply" and node.shape != SCALAR and _number(a) is not None:
        value = _number(a)
        assert value is not None
        return _times_number(value, b)
    left, x = _split(a)
    right, y = _split(b)
    if _number(a) is not None and left == 1.0:
        value = _number(a)
        assert value is not None
        if right == 1.0 and _number(b) is None and value not in (0.0, 1.0, -1.0) and value > 0:
            return None
        return _times_number(value, b)
    if left == right == 1.0:
        return None
    product = al.multiply(x, y) if node.op == "multiply" else al.scale(x, y)
    return _times_number(left * right, product)


def _same_factors(node: Node) -> Node | None:
    """x x = x^2, x x^n = x^(n+1)."""
    (x, m), (y, n) = (_power(i) for i in node.inputs)
    return al.power(x, m + n) if x is y else None


def _power(node: Node) -> tuple[Node, float]:
    if node.op == "power":
        exponent = _number(node.inputs[1])
        if exponent is not None and exponent.is_integer():
            return node.inputs[0], exponent
    return (node.inputs[0], 2.0) if node.op == "square" else (node, 1.0)


def _stretched_factor(node: Node) -> Node | None:
    """A stretched scalar scales."""
    for one, other in (node.inputs, node.inputs[::-1]):
        if one.op == "stretch" and one.inputs[0].shape == SCALAR and other.op != "stretch":
            return al.scale(one.inputs[0], other)
        if one.op == "scale" and al.is_one(one.inputs[1]):
            return al.scale(one.inputs[0], other)
    return None


def _times_reciprocal(node: Node) -> Node | None:
    """a (1 / b) = a / b."""
    for one, other in (node.inputs, node.inputs[::-1]):
        if one.op == "divide" and _number(one.inputs[0]) == 1.0 and other.shape in (one.shape, node.shape):
            above, below = (other, one.inputs[1])
            return al.divide(above, below) if below.shape in (SCALAR, above.shape) else None
    return None


def _times_divisor(node: Node) -> Node | None:
    """(a / b) b = a, entry by entry."""
    for one, other in (node.inputs, node.inputs[::-1]):
        sign, quotient = (-1, one.inputs[0]) if one.op == "negative" else (1, one)
        if quotient.op in ("divide", "ratio") and quotient.inputs[1] is other:
            above = quotient.inputs[0]
            return above if sign > 0 else al.negative(above)
    return None


def _inner_of_quotient(node: Node) -> Node | None:
    """b^T (a / b) is the sum of a, entry by entry."""
    a, b = node.inputs
    flags = node.attributes["left"], node.attributes["right"]
    if node.shape != SCALAR or flags != (True, False):
        return None
    for quotient, other in ((a, b), (b, a)):
        if quotient.op in ("divide", "ratio") and quotient.inputs[1] is other:
            return al.total(quotient.inputs[0])
    return None


def _quotient(node: Node) -> Node | None:
    """(-a) / b = -(a / b), a / 1 = a."""
    number, rest = _split(node.inputs[0])
    if number < 0:
        return al.negative(al.divide(_times_number(-number, rest), node.inputs[1], node.op))
    return node.inputs[0] if _number(node.inputs[1]) == 1.0 else None


# --------------------------------------------------------------------------------- sums


def _terms(node: Node) -> Iterator[tuple[float, Node]]:
    """The terms of nested sums with their numbers, in order."""
    stack: list[tuple[float, Node]] = [(1.0, node)]
    while stack:
        number, term = stack.pop()
        if term.op == "add":
            pairs = list(zip(term.attributes["signs"], term.inputs, strict=True))
            stack.extend((number * sign, t) for sign, t in reversed(pairs))
            continue
        inner, rest = _split(term)
        if rest.op == "add" and rest is not term:
            stack.append((number * inner, rest))
        else:
            yield number * inner, rest


def _like_terms(node: Node) -> Node | None:
    """x + x = 2 x, 3 x - x = 2 x, x - x = 0, nested sums flat, numbers together."""
    found: dict[Node, float] = {}
    total = 0.0
    for number, term in _terms(node):
        value = _number(term)
        if value is not None and term.shape == SCALAR:
            total += number * value
        else:
            found[term] = found.get(term, 0.0) + number
    terms = [(number, term) for term, number in found.items() if number]
    if total:
        terms.append((total, node.graph.constant(1.0)))
    positive = next((k for k, (number, _) in enumerate(terms) if number > 0), 0)
    if positive:
        terms.insert(0, terms.pop(positive))
    if not terms:
        return al.zeros(node.graph, node.shape)
    nodes = [_times_number(abs(n), t) for n, t in terms]
    made = al.add(nodes, [1 if n > 0 else -1 for n, _ in terms])
    return None if made is node else made


def _sum_of(node: Node) -> Node | None:
    """The sum of all entries of c x is c times that of x; of ones it is their number."""
    operand = node.inputs[0]
    number, rest = _split(operand)
    if number != 1.0:
        return _times_number(number, al.total(rest, node.attributes["axis"]))
    if operand.op == "multiply" and node.attributes["axis"] is None and len(operand.shape) == 1:
        return al.inner(*operand.inputs)
    return None


def _negative(node: Node) -> Node | None:
    """-(-a) = a; -(a - b) = b - a."""
    inner = node.inputs[0]
    if inner.op == "add" and inner.attributes["signs"][0] < 0:
        return al.add(inner.inputs, [-s for s in inner.attributes["signs"]])
    return inner.inputs[0] if inner.op == "negative" else None


REWRITES: tuple[Rewrite, ...] = (
    Rewrite("transpose of a constant", "transpose", _transpose_of_constant),
    Rewrite("transpose goes inside", "transpose", _transpose_inside),
    Rewrite("an inner product with a quotient by the same is a sum", "matmul", _inner_of_quotient),
    Rewrite("numbers before a matrix product", "matmul", _matmul),
    Rewrite("a stretched scalar scales", "multiply", _stretched_factor),
    Rewrite("a quotient times its divisor", "multiply", _times_divisor),
    Rewrite("numbers first", "multiply", _numbers_first),
    Rewrite("a quotient times its divisor", "scale", _times_divisor),
    Rewrite("numbers first", "scale", _numbers_first),
    Rewrite("a product with a reciprocal is a quotient", "multiply", _times_reciprocal),
    Rewrite("a product with a reciprocal is a quotient", "scale", _times_reciprocal),
    Rewrite("equal factors are a power", "multiply", _same_factors),
    Rewrite("signs before a quotient", "divide", _quotient),
    Rewrite("signs before a quotient", "ratio", _quotient),
    Rewrite("like terms", "add", _like_terms),
    Rewrite("numbers before a sum", "sum", _sum_of),
    Rewrite("minus a difference", "negative", _negative),
)

_BY_OP: dict[str, list[Rewrite]] = {}
for _rewrite in REWRITES:
    _BY_OP.setdefault(_rewrite.op, []).append(_rewrite)


def simplify(root: Node) -> Node:
    """The node after all rewrites, its operands first; the value is the same to rounding."""
    done: dict[Node, Node] = {}
    waiting: dict[Node, Node] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
        elif node in waiting:
            done[node] = done[waiting[node]]
            stack.pop()
        elif open_inputs := [i for i in node.inputs if i not in done]:
            stack.extend(open_inputs)
        else:
            rebuilt = _rebuild(node, [done[i] for i in node.inputs])
            better = _rewritten(rebuilt)
            if better is None and rebuilt is node:
                done[node] = node
                stack.pop()
            else:
                waiting[node] = rebuilt if better is None else better
                stack.append(waiting[node])
    return done[root]


def _rebuild(node: Node, inputs: Sequence[Node]) -> Node:
    if all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
        return node
    return node.graph.make(node.op, *inputs, **node.attributes)


def _rewritten(node: Node) -> Node | None:
    for rewrite in _BY_OP.get(node.op, ()):
        found = rewrite.rule(node)
        if found is not None and found is not node:
            return found
    return None


def extract(root: Node, leaves: Mapping[Node, Node], graph: Graph) -> Node:
    """A copy of an expression in another graph; nodes in `leaves` stand as the nodes given for them there."""
    done: dict[Node, Node] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
        elif node in leaves:
            done[node] = leaves[node]
        elif waiting := [i for i in node.inputs if i not in done]:
            stack.extend(waiting)
        else:
            leaf = {"shape": node.shape} if node.op in ("constant", "input") else {}
            done[node] = graph.make(node.op, *(done[i] for i in node.inputs), **leaf, **node.attributes)
    return done[root]
