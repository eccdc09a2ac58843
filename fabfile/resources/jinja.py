"""Jinja's environment: the rules for templates, and the cache of compiled ones.

A separate module, because Jinja loads slowly: it is imported only after the SSH handshakes start.
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
    """Return the value; refuse control characters, which would end its line in a file."""
    if isinstance(value, str) and any(ord(character) < 32 for character in value):
        raise InventoryError(
            f"a value for a configuration file contains a control character: {value!r}"
        )
    return value


class Compiled(jinja2.FileSystemBytecodeCache):
    """A cache of compiled templates in `__pycache__` beside their sources, where it is writable.

    Compiling them takes longer than all other local work for a host.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(str(root / "__pycache__"))

    def get_source_checksum(self, source: str) -> str:
        """Return a checksum of the source, of Jinja's version and of the syntax options."""
        return super().get_source_checksum(f"{jinja2.__version__} {SYNTAX}\n{source}")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a template from its file; ignore a file that is damaged or of another source."""
        try:
            super().load_bytecode(bucket)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Save a template; do nothing if the folder is not writable."""
        with suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)


def environment(root: Path) -> jinja2.Environment:
    """Return the environment for the templates below a folder."""
    # The files are not HTML; `finalize` refuses control characters.
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(root),
        undefined=jinja2.StrictUndefined,
        finalize=refuse_control_characters,
        autoescape=False,  # noqa: S701
        auto_reload=False,
        bytecode_cache=Compiled(root),
        **SYNTAX,
    )
