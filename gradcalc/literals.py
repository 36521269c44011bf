"""A value on the command line: a literal of the language, or a constant expression."""

from __future__ import annotations

from gradcalc import evaluator
from gradcalc.data import Datum
from gradcalc.errors import Diagnostic, GradcalcError, Limits, Source
from gradcalc.graph import Node, ancestors
from gradcalc.parser import parse
from gradcalc.planning.planner import plan


def literal(name: str, text: str, limits: Limits) -> Datum:
    """`2`, `-0.5`, `[1, 2]`, `[[1, 2], [3, 4]]`, `[in: 0.5]`, `pi/2` as a datum.

    Raises `GradcalcError` where the text is no such thing, its places counted in `name = text`.
    """
    source = Source("<value>", f"{name} = {text}")
    planned = plan(parse(source, limits), {}, of=None, limits=limits)
    leaf = planned.target
    if leaf.op != "input" or len(planned.names) != 1:
        raise GradcalcError(
            Diagnostic("bad-setting", f"`{text}` is not a value", help="write 2, [1, 2] or [[1, 2], [3, 4]]")
        )
    found = planned.literals[leaf]
    if isinstance(found, Node):
        array = evaluator.evaluate(ancestors([found]), {})[found]
    else:
        array = evaluator.leaf_array(found, leaf)
    return Datum(array, leaf.shape, planned.entries.get(leaf.attributes["name"], ()))
