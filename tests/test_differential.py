"""The record of the comparison with other systems, and what gradcalc gives at kinks and edges; without the systems."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from tests.differential.edges import REFUSED, Edge, edges, exact, with_gradcalc

RECORD = Path(__file__).parent / "differential" / "results.json"
CASES = edges(MagicMock(), MagicMock(), MagicMock())


@pytest.mark.parametrize("edge", CASES, ids=lambda edge: f"{edge.text} at {edge.at}")
def test_gradients_at_edges_are_exact_or_follow_the_rule(edge: Edge) -> None:
    """The exact derivative; the rule of the contract and a flag; or an error."""
    found, wanted = with_gradcalc(edge), exact(edge)
    if wanted == REFUSED:
        assert found.startswith("error")
    elif callable(edge.exact):
        assert found.split(" (")[0] == wanted
    else:
        numbers = wanted.rsplit(": ", 1)[-1].removesuffix(", told").replace("undefined", "NaN")
        assert found.split(" (")[0] == numbers
        assert "flag" in found


def test_the_record_has_no_disagreement_that_is_gradcalcs() -> None:
    """Of every program and system it says how many agree; every other gradient has a verdict in gradcalc's favour."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    for tally in record["against"].values():
        assert not any(verdict.startswith("gradcalc") for verdict in tally["verdicts"])
        assert tally["agree"] > 0.9 * tally["programs"]
    assert record["exact"]["beyond_spread"] == 0
