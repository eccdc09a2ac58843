"""The machine that runs the sandbox: its required programs, and how its commands are run."""

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

# Required programs and files, and the Debian package of each.
REQUIRED = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "dnsmasq": "dnsmasq-base",
    "ip": "iproute2",
    "ssh-keygen": "openssh-client",
    "nsenter": "util-linux",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}

# Each systemd needs several inotify instances. The kernel's default, 128 for all of root's
# processes, is used up near 20 servers ("Too many open files" at boot).
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_INSTANCES = 1024

MINIMUM_FREE = 1 << 30  # free space for a server, in bytes


def environment() -> dict[str, str]:
    """Return the environment of the machine's own tools: PATH, English, no questions."""
    return {"PATH": PATH, "LC_ALL": "C", "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}


def run(command: Sequence[str], *, purpose: str, stdin: str | None = None) -> str:
    """Run one of the machine's commands and return its output.

    Raise SandboxError with `purpose` and the last line of output if it fails.
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
        raise SandboxError(
            f"{purpose}: {command[0]} is missing", "install it with: fab sandbox.up"
        ) from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise SandboxError(f"{purpose}: {command[0]} failed: {lines[-1].strip()}")
    return done.stdout


def script(file: str, **variables: str) -> str:
    """Return a shell program from this folder, behind lines that set its variables."""
    settings = [f"{name}={shlex.quote(value)}\n" for name, value in variables.items()]
    return "".join(settings) + Path(__file__).with_name(file).read_text(encoding="utf-8")


def check_root() -> None:
    """Raise SandboxError unless this is Linux and we are root."""
    if sys.platform != "linux":
        raise SandboxError(
            f"the sandbox needs Linux; this is {sys.platform}", "use a Linux machine"
        )
    if os.geteuid() != 0:
        raise SandboxError(
            f"the sandbox needs root; this is uid {os.geteuid()}",
            "run it as root: sudo fab sandbox.up",
        )


def missing() -> list[str]:
    """Return the Debian packages that the sandbox needs and the machine lacks."""
    return sorted(
        {
            p
            for tool, p in REQUIRED.items()
            if not shutil.which(tool, path=PATH)
            and not (tool.startswith("/") and Path(tool).exists())
        }
    )


def prepare(say: Callable[[str], None]) -> None:
    """Install missing packages, raise the inotify limit and check the free disk space."""
    check_root()
    state.make_directory()
    with state.lock("machine"):
        packages = missing()
        if packages:
            install(packages, say)
    if int(INOTIFY.read_text()) < INOTIFY_INSTANCES:
        INOTIFY.write_text(str(INOTIFY_INSTANCES))
    free = shutil.disk_usage(state.directory()).free
    if free < MINIMUM_FREE:
        raise SandboxError(
            f"{state.directory()} has {free >> 20} MiB free; a server needs {MINIMUM_FREE >> 20}",
            "make room, or set MAILFAB_SANDBOX_DIR to a directory on a larger disk",
        )


def install(packages: list[str], say: Callable[[str], None]) -> None:
    """Install Debian packages on the machine."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if not shutil.which("apt-get", path=PATH):
        raise SandboxError(
            f"the sandbox needs {', '.join(packages)}; apt-get is missing on this machine",
            "install the programs of these Debian packages with your own package manager",
        )
    say(f"installing on this machine: {' '.join(packages)}")
    try:
        run(command, purpose="installing packages")
    except SandboxError:
        # The package lists may be stale or missing: update them and retry.
        run(["apt-get", "update"], purpose="updating the package lists")
        run(command, purpose=f"installing {' '.join(packages)}")
