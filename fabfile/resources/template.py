"""Templates: one Jinja2 file for each file on the target, at the same path below templates/."""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fabfile.model.host import SurveyedHost

if TYPE_CHECKING:
    from jinja2 import Template

ROOT = Path(__file__).resolve().parents[2] / "templates"

_loading = threading.Lock()


@functools.cache
def _template(path: str) -> Template:
    """Return a template; read it once for all hosts."""
    from fabfile.resources.jinja import environment

    return environment(ROOT).get_template(f"{path.lstrip('/')}.j2")


def render(path: str, host: SurveyedHost, **context: Any) -> str:
    """Return the template of a path on the target, rendered for the host.

    Templates see the host's variables by name, `secrets`, `system` (the platform) and `context`.
    """
    secrets = {name: value.reveal() for name, value in host.secrets.items()}
    values = {**host.variables, "secrets": secrets, "system": host.system, **context}
    with _loading:
        template = _template(path)
    return template.render(values)
