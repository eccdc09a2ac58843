"""Which keys ssh's configuration allows for a login."""

from __future__ import annotations

from fabfile.ssh.login import Login

CERTIFICATE = "-cert-v01@openssh.com"
RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")


def may_sign(kind: str, login: Login) -> bool:
    """Return whether PubkeyAcceptedAlgorithms allows a type of keys or certificates."""
    wanted = login.pubkey_algorithms
    plain = kind.removesuffix(CERTIFICATE)
    suffix = kind.removeprefix(plain)
    names = RSA if plain == "ssh-rsa" else (plain,)
    return not wanted or any(f"{name}{suffix}" in wanted for name in names)


def rsa_bits(blob: bytes) -> int:
    """Return the size of an RSA key in bits, 0 for other keys (RFC 4253, section 6.6)."""
    if not blob.startswith(b"\0\0\0\x07ssh-rsa"):
        return 0
    exponent = 11 + 4 + int.from_bytes(blob[11:15])
    size = int.from_bytes(blob[exponent : exponent + 4])
    return int.from_bytes(blob[exponent + 4 : exponent + 4 + size]).bit_length()
