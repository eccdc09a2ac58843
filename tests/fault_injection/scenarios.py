"""Scenarios: deploys to inject faults into, each from a snapshot on which it is quick to start.

All servers bear one name in their inventories, so that what is deployed to them is the same.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from fabfile.sandbox import image
from fabfile.sandbox.server import Server
from tests.e2e.conftest import SandboxHost
from tests.e2e.systems import CENTOS6, DEBIAN12, System
from tests.fault_injection import injection_points
from tests.fault_injection.faults import BOOTED

FQDN = "mail.example.test"
USER = "sales@shop.example"


@dataclass(frozen=True)
class Scenario:
    """A deploy: the snapshot it begins on, what is then changed there, and in the inventory."""

    name: str
    image: str
    """Nothing: it begins on the server as it is, deployed."""
    meddle: str = ":"
    variables: Mapping[str, str] = field(default_factory=dict)
    mail: str = ""
    """What must become at least, with a fault, of a message sent after it: `delivered` by the mail
    server that ran before the deploy, or `queued` until the next. Nothing: none ran."""

    def begin(self, box: SandboxHost) -> None:
        """Make the server one that this deploy is due on."""
        if not self.image:
            pass
        elif box.server.exists and box.server.image == self.image:
            box.server.reset()
        else:
            box.server.down()
            box.server = Server(box.name, self.image)
            box.system = CENTOS6 if "el6" in self.image else DEBIAN12
            box.server.up()
        box.sh(BOOTED)
        box.sh(self.meddle)
        box.write_inventory(fqdn=FQDN, **self.variables)


# Mail goes on with all of this: what is wrong is wrong in files that no process reads again.
CHANGED = """\
postconf -e 'mynetworks = 127.0.0.0/8' "inet_interfaces = 127.0.0.1 $(hostname -I)"
postconf -MX submission/inet
sed -i 's/^root:.*/root: nobody/' /etc/aliases
echo '# meddled' >>/etc/dovecot/dovecot.conf
echo '# meddled' >>/etc/postfix/mysql-virtual_transports.cf
sed -i 's/^bind-address.*/bind-address = 0.0.0.0/' /etc/mysql/mariadb.conf.d/60-mailfab.cnf
mariadb -e "GRANT DROP ON mail.* TO 'mail_reader'@'localhost'"
"""
BROKEN = """\
systemctl stop dovecot
systemctl disable -q postfix
rm /etc/ssl/certs/mailfab.pem /etc/postfix/mysql-virtual_domains.cf /etc/aliases.db
rm /root/.mail_admin.cnf
chmod 0644 /etc/dovecot/dovecot-sql.conf.ext
usermod -s /bin/sh vmail
mariadb -e 'ALTER TABLE mail.users MODIFY password varchar(20) NOT NULL; DROP TABLE mail.transport'
postconf -MX dovecot/unix
"""
SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("bare", "faults-bare"),
        Scenario("first", "faults-packages"),
        Scenario(
            "changed",
            "faults-deployed",
            CHANGED,
            {"message_size_limit": "10000000"},
            mail="delivered",
        ),
        # The database knows a new password before Postfix and Dovecot do: until then, mail waits.
        Scenario(
            "passwords",
            "faults-deployed",
            variables={"db_password": "another-one", "db_lookup_password": "another-two"},
            mail="queued",
        ),
        Scenario("broken", "faults-deployed", BROKEN),
        Scenario("el6", "faults-el6-bare"),
        Scenario("el6-first", "faults-el6-packages"),
    )
}


SAMPLE = Scenario("sample", "", CHANGED, {"message_size_limit": "10000000"}, mail="delivered")
"""What needs no snapshot."""


def prepare(box: SandboxHost, names: set[str]) -> None:
    """Make the snapshots that these scenarios begin on."""
    wanted = {SCENARIOS[name].image for name in names}
    if {"faults-bare", "faults-packages", "faults-deployed"} & wanted:
        _snapshots(box, DEBIAN12, "faults", deployed="faults-deployed" in wanted)
    if {"faults-el6-bare", "faults-el6-packages"} & wanted:
        _snapshots(box, CENTOS6, "faults-el6", deployed=False)


def _snapshots(box: SandboxHost, system: System, prefix: str, *, deployed: bool) -> None:
    names = [f"{prefix}-bare", f"{prefix}-packages"]
    box.server.down()
    for name in (*names, f"{prefix}-deployed"):
        shutil.rmtree(image.images() / name, ignore_errors=True)
    box.server, box.system = Server(box.name, system.image), system
    box.server.up()
    box.write_inventory(fqdn=FQDN)
    injection_points.install(box)
    box.server.snapshot(names[0])
    box.fab("packages")
    injection_points.install(box)
    box.server.snapshot(names[1])
    if deployed:
        box.fab("deploy")
        add_user(box)
        box.server.snapshot(f"{prefix}-deployed")
    box.server.down()


def add_user(box: SandboxHost) -> None:
    """Add the user who gets a message after each fault."""
    box.fab("domain.add", USER.partition("@")[2])
    box.fab("user.add", USER, "--password-stdin", stdin="a password\n")
