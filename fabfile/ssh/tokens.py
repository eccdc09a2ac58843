"""The tokens of ssh_config(5), such as %h, where `ssh -G` prints them as they are."""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import socket
from pathlib import Path


class UnknownToken(Exception):
    """A token that ssh does not know either, or an environment variable that is not set."""


def values(name: str, host: str, port: int, user: str, alias: str, jumps: str) -> dict[str, str]:
    """Return the values of all tokens for a host; `name` is what was typed for it."""
    local = socket.gethostname()
    joined = f"{local}{host}{port}{user}"
    # Since OpenSSH 9.8, %C covers %j as well. It is used in ControlPath only.
    return {
        "%": "%",
        "C": hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest(),
        "d": str(Path.home()),
        "h": host,
        "i": str(os.getuid()),
        "j": jumps,
        "k": alias or name,
        "L": local.partition(".")[0],
        "l": local,
        "n": name,
        "p": str(port),
        "r": user,
        "u": getpass.getuser(),
    }


def expand(text: str, known: dict[str, str], *, environment: bool = True) -> str:
    """Return a text with its tokens, and with ${NAME}, replaced. Raises UnknownToken."""

    def replaced(match: re.Match[str]) -> str:
        token, name = match[1], match[2]
        if name is not None:
            if not environment:
                return match[0]
            if name not in os.environ:
                raise UnknownToken(f"the environment variable {name} is not set")
            return os.environ[name]
        if token not in known:
            raise UnknownToken(f"%{token} is not a token of ssh_config(5)")
        return known[token]

    return re.sub(r"%(.?)|\$\{([^}]*)\}", replaced, text)
