"""Declaring operations entry by entry, and the nodes that their derivatives are made of.

A derivative is written in operations that neither overflow nor cancel. Where no such form exists it is an operation
of its own: with a prime as its name (`sigmoid'`), or one that is written in others and computed in a way of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import Node, Operation, Shape, register
from gradcalc.maps import Hadamard, LinearMap
from gradcalc.notation import Piece, Style, applied, as_written, call
from gradcalc.ops.table import Function, builds, declare, same_shape

Array = np.ndarray[Any, Any]
Derivative = Callable[[Node, Node], Node]
"""From x and y = f(x) to f'(x)."""
Partial = Callable[[Node], Node]
"""From a node to its derivative by one of its operands, entry by entry."""


def diagonal(node: Node, entries: Node) -> LinearMap:
    """The differential of what acts entry by entry."""
    return Hadamard(node.shape, node.shape, entries)


def _operation(name: str, kernel: Any, derivative: Derivative, notation: Any, **more: Any) -> Operation:
    def differential(node: Node, i: int) -> LinearMap:
        return diagonal(node, derivative(node.inputs[0], node))

    return Operation(name, same_shape, lambda a, x: kernel(x), differential, notation, "scales", **more)


def unary(
    name: str,
    kernel: Callable[[Array], Array],
    derivative: Derivative,
    text: str,
    summary: str,
    domain: str = "all numbers",
    fault: Callable[[Array], Array] | None = None,
    kink: Callable[[Array], Array] | None = None,
    rule: str = "",
    notation: Any = None,
    aliases: tuple[str, ...] = (),
    example: str = "",
    analytic: bool = False,
    jumps: bool = False,
    takes: Callable[[Array], Array] | None = None,
) -> None:
    """Declare a function of one number."""
    more: dict[str, Any] = {"domain": domain, "kink_rule": rule, "analytic": analytic, "jumps": jumps}
    if fault is not None:
        more.update(fault=lambda a, x: fault(x), shows_faults=True)
    if kink is not None:
        more["kink"] = lambda a, x: kink(x)
    if takes is not None:
        more["takes"] = lambda a, i, x: takes(x)
    declare(
        Function(name, builds(name), summary, text, example or f"{name}(0.5)", elementwise=True, domain=domain,
                 kink=rule, aliases=aliases),
        _operation(name, kernel, derivative, notation or call(name), **more),
    )  # fmt: skip


def prime(name: str, kernel: Callable[[Array], Array], derivative: Derivative, order: int = 1) -> Derivative:
    """Declare a derivative of `name` as an operation of its own, and return the rule that makes it."""
    primed = name + "'" * order

    def notation(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
        return applied(style.function(name, order), [p.text for p in pieces], style)

    register(_operation(primed, kernel, derivative, notation))
    return lambda x, y: al.apply(primed, x)


def stable(
    name: str,
    kernel: Callable[..., Array],
    partials: Sequence[Partial],
    written: Callable[[Node], Node],
    shape: Callable[[Sequence[Shape], Any], Shape] = same_shape,
    **more: Any,
) -> None:
    """Declare an operation that is written in others and keeps digits that they would lose."""

    def differential(node: Node, i: int) -> LinearMap:
        return diagonal(node, partials[i](node))

    register(Operation(name, shape, kernel, differential, as_written, "scales", written=written, **more))


# ------------------------------------------------------------------------------------ nodes


def constant_times(value: float | Fraction, node: Node) -> Node:
    """`c x`."""
    return al.scale(al.constant(node.graph, value), node)


def one(x: Node) -> Node:
    """1 in the shape of x."""
    return al.filled(x, 1.0)


def zero(x: Node, y: Node) -> Node:
    """The derivative of what is constant in steps."""
    return al.zeros(x.graph, x.shape)


def over(value: float, below: Node) -> Node:
    """`c / x`."""
    return al.divide(al.filled(below, value), below)


def plus(x: Node, value: float) -> Node:
    """`x + c`."""
    return al.add([x, al.filled(x, value)])


def minus_from(value: float, x: Node) -> Node:
    """`c - x`."""
    return al.add([al.filled(x, value), x], [1, -1])


def positive(x: Node) -> Node:
    """`1(x > 0)`."""
    return al.compare(">", x, al.number_like(x, 0.0))


def square(x: Node) -> Node:
    """`x^2`."""
    return al.apply("square", x)
