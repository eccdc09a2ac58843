"""Send a message as a mail client does, and read it back over IMAP and POP3.

    first_message.py SERVER NAME FROM TO    (the password of both on standard input)

Everything goes over TLS. SERVER is the address to connect to, NAME what the certificate must say;
a self-signed one is taken as it is shown, as a person would accept it once.
"""

from __future__ import annotations

import imaplib
import poplib
import secrets
import smtplib
import socket
import ssl
import sys
import time
from email.message import EmailMessage

RSA_KEY_EXCHANGE = "DEFAULT:!DH"
"""Ciphers that Python leaves out, for Dovecot 2.0 of CentOS 6: it has no elliptic curves, and its
Diffie-Hellman keys are too short for OpenSSL 3. What remains is the exchange by RSA."""


def certificate(server: str, port: int, ciphers: str = "") -> str:
    """Return the certificate that a server shows, as PEM. Raises ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if ciphers:
        context.set_ciphers(ciphers)
    with (
        socket.create_connection((server, port), 30) as plain,
        context.wrap_socket(plain) as wrapped,
    ):
        return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(binary_form=True) or b"")


def trust(server: str, name: str, port: int = 993) -> ssl.SSLContext:
    """Return a context that trusts the certificate the server shows now, under its name."""
    try:
        shown, ciphers = certificate(server, port), ""
    except ssl.SSLError as error:
        if "handshake failure" not in str(error).lower().replace("_", " "):
            raise
        shown, ciphers = certificate(server, port, RSA_KEY_EXCHANGE), RSA_KEY_EXCHANGE
        print(f"{name} offers the key exchange by RSA only, without forward secrecy")
    context = ssl.create_default_context(cadata=shown)
    if ciphers:
        context.set_ciphers(ciphers)
    print(f"trusting the certificate that {name} shows")
    return context


class Imap(imaplib.IMAP4_SSL):
    """IMAP over TLS to an address whose certificate has another name."""

    def __init__(self, server: str, name: str, context: ssl.SSLContext) -> None:
        self.name = name
        super().__init__(server, ssl_context=context, timeout=30)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = socket.create_connection((self.host, self.port), timeout)
        return self.ssl_context.wrap_socket(plain, server_hostname=self.name)


def main(server: str, name: str, sender: str, recipient: str) -> None:
    """Send, wait, and read twice; any failure is an exception."""
    password = sys.stdin.readline().rstrip("\n")
    token = secrets.token_hex(8)
    context = trust(server, name)
    message = EmailMessage()
    message["From"], message["To"] = sender, recipient
    message["Subject"] = f"The first message {token}"
    message.set_content(f"It arrived. {token}\n")

    with smtplib.SMTP(server, 587, timeout=30) as smtp:
        # smtplib checks the certificate against the name it believes to talk to.
        smtp._host = name  # type: ignore[attr-defined]  # noqa: SLF001
        smtp.starttls(context=context)
        smtp.login(sender, password)
        smtp.send_message(message)
        cipher = smtp.sock.cipher()  # type: ignore[union-attr]
        print(f"sent over SMTP ({cipher[1]}, logged in as {sender})")

    imap = Imap(server, name, context)
    imap.login(recipient, password)
    for _ in range(60):
        imap.select("INBOX")
        _, found = imap.search(None, "SUBJECT", token)
        if found[0]:
            break
        time.sleep(0.5)
    else:
        sys.exit(f"the message did not arrive in the mailbox of {recipient}")
    _, data = imap.fetch(found[0].split()[0], "(RFC822)")
    assert isinstance(data[0], tuple)
    assert token in data[0][1].decode()
    print(f"read over IMAP: {message['Subject']}")
    imap.logout()

    pop = poplib.POP3(server, 110, timeout=30)
    pop.host = name
    pop.stls(context=context)
    pop.user(recipient)
    pop.pass_(password)
    count = len(pop.list()[1])
    _, lines, _ = pop.retr(count)
    assert any(token in line.decode() for line in lines)
    print(f"read over POP3: {message['Subject']}")
    pop.quit()


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
