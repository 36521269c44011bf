"""What a prepared function computes: the target with its gradients, its Jacobians, or its second derivatives too.

Each gives the nodes for code to compute, and the same node by node: that says what is at fault and leaves out what was
not taken, which code does not; code gives up where a number is not finite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from gradcalc import algebra as al
from gradcalc import evaluator
from gradcalc.closed_form import Writer
from gradcalc.data import Datum
from gradcalc.differentiate import Backward, forward, jacobians, reverse
from gradcalc.graph import SCALAR, Node, Shape, ancestors, count
from gradcalc.matrices.first_order import FirstOrder
from gradcalc.matrices.forms import Forms
from gradcalc.matrices.records import hessian_shape, jacobian_shape
from gradcalc.matrices.second_order import SecondOrder
from gradcalc.numeric import evaluate_forward, leaf_values
from gradcalc.planning.plan import Plan
from gradcalc.stacked import Point

Array = np.ndarray[Any, Any]
Named = list[tuple[str, Node]]


@dataclass(eq=False)
class Sweep:
    """A plan and the values that derivatives are by."""

    plan: Plan
    wrt: Named
    takes_rows: ClassVar[bool] = False
    """Whether `evaluated` takes data with an axis of rows."""

    @cached_property
    def forward(self) -> list[Node]:
        """What the target needs, in evaluation order."""
        return ancestors([self.plan.target])

    @cached_property
    def results(self) -> list[Node] | None:
        """The derivatives, in the order of `shapes`; None where they have no form that code could compute."""
        raise NotImplementedError

    @cached_property
    def shapes(self) -> list[Shape]:
        """The shapes of the derivatives."""
        raise NotImplementedError

    def evaluated(self, data: Mapping[str, Datum]) -> list[Any]:
        """The target and the derivatives, their entries in order, behind an axis of rows if there are some.

        Raises `GradcalcError`.
        """
        raise NotImplementedError

    def packed(self, value: Any, derivatives: Sequence[Any]) -> tuple[Any, ...]:
        """What the caller gets."""
        return value, {name: array for (name, _), array in zip(self.wrt, derivatives, strict=True)}


class Gradients(Sweep):
    """Of a scalar."""

    takes_rows = True

    @cached_property
    def backward(self) -> Backward:
        """The reverse sweep."""
        return reverse(self.plan.target)

    @cached_property
    def results(self) -> list[Node] | None:
        return [self.backward.adjoint(node) for _, node in self.wrt]

    @cached_property
    def shapes(self) -> list[Shape]:
        return [node.shape for _, node in self.wrt]

    def evaluated(self, data: Mapping[str, Datum]) -> list[Any]:
        adjoints = self.results or []
        above, values = ancestors(adjoints), leaf_values(self.plan, data)
        evaluate_forward(self.plan, self.forward, values, [self.plan.target])
        kept = dict(values)
        evaluator.evaluate(above, values)
        if not all(np.isfinite(values[n]).all() for n in adjoints):
            masks = Point(self.plan, self.forward, kept).masks([self.backward], {})
            values = evaluator.evaluate(above, kept, masks)
        return [values[self.plan.target], *(values[n] for n in adjoints)]


class Matrices(Sweep):
    """The Jacobians of a target that is no scalar, rows its entries."""

    @cached_property
    def results(self) -> list[Node] | None:
        target = self.plan.target
        sweep = reverse(target, target.graph.make("input", name="", shape=target.shape, role="seed"))
        matrices = jacobians(sweep)
        found: list[Node | None] = []
        for (_, node), shape in zip(self.wrt, self.shapes, strict=True):
            if node not in sweep.adjoints:
                found.append(al.zeros(target.graph, shape))
            elif node.shape == SCALAR:
                found.append(forward(target, {node: target.graph.constant(1.0)}))
            else:
                found.append(matrices[node])
        return _known(found)

    @cached_property
    def shapes(self) -> list[Shape]:
        return [jacobian_shape(self.plan.target.shape, node.shape) for _, node in self.wrt]

    def evaluated(self, data: Mapping[str, Datum]) -> list[Any]:
        made = FirstOrder(self.plan, data, True, None, self.plan.limits, "")
        values = made.jacobian_values([(n, node) for n, node in self.wrt if node in made.sweep.adjoints])
        assert made.point is not None
        zeros = [np.zeros(count(shape)) for shape in self.shapes]
        return [made.point.values[self.plan.target],
                *(values.get(n, zero) for (n, _), zero in zip(self.wrt, zeros, strict=True))]  # fmt: skip


class SecondDerivatives(Sweep):
    """The gradients of a scalar, and the blocks of its Hessian by all pairs."""

    @cached_property
    def results(self) -> list[Node] | None:
        sweep = reverse(self.plan.target)
        forms = Forms(Writer(self.plan, None, False))
        found: list[Node | None] = [sweep.adjoint(node) for _, node in self.wrt]
        for _, node in self.wrt:
            gradient = forms.tidied(sweep.adjoint(node))
            second = reverse(gradient, gradient.graph.make("input", name="", shape=gradient.shape, role="seed"))
            matrices = jacobians(second)
            for _, by in self.wrt:
                connected = by in second.adjoints
                zero = al.zeros(gradient.graph, hessian_shape(node.shape, by.shape))
                found.append(matrices[by] if connected else zero)
        return _known(found)

    @cached_property
    def shapes(self) -> list[Shape]:
        nodes = [node for _, node in self.wrt]
        return [n.shape for n in nodes] + [hessian_shape(n.shape, by.shape) for n in nodes for by in nodes]

    def evaluated(self, data: Mapping[str, Datum]) -> list[Any]:
        first = Gradients(self.plan, self.wrt).evaluated(data)
        made = SecondOrder(self.plan, data, True, None, self.plan.limits, "")
        blocks = []
        made.shown = self.wrt
        for name, node in self.wrt:
            values = made.hessian_values(name, node) if node in made.sweep.adjoints else {}
            blocks += [values.get(n, np.zeros(count(node.shape) * count(by.shape))) for n, by in self.wrt]
        return [*first, *blocks]

    def packed(self, value: Any, derivatives: Sequence[Any]) -> tuple[Any, ...]:
        names = [name for name, _ in self.wrt]
        gradients = dict(zip(names, derivatives, strict=False))
        blocks = iter(derivatives[len(names) :])
        return value, gradients, {name: {other: next(blocks) for other in names} for name in names}


def _known(found: list[Node | None]) -> list[Node] | None:
    nodes = [node for node in found if node is not None]
    return nodes if len(nodes) == len(found) else None


def swept(plan: Plan, wrt: Named, order: int) -> Sweep:
    """What is computed for a target and the order of its derivatives, 1 or 2."""
    if order == 2:
        return SecondDerivatives(plan, wrt)
    return (Gradients if plan.target.shape == SCALAR else Matrices)(plan, wrt)


def refuse_large(sweep: Sweep) -> None:
    """Refuse derivatives that are too large, before they are allocated. Raises `GradcalcError`."""
    limits, label = sweep.plan.limits, sweep.plan.labels[sweep.plan.target]
    for shape in sweep.shapes:
        limits.refuse_large(f"a derivative of `{label}`", 1, count(shape), "name fewer or smaller inputs in wrt")
