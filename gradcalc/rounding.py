"""What one operation rounds off: the exact result of the operands that it got, less the result that it gave.

For sums, products, quotients, roots and whole powers that is computed in doubled arithmetic (`gradcalc.ops.doubled`),
roots and quotients by their residual, so that a step that is exact counts for nothing. Operations that only choose,
move or negate are exact. Of all others half a unit in the last place is assumed.

Below the least normal number, 2^-1022, floats are evenly spaced, so that a rounding is no longer small beside the
result: it is up to half of the least float, 2^-1074, and of a result that became 0 it is all of it (gradual underflow,
IEEE 754; Higham, Accuracy and Stability of Numerical Algorithms, 2.1). What no float can tell counts as the least one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcalc.evaluator import Values
from gradcalc.graph import Node
from gradcalc.ops.doubled import Pair, multiply, pair, two_product, two_sum
from gradcalc.ops.statistics import middle
from gradcalc.ops.summation import axes_of

Array = np.ndarray[Any, Any]
UNIT = 2.0**-53
MOST_PRODUCTS = 2**18
"""Products whose rounding is computed one by one; of a matrix product with more of them it is estimated."""
MOST_FACTORS = 64
"""The largest whole exponent whose rounding is computed."""
VANISHING = 1e-280
"""Below this the error of a product is no float any more."""
EXACT = {
    "abs", "as", "ceil", "clip", "compare", "concat", "copy", "diag", "floor", "floor_quotient", "index", "max",
    "max_entry", "median_share", "min", "min_entry", "negative", "norminf", "place", "relu", "round", "share", "sign",
    "step", "stretch", "table", "transpose", "unvec", "vec", "where",
}  # fmt: skip
"""Operations that round nothing."""
ZEROS = {
    "add", "cos", "mod", "norm1", "one_minus_square", "sin", "sinc", "sum", "tan", "trace", "two_minus_square",
}  # fmt: skip
"""Operations whose result is 0 only where it should be: a sum of floats that is no 0 is at least the least float, and
no float but 0 or a whole number is so near to a zero of the others."""
AVERAGES = ("mean", "median")
"""Operations that may be 0 of numbers of which not all are."""
LEAST, LEAST_NORMAL = 2.0**-1074, 2.0**-1022
"""The least float above 0, and the least that has all digits."""
NEARBY = 2.0**-10
"""By what part operands move where it is asked whether a 0 is one by chance."""


def summed(high: Array, low: Array | float, axis: int) -> Pair:
    """The sum of pairs along an axis, which stays with length 1; pairwise, to twice the digits."""
    high = np.moveaxis(high, axis, 0)
    low = np.moveaxis(np.broadcast_to(low, np.shape(np.moveaxis(high, 0, axis))), axis, 0)
    if not len(high):
        high = low = np.zeros((1, *high.shape[1:]))
    while len(high) > 1:
        half, odd = divmod(len(high), 2)
        total, error = two_sum(high[:half], high[half : 2 * half])
        rest = low[:half] + low[half : 2 * half] + error
        high = np.concatenate([total, high[2 * half :]]) if odd else total
        low = np.concatenate([rest, low[2 * half :]]) if odd else rest
    return np.moveaxis(high, 0, axis), np.moveaxis(low, 0, axis)


def _over(terms: Pair, axis: int | None) -> Pair:
    """The sum of pairs over an axis of a value, or over all its entries."""
    if axis is not None:
        return summed(*terms, axis=axis - 2)
    return summed(*summed(*terms, axis=-2), axis=-1)


def _left(exact: Pair, value: Array) -> Array:
    """A pair less a value that is close to it."""
    return np.asarray((exact[0] - value) + exact[1])


def _root(below: Pair, value: Array) -> Array:
    """√P - v = (P - v²)/(2 v) to first order; 0 where v is 0, not a number where a square has vanished."""
    square = two_product(value, value)
    rest = (below[0] - square[0]) - square[1] + below[1]
    rest = np.where(below[0] < VANISHING, np.nan, rest)
    return np.where(value == 0, 0.0, rest / np.where(value == 0, 1.0, 2.0 * value))


def _shrunk(rest: Array, power: Array) -> Array:
    """r 2^p, away from 0: what is too small for a float is the least one."""
    small = np.ldexp(rest, power)
    return np.where((small == 0) & (rest != 0), np.copysign(LEAST, rest), small)


def _sure(known: Array, value: Array) -> Array:
    """What is known of a result whose products do not vanish, not a number for others."""
    return np.where((np.abs(value) < VANISHING) & (value != 0), np.nan, known)


def _raised(a: Array, exponent: int) -> Pair:
    whole = pair(np.ones_like(a))
    for _ in range(exponent):
        whole = multiply(whole, pair(a))
    return whole


def _quotient(x: Array, y: Array, value: Array, exponent: int = 1) -> Array:
    """x/y^k - v = (x - v y^k)/y^k, all near 1 by powers of 2."""
    (a, i), (b, j) = np.frexp(x), np.frexp(y)
    below = _raised(b, exponent)
    product = multiply(pair(np.ldexp(value, exponent * j - i)), below)
    return _shrunk(((a - product[0]) - product[1]) / below[0], i - exponent * j)


def _add(node: Node, value: Array, *terms: Array) -> Array:
    total = pair(np.zeros_like(value))
    for sign, term in zip(node.attributes["signs"], terms, strict=True):
        high, low = two_sum(total[0], sign * term)
        total = high, total[1] + low
    return _left(total, value)


def _power(node: Node, value: Array, x: Array, n: Array) -> Array | None:
    """Whole powers by multiplication to twice the digits, √ by its residual; None for another exponent."""
    exponent = float(n.flat[0]) if n.size else 1.0
    if not (n == exponent).all():
        return None
    if exponent == 0.5:
        return _root(pair(x), value)
    if exponent != np.floor(exponent) or abs(exponent) > MOST_FACTORS:
        return None
    if exponent < 0:
        return _quotient(np.ones_like(x), x, value, int(-exponent))
    a, i = np.frexp(x)
    i = i * int(exponent)
    return _shrunk(_left(_raised(a, int(exponent)), np.ldexp(value, -i)), i)


def _mean(node: Node, value: Array, x: Array) -> Array:
    axis = node.attributes["axis"]
    total = _over(pair(x), axis)
    length = np.asarray(float(x.shape[-2] * x.shape[-1] if axis is None else x.shape[axis - 2]))
    product = two_product(value, length)
    rest = ((total[0] - product[0]) - product[1]) + total[1]
    return _sure(_parted(rest, length), value)


def _parted(rest: Array, length: Array | float) -> Array:
    """r/n, away from 0."""
    small = rest / length
    return np.where((small == 0) & (rest != 0), np.copysign(LEAST, rest), small)


def _median(node: Node, value: Array, x: Array) -> Array:
    low, high = middle(x, axes_of(node.attributes["axis"]))
    return np.where(low == high, 0.0, _parted(_left(two_sum(low, high), 2.0 * value), 2.0))


def _matmul(node: Node, value: Array, a: Array, b: Array) -> Array | None:
    a = np.swapaxes(a, -1, -2) if node.attributes["left"] else a
    b = np.swapaxes(b, -1, -2) if node.attributes["right"] else b
    if value.size * a.shape[-1] > MOST_PRODUCTS:
        return None
    high, low = summed(*two_product(a[..., :, :, None], b[..., None, :, :]), axis=-2)
    return _sure(_left((high[..., 0, :], low[..., 0, :]), value), value)


def _norm_squared(node: Node, value: Array, x: Array) -> Array:
    return _sure(_left(_over(two_product(x, x), node.attributes.get("axis")), value), value)


def _hypot(node: Node, value: Array, x: Array, y: Array) -> Array:
    (a, b), (c, d) = two_product(x, x), two_product(y, y)
    high, low = two_sum(a, c)
    return _root((high, low + b + d), value)


def _trace(node: Node, value: Array, x: Array) -> Array:
    entries = np.diagonal(x, axis1=-2, axis2=-1)[..., None]
    return _left(_over(pair(entries), None), value)


def _product(node: Node, value: Array, x: Array, y: Array) -> Array:
    """x y - v, all near 1 by powers of 2."""
    (a, i), (b, j) = np.frexp(x), np.frexp(y)
    return _shrunk(_left(two_product(a, b), np.ldexp(value, -(i + j))), i + j)


def _one_minus_square(node: Node, value: Array, x: Array) -> Array:
    high, low = two_product(x, x)
    total = two_sum(np.ones_like(x), -high)
    return _left((total[0], total[1] - low), value)


KNOWN: dict[str, Callable[..., Array | None]] = {
    "add": _add,
    "multiply": _product,
    "scale": _product,
    "divide": lambda node, value, x, y: _quotient(x, y, value),
    "ratio": lambda node, value, x, y: _quotient(x, y, value),
    "quotient_power": lambda node, value, x, y: _quotient(x, y, value, node.attributes["power"]),
    "square": lambda node, value, x: _product(node, value, x, x),
    "one_minus_square": _one_minus_square,
    "sqrt": lambda node, value, x: _root(pair(x), value),
    "power": _power,
    "hypot": _hypot,
    "sum": lambda node, value, x: _left(_over(pair(x), node.attributes["axis"]), value),
    "norm1": lambda node, value, x: _left(_over(pair(np.abs(x)), node.attributes["axis"]), value),
    "mean": _mean,
    "median": _median,
    "matmul": _matmul,
    "norm_squared": _norm_squared,
    "norm": lambda node, value, x: _root(_over(two_product(x, x), node.attributes["axis"]), value),
    "trace": _trace,
}


def rounding(node: Node, values: Values) -> tuple[Array | None, Array]:
    """What a node rounded off, entry by entry: with its sign where it is known, and the size of what is assumed."""
    value, operands = values[node], [values[i] for i in node.inputs]
    nothing = np.zeros_like(value)
    if not operands or node.op in EXACT:
        return None, nothing
    with np.errstate(all="ignore"):
        gone = vanished(node, value, operands)
        known = KNOWN[node.op](node, value, *operands) if node.op in KNOWN else None
        size = np.where(gone, LEAST, assumed(node, value, operands))
        if known is None:
            return None, np.where(np.isfinite(size), size, 0.0)
        usable = np.isfinite(known) & ~gone
    return np.where(usable, known, 0.0), np.where(usable | ~np.isfinite(size), 0.0, size)


def underflowed(node: Node, values: Values) -> Array:
    """Where a result has lost digits because it is too small for a normal float: below 2^-1022, or 0 in place of it."""
    value, operands = np.abs(values[node]), [values[i] for i in node.inputs]
    if not operands or node.op in EXACT or node.op in ZEROS:
        return np.zeros(value.shape, bool)
    with np.errstate(all="ignore"):
        gone = vanished(node, value, operands)
        if node.op in AVERAGES and (value == 0).any():
            known = KNOWN[node.op](node, values[node], *operands)
            gone = gone | ((value == 0) & (known != 0))
        return np.asarray(((value > 0) & (value < LEAST_NORMAL)) | gone)


def vanished(node: Node, value: Array, operands: Sequence[Array]) -> Array:
    """Where a result is 0 because it is too small: it is 0 beside these operands too, with no 0 among them.

    A function has zeros at places, a product where a factor is 0, a determinant where rows depend on each other: there
    it is not 0 any more if every entry moves by itself, and what is 0 becomes a number.
    """
    zero = np.asarray(value == 0)
    if node.op in ZEROS or not zero.any():
        return np.zeros(value.shape, bool)
    random = np.random.default_rng(0)
    moved = []
    for x in operands:
        step = random.uniform(1.0, 2.0, x.shape[-2:])
        moved.append(np.where(x == 0, step, x * (1.0 + NEARBY * step)))
    gone = zero & (node.operation.kernel(node.attributes, *moved) == 0)
    return np.asarray(gone & ~_constant(node, value, operands) if gone.any() else gone)


def _constant(node: Node, value: Array, operands: Sequence[Array]) -> Array:
    """Where a result is the same for any numbers, such as the deviation of a single one, and the softmax of it."""
    random = np.random.default_rng(1)
    others = [random.uniform(1.0, 2.0, x.shape[-2:]) for x in operands]
    return np.asarray(node.operation.kernel(node.attributes, *others) == value)


def assumed(node: Node, value: Array, operands: Sequence[Array]) -> Array:
    """Half a unit in the last place, and nothing where a result is 0, or a function such as exp whole at 0."""
    if node.op == "matmul":
        a = np.swapaxes(operands[0], -1, -2) if node.attributes["left"] else operands[0]
        b = np.swapaxes(operands[1], -1, -2) if node.attributes["right"] else operands[1]
        return _at_least(UNIT * np.sqrt(np.square(a) @ np.square(b)), value)
    size = _at_least(UNIT * np.abs(value), value)
    if not node.operation.entrywise and (value == 1.0).any():
        size = np.where(_constant(node, value, operands), 0.0, size)
    if node.operation.entrywise and len(operands) == 1:
        simple = (operands[0] == 0) & (value * 4.0 == np.rint(value * 4.0))
        return np.where(simple, 0.0, size)
    return size


def _at_least(size: Array, value: Array) -> Array:
    """Half of a unit, which is no less than that of the least numbers."""
    return np.where(value == 0, size, np.maximum(size, LEAST))
