"""The command line as a user meets it: output, stderr, exit statuses, pipes, colour."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEURON = "z = W x + b; h = f(z); s = u^T h; f = tanh"
BRANCHES = "f(x, y, z) = (x + y) max(y, z); x = 1, y = 2, z = 0"
DATA = {"W": [[1, 2, 3], [4, 5, 6]], "x": [0.1, 0.2, -0.3], "b": [1, 2], "u": [3, 4]}


def gradcalc(*arguments, stdin="", env=None, cwd=ROOT, text=True):
    """Run the command line in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    environment.update({"PYTHONPATH": str(ROOT), **(env or {})})
    return subprocess.run(
        [sys.executable, "-m", "gradcalc", *map(str, arguments)],
        input=stdin if text else stdin.encode(), capture_output=True, text=text, env=environment, cwd=cwd, timeout=60,
        encoding="utf-8" if text else None,
    )  # fmt: skip


@pytest.fixture
def data_file(tmp_path):
    path = tmp_path / "D.json"
    path.write_text(json.dumps(DATA))
    return path


def test_run_prints_the_ledger(data_file):
    done = gradcalc("run", "-e", NEURON, "--data", data_file)
    assert done.returncode == 0
    for part in ("Forward", "Backward: downstream = upstream × local", "Gradients of s (shape convention)",
                 "diag(f'(z))", "∂s/∂W = (u ∘ f'(z)) x^T", "x^T ⊗ I", "distributes", "re-use:"):  # fmt: skip
        assert part in done.stdout
    assert done.stderr == ""


def test_the_gradient_by_a_matrix_is_the_outer_product(data_file):
    """∂s/∂W = (u ∘ (1 - tanh(z)²)) x^T, computed here by hand."""
    from math import tanh

    document = json.loads(gradcalc("run", "-e", NEURON, "--data", data_file, "--json").stdout)
    z = [
        sum(w * x for w, x in zip(row, DATA["x"], strict=True)) + b for row, b in zip(DATA["W"], DATA["b"], strict=True)
    ]
    delta = [u * (1 - tanh(v) ** 2) for u, v in zip(DATA["u"], z, strict=True)]
    expected = [[d * x for x in DATA["x"]] for d in delta]
    found = document["gradients"]["W"]["value"]
    assert [pytest.approx(row, rel=1e-13) for row in expected] == found


def test_numerator_layout_prints_delta_as_the_lecture_does(data_file):
    done = gradcalc("run", "-e", NEURON, "--data", data_file, "--layout", "numerator")
    assert "∂s/∂W = δ^T x^T" in done.stdout
    assert "Gradients of s (numerator layout)" in done.stdout


def test_no_line_is_wider_than_the_terminal(data_file):
    for width in (60, 80, 200):
        for arguments in (
            ["run", "samples/score.eq"],
            ["run", "-e", NEURON, "--data", data_file, "--of", "h"],
            ["functions"],
        ):
            done = gradcalc(*arguments, env={"COLUMNS": str(width)})
            assert max(len(line) for line in done.stdout.splitlines()) <= width


def test_eval_differentiates_an_expression():
    document = json.loads(gradcalc("eval", "x^3", "x=2", "--json").stdout)
    assert (document["value"], document["gradients"]["x"]["value"]) == (8.0, 12.0)


def test_eval_shows_branches_and_their_sum():
    document = json.loads(gradcalc("eval", "(x+y) max(y,z)", "x=1", "y=2", "z=0", "--json").stdout)
    gradients = document["gradients"]
    assert {n: g["value"] for n, g in gradients.items()} == {"x": 2.0, "y": 5.0, "z": 0.0}
    assert sorted(b["value"] for b in gradients["y"]["branches"]) == [2.0, 3.0]


def test_eval_takes_an_expression_that_begins_with_a_minus():
    assert json.loads(gradcalc("eval", "-x^2", "x=3", "--json").stdout)["value"] == -9.0


def test_the_graph_as_text_mermaid_dot_and_json():
    neuron = NEURON + "; W ∈ R^{n×m}; x ∈ R^m; b, u ∈ R^n"
    assert gradcalc("graph", "-e", neuron).stdout.startswith("s = u^T h\n├─ u (input)  n×1\n└─ h = f(z)  n×1\n")
    assert gradcalc("graph", "-e", neuron, "--format", "mermaid").stdout.startswith("flowchart LR\n")
    dot = gradcalc("graph", "-e", "y = x*x", "--format", "dot").stdout
    assert dot.count("n0 -> n1;") == 2
    document = json.loads(gradcalc("graph", "-e", neuron, "--json").stdout)
    assert document["nodes"]["s"]["inputs"] == ["u", "h"]


def test_set_goes_before_the_data_file_and_the_data_file_before_the_equation_file(tmp_path):
    equations, data = tmp_path / "a.eq", tmp_path / "d.json"
    equations.write_text("y = x + w + v; x = 1; w = 10; v = 100")
    data.write_text('{"x": 2, "w": 20}')

    def value(*more):
        return json.loads(gradcalc("run", equations, "--of", "y", "--json", *more).stdout)["value"]

    assert value() == 111
    assert value("--data", data) == 122
    assert value("--data", data, "--set", "x=3") == 123


def test_set_reads_arrays_from_files(tmp_path):
    import numpy as np

    np.save(tmp_path / "W.npy", np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.savez(tmp_path / "all.npz", W=np.array([[1.0, 2.0], [3.0, 4.0]]), x=np.array([5.0, 6.0]))
    (tmp_path / "x.csv").write_text("5\n6\n")
    (tmp_path / "x.json").write_text("[5, 6]")
    equations = ("-e", "y = W x", "--json")
    for x in ("x.csv", "x.json"):
        done = gradcalc("run", *equations, "--set", f"W=@{tmp_path / 'W.npy'}", "--set", f"x=@{tmp_path / x}")
        assert json.loads(done.stdout)["value"] == [17.0, 39.0]
    assert json.loads(gradcalc("run", *equations, "--data", tmp_path / "all.npz").stdout)["value"] == [17.0, 39.0]


def test_upstream_gives_the_vector_jacobian_product():
    """For z = W x, x̄ = W^T z̄."""
    text = "z = W x; W = [1, 2; 3, 4]; x = [1, 1]"
    document = json.loads(gradcalc("run", "-e", text, "--upstream", "[1, 10]", "--json").stdout)
    assert document["gradients"]["x"]["value"] == [31.0, 42.0]


def test_a_target_that_is_no_scalar_is_shown_with_its_jacobians():
    document = json.loads(gradcalc("run", "-e", "z = W x; W = [1, 2; 3, 4]; x = [1, 1]", "--json").stdout)
    assert document["kind"] == "jacobian"
    assert document["gradients"]["x"] | {"branches": []} == {
        "shape": [2, 2], "value": [[1, 2], [3, 4]], "rule": "W", "also": None, "latex": "W", "branches": [],
        "connected": True,
    }  # fmt: skip


def test_wrt_limits_the_inputs_shown():
    document = json.loads(gradcalc("run", "-e", BRANCHES, "--wrt", "x, z", "--json").stdout)
    assert list(document["gradients"]) == ["x", "z"]


def test_of_several_targets_the_last_is_taken_with_a_note():
    done = gradcalc("run", "-e", "a = 2 x; b = 3 x; x = 1", "--format", "plain")
    assert "Gradients of b" in done.stdout
    assert "a" in done.stderr and "--of" in done.stderr


def test_standard_input_is_a_file_named_minus():
    assert json.loads(gradcalc("run", "-", "--json", stdin="y = x^2; x = 3").stdout)["value"] == 9.0


def test_several_files_give_one_document_a_line(tmp_path):
    for name, text in (("a.eq", "y = x^2; x = 3"), ("b.eq", "y = (x"), ("c.eq", "y = 2 x; x = 3")):
        (tmp_path / name).write_text(text)
    done = gradcalc("run", *(tmp_path / n for n in ("a.eq", "b.eq", "c.eq")), "--json")
    schemas = [json.loads(line)["schema"] for line in done.stdout.splitlines()]
    assert schemas == ["gradcalc.run/1", "gradcalc.error/1", "gradcalc.run/1"]
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["run", "-e", "y = x^2; x = 3"], 0),
        (["run", "-e", "y = x^2; x = 3; y == 8"], 1),
        (["run", "--nonsense"], 2),
        (["run"], 2),
        (["nonsense"], 2),
        (["run", "-e", "y = x", "--limit", "sizes=3"], 2),
        (["run", "-e", "y = x", "--set", "x"], 2),
        (["functions", "nonsense"], 2),
        (["explain", "nonsense"], 2),
        (["schema", "nonsense"], 2),
        (["run", "-e", "y = (x"], 3),
        (["run", "-e", "y = q"], 3),
        (["run", "-e", "y = x; x (input)"], 3),
        (["run", "-e", "y = u v; u = [1, 2]; v = [3, 4]"], 3),
        (["run", "-e", "y = log(x); x = -1"], 4),
        (["run", "-e", "y = 1/x; x = 0"], 4),
        (["run", "-e", "y = x", "--limit", "file_bytes=2"], 5),
        (["run", "-e", "y = ones(100, 100)", "--limit", "entries=100"], 5),
        (["run", "nowhere.eq"], 6),
        (["run", "-e", "y = x", "--data", "nowhere.json"], 6),
        (["run", "-e", "y = x^2; x = 3", "-o", "nowhere/out.json"], 6),
    ],
)
def test_exit_statuses(arguments, status):
    done = gradcalc(*arguments)
    assert done.returncode == status, done.stderr
    if status > 1:
        assert done.stdout == ""
        assert done.stderr.startswith("error[")
        assert "Traceback" not in done.stderr
        documented = gradcalc(*arguments, "--json")
        if documented.stdout:
            document = json.loads(documented.stdout)
            assert document["schema"] == "gradcalc.error/1"
            assert documented.returncode == status
            assert {"code", "message", "source", "line", "column", "help"} <= set(document["errors"][0])


def test_several_faults_are_reported_at_once():
    done = gradcalc("run", "-e", "a = Wx\nb = sigmod(x)\nc = x + q\nx = [1, 2]; W = [1, 2; 3, 4]")
    assert done.stderr.count("error[") == 3
    assert "did you mean `W x`?" in done.stderr
    assert "did you mean `sigmoid`?" in done.stderr


def test_output_picks_the_format_by_the_suffix(tmp_path):
    starts = {"out.json": "{", "out.md": "## Forward", "out.tex": "\\documentclass", "out.csv": "table,name",
              "out.txt": "Forward"}  # fmt: skip
    for name, start in starts.items():
        done = gradcalc("run", "-e", BRANCHES, "-o", tmp_path / name)
        assert (done.returncode, done.stdout) == (0, "")
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(starts)


def test_colour_follows_the_terminal_and_the_environment():
    escape = "\x1b["
    assert escape not in gradcalc("run", "-e", BRANCHES).stdout
    assert escape in gradcalc("run", "-e", BRANCHES, env={"FORCE_COLOR": "1"}).stdout
    assert escape not in gradcalc("run", "-e", BRANCHES, "--json", env={"FORCE_COLOR": "1"}).stdout
    assert escape not in gradcalc("run", "-e", BRANCHES, env={"NO_COLOR": "1"}).stdout


def test_what_a_user_wrote_is_shown_literally(tmp_path):
    hostile = 'x = ["[red]bold[/x]": 1, "b\x41": 2]; y = sum(x)'
    done = gradcalc("run", "-e", hostile)
    assert done.returncode == 0
    assert "[red]bold[/x]" in done.stdout
    missing = gradcalc("run", tmp_path / "[bold]\x1b[31m.eq")
    assert "\x1b" not in missing.stderr
    assert missing.returncode == 6


@pytest.mark.parametrize("format_", ["plain", "table", "json"])
def test_a_closed_pipe_ends_quietly(format_):
    text = "y = sum(x .^ 2); x = ones(30000)"
    program = [sys.executable, "-m", "gradcalc", "run", "-e", text, "--full", "--format", format_]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 0


def test_an_interrupt_ends_with_130():
    program = [sys.executable, "-m", "gradcalc", "run", "-", "--json"]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    process.stdin.write(b"y = x")
    process.stdin.flush()
    import time

    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stdout.read() == b""


def test_help_lists_every_command():
    shown = gradcalc("--help").stdout
    for command in ("run", "eval", "graph", "functions", "explain", "schema"):
        assert command in shown
        assert gradcalc(command, "--help").returncode == 0


def test_bytes_that_are_not_utf8_are_refused_with_their_place(tmp_path):
    path = tmp_path / "latin.eq"
    path.write_bytes("y = x # caf\xe9".encode("latin-1"))
    done = gradcalc("run", path)
    assert done.returncode == 3
    assert "0xE9 at offset 11" in done.stderr


def test_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path):
    path = tmp_path / "windows.eq"
    path.write_bytes("\ufeffy = x^2\r\nx = 3\r\n".encode())
    assert json.loads(gradcalc("run", path, "--json").stdout)["value"] == 9.0


def test_long_tables_are_cut_and_say_so():
    text = "x0 = 1;" + ";".join(f"x{i + 1} = x{i} + 1" for i in range(300))
    done = gradcalc("run", "-e", text, "--rows", "10")
    assert "rows are left out; --rows 0 shows all" in " ".join(done.stdout.split())
    assert len(done.stdout.splitlines()) < 80


def test_several_files_go_into_one_output_file(tmp_path):
    for name, text in (("a.eq", "y = x^2; x = 3"), ("b.eq", "y = 2 x; x = 3")):
        (tmp_path / name).write_text(text)
    files = [tmp_path / "a.eq", tmp_path / "b.eq"]
    gradcalc("run", *files, "-o", tmp_path / "all.json")
    assert [json.loads(line)["value"] for line in (tmp_path / "all.json").read_text().splitlines()] == [9.0, 6.0]
    gradcalc("run", *files, "-o", tmp_path / "all.md")
    assert (tmp_path / "all.md").read_text().count("## Forward") == 2
    assert gradcalc("run", *files, "-o", tmp_path / "all.tex").returncode == 2


def test_output_goes_through_links_and_devices_and_keeps_the_mode(tmp_path):
    real = tmp_path / "real.json"
    real.write_text("old")
    real.chmod(0o640)
    (tmp_path / "link.json").symlink_to(real)
    assert gradcalc("run", "-e", "y = x; x = 1", "-o", tmp_path / "link.json").returncode == 0
    assert (tmp_path / "link.json").is_symlink()
    assert real.read_text().startswith("{")
    assert real.stat().st_mode & 0o777 == 0o640
    assert gradcalc("run", "-e", "y = x; x = 1", "--json", "-o", "/dev/null").returncode == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("format_", ["table", "json", "plain"])
def test_a_full_disk_is_said_and_is_no_bug(format_):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "gradcalc", "run", "-e", "y = x; x = 1", "--format", format_]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 6
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("option", ["--json", "--width=80"])
@pytest.mark.parametrize("streams", [{"stdout"}, {"stderr"}, {"stdout", "stderr"}])
def test_an_error_that_cannot_be_told_keeps_its_status(option: str, streams: set[str]) -> None:
    command = [sys.executable, "-m", "gradcalc", "run", "-e", "y = x; x = [", option]
    with open("/dev/full", "w") as full:
        given = {name: full if name in streams else subprocess.PIPE for name in ("stdout", "stderr")}
        done = subprocess.run(command, text=True, cwd=ROOT, timeout=60, **given)
    assert done.returncode == 3
    told = (done.stdout or "") + (done.stderr or "")
    assert "Traceback" not in told
    assert ("unclosed-bracket" in told) == (streams != {"stdout", "stderr"} and (option, streams) not in UNSEEN)


UNSEEN = [("--width=80", {"stderr"}), ("--json", {"stderr", "stdout"})]
"""Where what is told goes to the stream that is full."""


def test_an_upstream_gradient_from_a_file(tmp_path):
    (tmp_path / "v.csv").write_text("1\n10\n")
    text = "z = W x; W = [1, 2; 3, 4]; x = [1, 1]"
    for value in (f"@{tmp_path / 'v.csv'}", tmp_path / "v.csv"):
        done = gradcalc("run", "-e", text, "--upstream", value, "--json")
        assert json.loads(done.stdout)["gradients"]["x"]["value"] == [31.0, 42.0]


def test_eval_takes_an_equation_and_settings_too():
    assert json.loads(gradcalc("eval", "y = x^2", "x=3", "--json").stdout)["of"] == "y"
    assert json.loads(gradcalc("eval", "x^2", "--set", "x=3", "--json").stdout)["value"] == 9.0
    assert "No such option: --seet" in gradcalc("eval", "x^2", "--seet", "x=3").stderr


def test_no_column_is_lost_in_a_very_narrow_terminal():
    done = gradcalc("run", "-e", "s = x^2; x = 12", env={"COLUMNS": "20"})
    assert "144" in done.stdout


def test_an_alias_of_a_functions_other_name():
    assert json.loads(gradcalc("run", "-e", "h = f(z); f = σ; z = 0", "--json").stdout)["value"] == 0.5


def test_of_very_many_errors_the_first_are_told():
    text = "y = 1\n" + "y = x\n" * 1500
    done = gradcalc("run", "-", stdin=text)
    assert done.returncode == 3 and done.stderr.count("error[") == 50
    assert done.stderr.endswith("and 1,450 more errors\n")
    document = json.loads(gradcalc("run", "-", "--json", stdin=text).stdout)
    assert len(document["errors"]) == 1000 and document["errors"][0]["line"] == 2


def test_several_texts_are_the_lines_of_one():
    done = gradcalc("run", "-e", "y = 2 x", "-e", "x = 3 +", "--json")
    assert json.loads(done.stdout)["errors"][0]["line"] == 2
    done = gradcalc("run", "-e", "y = 2 x", "-e", "x = 3", "--json")
    assert json.loads(done.stdout)["value"] == 6


@pytest.mark.parametrize("number", ["-1", "abc", "99999999999999999999999999", ""])
def test_a_limit_with_a_wrong_number_says_so(number):
    done = gradcalc("run", "-e", "y = x; x = 1", "--limit", f"nodes={number}")
    assert done.returncode == 2
    assert f"`{number}` is no number for the limit `nodes`" in " ".join(done.stderr.split())
    assert "from 0 to 10^18 - 1" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        *([command, "--of", "q"] for command in ("run", "derive", "jacobian", "hessian", "check", "graph")),
        *([command, "--wrt", "q"] for command in ("run", "derive", "jacobian", "hessian")),
        ["jacobian", "--tangent", "q=1"],
    ],
)
def test_an_option_that_names_what_is_not_in_the_text_is_a_usage_error(arguments):
    command, *options = arguments
    done = gradcalc(command, "-e", "s = x^2; x = 1", *options)
    assert (done.returncode, "unknown-target" in done.stderr) == (2, True)


def test_an_interrupt_while_the_command_is_loaded_is_quiet() -> None:
    program = (
        "import sys, types\n"
        "class Module(types.ModuleType):\n"
        "    def __getattr__(self, name): raise KeyboardInterrupt\n"
        "sys.modules['gradcalc.cli'] = Module('gradcalc.cli')\n"
        "from gradcalc.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
