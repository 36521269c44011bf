"""Random well-typed programs of the language, each with the same computation as a Python function.

`program(seed)` gives a text, data, and `compute(xp, inputs)`: the target over any namespace in NumPy's manner
(NumPy itself, autograd.numpy, jax.numpy), written without a line of gradcalc's, so that gradients can be
compared. Arrays have rank 2 throughout: a scalar is 1 × 1, a column n × 1. While a program is made its numbers
are followed in NumPy, so that values stay moderate and keep away from kinks, poles and singular matrices.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Array = Any
SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly a text holds together."""
FAR = 0.02
"""How far from a kink a value must lie."""
LARGE = 6.0
"""Values beyond this are scaled down."""


@dataclass(frozen=True)
class Namespace:
    """A module in NumPy's manner, and the error function that it lacks."""

    module: ModuleType
    erf: Callable[[Array], Array]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


NUMPY = Namespace(np, np.vectorize(math.erf, otypes=[float]))


@dataclass(frozen=True, eq=False)
class Expression:
    """A text and what it computes; `value` is its value at the program's data."""

    text: str
    level: int
    shape: Shape
    value: np.ndarray
    compute: Callable[[Namespace, dict[str, Array]], Array]

    def after(self, left: str) -> str:
        """The text as a factor after another one; juxtaposed unless it would be read as something else."""
        sign = "* " if self.text[0].isdigit() or self.text[0] in "[-|‖" else ""
        return f"{left} {sign}{self.at(POWER)}"

    def at(self, level: int) -> str:
        """The text, in brackets if it holds together less tightly than `level`."""
        return self.text if self.level >= level else f"({self.text})"


@dataclass(eq=False)
class Program:
    """A program: statements in some order, data from outside, all inputs' values, and the target's name."""

    seed: int
    statements: list[str]
    data: dict[str, Any]
    inputs: dict[str, np.ndarray]
    target: str
    definitions: list[str]
    steps: list[tuple[str, Callable[[Namespace, dict[str, Array]], Array]]]
    shape: Shape

    @property
    def text(self) -> str:
        return "\n".join(self.statements)

    def shuffled(self, seed: int) -> str:
        """The same statements in another order."""
        statements = list(self.statements)
        random.Random(seed).shuffle(statements)
        return "\n".join(statements)

    def compute(self, xp: Namespace, inputs: dict[str, Array]) -> Array:
        """The target, of rank 2, from inputs of rank 2."""
        values = dict(inputs)
        for name, step in self.steps:
            values[name] = step(xp, values)
        return values[self.target]


def extent(shape: Shape) -> tuple[int, int]:
    return (1, 1) if not shape else (shape[0], 1) if len(shape) == 1 else (shape[0], shape[1])


# ------------------------------------------------------------------ what the functions mean


def sigmoid(xp: Namespace, x: Array) -> Array:
    return 1 / (1 + xp.exp(-x))


def _softmax(axis: int | None) -> Callable[[Namespace, Array], Array]:
    def softmax(xp: Namespace, x: Array) -> Array:
        powers = xp.exp(x)
        return powers / xp.sum(powers, axis=axis, keepdims=True)

    return softmax


def _logsumexp(axis: int | None) -> Callable[[Namespace, Array], Array]:
    return lambda xp, x: xp.log(xp.sum(xp.exp(x), axis=axis, keepdims=True))


def _reduced(name: str, axis: int | None) -> Callable[[Namespace, Array], Array]:
    return {
        "sum": lambda xp, x: xp.sum(x, axis=axis, keepdims=True),
        "mean": lambda xp, x: xp.mean(x, axis=axis, keepdims=True),
        "norm": lambda xp, x: xp.sqrt(xp.sum(x * x, axis=axis, keepdims=True)),
        "norm1": lambda xp, x: xp.sum(xp.abs(x), axis=axis, keepdims=True),
        "norminf": lambda xp, x: xp.max(xp.abs(x), axis=axis, keepdims=True),
        "max": lambda xp, x: xp.max(x, axis=axis, keepdims=True),
        "min": lambda xp, x: xp.min(x, axis=axis, keepdims=True),
        "logsumexp": _logsumexp(axis),
    }[name]


SMOOTH: dict[str, Callable[[Namespace, Array], Array]] = {
    "sin": lambda xp, x: xp.sin(x),
    "cos": lambda xp, x: xp.cos(x),
    "tanh": lambda xp, x: xp.tanh(x),
    "arctan": lambda xp, x: xp.arctan(x),
    "sigmoid": sigmoid,
    "σ": sigmoid,
    "softplus": lambda xp, x: xp.log(1 + xp.exp(x)),
    "square": lambda xp, x: x * x,
    "silu": lambda xp, x: x * sigmoid(xp, x),
    "gelu": lambda xp, x: x * (1 + xp.erf(x * math.sqrt(0.5))) / 2,
    "erf": lambda xp, x: xp.erf(x),
    "arcsinh": lambda xp, x: xp.arcsinh(x),
}
BOUNDED: dict[str, Callable[[Namespace, Array], Array]] = {
    "exp": lambda xp, x: xp.exp(x),
    "sinh": lambda xp, x: xp.sinh(x),
    "cosh": lambda xp, x: xp.cosh(x),
    "expm1": lambda xp, x: xp.exp(x) - 1,
}
POSITIVE: dict[str, Callable[[Namespace, Array], Array]] = {
    "log": lambda xp, x: xp.log(x),
    "sqrt": lambda xp, x: xp.sqrt(x),
    "log1p": lambda xp, x: xp.log(1 + x),
    "cbrt": lambda xp, x: x ** (1 / 3),
}
BENT: dict[str, Callable[[Namespace, Array], Array]] = {
    "relu": lambda xp, x: xp.maximum(x, 0.0),
    "abs": lambda xp, x: xp.abs(x),
    "leaky_relu": lambda xp, x: xp.where(x > 0, x, 0.01 * x),
    "softsign": lambda xp, x: x / (1 + xp.abs(x)),
    "elu": lambda xp, x: xp.where(x > 0, x, xp.exp(x) - 1),
}
PRIMES: dict[str, Callable[[Namespace, Array], Array]] = {
    "tanh": lambda xp, x: 1 - xp.tanh(x) ** 2,
    "sigmoid": lambda xp, x: sigmoid(xp, x) * (1 - sigmoid(xp, x)),
    "sin": lambda xp, x: xp.cos(x),
    "arctan": lambda xp, x: 1 / (1 + x * x),
}
OF_ONE: list[tuple[str, Callable[[Namespace, Array], Array], Callable[[Namespace, Array], Array]]] = [
    ("1/(1 + exp(-t))", sigmoid, PRIMES["sigmoid"]),
    ("t sin(t)", lambda xp, t: t * xp.sin(t), lambda xp, t: xp.sin(t) + t * xp.cos(t)),
    ("t^2 / (1 + t^2)", lambda xp, t: t**2 / (1 + t**2), lambda xp, t: 2 * t / (1 + t**2) ** 2),
    ("2 tanh(t / 2) - t", lambda xp, t: 2 * xp.tanh(t / 2) - t, lambda xp, t: -(xp.tanh(t / 2) ** 2)),
    ("exp(-t^2/2)", lambda xp, t: xp.exp(-t * t / 2), lambda xp, t: -t * xp.exp(-t * t / 2)),
]
OF_TWO: list[tuple[str, Callable[[Namespace, Array, Array], Array]]] = [
    ("(a + b) tanh(a b)", lambda xp, a, b: (a + b) * xp.tanh(a * b)),
    ("a sin(b) - b^2", lambda xp, a, b: a * xp.sin(b) - b**2),
    ("sqrt(1 + a^2 + b^2)", lambda xp, a, b: xp.sqrt(1 + a**2 + b**2)),
    ("a / (1 + b^2) + 1/2 a b", lambda xp, a, b: a / (1 + b**2) + a * b / 2),
]
COMPARISONS: dict[str, Callable[[Array, Array], Array]] = {
    ">": lambda a, b: a > b, "<": lambda a, b: a < b, ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b,
}  # fmt: skip
NAMES = [
    *("x", "y", "z", "u", "v", "w", "p", "q", "h", "k", "A", "B", "C", "M", "W", "U", "b", "c", "α", "β", "γ"),
    *("θ", "λ", "μ", "x_1", "x_2", "ŷ", "W_1", "W_2", "b_1", "h_1", "E", "F", "G", "P", "Q", "S", "V", "X", "Y", "Z"),
]


class Unsuitable(Exception):
    """This choice does not fit here; another is made."""


@dataclass
class Author:
    """Writes one program. Every `_make_...` method gives an expression of the shape asked for or is `Unsuitable`."""

    random: random.Random
    values: dict[str, Expression] = field(default_factory=dict)
    inputs: dict[str, np.ndarray] = field(default_factory=dict)
    statements: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    steps: list[tuple[str, Any]] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    aliases: list[tuple[str, str]] = field(default_factory=list)
    of_one: list[tuple[str, Any, Any]] = field(default_factory=list)
    of_two: list[tuple[str, Any]] = field(default_factory=list)
    size: int = 0

    def __post_init__(self) -> None:
        self.free = list(NAMES)
        self.random.shuffle(self.free)
        self.sizes = [self.random.choice((2, 3)), self.random.choice((2, 3, 4))]

    # --------------------------------------------------------------------------- the whole

    def write(self, seed: int, target: Shape = ()) -> Program:
        self._define()
        for _ in range(self.random.randint(1, 4)):
            name = self._name()
            self._state(name, self.expression(self._shape(), 2))
        used = [v for n, v in self.values.items() if n not in self.inputs]
        parts = self.random.sample(used, min(len(used), self.random.randint(1, 3)))
        root = self._sum_of([*(self._to(p, target) for p in parts), self.expression(target, 2)])
        self._state("result", root)
        self.random.shuffle(self.statements)
        inputs = self._mentioned()
        return Program(seed, self.statements, self.data, inputs, "result", self.definitions, self.steps, target)

    def _mentioned(self) -> dict[str, np.ndarray]:
        """The inputs without those that were made for something that was thrown away."""
        texts = [s for s in self.statements if s not in self.definitions]
        words = set(re.findall(r"\w+", " ".join(texts).replace("ᵀ", " ")))
        self.data = {n: v for n, v in self.data.items() if n in words}
        return {n: v for n, v in self.inputs.items() if n in words}

    def _to(self, value: Expression, shape: Shape) -> Expression:
        """An expression of a shape that depends on a value."""
        if value.shape == shape:
            return value
        if not value.shape:
            return self._scaled(value, self.expression(shape, 1))
        scalar = self._call(self.random.choice(("sum", "mean")), value, (), _reduced("mean", None), "mean")
        return scalar if not shape else self._scaled(scalar, self.expression(shape, 1))

    def _define(self) -> None:
        """Aliases and functions, some of them."""
        for name in ("f", "φ"):
            if self.random.random() < 0.5:
                of = self.random.choice(list(PRIMES))
                self.aliases.append((name, of))
                self._definition(f"{name} = {of}")
        if self.random.random() < 0.5:
            body, function, prime = self.random.choice(OF_ONE)
            self.of_one.append(("g", function, prime))
            self._definition(f"g(t) = {body}")
        if self.random.random() < 0.5:
            body, two = self.random.choice(OF_TWO)
            self.of_two.append(("r", two))
            self._definition(f"r(a, b) = {body}")

    def _definition(self, text: str) -> None:
        self.definitions.append(text)
        self.statements.append(text)

    def _state(self, name: str, made: Expression) -> None:
        self.statements.append(f"{name} = {made.text}")
        self.steps.append((name, made.compute))
        self.values[name] = Expression(name, ATOM, made.shape, made.value, lambda xp, env: env[name])

    def _name(self) -> str:
        return self.free.pop()

    def _shape(self) -> Shape:
        n, m = (self.random.choice(self.sizes) for _ in range(2))
        return self.random.choice([(), (n,), (n,), (1, n), (m, n), (m, n)])

    # -------------------------------------------------------------------------- expressions

    def expression(self, shape: Shape, depth: int) -> Expression:
        """A random expression, not too large in value."""
        if depth <= 0 or self.size > 60:
            return self._leaf(shape)
        self.size += 1
        for _ in range(20):
            try:
                return self._tame(self.random.choice(self._choices(shape))(shape, depth - 1))
            except Unsuitable:
                continue
        return self._leaf(shape)

    def _choices(self, shape: Shape) -> list[Callable[[Shape, int], Expression]]:
        every = [
            self._make_sum, self._make_sum, self._make_product, self._make_scaled, self._make_quotient,
            self._make_unary, self._make_unary, self._make_power, self._make_call, self._make_extreme,
            self._make_where, self._make_two, self._make_bent, self._make_positive_function, self._make_entries,
        ]  # fmt: skip
        if shape == ():
            return [*every, *[self._make_reduction] * 3, *[self._make_inner] * 3, self._make_square_to_scalar,
                    self._make_loss, self._make_loss]  # fmt: skip
        if len(shape) == 1:
            return [*every, *[self._make_layer] * 4, self._make_softmax, self._make_across, self._make_solve,
                    self._make_diagonal, self._make_concat, self._make_table, self._make_vec, self._make_transpose,
                    self._make_kron_vector, self._make_cross]  # fmt: skip
        if shape[0] == 1:
            return [*every, self._make_transpose, self._make_transpose, self._make_row_product, self._make_row_product,
                    self._make_across, self._make_softmax]  # fmt: skip
        return [*every, *[self._make_matrix_product] * 3, *[self._make_outer] * 2, self._make_inverse,
                self._make_stretched, self._make_stretched, self._make_diagonal_matrix, self._make_concat,
                self._make_table, self._make_transpose, self._make_matrix_softmax, self._make_kron,
                self._make_unvec, self._make_matrix_power, self._make_with_identity]  # fmt: skip

    def _new(self, text: str, level: int, shape: Shape, function: Any, *operands: Expression) -> Expression:
        def compute(xp: Namespace, env: dict[str, Array]) -> Array:
            return function(xp, *(o.compute(xp, env) for o in operands))

        value = np.asarray(function(NUMPY, *(o.value for o in operands)))
        assert value.shape == extent(shape), (text, value.shape, shape)
        if not np.isfinite(value).all():
            raise Unsuitable
        return Expression(text, level, shape, value, compute)

    def _call(self, name: str, operand: Expression, shape: Shape, function: Any, real: str = "") -> Expression:
        return self._new(f"{real or name}({operand.text})", ATOM, shape, function, operand)

    def _tame(self, made: Expression) -> Expression:
        largest = np.max(np.abs(made.value))
        if largest <= LARGE:
            return made
        if self.random.random() < 0.5 and largest < 20:
            return self._new(f"tanh({made.text})", ATOM, made.shape, SMOOTH["tanh"], made)
        divisor = float(f"{largest:.1g}")
        text = f"{made.at(PRODUCT)} / {divisor!r}"
        return self._new(text, PRODUCT, made.shape, lambda xp, x: x / divisor, made)

    def _leaf(self, shape: Shape) -> Expression:
        """A value that is there, or a new input, or a number."""
        known = [v for v in self.values.values() if v.shape == shape]
        if known and (self.random.random() < 0.7 or len(self.free) < 12):
            return self.random.choice(known)
        if len(self.free) < 8 or (shape == () and self.random.random() < 0.15):
            value = round(self.random.uniform(0.2, 2), 2)
            filled = np.full(extent(shape), value)
            sized = f" ones({', '.join(map(str, shape))})" if shape else ""
            level = PRODUCT if shape else ATOM
            return Expression(f"{value!r}{sized}", level, shape, filled, lambda xp, env: filled)
        return self._input(shape)

    def _input(self, shape: Shape) -> Expression:
        name = self._name()
        rows, columns = extent(shape)
        table = [[round(self.random.uniform(-2, 2), self.random.choice((1, 3, 17))) for _ in range(columns)]
                 for _ in range(rows)]  # fmt: skip
        value = np.array(table)
        content: Any = table[0][0] if not shape else [r[0] for r in table] if len(shape) == 1 else table
        if self.random.random() < 0.5:
            self.statements.append(f"{name} = {content!r}")
        else:
            self.data[name] = content
            if self.random.random() < 0.5:
                self.statements.append(f"{name} (input)")
        self.inputs[name] = value
        self.values[name] = Expression(name, ATOM, shape, value, lambda xp, env: env[name])
        return self.values[name]

    def _apart(self, *differences: np.ndarray) -> None:
        if any(np.min(np.abs(d)) < FAR for d in differences):
            raise Unsuitable

    def _positive(self, shape: Shape, depth: int) -> Expression:
        """An expression that is positive by more than a little."""
        inner = self.expression(shape, depth)
        offset = round(self.random.uniform(0.3, 2), 1)
        square = f"{inner.at(ATOM)} .^ 2" if shape else f"{inner.at(ATOM)}^2"
        return self.random.choice([
            lambda: self._new(f"softplus({inner.text}) + {offset}", SUM, shape,
                              lambda xp, x: SMOOTH["softplus"](xp, x) + offset, inner),
            lambda: self._new(f"{square} + {offset}", SUM, shape, lambda xp, x: x**2 + offset, inner),
            lambda: self._new(f"exp(sin({inner.text}))", ATOM, shape, lambda xp, x: xp.exp(xp.sin(x)), inner),
            lambda: self._new(f"{offset} + sigmoid({inner.text})", SUM, shape,
                              lambda xp, x: offset + sigmoid(xp, x), inner),
        ])()  # fmt: skip

    def _well_conditioned(self, n: int, depth: int) -> Expression:
        """I + a bounded matrix whose rows sum to less than one."""
        inner = self.expression((n, n), depth)
        weight = round(0.8 / n, 2)
        return self._new(f"eye({n}) + {weight} tanh({inner.text})", SUM, (n, n),
                         lambda xp, x: np.eye(n) + weight * xp.tanh(x), inner)  # fmt: skip

    # ------------------------------------------------------------------- of every shape

    def _sum_of(self, terms: Sequence[Expression]) -> Expression:
        signs = [1] + [self.random.choice((1, -1)) for _ in terms[1:]]
        text = terms[0].text
        for sign, term in zip(signs[1:], terms[1:], strict=True):
            text += f" {'+' if sign > 0 else '-'} {term.at(PRODUCT)}"

        def total(xp: Namespace, *x: Array) -> Array:
            result = x[0]
            for sign, term in zip(signs[1:], x[1:], strict=True):
                result = result + sign * term
            return result

        widest = max((t.shape for t in terms), key=lambda s: (len(s), s))
        return self._new(text, SUM, widest, total, *terms)

    def _make_sum(self, shape: Shape, depth: int) -> Expression:
        terms = [self.expression(shape, depth) for _ in range(self.random.choice((2, 2, 3)))]
        if shape and self.random.random() < 0.2:
            terms.append(self.expression((), depth))
        return self._sum_of(terms)

    def _make_product(self, shape: Shape, depth: int) -> Expression:
        a, b = self.expression(shape, depth), self.expression(shape, depth)
        if not shape:
            return self._scaled(a, b)
        sign = self.random.choice(("∘", ".*", "⊙"))
        return self._new(f"{a.at(PRODUCT)} {sign} {b.at(POWER)}", PRODUCT, shape, lambda xp, x, y: x * y, a, b)

    def _scaled(self, a: Expression, b: Expression) -> Expression:
        """A scalar times anything, juxtaposed where that is readable."""
        if b.text[0].isdigit() or b.text[0] in "[-|‖" or a.text.endswith("1"):
            sign = self.random.choice((" * ", " · "))
        else:
            sign = self.random.choice((" ", " ", " * ", " · "))
        return self._new(f"{a.at(PRODUCT)}{sign}{b.at(POWER)}", PRODUCT, b.shape, lambda xp, x, y: x * y, a, b)

    def _make_scaled(self, shape: Shape, depth: int) -> Expression:
        if self.random.random() < 0.3:
            inner = self.expression(shape, depth)
            return self._new(f"-{inner.at(PRODUCT)}", SUM, shape, lambda xp, x: -x, inner)
        return self._scaled(self.expression((), depth), self.expression(shape, depth))

    def _make_quotient(self, shape: Shape, depth: int) -> Expression:
        above = self.expression(shape, depth)
        if shape and self.random.random() < 0.5:
            below = self._positive(shape, depth)
            return self._new(f"{above.at(PRODUCT)} ./ {below.at(POWER)}", PRODUCT, shape,
                             lambda xp, x, y: x / y, above, below)  # fmt: skip
        below = self._positive((), depth)
        return self._new(f"{above.at(PRODUCT)}/{below.at(POWER)}", PRODUCT, shape, lambda xp, x, y: x / y, above, below)

    def _make_unary(self, shape: Shape, depth: int) -> Expression:
        inner = self.expression(shape, depth)
        table = {**SMOOTH, **BOUNDED} if np.max(np.abs(inner.value)) < 2 else SMOOTH
        name = self.random.choice(list(table))
        return self._call(name, inner, shape, table[name])

    def _make_positive_function(self, shape: Shape, depth: int) -> Expression:
        name = self.random.choice(list(POSITIVE))
        return self._call(name, self._positive(shape, depth), shape, POSITIVE[name])

    def _make_bent(self, shape: Shape, depth: int) -> Expression:
        inner = self.expression(shape, depth)
        self._apart(inner.value)
        name = self.random.choice(list(BENT))
        if name == "abs" and "|" not in inner.text and "‖" not in inner.text:
            return self._new(f"|{inner.text}|", ATOM, shape, BENT[name], inner)
        return self._call(name, inner, shape, BENT[name])

    def _make_power(self, shape: Shape, depth: int) -> Expression:
        sign = " .^ " if shape else "^"
        kind = self.random.random()
        if kind < 0.5:
            inner, whole = self.expression(shape, depth), self.random.choice((2, 2, 3))
            return self._new(f"{inner.at(ATOM)}{sign}{whole}", POWER, shape, lambda xp, x: x**whole, inner)
        base = self._positive(shape, depth)
        if kind < 0.8:
            exponent = self.random.choice((-1, 0.5, 1.5, -2))
            written = f"({exponent})" if exponent < 0 else f"{exponent}"
            return self._new(f"{base.at(ATOM)}{sign}{written}", POWER, shape, lambda xp, x: x**exponent, base)
        above = self.expression(shape, depth)
        return self._new(f"{base.at(ATOM)}{sign}sin({above.text})", POWER, shape,
                         lambda xp, x, n: xp.exp(xp.sin(n) * xp.log(x)), base, above)  # fmt: skip

    def _make_call(self, shape: Shape, depth: int) -> Expression:
        """A function of the file, or the derivative of one."""
        choices: list[Callable[[], Expression]] = []
        for name, of in self.aliases:
            choices.append(lambda name=name, of=of: self._call(name, self.expression(shape, depth), shape, SMOOTH[of]))
            choices.append(
                lambda name=name, of=of: self._call(name + "'", self.expression(shape, depth), shape, PRIMES[of])
            )
        for name, function, prime in self.of_one:
            choices.append(lambda name=name, f=function: self._call(name, self.expression(shape, depth), shape, f))
            choices.append(lambda name=name, f=prime: self._call(name + "'", self.expression(shape, depth), shape, f))
        for name, two in self.of_two:
            choices.append(lambda name=name, f=two: self._pair(name, shape, depth, f))
        if not choices:
            raise Unsuitable
        return self.random.choice(choices)()

    def _pair(self, name: str, shape: Shape, depth: int, function: Any) -> Expression:
        a, b = self.expression(shape, depth), self.expression(shape, depth)
        return self._new(f"{name}({a.text}, {b.text})", ATOM, shape, function, a, b)

    def _make_extreme(self, shape: Shape, depth: int) -> Expression:
        name = self.random.choice(("max", "min"))
        operands = [self.expression(shape, depth) for _ in range(self.random.choice((2, 2, 3)))]
        if shape and self.random.random() < 0.3:
            operands[1] = self.expression((), 0)
        for i, a in enumerate(operands):
            self._apart(*(a.value - b.value for b in operands[:i]))

        def extreme(xp: Namespace, *x: Array) -> Array:
            result = x[0]
            for other in x[1:]:
                result = (xp.maximum if name == "max" else xp.minimum)(result, other)
            return result

        text = f"{name}({', '.join(o.text for o in operands)})"
        return self._new(text, ATOM, shape, extreme, *operands)

    def _make_where(self, shape: Shape, depth: int) -> Expression:
        a, b = self.expression(shape, depth), self.expression(shape, depth)
        x, y = self.expression(shape, depth), self.expression(shape if self.random.random() < 0.6 else (), 0)
        self._apart(x.value - y.value)
        sign, holds = self.random.choice(list(COMPARISONS.items()))
        if self.random.random() < 0.3:
            factor = f"1({x.text} {sign} {y.text})"
            times = "∘" if shape else "*"
            return self._new(f"{factor} {times} {a.at(POWER)}", PRODUCT, shape,
                             lambda xp, p, q, r: xp.where(holds(p, q), r, 0 * r), x, y, a)  # fmt: skip
        return self._new(f"where({x.text} {sign} {y.text}, {a.text}, {b.text})", ATOM, shape,
                         lambda xp, p, q, r, s: xp.where(holds(p, q), r, s), x, y, a, b)  # fmt: skip

    def _make_two(self, shape: Shape, depth: int) -> Expression:
        a, b = self.expression(shape, depth), self.expression(shape, depth)
        self._apart(np.hypot(a.value, b.value))
        if self.random.random() < 0.6:
            return self._new(f"hypot({a.text}, {b.text})", ATOM, shape,
                             lambda xp, x, y: xp.sqrt(x * x + y * y), a, b)  # fmt: skip
        self._apart(b.value)
        return self._new(f"arctan2({a.text}, {b.text})", ATOM, shape, lambda xp, x, y: xp.arctan2(x, y), a, b)

    def _make_entries(self, shape: Shape, depth: int) -> Expression:
        """Entries, rows, columns and blocks of something larger."""
        if not shape:
            if self.random.random() < 0.5:
                n = self.random.choice(self.sizes)
                inner, i = self.expression((n,), depth), self.random.randrange(n)
                return self._new(f"{inner.at(ATOM)}[{i}]", ATOM, (), lambda xp, x: x[i : i + 1, :], inner)
            m, n = self.sizes
            inner = self.expression((m, n), depth)
            i, j = self.random.randrange(m), self.random.randrange(n)
            return self._new(f"{inner.at(ATOM)}[{i}, {j}]", ATOM, (), lambda xp, x: x[i : i + 1, j : j + 1], inner)
        if len(shape) == 1:
            n, more = shape[0], self.random.choice((1, 2))
            if self.random.random() < 0.5:
                inner, i = self.expression((n + more,), depth), self.random.randint(0, more)
                text = f"{inner.at(ATOM)}[{i}:{i + n}]" if i else f"{inner.at(ATOM)}[:{n}]"
                return self._new(text, ATOM, shape, lambda xp, x: x[i : i + n, :], inner)
            columns = self.random.choice((2, 3))
            inner, i = self.expression((n, columns), depth), self.random.randrange(columns)
            return self._new(f"{inner.at(ATOM)}[:, {i}]", ATOM, shape, lambda xp, x: x[:, i : i + 1], inner)
        if shape[0] == 1:
            rows = self.random.choice((2, 3))
            inner, i = self.expression((rows, shape[1]), depth), self.random.randrange(rows)
            return self._new(f"{inner.at(ATOM)}[{i}, :]", ATOM, shape, lambda xp, x: x[i : i + 1, :], inner)
        m, n = shape
        inner, i, j = self.expression((m + 1, n + 1), depth), self.random.randint(0, 1), self.random.randint(0, 1)
        return self._new(f"{inner.at(ATOM)}[{i}:{i + m}, {j}:{j + n}]", ATOM, shape,
                         lambda xp, x: x[i : i + m, j : j + n], inner)  # fmt: skip

    # ------------------------------------------------------------------------- scalars

    def _make_reduction(self, shape: Shape, depth: int) -> Expression:
        inner = self.expression(self._shape() or (self.sizes[0],), depth)
        name = self.random.choice(("sum", "mean", "norm", "norm1", "norminf", "max", "min", "logsumexp"))
        self._check_reduction(name, inner.value, None)
        bars = {"norm": "", "norm1": "_1", "norminf": "_inf"}
        if name in bars and "|" not in inner.text and "‖" not in inner.text:
            return self._new(f"‖{inner.text}‖{bars[name]}", ATOM, (), _reduced(name, None), inner)
        return self._call(name, inner, (), _reduced(name, None))

    def _check_reduction(self, name: str, value: np.ndarray, axis: int | None) -> None:
        """Keep away from norms of zero and from ties."""
        if name in ("norm", "norm1", "norminf"):
            self._apart(value)
        if name in ("max", "min", "norminf"):
            entries = np.abs(value) if name == "norminf" else value
            lines = np.sort(entries.reshape(1, -1) if axis is None else np.moveaxis(entries, axis, -1), axis=-1)
            self._apart(np.diff(lines, axis=-1) if lines.shape[-1] > 1 else np.ones(1))

    def _make_inner(self, shape: Shape, depth: int) -> Expression:
        n = self.random.choice(self.sizes)
        a, b = self.expression((n,), depth), self.expression((n,), depth)
        if self.random.random() < 0.3:
            return self._new(f"dot({a.text}, {b.text})", ATOM, (), lambda xp, x, y: xp.sum(x * y, keepdims=True), a, b)
        if self.random.random() < 0.4:
            middle = self.expression((n, n), depth - 1)
            return self._new(b.after(middle.after(f"{a.at(ATOM)}^T")), PRODUCT, (),
                             lambda xp, x, m, y: x.T @ m @ y, a, middle, b)  # fmt: skip
        turned = self.random.choice(("^T", "'"))
        return self._new(b.after(f"{a.at(ATOM)}{turned}"), PRODUCT, (), lambda xp, x, y: x.T @ y, a, b)

    def _make_square_to_scalar(self, shape: Shape, depth: int) -> Expression:
        n = self.random.choice((2, 3))
        name = self.random.choice(("tr", "det", "logdet"))
        if name == "tr":
            inner = self.expression((n, n), depth)
            return self._new(f"tr({inner.text})", ATOM, (), lambda xp, x: xp.sum(x * np.eye(n), keepdims=True), inner)
        if name == "det":
            inner = self._well_conditioned(n, depth)
            return self._new(f"det({inner.text})", ATOM, (),
                             lambda xp, x: xp.reshape(xp.linalg.det(x), (1, 1)), inner)  # fmt: skip
        inner = self._well_conditioned(n, depth)
        return self._new(f"logdet({inner.text})", ATOM, (),
                         lambda xp, x: xp.reshape(xp.log(xp.linalg.det(x)), (1, 1)), inner)  # fmt: skip

    def _make_loss(self, shape: Shape, depth: int) -> Expression:
        n = self.random.choice(self.sizes)
        a, b = self.expression((n,), depth), self.expression((n,), depth)
        if self.random.random() < 0.4:
            return self._new(f"mse({a.text}, {b.text})", ATOM, (),
                             lambda xp, x, y: xp.mean((x - y) ** 2, keepdims=True), a, b)  # fmt: skip
        if self.random.random() < 0.3:
            place = self.random.randrange(n)
            return self._new(f"cross_entropy(softmax({a.text}), onehot({place}, {n}))", ATOM, (),
                             lambda xp, x: _logsumexp(None)(xp, x) - x[place : place + 1, :], a)  # fmt: skip
        return self._new(f"cross_entropy(softmax({a.text}), sigmoid({b.text}))", ATOM, (),
                         lambda xp, x, y: -xp.sum(sigmoid(xp, y) * (x - _logsumexp(None)(xp, x)), keepdims=True),
                         a, b)  # fmt: skip

    # --------------------------------------------------------------------- columns and rows

    def _make_layer(self, shape: Shape, depth: int) -> Expression:
        """W x + b, W^T x, (A B) x."""
        m, n = shape[0], self.random.choice(self.sizes)
        x = self.expression((n,), depth)
        if self.random.random() < 0.4:
            matrix = self.expression((n, m), depth - 1)
            made = self._new(x.after(f"{matrix.at(ATOM)}^T"), PRODUCT, shape, lambda xp, w, v: w.T @ v, matrix, x)
        else:
            matrix = self.expression((m, n), depth - 1)
            sign = self.random.choice((" @ ", " * "))
            text = self.random.choice((x.after(matrix.at(PRODUCT)), f"{matrix.at(PRODUCT)}{sign}{x.at(POWER)}"))
            made = self._new(text, PRODUCT, shape,
                             lambda xp, w, v: w @ v, matrix, x)  # fmt: skip
        return made if self.random.random() < 0.5 else self._sum_of([made, self.expression(shape, 0)])

    def _make_row_product(self, shape: Shape, depth: int) -> Expression:
        m = self.random.choice(self.sizes)
        x, matrix = self.expression((m,), depth), self.expression((m, shape[1]), depth)
        return self._new(matrix.after(f"{x.at(ATOM)}^T"), PRODUCT, shape, lambda xp, v, w: v.T @ w, x, matrix)

    def _make_softmax(self, shape: Shape, depth: int) -> Expression:
        inner = self.expression(shape, depth)
        if self.random.random() < 0.5:
            return self._call("softmax", inner, shape, _softmax(None))
        return self._call("log_softmax", inner, shape, lambda xp, x: x - _logsumexp(None)(xp, x))

    def _make_across(self, shape: Shape, depth: int) -> Expression:
        """A matrix reduced along an axis."""
        axis = 1 if len(shape) == 1 else 0
        other = self.random.choice(self.sizes)
        inner = self.expression((shape[0], other) if axis else (other, shape[1]), depth)
        name = self.random.choice(("sum", "mean", "norm", "norm1", "norminf", "max", "min", "logsumexp"))
        self._check_reduction(name, inner.value, axis)
        return self._new(f"{name}({inner.text}, axis={axis})", ATOM, shape, _reduced(name, axis), inner)

    def _make_solve(self, shape: Shape, depth: int) -> Expression:
        n = shape[0]
        matrix, x = self._well_conditioned(n, depth - 1), self.expression(shape, depth)
        kind = self.random.choice(("solve", "^-1", "^-T", "inv"))
        if kind == "^-T":
            return self._new(x.after(f"{matrix.at(ATOM)}^-T"), PRODUCT, shape,
                             lambda xp, a, b: xp.linalg.inv(a).T @ b, matrix, x)  # fmt: skip
        text = {"solve": f"solve({matrix.text}, {x.text})", "^-1": x.after(f"{matrix.at(ATOM)}^-1"),
                "inv": x.after(f"inv({matrix.text})")}[kind]  # fmt: skip
        level = ATOM if kind == "solve" else PRODUCT
        return self._new(text, level, shape, lambda xp, a, b: xp.linalg.inv(a) @ b, matrix, x)

    def _make_diagonal(self, shape: Shape, depth: int) -> Expression:
        n = shape[0]
        if self.random.random() < 0.5:
            d, x = self.expression(shape, depth), self.expression(shape, depth)
            return self._new(x.after(f"diag({d.text})"), PRODUCT, shape, lambda xp, a, b: a * b, d, x)
        inner = self.expression((n, n), depth)
        return self._new(f"diag({inner.text})", ATOM, shape,
                         lambda xp, x: xp.sum(x * np.eye(n), axis=1, keepdims=True), inner)  # fmt: skip

    def _make_concat(self, shape: Shape, depth: int) -> Expression:
        if len(shape) == 2 and self.random.random() < 0.5:
            left = self.expression((shape[0],), depth)
            right = self.expression((shape[0], shape[1] - 1) if shape[1] > 2 else (shape[0],), depth)
            return self._new(f"concat({left.text}, {right.text}, axis=1)", ATOM, shape,
                             lambda xp, x, y: xp.concatenate([x, y], 1), left, right)  # fmt: skip
        if len(shape) == 2:
            first, rest = (1, shape[1]), (shape[0] - 1, shape[1])
        else:
            first, rest = (), (shape[0] - 1,) if shape[0] > 2 else ()
        above, below = self.expression(first, depth), self.expression(rest, depth)
        name = self.random.choice(("concat", "stack"))
        return self._new(f"{name}({above.text}, {below.text})", ATOM, shape,
                         lambda xp, x, y: xp.concatenate([x, y], 0), above, below)  # fmt: skip

    def _make_table(self, shape: Shape, depth: int) -> Expression:
        """A literal with expressions as entries."""
        rows, columns = extent(shape)
        entries = [self.expression((), depth - 1) for _ in range(rows * columns)]
        texts = [e.text for e in entries]
        lines = [", ".join(texts[k : k + columns]) for k in range(0, len(texts), columns)]
        if columns == 1:
            text = f"[{', '.join(texts)}]"
        else:
            text = self.random.choice((f"[{'; '.join(lines)}]", f"[{', '.join(f'[{line}]' for line in lines)}]"))
        return self._new(text, ATOM, shape, lambda xp, *x: xp.concatenate(
            [xp.concatenate(x[k : k + columns], 1) for k in range(0, len(x), columns)], 0), *entries)  # fmt: skip

    def _make_vec(self, shape: Shape, depth: int) -> Expression:
        if shape[0] != 4:
            raise Unsuitable
        inner = self.expression((2, 2), depth)
        return self._call("vec", inner, shape, lambda xp, x: xp.reshape(x.T, (4, 1)))

    def _make_kron_vector(self, shape: Shape, depth: int) -> Expression:
        if shape[0] != 4:
            raise Unsuitable
        return self._kron(self.expression((2,), depth), self.expression((2,), depth), shape)

    def _kron(self, a: Expression, b: Expression, shape: Shape) -> Expression:
        text, level = self.random.choice(
            ((f"kron({a.text}, {b.text})", ATOM), (f"{a.at(ATOM)} ⊗ {b.at(ATOM)}", PRODUCT))
        )
        (m, n), (p, q) = extent(a.shape), extent(b.shape)
        return self._new(text, level, shape, lambda xp, x, y: xp.reshape(
            xp.reshape(x, (m, 1, n, 1)) * xp.reshape(y, (1, p, 1, q)), (m * p, n * q)), a, b)  # fmt: skip

    def _make_cross(self, shape: Shape, depth: int) -> Expression:
        if shape != (3,):
            raise Unsuitable
        a, b = self.expression(shape, depth), self.expression(shape, depth)
        turn = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
        back = turn.T
        return self._new(f"cross({a.text}, {b.text})", ATOM, shape,
                         lambda xp, x, y: (turn @ x) * (back @ y) - (back @ x) * (turn @ y), a, b)  # fmt: skip

    def _make_transpose(self, shape: Shape, depth: int) -> Expression:
        other = (1, shape[0]) if len(shape) == 1 else (shape[1],) if shape[0] == 1 else (shape[1], shape[0])
        inner = self.expression(other, depth)
        sign = "^T" if inner.text.endswith("T") else self.random.choice(("^T", "ᵀ"))
        text = self.random.choice((f"{inner.at(ATOM)}{sign}", f"transpose({inner.text})"))
        return self._new(text, ATOM, shape, lambda xp, x: x.T, inner)

    # -------------------------------------------------------------------------- matrices

    def _make_matrix_product(self, shape: Shape, depth: int) -> Expression:
        n = self.random.choice(self.sizes)
        left, right = self.random.random() < 0.3, self.random.random() < 0.3
        a = self.expression((n, shape[0]) if left else (shape[0], n), depth)
        b = self.expression((shape[1], n) if right else (n, shape[1]), depth)
        turned = f"{b.at(ATOM)}^T" if right else b.text
        text = Expression(turned, ATOM if right else b.level, (), b.value, b.compute).after(
            f"{a.at(ATOM)}{'^T' * left}"
        )
        return self._new(text, PRODUCT, shape,
                         lambda xp, x, y: (x.T if left else x) @ (y.T if right else y), a, b)  # fmt: skip

    def _make_outer(self, shape: Shape, depth: int) -> Expression:
        a, b = self.expression((shape[0],), depth), self.expression((shape[1],), depth)
        if self.random.random() < 0.4:
            return self._new(f"outer({a.text}, {b.text})", ATOM, shape, lambda xp, x, y: x @ y.T, a, b)
        turned = Expression(f"{b.at(ATOM)}^T", ATOM, (), b.value, b.compute)
        return self._new(turned.after(a.at(ATOM)), PRODUCT, shape, lambda xp, x, y: x @ y.T, a, b)

    def _make_inverse(self, shape: Shape, depth: int) -> Expression:
        if shape[0] != shape[1]:
            raise Unsuitable
        inner = self._well_conditioned(shape[0], depth)
        text, level = self.random.choice(((f"inv({inner.text})", ATOM), (f"{inner.at(ATOM)}^-1", POWER)))
        return self._new(text, level, shape, lambda xp, x: xp.linalg.inv(x), inner)

    def _make_stretched(self, shape: Shape, depth: int) -> Expression:
        """A row or a column with a matrix."""
        matrix = self.expression(shape, depth)
        line = self.expression((shape[0],) if self.random.random() < 0.5 else (1, shape[1]), depth)
        if self.random.random() < 0.5:
            return self._new(f"{matrix.at(PRODUCT)} + {line.at(PRODUCT)}", SUM, shape,
                             lambda xp, x, y: x + y, matrix, line)  # fmt: skip
        return self._new(f"{line.at(POWER)} ∘ {matrix.at(POWER)}", PRODUCT, shape,
                         lambda xp, x, y: x * y, line, matrix)  # fmt: skip

    def _make_diagonal_matrix(self, shape: Shape, depth: int) -> Expression:
        if shape[0] != shape[1]:
            raise Unsuitable
        n = shape[0]
        inner = self.expression((n,), depth)
        return self._call("diag", inner, shape, lambda xp, x: x * np.eye(n))

    def _make_matrix_softmax(self, shape: Shape, depth: int) -> Expression:
        inner, axis = self.expression(shape, depth), self.random.choice((0, 1))
        if self.random.random() < 0.5:
            return self._new(f"softmax({inner.text}, axis={axis})", ATOM, shape, _softmax(axis), inner)
        return self._new(f"log_softmax({inner.text}, axis={axis})", ATOM, shape,
                         lambda xp, x: x - _logsumexp(axis)(xp, x), inner)  # fmt: skip

    def _make_kron(self, shape: Shape, depth: int) -> Expression:
        m, n = shape
        pairs = {(4, 4): ((2, 2), (2, 2)), (4, 2): ((2, 2), (2,)), (2, 4): ((2, 2), (1, 2)), (2, 3): ((2,), (1, 3)),
                 (3, 2): ((1, 2), (3,)), (2, 2): ((2,), (1, 2)), (4, 3): ((2, 3), (2,))}  # fmt: skip
        if (m, n) not in pairs:
            raise Unsuitable
        first, second = pairs[m, n]
        return self._kron(self.expression(first, depth), self.expression(second, depth), shape)

    def _make_unvec(self, shape: Shape, depth: int) -> Expression:
        m, n = shape
        inner = self.expression((m * n,), depth)
        return self._new(f"unvec({inner.text}, {m}, {n})", ATOM, shape,
                         lambda xp, x: xp.reshape(x, (n, m)).T, inner)  # fmt: skip

    def _make_matrix_power(self, shape: Shape, depth: int) -> Expression:
        if shape[0] != shape[1]:
            raise Unsuitable
        inner, power = self.expression(shape, depth), self.random.choice((2, 3))
        return self._new(f"{inner.at(ATOM)}^{power}", POWER, shape,
                         lambda xp, x: x @ x if power == 2 else x @ x @ x, inner)  # fmt: skip

    def _make_with_identity(self, shape: Shape, depth: int) -> Expression:
        if shape[0] != shape[1]:
            raise Unsuitable
        inner = self.expression(shape, depth)
        if self.random.random() < 0.5:
            return self._new(f"I - {inner.at(PRODUCT)}", SUM, shape, lambda xp, x: np.eye(shape[0]) - x, inner)
        return self._new(f"{inner.at(PRODUCT)} + 2 I", SUM, shape, lambda xp, x: x + 2 * np.eye(shape[0]), inner)


def program(seed: int, target: Shape = ()) -> Program:
    """The random program of a seed, its target a scalar or of the shape given."""
    for attempt in range(50):
        try:
            return Author(random.Random(f"{seed}/{attempt}")).write(seed, target)
        except Unsuitable:
            continue
    raise AssertionError(f"no program for seed {seed}")
