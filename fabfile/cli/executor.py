"""The executor: what the command line asks for, on which hosts, and what the exit code is.

Fabric's own goes through the tasks one by one, host by host, with a new connection each, and the
first exception ends everything. Here each host is one job with one connection, a host's failure is
its own, and every expected error becomes a message and an exit code in this one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from typing import Any

import fabric
from fabric.tasks import ConnectionCall
from invoke import Exit

from fabfile.cli.options import Options, options, own, with_rollout_report
from fabfile.cli.task import FleetTask, HostTask
from fabfile.fleet.interrupt import EXIT_CODE as INTERRUPTED
from fabfile.fleet.interrupt import Stop
from fabfile.fleet.job import FAILED, SHELL, WOULD_CHANGE, Call, Job
from fabfile.fleet.rollout import Fleet
from fabfile.fleet.targets import resolve
from fabfile.fleet.workers import workers
from fabfile.model import inventory
from fabfile.model.errors import MailfabError, UsageError
from fabfile.report import json_report, table, writer
from fabfile.report.fleet_plan import fleet_plan
from fabfile.report.progress import ManyHosts, OneHost, Progress
from fabfile.report.result import End
from fabfile.report.run import Record
from fabfile.report.terminal import Screen

LEFT_OUT = 3
"""Exit code of a rollout that had too many failures to begin its next wave."""


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

    def _run_local(self, call: Any) -> None:
        config = self.config.clone()
        if call.called_as:
            config.load_collection(self.collection.configuration(call.called_as))
        config.load_shell_env()
        call.task(call.make_context(config), *call.args, **call.kwargs)

    def _run_remote(self, calls: list[Any], screen: Screen) -> None:
        if self.config.run.dry:
            raise UsageError("--dry knows only single commands", "use plan: it changes nothing")
        asked = with_rollout_report(_asked(calls))
        jobs = self._jobs(calls, asked)
        record = Record(
            list(dict.fromkeys(call.called_as or "--" for call in calls)),
            [job.host for job in jobs],
        )
        if asked.resume:
            finished = json_report.finished(asked.resume)
            record.results = {host: finished[host] for host in record.order if host in finished}
            jobs = [job for job in jobs if job.host not in finished]
        stop = Stop(screen.error)
        # Of a person's own commands nothing is told but what they print, and they end at once.
        ours = all(isinstance(call.task, FleetTask) for call in calls)
        shown: Progress = OneHost(screen)
        if len(record.order) > 1:
            shown = ManyHosts(screen, len(jobs), events=ours)
            if not screen.terminal:
                # On one, the progress has loaded it.
                table.prepare()
        with ExitStack() as stack:
            stack.enter_context(stop.listening() if ours else nullcontext())
            written = stack.enter_context(writer.reports(record, asked.reports))
            submit = stack.enter_context(
                workers(asked.executor, asked.parallel, jobs, self.collection, shown.tell, stop)
            )
            stack.callback(shown.close)
            fleet = Fleet(submit, asked.parallel, shown, stop)
            try:
                for result in fleet.run(jobs, asked.strategy):
                    record.results[result.host] = result
                    result.lines.clear()
                    written.update()
            except KeyboardInterrupt:
                screen.error("interrupted: the next run goes on from where this one stopped")
                stop.end()
            record.exit_code = _exit_code(record, stop)
        _conclude(record, asked, screen, told=ours)

    def _jobs(self, calls: list[Any], asked: Options) -> list[Job]:
        """Return what is to be done, by host, each host once."""
        names = list(dict.fromkeys(call.init_kwargs["host"] for call in calls))
        named = [name for name in names if name.strip()]
        known = inventory.load()
        jobs: dict[str, Job] = {}
        for name in named or names:
            wanted = [call for call in calls if call.init_kwargs["host"] == name]
            for target in resolve([name], known, self.config):
                job = jobs.setdefault(target.host.name, Job(target, (), self.config))
                mine = [self._call(call) for call in wanted]
                more = tuple(call for call in mine if call not in job.calls)
                jobs[target.host.name] = replace(job, calls=(*job.calls, *more))
        several = len(jobs) > 1
        detailed = bool(asked.reports.json or asked.reports.html)
        return [replace(job, grouped=several, detailed=detailed) for job in jobs.values()]

    def _call(self, call: Any) -> Call:
        if not call.called_as:
            return Call(SHELL, command=self.core.remainder)
        kept = {k: v for k, v in call.kwargs.items() if k not in own(call.task)}
        return Call(call.called_as, kept)


def _conclude(record: Record, asked: Options, screen: Screen, *, told: bool) -> None:
    """Print what came of it all, and raise Exit unless that is good."""
    results = record.in_order
    for line in fleet_plan(results):
        screen.lines(line)
    if told and len(results) > 1:
        screen.lines(table.results(results, terminal=screen.terminal))
    for result in results:
        if result.summary:
            screen.lines(result.summary)
    report = asked.reports.json
    if asked.rollout and report and record.count(End.FAILED, End.STOPPED, End.SKIPPED):
        screen.error(writer.way_on(report))
    if screen.broken:
        raise Exit(code=FAILED)
    if record.exit_code:
        raise Exit(code=record.exit_code)


def _asked(calls: Sequence[Any]) -> Options:
    """Return the options of the run: of all its tasks together, the last of each counts."""
    given: dict[str, Any] = {}
    deciding = None
    for call in calls:
        names = own(call.task)
        given |= {k: v for k, v in call.kwargs.items() if k in names and v}
        if names and (deciding is None or len(names) > len(own(deciding))):
            deciding = call.task
    return options(given, deciding)


def _exit_code(record: Record, stop: Stop) -> int:
    """Return the exit code of the whole run (docs/operators.md has the table)."""
    results = record.in_order
    if stop() and record.count(End.STOPPED, End.SKIPPED):
        return INTERRUPTED
    if record.count(End.SKIPPED):
        return LEFT_OUT
    codes = [result.exit_code for result in results]
    if len(codes) == 1:
        return codes[0]
    if any(code not in (0, WOULD_CHANGE) for code in codes):
        return FAILED
    return max(codes, default=0)
