"""System accounts: users and groups, from every source of the host's name service."""

from __future__ import annotations

from dataclasses import dataclass

from fabfile.model import shell
from fabfile.model.fact import Fact, State
from fabfile.model.resource import Resource


def _parse_users(lines: list[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    for line in lines:
        if len(entry := line.split(":")) == 7:
            name, _, uid, gid, _, home, login = entry
            found[name] = {"uid": int(uid), "gid": int(gid), "home": home, "shell": login}
    return found


USER = Fact("user", 'getent passwd -- "$@"\n', _parse_users)


def _parse_groups(lines: list[str]) -> dict[str, State]:
    entries = (line.split(":") for line in lines)
    return {entry[0]: {"gid": int(entry[2])} for entry in entries if len(entry) == 4}


GROUP = Fact("group", 'getent group -- "$@"\n', _parse_groups)


def _below(folder: str, test: str, command: str) -> str:
    """Return a line of shell for what `find` finds in a folder, or in the one that it links to."""
    path = shell.quote(f"{folder}/")
    return f"[ ! -d {path} ] || find {path} {test} -exec {command} {{}} +\n"


def _reown(folder: str, old: object, new: object) -> str:
    return _below(folder, f'-user "{old}" ! -user "{new}"', f'chown -h "{new}"')


def _regroup(folder: str, old: object, new: object, owner: int | None = None) -> str:
    of_user = f"-user {owner} " if owner is not None else ""
    return _below(folder, f'{of_user}-group "{old}" ! -group "{new}"', f'chgrp -h "{new}"')


@dataclass(frozen=True)
class Group(Resource):
    """A group of the system."""

    fact = GROUP
    name: str
    gid: int
    files: str = ""
    """The folder whose files follow a new number; empty for none."""

    def desired(self) -> State:
        return {"gid": self.gid}

    def fix(self) -> str:
        name = shell.quote(self.name)
        # Before the group itself: after a crash the next run still knows the old number.
        move = _regroup(self.files, "$old", self.gid) if self.files else ""
        return (
            f"if getent group {name} >/dev/null; then\n"
            f"    old=$(getent group {name} | cut -d: -f3)\n"
            f'    if [ "$old" != {self.gid} ]; then\n{move}groupmod -g {self.gid} {name}\nfi\n'
            f"else groupadd -g {self.gid} {name}; fi"
        )

    def remedy(self, log: str) -> str:
        if "already exists" in log:
            return (
                f"gid {self.gid} is used by another group (getent group {self.gid}): "
                "give that group another gid, then run again"
            )
        return super().remedy(log)


@dataclass(frozen=True)
class User(Resource):
    """A user of the system. Its home directory is a separate resource."""

    fact = USER
    name: str
    uid: int
    gid: int
    home: str
    shell: str = "/usr/sbin/nologin"

    def desired(self) -> State:
        return {"uid": self.uid, "gid": self.gid, "home": self.home, "shell": self.shell}

    def fix(self) -> str:
        name, home = shell.quote(self.name), shell.quote(self.home)
        options = f"-u {self.uid} -g {self.gid} -d {home} -s {shell.quote(self.shell)}"
        # A new number would orphan the user's files: not every usermod changes more of them than
        # the home directory. A usermod that refuses (a process of the user runs) must change none.
        take = _reown(self.home, "$old", self.uid) + _regroup(
            self.home, "$group", self.gid, owner=self.uid
        )
        give_back = _reown(self.home, self.uid, "$old")
        return (
            f"if getent passwd {name} >/dev/null; then\n"
            f"old=$(id -u {name}) group=$(id -g {name})\n"
            f'[ "$old $group" = "{self.uid} {self.gid}" ] || {{\n{take}}}\n'
            f"usermod {options} {name} || {{\n"
            f"code=$?\n"
            f'[ "$old" = {self.uid} ] || {{\n{give_back}}}\n'
            f"exit $code\n"
            f"}}\n"
            f"else useradd -M {options} {name}; fi"
        )

    def remedy(self, log: str) -> str:
        if "not unique" in log or "already exists" in log:
            return (
                f"uid {self.uid} is used by another user (getent passwd {self.uid}): "
                "give that user another uid, then run again"
            )
        if "used by process" in log:
            return f"stop the processes of {self.name} (ps -u {self.name}), then run again"
        return super().remedy(log)
