"""Hessians of three scalars by a vector: a neuron, logistic regression, a quadratic form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks import calls
from benchmarks.measure import Call, Task, fastest
from benchmarks.row import AS_FAST, Row, times_faster
from benchmarks.sizes import Sizes
from benchmarks.work.hessian_problems import Function, Inputs, Problem, logistic, neuron, quadratic


def rows(sizes: Sizes) -> list[Row[Any]]:
    """The three scalars."""
    problems = [neuron(sizes.matrix), logistic(sizes.weights, sizes.examples), quadratic(sizes.matrix)]
    return [_row(problem) for problem in problems]


def _row(problem: Problem) -> Row[Inputs]:
    return Row(
        name=problem.name,
        work=problem.work,
        inputs=lambda folder: problem.inputs(),
        subject=lambda inputs: _task(calls.hessian(problem.text, problem.of, problem.by, inputs)),
        peers={
            "NumPy by hand": lambda inputs: _task(lambda: problem.by_hand(*inputs.values())),
            "PyTorch": lambda inputs: _task(pytorch(problem, inputs)),
            "JAX jit": lambda inputs: _task(with_jax(problem, inputs, jit=True)),
            "JAX": lambda inputs: _task(with_jax(problem, inputs, jit=False)),
            "autograd": lambda inputs: _task(hips_autograd(problem, inputs)),
            "CasADi": lambda inputs: _task(casadi_call(problem, inputs)),
        },
        goals={"JAX jit": AS_FAST, "PyTorch": times_faster(3)},
        reference=lambda inputs: _reference(problem, inputs),
    )


def _task(call: Call) -> Task:
    return Task(call, lambda matrix: [matrix])


def _reference(problem: Problem, inputs: Inputs) -> Sequence[Any]:
    return [problem.by_hand(*inputs.values())]


def _place(problem: Problem, inputs: Inputs) -> int:
    return list(inputs).index(problem.by)


def pytorch(problem: Problem, inputs: Inputs) -> Call:
    """The fastest of reverse over reverse, forward over reverse, and the older interface."""
    import torch

    tensors = [torch.tensor(a) for a in inputs.values()]
    place, scalar = _place(problem, inputs), problem.torch()

    def function(v: Any) -> Any:
        return scalar(*tensors[:place], v, *tensors[place + 1 :])

    v = tensors[place]
    return fastest(
        lambda: torch.func.jacrev(torch.func.jacrev(function))(v).numpy(),
        lambda: torch.func.hessian(function)(v).numpy(),
        lambda: torch.autograd.functional.hessian(function, v).numpy(),
    )


def with_jax(problem: Problem, inputs: Inputs, *, jit: bool) -> Call:
    """The faster of forward over reverse and reverse over reverse, compiled or traced at every call."""
    import jax
    import jax.numpy as jnp

    arrays = [jnp.asarray(a) for a in inputs.values()]
    place, scalar = _place(problem, inputs), problem.jax()

    def called(transformed: Function) -> Call:
        ready = jax.jit(transformed) if jit else transformed
        return lambda: np.asarray(ready(*arrays))

    twice = jax.jacrev(jax.jacrev(scalar, argnums=place), argnums=place)
    return fastest(called(jax.hessian(scalar, argnums=place)), called(twice))


def hips_autograd(problem: Problem, inputs: Inputs) -> Call:
    """HIPS autograd."""
    import autograd

    arrays = list(inputs.values())
    function = autograd.hessian(problem.autograd(), _place(problem, inputs))
    return lambda: function(*arrays)


def casadi_call(problem: Problem, inputs: Inputs) -> Call:
    """A call with matrices of CasADi, its result turned into an array."""
    import casadi

    symbols = [casadi.MX.sym(name, *a.shape) for name, a in inputs.items()]
    hessian, _ = casadi.hessian(problem.casadi()(*symbols), symbols[_place(problem, inputs)])
    function = casadi.Function("f", symbols, [hessian])
    matrices = [casadi.DM(a) for a in inputs.values()]
    return lambda: function(*matrices).full()
