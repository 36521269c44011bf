"""Gradients of random programs agree with autograd and with JAX, to 1e-12 of the gradient's largest entry.

The oracles differentiate each program's twin in Python, which shares no code with gradcalc (tests/programs.py).
Both sides round: where terms of size one cancel in a small gradient, the error is measured against 1/100.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradcalc
from tests import programs

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]
TOLERANCE = 1e-12
FLOOR = 1e-2
BLOCK = 100


def worst_error(run: Any, expected: dict[str, Any]) -> tuple[float, str]:
    """The largest error of a run's gradients, and where; each relative to that gradient's largest entry."""
    errors = []
    for name, gradient in expected.items():
        array = np.asarray(gradient, dtype=float)
        found = np.reshape(run.gradients[name].value, array.shape)
        scale = max(float(np.max(np.abs(array))), FLOOR)
        errors.append((float(np.max(np.abs(found - array))) / scale, name))
    return max(errors, default=(0.0, ""))


def compare(seed: int, oracle: Any, xp: programs.Namespace, shape: tuple[int, ...] = ()) -> None:
    """One program's value and gradients against an oracle's."""
    program = programs.program(seed, shape)
    run = gradcalc.loads(program.text).run(program.data, of=program.target)
    value = program.compute(programs.NUMPY, program.inputs)[0, 0]
    assert run.value == pytest.approx(value, rel=TOLERANCE, abs=TOLERANCE), f"seed {seed}\n{program.text}"
    if program.inputs:
        expected = oracle(lambda inputs: program.compute(xp, inputs)[0, 0])(program.inputs)
        error, name = worst_error(run, expected)
        assert error <= TOLERANCE, f"seed {seed}: {name} is off by {error}\n{program.text}\n{program.data}"


def autograd_namespace() -> programs.Namespace:
    import autograd.numpy
    from autograd.scipy.special import erf

    return programs.Namespace(autograd.numpy, erf=erf)


@pytest.mark.parametrize("block", range(10))
def test_gradients_agree_with_autograd(block: int) -> None:
    """1,000 programs."""
    autograd = pytest.importorskip("autograd", reason="autograd is not installed: pip install 'gradcalc[oracle]'")
    xp = autograd_namespace()
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        compare(seed, autograd.grad, xp)


def test_gradients_agree_with_jax() -> None:
    """40 programs of another range of seeds, without compilation, in 64 bits."""
    jax = pytest.importorskip("jax", reason="jax is not installed: pip install 'gradcalc[oracle]'")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        xp = programs.Namespace(jax.numpy, erf=jax.scipy.special.erf)
        for seed in range(10_000, 10_040):
            compare(seed, jax.grad, xp)
    finally:
        jax.config.update("jax_enable_x64", before)


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
            assert error <= TOLERANCE, f"seed {seed}: {name} is off by {error}\n{program.text}"
