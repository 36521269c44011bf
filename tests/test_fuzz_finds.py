"""What fuzzing found, minimised: each input ends as it should, in a result or an error with a code.

A find that is fixed stays here. `GIVEN` are programs with what a run of them gives: a code, or the target's value
as the mathematics has it; every other command must do with them what it may do with any input.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradcalc
from gradcalc.cli.inputs import collect_data, limits_of
from gradcalc.data import load_array
from gradcalc.errors import GradcalcError, Limits
from tests.fuzz import outcome
from tests.fuzz.targets import npy, work

COMMANDS = range(8)
"""The first choices of `targets.work`: run, jacobian, hessian, derive, check, graph, ..."""

GIVEN: dict[str, tuple[str, Any]] = {
    # No rows or no columns: an array without entries has no entry whose size could be guessed.
    "a row without entries": ("x = [[]]; y = x ./ 2", np.zeros((1, 0))),
    "two rows without entries": ("q = [[], []]; p = q .^ 2", np.zeros((2, 0))),
    "a literal without columns in a closed form": ("b = [[1, 2]]; y = (b' ([[]])) .^ 0", np.zeros((2, 0))),
    "a product over no entries": ("v = [[710, 40]]; B = ones(0, 0); u = ∂v/∂B", np.zeros((2, 0))),
    "a column without entries": ("λ = [1, 2]; b = erf([]); x = b", np.zeros(0)),
    # Undefined is not beaten by anything: max(1, NaN) has no value.
    "an undefined operand of max": ("f = arccosh; y = max(1, f''(x)); x = -1", "domain"),
    # Where a function has no value it has no derivative, though the derivative's formula may have one.
    "a derivative out of the function's domain": ("f = log; y = f'(x); x = -1", "domain"),
    # A vector of one entry, divided twice by a scalar: its Jacobian by the scalar is a vector of one entry.
    "a vector of one entry by a scalar": ("q = 2; r = [[3]]; x = (r / q) / q", np.array([0.75])),
    "a vector of one entry in two ways": ("q = 2; x = ([[3]] / q) / (q + q)", np.array([0.375])),
    # The derivative of a sum is 1, whatever the sum; where the sum is at fault its own node is not in the order.
    "a derivative of what is not evaluated": (
        "X = ∂/∂y (x_1 + y); y = [[1, 2]]; x_1 = T - T; T = 40^1e308",
        "overflow",
    ),
    # Three indices do not make what has them an array of three axes: there are none.
    "three indices of what nothing states": ("q = 2 d[0, 1, 0]", "unknown-name"),
    "diagonals without entries": ("e = 2; x = diag([[]]) / e", np.zeros((0, 0))),
    # The largest float times 1.3 is none.
    "the largest number": ("ŷ = 1.7976931348623157e308; s = arctan2(ŷ, ŷ)", np.pi / 4),
    "a matrix of one entry solved": ("x = [1e200]; p = solve(x, x)", np.array([1.0])),
    "a vector of one entry times itself": ("q = [2]; x = q q", np.array([4.0])),
    "the adjugate of one entry": ("z = [2]; v = adj(z)", np.array([1.0])),
    "a Kronecker product without entries": ("x = [1, 2]; u = []; B = x ⊗ u^T; s = sum(B)", 0.0),
    "a zero with a large exponent": ("x = 0; x == 0.0e400; x == 0.0e99999999999999999999999", 0.0),
    "sums of no rows": ("t = sum(zeros(0, 2), axis=1)", np.zeros(0)),
    "deviations of no columns": ("t = std(zeros(2, 0), axis=0)", np.zeros((1, 0))),
    "a claim far from what is found": ("e = [1, 1e308]; e == -e; e == [1, -1e308]", np.array([1.0, 1e308])),
    "a claim whose double is too large": ("x = [1, 2]; x == [1e308, 5e-324]", np.array([1.0, 2.0])),
    # The check of its gradients met infinite differences, with a warning of NumPy.
    "a row times what nearly overflows": (
        "e = [1e-16]; b = (-1e-300); x = ([[3, 1.5, -745]]) (b * ([-0.0, -0.0, 3; 1.7976931348623157e308, 3, 5e-324;"
        " 1, 1, 1]))",
        np.array([[-1.5 * 1.7976931348623157e8, 740.5e-300, 736e-300]]),
    ),
    "an identity and a vector of one entry, entry by entry": ("y = I ∘ [1]", "shape-mismatch"),
    "an adjugate beyond the floats": ("y = adj([-1, 20, -2; 2, 20, 3; 1e308, 1e308, 36])", "overflow"),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_program_that_fuzzing_found(name: str) -> None:
    text, expected = GIVEN[name]
    if isinstance(expected, str):
        with pytest.raises(GradcalcError) as caught:
            gradcalc.loads(text).run()
        assert caught.value.diagnostics[0].code == expected
    else:
        found = np.asarray(gradcalc.loads(text).run().value)
        assert found.shape == np.shape(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-15)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", GIVEN)
def test_every_command_ends_in_a_result_or_a_code(name: str, command: int) -> None:
    outcome.within_bounds(
        lambda text: outcome.coded(lambda: work(text.decode(), {}, command, 5)), GIVEN[name][0].encode()
    )


@pytest.mark.parametrize("count", ["\u00b2", "9" * 5000, "-1", "", "1_0"])
def test_a_limit_that_is_no_number_is_told(count: str) -> None:
    """`"²".isdigit()` is true, and `int` refuses numbers of more than 4300 digits."""
    with pytest.raises(GradcalcError, match="is no number for the limit `side`"):
        limits_of([f"side={count}"])


def test_a_path_with_a_null_character_is_no_file() -> None:
    with pytest.raises(GradcalcError, match="cannot be read"):
        collect_data(["x=@\0"], None, Limits())


@pytest.mark.parametrize("header", ["{'descr': (", "{0: 0 1x}", "(" * 300, "-" * 9000 + "1", "{'descr': '<f8',\x00}",
                                    "{'descr': '|', b'fortran_order': False, 'shape': ()}"])  # fmt: skip
def test_a_header_that_is_no_literal_is_told(tmp_path: Path, header: str) -> None:
    """NumPy reads the header of a .npy file as a Python literal, and filters it by Python's tokenizer if that fails."""
    path = tmp_path / "x.npy"
    path.write_bytes(npy(header.encode() + b"\n"))
    with pytest.raises(GradcalcError, match="cannot be read"):
        load_array("x", path, Limits())


def test_a_header_in_the_manner_of_python_2_gives_no_warning(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    entries = np.array([1.0, 2.0]).tobytes()
    path.write_bytes(npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (2L,), }\n" + entries))
    found = outcome.coded(lambda: load_array("x", path, Limits()))
    np.testing.assert_array_equal(found.array, [[1.0], [2.0]])


@pytest.mark.parametrize("size", ["₃", "²", "(2x₃)", "٣"])
def test_a_size_is_no_digit_in_another_place_or_script(size: str) -> None:
    with pytest.raises(GradcalcError) as caught:
        gradcalc.loads(f"x in R^{size}").run()
    assert caught.value.diagnostics[0].code in ("bad-shape", "syntax")


@pytest.mark.parametrize("text", ["f(t) = 2f t(); y = f(3)", "f(t) = g(t) + 1; g(t) = 2f t(); y = f(3)"])
def test_a_function_that_names_itself_without_a_call_is_told(text: str) -> None:
    with pytest.raises(GradcalcError):
        gradcalc.loads(text).run()


def test_a_shorter_float_that_is_a_signalling_nan_gives_no_warning(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(
        npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n\x01\x00\x80\x7f")
    )
    with pytest.raises(GradcalcError, match="NaN"), warnings.catch_warnings(action="error"):
        load_array("x", tmp_path / "x.npy", Limits())


@pytest.mark.parametrize("text", ["f(t) = sum(t)", "f(t) = t^T W t", "f(t) = sum(t) + h; h = 2; h == 2"])
def test_parameters_of_a_function_that_is_the_output_have_sizes_where_gradients_are_checked(text: str) -> None:
    check = gradcalc.loads(text).check()
    assert check.gradients and all(g.holds for g in check.gradients.values())
