"""Forms that keep the digits which a sum, or a logarithm of one, loses: each an identity, named in its docstring.

They are made as nodes, so that what is advised is printed, parsed and tested like any other expression. Identities:
NIST Digital Library of Mathematical Functions, chapter 4; Higham, Accuracy and Stability of Numerical
Algorithms, ch. 1.
"""

from __future__ import annotations

from collections.abc import Callable

from gradcalc import algebra as al
from gradcalc.graph import OPERATIONS, Node
from gradcalc.simplify.engine import simplify

Rule = Callable[[Node, Node], Node | None]
"""From p and q to a form of p - q, or None."""


def remedy(node: Node) -> Node | None:
    """Another form of a node, which does not lose its digits; None where none is known."""
    if node.op == "log":
        return _log_of_sum(node)
    if node.op != "add" or len(node.inputs) != 2:
        return None
    (first, second), (p, q) = node.attributes["signs"], node.inputs
    if first == second:
        made = _one_and_tanh(p, q) or _one_and_tanh(q, p)
        return made if made is None or first > 0 else al.negative(made)
    if first < 0:
        p, q = q, p
    for rule in DIFFERENCES:
        made = rule(p, q)
        if made is not None:
            return made
        made = rule(q, p)
        if made is not None:
            return al.negative(made)
    return None


def _of(node: Node, op: str) -> Node | None:
    """The operand of an operation of one number."""
    return node.inputs[0] if node.op == op else None


def _one(node: Node) -> bool:
    return al.is_one(node) or (node.op == "stretch" and al.is_one(node.inputs[0]))


def _half(node: Node, number: float = 0.5) -> Node:
    return al.scale(al.constant(node.graph, number), node)


def _minus(a: Node, b: Node) -> Node:
    """a - b, with like terms together: x + 1 less x is 1."""
    return simplify(al.add([a, b], [1, -1]))


def _squared(node: Node) -> Node | None:
    """The base of a square."""
    if node.op == "power":
        exponent = node.inputs[1].inputs[0] if node.inputs[1].op == "stretch" else node.inputs[1]
        return node.inputs[0] if exponent.is_constant(2.0) else None
    if node.op in ("multiply", "scale") and node.inputs[0] is node.inputs[1]:
        return node.inputs[0]
    return _of(node, "square")


def _square(node: Node) -> Node:
    return al.power(node, 2.0)


def _log_of_sum(node: Node) -> Node | None:
    """log(1 + x) = log1p(x)."""
    inner = node.inputs[0]
    if inner.op != "add" or len(inner.inputs) != 2:
        return None
    for k in (0, 1):
        if _one(inner.inputs[k]) and inner.attributes["signs"][k] > 0:
            other = inner.inputs[1 - k]
            return al.apply("log1p", other if inner.attributes["signs"][1 - k] > 0 else al.negative(other))
    return None


def _one_and_tanh(p: Node, q: Node) -> Node | None:
    """1 + tanh(x) = 2 sigmoid(2 x)."""
    x = _of(q, "tanh")
    return _half(al.apply("sigmoid", _half(x, 2.0)), 2.0) if x is not None and _one(p) else None


def _exp_less_one(p: Node, q: Node) -> Node | None:
    """exp(x) - 1 = expm1(x)."""
    x = _of(p, "exp")
    return al.apply("expm1", x) if x is not None and _one(q) else None


def _power_less_one(p: Node, q: Node) -> Node | None:
    """(1 + x)^n - 1 = expm1(n log1p(x))."""
    if p.op != "power" or not _one(q):
        return None
    log = _log_of_sum(al.apply("log", p.inputs[0]))
    return al.apply("expm1", al.multiply(p.inputs[1], log)) if log is not None else None


def _exps(p: Node, q: Node) -> Node | None:
    """exp(x) - exp(y) = exp(y) expm1(x - y)."""
    x, y = _of(p, "exp"), _of(q, "exp")
    return al.multiply(q, al.apply("expm1", _minus(x, y))) if x is not None and y is not None else None


def _one_less_cos(p: Node, q: Node) -> Node | None:
    """1 - cos(x) = 2 sin(x/2)^2."""
    x = _of(q, "cos")
    return _half(_square(al.apply("sin", _half(x))), 2.0) if x is not None and _one(p) else None


def _cosh_less_one(p: Node, q: Node) -> Node | None:
    """cosh(x) - 1 = 2 sinh(x/2)^2."""
    x = _of(p, "cosh")
    return _half(_square(al.apply("sinh", _half(x))), 2.0) if x is not None and _one(q) else None


def _root(node: Node) -> Node | None:
    """What a root is of: x of sqrt(x), 1 of 1."""
    return node if _one(node) else _of(node, "sqrt")


def _roots(p: Node, q: Node) -> Node | None:
    """√a - √b = (a - b)/(√a + √b)."""
    a, b = _root(p), _root(q)
    if a is None or b is None or a is p:
        return None
    return al.divide(_minus(a, b), al.add([p, q]))


def _squares(p: Node, q: Node) -> Node | None:
    """a² - b² = (a - b)(a + b)."""
    a, b = _squared(p), _squared(q)
    return al.multiply(al.add([a, b], [1, -1]), al.add([a, b])) if a is not None and b is not None else None


def _one_less_square(p: Node, q: Node) -> Node | None:
    """1 - tanh(x)^2 = 1/cosh(x)^2, 1 - sin(x)^2 = cos(x)^2, 1 - a^2 = (1 - a)(1 + a)."""
    a = _squared(q)
    if a is None or not _one(p):
        return None
    if a.op == "tanh":
        return al.divide(p, _square(al.apply("cosh", a.inputs[0])))
    if a.op in ("sin", "cos"):
        return _square(al.apply("cos" if a.op == "sin" else "sin", a.inputs[0]))
    return al.multiply(al.add([p, a], [1, -1]), al.add([p, a]))


def _variance(p: Node, q: Node) -> Node | None:
    """mean(x²) - mean(x)² = var(x), or mean of (x - mean(x))²."""
    mean = _squared(q)
    square = _of(p, "mean")
    x = _squared(square) if square is not None else None
    if x is None or mean is None or mean.op != "mean" or mean.inputs[0] is not x or p.attributes != mean.attributes:
        return None
    axis = p.attributes["axis"]
    if "var" in OPERATIONS:
        return x.graph.make("var", x, axis=axis)
    return x.graph.make("mean", _square(al.add([x, al.stretch(mean, x.shape)], [1, -1])), axis=axis)


def _one_less_sigmoid(p: Node, q: Node) -> Node | None:
    """1 - sigmoid(x) = sigmoid(-x)."""
    x = _of(q, "sigmoid")
    return al.apply("sigmoid", al.negative(x)) if x is not None and _one(p) else None


def _one_less_tanh(p: Node, q: Node) -> Node | None:
    """1 - tanh(x) = 2 sigmoid(-2 x)."""
    x = _of(q, "tanh")
    return _half(al.apply("sigmoid", _half(x, -2.0)), 2.0) if x is not None and _one(p) else None


def _logs(p: Node, q: Node) -> Node | None:
    """log(a) - log(b) = log1p((a - b)/b)."""
    a, b = _of(p, "log"), _of(q, "log")
    return al.apply("log1p", al.divide(_minus(a, b), b)) if a is not None and b is not None else None


def _sines(p: Node, q: Node) -> Node | None:
    """sin(a) - sin(b) = 2 cos((a + b)/2) sin((a - b)/2)."""
    a, b = _of(p, "sin"), _of(q, "sin")
    if a is None or b is None:
        return None
    middle, step = al.apply("cos", _half(al.add([a, b]))), al.apply("sin", _half(_minus(a, b)))
    return _half(al.multiply(middle, step), 2.0)


def _cosines(p: Node, q: Node) -> Node | None:
    """cos(a) - cos(b) = -2 sin((a + b)/2) sin((a - b)/2)."""
    a, b = _of(p, "cos"), _of(q, "cos")
    if a is None or b is None:
        return None
    middle, step = al.apply("sin", _half(al.add([a, b]))), al.apply("sin", _half(_minus(a, b)))
    return _half(al.multiply(middle, step), -2.0)


def _reciprocals(p: Node, q: Node) -> Node | None:
    """1/a - 1/b = (b - a)/(a b)."""
    if p.op != "divide" or q.op != "divide" or not _one(p.inputs[0]) or not _one(q.inputs[0]):
        return None
    a, b = p.inputs[1], q.inputs[1]
    return al.divide(_minus(b, a), al.multiply(a, b)) if a.shape == b.shape == p.shape else None


DIFFERENCES: tuple[Rule, ...] = (
    _exp_less_one, _power_less_one, _exps, _one_less_cos, _cosh_less_one, _roots, _variance, _squares,
    _one_less_square, _one_less_sigmoid, _one_less_tanh, _logs, _sines, _cosines, _reciprocals,
)  # fmt: skip
"""Forms of p - q; each is tried for q - p too."""
