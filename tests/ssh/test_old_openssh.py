"""CentOS 6's OpenSSH 5.3: RSA alone, SHA-1 alone, and host keys checked all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import paramiko
import pytest

from fabfile.model.errors import UnreachableError
from fabfile.model.shell import script
from tests.ssh.conftest import Running

ROOT = Path(__file__).resolve().parents[2]


def test_rsa_key_logs_in_and_scripts_run(old: Running) -> None:
    with old.connection() as c:
        assert c.run_script(script("", "echo survey")) == "survey\n"
        assert c.run_script(script("", "echo apply"), private=True) == "apply\n"
        assert c.transport is not None
        assert c.transport.remote_version == "SSH-2.0-OpenSSH_5.3"
        assert c.transport.host_key_type == "ssh-rsa"
    assert len(old.server.commands) == 2


def test_unknown_or_changed_host_key_is_refused(old: Running, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(UnreachableError, match="is not known: ssh-rsa SHA256:"):
        old.connection(known=empty).open()
    with pytest.raises(UnreachableError, match="has CHANGED"):
        old.connection(known=old.known_hosts("rsa")).open()
    assert old.server.commands == []


def test_refused_ed25519_key_is_named(old: Running) -> None:
    with pytest.raises(UnreachableError, match=r"rejected these keys: .*/ed25519"):
        old.connection("ed25519").open()


def test_paramiko_that_cannot_reach_old_servers_is_refused_at_start(tmp_path: Path) -> None:
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


def test_fake_server_refuses_signatures_that_openssh_53_cannot_verify(old: Running) -> None:
    """Paramiko's ordinary transport signs with SHA-2, and is refused."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    with pytest.raises(paramiko.AuthenticationException):
        client.connect(
            "127.0.0.1",
            old.port,
            "root",
            pkey=paramiko.RSAKey.from_private_key_file(str(old.keys / "rsa")),
            allow_agent=False,
            look_for_keys=False,
        )
