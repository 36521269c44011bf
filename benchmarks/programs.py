"""Equation files made at random, with the same functions in NumPy beside them.

The functions are analytic and take complex numbers, so that a derivative along a direction is known to the last digits
without any differentiation: Im f(x + i h d) / h, with h so small that nothing else is left (Squire and Trapp, SIAM
Review 40, 1998).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from benchmarks.measure import Array

Values = dict[str, Any]
Step = tuple[str, Callable[[Values], Any]]
H = 1e-30


@dataclass(frozen=True)
class Program:
    """A text with data for its inputs; `steps` compute its named values in order, the target last."""

    text: str
    data: Mapping[str, Array]
    steps: list[Step]

    def evaluated(self, data: Mapping[str, Array]) -> Any:
        """The target at some data, complex or not."""
        values: Values = dict(data)
        for name, function in self.steps:
            values[name] = function(values)
        return values[self.steps[-1][0]]

    def probe(self) -> list[float]:
        """The value, and the derivative along the direction of `direction`."""
        moved = {name: array + 1j * H * direction(array) for name, array in self.data.items()}
        found = complex(self.evaluated(moved))
        return [found.real, found.imag / H]

    def probed(self, value: float, gradients: Mapping[str, Any]) -> list[float]:
        """What `probe` gives, from a value and gradients that somebody found; what is not there is 0."""
        along = sum(float(np.sum(np.asarray(g) * direction(self.data[name]))) for name, g in gradients.items())
        return [value, along]


def direction(array: Array) -> Array:
    """Numbers about 1, of the same shape, each different."""
    return np.cos(np.arange(array.size)).reshape(array.shape) + 0.5


def literal(array: Array) -> str:
    """An array as the language writes it."""
    if array.ndim == 0:
        return repr(float(array))
    if array.ndim == 1:
        return "[" + ", ".join(repr(float(v)) for v in array) + "]"
    return "[" + ", ".join(literal(row) for row in array) + "]"


def drawn(random: Random, *shape: int) -> Array:
    """Numbers between -1 and 1 of three decimals."""
    return np.array([round(random.uniform(-1, 1), 3) for _ in range(int(np.prod(shape)))]).reshape(shape)


def _sigmoid(t: Any) -> Any:
    return 1 / (1 + np.exp(-t))


def _softplus(t: Any) -> Any:
    return np.log(1 + np.exp(t))


# Terms of a long program: v is the scalar before, w a scalar some way back, h a vector some way back.
_SCALAR_TERMS: list[tuple[str, Callable[[Values, Any, Any], Any]]] = [
    ("sin({w}) x", lambda e, w, h: np.sin(w) * e["x"]),
    ("tanh({w} - y)", lambda e, w, h: np.tanh(w - e["y"])),
    ("y sigmoid({w})", lambda e, w, h: e["y"] * _sigmoid(w)),
    ("exp(-{w}^2)", lambda e, w, h: np.exp(-(w**2))),
    ("{w} x y / (1 + {w}^2)", lambda e, w, h: w * e["x"] * e["y"] / (1 + w**2)),
    ("u^T {h}", lambda e, w, h: e["u"] @ h),
    ("log(1 + {h}^T {h})", lambda e, w, h: np.log(1 + h @ h)),
]
_VECTOR_TERMS: list[tuple[str, Callable[[Values, Any, Any], Any]]] = [
    ("tanh(W {h} + u)", lambda e, w, h: np.tanh(e["W"] @ h + e["u"])),
    ("sin({h}) {w}", lambda e, w, h: np.sin(h) * w),
    ("u ∘ {h} ./ (1 + {h} .^ 2)", lambda e, w, h: e["u"] * h / (1 + h**2)),
]


def long_program(statements: int, seed: int = 0) -> Program:
    """A program of so many statements (8 at least) on scalars and vectors, in which everything leads to the target.

    Each value is the one before and a small term of earlier ones, so that values and gradients keep their size.
    """
    random = Random(seed)
    data = {"x": drawn(random), "y": drawn(random), "u": drawn(random, 3), "W": drawn(random, 3, 3)}
    lines = [f"{name} = {literal(array)}" for name, array in data.items()] + ["v0 = x + y", "h0 = W u"]
    steps: list[Step] = [("v0", lambda e: e["x"] + e["y"]), ("h0", lambda e: e["W"] @ e["u"])]
    scalars, vectors = 0, 0
    while len(lines) < statements:
        w, h = f"v{random.randint(max(0, scalars - 20), scalars)}", f"h{random.randint(max(0, vectors - 20), vectors)}"
        if len(lines) < statements - 1 and random.random() < 0.3:
            before, name, vectors = f"h{vectors}", f"h{vectors + 1}", vectors + 1
            text, function = random.choice(_VECTOR_TERMS)
        else:
            before, name, scalars = f"v{scalars}", f"v{scalars + 1}", scalars + 1
            text, function = random.choice(_SCALAR_TERMS) if len(lines) < statements - 1 else _SCALAR_TERMS[5]
            h = h if len(lines) < statements - 1 else f"h{vectors}"
        lines.append(f"{name} = {before} + {text.format(w=w, h=h)} / {statements}")
        steps.append((name, _small(before, function, w, h, statements)))
    return Program("\n".join(lines), data, steps)


def _small(
    before: str, function: Callable[[Values, Any, Any], Any], w: str, h: str, statements: int
) -> Callable[[Values], Any]:
    return lambda e: e[before] + function(e, e[w], e[h]) / statements


_AFFINE: list[tuple[str, Callable[[Values], Any]]] = [
    ("W x + b", lambda e: e["W"] @ e["x"] + e["b"]),
    ("W (x ∘ x) - b", lambda e: e["W"] @ (e["x"] * e["x"]) - e["b"]),
    ("(W x) ∘ b", lambda e: (e["W"] @ e["x"]) * e["b"]),
    ("W sin(x) + b / 2", lambda e: e["W"] @ np.sin(e["x"]) + e["b"] / 2),
    ("W x / (1 + x^T x) + b", lambda e: e["W"] @ e["x"] / (1 + e["x"] @ e["x"]) + e["b"]),
]
_ACTIVATIONS: list[tuple[str, Callable[[Any], Any]]] = [
    ("tanh", np.tanh), ("sigmoid", _sigmoid), ("softplus", _softplus), ("sin", np.sin), ("arctan", np.arctan),
    ("exp", np.exp), ("square", np.square),
]  # fmt: skip
_TARGETS: list[tuple[str, str, Callable[[Values], Any]]] = [
    ("u^T h", "u", lambda e: e["u"] @ e["h"]),
    ("||h - u||^2 / 2", "u", lambda e: np.sum((e["h"] - e["u"]) ** 2) / 2),
    ("sum(h ∘ u) / (1 + a^2)", "ua", lambda e: np.sum(e["h"] * e["u"]) / (1 + e["a"] ** 2)),
    ("log(1 + h^T h)", "", lambda e: np.log(1 + e["h"] @ e["h"])),
    ("h^T A h", "A", lambda e: e["h"] @ e["A"] @ e["h"]),
    ("mean(h .^ 2) + a u^T u", "ua", lambda e: np.mean(e["h"] ** 2) + e["a"] * (e["u"] @ e["u"])),
    ("exp(-a^2) (1 + u^T (A h))", "uaA", lambda e: np.exp(-(e["a"] ** 2)) * (1 + e["u"] @ (e["A"] @ e["h"]))),
]


def small_program(seed: int) -> Program:
    """A layer or two and a scalar made of them, with data: another for each seed."""
    random = Random(seed)
    n, m = random.randint(2, 5), random.randint(2, 5)
    affine, z = random.choice(_AFFINE)
    target, names, s = random.choice(_TARGETS)
    data = {"W": drawn(random, n, m), "x": drawn(random, m), "b": drawn(random, n)}
    sizes = {"u": (n,), "a": (), "A": (n, n)}
    data.update({name: drawn(random, *sizes[name]) for name in names})
    lines, steps = [f"z = {affine}"], [("z", z)]
    activation, f = random.choice(_ACTIVATIONS)
    layer = "z"
    if random.random() < 0.4:
        data["V"] = drawn(random, n, n)
        lines.append(f"k = {activation}(V z) + z")
        steps.append(("k", _second(f)))
        layer = "k"
    lines += [f"f = {activation}", f"h = f({layer})"] if random.random() < 0.5 else [f"h = {activation}({layer})"]
    steps += [("h", _applied(f, layer)), ("s", s)]
    lines.append(f"s = {target}")
    lines += [f"{name} = {literal(array)}" for name, array in data.items()]
    return Program("\n".join(lines) + "\n", data, steps)


def _second(f: Callable[[Any], Any]) -> Callable[[Values], Any]:
    return lambda e: f(e["V"] @ e["z"]) + e["z"]


def _applied(f: Callable[[Any], Any], layer: str) -> Callable[[Values], Any]:
    return lambda e: f(e[layer])
