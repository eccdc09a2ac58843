"""verify reads the first certificate of a file. A private key in the file stays on the host."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fabfile.engine import survey
from tasks.verify.context import PEM
from tests.scratch import Scratch


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate and its private key, created by openssl."""
    folder = tmp_path_factory.mktemp("pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a"]
    subprocess.run(
        [*command, "-keyout", folder / "key", "-out", folder / "crt"],
        check=True,
        capture_output=True,
    )
    return (folder / "crt").read_text(), (folder / "key").read_text()


def unfinished(certificate: str) -> str:
    return certificate.replace("-----END CERTIFICATE-----\n", "")


CASES: dict[str, tuple[Callable[[str, str], str], bool]] = {
    "certificate alone": (lambda crt, key: crt, True),
    "chain": (lambda crt, key: crt + crt, True),
    "key behind": (lambda crt, key: crt + key, True),
    "key in front": (lambda crt, key: key + crt, True),
    "key between": (lambda crt, key: crt + key + crt, True),
    "text around": (lambda crt, key: f"Bag Attributes\n{crt}subject=a\n{key}", True),
    "CRLF": (lambda crt, key: (crt + key).replace("\n", "\r\n"), True),
    "no final newline": (lambda crt, key: crt.rstrip("\n"), True),
    "key without a final newline": (lambda crt, key: (crt + key).rstrip("\n"), True),
    "key alone": (lambda crt, key: key, False),
    "certificate that never ends, then a key": (lambda crt, key: unfinished(crt) + key, False),
    "key inside a certificate": (
        lambda crt, key: "-----BEGIN CERTIFICATE-----\n" + key + "-----END CERTIFICATE-----\n",
        False,
    ),
    "old form of a key": (
        lambda crt, key: crt + key.replace("PRIVATE KEY", "RSA PRIVATE KEY"),
        True,
    ),
    "request": (
        lambda crt, key: crt.replace("CERTIFICATE", "CERTIFICATE REQUEST") + key,
        False,
    ),
    "marks in one line": (
        lambda crt, key: "-----BEGIN CERTIFICATE----- " + key.replace("\n", " ") + "\n" + crt,
        True,
    ),
    "empty": (lambda crt, key: "", False),
}


@pytest.mark.parametrize("name", CASES)
def test_file_with_a_private_key_sends_no_line_of_it(
    scratch: Scratch, pair: tuple[str, str], name: str
) -> None:
    certificate, key = pair
    make, found = CASES[name]
    file = scratch.path("/etc/file.pem")
    file.write_bytes(make(certificate, key).encode())
    output = scratch.run_script(survey.script({PEM: {"/etc/file.pem": None}}, "n"))
    for line in key.splitlines():
        if "CERTIFICATE" not in line:
            assert line.strip() not in output
    states = survey.read(output, {PEM: {"/etc/file.pem": None}}, "n")
    text = states.get((PEM.name, "/etc/file.pem"), {}).get("text")
    assert text == (certificate.strip() if found else None)


def test_unreadable_file_is_absent(scratch: Scratch) -> None:
    (scratch.path("/etc/folder.pem")).mkdir()
    asked = {PEM: dict.fromkeys(("/etc/folder.pem", "/etc/none.pem"))}
    assert survey.ask(scratch, asked) == {}


def test_two_files_give_one_certificate_each(scratch: Scratch, pair: tuple[str, str]) -> None:
    certificate, key = pair
    paths = ("/etc/a.pem", "/etc/b.pem")
    for path in paths:
        Path(scratch.path(path)).write_text(certificate + key)
    states = survey.ask(scratch, {PEM: dict.fromkeys(paths)})
    assert {path for _, path in states} == set(paths)
