"""`domain.add`, `domain.remove`, `domain.list`: the domains that the host receives mail for."""

from __future__ import annotations

from invoke import Collection

from fabfile.cli.task import host_task
from fabfile.fleet.host_connection import HostConnection
from fabfile.model.errors import UsageError
from tasks.accounts import output, tables
from tasks.accounts.addresses import domain_of_ours, shown
from tasks.accounts.removal import remove
from tasks.database import database
from tasks.guide import GUIDE

DOMAIN = "for example example.com"


@host_task(name="add", positional=["domain"], help={"domain": DOMAIN, "json": output.HELP})
def domain_add(c: HostConnection, domain: str, json: bool = False) -> None:
    """Receive mail for a domain."""
    name = domain_of_ours(domain)
    if name == GUIDE.validate(c.target)["fqdn"]:
        raise UsageError(
            f"{name} is the server's own name, whose mail is for local accounts",
            "mail domains have names of their own, such as example.com",
        )
    with database(c) as db:
        # Not INSERT IGNORE, which would cut a name that the guide's narrow column cannot hold.
        insert = "INSERT INTO domains (domain) VALUES (%s) ON DUPLICATE KEY UPDATE domain = domain"
        added = tables.execute(db, insert, name) > 0
    text = f"domain {shown(name)} {'added' if added else 'already exists'}"
    output.done(c, added, text, as_json=json, domain=name)


@host_task(
    name="remove",
    positional=["domain"],
    help={
        "domain": DOMAIN,
        "yes": "with all its users, forwardings and mail, without asking",
        "json": output.HELP,
    },
)
def domain_remove(c: HostConnection, domain: str, yes: bool = False, json: bool = False) -> None:
    """Stop receiving mail for a domain; archive its mail and accounts on the host."""
    name = domain_of_ours(domain)
    removed, archive = remove(
        c, f"domain {name}", lambda accounts: accounts.of_domain(name), name, yes=yes
    )
    text = f"domain {name} removed" if removed else f"there is no domain {name}"
    kept = f"; its users, forwardings and mail are in {archive}" if archive else ""
    output.done(c, removed, text + kept, as_json=json, domain=name, archive=archive)


@host_task(name="list", help={"json": output.HELP})
def domain_list(c: HostConnection, json: bool = False) -> None:
    """List the domains."""
    with database(c) as db:
        found = tables.rows(db, "SELECT domain FROM domains ORDER BY domain")
    rows = [{"domain": name if json else shown(name)} for (name,) in found]
    output.listed(c, "domains", rows, as_json=json)


collection = Collection("domain", domain_add, domain_remove, domain_list)
