"""The progress of a run: which events become which lines, on one host and on many."""

from __future__ import annotations

import re

import pytest

from fabfile.report.progress import ManyHosts, OneHost
from fabfile.report.recorder import Event, Kind
from fabfile.report.result import Result, Status
from fabfile.report.terminal import Terminal

EVENTS = (
    Event("m1", Kind.PHASE, "survey"),
    Event("m1", Kind.BUSY, "survey"),
    Event("m1", Kind.LINE, "postfix: Configure Postfix"),
    Event("m1", Kind.BUSY, "postfix: File /etc/x"),
)


def ended(host: str, status: Status = Status.OK, message: str = "") -> Result:
    return Result(host, status, message=message, lines=["a line"], seconds=1.25)


def test_one_host_shows_lines_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    progress = OneHost(Terminal())
    for event in EVENTS:
        progress.emit(event)
    assert capsys.readouterr() == ("postfix: Configure Postfix\n", "")
    progress.done(Result("m1", Status.FAILED, message="broken", remedy="fix it"))
    progress.close()
    assert capsys.readouterr() == ("", "m1: broken\n    fix it\n")


def test_many_hosts_show_events_with_times_and_lines_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = ManyHosts(Terminal(), 2)
    progress.batch(1, 2, 1)
    for event in EVENTS:
        progress.emit(event)
    out, events = capsys.readouterr()
    assert out == ""
    times = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in events.splitlines()]
    assert times == ["wave 1 of 2: 1 hosts", "m1: survey"]
    progress.done(ended("m1"))
    out, events = capsys.readouterr()
    assert out == "m1 | a line\n"
    assert events.endswith("m1: ok, 1.2 s\n")


def test_events_after_the_end_of_a_host_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    progress = ManyHosts(Terminal(), 1)
    progress.done(ended("m1"))
    capsys.readouterr()
    progress.emit(Event("m1", Kind.PHASE, "survey"))
    assert capsys.readouterr() == ("", "")


def test_one_batch_is_not_announced(capsys: pytest.CaptureFixture[str]) -> None:
    progress = ManyHosts(Terminal(), 2)
    progress.batch(1, 1, 2)
    assert capsys.readouterr() == ("", "")


def test_no_events_are_printed_of_a_command_of_the_users_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = ManyHosts(Terminal(), 1, events=False)
    progress.emit(EVENTS[0])
    progress.done(ended("m1", Status.FAILED, "exit code 3"))
    assert capsys.readouterr() == ("m1 | a line\n", "m1: exit code 3\n")


def test_the_live_picture_counts_hosts_and_failures() -> None:
    from rich.console import Console

    progress = ManyHosts(Terminal(), 3)
    progress.emit(EVENTS[3])
    progress.done(ended("m2", Status.FAILED))
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(progress._picture())
    shown = console.export_text()
    assert "m1" in shown
    assert "postfix: File /etc/x" in shown
    assert "1 of 3 hosts, 1 failed" in shown
