"""Start and stop a server's init: systemd, or the SysV init of EL 6.

Each start writes three shell scripts into the server's directory. `boot.sh` boots the server
again when it reboots itself, `plug.sh` connects it to the lan, `enter.sh` mounts its disk and
becomes systemd-nspawn.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from fabfile.sandbox import cgroup, disk, machine, network, process, state
from fabfile.sandbox.errors import SandboxError

BOOT_TIMEOUT = 60  # until sshd must listen, in seconds
POWEROFF = signal.SIGRTMIN + 4  # the signal that asks systemd as PID 1 to power off (systemd(1))
NSPAWN_REBOOT = 133  # exit status of systemd-nspawn --keep-unit when the guest reboots
LISTENING = "0A"  # the state of a socket in /proc/net/tcp (TCP_LISTEN)

# Wait for the end of the boot: of systemd, or of SysV init's /etc/rc.d/rc.
SETTLE = """\
if command -v systemctl >/dev/null; then systemctl is-system-running --wait
else while pidof -x /etc/rc.d/rc >/dev/null; do sleep 0.1; done; fi
"""


def start(name: str, layers: list[str], latency_ms: float) -> None:
    """Boot the server. It must not be running."""
    folder = state.host(name)
    write_plug(name, latency_ms)
    state.write(folder / "enter.sh", enter_script(name, layers))
    state.write(folder / "boot.sh", boot_script(name))
    console = folder / "console.log"
    console.unlink(missing_ok=True)
    process.start(name, "server", ["sh", str(folder / "boot.sh")], log=console)


def wait(name: str) -> None:
    """Wait until sshd listens and all users may log in."""
    console = state.host(name) / "console.log"
    end = time.monotonic() + BOOT_TIMEOUT
    # process.find reads all of /proc, which slows down the boot: one look in ten uses it.
    looks = 0
    while not ready(name):
        time.sleep(0.05)
        looks += 1
        alive = looks % 10 > 0 or bool(process.find(name, "server"))
        if not alive or time.monotonic() > end:
            found = f"sshd does not listen after {BOOT_TIMEOUT} s" if alive else "the boot failed"
            last = (console.read_text(errors="replace").strip().splitlines() or ["nothing"])[-1]
            raise SandboxError(f"{found}; last console line: {last}", f"see {console}", host=name)


def boot_script(name: str) -> str:
    """Return the shell that gives the server a new network at each boot, and boots it."""
    return machine.script(
        "boot.sh",
        NAMESPACE=network.namespace(name),
        FOLDER=str(state.host(name)),
        REBOOT=str(NSPAWN_REBOOT),
    )


def enter_script(name: str, layers: list[str]) -> str:
    """Return the shell that becomes the server's systemd-nspawn."""
    return machine.script(
        "enter.sh",
        NAME=name,
        NAMESPACE=network.namespace(name),
        NETNS=str(network.NAMESPACES / network.namespace(name)),
        ROOT=str(state.host(name) / "root"),
        OVERLAY=disk.mount_options(name, layers),
        CGROUPS=" ".join(str(folder) for folder in cgroup.make(name)),
    )


def write_plug(name: str, latency_ms: float) -> None:
    """Write the script that connects the server to the lan, with a delay if there is one."""
    state.write(state.host(name) / "plug.sh", network.plug_script(name, latency_ms))


def plug(name: str, latency_ms: float) -> None:
    """Replace the cable between a running server and the lan. Its TCP connections survive."""
    write_plug(name, latency_ms)
    log = state.host(name) / "console.log"
    process.kill_all(name, "cable")
    process.start(name, "plug", ["sh", str(state.host(name) / "plug.sh")], log=log)
    end = time.monotonic() + 10
    while process.find(name, "plug"):
        if time.monotonic() > end:
            raise SandboxError("plug.sh did not end within 10 seconds", f"see {log}", host=name)
        time.sleep(0.01)


_inits: dict[str, int] = {}
"""The init of each server as last seen, by name. Saves reading all of /proc."""


def init(name: str) -> int | None:
    """Return the pid of the server's init, or None if it is not running."""
    last = _inits.get(name)
    if last and is_init(last) and is_servers(name, process.parent(last)):
        return last
    for starter in process.find(name, "server"):
        with suppress(OSError):
            children = Path(f"/proc/{starter.pid}/task/{starter.pid}/children").read_text()
            for child in map(int, children.split()):
                if is_init(child):
                    _inits[name] = child
                    return child
    return None


def is_servers(name: str, pid: int) -> bool:
    """Return whether a process belongs to the loop that boots the server (boot.sh)."""
    found = process.read(pid)
    return found is not None and (found.owner, found.role) == (name, "server")


def is_init(pid: int) -> bool:
    """Return whether this process is PID 1 of a PID namespace."""
    numbers = process.status(pid, "NSpid")
    return len(numbers) > 1 and numbers[-1] == "1"


def ready(name: str) -> bool:
    """Return whether sshd listens. Reads /proc: sshd would log a connection."""
    pid = init(name)
    if pid is None:
        return False
    with suppress(OSError):
        # At first the process is still in the machine's own network namespace.
        home = (network.NAMESPACES / network.namespace(name)).stat()
        if not os.path.samestat(home, Path(f"/proc/{pid}/ns/net").stat()):
            return False
        # While this file exists, only root may log in (nologin(5)).
        if os.path.lexists(f"/proc/{pid}/root/run/nologin"):
            return False
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                _, local, _, status = line.split()[:4]
                if status == LISTENING and local.endswith(":0016"):
                    return True
    return False


def power_off(name: str, pid: int, *, wait: float) -> None:
    """Ask the server's init for an orderly shutdown and wait for its end, `wait` in seconds."""
    if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
        process.kill([pid], number=POWEROFF, wait=wait)
    else:
        # SysV init has no signal for it.
        shell(name, pid, "init 0", check=False, timeout=wait)
        process.kill([pid], number=0, wait=wait)


def kill(name: str) -> None:
    """Kill all processes of the server except its forwarder."""
    # boot.sh first, since it could take the kill for a reboot. Its orphans last.
    pid = init(name)
    process.kill_all(name, "server", "plug")
    if pid is not None:
        process.kill([pid])
    while members := cgroup.members(name):
        process.kill(members)
    process.kill_all(name, "cable")


def shell(
    name: str, pid: int, script: str, *, check: bool, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a shell script in the namespaces of the server's init.

    `timeout` is in seconds. Raise SandboxError after it, and with `check` for a failed script.
    """
    enter = ["nsenter", f"--target={pid}", "--mount", "--uts", "--ipc", "--net", "--pid"]
    command = [*enter, "--cgroup", "--root", "--wd", "sh", "-c", script]
    # Files, not pipes: a service that the script starts may keep its output open.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=machine.environment(),
            start_new_session=True,
        )
        try:
            code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise SandboxError(
                f"a script did not end within {timeout} seconds", host=name
            ) from None
        finally:
            if child.returncode is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        out.seek(0)
        err.seek(0)
        done = subprocess.CompletedProcess(script, code, out.read(), err.read())
    if check and code:
        last = ((done.stderr or done.stdout).strip().splitlines() or ["no message"])[-1]
        raise SandboxError(f"a script exited with status {code}: {last}", host=name)
    return done
