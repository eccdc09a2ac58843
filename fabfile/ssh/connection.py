"""Fabric's connection, with host keys checked, fewer round trips, and scripts in one exec.

One connection serves all tasks of a host. A survey is one command line and takes two round trips.
An apply travels on standard input and takes three.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import fabric
import paramiko

from fabfile.model import shell
from fabfile.model.errors import UnreachableError
from fabfile.model.redact import SecretValue
from fabfile.model.runner import Line
from fabfile.ssh import failures, tunnel
from fabfile.ssh.authentication import Keyring
from fabfile.ssh.host_keys import HostKeys
from fabfile.ssh.login import Login
from fabfile.ssh.route import Route
from fabfile.ssh.transport import MAX_STDERR, BoundedStderr, Transport, close_quietly

# paramiko logs the traceback of every exception that it raises. We print one message instead.
if not os.environ.get("MAILFAB_DEBUG"):
    logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)

SSH_PORT = 22
CONNECT_SECONDS = 10
"""Timeout of the TCP connection without ConnectTimeout, in seconds."""
LOGIN_SECONDS = 30
"""Timeout of each reply during login and the start of a command, in seconds."""
SILENCE_SECONDS = 1800
"""Timeout of a step that prints nothing, such as a big package from a slow mirror, in seconds."""
SCRIPT_SECONDS = 4 * 3600
"""Timeout of all steps of a section together, in seconds."""
KEEPALIVE_SECONDS = 15
"""Time between keepalive messages, in seconds."""
MAX_OUTPUT = 16 * 1024 * 1024
"""Limit of a script's output, in bytes. Surveys are far smaller, so a host with more is faulty."""
MAX_SESSION_OUTPUT = 64 * 1024
"""Limit of the output of a script that reads commands, in characters. It prints a few lines."""


class ScriptSession:
    """A running script that reads its standard input (fabfile.model.runner.Running)."""

    def __init__(self, channel: paramiko.Channel, mark: str) -> None:
        self.channel = channel
        self.mark = mark
        """The line before the script's own output; empty once it is read."""
        self.output = channel.makefile("r")
        self.left = MAX_SESSION_OUTPUT

    def read_line(self) -> str:
        """Return the next line of output; "" at its end or beyond MAX_SESSION_OUTPUT."""
        while self.mark and (line := self._next()):
            if line == f"{self.mark}\n":
                self.mark = ""
        return self._next().rstrip("\n")

    def _next(self) -> str:
        try:
            line = str(self.output.readline(self.left))
        except (OSError, EOFError):
            return ""
        self.left -= len(line)
        return line if self.left > 0 else ""

    def send(self, text: str) -> None:
        """Write to standard input."""
        self.channel.sendall(text.encode())

    def close(self) -> None:
        """Close standard input and the channel."""
        close_quietly(self.channel)


class Connection(fabric.Connection):
    """A connection that checks the host key and runs scripts as root (fabfile.model.runner)."""

    # Declare attributes on the class. fabric.Connection stores unknown ones in its Config, which
    # all hosts share and which is not thread-safe.
    login: Login = Login("", "")
    """How to log in, with the user, address and port that ~/.ssh/config and the defaults give."""
    inline_ssh_env: bool = False
    gateway: Any
    _connecting: Future[None] | None = None
    _optimistic: bool = True
    _keyring: Keyring | None = None
    _route: Route | None = None

    def __init__(self, login: Login, config: Any = None, gateway: Any = None) -> None:
        if login.gateway is not None:
            gateway = JumpHost(login.gateway, config)
        # ssh has read its configuration. Fabric's own reading must not count a second time.
        super().__init__(
            login.host,
            user=login.user,
            port=login.port,
            config=config,
            gateway=gateway or False,
            forward_agent=login.forward_agent,
            connect_timeout=login.connect_timeout or CONNECT_SECONDS,
        )
        self.host = login.host
        self.user = login.user or self.config.user
        self.port = login.port or SSH_PORT
        sudo = login.sudo.for_user(self.user)
        self.login = replace(login, host=self.host, user=self.user, port=self.port, sudo=sudo)

    def resolve_connect_kwargs(self, connect_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the arguments for paramiko; Fabric's own method gives one host's keys to all."""
        common, given = self.config.connect_kwargs, connect_kwargs or {}
        found = dict(given or common)
        keys: list[str] = []
        for source in (common, given):
            names = source.get("key_filename") or []
            keys += [names] if isinstance(names, str) else names
        return {**found, "key_filename": keys} if keys else found

    def connect_in_background(self) -> None:
        """Start to connect in a thread. `open` waits for it and raises its error."""
        if not self.is_connected and self._connecting is None:
            self._connecting = Future()
            threading.Thread(target=self._connect, args=(self._connecting,), daemon=True).start()

    def _connect(self, connecting: Future[None]) -> None:
        try:
            connecting.set_result(self._open())
        except BaseException as error:  # noqa: BLE001
            connecting.set_exception(error)

    def open(self) -> Any:
        """Connect, unless connected. Raises UnreachableError with a remedy."""
        connecting, self._connecting = self._connecting, None
        with self._with_remedy():
            if connecting is not None:
                return connecting.result()
            return None if self.is_connected else self._open()

    def close(self) -> None:
        """Close the connection; wait first for one that is being made in a thread."""
        if self._connecting is not None:
            self._connecting.exception()
        super().close()
        if isinstance(self.gateway, Connection):
            self.gateway.close()
        if self._route is not None:
            self._route.close()

    def _open(self) -> Any:
        self.client = paramiko.SSHClient()
        route = self._route = Route(self.login, self.connect_timeout)
        kwargs = dict(self.connect_kwargs)
        # `-i` may have named more keys.
        named = (*self.login.keys, *(kwargs.get("key_filename") or ()))
        login = replace(self.login, keys=tuple(dict.fromkeys(named)))
        if kwargs.get("password") is not None:
            login = replace(login, password=SecretValue(kwargs["password"]))
        self._keyring = Keyring(login, kwargs.get("passphrase"))
        host_keys = HostKeys(login)
        self.client.set_missing_host_key_policy(host_keys)

        def transport(*arguments: Any, **options: Any) -> Transport:
            made = Transport(*arguments, **options)
            made.use(login)
            made.host_key_algorithms = host_keys.algorithms()
            return made

        self.client.connect(
            hostname=self.host,
            port=self.port,
            username=self.user,
            sock=self.open_gateway() if self.gateway else route.open(),
            timeout=self.connect_timeout,
            banner_timeout=LOGIN_SECONDS,
            auth_timeout=LOGIN_SECONDS,
            channel_timeout=LOGIN_SECONDS,
            auth_strategy=self._keyring,
            transport_factory=transport,
        )
        self.transport = self.client.get_transport()
        assert self.transport is not None
        self.transport.set_keepalive(KEEPALIVE_SECONDS)
        return None

    def run_script(self, script: str, *, private: bool = False, on_line: Line | None = None) -> str:
        """Run a script as root and return its output (fabfile.model.runner.Runner)."""
        marked, mark = shell.with_start_mark(script)
        command, stdin = self.login.sudo.wrap(marked, private=private)
        self.open()
        with self._with_remedy():
            return self._exec(command, stdin, mark, on_line)

    def start(self, script: str) -> ScriptSession:
        """Start a script as root that reads its standard input (fabfile.model.runner.Runner)."""
        marked, mark = shell.with_start_mark(script)
        command, stdin = self.login.sudo.wrap(marked, private=True)
        self.open()
        with self._with_remedy():
            channel = self._start_command(command)
            channel.sendall(stdin.encode())
        return ScriptSession(channel, mark)

    def open_tunnel(self, host: str, port: int) -> socket.socket:
        """Return a socket connected to an address and port as seen from the host (see tunnel)."""
        self.open()
        assert self.transport is not None
        return tunnel.connect(self.transport, self.login.name, host, port)

    def _exec(self, command: str, stdin: str, mark: str, on_line: Line | None) -> str:
        channel = self._start_command(command)
        errors = channel.in_stderr_buffer
        try:
            if stdin:
                # What has ended already, such as a login shell that runs nothing, says why.
                with suppress(OSError):
                    channel.sendall(stdin.encode())
                    channel.shutdown_write()
                text = self._read_lines(channel, mark, on_line)
            else:
                until = time.monotonic() + SILENCE_SECONDS
                packed = b"".join(self._chunks(channel, until))
                text = shell.unpack_output(packed, MAX_OUTPUT).decode(errors="replace")
            output = shell.after_mark(text, mark)
            if errors.too_much:
                raise failures.too_much_output(self.login)
            message = errors.read(MAX_STDERR, 0) if errors.read_ready() else b""
            channel.status_event.wait(LOGIN_SECONDS)
            code = channel.exit_status
        finally:
            close_quietly(channel)
        if code == -1:
            raise failures.connection_lost(self.login)
        if mark not in text:
            self._raise_not_started(text, message.decode(errors="replace").strip(), code)
        return output

    def _start_command(self, command: str) -> paramiko.Channel:
        """Return the channel of a command that the server has started."""

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
        # The server numbers its channels in another way and has closed the connection. It has
        # started nothing, or a survey, which may run twice.
        self._optimistic = False
        self.close()
        self.open()
        return self._start_command(command)

    def _read_lines(self, channel: paramiko.Channel, mark: str, on_line: Line | None) -> str:
        """Return all output; report each line behind the start mark as it arrives."""
        output = bytearray()
        start, begun = 0, False
        for chunk in self._chunks(channel, time.monotonic() + SCRIPT_SECONDS):
            looked = len(output)
            output += chunk
            while (end := output.find(b"\n", looked)) >= 0:
                line = output[start:end].decode(errors="replace")
                if on_line and begun:
                    on_line(line)
                begun = begun or line == mark
                start = looked = end + 1
        return output.decode(errors="replace")

    def _chunks(self, channel: paramiko.Channel, until: float) -> Iterator[bytes]:
        """Yield the output as it arrives, within MAX_OUTPUT bytes and until a monotonic time."""
        size = 0
        while chunk := channel.recv(65536):
            size += len(chunk)
            if size == len(chunk) and failures.names_another_account(chunk):
                # A cloud image's root says so at once, and waits for ten seconds.
                raise failures.not_started(self.login, chunk.decode(errors="replace"), 0)
            if size > MAX_OUTPUT:
                raise failures.too_much_output(self.login)
            if time.monotonic() > until:
                raise TimeoutError
            yield chunk

    def _raise_not_started(self, output: str, errors: str, code: int) -> None:
        """Raise the error of a sudo or login shell that started no script."""
        if self.login.sudo.wanted and errors:
            raise failures.sudo(self.login, errors)
        if code:
            raise failures.not_started(self.login, errors or output.strip(), code)

    @contextmanager
    def _with_remedy(self) -> Iterator[None]:
        """Turn errors of paramiko and the network into one message with a remedy."""
        try:
            yield
        except UnreachableError:
            raise
        except (OSError, EOFError, paramiko.SSHException) as error:
            if self._route is not None and (failure := self._route.failure()):
                raise failure from error
            raise failures.unreachable(self.login, error, self._keyring) from error


class JumpHost(Connection):
    """A connection to a jump host. The passwords and keys typed for its target are not sent."""

    def resolve_connect_kwargs(self, connect_kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the passphrase only: the target's own key may be tried here too."""
        found = super().resolve_connect_kwargs(connect_kwargs)
        return {name: found[name] for name in ("passphrase",) if name in found}
