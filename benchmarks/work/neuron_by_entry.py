"""The neuron by peers that hold every number as an object of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.measure import Array, Call
from benchmarks.peers import micrograd_function, tanh_slope


def sympy_lambdify(*inputs: Array) -> Call:
    """Expressions entry by entry, common parts taken out, as a function of Python floats."""
    import sympy

    n = len(inputs[1])
    W, (x, b, u) = sympy.symbols(f"W:{n * n}"), [sympy.symbols(f"{name}:{n}") for name in "xbu"]
    z = [sum(W[i * n + j] * x[j] for j in range(n)) + b[i] for i in range(n)]
    s = sum(u[i] * sympy.tanh(z[i]) for i in range(n))
    outputs = [s] + [[sympy.diff(s, v) for v in group] for group in (W, x, b, u)]
    function = sympy.lambdify([W, x, b, u], outputs, modules="math", cse=True)
    flat = [tuple(a.ravel().tolist()) for a in inputs]

    def call() -> Sequence[Any]:
        value, by_W, *others = function(*flat)
        return value, np.array(by_W).reshape(n, n), *[np.array(g) for g in others]

    return call


def micrograd(W: Array, x: Array, b: Array, u: Array) -> Call:
    """A graph of scalars, with a tanh written as its own operations are."""
    from micrograd.engine import Value

    tanh = micrograd_function(math.tanh, tanh_slope)
    lists = [W.tolist(), x.tolist(), b.tolist(), u.tolist()]

    def call() -> Sequence[Any]:
        rows = [[Value(w) for w in row] for row in lists[0]]
        xs, bs, us = [[Value(v) for v in values] for values in lists[1:]]
        s = Value(0.0)
        for row, bias, weight in zip(rows, bs, us, strict=True):
            z = bias
            for w, v in zip(row, xs, strict=True):
                z = z + w * v
            s = s + weight * tanh(z)
        s.backward()
        return s, rows, xs, bs, us

    return call


def micrograd_numbers(result: Any) -> Sequence[Any]:
    """The value and the gradients out of micrograd's objects."""
    value, rows, *vectors = result
    return [value.data, [[w.grad for w in row] for row in rows], *[[v.grad for v in values] for values in vectors]]
