"""Keys, fake servers and connections to them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest
from fabric import Config

from fabfile.ssh.connection import Connection
from fabfile.ssh.login import Login
from tests.ssh.server import FakeServer, openssh, openssh53, serve


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an RSA key, an ed25519 key and the server's host key."""
    folder = tmp_path_factory.mktemp("keys")
    for name, kind in (("rsa", "rsa"), ("ed25519", "ed25519"), ("host", "rsa")):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", folder / name], check=True)
    return folder


@dataclass
class Running:
    """A fake server that runs, and connections to it."""

    server: FakeServer
    port: int
    keys: Path
    folder: Path

    def known_hosts(self, key: str = "host") -> Path:
        """Return a known_hosts file with a key for the server."""
        file = self.folder / "known_hosts"
        public = (self.keys / f"{key}.pub").read_text().split()
        file.write_text(f"[127.0.0.1]:{self.port} {public[0]} {public[1]}\n")
        return file

    def connection(self, key: str = "rsa", known: Path | None = None) -> Connection:
        """Return a connection that logs in with a key and knows the server's host key."""
        login = Login(
            "mail1",
            "127.0.0.1",
            "root",
            self.port,
            keys=(str(self.keys / key),),
            known_hosts=(str(known or self.known_hosts()),),
        )
        return Connection(login, Config())


def run_server(
    keys: Path, folder: Path, key: str, configure: Callable[[paramiko.Transport], None]
) -> Iterator[Running]:
    """Run a server that lets a key in."""
    server = FakeServer(paramiko.PKey.from_path(keys / key))
    host_key = paramiko.RSAKey.from_private_key_file(str(keys / "host"))
    with serve(server, host_key, configure) as port:
        yield Running(server, port, keys, folder)


@pytest.fixture
def old(keys: Path, tmp_path: Path) -> Iterator[Running]:
    """A server with the algorithms of OpenSSH 5.3, which lets the RSA key in."""
    yield from run_server(keys, tmp_path, "rsa", openssh53)


@pytest.fixture
def current(keys: Path, tmp_path: Path) -> Iterator[Running]:
    """A server with current algorithms, which lets the ed25519 key in."""
    yield from run_server(keys, tmp_path, "ed25519", openssh)
