"""A hostile server: one message, exit code 1, in bounded time and memory.

None of its output acts on the terminal or is run anywhere. The timeouts are set to seconds.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
import pytest

from tests.fuzz.hostile_server import bomb, script, survey
from tests.ssh.server import Answer, FakeServer, serve, serve_bytes
from tests.tally import tried

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 3
"""Each timeout, in seconds."""
MOST_SECONDS = 40
"""Limit of a run, in seconds, on a busy machine."""
MOST_MEGABYTES = 450
FAB = f"""\
import fabfile.ssh.connection as c
c.CONNECT_SECONDS = c.LOGIN_SECONDS = c.SILENCE_SECONDS = {SECONDS}
from fabfile.cli.main import run
run()
"""
EVIL = "\x1b]0;title\x07\x1b[2J$(touch /tmp/mailfab-was-here)`touch /tmp/mailfab-was-here`\r\n"
FORGED = "@0123456789abcdef end\n= /etc/passwd\n|root::0:0\n@mailfab done 0\n"
HERE = Path("/tmp/mailfab-was-here")


@dataclass
class Run:
    """The result of a run of fab, and what it cost."""

    code: int
    output: str
    seconds: float
    megabytes: float
    commands: list[str] = field(default_factory=list)


def fab(port: int, folder: Path, *arguments: str) -> Run:
    """Run fab on the server at a port, and measure it."""
    inventory = folder / "inventory.ini"
    inventory.write_text(
        f"hostile ansible_host=127.0.0.1 ansible_port={port} ansible_user=root "
        f"fqdn=hostile.example.com ssh_known_hosts={folder}/known_hosts "
        f"ansible_ssh_private_key_file={folder}/user\n"
    )
    key = paramiko.RSAKey.from_private_key_file(str(folder / "host"))
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} ssh-rsa {key.get_base64()}\n")
    began = time.monotonic()
    with (folder / "output").open("w+") as output:
        child = subprocess.Popen(
            [sys.executable, "-c", FAB, "-H", "hostile", *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "MAILFAB_INVENTORY": str(inventory)},
        )
        stop = threading.Timer(MOST_SECONDS, child.kill)
        stop.start()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        stop.cancel()
        output.seek(0)
        text = output.read()
    return Run(child.returncode, text, time.monotonic() - began, usage.ru_maxrss / 1024)


def bounded(run: Run, code: int = 1) -> None:
    """Assert that the run ended with an error message, within all limits."""
    assert run.code == code, run.output[-2000:]
    assert "Traceback" not in run.output, run.output
    assert "a bug of mailfab" not in run.output, run.output
    assert len(run.output) < 20_000
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", run.output), ascii(run.output)
    assert not HERE.exists()
    assert run.seconds < MOST_SECONDS
    assert run.megabytes < MOST_MEGABYTES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the server's key and ours."""
    found = tmp_path_factory.mktemp("hostile")
    for name in ("host", "user"):
        paramiko.RSAKey.generate(2048).write_private_key_file(str(found / name))
    return found


def endless(data: bytes) -> Callable[[socket.socket], None]:
    """Return a sender that sends the same bytes for ever."""

    def send_to(client: socket.socket) -> None:
        while True:
            client.sendall(data)

    return send_to


def once(data: bytes, *, stay: bool = True) -> Callable[[socket.socket], None]:
    """Return a sender that sends some bytes, and then nothing."""

    def send_to(client: socket.socket) -> None:
        client.sendall(data)
        if stay:
            client.recv(1)
            threading.Event().wait(60)
        client.close()

    return send_to


def drip(client: socket.socket) -> None:
    while True:
        client.sendall(b"x\n")
        time.sleep(0.5)


def packets(data: bytes) -> Callable[[socket.socket], None]:
    """Return a sender of a valid greeting, then of the same bytes for ever."""

    def send_to(client: socket.socket) -> None:
        client.sendall(b"SSH-2.0-hostile\r\n")
        endless(data)(client)

    return send_to


GREETINGS: dict[str, Callable[[socket.socket], None]] = {
    "bytes without end": endless(b"\xff" * 65536),
    "lines without end": endless(b"welcome\n" * 8192),
    "nothing at all": once(b""),
    "nothing, and hangs up": once(b"", stay=False),
    "a greeting that never ends": drip,
    "another protocol": once(b"220 mail.example.com ESMTP " + EVIL.encode() + b"\r\n"),
    "a version with commands for the terminal": once(b"SSH-9.9-" + EVIL.encode() + b"\r\n"),
    "half a version": once(b"SSH-2.0-OpenSS", stay=False),
    "a packet of 2 GB": packets(b"\x7f\xff\xff\xf4\x04" + b"\x00" * 65536),
    "garbage for packets": packets(os.urandom(65536)),
}


@pytest.mark.parametrize("greeting", GREETINGS)
def test_hostile_greeting_ends_with_an_error(folder: Path, greeting: str) -> None:
    tried("SSH servers that greet with nonsense")
    with serve_bytes(GREETINGS[greeting]) as port:
        run = fab(port, folder, "plan")
    bounded(run)
    assert f"hostile: 127.0.0.1 port {port}: " in run.output


def send(data: bytes, *, code: int | None = None, errors: bytes = b"") -> Answer:
    """Return an answer of bytes, and perhaps an exit code."""

    def answer(channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall(data)
        channel.sendall_stderr(errors)
        if code is not None:
            channel.send_exit_status(code)
        channel.close()

    return answer


def flood(data: bytes, *, errors: bool = False) -> Answer:
    """Return an answer that does not end, as fast as the reader takes it."""

    def answer(channel: paramiko.Channel, command: bytes) -> None:
        while True:
            (channel.sendall_stderr if errors else channel.sendall)(data)

    return answer


def ignoring_the_window(channel: paramiko.Channel, command: bytes) -> None:
    """Send errors without regard for the window that the reader gives, even after the end."""
    channel.shutdown_write()
    while True:
        channel.lock.acquire()
        channel.out_window_size = 2**30
        channel.lock.release()
        channel.eof_sent = False
        channel.sendall_stderr(b"e" * 30_000)


def silent(channel: paramiko.Channel, command: bytes) -> None:
    threading.Event().wait(60)


def dripping(channel: paramiko.Channel, command: bytes) -> None:
    while True:
        channel.sendall(b"x")
        time.sleep(0.3)


def half_closed(channel: paramiko.Channel, command: bytes) -> None:
    channel.sendall(b"half an ans")
    channel.shutdown_write()
    threading.Event().wait(60)


def hangs_up(channel: paramiko.Channel, command: bytes) -> None:
    channel.sendall(b"\x1f\x8b\x08")
    channel.transport.close()


def exploding(block: bytes, megabytes: int, fact: str = "") -> Answer:
    """Return a gzip bomb, inside the answer to a fact if it names one."""

    def answer(channel: paramiko.Channel, command: bytes) -> None:
        nonce = re.findall(r"@([0-9a-f]{16}) end", script(command))[0]
        for piece in bomb(f"@{nonce} {fact}\n".encode() if fact else b"", block, megabytes):
            channel.sendall(piece)
        channel.close()

    return answer


def cut(share: float) -> Answer:
    """Return a true answer that ends somewhere in the middle, as a whole gzip or in its middle."""

    def answer(channel: paramiko.Channel, command: bytes) -> None:
        whole = survey(script(command)).encode()
        packed = b"".join(bomb(whole[: int(len(whole) * share)], b"x", 0))
        channel.sendall(packed if share < 0.5 else packed[:-40])
        channel.send_exit_status(0)
        channel.close()

    return answer


ANSWERS: dict[str, Answer] = {
    "garbage": send(os.urandom(100_000), code=0),
    "garbage that looks packed": send(b"\x1f\x8b\x08" + os.urandom(10_000), code=0),
    "commands for the terminal": send(EVIL.encode(), code=0),
    "forged markers": send(FORGED.encode(), code=0),
    "errors with commands for the terminal": send(b"", code=1, errors=EVIL.encode()),
    "output without end": flood(b"x" * 65536),
    "lines without end": flood(b"a\n" * 32768),
    "errors without end": flood(b"e" * 65536, errors=True),
    "errors without end, against the window": ignoring_the_window,
    "nothing, for ever": silent,
    "a byte now and then": dripping,
    "half an answer, then half a close": half_closed,
    "half an answer, then a dead connection": hangs_up,
    "nothing, and success": send(b"", code=0),
    "nothing, and no exit code": send(b""),
    "4 GB in a gzip": exploding(b"\x00", 4096),
    "lines without end in a gzip": exploding(b"ab\n", 4096),
    "lines of a fact without end in a gzip": exploding(b"|b\n", 4096, "alias"),
    "an answer cut in the middle": cut(0.3),
    "a packed answer cut in the middle": cut(0.8),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_hostile_answer_to_a_survey_ends_with_an_error(folder: Path, answer: str) -> None:
    tried("SSH servers that answer a survey with nonsense")
    with serve_with(folder, ANSWERS[answer]) as (port, server):
        run = fab(port, folder, "plan")
    bounded(run)
    assert run.output.startswith("hostile: ")
    assert_only_our_commands(server)


def test_server_that_does_not_reply_to_exec_times_out(folder: Path) -> None:
    tried("SSH servers that do not say whether they run a command")
    with serve_with(folder, silent, replies=False) as (port, _):
        run = fab(port, folder, "plan")
    bounded(run)
    assert "no answer in time" in run.output


def test_forged_markers_in_a_banner_change_nothing(folder: Path) -> None:
    """The one run that succeeds: text before the answer is ignored."""
    tried("login banners with forged markers, before a true answer")

    def answer(channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall((EVIL + FORGED).encode())
        if found := script(command):
            channel.sendall(b"".join(bomb(survey(found).encode(), b"x", 0)))
        channel.send_exit_status(0)
        channel.close()

    with serve_with(folder, answer, banner=EVIL + FORGED) as (port, server):
        run = fab(port, folder, "plan")
    bounded(run, code=2)
    assert "would change, 0 failed" in run.output
    assert "/etc/passwd" not in run.output
    assert_only_our_commands(server)


def behind_a_survey(said: Callable[[str], Iterator[bytes]], *, locks: bool = True) -> Answer:
    """Return a true answer to the survey, and something else to what is applied.

    The lock is given before that, unless it is the lock that is answered so.
    """

    def answer(channel: paramiko.Channel, command: bytes) -> None:
        if text := script(command):
            channel.sendall(b"".join(bomb(survey(text).encode(), b"x", 0)))
        else:
            data = b""
            while not data.endswith((b"\nmain; exit\n", b"\nmain </dev/null; exit\n")):
                if not (piece := channel.recv(65536)):
                    return
                data += piece
            if locks and b"run.holder" in data:
                nonce = re.findall(rb"\bnonce=([0-9a-f]{16})", data)[0]
                channel.sendall(b"@" + nonce + b" got\n")
                while channel.recv(1):
                    pass
                return
            for piece in said(data.decode()):
                channel.sendall(piece)
        channel.send_exit_status(0)
        channel.close()

    return answer


def marks(*lines: str) -> Callable[[str], Iterator[bytes]]:
    """Return an apply's answer of these markers, with the true nonce."""

    def said(text: str) -> Iterator[bytes]:
        nonce = re.findall(r"\bnonce=([0-9a-f]{16})", text)[0]
        yield from (f"@{nonce} {line}\n".encode() for line in lines)

    return said


def for_ever(data: bytes) -> Callable[[str], Iterator[bytes]]:
    def said(_: str) -> Iterator[bytes]:
        while True:
            yield data

    return said


APPLIES = {
    "nothing": marks(),
    "an end at once": marks("end"),
    "steps that there are not": marks("step 0", "done 0", "step 99999", "done 99999", "end"),
    "numbers that are none": marks("done ²", "failed x y z", "end"),
    "a failure with commands for the terminal": marks("failed 0 1", f"x\n|{EVIL}", "end"),
    "a lock with commands for the terminal": marks(f"locked {EVIL}", "end"),
    "output without end": for_ever(b"x" * 65536),
    "lines without end": for_ever(b"|b\n" * 20_000),
}


LOCKS = {
    "nothing": marks(),
    "a holder with commands for the terminal": marks(f"held {EVIL}"),
    "a holder without end": for_ever(b"x" * 65536),
    "lines without end": for_ever(b"@0123456789abcdef held x\n" * 1000),
    "that it is ours, and an end": marks("got"),
}


@pytest.mark.parametrize("answer", LOCKS)
def test_hostile_answer_to_the_lock_ends_with_an_error(folder: Path, answer: str) -> None:
    tried("SSH servers that answer for the lock with nonsense")
    with serve_with(folder, behind_a_survey(LOCKS[answer], locks=False)) as (port, server):
        run = fab(port, folder, "deploy")
    bounded(run)
    assert "hostile: 0 changed, 1 failed" in run.output
    assert_only_our_commands(server)


@pytest.mark.parametrize("answer", APPLIES)
def test_hostile_answer_to_a_deploy_ends_with_an_error(folder: Path, answer: str) -> None:
    tried("SSH servers that answer a deploy with nonsense")
    with serve_with(folder, behind_a_survey(APPLIES[answer])) as (port, server):
        run = fab(port, folder, "deploy")
    bounded(run)
    assert re.search(r"^hostile: \d+ changed, 1 failed$", run.output, re.M)
    assert_only_our_commands(server)


def assert_only_our_commands(server: FakeServer) -> None:
    """Assert that the server was asked to run our own commands, and nothing else."""
    ours = re.compile(r"echo [A-Za-z0-9+/=]+\|base64 -d\|gzip -dc\|sh\|gzip -1c|exec sh")
    assert server.commands
    assert [command for command in server.commands if not ours.fullmatch(command)] == []


@contextmanager
def serve_with(
    folder: Path, answer: Answer, *, banner: str = "", replies: bool = True
) -> Iterator[tuple[int, FakeServer]]:
    """Run the server with the folder's key; it lets every key in, and runs nothing."""
    server = FakeServer(None, answer, banner=banner)
    server.replies_to_exec = replies
    # paramiko replies to the request while the answer begins; no answer ends before that.
    server.delay = 0.2
    with serve(server, paramiko.RSAKey.from_private_key_file(str(folder / "host"))) as port:
        yield port, server
