"""The inventory: Ansible's files, read as Ansible reads them. docs/inventory.md describes it."""

from __future__ import annotations

import os
from pathlib import Path

from fabfile.model.errors import InventoryError
from fabfile.model.inventory import ini, sources
from fabfile.model.inventory.data import Inventory

DEFAULT_PATH = Path(__file__).resolve().parents[3] / "inventory.ini"


def load(path: Path | None = None) -> Inventory:
    """Read the inventory at `path`, at `MAILFAB_INVENTORY`, or beside the fabfile.

    The shipped default may be missing (every host then comes from ssh's own configuration);
    a file or folder that was named must exist. Raises InventoryError with file and line.
    """
    named = path or (Path(p) if (p := os.environ.get("MAILFAB_INVENTORY")) else None)
    try:
        return sources.read(named or DEFAULT_PATH)
    except FileNotFoundError:
        if named is None:
            return Inventory(DEFAULT_PATH)
        raise InventoryError(
            f"there is no inventory at {named}", "name another with MAILFAB_INVENTORY=FILE"
        ) from None


def parse(text: str, path: Path) -> Inventory:
    """Return the inventory that the text of an INI file describes; `path` is for messages."""
    inventory = Inventory(path)
    ini.parse(text, path, inventory)
    return inventory.finish()


__all__ = ["DEFAULT_PATH", "Inventory", "load", "parse"]
