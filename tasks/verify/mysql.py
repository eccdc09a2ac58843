"""Checks "MySQL": the database is closed to strangers, and takes accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial

from pymysql import MySQLError

from fabfile.model.errors import HostError
from fabfile.model.probe import Failed, Probe, Skipped, Warned
from fabfile.resources.sql.settings import Cure, Problem, ServerVariable
from tasks.database import database
from tasks.mysql import DATABASE_NAMES, READER, SECRETS, mysql
from tasks.resources.password_hashes import WEAK_PASSWORDS, who
from tasks.services import dovecot_dialect
from tasks.validators import LOOPBACK
from tasks.verify import temporary
from tasks.verify.context import VerifyContext
from tasks.verify.listener import listening
from tasks.verify.machine import ROOM
from tasks.verify.services import runs

PORTS = (3306, 33060)
"""MySQL's own, and that of its newer protocol."""
LISTENS = "The database listens only where it should"
ACCOUNTS = "Accounts can be added"
UNUSABLE = ("read_only", "autocommit")
"""The variables with which accounts cannot be added, or are not seen."""
CLOSED = {"skip_networking", "port", "require_secure_transport"}
"""The variables that keep Postfix, Dovecot and us out of a running server."""


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of the database."""
    local = ctx.host["db_host"] in LOOPBACK
    server = (runs(DATABASE_NAMES(ctx.host).service),) if local else ()
    problems = _problems(ctx)
    listens = next((p for name, p in problems.items() if name not in UNUSABLE), None)
    yield Probe(
        LISTENS,
        "on any address, for db_clients" if ctx.host["db_clients"] else "on 127.0.0.1 only",
        partial(_listens, ctx, listens),
        _remedy(ctx, listens)
        if listens
        else "bind-address in the server's configuration decides this",
        needs=server,
        sections=() if listens else ("mysql",),
        otherwise=None
        if listens
        else f"see which program listens there, and look at its log: {ctx.fab('-- ss -ltnp')}",
    )
    if not local:
        yield Probe(
            "The connection to the database is encrypted",
            f"{ctx.host['db_host']} takes {READER} over TLS only",
            partial(_encrypted, ctx),
            f"on the database's host, name this one in db_clients and run its section mysql, or: "
            f"GRANT USAGE ON *.* TO '{READER}'@'ADDRESS' REQUIRE SSL",
        )
    yield Probe(
        ACCOUNTS,
        "a domain, two users and a forwarding, as mail_admin",
        partial(_add, ctx, problems),
        "the database and its accounts have to be as they were deployed",
        needs=(ROOM, *server),
        sections=("mysql",),
    )

    yield Probe(
        "Password hashes are such as Dovecot 2.4 takes",
        "no DES, no MD5",
        partial(_hashes, ctx),
        f"give these users new passwords: {ctx.fab('user.passwd')} ADDRESS; until then, with "
        "Dovecot 2.4, set weak_password_schemes=yes",
        needs=server,
        otherwise="",
    )


def _problems(ctx: VerifyContext) -> dict[str, Problem]:
    """Return what is wrong with the variables of the running server, by variable."""
    variables = [r for r in mysql(ctx.host) if isinstance(r, ServerVariable)]
    found = {v.variable: v.problem(ctx.states.get((v.fact.name, v.key))) for v in variables}
    return {name: problem for name, problem in found.items() if problem}


def _remedy(ctx: VerifyContext, problem: Problem) -> str:
    """Return what to do about a variable, with the whole command."""
    service = DATABASE_NAMES(ctx.host).service
    commands = {
        Cure.RESTART: ctx.restart(service),
        Cure.SECTION: ctx.fab("mysql"),
    }
    command = commands.get(problem.cure, "")
    return f"{problem.remedy}{problem.cure.value}{command and ': '}{command}"


def _listens(ctx: VerifyContext, problem: Problem | None) -> str:
    if ctx.host["db_host"] not in LOOPBACK:
        raise Skipped(f"the database is on {ctx.host['db_host']}")
    found = [(port, address) for port in PORTS for address in listening(ctx.states, port)]
    text = ", ".join(f"{address} port {port}" for port, address in found)
    if problem:
        raise Failed(f"{text or 'not on any port'}: {problem.found}")
    if not any(port == PORTS[0] for port, _ in found):
        raise Failed("nothing listens on port 3306")
    strange = [(port, address) for port, address in found if not address.is_loopback]
    if strange and not ctx.host["db_clients"]:
        raise Failed(text)
    return text


def _encrypted(ctx: VerifyContext) -> str:
    """Prove that lookups are encrypted: the server lets their account in over TLS only.

    The connection of Postfix and Dovecot cannot be looked into. This one comes from the same host.
    """
    with database(ctx.c, READER, SECRETS[1]) as db, db.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        cipher = str((cursor.fetchone() or ("", ""))[1])
        cursor.execute("SHOW GRANTS")
        told = " ".join(str(row[0]) for row in cursor.fetchall())
        # MySQL from 5.7 on says it there, and has no such word in the grants.
        if " REQUIRE " not in told:
            with suppress(MySQLError):
                cursor.execute("SHOW CREATE USER CURRENT_USER()")
                told += str((cursor.fetchone() or ("",))[0])
    if not cipher:
        raise Failed("the server speaks no TLS")
    if not re.search(r" REQUIRE (SSL|X509|ISSUER|SUBJECT|CIPHER)\b", told):
        raise Failed(f"the server also takes {READER} without TLS")
    return cipher


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


def _add(ctx: VerifyContext, problems: Mapping[str, Problem]) -> str:
    if closed := set(problems) & CLOSED:
        raise Skipped(f"{LISTENS!r} failed: {', '.join(sorted(closed))}")
    for name in UNUSABLE:
        if problem := problems.get(name):
            raise HostError(problem.found, _remedy(ctx, problem))
    ctx.may_have_rows = True
    temporary.add(ctx.c, ctx.accounts)
    return ctx.accounts.domain
