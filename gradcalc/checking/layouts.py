"""Would a claim hold in the other layout?"""

from __future__ import annotations

from gradcalc.checking.trials import Trials, as_derivative
from gradcalc.graph import Node
from gradcalc.planning.definitions import walk
from gradcalc.planning.plan import Plan, PlannedClaim
from gradcalc.syntax import Expression, Name


def other_layout(plan: Plan, claim: PlannedClaim, trials: Trials) -> str:
    """The other layout, if a claim holds there as it is written, at the points of its trials; "" if not.

    Derivatives in the claim, and names in it that are derivatives, are made anew.
    """
    builder, statement = claim.builder, claim.statement
    if not any(_is_derived(plan, part) for side in (statement.left, statement.right) for part in walk(side)):
        return ""
    builder.numerator = not builder.numerator
    try:
        left, right = _sides(plan, claim, trials)
        holds = left is not None and Trials(builder, left, trials.points, statement.left).agrees(right)
        return ("numerator" if builder.numerator else "shape") if holds else ""
    finally:
        builder.numerator = not builder.numerator


def _is_derived(plan: Plan, part: Expression) -> bool:
    """Whether a part of a claim is a derivative, or a name with a derivative in its equation."""
    if isinstance(part, Name):
        equation = plan.tables.values.get(part.id)
        return equation is not None and any(as_derivative(inner) is not None for inner in walk(equation.value))
    return as_derivative(part) is not None


def _sides(plan: Plan, claim: PlannedClaim, trials: Trials) -> tuple[Node | None, Node | None]:
    """Both sides as nodes, in the layout that the builder has now."""
    statement = claim.statement
    anew = Trials(claim.builder, trials.right, (), statement.right)
    anew.stand_ins.clear()
    for part in (part for side in (statement.left, statement.right) for part in walk(side)):
        if isinstance(part, Name) and part.id not in anew.stand_ins and _is_derived(plan, part):
            found = anew.node(plan.tables.values[part.id].value)
            if found is not None:
                anew.stand_ins[part.id] = found
    left = anew.node(statement.left)
    return left, anew.node(statement.right, None if left is None else left.shape)
