"""The executor: what the command line asks for, on which hosts, and what the exit code is.

Fabric's own goes through the tasks one by one, host by host, with a new connection each, and the
first exception ends everything. Here each host is one job with one connection, a host's failure is
its own, and every expected error becomes a message and an exit code in this one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from itertools import groupby
from typing import Any

import fabric
from fabric.tasks import ConnectionCall
from invoke import Exit

from fabfile.cli.options import Options, options, own, with_rollout_report
from fabfile.cli.task import FleetTask, HostTask
from fabfile.fleet.interrupt import EXIT_CODE as INTERRUPTED
from fabfile.fleet.interrupt import Interrupt
from fabfile.fleet.job import FAILED, SHELL, WOULD_CHANGE, Call, Job
from fabfile.fleet.rollout import Fleet
from fabfile.fleet.targets import resolve_each
from fabfile.fleet.workers import workers
from fabfile.model import inventory
from fabfile.model.errors import MailfabError, UsageError
from fabfile.report import json_report, table, writer
from fabfile.report.fleet_plan import fleet_plan
from fabfile.report.progress import ManyHosts, OneHost, Progress
from fabfile.report.result import Result, Status
from fabfile.report.run import Record
from fabfile.report.terminal import Terminal

LEFT_OUT = 3
"""Exit code of a rollout that had too many failures to begin its next batch."""


class Executor(fabric.Executor):
    """Replaces Fabric's; see the module."""

    def execute(self, *tasks: Any) -> dict[Any, Any]:
        """Run the tasks of the command line. Raises Exit with the code of the whole run."""
        terminal = Terminal()
        try:
            self._execute(terminal, self.expand_calls(self.normalize(tasks)))
        except MailfabError as error:
            terminal.error(str(error))
            raise Exit(code=FAILED) from None
        return {}

    def _execute(self, terminal: Terminal, calls: Sequence[Any]) -> None:
        """Run tasks in their order; those of hosts that follow each other are one run."""
        _refuse_without_host(calls)
        codes = [0]
        for remote, group in groupby(calls, key=lambda call: isinstance(call, ConnectionCall)):
            if remote:
                codes.append(self._run_remote(list(group), terminal))
                if codes[-1] not in (0, WOULD_CHANGE):
                    # A local task may depend on the tasks of the hosts before it.
                    break
            else:
                for call in group:
                    self._run_local(call)
        if code := worst(codes):
            raise Exit(code=code)

    def _run_local(self, call: Any) -> None:
        config = self.config.clone()
        if call.called_as:
            config.load_collection(self.collection.configuration(call.called_as))
        config.load_shell_env()
        call.task(call.make_context(config), *call.args, **call.kwargs)

    def _run_remote(self, calls: list[Any], terminal: Terminal) -> int:
        """Run tasks of hosts, print and write what came of them, and return the exit code."""
        if self.config.run.dry:
            raise UsageError("--dry knows only single commands", "use plan: it changes nothing")
        asked = with_rollout_report(_asked(calls))
        jobs = self._jobs(calls, asked, terminal)
        names = list(dict.fromkeys(call.called_as or "--" for call in calls))
        record = Record(names, [job.host for job in jobs])
        if asked.resume:
            finished = json_report.finished(asked.resume)
            record.results = {host: finished[host] for host in record.order if host in finished}
            jobs = [job for job in jobs if job.host not in finished]
        # The user's own commands print by themselves, and Ctrl-C ends them at once.
        ours = all(isinstance(call.task, FleetTask) for call in calls)
        self._perform(jobs, record, asked, terminal, ours=ours)
        return _conclude(record, asked, terminal, with_table=ours)

    def _perform(
        self, jobs: list[Job], record: Record, asked: Options, terminal: Terminal, *, ours: bool
    ) -> None:
        """Do the jobs, and fill in the record."""
        interrupt = Interrupt(terminal.error)
        shown = _progress(terminal, len(record.order), len(jobs), events=ours)
        with ExitStack() as stack:
            stack.enter_context(interrupt.listening() if ours else nullcontext())
            written = stack.enter_context(writer.reports(record, asked.reports))
            submit = stack.enter_context(
                workers(
                    asked.executor,
                    asked.parallel,
                    jobs,
                    self.collection,
                    shown.emit,
                    interrupt.cancelled,
                )
            )
            stack.callback(shown.close)
            fleet = Fleet(submit, asked.parallel, shown, interrupt.cancelled)
            try:
                for result in fleet.run(jobs, asked.strategy):
                    record.results[result.host] = result
                    result.lines.clear()
                    written.update()
            except KeyboardInterrupt:
                terminal.error("interrupted: the next run continues from here")
                interrupt.end()
            record.exit_code = exit_code(record.in_order, interrupted=interrupt.cancelled())

    def _jobs(self, calls: list[Any], asked: Options, terminal: Terminal) -> list[Job]:
        """Return the jobs, one for each host. Name the sources that were not read."""
        names = list(dict.fromkeys(call.init_kwargs["host"] for call in calls))
        named = [name for name in names if name.strip()]
        known = inventory.load()
        unread = dict.fromkeys(known.unread)
        jobs: dict[str, Job] = {}
        for name, targets in resolve_each(named or names, known, self.config).items():
            wanted = [call for call in calls if call.init_kwargs["host"] == name]
            for target in targets:
                job = jobs.setdefault(target.host.name, Job(target, (), self.config))
                mine = [self._call(call) for call in wanted]
                more = tuple(call for call in mine if call not in job.calls)
                jobs[target.host.name] = replace(job, calls=(*job.calls, *more))
                unread |= dict.fromkeys(target.host.unread)
        for source in unread:
            terminal.error(f"warning: {source}")
        several = len(jobs) > 1
        detailed = bool(asked.reports.json or asked.reports.html)
        return [replace(job, grouped=several, detailed=detailed) for job in jobs.values()]

    def _call(self, call: Any) -> Call:
        if not call.called_as:
            return Call(SHELL, command=self.core.remainder)
        kept = {k: v for k, v in call.kwargs.items() if k not in own(call.task)}
        return Call(call.called_as, kept)


def _refuse_without_host(calls: Sequence[Any]) -> None:
    """Raise UsageError for a task that needs a host and has none."""
    for call in calls:
        if isinstance(call.task, HostTask) and not isinstance(call, ConnectionCall):
            raise UsageError(
                f"{call.called_as} needs to know on which host",
                f"fab -H HOST {call.called_as}; {inventory.load().suggestions('')}",
            )


def _progress(terminal: Terminal, hosts: int, jobs: int, *, events: bool) -> Progress:
    """Return the progress of a run on one host, or on many."""
    if hosts <= 1:
        return OneHost(terminal)
    if not terminal.interactive:
        # On a terminal, the progress has loaded it.
        table.prepare()
    return ManyHosts(terminal, jobs, events=events)


def _conclude(record: Record, asked: Options, terminal: Terminal, *, with_table: bool) -> int:
    """Print plans, table and summaries, and return the exit code."""
    results = record.in_order
    for line in fleet_plan(results):
        terminal.lines(line)
    if with_table and len(results) > 1:
        terminal.lines(table.results(results, terminal=terminal.interactive))
    for result in results:
        if result.summary:
            terminal.lines(result.summary)
    report = asked.reports.json
    if asked.rollout and report and record.count(Status.FAILED, Status.STOPPED, Status.SKIPPED):
        terminal.error(writer.way_on(report))
    return FAILED if terminal.broken else record.exit_code or 0


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


def exit_code(results: Sequence[Result], *, interrupted: bool) -> int:
    """Return the exit code of a run on hosts (docs/operators.md has the table)."""
    statuses = {result.status for result in results}
    if interrupted and statuses & {Status.STOPPED, Status.SKIPPED}:
        return INTERRUPTED
    if Status.SKIPPED in statuses:
        return LEFT_OUT
    codes = [result.exit_code for result in results]
    # The code of a single host's own command is the user's to read.
    return codes[0] if len(codes) == 1 else worst(_of_ours(codes))


def _of_ours(codes: Sequence[int]) -> Iterator[int]:
    """Yield exit codes; that of a user's own command on one of many hosts is just a failure."""
    for code in codes:
        yield code if code in (0, WOULD_CHANGE) else FAILED


def worst(codes: Iterator[int] | Sequence[int]) -> int:
    """Return the code that says most: a failure, then `would change`, then success."""
    found = list(codes)
    failures = [code for code in found if code not in (0, WOULD_CHANGE)]
    return failures[0] if failures else max(found, default=0)
