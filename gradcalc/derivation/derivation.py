"""Derivations in symbols, as on a blackboard: the chain, each factor's rule, the product, the simplification.

A derivation is a list of equations with the reason for each; every one is a statement of the language that can
be checked as a claim. Products of Jacobians begin with a row, as in the numerator layout; in the shape layout
the row is the transpose of the gradient, and the last step turns it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING

from gradcalc import algebra as al
from gradcalc.closed_form import Form, Writer, distributions, form_of, is_open
from gradcalc.collector import collector_paused
from gradcalc.derivation.chains import Chains, Link
from gradcalc.differentiate import forward, jacobians, reverse
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.graph import (
    SCALAR,
    Graph,
    Node,
    Shape,
    ShapeError,
    ancestors,
    extent,
    is_row,
    joint_size,
    of_extent,
    transposed,
)
from gradcalc.notation import EXPLICIT, Latex, Level, Style, render
from gradcalc.ops import FUNCTIONS
from gradcalc.planning.plan import Plan, named_values
from gradcalc.points import open_shapes
from gradcalc.simplify.engine import extract, simplify, steps
from gradcalc.suggest import free_name

MOST_STEPS = 12
"""Simplification steps that are written out; of more only the result."""
_TURNED = "transposed: the gradient has the shape of its variable"
LARGEST = 60
"""Nodes that an expression may have for its simplification to be written out."""


if TYPE_CHECKING:
    from gradcalc.model import Model


@dataclass(frozen=True, eq=False)
class Step:
    """`left = right`, and why; `condition` is what it takes beyond the equations of the file."""

    left: Form
    right: Form
    reason: str
    condition: Form | None = None


@dataclass(frozen=True, eq=False)
class Derivation:
    """How one gradient, Jacobian or shared δ comes about.

    `name` is the value that it is by, `label` what is derived (∂s/∂b), `delta` what it is called from here on if
    others use it, `used_by` those others; `rules` are the local gradients that enter, `steps` the equations, `rule`
    the closed form; `shapes` says why the product fits.
    """

    name: str
    of: str
    label: Form
    shape: Shape
    rule: Form
    steps: tuple[Step, ...]
    rules: tuple[Step, ...] = ()
    delta: str = ""
    used_by: tuple[str, ...] = ()
    shapes: str = ""
    connected: bool = True
    wanted: bool = True

    @property
    def text(self) -> str:
        """All steps, one a line."""
        return "\n".join(f"{step.left.text} = {step.right.text}" for step in self.steps)


@dataclass(eq=False)
class Blackboard:
    """All derivations of a target: `shapes` are those of inputs without data,
    `equations` the pieces that they name, `derivations` in reading order."""

    source: str
    layout: str
    of: str
    shapes: list[Form]
    equations: list[Step]
    derivations: list[Derivation]
    warnings: list[Diagnostic] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Derivation:
        """The derivation of the gradient by a value."""
        return next(d for d in self.derivations if d.name == name and d.wanted)


def derive(plan: Plan, wanted: Sequence[Node], source: str) -> Blackboard:
    """The derivations of a plan's target by some of its values.

    Raises `GradcalcError` where there is no closed form, `ShapeError` where it needs sizes in numbers.
    """
    with collector_paused():
        return _Deriver(plan, wanted).board(source)


def derive_model(model: Model, given: Mapping[str, Shape], of: str | None, wrt: Sequence[str] | None,
                 layout: str | None) -> Blackboard:  # fmt: skip
    """The derivations of a model: with symbols for sizes, or with numbers where an operation needs them."""
    shapes = open_shapes(model.program, given)

    def board(chosen: Mapping[str, Shape]) -> Blackboard:
        plan = model.plan({**chosen, **given}, of=of, layout=layout, numeric=False)
        return derive(plan, [node for _, node in named_values(plan, wrt)], model.program.source.name)

    if not shapes.sizes:
        return board({})
    try:
        return board(shapes.symbolic)
    except (ShapeError, GradcalcError):
        found = board(shapes.concrete)
        taken = ", ".join(f"{symbol} = {size}" for symbol, size in shapes.sizes.items())
        found.notes.append(f"an operation needs sizes in numbers: taken are {taken}")
        return found


class _Deriver:
    """Writes the derivations of one plan."""

    def __init__(self, plan: Plan, wanted: Sequence[Node]):
        self.plan, self.wanted, self.graph, target = plan, wanted, plan.graph, plan.target
        self.scalar = target.shape == SCALAR
        seed = None if self.scalar else plan.graph.make("input", name="", shape=target.shape)
        self.sweep = reverse(target, seed)
        self.chains = Chains(plan, self.sweep, [n for n in wanted if n is not target])
        self.writer = Writer(plan, self.sweep)
        self.styles: tuple[Style, Style] = (self.writer.text, self.writer.latex)
        visible = {target, *self.chains.links, *self.chains.uses}
        self.shapes = ""
        self.labels = {n: label for n, label in plan.labels.items() if n in visible or n in plan.names.values()}
        self.deltas = self._delta_names()
        self.openings = self._openings()
        self.writer.labels, self.writer.sizes, self.writer.names = self.labels, {}, {}
        self.matrices = {} if self.scalar else jacobians(self.sweep)
        self.leaves = {n: self.leaf_of(n) for n in self.chains.anchors}

    def board(self, source: str) -> Blackboard:
        """All of it: what several gradients share comes before them."""
        nodes: list[Node] = []
        for node in self.chains.anchors:
            nodes += [n for n in (self.openings.get(node), node) if n is not None and not self.is_plain(n)]
        nodes += [n for n in self.wanted if n in self.chains.uses and n not in nodes]
        found = [d for d in map(self._derivation_if_any, nodes) if d is not None]
        found += [self._unconnected(n) for n in self.wanted if n not in self.chains.uses]
        label = self.plan.labels[self.plan.target]
        return Blackboard(source, self.plan.layout, label, self._shapes(), self._equations(), found,
                          list(self.plan.warnings), list(self.plan.notes))  # fmt: skip

    def _shapes(self) -> list[Form]:
        """What is taken for the shapes of inputs without data, in symbols: `W ∈ R^{n×m}`."""
        open_inputs = [n for n in self.plan.inputs if any(isinstance(size, str) for size in n.shape)]
        return [self.form(lambda style, n=n: style.member(style.name(self.labels[n]), n.shape)) for n in open_inputs]  # type: ignore[misc]

    # ------------------------------------------------------------------------------ names

    def _delta_names(self) -> dict[Node, str]:
        """δ for the one value that several gradients are derived from, δ_z, δ_h for several."""
        shared = [n for n in self.chains.anchors if self.scalar and self.chains.is_shared(n) and not self.is_plain(n)]
        taken = {*self.plan.names, *self.plan.labels.values()}
        names: dict[Node, str] = {}
        for node in shared:
            wish = "δ" if len(shared) == 1 else f"δ_{self.plan.labels[node]}"
            names[node] = free_name({*taken, *names.values()}, wish, f"δ_{self.plan.labels[node]}", f"{wish}_")
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
        adjoint = self.sweep.adjoints[node] if self.scalar else self._matrix(node)
        bare = adjoint.inputs[0] if adjoint.op in ("transpose", "negative") else adjoint
        plain = bare in self.labels or all(not i.inputs and i.op != "input" for i in bare.inputs)
        return plain and node not in self.wanted

    def leaf_of(self, node: Node, as_symbol: bool = False) -> Node:
        """What stands for an anchor's gradient below, in the anchor's shape: its δ, ∂s/∂node, or what is short."""
        if self.is_plain(node) and not as_symbol:
            return self.sweep.adjoints[node] if self.scalar else self._matrix(node)
        if not self.scalar:
            return self._partial(self.plan.target, node, self._shape(node))
        shape = transposed(node.shape) if self._turned(node) else node.shape
        if node in self.deltas:
            leaf = self.graph.make("input", name=self.deltas[node], shape=shape, role="delta")
        else:
            leaf = self._partial(self.plan.target, node, shape)
        return al.transpose(leaf) if self._turned(node) else leaf

    def symbol_of(self, node: Node) -> Node:
        """∂s/∂node as the factor before a product of Jacobians: a row, or a number."""
        leaf = self.leaf_of(node, True)
        return al.transpose(leaf) if self.scalar and len(node.shape) == 1 else leaf

    def _matrix(self, node: Node) -> Node:
        """The Jacobian of a target that is no scalar."""
        matrix = self.matrices[node]
        if matrix is None:
            raise self._no_form(next(k for k in self.chains.uses[node] if k.linear.matrix(self.graph) is None))
        return matrix

    def _turned(self, node: Node) -> bool:
        """Whether a gradient by this value is written as a row although the value is a column."""
        return self.plan.numerator and len(node.shape) == 1

    def _partial(self, of: Node, by: Node, shape: Shape) -> Node:
        return self.graph.make("partial", of=self.plan.labels[of], by=self.plan.labels[by], shape=shape)

    def form(self, printed: Callable[[Style], str]) -> Form:
        return Form(printed, *self.styles)

    # ----------------------------------------------------------------------------- printing

    def named(self, root: Node, spelt: bool = False) -> Node:
        """An expression in a graph of its own, with the visible values and the anchors' gradients as leaves."""
        graph = Graph()
        leaves: dict[Node, Node] = {}
        for node in ancestors([root]):
            if node in self.labels and not (spelt and node is root):
                leaves[node] = graph.make("input", name=self.labels[node], shape=node.shape)
        return extract(root, leaves, graph)

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

    def _summed(self, terms: Sequence[Form]) -> Form:
        alone = len(terms) > 1 and all(re.fullmatch(r"-?I", term.text) for term in terms)

        def printed(style: Style) -> str:
            spelt = alone and not isinstance(style, Latex)
            texts = [term.printed(EXPLICIT) if spelt else _shown(term, style) for term in terms]
            bracketed = [style.brackets(t) if k and t.startswith("-") else t for k, t in enumerate(texts)]
            return " + ".join(bracketed)

        return self.form(printed)

    # -------------------------------------------------------------------------- derivations

    def _equations(self) -> list[Step]:
        """The values between target and inputs: what each is computed from."""
        nodes = [self.plan.target, *(n for n in self.chains.order if n.inputs)]
        return [Step(self._name(n), self.printed(self.named(n, spelt=True)), "") for n in reversed(nodes)]

    def _name(self, node: Node) -> Form:
        return self.form(lambda style: style.name(self.plan.labels[node]))

    def _label(self, node: Node, turned: bool = False) -> Form:
        """∂s/∂node, or its transpose."""
        leaf = self._partial(self.plan.target, node, node.shape)
        return self.printed(leaf) if not turned else self.printed(self.graph.make("transpose", leaf))

    def _unconnected(self, node: Node) -> Derivation:
        zero = self.printed(al.zeros(self.graph, self._shape(node)))
        step = Step(self._label(node), zero, f"{self.plan.labels[self.plan.target]} does not depend on it")
        return Derivation(self.plan.labels[node], self.plan.labels[self.plan.target], self._label(node), node.shape,
                          zero, (step,), connected=False)  # fmt: skip

    def _derivation_if_any(self, node: Node) -> Derivation | None:
        """A Jacobian without a closed form is a note, or an error where it alone was asked for."""
        if len(self.plan.target.shape) == 2 and node.shape == SCALAR:
            return self._by_number(node)
        try:
            return self._derivation(node)
        except GradcalcError as error:
            if self.scalar or len(self.wanted) == 1:
                raise
            self.plan.notes.append(error.diagnostics[0].message)
            return None

    def _by_number(self, node: Node) -> Derivation:
        """A matrix by a number: what a change of 1 does to every entry."""
        change = forward(self.plan.target, {node: self.graph.constant(1.0)})
        form = self.printed(simplify(self.named(change)))
        of = self.plan.labels[self.plan.target]
        step = Step(self._label(node), form, f"the change of {of} for a change of 1")
        return Derivation(self.plan.labels[node], of, self._label(node), self.plan.target.shape, form, (step,))

    def _derivation(self, node: Node) -> Derivation:
        uses = sorted(self.chains.uses[node], key=lambda link: link.rank)
        routes = [_Route(self, link) for link in uses]
        row = self.scalar and len(node.shape) == 1 and not self.plan.numerator and all(r.is_row for r in routes)
        left = self._label(node, row)
        found: list[Step] = []
        shape = transposed(node.shape) if row or self._turned(node) else node.shape
        chain = self._summed([route.chain(shape) for route in routes])
        if chain.text != left.text:
            found.append(Step(left, chain, self._reason(routes)))
        product = self._total([route.product() for route in routes], shape)
        found += self._worked_out(left, [route.factors(shape) for route in routes], product, found,
                                   "; ".join(_rule_names(route.link) for route in routes))  # fmt: skip
        found += self._closing(node, found[-1] if found else None, row)
        rules = {rule.left.text: rule for route in routes for rule in route.rules()}
        rules = {text: rule for text, rule in rules.items() if (text, rule.right.text) not in _texts(found)}
        shared = [self.plan.labels[k.input] for k in self.chains.links.get(node, ())]
        return Derivation(
            self.plan.labels[node], self.plan.labels[self.plan.target], self._label(node), self._shape(node),
            next(step.right for step in reversed(found) if step.condition is None), tuple(found), tuple(rules.values()),
            self.deltas.get(node, ""), tuple(shared) if node in self.deltas else (), self.shapes,
            wanted=node in self.wanted,
        )  # fmt: skip

    def _shape(self, node: Node) -> Shape:
        if not self.scalar:
            return of_extent(joint_size(*self.plan.target.shape), joint_size(*node.shape))
        return transposed(node.shape) if self._turned(node) else node.shape

    def _reason(self, routes: Sequence[_Route]) -> str:
        if len(routes) == 1:
            return routes[0].reason
        return f"gradients sum over the branches, through {' and '.join(r.through for r in routes)}"

    def _total(self, terms: Sequence[Node], shape: Shape) -> Node:
        """The branches' sum, in the shape that is on the left."""
        turned = [t if t.shape == shape or not self.scalar else self.graph.make("transpose", t) for t in terms]
        return turned[0] if len(turned) == 1 else self.graph.make("add", *turned, signs=(1,) * len(turned))

    def _worked_out(self, left: Form, factors: Sequence[Form], product: Node, before: Sequence[Step],
                    reason: str) -> list[Step]:  # fmt: skip
        """The rules put in, then what simplification does that a reader sees."""
        start = self.named(product)
        shown = {_bare(step.right.text) for step in before}
        put_in = Step(left, self._summed(factors), "the rules put in" if before else reason)
        found = [] if _bare(put_in.right.text) in shown else [put_in]
        if len(ancestors([start])) > LARGEST:
            return [*found, Step(left, self.printed(simplify(start)), "simplified")]
        shown.add(_bare(put_in.right.text))
        for reason, node in steps(start):
            form = self.printed(node)
            if _bare(form.text) not in shown:
                shown.add(_bare(form.text))
                found.append(Step(left, form, reason))
        if len(found) > MOST_STEPS:
            found = [found[0], replace(found[-1], reason="simplified")]
        return found

    def _closing(self, node: Node, last: Step | None, row: bool) -> list[Step]:
        """The gradient in its layout with δ's, and written out as `gradcalc run` has it."""
        if not self.scalar:
            return self._closing_matrix(node, last)
        adjoint, turned = self.sweep.adjoints[node], self._turned(node)
        label, found = self._label(node), list[Step]()
        skipped = {node, *(top for top, leaf in self.openings.items() if leaf is node)}
        above = {self.sweep.adjoints[n]: leaf for n, leaf in reversed(self.leaves.items()) if n not in skipped}
        shared = extract(adjoint, above, self.graph)
        last_node = simplify(self.named(al.transpose(shared) if turned else shared))
        final, self.shapes = self.printed(last_node), _fitting(last_node)
        known = "" if last is None or row else last.right.text
        if final.text != _bare(known):
            found.append(Step(label, final, _TURNED if row else "simplified"))
        out = final if self.writer.is_long(adjoint) else self.writer.form(adjoint, turned)
        if out is not None and out.text != final.text:
            found.append(Step(label, out, "written out"))
        return [*found, *self._for_distributions(label, adjoint, turned, out)]

    def _closing_matrix(self, node: Node, last: Step | None) -> list[Step]:
        """The Jacobian written out."""
        form = self.writer.jacobian_form(self._matrix(node))
        if form is None or (last is not None and _bare(last.right.text) == form.text):
            return []
        return [Step(self._label(node), form, "written out")]

    def _for_distributions(self, label: Form, adjoint: Node, turned: bool, out: Form | None) -> list[Step]:
        """What becomes of the closed form where the y of a cross-entropy sums to 1."""
        targets = distributions(self.sweep)
        form = self.writer.form(adjoint, turned, given=targets) if targets else None
        if form is None or out is None or form.text == out.text:
            return []
        named = [(self.labels[y], ", axis=1" if len(y.shape) == 2 and not is_row(y.shape) else "") for y in targets]
        condition = self.form(
            lambda style: ", ".join(f"{style.function('sum')}({style.name(n)}{axis}) = 1" for n, axis in named)
        )
        return [Step(label, form, f"{named[0][0]} is a distribution", condition)]

    def rule(self, link: Link) -> Step:
        """A local gradient, with the name of its rule."""
        value = self.value(link)
        left = self.printed(self.symbol(link))
        return Step(left, self.printed(simplify(self.named(value))), _rule_names(link))

    # -------------------------------------------------------------------------- factors

    def symbol(self, link: Link) -> Node:
        """∂node/∂input as a factor: of a scalar by a column it is the row."""
        turn = link.node.shape == SCALAR and len(link.input.shape) == 1
        partial = self._partial(link.node, link.input, self.value(link).shape)
        if turn and not self.plan.numerator:
            plain = self._partial(link.node, link.input, link.input.shape)
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


class _Route:
    """One branch of a gradient: from the target or an anchor down to the value."""

    def __init__(self, deriver: _Deriver, link: Link):
        self.deriver, self.link = deriver, link
        chains = deriver.chains
        self.links = deriver.path(link)
        self.top = self.links[0].node
        self.at_target = self.top is chains.sweep.target
        self.is_row = not self._is_step and len(link.input.shape) == 1
        self.by_matrix = deriver.scalar and len(link.input.shape) == 2 and link.node.shape != SCALAR
        self.through = deriver.plan.labels[link.node]

    @property
    def reason(self) -> str:
        """The way that the chain rule goes."""
        if self._is_step:
            return _rule_names(self.link)
        names = [self.deriver.plan.labels[n] for n in (self.top, *(k.input for k in self.links))]
        return f"chain rule: {' ← '.join(names)}"

    @property
    def _is_step(self) -> bool:
        """Whether it is one step of the adjoint rather than a product of Jacobians."""
        direct = self.at_target and len(self.links) == 1
        return self.deriver.scalar and (direct or not self.link.is_jacobian)

    def _above(self) -> Node:
        """The gradient of the target by the top, in the top's shape."""
        deriver = self.deriver
        if self.at_target:
            return deriver.graph.constant(1.0)
        return deriver.leaves[self.top]

    def _row_above(self) -> list[Node]:
        """The factor before the Jacobians, if there is one: a row, or a number."""
        deriver = self.deriver
        if self.at_target:
            return []
        above = self._above()
        return [al.transpose(above) if deriver.scalar and len(above.shape) == 1 else above]

    def _is_whole(self, link: Link) -> bool:
        """Whether a local gradient is the derivative of its node by its input, and not just one branch of it."""
        natural = len(link.node.shape) == 2 and link.input.shape == SCALAR  # its derivative is a matrix, not a column
        return self.deriver.chains.is_total(link) and not natural

    def _symbols(self) -> list[Node]:
        """The chain's factors as derivatives; a δ, or where ∂node/∂input is more than this branch the rule."""
        deriver = self.deriver
        above = self._row_above()
        if above and self.top not in deriver.deltas:
            above = [deriver.symbol_of(self.top)]
        factors = [deriver.symbol(k) if self._is_whole(k) else deriver.value(k) for k in self.links]
        return [*above, *factors]

    def rules(self) -> list[Step]:
        """What enters: the gradient by the top where it is short, and the local gradients."""
        deriver = self.deriver
        found = []
        if not self.at_target and deriver.is_plain(self.top) and not self._is_step:
            [value] = self._row_above()
            names = [_rule_names(k) for k in deriver.chains.uses[self.top]]
            found.append(
                Step(
                    deriver.printed(deriver.symbol_of(self.top)),
                    deriver.printed(deriver.named(value)),
                    "; ".join(names),
                )
            )
        known = [k for k in self.links if k.linear.matrix(deriver.graph) is not None and self._is_whole(k)]
        return found + [deriver.rule(k) for k in known]

    def _fitted(self, shape: Shape, factors: Sequence[Node]) -> Form:
        """A product of Jacobians, a row; where the sum of the branches is a column its transpose."""
        deriver = self.deriver
        named = [deriver.named(f) for f in factors]
        if not (self.is_row and deriver.scalar and len(shape) == 1):
            return deriver.joined(named)
        if len(named) == 1:
            return deriver.printed(al.transpose(named[0]))
        form = deriver.joined(named)
        return deriver.form(lambda style: style.transposed(style.brackets(_shown(form, style))))

    def chain(self, shape: Shape) -> Form:
        """The chain rule: ∂s/∂h · ∂h/∂z · ∂z/∂b; below an anchor its δ first."""
        if self.by_matrix and not self._is_whole(self.link):
            return self.factors(shape)
        if not self._is_step:
            return self._fitted(shape, self._symbols())
        above = self.deriver.graph.constant(1.0) if self.at_target else self.deriver.leaf_of(self.top, True)
        step = self.link.linear.adjoint(above)
        turned = step if step.shape == shape else al.transpose(step)
        return self.deriver.printed(simplify(self.deriver.named(turned)))

    def factors(self, shape: Shape) -> Form:
        """The same with every factor replaced by its rule."""
        deriver = self.deriver
        if self._is_step or self.by_matrix:
            product = self.product()
            return deriver.printed(deriver.named(product if product.shape == shape else al.transpose(product)))
        return self._fitted(shape, [*self._row_above(), *(deriver.value(link) for link in self.links)])

    def product(self) -> Node:
        """The branch as one expression, not simplified."""
        deriver = self.deriver
        if self._is_step:
            return self.link.linear.adjoint(self._above())
        links = self.links[:-1] if self.by_matrix else self.links
        factors = [*self._row_above(), *(deriver.value(link) for link in links)]
        row = reduce(_times, factors) if factors else deriver.graph.constant(1.0)
        if not self.by_matrix:
            return row
        return self.link.linear.adjoint(al.transpose(row))


def _times(left: Node, right: Node) -> Node:
    """A product as it is written, nothing simplified."""
    graph = left.graph
    if SCALAR in (left.shape, right.shape):
        if left.shape == right.shape:
            return graph.make("multiply", left, right)
        return graph.make("scale", *((left, right) if left.shape == SCALAR else (right, left)))
    return graph.make("matmul", left, right, left=False, right=False)


def _shown(form: Form, style: Style) -> str:
    return form.latex if isinstance(style, Latex) else form.text


def _texts(found: Sequence[Step]) -> set[tuple[str, str]]:
    return {(step.left.text, step.right.text) for step in found}


def _is_delta(node: Node) -> bool:
    leaf = node.inputs[0] if node.op == "transpose" else node
    return leaf.attributes.get("role") == "delta"


def _fitting(root: Node) -> str:
    """Why a product fits: `[2×3] = [2×1][1×3]`; "" where it is none of several matrices."""
    while root.op in ("scale", "negative"):
        root = root.inputs[-1]
    shapes: list[Shape] = []
    node, flipped = root, False
    while node.op == "matmul" and not flipped:
        right = node.inputs[1].shape
        shapes.insert(0, transposed(right) if node.attributes["right"] else right)
        node, flipped = node.inputs[0], node.attributes["left"]
    if not shapes:
        return ""
    shapes.insert(0, transposed(node.shape) if flipped else node.shape)
    return f"{_bracketed(root.shape)} = {''.join(map(_bracketed, shapes))}"


def _bracketed(shape: Shape) -> str:
    return f"[{'×'.join(map(str, extent(shape)))}]"


def _bare(text: str) -> str:
    """A product without its dots."""
    return text.replace(" · ", " ")


def _rule_names(link: Link) -> str:
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
