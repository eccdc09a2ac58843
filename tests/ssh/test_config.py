"""Which of Ansible's ssh arguments are understood."""

from __future__ import annotations

import pytest

from fabfile.model.errors import InventoryError
from fabfile.ssh.config import ssh_options


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", {}),
        ("-o ProxyJump=me@gate:2200", {"proxyjump": "me@gate:2200"}),
        ("-oProxyJump=gate", {"proxyjump": "gate"}),
        ("-J one,two", {"proxyjump": "one,two"}),
        ("-o 'UserKnownHostsFile = /a b'", {"userknownhostsfile": "/a b"}),
        ("-C -o ControlPersist=60s -4", {"controlpersist": "60s"}),
        ("-J", {"proxyjump": ""}),
    ],
)
def test_options_are_read_by_lower_case_name(text: str, options: dict[str, str]) -> None:
    assert ssh_options(text, "mail1") == options


def test_unclosed_quote_names_the_host() -> None:
    with pytest.raises(InventoryError, match=r"^mail1: ansible_ssh_common_args: No closing"):
        ssh_options("-o 'x", "mail1")
