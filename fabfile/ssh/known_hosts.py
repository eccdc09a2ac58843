"""known_hosts files as sshd(8) describes them: the lines that are for a host.

The rules follow OpenSSH's hostfile.c and match.c: patterns, negation, hashed names, the markers
@cert-authority and @revoked. A line that is not valid is skipped. Files that do not exist or cannot
be read have no lines.
"""

from __future__ import annotations

import base64
import functools
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fabfile.ssh.keys import expanded
from fabfile.ssh.public_key import PublicKey, from_text

AUTHORITY = "@cert-authority"
REVOKED = "@revoked"
MAX_PATTERN = 1023
"""Longest name in a list, in characters. ssh ignores the rest of a list with a longer one."""
SALT = 20
"""Length of the salt of a hashed name, in bytes: that of SHA-1."""


@dataclass(frozen=True)
class Line:
    """A line of a known_hosts file that is for the host that was looked up."""

    file: str
    number: int
    marker: str
    """"", AUTHORITY or REVOKED."""
    names: str
    key: PublicKey

    @property
    def place(self) -> str:
        """The file and line, for messages."""
        return f"{self.file}:{self.number}"


@dataclass
class _File:
    """The lines of a file that are not comments, by what they say about names."""

    path: str
    lines: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    """Marker, names, and key with comment, by line number."""
    plain: dict[str, list[int]] = field(default_factory=dict)
    patterns: list[tuple[str, int]] = field(default_factory=list)
    hashed: list[tuple[bytes, bytes, int]] = field(default_factory=list)
    """Salt, hash and line number."""
    found: dict[int, Line | None] = field(default_factory=dict)
    """Lines whose key has been read; None for one without a valid key."""

    def lookup(self, name: str) -> list[Line]:
        """Return the lines for a name, in their order."""
        numbers = set(self.plain.get(name.lower(), ()))
        numbers.update(number for names, number in self.patterns if in_list(name, names))
        host = name.encode(errors="surrogateescape")
        for salt, digest, number in self.hashed:
            if hmac.digest(salt, host, "sha1") == digest:
                numbers.add(number)
        return [line for number in sorted(numbers) if (line := self._line(number))]

    def _line(self, number: int) -> Line | None:
        if number not in self.found:
            marker, names, rest = self.lines[number]
            words = re.split("[ \t]+", rest, maxsplit=2)
            key = from_text(words[0], words[1]) if len(words) > 1 else None
            self.found[number] = Line(self.path, number, marker, names, key) if key else None
        return self.found[number]

    def add(self, number: int, text: str) -> None:
        """Add a line of the file."""
        text = text.lstrip(" \t")
        if not text or text[0] in "#\r":
            return
        marker, text = _marker(text)
        parts = re.split("[ \t]+", text, maxsplit=1)
        if marker is None or len(parts) < 2:
            return
        names, rest = parts
        self.lines[number] = (marker, names, rest)
        if names.startswith("|"):
            if hashed := _hashed(names):
                self.hashed.append((*hashed, number))
        elif re.search("[*?!]", names) or len(names) > MAX_PATTERN:
            self.patterns.append((names, number))
        else:
            for name in names.lower().split(","):
                self.plain.setdefault(name, []).append(number)


def _marker(text: str) -> tuple[str | None, str]:
    """Return the marker of a line and what follows it; None for a marker that is not valid.

    ssh does not accept a tab after a marker if the line has a blank as well. Such a line with
    @revoked is honoured here: it is there to keep a key out.
    """
    if not text.startswith("@"):
        return "", text
    word, blank, rest = text.partition(" ")
    if "\t" in word:
        word, blank, rest = text.partition("\t")
        if word == AUTHORITY and " " in rest:
            return None, ""
    rest = rest.lstrip(" \t")
    if not blank or word not in (AUTHORITY, REVOKED) or rest.startswith("@"):
        return None, ""
    return word, rest


def _hashed(names: str) -> tuple[bytes, bytes] | None:
    """Return the salt and the hash of a hashed name (`|1|SALT|HASH`)."""
    parts = names.split("|")
    try:
        _, magic, salt, digest = parts
        decoded = base64.b64decode(salt, validate=True), base64.b64decode(digest, validate=True)
    except ValueError:
        return None
    return decoded if magic == "1" and len(decoded[0]) == SALT else None


def in_list(name: str, patterns: str) -> bool:
    """Return whether a name is in a list of patterns (PATTERNS in ssh_config(5))."""
    found = False
    for pattern in patterns.lower().split(","):
        if len(pattern) > MAX_PATTERN:
            return False
        negated = pattern.startswith("!")
        if _pattern(pattern[negated:]).fullmatch(name.lower()):
            if negated:
                return False
            found = True
    return found


@functools.lru_cache(maxsize=100_000)
def _pattern(text: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern with * and ?."""
    # Several * in a row mean the same as one, and would take exponential time.
    text = re.sub(r"\*+", "*", text)
    parts = (".*?" if c == "*" else "." if c == "?" else re.escape(c) for c in text)
    return re.compile("".join(parts), re.DOTALL)


def lookup(name: str, files: Iterable[str]) -> list[Line]:
    """Return the lines for a name (`host` or `[host]:port`) in files, in their order."""
    lines = []
    for path in files:
        if file := _read(path):
            lines += file.lookup(name)
    return lines


def _read(path: str) -> _File | None:
    """Return a file; None if it does not exist or cannot be read, as ssh ignores it then.

    A file is read once for all hosts, and again when its time or size has changed.
    """
    try:
        status = expanded(path).stat()
        return _parsed(path, expanded(path), status.st_mtime_ns, status.st_size)
    except (OSError, ValueError):
        return None


@functools.cache
def _parsed(path: str, file: Path, _mtime: int, _size: int) -> _File:
    found = _File(path)
    text = file.read_bytes().decode(errors="surrogateescape")
    for number, line in enumerate(text.split("\n"), start=1):
        # C's strings end at a NUL.
        found.add(number, line.partition("\0")[0])
    return found
