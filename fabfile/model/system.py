"""The facts of every survey: the system, our uid, known secrets and pending restarts."""

from __future__ import annotations

import functools
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


def parse_platform(states: State, versions: dict[str, str], traits: dict[str, str]) -> Platform:
    """Return the platform that the system fact describes; its family is empty if unknown."""
    found = {name: str(value) for name, value in states.items()}
    kin = {found.get("id", ""), *found.get("like", "").split()}
    name = found.get("name", "")
    release = found.get("release", "")
    if not release and " release " in name:
        release = name.split(" release ")[1].split()[0]
    family = ""
    if "debian" in kin or "ubuntu" in kin:
        family = "debian"
    elif kin & {"rhel", "centos", "fedora", "almalinux", "rocky"}:
        family = "el"
    return Platform(
        family=family,
        release=release,
        name=name or "an unknown system",
        init=found.get("init", ""),
        package_manager=found.get("manager", ""),
        versions=versions,
        selinux={"1": "enforcing", "0": "permissive"}.get(found.get("selinux", ""), ""),
        traits=traits,
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
