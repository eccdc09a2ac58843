"""The inventories of all tools: the same values, and the servers' addresses in the lan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks import machines
from fabfile.sandbox.server import Server
from tasks.mysql import ADMIN_FILE

SECRETS = {"db_password": "Bench-Admin-7781", "db_lookup_password": "Bench-Reader-7781"}
"""The same secrets for all tools, so that all write the same files."""
POSTMASTER = "postmaster@example.test"


def fqdn(server: Server) -> str:
    """Return the fully qualified domain name of a server."""
    return f"{server.name}.example.test"


def write_ini(servers: Sequence[Server], path: Path) -> None:
    """Write the inventory of Ansible and mailfab."""
    lines = ["[mail]"]
    for server in servers:
        lines.append(
            f"{server.name} ansible_host={server.lan_address} fqdn={fqdn(server)} "
            f"postmaster={POSTMASTER}"
        )
    lines += [
        "[mail:vars]",
        "ansible_user=root",
        f"ansible_ssh_private_key_file={machines.key()}",
        f"ansible_ssh_common_args=-o UserKnownHostsFile={machines.known_hosts()}",
        *(f"{name}={value}" for name, value in SECRETS.items()),
        f"admin_file={ADMIN_FILE}",
        "mailfab_ignore=admin_file",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_python(servers: Sequence[Server], path: Path) -> None:
    """Write pyinfra's inventory."""
    hosts = [
        (
            server.name,
            {
                "ssh_hostname": server.lan_address,
                "ssh_user": "root",
                "ssh_key": str(machines.key()),
                "ssh_known_hosts_file": str(machines.known_hosts()),
                "fqdn": fqdn(server),
                "postmaster": POSTMASTER,
                "admin_file": ADMIN_FILE,
                **SECRETS,
            },
        )
        for server in servers
    ]
    path.write_text(f"mail = {hosts!r}\n", encoding="utf-8")
