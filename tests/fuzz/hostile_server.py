"""An SSH server on loopback that proves who it is, lets our key in, and then does as it likes."""

from __future__ import annotations

import base64
import gzip
import re
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import paramiko

FACTS = Path(__file__).resolve().parents[1] / "data" / "facts"
RECORDED = {
    folder.name: [file.read_text() for file in sorted(folder.glob("*.txt"))]
    for folder in sorted(FACTS.iterdir())
}
"""What real hosts have answered to each fact."""
Answer = Callable[[paramiko.Channel, bytes], None]
"""Does something with a channel on which a command was asked for."""


class Door(paramiko.ServerInterface):  # type: ignore[misc]
    """Lets everybody in, and remembers what was to be run; runs nothing of it."""

    def __init__(self, answer: Answer, banner: str, consents: bool) -> None:
        self.answer = answer
        self.banner = banner
        self.consents = consents
        self.commands: list[str] = []

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def get_banner(self) -> tuple[str, str]:
        return self.banner, "en-US"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return int(paramiko.AUTH_SUCCESSFUL)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.commands.append(command.decode(errors="replace"))
        if not self.consents:
            # paramiko answers when this returns.
            threading.Event().wait(60)
        # A reader that pays no heed to its window: all is sent at once.
        threading.Thread(target=self._answer, args=(channel, command), daemon=True).start()
        return True

    def _answer(self, channel: paramiko.Channel, command: bytes) -> None:
        # paramiko consents once check_channel_exec_request has returned; nobody ends before that.
        threading.Event().wait(0.2)
        with suppress(OSError, EOFError, paramiko.SSHException):
            self.answer(channel, command)


@contextmanager
def serve(
    host_key: paramiko.PKey, answer: Answer, *, banner: str = "", consents: bool = True
) -> Iterator[tuple[int, Door]]:
    """Run the server; yield its port and what it has seen."""
    listener = socket.create_server(("127.0.0.1", 0))
    door = Door(answer, banner, consents)
    transports: list[Any] = []

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            transport.add_server_key(host_key)
            transports.append(transport)
            with suppress(paramiko.SSHException, EOFError):
                transport.start_server(server=door)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1], door
    finally:
        listener.close()
        for transport in transports:
            transport.close()


@contextmanager
def greet(say: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that gets no further than its greeting; yield its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_say, args=(say, client), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def _say(say: Callable[[socket.socket], None], client: socket.socket) -> None:
    with suppress(OSError):
        say(client)


def script(command: bytes) -> str:
    """Return the script in a command line of ours; nothing for one that reads it from stdin."""
    packed = re.match(rb"echo ([A-Za-z0-9+/=]+)\|", command)
    return gzip.decompress(base64.b64decode(packed[1])).decode() if packed else ""


def survey(text: str) -> str:
    """Return a true answer to a survey's script, from records of real hosts."""
    (nonce,) = set(re.findall(r"@([0-9a-f]{16}) end", text))
    said = []
    for fact in re.findall(rf"@{nonce} (\w+)'", text):
        if fact != "end":
            said.append(f"@{nonce} {fact}\n{RECORDED.get(fact, [''])[0]}")
    return "\n".join([*said, f"@{nonce} end\n"])


def bomb(head: bytes, block: bytes, megabytes: int) -> Iterator[bytes]:
    """Yield something gzipped that is as big as one likes, and costs next to nothing to make."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    yield packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    # What stands between two full flushes can be unpacked by itself, so also many times over.
    piece = packer.compress(block * (2**20 // len(block))) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(megabytes):
        yield piece
