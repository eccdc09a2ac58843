"""Files and directories: content, owner, group and mode.

A survey carries only the SHA-256 of a file. `CONTENT` then fetches the files that differ, so that
a plan can show them.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from fabfile.model import shell
from fabfile.model.fact import Fact, State, by_file
from fabfile.model.resource import Differences, Resource

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link to nothing"}
"""The kinds of things, where a link counts as what it leads to."""


def _parse_files(lines: list[str]) -> dict[str, State]:
    found: dict[str, dict[str, str | int | bool]] = {}
    for line in lines:
        if line.startswith(("= ", "> ")):
            raw, owner, group, path = line[2:].split(" ", 3)
            mode = int(raw, 16)
            found[path] = {
                "kind": KINDS.get(stat.S_IFMT(mode), "other"),
                "owner": owner,
                "group": group,
                "mode": f"{stat.S_IMODE(mode):04o}",
            }
        elif "  " in line:
            digest, path = line.split("  ", 1)
            if path in found:
                found[path]["content"] = digest
    return dict(found)


FILE = Fact(
    "file",
    shell.program(__file__, "file.sh"),
    _parse_files,
)


def _parse_content(lines: list[str]) -> dict[str, State]:
    found = {}
    for path, printed in by_file(lines).items():
        text = "".join(f"{line[1:]}\n" for line in printed if line.startswith("|"))
        found[path] = {"text": text.removesuffix("\n") if "-" in printed else text}
    return dict(found)


CONTENT = Fact(
    "content",
    shell.program(__file__, "content.sh"),
    _parse_content,
)
"""The text of files, to show their changes. Asked only for files that differ."""


@dataclass(frozen=True)
class File(Resource):
    """A whole file that mailfab writes. Replaced atomically; a link to it stays."""

    fact = FILE
    path: str
    content: str = field(repr=False)
    owner: str = "root"
    group: str = "root"
    mode: str = "0644"
    reason_applies: Callable[[str], bool] = field(default=lambda present: True, repr=False)
    """Returns from the present text whether `reason` is why the file changes."""

    def desired(self) -> State:
        digest = hashlib.sha256(self.content.encode()).hexdigest()
        return {
            "kind": "file",
            "owner": self.owner,
            "group": self.group,
            "mode": self.mode,
            "content": digest,
        }

    def fix(self) -> str:
        target = shell.words(self.owner, self.group, self.mode, self.path)
        # printf is a builtin: the content appears in no process's arguments.
        return f"printf %s {shell.quote(self.content)} | write_file {target}"

    def backed_up_file(self) -> str:
        return self.path


@dataclass(frozen=True)
class Directory(Resource):
    """A directory, or a link to one, with its owner and mode. Its contents do not change."""

    fact = FILE
    path: str
    owner: str = "root"
    group: str = "root"
    mode: str = "0755"

    def desired(self) -> State:
        return {"kind": "directory", "owner": self.owner, "group": self.group, "mode": self.mode}

    def fix(self) -> str:
        path = shell.quote(self.path)
        return (
            f"follow {path}\nmkdir -p {path}\n"
            f'chown {shell.quote(f"{self.owner}:{self.group}")} "$target"\n'
            f'chmod {shell.quote(self.mode)} "$target"'
        )

    def remedy(self, log: str) -> str:
        if "File exists" in log:
            return f"{self.path} exists and is not a directory: move it away"
        return super().remedy(log)


@dataclass(frozen=True)
class BackupCopy(Resource):
    """A copy of a file from before mailfab first replaced it. Made once, then never changed."""

    fact = FILE
    path: str
    copy: str

    @property
    def key(self) -> str:
        return self.copy

    def desired(self) -> State:
        return {"kind": "file"}

    def fix(self) -> str:
        source, copy = shell.words(self.path), shell.words(self.copy)
        return (
            f"if [ -f {source} ]; then cp -p {source} {copy}.partial; "
            f"else : >{copy}.partial; fi\nmv -f {copy}.partial {copy}"
        )


@dataclass(frozen=True)
class RequiredFile(Resource):
    """A file that the administrator provides, such as their own certificate."""

    fact = FILE
    path: str
    variable: str
    """The inventory variable that names the file."""

    def desired(self) -> State:
        return {}

    def differences(self, state: State | None) -> Differences:
        if state is not None and state.get("kind") == "file":
            return {}
        return {"kind": (None if state is None else str(state["kind"]), "file")}

    def fix(self) -> str:
        return f"echo {shell.quote(f'{self.path} is missing')} >&2; exit 1"

    def remedy(self, log: str) -> str:
        return f"copy it to the host, or correct {self.variable} in the inventory"
