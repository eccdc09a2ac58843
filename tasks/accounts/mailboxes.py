"""The mailboxes on a host: their names, their sizes, and their way into the archive.

Nothing is ever deleted. Removed mail moves into a folder of root's beside the mail, on the same
file system, with a file of the removed rows: `accounts.apply` restores those.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fabfile.engine import survey
from fabfile.fleet.host_connection import HostConnection
from fabfile.model import shell
from fabfile.model.errors import HostError
from fabfile.model.fact import Fact, State

HOME = "/home/vmail"
REMOVED = f"{HOME}/.removed"

# DOMAIN/USER of each mailbox. No domain begins with a dot.
MAILBOXES = Fact(
    "mailboxes",
    f'cd {HOME} && for d in */*/; do [ -d "$d" ] && echo "${{d%/}}"; done',
    lambda lines: {line: {"exists": True} for line in lines},
)


def _parse_usage(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for line in lines:
        messages, size, path = line.split(" ", 2)
        found[path] = {"messages": int(messages), "bytes": int(size)}
    return found


# A message is a file in cur/ or new/ of a Maildir.
USAGE = Fact(
    "mailbox_usage",
    f"home={HOME}\n" + shell.program(__file__, "usage.sh"),
    _parse_usage,
)


@dataclass(frozen=True)
class Usage:
    """The size of a mailbox, or of all mailboxes of a domain."""

    messages: int
    bytes: int

    def __str__(self) -> str:
        size, unit = float(self.bytes), "bytes"
        for larger in ("kB", "MB", "GB", "TB"):
            if size < 1000:
                break
            size, unit = size / 1000, larger
        number = f"{size:.0f}" if unit == "bytes" else f"{size:.1f}"
        return f"{self.messages} message{'' if self.messages == 1 else 's'}, {number} {unit}"


def folder(name: str) -> str:
    """Return where below /home/vmail the mail of an address, or of a domain, is."""
    local, _, domain = name.rpartition("@")
    return f"{domain}/{local}" if local else domain


def usage(c: HostConnection, names: Sequence[str]) -> dict[str, Usage]:
    """Return the sizes of mailboxes by address or domain; absent where there is none."""
    asked = {USAGE: dict.fromkeys(folder(name) for name in names)}
    states = survey.ask(c, asked)
    found = {}
    for name in names:
        if state := states.get((USAGE.name, folder(name))):
            found[name] = Usage(int(state["messages"]), int(state["bytes"]))
    return found


def addresses(folders: Iterable[str]) -> frozenset[str]:
    """Return the addresses of folders below /home/vmail."""
    parts = [path.partition("/") for path in folders]
    return frozenset(f"{local}@{domain}" for domain, _, local in parts)


def new_archive() -> str:
    """Return a new folder of the archive."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return f"{REMOVED}/{stamp}-{secrets.token_hex(2)}"


# vmail owns the folder above and could have put a link there.
MAKE = f"removed={REMOVED}\n" + shell.program(__file__, "move_mail.sh")


def keep_rows(c: HostConnection, archive: str, text: str) -> None:
    """Write the rows that will be removed into the archive; they hold hashes, for root alone."""
    _run(
        c,
        f"{MAKE}mkdir {archive} && printf %s {shell.quote(text)} >{archive}/accounts.yml && sync",
        f"the rows could not be kept in {archive}; nothing was removed",
    )


def move(c: HostConnection, archive: str, names: Sequence[str]) -> None:
    """End the sessions of users or domains, and move their mail into the archive."""
    moves = []
    for name in names:
        path = shell.quote(folder(name))
        above = shell.quote(folder(name).rpartition("/")[0])
        who = shell.quote(name if "@" in name else f"*@{name}")
        moves.append(
            f"doveadm kick {who} >/dev/null 2>&1\n"
            f"[ ! -d {HOME}/{path} ] || "
            f"{{ mkdir -p {archive}/{above} && mv {HOME}/{path} {archive}/{path}; }}"
        )
    failed = f"the rows are removed, but not all mail could be moved to {archive}"
    _run(c, MAKE + " &&\n".join(f"{{ {text}; }}" for text in moves), failed)


def end_sessions(c: HostConnection, user: str) -> None:
    """Have a user's mail clients log in again."""
    c.run_script(shell.script("", f"doveadm kick {shell.quote(user)} >/dev/null 2>&1"))


DONE = "mailfab-done"


def _run(c: HostConnection, commands: str, failure: str) -> None:
    body = f"{{ {commands} && echo {DONE}; }} 2>&1"
    output = c.run_script(shell.script("", body), private=True)
    if not output.rstrip().endswith(DONE):
        said = output.strip().splitlines()[-1:] or ["no message"]
        raise HostError(
            f"{failure}: {said[0][:200]}",
            f"look at {HOME} on the host, then run the command again",
        )
