"""The engine: survey a host, compare, and make it what its sections say.

    host → resources → questions → SURVEY, one exec → states → changes → plan
                                 → APPLY, one exec for each section that changes → survey again

It returns values and tells an observer what happens; it prints nothing.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from fabfile.engine import apply, lock, survey
from fabfile.engine.history import RUNS, Run, runs, undone, way_back
from fabfile.engine.plan import Plan, SectionPlan, section_plan
from fabfile.engine.survey import Questions, Survey
from fabfile.model import shell
from fabfile.model.errors import ApplyError, HostError, Stopped, UnreachableError, UsageError
from fabfile.model.fact import States
from fabfile.model.host import Host
from fabfile.model.preflight import Finding, refuse
from fabfile.model.redact import redact
from fabfile.model.resource import Resource
from fabfile.model.runner import Runner
from fabfile.model.section import Guide, Section
from fabfile.model.system import STATE_DIR

PATIENCE_SECONDS = 30
"""How long what a dead run has still at work is waited for in any case."""


class Observer(Protocol):
    """What wants to know how a run goes on. A report implements it."""

    def surveying(self) -> None:
        """The host is being asked."""

    def waiting(self, other: str) -> None:
        """Another run, described in words, is at work on the host, and we wait for it."""

    def stopping(self) -> bool:
        """Whether somebody has asked the run to stop before its next step."""

    def run_started(self, run: str) -> None:
        """The host is about to be changed, by a run that it remembers by this name."""

    def section_started(self, section: Section, todo: apply.Work) -> None:
        """A section will be applied."""

    def step_started(self, section: Section, title: str) -> None:
        """A step of it (a resource, a restart) has begun."""

    def step_done(self, section: Section, step: apply.Step) -> None:
        """The changes of a step are made."""

    def restarted(self, section: Section, title: str) -> None:
        """A service was restarted."""


@dataclass(frozen=True)
class Deployed:
    """What a deploy has changed."""

    host: Host
    changed: int
    restarts: int
    warnings: tuple[str, ...] = ()


def _new_run() -> str:
    """Return a name for a run; names sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{random.token_hex(2)}"


class Engine:
    """Surveys and changes one host. Keeps what is known of it between the two."""

    def __init__(
        self,
        guide: Guide,
        sections: Sequence[Section],
        host: Host,
        runner: Runner,
        observer: Observer,
    ) -> None:
        self.guide = guide
        self.sections = sections
        self.host = guide.validate(host)
        self.runner = runner
        self.observer = observer
        self.states: States = {}
        self.pending: tuple[str, ...] = ()
        self._given = self.host.secrets
        self._made: dict[str, str] = {}
        self._wanted: dict[str, Sequence[Resource]] = {}

    def survey(self) -> None:
        """Ask the host about everything the sections need; one exec, or two on a strange system."""
        self.observer.surveying()
        asked = survey.questions(self.guide, self.sections, self.host)
        self._take_in(self._ask(asked), asked)

    def _ask(self, asked: Questions) -> States:
        return survey.ask(self.runner, asked, self.host.name)

    def _take_in(self, states: States, asked: Questions) -> None:
        """Learn from an answer, asking once more if the platform turns out to need it."""
        self.states = states
        self._know(survey.interpret(states, self.guide, self.host))
        if extra := survey.missing(asked, self._all_resources()):
            self.states = {**states, **self._ask(extra)}
            self._know(survey.interpret(self.states, self.guide, self.host))

    def _know(self, found: Survey) -> None:
        """Set the host's platform and secrets: the inventory's, else those found, else new ones."""
        self.pending = found.pending
        host = replace(self.host, platform=found.platform)
        self.guide.require_supported(host)
        values = {}
        for secret in self.guide.secrets:
            value = self._given.get(secret.name) or found.secrets.get(secret.name)
            if value and not secret.is_valid(value):
                raise HostError(
                    f"{host.name}: the {secret.name} found on the host has characters that cannot "
                    "be written into every file that must hold it",
                    f"set another one in the inventory: {secret.name}=…",
                )
            # Once made it stays the same for the rest of the run.
            values[secret.name] = value or self._made.setdefault(
                secret.name, random.token_urlsafe(24).replace("-", "x").replace("_", "y")
            )
        self.host = replace(host, secrets=values)
        self._wanted = {}

    def _resources(self, section: Section) -> Sequence[Resource]:
        """Return a section's resources on the host as it is known; worked out once."""
        if section.name not in self._wanted:
            self._wanted[section.name] = tuple(section(self.host))
        return self._wanted[section.name]

    def _all_resources(self) -> list[Resource]:
        return [resource for section in self.sections for resource in self._resources(section)]

    def plan(self) -> Plan:
        """Return what a deploy would change. `survey` must have been called."""
        parts = []
        pending = list(self.pending)
        for section in self.sections:
            parts.append(self._plan(section, pending))
            # A restart that is due is made once, by the first section that has to do with it.
            made = {f"{due.verb}.{due.service}" for due in parts[-1].work.restarts}
            pending = [due for due in pending if due not in made]
        for position, part in enumerate(parts):
            # What comes before may make it known: a server installed, a service started.
            if not any(before.changes for before in parts[: position + 1]):
                self._refuse_unknown(part)
        return Plan(self.host, tuple(parts))

    def _plan(self, section: Section, pending: Sequence[str]) -> SectionPlan:
        return section_plan(section, self._resources(section), self.states, pending)

    def _refuse_unknown(self, part: SectionPlan) -> None:
        for blind in part.unknown:
            raise HostError(
                f"{self.host.name}: {part.section.name}: {blind.resource.title} and {blind.others} "
                f"more could not be looked at: {blind.reason}",
                blind.resource.remedy(blind.reason),
            )

    def deploy(self, holder: str, wait: int = 0) -> Deployed:
        """Make the host what the sections say, and make sure that it is. `survey` comes first.

        `wait` is how many seconds to wait for another run that is at work on the host. Raises
        ApplyError at the first thing that cannot be done; what was done stays done, and the next
        run goes on from there.
        """
        changed = restarts = 0
        parts = [self._plan(section, self.pending) for section in self.sections]
        if any(part.work for part in parts):
            refuse(self.host.name, self.preflight())
            with self._locked(holder, wait):
                changed, restarts = self._deploy(holder, wait)
            parts = [self._plan(section, ()) for section in self.sections]
        else:
            for part in parts:
                self._refuse_unknown(part)
        warnings = tuple(text for part in parts for text in part.warnings)
        return Deployed(self.host, changed or restarts, restarts, warnings)

    def preflight(self, *, distant: bool = False) -> list[Finding]:
        """Ask the host for what would stop a deploy half-way, and return what is found.

        `distant` asks also what takes seconds. `survey` must have been called.
        """
        wanted = (self.guide.preflight_fact, self.guide.slow_preflight_fact if distant else None)
        if asked := {fact: {"": None} for fact in wanted if fact}:
            self.states = {**self.states, **self._ask(asked)}
        planned = [
            change for section in self.sections for change in self._plan(section, ()).changes
        ]
        return self.guide.preflight(self.guide, self.host, self.states, planned)

    @contextmanager
    def _locked(self, holder: str, wait: int) -> Iterator[None]:
        name = self.host.name
        with lock.held(
            self.runner, name, holder, wait, self.observer.waiting, self.observer.stopping
        ) as waited:
            if waited:
                # Whoever was at work has changed what we had seen.
                self.survey()
            yield

    def _deploy(self, holder: str, wait: int) -> tuple[int, int]:
        """Apply section by section; return how many changes and restarts that were."""
        run = _new_run()
        self.observer.run_started(run)
        changed = restarts = 0
        for section in self.sections:
            # Twice, since a service that had to be started may bring more to light.
            for _ in range(2):
                part = self._plan(section, self.pending)
                if not part.work:
                    break
                if self.observer.stopping():
                    raise self._stopped(section)
                self.observer.section_started(section, part.work)
                applied = self._apply(part, run, holder, wait)
                changed += sum(len(part.work.steps[n].changes) for n in applied.done)
                restarts += len(applied.acted)
            self._refuse_unknown(self._plan(section, ()))
        if changed or restarts:
            self._insist()
        return changed, restarts

    def _stopped(self, section: Section) -> Stopped:
        """Return what says that the run ends here, since somebody has asked for that."""
        return Stopped(
            f"{self.host.name}: {section.name}: stopped, as asked",
            "the next run goes on from here",
        )

    def runs(self) -> list[Run]:
        """Return the runs that the host remembers, the latest first."""
        return runs(self._ask({RUNS: {"": None}}))

    def roll_back(self, to: str | None, holder: str, wait: int = 0) -> Deployed:
        """Put back the files that the last run replaced, or all since the run `to`.

        Raises ApplyError if what they configure does not pass its check; then nothing changes.
        """
        undo = undone(self.runs(), to, self.host.name)
        found = way_back(undo, self._all_resources())
        if not found:
            raise UsageError(
                f"{self.host.name}: the run {undo[-1].name} has replaced files with passwords "
                "alone: they go with their accounts in the database, which stays as it is",
                "name an earlier run with --to; history lists them",
            )
        todo = apply.work("rollback", (), found, ())
        section = Section("rollback", f"before {undo[-1].name}", lambda host: iter(()))
        part = SectionPlan(section, (), tuple(found), todo)
        with self._locked(holder, wait):
            self.observer.section_started(section, todo)
            applied = self._apply(part, _new_run(), holder, wait)
        return Deployed(self.host, len(applied.done), len(applied.acted))

    def _apply(self, part: SectionPlan, run: str, holder: str, wait: int) -> apply.Applied:
        """Run one section's apply script, with the next survey behind it."""
        nonce = shell.nonce()
        asked = survey.questions(self.guide, self.sections, self.host)
        about = apply.About(run, holder, max(wait, PATIENCE_SECONDS))
        text = apply.script(part.work, about, nonce, survey.body(asked, nonce))
        applied = apply.Applied()

        def on_line(line: str) -> None:
            if line.startswith(f"@{nonce} "):
                words = line.split(" ")[1:]
                try:
                    applied.feed(words)
                    self._observe(part, words)
                except (ValueError, IndexError):
                    raise HostError(
                        f"{self.host.name}: {part.section.name}: the host reports what it was not "
                        f"asked for: {' '.join(words)[:200]!r}",
                        "something on the host answers in our script's place: look at its shell",
                    ) from None
            else:
                applied.take(line)

        output = self.runner.run_script(text, private=True, on_line=on_line)
        if not applied.ended:
            raise UnreachableError(
                f"{self.host.name}: {part.section.name}: the host stopped answering before the "
                "section was finished",
                "run the same command again: it goes on where this one stopped",
            )
        if applied.stopped:
            raise self._stopped(part.section)
        self._refuse_failure(part, applied, output)
        self._take_in(survey.read(output, asked, nonce, self.host.name), asked)
        return applied

    def _observe(self, part: SectionPlan, words: list[str]) -> None:
        """Tell the observer. Raises ValueError or IndexError for a step that there is not."""
        steps, restarts = part.work.steps, part.work.restarts
        match words:
            case ["step", number]:
                self.observer.step_started(part.section, steps[int(number)].title)
            case ["done", number]:
                self.observer.step_done(part.section, steps[int(number)])
            case ["act", number]:
                self.observer.step_started(part.section, str(restarts[int(number)]))
            case ["acted", number]:
                self.observer.restarted(part.section, str(restarts[int(number)]))
            case ["failed", number, *_]:
                _ = steps[int(number)]
            case ["refused" | "unstarted", number, *_]:
                _ = restarts[int(number)]

    def _refuse_failure(self, part: SectionPlan, applied: apply.Applied, output: str) -> None:
        where = f"{self.host.name}: {part.section.name}"
        if applied.locked is not None:
            raise ApplyError(
                f"{where}: another deploy is at work on this host: {applied.locked or 'unknown'}",
                "wait until it is done, or, if it was killed, until it has finished its last step; "
                "then run the same command again",
            )
        if applied.failure is None:
            if not applied.done and not applied.acted:
                raise ApplyError(
                    f"{where}: nothing could be started: {STATE_DIR} cannot be written",
                    "look for a full or read-only file system: df -h /var; mount | grep -w ro",
                )
            return
        how, number, code = applied.failure
        secrets = self.host.secrets.values()
        log = "\n".join(f"      {redact(line, secrets)}" for line in applied.log if line.strip())
        if how == "failed":
            step = part.work.steps[number]
            raise ApplyError(
                f"{where}: {step.title} could not be fixed (exit code {code}):\n{log}",
                self._remedy(step, applied.log),
            )
        restart = part.work.restarts[number]
        back = f"{applied.put_back} files were put back"
        if how == "refused":
            raise ApplyError(
                f"{where}: the new configuration of {restart.service} does not pass its check, so "
                f"{back} and {restart.service} was not touched:\n{log}",
                "the lines above say what is wrong: a variable, a template, or, if nothing was "
                "put back, something that stands in these files already",
            )
        raise ApplyError(
            f"{where}: {restart} failed (exit code {code}); {back}:\n{log}",
            f"mend the cause and run the same command again: the {restart.verb} is still due",
        )

    def _remedy(self, step: apply.Step, log: list[str]) -> str:
        text = "\n".join(log)
        if "No space left on device" in text or " 100% " in text:
            return "the disk is full: make room (df -h) and run the same command again"
        if "Read-only file system" in text:
            return "a file system is read-only: look at dmesg and mount, then run again"
        return step.resources[0].remedy(text)

    def _insist(self) -> None:
        """Fail if anything still differs after everything was done: the proof of convergence."""
        for part in self.plan().sections:
            for change in part.changes:
                name, (found, wanted) = next(iter(change.differences.items()))
                # A value may be secret; the names never are.
                shown = name if change.resource.secret else f"{name} is {found!r}, not {wanted!r}"
                raise HostError(
                    f"{self.host.name}: {part.section.name}: {change.resource.title} is still "
                    f"not as it should be after the deploy: {shown}",
                    "something else on the host changes it back, or this is a bug of mailfab",
                )
