"""What only a CentOS 6 asks for: where Postfix comes from, dead mirrors, root's password, sudo."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import SandboxHost, new_box, only
from tests.e2e.systems import CENTOS6

pytestmark = only(CENTOS6, because="it is about what no other system has")

REPO = "/etc/yum.repos.d/CentOS-Base.repo"
EXCLUDED = f"grep -c '^exclude=postfix$' {REPO} || :"
HERE = "file:///var/lib/centos/6"
HIDE = "mv /var/lib/centos/6 /var/lib/centos/hidden"
MIRRORS_ARE_DEAD = f"sed -i 's,^#mirrorlist=,mirrorlist=,; s,^baseurl=,#baseurl=,' {REPO}"


def a_server(server: SandboxHost, folder: Path, image: str, suffix: str) -> Iterator[SandboxHost]:
    box = new_box(f"{server.name}-{suffix}", server.system, folder, image)
    box.be_bare()
    yield box
    box.server.down()


@pytest.fixture
def bare(server: SandboxHost, tmp_path: Path) -> Iterator[SandboxHost]:
    """A new server whose CentOS Plus has the Postfix with MySQL."""
    yield from a_server(server, tmp_path, "el6", "b")


@pytest.fixture
def stock(server: SandboxHost, tmp_path: Path) -> Iterator[SandboxHost]:
    """A new server whose [base] has the Postfix with MySQL, and CentOS Plus none."""
    yield from a_server(server, tmp_path, "el6-stock", "s")


@pytest.fixture(scope="module")
def el6(server: SandboxHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHost]:
    """A deployed server."""
    for box in a_server(server, tmp_path_factory.mktemp("el6"), "el6", "e"):
        box.fab("deploy")
        yield box


def test_postfix_comes_from_centos_plus(bare: SandboxHost) -> None:
    plan = bare.fab("packages.plan", code=2).stdout
    assert "+ Package postfix from [centosplus]" in plan
    assert "Exclusion of postfix in [updates]" in plan
    assert "because the Postfix of [base] cannot read MySQL tables" in plan
    bare.fab("packages")
    assert "centos.plus" in bare.sh("rpm -q postfix")
    assert bare.sh(EXCLUDED) == "2\n"
    assert "0 changed" in bare.fab("packages").stdout


def test_a_postfix_without_mysql_is_replaced_by_one_that_is_older(bare: SandboxHost) -> None:
    bare.sh("yum -y install postfix; rpm -q postfix | grep 2.6.6-9")
    plan = bare.fab("packages.plan", code=2).stdout
    assert "~ Postfix with mysql tables: supported no → yes" in plan
    bare.fab("packages")
    assert "2.6.6-8.el6.centos.plus" in bare.sh("rpm -q postfix")
    assert "mysql" in bare.sh("postconf -m").split()
    assert "0 changed" in bare.fab("packages").stdout


def test_where_base_can_do_it_exclusions_go(stock: SandboxHost) -> None:
    stock.sh(
        f"sed -i -e '/^.base.$/a exclude=kernel postfix' -e '/^.updates.$/a exclude=postfix' {REPO}"
    )
    plan = stock.fab("packages.plan", code=2).stdout
    assert "- Exclusion of postfix in [base]" in plan
    assert "exclude kernel postfix → kernel" in plan
    assert "should get its updates" in plan
    assert "+ Package postfix\n" in plan
    stock.fab("deploy")
    assert stock.sh(EXCLUDED) == "0\n"
    assert stock.sh(f"grep ^exclude {REPO}") == "exclude=kernel\n"
    assert "el6.x86_64" in stock.sh("rpm -q postfix")
    assert stock.fab("deploy").stdout == f"{stock.name}: 0 changed, 0 failed\n"
    assert " passed, 0 failed" in stock.fab("verify").stdout


def test_no_repository_has_a_postfix_with_mysql(bare: SandboxHost) -> None:
    bare.sh("rm -rf /var/lib/centos/6/centosplus/x86_64/Packages/p*; yum clean all")
    bare.sh(f"sed -i 's,/centosplus/,/contrib/,' {REPO}; yum clean all")
    error = bare.fab("packages", code=1).stderr
    assert "neither [base] nor [centosplus] has a Postfix with MySQL" in error
    assert "vault_url" in error


def test_mirrors_that_are_gone(bare: SandboxHost) -> None:
    """Named up front; with the vault, or a copy of it, the deploy goes through."""
    bare.sh(MIRRORS_ARE_DEAD)
    for task in ("plan", "deploy"):
        error = bare.fab(task, code=1).stderr
        assert "the repositories of CentOS release 6.10 (Final) do not answer" in error
        assert "vault_url=public" in error
    before = bare.sh(f"md5sum {REPO}")
    bare.write_inventory(vault_url="file:///no/such/copy")
    error = bare.fab("deploy", code=1).stderr
    assert "file:///no/such/copy/os/x86_64/repodata/repomd.xml cannot be fetched" in error
    assert bare.sh(f"md5sum {REPO}") == before
    bare.write_inventory(vault_url=HERE)
    assert "BaseUrl of [base]" in bare.fab("plan", code=2).stdout
    bare.fab("packages")
    assert "centos.plus" in bare.sh("rpm -q postfix")
    text = bare.sh(f"cat {REPO}")
    assert text.count("\n#mirrorlist=") == 5 - text.count("\nmirrorlist=")
    assert text.count(f"\nbaseurl={HERE}/") == 4
    assert "0 changed" in bare.fab("packages").stdout


def test_a_run_that_died_before_roots_password_was_set(el6: SandboxHost) -> None:
    """The file has it, the server does not: root is not locked out, and the next run sets it."""
    password = el6.sh("sed -n 's/^password = //p' /root/.my.cnf").strip()
    assert len(password) > 20
    el6.sh("mysql -e \"SET PASSWORD FOR root@localhost = ''\"")
    assert "would change" in el6.fab("mysql.plan", code=2).stdout
    run = el6.fab("mysql")
    assert run.stdout.endswith(f"{el6.name}: 1 changed, 0 failed\n")
    assert password not in run.stdout + run.stderr
    assert "Access denied" in el6.sh("mysql --password= -e 'SELECT 1' 2>&1 || :")
    assert el6.sh("mysql -Ne 'SELECT 1'") == "1\n"


def test_a_root_without_a_password_and_without_a_file(el6: SandboxHost) -> None:
    el6.sh("mysql -e \"SET PASSWORD FOR root@localhost = ''\"; rm /root/.my.cnf")
    el6.fab("mysql")
    assert el6.sh("stat -c '%U %a' /root/.my.cnf") == "root 600\n"
    assert el6.sh("mysql -Ne 'SELECT 1'") == "1\n"
    assert el6.fab("deploy").stdout == f"{el6.name}: 0 changed, 0 failed\n"


def test_a_client_configuration_of_roots_own_stays(el6: SandboxHost) -> None:
    el6.sh("mysql -e \"SET PASSWORD FOR root@localhost = ''\"")
    el6.sh("printf '[mysql]\\nprompt=ours\\n' >/root/.my.cnf; chmod 644 /root/.my.cnf")
    el6.fab("mysql")
    assert "prompt=ours" in el6.sh("cat /root/.my.cnf")
    assert el6.sh("stat -c '%U %a' /root/.my.cnf") == "root 600\n"
    assert el6.fab("deploy").stdout == f"{el6.name}: 0 changed, 0 failed\n"


def test_root_gets_a_generated_password(el6: SandboxHost) -> None:
    el6.sh("mysql -e \"SET PASSWORD FOR root@localhost = PASSWORD('unheard-of')\"")
    el6.sh("mv /root/.my.cnf /root/kept")
    try:
        error = el6.fab("deploy", code=1).stderr
        assert "Access denied" in error
        assert "/root/.my.cnf" in error
    finally:
        el6.sh("mv /root/kept /root/.my.cnf; printf '[client]\\npassword=unheard-of\\n' >/root/x")
        el6.sh(
            "mysql --defaults-file=/root/x -e \"SET PASSWORD FOR root@localhost = ''\"; rm /root/x"
        )
        el6.fab("deploy")


def test_sudo_that_wants_a_terminal(el6: SandboxHost) -> None:
    """CentOS 6's sudoers has Defaults requiretty."""
    el6.sh("""
        useradd -m admin; mkdir /home/admin/.ssh
        cp /root/.ssh/authorized_keys /home/admin/.ssh/; chown -R admin /home/admin/.ssh
        echo 'admin ALL=(ALL) NOPASSWD: ALL' >>/etc/sudoers
    """)
    el6.write_inventory(ansible_user="admin", ansible_become="yes")
    error = el6.fab("deploy", code=1).stderr
    assert "must have a tty" in error
    assert "Defaults:admin !requiretty" in error
    el6.sh("echo 'Defaults:admin !requiretty' >>/etc/sudoers")
    assert el6.fab("deploy").stdout == f"{el6.name}: 0 changed, 0 failed\n"
    el6.write_inventory()


def test_somebody_else_is_installing(el6: SandboxHost) -> None:
    """A yum that waits for its answer holds the lock; we wait as long as we are told to."""
    el6.sh("rpm -e --nodeps dovecot-mysql")
    el6.sh("""
        touch /root/thinking
        setsid sh -c '
            while [ -e /root/thinking ]; do sleep 0.1; done | yum install telnet
        ' >/dev/null 2>&1 </dev/null &
        until [ -s /var/run/yum.pid ]; do sleep 0.1; done
    """)
    el6.write_inventory(package_lock_timeout="1")
    error = el6.fab("packages", code=1).stderr
    assert "the lock of yum is held" in error
    assert "another program is installing" in error
    el6.write_inventory()
    answer = threading.Timer(3, el6.sh, ["rm /root/thinking"])
    answer.start()
    assert "+ Package dovecot-mysql" in el6.fab("packages").stdout
    el6.sh("! ls /root/thinking")
    answer.join()


def test_it_comes_up_after_a_reboot(el6: SandboxHost) -> None:
    el6.server.poweroff()
    el6.server.boot()
    el6.sh("settle; service mysqld status && service dovecot status")
    assert el6.fab("deploy").stdout == f"{el6.name}: 0 changed, 0 failed\n"
    assert " passed, 0 failed" in el6.fab("verify").stdout
