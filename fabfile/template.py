"""Templates: one Jinja2 file for each file on the target, found under the target's own path."""

from __future__ import annotations

import functools
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from fabfile.errors import InventoryError
from fabfile.host import Host

ROOT = Path(__file__).resolve().parent.parent / "templates"
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

    def __init__(self) -> None:
        super().__init__(str(ROOT / "__pycache__"))

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


@functools.cache
def _template(path: str) -> jinja2.Template:
    """Return a template, which is read once for all hosts."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT),
        undefined=jinja2.StrictUndefined,
        finalize=refuse_control_characters,
        autoescape=False,
        auto_reload=False,
        bytecode_cache=Compiled(),
        **SYNTAX,
    )
    return environment.get_template(f"{path.lstrip('/')}.j2")


def render(path: str, host: Host, **context: Any) -> str:
    """Return the template of a path on the target, rendered for the host.

    Templates see the host's variables by name, `secrets`, `system` (the platform) and `context`.
    """
    values = {**host.variables, "secrets": host.secrets, "system": host.platform, **context}
    return _template(path).render(values)
