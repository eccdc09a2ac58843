"""The tools that are compared: how each is installed, called, and says what it has changed.

Each is called as its own user would: one command, a fresh process, a cold connection.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import machines
from fabfile.sandbox.server import Server

HERE = Path(__file__).resolve().parent
SECRETS = {"db_password": "Bench-Admin-7781", "db_lookup_password": "Bench-Reader-7781"}
"""The same for all, so that all write the same files."""


class RunError(Exception):
    """A tool failed; the text is what it printed."""


@dataclass(frozen=True)
class Run:
    """One run of a tool: seconds by the wall clock, and how many changes it reports."""

    seconds: float
    changed: int | None


@dataclass
class Tool:
    """A tool and the servers it deploys to."""

    name: str
    servers: list[Server]
    folder: Path
    """Where its inventory is written, for this run of the benchmark only."""
    python: Path = field(init=False)
    """The interpreter of the tool's own environment."""

    def install(self) -> str:
        """Install the tool and return its version."""
        raise NotImplementedError

    def write_inventory(self) -> None:
        """Write the inventory of the servers, in the tool's own format."""
        raise NotImplementedError

    def run(self) -> Run:
        """Deploy to all servers once."""
        raise NotImplementedError

    def script(self, name: str) -> str:
        """Return one of the commands of the tool's environment."""
        return str(self.python.with_name(name))

    def _timed(self, command: Sequence[str], **environment: str) -> tuple[float, str]:
        return timed(command, self.folder, **environment)


def clean_environment() -> dict[str, str]:
    """Return our environment without what would lead another Python to our own modules."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def timed(command: Sequence[str], folder: Path, **environment: str) -> tuple[float, str]:
    """Run a command; return its seconds by the wall clock and its output. RunError if it fails."""
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**clean_environment(), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RunError(f"{Path(command[0]).name} failed ({done.returncode}):\n{done.stdout}")
    return seconds, done.stdout


def environment_for(requirements: Path) -> Path:
    """Return the interpreter of a virtual environment with these requirements, kept in the cache.

    The tools cannot share mailfab's: they ask for other versions of the same libraries.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "mailfab-benchmarks" / requirements.parent.name
    python = folder / "bin" / "python"
    installed = folder / "requirements.txt"
    wanted = requirements.read_text(encoding="utf-8")
    if not installed.exists() or installed.read_text(encoding="utf-8") != wanted:
        venv.create(folder, with_pip=True, clear=True)
        timed([str(python), "-m", "pip", "install", "--requirement", str(requirements)], folder)
        installed.write_text(wanted, encoding="utf-8")
    return python


def version_of(python: Path, package: str) -> str:
    """Return the version of a package in an environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.check_output([str(python), "-c", code], text=True).strip()


def fqdn(server: Server) -> str:
    """Return what a server is called in the mail world."""
    return f"{server.name}.example.test"


def write_ini(servers: Sequence[Server], path: Path) -> None:
    """Write an Ansible inventory, which is mailfab's too."""
    lines = ["[mail]"]
    for server in servers:
        lines.append(
            f"{server.name} ansible_host={server.address} ansible_port={server.port(22)} "
            f"fqdn={fqdn(server)} postmaster=postmaster@example.test"
        )
    lines += [
        "[mail:vars]",
        "ansible_user=root",
        f"ansible_ssh_private_key_file={machines.key()}",
        f"ansible_ssh_common_args=-o UserKnownHostsFile={machines.known_hosts()}",
        *(f"{name}={value}" for name, value in SECRETS.items()),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Mailfab(Tool):
    """mailfab itself, from this environment."""

    def install(self) -> str:
        self.python = Path(sys.executable)
        return version_of(self.python, "mailfab")

    def write_inventory(self) -> None:
        write_ini(self.servers, self.folder / "fab.ini")

    def run(self) -> Run:
        names = ",".join(server.name for server in self.servers)
        seconds, output = timed(
            [self.script("fab"), "-H", names, "deploy"],
            HERE.parent,
            MAILFAB_INVENTORY=str(self.folder / "fab.ini"),
        )
        changed = re.findall(r"^\S+: (\d+) changed, 0 failed$", output, re.MULTILINE)
        if len(changed) != len(self.servers):
            raise RunError(f"fab did not report on every host:\n{output}")
        return Run(seconds, sum(map(int, changed)))


class Ansible(Tool):
    """ansible-playbook with pipelining and ControlPersist, the connection cold."""

    def install(self) -> str:
        self.python = environment_for(HERE / "ansible" / "requirements.txt")
        return version_of(self.python, "ansible-core")

    def write_inventory(self) -> None:
        write_ini(self.servers, self.folder / "ansible.ini")

    def run(self) -> Run:
        # A folder of its own: between two deploys of a user more time passes than ControlPersist.
        with tempfile.TemporaryDirectory(prefix="cp") as sockets:
            try:
                seconds, output = self._timed(
                    [
                        self.script("ansible-playbook"),
                        "-i",
                        "ansible.ini",
                        str(HERE / "ansible" / "deploy.yml"),
                    ],
                    ANSIBLE_CONFIG=str(HERE / "ansible" / "ansible.cfg"),
                    ANSIBLE_HOME=str(self.folder / "ansible-home"),
                    ANSIBLE_SSH_CONTROL_PATH_DIR=sockets,
                )
            finally:
                for path in Path(sockets).iterdir():
                    subprocess.run(
                        ["ssh", "-o", f"ControlPath={path}", "-O", "exit", "any"],
                        stderr=subprocess.DEVNULL,
                        check=False,
                    )
        return Run(seconds, sum(map(int, re.findall(r"\bchanged=(\d+)", output))))


class Pyinfra(Tool):
    """pyinfra, with `-y` as in a script."""

    def install(self) -> str:
        self.python = environment_for(HERE / "pyinfra" / "requirements.txt")
        return version_of(self.python, "pyinfra")

    def write_inventory(self) -> None:
        hosts = [
            (
                server.name,
                {
                    "ssh_hostname": server.address,
                    "ssh_port": server.port(22),
                    "ssh_user": "root",
                    "ssh_key": str(machines.key()),
                    "ssh_known_hosts_file": str(machines.known_hosts()),
                    "fqdn": fqdn(server),
                    "postmaster": "postmaster@example.test",
                    **SECRETS,
                },
            )
            for server in self.servers
        ]
        text = f"mail = {hosts!r}\n"
        (self.folder / "inventory.py").write_text(text, encoding="utf-8")

    def run(self) -> Run:
        seconds, output = self._timed(
            [self.script("pyinfra"), "-y", "inventory.py", str(HERE / "pyinfra" / "deploy.py")]
        )
        return Run(seconds, self._changed(output))

    @staticmethod
    def _changed(output: str) -> int | None:
        """Return the total of the column `Success`, which is what was changed."""
        total = re.search(r"Grand total +\S+ +(\S+)", re.sub(r"\x1b\[[0-9;]*m", "", output))
        if not total:
            return None
        return 0 if total[1] == "-" else int(total[1])
