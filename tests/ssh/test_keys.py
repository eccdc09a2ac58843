"""The order of logins, and private keys that cannot be used."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import paramiko
import pytest

from fabfile.model.errors import UnreachableError
from fabfile.model.redact import SecretValue
from fabfile.ssh.keys import Keyring, expanded, private_key


@pytest.fixture
def home(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with two default keys, one of them with a passphrase, and no agent."""
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    (ssh / "id_rsa").write_bytes((keys / "rsa").read_bytes())
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", ssh / "id_ed25519"], check=True
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


def tried(keyring: Keyring) -> list[str]:
    """Return the names of all sources, after all have been refused."""
    assert len(list(keyring.get_sources())) <= len(keyring.tried)
    return keyring.tried


def test_named_keys_are_tried_alone_before_the_password(home: Path, keys: Path) -> None:
    named = [str(keys / "ed25519"), str(keys / "rsa")]
    keyring = Keyring("root", named, None, SecretValue("p"))
    assert tried(keyring) == [*named, "the password"]


def test_without_named_keys_the_default_ones_are_tried(home: Path) -> None:
    ed25519, rsa = f"{home}/.ssh/id_ed25519", f"{home}/.ssh/id_rsa"
    locked = f"{ed25519} (cannot be read without its passphrase)"
    assert tried(Keyring("root", [], None, None)) == [locked, rsa]
    private_key.cache_clear()
    assert tried(Keyring("root", [], "secret", None)) == [ed25519, rsa]


class Refusing:
    """A transport that refuses all logins, and may be lost at the first."""

    def __init__(self, active: bool) -> None:
        self.active = active
        self.attempts = 0

    def is_active(self) -> bool:
        return self.active

    def auth_publickey(self, *_: Any) -> None:
        self.attempts += 1
        raise paramiko.AuthenticationException("refused")


@pytest.mark.parametrize(("active", "attempts"), [(True, 2), (False, 1)])
def test_lost_connection_ends_the_attempts(keys: Path, active: bool, attempts: int) -> None:
    transport = Refusing(active)
    with pytest.raises(paramiko.AuthenticationException):
        Keyring("root", [str(keys / "rsa"), str(keys / "ed25519")], None, None).authenticate(
            transport
        )
    assert transport.attempts == attempts


def test_unusable_private_key_is_named(tmp_path: Path, keys: Path, home: Path) -> None:
    with pytest.raises(UnreachableError, match="/no/such does not exist"):
        private_key("/no/such")
    with pytest.raises(UnreachableError, match=r"rsa\.pub cannot be read.*\n.*not the \.pub"):
        private_key(str(keys / "rsa.pub"))
    with pytest.raises(UnreachableError, match="id_ed25519 has a passphrase"):
        private_key("~/.ssh/id_ed25519")


def test_home_of_an_unknown_user_stays_unexpanded(home: Path) -> None:
    assert expanded("~/k") == home / "k"
    assert expanded("~no-such-user/k") == Path("~no-such-user/k")
