"""Jinja's environment: what a template may do, and where compiled ones are kept.

A module of its own since Jinja takes a while to load, which the handshakes do not wait for.
"""

from __future__ import annotations

import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from fabfile.model.errors import InventoryError

SYNTAX: dict[str, Any] = {"keep_trailing_newline": True, "trim_blocks": True, "lstrip_blocks": True}


def refuse_control_characters(value: object) -> object:
    """Return the value; refuse one that would break out of its line in any configuration file."""
    if isinstance(value, str) and any(ord(character) < 32 for character in value):
        raise InventoryError(
            f"a value for a configuration file holds a line break or control character: {value!r}"
        )
    return value


class Compiled(jinja2.FileSystemBytecodeCache):
    """Compiled templates, kept beside their sources as Python keeps its modules, where it can.

    To compile them takes longer than a whole host otherwise does here.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(str(root / "__pycache__"))

    def get_source_checksum(self, source: str) -> str:
        """Return what tells a template from one that was compiled of another text, or otherwise."""
        return super().get_source_checksum(f"{jinja2.__version__} {SYNTAX}\n{source}")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take a template from its file, if that is of this source and whole."""
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template, if there is somewhere to."""
        with suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)


def environment(root: Path) -> jinja2.Environment:
    """Return the environment for the templates below a folder."""
    # The files are no HTML; `finalize` refuses what would break out of a line.
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(root),
        undefined=jinja2.StrictUndefined,
        finalize=refuse_control_characters,
        autoescape=False,  # noqa: S701
        auto_reload=False,
        bytecode_cache=Compiled(root),
        **SYNTAX,
    )
