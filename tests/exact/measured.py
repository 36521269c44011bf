"""Errors in ulp of an operation entry by entry and of its first and second derivatives, at points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np
from mpmath import mp, mpf

import gradcalc.ops  # noqa: F401 - fills the table of operations
from gradcalc.differentiate import forward
from gradcalc.evaluator import evaluate
from gradcalc.graph import OPERATIONS, Graph, Node, ancestors
from tests.exact import core
from tests.exact.elementwise import EXACT

Array = np.ndarray[Any, Any]
By = tuple[int, ...]
"""The operands that are derived by."""


@dataclass(frozen=True)
class Error:
    """How far a number is from the exact one, and where."""

    ulps: float
    point: tuple[float, ...]
    found: float
    exact: Any


EDGES = {"cbrt": 0.0, "sqrt": 0.0, "arcsin": 1.0, "arccos": 1.0, "arccosh": 1.0, "elu": 0.0}
"""The size of the operand where a derivative is infinite, or the second one differs from side to side."""


def smooth(name: str, attributes: Mapping[str, Any], points: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """The points inside an operation's domain and not at its kinks."""
    operation, columns = OPERATIONS[name], [np.array(x)[:, None] for x in zip(*points, strict=True)]
    kept = np.ones(len(points), bool)
    with np.errstate(all="ignore"):
        for test in (operation.fault, operation.kink):
            if test is not None:
                kept &= ~np.broadcast_to(test(attributes, *columns), (len(points), 1))[:, 0]
    return [p for p, keep in zip(points, kept, strict=True) if keep and not _is_edge(name, p)]


def _is_edge(name: str, point: Sequence[float]) -> bool:
    """Whether a difference across the point is not the derivative there, although no kink is flagged."""
    if name in ("compare", "share"):
        return point[0] == point[1]
    return point[1] == 0 if name == "ratio" else abs(point[0]) == EDGES.get(name)


def computed(
    name: str, attributes: Mapping[str, Any], points: Sequence[tuple[float, ...]], orders: Sequence[int] = (0, 1, 2)
) -> dict[By, Array]:
    """The value and the derivatives by gradcalc, forward over forward, of scalars: the points are a batch."""
    graph = Graph()
    leaves = [graph.make("input", name=f"x{i}", shape=()) for i in range(len(points[0]))]
    made: dict[By, Node] = {(): graph.make(name, *leaves, **attributes)}
    for order in (1, 2):
        for by in combinations_with_replacement(range(len(leaves)), order):
            made[by] = forward(made[by[:-1]], {leaves[by[-1]]: graph.constant(1.0)})
    wanted = {by: n for by, n in made.items() if len(by) in orders}
    columns = (np.array(x)[:, None, None] for x in zip(*points, strict=True))
    values = evaluate(ancestors(wanted.values()), dict(zip(leaves, columns, strict=True)))
    return {by: np.broadcast_to(values[n], (len(points), 1, 1))[:, 0, 0] for by, n in wanted.items()}


STEP = 2.0**-160
"""The step of a difference beside the size of the number: the error of a difference is its square."""
SPARE = 40
"""Digits that a difference must have left."""
MORE = 450
"""Further digits at which a difference that still shows nothing is that of a number below all floats."""


def _scale(name: str, numbers: Sequence[Any], i: int) -> Any:
    """Within what an operation is smooth, about: beside 1 and its operand; of a remainder, beside the next jump."""
    if name == "mod":
        return min(abs(numbers[0]) or abs(numbers[1]), abs(numbers[1])) * min(1, abs(numbers[1] / (numbers[0] or 1)))
    return min(abs(numbers[i]), mpf(1)) or mpf(10) ** -330


def exact(name: str, attributes: Mapping[str, Any], point: Sequence[float], by: By) -> Any:
    """The exact value or derivative at a point, by differences of the definition, at as many digits as that takes."""
    numbers = [mpf(x) for x in point]
    small = max(max(0, -mp.mag(_scale(name, numbers, i))) for i in range(len(point)))
    large = max(max(0, mp.mag(x)) for x in numbers if x) if any(numbers) else 0
    digits = int(60 + 50 * len(by) + 0.31 * (small * (1 + len(by)) + large))
    found, shows = _at(digits, name, attributes, numbers, by)
    if not shows:
        found, shows = _at(digits + MORE + int(0.31 * large), name, attributes, numbers, by)
    return found if not by or shows else mpf(0)


def _at(digits: int, name: str, attributes: Any, numbers: Sequence[Any], by: By) -> tuple[Any, bool]:
    """The value or the derivative at some digits, and whether that many show it."""
    with mp.workdps(digits):
        change, size, step = _difference(name, attributes, numbers, by)
        return change / step, abs(change) > size * mpf(10) ** (SPARE - digits)


def _difference(name: str, attributes: Any, numbers: Sequence[Any], by: By) -> tuple[Any, Any, Any]:
    """A central difference of the definition, the size of the values in it, and what it is to be divided by."""
    steps = [_scale(name, numbers, i) * STEP for i in by]
    values = []
    for signs in product((1, -1), repeat=len(by)):
        moved = list(numbers)
        for i, step, sign in zip(by, steps, signs, strict=True):
            moved[i] += sign * step
        cells = [np.array([[x]], dtype=object) for x in moved]
        values.append(math.prod(signs) * EXACT[name](attributes, *cells)[0, 0])
    return sum(values), max(map(abs, values)), math.prod(2 * step for step in steps)


def errors(
    name: str, attributes: Mapping[str, Any], points: Sequence[tuple[float, ...]], orders: Sequence[int] = (0, 1, 2)
) -> Iterator[tuple[By, Error]]:
    """The error of the value and of each derivative, at each point where the exact one is a real number."""
    for by, found in computed(name, attributes, points, orders).items():
        for point, value in zip(points, found, strict=True):
            if name == "where" and 0 in by and point[0] == 0:
                continue  # it jumps there, by its definition
            try:
                answer = exact(name, attributes, point, by)
            except ZeroDivisionError:
                continue
            if not isinstance(answer, mp.mpc):
                ulps = core.ulps(float(value), answer) * _part(name, point, by, answer)
                yield by, Error(ulps, point, float(value), answer)


def _part(name: str, point: Sequence[float], by: By, answer: Any) -> float:
    """What the answer is of the largest term of a sum that makes it: errors are measured beside that.

    ∂²x^n/∂x∂n = x^(n-1) + n x^(n-1) log x, which is 0 where log x = -1/n.
    """
    x, n = (*map(mpf, point), mpf(0))[:2]
    if name != "power" or by != (0, 1) or not x or abs(answer) > core.LARGEST:
        return 1.0
    return float(abs(answer) / (abs(x) ** (n - 1) * max(1, abs(n * mp.log(abs(x))))))


def worst(
    name: str, attributes: Mapping[str, Any], points: Sequence[tuple[float, ...]], orders: Sequence[int] = (0, 1, 2)
) -> dict[By, Error]:
    """The largest error of the value and of each derivative."""
    found: dict[By, Error] = {}
    for by, error in errors(name, attributes, points, orders):
        if by not in found or error.ulps > found[by].ulps:
            found[by] = error
    return found
