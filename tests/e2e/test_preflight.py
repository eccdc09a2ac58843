"""States of a server that people really have: refused before anything is changed, or no hindrance.

One bare server, on which each refusal must leave everything as it is; in the end it is deployed
in all the states at once that should be no hindrance.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import SandboxHost, new_box, only
from tests.e2e.systems import DEBIAN12

pytestmark = only(DEBIAN12, because="the rules look at what every system has in the same way")

LOOK = """
dpkg-query -W | md5sum
find /etc -xdev -type f ! -name '*-' -exec md5sum {} + | sort; ls /var/lib/mailfab 2>&1 || :
"""
# A program of the server's own that takes a port, and says so when it has it.
TAKE = """
setsid perl -MIO::Socket::INET -e '
    $s = IO::Socket::INET->new(LocalAddr => "{address}", LocalPort => {port}, Listen => 5) or die;
    while ($c = $s->accept) {{ print $c "220 hello\\r\\n"; close $c }}
' </dev/null >/dev/null 2>&1 &
until ss -ltn | grep -q ':{port} '; do sleep 0.1; done
"""
RELEASE = "pkill -x perl"
OTHER_CLOCK = """
printf '#!/bin/sh\\necho 86400\\n' >/usr/local/bin/date; chmod 755 /usr/local/bin/date
"""
FULL = """
mount -t tmpfs -o size=1m tmpfs /var/log; dd if=/dev/zero of=/var/log/x bs=1k 2>/dev/null || :
"""
REFUSED = {
    "a numeric host name": ("hostname 12345", "hostname $NAME", ["host name", "hostnamectl"]),
    "user 5000 is somebody": (
        "useradd -N -g nogroup -u 5000 ruth",
        "userdel ruth",
        ["user 5000: the number belongs to ruth", "usermod -u NUMBER ruth"],
    ),
    "group 5000 is somebody's": (
        "groupadd -g 5000 staff2",
        "groupdel staff2",
        ["group 5000: the number belongs to staff2", "groupmod -g"],
    ),
    "port 25 is taken": (
        TAKE.format(address="0.0.0.0", port=25),
        RELEASE,
        ["port 25: perl listens there (0.0.0.0)"],
    ),
    "port 3306 is taken": (
        TAKE.format(address="127.0.0.1", port=3306),
        RELEASE,
        ["port 3306: perl listens there (127.0.0.1)"],
    ),
    "port 993 is taken": (
        TAKE.format(address="0.0.0.0", port=993),
        RELEASE,
        ["port 993: perl listens there"],
    ),
    "a full file system": (FULL, "umount /var/log", ["disk: /var/log has", "make room"]),
    "a full /tmp": (
        "mount -t tmpfs -o size=1m tmpfs /tmp; dd if=/dev/zero of=/tmp/x bs=1k 2>/dev/null || :",
        "umount /tmp",
        ["disk: /tmp has"],
    ),
    "a read-only /etc": (
        "mount --bind /etc /etc; mount -o remount,ro,bind /etc",
        "umount /etc",
        ["folders: /etc cannot be written", "read-only"],
    ),
    "a clock in 1970": (OTHER_CLOCK, "rm /usr/local/bin/date", ["clock:", "behind this machine's"]),
    "a masked service": (
        "systemctl -q mask postfix",
        "systemctl -q unmask postfix",
        ["postfix.service is masked", "systemctl unmask postfix.service"],
    ),
    "a package on hold": (
        "apt-get -q update; apt-mark hold postfix",
        "apt-mark unhold postfix",
        ["postfix is on hold", "apt-mark unhold postfix"],
    ),
    "a process of a vmail with another number": (
        "useradd -u 1234 vmail; su -s /bin/sh vmail -c 'sleep 300' >/dev/null 2>&1 </dev/null &\n"
        "until pgrep -u 1234 sleep; do sleep 0.1; done",
        "pkill -u 1234; while pgrep -u 1234; do sleep 0.1; done; userdel vmail",
        ["user vmail: it has to change, and has processes:", "sleep ("],
    ),
    "no flock": (
        "mv /usr/bin/flock /usr/bin/flock.away",
        "mv /usr/bin/flock.away /usr/bin/flock",
        ["programs: there is no flock"],
    ),
}
NO_HINDRANCE = """
export DEBIAN_FRONTEND=noninteractive
apt-get -q update; apt-get -y -q --no-install-recommends install fish
usermod -s /usr/bin/fish root
useradd -u 1234 -m -d /home/vmail vmail
echo mine >/home/vmail/mine; chown vmail: /home/vmail/mine
cd /tmp; apt-get -q download ed; dpkg --unpack ./ed_*.deb
dpkg-query -W -f '${Status}' ed | grep unpacked
mount -t tmpfs -o noexec tmpfs /tmp
sed -i "/$(hostname)/d" /etc/hosts
sysctl -qw net.ipv6.conf.all.disable_ipv6=1
printf '#!/bin/sh\n[ "$2" = stop ] || exit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
cd /etc/apt/sources.list.d
echo 'deb http://deb.debian.org/no-such-archive stable main' >forbidden.list
echo 'debb this is no source' >broken.list
printf 'Types: deb\nURIs: http://x.example\n' >broken.sources
printf 'umask 077\\necho a banner; echo more of it >&2\\nexport LC_ALL=de_DE.UTF-8\\n' |
    tee /root/.bashrc >/root/.profile
printf 'de_DE.UTF-8 UTF-8\\n' >>/etc/locale.gen; echo 'LANG=de_DE.UTF-8' >/etc/default/locale
"""


@pytest.fixture(scope="module")
def bare(server: SandboxHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHost]:
    """A new server."""
    box = new_box(f"{server.name}-pre", server.system, tmp_path_factory.mktemp("pre"))
    box.be_bare()
    yield box
    box.server.down()


@pytest.mark.parametrize("state", REFUSED)
def test_refused_before_anything_is_changed(bare: SandboxHost, state: str) -> None:
    breaks, repairs, words = REFUSED[state]
    before = bare.sh(LOOK)
    bare.sh(breaks)
    try:
        run = bare.fab("deploy", code=1)
        looked = bare.fab("preflight", code=1).stdout
    finally:
        bare.sh(repairs.replace("$NAME", bare.name))
    for word in ("nothing was changed", *words):
        assert word in run.stderr, f"{word!r} is not in:\n{run.stderr}"
    assert "FAIL" in looked
    assert looked.endswith(", 1 failed\n")
    assert run.stdout == f"{bare.name}: 0 changed, 1 failed\n"
    assert bare.sh(LOOK) == before


def test_a_server_that_is_fit(bare: SandboxHost) -> None:
    assert bare.fab("preflight").stdout.endswith(f"{bare.name}: 12 passed, 0 failed\n")


def test_mail_that_may_not_go_out(bare: SandboxHost) -> None:
    """Providers close outgoing port 25 on new accounts. Only preflight looks, and only warns."""
    assert (
        "outgoing mail: gmail-smtp-in.l.google.com has no address" in bare.fab("preflight").stdout
    )
    known = "echo '{} gmail-smtp-in.l.google.com' >>/etc/hosts"
    bare.sh(known.format(bare.server.address.replace("127.77", "10.77")))
    looked = bare.fab("preflight").stdout
    assert "warn  outgoing mail: no connection to port 25" in looked
    assert "support" in looked
    bare.sh(TAKE.format(address="0.0.0.0", port=25))
    looked = bare.fab("preflight", code=1).stdout
    assert "ok    outgoing mail: port 25" in looked
    bare.sh(f"{RELEASE}; sed -i '/gmail/d' /etc/hosts")


def test_a_mail_program_of_the_systems_own(bare: SandboxHost) -> None:
    """Debian's exim serves the host alone: Postfix replaces it. Open to others, it stays."""
    bare.sh("""
        export DEBIAN_FRONTEND=noninteractive
        apt-get -q update; apt-get -y -q --no-install-recommends install exim4-daemon-light
        ss -ltnp | grep '127.0.0.1:25 .*exim4'
        sed -i "s/^dc_local_interfaces=.*/dc_local_interfaces=''/" /etc/exim4/update-exim4.conf.conf
        update-exim4.conf; systemctl restart exim4
        until ss -ltn | grep -q '0.0.0.0:25'; do sleep 0.1; done
    """)
    assert "port 25: exim4 listens there" in bare.fab("deploy", code=1).stderr
    bare.sh("""
        sed -i "s/^dc_local_interfaces=.*/dc_local_interfaces='127.0.0.1'/" \\
            /etc/exim4/update-exim4.conf.conf
        update-exim4.conf; systemctl restart exim4
    """)


def test_what_is_no_hindrance(bare: SandboxHost) -> None:
    """/tmp without exec, no name in /etc/hosts, no IPv6, a umask, a banner, another language.

    And a login shell that is none of POSIX's, a vmail with another number and files of its own, and
    a package that dpkg has left half-way; package sources that fail or that apt cannot read, and a
    policy-rc.d that lets packages start nothing.
    """
    bare.sh(NO_HINDRANCE)
    run = bare.fab("deploy")
    for word in ("forbidden.list:1", "broken.list", "broken.sources", "policy-rc.d"):
        assert word in run.stdout + run.stderr
    bare.sh("rm /etc/apt/sources.list.d/broken.* /usr/sbin/policy-rc.d")
    owner = bare.sh("stat -c '%U %u %G %g' /home/vmail/mine; cat /home/vmail/mine")
    assert owner == "vmail 5000 vmail 5000\nmine\n"
    assert bare.sh("dpkg-query -W -f '${db:Status-Status}' ed") == "installed"
    assert bare.fab("deploy").stdout == f"{bare.name}: 0 changed, 0 failed\n"
    assert " passed, 0 failed" in bare.fab("verify").stdout
    assert "exim4" not in bare.sh(
        "dpkg-query -W -f '${Package} ${db:Status-Status}\\n' | grep ' installed'"
    )
