"""Names given with -H become hosts, and hosts become connections."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fabfile.fleet.host_connection import HostConnection
from fabfile.model.errors import InventoryError
from fabfile.model.host import Host
from fabfile.model.inventory import Inventory
from fabfile.model.inventory.values import Settings, password_kind
from fabfile.model.redact import SecretValue, is_secret
from fabfile.model.variables import LOGIN
from fabfile.ssh.config import ssh_options
from fabfile.ssh.keys import expanded
from fabfile.ssh.login import Login
from fabfile.ssh.sudo import Sudo

YES = ("yes", "true", "on", "1", "y", "t", "1.0")
NO = ("no", "false", "off", "0", "n", "f", "0.0", "")
# The values of Ansible's variables that mean what mailfab does.
MEANINGS = {
    "ansible_connection": ("ssh", "smart", "paramiko", "paramiko_ssh"),
    "ansible_become_method": ("sudo",),
    "ansible_become_user": ("root",),
}


@dataclass(frozen=True)
class Target:
    """A host, and how to log in there."""

    host: Host
    login: Login

    def connect(self, config: Any) -> HostConnection:
        """Return a connection, which opens at first use."""
        sudo = self.login.sudo.with_password(config.sudo.password)
        return HostConnection(replace(self.login, sudo=sudo), self.host, config)


def resolve(names: list[str], inventory: Inventory, config: Any) -> list[Target]:
    """Return the targets of hosts, groups and patterns.

    A name that is not in the inventory is a plain host, as for ssh. Raises InventoryError for one
    that ssh would not find either, before any host is touched.
    """
    targets = [
        _target(name, inventory, config)
        for name in inventory.select([name.strip() for name in names if name.strip()])
    ]
    if not targets:
        raise InventoryError("no host was named", "fab -H mail1 …, or a group of the inventory")
    return targets


def _target(name: str, inventory: Inventory, config: Any) -> Target:
    if name in inventory.hosts:
        return _from_inventory(name, inventory, config)
    # As in Fabric, USER@HOST:PORT sets user and port for this one command.
    one_off = re.fullmatch(r"(?:(?P<user>[^@]+)@)?(?P<host>[^:@]+)(?::(?P<port>\d+))?", name)
    if one_off and one_off["host"] in inventory.hosts:
        target = _from_inventory(one_off["host"], inventory, config)
        login = target.login
        user = one_off["user"] or login.user
        port = int(one_off["port"]) if one_off["port"] else login.port
        return replace(target, login=replace(login, user=user, port=port))
    return _plain(name, inventory, config)


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


def _from_inventory(name: str, inventory: Inventory, config: Any) -> Target:
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
    ssh_arguments = (variables.get(f"ansible_ssh_{kind}_args", "") for kind in ("common", "extra"))
    options = ssh_options(" ".join(ssh_arguments), name)
    files = (variables.get("ssh_known_hosts", ""), options.get("userknownhostsfile", ""))
    jumps = options.get("proxyjump", "")
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
        known_hosts=tuple(" ".join(files).split()),
        jumps=tuple(hop.strip() for hop in jumps.split(",")) if jumps else (),
    )
    return Target(Host.from_inventory(name, variables), login)


def _plain(name: str, inventory: Inventory, config: Any) -> Target:
    bare = name.rpartition("@")[2]
    bare = bare[: bare.rindex(":")] if re.fullmatch(r"[^:]+:\d+", bare) else bare
    alias = config.base_ssh_config.lookup(bare)
    if (
        alias.get("hostname", bare) == bare
        and "proxyjump" not in alias
        and "proxycommand" not in alias
    ):
        try:
            socket.getaddrinfo(bare.strip("[]"), None)
        except (OSError, UnicodeError):
            raise InventoryError(
                f"{name!r} is not in {inventory.path.name}, not in ~/.ssh/config, and there is no "
                "address for that name",
                inventory.suggestions(name),
            ) from None
    return Target(Host.from_inventory(name, inventory.variables("")), Login(name, name))
