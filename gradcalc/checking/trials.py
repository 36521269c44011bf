"""Trying out other right sides: which candidate agrees in numbers with the side of a claim that is taken for right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcalc import syntax
from gradcalc.checking.written import bare, printed, product, rewritten, unwritten, with_children
from gradcalc.errors import GradcalcError
from gradcalc.evaluator import Values, above, evaluate
from gradcalc.graph import LEAVES, Node, Shape, count
from gradcalc.planning.definitions import children
from gradcalc.planning.expressions import Builder
from gradcalc.planning.making import Identity, Scope, Value
from gradcalc.syntax import Expression

Array = np.ndarray[Any, Any]
CLOSE, FINEST = 1e-7, 1e-13
"""A repair agrees to the first part of the largest entry, so that it was not found by chance; where the wrong side is
as near as that, to a smaller part, though not below the second: rounding leaves as much."""
NEARER = 100.0
"""How many times nearer a repair is than the wrong side."""
MOST_TRIED = 600
MOST_NUMBERS = 20_000_000
"""Candidates, and numbers computed for them, before the search gives up."""


@dataclass(eq=False)
class Trials:
    """Builds candidates and compares them with `right`, a node, at points.

    `given` is `right` as it was written, `fixed` the derivative that it is, if it is one. Derivatives in `wrong`, the
    expression to be repaired, stand as names: `stand_ins` has their values, and `derivatives` what they were.
    """

    builder: Builder
    right: Node
    points: Sequence[Values]
    wrong: Expression
    fixed: syntax.Derivative | None = None
    given: Expression | None = None
    stand_ins: dict[str, Value] = field(default_factory=dict)
    derivatives: dict[str, syntax.Derivative] = field(default_factory=dict)
    tried: int = 0
    numbers: int = 0
    tolerance: float = CLOSE

    def __post_init__(self) -> None:
        self.split: set[Expression] = set()
        self.wrong = rewritten(self.wrong, self._normal)
        for values in self.points:
            evaluate(above(self.right, values), values)

    def _normal(self, e: Expression) -> Expression:
        """A part with derivatives as names, and `a (x + 1)` of a value a as the product that it is."""
        derivative = as_derivative(e)
        if derivative is not None:
            return self.derivative(derivative)
        if isinstance(e, syntax.Product):
            return self._flat(e)
        if isinstance(e, syntax.Application):
            found = self.builder.factors(e, Scope(self.stand_ins))
            return e if len(found) == 1 else self._split_into([found[0], syntax.Group(unwritten(e), bare(found[1]))])
        inner = e.base if isinstance(e, syntax.Power) else getattr(e, "operand", None)
        if inner not in self.split or isinstance(e, syntax.Group | syntax.Negative | syntax.Norm):
            return e
        assert isinstance(inner, syntax.Product)
        last = with_children(e, [inner.factors[-1], *children(e)[1:]])
        return self._split_into([*inner.factors[:-1], last])

    def _split_into(self, factors: list[Expression]) -> Expression:
        whole = product(factors, [""] * (len(factors) - 1))
        self.split.add(whole)
        return whole

    def _flat(self, e: syntax.Product) -> Expression:
        """A product with the factors that a part turned out to be, from left to right as the builder reads them."""
        if not self.split.intersection(e.factors):
            return e
        factors, operators = list[Expression](), list[str]()
        for k, factor in enumerate(e.factors):
            inner = factor if factor in self.split and isinstance(factor, syntax.Product) else None
            operators += [e.operators[k - 1]] if k else []
            operators += inner.operators if inner else []
            factors += inner.factors if inner else [factor]
        return product(factors, operators)

    def derivative(self, e: syntax.Derivative) -> syntax.Name:
        """A derivative as a name of its own, built once."""
        name = syntax.Name(e.span, printed(e))
        if name.id not in self.stand_ins:
            found = self._value(e)
            if found is not None:
                self.stand_ins[name.id] = found
                self.derivatives[name.id] = e
        by = self.builder.by_matrix.get(self.derivatives.get(name.id, e))
        if by is not None:
            self.builder.by_matrix[name] = by
        return name

    def _value(self, e: Expression) -> Value | None:
        """What an expression is, or None where it does not fit; what the builder notes of it is dropped again."""
        builder = self.builder
        lists: list[list[Any]] = [builder.faults, builder.warnings, builder.derivatives, builder.sweeps,
                                      builder.primals]  # fmt: skip
        before = [len(found) for found in lists]
        try:
            value = builder.build(e, Scope(self.stand_ins))
        except GradcalcError:
            value = None
        sound = len(builder.faults) == before[0]
        for found, length in zip(lists, before, strict=True):
            del found[length:]
        return value if sound and isinstance(value, Node | Identity) else None

    def node(self, e: Expression, like: Shape | None = None) -> Node | None:
        """The node of an expression, an open identity in the shape that is wanted."""
        value = self._value(e)
        if isinstance(value, Identity):
            return self.builder.size_identity(value, self.right.shape if like is None else like)
        return value if isinstance(value, Node) else None

    @property
    def exhausted(self) -> bool:
        """Whether the search has gone on for long enough."""
        return self.tried >= MOST_TRIED or self.numbers >= MOST_NUMBERS

    def arrays(self, node: Node) -> list[Array]:
        """The values of a node at the points."""
        for values in self.points:
            order = above(node, values)
            self.numbers += sum(count(n.shape) for n in order)
            evaluate(order, values)
        return [values[node] for values in self.points]

    def agrees(self, node: Node | None) -> bool:
        """Whether a node has the shape and, at all points, the values of the right side."""
        self.tried += 1
        if node is None or node.shape != self.right.shape:
            return False
        for values in self.points:
            order = above(node, values)
            if any(n.op in LEAVES and n.op != "constant" for n in order):  # made of what the claim's sides are not
                return False
            self.numbers += sum(count(n.shape) for n in order)
            evaluate(order, values)
            if not close(values[node], values[self.right], self.tolerance):
                return False
        return True

    def tell_from(self, wrong: Node) -> None:
        """From now on what agrees is much nearer to the right side than the wrong one, which may be near to it."""
        arrays = self.arrays(wrong)
        apart = max((_distance(a, v[self.right]) for a, v in zip(arrays, self.points, strict=True)), default=0.0)
        self.tolerance = max(FINEST, min(CLOSE, apart / NEARER))

    def fits(self, e: Expression) -> bool:
        """Whether an expression is what the right side is, and not just its name."""
        name = _name(e)
        if name is not None and self.given is not None and name == _name(self.given):
            return False
        return self.agrees(self.node(e))


def _name(e: Expression) -> str | None:
    """The name that an expression consists of, transposed or not."""
    while isinstance(e, syntax.Group | syntax.Transpose):
        e = e.operand
    return e.id if isinstance(e, syntax.Name) else None


def _distance(found: Array, expected: Array) -> float:
    """The largest difference as a part of the largest entry; infinite where there is no number for it."""
    size = float(np.max(np.abs(expected), initial=0.0))
    with np.errstate(all="ignore"):
        apart = float(np.max(np.abs(found - expected), initial=0.0) / size) if size else np.inf
    return apart if np.isfinite(apart) else np.inf


def close(found: Array, expected: Array, tolerance: float = CLOSE) -> bool:
    """Whether two arrays agree but for rounding."""
    size = float(np.max(np.abs(expected), initial=0.0))
    with np.errstate(all="ignore"):
        return bool(np.all(np.abs(found - expected) <= tolerance * size))


def as_derivative(e: Expression) -> syntax.Derivative | None:
    """`∂s/∂x`, however it is written: `d(s)/d(x)` and `grad(s, x)` too; None for anything else."""
    match e:
        case syntax.Derivative():
            return e
        case syntax.Product(factors=(above, below), operators=("/",)):
            pair = _differential(above), _differential(below)
            if pair[0] is not None and pair[1] is not None:
                return syntax.Derivative(e.span, pair[0], pair[1])
        case syntax.Application(callee=syntax.Name(id="grad"), arguments=(of, by)):
            return syntax.Derivative(e.span, of.value, by.value)
    return None


def _differential(e: Expression) -> Expression | None:
    match e:
        case syntax.Application(callee=syntax.Name(id="d"), arguments=(of,), primes=0):
            return of.value
    return None
