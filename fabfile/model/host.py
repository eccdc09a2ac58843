"""A host of the inventory, and the same host once it has been surveyed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from fabfile.model.errors import InventoryError
from fabfile.model.inventory.values import Settings
from fabfile.model.redact import SecretValue, is_secret


@dataclass(frozen=True)
class Platform:
    """The system of a host, as the survey found it."""

    family: str
    """`debian` or `el`; anything else is not supported."""
    release: str
    """The release number of the system: `12`, `6.10`."""
    name: str = ""
    """The name that the system gives itself, for messages."""
    init: str = "systemd"
    """`systemd` or `sysv`."""
    package_manager: str = "apt"
    """`apt`, `dnf` or `yum`."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """The version of each package asked about: the installed one, else the one available."""
    selinux: str = ""
    """`enforcing`, `permissive`, or empty without SELinux."""
    traits: Mapping[str, str] = field(default_factory=dict)
    """The answers to the guide's own questions about the system, by fact."""
    distribution: str = ""
    """The ID of os-release(5): `debian`, `ubuntu`, `rocky`; empty if unknown."""

    @cached_property
    def major(self) -> int:
        """The first number of the release; 0 if it has none (Debian testing)."""
        head = self.release.split(".")[0]
        return int(head) if re.fullmatch("[0-9]{1,9}", head) else 0

    def version(self, *packages: str) -> tuple[int, ...] | None:
        """Return the version of the first package that has one, as numbers: (2, 3, 19)."""
        for package in packages:
            if package in self.versions:
                return version_numbers(self.versions[package])
        return None


def version_numbers(text: str) -> tuple[int, ...]:
    """Return the upstream version's leading numbers: `1:2.3.19.1+dfsg1-2` is (2, 3, 19, 1)."""
    upstream = text.split(":", 1)[-1].split("-", maxsplit=1)[0]
    numbers: list[int] = []
    for part in upstream.split("."):
        # Cut: int() raises ValueError for more than 4300 digits (CVE-2020-10735).
        digits = part[: len(part) - len(part.lstrip("0123456789"))][:99]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


@dataclass(frozen=True)
class Host:
    """A server as the inventory describes it."""

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, SecretValue] = field(default_factory=dict)
    """The values that must not be shown: passwords for the login and for the database."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Variables with values that cannot be used: why, with file and line."""
    places: Mapping[str, str] = field(default_factory=dict)
    """File and line of each variable, as far as known."""
    unread: Sequence[str] = ()
    """Files that were not read, and may hold variables of this host."""

    @classmethod
    def from_inventory(cls, name: str, variables: Mapping[str, str]) -> Host:
        """Return a host. Variables whose name marks a secret become `secrets`."""
        secrets = {n: SecretValue(value) for n, value in variables.items() if is_secret(n)}
        others = {n: v for n, v in variables.items() if n not in secrets}
        if isinstance(variables, Settings):
            found = variables
            return cls(name, others, secrets, found.refused, found.places, tuple(found.unread))
        return cls(name, others, secrets)

    def surveyed(self, system: Platform, secrets: Mapping[str, SecretValue]) -> SurveyedHost:
        """Return this host with its platform and all its secrets."""
        return SurveyedHost(self.name, self.variables, secrets, system=system)

    def __getitem__(self, variable: str) -> str:
        """Return a variable. Raises InventoryError if it is not set.

        Checked hosts have all variables, set or default.
        """
        try:
            return self.variables[variable]
        except KeyError:
            raise InventoryError(
                f"the variable {variable!r} is not set",
                f"set it in the inventory: {self.name} {variable}=…",
                host=self.name,
            ) from None

    def flag(self, variable: str) -> bool:
        """Return True if a yes/no variable is `yes`."""
        return self[variable] == "yes"


@dataclass(frozen=True)
class SurveyedHost(Host):
    """A host with a known platform: its sections can be evaluated.

    `secrets` has all secrets of the guide: from the inventory, from the host, or generated at the
    first deploy.
    """

    system: Platform = field(kw_only=True)
