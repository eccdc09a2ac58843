"""The forwarded ports of a server, on a loopback address of its own on the machine."""

from __future__ import annotations

import errno
import json
import socket
import sys
from pathlib import Path

from fabfile.sandbox import network, process, state
from fabfile.sandbox.errors import SandboxError

PORTS = (22, 25, 110, 143, 465, 587, 993, 995)


def opened(name: str) -> dict[int, int]:
    """Return the forwarded ports of a server: its port to the port on the machine."""
    try:
        found: dict[str, int] = json.loads((state.host(name) / "ports.json").read_text())
    except FileNotFoundError:
        return {}
    return {int(port): outside for port, outside in found.items()}


def open_all(name: str) -> None:
    """Start a server's forwarder, unless it is running."""
    if process.find(name, "forwarder"):
        return
    number = state.number(name)
    sockets: dict[int, socket.socket] = {}
    try:
        for port in PORTS:
            sockets[port] = listen(name, network.loopback(number), port)
        outside = {port: listener.getsockname()[1] for port, listener in sockets.items()}
        state.write(state.host(name) / "ports.json", json.dumps(outside) + "\n")
        process.start(
            name,
            "forwarder",
            [
                "nsenter",
                f"--net={network.NAMESPACES / network.lan()}",
                sys.executable,
                "-I",
                str(Path(__file__).with_name("forward.py")),
                network.address(number),
                *(f"{listener.fileno()}:{port}" for port, listener in sockets.items()),
            ],
            log=state.host(name) / "forwarder.log",
            pass_fds=[listener.fileno() for listener in sockets.values()],
        )
    finally:
        for listener in sockets.values():
            listener.close()


def listen(name: str, address: str, port: int) -> socket.socket:
    """Return a listener on the port, or on the shifted port if a program here uses the port."""
    try:
        return network.listener(address, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
    try:
        return network.listener(address, network.shifted(port))
    except OSError as error:
        raise SandboxError(
            f"ports {port} and {network.shifted(port)} of {address} are both in use",
            f"see which program listens there: ss -ltnp 'sport = :{port}'",
            host=name,
        ) from error


def close(name: str) -> None:
    """Stop a server's forwarder. Its ports then refuse connections."""
    process.kill_all(name, "forwarder")
