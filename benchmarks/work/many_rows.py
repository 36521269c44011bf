"""Value and gradients of (x + y) max(y, z) at very many rows of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks import calls
from benchmarks.measure import Array, Call, Task, fastest
from benchmarks.row import Row, times_faster
from benchmarks.sizes import Sizes

TEXT = "f(x, y, z) = (x + y) max(y, z); x in R; y in R; z in R"
WRT = ["x", "y", "z"]
Inputs = tuple[Array, Array, Array]


def rows(sizes: Sizes) -> list[Row[Any]]:
    """One size."""
    count = sizes.rows
    return [
        Row(
            name="rows",
            work=f"{count:,} rows of (x + y) max(y, z): value and gradients",
            inputs=lambda folder: drawn(count),
            subject=lambda inputs: Task(prepared(*inputs)),
            peers={
                "NumPy by hand": lambda inputs: Task(by_hand(*inputs)),
                "PyTorch": lambda inputs: Task(pytorch(*inputs)),
                "JAX jit": lambda inputs: Task(with_jax(*inputs, jit=True)),
                "JAX": lambda inputs: Task(with_jax(*inputs, jit=False)),
                "autograd": lambda inputs: Task(hips_autograd(*inputs)),
                "CasADi": lambda inputs: Task(casadi_map(*inputs)),
                "SymPy": lambda inputs: Task(sympy_lambdify(*inputs)),
            },
            goals={"JAX jit": times_faster(2), "PyTorch": times_faster(5)},
            reference=_reference,
        )
    ]


def drawn(count: int) -> Inputs:
    """x, y and z at random, no y equal to its z."""
    x, y, z = np.random.default_rng(0).standard_normal((3, count))
    return x, y, z


def prepared(*inputs: Array) -> Call:
    """gradcalc's prepared function on a batch."""
    step = calls.prepared(TEXT, WRT)
    data = dict(zip(WRT, inputs, strict=True))
    return lambda: calls.evaluated(step, data, WRT)


def _reference(inputs: Inputs) -> Sequence[Any]:
    x, y, z = inputs
    larger, total = np.maximum(y, z), x + y
    return [total * larger, larger, larger + total * (y > z), total * (z > y)]


def by_hand(x: Array, y: Array, z: Array) -> Call:
    """The formulas in NumPy, with results written into arrays that are used again."""
    total, by_x, value, by_y, by_z = (np.empty_like(x) for _ in range(5))
    first = np.empty(x.shape, dtype=bool)

    def call() -> Sequence[Any]:
        np.add(x, y, out=total)
        np.maximum(y, z, out=by_x)
        np.multiply(total, by_x, out=value)
        np.greater(y, z, out=first)
        np.multiply(total, first, out=by_y)
        np.subtract(total, by_y, out=by_z)
        np.add(by_y, by_x, out=by_y)
        return value, by_x, by_y, by_z

    return call


def pytorch(*inputs: Array) -> Call:
    """The faster of one graph for all rows and of `torch.func.vmap`."""
    import torch

    leaves = [torch.tensor(a, requires_grad=True) for a in inputs]
    plain = [leaf.detach() for leaf in leaves]
    ones = torch.ones_like(plain[0])

    def function(x: Any, y: Any, z: Any) -> Any:
        return (x + y) * torch.maximum(y, z)

    mapped = torch.func.vmap(torch.func.grad_and_value(function, argnums=(0, 1, 2)))

    def together() -> Sequence[Any]:
        value = function(*leaves)
        return value.detach().numpy(), *[g.numpy() for g in torch.autograd.grad(value, leaves, ones)]

    def by_row() -> Sequence[Any]:
        gradients, value = mapped(*plain)
        return value.numpy(), *[g.numpy() for g in gradients]

    return fastest(together, by_row)


def with_jax(*inputs: Array, jit: bool) -> Call:
    """`vmap`, compiled or traced at every call."""
    import jax
    import jax.numpy as jnp

    arrays = [jnp.asarray(a) for a in inputs]
    function = jax.vmap(jax.value_and_grad(lambda x, y, z: (x + y) * jnp.maximum(y, z), argnums=(0, 1, 2)))
    ready: Callable[..., Any] = jax.jit(function) if jit else function

    def call() -> Sequence[Any]:
        value, gradients = ready(*arrays)
        return np.asarray(value), *[np.asarray(g) for g in gradients]

    return fastest(call)


def hips_autograd(*inputs: Array) -> Call:
    """One graph for all rows; autograd has no other."""
    import autograd.numpy as anp
    from autograd.core import make_vjp

    ones = np.ones_like(inputs[0])

    def call() -> Sequence[Any]:
        back, value = make_vjp(lambda p: (p[0] + p[1]) * anp.maximum(p[1], p[2]), inputs)
        return value, *back(ones)

    return call


def casadi_map(*inputs: Array) -> Call:
    """A map over the rows, on memory that is bound once."""
    import casadi

    symbols = [casadi.SX.sym(name) for name in WRT]
    x, y, z = symbols
    value = (x + y) * casadi.fmax(y, z)
    one = casadi.Function("f", symbols, [value, *[casadi.gradient(value, v) for v in symbols]])
    function: Any = one.map(len(inputs[0]))
    buffer, evaluate = function.buffer()
    results = [np.zeros_like(inputs[0]) for _ in range(4)]
    for place, array in enumerate(inputs):
        buffer.set_arg(place, array.data)
    for place, array in enumerate(results):
        buffer.set_res(place, array.data)

    # What is bound lives as long as the call: CasADi holds addresses alone.
    def call(_held: object = (function, buffer)) -> Sequence[Any]:
        evaluate()
        return results

    return call


def sympy_lambdify(*inputs: Array) -> Call:
    """The expressions as a function of arrays, common parts taken out."""
    import sympy

    x, y, z = symbols = sympy.symbols("x y z", real=True)
    value = (x + y) * sympy.Max(y, z)
    outputs = [value, *[sympy.diff(value, v) for v in symbols]]
    function = sympy.lambdify(symbols, outputs, modules="numpy", cse=True)
    return lambda: function(*inputs)
