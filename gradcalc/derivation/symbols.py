"""What a derivation writes: derivatives, δ's, local gradients by their rules, expressions in the names of the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from gradcalc import algebra as al
from gradcalc.closed_form import Form, Writer, form_of, is_open
from gradcalc.derivation.chains import Chains, Link
from gradcalc.derivation.records import Step
from gradcalc.differentiate import jacobians, reverse
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.graph import SCALAR, Graph, Node, Shape, joint_size, of_extent, transposed
from gradcalc.notation import EXPLICIT, Latex, Level, Style, render
from gradcalc.ops import FUNCTIONS
from gradcalc.planning.plan import Plan
from gradcalc.simplify.engine import extract, simplify
from gradcalc.suggest import free_name


class Symbols:
    """The symbols of one derivation: the plan's target by the values wanted."""

    def __init__(self, plan: Plan, wanted: Sequence[Node]):
        self.plan, self.wanted, self.graph, target = plan, dict.fromkeys(wanted), plan.graph, plan.target
        self.scalar = target.shape == SCALAR
        seed = None if self.scalar else plan.graph.make("input", name="", shape=target.shape)
        self.sweep = reverse(target, seed)
        self.chains = Chains(plan, self.sweep, [n for n in wanted if n is not target])
        self.writer = Writer(plan, self.sweep)
        self.styles: tuple[Style, Style] = (self.writer.text, self.writer.latex)
        visible = {target, *self.chains.links, *self.chains.uses}
        visible.update(plan.names.values())
        self.labels = {n: label for n, label in plan.labels.items() if n in visible}
        self.deltas = self._delta_names()
        self.openings = self._openings()
        self.writer.labels, self.writer.sizes, self.writer.names = self.labels, {}, {}
        self.matrices = {} if self.scalar else jacobians(self.sweep)
        self.leaves = {n: self.leaf_of(n) for n in self.chains.anchors}
        self.of_adjoint: dict[Node, list[Node]] = {}
        for node in self.chains.anchors:
            self.of_adjoint.setdefault(self.sweep.adjoints[node], []).append(node)
        self.known = {n: n for n in self.labels} | {a: self.leaves[nodes[0]] for a, nodes in self.of_adjoint.items()}

    def in_terms_of_anchors(self, adjoint: Node, skipped: Collection[Node]) -> Node:
        """An adjoint with the gradients by anchors as their δ's or derivatives, but for those of some anchors."""
        leaves = dict(self.known)
        for own in (self.sweep.adjoints[node] for node in skipped):
            left = [n for n in self.of_adjoint.get(own, ()) if n not in skipped]
            if left:
                leaves[own] = self.leaves[left[0]]
            elif own not in self.labels:
                leaves.pop(own, None)
            else:
                leaves[own] = own
        return extract(adjoint, leaves, self.graph, spelt=True)

    def _delta_names(self) -> dict[Node, str]:
        """δ for the one value that several gradients are derived from, δ_z, δ_h for several."""
        shared = [n for n in self.chains.anchors if self.scalar and self.chains.is_shared(n) and not self.is_plain(n)]
        taken = {*self.plan.names, *self.plan.labels.values()}
        names: dict[Node, str] = {}
        first = {self.sweep.adjoints[n]: n for n in reversed(shared)}
        shared = [n for n in shared if first[self.sweep.adjoints[n]] is n]
        for node in shared:
            wish = "δ" if len(shared) == 1 else f"δ_{self.plan.labels[node]}"
            names[node] = free_name(taken, wish, f"δ_{self.plan.labels[node]}", f"{wish}_")
            taken.add(names[node])
        return names

    def _openings(self) -> dict[Node, Node]:
        """For a δ the gradient that is the same, as ∂s/∂b is: it is derived in full, from the target, before δ."""
        found: dict[Node, Node] = {}
        for node in (n for n in self.deltas if len(n.shape) < 2):
            for link in self.chains.links[node]:
                same = self.sweep.adjoints[link.input] is self.sweep.adjoints[node]
                leads = len(self.chains.uses[node]) == len(self.chains.uses[link.input]) == 1
                if same and leads and link.input in self.wanted and link.input not in self.chains.anchors:
                    found.setdefault(node, link.input)
        return found

    def path(self, link: Link) -> list[Link]:
        """The links from the anchor above down to this one; past it, where this is its opening."""
        found = self.chains.path(link)
        top = found[0].node
        if self.openings.get(top) is link.input:
            [above] = self.chains.uses[top]
            return [*self.chains.path(above), *found] if above.is_jacobian else found
        return found

    def is_plain(self, node: Node) -> bool:
        """Whether an anchor's gradient is a name or a number, which stands for itself below."""
        adjoint = self.sweep.adjoints[node] if self.scalar else self.matrix(node)
        bare = adjoint.inputs[0] if adjoint.op in ("transpose", "negative") else adjoint
        plain = bare in self.labels or all(not i.inputs and i.op != "input" for i in bare.inputs)
        return plain and node not in self.wanted

    def leaf_of(self, node: Node, as_symbol: bool = False) -> Node:
        """What stands for an anchor's gradient below, in the anchor's shape: its δ, ∂s/∂node, or what is short."""
        if self.is_plain(node) and not as_symbol:
            return self.sweep.adjoints[node] if self.scalar else self.matrix(node)
        if not self.scalar:
            return self.partial(self.plan.target, node, self.shape(node))
        shape = transposed(node.shape) if self.turned(node) else node.shape
        if node in self.deltas:
            leaf = self.graph.make("input", name=self.deltas[node], shape=shape, role="delta")
        else:
            leaf = self.partial(self.plan.target, node, shape)
        return al.transpose(leaf) if self.turned(node) else leaf

    def symbol_of(self, node: Node) -> Node:
        """∂s/∂node as the factor before a product of Jacobians: a row, or a number."""
        leaf = self.leaf_of(node, True)
        return al.transpose(leaf) if self.scalar and len(node.shape) == 1 else leaf

    def matrix(self, node: Node) -> Node:
        """The Jacobian of a target that is no scalar."""
        matrix = self.matrices[node]
        if matrix is None:
            raise self._no_form(next(k for k in self.chains.uses[node] if k.linear.matrix(self.graph) is None))
        return matrix

    def turned(self, node: Node) -> bool:
        """Whether a gradient by this value is written as a row although the value is a column."""
        return self.plan.numerator and len(node.shape) == 1

    def partial(self, of: Node, by: Node, shape: Shape) -> Node:
        return self.graph.make("partial", of=self.plan.labels[of], by=self.plan.labels[by], shape=shape)

    @property
    def of(self) -> str:
        """What the target is called."""
        return self.plan.labels[self.plan.target]

    def form(self, printed: Callable[[Style], str]) -> Form:
        return Form(printed, *self.styles)

    def named(self, root: Node, spelt: bool = False) -> Node:
        """An expression in a graph of its own, with the visible values and the anchors' gradients as leaves."""
        graph = Graph()
        leaves: dict[Node, Node] = {}
        stack, seen = [root], set[Node]()
        while stack:
            node = stack.pop()
            node = node if node in self.labels else node.spelt
            if node in seen:
                continue
            seen.add(node)
            if node in self.labels and not (spelt and node is root):
                leaves[node] = graph.make("input", name=self.labels[node], shape=node.shape)
            else:
                stack.extend(node.inputs)
        return extract(root, leaves, graph, spelt=True)

    def printed(self, node: Node) -> Form:
        """A node in a graph of its own."""
        return form_of(node, {}, *self.styles)

    def joined(self, factors: Sequence[Node]) -> Form:
        """Factors with a dot between."""

        def printed(style: Style) -> str:
            spelt = style is self.styles[0] and any(map(is_open, factors))
            pieces = [render(f, EXPLICIT if spelt else style) for f in factors]
            if len(pieces) == 1:
                return pieces[0].text
            short = len(factors) == 2 and _is_delta(factors[0]) and factors[1].op == "partial"
            dot = " " if short else r" \cdot " if isinstance(style, Latex) else " · "
            return dot.join(style.enclose(p, Level.POWER) for p in pieces)

        return self.form(printed)

    def summed(self, terms: Sequence[Form]) -> Form:
        alone = len(terms) > 1 and all(re.fullmatch(r"-?I", term.text) for term in terms)

        def printed(style: Style) -> str:
            spelt = alone and not isinstance(style, Latex)
            texts = [term.printed(EXPLICIT) if spelt else shown(term, style) for term in terms]
            bracketed = [style.brackets(t) if k and t.startswith("-") else t for k, t in enumerate(texts)]
            return " + ".join(bracketed)

        return self.form(printed)

    def name(self, node: Node) -> Form:
        return self.form(lambda style: style.name(self.plan.labels[node]))

    def label(self, node: Node, turned: bool = False) -> Form:
        """∂s/∂node, or its transpose."""
        leaf = self.partial(self.plan.target, node, node.shape)
        return self.printed(leaf) if not turned else self.printed(self.graph.make("transpose", leaf))

    def shape(self, node: Node) -> Shape:
        if not self.scalar:
            return of_extent(joint_size(*self.plan.target.shape), joint_size(*node.shape))
        return transposed(node.shape) if self.turned(node) else node.shape

    def rule(self, link: Link) -> Step:
        """A local gradient, with the name of its rule."""
        value = self.value(link)
        left = self.printed(self.symbol(link))
        return Step(left, self.printed(simplify(self.named(value))), rule_names(link))

    def symbol(self, link: Link) -> Node:
        """∂node/∂input as a factor: of a scalar by a column it is the row."""
        turn = link.node.shape == SCALAR and len(link.input.shape) == 1
        partial = self.partial(link.node, link.input, self.value(link).shape)
        if turn and not self.plan.numerator:
            plain = self.partial(link.node, link.input, link.input.shape)
            return self.graph.make("transpose", plain)
        return partial

    def value(self, link: Link) -> Node:
        """The local Jacobian as a node; of a scalar by a row or matrix its gradient."""
        if link.node.shape == SCALAR and len(link.input.shape) == 2 and self.scalar:
            return link.linear.adjoint(self.graph.constant(1.0))
        matrix = link.linear.matrix(self.graph)
        if matrix is None:
            raise self._no_form(link)
        return matrix

    def _no_form(self, link: Link) -> GradcalcError:
        labels = self.plan.labels
        what = f"∂{labels[link.node]}/∂{labels[link.input]}"
        return GradcalcError(Diagnostic(
            "no-closed-form", f"`{what}` has no closed form: the operation is `{link.by[-1].op}`",
            self.plan.spans.get(link.by[-1]),
            rule="its Jacobian is not made of products, diagonals and Kronecker products",
            help=f"see its numbers with `gradcalc jacobian --of {labels[link.node]} "
            f"--wrt {labels[link.input]}`"))  # fmt: skip


def _is_delta(node: Node) -> bool:
    leaf = node.inputs[0] if node.op == "transpose" else node
    return leaf.attributes.get("role") == "delta"


def rule_names(link: Link) -> str:
    """The rules of the pieces that a local gradient comes from."""
    return "; ".join(dict.fromkeys(_rule_name(n) for n in link.by))


def _rule_name(node: Node) -> str:
    """The differentiation rule of an operation, in words."""
    if node.op == "call":
        name = node.attributes["shown"] + "'" * node.attributes["order"]
        return f"{name} acts entry by entry: d{name}(x) = {name}'(x) dx"
    if node.operation.rule:
        return node.operation.rule
    function = FUNCTIONS.get(node.op.removesuffix("_entry"))
    if function is None:
        return node.operation.habit or node.op
    if function.elementwise and function.most == 1:
        return f"{function.name}'(x) = {function.derivative}, entry by entry"
    return f"d {function.name}: {function.derivative}"


def shown(form: Form, style: Style) -> str:
    return form.latex if isinstance(style, Latex) else form.text
