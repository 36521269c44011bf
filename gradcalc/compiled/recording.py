"""What a kernel does, as calls of NumPy entry by entry: a kernel is run once on stand-ins that write it down.

A kernel that asks for an entry, a shape or a truth value, or that calls what is not entry by entry, cannot be written
down; it is called as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from gradcalc.compiled.instructions import Listing, Operand, Value

_TRUTHS = frozenset({
    np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.isnan, np.isinf, np.isfinite,
    np.logical_and, np.logical_or, np.logical_not,
})  # fmt: skip
_OF_TRUTHS = frozenset({np.bitwise_and, np.bitwise_or, np.invert})


class NotRecorded(Exception):
    """The kernel does what is not entry by entry."""


@dataclass(frozen=True)
class Step:
    """One call: operands are places of earlier results, or numbers; `of` is the kind of what it gives."""

    function: Any
    operands: tuple[int | float, ...]
    is_bool: bool


@dataclass(frozen=True)
class Recording:
    """The calls of a kernel; the places of its operands come first, `result` is a place or a number."""

    steps: tuple[Step, ...]
    result: int | float

    def replay(self, listing: Listing, operands: Sequence[Operand]) -> Operand:
        """The same calls on operands of a program."""
        found: list[Operand] = list(operands)
        for step in self.steps:
            taken = tuple(found[o] if isinstance(o, int) else o for o in step.operands)
            if step.function is np.copyto:  # truth values as numbers
                found.append(_as_number(listing, taken[0]))
            else:
                found.append(listing.pointwise(step.function, taken, step.is_bool))
        return found[self.result] if isinstance(self.result, int) else self.result


def _as_number(listing: Listing, truth: Operand) -> Operand:
    if not isinstance(truth, Value):
        return float(truth)
    return listing.make("number", (truth,), truth.sizes, batched=truth.batched)


class _StandIn(NDArrayOperatorsMixin):
    """Stands for an operand, an array of floats, and writes down what is done with it."""

    dtype = np.dtype(float)

    def __init__(self, steps: list[Step], operands: int, place: int, is_bool: bool = False):
        self._steps, self._operands, self._place, self._is_bool = steps, operands, place, is_bool

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **more: Any) -> Any:
        if method != "__call__" or more or function.nout != 1 or function.signature is not None:
            raise NotRecorded
        return self._called(function, inputs)

    def _called(self, function: Any, inputs: Sequence[Any]) -> _StandIn:
        truths = [i._is_bool if isinstance(i, _StandIn) else isinstance(i, bool | np.bool_) for i in inputs]
        is_bool = function in _TRUTHS or (function in _OF_TRUTHS and all(truths))
        self._steps.append(Step(function, tuple(_place(i) for i in inputs), is_bool))
        return _StandIn(self._steps, self._operands, self._operands + len(self._steps) - 1, is_bool)

    def __array_function__(self, function: Any, types: Any, arguments: Any, more: Any) -> Any:
        if function is np.where and len(arguments) == 3 and not more:
            return self._called(np.where, arguments)
        raise NotRecorded

    def astype(self, kind: Any) -> Any:
        """Only of truth values to numbers."""
        if kind is not float or not self._is_bool:
            raise NotRecorded
        return self._called(np.copyto, (self,))

    def __array__(self, *arguments: Any, **more: Any) -> NoReturn:
        raise NotRecorded

    def __bool__(self) -> NoReturn:
        raise NotRecorded

    def __getattr__(self, name: str) -> NoReturn:
        raise NotRecorded if not name.startswith("__") else AttributeError(name)

    __hash__ = None  # type: ignore[assignment]


def _place(operand: Any) -> int | float:
    if isinstance(operand, _StandIn):
        return operand._place
    if isinstance(operand, bool | int | float | np.number):
        return float(operand)  # a place is an int, a number never
    raise NotRecorded


def recorded(kernel: Callable[..., Any], attributes: Mapping[str, Any], operands: int) -> Recording | None:
    """The calls that a kernel makes with these attributes, or None."""
    return _recorded(kernel, tuple(sorted(attributes.items())), operands)


@lru_cache(maxsize=4096)
def _recorded(kernel: Callable[..., Any], attributes: tuple[tuple[str, Any], ...], operands: int) -> Recording | None:
    steps: list[Step] = []
    try:
        with np.errstate(all="ignore"):
            result = _place(kernel(dict(attributes), *(_StandIn(steps, operands, k) for k in range(operands))))
    except NotRecorded:
        return None
    return Recording(tuple(steps), result)
