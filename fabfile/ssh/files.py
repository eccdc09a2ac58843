"""ssh's configuration files, as ssh is to read them.

ssh looks for ~/.ssh in the home folder of the passwd entry. Everything else in mailfab follows
$HOME. Where the two differ, ssh gets a file that includes the user's and the system's, with `~` and
relative names resolved. No file of the user is written.
"""

from __future__ import annotations

import glob
import os
import pwd
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fabfile.ssh import options

SYSTEM = Path("/etc/ssh/ssh_config")
MAX_DEPTH = 16
"""Depth of Include, as in OpenSSH's readconf.c."""
WITH_HOME = re.compile(
    r"\s*(certificatefile|controlpath|globalknownhostsfile|identityagent|identityfile|"
    r"revokedhostkeys|userknownhostsfile)\b",
    re.I,
)
"""Options whose values may begin with `~`."""
INCLUDE = re.compile(r"\s*include(?:\s*=\s*|\s+)(.*)", re.I)


def passwd_home() -> str:
    """Return the home folder where ssh looks; "" for a user without a passwd entry."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def home() -> Path:
    """Return the home folder that mailfab uses."""
    return Path("~").expanduser()


def matters(user: Path) -> bool:
    """Return whether ssh's configuration could change how a host is reached.

    Any setting in the user's file could. In the system's file, options in HARMLESS could not.
    """
    return any(True for _ in _settings(user)) or _may_matter(SYSTEM, SYSTEM.parent)


def _settings(file: Path) -> Iterator[str]:
    try:
        text = file.read_text(errors="replace")
    except FileNotFoundError:
        return
    except OSError:
        # ssh says why it cannot read it.
        yield str(file)
        return
    # Not splitlines: for ssh, a form feed or U+2028 in a comment does not end it.
    for line in text.split("\n"):
        if (stripped := line.strip()) and not stripped.startswith("#"):
            yield stripped


def _may_matter(file: Path, base: Path, depth: int = 0) -> bool:
    for line in _settings(file):
        keyword = re.split(r"[\s=]", line, maxsplit=1)[0].lower()
        if include := INCLUDE.match(line):
            if depth >= MAX_DEPTH:
                return True
            for word in include[1].split():
                for found in glob.glob(str(base / word.strip('"'))):  # noqa: PTH207
                    if _may_matter(Path(found), base, depth + 1):
                        return True
        elif keyword != "host" and keyword not in options.HARMLESS:
            return True
    return False


class Prepared:
    """The configuration for ssh, with the words that name it on ssh's command line."""

    def __init__(self, named: str | None = None) -> None:
        """`named` is the file of `fab --ssh-config`, which takes the place of all others."""
        self.home = str(home())
        self.moved = not _same(self.home, passwd_home())
        self.user = Path(named) if named else Path(self.home) / ".ssh/config"
        self.matters = bool(named) or matters(self.user)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._copies: dict[str, str] = {}
        self.words: tuple[str, ...] = ()
        if named:
            self.words = ("-F", named)
        elif self.moved:
            self.words = ("-F", self._generate())

    def _generate(self) -> str:
        self._folder = tempfile.TemporaryDirectory(prefix="mailfab-ssh-")
        lines = [
            f"Include {_quoted(self._copy(self.user, self.user.parent))}",
            f"Include {_quoted(self._copy(SYSTEM, SYSTEM.parent))}",
        ]
        file = Path(self._folder.name) / "config"
        file.write_text("\n".join(lines) + "\n")
        return str(file)

    def _copy(self, file: Path, base: Path, depth: int = 0) -> str:
        """Return a copy with `~` and included names resolved; the file itself if it has none."""
        try:
            status = file.stat()
            text = file.read_text(errors="surrogateescape")
        except OSError:
            return str(file)
        # ssh refuses files that others may write, and says so itself.
        if status.st_uid not in (0, os.getuid()) or status.st_mode & 0o022 or depth > MAX_DEPTH:
            return str(file)
        before = text.split("\n")
        lines = [self._line(line, base, depth) for line in before]
        if lines == before:
            return str(file)
        assert self._folder
        copy = Path(self._folder.name) / f"{len(self._copies)}"
        self._copies[str(copy)] = str(file)
        copy.write_text("\n".join(lines) + "\n", errors="surrogateescape")
        return str(copy)

    def _line(self, line: str, base: Path, depth: int) -> str:
        if WITH_HOME.match(line):
            return self.at_home(line)
        include = INCLUDE.match(line)
        if not include or "$" in line or "%" in line:
            return line
        try:
            names = shlex.split(include[1], comments=True)
        except ValueError:
            return line
        found: list[str] = []
        for name in names:
            absolute = re.sub("^~/", lambda _: f"{self.home}/", name)
            found += sorted(glob.glob(str(base / absolute)))  # noqa: PTH207
        copies = [_quoted(self._copy(Path(name), base, depth + 1)) for name in found]
        return f"Include {' '.join(copies)}" if copies else "#"

    def at_home(self, text: str) -> str:
        """Return a setting with `~/` and `%d` as $HOME, where ssh would take another folder."""
        if not self.moved:
            return text
        text = re.sub(r'(^|[\s="])~/', lambda match: f"{match[1]}{self.home}/", text)
        return re.sub(r"(?<!%)((?:%%)*)%d", lambda match: f"{match[1]}{self.home}", text)

    def original_names(self, message: str) -> str:
        """Return a message of ssh with the user's own file names."""
        for copy, file in self._copies.items():
            message = re.sub(rf"{re.escape(copy)}(?!\d)", file.replace("\\", r"\\"), message)
        return message


def _quoted(path: str) -> str:
    return f'"{glob.escape(path)}"'


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
