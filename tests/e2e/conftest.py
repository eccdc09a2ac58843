"""Fixtures of the host tests: a real server in the sandbox for each process and system.

Every test that asks for a server runs once on each of the systems chosen by `--systems`, unless it
says why `only` on some. A module whose cases differ has a function `cases(system)`; its tests get
each as `case`. `MAILFAB_TEST_KEEP=1` leaves the servers up.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fabric import Config
from xdist.remote import Producer

from fabfile.engine.deploy import Deployed, SurveyedState, survey_host
from fabfile.engine.plan import Plan
from fabfile.fleet.host_connection import HostConnection
from fabfile.fleet.targets import resolve
from fabfile.model import inventory
from fabfile.model.section import Section
from fabfile.report.recorder import Recorder
from fabfile.sandbox.server import Server
from tasks.guide import GUIDE
from tests.e2e import tally
from tests.e2e.schedule import PerFileAndSystem, longest_first
from tests.e2e.systems import DEFAULT, SYSTEMS, System

ROOT = Path(__file__).resolve().parents[2]
STATE = Path(os.environ.get("MAILFAB_SANDBOX_DIR", "/var/lib/mailfab-sandbox"))
FAB = Path(sys.executable).with_name("fab")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the systems be chosen."""
    parser.addoption("--systems", default=DEFAULT, help=f"some of {','.join(SYSTEMS)}")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse systems that there are not; say what `only` is."""
    config.addinivalue_line("markers", "only(systems, because): the test is for these systems")
    chosen(config)


def chosen(config: pytest.Config) -> list[System]:
    """Return the systems to test; the default without the option, as in `pytest tests`."""
    found = config.getoption("systems", DEFAULT).split(",")
    if strange := set(found) - set(SYSTEMS):
        raise pytest.UsageError(f"--systems: {strange} is none of {', '.join(SYSTEMS)}")
    return [SYSTEMS[name] for name in found]


def only(*systems: System, because: str) -> pytest.MarkDecorator:
    """Mark a test that makes no sense on other systems than these."""
    return pytest.mark.only(systems, because)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on each of the systems, and with each of its module's cases for that system."""
    if "server" not in metafunc.fixturenames:
        return
    cases: Callable[[System], list[object]] = getattr(metafunc.module, "cases", lambda _: [None])
    names = ["server", "case"] if "case" in metafunc.fixturenames else ["server"]
    found = []
    for system in chosen(metafunc.config):
        marks = []
        if (mark := metafunc.definition.get_closest_marker("only")) and system not in mark.args[0]:
            marks = [pytest.mark.skip(reason=mark.args[1])]
        for case in cases(system) if "case" in names else [None]:
            values, name = ([system, case], f"{system} {case}") if case else ([system], f"{system}")
            found.append(pytest.param(*values, marks=marks, id=name))
    # The scope of the fixture, which a case beside it would take away.
    metafunc.parametrize(names, found, indirect=["server"], scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Keep the tests of a file and system together; say why no server can be had."""
    for item in items:
        item.user_properties.append((tally.SYSTEM, str(system_of(item) or "")))
        if os.geteuid() != 0 or platform.system() != "Linux":
            item.add_marker(pytest.mark.skip(reason="needs root on Linux: boots real servers"))
    yield
    items[:] = longest_first(items)


def system_of(item: pytest.Item) -> System | None:
    """Return the system that a test runs on."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("server") if callspec else None


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> PerFileAndSystem:
    """Give each process whole files, each on one system."""
    config.option.loadscopereorder = False
    return PerFileAndSystem(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End with the table of files and systems."""
    tally.show(terminalreporter)


@dataclass
class SandboxHost:
    """A sandbox server, its system, and the inventory that names it."""

    server: Server
    system: System
    inventory: Path
    _deployed: bool = False

    @property
    def name(self) -> str:
        return self.server.name

    @property
    def domain(self) -> str:
        return "example.test"

    @property
    def fqdn(self) -> str:
        return f"{self.name}.{self.domain}"

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
            self.write_inventory()
            self.converge()
            self._deployed = True

    def converge(self) -> None:
        """Be as the guide says."""
        with self.connect() as c:
            # A test before may have killed a run, whose lock is free after a minute and a half.
            self.deploy(c, wait=120)

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
            "ssh_known_hosts": str(self._known_hosts()),
            "fqdn": self.fqdn,
            **variables,
        }
        words = " ".join(f"{key}={shlex.quote(value)}" for key, value in settings.items())
        self.inventory.write_text(f"{self.name} {words}\n")

    def _known_hosts(self) -> Path:
        """Return a copy of the sandbox's file, by a new name when there are other keys in it.

        A process reads each such file once, and servers are made as the tests go on.
        """
        file = STATE / "known_hosts"
        keys = file.read_bytes() if file.exists() else b""
        copy = self.inventory.with_name(f"known_hosts-{hashlib.sha256(keys).hexdigest()[:8]}")
        copy.write_bytes(keys)
        return copy

    def sh(self, script: str) -> str:
        """Run a script as root inside the server, not through ssh; return its output.

        It can use the words of the system.
        """
        return self.server.shell(f"{self.system.words}\n{script}", timeout=300).stdout

    @contextmanager
    def sshd(self, setting: str) -> Iterator[None]:
        """Have sshd follow one more setting for a while."""
        self.sh(f"cp -p /etc/ssh/sshd_config /root; sed -i '1i {setting}' /etc/ssh/sshd_config")
        self.sh("reload_sshd")
        yield
        self.sh("mv /root/sshd_config /etc/ssh; reload_sshd")

    def connect(self) -> HostConnection:
        """Return a connection as `fab` makes it."""
        (target,) = resolve([self.name], inventory.load(self.inventory), Config())
        connection = target.connect(Config())
        connection.report = Recorder(self.name, print)
        return connection

    def plan(self, c: HostConnection, *sections: str) -> Plan:
        """Return the plan of some sections, or of all."""
        return self._survey(c, sections).plan()

    def deploy(self, c: HostConnection, *sections: str, wait: int = 0) -> Deployed:
        """Deploy some sections, or all."""
        return self._survey(c, sections).deploy("a test", wait)

    def _survey(self, c: HostConnection, names: tuple[str, ...]) -> SurveyedState:
        return survey_host(GUIDE, self._sections(names), c.target, c, c.report)

    def _sections(self, names: tuple[str, ...]) -> list[Section]:
        return list(GUIDE.named(names)) if names else list(GUIDE.sections)


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, SandboxHost]]:
    """This process's own servers, by system."""
    made: dict[str, SandboxHost] = {}
    yield made
    if not os.environ.get("MAILFAB_TEST_KEEP"):
        for box in made.values():
            box.server.down()


@pytest.fixture(scope="session")
def server(
    request: pytest.FixtureRequest,
    servers: dict[str, SandboxHost],
    tmp_path_factory: pytest.TempPathFactory,
) -> SandboxHost:
    """This process's own server with the system, in any state."""
    system: System = request.param
    if system.image not in servers:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        box = new_box(f"test{worker}-{system}", system, tmp_path_factory.mktemp("server"))
        if not os.environ.get("MAILFAB_TEST_KEEP"):
            box.server.down()
        servers[system.image] = box
    servers[system.image].write_inventory()
    return servers[system.image]


def new_box(name: str, system: System, folder: Path, image: str = "") -> SandboxHost:
    """Return a server that is still to be made, with the system's own image or another of it."""
    return SandboxHost(Server(name, image=image or system.image), system, folder / "inventory.ini")


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port of 127.0.0.1 where nothing listens: this process holds it, and does not listen."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def deployed(server: SandboxHost) -> SandboxHost:
    """The server after a deploy."""
    server.be_deployed()
    return server


@pytest.fixture
def box(deployed: SandboxHost) -> Iterator[SandboxHost]:
    """The deployed server, converged again after the test."""
    yield deployed
    deployed.write_inventory()
    deployed.converge()
