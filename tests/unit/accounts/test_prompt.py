"""What a person is asked at a terminal, and what comes of the answer."""

from __future__ import annotations

import os
import pty
import sys

import pytest

from fabfile.fleet.host_connection import HostConnection
from fabfile.model.errors import UsageError
from fabfile.model.host import Host
from fabfile.ssh.login import Login
from tasks.accounts.prompt import GENERATED, Source, confirm, new_hash, new_password


def connection() -> HostConnection:
    """Return a connection that is never opened."""
    return HostConnection(Login("mail1", "mail1"), Host("mail1"))


@pytest.mark.parametrize(
    ("answer", "goes_on"), [("y", True), ("Yes", True), ("", False), ("n", False), ("x", False)]
)
def test_consent(
    answer: str,
    goes_on: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    leader, follower = pty.openpty()
    monkeypatch.setattr(sys, "stdin", os.fdopen(follower))
    os.write(leader, f"{answer}\n".encode())
    if goes_on:
        confirm(connection(), "user a@b.example has mail", yes=False)
    else:
        with pytest.raises(UsageError, match="nothing was changed"):
            confirm(connection(), "user a@b.example has mail", yes=False)
    assert "mail1: user a@b.example has mail. Go on? [y/N]" in capsys.readouterr().err
    os.close(leader)


def test_with_yes_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    confirm(connection(), "much would be removed", yes=True)


def test_what_is_made_is_the_same_for_all_hosts() -> None:
    source = Source(generate=True)
    made = new_password("made@b.example", source)
    assert len(made) == GENERATED
    assert made.isalnum()
    assert new_password("made@b.example", source) == made
    first = new_hash("made@b.example", source, "SHA512-CRYPT")
    assert new_hash("made@b.example", source, "SHA512-CRYPT") == first
    assert new_password("other@b.example", source) != made
