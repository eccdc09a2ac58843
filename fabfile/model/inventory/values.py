"""Values of variables: read when they are asked for, and turned into text as Ansible does.

An inventory holds many values for other tools. Only the ones that mailfab reads can be refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fabfile.model.errors import InventoryError
from fabfile.model.redact import is_secret

# What begins an expression, a statement and a comment of Jinja (its documentation, "Synopsis").
TEMPLATE = re.compile(r"\{[{%#]")
VAULT = "$ANSIBLE_VAULT;"
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
# Text that cannot be a literal of Python: most values of an inventory, addresses among them.
PLAIN = re.compile(
    r"(?!True|False|None|set\b|[bBfFrRuU]{1,2}[\"'])[A-Za-z_/~$@%&*:<>=!?|^]|\d+\.\d+\."
)
WHOLE_NUMBER = re.compile("0|[1-9][0-9]{0,17}")


class Unsafe(str):
    """Text that Ansible does not evaluate as a template (`!unsafe`)."""

    __slots__ = ()


class Encrypted:
    """A value that Ansible Vault has encrypted (`!vault`)."""

    def __init__(self, text: str) -> None:
        self.text = text


class Unusable(Exception):
    """A value cannot be used: `args[0]` says why."""


class Value:
    """The value of a variable, and where it stands. Groups share theirs among many hosts.

    `source` is what the file holds: text of an INI file, a node of a YAML file. `parse` returns the
    value of a source.
    """

    __slots__ = ("_done", "_place", "_text", "line", "parse", "path", "source")

    def __init__(
        self, source: Any, parse: Callable[[Any], Any], path: Path, line: int | None = None
    ) -> None:
        self.source = source
        self.parse = parse
        self.path = path
        self.line = line
        self._text: str | Unusable | None = None
        self._done = False
        self._place = ""

    @property
    def data(self) -> Any:
        """The value itself, with its type. Raises InventoryError if it cannot be read."""
        return self.parse(self.source)

    def text(self, name: str) -> str | None:
        """Return the value of the variable `name` as text; None if it is empty.

        Raises Unusable for a value that is no text, InventoryError for one that cannot be read.
        """
        if not self._done:
            try:
                self._text = as_text(name, self.data)
            except Unusable as reason:
                self._text = reason
            self._done = True
        if isinstance(self._text, Unusable):
            raise self._text
        return self._text

    @property
    def place(self) -> str:
        """File and line, for messages."""
        if not self._place:
            self._place = f"{self.path}, line {self.line}" if self.line else str(self.path)
        return self._place


def literal(text: str) -> Any:
    """Return the value of a setting in an INI file: a literal of Python, else the text itself."""
    if PLAIN.match(text):
        return text
    if WHOLE_NUMBER.fullmatch(text):
        return int(text)
    import ast

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return _plain(found)


def _plain(found: Any) -> Any:
    """Return a literal with the types that Ansible's variables have."""
    if isinstance(found, (list, tuple, set)):
        return [_plain(item) for item in found]
    if isinstance(found, dict):
        return {key: _plain(value) for key, value in found.items()}
    if found is ...:
        return "..."
    if isinstance(found, complex):
        return str(found)
    if isinstance(found, bytes):
        return Unsafe(found.decode(errors="surrogateescape"))
    return found


def as_text(name: str, data: Any) -> str | None:
    """Return a value as text; None if it is not set. Raises Unusable.

    A list is words with blanks between them, except for a secret or a variable of Ansible.
    """
    if data is None:
        return None
    if isinstance(data, list) and not (is_secret(name) or name.startswith("ansible_")):
        return " ".join(_scalar(item) for item in data)
    return _scalar(data)


def _scalar(data: Any) -> str:
    if isinstance(data, Encrypted) or (isinstance(data, str) and data.startswith(VAULT)):
        raise Unusable("is encrypted with Ansible Vault, which mailfab does not read")
    if isinstance(data, str):
        if TEMPLATE.search(data) and not isinstance(data, Unsafe):
            raise Unusable("is a template of Jinja, which mailfab does not evaluate")
        if control := CONTROL.search(data):
            raise Unusable(f"holds the control character {control[0]!a}")
        if not data.isascii() and any("\ud800" <= letter <= "\udfff" for letter in data):
            raise Unusable("is not in UTF-8")
        return str(data)
    if isinstance(data, (list, tuple, set, dict, bytes)) or data is None:
        kind = {dict: "a mapping", bytes: "binary data", type(None): "empty"}
        raise Unusable(f"holds {kind.get(type(data), 'a list')}, where text is expected")
    return str(data)


class Settings(dict[str, str]):
    """The variables of a host as text: those that can be used."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self.host = host
        self.refused: dict[str, str] = {}
        """The problems of the others, by name: which, where, and why."""
        self.places: dict[str, str] = {}
        """File and line of each variable."""
        self.unread: list[str] = []
        """Files that were not read, and may hold variables of this host."""

    def ignore(self) -> None:
        """Remove the variables that `mailfab_ignore` names: they are for other tools."""
        for name in ignored(self):
            self.pop(name, None)
            self.refused.pop(name, None)

    def require(self, *names: str) -> None:
        """Raise InventoryError for the first of the names whose value cannot be used."""
        for name in names:
            if name in self.refused:
                raise InventoryError(self.refused[name], remedy(name, self.host), host=self.host)


def ignored(variables: Mapping[str, str]) -> list[str]:
    """Return the names in `mailfab_ignore`; `*` stands for all that look misspelt."""
    return variables.get("mailfab_ignore", "").replace(",", " ").split()


def password_kind(name: str) -> str:
    """Return what a password of Ansible's variables is for: `login` or `sudo`."""
    return "sudo" if "become" in name or "sudo" in name else "login"


def remedy(name: str, host: str) -> str:
    """Return what to do instead of a value that cannot be used."""
    ignore = f"mailfab_ignore={name}"
    if name.startswith("ansible_") and is_secret(name):
        kind = password_kind(name)
        without = "NOPASSWD in sudoers" if kind == "sudo" else "an SSH key"
        return f"use --prompt-for-{kind}-password, or {without} and {ignore}"
    way = f"write its value as text in host_vars/{host}.yml, or in the folder of that name"
    if is_secret(name):
        way += "; env:NAME, file:PATH and cmd:COMMAND say where a password is"
    return f"{way}; or, if mailfab does not need it: {ignore}"
