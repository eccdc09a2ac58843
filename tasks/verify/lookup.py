"""Lookups as Postfix makes them, by its own tools; what they complain of is not lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from fabfile.fleet.host_connection import HostConnection
from fabfile.model import shell
from fabfile.model.errors import HostError
from fabfile.model.fact import Fact, State, States
from tasks.verify.context import ask

ALIAS_MAPS = "-"
"""Stands for the tables that the parameter alias_maps names."""
SECONDS = 20
"""For one lookup: without an answer from Postfix it would take minutes."""


def _parse_lookups(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    key = ""
    for line in lines:
        if line.startswith("= "):
            key = line[2:]
            found[key] = {"value": "", "complaint": ""}
        elif kind := {"|": "value", "!": "complaint"}.get(line[:1]):
            state = found[key]
            found[key] = {**state, kind: f"{state[kind]} {line[1:]}".strip()}
    return found


LOOKUPS = Fact(
    "lookup",
    f"seconds={SECONDS} alias_maps={ALIAS_MAPS}\n" + shell.program(__file__, "lookup.sh"),
    _parse_lookups,
)


@dataclass(frozen=True)
class Lookup:
    """A key looked up in a table with `postmap` or `postalias`."""

    tool: str
    table: str
    key: str

    @property
    def words(self) -> str:
        """The lookup as a key of the fact."""
        return f"{self.tool} {self.table} {self.key}"


class Lookups:
    """Several lookups, made in one exec when the first result is wanted."""

    def __init__(self, c: HostConnection, wanted: Sequence[Lookup]) -> None:
        self.c = c
        self.wanted = wanted

    @cached_property
    def _states(self) -> States:
        return ask(self.c, {LOOKUPS: {lookup.words: None for lookup in self.wanted}})

    def result(self, lookup: Lookup) -> str:
        """Return what is found, or nothing. Raises HostError with what the tool complained of.

        A complaint beside an answer is of a table that was not needed.
        """
        state = self._states.get((LOOKUPS.name, lookup.words), {})
        if value := str(state.get("value", "")):
            return value
        if complaint := state.get("complaint"):
            raise HostError(str(complaint))
        return ""
