"""Every override of paramiko: what it changes, why, and the upstream issue.

| Override | Reason | paramiko issue |
|---|---|---|
| `BoundedPacketizer` | size limits before the login | #2626; none for the greeting |
| `BoundedStderr` | a size limit for standard error | none: `Channel._feed_extended` in 3.5, 4.0 |
| `AuthHandler.send_auth_request` | no lost reply, no delayed acknowledgement | none: 3.5, 4.0 |
| `AuthHandler._parse_userauth_failure` | the methods that the server takes | none: a feature |
| `Transport.preferred_keys` | known types of host keys first | none: a feature |
| `Transport.ensure_session` | no poll without a timeout; a handler before the reply | #2505 |
| `Transport.auth_publickey` | one round trip less for a login | none: a feature |
| `Transport.start_command` | a timeout for the server's reply | #2599, #739 |
| `Transport.optimistic_exec` | one round trip less for the first command | none: a feature |

tests/ssh/test_paramiko_contract.py fails when a paramiko release changes what they rely on.
`MAILFAB_SSH_SIMPLE=1` switches off the two that save round trips.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import paramiko
from paramiko.auth_handler import AuthOnlyHandler
from paramiko.buffered_pipe import BufferedPipe
from paramiko.common import (
    cMSG_CHANNEL_OPEN,
    cMSG_CHANNEL_REQUEST,
    cMSG_SERVICE_REQUEST,
    cMSG_USERAUTH_REQUEST,
)
from paramiko.packet import Packetizer

from fabfile.ssh.login import Login

SIMPLE = "MAILFAB_SSH_SIMPLE"
"""Environment variable: set, logins and commands take no short cut."""
MAX_PACKET = 256 * 1024
"""Largest packet, in bytes, as in OpenSSH (PACKET_MAX_SIZE in packet.h)."""
MAX_GREETING = 64 * 1024
"""Most bytes before and with the server's version line; OpenSSH accepts about as many."""
MAX_STDERR = 256 * 1024
"""Most bytes of standard error; our scripts print none."""
FIRST_CHANNEL = 0
"""OpenSSH's number for the first session. It takes the lowest free one (channels.c)."""

PUBKEYS = paramiko.Transport._preferred_pubkeys  # noqa: SLF001
"""The signatures that paramiko can make for a login."""

Prepare = Callable[[paramiko.Channel], None]
"""Sets up a channel before the server can send anything on it."""


OLDER_NAMES = {"curve25519-sha256": "curve25519-sha256@libssh.org"}
"""Names that paramiko has for algorithms of ssh (RFC 8731)."""


def usable(setting: str, names: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """Return the names of a setting that mailfab has. Raises SSHException if there are none."""
    by_name = (name if name in known else OLDER_NAMES.get(name, name) for name in names)
    if found := tuple(name for name in dict.fromkeys(by_name) if name in known):
        return found
    raise NothingUsable(
        f"{setting} is {','.join(names)[:200]}, of which mailfab has nothing", known
    )


class NothingUsable(paramiko.SSHException):
    """A setting of ssh names algorithms, and paramiko has none of them."""

    def __init__(self, found: str, known: Iterable[str]) -> None:
        super().__init__(found)
        self.known = tuple(known)


class BoundedPacketizer(Packetizer):
    """Packetizer with size limits; the server is not authenticated yet.

    paramiko's `read_all` accepts packets of 4 GB (#2626), and `readline` a version line of any
    length.
    """

    greeting = 0

    def read_all(self, n: int, check_rekey: bool = False) -> Any:
        """Return n bytes. Raises SSHException for more than a packet may have."""
        if n > MAX_PACKET:
            raise paramiko.SSHException(f"the server sent a packet of {n} bytes")
        return super().read_all(n, check_rekey)

    def _read_timeout(self, timeout: float) -> Any:
        """Return the next bytes of the server's greeting."""
        data = super()._read_timeout(timeout)
        self.greeting += len(data)
        if self.greeting > MAX_GREETING:
            raise paramiko.SSHException(
                f"the server's greeting is longer than {MAX_GREETING} bytes"
            )
        return data


class BoundedStderr(BufferedPipe):
    """Standard error of a channel, at most MAX_STDERR bytes. More than that ends the output.

    We read standard error only after the output. Until then paramiko stores all that the server
    sends, even beyond the channel's window.
    """

    def __init__(self, output: BufferedPipe) -> None:
        super().__init__()
        self.output = output
        self.received = 0

    def feed(self, data: bytes) -> None:
        """Store bytes while there is room; paramiko's thread calls it."""
        self.received += len(data)
        if self.received <= MAX_STDERR:
            super().feed(data)
        else:
            self.output.close()

    @property
    def too_much(self) -> bool:
        """True when the server has sent more than MAX_STDERR bytes."""
        return self.received > MAX_STDERR


class AuthHandler(AuthOnlyHandler):
    """Authentication whose reply cannot be lost.

    paramiko's `send_auth_request` creates the event after it sends the request. A reply before that
    sets no event, and a login that succeeded fails half a minute later, by timeout.
    """

    def send_auth_request(
        self, username: str, method: str, finish_message: Callable[[Any], None]
    ) -> Any:
        """Send an authentication request and wait for its result."""
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
            self.transport._send_message(request)  # noqa: SLF001
        self.transport.acknowledge_at_once()
        return self.wait_for_response(self.auth_event)

    def _parse_userauth_failure(self, message: paramiko.Message) -> None:
        """Keep the methods that the server takes; paramiko keeps them in some cases only."""
        self.transport.allowed_methods = tuple(message.get_list())
        message.rewind()
        super()._parse_userauth_failure(message)


class Transport(paramiko.ServiceRequestingTransport):
    """paramiko's transport that signs as servers from OpenSSH 5.3 on can verify, with our fixes."""

    auth_handler: Any

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # paramiko creates the packetizer itself; it has only been given the socket so far.
        self.packetizer.__class__ = BoundedPacketizer
        self.simple = bool(os.environ.get(SIMPLE))
        self.allowed_methods: tuple[str, ...] = ()
        """Methods to log in that the server named in its last refusal."""
        self.host_key_algorithms: tuple[str, ...] = ()
        self._service_accepted = threading.Event()
        self._behind_open: Callable[[], paramiko.Message] | None = None

    def use(self, login: Login) -> None:
        """Offer the algorithms that a login names, and no others; paramiko's where it names none.

        Raises SSHException for a setting of which paramiko has nothing.
        """
        for setting, names, offered, known in (
            ("KexAlgorithms", login.kex_algorithms, "_preferred_kex", self._kex_info),
            ("Ciphers", login.ciphers, "_preferred_ciphers", self._cipher_info),
            ("MACs", login.macs, "_preferred_macs", self._mac_info),
            ("PubkeyAcceptedAlgorithms", login.pubkey_algorithms, "_preferred_pubkeys", PUBKEYS),
        ):
            if names:
                setattr(self, offered, usable(setting, names, known))

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """The host key algorithms to offer, in order; paramiko puts all certificates last."""
        return self.host_key_algorithms or tuple(super().preferred_keys)

    def get_auth_handler(self) -> AuthHandler:
        """Return the handler of one attempt to log in."""
        return AuthHandler(self)

    def _parse_service_accept(self, message: Any) -> None:
        super()._parse_service_accept(message)
        if self._service_userauth_accepted:
            self._service_accepted.set()

    def auth_publickey(self, username: str, key: paramiko.PKey) -> Any:
        """Log in with a key. Wait for the reply to the service request only for RSA keys.

        A server that refuses the service closes the connection, so the request can follow at once.
        Which signature an RSA key needs is only known after the server's extensions (RFC 8308).
        """
        self.ensure_session(wait=self.simple or "rsa" in key.get_name())
        return self.auth_handler.auth_publickey(username, key)

    def ensure_session(self, *, wait: bool = True) -> None:
        """Request ssh-userauth once. With `wait`, raise SSHException when it is not granted.

        paramiko polls every 0.1 s without a timeout, and creates the handler afterwards, so an
        early banner from the server has none (#2505).
        """
        if not self.active or not self.initial_kex_done:
            raise paramiko.SSHException("No existing session")
        if self.auth_handler is None:
            request = paramiko.Message()
            request.add_byte(cMSG_SERVICE_REQUEST)
            request.add_string("ssh-userauth")
            self._send_message(request)
            self.auth_handler = self.get_auth_handler()
        until = time.monotonic() + self.auth_timeout
        while wait and not self._service_accepted.wait(0.1):
            if not self.active or time.monotonic() > until:
                raise paramiko.SSHException("the server did not accept the request to log in")

    def acknowledge_at_once(self) -> None:
        """Have the kernel acknowledge the next packets at once (TCP_QUICKACK in tcp(7)).

        sshd replies in two small packets. Nagle's algorithm (RFC 896) holds the second back until
        we acknowledge the first, which Linux delays by 40 ms when it has nothing to send.
        """
        if hasattr(socket, "TCP_QUICKACK"):
            # Behind a jump host, `sock` is a channel and has no such option.
            with suppress(AttributeError, OSError):
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    @property
    def optimistic(self) -> bool:
        """True if the number that the server gives to the next session is known in advance."""
        return not self.simple and self._channel_counter == 0 and "-OpenSSH_" in self.remote_version

    def start_command(self, command: str, prepare: Prepare, timeout: float) -> paramiko.Channel:
        """Return a session in which the server has started a command. `timeout` is in seconds.

        Raises TimeoutError when the server does not reply; paramiko's `exec_command` would wait
        for ever (#2599).
        """
        channel = self.open_session(timeout=timeout)
        prepare(channel)
        with _closed_after(channel, timeout):
            channel.exec_command(command)
        return channel

    def optimistic_exec(self, command: str, prepare: Prepare, timeout: float) -> paramiko.Channel:
        """Do as `start_command`, a round trip faster: do not wait until the session is open.

        The exec request names the session by the server's number, which comes with the reply to the
        opening. This sends both at once and takes the number to be FIRST_CHANNEL. A server with
        another number closes the connection and starts nothing.
        """
        opened: list[paramiko.Channel] = []

        def request() -> paramiko.Message:
            (channel,) = self._channels.values()
            opened.append(channel)
            prepare(channel)
            return _exec_request(FIRST_CHANNEL, command)

        self._behind_open = request
        try:
            channel = self.open_session(timeout=timeout)
        except paramiko.SSHException:
            # A command that has already ended is no longer in paramiko's list of channels.
            if not opened or not opened[0].event_ready:
                raise
            (channel,) = opened
        with _closed_after(channel, timeout):
            channel._wait_for_event()  # noqa: SLF001
        return channel

    def _send_user_message(self, data: paramiko.Message) -> None:
        """Send a message; send what `optimistic_exec` has to say right behind a channel's opening.

        The request is made before the opening is sent: a refusal removes the channel at once.
        """
        request = None
        if self._behind_open and data.asbytes()[:1] == cMSG_CHANNEL_OPEN:
            request, self._behind_open = self._behind_open(), None
        super()._send_user_message(data)
        if request:
            super()._send_user_message(request)


def _exec_request(number: int, command: str) -> paramiko.Message:
    """Return the request to start a command in the server's channel of that number (RFC 4254)."""
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(number)
    message.add_string("exec")
    message.add_boolean(True)
    message.add_string(command)
    return message


@contextmanager
def _closed_after(channel: paramiko.Channel, seconds: float) -> Iterator[None]:
    """Close a channel after some seconds, which ends the wait inside with a TimeoutError."""
    timer = threading.Timer(seconds, close_quietly, [channel])
    timer.daemon = True
    until = time.monotonic() + seconds
    timer.start()
    try:
        yield
    except paramiko.SSHException:
        close_quietly(channel)
        if time.monotonic() >= until:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()


def close_quietly(channel: paramiko.Channel) -> None:
    """Close a channel; ignore a connection that is closed already, or closes meanwhile.

    Another thread may close the connection while paramiko sends the channel's last message.
    """
    with suppress(OSError, EOFError, AttributeError, paramiko.SSHException):
        channel.close()
