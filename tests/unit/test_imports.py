"""Imports point one way (ARCHITECTURE.md, "The map of the source")."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skerry

SOURCE = Path(skerry.__file__).parent

# Floors from the ground up; a module may import its own package and any lower floor. Packages on one floor do
# not import each other.
FLOORS: list[set[str]] = [
    {"errors", "sizes", "commands", "settings", "progress", "turns", "values"},
    {"images", "conversion", "configuration", "guestos", "hypervisor", "storage"},
    {"host"},
    {"node", "link"},
    {"manager"},
    {"api"},
    {"cli"},
]
# Where the map says that brothers, or another floor, may be used.
ALSO = {("guestos", "images"), ("link", "host")}
FLOOR = {package: number for number, floor in enumerate(FLOORS) for package in floor}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def package_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module} if node.module != "skerry" else {f"skerry.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("skerry.")}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_its_own_package_and_lower_floors(path: Path) -> None:
    own = package_of(path)
    if own == "__init__":
        assert imports_of(path) == set()
        return
    assert own in FLOOR, f"{own} is not on the map: add it to ARCHITECTURE.md and to this test"

    for name in imports_of(path):
        other = name.split(".")[1]
        allowed = other == own or FLOOR[other] < FLOOR[own] or (own, other) in ALSO
        if FLOOR[own] == 0:
            allowed = other in FLOORS[0]
        assert allowed, f"{own} imports {name}, which is not below it"


def module_name(path: Path) -> str:
    return ".".join(("skerry", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")


def test_no_modules_import_each_other_in_a_circle() -> None:
    known = {module_name(path) for path in modules()}
    graph = {module_name(path): {name for name in _top_level_imports(path) if name in known} for path in modules()}
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, "a circle: " + " → ".join((*trail[trail.index(name) :], name))
        if name in done:
            return
        for other in sorted(graph[name]):
            walk(other, (*trail, name))
        done.add(name)

    for name in sorted(graph):
        walk(name, ())


def _top_level_imports(path: Path) -> set[str]:
    """What is imported when the module is; imports inside functions or for type checking only break circles."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("skerry"):
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_package_files_hold_no_program() -> None:
    for path in SOURCE.rglob("__init__.py"):
        kinds = {type(node) for node in ast.parse(path.read_text()).body}
        assert kinds <= {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign}, path


def test_only_commands_starts_processes() -> None:
    starters = ("subprocess", "create_subprocess", "os.system", "os.exec", "os.spawn", "os.fork", "pty.spawn")
    for path in modules():
        if path.name == "commands.py":
            continue
        lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
        assert not [line for line in lines if any(f"{word}" in line for word in starters)], path


@pytest.mark.parametrize(
    ("module", "foreign"),
    [
        ("skerry.host.agent", {"fastapi", "sqlalchemy", "dbos", "uvicorn", "rich", "typer", "pykickstart"}),
        ("skerry.cli.main", {"fastapi", "sqlalchemy", "dbos", "uvicorn", "libvirt", "pydantic", "lxml"}),
    ],
)
def test_a_program_does_not_load_what_belongs_to_another(module: str, foreign: set[str]) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert not foreign & set(loaded.split())
