"""`forwarding.…`: addresses, and catch-alls, whose mail goes elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke import Collection

from fabfile.cli.task import host_task
from fabfile.fleet.host_connection import HostConnection
from fabfile.model.errors import UsageError
from tasks.accounts import expansion, output, state, tables
from tasks.accounts.addresses import destinations, shown, source_address
from tasks.database import database

if TYPE_CHECKING:
    from pymysql.connections import Connection as Database

SOURCE = "the address; @example.com for all other addresses of a domain"


@host_task(
    name="add",
    positional=["source", "destination"],
    help={
        "source": SOURCE,
        "destination": "where its mail goes too; several with commas",
        "json": output.HELP,
    },
)
def forwarding_add(c: HostConnection, source: str, destination: str, json: bool = False) -> None:
    """Add destinations to the forwarding of an address."""
    name, domain = source_address(source)
    new = destinations(destination, name)
    with database(c) as db:
        tables.require_domain(c, db, domain, lock=True)
        before = _locked(db, name)
        after = tuple(dict.fromkeys((*before, *new)))
        if changed := after != before:
            _refuse_flaws(c, db, name, after)
            _store(db, name, after)
    text = f"mail for {shown(name)} goes to {state.joined(after)}"
    output.done(c, changed, text, as_json=json, source=name, destinations=after)


def _locked(db: Database, source: str) -> tuple[str, ...]:
    """Return the destinations of a source, and lock its row until the transaction ends."""
    # Only an existing row can be locked: two transactions that lock the same gap end in a deadlock.
    tables.execute(
        db,
        "INSERT INTO forwardings (source, destination) VALUES (%s, '') "
        "ON DUPLICATE KEY UPDATE source = source",
        source,
    )
    query = "SELECT destination FROM forwardings WHERE source = %s FOR UPDATE"
    return state.split(tables.rows(db, query, source)[0][0])


def _store(db: Database, source: str, to: tuple[str, ...]) -> None:
    if to:
        update = "UPDATE forwardings SET destination = %s WHERE source = %s"
        tables.execute(db, update, state.joined(to), source)
    else:
        tables.execute(db, "DELETE FROM forwardings WHERE source = %s", source)


def _refuse_flaws(c: HostConnection, db: Database, source: str, to: tuple[str, ...]) -> None:
    accounts = tables.read(db)
    accounts.forwardings[source] = to
    if found := expansion.flaws(accounts, source):
        raise UsageError(
            f"mail for {source} would get nowhere: {found[0]}",
            "nothing was changed; add the user first, or forward to another address",
        )


@host_task(
    name="remove",
    positional=["source"],
    help={
        "source": SOURCE,
        "destination": "only this one (or several with commas); all, if not given",
        "json": output.HELP,
    },
)
def forwarding_remove(
    c: HostConnection, source: str, destination: str = "", json: bool = False
) -> None:
    """Stop forwarding the mail of an address."""
    name, _ = source_address(source)
    only = destinations(destination, name) if destination else None
    with database(c) as db:
        before = _locked(db, name)
        after = tuple(to for to in before if only is not None and to not in only)
        _store(db, name, after)
    if after:
        text = f"mail for {name} goes to {state.joined(after)}"
    elif before:
        text = f"{name}: forwarded no longer to {state.joined(before)}"
    else:
        text = f"{name}: is not forwarded"
    output.done(c, after != before, text, as_json=json, source=name, destinations=after)


@host_task(name="list", help={"json": output.HELP})
def forwarding_list(c: HostConnection, json: bool = False) -> None:
    """List the forwardings."""
    with database(c) as db:
        found = tables.rows(db, "SELECT source, destination FROM forwardings ORDER BY source")
    rows = [{"source": source, "destinations": state.split(to)} for source, to in found]
    output.listed(c, "forwardings", rows, as_json=json)


collection = Collection("forwarding", forwarding_add, forwarding_remove, forwarding_list)
