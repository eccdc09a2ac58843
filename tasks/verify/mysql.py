"""Checks "MySQL": the database is closed to strangers, and takes accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from fabfile.model.errors import HostError
from fabfile.model.probe import Failed, Probe, Skipped, Warned
from fabfile.resources.sql.settings import Cure, Problem, ServerVariable
from tasks.mysql import DATABASE_NAMES, mysql
from tasks.resources.password_hashes import WEAK_PASSWORDS, who
from tasks.services import dovecot_dialect
from tasks.validators import LOOPBACK
from tasks.verify import temporary
from tasks.verify.context import VerifyContext
from tasks.verify.listener import listening
from tasks.verify.services import runs

PORTS = (3306, 33060)
"""MySQL's own, and that of its newer protocol."""
LISTENS = "The database listens only where it should"
ACCOUNTS = "Accounts can be added"
READ_ONLY = "read_only"
CLOSED = {"skip_networking", "port", "require_secure_transport"}
"""The variables that keep Postfix, Dovecot and us out of a running server."""


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of the database."""
    local = ctx.host["db_host"] in LOOPBACK
    server = (runs(DATABASE_NAMES(ctx.host).service),) if local else ()
    problems = _problems(ctx)
    listens = next((p for name, p in problems.items() if name != READ_ONLY), None)
    yield Probe(
        LISTENS,
        "on any address, for db_clients" if ctx.host["db_clients"] else "on 127.0.0.1 only",
        partial(_listens, ctx, listens),
        _remedy(ctx, listens)
        if listens
        else f"see which program listens there, and look at its log: {ctx.fab('-- ss -ltnp')}",
        needs=server,
    )
    yield Probe(
        ACCOUNTS,
        "a domain, two users and a forwarding, as mail_admin",
        partial(_add, ctx, problems),
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


def _problems(ctx: VerifyContext) -> dict[str, Problem]:
    """Return what is wrong with the variables of the running server, by variable."""
    variables = [r for r in mysql(ctx.host) if isinstance(r, ServerVariable)]
    found = {v.variable: v.problem(ctx.states.get((v.fact.name, v.key))) for v in variables}
    return {name: problem for name, problem in found.items() if problem}


def _remedy(ctx: VerifyContext, problem: Problem) -> str:
    """Return what to do about a variable, with the whole command."""
    service = DATABASE_NAMES(ctx.host).service
    sysv = ctx.host.system.init == "sysv"
    commands = {
        Cure.RESTART: f"service {service} restart" if sysv else f"systemctl restart {service}",
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
    if problem := problems.get(READ_ONLY):
        raise HostError(problem.found, _remedy(ctx, problem))
    ctx.may_have_rows = True
    temporary.add(ctx.c, ctx.accounts)
    return ctx.accounts.domain
