"""Sums, products and quotients entry by entry, powers, comparisons and choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import SCALAR, Graph, Node, Operation, Shape, ShapeError, register
from gradcalc.maps import LinearMap, Outer, Scaled, identity, signed
from gradcalc.notation import Level, Piece, Style, as_written, call, hadamard, negated, total
from gradcalc.ops.declaring import diagonal
from gradcalc.ops.table import Function, builds, declare, same_shape

Array = np.ndarray[Any, Any]


def _show_product(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    left, right = pieces
    if node.shape == SCALAR:
        return style.juxtaposed(left, right)
    return hadamard(left, right, style)


def _sum_kernel(a: Any, *x: Array) -> Array:
    result = x[0] if a["signs"][0] > 0 else -x[0]
    for sign, term in zip(a["signs"][1:], x[1:], strict=True):
        result = result + term if sign > 0 else result - term
    return result


register(Operation(
    "add", same_shape, _sum_kernel,
    lambda node, i: signed(identity(node.shape), node.attributes["signs"][i]),
    lambda node, pieces, style: total(node.attributes["signs"], pieces, style), "distributes", analytic=True,
    rule="sum rule: d(a + b) = da + db",
))  # fmt: skip

register(Operation(
    "negative", same_shape, lambda a, x: -x, lambda node, i: signed(identity(node.shape), -1),
    lambda node, pieces, style: negated(pieces[0], style), "changes the sign", analytic=True,
    rule="sum rule: d(-a) = -da",
))  # fmt: skip

register(Operation(
    "multiply", same_shape, lambda a, x, y: x * y,
    lambda node, i: diagonal(node, node.inputs[1 - i]), _show_product, "switches", bilinear=True, analytic=True,
    rule="product rule: d(a b) = b da + a db",
))  # fmt: skip


def _scale_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    if shapes[0] != SCALAR:
        raise ShapeError("the factor must be a scalar")
    return shapes[1]


def _scale_map(node: Node, i: int) -> LinearMap:
    factor, operand = node.inputs
    return Outer(SCALAR, node.shape, operand) if i == 0 else Scaled(node.shape, node.shape, factor)


register(Operation(
    "scale", _scale_shape, lambda a, c, x: c * x, _scale_map,
    lambda node, pieces, style: style.juxtaposed(*pieces), "switches", bilinear=True,
    analytic=True,
    rule="product rule: d(c x) = x dc + c dx",
))  # fmt: skip

# ------------------------------------------------------------------------------ quotients


def _divide_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    if shapes[1] != SCALAR and shapes[0] != shapes[1]:
        raise ShapeError("`/` divides by a scalar; `./` divides entry by entry, both of one shape")
    return shapes[0]


def _divide_map(node: Node, i: int) -> LinearMap:
    """d(x / y^k) = dx / y^k - k x dy / y^(k+1)."""
    above, below = node.inputs
    power, op = node.attributes.get("power", 1), node.attributes.get("by", node.op)
    if i == 0:
        slope = al.quotient_power(al.filled(below, 1.0), below, power)
        return diagonal(node, slope) if above.shape == below.shape else Scaled(node.shape, node.shape, slope)
    steeper = al.quotient_power(above, below, power + 1, op)
    slope = al.scale(al.constant(node.graph, -float(power)), steeper)
    return diagonal(node, slope) if above.shape == below.shape else Outer(SCALAR, node.shape, slope)


def _quotient_power_kernel(a: Any, x: Array, y: Array) -> Array:
    """x / y^k, and 0 where x is 0: by division after division; where one on the way is subnormal, by powers of 2 apart.

    On the way nothing overflows that does not in the end: a quotient grows in each step, or falls in each.
    """
    value, lost = x, np.zeros(np.broadcast_shapes(x.shape, y.shape), bool)
    for step in range(a["power"]):
        lost |= (np.abs(value) < _LEAST) & (step > 0)
        value = value / y
    if lost.any():
        (above, up), (below, down) = np.frexp(x), np.frexp(y)
        apart = np.ldexp(above / below ** a["power"], up - a["power"] * down)
        value = np.where(lost, apart, value)
    return np.where(x == 0, 0.0, value)


def _quotient_power_written(node: Node) -> Node:
    """x / y / y, so that x / y is found where it has a name; of a number 1 / y^2."""
    above, below = node.inputs
    power, op = node.attributes["power"], node.attributes["by"]
    if (above.inputs[0] if above.op == "stretch" else above).op in ("constant", "ones"):
        return al.divide(above, al.apply("square", below) if power == 2 else al.power(below, float(power)), op)
    return reduce(lambda quotient, _: al.divide(quotient, below, op), range(power), above)


_LEAST = 2.0**-1022
"""The least number with all its digits."""


def _show_quotient(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    return style.quotient(pieces[0], pieces[1], node.inputs[1].shape != SCALAR)


register(Operation(
    "divide", _divide_shape, lambda a, x, y: x / y, _divide_map, _show_quotient, "switches",
    "a divisor other than 0", lambda a, x, y: np.broadcast_to(y == 0, np.broadcast_shapes(x.shape, y.shape)),
    shows_faults=True, stretches=True, analytic=True, rule="quotient rule: d(a / b) = da / b - (a / b) db / b",
))  # fmt: skip


def _ratio_kernel(a: Any, x: Array, y: Array) -> Array:
    """x / y, and 0 where x is 0 whatever y is: y / ŷ of a class that has no weight, x / ||x|| at 0."""
    with np.errstate(all="ignore"):
        return np.where(x == 0, 0.0, x / y)


register(Operation(
    "ratio", _divide_shape, _ratio_kernel, _divide_map, _show_quotient, "switches", stretches=True,
    kink=lambda a, x, y: (x == 0) & (y == 0), jumps=True, kink_rule="0 for 0/0",
    rule="quotient rule: d(a / b) = da / b - (a / b) db / b",
))  # fmt: skip

register(Operation(
    "quotient_power", _divide_shape, _quotient_power_kernel, _divide_map, as_written, "switches",
    stretches=True, written=_quotient_power_written,
))  # fmt: skip

# -------------------------------------------------------------------- comparisons and choices

_COMPARE: dict[str, Callable[[Array, Array], Array]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal,
    "!=": np.not_equal,
}  # fmt: skip
_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}


def show_comparison(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    """`1(y > z)`."""
    operator = node.attributes["operator"]
    symbol = {"<=": style.at_most, ">=": style.at_least, "!=": style.unequal, "==": style.equal}.get(operator, operator)
    left, right = (style.enclose(p, Level.SUM) for p in pieces)
    return Piece(style.indicator(f"{left} {symbol} {right}"), Level.ATOM)


register(Operation(
    "compare", same_shape, lambda a, x, y: _COMPARE[a["operator"]](x, y).astype(float), lambda node, i: None,
    show_comparison, "is constant", kink=lambda a, x, y: x == y, jumps=True,
    kink_rule="it jumps where both sides are equal; the derivative is that of the side taken",
))  # fmt: skip


def _unless(condition: Node) -> Node:
    """1 where the condition is 0."""
    if condition.op == "compare":
        return al.compare(_OPPOSITE[condition.attributes["operator"]], *condition.inputs)
    return al.compare("==", condition, al.number_like(condition, 0.0))


def _when(condition: Node) -> Node:
    """1 where the condition is not 0."""
    return condition if condition.op == "compare" else al.compare("!=", condition, al.number_like(condition, 0.0))


def _where_map(node: Node, i: int) -> LinearMap | None:
    if i == 0:
        return None
    condition = node.inputs[0]
    return diagonal(node, _when(condition) if i == 1 else _unless(condition))


def _show_where(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    return call("where")(node, pieces, style)


declare(
    Function("where", builds("where"), "where(c, a, b): a where c is not 0, b elsewhere",
             "1(c) da + 1(not c) db; 0 for c", "where(1, 3, 4)", 3, 3, elementwise=True,
             kink="none: the branch that was not taken contributes exactly 0"),
    Operation("where", same_shape, lambda a, c, x, y: np.where(c != 0, x, y), _where_map, _show_where, "routes",
              takes=lambda a, i, c, x, y: (np.full(c.shape, True), c != 0, c == 0)[i]),
)  # fmt: skip


def _extreme(name: str, kernel: Callable[[Array, Array], Array], operator: str) -> None:
    def fold(a: Any, *x: Array) -> Array:
        return reduce(kernel, x)

    def tied(a: Any, *x: Array) -> Array:
        best = fold(a, *x)
        return np.asarray(sum((v == best).astype(int) for v in x) > 1)

    def takes(a: Any, i: int, *x: Array) -> Array:
        """What is undefined makes the whole undefined."""
        return np.asarray((x[i] == fold(a, *x)) | np.isnan(x[i]))

    def differential(node: Node, i: int) -> LinearMap:
        share = node.graph.make("share", *node.inputs, of=i, operator=operator)
        return diagonal(node, share)

    def build(graph: Graph, x: Sequence[Node], axis: int | None) -> Node:
        if len(x) == 1:
            return graph.make(f"{name}_entry", x[0], axis=axis)
        if axis is not None:
            raise ShapeError(f"{name} of several arguments takes no axis", f"write {name}(x, axis=0) for one matrix")
        return graph.make(name, *x)

    declare(
        Function(name, build, f"the {'largest' if name == 'max' else 'smallest'} of two or more, entry by entry; "
                 "of one argument, over its entries", f"1(y {operator} z) dy + 1(z {operator} y) dz",
                 f"{name}(1, 2)", 1, None, reduces=True, kink="ties share evenly"),
        Operation(name, same_shape, fold, differential, call(name), "routes", kink=tied,
                  kink_rule="ties share evenly", rule=f"{name} routes: all of it to the one that is taken",
                  takes=takes),
    )  # fmt: skip


def _share_kernel(a: Any, *x: Array) -> Array:
    """Which part of the upstream gradient input `of` takes: 1 if it alone is best, its even share of a tie."""
    better, at_least = _COMPARE[a["operator"]], _COMPARE[a["operator"] + "="]
    if len(x) == 2:
        first = 0.5 * (better(*x).astype(float) + at_least(*x).astype(float))
        return first if a["of"] == 0 else 1.0 - first  # type: ignore[no-any-return]
    mine = x[a["of"]]
    others = [v for k, v in enumerate(x) if k != a["of"]]
    best = reduce(np.logical_and, [better(mine, v) | (mine == v) for v in others])
    ties = sum(((v == mine).astype(float) for v in others), 1.0)
    return best.astype(float) / ties  # type: ignore[no-any-return]


def _show_share(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    """`1(y > z)`: what it is where nothing is tied; with ties `1(y >= z)/(1 + 1(y == z))`."""
    i = node.attributes["of"]
    others = [p for k, p in enumerate(pieces) if k != i]
    if style.ties:
        return _show_tied(node, pieces[i], others, style)
    mine = style.enclose(pieces[i], Level.SUM)
    if len(others) == 1:
        rest = style.enclose(others[0], Level.SUM)
    else:
        name = "max" if node.attributes["operator"] == ">" else "min"
        rest = style.function(name) + style.brackets(", ".join(p.text for p in others))
    return Piece(style.indicator(f"{mine} {node.attributes['operator']} {rest}"), Level.ATOM)


def _show_tied(node: Node, mine: Piece, others: Sequence[Piece], style: Style) -> Piece:
    """The share with ties: none to what is beaten, an even part to each of the best."""
    name, at_least = ("max", style.at_least) if node.attributes["operator"] == ">" else ("min", style.at_most)
    own, texts = style.enclose(mine, Level.SUM), [style.enclose(p, Level.SUM) for p in others]
    rest = texts[0] if len(texts) == 1 else style.function(name) + style.brackets(", ".join(texts))
    equal = " + ".join(style.indicator(f"{own} {style.equal} {text}") for text in texts)
    above = Piece(style.indicator(f"{own} {at_least} {rest}"), Level.ATOM)
    return style.quotient(above, Piece(f"1 + {equal}", Level.SUM), node.shape != SCALAR)


register(Operation("share", same_shape, _share_kernel, lambda node, i: None, _show_share, "is constant"))
_extreme("max", np.maximum, ">")
_extreme("min", np.minimum, "<")
