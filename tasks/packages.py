"""Guide: "Install Required Packages"."""

from __future__ import annotations

from collections.abc import Iterator

from fabfile.host import Host
from fabfile.resources.package import Package, Updates
from fabfile.resources.resource import Resource
from fabfile.section import section
from tasks.platforms import names
from tasks.variables import LOCAL


def preseed(host: Host) -> str:
    """Answer what Debian's Postfix package would ask; the settings themselves come later."""
    return (
        "postfix postfix/main_mailer_type select Internet Site\n"
        f"postfix postfix/mailname string {host['fqdn']}"
    )


@section("Install Required Packages")
def packages(host: Host) -> Iterator[Resource]:
    """Install Postfix, Dovecot and the database."""
    wait = int(host["package_lock_timeout"])
    if host.flag("updates"):
        yield Updates(lock_timeout=wait)
    wanted = names(host).mail_packages
    if host["db_host"] in LOCAL:
        wanted += names(host).database_packages
    for name in wanted:
        answers = preseed(host) if name == "postfix" else ""
        yield Package(name, lock_timeout=wait, preseed=answers)
