"""A removal: rows and their mail move into an archive together.

The rows are written into the archive before they are deleted, and the mail moves after that, when
nothing can be delivered any more. Repeating a removal that crashed finishes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fabfile.fleet.host_connection import HostConnection
from tasks.accounts import accounts_file, mailboxes, tables
from tasks.accounts.prompt import confirm
from tasks.accounts.state import Accounts
from tasks.database import database

SHOWN = 5
"""Maximum number of names in a question."""


def remove(
    c: HostConnection,
    what: str,
    chosen: Callable[[Accounts], Accounts],
    mail_of: str,
    *,
    yes: bool,
) -> tuple[bool, str]:
    """Remove what is `chosen` of the accounts, and the mail of an address or domain.

    Asks first when more depends on it than a row of its own. Returns whether there was anything,
    and the archive, if there is one.
    """
    with database(c) as db:
        everything = tables.read(db)
    gone = chosen(everything)
    mail = mailboxes.usage(c, [mail_of]).get(mail_of)
    if not gone and not mail:
        return False, ""
    reasons = _reasons(gone, everything.leading_to(gone), mail)
    if reasons:
        confirm(c, f"{what} has {'; '.join(reasons)}. All of it goes into an archive", yes)
    with database(c) as db:
        # Lock before reading, so that the archive has exactly what is removed.
        now = chosen(tables.read(db, lock=True))
        archive = ""
        if now.users or reasons:
            archive = mailboxes.new_archive()
            mailboxes.keep_rows(c, archive, accounts_file.text(now, with_hashes=True))
        tables.delete(db, now)
    if archive:
        mailboxes.move(c, archive, [mail_of])
    return True, archive


def _reasons(gone: Accounts, leading: Sequence[str], mail: mailboxes.Usage | None) -> list[str]:
    found = []
    if gone.domains and gone.users:
        found.append(_some(sorted(gone.users), "user"))
    if gone.forwardings:
        found.append(_some(sorted(gone.forwardings), "forwarding"))
    if gone.transports:
        found.append(_some(sorted(gone.transports), "transport"))
    if leading:
        found.append(f"{_some(leading, 'forwarding')} from elsewhere, to lead nowhere then")
    if mail:
        found.append(f"mail: {mail}")
    return found


def _some(names: Sequence[str], noun: str) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    plural = "" if len(names) == 1 else "s"
    return f"{len(names)} {noun}{plural} ({', '.join(names[:SHOWN])}{more})"
