"""Hosts, groups and their variables, merged as Ansible merges them.

Source: docs.ansible.com, "How variables are merged", and the behaviour of ansible-inventory 2.19.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from fabfile.model.errors import InventoryError
from fabfile.model.inventory.values import Settings, Unusable, Value

ALL, UNGROUPED = "all", "ungrouped"
PRIORITY = "ansible_group_priority"
Variables = dict[str, Value]
Place = tuple[Path, int | None]
"""A file, and a line in it."""


def is_name(text: str) -> bool:
    """Return whether -H can select a host of this name. A setting in its place may be secret."""
    return text.isprintable() and not any(letter in text for letter in " ,=") and text != ""


class Group:
    """A named set of hosts and of other groups, with their common variables."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.hosts: dict[str, None] = {}
        """Its own hosts, in their order."""
        self.children: list[str] = []
        self.parents: list[str] = []
        self.variables: Variables = {}
        self.priority = 1
        """Among groups of the same depth, variables of the higher priority win."""


VarsOf = Callable[[str, str], tuple[Variables, list[str]]]
"""Returns the variables of `group_vars` or `host_vars` for a name, and what was not read."""


def _none(_folder: str, _name: str) -> tuple[Variables, list[str]]:
    return {}, []


class Inventory:
    """The hosts and groups of one or several files. `hosts` has each host's own variables."""

    def __init__(
        self, path: Path, hosts: dict[str, Variables] | None = None, vars_of: VarsOf = _none
    ) -> None:
        self.path = path
        self.hosts = hosts or {}
        self.groups: dict[str, Group] = {}
        self.vars_of = vars_of
        self.unread: list[str] = []
        """Sources that were not read: which, why, and what to do instead."""
        self.places: dict[str, Place] = {}
        """Where each host is mentioned first."""
        self._direct: dict[str, list[str]] | None = None
        self._depths: dict[str, int] = {}
        self.add_group(ALL)
        self.add_group(UNGROUPED)
        self.add_child(ALL, UNGROUPED, str(self.path))

    # Reading.

    def add_group(self, name: str) -> Group:
        """Return a group; create it if there is none."""
        return self.groups.setdefault(name, Group(name))

    def add_host(self, name: str, group: str, port: Value | None, place: Place) -> None:
        """Add a host to a group. Its first mention decides about the port behind its name."""
        if name not in self.hosts:
            self.hosts[name] = {"ansible_port": port} if port else {}
            self.places[name] = place
        self.groups[group].hosts[name] = None

    def set_variable(self, name: str, variable: str, value: Value) -> None:
        """Set a variable of a group, else of a host: a group takes the one of its namesake."""
        if name not in self.groups:
            self.hosts[name][variable] = value
        elif variable == PRIORITY:
            try:
                self.groups[name].priority = int(value.data)
            except (ValueError, OverflowError, TypeError):
                raise InventoryError(
                    f"{value.place}: {PRIORITY} is not a number", "give it a whole number"
                ) from None
        else:
            self.groups[name].variables[variable] = value

    def add_child(self, parent: str, child: str, where: str) -> None:
        """Put a group into another. Raises InventoryError for a loop; `where` is for messages."""
        if child in self.groups[parent].children:
            return
        if UNGROUPED in (parent, child) and parent != ALL:
            # Ansible takes hosts out of it in the end, and then loses them, or its variables.
            raise InventoryError(
                f"{where}: the group ungrouped cannot be in another, or have one in it",
                "give the hosts without a group one of their own",
            )
        above = {parent: ""}
        waiting = [parent]
        for name in waiting:
            for other in self.groups[name].parents:
                if other not in above:
                    above[other] = name
                    waiting.append(other)
        if child in above:
            chain = [child]
            while chain[-1] != parent:
                chain.append(above[chain[-1]])
            raise InventoryError(
                f"{where}: the group {child!r} contains itself: " + " > ".join([*chain, child]),
                "take one of these groups out of the other",
            )
        self.groups[parent].children.append(child)
        self.groups[child].parents.append(parent)

    def finish(self) -> Inventory:
        """Put all groups under `all`, and hosts without a group into `ungrouped`."""
        for group in self.groups.values():
            if group.name != ALL and not group.parents:
                self.add_child(ALL, group.name, str(self.path))
        grouped: set[str] = set()
        for group in self.groups.values():
            if group.name not in (ALL, UNGROUPED):
                grouped.update(group.hosts)
        rest = self.groups[UNGROUPED]
        namesakes = [
            host
            for host in self.hosts
            if host in self.groups and host not in grouped and host not in rest.hosts
        ]
        rest.hosts |= dict.fromkeys(self.hosts)
        rest.hosts = {n: None for n in rest.hosts if n not in grouped and n not in namesakes}
        for name in namesakes:
            # Ansible finds the group where it wants to add the host.
            rest.children.append(name)
            self.groups[name].parents.append(UNGROUPED)
        return self

    # Asking.

    def select(self, names: list[str]) -> list[str]:
        """Return the hosts of host and group names, each once, in the order given.

        A name that is neither is returned unchanged: ssh's configuration may have the host.
        """
        chosen: dict[str, None] = {}
        for name in names:
            members = self.members(name)
            if not members and name in self.groups:
                raise InventoryError(f"{self.path}: the group {name!r} has no hosts")
            for member in members:
                self._check_name(member)
            chosen.update(dict.fromkeys(members or [name]))
        return list(chosen)

    def _check_name(self, host: str) -> None:
        if not is_name(host):
            path, line = self.places[host]
            raise InventoryError(
                f"{path}, line {line}: expected a name, found something else: a setting, or a "
                "name with a blank, a comma or a control character",
                "put settings for many hosts under [GROUP:vars], and give each host a name that "
                "-H can select",
            )

    def members(self, name: str) -> list[str]:
        """Return the hosts of a group, or the host itself; empty if it is neither.

        A group hides a host of its name, unless that has a dot: Ansible takes both then.
        """
        if name == ALL:
            return list(self.hosts)
        found: dict[str, None] = {}
        for group in self._below(name):
            found.update(group.hosts)
        if name in self.hosts and (name not in self.groups or "." in name):
            found[name] = None
        return list(found)

    def _below(self, name: str) -> Iterator[Group]:
        """Yield a group and all groups in it, each once, a group before its children."""
        waiting = [name] if name in self.groups else []
        seen: set[str] = set()
        while waiting:
            group = self.groups[waiting.pop()]
            if group.name not in seen:
                seen.add(group.name)
                yield group
                waiting += reversed(group.children)

    def groups_of(self, host: str) -> list[Group]:
        """Return all groups of a host but `all`, those whose variables win last."""
        if self._direct is None:
            self._direct = {}
            for group in self.groups.values():
                for name in group.hosts:
                    self._direct.setdefault(name, []).append(group.name)
            self._depths = self._measure()
        waiting = list(self._direct.get(host, ()))
        found = set(waiting)
        for name in waiting:
            new = [parent for parent in self.groups[name].parents if parent not in found]
            found.update(new)
            waiting += new
        mine = [self.groups[name] for name in found if name != ALL]
        return sorted(mine, key=lambda g: (self._depths[g.name], g.priority, g.name))

    def _measure(self) -> dict[str, int]:
        """Return the depth of each group: the longest way down from one without parents."""
        left = {group.name: len(group.parents) for group in self.groups.values()}
        waiting = [name for name, parents in left.items() if not parents]
        depths = dict.fromkeys(waiting, 0)
        for name in waiting:
            for child in self.groups[name].children:
                depths[child] = max(depths.get(child, 0), depths[name] + 1)
                left[child] -= 1
                if not left[child]:
                    waiting.append(child)
        return depths

    def values(self, host: str) -> tuple[Variables, list[str]]:
        """Return the variables of a host, the nearest definition winning, and what was not read.

        A host that the inventory does not have gets the variables of `all`.
        """
        groups = self.groups_of(host)
        merged = dict(self.groups[ALL].variables)
        for group in groups:
            merged |= group.variables
        notes: list[str] = []
        for name in (ALL, *(group.name for group in groups)):
            more, unread = self.vars_of("group_vars", name)
            merged |= more
            notes += unread
        if host in self.hosts:
            merged |= self.hosts[host]
            more, unread = self.vars_of("host_vars", host)
            merged |= more
            notes += unread
        return merged, notes

    def variables(self, host: str) -> Settings:
        """Return the variables of a host as text; those that cannot be text are `refused`.

        Raises InventoryError for a file of variables that cannot be read.
        """
        found = Settings(host)
        values, found.unread = self.values(host)
        for name, value in values.items():
            try:
                text = value.text(name)
            except Unusable as reason:
                found.refused[name] = f"{name} ({value.place}) {reason}"
            except InventoryError as error:
                found.refused[name] = error.message
            else:
                if text is not None:
                    found[name] = text
                    found.places[name] = value.place
        if not values.keys() & {"ansible_host", "ansible_ssh_host"}:
            for unread in found.unread:
                # Nothing else than its own file sets the address of one host.
                if f"{os.sep}host_vars{os.sep}" in unread:
                    found.refused["ansible_host"] = f"ansible_host may be in {unread}"
        found.ignore()
        return found

    def names(self) -> list[str]:
        """Return the names of hosts and groups that -H can select."""
        known = [*self.hosts, *(n for n in self.groups if n not in (ALL, UNGROUPED)), ALL]
        return [name for name in dict.fromkeys(known) if is_name(name)]

    def suggestions(self, name: str) -> str:
        """Return names like `name`, else all names of the inventory, as text for a message."""
        known = [name for name in self.names() if name != ALL]
        from difflib import get_close_matches

        near = get_close_matches(name, known, n=3)
        if near:
            return f"did you mean {' or '.join(near)}?"
        return f"{self.path.name} has: {', '.join(known) or 'nothing'}"
