"""`user.audit`: compare what the database, the configuration and the file system say."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import asdict, dataclass, field

from fabfile.cli.task import host_task
from fabfile.engine import survey
from fabfile.fleet.host_connection import HostConnection
from fabfile.model import shell
from fabfile.model.fact import Fact
from tasks.accounts import expansion, hashes, mailboxes, output, tables
from tasks.accounts.hashes import Strength
from tasks.accounts.state import TEMPORARY, Accounts, domain_of
from tasks.accounts.transports import AGENTS, agent
from tasks.database import database


@dataclass(frozen=True)
class Finding:
    """A finding of the audit, and what to do about it."""

    kind: str
    name: str
    found: str
    remedy: str


@dataclass(frozen=True)
class Surroundings:
    """The host's own domains, agents and mailboxes, beside the database."""

    mailboxes: Set[str] = field(default_factory=frozenset)
    local_domains: Set[str] = field(default_factory=frozenset)
    """Those whose mail is for system accounts (mydestination)."""
    agents: Set[str] = field(default_factory=frozenset)


LOCAL_DOMAINS = Fact(
    "local_domains",
    shell.program(__file__, "local_domains.sh"),
    lambda lines: {line.lower(): {"local": True} for line in lines},
)


def findings(accounts: Accounts, around: Surroundings) -> Iterator[Finding]:
    """Yield the findings, those of the database first."""
    for user, stored in sorted(accounts.users.items()):
        verdict = hashes.assess(stored)
        if verdict.strength is not Strength.STRONG:
            found = f"{verdict.scheme}: {verdict.reason}" if verdict.scheme else verdict.reason
            yield Finding(f"{verdict.strength} password", user, found, f"user.passwd {user}")
    for noun, names, add in (
        ("user", accounts.users, "user.remove"),
        ("forwarding", accounts.forwardings, "forwarding.remove"),
    ):
        for name in sorted(names):
            if (domain := domain_of(name)) not in accounts.domains:
                found = f"{domain} is not a domain of this server"
                remedy = f"domain.add {domain}, or {add} {name}"
                yield Finding(f"{noun} without domain", name, found, remedy)
    for source in sorted(accounts.forwardings):
        for flaw in expansion.flaws(accounts, source):
            yield Finding("forwarding to nowhere", source, flaw, f"forwarding.remove {source}")
    yield from _around(accounts, around)


def _around(accounts: Accounts, around: Surroundings) -> Iterator[Finding]:
    for name in sorted(accounts.domains & around.local_domains):
        found = "mydestination has it too, so Postfix looks for its users among the system's"
        yield Finding("domain of system accounts", name, found, f"domain.remove {name}")
    for name, way in sorted(accounts.transports.items()):
        if agent(way) and agent(way) not in around.agents:
            found = f"master.cf has no delivery agent {agent(way)!r}: its mail stays in the queue"
            yield Finding("transport to nowhere", name, found, f"transport.remove {name}")
    for name in sorted(around.mailboxes - accounts.users.keys()):
        if not domain_of(name).startswith(TEMPORARY):
            found = f"no user can read {mailboxes.HOME}/{mailboxes.folder(name)}"
            remedy = f"user.add {name}, or user.remove {name} to archive it"
            yield Finding("mailbox without user", name, found, remedy)


def _surroundings(c: HostConnection) -> Surroundings:
    facts = (mailboxes.MAILBOXES, LOCAL_DOMAINS, AGENTS)
    states = survey.ask(c, {fact: {"": None} for fact in facts})
    boxes, local, agents = (
        frozenset(key for name, key in states if name == fact.name) for fact in facts
    )
    return Surroundings(mailboxes.addresses(boxes), local, agents)


@host_task(name="audit", help={"json": output.HELP})
def user_audit(c: HostConnection, json: bool = False) -> None:
    """Compare database, configuration and mailboxes; exit code 1 if they disagree."""
    with database(c) as db:
        accounts = tables.read(db)
    found = list(findings(accounts, _surroundings(c)))
    output.listed(c, "findings", [asdict(finding) for finding in found], as_json=json)
    if found:
        c.report.exit_code = 1
