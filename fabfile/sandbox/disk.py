"""A server's disk: an overlay whose upper layer is in the server's directory.

The server's own name, keys and machine id are written into the upper layer before its first boot.
`enter.sh` mounts the overlay where only the server sees it.
"""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from fabfile.sandbox import keys, network, state


def clear(name: str) -> None:
    """Remove all files that the server has written on top of its image."""
    for folder in ("upper", "work"):
        if (state.host(name) / folder).exists():
            shutil.rmtree(state.host(name) / folder)


def seed(name: str) -> None:
    """Write the files of a new server's own into its upper layer, unless that exists."""
    folder = state.host(name)
    upper = folder / "upper"
    if upper.exists():
        return
    (folder / "root").mkdir(exist_ok=True)
    private = folder / keys.HOST_KEY
    if not private.exists():
        keys.make(private, f"root@{name}")
    # Renamed when complete: an upper layer that exists is never a partial one.
    new = folder / ".upper.new"
    if new.exists():
        shutil.rmtree(new)
    for path, mode in (("", 0o755), ("etc", 0o755), ("etc/ssh", 0o755), ("root", 0o700)):
        make_directory(new / path, mode)
    make_directory(new / "root/.ssh", 0o700)
    fqdn = f"{name}.{network.DOMAIN}"
    files = {
        "etc/hostname": f"{name}\n",
        "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {fqdn} {name}\n"
        "::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n",
        "etc/resolv.conf": f"search {network.DOMAIN}\nnameserver {network.GATEWAY}\n",
        "etc/machine-id": f"{uuid.uuid4().hex}\n",
        f"etc/ssh/{keys.HOST_KEY}.pub": (folder / f"{keys.HOST_KEY}.pub").read_text(),
        "root/.ssh/authorized_keys": keys.login().with_name("id_ed25519.pub").read_text(),
    }
    for path, text in files.items():
        state.write(new / path, text)
    state.write(new / "etc/ssh" / keys.HOST_KEY, private.read_text(), 0o600)
    new.rename(upper)


def make_directory(path: Path, mode: int) -> None:
    """Create a directory with exactly this mode: it hides the mode of the image's directory."""
    path.mkdir()
    path.chmod(mode)


def mount_options(name: str, layers: list[str]) -> str:
    """Return the options of the server's overlay mount.

    `volatile` leaves out syncing, which makes package installation much faster. A simulated power
    cut stops the server, not the machine: the machine's page cache survives it.
    """
    folder = state.host(name)
    return (
        f"lowerdir={':'.join(layers)},upperdir={folder}/upper,workdir={folder}/work,"
        "index=off,volatile"
    )
