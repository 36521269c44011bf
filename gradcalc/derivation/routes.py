"""One branch of a gradient: the way that the chain rule goes, and the factors on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from gradcalc import algebra as al
from gradcalc.closed_form import Form
from gradcalc.derivation.chains import Link
from gradcalc.derivation.records import Step
from gradcalc.derivation.symbols import Symbols, rule_names, shown
from gradcalc.graph import SCALAR, Node, Shape
from gradcalc.simplify.engine import simplify


class Route:
    """One branch of a gradient: from the target or an anchor down to the value."""

    def __init__(self, symbols: Symbols, link: Link):
        self.symbols, self.link = symbols, link
        chains = symbols.chains
        self.links = symbols.path(link)
        self.top = self.links[0].node
        self.at_target = self.top is chains.sweep.target
        self.is_row = not self._is_step and len(link.input.shape) == 1
        self.by_matrix = symbols.scalar and len(link.input.shape) == 2 and link.node.shape != SCALAR
        self.through = symbols.plan.labels[link.node]

    @property
    def reason(self) -> str:
        """The way that the chain rule goes."""
        if self._is_step:
            return rule_names(self.link)
        names = [self.symbols.plan.labels[n] for n in (self.top, *(k.input for k in self.links))]
        return f"chain rule: {' ← '.join(names)}"

    @property
    def _is_step(self) -> bool:
        """Whether it is one step of the adjoint rather than a product of Jacobians."""
        direct = self.at_target and len(self.links) == 1
        return self.symbols.scalar and (direct or not self.link.is_jacobian)

    def _above(self) -> Node:
        """The gradient of the target by the top, in the top's shape."""
        symbols = self.symbols
        if self.at_target:
            return symbols.graph.constant(1.0)
        return symbols.leaves[self.top]

    def _row_above(self) -> list[Node]:
        """The factor before the Jacobians, if there is one: a row, or a number."""
        symbols = self.symbols
        if self.at_target:
            return []
        above = self._above()
        return [al.transpose(above) if symbols.scalar and len(above.shape) == 1 else above]

    def _is_whole(self, link: Link) -> bool:
        """Whether a local gradient is the derivative of its node by its input, and not just one branch of it."""
        natural = len(link.node.shape) == 2 and link.input.shape == SCALAR  # its derivative is a matrix, not a column
        gradient = not self.symbols.scalar and link.node.shape == SCALAR and len(link.input.shape) == 2
        return self.symbols.chains.is_total(link) and not (natural or gradient)

    def _symbols(self) -> list[Node]:
        """The chain's factors as derivatives; a δ, or where ∂node/∂input is more than this branch the rule."""
        symbols = self.symbols
        above = self._row_above()
        if above and self.top not in symbols.deltas:
            above = [symbols.symbol_of(self.top)]
        factors = [symbols.symbol(k) if self._is_whole(k) else symbols.value(k) for k in self.links]
        return [*above, *factors]

    def rules(self) -> list[Step]:
        """What enters: the gradient by the top where it is short, and the local gradients."""
        symbols = self.symbols
        found = []
        if not self.at_target and symbols.is_plain(self.top):
            [value] = self._row_above()
            names = [rule_names(k) for k in symbols.chains.uses[self.top]]
            found.append(
                Step(
                    symbols.printed(symbols.symbol_of(self.top)),
                    symbols.printed(symbols.named(value)),
                    "; ".join(names),
                )
            )
        known = [] if self._is_step and not (self.at_target and self.link.is_jacobian) else self.links
        known = [k for k in known if k.linear.matrix(symbols.graph) is not None and self._is_whole(k)]
        return found + [symbols.rule(k) for k in known]

    def _fitted(self, shape: Shape, factors: Sequence[Node]) -> Form:
        """A product of Jacobians, a row; where the sum of the branches is a column its transpose."""
        symbols = self.symbols
        named = [symbols.named(f) for f in factors]
        if not (self.is_row and symbols.scalar and len(shape) == 1):
            return symbols.joined(named)
        if len(named) == 1:
            return symbols.printed(al.transpose(named[0]))
        form = symbols.joined(named)
        return symbols.form(lambda style: style.transposed(style.brackets(shown(form, style))))

    def chain(self, shape: Shape) -> Form:
        """The chain rule: ∂s/∂h · ∂h/∂z · ∂z/∂b; below an anchor its δ first."""
        if self.by_matrix and not self._is_whole(self.link):
            return self.factors(shape)
        if not self._is_step:
            return self._fitted(shape, self._symbols())
        above = self.symbols.graph.constant(1.0) if self.at_target else self.symbols.leaf_of(self.top, True)
        step = self.link.linear.adjoint(above)
        turned = step if step.shape == shape else al.transpose(step)
        return self.symbols.printed(simplify(self.symbols.named(turned)))

    def factors(self, shape: Shape) -> Form:
        """The same with every factor replaced by its rule."""
        symbols = self.symbols
        if self._is_step or self.by_matrix:
            product = self.product()
            return symbols.printed(symbols.named(product if product.shape == shape else al.transpose(product)))
        return self._fitted(shape, [*self._row_above(), *(symbols.value(link) for link in self.links)])

    def product(self) -> Node:
        """The branch as one expression, not simplified."""
        symbols = self.symbols
        if self._is_step:
            return self.link.linear.adjoint(self._above())
        links = self.links[:-1] if self.by_matrix else self.links
        factors = [*self._row_above(), *(symbols.value(link) for link in links)]
        row = reduce(_times, factors) if factors else symbols.graph.constant(1.0)
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
