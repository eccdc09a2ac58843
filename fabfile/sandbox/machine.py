"""The machine the sandbox runs on: what it must have, and how its commands are run."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from fabfile.sandbox import state
from fabfile.sandbox.errors import SandboxError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What must be there, and the Debian package that brings it.
REQUIRED = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "ssh-keygen": "openssh-client",
    "nsenter": "util-linux",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}

# A systemd needs several inotify instances, and the kernel's default of 128 for all of root's
# processes runs out near 20 servers ("Too many open files" at boot).
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_INSTANCES = 1024

MINIMUM_FREE = 1 << 30


def environment() -> dict[str, str]:
    """Return the environment for the machine's own tools: found, in English, asking nothing."""
    return {"PATH": PATH, "LC_ALL": "C", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}


def run(command: Sequence[str], *, purpose: str, stdin: str | None = None) -> str:
    """Run one of the machine's commands and return its output.

    A failure becomes a SandboxError: `purpose`, and the last line the command said.
    """
    try:
        done = subprocess.run(
            command,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
    except FileNotFoundError:
        raise SandboxError(f"{purpose}: {command[0]} is missing", "run: fab sandbox.up") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise SandboxError(f"{purpose}: {command[0]} failed: {lines[-1].strip()}")
    return done.stdout


def script(file: str, **variables: str) -> str:
    """Return a shell program from this folder, behind lines that set its variables."""
    settings = [f"{name}={shlex.quote(value)}\n" for name, value in variables.items()]
    return "".join(settings) + Path(__file__).with_name(file).read_text(encoding="utf-8")


def check_root() -> None:
    """Refuse to go on where the sandbox cannot work at all."""
    if sys.platform != "linux":
        raise SandboxError(
            f"the sandbox needs Linux, this is {sys.platform}", "use a Linux machine"
        )
    if os.geteuid() != 0:
        raise SandboxError("the sandbox needs root", "run it as root: sudo fab sandbox.up")


def missing() -> list[str]:
    """Return the Debian packages the sandbox needs that are not there."""
    return sorted(
        {
            p
            for tool, p in REQUIRED.items()
            if not shutil.which(tool, path=PATH)
            and not (tool.startswith("/") and Path(tool).exists())
        }
    )


def prepare(say: Callable[[str], None]) -> None:
    """Make sure that the machine has what it takes, installing packages where that is possible."""
    check_root()
    with state.lock("machine"):
        packages = missing()
        if packages:
            install(packages, say)
    if int(INOTIFY.read_text()) < INOTIFY_INSTANCES:
        INOTIFY.write_text(str(INOTIFY_INSTANCES))
    free = shutil.disk_usage(state.directory()).free
    if free < MINIMUM_FREE:
        raise SandboxError(
            f"{state.directory()} has {free >> 20} MiB free, a server needs {MINIMUM_FREE >> 20}",
            "make room, or set MAILFAB_SANDBOX_DIR to a directory on a larger disk",
        )


def install(packages: list[str], say: Callable[[str], None]) -> None:
    """Install Debian packages on the machine."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if not shutil.which("apt-get", path=PATH):
        raise SandboxError(
            f"the sandbox needs {', '.join(packages)}, and there is no apt-get here",
            "install what these Debian packages bring with your own package manager",
        )
    say(f"installing on this machine: {' '.join(packages)}")
    try:
        run(command, purpose="installing packages")
    except SandboxError:
        # The package lists may be stale or absent: refresh them and try once more.
        run(["apt-get", "update"], purpose="refreshing the package lists")
        run(command, purpose=f"installing {' '.join(packages)}")
