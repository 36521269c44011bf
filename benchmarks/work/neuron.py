"""Value and all four gradients of s = u^T tanh(W x + b), prepared, at three widths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks import calls
from benchmarks.measure import Array, Call, Task, fastest
from benchmarks.row import FASTER, Row, at_most
from benchmarks.sizes import Sizes
from benchmarks.work.neuron_by_entry import micrograd, micrograd_numbers, sympy_lambdify

TEXT = "s = u^T tanh(W x + b)"
WRT = ["W", "x", "b", "u"]
Inputs = tuple[Array, Array, Array, Array]
FASTER_THAN = ["PyTorch", "JAX jit", "CasADi", "CasADi buffers", "autograd"]
# Peers that hold every number as an object take part where there are few.
BY_ENTRY = 10


def rows(sizes: Sizes) -> list[Row[Any]]:
    """Three widths."""
    return [
        _row(name, n, times)
        for name, n, times in zip(
            ("neuron-10", "neuron-200", "neuron-2000"), sizes.neuron, (1.6, 1.05, 1.05), strict=True
        )
    ]


def _row(name: str, n: int, times: float) -> Row[Inputs]:
    peers: dict[str, Callable[[Inputs], Task]] = {
        "NumPy by hand": lambda inputs: Task(by_hand(*inputs)),
        "PyTorch": lambda inputs: Task(pytorch(*inputs)),
        "JAX jit": lambda inputs: Task(jax_jit(*inputs)),
        "JAX": lambda inputs: Task(jax_eager(*inputs)),
        "autograd": lambda inputs: Task(hips_autograd(*inputs)),
        "CasADi": lambda inputs: Task(casadi_call(*inputs)),
        "CasADi buffers": lambda inputs: Task(casadi_buffers(*inputs)),
    }
    if n <= BY_ENTRY:
        peers["SymPy"] = lambda inputs: Task(sympy_lambdify(*inputs))
        peers["micrograd"] = lambda inputs: Task(micrograd(*inputs), micrograd_numbers)
    return Row(
        name=name,
        work=f"prepared neuron, n = {n:,}: value and four gradients of {TEXT}",
        inputs=lambda folder: drawn(n),
        subject=lambda inputs: Task(prepared(*inputs)),
        peers=peers,
        goals={**dict.fromkeys(FASTER_THAN, FASTER), "NumPy by hand": at_most(times)},
        reference=_plain,
    )


def drawn(n: int) -> Inputs:
    """W, x, b and u at random, such that W x + b is about 1."""
    random = np.random.default_rng(0)
    W = random.standard_normal((n, n)) / np.sqrt(n)
    return W, random.standard_normal(n), random.standard_normal(n), random.standard_normal(n)


def prepared(W: Array, x: Array, b: Array, u: Array) -> Call:
    """gradcalc's prepared function."""
    step = calls.prepared(TEXT, WRT)
    data = {"W": W, "x": x, "b": b, "u": u}
    return lambda: calls.evaluated(step, data, WRT)


def _plain(inputs: Inputs) -> Sequence[Any]:
    W, x, b, u = inputs
    h = np.tanh(W @ x + b)
    d = u * (1 - h**2)
    return [u @ h, np.outer(d, x), W.T @ d, d, h]


def by_hand(W: Array, x: Array, b: Array, u: Array) -> Call:
    """The formulas in NumPy, in the fastest of three ways: results in arrays that are used again, or in new ones."""
    add, dot, einsum, multiply, subtract, tanh = np.add, np.dot, np.einsum, np.multiply, np.subtract, np.tanh
    n = len(x)
    z, h, d, by_x, by_W = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty((n, n))
    column = d[:, None]

    def reusing() -> Sequence[Any]:
        dot(W, x, z)
        add(z, b, z)
        tanh(z, h)
        multiply(h, h, d)
        subtract(1.0, d, d)
        multiply(u, d, d)
        multiply(column, x, by_W)
        dot(d, W, by_x)
        return u.dot(h), by_W, by_x, d, h

    def reusing_with_einsum() -> Sequence[Any]:
        dot(W, x, z)
        add(z, b, z)
        tanh(z, h)
        multiply(h, h, d)
        subtract(1.0, d, d)
        multiply(u, d, d)
        einsum("i,j->ij", d, x, out=by_W)
        dot(d, W, by_x)
        return u.dot(h), by_W, by_x, d, h

    def making() -> Sequence[Any]:
        h = W.dot(x)
        h += b
        tanh(h, h)
        d = h * h
        subtract(1.0, d, d)
        d *= u
        return u.dot(h), d[:, None] * x, d.dot(W), d, h

    return fastest(reusing, reusing_with_einsum, making)


def pytorch(*inputs: Array) -> Call:
    """`torch.autograd.grad` on leaves, which takes less time than `torch.func`."""
    import torch

    W, x, b, u = leaves = [torch.tensor(a, requires_grad=True) for a in inputs]

    def call() -> Sequence[Any]:
        s = torch.dot(u, torch.tanh(torch.addmv(b, W, x)))
        return s.item(), *[g.numpy() for g in torch.autograd.grad(s, leaves)]

    return call


def _jax_function() -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    def s(W: Any, x: Any, b: Any, u: Any) -> Any:
        return jnp.dot(u, jnp.tanh(W @ x + b))

    function: Callable[..., Any] = jax.value_and_grad(s, argnums=(0, 1, 2, 3))
    return function


def _jax_call(function: Callable[..., Any], inputs: Sequence[Array]) -> Call:
    """On arrays of JAX; reading its results waits until they are there."""
    import jax.numpy as jnp

    arrays = [jnp.asarray(a) for a in inputs]

    def call() -> Sequence[Any]:
        value, gradients = function(*arrays)
        return np.asarray(value), *[np.asarray(g) for g in gradients]

    return call


def jax_jit(*inputs: Array) -> Call:
    """Compiled."""
    import jax

    return fastest(_jax_call(jax.jit(_jax_function()), inputs))


def jax_eager(*inputs: Array) -> Call:
    """Traced at every call."""
    return _jax_call(_jax_function(), inputs)


def hips_autograd(*inputs: Array) -> Call:
    """HIPS autograd."""
    import autograd
    import autograd.numpy as anp

    function = autograd.value_and_grad(lambda W, x, b, u: anp.dot(u, anp.tanh(anp.dot(W, x) + b)), argnum=(0, 1, 2, 3))

    def call() -> Sequence[Any]:
        value, gradients = function(*inputs)
        return value, *gradients

    return call


def _casadi_function(n: int) -> Any:
    """In matrices: SX, entry by entry, takes longer to call."""
    import casadi

    W, (x, b, u) = casadi.MX.sym("W", n, n), [casadi.MX.sym(name, n) for name in "xbu"]
    s = casadi.dot(u, casadi.tanh(W @ x + b))
    return casadi.Function("f", [W, x, b, u], [s, *[casadi.gradient(s, v) for v in (W, x, b, u)]])


def casadi_call(*inputs: Array) -> Call:
    """A call with matrices of CasADi, its results turned into arrays."""
    import casadi

    function = _casadi_function(len(inputs[1]))
    matrices = [casadi.DM(a) for a in inputs]
    return lambda: [result.full() for result in function(*matrices)]


def casadi_buffers(*inputs: Array) -> Call:
    """CasADi on memory that is bound once: inputs are read where they lie, results overwritten at each call."""
    n = len(inputs[1])
    function = _casadi_function(n)
    results = [np.zeros(()), np.zeros((n, n), order="F"), np.zeros(n), np.zeros(n), np.zeros(n)]
    buffer, evaluate = function.buffer()
    held = [np.asfortranarray(a) for a in inputs]
    for place, array in enumerate(held):
        buffer.set_arg(place, array.T.data)
    for place, array in enumerate(results):
        buffer.set_res(place, array.T.data)

    # What is bound lives as long as the call: CasADi holds addresses alone.
    def call(_held: object = (function, buffer, held)) -> Sequence[Any]:
        evaluate()
        return results

    return call
