"""A real sshd on loopback, and the real ssh beside mailfab."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
needs_sshd = pytest.mark.skipif(
    not SSHD or not shutil.which("ssh") or os.getuid() != 0,
    reason="needs OpenSSH's client and server, and root",
)
START_SECONDS = 30


def keygen(*arguments: object) -> None:
    """Run ssh-keygen without its messages."""
    subprocess.run(
        ["ssh-keygen", "-q", *map(str, arguments)],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )


def make_key(file: Path, kind: str = "ed25519", passphrase: str = "", *options: object) -> Path:
    """Make a key pair, and return the private key's file."""
    keygen("-t", kind, "-N", passphrase, "-C", file.name, "-f", file, *options)
    return file


def public(file: Path) -> str:
    """Return the public key of a private key's file: its type and its text."""
    return " ".join(Path(f"{file}.pub").read_text().split()[:2])


@dataclass(frozen=True)
class Sshd:
    """A running sshd."""

    port: int
    user: str = getpass.getuser()

    @property
    def name(self) -> str:
        """Its name in known_hosts."""
        return f"[127.0.0.1]:{self.port}"

    def ssh(self, *options: str, env: dict[str, str] | None = None) -> bool:
        """Return whether the real ssh logs in, with options and without configuration."""
        given = [word for option in options for word in ("-o", option)]
        where = ("-p", str(self.port), f"{self.user}@127.0.0.1")
        run = subprocess.run(
            ["ssh", "-F", "none", "-o", "BatchMode=yes", *given, *where, "exit 0"],
            env={**os.environ, "SSH_AUTH_SOCK": "", **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return run.returncode == 0


@contextmanager
def run_sshd(folder: Path, host_keys: list[Path], *settings: str) -> Iterator[Sshd]:
    """Run sshd with host keys and settings of sshd_config(5)."""
    assert SSHD
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True, mode=0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / f"sshd_config-{port}"
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        "PidFile none",
        "StrictModes no",
        "UsePAM no",
        "MaxStartups 1000",
        "PermitRootLogin yes",
        *(f"HostKey {key}" for key in host_keys),
        *settings,
    ]
    config.write_text("\n".join(lines) + "\n")
    with (folder / f"sshd-{port}.log").open("wb") as log:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", config], stderr=log)
    try:
        _wait_for(port)
        yield Sshd(port)
    finally:
        server.terminate()
        server.wait(START_SECONDS)


def _wait_for(place: int | str) -> None:
    """Wait until something listens on a port of loopback, or on a socket in the file system."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with socket.socket(socket.AF_UNIX if isinstance(place, str) else socket.AF_INET) as one:
                one.connect(place if isinstance(place, str) else ("127.0.0.1", place))
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


@contextmanager
def run_agent(folder: Path, *add: object) -> Iterator[str]:
    """Run ssh-agent with keys; yield the path of its socket."""
    path = str(folder / "agent.sock")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    try:
        _wait_for(path)
        for one in add:
            add_to_agent(path, one)
        yield path
    finally:
        agent.terminate()
        agent.wait(START_SECONDS)


def add_to_agent(path: str, key: object, passphrase: str = "") -> None:
    """Add a key, with its passphrase, to an agent."""
    helper = Path(path).with_name("askpass")
    helper.write_text(f"#!/bin/sh\necho {passphrase}\n")
    helper.chmod(0o700)
    subprocess.run(
        ["ssh-add", "-q", str(key)],
        env={
            **os.environ,
            "SSH_AUTH_SOCK": path,
            "SSH_ASKPASS": str(helper),
            "SSH_ASKPASS_REQUIRE": "force",
        },
        stdin=subprocess.DEVNULL,
        check=True,
    )
