"""A connection that was begun early is like any other, and what its end does to other threads."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import paramiko
import pytest
from paramiko.common import MSG_CHANNEL_OPEN, MSG_CHANNEL_REQUEST

import fabfile.ssh.connection
from fabfile.model.errors import UnreachableError
from fabfile.model.shell import script
from fabfile.ssh.transport import Transport
from tests.ssh.openssh53_server import Door
from tests.ssh.test_old_openssh import connection, keys, known, old

__all__ = ["keys", "old"]


def test_it_is_the_one_that_is_used(old: tuple[int, Door], keys: Path, tmp_path: Path) -> None:
    port, door = old
    with connection(port, keys, "rsa", known(port, keys, tmp_path)) as c:
        c.connect_in_background()
        c.connect_in_background()
        assert c.run_script(script("", "echo survey")) == "survey\n"
        begun = c.transport
        c.connect_in_background()
        assert c.run_script(script("", "echo again")) == "again\n"
        assert c.transport is begun
    assert len(door.commands) == 2


def test_what_goes_wrong_is_said_when_it_is_needed(
    old: tuple[int, Door], keys: Path, tmp_path: Path
) -> None:
    port, door = old
    refused = connection(port, keys, "ed25519", known(port, keys, tmp_path))
    refused.connect_in_background()
    with pytest.raises(UnreachableError, match=r"let none of these in: .*/ed25519"):
        refused.run_script("true")
    nobody = connection(1, keys, "rsa", known(port, keys, tmp_path))
    nobody.connect_in_background()
    with pytest.raises(UnreachableError, match=r"old1: .* port 1: the connection was refused"):
        nobody.open()
    assert door.commands == []


def test_closed_before_it_is_there_it_stays_closed(
    old: tuple[int, Door], keys: Path, tmp_path: Path
) -> None:
    c = connection(old[0], keys, "rsa", known(old[0], keys, tmp_path))
    c.connect_in_background()
    c.close()
    assert not c.is_connected
    for thread in threading.enumerate():
        if isinstance(thread, Transport):
            thread.join(10)
            assert not thread.is_alive()


def test_the_first_command_does_not_wait_for_its_session(
    old: tuple[int, Door], keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[int | str] = []
    requested = threading.Event()
    send, opened = paramiko.Transport._send_user_message, paramiko.Channel._set_remote_channel

    def sending(self: paramiko.Transport, message: paramiko.Message) -> None:
        kind = message.asbytes()[0]
        if not self.server_mode and kind in (MSG_CHANNEL_OPEN, MSG_CHANNEL_REQUEST):
            happened.append(kind)
            if kind == MSG_CHANNEL_REQUEST:
                requested.set()
        send(self, message)

    def answered(self: paramiko.Channel, *numbers: int) -> None:
        if not self.transport.server_mode:
            # However fast the server is: the request does not need its answer.
            requested.wait(10)
            happened.append("opened")
        opened(self, *numbers)

    monkeypatch.setattr(paramiko.Transport, "_send_user_message", sending)
    monkeypatch.setattr(paramiko.Channel, "_set_remote_channel", answered)
    port, door = old
    with connection(port, keys, "rsa", known(port, keys, tmp_path)) as c:
        assert c.run_script(script("", "echo survey")) == "survey\n"
        assert happened[:3] == [MSG_CHANNEL_OPEN, MSG_CHANNEL_REQUEST, "opened"]
        happened.clear()
        assert c.run_script(script("", "echo again")) == "again\n"
        assert happened[:3] == [MSG_CHANNEL_OPEN, "opened", MSG_CHANNEL_REQUEST]
    assert (door.connections, len(door.commands)) == (1, 2)


def test_a_command_that_has_ended_before_anybody_looks(
    old: tuple[int, Door], keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine all of the answer may be there when the opening is asked for."""
    send = paramiko.Transport._send_user_message

    def late(self: paramiko.Transport, message: paramiko.Message) -> None:
        send(self, message)
        if not self.server_mode and message.asbytes()[0] == MSG_CHANNEL_REQUEST:
            while self._channels.values():
                time.sleep(0.01)

    monkeypatch.setattr(paramiko.Transport, "_send_user_message", late)
    port, _ = old
    with connection(port, keys, "rsa", known(port, keys, tmp_path)) as c:
        assert c.run_script(script("", "echo survey")) == "survey\n"


def test_a_server_that_counts_its_sessions_otherwise(
    old: tuple[int, Door], keys: Path, tmp_path: Path
) -> None:
    port, door = old
    door.first_session = 5
    with connection(port, keys, "rsa", known(port, keys, tmp_path)) as c:
        assert c.run_script(script("", "echo survey")) == "survey\n"
        assert c.run_script(script("", "echo again")) == "again\n"
    assert (door.connections, len(door.commands)) == (2, 2)


def test_a_session_that_is_refused(old: tuple[int, Door], keys: Path, tmp_path: Path) -> None:
    port, door = old
    door.sessions = False
    with (
        connection(port, keys, "rsa", known(port, keys, tmp_path)) as c,
        pytest.raises(UnreachableError, match="Administratively prohibited"),
    ):
        c.run_script(script("", "echo survey"))
    assert door.commands == []


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_who_gives_a_command_up_does_not_mind_a_connection_that_goes(
    old: tuple[int, Door], keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread closes the channel of a server that is silent, another the whole connection."""
    monkeypatch.setattr(fabfile.ssh.connection, "LOGIN_SECONDS", 1)

    def gone(message: paramiko.Message) -> None:
        """Take requests to nowhere; have no connection for an end of file or a close."""
        if message.asbytes()[0] != MSG_CHANNEL_REQUEST:
            raise EOFError

    with connection(old[0], keys, "rsa", known(old[0], keys, tmp_path)) as c:
        c.open()
        assert c.transport is not None
        channel = c.transport.open_session(timeout=10)
        monkeypatch.setattr(c.transport, "open_session", lambda timeout: channel)
        monkeypatch.setattr(c.transport, "_send_user_message", gone)
        with pytest.raises(UnreachableError, match="no answer in time"):
            c.run_script("true")
