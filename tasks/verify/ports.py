"""Checks "Ports": each answers in its protocol (the guide: `telnet localhost pop3`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fabfile.model.probe import Failed, Probe, Skipped, Warned
from fabfile.resources.firewall import FIREWALL
from tasks.verify.context import VerifyContext
from tasks.verify.listener import listening
from tasks.verify.services import runs
from tasks.verify.session import FOR_CLIENTS, PORTS, Port, session

OPEN = "The ports are open to other machines"
GREETING = {"smtp": "220", "imap": "* OK", "pop3": "+OK"}


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield a check for each port, and one for whether others than the host can reach them."""
    for port in PORTS:
        yield Probe(
            answers(port.number),
            f"{GREETING[port.protocol]} …",
            partial(_greeting, ctx, port),
            "it may be the TLS files, the port taken by another program, or Dovecot's login socket",
            # smtpd does not go on without the logins that it would offer.
            needs=(runs(port.server), *([runs("dovecot")] if port.wrapped else [])),
            sections=(port.server, "dovecot"),
        )
    yield Probe(
        OPEN,
        "each listens on more than the loopback address, and the firewall lets others in",
        partial(_reach, ctx),
        "inet_interfaces of Postfix, listen of Dovecot and the host's firewall decide this",
        needs=(runs("postfix"), runs("dovecot")),
        sections=("postfix", "dovecot"),
    )


def answers(number: int) -> str:
    """Return the name of the check that a port answers, which others need."""
    return f"Port {number} answers"


def _expected(ctx: VerifyContext, port: Port) -> bool:
    return port.number not in FOR_CLIENTS or ctx.host.flag("submission")


def _shut(ctx: VerifyContext, port: Port) -> str:
    """Return where the host's firewall keeps others from a port; nothing when it does not."""
    state = ctx.states.get((FIREWALL.name, str(port.number)), {})
    closed = [place for place, verdict in state.items() if verdict != "open"]
    return closed[0] if closed and _expected(ctx, port) else ""


def _greeting(ctx: VerifyContext, port: Port) -> str:
    if not _expected(ctx, port):
        raise Skipped("submission = no")
    with session(ctx, port.number, tls=False) as opened:
        if not opened.greeting.startswith(GREETING[port.protocol]):
            raise Failed(opened.greeting)
        return opened.greeting


def _reach(ctx: VerifyContext) -> str:
    closed = [
        str(port.number)
        for port in PORTS
        if _expected(ctx, port)
        and (found := listening(ctx.states, port.number))
        and all(address.is_loopback for address in found)
    ]
    if closed:
        raise Failed(f"only the host itself reaches {', '.join(closed)}")
    if shut := {port.number: place for port in PORTS if (place := _shut(ctx, port))}:
        places = ", ".join(dict.fromkeys(shut.values()))
        text = f"the firewall ({places}) keeps others from {', '.join(map(str, shut))}"
        raise Failed(text) if ctx.host.flag("firewall") else Warned(text)
    return "they listen on " + " and ".join(
        sorted({str(a) for p in PORTS for a in listening(ctx.states, p.number)})
    )
