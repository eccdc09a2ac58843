"""Guide: "Install Required Packages"."""

from __future__ import annotations

from collections.abc import Iterator

from fabfile.model.host import Host
from fabfile.model.resource import Resource
from fabfile.model.section import section
from fabfile.resources.package import Package, Updates
from tasks import centosplus
from tasks.platforms import names
from tasks.variables import LOOPBACK


def preseed(host: Host) -> str:
    """Answer what Debian's Postfix package would ask; the settings themselves come later."""
    return (
        "postfix postfix/main_mailer_type select Internet Site\n"
        f"postfix postfix/mailname string {host['fqdn']}"
    )


@section("Install Required Packages")
def packages(host: Host) -> Iterator[Resource]:
    """Install Postfix, Dovecot and the database."""
    system, wait = host.system, int(host["package_lock_timeout"])
    yield from centosplus.base_urls(host)
    if host.flag("updates"):
        yield Updates(system.package_manager, wait)
    wanted = list(names(host).mail_packages)
    if host["db_host"] in LOOPBACK:
        wanted += names(host).database_packages
    if system.selinux:
        wanted += names(host).selinux_packages
    if (system.family, system.major) == ("el", 6):
        wanted.remove("postfix")
        yield from centosplus.postfix(host, wait)
    for name in wanted:
        answers = preseed(host) if name == "postfix" else ""
        yield Package(name, system.package_manager, wait, preseed=answers)
