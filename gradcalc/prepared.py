"""A prepared function: the plan and the sweep made once per set of shapes, then only arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcalc import evaluator
from gradcalc.data import Datum, numbers
from gradcalc.differentiate import Backward, reverse
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.graph import SCALAR, Node, Shape, ancestors, extent, of_extent
from gradcalc.numeric import evaluate_forward, leaf_values
from gradcalc.planning.planner import Plan
from gradcalc.stacked import Point
from gradcalc.suggest import shown_shape
from gradcalc.symbols import normalise

if TYPE_CHECKING:
    from gradcalc.model import Model

Array = np.ndarray[Any, Any]


@dataclass(eq=False)
class Program:
    """A plan with its sweep, in evaluation order."""

    plan: Plan
    sweep: Backward
    wrt: list[tuple[str, Node]]
    forward: list[Node]
    backward: list[Node]


@dataclass(eq=False)
class Prepared:
    """Callable with arrays by name; see `Model.compile`."""

    model: Model
    of: str | None
    wrt: Sequence[str] | None
    shapes: dict[str, Shape]
    programs: dict[tuple[tuple[str, Shape], ...], Program] = field(default_factory=dict)

    def __call__(self, **arrays: Any) -> tuple[Any, dict[str, Any]]:
        """The value and the gradients by name, for one set of arrays or a batch of rows."""
        data, batch = self._rows({normalise(k): numbers(k, v) for k, v in arrays.items()})
        program = self._program({k: d.shape for k, d in data.items()})
        values = leaf_values(program.plan, data)
        target = program.plan.target
        evaluate_forward(program.plan, program.forward, values, [target])
        kept = dict(values)
        evaluator.evaluate(program.backward, values)
        if not all(np.isfinite(values[program.sweep.adjoint(n)]).all() for _, n in program.wrt):
            masks = Point(program.plan, program.forward, kept).masks([program.sweep], {})
            values = evaluator.evaluate(program.backward, kept, masks)
        gradients = {name: _out(values[program.sweep.adjoint(n)], n.shape, batch) for name, n in program.wrt}
        return _out(values[target], SCALAR, batch), gradients

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

    def _program(self, shapes: dict[str, Shape]) -> Program:
        key = tuple(sorted(shapes.items()))
        if key not in self.programs:
            self.programs[key] = self._prepare(shapes)
        return self.programs[key]

    def _prepare(self, shapes: dict[str, Shape]) -> Program:
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
        sweep = reverse(plan.target)
        by_label = {label: node for node, label in plan.labels.items()}
        names = [plan.labels[n] for n in plan.inputs] if self.wrt is None else list(self.wrt)
        missing = [n for n in names if n not in by_label]
        if missing:
            raise GradcalcError(Diagnostic("unknown-name", f"`{missing[0]}` in wrt is not a value of the file"))
        wrt = [(n, by_label[n]) for n in names]
        forward = ancestors([plan.target])
        backward = ancestors(sweep.adjoint(n) for _, n in wrt)
        return Program(plan, sweep, wrt, forward, backward)


def _expected(shape: Shape | None) -> str:
    return "it has 2 at most" if shape is None else f"it is {shown_shape(shape)}"


def _out(array: Array, shape: Shape, batch: int | None) -> Any:
    sizes = tuple(int(s) for s in shape)
    if batch is None:
        return float(array.reshape(())) if not shape else np.array(array.reshape(sizes))
    whole = np.broadcast_to(array, (batch, *array.shape[-2:]))
    return np.array(whole.reshape(batch, *sizes))
