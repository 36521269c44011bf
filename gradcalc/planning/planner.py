"""Syntax to graph: which names are values, which order they come in, what the pieces are called.

The plan depends on the shapes of the data, not on its numbers, and not on the order of the statements: nodes
are numbered by a walk from the target, operands first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property

from gradcalc import algebra as al
from gradcalc import syntax
from gradcalc.collector import collector_paused
from gradcalc.errors import Diagnostic, GradcalcError, Label, Limits, Span
from gradcalc.graph import SCALAR, Graph, Node, Shape, extent
from gradcalc.ops import FUNCTIONS
from gradcalc.planning.definitions import (
    CONSTANTS,
    bound_sizes,
    circle,
    collect,
    entrywise_functions,
    expansion_fault,
    literal_rows,
    literal_shape,
    plain_number,
    sorted_functions,
    walk,
    with_sizes,
)
from gradcalc.planning.expressions import Builder
from gradcalc.planning.making import TOP, UNKNOWN, Handler, Identity, Value
from gradcalc.planning.plan import Plan, PlannedClaim, free_values, named_target, put_in_order
from gradcalc.suggest import Speller, shown_shape

__all__ = ["Plan", "PlannedClaim", "Planner", "plan"]


class Planner:
    """Plans one program for data of given shapes.

    `given` are the shapes of the data from outside the file. With `numeric` a name without a value is a
    fault; without, it is an input of the shape that the file states, or a scalar.
    """

    def __init__(self, program: syntax.Program, given: Mapping[str, Shape], *, of: str | None, layout: str | None,
                 numeric: bool, limits: Limits):  # fmt: skip
        self.program, self.of, self.numeric, self.limits = program, of, numeric, limits
        self.tables = collect(program)
        self.given = dict(given)
        self.inherited: dict[str, tuple[str, ...]] = {}
        functions = sorted_functions(self.tables)
        self._refuse(self.tables.faults)
        too_large = expansion_fault(self.tables, functions, limits)
        self._refuse([too_large] if too_large else [])
        self._shadow_given()
        self._promote_functions()
        self._tell_values_from_functions()
        self.numerator = (layout or self.tables.layout) == "numerator"
        written_in = self.tables.layout or layout  # a derivative in the file keeps the layout that the file states
        self.graph = Graph()
        self.nodes: dict[str, Value] = {}
        self.active: dict[str, Span] = {}
        self.speller = Speller()
        self.owners: dict[Node, str] = {}
        self.leaves: set[Node] = set()
        self.literals: dict[Node, Node | list[list[float]]] = {}
        self.entries: dict[str, tuple[str, ...]] = {}
        self.sizes: dict[str, tuple[int, str]] = {}
        self.bound = bound_sizes(self.tables, self.given)
        self.builder = Builder(
            self.graph, limits, self.tables, entrywise_functions(self.tables, functions), written_in == "numerator",
            not numeric, self._resolve, self._knows, self._symbols(),
            self.owners,
        )  # fmt: skip

    @staticmethod
    def _refuse(faults: Sequence[Diagnostic]) -> None:
        if faults:
            raise GradcalcError(faults)

    # ------------------------------------------------------------------------ what a name is

    def _shadow_given(self) -> None:
        """Data from outside goes before data in the file; a computed name cannot be given."""
        faults = []
        for name in self.given:
            statement = self.tables.values.get(name)
            if statement is None:
                continue
            if self._is_data(statement.value):
                del self.tables.values[name]
                self._inherit_labels(name, statement.value)
            else:
                faults.append(Diagnostic(
                    "given-computed", f"`{name}` is given as data and computed by an equation", statement.span,
                    (Label(statement.span, "computed here"),), "data goes in for inputs only",
                    f"leave the data for `{name}` out, or delete the equation"))  # fmt: skip
        self._refuse(faults)

    def _inherit_labels(self, name: str, value: syntax.Expression) -> None:
        if isinstance(value, syntax.Matrix) and value.labels and self.given[name] == (len(value.labels),):
            self.inherited[name] = value.labels

    def _is_data(self, value: syntax.Expression) -> bool:
        """Whether an equation's right side stands on no name: then it is data, and its name an input."""
        for part in walk(value):
            if isinstance(part, syntax.Name) and (part.id not in CONSTANTS or self._knows(part.id)):
                return False
            if isinstance(part, syntax.Application):
                callee = part.callee
                if not isinstance(callee, syntax.Name) or callee.id not in FUNCTIONS or callee.id in self.tables.values:
                    return False
        return True

    def _promote_functions(self) -> None:
        """A function that no equation calls, whose parameters all name inputs, is an output: `f(x, y) = ...`.

        It stays a function too, so that a claim may say `f'(x) == 12` or `f(1, 2) == 3`.
        """
        called = {
            self.tables.function(part.callee.id)
            for equation in (*self.tables.values.values(), *self.tables.functions.values())
            for part in walk(equation.value)
            if isinstance(part, syntax.Application) and isinstance(part.callee, syntax.Name)
        }
        candidates = [n for n in self.tables.functions if n not in called]
        open_names = set() if self.numeric else {
            part.id for e in self.tables.values.values() for part in walk(e.value) if isinstance(part, syntax.Name)
        }  # fmt: skip
        alone = not any(not self._is_data(e.value) for e in self.tables.values.values()) and len(candidates) == 1
        for name in candidates:
            statement = self.tables.functions[name]
            parameters = [p.id for p in statement.parameters or ()]
            if not (all(self._knows(p) or p in open_names for p in parameters) or alone):
                continue
            for parameter in statement.parameters or ():
                if not self._knows(parameter.id):
                    self.tables.inputs[parameter.id] = parameter.span
            self.tables.values[name] = syntax.Equation(statement.span, statement.name, None, statement.value)

    def _tell_values_from_functions(self) -> None:
        """A name that stands as an operand too is a value in `C (x - b)`, also where nothing else says what it is."""
        if self.numeric:
            return
        written = [e.value for e in self.tables.values.values()]
        written += [side for claim in self.tables.claims for side in (claim.left, claim.right)]
        parts = [part for e in written for part in walk(e)]
        operands = {part.id: part.span for part in parts if isinstance(part, syntax.Name)}
        for part in parts:
            name = (
                part.callee.id if isinstance(part, syntax.Application) and isinstance(part.callee, syntax.Name) else ""
            )
            if name in operands and name not in self.tables.functions and name not in self.tables.aliases:
                self.tables.inputs.setdefault(name, operands[name])

    def _symbols(self) -> dict[str, int | None]:
        """The symbols of sizes, each a number where data say so; None else, which only a plan in symbols may have."""
        stated = [s for shaped in self.tables.shapes.values() for s in shaped.sizes]
        open_sizes = [s for shape in (*self.given.values(), stated) for s in shape] if not self.numeric else []
        return {**{s: None for s in open_sizes if isinstance(s, str)}, **self.bound}

    def _knows(self, name: str) -> bool:
        return self.tables.is_value(name, self.given)

    @cached_property
    def _value_names(self) -> set[str]:
        return {*self.tables.values, *self.given, *self.tables.inputs, *self.tables.shapes}

    # ---------------------------------------------------------------------- names to nodes

    def _resolve(self, name: str, span: Span) -> Handler:
        """The node of a name: made once, from its equation, its data or its declaration."""
        if name in self.nodes:
            return self.nodes[name]
        if name in self.active:
            return self._cycle(name, span)
        statement = self.tables.values.get(name)
        if statement is None:
            self.nodes[name] = self._leaf(name, span)
            return self.nodes[name]
        rows = literal_rows(statement.value)
        shape = literal_shape(rows)
        if rows and shape:
            self.nodes[name] = self._named(name, self._literal(name, shape, rows, statement.value), statement)
            return self.nodes[name]
        self.active[name] = span
        value = yield (statement.value, TOP)
        del self.active[name]
        if isinstance(value, Identity):
            value = self.builder.fault("unknown-size", f"`{name}` is `I` without a size", statement.span,
                                       remedy="write `eye(n)` with the size, as in `eye(3)`")  # fmt: skip
        if name not in self.nodes:
            self.nodes[name] = self._own(name, value, statement)
        return self.nodes[name]

    def _own(self, name: str, value: Value, statement: syntax.Equation) -> Value:
        """The node as this name's own: data becomes a leaf, a value that has a name already is copied."""
        if not isinstance(value, Node):
            return value
        if self._is_data(statement.value):
            number = plain_number(statement.value)
            value = self._literal(name, value.shape, value if number is None else [[number]], statement.value)
        elif value in self.owners or value.op in ("input", "constant"):
            value = self.graph.make("copy", value, name=name)
        elif value.op in ("transpose", "negative"):
            value = self.graph.make(value.op, *value.inputs, name=name)
        return self._named(name, value, statement)

    def _literal(self, name: str, shape: Shape, content: Node | list[list[float]], written: syntax.Expression) -> Node:
        """The leaf of data in the file."""
        leaf = self.graph.make("input", name=name, shape=shape)
        self.leaves.add(leaf)
        self.literals[leaf] = content
        if isinstance(written, syntax.Matrix) and written.labels:
            self.entries[name] = written.labels
        return leaf

    def _named(self, name: str, node: Node, statement: syntax.Equation) -> Node:
        self.owners[node] = name
        self.builder.note(node, statement.span)
        self.builder.spans[node] = statement.span
        self._check_declared(name, node)
        return node

    def _leaf(self, name: str, span: Span) -> Value:
        shaped = self.tables.shapes.get(name)
        if name in self.given:
            shape: Shape = self.given[name]
        elif shaped is not None and not self.numeric:
            shape = with_sizes(shaped.sizes, self.bound)
        elif self.numeric and self._knows(name):
            place = self.tables.inputs.get(name) or self.tables.shapes[name].span
            return self.builder.fault("missing-data", f"the input `{name}` has no value", place,
                                      rule="a run in numbers needs the value of every input",
                                      remedy=f"write `{name} = ...` in the file, or --set {name}=...")  # fmt: skip
        elif self.numeric or any(self.speller.meant(name, self._value_names)):
            return self._unknown(name, span)
        else:
            shape = self._guessed.get(name, SCALAR)
        leaf = self.graph.make("input", name=name, shape=shape)
        self.leaves.add(leaf)
        self.owners[leaf] = name
        self.builder.note(leaf, span)
        if name in self.inherited:
            self.entries[name] = self.inherited[name]
        self._check_declared(name, leaf)
        return leaf

    @cached_property
    def _guessed(self) -> dict[str, Shape]:
        """Shapes that nothing states, for pictures and symbols."""
        from gradcalc.planning.guess import guess_shapes  # a run in numbers guesses nothing

        stated = {name: with_sizes(shaped.sizes, self.bound) for name, shaped in self.tables.shapes.items()}
        return guess_shapes(self.tables, {**stated, **self.given})

    def _unknown(self, name: str, span: Span) -> Value:
        names = self._value_names
        close, split = self.speller.meant(name, names)
        rule, remedy = "", f"define it, as in `{name} = ...`, or give it a value with --set {name}=..."
        if split:
            rule = "names that are multiplied have a space between them"
            remedy = f"did you mean `{split}`?"
        elif re.fullmatch(r"d[^\W\d]\w*", name) and name[1:] in names:
            remedy = f"for a derivative write `∂y/∂{name[1:]}`"
        elif name == "e":
            remedy = "the exponential is a function: write `exp(x)` for e^x, `exp(1)` for the number"
        elif name.lower() in ("nan", "inf", "infinity"):
            rule, remedy = "every value is finite: there is no NaN and no infinity to write", "write a number"
        elif close:
            remedy = f"did you mean `{close}`?"
        value = self.builder.fault("unknown-name", f"`{name}` is not defined", span, rule=rule, remedy=remedy)
        self.nodes[name] = value
        return value

    def _cycle(self, name: str, span: Span) -> Value:
        path = list(self.active)
        loop = path[path.index(name) :]
        labels = tuple(Label(self.tables.values[n].span) for n in loop[:4])
        place = self.tables.values[name].span
        message = f"`{name}` is defined by itself" + (f": {circle(loop)}" if len(loop) > 1 else "")
        self.builder.fault("cycle", message, place, labels=labels,
                           rule="equations are no assignments: every value follows from others",
                           remedy="give the new value a name of its own" if len(loop) == 1 else
                           "let one of these equations stand on something else")  # fmt: skip
        for member in loop:
            self.nodes[member] = UNKNOWN
        return UNKNOWN

    def _check_declared(self, name: str, node: Node) -> None:
        """A stated shape must be the shape, its symbols the same size everywhere."""
        shaped = self.tables.shapes.get(name)
        if shaped is None:
            return
        sizes, found = list(shaped.sizes), list(node.shape)
        if len(sizes) == 2 and len(found) == 1:
            found = [*found, 1]
        if len(sizes) != len(found):
            self._shape_fault(name, node, shaped, "a declared shape is a promise")
            return
        for size, actual in zip(sizes, found, strict=True):
            if isinstance(size, str) and isinstance(actual, int):
                bound, by = self.sizes.setdefault(size, (actual, name))
                if bound != actual:
                    self._shape_fault(name, node, shaped, f"{size} is {bound}, from `{by}`, and {actual} here")
                    return
            elif isinstance(size, int) and isinstance(actual, int) and size != actual:
                self._shape_fault(name, node, shaped, "a declared shape is a promise")
                return

    def _shape_fault(self, name: str, node: Node, shaped: syntax.Shaped, rule: str) -> None:
        found, declared = shown_shape(node.shape), shown_shape(shaped.sizes)
        computed = name in self.tables.values
        labels = [Label(shaped.span, declared)]
        if computed:
            labels.append(Label(self.tables.values[name].span, found))
        code = "data-shape" if node.op == "input" else "declared-shape"
        self.builder.fault(code, f"`{name}` is {found} and declared as {declared}", shaped.span, rule=rule,
                           labels=tuple(labels),
                           remedy=f"give `{name}` the declared shape, or declare another")  # fmt: skip

    # ------------------------------------------------------------------------------ the plan

    def plan(self) -> Plan:
        """Plan everything; raises `GradcalcError` with all faults."""
        roots = list(self.tables.values)
        for name in roots:
            self.builder.drive(self._resolve(name, self.tables.values[name].name.span))
        declared = (*self.tables.inputs, *self.tables.shapes)
        for name in declared:
            if name not in self.nodes and (name in self.given or not self.numeric or not roots):
                self.builder.drive(self._resolve(name, self._place(name)))
        claims = self._claims()
        self._refuse(_in_order(self.builder.faults))
        names = {n: v for n, v in self.nodes.items() if isinstance(v, Node)}
        free = [] if self.of is not None else free_values(self.tables, names, self.builder.derivatives)
        target = named_target(names, self.of) if self.of is not None else names[free[-1]]
        plan = Plan(
            self.graph, self.tables, names, target, self.numerator, literals=self.literals,
            entries=self.entries, claims=claims, warnings=self.builder.warnings, spans=self.builder.spans,
            sweeps=self.builder.sweeps, primals=self.builder.primals, limits=self.limits,
        )  # fmt: skip
        put_in_order(plan, self.owners, self.leaves)
        if len(free) > 1:
            others = ", ".join(free[:-1][-5:])
            plan.notes.append(f"the target is {free[-1]}, the last of several values that nothing uses; "
                              f"for {others} write --of")  # fmt: skip
        return plan

    def _place(self, name: str) -> Span:
        return self.tables.inputs.get(name) or self.tables.shapes[name].name.span

    def _claims(self) -> list[PlannedClaim]:
        """The claims. Where only shapes inside a claim are at fault, and no equation is, the claim has the fault."""
        found, faults, sound = [], self.builder.faults, not self.builder.faults
        for claim in self.tables.claims:
            before = len(faults)
            left, right = self.builder.build(claim.left), self.builder.build(claim.right)
            if isinstance(left, Identity) and isinstance(right, Node):
                left = self.builder.size_identity(left, right.shape) or left
            if isinstance(right, Identity) and isinstance(left, Node):
                right = self.builder.size_identity(right, left.shape) or right
            new = faults[before:]
            first, second = (side if isinstance(side, Node) else None for side in (left, right))
            if first is not None and second is not None:
                found.append(PlannedClaim(claim, _alike(first, second), _alike(second, first), self.builder))
            elif sound and new and all(_misfit_inside(fault, claim.span) for fault in new):
                found.append(PlannedClaim(claim, first, second, self.builder, new[0]))
                del faults[before:]
            elif not new and (isinstance(left, Identity) or isinstance(right, Identity)):
                self.builder.fault("unknown-size", "the size of `I` does not follow from the other side", claim.span,
                                   remedy="write `eye(n)` with the size")  # fmt: skip
        if faults:
            faults.extend(claim.fault for claim in found if claim.fault is not None)
        return found


def _alike(side: Node, other: Node) -> Node:
    """A side of a claim in the shape of the other: 0 is zero everywhere, one entry the same in any shape."""
    if side.is_constant(0.0):
        return al.zeros(side.graph, other.shape)
    single = side.op != "constant" and extent(side.shape) == (1, 1) == extent(other.shape)
    return al.fit(side, other.shape) if single and side.shape < other.shape else side


def _misfit_inside(fault: Diagnostic, span: Span) -> bool:
    """Whether a fault says that shapes do not fit, at a place inside a statement."""
    place = fault.span
    return (fault.code == "shape-mismatch" and place is not None and place.source is span.source
            and span.start <= place.start and place.end <= span.end)  # fmt: skip


def _in_order(faults: Sequence[Diagnostic]) -> list[Diagnostic]:
    """By place, each once."""
    unique = {(d.code, d.span and d.span.start, d.message): d for d in faults}
    return sorted(unique.values(), key=lambda d: d.span.start if d.span else -1)


def plan(program: syntax.Program, given: Mapping[str, Shape], *, of: str | None = None, layout: str | None = None,
         numeric: bool = True, limits: Limits | None = None) -> Plan:  # fmt: skip
    """Plan a program; see `Planner`."""
    with collector_paused():
        return Planner(program, given, of=of, layout=layout, numeric=numeric, limits=limits or Limits()).plan()
