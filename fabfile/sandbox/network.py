"""The sandbox's network: a lan in a network namespace of its own, and one namespace per server.

Nothing of it is visible in the machine's own namespace: no interface, no route, no NAT.

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
    """Return the address under which a server's ports are found on the machine."""
    return f"127.77.0.{number}"


def exists(name: str) -> bool:
    """Say whether there is a network namespace of this name."""
    return (NAMESPACES / name).exists()


def make_lan() -> None:
    """Make the lan: a bridge that is also the gateway, in its own namespace.

    A note with the namespace's inode tells a whole lan from one whose making was interrupted.
    """
    note = state.directory() / "lan"
    if exists(lan()):
        if note.exists() and note.read_text() == str((NAMESPACES / lan()).stat().st_ino):
            return
        remove(lan())
    # What served an earlier lan does not serve this one.
    process.kill_all("lan")
    commands = [
        "link set lo up",
        # A bridge without a fixed address takes its ports' lowest one, and changes with them.
        f"link add {BRIDGE} address 02:77:00:00:00:01 type bridge forward_delay 0",
        f"link set {BRIDGE} up",
        f"addr add {GATEWAY}/24 dev {BRIDGE}",
        # What is not in the lan is refused at once rather than left to time out.
        "route add unreachable default",
    ]
    try:
        machine.run(["ip", "netns", "add", lan()], purpose="making the lan")
        machine.run(
            ["ip", "-n", lan(), "-batch", "-"], purpose="making the lan", stdin="\n".join(commands)
        )
        enter = ["nsenter", f"--net={NAMESPACES / lan()}", "sh", "-c"]
        machine.run([*enter, "echo 1 >/proc/sys/net/ipv4/ip_forward"], purpose="making the lan")
        state.write(note, str((NAMESPACES / lan()).stat().st_ino))
    except SandboxError:
        remove(lan())
        raise


def remove(name: str) -> None:
    """Remove a network namespace, if there is one."""
    if exists(name):
        machine.run(["ip", "netns", "del", name], purpose=f"removing the namespace {name}")


def unplug(number: int) -> None:
    """Remove a server's port from the lan; its namespace may take a moment longer to go."""
    if exists(lan()) and f"port{number}" in machine.run(
        ["ip", "-n", lan(), "-o", "link", "show"], purpose="looking at the lan"
    ):
        machine.run(["ip", "-n", lan(), "link", "del", f"port{number}"], purpose="unplugging")


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
    """Return a listening socket, made in the namespace `inside` but usable from here."""
    made: list[socket.socket | OSError] = []

    def make() -> None:
        try:
            if inside:
                enter(inside)
            # Linux sets SO_REUSEADDR here: an earlier listener's last connections do not matter.
            made.append(socket.create_server((where, port), backlog=128))
        except OSError as error:
            made.append(error)

    # A namespace belongs to a thread: this one enters it and ends, no other one notices.
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def enter(name: str) -> None:
    """Move the calling thread into a network namespace (os.setns came only with Python 3.12)."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(NAMESPACES / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter the network namespace {name}")
    finally:
        os.close(descriptor)


def shifted(port: int) -> int:
    """Return the port that stands in for one that the machine itself uses: 2222 for 22."""
    return port + 2200
