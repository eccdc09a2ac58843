"""SSH keys: the one that opens every server, and each server's own, known before first contact."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from fabfile.sandbox import machine, network, state

HOST_KEY = "ssh_host_ed25519_key"


def login() -> Path:
    """Return the private key that root on every server accepts, made at the first use."""
    path = state.directory() / "id_ed25519"
    with state.lock("keys"):
        if not path.exists():
            make(path, "mailfab-sandbox")
    return path


def make(path: Path, comment: str) -> None:
    """Make a key pair, which appears complete or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    public = temporary.with_name(f"{temporary.name}.pub")
    machine.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(temporary)],
        purpose=f"making the key {path}",
    )
    public.replace(path.with_name(f"{path.name}.pub"))
    temporary.replace(path)


def update_known_hosts() -> None:
    """Write the keys of all servers that exist where ssh looks for them.

    One process at a time: without the lock, an older list of servers could replace a newer one.
    """
    with state.lock("known_hosts"):
        lines = []
        for name in state.host_names():
            with suppress(FileNotFoundError):
                lines.append(_known(name))
        state.write(state.directory() / "known_hosts", "".join(lines))


def _known(name: str) -> str:
    """Return a server's line. Raises FileNotFoundError for one that is not made yet, or goes."""
    kind, key = (state.host(name) / f"{HOST_KEY}.pub").read_text().split()[:2]
    number = state.number(name)
    address = network.loopback(number)
    port = network.shifted(22)
    return f"{address},[{address}]:{port},{network.address(number)} {kind} {key}\n"
