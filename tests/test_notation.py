"""How leaves and moved entries are printed, in plain text and in LaTeX.

The plain text is what a person would type for the same value. Operations of more meaning are held to the standard
tables in `test_closed_forms`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradcalc.ops
from gradcalc.graph import Graph, Node
from gradcalc.notation import EXPLICIT, LATEX, TEXT, render

SHAPES = {"x": (), "v_1": (3,), "α": (1, 3), "A": (2, 3), "o": (1,), "B": (1, 1), "M": (3, 1)}
WHOLE = (None, None)
Build = Callable[[Graph, dict[str, Node]], Node]


def leaves(graph: Graph) -> dict[str, Node]:
    return {name: graph.make("input", name=name, shape=shape) for name, shape in SHAPES.items()}


def built(build: Build) -> Node:
    graph = Graph()
    return build(graph, leaves(graph))


def number(value: float, text: str = "") -> Build:
    return lambda g, n: g.constant(value, text)


def raised(value: float, text: str = "") -> Build:
    return lambda g, n: g.make("power", g.constant(value, text), n["x"])


def leaf(op: str, **attributes: Any) -> Build:
    return lambda g, n: g.make(op, **attributes)


def of(op: str, *names: str, **attributes: Any) -> Build:
    return lambda g, n: g.make(op, *(n[name] for name in names), **attributes)


def of_twice(op: str, name: str, **attributes: Any) -> Build:
    """The same of a sum, which has to be put into brackets."""
    return lambda g, n: g.make(op, g.make("add", n[name], n[name], signs=(1, 1)), **attributes)


def index(name: str, *items: Any) -> Build:
    return of("index", name, items=items)


def place(name: str, to: tuple[int, ...], *items: Any) -> Build:
    return of("place", name, items=items, to=to)


def one_at(to: tuple[int, ...], *items: Any) -> Build:
    return lambda g, n: g.make("place", g.constant(1.0), items=items, to=to)


def function(name: str, arguments: str) -> str:
    return rf"\operatorname{{{name}}}\left({arguments}\right)"


def zeros(sizes: str) -> str:
    return function("zeros", sizes)


def onehot(sizes: str) -> str:
    return function("onehot", sizes)


def concat(*blocks: str) -> str:
    return function("concat", ", ".join(blocks))


PRINTED: list[tuple[Build, str, str]] = [
    # numbers, and what holds them together before something that holds more tightly
    (number(-2), "-2", "-2"),
    (raised(-2), "(-2)^x", r"{\left(-2\right)}^{x}"),
    (number(2 / 3), "2/3", "2/3"),
    (raised(2 / 3), "(2/3)^x", r"{\left(2/3\right)}^{x}"),
    (raised(-2 / 3), "(-2/3)^x", r"{\left(-2/3\right)}^{x}"),
    (raised(0.5), "0.5^x", "{0.5}^{x}"),
    (number(1e-20), "1e-20", r"1 \cdot 10^{-20}"),
    (number(1e5, "1E+5"), "1E+5", r"1 \cdot 10^{5}"),
    (raised(1e-20), "1e-20^x", r"{\left(1 \cdot 10^{-20}\right)}^{x}"),
    (raised(-1e-20), "(-1e-20)^x", r"{\left(-1 \cdot 10^{-20}\right)}^{x}"),
    (lambda g, n: g.make("scale", g.constant(-1e-20), n["A"]), "(-1e-20) A",
     r"\left(-1 \cdot 10^{-20}\right) \, A"),
    (lambda g, n: g.make("scale", g.constant(1e-20), n["A"]), "1e-20 A", r"1 \cdot 10^{-20} \, A"),
    (number(np.pi, "π"), "π", r"\pi"),
    (raised(np.pi, "pi"), "pi^x", r"{\mathrm{pi}}^{x}"),
    # names
    (lambda g, n: n["v_1"], "v_1", "v_{1}"),
    (lambda g, n: n["α"], "α", r"\alpha"),
    (lambda g, n: g.make("symbol", name="β_2", shape=()), "β_2", r"\beta_{2}"),
    (lambda g, n: g.make("partial", of="σ", by="W_1", shape=(3,)), "∂σ/∂W_1",
     r"\frac{\partial \sigma}{\partial W_{1}}"),
    (lambda g, n: g.make("square", g.make("partial", of="s", by="ω", shape=())), "(∂s/∂ω)^2",
     r"{\left(\frac{\partial s}{\partial \omega}\right)}^{2}"),
    # arrays of nothing but their size
    (leaf("ones", to=(2, 3)), "ones(2, 3)", function("ones", "2, 3")),
    (leaf("zeros", to=("n",)), "zeros(n)", zeros("n")),
    (leaf("eye", size=3), "I", "I"),
    (leaf("onehot", place=1, size=3), "onehot(1, 3)", onehot("1, 3")),
    # one entry in another shape
    (of("as", "o", to=()), "o[0]", "o[0]"),
    (of("as", "B", to=()), "B[0, 0]", "B[0, 0]"),
    (of("as", "x", to=(1,)), "[x]", "[x]"),
    (of("as", "x", to=(1, 1)), "[[x]]", "[[x]]"),
    (of("as", "o", to=(1, 1)), "[[o[0]]]", "[[o[0]]]"),
    (of("as", "B", to=(1,)), "[B[0, 0]]", "[B[0, 0]]"),
    (of("as", "M", to=(3,)), "M[:, 0]", "M[:, 0]"),
    (of("as", "v_1", to=(3, 1)), "v_1", "v_{1}"),
    (of_twice("as", "x", to=(1,)), "[x + x]", "[x + x]"),
    (of_twice("as", "o", to=()), "(o + o)[0]", r"\left(o + o\right)[0]"),
    (of_twice("as", "M", to=(3,)), "(M + M)[:, 0]", r"\left(M + M\right)[:, 0]"),
    (lambda g, n: g.make("transpose", g.make("as", n["M"], to=(3,))), "M[:, 0]^T", "{M[:, 0]}^{T}"),
    (lambda g, n: g.make("transpose", g.make("as", n["x"], to=(1,))), "[x]^T", "{[x]}^{T}"),
    # copies
    (of("copy", "A", name="z"), "A", "A"),
    (of("stretch", "x", to=(2, 3)), "x ones(2, 3)", rf"x {function('ones', '2, 3')}"),
    (of("stretch", "x", to=(3,)), "x ones(3)", rf"x {function('ones', '3')}"),
    (of("stretch", "α", to=(2, 3)), "ones(2) α", rf"{function('ones', '2')} \alpha"),
    (of("stretch", "v_1", to=(3, 4)), "v_1 ones(4)^T", rf"v_{{1}} \, {{{function('ones', '4')}}}^{{T}}"),
    # other orders
    (of("transpose", "A"), "A^T", "{A}^{T}"),
    (of_twice("transpose", "A"), "(A + A)^T", r"{\left(A + A\right)}^{T}"),
    (of("vec", "A"), "vec(A)", function("vec", "A")),
    (of("unvec", "v_1", to=(1, 3)), "unvec(v_1, 1, 3)", function("unvec", "v_{1}, 1, 3")),
    (of("diag", "v_1", extract=False), "diag(v_1)", function("diag", "v_{1}")),
    # entries and blocks
    (index("v_1", 1), "v_1[1]", "v_{1}[1]"),
    (index("v_1", (0, 2)), "v_1[0:2]", "v_{1}[0:2]"),
    (index("A", 1, 2), "A[1, 2]", "A[1, 2]"),
    (index("A", 1, WHOLE), "A[1, :]", "A[1, :]"),
    (index("A", (None, 1), (1, None)), "A[:1, 1:]", "A[:1, 1:]"),
    (of_twice("index", "A", items=(1, 2)), "(A + A)[1, 2]", r"\left(A + A\right)[1, 2]"),
    # and back in their place
    (place("x", (3,), 1), "x onehot(1, 3)", f"x {onehot('1, 3')}"),
    (place("x", (1, 3), 2), "x onehot(2, 3)^T", rf"x \, {{{onehot('2, 3')}}}^{{T}}"),
    (place("x", (2, 3), 1, 2), "x onehot(1, 2) onehot(2, 3)^T",
     rf"x {onehot('1, 2')} \, {{{onehot('2, 3')}}}^{{T}}"),
    (one_at((3,), 1), "onehot(1, 3)", onehot("1, 3")),
    (one_at((1, 3), 2), "onehot(2, 3)^T", f"{{{onehot('2, 3')}}}^{{T}}"),
    (one_at((2, 3), 1, 2), "onehot(1, 2) onehot(2, 3)^T", rf"{onehot('1, 2')} \, {{{onehot('2, 3')}}}^{{T}}"),
    (place("v_1", (5,), (1, 4)), "concat(zeros(1), v_1, zeros(1))",
     concat(zeros("1"), "v_{1}", zeros("1"))),
    (place("v_1", (5,), (0, 3)), "concat(v_1, zeros(2))", concat("v_{1}", zeros("2"))),
    (place("v_1", (5,), (2, 5)), "concat(zeros(2), v_1)", concat(zeros("2"), "v_{1}")),
    (place("v_1", (3,), (0, 3)), "v_1", "v_{1}"),
    (place("α", (1, 5), (1, 4)), "concat(zeros(1, 1), α, zeros(1, 1), axis=1)",
     concat(zeros("1, 1"), r"\alpha", zeros("1, 1"), "axis=1")),
    (place("α", (1, 5), (2, 5)), "concat(zeros(1, 2), α, axis=1)",
     concat(zeros("1, 2"), r"\alpha", "axis=1")),
    (place("α", (2, 3), 1, WHOLE), "onehot(1, 2) α", rf"{onehot('1, 2')} \alpha"),
    (place("α", (2, 5), 1, (0, 3)), "onehot(1, 2) concat(α, zeros(1, 2), axis=1)",
     f"{onehot('1, 2')} " + concat(r"\alpha", zeros("1, 2"), "axis=1")),
    (place("v_1", (3, 4), WHOLE, 1), "v_1 onehot(1, 4)^T", rf"v_{{1}} \, {{{onehot('1, 4')}}}^{{T}}"),
    (place("v_1", (5, 4), (0, 3), 1), "concat(v_1, zeros(2)) onehot(1, 4)^T",
     concat("v_{1}", zeros("2")) + rf" \, {{{onehot('1, 4')}}}^{{T}}"),
    (place("A", (2, 5), WHOLE, (2, 5)), "concat(zeros(2, 2), A, axis=1)",
     concat(zeros("2, 2"), "A", "axis=1")),
    (place("A", (5, 3), (1, 3), WHOLE), "concat(zeros(1, 3), A, zeros(2, 3))",
     concat(zeros("1, 3"), "A", zeros("2, 3"))),
    (place("A", (5, 4), (2, 4), (1, 4)), "concat(zeros(2, 4), concat(zeros(2, 1), A, axis=1), zeros(1, 4))",
     concat(zeros("2, 4"), concat(zeros("2, 1"), "A", "axis=1"), zeros("1, 4"))),
    # literals and blocks
    (of("table", "x", "x", extent=(2, 1)), "[x, x]", "[x, x]"),
    (of("table", "x", "x", extent=(1, 2)), "[[x, x]]", "[[x, x]]"),
    (lambda g, n: g.make("table", n["x"], *map(g.constant, (1, 2, 3, 4, 5)), extent=(3, 2)),
     "[[x, 1], [2, 3], [4, 5]]", "[[x, 1], [2, 3], [4, 5]]"),
    (of("concat", "v_1", "v_1", axis=None), "concat(v_1, v_1)", concat("v_{1}", "v_{1}")),
    (of("concat", "v_1", "v_1", axis=1), "concat(v_1, v_1, axis=1)", concat("v_{1}", "v_{1}", "axis=1")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "text", "latex"), PRINTED, ids=[f"{k}: {text}" for k, (_, text, _) in enumerate(PRINTED)]
)
def test_what_is_printed(build: Build, text: str, latex: str) -> None:
    node = built(build)
    assert (render(node, TEXT).text, render(node, LATEX).text) == (text, latex)


def test_an_identity_that_stands_alone_shows_its_size() -> None:
    assert render(built(leaf("eye", size=3)), EXPLICIT).text == "eye(3)"


@pytest.mark.parametrize(
    ("text", "rule"),
    [("s = X[1, 2]", "onehot(1, 2) onehot(2, 3)^T"), ("s = X[1, 2]^2", "2 X[1, 2] onehot(1, 2) onehot(2, 3)^T")],
)
def test_the_gradient_by_an_entry(text: str, rule: str) -> None:
    """∂X_ij/∂X = e_i e_j^T."""
    gradient = gradcalc.loads(text).run({"X": [[1, 2, 3], [4, 5, 6]]}).gradients["X"]
    assert gradient.rule is not None and gradient.rule.text == rule
