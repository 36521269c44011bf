"""The computation graph as a reader draws it: named values and the pieces that matter, with local gradients between.

A piece whose change passes on as it is (a term of a sum, as W x in `z = W x + b`) belongs to the value that it is
in. What remains is where the chain rule puts its factors, and where a derivation stops to name a result: at
values that several gradients go through, at those where branches meet, and at matrices.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from gradcalc.differentiate import Backward, Edge
from gradcalc.graph import SCALAR, Node
from gradcalc.maps import LinearMap, Negative, Sandwich, Sum
from gradcalc.planning.plan import Plan

LONGEST = 6
"""Factors that a chain has at most before a value on the way gets a line of its own."""


class Link(Struct, frozen=True, eq=False):
    """One use of a visible value by another: the local gradient, and the pieces that it comes from."""

    node: Node
    input: Node
    linear: LinearMap
    by: tuple[Node, ...]
    rank: int = 0

    @property
    def is_jacobian(self) -> bool:
        """Whether it is a factor of a product of Jacobians that starts with a row."""
        column = len(self.node.shape) < 2 and (len(self.input.shape) < 2 or self.node.shape != SCALAR)
        return column and self.linear.matrix(self.node.graph) is not None


@dataclass(eq=False)
class Chains:
    """The visible graph between a target and the values wanted."""

    plan: Plan
    sweep: Backward
    wanted: Collection[Node]
    uses: dict[Node, list[Link]] = field(default_factory=dict)
    links: dict[Node, list[Link]] = field(default_factory=dict)
    above: dict[Node, set[Node]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        into: dict[Node, list[Edge]] = {}
        below: dict[Node, list[Edge]] = {}
        for edge in self.sweep.edges:
            into.setdefault(edge.input, []).append(edge)
            below.setdefault(edge.node, []).append(edge)
        self.wanted = dict.fromkeys(self.wanted)
        owned = {*self.plan.names.values(), *self.plan.inputs, self.sweep.target, *self.wanted}
        hidden = {n for n, edges in into.items() if n not in owned and len(edges) == 1 and _passes_on(edges[0].linear)}
        for node in (n for n in self.sweep.adjoints if n not in hidden):
            for link in _links(node, below, hidden):
                self.links.setdefault(node, []).append(link)
                self.uses.setdefault(link.input, []).append(link)
        self._forget_others()
        self.anchors = dict.fromkeys(self._anchors())

    def _forget_others(self) -> None:
        """Keep what lies between the target and a wanted value."""
        kept: set[Node] = set()
        stack = list(self.wanted)
        while stack:
            node = stack.pop()
            if node not in kept:
                kept.add(node)
                stack.extend(link.node for link in self.uses.get(node, ()))
        self.links = {n: [k for k in links if k.input in kept] for n, links in self.links.items() if n in kept}
        self.uses = {n: links for n, links in self.uses.items() if n in kept}

    @property
    def order(self) -> list[Node]:
        """The values between, the target first."""
        return [n for n in self.sweep.adjoints if n in self.uses]

    def _anchors(self) -> list[Node]:
        """The values that get a line of their own, from the target down."""
        found: list[Node] = []
        depth: dict[Node, int] = {}
        for node in self.order:
            uses = self.uses[node]
            depth[node] = 1 + max(depth.get(link.node, 0) for link in uses)
            inner = node in self.links and self.links[node]
            if inner and (self._stops(node, uses) or depth[node] >= LONGEST):
                found.append(node)
                depth[node] = 0
        return found

    def _stops(self, node: Node, uses: Sequence[Link]) -> bool:
        below = self.links[node]
        if len(uses) > 1 or node in self.wanted:
            return True
        rows = all(link.is_jacobian for link in (*uses, *below)) and len(node.shape) < 2
        return self.sweep.target.shape == SCALAR and (self.is_shared(node) or not rows)

    def is_shared(self, node: Node) -> bool:
        """Whether several values are derived from what comes down to this one."""
        return len(self.links.get(node, ())) > 1

    def path(self, link: Link) -> list[Link]:
        """The links from the next anchor above (or the target) down to this one."""
        found = [link]
        while found[0].node is not self.sweep.target and found[0].node not in self.anchors:
            [above] = self.uses[found[0].node]
            found.insert(0, above)
        return found

    def is_total(self, link: Link) -> bool:
        """Whether ∂node/∂input is this local gradient alone: the input does not reach the node another way."""
        uses = self.uses[link.input]
        if len(uses) == 1:
            return True
        if link.input not in self.above:
            self.above[link.input] = _dependents(link.input, [use.node for use in uses])
        return not any(k.input in self.above[link.input] for k in self.links[link.node])


def _dependents(node: Node, consumers: Sequence[Node]) -> set[Node]:
    """What depends on a value, up to the last of some consumers."""
    found: set[Node] = set()
    for later in node.graph.nodes[node.index + 1 : max(c.index for c in consumers) + 1]:
        if any(i is node or i in found for i in later.inputs):
            found.add(later)
    return found


def _passes_on(linear: LinearMap) -> bool:
    """Whether a change passes as it is, or with its sign changed."""
    inner = linear.linear if isinstance(linear, Negative) else linear
    return isinstance(inner, Sandwich) and inner.left is None and inner.right is None


def _links(node: Node, below: dict[Node, list[Edge]], hidden: set[Node]) -> list[Link]:
    """The uses that a visible value makes of others, through hidden pieces, one for each value used."""
    found: dict[Node, list[tuple[LinearMap, Edge]]] = {}
    stack: list[tuple[Node, int]] = [(node, 1)]
    while stack:
        piece, sign = stack.pop()
        for edge in below.get(piece, ()):
            if edge.input in hidden:
                stack.append((edge.input, -sign if isinstance(edge.linear, Negative) else sign))
            else:
                found.setdefault(edge.input, []).append((_signed(edge.linear, sign), edge))
    return [_link(node, value, uses) for value, uses in found.items()]


def _signed(linear: LinearMap, sign: int) -> LinearMap:
    if sign > 0:
        return linear
    return linear.linear if isinstance(linear, Negative) else Negative(linear.source, linear.target, linear)


def _link(node: Node, value: Node, uses: Sequence[tuple[LinearMap, Edge]]) -> Link:
    ordered = sorted(uses, key=lambda use: (use[1].rank, use[1].argument))
    maps = tuple(linear for linear, _ in ordered)
    whole = maps[0] if len(maps) == 1 else Sum(value.shape, node.shape, maps)
    return Link(node, value, whole, tuple(dict.fromkeys(e.node for _, e in ordered)), ordered[0][1].rank)
