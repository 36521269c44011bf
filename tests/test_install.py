"""The program runs from a wheel, from an editable install and from a bare checkout: each finds the grammar."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CLEAN = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}


def run(*command, cwd):
    return subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, env=CLEAN, timeout=300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    pytest.importorskip("hatchling", reason="building a wheel offline needs hatchling")
    build = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    done = run(sys.executable, "-c", build, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_grammar_and_the_marker_of_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"gradcalc/grammar/gradcalc.lark", "gradcalc/py.typed", "gradcalc/ops/elementwise.py"} <= names
    assert not [n for n in names if n.startswith(("tests/", "samples/"))]


def test_the_wheel_runs_from_another_folder(wheel, tmp_path):
    """Unpacked into an environment that has the dependencies and nothing of the checkout."""
    venv.create(tmp_path / "env", with_pip=False)
    site = next((tmp_path / "env").rglob("site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    shutil.copy(ROOT / "samples" / "score.eq", tmp_path / "score.eq")
    python = tmp_path / "env" / "bin" / "python"
    done = run(python, "-I", "-c", "import gradcalc, sys; print(gradcalc.__file__)", cwd=tmp_path)
    assert str(tmp_path) in done.stdout
    done = run(python, "-I", "-m", "gradcalc", "run", "score.eq", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "gradcalc.run/1" in done.stdout


def test_a_bare_checkout_runs(tmp_path):
    """The package and the grammar side by side, not installed."""
    for folder in ("gradcalc", "grammar"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    done = run(sys.executable, "-m", "gradcalc", "eval", "x^3", "x=2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"value": 8.0' in done.stdout


def test_a_missing_grammar_is_reported(tmp_path):
    shutil.copytree(ROOT / "gradcalc", tmp_path / "gradcalc", ignore=shutil.ignore_patterns("__pycache__", "grammar"))
    done = run(sys.executable, "-m", "gradcalc", "eval", "x^3", "x=2", cwd=tmp_path)
    assert done.returncode == 70
    assert "the installation is incomplete" in done.stderr


@pytest.mark.parametrize("state", ["damaged", "unwritable"])
def test_the_grammar_cache_is_only_a_cache(tmp_path, state):
    """A damaged cache file, or a cache folder that cannot be made, changes nothing but the time."""
    environment = {**CLEAN, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "gradcalc", "eval", "x^3", "x=2", "--json"]
    if state == "unwritable":
        (tmp_path / "cache").write_text("a file where the folder should be")
    else:
        subprocess.run(command, env=environment, capture_output=True, timeout=60)
        caches = list((tmp_path / "cache").rglob("*.cache"))
        assert caches
        for cache in caches:
            cache.write_bytes(b"\x80\x04damaged")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"value": 8.0' in done.stdout
