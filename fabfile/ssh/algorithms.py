"""Ciphers, MACs and so on that ssh's configuration asks for."""

from __future__ import annotations

import paramiko

from fabfile.model.errors import UnreachableError
from fabfile.ssh.login import Login

OPTIONS = {"kex": "kex_algorithms", "ciphers": "ciphers", "digests": "macs"}
"""Fields of Login, by paramiko's name for the algorithms."""


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
        plain = {algorithm.removesuffix("-cert-v01@openssh.com") for algorithm in wanted}
        unwanted = [one for one in transport.preferred_pubkeys if one not in plain]
        transport.disabled_algorithms = {**transport.disabled_algorithms, "pubkeys": unwanted}


def _known(
    wanted: tuple[str, ...], known: tuple[str, ...], field: str, login: Login
) -> tuple[str, ...]:
    """Return the algorithms that paramiko has."""
    found = tuple(one for one in wanted if one in known)
    if not found:
        raise UnreachableError(
            f"ssh's configuration asks for {field.replace('_algorithms', '')} that mailfab does "
            f"not have: {', '.join(wanted)[:200]}",
            f"add one of these for this host: {', '.join(known)}",
            host=login.name,
        )
    return found
