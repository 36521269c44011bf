"""A plan and data to a run: forward, backward, and what is to be said of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcalc import evaluator
from gradcalc.checking.claims import check_claims
from gradcalc.checking.sampling import Points
from gradcalc.closed_form import Form, Writer, distributions, words
from gradcalc.collector import collector_paused
from gradcalc.conditioning import ill_conditioned
from gradcalc.data import Datum
from gradcalc.differentiate import Backward, Edge, forward, jacobians, reverse
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.flags import kink_flags, run_flags
from gradcalc.graph import SCALAR, Node, Shape, ancestors, count, extent, is_row
from gradcalc.kinks import felt_kinks
from gradcalc.local_gradients import LocalGradients, reuse
from gradcalc.numeric import evaluate_forward, leaf_values
from gradcalc.perturbed import lost_in_gradients
from gradcalc.planning.plan import Plan, named_values, unused_data
from gradcalc.precision import lost_digits
from gradcalc.run import (
    Branch,
    DeltaRow,
    EdgeRow,
    Flag,
    Gradient,
    NodeRow,
    Number,
    Run,
    shaped,
)
from gradcalc.stacked import Point, basis, jacobian_value
from gradcalc.suggest import shown_shape

Array = np.ndarray[Any, Any]
MOST_DELTAS = 24


@dataclass(eq=False)
class Runner:
    """Evaluates a plan forward and backward and writes down what it sees."""

    plan: Plan
    data: Mapping[str, Datum]
    wrt: Sequence[str] | None
    upstream: Datum | None
    local_values: bool

    def run(self, source: str) -> Run:
        """The whole run; raises `GradcalcError` for numeric faults."""
        with collector_paused():
            return self._run(source)

    def _run(self, source: str) -> Run:
        plan = self.plan
        target = plan.target
        self.values = leaf_values(plan, self.data)
        self._forward()
        self.jacobian = target.shape != SCALAR and self.upstream is None
        self.sweep = self._sweep()
        self._edges_into: dict[Node, list[Edge]] = {}
        self._shown_adjoints: dict[tuple[Node, Node], Number] = {}
        for edge in self.sweep.edges:
            self._edges_into.setdefault(edge.input, []).append(edge)
        self._backward()
        below = [n for n in self.forward_order if n in self.sweep.adjoints]
        tied = any(node.op in ("max", "min") for node, _ in evaluator.kinks(below, self.values))
        self.writer = Writer(plan, self.sweep, tied)
        self.writer.distributions = [y for y in distributions(self.sweep) if _sums_to_one(self.values[y], y.shape)]
        self.local = LocalGradients(plan, self.values, self.writer, self.local_values)
        matrices = jacobians(self.sweep) if self.jacobian else {}
        kind = "jacobian" if self.jacobian else "gradient" if self.upstream is None else "vjp"
        run = Run(source, plan.layout, plan.labels[target], self._value(target), kind)
        run.upstream = "" if self.upstream is None else str(self.sweep.seed.attributes["name"])
        self.shown = named_values(plan, self.wrt)
        run.nodes = {plan.labels[n]: self._node_row(n) for n in plan.order}
        run.edges = [self._edge_row(e) for e in self.sweep.edges]
        run.gradients = {n: self._gradient(n, node, matrices) for n, node in self.shown}
        run.deltas = [] if self.jacobian else self._deltas(run)
        run.reuse = reuse(plan, self.sweep, [node for _, node in self.shown])
        labels = {name: datum.labels for name, datum in self.data.items()}
        run.claims = check_claims(plan, Points(plan, iter([self.values])), labels)
        run.assumed = [f"the closed forms use that {self._sums(y)} 1" for y in self.writer.distributions]
        run.flags = [*self._kink_flags(), *run_flags(run, plan, self.sweep, self.values)]
        lost = [] if self.upstream is not None else lost_digits(plan, self.sweep, self.values)
        if run.kind == "gradient":
            lost += lost_in_gradients(plan, self.sweep, self.values, self.shown)
        run.warnings = [*plan.warnings, *unused_data(plan, self.data), *lost, *ill_conditioned(plan, self.values)]
        run.notes = list(plan.notes)
        return run

    def _sums(self, y: Node) -> str:
        rows = len(y.shape) == 2 and not is_row(y.shape)
        return f"{'the rows' if rows else 'the entries'} of {self.plan.labels[y]} sum to"

    # --------------------------------------------------------------------------- forward

    def _forward(self) -> None:
        roots = [*self.plan.order, *(s for c in self.plan.claims for s in c.sides)]
        order = ancestors(roots)
        evaluate_forward(self.plan, order, self.values, list(self.plan.names.values()) + roots[len(self.plan.order) :])
        self.forward_order = order

    def _value(self, node: Node) -> Number:
        return shaped(self.values[node], node.shape)

    # -------------------------------------------------------------------------- backward

    def _sweep(self) -> Backward:
        target, graph = self.plan.target, self.plan.graph
        if self.jacobian:
            return reverse(target, graph.make("input", name="", shape=target.shape))
        if self.upstream is not None:
            if self.upstream.shape != target.shape:
                raise GradcalcError(
                    Diagnostic(
                        "data-shape",
                        f"the upstream gradient is {shown_shape(self.upstream.shape)}",
                        rule=f"the target `{self.plan.labels[target]}` is {shown_shape(target.shape)}",
                        help="give one number for every entry of the target",
                    )
                )
            return reverse(target, graph.make("input", name=self._upstream_name(), shape=target.shape))
        return reverse(target)

    def _upstream_name(self) -> str:
        """What the upstream gradient of a target that is no scalar is called: v, or v_ where v is taken."""
        name = "v" if len(self.plan.target.shape) < 2 else "V"
        while name in self.plan.names:
            name += "_"
        return name

    def _backward(self) -> None:
        sweep, target = self.sweep, self.plan.target
        self._refuse_large()
        if self.jacobian:
            self.values[sweep.seed] = basis(target.shape)
        elif self.upstream is not None:
            self.values[sweep.seed] = self.upstream.array
        parts = [p for e in sweep.edges for p in e.linear.parts().values()]
        adjoints = [*sweep.adjoints.values(), *(e.downstream for e in sweep.edges)]
        roots = [sweep.seed, *parts, *adjoints]
        order = ancestors(roots)
        kept = dict(self.values)
        evaluator.evaluate(order, self.values)
        if all(np.isfinite(self.values[n]).all() for n in adjoints):
            return
        masks = Point(self.plan, self.forward_order, kept).masks([sweep], {sweep.seed: self.values[sweep.seed]})
        self.values = evaluator.evaluate(order, kept, masks)

    def _refuse_large(self) -> None:
        """Refuse gradients that are too large before they are allocated; of Jacobians, an adjoint for every entry of
        the target."""
        plan, rows = self.plan, count(self.plan.target.shape) if self.jacobian else 1
        remedy = "choose a smaller target with --of"
        if self.jacobian:
            remedy += ", or give --upstream"
            sizes = [count(node.shape) for node in self.sweep.adjoints]
            plan.limits.refuse_large(f"a Jacobian of `{plan.labels[plan.target]}`", rows, max(sizes, default=0), remedy)
            plan.limits.refuse_many(f"the Jacobians of `{plan.labels[plan.target]}`", rows * sum(sizes), remedy)
        on_edges = sum(count(e.node.shape) + count(e.input.shape) for e in self.sweep.edges)
        plan.limits.refuse_many_on_edges(rows * on_edges, remedy)

    def _laid_out(self, adjoint: Node, node: Node) -> Number:
        """An adjoint's value in the layout: a row for a column in numerator layout; a Jacobian's rows stacked."""
        if (adjoint, node) not in self._shown_adjoints:
            self._shown_adjoints[adjoint, node] = self._lay_out(self.values[adjoint], node)
        return self._shown_adjoints[adjoint, node]

    def _lay_out(self, array: Array, node: Node) -> Number:
        array = array + 0.0  # a product with zero may be -0, which nobody wrote
        if self.jacobian:
            return jacobian_value(array, self.plan.target.shape, node.shape)
        if self.plan.numerator and len(node.shape) == 1:
            return np.array(array.reshape(1, -1))
        return shaped(array, node.shape)

    # ----------------------------------------------------------------------------- rows

    def _node_row(self, node: Node) -> NodeRow:
        plan = self.plan
        label = plan.labels[node]
        op = node.attributes["function"] if node.op == "call" else node.op
        if node.op == "add" and len(node.inputs) == 2 and node.attributes["signs"] == (1, -1):
            op = "subtract"
        equation = words("input", r"\text{input}") if node.op == "input" else self.writer.node(node)
        return NodeRow(
            label,
            op,
            equation,
            [self.writer.label(i) for i in node.inputs],
            node.shape,
            self._value(node),
            node.operation.habit,
            len(self._edges_into.get(node, ())),
            plan.entries.get(label, self._labels(node)),
        )

    def _labels(self, node: Node) -> tuple[str, ...]:
        datum = self.data.get(str(node.attributes["name"])) if node.op == "input" else None
        found = datum.labels if datum is not None else ()
        return found if len(found) == count(node.shape) else ()

    def _edge_row(self, edge: Edge) -> EdgeRow:
        upstream = self._laid_out(edge.upstream, edge.node)
        downstream = self._laid_out(edge.downstream, edge.input)
        return EdgeRow(
            self.plan.labels[edge.node],
            self.plan.labels[edge.input],
            edge.argument,
            upstream,
            self.local(edge.linear),
            downstream,
        )

    def _gradient(self, name: str, node: Node, matrices: Mapping[Node, Node | None]) -> Gradient:
        labels = self.plan.entries.get(name, self._labels(node))
        adjoint = self.sweep.adjoints.get(node)
        if adjoint is None:
            zero = np.zeros((1, *(int(s) for s in extent(node.shape))))
            value = self._lay_out(zero if self.jacobian else zero[0], node)
            return Gradient(name, np.shape(value), value, words("0"), None, [], False, labels)
        value = self._laid_out(adjoint, node)
        branches = [
            Branch(self.plan.labels[e.node], self._laid_out(e.downstream, e.input))
            for e in sorted(self._edges_into.get(node, ()), key=lambda e: (e.rank, e.argument))
        ]
        rule, short = self._rules(node, adjoint, matrices)
        return Gradient(name, np.shape(value), value, rule, short, branches, True, labels)

    def _rules(
        self, node: Node, adjoint: Node, matrices: Mapping[Node, Node | None]
    ) -> tuple[Form | None, Form | None]:
        """The closed form, and the one in δ's if it differs: the lecture's layout prefers the latter."""
        if self.jacobian and node.shape == SCALAR:
            return self.writer.form(forward(self.plan.target, {node: self.plan.graph.constant(1.0)})), None
        if self.jacobian:
            matrix = matrices.get(node)
            return (None if matrix is None else self.writer.jacobian_form(matrix)), None
        turned = self.plan.numerator and len(node.shape) == 1
        out = self.writer.form(adjoint, turned)
        short = self.writer.in_deltas(adjoint, turned)
        if short is None or out is None or short.text == out.text:
            return out or short, None
        return (short, out) if self.plan.numerator else (out, short)

    def _deltas(self, run: Run) -> list[DeltaRow]:
        """The δ's that closed forms mention, and those that these mention, the first few."""
        mentions: dict[str, list[str]] = {}
        for name, gradient in run.gradients.items():
            for form in (gradient.rule, gradient.short):
                for found in _words_in(form):
                    mentions.setdefault(found, []).append(name)
        rows: list[DeltaRow] = []
        pending = list(self.writer.deltas.values())
        while pending and len(rows) < MOST_DELTAS:
            delta = pending.pop(0)
            known = len(self.writer.deltas)
            form = self.writer.delta_form(delta)
            pending.extend(list(self.writer.deltas.values())[known:])
            for found in _words_in(form):
                mentions.setdefault(found, []).append(delta.name)
            value = self._laid_out(delta.adjoint, delta.of)
            users = list(dict.fromkeys(mentions.get(delta.name, [])))
            if users:
                rows.append(DeltaRow(delta.name, self.plan.labels[delta.of], form, value, users))
        return rows

    # ---------------------------------------------------------------------------- flags

    def _kink_flags(self) -> list[Flag]:
        target, sweep = self.plan.target, self.sweep
        found = felt_kinks(
            ancestors([target]), self.values, sweep, lambda nodes: [self.values[sweep.adjoints[n]] for n in nodes]
        )
        return kink_flags(self.plan, found, self.values)


def _sums_to_one(array: Array, shape: Shape) -> bool:
    """Whether a vector, or every row of a matrix, is a distribution: its entries sum to 1, to rounding."""
    axes = -1 if len(shape) == 2 and not is_row(shape) else (-2, -1)
    return bool(np.all(np.abs(np.sum(array, axis=axes) - 1.0) <= 8 * np.finfo(np.float64).eps))


def _words_in(form: Form | None) -> set[str]:
    return set() if form is None else set(re.findall(r"\w+", form.text))
