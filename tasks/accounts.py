"""Guide: "Set Up and Test Domains and Users": commands for domains, users and forwardings.

The guide types INSERTs into the MySQL shell. These do the same with checked names, and with
passwords hashed here, so that none is ever in a command line, a log or the server's memory.
"""

from __future__ import annotations

import getpass
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from invoke import Collection

from fabfile.connection import Connection
from fabfile.errors import UsageError
from fabfile.task import host_task
from tasks.database import database
from tasks.variables import Unfit, address, check, domain_name

if TYPE_CHECKING:
    from pymysql.connections import Connection as Database

ROUNDS = 50_000
"""Of SHA512-CRYPT: about 30 ms for each login."""
LONGEST = 500
"""Bytes of a password in UTF-8; the crypt(3) of today's systems takes 511 and refuses more."""
_prompt_lock = threading.Lock()
_passwords: dict[str, str] = {}


def hashed(password: str) -> str:
    """Return a password as Dovecot's scheme CRYPT reads it, `$6$…` (crypt(5))."""
    from passlib.hash import sha512_crypt

    return str(sha512_crypt.using(rounds=ROUNDS).hash(password))


def mail_address(text: str) -> tuple[str, str]:
    """Return an address in lower case, as Dovecot looks it up, and its domain."""
    try:
        found = address(text).lower()
    except Unfit as rule:
        raise UsageError(f"{text!r} should be {rule}") from None
    return found, found.rpartition("@")[2]


def domain_of_ours(text: str) -> str:
    """Return a domain name in lower case."""
    try:
        return domain_name(text)
    except Unfit as rule:
        raise UsageError(f"{text!r} should be {rule}") from None


def new_password(address: str, *, from_stdin: bool) -> str:
    """Return the password for an address, asked for once however many hosts it is for."""
    with _prompt_lock:
        if address not in _passwords:
            _passwords[address] = _stdin() if from_stdin else _prompt(address)
        return _passwords[address]


def _stdin() -> str:
    try:
        # Not the whole of a file that has no line feed, which may be big.
        password = sys.stdin.readline(LONGEST + 3).rstrip("\r\n")
    except UnicodeDecodeError:
        raise _unusable() from None
    if not password:
        raise UsageError("standard input holds no password", "pipe one in: --password-stdin < FILE")
    return _usable(password)


def _prompt(address: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for a password", "use --password-stdin, and pipe it in"
        )
    try:
        password = getpass.getpass(f"Password for {address}: ")
        if password != getpass.getpass("Once more: "):
            raise UsageError("the two passwords differ: nothing was changed")
    except UnicodeDecodeError:
        raise _unusable() from None
    return _usable(password)


def _usable(password: str) -> str:
    # What cannot be printed includes half a character, which has no bytes.
    if not password or not password.isprintable() or len(password.encode()) > LONGEST:
        raise _unusable()
    return password


def _unusable() -> UsageError:
    return UsageError(
        f"a password has 1 to {LONGEST} bytes of UTF-8, none of them a control character",
        "is it UTF-8, and on the first line of the input?",
    )


def _exists(db: Database, table: str, column: str, value: str) -> bool:
    with db.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {table} WHERE {column} = %s", (value,))
        return cursor.fetchone() is not None


def _execute(db: Database, statement: str, *values: str) -> int:
    with db.cursor() as cursor:
        return cursor.execute(statement, values)


def _column(db: Database, statement: str) -> list[tuple[str, ...]]:
    with db.cursor() as cursor:
        cursor.execute(statement)
        return [tuple(str(value) for value in row) for row in cursor.fetchall()]


def _require_domain(c: Connection, db: Database, domain: str) -> None:
    if not _exists(db, "domains", "domain", domain):
        raise UsageError(
            f"{c.target.name}: {domain} is not a domain of this server",
            f"add it first: fab -H {c.target.name} domain.add {domain}",
        )


def _said(c: Connection, changed: bool, text: str) -> None:
    c.report.line(text)
    c.report.changed += changed
    c.report.summary = f"{c.target.name}: {c.report.changed} changed, 0 failed"


def _listed(c: Connection, rows: Sequence[tuple[str, ...]], noun: str) -> None:
    for row in rows:
        c.report.line("  ".join(row))
    c.report.summary = f"{c.target.name}: {len(rows)} {noun}"


@host_task(name="add", positional=["domain"], help={"domain": "for example example.com"})
def domain_add(c: Connection, domain: str) -> None:
    """Receive mail for a domain."""
    name = domain_of_ours(domain)
    host = check(c.target)
    if name == host["fqdn"]:
        raise UsageError(
            f"{name} is the server's own name, whose mail is for local accounts",
            "mail domains have names of their own, such as example.com",
        )
    with database(c) as db:
        added = _execute(db, "INSERT IGNORE INTO domains (domain) VALUES (%s)", name) > 0
    _said(c, added, f"domain {name} {'added' if added else 'is there already'}")


@host_task(name="list")
def domain_list(c: Connection) -> None:
    """List the domains."""
    with database(c) as db:
        _listed(c, _column(db, "SELECT domain FROM domains ORDER BY domain"), "domains")


@host_task(
    name="add",
    positional=["email"],
    help={"email": "the address", "password_stdin": "read the password from standard input"},
)
def user_add(c: Connection, email: str, password_stdin: bool = False) -> None:
    """Give an address a mailbox and a login."""
    user, domain = mail_address(email)
    if "+" in user:
        raise UsageError(
            f"{user}: what follows a + is a tag, and cannot be part of a user's name",
            f"mail for it reaches {user.partition('+')[0]}@{domain}",
        )
    with database(c) as db:
        _require_domain(c, db, domain)
        if _exists(db, "users", "email", user):
            _said(c, False, f"user {user} is there already; user.passwd changes the password")
            return
        password = hashed(new_password(user, from_stdin=password_stdin))
        _execute(db, "INSERT INTO users (email, password) VALUES (%s, %s)", user, password)
    _said(c, True, f"user {user} added")


@host_task(
    name="passwd",
    positional=["email"],
    help={"email": "the address", "password_stdin": "read the password from standard input"},
)
def user_passwd(c: Connection, email: str, password_stdin: bool = False) -> None:
    """Change a user's password."""
    user, _ = mail_address(email)
    with database(c) as db:
        _require_user(c, db, user)
        password = hashed(new_password(user, from_stdin=password_stdin))
        _execute(db, "UPDATE users SET password = %s WHERE email = %s", password, user)
    _said(c, True, f"password of {user} changed")


def _require_user(c: Connection, db: Database, user: str) -> None:
    if not _exists(db, "users", "email", user):
        raise UsageError(
            f"{c.target.name}: there is no user {user}",
            f"fab -H {c.target.name} user.list shows those there are",
        )


@host_task(name="remove", positional=["email"], help={"email": "the address"})
def user_remove(c: Connection, email: str) -> None:
    """Take a user's login away; the mail stays."""
    user, domain = mail_address(email)
    with database(c) as db:
        removed = _execute(db, "DELETE FROM users WHERE email = %s", user) > 0
    if not removed:
        _said(c, False, f"there is no user {user}")
        return
    local = user.rpartition("@")[0]
    _said(c, True, f"user {user} removed; the mail stays in /home/vmail/{domain}/{local}")


@host_task(name="list")
def user_list(c: Connection) -> None:
    """List the users."""
    with database(c) as db:
        _listed(c, _column(db, "SELECT email FROM users ORDER BY email"), "users")


@host_task(
    name="add",
    positional=["source", "destination"],
    help={"source": "the address", "destination": "where its mail goes; several with commas"},
)
def forwarding_add(c: Connection, source: str, destination: str) -> None:
    """Forward the mail of an address to others."""
    user, domain = mail_address(source)
    targets = ", ".join(mail_address(word.strip())[0] for word in destination.split(","))
    with database(c) as db:
        _require_domain(c, db, domain)
        changed = _execute(
            db,
            "INSERT INTO forwardings (source, destination) VALUES (%s, %s) "
            "ON DUPLICATE KEY UPDATE destination = VALUES(destination)",
            user,
            targets,
        )
    _said(c, changed > 0, f"mail for {user} goes to {targets}")


@host_task(name="remove", positional=["source"], help={"source": "the address"})
def forwarding_remove(c: Connection, source: str) -> None:
    """Stop forwarding the mail of an address."""
    user, _ = mail_address(source)
    with database(c) as db:
        removed = _execute(db, "DELETE FROM forwardings WHERE source = %s", user) > 0
    _said(c, removed, f"{user}: {'forwarded no longer' if removed else 'is not forwarded'}")


@host_task(name="list")
def forwarding_list(c: Connection) -> None:
    """List the forwardings."""
    with database(c) as db:
        statement = "SELECT source, destination FROM forwardings ORDER BY source"
        _listed(c, _column(db, statement), "forwardings")


domains = Collection("domain", domain_add, domain_list)
users = Collection("user", user_add, user_list, user_passwd, user_remove)
forwardings = Collection("forwarding", forwarding_add, forwarding_list, forwarding_remove)
