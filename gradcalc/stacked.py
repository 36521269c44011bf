"""Sweeps in numbers: for one upstream gradient, or for all basis vectors of a value, one after the other.

A Jacobian in numbers is a reverse sweep evaluated over stacked basis vectors, a leading axis of the arrays. A
sweep may differentiate what another one made: a Hessian is two. What `where` or `max` did not take contributes
exactly zero to each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcalc import evaluator
from gradcalc.data import Datum
from gradcalc.differentiate import Backward, Passed
from gradcalc.evaluator import Values
from gradcalc.graph import Node, Shape, ancestors, count, extent
from gradcalc.numeric import evaluate_forward, leaf_values
from gradcalc.planning.plan import Plan
from gradcalc.run import Number, shaped

Array = np.ndarray[Any, Any]
AT_ONCE = 2**22
"""Entries that one array may have while basis vectors are passed back together: more are passed back in parts."""


def basis(shape: Shape, start: int = 0, stop: int | None = None) -> Array:
    """The basis vectors of a shape, or some of them, one after the other in the order of vec."""
    rows, columns = (int(s) for s in extent(shape))
    stop = rows * columns if stop is None else stop
    part = np.zeros((stop - start, columns * rows))
    part[np.arange(stop - start), np.arange(start, stop)] = 1.0
    return np.swapaxes(part.reshape(stop - start, columns, rows), -1, -2)


def stacked(array: Array, target: Shape, by: Shape) -> Array:
    """The adjoints for all basis vectors of the target, as a matrix: entries of the target by entries of the value.

    Both are stacked by columns; what is the same for every basis vector may come without their axis.
    """
    rows, columns = (int(s) for s in extent(by))
    batch = np.broadcast_to(array, (count(target), rows, columns))
    return np.array(np.swapaxes(batch, -1, -2).reshape(len(batch), rows * columns))


def jacobian_value(array: Array, target: Shape, by: Shape) -> Number:
    """The adjoints for all basis vectors as a Jacobian; by a scalar it has the shape of the target."""
    matrix = stacked(array, target, by)
    if by:
        return matrix
    whole = [int(s) for s in extent(target)]
    return shaped(matrix.reshape(whole[::-1]).T, target)


@dataclass(eq=False)
class Point:
    """The values of a plan at one point. `order` is what the target needs, in evaluation order."""

    plan: Plan
    order: list[Node]
    values: Values

    def evaluated(self, sweeps: Sequence[Backward], wanted: Sequence[Node], seeds: Mapping[Node, Array]) -> list[Array]:
        """The arrays of nodes that the sweeps made, for given arrays of leaves.

        Where they are not all finite, what was not taken is left out.
        """
        order = ancestors(wanted)
        values = evaluator.evaluate(order, {**self.values, **seeds})
        if not _finite(values[n] for n in wanted):
            values = evaluator.evaluate(order, {**self.values, **seeds}, self.masks(sweeps, seeds))
        return [values[n] for n in wanted]

    def masks(self, sweeps: Sequence[Backward], seeds: Mapping[Node, Array]) -> dict[Node, list[Array]]:
        """For each contribution of the sweeps, each of which differentiates what stands before it, where it counts.

        Only the entries of a sweep's target that have an upstream gradient are taken: 0 times infinity is 0 there.
        """
        values = {**self.values, **seeds}
        masks: dict[Node, list[Array]] = {}
        for sweep in (*self.plan.sweeps, *sweeps):
            order = ancestors([sweep.target])
            evaluator.evaluate(order, values, masks)
            wanted = {sweep.target: seeds[sweep.seed] != 0} if sweep.seed in seeds else None
            taken = evaluator.demand(order, values, [sweep.target], masks, wanted, zeros=[sweep] == list(sweeps))
            for node, kept in evaluator.masks_of(sweep.edges, taken).items():
                masks.setdefault(node, []).extend(kept)
        return masks

    def rows(self, sweeps: Sequence[Backward], wanted: Sequence[Node]) -> list[Array]:
        """The arrays of nodes for all basis vectors of the last sweep's seed, on a leading axis."""
        seed = sweeps[-1].seed
        parts: list[list[Array]] = [[] for _ in wanted]
        for start, stop in _ranges(seed, wanted):
            found = self.evaluated(sweeps, wanted, {seed: basis(seed.shape, start, stop)})
            for part, node, array in zip(parts, wanted, found, strict=True):
                part.append(np.broadcast_to(array, (stop - start, *(int(s) for s in extent(node.shape)))))
        return [np.concatenate(part) for part in parts]

    def changed(self, change: Node, passed: Iterable[Passed], seeds: Mapping[Node, Array]) -> Array:
        """The array of a change that forward mode made, for given arrays of leaves.

        Where it is not finite, what is passed on through what was not taken is left out, and what does not change.
        """
        order = ancestors([change])
        found = evaluator.evaluate(order, {**self.values, **seeds})[change]
        if np.isfinite(found).all():
            return found
        kept = self.masks((), seeds)
        taken = evaluator.demand(self.order, self.values, [self.plan.target], kept, zeros=True)
        masks: dict[Node, list[Array]] = {}
        moving: dict[Node, Array] = {}
        for one in passed:
            operand = one.node.inputs[one.i]
            before = moving[operand] if operand in moving else seeds[one.change] != 0
            moves = evaluator.passed_on(one.node, one.i, before, self.values)
            moving[one.node] = moves | moving.get(one.node, False)
            if one.node in taken:
                masks.setdefault(one.term, []).extend([taken[one.node], moves, *kept.get(one.node, ())])
        return evaluator.evaluate(order, {**self.values, **seeds}, masks)[change]

    def traced(self, sweeps: Sequence[Backward], row: int) -> Values:
        """All values of the last sweep for one basis vector of its seed, what was not taken left out."""
        seed = sweeps[-1].seed
        seeds = {seed: basis(seed.shape, row, row + 1)[0]} if seed.op == "input" else {}
        order = ancestors([seed, *(n for e in sweeps[-1].edges for n in (e.node, e.upstream, e.downstream))])
        return evaluator.evaluate(order, {**self.values, **seeds}, self.masks(sweeps, seeds))


def _ranges(seed: Node, wanted: Sequence[Node]) -> list[tuple[int, int]]:
    """The basis vectors in as many parts as keep the largest array small; one part where there are none."""
    largest = max(count(n.shape) for n in ancestors([seed, *wanted]))
    step, total = max(1, AT_ONCE // max(1, largest)), count(seed.shape)
    return [(k, min(total, k + step)) for k in range(0, max(1, total), step)]


def _finite(arrays: Iterable[Array]) -> bool:
    return all(bool(np.isfinite(a).all()) for a in arrays)


def point(plan: Plan, data: Mapping[str, Datum], target: Node) -> Point:
    """Evaluate what a target needs. Raises `GradcalcError` for its numeric faults."""
    order = ancestors([target, *(s.target for s in plan.sweeps)])
    known = [leaf for leaf in plan.inputs if leaf in plan.literals or leaf.attributes["name"] in data]
    values = leaf_values(replace(plan, inputs=known), data)
    evaluate_forward(plan, order, values, [target])
    return Point(plan, order, values)
