"""Errors of the sandbox."""

from __future__ import annotations

from fabfile.model.errors import MailfabError


class SandboxError(MailfabError):
    """A sandbox server could not be created, started, changed or removed."""
