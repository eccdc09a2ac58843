"""One run of the benchmark: its servers, and the tools that take turns on them.

First deploys: all tools use the same servers, reset to their bare image in between. Other work:
each tool has a fleet of its own, so it meets only its own results.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from benchmarks import figures, inventories, machines, meter
from benchmarks.command import RunError
from benchmarks.cost import Cost, digits
from benchmarks.figures import FIRST, NO_OP, ONE_FILE, Case, Figures
from benchmarks.tools import HERE, Tool
from fabfile.sandbox.server import Server

CHANGED_FILE = "/etc/dovecot/dovecot.conf"
CHANGE = "# changed by hand"
SERVES_MAIL = """\
for service in mariadb postfix dovecot; do systemctl --quiet is-active $service || exit 1; done
postconf virtual_mailbox_maps | grep -q mysql
"""


@dataclass
class Benchmark:
    """The tools, their fleets, and the figures measured so far."""

    tools: dict[str, Tool]
    """The measured tools, and the tools whose fleets they use."""
    measured: Sequence[str]
    figures: Figures
    say: Callable[[str], None]
    versions: dict[str, str] = field(default_factory=dict)
    fleets: dict[str, list[Server]] = field(default_factory=dict)

    def install(self) -> None:
        """Install all tools and build the servers' image, unless they exist."""
        for name, tool in self.tools.items():
            self.versions[name] = tool.install()
        machines.python_image()

    def fetch_packages(self) -> None:
        """Download the packages into the lan's cache, so that no run waits for a mirror."""
        self.say("fetching the packages")
        server = machines.fleet("bare", 1)[0]
        machines.be_bare([server], 0)
        server.shell((HERE / "bare_install.sh").read_text(encoding="utf-8"), timeout=1800)

    def remove_bare_servers(self) -> None:
        """Remove the servers of the first deploys: the fleets need their memory."""
        machines.remove(machines.existing("bare"))

    def first_deploys(self, hosts: int, latency: int, repeat: int) -> None:
        """Measure deploys to bare servers, and the plain installation of the packages."""
        case = Case(FIRST, hosts, latency)
        servers = machines.fleet("bare", hosts)

        def renew(_tool: Tool) -> list[Server]:
            machines.be_bare(servers, latency)
            return servers

        self._take_turns(case, repeat, renew)

    def prepare(self, hosts: int) -> None:
        """Start `hosts` servers of each fleet and deploy until the tool changes nothing."""
        for name in {tool.fleet for tool in self.tools.values()}:
            self.say(f"deploying {hosts} with {name}")
            tool = self.tools[name]
            first = machines.fleet(name, 1)[0]
            if name not in self.fleets:
                first.up(latency_ms=0)
                machines.settle([first])
                self._converge(tool, [first])
            self.fleets[name] = machines.copies(first, name, hosts)
            self._converge(tool, self.fleets[name])

    def _converge(self, tool: Tool, servers: Sequence[Server]) -> None:
        machines.set_latency(servers, 0)
        for _ in range(3):
            output = tool.command(servers, NO_OP).run()
            if not tool.changed(output, servers):
                return
        raise RunError(f"{tool.name} still changes something in its third run:\n{output}")

    def differences(self) -> list[str]:
        """Return the differences of the tools' servers from those of the first, as a diff."""
        script = (HERE / "state.sh").read_text(encoding="utf-8")
        found = {}
        for name, servers in self.fleets.items():
            output = servers[0].shell(script, check=False).stdout
            found[name] = output.replace(inventories.fqdn(servers[0]), "FQDN").splitlines()
        first, *others = found
        lines: list[str] = []
        for name in others:
            lines += difflib.unified_diff(found[first], found[name], first, name, n=0, lineterm="")
        return lines

    def no_ops(self, hosts: int, latency: int, repeat: int) -> None:
        """Measure deploys with nothing to change."""
        case = Case(NO_OP, hosts, latency)
        self._take_turns(case, repeat, lambda tool: self._at(tool, latency))

    def one_file(self, hosts: int, latency: int, repeat: int) -> None:
        """Measure deploys that restore one file, which is changed by hand on all hosts."""

        def change(tool: Tool) -> list[Server]:
            servers = self._at(tool, latency)
            # The floor runs `true`: the change would stay for the next tool.
            if tool.name != figures.FLOOR:
                machines.each(servers, lambda s: s.shell(f"echo '{CHANGE}' >>{CHANGED_FILE}"))
            return servers

        self._take_turns(Case(ONE_FILE, hosts, latency), repeat, change)

    def _at(self, tool: Tool, latency: int) -> list[Server]:
        servers = self.fleets[tool.fleet]
        machines.set_latency(servers, latency)
        return servers

    def _take_turns(self, case: Case, repeat: int, prepare: Callable[[Tool], list[Server]]) -> None:
        """Run all tools in turn, `repeat` times, each time on servers prepared for the tool."""
        self.figures.begin(case)
        for number in range(repeat):
            for name in turned(self.measured, number):
                tool = self.tools[name]
                servers = prepare(tool)
                cost, output = meter.measure(tool.command(servers, case.work), servers)
                changed = tool.changed(output, servers)
                self._verify(case, tool, servers, changed)
                today = date.today().isoformat()
                self.figures.add(case, name, cost, changed, today, self.versions[name])
                self.say(f"{case}: {name:<8}{line(cost)}, changed {changed}")

    def _verify(
        self, case: Case, tool: Tool, servers: Sequence[Server], changed: int | None
    ) -> None:
        """Raise RunError or SandboxError for a run that did not do its work."""
        if tool.name == figures.FLOOR:
            return
        if case.work == NO_OP and changed:
            raise RunError(f"{tool.name} changed {changed} things; expected no change")
        if case.work == ONE_FILE:
            script = f"! grep -q '{CHANGE}' {CHANGED_FILE} && doveconf -n >/dev/null"
            machines.each(servers, lambda server: server.shell(script))
        if case.work == FIRST:
            machines.each(servers, lambda server: server.shell(SERVES_MAIL))


def turned(names: Sequence[str], number: int) -> Iterator[str]:
    """Yield the names, rotated by `number`: the first tool changes from round to round."""
    start = number % len(names)
    yield from names[start:]
    yield from names[:start]


def line(cost: Cost) -> str:
    """Return the cost of a run in one line."""
    return (
        f"{digits(cost.seconds):>6} s, {digits(cost.cpu)} s CPU, {cost.memory >> 20} MB, "
        f"{cost.traffic >> 10} kB in {cost.packets} packets, {digits(cost.target_cpu)} s CPU there"
    )
