"""The inputs that stay in the repository: the shortest ones that between them reach what all of a corpus reached."""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

import gradcalc

NEW = 12
"""What an input must reach that is new, to be worth the time of its replay."""
FOLDER = Path(__file__).parent / "corpus"
Step = tuple[str, int, int]
"""A file and two lines of which the second was executed right after the first, in one call."""


def kept(target: str) -> list[bytes]:
    """The inputs of a target that are kept: in its file a line is a JSON string of base64."""
    lines = (FOLDER / f"{target}.jsonl").read_text(encoding="utf-8").splitlines()
    return [b64decode(json.loads(line)) for line in lines]


def keep(target: str, inputs: Iterable[bytes]) -> None:
    """Write the inputs of a target."""
    FOLDER.mkdir(exist_ok=True)
    lines = "".join(f"{json.dumps(b64encode(data).decode())}\n" for data in inputs)
    (FOLDER / f"{target}.jsonl").write_text(lines, encoding="utf-8")


def minimised(work: Callable[[bytes], None], inputs: Iterable[bytes]) -> list[bytes]:
    """The inputs, the shortest first, each of which reaches `NEW` steps that none before it reached."""
    reached: set[Step] = set()
    found = []
    for data in sorted(inputs, key=lambda content: (len(content), content)):
        steps = steps_of(work, data)
        if len(steps - reached) >= NEW:
            found.append(data)
            reached |= steps
    return found


def steps_of(work: Callable[[bytes], None], data: bytes) -> set[Step]:
    """What an input executes of gradcalc, step by step; an error is told and does not end it."""
    package = str(Path(gradcalc.__file__).parent)
    steps: set[Step] = set()

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(package):
            return None
        name, before = frame.f_code.co_filename, frame.f_lineno

        def step(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal before
            steps.add((name, before, frame.f_lineno))
            before = frame.f_lineno
            return step

        return step

    sys.settrace(enter)
    try:
        work(data)
    except Exception as error:
        print(f"{data!r}: {error!r}", file=sys.stderr)
    finally:
        sys.settrace(None)
    return steps
