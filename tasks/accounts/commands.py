"""`accounts.plan`, `accounts.apply`, `accounts.export`: accounts as a file beside the inventory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from invoke import Collection

from fabfile.cli.task import host_task
from fabfile.fleet.host_connection import HostConnection
from fabfile.fleet.job import WOULD_CHANGE
from fabfile.model import inventory
from fabfile.model.errors import HostError, UsageError
from fabfile.report.summary import Summary
from tasks.accounts import accounts_file, mailboxes, tables
from tasks.accounts.difference import Difference, compare
from tasks.accounts.prompt import confirm
from tasks.accounts.quotas import require_quotas
from tasks.database import database
from tasks.guide import GUIDE

NAME = "accounts.yml"
FILE = f"another file than {NAME} beside the inventory"
PRUNE = "remove what the file does not name, too"


def path_of(file: str) -> Path:
    """Return the path of the file."""
    return Path(file).expanduser() if file else inventory.load().path.parent / NAME


@host_task(name="plan", help={"file": FILE, "prune": PRUNE})
def accounts_plan(c: HostConnection, file: str = "", prune: bool = False) -> None:
    """Show what accounts.apply would change; change nothing."""
    own_name = GUIDE.validate(c.target)["fqdn"]
    declared = accounts_file.read(path_of(file))
    with database(c) as db:
        found = compare(declared, tables.read(db), own_name, prune=prune)
    _show(c, found)
    c.report.summarize(Summary.would_change(len(found)))
    if len(found):
        c.report.exit_code = WOULD_CHANGE


@host_task(
    name="apply",
    help={"file": FILE, "prune": PRUNE, "yes": "remove without asking"},
)
def accounts_apply(
    c: HostConnection, file: str = "", prune: bool = False, yes: bool = False
) -> None:
    """Add and change accounts as the file says: all changes, or none."""
    own_name = GUIDE.validate(c.target)["fqdn"]
    declared = accounts_file.read(path_of(file))
    agreed = None
    if prune:
        # No lock is held while a question is open.
        with database(c) as db:
            agreed = compare(declared, tables.read(db), own_name, prune=True).remove
        if agreed:
            what = f"{agreed.in_words()} are not in the file, and will be archived"
            confirm(c, what, yes)
    archive = ""
    with database(c) as db:
        if unsafe := tables.without_transactions(db):
            raise HostError(
                f"{', '.join(unsafe)}: not InnoDB, so changes to all accounts at "
                "once could end half-way",
                "on the host, with every row kept: "
                + " ".join(f"ALTER TABLE mail.{table} ENGINE=InnoDB;" for table in unsafe),
            )
        found = compare(declared, tables.read(db, lock=True), own_name, prune=prune)
        if agreed is not None and found.remove != agreed:
            raise UsageError(
                "another client has changed accounts meanwhile; nothing was changed",
                "see the new plan: accounts.plan --prune",
            )
        if found.remove:
            archive = mailboxes.new_archive()
            text = accounts_file.text(found.remove, with_hashes=True)
            mailboxes.keep_rows(c, archive, text)
        if found.write.quotas:
            require_quotas(c)
        tables.write(db, found.write)
        tables.delete(db, found.remove)
    if archive:
        mailboxes.move(c, archive, found.mail_removed())
    _show(c, found)
    if archive:
        c.report.line(f"what was removed is in {archive}")
    c.report.changed += len(found)
    c.report.summarize(Summary.changed(c.report.changed))


def _show(c: HostConnection, found: Difference) -> None:
    for line in found.lines():
        c.report.line(line)


@host_task(
    name="export",
    help={
        "file": FILE,
        "hashes": "with the password hashes: the file is as secret as the database then",
        "replace": "write over another file of that name",
    },
)
def accounts_export(
    c: HostConnection, file: str = "", hashes: bool = False, replace: bool = False
) -> None:
    """Write the host's accounts to the file that accounts.apply reads."""
    path = path_of(file)
    with database(c) as db:
        found = tables.read(db)
    text = accounts_file.text(found, with_hashes=hashes)
    if path.exists() and not replace and path.read_text(encoding="utf-8") != text:
        raise UsageError(
            f"{path} already exists, with other content",
            "--replace writes over it; --file names another",
        )
    _write(path, text)
    c.report.line(f"written to {path}")
    c.report.summarize(
        Summary.listed(
            (len(found.domains), "domains"),
            (len(found.users), "users"),
            (len(found.forwardings), "forwardings"),
            (len(found.transports), "transports"),
        )
    )


def _write(path: Path, text: str) -> None:
    """Replace a file in one step; for its owner alone, since it may hold hashes."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name another: --file FILE") from None


collection = Collection("accounts", accounts_plan, accounts_apply, accounts_export)
