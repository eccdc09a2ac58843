"""The facts of every survey: the system, our uid, known secrets and pending restarts."""

from __future__ import annotations

import functools
import shlex
from importlib import metadata

from fabfile.model import shell
from fabfile.model.fact import Fact, State
from fabfile.model.host import Platform

STATE_DIR = "/var/lib/mailfab"
"""The folder on a host for replaced files and for restarts that are due. Root only."""


@functools.cache
def version() -> str:
    """Return the version of mailfab that runs."""
    return metadata.version("mailfab")


def _parse_system(lines: list[str]) -> dict[str, State]:
    return {"": dict(line.split("=", 1) for line in lines if "=" in line)}


SYSTEM = Fact(
    "system",
    shell.program(__file__, "system.sh"),
    _parse_system,
)


BY_NAME = (
    ("CentOS", "centos"),
    ("Red Hat Enterprise Linux", "rhel"),
    ("Scientific Linux", "scientific"),
    ("Oracle Linux", "ol"),
)
"""The beginning of /etc/redhat-release, and the ID that os-release would have."""


def _unquoted(value: str) -> str:
    """Return a value of os-release(5) without its quotes; unchanged if they are broken."""
    if value[:1] not in ("'", '"'):
        return value
    try:
        (word,) = shlex.split(value)
    except ValueError:
        return value
    return word


def parse_platform(states: State, versions: dict[str, str], traits: dict[str, str]) -> Platform:
    """Return the platform that the system fact describes; its family is empty if unknown."""
    found = {name: _unquoted(str(value)) for name, value in states.items()}
    name = found.get("name", "")
    release = found.get("release", "")
    distribution = found.get("id", "")
    if not distribution and " release " in name:
        distribution = next((id_ for start, id_ in BY_NAME if name.startswith(start)), "")
        release = (name.split(" release ")[1].split() or [""])[0]
    kin = {distribution, *found.get("like", "").split()}
    family = ""
    if kin & {"debian", "ubuntu"}:
        family = "debian"
    elif kin & {"rhel", "centos", "fedora", "almalinux", "rocky", "scientific", "ol"}:
        family = "el"
    return Platform(
        family=family,
        release=release,
        name=name,
        init=found.get("init", ""),
        package_manager=found.get("manager", ""),
        versions=versions,
        selinux={"1": "enforcing", "0": "permissive"}.get(found.get("selinux", ""), ""),
        traits=traits,
        distribution=distribution,
    )


def _parse_pending(lines: list[str]) -> dict[str, State]:
    return {line: {"due": True} for line in lines}


PENDING = Fact(
    "pending",
    f"state_dir={STATE_DIR}\n" + shell.program(__file__, "pending.sh"),
    _parse_pending,
)


def _parse_secrets(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    key = ""
    for line in lines:
        if line.startswith("= "):
            key = line[2:]
        elif line.startswith("|") and key not in found:
            found[key] = {"value": line[1:]}
    return found


SECRET = Fact(
    "secret",
    shell.program(__file__, "secret.sh"),
    _parse_secrets,
    lane="packages",
)
