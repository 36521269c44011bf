"""The limits of section "Limits": each at the default minus 1, at it, and 1 beyond; lowered, raised, and cheap.

What is refused is refused before memory is asked for: the tests of arrays run under a cap on memory.
"""

from __future__ import annotations

import copy
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from gradcalc import GradcalcError, load, loads
from gradcalc.codes import CODES, exit_of
from gradcalc.errors import Diagnostic, Exit, Limits
from gradcalc.model import Model
from gradcalc.planning.definitions import collect, expansion_fault, sorted_functions
from gradcalc.report.diagnostic import render

ROOT = Path(__file__).parent.parent
DEFAULT = Limits()


def planned(text: str, limits: Limits | None = None) -> list[Diagnostic]:
    """The faults of a text that is read and planned."""
    try:
        loads(text, limits=limits).plan(numeric=False)
    except GradcalcError as error:
        return list(error.diagnostics)
    return []


def codes(text: str, limits: Limits | None = None) -> list[str]:
    """The codes of the faults."""
    return [d.code for d in planned(text, limits)]


def capped(arguments: list[str], text: str = "", mebibytes: int = 1024) -> subprocess.CompletedProcess[str]:
    """The command line in a process that may have so much memory; its arrays are counted too."""

    def cap() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (mebibytes * 2**20, mebibytes * 2**20))

    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "gradcalc", *arguments], input=text, capture_output=True, text=True,
        preexec_fn=cap, env=environment, timeout=100,
    )  # fmt: skip


# ------------------------------------------------------------------------- the size of a text


@pytest.mark.parametrize(("size", "expected"), [(16 * 2**20 - 1, ""), (16 * 2**20, ""), (16 * 2**20 + 1, "limit-file")])
def test_a_text_of_16_mebibytes(tmp_path: Path, size: int, expected: str) -> None:
    """Bytes count, not characters; a file and a text alike."""
    text = "x = 1\n#" + "é" * ((size - 7) // 2) + "e" * ((size - 7) % 2)
    path = tmp_path / "x.eq"
    path.write_text(text, encoding="utf-8")
    assert path.stat().st_size == size
    for read in (lambda: loads(text), lambda: load(path)):
        if expected:
            with pytest.raises(GradcalcError) as caught:
                read()
            assert [d.code for d in caught.value.diagnostics] == [expected]
        else:
            assert len(read().program.statements) == 1


def test_standard_input_is_read_to_the_limit() -> None:
    """An endless writer is cut off."""
    done = capped(["run", "-", "--limit", "file_bytes=1000"], "# comment\n" * 200)
    assert (done.returncode, done.stderr.splitlines()[0]) == (5, "error[limit-file]: <stdin> has more than 1,000 bytes")


# ----------------------------------------------------------------------------------- nesting

NESTED: dict[str, Callable[[int], str]] = {
    "brackets": lambda n: "(" * n + "x" + ")" * n,
    "powers": lambda n: "x" + "^1" * n,
    "powers in braces": lambda n: (
        "1^{" * (n // 2) + "1" + "}" * (n // 2) + " x" if n % 2 == 0 else "-x" + "^1" * (n - 1)
    ),
    "signs": lambda n: "-" * n + "x",
    "calls": lambda n: "sin(" * n + "x" + ")" * n,
    "calls of a function of the file": lambda n: "g(" * n + "x" + ")" * n,
    "calls of an unknown function": lambda n: "h(" * n + "x" + ")" * n,
    "products that look like calls": lambda n: "x (" * n + "x" + ")" * n,
    "transposes": lambda n: "x" + "^T" * n,
    "primes": lambda n: "x" + "'" * n,
    "choices": lambda n: "where(x > 0, " * n + "x" + ", 1)" * n,
    "conditions": lambda n: "1(" * n + "x" + " > 0)" * n,
    "the last argument": lambda n: "max(1, " * n + "x" + ")" * n,
    "norms": lambda n: "||" * 1 + "(" * (n - 1) + "x" + ")" * (n - 1) + "||",
    "absolute values": lambda n: "abs(" * (n - 1) + "|x|" + ")" * (n - 1),
    "a vector": lambda n: "[" + "(" * (n - 1) + "x" + ")" * (n - 1) + "]",
    "an index": lambda n: "v[" + "(" * (n - 1) + "0" + ")" * (n - 1) + "]",
}


@pytest.mark.parametrize("kind", NESTED)
def test_nesting_of_200(kind: str) -> None:
    """Any construct: 199 and 200 are read, 201 are refused; 1000 are read where the limit is raised."""
    for depth in (199, 200, 201):
        text = f"x = 1; v = [1, 2]; g(t) = t\ns = {NESTED[kind](depth)}"
        assert codes(text) == (["limit-nesting"] if depth > 200 else []), depth
        if kind not in ("powers in braces", "signs"):
            assert codes(text, Limits(nesting=depth)) == []
    text = f"x = 1; v = [1, 2]; g(t) = t\ns = {NESTED[kind](900)}"
    assert codes(text, Limits(nesting=1000)) == []
    assert codes(text, Limits(nesting=10)) == ["limit-nesting"]


@pytest.mark.parametrize("command", ["run", "check", "derive", "jacobian", "hessian"])
def test_deep_texts_go_through_every_command(command: str) -> None:
    """With the limit raised, depth costs no stack, to the last line that is printed."""
    for kind in ("brackets", "calls", "choices", "transposes"):
        text = f"x = 0.5; s = {NESTED[kind](500)}; s == s"
        done = getattr(loads(text, limits=Limits(nesting=1000)), command)()
        assert done and repr(done)


def test_50_000_brackets_stop_at_the_first_one_too_many() -> None:
    """In no time, of any kind, closed or not; the place is told."""
    for mark in ("(", "[", "|(", "sin(", "{", "x^", "-", "'"):
        began = time.process_time()
        found = planned("s = x" * (mark == "'") + "s = " * (mark != "'") + mark * 50_000)
        assert found and exit_of(found[0].code) in (Exit.LIMIT, Exit.INPUT) and found[0].span
        assert render(found[0]) and time.process_time() - began < 2


# -------------------------------------------------------------------------- numbers and names


@pytest.mark.parametrize(
    ("limit", "make"),
    [
        ("literal", lambda n: "s = 0." + "1" * (n - 2)),
        ("literal", lambda n: "s = " + "0" * n),
        ("literal", lambda n: "s = 1e-" + "0" * (n - 3)),
        ("literal", lambda n: "x = [1, 2]; s = x[" + "0" * n + "]"),
        ("name", lambda n: "a" * n + " = 1"),
        ("name", lambda n: "é" * n + " = 1"),
        ("name", lambda n: "s(" + "t" * n + ") = 1; " + "t" * n + " = 2"),
        ("name", lambda n: "s = d(y)/d(" + "x" * n + "); y = 2 " + "x" * n + "; input " + "x" * n),
        ("name", lambda n: "x = 1; s = " + "f" * n + "(x)"),
    ],
)
def test_lengths_of_words(limit: str, make: Callable[[int], str]) -> None:
    """400 characters of a number, 128 of a name, wherever they stand; lowered and raised."""
    at = getattr(DEFAULT, limit)
    for size in (at - 1, at):
        assert f"limit-{limit}" not in codes(make(size)), size
    assert set(codes(make(at + 1))) == {f"limit-{limit}"}
    assert f"limit-{limit}" not in codes(make(at + 1), Limits(**{limit: at + 1}))
    assert set(codes(make(20), Limits(**{limit: 19}))) == {f"limit-{limit}"}


# ------------------------------------------------------------------------------------- nodes


def doublings(times: int) -> str:
    """Functions that call one another twice: the last one expands to 2^times additions."""
    calls = "\n".join(f"f{i + 1}(t) = f{i}(t) + f{i}(t)" for i in range(times))
    return f"f0(t) = t + t\n{calls}\nx = 1\ns = f{times}(x)"


@pytest.mark.parametrize("command", ["run", "check", "derive", "jacobian", "hessian", "graph"])
def test_expansion_is_counted_before_it_is_built(command: str) -> None:
    """2^40 and 2^1000 nodes are refused at once, in little memory."""
    for times in (40, 1000):
        done = capped([command, "-"], doublings(times), 512)
        assert done.returncode == Exit.LIMIT
        assert done.stderr.startswith(
            "error[limit-nodes]: with its functions expanded this text has over 1,000,000,000"
        )


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_a_million_nodes(over: int) -> None:
    """The default itself: 999 calls of 1,000 nodes each, and the sum with 999 names besides."""
    calls, names = " + ".join(["f(x)"] * 999), " + ".join(["x"] * (999 + over))
    program = loads(f"f(t) = {' + '.join(['t'] * 997)}\nx = 1\ns = {calls} + {names}").program
    tables = collect(program)
    found = expansion_fault(tables, sorted_functions(tables), DEFAULT)
    assert (found.message if found else "") == (
        "with its functions expanded this text has 1,000,001 nodes" if over > 0 else "")  # fmt: skip


def test_nodes_lowered_and_raised() -> None:
    """A sum, a call, its argument, and what is called: 7 nodes."""
    text = "f(t) = t + t; x = 1; s = f(x) + x"
    assert [codes(text, Limits(nodes=n)) for n in (6, 7, 8)] == [["limit-nodes"], [], []]


def test_operands_that_are_compared_each_with_each() -> None:
    """The derivatives of max compare every operand with every other: the square of their number counts."""

    def text(operands: int) -> str:
        return "x = 1; s = max(" + ", ".join(["x"] * operands) + ")"

    assert [codes(text(n), Limits(nodes=100)) for n in (9, 10, 11)] == [[], [], ["limit-nodes"]]
    assert [codes(text(n)) for n in (999, 1000, 1001)] == [[], [], ["limit-nodes"]]


def test_blocks_of_a_hessian() -> None:
    """A Hessian has a block for every pair of inputs: they are counted as nodes."""
    text = "\n".join(f"x{i} = 1" for i in range(5)) + "\ns = " + " + ".join(f"x{i}^2" for i in range(5))
    assert len(loads(text, limits=Limits(nodes=25)).hessian().hessians) == 5
    with pytest.raises(GradcalcError, match="limit-nodes: the Hessian of `s` has 5 × 5 blocks"):
        loads(text, limits=Limits(nodes=24)).hessian()


# ----------------------------------------------------------------------------------- entries

LARGE = [
    ("s = sum(ones({n}))", 1), ("s = sum(zeros({n}, 1))", 1), ("s = sum(ones(1, {n}))", 1),
    ("s = sum(eye({r}))", 2), ("s = sum(diag(ones({r})))", 2),
    ("s = sum(onehot(0, {n}))", 1), ("u = ones({r}); s = sum(u u^T)", 2), ("u = ones({r}); s = sum(outer(u, u))", 2),
    ("u = ones({r}); s = sum(u ⊗ u^T)", 2), ("u = ones({r}); s = sum(kron(u, u^T))", 2),
    ("s = sum(concat(ones({n}), ones(0)))", 1), ("s = sum(stack(ones({n}), ones(0)))", 1),
    ("s = sum(ones({r}, {r}) + ones({r}))", 2), ("u = ones({r}); s = sum(max(u u^T, 1))", 2),
    ("input x; x in R^{n}; s = sum(x)", 1), ("A = ones({r}, 1) ones(1, {r}); s = sum(A)", 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "axes"), LARGE)
def test_entries_of_an_array(text: str, axes: int) -> None:
    """Ten million, however the array comes about: shapes are counted, nothing is allocated."""

    def written(entries: int) -> str:
        side = int(entries**0.5)
        return text.replace("{n}", str(entries)).replace("{r}", str(side))

    if axes == 1:
        for entries in (10**7 - 1, 10**7, 10**7 + 1):
            assert codes(written(entries)) == (["limit-entries"] if entries > 10**7 else [])
        assert codes(written(10**7 + 1), Limits(entries=10**7 + 1)) == []
    else:
        assert (3162**2, 3163**2) == (9_998_244, 10_004_569)
        assert [codes(written(side**2)) for side in (3161, 3162, 3163)] == [[], [], ["limit-entries"]]
        assert codes(written(3163**2), Limits(entries=3163**2)) == []
    for entries in (99, 100, 121):
        assert codes(written(entries), Limits(entries=100)) == (["limit-entries"] if entries > 100 else [])


@pytest.mark.parametrize(
    "text",
    [
        "s = sum(zeros(999999999, 999999999))", "s = sum(eye(999999999))", "s = sum(onehot(1, 999999999))",
        "u = ones(10000000); s = sum(u u^T)", "A = kron(ones(2000, 2000), ones(2000, 2000)); s = sum(A)",
        "x = ones(4000); h = sin(x)", "x = ones(4000); h = sin(x) + x", "A = ones(70, 70); B = A A",
        "A = ones(3000, 3000); " + "; ".join(f"A{i} = {'A' + str(i - 1) if i else 'A'} + 1" for i in range(30)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["run", "jacobian"])
def test_nothing_is_allocated_before_the_check(text: str, command: str) -> None:
    """In a process that may have 1 GiB: a coded error, not a lack of memory."""
    done = capped([command, "-e", text, "--json"])
    assert done.returncode == Exit.LIMIT and '"code": "limit-entries"' in done.stdout, done.stdout[-300:]


@pytest.mark.parametrize("side", [99, 100, 101])
def test_dense_derivatives(side: int) -> None:
    """Jacobians, Hessians, local gradients in full: rows times columns."""
    limits = Limits(entries=10_000)
    expected = "limit-entries" if side > 100 else ""
    works: list[Callable[[Model], object]] = [
        lambda m: m.run(of="h"),
        lambda m: m.run(local_values=True),
        lambda m: m.jacobian("h"),
        lambda m: m.hessian("s"),
    ]
    for work in works:
        model = loads(f"x = ones({side}); h = x .^ 2; s = sum(h)", limits=limits)
        try:
            assert work(model) and not expected
        except GradcalcError as error:
            assert error.diagnostics[0].code == expected
            assert "101 × 101 = 10,201 entries" in error.diagnostics[0].message


def test_all_arrays_together() -> None:
    """Many arrays at the limit would have no bound together: ten times the limit is theirs."""

    def text(arrays: int) -> str:
        return "x = ones(100)\n" + "\n".join(f"y{i} = x + {i}" for i in range(arrays)) + "\ns = sum(y0)"

    limits = Limits(entries=100)
    small, large = codes(text(2), limits), planned(text(10), limits)
    assert small == [] and [d.code for d in large] == ["limit-entries"] and "together" in large[0].message


@pytest.mark.parametrize(("scalars", "code"), [(18, ""), (19, "limit-entries")])
def test_gradients_on_all_edges_together(scalars: int, code: str) -> None:
    """Each entry of `[a, b, ...]` has an edge with the whole upstream gradient: n (n + 1) numbers, n + 1 at a sum."""
    names = [f"x{i}" for i in range(scalars)]
    values = "\n".join(f"{name} = 1" for name in names)
    model = loads(
        f"s = sum([{', '.join(names)}]) + sum([{', '.join(names[::-1])}])\n{values}", limits=Limits(entries=20)
    )
    if not code:
        assert model.run().value == 2 * scalars
        return
    with pytest.raises(GradcalcError) as caught:
        model.run()
    assert caught.value.diagnostics[0].code == code and "on the edges" in caught.value.diagnostics[0].message


# ------------------------------------------------------------------------------------- sides


@pytest.mark.parametrize(
    "call", ["inv(A)", "det(A)", "logdet(A)", "solve(A, A[:, 0])", "A^-1", "A^-T", "A^-2", "A^{-1}", "∂det(A)/∂A"]
)
def test_sides_of_matrices(call: str) -> None:
    """1,999 and 2,000 are planned, 2,001 refused before anything is computed; lowered and raised."""

    def text(side: int) -> str:
        return f"A = 2 eye({side}); " + ("d = det(A); B = ∂d/∂A" if "∂" in call else f"B = {call}") + "; s = sum(B)"

    assert [codes(text(side)) for side in (1999, 2000, 2001)] == [[], [], ["limit-side"]]
    assert [codes(text(side), Limits(side=5)) for side in (4, 5, 6)] == [[], [], ["limit-side"]]
    assert codes(text(2001), Limits(side=2001)) == []


# ---------------------------------------------------------------------------- the flag --limit


@pytest.mark.parametrize("name", [f.name for f in fields(Limits)])
def test_every_limit_has_a_flag_a_code_and_an_example(name: str) -> None:
    """`--limit NAME=N` lowers and raises each; what is no number is told."""
    from gradcalc.cli.inputs import limits_of

    default = getattr(DEFAULT, name)
    for number in (0, 1, default - 1, default + 1, 10**15):
        assert getattr(limits_of([f"{name}={number}"]), name) == number
    for wrong in ("", "-1", "1.5", "1e3", "²", "٣", "1_000", "9" * 30, "x"):
        with pytest.raises(GradcalcError) as caught:
            limits_of([f"{name}={wrong}"])
        assert caught.value.diagnostics[0].code == "unknown-option-value"
    code = {"file_bytes": "limit-file", "data_bytes": "limit-data"}.get(name, f"limit-{name}")
    assert CODES[code].exit is Exit.LIMIT


@pytest.mark.parametrize("name", [f.name for f in fields(Limits)])
def test_limits_of_0_refuse_and_do_not_crash(name: str) -> None:
    """Whatever the limits: a result or a coded error."""
    for number in (0, 1, 2):
        for text in ("A = [1, 2; 3, 4]; s = sum(inv(A) (A + 1))", "f(t) = t + 1; x = 0.5; s = f(f(x))", ""):
            limits = Limits(**{name: number})
            try:
                assert loads(text, limits=limits).run()
            except GradcalcError as error:
                assert {d.code for d in error.diagnostics} <= set(CODES)


# ------------------------------------------------------------------- long, wide, and cheap

WIDE: dict[str, Callable[[int], str]] = {
    "terms": lambda n: "x = 1; s = " + " + ".join(["x"] * n),
    "factors": lambda n: "x = 1; s = " + " ".join(["x"] * n),
    "quotients": lambda n: "x = 1; s = x" + " / x" * n,
    "a chain": lambda n: "x = 1; a0 = x\n" + "\n".join(f"a{i + 1} = sin(a{i})" for i in range(n)),
    "a chain bottom up": lambda n: "\n".join(f"a{i + 1} = sin(a{i})" for i in reversed(range(n))) + "\na0 = x; x = 1",
    "aliases": lambda n: "x = 1; a0 = x\n" + "\n".join(f"a{i + 1} = a{i}" for i in range(n)),
    "transposes of names": lambda n: "a0 = [1, 2]\n" + "\n".join(f"a{i + 1} = a{i}^T" for i in range(2 * (n // 2))),
    "calls of calls": lambda n: "f0(t) = t\n" + "\n".join(f"f{i + 1}(t) = f{i}(t) + 1" for i in range(n))
    + f"\nx = 1; s = f{n}(x)",
    "functions": lambda n: "\n".join(f"f{i}(t) = t + {i}" for i in range(n))
    + "\nx = 1; s = " + " + ".join(f"f{i}(x)" for i in range(n)),
    "claims": lambda n: "x = 1; y = x + 1\n" + "y == 2\n" * n,
    "entries": lambda n: "x = [" + ", ".join(map(str, range(n))) + "]; s = sum(x)",
    "computed entries": lambda n: "a = 1; x = [" + ", ".join(f"a + {i}" for i in range(n)) + "]; s = sum(x)",
    "labels": lambda n: "x = [" + ", ".join(f"l{i}: {i}" for i in range(n)) + "]; s = sum(x)",
    "choices": lambda n: "x = 1; s = " + " + ".join(f"where(x > {i}, x, {i})" for i in range(n)),
    "semicolons": lambda n: ";" * n + "x = 1; s = x",
    "comments": lambda n: "# x\n" * n + "s = 1",
    "fan-out": lambda n: "x = 1; a0 = x\n" + "\n".join(f"a{i + 1} = 0.5 (a{i} + a{i})" for i in range(n)),
    "unknown names": lambda n: "\n".join(f"name{i} = {i}; a{i} = mane{i}" for i in range(n)),
    "unknown functions": lambda n: "x = 1\n" + "\n".join(f"fun{i}(t) = t; a{i} = fnu{i}(x)" for i in range(n)),
    "names defined twice": lambda n: "x = 1\n" * n,
    "open brackets": lambda n: "a = (1\n" * n,
    "comparisons in a row": lambda n: "x = 1; s = " + " < ".join(["x"] * n),
    "an error at the end": lambda n: "x = 1; s = " + " + ".join(["x"] * n) + " + )",
    "a cycle": lambda n: "\n".join(f"a{i} = a{(i + 1) % n} + 1" for i in range(n)),
    "shapes that do not fit": lambda n: "x = [1, 2]; y = [3]\n" + "\n".join(f"a{i} = x + {i} y" for i in range(n)),
    "blanks": lambda n: "s =" + " " * n + "1",
    "bars": lambda n: "s = " + "|" * n,
    "quotes": lambda n: "s = " + '"' * n,
}  # fmt: skip


@pytest.mark.parametrize("kind", WIDE)
def test_time_is_linear_in_the_length(kind: str) -> None:
    """Four times the text takes about four times the time, in a result or in its errors; nothing recurses."""

    def spent(length: int) -> float:
        text = WIDE[kind](length)
        began = time.process_time()
        try:
            assert loads(text).run()
        except GradcalcError as error:
            for diagnostic in error.diagnostics[:30]:
                assert render(diagnostic)
        return time.process_time() - began

    spent(50)
    first = min(spent(400), spent(400))
    assert spent(1600) < 10 * first + 0.5


def test_ten_thousand_terms() -> None:
    """The length of a line has no limit of its own."""
    assert loads("x = 1; s = " + " + ".join(["x"] * 10_000)).run().gradients["x"].value == 10_000


def test_a_hundred_thousand_statements() -> None:
    """The length of a file has none either."""
    model = loads("\n".join(f"a{i} = {i}" for i in range(100_000)))
    assert len(model.program.statements) == 100_000
    assert model.program.statements[-1].span.line == 100_000


def test_a_chain_of_names_bottom_up() -> None:
    """Every name stands before what it is made of: found, planned and dropped without a stack."""
    length = 20_000
    lines = "\n".join(f"a{i + 1} = a{i} + 1" for i in reversed(range(length)))
    plan = loads(f"{lines}\na0 = 1").plan()
    assert len(plan.order) == length + 1
    del plan


def test_results_can_be_shown_copied_and_dropped() -> None:
    """A chain of thousands of values costs no stack, whatever is done with it."""
    model = loads("x = 1; a0 = x\n" + "\n".join(f"a{i + 1} = sin(a{i})" for i in range(2000)))
    run, plan = model.run(), model.plan()
    for found in (model, model.program, run, plan, plan.target):
        assert repr(found) and hash(found) == hash(found) and found != object()
    assert copy.deepcopy(run).value == run.value
    assert len(copy.deepcopy(model.program).statements) == 2002
    assert np.isclose(float(run.value), 0.0387, atol=1e-3)
