"""Prompts at the terminal: passwords and confirmations, once for all hosts.

A password comes from a prompt, from standard input, or is generated. It is never an argument: all
users of this machine could read it in `ps`.
"""

from __future__ import annotations

import getpass
import sys
import threading
from dataclasses import dataclass

from fabfile.fleet.host_connection import HostConnection
from fabfile.model.errors import UsageError
from fabfile.report import terminal
from tasks.accounts import hashes

LONGEST = 500
"""Maximum length of a password, in bytes of UTF-8. Today's crypt(3) takes 511."""
GENERATED = 20
"""Length of a generated password, in characters out of fifty that look different: 112 bits."""
_prompt_lock = threading.Lock()
_passwords: dict[str, str] = {}
_hashes: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class Source:
    """The source of a new password: the terminal, unless one of these is set."""

    stdin: bool = False
    hash_stdin: bool = False
    generate: bool = False

    def __post_init__(self) -> None:
        if self.stdin + self.hash_stdin + self.generate > 1:
            raise UsageError(
                "--password-stdin, --hash-stdin and --generate exclude one another", "give one"
            )


OPTIONS = {
    "password_stdin": "read the password from standard input",
    "hash_stdin": "read a hash from standard input, such as $6$… or {SSHA512}…",
    "generate": "make a password, and print it this once",
}
"""The help of the options that say where a password comes from."""


def new_password(address: str, source: Source) -> str:
    """Return the password (or hash) for an address, asked for once for all hosts."""
    with _prompt_lock:
        if address not in _passwords:
            _passwords[address] = _obtain(address, source)
        return _passwords[address]


def new_hash(address: str, source: Source, scheme: str) -> str:
    """Return the hash for an address, the same for all hosts."""
    password = new_password(address, source)
    if source.hash_stdin:
        return password
    with _prompt_lock:
        if (address, scheme) not in _hashes:
            _hashes[address, scheme] = hashes.hashed(password, scheme)
        return _hashes[address, scheme]


def _obtain(address: str, source: Source) -> str:
    if source.generate:
        from passlib.pwd import genword

        return str(genword(length=GENERATED, charset="ascii_50"))
    if source.hash_stdin:
        return hashes.given(_line("hash"))
    return _usable(_line("password")) if source.stdin else _prompt(address)


def _line(noun: str) -> str:
    try:
        # Not the whole of a file that has no line feed, which may be big.
        line = sys.stdin.readline(LONGEST + 3).rstrip("\r\n")
    except UnicodeDecodeError:
        raise _unusable() from None
    if not line:
        raise UsageError(f"standard input holds no {noun}", f"pipe one in: --{noun}-stdin < FILE")
    return line


def _prompt(address: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for a password",
            "use --password-stdin, and pipe it in; or --generate",
        )
    try:
        password = getpass.getpass(f"Password for {address}: ")
        if password != getpass.getpass("Once more: "):
            raise UsageError("the two passwords differ: nothing was changed")
    except UnicodeDecodeError:
        raise _unusable() from None
    return _usable(password)


def _usable(password: str) -> str:
    # What cannot be printed includes half a character, which has no bytes.
    if not password or not password.isprintable() or len(password.encode()) > LONGEST:
        raise _unusable()
    return password


def _unusable() -> UsageError:
    return UsageError(
        f"a password has 1 to {LONGEST} bytes of UTF-8, none of them a control character",
        "is it UTF-8, and on the first line of the input?",
    )


def confirm(c: HostConnection, what: str, yes: bool) -> None:
    """Ask for confirmation, unless --yes was given. Raises UsageError without it."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"{what}; nothing was changed",
            "there is no terminal to ask: say --yes to go on",
        )
    with _prompt_lock:
        terminal.prompt(f"{c.target.name}: {what}. Go on? [y/N]")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UsageError("not confirmed: nothing was changed")
