"""A database on another machine is asked over TLS only: which programs can, and the proof."""

from __future__ import annotations

from fabfile.model.errors import HostError
from fabfile.model.host import SurveyedHost
from tasks.mysql import is_local
from tasks.services import dovecot_dialect, postfix_version

POSTFIX_HAS_TLS = (2, 11)
"""The first version whose MySQL tables have settings for TLS (mysql_table(5)). Older ones ignore
them without a word."""


def require_encryption(host: SurveyedHost) -> None:
    """Refuse a database elsewhere for programs that cannot encrypt. Raises HostError."""
    if is_local(host):
        return
    found = postfix_version(host)
    lacking = []
    if found < POSTFIX_HAS_TLS:
        lacking.append(f"Postfix {'.'.join(map(str, found))}")
    # It takes a certificate's CA, and goes on in clear text where the server offers no TLS.
    if dovecot_dialect(host) == "2.0":
        lacking.append("Dovecot before 2.3")
    if lacking:
        raise HostError(
            f"db_host is another machine, and {' and '.join(lacking)} cannot be made to encrypt "
            "the connection to it: passwords and addresses would travel in clear text",
            "have the database on the host itself (take db_host out of the inventory), or have a "
            "newer system",
            host=host.name,
        )
