"""Rows of a batch: where they begin and end, what is said of columns, and that blocks do not show in the records."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcalc.batch import lines, names
from gradcalc.batch.lines import rows_of
from gradcalc.batch.old import Old
from gradcalc.batch.options import Options
from gradcalc.batch.output import Output
from gradcalc.batch.pace import FIRST, Pace
from gradcalc.batch.rows import Block, blocks
from gradcalc.batch.work import Done, Unit, Work
from gradcalc.errors import GradcalcError, Limits
from tests.programs import program
from tests.test_batch_command import COMMAND, ENVIRONMENT, batch, model, run_json, start, values


def rows(text: bytes, most: int = 1000) -> list[bytes]:
    return [row for some in rows_of(io.BytesIO(text), "csv", most) for row in some]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'a,5",1\nb,2\nc,3\n', [b'a,5",1', b"b,2", b"c,3"]),
        (b'a\n"x\n""y""\n",1\nb\n', [b"a", b'"x\n""y""\n",1', b"b"]),
        (b'"5" pipe",10\nb\nc\n', [b'"5" pipe",10', b"b", b"c"]),
        (b'"10,1\n2,3\n\n4,5', [b'"10,1', b"2,3", b"4,5"]),
        (b'"10,1\n2,"x",3\n4\n', [b'"10,1', b'2,"x",3', b"4"]),
        (b'1,""\r\n"a\r\nb",2\r\n', [b'1,""\r', b'"a\r\nb",2\r']),
    ],
)
def test_rows_end_where_their_quotations_let_them(
    text: bytes, expected: list[bytes], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "CHUNK", chunk)
    assert rows(text) == expected


@pytest.mark.parametrize("seed", range(20))
def test_good_rows_are_those_of_python(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Python's csv reads row by row is what each of our rows holds."""
    draw = np.random.default_rng(seed)
    cells = ["a", 'b"c', "d,e", "f\ng", '"', "", " h", '5" x', "i\r\nj"]
    table = [[cells[k] for k in draw.integers(len(cells), size=3)] for _ in range(40)]
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["first", *row] for row in table])
    monkeypatch.setattr(lines, "CHUNK", int(draw.integers(1, 60)))
    found = [next(csv.reader(io.StringIO(row.decode(), newline=""))) for row in rows(out.getvalue().encode())]
    assert found == [["first", *row] for row in table]


def test_a_quotation_longer_than_a_row_may_be_is_never_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "CHUNK", 10)
    assert rows(b'"a\n' + b"1,2\n" * 50 + b'",3\n', most=100)[:3] == [b'"a', b"1,2", b"1,2"]


def test_a_malformed_row_costs_itself(tmp_path: Path) -> None:
    path, table = model(tmp_path), tmp_path / "rows.csv"
    table.write_text('name,x,y,z\n"5" pipe",1,2,0\nbolt 5",2,2,0\n"6,1,2,0\nnut,3,2,0\n')
    status, records, _ = batch(path, "-i", table, "--only", "value")
    assert status == 1 and values(records) == ["bad-data", 8, "bad-data", 10]
    told = [record["error"]["errors"][0]["message"] for record in records[::2]]
    assert "behind the quotation in cell 1" in told[0] and "not closed; it begins in cell 1" in told[1]


def test_a_long_cell_that_is_not_used(tmp_path: Path) -> None:
    path, table = model(tmp_path), tmp_path / "rows.csv"
    table.write_text(f'note,x,y,z\n"{"long " * 40_000}",1,2,0\n')
    assert values(batch(path, "-i", table)[1]) == [6]


# ------------------------------------------------------------------------------- what is given


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("rows.csv", "id;x;y;z\n1;2;3;4\n", "separate the cells by commas"),
        ("rows.csv", "a,b\n1,2\n", "no column of"),
        ("rows.jsonl", '{"a": 1}\n', "no column of"),
        ("rows.csv", "x,y,z\r1,2,3\r", "carriage returns alone"),
        ("rows.csv", "x,y,v[-1]\n1,2,3\n", "no entry"),
        ("rows.csv", "x,y,v[99999999999999999999]\n1,2,3\n", "no entry"),
        ("rows.csv", "x,y,v,v[0]\n1,2,3,4\n", "as a whole and by its entries"),
        ("rows.csv", "x\ty\tz\n1\t2\t3\n", "separate the cells by commas"),
        ("rows.csv", "x,y,z[0],z[0,1]\n1,2,3,4\n", "by one number and by two"),
    ],
)
def test_rows_that_give_nothing_are_refused(name: str, text: str, word: str, tmp_path: Path) -> None:
    path = model(tmp_path, "f = (x + y) max(y, z); x = 1; y = 2; z = 3")
    (tmp_path / name).write_bytes(text.encode())
    status, records, told = batch(path, "-i", tmp_path / name)
    assert status in (3, 6) and records == [] and word in " ".join(told.split())


@pytest.mark.parametrize("row", ["null", "true", "1", '"x"', "[1]", "x", "{", '{"x": 1, "x": 2}'])
def test_a_row_that_is_no_object_costs_itself(row: str, tmp_path: Path) -> None:
    path, rows = model(tmp_path, "s = 2 x"), tmp_path / "rows.jsonl"
    rows.write_text(f'{row}\n{{"x": 3}}\n{row}\n')
    status, records, told = batch(path, "-i", rows)
    assert (status, values(records)) == (1, ["bad-data", 6, "bad-data"]) and "internal" not in told


def test_a_column_without_a_name_is_of_no_input(tmp_path: Path) -> None:
    path, rows = model(tmp_path, "s = 2 x"), tmp_path / "rows.csv"
    rows.write_text("[0],x,,[1,2],{[0]\n1,2,3,4,5\n")
    assert values(batch(path, "-i", rows)[1]) == [4]


def test_a_key_that_a_row_has_not_is_asked_for_in_the_row(tmp_path: Path) -> None:
    path, rows = model(tmp_path, "s = x + y"), tmp_path / "rows.jsonl"
    rows.write_text('{"x": 1, "y": 2}\n{"x": 1}\n')
    record = batch(path, "-i", rows)[1][1]
    assert record["error"]["errors"][0]["help"] == "give the row a value for `y`, or a value with --set y=..."


@pytest.mark.parametrize("given", ["-", "/dev/stdin"])
@pytest.mark.parametrize(
    "text", ["x,y\n1,2\n3,4\n", '\ufeff{"x": 1, "y": 2}\n{"x": 3, "y": 4}\n', ' {"x": 1, "y": 2}\n{"x": 3, "y": 4}']
)
def test_rows_of_a_pipe_are_told_by_how_they_begin(given: str, text: str, tmp_path: Path) -> None:
    path = model(tmp_path, "s = 10 x + y")
    assert values(batch(path, "-i", given, text=text)[1]) == [12, 34]
    assert "has either the rows" in batch("-", "-i", "-", text=text)[2]


def test_arrays_do_not_come_through_pipes(tmp_path: Path) -> None:
    path, table = model(tmp_path, "s = 2 x"), tmp_path / "rows.npz"
    np.savez(table, x=np.array([1.5, 2.5], np.longdouble))
    assert values(batch(path, "-i", table)[1]) == [3, 5]
    command = f"cat {table} | {sys.executable} -m gradcalc batch {path} -i -"
    done = subprocess.run(["sh", "-c", command], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 6 and "write the rows to a file first" in done.stderr
    with table.open("rb") as file:
        done = subprocess.run([*COMMAND, path, "-i", "-"], stdin=file, env=ENVIRONMENT, capture_output=True, text=True)
    assert [json.loads(line)["result"]["value"] for line in done.stdout.splitlines()] == [3, 5]


def test_numbers_of_other_kinds_in_a_table_are_numbers(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="the extra `arrow` is not installed")
    from pyarrow import parquet

    path, table = model(tmp_path, "s = 2 x"), tmp_path / "rows.parquet"
    parquet.write_table(arrow.table({"x": [Decimal("1.5"), Decimal("-0.25")]}), table)
    assert values(batch(path, "-i", table)[1]) == [3, -0.5]


def test_a_folder_without_equation_files_beside_others_is_told(tmp_path: Path) -> None:
    path = model(tmp_path, "s = x; x = 2")
    (tmp_path / "empty").mkdir()
    status, records, told = batch(path, tmp_path / "empty")
    assert (status, values(records)) == (0, [2])
    assert "there is no equation file in" in " ".join(told.split())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", "x,y,z,,\n1,2,0,,\n1,2,,3,3\n1,2,null,,\n"),
        ("rows.csv", "x,y,z[0],z[1]\n1,2,0,0\n1,2,,\n1,2,null,null\n"),
        ("rows.jsonl", '{"x": 1, "y": 2, "z": 0}\n{"x": 1, "y": 2, "z": null}\n{"z": null, "y": 2, "x": 1}\n'),
    ],
)
def test_what_is_empty_in_a_row_is_told_as_such(name: str, text: str, tmp_path: Path) -> None:
    """A column that is there is not asked for; the file's own data hold where there are some."""
    path, table = model(tmp_path, "f = sum((x + y) max(y, z))"), tmp_path / name
    table.write_text(text)
    _, records, _ = batch(path, "-i", table, "--only", "value")
    assert values(records)[1:] == ["unknown-name"] * 2 and records[0]["status"] == "ok"
    for record in records[1:]:
        assert "the row has nothing for `z`" in record["error"]["errors"][0]["help"]
    path.write_text("z = 7; f = sum((x + y) max(y, z))\n")
    assert values(batch(path, "-i", table)[1])[1:] == [21, 21]


def test_what_is_missing_in_a_table_is_told_as_empty(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="the extra `arrow` is not installed")
    from pyarrow import parquet

    path, table = model(tmp_path), tmp_path / "rows.parquet"
    parquet.write_table(arrow.table({"x": [1.0, 1.0], "y": [2.0, None], "z": [0.0, 0.0]}), table)
    _, records, _ = batch(path, "-i", table)
    assert values(records) == [6, "unknown-name"]
    assert "the row has nothing for `y`" in records[1]["error"]["errors"][0]["help"]


def test_a_file_that_cannot_be_read_is_not_told_to_use_no_column(tmp_path: Path) -> None:
    path, table = model(tmp_path), tmp_path / "rows.csv"
    table.write_text("x,y,z\n1,2,0\n")
    wide = tmp_path / "wide.eq"
    wide.write_text("# " + "w" * 500)
    status, records, told = batch(path, wide, tmp_path / "none.eq", "-i", table, "--limit", "file_bytes=300")
    assert status == 1 and values(records) == [6, "limit-file", "unreadable-file"] and "unused-data" not in told


def test_data_that_nothing_uses_are_told_once(tmp_path: Path) -> None:
    (tmp_path / "a.eq").write_text("s = x + c # w\n")
    (tmp_path / "b.eq").write_text("s = p; p = 1\n")
    table = tmp_path / "rows.csv"
    table.write_text("x\n1\n2\n")
    status, records, told = batch(tmp_path, "-i", table, "--set", "w=5", "--set", "c=1")
    assert status == 0 and len(records) == 4
    assert told.count("unused-data") == 2 and "`w`" in told and "b.eq" in told.replace("\n    ", "")


def test_settings_go_before_rows_and_rows_before_data(tmp_path: Path) -> None:
    path = model(tmp_path, "s = [x, y, z]; x = 1; y = 1; z = 1")
    (tmp_path / "data.json").write_text('{"y": 2, "z": 2, "x": 2}')
    (tmp_path / "rows.csv").write_text("x,y\n3,3\n")
    [record] = batch(path, "-i", tmp_path / "rows.csv", "--data", tmp_path / "data.json", "--set", "x=4")[1]
    assert record["result"]["value"] == [4, 3, 2]


def test_a_name_that_is_none(tmp_path: Path) -> None:
    path, table = model(tmp_path), tmp_path / "rows.csv"
    table.write_text("x,y,z\n1,2,0\n")
    [record] = batch(path, "-i", table, "--wrt", "x,q")[1]
    alone = run_json(path, "--set", "x=1", "--set", "y=2", "--set", "z=0", "--wrt", "x,q")
    assert record["error"] == alone and alone["errors"][0]["code"] == "unknown-target"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('{"x": NaN, "y": 1, "z": 1}', "the data for `x` is NaN"), ('{"x": true, "y": 1, "z": 1}', "true"),
        ('{"x": "2024-01-01", "y": 1, "z": 1}', "2024-01-01"), ('{"x": [1, null], "y": 1, "z": 1}', "null"),
        ('{"x[0]": 1, "y": 1, "z": 1}', "give `x` as a list"), ('{"x": 1, "y": 1}', "the row a value for `z`"),
    ],
)  # fmt: skip
def test_faults_of_cells_are_told_by_name_and_value(line: str, word: str, tmp_path: Path) -> None:
    path, table = model(tmp_path), tmp_path / "rows.jsonl"
    table.write_text(line + "\n")
    [record] = batch(path, "-i", table)[1]
    [error] = record["error"]["errors"]
    assert word in error["message"] + error["help"]


def test_arrays_of_text_do_no_harm(tmp_path: Path) -> None:
    path, table = model(tmp_path), tmp_path / "rows.npz"
    np.savez(table, x=[1.0], y=[2.0], z=[0.0], id=np.array(["a"]), more=np.array([{}], dtype=object))
    assert values(batch(path, "-i", table)[1]) == [6]
    np.savez(table, x=np.array(["a"]), y=[2.0], z=[np.nan])
    [record] = batch(path, "-i", table)[1]
    assert "`x`" in record["error"]["errors"][0]["message"]


# ------------------------------------------------------------------------------ blocks and claims


@pytest.mark.parametrize("seed", [0, 24, 80, 92, 97, 101, 102])
def test_the_bytes_of_a_row_do_not_depend_on_the_rows_beside_it(seed: int) -> None:
    made, draw = program(seed), np.random.default_rng(seed)
    given = {name: np.asarray(value, dtype=float) for name, value in made.data.items()}
    scales = 1 + draw.normal(size=(13, len(given))) * 0.3
    text = [
        json.dumps({name: (value * scale).tolist() for (name, value), scale in zip(given.items(), row, strict=True)})
        for row in scales
    ]
    work = Work(Options(of=made.target).text())
    whole = Unit("a.eq", made.text.encode(), None, Block("json", b"", 0, [row.encode() for row in text]))
    one = work.done(whole).lines
    for size in (1, 2, 5):
        parts = [work.done(whole.part(k, min(13, k + size))) for k in range(0, 13, size)]
        assert Done.joined(parts).lines == one


def test_claims_of_rows_are_decided_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row is run by itself where all claims hold, and one whose claim does not hold alone is."""
    from gradcalc.batch.together import Together

    alone: list[Any] = []
    before = Together.alone
    monkeypatch.setattr(Together, "alone", lambda self, data: (alone.append(data), before(self, data))[1])
    text = b"f = (x + y) max(y, 1); d(f)/d(x) == max(y, 1); f == x max(y, 1) + y max(y, 1); x == 1.5"
    block = Block("csv", b"x,y", 0, [b"1.5,2", b"1.5,3", b"2,2", b"1.5,0.5"])
    done = Work(Options(only=["claims"]).text()).done(Unit("a.eq", text, None, block))
    assert done.codes == ["", "", "claim-failed", ""] and len(alone) == 1
    claims = [json.loads(line)["result"]["claims"] for line in done.lines.splitlines()]
    assert [[claim["holds"] for claim in row] for row in claims] == [[True, True, k != 2] for k in range(4)]


def test_units_begin_small_and_grow_to_what_takes_a_fraction_of_a_second() -> None:
    pace, sizes = Pace(0.2), []
    unit = Unit("a.eq", b"", None, Block("csv", b"x", 0, [b"1"] * 4096))
    for part in pace.portions(unit):
        sizes.append(part.count)
        pace.learn("a.eq", Done(b"", [""] * part.count, part.count * 0.002))
    assert sizes[:4] == [FIRST, 4 * FIRST, 100, 100] and sum(sizes) == 4096


def test_resuming_does_what_changed_alone(tmp_path: Path) -> None:
    out, table = tmp_path / "out.jsonl", tmp_path / "rows.csv"
    text, options = b"s = x^2", Options().text()
    table.write_text("x\n" + "".join(f"{k}\n" for k in range(50)))
    unit = Unit("a.eq", text, None, next(blocks(str(table), Limits())))
    out.write_bytes(Work(options).done(unit).lines)
    table.write_text("x\n" + "".join(f"{k + 100 * (k == 20)}\n" for k in range(50)))
    again = Unit("a.eq", text, None, next(blocks(str(table), Limits())))
    pieces = list(Output(str(out), resume=True).pieces(again, options))
    assert [(type(p).__name__, len(p.codes) if isinstance(p, Done) else p.count) for p in pieces] == [
        ("Done", 20), ("Unit", 1), ("Done", 29),
    ]  # fmt: skip
    assert Old(out).has_records()


def test_names_in_comments_are_not_mentioned(tmp_path: Path) -> None:
    path = tmp_path / "a.eq"
    path.write_text("s = x # w\n")
    [warning] = names.check([str(path)], ["w", "x"], None, None, Limits())
    assert warning.code == "unused-data" and "`w`" in warning.message
    with pytest.raises(GradcalcError):
        names.check([str(path)], [], "rows.csv", Block("csv", b"w", 0, [b"1"]), Limits())


@pytest.mark.parametrize(("exponent", "x"), [("2", 1.6961053395230472), ("-1", 4.094405192488884),
                                             ("0.5", 0.1001570015388653), ("n", 1.6961053395230472)])  # fmt: skip
def test_a_power_has_the_digits_that_it_has_alone(exponent: str, x: float, tmp_path: Path) -> None:
    path, table = tmp_path / "m.eq", tmp_path / "rows.csv"
    path.write_text(f"y = x^{exponent}\n")
    table.write_text(f"x,n\n{x},2\n3,4\n")
    _, [first, _], _ = batch(path, "--inputs", table)
    alone = run_json(path, "--set", f"x={x}", *(["--set", "n=2"] if exponent == "n" else []))
    assert first["result"]["value"] == alone["value"]
    assert first["result"]["gradients"]["x"]["value"] == alone["gradients"]["x"]["value"]


# --------------------------------------------------------------------- the file of the records


def test_a_record_that_stands_twice_is_kept_once(tmp_path: Path) -> None:
    path, table, out = model(tmp_path), tmp_path / "rows.csv", tmp_path / "out.jsonl"
    table.write_text("x,y,z\n1,2,0\n3,2,0\n5,2,0\n")
    batch(path, "-i", table, "-o", out)
    whole = out.read_bytes()
    lines = whole.splitlines(keepends=True)
    for written in (lines[:1] + lines, lines[:2] + lines[1:], lines + lines[2:], lines * 2, lines[1:] + lines[:1]):
        out.write_bytes(b"".join(written))
        assert batch(path, "-i", table, "-o", out, "--resume")[0] == 0
        assert out.read_bytes() == whole


@pytest.mark.parametrize("resume", [False, True])
def test_a_batch_that_stops_early_loses_no_record_of_the_file_before(resume: bool, tmp_path: Path) -> None:
    path, table, out = model(tmp_path, "f = log(x) y"), tmp_path / "rows.csv", tmp_path / "out.jsonl"
    table.write_text("x,y\n1,2\n2,2\n3,2\n")
    batch(path, "-i", table, "-o", out)
    before = out.read_bytes().splitlines()
    table.write_text("x,y\n-1,2\n2,2\n3,2\n")
    again = ["--resume"] if resume else []
    assert batch(path, "-i", table, "-o", out, "--fail-fast", *again)[0] == 1
    [first, *rest] = out.read_bytes().splitlines()
    assert json.loads(first)["error"]["errors"][0]["code"] == "domain" and rest[-2:] == before[1:]
    table.write_text("x,y\n1,2\n2,2\n3,2\n")
    assert batch(path, "-i", table, "-o", out, "--resume")[0] == 0
    assert out.read_bytes().splitlines() == before


def test_records_of_rows_that_are_alike_are_not_lost(tmp_path: Path) -> None:
    """Equal rows, and equal files, have equal hashes: each has a record of its own all the same."""
    path, table, out = model(tmp_path, "f = log(x)"), tmp_path / "rows.csv", tmp_path / "out.jsonl"
    table.write_text("x\n" + "1\n" * 2 + "-1\n" + "1\n" * 50)
    batch(path, "-i", table, "-o", out)
    whole = out.read_bytes()
    assert batch(path, "-i", table, "-o", out, "--fail-fast")[0] == 1
    assert out.read_bytes() == whole
    for name in "abcde":
        (tmp_path / f"{name}.eq").write_text("s = x^2; x = 3\n" if name != "b" else "s = (\n")
    path.unlink()
    batch(tmp_path, "-o", out)
    whole = out.read_bytes()
    assert batch(tmp_path, "-o", out, "--fail-fast")[0] == 1
    assert out.read_bytes() == whole


def test_two_batches_do_not_write_one_file(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    for before in (None, ""):
        if before is not None:
            out.write_text(before)
        first = Output(str(out), False)
        first.write(b'{"schema": "gradcalc.record/1", "a": 1}\n')
        for resume in (False, True):
            with pytest.raises(GradcalcError, match="another batch writes it"):
                Output(str(out), resume)
        first.close(True)
        Output(str(out), True).close(True)
    one, other = Output(str(tmp_path / "new.jsonl"), False), Output(str(tmp_path / "new.jsonl"), False)
    one.write(b"1\n")
    with pytest.raises(GradcalcError, match="another batch writes it"):
        other.write(b"2\n")
    one.close(True)
    assert (tmp_path / "new.jsonl").read_bytes() == b"1\n"


def test_a_file_that_was_taken_away_is_told(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    target = Output(str(out), False)
    target.write(b"1\n")
    out.unlink()
    with pytest.raises(GradcalcError, match="removed or replaced"):
        target.close(True)


def test_a_column_twice_in_a_table(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="the extra `arrow` is not installed")
    from pyarrow import parquet

    path, table = model(tmp_path), tmp_path / "rows.parquet"
    columns = [arrow.array([float(k)]) for k in range(4)]
    parquet.write_table(arrow.table(columns, names=["x", "y", "z", "x"]), table)
    status, records, told = batch(path, "-i", table)
    assert (status, records) == (3, []) and "has the column `x` twice" in " ".join(told.split())


def test_a_file_of_rows_that_goes_away_is_read_to_its_end(tmp_path: Path) -> None:
    path, table = model(tmp_path), tmp_path / "rows.csv"
    table.write_text("x,y,z\n" + "1,2,0\n" * 60_000)
    out = tmp_path / "out.jsonl"
    process = start(path, "-i", table, "--only", "value", "-o", out)
    while not out.exists() or not out.stat().st_size:
        assert process.poll() is None
        time.sleep(0.002)
    table.unlink()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0 and out.read_bytes().count(b"\n") == 60_000 and b"60,000 ok" in told


@pytest.mark.parametrize("timeout", ["nan", "inf", "0", "-1"])
def test_a_time_that_is_none(timeout: str, tmp_path: Path) -> None:
    assert batch(model(tmp_path), "--timeout", timeout)[0] == 2
