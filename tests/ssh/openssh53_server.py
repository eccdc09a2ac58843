"""A server on loopback that offers exactly the algorithms of OpenSSH 5.3, as CentOS 6 has it.

Source of the lists: myproposal.h at OpenSSH's tag V_5_3_P1. Commands are run by the local shell.
"""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import NamedTemporaryFile
from typing import Any

import paramiko
from paramiko.kex_group14 import KexGroup14

BANNER = "SSH-2.0-OpenSSH_5.3"
KEX = (
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group-exchange-sha1",
    "diffie-hellman-group14-sha1",
    "diffie-hellman-group1-sha1",
)
HOST_KEYS = ("ssh-rsa",)
CIPHERS = ("aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-cbc", "aes256-cbc", "3des-cbc")
MACS = ("hmac-md5", "hmac-sha1", "hmac-sha1-96", "hmac-md5-96")


class Door(paramiko.ServerInterface):  # type: ignore[misc]
    """Lets one key in, signed in the one way that 5.3 can verify."""

    def __init__(self, key: paramiko.PKey) -> None:
        self.key = key
        self.commands: list[str] = []
        self.connections = 0
        self.first_session = 0
        """The number of a connection's first session on this side; OpenSSH's is 0."""
        self.sessions = True

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return int(paramiko.AUTH_SUCCESSFUL if key == self.key else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if not self.sessions:
            return int(paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED)
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.commands.append(command.decode())
        threading.Thread(target=self._run, args=(channel, command), daemon=True).start()
        return True

    def _run(self, channel: paramiko.Channel, command: bytes) -> None:
        data = b""
        if not command.startswith(b"echo "):
            while chunk := channel.recv(65536):
                data += chunk
        run = subprocess.run(["sh", "-c", command], input=data, capture_output=True, check=False)
        channel.sendall(run.stdout)
        channel.sendall_stderr(run.stderr)
        channel.send_exit_status(run.returncode)
        channel.close()


def _load_moduli() -> None:
    """Give the server a group for the group exchange, which sshd has in /etc/ssh/moduli."""
    prime = f"{KexGroup14.P:X}"
    with NamedTemporaryFile("w", suffix=".moduli") as file:
        file.write(f"20120821044040 2 6 100 2047 2 {prime}\n")
        file.flush()
        assert paramiko.Transport.load_server_moduli(file.name)


@contextmanager
def serve(host_key: paramiko.PKey, user_key: paramiko.PKey) -> Iterator[tuple[int, Door]]:
    """Run the look-alike; yield its port and what it has seen."""
    _load_moduli()
    listener = socket.create_server(("127.0.0.1", 0))
    door = Door(user_key)
    transports: list[Any] = []

    def answer() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            transport.local_version = BANNER
            transport.server_sig_algs = False
            options = transport.get_security_options()
            options.kex = tuple(k for k in KEX if k in options.kex)
            options.key_types = HOST_KEYS
            options.ciphers = tuple(c for c in CIPHERS if c in options.ciphers)
            options.digests = tuple(m for m in MACS if m in options.digests)
            # What a signature may be made with: 5.3 knows SHA-1 alone.
            transport._preferred_pubkeys = ("ssh-rsa", "ssh-dss")
            transport.add_server_key(host_key)
            transport._channel_counter = door.first_session
            door.connections += 1
            transports.append(transport)
            try:
                transport.start_server(server=door)
            except (paramiko.SSHException, EOFError):
                transport.close()

    threading.Thread(target=answer, daemon=True).start()
    try:
        yield listener.getsockname()[1], door
    finally:
        listener.close()
        for transport in transports:
            transport.close()
