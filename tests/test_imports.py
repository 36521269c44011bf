"""Start-up imports what it uses and nothing else; imports between our modules run one way."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "gradcalc"


def modules_after(arguments: list[str]) -> set[str]:
    """The modules that are loaded after a command, in a process of its own."""
    program = (
        "import contextlib, io, json, sys\n"
        "from gradcalc.cli import execute\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):\n"
        f"    execute({arguments!r})\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--version"], {"numpy", "lark", "rich", "rich.table", "platformdirs", "gradcalc.graph", "gradcalc.parser"}),
        (["--help"], {"numpy", "lark", "rich", "rich.table"}),
        (["run", "--help"], {"numpy", "lark", "rich", "rich.table"}),
        (["schema", "run"], {"numpy", "lark", "rich"}),
        (["explain", "cycle"], {"numpy", "lark", "rich"}),
        (["run", "-e", "y = (", "--json"], {"numpy", "rich"}),
        (["run", "samples/score.eq", "--json"], {"rich", "csv", "gradcalc.report.tables", "gradcalc.prepared"}),
        (["functions", "--json"], {"lark", "rich"}),
    ],
)
def test_a_command_does_not_import_what_it_does_not_use(arguments, absent):
    assert not modules_after(arguments) & absent


def test_importing_the_package_alone_imports_no_dependency():
    program = "import sys, gradcalc; print([m for m in ('numpy', 'lark', 'typer', 'rich') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert done.stdout.strip() == "[]"


def imports_of(path: Path) -> set[str]:
    """What a module imports when it runs, wherever in it; imports for types alone do not count."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


ROOMS = {path.relative_to(PACKAGE).with_suffix("").as_posix(): path for path in PACKAGE.rglob("*.py")}


def rooms_importing(prefix: str) -> set[str]:
    return {room for room, path in ROOMS.items() if any(f"{i}.".startswith(f"{prefix}.") for i in imports_of(path))}


def test_lark_is_known_to_the_parser_alone():
    assert rooms_importing("lark") == {"parser"}


def test_typer_is_known_to_the_command_line_alone():
    assert {room.split("/")[0] for room in rooms_importing("typer")} == {"cli"}


def test_rich_is_known_to_reports_alone():
    assert {room.split("/")[0] for room in rooms_importing("rich")} == {"report"}


LAYERS = [
    ["errors"],
    ["syntax", "symbols", "codes", "collector", "exact", "files"],
    ["graph"],
    ["notation", "algebra"],
    ["maps"],
    ["differentiate"],
    ["ops"],
    ["simplify/factors", "simplify/words"],
    ["simplify/transposes", "simplify/products", "simplify/entries", "simplify/sums"],
    ["simplify/inverses", "simplify/reductions"],
    ["simplify/rewrites", "simplify/expansion"],
    ["simplify", "suggest"],
    ["parser", "planning", "data", "data_files"],
    ["closed_form", "evaluator", "compiled"],
    ["numeric", "rounding", "remedies", "kinks"],
    ["points", "precision", "perturbed", "conditioning"],
    ["checking/sampling", "checking/numeric_derivative"],
    ["checking/written", "checking/agreement", "checking/closer"],
    ["checking/trials", "checking/comparison"],
    ["checking/search"],
    ["checking/branches", "checking/layouts", "checking/mistakes", "checking/omissions", "checking/coefficients"],
    ["checking/repairs"],
    ["checking/claims", "checking/gradients"],
    ["checking"],
    ["derivation/chains"],
    ["derivation"],
    ["run", "literals"],
    ["stacked"],
    ["evaluation"],
    ["local_gradients", "flags", "matrices/records", "matrices/forms", "matrices/opening"],
    ["runner", "matrices"],
    ["sweeps"],
    ["prepared"],
    ["model"],
    ["report"],
    ["batch"],
    ["cli", "__main__"],
]


def layer(room: str) -> int | None:
    """The layer of a room, or of the one that it is in."""
    names = [room, room.split("/")[0]]
    return next((number for name in names for number, layer in enumerate(LAYERS) if name in layer), None)


def test_imports_between_rooms_run_one_way():
    wrong = []
    for room, path in ROOMS.items():
        for imported in imports_of(path):
            parts = imported.split(".")
            if parts[0] != "gradcalc" or len(parts) < 2 or room == "__init__":
                continue
            if len(parts) == 2 and room.startswith(f"{parts[1]}/"):
                continue  # the package that the room is in
            inner = "/".join(parts[1:3])
            own, other = layer(room), layer(inner if inner in ROOMS else parts[1])
            if own is not None and other is not None and other > own:
                wrong.append(f"{room} imports {imported}")
    assert wrong == []
