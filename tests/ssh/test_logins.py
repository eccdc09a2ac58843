"""Logins with ssh's configuration on a real sshd: ssh and mailfab beside each other."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fabric import Config

from fabfile.fleet.targets import resolve
from fabfile.model.errors import MailfabError
from fabfile.model.inventory import parse
from fabfile.model.shell import script
from tests.ssh.login_cases import CASES, COMMON, Case
from tests.ssh.sshd import make_key, needs_sshd, public, run_sshd


@dataclass
class Servers:
    """The words of login_cases.py."""

    words: dict[str, str]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("logins")
    key, wrong = make_key(folder / "key"), make_key(folder / "wrong")
    rsa = make_key(folder / "rsa", "rsa", "", "-b", "2048")
    hosts = [make_key(folder / "host"), make_key(folder / "host_rsa", "rsa", "", "-b", "3072")]
    keys = (f"AuthorizedKeysFile {key}.pub {rsa}.pub",)
    with (
        run_sshd(folder, hosts, *keys) as server,
        run_sshd(folder, hosts, *keys) as gate,
        run_sshd(folder, hosts, *keys, "AllowTcpForwarding no") as closed,
    ):
        known = folder / "known_hosts"
        names = ",".join(["alias", server.name, gate.name, closed.name])
        known.write_text("".join(f"{names} {public(host)}\n" for host in hosts))
        ports = {"port": server.port, "gate": gate.port, "closed": closed.port}
        files = {"key": key, "rsa": rsa, "wrong": wrong, "known": known}
        yield Servers({name: str(value) for name, value in {**ports, **files}.items()})


def by_ssh(config: Path, port: str, arguments: str) -> bool:
    """Return whether the real ssh logs in, with the arguments that Ansible would give it."""
    words = ["-o", f"Port={port}", *shlex.split(arguments)]
    run = subprocess.run(
        ["ssh", "-F", config, "-o", "BatchMode=yes", *words, "127.0.0.1", "echo in"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "SSH_AUTH_SOCK": ""},
        timeout=60,
        check=False,
    )
    return run.stdout == "in\n"


def by_mailfab(port: str, arguments: str) -> bool:
    """Return whether mailfab logs in; a failure has a remedy."""
    settings = f"ansible_host=127.0.0.1 ansible_port={port}"
    if arguments:
        settings += " " + shlex.quote(f"ansible_ssh_common_args={arguments}")
    try:
        (target,) = resolve(["m"], parse(f"m {settings}\n", Path("i")), Config(lazy=True))
        with target.connect(Config(lazy=True)) as connection:
            return bool(connection.run_script(script("", "echo in")) == "in\n")
    except MailfabError as error:
        assert error.remedy
        assert error.host
        return False


@needs_sshd
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mailfab_logs_in_where_ssh_does(
    servers: Servers, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    config = tmp_path / ".ssh/config"
    words = {**servers.words, "config": str(config)}
    config.write_text(("" if case.bare else COMMON.format(**words)) + case.config.format(**words))
    arguments = case.common_args.format(**words)
    found = by_ssh(config, words["port"], arguments), by_mailfab(words["port"], arguments)
    assert found == (case.logs_in, case.logs_in)
