"""Numbers where a text gives none: sizes for symbols, seeded random data, points in the domain.

A claim or a gradient without data is tested at such points. Shapes that nothing states are guessed first, as
a reader would; each symbol of a size gets a number of its own, so that a transpose too many is noticed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from msgspec import Struct

from gradcalc.data import Datum
from gradcalc.evaluator import Array, Values
from gradcalc.graph import Node, Shape, extent
from gradcalc.numeric import leaf_values
from gradcalc.planning.definitions import bound_sizes, collect, with_sizes
from gradcalc.planning.plan import Plan
from gradcalc.suggest import Speller
from gradcalc.syntax import Program

SIZES = (3, 4, 2, 5, 6, 7)
OTHER_SIZES = (4, 2, 5, 3, 7, 6)
"""Sizes that a claim is tested at besides, so that what is right for one size alone is found out."""
KINDS = ("signed", "positive", "definite", "small", "large")
"""How points are drawn, in turn: signed numbers; positive ones, square matrices with a heavy diagonal; symmetric
positive definite matrices; numbers below 1; numbers up to 12."""


class OpenShapes(Struct, frozen=True):
    """The shapes of the names that have no data: as stated or guessed, and with numbers for their symbols."""

    symbolic: Mapping[str, Shape]
    concrete: Mapping[str, Shape]
    sizes: Mapping[str, int]


def open_shapes(
    program: Program, given: Mapping[str, Shape], numbers: Sequence[int] = SIZES, claims: bool = False
) -> OpenShapes:
    """The shapes of what has no data in a program; `given` are those of the data from outside.

    `numbers` are what symbols become, one after the other. A claim may be wrong: it tells only of names that are in no
    equation, or with `claims` also where the equations say nothing of a name.
    """
    from gradcalc.planning.guess import guess_shapes  # where there are data nothing is guessed

    tables = collect(program)
    bound = bound_sizes(tables, given)
    stated = {name: with_sizes(shaped.sizes, bound) for name, shaped in tables.shapes.items()}
    stated_or_given = {**stated, **given}
    first = guess_shapes(replace(tables, claims=[]), stated_or_given)
    told = {name: shape for name, shape in first.items() if shape or not claims}
    guessed = {**guess_shapes(tables, {**told, **stated_or_given}), **told}
    sizes_used = {size for shaped in tables.shapes.values() for size in shaped.sizes} - set(tables.shapes)
    known = {*given, *tables.values, *sizes_used, "I"} - (set(tables.shapes) - set(tables.values) - set(given))
    found = {name: shape for name, shape in {**guessed, **stated}.items() if name not in known}
    values = {*given, *tables.values, *tables.inputs, *tables.shapes}
    for name in _misspelt([n for n in found if n not in values], values):
        del found[name]
    symbols = dict.fromkeys(s for shape in found.values() for s in shape if isinstance(s, str))
    free = [size for size in numbers if size not in bound.values()] or list(numbers)
    sizes = {symbol: free[k % len(free)] for k, symbol in enumerate(symbols)}
    return OpenShapes(found, {n: with_sizes(s, sizes) for n, s in found.items()}, sizes)


def open_leaves(plan: Plan, numbers: Sequence[int] = SIZES) -> dict[str, Shape]:
    """Shapes in numbers for inputs of a plan that still have symbols: parameters of a function that is the output."""
    leaves = [leaf for leaf in plan.inputs if any(isinstance(size, str) for size in leaf.shape)]
    symbols = dict.fromkeys(size for leaf in leaves for size in leaf.shape if isinstance(size, str))
    sizes = {symbol: numbers[k % len(numbers)] for k, symbol in enumerate(symbols)}
    return {str(leaf.attributes["name"]): with_sizes(leaf.shape, sizes) for leaf in leaves}


def _misspelt(names: Sequence[str], values: set[str]) -> list[str]:
    """Names that are near a known one, or made of known ones: they are no inputs, and a plan will say so."""
    speller, every = Speller(), {*values, *names}
    return [n for n in names if any(speller.meant(n, values, every))]


def drawn_names(plan: Plan, data: Mapping[str, Datum]) -> list[str]:
    """What a plan needs that neither the file nor the data give: inputs, then functions that nothing defines."""
    leaves = [str(leaf.attributes["name"]) for leaf in plan.inputs if leaf not in plan.literals]
    roots = [*plan.graph.nodes]
    functions = {str(n.attributes["shown"]) for n in roots if n.op == "call" and not n.attributes["function"]}
    return [*(n for n in leaves if n not in data), *sorted(functions)]


def draws(plan: Plan, data: Mapping[str, Datum], seed: int = 0) -> Iterator[Values]:
    """Leaf values without end: the data where there are some, random numbers elsewhere; one point if none are."""
    leaves = [leaf for leaf in plan.inputs if leaf not in plan.literals and leaf.attributes["name"] not in data]
    targets = distributed(plan)
    number = 0
    while True:
        kind = KINDS[number % len(KINDS)]
        drawn = {str(n.attributes["name"]): _datum(n, kind, n in targets, seed + number) for n in leaves}
        yield leaf_values(plan, {**data, **drawn})
        number += 1
        if not leaves:
            return


def _datum(leaf: Node, kind: str, distribution: bool, seed: int) -> Datum:
    """A value for a leaf; the same for its name, shape, kind and seed whatever else is drawn."""
    numbers = np.random.default_rng([seed, zlib.crc32(str(leaf.attributes["name"]).encode())])
    rows, columns = (int(s) for s in extent(leaf.shape))
    if distribution:
        weights = numbers.uniform(0.2, 1.0, (rows, columns))
        axis = 1 if len(leaf.shape) == 2 else 0
        return Datum(weights / weights.sum(axis=axis, keepdims=True), leaf.shape)
    return Datum(_drawn(kind, rows, columns, numbers), leaf.shape)


def _drawn(kind: str, rows: int, columns: int, numbers: np.random.Generator) -> Array:
    square = rows == columns > 1
    if kind == "signed":
        return np.asarray(numbers.uniform(0.2, 1.8, (rows, columns)) * numbers.choice((-1.0, 1.0), (rows, columns)))
    if kind == "definite" and square:
        root = numbers.uniform(-1.0, 1.0, (rows, rows))
        return np.asarray(root @ root.T + np.eye(rows))
    if kind == "large":
        return np.asarray(numbers.uniform(1.0, 12.0, (rows, columns)) * numbers.choice((-1.0, 1.0), (rows, columns)))
    if kind == "small":
        return numbers.uniform(-0.9, 0.9, (rows, columns))
    positive = numbers.uniform(0.4, 1.6, (rows, columns))
    return positive + rows * np.eye(rows) if square else positive


def distributed(plan: Plan) -> set[Node]:
    """The leaves that stand as y in cross_entropy(ŷ, y): they are drawn as what that is for, a distribution."""
    return {n.inputs[1] for n in plan.graph.nodes if n.op == "cross_entropy" and n.inputs[1].op == "input"}
