"""The sandbox's network: a lan in a network namespace of its own, and one namespace per server.

The machine's own namespace sees none of it: no interface, no route, no NAT.

    machine's namespace         lan: bridge lan0, 10.77.0.1              server: eth0, 10.77.0.11
    127.77.0.11:22  <-forwarder, from the lan namespace->  port11 ==veth==  eth0   sshd
                                 dnsmasq, apt proxy
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import threading
from pathlib import Path

from fabfile.sandbox import machine, process, state
from fabfile.sandbox.errors import SandboxError

GATEWAY = "10.77.0.1"
BRIDGE = "lan0"
DOMAIN = "example.test"

NAMESPACES = Path("/run/netns")
CLONE_NEWNET = 0x40000000


def lan() -> str:
    """Return the name of the lan's namespace."""
    return state.prefix()


def namespace(name: str) -> str:
    """Return the name of a server's namespace."""
    return f"{state.prefix()}-{name}"


def address(number: int) -> str:
    """Return a server's address in the lan."""
    return f"10.77.0.{number}"


def loopback(number: int) -> str:
    """Return the address of a server's forwarded ports on the machine."""
    return f"127.77.0.{number}"


def exists(name: str) -> bool:
    """Return whether a network namespace of this name exists."""
    return (NAMESPACES / name).exists()


def make_lan() -> None:
    """Create the lan: a bridge that is also the gateway, in its own namespace.

    The file `lan` holds the namespace's inode. It is written last: without it the lan is partial.
    """
    note = state.directory() / "lan"
    if exists(lan()):
        if note.exists() and note.read_text() == str((NAMESPACES / lan()).stat().st_ino):
            return
        remove(lan())
    # Processes of an earlier lan are in its namespace, not in this one.
    process.kill_all("lan")
    commands = [
        "link set lo up",
        # Without a fixed address, a bridge takes the lowest of its ports, and changes with them.
        f"link add {BRIDGE} address 02:77:00:00:00:01 type bridge forward_delay 0",
        f"link set {BRIDGE} up",
        f"addr add {GATEWAY}/24 dev {BRIDGE}",
        # Connections to other networks fail at once instead of after a timeout.
        "route add unreachable default",
    ]
    try:
        machine.run(["ip", "netns", "add", lan()], purpose="creating the lan")
        machine.run(
            ["ip", "-n", lan(), "-batch", "-"],
            purpose="creating the lan",
            stdin="\n".join(commands),
        )
        enter = ["nsenter", f"--net={NAMESPACES / lan()}", "sh", "-c"]
        machine.run([*enter, "echo 1 >/proc/sys/net/ipv4/ip_forward"], purpose="creating the lan")
        state.write(note, str((NAMESPACES / lan()).stat().st_ino))
    except SandboxError:
        remove(lan())
        raise


def remove(name: str) -> None:
    """Remove a network namespace, if it exists."""
    if exists(name):
        machine.run(["ip", "netns", "del", name], purpose=f"removing the namespace {name}")


def unplug(number: int) -> None:
    """Remove a server's port from the lan. Its namespace may be removed a moment later."""
    if exists(lan()) and f"port{number}" in machine.run(
        ["ip", "-n", lan(), "-o", "link", "show"], purpose="listing the ports of the lan"
    ):
        machine.run(
            ["ip", "-n", lan(), "link", "del", f"port{number}"],
            purpose="removing a port of the lan",
        )


def plug_script(name: str, latency_ms: float) -> str:
    """Return the shell that connects a server's namespace to the lan, again each time it runs."""
    number = state.number(name)
    ((variable, value),) = process.mark(name, "cable").items()
    return machine.script(
        "plug.sh",
        LAN=lan(),
        INSIDE=namespace(name),
        PORT=f"port{number}",
        BRIDGE=BRIDGE,
        GATEWAY=GATEWAY,
        MAC=f"02:77:00:00:00:{number:02x}",
        ADDRESS=address(number),
        DELAY_MS=str(latency_ms / 2) if latency_ms else "",
        PYTHON=sys.executable,
        PROGRAM=str(Path(__file__).with_name("latency.py")),
        MARK=f"{variable}={value}",
    )


def listener(where: str, port: int, *, inside: str | None = None) -> socket.socket:
    """Return a listening socket. With `inside`, create it in that network namespace."""
    made: list[socket.socket | OSError] = []

    def make() -> None:
        try:
            if inside:
                enter(inside)
            # create_server sets SO_REUSEADDR: connections in TIME_WAIT do not block the port.
            made.append(socket.create_server((where, port), backlog=128))
        except OSError as error:
            made.append(error)

    # setns(2) moves one thread only: this one enters the namespace and ends.
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def enter(name: str) -> None:
    """Move the calling thread into a network namespace. os.setns needs Python 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(NAMESPACES / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {name}")
    finally:
        os.close(descriptor)


def shifted(port: int) -> int:
    """Return the port to use if the machine itself uses `port`: 2222 for 22."""
    return port + 2200
