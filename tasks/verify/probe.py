"""A probe: a question to a running mail server, and the function that asks it.

The function returns what it has seen; for anything else it raises, and whatever it raises becomes
the check's answer: no check stops another.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from smtplib import SMTPResponseException, SMTPServerDisconnected

from fabfile.model.errors import MailfabError
from fabfile.report.check import Check, Outcome


class Failed(Exception):
    """The check saw something else than expected; the text says what."""


class Warned(Exception):
    """The server works, but the administrator should know this."""


class Skipped(Exception):
    """The check could not be made or makes no sense here; the text says why."""


@dataclass(frozen=True)
class Probe:
    """A check to be made. `needs` names those that it is pointless without."""

    name: str
    expected: str
    look: Callable[[], str]
    remedy: str
    needs: tuple[str, ...] = ()


def perform(probe: Probe, chapter: str, done: Mapping[str, Check]) -> Check:
    """Make a check, unless one that it needs was made before it and did not pass."""

    def answer(outcome: Outcome, seen: str, remedy: str = "") -> Check:
        return Check(probe.name, chapter, probe.expected, seen, outcome, remedy)

    for need in probe.needs:
        match done.get(need):
            case Check(outcome=Outcome.FAILED):
                return answer(Outcome.SKIPPED, f"{need!r} failed")
            case Check(outcome=Outcome.SKIPPED, seen=reason):
                return answer(Outcome.SKIPPED, reason)
    try:
        return answer(Outcome.PASSED, probe.look())
    except Skipped as reason:
        return answer(Outcome.SKIPPED, str(reason))
    except Warned as seen:
        return answer(Outcome.WARNED, str(seen), probe.remedy)
    except Exception as error:
        remedy = error.remedy if isinstance(error, MailfabError) else ""
        return answer(Outcome.FAILED, explanation(error), remedy or probe.remedy)


def explanation(error: Exception) -> str:
    """Return what an exception of a network library means, in one line."""
    if isinstance(error, MailfabError):
        text = error.message
    elif isinstance(error, SMTPResponseException):
        text = f"{error.smtp_code} {_text(error.smtp_error)}"
    elif isinstance(error, SMTPServerDisconnected | EOFError | ConnectionResetError):
        text = "the server closed the connection"
    elif isinstance(error, ssl.SSLCertVerificationError):
        text = f"the certificate is not accepted: {error.verify_message}"
    elif isinstance(error, ssl.SSLError):
        text = f"TLS failed: {error.reason or error}"
    elif isinstance(error, TimeoutError):
        text = "no answer in time"
    else:
        text = _text(error.args[0]) if len(error.args) == 1 else str(error)
    return " ".join(text.split()) or type(error).__name__


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
