"""Claims: are two expressions the same? By symbols where both reduce to one form, else in numbers.

The numbers are those of the data, or of several random points where there are no data. A claim that fails says
how the sides differ, shapes first, and what would have been right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from msgspec import Struct

from gradcalc import syntax
from gradcalc.checking.agreement import difference, differing, plainly_equal, undecided
from gradcalc.checking.sampling import DATA, LEAST, TRIES, Points
from gradcalc.checking.trials import Trials, as_derivative
from gradcalc.checking.written import bare, printed
from gradcalc.closed_form import Writer
from gradcalc.errors import GradcalcError
from gradcalc.evaluator import Values
from gradcalc.graph import Node
from gradcalc.planning.definitions import walk
from gradcalc.planning.plan import Plan, PlannedClaim
from gradcalc.simplify.engine import simplify
from gradcalc.simplify.normal_form import same
from gradcalc.suggest import shown_shape
from gradcalc.syntax import Expression

Array = np.ndarray[Any, Any]
MOST_REPAIRED = 20
"""Failed claims for which a correction is sought; others say how the sides differ."""
LONG = 300
"""Parts of a claim that is too long for a hint."""
LONGEST = 160
"""Characters of a closed form in a hint."""
UNDECIDED = (
    "it cannot be decided in these numbers: no digit is certain, as numbers on the way are too small for a 64-bit float"
    " (see the warning `lost-digits` of `gradcalc run`)"
)


class ClaimResult(Struct, frozen=True):
    """A claim's verdict: `by` says how it was reached, `where` at which points, `hint` what is wrong."""

    text: str
    line: int
    holds: bool
    by: str
    hint: str = ""
    where: str = ""


# ------------------------------------------------------------------------------ verdicts


def check_claims(plan: Plan, points: Points, labels: Mapping[str, Sequence[str]] | None = None) -> list[ClaimResult]:
    """Check every claim of a plan at points; `labels` are entry labels by name, beside those of the file.

    Raises `GradcalcError` for a numeric fault at the data.
    """
    judge = Judge(plan, points, {**plan.entries, **(labels or {})})
    return [judge.verdict(claim) for claim in plan.claims]


def settled(claim: PlannedClaim) -> ClaimResult | None:
    """The verdict on a claim whose sides are the same by symbols, whatever the data are."""
    left, right = claim.left, claim.right
    if left is None or right is None or left.shape != right.shape:
        return None
    if simplify(left) is simplify(right) or same(left, right):
        return ClaimResult(claim.statement.span.text, claim.statement.span.line, True, "symbols")
    return None


def holds_plainly(claim: PlannedClaim, values: Values) -> Array:
    """For each row of values, whether a claim that fits holds in numbers, without a look at what rounding leaves."""
    assert claim.left is not None and claim.right is not None
    return plainly_equal(claim.left, claim.right, values, (claim.statement.left, claim.statement.right))


def holding(claim: PlannedClaim) -> ClaimResult:
    """The verdict on a claim that holds in numbers at the data."""
    return ClaimResult(claim.statement.span.text, claim.statement.span.line, True, "numbers", "", DATA)


@dataclass(eq=False)
class Judge:
    """Decides the claims of one plan."""

    plan: Plan
    points: Points
    labels: Mapping[str, Sequence[str]]
    repaired: int = 0

    def verdict(self, claim: PlannedClaim) -> ClaimResult:
        """Whether a claim holds, how that was found out, and what would have been right."""
        text, line = claim.statement.span.text, claim.statement.span.line
        left, right = claim.left, claim.right
        if left is None or right is None or left.shape != right.shape:
            hint = self._joined(_misfit(claim), self._repair(claim, None))
            return ClaimResult(text, line, False, "symbols", hint)
        by_symbols = settled(claim)
        if by_symbols is not None:
            return by_symbols
        try:
            valid, refusal = self.points.valid([left, right])
        except GradcalcError as error:
            if not _has_derivative(claim):
                raise
            return ClaimResult(text, line, False, "numbers", error.diagnostics[0].message, DATA)
        where = self.points.described(len(valid), [left, right])
        if refusal:
            hint = f"no random point lies in the domain: {refusal}"
            return ClaimResult(text, line, False, "numbers", hint, self.points.described(TRIES, [left, right]))
        return self._in_numbers(claim, left, right, valid, where)

    def _in_numbers(self, claim: PlannedClaim, left: Node, right: Node, valid: list[Values], where: str) -> ClaimResult:
        statement = claim.statement
        text, line, deciding = statement.span.text, statement.span.line, 0
        for values in valid:
            wrong = differing(left, right, values, (statement.left, statement.right), self.plan.literals)
            if wrong.any():
                words = difference(left, right, values, wrong, self._labels_of(claim, left))
                drawn = self.points.drawn_for([left, right])
                if drawn and not _is_formula(statement.right):
                    words += f", at random {', '.join(drawn[:8])}: a number needs their data"
                hint = self._joined(words, self._repair(claim, valid))
                return ClaimResult(text, line, False, "numbers", hint, where)
            deciding += not undecided(left, right, values).any()
        if not deciding:
            return ClaimResult(text, line, False, "numbers", UNDECIDED, where)
        return ClaimResult(text, line, True, "numbers", "", where)

    @staticmethod
    def _joined(words: str, correction: str) -> str:
        return f"{words}; {correction}" if correction else words

    def _labels_of(self, claim: PlannedClaim, node: Node) -> Sequence[str]:
        """The labels of a side's entries: of what it is derived by, or of the first name that has as many."""
        if len(node.shape) != 1 and node.shape[:1] != (1,):
            return ()
        statement = claim.statement
        outer = [as_derivative(bare(side)) for side in (statement.left, statement.right)]
        parts = [*(d.by for d in outer if d is not None), *walk(statement.left), *walk(statement.right)]
        names = [p.id for p in parts if isinstance(p, syntax.Name)]
        return next((self.labels[n] for n in names if len(self.labels.get(n, ())) == max(node.shape)), ())

    # -------------------------------------------------------------------- what would be right

    def _repair(self, claim: PlannedClaim, valid: list[Values] | None) -> str:
        """The correction of a failed claim, or what its sides are in fact; "" where too many claims failed."""
        self.repaired += 1
        if self.repaired > MOST_REPAIRED:
            return ""
        statement = claim.statement
        if sum(1 for side in (statement.left, statement.right) for _ in islice(walk(side), LONG)) >= LONG:
            return ""
        for right, node, wrong, other in _attempts(claim):
            points = self._trial_points(claim, [n for n in (node, other) if n is not None], valid)
            if not points:
                continue
            fixed = as_derivative(bare(right))
            if _is_formula(wrong) and _is_formula(right):
                trials = Trials(claim.builder, node, points, wrong, fixed, right)
                found = self._correction(claim, trials)
            else:
                found = _of_numbers(node, other, points[0], claim)
            if found:
                return found + (" on the left" if wrong is claim.statement.left and "write `" in found else "")
        return self._in_fact(claim)

    def _correction(self, claim: PlannedClaim, trials: Trials) -> str:
        """What is right: the transpose, the claim itself in the other layout, or another expression."""
        from gradcalc.checking.repairs import PARTS, WHOLE, repair  # only a claim that fails needs them

        first = self._located(repair(self.plan, trials, WHOLE), claim, trials)
        if first.startswith("it is"):
            return first
        second = repair(self.plan, trials, PARTS)
        return "; here ".join(words for words in (first, second) if words)

    def _trial_points(self, claim: PlannedClaim, roots: list[Node], valid: list[Values] | None) -> list[Values]:
        """Points at which corrections are tried: near the data, or some of the random ones."""
        try:
            found = valid if valid is not None else self.points.valid(roots)[0]
        except GradcalcError:
            return []
        formula = _is_formula(claim.statement.left) and _is_formula(claim.statement.right)
        if found and formula and not self.points.drawn_for(roots):
            return self.points.around(found[0], roots)
        return [dict(values) for values in found[: LEAST + 1] + found[-1:]]

    def _located(self, hint: str, claim: PlannedClaim, trials: Trials) -> str:
        """A hint with the layout in which the claim would hold as it stands."""
        from gradcalc.checking.layouts import other_layout

        transpose = "it is the transpose"
        if hint and not hint.startswith(transpose):
            return hint
        other = other_layout(self.plan, claim, trials)
        matches = f"it matches the {other} layout (write `@layout {other}`"
        if not other:
            return hint
        return hint.replace(transpose, f"{transpose}: {matches}, or transpose it)", 1) if hint else f"{matches})"

    def _in_fact(self, claim: PlannedClaim) -> str:
        """What a side of the claim is: the closed form of a derivative, the equation of a name."""
        for side, node in ((claim.statement.left, claim.left), (claim.statement.right, claim.right)):
            inner = bare(side)
            if as_derivative(inner) is not None and node is not None:
                form = self._closed_form(node)
                if form and len(form) <= LONGEST:
                    return f"{printed(inner)} is {form}"
            if isinstance(inner, syntax.Name) and inner.id in self.plan.tables.values:
                text = " ".join(self.plan.tables.values[inner.id].value.span.text.split())
                if len(text) <= LONGEST:
                    return f"{inner.id} is {text}"
        return ""

    def _closed_form(self, node: Node) -> str:
        writer = Writer(self.plan)
        writer.labels.pop(node, None)
        form = writer.form(node)
        return "" if form is None else form.text


def _has_derivative(claim: PlannedClaim) -> bool:
    """Whether a derivative stands in a side, which may be infinite though all values of the file are numbers."""
    sides = (claim.statement.left, claim.statement.right)
    return any(as_derivative(part) is not None for side in sides for part in walk(side))


def _misfit(claim: PlannedClaim) -> str:
    """The shapes that differ, or the rule of shapes that one side breaks."""
    if claim.fault is not None:
        return f"{claim.fault.rule}: {claim.fault.message}" if claim.fault.rule else claim.fault.message
    assert claim.left is not None and claim.right is not None
    return f"the left side is {shown_shape(claim.left.shape)}, the right side {shown_shape(claim.right.shape)}"


Attempt = tuple[Expression, Node, Expression, Node | None]


def _attempts(claim: PlannedClaim) -> list[Attempt]:
    """The side that is taken for right with its node, and the one to be corrected: a derivative is right."""
    statement = claim.statement
    forward = (statement.left, claim.left, statement.right, claim.right)
    back = (statement.right, claim.right, statement.left, claim.left)
    if claim.left is None or (claim.right is not None and _is_given(statement.right) and not _is_given(statement.left)):
        forward, back = back, forward
    both = [forward] if _is_given(back[2]) else [forward, back]
    return [(right, node, wrong, other) for right, node, wrong, other in both if node is not None]


def _is_given(side: Expression) -> bool:
    """Whether a side is what the other is held against: a derivative, a name, a number."""
    inner = bare(side)
    return as_derivative(inner) is not None or isinstance(inner, syntax.Name) or not _is_formula(inner)


def _is_formula(side: Expression) -> bool:
    """Whether names are in an expression; else it is a number."""
    return any(isinstance(part, syntax.Name | syntax.Application | syntax.Derivative) for part in walk(side))


def _of_numbers(right: Node, wrong: Node | None, values: Values, claim: PlannedClaim) -> str:
    """What would have been right where one side is written as numbers."""
    if wrong is None or wrong not in values or right not in values:
        return ""
    written = (claim.statement.left, claim.statement.right)
    kept = values[wrong]
    with np.errstate(over="ignore"):
        twice = 2 * kept
    for words, array in (
        ("it is the transpose", np.swapaxes(kept, -1, -2)), ("the sign is wrong", -kept),
        ("a factor 2 is missing", twice), ("a factor 2 is too many", kept / 2),
    ):  # fmt: skip
        fits = array.shape == values[right].shape and np.any(array) and not np.array_equal(array, kept)
        if (
            fits
            and not differing(
                right, wrong, {**values, wrong: array}, written if array.shape == kept.shape else ()
            ).any()
        ):
            return words
    return ""
