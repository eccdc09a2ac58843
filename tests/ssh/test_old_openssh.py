"""CentOS 6's OpenSSH 5.3: RSA alone, SHA-1 alone, and host keys checked all the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from fabric import Config

from fabfile.model.errors import UnreachableError
from fabfile.model.shell import script
from fabfile.ssh.connection import Connection
from fabfile.ssh.login import Login
from tests.ssh.openssh53_server import Door, serve

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an RSA key, an ed25519 key and the server's host key."""
    folder = tmp_path_factory.mktemp("keys")
    for name, kind in (("rsa", "rsa"), ("ed25519", "ed25519"), ("host", "rsa")):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", folder / name], check=True)
    return folder


@pytest.fixture
def old(keys: Path) -> Iterator[tuple[int, Door]]:
    """The look-alike, which lets the RSA key in."""
    host, user = (paramiko.RSAKey.from_private_key_file(str(keys / n)) for n in ("host", "rsa"))
    with serve(host, user) as found:
        yield found


def connection(port: int, keys: Path, key: str, known: Path) -> Connection:
    login = Login(
        "old1", "127.0.0.1", "root", port, keys=(str(keys / key),), known_hosts=(str(known),)
    )
    return Connection(login, Config())


def known(port: int, keys: Path, tmp_path: Path, key: str = "host") -> Path:
    file = tmp_path / "known_hosts"
    public = (keys / f"{key}.pub").read_text().split()
    file.write_text(f"[127.0.0.1]:{port} {public[0]} {public[1]}\n")
    return file


def test_an_rsa_key_gets_in_and_scripts_run(
    old: tuple[int, Door], keys: Path, tmp_path: Path
) -> None:
    port, door = old
    with connection(port, keys, "rsa", known(port, keys, tmp_path)) as c:
        assert c.run_script(script("", "echo survey")) == "survey\n"
        assert c.run_script(script("", "echo apply"), private=True) == "apply\n"
        assert c.transport is not None
        assert c.transport.remote_version == "SSH-2.0-OpenSSH_5.3"
        assert c.transport.host_key_type == "ssh-rsa"
    assert len(door.commands) == 2


def test_the_host_key_is_checked_there_too(
    old: tuple[int, Door], keys: Path, tmp_path: Path
) -> None:
    port, door = old
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(UnreachableError, match="is not known: ssh-rsa SHA256:"):
        connection(port, keys, "rsa", empty).open()
    wrong = known(port, keys, tmp_path, key="rsa")
    with pytest.raises(UnreachableError, match="has CHANGED"):
        connection(port, keys, "rsa", wrong).open()
    assert door.commands == []


def test_an_ed25519_key_alone_is_named(old: tuple[int, Door], keys: Path, tmp_path: Path) -> None:
    port, _ = old
    with pytest.raises(UnreachableError, match=r"let none of these in: .*/ed25519"):
        connection(port, keys, "ed25519", known(port, keys, tmp_path)).open()


def test_a_paramiko_that_cannot_reach_old_servers_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "paramiko.py").write_text('__version__ = "5.1.0"\n')
    run = subprocess.run(
        [sys.executable, "-c", "import fabfile"],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "paramiko 5.1.0 is installed, which cannot connect to CentOS 6" in run.stderr
    assert "pip install 'paramiko>=3.5.1,<5'" in run.stderr


def test_the_look_alike_refuses_what_5_3_cannot_verify(old: tuple[int, Door], keys: Path) -> None:
    """Paramiko's ordinary transport signs with SHA-2, and is not let in."""
    port, _ = old
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    with pytest.raises(paramiko.AuthenticationException):
        client.connect(
            "127.0.0.1",
            port,
            "root",
            pkey=paramiko.RSAKey.from_private_key_file(str(keys / "rsa")),
            allow_agent=False,
            look_for_keys=False,
        )
