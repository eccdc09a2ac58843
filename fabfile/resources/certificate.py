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

SELF_SIGNED = shell.program(__file__, "self_signed.sh")


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
        values = {
            "certificate": self.certificate,
            "private_key": self.private_key,
            "owner": self.owner,
            "name": self.name,
            "common_name": self.name[:64],
            "days": str(DAYS),
            "made_file": MADE,
        }
        settings = " ".join(f"{name}={shell.quote(value)}" for name, value in values.items())
        return f"{settings}\n{SELF_SIGNED}"

    def backed_up_file(self) -> str:
        return self.private_key

    def remedy(self, log: str) -> str:
        if "was issued by" in log:
            return (
                "mailfab replaces only self-signed certificates: set tls_cert and tls_key to use "
                "this one, or move it away"
            )
        return super().remedy(log)
