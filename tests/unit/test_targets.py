"""Names given with -H and Ansible's variables become connections."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fabric import Config

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
jump  ansible_host=192.0.2.4 ansible_ssh_private_key_file=/k \
ssh_known_hosts=/kh ansible_ssh_common_args='-o ProxyJump=me@gate:2200'
word  ansible_host=192.0.2.5 ansible_user=me ansible_password=secret
bad   ansible_host='192.0.2.6; reboot'
""",
    Path("inventory.ini"),
)

needs_ssh = pytest.mark.skipif(not shutil.which("ssh"), reason="needs OpenSSH's client")


def connection(name: str) -> HostConnection:
    (target,) = resolve([name], INVENTORY, Config())
    return target.connect(Config())


def test_variables_of_ansible_become_the_login() -> None:
    full = connection("full")
    assert (full.host, full.port, full.user) == ("192.0.2.2", 2222, "admin")
    assert full.login.sudo == Sudo(True, SecretValue("p w"))
    assert full.login.keys == ("/k",)
    old = connection("old")
    assert (old.host, old.port, old.user, old.login.sudo) == ("192.0.2.3", 23, "root", Sudo())
    assert connection("word").login.password == SecretValue("secret")


@needs_ssh
def test_jump_host_uses_the_keys_and_known_hosts_files_of_its_target() -> None:
    jump = connection("jump")
    assert (jump.gateway.user, jump.gateway.host, jump.gateway.port) == ("me", "gate", 2200)
    assert isinstance(jump.gateway, Connection), "its host key is checked as well"
    assert jump.login.known_hosts == jump.gateway.login.known_hosts == ("/kh",)
    assert jump.login.keys == jump.gateway.login.keys == ("/k",)
    assert jump.gateway.login.name == "jump (through me@gate:2200)"


def test_user_and_port_before_and_after_the_name_override_the_inventory() -> None:
    said = connection("admin@plain:2022")
    assert (said.host, said.port, said.user) == ("192.0.2.1", 2022, "admin")
    assert said.target.name == "plain"


def test_arguments_of_one_host_are_not_given_to_another() -> None:
    """All hosts share the configuration; no thread may write it while others read it."""
    config = Config(overrides={"connect_kwargs": {"key_filename": ["/given"]}})
    first, second = (t.connect(config) for t in resolve(["full", "old"], INVENTORY, config))
    assert (first.connect_kwargs, first.login.keys) == ({"key_filename": ["/given"]}, ("/k",))
    assert (second.connect_kwargs, second.login.keys) == ({"key_filename": ["/given"]}, ())
    assert not config._modifications


@pytest.mark.parametrize("name", ["bad", "no-such-host.invalid", "plian"])
def test_unusable_name_is_refused_and_named(name: str) -> None:
    with pytest.raises(InventoryError, match=name):
        connection(name)


@pytest.mark.parametrize("names", [[], [""], [" ", ""]])
def test_empty_names_are_refused(names: list[str]) -> None:
    with pytest.raises(InventoryError, match="no host was named"):
        resolve(names, INVENTORY, Config())
