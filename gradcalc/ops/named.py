"""A function under the name that the file gives it: `f = tanh`, or an `f` that nothing defines.

`f(z)`, `f'(z)`, `f''(z)` are one operation with the order as an attribute. Its numbers come from the
function that it stands for, differentiated as often as there are primes. A run refuses an abstract f; where claims
are tested without data, a smooth function stands in for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from gradcalc.graph import OPERATIONS, SCALAR, Graph, Node, Operation, ancestors, register
from gradcalc.maps import Hadamard, LinearMap
from gradcalc.notation import Piece, Style, applied
from gradcalc.ops.table import same_shape

Array = np.ndarray[Any, Any]


@cache
def _definition(function: str, order: int) -> tuple[Node, tuple[Node, ...]]:
    """The order-th derivative of a function of one number as a graph over one leaf, in evaluation order."""
    from gradcalc.differentiate import forward  # it needs nothing of ours but maps; ops stay below it otherwise

    graph = Graph()
    leaf = graph.make("input", name="t", shape=SCALAR)
    root = graph.make(function, leaf)
    for _ in range(order):
        root = forward(root, {leaf: graph.constant(1.0)})
    return leaf, tuple(ancestors([root]))


@cache
def _waves(name: str) -> Array:
    """Amplitudes, frequencies and phases of the stand-in for a function that nothing defines."""
    numbers = np.random.default_rng(zlib.crc32(name.encode()))
    return numbers.uniform((0.5, 0.5, 0.0), (1.0, 1.5, 6.0), (3, 3))


def _stand_in(name: str, order: int, x: Array) -> Array:
    """A smooth function that no formula knows, and its derivatives: Σ a b^k sin(b x + c + k π/2).

    A claim about a function that nothing defines is tested on it.
    """
    return np.asarray(sum(a * b**order * np.sin(b * x + c + order * np.pi / 2) for a, b, c in _waves(name)))


def _kernel(a: Any, x: Array) -> Array:
    if not a["function"]:
        return _stand_in(a["shown"], a["order"], x)
    leaf, nodes = _definition(a["function"], a["order"])
    values = {leaf: x}
    for node in nodes:
        if node is not leaf:
            values[node] = node.operation.kernel(node.attributes, *(values[i] for i in node.inputs))
    return np.broadcast_to(values[nodes[-1]], x.shape)


def _differential(node: Node, i: int) -> LinearMap:
    raised = {**node.attributes, "order": node.attributes["order"] + 1}
    return Hadamard(node.shape, node.shape, node.graph.make("call", node.inputs[0], **raised))


def _notation(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    function = style.function(node.attributes["shown"], node.attributes["order"])
    return applied(function, [p.text for p in pieces], style)


def _delegate(attribute: str) -> Any:
    """The mask that the function itself has: where it has no value or no derivative, its derivatives have none."""

    def mask(a: Any, x: Array) -> Array:
        found = getattr(OPERATIONS[a["function"]], attribute) if a["function"] else None
        return np.zeros(x.shape, bool) if found is None else found({}, x)

    return mask


def _is_analytic(a: Any) -> bool:
    """Whether the function is; the stand-in for one that nothing defines is a sum of sines."""
    return not a["function"] or all(
        node.operation.analytic or not node.inputs for node in _definition(a["function"], a["order"])[1]
    )


def _jumps(a: Any) -> bool:
    """Whether the function jumps at its kinks, as its derivatives do."""
    return bool(a["function"]) and (a["order"] > 0 or bool(OPERATIONS[a["function"]].jumps))


def _takes(a: Any, i: int, x: Array) -> Array:
    """As the function does, and every entry of its derivatives' operand."""
    takes = OPERATIONS[a["function"]].takes if a["function"] and not a["order"] else None
    return np.full(x.shape, True) if takes is None else np.asarray(takes({}, i, x))


register(Operation(
    "call", same_shape, _kernel, _differential, _notation, "scales", "the domain of the function",
    _delegate("fault"), _delegate("kink"), "see `gradcalc functions`", analytic=_is_analytic,
    jumps=_jumps, takes=_takes,
))  # fmt: skip
