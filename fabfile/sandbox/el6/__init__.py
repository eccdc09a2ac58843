"""A stand-in for CentOS 6: its packages, services and paths, on a Debian's programs.

CentOS 6 itself cannot be had any more. What the mail guide touches behaves as it does there: SysV
init, chkconfig, service, yum and rpm over repositories made here. `build` makes it out of a Debian,
from within; `root` are the system's own files, `specs` and `sources` make the packages.
"""

from __future__ import annotations

import shlex
from pathlib import Path

FILES = Path(__file__).parent

# No systemd: the init, what the host needs, and what makes and installs RPMs.
PACKAGES = (
    "sysvinit-core",
    "sysvinit-utils",
    "openssh-server",
    "rsyslog",
    "sudo",
    "iproute2",
    "iputils-ping",
    "procps",
    "ca-certificates",
    "curl",
    "openssl",
    "less",
    "netbase",
    "usr-is-merged",
    "rpm",
    "dnf",
    "createrepo-c",
    "gpg",
    "gpg-agent",
)

# mmdebstrap's own cleaning up would need the apt that `build` has removed.
OPTIONS = ("--skip=cleanup/apt", "--skip=cleanup/mmdebstrap")


def hook(setup: str) -> str:
    """Return the shell by which mmdebstrap runs `build` in a new root; see there for `setup`."""
    return (
        f'mkdir "$1/root/el6" && cp -R {shlex.quote(str(FILES))}/* "$1/root/el6"'
        f' && chroot "$1" bash /root/el6/build {setup}'
        ' && rm -rf "$1/root/el6" "$MMDEBSTRAP_APT_CONFIG"'
    )
