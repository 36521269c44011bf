"""What was written, as frozen records with their places: no meaning yet.

An expression's children come from `children`; nothing here recurses, and equality is identity, so that a
long input cannot exhaust the stack.
"""

from __future__ import annotations

from msgspec import Struct

from gradcalc.errors import Source, Span


class _Nested(Struct, frozen=True, eq=False, kw_only=True):
    depth: int = 0


class Expression(_Nested, frozen=True, eq=False):
    """Anything with a value. `depth` counts the constructs nested inside, flat chains not counted."""

    span: Span

    def __repr__(self) -> str:
        """The kind and the text: nothing of what is inside, so that depth costs no stack."""
        return f"{type(self).__name__}({self.span.text!r})"


class Number(Expression, frozen=True, eq=False):
    """`2`, `0.5`, `1e-3`; `text` keeps the digits as written."""

    value: float
    text: str


class Name(Expression, frozen=True, eq=False):
    """A name, normalised: `\\delta` is `δ`."""

    id: str


class Sum(Expression, frozen=True, eq=False):
    """`a + b - c`: signs and terms."""

    signs: tuple[int, ...]
    terms: tuple[Expression, ...]


class Product(Expression, frozen=True, eq=False):
    """`a b * c / d ∘ e`: factors, and the operator before each but the first; "" is juxtaposition.

    Operators: "", "*", "/", "∘", "./", "⊗".
    """

    factors: tuple[Expression, ...]
    operators: tuple[str, ...]


class Negative(Expression, frozen=True, eq=False):
    """`-x`."""

    operand: Expression


class Power(Expression, frozen=True, eq=False):
    """`x^n`, or entry by entry `x .^ n`."""

    base: Expression
    exponent: Expression
    elementwise: bool


class Transpose(Expression, frozen=True, eq=False):
    """`u^T`, `u'`."""

    operand: Expression


class InverseTranspose(Expression, frozen=True, eq=False):
    """`A^-T`."""

    operand: Expression


class Range(Expression, frozen=True, eq=False):
    """`:` or `1:3` inside an index; None where nothing was written."""

    start: Expression | None
    stop: Expression | None


class Index(Expression, frozen=True, eq=False):
    """`x[0]`, `E[3, :]`."""

    operand: Expression
    items: tuple[Expression, ...]


class Group(Expression, frozen=True, eq=False):
    """`(x + y)`: kept, because `a (x + y)` may be a call."""

    operand: Expression


class Argument(Struct, frozen=True, eq=False):
    """One argument of an application, with its keyword or None."""

    value: Expression
    keyword: str | None = None


class Application(Expression, frozen=True, eq=False):
    """`name (args)`: a call or a product, as the planner decides. `primes` counts the `'`.

    `callee` is a name, or a derivative followed by a bracket (then always a product).
    """

    callee: Expression
    primes: int
    arguments: tuple[Argument, ...]


class Compare(Expression, frozen=True, eq=False):
    """`y > z`: operator one of < <= > >= == !=."""

    operator: str
    left: Expression
    right: Expression


class Matrix(Expression, frozen=True, eq=False):
    """A literal in brackets: rows of entries, and labels of a labelled vector."""

    rows: tuple[tuple[Expression, ...], ...]
    labels: tuple[str, ...] = ()


class Norm(Expression, frozen=True, eq=False):
    """`||x||`, `||x||_1`, `|x|`: kind one of "2", "1", "inf", "abs"."""

    operand: Expression
    kind: str


class Derivative(Expression, frozen=True, eq=False):
    """`∂s/∂W`."""

    of: Expression
    by: Expression


class Statement(Struct, frozen=True, eq=False):
    """Anything between two separators."""

    span: Span


class Equation(Statement, frozen=True, eq=False):
    """`name = value`, and `name(parameters) = value` where parameters are given."""

    name: Name
    parameters: tuple[Name, ...] | None
    value: Expression


class Claim(Statement, frozen=True, eq=False):
    """`left == right`."""

    left: Expression
    right: Expression


class Input(Statement, frozen=True, eq=False):
    """`x (input)` or `input x`."""

    name: Name


class Shaped(Statement, frozen=True, eq=False):
    """`x in R^n`: sizes are numbers or symbols; none for a scalar."""

    name: Name
    sizes: tuple[int | str, ...]


class Layout(Statement, frozen=True, eq=False):
    """`@layout numerator`."""

    layout: str


class Program(Struct, frozen=True, eq=False):
    """All statements of a source, in the order written."""

    source: Source
    statements: tuple[Statement, ...]
