"""Checks "MySQL": the database is closed to strangers, and takes accounts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fabfile.model.probe import Failed, Probe, Skipped, Warned
from tasks.mysql import DATABASE_NAMES
from tasks.resources.password_hashes import WEAK_PASSWORDS, who
from tasks.services import dovecot_dialect
from tasks.validators import LOOPBACK
from tasks.verify import temporary
from tasks.verify.context import VerifyContext
from tasks.verify.listener import listening
from tasks.verify.services import runs

PORTS = (3306, 33060)
"""MySQL's own, and that of its newer protocol."""
ACCOUNTS = "Accounts can be added"


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of the database."""
    local = ctx.host["db_host"] in LOOPBACK
    server = (runs(DATABASE_NAMES(ctx.host).service),) if local else ()
    yield Probe(
        "The database listens only where it should",
        "on any address, for db_clients" if ctx.host["db_clients"] else "on 127.0.0.1 only",
        partial(_listens, ctx),
        f"bind-address in the server's configuration decides this: {ctx.fab('mysql')}",
        needs=server,
    )
    yield Probe(
        ACCOUNTS,
        "a domain, two users and a forwarding, as mail_admin",
        partial(_add, ctx),
        f"restore the database and its accounts: {ctx.fab('mysql')}",
        needs=server,
    )

    yield Probe(
        "Password hashes are such as Dovecot 2.4 takes",
        "no DES, no MD5",
        partial(_hashes, ctx),
        f"give these users new passwords: {ctx.fab('user.passwd')} ADDRESS; until then, with "
        "Dovecot 2.4, set weak_password_schemes=yes",
        needs=server,
    )


def _listens(ctx: VerifyContext) -> str:
    if ctx.host["db_host"] not in LOOPBACK:
        raise Skipped(f"the database is on {ctx.host['db_host']}")
    found = [(port, address) for port in PORTS for address in listening(ctx.states, port)]
    text = ", ".join(f"{address} port {port}" for port, address in found)
    if not any(port == PORTS[0] for port, _ in found):
        raise Failed("nothing listens on port 3306")
    strange = [(port, address) for port, address in found if not address.is_loopback]
    if strange and not ctx.host["db_clients"]:
        raise Failed(text)
    return text


def _hashes(ctx: VerifyContext) -> str:
    if ctx.host["db_host"] not in LOOPBACK:
        raise Skipped(f"the database is on {ctx.host['db_host']}")
    state = ctx.states.get((WEAK_PASSWORDS.name, ""))
    if state is None:
        raise Skipped("the table of users could not be read")
    if not (found := who(state)):
        return "all can be used"
    refused = dovecot_dialect(ctx.host) == "2.4" and not ctx.host.flag("weak_password_schemes")
    raise Failed(f"{found}: they cannot log in") if refused else Warned(found)


def _add(ctx: VerifyContext) -> str:
    ctx.may_have_rows = True
    temporary.add(ctx.c, ctx.accounts)
    return ctx.accounts.domain
