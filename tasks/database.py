"""The mail database, reached from here through the SSH connection as mail_admin."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fabfile.engine import survey
from fabfile.fleet.host_connection import HostConnection
from fabfile.model.errors import HostError
from fabfile.model.host import Host
from fabfile.model.redact import SecretValue
from fabfile.model.section import Secret
from fabfile.model.system import SECRET
from tasks.guide import GUIDE
from tasks.mysql import ADMIN, PORT, SECRETS
from tasks.validators import LOOPBACK

if TYPE_CHECKING:
    from pymysql.connections import Connection as Database

SECONDS = 30
IN_THE_WAY = (1020, 1205, 1213, 2013)
"""Errors of a transaction that was rolled back: a deadlock, or a wait that took too long."""


def password(c: HostConnection, host: Host, secret: Secret) -> SecretValue:
    """Return a secret: the inventory's, or the one that the host's own files hold."""
    if secret.name in host.secrets:
        return host.secrets[secret.name]
    asked = {SECRET: {" ".join(place): None for place in secret.sources}}
    states = survey.ask(c, asked)
    for place in asked[SECRET]:
        if state := states.get((SECRET.name, place)):
            return SecretValue(str(state["value"]))
    raise HostError(
        "the password of the database account is nowhere on the host",
        f"deploy it first: fab -H {c.target.name} deploy",
    )


@contextmanager
def database(c: HostConnection) -> Iterator[Database]:
    """Open the mail database in a transaction: committed at the end, rolled back after an error."""
    # Loaded when it is used, so that no other command waits for it.
    import ssl

    import pymysql

    host = GUIDE.validate(c.target)
    secret = password(c, host, SECRETS[0])
    name, local = c.target.name, host["db_host"] in LOOPBACK
    try:
        # Not over TLS inside the tunnel's own encryption, unless it goes on to another machine.
        db = pymysql.connect(
            user=ADMIN,
            password=secret.reveal(),
            database="mail",
            charset="utf8",
            # Without this, a value that is too long for the guide's columns is cut without an
            # error.
            sql_mode="STRICT_ALL_TABLES",
            ssl=None if local else ssl.create_default_context(cafile=host["db_ca"]),
            ssl_disabled=local,
            host=host["db_host"],
            connect_timeout=SECONDS,
            read_timeout=SECONDS,
            defer_connect=True,
        )
        db.connect(sock=c.open_tunnel("127.0.0.1" if local else host["db_host"], PORT))
    except ConnectionRefusedError:
        raise HostError(
            f"the database server does not answer on {host['db_host']} port {PORT}",
            f"start it: fab -H {name} mysql",
        ) from None
    except pymysql.MySQLError as error:
        raise HostError(
            f"the database rejects the login of {ADMIN}: {error.args[-1]}",
            f"restore its account and password: fab -H {name} mysql",
        ) from None
    except (AssertionError, LookupError, ValueError, TypeError, struct.error) as error:
        raise HostError(
            f"what answers on {host['db_host']} port {PORT} does not speak as MySQL does: "
            f"{str(error)[:200]}",
            f"see what it is: fab -H {name} -- ss -ltnp",
        ) from None
    try:
        yield db
        db.commit()
    except pymysql.MySQLError as error:
        remedy = f"see what differs from the guide: fab -H {name} mysql.plan"
        if error.args[0] in IN_THE_WAY:
            remedy = "another client is changing the same accounts: run the command again"
        raise HostError(f"the database refused: {error.args[-1]}", remedy) from None
    finally:
        db.close()
