"""A chain of scalar steps v = sin(v) x + v: value and gradient by the first v and by x."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import calls
from benchmarks.measure import Call, Task, fastest
from benchmarks.peers import micrograd_function
from benchmarks.row import FASTER, Row, times_faster
from benchmarks.sizes import Sizes

V0, X = 0.5, 0.002
WRT = ["v0", "x"]
# Deeper than the calls that micrograd nests for each step of a chain.
RECURSION = 100_000


def rows(sizes: Sizes) -> list[Row[Any]]:
    """The chain prepared, and from its text to the answer."""
    steps = sizes.chain
    return [
        Row(
            name="chain",
            work=f"chain of {steps:,} scalar steps v = sin(v) x + v, prepared: value and gradient",
            inputs=lambda folder: steps,
            subject=lambda steps: Task(prepared(steps)),
            peers={
                "NumPy by hand": lambda steps: Task(by_hand(steps)),
                "PyTorch": lambda steps: Task(pytorch(steps)),
                "JAX jit": lambda steps: Task(jax_jit(steps)),
                "JAX": lambda steps: Task(jax_eager(steps)),
                "autograd": lambda steps: Task(hips_autograd(steps)),
                "CasADi": lambda steps: Task(casadi_call(steps)),
                "micrograd": lambda steps: Task(micrograd(steps)),
            },
            goals={"PyTorch": times_faster(10), "micrograd": times_faster(5)},
            reference=_by_hand_once,
        ),
        Row(
            name="chain-from-text",
            work=f"the same chain of {steps:,} steps from text to answer; CasADi builds its graph and evaluates it",
            inputs=lambda folder: steps,
            subject=lambda steps: Task(from_text(steps)),
            peers={"CasADi": lambda steps: Task(lambda: _casadi_answer(_casadi_function(steps)))},
            goals={"CasADi": FASTER},
            reference=_by_hand_once,
        ),
    ]


def text_of(steps: int) -> str:
    """The chain as an equation file, a statement for each step."""
    return "\n".join(f"v{k + 1} = sin(v{k}) x + v{k}" for k in range(steps))


def prepared(steps: int) -> Call:
    """gradcalc's prepared function."""
    step = calls.prepared(text_of(steps), WRT, of=f"v{steps}")
    data = {"v0": V0, "x": X}
    return lambda: calls.evaluated(step, data, WRT)


def from_text(steps: int) -> Call:
    """gradcalc with nothing prepared."""
    text = text_of(steps)
    return lambda: calls.evaluated(calls.prepared(text, WRT, of=f"v{steps}"), {"v0": V0, "x": X}, WRT)


def by_hand(steps: int) -> Call:
    """A loop over Python's floats, which are faster than NumPy's for single numbers."""
    sin, cos = math.sin, math.cos

    def call() -> Sequence[Any]:
        x, v = X, V0
        values = []
        for _ in range(steps):
            values.append(v)
            v = sin(v) * x + v
        by_v, by_x = 1.0, 0.0
        for before in reversed(values):
            by_x += by_v * sin(before)
            by_v *= 1.0 + x * cos(before)
        return v, by_v, by_x

    return call


def _by_hand_once(steps: int) -> Sequence[Any]:
    answer: Sequence[Any] = by_hand(steps)()
    return answer


def pytorch(steps: int) -> Call:
    """`torch.autograd.grad`, with the multiplication and the addition in one operation if that is faster."""
    import torch

    leaves = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in (V0, X)]
    v0, x = leaves
    sin, fused = torch.sin, torch.addcmul

    def answer(v: Any) -> Sequence[Any]:
        return v.item(), *[g.item() for g in torch.autograd.grad(v, leaves)]

    def plain() -> Sequence[Any]:
        v = v0
        for _ in range(steps):
            v = sin(v) * x + v
        return answer(v)

    def in_one() -> Sequence[Any]:
        v = v0
        for _ in range(steps):
            v = fused(v, sin(v), x)
        return answer(v)

    return fastest(plain, in_one)


def _jax_answer(function: Callable[..., Any]) -> Call:
    def call() -> Sequence[Any]:
        value, gradients = function(V0, X)
        return float(value), *[float(g) for g in gradients]

    return call


def jax_jit(steps: int) -> Call:
    """The loop as a scan, compiled: unrolled it takes longer to run, and much longer to compile."""
    import jax
    import jax.numpy as jnp

    def chain(v0: Any, x: Any) -> Any:
        return jax.lax.scan(lambda v, _: (jnp.sin(v) * x + v, None), v0, None, length=steps)[0]

    return fastest(_jax_answer(jax.jit(jax.value_and_grad(chain, argnums=(0, 1)))))


def jax_eager(steps: int) -> Call:
    """The loop in Python, traced at every call."""
    import jax
    import jax.numpy as jnp

    def chain(v: Any, x: Any) -> Any:
        for _ in range(steps):
            v = jnp.sin(v) * x + v
        return v

    return _jax_answer(jax.value_and_grad(chain, argnums=(0, 1)))


def hips_autograd(steps: int) -> Call:
    """HIPS autograd."""
    import autograd
    import autograd.numpy as anp

    def chain(v: Any, x: Any) -> Any:
        for _ in range(steps):
            v = anp.sin(v) * x + v
        return v

    return _jax_answer(autograd.value_and_grad(chain, argnum=(0, 1)))


def _casadi_function(steps: int) -> Any:
    import casadi

    inputs = casadi.SX.sym("p", 2)
    v, x = inputs[0], inputs[1]
    for _ in range(steps):
        v = casadi.sin(v) * x + v
    return casadi.Function("f", [inputs], [v, casadi.gradient(v, inputs)])


def _casadi_answer(function: Any) -> Sequence[Any]:
    value, gradient = function([V0, X])
    by_v, by_x = gradient.full()
    return float(value), by_v, by_x


def casadi_call(steps: int) -> Call:
    """A call of the function that was built."""
    function = _casadi_function(steps)
    return lambda: _casadi_answer(function)


def micrograd(steps: int) -> Call:
    """A graph of scalars, with a sine written as its own operations are."""
    from micrograd.engine import Value

    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))
    sin = micrograd_function(math.sin, math.cos)

    def call() -> Sequence[Any]:
        v0, x = Value(V0), Value(X)
        v = v0
        for _ in range(steps):
            v = sin(v) * x + v
        v.backward()
        return v.data, v0.grad, x.grad

    return call
