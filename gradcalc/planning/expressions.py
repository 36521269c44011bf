"""Expressions to nodes: names, literals, sums, powers, entries, derivatives; calls or products.

Each construct has a handler written as a generator: it yields what it needs (an expression with its scope, or
a name) and is sent the value, so that depth of nesting and length of chains use no stack. Products are in
`products`, calls in `calls`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gradcalc import algebra as al
from gradcalc import syntax
from gradcalc.differentiate import Backward, derivative
from gradcalc.errors import Span
from gradcalc.exact import total
from gradcalc.graph import SCALAR, SELECTIVE, Graph, Node, Shape, ancestors, is_row, joint_size, of_extent
from gradcalc.ops import FUNCTIONS
from gradcalc.planning import calls, entries, powers, products
from gradcalc.planning.definitions import CONSTANTS, Definitions
from gradcalc.planning.making import TOP, UNKNOWN, Handler, Identity, Maker, Scope, Unknown, Value, shape_labels
from gradcalc.simplify.engine import extract, simplify
from gradcalc.suggest import Speller
from gradcalc.symbols import excerpt

Factoring = Generator[syntax.Expression, Any, list[syntax.Expression]]
_AROUND = syntax.Power | syntax.Transpose | syntax.InverseTranspose | syntax.Index


@dataclass
class Builder(Maker):
    """Makes the nodes of expressions in one graph.

    `entrywise` are the functions that may act entry by entry, with the names that they use, and `flat` those that
    were found to; `abstract` allows functions without a definition; `resolve` gives the handler for a name's value,
    `knows` says whether a name has one; `sizes` are the symbols of stated shapes with their numbers, None while
    there is none; `owners` are the nodes that have a name; `primals` are what derivatives are of: where they have no
    value, the derivative has none.
    """

    tables: Definitions
    entrywise: Mapping[str, tuple[syntax.Name, ...]]
    numerator: bool
    abstract: bool
    resolve: Callable[[str, Span], Handler]
    knows: Callable[[str], bool]
    sizes: Mapping[str, int | None]
    owners: Mapping[Node, str]
    derivatives: list[Span] = field(default_factory=list)
    sweeps: list[Backward] = field(default_factory=list)
    primals: list[tuple[Node, Node]] = field(default_factory=list)
    undefined: set[str] = field(default_factory=set)
    flat: dict[str, bool] = field(default_factory=dict)
    speller: Speller = field(default_factory=Speller)
    by_matrix: dict[syntax.Expression, Shape] = field(default_factory=dict)
    """Expressions that are the Jacobian of a vector by a matrix, with the matrix's shape."""
    _whole: dict[int, syntax.Expression] = field(default_factory=dict)
    """By identity, chains of powers, transposes and indices of what is no application: they are one factor."""

    @cached_property
    def functions(self) -> set[str]:
        """The names of all functions that have a definition."""
        return {*FUNCTIONS, *self.tables.functions, *self.tables.aliases}

    # ------------------------------------------------------------------------- driving

    def build(self, expression: syntax.Expression, scope: Scope = TOP) -> Value:
        """The value of an expression."""
        return self.drive(self._handler(expression, scope))

    def drive(self, first: Handler) -> Value:
        """Run a handler and all that it asks for, on a stack of its own."""
        stack: list[Handler] = [first]
        value: Any = None
        while stack:
            try:
                request = stack[-1].send(value)
            except StopIteration as end:
                stack.pop()
                value = end.value
                continue
            value = None
            if isinstance(request, tuple) and isinstance(request[0], str):
                stack.append(self.resolve(request[0], request[1]))
            else:
                stack.append(self._handler(*request))
        result: Value = value
        return result

    def _handler(self, expression: syntax.Expression, scope: Scope) -> Handler:
        factors = self.factors(expression, scope)
        if len(factors) > 1:
            expression = syntax.Product(expression.span, tuple(factors), ("",) * (len(factors) - 1))
        return _HANDLERS[type(expression)](self, expression, scope)

    # --------------------------------------------------------- call or product

    def is_function(self, name: str, scope: Scope) -> bool:
        """Whether `name (...)` is a call: a value of that name makes it a product."""
        return name not in scope.values and (name in self.tables.functions or not self.knows(name))

    def factors(self, expression: syntax.Expression, scope: Scope) -> list[syntax.Expression]:
        """An expression as the factors that it turns out to be: `a (x + 1)^2` of a value a is two.

        What follows the bracket goes with the bracket; what stands before goes with the name.
        """
        if not isinstance(expression, _AROUND | syntax.Application) or id(expression) in self._whole:
            return [expression]
        stack, found = [self._factoring(expression, scope)], None
        while stack:
            try:
                inner = stack[-1].send(found)
            except StopIteration as end:
                stack.pop()
                found = end.value
            else:
                stack.append(self._factoring(inner, scope))
                found = None
        return found or []

    def _factoring(self, expression: syntax.Expression, scope: Scope) -> Factoring:
        """Yields exponents, and is sent their factors."""
        outer: list[syntax.Expression] = []
        core = expression
        while isinstance(core, _AROUND):
            outer.append(core)
            core = core.base if isinstance(core, syntax.Power) else core.operand
        factors = self._split(core, scope)
        whole = not isinstance(core, syntax.Application)
        for around in reversed(outer):
            last = factors[-1]
            if isinstance(around, syntax.Power):
                inside = [around.exponent]
                if isinstance(around.exponent, _AROUND | syntax.Application) and id(around.exponent) not in self._whole:
                    inside = yield around.exponent
                    whole = whole and id(around.exponent) in self._whole
                if last is around.base and len(inside) == 1:
                    factors[-1] = around
                    continue
                factors[-1:] = [syntax.Power(around.span, last, inside[0], around.elementwise), *inside[1:]]
            elif isinstance(around, syntax.Index):
                factors[-1] = around if last is around.operand else syntax.Index(around.span, last, around.items)
            else:
                assert isinstance(around, syntax.Transpose | syntax.InverseTranspose)
                factors[-1] = around if last is around.operand else type(around)(around.span, last)
        if whole:
            self._whole.update((id(around), around) for around in outer)
        return factors

    def _split(self, core: syntax.Expression, scope: Scope) -> list[syntax.Expression]:
        if not isinstance(core, syntax.Application):
            return [core]
        callee = core.callee
        if isinstance(callee, syntax.Name) and (self.is_function(callee.id, scope) or len(core.arguments) != 1):
            return [core]
        for _ in range(core.primes):
            callee = syntax.Transpose(callee.span, callee)
        return [callee, syntax.Group(core.arguments[0].value.span, core.arguments[0].value)]


# ------------------------------------------------------------------------------- handlers


def _number(builder: Builder, e: syntax.Number, scope: Scope) -> Handler:
    return builder.graph.constant(e.value, e.text)
    yield


def _name(builder: Builder, e: syntax.Name, scope: Scope) -> Handler:
    if e.id in scope.values:
        return scope.values[e.id]
    if not builder.knows(e.id):
        if e.id in CONSTANTS:
            return builder.graph.constant(math.pi, "pi")
        if e.id in builder.sizes:
            size = builder.sizes[e.id]
            return (
                builder.graph.make("symbol", shape=SCALAR, name=e.id) if size is None else builder.graph.constant(size)
            )
        if e.id == "I":
            return Identity(e.span)
        if e.id in builder.tables.functions or e.id in builder.tables.aliases or e.id in FUNCTIONS:
            return builder.fault("function-as-value", f"`{e.id}` is a function and stands here as a value", e.span,
                                 remedy=f"give it an argument, as in `{e.id}(x)`")  # fmt: skip
    value: Value = yield (e.id, e.span)
    return value


def _group(builder: Builder, e: syntax.Group, scope: Scope) -> Handler:
    value: Value = yield (e.operand, scope)
    if e.operand in builder.by_matrix:
        builder.by_matrix[e] = builder.by_matrix[e.operand]
    return value


def _sum(builder: Builder, e: syntax.Sum, scope: Scope) -> Handler:
    values = []
    for term in e.terms:
        values.append((yield (term, scope)))
    terms = builder.sized(values)
    if terms is None:
        return UNKNOWN
    numbers = [s * t.exact for s, t in zip(e.signs, terms, strict=True) if t.exact is not None]
    number = total(numbers) if len(numbers) == len(terms) else None
    if number is not None:
        return builder.graph.constant(number)
    spread = builder.spread(terms, [t.span for t in e.terms], e.span, "the sum")
    return spread if isinstance(spread, Unknown) else builder.make("add", *spread, span=e.span, signs=e.signs)


def _negative(builder: Builder, e: syntax.Negative, scope: Scope) -> Handler:
    value = yield (e.operand, scope)
    if isinstance(value, Identity):
        return value.times(builder.graph.constant(-1.0))
    if isinstance(value, Unknown):
        return value
    if value.exact is not None:
        text = value.attributes["text"]
        return builder.graph.constant(-value.exact, text[1:] if text.startswith("-") else "-" + text)
    return builder.make("negative", value, span=e.span)


def _compare(builder: Builder, e: syntax.Compare, scope: Scope) -> Handler:
    values = [(yield (e.left, scope)), (yield (e.right, scope))]
    nodes = builder.sized(values)
    if nodes is None:
        return UNKNOWN
    both = builder.spread(nodes, (e.left.span, e.right.span), e.span, "the comparison")
    return both if isinstance(both, Unknown) else builder.make("compare", *both, span=e.span, operator=e.operator)


def _norm(builder: Builder, e: syntax.Norm, scope: Scope) -> Handler:
    value = yield (e.operand, scope)
    nodes = builder.known(value)
    if nodes is None:
        return UNKNOWN
    if e.kind == "abs":
        return builder.make("abs", nodes[0], span=e.span)
    return builder.make({"2": "norm", "1": "norm1", "inf": "norminf"}[e.kind], nodes[0], span=e.span, axis=None)


def _derivative(builder: Builder, e: syntax.Derivative, scope: Scope) -> Handler:
    builder.derivatives.append(e.span)
    values = [(yield (e.of, scope)), (yield (e.by, scope))]
    nodes = builder.known(*values)
    if nodes is None:
        return UNKNOWN
    of, by = nodes
    if len(of.shape) == 1 and len(by.shape) == 2 and not is_row(by.shape):
        builder.by_matrix[e] = by.shape
    labels = shape_labels((e.of.span, e.by.span), nodes)
    x, y = excerpt(e.by.span, 24), excerpt(e.of.span, 24)
    if by.op == "constant":
        return builder.fault("bad-derivative", f"`{x}` is a number, and nothing can be derived by it", e.by.span,
                             rule="a derivative is by a value that can vary",
                             remedy="put a name in its place")  # fmt: skip
    if by not in ancestors([of]):
        if not isinstance(e.by, syntax.Name):
            return builder.fault("bad-derivative", f"`{x}` is no part of `{y}`", e.by.span, labels=labels,
                                 rule="a derivative is by a name, or by an expression that the value is made of",
                                 remedy=f"define `v = {x}`, use v in `{y}`, and derive by v")  # fmt: skip
        if of.shape != SCALAR:
            return builder.note(al.zeros(builder.graph, _jacobian_shape(of.shape, by.shape)), e.span)
    try:
        found, sweep = derivative(of, by, builder.numerator)
    except ValueError:
        return builder.fault("no-closed-form", f"`{excerpt(e.span)}` has no closed form", e.span, labels=labels,
                             rule="its Jacobian is not made of products, diagonals and Kronecker products",
                             remedy=f"see its numbers with `gradcalc run --of {y} --wrt {x}`")  # fmt: skip
    if any(n.op in SELECTIVE for n in ancestors([of])):
        builder.sweeps.append(sweep)  # its contributions are needed as they are: some may not have been taken
    else:
        found = _simplified(builder, found)
    builder.primals.append((found, of))
    return builder.note(found, e.span)


def _simplified(builder: Builder, root: Node) -> Node:
    """The node after all rewrites, which stop at values that have a name: it may be derived by them again."""
    graph = Graph()
    leaves = {
        n: graph.make("input", name=builder.owners[n], shape=n.shape) for n in ancestors([root]) if n in builder.owners
    }
    made = simplify(extract(root, leaves, graph))
    return extract(made, {leaf: node for node, leaf in leaves.items()}, builder.graph)


def _jacobian_shape(of: Shape, by: Shape) -> Shape:
    """One row for every entry of the value, one column for every entry of what it is derived by."""
    if by == SCALAR:
        return of
    return of_extent(joint_size(*of), joint_size(*by))


_HANDLERS: dict[type[syntax.Expression], Callable[[Builder, Any, Scope], Handler]] = {
    syntax.Number: _number, syntax.Name: _name, syntax.Group: _group, syntax.Matrix: entries.matrix, syntax.Sum: _sum,
    syntax.Negative: _negative, syntax.Power: powers.power, syntax.Transpose: powers.transpose,
    syntax.InverseTranspose: powers.inverse_transpose, syntax.Index: entries.index, syntax.Compare: _compare,
    syntax.Norm: _norm, syntax.Derivative: _derivative, syntax.Product: products.product,
    products.Refused: products.refused, syntax.Application: calls.application,
}  # fmt: skip
