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
