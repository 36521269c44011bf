"""A plan: the graph of a text, what its nodes are called, which is the target, and in which order they come."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gradcalc import syntax
from gradcalc.differentiate import Backward
from gradcalc.errors import Diagnostic, GradcalcError, Limits, Span
from gradcalc.graph import Graph, Node, depth_first
from gradcalc.planning.definitions import Definitions
from gradcalc.suggest import did_you_mean

if TYPE_CHECKING:
    from gradcalc.planning.expressions import Builder


@dataclass(eq=False)
class PlannedClaim:
    """A claim with the nodes of both sides; None for one that does not fit, and `fault` says why.

    `builder` makes the nodes of other expressions in the same graph.
    """

    statement: syntax.Claim
    left: Node | None
    right: Node | None
    builder: Builder
    fault: Diagnostic | None = None

    @property
    def fits(self) -> bool:
        """Whether both sides are there and have one shape."""
        return self.left is not None and self.right is not None and self.left.shape == self.right.shape

    @property
    def sides(self) -> list[Node]:
        """The nodes that there are."""
        return [side for side in (self.left, self.right) if side is not None]


@dataclass(eq=False)
class Plan:
    """A graph and what its nodes are called.

    `names` are the names of the file, `labels` what every shown node is called (pieces `t1`, `t2`, ...
    included), `order` the shown nodes in evaluation order, `inputs` the leaves; `literals` gives for a leaf
    defined in the file the rows of numbers, or the node that computes it; `entries` are entry labels by name;
    `sweeps` are those of derivatives in the file that pass through `where`, `max` or `min`; `primals` pairs the
    derivatives in the file with what they are of; `limits` hold for what is made of the plan.
    """

    graph: Graph
    tables: Definitions
    names: dict[str, Node]
    target: Node
    numerator: bool
    order: list[Node] = field(default_factory=list)
    labels: dict[Node, str] = field(default_factory=dict)
    inputs: list[Node] = field(default_factory=list)
    literals: dict[Node, Node | list[list[float]]] = field(default_factory=dict)
    entries: dict[str, tuple[str, ...]] = field(default_factory=dict)
    claims: list[PlannedClaim] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    spans: dict[Node, Span] = field(default_factory=dict)
    sweeps: list[Backward] = field(default_factory=list)
    primals: list[tuple[Node, Node]] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)

    @property
    def layout(self) -> str:
        """`shape` or `numerator`."""
        return "numerator" if self.numerator else "shape"


def named_target(names: Mapping[str, Node], of: str) -> Node:
    """The value that `--of` names. Raises `GradcalcError`."""
    if of in names:
        return names[of]
    close = did_you_mean(of, names)
    raise GradcalcError(Diagnostic(
        "unknown-target", f"the target `{of}` is not a value of the file",
        rule=f"the file defines {', '.join(list(names)[:12]) or 'nothing'}",
        help=f"did you mean `{close}`?" if close else "name one of them"))  # fmt: skip


def named_values(plan: Plan, names: Sequence[str] | None, where: str = " in --wrt") -> list[tuple[str, Node]]:
    """The values of a plan by name, pieces included, each once; all inputs where no names are given.

    Raises `GradcalcError` for a name that is none, which says `where` it was given.
    """
    if names is None:
        return [(plan.labels[n], n) for n in plan.inputs]
    by_label = {label: node for node, label in plan.labels.items()}
    for name in names:
        if name not in by_label:
            close = did_you_mean(name, by_label)
            inputs = ", ".join(plan.labels[n] for n in plan.inputs)
            raise GradcalcError(Diagnostic(
                "unknown-target", f"`{name}`{where} is not a value of the file",
                help=f"did you mean `{close}`?" if close else f"the inputs are {inputs}"))  # fmt: skip
    return [(name, by_label[name]) for name in dict.fromkeys(names)]


def unused_data(plan: Plan, names: Iterable[str]) -> list[Diagnostic]:
    """A warning for each name with data that the plan has no value for."""
    return [
        Diagnostic("unused-data", f"the data for `{name}` is not used", help="the file has no such name")
        for name in names
        if name not in plan.names
    ]


def free_values(tables: Definitions, names: Mapping[str, Node], derivatives: Sequence[Span]) -> list[str]:
    """The computed values that nothing else uses, in the order of the file; the last is the target.

    A name that is a derivative of something else, as in `δ = ∂s/∂z`, is among them only where there is no other.
    Raises `GradcalcError` where there is no value at all.
    """
    computed = {n: v for n, v in names.items() if v.op != "input"} or dict(names)
    if not computed:
        raise GradcalcError(Diagnostic("no-target", "the text has no equation, so that there is nothing to do",
                                       help="write one, as in `z = W x + b`"))  # fmt: skip
    used = {i for n in depth_first(computed.values()) for i in n.inputs}
    free = [n for n, v in computed.items() if v not in used] or list(computed)
    starts = sorted(s.start for s in derivatives)
    free = [n for n in free if not _holds(tables.values.get(n), starts)] or free
    return sorted(free, key=lambda n: tables.order.get(n, -1))


def _holds(statement: syntax.Equation | None, starts: Sequence[int]) -> bool:
    """Whether one of the sorted places is in a statement."""
    if statement is None:
        return False
    first = bisect_left(starts, statement.span.start)
    return first < len(starts) and starts[first] < statement.span.end


def put_in_order(plan: Plan, owners: Mapping[Node, str], leaves: Collection[Node]) -> None:
    """Evaluation order from the target; then what it does not need, by name. Pieces get their numbers."""
    others = sorted(n for n in plan.names if plan.names[n] is not plan.target)
    walked = list(depth_first([plan.target, *(plan.names[n] for n in others)]))
    known = set(leaves)
    plan.inputs = [n for n in walked if n in known]
    varies = _varying(walked)
    shown = [n for n in walked if n.op != "input" and (n in varies or n in owners)]
    plan.order = plan.inputs + shown
    plan.labels = dict(owners)
    taken, number = set(plan.names) | set(plan.tables.functions), 0
    for node in shown:
        if node not in plan.labels:
            number += 1
            while f"t{number}" in taken:
                number += 1
            plan.labels[node] = f"t{number}"


def _varying(walked: Sequence[Node]) -> set[Node]:
    found: set[Node] = set()
    for node in walked:
        if node.op == "input" or any(i in found for i in node.inputs):
            found.add(node)
    return found
