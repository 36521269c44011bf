"""Derivations in symbols, as on a blackboard: the chain, each factor's rule, the product, the simplification.

A derivation is a list of equations with the reason for each; every one is a statement of the language that can
be checked as a claim. Products of Jacobians begin with a row, as in the numerator layout; in the shape layout
the row is the transpose of the gradient, and the last step turns it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from gradcalc import algebra as al
from gradcalc.closed_form import Form, distributions, words
from gradcalc.collector import collector_paused
from gradcalc.derivation.records import Blackboard, Derivation, Step
from gradcalc.derivation.routes import Route
from gradcalc.derivation.symbols import Symbols, rule_names
from gradcalc.differentiate import forward
from gradcalc.errors import GradcalcError
from gradcalc.graph import SCALAR, Node, Shape, ShapeError, ancestors, extent, is_row, transposed
from gradcalc.maps import alike
from gradcalc.planning.plan import Plan, named_values
from gradcalc.points import open_shapes
from gradcalc.simplify.engine import simplify, steps

if TYPE_CHECKING:
    from gradcalc.model import Model

MOST_STEPS = 12
"""Simplification steps that are written out; of more only the result."""
MOST_BRANCHES = 40
"""Branches that a sum may have to be written out."""
LARGEST = 60
"""Nodes that an expression may have for its simplification to be written out."""
_TURNED = "transposed: the gradient has the shape of its variable"


def derive(plan: Plan, wanted: Sequence[Node], source: str) -> Blackboard:
    """The derivations of a plan's target by some of its values.

    Raises `GradcalcError` where there is no closed form, `ShapeError` where it needs sizes in numbers.
    """
    with collector_paused():
        return Deriver(plan, wanted).board(source)


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


class Deriver:
    """Writes the derivations of one plan."""

    def __init__(self, plan: Plan, wanted: Sequence[Node]):
        self.symbols = Symbols(plan, wanted)
        self.distributions = distributions(self.symbols.sweep) if self.symbols.scalar else []
        self.shapes = ""

    def board(self, source: str) -> Blackboard:
        """All of it: what several gradients share comes before them."""
        nodes: dict[Node, None] = {}
        for node in self.symbols.chains.anchors:
            opening = self.symbols.openings.get(node)
            nodes.update(dict.fromkeys(n for n in (opening, node) if n is not None and not self.symbols.is_plain(n)))
        nodes.update(dict.fromkeys(n for n in self.symbols.wanted if n in self.symbols.chains.uses))
        found = [d for d in map(self._derivation_if_any, nodes) if d is not None]
        others = [n for n in self.symbols.wanted if n is not self.symbols.plan.target]
        found += [self._unconnected(n) for n in others if n not in self.symbols.chains.uses]
        self._note_unknown()
        label = self.symbols.of
        return Blackboard(source, self.symbols.plan.layout, label, self._shapes(), self._equations(), found,
                          list(self.symbols.plan.warnings), list(self.symbols.plan.notes))  # fmt: skip

    def _note_unknown(self) -> None:
        """A long name before a bracket that nothing defines may have been meant for a function that exists."""
        plan = self.symbols.plan
        calls = (n for n in plan.graph.nodes if n.op == "call" and not n.attributes["function"])
        for name in sorted({str(n.attributes["shown"]) for n in calls}):
            if len(name) > 2:
                plan.notes.append(f"`{name}` has no definition: it is taken as a function that acts entry by entry")

    def _shapes(self) -> list[Form]:
        """What is taken for the shapes of inputs without data, in symbols: `W ∈ R^{n×m}`."""
        open_inputs = [n for n in self.symbols.plan.inputs if any(isinstance(size, str) for size in n.shape)]
        return [self._membership(n) for n in open_inputs]

    def _membership(self, node: Node) -> Form:
        return self.symbols.form(lambda style: style.member(style.name(self.symbols.labels[node]), node.shape))

    def _equations(self) -> list[Step]:
        """The values between target and inputs: what each is computed from."""
        nodes = [self.symbols.plan.target, *(n for n in self.symbols.chains.order if n.inputs)]
        return [
            Step(self.symbols.name(n), self.symbols.printed(self.symbols.named(n, spelt=True)), "")
            for n in reversed(nodes)
        ]

    def _unconnected(self, node: Node) -> Derivation:
        zero = self.symbols.printed(al.zeros(self.symbols.graph, self.symbols.shape(node)))
        step = Step(
            self.symbols.label(node),
            zero,
            f"{self.symbols.of} does not depend on it",
        )
        return Derivation(self.symbols.plan.labels[node], self.symbols.of, self.symbols.label(node), node.shape,
                          zero, (step,), connected=False)  # fmt: skip

    def _derivation_if_any(self, node: Node) -> Derivation | None:
        """A Jacobian without a closed form is a note, or an error where it alone was asked for."""
        if len(self.symbols.chains.uses[node]) > MOST_BRANCHES:
            return self._unwritten(node)
        if len(self.symbols.plan.target.shape) == 2 and node.shape == SCALAR:
            return self._by_number(node)
        try:
            return self._derivation(node)
        except GradcalcError as error:
            if self.symbols.scalar or len(self.symbols.wanted) == 1:
                raise
            self.symbols.plan.notes.append(error.diagnostics[0].message)
            return None

    def _unwritten(self, node: Node) -> Derivation:
        """A sum over more branches than anybody reads."""
        count = len(self.symbols.chains.uses[node])
        form = words(f"(a sum over {count:,} branches)", rf"\text{{(a sum over {count:,} branches)}}")
        step = Step(self.symbols.label(node), form, "too long to write out")
        shape = self.symbols.shape(node)
        return Derivation(self.symbols.labels[node], self.symbols.of, self.symbols.label(node), shape, form, (step,))

    def _by_number(self, node: Node) -> Derivation:
        """A matrix by a number: what a change of 1 does to every entry."""
        change = forward(self.symbols.plan.target, {node: self.symbols.graph.constant(1.0)})
        form = self.symbols.printed(simplify(self.symbols.named(change)))
        of = self.symbols.of
        step = Step(self.symbols.label(node), form, f"the change of {of} for a change of 1")
        return Derivation(
            self.symbols.plan.labels[node], of, self.symbols.label(node), self.symbols.plan.target.shape, form, (step,)
        )

    def _derivation(self, node: Node) -> Derivation:
        uses = sorted(self.symbols.chains.uses[node], key=lambda link: link.rank)
        routes = [Route(self.symbols, link) for link in uses]
        row = (
            self.symbols.scalar
            and len(node.shape) == 1
            and not self.symbols.plan.numerator
            and all(r.is_row for r in routes)
        )
        left = self.symbols.label(node, row)
        found: list[Step] = []
        shape = transposed(node.shape) if row or self.symbols.turned(node) else node.shape
        chain = self.symbols.summed([route.chain(shape) for route in routes])
        if chain.text != left.text:
            found.append(Step(left, chain, self._reason(routes)))
        product = self._total([route.product() for route in routes], shape)
        found += self._worked_out(left, [route.factors(shape) for route in routes], product, found,
                                   "; ".join(rule_names(route.link) for route in routes))  # fmt: skip
        found += self._closing(node, found[-1] if found else None, row)
        rules = {rule.left.text: rule for route in routes for rule in route.rules()}
        rules = {text: rule for text, rule in rules.items() if (text, rule.right.text) not in _texts(found)}
        shared = [self.symbols.plan.labels[k.input] for k in self.symbols.chains.links.get(node, ())]
        return Derivation(
            self.symbols.plan.labels[node], self.symbols.of, self.symbols.label(node), self.symbols.shape(node),
            next(step.right for step in reversed(found) if step.condition is None), tuple(found), tuple(rules.values()),
            self.symbols.deltas.get(node, ""), tuple(shared) if node in self.symbols.deltas else (), self.shapes,
            wanted=node in self.symbols.wanted,
        )  # fmt: skip

    def _reason(self, routes: Sequence[Route]) -> str:
        if len(routes) == 1:
            return routes[0].reason
        return f"gradients sum over the branches, through {' and '.join(r.through for r in routes)}"

    def _total(self, terms: Sequence[Node], shape: Shape) -> Node:
        """The branches' sum, in the shape that is on the left."""
        graph = self.symbols.graph
        turned = [t if t.shape == shape or not self.symbols.scalar else graph.make("transpose", t) for t in terms]
        return turned[0] if len(turned) == 1 else graph.make("add", *alike(turned), signs=(1,) * len(turned))

    def _worked_out(self, left: Form, factors: Sequence[Form], product: Node, before: Sequence[Step],
                    reason: str) -> list[Step]:  # fmt: skip
        """The rules put in, then what simplification does that a reader sees."""
        start = self.symbols.named(product)
        shown = {_bare(step.right.text) for step in before}
        put_in = Step(left, self.symbols.summed(factors), "the rules put in" if before else reason)
        found = [] if _bare(put_in.right.text) in shown else [put_in]
        if len(ancestors([start])) > LARGEST:
            return [*found, Step(left, self.symbols.printed(simplify(start)), "simplified")]
        shown.add(_bare(put_in.right.text))
        for reason, node in steps(start):
            form = self.symbols.printed(node)
            if _bare(form.text) not in shown:
                shown.add(_bare(form.text))
                found.append(Step(left, form, reason))
        if len(found) > MOST_STEPS:
            found = [found[0], replace(found[-1], reason="simplified")]
        return found

    def _closing(self, node: Node, last: Step | None, row: bool) -> list[Step]:
        """The gradient in its layout with δ's, and written out as `gradcalc run` has it."""
        if not self.symbols.scalar:
            return self._closing_matrix(node, last)
        adjoint, turned = self.symbols.sweep.adjoints[node], self.symbols.turned(node)
        label, found = self.symbols.label(node), list[Step]()
        skipped = {node, *(top for top, leaf in self.symbols.openings.items() if leaf is node)}
        shared = self.symbols.in_terms_of_anchors(adjoint, skipped)
        last_node = simplify(self.symbols.named(al.transpose(shared) if turned else shared))
        final, self.shapes = self.symbols.printed(last_node), _fitting(last_node)
        known = "" if last is None or row else last.right.text
        if _bare(final.text) != _bare(known):
            found.append(Step(label, final, _TURNED if row else "simplified"))
        out = final if self.symbols.writer.is_long(adjoint) else self.symbols.writer.form(adjoint, turned)
        if out is not None and out.text != final.text:
            found.append(Step(label, out, "written out"))
        return [*found, *self._for_distributions(label, adjoint, turned, out)]

    def _closing_matrix(self, node: Node, last: Step | None) -> list[Step]:
        """The Jacobian written out."""
        form = self.symbols.writer.jacobian_form(self.symbols.matrix(node))
        if form is None or (last is not None and _bare(last.right.text) == _bare(form.text)):
            return []
        return [Step(self.symbols.label(node), form, "written out")]

    def _for_distributions(self, label: Form, adjoint: Node, turned: bool, out: Form | None) -> list[Step]:
        """What becomes of the closed form where the y of a cross-entropy sums to 1."""
        targets = self.distributions
        form = self.symbols.writer.form(adjoint, turned, given=targets) if targets else None
        if form is None or out is None or form.text == out.text:
            return []
        named = [
            (self.symbols.labels[y], ", axis=1" if len(y.shape) == 2 and not is_row(y.shape) else "") for y in targets
        ]
        condition = self.symbols.form(
            lambda style: ", ".join(f"{style.function('sum')}({style.name(n)}{axis}) = 1" for n, axis in named)
        )
        return [Step(label, form, f"{named[0][0]} is a distribution", condition)]


def _texts(found: Sequence[Step]) -> set[tuple[str, str]]:
    return {(step.left.text, step.right.text) for step in found}


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
    """A product without its signs."""
    return text.replace(" · ", " ").replace(" * ", " ")
