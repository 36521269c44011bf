"""The Python API: load a file, run it, compile a prepared function. The command line stands on this."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from gradcalc.errors import Diagnostic, GradcalcError, Limits, Source
from gradcalc.files import Refusal, decode, read_file
from gradcalc.parser import normalise, parse
from gradcalc.syntax import Program

if TYPE_CHECKING:
    from gradcalc.checking.check import Check
    from gradcalc.data import Datum
    from gradcalc.derivation.records import Blackboard
    from gradcalc.graph import Shape
    from gradcalc.matrices.differentials import Differentials
    from gradcalc.matrices.records import Hessians, Jacobians
    from gradcalc.planning.planner import Plan
    from gradcalc.prepared import Prepared
    from gradcalc.run import Run

T = TypeVar("T")
D = TypeVar("D", bound="Differentials")


def load(path: str | os.PathLike[str], *, limits: Limits | None = None) -> Model:
    """Read an equation file (UTF-8).

    Raises `GradcalcError`: `unreadable-file`, `not-utf8`, `limit-file`, and all syntax errors.
    """
    limits = limits or Limits()
    name = os.fspath(path)
    return loads(decode(read_file(name, limits.file_bytes, too_long(name, limits)), name), name=name, limits=limits)


def too_long(name: str, limits: Limits) -> Refusal:
    """From the size of a text to the diagnostic that it is beyond the limit."""
    return lambda size: Diagnostic(
        "limit-file",
        f"{name} has {size}",
        rule=f"the limit is {limits.file_bytes:,}",
        help="split it, or raise the limit with --limit file_bytes=N",
    )


def loads(text: str, *, name: str = "<text>", limits: Limits | None = None) -> Model:
    """Read equations from a text; `name` is what messages call it.

    `limits` holds for what is made of the text too: `loads(text, limits=Limits(nesting=1000))`. Raises
    `GradcalcError`: `limit-file`, and all syntax errors.
    """
    limits = limits or Limits()
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > limits.file_bytes:
        raise GradcalcError(too_long(name, limits)(f"{size:,} bytes"))
    return Model(parse(Source(name, text.removeprefix("\ufeff")), limits), limits)


@dataclass(eq=False)
class Model:
    """Equations that were read; plans are made when the shapes of the data are known."""

    program: Program
    limits: Limits = field(default_factory=Limits)

    def plan(
        self,
        shapes: Mapping[str, Shape] | None = None,
        *,
        of: str | None = None,
        layout: str | None = None,
        numeric: bool = True,
    ) -> Plan:
        """The computation graph for data of given shapes; with `numeric=False` inputs need no data.

        Raises `GradcalcError` with every fault of names and shapes.
        """
        from gradcalc.planning.planner import plan

        return plan(
            self.program, shapes or {}, of=of and normalise(of), layout=layout, numeric=numeric, limits=self.limits
        )

    def sampled(
        self,
        data: Mapping[str, Datum],
        *,
        of: str | None = None,
        layout: str | None = None,
        sizes: Sequence[int] | None = None,
    ) -> Plan:
        """The computation graph with a number for every size, to be evaluated at `points.draws`.

        Inputs without data and functions without a definition are allowed. Raises `GradcalcError`.
        """
        from gradcalc.points import SIZES, open_leaves, open_shapes

        given = {name: d.shape for name, d in data.items()}

        def planned(claims: bool) -> Plan:
            shapes = {**open_shapes(self.program, given, sizes or SIZES, claims).concrete, **given}
            plan = self.plan(shapes, of=of, layout=layout, numeric=False)
            more = open_leaves(plan, sizes or SIZES)
            return self.plan({**more, **shapes}, of=of, layout=layout, numeric=False) if more else plan

        plan = planned(False)
        if all(claim.fits for claim in plan.claims):
            return plan
        try:
            told = planned(True)
        except GradcalcError:
            return plan
        return told if all(claim.fits for claim in told.claims) else plan

    def check(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        of: str | None = None,
        layout: str | None = None,
        points: int = 5,
        seed: int = 0,
    ) -> Check:
        """What `gradcalc check` shows, as data: the verdict on every claim and on every gradient.

        Where data are missing, the checks are at so many random points, drawn from a seed; `Check.drawn` says what
        was drawn. Raises `GradcalcError`, for a claim that is wrong it does not.
        """
        from gradcalc.checking.check import check
        from gradcalc.data import Datum, datum
        from gradcalc.points import OTHER_SIZES

        found = {normalise(k): v if isinstance(v, Datum) else datum(k, v) for k, v in (data or {}).items()}
        plan = self.sampled(found, of=of, layout=layout)
        again = self.sampled(found, of=of, layout=layout, sizes=OTHER_SIZES)
        return check(plan, found, self.program.source.name, points, seed, again)

    def run(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        of: str | None = None,
        wrt: Sequence[str] | None = None,
        upstream: Any = None,
        layout: str | None = None,
        local_values: bool = False,
    ) -> Run:
        """What `gradcalc run` shows, as data.

        `data` gives numbers, lists, lists of lists or arrays by name (a list is a column) and goes before data
        in the file; `of` names the target, `wrt` limits the gradients, `upstream` is the upstream gradient of
        a target that is no scalar, `layout` is "shape" or "numerator". Raises `GradcalcError`.
        """
        from gradcalc.data import Datum, datum
        from gradcalc.evaluation import evaluated, findings, swept
        from gradcalc.runner import Runner

        found = {normalise(k): v if isinstance(v, Datum) else datum(k, v) for k, v in (data or {}).items()}
        above = upstream if upstream is None or isinstance(upstream, Datum) else datum("upstream", upstream)
        planned = self.plan({k: d.shape for k, d in found.items()}, of=of, layout=layout)
        names = None if wrt is None else [normalise(n) for n in wrt]
        made = evaluated(swept(planned, None if above is None else above.shape), found, above)
        return Runner(made, findings(made, names), found, names, local_values).run(self.program.source.name)

    def jacobian(
        self,
        of: str | None = None,
        wrt: str | Sequence[str] | None = None,
        data: Mapping[str, Any] | None = None,
        *,
        layout: str | None = None,
        upstream: Any = None,
        tangent: Any = None,
    ) -> Jacobians:
        """What `gradcalc jacobian` shows, as data: closed forms always, values where there are data.

        `wrt` is a name, names, or None for all inputs. `upstream` adds the vector-Jacobian products, in the shape of
        each input in the shape layout; `tangent`, a value for the one input or values by name, adds the
        Jacobian-vector product. Raises `GradcalcError`.
        """
        from gradcalc.data import Datum, datum
        from gradcalc.matrices.first_order import FirstOrder

        above = upstream if upstream is None or isinstance(upstream, Datum) else datum("upstream", upstream)
        return self._differentials(
            FirstOrder, (of, wrt, layout), data, tangent, lambda made, along: made.jacobians(above, along)
        )

    def hessian(
        self,
        of: str | None = None,
        wrt: str | Sequence[str] | None = None,
        data: Mapping[str, Any] | None = None,
        *,
        layout: str | None = None,
        tangent: Any = None,
    ) -> Hessians:
        """What `gradcalc hessian` shows, as data: closed forms always, values where there are data.

        `of` is a scalar; there is a block for every pair of `wrt`, entries of the first by entries of the second,
        both stacked by columns. `tangent`, a value for the one input or values by name, adds the Hessian-vector
        products. Raises `GradcalcError`.
        """
        from gradcalc.matrices.second_order import SecondOrder

        return self._differentials(
            SecondOrder, (of, wrt, layout), data, tangent, lambda made, along: made.hessians(along)
        )

    def _differentials(
        self,
        kind: type[D],
        chosen: tuple[str | None, str | Sequence[str] | None, str | None],
        data: Mapping[str, Any] | None,
        tangent: Any,
        work: Callable[[D, dict[str, Datum]], T],
    ) -> T:
        """What `work` makes of the target's differentials and the tangents; `chosen` are target, inputs and layout."""
        from gradcalc.data import Datum, datum
        from gradcalc.matrices.differentials import tangents_of
        from gradcalc.matrices.opening import opened

        of, wrt, layout = chosen
        found = {normalise(k): v if isinstance(v, Datum) else datum(k, v) for k, v in (data or {}).items()}
        given = [wrt] if isinstance(wrt, str) else wrt
        names = None if given is None else [normalise(n) for n in given]

        def planned(shapes: Mapping[str, Shape], numeric: bool) -> Plan:
            return self.plan(shapes, of=of, layout=layout, numeric=numeric)

        def worked(plan: Plan, numbers: bool) -> T:
            made = kind(plan, found, numbers, names, self.limits, self.program.source.name)
            return work(made, tangents_of(tangent, made.shown))

        return opened(self.program, planned, found, worked)

    def derive(
        self,
        of: str | None = None,
        wrt: str | Sequence[str] | None = None,
        data: Mapping[str, Any] | None = None,
        *,
        layout: str | None = None,
    ) -> Blackboard:
        """What `gradcalc derive` shows, as data: `model.derive("s", "W")["W"].steps`.

        Only the shapes of data matter; where there are none sizes are symbols. `wrt` is a name, names, or None for all
        inputs. Raises `GradcalcError`: `no-closed-form` names an operation without one.
        """
        from gradcalc.data import Datum, datum
        from gradcalc.derivation.derivation import derive_model

        names = [wrt] if isinstance(wrt, str) else wrt
        found = {normalise(k): v if isinstance(v, Datum) else datum(k, v) for k, v in (data or {}).items()}
        shapes = {name: d.shape for name, d in found.items()}
        return derive_model(self, shapes, of, None if names is None else [normalise(n) for n in names], layout)

    def compile(
        self,
        of: str | None = None,
        wrt: Sequence[str] | None = None,
        shapes: Mapping[str, Shape] | None = None,
        *,
        order: int = 1,
    ) -> Callable[..., Any]:
        """A prepared function of keyword arrays: `value, gradients = step(W=W, x=x)`.

        Of a target that is no scalar it gives the Jacobians, rows its entries. With `order=2`, of a scalar, it gives
        the blocks of the Hessian too: `value, gradients, hessians = step(...)`, and `hessians["x"]["y"]` is ∂²s/∂x∂y.

        Shapes come from `shapes`, from data and declarations in the file, or else from the first arrays. An
        array with one axis more than its shape is a batch of rows; what is returned then has that axis too.
        What is returned stays as it is for as long as somebody has it; after that its memory is used again.
        Raises `GradcalcError`, `ValueError` for another order.
        """
        from gradcalc.prepared import Prepared

        if order not in (1, 2):
            raise ValueError(f"derivatives of order {order}: there are those of order 1 and 2")
        prepared: Prepared = Prepared(self, of, wrt, dict(shapes or {}), order)
        return prepared
