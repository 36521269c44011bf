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
    ["syntax", "symbols", "codes", "collector"],
    ["graph"],
    ["notation", "algebra"],
    ["maps"],
    ["differentiate"],
    ["ops"],
    ["factors", "words"],
    ["transpose_rewrites", "product_rewrites", "entry_rewrites", "sum_rewrites"],
    ["inverse_rewrites", "reduction_rewrites"],
    ["rewrites", "expansion"],
    ["simplify", "normal_form", "suggest"],
    ["parser", "definitions", "data", "expressions", "planner"],
    ["closed_form", "evaluator"],
    ["numeric", "numeric_derivative"],
    ["sampling", "points"],
    ["written", "agreement"],
    ["trials"],
    ["search"],
    ["branches", "layouts", "mistakes", "omissions", "coefficients"],
    ["repairs"],
    ["claims", "gradient_check"],
    ["check"],
    ["run", "literals"],
    ["stacked", "flags", "matrices", "matrix_forms", "opening"],
    ["runner", "prepared", "differentials", "first_order", "second_order"],
    ["model"],
    ["report"],
    ["cli", "__main__"],
]


def layer(room: str) -> int | None:
    head = room.split("/")[0]
    return next((number for number, names in enumerate(LAYERS) if head in names), None)


def test_imports_between_rooms_run_one_way():
    wrong = []
    for room, path in ROOMS.items():
        for imported in imports_of(path):
            parts = imported.split(".")
            if parts[0] != "gradcalc" or len(parts) < 2 or room == "__init__":
                continue
            own, other = layer(room), layer(parts[1])
            if own is not None and other is not None and other > own:
                wrong.append(f"{room} imports {imported}")
    assert wrong == []
