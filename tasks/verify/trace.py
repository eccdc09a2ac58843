"""The trace of messages on the host: the files they have become, and what the logs say of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from fabfile.fleet.host_connection import HostConnection
from fabfile.model import shell
from tasks.verify.temporary import HOME, NAME

DELIVER_LOG = f"{HOME}/dovecot-deliver.log"
WAIT_SECONDS = 30

FOLLOW = f"home={HOME} wait={WAIT_SECONDS} deliver_log={DELIVER_LOG}\n" + shell.program(
    __file__, "follow.sh"
)


@dataclass
class Trace:
    """What the host tells of some messages."""

    files: dict[str, str] = field(default_factory=dict)
    """The file that holds each token."""
    saved: list[str] = field(default_factory=list)
    """What Dovecot's delivery agent has logged."""
    log: list[str] = field(default_factory=list)
    """What Postfix has logged."""
    queue: list[str] = field(default_factory=list)
    """What is still in the queue."""
    refusals: dict[str, str] = field(default_factory=dict)
    """What Postfix has answered to an address that it did not take."""

    def failure(self, address: str) -> str:
        """Return why there is no mail for an address, as the host has put it."""
        if answer := self.refusals.get(address):
            return answer
        lines = [line for line in self.log if f"<{address}>" in line and "status=" in line]
        if lines:
            return lines[-1][lines[-1].index("status=") :][:300]
        waiting = [line.strip() for line in self.queue if line.strip().startswith("(")]
        return waiting[-1] if waiting else f"no file within {WAIT_SECONDS} s, no word in the logs"


def read(output: str) -> Trace:
    """Return the trace in the output of FOLLOW."""
    trace = Trace()
    for line in output.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "file":
            token, _, path = rest.partition(" ")
            trace.files[token] = path
        elif kind in ("saved", "log", "queue"):
            getattr(trace, kind).append(rest)
    return trace


def follow(c: HostConnection, domain: str, tokens: Iterable[str]) -> Trace:
    """Wait on the host until messages have arrived, and return what is known of them."""
    if not NAME.fullmatch(domain):
        raise ValueError(f"{domain!r} is not a temporary domain")
    body = f"set -- {shell.words(domain, *tokens)}\n{FOLLOW}"
    return read(c.run_script(shell.script("", body)))
