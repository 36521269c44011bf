"""A plan and data to a run: forward, backward, and what is to be said of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcalc.closed_form import Form, Writer, words
from gradcalc.collector import collector_paused
from gradcalc.data import Datum
from gradcalc.differentiate import Edge, forward, jacobians
from gradcalc.evaluation import Evaluation, Findings
from gradcalc.flags import kink_flags, run_flags
from gradcalc.graph import SCALAR, Node, Shape, count, is_row
from gradcalc.local_gradients import LocalGradients, reuse
from gradcalc.planning.plan import named_values, unused_data
from gradcalc.run import (
    Branch,
    DeltaRow,
    EdgeRow,
    Gradient,
    NodeRow,
    Number,
    Run,
    shaped,
)
from gradcalc.stacked import jacobian_value

if TYPE_CHECKING:
    from gradcalc.checking.claims import ClaimResult

Array = np.ndarray[Any, Any]
MOST_DELTAS = 24


@dataclass(eq=False)
class Runner:
    """Writes down what is seen of a plan that was evaluated; of rows that are alike in all but their numbers, each
    number with an axis of rows in front."""

    evaluation: Evaluation
    found: Findings
    data: Mapping[str, Datum]
    wrt: Sequence[str] | None
    local_values: bool = False

    def run(self, source: str) -> Run:
        """The whole run; raises `GradcalcError` for numeric faults of claims and for what is too large."""
        with collector_paused():
            return self._run(source)

    def _run(self, source: str) -> Run:
        sweep = self.evaluation.sweep
        plan, target = sweep.plan, sweep.plan.target
        self.plan, self.sweep, self.jacobian = plan, sweep.backward, sweep.kind == "jacobian"
        self._edges_into: dict[Node, list[Edge]] = {}
        self._shown_adjoints: dict[tuple[Node, Node], Number] = {}
        for edge in self.sweep.edges:
            self._edges_into.setdefault(edge.input, []).append(edge)
        self.writer = Writer(plan, self.sweep, self.found.tied)
        self.writer.distributions = self.found.distributions
        self.local = LocalGradients(self.evaluation, self.writer, self.local_values)
        matrices = jacobians(self.sweep) if self.jacobian else {}
        run = Run(source, plan.layout, plan.labels[target], self._value(target), sweep.kind)
        run.rows = self.evaluation.rows
        run.upstream = str(self.sweep.seed.attributes["name"]) if sweep.kind == "vjp" else ""
        self.shown = named_values(plan, self.wrt)
        run.nodes = {plan.labels[n]: self._node_row(n) for n in plan.order}
        run.edges = [self._edge_row(e) for e in self.sweep.edges]
        run.gradients = {n: self._gradient(n, node, matrices) for n, node in self.shown}
        run.deltas = [] if self.jacobian else self._deltas(run)
        run.reuse = reuse(plan, self.sweep, [node for _, node in self.shown])
        labels = {name: datum.labels for name, datum in self.data.items()}
        if self.found.claims is not None:
            run.claims = self.found.claims
        elif plan.claims:
            run.claims = self._claims(labels)
        run.assumed = [f"the closed forms use that {self._sums(y)} 1" for y in self.writer.distributions]
        run.flags = [
            *kink_flags(plan, self.found.kinks),
            *run_flags(run, plan, self.sweep, self.evaluation.values),
        ]
        run.warnings = [*plan.warnings, *unused_data(plan, self.data), *self.found.warnings]
        run.notes = list(plan.notes)
        return run

    def _claims(self, labels: Mapping[str, Sequence[str]]) -> list[ClaimResult]:
        from gradcalc.checking.claims import check_claims
        from gradcalc.checking.sampling import Points

        return check_claims(self.plan, Points(self.plan, iter([self.evaluation.values])), labels)

    def _sums(self, y: Node) -> str:
        rows = len(y.shape) == 2 and not is_row(y.shape)
        return f"{'the rows' if rows else 'the entries'} of {self.plan.labels[y]} sum to"

    def _value(self, node: Node) -> Number:
        return shaped(self.evaluation.array(node), node.shape)

    def _laid_out(self, adjoint: Node, node: Node) -> Number:
        """An adjoint's value in the layout: a row for a column in numerator layout; a Jacobian's rows stacked."""
        if (adjoint, node) not in self._shown_adjoints:
            self._shown_adjoints[adjoint, node] = self._lay_out(self.evaluation.array(adjoint), node)
        return self._shown_adjoints[adjoint, node]

    def _lay_out(self, array: Array, node: Node) -> Number:
        array = array + 0.0  # a product with zero may be -0, which nobody wrote
        if self.jacobian:
            return jacobian_value(array, self.plan.target.shape, node.shape)
        if self.plan.numerator and len(node.shape) == 1:
            return np.swapaxes(array, -1, -2)
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
            value = self._lay_out(self.evaluation.zeros(node), node)
            return Gradient(name, self._shape_of(value), value, words("0"), None, [], False, labels)
        value = self._laid_out(adjoint, node)
        branches = [
            Branch(self.plan.labels[e.node], self._laid_out(e.downstream, e.input))
            for e in sorted(self._edges_into.get(node, ()), key=lambda e: (e.rank, e.argument))
        ]
        rule, short = self._rules(node, adjoint, matrices)
        return Gradient(name, self._shape_of(value), value, rule, short, branches, True, labels)

    def _shape_of(self, value: Number) -> Shape:
        """The shape of a number as it is shown, without the axis of rows."""
        shape = np.shape(value)
        return shape if self.evaluation.rows is None else shape[1:]

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


def _words_in(form: Form | None) -> set[str]:
    return set() if form is None else set(re.findall(r"\w+", form.text))
