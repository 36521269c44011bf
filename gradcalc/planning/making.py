"""Nodes with their places: what the handlers of expressions, products and calls make them with.

A fault is noted and its value becomes `UNKNOWN`, which everything passes on in silence: one mistake, one
message. An identity `I` stays open until what stands beside it says its size.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gradcalc import algebra as al
from gradcalc import syntax
from gradcalc.errors import Diagnostic, GradcalcError, Label, Limits, Span
from gradcalc.graph import (
    SCALAR,
    SELECTIVE,
    Graph,
    Node,
    Shape,
    ShapeError,
    count,
    extent,
    is_row,
    joint_size,
    size_over,
    transposed,
)
from gradcalc.suggest import shown_shape
from gradcalc.symbols import excerpt


class Unknown:
    """The value of what could not be planned."""


UNKNOWN = Unknown()


class Identity(Struct, frozen=True, eq=False):
    """`c I`, or `c A ⊗ I` and `c I ⊗ A`, with the size still open: it follows from the other operand."""

    span: Span
    factor: Node | None = None
    left: Node | None = None
    right: Node | None = None

    @property
    def plain(self) -> bool:
        """Whether no Kronecker product is in it."""
        return self.left is self.right is None

    def times(self, factor: Node) -> Identity:
        """With one more scalar factor."""
        return replace(self, factor=factor if self.factor is None else al.multiply(factor, self.factor))


Value = Node | Unknown | Identity


def _square(shape: Shape) -> Shape:
    """What an identity beside a row or a column is: they stretch to a square."""
    if len(shape) == 1 or is_row(shape):
        return (shape[-1], shape[-1])
    return shape


class Scope(Struct, frozen=True, eq=False):
    """Parameters of the function being expanded, and whether it acts entry by entry."""

    values: Mapping[str, Value] = {}
    entrywise: bool = False


TOP = Scope()
Request = tuple[syntax.Expression, Scope] | tuple[str, Span]
Handler = Generator[Request, Any, Value]

_SQUARE = ("inv", "det", "logdet", "solve", "adj", "adj_change")


def is_number(value: Any) -> bool:
    """Whether it is a constant scalar."""
    return isinstance(value, Node) and value.op == "constant"


def is_place(value: Any) -> bool:
    """Whether it is a whole constant from 0."""
    number = value.exact if isinstance(value, Node) else None
    return number is not None and number.denominator == 1 and number >= 0


def shape_labels(spans: Sequence[Span], nodes: Sequence[Node]) -> tuple[Label, ...]:
    """Each operand with its shape."""
    return tuple(Label(s, shown_shape(n.shape)) for s, n in zip(spans, nodes, strict=True))


def _breadth(shape: Shape) -> tuple[int, int]:
    """Orders shapes by what stretches to what: a scalar, a row or column, a matrix."""
    return 0 if not shape else 1 if len(shape) == 1 or is_row(shape) else 2, count(shape)


def _stretches(shape: Shape, target: Shape) -> bool:
    """Whether a value goes with one of the target shape."""
    if shape in (SCALAR, target):
        return True
    if len(target) != 2 or is_row(target):
        return False
    return shape == (target[0],) if len(shape) == 1 else is_row(shape) and shape[1] == target[1]


@dataclass
class Maker:
    """Makes nodes in one graph, notes where each was written, and collects faults and warnings."""

    graph: Graph
    limits: Limits
    faults: list[Diagnostic] = field(default_factory=list, kw_only=True)
    warnings: list[Diagnostic] = field(default_factory=list, kw_only=True)
    spans: dict[Node, Span] = field(default_factory=dict, kw_only=True)
    entries: int = field(default=0, kw_only=True)

    def fault(self, code: str, message: str, span: Span, *, rule: str = "", remedy: str = "",
              labels: tuple[Label, ...] = ()) -> Unknown:  # fmt: skip
        """Note a fault; its value is unknown."""
        self.faults.append(Diagnostic(code, message, span, labels or (Label(span),), rule, remedy))
        return UNKNOWN

    def make(self, op: str, *inputs: Node, span: Span, **attributes: Any) -> Value:
        """A node, or a fault at `span` if the operands do not fit."""
        try:
            return self.note(self.graph.make(op, *inputs, **attributes), span)
        except ShapeError as error:
            labels = (Label(span, " and ".join(shown_shape(i.shape) for i in inputs)),)
            return self.fault("shape-mismatch", f"`{excerpt(span)}` does not fit", span, rule=error.rule,
                              remedy=error.remedy, labels=labels)  # fmt: skip

    def note(self, node: Node, span: Span) -> Node:
        """Keep the place where a node was first written; refuse what is too large."""
        limits = self.limits
        if len(self.graph) > 3 * limits.nodes:
            self._refuse("nodes", f"more than {3 * limits.nodes:,} nodes follow from the equations",
                         f"with derivatives it is three times {limits.nodes:,}", "shorten the file", span)  # fmt: skip
        if count(node.shape) > limits.entries:
            self._refuse("entries", f"`{excerpt(span)}` has {count(node.shape):,} entries",
                         f"an array has at most {limits.entries:,}", "use smaller arrays", span)  # fmt: skip
        if node.op in _SQUARE and isinstance(side := extent(node.inputs[0].shape)[0], int) and side > limits.side:
            self._refuse("side", f"the matrix in `{excerpt(span)}` has {side:,} rows",
                         f"inverses, determinants and systems of equations go up to {limits.side:,}",
                         "use a smaller matrix", span)  # fmt: skip
        if node.op in SELECTIVE and len(node.inputs) ** 2 > limits.nodes:
            self._refuse("nodes", f"`{excerpt(span)}` compares {len(node.inputs):,} operands, each with each",
                         f"the limit is {limits.nodes:,} nodes", "give the operands as one vector in brackets",
                         span)  # fmt: skip
        if node not in self.spans:
            self.spans[node] = span
            self.entries += count(node.shape)
            if self.entries > limits.together:
                self._refuse("entries", f"the values up to `{excerpt(span)}` have {self.entries:,} entries together",
                             f"all arrays of a run have at most {limits.together:,}, ten times what one may have",
                             "use fewer, or smaller ones", span)  # fmt: skip
        return node

    @staticmethod
    def _refuse(limit: str, message: str, rule: str, remedy: str, span: Span) -> None:
        raise GradcalcError(Diagnostic(f"limit-{limit}", message, span, (Label(span),), rule,
                                       f"{remedy}, or raise the limit with --limit {limit}=N"))  # fmt: skip

    # ---------------------------------------------------------------------- stretching

    def spread(self, nodes: Sequence[Node], spans: Sequence[Span], span: Span, what: str) -> list[Node] | Unknown:
        """Operands stretched to their common shape: scalars to anything, rows and columns to a matrix."""
        widest, place = max(((n.shape, s) for n, s in zip(nodes, spans, strict=True)), key=lambda p: _breadth(p[0]))
        stretched = []
        for node, own in zip(nodes, spans, strict=True):
            if not _stretches(node.shape, widest):
                return self._misfit(what, span, (node.shape, own), (widest, place))
            fitted = node if node.shape == widest else self.graph.make("stretch", node, to=widest)
            stretched.append(self.note(fitted, own))
        return stretched

    def _misfit(self, what: str, span: Span, operand: tuple[Shape, Span], widest: tuple[Shape, Span]) -> Unknown:
        (a, first), (b, second) = sorted((operand, widest), key=lambda p: p[1].start)
        x, y = excerpt(first, 24), excerpt(second, 24)
        rule = "both must have the same shape; a scalar goes with everything"
        remedy = f"give `{y}` the shape {shown_shape(a)}, or `{x}` the shape {shown_shape(b)}"
        if len(a) == len(b) == 1:
            remedy = f"give `{y}` {a[0]} entries, or `{x}` {b[0]}"
        elif (len(a) == 1 and is_row(b)) or (is_row(a) and len(b) == 1):
            row, length = (second, (b, a)) if is_row(b) else (first, (a, b))
            rule = "a column and a row are not stretched against one another"
            remedy = f"write `{_transposed(row)}` for a column" if transposed(length[0]) == length[1] else (
                "for every pair of entries write the outer product `u v^T`")  # fmt: skip
        elif 2 in (len(a), len(b)):
            rule = "both must have the same shape; a row or a column goes with a matrix of its length"
            remedy = _for_matrix((a, first), (b, second)) or remedy
        return self.fault("shape-mismatch", f"{what} `{excerpt(span)}` does not fit", first, rule=rule, remedy=remedy,
                          labels=(Label(first, shown_shape(a)), Label(second, shown_shape(b))))  # fmt: skip

    # ------------------------------------------------------------------- the identity I

    def open_identity(self, value: Identity) -> Unknown:
        """The fault of an identity whose size nothing says."""
        return self.fault("unknown-size", "the size of `I` does not follow from what stands beside it", value.span,
                          remedy="write `eye(n)` with the size, as in `eye(3)`")  # fmt: skip

    def size_identity(self, value: Identity, shape: Shape) -> Node | None:
        """An open identity in the shape that it is compared or added to, or None if it cannot have it."""
        rows, columns = extent(shape)
        known = value.left or value.right
        p, q = extent(known.shape) if known is not None else (1, 1)
        size = size_over(rows, p)
        if size is None or joint_size(q, size) != columns:
            return None
        node = al.ones(self.graph, SCALAR) if size == 1 and known is None and not shape else al.eye(self.graph, size)
        if known is not None:
            node = self.graph.make("kron", *((known, node) if value.left is not None else (node, known)))
        return node if value.factor is None else al.scale(value.factor, node)

    def sized(self, values: Sequence[Value]) -> list[Node] | None:
        """Operands of one shape, open identities sized by the others; None if one is unknown."""
        if any(isinstance(v, Unknown) for v in values):
            return None
        shapes = [_square(v.shape) for v in values if isinstance(v, Node) and v.shape != SCALAR]
        shapes.sort(key=lambda s: s[0] != s[1])
        out: list[Node] = []
        for value in values:
            found = self.size_identity(value, shapes[0]) if isinstance(value, Identity) and shapes else value
            if isinstance(found, Node):
                out.append(found)
            else:
                assert isinstance(value, Identity)
                self.open_identity(value)
                return None
        return out

    def known(self, *values: Value) -> list[Node] | None:
        """The values as nodes; None if one is unknown or an open identity (a fault)."""
        nodes = []
        for value in values:
            if isinstance(value, Identity):
                self.open_identity(value)
                return None
            if isinstance(value, Node):
                nodes.append(value)
        return nodes if len(nodes) == len(values) else None


def _for_matrix(*operands: tuple[Shape, Span]) -> str:
    """What to do about a row or a column that does not go with a matrix; "" where there are two matrices."""
    (small, span), (large, _) = sorted(operands, key=lambda p: _breadth(p[0]))
    if len(small) == 2 and not is_row(small):
        return ""
    across, along = extent(large) if is_row(small) else extent(large)[::-1]
    length = count(small)
    if length == across:
        return f"write `{_transposed(span)}` to stretch it over every {'column' if is_row(small) else 'row'}"
    return f"give `{excerpt(span, 24)}` {along} entries"


def _transposed(span: Span) -> str:
    """What to write for the transpose of a place."""
    text = excerpt(span, 24)
    if text.endswith("^T"):
        return text[:-2]
    return f"{text}^T" if text[-1:].isalnum() or text[-1:] in ")]" else f"({text})^T"
