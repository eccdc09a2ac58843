"""Key files: private keys, the public keys and certificates beside them, and their faults."""

from __future__ import annotations

import base64
import functools
import io
import os
import re
import stat
from pathlib import Path
from typing import Any

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from paramiko.pkey import PublicBlob

from fabfile.ssh.public_key import CERTIFICATE, USER_CERTIFICATE, certificate, from_text, public_key

DEFAULT_KEYS = ("id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_dsa")
"""Names below ~/.ssh that ssh tries without IdentityFile."""
OPENSSH_FORMAT = b"openssh-key-v1\0"
KINDS = {
    ed25519.Ed25519PrivateKey: paramiko.Ed25519Key,
    ec.EllipticCurvePrivateKey: paramiko.ECDSAKey,
    rsa.RSAPrivateKey: paramiko.RSAKey,
}
UNREADABLE = (
    ValueError,
    TypeError,
    IndexError,
    OverflowError,
    OSError,
    UnsupportedAlgorithm,
    paramiko.SSHException,
)
"""What cryptography and paramiko raise for the content of a file."""
MAX_FILE = 1024 * 1024
"""Largest key file, in bytes, as in OpenSSH (MAX_KEY_FILE_SIZE in sshkey.h)."""


class UnusableKeyError(Exception):
    """A key file that cannot be used, and why."""


def expanded(path: str) -> Path:
    """Return a path with `~` or `~USER` expanded, or unchanged if there is no such user."""
    try:
        return Path(path).expanduser()
    except (RuntimeError, ValueError):  # ValueError: a name with a NUL character
        return Path(path)


class Signer(paramiko.PKey):
    """A private key of a file or an agent, alone or with a certificate."""

    def __init__(self, key: paramiko.PKey, blob: bytes | None = None) -> None:
        """`blob` is the certificate to log in with, or what an agent calls its key."""
        self.key = key
        self.public_blob = PublicBlob(_kind(blob), blob) if blob else None

    def get_name(self) -> str:
        """Return the type of the key."""
        return str(self.key.get_name())

    def asbytes(self) -> bytes:
        """Return the public key or the certificate."""
        return self.public_blob.key_blob if self.public_blob else bytes(self.key.asbytes())

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> Any:
        """Return a signature."""
        return self.key.sign_ssh_data(data, algorithm)

    @property
    def kind(self) -> str:
        """The type of the key, or of the certificate."""
        return _kind(self.asbytes())

    @property
    def _fields(self) -> tuple[bytes]:
        return (self.asbytes(),)


def _kind(blob: bytes) -> str:
    return blob[4 : 4 + int.from_bytes(blob[:4])].decode("ascii", "replace")


def exists(path: str) -> bool:
    """Return whether a file exists. Path.is_file raises for a name that is too long."""
    return os.path.isfile(expanded(path))  # noqa: PTH113


@functools.cache
def _read(path: str) -> bytes:
    """Return a file, b"" for one that cannot be read. Read it once for all hosts."""
    try:
        with expanded(path).open("rb") as file:
            return file.read(MAX_FILE)
    except (OSError, ValueError):
        return b""


def public_blob(path: str) -> bytes | None:
    """Return the public key of a key file: from the file itself, or from the .pub file beside it.

    None where neither has one. Private keys in OpenSSH's format have it unencrypted.
    """
    content = _read(path)
    if b"-----BEGIN OPENSSH PRIVATE KEY-----" in content:
        if blob := _public_of_private(content):
            return blob
    elif blob := public_line(content):
        return blob
    return public_line(_read(f"{path}.pub"))


def _public_of_private(content: bytes) -> bytes | None:
    """Return the public key in a private key of OpenSSH's format (PROTOCOL.key)."""
    lines = content.partition(b"-----BEGIN OPENSSH PRIVATE KEY-----")[2].partition(b"-----END")[0]
    try:
        data = base64.b64decode(b"".join(lines.split()), validate=True)
    except ValueError:
        return None
    if not data.startswith(OPENSSH_FORMAT):
        return None
    rest = data[len(OPENSSH_FORMAT) :]
    for _ in range(3):
        rest = rest[4 + int.from_bytes(rest[:4]) :]
    rest = rest[4:]
    blob = rest[4 : 4 + int.from_bytes(rest[:4])]
    return blob if public_key(blob) else None


def public_line(content: bytes) -> bytes | None:
    """Return the key or certificate of the first line in a .pub file that has one."""
    for line in content.decode(errors="replace").splitlines()[:20]:
        kind, _, rest = line.strip().partition(" ")
        words = rest.split(maxsplit=1)
        if not words:
            continue
        if kind.endswith(CERTIFICATE):
            try:
                return base64.b64decode(words[0], validate=True)
            except ValueError:
                return None
        if key := from_text(kind, words[0]):
            return key.blob
    return None


def user_certificate(path: str) -> bytes | None:
    """Return the certificate in a file, None if there is none that lets a user in."""
    blob = public_line(_read(path))
    found = certificate(blob) if blob else None
    return blob if found and found.type == USER_CERTIFICATE else None


def is_public(path: str) -> bool:
    """Return whether a file holds a public key, which selects a key of the agent."""
    return public_line(_read(path)) is not None


def is_encrypted(path: str) -> bool:
    """Return whether a private key has a passphrase."""
    content = _read(path)
    lines = content.partition(b"-----BEGIN OPENSSH PRIVATE KEY-----")[2].split()
    try:
        head = base64.b64decode(lines[0][:64] if lines else b"")
    except ValueError:
        return False
    if not head.startswith(OPENSSH_FORMAT):
        return b"ENCRYPTED" in content
    cipher = head[len(OPENSSH_FORMAT) :]
    return cipher[4 : 4 + int.from_bytes(cipher[:4])] != b"none"


@functools.cache
def private_key(path: str, passphrase: str | None = None) -> paramiko.PKey:
    """Return the private key in a file, cached for all hosts: an RSA key takes 0.1 s to read.

    Raises UnusableKeyError with the reason, and with what helps.
    """
    file = expanded(path)
    _check_mode(path, file)
    try:
        return _load(file, passphrase)
    except paramiko.PasswordRequiredException:
        raise UnusableKeyError(
            f"has a passphrase, and ssh-agent does not have it: ssh-add {path}, or use "
            "--prompt-for-passphrase"
        ) from None
    except UNREADABLE as error:
        if passphrase and is_encrypted(path):
            raise UnusableKeyError(
                f"has another passphrase than the one given: try it with ssh-keygen -yf {path}"
            ) from error
        reason = getattr(error, "strerror", None) or re.sub(r"\s+", " ", str(error))[:200]
        raise UnusableKeyError(
            f"cannot be read: {reason}; it must be a private key in OpenSSH's or PEM format"
        ) from error


def _check_mode(path: str, file: Path) -> None:
    """Raise UnusableKeyError for a file of ours that others may read, as ssh does."""
    try:
        status = file.stat()
    except (OSError, ValueError):
        return
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid == os.getuid() and mode & 0o077:
        raise UnusableKeyError(
            f"may be used by others (mode {mode:04o}), so ssh and mailfab ignore it: "
            f"chmod 600 {path}"
        )


def _load(file: Path, passphrase: str | None) -> paramiko.PKey:
    """Return the key in a file; a passphrase is for the keys that have one.

    paramiko's PKey.from_path fails for a good key beside a broken certificate.
    """
    content = file.read_bytes()
    try:
        found = _parsed(content, passphrase)
    except TypeError as error:
        # cryptography raises it for a missing passphrase and for a needless one.
        if not passphrase:
            raise paramiko.PasswordRequiredException(str(error)) from error
        passphrase = None
        found = _parsed(content, None)
    for kind, key in KINDS.items():
        if isinstance(found, kind):
            return key.from_private_key(io.StringIO(content.decode("latin-1")), passphrase)
    raise ValueError(f"mailfab has no keys of type {type(found).__name__}")


def _parsed(content: bytes, passphrase: str | None) -> object:
    password = passphrase.encode() if passphrase else None
    try:
        return serialization.load_ssh_private_key(content, password)
    except ValueError:
        return serialization.load_pem_private_key(content, password)
