"""Checks "Refusals": what a mail server must not do, and must say so at once.

Wrong passwords come last, since Dovecot makes an address wait that has shown one.
"""

from __future__ import annotations

import imaplib
import smtplib
from collections.abc import Iterator
from functools import partial

from fabfile.model.probe import Failed, Probe, Skipped
from tasks.verify.client import raise_refusal, recipient_answer, refused
from tasks.verify.context import VerifyContext
from tasks.verify.ehlo import login, starttls
from tasks.verify.listener import stranger
from tasks.verify.mysql import ACCOUNTS
from tasks.verify.ports import OPEN, answers
from tasks.verify.session import LOOPBACK, session, smtp
from tasks.verify.tables import TABLES

STRANGER = "stranger@example.net"
"""An address that is on no server of ours. It is named only, and never sent anything."""


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of what has to be refused."""
    open_relay = (
        "this server may be an open relay, close it now (mynetworks, smtpd_relay_restrictions, "
        "smtpd_recipient_restrictions, and the options of smtpd in master.cf)"
    )
    settings = ctx.on_host("postconf -n; grep -v '^#' /etc/postfix/master.cf")
    yield Probe(
        "An unknown recipient is refused",
        "550",
        partial(_unknown, ctx),
        "virtual_mailbox_maps does not answer as it should",
        needs=(ACCOUNTS, *TABLES, answers(25)),
        sections=("postfix",),
    )
    yield Probe(
        "A stranger cannot relay",
        "5xx for a recipient elsewhere",
        partial(_relay, ctx),
        open_relay,
        needs=(answers(25), OPEN),
        sections=("postfix",),
        otherwise=f"none of mailfab's settings does it, so look for others: {settings}",
    )
    yield Probe(
        "Port 587 sends nothing without a login",
        "5xx for a recipient elsewhere",
        partial(_relay_without_login, ctx),
        open_relay,
        needs=(starttls(587), OPEN),
        sections=("postfix",),
        otherwise=f"none of mailfab's settings does it, so look for others: {settings}",
    )
    number = 587 if ctx.host.flag("submission") else 25
    yield Probe(
        "A user who has logged in may send anywhere",
        "250 for a recipient elsewhere (then RSET: nothing is sent)",
        partial(_send_anywhere, ctx, number),
        "permit_sasl_authenticated is missing in the recipient restrictions",
        needs=(ACCOUNTS, *TABLES, login(number), OPEN),
        sections=("postfix",),
    )
    yield Probe(
        wrong_password(number),
        "535",
        partial(_wrong_over_smtp, ctx, number),
        "Dovecot takes any password: another passdb or an own file of its configuration does it",
        needs=(ACCOUNTS, login(number)),
        sections=("dovecot",),
    )
    yield Probe(
        wrong_password(993),
        "NO [AUTHENTICATIONFAILED]",
        partial(_wrong_over_imap, ctx),
        "Dovecot takes any password: another passdb or an own file of its configuration does it",
        needs=(ACCOUNTS, login(993), wrong_password(number)),
        sections=("dovecot",),
    )


def wrong_password(number: int) -> str:
    """Return the name of the check that a wrong password does not let in, which others need."""
    return f"A wrong password is refused on port {number}"


def _unknown(ctx: VerifyContext) -> str:
    with smtp(ctx, 25, tls=False) as opened:
        answer = recipient_answer(opened, "", ctx.accounts.nobody)
    if not refused(answer, "550"):
        raise_refusal(answer)
    return answer


def _relay(ctx: VerifyContext) -> str:
    address = stranger(ctx.states, ctx.host["mynetworks"])
    if address is None:
        raise Skipped("the host has no address that is not in mynetworks")
    with smtp(ctx, 25, tls=False, address=address) as opened:
        answer = recipient_answer(opened, STRANGER, STRANGER)
    return _require_refusal(answer, address)


def _relay_without_login(ctx: VerifyContext) -> str:
    address = stranger(ctx.states, ctx.host["mynetworks"]) or LOOPBACK
    with smtp(ctx, 587, address=address) as opened:
        answer = recipient_answer(opened, STRANGER, STRANGER)
    return _require_refusal(answer, address)


def _require_refusal(answer: str, address: str) -> str:
    # A temporary refusal is one too: by reject_unknown_client_hostname, greylisting, postscreen.
    if not refused(answer, "[45].."):
        raise Failed(f"{answer} (from {address})")
    return answer


def _send_anywhere(ctx: VerifyContext, number: int) -> str:
    address = stranger(ctx.states, ctx.host["mynetworks"]) or LOOPBACK
    with smtp(ctx, number, address=address) as opened:
        opened.enter(ctx.accounts.imap, ctx.accounts.password)
        answer = recipient_answer(opened, ctx.accounts.imap, STRANGER)
    if not refused(answer, "250"):
        raise_refusal(answer)
    return answer


def _wrong(ctx: VerifyContext) -> str:
    """Return a wrong password that begins like the right one: old hashes count 8 characters."""
    return f"{ctx.accounts.password}-wrong"


def _wrong_over_smtp(ctx: VerifyContext, number: int) -> str:
    with smtp(ctx, number) as opened:
        try:
            opened.enter(ctx.accounts.imap, _wrong(ctx))
        except smtplib.SMTPAuthenticationError as error:
            text = error.smtp_error
            answer = f"{error.smtp_code} {text.decode() if isinstance(text, bytes) else text}"
            if error.smtp_code != 535:
                raise Failed(answer) from None
            return answer
    raise Failed("the server let the user in")


def _wrong_over_imap(ctx: VerifyContext) -> str:
    # From another address than the one before, which has to wait now.
    address = stranger(ctx.states, LOOPBACK) or LOOPBACK
    with session(ctx, 993, address=address) as opened:
        try:
            opened.enter(ctx.accounts.imap, _wrong(ctx))
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            answer = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
            if "AUTHENTICATIONFAILED" not in answer:
                raise Failed(answer) from None
            return answer
    raise Failed("the server let the user in")
