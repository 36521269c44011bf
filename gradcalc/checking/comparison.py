"""One gradient beside its numeric derivative: which entries tell something, and which of them differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcalc.checking.closer import CloserLook
from gradcalc.checking.numeric_derivative import COMPLEX, DIFFERENCES, NumericDerivative

Array = np.ndarray[Any, Any]
RELATIVE, TRUST = 1e-9, 10.0
"""An entry agrees to this part of the largest one, and to as many times what the numeric method says of its error."""
ROUNDING = 1024.0 * float(np.finfo(np.float64).eps)
"""Where terms cancel to nothing, this part of the target is left."""
SETTLED, NOTHING = 1e-3, 1e-6
"""Differences that are not sure of an entry to the first part of the largest one tell nothing of it, or to the second
part of the target beside the input, where all entries are nothing but rounding."""
MOST_CLOSER = 32
"""Entries of a leaf that are looked at more closely at a time."""


@dataclass(eq=False)
class Comparison:
    """A gradient beside numeric derivatives, and what closer looks have found of entries that these contradict.

    `branches` is the largest contribution, to which a sum of them can be right; `natural` is the size of the target
    beside the input.
    """

    ours: Array
    numeric: NumericDerivative
    branches: float
    natural: float

    def __post_init__(self) -> None:
        self.found, self.errors = np.array(self.numeric.values), np.array(self.numeric.errors)
        self.steps = np.zeros(self.ours.shape)
        self.closer, self.refused = np.zeros(self.ours.shape, bool), np.zeros(self.ours.shape, bool)
        zero = (self.ours == 0) & (self.found == 0)
        self.doubted = self.numeric.doubted & ~(zero if self.numeric.method == COMPLEX else np.zeros_like(zero))
        self._compare()

    @property
    def least(self) -> float:
        """The size to which all entries are right."""
        return max(largest(self.ours), self.branches)

    def _compare(self) -> None:
        """Which entries tell something, and which of them differ."""
        finite = np.isfinite(self.ours) & np.isfinite(self.found)
        scale = max(self.least, largest(self.found))
        self.tolerance = RELATIVE * scale + TRUST * self.errors + ROUNDING * self.natural
        usable = finite & ~self.refused
        if self.numeric.method == DIFFERENCES:
            usable &= self.closer | (self.errors <= max(SETTLED * scale, NOTHING * self.natural))
        with np.errstate(invalid="ignore"):  # ∞ less ∞, which is not usable
            self.apart = np.where(usable, np.abs(self.ours - self.found), -1.0)
        self.usable, self.wrong = usable, self.apart > self.tolerance
        self.open = (self.wrong | ~usable | self.doubted) & np.isfinite(self.ours) & ~self.closer

    def questionable(self) -> Array:
        """The columns with entries that need a closer look, the largest differences first."""
        with np.errstate(all="ignore"):
            apart = np.where(self.wrong, np.nan_to_num(self.apart / self.tolerance), 0.0)
        how = np.where(self.open, apart, -1.0).max(axis=0, initial=-1.0)
        columns = np.argsort(-how, kind="stable")[:MOST_CLOSER]
        return np.asarray(columns[how[columns] >= 0])

    def settle(self, columns: Array, look: CloserLook) -> None:
        """Take over what a closer look found; where it is not sure, or not sure that ours is wrong, nothing is known.

        A complex step that agrees counts for a range of steps.
        """
        fresh = self.open[:, columns]
        ours, agreeing = self.ours[:, columns], look.agreeing
        scale = RELATIVE * max(self.least, largest(look.values))
        if self.numeric.method == COMPLEX:
            apart = np.abs(self.numeric.values[:, columns] - look.values)
            agreeing = agreeing + ((agreeing > 0) & (apart <= TRUST * look.errors + scale))
        fits = np.abs(ours - look.values) <= scale + TRUST * look.errors + ROUNDING * self.natural
        known = (agreeing > 0) & (fits | (agreeing > 1))
        self.steps[:, columns] = look.steps
        self.found[:, columns] = np.where(fresh & known, look.values, self.found[:, columns])
        self.errors[:, columns] = np.where(fresh & known, look.errors, self.errors[:, columns])
        self.closer[:, columns] |= fresh
        self.refused[:, columns] |= fresh & ~known
        self._compare()

    def worst(self) -> tuple[int, int]:
        """The entry that differs most, of those that are wrong if there are any."""
        apart = np.where(self.wrong, self.apart, -1.0) if self.wrong.any() else self.apart
        row, column = np.unravel_index(int(np.argmax(apart)), apart.shape)
        return int(row), int(column)

    def refuse(self, where: Any) -> None:
        """Take entries for ones of which nothing is known."""
        self.refused[where] = True
        self._compare()

    def finish(self) -> None:
        """Refuse what was to be looked at more closely and was not."""
        self.refuse(self.open)


def largest(array: Array) -> float:
    """The largest size of a finite entry."""
    return float(np.max(np.abs(array[np.isfinite(array)]), initial=0.0))
