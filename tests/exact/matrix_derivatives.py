"""What gradcalc says of an operation on matrices at a place: derivatives by entries of its operands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcalc.differentiate import forward, reverse
from gradcalc.evaluator import evaluate
from gradcalc.graph import Graph, Node, ancestors, extent

By = tuple[int, tuple[int, int]]
"""An entry of an operand."""


def shaped(array: Any) -> tuple[int, ...]:
    rows, columns = array.shape
    return () if (rows, columns) == (1, 1) else (rows,) if columns == 1 else (rows, columns)


def derivative(name: str, attributes: Any, operands: Sequence[Any], *by: By) -> Any:
    """gradcalc's derivative by entries of the operands: forward mode; of a number the gradient, and forward over it."""
    graph = Graph()
    leaves = [graph.make("input", name=f"x{i}", shape=shaped(x)) for i, x in enumerate(operands)]
    node = graph.make(name, *leaves, **attributes)
    shape, entry = extent(node.shape), None
    values: dict[Node, Any] = dict(zip(leaves, operands, strict=True))
    if by and name in ("det", "logdet", "trace"):
        (i, entry), *by = by
        node = reverse(node).adjoint(leaves[i])
    for k, (i, place) in enumerate(by):
        tangent = graph.make("input", name=f"d{k}", shape=leaves[i].shape)
        values[tangent] = np.zeros(operands[i].shape)
        values[tangent][place] = 1.0
        node = forward(node, {leaves[i]: tangent})
    found = evaluate(ancestors([node]), values)[node]
    return np.broadcast_to(found, shape) if entry is None else found[entry].reshape(1, 1)


def places(operands: Sequence[Any], seed: int) -> list[By]:
    """An entry of each operand, and one more of the first."""
    numbers = np.random.default_rng(seed)
    which = [0, *range(len(operands))]
    return [(i, tuple(int(numbers.integers(s)) for s in operands[i].shape)) for i in which]
