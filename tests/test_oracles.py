"""Gradients of random programs agree with autograd, JAX and PyTorch, or the oracle explains why they do not.

The systems differentiate each program's twin in Python, which shares no code with gradcalc (tests/programs). Errors are
relative to the largest entry of a gradient; what differs by more than 1e-12 is settled exactly (tests/differential).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradcalc
from tests import programs
from tests.differential.compare import AGREEMENT, Comparison
from tests.differential.systems import autograd_namespace

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]
FLOOR = 1e-2
"""Where a Jacobian is smaller, its terms were not."""
BLOCK = 100


def compare(system: str, seeds: range) -> None:
    """No disagreement with a system, on so many programs, may be gradcalc's."""
    pytest.importorskip(system, reason=f"{system} is not installed: pip install 'gradcalc[oracle]'")
    made = Comparison((system,), exact_every=20)
    for _ in made.over(seeds):
        pass
    assert made.tallies[system].agree > 0.8 * len(seeds)
    assert not [one for one in made.found if one.verdict == "gradcalc"]
    assert not made.trust.beyond_spread


@pytest.mark.parametrize("block", range(10))
def test_gradients_agree_with_autograd(block: int) -> None:
    """1,000 programs."""
    compare("autograd", range(block * BLOCK, (block + 1) * BLOCK))


@pytest.mark.parametrize("block", range(2))
def test_gradients_agree_with_torch(block: int) -> None:
    """200 programs."""
    compare("torch", range(10_000 + block * BLOCK, 10_000 + (block + 1) * BLOCK))


def test_gradients_agree_with_jax() -> None:
    """40 programs of the same range of seeds, without compilation, in 64 bits."""
    compare("jax", range(10_000, 10_040))


def test_values_agree_with_numpy() -> None:
    """300 programs: the target is what the twin computes."""
    for seed in range(300):
        program = programs.program(seed)
        run = gradcalc.loads(program.text).run(program.data, of=program.target)
        value = program.compute(programs.NUMPY, program.inputs)[0, 0]
        assert run.value == pytest.approx(value, rel=AGREEMENT, abs=AGREEMENT), f"seed {seed}\n{program.text}"


def test_jacobians_agree_with_autograd() -> None:
    """200 programs whose target is a vector: each row of each Jacobian."""
    autograd = pytest.importorskip("autograd", reason="autograd is not installed: pip install 'gradcalc[oracle]'")
    xp = autograd_namespace()
    for seed in range(200):
        program = programs.program(seed, (3,))
        run = gradcalc.loads(program.text).run(program.data, of=program.target)
        for name, value in program.inputs.items():

            def by_entry(x: Any, name: str = name, program: programs.Program = program) -> Any:
                return program.compute(xp, {**program.inputs, name: x})[:, 0]

            expected = autograd.jacobian(by_entry)(value)
            stacked = np.swapaxes(expected, 1, 2).reshape(3, -1)
            found = np.reshape(run.gradients[name].value, stacked.shape)
            error = np.max(np.abs(found - stacked)) / max(float(np.max(np.abs(stacked))), FLOOR)
            assert error <= AGREEMENT, f"seed {seed}: {name} is off by {error}\n{program.text}"
