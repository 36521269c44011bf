"""What is timed of gradcalc: every use that the rows make of its Python interface, one function for each.

When gradcalc gets a quicker way to the same result, it is taken up here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradcalc
from benchmarks.measure import Array
from gradcalc import parser
from gradcalc.differentiate import reverse
from gradcalc.errors import Limits, Source

LARGE = Limits(entries=10**8)


def parsed_alone(text: str) -> object:
    """The syntax of a text by the shipped grammar and nothing else: gradcalc's own Lark parser."""
    source = Source("<text>", text + "\n")
    return parser._parser().parse(source, source.text, 0, len(source.text), LARGE)


def differentiated(text: str) -> object:
    """From a text to its plan and the graph of all gradients, without numbers."""
    plan = gradcalc.loads(text).plan()
    return plan, reverse(plan.target)


def prepared(text: str, wrt: Sequence[str], of: str | None = None) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """A function of keyword arrays that gives the value and the gradients."""
    return gradcalc.loads(text, limits=LARGE).compile(of=of, wrt=wrt)


def evaluated(
    step: Callable[..., tuple[Any, dict[str, Any]]], data: Mapping[str, Any], wrt: Sequence[str]
) -> list[Any]:
    """The value and the gradients in the order of `wrt`."""
    value, gradients = step(**data)
    return [value, *[gradients[name] for name in wrt]]


def jacobian(text: str, of: str, by: str, data: Mapping[str, Array]) -> Callable[[], Any]:
    """A function of nothing that gives the Jacobian of `of` by one input."""
    step = gradcalc.loads(text).compile(of=of, wrt=[by])
    return lambda: step(**data)[1][by]


def hessian(text: str, of: str, by: str, data: Mapping[str, Array]) -> Callable[[], Any]:
    """A function of nothing that gives the Hessian of `of` by one input."""
    step = gradcalc.loads(text).compile(of=of, wrt=[by], order=2)
    return lambda: step(**data)[2][by][by]
