"""Variables with which the server really runs, and the option files that set them.

Our own option file may come before another one, and an option may have been set on the command
line. So the server itself is asked. What an administrator has set stays, and is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from fabfile.model.fact import State
from fabfile.model.resource import Differences
from fabfile.resources.sql.client import SqlResource


class Cure(Enum):
    """The command that ends a remedy."""

    RESTART = "restart the server"
    SECTION = "run the section mysql, which restarts the server"
    NONE = ""


@dataclass(frozen=True)
class Problem:
    """A value that does not suit, with its cause; the remedy is the text, then the command."""

    found: str
    remedy: str
    cure: Cure


@dataclass(frozen=True)
class ServerVariable(SqlResource):
    """A variable of the running server that must suit Postfix, Dovecot and mailfab.

    `place` is our own entry that sets it, as `FILE [GROUP]`; empty if we set none. `suits` tells
    whether a value is good enough; `effect` says what happens with another one.
    """

    variable: str
    wanted: str
    suits: Callable[[str], bool]
    effect: Callable[[str], str]
    place: str = ""
    static: bool = True
    """False if the variable can be changed while the server runs."""

    @property
    def key(self) -> str:
        return f"variable {self.variable}"

    @property
    def title(self) -> str:
        return f"ServerVariable {self.variable}"

    def desired(self) -> State:
        return {"value": self.wanted}

    def differences(self, state: State | None) -> Differences:
        """Return a difference only if a restart of the server makes it right."""
        if not self.is_bad(state) or self.set_by(state) or not self.static:
            return {}
        return {"value": (self._value(state), self.wanted)}

    def fix(self) -> str:
        # The restart that this resource notifies.
        return ":"

    def _value(self, state: State | None) -> str:
        """Return the value with which the server runs; MySQL 5.1 does not tell every one."""
        found = state or {}
        return str(found.get("value", found.get("configured", self.wanted)))

    def is_bad(self, state: State | None) -> bool:
        """Return whether the server runs with a value that does not suit."""
        return not self.suits(self._value(state))

    def set_by(self, state: State | None) -> str:
        """Return where the administrator's last entry with another value stands; else nothing."""
        found = state or {}
        places = str(found.get("places", "")).split("\n")
        if not places[-1] or self.suits(str(found["configured"])):
            return ""
        # Without our entry among them, it has still to be made.
        ours_comes = self.place and self.place not in places
        return "" if ours_comes or places[-1] == self.place else places[-1]

    def problem(self, state: State | None) -> Problem | None:
        """Return what is wrong with the value; None if it suits."""
        if not self.is_bad(state):
            return None
        value = self._value(state)
        found = f"the database server runs with {self.variable} = {value}: {self.effect(value)}"
        if place := self.set_by(state):
            option = str((state or {})["option"])
            cause, remedy = (
                f"`{option}` in {place} sets it",
                f"take `{option}` out of {place}, then ",
            )
            return Problem(f"{found}; {cause}", remedy, Cure.RESTART)
        if not self.static:
            remedy = f"on the host: SET GLOBAL {self.variable} = {self.wanted}"
            return Problem(f"{found}; no option file sets it", remedy, Cure.NONE)
        return Problem(f"{found}; a restart changes it", "", Cure.SECTION)

    def warning(self, state: State | None) -> str:
        if self.differences(state) or not (problem := self.problem(state)):
            return ""
        return f"{problem.found}. To change that: {problem.remedy}{problem.cure.value}"
