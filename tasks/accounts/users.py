"""`user.…`: the addresses that have a mailbox and a login."""

from __future__ import annotations

from invoke import Collection

from fabfile.cli.task import host_task
from fabfile.fleet.host_connection import HostConnection
from fabfile.report.summary import Summary
from tasks.accounts import hashes, mailboxes, output, prompt, quotas, state, tables
from tasks.accounts.addresses import mail_address, shown, user_address
from tasks.accounts.audit import user_audit
from tasks.accounts.logins import (
    EMAIL,
    PASSWORD_HELP,
    generated,
    new_hash,
    user_disable,
    user_enable,
    user_passwd,
)
from tasks.accounts.removal import remove
from tasks.database import database


@host_task(name="add", positional=["email"], help=PASSWORD_HELP)
def user_add(
    c: HostConnection,
    email: str,
    password_stdin: bool = False,
    hash_stdin: bool = False,
    generate: bool = False,
    json: bool = False,
) -> None:
    """Give an address a mailbox and a login."""
    user, domain = user_address(email)
    source = prompt.Source(password_stdin, hash_stdin, generate)
    with database(c) as db:
        tables.require_domain(c, db, domain)
        added = not tables.exists(db, "users", "email", user)
        # No lock is held while a password is typed.
        db.commit()
        if added:
            stored = new_hash(c, user, source)
            tables.require_domain(c, db, domain, lock=True)
            insert = (
                "INSERT INTO users (email, password) VALUES (%s, %s) "
                "ON DUPLICATE KEY UPDATE email = email"
            )
            added = tables.execute(db, insert, user, stored) > 0
    made = generated(c, user, source, json) if added else {}
    text = f"user {shown(user)} added"
    if not added:
        text = f"user {shown(user)} already exists; user.passwd changes the password"
    output.done(c, added, text, as_json=json, user=user, **made)


@host_task(
    name="remove",
    positional=["email"],
    help={
        "email": EMAIL,
        "yes": "with its mail and forwardings, without asking",
        "json": output.HELP,
    },
)
def user_remove(c: HostConnection, email: str, yes: bool = False, json: bool = False) -> None:
    """Remove a user's login and mailbox; archive the mail on the host."""
    user, _ = mail_address(email)
    removed, archive = remove(
        c, f"user {user}", lambda accounts: accounts.of_user(user), user, yes=yes
    )
    text = f"user {user} removed" if removed else f"there is no user {user}"
    kept = f"; what it had is in {archive}" if archive else ""
    output.done(c, removed, text + kept, as_json=json, user=user, archive=archive)


@host_task(name="list", help={"json": output.HELP})
def user_list(c: HostConnection, json: bool = False) -> None:
    """List the users."""
    with database(c) as db:
        found = tables.rows(db, "SELECT email, password FROM users ORDER BY email")
    rows = [_row(email, stored, json) for email, stored in found]
    output.listed(c, "users", rows, as_json=json)


def _row(email: str, stored: str, json: bool) -> dict[str, object]:
    closed = hashes.is_disabled(stored)
    if json:
        return {"user": email, "scheme": hashes.assess(stored).scheme, "disabled": closed}
    return {"user": shown(email), "disabled": "disabled" if closed else ""}


@host_task(name="show", positional=["email"], help={"email": EMAIL, "json": output.HELP})
def user_show(c: HostConnection, email: str, json: bool = False) -> None:
    """Show what there is of a user: login, forwarding, mail."""
    user, _ = mail_address(email)
    with database(c) as db:
        tables.require_user(c, db, user)
        accounts = tables.read(db)
    stored = accounts.users[user]
    verdict = hashes.assess(stored)
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
            "quota": accounts.quotas.get(user, 0),
        }
        output.listed(c, "users", [facts], as_json=True)
        return
    closed = "disabled, " if hashes.is_disabled(stored) else ""
    why = f": {verdict.reason}" if verdict.reason else ""
    password = f"{closed}{verdict.scheme or 'none'}, {verdict.strength}{why}"
    quota = accounts.quotas.get(user, 0)
    limit = (
        f" of {quotas.written(quota)} ({mail.bytes * 100 // quota if mail else 0}%)"
        if quota
        else ""
    )
    for name, value in (
        ("user", shown(user)),
        ("password", password),
        ("forwarding", state.joined(accounts.forwardings.get(user, ())) or "none"),
        ("mail", f"{mail or 'none yet'}{limit}, in {mailboxes.HOME}/{mailboxes.folder(user)}"),
    ):
        c.report.line(f"{name:<11}{value}")
    c.report.summarize(Summary.listed((1, "users")))


collection = Collection(
    "user",
    user_add,
    user_audit,
    user_disable,
    user_enable,
    user_list,
    user_passwd,
    quotas.user_quota,
    user_remove,
    user_show,
)
