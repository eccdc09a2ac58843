"""The options in Ansible's ssh arguments (`ansible_ssh_common_args`, `ansible_ssh_extra_args`)."""

from __future__ import annotations

import shlex

from fabfile.model.errors import InventoryError


def ssh_options(text: str, host: str) -> dict[str, str]:
    """Return the values of `-o Name=value` and `-J` in ssh arguments, by lower-case name.

    Other arguments are ignored. `host` is for messages.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InventoryError(
            f"ansible_ssh_common_args: {error}", "write it as arguments of ssh", host=host
        ) from None
    options: dict[str, str] = {}
    for position, word in enumerate(words):
        following = words[position + 1] if position + 1 < len(words) else ""
        if word in ("-o", "-J"):
            value = following if word == "-o" else f"ProxyJump={following}"
        elif word.startswith("-o"):
            value = word[2:]
        else:
            continue
        name, _, setting = value.partition("=")
        options[name.strip().lower()] = setting.strip()
    return options
