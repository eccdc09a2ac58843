"""What the tests of verify do to a server: keep, break, and repair."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fabfile.fleet.host_connection import HostConnection
from fabfile.model import shell
from fabfile.resources import template
from tests.e2e.conftest import SandboxHost

KEPT = "/root/verify-test-kept.tar"
DOVECOT = "/etc/dovecot/dovecot.conf"
DELIVER_LOG = "/home/vmail/dovecot-deliver.log"
FILES = (
    "/etc/postfix",
    "/etc/dovecot",
    "/etc/aliases",
    "/etc/aliases.db",
    "$database_config",
    "$certificate",
    "$private_key",
    DELIVER_LOG,
)

# After a wrong password Dovecot makes the client wait, and its address even longer. Not here,
# where every case would wait; verify on a server that does is a matter of the other tests.
NO_PENALTY = """
auth_failure_delay = 0
service anvil {
    unix_listener anvil-auth-penalty {
        mode = 0
    }
}
"""


def on(box: SandboxHost, script: str) -> str:
    """Run a script on the server, up to the first command that fails; return its output."""
    return box.sh(f"exec 2>&1\nset -e\n{script}")


@contextmanager
def without_penalty(folder: Path) -> Iterator[None]:
    """Have mailfab deploy a Dovecot without a penalty: from a copy of its templates."""
    shutil.copytree(template.ROOT, folder)
    for path in (folder / "etc/dovecot").glob("dovecot-2*.conf.j2"):
        path.write_text(path.read_text() + NO_PENALTY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template, "ROOT", folder)
        template._template.cache_clear()
        yield
    template._template.cache_clear()


def keep(box: SandboxHost) -> None:
    """Keep everything that the tests break; what a run that died has kept is put back first."""
    if "kept" in on(box, f"[ ! -e {KEPT} ] || echo kept"):
        repair(box)
    log = DELIVER_LOG
    # Dovecot 2.3 crashes when a reload takes that listener away, or brings it.
    on(box, "stop dovecot")
    with box.connect() as c:
        box.deploy(c, "dovecot")
    # At each of its starts Dovecot would try for five seconds to reach whom the socket was of.
    on(box, "rm -f /var/run/dovecot/anvil-auth-penalty; restart dovecot")
    on(box, f"touch {log}; chown vmail:vmail {log}\ntar -cpPf {KEPT} {' '.join(FILES)}")


SERVICES = {
    "$database": ("$database",),
    "dovecot": ("dovecot", "$certificate", "$database"),
    # Its processes keep their connection to Dovecot's logins.
    "postfix": ("postfix", "postconf", "alias", "dovecot", "$certificate", "$database"),
}
"""What a script names that breaks a service, or something that the service holds on to."""
# Postfix's programs wait until a file of theirs is two seconds old.
COOL = "find /etc/postfix -type f -mmin -1 -exec touch -d '3 seconds ago' {} +"


def repair(box: SandboxHost, broken: str | None = None) -> None:
    """Put everything back; start anew what a script has broken, or everything."""
    services = " ".join(
        service
        for service, names in SERVICES.items()
        if broken is None or any(name in broken for name in names)
    )
    on(box, f"tar -xpPf {KEPT}")
    if services:
        on(box, f"enable {services}\nrestart {services}")


def forget(box: SandboxHost) -> None:
    """Remove what was kept, once it is back in place."""
    on(box, f"rm -f {KEPT} /root/before {OTHER} {OTHER_KEY}")


def apply(remedy: str, box: SandboxHost, c: HostConnection) -> None:
    """Run the command that a remedy ends with; a section's in this process, for its templates."""
    command = re.search(rf"fab -H {box.name} .+$", remedy)
    assert command, remedy
    for part in command[0].split(" && fab "):
        _fab(shlex.split(part.removeprefix("fab "))[2:], box, c)


def _fab(words: list[str], box: SandboxHost, c: HostConnection) -> None:
    if words[0] == "user.add":
        box.fab(*words, "--password-stdin", stdin="a long enough password\n")
    elif words[0] == "--":
        box.fab(*words)
    else:
        box.deploy(c, *(name for name in words if name != "deploy"))


OTHER, OTHER_KEY = "/etc/other.pem", "/etc/other.key"
"""A certificate that is not the configured one, and its key."""


def certificate(
    name: str, days: int, path: str = "$certificate", key_path: str = "$private_key"
) -> str:
    """Return shell that writes a new certificate for `name`, and its key, over the server's own."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    return (
        f"printf %s {shell.quote(public.decode())} >{path}\n"
        f"printf %s {shell.quote(private.decode())} >{key_path}"
    )
