"""Guide: "Install Required Packages"."""

from __future__ import annotations

from collections.abc import Iterator

from fabfile.model.host import SurveyedHost
from fabfile.model.resource import Resource
from fabfile.model.section import Guide, section
from fabfile.model.variables import Variable
from fabfile.resources.packages.package import Package, Updates, package_manager
from tasks import centosplus
from tasks.platforms import ByPlatform
from tasks.validators import number, vault, yes_no


def preseed(host: SurveyedHost) -> str:
    """Return the answers to the questions of Debian's Postfix package."""
    return (
        "postfix postfix/main_mailer_type select Internet Site\n"
        f"postfix postfix/mailname string {host['fqdn']}"
    )


VARIABLES = (
    Variable("updates", yes_no, "no", "install all outstanding updates in `packages`"),
    Variable(
        "vault_url",
        vault,
        "",
        "CentOS 6 and 7: `public` for packages from vault.centos.org, or the URL of a copy of it",
    ),
    Variable("package_lock_timeout", number, "300", "seconds to wait for apt's or yum's lock"),
)
SEMANAGE = ByPlatform(
    {
        ("debian", 11): (),
        ("el", 6): ("policycoreutils-python",),
        ("el", 8): ("policycoreutils-python-utils",),
    }
)
"""The packages that semanage(8) comes from."""


def selinux_packages(host: SurveyedHost) -> tuple[str, ...]:
    """Return the packages that this section itself needs."""
    return SEMANAGE(host) if host.system.selinux else ()


@section("Install Required Packages", variables=VARIABLES, packages=selinux_packages)
def packages(host: SurveyedHost, guide: Guide) -> Iterator[Resource]:
    """Install Postfix, Dovecot and the database."""
    system, wait = host.system, int(host["package_lock_timeout"])
    manager = package_manager(system)
    yield from centosplus.base_urls(host)
    if host.flag("updates"):
        yield Updates(manager, wait)
    wanted = guide.packages_on(host)
    if (system.family, system.major) == ("el", 6):
        wanted.remove("postfix")
        yield from centosplus.postfix(host, wait)
    for name in wanted:
        answers = preseed(host) if name == "postfix" else ""
        yield Package(name, manager, wait, preseed=answers)
