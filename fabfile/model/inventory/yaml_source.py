"""YAML and JSON files: inventories, and the files of `group_vars` and `host_vars`.

Values are made only when they are asked for. Source: docs.ansible.com, "How to build your
inventory" and the `yaml` inventory plugin, and the behaviour of ansible-inventory 2.19.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml

from fabfile.model.errors import InventoryError
from fabfile.model.inventory import pattern
from fabfile.model.inventory.data import Inventory, Variables
from fabfile.model.inventory.values import Encrypted, Unsafe, Value

LARGEST_MERGE = 10_000
"""Maximum number of keys of a mapping after its merges (`<<`): a few lines can name billions."""


class InvalidYaml(Exception):
    """A file is no YAML, or not of the kind that is expected: text, and the line if known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


class Plugin(Exception):
    """A file configures an inventory plug-in: `args[0]` is its name."""


class Item(NamedTuple):
    """A key of a mapping with its value, both as the file has them."""

    key: Any
    value: Any
    line: int | None


class Document:
    """A file that has been read: `root` is its value, which the other methods take apart."""

    root: Any

    def items(self, value: Any) -> list[Item] | None:
        """Return the items of a mapping, the last of equal keys; None for any other value."""
        raise NotImplementedError

    def load(self, value: Any) -> Any:
        """Return a value as data of Python. Raises InvalidYaml."""
        raise NotImplementedError


class _Json(Document):
    """JSON, which knows no lines."""

    def __init__(self, text: str) -> None:
        self.root = json.loads(text, object_hook=_special)

    def items(self, value: Any) -> list[Item] | None:
        if not isinstance(value, dict):
            return None
        return [Item(key, inner, None) for key, inner in value.items()]

    def load(self, value: Any) -> Any:
        return value


def _special(found: dict[str, Any]) -> Any:
    """Return what Ansible writes into JSON for a text that is no template, or is encrypted."""
    if isinstance(text := found.get("__ansible_unsafe"), str):
        return Unsafe(text)
    if isinstance(text := found.get("__ansible_vault"), str):
        return Encrypted(text)
    return found


class _Yaml(Document):
    """YAML, as a tree of nodes."""

    def __init__(self, text: str) -> None:
        self._loader = _caught(lambda: _Loader(text))
        self.root = _caught(self._loader.get_single_node)

    def items(self, value: Any) -> list[Item] | None:
        if not isinstance(value, yaml.MappingNode):
            return None
        _caught(lambda: self._loader.flatten_mapping(value))
        found: dict[Any, Item] = {}
        for key_node, inner in value.value:
            line = key_node.start_mark.line + 1
            key = self.load(key_node)
            try:
                found[key] = Item(key, inner, line)
            except TypeError:
                raise InvalidYaml("a list or a mapping is no key", line) from None
        return list(found.values())

    def load(self, value: Any) -> Any:
        if value is None:
            return None
        return _caught(lambda: self._loader.construct_object(value, deep=True))


# libyaml's loader is ten times as fast, where it is installed.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """Safe YAML, with the tags of Ansible."""

    def flatten_mapping(self, node: Any) -> None:
        """Resolve the merges of a mapping. Raises ConstructorError for too many."""
        super().flatten_mapping(node)
        if len(node.value) > LARGEST_MERGE:
            raise yaml.constructor.ConstructorError(
                None, None, f"a mapping has more than {LARGEST_MERGE} keys", node.start_mark
            )

    def encrypted(self, node: Any) -> Encrypted:
        """Return an encrypted value as it stands."""
        return Encrypted(str(node.value))

    def unsafe(self, node: Any) -> Any:
        """Return a value whose texts are no templates."""
        tag = self.resolve(type(node), node.value, (True, False))
        return _unsafe(self.construct_object(type(node)(tag, node.value, node.start_mark), True))


def _unsafe(value: Any) -> Any:
    """Return a value with all its texts marked as no templates."""
    if isinstance(value, str):
        return Unsafe(value)
    if isinstance(value, list):
        return [Unsafe(inner) if isinstance(inner, str) else inner for inner in value]
    return value


_Loader.add_constructor("!vault", _Loader.encrypted)
_Loader.add_constructor("!vault-encrypted", _Loader.encrypted)
_Loader.add_constructor("!unsafe", _Loader.unsafe)


def read(text: str) -> Document:
    """Return a document: JSON where it is that, else YAML. Raises InvalidYaml."""
    if text.lstrip().startswith("{"):
        try:
            return _Json(text)
        except (ValueError, RecursionError):
            pass
    return _Yaml(text)


def _caught(action: Callable[[], Any]) -> Any:
    """Return what `action` does. Raises InvalidYaml."""
    try:
        return action()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InvalidYaml(str(error.problem), mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise InvalidYaml(str(error).splitlines()[0]) from None
    except RecursionError:
        raise InvalidYaml("is nested too deeply") from None
    except UnicodeError:
        raise InvalidYaml("is not in UTF-8") from None
    except (ValueError, ArithmeticError, TypeError, LookupError, AttributeError):
        # PyYAML's constructors raise them for values that their tags do not fit. Their texts have
        # the value.
        raise InvalidYaml("a number, a date or binary data is invalid") from None


def _value(document: Document, item: Item, path: Path) -> Value:
    def load(source: Any) -> Any:
        try:
            return document.load(source)
        except InvalidYaml as error:
            where = f"{path}, line {error.line or item.line}"
            raise InventoryError(f"{where}: {item.key}: {error.problem}") from None

    return Value(item.value, load, path, item.line)


def variables(text: str, path: Path) -> Variables:
    """Return the variables of a file of `group_vars` or `host_vars`. Raises InventoryError."""
    try:
        document = read(text)
        items = document.items(document.root)
        if items is None and document.load(document.root):
            raise InvalidYaml("holds no variables: expected lines such as name: value")
    except InvalidYaml as error:
        refuse(error, path)
    return {item.key: _value(document, item, path) for item in items or ()}


def refuse(error: InvalidYaml, path: Path) -> NoReturn:
    """Raise InventoryError for a file."""
    where = f"{path}, line {error.line}" if error.line else str(path)
    raise InventoryError(
        f"{where}: {error.problem}", "correct the file: ansible-inventory --list reads it too"
    ) from None


def parse(text: str, path: Path, inventory: Inventory) -> None:
    """Add a YAML inventory. Raises InvalidYaml, InventoryError for a loop, and Plugin."""
    document = read(text)
    try:
        _Parser(document, path, inventory).parse()
    except RecursionError:
        raise InvalidYaml("is nested too deeply") from None


class _Parser:
    """Adds a document to an inventory."""

    def __init__(self, document: Document, path: Path, inventory: Inventory) -> None:
        self.document = document
        self.path = path
        self.inventory = inventory

    def parse(self) -> None:
        groups = self.document.items(self.document.root)
        if not groups:
            raise InvalidYaml("is not an inventory: expected groups, each a mapping")
        for item in groups:
            if item.key == "plugin" and (name := self.document.load(item.value)):
                raise Plugin(str(name))
        for item in groups:
            self._add_group(item)

    def _mapping(self, item: Item, what: str) -> list[Item]:
        """Return the items of a mapping, nothing or one name."""
        found = self.document.items(item.value)
        if found is None:
            one = self.document.load(item.value)
            if isinstance(one, str):
                return [Item(one, None, item.line)]
            if one is not None:
                raise InvalidYaml(f"{what} must be a mapping: write NAME: on each line", item.line)
        return found or []

    def _add_group(self, item: Item) -> None:
        name = item.key
        if not name or not isinstance(name, str):
            raise InvalidYaml("the name of a group must be text: put it in quotes", item.line)
        parts = self.document.items(item.value)
        if parts is None and self.document.load(item.value) is not None:
            # Ansible passes over it, with a warning.
            return
        self.inventory.add_group(name)
        found = {
            part.key: self._mapping(part, f"{part.key} of the group {name!r}")
            for part in parts or ()
            if part.key in ("vars", "children", "hosts")
        }
        for key, members in found.items():
            for member in members:
                if key == "vars":
                    self._set(name, member)
                elif key == "children":
                    self._add_child(name, member)
                else:
                    self._add_hosts(name, member)

    def _set(self, name: str, item: Item) -> None:
        self.inventory.set_variable(name, item.key, _value(self.document, item, self.path))

    def _add_child(self, parent: str, item: Item) -> None:
        self._add_group(item)
        if item.key not in self.inventory.groups:
            raise InvalidYaml(f"the group {item.key!r} must be a mapping", item.line)
        self.inventory.add_child(parent, item.key, f"{self.path}, line {item.line}")

    def _add_hosts(self, group: str, item: Item) -> None:
        if not item.key or not isinstance(item.key, str) or item.key == "---":
            raise InvalidYaml("the name of a host must be text: put it in quotes", item.line)
        try:
            hosts, number = pattern.read(item.key)
        except pattern.InvalidPattern as reason:
            raise InvalidYaml(str(reason), item.line) from None
        settings = self.document.items(item.value)
        if settings is None and self.document.load(item.value):
            raise InvalidYaml(f"the variables of {item.key!r} must be a mapping", item.line)
        port = Value(number, int, self.path, item.line) if number else None
        for host in hosts:
            self.inventory.add_host(host, group, port, (self.path, item.line))
            for setting in settings or ():
                self._set(host, setting)
