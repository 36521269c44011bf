"""The JSON documents. Strict RFC 8259: what is not finite is a string, numbers round-trip."""

from __future__ import annotations

from collections.abc import Callable, Collection
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


ALWAYS = ("schema", "source", "layout", "of", "kind", "flags", "warnings")
"""Fields that a document has whatever else of it is kept."""
OPTIONAL = ("value", "nodes", "edges", "gradients", "deltas", "reuse", "claims", "notes", "assumed")


def run_document(run: Run, keep: Collection[str] | None = None, number: Callable[[Any], Any] = value) -> dict[str, Any]:
    """`gradcalc.run/1`; of the optional fields those in `keep` alone. `number` makes a number or array JSON."""
    whole: dict[str, Callable[[], Any]] = {
        "schema": lambda: "gradcalc.run/1",
        "source": lambda: run.source,
        "layout": lambda: run.layout,
        "of": lambda: run.of,
        "kind": lambda: run.kind,
        "value": lambda: number(run.value),
        "nodes": lambda: {name: _node(row, number) for name, row in run.nodes.items()},
        "edges": lambda: [_edge(edge, number) for edge in run.edges],
        "gradients": lambda: {name: _gradient(g, number) for name, g in run.gradients.items()},
        "deltas": lambda: {
            d.name: {"of": d.of, "rule": d.rule and d.rule.text, "value": number(d.value), "used_by": d.used_by}
            for d in run.deltas
        },
        "reuse": lambda: (
            run.reuse
            and {
                "at_once": run.reuse.together,
                "one_at_a_time": run.reuse.apart,
                "shared": {node: list(users) for node, users in run.reuse.shared},
            }
        ),
        "claims": lambda: [
            {"text": c.text, "line": c.line, "holds": c.holds, "by": c.by, "hint": c.hint or None} for c in run.claims
        ],
        "flags": lambda: [flag(f) for f in run.flags],
        "warnings": lambda: [to_json(w, "warning") for w in run.warnings],
        "notes": lambda: run.notes,
        "assumed": lambda: run.assumed,
    }
    return {name: made() for name, made in whole.items() if keep is None or name in keep or name in ALWAYS}


def flag(found: Flag) -> dict[str, Any]:
    """A flag as JSON has it."""
    return {
        "code": found.code,
        "node": found.node,
        "rule": found.rule,
        "places": [list(p) for p in found.places],
        "message": found.message,
    }


def _node(row: NodeRow, number: Callable[[Any], Any]) -> dict[str, Any]:
    document = {
        "op": row.op,
        "equation": f"{row.name} = {row.equation.text}" if row.op != "input" else f"{row.name} (input)",
        "inputs": row.inputs,
        "shape": list(row.shape),
        "value": number(row.value),
        "habit": row.habit,
        "uses": row.uses,
    }
    return {**document, "labels": list(row.labels)} if row.labels else document


def _edge(edge: EdgeRow, number: Callable[[Any], Any]) -> dict[str, Any]:
    local: dict[str, Any] = {"rule": edge.local.rule.text, "kind": edge.local.kind}
    if edge.local.parts:
        local["parts"] = {k: number(v) for k, v in edge.local.parts.items()}
    if edge.local.value is not None:
        local["value"] = number(edge.local.value)
    return {
        "node": edge.node,
        "input": edge.input,
        "argument": edge.argument,
        "upstream": number(edge.upstream),
        "local": local,
        "downstream": number(edge.downstream),
    }


def _gradient(gradient: Gradient, number: Callable[[Any], Any]) -> dict[str, Any]:
    document = {
        "shape": list(gradient.shape),
        "value": number(gradient.value),
        "rule": gradient.rule and gradient.rule.text,
        "also": gradient.short and gradient.short.text,
        "latex": gradient.rule and gradient.rule.latex,
        "branches": [{"through": b.through, "value": number(b.value)} for b in gradient.branches],
        "connected": gradient.connected,
    }
    return {**document, "labels": list(gradient.labels)} if gradient.labels else document
