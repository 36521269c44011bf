"""What a random program is made of: namespaces, expressions, and the program with its twin in Python."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Array = Any
Environment = dict[str, Array]
SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly a text holds together."""


class Namespace:
    """Functions in NumPy's manner: a module's, and in front of them those that it lacks."""

    def __init__(self, module: Any, **own: Any):
        self._module, self._own = module, own

    def __getattr__(self, name: str) -> Any:
        return self._own[name] if name in self._own else getattr(self._module, name)

    def constant(self, array: Any) -> Array:
        """An array of numbers as the namespace's own kind of array."""
        made = self._own.get("constant") or getattr(self._module, "constant", None)
        return made(array) if made else array


NUMPY = Namespace(np, erf=np.vectorize(math.erf, otypes=[float]))


@dataclass(frozen=True, eq=False)
class Expression:
    """A text and what it computes; `value` is its value at the program's data."""

    text: str
    level: int
    shape: Shape
    value: np.ndarray
    compute: Callable[[Namespace, Environment], Array]

    def after(self, left: str) -> str:
        """The text as a factor after another one; juxtaposed unless it would be read as something else."""
        sign = "* " if self.text[0].isdigit() or self.text[0] in "[-|‖" else ""
        return f"{left} {sign}{self.at(POWER)}"

    def at(self, level: int) -> str:
        """The text, in brackets if it holds together less tightly than `level`."""
        return self.text if self.level >= level else f"({self.text})"


@dataclass(eq=False)
class Program:
    """A program: statements in some order, data from outside, all inputs' values, and the target's name.

    `steps` are the equations in the order in which they can be computed, each with its text and its twin; `shapes` are
    theirs.
    """

    seed: int
    statements: list[str]
    data: dict[str, Any]
    inputs: dict[str, np.ndarray]
    target: str
    definitions: list[str]
    steps: dict[str, Expression]
    shape: Shape

    @property
    def text(self) -> str:
        return "\n".join(self.statements)

    def shuffled(self, seed: int) -> str:
        """The same statements in another order."""
        statements = list(self.statements)
        random.Random(seed).shuffle(statements)
        return "\n".join(statements)

    def compute(self, xp: Namespace, inputs: Environment, target: str = "") -> Array:
        """The target, of rank 2, from inputs of rank 2."""
        values = dict(inputs)
        for name, step in self.steps.items():
            values[name] = step.compute(xp, values)
        return values[target or self.target]


def extent(shape: Shape) -> tuple[int, int]:
    return (1, 1) if not shape else (shape[0], 1) if len(shape) == 1 else (shape[0], shape[1])
