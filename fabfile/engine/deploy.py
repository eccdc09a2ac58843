"""The engine: survey a host, compare, and change it to the state that its sections describe.

    host → resources → questions → SURVEY, one exec → states → changes → plan
                                 → APPLY, one exec for each section that changes → survey again

It returns values and reports progress to an observer. It prints nothing.
"""

from __future__ import annotations

import secrets as random
import string
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fabfile.engine import apply, lock, survey
from fabfile.engine.observer import Observer
from fabfile.engine.plan import Plan, SectionPlan, section_plan
from fabfile.engine.survey import Questions, Survey
from fabfile.model import shell
from fabfile.model.errors import HostError, MailfabError, Stopped, UsageError
from fabfile.model.fact import States
from fabfile.model.host import Host, SurveyedHost
from fabfile.model.preflight import Finding, refuse
from fabfile.model.redact import SecretValue
from fabfile.model.resource import Resource
from fabfile.model.runner import Runner
from fabfile.model.section import Guide, Section

if TYPE_CHECKING:
    # Loaded when something changes: a run without changes ends in half a second.
    from fabfile.engine.events import Applied
    from fabfile.engine.history import Run

CRASHED_RUN_SECONDS = 30
"""Minimum time to wait for processes left by a crashed run, in seconds."""


@dataclass(frozen=True)
class Deployed:
    """The result of a deploy."""

    host: SurveyedHost
    changed: int
    restarts: int
    warnings: tuple[str, ...] = ()


def survey_host(
    guide: Guide, sections: Sequence[Section], host: Host, runner: Runner, observer: Observer
) -> SurveyedState:
    """Survey a host: ask it every fact that the sections need.

    This takes one exec, or two if the guide does not list the host's platform. Raises
    InventoryError before anything is asked, UnreachableError, and HostError for an invalid answer
    or an unsupported system.
    """
    checked = guide.validate(host)
    # Connect in the background: the questions are computed during the handshakes.
    runner.prepare()
    observer.surveying()
    with _at(host):
        asked = survey.questions(guide, sections, checked)
        states = survey.ask(runner, asked)
        return SurveyedState(guide, sections, checked, runner, observer, states, asked)


@contextmanager
def _at(host: Host) -> Iterator[None]:
    """Add the host's name to errors that do not have one."""
    try:
        yield
    except MailfabError as error:
        error.at(host=host.name)
        raise


class SurveyedState:
    """The surveyed state of one host, with the operations that need it: plan, deploy, rollback.

    Each apply ends with a new survey, which updates the state.
    """

    def __init__(
        self,
        guide: Guide,
        sections: Sequence[Section],
        host: Host,
        runner: Runner,
        observer: Observer,
        states: States,
        asked: Questions,
    ) -> None:
        self.guide = guide
        self.sections = sections
        self.runner = runner
        self.observer = observer
        self._inventory_host = host
        self._generated_secrets: dict[str, SecretValue] = {}
        self._ingest(states, asked)

    def _ingest(self, states: States, asked: Questions) -> None:
        """Store the states of a survey; ask again for what the actual platform needs beyond it."""
        self.states = states
        self._update_host(survey.interpret(states, self.guide))
        if extra := survey.missing(asked, self._all_resources()):
            self.states = {**states, **self._ask(extra)}
            self._update_host(survey.interpret(self.states, self.guide))

    def _ask(self, asked: Questions) -> States:
        return survey.ask(self.runner, asked)

    def _update_host(self, found: Survey) -> None:
        """Set the host's platform and secrets.

        A secret comes from the inventory, else from the host, else it is generated.
        """
        self.pending = found.pending
        values = {}
        for secret in self.guide.secrets:
            value = self._inventory_host.secrets.get(secret.name) or found.secrets.get(secret.name)
            if value and not secret.is_valid(value.reveal()):
                raise HostError(
                    f"the {secret.name} found on the host has characters that cannot be written "
                    "into every file that must hold it",
                    f"set another one in the inventory: {secret.name}=…",
                )
            # A generated secret stays the same for the rest of the run.
            values[secret.name] = value or self._generated_secrets.setdefault(
                secret.name, _new_secret()
            )
        self.host = self._inventory_host.surveyed(found.platform, values)
        self.guide.require_supported(self.host)
        self._resources_by_section: dict[str, Sequence[Resource]] = {}

    def _resources(self, section: Section) -> Sequence[Resource]:
        """Return a section's resources on the host; cached until the host changes."""
        if section.name not in self._resources_by_section:
            with _at(self.host):
                self._resources_by_section[section.name] = tuple(section(self.host))
        return self._resources_by_section[section.name]

    def _all_resources(self) -> list[Resource]:
        return [resource for section in self.sections for resource in self._resources(section)]

    def plan(self) -> Plan:
        """Return what a deploy would change."""
        parts = []
        pending = list(self.pending)
        for section in self.sections:
            parts.append(self._plan(section, pending))
            # The first section that has to do with a service restarts it; the others need not.
            made = {f"{due.verb}.{due.service}" for due in parts[-1].batch.restarts}
            pending = [due for due in pending if due not in made]
        for position, part in enumerate(parts):
            # Earlier changes may make it known: a server installed, a service started.
            changing = any(before.changes for before in parts[: position + 1])
            self._refuse_unknown(part, final=changing)
        return Plan(self.host, tuple(parts))

    def _plan(self, section: Section, pending: Sequence[str]) -> SectionPlan:
        return section_plan(section, self._resources(section), self.states, pending)

    def _refuse_unknown(self, part: SectionPlan, *, final: bool = False) -> None:
        """Raise HostError for what could not be read; with `final`, if no change makes it known."""
        for unknown in part.unknown:
            if final and not unknown.final:
                continue
            raise HostError(
                f"{unknown.resource.title} and {unknown.others} more could not be read: "
                f"{unknown.reason}",
                unknown.resource.remedy(unknown.reason),
                host=self.host.name,
                section=part.section.name,
            )

    def preflight(self, *, slow: bool = False) -> list[Finding]:
        """Return what would make a deploy fail half-way. `slow` adds checks that take seconds."""
        wanted = (self.guide.preflight_fact, self.guide.slow_preflight_fact if slow else None)
        with _at(self.host):
            planned = [
                change for section in self.sections for change in self._plan(section, ()).changes
            ]
            asked: Questions = {fact: {"": None} for fact in wanted if fact}
            for fact, keys in self.guide.preflight_questions(planned).items():
                asked[fact] = dict.fromkeys(keys)
            if asked:
                self.states = {**self.states, **self._ask(asked)}
            return self.guide.preflight(self.guide, self.host, self.states, planned)

    def deploy(self, holder: str, wait: int = 0) -> Deployed:
        """Apply all changes, then verify that none is left.

        `wait` is the time to wait for another run on the host, in seconds. Raises ApplyError at the
        first failure. Changes made before it stay; the next run continues from there.
        """
        changed = restarts = 0
        warnings: list[str] = []
        parts = [self._plan(section, self.pending) for section in self.sections]
        if any(part.batch for part in parts):
            for part in parts:
                self._refuse_unknown(part, final=True)
            with _at(self.host):
                findings = self.preflight()
                refuse(self.host.name, findings)
                warnings = [str(found) for found in findings if found.verdict == "warn"]
                with self._locked(holder, wait):
                    changed, restarts = self._deploy(holder, wait)
            parts = [self._plan(section, ()) for section in self.sections]
        else:
            for part in parts:
                self._refuse_unknown(part)
        warnings += [text for part in parts for text in part.warnings]
        return Deployed(self.host, changed or restarts, restarts, tuple(warnings))

    @contextmanager
    def _locked(self, holder: str, wait: int) -> Iterator[None]:
        waiting, cancelled = self.observer.waiting, self.observer.cancelled
        with lock.held(self.runner, holder, wait, waiting, cancelled) as waited:
            if waited:
                # Another run has changed the host since our survey.
                self.observer.surveying()
                asked = survey.questions(self.guide, self.sections, self.host)
                self._ingest(self._ask(asked), asked)
            yield

    def _deploy(self, holder: str, wait: int) -> tuple[int, int]:
        """Apply section by section; return the numbers of changes and of restarts."""
        run = _new_run()
        self.observer.run_started(run)
        changed = restarts = 0
        for section in self.sections:
            # Twice: a service that was started in the first round may show more differences.
            for _ in range(2):
                part = self._plan(section, self.pending)
                if not part.batch:
                    break
                if self.observer.cancelled():
                    raise Stopped().at(section=section.name)
                self.observer.section_started(section, part.batch)
                applied = self._apply(part, run, holder, wait)
                changed += sum(len(part.batch.steps[n].changes) for n in applied.done)
                restarts += len(applied.restarted)
            self._refuse_unknown(self._plan(section, ()))
        if changed or restarts:
            self._verify_converged()
        return changed, restarts

    def runs(self) -> list[Run]:
        """Return the runs that the host remembers, the latest first."""
        from fabfile.engine.history import RUNS, runs

        with _at(self.host):
            return runs(self._ask({RUNS: {"": None}}))

    def roll_back(self, to: str | None, holder: str, wait: int = 0) -> Deployed:
        """Restore the files that the last run replaced, or all runs since the run `to`.

        Raises UsageError if there is nothing to restore. Raises ApplyError if the restored
        configuration does not pass its check; then nothing changes.
        """
        from fabfile.engine.history import rollback_changes, runs_to_undo

        with _at(self.host):
            undo = runs_to_undo(self.runs(), to)
            # A section that is off now may have been on in those runs, and knows its own files.
            writers = [r for section in self.sections for r in section.resources(self.host)]
            secret = {place[0] for each in self.guide.secrets for place in each.sources}
            found = rollback_changes(undo, writers, secret)
            if not found:
                raise UsageError(
                    f"the run {undo[-1].name} has replaced only files with passwords; they match "
                    "accounts in the database, which a rollback does not change",
                    "name an earlier run with --to; history lists them",
                )
            batch = apply.batch("rollback", (), found, ())
            section = Section("rollback", f"before {undo[-1].name}", lambda host: iter(()))
            part = SectionPlan(section, (), tuple(found), batch)
            with self._locked(holder, wait):
                self.observer.section_started(section, batch)
                applied = self._apply(part, _new_run(), holder, wait)
        return Deployed(self.host, len(applied.done), len(applied.restarted))

    def _apply(self, part: SectionPlan, run: str, holder: str, wait: int) -> Applied:
        """Run one section's apply script, which ends with the next survey."""
        from fabfile.engine import execution, failures

        nonce = shell.nonce()
        asked = survey.questions(self.guide, self.sections, self.host)
        info = apply.RunInfo(run, holder, max(wait, CRASHED_RUN_SECONDS))
        text = apply.script(part.batch, info, nonce, survey.body(asked, nonce))
        output, applied = execution.run(self.runner, self.observer, part, text, nonce)
        if error := failures.failure(self.host, part.batch, applied):
            raise error.at(section=part.section.name)
        self._ingest(survey.read(output, asked, nonce), asked)
        return applied

    def _verify_converged(self) -> None:
        """Raise HostError if a resource still differs after the deploy."""
        for part in self.plan().sections:
            for change in part.changes:
                name, (found, wanted) = next(iter(change.differences.items()))
                # A value may be secret; the names never are.
                shown = name if change.resource.secret else f"{name} is {found!r}, not {wanted!r}"
                raise HostError(
                    f"{change.resource.title} is still different after the deploy: {shown}",
                    "something else on the host changes it back, or this is a bug of mailfab",
                    section=part.section.name,
                )


def _new_run() -> str:
    """Return a new name of a run; names sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{random.token_hex(2)}"


def _new_secret() -> SecretValue:
    """Return a random password that every file format can hold.

    It passes the usual password checks of databases, which want digits, letters of both cases and
    others, and no word.
    """
    alphabet = string.ascii_letters + string.digits
    while True:
        text = "".join(random.choice(alphabet) for _ in range(32))
        kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
        if all(sum(letter in kind for letter in text) >= 3 for kind in kinds):
            return SecretValue("-".join(text[start : start + 8] for start in range(0, 32, 8)))
