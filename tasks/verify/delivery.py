"""Checks "Domains and users": a message sent, delivered and logged, and local mail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.utils import formatdate
from functools import partial

from fabfile.model import shell
from fabfile.model.probe import Failed, Probe
from tasks.verify.aliases import leads_to, strangers_can_write
from tasks.verify.client import Smtp, refused
from tasks.verify.context import VerifyContext
from tasks.verify.ehlo import login
from tasks.verify.mysql import ACCOUNTS
from tasks.verify.services import runs
from tasks.verify.session import smtp
from tasks.verify.tables import TABLES
from tasks.verify.trace import DELIVER_LOG, follow

SENT = "Messages are accepted after a login"
DELIVERED = "A message is delivered"
FORWARDED = "A forwarding is followed"


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of the way of a message, from the tables to the mail client."""
    port, them = (587 if ctx.host.flag("submission") else 25), ctx.accounts
    yield Probe(
        SENT,
        "250 for each message",
        partial(_send, ctx, port),
        "Postfix must take mail from a user who has logged in",
        needs=(ACCOUNTS, *TABLES, login(port)),
        sections=("postfix", "dovecot"),
    )
    yield Probe(
        DELIVERED,
        "files in the Maildir folders of both users",
        partial(_delivered, ctx, (them.imap, them.pop3), wait=True),
        "the delivery service in master.cf and Dovecot's delivery agent store it",
        needs=(SENT,),
        sections=("postfix", "dovecot"),
    )
    yield Probe(
        FORWARDED,
        f"the message for {them.forwarding} in the Maildir of {them.imap}",
        partial(_delivered, ctx, (them.forwarding,)),
        "virtual_alias_maps must name the table of forwardings",
        needs=(DELIVERED,),
        sections=("postfix",),
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
        f"vmail must be able to write {DELIVER_LOG}",
        needs=(DELIVERED,),
        sections=("dovecot",),
    )
    yield Probe(
        "Local mail is delivered",
        f"status=sent for {LOCAL}, and that root's mail can be delivered (sendmail -bv)",
        partial(_local_mail, ctx),
        "cron and other programs write to local users by local(8)",
        needs=(
            *TABLES,
            runs("postfix"),
            strangers_can_write(ctx),
            # Where it leads elsewhere, perhaps to root itself, its trial fails for that reason.
            leads_to("root", ctx.host["postmaster"]),
        ),
        sections=("postfix", "aliases"),
    )


LOCAL = "vmail"
"""A local user without a login, to which no program writes."""
LOCAL_SECONDS = 15
SEND_LOCAL = f"wait={LOCAL_SECONDS}\n" + shell.program(__file__, "local.sh")


def _local_mail(ctx: VerifyContext) -> str:
    """Send mail as cron does: for real to a user without mail, and as a trial to root."""
    them = ctx.accounts
    values = shell.words(them.imap, LOCAL, them.token(LOCAL))
    output = ctx.c.run_script(shell.script("", f"set -- {values}\n{SEND_LOCAL}"))
    kind, *lines = output.split("\n")
    ctx.empty_mailbox = kind != "real"
    answers = [line[line.index("status=") :] for line in lines if "status=" in line]
    for line in answers:
        if not line.startswith(("status=sent", "status=deliverable")):
            raise Failed(line[:300])
    if len(answers) < 2:
        complaint = " ".join(line for line in lines if line and "status=" not in line)
        raise Failed(complaint[:300] or f"no file within {LOCAL_SECONDS} s, no word in the logs")
    return "; ".join(dict.fromkeys(answers))


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
