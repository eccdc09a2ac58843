"""What a fresh database server leaves open, and the statements that close it.

The same as mysql_secure_installation, and every statement is one that MySQL 5.1 knows.
"""

from __future__ import annotations

from dataclasses import dataclass

LOCAL_HOSTS = "'localhost', '127.0.0.1', '::1'"

# Servers before MySQL 5.5 have no plugins: there the inner query, which finds no column of that
# name in its own table, takes the outer one's, which is empty.
OPEN_ROOT = (
    "mysql.user AS u JOIN (SELECT '' AS plugin) AS bare WHERE u.User = 'root' "
    "AND u.Password = '' AND EXISTS (SELECT 1 FROM mysql.user AS own WHERE own.User = u.User "
    "AND own.Host = u.Host AND plugin IN ('', 'mysql_native_password'))"
)


@dataclass(frozen=True)
class Hardening:
    """A default that is not safe."""

    name: str
    find: str
    """The FROM and WHERE of a query for accounts, as User and Host, that are open."""
    fix: str
    """A query that returns the statements which close it."""


def _drop(accounts: str) -> str:
    """Return a query for the statements that drop accounts."""
    return f"SELECT CONCAT('DROP USER ', QUOTE(User), '@', QUOTE(Host), ';') {accounts}"


ANONYMOUS = "FROM mysql.user WHERE User = ''"
REMOTE_ROOT = f"FROM mysql.user WHERE User = 'root' AND Host NOT IN ({LOCAL_HOSTS})"
# A database `test` with tables is in use: it stays.
UNUSED_TEST = (
    "FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'test' AND NOT EXISTS "
    "(SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'test')"
)

ROOT_WITHOUT_PASSWORD = Hardening(
    "root without password",
    f"FROM {OPEN_ROOT}",
    "SELECT CONCAT('ALTER USER ', QUOTE(User), '@', QUOTE(Host), "
    f"' IDENTIFIED VIA unix_socket;') FROM {OPEN_ROOT}",
)
HARDENINGS = (
    Hardening("anonymous accounts", ANONYMOUS, _drop(ANONYMOUS)),
    Hardening("remote root", REMOTE_ROOT, _drop(REMOTE_ROOT)),
    Hardening(
        "test database",
        f"FROM (SELECT SCHEMA_NAME AS User, 'schema' AS Host {UNUSED_TEST} "
        "UNION SELECT Db, Host FROM mysql.db "
        "WHERE User IN ('', 'PUBLIC') AND Db LIKE 'test%') AS t",
        f"SELECT 'DROP DATABASE test;' {UNUSED_TEST} UNION "
        "SELECT 'DELETE FROM mysql.db WHERE User IN ('''', ''PUBLIC'') "
        "AND Db LIKE ''test%'';' UNION "
        "SELECT 'FLUSH PRIVILEGES;'",
    ),
    ROOT_WITHOUT_PASSWORD,
)
