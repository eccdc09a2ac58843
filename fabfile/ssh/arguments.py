"""ssh's command line in Ansible's variables (`ansible_ssh_common_args` and so on)."""

from __future__ import annotations

import re
import shlex

from fabfile.model.errors import InventoryError

WITH_VALUE = frozenset("bceilmopBDEFIJLOPQRSwW")
"""Options of ssh(1) that take a value."""
PASSED = frozenset("bcilmopBFJ46A")
"""Options that ssh is asked with: each changes the way to the host, or a key."""
HARMLESS = frozenset("aeCDEgkKLMqRStTvwxXYyn")
"""Options that change forwarding, display, terminal or a shared connection only.

fabfile/ssh/options.py has the reasons, by the names of the same options in ssh_config(5).
"""
REMEDIES = {
    "I": "add the card's keys to the agent: ssh-add -s LIBRARY",
    "P": "write -o Tag=NAME",
    "W": "name the jump host: -J HOST",
}


def arguments(text: str, variable: str, host: str) -> tuple[str, ...]:
    """Return the options in ssh arguments that change the way to the host, each as a word or two.

    Raises InventoryError for what ssh would not take, and for what mailfab cannot honour.
    """
    if control := re.search(r"[\x00-\x1f\x7f]", text):
        raise _error(variable, f"has the control character {control[0]!a}", "remove it", host)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise _error(variable, str(error), "write it as arguments of ssh", host) from None
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word in ("-", "--"):
            remedy = "write options of ssh only; ssh would take this word for the host's name"
            raise _error(variable, f"{word!r} is not an option", remedy, host)
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            value: str | None = None
            if letter in WITH_VALUE:
                value = letters or next(rest, None)
                letters = ""
                if value is None:
                    raise _error(variable, f"-{letter} has no value", "give it one", host)
            if letter in PASSED:
                found += [f"-{letter}"] if value is None else [f"-{letter}", value]
            elif letter not in HARMLESS:
                remedy = REMEDIES.get(letter, "remove it: mailfab cannot honour it")
                raise _error(variable, f"-{letter} cannot be honoured", remedy, host)
    return tuple(found)


def _error(variable: str, found: str, remedy: str, host: str) -> InventoryError:
    return InventoryError(f"{variable}: {found}", remedy, host=host)
