"""MySQL and MariaDB: databases, tables, accounts, grants, and what a fresh server leaves open.

All of it is found by one run of the client, and changed by statements on the client's standard
input, as the server's root. Passwords travel as hashes made here. Every statement is one that MySQL
5.1 knows as well as the newest MariaDB.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from fabfile.model import shell
from fabfile.model.errors import UsageError
from fabfile.model.fact import UNKNOWN, Fact, State, Value
from fabfile.model.redact import SecretValue
from fabfile.model.resource import Differences, Resource

LOCAL_HOSTS = "'localhost', '127.0.0.1', '::1'"


def string(value: str) -> str:
    """Return a value as an SQL string, right under every sql_mode."""
    # The client, for one, turns a carriage return with a line feed into a line feed.
    if re.search(r"[\x00-\x1f\x7f\\]", value):
        raise UsageError(f"an SQL value holds a backslash or a control character: {value!r}")
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """Return a value as the name of a database, table or column."""
    if not re.fullmatch(r"[A-Za-z0-9_]{1,64}", value):
        raise UsageError(f"{value!r} cannot be the name of a database or table")
    return f"`{value}`"


def native_hash(password: str) -> str:
    """Return what mysql_native_password stores: `*` and SHA1(SHA1(password)) in capitals."""
    return "*" + hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()


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


# Servers before MySQL 5.5 have no plugins: there the inner query, which finds no column of that
# name in its own table, takes the outer one's, which is empty.
OPEN_ROOT = (
    "mysql.user AS u JOIN (SELECT '' AS plugin) AS bare WHERE u.User = 'root' "
    "AND u.Password = '' AND EXISTS (SELECT 1 FROM mysql.user AS own WHERE own.User = u.User "
    "AND own.Host = u.Host AND plugin IN ('', 'mysql_native_password'))"
)
ROOT = "root without password"

# What mysql_secure_installation closes: what to look for, and the statements that close it.
# A database `test` that somebody keeps tables in is theirs.
OPEN = {
    "anonymous accounts": (
        "FROM mysql.user WHERE User = ''",
        "SELECT CONCAT('DROP USER ', QUOTE(User), '@', QUOTE(Host), ';') "
        "FROM mysql.user WHERE User = ''",
    ),
    "remote root": (
        f"FROM mysql.user WHERE User = 'root' AND Host NOT IN ({LOCAL_HOSTS})",
        "SELECT CONCAT('DROP USER ', QUOTE(User), '@', QUOTE(Host), ';') "
        f"FROM mysql.user WHERE User = 'root' AND Host NOT IN ({LOCAL_HOSTS})",
    ),
    "test database": (
        "FROM (SELECT SCHEMA_NAME AS User, 'schema' AS Host FROM information_schema.SCHEMATA "
        "WHERE SCHEMA_NAME = 'test' AND NOT EXISTS (SELECT 1 FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = 'test') UNION SELECT Db, Host FROM mysql.db "
        "WHERE User IN ('', 'PUBLIC') AND Db LIKE 'test%') AS t",
        "SELECT 'DROP DATABASE test;' FROM information_schema.SCHEMATA "
        "WHERE SCHEMA_NAME = 'test' AND NOT EXISTS (SELECT 1 FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = 'test') UNION "
        "SELECT 'DELETE FROM mysql.db WHERE User IN ('''', ''PUBLIC'') "
        "AND Db LIKE ''test%'';' UNION "
        "SELECT 'FLUSH PRIVILEGES;'",
    ),
    ROOT: (
        f"FROM {OPEN_ROOT}",
        "SELECT CONCAT('ALTER USER ', QUOTE(User), '@', QUOTE(Host), "
        f"' IDENTIFIED VIA unix_socket;') FROM {OPEN_ROOT}",
    ),
}

_OPEN_QUERIES = "\n".join(
    f"SELECT 'open', '{what}', GROUP_CONCAT(User, '@', Host) {found} HAVING COUNT(*) > 0;"
    for what, (found, _) in OPEN.items()
)

CLIENT = "client=$(command -v mariadb || command -v mysql) || return 0"
"""Shell of a fact that finds the client of whichever server is installed, if there is one."""

SQL = Fact(
    "sql",
    f"""\
{CLIENT}
schemas="''"
more=
for key do
    case "$key" in
    "database "*) schemas="$schemas, '${{key#database }}'" ;;
    "statements "*) more="$more${{key#statements }}" ;;
    esac
done
ask() {{
    "$client" -N -B --connect-timeout=10 "$@" <<END
SELECT 'database', SCHEMA_NAME FROM information_schema.SCHEMATA;
SELECT 'column', TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA IN ($schemas);
SELECT 'unique', TABLE_SCHEMA, TABLE_NAME, MIN(COLUMN_NAME)
    FROM information_schema.STATISTICS WHERE TABLE_SCHEMA IN ($schemas) AND NON_UNIQUE = 0
    GROUP BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME HAVING COUNT(*) = 1;
SELECT 'account', User, Host, Password, ssl_type FROM mysql.user;
SELECT 'grant', GRANTEE, TABLE_SCHEMA, PRIVILEGE_TYPE
    FROM information_schema.SCHEMA_PRIVILEGES WHERE TABLE_SCHEMA IN ($schemas);
{_OPEN_QUERIES}
$more
END
}}
{{
    # Root's password may stand in its file and not have been set yet.
    failure=$(ask 2>&1 >&3 3>&-) || case $failure in
    *'ERROR 1045'*) failure=$(ask --password= 2>&1 >&3 3>&-) ;;
    *) false ;;
    esac || printf 'unknown\\t%s\\n' "$failure"
}} 3>&1
""",
    _parse_sql,
    lane="database",
)


def sql_fact(name: str, parse: Callable[[list[str]], dict[str, State]], statements_: str) -> Fact:
    """Return a fact that the one client of a survey asks the database, by these statements."""

    def carried(keys: Iterable[str], marker: str) -> Iterable[str]:
        return [f"statements SELECT '{marker}';\n{statements_}\n"]

    return Fact(name, "", parse, via=SQL, carried=carried)


@dataclass(frozen=True)
class SqlResource(Resource):
    """What all of these have in common: how they are found, and what to do when root is refused."""

    fact = SQL

    def remedy(self, log: str) -> str:
        if "ERROR 1045" in log or "ERROR 1698" in log:
            return (
                "the database server does not let root in: put its password into /root/.my.cnf "
                "on the host ([client], then password=…, mode 600) and run again"
            )
        if "ERROR 2002" in log:
            return (
                "the database server does not run: look at its log on the host "
                "(journalctl -u mariadb, /var/log/mysqld.log)"
            )
        return super().remedy(log)


def statements(text: str) -> str:
    """Return shell that runs SQL as the server's root; the text is in no process's arguments."""
    return f"printf '%s\\n' {shell.quote(text)} | sql"


@dataclass(frozen=True)
class Database(SqlResource):
    """A database. Names in mail are ASCII; UTF-8 keeps what people put into it all the same."""

    name: str

    @property
    def key(self) -> str:
        return f"database {self.name}"

    @property
    def title(self) -> str:
        return f"Database {self.name}"

    def desired(self) -> State:
        return {"exists": True}

    def fix(self) -> str:
        return statements(
            f"CREATE DATABASE IF NOT EXISTS {name(self.name)} DEFAULT CHARACTER SET utf8;"
        )


@dataclass(frozen=True)
class Column:
    """A column. `width` is the least number of characters; 0 for a TEXT, or a whole `number`."""

    name: str
    width: int = 0
    default: str | None = None
    number: bool = False

    @property
    def type(self) -> str:
        """The type when we make it."""
        if self.number:
            return "bigint"
        return f"varchar({self.width})" if self.width else "text"

    @property
    def definition(self) -> str:
        """The column in a CREATE or ALTER TABLE."""
        default = "" if self.default is None else f" DEFAULT {string(self.default)}"
        return f"{name(self.name)} {self.type} NOT NULL{default}"

    def is_enough(self, found: str) -> bool:
        """Whether a column of the type found holds whatever this one holds."""
        if self.number:
            return found.startswith("bigint")
        width = re.fullmatch(r"(?:var)?char\((\d+)\)", found)
        return (
            int(width[1]) >= self.width > 0
            if width
            else found in ("text", "mediumtext", "longtext")
        )


@dataclass(frozen=True)
class Table(SqlResource):
    """A table with at least these columns, each at least that wide, and a unique key.

    A table that is there keeps its rows, its other columns and its wider ones.
    """

    database: str
    name: str
    columns: tuple[Column, ...]
    unique: str

    @property
    def key(self) -> str:
        return f"table {self.database}.{self.name}"

    @property
    def title(self) -> str:
        return f"Table {self.database}.{self.name}"

    def desired(self) -> State:
        return {
            **{column.name: column.type for column in self.columns},
            f"unique {self.unique}": True,
        }

    def differences(self, state: State | None) -> Differences:
        found = dict(state or {})
        for column in self.columns:
            if column.is_enough(str(found.get(column.name, ""))):
                found[column.name] = column.type
        return super().differences(found or None)

    def fix(self) -> str:
        table = f"{name(self.database)}.{name(self.name)}"
        columns = ", ".join(column.definition for column in self.columns)
        create = (
            f"CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({name(self.unique)})) "
            # MySQL 5.1's default engine knows no transactions.
            "ENGINE=InnoDB DEFAULT CHARACTER SET utf8;"
        )
        where = f"TABLE_SCHEMA = {string(self.database)} AND TABLE_NAME = {string(self.name)}"
        alter = []
        for column in self.columns:
            here = (
                f"FROM information_schema.COLUMNS WHERE {where} "
                f"AND COLUMN_NAME = {string(column.name)}"
            )
            add = string(f"ALTER TABLE {table} ADD COLUMN {column.definition};")
            alter.append(f"SELECT {add} FROM (SELECT 1) AS t WHERE NOT EXISTS (SELECT 1 {here});")
            widen = string(f"ALTER TABLE {table} MODIFY {column.definition};")
            least = column.width or 65535
            alter.append(f"SELECT {widen} {here} AND CHARACTER_MAXIMUM_LENGTH < {least};")
        add_key = string(f"ALTER TABLE {table} ADD UNIQUE KEY ({name(self.unique)});")
        alter.append(
            f"SELECT {add_key} FROM (SELECT 1) AS t WHERE {string(self.unique)} NOT IN "
            f"(SELECT MIN(COLUMN_NAME) FROM information_schema.STATISTICS WHERE {where} "
            "AND NON_UNIQUE = 0 GROUP BY INDEX_NAME HAVING COUNT(*) = 1);"
        )
        return f"{statements(create)}\nsql_from {shell.quote(chr(10).join(alter))}"


@dataclass(frozen=True)
class SqlAccount(SqlResource):
    """An account of the database server that logs in with a password from one host."""

    user: str
    host: str
    password: SecretValue
    tls: bool = False
    """Whether it must connect over TLS."""
    secret: bool = field(default=True, kw_only=True)

    @property
    def key(self) -> str:
        return f"account {self.user}@{self.host}"

    @property
    def title(self) -> str:
        return f"SqlAccount {self.user}@{self.host}"

    def desired(self) -> State:
        return {"password": native_hash(self.password.reveal()), "tls": self.tls}

    def fix(self) -> str:
        who = f"{string(self.user)}@{string(self.host)}"
        require = "SSL" if self.tls else "NONE"
        return statements(
            f"GRANT USAGE ON *.* TO {who} IDENTIFIED BY PASSWORD "
            f"{string(native_hash(self.password.reveal()))} REQUIRE {require};"
        )


@dataclass(frozen=True)
class Grant(SqlResource):
    """What an account may do in a database: these privileges, and no others."""

    user: str
    host: str
    database: str
    privileges: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"grant {self.user}@{self.host} {self.database}"

    @property
    def title(self) -> str:
        return f"Grant on {self.database} to {self.user}@{self.host}"

    def desired(self) -> State:
        return {"privileges": ", ".join(sorted(self.privileges))}

    def fix(self) -> str:
        who = f"{string(self.user)}@{string(self.host)}"
        wanted = ", ".join(string(privilege) for privilege in self.privileges)
        on = f"ON {name(self.database)}.*"
        # Only what is too much is taken away: to revoke everything first would make every
        # lookup fail for a moment, on a server that is running.
        extra = (
            f"SELECT CONCAT('REVOKE ', PRIVILEGE_TYPE, {string(f' {on} FROM {who};')}) "
            f"FROM information_schema.SCHEMA_PRIVILEGES WHERE GRANTEE = {string(who)} "
            f"AND TABLE_SCHEMA = {string(self.database)} AND PRIVILEGE_TYPE NOT IN ({wanted});"
        )
        grant = statements(f"GRANT {', '.join(self.privileges)} {on} TO {who};")
        return f"{grant}\nsql_from {shell.quote(extra)}"


@dataclass(frozen=True)
class Closed(SqlResource):
    """One of the things that a fresh server leaves open, closed: see OPEN."""

    what: str

    @property
    def key(self) -> str:
        return f"open {self.what}"

    @property
    def title(self) -> str:
        return f"Closed: {self.what}"

    def desired(self) -> None:
        return None

    def fix(self) -> str:
        return f"sql_from {shell.quote(OPEN[self.what][1])}"


@dataclass(frozen=True)
class RootPassword(SqlResource):
    """A password for the server's root where it has none, in the file where its client looks.

    It goes into the file first: a run that dies before the server knows it has lost nothing, for
    until then the server lets root in without one.
    """

    password: SecretValue
    file: str = "/root/.my.cnf"

    @property
    def key(self) -> str:
        return f"open {ROOT}"

    @property
    def title(self) -> str:
        return f"RootPassword of the database, in {self.file}"

    def desired(self) -> None:
        return None

    def fix(self) -> str:
        file = shell.quote(self.file)
        entry = shell.quote(f"\n[client]\npassword = {self.password.reveal()}\n")
        set_it = (
            "SELECT CONCAT('SET PASSWORD FOR ', QUOTE(User), '@', QUOTE(Host), "
            f"' = ''{native_hash(self.password.reveal())}'';') FROM {OPEN_ROOT}"
        )
        return (
            f"[ -e {file} ] || : | write_file root root 0600 {file}\n"
            f"chmod go= {file}\n"
            f"grep -q '^[[:space:]]*password[[:space:]]*=' {file} ||\n"
            f"    {{ cat {file}; printf %s {entry}; }} | write_file root root 0600 {file}\n"
            f"sql_from {shell.quote(set_it)}"
        )

    def backed_up_file(self) -> str:
        return self.file
