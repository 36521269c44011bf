"""What gradcalc, JAX and PyTorch give at kinks, at the edges of domains and at the edges of the range.

Beside them stands the exact derivative, by differences at hundreds of digits, or, where there is none, the rule of the
project's contract. Each system computes with its own function, as its users would write it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mpmath import mp, mpf

import gradcalc
from tests.differential.systems import jax_namespace, torch_namespace

STEP = mpf(10) ** -120
MINIMUM_NORM, SHARED, REFUSED = "the subgradient of least norm: ", "ties share evenly: ", "no value: an error"


@dataclass(frozen=True)
class Edge:
    """An expression at a point: `exact` is a function of the entries as `mpf`, or a rule in words."""

    text: str
    at: dict[str, Any]
    exact: Callable[..., Any] | str
    jax: Callable[..., Any]
    torch: Callable[..., Any]


def edges(jax: Any, jnp: Any, torch: Any) -> list[Edge]:
    """All cases."""
    singular, flat = [[1.0, 2.0], [2.0, 4.0]], [[1.0, 1.0, 1.0]] * 3
    return [
        Edge("relu(x)", {"x": 0.0}, MINIMUM_NORM + "0", jax.nn.relu, torch.relu),
        Edge("|x|", {"x": 0.0}, MINIMUM_NORM + "0", jnp.abs, torch.abs),
        Edge("leaky_relu(x)", {"x": 0.0}, MINIMUM_NORM + "0.01", jax.nn.leaky_relu, torch.nn.functional.leaky_relu),
        Edge("clip(x, 0, 1)", {"x": 0.0}, MINIMUM_NORM + "0", lambda x: jnp.clip(x, 0, 1),
             lambda x: torch.clip(x, 0, 1)),
        Edge("max(x, y)", {"x": 1.0, "y": 1.0}, SHARED + "0.5; 0.5", jnp.maximum, torch.maximum),
        Edge("max(x)", {"x": [2.0, 2.0]}, SHARED + "[0.5, 0.5]", jnp.max, torch.max),
        Edge("median(x)", {"x": [1.0, 2.0, 3.0, 4.0]}, lambda a, b, c, d: (b + c) / 2, jnp.median, torch.median),
        Edge("norm(x)", {"x": [0.0, 0.0]}, MINIMUM_NORM + "[0, 0]", jnp.linalg.norm, torch.linalg.norm),
        Edge("norm(x)^2", {"x": [0.0, 0.0]}, lambda a, b: a * a + b * b, lambda x: jnp.linalg.norm(x) ** 2,
             lambda x: torch.linalg.norm(x) ** 2),
        Edge("std(x)", {"x": [3.0, 3.0, 3.0]}, MINIMUM_NORM + "[0, 0, 0]", jnp.std,
             lambda x: torch.std(x, correction=0)),
        Edge("hypot(x, y)", {"x": 0.0, "y": 0.0}, MINIMUM_NORM + "0; 0", jnp.hypot, torch.hypot),
        Edge("hypot(x, y)", {"x": 3e200, "y": 4e200}, lambda x, y: mp.sqrt(x * x + y * y), jnp.hypot, torch.hypot),
        Edge("norm(x)", {"x": [3e200, 4e200]}, lambda x, y: mp.sqrt(x * x + y * y), jnp.linalg.norm,
             torch.linalg.norm),
        Edge("arctan2(y, x)", {"y": 0.0, "x": 0.0}, REFUSED, jnp.arctan2, torch.arctan2),
        Edge("arctan2(y, x)", {"y": 1e-200, "x": 1e-200}, mp.atan2, jnp.arctan2, torch.arctan2),
        Edge("sqrt(x)", {"x": 0.0}, "∞, told", jnp.sqrt, torch.sqrt),
        Edge("cbrt(x)", {"x": -8.0}, lambda x: -mp.cbrt(-x), jnp.cbrt,
             lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3)),
        Edge("arcsin(x)", {"x": 1.0}, "∞, told", jnp.arcsin, torch.arcsin),
        Edge("log(x)", {"x": -1.0}, REFUSED, jnp.log, torch.log),
        Edge("log(x)", {"x": 0.0}, REFUSED, jnp.log, torch.log),
        Edge("x/x", {"x": 0.0}, REFUSED, lambda x: x / x, lambda x: x / x),
        Edge("exp(x)/exp(x)", {"x": 800.0}, REFUSED, lambda x: jnp.exp(x) / jnp.exp(x),
             lambda x: torch.exp(x) / torch.exp(x)),
        Edge("where(x > 0, sqrt(x), 0)", {"x": -1.0}, lambda x: mpf(0), lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0),
             lambda x: torch.where(x > 0, torch.sqrt(x), 0.0)),
        Edge("x^y", {"x": -2.0, "y": 2.0}, "-4; undefined, told", lambda x, y: x**y, lambda x, y: x**y),
        Edge("x^y", {"x": 0.0, "y": 2.0}, lambda x, y: x**y, lambda x, y: x**y, lambda x, y: x**y),
        Edge("prod(x)", {"x": [0.0, 2.0, 3.0]}, lambda a, b, c: a * b * c, jnp.prod, torch.prod),
        Edge("det(A)", {"A": singular}, lambda a, b, c, d: a * d - b * c, jnp.linalg.det, torch.linalg.det),
        Edge("det(A)", {"A": flat}, _determinant,
             jnp.linalg.det, torch.linalg.det),
        Edge("sum(inv(A))", {"A": singular}, REFUSED, lambda a: jnp.sum(jnp.linalg.inv(a)),
             lambda a: torch.sum(torch.linalg.inv(a))),
        Edge("sigmoid(x)", {"x": 40.0}, lambda x: 1 / (1 + mp.exp(-x)), jax.nn.sigmoid, torch.sigmoid),
        Edge("tanh(x)", {"x": 20.0}, mp.tanh, jnp.tanh, torch.tanh),
        Edge("erf(x)", {"x": 7.0}, mp.erf, jax.scipy.special.erf, torch.erf),
        Edge("gelu(x)", {"x": -10.0}, lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
             lambda x: jax.nn.gelu(x, approximate=False), torch.nn.functional.gelu),
        Edge("softplus(x)", {"x": -50.0}, lambda x: mp.log1p(mp.exp(x)), jax.nn.softplus,
             torch.nn.functional.softplus),
        Edge("sinc(x)", {"x": 0.0}, lambda x: mp.sin(mp.pi * x) / (mp.pi * x), jnp.sinc, torch.sinc),
        Edge("sinc(x)", {"x": 1e-6}, lambda x: mp.sin(mp.pi * x) / (mp.pi * x), jnp.sinc, torch.sinc),
        Edge("logsumexp(x)", {"x": [1000.0, 0.0]}, lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
             jax.scipy.special.logsumexp, lambda x: torch.logsumexp(x, 0)),
    ]  # fmt: skip


def _determinant(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any, i: Any) -> Any:
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def exact(edge: Edge) -> str:
    """The exact gradient, to 17 digits, or the rule."""
    if isinstance(edge.exact, str):
        return edge.exact
    with mp.workdps(800):
        point = [mpf(float(x)) for value in edge.at.values() for x in np.ravel(value)]
        found = []
        for k in range(len(point)):
            ends = [edge.exact(*(x + sign * STEP * (abs(x) or 1) * (j == k) for j, x in enumerate(point)))
                    for sign in (1, -1)]  # fmt: skip
            found.append(float((ends[0] - ends[1]) / (2 * STEP * (abs(point[k]) or 1))))
    parts, start = [], 0
    for value in edge.at.values():
        parts.append(np.reshape(found[start : start + np.size(value)], np.shape(value)))
        start += np.size(value)
    return shown(parts)


def shown(gradients: Sequence[Any]) -> str:
    """Gradients in few digits, input by input."""
    return "; ".join(_entries(np.asarray(g, dtype=float)) for g in gradients)


def _entries(value: np.ndarray) -> str:
    if value.ndim:
        return f"[{', '.join(_entries(part) for part in value)}]"
    if np.isinf(value):
        return "∞" if value > 0 else "-∞"
    return "NaN" if np.isnan(value) else f"{value + 0:.6g}"


def with_gradcalc(edge: Edge) -> str:
    """What a run says: the gradients, with the codes of its flags, or the code of the error."""
    try:
        run = gradcalc.loads(f"s = {edge.text}").run(edge.at)
    except gradcalc.GradcalcError as error:
        return f"error `{error.diagnostics[0].code}`"
    codes = sorted({flag.code for flag in run.flags})
    told = f" (flag {', '.join(f'`{c}`' for c in codes)})" if codes else ""
    return shown([run.gradients[name].value for name in edge.at]) + told


def with_jax(edge: Edge, jax: Any) -> str:
    point = [jax.numpy.asarray(x, dtype=float) for x in edge.at.values()]
    return shown(jax.grad(edge.jax, argnums=tuple(range(len(point))))(*point))


def with_torch(edge: Edge, torch: Any) -> str:
    point = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in edge.at.values()]
    try:
        found = torch.autograd.grad(edge.torch(*point), point, allow_unused=True, materialize_grads=True)
    except RuntimeError as error:
        return f"error ({type(error).__name__})"
    return shown([g.numpy() for g in found])


def as_markdown() -> str:
    """The table."""
    jax_namespace(), torch_namespace()
    import jax
    import torch

    lines = ["| expression | at | derivative | gradcalc | JAX | PyTorch |", "|---|---|---|---|---|---|"]
    for edge in edges(jax, jax.numpy, torch):
        at = ", ".join(f"{name} = {_entries(np.asarray(x))}" for name, x in edge.at.items())
        text = edge.text.replace("|", "\\|")
        cells = [f"`{text}`", at, exact(edge), with_gradcalc(edge), with_jax(edge, jax), with_torch(edge, torch)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
