"""The certificate of Postfix and Dovecot, and the CA of a database on another host."""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.host import SurveyedHost
from tasks.platforms import ByPlatform
from tasks.validators import LOOPBACK


@dataclass(frozen=True)
class TlsFiles:
    """The paths of certificates on a system."""

    certificate: str
    """Our own, for the mail services."""
    private_key: str
    ca_folder: str
    """The folder of trusted certificates."""


TLS_FILES = ByPlatform(
    {
        ("debian", 11): TlsFiles(
            "/etc/ssl/certs/mailfab.pem", "/etc/ssl/private/mailfab.key", "/etc/ssl/certs"
        ),
        # The guide's own names.
        ("el", 6): TlsFiles(
            "/etc/pki/dovecot/certs/dovecot.pem",
            "/etc/pki/dovecot/private/dovecot.pem",
            "/etc/pki/tls/certs",
        ),
    }
)


def certificate(host: SurveyedHost) -> tuple[str, str]:
    """Return the paths of the certificate and its key: the administrator's, or ours."""
    if "tls_cert" in host.variables:
        return host["tls_cert"], host["tls_key"]
    return TLS_FILES(host).certificate, TLS_FILES(host).private_key


def tls_check(host: SurveyedHost) -> str:
    """Return shell that fails if certificate and key do not match. The services do not check it."""
    cert, key = (shell.quote(path) for path in certificate(host))
    return (
        f"public=$(openssl x509 -in {cert} -noout -pubkey)\n"
        f'[ "$public" = "$(openssl pkey -in {key} -pubout)" ] || '
        f"{{ echo {cert} and {key} 'do not belong together' >&2; exit 1; }}"
    )


def database_ca(host: SurveyedHost) -> str | None:
    """Return the path of the CA of a database on another host; None for a local database."""
    if host["db_host"] in LOOPBACK:
        return None
    return f"{TLS_FILES(host).ca_folder}/mailfab-db-ca.pem"
