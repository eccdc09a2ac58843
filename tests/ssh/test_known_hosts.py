"""Known host keys: the same lines that ssh-keygen finds, and an unknown key is refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import paramiko
import pytest

from fabfile.model.errors import UnreachableError
from fabfile.ssh import known_hosts


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three public keys: `ssh-ed25519 AAAA…`."""
    folder = tmp_path_factory.mktemp("keys")
    keys = []
    for n in range(3):
        file = folder / f"k{n}"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
        keys.append(" ".join(file.with_suffix(".pub").read_text().split()[:2]))
    return keys


@pytest.fixture(autouse=True)
def no_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's own files are not read."""
    monkeypatch.setattr(known_hosts, "SYSTEM_KNOWN_HOSTS", str(tmp_path / "system"))
    monkeypatch.setattr(known_hosts, "USER_KNOWN_HOSTS", str(tmp_path / "user"))


def found(host: str, port: int, *files: Path) -> set[str]:
    """Return the keys that are known for a host, as in a .pub file."""
    keys = paramiko.HostKeys()
    known_hosts.load(keys, host, port, [str(file) for file in files])
    name = host if port == 22 else f"[{host}]:{port}"
    return {f"{kind} {key.get_base64()}" for kind, key in (keys.lookup(name) or {}).items()}


def found_by_ssh(host: str, port: int, file: Path) -> set[str]:
    """Return the keys that ssh-keygen finds."""
    name = host if port == 22 else f"[{host}]:{port}"
    run = subprocess.run(
        ["ssh-keygen", "-F", name, "-f", file], capture_output=True, text=True, check=False
    )
    lines = [line for line in run.stdout.splitlines() if not line.startswith("#")]
    return {" ".join(line.split()[1:3]) for line in lines}


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize(
    ("host", "port", "known"),
    [
        ("mail1.example.com", 22, True),
        ("192.0.2.1", 22, True),
        ("mail1.example.com", 2222, True),
        ("mail2.example.com", 22, False),
        ("192.0.2.1", 2222, False),
        ("2001:db8::1", 22, True),
    ],
)
def test_same_keys_are_found_as_by_ssh(
    tmp_path: Path, public: list[str], host: str, port: int, known: bool, hashed: bool
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(
        f"# a comment\n\nmail1.example.com,192.0.2.1 {public[0]} root@mail1\n"
        f"[mail1.example.com]:2222 {public[1]}\n2001:db8::1 {public[2]}\n"
    )
    if hashed:
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
        assert "mail1.example.com" not in file.read_text()
    assert found(host, port, file) == found_by_ssh(host, port, file)
    assert bool(found(host, port, file)) == known


def test_user_and_system_files_are_read_too(tmp_path: Path, public: list[str]) -> None:
    assert found("mail1", 22) == set()
    (tmp_path / "user").write_text(f"mail1 {public[0]}\n")
    assert found("mail1", 22) == {public[0]}
    (tmp_path / "system").write_text(f"mail2 {public[1]}\n")
    assert found("mail2", 22) == {public[1]}


def test_changed_file_is_read_again(tmp_path: Path, public: list[str]) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"mail1 {public[0]}\n")
    assert found("mail1", 22, file) == {public[0]}
    file.write_text(f"mail1 {public[1]}\n")
    os.utime(file, ns=(1, 1))
    assert found("mail1", 22, file) == {public[1]}


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"cannot read the known host keys: .*directory"):
        found("mail1", 22, tmp_path)


def test_broken_lines_are_skipped(tmp_path: Path, public: list[str]) -> None:
    file = tmp_path / "known_hosts"
    broken = [b"\xff\xfe", b"mail1", b"mail1 ssh-rsa", b"|1|x mail1", b"|1| a b", b"|1|AAAA|x k v"]
    broken += [
        b"mail1 ssh-ed25519 A",
        b"mail1 ssh-rsa AAAA",
        b"mail1 ssh-ed25519 AAAA",
        b"mail1 x y",
    ]
    broken += [f"mail1 {public[1][:-20]}".encode(), b"mail1 ecdsa-sha2-nistp256 AAAA"]
    file.write_bytes(b"\n".join([*broken, f"mail1 {public[0]}".encode()]))
    assert found("mail1", 22, file) == {public[0]}
