"""Graph to adjoint graph. Operations give linear maps; everything here follows from them.

Reverse mode keeps one contribution per edge and sums them by a node of its own: x̄ = Σ over edges of
(local map)* ȳ. Forward mode is the same maps applied in the other direction. Both add ordinary nodes to the
graph, so what they return can be differentiated again. Griewank and Walther, Evaluating Derivatives, ch. 3.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from gradcalc import algebra as al
from gradcalc.collector import collector_paused
from gradcalc.graph import SCALAR, Graph, Node, ancestors, depth_first, extent
from gradcalc.maps import Compose, LinearMap, Sandwich, Transposed, alike, times, unit

Term = TypeVar("Term")


class Edge(Struct, frozen=True, eq=False):
    """One use of a value: `node` uses `input` as its argument number `argument`."""

    node: Node
    argument: int
    linear: LinearMap
    upstream: Node
    downstream: Node
    rank: int
    """The place of `node` in the evaluation order."""

    @property
    def input(self) -> Node:
        """The value that is used."""
        return self.node.inputs[self.argument]


class Backward(Struct, frozen=True, eq=False):
    """A reverse sweep: the adjoint of every value that the target depends on, and the edges passed."""

    target: Node
    seed: Node
    adjoints: dict[Node, Node] = {}
    edges: list[Edge] = []

    def adjoint(self, node: Node) -> Node:
        """The adjoint in the shape of its primal; zero if the target does not depend on it."""
        found = self.adjoints.get(node)
        return al.zeros(node.graph, node.shape) if found is None else found


def varying(root: Node, also: Container[Node] = ()) -> list[Node]:
    """The nodes that `root` needs and that depend on an input or on one in `also`, operands before their node.

    The order follows from the expression alone, and not from the order in which its parts were written.
    """
    found: set[Node] = set()
    order = list(depth_first([root]))
    for node in order:
        if node.op == "input" or node in also or any(i in found for i in node.inputs):
            found.add(node)
    return [n for n in order if n in found]


def local_maps(node: Node, active: set[Node]) -> list[tuple[int, LinearMap]]:
    """The differential of a node by each argument that varies."""
    found = []
    for i, operand in enumerate(node.inputs):
        linear = node.operation.differential(node, i) if operand in active else None
        if linear is not None:
            found.append((i, linear))
    return found


def accumulate(contributions: Sequence[Node]) -> Node:
    """Sum the branches that meet at one primal, in evaluation order: `x̄ = Σₖ x̄ₖ`.

    A single branch is returned unchanged, so that a report shows no sum where nothing was summed.
    """
    return al.add(contributions)


def reverse(target: Node, seed: Node | None = None, also: Container[Node] = ()) -> Backward:
    """Differentiate a target by everything that it depends on, and by constants in `also`.

    `seed` is the upstream gradient of the target, in its shape: by default 1, for a scalar.
    """
    with collector_paused():
        return _reverse(target, target.graph.constant(1.0) if seed is None else seed, also)


def _reverse(target: Node, seed: Node, also: Container[Node]) -> Backward:
    order = varying(target, also)
    active = set(order)
    contributions: dict[Node, list[tuple[int, Node]]] = {target: [(len(order), seed)]}
    sweep = Backward(target, seed)
    for rank, node in reversed(list(enumerate(order))):
        if node not in contributions:
            continue
        upstream = accumulate(_in_order(contributions[node]))
        sweep.adjoints[node] = upstream
        for i, linear in local_maps(node, active):
            downstream = linear.adjoint(upstream)
            contributions.setdefault(node.inputs[i], []).append((rank, downstream))
            sweep.edges.append(Edge(node, i, linear, upstream, downstream, rank))
    return sweep


def _in_order(branches: Sequence[tuple[int, Term]]) -> list[Term]:
    """The terms that come from nodes of the given ranks, in evaluation order; those of one node by its arguments."""
    return [term for _, term in sorted(branches, key=lambda branch: branch[0])]


class Passed(Struct, frozen=True):
    """What a node passes on in forward mode: `change` is that of its operand i, `term` what it adds to its own."""

    node: Node
    i: int
    change: Node
    term: Node


def forward(target: Node, tangents: Mapping[Node, Node], passed: list[Passed] | None = None) -> Node:
    """The change of the target for given changes of some nodes (a JVP), in the shape of the target.

    `passed` takes what comes through each use of a value.
    """
    changes = dict(tangents)
    for node in ancestors([target]):
        if node in changes:
            continue
        maps = local_maps(node, {i for i in node.inputs if i in changes})
        found = [linear.apply(changes[node.inputs[i]]) for i, linear in maps]
        if passed is not None:
            uses = zip(maps, found, strict=True)
            passed.extend(Passed(node, i, changes[node.inputs[i]], term) for (i, _), term in uses)
        if found:
            changes[node] = al.add(found)
    return changes.get(target) or al.zeros(target.graph, target.shape)


def jacobians(sweep: Backward) -> dict[Node, Node | None]:
    """The Jacobian of the target by every node as a product and sum of local Jacobians, structure kept.

    Numerator layout, matrices stacked by columns; None where a factor has no name in the language.
    """
    graph = sweep.target.graph
    branches: dict[Node, list[tuple[int, Node | None]]] = {}
    found: dict[Node, Node | None] = {sweep.target: unit(graph, sweep.target.shape)}
    for edge in sweep.edges:
        if edge.node not in found:
            found[edge.node] = _total(branches.pop(edge.node))
        outer, local = found[edge.node], local_matrix(edge.linear, graph)
        product = _product(outer, local) if outer is not None and local is not None else None
        branches.setdefault(edge.input, []).append((edge.rank, product))
    for node, terms in branches.items():
        found.setdefault(node, _total(terms))
    return found


def _product(outer: Node, local: Node) -> Node:
    """The product of two Jacobians; of Kronecker products factor by factor: (A ⊗ B) (C ⊗ D) = A C ⊗ B D."""
    if outer.op == "matmul" and not outer.attributes["right"] and outer.inputs[1].op == local.op == "kron":
        left = al.transpose(outer.inputs[0]) if outer.attributes["left"] else outer.inputs[0]
        return times(left, _product(outer.inputs[1], local))
    if outer.op == local.op == "kron":
        (a, b), (c, d) = outer.inputs, local.inputs
        if extent(a.shape)[1] == extent(c.shape)[0] and extent(b.shape)[1] == extent(d.shape)[0]:
            return outer.graph.make("kron", times(a, c), times(b, d))
    return times(outer, local)


def local_matrix(linear: LinearMap, graph: Graph) -> Node | None:
    """The Jacobian of one edge, or None where the language has no name for it.

    In `(R^T ⊗ L) K = L ⊗ R^T` the commutation matrix K of a transposed dX, which has no name, goes away: that holds
    where L dX^T R is a column or a row.
    """
    match linear:
        case Compose(maps=(Sandwich() as outer, Transposed(kind="commutation"))) if 1 in extent(outer.target):
            rows, columns = extent(outer.source)
            left, right = outer.left or al.eye(graph, rows), outer.right or al.eye(graph, columns)
            return graph.make("kron", left, al.transpose(right))
    return linear.matrix(graph)


def _total(branches: Sequence[tuple[int, Node | None]]) -> Node | None:
    terms = _in_order(branches)
    known = [t for t in terms if t is not None]
    return al.add(alike(known)) if len(known) == len(terms) else None


def derivative(target: Node, by: Node, numerator: bool) -> tuple[Node, Backward]:
    """∂target/∂by as a node, with the sweep behind it: the gradient of a scalar, the Jacobian of a vector by a vector.

    In numerator layout the gradient of a scalar by a column is a row; by a scalar everything keeps its shape.
    Raises ValueError where the language has no form for the Jacobian.
    """
    if target.shape == SCALAR:
        sweep = reverse(target)
        gradient = sweep.adjoint(by)
        return (al.transpose(gradient) if numerator and len(by.shape) == 1 else gradient), sweep
    sweep = reverse(target, target.graph.make("input", name="", shape=target.shape))
    if by not in sweep.adjoints:
        raise ValueError("not connected")
    if by.shape == SCALAR:
        return forward(target, {by: target.graph.constant(1.0)}), sweep
    found = jacobians(sweep)[by]
    if found is None:
        raise ValueError("no closed form")
    return found, sweep
