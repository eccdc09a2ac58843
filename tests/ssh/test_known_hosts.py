"""known_hosts: ssh and mailfab log in and refuse alike, with a real sshd, on each of the files."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from fabric import Config

from fabfile.model.errors import UnreachableError
from fabfile.ssh.connection import Connection
from fabfile.ssh.login import Login
from tests.ssh.known_hosts_cases import CASES, OK, Case
from tests.ssh.sshd import Sshd, keygen, make_key, needs_sshd, public, run_sshd

CERTIFICATES: dict[str, tuple[object, ...]] = {
    "cert": ("-n", "mail1,127.0.0.1"),
    "expired": ("-n", "127.0.0.1", "-V", "20000101:20010101"),
    "future": ("-n", "127.0.0.1", "-V", "20990101:21000101"),
    "noname": (),
    "other": ("-n", "mail1.example.org,mail2.example.org"),
    "pattern": ("-n", "127.0.0.?,a"),
    "critical": ("-n", "127.0.0.1", "-O", "critical:no-such@example.org=1"),
    "rsaca": ("-n", "127.0.0.1", "-t", "rsa-sha2-512"),
    "sha1ca": ("-n", "127.0.0.1", "-t", "ssh-rsa"),
}
"""Options of ssh-keygen for the certificate of each server that has one."""


@dataclass
class Servers:
    """Running servers by name, and all keys as in a .pub file."""

    running: dict[str, Sshd]
    keys: dict[str, str]
    user_key: Path

    def fill(self, lines: str, server: Sshd) -> bytes:
        """Return the content of a file."""
        ed, rsa = self.keys["ed"], self.keys["rsa"]
        words = {
            "n": server.name,
            "p": server.port,
            "h": hashed(server.name),
            "hp": hashed("127.0.0.1"),
            "hx": hashed("192.0.2.1"),
            "edt": ed.replace(" ", "\t"),
            "edb": ed.split()[1],
            "rsab": rsa.split()[1],
            "edcut": ed[:-8],
            "rsacut": rsa[:-40],
            **self.keys,
        }
        return lines.format(**words).encode(errors="surrogateescape") + b"\n"


def hashed(name: str) -> str:
    """Return a name as HashKnownHosts writes it."""
    salt = hashlib.sha1(name.encode(), usedforsecurity=False).digest()
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def short_rsa() -> str:
    """Return an RSA key of 512 bits, which OpenSSH does not read."""
    parts = (b"ssh-rsa", b"\x03", b"\x00" + b"\xc5" * 64)
    blob = b"".join(len(part).to_bytes(4) + part for part in parts)
    return f"ssh-rsa {base64.b64encode(blob).decode()}"


def odd_keys() -> dict[str, str]:
    """Return public keys of types that no server here has."""
    dsa = (
        b"ssh-dss",
        *(b"\x00" + bytes([200 + n]) * size for n, size in enumerate([128, 20, 90, 90])),
    )
    sk = (b"sk-ssh-ed25519@openssh.com", bytes(range(32)), b"ssh:")
    found = {}
    for name, parts in (("dsa", dsa), ("sk", sk)):
        blob = b"".join(len(part).to_bytes(4) + part for part in parts)
        found[name] = f"{parts[0].decode()} {base64.b64encode(blob).decode()}"
    return found


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("servers")
    kinds = {"ed": "ed25519", "ec": "ecdsa", "rsa": "rsa", "ca": "ed25519", "rsaca": "rsa"}
    kinds |= {f"x{name}": kind for name, kind in kinds.items()} | {"user": "ed25519"}
    files = {name: make_key(folder / name, kind) for name, kind in kinds.items()}
    own = [files["ed"], files["ec"], files["rsa"]]
    common = (f"AuthorizedKeysFile {files['user']}.pub",)
    with ExitStack() as stack:
        running = {
            "all": stack.enter_context(run_sshd(folder, own, *common)),
            "rsa": stack.enter_context(run_sshd(folder, [files["rsa"]], *common)),
        }
        for name, options in CERTIFICATES.items():
            key = folder / f"key-{name}"
            key.write_bytes(files["ed"].read_bytes())
            key.chmod(0o600)
            Path(f"{key}.pub").write_text(Path(f"{files['ed']}.pub").read_text())
            authority = files["rsaca" if "-t" in options else "ca"]
            keygen("-s", authority, "-h", "-I", name, *options, f"{key}.pub")
            settings = (*common, f"HostCertificate {key}-cert.pub")
            running[name] = stack.enter_context(run_sshd(folder, [key], *settings))
        keys = {name: public(file) for name, file in files.items()}
        yield Servers(running, {**keys, "short": short_rsa(), **odd_keys()}, files["user"])


@needs_sshd
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mailfab_logs_in_and_refuses_as_ssh_does(
    servers: Servers, case: Case, tmp_path: Path
) -> None:
    server = servers.running[case.server]
    files = []
    for number, lines in enumerate([case.user, case.second, case.system]):
        file = tmp_path / f"file{number}"
        file.write_bytes(servers.fill(lines, server))
        files.append(str(file))
    options = [
        f"UserKnownHostsFile={' '.join(files[:-1])}",
        f"GlobalKnownHostsFile={files[-1]}",
        f"IdentityFile={servers.user_key}",
        *([f"HostKeyAlias={case.alias}"] if case.alias else []),
        *([f"HostKeyAlgorithms={case.algorithms}"] if case.algorithms else []),
    ]
    login = Login(
        "mail1",
        "127.0.0.1",
        server.user,
        server.port,
        keys=(str(servers.user_key),),
        known_hosts_files=tuple(files),
        host_key_alias=case.alias or None,
        host_key_algorithms=tuple(case.algorithms.split(",")) if case.algorithms else (),
    )
    with Connection(login, Config()) as connection:
        found = OK
        try:
            connection.open()
        except UnreachableError as error:
            found = str(error)
    assert bool(found) is bool(case.outcome), found
    assert case.outcome in found
    assert server.ssh(*options) is (case.outcome == OK)
