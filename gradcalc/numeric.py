"""Data into leaves, and numeric faults in words: what runs and prepared functions share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcalc import evaluator
from gradcalc.data import Datum
from gradcalc.errors import Diagnostic, GradcalcError, Label, Span
from gradcalc.evaluator import Values
from gradcalc.graph import Node, ancestors
from gradcalc.notation import EXPLICIT, render
from gradcalc.planning.planner import Plan
from gradcalc.suggest import shown_size

Array = np.ndarray[Any, Any]
LONGEST = 80
"""Characters of a formula that a fault shows."""


def leaf_values(plan: Plan, data: Mapping[str, Datum]) -> Values:
    """The arrays of all leaves: data from outside, literals of the file."""
    values: Values = {}
    for leaf in plan.inputs:
        name = leaf.attributes["name"]
        literal = plan.literals.get(leaf)
        if literal is None:
            values[leaf] = data[name].array
        elif isinstance(literal, Node):
            values[leaf] = _computed(plan, literal)
        else:
            values[leaf] = evaluator.leaf_array(literal, leaf)
    return values


def _computed(plan: Plan, literal: Node) -> Array:
    """The value of a leaf that the file computes from numbers. Raises `GradcalcError` for its faults."""
    order: list[Node] = list(ancestors([literal]))
    values: Values = {}
    evaluate_forward(plan, order, values, [literal])
    return values[literal]


def evaluate_forward(plan: Plan, order: Sequence[Node], values: Values, needed: Sequence[Node]) -> None:
    """Compute the nodes into `values`, which holds the leaves. Raises `GradcalcError` for faults of what is needed.

    Derivatives in the file are computed again with what was not taken left out, if anything is at fault. What they
    are of must have a value: log has no derivative at -1, though 1/x has a value there.
    """
    leaves = dict(values)
    inside = set(order) if plan.primals else set()
    primals = [(d, p) for d, p in plan.primals if d in inside and (p in inside or _is_known(p, values))]
    if any(p not in inside for _, p in primals):
        order = ancestors([*order, *(p for _, p in primals)])
    evaluator.evaluate(order, values)
    found = evaluator.faults(order, values, needed, primals=primals)
    if found and plan.sweeps:
        order = ancestors([*order, *(sweep.target for sweep in plan.sweeps)])
        evaluator.evaluate(order, values)
        masks: dict[Node, list[Array]] = {}
        for sweep in plan.sweeps:
            taken = evaluator.demand(order, values, [sweep.target])
            for node, kept in evaluator.masks_of(sweep.edges, taken).items():
                masks.setdefault(node, []).extend(kept)
        again = evaluator.evaluate(order, leaves, masks)
        values.update(again)
        found = evaluator.faults(order, values, needed, masks, primals)
    if found:
        raise GradcalcError([fault_diagnostic(plan, f) for f in found[:20]])


def _is_known(node: Node, values: Values) -> bool:
    """Whether all inputs that a node takes have values."""
    return all(n in values for n in ancestors([node]) if n.op == "input")


def fault_diagnostic(plan: Plan, fault: evaluator.Fault) -> Diagnostic:
    """A numeric fault in words, at the place where the node was written."""
    node = fault.node
    label = plan.labels.get(node, "")
    span = plan.spans.get(node)
    whole = span or _written_around(plan, node)
    entry = f"[{', '.join(map(str, fault.place))}]" if fault.place else ""
    operands = ", ".join(f"{v!r}" for v in fault.operands if v is not None)
    at = f" at {operands}" if operands else ""
    text = span.text if span else _shown(plan, node)
    where = f"`{label}{entry}`" if label else f"`{text}`" if span else f"a part of `{whole.text}`" if whole else text
    domain = node.operation.domain
    if node.op in ("inv", "solve") and fault.kind == "domain":
        code, message = "singular-matrix", f"the matrix in `{text}` is singular"
        if fault.witness is not None and np.isfinite(fault.witness[1]):
            message += f" to 16 digits: {fault.witness[0]} is {shown_size(fault.witness[1])}"
    elif (node.op == "divide" and fault.kind == "domain") or (
        node.op == "quotient_power" and fault.kind == "overflow" and fault.operands[1:] == (0.0,)
    ):
        code, message = "division-by-zero", f"{where} divides by zero: {operands.replace(', ', ' / ')}"
    elif fault.kind == "domain" and fault.witness is not None:
        code, message = "domain", f"{where} is out of domain: `{text}`, {fault.witness[0]} is {fault.witness[1]!r}"
    elif fault.kind == "domain":
        code, message = "domain", f"{where} is out of domain: `{text}`{at}"
    elif fault.kind == "overflow":
        code, message = "overflow", f"{where} is too large for a 64-bit float: `{text}`{at}"
    else:
        code, message = "undefined-value", f"{where} has no value: `{text}`{at}"
    rule = f"the domain is {domain}" if domain and fault.kind == "domain" else ""
    labels = (Label(whole, f"{label}{entry}"),) if whole else ()
    return Diagnostic(code, message, whole, labels, rule, _remedy(node, code))


def _shown(plan: Plan, node: Node) -> str:
    """The formula of a node that stands nowhere in the text, in the names of the file, if it is short."""
    text = render(node, EXPLICIT, {n: name for name, n in plan.names.items() if n is not node}).text
    return text if len(text) <= LONGEST else node.op


def _written_around(plan: Plan, node: Node) -> Span | None:
    """Where what needs a node that stands nowhere in the text was written, such as a derivative with such a factor."""
    needs = {node}
    for later in plan.graph.nodes[node.index + 1 :]:
        if not needs.isdisjoint(later.inputs):
            if later in plan.spans:
                return plan.spans[later]
            needs.add(later)
    return None


def _remedy(node: Node, code: str) -> str:
    if any(n.op == "input" for n in ancestors([node])):
        return "change the data, or keep the value out with `where(...)`"
    return "it is made of numbers alone: write " + ("smaller ones" if code == "overflow" else "others")
