"""Instructions of a compiled program: what is computed from what, each thing once.

A value is a number (a float of Python) where it has no axes, and an array otherwise: columns and rows have one axis,
matrices two, and with rows of inputs one more in front. Axes of length 1 stand for what is repeated along them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Sizes = tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """The result of an instruction: `sizes` without the axis of rows, which it has if it is `batched`."""

    index: int
    sizes: Sizes
    batched: bool = False
    is_bool: bool = False
    source: Value | None = None
    """The value whose memory it shows, for a view."""

    @property
    def is_number(self) -> bool:
        """Whether it is one number of Python and no array."""
        return not self.sizes and not self.batched

    @property
    def owner(self) -> Value:
        """The value whose memory it is in."""
        return self if self.source is None else self.source.owner


Operand = Value | float | bool
"""What an instruction takes: a value, or a number that is always the same."""


@dataclass(frozen=True, eq=False, slots=True)
class Instruction:
    """`value` is what `kind` makes of the operands; `detail` is the function of NumPy, the kernel, the view."""

    value: Value
    kind: str
    operands: tuple[Operand, ...]
    detail: Any = None


@dataclass
class Listing:
    """Instructions in order. The same instruction on the same operands is the same value."""

    made: dict[Any, Value] = field(default_factory=dict)
    makers: dict[int, Instruction] = field(default_factory=dict)
    """By the index of a value its instruction, which a leaf has not; in order."""
    values: int = 0

    def leaf(self, sizes: Sizes, batched: bool) -> Value:
        """A value that is given."""
        self.values += 1
        return Value(self.values - 1, sizes, batched)

    def make(self, kind: str, operands: tuple[Operand, ...], sizes: Sizes, detail: Any = None, *, batched: bool = False,
             is_bool: bool = False, source: Value | None = None) -> Value:  # fmt: skip
        """The value of an instruction, made once."""
        names = tuple(o.index if isinstance(o, Value) else ("number", repr(o)) for o in operands)
        key = (kind, names, sizes, detail)
        found = self.made.get(key)
        if found is None:
            found = Value(self.values, sizes, batched, is_bool, source)
            self.values += 1
            self.makers[found.index] = Instruction(found, kind, operands, detail)
            self.made[key] = found
        return found

    def instruction(self, value: Value) -> Instruction | None:
        """What makes a value; None of a leaf."""
        return self.makers.get(value.index)

    def products(self, value: Value) -> tuple[tuple[Operand, Operand], ...]:
        """The operands of a product entry by entry, in both orders; none of another value."""
        made = self.instruction(value)
        if made is None or made.detail is not np.multiply:
            return ()
        one, other = made.operands
        return (one, other), (other, one)

    def are_transposes(self, one: Value, other: Value) -> bool:
        """Whether one of two is a look at the other the other way around."""
        return any(
            made is not None and made.kind == "transpose" and made.operands == (source,)
            for made, source in ((self.instruction(one), other), (self.instruction(other), one))
        )

    # ------------------------------------------------------------------------- entry by entry

    def pointwise(self, function: Any, operands: tuple[Operand, ...], is_bool: bool) -> Operand:
        """A function of NumPy entry by entry; of numbers that are always the same it is computed here."""
        if not any(isinstance(o, Value) for o in operands):
            with np.errstate(all="ignore"):
                found = function(*operands)
            return bool(found) if is_bool else float(found)
        if function is np.where and isinstance(operands[0], bool):
            return operands[1 if operands[0] else 2]
        if function is np.multiply and 1.0 in operands:
            return operands[1 - operands.index(1.0)]
        sizes = np.broadcast_shapes(*(o.sizes for o in operands if isinstance(o, Value)))
        batched = any(isinstance(o, Value) and o.batched for o in operands)
        fitted = tuple(self.beside(o, len(sizes)) if isinstance(o, Value) and batched else o for o in operands)
        return self.make("pointwise", fitted, sizes, function, batched=batched, is_bool=is_bool)

    def beside(self, value: Value, axes: int) -> Value:
        """With rows of inputs, a value with so many axes behind that of rows."""
        missing = axes - len(value.sizes)
        if not missing or not value.batched:
            return value
        return self.view(value, "lift", (1,) * missing + value.sizes, missing)

    def view(self, value: Value, kind: str, sizes: Sizes, detail: Any = None) -> Value:
        """Another look at the memory of a value."""
        return self.make(kind, (value,), sizes, detail, batched=value.batched, is_bool=value.is_bool, source=value)

    def transposed(self, value: Value) -> Value:
        """A matrix the other way around."""
        return self.view(value, "transpose", value.sizes[::-1])

    def across(self, value: Value) -> Value:
        """A column beside the columns of a matrix: (n, 1)."""
        return self.view(value, "across", (*value.sizes, 1))
