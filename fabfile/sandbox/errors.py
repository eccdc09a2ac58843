"""The sandbox's failures."""

from __future__ import annotations

from fabfile.model.errors import MailfabError


class SandboxError(MailfabError):
    """A sandbox server could not be made, started, changed or removed."""
