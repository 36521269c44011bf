"""Nodes to instructions: columns and rows with one axis, transposes as views, products in the way that they are cheap.

With rows of inputs, a product of an array that is the same for all rows with one that is not is one product of
matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcalc.compiled.instructions import Listing, Operand, Value
from gradcalc.compiled.products import Factor, Turned, chain, is_diagonal, multiplied, sizes_of
from gradcalc.compiled.recording import recorded
from gradcalc.graph import SCALAR, Node, Shape, extent, is_row, transposed

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Kept:
    """An array that is always the same."""

    array: Array


class Lowering:
    """Makes the instructions of nodes; `operands` has what each has become, which may have axes of length 1."""

    def __init__(self, apart: Collection[Node] = ()) -> None:
        self.listing = Listing()
        self.apart = apart
        """Products that are not made (see `products`)."""
        self.operands: dict[Node, Operand] = {}
        self.arrays: dict[Node, Array] = {}
        """Of what is always the same, as kernels take it."""

    def leaf(self, node: Node, batched: bool) -> Value:
        """The value of a node that is given."""
        value = self.listing.leaf(sizes_of(node.shape), batched)
        self.operands[node] = value
        return value

    def keep(self, node: Node, array: Array) -> None:
        """The operand of a node whose array is always the same."""
        sizes = sizes_of(node.shape)
        self.arrays[node] = array
        self.operands[node] = (
            self.listing.make("kept", (), sizes, Kept(array.reshape(sizes))) if node.shape else array.item()
        )

    def lower(self, order: Iterable[Node]) -> None:
        """Make the instructions of nodes in topological order; those that have some already stay.

        What follows from what is always the same is computed here.
        """
        for node in order:
            if node in self.operands or node in self.apart:
                continue
            known = node.inputs and node.op != "stretch" and all(i in self.arrays for i in node.inputs)
            if node.op == "constant" or known:
                with np.errstate(all="ignore"):
                    self.keep(node, node.operation.kernel(node.attributes, *(self.arrays[i] for i in node.inputs)))
            else:
                self.operands[node] = _HANDLERS.get(node.op, _of_any)(self, node)

    def whole(self, node: Node) -> Operand:
        """What a node has become, with all its entries; a scalar may be a number that is always the same."""
        operand, sizes = self.operands[node], sizes_of(node.shape)
        if not isinstance(operand, Value):
            return operand if node.shape == SCALAR else self.listing.make("filled", (), sizes, operand)
        if operand.sizes == sizes:
            return operand
        return self.listing.view(self.listing.beside(operand, len(sizes)), "broadcast", sizes)

    def array(self, node: Node) -> Value:
        """The same as a value with the axes of its shape."""
        found = self.whole(node)
        return found if isinstance(found, Value) else self.listing.make("filled", (), sizes_of(node.shape), found)

    def kernel(self, node: Node) -> Value:
        """The operation's kernel, called as it is."""
        operands = tuple(self.whole(i) for i in node.inputs)
        batched = any(isinstance(o, Value) and o.batched for o in operands)
        return self.listing.make("kernel", operands, sizes_of(node.shape), node, batched=batched)


def _of_any(lowering: Lowering, node: Node) -> Operand:
    """Entry by entry, the calls that the kernel makes; else the kernel."""
    operation = node.operation
    if not (operation.entrywise or node.op == "scale") or not node.inputs:
        return lowering.kernel(node)
    recording = recorded(operation.kernel, node.attributes, len(node.inputs))
    if recording is None:
        return lowering.kernel(node)
    return recording.replay(lowering.listing, [lowering.operands[i] for i in node.inputs])


def _filled(value: float) -> Callable[[Lowering, Node], Operand]:
    return lambda lowering, node: value


def _same(lowering: Lowering, node: Node) -> Operand:
    """Another name, a number as an array of one entry and back, or a column as a matrix of one column and back."""
    operand = lowering.operands[node.inputs[0]]
    if not isinstance(operand, Value) or not operand.sizes:
        return operand
    if node.shape == SCALAR:
        return _item(lowering, operand, (0,) * len(operand.sizes))
    before, after = (sizes_of(n.shape) for n in (*node.inputs, node))
    if len(before) > len(after) and len(operand.sizes) > len(after):
        return lowering.listing.view(operand, "block", operand.sizes[:1], ((None, None), 0))
    return lowering.listing.across(operand) if len(before) < len(after) else operand


def _item(lowering: Lowering, value: Value, place: tuple[int, ...]) -> Value:
    """One entry: a number, or with rows a look at them all."""
    if value.batched:
        return lowering.listing.view(value, "block", (), place)
    return lowering.listing.make("item", (value,), (), place)


# -------------------------------------------------------------------------------------- views


def _stretch(lowering: Lowering, node: Node) -> Operand:
    """What is repeated stays as it is, with an axis of length 1 where it is repeated along the last one."""
    [source], operand = node.inputs, lowering.operands[node.inputs[0]]
    is_column = len(source.shape) == 1 and len(node.shape) == 2
    return lowering.listing.across(operand) if is_column and isinstance(operand, Value) and operand.sizes else operand


def _transpose(lowering: Lowering, node: Node) -> Operand:
    operand = lowering.operands[node.inputs[0]]
    if not isinstance(operand, Value) or len(sizes_of(node.shape)) < 2 or not operand.sizes:
        return operand
    if len(operand.sizes) == 1:  # a row repeated becomes a column repeated
        return lowering.listing.across(operand)
    return lowering.listing.transposed(operand)


def _index(lowering: Lowering, node: Node) -> Operand:
    """An entry, or a block as a view."""
    value, sizes = lowering.array(node.inputs[0]), sizes_of(node.shape)
    items = [i if isinstance(i, int) else slice(*i) for i in node.attributes["items"]][-len(value.sizes) :]
    if len(items) < len(value.sizes):
        return lowering.kernel(node)
    spare = sum(isinstance(i, slice) for i in items) - len(sizes)
    for k, item in enumerate(items):  # a block of one row or column has one axis less
        if spare > 0 and isinstance(item, slice) and len(range(*item.indices(value.sizes[k]))) == 1:
            items[k], spare = item.start or 0, spare - 1
    if spare:
        return lowering.kernel(node)
    found = tuple((i.start, i.stop) if isinstance(i, slice) else i for i in items)
    if not sizes:
        return _item(lowering, value, found)  # type: ignore[arg-type]
    return lowering.listing.view(value, "block", sizes, found)


# ----------------------------------------------------------------------------------- products


def _matmul(lowering: Lowering, node: Node) -> Operand:
    """The product of its factors, or of theirs where it takes them apart."""
    factors, from_right = chain(node, lowering.apart)
    first, *rest = (_factor(lowering, f) for f in (reversed(factors) if from_right else factors))
    for k, factor in enumerate(rest, 1):
        left, right = (factor, first) if from_right else (first, factor)
        first = multiplied(lowering.listing, left, right, sizes_of(node.shape) if k == len(rest) else None)
    return first.value


def _factor(lowering: Lowering, factor: Turned) -> Factor:
    node, turned = factor
    rows, columns = (int(s) for s in extent(transposed(node.shape) if turned else node.shape))
    entries = lowering.array(node.inputs[0]) if is_diagonal(node) else None
    return Factor(lowering.array(node), turned, rows, columns, entries)


_HANDLERS: dict[str, Callable[[Lowering, Node], Operand]] = {
    "ones": _filled(1.0), "zeros": _filled(0.0), "copy": _same, "as": _same,
    "stretch": _stretch, "transpose": _transpose, "index": _index, "matmul": _matmul,
}  # fmt: skip


def kernel_of(node: Node, operands: list[Shape], batched: bool) -> Callable[..., Any]:
    """The kernel of a node as a function of numbers and arrays with the axes of `sizes_of`."""
    kernel, attributes, sizes = node.operation.kernel, node.attributes, sizes_of(node.shape)
    raised = [_raised(shape) for shape in operands]

    def call(*given: Any) -> Any:
        found = kernel(attributes, *(up(x) for up, x in zip(raised, given, strict=True)))
        if found.base is not None:  # it may be a look at a buffer that will be written over
            found = found.copy()
        if not batched:
            return found.item() if not sizes else found.reshape(sizes)
        if found.ndim == 2:  # the same in all rows
            found = np.broadcast_to(found, (*_rows(given, operands), *found.shape))
        return found.reshape(found.shape[0], *sizes)

    return call


def fault_of(node: Node) -> Callable[..., bool]:
    """Whether operands, numbers and arrays with the axes of `sizes_of`, are out of a node's domain anywhere."""
    fault, attributes, raised = node.operation.fault, node.attributes, [_raised(i.shape) for i in node.inputs]
    assert fault is not None
    return lambda *given: bool(np.any(fault(attributes, *(up(x) for up, x in zip(raised, given, strict=True)))))


def _rows(given: Iterable[Any], shapes: list[Shape]) -> tuple[int, ...]:
    for x, shape in zip(given, shapes, strict=True):
        array = np.asarray(x)
        if array.ndim > len(sizes_of(shape)):
            return array.shape[:1]
    return ()


def _raised(shape: Shape) -> Callable[[Any], Any]:
    """From the axes of `sizes_of` to the two axes that kernels take."""
    if not shape:
        return lambda x: np.full((1, 1), x) if isinstance(x, float) else x[:, None, None]
    if len(sizes_of(shape)) == 2:
        return lambda x: x
    return (lambda x: x[..., None, :]) if is_row(shape) else (lambda x: x[..., None])
