"""A port as the host itself sees it, as a real local socket.

An SSH channel is no socket: nothing can do TLS on it. So a pair of sockets stands in between, and
two threads carry the bytes. No port is opened on either machine.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import paramiko

from fabfile.model.errors import UnreachableError
from fabfile.ssh.transport import close_quietly

OPEN_SECONDS = 30
MOST = 64 * 1024 * 1024
"""Bytes that one may bring: no list of users comes near it, so more is a host gone mad."""


def connect(transport: paramiko.Transport, name: str, host: str, port: int) -> socket.socket:
    """Return a socket connected to a port, from the other side of a transport.

    The address is the other side's view: 127.0.0.1 is the host itself, which messages call `name`.
    Raises ConnectionRefusedError when the port is closed.
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
        raise UnreachableError(f"the connection broke: {error}", host=name) from error
    ours, theirs = socket.socketpair()
    out = threading.Thread(target=_carry_out, args=(theirs, channel), daemon=True)
    out.start()
    threading.Thread(target=_carry_in, args=(channel, theirs, out), daemon=True).start()
    return ours


def _carry_out(source: socket.socket, channel: paramiko.Channel) -> None:
    """Carry bytes to the host, and close the channel: nobody else may.

    paramiko puts a message on the wire after it has given up the channel's lock. An end of file
    or bytes from one thread could so come after the close from another; sshd ends the whole
    connection for a message to a channel that is gone, or takes it for that of a newer channel.
    """
    try:
        while data := source.recv(65536):
            channel.sendall(data)
    except (OSError, EOFError):
        pass
    finally:
        close_quietly(channel)


def _carry_in(channel: paramiko.Channel, target: socket.socket, out: threading.Thread) -> None:
    size = 0
    try:
        while (data := channel.recv(65536)) and (size := size + len(data)) <= MOST:
            target.sendall(data)
    except (OSError, EOFError):
        pass
    finally:
        # This ends the other thread too. Closing alone would leave whoever reads waiting.
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        out.join()
        target.close()
