"""Batches: rows evaluated together are what each would be alone; records; what a batch finds to do."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradcalc
from gradcalc.batch import inputs
from gradcalc.batch.records import Key, beginning, code_of, hash_of, hasher, record, start_of
from gradcalc.batch.together import Together, row_of
from gradcalc.data import Datum, datum
from gradcalc.errors import Limits
from gradcalc.evaluation import swept
from gradcalc.report.columns import documents
from gradcalc.report.document import run_document
from gradcalc.report.encode import encode
from tests.programs import program


def together(text: str, data: dict[str, Datum], rows: int, of: str | None = None) -> list[Any]:
    """The document of each row, or the codes of its error."""
    plan = gradcalc.loads(text).plan({name: d.shape for name, d in data.items()}, of=of)
    found: list[Any] = [None] * rows
    for places, run in Together(swept(plan, None), "<text>").runs(data, rows):
        if isinstance(run, gradcalc.GradcalcError):
            found[places[0]] = [d.code for d in run.diagnostics]
        elif run.rows is None:
            found[places[0]] = run_document(run)
        else:
            for place, document in zip(places, documents(run, len(places)), strict=True):
                found[place] = json.loads(document)
    return found


def alone(text: str, data: dict[str, Datum], rows: int, of: str | None = None) -> list[Any]:
    found: list[Any] = []
    for row in range(rows):
        try:
            run = gradcalc.loads(text).run(row_of(data, row), of=of)
            found.append(json.loads(encode(run_document(run))))
        except gradcalc.GradcalcError as error:
            found.append([d.code for d in error.diagnostics])
    return found


def same(left: Any, right: Any) -> bool:
    """Whether two documents are equal, their numbers to the last digits: a product of matrices may round otherwise."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, float) and isinstance(right, float):
        return abs(left - right) <= 1e-13 * max(1.0, abs(left))
    return bool(left == right)


def scalars(**columns: list[float]) -> dict[str, Datum]:
    return {name: Datum(np.reshape(column, (-1, 1, 1)), ()) for name, column in columns.items()}


ROWS = [
    ("f = (x + y) max(y, z)", scalars(x=[1, 2, 3, 0.5], y=[2, 1, 1, 7], z=[0, 1, 5, 7])),
    ("s = relu(x) + |y|; y = x - 1", scalars(x=[0, 1, 2, -1, 0])),
    ("s = log(x) / y", scalars(x=[1, -1, 2, 3], y=[1, 1, 0, 4])),
    ("s = sqrt(x) + y^2", scalars(x=[4, 0, 9], y=[1, 2, 3])),
    ("s = (exp(x) - 1) / x", scalars(x=[1, 1e-9, 2])),
    ("s = x^2; s == 4", scalars(x=[2, 3])),
    ("s = where(x > 0, log(x), 0)", scalars(x=[2, -1, 0.5])),
    ("s = c x; c = 3", scalars(x=[1, 2])),
    ("h = [x, 2 x]", scalars(x=[1, 2])),
    ("s = sum(inv(A)) x; A = [1, 2; 3, 4]", scalars(x=[1, 2])),
    (
        "L = cross_entropy(p, y); p = softmax(z); z = [1, 2, 3] + 0 y",
        {"y": Datum(np.reshape([[0, 1, 0], [0.2, 0.3, 0.6]], (2, 3, 1)), (3,))},
    ),
]


@pytest.mark.parametrize(("text", "data"), ROWS, ids=[text for text, _ in ROWS])
def test_rows_together_are_what_each_is_alone(text: str, data: dict[str, Datum]) -> None:
    rows = len(next(iter(data.values())).array)
    assert together(text, data, rows) == alone(text, data, rows)


@pytest.mark.parametrize("seed", range(30))
def test_rows_of_random_programs_together_are_what_each_is_alone(seed: int) -> None:
    made, numbers = program(seed), np.random.default_rng(seed)
    data = {name: datum(name, value) for name, value in made.data.items()}
    for name in list(data)[::2]:
        scale = numbers.choice([1.0, 0.5, 1.25], size=(4, 1, 1))
        data[name] = Datum(data[name].array * scale, data[name].shape)
    found, expected = (each(made.text, data, 4, made.target) for each in (together, alone))
    assert same(found, expected)


# --------------------------------------------------------------------------------- records


def test_a_record_is_a_line_that_tells_what_it_is_of() -> None:
    key = Key("a b.eq", 3, hash_of(hasher("1", "{}", b"y = x"), b"1,2"))
    line = record(beginning(key.source), key, '{"value": 1.0}', None)
    assert line.endswith("}\n") and line.startswith(start_of(beginning("a b.eq"), key))
    assert json.loads(line) == {
        "schema": "gradcalc.record/1", "source": "a b.eq", "row": 3, "hash": key.hash, "status": "ok",
        "result": {"value": 1.0}, "error": None,
    }  # fmt: skip
    assert code_of(line.encode()) == ""
    failed = record(beginning(key.source), key, None, '{"errors": [{"code": "domain"}]}')
    assert code_of(failed.encode()) == "domain"
    claimed = record(beginning(key.source), key, '{"claims": [{"holds": true}, {"holds": false}]}', None)
    assert code_of(claimed.encode()) == "claim-failed"


def test_the_hash_is_of_every_part_for_itself() -> None:
    """No two ways to share out the same bytes among version, options, text and row have one hash."""
    ways = [
        ("1", "{}", b"y = x", b"1"),
        ("1", "{}", b"y = x1", b""),
        ("1{", "}", b"y = x", b"1"),
        ("1", "{}", b"", b"y = x1"),
    ]
    assert len({hash_of(hasher(v, o, t), r) for v, o, t, r in ways}) == len(ways)


# ---------------------------------------------------------------------------------- inputs


def test_folders_patterns_and_lists_give_files_in_order(tmp_path: Path) -> None:
    for name in ("b.eq", "a.eq", "c.txt", "d/e.eq", "d/f.eq/g.eq"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("y = x")
    found = [os.path.relpath(p, tmp_path) for p in inputs.paths([str(tmp_path)], io.StringIO())]
    assert found == ["a.eq", "b.eq", "d/e.eq", "d/f.eq"]
    listed = io.StringIO(f"{tmp_path}/b.eq\n\n{tmp_path}/missing.eq\n")
    found = [os.path.relpath(p, tmp_path) for p in inputs.paths([f"{tmp_path}/[ab].eq", "-"], listed)]
    assert found == ["a.eq", "b.eq", "b.eq", "missing.eq"]


def test_what_is_no_regular_file_fails_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.eq")
    (tmp_path / "folder.eq").mkdir()
    for name in ("pipe.eq", "folder.eq", "missing.eq"):
        fault = inputs.read(str(tmp_path / name), Limits()).fault
        assert fault is not None and fault.diagnostics[0].code == "unreadable-file"
    (tmp_path / "large.eq").write_text("y = x + 1")
    fault = inputs.read(str(tmp_path / "large.eq"), Limits(file_bytes=8)).fault
    assert fault is not None and fault.diagnostics[0].code == "limit-file"
    assert inputs.read(str(tmp_path / "large.eq"), Limits()).raw == b"y = x + 1"
