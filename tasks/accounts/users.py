"""`user.…`: the addresses that have a mailbox and a login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke import Collection

from fabfile import survey
from fabfile.connection import Connection
from fabfile.errors import HostError
from fabfile.fact import Fact
from fabfile.host import Host
from fabfile.task import host_task
from tasks.accounts import answer, hashes, mailboxes, person, state
from tasks.accounts.addresses import mail_address, shown, user_address
from tasks.accounts.audit import user_audit
from tasks.accounts.removal import remove
from tasks.database import database
from tasks.variables import check

if TYPE_CHECKING:
    from pymysql.connections import Connection as Database

EMAIL = "the address"
PASSWORD_HELP = {"email": EMAIL, **person.OPTIONS, "json": answer.HELP}

# The schemes that this Dovecot, with this system's crypt(3), can check.
DOVECOT_SCHEMES = Fact(
    "dovecot_schemes",
    "doveadm pw -l | tr ' ' '\\n'",
    lambda lines: {line: {"known": True} for line in lines},
)


def _scheme(c: Connection, host: Host) -> str:
    """Return the scheme for new passwords, which the host's Dovecot must know."""
    scheme = host["password_scheme"]
    if scheme == hashes.BLF_CRYPT:
        known = survey.ask(c, {DOVECOT_SCHEMES: {"": None}}, c.target.name)
        if (DOVECOT_SCHEMES.name, scheme) not in known:
            raise HostError(
                f"{c.target.name}: password_scheme is {scheme}, which this Dovecot cannot check",
                f"leave it at {hashes.SHA512_CRYPT} for this host",
            )
    return scheme


def _new_hash(c: Connection, user: str, source: person.Source) -> str:
    scheme = _scheme(c, check(c.target))
    return person.new_hash(user, source, scheme)


def _generated(c: Connection, user: str, source: person.Source, json: bool) -> dict[str, str]:
    """Show a password that was made; it is nowhere else."""
    if not source.generate:
        return {}
    password = person.new_password(user, source)
    if not json:
        c.report.line(f"password of {user}: {password}")
    return {"password": password}


@host_task(name="add", positional=["email"], help=PASSWORD_HELP)
def user_add(
    c: Connection,
    email: str,
    password_stdin: bool = False,
    hash_stdin: bool = False,
    generate: bool = False,
    json: bool = False,
) -> None:
    """Give an address a mailbox and a login."""
    user, domain = user_address(email)
    source = person.Source(password_stdin, hash_stdin, generate)
    with database(c) as db:
        state.require_domain(c, db, domain)
        added = not state.exists(db, "users", "email", user)
        # Whoever is typing a password holds up nobody else.
        db.commit()
        if added:
            stored = _new_hash(c, user, source)
            state.require_domain(c, db, domain, lock=True)
            insert = (
                "INSERT INTO users (email, password) VALUES (%s, %s) "
                "ON DUPLICATE KEY UPDATE email = email"
            )
            added = state.execute(db, insert, user, stored) > 0
    made = _generated(c, user, source, json) if added else {}
    text = f"user {shown(user)} added"
    if not added:
        text = f"user {shown(user)} is there already; user.passwd changes the password"
    answer.done(c, added, text, as_json=json, user=user, **made)


@host_task(name="passwd", positional=["email"], help=PASSWORD_HELP)
def user_passwd(
    c: Connection,
    email: str,
    password_stdin: bool = False,
    hash_stdin: bool = False,
    generate: bool = False,
    json: bool = False,
) -> None:
    """Change a user's password."""
    user, _ = mail_address(email)
    source = person.Source(password_stdin, hash_stdin, generate)
    with database(c) as db:
        state.require_user(c, db, user)
        db.commit()
        stored = _new_hash(c, user, source)
        closed = hashes.is_disabled(state.require_user(c, db, user, lock=True))
        _store(db, user, hashes.disabled(stored) if closed else stored)
    made = _generated(c, user, source, json)
    still = "; the user is still disabled" if closed else ""
    text = f"password of {user} changed{still}"
    answer.done(c, True, text, as_json=json, user=user, disabled=closed, **made)


def _store(db: Database, user: str, stored: str) -> bool:
    return state.execute(db, "UPDATE users SET password = %s WHERE email = %s", stored, user) > 0


@host_task(name="disable", positional=["email"], help={"email": EMAIL, "json": answer.HELP})
def user_disable(c: Connection, email: str, json: bool = False) -> None:
    """Let a user log in no more; mail goes on being delivered."""
    user, _ = mail_address(email)
    with database(c) as db:
        changed = _store(db, user, hashes.disabled(state.require_user(c, db, user, lock=True)))
    mailboxes.end_sessions(c, user)
    text = f"user {user} {'disabled' if changed else 'is disabled already'}"
    answer.done(c, changed, text, as_json=json, user=user)


@host_task(name="enable", positional=["email"], help={"email": EMAIL, "json": answer.HELP})
def user_enable(c: Connection, email: str, json: bool = False) -> None:
    """Let a disabled user log in again, with the password as it was."""
    user, _ = mail_address(email)
    with database(c) as db:
        changed = _store(db, user, hashes.enabled(state.require_user(c, db, user, lock=True)))
    text = f"user {user} {'enabled' if changed else 'is not disabled'}"
    answer.done(c, changed, text, as_json=json, user=user)


@host_task(
    name="remove",
    positional=["email"],
    help={
        "email": EMAIL,
        "yes": "with its mail and forwardings, without asking",
        "json": answer.HELP,
    },
)
def user_remove(c: Connection, email: str, yes: bool = False, json: bool = False) -> None:
    """Take a user's login and mailbox away; the mail goes into an archive on the host."""
    user, _ = mail_address(email)
    removed, archive = remove(
        c, f"user {user}", lambda accounts: accounts.of_user(user), user, yes=yes
    )
    text = f"user {user} removed" if removed else f"there is no user {user}"
    kept = f"; what it had is in {archive}" if archive else ""
    answer.done(c, removed, text + kept, as_json=json, user=user, archive=archive)


@host_task(name="list", help={"json": answer.HELP})
def user_list(c: Connection, json: bool = False) -> None:
    """List the users."""
    with database(c) as db:
        found = state.rows(db, "SELECT email, password FROM users ORDER BY email")
    rows = [_row(email, stored, json) for email, stored in found]
    answer.listed(c, "users", rows, as_json=json)


def _row(email: str, stored: str, json: bool) -> dict[str, object]:
    closed = hashes.is_disabled(stored)
    if json:
        return {"user": email, "scheme": hashes.judge(stored).scheme, "disabled": closed}
    return {"user": shown(email), "disabled": "disabled" if closed else ""}


@host_task(name="show", positional=["email"], help={"email": EMAIL, "json": answer.HELP})
def user_show(c: Connection, email: str, json: bool = False) -> None:
    """Show what there is of a user: login, forwarding, mail."""
    user, _ = mail_address(email)
    with database(c) as db:
        state.require_user(c, db, user)
        accounts = state.read(db)
    stored = accounts.users[user]
    verdict = hashes.judge(stored)
    mail = mailboxes.usage(c, [user]).get(user)
    if json:
        facts = {
            "user": user,
            "disabled": hashes.is_disabled(stored),
            "scheme": verdict.scheme,
            "strength": str(verdict.strength),
            "forwarding": accounts.forwardings.get(user, ()),
            "messages": mail.messages if mail else 0,
            "bytes": mail.bytes if mail else 0,
        }
        answer.listed(c, "users", [facts], as_json=True)
        return
    closed = "disabled, " if hashes.is_disabled(stored) else ""
    why = f": {verdict.reason}" if verdict.reason else ""
    password = f"{closed}{verdict.scheme or 'none'}, {verdict.strength}{why}"
    for name, value in (
        ("user", shown(user)),
        ("password", password),
        ("forwarding", state.joined(accounts.forwardings.get(user, ())) or "none"),
        ("mail", f"{mail or 'none yet'}, in {mailboxes.HOME}/{mailboxes.folder(user)}"),
    ):
        c.report.line(f"{name:<11}{value}")
    c.report.summary = f"{c.target.name}: 1 users"


collection = Collection(
    "user",
    user_add,
    user_audit,
    user_disable,
    user_enable,
    user_list,
    user_passwd,
    user_remove,
    user_show,
)
