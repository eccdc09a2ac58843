"""The lines that the design draws, held by tests."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fabfile
from tasks.guide import GUIDE

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    *sorted((ROOT / "fabfile").rglob("*.py")),
    *sorted((ROOT / "tasks").rglob("*.py")),
]

ORDER = ("cli", "fleet", "report", "engine", "resources", "ssh", "model")
"""The packages of fabfile/, from the top down. resources and ssh do not know each other."""


def module_name(file: Path) -> str:
    """Return the dotted name of a source file."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {module_name(file): file for file in SOURCES}


def imported(file: Path) -> set[str]:
    """Return our own modules that a file imports, those imported inside functions as well."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import loads a module twice under fab"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else str(node.module))
    return (found & MODULES.keys()) - {module_name(file)}


IMPORTS = {name: imported(file) for name, file in MODULES.items()}


def reached(start: str) -> set[str]:
    """Return the modules that a module imports, directly or through others."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        new = IMPORTS[waiting.pop()] - seen
        seen |= new
        waiting += new
    return seen


def test_only_the_roof_imports_the_tasks() -> None:
    importers = {
        name
        for name, others in IMPORTS.items()
        if name.startswith("fabfile") and any(other.startswith("tasks") for other in others)
    }
    assert importers == {"fabfile"}


def test_tasks_never_import_ssh() -> None:
    assert not {
        (name, other)
        for name, others in IMPORTS.items()
        for other in others
        if name.startswith("tasks") and other.startswith("fabfile.ssh")
    }


def test_no_package_imports_one_above_it() -> None:
    upward = []
    for name, others in IMPORTS.items():
        package = name.split(".")[1] if name.startswith("fabfile.") else ""
        for other in others:
            there = other.split(".")[1] if other.startswith("fabfile.") else ""
            if package not in ORDER or there == package:
                continue
            sideways = {package, there} == {"resources", "ssh"}
            if there not in ORDER or ORDER.index(there) < ORDER.index(package) or sideways:
                upward.append(f"{name} -> {other or 'fabfile'}")
    assert not upward


def test_no_files_import_each_other_in_a_circle() -> None:
    assert not [name for name in MODULES if name in reached(name)]


def test_every_package_of_fabfile_is_in_the_order() -> None:
    packages = {path.parent.name for path in (ROOT / "fabfile").glob("*/__init__.py")}
    assert packages == {*ORDER, "sandbox"}


MORE = [*GUIDE.all_commands, *fabfile.SANDBOX]


def test_no_module_hides_one_of_the_standard_library() -> None:
    flat = {path.stem for path in (ROOT / "fabfile").iterdir() if path.suffix in (".py", "")}
    assert not (flat - {"__init__", "__pycache__"}) & set(sys.stdlib_module_names)


def test_every_module_and_public_thing_says_what_it_is() -> None:
    silent = []
    for file in SOURCES:
        tree = ast.parse(file.read_text())
        nodes = [tree, *(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef))]
        nodes += [n for n in tree.body if isinstance(n, ast.FunctionDef)]
        for node in nodes:
            name = getattr(node, "name", "")
            if not name.startswith("_") and not ast.get_docstring(node):  # type: ignore[arg-type]
                silent.append(f"{file.relative_to(ROOT)} {name}")
    assert not silent


def test_fab_lists_the_tasks_from_any_folder() -> None:
    run = subprocess.run(
        [Path(sys.executable).with_name("fab"), "-r", ROOT, "--list"],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ("deploy", "plan", "status", "packages", "mysql", "postfix", "domain", "user"):
        assert f"  {name}" in run.stdout


@pytest.mark.parametrize(
    ("line", "loaded"),
    [
        ("-H mail1 deploy", []),
        ("-H mail1 postfix.plan", []),
        ("-H mail1 deploy verify", ["verify"]),
        ("-H mail1 user.add a@example.com", MORE),
        ("-H mail1 plan domain.add example.com", ["domain"]),
        ("-H mail rollout --canary 1", ["verify"]),
        ("-H mail1 deploi", MORE),
        ("--list", MORE),
        ("-H mail1 deploy -l", MORE),
        ("--complete -- fab deploy us", MORE),
        ("", MORE),
    ],
)
def test_only_what_a_command_line_can_name_is_loaded(line: str, loaded: list[str]) -> None:
    guide = {"deploy", "plan", "postfix", "postfix.plan", "rollout"}
    assert list(fabfile.named(line.split(), guide, MORE)) == loaded


def test_a_plain_deploy_loads_no_account_command() -> None:
    """Nor rich, which a single host in a pipe has no use for."""
    seen = "import sys; from fabfile.cli.main import program; sys.argv = ['fab', 'deploy']; "
    seen += "from fabfile import ns; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", seen], cwd=ROOT, capture_output=True, check=True)
    loaded = set(run.stdout.decode().split())
    assert "tasks.guide" in loaded
    assert not loaded & {"tasks.accounts.users", "tasks.verify", "rich", "pymysql"}
