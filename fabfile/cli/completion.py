"""Completion of host and group names behind -H, from the inventory.

Fabric completes the names of tasks and options itself, but not what an option stands for; and its
script for bash loses the word that is still empty, so that `-H mail1` and `-H mail1 ` look alike.
Ours keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from fabfile.model import inventory
from fabfile.model.errors import MailfabError

HOSTS = ("-H", "--hosts")
NAME = re.compile(r"[A-Za-z0-9_.:@-]+")
"""A name that the shell takes as it is, typed without quotes."""

BASH = Path(__file__).with_name("completion.bash").read_text(encoding="utf-8")


def answer(arguments: Sequence[str]) -> str | None:
    """Return what to print for a command line about completion; None if it is Fabric's to answer.

    The arguments are those behind `fab`: `--complete -- fab -H ma`.
    """
    if list(arguments) == ["--print-completion-script", "bash"]:
        return BASH
    if list(arguments[:2]) == ["--complete", "--"] and len(arguments) > 3:
        # bash splits words at an equals sign.
        *before, word = [text for text in arguments[2:-1] if text != "="] + [arguments[-1]]
        option = before[-1]
        if word == "=":
            word = ""
        if option in HOSTS:
            return "".join(f"{name}\n" for name in hosts(word))
    return None


def hosts(word: str) -> list[str]:
    """Return the completions of a list of hosts, each as the whole list: mail1,mail2."""
    listed, comma, _ = word.rpartition(",")
    try:
        known = inventory.load()
    except MailfabError:
        # The command itself will report the error.
        return []
    named = listed.split(",")
    names = [name for name in known.names() if NAME.fullmatch(name)]
    return [f"{listed}{comma}{name}" for name in names if name not in named]
