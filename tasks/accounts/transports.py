"""`transport.…`: other ways than the usual one, for a domain or an address (transport(5))."""

from __future__ import annotations

import re

from invoke import Collection

from fabfile.cli.task import host_task
from fabfile.engine import survey
from fabfile.fleet.host_connection import HostConnection
from fabfile.model.errors import UsageError
from fabfile.model.fact import Fact
from tasks.accounts import output, tables
from tasks.accounts.addresses import domain_of_ours, mail_address, shown
from tasks.database import database

ROUTE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*)?:([!-~]*( [!-~]+)*)")
LONGEST = 128
"""Characters of a route; the guide's column has no more."""

# The delivery agents that master.cf names.
AGENTS = Fact(
    "delivery_agents",
    "awk '/^[A-Za-z0-9]/ && $2 == \"unix\" { print $1 }' /etc/postfix/master.cf",
    lambda lines: {line: {"exists": True} for line in lines},
)


def key(text: str) -> str:
    """Return the key of a transport: a domain, `.domain` for all below it, or an address."""
    if text == "*":
        raise UsageError(
            "* would also take the mail of the server's own domains away from their mailboxes",
            "to send everything through another server, set relayhost in main.cf",
        )
    if "@" in text:
        return mail_address(text)[0]
    dot = "." if text.startswith(".") else ""
    return dot + domain_of_ours(text.removeprefix("."))


def route(text: str) -> str:
    """Return a delivery agent of master.cf and where it shall go, `smtp:[mx.example.net]:25`."""
    if not ROUTE.fullmatch(text) or len(text) > LONGEST or text == ":":
        raise UsageError(
            f"{text!r} should be a transport such as smtp:[mx.example.net] or lmtp:unix:/run/x",
            "what is in front of the first colon names an entry of master.cf (transport(5))",
        )
    return text


def agents(c: HostConnection) -> list[str]:
    """Return the delivery agents that the host's master.cf has."""
    states = survey.ask(c, {AGENTS: {"": None}})
    return sorted(name for fact, name in states if fact == AGENTS.name)


def agent(route: str) -> str:
    """Return the delivery agent of a route; nothing where it is the usual one."""
    return route.partition(":")[0]


@host_task(
    name="set",
    positional=["domain", "transport"],
    help={
        "domain": "a domain, .example.com for all below it, or an address",
        "transport": "for example smtp:[mx.example.net]",
        "json": output.HELP,
    },
)
def transport_set(c: HostConnection, domain: str, transport: str, json: bool = False) -> None:
    """Send mail for a domain or an address by another route."""
    name, way = key(domain), route(transport)
    known = agents(c)
    if agent(way) and agent(way) not in known:
        raise UsageError(
            f"master.cf has no delivery agent {agent(way)!r}",
            f"it has {', '.join(known)}",
        )
    with database(c) as db:
        changed = tables.execute(
            db,
            "INSERT INTO transport (domain, transport) VALUES (%s, %s) "
            "ON DUPLICATE KEY UPDATE transport = VALUES(transport)",
            name,
            way,
        )
    text = f"mail for {shown(name)} goes through {way}"
    output.done(c, changed > 0, text, as_json=json, domain=name, transport=way)


@host_task(
    name="remove",
    positional=["domain"],
    help={"domain": "as it was set", "json": output.HELP},
)
def transport_remove(c: HostConnection, domain: str, json: bool = False) -> None:
    """Send mail for a domain or an address by the default route again."""
    name = key(domain)
    with database(c) as db:
        query = "SELECT transport FROM transport WHERE domain = %s FOR UPDATE"
        before = tables.rows(db, query, name)
        tables.execute(db, "DELETE FROM transport WHERE domain = %s", name)
    text = f"{name} goes through {before[0][0]} no longer" if before else f"{name} has no transport"
    output.done(c, bool(before), text, as_json=json, domain=name)


@host_task(name="list", help={"json": output.HELP})
def transport_list(c: HostConnection, json: bool = False) -> None:
    """List the transports."""
    with database(c) as db:
        found = tables.rows(db, "SELECT domain, transport FROM transport ORDER BY domain")
    rows = [{"domain": name if json else shown(name), "transport": way} for name, way in found]
    output.listed(c, "transports", rows, as_json=json)


collection = Collection("transport", transport_set, transport_remove, transport_list)
