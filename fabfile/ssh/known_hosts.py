"""Host keys: read from known_hosts files; an unknown one is refused."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

from fabfile.model.errors import UnreachableError
from fabfile.ssh.keys import expanded

SYSTEM_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts"
USER_KNOWN_HOSTS = "~/.ssh/known_hosts"


class UnknownHostKey(paramiko.SSHException):
    """The server's host key is in no known_hosts file."""

    def __init__(self, key: paramiko.PKey) -> None:
        super().__init__(key.fingerprint)
        self.key = key


class RefuseUnknown(paramiko.MissingHostKeyPolicy):
    """Accept no unknown host key. Fabric's default accepts every one."""

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        raise UnknownHostKey(key)


def load(keys: paramiko.HostKeys, host: str, port: int, paths: Iterable[str] = ()) -> None:
    """Add the known keys of one host: from the system's file, the user's, and these.

    Parse only the host's own lines. paramiko compares each line of a file with all lines before
    it, which takes minutes for thousands of hashed names (paramiko #2251).
    """
    name = host if port == 22 else f"[{host}]:{port}"
    for path in (SYSTEM_KNOWN_HOSTS, USER_KNOWN_HOSTS, *paths):
        for line in _lines(path, name):
            if key := _key(line):
                keys.add(name, key.get_name(), key)


def _key(line: str) -> paramiko.PKey | None:
    """Return the key in a line, or None for a line that is not valid, which ssh skips as well."""
    try:
        entry = HostKeyEntry.from_line(line)
    except (InvalidHostKey, paramiko.SSHException, ValueError):
        return None
    return entry.key if entry else None


def _lines(path: str, name: str) -> list[str]:
    """Return the current lines for a name in a known_hosts file."""
    file = expanded(path)
    try:
        status = file.stat()
        plain, hashed = _parsed(file, status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnreachableError(
            f"{path}: cannot read the known host keys: {error}", "fix or remove that file"
        ) from error
    return [*plain.get(name, ()), *(line for hashed_name, line in hashed if _is(name, hashed_name))]


def _is(name: str, hashed_name: str) -> bool:
    """Return whether a hashed name is this one; False also for one that is not valid."""
    try:
        return bool(paramiko.HostKeys.hash_host(name, hashed_name) == hashed_name)
    except (ValueError, IndexError, AssertionError):
        return False


@functools.cache
def _parsed(
    file: Path, _mtime: int, _size: int
) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Return a file's lines by name, and the lines with a hashed name (sshd(8)).

    Read the file once for all hosts, and again when its time or size has changed.
    """
    plain: dict[str, list[str]] = {}
    hashed = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        if not line.strip() or line[0] in "#@":
            continue
        names = line.split(maxsplit=1)[0]
        if names.startswith("|1|"):
            hashed.append((names, line))
        else:
            for name in names.split(","):
                plain.setdefault(name, []).append(line)
    return plain, hashed
