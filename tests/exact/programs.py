"""What a random program computes exactly: its twin over arrays of `mpf`, and its gradients by central differences.

No formula of a derivative is written here. `spread` says how far the gradients of the program as written move when each
of its operations is off by half a unit of a float's last place, which no arithmetic in floats can promise to undercut.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from mpmath import mp, mpf

from tests.exact.core import exactly
from tests.programs import Namespace, Program

DIGITS = 200
"""Digits of the working."""
STEP = mpf(10) ** -60
"""The step of a difference, whose error is its square."""
HALF_A_UNIT = mpf(2) ** -53


def each(function: Any) -> Any:
    """A function of numbers as one of arrays of them."""
    over = np.frompyfunc(function, 1, 1)
    return lambda x: over(x)


def _inverse(x: Any) -> Any:
    found = mp.inverse(mp.matrix(x.tolist()))
    out = np.empty_like(x)
    for place in np.ndindex(x.shape):
        out[place] = found[place]
    return out


class _Linear:
    """Inverses and determinants by elimination."""

    inv = staticmethod(_inverse)

    @staticmethod
    def det(x: Any) -> Any:
        return np.array(mp.det(mp.matrix(x.tolist())), dtype=object)


FUNCTIONS = {
    **{name: each(getattr(mp, name)) for name in ("exp", "log", "sin", "cos", "tanh", "sinh", "cosh", "sqrt", "erf",
                                                  "expm1", "log1p", "sign", "floor")},
    **{f"arc{name}": each(getattr(mp, f"a{name}")) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "ceil": each(mp.ceil),
    "arctan2": np.frompyfunc(mp.atan2, 2, 1),
    "linalg": _Linear,
    "constant": exactly,
    "pi": mp.pi,
}  # fmt: skip
EXACT = Namespace(np, **FUNCTIONS)
"""NumPy works on arrays of objects; what it lacks there comes from mpmath."""


class Noisy(np.ndarray):
    """An array whose every operation's result is off by up to half a unit of a float's last place."""

    numbers = random.Random(0)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [x.view(np.ndarray) if isinstance(x, Noisy) else x for x in inputs]
        options.pop("out", None)
        result = getattr(ufunc, method)(*plain, **options)
        return result if ufunc in (np.greater, np.less, np.greater_equal, np.less_equal) else disturbed(result)


def disturbed(result: Any) -> Any:
    """The result with every entry moved a little."""
    array = np.asarray(result, dtype=object)
    out = np.empty(array.shape, dtype=object)
    for place in np.ndindex(array.shape):
        out[place] = array[place] * (1 + HALF_A_UNIT * mpf(Noisy.numbers.uniform(-1, 1)))
    return out.view(Noisy)


def at(program: Program, inputs: dict[str, Any], seed: int | None) -> Any:
    """The target as a number; with a seed, of the program that is disturbed in the way of this seed."""
    if seed is None:
        return program.compute(EXACT, inputs).item()
    Noisy.numbers = random.Random(seed)
    return program.compute(EXACT, {name: x.view(Noisy) for name, x in inputs.items()}).item()


def gradients(program: Program, seed: int | None = None) -> dict[str, Any]:
    """The exact gradients of a program with a scalar target, arrays of `mpf`; with a seed, of the disturbed program."""
    with mp.workdps(DIGITS):
        inputs = {name: exactly(value) for name, value in program.inputs.items()}
        out = {}
        for name, x in inputs.items():
            found = np.empty(x.shape, dtype=object)
            for place in np.ndindex(x.shape):
                ends = []
                for sign in (1, -1):
                    moved = x.copy()
                    moved[place] += sign * STEP
                    ends.append(at(program, {**inputs, name: moved}, seed))
                found[place] = (ends[0] - ends[1]) / (2 * STEP)
            out[name] = found
        return out


def value(program: Program) -> Any:
    """The exact value of the target."""
    with mp.workdps(DIGITS):
        return at(program, {name: exactly(x) for name, x in program.inputs.items()}, None)


def spread(program: Program, exact: dict[str, Any], samples: int = 3) -> dict[str, Any]:
    """How far each entry of the gradients moves at most, over a few disturbances."""
    found = [gradients(program, seed) for seed in range(samples)]
    with mp.workdps(DIGITS):
        return {name: np.max([np.abs(f[name] - exact[name]) for f in found], axis=0) for name in exact}
