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
        elif kind in ("column", "unique"):
            schema, table, column, *about = row
            _add_column(found.setdefault(f"table {schema}.{table}", {}), column, *about)
        elif kind == "account":
            user, host, hashed, tls = row
            found[f"account {user}@{host}"] = {"password": hashed, "tls": tls != ""}
        elif kind == "grant":
            grantee, schema, privilege = row
            # A role has no host; an anonymous account has no name.
            user, _, host = grantee[1:-1].rpartition("'@'")
            privileges.setdefault(f"grant {user}@{host} {schema}", []).append(privilege)
        elif kind == "variable":
            found.setdefault(f"variable {row[0]}", {})["value"] = row[1]
        elif kind == "option":
            _add_option(found.setdefault(f"variable {row[0]}", {}), *row[1:])
        elif kind in ("unknown", "refused"):
            return {UNKNOWN: {"reason": row[0], "final": kind == "refused"}}
        elif kind == "open":
            found[f"open {row[0]}"] = {"found": row[1]}
    for key, granted in privileges.items():
        found[key] = {"privileges": ", ".join(sorted(granted))}
    return dict(found)


def _add_column(state: dict[str, Value], column: str, kind: str = "", need: str = "") -> None:
    """Add a column of a type to the state of its table, or, without a type, its unique key.

    `need` is `required` for a column that must be given a value, and `constant` for one that has
    the same value in all rows that do not name it.
    """
    state[column if kind else f"unique {column}"] = kind or True
    if need:
        state[f"{need} {column}"] = True


def _add_option(state: dict[str, Value], value: str, written: str, place: str) -> None:
    """Add an option to the state of its variable. The last one counts."""
    before = [str(state["places"])] if "places" in state else []
    state |= {"configured": value, "option": written, "places": "\n".join([*before, place])}


FIND_OPEN = "\n".join(
    f"SELECT 'open', '{hardening.name}', GROUP_CONCAT(User, '@', Host) {hardening.find} "
    "HAVING COUNT(*) > 0;"
    for hardening in HARDENINGS
)

SQL_CLIENT = shell.program(__file__, "client.sh")
"""The functions `sql` and `sql_from`, which run statements as the root of the host's own server."""

OPTIONS = "".join(
    f"{name}={shell.quote(shell.program(__file__, f'{name}.awk'))}\n"
    for name in ("option_files", "options")
)

SQL = Fact(
    "sql",
    SQL_CLIENT
    + f"open={shell.quote(FIND_OPEN)}\n"
    + OPTIONS
    + shell.program(__file__, "options.sh")
    + shell.program(__file__, "survey.sh"),
    _parse_sql,
    lane="database",
)


def sql_fact(name: str, parse: Callable[[list[str]], dict[str, State]], statements_: str) -> Fact:
    """Return a fact from these statements, which the survey's one client runs."""

    def carried(keys: Iterable[str], marker: str) -> Iterable[str]:
        return [f"statements SELECT '{marker}';\n{statements_}\n"]

    return Fact(name, "", parse, via=SQL, carried=carried)


_REFUSALS = {
    "1044 1045 1698 1142 1227": (
        "the database server refuses root: put the login of an account with all privileges into "
        "/root/.my.cnf on the host ([client], then user=… and password=…, mode 600), and try it "
        "there: mysql --defaults-file=/root/.my.cnf --protocol=socket -e 'SELECT CURRENT_USER()'"
    ),
    "1130": (
        "the server has no account for root on localhost: put the login of another account with "
        "all privileges into /root/.my.cnf on the host ([client], then user=… and password=…)"
    ),
    "1251 1524 2059 1275 2049": (
        "the plugin or the password of root's account is not one that this client and server can "
        "use: give it another one, or put the login of another account with all privileges into "
        "/root/.my.cnf on the host ([client], then user=… and password=…)"
    ),
    "1820 1862": (
        "the password of root's account has expired: log in on the host with mysql, and set "
        "another one: SET PASSWORD = PASSWORD('…'); then write it into /root/.my.cnf"
    ),
    "3118 4151": (
        "root's account is locked: log in on the host with another account with all privileges, "
        "and unlock it: ALTER USER root@localhost ACCOUNT UNLOCK"
    ),
}
"""Remedies by the numbers of the server's errors (mysqld_error.h)."""


def sql_remedy(log: str) -> str:
    """Return the remedy for an error of the client; empty for one that is not known."""
    found = re.search(r"ERROR (\d+)", log)
    number = found[1] if found else ""
    for numbers, remedy in _REFUSALS.items():
        if number in numbers.split():
            return remedy
    if number == "1819":
        return (
            "the server's password check refuses this password (SHOW VARIABLES LIKE '%password%' "
            "on the host has its rules): set db_password and db_lookup_password in the inventory "
            "to passwords that it takes"
        )
    if number == "1290":
        option = re.search(r"--([a-z-]+)", log)
        return (
            f"the server runs with the option {option[1] if option else 'named above'}, which "
            "forbids this: take it out of the option file that sets it (find it on the host with "
            "my_print_defaults --verbose mysqld, and grep -r in /etc/mysql or /etc/my.cnf), and "
            "restart the server"
        )
    if number == "1040":
        return (
            "all connections of the server are in use: see whose they are (mysqladmin "
            "processlist), or raise max_connections, and run again"
        )
    if number not in ("2002", "2013"):
        return ""
    if "whose file is missing" in log:
        return (
            "the server runs, but another program has removed the file of its socket: restart the "
            "server, which makes the file again (systemctl restart mariadb, or service mysqld "
            "restart)"
        )
    if "does not listen on a socket" in log:
        return (
            "the server is still starting, or repairs its tables: read its log on the host "
            "(journalctl -u mariadb, /var/log/mysqld.log), wait, and run again"
        )
    if "listens on" in log:
        return (
            "the server runs, but does not answer on its socket: read its log and the kernel's on "
            "the host (journalctl -u mariadb, /var/log/mysqld.log, dmesg)"
        )
    return (
        "the database server is not running: read its log on the host "
        "(journalctl -u mariadb, /var/log/mysqld.log)"
    )


@dataclass(frozen=True)
class SqlResource(Resource):
    """The common part of resources in the database: their fact, and remedies for its errors."""

    fact = SQL

    def remedy(self, log: str) -> str:
        return sql_remedy(log) or super().remedy(log)


def with_password(command: str, hashed: str, plain: str) -> str:
    """Return shell that runs SQL with a hash, or, if the server wants to check it, the password."""
    return f"with_password {shell.words(command, hashed, plain)}"


def statements(text: str) -> str:
    """Return shell that runs SQL as the server's root; no process has the text as an argument."""
    return f"printf '%s\\n' {shell.quote(text)} | sql"
