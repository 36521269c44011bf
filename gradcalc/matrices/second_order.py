"""Hessians of a plan's target, and Hessian-vector products.

A block ∂²s/∂x∂y is the Jacobian by y of the gradient by x: a reverse sweep of what a reverse sweep made. The blocks
by x, y and by y, x are computed apart from each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc import evaluator
from gradcalc.closed_form import words
from gradcalc.data import Datum
from gradcalc.differentiate import Backward, forward, reverse
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.flags import unusual_flags
from gradcalc.graph import SCALAR, Node, count
from gradcalc.kinks import Kinks
from gradcalc.matrices.differentials import Differentials, Named
from gradcalc.matrices.records import Block, Hessians, gradient_shape, hessian_shape
from gradcalc.planning.plan import unused_data
from gradcalc.run import Flag, Number, shaped
from gradcalc.stacked import stacked
from gradcalc.suggest import shown_shape

Array = np.ndarray[Any, Any]


class SecondOrder(Differentials):
    """The second derivatives of the target of a plan."""

    def hessians(self, tangents: Mapping[str, Datum]) -> Hessians:
        """The second derivatives of the target, a scalar, by all pairs of what is shown."""
        if self.target.shape != SCALAR:
            raise GradcalcError(Diagnostic(
                "not-a-scalar", f"the target `{self.of}` is {shown_shape(self.target.shape)}",
                rule="a Hessian is of a scalar",
                help="choose a scalar with --of, or see its Jacobians with `gradcalc jacobian`"))  # fmt: skip
        side = sum(count(node.shape) for _, node in self.shown)
        self._refuse(f"the Hessian of `{self.of}`", side, side)
        self._refuse_blocks(len(self.shown))
        made = Hessians(self.source, self.plan.layout, self.of, notes=list(self.plan.notes))
        made.hessians = {name: self._hessian_row(name, node) for name, node in self.shown}
        if tangents:
            chosen = self._tangents(tangents)
            made.tangents = {name: shaped(d.array, d.shape) for name, _, d in chosen.values()}
            made.products = self._hessian_products(chosen)
        made.flags = [*self._kink_flags(), *self.flags]
        made.warnings = [*self.plan.warnings, *unused_data(self.plan, self.data)]
        return made

    def _refuse_blocks(self, names: int) -> None:
        """Refuse more blocks than a graph may have nodes: each has a closed form of its own."""
        if names * names > self.limits.nodes:
            raise GradcalcError(Diagnostic(
                "limit-nodes", f"the Hessian of `{self.of}` has {names:,} × {names:,} blocks",
                rule=f"the limit is {self.limits.nodes:,}",
                help="name fewer inputs with --wrt, or raise the limit with --limit nodes=N"))  # fmt: skip

    def _hessian_row(self, name: str, node: Node) -> dict[str, Block]:
        values = self.hessian_values(name, node) if node in self.sweep.adjoints else {}
        blocks = {}
        for other, by in self.shown:
            shape = hessian_shape(node.shape, by.shape)
            axes = self._axes((name, node), (other, by))
            connected = node in self.sweep.adjoints and by in self.sweep.adjoints
            rule, reason = self.forms.hessian(node, by, self.sweep.adjoints) if connected else (words("0"), "")
            value = values.get(other, self._zero(shape))
            blocks[other] = Block(shape, rule, reason, value, connected, axes)
        return blocks

    def hessian_values(self, name: str, node: Node) -> dict[str, Number]:
        """The blocks of one input that are not zero, from a reverse sweep of its gradient."""
        if self.point is None:
            return {}
        gradient = self.sweep.adjoints[node]
        sweep = self._second(gradient)
        found = [(other, by) for other, by in self.shown if by in sweep.adjoints]
        sweeps = [self.sweep, sweep]
        arrays = self.point.rows(sweeps, [sweep.adjoints[by] for _, by in found])
        kinks = self._felt(gradient, sweeps)
        if kinks or not all(np.isfinite(a).all() for a in arrays):
            arrays, sweeps, kinks = self._again(node, found) or (arrays, sweeps, kinks)
        values = {}
        for (other, by), array in zip(found, arrays, strict=True):
            matrix = stacked(array + 0.0, gradient.shape, by.shape)
            shape = [int(s) for s in hessian_shape(node.shape, by.shape)]
            values[other] = matrix.reshape(shape) if shape else float(matrix[0, 0])
            bad = np.argwhere(~np.isfinite(matrix))
            row = int(bad[0, 0]) if len(bad) else 0
            self._flag(name, f"∂²{self.of}/∂{name}∂{other}", values[other], sweeps, by, row)
        self.flags.extend(self._bend(name, node, mask) for node, mask in kinks)
        return values

    def _second(self, gradient: Node) -> Backward:
        return reverse(gradient, self._leaf("", gradient.shape))

    def _again(self, node: Node, shown: Named) -> tuple[list[Array], list[Backward], Kinks] | None:
        """The blocks from the simplified gradient, if they are finite and it has no kinks at this point.

        At x = 0 that holds for 2 x, and not for 2 ||x|| (x/||x||) or 2 |x| sign(x).
        """
        assert self.point is not None
        opened = self.forms.opened(self.sweep.adjoints[node])
        if opened is None:
            return None
        sweeps = [self._second(opened)]
        found = self.point.rows(sweeps, [sweeps[0].adjoint(by) for _, by in shown])
        finite = all(np.isfinite(a).all() for a in found)
        return (found, sweeps, []) if finite and not self._felt(opened, sweeps) else None

    def _bend(self, name: str, node: Node, mask: Array) -> Flag:
        """The flag for a kink of a gradient: elu has a derivative at 0, which has none."""
        rule, shown = node.operation.kink_rule, f"∂{self.of}/∂{name}"
        label = self.plan.labels.get(node, "")
        where = f" because of `{label}`" if label else ""
        places = evaluator.entries(mask, node)
        return Flag("kink", shown, rule, places, f"`{shown}` is not differentiable here{where}: {rule}")

    def _hessian_products(self, tangents: Mapping[Node, tuple[str, Node, Datum]]) -> dict[str, Block]:
        """Σ ∂²s/∂x∂y dy by input x: the gradient of ⟨∂s/∂y, dy⟩, in the layout of a gradient."""
        leaves = {node: leaf for node, (_, leaf, _) in tangents.items()}
        along = al.add([al.inner(self.sweep.adjoint(node), leaf) for node, leaf in leaves.items()])
        sweep = reverse(along)
        seeds = {leaf: d.array for _, leaf, d in tangents.values()}
        return {name: self._hessian_product(name, node, sweep, leaves, seeds) for name, node in self.shown}

    def _hessian_product(
        self, name: str, node: Node, sweep: Backward, leaves: Mapping[Node, Node], seeds: Mapping[Node, Array]
    ) -> Block:
        shape = gradient_shape(node.shape, self.plan.numerator)
        connected = node in self.sweep.adjoints
        if node not in sweep.adjoints:
            return Block(shape, words("0"), "", self._zero(shape), connected)
        turned = self.plan.numerator and len(node.shape) == 1
        change = forward(self.forms.tidied(self.sweep.adjoints[node]), leaves)
        rule, reason = self.forms.expression(change, turned)
        if self.point is None:
            return Block(shape, rule, reason, None)
        [array] = self.point.evaluated([self.sweep, sweep], [sweep.adjoints[node]], seeds)
        value = self._laid_out(array, node)
        self.flags.extend(unusual_flags(name, f"the Hessian-vector product by `{name}`", value))
        return Block(shape, rule, reason, value, connected)
