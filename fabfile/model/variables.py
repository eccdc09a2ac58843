"""The variables that an inventory can set. All are checked before mailfab connects to a host.

A section declares its own (`fabfile.model.section`); a guide checks those of all its sections.
"""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fabfile.model.errors import InventoryError
from fabfile.model.host import Host
from fabfile.model.inventory.values import ignored, remedy
from fabfile.model.redact import REDACTED, SecretValue

LONGEST = 8192
"""Maximum length of a value, in characters. A survey puts some values into one command line."""

CONNECTION = ("ssh_known_hosts", "mailfab_ignore")
"""Variables that fabfile/ reads, not the guide. Ansible's begin with `ansible_`."""

LOGIN = (
    "ansible_host",
    "ansible_ssh_host",
    "ansible_port",
    "ansible_ssh_port",
    "ansible_user",
    "ansible_ssh_user",
    "ansible_password",
    "ansible_ssh_pass",
    "ansible_ssh_password",
    "ansible_private_key_file",
    "ansible_ssh_private_key_file",
    "ansible_ssh_args",
    "ansible_ssh_timeout",
    "ansible_ssh_executable",
    "ansible_ssh_pkcs11_provider",
    "ansible_ssh_common_args",
    "ansible_ssh_extra_args",
    "ansible_become",
    "ansible_sudo",
    "ansible_become_password",
    "ansible_become_pass",
    "ansible_sudo_pass",
    "ansible_connection",
    "ansible_become_method",
    "ansible_become_user",
    *CONNECTION,
)
"""The variables that say how to reach a host and become root there."""


class InvalidValue(Exception):
    """A validator rejects a value; the text says which values it accepts."""


Validator = Callable[[str], str]
"""Returns a value in its normal form. Raises InvalidValue."""


@dataclass(frozen=True)
class Variable:
    """A variable of the inventory. With a default of None it stays unset.

    A default that is a function gets the variables that have been checked before.
    """

    name: str
    validator: Validator
    default: str | Callable[[Mapping[str, str]], str] | None
    meaning: str


@dataclass(frozen=True)
class Values:
    """The variables of a host, for rules about several of them."""

    given: Mapping[str, str]
    """The values in the inventory."""
    checked: Mapping[str, str]
    """The values that passed their validators, with defaults."""


Rule = Callable[[Values], Iterator[str]]
"""Yields a message for each conflict between variables."""


@dataclass(frozen=True)
class Table:
    """The variables, secrets and rules of a guide."""

    variables: Sequence[Variable]
    secrets: Mapping[str, Validator]
    """The secrets that the inventory can set, by name."""
    rules: Sequence[Rule] = ()

    def check(self, host: Host) -> Host:
        """Return the host with every variable checked and every default filled in.

        Raises InventoryError that lists all problems.
        """
        hidden = dict.fromkeys(host.secrets, REDACTED)
        for_others = ignored(host.variables)
        given = {n: v for n, v in {**host.variables, **hidden}.items() if n not in for_others}
        problems = [
            misspelt
            for name in given
            if "*" not in for_others
            and (misspelt := self._misspelt(name, host.places.get(name, "")))
        ]
        refused = [name for name in self._names() if name in host.refused]
        problems += [f"{host.refused[name]}: {remedy(name, host.name)}" for name in refused]
        checked: dict[str, str] = {}
        for variable in self.variables:
            try:
                if (value := _checked(variable, given, checked)) is not None:
                    checked[variable.name] = value
            except InvalidValue as expected:
                found = given[variable.name][:200]
                where = f" ({place})" if (place := host.places.get(variable.name)) else ""
                problems.append(f"{variable.name}{where} is {found!r}, and should be {expected}")
        secrets = {}
        for name, validator in self.secrets.items():
            if name in given:
                try:
                    value = validator(_resolve(host.secrets[name].reveal(), name))
                    secrets[name] = SecretValue(value)
                except InvalidValue as expected:
                    problems.append(f"{name} should be {expected} (it is not shown here)")
        # A value that cannot be used is set nevertheless, for rules such as "both or none".
        given |= dict.fromkeys(refused, "")
        for rule in self.rules:
            problems += rule(Values(given, checked))
        if problems:
            problems += host.unread
            raise InventoryError(
                "the inventory's variables cannot be used:"
                + "".join(f"\n      {problem}" for problem in problems),
                "docs/variables.md lists every variable",
                host=host.name,
            )
        return replace(host, variables=checked, secrets=secrets)

    def _names(self) -> tuple[str, ...]:
        return (*(variable.name for variable in self.variables), *self.secrets)

    def _misspelt(self, name: str, place: str) -> str:
        """Return the problem of a name that is nearly one of ours; nothing for other names."""
        if name.startswith("ansible_") or not (meant := nearest(name, self._names())):
            return ""
        where = f" ({place})" if place else ""
        return (
            f"{name}{where} is not a variable of mailfab; did you mean {meant}? If it is for "
            f"others: mailfab_ignore={name}"
        )


@functools.cache
def nearest(name: str, ours: tuple[str, ...]) -> str:
    """Return the variable that a name is a misspelling of; nothing for one of ours, and others."""
    known = (*ours, *CONNECTION)
    return "" if name in known else next((k for k in known if is_misspelt(name, k)), "")


LONG = 9
"""From this length on, two wrong letters make a misspelt name."""


def is_misspelt(name: str, known: str) -> bool:
    """Return whether a name is another one with a letter too many, missing, wrong or swapped."""
    allowed = 1 if len(known) < LONG else 2
    if abs(len(name) - len(known)) > allowed:
        return False
    rest, wanted = _without_start(name, known)
    rest, wanted = _without_start(rest[::-1], wanted[::-1])
    return max(len(rest), len(wanted)) <= allowed or (len(rest) == 2 and rest == wanted[::-1])


def _without_start(one: str, other: str) -> tuple[str, str]:
    """Return two texts without what both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    end = next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
    return one[end:], other[end:]


def _checked(
    variable: Variable, given: Mapping[str, str], checked: Mapping[str, str]
) -> str | None:
    """Return a variable's value or default; None if it has neither. Raises InvalidValue."""
    if variable.name in given:
        if len(given[variable.name]) > LONGEST:
            raise InvalidValue(f"up to {LONGEST} characters long")
        return variable.validator(given[variable.name])
    if callable(variable.default):
        # Defaults derive from checked variables; without fqdn there is nothing to derive from.
        return variable.default({"domain": "", **checked}) if "fqdn" in checked else None
    return variable.default


@functools.cache
def _resolve(value: str, variable: str) -> str:
    """Return a secret; read it if its value is `env:NAME`, `file:PATH` or `cmd:COMMAND`."""
    kind, colon, where = value.partition(":")
    if not colon or kind not in ("env", "file", "cmd"):
        return value
    try:
        if kind == "env":
            return os.environ[where]
        if kind == "file":
            return Path(where).expanduser().read_text(encoding="utf-8").strip("\n")
        # `cmd:COMMAND` is a command line of the user's own (docs/variables.md).
        run = subprocess.run(  # noqa: S602
            where,
            shell=True,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        return run.stdout.strip("\n")
    except KeyError:
        raise InventoryError(
            f"{variable}: the environment variable {where} is not set",
            f"export {where}, or give the password in another way (docs/variables.md)",
        ) from None
    except (OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
        raise InventoryError(
            f"{variable}: {kind}:{where} gave no password: {error}",
            "fix that, or give the password in another way (docs/variables.md)",
        ) from None
