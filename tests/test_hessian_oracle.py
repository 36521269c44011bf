"""Hessians of random programs agree with JAX to 1e-10 and are symmetric to 1e-13, of the Hessian's largest entry.

The error is measured against the whole Hessian and not block by block: a block in which terms of that size cancel
has no more right digits on either side. `jax.hessian` differentiates each program's twin in Python, which shares no
code with gradcalc (tests/programs.py). It is compiled without optimisation, which would cost more than it saves.
"""

from __future__ import annotations

from functools import cache
from itertools import count, islice
from typing import Any

import numpy as np
import pytest

import gradcalc
from tests import programs

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]
AGREEMENT, SYMMETRY = 1e-10, 1e-13
FLOOR = 1e-2
"""Where all of a Hessian is smaller, its terms were not."""
LARGEST = 24
"""Entries of all inputs together, so that 300 programs take minutes."""
PROGRAMS, BLOCKS = 300, 10
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


@cache
def suitable() -> list[programs.Program]:
    """The first programs that have few inputs, but some."""
    made = (programs.program(seed) for seed in count())
    return list(islice((p for p in made if 0 < sum(map(np.size, p.inputs.values())) <= LARGEST), PROGRAMS))


def stacked(value: np.ndarray) -> np.ndarray:
    """The columns of an array, one under the other."""
    return np.asarray(value, dtype=float).reshape(-1, order="F")


def dense(program: programs.Program) -> np.ndarray:
    """All blocks of gradcalc's Hessian side by side."""
    names = list(program.inputs)
    made = gradcalc.loads(program.text).hessian(program.target, names, program.data)
    sizes = {name: np.size(value) for name, value in program.inputs.items()}
    return np.block([[np.reshape(made.hessians[x][y].value, (sizes[x], sizes[y])) for y in names] for x in names])


def expected(program: programs.Program, jax: Any, xp: programs.Namespace) -> np.ndarray:
    """JAX's Hessian by all inputs as one column."""

    def compute(entries: Any) -> Any:
        environment, start = {}, 0
        for name, value in program.inputs.items():
            rows, columns = np.shape(value)
            part = entries[start : start + rows * columns]
            environment[name] = part.reshape(columns, rows).T
            start += rows * columns
        return program.compute(xp, environment)[0, 0]

    point = np.concatenate([stacked(value) for value in program.inputs.values()])
    return np.asarray(jax.jit(jax.hessian(compute)).lower(point).compile(compiler_options=QUICK)(point))


@pytest.mark.parametrize("block", range(BLOCKS))
def test_hessians_agree_with_jax_and_are_symmetric(block: int) -> None:
    """300 programs."""
    jax = pytest.importorskip("jax", reason="jax is not installed: pip install 'gradcalc[oracle]'")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        xp = programs.Namespace(jax.numpy, erf=jax.scipy.special.erf)
        for program in suitable()[block::BLOCKS]:
            found, wanted = dense(program), expected(program, jax, xp)
            scale = max(float(np.max(np.abs(wanted))), FLOOR)
            where = f"seed {program.seed}\n{program.text}\n{program.data}"
            assert np.max(np.abs(found - wanted)) <= AGREEMENT * scale, where
            assert np.max(np.abs(found - found.T)) <= SYMMETRY * scale, where
    finally:
        jax.config.update("jax_enable_x64", before)
