"""Checks "Test the Mailbox": what a mail client fetches is what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fabfile.model.probe import Failed, Probe
from tasks.verify.client import Imap, Pop3
from tasks.verify.context import VerifyContext
from tasks.verify.delivery import DELIVERED
from tasks.verify.ehlo import login
from tasks.verify.session import session


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of fetching mail."""
    them = ctx.accounts
    yield Probe(
        "IMAP fetches the message",
        f"the one sent to {them.imap}, from INBOX",
        partial(_imap, ctx),
        "mail_location or namespace of Dovecot is wrong",
        needs=(DELIVERED, login(993)),
        sections=("dovecot",),
    )
    yield Probe(
        "POP3 fetches the message",
        f"the one sent to {them.pop3}",
        partial(_pop3, ctx),
        "mail_location of Dovecot is wrong",
        needs=(DELIVERED, login(995)),
        sections=("dovecot",),
    )


def _imap(ctx: VerifyContext) -> str:
    with session(ctx, 993) as opened:
        assert isinstance(opened, Imap)
        opened.enter(ctx.accounts.imap, ctx.accounts.password)
        opened.select("INBOX", readonly=True)
        token = ctx.accounts.token(ctx.accounts.imap)
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


def _pop3(ctx: VerifyContext) -> str:
    token = ctx.accounts.token(ctx.accounts.pop3).encode()
    with session(ctx, 995) as opened:
        assert isinstance(opened, Pop3)
        opened.enter(ctx.accounts.pop3, ctx.accounts.password)
        count, _ = opened.stat()
        for number in range(1, count + 1):
            _, lines, size = opened.retr(number)
            if b"\n".join(lines).count(token) >= 3:
                return f"{size} bytes"
    raise Failed(f"none of {count} messages is the one that was sent")
