"""Sums, means, norms, softmax and the losses. `axis=None` reduces over all entries, 0 down, 1 across."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import (
    SCALAR,
    Graph,
    Node,
    Operation,
    Shape,
    ShapeError,
    Size,
    count,
    extent,
    is_row,
    joint_size,
    register,
)
from gradcalc.maps import Compose, Hadamard, Inner, LinearMap, Sandwich
from gradcalc.notation import Level, Piece, Style, applied, call, total
from gradcalc.ops.table import OPERATION_TAKES_AXIS, Function, builds, declare, same_shape

Array = np.ndarray[Any, Any]
Kernel = Callable[[Array, Any], Array]


def _axes(a: Any) -> Any:
    return (-2, -1) if a["axis"] is None else (-2,) if a["axis"] == 0 else (-1,)


def _reduced(shapes: Sequence[Shape], a: Any) -> Shape:
    rows, columns = extent(shapes[0])
    if a["axis"] is None:
        return SCALAR
    if a["axis"] == 0:
        return (1, columns)
    return (rows,)


def _stretched(small: Node, like: Node) -> Node:
    return al.stretch(small, like.shape)


def _weights(node: Node, weights: Node) -> LinearMap:
    """dx ↦ Σ weights ∘ dx along the axis."""
    operand, axis = node.inputs[0], node.attributes["axis"]
    if axis is None:
        return Inner(operand.shape, SCALAR, weights)
    summed = _sum_map(operand, node.shape, axis)
    if al.is_one(weights):
        return summed
    return Compose(operand.shape, node.shape, (summed, Hadamard(operand.shape, operand.shape, weights)))


def _sum_map(operand: Node, target: Shape, axis: int) -> LinearMap:
    rows, columns = extent(operand.shape)
    graph = operand.graph
    if axis == 0:
        return Sandwich(operand.shape, target, left=al.ones(graph, (1, rows)))
    return Sandwich(operand.shape, target, right=al.ones(graph, (columns,)))


def _declare(
    name: str,
    kernel: Kernel,
    weights: Callable[[Node], Node],
    summary: str,
    derivative: str,
    habit: str,
    notation: Any = None,
    aliases: tuple[str, ...] = (),
    **more: Any,
) -> None:
    """A reduction, by the weights with which the entries' changes are summed."""
    OPERATION_TAKES_AXIS[name] = True
    listed = {k: more.pop(k) for k in ("example",) if k in more}
    declare(
        Function(name, builds(name), summary, derivative, listed.get("example", f"{name}([1, 2])"), reduces=True,
                 aliases=aliases, kink=more.get("kink_rule", "")),
        Operation(name, _reduced, lambda a, x: kernel(x, _axes(a)), lambda node, i: _weights(node, weights(node)),
                  notation or call(name), habit, **more),
    )  # fmt: skip


def _counted(shape: Shape, axis: int | None) -> Size:
    """How many entries a reduction takes together."""
    return joint_size(*extent(shape)) if axis is None else extent(shape)[axis]


def _over_length(number: float, node: Node) -> Node:
    """`c/n`, with n the entries that a reduction takes together: a number, or `size(x)` of a symbolic size."""
    operand, axis, graph = node.inputs[0], node.attributes["axis"], node.graph
    length = _counted(operand.shape, axis)
    if isinstance(length, int):
        return al.constant(graph, number / length if length else math.nan)
    return al.divide(al.constant(graph, number), graph.make("size", operand, axis=axis))


_SIZE_SUMMARY = "the number of entries; with axis=0 of rows, with axis=1 of columns"


def _size(graph: Graph, x: Sequence[Node], axis: int | None) -> Node:
    length = _counted(x[0].shape, axis)
    return al.constant(graph, length) if isinstance(length, int) else graph.make("size", x[0], axis=axis)


def _size_kernel(a: Any, x: Array) -> Array:
    rows, columns = x.shape[-2:]
    return np.full((1, 1), float(rows * columns if a["axis"] is None else (rows, columns)[a["axis"]]))


OPERATION_TAKES_AXIS["size"] = True
declare(
    Function("size", _size, _SIZE_SUMMARY, "0 (it does not depend on the values)", "size([1, 2])", reduces=True),
    Operation("size", lambda shapes, a: SCALAR, _size_kernel, lambda node, i: None, call("size"), "is constant"),
)  # fmt: skip


_declare("sum", lambda x, axes: np.sum(x, axis=axes, keepdims=True), lambda n: al.ones(n.graph, n.inputs[0].shape),
         "the sum of the entries", "sum(dx)", "distributes", analytic=True)  # fmt: skip
_declare("mean", lambda x, axes: np.mean(x, axis=axes, keepdims=True),
         lambda n: al.stretch(_over_length(1.0, n), n.inputs[0].shape), "the mean of the entries", "mean(dx)",
         "distributes", analytic=True)  # fmt: skip

# ----------------------------------------------------------------------------- norms


def _norm_kernel(x: Array, axes: Any) -> Array:
    """√Σx² scaled by the largest entry, so that squares neither overflow nor vanish."""
    largest = np.max(np.abs(x), axis=axes, keepdims=True, initial=0.0)
    safe = np.where((largest == 0) | ~np.isfinite(largest), 1.0, largest)
    return np.asarray(safe * np.sqrt(np.sum(np.square(x / safe), axis=axes, keepdims=True)))


def _direction(node: Node) -> Node:
    """x / ||x||, and 0 at x = 0."""
    operand, axis = node.inputs[0], node.attributes["axis"]
    return node.graph.make("ratio", operand, node if axis is None else _stretched(node, operand))


def _bars(kind: str, name: str) -> Any:
    def notation(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
        if node.attributes["axis"] is not None:
            return call(name)(node, pieces, style)
        return Piece(style.norm(pieces[0].text, kind), Level.ATOM)

    return notation


def _at_zero(a: Any, x: Array) -> Array:
    return np.asarray(np.all(x == 0, axis=_axes(a), keepdims=True))


_declare("norm", _norm_kernel, _direction, "the Euclidean norm ||x||, of a matrix the Frobenius norm", "x^T dx / ||x||",
         "scales", _bars("2", "norm"), kink=_at_zero, kink_rule="0 at x = 0, the minimum-norm subgradient")  # fmt: skip


def _show_norm_squared(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    return Piece(style.power(style.norm(pieces[0].text, "2"), Piece("2", Level.ATOM), False), Level.POWER)


register(Operation(
    "norm_squared", lambda shapes, a: SCALAR, lambda a, x: np.sum(x * x, axis=(-2, -1), keepdims=True),
    lambda node, i: Inner(node.inputs[0].shape, SCALAR, al.scale(al.constant(node.graph, 2.0), node.inputs[0])),
    _show_norm_squared, "scales", analytic=True, rule="the square of a norm: d‖x‖^2 = 2 x^T dx",
))  # fmt: skip
_declare("norm1", lambda x, axes: np.sum(np.abs(x), axis=axes, keepdims=True),
         lambda n: al.apply("sign", n.inputs[0]), "the sum of the absolute values, ||x||_1", "sign(x)^T dx", "scales",
         _bars("1", "norm1"), kink=lambda a, x: np.any(x == 0, axis=_axes(a), keepdims=True),
         kink_rule="0 for an entry that is 0, the minimum-norm subgradient")  # fmt: skip


def _norminf_weights(node: Node) -> Node:
    operand = node.inputs[0]
    share = _share(al.apply("abs", operand), node)
    return al.multiply(al.apply("sign", operand), share)


def _share(entries: Node, best: Node) -> Node:
    """The even share that each best entry takes."""
    axis = best.attributes["axis"]
    hit = al.compare("==", entries, _stretched(best, entries))
    return al.divide(hit, _stretched(al.total(hit, axis), entries))


def _tied(a: Any, x: Array, best: Any = np.max) -> Array:
    axes = _axes(a)
    return np.asarray(np.sum(x == best(x, axis=axes, keepdims=True), axis=axes, keepdims=True) > 1)


def _tied_inf(a: Any, x: Array) -> Array:
    size = np.abs(x)
    return np.asarray(_tied(a, size) | np.all(size == 0, axis=_axes(a), keepdims=True))


_declare("norminf", lambda x, axes: np.max(np.abs(x), axis=axes, keepdims=True), _norminf_weights,
         "the largest absolute value, ||x||_inf", "sign(x) dx where |x| is largest", "routes", _bars("inf", "norminf"),
         kink=_tied_inf, kink_rule="ties share evenly; 0 at 0")  # fmt: skip


def _entry(name: str, kernel: Any) -> None:
    shown = call(name)
    OPERATION_TAKES_AXIS[f"{name}_entry"] = True
    register(Operation(
        f"{name}_entry", _reduced, lambda a, x: kernel(x, axis=_axes(a), keepdims=True),
        lambda node, i: _weights(node, _share(node.inputs[0], node)), shown, "routes",
        kink=lambda a, x: _tied(a, x, kernel), kink_rule="ties share evenly",
    ))  # fmt: skip


_entry("max", np.max)
_entry("min", np.min)

# --------------------------------------------------------------------- the softmax family


def _shifted(x: Array, axes: Any) -> tuple[Array, Array]:
    top = np.max(x, axis=axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    return top, np.exp(x - top)


def _logsumexp(x: Array, axes: Any) -> Array:
    """max + log1p of the others, so that a dominant entry loses no digits."""
    top, powers = _shifted(x, axes)
    first = np.cumsum(powers == 1.0, axis=axes[-1]) == 1 if len(axes) == 1 else None
    if first is None:
        flat = powers.reshape(*powers.shape[:-2], -1)
        place = np.argmax(flat, axis=-1)[..., None]
        rest = flat.copy()
        np.put_along_axis(rest, place, 0.0, axis=-1)
        return np.asarray(top + np.log1p(np.sum(rest, axis=-1))[..., None, None])
    rest = np.where(first & (powers == 1.0), 0.0, powers)
    return np.asarray(top + np.log1p(np.sum(rest, axis=axes, keepdims=True)))


def _softmax(x: Array, axes: Any) -> Array:
    _, powers = _shifted(x, axes)
    return np.asarray(powers / np.sum(powers, axis=axes, keepdims=True))


def _log_softmax(x: Array, axes: Any) -> Array:
    return x - _logsumexp(x, axes)


_declare("logsumexp", _logsumexp, lambda n: n.graph.make("softmax", n.inputs[0], axis=_family_axis(n)),
         "log Σ exp(x), without overflow", "softmax(x)^T dx", "routes softly",
         analytic=True)  # fmt: skip


def _family_axis(node: Node) -> int | None:
    return node.attributes["axis"]  # type: ignore[no-any-return]


@dataclass(frozen=True, eq=False)
class SoftmaxMap(LinearMap):
    """dX ↦ Y ∘ (dX - Σ Y ∘ dX), symmetric: diag(y) - y y^T for a vector."""

    node: Node
    kind = "softmax"

    def apply(self, change: Node) -> Node:
        y, axis = self.node, self.node.attributes["axis"]
        weighted = al.multiply(change, y)
        if axis is None and y.shape:
            return al.add([weighted, al.scale(al.inner(y, change), y)], [1, -1])
        return al.add([weighted, al.multiply(_stretched(al.total(weighted, axis), y), y)], [1, -1])

    def adjoint(self, upstream: Node) -> Node:
        """The map is its own adjoint."""
        return self.apply(upstream)

    def matrix(self, graph: Graph) -> Node | None:
        y = self.node
        if len(y.shape) != 1:
            return None
        outer = al.matmul(y, al.transpose(y))
        return al.add([y.graph.make("diag", y, extract=False), outer], [1, -1])

    def parts(self) -> dict[str, Node]:
        return {"output": self.node}

    def cost(self) -> int:
        return 2 * count(self.source)


@dataclass(frozen=True, eq=False)
class LogSoftmaxMap(LinearMap):
    """dX ↦ dX - Σ P ∘ dX with P = softmax(X): I - 1 p^T for a vector."""

    node: Node
    kind = "log-softmax"

    @property
    def probabilities(self) -> Node:
        return self.node.graph.make("softmax", self.node.inputs[0], axis=self.node.attributes["axis"])

    def apply(self, change: Node) -> Node:
        summed = al.total(al.multiply(change, self.probabilities), self.node.attributes["axis"])
        return al.add([change, _stretched(summed, change)], [1, -1])

    def adjoint(self, upstream: Node) -> Node:
        total = _stretched(al.total(upstream, self.node.attributes["axis"]), upstream)
        return al.add([upstream, al.multiply(total, self.probabilities)], [1, -1])

    def matrix(self, graph: Graph) -> Node | None:
        node = self.node
        if len(node.shape) != 1:
            return None
        ones = al.ones(node.graph, node.shape)
        outer = node.graph.make("matmul", ones, self.probabilities, left=False, right=True)
        return al.add([al.eye(node.graph, node.shape[0]), outer], [1, -1])

    def cost(self) -> int:
        return count(self.source)


def _same(shapes: Sequence[Shape], a: Any) -> Shape:
    return shapes[0]


def _family(name: str, kernel: Kernel, map_class: Any, summary: str, derivative: str, habit: str) -> None:
    """Of a vector over its entries; of a matrix along the axis that must be given."""

    def build(graph: Graph, x: Sequence[Node], axis: int | None) -> Node:
        vector = len(x[0].shape) < 2 or is_row(x[0].shape)
        if axis is None and not vector:
            raise ShapeError(f"{name} of a matrix needs an axis", f"write {name}(X, axis=1) to normalise every row")
        return graph.make(name, x[0], axis=axis)

    def notation(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
        """Over all entries of a matrix it has no name of its own: exp(X - logsumexp(X))."""
        if node.attributes["axis"] is not None or len(node.shape) < 2 or is_row(node.shape):
            return call(name)(node, pieces, style)
        sums = applied(style.function("logsumexp"), [pieces[0].text], style)
        difference = total((1, -1), (pieces[0], sums), style)
        return difference if name == "log_softmax" else applied(style.function("exp"), [difference.text], style)

    declare(
        Function(name, build, summary, derivative, f"{name}([1, 2])", reduces=True),
        Operation(name, _same, lambda a, x: kernel(x, _axes(a)),
                  lambda node, i: map_class(node.shape, node.shape, node), notation, habit,
                  analytic=True),
    )  # fmt: skip


_family("softmax", _softmax, SoftmaxMap, "exp(x) / Σ exp(x), without overflow", "(diag(p) - p p^T) dx", "competes")
_family("log_softmax", _log_softmax, LogSoftmaxMap, "log(softmax(x)), without overflow", "(I - 1 p^T) dx",
        "competes")  # fmt: skip

# ------------------------------------------------------------------------------- losses


def _cross_entropy_kernel(a: Any, p: Array, y: Array) -> Array:
    with np.errstate(all="ignore"):
        terms = np.where(y == 0, 0.0, y * np.log(p))
    return np.asarray(-np.sum(terms, axis=_axes(a), keepdims=True))


def _cross_entropy_fault(a: Any, p: Array, y: Array) -> Array:
    return np.asarray(np.any((p <= 0) & (y != 0), axis=_axes(a), keepdims=True))


def _cross_entropy_map(node: Node, i: int) -> LinearMap:
    """d(-Σ y log p) = -Σ (y / p) dp - Σ log p dy; a term with y = 0 is 0."""
    p, y = node.inputs
    weights = al.negative(node.graph.make("ratio", y, p)) if i == 0 else al.negative(al.apply("log", p))
    return _of_input(node, i, weights)


def _of_input(node: Node, i: int, weights: Node) -> LinearMap:
    operand, axis = node.inputs[i], node.attributes["axis"]
    if axis is None:
        return Inner(operand.shape, SCALAR, weights)
    summed = _sum_map(operand, node.shape, axis)
    return Compose(operand.shape, node.shape, (summed, Hadamard(operand.shape, operand.shape, weights)))


def _two_reduced(shapes: Sequence[Shape], a: Any) -> Shape:
    same_shape(shapes, a)
    return _reduced(shapes, a)


OPERATION_TAKES_AXIS["cross_entropy"] = OPERATION_TAKES_AXIS["mse"] = True
declare(
    Function("cross_entropy", builds("cross_entropy"), "cross_entropy(ŷ, y) = -Σ y log ŷ", "-(y / ŷ)^T dŷ",
             "cross_entropy([0.5, 0.5], [1, 0])", 2, 2, reduces=True, domain="ŷ > 0 where y is not 0"),
    Operation("cross_entropy", _two_reduced, _cross_entropy_kernel, _cross_entropy_map, call("cross_entropy"),
              "scales", "ŷ above 0 where y is not 0", _cross_entropy_fault),
)  # fmt: skip


def _mse_map(node: Node, i: int) -> LinearMap:
    """d mean((a - b)²) = (2/n) (a - b)^T (da - db)."""
    difference = al.add(list(node.inputs), [1, -1] if i == 0 else [-1, 1])
    return _of_input(node, i, al.scale(_over_length(2.0, node), difference))


declare(
    Function("mse", builds("mse"), "the mean of the squared differences", "(2/n) (a - b)^T (da - db)",
             "mse([1, 2], [0, 0])", 2, 2, reduces=True),
    Operation("mse", _two_reduced, lambda a, x, y: np.mean(np.square(x - y), axis=_axes(a), keepdims=True), _mse_map,
              call("mse"), "scales", analytic=True),
)  # fmt: skip
