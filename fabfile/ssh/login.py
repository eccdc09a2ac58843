"""How to log in on a host: who, where, with which keys, through which jump hosts."""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.model.redact import SecretValue
from fabfile.ssh.sudo import NO_SUDO, Sudo

DEFAULT_KNOWN_HOSTS = (
    "~/.ssh/known_hosts",
    "~/.ssh/known_hosts2",
    "/etc/ssh/ssh_known_hosts",
    "/etc/ssh/ssh_known_hosts2",
)


@dataclass(frozen=True)
class Login:
    """How to log in on one host. All fields but `name` and `host` have defaults, as with ssh."""

    name: str
    """The host's name in messages."""
    host: str
    """Address or name. Before ssh's configuration is applied: what is typed for ssh."""
    user: str | None = None
    port: int | None = None
    keys: tuple[str, ...] = ()
    """Private key files, tried in this order. Without any: the agent's, then the default files."""
    password: SecretValue | None = None
    sudo: Sudo = NO_SUDO
    known_hosts: tuple[str, ...] = ()
    """known_hosts files in addition to those of the user and of the system."""
    known_hosts_files: tuple[str, ...] = DEFAULT_KNOWN_HOSTS
    """UserKnownHostsFile and GlobalKnownHostsFile, the user's first."""
    host_key_alias: str | None = None
    host_key_algorithms: tuple[str, ...] = ()
    """HostKeyAlgorithms if it is set to a list of its own; without, known types come first."""
    strict_host_key_checking: str = "ask"
    """StrictHostKeyChecking, for messages: an unknown key is refused in any case."""
    check_host_ip: bool = False
    required_rsa_size: int = 1024
    """RequiredRSASize, in bits."""
    identity_files: tuple[str, ...] = ()
    """IdentityFile in ssh's configuration; without any, the default files."""
    certificate_files: tuple[str, ...] = ()
    identities_only: bool = False
    identity_agent: str | None = None
    """IdentityAgent: a socket or `none`; None for SSH_AUTH_SOCK."""
    kex_algorithms: tuple[str, ...] = ()
    """KexAlgorithms, Ciphers and so on, each only if it is set to a list of its own."""
    ciphers: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    pubkey_algorithms: tuple[str, ...] = ()
    ca_signature_algorithms: tuple[str, ...] = ()
    gateway: Login | None = None
    """The last jump host, which has its own gateway where there are several."""
    proxy_command: str | None = None
    """ProxyCommand, ready for the shell: its input and output are the connection."""
    connect_timeout: int | None = None
    """ConnectTimeout, in seconds."""
    connection_attempts: int = 1
    address_family: str = "any"
    """AddressFamily: any, inet or inet6."""
    bind_address: str | None = None
    forward_agent: bool = False

    @property
    def all_known_hosts(self) -> tuple[str, ...]:
        """All known_hosts files that count."""
        return (*self.known_hosts_files, *self.known_hosts)

    @property
    def where(self) -> str:
        """The address and port, for messages."""
        return f"{self.host} port {self.port}"

    def jump(self, hop: str) -> Login:
        """Return the login on a jump host, with this host's named keys and known_hosts files.

        They count beside those that ssh's configuration has for the jump host.
        """
        return Login(
            f"{self.name} (through {hop})",
            hop,
            keys=self.keys,
            known_hosts=self.known_hosts,
            known_hosts_files=self.known_hosts_files,
            identity_agent=self.identity_agent,
        )
