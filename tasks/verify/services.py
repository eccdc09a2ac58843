"""Chapter "Services": what the guide starts runs, and starts at boot."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fabfile.resources.service import SERVICE, Service
from tasks.verify.context import Examination
from tasks.verify.probe import Failed, Probe

SECTIONS = ("postfix", "dovecot")


def probes(ex: Examination) -> Iterator[Probe]:
    """Yield the checks of the services."""
    for service in ex.services:
        section = service.name if service.name in SECTIONS else "mysql"
        look = partial(_state, ex, service)
        log = f"journalctl -u {service.process or service.name}"
        if ex.host.system.init != "systemd":
            log = "/var/log/messages"
        yield Probe(
            runs(service.name),
            "running",
            partial(look, "running"),
            f"start it: {ex.fab(section)}; why it stopped is in {log}",
        )
        yield Probe(
            f"{service.name} starts at boot",
            "enabled",
            partial(look, "enabled"),
            f"enable it: {ex.fab(section)}",
        )


def runs(service: str) -> str:
    """Return the name of the check that others need."""
    return f"{service} runs"


def _state(ex: Examination, service: Service, attribute: str) -> str:
    state = ex.states.get((SERVICE.name, service.key))
    if state is None:
        raise Failed("there is no such service on the host")
    if not state[attribute]:
        raise Failed(f"not {attribute}")
    return attribute
