"""What was written, as frozen records with their places: no meaning yet.

An expression's children come from `children`; nothing here recurses, and equality is identity, so that a
long input cannot exhaust the stack.
"""

from __future__ import annotations

from dataclasses import field

from gradcalc.errors import Source, Span
from gradcalc.record import record


@record(frozen=True, eq=False, repr=False)
class Expression:
    """Anything with a value. `depth` counts the constructs nested inside, flat chains not counted."""

    span: Span
    depth: int = field(default=0, kw_only=True)

    def __repr__(self) -> str:
        """The kind and the text: nothing of what is inside, so that depth costs no stack."""
        return f"{type(self).__name__}({self.span.text!r})"


@record(frozen=True, eq=False, repr=False)
class Number(Expression):
    """`2`, `0.5`, `1e-3`; `text` keeps the digits as written."""

    value: float
    text: str


@record(frozen=True, eq=False, repr=False)
class Name(Expression):
    """A name, normalised: `\\delta` is `δ`."""

    id: str


@record(frozen=True, eq=False, repr=False)
class Sum(Expression):
    """`a + b - c`: signs and terms."""

    signs: tuple[int, ...]
    terms: tuple[Expression, ...]


@record(frozen=True, eq=False, repr=False)
class Product(Expression):
    """`a b * c / d ∘ e`: factors, and the operator before each but the first; "" is juxtaposition.

    Operators: "", "*", "/", "∘", "./", "⊗".
    """

    factors: tuple[Expression, ...]
    operators: tuple[str, ...]


@record(frozen=True, eq=False, repr=False)
class Negative(Expression):
    """`-x`."""

    operand: Expression


@record(frozen=True, eq=False, repr=False)
class Power(Expression):
    """`x^n`, or entry by entry `x .^ n`."""

    base: Expression
    exponent: Expression
    elementwise: bool


@record(frozen=True, eq=False, repr=False)
class Transpose(Expression):
    """`u^T`, `u'`."""

    operand: Expression


@record(frozen=True, eq=False, repr=False)
class InverseTranspose(Expression):
    """`A^-T`."""

    operand: Expression


@record(frozen=True, eq=False, repr=False)
class Range(Expression):
    """`:` or `1:3` inside an index; None where nothing was written."""

    start: Expression | None
    stop: Expression | None


@record(frozen=True, eq=False, repr=False)
class Index(Expression):
    """`x[0]`, `E[3, :]`."""

    operand: Expression
    items: tuple[Expression, ...]


@record(frozen=True, eq=False, repr=False)
class Group(Expression):
    """`(x + y)`: kept, because `a (x + y)` may be a call."""

    operand: Expression


@record(frozen=True, eq=False)
class Argument:
    """One argument of an application, with its keyword or None."""

    value: Expression
    keyword: str | None = None


@record(frozen=True, eq=False, repr=False)
class Application(Expression):
    """`name (args)`: a call or a product, as the planner decides. `primes` counts the `'`.

    `callee` is a name, or a derivative followed by a bracket (then always a product).
    """

    callee: Expression
    primes: int
    arguments: tuple[Argument, ...]


@record(frozen=True, eq=False, repr=False)
class Compare(Expression):
    """`y > z`: operator one of < <= > >= == !=."""

    operator: str
    left: Expression
    right: Expression


@record(frozen=True, eq=False, repr=False)
class Matrix(Expression):
    """A literal in brackets: rows of entries, and labels of a labelled vector."""

    rows: tuple[tuple[Expression, ...], ...]
    labels: tuple[str, ...] = ()


@record(frozen=True, eq=False, repr=False)
class Norm(Expression):
    """`||x||`, `||x||_1`, `|x|`: kind one of "2", "1", "inf", "abs"."""

    operand: Expression
    kind: str


@record(frozen=True, eq=False, repr=False)
class Derivative(Expression):
    """`∂s/∂W`."""

    of: Expression
    by: Expression


@record(frozen=True, eq=False)
class Statement:
    """Anything between two separators."""

    span: Span = field(repr=False)


@record(frozen=True, eq=False)
class Equation(Statement):
    """`name = value`, and `name(parameters) = value` where parameters are given."""

    name: Name
    parameters: tuple[Name, ...] | None
    value: Expression


@record(frozen=True, eq=False)
class Claim(Statement):
    """`left == right`."""

    left: Expression
    right: Expression


@record(frozen=True, eq=False)
class Input(Statement):
    """`x (input)` or `input x`."""

    name: Name


@record(frozen=True, eq=False)
class Shaped(Statement):
    """`x in R^n`: sizes are numbers or symbols; none for a scalar."""

    name: Name
    sizes: tuple[int | str, ...]


@record(frozen=True, eq=False)
class Layout(Statement):
    """`@layout numerator`."""

    layout: str


@record(frozen=True, eq=False)
class Program:
    """All statements of a source, in the order written."""

    source: Source = field(repr=False)
    statements: tuple[Statement, ...]
