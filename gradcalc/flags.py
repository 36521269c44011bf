"""What a reader must know about single values: kinks, what was not taken, derivatives infinite or undefined.

Every number that is printed and is not finite has a flag that names it, its entries and its cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from gradcalc import evaluator
from gradcalc.differentiate import Backward, Edge
from gradcalc.evaluator import Values
from gradcalc.graph import Node, ancestors, extent
from gradcalc.kinks import Kinks
from gradcalc.planning.plan import Plan
from gradcalc.run import EdgeRow, Flag, Run

Array = np.ndarray[Any, Any]
NEAR, TINY = 1e-12, 1e-100
"""How far from a point a pole is left behind: a part of a number, for 0 one of what it stands beside, else a number."""
BEYOND = " is finite, but beyond 1.8e308"
UNUSUAL = (("infinite-gradient", np.isinf, "infinite"), ("undefined-gradient", np.isnan, "undefined"))


def kink_flags(plan: Plan, kinks: Kinks) -> list[Flag]:
    """One flag for every named value that is not differentiable at this point."""
    flags = []
    for node, mask in kinks:
        label = plan.labels.get(node) or (plan.spans[node].text if node in plan.spans else node.op)
        places = evaluator.entries(np.broadcast_to(mask, [int(s) for s in extent(node.shape)]), node)
        rule = node.operation.kink_rule
        flags.append(Flag("kink", label, rule, places, f"`{label}` is not differentiable here: {rule}"))
    return flags


def unusual_flags(name: str, shown: str, value: Any, cause: str = "") -> Iterator[Flag]:
    """Flags for the entries of a derivative that are infinite or undefined; `shown` is the derivative in words."""
    array = np.asarray(value)
    for code, test, word in UNUSUAL:
        places = _places(test(array))
        if places:
            computed = " as computed" if cause.endswith(BEYOND) else ""  # a small factor may follow
            yield Flag(code, name, word, places, f"{shown} is {word}{computed} here{cause}")


def _places(mask: Array) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(k) for k in place) for place in np.argwhere(mask))


# ------------------------------------------------------------------------------- of a whole run


def run_flags(run: Run, plan: Plan, sweep: Backward, values: Values) -> Iterator[Flag]:
    """Flags for all that a run prints and that is not finite: values, gradients, what passes along the edges."""
    for row in run.nodes.values():
        yield from _not_taken(row.name, row.value)
    told: set[str] = set()
    by_label = {label: node for node, label in plan.labels.items()}
    passed = [(e.node, e.upstream) for e in run.edges] + [(e.input, e.downstream) for e in run.edges]
    for name, value in [*((g.name, g.value) for g in run.gradients.values()), *passed]:
        if name not in told and not np.isfinite(value).all():
            told.add(name)
            cause = culprit(plan, [sweep], values, by_label[name])
            yield from unusual_flags(name, f"∂{run.of}/∂{name}", value, cause)
    for edge in run.edges:
        if np.isfinite(edge.downstream).all():
            yield from _without_effect(edge)


def _not_taken(name: str, value: Any) -> Iterator[Flag]:
    """A value that is not finite is no error only where nothing takes it."""
    array = np.asarray(value)
    for test, word in ((np.isinf, "infinite"), (np.isnan, "undefined")):
        places = _places(test(array))
        if places:
            message = f"`{name}` is {word} here; nothing takes it, and it contributes exactly 0"
            yield Flag("not-taken", name, word, places, message)


def _without_effect(edge: EdgeRow) -> Iterator[Flag]:
    """A local gradient that is not finite, where what passes through it is."""
    parts = list(edge.local.parts.values()) + ([] if edge.local.value is None else [edge.local.value])
    for test, word in ((np.isinf, "infinite"), (np.isnan, "undefined")):
        found = [places for places in (_places(test(np.asarray(part))) for part in parts) if places]
        if found:
            message = f"∂{edge.node}/∂{edge.input} is {word} here; nothing takes it, and it contributes exactly 0"
            yield Flag("not-taken", edge.node, word, found[0], message)


# ---------------------------------------------------------------------------------- the cause


def culprit(plan: Plan, sweeps: Sequence[Backward], values: Values, by: Node | None = None) -> str:
    """The operation whose derivative made the last sweep's adjoint of `by`, or any, other than finite, in words."""
    edge = _cause(sweeps[-1].edges, values, by)
    if edge is None:
        return ""
    order = "second derivative" if len(sweeps) > 1 else "derivative"
    size = BEYOND if _too_large(edge, values) else ""
    return f": the {order} of {_described(plan, sweeps, edge)}{size}"


def _too_large(edge: Edge, values: Values) -> bool:
    """Whether what is infinite along an edge is so all around this point too: no pole, but more than a float holds."""
    bad = np.isinf(values[edge.downstream])
    if not bad.any():
        return False
    order = ancestors([edge.downstream, edge.node])
    fixed = {n: values[n] for n in [*ancestors([edge.upstream]), *(n for n in order if not n.inputs)]}
    for side in (-NEAR, NEAR):
        with np.errstate(over="ignore"):
            moved = {i: _beside(values[i], side) for i in edge.node.inputs}
        known = {**fixed, **moved}
        known.pop(edge.node, None)
        found = evaluator.evaluate([n for n in order if n.inputs], known)[edge.downstream]
        if not np.isinf(found[bad]).all():
            return False
    return True


def _beside(array: Array, part: float) -> Array:
    """Numbers that differ by a part, those that are 0 by that part of the largest, or by a tiny number if all are."""
    largest = np.max(np.abs(array), initial=0.0)
    return np.where(array == 0, part * largest if largest else np.sign(part) * TINY, array * (1.0 + part))


def _cause(edges: Iterable[Edge], values: Values, by: Node | None) -> Edge | None:
    """An edge that gets something finite from above and passes on something that is not, on the way to a value."""
    below = {by}
    for edge in reversed(list(edges)) if by is not None else edges:
        if (by is None or edge.input in below) and not np.isfinite(values[edge.downstream]).all():
            if np.isfinite(values[edge.upstream]).all():
                return edge
            below.add(edge.node)
    return None


def _described(plan: Plan, sweeps: Sequence[Backward], edge: Edge) -> str:
    """A node of the file by its name, a node of a gradient by the node whose derivative it belongs to."""
    label = plan.labels.get(edge.node)
    if label is not None:
        return f"`{edge.node.op}` in `{label}`"
    for passed in reversed(sweeps[0].edges if len(sweeps) > 1 else []):
        if edge.node in set(ancestors([passed.downstream])) - set(ancestors([passed.upstream])):
            return f"`{passed.node.op}` in `{plan.labels.get(passed.node, passed.node.op)}`"
    return f"`{edge.node.op}`"
