"""Make a check of a probe, and say in one line what went wrong. No check stops another."""

from __future__ import annotations

import imaplib
import poplib
import smtplib
import ssl
from collections.abc import Callable, Mapping
from smtplib import SMTPResponseException, SMTPServerDisconnected

from fabfile.model.errors import MailfabError
from fabfile.model.probe import Failed, Probe, Skipped, Warned
from fabfile.report.check import Check, Outcome

NETWORK_ERRORS = (
    MailfabError,
    OSError,  # TLS and timeouts included
    EOFError,
    UnicodeError,
    smtplib.SMTPException,
    imaplib.IMAP4.error,
    poplib.error_proto,
)
"""What a server or the way to it can cause. Any other exception is a bug of ours."""

CLOSED = (SMTPServerDisconnected, EOFError, ConnectionResetError, BrokenPipeError)
"""A closed connection: whether reading or writing meets it first is chance."""

Explain = Callable[[Probe, str, str, str], Check]
"""Returns the check of a probe that failed, from its group, what it saw, and the error's remedy."""


def unexplained(probe: Probe, group: str, seen: str, given: str) -> Check:
    """Return a failed check with the probe's own remedy."""
    return Check(probe.name, group, probe.expected, seen, Outcome.FAILED, given or probe.remedy)


def not_reached(first: str) -> str:
    """Return what a check sees that was not made, or says nothing more, since another failed."""
    return f"not reached: see {first!r} above"


def perform(
    probe: Probe, group: str, done: Mapping[str, Check], explain: Explain = unexplained
) -> Check:
    """Make a check, unless one that it needs was made before it and did not pass.

    Raises what is no error of the network: a bug of ours must not look like a broken server.
    """

    def answer(outcome: Outcome, seen: str, remedy: str = "") -> Check:
        return Check(probe.name, group, probe.expected, seen, outcome, remedy)

    for need in probe.needs:
        match done.get(need):
            case Check(outcome=Outcome.FAILED):
                return answer(Outcome.SKIPPED, not_reached(need))
            case Check(outcome=Outcome.SKIPPED, seen=reason):
                return answer(Outcome.SKIPPED, reason)
    try:
        return answer(Outcome.PASSED, probe.look())
    except Skipped as reason:
        return answer(Outcome.SKIPPED, str(reason))
    except Warned as seen:
        return answer(Outcome.WARNED, str(seen), seen.remedy or probe.remedy)
    except Failed as seen:
        return explain(probe, group, " ".join(str(seen).split()) or "Failed", "")
    except NETWORK_ERRORS as error:
        remedy = error.remedy if isinstance(error, MailfabError) else ""
        return explain(probe, group, explanation(error), remedy)


def explanation(error: Exception) -> str:
    """Return what an exception of a network library means, in one line."""
    if isinstance(error, MailfabError):
        text = error.message
    elif isinstance(error, SMTPResponseException):
        text = f"{error.smtp_code} {_text(error.smtp_error)}"
    elif isinstance(error, CLOSED):
        text = "the server closed the connection"
    elif isinstance(error, ssl.SSLCertVerificationError):
        text = f"the certificate is not accepted: {error.verify_message}"
    elif isinstance(error, ssl.SSLError):
        text = f"TLS failed: {getattr(error, 'reason', None) or error}"
    elif isinstance(error, TimeoutError):
        text = "no answer in time"
    else:
        text = _text(error.args[0]) if len(error.args) == 1 else str(error)
    return " ".join(text.split()) or type(error).__name__


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
