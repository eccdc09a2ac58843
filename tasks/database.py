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
from tasks.mysql import ADMIN, SECRETS
from tasks.server_variables import PORT
from tasks.validators import LOOPBACK

if TYPE_CHECKING:
    from pymysql.connections import Connection as Database

SECONDS = 30
IN_THE_WAY = (1020, 1205, 1213, 2013)
"""Errors of a transaction that was rolled back: a deadlock, or a wait that took too long."""

WRONG_LOGIN = (1044, 1045, 1130, 1698)
DIFFERENT = (1049, 1054, 1136, 1142, 1143, 1146, 1406)
"""Errors of a table, column or right that the section mysql makes: missing, or too narrow."""
FOREIGN = (1048, 1062, 1216, 1364, 1442, 1452, 1644, 3819, 4025)
"""Errors of columns, keys, constraints and triggers that the guide does not have."""


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


def _remedy(error: Exception, host: str) -> str:
    """Return what to do about a statement that the database has refused."""
    number = error.args[0]
    if number in IN_THE_WAY:
        return "another client is changing the same accounts: run the command again"
    if number in DIFFERENT:
        return f"bring tables and rights back to what the guide says: fab -H {host} mysql"
    if number in FOREIGN:
        return (
            "the tables of the mail database have columns, keys or triggers of your own, which "
            "refuse this row: look at them on the host (SHOW CREATE TABLE mail.users; SHOW "
            "TRIGGERS FROM mail), and give such a column a default or let it be NULL"
        )
    if number == 1290:
        return f"the plan says which option this is, and its file: fab -H {host} mysql.plan"
    return (
        "look at the tables and the server's log on the host: mysqlcheck mail; df -h; journalctl "
        "-u mariadb, or /var/log/mysqld.log"
    )


@contextmanager
def database(
    c: HostConnection, user: str = ADMIN, account: Secret = SECRETS[0]
) -> Iterator[Database]:
    """Open the mail database in a transaction: committed at the end, rolled back after an error.

    `account` is the secret that has the password of the user.
    """
    # Loaded when it is used, so that no other command waits for it.
    import ssl

    import pymysql

    host = GUIDE.validate(c.target)
    secret = password(c, host, account)
    name, local = c.target.name, host["db_host"] in LOOPBACK
    try:
        # Not over TLS inside the tunnel's own encryption, unless it goes on to another machine.
        db = pymysql.connect(
            user=user,
            password=secret.reveal(),
            database="mail",
            charset="utf8",
            # Without this, a value that is too long for the guide's columns is cut without an
            # error.
            sql_mode="STRICT_ALL_TABLES",
            # The server's own settings may leave rows out, or refuse a DELETE of many.
            init_command="SET sql_select_limit = 18446744073709551615, sql_safe_updates = 0",
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
            f"the plan says whether it runs, or which option keeps it from there: fab -H {name} "
            "mysql.plan",
        ) from None
    except pymysql.MySQLError as error:
        remedy = f"restore its account and password: fab -H {name} mysql"
        if error.args[0] not in WRONG_LOGIN:
            remedy = f"see with which settings the server runs: fab -H {name} mysql.plan"
        raise HostError(
            f"the database rejects the login of {user}: {error.args[-1]}", remedy
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
        raise HostError(f"the database refused: {error.args[-1]}", _remedy(error, name)) from None
    finally:
        db.close()
