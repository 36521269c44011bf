"""What gradcalc says of a reduction at a place, and how far that is from the exact value and derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mp, mpf

from gradcalc.differentiate import reverse
from gradcalc.evaluator import evaluate
from gradcalc.graph import Graph, Node, ancestors, of_extent
from gradcalc.stacked import basis
from tests.exact import core
from tests.exact.reductions import EXACT, points

SLOPES = {"direction", "deviation_slope"}
"""Gradients of a norm and of a deviation: their derivatives are the second ones of these, and tested as such."""
DIGITS = 700
"""What values are computed to: entries of 1e308 and 1e-308 may cancel but for the last digit of the smaller."""


def exact_value(function: Any, attributes: Any, operands: Any) -> Any:
    with mp.workdps(DIGITS):
        return function(attributes, *map(core.exactly, operands))


class Site:
    """An operation over leaves with the given operands, and what gradcalc says of it there."""

    def __init__(self, name: str, attributes: dict[str, Any], operands: list[Any]):
        self.graph, self.operands = Graph(), operands
        shapes = [() if x.shape == (1, 1) else of_extent(*x.shape) for x in operands]
        self.leaves = [self.graph.make("input", name=f"x{k}", shape=s) for k, s in enumerate(shapes)]
        self.node = self.graph.make(name, *self.leaves, **attributes)
        self.given: dict[Node, Any] = dict(zip(self.leaves, operands, strict=True))
        self.seed = self.graph.make("input", name="seed", shape=self.node.shape)
        self.sweep = reverse(self.node, self.seed)

    def value(self) -> Any:
        return evaluate(ancestors([self.node]), dict(self.given))[self.node]

    def is_smooth(self) -> bool:
        operation = self.node.operation
        return operation.kink is None or not np.any(operation.kink(self.node.attributes, *self.operands))

    def first(self, k: int) -> Any:
        """∂ value / ∂ operand k: entries of the value (by columns) before the operand's shape."""
        adjoint = self.sweep.adjoint(self.leaves[k])
        found = evaluate(ancestors([adjoint]), {**self.given, self.seed: basis(self.node.shape)})[adjoint]
        return np.broadcast_to(found, (len(basis(self.node.shape)), *self.operands[k].shape))

    def second(self, k: int, j: int, entry: int) -> Any:
        """∂² of one entry of the value: entries of operand k (by columns) before the shape of operand j."""
        adjoint = self.sweep.adjoint(self.leaves[k])
        seed = self.graph.make("input", name="again", shape=adjoint.shape)
        bend = reverse(adjoint, seed).adjoint(self.leaves[j])
        directions = basis(adjoint.shape)
        values = {**self.given, self.seed: basis(self.node.shape)[entry], seed: directions}
        return np.broadcast_to(evaluate(ancestors([bend]), values)[bend], (len(directions), *self.operands[j].shape))


def by_columns(exact: Any) -> list[Any]:
    return list(np.asarray(exact, dtype=object).flatten(order="F"))


def places(x: Any) -> list[tuple[int, int]]:
    return [(i, j) for j in range(x.shape[1]) for i in range(x.shape[0])]


def representable(exact: Any) -> bool:
    return all(abs(v) < core.LARGEST for v in np.asarray(exact, dtype=object).flat)


def worst_of(name: str, count: int, every: int = 1) -> dict[str, tuple[float, Any]]:
    """The largest errors of values and, at every so manieth point, of first partial derivatives, and where."""
    worst: dict[str, tuple[float, Any]] = {"value": (0.0, None), "first": (0.0, None)}

    def note(what: str, error: float, where: Any) -> None:
        worst[what] = max(worst[what], (error, where), key=lambda found: found[0])

    for number, (attributes, operands) in enumerate(points(name, count)):
        site, function = Site(name, attributes, operands), EXACT[name]
        exact = exact_value(function, attributes, operands)
        note("value", core.worst(site.value(), exact), (attributes, operands))
        if number % every or name in SLOPES or not representable(exact) or not site.is_smooth():
            continue
        for k, operand in enumerate(operands):
            found = site.first(k)
            for place in places(operand):
                slope = core.partial(function, attributes, operands, (k, place))
                error = core.worst(found[:, place[0], place[1]], np.array(by_columns(slope), dtype=object))
                note("first", error, (attributes, operands, k, place))
    return worst


def second_error(site: Site, function: Any, attributes: Any, entry: int) -> float:
    """The largest error of the second partial derivatives of one entry, in units of the largest of them."""
    found, exact = [], []
    for k, operand in enumerate(site.operands):
        for j, other in enumerate(site.operands):
            bends = site.second(k, j, entry)
            for row, place in enumerate(places(operand)):
                for beside in places(other):
                    bend = core.partial(function, attributes, site.operands, (k, place), (j, beside))
                    found.append(float(bends[row][beside]))
                    exact.append(by_columns(bend)[entry])
    if not representable(exact):
        return 0.0
    with mp.workdps(core.WORKING):
        largest = max((abs(v) for v in exact), default=mpf(0))
        unit = max(mp.ldexp(1, int(mp.floor(mp.log(largest, 2))) - 52), core.SMALLEST) if largest else core.SMALLEST
        return max((float(abs(mpf(f) - e) / unit) for f, e in zip(found, exact, strict=True)), default=0.0)


def worst_second(name: str, count: int, most: int, every: int = 1) -> tuple[float, Any]:
    """The largest error of second partial derivatives of what has at most so many entries, and where."""
    worst: tuple[float, Any] = (0.0, None)
    small = [(a, x) for a, x in points(name, count) if sum(map(np.size, x)) <= most]
    for attributes, operands in small[::every]:
        site, function = Site(name, attributes, operands), EXACT[name]
        if not representable(exact_value(function, attributes, operands)) or not site.is_smooth():
            continue
        for entry in range(len(basis(site.node.shape))):
            error = second_error(site, function, attributes, entry)
            worst = max(worst, (error, (attributes, operands, entry)), key=lambda found: found[0])
    return worst
