"""Traces, inverses, determinants, systems of equations.

Values are right to the last digits up to the sides and conditions that `certified` says. Identities: Petersen and
Pedersen, The Matrix Cookbook, 2.1-2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcalc import algebra as al
from gradcalc.graph import SCALAR, Node, Operation, Shape, ShapeError, extent
from gradcalc.maps import Inner, LinearMap, Sandwich
from gradcalc.notation import Level, Piece, Style, call
from gradcalc.ops import certified
from gradcalc.ops.elimination import SIDE
from gradcalc.ops.summation import total
from gradcalc.ops.table import Function, builds, declare, square_shape

Array = np.ndarray[Any, Any]


def _of_square(what: str) -> Any:
    check = square_shape(what)

    def shape(shapes: Sequence[Shape], a: Any) -> Shape:
        check(shapes, a)
        return SCALAR

    return shape


SINGULAR = 2.0**53
"""The condition number from which an inverse has no right digit, if each entry was rounded once."""


def _condition(a: Any, x: Array, *rest: Array) -> Array:
    return certified.condition(x)


def _is_singular(a: Any, x: Array, *rest: Array) -> Array:
    """Exactly singular, or so near that an inverse has no right digit; LAPACK's roundings grow with the side."""
    least = SINGULAR / x.shape[-1] if x.shape[-1] > SIDE else SINGULAR
    return np.asarray((certified.condition(x) >= least)[..., None, None])


def _shown_condition(a: Any, x: Array, *rest: Array) -> tuple[str, Array]:
    return "its condition number", certified.condition(x)


def _by_lapack(*operands: Array) -> bool:
    """Whether operands are too large for doubled arithmetic, or complex, as in a complex step."""
    return operands[0].shape[-1] > SIDE or any(map(np.iscomplexobj, operands))


def _inv_kernel(a: Any, x: Array) -> Array:
    if not _by_lapack(x):
        with np.errstate(all="ignore"):
            return certified.inverse(x)
    return certified.by_lapack(np.linalg.inv, x)


def _show_inv(node: Node, pieces: Sequence[Piece], style: Style) -> Piece:
    return Piece(style.inverse(style.enclose(pieces[0], Level.ATOM), False), Level.POWER)


def _inv_map(node: Node, i: int) -> LinearMap:
    """d(X^-1) = -X^-1 dX X^-1."""
    return Sandwich(node.shape, node.shape, al.negative(node), node)


def _trace_kernel(a: Any, x: Array) -> Array:
    return total(np.diagonal(x, axis1=-2, axis2=-1)[..., None], (-2, -1))


def _trace_map(node: Node, i: int) -> LinearMap:
    source = node.inputs[0].shape
    side, _ = extent(source)
    return Inner(source, SCALAR, al.ones(node.graph, source) if side == 1 else al.eye(node.graph, side))


declare(
    Function("trace", builds("trace"), "the sum of the diagonal", "tr(dX)", "trace([[1, 2], [3, 4]])",
             aliases=("tr",)),
    Operation("trace", _of_square("trace"), _trace_kernel, _trace_map,
              call("tr"), "distributes", analytic=True),
)  # fmt: skip
declare(
    Function("inv", builds("inv"), "the inverse, as A^-1", "-A^-1 dA A^-1", "inv([[2, 0], [0, 4]])",
             domain="matrices that are not singular"),
    Operation("inv", square_shape("inv"), _inv_kernel, _inv_map, _show_inv, "sandwiches",
              "a matrix that is not singular", _is_singular, analytic=True, condition=_condition,
              witness=_shown_condition),
)  # fmt: skip


def _det_map(node: Node, i: int) -> LinearMap:
    """d det(X) = ⟨adj(X)^T, dX⟩ (Jacobi's formula), right at singular matrices too."""
    operand = node.inputs[0]
    if extent(operand.shape) == (1, 1):
        return Inner(operand.shape, SCALAR, al.ones(node.graph, operand.shape))
    return Inner(operand.shape, SCALAR, al.transpose(al.apply("adj", operand)))


def _logdet_map(node: Node, i: int) -> LinearMap:
    """d log det(X) = ⟨X^-T, dX⟩."""
    operand = node.inputs[0]
    if extent(operand.shape) == (1, 1):
        return Inner(operand.shape, SCALAR, al.divide(al.ones(node.graph, operand.shape), operand))
    return Inner(operand.shape, SCALAR, al.transpose(al.apply("inv", operand)))


def _det_kernel(a: Any, x: Array) -> Array:
    if _by_lapack(x):
        return np.asarray(np.linalg.det(x)[..., None, None])
    with np.errstate(all="ignore"):
        high, _, power = certified.determinant(x)
        return np.asarray(np.ldexp(high, power)[..., None, None])


def _logdet_kernel(a: Any, x: Array) -> Array:
    sign, logarithm = certified.log_determinant(x)
    return np.where(sign > 0, logarithm, np.nan)[..., None, None]


def _logdet_fault(a: Any, x: Array) -> Array:
    return np.asarray((certified.log_determinant(x)[0] <= 0)[..., None, None])


def _shown_determinant(a: Any, x: Array) -> tuple[str, Array]:
    return "the determinant", _det_kernel(a, x)[..., 0, 0]


declare(
    Function("det", builds("det"), "the determinant", "tr(adj(A) dA)", "det([[1, 2], [3, 4]])"),
    Operation("det", _of_square("det"), _det_kernel, _det_map, call("det"), "scales", analytic=True),
)  # fmt: skip
declare(
    Function("logdet", builds("logdet"), "the logarithm of a positive determinant", "tr(A^-1 dA)",
             "logdet([[2, 0], [0, 3]])", domain="matrices with det(A) > 0"),
    Operation("logdet", _of_square("logdet"), _logdet_kernel, _logdet_map, call("logdet"), "scales",
              "a matrix with a positive determinant", _logdet_fault, condition=_condition,
              witness=_shown_determinant),
)  # fmt: skip


def _solve_shape(shapes: Sequence[Shape], a: Any) -> Shape:
    square_shape("solve")(shapes, a)
    if extent(shapes[0])[1] != extent(shapes[1])[0]:
        raise ShapeError("solve(A, b) needs as many rows in b as in A")
    return shapes[1]


def _solve_kernel(a: Any, x: Array, b: Array) -> Array:
    if not _by_lapack(x, b):
        with np.errstate(all="ignore"):
            return certified.solution(x, b)
    return certified.by_lapack(np.linalg.solve, x, b)


def _solve_map(node: Node, i: int) -> LinearMap:
    """d(A^-1 b) = A^-1 db - A^-1 dA (A^-1 b)."""
    inverse = al.apply("inv", node.inputs[0])
    if i == 1:
        return Sandwich(node.shape, node.shape, inverse)
    return Sandwich(node.inputs[0].shape, node.shape, al.negative(inverse), node)


declare(
    Function("solve", builds("solve"), "solve(A, b): A^-1 b", "A^-1 db - A^-1 dA A^-1 b",
             "solve([[2, 0], [0, 4]], [2, 4])", 2, 2, domain="matrices that are not singular"),
    Operation("solve", _solve_shape, _solve_kernel, _solve_map, call("solve"), "sandwiches",
              "a matrix that is not singular", _is_singular, analytic=True, condition=_condition,
              witness=_shown_condition),
)  # fmt: skip
