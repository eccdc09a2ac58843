"""What goes wrong before or during a deploy: one message that names it and the remedy, exit 1.

Each is made for real on a real server; none leaves a traceback or a half-made change.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fabfile.model.errors import ApplyError
from fabfile.resources import template
from tasks.platforms import SUPPORTED
from tasks.services import dovecot_dialect
from tests.e2e.conftest import STATE, SandboxHost, only
from tests.e2e.systems import DEBIAN12


@pytest.fixture(scope="module")
def strangers(server: SandboxHost) -> Iterator[SandboxHost]:
    """The server with accounts that are not root: one may do nothing, two may use sudo."""
    server.be_deployed()
    server.sh("""
        for user in plain admin asked; do
            useradd -m -s /bin/bash $user
            echo "$user:secret-$user" | chpasswd
            mkdir -p /home/$user/.ssh
            cp /root/.ssh/authorized_keys /home/$user/.ssh/
            chown -R $user /home/$user/.ssh
        done
        # CentOS 6 refuses sudo without a terminal; that message has its own test.
        echo 'Defaults:plain,admin,asked !requiretty' >/etc/sudoers.d/plain
        echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
        echo 'asked ALL=(ALL) ALL' >/etc/sudoers.d/asked
    """)
    yield server
    server.sh("for u in plain admin asked; do userdel -r $u; rm -f /etc/sudoers.d/$u; done 2>&1")
    server.write_inventory()


def refused(box: SandboxHost, *words: str, task: str = "deploy", **variables: str) -> str:
    """Deploy with these variables, which must fail with a message that holds the words."""
    box.write_inventory(**variables)
    run = box.fab(task, code=1)
    for word in (box.name, *words):
        assert word in run.stderr, f"{word!r} is not in:\n{run.stderr}"
    assert len(run.stderr.strip().splitlines()) > 1, f"no remedy in: {run.stderr}"
    return run.stderr


def test_unknown_host_key(deployed: SandboxHost, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    empty.touch()
    text = refused(deployed, "host key", "is not known", "SHA256:", ssh_known_hosts=str(empty))
    assert f"then: echo '{deployed.server.address} ssh-" in text


def test_changed_host_key(deployed: SandboxHost, tmp_path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True
    )
    key = (tmp_path / "other.pub").read_text()
    (tmp_path / "known_hosts").write_text(f"{deployed.server.address} {key}")
    refused(
        deployed,
        "has CHANGED",
        f"sed -i '1d' {tmp_path}/known_hosts",
        ssh_known_hosts=str(tmp_path / "known_hosts"),
    )


def test_hashed_names_are_known(deployed: SandboxHost, tmp_path: Path) -> None:
    hashed = tmp_path / "known_hosts"
    hashed.write_text((STATE / "known_hosts").read_text())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", hashed], check=True, capture_output=True)
    deployed.write_inventory(ssh_known_hosts=str(hashed))
    deployed.fab("status")


def test_wrong_key(deployed: SandboxHost, tmp_path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True
    )
    key = str(tmp_path / "other")
    refused(
        deployed, "rejected these keys", key, "authorized_keys", ansible_ssh_private_key_file=key
    )


def test_a_key_that_is_not_there_or_no_key(deployed: SandboxHost, tmp_path: Path) -> None:
    refused(deployed, "/no/such/key (does not exist)", ansible_ssh_private_key_file="/no/such/key")
    (tmp_path / "junk").write_text("junk\n")
    (tmp_path / "junk").chmod(0o600)
    refused(deployed, "cannot be read", ansible_ssh_private_key_file=str(tmp_path / "junk"))


def test_nothing_listens(deployed: SandboxHost, unused_port: int) -> None:
    refused(
        deployed,
        f"127.0.0.1 port {unused_port}: the connection was refused",
        ansible_host="127.0.0.1",
        ansible_port=str(unused_port),
    )


def test_not_an_ssh_server(deployed: SandboxHost) -> None:
    refused(deployed, "port 25", ansible_port="25")


def test_no_route(deployed: SandboxHost) -> None:
    """From a network namespace without any route, as from a machine whose cable is out."""
    deployed.write_inventory(ansible_host="192.0.2.1")
    subprocess.run(["ip", "netns", "add", "mailfab-noroute"], check=True)
    try:
        run = deployed.fab("deploy", code=1, prefix=("ip", "netns", "exec", "mailfab-noroute"))
    finally:
        subprocess.run(["ip", "netns", "del", "mailfab-noroute"], check=True)
    assert f"{deployed.name}: 192.0.2.1 port 22: Network is unreachable" in run.stderr


def test_a_name_that_dns_does_not_know(deployed: SandboxHost) -> None:
    refused(deployed, "no address for the name", ansible_host="no-such-host.invalid")


def test_not_root(strangers: SandboxHost) -> None:
    refused(strangers, "without root's rights", "ansible_become=yes", ansible_user="plain")


def test_sudo_that_asks_for_a_password(strangers: SandboxHost) -> None:
    refused(
        strangers,
        "sudo refused asked",
        "--prompt-for-sudo-password",
        ansible_user="asked",
        ansible_become="yes",
    )


def test_sudo_that_refuses(strangers: SandboxHost) -> None:
    refused(
        strangers,
        "sudo refused plain",
        "right to use sudo",
        ansible_user="plain",
        ansible_become_password="secret-plain",
    )
    refused(
        strangers,
        "sudo refused asked",
        "password is wrong",
        ansible_user="asked",
        ansible_become_password="wrong",
    )


@pytest.mark.parametrize("user", ["admin", "asked"])
def test_sudo_that_works(strangers: SandboxHost, user: str) -> None:
    strangers.write_inventory(ansible_user=user, ansible_become="yes")
    prompt = [] if user == "admin" else ["--prompt-for-sudo-password"]
    strangers.sh("echo '# meddled' >>/etc/dovecot/dovecot.conf")
    run = strangers.fab(*prompt, "deploy", stdin=f"secret-{user}\n")
    assert run.stdout.endswith(f"{strangers.name}: 1 changed, 0 failed\n")
    run = strangers.fab(*prompt, "deploy", stdin=f"secret-{user}\n")
    assert run.stdout.endswith(f"{strangers.name}: 0 changed, 0 failed\n")


def test_a_password_that_nopasswd_does_not_ask_for_is_no_command(strangers: SandboxHost) -> None:
    strangers.write_inventory(ansible_user="admin", ansible_become_password="touch /root/oops")
    assert strangers.fab("deploy").stdout.endswith(f"{strangers.name}: 0 changed, 0 failed\n")
    strangers.sh("test ! -e /root/oops")


def test_password_login(strangers: SandboxHost) -> None:
    login = {"ansible_user": "admin", "ansible_become": "yes", "ansible_ssh_private_key_file": ""}
    with strangers.sshd("PasswordAuthentication yes"):
        strangers.write_inventory(**login, ansible_password="secret-admin")
        strangers.fab("status")
        refused(strangers, "the password", **login, ansible_password="wrong")


@pytest.mark.parametrize(
    ("method", "setting"),
    [
        ("password", "PasswordAuthentication yes"),
        ("keyboard-interactive", "KbdInteractiveAuthentication yes"),
    ],
)
@only(DEBIAN12, because="OpenSSH 5.3 knows no AuthenticationMethods")
def test_login_with_key_and_password(strangers: SandboxHost, method: str, setting: str) -> None:
    login = {"ansible_user": "admin", "ansible_become": "yes"}
    with strangers.sshd(f"{setting}\\nAuthenticationMethods publickey,{method}"):
        strangers.write_inventory(**login, ansible_password="secret-admin")
        strangers.fab("status")
        refused(strangers, "id_ed25519; the server also wants a password", **login)
        refused(strangers, "it rejected the password", **login, ansible_password="wrong")


def test_expired_password_is_named(strangers: SandboxHost) -> None:
    strangers.sh("chage -d 0 admin")
    try:
        login = {"ansible_user": "admin", "ansible_become": "yes"}
        refused(strangers, "the password of admin has expired", "ssh -t ", **login)
    finally:
        strangers.sh('chage -d "$(date +%F)" admin')


def test_an_unsupported_system(box: SandboxHost) -> None:
    box.sh("cp -P /etc/os-release /root/was; rm -f /etc/os-release; echo ID=plan9 >/etc/os-release")
    try:
        refused(box, "is not a system that mailfab can deploy to", f"supported: {SUPPORTED}")
    finally:
        box.sh("rm /etc/os-release; [ ! -e /root/was ] || mv /root/was /etc/os-release")


def test_a_full_disk(box: SandboxHost) -> None:
    before = box.sh("""
        cp -a /etc/dovecot /root/dovecot
        mount -t tmpfs -o size=512k tmpfs /etc/dovecot
        cp -a /root/dovecot/. /etc/dovecot/
        sed -i 's/pop3_uidl_format/#&/' /etc/dovecot/dovecot.conf
        dd if=/dev/zero of=/etc/dovecot/filler bs=1k 2>/dev/null || :
        md5sum /etc/dovecot/dovecot.conf
    """)
    try:
        refused(box, "dovecot: File /etc/dovecot/dovecot.conf", "No space left", "make room")
        assert box.sh("md5sum /etc/dovecot/dovecot.conf") == before
        assert "mailfab-new" not in box.sh("ls -a /etc/dovecot")
        box.sh("rm /etc/dovecot/filler")
        assert box.fab("deploy").stdout.endswith(" changed, 0 failed\n")
    finally:
        box.sh("umount /etc/dovecot")


def test_a_state_folder_that_cannot_be_written(box: SandboxHost) -> None:
    box.sh("mount -t tmpfs -o ro tmpfs /var/lib/mailfab; echo >>/etc/dovecot/dovecot.conf")
    try:
        refused(box, "nothing could be started", "/var/lib/mailfab", "read-only")
    finally:
        box.sh("umount /var/lib/mailfab")


def test_somebody_else_is_installing(box: SandboxHost) -> None:
    """They hold the lock; we wait as long as we are told to, and say who to look for."""
    box.sh("uninstall dovecot-mysql; installing")
    who = "is installing packages: wait until it is done, or look at it (ps -fp"
    if box.system.platform.family == "el":
        who = "another program is installing"
    try:
        refused(box, "Package dovecot-mysql", "lock", who, package_lock_timeout="1")
        box.write_inventory()
        with ThreadPoolExecutor() as pool:
            deploy = pool.submit(box.fab, "deploy")
            time.sleep(3)
            assert not deploy.done()
            box.sh("rm /root/installing")
            assert "+ Package dovecot-mysql" in deploy.result().stdout
    finally:
        box.sh("rm -f /root/installing")


def test_a_package_that_is_not_to_be_had(box: SandboxHost) -> None:
    box.sh("uninstall dovecot-mysql; hide_packages")
    try:
        if box.system.platform.family == "el":
            refused(box, "dovecot-mysql is excluded by /etc/yum.conf")
        else:
            refused(box, "no source has dovecot-mysql", "/etc/apt/sources.list")
    finally:
        box.sh("show_packages")


def test_a_database_that_does_not_let_root_in(box: SandboxHost) -> None:
    box.sh("lock_root_out")
    try:
        for task in ("deploy", "plan"):
            refused(box, "mysql:", "Access denied", "/root/.my.cnf", task=task)
        box.sh("printf '[client]\\npassword=unheard-of\\n' >/root/.my.cnf; chmod 600 /root/.my.cnf")
        assert box.fab("deploy").stdout == f"{box.name}: 0 changed, 0 failed\n"
    finally:
        box.sh("let_root_in")


@pytest.mark.parametrize("broken", ["no_such_setting = x", "service {"])
def test_a_configuration_that_its_program_refuses(
    box: SandboxHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """The files come back by themselves, and the service was not touched."""
    shutil.copytree(template.ROOT, tmp_path / "templates")
    dialect = dovecot_dialect(box.system.host)
    with (tmp_path / f"templates/etc/dovecot/dovecot-{dialect}.conf.j2").open("a") as file:
        file.write(f"\n{broken}\n")
    look = "md5sum /etc/dovecot/dovecot.conf; cat /run/dovecot/master.pid"
    before = box.sh(look)
    monkeypatch.setattr(template, "ROOT", tmp_path / "templates")
    template._template.cache_clear()
    try:
        with (
            box.connect() as c,
            pytest.raises(
                ApplyError,
                match=r"(?s)does not pass its check.*restored.*Fatal: Error in configuration",
            ),
        ):
            box.deploy(c, "dovecot")
    finally:
        monkeypatch.undo()
        template._template.cache_clear()
    assert box.sh(look) == before


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"fqdn": 'mail."example.com'}, ["fqdn", "domain name"]),
        ({"fqdn": "me@example.com"}, ["fqdn", "me@example.com"]),
        ({"fqnd": "x"}, ["fqnd", "did you mean fqdn"]),
        ({"message_size_limit": "big"}, ["message_size_limit", "whole number"]),
        ({"ansible_port": "ssh"}, ["ansible_port is 'ssh'", "SSH port"]),
        ({"db_password": "env:NOT_SET_ANYWHERE"}, ["db_password", "NOT_SET_ANYWHERE"]),
        ({"tls_cert": "/etc/a.pem"}, ["tls_cert and tls_key go together"]),
        ({"db_host": "192.0.2.9"}, ["db_ca must name"]),
    ],
)
def test_a_bad_variable(deployed: SandboxHost, variables: dict[str, str], words: list[str]) -> None:
    deployed.inventory.write_text("")
    refused(deployed, *words, **variables)


def test_a_certificate_that_is_not_there(box: SandboxHost) -> None:
    refused(
        box,
        "postfix: RequiredFile /etc/a.pem",
        "is missing",
        tls_cert="/etc/a.pem",
        tls_key="/etc/b.pem",
    )
