"""The unsafe defaults of a new database server, and the statements that remove them.

They are those of mysql_secure_installation. MySQL 5.1 accepts every statement.
"""

from __future__ import annotations

from dataclasses import dataclass

LOCAL_HOSTS = "'localhost', '127.0.0.1', '::1'"

# MySQL before 5.5 has no column `plugin`: there the inner query takes the outer query's column of
# that name, which is empty.
OPEN_ROOT = (
    "mysql.user AS u JOIN (SELECT '' AS plugin) AS bare WHERE u.User = 'root' "
    "AND u.Password = '' AND EXISTS (SELECT 1 FROM mysql.user AS own WHERE own.User = u.User "
    "AND own.Host = u.Host AND plugin IN ('', 'mysql_native_password'))"
)


@dataclass(frozen=True)
class Hardening:
    """An unsafe default of a new server."""

    name: str
    find: str
    """The FROM and WHERE of a query for the unsafe accounts, as User and Host."""
    fix: str
    """A query that returns the statements which remove it."""


def _drop(accounts: str) -> str:
    """Return a query for the statements that drop accounts."""
    return f"SELECT CONCAT('DROP USER ', QUOTE(User), '@', QUOTE(Host), ';') {accounts}"


ANONYMOUS = "FROM mysql.user WHERE User = ''"
REMOTE_ROOT = f"FROM mysql.user WHERE User = 'root' AND Host NOT IN ({LOCAL_HOSTS})"
# Keep a database `test` that has tables: it is in use.
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
