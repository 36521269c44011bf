"""Closed forms of Jacobians and of the blocks of a Hessian, in the names of the file.

A gradient is simplified before it is differentiated again, so that what is read is the derivative of what a
reader would write. A form that the language has no name for is None, with the reason in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradcalc import algebra as al
from gradcalc.closed_form import LONG, Form, Writer, words
from gradcalc.differentiate import Backward, forward, jacobians, local_matrix, reverse
from gradcalc.graph import SCALAR, Graph, Node, ancestors
from gradcalc.simplify.engine import extract, simplify

TOO_LONG = "too long to write out"
Rule = tuple[Form | None, str]
"""A closed form, or None and why there is none."""


@dataclass(eq=False)
class Forms:
    """Writes the closed forms of one plan's derivatives."""

    writer: Writer
    made: dict[Node, tuple[Node, Backward, dict[Node, Node | None]]] = field(default_factory=dict)

    def expression(self, node: Node, turned: bool = False) -> Rule:
        """A node as it stands, or transposed."""
        form = self.writer.form(node, turned)
        return form, "" if form else TOO_LONG

    def jacobian(self, sweep: Backward, matrices: Mapping[Node, Node | None], by: Node) -> Rule:
        """∂target/∂by of a target that is no scalar; by a scalar it has the shape of the target."""
        target = sweep.target
        if by.shape == SCALAR:
            return self.expression(forward(target, {by: al.ones(target.graph, SCALAR)}))
        return self._of(sweep, by, matrices[by])

    def hessian(self, first: Node, second: Node, gradients: Mapping[Node, Node]) -> Rule:
        """∂(∂target/∂first)/∂second.

        Where it has no form of its own, that of the block with both exchanged is transposed: they are each
        other's transposes wherever the second derivatives are continuous.
        """
        rule = self._block(first, second, gradients)
        if rule[0] is not None or first is second:
            return rule
        _, _, matrices = self._differentiated(second, gradients)
        other = matrices.get(first)
        form = None if other is None else self.writer.jacobian_form(al.transpose(other))
        return (form, "") if form else rule

    def _block(self, first: Node, second: Node, gradients: Mapping[Node, Node]) -> Rule:
        _, sweep, matrices = self._differentiated(first, gradients)
        if second not in sweep.adjoints:
            return words("0"), ""
        return self._of(sweep, second, matrices[second])

    def _of(self, sweep: Backward, by: Node, matrix: Node | None) -> Rule:
        if matrix is None:
            return None, self._obstacle(sweep, by)
        form = self.writer.jacobian_form(matrix)
        return form, "" if form else TOO_LONG

    def _differentiated(
        self, node: Node, gradients: Mapping[Node, Node]
    ) -> tuple[Node, Backward, dict[Node, Node | None]]:
        """The simplified gradient by a node, its sweep, and its Jacobians."""
        if node not in self.made:
            gradient = self.tidied(gradients[node])
            sweep = reverse(gradient, gradient.graph.make("input", name="", shape=gradient.shape, role="seed"))
            self.made[node] = gradient, sweep, jacobians(sweep)
        return self.made[node]

    def tidied(self, root: Node) -> Node:
        """A node simplified, the named values in it as they stand; itself where it would be very long."""
        leaves = self._leaves(root, graph := Graph())
        if leaves is None:
            return root
        made = simplify(extract(root, leaves, graph))
        return extract(made, {leaf: node for node, leaf in leaves.items()}, root.graph)

    def opened(self, root: Node) -> Node | None:
        """A node simplified down to its inputs; None where it would be very long."""
        below = ancestors([root])
        if len(below) > LONG:
            return None
        graph = Graph()
        leaves = {n: graph.make("input", name=f"x{n.index}", shape=n.shape) for n in below if n.op == "input"}
        made = simplify(extract(root, leaves, graph, spelt=True))
        return extract(made, {leaf: node for node, leaf in leaves.items()}, root.graph)

    def _leaves(self, root: Node, graph: Graph) -> dict[Node, Node] | None:
        """The named values below a node, each as a leaf of another graph; None where there is very much below it."""
        found: dict[Node, Node] = {}
        stack, seen = [root], set[Node]()
        while stack and len(seen) <= LONG:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            label = self.writer.labels.get(node)
            if label is None:
                stack.extend(node.inputs)
            else:
                found[node] = graph.make("input", name=label, shape=node.shape)
        return None if stack else found

    def _obstacle(self, sweep: Backward, by: Node) -> str:
        """The operation whose Jacobian has no name, on the way from the target to a value."""
        below = {by}
        for node in ancestors([sweep.target]):
            if any(i in below for i in node.inputs):
                below.add(node)
        for edge in sweep.edges:
            if edge.input in below and local_matrix(edge.linear, sweep.target.graph) is None:
                label = self.writer.labels.get(edge.node)
                of = f" in `{label}`" if label else ""
                return f"the Jacobian of `{edge.node.op}`{of} is not made of products, diagonals and ⊗"
        return "a factor of it has no name in the language"
