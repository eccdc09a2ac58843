"""The files of `host_vars` and `group_vars` beside an inventory, read when a host is used.

Source: docs.ansible.com, "Organizing host and group variables", and the behaviour of
ansible-inventory 2.19.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from pathlib import Path

from fabfile.model.errors import InventoryError
from fabfile.model.inventory.data import Variables
from fabfile.model.inventory.values import VAULT

ENDINGS = (".yml", ".yaml", ".json")
LARGEST = 16 * 2**20
"""Maximum size of a file, in bytes."""


def content_of(path: Path) -> bytes:
    """Return the content of a file. Raises InventoryError, and FileNotFoundError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise InventoryError(f"{path}: the inventory cannot be read: {error}") from error
    if len(content) > LARGEST:
        raise InventoryError(f"{path}: is larger than {LARGEST // 2**20} MiB")
    return content


def text_of(path: Path, content: bytes) -> str:
    """Return the text of a file. Bytes that are no UTF-8 become surrogates, as in Ansible.

    Raises InventoryError for another encoding, and for what is no text.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content:
        raise InventoryError(f"{path}: the inventory cannot be read: it is not text in UTF-8")
    return content.decode(errors="surrogateescape").removeprefix("\ufeff")


class VarsFiles:
    """The variables of hosts and groups in the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[tuple[str, str], tuple[Variables, list[str]]] = {}
        self._present: dict[str, bool] = {}

    def __call__(self, kind: str, name: str) -> tuple[Variables, list[str]]:
        """Return the variables of a name in `group_vars` or `host_vars`, and what was not read.

        Raises InventoryError for a file that cannot be read.
        """
        if kind not in self._present:
            self._present[kind] = (self._folder / kind).is_dir()
        if not self._present[kind] or name.startswith("/"):
            return {}, []
        if (kind, name) not in self._known:
            self._known[kind, name] = self._read(kind, name)
        return self._known[kind, name]

    def _read(self, kind: str, name: str) -> tuple[Variables, list[str]]:
        found: Variables = {}
        unread: list[str] = []
        for path in _files(os.path.join(self._folder, kind, name)):  # noqa: PTH118  # name is text
            text = text_of(path, content_of(path))
            if text.startswith(VAULT):
                unread.append(
                    f"{path} is encrypted with Ansible Vault, and not read: what mailfab needs "
                    "of it has to stand elsewhere (docs/inventory.md)"
                )
            elif text.strip():
                from fabfile.model.inventory import yaml_source

                found |= yaml_source.variables(text, path)
        return found, unread


def _files(path: str) -> Iterator[Path]:
    """Yield the files of a name: the first that exists, or all of a folder, in their order."""
    for ending in ("", *ENDINGS):
        there = Path(path + ending)
        if there.is_dir():
            yield from _folder(there)
            return
        if there.exists():
            yield there
            return


def _folder(path: Path) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(path))  # noqa: PTH208  # names, not paths
    except OSError as error:
        raise InventoryError(f"{path}: the inventory cannot be read: {error}") from error
    for name in names:
        there = path / name
        if name.startswith(".") or name.endswith("~"):
            continue
        if not there.suffix and there.is_dir():
            yield from _folder(there)
        elif there.suffix in ("", *ENDINGS) and there.is_file():
            yield there
