"""Messages for failed connections: what was found, and what to do."""

from __future__ import annotations

import re
import socket

import paramiko

from fabfile.model.errors import HostError, UnreachableError
from fabfile.ssh.known_hosts import UnknownHostKey
from fabfile.ssh.login import Login

PASSWORD_WANTED = "use --prompt-for-sudo-password, or allow NOPASSWD in the host's sudoers"  # noqa: S105
PASSWORD_WRONG = "the sudo password is wrong: enter it again with --prompt-for-sudo-password"  # noqa: S105
NOT_ALLOWED = "give {user} the right to use sudo, or log in as root"
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
}
"""Remedies, by a phrase in sudo's message."""


def unreachable(login: Login, error: Exception, tried: list[str]) -> UnreachableError:
    """Return the error for one of paramiko or the network; `tried` are keys and passwords."""
    user, host, port = login.user, login.host, login.port
    address, option = (host, "") if port == 22 else (f"[{host}]:{port}", f"-p {port} ")
    scan = f"ssh-keyscan {option}{host} >> ~/.ssh/known_hosts"
    match error:
        case UnknownHostKey():
            found = f"is not known: {error.key.get_name()} {error.key.fingerprint}"
            return UnreachableError(
                f"the host key of {login.where} {found}",
                "compare it with what the server's console shows (ssh-keygen -lf "
                f"/etc/ssh/ssh_host_ed25519_key.pub), then: {scan}",
                host=login.name,
            )
        case paramiko.BadHostKeyException():
            return UnreachableError(
                f"the host key of {login.where} has CHANGED: the server shows "
                f"{error.key.fingerprint}, known_hosts has {error.expected_key.fingerprint}",
                "unless the server was reinstalled, another machine may have taken its place. "
                f"If it was: ssh-keygen -R '{address}' && {scan}",
                host=login.name,
            )
        case paramiko.AuthenticationException():
            all_tried = ", ".join(tried) or "none: no key and no password was found"
            return UnreachableError(
                f"{user}@{login.where} rejected these keys: {all_tried}",
                "add the public key to ~/.ssh/authorized_keys on the host, or name another key "
                "with ansible_ssh_private_key_file or -i",
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
    remedies = (remedy for words, remedy in SUDO_REMEDIES.items() if words in errors)
    return HostError(
        f"sudo refused {login.user}: {errors.splitlines()[-1]}",
        next(remedies, "install sudo, or log in as root").format(user=login.user),
        host=login.name,
    )


def login_shell(login: Login, errors: str, code: int) -> HostError:
    """Return the error for a login shell that exited without running the command."""
    return HostError(
        f"the login shell of {login.user} did not run the script (exit code {code}): "
        f"{errors[-300:] or 'no message'}",
        "give the account a shell that runs commands; install base64 and gzip on the host",
        host=login.name,
    )
