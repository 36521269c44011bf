"""One run as data: the records that tables, JSON, Markdown, CSV and LaTeX show, made once by `gradcalc.runner`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from gradcalc.closed_form import Form
from gradcalc.errors import Diagnostic
from gradcalc.graph import Shape

if TYPE_CHECKING:
    from gradcalc.checking.claims import ClaimResult

Array = np.ndarray[Any, Any]
Number = float | Array


class NodeRow(Struct, frozen=True, eq=False):
    """A value of the forward pass."""

    name: str
    op: str
    equation: Form
    inputs: list[str]
    shape: Shape
    value: Number
    habit: str
    uses: int
    labels: tuple[str, ...] = ()


class Local(Struct, frozen=True, eq=False):
    """A local gradient: its rule, its kind, the arrays that it consists of, and densely where asked for."""

    rule: Form
    kind: str
    parts: dict[str, Number]
    value: Number | None = None


class EdgeRow(Struct, frozen=True, eq=False):
    """One edge of the backward pass."""

    node: str
    input: str
    argument: int
    upstream: Number
    local: Local
    downstream: Number


class Branch(Struct, frozen=True, eq=False):
    """What comes to a value through one of its uses."""

    through: str
    value: Number


class Gradient(Struct, frozen=True, eq=False):
    """The gradient of the target by a value, or its Jacobian; `short` writes shared parts as δ."""

    name: str
    shape: Shape
    value: Number
    rule: Form | None
    short: Form | None
    branches: list[Branch]
    connected: bool
    labels: tuple[str, ...] = ()


class DeltaRow(Struct, frozen=True, eq=False):
    """A δ: the shared adjoint of a value."""

    name: str
    of: str
    rule: Form | None
    value: Number
    used_by: list[str]


class Reuse(Struct, frozen=True):
    """Multiplications of the backward pass, all gradients at once and one at a time."""

    together: int
    apart: int
    shared: tuple[tuple[str, tuple[str, ...]], ...]


class Flag(Struct, frozen=True):
    """Something about one value that a reader must know: a kink, an infinite or undefined derivative."""

    code: str
    node: str
    rule: str
    places: tuple[tuple[int, ...], ...]
    message: str


@dataclass(eq=False)
class Run:
    """What a run shows. Values have the shapes of the JSON: a float, or an array of rank 1 or 2.

    `kind` is "gradient" for a scalar target, "jacobian" for another, and "vjp" where an upstream gradient was
    given: then what is shown is the gradient of ⟨v, target⟩, and `upstream` is what v is called. `assumed` is what
    of the data the closed forms use. With `rows` it is so many runs that differ in their numbers alone, and every
    number has an axis of rows in front.
    """

    source: str
    layout: str
    of: str
    value: Number
    kind: str
    nodes: dict[str, NodeRow] = field(default_factory=dict)
    edges: list[EdgeRow] = field(default_factory=list)
    gradients: dict[str, Gradient] = field(default_factory=dict)
    deltas: list[DeltaRow] = field(default_factory=list)
    reuse: Reuse | None = None
    claims: list[ClaimResult] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    upstream: str = ""
    rows: int | None = None

    @property
    def failed(self) -> bool:
        """Whether a claim does not hold."""
        return any(not c.holds for c in self.claims)


def shaped(array: Array, shape: Shape) -> Number:
    """An array of rank 2 in the shape that it stands for; of one with an axis of rows, that axis stays in front."""
    rows = array.shape[:-2]
    if not shape and not rows:
        return float(array.reshape(()))
    return np.array(array.reshape([*rows, *(int(size) for size in shape)]), dtype=np.float64)
