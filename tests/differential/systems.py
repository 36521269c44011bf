"""The systems that gradcalc is compared with: their namespaces in NumPy's manner, and their gradients of a program.

Every one works in 64 bits on the processor, without compilation. Each is imported when it is asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from tests.programs import Namespace, Program

Gradients = dict[str, np.ndarray]
KEPT = 500
"""Programs after which JAX's compiled operations leave the memory; a folder of temporary files keeps them."""
COMPARED = count()


def with_autograd(program: Program, xp: Namespace | None = None) -> Gradients:
    import autograd

    xp = xp or autograd_namespace()
    found = autograd.grad(lambda inputs: program.compute(xp, inputs)[0, 0])(program.inputs)
    return {name: np.asarray(g) for name, g in found.items()}


@cache
def autograd_namespace() -> Namespace:
    import autograd.numpy
    from autograd.scipy.special import erf

    return Namespace(autograd.numpy, erf=erf)


def with_jax(program: Program, xp: Namespace | None = None) -> Gradients:
    import jax

    xp = xp or jax_namespace()
    if next(COMPARED) % KEPT == KEPT - 1:
        jax.clear_caches()
    found = jax.grad(lambda inputs: program.compute(xp, inputs)[0, 0])(program.inputs)
    return {name: np.asarray(g) for name, g in found.items()}


@cache
def jax_namespace() -> Namespace:
    import jax

    settings = {
        "jax_enable_x64": True,
        "jax_platforms": "cpu",
        "jax_compilation_cache_dir": str(Path(tempfile.gettempdir()) / "gradcalc-differential-jax"),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in settings.items():
        jax.config.update(name, value)
    return Namespace(jax.numpy, erf=jax.scipy.special.erf)


def with_torch(program: Program, xp: Namespace | None = None) -> Gradients:
    import torch

    xp = xp or torch_namespace()
    inputs = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in program.inputs.items()}
    target = program.compute(xp, inputs)[0, 0]
    if not target.requires_grad:
        return {name: np.zeros(value.shape) for name, value in program.inputs.items()}
    leaves = list(inputs.values())
    found = torch.autograd.grad(target, leaves, allow_unused=True, materialize_grads=True)
    return {name: g.numpy() for name, g in zip(inputs, found, strict=True)}


@cache
def torch_namespace() -> Namespace:
    import torch

    torch.set_num_threads(1)

    def along(of_all: Callable[..., Any], of_axis: Callable[..., Any]) -> Callable[..., Any]:
        """A reduction that keeps the axes, over all entries or along one."""

        def reduced(x: Any, axis: int | None = None, keepdims: bool = True) -> Any:
            return of_all(x).reshape(1, 1) if axis is None else of_axis(x, dim=axis, keepdim=True)

        return reduced

    return Namespace(
        torch,
        constant=lambda array: torch.tensor(np.asarray(array, dtype=float), dtype=torch.float64),
        concatenate=torch.cat,
        sum=along(torch.sum, torch.sum),
        mean=along(torch.mean, torch.mean),
        max=along(torch.amax, torch.amax),
        min=along(torch.amin, torch.amin),
    )


def with_careful_tanh(xp: Namespace) -> Namespace:
    """The namespace with a tanh whose derivative is no difference of nearly equal numbers, as 1 - tanh² is."""

    def tanh(x: Any) -> Any:
        distant = 2 / (1 + xp.exp(-2 * xp.abs(x))) - 1
        return xp.where(x > 0, distant, -distant)

    return Namespace(xp, tanh=tanh)


SYSTEMS: dict[str, tuple[Callable[..., Gradients], Callable[[], Namespace]]] = {
    "jax": (with_jax, jax_namespace),
    "torch": (with_torch, torch_namespace),
    "autograd": (with_autograd, autograd_namespace),
}
"""Gradients of a program with a system, in its own namespace or another one that stands on it."""


def version(name: str) -> str:
    """A system and its version."""
    from importlib.metadata import version as of

    return f"{name} {of(name)}"
