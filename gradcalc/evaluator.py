"""Graph and data to arrays, and what is to be said about them: domains, overflow, kinks.

Arrays have rank 2, with batch axes in front where there are any. A value that is not finite is a fault only
where the target takes it: what `where` or `max` did not select may be anything, and contributes exactly zero.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Container, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from gradcalc.differentiate import Edge
from gradcalc.graph import Node, ancestors, extent

Array = np.ndarray[Any, Any]
Values = MutableMapping[Node, Array]
Masks = Mapping[Node, Sequence[Array]]


def evaluate(order: Iterable[Node], values: Values, masks: Masks | None = None) -> Values:
    """Compute the nodes in topological order into `values`, which holds the leaves; those that are there stay.

    `masks` gives for contributions where they are not exactly zero.
    """
    with np.errstate(all="ignore"):
        for node in order:
            if node not in values:
                result = node.operation.kernel(node.attributes, *(values[i] for i in node.inputs))
                for mask in (masks or {}).get(node, ()):
                    result = np.where(mask, result, 0.0)
                values[node] = row_by_row(result)
    return values


def row_by_row(array: Array) -> Array:
    """An array with an axis of rows, each row laid out in memory as it is alone.

    What libraries round off depends on the layout, and the layout that NumPy chooses depends on the number of rows.
    """
    if array.ndim < 3 or array.strides == _strides(array.shape, array.itemsize):
        return array
    return np.array(array, order="C", copy=True)


def _strides(shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """The strides of an array laid out row by row."""
    found = [size]
    for count in shape[:0:-1]:
        found.append(found[-1] * count)
    return tuple(reversed(found))


class Fault(Struct, frozen=True):
    """A node whose value is not a number that can be used: at which entry, from which operands.

    `witness` is what the operation shows in place of its operands: a name and a number.
    """

    node: Node
    kind: str
    place: tuple[int, ...]
    operands: tuple[float | None, ...]
    witness: tuple[str, float] | None = None


def entry(index: Sequence[int], node: Node) -> tuple[int, ...]:
    """An index of the array as an index of the value: none for a scalar, one for a vector."""
    row, column = index[-2:]
    if not node.shape:
        return ()
    return (int(row),) if len(node.shape) == 1 else (int(row), int(column))


def entries(mask: Array, node: Node) -> tuple[tuple[int, ...], ...]:
    """The entries of a value where a mask is true."""
    return tuple(entry([int(k) for k in index], node) for index in np.argwhere(mask))


def faults(
    order: Sequence[Node],
    values: Values,
    targets: Sequence[Node],
    masks: Masks | None = None,
    primals: Sequence[tuple[Node, Node]] = (),
) -> list[Fault]:
    """The faults that the targets depend on, in evaluation order, not those that follow from others.

    `primals` pairs derivatives with what they are of: where the one is taken, the other must have a value.
    """
    suspects: dict[Node, tuple[Array, str]] = {}
    for node in order:
        found = _suspect(node, values)
        if found is not None:
            suspects[node] = found
    if not suspects:
        return []
    taken = demand(order, values, targets, masks, whole=True)
    derived = {p: _at_primal(taken[d], values[p]) for d, p in primals if d in taken and p not in targets}
    if derived:
        taken = demand(order, values, targets, masks, derived, whole=True)
    out: list[Fault] = []
    tainted: set[Node] = set()
    for node in order:
        if any(i in tainted for i in node.inputs):
            tainted.add(node)
        elif node in suspects and node in taken:
            bad, kind = suspects[node]
            where = np.argwhere(np.broadcast_to(bad, values[node].shape) & taken[node])
            if len(where):
                tainted.add(node)
                index = tuple(int(i) for i in where[0])
                if kind != "domain":
                    kind = "overflow" if np.isinf(values[node][index]) else "undefined"
                operands = tuple(_operand(values[i], index) for i in node.inputs) if node.operation.entrywise else ()
                out.append(Fault(node, kind, entry(index, node), operands, _witness(node, values, index)))
    return out


def _at_primal(taken: Array, primal: Array) -> Array:
    """Which entries of a value its derivative needs: entry by entry where both have one shape, else all or none."""
    if taken.shape == primal.shape:
        return taken
    return np.broadcast_to(taken.any(axis=(-2, -1), keepdims=True), primal.shape)


def _suspect(node: Node, values: Values) -> tuple[Array, str] | None:
    """Where a node is out of domain or not finite, and which of the two."""
    if node.operation.fault is not None:
        mask = np.asarray(node.operation.fault(node.attributes, *(values[i] for i in node.inputs)))
        if mask.any():
            return mask, "domain"
    value = values[node]
    with np.errstate(all="ignore"):
        if np.isfinite(np.sum(value)):
            return None
    bad = ~np.isfinite(value)
    return (bad, "not finite") if bad.any() else None


def _witness(node: Node, values: Values, index: Sequence[int]) -> tuple[str, float] | None:
    """What an operation on whole matrices says of the one that an entry is in."""
    if node.operation.witness is None:
        return None
    name, numbers = node.operation.witness(node.attributes, *(values[i] for i in node.inputs))
    return name, float(np.broadcast_to(numbers, values[node].shape[:-2])[tuple(index)[:-2]])


def _operand(array: Array, index: Sequence[int]) -> float | None:
    """The entry of an operand that belongs to an entry of the result, if there is just one."""
    place = tuple(index)[-array.ndim :]
    if array.shape[-2:] == (1, 1):
        place = (*place[:-2], 0, 0)
    try:
        return float(array[place])
    except IndexError:
        return None


def demand(
    order: Sequence[Node],
    values: Values,
    targets: Iterable[Node],
    masks: Masks | None = None,
    wanted: Mapping[Node, Array] | None = None,
    zeros: bool = False,
    whole: bool = False,
) -> dict[Node, Array]:
    """Which entries of each value the targets take: `where` and `max` take one of their operands' entries, a selection
    those selected. With `whole` a selection takes all: what is left out of it must have a value nevertheless.

    A contribution that `masks` makes zero takes nothing. Of a target all entries count, or those that are `wanted`,
    which may differ from row to row of a batch. With `zeros`, for first derivatives, a product takes nothing of what
    it multiplies by an exact 0 that does not depend on the same inputs: c sqrt(x) is 0 for all x where c is.
    """
    constant = Constancy() if zeros else None
    taken: dict[Node, Array] = {t: np.ones(values[t].shape, bool) for t in targets}
    taken.update(wanted or {})
    for node in reversed(order):
        mask = taken.get(node)
        if mask is None:
            continue
        for kept in (masks or {}).get(node, ()):
            mask = mask & kept
        for i, operand in enumerate(node.inputs):
            part = _demanded(node, i, mask, values, whole)
            if constant is not None and node.operation.bilinear and constant.in_the_others(node, i):
                part = part & _passed_back(node, i, mask, values)
            before = taken.get(operand)
            taken[operand] = part if before is None else before | part
    return taken


def _entrywise(node: Node, i: int) -> bool:
    """Whether an entry of the node depends on just that entry of its operand i."""
    if node.op == "scale":
        return i == 1
    return node.op == "copy" or (node.operation.entrywise and node.inputs[i].shape == node.shape)


def passed_on(node: Node, i: int, mask: Array, values: Values) -> Array:
    """The entries of a node that may depend on some entries of its operand i."""
    shape = values[node].shape
    if _entrywise(node, i):
        return np.broadcast_to(mask, shape)
    return np.broadcast_to(mask.any(axis=(-2, -1), keepdims=True), shape)


def _demanded(node: Node, i: int, mask: Array, values: Values, whole: bool) -> Array:
    """The entries of an operand that some entries of a node take."""
    operation, operand = node.operation, values[node.inputs[i]]
    if operation.takes is not None:
        return np.asarray(mask & operation.takes(node.attributes, i, *(values[n] for n in node.inputs)))
    if _entrywise(node, i):
        return mask
    if _is_linear(node, i, values) and not (whole and _leaves_out(node, i, values)):
        return _passed_back(node, i, mask, values)
    anywhere = mask.any(axis=(-2, -1), keepdims=True)
    return np.broadcast_to(anywhere, np.broadcast_shapes(anywhere.shape, operand.shape))


def _adjoint(node: Node, i: int) -> tuple[Node, Node]:
    """The adjoint of a node's map from operand i, and the leaf that stands for the upstream gradient in it."""
    linear = node.operation.differential(node, i)
    assert linear is not None
    leaf = node.graph.make("input", name="", shape=node.shape, role="random")
    return linear.adjoint(leaf), leaf


def _is_linear(node: Node, i: int, values: Values) -> bool:
    """Whether a node is linear in its operands, as a selection, a block or a sum of entries is: its adjoint takes no
    value but constants."""
    if node.operation.differential(node, i) is None:
        return False
    adjoint, leaf = _adjoint(node, i)
    needed = above(adjoint, ChainMap({leaf: values[node]}, values))
    return all(n is leaf or (n.op != "input" and (n.inputs == () or n not in values)) for m in needed for n in m.inputs)


def _leaves_out(node: Node, i: int, values: Values) -> bool:
    """Whether some entries of an operand are in no entry of a node, as those beside the ones selected."""
    return not _passed_back(node, i, np.ones(values[node].shape, bool), values).all()


def _passed_back(node: Node, i: int, mask: Array, values: Values) -> Array:
    """The entries of an operand to which a random upstream gradient, in which nothing cancels, passes something."""
    adjoint, leaf = _adjoint(node, i)
    random = np.random.default_rng(0).uniform(1.0, 2.0, mask.shape)
    known = ChainMap({leaf: mask * random}, values)
    return np.asarray(evaluate(above(adjoint, known), known)[adjoint] != 0)


class Constancy:
    """Whether the factors of a product depend on the same inputs, for as many nodes as are worth looking at."""

    MOST = 1_000_000

    def __init__(self) -> None:
        self.seen = 0
        self.inputs: dict[Node, frozenset[Node]] = {}

    def in_the_others(self, node: Node, i: int) -> bool:
        """Whether the other operands of a node are constant while the inputs of operand i change."""
        others = [operand for k, operand in enumerate(node.inputs) if k != i]
        found = [self._below(operand) for operand in (node.inputs[i], *others)]
        return self.seen <= self.MOST and all(found[0].isdisjoint(other) for other in found[1:])

    def _below(self, node: Node) -> frozenset[Node]:
        if node not in self.inputs and self.seen <= self.MOST:
            below = ancestors([node])
            self.seen += len(below)
            self.inputs[node] = frozenset(n for n in below if n.op == "input")
        return self.inputs.get(node, frozenset())


def above(root: Node, known: Container[Node]) -> list[Node]:
    """The nodes that a value needs and that are not known yet, in topological order."""
    found: set[Node] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node not in found and node not in known:
            found.add(node)
            stack.extend(node.inputs)
    return sorted(found, key=lambda n: n.index)


def masks_of(edges: Iterable[Edge], taken: Mapping[Node, Array]) -> dict[Node, list[Array]]:
    """For each contribution where it may be other than zero: where the value that it comes through was taken.

    Entry by entry only through what acts entry by entry; elsewhere a value that was taken anywhere passes all.
    A sum takes a contribution with its sign apart, so that what is negated has the mask too.
    """
    found: dict[Node, list[Array]] = {}
    for edge in edges:
        mask = taken[edge.node]
        if mask.all():
            continue
        if not _entrywise(edge.node, edge.argument):
            mask = np.asarray(mask.any(axis=(-2, -1), keepdims=True))
        found.setdefault(edge.downstream, []).append(mask)
        if edge.downstream.op == "negative":
            found.setdefault(edge.downstream.inputs[0], []).append(mask)
    return found


def kinks(order: Sequence[Node], values: Values) -> list[tuple[Node, Array]]:
    """The nodes that are not differentiable at this point, with the entries."""
    found = []
    for node in order:
        if node.operation.kink is not None:
            with np.errstate(all="ignore"):  # outside its domain, in a branch not taken, there is no kink
                mask = np.asarray(node.operation.kink(node.attributes, *(values[i] for i in node.inputs)))
            if mask.any():
                found.append((node, mask))
    return found


def leaf_array(rows: Sequence[Sequence[float]], node: Node) -> Array:
    """A literal's rows as the array of its leaf."""
    return np.array(rows, dtype=np.float64).reshape([int(s) for s in extent(node.shape)])
