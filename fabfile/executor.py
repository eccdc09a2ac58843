"""The executor: which tasks run on which hosts, several at once, and what the exit code is.

Fabric's own goes through the tasks one by one, host by host, with a new connection each, and the
first exception ends everything. Here each host has one connection for all tasks, a host's failure
is its own, and every expected error becomes a message and an exit code in this one place.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fabric
from fabric.tasks import ConnectionCall
from invoke import Call, Exit
from invoke.exceptions import Failure, UnexpectedExit

from fabfile import inventory
from fabfile.connection import Connection
from fabfile.errors import MailfabError, UsageError
from fabfile.report import Report
from fabfile.screen import Screen
from fabfile.targets import Target, resolve
from fabfile.task import HostTask

HOSTS_AT_ONCE = 32
FAILED, WOULD_CHANGE = 1, 2


class Executor(fabric.Executor):
    """Replaces Fabric's; see the module."""

    def execute(self, *tasks: Any) -> dict[Any, Any]:
        """Run the tasks of the command line. Raises Exit with the code of the whole run."""
        screen = Screen()
        try:
            return self._execute(screen, tasks)
        except MailfabError as error:
            screen.error(str(error))
            raise Exit(code=FAILED) from None
        except KeyboardInterrupt:
            screen.error("interrupted: the next run goes on from where this one stopped")
            # Not through the threads that still talk to hosts, nor past those that wait for them.
            sys.stdout.flush()
            os._exit(FAILED)

    def _execute(self, screen: Screen, tasks: Sequence[Any]) -> dict[Any, Any]:
        calls = self.expand_calls(self.normalize(tasks))
        remote = [call for call in calls if isinstance(call, ConnectionCall)]
        for call in calls:
            if isinstance(call.task, HostTask) and call not in remote:
                known = inventory.load()
                raise UsageError(
                    f"{call.called_as} needs to know on which host",
                    f"fab -H HOST {call.called_as}; {known.suggestions('')}",
                )
        first = calls.index(remote[0]) if remote else len(calls)
        last = len(calls) - calls[::-1].index(remote[-1]) if remote else len(calls)
        for call in calls[:first]:
            self._run_local(call)
        if remote:
            self._run_remote(remote, screen)
        for call in calls[last:]:
            self._run_local(call)
        return {}

    def _run_local(self, call: Call) -> None:
        config = self._config_for(call)
        call.task(call.make_context(config), *call.args, **call.kwargs)

    def _config_for(self, call: Call) -> Any:
        config = self.config.clone()
        if call.called_as:
            config.load_collection(self.collection.configuration(call.called_as))
        config.load_shell_env()
        return config

    def _run_remote(self, calls: list[Any], screen: Screen) -> None:
        if self.config.run.dry:
            raise UsageError("--dry knows only single commands", "use plan: it changes nothing")
        names = list(dict.fromkeys(call.init_kwargs["host"] for call in calls))
        named = [name for name in names if name.strip()]
        names = named or names
        known = inventory.load()
        jobs: dict[str, tuple[Target, list[Any]]] = {}
        for name in names:
            wanted = [call for call in calls if call.init_kwargs["host"] == name]
            for target in resolve([name], known, self.config):
                _, mine = jobs.setdefault(target.host.name, (target, []))
                mine += [call for call in wanted if call not in mine]
        live = len(jobs) == 1
        reports = [Report(name, screen, live=live) for name in jobs]
        if live:
            codes = [
                self._run_host(*job, report)
                for job, report in zip(jobs.values(), reports, strict=True)
            ]
        else:
            with ThreadPoolExecutor(min(len(jobs), HOSTS_AT_ONCE), "mailfab") as pool:
                targets, wants = zip(*jobs.values(), strict=True)
                try:
                    codes = list(pool.map(self._run_host, targets, wants, reports))
                except KeyboardInterrupt:
                    pool.shutdown(wait=False, cancel_futures=True)
                    screen.error("interrupted: the next run goes on from where this one stopped")
                    os._exit(FAILED)
        for report in reports:
            if report.summary:
                screen.lines(report.summary)
        if screen.broken:
            raise Exit(code=FAILED)
        worst = FAILED if any(c not in (0, WOULD_CHANGE) for c in codes) else max(codes)
        if len(codes) == 1:
            worst = codes[0]
        if worst:
            raise Exit(code=worst)

    def _run_host(self, target: Target, calls: list[Any], report: Report) -> int:
        """Run a host's calls on one connection; return the exit code, having said what failed."""
        connection: Connection | None = None
        try:
            connection = target.connect(self.config.clone())
            connection.report = report
            for call in calls:
                connection.config.load_collection(
                    self.collection.configuration(call.called_as) if call.called_as else {}
                )
                call.task(connection, *call.args, **call.kwargs)
            return report.exit_code
        except (MailfabError, Exit, Failure) as error:
            return self._explain(report, error)
        except Exception as error:
            report.finish()
            report.screen.error(_bug(report.host, error))
            report.summary = f"{report.host}: {report.changed} changed, 1 failed"
            return FAILED
        finally:
            report.finish()
            if connection is not None:
                connection.close()

    def _explain(self, report: Report, error: Exception) -> int:
        report.finish()
        if isinstance(error, UnexpectedExit):
            # The command's own output has been seen already, unless it was hidden.
            if error.result.hide:
                report.screen.error(f"{report.host}: {error}")
            return int(error.result.exited)
        if isinstance(error, Exit):
            if error.message:
                report.screen.error(f"{report.host}: {error.message}")
            return int(error.code)
        text = str(error)
        named = text.startswith((f"{report.host}:", f"{report.host} "))
        report.screen.error(text if named else f"{report.host}: {text}")
        report.summary = f"{report.host}: {report.changed} changed, 1 failed"
        return FAILED


def _bug(host: str, error: Exception) -> str:
    """Return what to print for an error that nobody foresaw."""
    if os.environ.get("MAILFAB_DEBUG"):
        return "".join(traceback.format_exception(error))
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"{host}: a bug of mailfab: {type(error).__name__}: {error} "
        f"({Path(frame.filename).name}, line {frame.lineno})\n"
        "    MAILFAB_DEBUG=1 shows where; please report it with that"
    )
