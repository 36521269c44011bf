"""Closed forms: an adjoint as a reader would write it, in named values and δ's.

An adjoint is copied into a graph of its own in which every named value is a leaf, simplified and printed. In
the numerator layout an adjoint that several gradients share is written δ, as in the lecture; in the shape
layout it is written out as long as that stays short, and δ stands in for what is longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradcalc import algebra as al
from gradcalc.differentiate import Backward
from gradcalc.graph import Graph, Node, ancestors
from gradcalc.maps import Compose, LinearMap, Named, Negative, Transposed
from gradcalc.notation import EXPLICIT, LATEX, TEXT, Style, render
from gradcalc.planner import Plan
from gradcalc.simplify import extract, simplify

SHORT = 16
"""Leaves that an expression may have before δ stands in for parts of it."""


@dataclass(frozen=True)
class Form:
    """An expression in both notations."""

    text: str
    latex: str


@dataclass(eq=False)
class Delta:
    """A shared adjoint: `name` = ∂target/∂`of`, its rule, and the node in the shape of its primal."""

    name: str
    of: Node
    adjoint: Node
    form: Form


@dataclass(eq=False)
class Writer:
    """Prints nodes of a plan and of its backward sweep."""

    plan: Plan
    sweep: Backward | None = None
    deltas: dict[Node, Delta] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.text: Style = EXPLICIT if "I" in self.plan.names else TEXT
        self.shared = self._shared() if self.sweep else {}
        self.sizes: dict[Node, int] = {}
        self.names = self._delta_names()

    def node(self, node: Node) -> Form:
        """What a node is computed from: its equation's right side."""
        names = self.plan.labels
        return Form(render(node, EXPLICIT, names).text, render(node, LATEX, names).text)

    def label(self, node: Node) -> str:
        """What a node is called; a constant is its text."""
        return self.plan.labels.get(node) or render(node, EXPLICIT, self.plan.labels).text

    # ------------------------------------------------------------------------ closed forms

    def form(self, root: Node, transpose: bool = False, with_deltas: bool = False) -> Form:
        """The closed form of a node, or of its transpose."""
        graph = Graph()
        leaves = self._leaves(graph, root, with_deltas)
        made = extract(root, leaves, graph)
        made = simplify(al.transpose(made) if transpose else made)
        return Form(render(made, self.text).text, render(made, LATEX).text)

    def _leaves(self, graph: Graph, root: Node, with_deltas: bool) -> dict[Node, Node]:
        """The named values below a node as leaves; so are the shared adjoints where they are wanted or long."""
        stand_ins: dict[Node, Node] = {}
        stack, seen = [root], set()
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            label = self.plan.labels.get(node)
            if label is not None:
                stand_ins[node] = graph.make("input", name=label, shape=node.shape)
            elif node is not root and node in self.names and (with_deltas and node in self.shared or self._long(node)):
                stand_ins[node] = self._delta_leaf(graph, node)
            else:
                stack.extend(node.inputs)
        return stand_ins

    def _delta_leaf(self, graph: Graph, adjoint: Node) -> Node:
        """δ, a row for a column in numerator layout: the adjoint is its transpose then."""
        delta = self._delta(adjoint)
        if self.plan.numerator and len(adjoint.shape) == 1:
            row = graph.make("input", name=delta.name, shape=(1, adjoint.shape[0]))
            return al.transpose(row)
        return graph.make("input", name=delta.name, shape=adjoint.shape)

    def _delta(self, adjoint: Node) -> Delta:
        if adjoint not in self.deltas:
            name, primal = self.names[adjoint]
            turned = self.plan.numerator and len(adjoint.shape) == 1
            self.deltas[adjoint] = Delta(name, primal, adjoint, Form("", ""))
            self.deltas[adjoint].form = self.form(adjoint, turned)
        return self.deltas[adjoint]

    def _long(self, node: Node) -> bool:
        return self._size(node) > SHORT

    def _size(self, root: Node) -> int:
        """The leaves of the expression when it is written out, named values counting one."""
        if root not in self.sizes:
            stack = [root]
            while stack:
                node = stack[-1]
                waiting = [i for i in node.inputs if i not in self.sizes] if node not in self.plan.labels else []
                if waiting:
                    stack.extend(waiting)
                    continue
                stack.pop()
                inner = () if node in self.plan.labels else node.inputs
                self.sizes[node] = min(10**9, max(1, sum(self.sizes[i] for i in inner)))
        return self.sizes[root]

    # ------------------------------------------------------------------------- shared adjoints

    def _primal_of(self) -> dict[Node, Node]:
        """Adjoints of computed values by the value: the user's names first, then the nearest to the target."""
        assert self.sweep is not None
        found: dict[Node, Node] = {}
        for primal, adjoint in self.sweep.adjoints.items():
            trivial = adjoint in self.plan.labels or al.is_one(adjoint) or not adjoint.inputs
            if trivial or primal.op == "input" or primal is self.sweep.target:
                continue
            first = found.get(adjoint)
            named = primal in self.plan.names.values()
            if first is None or (named and first not in self.plan.names.values()):
                found[adjoint] = primal
        return found

    def _shared(self) -> dict[Node, Node]:
        """The adjoints that at least two different values below are computed from."""
        assert self.sweep is not None
        users: dict[Node, set[Node]] = {}
        for edge in self.sweep.edges:
            if edge.downstream is not edge.upstream or edge.input.op == "input":
                users.setdefault(edge.upstream, set()).add(edge.input)
        return {a: p for a, p in self._primal_of().items() if len(users.get(a, ())) > 1}

    def _delta_names(self) -> dict[Node, tuple[str, Node]]:
        if self.sweep is None:
            return {}
        primals = self._primal_of()
        alone = len(self.shared) == 1 and "δ" not in self.plan.names
        names = {}
        for adjoint, primal in primals.items():
            label = "δ" if alone and adjoint in self.shared else f"δ_{self.label(primal)}"
            while label in self.plan.names:
                label += "_"
            names[adjoint] = (label, primal)
        return names

    # ------------------------------------------------------------------------- local gradients

    def rule(self, linear: LinearMap, graph: Graph) -> Form:
        """A local gradient as a rule: `W`, `I`, `diag(f'(z))`, `h^T`, `x^T ⊗ I`; K is the commutation matrix."""
        if linear.kind in ("identity", "vec", "unvec", "as"):
            return Form("I", "I") if linear.source else Form("1", "1")
        node = linear.rule(graph)
        if node is not None:
            return self.form(node) if node not in self.plan.labels else self._named(node)
        if isinstance(linear, Negative):
            inner = self.rule(linear.linear, graph)
            return Form(f"-({inner.text})", rf"-\left({inner.latex}\right)")
        if isinstance(linear, Compose):
            parts = [self.rule(m, graph) for m in linear.maps]
            return Form(" ".join(_grouped(p.text) for p in parts), r" \, ".join(_grouped(p.latex) for p in parts))
        if isinstance(linear, Transposed):
            return Form("K", "K")
        word = f"{linear.forward}(·)" if isinstance(linear, Named) else linear.kind
        return Form(word, rf"\text{{{word}}}")

    def _named(self, node: Node) -> Form:
        label = self.plan.labels[node]
        return Form(self.text.name(label), LATEX.name(label))


def _grouped(text: str) -> str:
    plain = " " not in text or text.startswith("diag(")
    return text if plain else f"({text})"


def used_labels(root: Node, labels: Mapping[Node, str]) -> set[str]:
    """The names that an expression stands on."""
    return {labels[n] for n in ancestors([root]) if n in labels}
