"""What a reader must know about single values: kinks, and derivatives that are infinite or undefined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from gradcalc import evaluator
from gradcalc.differentiate import Backward, Edge
from gradcalc.evaluator import Values
from gradcalc.graph import Node, ancestors
from gradcalc.planning.plan import Plan
from gradcalc.run import Flag

Array = np.ndarray[Any, Any]
UNUSUAL = (("infinite-gradient", np.isinf, "infinite"), ("undefined-gradient", np.isnan, "undefined"))


def kink_flags(plan: Plan, kinks: Iterable[tuple[Node, Array]], values: Values) -> list[Flag]:
    """One flag for every named value that is not differentiable at this point."""
    flags = []
    for node, mask in kinks:
        label = plan.labels[node]
        places = evaluator.entries(np.broadcast_to(mask, values[node].shape), node)
        rule = node.operation.kink_rule
        flags.append(Flag("kink", label, rule, places, f"`{label}` is not differentiable here: {rule}"))
    return flags


def unusual_flags(name: str, shown: str, value: Any, cause: str = "") -> Iterator[Flag]:
    """Flags for the entries of a derivative that are infinite or undefined; `shown` is the derivative in words."""
    array = np.asarray(value)
    for code, test, word in UNUSUAL:
        places = tuple(tuple(int(k) for k in place) for place in np.argwhere(test(array)))
        if places:
            yield Flag(code, name, word, places, f"{shown} is {word} here{cause}")


def culprit(plan: Plan, sweeps: Sequence[Backward], values: Values) -> str:
    """The operation whose derivative made a contribution of the last sweep other than finite, in words; or ""."""
    for edge in sweeps[-1].edges:
        if np.isfinite(values[edge.upstream]).all() and not np.isfinite(values[edge.downstream]).all():
            order = "second derivative" if len(sweeps) > 1 else "derivative"
            return f": the {order} of {_described(plan, sweeps, edge)}"
    return ""


def _described(plan: Plan, sweeps: Sequence[Backward], edge: Edge) -> str:
    """A node of the file by its name, a node of a gradient by the node whose derivative it belongs to."""
    label = plan.labels.get(edge.node)
    if label is not None:
        return f"`{edge.node.op}` in `{label}`"
    for passed in reversed(sweeps[0].edges if len(sweeps) > 1 else []):
        if edge.node in set(ancestors([passed.downstream])) - set(ancestors([passed.upstream])):
            return f"`{passed.node.op}` in `{plan.labels.get(passed.node, passed.node.op)}`"
    return f"`{edge.node.op}`"
