"""Inventories in Ansible's INI format.

Hosts and groups, `[group:children]`, `[group:vars]`. A value is a literal of Python or text: on a
host's line after a shell has split it, in a section of variables as it stands.
Source: docs.ansible.com, "How to build your inventory" and the `ini` inventory plugin, and the
behaviour of ansible-inventory 2.19.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NoReturn

from fabfile.model.errors import InventoryError
from fabfile.model.inventory import pattern
from fabfile.model.inventory.data import UNGROUPED, Inventory
from fabfile.model.inventory.values import Value, literal

HEADING = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
CHILD = r"([^:\]\s]+)\s*(?:#.*)?"
HOSTS, CHILDREN, VARIABLES = "hosts", "children", "vars"


def parse(text: str, path: Path, inventory: Inventory) -> None:
    """Add what `text` describes to an inventory; `path` is for messages.

    Raises InventoryError with file and line where Ansible would not read on.
    """
    _Parser(path, inventory).parse(text)


class _Parser:
    """The state between two lines."""

    def __init__(self, path: Path, inventory: Inventory) -> None:
        self.path = path
        self.inventory = inventory
        self.line = 0
        self.group, self.kind = UNGROUPED, HOSTS
        # Groups that were mentioned before they were declared: the line, and the groups that
        # want them as children.
        self.undeclared: dict[str, tuple[int, list[str]]] = {}

    def parse(self, text: str) -> None:
        for self.line, raw in enumerate(text.splitlines(), 1):
            line = raw.strip()
            if not line or line[0] in "#;":
                continue
            if heading := HEADING.fullmatch(line):
                self._begin(heading[1], heading[2] or HOSTS)
            elif line[0] == "[" and line[-1] == "]":
                self._refuse(
                    "is not the heading of a section",
                    "use [group], [group:children] or [group:vars], without blanks",
                )
            elif self.kind == HOSTS:
                self._add_hosts(line)
            elif self.kind == VARIABLES:
                self._set(line)
            else:
                self._add_child(line)
        for name, (number, parents) in self.undeclared.items():
            self.line = number
            section = f"[{parents[-1]}:children]" if parents else f"[{name}:vars]"
            self._refuse(
                f"{section} needs the group {name!r}, which does not exist",
                f"correct its name, or add a line [{name}]",
            )

    def _refuse(self, problem: str, remedy: str) -> NoReturn:
        raise InventoryError(f"{self.path}, line {self.line}: {problem}", remedy)

    def _begin(self, name: str, kind: str) -> None:
        """Begin a section."""
        if kind not in (HOSTS, CHILDREN, VARIABLES):
            self._refuse(
                f"[{name}:{kind}] is not a kind of section",
                "use [group], [group:children] or [group:vars]",
            )
        self.group, self.kind = name, kind
        if name not in self.inventory.groups and kind == VARIABLES:
            self.undeclared.setdefault(name, (self.line, []))
        self.inventory.add_group(name)
        if kind != VARIABLES:
            _, parents = self.undeclared.pop(name, (0, []))
            for parent in parents:
                self._nest(parent, name)

    def _nest(self, parent: str, child: str) -> None:
        self.inventory.add_child(parent, child, f"{self.path}, line {self.line}")

    def _add_child(self, line: str) -> None:
        # A line may hold a password, so messages show only its number.
        found = re.fullmatch(CHILD, line)
        if not found:
            self._refuse("expected the name of a group", "write one name on each line")
        child = found[1]
        if "=" in child:
            self._refuse("expected a name, found a setting", "put settings under [GROUP:vars]")
        if child in self.inventory.groups:
            self._nest(self.group, child)
        else:
            self.undeclared.setdefault(child, (self.line, []))[1].append(self.group)

    def _set(self, line: str) -> None:
        name, equals, value = line.partition("=")
        if not equals:
            self._refuse("expected a setting", "write it as name=value")
        self.inventory.set_variable(self.group, name.strip(), self._value(value.strip()))

    def _value(self, text: str) -> Value:
        return Value(text, literal, self.path, self.line)

    def _add_hosts(self, line: str) -> None:
        name, *settings = self._words(line)
        if not name or name == "---":
            self._refuse("expected the name of a host", "give it a name that -H can select")
        variables = []
        for word in settings:
            variable, equals, value = word.partition("=")
            if not equals:
                self._refuse(
                    "expected a setting",
                    "write it as name=value, and a value with spaces in quotes: 'name=a value'",
                )
            variables.append((variable, self._value(value)))
        try:
            hosts, number = pattern.read(name)
        except pattern.InvalidPattern as reason:
            self._refuse(str(reason), "correct the name of the host")
        port = Value(number, int, self.path, self.line) if number else None
        for host in hosts:
            self.inventory.add_host(host, self.group, port, (self.path, self.line))
            for variable, setting in variables:
                self.inventory.set_variable(host, variable, setting)

    def _words(self, line: str) -> list[str]:
        if not re.search(r"""['"\\#]""", line):
            return re.split(r"[ \t]+", line)
        try:
            return shlex.split(line, comments=True) or [""]
        except ValueError as error:
            self._refuse(
                str(error),
                "close each quote; put a value with one kind of quote into the other kind",
            )
