"""The command line `python -m benchmarks.simulated`: deploy to fleets with nothing to change.

The answers of one real server, deployed in the sandbox, are recorded once. A replay server on
loopback then gives them for any number of hosts.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from datetime import date
from pathlib import Path

from benchmarks import inventories, machines, tables
from benchmarks.command import Command, RunError, environment_for, version_of
from benchmarks.cost import digits
from benchmarks.figures import FLOOR, MAILFAB
from benchmarks.options import numbers
from benchmarks.simulated.fleet import ROOT, Fleet
from benchmarks.simulated.growth import Growth
from benchmarks.simulated.recording import RECORDING
from benchmarks.simulated.watch import watch
from benchmarks.tools import reported
from fabfile.model.errors import MailfabError
from fabfile.sandbox import network
from fabfile.sandbox.server import Server

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "README.md"
SIZES = [1, 10, 100, 300, 1000]
PYTHON = Path(sys.executable)
FAB = PYTHON.with_name("fab")


def arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulated", description=__doc__)
    add = parser.add_argument
    add(
        "--hosts",
        type=numbers,
        default=SIZES,
        help=f"sizes of fleets ({','.join(map(str, SIZES))})",
    )
    add("--repeat", type=int, default=3, help="runs of each size (3)")
    add("--save", action="store_true", help=f"write {RESULTS.name} and show it in {PAGE.name}")
    add("--show", action="store_true", help="measure nothing; show the saved figures")
    add(
        "--recording",
        type=Path,
        metavar="FILE",
        help="use this recording; create it if it is missing",
    )
    return parser.parse_args()


def record(folder: Path, asyncssh_python: Path) -> None:
    """Deploy a real server in the sandbox and write its answers into the folder."""
    server = machines.fleet("recorded", 1, machines.DEBIAN)[0]
    say(f"recording {server.name}")
    try:
        server.up(latency_ms=0)
        machines.settle([server])
        inventories.write_ini([server], folder / "real.ini")
        deploy = [str(FAB), "-H", "mail", "deploy"]
        variables = {"MAILFAB_INVENTORY": str(folder / "real.ini")}
        Command(deploy, ROOT, variables, network.lan()).run()
        fleet = Fleet(folder, 1, inventories.fqdn(server))
        fleet.prepare()
        with fleet.served(asyncssh_python, ssh(server)):
            fleet.floor(PYTHON).run()
            fleet.deploy(FAB).run()
    finally:
        server.down()


def ssh(server: Server) -> list[str]:
    """Return the ssh command line of a server."""
    options = ["-i", str(machines.key()), "-o", f"UserKnownHostsFile={machines.known_hosts()}"]
    return ["ssh", *options, "-p", str(server.port(22)), f"root@{server.address}"]


def measure(asked: argparse.Namespace, folder: Path) -> Growth:
    """Deploy to fleets of all sizes, in turn with bare handshakes."""
    asyncssh_python = environment_for(HERE / "requirements.txt")
    if asked.recording and asked.recording.exists():
        shutil.copyfile(asked.recording, folder / RECORDING)
    else:
        record(folder, asyncssh_python)
        if asked.recording:
            shutil.copyfile(folder / RECORDING, asked.recording)
    growth = Growth()
    growth.about = {
        "Measured on": date.today().isoformat(),
        "mailfab": version_of(PYTHON, "mailfab"),
        "asyncssh": version_of(asyncssh_python, "asyncssh"),
        "CPUs": os.cpu_count(),
        "Python": platform.python_version(),
        "load before": round(os.getloadavg()[0], 1),
    }
    name = inventories.fqdn(machines.fleet("recorded", 1)[0])
    for hosts in asked.hosts:
        fleet = Fleet(folder, hosts, name)
        fleet.prepare()
        with fleet.served(asyncssh_python):
            for _ in range(asked.repeat):
                for program, command in (
                    (FLOOR, fleet.floor(PYTHON)),
                    (MAILFAB, fleet.deploy(FAB)),
                ):
                    run, output = watch(command)
                    if program == MAILFAB and [*reported(output).values()] != [0] * hosts:
                        raise RunError(
                            f"expected {hosts} hosts with 0 changes; fab reported:\n{output}"
                        )
                    growth.add(hosts, program, run)
                    say(
                        f"{hosts:>5} hosts: {program:<8}{digits(run.seconds):>6} s, "
                        f"{digits(run.cpu)} s CPU, {run.memory / 1e6:.0f} MB, "
                        f"{run.threads} threads, {run.descriptors} descriptors"
                    )
    return growth


def main() -> int:
    """Run the benchmark; return its exit code."""
    asked = arguments()
    if asked.show:
        tables.put(PAGE, "simulated", Growth.load(RESULTS).table())
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            growth = measure(asked, Path(folder))
    except (MailfabError, RunError) as error:
        say(str(error))
        return 1
    if asked.save:
        growth.save(RESULTS)
        tables.put(PAGE, "simulated", Growth.load(RESULTS).table())
    print("\n".join(growth.table()))
    return 0


def say(text: str) -> None:
    """Print a line of progress on standard error. Standard output has only the table."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
