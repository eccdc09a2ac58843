"""Fixtures of the host tests: a real server in the sandbox for each process, and ways to it.

The server has systemd, sshd, apt and a disk of its own. `MAILFAB_TEST_KEEP=1` leaves it up.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fabric import Config

from fabfile import inventory
from fabfile.commands import surveyed
from fabfile.connection import Connection
from fabfile.deploy import Deployed, Plan
from fabfile.report import Report
from fabfile.sandbox.server import Server
from fabfile.screen import Screen
from fabfile.section import Section
from fabfile.targets import resolve
from tasks.guide import GUIDE

ROOT = Path(__file__).resolve().parents[2]
STATE = Path(os.environ.get("MAILFAB_SANDBOX_DIR", "/var/lib/mailfab-sandbox"))
FAB = Path(sys.executable).with_name("fab")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say why, where no server can be had."""
    if os.geteuid() != 0 or platform.system() != "Linux":
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs root on Linux: boots real servers"))


@dataclass
class Box:
    """A sandbox server and the inventory that names it."""

    server: Server
    inventory: Path
    _deployed: bool = False

    @property
    def name(self) -> str:
        return self.server.name

    def be_bare(self) -> None:
        """Be a new server, with nothing of mail on it."""
        self.server.down()
        self.server.up()
        self.write_inventory()
        self._deployed = False

    def be_deployed(self) -> None:
        """Be up and deployed."""
        if not self._deployed:
            self.server.up()
            self.fab("deploy")
            self._deployed = True

    def fab(
        self,
        *arguments: str,
        code: int | None = 0,
        stdin: str = "",
        prefix: tuple[str, ...] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run `fab -H NAME …` as a person does; check its exit code unless that is None."""
        run = subprocess.run(
            [*prefix, FAB, "-H", self.name, *arguments],
            cwd=ROOT,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=600,
            env={**os.environ, "MAILFAB_INVENTORY": str(self.inventory)},
            check=False,
        )
        assert "Traceback" not in run.stdout + run.stderr, run.stdout + run.stderr
        if code is not None:
            assert run.returncode == code, f"{run.stdout}\n{run.stderr}"
        return run

    def write_inventory(self, **variables: str) -> None:
        """Name the server in an inventory of its own, with these variables."""
        settings = {
            "ansible_host": self.server.address,
            "ansible_port": str(self.server.port(22)),
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(STATE / "id_ed25519"),
            "ssh_known_hosts": str(STATE / "known_hosts"),
            "fqdn": f"{self.name}.example.test",
            **variables,
        }
        words = " ".join(f"{key}={shlex.quote(value)}" for key, value in settings.items())
        self.inventory.write_text(f"{self.name} {words}\n")

    def sh(self, script: str) -> str:
        """Run a script as root inside the server, not through ssh; return its output."""
        return self.server.shell(script, timeout=300).stdout

    def connect(self) -> Connection:
        """Return a connection as `fab` makes it."""
        (target,) = resolve([self.name], inventory.load(self.inventory), Config())
        connection = target.connect(Config())
        connection.report = Report(self.name, Screen(), live=True)
        return connection

    def plan(self, c: Connection, *sections: str) -> Plan:
        """Return the plan of some sections, or of all."""
        return surveyed(GUIDE, self._sections(sections), c).plan()

    def deploy(self, c: Connection, *sections: str) -> Deployed:
        """Deploy some sections, or all."""
        return surveyed(GUIDE, self._sections(sections), c).deploy("a test")

    def _sections(self, names: tuple[str, ...]) -> list[Section]:
        return list(GUIDE.named(names)) if names else list(GUIDE.sections)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """This process's own server, in whatever state."""
    name = "test" + os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    box = Box(Server(name), tmp_path_factory.mktemp("inventory") / "inventory.ini")
    if not os.environ.get("MAILFAB_TEST_KEEP"):
        box.server.down()
    box.write_inventory()
    yield box
    if not os.environ.get("MAILFAB_TEST_KEEP"):
        box.server.down()


@pytest.fixture
def deployed(server: Box) -> Box:
    """The server after a deploy."""
    server.be_deployed()
    return server


@pytest.fixture
def box(deployed: Box) -> Iterator[Box]:
    """The deployed server, converged again after the test."""
    yield deployed
    deployed.write_inventory()
    deployed.fab("deploy")
