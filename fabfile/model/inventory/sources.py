"""Where an inventory is: a file, or a folder of files that are merged, in the order of their names.

Nothing is executed. Scripts, plug-ins and files of Ansible Vault are named as not read.
Source: docs.ansible.com, "How to build your inventory", and the behaviour of ansible-inventory
2.19 with its defaults (`ansible.cfg` is not read).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from fabfile.model.errors import InventoryError
from fabfile.model.inventory import ini
from fabfile.model.inventory.data import Inventory
from fabfile.model.inventory.values import VAULT
from fabfile.model.inventory.vars_files import VarsFiles, content_of, text_of

# Settings INVENTORY_IGNORE_EXTS and REJECT_EXTS of Ansible.
IGNORED = (
    r"^\.|^(host_vars|group_vars|vars_plugins)$|~$"
    r"|\.(pyc|pyo|swp|bak|rpm|md|txt|rst|orig|cfg|retry)$"
)
YAML = ("", ".yml", ".yaml", ".json")
# A mapping of YAML has a colon before a blank, a brace or a question mark.
MAYBE_YAML = r"(?m):(?:\s|$)|\{|^\s*\?"
PROGRAM = (b"#!", b"\x7fELF")

EXPORT = "run ansible-inventory -i {path} --list --yaml --output FILE.yml, and use FILE.yml"


class NotRead(Exception):
    """A source is not read: `args` are why, and what to do instead."""


def read(path: Path) -> Inventory:
    """Return the inventory of a file or a folder. Raises InventoryError, FileNotFoundError."""
    # As Ansible: beside the link, if the inventory is one.
    path = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() follows links
    is_folder = path.is_dir()
    inventory = Inventory(path, vars_of=VarsFiles(path if is_folder else path.parent))
    if is_folder:
        _read_folder(path, inventory)
    else:
        try:
            _read_file(path, inventory)
        except NotRead as reason:
            raise InventoryError(f"{path} {reason.args[0]}", reason.args[1]) from None
    return inventory.finish()


def _read_folder(path: Path, inventory: Inventory) -> None:
    try:
        names = sorted(os.listdir(path))  # noqa: PTH208  # names, not paths
    except OSError as error:
        raise InventoryError(f"{path}: the inventory cannot be read: {error}") from error
    for name in names:
        if re.search(IGNORED, name):
            continue
        if (path / name).is_dir():
            # A link may lead back to a folder above.
            if (path / name).resolve() not in (path.resolve(), *path.resolve().parents):
                _read_folder(path / name, inventory)
            continue
        try:
            _read_file(path / name, inventory)
        except NotRead as reason:
            inventory.unread.append(f"{path / name} {reason.args[0]}\n    {reason.args[1]}")


def _read_file(path: Path, inventory: Inventory) -> None:
    """Add a file to an inventory. Raises InventoryError, NotRead, FileNotFoundError."""
    content = content_of(path)
    export = EXPORT.format(path=path)
    if content.startswith(PROGRAM) and os.access(path, os.X_OK):
        raise NotRead("is a script, which mailfab does not run", export)
    text = text_of(path, content)
    if text.startswith(VAULT):
        raise NotRead(
            "is encrypted with Ansible Vault, and not read",
            f"decrypt it for mailfab: ansible-vault decrypt --output FILE {path}",
        )
    if path.suffix == ".toml":
        raise NotRead("is TOML, which mailfab does not read", export)
    problem = None
    if path.suffix in YAML and re.search(MAYBE_YAML, text):
        from fabfile.model.inventory import yaml_source

        try:
            yaml_source.parse(text, path, inventory)
        except yaml_source.Plugin as plugin:
            raise NotRead(
                f"configures the plug-in {plugin}, which mailfab does not run", export
            ) from None
        except yaml_source.InvalidYaml as error:
            problem = error
        else:
            return
    try:
        # As Ansible: what is not YAML may be INI under a name of YAML.
        ini.parse(text, path, inventory)
    except InventoryError as error:
        if problem and path.suffix:
            yaml_source.refuse(problem, path)
        if content.startswith(PROGRAM):
            error.remedy = f"if it is a script: {export}"
        raise
