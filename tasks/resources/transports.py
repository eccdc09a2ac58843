"""Rows of the table `transport`, which the guide fills and never asks.

Rows from before mailfab's transport_maps, perhaps years old, route mail as soon as it is set.
"""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State
from fabfile.model.resource import Resource
from fabfile.resources.sql.client import sql_fact, string

SHOWN = 20
"""Maximum number of rows that are shown."""


def _parse_rows(lines: list[str]) -> dict[str, State]:
    if not lines or not lines[0].isdigit():
        return {}
    return {"": {"count": int(lines[0]), "rows": "; ".join(lines[1:])}}


TRANSPORTS = Fact(
    "transports",
    f"rows={SHOWN}\n" + shell.program(__file__, "transports.sh"),
    _parse_rows,
    lane="database",
)

_ALL = "SELECT transport FROM mail.transport WHERE domain = '*'"
_THERE = (
    "FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'mail' AND TABLE_NAME = 'transport' "
    "AND COLUMN_NAME IN ('domain', 'transport')"
)
# The table may be missing.
WILDCARD = sql_fact(
    "wildcard_transport",
    lambda lines: {"": {"transport": lines[0]}} if lines else {},
    f"SELECT IF(COUNT(*) = 2, {string(_ALL)}, 'DO 0') INTO @query {_THERE};\n"
    "PREPARE asked FROM @query; EXECUTE asked;\n",
)


@dataclass(frozen=True)
class _Rows(Resource):
    """What the plan says about rows; nothing here changes them."""

    host: str
    """The host's name in the inventory, for the remedy."""

    @property
    def key(self) -> str:
        return ""

    @property
    def title(self) -> str:
        return "Rows of transport"

    def desired(self) -> State:
        return {}

    def fix(self) -> str:
        return ":"


@dataclass(frozen=True)
class OldTransports(_Rows):
    """Rows that Postfix has never read, and reads after this deploy."""

    fact = TRANSPORTS

    def warning(self, state: State | None) -> str:
        if not state or not state["count"]:
            return ""
        more = int(state["count"]) - SHOWN
        return (
            f"these rows of the table transport route mail from this deploy on: {state['rows']}"
            f"{f'; and {more} more' if more > 0 else ''}. Take out what is old: "
            f"fab -H {self.host} transport.remove DOMAIN"
        )


@dataclass(frozen=True)
class WildcardTransport(_Rows):
    """A row that takes all mail elsewhere, also that of the server's own domains."""

    fact = WILDCARD

    def warning(self, state: State | None) -> str:
        if not state:
            return ""
        remove = "DELETE FROM mail.transport WHERE domain = '*'"
        return (
            f"the table transport has * {state['transport']}, which takes all mail elsewhere, that "
            f'of the own domains too. Take it out on the host: mysql -e "{remove}"'
        )
