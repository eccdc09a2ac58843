"""Ansible's view of an inventory, and mailfab's in the same form."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabfile.model.errors import InventoryError
from fabfile.model.inventory import sources
from fabfile.model.inventory.values import Encrypted, Unsafe

View = dict[str, Any]
"""Hosts with their variables, and groups with their hosts and groups."""


@dataclass(frozen=True)
class Refusal:
    """An inventory is refused: why."""

    reason: str


class Ansible:
    """A process that answers as `ansible-inventory --list` does."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def view(self, path: Path) -> View | Refusal:
        """Return Ansible's view of an inventory."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if answer["code"]:
            return Refusal(answer["err"])
        return view_of(json.loads(answer["out"]))


def view_of(found: dict[str, Any]) -> View:
    """Return the view that the output of `ansible-inventory --list` describes."""
    hosts = found.pop("_meta")["hostvars"]
    groups = {name: _group(group) for name, group in found.items()}
    named = {host for group in groups.values() for host in group["hosts"]}
    return {"hosts": {name: {} for name in named} | hosts, "groups": groups}


def _group(group: dict[str, Any]) -> dict[str, list[str]]:
    return {"hosts": group.get("hosts", []), "children": group.get("children", [])}


def environment(home: Path) -> dict[str, str]:
    """Return the environment of an Ansible without any configuration."""
    config = home / "ansible.cfg"
    config.touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return kept | {
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(config),
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        # A source that Ansible cannot read is an error, instead of half an inventory.
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
    }


@contextmanager
def ansible(home: Path) -> Iterator[Ansible]:
    """Start Ansible, in an empty folder: it reads `group_vars` of the current one as well."""
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=home,
        env=environment(home),
    ) as process:
        yield Ansible(process)
        assert process.stdin is not None
        process.stdin.close()


def mailfab(path: Path) -> View | Refusal:
    """Return mailfab's view of an inventory."""
    try:
        found = sources.read(path)
        hosts = {name: found.values(name)[0] for name in found.hosts}
        values = {
            host: {str(name): _json(value.data) for name, value in variables.items()}
            for host, variables in hosts.items()
        }
    except InventoryError as error:
        return Refusal(str(error))
    groups = {
        name: {"hosts": list(group.hosts) if name != "all" else [], "children": group.children}
        for name, group in found.groups.items()
        if group.children or (group.hosts and name != "all")
    }
    # Ansible's output does not show a host without groups and without variables.
    grouped = {host for group in groups.values() for host in group["hosts"]}
    seen = {host: found for host, found in values.items() if found or host in grouped}
    return {"hosts": seen, "groups": groups}


def _json(value: Any) -> Any:
    """Return a value as Ansible writes it into JSON."""
    if isinstance(value, Unsafe):
        return {"__ansible_unsafe": str(value)}
    if isinstance(value, Encrypted):
        return {"__ansible_vault": value.text}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, set):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return json.loads(json.dumps({key: _json(inner) for key, inner in value.items()}))
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return value
