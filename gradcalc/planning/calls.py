"""Calls: functions of the file, of the table, and those that nothing defines."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from gradcalc import algebra as al
from gradcalc import syntax
from gradcalc.differentiate import forward
from gradcalc.errors import Label
from gradcalc.graph import SCALAR, Node, ShapeError, replace
from gradcalc.ops import FUNCTIONS
from gradcalc.planning.making import UNKNOWN, Handler, Request, Scope, Unknown, Value, is_place, shape_labels
from gradcalc.suggest import SYNONYMS
from gradcalc.symbols import excerpt

if TYPE_CHECKING:
    from gradcalc.planning.expressions import Builder

_SPREAD = ("max", "min", "mse", "cross_entropy")


def application(builder: Builder, e: syntax.Application, scope: Scope) -> Handler:
    """The value of `f(a, b)`, where f is no value."""
    assert isinstance(e.callee, syntax.Name)
    name = e.callee.id
    if not builder.is_function(name, scope):
        return builder.fault(
            "not-a-function", f"`{name}` is a value and stands before {len(e.arguments)} arguments", e.callee.span,
            rule="a value before a bracket multiplies it; only a function takes several arguments",
            remedy=f"put one expression into the brackets, or define `{name}` as a function")  # fmt: skip
    if name == "grad" and len(e.arguments) == 2 and name not in builder.tables.functions:
        inner = syntax.Derivative(e.span, e.arguments[0].value, e.arguments[1].value)
        found: Value = yield (inner, scope)
        if inner in builder.by_matrix:
            builder.by_matrix[e] = builder.by_matrix[inner]
        return found
    values: list[Value] = []
    axis: int | None = None
    for argument in e.arguments:
        value = yield (argument.value, scope)
        if argument.keyword is None:
            values.append(value)
            continue
        if isinstance(value, Unknown):
            return value
        axis = _axis(argument, value)
        if axis is None:
            written = f"{argument.keyword}={excerpt(argument.value.span)}"
            return builder.fault("bad-argument", f"`{written}` is no option", argument.value.span,
                                 rule="the one option is `axis=0` (down the columns) or `axis=1` (across the rows)",
                                 remedy="write `axis=0` or `axis=1`, or leave it out")  # fmt: skip
    end = builder.tables.function(name)
    if end in builder.tables.functions:
        return (yield from _expand(builder, e, end, values))
    if end in FUNCTIONS and not (end != name and builder.knows(end)):
        return _call(builder, e, end, values, axis)
    return _abstract(builder, e, name, values)


def _axis(argument: syntax.Argument, value: Value) -> int | None:
    """0 or 1, or None if it is no axis."""
    if argument.keyword != "axis" or not is_place(value):
        return None
    assert isinstance(value, Node) and value.exact is not None
    axis = int(value.exact)
    return axis if axis < 2 else None


def _expand(builder: Builder, e: syntax.Application, name: str, values: list[Value]) -> Handler:
    """A function of the file, its body with the arguments in place of the parameters."""
    statement = builder.tables.functions[name]
    parameters = statement.parameters or ()
    if len(values) != len(parameters):
        return _arity(builder, e, name, len(values), str(len(parameters)))
    entrywise = yield from _entrywise(builder, name)
    if not e.primes:
        bound = Scope(dict(zip((p.id for p in parameters), values, strict=True)), entrywise)
        return (yield (statement.value, bound))  # type: ignore[no-any-return]
    nodes = builder.known(*values)
    if nodes is None or not entrywise or len(nodes) != 1:
        return UNKNOWN if nodes is None else _no_prime(builder, e)
    leaf = builder.graph.make("input", shape=nodes[0].shape, name=parameters[0].id, local=e.span.start)
    root: Value = yield (statement.value, Scope({parameters[0].id: leaf}, True))
    if not isinstance(root, Node):
        return UNKNOWN
    primal = builder.note(replace(root, {leaf: nodes[0]}), e.span)
    for _ in range(e.primes):
        root = forward(root, {leaf: al.ones(builder.graph, leaf.shape)})
    found = replace(root, {leaf: nodes[0]})
    builder.primals.append((found, primal))
    return found


def _entrywise(builder: Builder, name: str) -> Generator[Request, Any, bool]:
    """Whether a function acts entry by entry: its body could, and what else it uses are scalars and such functions."""
    pending, entered = [name], set[str]()
    while pending:
        top = pending[-1]
        entered.add(top)
        words = builder.entrywise.get(top, ())
        ends = {builder.tables.function(w.id) for w in words if not builder.knows(w.id)}
        callees = ends & builder.tables.functions.keys()
        missing = [c for c in callees if c not in builder.flat and c not in entered]
        if top in builder.flat:
            pending.pop()
        elif missing:
            pending.extend(missing)
        else:
            known = [builder.flat[c] for c in callees if c in builder.flat]  # a circle is a fault of its own
            flat = top in builder.entrywise and all(known)
            for word in words:
                if builder.knows(word.id):
                    found: Value = yield (word.id, word.span)
                    flat = flat and not (isinstance(found, Node) and found.shape != SCALAR)
            builder.flat[top] = flat
    return builder.flat[name]


def _call(builder: Builder, e: syntax.Application, name: str, values: list[Value], axis: int | None) -> Value:
    """A function of the table; under the file's own name for it if it has one."""
    function = FUNCTIONS[name]
    spans = [a.value.span for a in e.arguments if a.keyword is None]
    least, most = function.least, function.most
    if not least <= len(values) <= (most or len(values)):
        bounds = f"{least} or more" if most is None else str(least) if least == most else f"{least} to {most}"
        return _arity(builder, e, name, len(values), bounds)
    if axis is not None and not function.reduces:
        return builder.fault("bad-argument", f"`{name}` takes no axis", e.span, remedy="leave `axis=` out",
                             rule="an axis is for reductions and the softmax family")  # fmt: skip
    nodes = builder.sized(values) if function.elementwise else builder.known(*values)
    if nodes is None:
        return UNKNOWN
    if function.elementwise or name in _SPREAD:
        spread = builder.spread(nodes, spans, e.span, "the call")
        if isinstance(spread, Unknown):
            return spread
        nodes = spread
    assert isinstance(e.callee, syntax.Name)
    if function.elementwise and len(nodes) == 1 and e.callee.id != name and e.callee.id not in function.aliases:
        return builder.make("call", *nodes, span=e.span, function=function.name, shown=e.callee.id, order=e.primes)
    try:
        node = function.build(builder.graph, nodes, axis)
    except ShapeError as error:
        return builder.fault("shape-mismatch", f"the call `{excerpt(e.span)}` does not fit", e.span, rule=error.rule,
                             remedy=error.remedy, labels=shape_labels(spans, nodes))  # fmt: skip
    if e.primes and (not function.elementwise or len(nodes) != 1):
        return _no_prime(builder, e)
    primal = builder.note(node, e.span)
    for _ in range(e.primes):
        node = forward(node, {nodes[0]: al.ones(builder.graph, nodes[0].shape)})
    if e.primes:
        builder.primals.append((node, primal))
    return builder.note(node, e.span)


def _abstract(builder: Builder, e: syntax.Application, name: str, values: list[Value]) -> Value:
    """An unknown function: entry by entry, without numbers."""
    close = SYNONYMS.get(name) or builder.speller.meant(name, builder.functions)[0]
    assert isinstance(e.callee, syntax.Name)
    if close:
        return builder.fault("unknown-function", f"`{name}` is not a known function", e.callee.span,
                             remedy=f"did you mean `{close}`?")  # fmt: skip
    if not builder.abstract:
        if name in builder.undefined:
            return UNKNOWN
        builder.undefined.add(name)
        return builder.fault("undefined-function", f"the function `{name}` has no definition", e.callee.span,
                             rule=f"no value is called `{name}` either, so that `{name} (...)` is a call, and numbers "
                             "need to know what it does",
                             remedy=f"define it, as in `{name} = tanh` or `{name}(t) = t^2`")  # fmt: skip
    nodes = builder.known(*values)
    if nodes is None:
        return UNKNOWN
    if len(nodes) != 1:
        return _arity(builder, e, name, len(nodes), "1")
    return builder.make("call", nodes[0], span=e.span, function="", shown=name, order=e.primes)


def _arity(builder: Builder, e: syntax.Application, name: str, found: int, expected: str) -> Unknown:
    defined = builder.tables.functions.get(name)
    labels: tuple[Label, ...] = (Label(e.span, f"{found} here"),)
    remedy = f"`gradcalc functions {name}` shows how it is used"
    if defined is not None:
        head = defined.name.span.to((defined.parameters or (defined.name,))[-1].span)
        head = type(head)(head.source, head.start, head.end + 1)
        labels = (Label(head, f"{expected} here"), *labels)
        remedy = f"call it as `{excerpt(head)}`"
    elif name not in FUNCTIONS:
        remedy = f"define it, as in `{name}({', '.join('abcdefgh'[:found])}) = ...`"
    plural = "" if expected == "1" else "s"
    return builder.fault("wrong-arguments", f"`{name}` takes {expected} argument{plural} and gets {found}", e.span,
                         labels=labels, remedy=remedy)  # fmt: skip


def _no_prime(builder: Builder, e: syntax.Application) -> Unknown:
    return builder.fault("bad-derivative", f"`{excerpt(e.span)}` has no prime", e.span,
                         rule="f' is for functions of one number",
                         remedy="write `∂y/∂x` for the derivative of a value")  # fmt: skip
