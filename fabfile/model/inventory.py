"""The inventory: an Ansible INI file, read as Ansible reads it.

Hosts and groups, `[group:children]`, `[group:vars]`, ranges such as `mail[01:20]`. A host's
variables are those of `all`, then of its groups from the outermost in, then its own.
Source: docs.ansible.com, "How to build your inventory" and the `ini` inventory plugin.
"""

from __future__ import annotations

import os
import re
import shlex
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from fabfile.model.errors import InventoryError

DEFAULT_PATH = Path(__file__).resolve().parents[2] / "inventory.ini"
HEADING = re.compile(r"\[([^:\]]+)(?::(\w+))?\]\s*(?:[#;].*)?$")
RANGE = re.compile(r"\[(\w+):(\w+)(?::(\d+))?\]")
LARGEST_RANGE = 10_000
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


@dataclass
class Group:
    """A named set of hosts and of other groups, with their common variables."""

    name: str
    hosts: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


@dataclass
class Inventory:
    """The hosts and groups of one file. `hosts` maps each name to its own variables."""

    path: Path
    hosts: dict[str, dict[str, str]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)

    def select(self, names: list[str]) -> list[str]:
        """Return the hosts of host and group names, each once, in the order given.

        A name that is neither is returned unchanged: ssh's configuration may have the host.
        """
        chosen: dict[str, None] = {}
        for name in names:
            members = self.members(name)
            if not members and name in self.groups:
                raise InventoryError(f"{self.path}: the group {name!r} has no hosts")
            chosen.update(dict.fromkeys(members or [name]))
        return list(chosen)

    def members(self, name: str) -> list[str]:
        """Return the hosts of a group (or `all`), or the host itself; empty if it is neither."""
        if name in self.hosts:
            return [name]
        if name == "all":
            return list(self.hosts)
        if name not in self.groups:
            return []
        group = self.groups[name]
        found = dict.fromkeys(group.hosts)
        for child in group.children:
            found.update(dict.fromkeys(self.members(child)))
        return list(found)

    def variables(self, host: str) -> dict[str, str]:
        """Return a host's variables, the nearest definition winning."""
        merged: dict[str, str] = {}
        groups = [
            g for g in self.groups.values() if g.name != "all" and host in self.members(g.name)
        ]
        for group in sorted(groups, key=lambda g: (self._depth(g.name), g.name)):
            merged.update(group.variables)
        outermost = self.groups["all"].variables if "all" in self.groups else {}
        return {**outermost, **merged, **self.hosts.get(host, {})}

    def suggestions(self, name: str) -> str:
        """Return names like `name`, else all names of the inventory, as text for a message."""
        known = [*self.hosts, *(n for n in self.groups if n != "ungrouped")]
        near = get_close_matches(name, known, n=3)
        if near:
            return f"did you mean {' or '.join(near)}?"
        return f"{self.path.name} has: {', '.join(known) or 'nothing'}"

    def _depth(self, name: str) -> int:
        parents = [g.name for g in self.groups.values() if name in g.children]
        return 1 + max((self._depth(parent) for parent in parents), default=0)


def load(path: Path | None = None) -> Inventory:
    """Read the inventory at `path`, at `MAILFAB_INVENTORY`, or beside the fabfile.

    The shipped default may be missing (every host then comes from ssh's own configuration);
    a file that was named must exist. Raises InventoryError with file and line.
    """
    named = path or (Path(p) if (p := os.environ.get("MAILFAB_INVENTORY")) else None)
    file = named or DEFAULT_PATH
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if named is None:
            return Inventory(file)
        raise InventoryError(
            f"there is no inventory at {file}", "name another with MAILFAB_INVENTORY=FILE"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InventoryError(f"{file}: the inventory cannot be read: {error}") from error
    return parse(text, file)


def parse(text: str, path: Path) -> Inventory:
    """Return the inventory that `text` describes; `path` is for messages."""
    inventory = Inventory(path)
    group, kind = _group(inventory, "ungrouped"), None
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if control := CONTROL.search(line):
            raise InventoryError(
                f"{path}, line {number}: holds the control character {control[0]!a}",
                "no setting and no name can have one: remove it",
            )
        if not line or line[0] in "#;":
            continue
        where = f"{path}, line {number}"
        if line.startswith("[") and (heading := HEADING.match(line)):
            group, kind = _group(inventory, heading[1].strip()), heading[2]
            if kind not in (None, "children", "vars"):
                raise InventoryError(
                    f"{where}: [{heading[1]}:{kind}] is not a kind of section",
                    "use [group], [group:children] or [group:vars]",
                )
        elif kind == "vars":
            name, value = _assignment(line, where)
            group.variables[name] = value
        elif kind == "children":
            name = _name(_words(line, where)[0], where)
            _group(inventory, name)
            group.children.append(name)
        else:
            _add_hosts(inventory, group, line, where)
    _refuse_loops(inventory)
    return inventory


def _group(inventory: Inventory, name: str) -> Group:
    return inventory.groups.setdefault(name, Group(name))


def _add_hosts(inventory: Inventory, group: Group, line: str, where: str) -> None:
    pattern, *assignments = _words(line, where)
    _name(pattern, where)
    variables = dict(_assignment(word, where) for word in assignments)
    if (port := re.search(r"(?<=[^:]):(\d+)$", pattern)) and "[" not in pattern[port.start() :]:
        variables.setdefault("ansible_port", port[1])
        pattern = pattern[: port.start()]
    for name in expand(pattern, where):
        inventory.hosts.setdefault(name, {}).update(variables)
        if name not in group.hosts:
            group.hosts.append(name)


def expand(pattern: str, where: str = "") -> Iterator[str]:
    """Yield the names of a pattern with ranges: `m[01:03]` is m01, m02, m03; `[a:c]` is a, b, c."""
    found = RANGE.search(pattern)
    if found is None:
        if "[" in pattern or "]" in pattern:
            raise InventoryError(
                f"{where}: {pattern!r} is not a host name or a range", "write it as mail[01:20]"
            )
        yield pattern
        return
    first, last, step = found[1], found[2], int(found[3] or 1)
    if first.isdigit() and last.isdigit():
        width = len(first) if first.startswith("0") else 0
        names = [str(n).zfill(width) for n in range(int(first), int(last) + 1, step or 1)]
    else:
        letters = string.ascii_letters
        if len(first) != 1 or len(last) != 1 or first not in letters or last not in letters:
            raise InventoryError(f"{where}: {found[0]} is not a range", "write it as mail[01:20]")
        names = list(letters[letters.index(first) : letters.index(last) + 1 : step or 1])
    if not step or not names or len(names) > LARGEST_RANGE:
        raise InventoryError(f"{where}: the range {found[0]} has {len(names)} hosts")
    for name in names:
        yield from expand(pattern[: found.start()] + name + pattern[found.end() :], where)


def _words(line: str, where: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError as error:
        raise InventoryError(
            f"{where}: {error}",
            "close each quote; put a value with one kind of quote into the other kind",
        ) from None


# A line may hold a password, so messages show only its number.
def _name(word: str, where: str) -> str:
    """Return a host's or group's name; refuse a setting, whose value would be shown as a name."""
    if not word or re.search(r"[\s,]", word):
        raise InventoryError(
            f"{where}: a name is empty, or has a space or a comma in it",
            "give it a name that -H can select",
        )
    if "=" in word:
        raise InventoryError(
            f"{where}: expected a name, found a setting",
            "put settings for many hosts under [GROUP:vars]",
        )
    return word


def _assignment(text: str, where: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not name.isidentifier():
        raise InventoryError(
            f"{where}: expected a setting",
            "write it as name=value, and a value with spaces in quotes: 'name=a value'",
        )
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return name, value


def _refuse_loops(inventory: Inventory) -> None:
    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise InventoryError(
                f"{inventory.path}: the group {name!r} contains itself: "
                + " > ".join([*above[above.index(name) :], name])
            )
        for child in inventory.groups[name].children:
            visit(child, (*above, name))

    for name in inventory.groups:
        visit(name, ())
