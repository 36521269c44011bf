"""What must hold for every program: shown on random ones that hypothesis writes, and makes small where it does not.

Each test opens with the statement. The programs are those of tests/programs, whose every choice hypothesis takes.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import gradcalc
from gradcalc.closed_form import form_of
from gradcalc.graph import ancestors
from gradcalc.notation import EXPLICIT
from gradcalc.ops import FUNCTIONS
from gradcalc.planning.plan import Plan
from gradcalc.report.document import run_document
from gradcalc.report.encode import encode
from gradcalc.report.ledger import ledger
from gradcalc.report.numbers import Look
from tests import programs
from tests.programs import Program, Unsuitable

EXACT = 1e-13
FLOOR = 1e-2
"""Where a gradient is smaller, the terms that it sums were not."""
NAME = re.compile(r"(?<![\w])[^\W\d_ᵀ][^\Wᵀ]*")
RESERVED = {*FUNCTIONS, "input", "axis", "I", "T", "pi", "π"}


def examples(count: int) -> Callable[[Any], Any]:
    """So many programs, the same ones in every run."""
    return settings(max_examples=count, derandomize=True, deadline=None, database=None,
                    suppress_health_check=list(HealthCheck))  # fmt: skip


@st.composite
def random_programs(draw: Any, most: int = 40, **targets: programs.Shape) -> Program:
    """A program with the targets named, or with a scalar `result`."""
    try:
        return programs.written(draw(st.randoms(use_true_random=False)), targets or {"result": ()}, most)
    except Unsuitable:
        assume(False)
        raise


@st.composite
def compositions(draw: Any, most: int = 40) -> tuple[Program, Program]:
    """Programs of a vector, a row or a matrix, and of a number that is made from it."""
    shape = draw(st.sampled_from([(3,), (2,), (1, 3), (2, 3)]))
    try:
        return programs.composed(draw(st.randoms(use_true_random=False)), shape, most)
    except Unsuitable:
        assume(False)
        raise


numbers = st.integers(0, 2**32).map(random.Random)
"""Numbers that are of no consequence, from a seed."""

# ----------------------------------------------------------------------------- gradients


def gradients(text: str, program: Program, of: str) -> dict[str, np.ndarray]:
    """The value under "", and the gradient by every input of the program."""
    data = {n: np.asarray(v, dtype=float) for n, v in program.data.items()}
    value, found = gradcalc.loads(text).compile(of, shapes={n: v.shape for n, v in data.items()})(**data)
    zeros = {n: np.zeros(v.shape) for n, v in program.inputs.items()}
    return {"": np.array(value), **{n: np.reshape(found.get(n, zero), zero.shape) for n, zero in zeros.items()}}


def assert_close(found: dict[str, Any], expected: dict[str, Any], sizes: dict[str, float] | None = None) -> None:
    """Gradient by gradient, relative to the largest entry, or to the sizes of what it was summed from."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        size = max(float(np.max(np.abs(value), initial=0.0)), (sizes or {}).get(name, 0.0), FLOOR)
        error = np.max(np.abs(found[name] - value), initial=0.0)
        assert error <= EXACT * size, f"{name or 'the value'} is off by {error} beside {size}"


@examples(40)
@given(random_programs(result=(), other=()), st.floats(-3, 3), st.floats(-3, 3))
def test_the_derivative_is_linear(program: Program, a: float, b: float) -> None:
    """∇(a s + b t) = a ∇s + b ∇t."""
    s, t = (gradients(program.text, program, of) for of in ("result", "other"))
    whole = gradients(f"{program.text}\nwhole = ({a!r}) result + ({b!r}) other", program, "whole")
    sizes = {n: float(np.max(np.abs(a * s[n])) + np.max(np.abs(b * t[n]))) for n in s}
    assert_close(whole, {n: a * s[n] + b * t[n] for n in s}, sizes)


@examples(40)
@given(random_programs(result=(), other=()))
def test_the_product_rule(program: Program) -> None:
    """∇(s t) = t ∇s + s ∇t."""
    s, t = (gradients(program.text, program, of) for of in ("result", "other"))
    whole = gradients(f"{program.text}\nwhole = result other", program, "whole")
    assert whole.pop("") == pytest.approx(s[""] * t[""], rel=EXACT)
    sizes = {n: float(np.max(np.abs(t[""] * s[n])) + np.max(np.abs(s[""] * t[n]))) for n in whole}
    assert_close(whole, {n: t[""] * s[n] + s[""] * t[n] for n in whole}, sizes)


@examples(40)
@given(random_programs(result=(), other=()))
def test_the_quotient_rule(program: Program) -> None:
    """∇(s / u) = (u ∇s - s ∇u) / u², here with u = 1 + t²."""
    s, t = (gradients(program.text, program, of) for of in ("result", "other"))
    whole = gradients(f"{program.text}\nwhole = result / (1 + other^2)", program, "whole")
    u = 1 + t[""] ** 2
    whole.pop("")
    terms = {n: (s[n] / u, -s[""] * 2 * t[""] * t[n] / u**2) for n in whole}
    sizes = {n: float(sum(np.max(np.abs(x)) for x in pair)) for n, pair in terms.items()}
    assert_close(whole, {n: x + y for n, (x, y) in terms.items()}, sizes)


@examples(40)
@given(compositions())
def test_the_chain_rule(pair: tuple[Program, Program]) -> None:
    """∇(s ∘ y) = J_y^T ∇s at y: the outer program's gradient handed down by the inner one."""
    inner, outer = pair
    data = {**inner.data, **outer.data}
    whole = gradcalc.loads(f"{inner.text}\n{outer.text}").run(data, of="result")
    middle = gradcalc.loads(inner.text).run(inner.data, of="inner")
    last = gradcalc.loads(f"{outer.text}\ninner (input)").run({**outer.data, "inner": middle.value}, of="result")
    assert whole.value == pytest.approx(last.value, rel=EXACT)
    if "inner" not in last.gradients:
        return
    handed = gradcalc.loads(inner.text).run(inner.data, of="inner", upstream=last.gradients["inner"].value)
    for name, gradient in handed.gradients.items():
        direct = last.gradients[name].value if name in last.gradients else 0.0
        assert_close({name: whole.gradients[name].value}, {name: gradient.value + direct},
                     {name: float(np.max(np.abs(gradient.value)))})  # fmt: skip


@examples(40)
@given(st.sampled_from([(), (3,), (1, 2), (2, 3)]).flatmap(lambda shape: random_programs(result=shape)), numbers)
def test_forward_mode_agrees_with_reverse_mode(program: Program, draws: random.Random) -> None:
    """⟨v, J u⟩ = ⟨J^T v, u⟩ for random u and v."""
    model = gradcalc.loads(program.text)
    above = along(draws, program.shape)
    run = (
        model.run(program.data, of="result", upstream=above) if program.shape else model.run(program.data, of="result")
    )
    names = list(run.gradients)
    assume(names)
    tangents = {n: along(draws, np.shape(run.nodes[n].value)) for n in names}
    change = model.jacobian("result", names, program.data, tangent=tangents).change.value
    left = np.sum(np.multiply(above, change)) if program.shape else change
    terms = [np.sum(np.multiply(run.gradients[n].value, tangents[n])) for n in names]
    size = np.sum(np.abs(np.multiply(above, change))) + np.sum(np.abs(terms)) + FLOOR
    assert abs(left - np.sum(terms)) <= EXACT * size


def along(draws: random.Random, shape: programs.Shape) -> Any:
    """A direction."""
    return np.reshape([draws.gauss(0, 1) for _ in range(int(np.prod(shape)))], shape) if shape else draws.gauss(0, 1)


@examples(25)
@given(random_programs(most=10))
def test_hessians_are_symmetric(program: Program) -> None:
    """∂²s/∂x∂y = (∂²s/∂y∂x)^T."""
    names = list(program.inputs)
    assume(names and sum(v.size for v in program.inputs.values()) <= 24)
    blocks = gradcalc.loads(program.text).hessian("result", names, program.data).hessians
    values = {(x, y): np.atleast_2d(blocks[x][y].value) for x in names for y in names}
    size = max(FLOOR, *(float(np.max(np.abs(v))) for v in values.values()))
    for (x, y), value in values.items():
        turned = values[y, x].reshape(program.inputs[y].size, program.inputs[x].size).T
        assert np.max(np.abs(value.reshape(turned.shape) - turned)) <= EXACT * size


# ------------------------------------------------------------------- the same program, otherwise


def shown(run: Any) -> dict[str, Any]:
    """A run as plain data, bit by bit."""
    return {
        "value": np.asarray(run.value).tolist(),
        "nodes": {n: (r.op, r.equation.text, r.inputs, r.shape, np.asarray(r.value).tolist())
                  for n, r in run.nodes.items()},
        "edges": [(e.node, e.input, e.argument, e.local.rule.text, np.asarray(e.upstream).tolist(),
                   np.asarray(e.downstream).tolist()) for e in run.edges],
        "gradients": {n: (g.rule and g.rule.text, np.asarray(g.value).tolist()) for n, g in run.gradients.items()},
        "deltas": [(d.name, d.of) for d in run.deltas],
    }  # fmt: skip


def run_of(text: str, data: dict[str, Any], **options: Any) -> Any:
    return gradcalc.loads(text).run(data, of="result", **options)


@examples(40)
@given(random_programs(), numbers)
def test_the_order_of_statements_changes_nothing(program: Program, draws: random.Random) -> None:
    """Same nodes under the same names, same edges, bit-identical values and gradients, same closed forms."""
    expected, found = (shown(run_of(t, program.data)) for t in (program.text, program.shuffled(draws.randrange(99))))
    assert found.pop("nodes") == expected.pop("nodes")
    assert found.pop("gradients") == expected.pop("gradients")
    assert found == expected


def renamed(text: str, names: dict[str, str]) -> str:
    """A text with other names."""
    return NAME.sub(lambda match: names.get(match[0], match[0]), text)


@examples(40)
@given(random_programs(), numbers)
def test_names_change_nothing_but_names(program: Program, draws: random.Random) -> None:
    """Bit-identical values and gradients; closed forms are the same in the other names."""
    old = sorted({*NAME.findall(program.text), *program.inputs} - RESERVED - {"result"})
    new = [f"n_{k}" for k in range(len(old))]
    draws.shuffle(new)
    names = dict(zip(old, new, strict=True))
    before = run_of(program.text, program.data)
    after = run_of(renamed(program.text, names), {names[n]: v for n, v in program.data.items()})
    assert np.array_equal(before.value, after.value)
    for name, gradient in before.gradients.items():
        other = after.gradients[names[name]]
        assert np.array_equal(gradient.value, other.value)
        assert renamed(gradient.rule.text, names) == other.rule.text


def mentions(program: Program) -> list[tuple[str, str]]:
    """The equations of names that other statements mention, with the names."""
    found = []
    for name, step in program.steps.items():
        others = [s for s in program.statements if not s.startswith(f"{name} =") and s not in program.definitions]
        if name != "result" and any(name in NAME.findall(s) for s in others):
            found.append((name, step.text))
    return found


def rewritten(program: Program, name: str, replace: Callable[[re.Match[str]], str], kept: str = "") -> str:
    """The program's text where every mention of a name is replaced; its equation is kept or is dropped."""
    lines = []
    for statement in program.statements:
        if statement.startswith(f"{name} ="):
            lines += [statement, kept] if kept else []
        elif statement in program.definitions:
            lines.append(statement)
        else:
            lines.append(NAME.sub(lambda m: replace(m) if m[0] == name else m[0], statement))
    return "\n".join(lines)


@examples(40)
@given(random_programs(), numbers)
def test_a_name_can_be_replaced_by_what_it_stands_for(program: Program, draws: random.Random) -> None:
    """h = E; s = F(h) is s = F((E)): same value, same gradients."""
    found = mentions(program)
    assume(found and program.inputs)
    name, expression = draws.choice(found)
    text = rewritten(program, name, lambda m: f"({expression})")
    assume(len(text) < 20_000)
    assert_close(gradients(text, program, "result"), gradients(program.text, program, "result"))


@examples(40)
@given(random_programs(), numbers)
def test_sharing_changes_no_gradient(program: Program, draws: random.Random) -> None:
    """A value that is used twice, or written down twice under two names: same value, same gradients."""
    found = mentions(program)
    assume(found and program.inputs)
    name, expression = draws.choice(found)
    text = rewritten(program, name, lambda m: draws.choice((name, "twin")), f"twin = {expression}")
    assert_close(gradients(text, program, "result"), gradients(program.text, program, "result"))


# ------------------------------------------------------------------------ what is printed


@examples(40)
@given(random_programs())
def test_branches_add_up(program: Program) -> None:
    """x̄ = Σ of the branches; each branch is the downstream gradient of one edge."""
    run = run_of(program.text, program.data)
    for name, gradient in run.gradients.items():
        into = sorted(e.node for e in run.edges if e.input == name)
        assert sorted(b.through for b in gradient.branches) == into
        total = sum((np.asarray(b.value) for b in gradient.branches), np.zeros(gradient.shape))
        size = sum(float(np.max(np.abs(b.value))) for b in gradient.branches)
        assert np.max(np.abs(total - gradient.value)) <= EXACT * max(size, FLOOR)


def defined(program: Program, text: str) -> list[str]:
    """The functions of the file that a text calls."""
    words = NAME.findall(text)
    return [d for d in program.definitions if NAME.findall(d)[0] in words]


def forward_table(program: Program, run: Any) -> tuple[str, dict[str, Any]]:
    """The equations of a run as a program, with the values of its inputs."""
    equations = [f"{n} = {r.equation.text}" for n, r in run.nodes.items() if r.op != "input"]
    data = {n: np.asarray(r.value).tolist() for n, r in run.nodes.items() if r.op == "input"}
    text = "\n".join([*equations, *(f"{n} (input)" for n in data)])
    return "\n".join([*defined(program, text), text]), data


@examples(40)
@given(random_programs())
def test_what_is_printed_of_a_run_is_the_same_run(program: Program) -> None:
    """The forward table read as a program has the same values and gradients under the same names; read again and again
    it is the same run, bit by bit: nodes, edges, closed forms. Operations that are written as several, such as
    stretching, which is the product with ones, are several after the first reading, and these have names of the file,
    which closed forms use, after the second."""
    runs = [run_of(program.text, program.data)]
    for _ in range(3):
        runs.append(run_of(*forward_table(program, runs[-1])))
    first, second, third, fourth = runs
    assert shown(fourth) == shown(third)
    assert set(third.nodes) == set(second.nodes)
    assert_close({n: second.nodes[n].value for n in first.nodes}, {n: r.value for n, r in first.nodes.items()})
    assert_close({n: second.gradients[n].value for n in first.gradients},
                 {n: g.value for n, g in first.gradients.items()})  # fmt: skip


def graph_of(plan: Plan) -> list[Any]:
    """A graph as plain data: every node's operation, attributes, shape, and the places of its inputs."""
    order = ancestors([plan.target])
    places = {node: k for k, node in enumerate(order)}
    return [(n.op, sorted(n.attributes.items()), n.shape, [places[i] for i in n.inputs]) for n in order]


def printed(plan: Plan) -> str:
    """The target in the inputs' names."""
    return form_of(plan.target, {leaf: str(leaf.attributes["name"]) for leaf in plan.inputs}).printed(EXPLICIT)


@examples(40)
@given(random_programs(), st.sampled_from(["shape", "numerator"]))
def test_what_is_printed_of_a_closed_form_is_the_same_graph(program: Program, layout: str) -> None:
    """A graph that was read from print, printed and read again is the same graph: no node, operation or attribute
    differs. (The first reading may set a sign, or the brackets of a product with numbers, otherwise.)"""
    run = run_of(program.text, program.data, layout=layout)
    values = {n: r.value for n, r in run.nodes.items()} | {d.name: d.value for d in run.deltas}
    forms = [f for g in run.gradients.values() for f in (g.rule, g.short) if f is not None]

    def read(text: str) -> Plan:
        shapes = {n: np.shape(values[n]) for n in NAME.findall(text) if n in values}
        return gradcalc.loads("\n".join([*defined(program, text), f"answer = {text}"])).plan(shapes, of="answer")

    for form in [*forms, *(d.rule for d in run.deltas if d.rule)]:
        plan = read(form.printed(EXPLICIT))
        if plan.target.inputs:
            plan = read(printed(plan))
            assert graph_of(read(printed(plan))) == graph_of(plan), printed(plan)


# ------------------------------------------------------------------------------ the table

NUMBER = re.compile(r"-?∞|undefined|-?(?<![\w.])\d[\d.]*(?:e[+-]?\d+)?")


def numbers_in(text: str) -> list[str]:
    return NUMBER.findall(text)


def six_digits(document: Any) -> list[str]:
    """The numbers of a value in a document, as a table shows them."""
    return [text if (text := f"{float(x):.6g}") != "-0" else "0" for x in np.ravel(np.asarray(document, dtype=float))]


@examples(30)
@given(random_programs(most=20))
def test_tables_show_the_numbers_of_the_document(program: Program) -> None:
    """Values, upstream, downstream and gradients: what is printed is what JSON has, to six digits."""
    run = run_of(program.text, program.data)
    document = json.loads(encode(run_document(run)))
    forward, backward, total = ledger(run, 0, Look(full=True))[:3]
    for row, node in zip(forward.rows, document["nodes"].values(), strict=True):
        assert numbers_in(row[-1].text) == six_digits(node["value"])
    for row, edge in zip(backward.rows, document["edges"], strict=True):
        assert numbers_in(row[1].text.rsplit("= ", 1)[-1]) == six_digits(edge["upstream"])
        assert numbers_in(row[-1].text) == six_digits(edge["downstream"])
    shown_sums = total.rows[len(document["deltas"]) :]
    for row, gradient in zip(shown_sums, document["gradients"].values(), strict=True):
        assert numbers_in(row[-1].text) == six_digits(gradient["value"])


# ----------------------------------------------------------------------------- the programs


def test_random_programs_use_the_whole_function_table() -> None:
    """Every function is called in some of the first programs, by one of its names."""
    called = {word for seed in range(600) for word in re.findall(r"[^\W\d]\w*(?=\()", programs.program(seed).text)}
    assert {function.name for name, function in FUNCTIONS.items() if name in called} == {
        function.name for function in FUNCTIONS.values()
    }
