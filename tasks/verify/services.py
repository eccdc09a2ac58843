"""Checks "Services": what the guide starts runs, and starts at boot."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fabfile.model.probe import Failed, Probe
from fabfile.resources.service import SERVICE, Service
from tasks.verify.context import VerifyContext

SECTIONS = ("postfix", "dovecot")


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of the services."""
    for service in ctx.services:
        section = service.name if service.name in SECTIONS else "mysql"
        look = partial(_state, ctx, service)
        log = f"journalctl -u {service.process or service.name}"
        if ctx.host.system.init != "systemd":
            log = "/var/log/messages"
        yield Probe(
            runs(service.name),
            "running",
            partial(look, "running"),
            f"start it: {ctx.fab(section)}; why it stopped is in {log}",
        )
        yield Probe(
            f"{service.name} starts at boot",
            "enabled",
            partial(look, "enabled"),
            f"enable it: {ctx.fab(section)}",
        )


def runs(service: str) -> str:
    """Return the name of the check that others need."""
    return f"{service} runs"


def _state(ctx: VerifyContext, service: Service, attribute: str) -> str:
    state = ctx.states.get((SERVICE.name, service.key))
    if state is None:
        raise Failed("there is no such service on the host")
    if not state[attribute]:
        raise Failed(f"not {attribute}")
    return attribute
