"""Random well-typed programs of the language, each with the same computation as a Python function.

`program(seed)` gives a text, data, and `compute(xp, inputs)`: the target over any namespace in NumPy's manner
(NumPy itself, autograd.numpy, jax.numpy, PyTorch, arrays of `mpf`), written without a line of gradcalc's, so that
gradients can be compared. Arrays have rank 2 throughout: a scalar is 1 × 1, a column n × 1. While a program is made its
numbers are followed in NumPy, so that values stay moderate and keep away from kinks, poles and singular matrices.

`made` has what a program consists of, `meaning` what the functions compute, `author` who writes; the other modules
say what can be written.
"""

from __future__ import annotations

import random

from tests.programs import entrywise, matrices, reductions, structural
from tests.programs.author import MOST, Author, Unsuitable
from tests.programs.made import NUMPY, Environment, Expression, Namespace, Program, Shape, extent

__all__ = [
    "MOST",
    "NUMPY",
    "Environment",
    "Expression",
    "Namespace",
    "Program",
    "Shape",
    "Unsuitable",
    "composed",
    "extent",
    "program",
    "written",
]  # fmt: skip
WRITING = (entrywise, matrices, reductions, structural)
"""Whatever enters productions."""


def program(seed: int, target: Shape = ()) -> Program:
    """The random program of a seed, its target a scalar or of the shape given."""
    for attempt in range(50):
        try:
            return Author(random.Random(f"{seed}/{attempt}")).write(seed, {"result": target})
        except Unsuitable:
            continue
    raise AssertionError(f"no program for seed {seed}")


def written(choices: random.Random, targets: dict[str, Shape], most: int = MOST) -> Program:
    """A program that follows the choices, with about so many expressions; may be `Unsuitable`."""
    return Author(choices, most).write(0, targets)


def composed(choices: random.Random, between: Shape, most: int = MOST) -> tuple[Program, Program]:
    """A program of the target `inner`, and one of a scalar `result` in which `inner` is an input like its own."""
    first = Author(choices, most // 2)
    inner = first.write(0, {"inner": between})
    value = first.values["inner"]
    second = Author(choices, most // 2, values={"inner": value}, free=first.free)
    outer = second.write(0, {"result": ()}, define=False)
    outer.inputs["inner"] = value.value
    return inner, outer
