"""From the names given with -H to hosts, and from a host to how it is connected to."""

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
from fabfile.ssh.config import ssh_options
from fabfile.ssh.connection import Connection
from fabfile.ssh.keys import expanded

YES = ("yes", "true", "on", "1")


@dataclass(frozen=True)
class Target:
    """A host and the arguments of its connection."""

    host: Host
    arguments: Mapping[str, Any]
    settings: Mapping[str, Any]
    jumps: tuple[str, ...] = ()
    """The hosts on the way, the nearest first."""

    def connect(self, config: Any) -> HostConnection:
        """Return a connection, which opens itself when it is first used."""
        connection = HostConnection(**self.arguments, gateway=self._gateway(), config=config)
        connection.target = self.host
        connection.name = self.host.name
        for name, value in self.settings.items():
            setattr(connection, name, value)
        if connection.sudo_password is None:
            connection.sudo_password = config.sudo.password
        if connection.sudo_password is not None:
            connection.sudo_wanted = True
        if connection.user == "root":
            connection.sudo_wanted = False
        return connection

    def _gateway(self) -> Connection | None:
        """Return the connection through which the host is reached; the last hop of a chain.

        The hops are let in by the host's own key, and proved by the same known_hosts files.
        """
        gateway: Connection | None = None
        for hop in self.jumps:
            gateway = Connection(hop, gateway=gateway)
            gateway.name = f"{self.host.name} (through {hop})"
            gateway.known_hosts_files = self.settings["known_hosts_files"]
            gateway.identities = self.settings.get("identities", ())
        return gateway


def resolve(names: list[str], inventory: Inventory, config: Any) -> list[Target]:
    """Return a target for each host that the names stand for.

    A name in no inventory is a plain host, as ssh would take it; one that ssh would not find
    either is refused here, before any host is touched.
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
        return _from_inventory(name, inventory)
    # As with plain Fabric, USER@HOST:PORT says it for this one command.
    said = re.fullmatch(r"(?:(?P<user>[^@]+)@)?(?P<host>[^:@]+)(?::(?P<port>\d+))?", name)
    if said and said["host"] in inventory.hosts:
        target = _from_inventory(said["host"], inventory)
        override = {"user": said["user"], "port": said["port"] and int(said["port"])}
        return replace(
            target, arguments={**target.arguments, **{k: v for k, v in override.items() if v}}
        )
    return _plain(name, inventory, config)


def _first(variables: Mapping[str, str], *names: str) -> str | None:
    return next((variables[name] for name in names if variables.get(name)), None)


def _from_inventory(name: str, inventory: Inventory) -> Target:
    variables = inventory.variables(name)
    arguments: dict[str, Any] = {
        "host": _first(variables, "ansible_host", "ansible_ssh_host") or name,
        "user": _first(variables, "ansible_user", "ansible_ssh_user"),
    }
    if port := _first(variables, "ansible_port", "ansible_ssh_port"):
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise InventoryError(
                f"{name}: ansible_port is {port!r}", "give the number of the SSH port, or nothing"
            )
        arguments["port"] = int(port)
    if not re.fullmatch(r"[A-Za-z0-9_.:%-]+", arguments["host"]):
        raise InventoryError(
            f"{name}: ansible_host is {arguments['host']!r}",
            "give the server's address or its name",
        )
    settings: dict[str, Any] = {
        "login_password": _first(variables, "ansible_password", "ansible_ssh_pass"),
        "sudo_password": _first(
            variables, "ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"
        ),
        "sudo_wanted": (_first(variables, "ansible_become", "ansible_sudo") or "").lower() in YES,
    }
    if key := _first(variables, "ansible_ssh_private_key_file", "ansible_private_key_file"):
        settings["identities"] = (str(expanded(key)),)
    files = variables.get("ssh_known_hosts", "").split()
    ssh_arguments = (variables.get(f"ansible_ssh_{kind}_args", "") for kind in ("common", "extra"))
    options = ssh_options(" ".join(ssh_arguments), name)
    files += options.get("userknownhostsfile", "").split()
    settings["known_hosts_files"] = tuple(files)
    jump = options.get("proxyjump", "")
    jumps = tuple(hop.strip() for hop in jump.split(",")) if jump else ()
    return Target(Host(name, variables), arguments, settings, jumps)


def _plain(name: str, inventory: Inventory, config: Any) -> Target:
    arguments: dict[str, Any] = {"host": name}
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
    return Target(Host(name, inventory.variables("")), arguments, {})
