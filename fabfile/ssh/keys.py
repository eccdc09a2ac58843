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
    """Return a path with `~` or `~USER` expanded, or unchanged if there is no such user."""
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):  # ValueError: a name with a NUL character
        return Path(path)


@functools.cache
def private_key(path: str, passphrase: str | None = None) -> paramiko.PKey:
    """Return the private key in a file, cached for all hosts: an RSA key takes 0.1 s to read."""
    file = expanded(path)
    if not os.path.isfile(file):  # noqa: PTH113 (Path.is_file raises for a name that is too long)
        raise UnreachableError(
            f"the private key {path} does not exist",
            "correct ansible_ssh_private_key_file in the inventory, or -i",
        )
    try:
        return _load(file, passphrase)
    except paramiko.PasswordRequiredException:
        raise UnreachableError(
            f"the private key {path} has a passphrase",
            "add it to ssh-agent (ssh-add), or use --prompt-for-passphrase",
        ) from None
    except (
        ValueError,
        OSError,
        paramiko.SSHException,
        UnknownKeyType,
    ) as error:
        raise UnreachableError(
            f"the private key {path} cannot be read: {error}",
            "name the private key (not the .pub) in OpenSSH or PEM format",
        ) from error


def _load(file: Path, passphrase: str | None) -> paramiko.PKey:
    """Return the key in a file; a passphrase is for the keys that have one.

    cryptography raises TypeError for a missing passphrase and for a needless one.
    """
    try:
        return paramiko.PKey.from_path(file, passphrase=passphrase.encode() if passphrase else None)
    except TypeError as error:
        if not passphrase:
            raise paramiko.PasswordRequiredException(str(error)) from error
        return paramiko.PKey.from_path(file)


class Keyring(AuthStrategy):
    """The order of logins: the named keys, or the agent's and the default ones; then a password.

    A key is tried when the server has refused the one before. `tried` lists all of them.
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
        """Yield the sources in order, and note each in `tried` for a message."""
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
        """Log in with the first source that is accepted. Raises AuthenticationException for none.

        paramiko's own method goes on after a lost connection, and raises a summary of its own.
        """
        for source in self.get_sources():
            try:
                return source.authenticate(transport)
            except paramiko.AuthenticationException:
                if not transport.is_active():
                    raise
        raise paramiko.AuthenticationException("the server rejected every login")
