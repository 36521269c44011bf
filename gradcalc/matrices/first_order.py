"""Jacobians of a plan's target, vector-Jacobian and Jacobian-vector products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcalc.closed_form import words
from gradcalc.data import Datum
from gradcalc.differentiate import Backward, Passed, forward, jacobians, reverse
from gradcalc.flags import unusual_flags
from gradcalc.graph import SCALAR, Node, count
from gradcalc.matrices.differentials import Differentials, Named, must_fit
from gradcalc.matrices.records import Block, Jacobians, gradient_shape, jacobian_shape
from gradcalc.planning.plan import unused_data
from gradcalc.run import Number, shaped
from gradcalc.stacked import jacobian_value
from gradcalc.suggest import free_name

Array = np.ndarray[Any, Any]


class FirstOrder(Differentials):
    """The first derivatives of the target of a plan."""

    def jacobians(self, upstream: Datum | None, tangents: Mapping[str, Datum]) -> Jacobians:
        """The Jacobians of the target by what is shown, with the products that are asked for."""
        made = Jacobians(self.source, self.plan.layout, self.of, self.target.shape, notes=list(self.plan.notes))
        rows = count(self.target.shape)
        for name, node in self.shown:
            self._refuse(f"∂{self.of}/∂{name}", rows, count(node.shape))
        made.jacobians = self._jacobian_blocks()
        if upstream is not None:
            made.upstream, made.products = self._pulled_back(upstream)
        if tangents:
            chosen = self._tangents(tangents)
            made.tangents = {name: shaped(d.array, d.shape) for name, _, d in chosen.values()}
            made.change = self._pushed_forward(chosen)
        made.flags = [*self._kink_flags(), *self.flags]
        made.warnings = [*self.plan.warnings, *unused_data(self.plan, self.data)]
        return made

    def _jacobian_blocks(self) -> dict[str, Block]:
        scalar = self.target.shape == SCALAR
        connected = [(name, node) for name, node in self.shown if node in self.sweep.adjoints]
        values = self.gradient_values(connected) if scalar else self.jacobian_values(connected)
        matrices = {} if scalar else jacobians(self.sweep)
        blocks = {}
        for name, node in self.shown:
            if scalar:
                shape, axes = gradient_shape(node.shape, self.plan.numerator), None
            else:
                shape = jacobian_shape(self.target.shape, node.shape)
                axes = self._axes((self.of, self.target), (name, node))
            labels = self._labels(name, node) if scalar else ()
            if node not in self.sweep.adjoints:
                blocks[name] = Block(shape, words("0"), "", self._zero(shape), False, axes, labels)
                continue
            turned = self.plan.numerator and len(node.shape) == 1
            rule, reason = (
                self.forms.expression(self.sweep.adjoints[node], turned)
                if scalar
                else self.forms.jacobian(self.sweep, matrices, node)
            )
            blocks[name] = Block(shape, rule, reason, values.get(name), True, axes, labels)
            self._flag(name, f"∂{self.of}/∂{name}", values.get(name), [self.sweep], node)
        return blocks

    def gradient_values(self, shown: Named) -> dict[str, Number]:
        if self.point is None:
            return {}
        arrays = self.point.evaluated([self.sweep], [self.sweep.adjoints[n] for _, n in shown], {})
        return {name: self._laid_out(array, node) for (name, node), array in zip(shown, arrays, strict=True)}

    def jacobian_values(self, shown: Named) -> dict[str, Number]:
        if self.point is None:
            return {}
        arrays = self.point.rows([self.sweep], [self.sweep.adjoints[n] for _, n in shown])
        return {
            name: jacobian_value(array + 0.0, self.target.shape, node.shape)
            for (name, node), array in zip(shown, arrays, strict=True)
        }

    def _pulled_back(self, upstream: Datum) -> tuple[tuple[str, Number], dict[str, Block]]:
        """v^T ∂target/∂x for everything shown, in the layout of a gradient."""
        must_fit("the upstream gradient", upstream.shape, f"the target `{self.of}`", self.target.shape)
        name = free_name(self.plan.names, "v" if len(self.target.shape) < 2 else "V", "v_", "upstream")
        sweep = reverse(self.target, self._leaf(name, self.target.shape, "upstream"))
        blocks = {by: self._product(by, node, sweep, {sweep.seed: upstream.array}) for by, node in self.shown}
        return (name, shaped(upstream.array, upstream.shape)), blocks

    def _product(self, name: str, node: Node, sweep: Backward, seeds: Mapping[Node, Array]) -> Block:
        shape = gradient_shape(node.shape, self.plan.numerator)
        if node not in sweep.adjoints:
            return Block(shape, words("0"), "", self._zero(shape), False)
        turned = self.plan.numerator and len(node.shape) == 1
        rule, reason = self.forms.expression(sweep.adjoints[node], turned)
        if self.point is None:
            return Block(shape, rule, reason, None)
        [array] = self.point.evaluated([sweep], [sweep.adjoints[node]], seeds)
        value = self._laid_out(array, node)
        self.flags.extend(unusual_flags(name, f"the vector-Jacobian product by `{name}`", value))
        return Block(shape, rule, reason, value)

    def _pushed_forward(self, tangents: Mapping[Node, tuple[str, Node, Datum]]) -> Block:
        """∂target/∂x dx, summed over the inputs that have a tangent, in the shape of the target."""
        passed: list[Passed] = []
        change = forward(self.target, {node: leaf for node, (_, leaf, _) in tangents.items()}, passed)
        rule, reason = self.forms.expression(change)
        if self.point is None:
            return Block(self.target.shape, rule, reason, None)
        array = self.point.changed(change, passed, {leaf: d.array for _, leaf, d in tangents.values()})
        value = shaped(array + 0.0, self.target.shape)
        self.flags.extend(unusual_flags(self.of, "the Jacobian-vector product", value))
        return Block(self.target.shape, rule, reason, value, any(n in self.sweep.adjoints for n in tangents))
