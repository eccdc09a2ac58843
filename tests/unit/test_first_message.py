"""docs/first_message.py talks to servers of today and to those that exchange keys by RSA only."""

from __future__ import annotations

import importlib.util
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).resolve().parents[2] / "docs" / "first_message.py"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("first_message", FILE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for mail.example.test, with its key."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    name = ("-subj", "/CN=mail.example.test", "-addext", "subjectAltName=DNS:mail.example.test")
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run(
        [*openssl, "-keyout", file, "-out", f"{file}.crt", *name], check=True, capture_output=True
    )
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@contextmanager
def server(identity: Path, ciphers: str) -> Iterator[int]:
    """Serve TLS 1.2 with these ciphers, as Dovecot 2.0 does; yield the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    plain, _ = listening.accept()
                    with suppress(OSError), plain, context.wrap_socket(plain, True) as wrapped:
                        wrapped.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize(
    ("ciphers", "only_rsa"),
    [("DEFAULT", False), ("AES256-GCM-SHA384:AES128-GCM-SHA256", True), ("AES256-SHA256", True)],
)
def test_connection_works_and_says_when_keys_are_exchanged_by_rsa(
    program: ModuleType,
    identity: Path,
    ciphers: str,
    only_rsa: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with server(identity, ciphers) as port:
        context = program.trust("127.0.0.1", "mail.example.test", port)
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            context.wrap_socket(plain, server_hostname="mail.example.test") as wrapped,
        ):
            assert wrapped.version() == "TLSv1.2"
    assert ("by RSA only" in capsys.readouterr().out) is only_rsa


def test_certificate_of_another_server_is_refused_afterwards(
    program: ModuleType, identity: Path
) -> None:
    with server(identity, "AES256-GCM-SHA384") as port:
        context = program.trust("127.0.0.1", "other.example.test", port)
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            context.wrap_socket(plain, server_hostname="other.example.test")
