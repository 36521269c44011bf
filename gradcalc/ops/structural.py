"""Leaves, and operations that move entries about without computing with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import (
    SCALAR,
    Graph,
    Node,
    Operation,
    Shape,
    ShapeError,
    Size,
    extent,
    is_row,
    joint_size,
    of_extent,
    register,
    transposed,
)
from gradcalc.maps import WHOLE, Embed, LinearMap, Named, Select, identity, stretched, transposed_map
from gradcalc.notation import Level, Piece, Style, applied, call, format_size, sizes
from gradcalc.notation import transposed as show_transposed
from gradcalc.ops.table import Function, declare, size_of, whole

Array = np.ndarray[Any, Any]


def _leaf(name: str, kernel: Any, notation: Any) -> Operation:
    def shape(shapes: Sequence[Shape], attributes: Any) -> Shape:
        raise AssertionError(f"{name} is made with its shape")

    return register(Operation(name, shape, kernel, lambda node, i: None, notation))


def _numbers(size: Any) -> int:
    if not isinstance(size, int):
        raise ShapeError(f"the size {size} has no number yet")
    return size


def _show_constant(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    text = node.attributes["text"]
    return Piece(style.name(text), Level.ATOM) if text.isidentifier() else style.number(text)


def _show_shape(name: str) -> Any:
    return lambda node, pieces, style: sizes(name, node.shape, style)


def _filled(value: float) -> Any:
    return lambda a, *x: np.full([_numbers(s) for s in extent(a["to"])], value)


_leaf("input", None, lambda node, pieces, style: Piece(style.name(node.attributes["name"]), Level.ATOM))
_leaf("symbol", None, lambda node, pieces, style: Piece(style.name(node.attributes["name"]), Level.ATOM))
_leaf("partial", None, lambda node, pieces, style: Piece(
    style.derivative(*(style.name(node.attributes[k]) for k in ("of", "by"))), Level.POWER))  # fmt: skip
_leaf("constant", lambda a: np.full((1, 1), a["value"]), _show_constant)


def _shape_from_attribute(shapes: Sequence[Shape], a: Any) -> Shape:
    return tuple(a["to"])


def _generator(name: str, value: float) -> None:
    def build(graph: Graph, arguments: Sequence[Node], axis: int | None) -> Node:
        shape = tuple(size_of(n, f"a size in {name}(...)") for n in arguments)
        return graph.make(name, to=shape if len(shape) != 2 else of_extent(*shape))

    declare(
        Function(name, build, f"an array of {name}: {name}(3) is a column, {name}(2, 3) a matrix",
                 "0 (it has no input)", f"{name}(2, 3)", 1, 2),
        Operation(name, _shape_from_attribute, _filled(value), lambda node, i: None, _show_shape(name)),
    )  # fmt: skip


_generator("ones", 1.0)
_generator("zeros", 0.0)

declare(
    Function("eye", lambda g, x, axis: al.eye(g, size_of(x[0], "the size of eye(...)")),
             "the identity matrix; `I` where its size follows from the other operand", "0 (it has no input)",
             "eye(3)"),
    Operation("eye", lambda shapes, a: (a["size"], a["size"]), lambda a: np.eye(_numbers(a["size"])),
              lambda node, i: None, lambda node, p, style: style.identity(node.attributes["size"])),
)  # fmt: skip


def _onehot(graph: Graph, x: Sequence[Node], axis: int | None) -> Node:
    place, size = whole(x[0], "the place in onehot(...)"), size_of(x[1], "the size in onehot(...)")
    if isinstance(size, int) and place >= size:
        remedy = f"write at most {size - 1}, or a size of at least {place + 1}"
        raise ShapeError(f"the place {place} is outside 0 to {size - 1}: places count from 0", remedy)
    return graph.make("onehot", place=place, size=size)


def _onehot_kernel(a: Any) -> Array:
    out = np.zeros((a["size"], 1))
    out[a["place"], 0] = 1.0
    return out


declare(
    Function("onehot", _onehot, "onehot(k, n): a column of n zeros with a 1 at place k, counted from 0",
             "0 (it has no input)", "onehot(1, 3)", 2, 2),
    Operation("onehot", lambda shapes, a: (a["size"],), _onehot_kernel, lambda node, i: None,
              lambda node, p, style: sizes("onehot", (node.attributes["place"], node.attributes["size"]), style)),
)  # fmt: skip

# ------------------------------------------------------------------ same entries, other shape


def _show_as(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    """The entry of a 1 × 1 value, and a literal around it, so that it is read with the shape that it has."""
    source, target = node.inputs[0].shape, node.shape
    if extent(target) != (1, 1):
        return Piece(f"{style.enclose(pieces[0], Level.ATOM)}[:, 0]", Level.ATOM) if len(target) == 1 else pieces[0]
    entry = pieces[0].text
    if source:
        entry = f"{style.enclose(pieces[0], Level.ATOM)}[{', '.join('0' * len(source))}]"
    return Piece("[" * len(target) + entry + "]" * len(target), Level.ATOM)


register(Operation(
    "as", _shape_from_attribute, lambda a, x: x, lambda node, i: Named(node.inputs[0].shape, node.shape, "as", "as",
    (("to", node.shape),), (("to", node.inputs[0].shape),)), _show_as, analytic=True,
    rule="the same number in another shape",
))  # fmt: skip

register(Operation(
    "copy", lambda shapes, a: shapes[0], lambda a, x: x, lambda node, i: identity(node.shape),
    lambda node, pieces, style: pieces[0], "passes on", analytic=True, rule="another name for the same value",
))  # fmt: skip


def _show_stretch(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    """A stretch is a product with ones."""
    source, inner = node.inputs[0], pieces[0]
    rows, columns = extent(node.shape)
    if source.shape == SCALAR:
        return style.juxtaposed(inner, sizes("ones", node.shape, style))
    if is_row(source.shape):
        return style.juxtaposed(sizes("ones", (rows,), style), inner)
    row = Piece(style.transposed(sizes("ones", (columns,), style).text), Level.ATOM)
    return style.juxtaposed(inner, row)


def _stretch_kernel(a: Any, x: Array) -> Array:
    return np.broadcast_to(x, (*x.shape[:-2], *(_numbers(s) for s in extent(a["to"]))))


register(Operation(
    "stretch", _shape_from_attribute, _stretch_kernel,
    lambda node, i: stretched(node, node.inputs[0].shape), _show_stretch, "fans out", analytic=True,
    rule="a value that is repeated: its gradient sums over the copies",
))  # fmt: skip


def _show_transpose(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    return show_transposed(pieces[0], style)


declare(
    Function("transpose", lambda g, x, axis: al.transpose(x[0]), "the transpose, as x^T", "transpose(dX)",
             "transpose([1, 2])"),
    Operation("transpose", lambda shapes, a: transposed(shapes[0]), lambda a, x: np.swapaxes(x, -1, -2),
              lambda node, i: transposed_map(node.inputs[0].shape), _show_transpose, "transposes",
              analytic=True),
)  # fmt: skip


def _vec_kernel(a: Any, x: Array) -> Array:
    return np.swapaxes(x, -1, -2).reshape(*x.shape[:-2], x.shape[-1] * x.shape[-2], 1)


def _vec_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    return (joint_size(*extent(shapes[0])),)


def _vec_map(node: Node, i: int) -> LinearMap:
    source = node.inputs[0].shape
    return Named(source, node.shape, "vec", "unvec", (), (("to", source),))


def _unvec_map(node: Node, i: int) -> LinearMap:
    return Named(node.inputs[0].shape, node.shape, "unvec", "vec", (("to", node.shape),), ())


def _unvec_kernel(a: Any, x: Array) -> Array:
    rows, columns = (_numbers(s) for s in extent(a["to"]))
    return np.swapaxes(x.reshape(*x.shape[:-2], columns, rows), -1, -2)


def _unvec_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    if _vec_shape([tuple(a["to"])], a) != shapes[0]:
        raise ShapeError("unvec(v, m, n) needs a column of m n entries")
    return tuple(a["to"])


def _show_unvec(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    shown = [pieces[0].text, *(format_size(s) for s in extent(node.shape))]
    return applied(style.function("unvec"), shown, style)


declare(
    Function("vec", lambda g, x, axis: g.make("vec", x[0]), "the columns of a matrix, one under the other",
             "vec(dX)", "vec([[1, 2], [3, 4]])"),
    Operation("vec", _vec_shape, _vec_kernel, _vec_map, call("vec"), "reshapes", analytic=True),
)  # fmt: skip
declare(
    Function("unvec", lambda g, x, axis: g.make("unvec", x[0], to=of_extent(
                 size_of(x[1], "a size in unvec(...)"), size_of(x[2], "a size in unvec(...)"))),
             "unvec(v, m, n): a column taken as the columns of an m × n matrix", "unvec(dv, m, n)",
             "unvec([1, 2, 3, 4], 2, 2)", 3, 3),
    Operation("unvec", _unvec_shape, _unvec_kernel, _unvec_map, _show_unvec, "reshapes", analytic=True),
)  # fmt: skip

# ----------------------------------------------------------------------------- entries and blocks


def _resolved(items: tuple[Any, ...], shape: Shape) -> tuple[tuple[int, int, bool], ...]:
    """Start, stop and "is a single place" of each index; raises ShapeError outside the array."""
    if not shape:
        raise ShapeError("a scalar has no entries", "leave the index out")
    if len(items) != len(shape) and not (len(items) == 1 and is_row(shape)):
        raise ShapeError(
            f"{len(items)} ind{'ex' if len(items) == 1 else 'ices'} for {len(shape)} "
            f"dimension{'s' * (len(shape) != 1)}",
            "write `x[i]` for a vector, `A[i, j]`, `A[i, :]` or `A[:, j]` for a matrix",
        )
    return tuple(_bounds(item, size) for item, size in zip(items, shape[-len(items) :], strict=True))


def _bounds(item: Any, size: Size) -> tuple[int, int, bool]:
    """Start, stop and "is a single place" of one index; a symbol is taken to be large enough."""
    single = isinstance(item, int)
    start = item if single else (item[0] or 0)
    stop = start + 1 if single else (_numbers(size) if item[1] is None else item[1])
    if isinstance(size, int) and (start > size or stop > size):
        outside = f"index {start} is outside 0 to {size - 1}" if single else f"{start}:{stop} is outside 0:{size}"
        raise ShapeError(outside if size else "there are no entries", "indices count from 0")
    if start > stop:
        raise ShapeError(f"{start}:{stop} ends before it starts", "write the smaller index first")
    return start, stop, single


def _index_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    shape = shapes[0]
    found = _resolved(a["items"], shape)
    lengths = [stop - start for start, stop, _ in found]
    single = [s for *_, s in found]
    if all(single):
        return SCALAR
    if len(shape) == 1:
        return (lengths[0],)
    if len(found) == 1:
        return (1, lengths[0])
    if single[1]:
        return (lengths[0],)
    return (lengths[0], lengths[1])


def _slices(items: tuple[Any, ...], shape: Shape) -> tuple[slice, slice]:
    found = [slice(start, stop) for start, stop, _ in _resolved(items, shape)]
    if len(found) == 2:
        return found[0], found[1]
    return (slice(None), found[0]) if is_row(shape) else (found[0], slice(None))


def _index_kernel(a: Any, x: Array) -> Array:
    rows, columns = x.shape[-2:]
    shape: Shape = (rows, columns) if len(a["items"]) == 2 else (rows,) if columns == 1 else (1, columns)
    return x[(..., *_slices(a["items"], shape))]


def _place_kernel(a: Any, x: Array) -> Array:
    out = np.zeros((*x.shape[:-2], *(_numbers(s) for s in extent(a["to"]))))
    out[(..., *_slices(a["items"], a["to"]))] = x
    return out


def _show_index(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    def one(item: Any) -> str:
        if isinstance(item, int):
            return str(item)
        return ":".join("" if bound is None else str(bound) for bound in item)

    inside = ", ".join(one(i) for i in node.attributes["items"])
    return Piece(f"{style.enclose(pieces[0], Level.ATOM)}[{inside}]", Level.ATOM)


def _show_place(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    """A product with onehot columns for single places; zeros around a block."""
    shape, piece = node.shape, pieces[0]
    found = _resolved(node.attributes["items"], shape)
    if len(found) == 1:
        return _padded(piece, found[0], shape, len(shape) - 1, style)
    (first, last, one_row), (*_, one_column) = found
    rows, columns = shape
    if one_row and not one_column:
        block = _padded(piece, found[1], (1, columns), 1, style)
        return style.juxtaposed(sizes("onehot", (first, rows), style), block)
    if one_column:
        return _padded(_padded(piece, found[0], (rows,), 0, style), found[1], shape, 1, style)
    wide = _padded(piece, found[1], (last - first, columns), 1, style)
    return _padded(wide, found[0], shape, 0, style)


def _padded(piece: Piece, found: tuple[int, int, bool], shape: Shape, axis: int, style: Style) -> Piece:
    """What fills the shape once there are zeros before and behind it along the axis."""
    start, stop, single = found
    size: Any = shape[axis]
    if single:
        unit = sizes("onehot", (start, size), style)
        unit = Piece(style.transposed(unit.text), Level.ATOM) if axis else unit
        return unit if piece.text == "1" else style.juxtaposed(piece, unit)
    if (start, stop) == (0, size):
        return piece

    def gap(length: int) -> list[str]:
        around = (*shape[:axis], length, *shape[axis + 1 :])
        return [sizes("zeros", around, style).text] if length else []

    blocks = [*gap(start), piece.text, *gap(size - stop)]
    return applied(style.function("concat"), [*blocks, "axis=1"] if axis else blocks, style)


def _index_map(node: Node, i: int) -> LinearMap:
    return Select(node.inputs[0].shape, node.shape, node.attributes["items"])


def _place_map(node: Node, i: int) -> LinearMap:
    return Embed(node.inputs[0].shape, node.shape, node.attributes["items"])


register(Operation("index", _index_shape, _index_kernel, _index_map, _show_index, "picks out", analytic=True,
                   rule="an entry picks out the change of that entry"))  # fmt: skip


def _place_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    """What is around a block has sizes in numbers."""
    for (_, stop, single), size in zip(_resolved(a["items"], a["to"]), a["to"][-len(a["items"]) :], strict=True):
        if not single and isinstance(size, str):
            raise ShapeError(f"the block ends at {stop} of {size}, which has no number yet")
    return tuple(a["to"])


register(Operation("place", _place_shape, _place_kernel, _place_map, _show_place, "puts in place",
                   rule="a change is put in its place"))  # fmt: skip

# ----------------------------------------------------------------------------- stacking


def _concat_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    axis = a["axis"] or 0
    extents = [extent(s) for s in shapes]
    across = {e[1 - axis] for e in extents}
    if len(across) > 1:
        raise ShapeError(f"blocks {'beside' if axis else 'above'} one another need the same number of "
                         f"{'rows' if axis else 'columns'}")  # fmt: skip
    along = sum(_numbers(e[axis]) for e in extents)
    other = across.pop()
    return (other, along) if axis else of_extent(along, other) if along != 1 or other != 1 else (1,)


def _block_items(node: Node, i: int) -> tuple[object, ...]:
    axis = node.attributes["axis"] or 0
    before = sum(_numbers(extent(n.shape)[axis]) for n in node.inputs[:i])
    block = (before, before + _numbers(extent(node.inputs[i].shape)[axis]))
    if len(node.shape) == 1:
        return (block,)
    return (WHOLE, block) if axis else (block, WHOLE)


declare(
    Function("concat", lambda g, x, axis: g.make("concat", *x, axis=axis),
             "blocks one under the other, or with axis=1 side by side", "the blocks of dY", "concat([1, 2], [3])",
             1, None, reduces=True, aliases=("stack",)),
    Operation("concat", _concat_shape, lambda a, *x: _concatenate(x, -1 if a["axis"] else -2),
              lambda node, i: Embed(node.inputs[i].shape, node.shape, _block_items(node, i)),
              call("concat"), "splits", analytic=True),
)  # fmt: skip


def _concatenate(arrays: Sequence[Array], axis: int) -> Array:
    lead = np.broadcast_shapes(*(x.shape[:-2] for x in arrays))
    return np.concatenate([np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in arrays], axis)


def _table_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    if any(s != SCALAR for s in shapes):
        raise ShapeError("the entries of a literal are scalars", "to put blocks together write concat(a, b)")
    rows, columns = a["extent"]
    return (rows,) if columns == 1 else (rows, columns)


def _table_kernel(a: Any, *x: Array) -> Array:
    rows, columns = a["extent"]
    joined = _concatenate(x, -1) if x else np.zeros((1, 0))
    return joined.reshape(*joined.shape[:-2], rows, columns)


def _table_items(node: Node, i: int) -> tuple[object, ...]:
    row, column = divmod(i, node.attributes["extent"][1])
    return (row,) if len(node.shape) == 1 else (row, column)


def _show_table(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    columns = node.attributes["extent"][1]
    texts = [p.text for p in pieces]
    if len(node.shape) == 1:
        return Piece(f"[{', '.join(texts)}]", Level.ATOM)
    rows = (f"[{', '.join(texts[k * columns : (k + 1) * columns])}]" for k in range(node.attributes["extent"][0]))
    return Piece(f"[{', '.join(rows)}]", Level.ATOM)


register(Operation(
    "table", _table_shape, _table_kernel,
    lambda node, i: Embed(SCALAR, node.shape, _table_items(node, i)), _show_table, "splits", analytic=True,
    rule="each entry has its own change",
))  # fmt: skip

# ----------------------------------------------------------------------------- diagonals


def _diag_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    shape = shapes[0]
    if len(shape) == 1:
        return (shape[0], shape[0])
    if len(shape) == 2 and shape[0] == shape[1]:
        return shape[:1]
    raise ShapeError("diag takes a vector or a square matrix")


def _diag_kernel(a: Any, x: Array) -> Array:
    if a["extract"]:
        return np.asarray(np.einsum("...ii->...i", x)[..., None].copy())
    return x * np.eye(x.shape[-2])


def _diag_map(node: Node, i: int) -> LinearMap:
    source = node.inputs[0].shape
    extract = node.attributes["extract"]
    return Named(source, node.shape, "diag", "diag", (("extract", extract),), (("extract", not extract),))


def _diag(graph: Graph, x: Sequence[Node], axis: int | None) -> Node:
    row = is_row(x[0].shape)
    return graph.make("diag", al.transpose(x[0]) if row else x[0], extract=len(x[0].shape) == 2 and not row)


declare(
    Function("diag", _diag, "a vector on the diagonal of a matrix; the diagonal of a square matrix", "diag(dX)",
             "diag([1, 2])"),
    Operation("diag", _diag_shape, _diag_kernel, _diag_map, call("diag"), "reshapes", analytic=True),
)  # fmt: skip
