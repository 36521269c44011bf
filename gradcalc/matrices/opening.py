"""A plan for closed forms that need no data: with the shapes that are known, and symbols or numbers for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from gradcalc.data import Datum
from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.graph import Shape, ShapeError, ancestors
from gradcalc.planning.plan import Plan
from gradcalc.points import open_shapes
from gradcalc.syntax import Program

T = TypeVar("T")
Planned = Callable[[Mapping[str, Shape], bool], Plan]
"""From shapes, and whether all inputs must have data, to a plan."""


def opened(program: Program, planned: Planned, data: Mapping[str, Datum], work: Callable[[Plan, bool], T]) -> T:
    """What `work` makes of a plan, told whether there are numbers.

    With data for everything that the target needs, there are. Else sizes may be symbols; what cannot be done with
    symbols is done with numbers for them, and a note says which. Raises `GradcalcError`.
    """
    given = {name: d.shape for name, d in data.items()}
    try:
        plan = planned(given, False)
        missing = missing_names(plan, data)
        if missing:
            return work(_noted(plan, missing, data), False)
    except (ShapeError, GradcalcError) as error:
        return _in_numbers(program, planned, data, work, error)
    complete = all(leaf in plan.literals or leaf.attributes["name"] in data for leaf in plan.inputs)
    return work(planned(given, True) if complete else plan, True)


def _in_numbers(
    program: Program,
    planned: Planned,
    data: Mapping[str, Datum],
    work: Callable[[Plan, bool], T],
    error: ShapeError | GradcalcError,
) -> T:
    """The same with a number for every symbol of a size; if that fails too, the fault with the symbols is told."""
    given = {name: d.shape for name, d in data.items()}
    fault = error if isinstance(error, GradcalcError) else GradcalcError(_unsupported(error))
    try:
        found = open_shapes(program, given)
        if not found.sizes:
            raise fault
        plan = planned({**found.concrete, **given}, False)
        sizes = ", ".join(f"{symbol} = {size}" for symbol, size in found.sizes.items())
        why = error.rule if isinstance(error, ShapeError) else fault.diagnostics[0].message
        plan.notes.append(f"this cannot be done with symbols for sizes ({why}): it is shown for {sizes}")
        return work(_noted(plan, missing_names(plan, data), data), False)
    except (ShapeError, GradcalcError):
        raise fault from None


def _unsupported(error: ShapeError) -> Diagnostic:
    return Diagnostic("no-closed-form", "a derivative cannot be made", rule=error.rule, help=error.remedy)


def missing_names(plan: Plan, data: Mapping[str, Datum]) -> list[str]:
    """What the target needs that has no data: inputs, then functions that nothing defines."""
    needed = ancestors([plan.target, *(s.target for s in plan.sweeps)])
    leaves = [str(n.attributes["name"]) for n in needed if n.op == "input" and n not in plan.literals]
    functions = {str(n.attributes["shown"]) for n in needed if n.op == "call" and not n.attributes["function"]}
    return [*(name for name in leaves if name not in data), *sorted(functions)]


def _noted(plan: Plan, missing: Sequence[str], data: Mapping[str, Datum]) -> Plan:
    """The plan with a note that names what has no data, where something has."""
    if missing and (data or plan.literals):
        names = ", ".join(f"`{name}`" for name in missing)
        plan.notes.append(f"closed forms only: there is no data for {names}")
    return plan
