"""The target servers: Debian 12 in the sandbox, with Python, which Ansible needs.

A fleet is several servers under one name. Copies of its first, deployed server save installing the
packages thirty times before a no-op is measured.
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
"""The image with Python. Ansible needs it, and no run measures its installation."""
AT_ONCE = 4
"""The number of servers that are started at the same time."""


def key() -> Path:
    """Return the private key that logs in as root on all servers."""
    return keys.login()


def known_hosts() -> Path:
    """Return the file with the servers' host keys."""
    return state.directory() / "known_hosts"


def fleet(name: str, count: int, base: str = WITH_PYTHON) -> list[Server]:
    """Return the servers `bench-NAME-1` and so on, without creating them."""
    return [Server(f"bench-{name}-{number}", base) for number in range(1, count + 1)]


def each(servers: Iterable[Server], do: Callable[[Server], object]) -> None:
    """Call `do` with each server, AT_ONCE at a time. Raise the first error."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(do, servers):
            pass


def be_bare(servers: Sequence[Server], latency: float) -> None:
    """Start the servers with the bare image and wait for the end of their boot.

    The latency is in milliseconds.
    """

    def renew(server: Server) -> None:
        if server.exists:
            server.reset()
        server.up(latency_ms=latency)

    each(servers, renew)
    settle(servers)


def settle(servers: Sequence[Server]) -> None:
    """Wait for the end of each server's boot."""
    each(servers, lambda server: server.shell(boot.SETTLE, check=False, timeout=300))


def python_image() -> None:
    """Create the image of Debian with Python, unless it exists."""
    if WITH_PYTHON in image.snapshots():
        return
    server = Server("bench-image", DEBIAN)
    server.up(latency_ms=0)
    server.shell(
        # The package lists must look old, as on a bare server: each tool downloads them again.
        "export DEBIAN_FRONTEND=noninteractive; apt-get -q update && "
        "apt-get -q -y --no-install-recommends install python3 python3-apt && "
        "touch -d 2020-01-01 /var/lib/apt/lists /var/lib/apt/periodic/*",
        timeout=600,
    )
    server.snapshot(WITH_PYTHON)
    server.down()


def copies(first: Server, name: str, count: int) -> list[Server]:
    """Return a running fleet of `count` servers: a deployed server and copies of it."""
    copied = f"bench-{name}-deployed"
    if count > 1 and copied not in image.snapshots():
        first.snapshot(copied)
    servers = [first, *fleet(name, count, copied)[1:]]
    each(servers, lambda server: server.up(latency_ms=0))
    settle(servers)
    return servers


def set_latency(servers: Iterable[Server], milliseconds: float) -> None:
    """Set the latency that is added to each round trip of the servers."""
    changed = [server for server in servers if server.latency_ms != milliseconds]
    each(changed, lambda server: server.up(latency_ms=milliseconds))


def existing(name: str = "") -> list[Server]:
    """Return the existing servers of a fleet, or of all fleets."""
    begin = f"bench-{name}-" if name else "bench-"
    return [Server(found) for found in state.host_names() if found.startswith(begin)]


def remove(servers: Iterable[Server]) -> None:
    """Remove these servers."""
    for server in servers:
        server.down()


def remove_all() -> None:
    """Remove all servers and images of the benchmark except the image with Python."""
    remove(existing())
    for name in image.snapshots():
        if name.startswith("bench-") and name != WITH_PYTHON:
            shutil.rmtree(image.images() / name)
