"""Configurations with which ssh and mailfab log in on a real server, or both do not, as data.

{key} and {rsa} are keys that the servers take, {wrong} one that they do not, {known} a known_hosts
file with their keys, {port} the port of the host, {gate} that of another server, and {closed} that
of one which forbids forwarding. Each configuration begins with COMMON, unless `bare` is set.
"""

from __future__ import annotations

from dataclasses import dataclass

COMMON = "UserKnownHostsFile {known}\nGlobalKnownHostsFile none\n"
GATES = (
    "Host gate\n HostName 127.0.0.1\n Port {gate}\n IdentityFile {key}\n ProxyJump none\n"
    "Host closed\n HostName 127.0.0.1\n Port {closed}\n IdentityFile {key}\n ProxyJump none\n"
)
KEY = "Host m 127.0.0.1\n IdentityFile {key}\n"


@dataclass(frozen=True)
class Case:
    """A configuration, and whether both log in."""

    name: str
    config: str
    logs_in: bool
    common_args: str = ""
    bare: bool = False


CASES = [
    Case("key", "IdentityFile {key}", True),
    Case("wrong key", "IdentityFile {wrong}", False),
    Case("wrong key, then the right one", "IdentityFile {wrong}\nIdentityFile {key}", True),
    Case("missing key, then the right one", "IdentityFile /no/key\nIdentityFile {key}", True),
    Case("none and a key", "IdentityFile none\nIdentityFile {key}", True),
    Case("no key", "IdentityFile none", False),
    Case("key of another host", "Host other\n IdentityFile {key}", False),
    Case("Match host", "Match host 127.0.0.1\n IdentityFile {key}", True),
    Case("Match exec false", "Match exec false\n IdentityFile {key}", False),
    Case("Match final", "Match final all\n IdentityFile {key}", True),
    Case("PubkeyAuthentication no", "IdentityFile {key}\nPubkeyAuthentication no", False),
    Case("password only", "IdentityFile {key}\nPreferredAuthentications password", False),
    Case("keys only", "IdentityFile {key}\nPreferredAuthentications publickey", True),
    Case("IdentitiesOnly", "IdentityFile {key}\nIdentitiesOnly yes\nIdentityAgent none", True),
    Case("user without an account", "IdentityFile {key}\nUser no-such-user", False),
    Case("port of the inventory", "IdentityFile {key}\nHost *\n Port 1", True, "-o Port=1"),
    Case("unknown host key", "IdentityFile {key}\nUserKnownHostsFile none", False, bare=True),
    Case("system's file", "IdentityFile {key}\nGlobalKnownHostsFile {known}", True, bare=True),
    Case("alias that is known", "IdentityFile {key}\nHostKeyAlias alias", True),
    Case("alias that is not known", "IdentityFile {key}\nHostKeyAlias other", False),
    Case("cipher", "IdentityFile {key}\nCiphers aes256-ctr", True),
    Case("MAC", "IdentityFile {key}\nCiphers aes128-ctr\nMACs hmac-sha2-256", True),
    Case("key exchange", "IdentityFile {key}\nKexAlgorithms curve25519-sha256", True),
    Case(
        "signature that the key has",
        "IdentityFile {key}\nPubkeyAcceptedAlgorithms ssh-ed25519",
        True,
    ),
    Case(
        "signature that it has not",
        "IdentityFile {key}\nPubkeyAcceptedAlgorithms rsa-sha2-512",
        False,
    ),
    Case("host key algorithm", "IdentityFile {key}\nHostKeyAlgorithms ssh-ed25519", True),
    Case("size of RSA keys", "IdentityFile {key}\nRequiredRSASize 4096", True),
    Case(
        "short RSA host key",
        "IdentityFile {key}\nHostKeyAlgorithms rsa-sha2-512\nRequiredRSASize 4096",
        False,
    ),
    Case(
        "long RSA host key",
        "IdentityFile {key}\nHostKeyAlgorithms rsa-sha2-512\nRequiredRSASize 2048",
        True,
    ),
    Case("short RSA key", "IdentityFile {rsa}\nRequiredRSASize 4096", False),
    Case("RSA key", "IdentityFile {rsa}", True),
    Case("AddressFamily inet", "IdentityFile {key}\nAddressFamily inet", True),
    Case("AddressFamily inet6", "IdentityFile {key}\nAddressFamily inet6", False),
    Case("BindAddress", "IdentityFile {key}\nBindAddress 127.0.0.2", True),
    Case("ConnectTimeout", "IdentityFile {key}\nConnectTimeout 3", True),
    Case("-J", GATES + KEY, True, "-J gate"),
    Case("-J without a space", GATES + KEY, True, "-Jgate"),
    Case("-J through a gate that forwards nothing", GATES + KEY, False, "-Jclosed"),
    Case("two hops", GATES + KEY, True, "-J gate,127.0.0.1:{gate}"),
    Case("two hops, the second closed", GATES + KEY, False, "-J gate,closed"),
    Case("two hops, the first closed", GATES + KEY, False, "-J closed,gate"),
    Case("ProxyJump", f"{GATES}Host 127.0.0.1\n ProxyJump gate\n{KEY}", True),
    Case("ProxyJump, closed", f"{GATES}Host 127.0.0.1\n ProxyJump closed\n{KEY}", False),
    Case(
        "ProxyJump none", f"Host 127.0.0.1\n ProxyJump none\n{KEY}Host *\n ProxyJump closed", True
    ),
    Case("-J none", f"Host 127.0.0.1\n ProxyJump closed\n{KEY}", True, "-J none"),
    Case(
        "hop with a wrong key",
        f"{KEY}Host h\n HostName 127.0.0.1\n Port {{gate}}\n User x",
        False,
        "-Jh",
    ),
    Case("ProxyCommand", GATES + KEY, True, "-o ProxyCommand='ssh -F {config} -W %h:%p gate'"),
    Case(
        "ProxyCommand, closed",
        GATES + KEY,
        False,
        "-oProxyCommand='ssh -F {config} -W %h:%p closed'",
    ),
    Case("ProxyCommand that fails", KEY, False, "-o ProxyCommand='exit 3'"),
    Case(
        "ProxyCommand of a block",
        f"{GATES}{KEY} ProxyCommand ssh -F {{config}} -W %h:%p gate",
        True,
    ),
    Case("unknown option", "IdentityFile {key}\nFoo x", False),
    Case("RemoteCommand", "IdentityFile {key}\nRemoteCommand true", False),
]
