"""The corpus that fuzzing left, replayed: inputs that between them reach what all fuzzed inputs reached.

No fuzzer is needed. `python -m tests.fuzz` finds more; what it finds is kept in `tests/test_fuzz_finds.py`.
"""

from __future__ import annotations

import resource
from types import SimpleNamespace

import numpy as np
import pytest

import gradcalc
from tests.fuzz.choices import Choices
from tests.fuzz.corpus import kept
from tests.fuzz.outcome import Broken, of_run, strict, within_bounds
from tests.fuzz.targets import TARGETS, authored


@pytest.mark.parametrize("target", TARGETS)
def test_every_input_ends_in_a_result_or_a_coded_error(target: str) -> None:
    inputs = kept(target)
    assert len(inputs) > 10
    for data in inputs:
        within_bounds(TARGETS[target], data)


def test_the_same_bytes_give_the_same_program() -> None:
    data = np.random.default_rng(0).bytes(80)
    assert authored(data) == authored(data)


def test_spent_bytes_choose_the_first_so_that_what_is_made_ends() -> None:
    choices = Choices(b"\x07")
    assert [choices.below(5), choices.below(5), choices.pick("ab"), choices.once_in(3)] == [2, 0, "a", False]
    assert len(authored(b"")[0]) < 200


def test_a_bare_constant_in_a_document_is_seen() -> None:
    with pytest.raises(Broken, match="bare NaN"):
        strict('{"value": NaN}')


def test_a_gradient_that_is_not_finite_and_has_no_flag_is_seen() -> None:
    run = gradcalc.loads("s = sqrt(x); x = 0").run()
    of_run(run)
    run.flags.clear()
    with pytest.raises(Broken, match="no flag"):
        of_run(run)


def test_an_input_that_takes_too_long_is_seen() -> None:
    def forever(data: bytes) -> None:
        while True:
            pass

    with pytest.raises(Broken, match="processor time"):
        within_bounds(forever, b"", seconds=0.05)


def test_an_input_that_takes_too_much_memory_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = iter((100 * 1024, 613 * 1024))
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=next(peaks)))
    with pytest.raises(Broken, match="513 MiB more memory"):
        within_bounds(lambda data: None, b"")
