"""A server of the sandbox: what makes it, starts it, stops it, and leaves nothing of it behind.

Its directory says what it is (`record.py`), the kernel says whether it runs. So every method
starts from what is there, and `down` is right from any half-made state.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from fabfile.sandbox import (
    boot,
    disk,
    image,
    keys,
    lan,
    machine,
    network,
    ports,
    process,
    state,
)
from fabfile.sandbox.errors import SandboxError
from fabfile.sandbox.record import Record

STOP_TIMEOUT = 60  # seconds for an orderly shutdown
MAX_LATENCY_MS = 10_000


def quiet(_line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Server:
    """A throw-away server, by name; it exists between `up` and `down`."""

    name: str
    image: str = "debian12"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", self.name) or self.name == "lan":
            raise SandboxError(
                f"{self.name!r} cannot be a server's name",
                "use up to 30 of a-z, 0-9 and hyphen, beginning with a letter",
            )

    @property
    def address(self) -> str:
        """The server's address on the machine."""
        return network.loopback(state.number(self.name))

    @property
    def lan_address(self) -> str:
        """The server's address in the lan."""
        return network.address(state.number(self.name))

    @property
    def netns(self) -> str:
        """The name of the server's network namespace, for `ip netns exec`."""
        return network.namespace(self.name)

    @property
    def exists(self) -> bool:
        """Whether there is anything of it."""
        return state.host(self.name).is_dir()

    @property
    def running(self) -> bool:
        """Whether its init runs."""
        return boot.init(self.name) is not None

    @property
    def pid(self) -> int:
        """The pid, on the machine, of the server's init."""
        pid = boot.init(self.name)
        if pid is None:
            raise SandboxError(f"{self.name} is not running", "start it: fab sandbox.up")
        return pid

    @property
    def latency_ms(self) -> float:
        """What is added to a round trip, in milliseconds."""
        record = Record.load(self.name)
        return record.latency_ms if record else 0

    def port(self, number: int) -> int:
        """Return the port on `address` that leads to this port of the server."""
        return ports.opened(self.name).get(number, number)

    def up(self, latency_ms: float | None = None, say: Callable[[str], None] = quiet) -> None:
        """Make the server and start it, as far as that is not so already.

        Returns when sshd listens. `latency_ms` is added to each round trip; without it, a server
        that exists keeps what it has.
        """
        if latency_ms is not None and not 0 <= latency_ms <= MAX_LATENCY_MS:
            raise SandboxError(
                f"{self.name}: a latency of {latency_ms:g} ms", f"use 0 to {MAX_LATENCY_MS}"
            )
        machine.prepare(say)
        with self._locked():
            new = Record.load(self.name) is None
            try:
                record = self._made(say)
                if latency_ms is not None and latency_ms != record.latency_ms:
                    if self.running:
                        boot.plug(self.name, latency_ms)
                    record = replace(record, latency_ms=latency_ms)
                    record.save(self.name)
                self._start(record)
            except BaseException:
                if new:
                    # Nothing half-made is left; why it failed matters more than a failure of this.
                    with suppress(SandboxError, OSError):
                        self._remove()
                raise

    def down(self) -> None:
        """Remove the server and everything of it."""
        with self._locked():
            self._remove()

    def reset(self) -> None:
        """Put the server back to its image, by force, and start it again."""
        with self._locked():
            record = self._record()
            boot.kill(self.name)
            disk.clear(self.name)
            self._start(record)

    def poweroff(self) -> None:
        """Cut the server's power: nothing of it gets a chance to finish. Its disk stays."""
        with self._locked():
            self._record()
            ports.close(self.name)
            boot.kill(self.name)

    def boot(self) -> None:
        """Start the server with the disk it has; returns when sshd listens."""
        with self._locked():
            self._start(self._record())

    def snapshot(self, image_name: str) -> None:
        """Make the server's disk an image, and start the server again, now on top of that image.

        It is shut down in good order. A later `reset` leads back to this snapshot.
        """
        image.check_new(image_name)
        with self._locked():
            record = self._record()
            self._shut_down()
            image.add(image_name, state.host(self.name) / "upper", record.layers)
            layers = image.layers(image_name, quiet)
            record = replace(record, image=image_name, layers=layers)
            record.save(self.name)
            self._start(record)

    def shell(
        self, script: str, *, check: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell script on the server as root, without ssh.

        `timeout` is in seconds. With `check`, a script that fails is a SandboxError.
        """
        return boot.shell(self.name, self.pid, script, check=check, timeout=timeout)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from this server; SandboxError if the machine refuses a step."""
        machine.check_root()
        try:
            with state.lock(f"host-{self.name}"):
                yield
        except OSError as error:
            raise SandboxError(f"{self.name}: {error.strerror or error}") from error

    def _record(self) -> Record:
        record = Record.load(self.name)
        if record is None:
            raise SandboxError(f"there is no server {self.name}", "make it: fab sandbox.up")
        return record

    def _made(self, say: Callable[[str], None]) -> Record:
        """Return the record of the server, which is made first if there is none."""
        record = Record.load(self.name)
        if record is None:
            lan.join(self.name)
            record = Record(self.image, image.layers(self.image, say))
            boot.kill(self.name)
            disk.clear(self.name)
            record.save(self.name)
        elif not image.within(self.image, record.image, record.layers):
            raise SandboxError(
                f"{self.name} exists with the image {record.image}, not {self.image}",
                f"remove it first: fab sandbox.down --names {self.name}",
            )
        return record

    def _start(self, record: Record) -> None:
        """Start what does not run: the lan, the server, the forwarder."""
        lan.join(self.name)
        if not self.running:
            boot.kill(self.name)
            disk.seed(self.name)
            keys.update_known_hosts()
            boot.start(self.name, record.layers, record.latency_ms)
        boot.wait(self.name)
        if record.latency_ms and not process.find(self.name, "cable"):
            boot.plug(self.name, record.latency_ms)
        ports.open_all(self.name)

    def _shut_down(self) -> None:
        """Shut the server down in good order; it is an error when it does not go down."""
        if self.running:
            # MariaDB loses a request to stop that comes while it starts: let the boot end first.
            with suppress(SandboxError):
                boot.shell(self.name, self.pid, boot.SETTLE, check=False, timeout=STOP_TIMEOUT)
            try:
                boot.power_off(self.name, self.pid, wait=STOP_TIMEOUT)
            except SandboxError:
                raise SandboxError(
                    f"{self.name} has not shut down within {STOP_TIMEOUT} seconds",
                    "see what it waits for: systemctl list-jobs on the server, or ps on EL 6",
                ) from None
        boot.kill(self.name)

    def _remove(self) -> None:
        process.kill_all(self.name, "forwarder")
        boot.kill(self.name)
        lan.leave(self.name)


def servers() -> list[Server]:
    """Return the servers that exist, running or not."""
    found = []
    for name in state.host_names():
        record = Record.load(name)
        found.append(Server(name, record.image if record else "debian12"))
    return found
