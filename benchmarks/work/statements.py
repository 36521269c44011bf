"""From a long text to the graph of its gradients, beside the parse alone and beside a tenth of the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import calls
from benchmarks.measure import Task
from benchmarks.programs import Program, long_program
from benchmarks.row import Row, at_most
from benchmarks.sizes import Sizes


def rows(sizes: Sizes) -> list[Row[Any]]:
    """All of the text, and how the time grows."""
    fewer = f"{sizes.fewer_statements:,} statements"

    def inputs(folder: Path) -> tuple[Program, Program]:
        return long_program(sizes.statements), long_program(sizes.fewer_statements)

    return [
        Row(
            name="statements",
            work=f"parse + plan + differentiate, {sizes.statements:,} statements",
            inputs=inputs,
            subject=lambda programs: _task(programs[0]),
            peers={"parse alone": lambda programs: Task(_parsing(programs[0]), None)},
            goals={"parse alone": at_most(3)},
            reference=_reference,
        ),
        Row(
            name="statements-growth",
            work=f"the same, beside {fewer}",
            inputs=inputs,
            subject=lambda programs: _task(programs[0]),
            peers={fewer: lambda programs: Task(_task(programs[1]).call, None)},
            goals={fewer: at_most(11)},
            reference=_reference,
        ),
    ]


def _task(program: Program) -> Task:
    return Task(lambda: calls.differentiated(program.text), lambda _: _numbers(program))


def _parsing(program: Program) -> Callable[[], object]:
    return lambda: calls.parsed_alone(program.text)


def _numbers(program: Program) -> Sequence[Any]:
    """The value of the text and its gradient along a direction, evaluated apart from what is timed."""
    names = list(program.data)
    value, *gradients = calls.evaluated(calls.prepared(program.text, names), program.data, names)
    return [program.probed(value, dict(zip(names, gradients, strict=True)))]


def _reference(programs: tuple[Program, Program]) -> Sequence[Any]:
    return [programs[0].probe()]
