"""The connection: Fabric's, with host keys checked, no needless delays, and scripts in one exec.

One connection serves all tasks of a host. A survey is one command line (two round trips), an
apply travels on standard input (three).
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import fabric
import paramiko

from fabfile.model import shell
from fabfile.model.errors import UnreachableError
from fabfile.model.redact import SecretValue
from fabfile.model.runner import Line
from fabfile.ssh import failures, known_hosts, tunnel
from fabfile.ssh.keys import Keyring
from fabfile.ssh.login import Login
from fabfile.ssh.transport import MAX_STDERR, BoundedStderr, Transport, close_quietly

# Paramiko logs whole tracebacks of what it raises as well; we say it once, and in words.
if not os.environ.get("MAILFAB_DEBUG"):
    logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)

CONNECT_SECONDS = 10
LOGIN_SECONDS = 30
SILENCE_SECONDS = 1800
"""How long a step on the host may take without a word: a big package over a slow mirror."""
LONGEST_SECONDS = 4 * 3600
"""How long all steps of a section may take together, with a word now and then."""
KEEPALIVE_SECONDS = 15
MAX_OUTPUT = 16 * 1024 * 1024
"""Bytes; no survey comes near it, so more is a host gone mad."""
MAX_TALK = 64 * 1024
"""Characters of a script that goes on reading: a few lines."""


class ScriptSession:
    """A script at work on the other side of a connection; see fabfile.model.runner.Running."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self.channel = channel
        self.output = channel.makefile("r")
        self.left = MAX_TALK

    def read_line(self) -> str:
        """Return the next line of its output; nothing when it says more than it could have to."""
        try:
            line = str(self.output.readline(self.left))
        except (OSError, EOFError):
            return ""
        self.left -= len(line)
        return line.rstrip("\n") if self.left > 0 else ""

    def send(self, text: str) -> None:
        """Write to its standard input."""
        self.channel.sendall(text.encode())

    def close(self) -> None:
        """Close its standard input and the channel."""
        close_quietly(self.channel)


class Connection(fabric.Connection):
    """A connection that checks who answers, and runs scripts as root (fabfile.model.runner)."""

    # Declare attributes on the class. fabric.Connection stores unknown ones in its Config, which
    # all hosts share and which is not thread-safe.
    login: Login = Login("", "")
    """How to log in, with the user, address and port that ~/.ssh/config and the defaults give."""
    inline_ssh_env: bool = False
    gateway: Any
    _connecting: Future[None] | None = None
    _optimistic: bool = True
    _keyring: Keyring | None = None

    def __init__(self, login: Login, config: Any = None, gateway: Any = None) -> None:
        for hop in login.jumps:
            gateway = Connection(login.jump(hop), gateway=gateway)
        super().__init__(
            login.host, user=login.user, port=login.port, config=config, gateway=gateway
        )
        sudo = login.sudo.for_user(self.user)
        self.login = replace(login, host=self.host, user=self.user, port=self.port, sudo=sudo)

    def resolve_connect_kwargs(self, connect_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return what paramiko is told; Fabric's own leaves one host's keys in every host's."""
        common, given = self.config.connect_kwargs, connect_kwargs or {}
        found = dict(given or common)
        keys: list[str] = []
        for source in (common, given, {"key_filename": self.ssh_config.get("identityfile", [])}):
            names = source.get("key_filename") or []
            keys += [names] if isinstance(names, str) else names
        return {**found, "key_filename": keys} if keys else found

    def connect_in_background(self) -> None:
        """Begin to connect while something else is done; `open` says what came of it."""
        if not self.is_connected and self._connecting is None:
            self._connecting = Future()
            threading.Thread(target=self._connect, args=(self._connecting,), daemon=True).start()

    def _connect(self, connecting: Future[None]) -> None:
        try:
            connecting.set_result(self._open())
        except BaseException as error:
            connecting.set_exception(error)

    def open(self) -> Any:
        """Connect, unless connected. Raises UnreachableError with what to do about it."""
        connecting, self._connecting = self._connecting, None
        with self._explained():
            if connecting is not None:
                return connecting.result()
            return None if self.is_connected else self._open()

    def close(self) -> None:
        """Close it, also if it has only been begun."""
        if self._connecting is not None:
            self._connecting.exception()
        super().close()

    def _open(self) -> Any:
        self.client = paramiko.SSHClient()
        known_hosts.load(self.client.get_host_keys(), self.host, self.port, self.login.known_hosts)
        self.client.set_missing_host_key_policy(known_hosts.RefuseUnknown())
        kwargs = dict(self.connect_kwargs)
        named = [*self.login.keys, *(kwargs.get("key_filename") or ())]
        password = self.login.password
        if kwargs.get("password") is not None:
            password = SecretValue(kwargs["password"])
        self._keyring = Keyring(self.user, named, kwargs.get("passphrase"), password)
        self.client.connect(
            hostname=self.host,
            port=self.port,
            username=self.user,
            sock=self._through_gateway() if self.gateway else self._socket(),
            timeout=self.connect_timeout or CONNECT_SECONDS,
            banner_timeout=LOGIN_SECONDS,
            auth_timeout=LOGIN_SECONDS,
            channel_timeout=LOGIN_SECONDS,
            auth_strategy=self._keyring,
            transport_factory=Transport,
        )
        self.transport = self.client.get_transport()
        assert self.transport is not None
        self.transport.set_keepalive(KEEPALIVE_SECONDS)
        return None

    def _through_gateway(self) -> Any:
        """Return a channel through the host in between, whose own key is checked as well.

        The gateways that Fabric makes from ~/.ssh/config are its own connections, which check none.
        """
        hop = self.gateway
        if isinstance(hop, fabric.Connection) and not isinstance(hop, Connection):
            login = replace(self.login.jump(hop.original_host), user=hop.user, port=hop.port)
            self.gateway = Connection(login, self.config)
        return self.open_gateway()

    def _socket(self) -> socket.socket:
        """Return a connected socket without Nagle's delay, which notices when the peer is gone."""
        sock = socket.create_connection(
            (self.host, self.port), timeout=self.connect_timeout or CONNECT_SECONDS
        )
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)
        return sock

    def run_script(self, script: str, *, private: bool = False, on_line: Line | None = None) -> str:
        """Run a script as root and return its output; see fabfile.model.runner.Runner."""
        command, stdin = self.login.sudo.wrap(script, private=private)
        self.open()
        with self._explained():
            return self._exec(command, stdin, on_line)

    def start(self, script: str) -> ScriptSession:
        """Start a script as root that goes on reading; see fabfile.model.runner.Runner."""
        command, stdin = self.login.sudo.wrap(script, private=True)
        self.open()
        with self._explained():
            channel = self._begin(command)
            channel.sendall(stdin.encode())
        return ScriptSession(channel)

    def open_tunnel(self, host: str, port: int) -> socket.socket:
        """Return a socket connected to a port as the host itself sees it (fabfile.ssh.tunnel)."""
        self.open()
        assert self.transport is not None
        return tunnel.connect(self.transport, self.login.name, host, port)

    def _exec(self, command: str, stdin: str, on_line: Line | None) -> str:
        channel = self._begin(command)
        errors = channel.in_stderr_buffer
        try:
            if stdin:
                channel.sendall(stdin.encode())
                channel.shutdown_write()
                output = self._text(channel, on_line)
            else:
                until = time.monotonic() + SILENCE_SECONDS
                packed = b"".join(self._chunks(channel, until))
                output = shell.unpack_output(packed, MAX_OUTPUT).decode(errors="replace")
            if errors.too_much:
                raise failures.too_much_output(self.login)
            complaint = errors.read(MAX_STDERR, 0) if errors.read_ready() else b""
            channel.status_event.wait(LOGIN_SECONDS)
            code = channel.exit_status
        finally:
            close_quietly(channel)
        self._refuse_failure(output, complaint.decode(errors="replace").strip(), code)
        return output

    def _begin(self, command: str) -> paramiko.Channel:
        """Return the session of a command that the server has begun."""

        def prepare(channel: paramiko.Channel) -> None:
            channel.in_stderr_buffer = BoundedStderr(channel.in_buffer)
            channel.settimeout(SILENCE_SECONDS)

        assert self.transport is not None
        if not (self._optimistic and self.transport.optimistic):
            return self.transport.start_command(command, prepare, LOGIN_SECONDS)
        try:
            return self.transport.optimistic_exec(command, prepare, LOGIN_SECONDS)
        except (paramiko.SSHException, EOFError):
            if self.transport.is_active():
                raise
        # The server numbers its sessions in another way. It has started nothing, or a survey.
        self._optimistic = False
        self.close()
        self.open()
        return self._begin(command)

    def _text(self, channel: paramiko.Channel, on_line: Line | None) -> str:
        """Return the output, having reported each line as it came."""
        output = bytearray()
        start = 0
        for chunk in self._chunks(channel, time.monotonic() + LONGEST_SECONDS):
            looked = len(output)
            output += chunk
            while (end := output.find(b"\n", looked)) >= 0:
                if on_line:
                    on_line(output[start:end].decode(errors="replace"))
                start = looked = end + 1
        return output.decode(errors="replace")

    def _chunks(self, channel: paramiko.Channel, until: float) -> Iterator[bytes]:
        size = 0
        while chunk := channel.recv(65536):
            size += len(chunk)
            if size > MAX_OUTPUT:
                raise failures.too_much_output(self.login)
            if time.monotonic() > until:
                raise TimeoutError
            yield chunk

    def _refuse_failure(self, output: str, errors: str, code: int) -> None:
        """Explain a shell or sudo that did not even start the script."""
        if code == -1:
            raise failures.connection_lost(self.login)
        if self.login.sudo.wanted and "@" not in output and errors:
            raise failures.sudo(self.login, errors)
        if not output and code:
            raise failures.login_shell(self.login, errors, code)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what paramiko and the network say into one message with a remedy."""
        try:
            yield
        except UnreachableError:
            raise
        except (OSError, EOFError, paramiko.SSHException) as error:
            tried = self._keyring.tried if self._keyring else []
            raise failures.unreachable(self.login, error, tried) from error
