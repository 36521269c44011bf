"""Points at which claims and gradients are tested: the data, or random points in the domain and away from kinks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from gradcalc.errors import Diagnostic, GradcalcError
from gradcalc.evaluator import Array, Values
from gradcalc.graph import SELECTIVE, Node, ancestors
from gradcalc.numeric import evaluate_forward
from gradcalc.planning.plan import Plan
from gradcalc.points import distributed

_LARGEST = np.finfo(np.float64).max
TRIES, LEAST = 60, 3
"""Points drawn at most, and valid ones that a verdict needs at least."""
DATA = "at the given data"
"""Where a verdict in numbers was reached that stands on the data."""
MANY = 20
"""Points where a value has pieces (max, where, comparisons), so that each piece is met."""


@dataclass(eq=False)
class Points:
    """Where claims are tested: leaf values from `source`, evaluated as far as they are needed.

    `drawn` are the names that have random values; where there are none, the one point is the data. `wanted` is how
    many points are tested.
    """

    plan: Plan
    source: Iterator[Values]
    drawn: Sequence[str] = ()
    wanted: int = 5
    pulled: list[Values] = field(default_factory=list)

    def valid(self, roots: Sequence[Node]) -> tuple[list[Values], str]:
        """Points at which some nodes have values, and why there are too few, if there are.

        One point is enough for what the data give. A kink does not rule a point out: of random numbers none is hit by
        chance, and what is flat, as relu(relu(x)) is below 0, has one at every point. Raises `GradcalcError` for a
        fault at the data.
        """
        order = ancestors(roots)
        random = self.drawn_for(roots)
        wanted = 1 if not random else max(self.wanted, MANY) if any(map(_has_pieces, order)) else self.wanted
        found: list[Values] = []
        refusal = ""
        for number in range(TRIES):
            if len(found) == wanted or not self._pull(number):
                break
            refused = self._refused(number, order, roots) if random else self._given(number, order, roots)
            refusal = refusal or refused
            if not refused:
                found.append(self.pulled[number])
        return found, refusal if len(found) < min(LEAST, wanted, len(self.pulled)) or not found else ""

    def drawn_for(self, roots: Sequence[Node]) -> list[str]:
        """The random names that some nodes stand on."""
        if not self.drawn:
            return []
        used = {str(n.attributes.get("name", n.attributes.get("shown", ""))) for n in ancestors(roots)}
        return [name for name in self.drawn if name in used]

    def _pull(self, number: int) -> bool:
        if number == len(self.pulled):
            self.pulled.extend([values for values in [next(self.source, None)] if values is not None])
        return number < len(self.pulled)

    def _given(self, number: int, order: list[Node], roots: Sequence[Node]) -> str:
        evaluate_forward(self.plan, order, self.pulled[number], list(roots))
        return ""

    def _refused(self, number: int, order: list[Node], roots: Sequence[Node]) -> str:
        """Why a random point does not count; "" if it does, and its values then have those of the nodes."""
        values = dict(self.pulled[number])
        try:
            evaluate_forward(self.plan, order, values, list(roots))
        except GradcalcError as error:
            return _reason(error.diagnostics[0])
        self.pulled[number] = values
        return ""

    def described(self, number: int, roots: Sequence[Node]) -> str:
        """Where a verdict in numbers was reached."""
        drawn = self.drawn_for(roots)
        if not drawn:
            return DATA
        special = {n.attributes["name"] for n in distributed(self.plan)}
        drawn = [f"{name}, a distribution" if name in special else name for name in drawn]
        names = ", ".join(drawn[:8]) + (f" and {len(drawn) - 8} more" if len(drawn) > 8 else "")
        return f"at {number} random point{'s' if number != 1 else ''} ({names})"

    def around(self, values: Values, roots: Sequence[Node]) -> list[Values]:
        """The data, and points near them: what agrees there too does not agree by chance."""
        found = [values]
        for seed in range(3):
            numbers = np.random.default_rng(seed)
            near = {leaf: _near(values[leaf], numbers) for leaf in self.plan.inputs if leaf in values}
            try:
                evaluate_forward(self.plan, ancestors(roots), near, list(roots))
            except GradcalcError:
                continue
            found.append(near)
        return found


def _has_pieces(node: Node) -> bool:
    """Whether a value has pieces: another formula at another point."""
    kink = node.operation.kink is not None and node.op != "call"
    return kink or node.op in (*SELECTIVE, "compare", "share")


def _reason(fault: Diagnostic) -> str:
    return fault.message + (f", and {fault.rule}" if fault.rule else "")


def _near(array: Array, numbers: np.random.Generator) -> Array:
    """Numbers of the same sign, up to a third larger or smaller; what is 0 becomes small."""
    larger, small = numbers.uniform(0.7, 1.3, array.shape), numbers.uniform(0.1, 0.3, array.shape)
    with np.errstate(over="ignore"):
        return np.asarray(np.clip(array * larger + (array == 0) * small, -_LARGEST, _LARGEST))
