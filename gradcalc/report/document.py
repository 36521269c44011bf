"""The JSON documents. Strict RFC 8259: what is not finite is a string, numbers round-trip."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from gradcalc.report.diagnostic import to_json
from gradcalc.run import EdgeRow, Flag, Gradient, NodeRow, Run


def value(number: Any) -> Any:
    """A float or array as JSON has it."""
    if isinstance(number, float) and isfinite(number):
        return number
    array = np.asarray(number, dtype=np.float64)
    if np.isfinite(array).all():
        return array.tolist()
    return _strings(array.tolist())


def _strings(nested: Any) -> Any:
    if isinstance(nested, list):
        return [_strings(n) for n in nested]
    if np.isnan(nested):
        return "NaN"
    return nested if np.isfinite(nested) else "Infinity" if nested > 0 else "-Infinity"


def run_document(run: Run) -> dict[str, Any]:
    """`gradcalc.run/1`."""
    return {
        "schema": "gradcalc.run/1",
        "source": run.source,
        "layout": run.layout,
        "of": run.of,
        "kind": run.kind,
        "value": value(run.value),
        "nodes": {name: _node(row) for name, row in run.nodes.items()},
        "edges": [_edge(edge) for edge in run.edges],
        "gradients": {name: _gradient(g) for name, g in run.gradients.items()},
        "deltas": {
            d.name: {"of": d.of, "rule": d.rule and d.rule.text, "value": value(d.value), "used_by": d.used_by}
            for d in run.deltas
        },
        "reuse": run.reuse
        and {
            "at_once": run.reuse.together,
            "one_at_a_time": run.reuse.apart,
            "shared": {node: list(users) for node, users in run.reuse.shared},
        },
        "claims": [
            {"text": c.text, "line": c.line, "holds": c.holds, "by": c.by, "hint": c.hint or None} for c in run.claims
        ],
        "flags": [flag(f) for f in run.flags],
        "warnings": [to_json(w, "warning") for w in run.warnings],
        "notes": run.notes,
        "assumed": run.assumed,
    }


def flag(found: Flag) -> dict[str, Any]:
    """A flag as JSON has it."""
    return {
        "code": found.code,
        "node": found.node,
        "rule": found.rule,
        "places": [list(p) for p in found.places],
        "message": found.message,
    }


def _node(row: NodeRow) -> dict[str, Any]:
    document = {
        "op": row.op,
        "equation": f"{row.name} = {row.equation.text}" if row.op != "input" else f"{row.name} (input)",
        "inputs": row.inputs,
        "shape": list(row.shape),
        "value": value(row.value),
        "habit": row.habit,
        "uses": row.uses,
    }
    return {**document, "labels": list(row.labels)} if row.labels else document


def _edge(edge: EdgeRow) -> dict[str, Any]:
    local: dict[str, Any] = {"rule": edge.local.rule.text, "kind": edge.local.kind}
    if edge.local.parts:
        local["parts"] = {k: value(v) for k, v in edge.local.parts.items()}
    if edge.local.value is not None:
        local["value"] = value(edge.local.value)
    return {
        "node": edge.node,
        "input": edge.input,
        "argument": edge.argument,
        "upstream": value(edge.upstream),
        "local": local,
        "downstream": value(edge.downstream),
    }


def _gradient(gradient: Gradient) -> dict[str, Any]:
    document = {
        "shape": list(gradient.shape),
        "value": value(gradient.value),
        "rule": gradient.rule and gradient.rule.text,
        "also": gradient.short and gradient.short.text,
        "latex": gradient.rule and gradient.rule.latex,
        "branches": [{"through": b.through, "value": value(b.value)} for b in gradient.branches],
        "connected": gradient.connected,
    }
    return {**document, "labels": list(gradient.labels)} if gradient.labels else document
