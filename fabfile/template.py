"""Templates: one Jinja2 file for each file on the target, found under the target's own path."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import jinja2

from fabfile.errors import InventoryError
from fabfile.host import Host

ROOT = Path(__file__).resolve().parent.parent / "templates"


def refuse_control_characters(value: object) -> object:
    """Return the value; refuse one that would break out of its line in any configuration file."""
    if isinstance(value, str) and any(ord(character) < 32 for character in value):
        raise InventoryError(
            f"a value for a configuration file holds a line break or control character: {value!r}"
        )
    return value


@functools.cache
def _template(path: str) -> jinja2.Template:
    """Return a template, which is read once for all hosts."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT),
        undefined=jinja2.StrictUndefined,
        finalize=refuse_control_characters,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        auto_reload=False,
    )
    return environment.get_template(f"{path.lstrip('/')}.j2")


def render(path: str, host: Host, **context: Any) -> str:
    """Return the template of a path on the target, rendered for the host.

    Templates see the host's variables by name, `secrets`, `system` (the platform) and `context`.
    """
    values = {**host.variables, "secrets": host.secrets, "system": host.platform, **context}
    return _template(path).render(values)
