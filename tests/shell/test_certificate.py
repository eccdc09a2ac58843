"""Self-signed certificates, made by the openssl that is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fabfile.model.errors import ApplyError
from fabfile.resources.certificate import DAYS, RENEWAL_DAYS, SelfSignedCertificate
from tests.scratch import Scratch
from tests.shell.test_files import Benches, converges

OURS = SelfSignedCertificate("/etc/c.pem", "/etc/c.key", "mail.example.com")


def issued(scratch: Scratch, name: str, issuer: str) -> bytes:
    """Write a certificate and its key at the paths of OURS; return the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    scratch.path("/etc/c.pem").write_bytes(made)
    private = scratch.path("/etc/c.key")
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    private.chmod(0o600)
    return made


def test_missing_certificate_is_created(bench: Benches) -> None:
    converges(bench(OURS))


def test_self_signed_certificate_for_another_name_is_replaced(
    bench: Benches, scratch: Scratch
) -> None:
    issued(scratch, "imap.example.com", "imap.example.com")
    converges(bench(OURS))


def test_certificate_of_an_authority_with_our_name_is_used(
    bench: Benches, scratch: Scratch
) -> None:
    issued(scratch, "mail.example.com", "Some Authority")
    assert bench(OURS).plan().changes == 0


def test_certificate_of_an_authority_with_another_name_is_not_replaced(
    bench: Benches, scratch: Scratch
) -> None:
    before = issued(scratch, "imap.example.com", "Some Authority")
    with pytest.raises(ApplyError, match=r"was issued by .*Some Authority") as error:
        bench(OURS).deploy()
    assert "tls_cert" in error.value.remedy
    assert scratch.path("/etc/c.pem").read_bytes() == before


def test_pair_that_mailfab_made_is_recognised_until_a_file_changes(
    bench: Benches, scratch: Scratch
) -> None:
    """The digest is enough: openssl always fails here."""
    bench(OURS).deploy()
    scratch.stub("openssl", "exit 1")
    assert bench(OURS).plan().changes == 0
    key = scratch.path("/etc/c.key")
    for file in (key, scratch.path("/etc/c.pem")):
        before = file.read_bytes()
        file.write_bytes(before + b"\n")
        assert bench(OURS).plan().changes == 1
        file.write_bytes(before)
    key.chmod(0o644)
    assert bench(OURS).plan().changes == 1
    key.chmod(0o600)
    other = SelfSignedCertificate("/etc/c.pem", "/etc/c.key", "imap.example.com")
    assert bench(other).plan().changes == 1


def test_certificate_near_its_expiry_is_replaced(bench: Benches, scratch: Scratch) -> None:
    bench(OURS).deploy()
    notes = scratch.path("/var/lib/mailfab/certificates")
    digest, until, name = notes.read_text().split()
    soon = int(until) - DAYS * 86400 + (RENEWAL_DAYS - 1) * 86400
    notes.write_text(f"{digest} {soon} {name}\n")
    assert bench(OURS).plan().changes == 1
    assert bench(OURS).deploy().changed == 1
    assert bench(OURS).plan().changes == 0
