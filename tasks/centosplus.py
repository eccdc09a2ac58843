"""The source of a Postfix that can read MySQL tables, on CentOS 6: [base] or CentOS Plus.

The guide says that CentOS Plus alone has one. That is true on some servers. On others the system's
own can do it, and CentOS Plus has none. So the survey asks the Postfix that is installed, or else
the repositories.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.errors import HostError
from fabfile.model.fact import Fact, State
from fabfile.model.host import SurveyedHost
from fabfile.model.resource import Resource
from fabfile.resources.packages.manager import ASK_YUM, package_remedy
from fabfile.resources.packages.package import Package
from fabfile.resources.packages.yum import YUM, enabling
from fabfile.resources.repository import BaseUrl, Exclusion

BASE_REPO = "/etc/yum.repos.d/CentOS-Base.repo"
PLUS = "centosplus"
VAULT = {6: "http://vault.centos.org/6.10", 7: "http://vault.centos.org/7.9.2009"}
"""Where the last release of each system is kept."""
FOLDERS = {"base": "os", "updates": "updates", "extras": "extras", PLUS: PLUS}
"""Each repository's folder there."""

PLUS_IS_NEEDED = f"the Postfix of [base] cannot read MySQL tables, and that of [{PLUS}] can"
NO_REPLACEMENT = "its Postfix cannot read MySQL tables, and would replace the one that can"
BASE_IS_ENOUGH = "its Postfix can read MySQL tables, and should get its updates"

# One word: `base`, `plus`, `none`, `unknown` or `locked`; postfix_source.sh explains them.
POSTFIX_SOURCE = Fact(
    "postfix_source",
    f"{ASK_YUM}\nplus={PLUS} base_repo={BASE_REPO}\n{shell.program(__file__, 'postfix_source.sh')}",
    lambda lines: {"": {"value": lines[0]}} if lines else {},
    lane="packages",
)


def _parse_types(lines: list[str]) -> dict[str, State]:
    pairs = (line.split() for line in lines)
    return {name: {"supported": answer == "yes"} for name, answer in pairs}


LOOKUP_TYPE = Fact(
    "lookup_type",
    shell.program(__file__, "lookup_type.sh"),
    _parse_types,
)


@dataclass(frozen=True)
class LookupType(Resource):
    """A kind of table that Postfix can read (`postconf -m`), by another build if it cannot."""

    fact = LOOKUP_TYPE
    skip_if_absent = True  # of the package
    name: str
    repository: str
    """The repository of a Postfix that can; empty for the repositories that are on."""
    lock_timeout: int = 300

    @property
    def title(self) -> str:
        return f"Postfix with {self.name} tables"

    def desired(self) -> State:
        return {"supported": True}

    def fix(self) -> str:
        enable = enabling(self.repository)
        reads = f"postconf -m | grep -qx {shell.quote(self.name)}"
        # The one that can may be the older of the two.
        return (
            f"{YUM.prepare(self.lock_timeout)}"
            f"{reads} || yum {enable}install postfix\n"
            f"{reads} || yum {enable}downgrade postfix\n"
            f"{reads} || {{ echo 'the Postfix installed cannot read {self.name} tables'; exit 1; }}"
        )

    def remedy(self, log: str) -> str:
        return package_remedy(log) or super().remedy(log)


def base_urls(host: SurveyedHost) -> Iterator[Resource]:
    """Yield the vault, or a copy of it, as the address of each repository, if it is wanted."""
    major = host.system.major
    if (url := host["vault_url"]) and major in VAULT:
        top = VAULT[major] if url == "public" else url.rstrip("/")
        for repository, folder in FOLDERS.items():
            yield BaseUrl(BASE_REPO, repository, f"{top}/{folder}/$basearch/")


def origin(host: SurveyedHost) -> str:
    """Return the repository of this system's Postfix that is off by default; empty if none."""
    if (host.system.family, host.system.major) != ("el", 6):
        return ""
    return PLUS if host.system.traits.get(POSTFIX_SOURCE.name, "plus") == "plus" else ""


def postfix(host: SurveyedHost, lock_timeout: int) -> Iterator[Resource]:
    """Yield Postfix from where it can read MySQL tables, and keep any other away from it.

    Raises HostError when there is none.
    """
    source = host.system.traits.get(POSTFIX_SOURCE.name, "plus")
    if source == "locked":
        raise HostError(
            "another program holds the lock of yum, so the repositories "
            "could not be asked for a Postfix with MySQL",
            "wait until it is done (ps ax | grep yum), then run the command again",
        )
    if source == "unknown":
        if host["vault_url"]:
            # Once the repositories are those of the vault, there is an answer.
            return
        raise HostError(
            f"the repositories of {host.system.name} do not answer",
            "the mirrors of CentOS 6 are gone: set vault_url=public, or to a mirror of your own "
            "(docs/variables.md); or look at the host's network",
        )
    if source == "none":
        raise HostError(
            f"neither [base] nor [{PLUS}] has a Postfix with MySQL",
            f"look at {BASE_REPO} on the host, or set vault_url (docs/variables.md)",
        )
    repository = origin(host)
    plus = bool(repository)
    reason = NO_REPLACEMENT if plus else BASE_IS_ENOUGH
    for name in ("base", "updates"):
        yield Exclusion(BASE_REPO, name, "postfix", present=plus, reason=reason)
    reason = PLUS_IS_NEEDED if plus else ""
    yield Package("postfix", YUM, lock_timeout, repository=repository, reason=reason)
    yield LookupType("mysql", repository, lock_timeout)
