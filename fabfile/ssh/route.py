"""The way to a host's SSH server: a TCP connection, or a ProxyCommand of ssh's configuration."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from typing import BinaryIO, cast

from fabfile.model.errors import UnreachableError
from fabfile.ssh.login import Login

UNACKNOWLEDGED_SECONDS = 30
"""Time until the kernel closes a connection whose peer acknowledges nothing, in seconds."""
FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
"""Families of addresses, by the value of AddressFamily."""


class Route:
    """The way to one host."""

    def __init__(self, login: Login, timeout: float) -> None:
        """`timeout` is that of each attempt to connect, in seconds."""
        self.login = login
        self.timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: BinaryIO | None = None

    def open(self) -> socket.socket:
        """Return a connected socket. Raises OSError."""
        if self.login.proxy_command is not None:
            return self._run_command(self.login.proxy_command)
        for attempt in range(1, self.login.connection_attempts + 1):
            try:
                return self._connect()
            except socket.gaierror:
                raise
            except OSError:
                # ssh waits a second between attempts as well (ssh_connect_direct).
                if attempt == self.login.connection_attempts:
                    raise
                time.sleep(1)
        raise ConnectionError("ConnectionAttempts is below 1")

    def _connect(self) -> socket.socket:
        """Return a TCP socket without Nagle's delay, with a timeout for a dead peer."""
        source = (self.login.bind_address, 0) if self.login.bind_address else None
        host, port = self.login.host, self.login.port or 22
        family = FAMILIES.get(self.login.address_family)
        if family is None:
            made = socket.create_connection((host, port), self.timeout, source)
        else:
            made = self._connect_by(family, host, port, source)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            made.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_SECONDS * 1000
            )
        return made

    def _connect_by(
        self, family: socket.AddressFamily, host: str, port: int, source: tuple[str, int] | None
    ) -> socket.socket:
        """Return a socket to the first address of a family that answers."""
        error: OSError = socket.gaierror(socket.EAI_NONAME, "no address of that family")
        for *_, address in socket.getaddrinfo(host, port, family, socket.SOCK_STREAM):
            try:
                return socket.create_connection(
                    (str(address[0]), int(address[1])), self.timeout, source
                )
            except OSError as failed:
                error = failed
        raise error

    def _run_command(self, command: str) -> socket.socket:
        """Return a socket to a command, started as sshconnect.c does: `$SHELL -c "exec …"`."""
        ours, theirs = socket.socketpair()
        self._errors = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115
        shell = os.environ.get("SHELL") or "/bin/sh"
        with theirs:
            self._process = subprocess.Popen(
                [shell, "-c", f"exec {command}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._errors,
                start_new_session=True,
            )
        return ours

    def failure(self) -> UnreachableError | None:
        """Return what a ProxyCommand that has failed said; None without one."""
        if self._process is None or self._errors is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        if not self._process.returncode:
            return None
        self._errors.seek(0)
        said = self._errors.read(4096).decode(errors="replace")
        text = re.sub(r"\s+", " ", said).strip()[-300:] or "no message"
        return UnreachableError(
            f"the ProxyCommand exited with {self._process.returncode}: {text}",
            f"try it by hand: {self.login.proxy_command}",
            host=self.login.name,
        )

    def close(self) -> None:
        """End the command. Its input has closed; one that does not exit by itself is stopped."""
        if self._process is not None:
            try:
                self._process.wait(0.2)
            except subprocess.TimeoutExpired:
                self._process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(2)
        if self._errors is not None:
            self._errors.close()
            self._errors = None
