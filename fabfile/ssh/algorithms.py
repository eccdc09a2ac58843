"""Ciphers, MACs and so on that ssh's configuration asks for."""

from __future__ import annotations

import paramiko

from fabfile.model.errors import UnreachableError
from fabfile.ssh.login import Login

OPTIONS = {"kex": "kex_algorithms", "ciphers": "ciphers", "digests": "macs"}
"""Fields of Login, by paramiko's name for the algorithms."""

SAME = {"curve25519-sha256": "curve25519-sha256@libssh.org"}
"""Algorithms that paramiko has by their older name (RFC 8731)."""
CERTIFICATE = "-cert-v01@openssh.com"
RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")


def restrict(transport: paramiko.Transport, login: Login) -> None:
    """Have a transport offer only what a login names, in that order.

    Raises UnreachableError if paramiko has none of it.
    """
    offered = transport.get_security_options()
    for name, field in OPTIONS.items():
        if wanted := getattr(login, field):
            setattr(offered, name, _known(wanted, getattr(offered, name), field, login))
    if wanted := login.pubkey_algorithms:
        # Certificates are named by their own algorithm in ssh; paramiko signs with the key's.
        plain = {algorithm.removesuffix(CERTIFICATE) for algorithm in wanted}
        unwanted = [one for one in transport.preferred_pubkeys if one not in plain]
        transport.disabled_algorithms = {**transport.disabled_algorithms, "pubkeys": unwanted}


def _known(
    wanted: tuple[str, ...], known: tuple[str, ...], field: str, login: Login
) -> tuple[str, ...]:
    """Return the algorithms that paramiko has."""
    names = (one if one in known else SAME.get(one, one) for one in wanted)
    found = tuple(one for one in dict.fromkeys(names) if one in known)
    if not found:
        raise UnreachableError(
            f"ssh's configuration asks for {field.replace('_algorithms', '')} that mailfab does "
            f"not have: {', '.join(wanted)[:200]}",
            f"add one of these for this host: {', '.join(known)}",
            host=login.name,
        )
    return found


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
