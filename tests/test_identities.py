"""Identities of the literature hold, and wrong variants of each are rejected: by symbols, or at random points."""

import pytest

import gradcalc

from .identities import IDENTITIES


def claim(text):
    """The verdict on the one claim of a text without data."""
    (found,) = gradcalc.loads(text).check().claims
    return found


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda i: i.name)
def test_an_identity_holds(identity):
    found = claim(identity.text)
    assert found.holds, found.hint
    assert found.by in ("symbols", "numbers")


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda i: i.name)
def test_wrong_variants_are_rejected(identity):
    """For what they say, and not for want of a point in the domain."""
    for variant in identity.variants():
        found = claim(variant)
        assert not found.holds, variant
        assert "no random point" not in found.hint, variant


def test_the_collection():
    names = [identity.name for identity in IDENTITIES]
    assert len(set(names)) == len(names) >= 130
    assert all(len(set(identity.wrong)) >= 2 and identity.source for identity in IDENTITIES)
