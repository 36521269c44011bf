"""Who writes random programs: names, inputs, statements, and expressions of a shape that is asked for.

All choices come from one `random.Random`: a seeded one, or one whose every answer hypothesis decides, so that what
fails is made small. What can be written is in the table of productions; each is Python of its own.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.programs.made import ATOM, NUMPY, POWER, PRODUCT, SUM, Array, Environment, Expression, Program, Shape, extent
from tests.programs.made import Namespace as Namespace
from tests.programs.meaning import OF_ONE, OF_TWO, PRIMES, REDUCTIONS, SMOOTH, sigmoid

FAR = 0.02
"""How far from a kink a value must lie."""
LARGE = 6.0
"""Values beyond this are scaled down."""
MOST = 60
"""Expressions in a program, about."""
NAMES = [
    *("x", "y", "z", "u", "v", "w", "p", "q", "h", "k", "A", "B", "C", "M", "W", "U", "b", "c", "α", "β", "γ"),
    *("θ", "λ", "μ", "x_1", "x_2", "ŷ", "W_1", "W_2", "b_1", "h_1", "E", "F", "G", "P", "Q", "S", "V", "X", "Y", "Z"),
]


class Unsuitable(Exception):
    """This choice does not fit here; another is made."""


Production = Callable[["Author", Shape, int], Expression]
"""Makes an expression of the shape asked for, or raises `Unsuitable`."""
KINDS = ("scalar", "column", "row", "matrix")
PRODUCTIONS: dict[str, list[Production]] = {kind: [] for kind in KINDS}
"""What an expression of a kind can be; what stands here twice is chosen twice as often."""


def production(*kinds: str, weight: int = 1) -> Callable[[Production], Production]:
    """Enter a production for values of some kinds; of all, where none is named."""

    def enter(function: Production) -> Production:
        for kind in kinds or KINDS:
            PRODUCTIONS[kind] += [function] * weight
        return function

    return enter


def kind_of(shape: Shape) -> str:
    return "scalar" if not shape else "column" if len(shape) == 1 else "row" if shape[0] == 1 else "matrix"


@dataclass
class Author:
    """Writes one program."""

    random: random.Random
    most: int = MOST
    values: dict[str, Expression] = field(default_factory=dict)
    free: list[str] = field(default_factory=list)
    inputs: dict[str, np.ndarray] = field(default_factory=dict)
    statements: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, Expression] = field(default_factory=dict)
    definitions: list[str] = field(default_factory=list)
    aliases: list[tuple[str, str]] = field(default_factory=list)
    of_one: list[tuple[str, Any, Any]] = field(default_factory=list)
    of_two: list[tuple[str, Any]] = field(default_factory=list)
    size: int = 0

    def __post_init__(self) -> None:
        if not self.free:
            self.free = list(NAMES)
            self.random.shuffle(self.free)
        self.sizes = [self.random.choice((2, 3)), self.random.choice((2, 3, 4))]

    # --------------------------------------------------------------------------- the whole

    def write(self, seed: int, targets: dict[str, Shape], define: bool = True) -> Program:
        """A program with targets of these names and shapes, the first of them its own."""
        if define:
            self._define()
        for _ in range(self.random.randint(1, 4)):
            self._state(self.free.pop(), self.expression(self.any_shape(), 2))
        used = [v for n, v in self.values.items() if n not in self.inputs]
        for name, shape in targets.items():
            parts = self.random.sample(used, min(len(used), self.random.randint(1, 3)))
            self._state(name, self.sum_of([*(self._to(p, shape) for p in parts), self.expression(shape, 2)]))
        self.random.shuffle(self.statements)
        inputs = self._mentioned()
        name, shape = next(iter(targets.items()))
        return Program(seed, self.statements, self.data, inputs, name, self.definitions, self.steps, shape)

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
            return self.scaled(value, self.expression(shape, 1))
        scalar = self.reduced(self.random.choice(("sum", "mean")), value, None, ())
        return scalar if not shape else self.scaled(scalar, self.expression(shape, 1))

    def _define(self) -> None:
        """Aliases and functions, some of them."""
        for name in ("f", "φ"):
            if self.random.random() >= 0.5:
                of = self.random.choice(list(PRIMES))
                self.aliases.append((name, of))
                self._definition(f"{name} = {of}")
        if self.random.random() >= 0.5:
            body, function, prime = self.random.choice(OF_ONE)
            self.of_one.append(("g", function, prime))
            self._definition(f"g(t) = {body}")
        if self.random.random() >= 0.5:
            body, two = self.random.choice(OF_TWO)
            self.of_two.append(("r", two))
            self._definition(f"r(a, b) = {body}")

    def _definition(self, text: str) -> None:
        self.definitions.append(text)
        self.statements.append(text)

    def _state(self, name: str, made: Expression) -> None:
        self.statements.append(f"{name} = {made.text}")
        self.steps[name] = made
        self.values[name] = named(name, made.value, made.shape)

    def any_shape(self) -> Shape:
        n, m = (self.random.choice(self.sizes) for _ in range(2))
        return self.random.choice([(), (n,), (n,), (1, n), (m, n), (m, n)])

    # -------------------------------------------------------------------------- expressions

    def expression(self, shape: Shape, depth: int) -> Expression:
        """A random expression, not too large in value."""
        if depth <= 0 or self.size > self.most:
            return self._leaf(shape)
        self.size += 1
        for _ in range(20):
            try:
                return self._tame(self.random.choice(PRODUCTIONS[kind_of(shape)])(self, shape, depth - 1))
            except Unsuitable:
                continue
        return self._leaf(shape)

    def new(self, text: str, level: int, shape: Shape, function: Any, *operands: Expression) -> Expression:
        """An expression of a text, and of what it computes from its operands."""

        def compute(xp: Namespace, env: Environment) -> Array:
            return function(xp, *(o.compute(xp, env) for o in operands))

        with np.errstate(all="ignore"):
            value = np.asarray(function(NUMPY, *(o.value for o in operands)))
        assert value.shape == extent(shape), (text, value.shape, shape)
        if not np.isfinite(value).all():
            raise Unsuitable
        return Expression(text, level, shape, value, compute)

    def call(self, name: str, operand: Expression, shape: Shape, function: Any) -> Expression:
        """A function of one operand."""
        return self.new(f"{name}({operand.text})", ATOM, shape, function, operand)

    def reduced(self, name: str, operand: Expression, axis: int | None, shape: Shape) -> Expression:
        """A reduction over all entries or along an axis."""
        option = "" if axis is None else f", axis={axis}"
        return self.new(f"{name}({operand.text}{option})", ATOM, shape,
                        lambda xp, x: REDUCTIONS[name](xp, x, axis), operand)  # fmt: skip

    def _tame(self, made: Expression) -> Expression:
        largest = np.max(np.abs(made.value))
        if largest <= LARGE:
            return made
        if self.random.random() < 0.5 and largest < 20:
            return self.call("tanh", made, made.shape, SMOOTH["tanh"])
        divisor = float(f"{largest:.1g}")
        text = f"{made.at(PRODUCT)} / {divisor!r}"
        return self.new(text, PRODUCT, made.shape, lambda xp, x: x / divisor, made)

    def _leaf(self, shape: Shape) -> Expression:
        """A value that is there, or a new input, or a number."""
        known = [v for v in self.values.values() if v.shape == shape]
        if known and (self.random.random() < 0.7 or len(self.free) < 12):
            return self.random.choice(known)
        if len(self.free) < 8 or self.random.random() < (0.05 if shape else 0.15):
            return self._number(shape)
        return self._input(shape)

    def _number(self, shape: Shape) -> Expression:
        """A number that is written out, or an array of constants."""
        value = round(self.random.uniform(0.2, 2), 2)
        if not shape:
            filled = np.full((1, 1), value)
            return Expression(f"{value!r}", ATOM, (), filled, lambda xp, env: xp.constant(filled))
        options = [(f"{value!r} ones({sizes(shape)})", PRODUCT, np.full(extent(shape), value)),
                   (f"zeros({sizes(shape)})", ATOM, np.zeros(extent(shape)))]  # fmt: skip
        if len(shape) == 1:
            options.append((f"onehot({shape[0] - 1}, {shape[0]})", ATOM, np.eye(shape[0])[:, -1:]))
        text, level, array = self.random.choice(options)
        return Expression(text, level, shape, array, lambda xp, env: xp.constant(array))

    def _input(self, shape: Shape) -> Expression:
        name = self.free.pop()
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
        self.values[name] = named(name, value, shape)
        return self.values[name]

    # ------------------------------------------------------------- what productions stand on

    def apart(self, *differences: np.ndarray) -> None:
        """Refuse what lies near a kink."""
        if any(np.min(np.abs(d)) < FAR for d in differences):
            raise Unsuitable

    def positive(self, shape: Shape, depth: int) -> Expression:
        """An expression that is positive by more than a little."""
        inner = self.expression(shape, depth)
        offset = round(self.random.uniform(0.3, 2), 1)
        square = f"{inner.at(ATOM)} .^ 2" if shape else f"{inner.at(ATOM)}^2"
        return self.random.choice([
            lambda: self.new(f"{square} + {offset}", SUM, shape, lambda xp, x: x**2 + offset, inner),
            lambda: self.new(f"softplus({inner.text}) + {offset}", SUM, shape,
                             lambda xp, x: SMOOTH["softplus"](xp, x) + offset, inner),
            lambda: self.new(f"exp(sin({inner.text}))", ATOM, shape, lambda xp, x: xp.exp(xp.sin(x)), inner),
            lambda: self.new(f"{offset} + sigmoid({inner.text})", SUM, shape,
                             lambda xp, x: offset + sigmoid(xp, x), inner),
        ])()  # fmt: skip

    def well_conditioned(self, n: int, depth: int) -> Expression:
        """I + a bounded matrix whose rows sum to less than one."""
        inner = self.expression((n, n), depth)
        weight = round(0.8 / n, 2)
        return self.new(f"eye({n}) + {weight} tanh({inner.text})", SUM, (n, n),
                        lambda xp, x: xp.constant(np.eye(n)) + weight * xp.tanh(x), inner)  # fmt: skip

    def sum_of(self, terms: Sequence[Expression]) -> Expression:
        """Terms with signs."""
        signs = [1] + [self.random.choice((1, -1)) for _ in terms[1:]]
        text = terms[0].text
        for sign, term in zip(signs[1:], terms[1:], strict=True):
            text += f" {'+' if sign > 0 else '-'} {term.at(PRODUCT)}"

        def total(xp: Namespace, *x: Array) -> Array:
            result = x[0]
            for sign, term in zip(signs[1:], x[1:], strict=True):
                result = result + term if sign > 0 else result - term
            return result

        widest = max((t.shape for t in terms), key=lambda s: (len(s), s))
        return self.new(text, SUM, widest, total, *terms)

    def scaled(self, a: Expression, b: Expression) -> Expression:
        """A scalar times anything, juxtaposed where that is readable."""
        if b.text[0].isdigit() or b.text[0] in "[-|‖" or a.text.endswith("1"):
            sign = self.random.choice((" * ", " · "))
        else:
            sign = self.random.choice((" ", " ", " * ", " · "))
        return self.new(f"{a.at(PRODUCT)}{sign}{b.at(POWER)}", PRODUCT, b.shape, lambda xp, x, y: x * y, a, b)


def named(name: str, value: np.ndarray, shape: Shape) -> Expression:
    """A value under its name."""
    return Expression(name, ATOM, shape, value, lambda xp, env: env[name])


def sizes(shape: Shape) -> str:
    return ", ".join(map(str, shape))
