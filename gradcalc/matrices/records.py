"""What `gradcalc jacobian` and `gradcalc hessian` show, as data: made once by `differentials`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from gradcalc.closed_form import Form
from gradcalc.errors import Diagnostic
from gradcalc.graph import SCALAR, Shape, joint_size
from gradcalc.run import Flag, Number


class Axes(Struct, frozen=True, eq=False):
    """What the rows and columns of a block stand for: one name for every entry."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]


class Block(Struct, frozen=True, eq=False):
    """A derivative: its shape, closed form and value.

    `rule` is None where there is no closed form, and `reason` says why; `value` is None where data are missing.
    """

    shape: Shape
    rule: Form | None
    reason: str
    value: Number | None
    connected: bool = True
    axes: Axes | None = None
    labels: tuple[str, ...] = ()


@dataclass(eq=False)
class Jacobians:
    """The Jacobians of a target. Of a scalar they are its gradients, `of_scalar`, in the layout.

    With an upstream gradient `products` are the vector-Jacobian products by input, and `upstream` is the name that
    it has in their closed forms; with a tangent `change` is the Jacobian-vector product, in the shape of the target,
    `tangents` the values by input.
    """

    source: str
    layout: str
    of: str
    of_shape: Shape
    jacobians: dict[str, Block] = field(default_factory=dict)
    upstream: tuple[str, Number] | None = None
    products: dict[str, Block] = field(default_factory=dict)
    tangents: dict[str, Number] = field(default_factory=dict)
    change: Block | None = None
    flags: list[Flag] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def of_scalar(self) -> bool:
        """Whether these are gradients."""
        return self.of_shape == SCALAR

    @property
    def value(self) -> Number | None:
        """The value of the one Jacobian that was asked for; ValueError where there are several."""
        return only(list(self.jacobians.values())).value

    @property
    def rule(self) -> Form | None:
        """The closed form of the one Jacobian that was asked for."""
        return only(list(self.jacobians.values())).rule

    @property
    def shape(self) -> Shape:
        """The shape of the one Jacobian that was asked for."""
        return only(list(self.jacobians.values())).shape


@dataclass(eq=False)
class Hessians:
    """The second derivatives of a scalar by pairs of inputs: `hessians["x"]["y"]` is ∂²s/∂x∂y.

    With tangents `products` are the Hessian-vector products by input.
    """

    source: str
    layout: str
    of: str
    hessians: dict[str, dict[str, Block]] = field(default_factory=dict)
    tangents: dict[str, Number] = field(default_factory=dict)
    products: dict[str, Block] = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def _blocks(self) -> list[Block]:
        return [block for row in self.hessians.values() for block in row.values()]

    @property
    def value(self) -> Number | None:
        """The value of the one block that was asked for; ValueError where there are several."""
        return only(self._blocks).value

    @property
    def rule(self) -> Form | None:
        """The closed form of the one block that was asked for."""
        return only(self._blocks).rule

    @property
    def shape(self) -> Shape:
        """The shape of the one block that was asked for."""
        return only(self._blocks).shape


def only(blocks: Sequence[Block]) -> Block:
    """The one block that there is."""
    if len(blocks) != 1:
        raise ValueError(f"there are {len(blocks)} blocks: name one input, or take one by its name")
    return blocks[0]


def jacobian_shape(target: Shape, by: Shape) -> Shape:
    """Entries of the target by entries of the value; by a scalar, the shape of the target."""
    return (joint_size(*target), joint_size(*by)) if by else target


def gradient_shape(by: Shape, numerator: bool) -> Shape:
    """The shape of a scalar's gradient: in the numerator layout a row for a column."""
    return (1, by[0]) if numerator and len(by) == 1 else by


def hessian_shape(first: Shape, second: Shape) -> Shape:
    """Entries of the first by entries of the second; a column by a scalar is a column, a scalar by it a row."""
    if not second:
        return (joint_size(*first),) if first else SCALAR
    return (joint_size(*first) if first else 1, joint_size(*second))
