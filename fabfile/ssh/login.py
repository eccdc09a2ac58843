"""How to log in on a host: who, where, with which keys, through which jump hosts."""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.model.redact import SecretValue
from fabfile.ssh.sudo import NO_SUDO, Sudo


@dataclass(frozen=True)
class Login:
    """How to log in on one host. All fields but `name` and `host` have defaults, as with ssh."""

    name: str
    """The host's name in messages."""
    host: str
    """Address, name or alias in ~/.ssh/config; USER@HOST:PORT where `user` and `port` are None."""
    user: str | None = None
    port: int | None = None
    keys: tuple[str, ...] = ()
    """Private key files, tried in this order. Without any: the agent's, then the default files."""
    password: SecretValue | None = None
    sudo: Sudo = NO_SUDO
    known_hosts: tuple[str, ...] = ()
    """known_hosts files in addition to those of the user and of the system."""
    jumps: tuple[str, ...] = ()
    """Jump hosts, the nearest first."""

    @property
    def where(self) -> str:
        """The address and port, for messages."""
        return f"{self.host} port {self.port}"

    def jump(self, hop: str) -> Login:
        """Return the login on a jump host: it uses this host's keys and known_hosts files."""
        return Login(
            f"{self.name} (through {hop})", hop, keys=self.keys, known_hosts=self.known_hosts
        )
