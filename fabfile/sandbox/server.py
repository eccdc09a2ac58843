"""A server of the sandbox: create, start, stop and remove it.

Its directory holds its record (`record.py`); the kernel tells whether it is running. All methods
start from these two, and `down` works from any partial state.
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

STOP_TIMEOUT = 60  # of an orderly shutdown, in seconds
MAX_LATENCY_MS = 10_000


def quiet(_line: str) -> None:
    """Discard a line of progress."""


@dataclass(frozen=True)
class Server:
    """A throw-away server, by name. It exists between `up` and `down`."""

    name: str
    image: str = "debian12"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?", self.name) or self.name == "lan":
            raise SandboxError(
                f"{self.name!r} is not valid as a server's name",
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
        """Whether its directory exists."""
        return state.host(self.name).is_dir()

    @property
    def running(self) -> bool:
        """Whether its init is running."""
        return boot.init(self.name) is not None

    @property
    def pid(self) -> int:
        """The pid of the server's init on the machine. Raise SandboxError if it is not running."""
        pid = boot.init(self.name)
        if pid is None:
            raise SandboxError(
                "the server is not running",
                f"start it: fab sandbox.up --names {self.name}",
                host=self.name,
            )
        return pid

    @property
    def latency_ms(self) -> float:
        """The latency added to a round trip, in milliseconds."""
        record = Record.load(self.name)
        return record.latency_ms if record else 0

    def port(self, number: int) -> int:
        """Return the port on `address` that is forwarded to this port of the server."""
        return ports.opened(self.name).get(number, number)

    def up(self, latency_ms: float | None = None, say: Callable[[str], None] = quiet) -> None:
        """Create and start the server, unless it is running, and wait until sshd listens.

        `latency_ms` is added to each round trip. With None, an existing server keeps its latency.
        """
        if latency_ms is not None and not 0 <= latency_ms <= MAX_LATENCY_MS:
            raise SandboxError(
                f"the latency is {latency_ms:g} ms; expected 0 to {MAX_LATENCY_MS}",
                "give milliseconds: --latency 100",
                host=self.name,
            )
        machine.prepare(say)
        with self._locked():
            new = Record.load(self.name) is None
            try:
                record = self._create(say)
                if latency_ms is not None and latency_ms != record.latency_ms:
                    if self.running:
                        boot.plug(self.name, latency_ms)
                    record = replace(record, latency_ms=latency_ms)
                    record.save(self.name)
                self._start(record)
            except BaseException:
                if new:
                    # Remove the partial server. The first error matters more than one from this.
                    with suppress(SandboxError, OSError):
                        self._remove()
                raise

    def down(self) -> None:
        """Remove the server with its disk and network."""
        with self._locked():
            self._remove()

    def reset(self) -> None:
        """Kill the server, restore its disk to the image, and start it again."""
        with self._locked():
            record = self._record()
            boot.kill(self.name)
            disk.clear(self.name)
            self._start(record)

    def poweroff(self) -> None:
        """Simulate a power cut: kill all processes of the server. Its disk stays."""
        with self._locked():
            self._record()
            ports.close(self.name)
            boot.kill(self.name)

    def boot(self) -> None:
        """Start the server with its present disk and wait until sshd listens."""
        with self._locked():
            self._start(self._record())

    def snapshot(self, image_name: str) -> None:
        """Turn the server's disk into an image, and start the server again on top of it.

        The server is shut down in good order first. A later `reset` restores this snapshot.
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

        `timeout` is in seconds. With `check`, raise SandboxError for a script that fails.
        """
        return boot.shell(self.name, self.pid, script, check=check, timeout=timeout)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock this server against other runs. Turn OSError into SandboxError."""
        machine.check_root()
        try:
            with state.lock(f"host-{self.name}"):
                yield
        except OSError as error:
            raise SandboxError(error.strerror or str(error), host=self.name) from error

    def _record(self) -> Record:
        record = Record.load(self.name)
        if record is None:
            raise SandboxError(
                f"the server {self.name} does not exist",
                f"create it: fab sandbox.up --names {self.name}",
            )
        return record

    def _create(self, say: Callable[[str], None]) -> Record:
        """Return the record of the server. Create it if there is none."""
        record = Record.load(self.name)
        if record is None:
            lan.join(self.name)
            record = Record(self.image, image.layers(self.image, say))
            boot.kill(self.name)
            disk.clear(self.name)
            record.save(self.name)
        elif not image.within(self.image, record.image, record.layers):
            raise SandboxError(
                f"the server exists with the image {record.image}, not {self.image}",
                f"remove it first: fab sandbox.down --names {self.name}",
                host=self.name,
            )
        return record

    def _start(self, record: Record) -> None:
        """Start the lan, the server and the forwarder, unless they are running."""
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
        """Shut the server down in good order. Raise SandboxError after STOP_TIMEOUT."""
        if self.running:
            # MariaDB ignores a stop request while it starts: wait for the end of the boot.
            with suppress(SandboxError):
                boot.shell(self.name, self.pid, boot.SETTLE, check=False, timeout=STOP_TIMEOUT)
            try:
                boot.power_off(self.name, self.pid, wait=STOP_TIMEOUT)
            except SandboxError:
                raise SandboxError(
                    f"the server did not shut down within {STOP_TIMEOUT} seconds",
                    "see the pending jobs on it: systemctl list-jobs, or ps on EL 6",
                    host=self.name,
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
