"""What fabfile/ssh/transport.py relies on in paramiko. A test for each override.

A test that begins with `test_paramiko_still` fails when upstream has fixed the reason for an
override: remove the override then.
"""

from __future__ import annotations

import inspect
import socket
import struct
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest
from paramiko.auth_handler import AuthOnlyHandler
from paramiko.auth_strategy import AuthStrategy
from paramiko.buffered_pipe import BufferedPipe
from paramiko.common import (
    DEFAULT_MAX_PACKET_SIZE,
    DEFAULT_WINDOW_SIZE,
    MSG_SERVICE_ACCEPT,
    cMSG_CHANNEL_OPEN,
    cMSG_USERAUTH_REQUEST,
)
from paramiko.packet import Packetizer

from fabfile.ssh.host_keys import ALGORITHMS
from fabfile.ssh.login import Login
from fabfile.ssh.transport import (
    MAX_GREETING,
    MAX_PACKET,
    MAX_STDERR,
    AuthHandler,
    BoundedPacketizer,
    BoundedStderr,
    Transport,
    _exec_request,
)


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def unpack(request: paramiko.Message) -> tuple[Any, ...]:
    request = paramiko.Message(request.asbytes())
    kind = request.get_byte()
    return kind, request.get_text(), request.get_text(), request.get_text(), request.get_remainder()


# BoundedPacketizer


def test_overridden_methods_of_packetizer_have_the_same_parameters() -> None:
    assert parameters(Packetizer.read_all) == parameters(BoundedPacketizer.read_all)
    assert parameters(Packetizer._read_timeout) == parameters(BoundedPacketizer._read_timeout)


def test_transport_uses_a_plain_packetizer_that_can_become_ours(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    assert type(paramiko.Transport(pair[0]).packetizer) is Packetizer
    assert type(Transport(pair[0]).packetizer) is BoundedPacketizer


def test_read_message_reads_through_read_all(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].sendall(struct.pack(">IB", MAX_PACKET + 100, 4) + bytes(64))
    with pytest.raises(paramiko.SSHException, match=r"sent a packet of \d+ bytes"):
        BoundedPacketizer(pair[0]).read_message()


def test_readline_reads_through_read_timeout(pair: tuple[socket.socket, socket.socket]) -> None:
    flood = threading.Thread(target=pair[1].sendall, args=(b"x" * (MAX_GREETING + 1024),))
    flood.start()
    with pytest.raises(paramiko.SSHException, match="greeting is longer than"):
        BoundedPacketizer(pair[0]).readline(5)
    pair[0].close()
    flood.join(5)


def test_paramiko_still_accepts_packets_of_any_size(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def read_all(self: Packetizer, n: int, check_rekey: bool = False) -> bytes:
        asked.append(n)
        if n > MAX_PACKET:
            raise EOFError
        return bytes(pair[0].recv(n))

    monkeypatch.setattr(Packetizer, "read_all", read_all)
    pair[1].sendall(struct.pack(">IB", 0x7FFFFFF4, 4) + bytes(64))
    with pytest.raises(EOFError):
        Packetizer(pair[0]).read_message()
    assert asked[-1] > 0x7FFFFF00


# BoundedStderr


def test_standard_error_is_fed_into_the_channels_buffer() -> None:
    channel = paramiko.Channel(0)
    assert type(channel.in_stderr_buffer) is type(channel.in_buffer) is BufferedPipe
    channel.in_stderr_buffer = bounded = BoundedStderr(channel.in_buffer)
    message = paramiko.Message()
    message.add_int(1)
    message.add_string(b"e" * MAX_STDERR)
    channel._feed_extended(paramiko.Message(message.asbytes()))
    assert not bounded.too_much
    assert not channel.in_buffer._closed
    channel._feed_extended(paramiko.Message(message.asbytes()))
    assert bounded.too_much
    assert len(bounded) == MAX_STDERR
    assert channel.in_buffer.read(1) == b"", "a reader of the output sees its end"


# AuthHandler


class EagerTransport(SimpleNamespace):
    """A transport whose server replies before `_send_message` returns."""

    def __init__(self) -> None:
        super().__init__(lock=threading.Lock(), auth_timeout=0.3, sent=[], handler=None)

    def _send_message(self, message: paramiko.Message) -> None:
        self.sent.append(message)
        self.handler._parse_userauth_success(paramiko.Message())

    def __getattr__(self, name: str) -> Any:
        answers = {"is_active": True, "get_exception": None, "server_mode": False}
        return lambda *_: answers.get(name)


def test_overridden_send_auth_request_has_the_same_parameters() -> None:
    theirs, ours = (c.send_auth_request for c in (AuthOnlyHandler, AuthHandler))
    assert parameters(theirs) == parameters(ours)
    for method in (AuthOnlyHandler.auth_publickey, AuthOnlyHandler.auth_password):
        assert "send_auth_request" in method.__code__.co_names
    assert parameters(AuthOnlyHandler.wait_for_response) == ["self", "event"]


def test_an_early_reply_is_a_login() -> None:
    transport = EagerTransport()
    transport.handler = AuthHandler(transport)
    assert transport.handler.send_auth_request("root", "none", lambda m: None) == []
    assert transport.handler.is_authenticated()


def test_paramiko_still_loses_an_early_reply() -> None:
    transport = EagerTransport()
    transport.handler = AuthOnlyHandler(transport)
    with pytest.raises(paramiko.AuthenticationException, match="timeout"):
        transport.handler.send_auth_request("root", "none", lambda m: None)


def test_our_authentication_request_is_paramikos() -> None:
    sent = []
    for kind in (AuthOnlyHandler, AuthHandler):
        transport = EagerTransport()
        transport.handler = kind(transport)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kind, "wait_for_response", lambda self, event: [])
            transport.handler.send_auth_request("root", "password", lambda m: m.add_string("x"))
        sent.append(unpack(*transport.sent))
    assert sent[0] == sent[1]
    assert sent[0][:4] == (cMSG_USERAUTH_REQUEST, "root", "ssh-connection", "password")


# Transport.ensure_session and auth_publickey


def test_a_new_transport_has_requested_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    transport = Transport(pair[0])
    assert transport.auth_handler is None
    assert transport._service_userauth_accepted is False
    assert transport.initial_kex_done is False
    assert transport.active is False
    assert isinstance(transport.auth_timeout, int | float)
    with pytest.raises(paramiko.SSHException, match="No existing session"):
        transport.ensure_session()


def test_the_reply_to_the_service_request_reaches_our_method(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    transport = Transport(pair[0])
    reply = paramiko.Message()
    reply.add_string("ssh-userauth")
    transport._handler_table[MSG_SERVICE_ACCEPT](paramiko.Message(reply.asbytes()))
    assert transport._service_accepted.is_set()


def test_every_way_to_log_in_requests_the_service_first() -> None:
    kind = paramiko.ServiceRequestingTransport
    for method in (kind.auth_publickey, kind.auth_password, kind.auth_interactive):
        assert "ensure_session" in method.__code__.co_names
    assert parameters(kind.ensure_session) == ["self"]
    assert parameters(kind.auth_publickey) == parameters(Transport.auth_publickey)
    assert "get_auth_handler" in kind.ensure_session.__code__.co_names


def test_paramiko_still_polls_for_the_service_without_a_timeout() -> None:
    code = paramiko.ServiceRequestingTransport.ensure_session.__code__
    assert "sleep" in code.co_names
    assert "auth_timeout" not in code.co_names


# Transport.start_command and optimistic_exec


class SilentTransport(Transport):
    """A transport that records its messages, and sends none."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.active = True
        self.remote_version = "SSH-2.0-OpenSSH_9.2p1"
        self.clear_to_send.set()
        self.sent: list[bytes] = []

    def _send_message(self, message: paramiko.Message) -> None:
        self.sent.append(message.asbytes())


@pytest.fixture
def silent(pair: tuple[socket.socket, socket.socket]) -> Iterator[SilentTransport]:
    transport = SilentTransport(pair[0])
    yield transport
    transport.active = False


def test_our_exec_request_is_paramikos(silent: SilentTransport) -> None:
    channel = paramiko.Channel(0)
    channel._set_transport(silent)
    channel._set_window(DEFAULT_WINDOW_SIZE, DEFAULT_MAX_PACKET_SIZE)
    channel._set_remote_channel(7, DEFAULT_WINDOW_SIZE, DEFAULT_MAX_PACKET_SIZE)
    threading.Timer(0.1, channel._request_success, [paramiko.Message()]).start()
    channel.exec_command("echo 1")
    assert silent.sent == [_exec_request(7, "echo 1").asbytes()]


def test_the_first_channel_is_known_in_advance(silent: SilentTransport) -> None:
    assert silent._channel_counter == 0
    assert silent.optimistic
    silent._next_channel()
    assert silent._channel_counter == 1
    assert not silent.optimistic


def test_the_request_follows_the_opening_and_success_ends_the_wait(
    silent: SilentTransport,
) -> None:
    prepared: list[paramiko.Channel] = []

    def prepare(channel: paramiko.Channel) -> None:
        assert not silent.sent, "the opening is not sent yet"
        assert not channel.event.is_set()
        assert not channel.event_ready
        prepared.append(channel)
        threading.Timer(0.2, reply).start()

    def reply() -> None:
        message = paramiko.Message()
        for number in (0, 0, DEFAULT_WINDOW_SIZE, DEFAULT_MAX_PACKET_SIZE):
            message.add_int(number)
        silent._parse_channel_open_success(paramiko.Message(message.asbytes()))
        prepared[0]._request_success(paramiko.Message())

    channel = silent.optimistic_exec("echo 1", prepare, 5)
    assert [channel] == prepared
    assert silent.sent[0][:1] == cMSG_CHANNEL_OPEN
    assert silent.sent[1:] == [_exec_request(0, "echo 1").asbytes()]


def test_paramiko_still_waits_for_a_command_without_a_timeout() -> None:
    assert parameters(paramiko.Channel._wait_for_event) == ["self"]
    assert parameters(paramiko.Channel.exec_command) == ["self", "command"]


def test_closing_a_channel_ends_the_wait_for_its_command(silent: SilentTransport) -> None:
    def prepare(channel: paramiko.Channel) -> None:
        channel._set_remote_channel(0, DEFAULT_WINDOW_SIZE, DEFAULT_MAX_PACKET_SIZE)
        silent.channel_events[channel.chanid].set()

    with pytest.raises(TimeoutError):
        silent.optimistic_exec("echo 1", prepare, 0.3)


# Outside of transport.py: the arguments of the public methods that we call.


def test_the_client_takes_our_strategy_and_transport() -> None:
    taken = set(parameters(paramiko.SSHClient.connect))
    assert {"auth_strategy", "transport_factory", "channel_timeout", "banner_timeout"} <= taken
    assert parameters(AuthStrategy.authenticate) == ["self", "transport"]


def test_a_channel_has_its_exit_status_and_the_event_of_it() -> None:
    channel = paramiko.Channel(0)
    assert channel.exit_status == -1, "until the server sends one"
    assert isinstance(channel.status_event, threading.Event)


# Transport.preferred_keys and AuthHandler._parse_userauth_failure


def test_host_key_algorithms_are_offered_in_our_order(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    transport = Transport(pair[0])
    assert transport.preferred_keys == paramiko.Transport(pair[1]).preferred_keys
    assert set(ALGORITHMS) <= set(transport._key_info)
    transport.host_key_algorithms = ("rsa-sha2-256", "ssh-ed25519")
    assert transport.preferred_keys == ("rsa-sha2-256", "ssh-ed25519")
    for method in (paramiko.Transport._send_kex_init, paramiko.Transport._parse_kex_init):
        assert "preferred_keys" in method.__code__.co_names


def test_only_the_algorithms_of_a_login_are_offered(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    transport = Transport(pair[0])
    before = {
        name: getattr(transport, f"preferred_{name}")
        for name in ("kex", "ciphers", "macs", "pubkeys")
    }
    transport.use(Login("", ""))
    for name, offered in before.items():
        assert getattr(transport, f"preferred_{name}") == offered
        last = offered[-1]
        field = {"kex": "kex_algorithms", "pubkeys": "pubkey_algorithms"}.get(name, name)
        some: dict[str, Any] = {field: ("no-such", last)}
        none: dict[str, Any] = {field: ("no-such",)}
        transport.use(Login("", "", **some))
        assert getattr(transport, f"preferred_{name}") == (last,)
        with pytest.raises(paramiko.SSHException, match="is no-such, of which mailfab has nothing"):
            transport.use(Login("", "", **none))


def test_methods_of_a_refusal_are_kept_and_read_again() -> None:
    transport = EagerTransport()
    transport._log = lambda *_: None
    transport.handler = handler = AuthHandler(transport)
    message = paramiko.Message()
    message.add_list(["publickey", "password"])
    message.add_boolean(True)
    handler._parse_userauth_failure(paramiko.Message(message.asbytes()))
    assert transport.allowed_methods == ("publickey", "password")
    assert isinstance(transport.saved_exception, paramiko.ssh_exception.PartialAuthentication)
