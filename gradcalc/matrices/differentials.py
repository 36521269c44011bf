"""A plan and data to Jacobians and Hessians: closed forms always, values where there are data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradcalc import evaluator
from gradcalc.closed_form import Writer
from gradcalc.data import Datum, datum
from gradcalc.differentiate import Backward, reverse
from gradcalc.errors import Diagnostic, GradcalcError, Limits
from gradcalc.flags import culprit, kink_flags, unusual_flags
from gradcalc.graph import SCALAR, Node, Shape, ancestors, count, extent, is_row
from gradcalc.kinks import Kinks, felt_kinks
from gradcalc.matrices.forms import Forms
from gradcalc.matrices.records import Axes, gradient_shape
from gradcalc.planning.plan import Plan, named_values
from gradcalc.run import Flag, Number, shaped
from gradcalc.stacked import Point, point
from gradcalc.suggest import free_name, shown_shape
from gradcalc.symbols import normalise

Array = np.ndarray[Any, Any]
Named = list[tuple[str, Node]]


@dataclass(eq=False)
class Differentials:
    """Differentiates the target of a plan. With `numbers` the data are complete, and there are values too."""

    plan: Plan
    data: Mapping[str, Datum]
    numbers: bool
    wrt: Sequence[str] | None
    limits: Limits
    source: str

    def __post_init__(self) -> None:
        self.target, self.graph = self.plan.target, self.plan.graph
        self.of = self.plan.labels[self.target]
        self.shown = named_values(self.plan, self.wrt, where="")
        self.flags: list[Flag] = []

    # ------------------------------------------------------------------------- shared

    @cached_property
    def point(self) -> Point | None:
        """The forward values; raises `GradcalcError` for numeric faults."""
        return point(self.plan, self.data, self.target) if self.numbers else None

    @cached_property
    def forms(self) -> Forms:
        """The writer of closed forms."""
        below = [] if self.point is None else [n for n in self.point.order if n in self.sweep.adjoints]
        found = evaluator.kinks(below, self.point.values) if self.point else []
        return Forms(Writer(self.plan, None, any(node.op in ("max", "min") for node, _ in found)))

    @cached_property
    def sweep(self) -> Backward:
        """The reverse sweep of the target."""
        if self.target.shape == SCALAR:
            return reverse(self.target)
        return reverse(self.target, self._leaf("", self.target.shape))

    def _leaf(self, name: str, shape: Shape, role: str = "seed") -> Node:
        return self.graph.make("input", name=name, shape=shape, role=role)

    def _labels(self, name: str, node: Node) -> tuple[str, ...]:
        datum = self.data.get(str(node.attributes["name"])) if node.op == "input" else None
        found = self.plan.entries.get(name, datum.labels if datum is not None else ())
        return found if len(found) == count(node.shape) else ()

    def _axes(self, rows: tuple[str, Node], columns: tuple[str, Node]) -> Axes | None:
        """Names for the entries of rows and columns where numbers alone would not tell them."""
        nodes = (rows[1], columns[1])
        telling = any(_is_matrix(n.shape) or self._labels(name, n) for name, n in (rows, columns))
        if not telling or not all(n.shape and _is_known(n.shape) for n in nodes):
            return None
        return Axes(self._entries(*rows), self._entries(*columns))

    def _entries(self, name: str, node: Node) -> tuple[str, ...]:
        """`x[0]`, `x[Paris]`, `W[1, 2]`: all entries, by columns."""
        labels = self._labels(name, node)
        if labels:
            return tuple(f"{name}[{label}]" for label in labels)
        rows, columns = (int(s) for s in extent(node.shape))
        if len(node.shape) == 1:
            return tuple(f"{name}[{i}]" for i in range(rows))
        return tuple(f"{name}[{i}, {j}]" for j in range(columns) for i in range(rows))

    def _refuse(self, what: str, rows: int, columns: int) -> None:
        """Refuse a matrix that is too large, before it is allocated."""
        if self.numbers:
            self.limits.refuse_large(what, rows, columns, "name fewer or smaller inputs with --wrt")

    def _flag(
        self, name: str, shown: str, value: Number | None, sweeps: Sequence[Backward], by: Node, row: int = 0
    ) -> None:
        """Note what is infinite or undefined in a value, a derivative by a node, and which operation made it so."""
        if value is None or self.point is None or np.isfinite(value).all():
            return
        cause = culprit(self.plan, sweeps, self.point.traced(sweeps, row), by)
        self.flags.extend(unusual_flags(name, shown, value, cause))

    def _tangents(self, given: Mapping[str, Datum]) -> dict[Node, tuple[str, Node, Datum]]:
        """By value: its name, the leaf of its change, which is called d and the name, and the change."""
        found = {}
        for name, node in named_values(self.plan, list(given), where=""):
            must_fit(f"the tangent of `{name}`", given[name].shape, f"`{name}`", node.shape)
            leaf = self._leaf(free_name(self.plan.names, f"d{name}", f"d{name}_"), node.shape, "tangent")
            found[node] = name, leaf, given[name]
        return found

    def _zero(self, shape: Shape) -> Number | None:
        if self.point is None or not _is_known(shape):
            return None
        return np.zeros([int(s) for s in shape]) if shape else 0.0

    def _laid_out(self, array: Array, node: Node) -> Number:
        return shaped(array + 0.0, gradient_shape(node.shape, self.plan.numerator))

    def _kink_flags(self) -> list[Flag]:
        """Flags for what is not differentiable at this point."""
        if self.point is None:
            return []
        return kink_flags(self.plan, self._felt(self.target, [self.sweep]))

    def _felt(self, target: Node, sweeps: Sequence[Backward]) -> Kinks:
        """The kinks that the target of the last sweep feels at this point."""
        assert self.point is not None
        here, last = self.point, sweeps[-1]
        order = ancestors([target])
        values = evaluator.evaluate(order, dict(here.values))

        def upstream(nodes: Sequence[Node]) -> list[Array]:
            wanted = [last.adjoints[n] for n in nodes]
            return here.rows(sweeps, wanted) if last.seed.op == "input" else here.evaluated(sweeps, wanted, {})

        return felt_kinks(order, values, last, upstream)


def _is_matrix(shape: Shape) -> bool:
    return len(shape) == 2 and not is_row(shape)


def _is_known(shape: Shape) -> bool:
    return all(isinstance(size, int) for size in shape)


def must_fit(what: str, found: Shape, of: str, wanted: Shape) -> None:
    if _is_known(wanted) and found != wanted:
        raise GradcalcError(Diagnostic(
            "data-shape", f"{what} is {shown_shape(found)}", rule=f"{of} is {shown_shape(wanted)}",
            help=f"give one number for every entry of {of}"))  # fmt: skip


def tangents_of(given: Any, shown: Named) -> dict[str, Datum]:
    """Tangents by name: a mapping from names, or one value for the one input that is shown. Raises `GradcalcError`."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return {normalise(k): v if isinstance(v, Datum) else datum(f"tangent of {k}", v) for k, v in given.items()}
    if len(shown) != 1:
        raise GradcalcError(Diagnostic(
            "bad-setting", f"the tangent does not say which of {len(shown)} inputs it is for",
            help="give it a name, as in x=[1,2]"))  # fmt: skip
    return {shown[0][0]: given if isinstance(given, Datum) else datum("tangent", given)}
