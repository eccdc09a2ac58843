"""A fake SSH server on loopback, and a listener that is not even that.

Its algorithms are paramiko's, or exactly those of OpenSSH 5.3 in CentOS 6 (`openssh53`). A command
is run by the local shell, or does what the test says (`answer`).
"""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from tempfile import NamedTemporaryFile

import paramiko
from paramiko.kex_group14 import KexGroup14

# myproposal.h at OpenSSH's tag V_5_3_P1.
KEX = (
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group-exchange-sha1",
    "diffie-hellman-group14-sha1",
    "diffie-hellman-group1-sha1",
)
HOST_KEYS = ("ssh-rsa",)
CIPHERS = ("aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-cbc", "aes256-cbc", "3des-cbc")
MACS = ("hmac-md5", "hmac-sha1", "hmac-sha1-96", "hmac-md5-96")

Answer = Callable[[paramiko.Channel, bytes], None]
"""Does something with a channel in which a command was requested."""
Configure = Callable[[paramiko.Transport], None]
"""Changes a server's transport before it starts."""


def run_locally(channel: paramiko.Channel, command: bytes) -> None:
    """Run a command by the local shell. One that does not begin with `echo` gets our input."""
    data = b""
    if not command.startswith(b"echo "):
        while chunk := channel.recv(65536):
            data += chunk
    run = subprocess.run(["sh", "-c", command], input=data, capture_output=True, check=False)
    channel.sendall(run.stdout)
    channel.sendall_stderr(run.stderr)
    channel.send_exit_status(run.returncode)
    channel.close()


class FakeServer(paramiko.ServerInterface):  # type: ignore[misc]
    """What the server does, and what it has seen."""

    def __init__(
        self,
        user_key: paramiko.PKey | None = None,
        answer: Answer = run_locally,
        *,
        banner: str = "",
    ) -> None:
        self.user_key = user_key
        """The key that may log in; None for every key."""
        self.answer = answer
        self.banner = banner
        self.first_channel = 0
        """Its number for the first session of a connection; OpenSSH's is 0."""
        self.opens_sessions = True
        self.replies_to_exec = True
        self.delay = 0.0
        """Seconds between its consent to a command and the command's start."""
        self.commands: list[str] = []
        self.connections = 0

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def get_banner(self) -> tuple[str, str]:
        return self.banner, "en-US"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        welcome = self.user_key in (None, key)
        return int(paramiko.AUTH_SUCCESSFUL if welcome else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if not self.opens_sessions:
            return int(paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED)
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.commands.append(command.decode(errors="replace"))
        if not self.replies_to_exec:
            # paramiko replies when this returns.
            threading.Event().wait(60)
        threading.Thread(target=self._answer, args=(channel, command), daemon=True).start()
        return True

    def _answer(self, channel: paramiko.Channel, command: bytes) -> None:
        threading.Event().wait(self.delay)
        with suppress(OSError, EOFError, paramiko.SSHException):
            self.answer(channel, command)


def openssh53(transport: paramiko.Transport) -> None:
    """Offer exactly the algorithms of OpenSSH 5.3, and accept no signature but SHA-1."""
    prime = f"{KexGroup14.P:X}"
    # A group for the group exchange, as sshd has it in /etc/ssh/moduli.
    with NamedTemporaryFile("w", suffix=".moduli") as file:
        file.write(f"20120821044040 2 6 100 2047 2 {prime}\n")
        file.flush()
        assert paramiko.Transport.load_server_moduli(file.name)
    transport.local_version = "SSH-2.0-OpenSSH_5.3"
    transport.server_sig_algs = False
    options = transport.get_security_options()
    options.kex = tuple(k for k in KEX if k in options.kex)
    options.key_types = HOST_KEYS
    options.ciphers = tuple(c for c in CIPHERS if c in options.ciphers)
    options.digests = tuple(m for m in MACS if m in options.digests)
    transport._preferred_pubkeys = ("ssh-rsa", "ssh-dss")


def openssh(transport: paramiko.Transport) -> None:
    """Say that it is a current OpenSSH; the algorithms are paramiko's."""
    transport.local_version = "SSH-2.0-OpenSSH_9.2p1"


@contextmanager
def serve(
    server: FakeServer, host_key: paramiko.PKey, configure: Configure | None = None
) -> Iterator[int]:
    """Run the server; yield its port."""
    transports: list[paramiko.Transport] = []

    def accept(client: socket.socket) -> None:
        transport = paramiko.Transport(client)
        if configure:
            configure(transport)
        transport.add_server_key(host_key)
        transport._channel_counter = server.first_channel
        server.connections += 1
        transports.append(transport)
        try:
            transport.start_server(server=server)
        except (paramiko.SSHException, EOFError):
            transport.close()

    with _listening(accept) as port:
        try:
            yield port
        finally:
            for transport in transports:
                transport.close()


@contextmanager
def serve_bytes(send: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a listener that does as it likes with a connection; yield its port."""

    def accept(client: socket.socket) -> None:
        threading.Thread(target=_quietly, args=(send, client), daemon=True).start()

    with _listening(accept) as port:
        yield port


def _quietly(send: Callable[[socket.socket], None], client: socket.socket) -> None:
    with suppress(OSError):
        send(client)


@contextmanager
def _listening(accept: Callable[[socket.socket], None]) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))

    def loop() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            accept(client)

    threading.Thread(target=loop, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
