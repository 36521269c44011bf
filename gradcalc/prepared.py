"""A prepared function: the plan, the sweep and the code made once per set of shapes, then only arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcalc.collector import collector_paused
from gradcalc.compiled.products import sizes_of
from gradcalc.compiled.program import GivesUp, Program, compiled, in_numbers
from gradcalc.data import Datum, numbers
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.graph import SCALAR, Shape, ancestors, extent, of_extent
from gradcalc.numeric import leaf_values
from gradcalc.planning.plan import named_values
from gradcalc.suggest import shown_shape
from gradcalc.sweeps import Sweep, refuse_large, swept
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
    order: int = 1
    sweeps: dict[tuple[tuple[str, Shape], ...], Sweep] = field(default_factory=dict)
    steps: dict[tuple[Sweep, frozenset[str]], Step] = field(default_factory=dict)
    latest: Step | None = None
    """What the last call was done by: the next one is likely to be alike."""

    def __call__(self, **arrays: Any) -> tuple[Any, ...]:
        """The value and its derivatives by name, for one set of arrays or a batch of rows."""
        if self.latest is not None:
            found = self.latest.called(arrays)
            if found is not None:
                return found
        return self._prepared(arrays)

    def _prepared(self, arrays: dict[str, Any]) -> tuple[Any, ...]:
        """Look at the arrays one by one, and prepare for their shapes what is not yet."""
        with collector_paused():
            return self._carefully(arrays)

    def _carefully(self, arrays: dict[str, Any]) -> tuple[Any, ...]:
        data, batch = self._rows({normalise(k): numbers(k, v) for k, v in arrays.items()})
        sweep = self._sweep({k: d.shape for k, d in data.items()})
        batched = frozenset(k for k, d in data.items() if d.array.ndim > 2)
        if (sweep, batched) not in self.steps:
            self.steps[sweep, batched] = Step(sweep, {k: d.shape for k, d in data.items()}, batched)
        step = self.steps[sweep, batched]
        exact = {k: d.array.reshape(_given_axes(d, k in batched)) for k, d in data.items()}
        found = step.called({k: float(a) if a.ndim == 0 else a for k, a in exact.items()})
        self.latest = step
        return found or _evaluated(sweep, data, batch)

    def _rows(self, arrays: dict[str, Array]) -> tuple[dict[str, Datum], int | None]:
        """Each array with rank 2 and the batch axis in front, if it has one more axis than its shape."""
        known = self._known_shapes if any(array.ndim for array in arrays.values()) else self.shapes
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
        if self.order == 2 and plan.target.shape != SCALAR:
            raise GradcalcError(
                Diagnostic(
                    "not-a-scalar",
                    f"the target `{plan.labels[plan.target]}` is {shown_shape(plan.target.shape)}",
                    rule="second derivatives are of a scalar",
                    help="choose a scalar with of=...",
                )
            )
        made = swept(plan, named_values(plan, self.wrt, where=" in wrt"), self.order)
        refuse_large(made)
        return made


class Step:
    """The code of a sweep for inputs of given shapes, some of which have an axis of rows."""

    def __init__(self, sweep: Sweep, shapes: Mapping[str, Shape], batched: frozenset[str]):
        plan = sweep.plan
        inputs = {leaf: str(leaf.attributes["name"]) for leaf in plan.inputs if leaf not in plan.literals}
        self.sweep, self.count = sweep, len(shapes)
        self.inputs = [(name, in_numbers(leaf.shape), sizes_of(leaf.shape), name in batched)
                       for leaf, name in inputs.items()]  # fmt: skip
        of = [primal for _, primal in plan.primals if primal in set(sweep.forward)]
        results = sweep.results
        self.program: Program | None = None
        self.pick = _picking([name for name, *_ in self.inputs])
        if results is None or len(of) < len(plan.primals) or len(inputs) < len(shapes):
            return
        known = leaf_values(replace(plan, inputs=[leaf for leaf in plan.inputs if leaf in plan.literals]), {})
        wanted = zip([plan.target, *results], [plan.target.shape, *sweep.shapes], strict=True)
        with suppress(GivesUp):
            self.program = compiled(
                {leaf: name in batched for leaf, name in inputs.items()}, known,
                [*inputs, *sweep.forward], ancestors(results),
                [(node, in_numbers(shape)) for node, shape in wanted], of,
            )  # fmt: skip

    def called(self, arrays: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The value and the derivatives, or None where the arrays are of another kind or the code gives up."""
        program = self.program
        if program is None or len(arrays) != self.count:
            return None
        try:
            given = self.pick(arrays)
        except KeyError:
            return None
        if program.takes_rows:
            return self._over_rows(program, given)
        results = program.run(given)
        return None if results is None else self.sweep.packed(results[0], results[1:])

    def _over_rows(self, program: Program, given: Sequence[Any]) -> tuple[Any, ...] | None:
        leaves: list[Any] = []
        rows = None
        for array, (_, shape, sizes, batched) in zip(given, self.inputs, strict=True):
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
        results = None if rows == 0 else program.run(leaves)
        return None if results is None else _packed(self.sweep, results, rows, program.moving)


def _picking(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """A function that takes things by name out of a mapping, in order. It raises `KeyError`."""
    if len(names) > 1:
        picked: Callable[[Mapping[str, Any]], Sequence[Any]] = itemgetter(*names)
        return picked
    return lambda mapping: [mapping[name] for name in names]


def _evaluated(sweep: Sweep, data: Mapping[str, Datum], rows: int | None) -> tuple[Any, ...]:
    """The value and the derivatives node by node. Raises `GradcalcError`."""
    if rows is None or sweep.takes_rows:
        arrays = [np.array(array) for array in sweep.evaluated(data)]
        return _packed(sweep, arrays, rows, [array.ndim > 2 for array in arrays])
    each = [sweep.evaluated({name: _row(datum, k) for name, datum in data.items()}) for k in range(rows)]
    shapes = [sweep.plan.target.shape, *sweep.shapes]
    joined = [
        np.array([np.reshape(found[k], in_numbers(shape)) for found in each]).reshape(rows, *in_numbers(shape))
        for k, shape in enumerate(shapes)
    ]
    return sweep.packed(joined[0], joined[1:])


def _row(datum: Datum, k: int) -> Datum:
    return Datum(datum.array[k] if datum.array.ndim > 2 else datum.array, datum.shape)


def _packed(sweep: Sweep, found: Sequence[Any], rows: int | None, moving: Sequence[bool]) -> tuple[Any, ...]:
    """What the caller gets; `moving` says which arrays have an axis of rows."""
    shapes = [in_numbers(shape) for shape in (sweep.plan.target.shape, *sweep.shapes)]
    value, *derivatives = (
        _shown(array, shape, rows, moves) for array, shape, moves in zip(found, shapes, moving, strict=True)
    )
    return sweep.packed(value, derivatives)


def _shown(array: Any, shape: tuple[int, ...], rows: int | None, moves: bool) -> Any:
    """A result in its shape, with the axis of rows where there are any."""
    if rows is None:
        return np.reshape(array, shape) if shape else array.item()
    if not moves:  # the same in all rows
        return np.array(np.broadcast_to(np.reshape(array, shape), (rows, *shape)))
    return np.reshape(array, (rows, *shape))


def _given_axes(datum: Datum, batched: bool) -> tuple[int, ...]:
    lead = datum.array.shape[:1] if batched else ()
    return (*lead, *in_numbers(datum.shape))


def _expected(shape: Shape | None) -> str:
    return "it has 2 at most" if shape is None else f"it is {shown_shape(shape)}"
