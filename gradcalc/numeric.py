"""Data into leaves, and numeric faults in words: what runs and prepared functions share."""

from __future__ import annotations

from collections.abc import Mapping

from gradcalc import evaluator
from gradcalc.data import Datum
from gradcalc.errors import Diagnostic, Label
from gradcalc.evaluator import Values
from gradcalc.graph import Node, ancestors
from gradcalc.planner import Plan


def leaf_values(plan: Plan, data: Mapping[str, Datum]) -> Values:
    """The arrays of all leaves: data from outside, literals of the file."""
    values: Values = {}
    for leaf in plan.inputs:
        name = leaf.attributes["name"]
        literal = plan.literals.get(leaf)
        if literal is None:
            values[leaf] = data[name].array
        elif isinstance(literal, Node):
            values[leaf] = evaluator.evaluate(ancestors([literal]), {})[literal]
        else:
            values[leaf] = evaluator.leaf_array(literal, leaf)
    return values


def fault_diagnostic(plan: Plan, fault: evaluator.Fault) -> Diagnostic:
    """A numeric fault in words, at the place where the node was written."""
    node = fault.node
    label = plan.labels.get(node, "")
    span = plan.spans.get(node)
    entry = f"[{', '.join(map(str, fault.place))}]" if fault.place else ""
    operands = ", ".join(f"{v!r}" for v in fault.operands if v is not None)
    where = f"`{label}{entry}`" if label else "a constant"
    text = span.text if span else node.op
    domain = node.operation.domain
    if node.op in ("inv", "solve") and fault.kind == "domain":
        code, message = "singular-matrix", f"the matrix in `{text}` is singular"
    elif node.op == "divide" and fault.kind == "domain":
        code, message = "division-by-zero", f"{where} divides by zero: {operands.replace(', ', ' / ')}"
    elif fault.kind == "domain":
        code, message = "domain", f"{where} is out of domain: `{text}` at {operands}"
    elif fault.kind == "overflow":
        code, message = "overflow", f"{where} is too large for a 64-bit float: `{text}` at {operands}"
    else:
        code, message = "undefined-value", f"{where} has no value: `{text}` at {operands}"
    rule = f"the domain is {domain}" if domain and fault.kind == "domain" else ""
    labels = (Label(span, f"{label}{entry}"),) if span else ()
    return Diagnostic(code, message, span, labels, rule, "change the data, or keep the value out with `where(...)`")
