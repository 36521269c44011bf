"""Claims: are two expressions the same? By symbols where both reduce to one form, else in numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcalc import syntax
from gradcalc.evaluator import Values, evaluate
from gradcalc.graph import Node, ancestors
from gradcalc.planner import Plan, PlannedClaim
from gradcalc.simplify import simplify
from gradcalc.suggest import shown_shape

Array = np.ndarray[Any, Any]
RELATIVE = 1e-9
"""Two numbers agree to this part of the largest entry; a literal agrees to the digits that it has."""


@dataclass(frozen=True)
class ClaimResult:
    """A claim's verdict: `by` says how it was reached, `hint` what is wrong."""

    text: str
    line: int
    holds: bool
    by: str
    hint: str = ""


def check_claims(plan: Plan, values: Values) -> list[ClaimResult]:
    """Check every claim of a plan at the values of a run."""
    return [_check(claim, values) for claim in plan.claims]


def _check(claim: PlannedClaim, values: Values) -> ClaimResult:
    statement = claim.statement
    text, line = statement.span.text, statement.span.line
    if claim.left.shape != claim.right.shape:
        return ClaimResult(text, line, False, "symbols", _shape_hint(claim.left, claim.right))
    left, right = simplify(claim.left), simplify(claim.right)
    if left is right:
        return ClaimResult(text, line, True, "symbols")
    evaluate(ancestors([left, right]), values)
    found, stated = values[claim.left], values[claim.right]
    size = float(np.max(np.abs(stated), initial=0.0))
    noise = max(_noise(claim.left, values), _noise(claim.right, values))
    tolerance = np.maximum(_written(statement.right, stated), max(RELATIVE * size, noise))
    wrong = ~(np.abs(found - stated) <= tolerance)
    if not wrong.any():
        return ClaimResult(text, line, True, "numbers")
    place = np.unravel_index(int(np.argmax(np.where(wrong, np.abs(found - stated), -1))), found.shape)
    where = (
        f" at [{', '.join(str(int(i)) for i in place[-2:][: max(1, len(claim.left.shape))])}]"
        if claim.left.shape
        else ""
    )
    hint = f"the left side is {float(found[place])!r}{where}, the right side {float(stated[place])!r}"
    return ClaimResult(text, line, False, "numbers", hint)


def _noise(node: Node, values: Values) -> float:
    """What rounding leaves where terms cancel: a few units in the last place of the largest term."""
    if node.op not in ("add", "sum"):
        return 0.0
    return (
        16.0 * float(np.finfo(np.float64).eps) * max(float(np.max(np.abs(values[i]), initial=0.0)) for i in node.inputs)
    )


def _shape_hint(left: Node, right: Node) -> str:
    hint = f"the left side is {shown_shape(left.shape)}, the right side {shown_shape(right.shape)}"
    turned = sorted(shown_shape(left.shape).split("×")) == sorted(shown_shape(right.shape).split("×"))
    return f"{hint}: one is the transpose of the other (see `@layout` for gradients)" if turned else hint


def _written(expression: syntax.Expression, stated: Array) -> Array | float:
    """Half a unit of the last digit of numbers written with a point, 0 for others."""
    if isinstance(expression, syntax.Negative):
        return _written(expression.operand, stated)
    if isinstance(expression, syntax.Group):
        return _written(expression.operand, stated)
    if isinstance(expression, syntax.Number):
        return _half_unit(expression.text)
    if isinstance(expression, syntax.Matrix):
        rows = (
            [r.rows[0] for r in expression.rows[0] if isinstance(r, syntax.Matrix) and r.rows]
            if len(expression.rows) == 1
            else []
        )
        entries = [e for row in (rows or expression.rows) for e in row]
        units = np.array([float(np.max(_written(e, stated))) for e in entries])
        if units.size == stated.size:
            return units.reshape(stated.shape)
    return 0.0


def _half_unit(text: str) -> float:
    match = re.fullmatch(r"\d*(?:\.(\d*))?(?:[eE]([+-]?\d+))?", text)
    if not match or match.group(1) is None:
        return 0.0
    exponent = int(match.group(2) or 0) - len(match.group(1))
    return 0.5000001 * 10.0**exponent
