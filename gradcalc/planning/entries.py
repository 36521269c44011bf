"""Literals in brackets, and entries of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradcalc import syntax
from gradcalc.errors import Label
from gradcalc.graph import SCALAR, Node, ShapeError
from gradcalc.planning.making import UNKNOWN, Handler, Scope, Unknown, Value, is_place, shape_labels
from gradcalc.symbols import excerpt

if TYPE_CHECKING:
    from gradcalc.planning.expressions import Builder


def matrix(builder: Builder, e: syntax.Matrix, scope: Scope) -> Handler:
    """The value of `[a, b]`, a column, and of `[a, b; c, d]` or `[[a, b], [c, d]]`, a matrix."""
    rows: Sequence[Sequence[syntax.Expression]] = e.rows
    if len(rows) == 1 and rows[0] and all(isinstance(entry, syntax.Matrix) for entry in rows[0]):
        inner = [entry for entry in rows[0] if isinstance(entry, syntax.Matrix)]
        if all(len(entry.rows) <= 1 for entry in inner):
            rows = [entry.rows[0] if entry.rows else () for entry in inner]
            return (yield from _table(builder, e, rows, (len(rows), len(rows[0])), scope))
    if len(rows) == 1:
        return (yield from _table(builder, e, rows, (len(rows[0]), 1), scope))
    return (yield from _table(builder, e, rows, (len(rows), len(rows[0]) if rows else 1), scope))


def _table(builder: Builder, e: syntax.Matrix, rows: Sequence[Sequence[syntax.Expression]], size: tuple[int, int],
           scope: Scope) -> Handler:  # fmt: skip
    odd = next((number for number, row in enumerate(rows) if len(row) != len(rows[0])), None)
    if odd is not None:
        labels = tuple(
            Label(row[0].span.to(row[-1].span), f"{len(row)} entr{'y' if len(row) == 1 else 'ies'}")
            for row in (rows[0], rows[odd]) if row)  # fmt: skip
        return builder.fault("bad-literal", "the rows of this matrix have different lengths", e.span, labels=labels,
                             rule="the rows of a matrix have the same number of entries",
                             remedy=f"give row {odd + 1} as many entries as row 1")  # fmt: skip
    entries = []
    for row in rows:
        for entry in row:
            entries.append((yield (entry, scope)))
            if isinstance(entries[-1], Node) and entries[-1].shape != SCALAR:
                return builder.fault(
                    "bad-literal", f"`{excerpt(entry.span)}` stands as an entry and is not a scalar", entry.span,
                    labels=shape_labels([entry.span], entries[-1:]), rule="the entries of a literal are scalars",
                    remedy="put blocks together with `concat(a, b)`")  # fmt: skip
    nodes = builder.known(*entries)
    return UNKNOWN if nodes is None else builder.make("table", *nodes, span=e.span, extent=size)


def index(builder: Builder, e: syntax.Index, scope: Scope) -> Handler:
    """The value of `x[0]`, `E[3, :]`, `x[1:3]`."""
    operand: Value = yield (e.operand, scope)
    items: list[int | tuple[int | None, ...] | None] = []
    for item in e.items:
        bounds = (item.start, item.stop) if isinstance(item, syntax.Range) else (item,)
        places: list[int | None] = []
        for bound in bounds:
            value = None if bound is None else (yield (bound, scope))
            if isinstance(value, Unknown):
                return value
            if bound is not None and not is_place(value):
                return _no_index(builder, e, bound, operand)
            places.append(None if value is None else int(value.exact))
        items.append(tuple(places) if isinstance(item, syntax.Range) else places[0])
    nodes = builder.known(operand)
    if nodes is None:
        return UNKNOWN
    try:
        return builder.note(builder.graph.make("index", nodes[0], items=tuple(items)), e.span)
    except ShapeError as error:
        return builder.fault(
            "bad-index", f"`{excerpt(e.span)}` is " + ("outside" if "outside" in error.rule else "no entry of")
            + f" `{excerpt(e.operand.span)}`", e.span,
            labels=shape_labels([e.operand.span], nodes), rule=error.rule,
            remedy=error.remedy + _as_factor(e))  # fmt: skip


def _as_factor(e: syntax.Index) -> str:
    """What multiplies instead, where a bracket after a transpose may be meant as a vector."""
    if not isinstance(e.operand, syntax.Transpose) or any(isinstance(item, syntax.Range) for item in e.items):
        return ""
    bracket = e.span.text[e.operand.span.end - e.span.start :]
    return f"; `{excerpt(e.operand.span, 24)} * {' '.join(bracket.split())}` multiplies"


def _no_index(builder: Builder, e: syntax.Index, bound: syntax.Expression, operand: Value) -> Value:
    remedy = "write the number itself, as in `x[0]`"
    if isinstance(bound, syntax.Negative) and isinstance(operand, Node) and len(operand.shape) == 1:
        size = operand.shape[0]
        remedy = f"the last index is {size - 1}" if isinstance(size, int) else "count from the first entry"
    return builder.fault("bad-index", f"`{excerpt(bound.span)}` is no index", bound.span,
                         rule="indices are whole numbers from 0, written out",
                         remedy=remedy + _as_factor(e))  # fmt: skip
