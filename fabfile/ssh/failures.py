"""Messages for failed connections: what was found, and what to do."""

from __future__ import annotations

import re
import socket

import paramiko

from fabfile.model.errors import HostError, UnreachableError
from fabfile.ssh.authentication import INTERACTIVE, PASSWORD, PUBLICKEY, Keyring
from fabfile.ssh.host_keys import HostKeyRefused
from fabfile.ssh.login import Login
from fabfile.ssh.transport import NothingUsable

PASSWORD_WANTED = "use --prompt-for-sudo-password, or allow NOPASSWD in the host's sudoers"  # noqa: S105
PASSWORD_WRONG = "the sudo password is wrong: enter it again with --prompt-for-sudo-password"  # noqa: S105
NOT_ALLOWED = "give {user} the right to use sudo, or log in as root"
METHODS = {PUBLICKEY: "a key", PASSWORD: "a password", INTERACTIVE: "a password"}
"""What a method to log in is in messages."""
KEY_REMEDY = (
    "add the public key to ~/.ssh/authorized_keys on the host, or name another key with "
    "ansible_ssh_private_key_file or -i"
)
PASSWORD_REMEDY = "give the account's password: --prompt-for-login-password, or ansible_password"  # noqa: S105
QUESTIONS_REMEDY = (
    "mailfab answers one question, with the password: use an account that is asked no more "
    "(AuthenticationMethods in the server's sshd_config)"
)
USABLE_REMEDY = (
    "make one of these keys usable, or name another one with ansible_ssh_private_key_file or -i"
)
RSA_REMEDY = (
    "make a key that it takes (ssh-keygen -t rsa -b 4096 -f ~/.ssh/id_rsa), add ~/.ssh/id_rsa.pub "
    "to ~/.ssh/authorized_keys on the host, and name it with ansible_ssh_private_key_file or -i"
)
MANY_KEYS = 5
"""Number of rejected keys after which sshd may have had enough (MaxAuthTries is 6)."""
MANY_KEYS_REMEDY = "name the right key, with IdentitiesOnly yes in ~/.ssh/config"
SUDO_REMEDIES = {
    "must have a tty": "the host's sudoers has 'Defaults requiretty': add "
    "'Defaults:{user} !requiretty' with visudo, or log in as root",
    "password is required": PASSWORD_WANTED,
    "terminal is required": PASSWORD_WANTED,
    "incorrect password": PASSWORD_WRONG,
    "Sorry, try again": PASSWORD_WRONG,
    "not in the sudoers": NOT_ALLOWED,
    "may not run": NOT_ALLOWED,
    "not allowed": NOT_ALLOWED,
    "not found": "install sudo, or log in as root",
}
"""Remedies, by a phrase in sudo's message."""
TRY_SUDO = "try it by hand: {ssh} sudo id; or log in as root"
OTHER_ACCOUNT = r"[Pp]lease log ?in as the user \"?(?P<other>[a-z_][\w.-]*)"
"""The text of cloud-init for root (disable_root_opts in its documentation)."""
ACCOUNT_REMEDIES = {
    OTHER_ACCOUNT: (
        "{user} may not log in there; the host says: use the account {other}",
        "set ansible_user={other} ansible_become=yes in the inventory",
    ),
    r"(?i)password (has|is) expired|password change required|change your password": (
        "the password of {user} has expired",
        "set a new one: {ssh}, which asks for it",
    ),
    r"(?i)account (has|is) expired": (
        "the account {user} has expired",
        "as root on the host's console: chage -E -1 {user}",
    ),
    r"(?i)is your account locked|account is locked": (
        "the account {user} is locked",
        "as root on the host's console: passwd -u {user}",
    ),
    r"(?i)account is (currently )?not available": (
        "the account {user} has no login shell",
        "as root on the host's console: usermod -s /bin/sh {user}; or use another account",
    ),
}
"""What was found and what to do, by a pattern in the output of sshd, PAM, sudo or nologin(8)."""


def unreachable(login: Login, error: Exception, keyring: Keyring | None) -> UnreachableError:
    """Return the error for one of paramiko or the network."""
    user, host, port = login.user, login.host, login.port
    match error:
        case HostKeyRefused():
            return UnreachableError(
                f"the host key of {login.where} {error.found}", error.remedy, host=login.name
            )
        case paramiko.AuthenticationException() if keyring and "timeout" not in str(error):
            return _rejected(login, keyring)
        case NothingUsable():
            return UnreachableError(
                f"{login.where}: {error}",
                f"add one that it has: {', '.join(error.known)}",
                host=login.name,
            )
        case socket.gaierror():
            return UnreachableError(
                f"no address for the name {host} was found",
                "correct the name, or set ansible_host in the inventory",
                host=login.name,
            )
    return UnreachableError(
        f"{login.where}: {_reason(error)}",
        f"check that the server runs and its firewall allows SSH: ssh -v -p {port} {user}@{host}",
        host=login.name,
    )


def _rejected(login: Login, keyring: Keyring) -> UnreachableError:
    """Return the error for a login that the server has rejected, in whole or in part."""
    where = f"{login.user}@{login.where}"
    wanted = [METHODS.get(method, method) for method in keyring.wanted]
    if keyring.accepted:
        found, remedy = _half_accepted(keyring, wanted)
        found = f"{where} {found}"
    else:
        found = f"{where}: no key and no password could be tried"
        remedy = USABLE_REMEDY if keyring.unusable else KEY_REMEDY
        if keyring.tried:
            found, remedy = f"{where} rejected these keys: {', '.join(keyring.tried)}", KEY_REMEDY
        if wanted and PUBLICKEY not in keyring.wanted:
            found += f"; the server takes {' or '.join(wanted)} only"
            remedy = PASSWORD_REMEDY
    if keyring.unusable:
        found += f"; not tried: {', '.join(keyring.unusable)}"
    if keyring.answers and keyring.answers.questions:
        found += f"; the server asks: {' '.join(keyring.answers.questions)}"
        remedy = QUESTIONS_REMEDY
    if len(keyring.tried) >= MANY_KEYS:
        remedy = f"{MANY_KEYS_REMEDY}, or {remedy}"
    if any("takes RSA keys only" in one for one in keyring.unusable) and not keyring.tried:
        remedy = RSA_REMEDY
    return UnreachableError(found, remedy, host=login.name)


def _half_accepted(keyring: Keyring, wanted: list[str]) -> tuple[str, str]:
    """Return what was found, and a remedy, for a login that needs several factors."""
    found = f"accepted {', '.join(keyring.accepted)}; "
    if keyring.tried and keyring.tried[-1] == "the password":
        return f"{found}it rejected the password", PASSWORD_REMEDY
    remedy = KEY_REMEDY if wanted == [METHODS[PUBLICKEY]] else PASSWORD_REMEDY
    return f"{found}the server also wants {' or '.join(wanted)}", remedy


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused: nothing listens there"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, EOFError):
        return "the server closed the connection"
    # The text may be the server's, of any length.
    text = re.sub(r"\s+", " ", str(error))[:500]
    if text == "No existing session":
        return "the program on this port does not speak SSH"
    if "no acceptable" in text:
        return f"no algorithm in common with the server ({text})"
    return text or type(error).__name__


def connection_lost(login: Login) -> UnreachableError:
    """Return the error for a connection that closed before the script's exit code."""
    return UnreachableError(
        "the connection was lost",
        "run the command again: it continues from there",
        host=login.name,
    )


def too_much_output(login: Login) -> HostError:
    """Return the error for output beyond MAX_OUTPUT or MAX_STDERR."""
    return HostError(
        "the host sends too much output",
        "check what the account's login shell prints",
        host=login.name,
    )


def sudo(login: Login, errors: str) -> HostError:
    """Return the error for a script that sudo did not start; `errors` is its message."""
    if known := _known(login, errors):
        return known
    remedies = (remedy for words, remedy in SUDO_REMEDIES.items() if words in errors)
    return HostError(
        f"sudo refused {login.user}: {errors.splitlines()[-1][-300:]}",
        next(remedies, TRY_SUDO).format(**_words(login)),
        host=login.name,
    )


def not_started(login: Login, text: str, code: int) -> HostError:
    """Return the error for a login shell or forced command that did not run the script.

    `text` is what it printed.
    """
    return _known(login, text) or HostError(
        f"the login shell of {login.user} did not run the script (exit code {code}): "
        f"{text[-300:] or 'no message'}",
        "give the account a shell that runs commands; install base64 and gzip on the host",
        host=login.name,
    )


def names_another_account(text: bytes) -> bool:
    """Return whether a forced command of cloud-init tells which account to use."""
    return re.search(OTHER_ACCOUNT, text[:1000].decode(errors="replace")) is not None


def _known(login: Login, text: str) -> HostError | None:
    """Return the error for a text that says why an account may not run commands."""
    for pattern, (found, remedy) in ACCOUNT_REMEDIES.items():
        if match := re.search(pattern, text):
            words = {**_words(login), **match.groupdict()}
            return HostError(found.format(**words), remedy.format(**words), host=login.name)
    return None


def _words(login: Login) -> dict[str, str]:
    user = login.user or ""
    port = "" if login.port in (None, 22) else f"-p {login.port} "
    return {"user": user, "ssh": f"ssh -t {port}{user}@{login.host}"}
