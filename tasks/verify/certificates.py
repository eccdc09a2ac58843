"""Checks "Certificate": the one configured is shown, fits the server's name, and lasts."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from fabfile.model import shell
from fabfile.model.probe import Failed, Probe, Skipped, Warned
from tasks.tls import certificate
from tasks.verify.context import PEM, VerifyContext
from tasks.verify.session import PORTS, session, tls_context

DAYS = 14
"""A certificate with fewer days left should have been renewed."""
NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL: dates have a check of their own."""
SHOWN = "The certificate is known from the file"


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of the certificate."""
    path, fqdn = certificate(ctx.host)[0], ctx.host["fqdn"]
    own = "tls_cert" not in ctx.host.variables
    renew = "make a new one" if own else f"have its authority renew {path}, then restart"
    sections = ("postfix",) if own else ()
    again = f"mv {shell.quote(path)} {shell.quote(path + '.old')}"
    otherwise = f"{ctx.on_host(again)}, then {ctx.fab('postfix')}" if own else ""
    for server in ("postfix", "dovecot"):
        yield Probe(
            f"{server} shows the configured certificate",
            f"that of {path}",
            partial(_is_that_of_the_file, ctx, path, server),
            f"{server} has another one configured, or was not restarted since it was changed",
            sections=(server,),
        )
    yield Probe(
        f"The certificate is for {fqdn}",
        "a mail client that trusts it accepts it under this name",
        partial(_accepted, ctx, path),
        f"it has to be for this name: {renew}",
        sections=sections,
        otherwise=otherwise,
    )
    yield Probe(
        f"The certificate is valid for {DAYS} days more",
        f"a last day more than {DAYS} days away",
        partial(_lasts, ctx, path),
        f"it has to be renewed: {renew}",
        sections=sections,
        otherwise=otherwise,
    )
    if not own:
        yield Probe(
            "Mail clients trust the certificate",
            "a chain to an authority that this machine knows",
            partial(_trusted, ctx),
            "a file with the certificate alone lacks its chain; a private authority is fine when "
            "all clients know it",
        )


def _pem(ctx: VerifyContext, path: str) -> str:
    if state := ctx.states.get((PEM.name, path)):
        return str(state["text"])
    raise Failed(f"there is no certificate in {path}")


def _fingerprint(der: bytes) -> str:
    return "SHA256 " + hashlib.sha256(der).hexdigest()


def _is_that_of_the_file(ctx: VerifyContext, path: str, server: str) -> str:
    numbers = [p.number for p in PORTS if p.server == server and p.number in ctx.shown]
    if not numbers:
        raise Skipped(f"no TLS session with {server} came about")
    try:
        wanted = _fingerprint(ssl.PEM_cert_to_DER_cert(_pem(ctx, path) + "\n"))
    except ValueError as error:
        raise Failed(f"{path} holds no certificate that can be read: {error}") from None
    for number in numbers:
        if (found := _fingerprint(ctx.shown[number])) != wanted:
            raise Failed(f"port {number} shows {found}, the file has {wanted}")
    return f"{wanted} on {', '.join(map(str, numbers))}"


def _right_port(ctx: VerifyContext, path: str) -> int:
    """Return a port that shows the certificate of the file."""
    wanted = ssl.PEM_cert_to_DER_cert(_pem(ctx, path) + "\n")
    for number, shown in ctx.shown.items():
        if shown == wanted:
            return number
    raise Skipped("no port shows the configured certificate")


def _shown(ctx: VerifyContext, path: str, *, check_name: bool) -> dict[str, Any]:
    """Have OpenSSL verify the certificate with itself as the anchor, and return what it says."""
    number = _right_port(ctx, path)
    context = tls_context(ctx)
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = check_name
    context.verify_flags = ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(NO_CHECK_TIME)
    context.load_verify_locations(cadata=_pem(ctx, path) + "\n")
    with session(ctx, number, context=context) as opened:
        assert isinstance(opened.sock, ssl.SSLSocket)
        return dict(opened.sock.getpeercert() or {})


def _accepted(ctx: VerifyContext, path: str) -> str:
    found = _shown(ctx, path, check_name=True)
    return ", ".join(f"{kind}:{name}" for kind, name in found.get("subjectAltName", ()))


def _lasts(ctx: VerifyContext, path: str) -> str:
    found = _shown(ctx, path, check_name=False)
    first, last = (ssl.cert_time_to_seconds(found[k]) for k in ("notBefore", "notAfter"))
    days = int((last - time.time()) // 86400)
    text = f"valid until {found['notAfter']}"
    if first > time.time():
        raise Failed(f"not valid before {found['notBefore']}")
    if days < 0:
        raise Failed(f"expired on {found['notAfter']}")
    if days < DAYS:
        raise Failed(f"{text}: {days} days left")
    return text


def _trusted(ctx: VerifyContext) -> str:
    number = next(iter(ctx.shown), None)
    if number is None:
        raise Skipped("no TLS session came about")
    try:
        with session(ctx, number, context=ssl.create_default_context()):
            return "trusted"
    except ssl.SSLCertVerificationError as error:
        raise Warned(error.verify_message) from None
