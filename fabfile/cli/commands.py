"""The commands that every guide has: deploy, plan, status, and the same for single sections."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from invoke import Collection

from fabfile.cli.task import fleet_task, host_task, rollout_task
from fabfile.engine import survey
from fabfile.engine.deploy import SurveyedState, survey_host
from fabfile.engine.plan import Plan, SectionPlan
from fabfile.fleet.host_connection import HostConnection
from fabfile.fleet.job import WOULD_CHANGE
from fabfile.model.errors import HostError, UsageError
from fabfile.model.section import Guide, Section
from fabfile.report import diff
from fabfile.resources.file import CONTENT, File


def surveyed(guide: Guide, sections: Sequence[Section], c: HostConnection) -> SurveyedState:
    """Return what is known of the host after a survey."""
    return survey_host(guide, sections, c.target, c, c.report)


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


WAIT = "let another run on the host end first, within so many seconds (3600)"
WAIT_SECONDS = 3600
WAITS: dict[str, Any] = {"help": {"wait": WAIT}, "optional": ["wait"]}
"""The options of a task that can wait."""


def patience(wait: bool | str | None) -> int:
    """Return how many seconds `--wait` asks for."""
    if wait is None or wait is False:
        return 0
    if wait is True:
        return WAIT_SECONDS
    if not (wait.isascii() and wait.isdigit()):
        raise UsageError(f"--wait is {wait!r}", "give whole seconds, or nothing: --wait")
    return int(wait)


def deploy(
    guide: Guide, sections: Sequence[Section], c: HostConnection, wait: bool | str | None
) -> int:
    """Make the host what the sections say, print what was changed, and return how much."""
    seconds = patience(wait)
    engine = surveyed(guide, sections, c)
    if c.report.detailed:
        found = engine.plan()
        c.report.result.replaced += diff.plan(found, contents(found, c))
    done = engine.deploy(holder(), seconds)
    for text in done.warnings:
        c.report.warn(text)
    c.report.summary = f"{c.target.name}: {done.changed} changed, 0 failed"
    if c.report.exit_code == WOULD_CHANGE:
        # A plan before it in the same command has been carried out.
        c.report.exit_code = 0
    return done.changed


def plan(guide: Guide, sections: Sequence[Section], c: HostConnection) -> None:
    """Print what a deploy would change, and change nothing. Exit code 2 when there is something."""
    found = surveyed(guide, sections, c).plan()
    c.report.result.names = {name: found.host.variables[name] for name in guide.host_specific}
    c.report.planned(list(diff.plan(found, contents(found, c))))
    c.report.summary = f"{c.target.name}: {found.changes} would change, 0 failed"
    if found.changes:
        c.report.exit_code = WOULD_CHANGE


def status(guide: Guide, sections: Sequence[Section], c: HostConnection) -> None:
    """Print how each section stands."""
    found = surveyed(guide, sections, c).plan()
    drifted = 0
    shown = [part for part in found.sections if part.section.is_on(found.host)]
    for part in shown:
        c.report.line(f"{part.section.name:<10} {_standing(part)}")
        drifted += bool(part.batch)
    converged = len(shown) - drifted
    c.report.summary = f"{c.target.name}: {converged} converged, {drifted} not"


def _standing(part: SectionPlan) -> str:
    if not part.batch:
        return "converged"
    things = [
        resource
        for resource in part.resources
        if not resource.skip_if_absent and resource.desired()
    ]
    made = [
        change for change in part.changes if not change.resource.skip_if_absent and change.creates
    ]
    if len(made) == len(things):
        return "not installed"
    return f"drifted ({len(part.changes) or len(part.batch.restarts)} of {len(part.resources)})"


def holder() -> str:
    """Return who is at work, for whoever finds the host locked."""
    return f"{getpass.getuser()}@{socket.gethostname()}, process {os.getpid()}"


def section_commands(guide: Guide, section: Section) -> Collection:
    """Return `SECTION` and `SECTION.plan`."""

    def apply_section(c: HostConnection, wait: str | None = None) -> None:
        deploy(guide, [section], c, wait)

    def plan_section(c: HostConnection) -> None:
        plan(guide, [section], c)

    apply_section.__doc__ = section.summary
    plan_section.__doc__ = f"Show what {section.name} would change; change nothing."
    collection = Collection(section.name)
    collection.add_task(fleet_task(name="apply", default=True, **WAITS)(apply_section))
    collection.add_task(fleet_task(name="plan")(plan_section))
    return collection


def guide_commands(guide: Guide, prove: Callable[[HostConnection], object]) -> Collection:
    """Return the whole guide's commands: deploy, plan, status, and those of each section.

    `prove` makes sure that a host works after a rollback, and leaves a summary in the report.
    """

    def deploy_all(c: HostConnection, wait: str | None = None) -> None:
        """Deploy all sections, in the guide's order."""
        deploy(guide, guide.sections, c, wait)

    def plan_all(c: HostConnection) -> None:
        """Show what deploy would change; change nothing."""
        plan(guide, guide.sections, c)

    def preflight(c: HostConnection) -> None:
        """Look for what would stop a deploy half-way; change nothing."""
        engine = surveyed(guide, guide.sections, c)
        found = engine.preflight(slow=True)
        for finding in found:
            c.report.line(f"  {finding.verdict:<4}  {finding.subject}: {finding.seen}")
            if finding.remedy:
                c.report.line(f"          do: {finding.remedy}")
        failed = sum(finding.verdict == "FAIL" for finding in found)
        c.report.summary = f"{c.target.name}: {len(found) - failed} passed, {failed} failed"
        c.report.exit_code = int(failed > 0)

    def status_all(c: HostConnection) -> None:
        """Show each section: converged, drifted or missing."""
        status(guide, guide.sections, c)

    def proven(c: HostConnection, changed: int) -> None:
        """Verify, and sum up both."""
        prove(c)
        c.report.line(f"verify: {c.report.summary.partition(': ')[2]}")
        failed = int(c.report.exit_code != 0)
        c.report.summary = f"{c.target.name}: {changed} changed, {failed} failed"

    def rollout(c: HostConnection, wait: str | None = None) -> None:
        """Deploy to many hosts in waves, and verify each wave before the next."""
        proven(c, deploy(guide, guide.sections, c, wait))
        if c.report.exit_code:
            first = next(check for check in c.report.result.checks if check.outcome == "failed")
            raise HostError(
                f"{c.target.name}: verify: {first.name}: {first.seen}",
                f"expected: {first.expected}; do: {first.remedy}",
            )

    def history(c: HostConnection) -> None:
        """List the runs that the host remembers."""
        found = surveyed(guide, guide.sections, c).runs()
        for run in found:
            files = f"{len(run.files)} files" if run.files else "no files"
            sections = " ".join(run.sections)
            origin = f" from {run.origin}" if run.origin else ""
            c.report.line(
                f"{run.name}  {run.ended:<6}  {files:<9}  {sections}  by {run.holder}{origin}, "
                f"mailfab {run.version or 'unknown'}"
            )
        c.report.summary = f"{c.target.name}: {len(found)} runs"

    def rollback(c: HostConnection, to: str | None = None, wait: str | None = None) -> None:
        """Put back the files that the last run replaced, and verify."""
        seconds = patience(wait)
        done = surveyed(guide, guide.sections, c).roll_back(to, holder(), seconds)
        proven(c, done.changed)

    collection = Collection()
    collection.add_task(fleet_task(name="deploy", **WAITS)(deploy_all))
    collection.add_task(rollout_task(name="rollout", **WAITS)(rollout))
    collection.add_task(host_task(name="history")(history))
    about_to = {"to": "a run of `history`: undo it and all that came after", "wait": WAIT}
    options = fleet_task(name="rollback", help=about_to, optional=["wait"])
    collection.add_task(options(rollback))
    collection.add_task(fleet_task(name="preflight")(preflight))
    collection.add_task(fleet_task(name="plan")(plan_all))
    collection.add_task(fleet_task(name="status")(status_all))
    for section in guide.sections:
        collection.add_collection(section_commands(guide, section))
    return collection
