"""The commands that every guide has: deploy, plan, status, and the same for single sections."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from invoke import Collection

from fabfile.cli.task import HostTask, fleet_task, host_task, rollout_task
from fabfile.engine import survey
from fabfile.engine.deploy import SurveyedState, survey_host
from fabfile.engine.plan import Plan, SectionPlan
from fabfile.fleet.host_connection import HostConnection
from fabfile.fleet.job import WOULD_CHANGE
from fabfile.model.errors import HostError, UsageError
from fabfile.model.section import Guide, Section
from fabfile.report import diff
from fabfile.report.check import Outcome
from fabfile.report.summary import Summary
from fabfile.resources.file import CONTENT, File

WAIT = "wait for another run on the host to end, at most this many seconds (3600)"
WAIT_SECONDS = 3600
"""Time that `--wait` alone waits, in seconds."""

ADAPTERS: Mapping[str, Callable[..., Callable[[Callable[..., Any]], HostTask]]] = {
    "host": host_task,
    "fleet": fleet_task,
    "rollout": rollout_task,
}


@dataclass(frozen=True)
class Command:
    """A row of the table of commands."""

    name: str
    kind: str
    """`host` for a task of one host, `fleet` for one with reports, `rollout` for one in batches."""
    method: str
    """The method of GuideCommands; its docstring is the command's help."""
    help: Mapping[str, str] = field(default_factory=dict)
    optional: Sequence[str] = ()
    """Options whose value may be left out."""


COMMANDS = (
    Command("deploy", "fleet", "deploy", {"wait": WAIT}, ["wait"]),
    Command("rollout", "rollout", "rollout", {"wait": WAIT}, ["wait"]),
    Command("history", "host", "history"),
    Command(
        "rollback",
        "fleet",
        "rollback",
        {"to": "a run of `history`: undo it and all that came after", "wait": WAIT},
        ["wait"],
    ),
    Command("preflight", "fleet", "preflight"),
    Command("plan", "fleet", "plan"),
    Command("status", "fleet", "status"),
)


class GuideCommands:
    """The commands of a guide. The methods of the table become tasks: their docstrings are help."""

    def __init__(self, guide: Guide, prove: Callable[[HostConnection], object]) -> None:
        """`prove` makes sure that a host works, and leaves a summary in the report."""
        self.guide = guide
        self.prove = prove

    def collection(self) -> Collection:
        """Return all tasks: those of the table, and two for each section."""
        collection = Collection()
        for command in COMMANDS:
            adapt = ADAPTERS[command.kind](
                name=command.name, help=dict(command.help), optional=list(command.optional)
            )
            collection.add_task(adapt(_function(getattr(self, command.method))))
        for section in self.guide.sections:
            collection.add_collection(self.section_collection(section))
        return collection

    def section_collection(self, section: Section) -> Collection:
        """Return `SECTION` and `SECTION.plan`."""

        def apply_section(c: HostConnection, wait: str | None = None) -> None:
            self._deploy(c, [section], wait)

        def plan_section(c: HostConnection) -> None:
            self._plan(c, [section])

        apply_section.__doc__ = section.summary
        plan_section.__doc__ = f"Show what {section.name} would change; change nothing."
        apply_task = fleet_task(name="apply", default=True, help={"wait": WAIT}, optional=["wait"])
        collection = Collection(section.name)
        collection.add_task(apply_task(apply_section))
        collection.add_task(fleet_task(name="plan")(plan_section))
        return collection

    def deploy(self, c: HostConnection, wait: str | None = None) -> None:
        """Deploy all sections, in the guide's order."""
        self._deploy(c, self.guide.sections, wait)

    def plan(self, c: HostConnection) -> None:
        """Show what deploy would change; change nothing."""
        self._plan(c, self.guide.sections)

    def preflight(self, c: HostConnection) -> None:
        """Look for what would stop a deploy half-way; change nothing."""
        found = self._survey(c).preflight(slow=True)
        for finding in found:
            c.report.line(f"  {finding.verdict:<4}  {finding.subject}: {finding.seen}")
            if finding.remedy:
                c.report.line(f"          do: {finding.remedy}")
        failed = sum(finding.verdict == "FAIL" for finding in found)
        c.report.summarize(Summary.checked(len(found) - failed, failed))
        c.report.exit_code = int(failed > 0)

    def status(self, c: HostConnection) -> None:
        """Show each section: converged, drifted or missing."""
        found = self._survey(c).plan()
        shown = [part for part in found.sections if part.section.is_on(found.host)]
        for part in shown:
            c.report.line(f"{part.section.name:<10} {_state(part)}")
        drifted = sum(bool(part.batch) for part in shown)
        c.report.summarize(Summary.converged(len(shown) - drifted, drifted))

    def rollout(self, c: HostConnection, wait: str | None = None) -> None:
        """Deploy to many hosts in batches, and verify each batch before the next."""
        self._prove(c, self._deploy(c, self.guide.sections, wait))
        if c.report.exit_code:
            checks = c.report.result.checks
            first = next(check for check in checks if check.outcome is Outcome.FAILED)
            raise HostError(
                f"verify: {first.name}: {first.seen}",
                f"expected: {first.expected}; do: {first.remedy}",
            )

    def history(self, c: HostConnection) -> None:
        """List the runs that the host remembers."""
        found = self._survey(c).runs()
        for run in found:
            files = f"{len(run.files)} files" if run.files else "no files"
            sections = " ".join(run.sections)
            origin = f" from {run.origin}" if run.origin else ""
            c.report.line(
                f"{run.name}  {run.ended:<6}  {files:<9}  {sections}  by {run.holder}{origin}, "
                f"mailfab {run.version or 'unknown'}"
            )
        c.report.summarize(Summary.listed((len(found), "runs")))

    def rollback(self, c: HostConnection, to: str | None = None, wait: str | None = None) -> None:
        """Restore the files that the last run replaced, and verify."""
        seconds = patience(wait)
        done = self._survey(c).roll_back(to, holder(), seconds)
        self._prove(c, done.changed)

    def _survey(self, c: HostConnection, sections: Sequence[Section] = ()) -> SurveyedState:
        return survey_host(self.guide, sections or self.guide.sections, c.target, c, c.report)

    def _deploy(
        self, c: HostConnection, sections: Sequence[Section], wait: bool | str | None
    ) -> int:
        """Make the host what the sections say, print what was changed, and return how much."""
        seconds = patience(wait)
        state = self._survey(c, sections)
        _report_off(c, sections, state)
        if c.report.detailed:
            found = state.plan()
            c.report.result.replaced += diff.plan(found, contents(found, c))
        done = state.deploy(holder(), seconds)
        for text in done.warnings:
            c.report.warn(text)
        c.report.summarize(Summary.changed(done.changed))
        if c.report.exit_code == WOULD_CHANGE:
            # A plan before it in the same command has been carried out.
            c.report.exit_code = 0
        return done.changed

    def _plan(self, c: HostConnection, sections: Sequence[Section]) -> None:
        """Print what a deploy would change. Exit code 2 when there is something."""
        state = self._survey(c, sections)
        _report_off(c, sections, state)
        found = state.plan()
        names = {name: found.host.variables[name] for name in self.guide.host_specific}
        c.report.result.names = names
        c.report.planned(list(diff.plan(found, contents(found, c))))
        c.report.summarize(Summary.would_change(found.changes))
        if found.changes:
            c.report.exit_code = WOULD_CHANGE

    def _prove(self, c: HostConnection, changed: int) -> None:
        """Verify, and sum up both."""
        self.prove(c)
        c.report.line(f"verify: {c.report.result.outcome}")
        c.report.summarize(Summary.changed(changed, failed=c.report.exit_code != 0))


def _function(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method as a function, which Fabric can make a task of: it looks at the signature."""

    def call(c: HostConnection, *args: Any, **kwargs: Any) -> Any:
        return method(c, *args, **kwargs)

    call.__doc__ = method.__doc__
    call.__name__ = method.__name__
    call.__wrapped__ = method  # type: ignore[attr-defined]  # whose signature inspect follows
    return call


def _report_off(c: HostConnection, sections: Sequence[Section], state: SurveyedState) -> None:
    """Report a section that was named and is switched off on the host."""
    if len(sections) == 1 and not sections[0].is_on(state.host):
        (section,) = sections
        c.report.line(f"{section.name} is off: set {section.switch}=yes in the inventory")


def contents(found: Plan, c: HostConnection) -> dict[str, str]:
    """Fetch the present text of the files that a plan rewrites; no exec when there are none."""
    paths = [
        change.resource.path
        for part in found.sections
        for change in part.changes
        if isinstance(change.resource, File)
        and "content" in change.differences
        and not change.creates
    ]
    if not paths:
        return {}
    states = survey.ask(c, {CONTENT: dict.fromkeys(paths)})
    return {key: str(state["text"]) for (_, key), state in states.items()}


def patience(wait: bool | str | None) -> int:
    """Return the time that `--wait` asks for, in seconds."""
    if wait is None or wait is False:
        return 0
    if wait is True:
        return WAIT_SECONDS
    if not (wait.isascii() and wait.isdigit()):
        raise UsageError(f"--wait is {wait!r}", "give whole seconds, or nothing: --wait")
    return int(wait)


def _state(part: SectionPlan) -> str:
    """Return the state of a section in words."""
    if not part.batch:
        return "converged"
    if part.missing:
        return "not installed"
    return f"drifted ({len(part.changes) or len(part.batch.restarts)} of {len(part.resources)})"


def holder() -> str:
    """Return who runs this, to show to others who find the host locked."""
    return f"{getpass.getuser()}@{socket.gethostname()}, process {os.getpid()}"
