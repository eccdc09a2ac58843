"""Apply: one script that makes a section's resources what they should be.

It takes the host's lock, keeps what it replaces, notes each restart on disk before the first
change that needs it, stops at the first failure, checks before it restarts, and ends with a
survey. It travels on standard input, so it may hold secrets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from fabfile.model import shell
from fabfile.model.resource import Change, Resource, Restart
from fabfile.model.system import STATE_DIR, version

RUNTIME = Path(__file__).with_suffix(".sh").read_text(encoding="utf-8")
"""What the shell of every apply script can call."""


@dataclass(frozen=True)
class Step:
    """One or several changes that one command makes."""

    changes: tuple[Change, ...]

    @property
    def resources(self) -> list[Resource]:
        """The resources that the step fixes."""
        return [change.resource for change in self.changes]

    @property
    def title(self) -> str:
        """What a person reads while it runs."""
        first = self.resources[0].title
        return first if len(self.changes) == 1 else f"{first} and {len(self.changes) - 1} more"

    def fix(self) -> str:
        """Return the shell that makes the changes."""
        resources = self.resources
        if len(resources) == 1:
            return resources[0].fix()
        return type(resources[0]).fix_all(resources)


@dataclass(frozen=True)
class Work:
    """What an apply does: steps in order, then the restarts that are due."""

    section: str
    steps: tuple[Step, ...]
    restarts: tuple[Restart, ...]

    def __bool__(self) -> bool:
        return bool(self.steps or self.restarts)


@dataclass(frozen=True)
class About:
    """What the host remembers of a run: its name there, and who it is."""

    run: str
    holder: str
    patience: int
    """Seconds to wait for what another run, which is dead, still has at work."""


def work(
    section: str, resources: Sequence[Resource], found: Sequence[Change], pending: Sequence[str]
) -> Work:
    """Return what has to be done: the changes, and the restarts that they or a dead run ask for."""
    restarts = dict.fromkeys(due for change in found for due in change.resource.notifies)
    for resource in resources:
        for due in resource.notifies:
            if f"{due.verb}.{due.service}" in pending:
                restarts[due] = None
    return Work(section, tuple(_steps(found)), tuple(restarts))


def _steps(found: Sequence[Change]) -> Iterator[Step]:
    kinds = groupby(found, key=lambda c: (type(c.resource), c.resource.notify))
    for (kind, _), group in kinds:
        members = tuple(group)
        if kind.batched:
            yield Step(members)
        else:
            yield from (Step((change,)) for change in members)


def script(todo: Work, about: About, nonce: str, survey: tuple[str, str]) -> str:
    """Return the apply script."""
    functions = [RUNTIME, survey[0]]
    body = [
        f"state={STATE_DIR} work={STATE_DIR}/work nonce={nonce} failed= patience={about.patience}",
        f"run={shell.quote(f'{STATE_DIR}/runs/{about.run}')} version={shell.quote(version())}",
        f"holder={shell.quote(about.holder)} section={shell.quote(todo.section)}",
    ]
    commands = []
    for number, step in enumerate(todo.steps):
        functions.append(f"fix_{number}() {{\n{_prepared(step)}\n}}")
        commands.append(f'step {number}\n[ -z "$failed" ] || return 0')
    for number, restart in enumerate(todo.restarts):
        functions.append(f"check_{number}() {{\n{restart.check or ':'}\n}}")
        commands.append(
            f"act {number} {shell.words(restart.verb, restart.service, restart.process)}"
        )
        commands.append('[ -z "$failed" ] || return 0')
    functions.append("apply() {\n" + "\n".join(commands) + "\n}")
    body += ["begin || { mark end; return 0; }", "apply", "ended", survey[1]]
    return shell.script("\n".join(functions), "\n".join(body))


def _prepared(step: Step) -> str:
    """Return a step's shell, after the notes and copies that must be on disk before it."""
    lines = []
    for restart in dict.fromkeys(due for r in step.resources for due in r.notifies):
        lines.append(f"due {shell.words(restart.verb, restart.service, restart.process)}")
    for path in dict.fromkeys(r.backed_up_file() for r in step.resources):
        if path:
            lines.append(f"keep {shell.quote(path)}")
    return "\n".join([*lines, step.fix()])


@dataclass
class Applied:
    """What came of an apply, filled in as its output arrives."""

    done: list[int] = field(default_factory=list)
    acted: list[int] = field(default_factory=list)
    failure: tuple[str, int, int] | None = None
    """How it failed (`failed`, `refused`, `unstarted`), at which step or restart, the exit code."""
    put_back: int = 0
    """How many files were put back after it."""
    stopped: bool = False
    """Whether it ended before its last step, because somebody asked for that."""
    locked: str | None = None
    """Who holds the host's lock, when we could not have it."""
    log: list[str] = field(default_factory=list)
    ended: bool = False
    _logging: bool = False

    def feed(self, words: list[str]) -> None:
        """Take in one marker, split into words."""
        # The log ends at the next marker; what follows is the survey, with all its secrets.
        self._logging = False
        match words:
            case ["done", number]:
                self.done.append(int(number))
            case ["acted", number]:
                self.acted.append(int(number))
            case ["failed" | "refused" | "unstarted" as how, number, code, *put_back]:
                self.failure = (how, int(number), int(code))
                self.put_back = int(put_back[0]) if put_back else 0
                self._logging = True
            case ["locked", *holder]:
                self.locked = " ".join(holder)
            case ["stopped"]:
                self.stopped = True
            case ["end"]:
                self.ended = True

    def take(self, line: str) -> None:
        """Take in a line that is no marker: of interest if it is of the log of a failure."""
        if self._logging and line.startswith("|"):
            self.log.append(line[1:])
