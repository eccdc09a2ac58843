"""SSH keys: the login key of all servers, and each server's host key, known beforehand."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from fabfile.sandbox import machine, network, state

HOST_KEY = "ssh_host_ed25519_key"


def login() -> Path:
    """Return the private key that logs in as root on all servers. Create it at first use."""
    path = state.directory() / "id_ed25519"
    with state.lock("keys"):
        if not path.exists():
            make(path, "mailfab-sandbox")
    return path


def make(path: Path, comment: str) -> None:
    """Create a key pair. The private key appears last, by a rename."""
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
    """Write the host keys of all servers into known_hosts.

    One process at a time: without the lock, an older list of servers could replace a newer one.
    """
    with state.lock("known_hosts"):
        lines = []
        for name in state.host_names():
            with suppress(FileNotFoundError):
                lines.append(_known(name))
        state.write(state.directory() / "known_hosts", "".join(lines))


def _known(name: str) -> str:
    """Return a server's line. Raise FileNotFoundError before its key exists or after removal."""
    kind, key = (state.host(name) / f"{HOST_KEY}.pub").read_text().split()[:2]
    number = state.number(name)
    address = network.loopback(number)
    port = network.shifted(22)
    return f"{address},[{address}]:{port},{network.address(number)} {kind} {key}\n"
