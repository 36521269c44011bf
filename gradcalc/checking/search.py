"""What corrections of a claim are made from: the parts of the wrong side, and what the file offers beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from msgspec import Struct

from gradcalc import syntax
from gradcalc.checking.trials import Trials
from gradcalc.checking.written import Path, changed, places, unwritten
from gradcalc.graph import Node
from gradcalc.ops import FUNCTIONS
from gradcalc.planning.definitions import children
from gradcalc.planning.plan import Plan
from gradcalc.syntax import Expression

_AROUND_TERMS = syntax.Sum | syntax.Negative | syntax.Group
DEEPEST, MOST_PLACES, MOST_NAMES = 8, 60, 24


class Correction(Struct, frozen=True, eq=False):
    """A mistake in words, and what is right instead."""

    mistake: str
    right: Expression


@dataclass(eq=False)
class Search:
    """What the repairs look at: the trials of a claim, its plan, and the parts of the wrong expression."""

    plan: Plan
    trials: Trials

    def __post_init__(self) -> None:
        self.wrong = self.trials.wrong
        self.in_derivatives = bool(self.trials.derivatives)
        self.places = places(self.wrong, DEEPEST, MOST_PLACES)
        self.node = self.trials.node(self.wrong)
        if self.node is not None and self.node.shape == self.trials.right.shape:
            self.trials.tell_from(self.node)

    def with_part(self, path: Path, new: Expression) -> Expression:
        """The wrong expression with one part replaced."""
        return changed(self.wrong, path, new)

    def around(self, path: Path) -> Expression | None:
        """What a part stands directly in; None for the whole."""
        return part_at(self.wrong, path[:-1]) if path else None

    def products(self) -> list[tuple[Path, list[Expression], list[str]]]:
        """The products, with their factors and operators; other terms as products of one factor."""
        found: list[tuple[Path, list[Expression], list[str]]] = []
        single: list[tuple[Path, list[Expression], list[str]]] = []
        for path, e in self.places:
            if isinstance(e, syntax.Product):
                found.append((path, list(e.factors), list(e.operators)))
            elif not isinstance(e, _AROUND_TERMS) and isinstance(self.around(path), _AROUND_TERMS | None):
                single.append((path, [e], []))
        return found + single

    def sums(self) -> list[tuple[Path, syntax.Sum]]:
        """The sums."""
        return [(path, e) for path, e in self.places if isinstance(e, syntax.Sum)]

    @cached_property
    def names(self) -> list[Expression]:
        """What a factor or term may be: f'(z) of what the file applies, derivatives, then the file's values."""
        first = [*self.locals(), *self.primes()] if self.in_derivatives else self.primes()
        return [*first, *self.values()]

    def values(self) -> list[Expression]:
        """The file's named values, computed ones first."""
        named = sorted(self.plan.names, key=lambda n: (self.plan.names[n].op == "input", n))
        return [syntax.Name(unwritten(self.wrong), name) for name in named[:MOST_NAMES]]

    def primes(self) -> list[Expression]:
        """`f'(z)` for every `f(z)` of the file with a name for z."""
        labels, found = self.plan.labels, {}
        for node in self.plan.order:
            name, inside = _function(node), labels.get(node.inputs[0]) if len(node.inputs) == 1 else None
            if name and inside in self.plan.names and inside is not None:
                found[name, inside] = self._call(name, inside)
        return list(found.values())[:MOST_NAMES]

    def _call(self, function: str, inside: str) -> Expression:
        place = unwritten(self.wrong)
        argument = syntax.Argument(syntax.Name(place, inside))
        return syntax.Application(place, syntax.Name(place, function), 1, (argument,))

    def locals(self) -> list[Expression]:
        """`∂h/∂z` for every named value that another named one is computed from."""
        named = [(n, node) for n, node in self.plan.names.items() if node.op != "input"]
        found: list[Expression] = []
        for of, node in named:
            for by in _named_below(node, self.plan)[:MOST_NAMES]:
                if len(found) < MOST_NAMES:
                    found.append(self.derivative(of, by))
        return found

    def derivative(self, of: str, by: str) -> Expression:
        """`∂of/∂by`, as a name with its value."""
        place = unwritten(self.wrong)
        return self.trials.derivative(syntax.Derivative(place, syntax.Name(place, of), syntax.Name(place, by)))


def part_at(root: Expression, path: Path) -> Expression:
    """The part of an expression at a place."""
    for k in path:
        root = children(root)[k]
    return root


def _function(node: Node) -> str:
    """The function of one number that a node applies, as the file calls it; "" for others."""
    if node.op == "call":
        return str(node.attributes["shown"]) if node.attributes["order"] == 0 else ""
    function = FUNCTIONS.get(node.op)
    return node.op if function is not None and function.elementwise and function.most == 1 else ""


def _named_below(node: Node, plan: Plan) -> list[str]:
    """The nearest named values that a node is computed from."""
    own = {n: name for name, n in plan.names.items()}
    found: dict[str, None] = {}
    stack, seen = list(reversed(node.inputs)), set[Node]()
    while stack:
        below = stack.pop()
        if below in own:
            found[own[below]] = None
        elif below not in seen:
            seen.add(below)
            stack.extend(reversed(below.inputs))
    return list(found)


Repair = Callable[[Search], Iterator[Correction]]
"""A mistake: the corrections that it suggests."""
