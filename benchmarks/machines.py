"""The servers that are deployed to: Debian 12 in the sandbox, with Python for Ansible's sake.

A fleet is several of them under one name. The second and further ones of a deployed fleet are
copies of the first, since to install the packages thirty times over is not what a no-op measures.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fabfile.sandbox import boot, image, keys, state
from fabfile.sandbox.server import Server

DEBIAN = "debian12"
WITH_PYTHON = "bench-python3"
"""Ansible needs Python on the target; it is there before any clock runs."""
AT_ONCE = 4
"""Servers that are started at the same time."""


def key() -> Path:
    """Return the private key that lets root in everywhere."""
    return keys.login()


def known_hosts() -> Path:
    """Return the file with the servers' own keys."""
    return state.directory() / "known_hosts"


def fleet(name: str, count: int, base: str = WITH_PYTHON) -> list[Server]:
    """Return the servers `bench-NAME-1` and so on. None is made yet."""
    return [Server(f"bench-{name}-{number}", base) for number in range(1, count + 1)]


def each(servers: Iterable[Server], do: Callable[[Server], object]) -> None:
    """Do something with every server, with a few at a time; the first error is raised."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(do, servers):
            pass


def be_bare(servers: Sequence[Server], latency: float) -> None:
    """Have the servers up with nothing on them but their image, booted to the end."""

    def renew(server: Server) -> None:
        if server.exists:
            server.reset()
        server.up(latency_ms=latency)

    each(servers, renew)
    settle(servers)


def settle(servers: Sequence[Server]) -> None:
    """Wait until everything that starts at boot has been started."""
    each(servers, lambda server: server.shell(boot.SETTLE, check=False, timeout=300))


def python_image() -> None:
    """Make the image that is like Debian's with Python, unless it is there."""
    if WITH_PYTHON in image.snapshots():
        return
    server = Server("bench-image", DEBIAN)
    server.up(latency_ms=0)
    server.shell(
        # The lists must look as old as on a bare server, so that they are fetched again.
        "export DEBIAN_FRONTEND=noninteractive; apt-get -q update && "
        "apt-get -q -y --no-install-recommends install python3 python3-apt && "
        "touch -d 2020-01-01 /var/lib/apt/lists /var/lib/apt/periodic/*",
        timeout=600,
    )
    server.snapshot(WITH_PYTHON)
    server.down()


def copies(first: Server, name: str, count: int) -> list[Server]:
    """Return a fleet of so many: a deployed server and copies of it, all up."""
    copied = f"bench-{name}-deployed"
    if count > 1 and copied not in image.snapshots():
        first.snapshot(copied)
    servers = [first, *fleet(name, count, copied)[1:]]
    each(servers, lambda server: server.up(latency_ms=0))
    settle(servers)
    return servers


def set_latency(servers: Iterable[Server], milliseconds: float) -> None:
    """Add this to every round trip of the servers."""
    away = [server for server in servers if server.latency_ms != milliseconds]
    each(away, lambda server: server.up(latency_ms=milliseconds))


def existing(name: str = "") -> list[Server]:
    """Return the servers of a fleet that are there, or those of all fleets."""
    begin = f"bench-{name}-" if name else "bench-"
    return [Server(found) for found in state.host_names() if found.startswith(begin)]


def remove(servers: Iterable[Server]) -> None:
    """Remove these servers."""
    for server in servers:
        server.down()


def remove_all() -> None:
    """Remove every server and image of ours but the one with Python, which is worth keeping."""
    remove(existing())
    for name in image.snapshots():
        if name.startswith("bench-") and name != WITH_PYTHON:
            shutil.rmtree(image.images() / name)
