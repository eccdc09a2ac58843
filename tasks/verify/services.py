"""Checks "Services": what the guide starts runs, and starts at boot."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from fabfile.model.probe import Failed, Probe
from fabfile.model.redact import redact
from fabfile.resources.service import SERVICE, Service
from tasks.verify.context import VerifyContext, ask
from tasks.verify.log import UNIT_LOG, last_words
from tasks.verify.machine import room, warnings

SECTIONS = ("postfix", "dovecot")


def probes(ctx: VerifyContext) -> Iterator[Probe]:
    """Yield the checks of the machine and of its services."""
    yield room(ctx, ctx.states)
    for service in ctx.services:
        section = service.name if service.name in SECTIONS else "mysql"
        look = partial(_state, ctx, service)
        yield Probe(
            runs(service.name),
            "running",
            partial(look, "running"),
            "it has to be started",
            sections=(section,),
        )
        yield Probe(
            f"{service.name} starts at boot",
            "enabled",
            partial(look, "enabled"),
            "it has to be enabled",
            sections=(section,),
        )

    yield warnings(ctx.states)


def runs(service: str) -> str:
    """Return the name of the check that others need."""
    return f"{service} runs"


def _state(ctx: VerifyContext, service: Service, attribute: str) -> str:
    state = ctx.states.get((SERVICE.name, service.key))
    if state is None:
        raise Failed("there is no such service on the host")
    if not state[attribute]:
        raise Failed(f"not {attribute}{_log(ctx, service) if attribute == 'running' else ''}")
    return attribute


def _log(ctx: VerifyContext, service: Service) -> str:
    unit = service.process or service.name
    states = ask(ctx.c, {UNIT_LOG: {unit: None}})
    words = last_words(str(states.get((UNIT_LOG.name, unit), {"text": ""})["text"]))
    return f"; its log says: {redact(words, ())}" if words else ""
