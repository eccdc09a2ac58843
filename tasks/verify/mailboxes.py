"""Chapter "Test the Mailbox": what a mail client fetches is what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tasks.verify.client import Imap, Pop3
from tasks.verify.context import Examination
from tasks.verify.delivery import DELIVERED
from tasks.verify.ehlo import login
from tasks.verify.probe import Failed, Probe
from tasks.verify.session import session


def probes(ex: Examination) -> Iterator[Probe]:
    """Yield the checks of fetching mail."""
    them = ex.accounts
    yield Probe(
        "IMAP fetches the message",
        f"the one sent to {them.imap}, from INBOX",
        partial(_imap, ex),
        f"mail_location or namespace of Dovecot is wrong: {ex.fab('dovecot')}",
        needs=(DELIVERED, login(993)),
    )
    yield Probe(
        "POP3 fetches the message",
        f"the one sent to {them.pop3}",
        partial(_pop3, ex),
        f"mail_location of Dovecot is wrong: {ex.fab('dovecot')}",
        needs=(DELIVERED, login(995)),
    )


def _imap(ex: Examination) -> str:
    with session(ex, 993) as opened:
        assert isinstance(opened, Imap)
        opened.enter(ex.accounts.imap, ex.accounts.password)
        opened.select("INBOX", readonly=True)
        token = ex.accounts.token(ex.accounts.imap)
        _, found = opened.search(None, "SUBJECT", token)
        numbers = found[0].split() if found and found[0] else []
        if not numbers:
            raise Failed("INBOX does not hold it")
        _, parts = opened.fetch(numbers[0].decode(), "(BODY.PEEK[])")
        _, namespace = opened.namespace()
    body = b"".join(part[1] for part in parts if isinstance(part, tuple))
    if body.count(token.encode()) < 3:
        raise Failed(f"{len(body)} bytes, not the message that was sent")
    shown = namespace[0].decode() if namespace and isinstance(namespace[0], bytes) else ""
    if '"INBOX." "."' not in shown:
        raise Failed(f"the namespace is {shown}, not INBOX. with the separator .")
    return f"{len(body)} bytes"


def _pop3(ex: Examination) -> str:
    token = ex.accounts.token(ex.accounts.pop3).encode()
    with session(ex, 995) as opened:
        assert isinstance(opened, Pop3)
        opened.enter(ex.accounts.pop3, ex.accounts.password)
        count, _ = opened.stat()
        for number in range(1, count + 1):
            _, lines, size = opened.retr(number)
            if b"\n".join(lines).count(token) >= 3:
                return f"{size} bytes"
    raise Failed(f"none of {count} messages is the one that was sent")
