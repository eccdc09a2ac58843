"""Checks "Testing Postfix": what EHLO offers, and that what it offers is really there.

The guide looks at EHLO only, which offers STARTTLS even when no handshake can succeed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from fabfile.model.fact import Fact
from fabfile.model.probe import Failed, Probe, Skipped, Warned
from tasks.verify.client import refused
from tasks.verify.context import VerifyContext, ask
from tasks.verify.mysql import ACCOUNTS
from tasks.verify.ports import answers
from tasks.verify.services import runs
from tasks.verify.session import PORTS, cipher, session, smtp

RECONNECT_SECONDS = 6
# Keywords of smtpd_discard_ehlo_keywords, in main.cf or as -o in master.cf.
DISCARDED = Fact(
    "discarded_keywords",
    "{ postconf -h smtpd_discard_ehlo_keywords; sed -n "
    "'s/^[^#]*smtpd_discard_ehlo_keywords *= *//p' /etc/postfix/master.cf; } | tr '{}, ' '\\n'",
    lambda lines: {line.strip().lower(): {"left out": True} for line in lines if line.strip()},
)
OFFERED = ("PIPELINING", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN")


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of what the ports offer, of TLS, and of logins."""
    size = f"SIZE {ctx.host['message_size_limit']}"
    vrfy = "VRFY" if ctx.host.flag("vrfy") else "no VRFY"
    yield Probe(
        "EHLO on port 25 offers what the guide lists",
        ", ".join((size, vrfy, *OFFERED)),
        partial(_offers, ctx, size),
        "Postfix offers something else than is configured",
        needs=(answers(25),),
        sections=("postfix",),
    )
    in_clear = ctx.host.flag("auth_before_tls")
    yield Probe(
        f"Port 25 {'takes' if in_clear else 'takes no'} passwords before TLS",
        "AUTH offered" if in_clear else "AUTH not offered",
        partial(_auth_in_clear, ctx, 25, in_clear),
        "smtpd_tls_auth_only decides this",
        needs=(answers(25),),
        sections=("postfix",),
    )
    yield Probe(
        "Port 587 does nothing before TLS",
        "no AUTH offered, and 530 for MAIL FROM",
        partial(_insists, ctx),
        "the entry submission in master.cf decides this",
        needs=(answers(587),),
        sections=("postfix",),
    )
    for port in PORTS:
        if not port.wrapped:
            yield Probe(
                starttls(port.number),
                "a TLS session",
                partial(_handshake, ctx, port.number),
                f"{port.server} cannot use its certificate or key",
                # smtpd does not go on without the logins that it offers under TLS.
                needs=(answers(port.number), runs("dovecot")),
                sections=(port.server, "dovecot"),
            )
    for number in (25, 587, 465):
        needs = starttls(number) if number != 465 else answers(number)
        yield Probe(
            offers_login(number),
            "AUTH … PLAIN" + (" and AUTH=" if ctx.host.flag("old_outlook") else ""),
            partial(_auth, ctx, number),
            "smtpd_sasl_auth_enable or Dovecot's socket private/auth is wrong",
            needs=(needs,),
            sections=("postfix", "dovecot"),
        )
    for port in PORTS:
        needs = answers(port.number) if port.wrapped else starttls(port.number)
        if port.protocol == "smtp":
            needs = offers_login(port.number)
        yield Probe(
            login(port.number),
            "the server lets the temporary user in",
            partial(_login, ctx, port.number),
            "Dovecot looks passwords up in the database",
            needs=(ACCOUNTS, needs),
            sections=("dovecot", "mysql"),
        )


def starttls(number: int) -> str:
    """Return the name of the check that a port can change to TLS, which others need."""
    return f"STARTTLS on port {number} completes"


def offers_login(number: int) -> str:
    """Return the name of the check that a port offers a login, which others need."""
    return f"AUTH PLAIN is offered on port {number} under TLS"


def login(number: int) -> str:
    """Return the name of the check that a login works, which others need."""
    return f"The right password is accepted on port {number}"


def _offers(ctx: VerifyContext, size: str) -> str:
    with smtp(ctx, 25, tls=False) as opened:
        offered = opened.offers()
    missing = sorted({size, *OFFERED} - offered)
    if ("VRFY" in offered) != ctx.host.flag("vrfy"):
        missing.append("no VRFY" if "VRFY" in offered else "VRFY")
    text = ", ".join(sorted(offered))
    if not missing:
        return text
    left_out = _discarded(ctx)
    if wrong := [word for word in missing if not _on_purpose(word, offered, left_out)]:
        raise Failed(f"not as expected: {', '.join(wrong)}; offered: {text}")
    raise Warned(
        f"left out on purpose (smtpd_discard_ehlo_keywords): {', '.join(missing)}; offered: {text}",
        "take them out of smtpd_discard_ehlo_keywords if this is not wanted",
    )


def _on_purpose(word: str, offered: set[str], left_out: set[str]) -> bool:
    """Return whether a keyword is missing by choice: not one offered with another value."""
    keyword = word.partition(" ")[0]
    return keyword.lower() in left_out and not any(
        line.partition(" ")[0] == keyword for line in offered
    )


def _discarded(ctx: VerifyContext) -> set[str]:
    """Return the keywords that the administrator has Postfix leave out, on any port."""
    states = ask(ctx.c, {DISCARDED: {"": None}})
    words = {key for fact, key in states if fact == DISCARDED.name}
    # Without STARTTLS, passwords and mail travel in clear text: no administrator wants that.
    return words - {"starttls", "auth"}


def _auth_in_clear(ctx: VerifyContext, number: int, expected: bool) -> str:
    with smtp(ctx, number, tls=False) as opened:
        offered = [line for line in opened.offers() if line.startswith("AUTH")]
        # What is not offered may be taken all the same: 503 and 530 are the refusals.
        answer = opened.ask("AUTH", "PLAIN")
        if refused(answer, "334"):
            offered.append(answer)
            opened.ask("*")
    if bool(offered) != expected:
        raise Failed(", ".join(sorted(offered)) or "AUTH is not offered")
    return ", ".join(sorted(offered)) or f"AUTH answers {answer}"


def _insists(ctx: VerifyContext) -> str:
    _auth_in_clear(ctx, 587, expected=False)
    with smtp(ctx, 587, tls=False) as opened:
        opened.ehlo()
        answer = opened.ask("MAIL", f"FROM:<{ctx.accounts.imap}>")
    if not refused(answer, "530"):
        raise Failed(answer)
    return answer


def _handshake(ctx: VerifyContext, number: int) -> str:
    with session(ctx, number) as opened:
        return cipher(opened)


def _auth(ctx: VerifyContext, number: int) -> str:
    with smtp(ctx, number) as opened:
        offered = sorted(line for line in opened.offers() if line.startswith("AUTH"))
    text = ", ".join(offered) or "no AUTH"
    mechanisms = {word for line in offered if line.startswith("AUTH ") for word in line.split()}
    old = any(line.startswith("AUTH=") for line in offered)
    if "PLAIN" not in mechanisms or old != ctx.host.flag("old_outlook"):
        raise Failed(text)
    return text


def _login(ctx: VerifyContext, number: int) -> str:
    if not ctx.may_have_rows:
        raise Skipped("there is no account to log in with")
    try:
        return _enter(ctx, number)
    except Exception:
        # Dovecot waits for some seconds before it turns again to a database that had gone, and
        # refuses everybody until then. Once in a run it is given that time.
        if ctx.waited:
            raise
    ctx.waited = True
    time.sleep(RECONNECT_SECONDS)
    return _enter(ctx, number)


def _enter(ctx: VerifyContext, number: int) -> str:
    with session(ctx, number) as opened:
        return opened.enter(ctx.accounts.imap, ctx.accounts.password)
