"""The CentOS-6-like server of the sandbox behaves as the guide expects of CentOS 6."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import SandboxHost, new_box, only
from tests.e2e.systems import CENTOS6

pytestmark = only(CENTOS6, because="it is about the image of CentOS 6")
REPOSITORIES = "/etc/yum.repos.d/CentOS-Base.repo"


@pytest.fixture(scope="module")
def el6(server: SandboxHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHost]:
    box = new_box(f"{server.name}-bare", server.system, tmp_path_factory.mktemp("bare"))
    box.be_bare()
    yield box
    box.server.down()


def test_it_looks_like_centos_6(el6: SandboxHost) -> None:
    assert el6.sh("cat /etc/redhat-release") == "CentOS release 6.10 (Final)\n"
    el6.sh("[ ! -r /etc/os-release ]; ! command -v systemctl; ! command -v apt-get")
    assert "bash" in el6.sh("readlink -f /bin/sh")
    assert el6.fab("--", "runlevel").stdout == "N 3\n"


def test_postfix_has_mysql_only_where_the_guide_says(el6: SandboxHost) -> None:
    """Without the exclusions yum takes the newer one from [updates], which cannot ask MySQL."""
    el6.sh("yum -y --enablerepo=centosplus install postfix")
    assert "mysql" not in el6.sh("postconf -m").split()
    el6.sh("yum -y remove postfix")
    for repository in ("base", "updates"):
        el6.sh(f"sed -i '/^\\[{repository}\\]/a exclude=postfix' {REPOSITORIES}")
    el6.sh("yum -y --enablerepo=centosplus install postfix")
    assert "mysql" in el6.sh("postconf -m").split()
    el6.sh("yum -y update")
    assert "centos.plus" in el6.sh("rpm -q postfix")


def test_services_are_those_of_system_v(el6: SandboxHost) -> None:
    el6.sh("yum -y install dovecot mysql-server dovecot-mysql; chkconfig mysqld on")
    assert "3:on" in el6.sh("chkconfig --list mysqld")
    el6.sh("service mysqld start; service mysqld status")
    assert el6.sh("mysql -N -u root -e 'SELECT VERSION()'") == "5.1.73\n"


@pytest.fixture
def postfix(el6: SandboxHost) -> str:
    """The shell that a test of Postfix 2.6 begins with; Postfix is installed and runs."""
    el6.sh("rpm -q postfix || yum -y install postfix; restart postfix")
    return "unset -f postconf\n"


def test_postfix_check_and_start_do_not_see_a_broken_master_cf(
    el6: SandboxHost, postfix: str
) -> None:
    el6.sh("cp -p /etc/postfix/master.cf /root; echo 'a line too much' >>/etc/postfix/master.cf")
    try:
        el6.sh(f"{postfix}postfix check && postconf -h myhostname && postfix reload")
        el6.sh("while postfix status 2>/dev/null; do sleep 0.1; done")
        el6.sh("service postfix start || exit; sleep 2; ! postfix status")
        assert "bad transport type" in el6.sh("cat /var/log/maillog")
    finally:
        el6.sh("mv /root/master.cf /etc/postfix; restart postfix")


def test_postconf_is_that_of_postfix_2_6(el6: SandboxHost, postfix: str) -> None:
    assert "option -- M" in el6.sh(f"{postfix}postconf -M 2>&1 || :")
    el6.sh(f"{postfix}postconf -e 'x_destination_recipient_limit = 1'")
    assert "x_destination" not in el6.sh(f"{postfix}postconf -n 2>&1")
    assert "x_destination" in el6.sh("postconf -n 2>&1")
    assert el6.sh(f"{postfix}postconf -h config_directory") == "/etc/postfix\n"
    el6.sh(f"{postfix}postconf '-#' x_destination_recipient_limit")


def test_mysqld_help_accepts_an_option_with_which_the_server_does_not_start(
    el6: SandboxHost,
) -> None:
    el6.sh("rpm -q mysql-server || yum -y install mysql-server; start mysqld")
    el6.sh("cp -p /etc/my.cnf /root; printf '[mysqld]\\nno-such-option\\n' >>/etc/my.cnf")
    try:
        el6.sh("/usr/libexec/mysqld --user=mysql --help --verbose | grep '^bind-address'")
        el6.sh("! restart mysqld")
    finally:
        el6.sh("mv /root/my.cnf /etc; start mysqld")
    assert "Ver 5.1.73 " in el6.sh("/usr/libexec/mysqld --version")


def test_the_firewall_is_on_and_lets_only_ssh_in(el6: SandboxHost) -> None:
    for tables in ("iptables", "ip6tables"):
        assert "3:on" in el6.sh(f"chkconfig --list {tables}")
        accepted = el6.sh(f"{tables}-save | grep -- --dport")
        assert accepted.splitlines() == [
            "-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT"
        ]
        assert el6.sh(f"stat -c %a /etc/sysconfig/{tables}") == "600\n"
    el6.sh("iptables -I INPUT 5 -p tcp --dport 25 -j ACCEPT; service iptables save")
    el6.sh("service iptables stop; service iptables status; [ $? -eq 3 ]")
    assert "--dport" not in el6.sh("iptables-save")
    el6.sh("service iptables start; service iptables status")
    assert "--dport 25 " in el6.sh("iptables-save")
