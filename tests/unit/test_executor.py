"""What runs, in which order, and with which exit code: tasks of hosts and of this machine mixed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fabfile.cli.executor import exit_code, worst
from fabfile.report.result import Result, Status

TASKS = """
from invoke import Collection, task as local_task
from fabfile.cli.task import fleet_task

@local_task
def here(c):
    print("here", flush=True)

@fleet_task(name="there")
def there(c):
    c.report.line(f"there on {c.target.name}")
    c.report.changed += 1

# Tasks before and after another run once, on this machine, whatever -H names.
@fleet_task(name="after-here", pre=[here])
def after_here(c):
    there.body(c)

@fleet_task(name="before-here", post=[here])
def before_here(c):
    there.body(c)

@fleet_task(name="on-m1", hosts=["m1"])
def on_m1(c):
    there.body(c)

@fleet_task(name="would", post=[here])
def would(c):
    c.report.exit_code = 2

@fleet_task(name="broken", post=[here])
def broken(c):
    from fabfile.model.errors import HostError
    raise HostError("it broke", "fix it")

ns = Collection(here, there, after_here, before_here, on_m1, would, broken)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of tasks that open no connection, with an inventory of two hosts."""
    (tmp_path / "own.py").write_text(TASKS)
    (tmp_path / "inventory.ini").write_text(
        "m1 ansible_host=127.0.0.1\nm2 ansible_host=127.0.0.1\n"
    )
    return tmp_path


def fab(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run our own `fab` in the project."""
    run = "import sys; from fabfile.cli.main import run; sys.argv[0] = 'fab'; run()"
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.run(
        [sys.executable, "-c", run, "-c", "own", *words],
        cwd=project,
        env={
            **os.environ,
            "PYTHONPATH": root,
            "MAILFAB_INVENTORY": str(project / "inventory.ini"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "lines", "code"),
    [
        ("-H m1 there", ["there on m1"], 0),
        ("-H m1 there after-here", ["there on m1", "here", "there on m1"], 0),
        ("-H m1 before-here there", ["there on m1", "here", "there on m1"], 0),
        ("-H m1 after-here", ["here", "there on m1"], 0),
        ("-H m1 before-here", ["there on m1", "here"], 0),
        ("here on-m1", ["here", "there on m1"], 0),
        ("on-m1 here on-m1", ["there on m1", "here", "there on m1"], 0),
        ("on-m1 here", ["there on m1", "here"], 0),
        ("-H m1 would there", ["here", "there on m1"], 2),
        ("-H m1 broken there", [], 1),
        ("-H m1 before-here broken there", ["there on m1", "here"], 1),
        ("-H m1,m2 before-here", ["m1 | there on m1", "m2 | there on m2", "here"], 0),
        ("here", ["here"], 0),
        ("there", [], 1),
    ],
)
def test_tasks_run_in_the_order_of_the_command_line(
    project: Path, words: str, lines: list[str], code: int
) -> None:
    run = fab(project, *words.split())
    said = [line for line in run.stdout.splitlines() if "there on" in line or line == "here"]
    if "m2" in words:
        # Several hosts end in any order.
        said[:2] = sorted(said[:2])
    assert said == lines, run.stderr
    assert run.returncode == code, run.stdout + run.stderr


def test_a_failed_host_is_named_with_message_and_remedy(project: Path) -> None:
    run = fab(project, "-H", "m1", "broken")
    assert run.stderr == "m1: it broke\n    fix it\n"


def result(status: Status, code: int) -> Result:
    return Result("m", status, code)


@pytest.mark.parametrize(
    ("results", "interrupted", "code"),
    [
        ([(Status.OK, 0)], False, 0),
        ([(Status.WOULD_CHANGE, 2)], False, 2),
        ([(Status.FAILED, 7)], False, 7),
        ([(Status.FAILED, 7), (Status.OK, 0)], False, 1),
        ([(Status.WOULD_CHANGE, 2), (Status.OK, 0)], False, 2),
        ([(Status.WOULD_CHANGE, 2), (Status.FAILED, 1)], False, 1),
        ([(Status.OK, 0), (Status.SKIPPED, 0)], False, 3),
        ([(Status.FAILED, 1), (Status.SKIPPED, 0)], False, 3),
        ([(Status.STOPPED, 1)], True, 130),
        ([(Status.OK, 0), (Status.SKIPPED, 0)], True, 130),
        ([(Status.OK, 0)], True, 0),
        ([], False, 0),
    ],
)
def test_the_exit_code_of_a_run(
    results: list[tuple[Status, int]], interrupted: bool, code: int
) -> None:
    found = [Result("m", status, number) for status, number in results]
    assert exit_code(found, interrupted=interrupted) == code


@pytest.mark.parametrize(
    ("codes", "code"), [([], 0), ([0, 2], 2), ([2, 0], 2), ([2, 1, 3], 1), ([0, 130], 130)]
)
def test_a_failure_says_more_than_a_change(codes: list[int], code: int) -> None:
    assert worst(codes) == code
