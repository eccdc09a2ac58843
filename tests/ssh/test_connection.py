"""Connections made in the background, the exec that does not wait, and connections that close."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import paramiko
import pytest
from fabric import Config
from paramiko.common import (
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_REQUEST,
    MSG_SERVICE_ACCEPT,
    MSG_SERVICE_REQUEST,
    MSG_USERAUTH_REQUEST,
)

import fabfile.ssh.connection
from fabfile.model.errors import UnreachableError
from fabfile.model.shell import script
from fabfile.ssh.connection import Connection
from fabfile.ssh.transport import SIMPLE, Transport
from tests.ssh.conftest import Running


def test_connection_made_in_the_background_is_used(old: Running) -> None:
    with old.connection() as c:
        c.connect_in_background()
        c.connect_in_background()
        assert c.run_script(script("", "echo survey")) == "survey\n"
        begun = c.transport
        c.connect_in_background()
        assert c.run_script(script("", "echo again")) == "again\n"
        assert c.transport is begun
    assert len(old.server.commands) == 2


def test_failure_in_the_background_is_raised_at_first_use(old: Running) -> None:
    refused = old.connection("host")
    refused.connect_in_background()
    with pytest.raises(UnreachableError, match=r"rejected these keys: .*/host"):
        refused.run_script("true")
    nobody = Connection(replace(old.connection().login, port=1), Config())
    nobody.connect_in_background()
    with pytest.raises(UnreachableError, match=r"mail1: .* port 1: the connection was refused"):
        nobody.open()
    assert old.server.commands == []


def test_close_before_the_connection_is_made_leaves_no_thread(old: Running) -> None:
    c = old.connection()
    c.connect_in_background()
    c.close()
    assert not c.is_connected
    for thread in threading.enumerate():
        if isinstance(thread, Transport):
            thread.join(10)
            assert not thread.is_alive()


def test_first_command_does_not_wait_for_its_session(
    old: Running, monkeypatch: pytest.MonkeyPatch
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
    with old.connection() as c:
        assert c.run_script(script("", "echo survey")) == "survey\n"
        assert happened[:3] == [MSG_CHANNEL_OPEN, MSG_CHANNEL_REQUEST, "opened"]
        happened.clear()
        assert c.run_script(script("", "echo again")) == "again\n"
        assert happened[:3] == [MSG_CHANNEL_OPEN, "opened", MSG_CHANNEL_REQUEST]
    assert (old.server.connections, len(old.server.commands)) == (1, 2)


@pytest.mark.parametrize("simple", ["", "1"])
def test_simple_mode_waits_for_every_reply(
    current: Running, monkeypatch: pytest.MonkeyPatch, simple: str
) -> None:
    """Without MAILFAB_SSH_SIMPLE, neither the login nor the first command waits."""
    monkeypatch.setenv(SIMPLE, simple)
    happened: list[int | str] = []
    authenticating, requested = threading.Event(), threading.Event()
    send, opened = paramiko.Transport._send_message, paramiko.Channel._set_remote_channel
    accepted = paramiko.ServiceRequestingTransport._parse_service_accept
    followed = {MSG_USERAUTH_REQUEST: authenticating, MSG_CHANNEL_REQUEST: requested}

    def sending(self: paramiko.Transport, message: paramiko.Message) -> None:
        kind = message.asbytes()[0]
        if not self.server_mode and kind in (MSG_SERVICE_REQUEST, MSG_CHANNEL_OPEN, *followed):
            happened.append(kind)
        if not self.server_mode and kind in followed:
            followed[kind].set()
        send(self, message)

    def service(self: paramiko.Transport, message: paramiko.Message) -> None:
        # A short cut needs no reply, so it is taken while this one is held back.
        authenticating.wait(0.5)
        happened.append(MSG_SERVICE_ACCEPT)
        accepted(self, message)

    def answered(self: paramiko.Channel, *numbers: int) -> None:
        if not self.transport.server_mode:
            requested.wait(0.5)
            happened.append("opened")
        opened(self, *numbers)

    monkeypatch.setattr(paramiko.Transport, "_send_message", sending)
    monkeypatch.setattr(paramiko.Channel, "_set_remote_channel", answered)
    monkeypatch.setattr(paramiko.ServiceRequestingTransport, "_parse_service_accept", service)
    with current.connection("ed25519") as c:
        assert c.run_script(script("", "echo survey")) == "survey\n"
        assert c.run_script(script("", "echo apply"), private=True) == "apply\n"
    login = [MSG_SERVICE_REQUEST, MSG_USERAUTH_REQUEST, MSG_SERVICE_ACCEPT]
    command = [MSG_CHANNEL_OPEN, MSG_CHANNEL_REQUEST, "opened"]
    if simple:
        login[1:] = reversed(login[1:])
        command[1:] = reversed(command[1:])
    assert happened[:6] == [*login, *command]
    assert (current.server.connections, len(current.server.commands)) == (1, 2)


def test_command_that_ends_before_open_session_returns_is_read(
    old: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine the whole answer may be there by then."""
    send = paramiko.Transport._send_user_message

    def late(self: paramiko.Transport, message: paramiko.Message) -> None:
        send(self, message)
        if not self.server_mode and message.asbytes()[0] == MSG_CHANNEL_REQUEST:
            while self._channels.values():
                time.sleep(0.01)

    monkeypatch.setattr(paramiko.Transport, "_send_user_message", late)
    with old.connection() as c:
        assert c.run_script(script("", "echo survey")) == "survey\n"


def test_server_with_other_channel_numbers_is_asked_once_more(old: Running) -> None:
    old.server.first_channel = 5
    with old.connection() as c:
        assert c.run_script(script("", "echo survey")) == "survey\n"
        assert c.run_script(script("", "echo again")) == "again\n"
    assert (old.server.connections, len(old.server.commands)) == (2, 2)


def test_refused_session_raises_unreachable(old: Running) -> None:
    old.server.opens_sessions = False
    with (
        old.connection() as c,
        pytest.raises(UnreachableError, match="Administratively prohibited"),
    ):
        c.run_script(script("", "echo survey"))
    assert old.server.commands == []


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_timeout_while_the_connection_closes_raises_unreachable(
    old: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread closes the channel of a server that is silent, another the whole connection."""
    monkeypatch.setattr(fabfile.ssh.connection, "LOGIN_SECONDS", 1)

    def gone(message: paramiko.Message) -> None:
        """Drop requests; have no connection for an end of file or a close."""
        if message.asbytes()[0] != MSG_CHANNEL_REQUEST:
            raise EOFError

    with old.connection() as c:
        c.open()
        assert c.transport is not None
        channel = c.transport.open_session(timeout=10)
        monkeypatch.setattr(c.transport, "open_session", lambda timeout: channel)
        monkeypatch.setattr(c.transport, "_send_user_message", gone)
        with pytest.raises(UnreachableError, match="no answer in time"):
            c.run_script("true")
