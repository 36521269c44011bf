"""The function table: what it says of a derivative is what is computed, and every entry is complete."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import gradcalc
from gradcalc.ops import FUNCTIONS, Function
from gradcalc.report.functions import functions, shown

NAMES = sorted({f.name for f in FUNCTIONS.values()})
SINGLE = [n for n in NAMES if FUNCTIONS[n].elementwise and FUNCTIONS[n].least == FUNCTIONS[n].most == 1]
IN_WORDS = {"elu": "where(x > 0, 1, exp(x))", "leaky_relu": "where(x > 0, 1, 0.01)"}
"""Derivatives that the table gives in words."""
PLACES = {"arccosh": [1.5, 4.0], "arctanh": [0.3, 0.7]}


def entry(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(functions(None, True, None, None))["functions"][name]  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize("name", SINGLE)
def test_the_derivative_in_the_table_is_the_derivative(name: str) -> None:
    """The text of the derivative, read as an expression, has the value of the derivative."""
    written = IN_WORDS.get(name, FUNCTIONS[name].derivative).replace("Φ(x)", "(0.5 (1 + erf(x/sqrt(2))))")
    written = written.replace("φ(x)", "(exp(-x^2/2)/sqrt(2 π))")
    for x in PLACES.get(name, [0.3, 0.7]):
        run = gradcalc.loads(f"s = {name}(x); told = {written}; x = {x}").run(of="s")
        assert run.nodes["told"].value == pytest.approx(run.gradients["x"].value, rel=1e-13)


ARGUMENTS = {
    "solve": (2, 2), "kron": (2, 2), "kron_left": (2, 2), "kron_right": (2, 2), "cross_entropy": (2, 2), "mse": (2, 2),
    "dot": (2, 2), "outer": (2, 2), "cross": (2, 2), "onehot": (2, 2), "hypot": (2, 2), "arctan2": (2, 2),
    "mod": (2, 2), "where": (3, 3), "clip": (3, 3), "unvec": (3, 3), "ones": (1, 2), "zeros": (1, 2),
    "max": (1, None), "min": (1, None), "concat": (1, None), "stack": (1, None), "prod_others": (1, None),
    "adj_change": (2, None),
}  # fmt: skip
"""The least and the most arguments of what takes more than one."""


@pytest.mark.parametrize("name", NAMES)
def test_one_argument_too_few_or_too_many_is_an_error(name: str) -> None:
    least, most = ARGUMENTS.get(name, (1, 1))
    for count in [least - 1, *([] if most is None else [most + 1])]:
        with pytest.raises(gradcalc.GradcalcError) as caught:
            gradcalc.loads(f"y = {name}({', '.join(['x'] * count)}); x = 1").run(of="y")
        assert caught.value.diagnostics[0].code == "wrong-arguments"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [("hypot", "hypot(x, 4)", [5, 4]), ("arctan2", "arctan2(x, 3)", [np.pi / 4, 0]), ("mod", "mod(x, 2)", [1, 0])],
)
def test_functions_of_two_numbers_stretch_a_number_to_a_vector(name: str, text: str, expected: list[float]) -> None:
    np.testing.assert_allclose(gradcalc.loads(f"y = {text}; x = [3, 0]").run(of="y").value, expected, rtol=1e-15)


@pytest.mark.parametrize(
    "name", ["sum", "prod", "norm", "norm1", "norminf", "mean", "var", "std", "median", "logsumexp"]
)
def test_the_domain_in_the_table_says_whether_nothing_has_a_value(name: str) -> None:
    """Of no entries there are a sum, a product and norms, and no mean and no middle."""
    call = gradcalc.loads(f"y = {name}(x)")
    assert np.isfinite(call.run({"x": [1.0, 2.0]}, of="y").value)
    if name in ("sum", "prod", "norm", "norm1", "norminf"):
        assert FUNCTIONS[name].domain == "all numbers"
        assert call.run({"x": []}, of="y").value == (name == "prod")
    else:
        assert FUNCTIONS[name].domain == "at least one entry"
        with pytest.raises(gradcalc.GradcalcError):
            call.run({"x": []}, of="y")


@pytest.mark.parametrize("name", ["trace", "det", "logdet", "inv", "adj"])
def test_what_needs_a_square_matrix_refuses_another(name: str) -> None:
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads(f"y = {name}(A); A = [1, 2, 3; 4, 5, 7]").run(of="y")
    [found] = caught.value.diagnostics
    assert found.code == "shape-mismatch"
    assert "needs a square matrix" in found.rule


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_is_complete(name: str) -> None:
    """A line of documentation, a derivative, a domain, an example that has a value, a notation."""
    found = entry(name)
    assert all(found[key] for key in ("summary", "derivative", "domain", "example", "notation", "latex", "arguments"))
    assert np.isfinite(gradcalc.loads(f"y = {found['example']} + 0").run(of="y").value).all()


def is_kinked(function: Function) -> bool:
    """Whether the operation behind a function declares places where it is not differentiable."""
    run = gradcalc.loads(f"y = {function.example} + 0").plan(of="y")
    return any(node.operation.kink is not None for node in run.graph.nodes if node.op.startswith(function.name))


@pytest.mark.parametrize("name", NAMES)
def test_the_rule_at_kinks_stands_where_there_are_kinks(name: str) -> None:
    function = FUNCTIONS[name]
    assert bool(function.kink) >= is_kinked(function), "a kink without its rule in the table"


def test_notation_is_the_lectures() -> None:
    """Text as it is typed, LaTeX as it is set."""
    expected = {
        "norm": ("‖x‖", r"\left\lVert x \right\rVert"),
        "inv": ("A^-1", "{A}^{-1}"),
        "kron": ("u ⊗ B", r"u \otimes B"),
        "sqrt": ("sqrt(x)", r"\sqrt{x}"),
        "abs": ("|x|", r"\left\lvert x \right\rvert"),
        "cross_entropy": ("cross_entropy(ŷ, y)", r"\operatorname{cross\_entropy}\left(\hat{y}, y\right)"),
        "size": ("size(x)", r"\operatorname{size}\left(x\right)"),
    }
    assert {name: shown(FUNCTIONS[name]) for name in expected} == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_printed_notation_is_read_back(name: str) -> None:
    """What is printed is a call that the language reads: with the example's numbers it has the example's value."""
    function = FUNCTIONS[name]
    numbers = json.loads("[" + function.example.partition("(")[2].removesuffix(")") + "]")
    text = entry(name)["notation"]
    letters = list(dict.fromkeys(re.findall(r"(?<![\w])[a-zA-Zŷ](?!\w*\()(?![\w(])", text.replace("^T", ""))))
    if text == "I" or len(letters) != len(numbers):
        pytest.skip("an identity or sizes: no letter for each argument")
    data = dict(zip(letters, numbers, strict=True))
    expected = gradcalc.loads(f"y = {function.example} + 0").run(of="y").value
    found = gradcalc.loads(f"result = ({text}) + 0").run(data, of="result").value
    np.testing.assert_array_equal(found, expected)
