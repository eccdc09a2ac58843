"""The SSH transport: paramiko's, without some faults of its way to log in, and with limits.

It signs as the server can verify, from OpenSSH 5.3 to today's (that much is paramiko's own
ServiceRequestingTransport). Beyond that it does not sleep a tenth of a second at each login, takes
a round trip less for it, does not wait for ever for a server that has gone, and does not miss an
answer that comes at once. And it does not believe everybody who says that 4 GB will follow. Seen in
paramiko 3.5 and 4.0.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import paramiko
from paramiko.auth_handler import AuthOnlyHandler
from paramiko.common import (
    cMSG_CHANNEL_OPEN,
    cMSG_CHANNEL_REQUEST,
    cMSG_SERVICE_REQUEST,
    cMSG_USERAUTH_REQUEST,
)
from paramiko.packet import Packetizer

LARGEST_PACKET = 256 * 1024
"""Bytes, as in OpenSSH (PACKET_MAX_SIZE in packet.h)."""
LONGEST_GREETING = 64 * 1024
"""Bytes before and with the server's version; OpenSSH takes about as much."""


class Packets(Packetizer):
    """Reads what a server sends, which need not be one that anybody has proved to know."""

    greeting = 0

    def read_all(self, n: int, check_rekey: bool = False) -> Any:
        """Return so many bytes; SSHException for more than any packet has."""
        if n > LARGEST_PACKET:
            raise paramiko.SSHException(f"the server sends a packet of {n} bytes")
        return super().read_all(n, check_rekey)

    def _read_timeout(self, timeout: float) -> Any:
        """Return some bytes of the server's greeting."""
        found = super()._read_timeout(timeout)
        self.greeting += len(found)
        if self.greeting > LONGEST_GREETING:
            raise paramiko.SSHException("the server greets without end")
        return found


class Handler(AuthOnlyHandler):
    """Makes the event before it sends the request.

    Paramiko makes it afterwards: an answer that is quicker sets nothing, and a login that was
    granted fails with a timeout half a minute later.
    """

    def send_auth_request(
        self, username: str, method: str, finish_message: Callable[[Any], None]
    ) -> Any:
        """Send a request to log in, and return what came of it."""
        self.auth_method = method
        self.username = username
        request = paramiko.Message()
        request.add_byte(cMSG_USERAUTH_REQUEST)
        request.add_string(username)
        request.add_string("ssh-connection")
        request.add_string(method)
        finish_message(request)
        self.auth_event = threading.Event()
        with self.transport.lock:
            self.transport._send_message(request)
        self.transport.acknowledge_at_once()
        return self.wait_for_response(self.auth_event)


class Transport(paramiko.ServiceRequestingTransport):
    """Waits for the server's leave to log in as long as the server is there, if it waits at all."""

    auth_handler: Any

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # It is made deep inside, and has been given nothing yet but the socket.
        self.packetizer.__class__ = Packets
        self._accepted = threading.Event()
        self._with_the_opening: Callable[[], paramiko.Message] | None = None

    def get_auth_handler(self) -> Handler:
        """Return what handles one attempt to log in."""
        return Handler(self)

    def _parse_service_accept(self, message: Any) -> None:
        super()._parse_service_accept(message)
        if self._service_userauth_accepted:
            self._accepted.set()

    def auth_publickey(self, username: str, key: paramiko.PKey) -> Any:
        """Log in with a key. The request does not wait for the leave to make it: a round trip less.

        With RSA it does, since before that the server says which signatures it can verify.
        """
        self.ensure_session(wait=key.get_name() == "ssh-rsa")
        return self.auth_handler.auth_publickey(username, key)

    def ensure_session(self, *, wait: bool = True) -> None:
        """Ask for leave to log in, once. With `wait`, SSHException when the server gives none."""
        if not self.active or not self.initial_kex_done:
            raise paramiko.SSHException("No existing session")
        if self.auth_handler is None:
            request = paramiko.Message()
            request.add_byte(cMSG_SERVICE_REQUEST)
            request.add_string("ssh-userauth")
            self._send_message(request)
            self.auth_handler = self.get_auth_handler()
        until = time.monotonic() + self.auth_timeout
        while wait and not self._accepted.wait(0.1):
            if not self.active or time.monotonic() > until:
                raise paramiko.SSHException("the server did not let us begin to log in")

    def acknowledge_at_once(self) -> None:
        """Have the kernel acknowledge what comes next as soon as it comes.

        sshd's answers are small, and of two such a server holds back the second until the first
        one is acknowledged (RFC 896), for which Linux takes its time (40 ms) when there is nothing
        to be sent with it.
        """
        if hasattr(socket, "TCP_QUICKACK"):
            # What comes through another connection is no socket.
            with suppress(AttributeError, OSError):
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    @property
    def foretells(self) -> bool:
        """Whether it is known what number the server will give to the next session.

        OpenSSH gives the lowest that is free, so the first has 0. Others may do as they like.
        """
        return self._channel_counter == 0 and "-OpenSSH_" in self.remote_version

    def run_command(
        self,
        command: str,
        prepare: Callable[[paramiko.Channel], None],
        timeout: float,
        *,
        ahead: bool,
    ) -> paramiko.Channel:
        """Return a session in which the server has begun a command.

        `prepare` gets it before the server can have sent anything. `timeout` is in seconds, for the
        opening and for the server's consent, which paramiko would wait for without end.
        The request has to name the session by the server's number, which comes with the answer to
        its opening. With `ahead` it does not wait for that, but takes it to be 0: a round trip
        less. A server with another number hangs up.
        """

        begun: list[paramiko.Channel] = []

        def request() -> paramiko.Message:
            """Return the request for the command, in what will be session 0 over there."""
            begun.extend(self._channels.values())
            prepare(begun[0])
            message = paramiko.Message()
            message.add_byte(cMSG_CHANNEL_REQUEST)
            message.add_int(0)
            message.add_string("exec")
            message.add_boolean(True)
            message.add_string(command)
            return message

        self._with_the_opening = request if ahead else None
        try:
            channel = self.open_session(timeout=timeout)
        except paramiko.SSHException:
            # A command that has ended by now has taken its session out of paramiko's list.
            if not begun or not begun[0].event_ready:
                raise
            (channel,) = begun
        if not ahead:
            prepare(channel)
        giving_up = threading.Timer(timeout, let_go, [channel])
        giving_up.daemon = True
        until = time.monotonic() + timeout
        giving_up.start()
        try:
            if ahead:
                channel._wait_for_event()
            else:
                channel.exec_command(command)
        except paramiko.SSHException:
            let_go(channel)
            if time.monotonic() >= until:
                raise TimeoutError from None
            raise
        finally:
            giving_up.cancel()
        return channel

    def _send_user_message(self, data: paramiko.Message) -> None:
        request = None
        if self._with_the_opening and data.asbytes()[:1] == cMSG_CHANNEL_OPEN:
            # Before the answer can come, which may be that there is no session.
            request, self._with_the_opening = self._with_the_opening(), None
        super()._send_user_message(data)
        if request:
            super()._send_user_message(request)


def let_go(channel: paramiko.Channel) -> None:
    """Close a channel. It is no error when its connection is gone, or goes meanwhile.

    Another thread may close the connection between this one's look at it and its last words.
    """
    with suppress(OSError, EOFError, AttributeError, paramiko.SSHException):
        channel.close()
