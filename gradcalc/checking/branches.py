"""A branch that a derivative by hand left out: gradients sum where a value fans out."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc import syntax
from gradcalc.checking.trials import Trials, close
from gradcalc.checking.written import bare, printed, product, total, transposed, unwritten
from gradcalc.differentiate import Backward, Edge, jacobians, reverse
from gradcalc.graph import SCALAR, Node
from gradcalc.maps import times
from gradcalc.notation import TEXT, render
from gradcalc.planning.plan import Plan

Array = np.ndarray[Any, Any]
MOST_BRANCHES = 8


def missing_branch(plan: Plan, trials: Trials, wrong: Node | None) -> str:
    """Which branches of ∂s/∂x the wrong side leaves out, if the rest is right; "" otherwise."""
    if trials.fixed is None or wrong is None or wrong.shape != trials.right.shape:
        return ""
    of, by = trials.node(trials.fixed.of), trials.node(trials.fixed.by)
    if of is None or by is None:
        return ""
    branches = _branches(plan, of, by, trials.builder.numerator)
    if not 1 < len(branches) <= MOST_BRANCHES:
        return ""
    rest = [r - w for r, w in zip(trials.arrays(trials.right), trials.arrays(wrong), strict=True)]
    usable = {n: node for n, node in branches.items() if node.shape == wrong.shape and plan.names.get(n) is not of}
    arrays = {name: trials.arrays(node) for name, node in usable.items()}
    for several in range(1, len(branches)):
        for names in combinations(arrays, several):
            sums = [sum(arrays[n][k] for n in names) for k in range(len(rest))]
            if all(close(np.asarray(a), b) for a, b in zip(sums, rest, strict=True)):
                return _in_words(plan, trials, names)
    return ""


def _branches(plan: Plan, of: Node, by: Node, numerator: bool) -> dict[str, Node]:
    """What comes to a value through each of its uses, by what the use is called."""
    scalar = of.shape == SCALAR
    sweep = reverse(of) if scalar else reverse(of, of.graph.make("input", name="", shape=of.shape))
    matrices = {} if scalar else jacobians(sweep)
    found: dict[str, list[Node]] = {}
    for edge in sweep.edges:
        if edge.input is not by:
            continue
        term = _contribution(edge, numerator) if scalar else _product(edge, matrices)
        if term is None:
            return {}
        found.setdefault(_called(plan, sweep, edge.node), []).append(term)
    return {name: al.add(terms) for name, terms in found.items()}


def _contribution(edge: Edge, numerator: bool) -> Node:
    return al.transpose(edge.downstream) if numerator and len(edge.input.shape) == 1 else edge.downstream


def _product(edge: Edge, matrices: dict[Node, Node | None]) -> Node | None:
    outer, local = matrices[edge.node], edge.linear.matrix(edge.node.graph)
    return times(outer, local) if outer is not None and local is not None else None


def _called(plan: Plan, sweep: Backward, node: Node) -> str:
    """The name of a use, or of the first named value that it alone goes into; else its formula."""
    own = {n: name for name, n in plan.names.items()}
    users: dict[Node, set[Node]] = {}
    for edge in sweep.edges:
        users.setdefault(edge.input, set()).add(edge.node)
    above = node
    while above not in own and len(users.get(above, ())) == 1:
        (above,) = users[above]
    if above is sweep.target is not node:
        above = node
    return own.get(above) or f"`{render(node, TEXT, own).text}`"


def _in_words(plan: Plan, trials: Trials, names: tuple[str, ...]) -> str:
    """The hint, with the products of derivatives that are missing where both ends have names."""
    listed = " and ".join(names)
    words = (
        f"the branch through {listed} is missing" if len(names) == 1 else f"the branches through {listed} are missing"
    )
    fixed = trials.fixed
    assert fixed is not None
    if not isinstance(fixed.of, syntax.Name) or not isinstance(fixed.by, syntax.Name):
        return words
    for turned in (False, True):
        terms = [_term(trials, fixed, name, turned) for name in names if name in plan.names]
        wrong = bare(trials.wrong)
        before = (wrong.signs, wrong.terms) if isinstance(wrong, syntax.Sum) else ((1,), (wrong,))
        right = total([*before[0], *(1 for _ in terms)], [*before[1], *terms])
        if terms and trials.fits(right):
            return f"{words}, {' + '.join(map(printed, terms))}: write `{printed(right)}`"
    return words


def _term(trials: Trials, fixed: syntax.Derivative, name: str, turned: bool) -> syntax.Expression:
    """`∂f/∂b ∂b/∂y`, or in the shape layout `(∂b/∂y)^T ∂f/∂b`."""
    place = unwritten(trials.wrong)
    through = syntax.Name(place, name)
    above = trials.derivative(syntax.Derivative(place, fixed.of, through))
    below = trials.derivative(syntax.Derivative(place, through, fixed.by))
    return product([transposed(below), above] if turned else [above, below], [""])
