"""Reductions: what they share, and sums, sizes and the largest and smallest entry.

`axis=None` reduces over all entries, 0 down the columns, 1 across the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import SCALAR, Graph, Node, Operation, Shape, ShapeError, Size, extent, joint_size, register
from gradcalc.maps import Hadamard, Inner, LinearMap, Sandwich, composed
from gradcalc.notation import call
from gradcalc.ops.summation import axes_of, total
from gradcalc.ops.table import Function, builds_along, declare

Array = np.ndarray[Any, Any]
Kernel = Callable[[Array, Any], Array]
"""From an array and the axes to the reduced array, which keeps them with length 1."""


def reduced(shapes: Sequence[Shape], a: Any) -> Shape:
    """The shape of a reduction."""
    rows, columns = extent(shapes[0])
    if a["axis"] is None:
        return SCALAR
    return (1, columns) if a["axis"] == 0 else (rows,)


def needs_entries(name: str, rule: Callable[[Sequence[Shape], Any], Shape]) -> Callable[[Sequence[Shape], Any], Shape]:
    """A shape rule for what has no value where there are no entries."""

    def checked(shapes: Sequence[Shape], a: Any) -> Shape:
        if counted(shapes[0], a["axis"]) == 0:
            where = {None: "its operand is empty", 0: "a column of its operand is empty",
                     1: "a row of its operand is empty"}[a["axis"]]  # fmt: skip
            raise ShapeError(f"`{name}` needs at least one entry, and {where}", "give it an entry")
        return rule(shapes, a)

    return checked


def counted(shape: Shape, axis: int | None) -> Size:
    """How many entries a reduction takes together."""
    return joint_size(*extent(shape)) if axis is None else extent(shape)[axis]


def over_length(number: float, operand: Node, axis: int | None) -> Node:
    """`c/n`, with n the entries that a reduction takes together: a number, or `size(x)` of a symbolic size."""
    length, graph = counted(operand.shape, axis), operand.graph
    if isinstance(length, int):
        return al.constant(graph, Fraction(number) / length)
    return al.divide(al.constant(graph, number), graph.make("size", operand, axis=axis))


def length(operand: Node, axis: int | None) -> Node:
    """How many entries a reduction takes together, as a node."""
    found = counted(operand.shape, axis)
    return (
        al.constant(operand.graph, found) if isinstance(found, int) else operand.graph.make("size", operand, axis=axis)
    )


def stretched(small: Node, like: Node) -> Node:
    """A reduced value in the shape of what was reduced."""
    return al.stretch(small, like.shape)


def weighted(node: Node, i: int, weights: Node) -> LinearMap:
    """dx ↦ Σ weights ∘ dx along the axis, for the operand i of a reduction."""
    operand, axis = node.inputs[i], node.attributes["axis"]
    if axis is None:
        return Inner(operand.shape, SCALAR, weights)
    summed = _sum_map(operand, node.shape, axis)
    if al.is_one(weights):
        return summed
    return composed(summed, Hadamard(operand.shape, operand.shape, weights))


def _sum_map(operand: Node, target: Shape, axis: int) -> LinearMap:
    rows, columns = extent(operand.shape)
    graph = operand.graph
    if axis == 0:
        return Sandwich(operand.shape, target, left=al.ones(graph, (1, rows)))
    return Sandwich(operand.shape, target, right=al.ones(graph, (columns,)))


def declare_reduction(
    name: str,
    kernel: Kernel,
    weights: Callable[[Node], Node],
    summary: str,
    derivative: str,
    habit: str,
    *,
    notation: Any = None,
    example: str = "",
    aliases: tuple[str, ...] = (),
    empty: bool = True,
    **more: Any,
) -> None:
    """A reduction, by the weights with which the entries' changes are summed; `empty` if it has a value of none."""
    shape = reduced if empty else needs_entries(name, reduced)
    declare(
        Function(name, builds_along(name), summary, derivative, example or f"{name}([1, 2])", reduces=True,
                 domain="all numbers" if empty else "at least one entry", kink=more.get("kink_rule", ""),
                 aliases=aliases),
        Operation(name, shape, lambda a, x: kernel(x, axes_of(a["axis"])),
                  lambda node, i: weighted(node, i, weights(node)), notation or call(name), habit, **more),
    )  # fmt: skip


def even_share(entries: Node, best: Node) -> Node:
    """The even part that each entry takes that is the best one."""
    hit = al.compare("==", entries, stretched(best, entries))
    return al.divide(hit, stretched(al.total(hit, best.attributes["axis"]), entries))


def tied(x: Array, best: Array, axes: Any) -> Array:
    """Where more than one entry is the best one."""
    return np.asarray(np.sum(x == best, axis=axes, keepdims=True) > 1)


_SIZE_SUMMARY = "the number of entries; with axis=0 of rows, with axis=1 of columns"


def _size(graph: Graph, x: Sequence[Node], axis: int | None) -> Node:
    return length(x[0], axis)


def _size_kernel(a: Any, x: Array) -> Array:
    rows, columns = x.shape[-2:]
    return np.full((1, 1), float(rows * columns if a["axis"] is None else (rows, columns)[a["axis"]]))


declare(
    Function("size", _size, _SIZE_SUMMARY, "0 (it does not depend on the values)", "size([1, 2])", reduces=True),
    Operation("size", lambda shapes, a: SCALAR, _size_kernel, lambda node, i: None, call("size"), "is constant"),
)  # fmt: skip
declare_reduction(
    "sum", total, lambda n: al.ones(n.graph, n.inputs[0].shape), "the sum of the entries, 0 of none", "sum(dx)",
    "distributes", analytic=True,
)  # fmt: skip


def _entry(name: str, kernel: Any) -> None:
    def kink(a: Any, x: Array) -> Array:
        axes = axes_of(a["axis"])
        return tied(x, kernel(x, axis=axes, keepdims=True), axes)

    def takes(a: Any, i: int, x: Array) -> Array:
        return np.asarray((x == kernel(x, axis=axes_of(a["axis"]), keepdims=True)) | np.isnan(x))

    register(Operation(
        f"{name}_entry", needs_entries(name, reduced),
        lambda a, x: kernel(x, axis=axes_of(a["axis"]), keepdims=True),
        lambda node, i: weighted(node, i, even_share(node.inputs[0], node)), call(name), "routes", kink=kink,
        kink_rule="ties share evenly", takes=takes,
    ))  # fmt: skip


_entry("max", np.max)
_entry("min", np.min)
