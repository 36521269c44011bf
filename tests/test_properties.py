"""What must hold of every closed form and of every row of the ledger: shown on random programs, from seeds.

Graphs stay well formed through each pass; a simplified adjoint has the same value; every closed form parses back and
evaluates to the number beside it; local gradients times upstream are downstream. What relates whole programs is in
tests/test_hypothesis.py.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest

import gradcalc
from gradcalc import algebra as al
from gradcalc.differentiate import jacobians, reverse
from gradcalc.evaluator import evaluate
from gradcalc.graph import SCALAR, Node, ancestors, extent, verify
from gradcalc.notation import EXPLICIT
from gradcalc.numeric import leaf_values
from gradcalc.simplify.engine import simplify
from tests import programs

EXACT = 1e-13
CLOSE = 1e-10
BLOCKS = range(5)
BLOCK = 25


def seeds(block: int) -> range:
    return range(20_000 + block * BLOCK, 20_000 + (block + 1) * BLOCK)


@cache
def run_of(seed: int, layout: str, shape: tuple[int, ...] = ()) -> Any:
    program = programs.program(seed, shape)
    return gradcalc.loads(program.text).run(program.data, of=program.target, layout=layout, local_values=True)


def distance(found: Any, expected: Any) -> float:
    """The largest difference, relative to the largest entry expected, or to 1/100 where all are small."""
    a, b = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
    assert a.shape == b.shape, (a.shape, b.shape)
    return float(np.max(np.abs(a - b), initial=0.0)) / max(float(np.max(np.abs(b), initial=0.0)), 1e-2)


# --------------------------------------------------------------------------- the passes


def planned(seed: int, shape: tuple[int, ...]) -> tuple[Any, dict[Node, Any]]:
    """A plan and the values of its leaves."""
    from gradcalc.data import datum

    program = programs.program(seed, shape)
    model = gradcalc.loads(program.text)
    data = {n: datum(n, v) for n, v in program.data.items()}
    plan = model.plan({n: d.shape for n, d in data.items()}, of=program.target)
    return plan, leaf_values(plan, data)


@pytest.mark.parametrize("block", BLOCKS)
def test_simplified_adjoints_have_the_same_value(block: int) -> None:
    """simplify(x̄) = x̄, in a well-formed graph."""
    for seed in seeds(block):
        plan, values = planned(seed, ())
        verify(plan.graph)
        sweep = reverse(plan.target)
        verify(plan.graph)
        gradients = [sweep.adjoint(leaf) for leaf in plan.inputs]
        assert [g.shape for g in gradients] == [leaf.shape for leaf in plan.inputs]
        simplified = [simplify(g) for g in gradients]
        verify(plan.graph)
        evaluate(ancestors([*gradients, *simplified]), values)
        for before, after in zip(gradients, simplified, strict=True):
            assert before.shape == after.shape
            assert distance(np.broadcast_to(values[after], values[before].shape), values[before]) <= 1e-12, seed


def test_jacobians_as_matrices_agree_with_the_adjoint_sweep() -> None:
    """The product of local Jacobians = the sweep over basis vectors, where each has a name."""
    named = 0
    for seed in range(21_000, 21_150):
        plan, values = planned(seed, (3,))
        basis = plan.graph.make("input", name="", shape=(3,))
        sweep = reverse(plan.target, basis)
        found = {leaf: m for leaf, m in jacobians(sweep).items() if m is not None and leaf in plan.inputs}
        verify(plan.graph)
        values[basis] = np.eye(3)[:, :, None]
        evaluate(ancestors([*found.values(), *(sweep.adjoints[leaf] for leaf in found)]), values)
        for leaf, matrix in found.items():
            rows, columns = extent(leaf.shape)
            batch = np.broadcast_to(values[sweep.adjoints[leaf]], (3, rows, columns))
            expected = np.swapaxes(batch, 1, 2).reshape(3, -1)
            assert distance(np.broadcast_to(values[matrix], expected.shape), expected) <= 1e-12, (seed, leaf)
            named += 1
    assert named > 100


# ---------------------------------------------------------------------- closed forms


def readback(program: programs.Program, run: Any, text: str) -> Any:
    """The value of a printed expression, where all values and δ's of the run are data."""
    names = {n: r.value for n, r in run.nodes.items()} | {d.name: d.value for d in run.deltas}
    data = {n: v for n, v in names.items() if re.search(rf"(?<!\w){re.escape(n)}(?!\w)", text)}
    data |= {n: v for n, v in program.data.items() if n in data}
    used = [d for d in program.definitions if re.match(r"\w+", d)[0] in re.findall(r"\w+", text)]  # type: ignore[index]
    model = gradcalc.loads("\n".join([*used, f"answer = {text}"]))
    return model.run({n: np.asarray(v).tolist() for n, v in data.items()}, of="answer").value


def check_form(program: programs.Program, run: Any, form: Any, value: Any) -> float:
    """The error of a printed expression; where it has an `I`, the same expression with sizes is read."""
    shape, text = np.shape(value), form.text
    if re.search(r"(?<!\w)I(?!\w)", text):
        text = form.printed(EXPLICIT)
    found = np.asarray(readback(program, run, text))
    return distance(np.reshape(found, shape) if found.size == 1 else found, value)


def holds_as_claim(program: programs.Program, run: Any, text: str, value: Any) -> bool:
    """Whether a Jacobian as printed, `I` without its size, is accepted as a claim about its value."""
    names = {n: r.value for n, r in run.nodes.items()}
    data = {n: v for n, v in names.items() if re.search(rf"(?<!\w){re.escape(n)}(?!\w)", text)}
    used = [d for d in program.definitions if re.match(r"\w+", d)[0] in re.findall(r"\w+", text)]  # type: ignore[index]
    model = gradcalc.loads("\n".join([*used, "answer (input)", f"answer == {text}"]))
    given = {n: np.asarray(v).tolist() for n, v in {**data, "answer": value}.items()}
    return all(claim.holds for claim in model.run(given, of="answer").claims)


@pytest.mark.parametrize("layout", ["shape", "numerator"])
@pytest.mark.parametrize("block", BLOCKS)
def test_every_closed_form_evaluates_to_the_number_beside_it(block: int, layout: str) -> None:
    """The gradient's rule and its short form, and each δ's."""
    for seed in seeds(block):
        program, run = programs.program(seed), run_of(seed, layout)
        printed = [(f"∂/∂{n}", form, g.value) for n, g in run.gradients.items() for form in (g.rule, g.short)]
        printed += [(d.name, d.rule, d.value) for d in run.deltas]
        for name, form, value in printed:
            if form is not None and form.text != "0":
                error = check_form(program, run, form, value)
                assert error <= CLOSE, f"seed {seed}: {name} = {form.text} is off by {error}\n{program.text}"


def test_every_closed_form_of_a_jacobian_evaluates_to_the_number_beside_it() -> None:
    """Targets that are columns."""
    checked = 0
    for seed in range(22_000, 22_060):
        program, run = programs.program(seed, (3,)), run_of(seed, "numerator", (3,))
        for name, gradient in run.gradients.items():
            if gradient.rule is not None and gradient.rule.text != "0":
                text = gradient.rule.text
                if re.search(r"(?<!\w)I(?!\w)", text):
                    assert holds_as_claim(program, run, text, gradient.value), f"seed {seed}: {name} = {text}"
                error = check_form(program, run, gradient.rule, gradient.value)
                assert error <= CLOSE, f"seed {seed}: {name} = {text} is off by {error}\n{program.text}"
                checked += 1
    assert checked > 30


@pytest.mark.parametrize("block", BLOCKS)
def test_every_equation_of_a_node_evaluates_to_its_value(block: int) -> None:
    """What stands beside a node in the forward table, with the nodes before it as data."""
    for seed in seeds(block):
        program, run = programs.program(seed), run_of(seed, "shape")
        for name, row in run.nodes.items():
            if row.op != "input":
                error = check_form(program, run, row.equation, row.value)
                assert error <= EXACT, f"seed {seed}: {name} = {row.equation.text} is off by {error}"


# -------------------------------------------------------------------------- the ledger


def flat(value: Any) -> Any:
    """vec: the entries, columns one under the other."""
    return np.asarray(value, dtype=float).reshape(-1, order="F")


@pytest.mark.parametrize("layout", ["shape", "numerator"])
@pytest.mark.parametrize("block", BLOCKS)
def test_local_gradient_times_upstream_is_downstream(block: int, layout: str) -> None:
    """vec(downstream) = J^T vec(upstream) for each edge, with J given in full."""
    for seed in seeds(block):
        for edge in run_of(seed, layout).edges:
            up, down = flat(edge.upstream), flat(edge.downstream)
            local = np.asarray(edge.local.value, dtype=float)
            local = flat(local)[:, None] if down.size == 1 else local.reshape(up.size, down.size)
            scale = max(np.max(np.abs(local.T) @ np.abs(up)), 1e-2)
            assert np.max(np.abs(local.T @ up - down)) <= EXACT * scale, (seed, edge.node, edge.input)


def test_the_derivative_by_a_scalar_seed_is_one() -> None:
    """∂s/∂s = 1: the upstream gradient of the target."""
    run = gradcalc.loads("x = 2; s = x^2").run(of="s")
    assert [e.upstream for e in run.edges if e.node == "s"] == [1.0]
    assert al.is_one(reverse(gradcalc.loads("x = 2; s = x^2").plan().target).seed)
    assert SCALAR == ()
