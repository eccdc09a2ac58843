"""The four tables in SQL: reading, locking, and writing many rows in one statement.

All transactions lock in the order of KEYS, and before they read anything without a lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fabfile.fleet.host_connection import HostConnection
from fabfile.model.errors import UsageError
from tasks.accounts.state import TEMPORARY, Accounts, domain_of, joined, split

if TYPE_CHECKING:
    from pymysql.connections import Connection as Database

KEYS = (
    ("domains", "domain"),
    ("users", "email"),
    ("forwardings", "source"),
    ("transport", "domain"),
)
"""Each table with its key, in the order in which they are locked."""
BATCH = 500
"""Rows of a DELETE; MySQL 5.1 takes statements of up to one megabyte."""


def rows(db: Database, statement: str, *values: str) -> list[tuple[str, ...]]:
    """Return the rows that a statement finds, as text."""
    with db.cursor() as cursor:
        cursor.execute(statement, values)
        return [tuple(str(value) for value in row) for row in cursor.fetchall()]


def execute(db: Database, statement: str, *values: str) -> int:
    """Run a statement and return how many rows it changed."""
    with db.cursor() as cursor:
        return cursor.execute(statement, values)


def read(db: Database, *, lock: bool = False) -> Accounts:
    """Return all accounts but those of `verify`; with `lock` they stay so until the end."""
    tail = " FOR UPDATE" if lock else ""
    # The column may not be there: it comes with quotas=yes.
    quota = "quota" if _has_quotas(db) else "0"
    users = rows(db, f"SELECT email, password, {quota} FROM users{tail}")
    found = Accounts(
        {name.lower() for (name,) in rows(db, f"SELECT domain FROM domains{tail}")},
        {email.lower(): stored for email, stored, _ in users},
        {
            source.lower(): split(to)
            for source, to in rows(db, f"SELECT source, destination FROM forwardings{tail}")
        },
        {
            name.lower(): to
            for name, to in rows(db, f"SELECT domain, transport FROM transport{tail}")
        },
        {email.lower(): int(number) for email, _, number in users if number != "0"},
    )
    for table in (found.users, found.forwardings, found.transports):
        for name in [name for name in table if domain_of(name).startswith(TEMPORARY)]:
            del table[name]
    found.domains = {name for name in found.domains if not name.startswith(TEMPORARY)}
    return found


def _has_quotas(db: Database) -> bool:
    return bool(
        rows(
            db,
            "SELECT 1 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() "
            "AND TABLE_NAME = 'users' AND COLUMN_NAME = 'quota'",
        )
    )


def exists(db: Database, table: str, key: str, value: str, *, lock: bool = False) -> bool:
    """Return whether a table has a row; with `lock` it stays so until the transaction ends."""
    tail = " FOR UPDATE" if lock else ""
    return bool(rows(db, f"SELECT 1 FROM {table} WHERE {key} = %s{tail}", value))


def require_domain(c: HostConnection, db: Database, domain: str, *, lock: bool = False) -> None:
    """Refuse a domain that the host does not have."""
    if not exists(db, "domains", "domain", domain, lock=lock):
        raise UsageError(
            f"{domain} is not a domain of this server",
            f"add it first: fab -H {c.target.name} domain.add {domain}",
        )


def require_user(c: HostConnection, db: Database, user: str, *, lock: bool = False) -> str:
    """Return what is stored as a user's password; refuse a user that the host does not have."""
    tail = " FOR UPDATE" if lock else ""
    found = rows(db, f"SELECT password FROM users WHERE email = %s{tail}", user)
    if not found:
        raise UsageError(
            f"there is no user {user}",
            f"fab -H {c.target.name} user.list shows those there are",
        )
    return found[0][0]


def delete(db: Database, gone: Accounts) -> None:
    """Delete rows."""
    names: Sequence[Iterable[str]] = (gone.domains, gone.users, gone.forwardings, gone.transports)
    for (table, key), found in zip(KEYS, names, strict=True):
        keys = list(found)
        for start in range(0, len(keys), BATCH):
            some = keys[start : start + BATCH]
            places = ", ".join(["%s"] * len(some))
            execute(db, f"DELETE FROM {table} WHERE {key} IN ({places})", *some)


def write(db: Database, new: Accounts) -> None:
    """Write rows, whether their keys are there already or not, many in one statement."""
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO domains (domain) VALUES (%s) ON DUPLICATE KEY UPDATE domain = domain",
            [(name,) for name in sorted(new.domains)],
        )
        forwardings = {source: joined(to) for source, to in new.forwardings.items()}
        for table, key, value, found in (
            ("users", "email", "password", new.users),
            ("forwardings", "source", "destination", forwardings),
            ("transport", "domain", "transport", new.transports),
        ):
            cursor.executemany(
                f"INSERT INTO {table} ({key}, {value}) VALUES (%s, %s) "
                f"ON DUPLICATE KEY UPDATE {value} = VALUES({value})",
                list(found.items()),
            )
        # As an INSERT, of which many are one statement; the users are there.
        cursor.executemany(
            "INSERT INTO users (email, password, quota) VALUES (%s, '*', %s) "
            "ON DUPLICATE KEY UPDATE quota = VALUES(quota)",
            list(new.quotas.items()),
        )


def without_transactions(db: Database) -> list[str]:
    """Return the tables without transactions, such as those of MySQL 5.1's default engine."""
    tables = ", ".join(["%s"] * len(KEYS))
    found = rows(
        db,
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() "
        f"AND TABLE_NAME IN ({tables}) AND ENGINE <> 'InnoDB' ORDER BY TABLE_NAME",
        *(table for table, _ in KEYS),
    )
    return [name for (name,) in found]
