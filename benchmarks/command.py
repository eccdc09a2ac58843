"""The command lines of the tools, and their Python environments."""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class RunError(Exception):
    """A command failed, or its result is not as expected. The text includes its output."""


@dataclass(frozen=True)
class Command:
    """A command as a user would type it: its words, folder and environment variables."""

    words: Sequence[str]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    inside: str = ""
    """The network namespace of the command; empty: the machine's own."""

    @property
    def argv(self) -> list[str]:
        """The words that are executed."""
        return [*(("ip", "netns", "exec", self.inside) if self.inside else ()), *self.words]

    @property
    def environment(self) -> dict[str, str]:
        """Our environment, without PYTHON…: those would make another Python load our modules."""
        ours = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
        return {**ours, **self.variables}

    def failed(self, code: int, output: str) -> RunError:
        """Return the error for this exit code and output."""
        return RunError(f"{Path(self.words[0]).name} failed ({code}):\n{output}")

    def run(self) -> str:
        """Run the command and return its output. Raise RunError if it fails."""
        done = subprocess.run(
            self.argv,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise self.failed(done.returncode, done.stdout)
        return done.stdout


def environment_for(requirements: Path) -> Path:
    """Return the Python of a cached virtual environment with these requirements.

    The tools need an environment of their own: they require other versions of mailfab's libraries.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "mailfab-benchmarks" / requirements.parent.name
    python = folder / "bin" / "python"
    installed = folder / "requirements.txt"
    wanted = requirements.read_text(encoding="utf-8")
    if not installed.exists() or installed.read_text(encoding="utf-8") != wanted:
        venv.create(folder, with_pip=True, clear=True)
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "--requirement",
            str(requirements.resolve()),
        ]
        Command(install, folder).run()
        installed.write_text(wanted, encoding="utf-8")
    return python


def in_environment(python: Path, code: str) -> str:
    """Return the output of a line of Python in an environment."""
    return Command([str(python), "-c", code], Path("/")).run().strip()


def version_of(python: Path, package: str) -> str:
    """Return the version of a package in an environment."""
    return in_environment(python, f"import importlib.metadata as m; print(m.version({package!r}))")
