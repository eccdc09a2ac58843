"""A connection from the host to an address and port, as a local socket.

TLS needs a real socket, and an SSH channel is none. So two threads copy bytes between the channel
and a pair of sockets. No port is opened on either machine.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import paramiko

from fabfile.model.errors import UnreachableError
from fabfile.ssh.transport import close_quietly

OPEN_SECONDS = 30
"""Timeout until the host is connected to the port, in seconds."""
MAX_BYTES = 64 * 1024 * 1024
"""Limit of the bytes that a host sends. The longest list of users is far smaller."""


def connect(transport: paramiko.Transport, name: str, host: str, port: int) -> socket.socket:
    """Return a socket connected to an address and port as seen from the host.

    127.0.0.1 is the host itself; messages call it `name`. Raises ConnectionRefusedError when the
    port is closed, UnreachableError when sshd forbids forwarding or the connection is lost.
    """
    try:
        channel = transport.open_channel(
            "direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=OPEN_SECONDS
        )
    except paramiko.ChannelException as error:
        if error.code == paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED:
            raise UnreachableError(
                "the SSH server forbids forwarding",
                "allow it for root in sshd_config: AllowTcpForwarding yes (or local)",
                host=name,
            ) from None
        raise ConnectionRefusedError(f"{host} port {port}: nothing answers") from None
    except paramiko.SSHException as error:
        raise UnreachableError(f"the connection was lost: {error}", host=name) from error
    ours, theirs = socket.socketpair()
    out = threading.Thread(target=_copy_to_host, args=(theirs, channel), daemon=True)
    out.start()
    threading.Thread(target=_copy_from_host, args=(channel, theirs, out), daemon=True).start()
    return ours


def _copy_to_host(source: socket.socket, channel: paramiko.Channel) -> None:
    """Copy bytes to the host, then close the channel. Only this thread may close it.

    paramiko sends a message after it has released the channel's lock. So data or an end of file
    from one thread could follow the close from another. sshd closes the whole connection for a
    message to a closed channel, or delivers it to a newer channel with that number.
    """
    try:
        while data := source.recv(65536):
            channel.sendall(data)
    except (OSError, EOFError):
        pass
    finally:
        close_quietly(channel)


def _copy_from_host(
    channel: paramiko.Channel, target: socket.socket, out: threading.Thread
) -> None:
    size = 0
    try:
        while (data := channel.recv(65536)) and (size := size + len(data)) <= MAX_BYTES:
            target.sendall(data)
    except (OSError, EOFError):
        pass
    finally:
        # This also ends the other thread. A close alone would leave our reader waiting.
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        out.join()
        target.close()
