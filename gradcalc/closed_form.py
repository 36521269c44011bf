"""Closed forms: an adjoint as a reader would write it, in named values and δ's.

An adjoint is copied into a graph of its own in which every named value is a leaf, simplified and printed. In
the numerator layout an adjoint that several gradients share is written δ, as in the lecture; in the shape
layout it is written out as long as that stays short, and δ stands in for what is longer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property

from msgspec import Struct

from gradcalc import algebra as al
from gradcalc.differentiate import Backward
from gradcalc.errors import GradcalcError, Source
from gradcalc.graph import SCALAR, Graph, Node, ancestors, is_row, replace
from gradcalc.maps import Compose, LinearMap, Named, Negative, Transposed
from gradcalc.notation import EXPLICIT, LATEX, SIZING, TEXT, Latex, Style, render
from gradcalc.parser import parse
from gradcalc.planning.planner import Plan, plan
from gradcalc.simplify.engine import PASSES, REWRITES, extract, simplify
from gradcalc.suggest import free_name

SHORT = 16
"""Leaves that an expression may have before δ stands in for parts of it."""
LONG = 400
"""Nodes that an expression may have at all; a longer one is not written out."""


class Form(Struct, frozen=True, eq=False, dict=True):
    """An expression in both notations, printed when it is asked for."""

    printed: Callable[[Style], str]
    style: Style = TEXT
    latex_style: Style = LATEX

    @cached_property
    def text(self) -> str:
        """Plain text, which parses back."""
        return self.printed(self.style)

    @cached_property
    def latex(self) -> str:
        """LaTeX, for amsmath."""
        return self.printed(self.latex_style)


def form_of(node: Node, names: Mapping[Node, str], style: Style = TEXT, latex_style: Style = LATEX) -> Form:
    """The form of a node in which other nodes stand by their names; `I` has its size where a reader could not tell."""
    return Form(
        lambda chosen: render(node, chosen, names).text, EXPLICIT if is_open(node, names) else style, latex_style
    )


def is_open(root: Node, names: Collection[Node] = ()) -> bool:
    """Whether an identity stands where a reader cannot tell its size: in a sum of identities, in a function.

    What has a name is not looked into.
    """
    order, stack = set[Node](), [root]
    while stack:
        node = stack.pop()
        if node not in order:
            order.add(node)
            stack.extend(i for i in node.inputs if i not in names)
    if not any(n.op == "eye" for n in order):
        return False
    identities = {n for n in order if n.op == "eye" or (n.op == "stretch" and n.inputs[0].shape == SCALAR)}
    for node in sorted(order, key=lambda n: n.index):
        unsized = [i in identities for i in node.inputs]
        if node.op in ("kron", "scale", "negative", "transpose") and any(unsized):
            identities.add(node)
        elif any(unsized) and (node.op not in SIZING or all(unsized)):
            return True
    return False


def words(text: str, latex: str = "") -> Form:
    """A form that is given as it is printed."""
    return Form(lambda chosen: latex or text if isinstance(chosen, Latex) else text)


def distributions(sweep: Backward) -> list[Node]:
    """The inputs that stand as y in cross_entropy(ŷ, y): where the entries of y sum to 1, ŷ - y is left of softmax."""
    ends = [e.node.inputs[1] for e in sweep.edges if e.node.op == "cross_entropy" and e.argument == 0]
    return [y for y in dict.fromkeys(ends) if y.op == "input"]


def _with_unit_sums(root: Node, names: Collection[str]) -> Node:
    """The expression where the named values are distributions: the sum of a vector's entries, or of each row, is 1."""
    sums = [n for n in ancestors([root]) if n.op == "sum" and n.inputs[0].attributes.get("name") in names]
    whole = [n for n in sums if n.attributes["axis"] == (1 if len(n.inputs[0].shape) == 2 and n.shape else None)]
    known = {n: al.ones(n.graph, n.shape) for n in whole if n.shape == SCALAR or not is_row(n.inputs[0].shape)}
    return simplify(replace(root, known)) if known else root


@dataclass(eq=False)
class Delta:
    """A shared adjoint: `name` = ∂target/∂`of`, and the node in the shape of its primal."""

    name: str
    of: Node
    adjoint: Node


@dataclass(eq=False)
class Writer:
    """Prints nodes of a plan and of its backward sweep."""

    plan: Plan
    sweep: Backward | None = None
    tied: bool = False
    deltas: dict[Node, Delta] = field(default_factory=dict)
    distributions: Collection[Node] = ()

    def __post_init__(self) -> None:
        self.graph = Graph()
        self.simplified: list[dict[Node, Node]] = [{} for _ in PASSES]
        self.text: Style = copy(EXPLICIT if "I" in self.plan.names else TEXT)
        self.latex: Style = copy(LATEX)
        self.text.ties = self.latex.ties = self.tied
        self.labels = self._labels()
        own = set(self.plan.names.values())
        self.named = {node: label for node, label in self.labels.items() if node in own}
        self.shared = self._shared() if self.sweep else {}
        self.sizes: dict[Node, int] = {}
        self.named_sizes: dict[Node, int] = {}
        self.names = self._delta_names()

    def _labels(self) -> dict[Node, str]:
        """What rules and closed forms may name: the file's names, and the pieces that the target is made of.

        A piece of another equation, such as f'(z) in `δ = ∂s/∂z`, is written out instead.
        """
        own = {*self.plan.names.values(), *ancestors([self.plan.target])}
        return {node: label for node, label in self.plan.labels.items() if node in own}

    def node(self, node: Node) -> Form:
        """What a node is computed from: its equation's right side."""
        return form_of(node, self.plan.labels, EXPLICIT)

    def label(self, node: Node) -> str:
        """What a node is called; a constant is its text."""
        return self.plan.labels.get(node) or render(node, EXPLICIT, self.plan.labels).text

    # ------------------------------------------------------------------------ closed forms

    def form(self, root: Node, transpose: bool = False, with_deltas: bool = False,
             given: Collection[Node] | None = None, in_pieces: bool = False) -> Form | None:  # fmt: skip
        """The closed form of a node, or of its transpose; None where it would be very long.

        It is in the names of the file as long as that stays short, else (or `in_pieces`) in pieces `t1`, `t2` too.
        `given` are values whose entries sum to 1 (see `distributions`), by default those that the writer knows of.
        """
        graph = self.graph
        in_names = not in_pieces and self._size(root, self.named, self.named_sizes) <= SHORT
        leaves = self._leaves(graph, root, with_deltas, self.named if in_names else self.labels)
        if leaves is None:
            return None
        made = extract(root, leaves, graph, spelt=True)
        simple = simplify(al.transpose(made) if transpose else made, self.simplified)
        names = {self.labels[y] for y in (self.distributions if given is None else given)}
        return form_of(_with_unit_sums(simple, names) if names else simple, {}, self.text, self.latex)

    def jacobian_form(self, matrix: Node) -> Form | None:
        """The closed form of a Jacobian; `I` is printed with its size where a reader could not tell it."""
        form = self.form(matrix)
        if form is None or self._reads_back(form.text, matrix):
            return form
        return Form(form.printed, EXPLICIT, form.latex_style)

    def _reads_back(self, text: str, matrix: Node) -> bool:
        """Whether a text with `I` in it can be planned as the right side of a claim."""
        if not re.search(r"(?<!\w)I(?!\w)", text):
            return True
        given = {label: node.shape for node, label in self.plan.labels.items()}
        claimed = free_name(given, "claimed")
        try:
            planned = plan(parse(Source("", f"{claimed} == {text}")), {**given, claimed: matrix.shape}, numeric=False)
        except GradcalcError:
            return False
        return len(planned.claims) == 1 and planned.claims[0].fault is None

    def in_deltas(self, adjoint: Node, transpose: bool) -> Form | None:
        """The closed form of an adjoint with the shared adjoints as δ's, itself included."""
        if adjoint not in self.shared or adjoint in self.labels:
            return self.form(adjoint, transpose, with_deltas=True)
        name = self._delta(adjoint).name
        return words(self.text.name(name), LATEX.name(name))

    def _leaves(self, graph: Graph, root: Node, with_deltas: bool,
                labels: Mapping[Node, str]) -> dict[Node, Node] | None:  # fmt: skip
        """The named values below a node as leaves; so are the shared adjoints where they are wanted or long."""
        stand_ins: dict[Node, Node] = {}
        stack, seen = [root], set[Node]()
        while stack:
            if len(seen) + len(stack) > LONG:
                return None
            node = stack.pop()
            node = node if node in labels else node.spelt
            if node in seen:
                continue
            seen.add(node)
            label = labels.get(node)
            if label is not None:
                stand_ins[node] = graph.make("input", name=label, shape=node.shape)
            elif node is not root and node in self.names and self._stands_in(node, with_deltas):
                stand_ins[node] = self._delta_leaf(graph, node)
            else:
                stack.extend(node.inputs)
        return stand_ins

    def _stands_in(self, adjoint: Node, with_deltas: bool) -> bool:
        """Whether δ is written for an adjoint: where it is wanted and shared, or long."""
        return (with_deltas and adjoint in self.shared) or self.is_long(adjoint)

    def _delta_leaf(self, graph: Graph, adjoint: Node) -> Node:
        """δ, a row for a column in numerator layout: the adjoint is its transpose then."""
        delta = self._delta(adjoint)
        if self.plan.numerator and len(adjoint.shape) == 1:
            row = graph.make("input", name=delta.name, shape=(1, adjoint.shape[0]))
            return al.transpose(row)
        return graph.make("input", name=delta.name, shape=adjoint.shape)

    def _delta(self, adjoint: Node) -> Delta:
        if adjoint not in self.deltas:
            self.deltas[adjoint] = Delta(*self.names[adjoint], adjoint)
        return self.deltas[adjoint]

    def delta_form(self, delta: Delta) -> Form | None:
        """What a δ stands for; it may name others."""
        return self.form(delta.adjoint, self.plan.numerator and len(delta.adjoint.shape) == 1)

    def is_long(self, node: Node) -> bool:
        """Whether an expression is longer than a reader likes, named values and pieces counting one."""
        return self._size(node, self.labels, self.sizes) > SHORT

    @staticmethod
    def _size(root: Node, labels: Mapping[Node, str], sizes: dict[Node, int]) -> int:
        """The leaves of the expression when it is written out, labelled values counting one; `sizes` keeps them."""
        if root not in sizes:
            stack = [root]
            while stack:
                node = stack[-1]
                inner = () if node in labels else node.inputs
                waiting = [i for i in inner if i not in sizes]
                if waiting:
                    stack.extend(waiting)
                    continue
                stack.pop()
                sizes[node] = min(10**9, max(1, sum(sizes[i] for i in inner)))
        return sizes[root]

    # ------------------------------------------------------------------------- shared adjoints

    def _primal_of(self) -> dict[Node, Node]:
        """Adjoints of computed values by the value: the user's names first, then the nearest to the target."""
        assert self.sweep is not None
        own = set(self.plan.names.values())
        found: dict[Node, Node] = {}
        for primal, adjoint in self.sweep.adjoints.items():
            trivial = adjoint in self.labels or al.is_one(adjoint) or not adjoint.inputs
            if trivial or primal.op == "input" or primal is self.sweep.target:
                continue
            first = found.get(adjoint)
            if first is None or (primal in own and first not in own):
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
            return words("I" if linear.source else "1")
        node = linear.rule(graph)
        if node is not None:
            return self._rule_of(node)
        if isinstance(linear, Negative):
            inner = self.rule(linear.linear, graph)
            return words(f"-({inner.text})", rf"-\left({inner.latex}\right)")
        if isinstance(linear, Compose):
            parts = [self.rule(m, graph) for m in linear.maps]
            return words(" ".join(_grouped(p.text) for p in parts), r" \, ".join(_grouped(p.latex) for p in parts))
        if isinstance(linear, Transposed):
            return words("K")
        word = f"{linear.forward}(·)" if isinstance(linear, Named) else linear.kind
        return words(word, rf"\text{{{word}}}")

    def _rule_of(self, node: Node) -> Form:
        labels = self.labels
        if node in labels:
            return words(self.text.name(labels[node]), LATEX.name(labels[node]))
        if node.op not in _TIDIED and node.spelt is node and all(i in labels for i in node.inputs):
            return form_of(node, labels, self.text, self.latex)
        return self.form(node, in_pieces=True) or words("(long)", r"\text{(long)}")


_TIDIED = {rewrite.op for rewrite in REWRITES}


def _grouped(text: str) -> str:
    plain = " " not in text or text.startswith("diag(")
    return text if plain else f"({text})"
