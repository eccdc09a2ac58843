"""The sandbox's state between runs: one directory of plain files, and its locks.

id_ed25519, id_ed25519.pub   the login key of all servers
known_hosts                  the servers' host keys, for ssh
numbers.json                 the number of each name: the last byte of its addresses
images/, hosts/, packages/   layers, servers, and the cached .deb files
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fabfile.sandbox.errors import SandboxError

DEFAULT = "/var/lib/mailfab-sandbox"

# mail1 … mail89 have the numbers 11 … 99, and servers named after their image have these, on all
# machines. Other names get the rest. 1 is the gateway, 2 to 5 are not used.
OF_IMAGES = {"el6": 6, "el6-stock": 7}
FIRST_OTHER, LAST_OTHER = 100, 254


def directory() -> Path:
    """Return the state directory (MAILFAB_SANDBOX_DIR, or the default)."""
    path = os.environ.get("MAILFAB_SANDBOX_DIR") or DEFAULT
    # A colon or comma separates layers in the options of an overlay mount.
    if not re.fullmatch(r"/[A-Za-z0-9._/+@-]+", path):
        raise SandboxError(
            f"MAILFAB_SANDBOX_DIR is {path!r}; expected an absolute path",
            "give an absolute path of letters, digits and ._/+@- only",
        )
    return Path(os.path.normpath(path))


def make_directory() -> None:
    """Create the state directory, open to root alone.

    A server's root user could leave a program with the setuid bit in its tree, for a user of this
    machine to start.
    """
    folder = directory()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def prefix() -> str:
    """Return the prefix of namespaces' and control groups' names, one per state directory."""
    path = str(directory())
    if path == DEFAULT:
        return "mailfab"
    return f"mailfab.{hashlib.sha256(path.encode()).hexdigest()[:6]}"


def hosts() -> Path:
    """Return the parent of the servers' directories."""
    return directory() / "hosts"


def host(name: str) -> Path:
    """Return a server's directory. It exists as long as the server does."""
    return hosts() / name


def host_names() -> list[str]:
    """Return the names of all servers, including partially created ones."""
    folder = hosts()
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file in one step, with its final mode from the start."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, mode)
        file.write(text)
    temporary.replace(path)


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold a lock of this state directory, against other threads and other processes."""
    folder = directory() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def number(name: str) -> int:
    """Return the last byte of a server's addresses. It depends on the name and is stored."""
    own = re.fullmatch(r"mail([1-9][0-9]?)", name)
    if own and int(own[1]) <= 89:
        return 10 + int(own[1])
    if name in OF_IMAGES:
        return OF_IMAGES[name]
    path = directory() / "numbers.json"
    with lock("numbers"):
        numbers: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        if name in numbers:
            return numbers[name]
        free = sorted(set(range(FIRST_OTHER, LAST_OTHER + 1)) - set(numbers.values()))
        if not free:
            # All numbers are given out: reuse one of a name without a server.
            unused = sorted(set(numbers) - set(host_names()))
            if not unused:
                raise SandboxError("all addresses are in use", "remove servers: fab sandbox.down")
            free = [numbers.pop(unused[0])]
        numbers[name] = free[0]
        write(path, json.dumps(numbers, indent=1, sort_keys=True) + "\n")
        return free[0]
