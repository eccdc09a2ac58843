"""A self-signed TLS certificate, for a server whose administrator provides none."""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State
from fabfile.model.resource import Resource
from fabfile.model.system import STATE_DIR

DAYS = 3650
"""Validity of a new certificate, in days. The guide's expires unnoticed after one year."""
RENEWAL_DAYS = 30
"""A certificate that expires sooner is replaced, in days."""


def _parse_certificates(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for line in lines:
        if line.startswith("= "):
            lasting, matching, modes, name, certificate = line[2:].split(" ", 4)
            found[certificate] = {
                "name": name,
                "lasting": lasting == "yes",
                "key matches": matching == "yes",
                "key": modes,
            }
    return found


MADE = f"{STATE_DIR}/certificates"
"""The host's list of pairs that mailfab made: digest, time of expiry (epoch seconds), name."""

CERTIFICATE = Fact(
    "certificate",
    f"made_file={MADE} renewal={RENEWAL_DAYS * 86400}\n"
    + shell.program(__file__, "certificate.sh"),
    _parse_certificates,
    lane="services",
)


@dataclass(frozen=True)
class SelfSignedCertificate(Resource):
    """A certificate and its private key, for one host name. RSA: every client supports it."""

    fact = CERTIFICATE
    certificate: str
    private_key: str
    name: str
    owner: str = "root"
    """The user that reads the key."""

    @property
    def key(self) -> str:
        return f"{self.certificate} {self.private_key}"

    @property
    def title(self) -> str:
        return f"SelfSignedCertificate {self.certificate}"

    def desired(self) -> State:
        return {"name": self.name, "lasting": True, "key matches": True, "key": f"{self.owner}:600"}

    def fix(self) -> str:
        certificate, key = shell.quote(self.certificate), shell.quote(self.private_key)
        # OpenSSL before 1.1.1 has no `-addext`; it needs a configuration file.
        config = (
            "[req]\ndistinguished_name = dn\nx509_extensions = ext\nprompt = no\n"
            f"[dn]\nCN = {self.name[:64]}\n"  # X.520's limit; subjectAltName has the whole name
            f"[ext]\nsubjectAltName = DNS:{self.name}\nbasicConstraints = critical,CA:TRUE\n"
            "keyUsage = critical,digitalSignature,keyEncipherment,keyCertSign\n"
            "extendedKeyUsage = serverAuth\nsubjectKeyIdentifier = hash\n"
        )
        return f"""\
named() {{ openssl x509 -in {certificate} -noout "-$1" 2>/dev/null | sed 's/^[^=]*= *//'; }}
if [ "$(named issuer)" != "$(named subject)" ]; then
    echo {certificate} "was issued by $(named issuer)"
    exit 1
fi
printf %s {shell.quote(config)} >"$work/openssl.cnf"
openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days {DAYS} -config "$work/openssl.cnf" \\
    -keyout "$work/new.key" -out "$work/new.crt"
keep {certificate}
write_file {shell.quote(self.owner)} root 0600 {key} <"$work/new.key"
write_file root root 0644 {certificate} <"$work/new.crt"
digest=$(cat {certificate} {key} | sha256sum)
until=$(($(date +%s) + {DAYS * 86400}))
printf '%s %s %s\n' "${{digest%% *}}" "$until" {shell.quote(self.name)} >>{MADE}
rm -f "$work/new.key" "$work/new.crt" "$work/openssl.cnf\""""

    def backed_up_file(self) -> str:
        return self.private_key

    def remedy(self, log: str) -> str:
        if "was issued by" in log:
            return (
                "mailfab replaces only self-signed certificates: set tls_cert and tls_key to use "
                "this one, or move it away"
            )
        return super().remedy(log)
