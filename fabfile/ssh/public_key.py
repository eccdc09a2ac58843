"""Public keys and OpenSSH certificates: parts, fingerprints, and whether they are valid.

The formats are those of RFC 4253, RFC 5656, RFC 8709 and OpenSSH's PROTOCOL.certkeys.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

import paramiko
from cryptography.hazmat.primitives.asymmetric import ec

CERTIFICATE = "-cert-v01@openssh.com"
"""End of the names of certificate types."""
HOST_CERTIFICATE = 2
USER_CERTIFICATE = 1
MIN_RSA_BITS = 1024
"""Smallest RSA key that OpenSSH reads (SSH_RSA_MINIMUM_MODULUS_SIZE in sshkey.h)."""
MAX_NUMBER = 16384
"""Longest number in a key, in bits (SSHBUF_MAX_BIGNUM in sshbuf.h)."""

ECDSA_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "nistp256": ec.SECP256R1,
    "nistp384": ec.SECP384R1,
    "nistp521": ec.SECP521R1,
}
CA_SIGNATURES = (
    "ssh-ed25519",
    *(f"ecdsa-sha2-{curve}" for curve in ECDSA_CURVES),
    "rsa-sha2-512",
    "rsa-sha2-256",
)
"""Algorithms that may sign a certificate (CASignatureAlgorithms in ssh_config(5))."""


@dataclass(frozen=True)
class PublicKey:
    """A public key that is no certificate: its type and its encoding in the SSH protocol."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """The fingerprint as ssh-keygen prints it since OpenSSH 6.8: `SHA256:…`."""
        digest = hashlib.sha256(self.blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def bits(self) -> int:
        """The length of an RSA key; 0 for other types."""
        reader = _Reader(self.blob)
        if reader.text() != "ssh-rsa":
            return 0
        reader.number()
        return reader.number()

    @property
    def md5(self) -> str:
        """The fingerprint as ssh-keygen prints it before OpenSSH 6.8."""
        return hashlib.md5(self.blob, usedforsecurity=False).digest().hex(":")

    def __str__(self) -> str:
        """Return the key as in a .pub file."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"


@dataclass(frozen=True)
class Certificate:
    """An OpenSSH certificate whose signature has not been checked."""

    key: PublicKey
    """The key that is certified."""
    type: int
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    """Seconds since 1970; the certificate is invalid from `valid_before` on."""
    critical: tuple[str, ...]
    authority: PublicKey
    signed: bytes
    signature: bytes

    @property
    def signature_algorithm(self) -> str:
        """The algorithm of the signature, "" for one without."""
        try:
            return _Reader(self.signature).text()
        except ValueError:
            return ""

    def is_signed(self) -> bool:
        """Return whether the authority has signed this certificate."""
        try:
            authority = paramiko.PKey.from_type_string(self.authority.kind, self.authority.blob)
            return bool(authority.verify_ssh_sig(self.signed, paramiko.Message(self.signature)))
        except (paramiko.SSHException, paramiko.pkey.UnknownKeyType, ValueError):
            return False


class _Reader:
    """Reads the fields of a message. Raises ValueError for one that is too short."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, size: int) -> bytes:
        part = self.data[self.position : self.position + size]
        if len(part) != size:
            raise ValueError("too short")
        self.position += size
        return part

    def integer(self) -> int:
        return int.from_bytes(self.take(4))

    def long(self) -> int:
        return int.from_bytes(self.take(8))

    def string(self) -> bytes:
        return self.take(self.integer())

    def text(self) -> str:
        return self.string().decode("ascii", "replace")

    def number(self) -> int:
        """Return the bits of a positive number."""
        data = self.string()
        if data[:1] >= b"\x80":
            raise ValueError("negative")
        bits = int.from_bytes(data).bit_length()
        if bits > MAX_NUMBER:
            raise ValueError("too long")
        return bits

    def strings(self) -> tuple[bytes, ...]:
        found = []
        while not self.at_end:
            found.append(self.string())
        return tuple(found)

    @property
    def at_end(self) -> bool:
        return self.position == len(self.data)


def _rsa(reader: _Reader) -> None:
    reader.number()
    if reader.number() < MIN_RSA_BITS:
        raise ValueError("an RSA key that is too short")


def _dsa(reader: _Reader) -> None:
    for _ in range(4):
        reader.number()


def _ed25519(reader: _Reader) -> None:
    if len(reader.string()) != 32:
        raise ValueError("not an ed25519 key")


def _ecdsa(curve: str) -> Callable[[_Reader], None]:
    def read(reader: _Reader) -> None:
        if reader.text() != curve:
            raise ValueError("another curve")
        point = reader.string()
        if point[:1] != b"\x04":
            raise ValueError("a compressed point")
        ec.EllipticCurvePublicKey.from_encoded_point(ECDSA_CURVES[curve](), point)

    return read


def _with_application(read: Callable[[_Reader], None]) -> Callable[[_Reader], None]:
    def key(reader: _Reader) -> None:
        read(reader)
        reader.string()

    return key


READERS: dict[str, Callable[[_Reader], None]] = {
    "ssh-rsa": _rsa,
    "ssh-dss": _dsa,
    "ssh-ed25519": _ed25519,
    **{f"ecdsa-sha2-{curve}": _ecdsa(curve) for curve in ECDSA_CURVES},
    "sk-ssh-ed25519@openssh.com": _with_application(_ed25519),
    "sk-ecdsa-sha2-nistp256@openssh.com": _with_application(_ecdsa("nistp256")),
}
"""Reads the fields of a key after its type, by type. Raises ValueError for what is not valid."""


def public_key(blob: bytes) -> PublicKey | None:
    """Return the key in a blob, or None for one that OpenSSH does not read either."""
    reader = _Reader(blob)
    try:
        kind = reader.text()
        READERS[kind](reader)
    except (ValueError, KeyError):
        return None
    return PublicKey(kind, blob) if reader.at_end else None


def from_text(kind: str, encoded: str) -> PublicKey | None:
    """Return the key of a line of known_hosts or a .pub file: its type and its base64 text."""
    name = "ssh-rsa" if kind.startswith("rsa-sha2-") else kind
    try:
        # b64_pton(3) skips white space, such as the carriage return of a line from Windows.
        blob = binascii.a2b_base64("".join(encoded.split()), strict_mode=True)
    except ValueError:
        return None
    key = public_key(blob)
    return key if key and key.kind == name else None


def plain_kind(algorithm: str) -> str:
    """Return the type of key that a host key or signature algorithm uses."""
    kind = algorithm.replace(CERTIFICATE, "@openssh.com" if algorithm.startswith("sk-") else "")
    return "ssh-rsa" if kind.startswith("rsa-sha2-") else kind


def certificate(blob: bytes) -> Certificate | None:
    """Return the certificate in a blob, or None for one that is not valid."""
    reader = _Reader(blob)
    try:
        kind = reader.text()
        if not kind.endswith(CERTIFICATE):
            return None
        plain = plain_kind(kind)
        reader.string()
        start = reader.position
        READERS[plain](reader)
        fields = blob[start : reader.position]
        key = PublicKey(plain, struct.pack(">I", len(plain)) + plain.encode() + fields)
        reader.long()
        type_ = reader.integer()
        reader.string()
        names = tuple(n.decode(errors="replace") for n in _Reader(reader.string()).strings())
        after, before = reader.long(), reader.long()
        critical = _Reader(reader.string()).strings()[::2]
        reader.string()
        reader.string()
        authority = public_key(reader.string())
        signed = blob[: reader.position]
        signature = reader.string()
    except (ValueError, KeyError):
        return None
    if authority is None or not reader.at_end:
        return None
    options = tuple(name.decode(errors="replace") for name in critical)
    return Certificate(key, type_, names, after, before, options, authority, signed, signature)
