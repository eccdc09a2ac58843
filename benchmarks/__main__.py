"""The command line: `python -m benchmarks`. Measures, prints a table, and writes JSON."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from benchmarks import machines
from benchmarks.figures import FIRST, FLOOR, NO_OP, Case, Figures
from benchmarks.tools import HERE, Ansible, Mailfab, Pyinfra, RunError, Tool, fqdn, timed
from fabfile.errors import MailfabError
from fabfile.sandbox.server import Server


class Benchmark:
    """One run: the tools with their servers, and the figures so far."""

    def __init__(self, hosts: int, folder: Path) -> None:
        self.hosts = hosts
        self.folder = folder
        self.figures = Figures()
        python = machines.python_image()
        self.tools: list[Tool] = [
            Mailfab("mailfab", machines.servers("mailfab", 1), folder),
            Ansible("ansible", machines.servers("ansible", 1, python), folder),
            Pyinfra("pyinfra", machines.servers("pyinfra", 1), folder),
        ]
        self.bare = machines.servers("bare", 1)[0]
        self.versions = {tool.name: tool.install() for tool in self.tools}

    def everyone(self) -> list[Server]:
        """Return the servers of all tools."""
        return [server for tool in self.tools for server in tool.servers]

    def first_deploys(self, repeat: int) -> None:
        """Measure deploys to bare servers, one host each, and the bare installation."""
        say("first deploy: fetching the packages once, so that no run has to wait for a mirror")
        self._install_bare()
        case = Case(FIRST, 1, 0)
        for number in range(repeat):
            for name in turned([FLOOR, *(tool.name for tool in self.tools)], number):
                if name == FLOOR:
                    self._record(case, name, self._install_bare())
                    continue
                tool = self._tool(name)
                machines.fresh(tool.servers[0])
                machines.wait_until_settled(tool.servers)
                tool.write_inventory()
                run = tool.run()
                self._record(case, name, run.seconds, run.changed)
        self.bare.down()

    def _install_bare(self) -> float:
        machines.fresh(self.bare)
        machines.wait_until_settled([self.bare])
        script = (HERE / "bare_install.sh").read_text(encoding="utf-8")
        seconds, _ = timed([*ssh(self.bare), script], self.folder)
        return seconds

    def prepare(self) -> None:
        """Bring every tool's servers to where that tool has nothing left to do."""
        for tool in self.tools:
            say(f"deploying with {tool.name}")
            first = tool.servers[0]
            if not first.exists:
                machines.fresh(first)
            first.up(latency_ms=0)
            self._settle(tool)
            if self.hosts > 1:
                others = machines.servers(tool.name, self.hosts)[1:]
                tool.servers += machines.clones(first, others)
                machines.wait_until_settled(tool.servers)
                self._settle(tool)

    def _settle(self, tool: Tool) -> None:
        tool.write_inventory()
        for _ in range(3):
            if tool.run().changed == 0:
                return

    def same_work(self) -> list[str]:
        """Return how what the other tools left differs from what mailfab left; best nothing."""
        script = (HERE / "state.sh").read_text(encoding="utf-8")
        found = {}
        for tool in self.tools:
            server = tool.servers[0]
            output = server.shell(script, check=False).stdout
            found[tool.name] = output.replace(fqdn(server), "FQDN").splitlines()
        lines: list[str] = []
        for tool in self.tools[1:]:
            lines += difflib.unified_diff(
                found["mailfab"], found[tool.name], "mailfab", tool.name, n=0, lineterm=""
            )
        return lines

    def no_ops(self, latency: int, repeat: int) -> None:
        """Measure deploys that have nothing to change, and the floor."""
        machines.set_latency(self.everyone(), latency)
        say(f"{latency} ms added to the round trip; each tool once, unmeasured")
        self._floor()
        for tool in self.tools:
            tool.write_inventory()
            tool.run()
        case = Case(NO_OP, self.hosts, latency)
        for number in range(repeat):
            for name in turned([FLOOR, *(tool.name for tool in self.tools)], number):
                if name == FLOOR:
                    self._record(case, name, self._floor())
                else:
                    run = self._tool(name).run()
                    self._record(case, name, run.seconds, run.changed)

    def _floor(self) -> float:
        targets = [f"{s.address}:{s.port(22)}" for s in self._tool("mailfab").servers]
        command = [sys.executable, str(HERE / "floor.py"), str(machines.key()), *targets]
        seconds, _ = timed(command, self.folder)
        return seconds

    def _tool(self, name: str) -> Tool:
        return next(tool for tool in self.tools if tool.name == name)

    def _record(self, case: Case, name: str, seconds: float, changed: int | None = None) -> None:
        self.figures.add(case, name, seconds, changed)
        say(
            f"{case}: {name:<8}{seconds:7.2f} s"
            + ("" if changed is None else f", {changed} changed")
        )


def ssh(server: Server) -> list[str]:
    """Return the ssh command line that leads to a server."""
    return [
        "ssh",
        "-i",
        str(machines.key()),
        "-o",
        f"UserKnownHostsFile={machines.known_hosts()}",
        "-p",
        str(server.port(22)),
        f"root@{server.address}",
    ]


def turned(names: Sequence[str], number: int) -> Iterator[str]:
    """Yield the names, beginning with another one each time: no tool always follows the same."""
    start = number % len(names)
    yield from names[start:]
    yield from names[:start]


def say(text: str) -> None:
    """Tell how it goes on; the table alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="no-op runs of each tool (5)")
    parser.add_argument("--hosts", type=int, default=1, help="servers of each tool (1)")
    parser.add_argument(
        "--latency", default="0,100", help="milliseconds added to the round trip (0,100)"
    )
    parser.add_argument(
        "--first", type=int, default=0, metavar="N", help="also N first deploys of each tool (0)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument("--keep", action="store_true", help="leave the servers as they are")
    return parser.parse_args()


def measure(asked: argparse.Namespace, folder: Path) -> None:
    """Do what the command line asks for."""
    load = [os.getloadavg()[0]]
    benchmark = Benchmark(asked.hosts, folder)
    if asked.first:
        benchmark.first_deploys(asked.first)
    benchmark.prepare()
    differences = benchmark.same_work()
    for latency in asked.latency.split(","):
        benchmark.no_ops(int(latency), asked.repeat)
    load.append(os.getloadavg()[0])
    about: dict[str, object] = {
        "date": date.today().isoformat(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "load": [round(value, 1) for value in load],
        "versions": benchmark.versions,
        "same_work": not differences,
    }
    if asked.json:
        text = json.dumps({**about, **benchmark.figures.as_json()}, indent=2)
        asked.json.write_text(text + "\n", encoding="utf-8")
    report(about, differences, benchmark.figures)


def report(about: dict[str, object], differences: list[str], figures: Figures) -> None:
    """Print the figures and what they say about the targets."""
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print("Seconds: the median of each series, and the smallest and largest.")
    print("\n".join(["", *figures.table(), "", *figures.reports()]))
    if differences:
        print("\nWhat the tools left is NOT the same:", *differences, sep="\n    ")
    else:
        print("what the tools left on their servers is the same")
    print()
    for verdict in figures.verdicts():
        word = "met" if verdict["met"] else "MISSED"
        print(
            f"{word:<7}{verdict['target']}, {verdict['case']}: "
            f"{verdict['ratio']} ({verdict['limit']})"
        )


def main() -> int:
    """Run the benchmark; return its exit code."""
    asked = arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            measure(asked, Path(folder))
    except (MailfabError, RunError) as error:
        say(str(error))
        return 1
    finally:
        if not asked.keep:
            machines.remove_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
