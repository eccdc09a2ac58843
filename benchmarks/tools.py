"""The compared tools: their installation, command lines and reports of changes.

Each runs as its users run it: one command, a fresh process, a cold connection.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import figures, inventories, machines
from benchmarks.command import Command, RunError, environment_for, in_environment, version_of
from fabfile.sandbox import network
from fabfile.sandbox.server import Server

HERE = Path(__file__).resolve().parent


@dataclass
class Tool:
    """A tool, its environment, and the folder of its inventory."""

    name: str
    fleet: str
    """The tool whose servers this tool uses."""
    folder: Path
    """The folder of its inventory, for this run of the benchmark only."""
    python: Path = field(init=False)
    """The interpreter of the tool's own environment."""

    def install(self) -> str:
        """Install the tool and return its version."""
        raise NotImplementedError

    def command(self, servers: Sequence[Server], work: str) -> Command:
        """Write the inventory and return the command that does the work on the servers."""
        raise NotImplementedError

    def changed(self, output: str, servers: Sequence[Server]) -> int | None:
        """Return the number of changes that the tool reports, or None if it reports none."""
        raise NotImplementedError

    def script(self, name: str) -> str:
        """Return the path of a command in the tool's environment."""
        return str(self.python.with_name(name))


class Floor(Tool):
    """Plain Fabric: `true`, or for a first deploy bare_install.sh."""

    def install(self) -> str:
        self.python = Path(sys.executable)
        return f"fabric {version_of(self.python, 'fabric')}"

    def command(self, servers: Sequence[Server], work: str) -> Command:
        bare = (HERE / "bare_install.sh").read_text(encoding="utf-8")
        text = bare if work == figures.FIRST else "true"
        addresses = [f"{server.lan_address}:22" for server in servers]
        words = [str(self.python), str(HERE / "floor.py"), str(machines.key()), text, *addresses]
        return Command(words, self.folder, inside=network.lan())

    def changed(self, output: str, servers: Sequence[Server]) -> int | None:
        return None


def reported(output: str) -> dict[str, int]:
    """Return the number of changes that mailfab reports, by host, without failed hosts."""
    lines = re.findall(r"^(\S+): (\d+) changed, 0 failed$", output, re.MULTILINE)
    return {host: int(changes) for host, changes in lines}


class Mailfab(Tool):
    """mailfab, from this environment."""

    def install(self) -> str:
        self.python = Path(sys.executable)
        return version_of(self.python, "mailfab")

    def command(self, servers: Sequence[Server], work: str) -> Command:
        inventory = self.folder / "fab.ini"
        inventories.write_ini(servers, inventory)
        words = [self.script("fab"), "-H", "mail", "deploy"]
        variables = {"MAILFAB_INVENTORY": str(inventory)}
        return Command(words, HERE.parent, variables, network.lan())

    def changed(self, output: str, servers: Sequence[Server]) -> int | None:
        changes = reported(output)
        if changes.keys() != {server.name for server in servers}:
            reporting = ", ".join(sorted(changes)) or "no server"
            raise RunError(
                f"expected success on {len(servers)} servers; fab reported it for {reporting}:\n"
                f"{output}"
            )
        return sum(changes.values())


class Ansible(Tool):
    """ansible-playbook with pipelining and ControlPersist, the connection cold."""

    strategy: dict[str, str] = {}  # noqa: RUF012 (set by a subclass, never changed)

    def install(self) -> str:
        self.python = environment_for(HERE / "ansible" / "requirements.txt")
        return f"core {version_of(self.python, 'ansible-core')}"

    def command(self, servers: Sequence[Server], work: str) -> Command:
        inventories.write_ini(servers, self.folder / "ansible.ini")
        playbook = str(HERE / "ansible" / "deploy.yml")
        words = [self.script("ansible-playbook"), "-i", "ansible.ini", playbook]
        variables = {
            "ANSIBLE_CONFIG": str(HERE / "ansible" / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.folder / "ansible-home"),
            # A new folder for each run. Short: a socket's path has at most 108 bytes (unix(7)).
            "ANSIBLE_SSH_CONTROL_PATH_DIR": tempfile.mkdtemp(prefix="cp", dir=self.folder),
            **self.strategy,
        }
        return Command(words, self.folder, variables, network.lan())

    def changed(self, output: str, servers: Sequence[Server]) -> int | None:
        return sum(map(int, re.findall(r"\bchanged=(\d+)", output)))


class Mitogen(Ansible):
    """The same playbook with mitogen's strategy, which keeps a Python running on each target."""

    def install(self) -> str:
        core = super().install()
        where = "import ansible_mitogen as m; print(m.__path__[0])"
        plugins = Path(in_environment(self.python, where)) / "plugins" / "strategy"
        self.strategy = {
            "ANSIBLE_STRATEGY": "mitogen_linear",
            "ANSIBLE_STRATEGY_PLUGINS": str(plugins),
        }
        return f"{version_of(self.python, 'mitogen')} with {core}"


class Pyinfra(Tool):
    """pyinfra, with `-y` as in a script."""

    def install(self) -> str:
        self.python = environment_for(HERE / "pyinfra" / "requirements.txt")
        return version_of(self.python, "pyinfra")

    def command(self, servers: Sequence[Server], work: str) -> Command:
        inventories.write_python(servers, self.folder / "inventory.py")
        deploy = str(HERE / "pyinfra" / "deploy.py")
        words = [self.script("pyinfra"), "-y", "inventory.py", deploy]
        return Command(words, self.folder, inside=network.lan())

    def changed(self, output: str, servers: Sequence[Server]) -> int | None:
        """Return the total of the column `Success`, which counts the changes."""
        total = re.search(r"Grand total +\S+ +(\S+)", re.sub(r"\x1b\[[0-9;]*m", "", output))
        if not total:
            return None
        return 0 if total[1] == "-" else int(total[1])


def tools(folder: Path) -> dict[str, Tool]:
    """Return all tools, by name, in the order of the tables."""
    made: tuple[Tool, ...] = (
        Floor(figures.FLOOR, figures.MAILFAB, folder),
        Mailfab(figures.MAILFAB, figures.MAILFAB, folder),
        Pyinfra(figures.PYINFRA, figures.PYINFRA, folder),
        Mitogen(figures.MITOGEN, figures.ANSIBLE, folder),
        Ansible(figures.ANSIBLE, figures.ANSIBLE, folder),
    )
    return {tool.name: tool for tool in made}
