"""The client of the database: the fact it answers, the statements it runs, and quoting."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.errors import UsageError
from fabfile.model.fact import UNKNOWN, Fact, State, Value
from fabfile.model.resource import Resource
from fabfile.resources.sql.hardening import HARDENINGS


def string(value: str) -> str:
    """Return a value as an SQL string, valid under every sql_mode."""
    # The client turns CR LF into LF, for example.
    if re.search(r"[\x00-\x1f\x7f\\]", value):
        raise UsageError(f"an SQL value contains a backslash or a control character: {value!r}")
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """Return a value as the name of a database, table or column."""
    if not re.fullmatch(r"[A-Za-z0-9_]{1,64}", value):
        raise UsageError(f"{value!r} cannot be the name of a database or table")
    return f"`{value}`"


def native_hash(password: str) -> str:
    """Return the hash of mysql_native_password: `*` and SHA1(SHA1(password)) in capitals."""
    # The server defines this scheme.
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()


def _parse_sql(lines: list[str]) -> dict[str, State]:
    found: dict[str, dict[str, Value]] = {}
    privileges: dict[str, list[str]] = {}
    for line in lines:
        kind, *row = line.split("\t")
        if kind == "database":
            found[f"database {row[0]}"] = {"exists": True}
        elif kind == "column":
            schema, table, column, kind_of = row
            found.setdefault(f"table {schema}.{table}", {})[column] = kind_of
        elif kind == "unique":
            schema, table, column = row
            found.setdefault(f"table {schema}.{table}", {})[f"unique {column}"] = True
        elif kind == "account":
            user, host, hashed, tls = row
            found[f"account {user}@{host}"] = {"password": hashed, "tls": tls != ""}
        elif kind == "grant":
            grantee, schema, privilege = row
            # A role has no host; an anonymous account has no name.
            user, _, host = grantee[1:-1].rpartition("'@'")
            privileges.setdefault(f"grant {user}@{host} {schema}", []).append(privilege)
        elif kind == "unknown":
            return {UNKNOWN: {"reason": row[0]}}
        elif kind == "open":
            found[f"open {row[0]}"] = {"found": row[1]}
    for key, granted in privileges.items():
        found[key] = {"privileges": ", ".join(sorted(granted))}
    return dict(found)


FIND_OPEN = "\n".join(
    f"SELECT 'open', '{hardening.name}', GROUP_CONCAT(User, '@', Host) {hardening.find} "
    "HAVING COUNT(*) > 0;"
    for hardening in HARDENINGS
)

SQL = Fact(
    "sql",
    f"open={shell.quote(FIND_OPEN)}\n" + shell.program(__file__, "survey.sh"),
    _parse_sql,
    lane="database",
)


def sql_fact(name: str, parse: Callable[[list[str]], dict[str, State]], statements_: str) -> Fact:
    """Return a fact from these statements, which the survey's one client runs."""

    def carried(keys: Iterable[str], marker: str) -> Iterable[str]:
        return [f"statements SELECT '{marker}';\n{statements_}\n"]

    return Fact(name, "", parse, via=SQL, carried=carried)


@dataclass(frozen=True)
class SqlResource(Resource):
    """The common part of resources in the database: their fact, and remedies for its errors."""

    fact = SQL

    def remedy(self, log: str) -> str:
        if "ERROR 1045" in log or "ERROR 1698" in log:
            return (
                "the database server refuses root: put its password into /root/.my.cnf "
                "on the host ([client], then password=…, mode 600) and run again"
            )
        if "ERROR 2002" in log:
            return (
                "the database server is not running: read its log on the host "
                "(journalctl -u mariadb, /var/log/mysqld.log)"
            )
        return super().remedy(log)


def statements(text: str) -> str:
    """Return shell that runs SQL as the server's root; no process has the text as an argument."""
    return f"printf '%s\\n' {shell.quote(text)} | sql"
