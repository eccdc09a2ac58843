"""What mailfab makes of ssh's configuration, beside what the real ssh says."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from fabric import Config

from fabfile.fleet.targets import resolve
from fabfile.model.errors import InventoryError
from fabfile.model.inventory import parse
from fabfile.ssh import files, options
from fabfile.ssh.login import DEFAULT_KNOWN_HOSTS, Login
from tests.ssh.config_cases import CASES, Case

pytestmark = pytest.mark.skipif(not shutil.which("ssh"), reason="needs OpenSSH's client")

HOST = "192.0.2.10"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that is not the one of the passwd entry."""
    (tmp_path / ".ssh").mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(home: Path, case: Case) -> None:
    """Write a case's files."""
    for name, text in {".ssh/config": case.config, **case.files}.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text.replace("{home}", str(home)))


def login(variables: dict[str, str], home: Path) -> Login:
    """Return mailfab's login for a host with variables."""
    given = {"ansible_host": HOST, **variables}
    text = "m " + " ".join(shlex.quote(f"{name}={value}") for name, value in given.items())
    inventory = parse(text.replace("{home}", str(home)) + "\n", Path("inventory.ini"))
    (target,) = resolve(["m"], inventory, Config(lazy=True))
    return target.login


def answers(home: Path, host: str, arguments: tuple[str, ...]) -> dict[str, list[str]] | None:
    """Return what the real ssh prints, None if it refuses the configuration."""
    run = subprocess.run(
        ["ssh", "-F", home / ".ssh/config", "-G", *arguments, host],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    found: dict[str, list[str]] = {}
    for line in run.stdout.rstrip("\n").split("\n"):
        name, _, value = line.partition(" ")
        found.setdefault(name, []).append(value)
    return found if run.returncode == 0 else None


def compare(found: Login, said: dict[str, list[str]], home: Path, typed: str = HOST) -> None:
    """Assert that a login has, field by field, what ssh printed."""
    one = {name: values[0] for name, values in said.items()}
    replaced = {
        "%h": one["hostname"],
        "%p": one["port"],
        "%r": one["user"],
        "%n": typed,
        "%u": getpass.getuser(),
        "%i": str(os.getuid()),
        "%%": "%",
    }

    def plain(text: str) -> str:
        for token, value in replaced.items():
            text = text.replace(token, value)
        return text.replace("~/", f"{home}/")

    default = f"{files.passwd_home()}/.ssh/known_hosts"
    known = [
        f"~/.ssh/{Path(path).name}" if path in (default, f"{default}2") else path
        for name in ("userknownhostsfile", "globalknownhostsfile")
        for path in one[name].split()
        if path != "none"
    ]
    agent = one.get("identityagent", "SSH_AUTH_SOCK")
    timeout = one["connecttimeout"]
    proxy = one.get("proxycommand")
    assert {
        "host": found.host,
        "user": found.user,
        "port": found.port,
        "keys": [path.replace("~/", f"{home}/") for path in found.identity_files],
        "certificates": list(found.certificate_files),
        "only": found.identities_only,
        "agent": found.identity_agent,
        "known_hosts": list(found.known_hosts_files),
        "alias": found.host_key_alias,
        "strict": found.strict_host_key_checking,
        "proxy": found.proxy_command,
        "timeout": found.connect_timeout,
        "attempts": found.connection_attempts,
        "family": found.address_family,
        "bind": found.bind_address,
    } == {
        "host": one["hostname"],
        "user": one["user"],
        "port": int(one["port"]),
        "keys": [plain(path) for path in said["identityfile"]],
        "certificates": [plain(path) for path in said.get("certificatefile", [])],
        "only": one["identitiesonly"] == "yes",
        "agent": None if agent == "SSH_AUTH_SOCK" else agent,
        "known_hosts": known,
        "alias": one.get("hostkeyalias"),
        "strict": one["stricthostkeychecking"],
        "proxy": plain(proxy) if proxy else None,
        "timeout": None if timeout == "none" else int(timeout),
        "attempts": int(one["connectionattempts"]),
        "family": one["addressfamily"],
        "bind": one.get("bindaddress"),
    }
    usual = answers(Path("/nonexistent"), "x", ("-F", "/dev/null"))
    for field, name in {
        "host_key_algorithms": "hostkeyalgorithms",
        "ciphers": "ciphers",
        "macs": "macs",
        "kex_algorithms": "kexalgorithms",
    }.items():
        wanted = () if usual and usual[name] == said[name] else tuple(one[name].split(","))
        assert getattr(found, field) == wanted


def compare_jumps(found: Login, said: dict[str, list[str]], home: Path) -> None:
    """Assert that each jump host is what the ssh that ssh starts makes of it."""
    if "proxyjump" not in said:
        assert found.gateway is None
        return
    assert found.gateway is not None
    others, _, hop = said["proxyjump"][0].rpartition(",")
    hop = hop.removeprefix("ssh://")
    user, _, where = hop.rpartition("@")
    host, _, port = (
        where.rpartition(":") if where[-1:].isdigit() and ":" in where else (where, "", "")
    )
    host = host.strip("[]")
    words = [*(["-l", user] if user else []), *(["-p", port] if port else [])]
    inner = answers(home, host, (*words, *(["-J", others] if others else [])))
    assert inner is not None
    compare(found.gateway, inner, home, host)
    compare_jumps(found.gateway, inner, home)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_login_is_what_ssh_says(case: Case, home: Path) -> None:
    write(home, case)
    words = tuple(word.replace("{home}", str(home)) for word in case.arguments)
    said = answers(home, HOST, words)
    assert (said is None) == case.ssh_refuses
    if case.refused:
        with pytest.raises(InventoryError, match="m: ") as error:
            login(case.variables, home)
        assert case.refused in str(error.value)
        assert error.value.remedy
        return
    assert said is not None
    found = login(case.variables, home)
    compare(found, said, home)
    compare_jumps(found, said, home)


def test_jump_hosts_are_walked_in_ssh_order(home: Path) -> None:
    found = login({"ansible_ssh_common_args": "-J a,b@h2:23,c"}, home)
    chain = []
    while found.gateway:
        found = found.gateway
        chain.append((found.host, found.port))
    assert chain == [("c", 22), ("h2", 23), ("a", 22)]


@pytest.mark.parametrize("include", ["conf.d/*", "~/.ssh/conf.d/x", "conf.d/x conf.d/none"])
def test_include_is_found_below_the_home_folder(home: Path, include: str) -> None:
    (home / ".ssh/conf.d").mkdir()
    (home / ".ssh/config").write_text(f"Include {include}\nUser b\n")
    (home / ".ssh/conf.d/x").write_text(f"Host {HOST}\n User a\n UserKnownHostsFile ~/kh\n")
    found = login({}, home)
    assert found.user == "a"
    assert found.known_hosts_files[0] == f"{home}/kh"
    (home / ".ssh/conf.d/x").write_text("\n\nFoo x\n")
    with pytest.raises(InventoryError, match=rf"{home}/.ssh/conf.d/x:? line 3: .*foo"):
        login({}, home)


def test_plain_name_of_an_included_file_is_found(home: Path) -> None:
    (home / ".ssh/config").write_text("Include more\n")
    (home / ".ssh/more").write_text("Host far\n HostName 192.0.2.7\n")
    (target,) = resolve(["me@far:23"], parse("", Path("inventory.ini")), Config(lazy=True))
    assert (target.login.host, target.login.user, target.login.port) == ("192.0.2.7", "me", 23)


def test_circle_of_jump_hosts_is_refused(home: Path) -> None:
    (home / ".ssh/config").write_text("Host a\n ProxyJump b\nHost b 192.*\n ProxyJump a\n")
    with pytest.raises(InventoryError, match="goes round in a circle"):
        login({}, home)


def test_ssh_is_not_asked_where_no_configuration_could_matter(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    (home / "system").write_text(
        "# x\nHost *\n SendEnv LANG\n Include none/*\n HashKnownHosts yes\n"
    )
    monkeypatch.setattr(files, "SYSTEM", home / "system")
    (home / ".ssh/config").write_text("# nothing\n\n")
    found = login({"ansible_ssh_args": "-C"}, home)
    assert (found.host, found.user, found.known_hosts_files) == (HOST, None, DEFAULT_KNOWN_HOSTS)
    for file in ("system", ".ssh/config"):
        (home / file).write_text("ProxyJump gate\n")
        with pytest.raises(InventoryError, match="ssh, which has to read them, is not installed"):
            login({}, home)
        (home / file).write_text("")
    with pytest.raises(InventoryError, match="ansible_ssh_common_args has settings"):
        login({"ansible_ssh_common_args": "-Jgate"}, home)


def test_system_configuration_counts_behind_the_user_s(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "etc").mkdir()
    (home / "etc/more").write_text("Port 99\nUser b\n")
    (home / "etc/system").write_text("Include more\n")
    monkeypatch.setattr(files, "SYSTEM", home / "etc/system")
    (home / ".ssh/config").write_text("Host *\n User a\n")
    found = login({}, home)
    assert (found.user, found.port) == ("a", 99)


def test_methods_that_are_switched_off_are_not_tried(home: Path) -> None:
    (home / ".ssh/config").write_text("PubkeyAuthentication no\n")
    found = login({"ansible_password": "x", "ansible_ssh_private_key_file": "/k"}, home)
    assert (found.keys, found.identity_files, found.identity_agent) == ((), ("none",), "none")
    assert found.password
    (home / ".ssh/config").write_text("PreferredAuthentications publickey\n")
    assert login({"ansible_password": "x"}, home).password is None


def test_every_option_that_ssh_prints_is_in_one_table() -> None:
    tables = (set(options.USED), set(options.HARMLESS), set(options.REFUSED))
    assert not (tables[0] & tables[1] | tables[0] & tables[2] | tables[1] & tables[2])
    run = subprocess.run(
        ["ssh", "-G", "-F", "/dev/null", "x"], capture_output=True, text=True, check=True
    )
    printed = {line.split()[0].lower() for line in run.stdout.splitlines()}
    assert not printed - set().union(*tables)
    assert all(options.HARMLESS.values())


def test_option_of_a_newer_ssh_is_refused_unless_it_has_its_default() -> None:
    default = {"future": ("no",)}
    assert options.refused({"future": ("no",)}, default) is None
    assert options.refused({"checkhostip": ("yes",)}, {"checkhostip": ("yes",)}) is None
    found = options.refused({"future": ("yes",)}, default)
    assert found
    assert "future is 'yes'" in found[0]
