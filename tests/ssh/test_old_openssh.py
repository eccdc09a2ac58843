"""CentOS 6's OpenSSH 5.3: RSA alone, SHA-1 alone, and host keys checked all the same."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest
from fabric import Config

from fabfile.model.errors import UnreachableError
from fabfile.model.shell import script
from fabfile.ssh.connection import Connection
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
    host = old.keys / "host"
    md5 = fingerprint(host, "md5").removeprefix("MD5:")
    shown = f"is not known: ssh-rsa {fingerprint(host, 'sha256')} (MD5 {md5})"
    with pytest.raises(UnreachableError) as unknown:
        old.connection(known=empty).open()
    assert shown in str(unknown.value)
    assert "-lf /etc/ssh/ssh_host_rsa_key.pub, which prints MD5 there)" in str(unknown.value)
    with pytest.raises(UnreachableError, match="has CHANGED"):
        old.connection(known=old.known_hosts("rsa")).open()
    assert old.server.commands == []


def test_remedy_for_an_unknown_host_key_lets_us_in(old: Running, tmp_path: Path) -> None:
    known = tmp_path / "known hosts"
    login = replace(old.connection().login, known_hosts=(), known_hosts_files=(str(known),))
    with pytest.raises(UnreachableError) as unknown:
        Connection(login, Config()).open()
    command = str(unknown.value).partition("then: ")[2]
    subprocess.run(["sh", "-c", command], check=True)
    with Connection(login, Config()) as c:
        c.open()


def test_remedy_for_a_changed_host_key_lets_us_in(old: Running, tmp_path: Path) -> None:
    login = old.connection().login
    known = old.known_hosts("rsa")
    login = replace(login, known_hosts=(), known_hosts_files=(str(known),))
    with pytest.raises(UnreachableError) as changed:
        Connection(login, Config()).open()
    assert f"({known}:1)" in str(changed.value)
    remove = str(changed.value).partition("If it was: ")[2].partition(". Compare")[0]
    add = str(changed.value).partition("then: ")[2]
    subprocess.run(["sh", "-c", f"{remove} && {add}"], check=True)
    with Connection(login, Config()) as c:
        c.open()


def fingerprint(key: Path, form: str) -> str:
    """Return the fingerprint of a key as ssh-keygen prints it."""
    command = ["ssh-keygen", "-E", form, "-lf", str(key)]
    return subprocess.check_output(command, text=True).split()[1]


def test_ed25519_key_is_not_tried_and_the_reason_is_named(old: Running) -> None:
    with pytest.raises(UnreachableError) as refused:
        old.connection("ed25519").open()
    assert f"{old.keys}/ed25519 (OpenSSH 5.3 takes RSA keys only)" in str(refused.value)
    assert "ssh-keygen -t rsa -b 4096" in str(refused.value)


def test_refused_rsa_key_is_named(old: Running) -> None:
    with pytest.raises(UnreachableError, match=r"rejected these keys: .*/host"):
        old.connection("host").open()


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
