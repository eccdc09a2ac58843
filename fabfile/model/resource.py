"""A resource: one thing on a host, with its desired state.

A resource has the fact and key that find its actual state, its desired state (`desired`), and the
shell that reaches it from any state (`fix`). Both states are plain dictionaries, None for an absent
thing. A change is the difference between them.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import ClassVar

from fabfile.model.fact import UNKNOWN, Fact, State, States, Value

Differences = dict[str, tuple[Value | None, Value | None]]
"""The actual and the desired value, by attribute."""


@dataclass(frozen=True)
class Restart:
    """A service to restart, or to reload (`verb`), after a resource has changed.

    `check` is a shell command that must succeed before the restart. `process` is the unit that
    runs the service's process, where that is another one.
    """

    service: str
    check: str = ""
    process: str = ""
    verb: str = "restart"

    def __str__(self) -> str:
        return f"{self.verb} {self.service}"


@functools.cache
def _first_field(kind: type[Resource]) -> str:
    """Return the name of the first positional field of a resource class."""
    return next(field.name for field in fields(kind) if not field.kw_only)


@dataclass(frozen=True)
class Resource(ABC):
    """One thing on a host, with its desired state. Each kind is a frozen dataclass."""

    fact: ClassVar[Fact]
    batched: ClassVar[bool] = False
    """True if consecutive resources of this kind are fixed by one command, `fix_all`."""
    skip_if_absent: ClassVar[bool] = False
    """True if this resource modifies something another resource creates. Skipped while that is
    absent, and not counted as a sign that its section has been deployed."""
    restorable: ClassVar[bool] = True
    """False if its file must never be restored to an older state, not even after a failed run: the
    file has to match what a rollback does not change."""
    _: KW_ONLY
    notify: Restart | tuple[Restart, ...] | None = None
    secret: bool = False
    """True if its content must not be shown."""
    reason: str = ""
    """The reason for the desired state, shown in the plan; empty if none is worth saying."""

    @property
    def notifies(self) -> tuple[Restart, ...]:
        """The restarts that a change of this resource requires."""
        if self.notify is None:
            return ()
        return self.notify if isinstance(self.notify, tuple) else (self.notify,)

    @property
    def key(self) -> str:
        """The key that the fact is asked for: the value of the first field."""
        return str(getattr(self, _first_field(type(self))))

    @property
    def title(self) -> str:
        """The name to show: the kind of thing and its key."""
        return f"{type(self).__name__} {self.key}"

    @abstractmethod
    def desired(self) -> State | None:
        """Return the desired state; None for a thing that should be absent."""

    @abstractmethod
    def fix(self) -> str:
        """Return shell that makes it so, from any state. It runs under `set -e`."""

    @classmethod
    def fix_all(cls, resources: Sequence[Resource]) -> str:
        """Return shell that fixes several resources of this kind at once."""
        return "\n".join(resource.fix() for resource in resources)

    def backed_up_file(self) -> str:
        """Return the file that `fix` replaces, which is kept for a rollback; empty if none."""
        return ""

    def after_restore(self) -> str:
        """Return shell to run after a rollback has restored the file; empty if none is needed."""
        return ""

    def remedy(self, log: str) -> str:
        """Return the remedy for a failed fix that printed `log`."""
        return "fix the cause and run the command again: it continues from here"

    def warning(self, state: State | None) -> str:
        """Return a warning about a resource that needs no change; empty if there is none."""
        return ""

    def differences(self, state: State | None) -> Differences:
        """Return where `state` differs from the desired state. Other attributes do not count."""
        should = self.desired()
        if state is None and self.skip_if_absent:
            return {}
        if should is None:
            return {name: (value, None) for name, value in (state or {}).items()}
        found = state or {}
        return {
            name: (found.get(name), value)
            for name, value in should.items()
            if found.get(name) != value
        }


@dataclass(frozen=True)
class Change:
    """A resource whose state differs from the desired one."""

    resource: Resource
    differences: Differences
    creates: bool
    """True if the thing is absent and will be created."""


def changes(resources: Sequence[Resource], states: States) -> list[Change]:
    """Return a change for each resource that differs, as far as the survey could look."""
    found = []
    for resource in resources:
        if (resource.fact.name, UNKNOWN) in states:
            continue
        state = states.get((resource.fact.name, resource.key))
        if differences := resource.differences(state):
            found.append(Change(resource, differences, creates=state is None))
    return found
