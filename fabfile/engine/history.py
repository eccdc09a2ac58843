"""The history of runs on a host, and the rollback of the files that they replaced.

A rollback restores files with their owners and modes, then checks and restarts their services.
Packages, accounts and databases stay as they are: they hold newer data.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.errors import UsageError
from fabfile.model.fact import Fact, State
from fabfile.model.resource import Change, Resource, Restart
from fabfile.model.system import STATE_DIR
from fabfile.resources.file import FILE


@dataclass(frozen=True)
class Run:
    """The host's record of one run."""

    name: str
    started: str
    holder: str
    origin: str
    """The client's IP address; empty where sudo hides it."""
    version: str
    """The version of mailfab."""
    sections: tuple[str, ...]
    ended: str
    """`ok`, `failed`, or `no` for a crashed run."""
    files: tuple[str, ...]
    """The files that it replaced, in order."""


def _parse_runs(lines: list[str]) -> dict[str, State]:
    found: dict[str, dict[str, str | int | bool]] = {}
    run: dict[str, str | int | bool] = {}
    for line in lines:
        if line.startswith("= "):
            run = found.setdefault(line[2:], {})
        elif line.startswith("|"):
            name, _, value = line[1:].partition("=")
            if name in ("sections", "file"):
                value = f"{run[name]}\n{value}" if name in run else value
            elif name != "ended" and name in run:
                continue
            run[name] = value
    return dict(found)


RUNS = Fact(
    "runs",
    f"state_dir={STATE_DIR}\n" + shell.program(__file__, "runs.sh"),
    _parse_runs,
)


def runs(states: dict[tuple[str, str], State]) -> list[Run]:
    """Return the runs in a survey's answer, the latest first."""
    found = []
    for (fact, name), state in states.items():
        if fact == RUNS.name:
            about = {key: str(value) for key, value in state.items()}
            found.append(
                Run(
                    name,
                    about.get("started", ""),
                    about.get("holder", ""),
                    about.get("origin", ""),
                    about.get("version", ""),
                    tuple(dict.fromkeys(about.get("sections", "").splitlines())),
                    about.get("ended", "no"),
                    tuple(dict.fromkeys(about.get("file", "").splitlines())),
                )
            )
    return sorted(found, key=lambda run: run.name, reverse=True)


@dataclass(frozen=True)
class RestoredFile(Resource):
    """A file with the content, owner and mode that it had before a run."""

    fact = FILE
    path: str
    run: str
    writer: Resource | None = None
    """The resource that writes the file in the current sections; None if no resource does."""

    @property
    def title(self) -> str:
        return f"File {self.path} as before {self.run}"

    def desired(self) -> State:
        return {"put back": True}

    def fix(self) -> str:
        folder = f"{STATE_DIR}/runs/{self.run}"
        activate = self.writer.after_restore() if self.writer else ""
        return f"put_back {shell.words(folder, self.path)}\n{activate}"

    def backed_up_file(self) -> str:
        return self.path


def runs_to_undo(found: Sequence[Run], to: str | None) -> list[Run]:
    """Return the runs to undo, latest first: the last that replaced a file, or all back to `to`.

    Raises UsageError if there is no such run.
    """
    with_files = [run for run in found if run.files]
    if to is None:
        if not with_files:
            raise UsageError("no run has replaced a file: there is nothing to restore")
        return with_files[:1]
    if to not in [run.name for run in found]:
        known = ", ".join(run.name for run in with_files) or "none"
        raise UsageError(f"there is no run {to}", f"the runs to go back to: {known}")
    undo = [run for run in with_files if run.name >= to]
    if not undo:
        raise UsageError(f"the run {to} has replaced no file: there is nothing to restore")
    return undo


def rollback_changes(
    undo: Sequence[Run], resources: Sequence[Resource], with_passwords: Collection[str] = ()
) -> list[Change]:
    """Return the changes that restore each file to its state before the earliest of the runs.

    Each change notifies the services that the file's current resources notify. Files of secret
    resources and those `with_passwords` stay, whether a resource writes them today or not.
    """
    writers: dict[str, Resource] = {}
    restarts: dict[str, dict[Restart, None]] = {}
    for resource in resources:
        path = resource.backed_up_file()
        writers.setdefault(path, resource)
        restarts.setdefault(path, {}).update(dict.fromkeys(resource.notifies))
    earliest = {path: run.name for run in undo for path in run.files}
    return [
        Change(
            RestoredFile(path, run, writer, notify=strongest(restarts.get(path, {}))),
            {},
            creates=False,
        )
        for path, run in earliest.items()
        for writer in [writers.get(path)]
        # A password must match its account in the database, which a rollback does not change.
        if path not in with_passwords
        and (writer is None or (writer.restorable and not writer.secret))
    ]


def strongest(due: Collection[Restart]) -> tuple[Restart, ...]:
    """Return the restarts, without the reload of a service that is restarted.

    Any resource of a file may be what a rollback changes, so each restart may be needed.
    """
    restarted = {restart.service for restart in due if restart.verb == "restart"}
    return tuple(r for r in due if r.verb == "restart" or r.service not in restarted)
