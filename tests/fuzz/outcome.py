"""What must hold of an outcome, and what it may cost."""

from __future__ import annotations

import io
import json
import resource
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from types import FrameType
from typing import Any

from gradcalc.cli import execute
from gradcalc.codes import CODES
from gradcalc.errors import Diagnostic, Exit, GradcalcError
from gradcalc.report.diagnostic import render
from gradcalc.report.document import run_document
from gradcalc.report.encode import encode, error_document
from gradcalc.run import Run

SECONDS = 2.0
"""Processor time of one input."""
MEBIBYTES = 512
"""Memory that one input may add to the most that was used before."""
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")


class Broken(AssertionError):
    """An outcome that no input may have."""


class TooSlow(BaseException):
    """The input's time is spent; no handler of `Exception` may stop it."""


def within_bounds(
    work: Callable[[bytes], Any], data: bytes, seconds: float = SECONDS, before: float | None = None
) -> float:
    """Do the work; raises `Broken` where it takes too much time or memory, and whatever is wrong.

    Gives the most memory used so far, which the next input may be given as `before`: asking the system costs as much
    as a short input.

    A warning of Python or NumPy is an error: on a terminal it would stand among what the command prints.
    """
    before = _resident() if before is None else before
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        with warnings.catch_warnings(action="error"):
            work(data)
    except TooSlow as error:
        raise Broken(f"more than {seconds} s of processor time") from error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
    after = _resident()
    if after - before > MEBIBYTES:
        raise Broken(f"{after - before:.0f} MiB more memory")
    return after


def _resident() -> float:
    """The most memory used so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TooSlow


signal.signal(signal.SIGPROF, _too_slow)


def coded(work: Callable[[], Any]) -> Any:
    """What the work returns, or None after an error with codes that can be told in words and in JSON."""
    try:
        return work()
    except GradcalcError as error:
        told(error.diagnostics)
        return None


def told(diagnostics: tuple[Diagnostic, ...]) -> None:
    """Diagnostics as the command line prints them and as a document."""
    if not diagnostics:
        raise Broken("an error without a diagnostic")
    for found in diagnostics:
        if found.code not in CODES or CODES[found.code].exit in (None, Exit.BUG):
            raise Broken(f"an error with the code {found.code}")
        if not found.message:
            raise Broken("an error without a message")
    render(diagnostics[-1])
    strict(error_document(diagnostics))


def strict(text: str) -> Any:
    """A document read back as RFC 8259 has it."""
    return json.loads(text, parse_constant=_bare)


def _bare(constant: str) -> Any:
    raise Broken(f"a bare {constant} in a document")


def through_cli(arguments: list[str]) -> None:
    """A command line as a whole; its exit status may be any but that of our own bug."""
    printed, complained = _Stream(), _Stream()
    with redirect_stdout(printed), redirect_stderr(complained):
        status = execute(arguments)
    if status == Exit.BUG:
        raise Broken(f"exit status 70: {(complained.getvalue() or printed.getvalue())[:300]}")
    if "--json" in arguments:
        strict(printed.getvalue())


class _Stream(io.StringIO):
    """A stream that is no terminal and takes what the command line does to one."""

    def reconfigure(self, **options: str) -> None:
        """Nothing to change."""


def of_run(run: Run) -> None:
    """A run's document: strict JSON, a finite value, and a flag for every gradient that is not finite."""
    document = strict(encode(run_document(run)))
    warned(document["warnings"])
    if any(_strange(document["value"])):
        raise Broken("the target's value is not finite")
    flagged = {
        flag["node"] for flag in document["flags"] if flag["code"] in ("infinite-gradient", "undefined-gradient")
    }
    for name, gradient in document["gradients"].items():
        if any(_strange(gradient["value"])) and name not in flagged:
            raise Broken("a gradient that is not finite has no flag")


def of_records(lines: str, codes: list[str], count: int) -> None:
    """Records of a batch: one for each of `count` inputs, strict JSON, with a code of the registry or a result."""
    if not lines.count("\n") == len(codes) == count:
        raise Broken(f"{len(codes)} records of {count} inputs")
    for line, code in zip(lines.splitlines(), codes, strict=True):
        strict(line)
        if code and CODES[code].exit in (None, Exit.BUG):
            raise Broken(f"a record with the code {code}: {line[:300]}")


def of_blocks(document: dict[str, Any], key: str) -> None:
    """A document of Jacobians or Hessians: what is not finite has a flag."""
    strict(encode(document))
    if any(_strange([block.get("value") for block in _blocks(document[key])])) and not document["flags"]:
        raise Broken("a derivative that is not finite has no flag")


def _blocks(nested: Any) -> Iterator[dict[str, Any]]:
    for block in nested.values():
        if "rule" in block:
            yield block
        else:
            yield from _blocks(block)


def warned(warnings: list[dict[str, Any]]) -> None:
    """Warnings have codes of the registry."""
    for warning in warnings:
        if warning["code"] not in CODES:
            raise Broken(f"a warning with the code {warning['code']}")


def _strange(nested: Any) -> Iterator[str]:
    """The numbers of a document that are not finite."""
    if isinstance(nested, list):
        for item in nested:
            yield from _strange(item)
    elif nested in _NOT_FINITE:
        yield nested
