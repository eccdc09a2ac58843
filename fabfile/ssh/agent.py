"""Keys of an ssh-agent."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

import paramiko
from paramiko.agent import AgentSSH

from fabfile.ssh.keys import Signer, expanded

AGENT_SECONDS = 60
"""Timeout of each answer of the agent, in seconds. It may ask its user first (ssh-add -c)."""


class Agent(AgentSSH):
    """The agent of IdentityAgent or SSH_AUTH_SOCK. Without one, it has no keys."""

    def __init__(self, wanted: str | None = None) -> None:
        """`wanted` is the value of IdentityAgent in ssh_config(5)."""
        super().__init__()
        if path := _socket_path(wanted):
            with suppress(OSError, ValueError, EOFError, paramiko.SSHException):
                self._reach(path)

    def _reach(self, path: str) -> None:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(AGENT_SECONDS)
        try:
            connection.connect(path)
            self._connect(connection)
        except BaseException:
            connection.close()
            raise

    def signers(self) -> list[tuple[str, bytes, Signer]]:
        """Return the name, the public key or certificate, and the signer of each key."""
        return [
            (f"the agent's {key.comment or key.name}", key.blob, Signer(key, key.blob))
            for key in self.get_keys()
        ]

    def close(self) -> None:
        """Close the connection to the agent."""
        self._close()


def _socket_path(wanted: str | None) -> str:
    """Return the path of the agent's socket; "" for none."""
    if wanted is None or wanted == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK", "")
    if wanted.lower() == "none":
        return ""
    if wanted.startswith("$"):
        return os.environ.get(wanted[1:].strip("{}"), "")
    return str(expanded(wanted))
