"""Files and folders of an inventory: what is read, what is named, and what is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fabric import Config

from fabfile.fleet.targets import resolve
from fabfile.model import inventory
from fabfile.model.errors import InventoryError
from fabfile.model.host import Host
from fabfile.model.inventory.data import Inventory
from fabfile.model.variables import LOGIN
from tasks.guide import GUIDE

ROOT = Path(__file__).resolve().parents[2]
VAULT = "$ANSIBLE_VAULT;1.1;AES256\n6231336539\n"


def write(folder: Path, **files: str) -> Path:
    """Write files; two underscores stand for a slash, one for a dot before an ending."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yml", ".yml").replace("_ini", ".ini")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def checked(found: Inventory, name: str) -> Host:
    return GUIDE.validate(Host.from_inventory(name, found.variables(name)))


def test_guide_variables_come_from_group_vars_and_host_vars(tmp_path: Path) -> None:
    write(
        tmp_path,
        inventory_ini="[mail]\nm ansible_host=192.0.2.1\n",
        group_vars__all_yml="submission: no\nmessage_size_limit: 1_000\nsoftware: {nginx: 1}\n",
        group_vars__mail__a_yml="mynetworks: [127.0.0.0/8, 10.0.0.0/8]\nquotas: true\n",
        host_vars__m_yml="fqdn: M.Example.org\npostmaster:\n",
    )
    found = checked(inventory.load(tmp_path / "inventory.ini"), "m")
    assert found["fqdn"] == "m.example.org"
    assert found["submission"] == "no"
    assert found["quotas"] == "yes"
    assert found["message_size_limit"] == "1000"
    assert found["mynetworks"] == "127.0.0.0/8 10.0.0.0/8"
    assert found["postmaster"] == "postmaster@example.org", "an empty value is not set"


def test_comment_and_quotes_of_a_section_of_variables() -> None:
    text = '[mail]\nm\n[mail:vars]\nansible_become=True # sudo\nfqdn="m.example.org" # name\n'
    found = inventory.parse(text, Path("inventory.ini"))
    assert checked(found, "m")["fqdn"] == "m.example.org"
    (target,) = resolve(["m"], found, Config())
    assert target.login.sudo.wanted


ODD = """
x[:5] ntp-server=1
[2001:db8::1]:2222 ansible_user='{{ u }}'
m fqdn=m.example.org
[mail:children]
web
[web]
w fqdn='{{ f }}' list='[1, {"a": 2}]'
bad=password
[all:vars]
docker={'a': {'b': []}}
secret_password={{ vault }}
"""


def test_odd_things_for_others_refuse_no_host_that_is_used() -> None:
    found = inventory.parse(ODD, Path("inventory.ini"))
    assert found.select(["m"]) == ["m"]
    assert checked(found, "m")["fqdn"] == "m.example.org"
    assert found.variables("2001:db8::1")["ansible_port"] == "2222"
    resolve(["m", "x3"], found, Config())
    with pytest.raises(
        InventoryError, match=r"2001:db8::1: ansible_user \(inventory.ini, line 3\)"
    ):
        resolve(["2001:db8::1"], found, Config())
    with pytest.raises(InventoryError, match=r"fqdn \(inventory.ini, line 8\) is a template"):
        checked(found, "w")


def test_setting_in_the_place_of_a_name_refuses_its_group_and_is_not_shown() -> None:
    found = inventory.parse(ODD, Path("inventory.ini"))
    with pytest.raises(InventoryError, match="line 9: expected a name") as error:
        found.select(["mail"])
    assert "password" not in str(error.value)
    assert "bad=password" not in found.names()
    assert "password" not in found.suggestions("nothing")


NEEDED = [
    ("ansible_password: '{{ vault_pw }}'", r"ansible_password \(.*all.yml, line 2\) is a template"),
    ("ansible_host: '{% if x %}a{% endif %}'", "ansible_host .* is a template"),
    ("ansible_ssh_common_args: '-o Port={{ p }}'", "ansible_ssh_common_args .* is a template"),
    ("ansible_become_password: !vault |\n  " + VAULT.replace("\n", "\n  "), "with Ansible Vault"),
    (f"ansible_user: {VAULT.split(maxsplit=1)[0]}", "ansible_user .* with Ansible Vault"),
    ("ansible_port: {a: 1}", "ansible_port .* holds a mapping"),
    ("ansible_ssh_extra_args: [-v]", "ansible_ssh_extra_args .* holds a list"),
    ('ansible_user: "a\\nb"', "ansible_user .* holds the control character"),
    (
        "ansible_user: !include x",
        "all.yml, line 2: ansible_user: could not determine a constructor",
    ),
]


@pytest.mark.parametrize(("line", "message"), NEEDED)
def test_login_variable_that_cannot_be_used_is_refused_by_name_and_line(
    tmp_path: Path, line: str, message: str
) -> None:
    write(tmp_path, inventory_ini="[mail]\nm\n", group_vars__all_yml=f"---\n{line}\n")
    with pytest.raises(InventoryError, match=message) as error:
        resolve(["m"], inventory.load(tmp_path / "inventory.ini"), Config())
    name = line.split(":", maxsplit=1)[0]
    good = "-v" if name.endswith("_args") else "22"
    assert error.value.host == "m"
    # The remedies: a value in host_vars, or to say that mailfab does not need the variable.
    assert f"mailfab_ignore={name}" in error.value.remedy
    write(tmp_path, inventory_ini=f"[mail]\nm mailfab_ignore={name}\n")
    resolve(["m"], inventory.load(tmp_path / "inventory.ini"), Config())
    write(tmp_path, inventory_ini="[mail]\nm\n", host_vars__m_yml=f"{name}: '{good}'\n")
    resolve(["m"], inventory.load(tmp_path / "inventory.ini"), Config())


def test_prompted_password_needs_none_in_the_inventory() -> None:
    text = "m ansible_password='{{ a }}' ansible_become=yes ansible_become_pass='{{ b }}'"
    found = inventory.parse(text, Path("inventory.ini"))
    with pytest.raises(InventoryError, match="--prompt-for-login-password"):
        resolve(["m"], found, Config())
    given: dict[str, Any] = {"connect_kwargs": {"password": "x"}}
    with pytest.raises(InventoryError, match="--prompt-for-sudo-password"):
        resolve(["m"], found, Config(overrides=given))
    resolve(["m"], found, Config(overrides={**given, "sudo": {"password": "y"}}))


GUIDE_VALUES = [
    ("fqdn: '{{ inventory_hostname }}.example.org'", "fqdn .*line 1.* is a template"),
    ("fqdn: {a: b}", "fqdn .* holds a mapping"),
    ("fqdn: m\nfqdn: nonsense", r"fqdn \(.*m.yml, line 2\) is 'nonsense'"),
    ("fqdn: m.example.org\ndb_password: !vault x", "db_password .* with Ansible Vault"),
    ("fqdn: m.example.org\nmynetworks: [[1]]", "mynetworks .* holds a list"),
]


@pytest.mark.parametrize(("text", "message"), GUIDE_VALUES)
def test_guide_variable_that_cannot_be_used_is_refused_by_name_and_line(
    tmp_path: Path, text: str, message: str
) -> None:
    write(tmp_path, inventory_ini="m", host_vars__m_yml=text)
    with pytest.raises(InventoryError, match=message):
        checked(inventory.load(tmp_path / "inventory.ini"), "m")


def test_variable_of_others_with_the_name_of_ours_can_be_ignored(tmp_path: Path) -> None:
    write(
        tmp_path,
        inventory_ini="m fqdn=m.example.org\n",
        group_vars__all_yml="hostname: web1\nfirewall: [{port: 22}]\nansible_connection: local\n"
        "db_password: no password\n",
    )
    with pytest.raises(InventoryError, match=r"firewall .*holds(.|\n)*hostname .* is 'web1'"):
        checked(inventory.load(tmp_path / "inventory.ini"), "m")
    names = "[hostname, firewall, ansible_connection, db_password]"
    write(tmp_path, host_vars__m_yml=f"mailfab_ignore: {names}\n")
    found = inventory.load(tmp_path / "inventory.ini")
    assert checked(found, "m")["hostname"] == "no"
    assert not checked(found, "m").secrets
    resolve(["m"], found, Config())


def test_text_marked_as_unsafe_is_no_template(tmp_path: Path) -> None:
    write(tmp_path, inventory_ini="m", host_vars__m_yml="ansible_password: !unsafe 'a{{b'\n")
    (target,) = resolve(["m"], inventory.load(tmp_path / "inventory.ini"), Config())
    assert target.login.password is not None
    assert target.login.password.reveal() == "a{{b"


def test_broken_file_of_variables_refuses_only_its_host(tmp_path: Path) -> None:
    write(tmp_path, inventory_ini="m\nn\n", host_vars__n_yml="a: [1\n")
    found = inventory.load(tmp_path / "inventory.ini")
    resolve(["m"], found, Config())
    with pytest.raises(InventoryError, match=r"host_vars/n.yml, line 2: "):
        resolve(["n"], found, Config())


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("inventory.sh", "#!/bin/sh\ntouch {mark}\n", "is a script, which mailfab does not run"),
        ("inventory", "#!/usr/bin/python3\nopen('{mark}', 'w')\n", "is a script"),
        ("aws_ec2.yml", "plugin: aws_ec2\nregions: [eu-west-1]\n", "the plug-in aws_ec2"),
        ("x.yml", "plugin: community.general.proxmox\n", "the plug-in community.general.proxmox"),
        ("hosts.toml", "[all.hosts]\n", "is TOML"),
        ("hosts.yml", VAULT, "is encrypted with Ansible Vault"),
        ("hosts", VAULT, "is encrypted with Ansible Vault"),
    ],
)
def test_what_is_not_read_is_named_and_never_executed(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    mark = tmp_path / "executed"
    path = executable(tmp_path / "inventory.d" / name, text.replace("{mark}", str(mark)))
    with pytest.raises(InventoryError, match=message) as error:
        inventory.load(path)
    assert str(path) in error.value.message
    assert error.value.remedy
    # In a folder, the others are read.
    write(path.parent, zz_ini="m fqdn=m.example.org")
    found = inventory.load(path.parent)
    assert list(found.hosts) == ["m"]
    (unread,) = found.unread
    assert str(path) in unread
    assert not mark.exists()


def test_executable_file_that_is_no_program_is_read(tmp_path: Path) -> None:
    """A file from a file system without permissions has all of them."""
    path = executable(tmp_path / "inventory.ini", "m fqdn=m.example.org\n")
    assert list(inventory.load(path).hosts) == ["m"]


def test_encrypted_file_of_variables_is_named(tmp_path: Path) -> None:
    write(
        tmp_path,
        inventory_ini="[mail]\nm ansible_host=192.0.2.1\nn\n",
        group_vars__all__vault_yml=VAULT,
        group_vars__all__vars_yml="fqdn: m.example.org\n",
    )
    found = inventory.load(tmp_path / "inventory.ini")
    (target,) = resolve(["m"], found, Config())
    assert GUIDE.validate(target.host)["fqdn"] == "m.example.org"
    (unread,) = target.host.unread
    assert "group_vars/all/vault.yml is encrypted with Ansible Vault" in unread
    write(tmp_path, group_vars__all__vars_yml="x: 1\n")
    with pytest.raises(InventoryError, match=r"fqdn is not set(.|\n)*vault.yml is encrypted"):
        checked(inventory.load(tmp_path / "inventory.ini"), "m")
    # The address of a host could be in its own.
    write(tmp_path, host_vars__n_yml=VAULT, host_vars__m_yml=VAULT)
    resolve(["m"], inventory.load(tmp_path / "inventory.ini"), Config())
    with pytest.raises(InventoryError, match=r"n: ansible_host may be in .*host_vars/n.yml"):
        resolve(["n"], inventory.load(tmp_path / "inventory.ini"), Config())


BOMBS = {
    "aliases": "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)),
    "merges": "a0: &a0 {b: 1}\n"
    + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 30)),
    "depth": "x: " + "[" * 50_000,
    "itself": "x: &x [*x]\n",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_hostile_yaml_for_others_is_survived(tmp_path: Path, bomb: str) -> None:
    write(tmp_path, inventory_ini="m fqdn=m.example.org", group_vars__all_yml=BOMBS[bomb])
    found = inventory.load(tmp_path / "inventory.ini")
    try:
        assert checked(found, "m")["fqdn"] == "m.example.org"
    except InventoryError as error:
        assert "all.yml" in str(error)


def test_vars_are_looked_for_beside_a_link_and_not_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "there", inventory_ini="m", group_vars__all_yml="fqdn: there.example.org\n")
    write(tmp_path / "here", group_vars__all_yml="fqdn: here.example.org\n")
    write(tmp_path / "cwd", group_vars__all_yml="domain: cwd.example.org\n")
    (tmp_path / "here" / "link.ini").symlink_to(tmp_path / "there" / "inventory.ini")
    monkeypatch.chdir(tmp_path / "cwd")
    found = inventory.load(Path("../here/link.ini"))
    assert found.variables("m") == {"fqdn": "here.example.org"}


def test_group_hides_a_host_of_its_name_and_later_address_wins() -> None:
    text = (
        "mail a=1\nm ansible_host=192.0.2.1\n[mail]\nm ansible_host=192.0.2.2\n[h.x]\nm\n[z]\nh.x"
    )
    found = inventory.parse(text, Path("inventory.ini"))
    assert found.select(["mail"]) == ["m"]
    assert found.select(["h.x"]) == ["m", "h.x"], "with a dot, both"
    assert found.variables("m")["ansible_host"] == "192.0.2.2"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("ansible_connection=local", "ansible_connection is 'local'"),
        (
            "ansible_connection=community.docker.docker",
            "ansible_connection is 'community.docker.docker'",
        ),
        ("ansible_become=yes ansible_become_method=su", "ansible_become_method is 'su'"),
        ("ansible_become=yes ansible_become_user=www", "ansible_become_user is 'www'"),
        ("ansible_become=perhaps", "ansible_become is 'perhaps'"),
    ],
)
def test_ways_that_mailfab_does_not_go_are_refused(settings: str, message: str) -> None:
    found = inventory.parse(f"m {settings}", Path("inventory.ini"))
    with pytest.raises(InventoryError, match=rf"m: {message} \(inventory.ini, line 1\)"):
        resolve(["m"], found, Config())


def test_variable_with_ssh_in_its_name_wins_as_in_ansible() -> None:
    text = (
        "m ansible_host=192.0.2.1 ansible_ssh_host=192.0.2.2 ansible_port=1 ansible_ssh_port=2 "
        "ansible_user=a ansible_ssh_user=b ansible_password=x ansible_ssh_pass=y "
        "ansible_ssh_password=z ansible_connection=ansible.builtin.ssh ansible_become_user=www"
    )
    (target,) = resolve(["m"], inventory.parse(text, Path("inventory.ini")), Config())
    login = target.login
    assert (login.host, login.port, login.user) == ("192.0.2.2", 2, "b")
    assert login.password is not None
    assert login.password.reveal() == "z"


def test_every_variable_of_the_login_is_checked() -> None:
    source = (ROOT / "fabfile" / "fleet" / "targets.py").read_text()
    assert set(re.findall(r'"(ansible_\w+[a-z])"', source)) <= {*LOGIN}


def test_plain_inventory_loads_no_yaml(tmp_path: Path) -> None:
    write(tmp_path, inventory_ini="[mail]\nm fqdn=m.example.org list='[1]'\n", hosts="m a=1\n")
    code = (
        "import sys; from pathlib import Path; from fabfile.model import inventory;"
        f"inventory.load(Path({str(tmp_path)!r}) / 'inventory.ini').variables('m');"
        f"inventory.load(Path({str(tmp_path)!r}) / 'hosts').variables('m');"
        "assert 'fabfile.model.inventory.yaml_source' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_run_names_what_it_does_not_read(tmp_path: Path) -> None:
    executable(tmp_path / "more", "#!/bin/sh\nexit 1\n")
    write(tmp_path, a_ini="m ansible_host=127.0.0.1 ansible_port=1\n")
    run = subprocess.run(
        [Path(sys.executable).with_name("fab"), "-H", "m", "--", "true"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "MAILFAB_INVENTORY": str(tmp_path)},
    )
    assert f"warning: {tmp_path / 'more'} is a script, which mailfab does not run" in run.stderr
    assert "ansible-inventory -i" in run.stderr
