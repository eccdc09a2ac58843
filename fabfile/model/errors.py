"""Every expected failure, as one family of exceptions.

A message names where it happened (host, section, resource), says what was found and what to do.
Only the edge (`fabfile.cli.executor`) turns one into text and an exit code; a traceback is a bug.
"""

from __future__ import annotations


class MailfabError(Exception):
    """What went wrong, and as `remedy` what the reader can do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n    {self.remedy}" if self.remedy else self.message


class InventoryError(MailfabError):
    """The inventory, a variable in it, or a name given with -H cannot be used."""


class UsageError(MailfabError):
    """The command line asks for something that makes no sense."""


class UnreachableError(MailfabError):
    """The host cannot be reached, does not prove who it is, or does not let us in."""


class HostError(MailfabError):
    """The host answered, but in a way that cannot be worked with."""


class ApplyError(MailfabError):
    """A resource could not be made what it should be."""


class Stopped(MailfabError):
    """Somebody asked the run to stop, and it did, between two steps."""
