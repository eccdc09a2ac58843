"""Password hashes that Dovecot 2.4 refuses: which users have them, before and after an upgrade.

Databases set up by the guide have DES hashes, which 2.3 takes and 2.4 does not. Only the users
themselves can set new ones. So mailfab names them, and an administrator decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fabfile.model.fact import State
from fabfile.model.resource import Resource
from fabfile.resources.sql.client import sql_fact, string

NAMED = 10
"""Maximum number of users that are named."""
SCHEMES = "DES-CRYPT|MD5|MD5-CRYPT|PLAIN-MD4|PLAIN-MD5|PLAIN-TRUNC|SMD5|LDAP-MD5|LANMAN|NTLM"
"""Those that Dovecot 2.4.1 has been seen to refuse, and the two older ones that it calls weak."""
# As crypt(3) writes them: thirteen characters are DES, `$1$` is MD5; without a scheme in front,
# default_pass_scheme says CRYPT.
PATTERN = f"^([{{]CRYPT[}}])?([./0-9A-Za-z]{{13}}$|[$]1[$])|^[{{]({SCHEMES})([.][A-Za-z0-9]+)?[}}]"


# The table may be missing, or have other columns.
_THERE = (
    "FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'mail' AND TABLE_NAME = 'users' "
    "AND COLUMN_NAME IN ('email', 'password')"
)


def _if_there(query: str) -> str:
    """Return the statements that make a query, which every server since MySQL 5.1 understands."""
    return (
        f"SELECT IF(COUNT(*) = 2, {string(query)}, 'DO 0') INTO @query {_THERE};\n"
        "PREPARE asked FROM @query; EXECUTE asked;\n"
    )


def _parse(lines: list[str]) -> dict[str, State]:
    if not lines or not lines[0].isdigit():
        return {}
    return {"": {"count": int(lines[0]), "users": ", ".join(lines[1:])}}


_WEAK = f"FROM mail.users WHERE password REGEXP '{PATTERN}'"
WEAK_PASSWORDS = sql_fact(
    "weak_passwords",
    _parse,
    _if_there(f"SELECT COUNT(*) {_WEAK}")
    + _if_there(f"SELECT email {_WEAK} ORDER BY email LIMIT {NAMED}"),
)


def who(state: Mapping[str, object]) -> str:
    """Return how many users have such a hash, and who, in words; nothing when there are none."""
    count = int(str(state.get("count", 0)))
    if not count:
        return ""
    more = f" and {count - NAMED} more" if count > NAMED else ""
    users = "1 user has a password hash" if count == 1 else f"{count} users have password hashes"
    return f"{users} that Dovecot 2.4 refuses: {state['users']}{more}"


@dataclass(frozen=True)
class StrongPasswords(Resource):
    """Password hashes that the newest Dovecot takes. Nothing here can change one: it warns."""

    fact = WEAK_PASSWORDS
    refused: bool
    """Whether the host's own Dovecot refuses the others, so that these users cannot log in."""

    @property
    def key(self) -> str:
        return ""

    def desired(self) -> State:
        return {}

    def fix(self) -> str:
        return ":"

    def warning(self, state: State | None) -> str:
        if not (found := who(state or {})):
            return ""
        if self.refused:
            return (
                f"{found}. They cannot log in until they have a new one (user.passwd), or with "
                "weak_password_schemes=yes"
            )
        return f"{found}. Give them a new one before an upgrade (user.passwd)"
