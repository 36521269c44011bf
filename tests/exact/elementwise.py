"""What the elementwise operations are, over arrays of `mpf`: definitions, as a textbook has them, and no derivative.

A function of the attributes and the operands, as `tests.exact.core` wants it. The operations that are derivatives of
others (`tanh'`, ...) are tested as such and have no entry. `POOL` are the places at which all are tested.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from mpmath import mp, mpf

from tests.exact.core import Exact


def entrywise(function: Callable[..., Any], count: int = 1) -> Exact:
    """A function of numbers as an exact operation."""
    mapped = np.frompyfunc(function, count, 1)
    return lambda attributes, *operands: mapped(*operands)


def _cbrt(x: Any) -> Any:
    return mp.sign(x) * mp.cbrt(abs(x))


def _gelu(x: Any) -> Any:
    """x Φ(x); mpmath has no erfc of very large numbers, where it is 2 or 0 to all digits asked for."""
    return x * mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 10**4 else max(x, mpf(0))


def _floor_mod(x: Any, y: Any) -> Any:
    return x - mp.floor(x / y) * y


def _power(x: Any, n: Any) -> Any:
    """x^n; for a base below 0 the exponent is whole, and moves by the step of a difference at most where it is not."""
    return mpf(1) if n == 0 else x**n


def _power_term(attributes: Any, *operands: Any) -> Any:
    below, logs = attributes["below"], attributes["logs"]

    def term(c: Any, x: Any, n: Any) -> Any:
        if c == 0 or (x == 0 and n > below):
            return mpf(0)
        return c * x ** (n - below) * (mp.log(x) ** logs if logs else 1)

    return entrywise(term, 3)(None, *operands)


def _compared(attributes: Any, x: Any, y: Any) -> Any:
    operators = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
                 "==": np.equal, "!=": np.not_equal}  # fmt: skip
    return entrywise(mpf)(None, operators[attributes["operator"]](x, y).astype(int).astype(object))


def _shared(attributes: Any, *operands: Any) -> Any:
    """An even part of 1 to each of the best, nothing to the others."""
    best = max if attributes["operator"] == ">" else min

    def share(*x: Any) -> Any:
        winners = [v == best(x) for v in x]
        return mpf(winners[attributes["of"]]) / sum(winners)

    return entrywise(share, len(operands))(None, *operands)


def _added(attributes: Any, *operands: Any) -> Any:
    return sum(sign * x for sign, x in zip(attributes["signs"], operands, strict=True))


EXACT: dict[str, Exact] = {
    "exp": entrywise(mp.exp),
    "log": entrywise(mp.log),
    "log1p": entrywise(lambda x: mp.log(1 + x)),
    "expm1": entrywise(lambda x: mp.exp(x) - 1),
    "sqrt": entrywise(mp.sqrt),
    "cbrt": entrywise(_cbrt),
    "square": entrywise(lambda x: x * x),
    "one_minus_square": entrywise(lambda x: 1 - x * x),
    "two_minus_square": entrywise(lambda x: 2 - x * x),
    "over_one_plus_square": entrywise(lambda x: 1 / (1 + x * x)),
    "abs": entrywise(abs),
    "sign": entrywise(mp.sign),
    "step": entrywise(lambda x: mpf(x > 0)),
    "floor": entrywise(mp.floor),
    "ceil": entrywise(mp.ceil),
    "round": entrywise(mp.nint),
    "sin": entrywise(mp.sin),
    "cos": entrywise(mp.cos),
    "tan": entrywise(mp.tan),
    "arcsin": entrywise(mp.asin),
    "arccos": entrywise(mp.acos),
    "arctan": entrywise(mp.atan),
    "sinh": entrywise(mp.sinh),
    "cosh": entrywise(mp.cosh),
    "tanh": entrywise(mp.tanh),
    "arcsinh": entrywise(mp.asinh),
    "arccosh": entrywise(mp.acosh),
    "arctanh": entrywise(mp.atanh),
    "sigmoid": entrywise(lambda x: 1 / (1 + mp.exp(-x))),
    "softplus": entrywise(lambda x: mp.log1p(mp.exp(x))),
    "softsign": entrywise(lambda x: x / (1 + abs(x))),
    "relu": entrywise(lambda x: max(x, mpf(0))),
    "leaky_relu": entrywise(lambda x: x if x > 0 else mpf(0.01) * x),
    "elu": entrywise(lambda x: x if x > 0 else mp.exp(x) - 1),
    "silu": entrywise(lambda x: x / (1 + mp.exp(-x))),
    "erf": entrywise(mp.erf),
    "gelu": entrywise(_gelu),
    "sinc": entrywise(lambda x: mp.sinpi(x) / (mp.pi * x) if x else mpf(1)),
    "negative": entrywise(lambda x: -x),
    "add": _added,
    "multiply": entrywise(lambda x, y: x * y, 2),
    "scale": entrywise(lambda c, x: c * x, 2),
    "divide": entrywise(lambda x, y: x / y, 2),
    "ratio": entrywise(lambda x, y: x / y if x else x, 2),
    "quotient_power": lambda attributes, x, y: entrywise(lambda x, y: x / y ** attributes["power"], 2)(None, x, y),
    "power": entrywise(_power, 2),
    "power_term": _power_term,
    "bell": lambda attributes, c, x: entrywise(lambda c, x: c * mp.exp(-attributes["rate"] * x * x), 2)(None, c, x),
    "hypot": entrywise(lambda x, y: mp.sqrt(x * x + y * y), 2),
    "over_hypot": lambda a, *x: entrywise(lambda *x: x[a["of"]] / mp.sqrt(x[0] * x[0] + x[1] * x[1]), 2)(None, *x),
    "over_hypot_cubed": lambda a, *x: entrywise(
        lambda *x: x[a["of"][0]] * x[a["of"][1]] / mp.sqrt(x[0] * x[0] + x[1] * x[1]) ** 3, 2
    )(None, *x),
    "over_squares": lambda a, *x: entrywise(lambda *x: x[a["of"]] / (x[0] * x[0] + x[1] * x[1]), 2)(None, *x),
    "difference_over_squares": entrywise(lambda x, y: (x * x - y * y) / (x * x + y * y) ** 2, 2),
    "floor_quotient": entrywise(lambda x, y: mp.floor(x / y), 2),
    "arctan2": entrywise(mp.atan2, 2),
    "mod": entrywise(_floor_mod, 2),
    "where": entrywise(lambda c, x, y: x if c else y, 3),
    "clip": entrywise(lambda x, low, high: min(max(x, low), high), 3),
    "compare": _compared,
    "share": _shared,
    "max": lambda attributes, *x: reduce(np.maximum, x),
    "min": lambda attributes, *x: reduce(np.minimum, x),
}

LARGE = sys.float_info.max
TINY = 5e-324
EDGES = [0.0, TINY, 1e-320, 2.3e-308, 1e-160, 1e-8, 0.1, 0.5, 1 - 2**-53, 1.0, 1 + 2**-52, 1.5, 2.0, 3.0, 10.0,
         36.7, 38.5, 354.9, 708.4, 709.78, 744.4, 745.1, 1e8, 2.0**52, 1e16,
         1e22, 1e154, 1.4e154, 1e160, 4e161, 1e300, LARGE]  # fmt: skip
"""Places where a kernel may go wrong: ends of ranges, whole numbers, halves of the exponent range."""
ZEROS = [
    -1.2784645427610738,
    -0.7517915246935645,
    2.399357280520548,
    math.sqrt(2),
    1.4302966532,
    2.4590240396,
    math.sqrt(0.5),
]
"""Near zeros of derivatives."""


def pool(count: int, seed: int = 0) -> list[float]:
    """Numbers over the whole range of floats, of both signs: `EDGES`, and `count` more."""
    numbers = np.random.default_rng(seed)
    sizes = [
        10.0 ** numbers.uniform(-307, 308, count // 4),
        np.abs(numbers.normal(size=count // 6)) * 4,
        numbers.uniform(0, 750, count // 6),
        1 + numbers.normal(size=count // 12) * 10.0 ** numbers.uniform(-15, -1, count // 12),
        numbers.integers(1, 4000, count // 12) * (math.pi / 2),
        numbers.integers(1, 40, count // 12) / 2 + numbers.normal(size=count // 12) * 1e-12,
        numbers.integers(1, 2**52, count // 24) * TINY,
        *(z * (1 + numbers.normal(size=count // 60) * 10.0 ** numbers.uniform(-16, -1, count // 60)) for z in ZEROS),
    ]
    drawn = np.concatenate(sizes)
    drawn *= numbers.choice([-1.0, 1.0], drawn.size)
    return [float(x) for x in (*EDGES, *(-np.array(EDGES)), *ZEROS, *drawn)]


ATTRIBUTES: dict[str, list[dict[str, Any]]] = {
    "add": [{"signs": (1, 1)}, {"signs": (1, -1)}],
    "compare": [{"operator": o} for o in ("<", "<=", ">", ">=", "==", "!=")],
    "share": [{"of": 0, "operator": ">"}, {"of": 1, "operator": "<"}],
    "quotient_power": [{"power": 2, "by": "divide"}, {"power": 3, "by": "divide"}],
    "power_term": [{"below": below, "logs": logs} for below, logs in ((0, 1), (1, 0), (2, 0))],
    "bell": [{"rate": 1.0}, {"rate": 0.5}],
    "over_hypot": [{"of": 0}, {"of": 1}],
    "over_hypot_cubed": [{"of": (0, 1)}, {"of": (0, 0)}, {"of": (1, 1)}],
    "over_squares": [{"of": 0}, {"of": 1}],
}
"""What an operation is tested with, where it takes attributes."""
OPERANDS = dict.fromkeys(("where", "clip", "power_term"), 3) | dict.fromkeys(
    ("multiply", "scale", "divide", "ratio", "quotient_power", "power", "bell", "hypot", "over_hypot",
     "over_hypot_cubed", "over_squares", "difference_over_squares", "floor_quotient", "arctan2", "mod", "add",
     "compare", "share", "max", "min"),
    2,
)  # fmt: skip
"""How many an operation takes, if it is not one."""
PARTS = ("one_minus_square", "two_minus_square", "over_one_plus_square", "quotient_power", "power_term", "bell",
         "over_hypot", "over_hypot_cubed", "over_squares", "difference_over_squares", "floor_quotient")  # fmt: skip
"""Operations that first derivatives are made of, and are no functions of the language."""


def _inside(x: float) -> float:
    return x if abs(x) <= 1 else 1 / x


INTO: dict[str, Callable[[float], float]] = {
    **dict.fromkeys(("arcsin", "arccos", "arctanh"), _inside),
    **dict.fromkeys(("log", "sqrt"), abs),
    "log1p": lambda x: max(x, _inside(x)),
    "arccosh": lambda x: abs(x) if abs(x) >= 1 else 1 / max(abs(x), 1e-300),
}
"""Takes any number into the domain of an operation."""


def points(name: str, count: int, seed: int = 0) -> list[tuple[float, ...]]:
    """Operands of an operation: each number of the pool beside others, equal, near in size and far."""
    drawn = pool(count, seed)
    if OPERANDS.get(name, 1) == 1:
        return [(INTO.get(name, float)(x),) for x in drawn]
    numbers = np.random.default_rng(seed + 1)
    rows: list[tuple[float, ...]] = []
    for k in range(max(count, len(drawn))):
        x = drawn[k % len(drawn)]
        beside = [x * numbers.uniform(-2, 2), float(numbers.choice(drawn)), numbers.normal() * 3][k % 3]
        row = (x, float(beside)) if k % 2 else (float(beside), x)
        if all(map(math.isfinite, row)):
            rows.append(row if OPERANDS[name] == 2 else (*row, float(numbers.choice(drawn))))
    if name == "power_term":
        return [(c, *power) for (c, *_), power in zip(rows, _powers(rows, numbers), strict=True)]
    if name == "where":
        return [(float(numbers.choice([0.0, 1.0, -3.0])), *others) for _, *others in rows]
    return _powers(rows, numbers) if name == "power" else rows


def _powers(rows: Sequence[tuple[float, ...]], numbers: np.random.Generator) -> list[tuple[float, ...]]:
    """Bases with exponents that they can bear: any size, whole ones for a base below 0."""
    found = []
    for x, *_ in rows:
        size = abs(math.log(abs(x))) if x not in (0.0, 1.0, -1.0) else 1.0
        n = numbers.uniform(-1, 1) * min(800 / size, 1e6) if numbers.random() < 0.8 else float(numbers.integers(-3, 5))
        found.append((x, float(n) if x >= 0 else float(round(n))))
    return found
