"""Shapes that nothing states, guessed as a reader of the lecture would: for pictures and symbols."""

import pytest

import gradcalc


def shapes(text):
    """The shapes of the inputs of a plan without data."""
    plan = gradcalc.loads(text).plan(numeric=False)
    return {plan.labels[node]: node.shape for node in plan.inputs}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("z = W x + b; h = f(z); s = u^T h", {"W": ("n", "m"), "x": ("m",), "b": ("n",), "u": ("n",)}),
        ("s = u^T h; h = f(z); z = W x + b", {"W": ("n", "m"), "x": ("m",), "b": ("n",), "u": ("n",)}),
        ("f(x, y, z) = (x + y) max(y, z)", {"x": (), "y": (), "z": ()}),
        ("y = 3 x^2 + a", {"x": (), "a": ()}),
        ("y = x^T A x", {"x": ("n",), "A": ("n", "n")}),
        ("s = u ∘ v; t = sum(s)", {"u": ("n",), "v": ("n",)}),
        ("p = softmax(z); L = cross_entropy(p, y)", {"z": ("n",), "y": ("n",)}),
        ("d = det(A)", {"A": ("n", "n")}),
        ("z = W x; W ∈ R^{3×4}", {"W": (3, 4), "x": (4,)}),
    ],
)
def test_a_readers_guess(text, expected):
    found = shapes(text)
    assert set(found) == set(expected)
    renamed: dict[object, object] = {}
    for name, shape in expected.items():
        assert len(found[name]) == len(shape), (name, found[name])
        for size, stated in zip(found[name], shape, strict=True):
            assert renamed.setdefault(stated, size) == size
    assert len(set(renamed.values())) == len(renamed)


def test_data_and_stated_shapes_are_no_guess():
    plan = gradcalc.loads("z = W x").plan({"W": (2, 3)}, numeric=False)
    assert {plan.labels[n]: n.shape for n in plan.inputs} == {"W": (2, 3), "x": (3,)}


def test_numbers_need_data_all_the_same():
    with pytest.raises(gradcalc.GradcalcError) as caught:
        gradcalc.loads("z = W x; W ∈ R^{3×4}").run()
    assert {d.code for d in caught.value.diagnostics} <= {"missing-data", "unknown-name"}
