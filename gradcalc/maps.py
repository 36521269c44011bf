"""Linear maps: what an operation's differential is made of.

For Y = op(X, ...) an operation gives, per input, the linear map dX ↦ dY. From the one declaration follow the
forward mode (`apply`), the downstream gradient (`adjoint`: the transposed map, ⟨Ȳ, M dX⟩ = ⟨M* Ȳ, dX⟩) and the
Jacobian (`matrix`, numerator layout, matrices stacked column by column: vec(L X R) = (R^T ⊗ L) vec(X)). The
parts are nodes of the same graph. Identities: Magnus and Neudecker, Matrix Differential Calculus, ch. 2 and 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from msgspec import Struct

from gradcalc import algebra as al
from gradcalc.graph import SCALAR, Graph, Node, Shape, count, extent, is_row, joint_size, transposed

WHOLE = (None, None)
"""An index that takes all: a range from the start to the end."""


class LinearMap(Struct, frozen=True, eq=False):
    """dX ↦ dY, from changes of shape `source` to changes of shape `target`."""

    source: Shape
    target: Shape

    kind = "linear"

    def apply(self, change: Node) -> Node:
        """The change of the result."""
        raise NotImplementedError

    def adjoint(self, upstream: Node) -> Node:
        """The downstream gradient."""
        raise NotImplementedError

    def matrix(self, graph: Graph) -> Node | None:
        """The Jacobian as a node, or None where the language has no name for it."""
        return None

    def rule(self, graph: Graph) -> Node | None:
        """What is printed as the local gradient: the Jacobian, if there is no shorter form."""
        return self.matrix(graph)

    def parts(self) -> dict[str, Node]:
        """The nodes that a structured Jacobian consists of, by name."""
        return {}

    def cost(self) -> int:
        """Multiplications in passing one upstream gradient down."""
        return count(self.source) * count(self.target)


class Sandwich(LinearMap, frozen=True, eq=False):
    """dX ↦ L dX R; None stands for the identity."""

    left: Node | None = None
    right: Node | None = None

    @property
    def kind(self) -> str:  # type: ignore[override]
        if self.left is None and self.right is None:
            return "identity"
        if (self.right is None and len(self.source) == 1) or (self.left is None and is_row(self.source)):
            return "matrix"
        return "kronecker"

    def apply(self, change: Node) -> Node:
        return self._between(change, self.left, self.right, self.target)

    def adjoint(self, upstream: Node) -> Node:
        left = self.left and al.transpose(self.left)
        right = self.right and al.transpose(self.right)
        return self._between(upstream, left, right, self.source)

    @staticmethod
    def _between(middle: Node, left: Node | None, right: Node | None, shape: Shape) -> Node:
        if left is not None:
            middle = al.matmul(left, middle)
        if right is not None:
            middle = al.matmul(middle, right)
        return al.fit(middle, shape)

    def matrix(self, graph: Graph) -> Node | None:
        """R^T ⊗ L; a side that the shape of dX makes trivial is left out."""
        rows, columns = extent(self.source)
        left, right = self.left, self.right and al.transpose(self.right)
        if left is None and right is None:
            return unit(graph, self.source)
        if right is None and columns == 1:
            return left
        if left is None and rows == 1:
            return right
        return graph.make("kron", right or al.eye(graph, columns), left or al.eye(graph, rows))

    def parts(self) -> dict[str, Node]:
        named = {"left": self.left, "right": self.right}
        return {k: v for k, v in named.items() if v is not None}

    def cost(self) -> int:
        total, shape = 0, self.target
        rows, columns = extent(self.source)
        if self.left is not None:
            shape = (rows, extent(self.target)[1])
            total += count(self.target) * count((rows,))
        if self.right is not None:
            total += count(shape) * count((columns,))
        return total


class Scaled(LinearMap, frozen=True, eq=False):
    """dX ↦ c dX for a scalar c."""

    factor: Node

    @property
    def kind(self) -> str:  # type: ignore[override]
        return "scalar" if self.source == SCALAR else "scaled-identity"

    def apply(self, change: Node) -> Node:
        return al.scale(self.factor, change)

    def adjoint(self, upstream: Node) -> Node:
        """The map is its own adjoint."""
        return self.apply(upstream)

    def matrix(self, graph: Graph) -> Node | None:
        if self.source == SCALAR:
            return self.factor
        return al.scale(self.factor, al.eye(graph, joint_size(*self.source)))

    def parts(self) -> dict[str, Node]:
        return {"factor": self.factor}

    def cost(self) -> int:
        return count(self.source)


class Hadamard(LinearMap, frozen=True, eq=False):
    """dX ↦ D ∘ dX."""

    diagonal: Node

    @property
    def kind(self) -> str:  # type: ignore[override]
        return "scalar" if self.source == SCALAR else "diagonal"

    def apply(self, change: Node) -> Node:
        return al.multiply(change, self.diagonal)

    def adjoint(self, upstream: Node) -> Node:
        """The map is its own adjoint."""
        return self.apply(upstream)

    def matrix(self, graph: Graph) -> Node | None:
        if self.source == SCALAR:
            return self.diagonal
        return _diagonal(_column(self.diagonal))

    def parts(self) -> dict[str, Node]:
        return {"diagonal": self.diagonal}

    def cost(self) -> int:
        return 0 if al.is_one(self.diagonal) else count(self.source)


class Transposed(LinearMap, frozen=True, eq=False):
    """dX ↦ dX^T."""

    @property
    def kind(self) -> str:  # type: ignore[override]
        return "identity" if len(self.source) < 2 or is_row(self.source) else "commutation"

    def matrix(self, graph: Graph) -> Node | None:
        return unit(graph, self.source) if self.kind == "identity" else None

    def apply(self, change: Node) -> Node:
        return al.fit(al.transpose(change), self.target)

    def adjoint(self, upstream: Node) -> Node:
        return al.fit(al.transpose(upstream), self.source)

    def cost(self) -> int:
        return 0


class Inner(LinearMap, frozen=True, eq=False):
    """dX ↦ ⟨G, dX⟩, a scalar."""

    gradient: Node

    @property
    def kind(self) -> str:  # type: ignore[override]
        return "scalar" if self.source == SCALAR else "gradient"

    def apply(self, change: Node) -> Node:
        return al.inner(self.gradient, change)

    def adjoint(self, upstream: Node) -> Node:
        return al.scale(upstream, self.gradient)

    def matrix(self, graph: Graph) -> Node | None:
        return al.transpose(_column(self.gradient)) if self.source else self.gradient

    def rule(self, graph: Graph) -> Node | None:
        """G^T as a row for a column; G itself for a row and, by the shape convention, for a matrix."""
        return al.transpose(self.gradient) if len(self.source) == 1 else self.gradient

    def parts(self) -> dict[str, Node]:
        return {"gradient": self.gradient}

    def cost(self) -> int:
        return 0 if al.is_one(self.gradient) else count(self.source)


class Outer(LinearMap, frozen=True, eq=False):
    """dx ↦ dx G for a scalar x."""

    gradient: Node
    kind = "column"

    def apply(self, change: Node) -> Node:
        return al.scale(change, self.gradient)

    def adjoint(self, upstream: Node) -> Node:
        return al.inner(upstream, self.gradient)

    def matrix(self, graph: Graph) -> Node | None:
        return _column(self.gradient)

    def rule(self, graph: Graph) -> Node | None:
        """G in its own shape."""
        return self.gradient

    def parts(self) -> dict[str, Node]:
        return {"gradient": self.gradient}

    def cost(self) -> int:
        return 0 if al.is_one(self.gradient) else count(self.target)


class Select(LinearMap, frozen=True, eq=False):
    """dX ↦ dX[items]: an entry, a row, a column or a block."""

    items: tuple[object, ...]
    kind = "selection"

    def apply(self, change: Node) -> Node:
        return change.graph.make("index", change, items=self.items)

    def adjoint(self, upstream: Node) -> Node:
        return al.place(upstream, self.items, self.source)

    def matrix(self, graph: Graph) -> Node | None:
        if len(self.source) != 1:
            return None
        if isinstance(self.items[0], int):
            return al.transpose(graph.make("onehot", place=self.items[0], size=self.source[0]))
        return graph.make("index", al.eye(graph, self.source[0]), items=(*self.items, WHOLE))

    def cost(self) -> int:
        return 0


class Embed(LinearMap, frozen=True, eq=False):
    """dX ↦ zeros with dX at `items`: the part that a stacked array takes from one of its blocks."""

    items: tuple[object, ...]
    kind = "embedding"

    def apply(self, change: Node) -> Node:
        return al.place(change, self.items, self.target)

    def adjoint(self, upstream: Node) -> Node:
        items = self._places() if self.source == SCALAR else self.items
        return al.fit(upstream.graph.make("index", upstream, items=items), self.source)

    def _places(self) -> tuple[object, ...]:
        """The items of one entry as single places."""
        return tuple((i[0] or 0) if isinstance(i, tuple) else i for i in self.items)

    def matrix(self, graph: Graph) -> Node | None:
        if len(self.target) != 1:
            return None
        if extent(self.source) == (1, 1):
            return graph.make("onehot", place=self._places()[0], size=self.target[0])
        return graph.make("index", al.eye(graph, self.target[0]), items=(WHOLE, *self.items))

    def cost(self) -> int:
        return 0


class Named(LinearMap, frozen=True, eq=False):
    """dX ↦ op(dX) for an operation that is linear itself, with the operation that is its adjoint."""

    forward: str
    backward: str
    forward_attributes: tuple[tuple[str, Any], ...] = ()
    backward_attributes: tuple[tuple[str, Any], ...] = ()

    @property
    def kind(self) -> str:  # type: ignore[override]
        return self.forward

    def apply(self, change: Node) -> Node:
        return al.fit(change.graph.make(self.forward, change, **dict(self.forward_attributes)), self.target)

    def adjoint(self, upstream: Node) -> Node:
        made = upstream.graph.make(self.backward, upstream, **dict(self.backward_attributes))
        return al.fit(made, self.source)

    def cost(self) -> int:
        return 0


class Kronecker(LinearMap, frozen=True, eq=False):
    """dX ↦ dX ⊗ B, or A ⊗ dX where `first` is False."""

    other: Node
    first: bool
    kind = "kronecker-factor"

    def apply(self, change: Node) -> Node:
        operands = (change, self.other) if self.first else (self.other, change)
        return al.fit(change.graph.make("kron", *operands), self.target)

    def adjoint(self, upstream: Node) -> Node:
        if 0 in extent(self.other.shape):  # of what has no entries nothing tells how many blocks it has
            return al.zeros(upstream.graph, self.source)
        made = upstream.graph.make("kron_contract", upstream, self.other, first=self.first)
        return al.fit(made, self.source)

    def cost(self) -> int:
        return count(self.target)


class Sum(LinearMap, frozen=True, eq=False):
    """dX ↦ Σ Mₖ dX."""

    maps: tuple[LinearMap, ...]
    kind = "sum"

    def apply(self, change: Node) -> Node:
        return al.add([m.apply(change) for m in self.maps])

    def adjoint(self, upstream: Node) -> Node:
        return al.add([m.adjoint(upstream) for m in self.maps])

    def matrix(self, graph: Graph) -> Node | None:
        matrices = [m.matrix(graph) for m in self.maps]
        found = [m for m in matrices if m is not None]
        return al.add(alike(found)) if len(found) == len(matrices) else None

    def cost(self) -> int:
        return sum(m.cost() for m in self.maps)


class Compose(LinearMap, frozen=True, eq=False):
    """dX ↦ M₁ (M₂ (... dX)): the last map is applied first."""

    maps: tuple[LinearMap, ...]
    kind = "composition"

    def apply(self, change: Node) -> Node:
        return reduce(lambda node, m: m.apply(node), reversed(self.maps), change)

    def adjoint(self, upstream: Node) -> Node:
        return reduce(lambda node, m: m.adjoint(node), self.maps, upstream)

    def matrix(self, graph: Graph) -> Node | None:
        return chain(graph, self.maps)

    def cost(self) -> int:
        return sum(m.cost() for m in self.maps)


def composed(*maps: LinearMap) -> Compose:
    """dX ↦ M₁ (M₂ (... dX)), from what the last map takes to what the first one gives."""
    return Compose(maps[-1].source, maps[0].target, maps)


def chain(graph: Graph, maps: Sequence[LinearMap]) -> Node | None:
    """The product of the Jacobians, `diag(d) W` kept as it is; None if one of them has no name."""
    product: Node | None = None
    for linear in maps:
        factor = linear.matrix(graph)
        if factor is None:
            return None
        product = factor if product is None else times(product, factor)
    return product


def unit(graph: Graph, shape: Shape) -> Node:
    """The Jacobian of the identity: I, or 1 for a scalar."""
    return al.eye(graph, joint_size(*shape)) if shape else al.ones(graph, SCALAR)


def times(left: Node, right: Node) -> Node:
    """The product of two Jacobians; two diagonals are one."""
    if left.op == right.op == "diag" and len(left.inputs[0].shape) == len(right.inputs[0].shape) == 1:
        return _diagonal(al.multiply(left.inputs[0], right.inputs[0]))
    return al.matmul(left, right)


def alike(terms: Sequence[Node]) -> Sequence[Node]:
    """Jacobians to be added, in one shape: those of one entry may be scalars, as a row times a column is, or rows."""
    return terms if len({t.shape for t in terms}) < 2 else [al.fit(t, (1,)) for t in terms]


def identity(shape: Shape) -> Sandwich:
    """dX ↦ dX."""
    return Sandwich(shape, shape)


def signed(linear: LinearMap, sign: int) -> LinearMap:
    """The map, or its negative."""
    return linear if sign == 1 else Negative(linear.source, linear.target, linear)


class Negative(LinearMap, frozen=True, eq=False):
    """dX ↦ -M dX."""

    linear: LinearMap

    @property
    def kind(self) -> str:  # type: ignore[override]
        return "negative-" + self.linear.kind

    def apply(self, change: Node) -> Node:
        return al.negative(self.linear.apply(change))

    def adjoint(self, upstream: Node) -> Node:
        return al.negative(self.linear.adjoint(upstream))

    def matrix(self, graph: Graph) -> Node | None:
        matrix = self.linear.matrix(graph)
        return matrix and al.negative(matrix)

    def rule(self, graph: Graph) -> Node | None:
        rule = self.linear.rule(graph)
        return rule and al.negative(rule)

    def parts(self) -> dict[str, Node]:
        return self.linear.parts()

    def cost(self) -> int:
        return self.linear.cost()


def stretched(node: Node, source: Shape) -> LinearMap:
    """The differential of a stretch of `source` to the shape of `node`: a product with ones."""
    graph, target = node.graph, node.shape
    rows, columns = extent(target)
    if source == SCALAR:
        return Outer(source, target, al.ones(graph, target))
    if is_row(source):
        return Sandwich(source, target, left=al.ones(graph, (rows,)))
    return Sandwich(source, target, right=al.ones(graph, (1, columns)))


def _column(node: Node) -> Node:
    """vec: the entries as one column."""
    if len(node.shape) == 1:
        return node
    return al.transpose(node) if is_row(node.shape) else node.graph.make("vec", node)


def _diagonal(vector: Node) -> Node:
    """diag(d), or the identity where d is all ones."""
    if al.is_one(vector):
        return al.eye(vector.graph, vector.shape[0])
    return vector.graph.make("diag", vector, extract=False)


def transposed_map(source: Shape) -> Transposed:
    """dX ↦ dX^T."""
    return Transposed(source, transposed(source))
