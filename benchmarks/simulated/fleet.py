"""The simulated fleet: its addresses, keys, inventory and replay server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import Command, RunError
from benchmarks.inventories import POSTMASTER, SECRETS
from benchmarks.simulated.recording import HOST_KEY, LOGIN_KEY
from fabfile.sandbox import keys

ROOT = Path(__file__).resolve().parents[2]
PORT = 2278
IN_A_ROW = 250  # addresses in each /24


def address(number: int) -> str:
    """Return the loopback address of host `number`, counted from 0."""
    return f"127.78.{number // IN_A_ROW}.{number % IN_A_ROW + 1}"


@dataclass(frozen=True)
class Fleet:
    """A number of hosts that all give the answers of the recorded server."""

    folder: Path
    count: int
    fqdn: str

    def prepare(self) -> None:
        """Create the keys and write the inventory and the files of the replay server."""
        for name in (HOST_KEY, LOGIN_KEY):
            if not (self.folder / name).exists():
                keys.make(self.folder / name, name)
        addresses = [address(number) for number in range(self.count)]
        self._write("addresses", addresses)
        kind, key = (self.folder / f"{HOST_KEY}.pub").read_text(encoding="utf-8").split()[:2]
        self._write("known_hosts", [f"[{where}]:{PORT} {kind} {key}" for where in addresses])
        self._write(
            "fleet.ini",
            [
                "[fleet]",
                *(f"host{n:04} ansible_host={where}" for n, where in enumerate(addresses)),
                "[fleet:vars]",
                "ansible_user=root",
                f"ansible_port={PORT}",
                f"ansible_ssh_private_key_file={self.folder / LOGIN_KEY}",
                f"ssh_known_hosts={self.folder / 'known_hosts'}",
                # All hosts give the same server's answers, which hold its name.
                f"fqdn={self.fqdn}",
                f"postmaster={POSTMASTER}",
                *(f"{name}={value}" for name, value in SECRETS.items()),
            ],
        )

    def _write(self, name: str, lines: Sequence[str]) -> None:
        (self.folder / name).write_text("\n".join([*lines, ""]), encoding="utf-8")

    def deploy(self, fab: Path) -> Command:
        """Return the command that deploys the whole fleet."""
        words = [str(fab), "-H", "fleet", "deploy"]
        return Command(words, ROOT, {"MAILFAB_INVENTORY": str(self.folder / "fleet.ini")})

    def floor(self, python: Path) -> Command:
        """Return the command that runs `true` on all hosts, as many at once as mailfab."""
        addresses = (f"{address(number)}:{PORT}" for number in range(self.count))
        program = [str(python), str(ROOT / "benchmarks" / "floor.py")]
        return Command([*program, str(self.folder / LOGIN_KEY), "true", *addresses], self.folder)

    @contextmanager
    def served(self, python: Path, real: Sequence[str] = ()) -> Iterator[None]:
        """Run the replay server with this Python. `real` is the ssh command of a real server."""
        module = [str(python), "-m", "benchmarks.simulated.replay"]
        arguments = [str(self.folder), str(PORT), str(self.folder / "addresses"), *real]
        command = Command([*module, *arguments], ROOT)
        child = subprocess.Popen(
            command.words,
            cwd=command.folder,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert child.stdout is not None
            if child.stdout.readline() != "ready\n":
                raise RunError(f"the replay server did not start: exit code {child.wait()}")
            yield
        finally:
            child.kill()
            child.wait()
