"""Checks "Domains and users": lookups, a message sent, delivered and logged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.utils import formatdate
from functools import partial

from fabfile.model.probe import Failed, Probe
from tasks.postfix import lookup
from tasks.verify.client import Smtp, refused
from tasks.verify.context import VerifyContext
from tasks.verify.ehlo import login
from tasks.verify.lookup import Lookup, Lookups
from tasks.verify.mysql import ACCOUNTS
from tasks.verify.services import runs
from tasks.verify.session import smtp
from tasks.verify.trace import DELIVER_LOG, follow

SENT = "Messages are accepted after a login"
DELIVERED = "A message is delivered"
FORWARDED = "A forwarding is followed"


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of the way of a message, from the tables to the mail client."""
    yield from _tables(ctx)
    port, them = (587 if ctx.host.flag("submission") else 25), ctx.accounts
    log = "the mail log (journalctl -t postfix/pipe, /var/log/maillog or mail.log) says why"
    yield Probe(
        SENT,
        "250 for each message",
        partial(_send, ctx, port),
        f"the answer says why; {log}",
        needs=(ACCOUNTS, login(port)),
    )
    yield Probe(
        DELIVERED,
        "files in the Maildir folders of both users",
        partial(_delivered, ctx, (them.imap, them.pop3), wait=True),
        f"{log}; see what differs: {ctx.fab('plan')}",
        needs=(SENT,),
    )
    yield Probe(
        FORWARDED,
        f"the message for {them.forwarding} in the Maildir of {them.imap}",
        partial(_delivered, ctx, (them.forwarding,)),
        f"{log}; see what differs: {ctx.fab('postfix.plan')}",
        needs=(SENT,),
    )
    yield Probe(
        "The mail log shows the delivery",
        "status=sent from Dovecot's delivery agent",
        partial(_logged, ctx),
        "no log of the mail system can be read: look for the journal or rsyslog on the host",
        needs=(DELIVERED,),
    )
    yield Probe(
        "dovecot-deliver.log shows the delivery",
        "saved mail to INBOX",
        partial(_saved, ctx),
        f"vmail must be able to write {DELIVER_LOG}: {ctx.fab('dovecot')}",
        needs=(DELIVERED,),
    )


def _tables(ctx: VerifyContext) -> Iterator[Probe]:
    them = ctx.accounts
    user, local = them.imap, them.imap.partition("@")[0]
    tables = (
        ("domains", them.domain, them.domain),
        ("forwardings", them.forwarding, user),
        ("mailboxes", user, f"{them.domain}/{local}/"),
        ("email2email", user, user),
        ("transports", them.domain, ""),
    )
    lookups = Lookups(ctx.c, [Lookup("postmap", lookup(name), key) for name, key, _ in tables])
    for name, key, value in tables:
        yield Probe(
            f"Postfix looks up {name}",
            value or "nothing, without an error",
            partial(_look_up, lookups, Lookup("postmap", lookup(name), key), value),
            f"the map file and the parameter that names it must be right: {ctx.fab('postfix')}",
            needs=(ACCOUNTS, runs("postfix")),
        )


def _look_up(lookups: Lookups, wanted: Lookup, value: str) -> str:
    found = lookups.result(wanted)
    if found != value:
        raise Failed(found or "nothing is found")
    return found or "nothing"


def _message(ctx: VerifyContext, recipient: str) -> bytes:
    token = ctx.accounts.token(recipient)
    message = EmailMessage()
    message["From"] = ctx.accounts.imap
    message["To"] = recipient
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{token}@{ctx.accounts.domain}>"
    message["Subject"] = f"mailfab verify {token}"
    message.set_content(f"A test of this mail server, which is removed again.\n{token}\n")
    return message.as_bytes()


def _send(ctx: VerifyContext, port: int) -> str:
    them = ctx.accounts
    with smtp(ctx, port) as opened:
        opened.enter(them.imap, them.password)
        for recipient in (them.imap, them.pop3, them.forwarding):
            answer = _submit(ctx, opened, recipient)
            if refused(answer, "250"):
                continue
            if recipient == them.forwarding:
                # That is the forwarding's failure, which has a check of its own.
                ctx.trace.refusals[recipient] = answer
                break
            raise Failed(f"{recipient}: {answer}")
    return answer


def _submit(ctx: VerifyContext, opened: Smtp, recipient: str) -> str:
    for command in (("MAIL", f"FROM:<{ctx.accounts.imap}>"), ("RCPT", f"TO:<{recipient}>")):
        answer = opened.ask(*command)
        if not refused(answer, "250"):
            return answer
    code, text = opened.data(_message(ctx, recipient))
    return f"{code} {text.decode(errors='replace')}"


def _delivered(ctx: VerifyContext, addresses: tuple[str, ...], *, wait: bool = False) -> str:
    if wait:
        found = follow(ctx.c, ctx.accounts.domain, ctx.accounts.tokens.values())
        ctx.trace = replace(found, refusals=ctx.trace.refusals)
    paths = []
    for address in addresses:
        path = ctx.trace.files.get(ctx.accounts.token(address))
        if path is None:
            raise Failed(f"{address}: {ctx.trace.failure(address)}")
        paths.append(path)
    if addresses == (ctx.accounts.forwarding,) and "/imap/" not in paths[0]:
        raise Failed(paths[0])
    return paths[0]


def _logged(ctx: VerifyContext) -> str:
    user = ctx.accounts.imap
    lines = [line for line in ctx.trace.log if f"to=<{user}>" in line and "status=sent" in line]
    if not lines:
        raise Failed(ctx.trace.failure(user))
    found = lines[0][lines[0].index("status=sent") :]
    if "relay=dovecot" not in lines[0]:
        raise Failed(f"not by Dovecot: {lines[0]}")
    if "rror" in found:
        raise Failed(found)
    return found


def _saved(ctx: VerifyContext) -> str:
    token = ctx.accounts.token(ctx.accounts.imap)
    lines = [line for line in ctx.trace.saved if token in line]
    if not any("saved mail to INBOX" in line for line in lines):
        raise Failed(lines[-1] if lines else f"nothing about it in {DELIVER_LOG}")
    return "saved mail to INBOX"
