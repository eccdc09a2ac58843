"""`user.passwd`, `user.disable`, `user.enable`: who can log in, and with which password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fabfile.cli.task import host_task
from fabfile.engine import survey
from fabfile.fleet.host_connection import HostConnection
from fabfile.model.errors import HostError
from fabfile.model.fact import Fact
from tasks.accounts import hashes, mailboxes, output, prompt, tables
from tasks.accounts.addresses import mail_address
from tasks.database import database
from tasks.guide import GUIDE

if TYPE_CHECKING:
    from pymysql.connections import Connection as Database

EMAIL = "the address"
PASSWORD_HELP = {"email": EMAIL, **prompt.OPTIONS, "json": output.HELP}

# The password schemes that this Dovecot can check with this system's crypt(3).
DOVECOT_SCHEMES = Fact(
    "dovecot_schemes",
    "doveadm pw -l | tr ' ' '\\n'",
    lambda lines: {line: {"known": True} for line in lines},
)


def new_hash(c: HostConnection, user: str, source: prompt.Source) -> str:
    """Return a new password hashed in a scheme that the host's Dovecot knows."""
    return prompt.new_hash(user, source, _scheme(c))


def _scheme(c: HostConnection) -> str:
    scheme = GUIDE.validate(c.target)["password_scheme"]
    if scheme == hashes.BLF_CRYPT:
        known = survey.ask(c, {DOVECOT_SCHEMES: {"": None}})
        if (DOVECOT_SCHEMES.name, scheme) not in known:
            raise HostError(
                f"password_scheme is {scheme}, which this Dovecot cannot check",
                f"leave it at {hashes.SHA512_CRYPT} for this host",
            )
    return scheme


def generated(c: HostConnection, user: str, source: prompt.Source, json: bool) -> dict[str, str]:
    """Show a generated password; it is stored nowhere else."""
    if not source.generate:
        return {}
    password = prompt.new_password(user, source)
    if not json:
        c.report.line(f"password of {user}: {password}")
    return {"password": password}


@host_task(name="passwd", positional=["email"], help=PASSWORD_HELP)
def user_passwd(
    c: HostConnection,
    email: str,
    password_stdin: bool = False,
    hash_stdin: bool = False,
    generate: bool = False,
    json: bool = False,
) -> None:
    """Change a user's password."""
    user, _ = mail_address(email)
    source = prompt.Source(password_stdin, hash_stdin, generate)
    with database(c) as db:
        tables.require_user(c, db, user)
        db.commit()
        stored = new_hash(c, user, source)
        closed = hashes.is_disabled(tables.require_user(c, db, user, lock=True))
        _store(db, user, hashes.disabled(stored) if closed else stored)
    made = generated(c, user, source, json)
    still = "; the user is still disabled" if closed else ""
    text = f"password of {user} changed{still}"
    output.done(c, True, text, as_json=json, user=user, disabled=closed, **made)


def _store(db: Database, user: str, stored: str) -> bool:
    return tables.execute(db, "UPDATE users SET password = %s WHERE email = %s", stored, user) > 0


@host_task(name="disable", positional=["email"], help={"email": EMAIL, "json": output.HELP})
def user_disable(c: HostConnection, email: str, json: bool = False) -> None:
    """Forbid a user's logins; mail is still delivered."""
    user, _ = mail_address(email)
    with database(c) as db:
        changed = _store(db, user, hashes.disabled(tables.require_user(c, db, user, lock=True)))
    mailboxes.end_sessions(c, user)
    text = f"user {user} {'disabled' if changed else 'is disabled already'}"
    output.done(c, changed, text, as_json=json, user=user)


@host_task(name="enable", positional=["email"], help={"email": EMAIL, "json": output.HELP})
def user_enable(c: HostConnection, email: str, json: bool = False) -> None:
    """Allow a disabled user's logins again, with the same password."""
    user, _ = mail_address(email)
    with database(c) as db:
        changed = _store(db, user, hashes.enabled(tables.require_user(c, db, user, lock=True)))
    text = f"user {user} {'enabled' if changed else 'is not disabled'}"
    output.done(c, changed, text, as_json=json, user=user)
