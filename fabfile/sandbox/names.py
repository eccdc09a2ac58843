"""Names in the lan: dnsmasq resolves all servers, forward and reverse."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from fabfile.sandbox import network, process, state
from fabfile.sandbox.errors import SandboxError


def update() -> None:
    """Write the names of all servers and have dnsmasq read them. Start it if needed."""
    lines = [f"{network.GATEWAY} gateway.{network.DOMAIN}"]
    lines += [
        f"{network.address(state.number(name))} {name}.{network.DOMAIN} {name}"
        for name in state.host_names()
    ]
    hosts = state.directory() / "lan-hosts"
    state.write(hosts, "\n".join(lines) + "\n")
    running = process.find("lan", "dnsmasq")
    if running:
        process.signal_all(running, signal.SIGHUP)
        return
    start(hosts)


def start(hosts: Path) -> None:
    """Start dnsmasq and wait until it handles SIGHUP, which makes it read the names again."""
    process.start(
        "lan",
        "dnsmasq",
        [
            "nsenter",
            f"--net={network.NAMESPACES / network.lan()}",
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--pid-file=",
            # dnsmasq's own user may have no access to the state directory.
            "--user=root",
            "--no-resolv",
            "--no-hosts",
            f"--addn-hosts={hosts}",
            f"--local=/{network.DOMAIN}/",
            "--bind-interfaces",
            f"--listen-address={network.GATEWAY}",
            "--log-facility=-",
        ],
        log=state.directory() / "log" / "dnsmasq",
    )
    end = time.monotonic() + 10
    while not any(process.catches(p.pid, signal.SIGHUP) for p in process.find("lan", "dnsmasq")):
        if time.monotonic() > end:
            raise SandboxError(
                "dnsmasq does not start in the lan", f"see {state.directory() / 'log' / 'dnsmasq'}"
            )
        time.sleep(0.005)
