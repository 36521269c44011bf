"""Every sample runs, holds its claims in both layouts, has right gradients, and is mentioned in the documentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gradcalc

ROOT = Path(__file__).parent.parent
SAMPLES = sorted((ROOT / "samples").glob("*.eq"))
IDEAS = {
    "cube", "chain", "gradient", "jacobian", "elementwise", "jacobian_wx", "jacobian_b", "jacobian_u", "jacobian_f",
    "score", "reuse", "layouts", "branches", "habits", "fanout", "classifier", "minibatch", "by_hand",
}  # fmt: skip
STEP = 1e-6

pytestmark = pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.stem)


@pytest.mark.parametrize("layout", ["shape", "numerator"])
def test_claims_hold(sample: Path, layout: str) -> None:
    """A sample checks itself: it has claims, all hold, and nothing is flagged or warned of."""
    found = gradcalc.load(sample).run(layout=layout)
    assert found.layout == layout
    assert [f"{c.text}: {c.hint}" for c in found.claims if not c.holds] == []
    assert len(found.claims) >= 2
    assert (found.flags, found.warnings, found.notes) == ([], [], [])


def test_some_claim_is_a_number(sample: Path) -> None:
    """Formulas compare two derivations; at least one claim holds a result to a number."""
    assert any(c.text.rstrip().endswith(tuple("0123456789])")) for c in gradcalc.load(sample).run().claims)


def test_gradients_against_differences(sample: Path) -> None:
    """Every gradient is the central difference of the forward pass; a target that is no scalar entry by entry."""
    model = gradcalc.load(sample)
    found = model.run(layout="shape")
    for name, gradient in found.gradients.items():
        at = np.asarray(found.nodes[name].value, dtype=float)
        columns = []
        for place in np.ndindex(at.shape[::-1]):
            bump = np.zeros_like(at)
            bump[place[::-1]] = STEP
            above, below = (np.asarray(model.run({name: at + s * bump}).value) for s in (1, -1))
            columns.append(np.ravel(above - below, order="F") / (2 * STEP))
        jacobian = np.transpose(columns)
        flat = np.ravel(gradient.value, order="F").reshape(1, -1) if found.kind == "gradient" else gradient.value
        assert np.allclose(flat, jacobian, rtol=1e-6, atol=1e-8), name


def test_branches_sum_to_the_gradient(sample: Path) -> None:
    """The branches of a gradient are the downstream gradients of its edges, and they sum to it."""
    found = gradcalc.load(sample).run()
    for name, gradient in found.gradients.items():
        downstream = [e.downstream for e in found.edges if e.input == name]
        assert len(downstream) == len(gradient.branches)
        assert np.allclose(sum(downstream), gradient.value, rtol=1e-13)


def test_order_of_statements_does_not_matter(sample: Path) -> None:
    """The lines read backwards give the same nodes, rules and numbers."""
    text = sample.read_text(encoding="utf-8")
    found = gradcalc.load(sample).run()
    turned = gradcalc.loads("\n".join(reversed(text.splitlines()))).run(of=found.of)
    assert list(turned.nodes) == list(found.nodes)
    assert [e.local.rule.text for e in turned.edges] == [e.local.rule.text for e in found.edges]
    assert turned.gradients.keys() == found.gradients.keys()
    for name, gradient in found.gradients.items():
        assert np.array_equal(turned.gradients[name].value, gradient.value)


def test_it_teaches(sample: Path) -> None:
    """A sample opens with a comment that says its idea, and its lines fit a page."""
    lines = sample.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert max(map(len, lines)) <= 100


def test_it_is_mentioned(sample: Path) -> None:
    """README or the language reference names every sample, and every idea has one."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    assert any(f"samples/{sample.name}" in page.read_text(encoding="utf-8") for page in pages)
    assert {p.stem for p in SAMPLES} >= IDEAS
