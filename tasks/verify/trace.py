"""The trace of messages on the host: their files, and the lines of the logs about them."""

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
    """The files and log lines of some messages."""

    files: dict[str, str] = field(default_factory=dict)
    """The file that holds each token."""
    saved: list[str] = field(default_factory=list)
    """The log lines of Dovecot's delivery agent."""
    log: list[str] = field(default_factory=list)
    """The log lines of Postfix."""
    queue: list[str] = field(default_factory=list)
    """The messages that are still in the queue."""
    refusals: dict[str, str] = field(default_factory=dict)
    """The answers of Postfix to addresses that it refused."""

    def failure(self, address: str) -> str:
        """Return why there is no mail for an address, in the words of the host's logs."""
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
    """Wait on the host until messages have arrived, and return their trace."""
    if not NAME.fullmatch(domain):
        raise ValueError(f"{domain!r} is not a temporary domain")
    body = f"set -- {shell.words(domain, *tokens)}\n{FOLLOW}"
    return read(c.run_script(shell.script("", body)))
