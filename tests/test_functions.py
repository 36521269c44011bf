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
