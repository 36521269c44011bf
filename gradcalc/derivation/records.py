"""A derivation as data: equations with the reason for each."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct

from gradcalc.closed_form import Form
from gradcalc.errors import Diagnostic
from gradcalc.graph import Shape


class Step(Struct, frozen=True, eq=False):
    """`left = right`, and why; `condition` is what it takes beyond the equations of the file."""

    left: Form
    right: Form
    reason: str
    condition: Form | None = None


class Derivation(Struct, frozen=True, eq=False):
    """How one gradient, Jacobian or shared δ comes about.

    `name` is the value that it is by, `label` what is derived (∂s/∂b), `delta` what it is called from here on if
    others use it, `used_by` those others; `rules` are the local gradients that enter, `steps` the equations, `rule`
    the closed form; `shapes` says why the product fits.
    """

    name: str
    of: str
    label: Form
    shape: Shape
    rule: Form
    steps: tuple[Step, ...]
    rules: tuple[Step, ...] = ()
    delta: str = ""
    used_by: tuple[str, ...] = ()
    shapes: str = ""
    connected: bool = True
    wanted: bool = True

    @property
    def text(self) -> str:
        """All steps, one a line."""
        return "\n".join(f"{step.left.text} = {step.right.text}" for step in self.steps)


@dataclass(eq=False)
class Blackboard:
    """All derivations of a target: `shapes` are those of inputs without data,
    `equations` the pieces that they name, `derivations` in reading order."""

    source: str
    layout: str
    of: str
    shapes: list[Form]
    equations: list[Step]
    derivations: list[Derivation]
    warnings: list[Diagnostic] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Derivation:
        """The derivation of the gradient by a value."""
        return next(d for d in self.derivations if d.name == name and d.wanted)
