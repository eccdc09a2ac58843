"""Rows of the table `transport`, which the guide fills and never asks.

Rows from before mailfab's transport_maps, perhaps years old, route mail as soon as it is set.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State
from fabfile.model.resource import Resource
from fabfile.resources.sql.client import SQL, SQL_CLIENT, sql_fact, string

SHOWN = 20
"""Maximum number of rows that are shown."""


def _parse_rows(lines: list[str]) -> dict[str, State]:
    if not lines or not lines[0].isdigit():
        return {}
    return {"": {"count": int(lines[0]), "rows": "; ".join(lines[1:])}}


TRANSPORTS = Fact(
    "transports",
    f"{SQL_CLIENT}rows={SHOWN}\n" + shell.program(__file__, "transports.sh"),
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


# Before a line of answers, the key that they are for.
_KEY = "names "


def _ask_domains(keys: Iterable[str], marker: str) -> Iterable[str]:
    """Return the statements that find which names (the words of each key) are virtual domains."""
    there = _THERE.replace("'transport' AND", "'domains' AND").replace(", 'transport')", ")")
    asked = [f"statements SELECT '{marker}';\n"]
    for key in keys:
        names = ", ".join(string(name) for name in key.split())
        query = f"SELECT domain FROM mail.domains WHERE domain IN ({names})"
        asked.append(
            f"SELECT {string(_KEY + key)};\n"
            f"SELECT IF(COUNT(*) = 1, {string(query)}, 'DO 0') INTO @query {there};\n"
            "PREPARE asked FROM @query; EXECUTE asked;\n"
        )
    return ["".join(asked)]


def _parse_domains(lines: list[str]) -> dict[str, State]:
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith(_KEY):
            domains = found.setdefault(line.removeprefix(_KEY), [])
        else:
            domains.append(line)
    return {key: {"domains": ", ".join(domains)} for key, domains in found.items()}


VIRTUAL_DOMAINS = Fact("virtual_domains", "", _parse_domains, via=SQL, carried=_ask_domains)


@dataclass(frozen=True)
class LocalDomains(Resource):
    """Names in mydestination that must not be virtual domains: their mail goes to local users."""

    fact = VIRTUAL_DOMAINS
    names: str

    @property
    def title(self) -> str:
        return "Names in mydestination"

    def desired(self) -> State:
        return {}

    def fix(self) -> str:
        return ":"

    def warning(self, state: State | None) -> str:
        if not state or not state["domains"]:
            return ""
        return (
            f"{state['domains']} is in the table of domains and in mydestination, so its mail goes "
            "to users of the system instead of mailboxes: give the server another name (fqdn), or "
            "take the domain out (domain.remove)"
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
