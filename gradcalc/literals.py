"""A value on the command line: a literal of the language, or a constant expression."""

from __future__ import annotations

from msgspec.structs import replace

from gradcalc import evaluator
from gradcalc.data import Datum
from gradcalc.errors import Diagnostic, GradcalcError, Limits, Source
from gradcalc.graph import Node, ancestors
from gradcalc.numeric import evaluate_forward
from gradcalc.parser import parse
from gradcalc.planning.plan import Plan
from gradcalc.planning.planner import plan

_REMEDY = "write 2, [1, 2] or [[1, 2], [3, 4]]"


def literal(name: str, text: str, limits: Limits) -> Datum:
    """`2`, `-0.5`, `[1, 2]`, `[[1, 2], [3, 4]]`, `[in: 0.5]`, `pi/2` as a datum.

    Raises `GradcalcError` where the text is no such thing, its places counted in `name = text`.
    """
    no_value = Diagnostic("bad-setting", f"`{text}` is not a value", help=_REMEDY)
    planned = _planned(Source("<value>", f"{name} = {text}"), no_value, limits)
    leaf = planned.target
    if leaf.op != "input" or len(planned.names) != 1:
        raise GradcalcError(no_value)
    found = planned.literals[leaf]
    if isinstance(found, Node):
        values: evaluator.Values = {}
        evaluate_forward(planned, list(ancestors([found])), values, [found])
        array = values[found]
    else:
        array = evaluator.leaf_array(found, leaf)
    return Datum(array, leaf.shape, planned.entries.get(leaf.attributes["name"], ()))


def _planned(source: Source, no_value: Diagnostic, limits: Limits) -> Plan:
    """The plan of one setting. A name in it is told that a value has none."""
    try:
        return plan(parse(source, limits), {}, of=None, limits=limits)
    except GradcalcError as error:
        rule = "a value consists of finite numbers, and no names"
        raise GradcalcError([
            replace(d, rule=rule, help=_REMEDY) if d.code in ("unknown-name", "undefined-function") else
            no_value if d.code == "no-target" else d
            for d in error.diagnostics
        ]) from None  # fmt: skip
