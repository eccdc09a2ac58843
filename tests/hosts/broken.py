"""What the tests of verify do to a server: keep, break, and mend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fabfile import shell
from fabfile.connection import Connection

KEPT = "/root/verify-test-kept.tar"
FILES = (
    "/etc/postfix",
    "/etc/dovecot",
    "/etc/mysql",
    "/etc/aliases",
    "/etc/aliases.db",
    "/etc/ssl/certs/mailfab.pem",
    "/etc/ssl/private/mailfab.key",
    "/home/vmail/dovecot-deliver.log",
)
SERVICES = ("mariadb", "postfix", "dovecot")


def on(c: Connection, body: str) -> str:
    """Run a script on the host; fail with what it says when it does not come to its end."""
    output = c.run_script(
        shell.script("", f"( set -e\n{body}\n) 2>&1 && echo '@done'"), private=True
    )
    assert output.endswith("@done\n"), output
    return output.removesuffix("@done\n")


def keep(c: Connection) -> None:
    """Keep everything that the tests break; what a run that died has kept is put back first."""
    if "kept" in on(c, f"[ ! -e {KEPT} ] || echo kept"):
        mend(c)
    log = FILES[-1]
    on(c, f"touch {log}; chown vmail:vmail {log}\ntar -cpPf {KEPT} {' '.join(FILES)}")


def mend(c: Connection) -> None:
    """Put everything back and start everything anew."""
    services = " ".join(SERVICES)
    on(
        c,
        f"tar -xpPf {KEPT}\nsystemctl reset-failed\nsystemctl enable -q {services}\n"
        f"systemctl restart {services}",
    )


def forget(c: Connection) -> None:
    """Remove what was kept, once it is back in place."""
    on(c, f"rm -f {KEPT} /root/before /etc/ssl/certs/other.pem /etc/ssl/private/other.key")


def certificate(name: str, days: int, path: str) -> str:
    """Return shell that writes a new certificate for `name` to a file, and its key beside it."""
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
    key_path = path.replace("/certs/", "/private/").replace(".pem", ".key")
    return (
        f"printf %s {shell.quote(public.decode())} >{path}\n"
        f"printf %s {shell.quote(private.decode())} >{key_path}"
    )
