"""A port as the host itself sees it, as a real local socket.

An SSH channel is no socket: nothing can do TLS on it. So a pair of sockets stands in between, and
two threads carry the bytes. No port is opened on either machine.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import paramiko

from fabfile.connection import Connection
from fabfile.errors import UnreachableError

OPEN_SECONDS = 30


def connect(c: Connection, host: str, port: int) -> socket.socket:
    """Return a socket connected, from the host of `c`, to a port; ConnectionRefusedError if closed.

    The address is the host's own view: 127.0.0.1 is the host itself.
    """
    c.open()
    assert c.transport is not None
    try:
        channel = c.transport.open_channel(
            "direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=OPEN_SECONDS
        )
    except paramiko.ChannelException as error:
        if error.code == paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED:
            raise UnreachableError(
                f"{c.target.name}: the SSH server forbids forwarding",
                "allow it for root in sshd_config: AllowTcpForwarding yes (or local)",
            ) from None
        raise ConnectionRefusedError(f"{host} port {port}: nothing answers") from None
    except paramiko.SSHException as error:
        raise UnreachableError(f"{c.target.name}: the connection broke: {error}") from error
    ours, theirs = socket.socketpair()
    threading.Thread(target=_carry_out, args=(theirs, channel), daemon=True).start()
    threading.Thread(target=_carry_in, args=(channel, theirs), daemon=True).start()
    return ours


def _carry_out(source: socket.socket, channel: paramiko.Channel) -> None:
    try:
        while data := source.recv(65536):
            channel.sendall(data)
        channel.shutdown_write()
    except (OSError, EOFError):
        channel.close()


def _carry_in(channel: paramiko.Channel, target: socket.socket) -> None:
    try:
        while data := channel.recv(65536):
            target.sendall(data)
    except (OSError, EOFError):
        pass
    finally:
        # Closing alone would leave a reader of the other end waiting.
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        target.close()
        channel.close()
