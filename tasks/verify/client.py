"""The standard library's clients for SMTP, IMAP and POP3, each over a socket already connected."""

from __future__ import annotations

import imaplib
import poplib
import re
import smtplib
import socket
import ssl
from typing import Any, NoReturn

from fabfile.model.probe import Failed, Warned

SECONDS = 30
"""For any answer: after a failed login Dovecot makes the next ones wait up to 15 s."""
SECONDS_AFTER_SILENCE = 10
"""For any answer, once there has been one that did not come in all that time."""
CLIENT = "mailfab-verify.invalid"
"""What we call ourselves in EHLO."""


class Smtp(smtplib.SMTP):
    """SMTP over a connected socket."""

    greeting = ""

    def __init__(self, sock: socket.socket, fqdn: str) -> None:
        self._connected = sock
        super().__init__(fqdn, 25, local_hostname=CLIENT, timeout=SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._connected

    def connect(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        code, text = super().connect(*args, **kwargs)
        self.greeting = f"{code} {text.decode(errors='replace')}"
        return code, text

    def upgrade(self, context: ssl.SSLContext) -> None:
        """STARTTLS, and EHLO again."""
        code, text = self.starttls(context=context)
        if code != 220:
            raise smtplib.SMTPResponseException(code, text)
        self.ehlo()

    def enter(self, user: str, password: str) -> str:
        """Log in; return the server's answer."""
        try:
            code, text = self.login(user, password)
        except ValueError as error:
            # smtplib takes a challenge for Base64 without a look.
            raise smtplib.SMTPException(f"an odd challenge: {error}") from error
        return f"{code} {text.decode(errors='replace')}"

    def offers(self) -> set[str]:
        """Return the lines of the answer to EHLO but its first."""
        self.ehlo_or_helo_if_needed()
        lines = (self.ehlo_resp or b"").decode(errors="replace").splitlines()[1:]
        return {line.strip() for line in lines}

    def ask(self, *command: str) -> str:
        """Send a command and return the answer, of any code."""
        code, text = self.docmd(*command)
        return f"{code} {' '.join(text.decode(errors='replace').split())}"


class Imap(imaplib.IMAP4):
    """IMAP over a connected socket."""

    def __init__(self, sock: socket.socket, fqdn: str) -> None:
        self._connected = sock
        super().__init__(fqdn, 143, timeout=SECONDS)
        self.greeting = self.welcome.decode(errors="replace")

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return self._connected

    def upgrade(self, context: ssl.SSLContext) -> None:
        """STARTTLS (RFC 9051, 6.2.1)."""
        self.starttls(ssl_context=context)

    def enter(self, user: str, password: str) -> str:
        """Log in; return the server's answer."""
        # The standard library's answer is a list of lines, of which there is one.
        return " ".join(_decoded(part) for part in self.login(user, password)[1])

    def quit(self) -> None:
        """Log out."""
        self.logout()


class Pop3(poplib.POP3):
    """POP3 over a connected socket."""

    def __init__(self, sock: socket.socket, fqdn: str) -> None:
        self._connected = sock
        super().__init__(fqdn, 110, timeout=SECONDS)
        self.greeting = self.welcome.decode(errors="replace")

    def _create_socket(self, timeout: float) -> socket.socket:
        return self._connected

    def upgrade(self, context: ssl.SSLContext) -> None:
        """STLS (RFC 2595, 4)."""
        self.stls(context=context)

    def enter(self, user: str, password: str) -> str:
        """Log in; return the server's answer."""
        self.user(user)
        return _decoded(self.pass_(password))

    def stat(self) -> tuple[int, int]:
        """Return the number of messages and their size in bytes."""
        try:
            return super().stat()
        except (ValueError, IndexError) as error:
            # poplib takes the answer for two numbers without a look.
            raise poplib.error_proto(f"an odd answer to STAT: {error}") from error


Session = Smtp | Imap | Pop3
CLIENTS: dict[str, type[Session]] = {"smtp": Smtp, "imap": Imap, "pop3": Pop3}


def _decoded(part: object) -> str:
    return part.decode(errors="replace") if isinstance(part, bytes) else str(part)


def refused(answer: str, code: str) -> bool:
    """Return whether an SMTP answer has a code such as `550`, or of a kind such as `5..`."""
    return re.match(rf"{code} ", answer) is not None


OWN_POLICY = re.compile(
    r"[45]\d\d .*(?:(?:Client host|Helo command|Sender address|Recipient address) rejected"
    r"|blocked using|[Gg]r[ae]y-?list|Service currently unavailable|[Tt]oo (?:many|fast))"
)
"""Refusals by restrictions that are the administrator's own: mailfab sets none that says so."""
NOT_POLICY = re.compile(r"unverified|lookup failure|User unknown|undeliverable|config\w* (?:pr|er)")


def raise_refusal(answer: str) -> NoReturn:
    """Raise what a refusal means: a warning for the administrator's own policy, else Failed."""
    if OWN_POLICY.match(answer) and not NOT_POLICY.search(answer):
        raise Warned(
            answer,
            "a restriction of your own refuses this (smtpd_client_restrictions, "
            "smtpd_helo_restrictions, smtpd_sender_restrictions, greylisting, postscreen); if mail "
            "clients are to be let in, permit_sasl_authenticated has to stand before it",
        )
    raise Failed(answer)


def recipient_answer(opened: Smtp, sender: str, recipient: str) -> str:
    """Name a sender and a recipient; return the answer to the recipient, and take both back."""
    opened.ehlo_or_helo_if_needed()
    answer = opened.ask("MAIL", f"FROM:<{sender}>")
    if refused(answer, "250"):
        answer = opened.ask("RCPT", f"TO:<{recipient}>")
    opened.rset()
    return answer
