"""A plan at data, forward and backward: one set of data, or rows of them on a leading axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from gradcalc import evaluator
from gradcalc.closed_form import distributions
from gradcalc.conditioning import ill_conditioned
from gradcalc.data import Datum
from gradcalc.differentiate import Backward, reverse
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.evaluator import Values
from gradcalc.graph import SCALAR, Node, Shape, ancestors, count, extent, is_row
from gradcalc.kinks import Kinks, felt_kinks
from gradcalc.numeric import evaluate_forward, leaf_values
from gradcalc.perturbed import lost_in_gradients
from gradcalc.planning.plan import Plan, named_values
from gradcalc.precision import lost_digits
from gradcalc.stacked import Point, basis
from gradcalc.suggest import shown_shape

if TYPE_CHECKING:
    from gradcalc.checking.claims import ClaimResult

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class Sweep:
    """A plan and its backward sweep, before there are data: `kind` is that of the run."""

    plan: Plan
    backward: Backward
    kind: str
    order: list[Node]
    """What the target, the shown values and the claims need, in evaluation order."""

    @property
    def adjoints(self) -> list[Node]:
        """All adjoints, and what passes along the edges."""
        return [*self.backward.adjoints.values(), *(e.downstream for e in self.backward.edges)]

    @property
    def backward_order(self) -> list[Node]:
        """What the adjoints and the local gradients need, in evaluation order."""
        parts = [p for e in self.backward.edges for p in e.linear.parts().values()]
        return ancestors([self.backward.seed, *parts, *self.adjoints])


def swept(plan: Plan, upstream: Shape | None) -> Sweep:
    """A plan with its sweep, for an upstream gradient of a shape if there is one. Raises `GradcalcError`."""
    target = plan.target
    kind = "vjp" if upstream is not None else "gradient" if target.shape == SCALAR else "jacobian"
    if upstream is not None and upstream != target.shape:
        raise GradcalcError(
            Diagnostic(
                "data-shape",
                f"the upstream gradient is {shown_shape(upstream)}",
                rule=f"the target `{plan.labels[target]}` is {shown_shape(target.shape)}",
                help="give one number for every entry of the target",
            )
        )
    name = _upstream_name(plan) if kind == "vjp" else ""
    seed = None if kind == "gradient" else plan.graph.make("input", name=name, shape=target.shape)
    roots = [*plan.order, *(s for c in plan.claims for s in c.sides)]
    made = Sweep(plan, reverse(target, seed), kind, ancestors(roots))
    _refuse_large(made)
    return made


def _upstream_name(plan: Plan) -> str:
    """What the upstream gradient of a target that is no scalar is called: v, or v_ where v is taken."""
    name = "v" if len(plan.target.shape) < 2 else "V"
    while name in plan.names:
        name += "_"
    return name


def _refuse_large(sweep: Sweep) -> None:
    """Refuse gradients that are too large before they are allocated; of Jacobians, an adjoint for every entry of
    the target."""
    plan, jacobian = sweep.plan, sweep.kind == "jacobian"
    rows, remedy = count(plan.target.shape) if jacobian else 1, "choose a smaller target with --of"
    if jacobian:
        remedy += ", or give --upstream"
        sizes = [count(node.shape) for node in sweep.backward.adjoints]
        plan.limits.refuse_large(f"a Jacobian of `{plan.labels[plan.target]}`", rows, max(sizes, default=0), remedy)
        plan.limits.refuse_many(f"the Jacobians of `{plan.labels[plan.target]}`", rows * sum(sizes), remedy)
    on_edges = sum(count(e.node.shape) + count(e.input.shape) for e in sweep.backward.edges)
    plan.limits.refuse_many_on_edges(rows * on_edges, remedy)


@dataclass(eq=False)
class Evaluation:
    """The values of a sweep: of one set of data, or of `rows` of them, each array with an axis of rows in front."""

    sweep: Sweep
    values: Values
    rows: int | None = None

    @property
    def plan(self) -> Plan:
        """The plan that was evaluated."""
        return self.sweep.plan

    def array(self, node: Node) -> Array:
        """The value of a node, computed if it is not there yet."""
        if node not in self.values:
            evaluator.evaluate(evaluator.above(node, self.values), self.values)
        return self.values[node] if self.rows is None else self.over_rows(self.values[node])

    def zeros(self, node: Node) -> Array:
        """Zeros in the shape of a node."""
        array = np.zeros([int(size) for size in extent(node.shape)])
        return array if self.rows is None else self.over_rows(array)

    def over_rows(self, array: Array) -> Array:
        """An array with the axis of rows, also where it is the same in all of them."""
        assert self.rows is not None
        return np.broadcast_to(array, (self.rows, *array.shape[-2:]))


class Findings(Struct, frozen=True, eq=False):
    """What is to be said of an evaluation besides its numbers."""

    kinks: Kinks
    tied: bool
    """Whether a choice of max or min is met at a tie."""
    distributions: list[Node]
    """The inputs whose entries sum to 1, where closed forms can use it."""
    warnings: list[Diagnostic]
    claims: list[ClaimResult] | None = None
    """The verdicts on the claims, where they are known."""


def evaluated(sweep: Sweep, data: Mapping[str, Datum], upstream: Datum | None) -> Evaluation:
    """Evaluate forward and backward. Raises `GradcalcError` for numeric faults."""
    plan, backward = sweep.plan, sweep.backward
    values = leaf_values(plan, data)
    evaluate_forward(plan, sweep.order, values, needed(plan))
    if sweep.kind == "jacobian":
        values[backward.seed] = basis(plan.target.shape)
    elif upstream is not None:
        values[backward.seed] = upstream.array
    kept = dict(values)
    order = sweep.backward_order
    evaluator.evaluate(order, values)
    if not all(np.isfinite(values[n]).all() for n in sweep.adjoints):
        masks = Point(plan, sweep.order, kept).masks([backward], {backward.seed: values[backward.seed]})
        values = evaluator.evaluate(order, kept, masks)
    return Evaluation(sweep, values)


def needed(plan: Plan) -> list[Node]:
    """The nodes whose values must be numbers: what has a name, the sides of claims."""
    return [*plan.names.values(), *(side for claim in plan.claims for side in claim.sides)]


def findings(made: Evaluation, wrt: Sequence[str] | None) -> Findings:
    """Look for kinks, ties, distributions, lost digits and ill-conditioned matrices at one set of data."""
    sweep, plan, values = made.sweep, made.plan, made.values
    lost = [] if sweep.kind == "vjp" else lost_digits(plan, sweep.backward, values)
    if sweep.kind == "gradient":
        lost += lost_in_gradients(plan, sweep.backward, values, named_values(plan, wrt))
    return Findings(
        kinks_of(sweep, values),
        bool(ties(sweep, values)),
        [y for y in distributions(sweep.backward) if sums_to_one(values[y], y.shape).all()],
        [*lost, *ill_conditioned(plan, values)],
    )


def kinks_of(sweep: Sweep, values: Values) -> Kinks:
    """The kinks that the target feels."""
    backward = sweep.backward
    order = ancestors([sweep.plan.target])
    return felt_kinks(order, values, backward, lambda nodes: [values[backward.adjoints[n]] for n in nodes])


def ties(sweep: Sweep, values: Values) -> Kinks:
    """Where the operands of a max or min are equal."""
    below = [n for n in sweep.order if n in sweep.backward.adjoints and n.op in ("max", "min")]
    return evaluator.kinks(below, values)


def sums_to_one(array: Array, shape: Shape) -> Array:
    """Whether a vector, or every row of a matrix, is a distribution: its entries sum to 1, to rounding.

    Of an array with an axis of rows an answer for each of them.
    """
    axes = -1 if len(shape) == 2 and not is_row(shape) else (-2, -1)
    close = np.abs(np.sum(array, axis=axes) - 1.0) <= 8 * np.finfo(np.float64).eps
    return np.asarray(close.all(axis=-1) if axes == -1 else close)
