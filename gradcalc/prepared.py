"""A prepared function: the plan, the sweep and the code made once per set of shapes, then only arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcalc import evaluator
from gradcalc.compiled.lowering import sizes_of
from gradcalc.compiled.program import GivesUp, Program, compiled
from gradcalc.data import Datum, numbers
from gradcalc.differentiate import Backward, reverse
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.graph import SCALAR, Node, Shape, ancestors, extent, is_row, of_extent
from gradcalc.numeric import evaluate_forward, leaf_values
from gradcalc.planning.planner import Plan
from gradcalc.stacked import Point
from gradcalc.suggest import shown_shape
from gradcalc.symbols import normalise

if TYPE_CHECKING:
    from gradcalc.model import Model

Array = np.ndarray[Any, Any]
_FLOAT = np.dtype(np.float64)


@dataclass(eq=False)
class Prepared:
    """Callable with arrays by name; see `Model.compile`."""

    model: Model
    of: str | None
    wrt: Sequence[str] | None
    shapes: dict[str, Shape]
    sweeps: dict[tuple[tuple[str, Shape], ...], Sweep] = field(default_factory=dict)
    latest: Step | None = None
    """What the last call was done by: the next one is likely to be alike."""

    def __call__(self, **arrays: Any) -> tuple[Any, dict[str, Any]]:
        """The value and the gradients by name, for one set of arrays or a batch of rows."""
        if self.latest is not None:
            found = self.latest.called(arrays)
            if found is not None:
                return found
        return self._prepared(arrays)

    def _prepared(self, arrays: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Look at the arrays one by one, and prepare for their shapes what is not yet."""
        data, batch = self._rows({normalise(k): numbers(k, v) for k, v in arrays.items()})
        sweep = self._sweep({k: d.shape for k, d in data.items()})
        batched = frozenset(k for k, d in data.items() if d.array.ndim > 2)
        if batched not in sweep.steps:
            sweep.steps[batched] = Step(sweep, {k: d.shape for k, d in data.items()}, batched)
        step = sweep.steps[batched]
        exact = {k: d.array.reshape(_given_axes(d, k in batched)) for k, d in data.items()}
        found = step.called({k: float(a) if a.ndim == 0 else a for k, a in exact.items()})
        self.latest = step if set(exact) == set(arrays) else None
        return found or sweep.evaluated(data, batch)

    def _rows(self, arrays: dict[str, Array]) -> tuple[dict[str, Datum], int | None]:
        """Each array with rank 2 and the batch axis in front, if it has one more axis than its shape."""
        known = self._known_shapes
        data: dict[str, Datum] = {}
        lengths: set[int] = set()
        for name, array in arrays.items():
            rank = len(known[name]) if name in known else array.ndim
            if array.ndim not in (rank, rank + 1) or rank > 2:
                raise GradcalcError(
                    Diagnostic(
                        "data-shape",
                        f"`{name}` has {array.ndim} axes",
                        rule=f"{_expected(known.get(name))}, with one axis more for a batch of rows",
                    )
                )
            lead = array.shape[: array.ndim - rank]
            lengths.update(lead)
            inner = array.shape[array.ndim - rank :]
            shape: Shape = of_extent(*inner) if rank == 2 else inner
            data[name] = Datum(array.reshape(*lead, *(int(s) for s in extent(shape))), shape)
        if len(lengths) > 1:
            raise GradcalcError(
                Diagnostic(
                    "data-shape",
                    "the batches have different lengths",
                    rule=f"they have {', '.join(map(str, sorted(lengths)))} rows",
                )
            )
        return data, lengths.pop() if lengths else None

    @cached_property
    def _known_shapes(self) -> dict[str, Shape]:
        """Shapes that tell a batch from an array: those given, those of data in the file, those declared."""
        try:
            plan = self.model.plan(self.shapes, of=self.of, numeric=False)
        except GradcalcError:
            return dict(self.shapes)
        found = {n.attributes["name"]: n.shape for n in plan.inputs if n in plan.literals}
        declared = {name: shaped.sizes for name, shaped in plan.tables.shapes.items()}
        return {**declared, **found, **self.shapes}

    def _sweep(self, shapes: dict[str, Shape]) -> Sweep:
        key = tuple(sorted(shapes.items()))
        if key not in self.sweeps:
            self.sweeps[key] = self._made(shapes)
        return self.sweeps[key]

    def _made(self, shapes: dict[str, Shape]) -> Sweep:
        plan = self.model.plan(shapes, of=self.of)
        if plan.target.shape != SCALAR:
            raise GradcalcError(
                Diagnostic(
                    "not-a-scalar",
                    f"the target `{plan.labels[plan.target]}` is {shown_shape(plan.target.shape)}",
                    rule="a gradient is of a scalar",
                    help="choose a scalar with of=...",
                )
            )
        by_label = {label: node for node, label in plan.labels.items()}
        names = [plan.labels[n] for n in plan.inputs] if self.wrt is None else list(self.wrt)
        missing = [n for n in names if n not in by_label]
        if missing:
            raise GradcalcError(Diagnostic("unknown-target", f"`{missing[0]}` in wrt is not a value of the file"))
        return Sweep(plan, reverse(plan.target), [(n, by_label[n]) for n in names])


@dataclass(eq=False)
class Sweep:
    """A plan with its backward sweep, and the code for each choice of inputs that have an axis of rows."""

    plan: Plan
    backward: Backward
    wrt: list[tuple[str, Node]]
    steps: dict[frozenset[str], Step] = field(default_factory=dict)

    @cached_property
    def adjoints(self) -> list[Node]:
        """The adjoints of what the gradients are by."""
        return [self.backward.adjoint(node) for _, node in self.wrt]

    @cached_property
    def forward(self) -> list[Node]:
        """What the target needs, in evaluation order."""
        return ancestors([self.plan.target])

    @cached_property
    def above(self) -> list[Node]:
        """What the gradients need, in evaluation order."""
        return ancestors(self.adjoints)

    def evaluated(self, data: Mapping[str, Datum], batch: int | None) -> tuple[Any, dict[str, Any]]:
        """The value and the gradients, node by node: it says what is at fault, and leaves out what was not taken.

        Code does not, and gives up where a number is not finite. Raises `GradcalcError`.
        """
        plan = self.plan
        values = leaf_values(plan, data)
        evaluate_forward(plan, self.forward, values, [plan.target])
        kept = dict(values)
        evaluator.evaluate(self.above, values)
        if not all(np.isfinite(values[n]).all() for n in self.adjoints):
            masks = Point(plan, self.forward, kept).masks([self.backward], {})
            values = evaluator.evaluate(self.above, kept, masks)
        gradients = {
            name: _out(values[adjoint], node.shape, batch)
            for (name, node), adjoint in zip(self.wrt, self.adjoints, strict=True)
        }
        return _out(values[plan.target], SCALAR, batch), gradients


class Step:
    """The code of a sweep for inputs of given shapes, some of which have an axis of rows."""

    def __init__(self, sweep: Sweep, shapes: Mapping[str, Shape], batched: frozenset[str]):
        plan = sweep.plan
        inputs = {leaf: str(leaf.attributes["name"]) for leaf in plan.inputs if leaf not in plan.literals}
        known = leaf_values(plan, {name: Datum(np.empty(0), shapes[name]) for name in inputs.values()})
        self.sweep = sweep
        self.count = len(shapes)
        self.inputs = [(name, _sizes(leaf.shape), sizes_of(leaf.shape), name in batched)
                       for leaf, name in inputs.items()]  # fmt: skip
        of = [primal for _, primal in plan.primals if primal in set(sweep.forward)]
        self.is_whole = len(of) == len(plan.primals) and len(inputs) == len(shapes)
        try:
            self.program: Program | None = compiled(
                {leaf: name in batched for leaf, name in inputs.items()},
                {leaf: known[leaf] for leaf in plan.literals if leaf in known},
                list(dict.fromkeys([*inputs, *sweep.forward])), sweep.above, [plan.target, *sweep.adjoints], of,
            )  # fmt: skip
        except GivesUp:
            self.program = None
        self.outs = [(name, node.shape) for name, node in sweep.wrt]

    def called(self, arrays: Mapping[str, Any]) -> tuple[Any, dict[str, Any]] | None:
        """The value and the gradients, or None where the arrays are of another kind or the code gives up."""
        if self.program is None or len(arrays) != self.count or not self.is_whole:
            return None
        leaves: list[Any] = []
        rows = None
        for name, shape, sizes, batched in self.inputs:
            array = arrays.get(name)
            if isinstance(array, float):
                if shape or batched:
                    return None
                leaves.append(array)
                continue
            if type(array) is not np.ndarray or array.dtype is not _FLOAT:
                return None
            found = array.shape
            if batched and found and (rows is None or rows == found[0]):
                rows, found = found[0], found[1:]
            elif batched or not shape:
                return None
            if found != shape:
                return None
            leaves.append(array if len(shape) == len(sizes) else array.reshape(*array.shape[:-2], *sizes))
        if rows == 0:
            return None
        results = self.program.run(leaves)
        if results is None:
            return None
        shown = [_shown(array, shape, rows) for array, (_, shape) in zip(results[1:], self.outs, strict=True)]
        value = results[0] if rows is None else _shown(results[0], SCALAR, rows)
        return value, {name: array for array, (name, _) in zip(shown, self.outs, strict=True)}


def _shown(array: Any, shape: Shape, rows: int | None) -> Any:
    """A result of the code in its shape, with the axis of rows where there are any."""
    if rows is None:
        return array[None, :] if len(shape) == 2 and is_row(shape) else array
    sizes = sizes_of(shape)
    if np.ndim(array) == len(sizes):  # the same in all rows
        array = np.array(np.broadcast_to(array, (rows, *sizes)))
    return array[:, None, :] if len(shape) == 2 and is_row(shape) else array


def _sizes(shape: Shape) -> tuple[int, ...]:
    return tuple(int(s) for s in shape)


def _given_axes(datum: Datum, batched: bool) -> tuple[int, ...]:
    lead = datum.array.shape[:1] if batched else ()
    return (*lead, *_sizes(datum.shape))


def _expected(shape: Shape | None) -> str:
    return "it has 2 at most" if shape is None else f"it is {shown_shape(shape)}"


def _out(array: Array, shape: Shape, batch: int | None) -> Any:
    sizes = _sizes(shape)
    if batch is None:
        return float(array.reshape(())) if not shape else np.array(array.reshape(sizes))
    whole = np.broadcast_to(array, (batch, *array.shape[-2:]))
    return np.array(whole.reshape(batch, *sizes))
