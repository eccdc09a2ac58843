"""A stand-in for Ubuntu: a Debian server with Ubuntu's os-release, files and habits.

Ubuntu itself cannot be had here. What is seen: that the system is recognised, that the versions
installed decide the dialect, and that nothing of what a cloud image has is in the way: a user
`ubuntu` with sudo, deb822 sources, ufw, AppArmor's profiles, cloud-init's /etc/hosts, needrestart,
which would ask questions.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import SandboxHost, new_box, only
from tests.e2e.systems import DEBIAN11, DEBIAN12, DEBIAN13

RELEASES = {"debian11": "22.04", "debian12": "24.04", "debian13": "26.04"}
NAMES = {"22.04": "jammy", "24.04": "noble", "26.04": "resolute"}
pytestmark = only(DEBIAN11, DEBIAN12, DEBIAN13, because="the stand-in is made from Debian")

STAND_IN = """
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -y -q --no-install-recommends install sudo ufw needrestart rsyslog
. /etc/os-release; debian=$VERSION_CODENAME
rm /etc/os-release
cat >/etc/os-release <<END
PRETTY_NAME="Ubuntu @release@ LTS"
NAME="Ubuntu"
VERSION_ID="@release@"
VERSION_CODENAME=@name@
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=@name@
END
cat >/etc/apt/sources.list.d/ubuntu.sources <<END
# See sources.list(5). This file is managed by cloud-init.
Types: deb
URIs: http://deb.debian.org/debian/
Suites: $debian $debian-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security/
Suites: $debian-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
echo '# Ubuntu sources have moved to /etc/apt/sources.list.d/ubuntu.sources' >/etc/apt/sources.list
sed -i "s/^#\\$nrconf{restart}.*/\\$nrconf{restart} = 'i';/" /etc/needrestart/needrestart.conf
mkdir -p /etc/cloud /etc/apparmor.d /etc/ssh/sshd_config.d
printf 'preserve_hostname: false\\nmanage_etc_hosts: true\\n' >/etc/cloud/cloud.cfg
cat >/etc/hosts <<END
# Your system has configured manage_etc_hosts as True.
127.0.1.1 $(hostname).example.test $(hostname)
127.0.0.1 localhost
END
printf '/usr/sbin/mysqld {\\n}\\n' >/etc/apparmor.d/usr.sbin.mysqld
echo '# Last Modified: this profile is empty on purpose' >/etc/apparmor.d/usr.sbin.mariadbd
echo 'PasswordAuthentication no' >/etc/ssh/sshd_config.d/60-cloudimg-settings.conf
useradd -m -s /bin/bash ubuntu
cp -r /root/.ssh /home/ubuntu/ && chown -R ubuntu: /home/ubuntu/.ssh
echo 'ubuntu ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/90-cloud-init-users
ufw allow 22/tcp; ufw --force enable
systemctl reload ssh
rm -rf /var/lib/apt/lists/*
"""


@pytest.fixture(scope="module")
def ubuntu(server: SandboxHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHost]:
    """A new server that looks like Ubuntu, to the user that cloud-init makes."""
    box = new_box(f"{server.name}-ubu", server.system, tmp_path_factory.mktemp("ubuntu"))
    box.be_bare()
    release = RELEASES[str(server.system)]
    box.sh(STAND_IN.replace("@release@", release).replace("@name@", NAMES[release]))
    box.write_inventory(ansible_user="ubuntu", ansible_become="yes")
    yield box
    box.server.down()


def test_stand_in_is_deployed_twice_and_works(ubuntu: SandboxHost) -> None:
    planned = ubuntu.fab("plan", code=2)
    assert " would change" in planned.stdout
    ubuntu.fab("deploy")
    assert ubuntu.fab("deploy").stdout == f"{ubuntu.name}: 0 changed, 0 failed\n"
    assert " passed, 0 failed" in ubuntu.fab("verify").stdout
    assert "25/tcp" in ubuntu.sh("ufw status")
    # cloud-init's and needrestart's own files are as they were.
    assert "manage_etc_hosts" in ubuntu.sh("cat /etc/hosts /etc/cloud/cloud.cfg")
    assert "= 'i'" in ubuntu.sh("cat /etc/needrestart/needrestart.conf")


def test_interim_release_is_refused_before_anything_is_changed(ubuntu: SandboxHost) -> None:
    ubuntu.sh("sed -i 's/^VERSION_ID=.*/VERSION_ID=\"25.10\"/' /etc/os-release")
    for command in ("plan", "deploy", "preflight"):
        run = ubuntu.fab(command, code=1)
        assert "ID=ubuntu, VERSION_ID=25.10" in run.stderr
        assert "Ubuntu 22.04, 24.04 and 26.04" in run.stderr
