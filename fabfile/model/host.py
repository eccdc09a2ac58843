"""A host of the inventory, and the same host once it has been surveyed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from fabfile.model.errors import InventoryError
from fabfile.model.redact import SecretValue, is_secret


@dataclass(frozen=True)
class Platform:
    """The system of a host, as the survey found it."""

    family: str
    """`debian` or `el`; anything else is not supported."""
    release: str
    """The release as the system numbers it: `12`, `6.10`."""
    name: str = ""
    """The system's own name for itself, for messages."""
    init: str = "systemd"
    """`systemd` or `sysv`."""
    package_manager: str = "apt"
    """`apt`, `dnf` or `yum`."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """The version of each package asked about: installed or, failing that, on offer."""
    selinux: str = ""
    """`enforcing`, `permissive`, or nothing where there is none."""
    traits: Mapping[str, str] = field(default_factory=dict)
    """The answers to the guide's own questions about the system, by fact."""

    @cached_property
    def major(self) -> int:
        """The release's first number; 0 when it has none (Debian testing)."""
        head = self.release.split(".")[0]
        return int(head) if re.fullmatch("[0-9]{1,9}", head) else 0

    def version(self, *packages: str) -> tuple[int, ...] | None:
        """Return the version of the first package known, as numbers: (2, 3, 19)."""
        for package in packages:
            if package in self.versions:
                return version_numbers(self.versions[package])
        return None


def version_numbers(text: str) -> tuple[int, ...]:
    """Return the upstream version's leading numbers: `1:2.3.19.1+dfsg1-2` is (2, 3, 19, 1)."""
    upstream = text.split(":", 1)[-1].split("-", maxsplit=1)[0]
    numbers: list[int] = []
    for part in upstream.split("."):
        # No version has more digits; Python refuses to read some thousands of them.
        digits = part[: len(part) - len(part.lstrip("0123456789"))][:99]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


@dataclass(frozen=True)
class Host:
    """A server as the inventory has it."""

    name: str
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, SecretValue] = field(default_factory=dict)
    """The values that must not be shown: passwords of the login and of the database."""

    @classmethod
    def from_inventory(cls, name: str, variables: Mapping[str, str]) -> Host:
        """Return a host; what is a secret by its name is kept apart from the other variables."""
        secrets = {n: SecretValue(value) for n, value in variables.items() if is_secret(n)}
        return cls(name, {n: v for n, v in variables.items() if n not in secrets}, secrets)

    def surveyed(self, system: Platform, secrets: Mapping[str, SecretValue]) -> SurveyedHost:
        """Return this host with the system that it runs and with all its secrets."""
        return SurveyedHost(self.name, self.variables, secrets, system=system)

    def __getitem__(self, variable: str) -> str:
        """Return a variable; the inventory's checks have made sure that it is there."""
        try:
            return self.variables[variable]
        except KeyError:
            raise InventoryError(
                f"the variable {variable!r} is not set",
                f"set it in the inventory: {self.name} {variable}=…",
                host=self.name,
            ) from None

    def flag(self, variable: str) -> bool:
        """Return a yes/no variable."""
        return self[variable] == "yes"


@dataclass(frozen=True)
class SurveyedHost(Host):
    """A server that has been asked what it is: its sections can be evaluated.

    `secrets` has all secrets of the guide: from the inventory, read back from the host, or made for
    it at the first deploy.
    """

    system: Platform = field(kw_only=True)
