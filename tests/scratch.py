"""A scratch host: a folder that serves scripts as the root of a system, under a chosen shell.

The scripts are the real ones. Only their paths are moved below the folder, and a folder of stubs
comes first on their PATH.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fabfile.model.runner import Line

SHELLS = {
    "dash": ["dash"],
    "bash": ["bash", "--posix"],
    "busybox": ["busybox", "sh"],
}
PLACES = re.compile(r"(?<![\w./-])/(etc|var/lib/mailfab|home|root|usr/lib/dovecot)\b")


@dataclass
class Started:
    """A running script; implements fabfile.model.runner.Running."""

    process: subprocess.Popen[str]
    root: str

    def read_line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n").replace(self.root, "")

    def send(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        if self.process.returncode is not None:
            return
        self.process.stdin.close()
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            # The script waits for something other than its input: sshd allows it, tests do not.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


@dataclass
class Scratch:
    """Runs scripts on the folder `root`; implements fabfile.model.runner.Runner."""

    root: Path
    shell: list[str]

    def path(self, target: str) -> Path:
        """Return the path below the root of a path of the target."""
        return self.root / target.lstrip("/")

    def stub(self, name: str, script: str) -> None:
        """Write a program that precedes the system's own on the PATH."""
        file = self.root / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def moved(self, script: str) -> str:
        """Return the script with its paths below the root."""
        moved = PLACES.sub(rf"{self.root}/\1", script)
        return moved.replace("PATH=", f"PATH={self.root}/bin:", 1)

    def prepare(self) -> None:
        """A local shell needs no preparation."""

    def start(self, script: str) -> Started:
        """Start the script; its standard input stays open."""
        started = Started(self._started(None), str(self.root))
        started.send(self.moved(script))
        return started

    def run_script(self, script: str, *, private: bool = False, on_line: Line | None = None) -> str:
        """Run the script; its output has the target's paths again."""
        with tempfile.TemporaryFile("w+") as errors:
            process = self._started(errors)
            assert process.stdin
            assert process.stdout
            with process, suppress(BrokenPipeError):
                process.stdin.write(self.moved(script))
                process.stdin.close()
                output = ""
                for line in process.stdout:
                    shown = line.replace(str(self.root), "")
                    output += shown
                    if on_line:
                        on_line(shown.rstrip("\n"))
            errors.seek(0)
            message = errors.read()
        assert not message, message
        return output

    def _started(self, errors: IO[str] | None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.shell,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
        )
