"""The rules of the house: imports run downwards only, heavy packages load late, and who may use what."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "reconet_cli"
FILES = sorted(PACKAGE.rglob("*.py"))
# Lower floors may be imported by higher ones, never the other way round; equal floors may not import each other.
FLOOR = {
    "errors": 0,
    "system": 1,
    "console": 1,
    "warping": 1,
    "model": 2,
    "styles": 3,
    "video": 3,
    "engines": 4,
    "flow": 4,
    "training": 5,
    "exporting": 5,
    "stylizing": 6,
    "evaluation": 7,
    "diagnosis": 7,
    "commands": 8,
    "cli": 9,
}


MAP = re.compile(r"<!-- map -->\n(.*)\n<!-- end of map -->", re.DOTALL)


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@functools.cache
def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def test_imports_run_downwards():
    for path in FILES:
        here = room(path)
        for name in imported(path) if here not in ("__init__", "__main__") else ():
            parts = name.split(".")
            if parts[0] != "reconet_cli" or len(parts) < 2 or parts[1] in (here, "__version__"):
                continue
            assert FLOOR[parts[1]] < FLOOR[here], f"{path.relative_to(PACKAGE)} imports {name}"


def test_packages_stay_in_their_rooms():
    for path in FILES:
        here, used = room(path), tops(path)
        allowed = {
            "click": here in ("cli", "commands"),
            "rich": here in ("console", "commands"),
            "torch": here != "video",
            "cv2": here != "video",
        }
        assert all(allowed.get(name, True) for name in used), f"{path.relative_to(PACKAGE)} imports {sorted(used)}"
        if here == "warping":
            assert used <= {"torch", "__future__"}
        if here == "errors":
            assert used <= {"__future__"}


def test_files_stay_small():
    large = [path for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > 320]
    assert not large


def test_contributing_has_the_map():
    rows = ["| floor | | what it is |", "|---|---|---|"]
    for name in sorted(FLOOR, key=lambda name: (-FLOOR[name], name)):
        packages = sorted((PACKAGE / name).rglob("__init__.py"), key=lambda path: path.parent)
        for path in packages or [PACKAGE / f"{name}.py"]:
            summary = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
            shown = f"{path.parent.relative_to(PACKAGE).as_posix()}/" if packages else path.name
            floor = "" if shown.count("/") > 1 else FLOOR[name]
            rows.append(f"| {floor} | `{shown}` | {summary} |")
    table = "\n".join(rows)
    found = MAP.search((PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert found
    assert found[1] == table, f"CONTRIBUTING.md should say:\n{table}"
    assert {room(path) for path in FILES} - {"__init__", "__main__"} == set(FLOOR)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["stylize", "--help"],
        ["styles"],
        ["cache"],
        ["train", "--help"],
        ["flow", "--help"],
        ["evaluate", "--help"],
        ["deflicker", "--help"],
        ["doctor", "--help"],
        ["bench", "--help"],
        ["export", "--help"],
        ["completion", "bash"],
        ["--version"],
    ],
)
def test_light_commands_import_nothing_heavy(arguments):
    code = (
        "import sys; from reconet_cli.cli import run; code = run(sys.argv[1:]);"
        "heavy = {'torch', 'cv2', 'openvino'} & set(sys.modules);"
        "print('heavy:', sorted(heavy), file=sys.stderr); sys.exit(code or len(heavy))"
    )
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "heavy: []" in result.stderr


def test_contributing_names_files_that_are_there():
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`((?:\w+/)+[\w.]*)", text) if "NAME" not in name and "SUBJECT" not in name}
    missing = [name for name in named if not any((root / name).exists() for root in (PACKAGE, PACKAGE.parent))]
    assert not missing
