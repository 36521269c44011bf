"""The scalars whose Hessians are taken, in the words of each library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.measure import Array

Inputs = dict[str, Array]
Function = Callable[..., Any]


@dataclass(frozen=True)
class Problem:
    """A scalar and the input that its Hessian is by; the functions take the inputs in their order.

    `by_hand` gives the Hessian itself.
    """

    name: str
    work: str
    text: str
    of: str
    by: str
    inputs: Callable[[], Inputs]
    by_hand: Function
    jax: Callable[[], Function]
    torch: Callable[[], Function]
    autograd: Callable[[], Function]
    casadi: Callable[[], Function]


def neuron(n: int) -> Problem:
    """u^T tanh(W x + b) by x."""

    def inputs() -> Inputs:
        random = np.random.default_rng(0)
        W = random.standard_normal((n, n)) / np.sqrt(n)
        return {"W": W, **{name: random.standard_normal(n) for name in "xbu"}}

    def by_hand(W: Array, x: Array, b: Array, u: Array) -> Array:
        h = np.tanh(W.dot(x) + b)
        curvature: Array = (W.T * (-2 * u * h * (1 - h * h))).dot(W)
        return curvature

    def jax() -> Function:
        import jax.numpy as jnp

        return lambda W, x, b, u: jnp.dot(u, jnp.tanh(W @ x + b))

    def torch() -> Function:
        import torch

        return lambda W, x, b, u: torch.dot(u, torch.tanh(torch.addmv(b, W, x)))

    def autograd() -> Function:
        import autograd.numpy as anp

        return lambda W, x, b, u: anp.dot(u, anp.tanh(anp.dot(W, x) + b))

    def casadi() -> Function:
        import casadi

        return lambda W, x, b, u: casadi.dot(u, casadi.tanh(W @ x + b))

    return Problem(
        "hessian-neuron", f"Hessian of u^T tanh(W x + b) by x, n = {n:,}", "s = u^T tanh(W x + b)", "s", "x",
        inputs, by_hand, jax, torch, autograd, casadi,
    )  # fmt: skip


def logistic(n: int, m: int) -> Problem:
    """The mean of softplus(-y_i x_i^T w) by w, for m examples of n features."""

    def inputs() -> Inputs:
        random = np.random.default_rng(0)
        X, w, y = random.standard_normal((m, n)), random.standard_normal(n), random.standard_normal(m)
        return {"X": X, "w": w / np.sqrt(n), "y": np.sign(y)}

    def by_hand(X: Array, w: Array, y: Array) -> Array:
        p = 1 / (1 + np.exp(y * X.dot(w)))
        half = X * np.sqrt(p * (1 - p) / m)[:, None]
        curvature: Array = half.T.dot(half)  # NumPy sees one matrix and computes half of what is symmetric
        return curvature

    def jax() -> Function:
        import jax.numpy as jnp
        from jax.nn import softplus

        return lambda X, w, y: jnp.mean(softplus(-y * (X @ w)))

    def torch() -> Function:
        import torch

        return lambda X, w, y: torch.nn.functional.softplus(-y * torch.mv(X, w)).mean()

    def autograd() -> Function:
        import autograd.numpy as anp

        return lambda X, w, y: anp.mean(anp.logaddexp(0.0, -y * anp.dot(X, w)))

    def casadi() -> Function:
        import casadi

        def scalar(X: Any, w: Any, y: Any) -> Any:
            return casadi.sum1(casadi.log1p(casadi.exp(-y * (X @ w)))) / m

        return scalar

    return Problem(
        "hessian-logistic", f"Hessian of logistic regression by w, n = {n:,}, m = {m:,}",
        "J = mean(softplus(-(y ∘ (X w))))", "J", "w", inputs, by_hand, jax, torch, autograd, casadi,
    )  # fmt: skip


def quadratic(n: int) -> Problem:
    """x^T A x by x."""

    def inputs() -> Inputs:
        random = np.random.default_rng(0)
        return {"A": random.standard_normal((n, n)), "x": random.standard_normal(n)}

    def by_hand(A: Array, x: Array) -> Array:
        return A + A.T

    def jax() -> Function:
        import jax.numpy as jnp

        return lambda A, x: jnp.dot(x, A @ x)

    def torch() -> Function:
        import torch

        return lambda A, x: torch.dot(x, torch.mv(A, x))

    def autograd() -> Function:
        import autograd.numpy as anp

        return lambda A, x: anp.dot(x, anp.dot(A, x))

    def casadi() -> Function:
        import casadi

        return lambda A, x: casadi.dot(x, A @ x)

    return Problem(
        "hessian-quadratic", f"Hessian of x^T A x by x, n = {n:,}", "s = x^T A x", "s", "x",
        inputs, by_hand, jax, torch, autograd, casadi,
    )  # fmt: skip
