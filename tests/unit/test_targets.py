"""From a name given with -H, and from Ansible's variables, to a connection."""

from __future__ import annotations

from pathlib import Path

import pytest
from fabric import Config
from paramiko import SSHConfig

from fabfile.fleet.host_connection import HostConnection
from fabfile.fleet.targets import resolve
from fabfile.model.errors import InventoryError
from fabfile.model.inventory import parse
from fabfile.model.redact import SecretValue
from fabfile.ssh.connection import Connection
from fabfile.ssh.sudo import Sudo

INVENTORY = parse(
    """
plain ansible_host=192.0.2.1
full  ansible_host=192.0.2.2 ansible_port=2222 ansible_user=admin ansible_become=true \
ansible_become_password='p w' ansible_ssh_private_key_file=/k
old   ansible_ssh_host=192.0.2.3 ansible_ssh_user=root ansible_ssh_port=23
jump  ansible_host=192.0.2.4 \
ansible_ssh_common_args='-o ProxyJump=me@gate:2200 -oUserKnownHostsFile=/kh'
word  ansible_host=192.0.2.5 ansible_user=me ansible_password=secret
bad   ansible_host='192.0.2.6; reboot'
""",
    Path("inventory.ini"),
)


def connection(name: str) -> HostConnection:
    (target,) = resolve([name], INVENTORY, Config())
    return target.connect(Config())


def test_variables_of_ansible() -> None:
    full = connection("full")
    assert (full.host, full.port, full.user) == ("192.0.2.2", 2222, "admin")
    assert full.login.sudo == Sudo(True, SecretValue("p w"))
    assert full.login.keys == ("/k",)
    old = connection("old")
    assert (old.host, old.port, old.user, old.login.sudo) == ("192.0.2.3", 23, "root", Sudo())
    assert connection("word").login.password == SecretValue("secret")


def test_a_jump_host_and_its_known_hosts() -> None:
    jump = connection("jump")
    assert (jump.gateway.user, jump.gateway.host, jump.gateway.port) == ("me", "gate", 2200)
    assert isinstance(jump.gateway, Connection), "its host key is checked as well"
    assert jump.login.known_hosts == jump.gateway.login.known_hosts == ("/kh",)


def test_user_and_port_for_one_command() -> None:
    said = connection("admin@plain:2022")
    assert (said.host, said.port, said.user) == ("192.0.2.1", 2022, "admin")
    assert said.target.name == "plain"


def test_what_one_host_brings_stays_with_it() -> None:
    """All share the configuration, which must not be written while other threads read it."""
    theirs = SSHConfig.from_text("Host 192.0.2.1\n  IdentityFile /its")
    config = Config(ssh_config=theirs, overrides={"connect_kwargs": {"key_filename": ["/given"]}})
    first, second = (t.connect(config) for t in resolve(["plain", "old"], INVENTORY, config))
    assert first.connect_kwargs == {"key_filename": ["/given", "/its"]}
    assert second.connect_kwargs == {"key_filename": ["/given"]}
    assert not config._modifications


@pytest.mark.parametrize("name", ["bad", "no-such-host.invalid", "plian"])
def test_what_cannot_be_reached_is_refused_by_name(name: str) -> None:
    with pytest.raises(InventoryError, match=name):
        connection(name)


@pytest.mark.parametrize("names", [[], [""], [" ", ""]])
def test_no_host_at_all(names: list[str]) -> None:
    with pytest.raises(InventoryError, match="no host was named"):
        resolve(names, INVENTORY, Config())
