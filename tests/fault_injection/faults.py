"""The kinds of fault: what happens to a deploy that waits at a point. Each fits every point."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

from fabfile.sandbox import ports, process
from tests.e2e.conftest import SandboxHost
from tests.fault_injection.injection_points import Hit

Fault = Callable[[SandboxHost, subprocess.Popen[str], Hit], None]

BOOTED = """\
if command -v systemctl >/dev/null; then systemctl is-system-running --wait || :
else while pidof -x /etc/rc.d/rc >/dev/null; do sleep 0.1; done; fi
"""

# From the waiting process up to sshd, the first ones last, so that no process sees another end.
CHAIN = """\
pid=%d chain=
while [ "$pid" -gt 1 ] && ! grep -q sshd /proc/$pid/comm; do
    chain="$pid $chain"
    pid=$(sed 's/.*) . \\([0-9]*\\) .*/\\1/' /proc/$pid/stat)
done
kill -9 $chain
"""

# Both folders on disks of their own, which have not a byte left.
FILL = """\
for folder in /etc /var/lib/mailfab; do
    [ -d $folder ] || continue
    mkdir -p /run/full
    mount -t tmpfs -o mode=$(stat -c %a $folder) full /run/full
    /bin/cp -a $folder/. /run/full/
    mount --bind /run/full $folder
    mount -o remount,size=$(df -k $folder | awk 'END { print $3 }')k $folder
    umount /run/full
done
"""
ROOM = """\
for folder in /etc /var/lib/mailfab; do
    ! mountpoint -q $folder || mount -o remount,size=1g $folder
done
"""


def _go_on(hit: Hit) -> None:
    os.close(hit.gate)


def cut(box: SandboxHost, deploy: subprocess.Popen[str], hit: Hit) -> None:
    """The connection breaks; the host continues as long as it need not answer."""
    process.kill_all(box.name, "forwarder")
    deploy.wait(60)
    ports.open_all(box.name)
    _go_on(hit)


def kill(box: SandboxHost, deploy: subprocess.Popen[str], hit: Hit) -> None:
    """The control process is killed; the host goes on."""
    deploy.kill()
    deploy.wait()
    _go_on(hit)


def power(box: SandboxHost, deploy: subprocess.Popen[str], hit: Hit) -> None:
    """The host loses power, and comes back."""
    box.server.poweroff()
    _go_on(hit)
    deploy.wait(60)
    box.server.boot()
    box.sh(BOOTED)


def die(box: SandboxHost, deploy: subprocess.Popen[str], hit: Hit) -> None:
    """All that the deploy runs on the host is killed: apt, dpkg, the shell."""
    box.sh(CHAIN % hit.pid)
    _go_on(hit)
    deploy.wait(60)


def full(box: SandboxHost, deploy: subprocess.Popen[str], hit: Hit) -> None:
    """The disk is full from here on, until the person has made room."""
    box.sh(FILL)
    _go_on(hit)
    deploy.wait(600)
    box.sh(ROOM)


KINDS: dict[str, Fault] = {f.__name__: f for f in (power, cut, kill, die, full)}
