"""The computation graph as a text tree, Mermaid, DOT or JSON."""

from __future__ import annotations

from typing import Any

from gradcalc.closed_form import Writer
from gradcalc.graph import Node, ancestors
from gradcalc.notation import EXPLICIT, render
from gradcalc.planning.planner import Plan
from gradcalc.suggest import shown_shape


def shown(plan: Plan) -> list[Node]:
    """The nodes of a picture: what the target needs, in evaluation order."""
    needed = set(ancestors([plan.target]))
    return [n for n in plan.order if n in needed]


def equation(plan: Plan, node: Node) -> str:
    """`z = t1 + b`, or `x (input)`."""
    label = plan.labels[node]
    return f"{label} (input)" if node.op == "input" else f"{label} = {render(node, EXPLICIT, plan.labels).text}"


def tree(plan: Plan) -> str:
    """The target at the root, operands below it; a value that was shown before is not opened again."""
    lines: list[str] = []
    opened: set[Node] = set()
    stack: list[tuple[Node, str, str]] = [(plan.target, "", "")]
    while stack:
        node, before, indent = stack.pop()
        children = [] if node in opened else [i for i in node.inputs if i in plan.labels]
        again = "  (see above)" if node in opened and node.inputs else ""
        shape = f"  {shown_shape(node.shape)}" if node.shape else ""
        lines.append(f"{before}{equation(plan, node)}{shape}{again}")
        opened.add(node)
        for number in range(len(children) - 1, -1, -1):
            last = number == len(children) - 1
            stack.append((children[number], indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  ")))
    return "\n".join(lines) + "\n"


def mermaid(plan: Plan) -> str:
    """A Mermaid flowchart; edges go the way of the forward pass."""
    nodes = shown(plan)
    names = {node: f"n{k}" for k, node in enumerate(nodes)}
    lines = ["flowchart LR"]
    for node in nodes:
        text = _mermaid_text(equation(plan, node))
        lines.append(f'    {names[node]}(["{text}"])' if node.op == "input" else f'    {names[node]}["{text}"]')
    lines += [f"    {names[i]} --> {names[node]}" for node in nodes for i in node.inputs if i in names]
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    special = '"#<>&`\\[](){}|'
    return "".join(f"#{ord(c)};" if c in special or ord(c) < 32 else c for c in text)


def dot(plan: Plan) -> str:
    """Graphviz DOT; edges go the way of the forward pass."""
    nodes = shown(plan)
    names = {node: f"n{k}" for k, node in enumerate(nodes)}
    lines = ["digraph gradcalc {", "    rankdir=LR;", '    node [fontname="Helvetica", shape=box];']
    for node in nodes:
        oval = ", shape=ellipse" if node.op == "input" else ""
        lines.append(f"    {names[node]} [label={_quoted(equation(plan, node))}{oval}];")
    lines += [f"    {names[i]} -> {names[node]};" for node in nodes for i in node.inputs if i in names]
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def graph_document(plan: Plan, source: str) -> dict[str, Any]:
    """`gradcalc.graph/1`."""
    writer = Writer(plan)
    nodes = {
        plan.labels[n]: {
            "op": n.op,
            "equation": equation(plan, n),
            "inputs": [writer.label(i) for i in n.inputs],
            "shape": list(n.shape),
        }
        for n in shown(plan)
    }
    return {"schema": "gradcalc.graph/1", "source": source, "of": plan.labels[plan.target], "nodes": nodes}
