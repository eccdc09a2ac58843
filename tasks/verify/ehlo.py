"""Chapter "Testing Postfix": what EHLO offers, and that what it offers is really there.

The guide looks at EHLO only, which offers STARTTLS even when no handshake can succeed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from tasks.verify.client import refused
from tasks.verify.context import Examination
from tasks.verify.mysql import ACCOUNTS
from tasks.verify.ports import answers
from tasks.verify.probe import Failed, Probe, Skipped
from tasks.verify.session import PORTS, cipher, session, smtp

RECONNECT_SECONDS = 6
OFFERED = ("PIPELINING", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN")


def probes(ex: Examination) -> Iterator[Probe]:
    """Yield the checks of what the ports offer, of TLS, and of logins."""
    size = f"SIZE {ex.host['message_size_limit']}"
    vrfy = "VRFY" if ex.host.flag("vrfy") else "no VRFY"
    plan = f"see what differs: {ex.fab('postfix.plan')}"
    yield Probe(
        "EHLO on port 25 offers what the guide lists",
        ", ".join((size, vrfy, *OFFERED)),
        partial(_offers, ex, size),
        plan,
        needs=(answers(25),),
    )
    in_clear = ex.host.flag("auth_before_tls")
    yield Probe(
        f"Port 25 {'takes' if in_clear else 'takes no'} passwords before TLS",
        "AUTH offered" if in_clear else "AUTH not offered",
        partial(_auth_in_clear, ex, 25, in_clear),
        f"smtpd_tls_auth_only decides this: {ex.fab('postfix')}",
        needs=(answers(25),),
    )
    yield Probe(
        "Port 587 does nothing before TLS",
        "no AUTH offered, and 530 for MAIL FROM",
        partial(_insists, ex),
        plan,
        needs=(answers(587),),
    )
    for port in PORTS:
        if not port.wrapped:
            yield Probe(
                starttls(port.number),
                "a TLS session",
                partial(_handshake, ex, port.number),
                f"{port.server} cannot use its certificate or key; the mail log says why: "
                f"{ex.fab(port.server)}",
                needs=(answers(port.number),),
            )
    for number in (25, 587, 465):
        needs = starttls(number) if number != 465 else answers(number)
        yield Probe(
            f"AUTH PLAIN is offered on port {number} under TLS",
            "AUTH … PLAIN" + (" and AUTH=" if ex.host.flag("old_outlook") else ""),
            partial(_auth, ex, number),
            f"smtpd_sasl_auth_enable or Dovecot's socket private/auth is wrong: {ex.fab('plan')}",
            needs=(needs,),
        )
    for port in PORTS:
        needs = answers(port.number) if port.wrapped else starttls(port.number)
        yield Probe(
            login(port.number),
            "the server lets the temporary user in",
            partial(_login, ex, port.number),
            "Dovecot looks passwords up in the database; its log says what fails: "
            f"{ex.fab('dovecot')}",
            needs=(ACCOUNTS, needs),
        )


def starttls(number: int) -> str:
    """Return the name of the check that a port can change to TLS, which others need."""
    return f"STARTTLS on port {number} completes"


def login(number: int) -> str:
    """Return the name of the check that a login works, which others need."""
    return f"The right password is accepted on port {number}"


def _offers(ex: Examination, size: str) -> str:
    with smtp(ex, 25, tls=False) as opened:
        offered = opened.offers()
    missing = sorted({size, *OFFERED} - offered)
    if ("VRFY" in offered) != ex.host.flag("vrfy"):
        missing.append("no VRFY" if "VRFY" in offered else "VRFY")
    text = ", ".join(sorted(offered))
    if missing:
        raise Failed(f"not as expected: {', '.join(missing)}; offered: {text}")
    return text


def _auth_in_clear(ex: Examination, number: int, expected: bool) -> str:
    with smtp(ex, number, tls=False) as opened:
        offered = [line for line in opened.offers() if line.startswith("AUTH")]
        # What is not offered may be taken all the same: 503 and 530 are the refusals.
        answer = opened.ask("AUTH", "PLAIN")
        if refused(answer, "334"):
            offered.append(answer)
            opened.ask("*")
    if bool(offered) != expected:
        raise Failed(", ".join(sorted(offered)) or "AUTH is not offered")
    return ", ".join(sorted(offered)) or f"AUTH answers {answer}"


def _insists(ex: Examination) -> str:
    _auth_in_clear(ex, 587, expected=False)
    with smtp(ex, 587, tls=False) as opened:
        opened.ehlo()
        answer = opened.ask("MAIL", f"FROM:<{ex.accounts.imap}>")
    if not refused(answer, "530"):
        raise Failed(answer)
    return answer


def _handshake(ex: Examination, number: int) -> str:
    with session(ex, number) as opened:
        return cipher(opened)


def _auth(ex: Examination, number: int) -> str:
    with smtp(ex, number) as opened:
        offered = sorted(line for line in opened.offers() if line.startswith("AUTH"))
    text = ", ".join(offered) or "no AUTH"
    mechanisms = {word for line in offered if line.startswith("AUTH ") for word in line.split()}
    old = any(line.startswith("AUTH=") for line in offered)
    if "PLAIN" not in mechanisms or old != ex.host.flag("old_outlook"):
        raise Failed(text)
    return text


def _login(ex: Examination, number: int) -> str:
    if not ex.may_have_rows:
        raise Skipped("there is no account to log in with")
    try:
        return _enter(ex, number)
    except Exception:
        # Dovecot waits for some seconds before it turns again to a database that had gone, and
        # refuses everybody until then. Once in a run it is given that time.
        if ex.waited:
            raise
    ex.waited = True
    time.sleep(RECONNECT_SECONDS)
    return _enter(ex, number)


def _enter(ex: Examination, number: int) -> str:
    with session(ex, number) as opened:
        return opened.enter(ex.accounts.imap, ex.accounts.password)
