"""A session with a mail server through the SSH connection: SMTP, IMAP or POP3, TLS or not.

TLS here accepts any certificate: separate checks look at the certificate.
"""

from __future__ import annotations

import imaplib
import poplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tasks.verify.client import CLIENTS, SECONDS_AFTER_SILENCE, Session, Smtp
from tasks.verify.context import VerifyContext

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Port:
    """A port of a mail server. A wrapped one speaks TLS from the first byte."""

    number: int
    protocol: str
    server: str
    wrapped: bool = False


PORTS = (
    Port(25, "smtp", "postfix"),
    Port(587, "smtp", "postfix"),
    Port(465, "smtp", "postfix", wrapped=True),
    Port(143, "imap", "dovecot"),
    Port(993, "imap", "dovecot", wrapped=True),
    Port(110, "pop3", "dovecot"),
    Port(995, "pop3", "dovecot", wrapped=True),
)
FOR_CLIENTS = (587, 465)
"""The ports that are there when the variable `submission` says so."""


def port(number: int) -> Port:
    """Return one of the ports."""
    return next(port for port in PORTS if port.number == number)


def tls_context(ctx: VerifyContext) -> ssl.SSLContext:
    """Return a context that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if ctx.host.system.family == "el" and ctx.host.system.major <= 6:
        # Its servers have a short Diffie-Hellman key, which OpenSSL 3 refuses by default.
        context.set_ciphers("DEFAULT:@SECLEVEL=1")
    return context


@contextmanager
def session(
    ctx: VerifyContext,
    number: int,
    *,
    tls: bool = True,
    address: str = LOOPBACK,
    context: ssl.SSLContext | None = None,
) -> Iterator[Session]:
    """Open a session with a port. With `tls`, STARTTLS comes first unless the port is wrapped."""
    where, fqdn = port(number), ctx.host["fqdn"]
    context = context or tls_context(ctx)
    sock = ctx.c.open_tunnel(address, number)
    sock.settimeout(ctx.patience)
    try:
        if where.wrapped:
            sock = context.wrap_socket(sock, server_hostname=fqdn)
        opened = CLIENTS[where.protocol](sock, fqdn)
        sock = opened.sock or sock
        if tls and not where.wrapped:
            opened.upgrade(context)
            sock = opened.sock or sock
        if isinstance(sock, ssl.SSLSocket):
            ctx.shown[number] = sock.getpeercert(binary_form=True) or b""
        yield opened
        with suppress(OSError, imaplib.IMAP4.error, poplib.error_proto):
            opened.quit()
    except TimeoutError:
        ctx.patience = SECONDS_AFTER_SILENCE
        raise
    finally:
        sock.close()


@contextmanager
def smtp(
    ctx: VerifyContext, number: int, *, tls: bool = True, address: str = LOOPBACK
) -> Iterator[Smtp]:
    """Open a session with a port that speaks SMTP."""
    with session(ctx, number, tls=tls, address=address) as opened:
        assert isinstance(opened, Smtp)
        yield opened


def cipher(opened: Session) -> str:
    """Return the protocol and cipher of a session's TLS."""
    sock = opened.sock
    assert isinstance(sock, ssl.SSLSocket)
    return f"{sock.version()} {(sock.cipher() or ['?'])[0]}"
