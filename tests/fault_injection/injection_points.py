"""Points: where a fault can be injected, at each call of a program that changes something.

mailfab's scripts, apt, dpkg, rpm and the packages' own scripts all find programs by name. So a link
in front of the real program sees each of its calls, counts it, and stops at the one with the number
asked for, until the fault has been made. mailfab itself runs as it always does.
"""

from __future__ import annotations

import errno
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.conftest import SandboxHost

PROGRAM = Path(__file__).with_name("point.sh")
FOLDER = "/usr/local/sbin"
ARMED = "/run/mailfab-faults"
PROGRAMS = """
    mktemp chown chmod dd mv cp mkdir rm tee touch ln install openssl
    groupadd groupmod useradd usermod adduser addgroup
    systemctl service chkconfig deb-systemd-helper deb-systemd-invoke update-rc.d
    apt-get dpkg dpkg-deb debconf-set-selections ucf update-alternatives yum dnf rpm
    mariadb mysql mariadb-install-db mysql_install_db postconf newaliases postfix
"""
NEVER = 1_000_000
"""The number of no point: all are counted."""

# apt and rpm give the packages' scripts a PATH of their own.
PATHS = f"""\
if [ -d /etc/apt ]; then
    echo 'DPkg::Path "{FOLDER}:/usr/sbin:/usr/bin:/sbin:/bin";' >/etc/apt/apt.conf.d/99faults
    echo 'Dir::Bin::dpkg "{FOLDER}/dpkg";' >>/etc/apt/apt.conf.d/99faults
else
    mkdir -p /etc/rpm
    echo '%_install_script_path {FOLDER}:/usr/sbin:/usr/bin:/sbin:/bin' >/etc/rpm/macros.faults
fi
"""


@dataclass(frozen=True)
class Hit:
    """A deploy that waits at a point."""

    pid: int
    """The process that waits, as the server counts."""
    call: str
    gate: int


def install(box: SandboxHost) -> None:
    """Put the links in front of all programs that the server has by now."""
    box.sh(
        f"cat >{FOLDER}/.point <<'END'\n{PROGRAM.read_text()}END\nchmod 755 {FOLDER}/.point\n"
        f"for p in {' '.join(PROGRAMS.split())}; do\n"
        "    for f in /usr/sbin /usr/bin /sbin /bin; do\n"
        f'        [ ! -x "$f/$p" ] || ln -sf .point "{FOLDER}/$p"\n'
        f"    done\ndone\n{PATHS}"
    )


def remove(box: SandboxHost) -> None:
    """Remove the links again."""
    programs = " ".join(PROGRAMS.split())
    box.sh(f"cd {FOLDER} && rm -f .point {programs} /etc/apt/apt.conf.d/99faults")


def arm(box: SandboxHost, number: int) -> None:
    """Hold the process that comes to this point."""
    disarm(box)
    box.sh(f"mkdir {ARMED}; mkfifo {ARMED}/gate; : >{ARMED}/calls\necho {number} >{ARMED}/target")


def disarm(box: SandboxHost) -> list[str]:
    """Count no longer; return the calls that were counted.

    The folder is moved away first: a deploy that goes on without us may be about to write to it.
    """
    return box.sh(
        f"[ -d {ARMED} ] || exit 0\n"
        f"/bin/mv {ARMED} {ARMED}.old && /bin/cat {ARMED}.old/calls; /bin/rm -rf {ARMED}.old"
    ).splitlines()


def inside(box: SandboxHost, path: str) -> Path:
    """Return where the machine finds a file of the running server."""
    return Path(f"/proc/{box.server.pid}/root{path}")


def wait(box: SandboxHost, deploy: subprocess.Popen[str]) -> Hit | None:
    """Wait until a deploy comes to the point, and hold it there; None when it ended before."""
    folder = inside(box, ARMED)
    while deploy.poll() is None:
        try:
            gate = os.open(folder / "gate", os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            # No process waits there yet.
            assert error.errno == errno.ENXIO, error
            time.sleep(0.03)
            continue
        pid, call = (folder / "where").read_text().splitlines()
        return Hit(int(pid), call, gate)
    return None
