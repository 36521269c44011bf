"""Statements sorted into tables: what each name is, before anything is planned.

Also what can be said of functions from their text alone: which act entry by entry, which call themselves, and
how many nodes a file grows to when they are expanded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradcalc import syntax
from gradcalc.errors import Diagnostic, Label, Limits, Span
from gradcalc.graph import Shape
from gradcalc.ops.table import FUNCTIONS

CONSTANTS = ("pi", "π")


@dataclass
class Definitions:
    """The tables. `values` are equations by name, `aliases` functions that are another one's name."""

    values: dict[str, syntax.Equation] = field(default_factory=dict)
    functions: dict[str, syntax.Equation] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, Span] = field(default_factory=dict)
    shapes: dict[str, syntax.Shaped] = field(default_factory=dict)
    claims: list[syntax.Claim] = field(default_factory=list)
    layout: str | None = None
    order: dict[str, int] = field(default_factory=dict)
    faults: list[Diagnostic] = field(default_factory=list)

    def is_value(self, name: str, given: Mapping[str, Any]) -> bool:
        """Whether a name stands for a value."""
        return name in self.values or name in given or name in self.inputs or name in self.shapes

    def function(self, name: str) -> str:
        """The function that a name leads to, through aliases; loops end at the name where they close."""
        seen = set()
        while name in self.aliases and name not in seen:
            seen.add(name)
            name = self.aliases[name]
        return name


def _of_application(e: syntax.Application) -> tuple[syntax.Expression, ...]:
    inner = () if isinstance(e.callee, syntax.Name) else (e.callee,)
    return (*inner, *(a.value for a in e.arguments))


def _operand(e: Any) -> tuple[syntax.Expression, ...]:
    return (e.operand,)


_CHILDREN: dict[type[syntax.Expression], Callable[[Any], tuple[syntax.Expression, ...]]] = {
    syntax.Sum: lambda e: e.terms, syntax.Product: lambda e: e.factors, syntax.Power: lambda e: (e.base, e.exponent),
    syntax.Compare: lambda e: (e.left, e.right), syntax.Derivative: lambda e: (e.of, e.by),
    syntax.Index: lambda e: (e.operand, *e.items),
    syntax.Range: lambda e: tuple(part for part in (e.start, e.stop) if part is not None),
    syntax.Matrix: lambda e: tuple(entry for row in e.rows for entry in row), syntax.Application: _of_application,
    syntax.Negative: _operand, syntax.Transpose: _operand, syntax.InverseTranspose: _operand, syntax.Group: _operand,
    syntax.Norm: _operand,
}  # fmt: skip


def children(expression: syntax.Expression) -> tuple[syntax.Expression, ...]:
    """The expressions directly inside one."""
    found = _CHILDREN.get(type(expression))
    return () if found is None else found(expression)


def walk(expression: syntax.Expression) -> Iterator[syntax.Expression]:
    """An expression and all that it contains."""
    stack = [expression]
    while stack:
        found = stack.pop()
        yield found
        stack.extend(children(found))


def names_in(program: syntax.Program) -> set[str]:
    """All names that a file mentions."""
    found: set[str] = set()
    for statement in program.statements:
        match statement:
            case syntax.Equation(name=name, value=value):
                roots: list[syntax.Expression] = [name, value]
            case syntax.Claim(left=left, right=right):
                roots = [left, right]
            case syntax.Input(name=name) | syntax.Shaped(name=name):
                roots = [name]
            case _:
                roots = []
        found |= {e.id for root in roots for e in walk(root) if isinstance(e, syntax.Name)}
    return found


def collect(program: syntax.Program) -> Definitions:
    """Sort the statements. Faults (duplicates, names that mean two things) are kept in `faults`."""
    tables = Definitions()
    for number, statement in enumerate(program.statements):
        match statement:
            case syntax.Equation(parameters=None):
                _define(tables, tables.values, statement.name, statement)
                tables.order[statement.name.id] = number
            case syntax.Equation():
                _define(tables, tables.functions, statement.name, statement)
                _check_parameters(tables, statement)
                tables.order[statement.name.id] = number
            case syntax.Input(name=name):
                tables.inputs.setdefault(name.id, name.span)
            case syntax.Shaped(name=name):
                _define(tables, tables.shapes, name, statement)
            case syntax.Claim():
                tables.claims.append(statement)
            case syntax.Layout(layout=layout):
                tables.layout = layout
    _find_aliases(tables)
    return tables


def _define(tables: Definitions, table: dict[str, Any], name: syntax.Name, statement: Any) -> None:
    rivals = [table] if table is tables.shapes else [tables.values, tables.functions]
    first = next((t[name.id] for t in rivals if name.id in t), None)
    if first is None:
        table[name.id] = statement
        return
    what = "shape" if table is tables.shapes else "definition"
    tables.faults.append(
        Diagnostic(
            "duplicate-name",
            f"`{name.id}` has a second {what}",
            name.span,
            (Label(first.name.span, "first here"), Label(name.span, "again here")),
            "a name is defined once",
            "rename one of them, or delete one",
        )
    )


def _check_parameters(tables: Definitions, statement: syntax.Equation) -> None:
    seen: set[str] = set()
    for parameter in statement.parameters or ():
        if parameter.id in seen:
            tables.faults.append(
                Diagnostic("duplicate-name", f"the parameter `{parameter.id}` stands twice", parameter.span,
                           (Label(statement.name.span.to(parameter.span)),), "parameters have different names",
                           "rename one of them")
            )  # fmt: skip
        seen.add(parameter.id)


def _find_aliases(tables: Definitions) -> None:
    """`f = tanh` is an alias if the right side names a function and no value."""
    for name, statement in tables.values.items():
        right = statement.value
        if isinstance(right, syntax.Name) and right.id not in tables.inputs and right.id not in tables.shapes:
            tables.aliases[name] = right.id
    known = {n for n in tables.aliases if _ends_in_function(tables, n)}
    tables.aliases = {n: t for n, t in tables.aliases.items() if n in known}
    for name in known:
        del tables.values[name]


def _ends_in_function(tables: Definitions, name: str) -> bool:
    end = tables.function(name)
    return end in tables.functions or (end in FUNCTIONS and end not in tables.values)


def calls(tables: Definitions, expression: syntax.Expression) -> Iterator[syntax.Application]:
    """The applications in an expression whose name is a function of the file."""
    for found in walk(expression):
        if isinstance(found, syntax.Application) and isinstance(found.callee, syntax.Name):
            end = tables.function(found.callee.id)
            if end in tables.functions and found.callee.id not in tables.values:
                yield found


def circle(names: Sequence[str]) -> str:
    """Names that lead to one another, and back to the first: `a → b → a`."""
    shown = names if len(names) < 12 else [*names[:6], "…"]
    return " → ".join([*shown, names[0]])


def sorted_functions(tables: Definitions) -> list[str]:
    """The functions, callees first. A function that calls itself, directly or not, is a fault."""
    done: list[str] = []
    state: dict[str, int] = {}
    for root in tables.functions:
        stack: list[tuple[str, Iterator[syntax.Application]]] = []
        if root not in state:
            state[root] = 1
            stack.append((root, calls(tables, tables.functions[root].value)))
        while stack:
            name, rest = stack[-1]
            call = next(rest, None)
            if call is None:
                state[name] = 2
                done.append(name)
                stack.pop()
                continue
            assert isinstance(call.callee, syntax.Name)
            end = tables.function(call.callee.id)
            if state.get(end) == 1:
                path = [n for n, _ in stack]
                loop = circle(path[path.index(end) :])
                head = tables.functions[end].name.span
                tables.faults.append(Diagnostic(
                    "cycle", f"the function `{end}` calls itself" + (f": {loop}" if end != name else ""), call.span,
                    (Label(head, "defined here"), Label(call.span, "called here")),
                    "a call is replaced by the body of its function, and this would never end",
                    "write the body without the call"))  # fmt: skip
            elif end not in state:
                state[end] = 1
                stack.append((end, calls(tables, tables.functions[end].value)))
    return done


def expansion_fault(tables: Definitions, functions: list[str], limits: Limits) -> Diagnostic | None:
    """A fault if expanding all functions would make more nodes than the limit allows; nothing is built.

    Every construct counts as a node, and every call as the body of its function; numbers count for nothing.
    """
    most = 1000 * limits.nodes
    sizes: dict[str, int] = {}

    def size(expression: syntax.Expression) -> int:
        total = 0
        for part in walk(expression):
            total += not isinstance(part, syntax.Number)
            if sizes and isinstance(part, syntax.Application) and isinstance(part.callee, syntax.Name):
                total += sizes.get(tables.function(part.callee.id), 0)
        return min(total, most)

    for name in functions:
        sizes[name] = size(tables.functions[name].value)
    whole = sum(size(e.value) for e in tables.values.values())
    whole += sum(size(c.left) + size(c.right) for c in tables.claims)
    largest = max([whole, *sizes.values()])
    if largest <= limits.nodes:
        return None
    return Diagnostic(
        "limit-nodes",
        f"with its functions expanded this text has {'over ' if largest >= most else ''}{largest:,} nodes",
        rule=f"the limit is {limits.nodes:,}",
        help="shorten it, or raise the limit with --limit nodes=N",
    )


_ENTRYWISE = (syntax.Number, syntax.Name, syntax.Sum, syntax.Negative, syntax.Power, syntax.Group, syntax.Compare)


def entrywise_functions(tables: Definitions, functions: list[str]) -> dict[str, tuple[syntax.Name, ...]]:
    """The functions whose body has only scalar operations: they are applied entry by entry.

    With each come the other names that its body uses: it acts entry by entry only if the values among them are
    scalars, since `f(t) = A t` of a matrix A is a product, and the functions act so too.
    """
    found: dict[str, tuple[syntax.Name, ...]] = {}

    def scalar(part: syntax.Expression, parameters: set[str]) -> bool:
        if isinstance(part, syntax.Product):
            return "⊗" not in part.operators
        if isinstance(part, syntax.Norm):
            return part.kind == "abs"
        if isinstance(part, syntax.Application) and isinstance(part.callee, syntax.Name):
            name = part.callee.id
            end = tables.function(name)
            if name in parameters or name in tables.values or end in tables.functions:
                return True
            several = end in ("max", "min") and len(part.arguments) > 1
            return several or end not in FUNCTIONS or FUNCTIONS[end].elementwise
        return isinstance(part, _ENTRYWISE)

    for name in functions:
        statement = tables.functions[name]
        parameters = {p.id for p in statement.parameters or ()}
        parts = list(walk(statement.value))
        if all(scalar(part, parameters) for part in parts):
            used: dict[str, syntax.Name] = {}
            for part in parts:
                word = part.callee if isinstance(part, syntax.Application) else part
                if isinstance(word, syntax.Name) and word.id not in parameters:
                    used.setdefault(word.id, word)
            found[name] = tuple(used.values())
    return found


def literal_rows(value: syntax.Expression) -> list[list[float]] | None:
    """The rows of a literal of plain numbers, or None if it is anything else."""
    if not isinstance(value, syntax.Matrix):
        return None
    rows: list[list[syntax.Expression]] = [list(row) for row in value.rows]
    if len(rows) == 1 and all(isinstance(e, syntax.Matrix) and len(e.rows) == 1 for e in rows[0]):
        rows = [list(e.rows[0]) for e in rows[0] if isinstance(e, syntax.Matrix)]
    elif len(rows) == 1:
        rows = [[e] for e in rows[0]]
    out = []
    for row in rows:
        numbers = [plain_number(entry) for entry in row]
        if any(n is None for n in numbers):
            return None
        out.append([n for n in numbers if n is not None])
    return out


def literal_shape(rows: list[list[float]] | None) -> Shape | None:
    """The shape of a literal's rows; None where they are ragged or there are none."""
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        return None
    return (len(rows),) if len(rows[0]) == 1 else (len(rows), len(rows[0]))


def bound_sizes(tables: Definitions, given: Mapping[str, Shape]) -> dict[str, int]:
    """The sizes that data give to the symbols of stated shapes: for `x in R^n; x = [1, 2]` n is 2."""
    bound: dict[str, int] = {}
    for name, shaped in tables.shapes.items():
        statement = tables.values.get(name)
        found = given.get(name) or (literal_shape(literal_rows(statement.value)) if statement else None)
        for size, actual in zip(shaped.sizes, (*found, 1) if found else (), strict=False):
            if isinstance(size, str) and isinstance(actual, int):
                bound.setdefault(size, actual)
    return bound


def with_sizes(shape: Shape, bound: Mapping[str, int]) -> Shape:
    """A shape with symbols replaced by the sizes that are known."""
    return tuple(bound.get(size, size) if isinstance(size, str) else size for size in shape)


def plain_number(entry: syntax.Expression) -> float | None:
    """A number as it is written, a zero with its sign; None for anything else."""
    if isinstance(entry, syntax.Negative) and isinstance(entry.operand, syntax.Number):
        return -entry.operand.value
    return entry.value if isinstance(entry, syntax.Number) else None
