"""The benchmarks run, compare numbers and report ratios; nothing here depends on how long anything takes."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import gradcalc
from benchmarks import plot, point
from benchmarks.compare import chosen, measured
from benchmarks.machine import described
from benchmarks.measure import Task, Timing, difference
from benchmarks.peers import Peers
from benchmarks.programs import long_program, small_program
from benchmarks.results import document, ratio, remarks, seconds
from benchmarks.row import AS_FAST, FASTER, Row, at_most, times_faster
from benchmarks.sizes import FULL, QUICK
from benchmarks.work import all_rows

ROOT = Path(__file__).parent.parent
ONCE = Timing(rounds=1, seconds=0.0, fewest=1, long=0.0)
NUMPY_ALONE = Peers(versions={"numpy": np.__version__}, missing={"torch": "not chosen"})
HERE = [row for row in all_rows(QUICK) if row.name not in {"run-json", "run-tables", "version", "help", "batch"}]


def test_the_command_writes_ratios_and_checks(tmp_path):
    output = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "version", "neuron-10", "--quick", "--peer", "numpy", "-o", output]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "NumPy by hand" in done.stdout and "torch: not chosen" in done.stdout and "1 thread" in done.stdout
    found = json.loads(output.read_text(encoding="utf-8"))
    assert found["schema"] == "gradcalc.benchmarks/1" and found["agrees"] and found["settings"]["quick"]
    assert {"processor", "cores", "platform", "python", "gradcalc", "threads"} <= set(found["machine"])
    assert found["versions"] == {"numpy": np.__version__} and found["missing"]["jax"] == "not chosen"
    version, neuron = found["rows"]
    assert version["peers"]["import numpy"]["goal"] == {"at_most": 0.8, "strict": False}
    by_hand = neuron["peers"]["NumPy by hand"]
    assert by_hand["ratio"] == neuron["gradcalc"]["seconds"] / by_hand["seconds"] > 0
    assert by_hand["met"] == (by_hand["ratio"] <= 1.6)
    assert neuron["gradcalc"]["difference"] <= found["tolerance"]


@pytest.mark.parametrize("row", HERE, ids=lambda row: row.name)
def test_a_row_runs_and_its_numbers_agree(row, tmp_path):
    outcome = measured(row, NUMPY_ALONE, ONCE, tmp_path)
    assert outcome.faults == {} and outcome.agrees
    assert outcome.differences["gradcalc"] <= 1e-10
    assert all(goal.at_most > 0 and name in row.peers for name, goal in row.goals.items())


def test_a_wrong_number_and_a_failure_are_faults(tmp_path):
    def broken(_):
        raise OSError("no such library")

    row = Row(
        name="sum",
        work="1 + 1",
        inputs=lambda folder: 1.0,
        subject=lambda one: Task(lambda: [one + one]),
        peers={"wrong": lambda one: Task(lambda: [one + one + 1e-9]), "broken": broken},
        goals={"wrong": FASTER},
        reference=lambda one: [2.0],
    )
    outcome = measured(row, NUMPY_ALONE, ONCE, tmp_path)
    assert not outcome.agrees and set(outcome.samples) == {"gradcalc", "wrong"}
    assert not document([outcome], NUMPY_ALONE, described(1), {})["agrees"]
    said = "\n".join(remarks([outcome], NUMPY_ALONE, described(1)))
    assert "the numbers of wrong differ by 5e-10" in said and "broken failed: OSError: no such library" in said


@pytest.mark.parametrize(
    ("found", "expected", "apart"),
    [
        ([[1.0, 2.0]], [[1.0, 2.0]], 0.0),
        ([[[1.0], [2.5]]], [[1.0, 2.0]], 0.25),
        ([1.0], [[1.0, 2.0]], np.inf),
        ([[1.0, 2.0], 3.0], [[1.0, 2.0]], np.inf),
        ([[1.0, np.nan]], [[1.0, 2.0]], np.inf),
        ([0.5], [0.0], 0.5),
        ([[[1.0, 2.0], [3.0, 4.0]]], [[[1.0, 3.0], [2.0, 4.0]]], 0.25),
    ],
)
def test_difference_is_of_the_largest_entry(found, expected, apart):
    assert difference(found, expected) == apart


def test_goals():
    assert at_most(2.0).met(2.0) and not at_most(2.0).met(2.01)
    assert times_faster(5).met(0.2) and not times_faster(5).met(0.21)
    assert AS_FAST.met(1.0) and not FASTER.met(1.0)


def test_rows_are_chosen_by_the_beginning_of_their_names():
    rows = all_rows(FULL)
    assert [row.name for row in chosen(rows, ["statements"])] == ["statements"]
    assert [row.name for row in chosen(rows, ["neuron"])] == ["neuron-10", "neuron-200", "neuron-2000"]
    assert chosen(rows, []) == rows
    with pytest.raises(ValueError, match="no row is called nothing"):
        chosen(rows, ["nothing"])


@pytest.mark.parametrize("seed", range(40))
def test_small_programs_are_what_they_say(seed):
    program = small_program(seed)
    run = gradcalc.loads(program.text).run()
    found = program.probed(run.value, {name: gradient.value for name, gradient in run.gradients.items()})
    assert difference([found], [program.probe()]) <= 1e-10


def test_a_long_program_has_its_statements():
    assert len(long_program(60).text.splitlines()) == 60
    assert long_program(60).text != long_program(60, seed=1).text


def test_times_and_ratios_are_written_shortly():
    assert [seconds(v) for v in (2.5, 0.25, 2.5e-5, 2.5e-7)] == ["2.5 s", "250 ms", "25 µs", "250 ns"]
    assert [ratio(v) for v in (0.05, 0.75, 1.054, 24.3)] == ["1/20", "0.75", "1.05", "24"]


def test_a_point_of_growth():
    found = point.measured("width", "NumPy by hand", 3)
    assert found["seconds"] > 0 and found["peak_bytes"] > 2**20


def test_growth_is_drawn(tmp_path):
    points = [{"size": 10**k, "seconds": 1e-4 * 7**k, "peak_bytes": 4e7 * 2**k} for k in range(1, 6)]
    axes = {axis: [{"name": name, "points": points} for name in curves] for axis, curves in point.CURVES.items()}
    source = tmp_path / "growth.json"
    source.write_text(json.dumps({"axes": axes}), encoding="utf-8")
    assert plot.draw(source, tmp_path) == 0
    for axis, curves in point.CURVES.items():
        root = ElementTree.parse(tmp_path / f"growth-{axis}.svg").getroot()
        words = "".join(root.itertext())
        assert all(name in words for name in curves) and "1 ms" in words and "100 MB" in words
        assert len(root.findall("{*}polyline")) == 2 * len(curves)
    assert plot.draw(tmp_path / "absent.json", tmp_path) == 2


@pytest.mark.long
def test_every_peer_that_is_installed_agrees(tmp_path):
    output = tmp_path / "results.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "-o", output], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [row["name"] for row in json.loads(output.read_text(encoding="utf-8"))["rows"] if not row["agrees"]] == []
