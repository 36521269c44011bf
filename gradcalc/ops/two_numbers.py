"""Functions of two and three numbers, applied entry by entry."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import Node, Operation
from gradcalc.maps import LinearMap
from gradcalc.notation import call
from gradcalc.ops.declaring import Partial, constant_times, diagonal, one, square, stable
from gradcalc.ops.table import Function, builds, declare, same_shape

Array = np.ndarray[Any, Any]


def _binary(name: str, kernel: Any, first: Partial, second: Partial, text: str, summary: str, **more: Any) -> None:
    def differential(node: Node, i: int) -> LinearMap:
        return diagonal(node, (first, second)[i](node))

    declare(
        Function(name, builds(name), summary, text, f"{name}(3, 4)", 2, 2, elementwise=True,
                 domain=more.get("domain", "all numbers"), kink=more.get("kink_rule", "")),
        Operation(name, same_shape, lambda a, x, y: kernel(x, y), differential, call(name), "scales", **more),
    )  # fmt: skip


# ------------------------------------------------------------------------------------- hypot


def _over_hypot(node: Node, of: int) -> Node:
    """x/hypot(x, y) for the operands x, y of a node, or y/hypot(x, y)."""
    return node.graph.make("over_hypot", *node.inputs, of=of)


def _over_squares(node: Node, of: int) -> Node:
    """x/(x² + y²) for the operands x, y of a node, or y/(x² + y²)."""
    return node.graph.make("over_squares", *node.inputs, of=of)


def _near_one(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Two numbers over the power of 2 that brings the larger near 1, and its exponent."""
    _, power = np.frexp(np.maximum(np.abs(x), np.abs(y)))
    return np.ldexp(x, -power), np.ldexp(y, -power), power


def _over_hypot_kernel(a: Any, x: Array, y: Array) -> Array:
    """x/h: the number above is near 1 too when it is divided, so that a subnormal one loses nothing on the way."""
    *near, power = _near_one(x, y)
    number, own = np.frexp((x, y)[a["of"]])
    return np.where(number == 0, 0.0, np.ldexp(number / np.hypot(*near), own - power))


def _over_hypot_slope(i: int) -> Partial:
    """∂(x/h)/∂x = y²/h³, with nothing to cancel, and ∂(x/h)/∂y = -x y/h³."""

    def slope(node: Node) -> Node:
        of = node.attributes["of"]
        if i == of:
            return node.graph.make("over_hypot_cubed", *node.inputs, of=(1 - of, 1 - of))
        return al.negative(node.graph.make("over_hypot_cubed", *node.inputs, of=(0, 1)))

    return slope


def _over_hypot_cubed_kernel(a: Any, x: Array, y: Array) -> Array:
    """x y/h³, y²/h³ or x²/h³, each number near 1 by a power of 2 of its own."""
    *near, power = _near_one(x, y)
    (first, i), (second, j) = (np.frexp((x, y)[k]) for k in a["of"])
    return np.asarray(np.ldexp(first * second / np.hypot(*near) ** 3, i + j - 3 * power))


def _over_hypot_cubed_slope(i: int) -> Partial:
    """∂(x y/h³)/∂x = y/h³ - 3 x² y/h⁵, and so on."""

    def slope(node: Node) -> Node:
        of, length = node.attributes["of"], al.apply("hypot", *node.inputs)
        terms = [constant_times(-3.0, al.multiply(node, _over_squares(node, i)))]
        for k in (0, 1):
            if of[k] == i:
                terms.append(al.quotient_power(_over_hypot(node, of[1 - k]), length, 2))
        return al.add(terms)

    return slope


def _over_hypot_cubed_written(node: Node) -> Node:
    first, second = (node.inputs[k] for k in node.attributes["of"])
    above = al.divide(first, al.apply("hypot", *node.inputs), "ratio")
    return al.multiply(above, al.divide(second, _sum_of_squares(node)))


stable("over_hypot_cubed", _over_hypot_cubed_kernel, (_over_hypot_cubed_slope(0), _over_hypot_cubed_slope(1)),
       _over_hypot_cubed_written)  # fmt: skip
stable("over_hypot", _over_hypot_kernel, (_over_hypot_slope(0), _over_hypot_slope(1)),
       lambda node: al.divide(node.inputs[node.attributes["of"]], al.apply("hypot", *node.inputs),
                              "ratio"))  # fmt: skip
_binary("hypot", np.hypot, lambda node: _over_hypot(node, 0), lambda node: _over_hypot(node, 1),
        "(x dx + y dy)/hypot(x, y)", "sqrt(x^2 + y^2), without overflow", kink=lambda a, x, y: (x == 0) & (y == 0),
        kink_rule="0 at 0, the minimum-norm subgradient")  # fmt: skip

# ----------------------------------------------------------------------------------- arctan2


def _over_squares_kernel(a: Any, x: Array, y: Array) -> Array:
    """x/(x² + y²), both taken near 1 first, and the number above by a power of 2 of its own."""
    *near, power = _near_one(x, y)
    number, own = np.frexp((x, y)[a["of"]])
    return np.asarray(np.ldexp(number / (near[0] * near[0] + near[1] * near[1]), own - 2 * power))


def _over_squares_slope(i: int) -> Partial:
    """For u = x/(x² + y²), v = y/(x² + y²): ∂u/∂x = -(u² - v²), ∂v/∂y = u² - v², ∂u/∂y = ∂v/∂x = -2 u v."""

    def slope(node: Node) -> Node:
        of = node.attributes["of"]
        if i != of:
            return constant_times(-2.0, al.multiply(node, _over_squares(node, 1 - of)))
        difference = al.apply("difference_over_squares", *node.inputs)
        return difference if of else al.negative(difference)

    return slope


def _sum_of_squares(node: Node) -> Node:
    return al.add([square(i) for i in node.inputs])


def _difference_kernel(a: Any, x: Array, y: Array) -> Array:
    """(x² - y²)/(x² + y²)²: the difference of the numbers is taken before anything rounds."""
    near, beside, power = _near_one(x, y)
    difference = (near - beside) * (near + beside)
    return np.asarray(np.ldexp(difference / np.square(near * near + beside * beside), -2 * power))


def _difference_slope(i: int) -> Partial:
    """For w = u² - v²: ∂w/∂x = -2 u (w - 2 v²) and ∂w/∂y = -2 v (w + 2 u²)."""

    def slope(node: Node) -> Node:
        by, other = _over_squares(node, i), _over_squares(node, 1 - i)
        straight, twice = al.multiply(by, node), constant_times(2.0, al.multiply(square(other), by))
        return constant_times(-2.0, al.add([straight, twice]) if i else al.subtract(straight, twice))

    return slope


stable("over_squares", _over_squares_kernel, (_over_squares_slope(0), _over_squares_slope(1)),
       lambda node: al.divide(node.inputs[node.attributes["of"]], _sum_of_squares(node)))  # fmt: skip
stable("difference_over_squares", _difference_kernel, (_difference_slope(0), _difference_slope(1)),
       lambda node: al.divide(al.subtract(*map(square, node.inputs)), square(_sum_of_squares(node))))  # fmt: skip
_binary("arctan2", np.arctan2, lambda node: _over_squares(node, 1), lambda node: al.negative(_over_squares(node, 0)),
        "(x dy - y dx)/(x^2 + y^2)", "arctan2(y, x): the angle of the point (x, y)", domain="not both 0",
        fault=lambda a, y, x: (x == 0) & (y == 0), kink=lambda a, y, x: (y == 0) & (x < 0), jumps=True,
        kink_rule="that of either side at y = 0, x < 0, where it jumps by 2π")  # fmt: skip

# --------------------------------------------------------------------------------------- mod


def _unchanged(node: Node) -> Node:
    return al.zeros(node.graph, node.shape)


# np.floor_divide agrees with np.mod: the floor of the rounded quotient is off by one beside whole numbers
stable("floor_quotient", lambda a, x, y: np.floor_divide(x, y), (_unchanged, _unchanged),
       lambda node: al.apply("floor", al.divide(node.inputs[0], node.inputs[1])))  # fmt: skip
_binary("mod", np.mod, one, lambda node: al.negative(al.apply("floor_quotient", *node.inputs)),
        "dx - floor(x/y) dy", "the remainder, with the sign of y", domain="y not 0", fault=lambda a, x, y: y == 0,
        kink=lambda a, x, y: np.mod(x, y) == 0,
        kink_rule="the derivative with floor(x / y) held, where it jumps", jumps=True)  # fmt: skip

# -------------------------------------------------------------------------------------- clip


def _clip_map(node: Node, i: int) -> LinearMap:
    """As min(max(x, a), b): b alone counts where a is above it."""
    x, low, high = node.inputs
    inside = al.multiply(al.compare(">", x, low), al.compare("<", x, high))
    below = al.multiply(al.compare("<=", x, low), al.compare("<", low, high))
    return diagonal(node, (inside, below, al.compare(">=", node.graph.make("max", x, low), high))[i])


def _clip_kink(a: Any, x: Array, low: Array, high: Array) -> Array:
    """Where x is at a bound, or below two that are equal; not at a lower bound that is above the upper one."""
    return np.asarray(((x == low) & (low < high)) | (np.maximum(x, low) == high))


def _clip_takes(a: Any, i: int, x: Array, low: Array, high: Array) -> Array:
    """What is undefined makes the whole undefined, so nothing is left out for a comparison with it."""
    above = np.maximum(x, low) > high
    return np.asarray((~(x < low) & ~above, ~(x > low) & ~above, ~(np.maximum(x, low) < high))[i])


declare(
    Function("clip", builds("clip"), "clip(x, a, b): x held between a and b", "1(a < x < b) dx", "clip(3, 0, 1)", 3, 3,
             elementwise=True, kink="0 for x at a bound, the minimum-norm subgradient"),
    Operation("clip", same_shape, lambda a, x, low, high: np.minimum(np.maximum(x, low), high), _clip_map,
              call("clip"), "routes", kink=_clip_kink, kink_rule="0 for x at a bound",
              takes=_clip_takes),
)  # fmt: skip
