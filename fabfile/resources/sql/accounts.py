"""Accounts of the database server, their grants, and unsafe defaults."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fabfile.model import shell
from fabfile.model.fact import State
from fabfile.model.redact import SecretValue
from fabfile.resources.sql.client import (
    SqlResource,
    name,
    native_hash,
    statements,
    string,
    with_password,
)
from fabfile.resources.sql.hardening import OPEN_ROOT, ROOT_WITHOUT_PASSWORD, Hardening


@dataclass(frozen=True)
class SqlAccount(SqlResource):
    """An account of the database server that logs in with a password from one host."""

    user: str
    host: str
    password: SecretValue
    tls: bool = False
    """True if it must connect over TLS."""
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
        grant = f"GRANT USAGE ON *.* TO {string(self.user)}@{string(self.host)} IDENTIFIED BY"
        require = f"REQUIRE {'SSL' if self.tls else 'NONE'};"
        password = self.password.reveal()
        return with_password(
            "run_sql",
            f"{grant} PASSWORD {string(native_hash(password))} {require}",
            f"{grant} {string(password)} {require}",
        )


@dataclass(frozen=True)
class Grant(SqlResource):
    """The privileges of an account on a database: exactly these."""

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
        # Revoke only the extra privileges: without the others, every lookup of the running
        # server would fail for a moment.
        extra = (
            f"SELECT CONCAT('REVOKE ', PRIVILEGE_TYPE, {string(f' {on} FROM {who};')}) "
            f"FROM information_schema.SCHEMA_PRIVILEGES WHERE GRANTEE = {string(who)} "
            f"AND TABLE_SCHEMA = {string(self.database)} AND PRIVILEGE_TYPE NOT IN ({wanted});"
        )
        grant = statements(f"GRANT {', '.join(self.privileges)} {on} TO {who};")
        return f"{grant}\nsql_from {shell.quote(extra)}"


@dataclass(frozen=True)
class SecuredDefault(SqlResource):
    """An unsafe default of a new server, removed."""

    hardening: Hardening

    @property
    def key(self) -> str:
        return f"open {self.hardening.name}"

    @property
    def title(self) -> str:
        return f"SecuredDefault {self.hardening.name}"

    def desired(self) -> None:
        return None

    def fix(self) -> str:
        return f"sql_from {shell.quote(self.hardening.fix)}"


def _set_password(value: str) -> str:
    """Return a query for the statements that give root a password, ` = …`, an SQL expression."""
    return (
        "SELECT CONCAT('SET PASSWORD FOR ', QUOTE(User), '@', QUOTE(Host), "
        f"{value}, ';') FROM {OPEN_ROOT}"
    )


@dataclass(frozen=True)
class RootPassword(SqlResource):
    """A password for the server's root if it has none, saved in the client's option file.

    The file comes first. After a crash in between, the server still accepts root without a
    password, and the next run sets it. The server gets what the client reads in the file, which an
    administrator may have written. The file stays after a failure and a rollback, since the
    server's password does.
    """

    restorable = False
    password: SecretValue
    file: str = "/root/.my.cnf"
    secret: bool = field(default=True, kw_only=True)

    @property
    def key(self) -> str:
        return f"open {ROOT_WITHOUT_PASSWORD.name}"

    @property
    def title(self) -> str:
        return f"RootPassword of the database, in {self.file}"

    def desired(self) -> None:
        return None

    def fix(self) -> str:
        file, password = shell.quote(self.file), self.password.reveal()
        # What the survey has read in the file may be in quotes, with a comment behind it.
        simple = re.fullmatch(r"[A-Za-z0-9!&()*+,./:<=>?@\[\]^_|~-]+", password)
        quoted = password.replace("\\", "\\\\").replace('"', '\\"')
        entry = password if simple else f'"{quoted}"'
        before, after = _set_password("' = PASSWORD(', QUOTE('OWN'), ')'").split("OWN")
        lines = [
            f"[ -e {file} ] || : | write_file root root 0600 {file}",
            f"chmod go= {file}",
            "own_login",
            'if [ -z "$password" ]; then',
            f"{{ cat {file}; printf '\\n[client]\\npassword = %s\\n' {shell.quote(entry)}; }} |",
            f"write_file root root 0600 {file}",
            "own_login",
            "fi",
            "case $password in",
        ]
        if simple:
            hashed = string(f" = {string(native_hash(password))}")
            plain = string(f" = PASSWORD({string(password)})")
            fix = with_password("sql_from", _set_password(hashed), _set_password(plain))
            lines.append(f'"" | {shell.quote(password)}) {fix} ;;')
        query = f'{shell.quote(before)}"$(sql_escaped "$password")"{shell.quote(after)}'
        return "\n".join([*lines, f"?*) sql_from_private {query} ;;", "*) return 1 ;;", "esac"])

    def backed_up_file(self) -> str:
        return self.file
