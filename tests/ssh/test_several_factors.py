"""Servers that want several factors, and accounts that may not run commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest
from fabric import Config

from fabfile.model.errors import MailfabError, UnreachableError
from fabfile.model.redact import SecretValue
from fabfile.model.shell import script
from fabfile.ssh.connection import Connection
from fabfile.ssh.sudo import Sudo
from fabfile.ssh.transport import SIMPLE
from tests.ssh.conftest import Running
from tests.ssh.server import FakeServer, openssh, serve

PASSWORD = "horse"
KEY, PASS, ASK = "publickey", "password", "keyboard-interactive"


class Strict(FakeServer):
    """A server that wants a sequence of methods, as AuthenticationMethods in sshd_config(5)."""

    def __init__(self, user_key: paramiko.PKey, *lists: str, question: str = "Password: ") -> None:
        super().__init__(user_key)
        self.lists = [one.split(",") for one in lists]
        self.question = question
        self.passwords: list[str] = []

    def get_allowed_auths(self, username: str) -> str:
        return ",".join(dict.fromkeys(one[0] for one in self.lists if one))

    def _passed(self, method: str) -> int:
        self.lists = [one[1:] for one in self.lists if one[0] == method]
        done = any(not one for one in self.lists)
        return int(paramiko.AUTH_SUCCESSFUL if done else paramiko.AUTH_PARTIALLY_SUCCESSFUL)

    def _takes(self, method: str) -> bool:
        return any(one[0] == method for one in self.lists)

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        if not self._takes(KEY) or key != self.user_key:
            return int(paramiko.AUTH_FAILED)
        return self._passed(KEY)

    def check_auth_password(self, username: str, password: str) -> int:
        self.passwords.append(password)
        fits = self._takes(PASS) and password == PASSWORD
        return self._passed(PASS) if fits else int(paramiko.AUTH_FAILED)

    def check_auth_interactive(self, username: str, submethods: str) -> object:
        if not self._takes(ASK):
            return paramiko.AUTH_FAILED
        return paramiko.InteractiveQuery("", "", (self.question, False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        self.passwords += responses
        fits = responses == [PASSWORD] and self.question == "Password: "
        return self._passed(ASK) if fits else int(paramiko.AUTH_FAILED)


Connect = Callable[..., AbstractContextManager[tuple[Strict, Connection]]]


@pytest.fixture(params=["", "1"], ids=["fast", "simple"])
def connect(
    request: pytest.FixtureRequest, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Connect:
    """Return what runs a server and gives a connection to it."""
    monkeypatch.setenv(SIMPLE, request.param)

    @contextmanager
    def run(
        *lists: str,
        key: str = "ed25519",
        password: str | None = PASSWORD,
        question: str = "Password: ",
    ) -> Iterator[tuple[Strict, Connection]]:
        server = Strict(paramiko.PKey.from_path(keys / "ed25519"), *lists, question=question)
        host_key = paramiko.RSAKey.from_private_key_file(str(keys / "host"))
        with serve(server, host_key, openssh) as port:
            login = Running(server, port, keys, tmp_path).connection(key).login
            secret = SecretValue(password) if password else None
            login = replace(login, password=secret, identity_agent="none")
            with Connection(login, Config()) as connection:
                yield server, connection

    return run


@pytest.mark.parametrize(
    "lists",
    [
        (f"{KEY},{PASS}",),
        (f"{KEY},{ASK}",),
        (f"{PASS},{KEY}",),
        (f"{ASK},{KEY}",),
        (f"{KEY},{PASS},{ASK}",),
        (KEY, f"{PASS},{ASK}"),
        (PASS,),
        (ASK,),
        (f"{KEY},{PASS}", f"{KEY},{ASK}"),
    ],
)
def test_all_factors_are_given(connect: Connect, lists: tuple[str, ...]) -> None:
    with connect(*lists) as (server, connection):
        assert connection.run_script(script("", "echo survey")) == "survey\n"
        assert server.connections == 1


@pytest.mark.parametrize("method", [PASS, ASK])
def test_missing_password_is_named(connect: Connect, method: str) -> None:
    with (
        connect(f"{KEY},{method}", password=None) as (_, connection),
        pytest.raises(UnreachableError) as refused,
    ):
        connection.open()
    assert "ed25519; the server also wants a password" in str(refused.value)
    assert "--prompt-for-login-password" in str(refused.value)


@pytest.mark.parametrize(
    "lists", [(f"{KEY},{PASS}",), (f"{KEY},{ASK}",), (f"{KEY},{PASS}", f"{KEY},{ASK}")]
)
def test_wrong_password_is_sent_once_and_named(connect: Connect, lists: tuple[str, ...]) -> None:
    with connect(*lists, password="wrong") as (server, connection):
        with pytest.raises(UnreachableError, match="it rejected the password"):
            connection.open()
        assert server.passwords == ["wrong"]


def test_missing_key_is_named(connect: Connect) -> None:
    with (
        connect(f"{PASS},{KEY}", key="rsa") as (_, connection),
        pytest.raises(UnreachableError) as refused,
    ):
        connection.open()
    assert "accepted the password; the server also wants a key" in str(refused.value)
    assert "authorized_keys" in str(refused.value)


def test_server_without_keys_is_named(connect: Connect) -> None:
    with (
        connect(PASS, password=None) as (_, connection),
        pytest.raises(UnreachableError, match="the server takes a password"),
    ):
        connection.open()


CLOUD = 'Please login as the user "debian" rather than the user "root".\n\n'


@pytest.mark.parametrize(
    ("output", "errors", "said", "remedy"),
    [
        (CLOUD, "", "use the account debian", "ansible_user=debian ansible_become=yes"),
        (
            "",
            "WARNING: Your password has expired.\nPassword change required but no TTY available.\n",
            "the password of root has expired",
            "ssh -t -p ",
        ),
        (
            "",
            "Your account has expired; please contact your administrator\n",
            "expired",
            "chage -E -1 root",
        ),
        ("This account is currently not available.\n", "", "has no login shell", "usermod -s"),
        (
            "Welcome\n",
            "no such thing\n",
            "did not run the script (exit code 1): no such thing",
            "shell",
        ),
        ("only git here\n", "", "did not run the script (exit code 1): only git here", "shell"),
    ],
)
@pytest.mark.parametrize("private", [False, True])
def test_account_that_runs_no_commands_is_named(
    current: Running, output: str, errors: str, said: str, remedy: str, private: bool
) -> None:
    def answer(channel: paramiko.Channel, _: bytes) -> None:
        channel.sendall(output.encode())
        channel.sendall_stderr(errors.encode())
        channel.send_exit_status(1)
        channel.close()

    current.server.answer = answer
    current.server.delay = 0.1
    with current.connection("ed25519") as c, pytest.raises(MailfabError) as refused:
        c.run_script(script("", "echo survey"), private=private)
    assert said in str(refused.value)
    assert remedy in str(refused.value)


@pytest.mark.parametrize(
    ("errors", "remedy"),
    [
        ("sudo: Account or password is expired, reset your password and try again", "ssh -t -p "),
        ("sudo: account validation failure, is your account locked?", "passwd -u admin"),
        ("sh: 1: sudo: not found", "install sudo"),
        ("sudo: PAM account management error: Permission denied", "sudo id"),
        ("sudo: a password is required", "--prompt-for-sudo-password"),
    ],
)
def test_sudo_that_starts_nothing_is_named(current: Running, errors: str, remedy: str) -> None:
    def answer(channel: paramiko.Channel, _: bytes) -> None:
        channel.sendall_stderr(f"{errors}\n".encode())
        channel.send_exit_status(1)
        channel.close()

    current.server.answer = answer
    current.server.delay = 0.1
    login = replace(current.connection("ed25519").login, user="admin", sudo=Sudo(True))
    with Connection(login, Config()) as c, pytest.raises(MailfabError) as refused:
        c.run_script(script("", "echo survey"))
    assert remedy in str(refused.value)
