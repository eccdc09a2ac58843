"""The job of one host: all tasks of a command line, on one connection.

A job and its result are plain values, so that another process can do it.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invoke import Exit
from invoke.exceptions import Failure, UnexpectedExit

from fabfile.fleet.host_connection import HostConnection
from fabfile.fleet.targets import Target
from fabfile.model.errors import MailfabError, Stopped
from fabfile.report.recorder import EventHandler, Recorder
from fabfile.report.result import Result, Status
from fabfile.report.summary import Summary

FAILED, WOULD_CHANGE = 1, 2
"""Exit codes. Any other is that of the user's own command (`fab -H mail1 -- COMMAND`)."""

SHELL = ""
"""The name of the task that runs the user's own command."""


@dataclass(frozen=True)
class Call:
    """A task, by its name on the command line, and its arguments."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""


@dataclass(frozen=True)
class Job:
    """The tasks of one host."""

    target: Target
    calls: Sequence[Call]
    config: Any
    """Fabric's configuration, with the options of the command line."""
    grouped: bool = False
    detailed: bool = False

    @property
    def host(self) -> str:
        """The host's name in the inventory."""
        return self.target.host.name


def perform(job: Job, tasks: Any, emit: EventHandler, cancelled: Callable[[], bool]) -> Result:
    """Do a job and return its result, which says what failed. `tasks` is an invoke.Collection."""
    report = Recorder(job.host, emit, cancelled, grouped=job.grouped, detailed=job.detailed)
    connection: HostConnection | None = None
    try:
        connection = job.target.connect(_config(job, tasks))
        connection.report = report
        for call in job.calls:
            report.raise_if_cancelled()
            _do(call, connection, tasks)
    # One host: the others go on, and its result says what happened.
    except Exception as error:  # noqa: BLE001
        _explain(report, error)
    finally:
        if connection is not None:
            connection.close()
    result = report.finished()
    if result.status is Status.OK and result.exit_code:
        result.status = Status.WOULD_CHANGE if result.exit_code == WOULD_CHANGE else Status.FAILED
    return result


def _config(job: Job, tasks: Any) -> Any:
    """Return the configuration for a connection: all share one, unless a task brings its own.

    A copy takes longer than everything else that we do for a host.
    """
    own = any(call.name != SHELL and tasks.configuration(call.name) for call in job.calls)
    return job.config.clone() if own else job.config


def _do(call: Call, connection: HostConnection, tasks: Any) -> None:
    if call.name == SHELL:
        connection.run(call.command)
        return
    if settings := tasks.configuration(call.name):
        connection.config.load_collection(settings)
    tasks[call.name](connection, **call.arguments)


def _explain(report: Recorder, error: Exception) -> None:
    """Record an error: status, exit code, message and remedy."""
    result = report.result
    result.status = Status.FAILED
    report.exit_code = FAILED
    if isinstance(error, UnexpectedExit):
        report.exit_code = int(error.result.exited)
        # The command's own output has been seen already, unless it was hidden.
        result.message = str(error) if error.result.hide else ""
    elif isinstance(error, Exit):
        report.exit_code = int(error.code)
        result.status = Status.FAILED if report.exit_code else Status.OK
        result.message = error.message or ""
    elif isinstance(error, Stopped):
        result.status = Status.STOPPED
        result.message, result.remedy = error.local_message, error.remedy
        report.summarize(Summary.stopped(report.changed))
    elif isinstance(error, MailfabError):
        result.message, result.remedy = error.local_message, error.remedy
        report.summarize(Summary.changed(report.changed, failed=True))
    elif isinstance(error, Failure):
        result.message = str(error)
        report.summarize(Summary.changed(report.changed, failed=True))
    else:
        result.message, result.remedy = _bug(error)
        report.summarize(Summary.changed(report.changed, failed=True))


def _bug(error: Exception) -> tuple[str, str]:
    """Return the message and the remedy for an error of our own."""
    if os.environ.get("MAILFAB_DEBUG"):
        return "a bug of mailfab:\n" + "".join(traceback.format_exception(error)), ""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}, line {frame.lineno}"
    return (
        f"a bug of mailfab: {type(error).__name__}: {error} ({where})",
        "MAILFAB_DEBUG=1 shows where; please report it with that",
    )
