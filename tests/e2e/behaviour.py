"""How a mail server answers: what a mail client sees, and where messages end.

Connections come from the lan, so Postfix takes the client for a stranger; messages of the server's
own come from its own sendmail.
"""

from __future__ import annotations

import imaplib
import poplib
import re
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

from tests.e2e.conftest import SandboxHost
from tests.e2e.guide_texts import ADDRESS, DOMAIN, FQDN, PASSWORD
from tests.e2e.snapshot import Facts

SECONDS = 30
ELSEWHERE = "someone@elsewhere.example"
RECIPIENTS = (
    ADDRESS,
    f"info@{DOMAIN}",
    f"nobody@{DOMAIN}",
    f"postmaster@{FQDN}",
    f"nosuchuser@{FQDN}",
    ELSEWHERE,
)
INJECTED = (ADDRESS, f"info@{DOMAIN}", "root", f"nobody@{DOMAIN}")

TRACE = """\
for i in $(seq 200); do
    postqueue -p | grep -q 'queue is empty' && break
    sleep 0.1
done
sed -n 's/.*: \\([0-9A-F]*\\): message-id=<\\(.*\\)@'$1'>.*/\\1 \\2/p' /var/log/maillog |
while read -r id token; do
    grep " $id: to=" /var/log/maillog | sed "s/^/$token /"
done
cd /home/vmail
find . -path '*/Maildir/*' -name '[0-9]*' | while read -r file; do
    token=$(sed -n 's/^Message-ID: <\\(.*\\)@'$1'>.*/\\1/p' "$file")
    [ -n "$token" ] || continue
    file=${file#./}
    echo "$token stored in ${file%/*/*} $(stat -c '%U:%G %a' "$file")"
    sed '/^\\r*$/,$d' "$file" |
        grep -E '^(Return-Path|Delivered-To|X-Original-To):' | sed "s/^/$token /"
done
"""


def trusting() -> ssl.SSLContext:
    """Return a context that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def said(ask: Callable[[], object]) -> str:
    """Return the answer to something, or the refusal."""
    try:
        answer = ask()
    except smtplib.SMTPResponseException as error:
        answer = (error.smtp_code, error.smtp_error)
    except (imaplib.IMAP4.error, poplib.error_proto, OSError, smtplib.SMTPException) as error:
        answer = f"{type(error).__name__}: {error}"
    text = " ".join(
        part.decode() if isinstance(part, bytes) else str(part) for part in flat(answer)
    )
    return " ".join(text.split())


def flat(answer: object) -> Iterator[object]:
    """Yield the parts of an answer in tuples and lists."""
    if isinstance(answer, tuple | list):
        for part in answer:
            yield from flat(part)
    else:
        yield answer


def smtp(box: SandboxHost, number: int) -> smtplib.SMTP:
    """Connect to a port that speaks SMTP; 465 with TLS."""
    where = (box.server.address, box.server.port(number), "client.example")
    if number == 465:
        return smtplib.SMTP_SSL(*where, timeout=SECONDS, context=trusting())
    return smtplib.SMTP(*where, timeout=SECONDS)


def ehlo(session: smtplib.SMTP, when: str) -> Facts:
    """Return what a server offers, one thing each."""
    session.ehlo()
    lines = (session.ehlo_resp or b"").decode().splitlines()[1:]
    return {f"EHLO {when} {line}": "offered" for line in lines}


def port_25(box: SandboxHost) -> Facts:
    """Return the answers of port 25 to a stranger: without TLS, with it, and after a login."""
    found: Facts = {}
    with smtp(box, 25) as session:
        found |= ehlo(session, "on 25")
        found["greeting"] = FQDN if FQDN in str(session.ehlo_resp) else str(session.ehlo_resp)
        found["VRFY"] = said(lambda: session.docmd("VRFY", "root"))
        found["EXPN"] = said(lambda: session.docmd("EXPN", "root"))
        found["login without TLS"] = said(lambda: session.login(ADDRESS, PASSWORD))
    with smtp(box, 25) as session:
        session.ehlo()
        found["STARTTLS"] = said(lambda: session.starttls(context=trusting()))
        found |= ehlo(session, "on 25 with TLS")
        for recipient in RECIPIENTS:
            session.docmd("MAIL", f"FROM:<{ELSEWHERE}>")
            found[f"RCPT {recipient}"] = said(partial(session.docmd, "RCPT", f"TO:<{recipient}>"))
            session.docmd("RSET")
        found["login"] = said(lambda: session.login(ADDRESS, PASSWORD))
        session.docmd("MAIL", f"FROM:<{ADDRESS}>")
        found[f"RCPT {ELSEWHERE} after the login"] = said(
            lambda: session.docmd("RCPT", f"TO:<{ELSEWHERE}>")
        )
    return found


def submission(box: SandboxHost) -> Facts:
    """Return the answers of the ports for mail clients."""
    found: Facts = {}
    for number in (587, 465):
        try:
            with smtp(box, number) as session:
                session.ehlo()
                if number == 587:
                    session.starttls(context=trusting())
                found[f"login on {number}"] = said(partial(session.login, ADDRESS, PASSWORD))
        except (OSError, smtplib.SMTPException):
            found[f"login on {number}"] = "no connection"
    return found


def imap(box: SandboxHost, number: int, *, tls: bool) -> Facts:
    """Return the answers of an IMAP port."""
    where = (box.server.address, box.server.port(number))
    wrapped = number == 993
    session = (
        imaplib.IMAP4_SSL(*where, ssl_context=trusting(), timeout=SECONDS)
        if wrapped
        else imaplib.IMAP4(*where, timeout=SECONDS)
    )
    name = f"IMAP {number}{' with TLS' if tls else ''}"
    found = {f"{name} greeting": said(lambda: session.welcome)}
    if tls and not wrapped:
        found[f"{name} STARTTLS"] = said(lambda: session.starttls(trusting())[0])
    found[f"{name} login"] = said(lambda: session.login(ADDRESS, PASSWORD)[0])
    if session.state == "AUTH":
        found[f"{name} LIST"] = said(session.list)
        found[f"{name} INBOX"] = said(lambda: session.select(readonly=True)[0])
    with suppress(imaplib.IMAP4.error, OSError):
        session.logout()
    return found


def pop3(box: SandboxHost, number: int, *, tls: bool) -> Facts:
    """Return the answers of a POP3 port."""
    where = (box.server.address, box.server.port(number))
    wrapped = number == 995
    session = (
        poplib.POP3_SSL(*where, context=trusting(), timeout=SECONDS)
        if wrapped
        else poplib.POP3(*where, timeout=SECONDS)
    )
    name = f"POP3 {number}{' with TLS' if tls else ''}"
    found = {f"{name} greeting": said(lambda: session.welcome)}
    if tls and not wrapped:
        found[f"{name} STLS"] = said(lambda: session.stls(trusting()))
    found[f"{name} user"] = said(lambda: session.user(ADDRESS))
    if tls:
        found[f"{name} login"] = said(lambda: session.pass_(PASSWORD))
        uidl = said(lambda: session.uidl(1))
        found[f"{name} UIDL"] = re.sub(r"[0-9A-Fa-f]", "X", uidl)
    with suppress(poplib.error_proto, OSError):
        session.quit()
    return found


def message(sender: str, to: str, name: str) -> str:
    """Return a message that can be followed by its name."""
    return (
        f"From: {sender}\nTo: {to}\nSubject: {name}\nMessage-ID: <{name}>\n"
        "Date: Thu, 26 Mar 2015 15:39:07 +0000\n\nThe same for both.\n"
    )


def deliveries(box: SandboxHost) -> Facts:
    """Send messages and return where each ends: those from outside, then the server's own."""
    run = f"run{time.monotonic_ns()}"
    with smtp(box, 25) as session:
        for to in RECIPIENTS[:2]:
            name = f"from-outside-to-{to.partition('@')[0]}@{run}"
            session.sendmail(ELSEWHERE, [to], message(ELSEWHERE, to, name))
    script = ""
    for to in INJECTED:
        name = f"from-inside-to-{to.partition('@')[0]}@{run}"
        script += f"sendmail -f {ADDRESS} {to} <<'END'\n{message(ADDRESS, to, name)}END\n"
    box.sh(script)
    found: dict[str, list[str]] = {}
    for line in box.sh(f"set -- {run}\n{TRACE}").splitlines():
        name, _, rest = line.partition(" ")
        if status := re.search(r"(to=<.*), delay=.*(status=\w+)", rest):
            rest = " ".join(status.groups())
        found.setdefault(name, []).append(rest)
    return {name: "; ".join(sorted(lines)) for name, lines in found.items()}


def behaviour(box: SandboxHost) -> dict[str, Facts]:
    """Return the answers of a server and the fate of messages."""
    fate = deliveries(box)
    return {
        "port 25": port_25(box),
        "ports for mail clients": submission(box),
        "IMAP": imap(box, 143, tls=False) | imap(box, 143, tls=True) | imap(box, 993, tls=True),
        "POP3": pop3(box, 110, tls=False) | pop3(box, 110, tls=True) | pop3(box, 995, tls=True),
        "delivery": fate,
    }
