"""Apply: one script that makes a section's resources what they should be.

It takes the host's lock and keeps the files that it replaces. It marks each restart on disk before
the first change that needs it. It stops at the first failure, checks before it restarts, and ends
with a survey. It travels on standard input, so it may hold secrets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from fabfile.model import shell
from fabfile.model.resource import Change, Resource, Restart
from fabfile.model.system import STATE_DIR, version

RUNTIME = "".join(
    shell.program(__file__, name) for name in ("files.sh", "services.sh", "sql.sh", "steps.sh")
)
"""The functions that every apply script can call."""


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
        """The text to show while it runs."""
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
    """The steps of one apply in order, then the restarts that are due."""

    section: str
    steps: tuple[Step, ...]
    restarts: tuple[Restart, ...]

    def __bool__(self) -> bool:
        return bool(self.steps or self.restarts)


@dataclass(frozen=True)
class RunInfo:
    """The record of a run on the host: its name there, and who started it."""

    run: str
    holder: str
    patience: int
    """Time to wait for processes that a crashed run has left, in seconds."""


def batch(
    section: str, resources: Sequence[Resource], found: Sequence[Change], pending: Sequence[str]
) -> ApplyBatch:
    """Return the batch: the changes, and the restarts that they or a crashed run ask for."""
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
    """Return the apply script."""
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
    for path in dict.fromkeys(r.backed_up_file() for r in step.resources):
        if path:
            lines.append(f"keep {shell.quote(path)}")
    return "\n".join([*lines, step.fix()])
