"""`user.quota`: how much mail a user may have, in bytes, written as 500M or 2G; 0 is no limit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fabfile.cli.task import host_task
from fabfile.fleet.host_connection import HostConnection
from fabfile.model.errors import UsageError
from tasks.accounts import output, tables
from tasks.accounts.addresses import mail_address
from tasks.database import database
from tasks.guide import GUIDE

if TYPE_CHECKING:
    from pymysql.connections import Connection as Database

UNITS = "KMGT"
LARGEST = 2**63 - 1
"""The largest value of the column."""


def size(text: str) -> int:
    """Return a size in bytes: 2G is 2 * 1024³, as Dovecot counts."""
    found = re.fullmatch(rf"([0-9]{{1,19}})([{UNITS}]?)", text.upper())
    number = int(found[1]) * 1024 ** (UNITS.find(found[2]) + 1 if found[2] else 0) if found else -1
    if not 0 <= number <= LARGEST:
        raise UsageError(f"{text!r} should be a size such as 500M or 2G, or 0 for no limit")
    return number


def written(number: int) -> str:
    """Return bytes as `size` reads them back, exactly, in the largest unit that does."""
    power = 0
    while number and number % 1024 == 0 and power < len(UNITS):
        number, power = number // 1024, power + 1
    return f"{number}{UNITS[power - 1] if power else ''}"


@host_task(
    name="quota",
    positional=["email", "limit"],
    help={"email": "the address", "limit": "such as 500M or 2G; 0 for none", "json": output.HELP},
)
def user_quota(c: HostConnection, email: str, limit: str, json: bool = False) -> None:
    """Limit how much mail a user may have."""
    user, _ = mail_address(email)
    number = size(limit)
    require_quotas(c)
    with database(c) as db:
        tables.require_user(c, db, user, lock=True)
        changed = _store(db, user, number)
    text = f"{user} may have {written(number)} of mail" if number else f"{user} has no limit"
    output.done(c, changed, text, as_json=json, user=user, quota=number)


def require_quotas(c: HostConnection) -> None:
    """Refuse to set limits that no service would enforce."""
    if not GUIDE.validate(c.target).flag("quotas"):
        raise UsageError(
            "mailboxes have no limits here",
            f"set quotas=yes in the inventory, then: fab -H {c.target.name} deploy",
        )


def _store(db: Database, user: str, number: int) -> bool:
    update = "UPDATE users SET quota = %s WHERE email = %s"
    return tables.execute(db, update, str(number), user) > 0
