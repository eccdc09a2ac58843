"""The systems that the host tests run on, and the words by which a test says what to do there.

A test's script is the same on all of them. It begins with the system's own shell functions (`stop`,
`sql`, `uninstall`, …) and with variables for its own names (`$database`, `$certificate`, …).
"""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.host import Host, Platform, SurveyedHost
from fabfile.model.redact import SecretValue
from tasks.guide import GUIDE
from tasks.mysql import DATABASE_NAMES, DatabaseNames
from tasks.tls import TLS_FILES


@dataclass(frozen=True)
class System:
    """A system: the sandbox's image of it, what it has on offer, and its words for scripts."""

    image: str
    platform: Platform
    functions: str
    firewall: bool = False
    """Whether a new server has one that is on."""

    def __str__(self) -> str:
        return self.image

    @property
    def host(self) -> SurveyedHost:
        """A host like the one under test, for the names of its resources."""
        host = GUIDE.validate(Host("test", {"fqdn": "test.example.test"}))
        return host.surveyed(self.platform, {s.name: SecretValue("x") for s in GUIDE.secrets})

    @property
    def database(self) -> DatabaseNames:
        """What the system calls its database server."""
        return DATABASE_NAMES(self.host)

    @property
    def words(self) -> str:
        """The shell that every script of a test begins with."""
        tls = TLS_FILES(self.host)
        variables = {
            "database": self.database.service,
            "database_config": self.database.config,
            "database_certificate": self.database.certificate,
            "certificate": tls.certificate,
            "private_key": tls.private_key,
        }
        settings = "".join(f"{name}={shell.quote(value)}\n" for name, value in variables.items())
        return f"{settings}{self.functions}"


# stop, start, restart, enable, disable SERVICE…; settle: wait for the end of the boot
# sql STATEMENT [DATABASE]: as the database's root, its answer without a headline
# lock_root_out, let_root_in: of the database, by a password that mailfab does not know
# uninstall PACKAGE: it alone, even if other packages need it, leaving all services as they are
# installing: have another program install something, for as long as /root/installing exists
# hide_packages, show_packages: have the package manager find nothing that could be installed
# reload_sshd; forget_logins; logins: what sshd has logged since
DEBIAN = """\
stop() { systemctl stop "$@"; }
start() { systemctl reset-failed "$@"; systemctl start "$@"; }
restart() { systemctl reset-failed "$@"; systemctl restart "$@"; }
enable() {
    # Where they are enabled already, this takes a tenth of the time.
    for service do systemctl -q is-enabled "$service" || systemctl -q enable "$service"; done
}
disable() { systemctl -q disable "$@"; }
settle() { systemctl is-system-running --wait || :; }
sql() { mariadb -N -e "$@"; }
lock_root_out() { sql "ALTER USER root@localhost IDENTIFIED BY 'unheard-of'"; }
let_root_in() {
    mariadb -punheard-of -e 'ALTER USER root@localhost IDENTIFIED VIA unix_socket'
    rm -f /root/.my.cnf
}
uninstall() { dpkg --force-depends --no-triggers --remove "$1"; }
installing() {
    touch /root/installing
    hold='touch /root/begun; while [ -e /root/installing ]; do sleep 0.1; done'
    setsid apt-get install --reinstall -y -o DPkg::Pre-Invoke::="$hold" less \\
        >/dev/null 2>&1 </dev/null &
    while [ ! -e /root/begun ]; do sleep 0.1; done
    rm /root/begun
}
hide_packages() {
    mkdir /root/apt
    mv /etc/apt/sources.list* /var/lib/apt/lists /root/apt
}
show_packages() {
    rm -rf /var/lib/apt/lists
    mv /root/apt/lists /var/lib/apt
    mv /root/apt/* /etc/apt/
    rmdir /root/apt
}
reload_sshd() { systemctl reload ssh; }
forget_logins() { journalctl --rotate; journalctl --vacuum-time=1s; }
logged() { journalctl -o cat -t sshd -t sshd-session; }
logins() { until logged | grep -q Accepted; do sleep 0.1; done; sleep 0.5; logged; }
"""

EL6 = """\
each() { for service do service "$service" $verb >/dev/null 2>&1 </dev/null || return; done; }
stop() { verb=stop; each "$@"; }
# Postfix 2.6's init script does not wait for the master process.
up() {
    case " $* " in *" postfix "*) ;; *) return ;; esac
    for try in 1 2 3 4 5 6 7 8 9 10; do
        ! postfix status 2>/dev/null || break
        sleep 0.1
    done
}
start() { verb=start; each "$@" && up "$@"; }
restart() { verb=restart; each "$@" && up "$@"; }
# The later version behind the one on the path, which can edit master.cf.
postconf() { /usr/libexec/postfix/postconf "$@"; }
enable() { for service do chkconfig "$service" on || return; done; }
disable() { for service do chkconfig "$service" off || return; done; }
settle() { while pidof -x /etc/rc.d/rc >/dev/null; do sleep 0.1; done; }
sql() { mysql -N -e "$@"; }
lock_root_out() { sql "SET PASSWORD FOR root@localhost = PASSWORD('unheard-of')"; }
let_root_in() {
    mysql -punheard-of -e "SET PASSWORD FOR root@localhost = PASSWORD('')"
    rm -f /root/.my.cnf
}
uninstall() {
    # Without the service's own scripts, and leaving what was configured, as Debian's does.
    configured=$(rpm -qc "$1")
    rpm -e --nodeps --noscripts "$1"
    for file in $configured; do [ ! -e "$file.rpmsave" ] || mv "$file.rpmsave" "$file"; done
}
installing() {
    touch /root/installing
    ( while [ -e /root/installing ]; do sleep 0.1; done ) >/dev/null 2>&1 </dev/null &
    mkdir -p /var/lib/dnf
    for lock in /var/run/yum.pid /var/lib/dnf/rpmdb_lock.pid; do printf %s $! >$lock; done
}
hide_packages() { cp -p /etc/yum.conf /root; sed -i '/^.main/a exclude=*' /etc/yum.conf; }
show_packages() { mv /root/yum.conf /etc; }
reload_sshd() { service sshd reload >/dev/null 2>&1; }
forget_logins() { : >/var/log/secure; : >/var/log/messages; }
logged() { cat /var/log/secure /var/log/messages; }
logins() { until logged | grep -q Accepted; do sleep 0.1; done; sleep 0.5; logged; }
"""


def debian(release: str, postfix: str, dovecot: str) -> System:
    """Return a release of Debian, with its versions of Postfix and Dovecot."""
    versions = {"postfix": postfix, "dovecot-core": dovecot}
    return System(f"debian{release}", Platform("debian", release, versions=versions), DEBIAN)


DEBIAN11 = debian("11", postfix="3.5.25", dovecot="1:2.3.13")
DEBIAN12 = debian("12", postfix="3.7.11", dovecot="1:2.3.19.1")
DEBIAN13 = debian("13", postfix="3.10.5", dovecot="1:2.4.1")
CENTOS6 = System(
    "el6",
    Platform(
        "el",
        "6.10",
        init="sysv",
        package_manager="yum",
        versions={"postfix": "2:2.6.6", "dovecot": "1:2.0.9", "mysql-server": "5.1.73"},
    ),
    EL6,
    firewall=True,
)

SYSTEMS = {system.image: system for system in (DEBIAN11, DEBIAN12, DEBIAN13, CENTOS6)}
DEFAULT = "debian12,el6"
