"""The servers that are deployed to: bare Debian 12 in the sandbox, of each tool's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fabfile.sandbox import image, keys, state
from fabfile.sandbox.server import Server

DEBIAN = "debian12"
WITH_PYTHON = "bench-python3"
"""Ansible needs Python on the target; it is there before any clock runs."""


def key() -> Path:
    """Return the private key that lets root in everywhere."""
    return keys.login()


def known_hosts() -> Path:
    """Return the file with the servers' own keys."""
    return state.directory() / "known_hosts"


def servers(tool: str, count: int, base: str = DEBIAN) -> list[Server]:
    """Return the servers of a tool: `bench-TOOL`, `bench-TOOL-2` and so on. None is made yet."""
    names = [f"bench-{tool}", *(f"bench-{tool}-{number}" for number in range(2, count + 1))]
    return [Server(name, image=base) for name in names]


def fresh(server: Server) -> None:
    """Make a server anew, bare, without added latency."""
    if server.exists:
        server.down()
    server.up(latency_ms=0)


def python_image() -> str:
    """Return an image like Debian's with Python, made at the first use."""
    if WITH_PYTHON not in image.snapshots():
        server = Server("bench-image")
        fresh(server)
        server.shell(
            # The lists must look as old as on the other servers, so that they are fetched again.
            "export DEBIAN_FRONTEND=noninteractive; apt-get -q update && "
            "apt-get -q -y --no-install-recommends install python3 python3-apt && "
            "touch -d 2020-01-01 /var/lib/apt/lists /var/lib/apt/periodic/*",
            timeout=600,
        )
        server.snapshot(WITH_PYTHON)
        server.down()
    return WITH_PYTHON


def clones(first: Server, others: list[Server]) -> list[Server]:
    """Make the others copies of the first, a deployed server, and return them, started."""
    copied = f"{first.name}-deployed"
    shutil.rmtree(image.images() / copied, ignore_errors=True)
    first.snapshot(copied)
    made = [Server(server.name, image=copied) for server in others]
    for server in made:
        fresh(server)
    return made


def set_latency(everyone: Iterable[Server], milliseconds: int) -> None:
    """Add this to every round trip of all servers."""
    for server in everyone:
        server.up(latency_ms=milliseconds)


def wait_until_settled(everyone: Iterable[Server]) -> None:
    """Wait until everything that starts at boot has been started."""
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda server: server.shell("systemctl is-system-running --wait", check=False),
                everyone,
            )
        )


def remove_all() -> None:
    """Remove every server and image of ours."""
    for name in state.host_names():
        if name.startswith("bench-"):
            Server(name).down()
    for name in image.snapshots():
        if name.startswith("bench-"):
            shutil.rmtree(image.images() / name)
