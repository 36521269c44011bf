"""The closed table of functions: what a name in a text may call, and what `gradcalc functions` lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from gradcalc.graph import Graph, Node, Operation, Shape, ShapeError, Size, extent, register, same_shape


class Function(Struct, frozen=True, eq=False):
    """A function of the language.

    `build(graph, arguments, axis)` makes its node; `least` and `most` bound the number of arguments;
    `elementwise` says that it acts entry by entry (its operands are stretched to one shape first), `reduces`
    that it takes `axis=`. `derivative`, `domain`, `kink` and `summary` are what is listed; `example` is an
    expression in numbers.
    """

    name: str
    build: Callable[[Graph, Sequence[Node], int | None], Node]
    summary: str
    derivative: str
    example: str
    least: int = 1
    most: int | None = 1
    elementwise: bool = False
    reduces: bool = False
    domain: str = "all numbers"
    kink: str = ""
    aliases: tuple[str, ...] = ()


__all__ = ["FUNCTIONS", "Function", "alike", "builds", "builds_along", "declare", "same_shape", "size_of",
           "square_shape", "whole"]  # fmt: skip
FUNCTIONS: dict[str, Function] = {}
"""Every function by name and by alias."""


def declare(function: Function, *operations: Operation) -> None:
    """Enter a function and the operations that it stands on."""
    for operation in operations:
        register(operation)
    for name in (function.name, *function.aliases):
        if name in FUNCTIONS:
            raise ValueError(f"function {name} is declared twice")
        FUNCTIONS[name] = function


def builds(op: str, **attributes: Any) -> Callable[[Graph, Sequence[Node], int | None], Node]:
    """A builder that makes one node of an operation that has no axis."""
    return lambda graph, arguments, axis: graph.make(op, *arguments, **attributes)


def builds_along(op: str) -> Callable[[Graph, Sequence[Node], int | None], Node]:
    """A builder that makes one node of an operation along an axis."""
    return lambda graph, arguments, axis: graph.make(op, *arguments, axis=axis)


def alike(shapes: Sequence[Shape], attributes: Any) -> Shape:
    """The rule of what takes operands of one shape and keeps it, its entries together and not one by one."""
    return same_shape(shapes, attributes)


def square_shape(what: str) -> Callable[[Sequence[Shape], Any], Shape]:
    """The rule of what takes a square matrix and keeps its shape."""

    def shape(shapes: Sequence[Shape], attributes: Any) -> Shape:
        rows, columns = extent(shapes[0])
        if rows != columns:
            raise ShapeError(f"{what} needs a square matrix")
        return shapes[0]

    return shape


def size_of(node: Node, what: str) -> Size:
    """A size that is written as a whole number, or as the symbol of a stated shape."""
    return str(node.attributes["name"]) if node.op == "symbol" else whole(node, what)


def whole(node: Node, what: str) -> int:
    """A constant whole number that a place is made of."""
    value = node.exact
    if value is None or value.denominator != 1 or value < 0:
        raise ShapeError(f"{what} must be a whole number that is written out, 0 or more", "write one, such as 3")
    return int(value)
