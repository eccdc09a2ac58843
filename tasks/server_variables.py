"""The variables of the running database server on which Postfix, Dovecot and mailfab depend."""

from __future__ import annotations

from collections.abc import Iterator

from fabfile.model.resource import Restart
from fabfile.resources.sql.settings import ServerVariable
from tasks.validators import LOOPBACK

PORT = 3306
"""The port on which Postfix and Dovecot ask."""


def server_variables(
    restart: Restart, clients: list[str], address: str, place: str
) -> Iterator[ServerVariable]:
    """Yield the variables that decide whether Postfix, Dovecot and mailfab can use the server.

    What one of them has in a later option file, or on the command line, our own file cannot change.
    """
    closed = "Postfix and Dovecot cannot look anything up"
    yield ServerVariable(
        "bind_address",
        address,
        suits=lambda value: _reaches(value) and _is_open(value) == bool(clients),
        effect=lambda value: (
            closed
            if not _reaches(value)
            else "other machines can reach it"
            if _is_open(value)
            else "the machines in db_clients cannot reach it"
        ),
        place=place,
        notify=restart,
    )
    off, on = ("OFF", "0", "FALSE"), ("ON", "1", "TRUE")
    for variable, good, static, effect in (
        ("skip_networking", off, True, closed),
        ("require_secure_transport", off, False, f"{closed}, since they use no TLS on 127.0.0.1"),
        ("skip_grant_tables", off, True, "every local user gets in without a password"),
        ("read_only", off, False, "accounts of mail users cannot be changed"),
        # Their connections stay open, and see the rows of their first transaction for ever.
        ("autocommit", on, False, "Postfix and Dovecot do not see new accounts"),
    ):
        yield ServerVariable(
            variable,
            good[0],
            suits=good.__contains__,
            effect=lambda value, effect=effect: effect,  # type: ignore[misc]
            static=static,
            notify=restart,
        )
    yield ServerVariable(
        "port",
        str(PORT),
        # 0 without a network.
        suits=lambda value: value in (str(PORT), "0"),
        effect=lambda value: f"{closed}: they ask on port {PORT}",
        notify=restart,
    )


def _addresses(value: str) -> set[str]:
    """Return the addresses of a bind_address; `*` for all."""
    return {"*" if a in ("", "0.0.0.0", "::") else a for a in value.replace(" ", "").split(",")}  # noqa: S104


def _reaches(value: str) -> bool:
    """Return whether a server with this bind_address answers on 127.0.0.1."""
    return bool(_addresses(value) & {"*", "127.0.0.1", "localhost"})


def _is_open(value: str) -> bool:
    """Return whether a server with this bind_address answers other machines."""
    return bool(_addresses(value) - set(LOOPBACK))
