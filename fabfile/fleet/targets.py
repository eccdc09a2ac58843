"""Names given with -H become hosts, and hosts become connections."""

from __future__ import annotations

import os
import re
import shlex
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from fabfile.fleet.host_connection import HostConnection
from fabfile.model.errors import InventoryError
from fabfile.model.host import Host
from fabfile.model.inventory import Inventory
from fabfile.model.inventory.values import Settings, password_kind
from fabfile.model.redact import SecretValue, is_secret
from fabfile.model.variables import LOGIN
from fabfile.ssh.arguments import arguments
from fabfile.ssh.config import SshConfig, split_name
from fabfile.ssh.keys import expanded
from fabfile.ssh.login import Login
from fabfile.ssh.sudo import Sudo

YES = ("yes", "true", "on", "1", "y", "t", "1.0")
NO = ("no", "false", "off", "0", "n", "f", "0.0", "")
# The values of Ansible's variables that mean what mailfab does.
MEANINGS = {
    "ansible_connection": ("ssh", "smart", "paramiko", "paramiko_ssh"),
    "ansible_ssh_executable": ("ssh", "/usr/bin/ssh"),
    "ansible_become_method": ("sudo",),
    "ansible_become_user": ("root",),
}
SSH_ARGUMENTS = {
    "ansible_ssh_pkcs11_provider": "PKCS11Provider",
    "ansible_ssh_timeout": "ConnectTimeout",
    "ansible_ssh_common_args": None,
    "ansible_ssh_extra_args": None,
}
"""Ansible's variables with ssh arguments, or with the value of one of ssh's options."""


@dataclass(frozen=True)
class Target:
    """A host, and how to log in there."""

    host: Host
    login: Login

    def connect(self, config: Any) -> HostConnection:
        """Return a connection, which opens at first use."""
        sudo = self.login.sudo.with_password(config.sudo.password)
        return HostConnection(replace(self.login, sudo=sudo), self.host, config)


@dataclass(frozen=True)
class _Draft:
    """A host before ssh's configuration has been applied."""

    host: Host
    login: Login
    arguments: tuple[str, ...] = ()
    """The inventory's ssh arguments behind port, key and user."""
    first: tuple[str, ...] = ()
    """Those in front of them: ansible_ssh_args."""
    known: bool = True
    """Whether the inventory has the host."""


def resolve(names: list[str], inventory: Inventory, config: Any) -> list[Target]:
    """Return the targets of hosts, groups and patterns.

    A name that is not in the inventory is a plain host, as for ssh. Raises InventoryError for one
    that ssh would not find either, before any host is touched.
    """
    found = resolve_each(names, inventory, config)
    return [target for targets in found.values() for target in targets]


def resolve_each(names: list[str], inventory: Inventory, config: Any) -> dict[str, list[Target]]:
    """Return the targets by the name that selects them; see `resolve`.

    ssh is asked about each host, about as many at a time as there are processors.
    """
    drafts = {
        name: [_draft(one, inventory, config) for one in inventory.select([name.strip()])]
        for name in names
        if name.strip()
    }
    everything = {id(draft): draft for found in drafts.values() for draft in found}
    if not everything:
        raise InventoryError("no host was named", "fab -H mail1 …, or a group of the inventory")
    ssh = SshConfig(getattr(config, "_runtime_ssh_path", None))

    def settled(draft: _Draft) -> Target:
        login = ssh.login(draft.login, draft.arguments, draft.first)
        if not draft.known:
            _require_address(draft, login, inventory)
        return Target(draft.host, login)

    if len(everything) == 1 or not (
        ssh.prepared.matters or any(draft.arguments or draft.first for draft in everything.values())
    ):
        targets = [settled(draft) for draft in everything.values()]
    else:
        with ThreadPoolExecutor(2 * (os.cpu_count() or 1), "ssh -G") as pool:
            targets = list(pool.map(settled, everything.values()))
    by_draft = dict(zip(everything, targets, strict=True))
    return {name: [by_draft[id(draft)] for draft in found] for name, found in drafts.items()}


def _draft(name: str, inventory: Inventory, config: Any) -> _Draft:
    if name in inventory.hosts:
        return _from_inventory(name, inventory, config)
    # As in Fabric, USER@HOST:PORT sets user and port for this one command.
    user, host, port = split_name(name)
    if host in inventory.hosts:
        draft = _from_inventory(host, inventory, config)
        login = draft.login
        login = replace(login, user=user or login.user, port=port or login.port)
        return replace(draft, login=login)
    return _Draft(
        Host.from_inventory(name, inventory.variables("")),
        Login(name, host, user=user, port=port),
        known=False,
    )


def _require_address(draft: _Draft, login: Login, inventory: Inventory) -> None:
    """Raise InventoryError for a plain host that ssh's configuration and DNS do not know."""
    if login.host != draft.login.host or login.gateway or login.proxy_command:
        return
    try:
        socket.getaddrinfo(login.host, None)
    except (OSError, UnicodeError):
        raise InventoryError(
            f"{draft.host.name!r} is not in {inventory.path.name}, not in ~/.ssh/config, and "
            "there is no address for that name",
            inventory.suggestions(draft.host.name),
        ) from None


def _first(variables: Mapping[str, str], *names: str) -> str | None:
    return next((variables[name] for name in names if variables.get(name)), None)


def _login_variables(name: str, inventory: Inventory, config: Any) -> Settings:
    """Return the variables of a host. Raises InventoryError if its login cannot use them."""
    variables = inventory.variables(name)
    refused = [name for name in LOGIN if name in variables.refused]
    variables.require(*(n for n in refused if not (is_secret(n) and _is_given(n, config))))
    becomes = _becomes(variables, name)
    for variable, meanings in MEANINGS.items():
        value = variables.get(variable, meanings[0])
        if value.removeprefix("ansible.builtin.") not in meanings and (
            becomes or not variable.startswith("ansible_become")
        ):
            raise InventoryError(
                f"{variable} is {value!r} ({variables.places[variable]}), and mailfab knows "
                f"only {', '.join(meanings)}",
                f"set {variable}={meanings[0]} for this host",
                host=name,
            )
    return variables


def _is_given(password: str, config: Any) -> bool:
    """Return whether the user has typed the password that a variable of Ansible holds."""
    if password_kind(password) == "sudo":
        return bool(config.sudo.password)
    return bool(config.connect_kwargs.get("password"))


def _becomes(variables: Settings, name: str) -> bool:
    """Return whether the account has to become root."""
    variable = "ansible_become" if "ansible_become" in variables else "ansible_sudo"
    value = variables.get(variable, "").lower()
    if value not in (*YES, *NO):
        raise InventoryError(
            f"{variable} is {value!r} ({variables.places[variable]})", "write yes or no", host=name
        )
    return value in YES


def _from_inventory(name: str, inventory: Inventory, config: Any) -> _Draft:
    variables = _login_variables(name, inventory, config)
    # Where two names mean one thing, the last in Ansible's documentation wins.
    host = _first(variables, "ansible_ssh_host", "ansible_host") or name
    port = _first(variables, "ansible_ssh_port", "ansible_port")
    if port and (not port.isdigit() or not 0 < int(port) < 65536):
        raise InventoryError(
            f"ansible_port is {port!r}", "give the number of the SSH port, or nothing", host=name
        )
    if not re.fullmatch(r"[A-Za-z0-9_.:%-]+", host):
        raise InventoryError(
            f"ansible_host is {host!r}", "give the server's address or its name", host=name
        )
    password = _first(variables, "ansible_ssh_password", "ansible_ssh_pass", "ansible_password")
    sudo = Sudo(_becomes(variables, name))
    key = _first(variables, "ansible_ssh_private_key_file", "ansible_private_key_file")
    login = Login(
        name,
        host,
        user=_first(variables, "ansible_ssh_user", "ansible_user"),
        port=int(port) if port else None,
        keys=(str(expanded(key)),) if key else (),
        password=SecretValue(password) if password else None,
        sudo=sudo.with_password(
            _first(variables, "ansible_sudo_pass", "ansible_become_pass", "ansible_become_password")
        ),
        known_hosts=tuple(variables.get("ssh_known_hosts", "").split()),
    )
    return _Draft(
        Host.from_inventory(name, variables),
        login,
        _ssh_arguments(variables, name),
        arguments(variables.get("ansible_ssh_args", ""), "ansible_ssh_args", name),
    )


def _ssh_arguments(variables: Settings, host: str) -> tuple[str, ...]:
    """Return the ssh arguments in Ansible's variables, in the order of its ssh plug-in."""
    found: list[str] = []
    for variable, option in SSH_ARGUMENTS.items():
        value = variables.get(variable, "")
        if option is None:
            found += arguments(value, variable, host)
        elif value:
            found += arguments(shlex.join(["-o", f"{option}={value}"]), variable, host)
    return tuple(found)
