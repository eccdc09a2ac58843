"""Apply: one script that changes a section's resources to their desired state.

The script takes the host's lock and backs up each file before it replaces it. It notes each
restart on disk before the first change that needs it. It stops at the first failure, checks a
configuration before it restarts the service, and ends with a survey. The script travels on
standard input, so it may hold secrets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from fabfile.model import shell
from fabfile.model.resource import Change, Resource, Restart
from fabfile.model.system import STATE_DIR, version
from fabfile.resources.sql.client import SQL_CLIENT

RUNTIME = SQL_CLIENT + "".join(
    shell.program(__file__, name) for name in ("files.sh", "services.sh", "steps.sh")
)
"""The functions that every apply script can call."""


@dataclass(frozen=True)
class Step:
    """One or several changes that are made by one command."""

    changes: tuple[Change, ...]

    @property
    def resources(self) -> list[Resource]:
        """The resources that the step fixes."""
        return [change.resource for change in self.changes]

    @property
    def title(self) -> str:
        """The text that is shown while the step runs."""
        first = self.resources[0].title
        return first if len(self.changes) == 1 else f"{first} and {len(self.changes) - 1} more"

    def fix(self) -> str:
        """Return the shell that makes the changes."""
        resources = self.resources
        if len(resources) == 1:
            return resources[0].fix()
        return type(resources[0]).fix_all(resources)


@dataclass(frozen=True)
class ApplyBatch:
    """The work of one apply: steps in order, then the restarts that are due."""

    section: str
    steps: tuple[Step, ...]
    restarts: tuple[Restart, ...]

    def __bool__(self) -> bool:
        return bool(self.steps or self.restarts)


@dataclass(frozen=True)
class RunInfo:
    """The name of a run on the host, and who started it. The host stores both."""

    run: str
    holder: str
    patience: int
    """Time to wait for processes left by a crashed run, in seconds."""


def batch(
    section: str, resources: Sequence[Resource], found: Sequence[Change], pending: Sequence[str]
) -> ApplyBatch:
    """Return the changes, and the restarts required by them or left due by a crashed run."""
    restarts = dict.fromkeys(due for change in found for due in change.resource.notifies)
    for resource in resources:
        for due in resource.notifies:
            if f"{due.verb}.{due.service}" in pending:
                restarts[due] = None
    return ApplyBatch(section, tuple(_steps(found)), tuple(restarts))


def _steps(found: Sequence[Change]) -> Iterator[Step]:
    kinds = groupby(found, key=lambda c: (type(c.resource), c.resource.notify))
    for (kind, _), group in kinds:
        members = tuple(group)
        if kind.batched:
            yield Step(members)
        else:
            yield from (Step((change,)) for change in members)


def script(todo: ApplyBatch, info: RunInfo, nonce: str, survey: tuple[str, str]) -> str:
    """Return the apply script. `survey` is the functions and commands that end it."""
    functions = [RUNTIME, survey[0]]
    body = [
        f"state={STATE_DIR} work={STATE_DIR}/work nonce={nonce} failed= patience={info.patience}",
        f"run={shell.quote(f'{STATE_DIR}/runs/{info.run}')} version={shell.quote(version())}",
        f"holder={shell.quote(info.holder)} section={shell.quote(todo.section)}",
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
    for path in dict.fromkeys(r.backed_up_file() for r in step.resources if r.restorable):
        if path:
            lines.append(f"keep {shell.quote(path)}")
    return "\n".join([*lines, step.fix()])
