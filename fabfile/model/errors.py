"""Every expected failure, as one family of exceptions.

An error carries where it happened (host, section, resource), what was found, and what to do about
it, as fields: the caller that knows one of them fills it in, and no code parses text. Only the
edges (`fabfile.fleet.job` for one host, `fabfile.cli.executor` for the rest) turn an error into
text and an exit code; a traceback is a bug.
"""

from __future__ import annotations

from typing import Self


class MailfabError(Exception):
    """A failure: what went wrong, where, and a remedy.

    `message` says what failed and what was found, without the names of host, section and resource.
    """

    def __init__(
        self,
        message: str,
        remedy: str = "",
        *,
        host: str = "",
        section: str = "",
        resource: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.host = host
        self.section = section
        self.resource = resource

    def at(self, *, host: str = "", section: str = "", resource: str = "") -> Self:
        """Set host, section and resource unless they are set already; return the error itself."""
        self.host = self.host or host
        self.section = self.section or section
        self.resource = self.resource or resource
        return self

    @property
    def local_message(self) -> str:
        """The message with section and resource, without the host."""
        return ": ".join(filter(None, (self.section, self.resource, self.message)))

    @property
    def full_message(self) -> str:
        """The message with host, section and resource; one line, unless it has a list."""
        return ": ".join(filter(None, (self.host, self.local_message)))

    def __str__(self) -> str:
        return f"{self.full_message}\n    {self.remedy}" if self.remedy else self.full_message

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the error with all fields; Exception itself keeps only the message."""
        return (_restore, (type(self), self.__dict__))


def _restore(kind: type[MailfabError], fields: dict[str, str]) -> MailfabError:
    """Return an unpickled error with its fields."""
    error = kind(fields["message"])
    error.__dict__.update(fields)
    return error


class InventoryError(MailfabError):
    """The inventory, a variable in it, or a name given with -H cannot be used."""


class UsageError(MailfabError):
    """The command line is invalid."""


class UnreachableError(MailfabError):
    """The host cannot be reached, its host key is not trusted, or the login fails."""


class HostError(MailfabError):
    """The host answered, but its answer or its state cannot be used."""


class ApplyError(MailfabError):
    """A change could not be made on the host."""


class Stopped(MailfabError):
    """A run was cancelled, and ended between two steps."""

    def __init__(self, remedy: str = "the next run continues from here") -> None:
        super().__init__("stopped on request", remedy)
