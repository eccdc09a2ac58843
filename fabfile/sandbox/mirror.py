"""The source of packages: the machine's own Debian archive, under Debian's public names.

Servers use http://deb.debian.org/… through a caching proxy in the lan (`proxy.py`). Only the proxy
knows which archive the machine itself uses. So images are the same everywhere, and a server
reaches that archive and no other address.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fabfile.sandbox import machine, network, process, state

ARCHIVE = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
PORT = 3142
PROXY = f"http://{network.GATEWAY}:{PORT}"


def origins() -> dict[str, str]:
    """Return the machine's own address of each Debian archive, or the public one."""
    found = {ARCHIVE: ARCHIVE, SECURITY: SECURITY}
    codename = release_codename()
    targets = machine.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)"],
        purpose="reading the machine's apt sources",
    )
    for line in reversed(targets.splitlines()):
        site, _, rest = line.strip().partition(" ")
        site = site.rstrip("/")
        if not site.startswith(("http://", "https://")):
            continue
        # Third parties use Debian's code names too, but their archives are not called "debian".
        if rest == f"{codename} main" and site.endswith("/debian"):
            found[ARCHIVE] = site
        elif rest == f"{codename}-security main":
            found[SECURITY] = site
    return found


def release_codename() -> str:
    """Return the code name of the machine's own Debian release, or an empty string."""
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return ""


def apt_options() -> list[str]:
    """Return the options of apt on servers: the proxy, and the machine's checks of dates.

    A machine that installs from a snapshot of the archive does not check its age. Servers use the
    same archive, so they must not check it either.
    """
    options = [f'Acquire::http::Proxy "{PROXY}";', 'Acquire::Languages "none";']
    for name in ("Acquire::Check-Valid-Until", "Acquire::Check-Date"):
        value = machine_option(name)
        if value:
            options.append(f'{name} "{value}";')
    return options


def machine_option(name: str) -> str:
    """Return one option of the machine's own apt configuration, or an empty string."""
    dump = machine.run(
        ["apt-config", "dump", "--format", "%F %v%n", name],
        purpose="reading the machine's apt configuration",
    )
    for line in dump.splitlines():
        option, _, value = line.partition(" ")
        if option == name:
            return value.strip()
    return ""


def start() -> None:
    """Start the proxy in the lan, unless it is running."""
    if process.find("lan", "proxy"):
        return
    upstream = {
        kind: value
        for kind in ("http", "https")
        if (value := machine_option(f"Acquire::{kind}::Proxy")) and value != "DIRECT"
    }
    with network.listener(network.GATEWAY, PORT, inside=network.lan()) as listener:
        process.start(
            "lan",
            "proxy",
            [
                sys.executable,
                "-I",
                str(Path(__file__).with_name("proxy.py")),
                str(listener.fileno()),
                str(state.directory() / "packages"),
                json.dumps(origins()),
                json.dumps(upstream),
            ],
            log=state.directory() / "log" / "proxy",
            pass_fds=[listener.fileno()],
        )
