"""The Jacobian of tanh(W x + b) by x."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import calls
from benchmarks.measure import Array, Call, Task, fastest
from benchmarks.row import Row, times_faster
from benchmarks.sizes import Sizes

Inputs = tuple[Array, Array, Array]


def rows(sizes: Sizes) -> list[Row[Any]]:
    """One size."""
    n = sizes.matrix
    return [
        Row(
            name="jacobian",
            work=f"Jacobian of tanh(W x + b) by x, n = {n:,}",
            inputs=lambda folder: drawn(n),
            subject=lambda inputs: _task(ours(*inputs)),
            peers={
                "NumPy by hand": lambda inputs: _task(by_hand(*inputs)),
                "PyTorch": lambda inputs: _task(pytorch(*inputs)),
                "JAX jit": lambda inputs: _task(with_jax(*inputs, jit=True)),
                "JAX": lambda inputs: _task(with_jax(*inputs, jit=False)),
                "autograd": lambda inputs: _task(hips_autograd(*inputs)),
                "CasADi": lambda inputs: _task(casadi_call(*inputs)),
            },
            goals={"JAX jit": times_faster(5), "PyTorch": times_faster(30)},
            reference=_reference,
        )
    ]


def _task(call: Call) -> Task:
    return Task(call, lambda matrix: [matrix])


def drawn(n: int) -> Inputs:
    """W, x and b at random, such that W x + b is about 1."""
    random = np.random.default_rng(0)
    return random.standard_normal((n, n)) / np.sqrt(n), random.standard_normal(n), random.standard_normal(n)


def _reference(inputs: Inputs) -> Sequence[Any]:
    W, x, b = inputs
    return [np.diag(1 - np.tanh(W @ x + b) ** 2) @ W]


def ours(W: Array, x: Array, b: Array) -> Call:
    """gradcalc."""
    return calls.jacobian("h = tanh(W x + b)", "h", "x", {"W": W, "x": x, "b": b})


def by_hand(W: Array, x: Array, b: Array) -> Call:
    """The rows of W, each times its slope."""

    def call() -> Array:
        h = W.dot(x)
        h += b
        np.tanh(h, h)
        slopes = h * h
        np.subtract(1.0, slopes, slopes)
        scaled: Array = slopes[:, None] * W
        return scaled

    return call


def pytorch(*inputs: Array) -> Call:
    """The fastest of reverse mode, forward mode and the older interface."""
    import torch

    W, x, b = [torch.tensor(a) for a in inputs]

    def function(x: Any) -> Any:
        return torch.tanh(torch.addmv(b, W, x))

    return fastest(
        lambda: torch.func.jacrev(function)(x).numpy(),
        lambda: torch.func.jacfwd(function)(x).numpy(),
        lambda: torch.autograd.functional.jacobian(function, x).numpy(),
    )


def with_jax(*inputs: Array, jit: bool) -> Call:
    """The faster of reverse and forward mode, compiled or traced at every call."""
    import jax
    import jax.numpy as jnp

    arrays = [jnp.asarray(a) for a in inputs]

    def function(W: Any, x: Any, b: Any) -> Any:
        return jnp.tanh(W @ x + b)

    def called(transformed: Any) -> Call:
        ready = jax.jit(transformed) if jit else transformed
        return lambda: np.asarray(ready(*arrays))

    return fastest(called(jax.jacrev(function, argnums=1)), called(jax.jacfwd(function, argnums=1)))


def hips_autograd(W: Array, x: Array, b: Array) -> Call:
    """HIPS autograd."""
    import autograd
    import autograd.numpy as anp

    function = autograd.jacobian(lambda x: anp.tanh(anp.dot(W, x) + b))
    return lambda: function(x)


def casadi_call(*inputs: Array) -> Call:
    """A call with matrices of CasADi, its result turned into an array."""
    import casadi

    n = len(inputs[1])
    W, x, b = casadi.MX.sym("W", n, n), casadi.MX.sym("x", n), casadi.MX.sym("b", n)
    function = casadi.Function("f", [W, x, b], [casadi.jacobian(casadi.tanh(W @ x + b), x)])
    matrices = [casadi.DM(a) for a in inputs]
    return lambda: function(*matrices).full()
