"""Temporary accounts: a domain with two users and a forwarding, of which nothing stays behind.

The domain's name carries the time it was made, so that what a run that died has left is known
from what another run is just using.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from fabfile.fleet.host_connection import HostConnection
from fabfile.model import shell
from fabfile.model.fact import Fact
from fabfile.model.probe import Failed
from tasks.accounts.hashes import hashed
from tasks.database import database

HOME = "/home/vmail"
STALE_SECONDS = 3600
NAME = re.compile(r"mailfab-verify-([0-9a-f]{8})[0-9a-f]{4}\.invalid")

# The directories of temporary domains. They are removed when their names say that they are old.
LEFTOVERS = Fact(
    "leftovers",
    f'for d in {HOME}/mailfab-verify-*; do [ -d "$d" ] && echo "${{d##*/}}"; done',
    lambda lines: {line: {"left": True} for line in lines},
)


def new_domain() -> str:
    """Return a name for a temporary domain; `.invalid` is never registered (RFC 2606)."""
    return f"mailfab-verify-{int(time.time()):08x}{secrets.token_hex(2)}.invalid"


def stale(domain: str) -> bool:
    """Return whether a name is that of a temporary domain whose run must be over."""
    made = NAME.fullmatch(domain)
    return made is not None and abs(time.time() - int(made[1], 16)) > STALE_SECONDS


@dataclass(frozen=True)
class Accounts:
    """The accounts of one run, and the token in the one message for each address."""

    domain: str = field(default_factory=new_domain)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def imap(self) -> str:
        """The user whose mail is fetched with IMAP."""
        return f"imap@{self.domain}"

    @property
    def pop3(self) -> str:
        """The user whose mail is fetched with POP3."""
        return f"pop3@{self.domain}"

    @property
    def forwarding(self) -> str:
        """An address whose mail goes to the user `imap`."""
        return f"forward@{self.domain}"

    @property
    def nobody(self) -> str:
        """An address that does not exist."""
        return f"nobody@{self.domain}"

    def token(self, address: str) -> str:
        """Return what proves that a message is the one sent to this address."""
        return self.tokens.setdefault(address, secrets.token_hex(16))


def add(c: HostConnection, accounts: Accounts) -> None:
    """Add the accounts to the mail database."""
    password = hashed(accounts.password)
    with database(c) as db, db.cursor() as cursor:
        cursor.execute("INSERT INTO domains (domain) VALUES (%s)", (accounts.domain,))
        for user in (accounts.imap, accounts.pop3):
            cursor.execute("INSERT INTO users (email, password) VALUES (%s, %s)", (user, password))
        cursor.execute(
            "INSERT INTO forwardings (source, destination) VALUES (%s, %s)",
            (accounts.forwarding, accounts.imap),
        )


PRESENT = shell.program(__file__, "present.sql")


def remove_rows(c: HostConnection, domain: str) -> int:
    """Remove a domain, and those that runs which died have left; return how many rows."""
    removed = 0
    with database(c) as db, db.cursor() as cursor:
        cursor.execute(PRESENT)
        found = [str(row[0]) for row in cursor.fetchall()]
        for name in [domain, *filter(stale, found)]:
            removed += cursor.execute("DELETE FROM users WHERE email LIKE %s", (f"%@{name}",))
            removed += cursor.execute(
                "DELETE FROM forwardings WHERE source LIKE %s", (f"%@{name}",)
            )
            removed += cursor.execute("DELETE FROM domains WHERE domain = %s", (name,))
    return removed


REMOVE = f"home={HOME}\n" + shell.program(__file__, "remove_mail.sh")


def remove_mail(c: HostConnection, domains: Iterable[str], *, keep_mailbox: bool) -> None:
    """Remove the mail of temporary domains, delivered and queued. Raises Failed when some stays.

    `keep_mailbox`: leave the local user's mailbox, empty.
    """
    names = [domain for domain in domains if NAME.fullmatch(domain)]
    keep = f"keep_mailbox={'yes' if keep_mailbox else ''}"
    left = c.run_script(shell.script("", f"set -- {shell.words(*names)}\n{keep}\n{REMOVE}"))
    if left.strip():
        raise Failed("; ".join(left.split("\n")[:3]))
