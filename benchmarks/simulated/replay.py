"""The replay server: one SSH server for a whole fleet, with recorded answers. A program of its own.

    python -m benchmarks.simulated.replay FOLDER PORT ADDRESSES [SSH WORDS]

ADDRESSES is a file with one address on each line. FOLDER has the keys and the recording. With the
words of an ssh command, a command without an answer runs on that server, and its answer is
recorded. The program prints `ready` when it listens.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from benchmarks.simulated.recording import HOST_KEY, LOGIN_KEY, RECORDING, Recording

BACKLOG = 128  # waiting connections of each address
NOT_RECORDED = 127


@dataclass(frozen=True)
class ReplayServer:
    """The recorded answers, and the ssh command of a real server for unknown commands."""

    folder: Path
    recording: Recording
    real: Sequence[str] = ()

    async def serve(self, addresses: Sequence[str], port: int) -> None:
        """Listen on all addresses until killed."""
        for address in addresses:
            await asyncssh.listen(
                sock=socket.create_server((address, port), backlog=BACKLOG),
                server_host_keys=[str(self.folder / HOST_KEY)],
                authorized_client_keys=str(self.folder / f"{LOGIN_KEY}.pub"),
                process_factory=self.handle,
                encoding=None,
            )
        print("ready", flush=True)
        await asyncio.Event().wait()

    async def handle(self, process: Any) -> None:
        """Answer one command. NOT_RECORDED is the exit code of an unknown one."""
        command = process.command or ""
        reply = self.recording.reply(command)
        if reply is None and self.real:
            await self.ask(command)
            reply = self.recording.reply(command)
        if reply is None:
            process.stderr.write(b"this command is not in the recording\n")
            process.exit(NOT_RECORDED)
            return
        output, code = reply
        process.stdout.write(output)
        process.exit(code)

    async def ask(self, command: str) -> None:
        """Run a command on the real server and record its answer."""
        child = await asyncio.create_subprocess_exec(
            *self.real, command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await child.communicate()
        self.recording.learn(command, output, child.returncode or 0)
        self.recording.save(self.folder / RECORDING)


def main(words: Sequence[str]) -> None:
    """Serve until killed."""
    folder, port, addresses, *real = words
    # Each address and each connection needs a socket.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    known = Recording.load(Path(folder) / RECORDING)
    server = ReplayServer(Path(folder), known, tuple(real))
    listening = Path(addresses).read_text(encoding="utf-8").split()
    asyncio.run(server.serve(listening, int(port)))


if __name__ == "__main__":
    main(sys.argv[1:])
