"""Identities of the literature hold, and wrong variants of each are rejected: by symbols, or at random points."""

import re

import numpy as np
import pytest

import gradcalc
from gradcalc.definitions import collect

from .identities import IDENTITIES

SIZES = {"k": 2, "n": 3, "m": 4, "p": 5}
FUNCTIONS = {"f": "f(t) = sin(t) + t^2", "g": "g(t) = exp(t/3) - t"}
"""What the functions that an identity leaves open are taken to be."""


def claim(text):
    """The verdict on the one claim of a text, at a random point: positive, with large diagonals."""
    text = "\n".join([text, *(d for name, d in FUNCTIONS.items() if re.search(rf"\b{name}'*\(", text))])
    model = gradcalc.loads(text)
    tables = collect(model.program)
    numbers = np.random.default_rng(0)
    data = {}
    for name, stated in tables.shapes.items():
        shape = tuple(SIZES.get(size, size) for size in stated.sizes)
        values = numbers.uniform(0.3, 1.6, shape)
        data[name] = (values + 2 * np.eye(*shape) if len(shape) == 2 else values).tolist()
    (found,) = model.run(data).claims
    return found


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda i: i.name)
def test_an_identity_holds(identity):
    found = claim(identity.text)
    assert found.holds, found.hint


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda i: i.name)
def test_wrong_variants_are_rejected(identity):
    for variant in identity.variants():
        assert not claim(variant).holds, variant


def test_the_collection():
    names = [identity.name for identity in IDENTITIES]
    assert len(set(names)) == len(names) >= 130
    assert all(len(set(identity.wrong)) >= 2 and identity.source for identity in IDENTITIES)
