"""Private keys, and the order in which they are tried."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
from paramiko.auth_strategy import AuthSource, AuthStrategy, InMemoryPrivateKey, Password
from paramiko.pkey import UnknownKeyType

from fabfile.model.errors import UnreachableError
from fabfile.model.redact import SecretValue

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


def expanded(path: str) -> Path:
    """Return a path with its ~ replaced; as it is when it is that of a user there is not."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


@functools.cache
def private_key(path: str, passphrase: str | None = None) -> paramiko.PKey:
    """Return the private key in a file; read once for all hosts, since RSA takes 0.1 s each."""
    file = expanded(path)
    if not os.path.isfile(file):  # noqa: PTH113 (a name that is too long is no file either)
        raise UnreachableError(
            f"the private key {path} is not there",
            "correct ansible_ssh_private_key_file in the inventory, or -i",
        )
    try:
        return paramiko.PKey.from_path(file, passphrase=passphrase.encode() if passphrase else None)
    except paramiko.PasswordRequiredException:
        raise UnreachableError(
            f"the private key {path} has a passphrase",
            "add it to ssh-agent (ssh-add), or use --prompt-for-passphrase",
        ) from None
    except (
        ValueError,
        TypeError,
        OSError,
        paramiko.SSHException,
        UnknownKeyType,
    ) as error:
        raise UnreachableError(
            f"the private key {path} is not one that can be used: {error}",
            "name the private key itself (not the .pub), in OpenSSH's or PEM form",
        ) from error


class Keyring(AuthStrategy):
    """The ways to log in, in order: named keys, the agent's, the default ones, a password.

    Keys are tried only when a server refuses the one before; a refused login names them all.
    """

    def __init__(
        self, user: str, named: list[str], passphrase: str | None, password: SecretValue | None
    ):
        super().__init__(ssh_config=paramiko.SSHConfig())
        self.user = user
        self.named = named
        self.passphrase = passphrase
        self.password = password
        self.tried: list[str] = []

    def get_sources(self) -> Iterator[AuthSource]:
        """Yield a source for each way, remembering what it was for a message."""
        for path in self.named:
            yield self._source(path, private_key(path, self.passphrase))
        if not self.named:
            yield from self._agent_and_defaults()
        if self.password is not None:
            self.tried.append("the password")
            yield Password(self.user, password_getter=self.password.reveal)

    def _agent_and_defaults(self) -> Iterator[AuthSource]:
        for key in paramiko.Agent().get_keys():
            yield self._source(f"the agent's {key.comment or key.fingerprint}", key)
        for name in DEFAULT_KEYS:
            path = Path("~/.ssh").expanduser() / name
            if path.is_file():
                try:
                    yield self._source(str(path), private_key(str(path), self.passphrase))
                except UnreachableError:
                    self.tried.append(f"{path} (cannot be read without its passphrase)")

    def _source(self, name: str, key: paramiko.PKey) -> AuthSource:
        self.tried.append(name)
        return InMemoryPrivateKey(self.user, key)

    def authenticate(self, transport: Any) -> Any:
        """Try each source in turn; a plain AuthenticationException when all are refused."""
        for source in self.get_sources():
            try:
                return source.authenticate(transport)
            except paramiko.AuthenticationException:
                if not transport.is_active():
                    raise
        raise paramiko.AuthenticationException("no way to log in is left")
